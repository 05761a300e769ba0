#include "web/status_archive.h"

#include <algorithm>
#include <chrono>

#include "verdict/recovery_target.h"
#include "wal/file_name.h"
#include "web/words.h"

namespace pgvigil::web {
namespace {

using observe::ArchiveReading;
using verdict::ArchiveNow;

constexpr std::size_t kGapsSaid = 5;
constexpr auto kSkewSaid = std::chrono::seconds(60);

std::string HistoryNames(const std::vector<std::uint32_t>& timelines) {
  std::string names;
  for (const auto timeline : timelines) names.append(names.empty() ? "" : ", ").append(wal::HistoryName(timeline));
  return names;
}

void SayGaps(const ArchiveReading& reading, std::vector<Statement>& says) {
  const auto& gaps = reading.verdict->gaps;
  if (gaps.empty()) return;
  std::size_t pending = 0;
  Statement statement;
  for (const auto& gap : gaps) {
    pending += gap.pending ? 1 : 0;
    if (statement.details.size() >= kGapsSaid) continue;
    statement.details.push_back(GapLine(reading, gap));
  }
  if (gaps.size() > kGapsSaid) statement.details.push_back("and " + std::to_string(gaps.size() - kGapsSaid) + " more");
  const auto confirmed = gaps.size() - pending;
  statement.standing = confirmed > 0 ? Standing::kBroken : Standing::kNote;
  statement.text = reading.state.name + ": WAL is missing in " + Counted(gaps.size(), "place") +
                   (pending > 0 ? "; " + std::to_string(pending) + " of them may still arrive" : "") + ".";
  if (confirmed > 0)
    statement.next = "Copy the segments from where they still are (pg_wal, another archive), or take a new backup.";
  says.push_back(std::move(statement));
}

void SayHistories(const ArchiveReading& reading, std::vector<Statement>& says) {
  const auto& name = reading.state.name;
  const auto& verdict = *reading.verdict;
  if (!verdict.missing_histories.empty()) {
    says.push_back({Standing::kBroken,
                    name + ": recovery needs and does not find " + HistoryNames(verdict.missing_histories) + ".",
                    "Copy it from a server's pg_wal; until then recovery stops at the switch that it describes."});
  }
  if (!verdict.unreadable_histories.empty()) {
    says.push_back({Standing::kBroken,
                    name + ": there, and cannot be read: " + HistoryNames(verdict.unreadable_histories) + ".",
                    "Put a whole copy from a server's pg_wal in its place."});
  }
  if (verdict.highest_timeline > verdict.timeline) {
    says.push_back({Standing::kBroken,
                    name + ": it holds timeline " + std::to_string(verdict.highest_timeline) +
                        ", and the cluster is on " + std::to_string(verdict.timeline) +
                        ": recovery to the latest would follow the wrong one.",
                    "Find out who wrote it before anything is restored."});
  }
  if (verdict.switch_missing_segments > 0) {
    says.push_back({Standing::kBroken,
                    name + ": " + Counted(verdict.switch_missing_segments, "segment") + " written before a promotion " +
                        (verdict.switch_missing_segments == 1 ? "is" : "are") + " not archived.",
                    "Copy what is there out of the new primary's pg_wal at once: it will be recycled."});
  }
}

void SayReach(const ArchiveReading& reading, const ArchiveNow& archive, std::vector<Statement>& says) {
  const auto& name = reading.state.name;
  if (archive.effective == false) {
    says.push_back({Standing::kBroken, name + ": what the server calls archived is not in it.",
                    "Look at archive_command and the place it writes to."});
  }
  if (archive.backlog_segments.value_or(0) > 0) {
    says.push_back({Standing::kNote, name + ": " + Counted(*archive.backlog_segments, "whole segment") +
                                         " that the primary has written " +
                                         (*archive.backlog_segments == 1 ? "is" : "are") + " not archived yet."});
  }
  const auto& wal = reading.state.contents->wal;
  if (!reading.verdict->run_end || !wal.segment_size) return;
  const auto next = reading.verdict->run_end->bytes / wal.segment_size->bytes();
  const auto bad = wal.bad.find(reading.verdict->path.SegmentOf(next, *wal.segment_size));
  if (bad != wal.bad.end()) {
    says.push_back({Standing::kNote, name + ": " + SegmentName(reading, bad->first) +
                                         " is there, where the proven WAL ends, and " + BadText(bad->second) + "."});
  }
  for (const auto& [segment, stored] : wal.partial) {
    if (segment.number != next || wal.stored.Contains(segment)) continue;
    says.push_back({Standing::kNote, name + ": " + SegmentName(reading, segment) +
                                         ".partial is there, where the proven WAL ends. Recovery never asks for it: a "
                                         "person could rename it to win what it holds."});
  }
}

void SayConflicts(const ArchiveReading& reading, const ArchiveNow& archive, std::vector<Statement>& says) {
  if (!archive.conflicts) return;
  const auto& conflicts = *archive.conflicts;
  std::vector<std::string> signs;
  if (conflicts.strangers > 0) signs.push_back("backups of a system identifier that is not the cluster's");
  if (conflicts.timeline > 0)
    signs.push_back(Counted(conflicts.timeline, "segment") + " on timelines that are not the cluster's");
  if (conflicts.position > 0)
    signs.push_back(Counted(conflicts.position, "segment") + " that the primary has not written yet");
  if (signs.empty()) return;
  says.push_back({Standing::kBroken, reading.state.name + ": somebody else writes to it.",
                  "Give every cluster a place of its own; stop an old primary that still archives.", std::move(signs)});
}

std::string MomentsText(const cluster::Backup& from, const std::optional<base::WallTime>& end) {
  const auto restorable = cluster::RestorableFrom(from);
  const auto start = restorable ? SpokenMoment(*restorable) : "the end of backup " + from.id;
  if (end && restorable && *end <= *restorable) return "the moment " + start + ", and no later one yet";
  return "any moment from " + start + " to " + (end ? SpokenMoment(*end) : "one that is not known");
}

}  // namespace

std::string SegmentName(const ArchiveReading& reading, const wal::Segment& segment) {
  const auto& size = reading.state.contents->wal.segment_size;
  return size ? wal::FileName(segment, *size) : std::string();
}

std::string BadText(const cluster::BadSegment& bad) {
  if (!bad.damage.empty()) return "is damaged: " + bad.damage;
  return bad.bytes == 0 ? "is empty" : "is no whole segment: " + SpokenBytes(static_cast<double>(bad.bytes));
}

std::size_t NewestTo(const ArchiveReading& reading, const verdict::Window& window) {
  const auto& backups = reading.state.contents->catalogue.backups;
  auto newest = window.from;
  for (std::size_t i = 0; i < backups.size(); ++i) {
    const auto& judged = reading.verdict->backups[i];
    if (backups[i].method != window.method || judged.reach != window.end) continue;
    if (backups[i].end_time > backups[newest].end_time) newest = i;
  }
  return newest;
}

std::string GapLine(const ArchiveReading& reading, const verdict::Gap& gap) {
  auto line = SegmentName(reading, gap.first);
  if (gap.segments > 1) line += " to " + SegmentName(reading, gap.last);
  line += ": " + Counted(gap.segments, "segment");
  if (gap.pending) line += ", pending";
  return line + ", since " + SpokenMoment(gap.since);
}

std::string BackupLine(const ArchiveReading& reading, std::size_t index) {
  const auto& backup = reading.state.contents->catalogue.backups[index];
  const auto& judged = reading.verdict->backups[index];
  std::string line =
      backup.id + " (" + std::string(cluster::Name(backup.method)) + ", " + std::string(cluster::Name(backup.type));
  if (backup.end_time) line += (backup.end_time_is_upload ? ", stored " : ", ended ") + SpokenMoment(*backup.end_time);
  if (backup.stored_bytes > 0) line += ", " + SpokenBytes(static_cast<double>(backup.stored_bytes));
  line += "): ";
  if (!reading.state.contents->proves) {
    line += backup.outcome == cluster::BackupOutcome::kDone ? "done, as the tool says" : "not done, as the tool says";
    return line;
  }
  line += std::string(verdict::Name(judged.state));
  if (!judged.why.empty()) line += ": " + judged.why;
  return line;
}

std::string WindowText(const ArchiveReading& reading, const ArchiveNow& archive, std::size_t index) {
  const auto& window = reading.verdict->windows[index];
  const auto& from = reading.state.contents->catalogue.backups[window.from];
  return MomentsText(from, archive.window_ends[index]) + ", proven by backup " + from.id + " and unbroken WAL up to " +
         wal::Format(window.end) + ".";
}

std::vector<std::string> WindowTargets(const ArchiveReading& reading, const ArchiveNow& archive, std::size_t index) {
  const auto& window = reading.verdict->windows[index];
  const auto& backups = reading.state.contents->catalogue.backups;
  const auto& from = backups[window.from];
  std::vector<std::string> lines;
  lines.push_back("to the start: restore backup " + from.id + ", then " +
                  verdict::StartTarget(cluster::RestorableFrom(from), archive.commits_follow[index]));
  // Restoring to the end takes least from the newest backup that gets there.
  lines.push_back("to the end: restore backup " + backups[NewestTo(reading, window)].id + ", then " +
                  verdict::EndTarget(reading.state.contents->wal, *reading.verdict, window));
  if (const auto timeline = verdict::TimelineTarget(*reading.verdict, window))
    lines.push_back("in both cases: " + *timeline);
  return lines;
}

void SayWalTrouble(const ArchiveReading& reading, const ArchiveNow& archive, std::vector<Statement>& says) {
  SayGaps(reading, says);
  SayHistories(reading, says);
  SayReach(reading, archive, says);
  SayConflicts(reading, archive, says);
}

void SayClockSkew(const ArchiveReading& reading, std::vector<Statement>& says) {
  const auto& skew = reading.state.clock_skew;
  if (!skew || std::chrono::abs(*skew) <= kSkewSaid) return;
  says.push_back({Standing::kBroken,
                  reading.state.name + ": the store's clock is " +
                      SpokenSeconds(base::Seconds(std::chrono::abs(*skew))) +
                      (skew->count() > 0 ? " ahead of" : " behind") + " pgvigil's.",
                  "Set both clocks: ages of uploads are wrong until then."});
}

}  // namespace pgvigil::web

#include "cli/audit_text.h"

#include <algorithm>
#include <set>

#include "cli/words.h"
#include "wal/file_name.h"
#include "web/status_archive.h"
#include "web/words.h"

namespace pgvigil::cli {
namespace {

using verdict::Branch;
using web::SpokenMoment;

constexpr std::size_t kRunsSaid = 12;  // of one timeline: an archive full of holes would fill the screen

class Renderer {
 public:
  explicit Renderer(const ArchiveAudit& audit) : audit_(audit), reading_(audit.reading) {}

  std::string Render() {
    const auto& state = reading_.state;
    Line("Archive " + state.name + " of cluster " + audit_.cluster + (state.place.empty() ? "" : ": " + state.place));
    if (audit_.soundness != verdict::Soundness::kUnreadable) {
      Line("Read " + SpokenMoment(state.contents->began_at) + ", from the store alone: no server was asked.");
      Timelines();
      Backups();
      if (audit_.content_wanted) Content();
      Gaps();
      Orphans();
      Windows();
    }
    Verdict();
    return std::move(text_);
  }

 private:
  void Line(const std::string& line) { text_ += Printable(line) + "\n"; }
  void Title(const std::string& title) { text_ += "\n" + title + "\n"; }

  const cluster::ArchiveContents& Contents() const { return *reading_.state.contents; }
  const cluster::Backup& BackupAt(std::size_t index) const { return Contents().catalogue.backups[index]; }
  std::string NameOf(const wal::Segment& segment) const { return web::SegmentName(reading_, segment); }

  // -- timelines

  void Timelines() {
    Title("Timelines");
    if (audit_.branches.empty()) Line("  no WAL is stored");
    for (const auto& branch : audit_.branches) {
      if (!branch.parent) Draw(branch, "  ", "  ");
    }
  }

  // `stem` stands before its own line, `margin` before those below it.
  void Draw(const Branch& branch, const std::string& stem, const std::string& margin) {
    std::vector<const Branch*> children;
    for (const auto& other : audit_.branches) {
      if (other.parent == branch.timeline) children.push_back(&other);
    }
    Line(stem + BranchLine(branch));
    const auto below = margin + (children.empty() ? "    " : "|   ");
    for (const auto& run : Runs(branch.timeline)) Line(below + run);
    std::sort(children.begin(), children.end(), [](const auto* a, const auto* b) { return a->begin < b->begin; });
    for (const auto* child : children)
      Draw(*child, margin + "+-- ", margin + (child == children.back() ? "    " : "|   "));
  }

  static std::string BranchLine(const Branch& branch) {
    auto line = "timeline " + std::to_string(branch.timeline);
    if (branch.begin) line += ", from " + wal::Format(*branch.begin);
    if (branch.left) line += ", left at " + wal::Format(*branch.left);
    if (branch.on_path && !branch.left) line += ", the newest";
    if (!branch.on_path) line += branch.begin ? ", a branch that was left" : ", where it began is not known";
    const auto history = wal::HistoryName(branch.timeline);
    if (branch.history == Branch::History::kMissing) line += "; " + history + " IS MISSING";
    if (branch.history == Branch::History::kUnreadable) line += "; " + history + " CANNOT BE READ";
    return line;
  }

  std::vector<std::string> Runs(std::uint32_t timeline) const {
    std::vector<std::string> runs;
    const auto& wal = Contents().wal;
    const auto take = [&](const wal::SegmentSet& segments, const std::string& note) {
      for (const auto& run : segments.Intervals(timeline)) {
        auto line = NameOf({timeline, run.first});
        if (run.size() > 1) line.append(" to ").append(NameOf({timeline, run.last}));
        runs.push_back(line.append(": ").append(web::Counted(run.size(), "segment")).append(note));
      }
    };
    take(wal.stored, "");
    take(wal.in_archive_tier, " in an archive tier");
    for (const auto& [segment, bad] : wal.bad) {
      if (segment.timeline != timeline) continue;
      runs.push_back(NameOf(segment) + (bad.damage.empty()
                                            ? ": NOT WHOLE, " + web::SpokenBytes(static_cast<double>(bad.bytes))
                                            : ": DAMAGED, " + bad.damage));
    }
    for (const auto& [segment, stored] : wal.partial) {
      if (segment.timeline == timeline) runs.push_back(NameOf(segment) + ".partial");
    }
    if (runs.empty()) runs.emplace_back("no WAL is stored");
    if (runs.size() > kRunsSaid) {
      const auto more = runs.size() - kRunsSaid;
      runs.resize(kRunsSaid);
      runs.push_back("and " + std::to_string(more) + " more");
    }
    return runs;
  }

  // -- backups

  void Backups() {
    Title("Backups");
    if (Contents().catalogue.backups.empty()) Line("  none");
    for (std::size_t i = 0; i < Contents().catalogue.backups.size(); ++i) Line("  " + web::BackupLine(reading_, i));
  }

  // -- content

  void Content() {
    Title("Content of the backups");
    if (audit_.contents.empty()) Line("  there is no backup to look into");
    for (const auto& content : audit_.contents) {
      const auto& id = BackupAt(content.backup).id;
      if (!content.not_read.empty()) {
        Line("  " + id + ": not read: " + content.not_read);
        continue;
      }
      auto line = id + ": " + web::Counted(content.files, "file") + ", " +
                  web::SpokenBytes(static_cast<double>(content.bytes)) + " read, ";
      if (content.error) line += "not to the end: " + web::SpokenError(*content.error) + "; ";
      line += content.found == 0 ? (content.error ? "nothing wrong so far" : "nothing wrong")
                                 : std::to_string(content.found) + " wrong";
      Line("  " + line);
      Notes(content.findings, content.found, "");
      Notes(content.unchecked, content.not_checked, "not checked: ");
    }
    if (audit_.wal) WalContent(*audit_.wal);
  }

  void WalContent(const cli::WalContent& wal) {
    auto line =
        "WAL: " + web::Counted(wal.files, "segment") + ", " + web::SpokenBytes(static_cast<double>(wal.bytes)) + ", ";
    if (wal.error) line += "not to the end: " + web::SpokenError(*wal.error) + "; ";
    line += wal.damaged.empty() ? "nothing wrong" : std::to_string(wal.damaged.size()) + " damaged";
    Line("  " + line);
    std::size_t said = 0;
    for (const auto& [segment, damage] : wal.damaged) {
      if (said++ == archive::kNotesKept) break;
      Line("    " + NameOf(segment) + ": " + damage);
    }
    if (wal.damaged.size() > archive::kNotesKept)
      Line("    and " + std::to_string(wal.damaged.size() - archive::kNotesKept) + " more");
  }

  void Notes(const std::vector<archive::ContentNote>& notes, std::uint64_t all, const std::string& mark) {
    for (const auto& note : notes) Line("    " + mark + note.key + ": " + note.what);
    if (all > notes.size()) Line("    " + mark + "and " + std::to_string(all - notes.size()) + " more");
  }

  // -- gaps

  void Gaps() {
    const auto& gaps = reading_.verdict->gaps;
    Title("Gaps in the WAL");
    if (gaps.empty()) Line("  none");
    for (std::size_t i = 0; i < gaps.size(); ++i) {
      Line("  " + web::GapLine(reading_, gaps[i]));
      if (gaps[i].pending) {
        Line("    it is young and may still be filled");
        continue;
      }
      Cost(audit_.costs[i], audit_.last_before[i]);
    }
  }

  void Cost(const verdict::GapCost& cost, const std::optional<base::WallTime>& last) {
    for (const auto index : cost.broken) Line("    backup " + BackupAt(index).id + " needs it and cannot be restored");
    if (!cost.stopped.empty()) Line("    cannot be rolled forward over it: " + Backups(cost.stopped));
    if (!cost.within.empty()) Line("    can be restored as it ended, and no further: " + Backups(cost.within));
    const auto from = "after " + (last ? SpokenMoment(*last) : wal::Format(cost.from));
    if (!cost.resumes) {
      Line("    lost: every moment " + from);
      return;
    }
    const auto& next = BackupAt(*cost.resumes);
    const auto end = cluster::RestorableFrom(next);
    Line("    lost: the moments " + from + " up to " +
         (end ? SpokenMoment(*end) + ", the end of backup " + next.id : "the end of backup " + next.id));
  }

  std::string Backups(const std::vector<std::size_t>& indices) const {
    return (indices.size() == 1 ? "backup " : "backups ") + IdsOf(indices);
  }

  std::string IdsOf(const std::vector<std::size_t>& indices) const {
    std::string ids;
    for (const auto index : indices) ids += (ids.empty() ? "" : ", ") + BackupAt(index).id;
    return ids;
  }

  // -- orphans

  void Orphans() {
    Title("What nothing needs");
    const auto& orphans = audit_.orphans;
    const auto before = text_.size();
    for (const auto index : orphans.backups) Line("  " + web::BackupLine(reading_, index));
    Sum(orphans.before_backups, "WAL before all backups");
    Sum(orphans.left_behind, "WAL of timelines after they were left");
    Sum(orphans.partials, "partial segments that are stored whole or that no restore reads");
    if (text_.size() == before) Line("  none");
  }

  void Sum(const verdict::Orphans::Sum& sum, const std::string& what) {
    if (sum.files == 0) return;
    Line("  " + what + ": " + web::Counted(sum.files, "file") + ", " +
         web::SpokenBytes(static_cast<double>(sum.bytes)));
  }

  // -- windows

  void Windows() {
    Title("What can be restored");
    const auto& windows = reading_.verdict->windows;
    for (std::size_t i = 0; i < windows.size(); ++i) {
      Line("  by " + std::string(cluster::Name(windows[i].method)) + ": " + web::WindowText(reading_, audit_.now, i));
      for (const auto& target : web::WindowTargets(reading_, audit_.now, i)) Line("    " + target);
    }
    if (windows.empty()) Line("  " + WithoutWindow());
    if (audit_.commit_error) Line("  times are not known in full: " + web::SpokenError(*audit_.commit_error));
  }

  std::string WithoutWindow() const {
    const auto& backups = reading_.verdict->backups;
    const bool any = std::any_of(backups.begin(), backups.end(),
                                 [](const auto& judged) { return judged.state == verdict::BackupState::kRestorable; });
    return any ? "no moment can be chosen; backups can be restored as they are" : "nothing";
  }

  void Verdict() {
    std::string why;
    for (const auto& fault : audit_.faults) why += (why.empty() ? ": " : "; ") + fault;
    text_ += "\n";
    Line("Verdict: " + std::string(verdict::Name(audit_.soundness)) + why);
  }

  const ArchiveAudit& audit_;
  const observe::ArchiveReading& reading_;
  std::string text_;
};

}  // namespace

std::string AuditText(const ArchiveAudit& audit) { return Renderer(audit).Render(); }

}  // namespace pgvigil::cli

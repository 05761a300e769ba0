// JudgeArchive against a recovery that is played literally: segment by segment, file by file, in many random archives.
// Positions are quarters of a segment. What a file holds is known byte by byte: the timeline that wrote each quarter.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <set>

#include "unit/verdict/archive_scene.h"

namespace pgvigil::verdict {
namespace {

using Quarters = std::uint64_t;
constexpr Quarters kPerSegment = 4;
constexpr std::uint64_t kSegments = 12;  // numbers 1 to 12

constexpr std::uint32_t kTimelines = 5;

struct Birth {
  std::uint32_t parent = 0;
  Quarters at = 0;
};

enum class There { kNo, kStored, kArchived };

struct File {
  There there = There::kNo;
  base::WallTime uploaded;
  bool confirmed = false;  // missing, by a direct look
};

// What there is, in the simulator's own terms.
struct World {
  std::map<std::uint32_t, Birth> births;  // of timelines 2, 3, ...
  std::uint32_t current = 1;
  std::vector<std::uint32_t> path;  // the ancestry of the current one
  std::array<std::array<File, kSegments + 3>, kTimelines + 1> files;
  std::set<std::uint32_t> histories, unreadable;
  std::vector<cluster::Backup> backups;
  bool sql_knows = false;

  // The timeline that wrote this quarter, as a file of `timeline` holds it.
  std::uint32_t Writer(std::uint32_t timeline, Quarters quarter) const {
    while (timeline > 1 && quarter < births.at(timeline).at) timeline = births.at(timeline).parent;
    return timeline;
  }
  std::vector<std::uint32_t> Ancestry(std::uint32_t timeline) const {  // itself first
    std::vector<std::uint32_t> line{timeline};
    while (line.back() > 1) line.push_back(births.at(line.back()).parent);
    return line;
  }
  std::uint64_t BeginSegment(std::uint32_t timeline) const {
    return timeline == 1 ? 0 : births.at(timeline).at / kPerSegment;
  }
  // The file that recovery to the newest of `line` has to read for a number: a child's as soon as the child began.
  wal::Segment Due(const std::vector<std::uint32_t>& line, std::uint64_t number, bool alone = false) const {
    for (const auto timeline : line) {
      if (alone || BeginSegment(timeline) <= number) return {timeline, number};
    }
    return {1, number};
  }
  bool IsOnPath(std::uint32_t timeline) const { return std::ranges::find(path, timeline) != path.end(); }
  const File& At(wal::Segment segment) const { return files[segment.timeline][segment.number]; }
  bool IsStored(wal::Segment segment) const { return At(segment).there == There::kStored; }
  bool IsThere(wal::Segment segment) const { return At(segment).there != There::kNo; }
  bool Exists(std::uint32_t history) const { return histories.contains(history) || unreadable.contains(history); }
};

Quarters AsQuarters(wal::Lsn lsn) { return lsn.bytes * kPerSegment / kSize.bytes(); }
wal::Lsn AsLsn(Quarters quarters) { return {quarters * kSize.bytes() / kPerSegment}; }

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t Within(std::uint64_t low, std::uint64_t high) { return low + engine_() % (high - low + 1); }
  bool Percent(unsigned chance) { return engine_() % 100 < chance; }

 private:
  std::mt19937_64 engine_;
};

void BearTimelines(Dice& dice, World& world) {
  const auto count = dice.Within(1, kTimelines);
  for (std::uint32_t timeline = 2; timeline <= count; ++timeline) {
    const auto parent = dice.Percent(75) ? timeline - 1 : static_cast<std::uint32_t>(dice.Within(1, timeline - 1));
    const auto begin = parent == 1 ? kPerSegment : world.births[parent].at;
    auto at = dice.Within(begin, std::min(begin + 4 * kPerSegment, kSegments * kPerSegment));
    if (dice.Percent(30)) at = std::max(begin, at / kPerSegment * kPerSegment);
    world.births[timeline] = {parent, at};
  }
  world.current = static_cast<std::uint32_t>(dice.Percent(85) ? count : dice.Within(1, count));
  world.path = world.Ancestry(world.current);
  world.sql_knows = dice.Percent(50);
}

void Upload(Dice& dice, World& world) {
  const unsigned chance = dice.Percent(30) ? 100 : dice.Percent(70) ? 96 : 75;
  const unsigned archived = dice.Percent(80) ? 0 : 5;
  for (std::uint32_t timeline = 1; timeline <= world.births.size() + 1; ++timeline) {
    for (auto number = std::max<std::uint64_t>(1, world.BeginSegment(timeline)); number <= kSegments; ++number) {
      const bool on_path = world.Due(world.path, number).timeline == timeline;
      auto& file = world.files[timeline][number];
      file.confirmed = dice.Percent(50);
      if (!dice.Percent(on_path ? chance : 30)) continue;
      file.there = dice.Percent(archived) ? There::kArchived : There::kStored;
      file.uploaded = kNow - std::chrono::minutes(dice.Within(1, 10));
    }
  }
  for (std::uint32_t timeline = 2; timeline <= world.births.size() + 1; ++timeline) {
    if (dice.Percent(8)) continue;
    (dice.Percent(5) ? world.unreadable : world.histories).insert(timeline);
  }
}

void TakeBackups(Dice& dice, World& world) {
  const auto count = dice.Within(0, 4);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto timeline = static_cast<std::uint32_t>(dice.Within(1, world.births.size() + 1));
    const auto low = timeline == 1 ? kPerSegment : world.births[timeline].at;
    const auto begin = dice.Within(low, std::max(low, kSegments * kPerSegment));
    auto backup = BackupOf("b" + std::to_string(i), timeline, 0, 0, static_cast<double>(i + 1));
    backup.begin = AsLsn(begin);
    backup.end = AsLsn(begin + dice.Within(1, 2 * kPerSegment));
    for (const auto& [child, birth] : world.births) {  // a standby's may end on a child
      if (birth.parent != timeline || birth.at < begin || birth.at >= AsQuarters(*backup.end)) continue;
      if (dice.Percent(70)) backup.end_timeline = child;
    }
    backup.self_contained = dice.Percent(15);
    if (dice.Percent(5)) backup.flaws = {"data part 2 is missing"};
    if (dice.Percent(5)) backup.keep = "standalone";
    backup.method = dice.Percent(70) ? cluster::BackupMethod::kBarman : cluster::BackupMethod::kSnapshot;
    world.backups.push_back(backup);
  }
}

cluster::ArchiveContents Contents(const World& world) {
  cluster::ArchiveContents contents;
  auto& wal = contents.wal;
  wal.segment_size = kSize;
  for (std::uint32_t timeline = 1; timeline <= kTimelines; ++timeline) {
    for (std::uint64_t number = 1; number <= kSegments; ++number) {
      const wal::Segment segment{timeline, number};
      const auto& file = world.At(segment);
      if (file.there == There::kStored) wal.stored.Add(segment, file.uploaded);
      if (file.there == There::kArchived) wal.in_archive_tier.Add(segment, file.uploaded);
      if (file.confirmed) wal.confirmed_missing[segment] = kNow;
      if (file.there == There::kNo && timeline == world.current) {  // these may make no difference
        wal.partial[segment] = kNow;
        wal.bad[segment] = {100, kNow, {}};
      }
    }
  }
  for (const auto timeline : world.unreadable) wal.histories[timeline] = {{}, base::Error{}, kNow};
  for (const auto timeline : world.histories) {
    wal::History history{timeline, {}};
    const auto line = world.Ancestry(timeline);
    for (auto child = line.rbegin(); std::next(child) != line.rend(); ++child)
      history.switches.push_back({*child, AsLsn(world.births.at(*std::next(child)).at), {}});
    wal.histories[timeline] = {history, {}, kNow};
  }
  contents.catalogue.backups = world.backups;
  return contents;
}

KnownPath Known(const World& world) {
  KnownPath known{world.current, {}};
  if (!world.sql_knows) return known;
  for (const auto timeline : world.path) {
    if (timeline > 1) known.switches[timeline] = AsLsn(world.births.at(timeline).at);
  }
  return known;
}

// Whether the store and SQL together tell the path of the cluster. What is judged without is a guess, and named as one
// by a missing history.
bool IsPathTold(const World& world) {
  if (world.current == 1 || world.histories.contains(world.current)) return true;
  for (auto timeline = world.current - 1; timeline > 0; --timeline) {
    if (!world.IsOnPath(timeline)) return false;  // a branch may be taken for a part of the path
    if (timeline == 1 || world.histories.contains(timeline)) break;
  }
  return world.sql_knows;
}

struct Played {
  Quarters reach = 0;
  std::optional<wal::Segment> missing;  // absent: what comes next is of another branch
};

// Recovery with `latest` from a position on a timeline, up to the first byte that the cluster's path does not have.
Played Recover(const World& world, std::uint32_t from, Quarters begin) {
  auto target = from;
  while (target < world.current && world.Exists(target + 1)) ++target;
  while (target > from && !world.histories.contains(target)) --target;
  const bool alone = !world.histories.contains(target);
  const auto line = alone ? std::vector{target} : world.Ancestry(target);
  for (auto number = begin / kPerSegment;; ++number) {
    const auto due = world.Due(line, number, alone);
    const auto first = number * kPerSegment;
    if (!world.IsStored(due)) {
      const bool ours = world.Writer(due.timeline, first) == world.Writer(world.current, first);
      return {first, ours ? std::optional(due) : std::nullopt};
    }
    for (auto quarter = first; quarter < (number + 1) * kPerSegment; ++quarter) {
      if (world.Writer(due.timeline, quarter) != world.Writer(world.current, quarter)) return {quarter, {}};
    }
  }
}

bool BelongsToPath(const World& world, const cluster::Backup& backup) {
  for (auto quarter = AsQuarters(*backup.begin); quarter < AsQuarters(*backup.end); ++quarter) {
    if (world.Writer(backup.end_timeline, quarter) != world.Writer(world.current, quarter)) return false;
  }
  return world.IsOnPath(backup.begin_timeline) && world.IsOnPath(backup.end_timeline);
}

struct Expected {
  BackupState state = BackupState::kBroken;
  std::optional<Quarters> reach;
};

Expected Expect(const World& world, const cluster::Backup& backup) {
  if (!backup.flaws.empty() || !BelongsToPath(world, backup)) return {};
  const auto end = AsQuarters(*backup.end);
  const auto played = Recover(world, backup.begin_timeline, backup.self_contained ? end : AsQuarters(*backup.begin));
  if (backup.self_contained) return {BackupState::kRestorable, std::max(end, played.reach)};
  if (played.reach >= end) return {BackupState::kRestorable, played.reach};
  const bool archived = played.missing && world.IsThere(*played.missing);
  return {archived ? BackupState::kArchivedTier : BackupState::kBroken, {}};
}

struct ExpectedGap {
  wal::Segment first, last;
  bool pending = false;
  friend bool operator==(const ExpectedGap&, const ExpectedGap&) = default;
};

std::vector<ExpectedGap> ExpectGaps(const World& world) {
  const auto is_there = [&](std::uint64_t number) { return world.IsThere(world.Due(world.path, number)); };
  std::optional<std::uint64_t> from;
  for (const auto& backup : world.backups) {
    if (!backup.flaws.empty() || backup.keep == "standalone" || !BelongsToPath(world, backup)) continue;
    const auto number = AsQuarters(backup.self_contained ? *backup.end : *backup.begin) / kPerSegment;
    from = from ? std::min(*from, number) : number;
  }
  for (std::uint64_t number = 1; !from && number <= kSegments; ++number) {
    if (world.IsStored(world.Due(world.path, number))) from = number;
  }
  std::vector<ExpectedGap> gaps;
  bool open = false;
  for (auto number = from.value_or(kSegments + 1); number <= kSegments; ++number) {
    const auto due = world.Due(world.path, number);
    if (is_there(number)) {
      if (open)
        gaps.back().pending =
            kNow - world.At(due).uploaded < std::chrono::minutes(5) || !world.At(gaps.back().first).confirmed;
      open = false;
      continue;
    }
    if (!open) gaps.push_back({due, due, false});
    gaps.back().last = due;
    open = true;
  }
  if (open) gaps.pop_back();  // nothing is stored behind it
  return gaps;
}

std::optional<Quarters> ExpectRunEnd(const World& world, std::optional<Quarters> proven) {
  const auto is_stored = [&](std::uint64_t number) { return world.IsStored(world.Due(world.path, number)); };
  std::optional<std::uint64_t> number;
  for (std::uint64_t oldest = kSegments; oldest > 0; --oldest) {
    if (is_stored(oldest)) number = oldest;
  }
  if (!number) return std::nullopt;
  if (proven) {
    const auto lowest = *number;
    number = (*proven - 1) / kPerSegment;
    while (*number > lowest && !is_stored(*number)) --*number;
    if (!is_stored(*number)) return (*proven - 1) / kPerSegment * kPerSegment;
  }
  while (is_stored(*number)) ++*number;
  return *number * kPerSegment;
}

std::string Describe(const World& world) {
  std::string text = "current " + std::to_string(world.current) + (world.sql_knows ? " known" : "");
  for (const auto& [timeline, birth] : world.births) {
    text += "; " + std::to_string(timeline) + " from " + std::to_string(birth.parent) + " at " +
            std::to_string(static_cast<double>(birth.at) / kPerSegment) +
            (world.Exists(timeline) ? "" : " (no history)") +
            (world.unreadable.contains(timeline) ? " (unreadable)" : "");
  }
  for (std::uint32_t timeline = 1; timeline <= kTimelines; ++timeline) {
    for (std::uint64_t number = 1; number <= kSegments; ++number) {
      if (!world.IsThere({timeline, number})) continue;
      text +=
          (world.IsStored({timeline, number}) ? " " : " !") + std::to_string(timeline) + "/" + std::to_string(number);
    }
  }
  for (const auto& backup : world.backups) {
    text += "; " + backup.id + " on " + std::to_string(backup.begin_timeline) + ".." +
            std::to_string(backup.end_timeline) + " from " + std::to_string(Segments(backup.begin)) + " to " +
            std::to_string(Segments(backup.end)) + (backup.self_contained ? " self-contained" : "") + backup.keep;
  }
  return text;
}

void CheckBackups(const World& world, const ArchiveVerdict& verdict) {
  std::optional<wal::Lsn> end;
  std::map<cluster::BackupMethod, wal::Lsn> ends;
  for (std::size_t i = 0; i < world.backups.size(); ++i) {
    const auto expected = Expect(world, world.backups[i]);
    const auto& judged = verdict.backups[i];
    EXPECT_EQ(Name(judged.state), Name(expected.state)) << world.backups[i].id << ": " << judged.why;
    EXPECT_EQ(judged.why.empty(), judged.state == BackupState::kRestorable);
    const auto reach = expected.reach ? std::optional(AsLsn(*expected.reach)) : std::nullopt;
    EXPECT_EQ(Segments(judged.reach), Segments(reach)) << world.backups[i].id;
    if (!reach) continue;
    end = std::max(end, reach);
    auto& of_method = ends[world.backups[i].method];
    of_method = std::max(of_method, *reach);
  }
  EXPECT_EQ(Segments(verdict.proven_end), Segments(end));
  EXPECT_EQ(verdict.windows.size(), ends.size());
  for (const auto& window : verdict.windows) {
    EXPECT_EQ(Segments(window.end), Segments(ends[window.method]));
    for (std::size_t i = 0; i < window.from; ++i) {  // they are in the order of their ends
      const bool same = world.backups[i].method == window.method && verdict.backups[i].reach == window.end;
      EXPECT_FALSE(same) << "the window begins before " << world.backups[window.from].id;
    }
  }
}

void CheckWal(const World& world, const ArchiveVerdict& verdict) {
  std::vector<ExpectedGap> gaps;
  for (const auto& gap : verdict.gaps) {
    gaps.push_back({gap.first, gap.last, gap.pending});
    EXPECT_EQ(gap.segments, gap.last.number - gap.first.number + 1);
  }
  EXPECT_TRUE(gaps == ExpectGaps(world));
  const auto proven = verdict.proven_end ? std::optional(AsQuarters(*verdict.proven_end)) : std::nullopt;
  const auto run = ExpectRunEnd(world, proven);
  if (!run) return;  // then it is where the oldest backup's WAL would be
  EXPECT_EQ(Segments(verdict.run_end), static_cast<double>(*run) / kPerSegment);

  std::uint64_t missing = 0;
  for (auto number = *run / kPerSegment; number < world.BeginSegment(world.current); ++number) {
    missing += world.IsThere(world.Due(world.path, number)) ? 0 : 1;
  }
  EXPECT_EQ(verdict.switch_missing_segments, missing);
}

TEST(RecoveryModelTest, TheVerdictIsWhatALiteralRecoveryDoes) {
  constexpr std::uint64_t kWorlds = 100'000;
  std::uint64_t told = 0, restorable = 0, gaps = 0, limited = 0;
  for (std::uint64_t seed = 1; seed <= kWorlds && !HasFailure(); ++seed) {
    Dice dice(seed);
    World world;
    BearTimelines(dice, world);
    Upload(dice, world);
    TakeBackups(dice, world);
    if (!IsPathTold(world)) continue;
    ++told;
    const auto verdict = JudgeArchive(Contents(world), {}, Known(world), kNow);
    CheckBackups(world, verdict);
    CheckWal(world, verdict);
    if (HasFailure()) ADD_FAILURE() << "seed " << seed << ": " << Describe(world);
    restorable += verdict.proven_end ? 1 : 0;
    gaps += verdict.gaps.empty() ? 0 : 1;
    limited += verdict.missing_histories.empty() ? 0 : 1;
  }
  // The worlds are worth their while.
  EXPECT_GT(told, kWorlds * 9 / 10);
  EXPECT_GT(restorable, kWorlds / 4);
  EXPECT_GT(gaps, kWorlds / 4);
  EXPECT_GT(limited, kWorlds / 20);
}

}  // namespace
}  // namespace pgvigil::verdict

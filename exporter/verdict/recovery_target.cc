#include "verdict/recovery_target.h"

#include "base/clock.h"

namespace pgvigil::verdict {

std::string TimeTarget(base::WallTime moment) {
  return "recovery_target_time = '" + base::FormatTime(moment, ' ') + "+00'";
}

base::WallTime StartMoment(base::WallTime start) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(start);
  return start == whole ? start + std::chrono::seconds(1) : start;
}

std::string StartTarget(std::optional<base::WallTime> start, bool commit_follows) {
  if (!start || !commit_follows) return "recovery_target = 'immediate'";
  return TimeTarget(StartMoment(*start));
}

std::string EndTarget(const cluster::WalInventory& wal, const ArchiveVerdict& archive, const Window& window) {
  std::string target = "no target: to the end of WAL";
  if (!wal.segment_size) return target;
  const auto next = archive.path.SegmentOf(window.end.bytes / wal.segment_size->bytes(), *wal.segment_size);
  const auto bad = wal.bad.find(next);
  if (bad == wal.bad.end() || !bad->second.damage.empty()) return target;
  return target + ", once " + wal::FileName(next, *wal.segment_size) + " is out of the archive: recovery fails at it";
}

std::optional<std::string> TimelineTarget(const ArchiveVerdict& archive, const Window& window) {
  const auto named = [](std::uint32_t timeline) {
    return "recovery_target_timeline = '" + std::to_string(timeline) + "'";
  };
  if (archive.highest_timeline > archive.timeline) return named(archive.timeline);
  if (archive.unreadable_histories.empty() || window.end.bytes == 0) return std::nullopt;
  return named(archive.path.At({window.end.bytes - 1}).timeline);
}

}  // namespace pgvigil::verdict

#include "verdict/backup_summary.h"

#include <algorithm>
#include <map>
#include <utility>

namespace pgvigil::verdict {
namespace {

using cluster::Backup;
using cluster::BackupOutcome;

constexpr std::size_t kUsualOf = 10;

std::optional<double> Median(std::vector<double> values) {
  if (values.empty()) return std::nullopt;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// The newest value, and the median of those before it. `values`: oldest first.
void LastAndUsual(std::vector<double> values, std::optional<double>& last, std::optional<double>& usual) {
  if (values.empty()) return;
  last = values.back();
  values.pop_back();
  if (values.size() > kUsualOf) values.erase(values.begin(), values.end() - static_cast<std::ptrdiff_t>(kUsualOf));
  usual = Median(std::move(values));
}

BackupsOfType OfType(const std::vector<std::pair<const Backup*, BackupState>>& backups) {
  BackupsOfType result;
  result.method = backups.front().first->method;
  result.type = backups.front().first->type;
  std::vector<std::pair<base::WallTime, const Backup*>> done;
  for (const auto& [backup, state] : backups) {
    if (state == BackupState::kRestorable) result.last_proven = std::max(result.last_proven, backup->end_time);
    if (state == BackupState::kFailed) {
      const auto began = backup->begin_time ? backup->begin_time : backup->first_stored;
      result.last_failure = std::max(result.last_failure, began);
    }
    if (backup->outcome == BackupOutcome::kDone && backup->end_time) done.emplace_back(*backup->end_time, backup);
  }
  if (done.empty()) return result;
  std::sort(done.begin(), done.end());
  result.last_claimed = done.back().first;
  std::vector<double> seconds, bytes;
  for (const auto& [end, backup] : done) {
    if (backup->begin_time) seconds.push_back(base::Seconds(end - *backup->begin_time));
    if (backup->stored_bytes > 0) bytes.push_back(static_cast<double>(backup->stored_bytes));
  }
  LastAndUsual(std::move(seconds), result.last_seconds, result.usual_seconds);
  LastAndUsual(std::move(bytes), result.last_bytes, result.usual_bytes);
  return result;
}

}  // namespace

BackupSummary Summarize(const cluster::BackupCatalogue& catalogue, const std::vector<BackupVerdict>& verdicts) {
  std::map<std::pair<cluster::BackupMethod, cluster::BackupType>, std::vector<std::pair<const Backup*, BackupState>>>
      by_type;
  std::map<cluster::BackupMethod, BackupsOfMethod> by_method;
  for (std::size_t i = 0; i < catalogue.backups.size(); ++i) {
    const auto& backup = catalogue.backups[i];
    const auto state = verdicts[i].state;
    by_type[{backup.method, backup.type}].emplace_back(&backup, state);
    auto& method = by_method[backup.method];
    method.method = backup.method;
    ++method.states[static_cast<std::size_t>(state)];
    if (backup.outcome != BackupOutcome::kDone || !backup.end_time) continue;
    if (!method.oldest_done || *backup.end_time < *method.oldest_done) method.oldest_done = backup.end_time;
  }
  BackupSummary summary;
  for (const auto& [key, backups] : by_type) summary.types.push_back(OfType(backups));
  for (const auto& [key, method] : by_method) summary.methods.push_back(method);
  return summary;
}

}  // namespace pgvigil::verdict

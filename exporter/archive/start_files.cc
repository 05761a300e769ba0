#include "archive/start_files.h"

#include <algorithm>

#include "archive/base_backup.h"
#include "archive/control_file.h"

namespace pgvigil::archive {
namespace {

constexpr std::uint64_t kKept = 16 << 10;  // bytes: each of them is shorter

}  // namespace

void StartFiles::Begin(std::string_view path, const std::string& name) {
  current_ = nullptr;
  if (path == "backup_label") current_ = &label_.emplace(File{name, {}});
  if (path == "global/pg_control") current_ = &control_.emplace(File{name, {}});
}

void StartFiles::Content(std::string_view bytes) {
  if (current_ == nullptr) return;
  current_->bytes.append(bytes.substr(0, kKept - std::min<std::size_t>(kKept, current_->bytes.size())));
}

void StartFiles::Judge(const cluster::Backup& backup, const std::string& place, ContentReading& reading) const {
  if (!label_) {
    reading.Found(place, "backup_label is missing: PostgreSQL would start from it as after a crash");
  } else if (const auto label = ParseBackupLabel(label_->bytes, label_->name); !label.ok()) {
    reading.Found(label_->name, label.error().message);
  } else if (backup.begin && label->begin != backup.begin) {
    reading.Found(label_->name, "expected a backup that begins at " + wal::Format(*backup.begin) +
                                    ", found one that begins at " + wal::Format(*label->begin));
  }
  if (!control_) {
    reading.Found(place, "global/pg_control is missing");
    return;
  }
  const auto control = ParseControlFile(control_->bytes);
  if (!control.ok() && control.error().kind == base::ErrorKind::kUnsupported)
    reading.NotChecked(control_->name, control.error().message);
  else if (!control.ok())
    reading.Found(control_->name, control.error().message);
  else if (!backup.system_identifier.empty() && control->system_identifier != backup.system_identifier)
    reading.Found(control_->name, "expected system identifier " + backup.system_identifier + ", found " +
                                      control->system_identifier + ": it is of another cluster");
}

}  // namespace pgvigil::archive

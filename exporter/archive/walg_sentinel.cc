#include "archive/walg_sentinel.h"

#include "archive/backup_info.h"
#include "json/fields.h"
#include "wal/file_name.h"

namespace pgvigil::archive {
namespace {

using json::IsTrue;
using json::Member;
using json::NumberOf;
using json::TextOf;

std::optional<wal::Lsn> LsnOf(const json::Value& value) {
  const auto bytes = NumberOf(value);
  return bytes ? std::optional(wal::Lsn{*bytes}) : std::nullopt;
}

// "who=nightly", from what a person gave as user data.
std::string UserData(const json::Value& value) {
  if (value.is_string()) return TextOf(value);
  std::string text;
  if (!value.is_object()) return text;
  for (const auto& [key, of_key] : value.items()) text += (text.empty() ? "" : ", ") + key + "=" + TextOf(of_key);
  return text;
}

}  // namespace

std::optional<std::uint32_t> WalgTimeline(std::string_view name) {
  constexpr std::string_view kBase = "base_";
  constexpr std::size_t kDigits = 24;
  if (!name.starts_with(kBase) || name.size() < kBase.size() + kDigits) return std::nullopt;
  const auto file = wal::ParseFileName(name.substr(kBase.size(), kDigits));
  return file && file->kind == wal::FileKind::kSegment ? std::optional(file->segment.timeline) : std::nullopt;
}

base::Result<cluster::Backup> ParseWalgSentinel(std::string_view name, std::string_view text,
                                                std::string_view subject) {
  const auto value = json::Parse(text);
  if (!value || !value->is_object())
    return base::Error{
        base::ErrorKind::kMalformed, "expected the JSON of a backup's sentinel", std::string(subject), {}};
  cluster::Backup backup;
  backup.id = name;
  backup.method = cluster::BackupMethod::kWalg;
  backup.outcome = cluster::BackupOutcome::kDone;
  backup.label = UserData(Member(*value, "UserData"));
  backup.begin = LsnOf(Member(*value, "LSN"));
  backup.end = LsnOf(Member(*value, "FinishLSN"));
  if (!backup.begin || !backup.end)
    return base::Error{
        base::ErrorKind::kMalformed, "expected LSN and FinishLSN in the sentinel", std::string(subject), {}};
  backup.begin_timeline = backup.end_timeline = WalgTimeline(name).value_or(0);
  backup.begin_time = ParsePythonTime(TextOf(Member(*value, "StartTime")));
  backup.end_time = ParsePythonTime(TextOf(Member(*value, "FinishTime")));
  if (const auto identifier = NumberOf(Member(*value, "SystemIdentifier")))
    backup.system_identifier = std::to_string(*identifier);
  if (const auto parent = TextOf(Member(*value, "DeltaFrom")); !parent.empty()) {
    backup.type = cluster::BackupType::kIncr;
    backup.needs.push_back(parent);
  }
  if (IsTrue(Member(*value, "IsPermanent"))) backup.keep = "full";
  return backup;
}

}  // namespace pgvigil::archive

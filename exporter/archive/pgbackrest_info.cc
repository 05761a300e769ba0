#include "archive/pgbackrest_info.h"

#include <algorithm>

#include "archive/pgbackrest_file.h"
#include "base/text.h"
#include "json/fields.h"

namespace pgvigil::archive {
namespace {

using cluster::Backup;
using cluster::BackupType;
using json::IsTrue;
using json::Items;
using json::Member;
using json::NumberOf;
using json::TextOf;

constexpr std::size_t kBackupsAtMost = 100000;

// The names of the same facts in the two forms.
struct Names {
  const char* annotation;
  const char* error;
  const char* prior;
  const char* reference;
  const char* type;
};
constexpr Names kInFile{"backup-annotation", "backup-error", "backup-prior", "backup-reference", "backup-type"};
constexpr Names kInReport{"annotation", "error", "prior", "reference", "type"};

std::optional<wal::Lsn> LsnOf(const json::Value& value) {
  const auto lsn = wal::ParseLsn(TextOf(value));
  return lsn.ok() ? std::optional(*lsn) : std::nullopt;
}

std::optional<base::WallTime> TimeOf(const json::Value& value) {
  constexpr std::uint64_t kLast = 253402300799;  // of the year 9999
  const auto seconds = NumberOf(value);
  if (!seconds || *seconds > kLast) return std::nullopt;
  return base::WallTime(std::chrono::seconds(static_cast<std::int64_t>(*seconds)));
}

std::uint32_t TimelineOf(const json::Value& value) {
  const auto segment = wal::ParseSegmentName(TextOf(value), *wal::SegmentSize::FromBytes(1 << 20));
  return segment.ok() ? segment->timeline : 0;
}

// "who=nightly, why=…"
std::string Annotations(const json::Value& value) {
  std::string text;
  if (!value.is_object()) return text;
  for (const auto& [key, of_key] : value.items())
    text += (text.empty() ? "" : ", ") + key + "=" + (of_key.is_string() ? TextOf(of_key) : std::string());
  return text;
}

// What both forms call alike but for a prefix.
void FillCommon(const json::Value& value, const Names& names, Backup& backup) {
  const auto type = TextOf(Member(value, names.type));
  backup.method = cluster::BackupMethod::kPgbackrest;
  backup.type = type == "full" ? BackupType::kFull : type == "diff" ? BackupType::kDiff : BackupType::kIncr;
  backup.outcome = cluster::BackupOutcome::kDone;
  backup.label = Annotations(Member(value, names.annotation));
  if (IsTrue(Member(value, names.error)))
    backup.flaws.push_back("pages with wrong checksums were found while it was made");
  if (const auto prior = TextOf(Member(value, names.prior)); !prior.empty()) backup.needs.push_back(prior);
  for (const auto& reference : Items(Member(value, names.reference))) {
    auto label = TextOf(reference);
    if (label.empty() || std::count(backup.needs.begin(), backup.needs.end(), label) > 0) continue;
    backup.needs.push_back(std::move(label));
  }
}

BackrestBackup FromFile(std::string_view label, const json::Value& value) {
  BackrestBackup found;
  auto& backup = found.backup;
  backup.id = label;
  FillCommon(value, kInFile, backup);
  backup.begin = LsnOf(Member(value, "backup-lsn-start"));
  backup.end = LsnOf(Member(value, "backup-lsn-stop"));
  backup.begin_timeline = TimelineOf(Member(value, "backup-archive-start"));
  backup.end_timeline = TimelineOf(Member(value, "backup-archive-stop"));
  backup.begin_time = TimeOf(Member(value, "backup-timestamp-start"));
  backup.end_time = TimeOf(Member(value, "backup-timestamp-stop"));
  backup.stored_bytes = NumberOf(Member(value, "backup-info-repo-size-delta")).value_or(0);
  // Made while the server was down, or with its WAL beside it.
  const auto& online = Member(value, "option-online");
  backup.self_contained = (online.is_boolean() && !IsTrue(online)) || IsTrue(Member(value, "option-archive-copy"));
  found.database = static_cast<std::uint32_t>(NumberOf(Member(value, "db-id")).value_or(0));
  return found;
}

BackrestBackup FromReport(const json::Value& value) {
  BackrestBackup found;
  auto& backup = found.backup;
  backup.id = TextOf(Member(value, "label"));
  FillCommon(value, kInReport, backup);
  const auto& lsn = Member(value, "lsn");
  backup.begin = LsnOf(Member(lsn, "start"));
  backup.end = LsnOf(Member(lsn, "stop"));
  const auto& archive = Member(value, "archive");
  backup.begin_timeline = TimelineOf(Member(archive, "start"));
  backup.end_timeline = TimelineOf(Member(archive, "stop"));
  const auto& timestamp = Member(value, "timestamp");
  backup.begin_time = TimeOf(Member(timestamp, "start"));
  backup.end_time = TimeOf(Member(timestamp, "stop"));
  backup.stored_bytes = NumberOf(Member(Member(Member(value, "info"), "repository"), "delta")).value_or(0);
  found.database = static_cast<std::uint32_t>(NumberOf(Member(Member(value, "database"), "id")).value_or(0));
  return found;
}

// Takes an info file key by key.
class FileReader {
 public:
  base::Result<BackrestInfo> Read(std::string_view text, std::string_view subject) {
    const auto read = FollowBackrestText(
        text, subject, [this](std::string_view section, std::string_view key, const json::Value& value) {
          return Take(section, key, value);
        });
    if (!read.ok()) return read.error();
    if (!info_.databases.contains(info_.current))
      return Malformed("the section db names none of db:history", std::string(subject));
    return std::move(info_);
  }

 private:
  static base::Error Malformed(std::string what, std::string subject = {}) {
    return {base::ErrorKind::kMalformed, std::move(what), std::move(subject), {}};
  }

  base::Status Take(std::string_view section, std::string_view key, const json::Value& value) {
    if (section == "cipher" && key == "cipher-pass") info_.cipher_pass = TextOf(value);
    if (section == "db" && key == "db-id") info_.current = static_cast<std::uint32_t>(NumberOf(value).value_or(0));
    if (section == "db:history") {
      const auto id = base::ParseInteger<std::uint32_t>(key);
      // archive.info calls the system identifier "db-id".
      auto identifier = NumberOf(Member(value, "db-system-id"));
      if (!identifier) identifier = NumberOf(Member(value, "db-id"));
      if (id && identifier) info_.databases[*id] = {std::to_string(*identifier), TextOf(Member(value, "db-version"))};
    }
    if (section == "backup:current") info_.backups.push_back(FromFile(key, value));
    if (info_.backups.size() > kBackupsAtMost) return Malformed("expected fewer backups");
    return base::Done{};
  }

  BackrestInfo info_;
};

// The repository that is meant, where none is named.
std::uint32_t FirstRepository(const json::Value& stanza) {
  const auto& repositories = Items(Member(stanza, "repo"));
  if (repositories.empty()) return 1;  // 2.31 and before know one
  return static_cast<std::uint32_t>(NumberOf(Member(repositories.front(), "key")).value_or(1));
}

// status of the repository, or of the stanza where that has none.
std::optional<base::Error> Trouble(const json::Value& stanza, std::uint32_t repository, std::string_view subject) {
  constexpr std::uint64_t kOk = 0, kNoValidBackups = 2;
  const json::Value* status = &Member(stanza, "status");
  for (const auto& one : Items(Member(stanza, "repo"))) {
    if (NumberOf(Member(one, "key")) == repository && Member(one, "status").is_object())
      status = &Member(one, "status");
  }
  const auto code = NumberOf(Member(*status, "code")).value_or(kOk);
  if (code == kOk || code == kNoValidBackups) return std::nullopt;
  return base::Error{base::ErrorKind::kUnavailable, "pgBackRest says: " + TextOf(Member(*status, "message")),
                     std::string(subject), std::to_string(code)};
}

BackrestInfo FromStanza(const json::Value& stanza, std::uint32_t repository) {
  BackrestInfo info;
  // Before 2.32 nothing says of which repository it is.
  const auto is_of = [&](const json::Value& repo_key) { return NumberOf(repo_key).value_or(repository) == repository; };
  for (const auto& database : Items(Member(stanza, "db"))) {
    const auto id = NumberOf(Member(database, "id"));
    const auto identifier = NumberOf(Member(database, "system-id"));
    if (!id || !identifier || !is_of(Member(database, "repo-key"))) continue;
    const auto short_id = static_cast<std::uint32_t>(*id);
    info.databases[short_id] = {std::to_string(*identifier), TextOf(Member(database, "version"))};
    info.current = std::max(info.current, short_id);
  }
  for (const auto& backup : Items(Member(stanza, "backup"))) {
    if (is_of(Member(Member(backup, "database"), "repo-key"))) info.backups.push_back(FromReport(backup));
  }
  return info;
}

}  // namespace

std::string BackrestInfo::ArchiveId() const {
  const auto found = databases.find(current);
  return (found == databases.end() ? "" : found->second.version) + "-" + std::to_string(current);
}

base::Result<BackrestInfo> ParseBackrestFile(std::string_view text, std::string_view subject) {
  return FileReader().Read(text, subject);
}

base::Result<BackrestInfo> ParseBackrestJson(std::string_view text, std::string_view stanza, std::uint32_t repository,
                                             std::string_view subject) {
  const auto report = json::Parse(text);
  if (!report || !report->is_array()) {
    return base::Error{
        base::ErrorKind::kMalformed, "expected what `pgbackrest info --output=json` prints", std::string(subject), {}};
  }
  for (const auto& one : *report) {
    if (TextOf(Member(one, "name")) != stanza) continue;
    if (repository == 0) repository = FirstRepository(one);
    if (auto trouble = Trouble(one, repository, subject)) return *std::move(trouble);
    return FromStanza(one, repository);
  }
  return base::Error{
      base::ErrorKind::kNotFound, "there is no stanza " + std::string(stanza) + " in it", std::string(subject), {}};
}

}  // namespace pgvigil::archive

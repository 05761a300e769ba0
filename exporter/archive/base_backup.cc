#include "archive/base_backup.h"

#include <nlohmann/json.hpp>

#include "archive/backup_info.h"
#include "base/text.h"

namespace pgvigil::archive {
namespace {

using nlohmann::json;

constexpr int kDepthAtMost = 8;
constexpr std::size_t kTarBlock = 512;

// "pg_tblspc/16384/…": 16384.
std::optional<std::uint32_t> TablespaceOf(std::string_view path) {
  constexpr std::string_view kFolder = "pg_tblspc/";
  if (!path.starts_with(kFolder)) return std::nullopt;
  path.remove_prefix(kFolder.size());
  return base::ParseInteger<std::uint32_t>(path.substr(0, path.find('/')));
}

// Follows the parser through a manifest.
class ManifestReader : public json::json_sax_t {
 public:
  BackupManifest manifest;
  bool has_range = false;
  std::string problem;

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }

  bool number_unsigned(number_unsigned_t value) override {
    if (In("Files") && key_ == "Size") manifest.bytes += value;
    if (In("WAL-Ranges") && key_ == "Timeline") range_timeline_ = static_cast<std::uint32_t>(value);
    if (depth_ == 1 && key_ == "System-Identifier") manifest.system_identifier = std::to_string(value);
    return true;
  }
  bool string(string_t& value) override {
    if (In("Files") && key_ == "Path") TakePath(value);
    if (In("WAL-Ranges") && key_ == "Start-LSN") return TakeLsn(value, range_begin_);
    if (In("WAL-Ranges") && key_ == "End-LSN") return TakeLsn(value, range_end_);
    return true;
  }
  bool key(string_t& value) override {
    key_ = value;
    if (depth_ == 1) section_ = value;
    return true;
  }
  bool start_object(std::size_t) override {
    range_timeline_ = 0;
    return ++depth_ <= kDepthAtMost;
  }
  bool start_array(std::size_t) override { return ++depth_ <= kDepthAtMost; }
  bool end_object() override {
    if (In("WAL-Ranges")) TakeRange();
    --depth_;
    return true;
  }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    problem = "expected the JSON of a backup manifest, which ends at byte " + std::to_string(position);
    return false;
  }

 private:
  // In an object of that list.
  bool In(std::string_view section) const { return depth_ == 3 && section_ == section; }

  void TakePath(std::string_view path) {
    if (const auto oid = TablespaceOf(path)) manifest.tablespaces.insert(*oid);
    manifest.has_wal |= path.starts_with("pg_wal/archive_status/");  // written for each segment that was fetched
    manifest.is_incremental |= path.substr(path.rfind('/') + 1).starts_with("INCREMENTAL.");
  }
  bool TakeLsn(std::string_view text, wal::Lsn& into) {
    const auto lsn = wal::ParseLsn(text);
    if (lsn.ok()) into = *lsn;
    if (!lsn.ok()) problem = "expected an LSN in its WAL-Ranges, found " + std::string(text.substr(0, 80));
    return lsn.ok();
  }
  // One range for each timeline that the backup went over, in no promised order.
  void TakeRange() {
    if (!has_range || range_timeline_ < manifest.begin_timeline) {
      manifest.begin_timeline = range_timeline_;
      manifest.begin = range_begin_;
    }
    if (!has_range || range_timeline_ > manifest.end_timeline) {
      manifest.end_timeline = range_timeline_;
      manifest.end = range_end_;
    }
    has_range = true;
  }

  int depth_ = 0;
  std::string section_, key_;
  std::uint32_t range_timeline_ = 0;
  wal::Lsn range_begin_, range_end_;
};

base::Error Malformed(std::string what, std::string_view subject) {
  return {base::ErrorKind::kMalformed, std::move(what), std::string(subject), {}};
}

}  // namespace

base::Result<BackupManifest> ParseBackupManifest(std::string_view text, std::string_view subject) {
  ManifestReader reader;
  const bool read = json::sax_parse(text, &reader);
  if (!read) return Malformed(reader.problem.empty() ? "expected a backup manifest" : reader.problem, subject);
  if (!reader.has_range || reader.manifest.begin_timeline == 0) return Malformed("found no WAL-Ranges in it", subject);
  return reader.manifest;
}

base::Result<BackupLabel> ParseBackupLabel(std::string_view text, std::string_view subject) {
  BackupLabel label;
  const auto first_word = [](std::string_view value) { return value.substr(0, value.find(' ')); };
  const auto lsn = [&](std::string_view value) -> std::optional<wal::Lsn> {
    const auto parsed = wal::ParseLsn(first_word(value));
    return parsed.ok() ? std::optional(*parsed) : std::nullopt;
  };
  for (const auto line : base::Split(text.substr(0, text.find('\0')), '\n')) {
    const auto colon = line.find(": ");
    if (colon == std::string_view::npos) continue;
    const auto key = line.substr(0, colon);
    const auto value = base::Trim(line.substr(colon + 2));
    if (key == "START WAL LOCATION") label.begin = lsn(value);
    if (key == "INCREMENTAL FROM LSN") label.incremental_from = lsn(value);
    if (key == "LABEL") label.label = value;
    if (key == "START TIMELINE") label.timeline = base::ParseInteger<std::uint32_t>(value).value_or(0);
    if (key == "START TIME" && value.ends_with(" UTC"))
      label.began = ParsePythonTime(value.substr(0, value.size() - 4));
  }
  if (!label.begin) return Malformed("expected a START WAL LOCATION in the backup label", subject);
  return label;
}

std::optional<TarMember> FirstMember(std::string_view beginning) {
  if (beginning.size() < kTarBlock || beginning.substr(257, 5) != "ustar") return std::nullopt;
  const auto name = beginning.substr(0, 100);
  const auto digits = beginning.substr(124, 11);
  std::uint64_t size = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '7') return std::nullopt;
    size = size * 8 + static_cast<std::uint64_t>(digit - '0');
  }
  return TarMember{name.substr(0, name.find('\0')), beginning.substr(kTarBlock, size)};
}

}  // namespace pgvigil::archive

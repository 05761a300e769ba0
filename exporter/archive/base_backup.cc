#include "archive/base_backup.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "archive/backup_info.h"
#include "archive/checksum.h"
#include "archive/tar_reader.h"
#include "base/text.h"

namespace pgvigil::archive {
namespace {

using nlohmann::json;

constexpr int kDepthAtMost = 8;

// "pg_tblspc/16384/…": 16384.
std::optional<std::uint32_t> TablespaceOf(std::string_view path) {
  constexpr std::string_view kFolder = "pg_tblspc/";
  if (!path.starts_with(kFolder)) return std::nullopt;
  path.remove_prefix(kFolder.size());
  return base::ParseInteger<std::uint32_t>(path.substr(0, path.find('/')));
}

// Of a name that is no UTF-8, two digits a byte; what is no digit ends it.
std::string Unhexed(std::string_view digits) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    unsigned value = 0;
    if (std::from_chars(&digits[i], &digits[i] + 2, value, 16).ptr != &digits[i] + 2) break;
    bytes += static_cast<char>(value);
  }
  return bytes;
}

// Follows the parser through a manifest.
class ManifestReader : public json::json_sax_t {
 public:
  explicit ManifestReader(ManifestFiles* files) : files_(files) {}

  BackupManifest manifest;
  bool has_range = false;
  std::string problem;

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }

  bool number_unsigned(number_unsigned_t value) override {
    if (In("Files") && key_ == "Size") manifest.bytes += file_.bytes = value;
    if (In("WAL-Ranges") && key_ == "Timeline") range_timeline_ = static_cast<std::uint32_t>(value);
    if (depth_ == 1 && key_ == "System-Identifier") manifest.system_identifier = std::to_string(value);
    return true;
  }
  bool string(string_t& value) override {
    if (In("Files")) TakeOfFile(value);
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
    path_.clear();
    file_ = {};
    return ++depth_ <= kDepthAtMost;
  }
  bool start_array(std::size_t) override { return ++depth_ <= kDepthAtMost; }
  bool end_object() override {
    if (In("WAL-Ranges")) TakeRange();
    if (In("Files") && files_ != nullptr) files_->insert_or_assign(path_, file_);
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

  void TakeOfFile(const std::string& value) {
    if (key_ == "Path" || key_ == "Encoded-Path") {
      path_ = key_ == "Path" ? value : Unhexed(value);
      TakePath(path_);
    }
    if (key_ == "Checksum-Algorithm") file_.algorithm = value;
    if (key_ == "Checksum") file_.checksum = value;
  }
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

  ManifestFiles* const files_;
  int depth_ = 0;
  std::string section_, key_;
  std::string path_;  // of the file that is being read
  ManifestFile file_;
  std::uint32_t range_timeline_ = 0;
  wal::Lsn range_begin_, range_end_;
};

base::Error Malformed(std::string what, std::string_view subject) {
  return {base::ErrorKind::kMalformed, std::move(what), std::string(subject), {}};
}

}  // namespace

base::Result<BackupManifest> ParseBackupManifest(std::string_view text, std::string_view subject,
                                                 ManifestFiles* files) {
  ManifestReader reader(files);
  const bool read = json::sax_parse(text, &reader);
  if (!read) return Malformed(reader.problem.empty() ? "expected a backup manifest" : reader.problem, subject);
  if (!reader.has_range || reader.manifest.begin_timeline == 0) return Malformed("found no WAL-Ranges in it", subject);
  return reader.manifest;
}

bool ManifestSumIsRight(std::string_view text) {
  constexpr std::string_view kKey = "\"Manifest-Checksum\": \"";
  const auto line = text.rfind(kKey);
  if (line == std::string_view::npos || line == 0 || text[line - 1] != '\n') return false;
  const auto sum = MakeChecksum("SHA256");
  sum->Update(text.substr(0, line));
  return text.substr(line + kKey.size()).starts_with(sum->Hex() + "\"");
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
  auto entry = ParseTarHeader(beginning);
  if (!entry) return std::nullopt;
  return TarMember{std::move(entry->name), beginning.substr(kTarBlock, entry->size)};
}

}  // namespace pgvigil::archive

#include "archive/dump_file.h"

#include <algorithm>
#include <optional>

namespace pgvigil::archive {
namespace {

constexpr std::string_view kMagic = "PGDMP";
constexpr std::uint64_t kEntriesAtMost = 10'000'000;
constexpr int kOffsetIsSet = 2;  // of K_OFFSET_POS_NOT_SET, _SET, NO_DATA
constexpr int kNoData = 3;

// Takes the fields of an archive off its bytes. After a failure every answer is empty.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : rest_(bytes) {}

  bool cut_short() const { return cut_short_; }
  bool broken() const { return broken_; }
  bool good() const { return !cut_short_ && !broken_; }
  void SetSizes(int integer, int offset) {
    integer_ = static_cast<std::size_t>(integer);
    offset_ = static_cast<std::size_t>(offset);
    if (good() && (integer < 1 || integer > 8 || offset < 1 || offset > 8)) broken_ = true;
  }

  int Byte() {
    const auto byte = Take(1);
    return byte.empty() ? 0 : static_cast<unsigned char>(byte[0]);
  }
  std::int64_t Integer() {
    const bool negative = Byte() != 0;
    const auto value = static_cast<std::int64_t>(LittleEndian(integer_) & INT64_MAX);
    return negative ? -value : value;
  }
  // An absent string has the length -1.
  std::optional<std::string_view> Text() {
    const auto length = Integer();
    if (length < 0 || !good()) return std::nullopt;
    return Take(static_cast<std::uint64_t>(length));
  }
  std::uint64_t Offset() { return LittleEndian(offset_); }

 private:
  std::string_view Take(std::uint64_t count) {
    if (!good()) return {};
    if (count > rest_.size()) {
      cut_short_ = true;
      return {};
    }
    const auto taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  std::uint64_t LittleEndian(std::size_t count) {
    std::uint64_t value = 0;
    const auto bytes = Take(count);
    for (std::size_t i = 0; i < bytes.size(); ++i)
      value |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
    return value;
  }

  std::string_view rest_;
  std::size_t integer_ = 4, offset_ = 8;
  bool cut_short_ = false, broken_ = false;
};

// One entry of the table of contents; `version` is the minor number.
void ReadEntry(Fields& fields, int version, DumpContents& contents) {
  fields.Integer();  // dump id
  const bool has_data = fields.Integer() != 0;
  fields.Text();                              // catalog's oid
  fields.Text();                              // object's oid
  fields.Text();                              // tag
  fields.Text();                              // description
  fields.Integer();                           // section
  for (int i = 0; i < 5; ++i) fields.Text();  // definition, drop, copy, namespace, tablespace
  if (version >= 14) fields.Text();           // table access method
  if (version >= 16) fields.Integer();        // relkind
  fields.Text();                              // owner
  fields.Text();                              // with oids
  while (fields.good() && fields.Text()) {    // dependencies
  }
  if (contents.format != DumpFormat::kCustom) {
    const auto member = fields.Text();
    if (member && !member->empty()) contents.members.emplace_back(*member);
    return;
  }
  const auto state = fields.Byte();
  const auto offset = fields.Offset();
  if (state == kOffsetIsSet) contents.last_data = std::max(contents.last_data, offset);
  contents.has_data |= has_data && state != kNoData;
}

base::Error Error(base::ErrorKind kind, std::string what) { return {kind, std::move(what), {}, {}}; }

}  // namespace

bool IsDump(std::string_view beginning) { return beginning.starts_with(kMagic); }

base::Result<DumpContents> ParseDump(std::string_view beginning) {
  constexpr auto kMalformed = base::ErrorKind::kMalformed;
  if (!IsDump(beginning)) return Error(kMalformed, "expected a dump of pg_dump, which begins with PGDMP");
  Fields fields(beginning.substr(kMagic.size()));
  const int major = fields.Byte(), minor = fields.Byte();
  fields.Byte();  // revision
  if (fields.good() && (major != 1 || minor < 12 || minor > 16)) {
    return Error(base::ErrorKind::kUnsupported, "expected a dump of format 1.12 to 1.16, found " +
                                                    std::to_string(major) + "." + std::to_string(minor));
  }
  const int integer = fields.Byte(), offset = fields.Byte(), format = fields.Byte();
  fields.SetSizes(integer, offset);
  DumpContents contents;
  contents.format = static_cast<DumpFormat>(format);
  const bool known = format == 1 || format == 3;
  if (minor >= 15)
    fields.Byte();  // compression algorithm
  else
    fields.Integer();
  for (int i = 0; i < 7; ++i) fields.Integer();  // the time of its making, without a zone
  contents.database = fields.Text().value_or("");
  contents.server_version = fields.Text().value_or("");
  fields.Text();  // of pg_dump
  const auto entries = fields.Integer();
  if (fields.good() && (!known || entries < 0 || static_cast<std::uint64_t>(entries) > kEntriesAtMost))
    return Error(kMalformed, "its table of contents makes no sense");
  for (; fields.good() && contents.entries < static_cast<std::uint64_t>(entries); ++contents.entries)
    ReadEntry(fields, minor, contents);
  if (fields.broken()) return Error(kMalformed, "its table of contents makes no sense");
  if (fields.cut_short()) return Error(base::ErrorKind::kLimit, "its table of contents ends too early");
  return contents;
}

// The last block ends with a length of 0: sign and four bytes.
bool EndsCustomDump(std::string_view tail) { return tail.ends_with(std::string_view("\0\0\0\0\0", 5)); }

bool EndsTar(std::string_view tail) {
  constexpr std::size_t kTwoBlocks = 1024;
  if (tail.size() < kTwoBlocks) return false;
  tail.remove_prefix(tail.size() - kTwoBlocks);
  return std::all_of(tail.begin(), tail.end(), [](char byte) { return byte == 0; });
}

bool EndsPlainDump(std::string_view tail) {
  return tail.find("\n-- PostgreSQL database dump complete\n") != std::string_view::npos ||
         tail.find("\n-- PostgreSQL database cluster dump complete\n") != std::string_view::npos;
}

}  // namespace pgvigil::archive

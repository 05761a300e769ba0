#include "wal/file_name.h"

#include <array>
#include <cstdio>

namespace pgvigil::wal {
namespace {

constexpr std::size_t kFieldDigits = 8;
constexpr std::size_t kSha1Digits = 40;
constexpr std::uint8_t kNoDigit = 0xFF;

constexpr std::array<std::uint8_t, 256> UpperHexDigits() {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (std::uint8_t i = 0; i < 10; ++i) values[static_cast<std::size_t>('0' + i)] = i;
  for (std::uint8_t i = 0; i < 6; ++i) values[static_cast<std::size_t>('A' + i)] = static_cast<std::uint8_t>(10 + i);
  return values;
}
constexpr auto kUpperHex = UpperHexDigits();

// Takes eight digits off the front of `name`, or leaves it and says no.
bool TakeField(std::string_view& name, std::uint32_t& value) {
  if (name.size() < kFieldDigits) return false;
  std::uint32_t sum = 0;
  std::uint32_t bad = 0;
  for (std::size_t i = 0; i < kFieldDigits; ++i) {
    const std::uint32_t digit = kUpperHex[static_cast<unsigned char>(name[i])];
    bad |= digit & 0xF0;
    sum = (sum << 4) | (digit & 0x0F);
  }
  if (bad != 0) return false;
  value = sum;
  name.remove_prefix(kFieldDigits);
  return true;
}

// What stands behind the 24 digits, without the suffix of a compression.
bool ReadKind(std::string_view rest, ArchiveFile& file) {
  if (rest.empty()) return true;
  if (rest == ".partial") {
    file.kind = FileKind::kPartial;
    return true;
  }
  if (rest.front() != '.') return false;
  rest.remove_prefix(1);
  std::uint32_t offset = 0;
  if (!TakeField(rest, offset) || rest != ".backup") return false;
  file.kind = FileKind::kBackupLabel;
  file.backup_offset = offset;
  return true;
}

// Takes "-<40 lower-case hexadecimal digits>" off the end of `name`.
bool TakeSha1(std::string_view& name) {
  if (name.size() <= kSha1Digits) return false;
  const auto sum = name.substr(name.size() - kSha1Digits - 1);
  if (sum.front() != '-') return false;
  if (sum.find_first_not_of("0123456789abcdef", 1) != std::string_view::npos) return false;
  name.remove_suffix(sum.size());
  return true;
}

}  // namespace

std::string_view Name(Compression compression) {
  switch (compression) {
    case Compression::kNone: return "none";
    case Compression::kGzip: return "gzip";
    case Compression::kBzip2: return "bzip2";
    case Compression::kXz: return "xz";
    case Compression::kSnappy: return "snappy";
    case Compression::kLz4: return "lz4";
    case Compression::kZstd: break;
  }
  return "zstd";
}

std::string_view Suffix(Compression compression) {
  switch (compression) {
    case Compression::kNone: return "";
    case Compression::kGzip: return ".gz";
    case Compression::kBzip2: return ".bz2";
    case Compression::kXz: return ".xz";
    case Compression::kSnappy: return ".snappy";
    case Compression::kLz4: return ".lz4";
    case Compression::kZstd: break;
  }
  return ".zst";
}

Compression StripSuffix(std::string_view& name) {
  // The last letter tells which suffix it can be at most, but for ".gz" and ".xz".
  constexpr auto kCandidate = [](char last) {
    switch (last) {
      case 'z': return Compression::kGzip;
      case '2': return Compression::kBzip2;
      case 'y': return Compression::kSnappy;
      case '4': return Compression::kLz4;
      case 't': return Compression::kZstd;
      default: return Compression::kNone;
    }
  };
  auto compression = name.empty() ? Compression::kNone : kCandidate(name.back());
  if (compression == Compression::kGzip && name.ends_with(Suffix(Compression::kXz))) compression = Compression::kXz;
  const auto suffix = Suffix(compression);
  if (!name.ends_with(suffix)) return Compression::kNone;
  name.remove_suffix(suffix.size());
  return compression;
}

std::optional<ArchiveFile> ParseFileName(std::string_view name) {
  ArchiveFile file;
  if (!TakeField(name, file.segment.timeline) || file.segment.timeline == 0) return std::nullopt;
  file.compression = StripSuffix(name);
  if (name == ".history") {
    file.kind = FileKind::kHistory;
    return file;
  }
  if (!TakeField(name, file.segment.unit) || !TakeField(name, file.segment.within)) return std::nullopt;
  if (!ReadKind(name, file)) return std::nullopt;
  return file;
}

std::optional<ArchiveFile> ParseBackrestName(std::string_view name) {
  auto plain = name;
  const auto compression = StripSuffix(plain);
  const bool sum = TakeSha1(plain);
  if (sum && (compression == Compression::kXz || compression == Compression::kSnappy)) return std::nullopt;
  auto file = ParseFileName(sum ? plain : name);
  if (!file) return std::nullopt;
  const bool segment = file->kind == FileKind::kSegment || file->kind == FileKind::kPartial;
  if (segment != sum || (sum && file->compression != Compression::kNone)) return std::nullopt;
  if (sum) file->compression = compression;
  return file;
}

std::optional<Segment> Resolve(const RawSegment& raw, SegmentSize size) {
  if (raw.timeline == 0 || raw.within >= size.per_4gib()) return std::nullopt;
  return Segment{raw.timeline, raw.unit * size.per_4gib() + raw.within};
}

std::string HistoryName(std::uint32_t timeline) {
  std::array<char, kFieldDigits + sizeof(".history")> name{};
  const int length = std::snprintf(name.data(), name.size(), "%08X.history", static_cast<unsigned>(timeline));
  return {name.data(), static_cast<std::size_t>(length)};
}

}  // namespace pgvigil::wal

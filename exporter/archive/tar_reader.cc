#include "archive/tar_reader.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace pgvigil::archive {
namespace {

constexpr std::uint64_t kExtendedAtMost = 64 << 10;  // bytes of a long name or an extended header
constexpr std::size_t kSumAt = 148, kSumLength = 8;

base::Error Malformed(std::string what) { return {base::ErrorKind::kMalformed, std::move(what), {}, {}}; }

std::string_view UpToZero(std::string_view field) { return field.substr(0, field.find('\0')); }

// Octal digits, or GNU's binary form where the highest bit is set.
std::optional<std::uint64_t> Number(std::string_view field) {
  std::uint64_t value = 0;
  if ((static_cast<unsigned char>(field[0]) & 0x80) != 0) {
    if (field[0] != '\x80') return std::nullopt;  // negative
    for (const char byte : field.substr(1)) {
      if (value >> 55 != 0) return std::nullopt;
      value = value << 8 | static_cast<unsigned char>(byte);
    }
    return value;
  }
  const auto digits = base::Trim(UpToZero(field));
  for (const char digit : digits) {
    if (digit < '0' || digit > '7') return std::nullopt;
    value = value * 8 + static_cast<std::uint64_t>(digit - '0');
  }
  return digits.empty() ? std::nullopt : std::optional(value);
}

bool SumIsRight(std::string_view block) {
  const auto expected = Number(block.substr(kSumAt, kSumLength));
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kTarBlock; ++i)
    sum += i >= kSumAt && i < kSumAt + kSumLength ? ' ' : static_cast<unsigned char>(block[i]);
  return expected == sum;
}

bool HasContent(char kind) {
  return kind == '0' || kind == '7' || kind == 'L' || kind == 'K' || kind == 'x' || kind == 'g';
}

bool IsEmpty(std::string_view block) {
  return std::all_of(block.begin(), block.end(), [](char byte) { return byte == '\0'; });
}

std::string WithoutDot(std::string_view name) {
  while (name.starts_with("./")) name.remove_prefix(2);
  return std::string(name);
}

}  // namespace

std::optional<TarEntry> ParseTarHeader(std::string_view block) {
  if (block.size() < kTarBlock || !SumIsRight(block)) return std::nullopt;
  const auto size = Number(block.substr(124, 12));
  if (!size) return std::nullopt;
  TarEntry entry;
  entry.kind = block[156] == '\0' ? '0' : block[156];
  const auto name = UpToZero(block.substr(0, 100));
  const auto prefix = block.substr(257, 6) == std::string_view("ustar\0", 6) ? UpToZero(block.substr(345, 155)) : "";
  entry.name = WithoutDot(prefix.empty() ? std::string(name) : std::string(prefix) + "/" + std::string(name));
  entry.size = HasContent(entry.kind) ? *size : 0;
  return entry;
}

base::Status TarReader::Feed(std::string_view bytes) {
  while (!bytes.empty()) {
    if (part_ == Part::kBehindEnd) {
      if (!IsEmpty(bytes)) return Malformed("something follows the end of the tar");
      return base::Done{};
    }
    if (part_ == Part::kHeader) {
      const auto some = bytes.substr(0, kTarBlock - block_.size());
      block_.append(some);
      bytes.remove_prefix(some.size());
      if (block_.size() < kTarBlock) return base::Done{};
      if (const auto taken = TakeBlock(); !taken.ok()) return taken;
      block_.clear();
      continue;
    }
    const auto some = bytes.substr(0, std::min<std::uint64_t>(left_, bytes.size()));
    bytes.remove_prefix(some.size());
    left_ -= some.size();
    if (part_ == Part::kContent && IsExtension()) extended_.append(some);
    if (part_ == Part::kContent && !IsExtension()) sink_.Content(some);
    if (left_ > 0) continue;
    if (part_ == Part::kContent) {
      if (const auto ended = Extended(); !ended.ok()) return ended;
      EndEntry();
    } else {
      part_ = Part::kHeader;
    }
  }
  return base::Done{};
}

base::Status TarReader::TakeBlock() {
  if (IsEmpty(block_)) {
    if (std::exchange(zero_block_, true)) part_ = Part::kBehindEnd;
    return base::Done{};
  }
  const auto after = current_.empty() ? std::string("at its beginning") : "behind " + current_;
  if (zero_block_) return Malformed("an empty block lies in the middle of the tar, " + after);
  auto entry = ParseTarHeader(block_);
  if (!entry) return Malformed("a header of the tar is damaged, " + after);
  if (entry->kind == 'S' || entry->kind == 'M')
    return Malformed("expected whole files in the tar, found one of kind " + std::string(1, entry->kind) + ", " +
                     after);
  const bool extends = std::string_view("LKxg").find(entry->kind) != std::string_view::npos;
  if (extends && entry->size > kExtendedAtMost) return Malformed("a name in the tar is too long, " + after);
  BeginEntry(*std::move(entry));
  return base::Done{};
}

void TarReader::BeginEntry(TarEntry entry) {
  const bool extends = std::string_view("LKxg").find(entry.kind) != std::string_view::npos;
  extension_ = extends ? entry.kind : '\0';
  extended_.clear();
  if (!extends) {
    if (const auto name = std::exchange(next_name_, std::nullopt)) entry.name = WithoutDot(*name);
    const auto size = std::exchange(next_size_, std::nullopt);
    if (size && HasContent(entry.kind)) entry.size = *size;
    current_ = entry.name;
    sink_.Begin(entry);
  }
  left_ = entry.size;
  padding_ = (kTarBlock - entry.size % kTarBlock) % kTarBlock;
  part_ = Part::kContent;
  if (left_ == 0) EndEntry();
}

void TarReader::EndEntry() {
  if (!IsExtension()) sink_.End();
  left_ = padding_;
  part_ = left_ == 0 ? Part::kHeader : Part::kPadding;
}

// Takes what a long name or an extended header says of the entry behind it. "30 path=base/1/…\n" is a record of pax.
base::Status TarReader::Extended() {
  if (extension_ == 'L') next_name_ = UpToZero(extended_);
  if (extension_ != 'x') return base::Done{};
  std::string_view rest = extended_;
  while (!rest.empty() && rest[0] != '\0') {
    const auto space = rest.find(' ');
    const auto length = base::ParseInteger<std::uint64_t>(rest.substr(0, std::min(space, rest.size())));
    if (!length || *length < space + 2 || *length > rest.size() || rest[*length - 1] != '\n')
      return Malformed("an extended header of the tar is damaged, behind " + current_);
    const auto record = rest.substr(space + 1, *length - space - 2);
    rest.remove_prefix(*length);
    if (record.starts_with("path=")) next_name_ = record.substr(5);
    if (!record.starts_with("size=")) continue;
    next_size_ = base::ParseInteger<std::uint64_t>(record.substr(5));
    if (!next_size_) return Malformed("an extended header of the tar says no size, behind " + current_);
  }
  return base::Done{};
}

base::Status TarReader::Finish() const {
  if (part_ == Part::kBehindEnd) return base::Done{};
  if (part_ == Part::kContent) return Malformed("the tar ends inside of " + current_);
  return Malformed("the tar ends without the two empty blocks that close it" +
                   (current_.empty() ? std::string() : ", behind " + current_));
}

}  // namespace pgvigil::archive

// What a WAL archive holds: names of files, timeline histories, segments.
#include <algorithm>

#include "fuzz/input.h"
#include "wal/commits.h"
#include "wal/crc32c.h"
#include "wal/file_name.h"
#include "wal/timeline.h"

namespace {

using namespace pgvigil;
using fuzz::Expect;

void Names(std::string_view text) {
  auto plain = text;
  const auto compression = wal::StripSuffix(plain);
  Expect(std::string(plain) + std::string(wal::Suffix(compression)) == text, "a suffix is taken off the end");
  if (const auto file = wal::ParseFileName(text)) {
    Expect(file->segment.timeline != 0, "there is no timeline 0");
    Expect(file->compression == compression, "a name has the compression of its suffix");
    if (file->kind == wal::FileKind::kHistory) {
      Expect(wal::HistoryName(file->segment.timeline) == plain, "a history's name written is the name read");
    } else if (const auto segment = wal::Resolve(file->segment, *wal::SegmentSize::FromBytes(1 << 20))) {
      const auto name = wal::FileName(*segment, *wal::SegmentSize::FromBytes(1 << 20));
      Expect(text.starts_with(name), "a segment's name written is the name read");
    }
  }
  (void)wal::ParseBackrestName(text);
}

void Histories(std::string_view text) {
  const auto history = wal::ParseHistory(text, 1000);
  if (!history.ok()) return Expect(history.error().subject.starts_with("000003E8.history"), "an error names the file");
  const wal::Path path(*history);
  Expect(path.legs().size() == history->switches.size() + 1, "there is a leg for each switch, and the last");
  for (const auto& leg : path.legs()) {
    const auto& at = path.At(leg.begin);
    Expect(at.begin == leg.begin && (!at.end || *at.end > leg.begin), "a byte is on the leg that holds it");
    Expect(path.On(leg.timeline) == &leg, "a timeline has one leg");
    const auto size = *wal::SegmentSize::FromBytes(16 << 20);
    const auto first = wal::SegmentAt(leg.timeline, leg.begin, size);
    Expect(path.SegmentOf(first.number, size).timeline >= leg.timeline, "a segment is read from the last that has it");
  }
}

void Commits(std::string_view segment) {
  const auto found = wal::FindLastCommit(segment);
  if (!found.ok() || !*found) return;
  const auto header = wal::ReadSegmentHeader(segment);
  Expect(header.ok() && header->Major().has_value(), "what holds a commit is a segment");
  const auto& last = **found;
  Expect(last.record >= header->start && last.record < last.end, "a record has a begin and an end");
  Expect(last.end.bytes - header->start.bytes <= header->segment_size, "a commit is whole in its segment");
  Expect(last.end.bytes - header->start.bytes < segment.size() + 8, "a commit is whole in what is held");
}

// A fuzzer does not guess checksums: makes each record's hold that lies in one page, one after the other.
std::string WithChecksums(std::string_view segment) {
  std::string bytes(segment);
  const auto number = [&bytes](std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value |= std::uint32_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
    return value;
  };
  for (std::size_t at = 40; at + 24 <= bytes.size();) {
    const std::size_t length = number(at);
    if (length < 24 || length > bytes.size() - at) break;
    const auto record = std::string_view(bytes).substr(at, length);
    const auto sum = wal::Crc32c(record.substr(0, 20), wal::Crc32c(record.substr(24)));
    for (std::size_t i = 0; i < 4; ++i) bytes[at + 20 + i] = static_cast<char>(sum >> (8 * i) & 0xFF);
    at = (at + length + 7) / 8 * 8;
  }
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto text = fuzz::Text(bytes, size);
  if (size <= 100) Names(text);
  Histories(text);
  Commits(text);
  Commits(WithChecksums(text));
  return 0;
}

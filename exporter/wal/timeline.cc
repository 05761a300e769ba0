#include "wal/timeline.h"

#include <algorithm>

#include "base/text.h"
#include "wal/file_name.h"

namespace pgvigil::wal {
namespace {

// Takes the first word off `line`, and the blanks behind it.
std::string_view TakeWord(std::string_view& line) {
  const auto word = line.substr(0, line.find_first_of(" \t"));
  line = base::Trim(line.substr(word.size()));
  return word;
}

// The error of one line, or nothing and one switch more.
std::optional<std::string> ReadLine(std::string_view line, History& history) {
  const auto parent = base::ParseInteger<std::uint32_t>(TakeWord(line));
  const auto at = ParseLsn(TakeWord(line));
  if (!parent || !at.ok()) return "expected a parent timeline, the LSN at which it was left, and a reason";
  if (*parent == 0 || *parent >= history.timeline) {
    return "expected a parent from 1 to below timeline " + std::to_string(history.timeline) + ", found " +
           std::to_string(*parent);
  }
  if (!history.switches.empty()) {
    const auto& before = history.switches.back();
    if (*parent <= before.parent) {
      return "expected a parent above " + std::to_string(before.parent) + ", found " + std::to_string(*parent);
    }
    if (*at < before.at) return "expected an LSN from " + Format(before.at) + " on, found " + Format(*at);
  }
  history.switches.push_back({*parent, *at, std::string(line)});
  return std::nullopt;
}

}  // namespace

base::Result<History> ParseHistory(std::string_view text, std::uint32_t timeline) {
  const auto name = HistoryName(timeline);
  History history{timeline, {}};
  for (int number = 1; !text.empty(); ++number) {
    const auto raw = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(raw.size() + 1, text.size()));
    const auto line = base::Trim(raw);
    if (line.empty() || line.front() == '#') continue;
    if (auto problem = ReadLine(line, history)) {
      return base::Error{base::ErrorKind::kMalformed, *std::move(problem), name + ":" + std::to_string(number), {}};
    }
  }
  if (history.switches.empty()) {
    return base::Error{base::ErrorKind::kMalformed, "expected a line for each ancestor, found none", name, {}};
  }
  return history;
}

Path::Path(const History& history) {
  Lsn begin;
  for (const auto& left : history.switches) {
    legs_.push_back({left.parent, begin, left.at});
    begin = left.at;
  }
  legs_.push_back({history.timeline, begin, std::nullopt});
}

const Leg* Path::On(std::uint32_t timeline) const {
  const auto leg = std::ranges::find(legs_, timeline, &Leg::timeline);
  return leg == legs_.end() ? nullptr : &*leg;
}

const Leg& Path::At(Lsn lsn) const {
  const auto behind = std::ranges::upper_bound(legs_, lsn, {}, &Leg::begin);
  return *std::prev(behind);  // the first leg begins at 0
}

Segment Path::SegmentOf(std::uint64_t number, SegmentSize size) const {
  const auto first_segment = [size](const Leg& leg) { return leg.begin.bytes / size.bytes(); };
  const auto behind = std::ranges::upper_bound(legs_, number, {}, first_segment);
  return {std::prev(behind)->timeline, number};
}

}  // namespace pgvigil::wal

#include "metrics/text_writer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <compare>
#include <map>
#include <numeric>
#include <set>
#include <unordered_set>

#include "metrics/escape.h"

namespace pgvigil::metrics {
namespace {

// A column of one entry: where a family's samples are.
struct Source {
  std::uint32_t entry;
  std::uint32_t column;
};

struct FamilySources {
  const Column* column;  // the first one's type and help are the family's
  std::span<const Source> sources;
};

// Families in the order of their first appearance, each with all the columns that belong to it: one array of sources,
// in which those of a family stand side by side.
class FamiliesOfPage {
 public:
  explicit FamiliesOfPage(std::span<const PageEntry> entries) {
    std::size_t columns = 0;
    for (const auto& entry : entries) columns += entry.block->columns().size();
    Number(entries, columns);
    std::vector<std::uint32_t> next(firsts_.size() + 1);
    for (const auto family : numbers_) ++next[family + 1];
    std::partial_sum(next.begin(), next.end(), next.begin());
    ends_.assign(next.begin() + 1, next.end());
    sources_.resize(columns);
    std::size_t at = 0;
    for (std::uint32_t e = 0; e < entries.size(); ++e) {
      for (std::uint32_t c = 0; c < entries[e].block->columns().size(); ++c) sources_[next[numbers_[at++]]++] = {e, c};
    }
  }

  std::size_t size() const { return firsts_.size(); }
  FamilySources operator[](std::size_t family) const {
    const std::size_t start = family == 0 ? 0 : ends_[family - 1];
    return {firsts_[family], std::span(sources_).subspan(start, ends_[family] - start)};
  }

 private:
  // Which family each column belongs to, by an open-addressed table of families that is at most half full.
  void Number(std::span<const PageEntry> entries, std::size_t columns) {
    constexpr std::uint32_t kFree = ~std::uint32_t{0};
    std::vector<std::uint32_t> slots(std::bit_ceil(2 * columns + 1), kFree);
    numbers_.reserve(columns);
    for (const auto& entry : entries) {
      for (const auto& column : entry.block->columns()) {
        std::size_t slot = std::hash<std::string_view>()(column.family) & (slots.size() - 1);
        while (slots[slot] != kFree && firsts_[slots[slot]]->family != column.family)
          slot = (slot + 1) & (slots.size() - 1);
        if (slots[slot] == kFree) {
          slots[slot] = static_cast<std::uint32_t>(firsts_.size());
          firsts_.push_back(&column);
        }
        numbers_.push_back(slots[slot]);
      }
    }
  }

  std::vector<const Column*> firsts_;   // of each family
  std::vector<std::uint32_t> numbers_;  // of the columns, in the order of the entries: their family
  std::vector<std::uint32_t> ends_;     // of each family's sources
  std::vector<Source> sources_;
};

// About what the page will take, rather too much: memory that is reserved and not written costs nothing, a page that is
// moved while it grows is there twice.
std::size_t RoughSize(std::span<const PageEntry> entries) {
  constexpr std::size_t kMarksAndValue = 32;
  constexpr std::size_t kTypeAndMarks = 40;
  std::size_t size = 0;
  for (const auto& entry : entries) {
    const auto& block = *entry.block;
    std::size_t longest_name = 0;
    for (const auto& column : block.columns()) {
      longest_name = std::max(longest_name, column.sample.size());
      size += kTypeAndMarks + 2 * column.family.size() + column.help.size();
    }
    const std::size_t labels = block.rows() > 0 ? block.label_bytes() / block.rows() + 1 : 0;
    size += block.samples() * (longest_name + entry.identity.size() + labels + kMarksAndValue);
  }
  return size;
}

void AppendNumber(std::string& text, double value) {
  if (!std::isfinite(value)) {
    text += std::isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
    return;
  }
  constexpr double kExactIntegers = 9007199254740992;  // 2^53
  std::array<char, 32> digits;
  std::to_chars_result end{};
  if (std::abs(value) < kExactIntegers && value == std::trunc(value) && !(value == 0 && std::signbit(value))) {
    end = std::to_chars(digits.data(), digits.data() + digits.size(), static_cast<std::int64_t>(value));
  } else {
    end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  }
  text.append(digits.data(), end.ptr);
}

class Writer {
 public:
  explicit Writer(std::span<const PageEntry> entries) : entries_(entries) { page_.text.reserve(RoughSize(entries)); }

  void Family(const FamilySources& family) {
    const std::size_t start = page_.text.size();
    const std::size_t before = page_.series;
    Header(*family.column);
    auto repeatable = Repeatable(family);
    for (const auto& source : family.sources) {
      const auto seen = repeatable.find(NameOf(source));
      Samples(source, seen == repeatable.end() ? nullptr : &seen->second);
    }
    if (page_.series == before) page_.text.resize(start);  // no value present: no family
  }

  Page Take() && { return std::move(page_); }

 private:
  void Header(const Column& column) {
    auto& text = page_.text;
    if (!column.help.empty()) {
      text += "# HELP ";
      text += column.family;
      text += ' ';
      AppendEscaped(text, column.help, Escape::kBackslashAndNewline);
      text += '\n';
    }
    text += "# TYPE ";
    text += column.family;
    text += ' ';
    text += Name(column.type);
    text += '\n';
  }

  // What stands in front of a source's own labels: the same series can only come from sources that share it.
  struct SourceName {
    std::string_view sample;
    std::string_view identity;
    friend auto operator<=>(const SourceName&, const SourceName&) = default;
  };
  SourceName NameOf(const Source& source) const {
    const auto& entry = entries_[source.entry];
    return {entry.block->columns()[source.column].sample, entry.identity};
  }

  // Label texts in their blocks, of one SourceName.
  using Seen = std::unordered_set<std::string_view>;

  // The names that more than one source carries, with nothing seen yet: only among their series can one appear twice.
  std::map<SourceName, Seen> Repeatable(const FamilySources& family) const {
    std::map<SourceName, Seen> repeatable;
    if (family.sources.size() == 1) return repeatable;
    std::set<SourceName> names;
    for (const auto& source : family.sources) {
      if (!names.insert(NameOf(source)).second) repeatable.try_emplace(NameOf(source));
    }
    return repeatable;
  }

  // `seen`: null where no other source can have the same series.
  void Samples(const Source& source, Seen* seen) {
    const auto name = NameOf(source);
    const Block& block = *entries_[source.entry].block;
    for (std::size_t row = 0; row < block.rows(); ++row) {
      if (!block.has(row, source.column)) continue;
      if (seen != nullptr && !seen->insert(block.labels(row)).second) {
        if (page_.duplicates++ == 0) page_.first_duplicate = block.columns()[source.column].family;
        continue;
      }
      Series(name, block.labels(row));
      page_.text += ' ';
      AppendNumber(page_.text, block.value(row, source.column));
      page_.text += '\n';
      ++page_.series;
    }
  }

  void Series(const SourceName& name, std::string_view labels) {
    auto& text = page_.text;
    text += name.sample;
    if (name.identity.empty() && labels.empty()) return;
    text += '{';
    text += name.identity;
    if (!name.identity.empty() && !labels.empty()) text += ',';
    text += labels;
    text += '}';
  }

  std::span<const PageEntry> entries_;
  Page page_;
};

}  // namespace

Page WritePage(std::span<const PageEntry> entries) {
  Writer writer(entries);
  const FamiliesOfPage families(entries);
  for (std::size_t i = 0; i < families.size(); ++i) writer.Family(families[i]);
  return std::move(writer).Take();
}

}  // namespace pgvigil::metrics

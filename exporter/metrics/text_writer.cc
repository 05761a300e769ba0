#include "metrics/text_writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <unordered_map>
#include <unordered_set>

namespace pgvigil::metrics {
namespace {

// A column of one entry: where a family's samples are.
struct Source {
  std::uint32_t entry;
  std::uint32_t column;
};

struct FamilySources {
  const Column* column;  // the first one's type and help are the family's
  std::vector<Source> sources;
};

// Families in the order of their first appearance, each with all the columns that belong to it.
std::vector<FamilySources> CollectFamilies(std::span<const PageEntry> entries) {
  std::vector<FamilySources> families;
  std::unordered_map<std::string_view, std::size_t> by_name;
  for (std::uint32_t e = 0; e < entries.size(); ++e) {
    const auto columns = entries[e].block->columns();
    for (std::uint32_t c = 0; c < columns.size(); ++c) {
      const auto [at, is_new] = by_name.emplace(columns[c].family, families.size());
      if (is_new) families.push_back({&columns[c], {}});
      families[at->second].sources.push_back({e, c});
    }
  }
  return families;
}

std::size_t RoughSize(std::span<const PageEntry> entries) {
  constexpr std::size_t kNameValueAndMarks = 64;
  constexpr std::size_t kHeader = 200;
  std::size_t size = 0;
  for (const auto& entry : entries) {
    const auto& block = *entry.block;
    size += block.columns().size() * kHeader + block.samples() * (kNameValueAndMarks + entry.identity.size());
    if (block.rows() > 0) size += block.label_bytes() / block.rows() * block.samples();
  }
  return size;
}

void AppendHelp(std::string& text, std::string_view help) {
  for (const char c : help) {
    switch (c) {
      case '\\': text += "\\\\"; break;
      case '\n': text += "\\n"; break;
      default: text += c;
    }
  }
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
    const bool any = std::any_of(family.sources.begin(), family.sources.end(),
                                 [&](const Source& source) { return entries_[source.entry].block->samples() > 0; });
    if (!any) return;
    header_at_ = page_.text.size();
    Header(*family.column);
    const std::size_t before = page_.series;
    seen_.clear();
    const auto shared = SharedIdentities(family);
    for (const auto& source : family.sources) Samples(source, shared.contains(entries_[source.entry].identity));
    if (page_.series == before) page_.text.resize(header_at_);  // no value present: no family
  }

  Page Take() && { return std::move(page_); }

 private:
  void Header(const Column& column) {
    auto& text = page_.text;
    if (!column.help.empty()) {
      text += "# HELP ";
      text += column.family;
      text += ' ';
      AppendHelp(text, column.help);
      text += '\n';
    }
    text += "# TYPE ";
    text += column.family;
    text += ' ';
    text += Name(column.type);
    text += '\n';
  }

  // Identities under which more than one block carries the family: only among those can a series appear twice.
  std::unordered_set<std::string_view> SharedIdentities(const FamilySources& family) const {
    std::unordered_map<std::string_view, const Block*> first;
    std::unordered_set<std::string_view> shared;
    for (const auto& source : family.sources) {
      const auto& entry = entries_[source.entry];
      const auto [at, is_new] = first.emplace(entry.identity, entry.block.get());
      if (!is_new && at->second != entry.block.get()) shared.insert(entry.identity);
    }
    return shared;
  }

  void Samples(const Source& source, bool may_repeat) {
    const auto& entry = entries_[source.entry];
    const Block& block = *entry.block;
    const Column& column = block.columns()[source.column];
    for (std::size_t row = 0; row < block.rows(); ++row) {
      if (!block.has(row, source.column)) continue;
      const std::size_t start = page_.text.size();
      Series(column.sample, entry.identity, block.labels(row));
      if (may_repeat && !seen_.insert(page_.text.substr(start)).second) {
        page_.text.resize(start);
        ++page_.duplicates;
        continue;
      }
      page_.text += ' ';
      AppendNumber(page_.text, block.value(row, source.column));
      page_.text += '\n';
      ++page_.series;
    }
  }

  void Series(std::string_view name, std::string_view identity, std::string_view labels) {
    auto& text = page_.text;
    text += name;
    if (identity.empty() && labels.empty()) return;
    text += '{';
    text += identity;
    if (!identity.empty() && !labels.empty()) text += ',';
    text += labels;
    text += '}';
  }

  std::span<const PageEntry> entries_;
  Page page_;
  std::size_t header_at_ = 0;
  std::unordered_set<std::string> seen_;  // of the current family
};

}  // namespace

Page WritePage(std::span<const PageEntry> entries) {
  Writer writer(entries);
  for (const auto& family : CollectFamilies(entries)) writer.Family(family);
  return std::move(writer).Take();
}

}  // namespace pgvigil::metrics

#include "query/rows_to_block.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "query/numbers.h"

namespace pgvigil::query {
namespace {

constexpr std::size_t kNone = static_cast<std::size_t>(-1);
constexpr std::array<std::string_view, 3> kHistogramHelpers = {"_bucket", "_sum", "_count"};
constexpr std::size_t kBuckets = 0, kSum = 1, kCount = 2;  // of the helpers, and of a histogram's block columns

// Where a declared column stands in the result.
struct Bound {
  const ColumnDefinition* definition;
  std::size_t column = kNone;
  std::uint32_t type = 0;
  std::array<std::size_t, 3> helpers = {kNone, kNone, kNone};  // a histogram's, in the order of kHistogramHelpers
};

std::string LeValue(double bound) {
  if (std::isinf(bound) && bound > 0) return "+Inf";
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), bound);
  return {digits.data(), end.ptr};
}

class BlockSink final : public postgres::ResultSink {
 public:
  BlockSink(DefinitionPtr definition, std::function<void(QueryResult)> done)
      : definition_(std::move(definition)), done_(std::move(done)), block_(definition_->block_columns) {}

  void OnColumns(std::span<const postgres::ResultColumn> columns) override;
  void OnRows(const postgres::Rows& rows) override;
  void OnDone(const postgres::Outcome& outcome) override;

 private:
  void Row(const postgres::Rows& rows, std::size_t row);
  void Value(const Bound& bound, const postgres::Rows& rows, std::size_t row);
  std::optional<double> Number(const Bound& bound, std::string_view text) const;
  void Histogram(const Bound& bound, const postgres::Rows& rows, std::size_t row);
  void Bad(const ColumnDefinition& column, std::string_view expected, std::string_view text);

  const DefinitionPtr definition_;
  const std::function<void(QueryResult)> done_;
  metrics::BlockBuilder block_;
  QueryResult result_;
  std::optional<base::Error> malformed_;
  std::vector<Bound> labels_;
  std::vector<Bound> values_;
  std::size_t kept_ = 0;    // rows within the limit; a histogram's buckets are no rows of their own
  bool described_ = false;  // the server said which columns there are
  std::string label_text_;  // scratch
};

void BlockSink::OnColumns(std::span<const postgres::ResultColumn> columns) {
  described_ = true;
  std::vector<bool> used(columns.size());
  const auto find = [&](const std::string& name) {
    const auto found =
        std::find_if(columns.begin(), columns.end(), [&](const auto& column) { return column.name == name; });
    if (found == columns.end()) {
      if (!malformed_) {
        malformed_ = base::Error{base::ErrorKind::kMalformed,
                                 "the result has no column \"" + name + "\", which is declared",
                                 definition_->id,
                                 {}};
      }
      return kNone;
    }
    const auto index = static_cast<std::size_t>(found - columns.begin());
    used[index] = true;
    return index;
  };
  for (const auto& declared : definition_->columns) {
    Bound bound{&declared, find(declared.name)};
    if (bound.column != kNone) bound.type = columns[bound.column].type;
    if (declared.usage == Usage::kHistogram) {
      for (std::size_t i = 0; i < kHistogramHelpers.size(); ++i) {
        bound.helpers[i] = find(declared.name + std::string(kHistogramHelpers[i]));
      }
    }
    if (declared.usage == Usage::kDiscard) continue;
    (declared.usage == Usage::kLabel ? labels_ : values_).push_back(bound);
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (!used[i]) result_.undeclared_columns.push_back(columns[i].name);
  }
}

void BlockSink::OnRows(const postgres::Rows& rows) {
  result_.rows += rows.size();
  if (malformed_) return;
  for (std::size_t row = 0; row < rows.size(); ++row) Row(rows, row);
}

void BlockSink::Row(const postgres::Rows& rows, std::size_t row) {
  if (kept_ >= definition_->max_series) {
    ++result_.over_limit;
    return;
  }
  ++kept_;
  label_text_.clear();
  for (const auto& label : labels_) {
    metrics::AppendLabel(label_text_, label.definition->label_name, rows.text(row, label.column).value_or(""));
  }
  if (!block_.StartRow(label_text_)) return;
  const auto histogram = [](const Bound& bound) { return bound.definition->usage == Usage::kHistogram; };
  for (const auto& value : values_) {
    if (!histogram(value)) Value(value, rows, row);
  }
  // Last, since buckets are rows of their own.
  for (const auto& value : values_) {
    if (histogram(value)) Histogram(value, rows, row);
  }
}

void BlockSink::Value(const Bound& bound, const postgres::Rows& rows, std::size_t row) {
  const auto& column = *bound.definition;
  const auto text = rows.text(row, bound.column);
  if (!text) {
    if (column.default_value) block_.Set(column.block_column, *column.default_value);
    return;
  }
  const auto number = Number(bound, *text);
  if (number) return block_.Set(column.block_column, *number * column.scale);
  const bool never = *text == "infinity" || *text == "-infinity";  // of a timestamp: a sentinel, not a moment
  if (!never) Bad(column, column.usage == Usage::kMapped ? "a text that is mapped" : "a number", *text);
}

std::optional<double> BlockSink::Number(const Bound& bound, std::string_view text) const {
  switch (bound.definition->usage) {
    case Usage::kMapped: {
      const auto& mapping = bound.definition->mapping;
      const auto mapped = mapping.find(text);
      return mapped == mapping.end() ? std::nullopt : std::optional(mapped->second);
    }
    case Usage::kDuration: return SecondsFromText(text);
    default: return NumberFromText(bound.type, text);
  }
}

// Four columns make it: upper bounds, cumulative counts, sum, count. The last bucket counts everything.
void BlockSink::Histogram(const Bound& bound, const postgres::Rows& rows, std::size_t row) {
  const auto& column = *bound.definition;
  const auto text = [&](std::size_t at) { return rows.text(row, at).value_or(""); };
  for (const auto at : {bound.column, bound.helpers[kBuckets], bound.helpers[kSum], bound.helpers[kCount]}) {
    if (!rows.text(row, at)) return;  // unknown as a whole
  }
  const auto bounds = NumbersFromArray(text(bound.column));
  const auto counts = NumbersFromArray(text(bound.helpers[kBuckets]));
  const auto sum = NumberFromText(0, text(bound.helpers[kSum]));
  const auto count = NumberFromText(0, text(bound.helpers[kCount]));
  const bool numbers = bounds && counts && sum && count && bounds->size() == counts->size();
  // Ascending bounds, none of which is "everything below -Inf", and counts that never fall.
  if (!numbers || !std::is_sorted(counts->begin(), counts->end()) ||
      std::adjacent_find(bounds->begin(), bounds->end(), [](double a, double b) { return !(a < b); }) !=
          bounds->end() ||
      (!bounds->empty() && !(bounds->front() > -std::numeric_limits<double>::infinity()))) {
    return Bad(column,
               "a histogram: ascending bounds, as many cumulative counts in _bucket, and numbers in _sum and _count",
               text(bound.column));
  }
  const auto first = column.block_column;
  block_.Set(first + kSum, *sum);
  block_.Set(first + kCount, *count);
  const std::string base_labels = label_text_;
  bool unbounded = false;
  for (std::size_t i = 0; i < bounds->size(); ++i) {
    unbounded = unbounded || std::isinf((*bounds)[i]);
    label_text_ = base_labels;
    metrics::AppendLabel(label_text_, "le", LeValue((*bounds)[i]));
    if (block_.StartRow(label_text_)) block_.Set(first + kBuckets, (*counts)[i]);
  }
  label_text_ = base_labels;
  if (unbounded) return;
  metrics::AppendLabel(label_text_, "le", "+Inf");
  if (block_.StartRow(label_text_)) block_.Set(first + kBuckets, *count);
}

void BlockSink::Bad(const ColumnDefinition& column, std::string_view expected, std::string_view text) {
  constexpr std::size_t kShown = 80;
  if (result_.bad_values++ > 0) return;
  result_.first_bad = "column \"" + column.name + "\": expected " + std::string(expected) + ", found \"" +
                      std::string(text.substr(0, kShown)) + "\"";
}

void BlockSink::OnDone(const postgres::Outcome& outcome) {
  if (!described_ && !malformed_) {
    malformed_ =
        base::Error{base::ErrorKind::kMalformed, "it returns no rows at all: expected a query", definition_->id, {}};
  }
  result_.duration = outcome.duration;
  result_.duplicates = block_.duplicates();
  result_.error = outcome.error ? outcome.error : malformed_;
  if (!result_.error) result_.block = std::move(block_).Finish();
  done_(std::move(result_));
}

}  // namespace

std::shared_ptr<postgres::ResultSink> MakeBlockSink(DefinitionPtr definition, std::function<void(QueryResult)> done) {
  return std::make_shared<BlockSink>(std::move(definition), std::move(done));
}

}  // namespace pgvigil::query

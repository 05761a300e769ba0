// The immutable result of one query on one database, or of one judgement: what a page is put together from.
// Stored as text and numbers side by side and not as objects: per row one label text, already escaped, in an arena; and
// an array of doubles, rows x columns, with a presence bit each. (100,000 series so: 25 MB; as string pairs: 112 MB.)
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/descriptor.h"

namespace pgvigil::metrics {

// One column of samples. Several columns may belong to one family: a histogram takes three, <family>_bucket, _sum and
// _count. Its sum and count stand in the row of its labels; each bucket in a row of its own, whose labels are the same
// with `le` behind them, in ascending order of the bounds and with "+Inf" as the last. The writer keeps the family
// together, so that any other columns may stand in the row without `le`.
struct Column {
  std::string family;  // the name on HELP and TYPE
  std::string sample;  // the name on the sample's own line; equal to family but for a histogram
  Type type = Type::kGauge;
  std::string help;  // not escaped yet
};

// Immutable, so shared between threads and pages as shared_ptr<const Block>.
class Block {
 public:
  using Columns = std::shared_ptr<const std::vector<Column>>;

  std::span<const Column> columns() const { return *columns_; }
  std::size_t rows() const { return label_ends_.size(); }
  // `state="active",usename="app"`: without braces, empty for a row without labels of its own.
  std::string_view labels(std::size_t row) const {
    const std::size_t start = row == 0 ? 0 : label_ends_[row - 1];
    return std::string_view(arena_).substr(start, label_ends_[row] - start);
  }
  bool has(std::size_t row, std::size_t column) const {
    const std::size_t bit = row * columns_->size() + column;
    return (present_[bit / 64] >> (bit % 64) & 1) != 0;
  }
  double value(std::size_t row, std::size_t column) const { return values_[row * columns_->size() + column]; }
  // Values present: what the limits count.
  std::size_t samples() const { return samples_; }
  // Bytes of all label texts together: what a writer reserves for them.
  std::size_t label_bytes() const { return arena_.size(); }

 private:
  friend class BlockBuilder;

  Columns columns_;
  std::string arena_;
  std::vector<std::uint32_t> label_ends_;
  std::vector<double> values_;
  std::vector<std::uint64_t> present_;  // one bit a value
  std::size_t samples_ = 0;
};

// Appends `name="value"` with the value escaped (backslash, quote, newline) and made valid UTF-8, after a comma if
// `text` holds a label already. An empty value is left out: Prometheus takes it for an absent label.
void AppendLabel(std::string& text, std::string_view name, std::string_view value);

// Collects rows, finds duplicates, and hands over the Block. Not thread-safe.
class BlockBuilder {
 public:
  explicit BlockBuilder(Block::Columns columns);

  // Starts a row with its finished label text. False if a row of the same labels is already there: what is set until
  // the next row starts is dropped, and the row counted.
  bool StartRow(std::string_view labels);
  // In the row started last, which there must be.
  void Set(std::size_t column, double value);

  std::size_t rows() const { return block_->rows(); }
  std::size_t duplicates() const { return duplicates_; }

  std::shared_ptr<const Block> Finish() &&;

 private:
  bool IsThere(std::string_view labels);
  std::size_t SlotOf(std::string_view labels, std::size_t hash) const;
  void GrowSlots();

  std::unique_ptr<Block> block_;
  // The rows by the hash of their labels: an open-addressed table of row numbers, kept at most half full. Texts are
  // compared in the arena and only where hashes agree. Empty while the rows are so few that each is compared.
  std::vector<std::uint32_t> slots_;
  std::vector<std::size_t> hashes_;  // of each row
  std::size_t duplicates_ = 0;
  bool dropping_ = true;
};

}  // namespace pgvigil::metrics

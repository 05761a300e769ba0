#include "metrics/block.h"

#include <algorithm>
#include <functional>

#include "metrics/escape.h"

namespace pgvigil::metrics {
namespace {

constexpr std::uint32_t kFree = ~std::uint32_t{0};
constexpr std::size_t kFewRows = 8;  // up to here a table costs more than it saves

// Most blocks are small and gone with their page: moving them costs more than what it saves.
template <typename Container>
void GiveBackSlack(Container& container) {
  constexpr std::size_t kWorthMoving = 4096;  // bytes
  const auto slack = (container.capacity() - container.size()) * sizeof(typename Container::value_type);
  if (slack >= kWorthMoving) container.shrink_to_fit();
}

}  // namespace

void AppendLabel(std::string& text, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  if (!text.empty()) text += ',';
  text += name;
  text += "=\"";
  AppendEscaped(text, value, Escape::kQuotesToo);
  text += '"';
}

BlockBuilder::BlockBuilder(Block::Columns columns) : block_(std::make_unique<Block>()) {
  block_->columns_ = std::move(columns);
}

// Where a row of these labels is, or else where it would be.
std::size_t BlockBuilder::SlotOf(std::string_view labels, std::size_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash & mask;
  while (slots_[slot] != kFree && (hashes_[slots_[slot]] != hash || block_->labels(slots_[slot]) != labels)) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

void BlockBuilder::GrowSlots() {
  slots_.assign(std::max(4 * kFewRows, 2 * slots_.size()), kFree);
  while (hashes_.size() < block_->rows()) {
    hashes_.push_back(std::hash<std::string_view>()(block_->labels(hashes_.size())));
  }
  for (std::uint32_t row = 0; row < hashes_.size(); ++row) slots_[SlotOf(block_->labels(row), hashes_[row])] = row;
}

// Takes them up as those of the row to come if they are not.
bool BlockBuilder::IsThere(std::string_view labels) {
  const std::size_t rows = block_->rows();
  if (rows < kFewRows) {
    for (std::size_t row = 0; row < rows; ++row) {
      if (block_->labels(row) == labels) return true;
    }
    return false;
  }
  if (2 * rows >= slots_.size()) GrowSlots();
  const std::size_t hash = std::hash<std::string_view>()(labels);
  const std::size_t slot = SlotOf(labels, hash);
  if (slots_[slot] != kFree) return true;
  slots_[slot] = static_cast<std::uint32_t>(rows);
  hashes_.push_back(hash);
  return false;
}

bool BlockBuilder::StartRow(std::string_view labels) {
  dropping_ = IsThere(labels);
  if (dropping_) {
    ++duplicates_;
    return false;
  }
  if (block_->rows() == 0) {
    block_->label_ends_.reserve(kFewRows);
    block_->values_.reserve(kFewRows * block_->columns_->size());
  }
  block_->arena_ += labels;
  block_->label_ends_.push_back(static_cast<std::uint32_t>(block_->arena_.size()));
  const std::size_t values = block_->rows() * block_->columns_->size();
  block_->values_.resize(values);
  block_->present_.resize((values + 63) / 64);
  return true;
}

void BlockBuilder::Set(std::size_t column, double value) {
  if (dropping_) return;
  const std::size_t bit = (block_->rows() - 1) * block_->columns_->size() + column;
  const std::uint64_t mask = std::uint64_t{1} << (bit % 64);
  if ((block_->present_[bit / 64] & mask) == 0) ++block_->samples_;
  block_->present_[bit / 64] |= mask;
  block_->values_[bit] = value;
}

std::shared_ptr<const Block> BlockBuilder::Finish() && {
  GiveBackSlack(block_->arena_);
  GiveBackSlack(block_->label_ends_);
  GiveBackSlack(block_->values_);
  GiveBackSlack(block_->present_);
  return std::move(block_);
}

}  // namespace pgvigil::metrics

#include "metrics/block.h"

#include <functional>

#include "base/text.h"

namespace pgvigil::metrics {
namespace {

bool IsPlainAscii(std::string_view text) {
  for (const char c : text) {
    if (c < 0x20 || c == '"' || c == '\\' || c == 0x7F) return false;  // bytes above 0x7F are negative
  }
  return true;
}

}  // namespace

void AppendLabel(std::string& text, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  if (!text.empty()) text += ',';
  text += name;
  text += "=\"";
  if (IsPlainAscii(value)) {
    text += value;
  } else {
    for (const char c : base::ValidUtf8(value)) {
      switch (c) {
        case '\\': text += "\\\\"; break;
        case '"': text += "\\\""; break;
        case '\n': text += "\\n"; break;
        default: text += c;
      }
    }
  }
  text += '"';
}

BlockBuilder::BlockBuilder(Block::Columns columns) : block_(std::make_unique<Block>()) {
  block_->columns_ = std::move(columns);
}

bool BlockBuilder::Seen(std::string_view labels) const {
  const auto [first, last] = rows_by_hash_.equal_range(std::hash<std::string_view>()(labels));
  for (auto row = first; row != last; ++row) {
    if (block_->labels(row->second) == labels) return true;
  }
  return false;
}

bool BlockBuilder::StartRow(std::string_view labels) {
  dropping_ = Seen(labels);
  if (dropping_) {
    ++duplicates_;
    return false;
  }
  const auto row = static_cast<std::uint32_t>(block_->rows());
  rows_by_hash_.emplace(std::hash<std::string_view>()(labels), row);
  block_->arena_ += labels;
  block_->label_ends_.push_back(static_cast<std::uint32_t>(block_->arena_.size()));
  const std::size_t bits = block_->rows() * block_->columns_->size();
  block_->values_.resize(bits);
  block_->present_.resize((bits + 63) / 64);
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
  block_->arena_.shrink_to_fit();
  block_->label_ends_.shrink_to_fit();
  block_->values_.shrink_to_fit();
  block_->present_.shrink_to_fit();
  return std::move(block_);
}

}  // namespace pgvigil::metrics

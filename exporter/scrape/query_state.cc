#include "scrape/query_state.h"

#include <algorithm>

namespace pgvigil::scrape {
namespace {

constexpr int kTimeoutsBeforeBackoff = 3;
constexpr auto kFirstBackoff = std::chrono::seconds(30);
constexpr auto kLongestBackoff = std::chrono::minutes(10);

base::SteadyTime::duration BackoffAfter(int timeouts) {
  constexpr int kMostDoublings = 10;
  const int doublings = std::min(timeouts - kTimeoutsBeforeBackoff, kMostDoublings);
  return std::min<base::SteadyTime::duration>(kLongestBackoff, kFirstBackoff * (1 << doublings));
}

}  // namespace

void QueryState::Adopt(const query::DefinitionPtr& definition) {
  const bool same = definition_ == definition || (definition_ && definition_->content == definition->content);
  definition_ = definition;
  if (same) return;
  block_.reset();
  read_.reset();
  timeouts_ = 0;
  not_before_ = {};
}

bool QueryState::Due(base::SteadyTime now) const {
  if (now < not_before_) return false;
  if (!read_ || !success_ || definition_->every.count() == 0) return true;
  return now - *read_ >= definition_->every * 9 / 10;
}

void QueryState::Record(const query::QueryResult& result, base::SteadyTime now, bool blamed) {
  executed_ = true;
  success_ = !result.error;
  duration_ = result.duration;
  rows_ = result.rows;
  if (result.error) return RecordFailure(*result.error, now, blamed);
  block_ = result.block;
  read_ = now;
  timeouts_ = 0;
  not_before_ = {};
}

void QueryState::RecordFailure(const base::Error& error, base::SteadyTime now, bool blamed) {
  ++failures_[error.kind];
  if (definition_->on_error == query::OnError::kDrop) {
    block_.reset();
    read_.reset();
  }
  if (error.kind != base::ErrorKind::kTimeout) {
    timeouts_ = 0;
  } else if (blamed && ++timeouts_ >= kTimeoutsBeforeBackoff) {
    not_before_ = now + BackoffAfter(timeouts_);
  }
}

QuerySample QueryState::Sample(std::string database) const {
  return {definition_, std::move(database), block_, success_, duration_, rows_, read_, failures_};
}

}  // namespace pgvigil::scrape

#include "scrape/database_visits.h"

#include <algorithm>

namespace pgvigil::scrape {
namespace {

constexpr int kPauseFactor = 100;  // a visit of 20 ms is followed by 2 s of rest: one per cent
constexpr auto kShortestPause = std::chrono::seconds(1);
constexpr auto kShortestRound = std::chrono::seconds(10);  // pages are asked for every 15 to 60 s

}  // namespace

DatabaseVisits::DatabaseVisits(postgres::Connector& connector, Callbacks callbacks)
    : connector_(connector), callbacks_(std::move(callbacks)) {}

DatabaseVisits::~DatabaseVisits() { connector_.loop().Cancel(timer_); }

void DatabaseVisits::SetDatabases(std::vector<std::string> databases) {
  databases_ = std::move(databases);
  if (!databases_.empty() && timer_ == 0 && !reader_) ScheduleNext({});
}

// The first round hurries, so that every database is on an early page.
void DatabaseVisits::ScheduleNext(base::SteadyTime::duration pause) {
  const auto databases = databases_.size();
  if (databases > 0 && next_ >= databases) {
    pause = std::max<base::SteadyTime::duration>(pause, kShortestRound / static_cast<int>(databases));
  }
  timer_ = connector_.loop().After(pause, [this] { VisitNext(); });
}

void DatabaseVisits::VisitNext() {
  timer_ = 0;
  reader_.reset();
  if (databases_.empty()) return;
  if (!callbacks_.may_connect()) return ScheduleNext(kShortestPause);
  const std::string database = databases_[next_++ % databases_.size()];
  auto request = callbacks_.request(database);
  const auto candidates = request.candidates(database);
  const bool nothing_due = std::none_of(candidates.begin(), candidates.end(),
                                        [&](const auto& definition) { return request.due(definition, database); });
  if (nothing_due) return ScheduleNext(kShortestPause);
  reader_ = std::make_unique<DatabaseReader>(connector_, callbacks_.session(database));
  const auto started = connector_.loop().clock().Steady();
  reader_->Read(std::move(request), [this, database, started](const Reading& reading) {
    callbacks_.done(database, reading);
    const auto took = connector_.loop().clock().Steady() - started;
    ScheduleNext(std::max<base::SteadyTime::duration>(kShortestPause, kPauseFactor * took));
  });
}

}  // namespace pgvigil::scrape

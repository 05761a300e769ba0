#include "scrape/instance_runs.h"

#include <algorithm>
#include <atomic>
#include <set>
#include <utility>

#include "scrape/families_scrape.h"

namespace pgvigil::scrape {
namespace {

constexpr auto kLogEvery = std::chrono::minutes(5);
constexpr int kOwnConnections = 2;               // the observer's, and the one on the main database
constexpr base::Milliseconds kLockTimeout{100};  // a locked catalog costs its readers this much each, not the whole run
constexpr auto kVisitWithin = std::chrono::seconds(30);

std::uint64_t NextRunId() {
  static std::atomic<std::uint64_t> newest = 0;
  return ++newest;
}

postgres::SessionOptions SessionFor(const observe::InstanceOptions& instance, const Options& options,
                                    const std::string& database) {
  postgres::SessionOptions session;
  session.dsn = instance.dsn;
  session.database = database;
  session.credentials = instance.credentials;
  session.statement_timeout = options.scrape_timeout;
  session.lock_timeout = kLockTimeout;
  return session;
}

bool AsksDatabases(const query::Catalog& catalog, const QuerySet& set) {
  return std::any_of(catalog.definitions().begin(), catalog.definitions().end(), [&](const auto& definition) {
    return definition->scope == query::QueryScope::kDatabase && set.Has(definition->id);
  });
}

}  // namespace

InstanceRuns::InstanceRuns(postgres::Connector& connector, observe::Observer& observer, cluster::ClusterName cluster,
                           observe::InstanceOptions instance, metrics::Self& self)
    : connector_(connector),
      observer_(observer),
      cluster_(std::move(cluster)),
      instance_(std::move(instance)),
      self_(self),
      throttle_(kLogEvery),
      visits_(connector,
              {[this](const std::string& database) { return SessionFor(instance_, options_, database); },
               [this] { return !TooManyAbandoned(); },
               [this](const std::string&) {
                 return Request(
                     [this](const std::string& name) { return DatabaseQueries(*catalog_, QuerySet::All(), name); },
                     base::Deadline::After(connector_.loop().clock().Steady(), kVisitWithin));
               },
               [this](const std::string& database, const Reading& reading) {
                 OnReading(database, reading, QuerySet::All());
               }}) {}

InstanceRuns::~InstanceRuns() {
  connector_.loop().Cancel(refusal_timer_);
  // Removed from the configuration: whoever waits learns that nothing will come.
  for (auto* run : {&current_, &next_}) {
    if (!*run) continue;
    for (const auto& done : (*run)->waiters) done(nullptr);
  }
}

void InstanceRuns::Configure(std::shared_ptr<const query::Catalog> catalog, const Options& options) {
  sessions_outdated_ = sessions_outdated_ || options.scrape_timeout != options_.scrape_timeout;
  catalog_ = std::move(catalog);
  options_ = options;
  queries_.Adopt(*catalog_);
}

void InstanceRuns::Join(const QuerySet& set, base::Deadline deadline, RunDone done) {
  if (current_ && current_->set.Contains(set)) {
    current_->waiters.push_back(std::move(done));
    if (deadline > current_->deadline) {
      current_->deadline = deadline;
      main_->Extend(deadline);
      for (auto& [name, reader] : others_) reader->Extend(deadline);
    }
    return;
  }
  if (next_) {
    next_->set = next_->set.Union(set);
    next_->deadline = std::max(next_->deadline, deadline);
    next_->waiters.push_back(std::move(done));
    return;
  }
  next_.emplace(Run{.set = set, .deadline = deadline});
  next_->waiters.push_back(std::move(done));
  if (!current_) Start();
}

std::shared_ptr<const RunResult> InstanceRuns::SoFar(const QuerySet& set) {
  auto& loop = connector_.loop();
  const bool judged =
      current_ && loop.lag() < postgres::kLateLoop && loop.clock().Steady() - current_->started >= postgres::kLateLoop;
  if (!judged) return nullptr;
  return Result(set, current_->answered,
                base::Error{base::ErrorKind::kTimeout, "no answer within the deadline", instance_.dsn.host_port(), {}});
}

void InstanceRuns::Start() {
  current_ = std::exchange(next_, std::nullopt);
  current_->catalog = catalog_;
  current_->started = connector_.loop().clock().Steady();
  if (current_->deadline.Passed(current_->started)) {  // everyone who waited has left
    const auto waiters = std::move(current_->waiters);
    current_.reset();
    for (const auto& done : waiters) done(nullptr);
    return;
  }
  if (std::exchange(sessions_outdated_, false)) {
    main_.reset();
    others_.clear();
  }
  current_->reading_main = true;
  if (!main_) main_ = std::make_unique<DatabaseReader>(connector_, SessionFor(instance_, options_, ""));
  if (!main_->connected() && TooManyAbandoned()) {
    current_->error = NoConnectionLeft();
    Say("main", "instance cannot be read", *current_->error);
    refusal_timer_ = connector_.loop().After({}, [this] { Finish(); });
    return;
  }
  ReadMain();
}

base::Error InstanceRuns::NoConnectionLeft() const {
  return {base::ErrorKind::kLimit,
          "no connection is opened: backends of earlier scrapes that were cut off are still at work and use up "
          "limits.connections_per_instance (" +
              std::to_string(options_.connections_per_instance) + ")",
          instance_.dsn.host_port(),
          {}};
}

void InstanceRuns::ReadMain() {
  if (auto* observed = observer_.Find(cluster_, instance_.name); observed != nullptr && observed->state().facts) {
    main_->SuggestRole(observed->state().facts->role);
  }
  auto request = Request([this](const std::string& database) { return MainQueries(database); }, current_->deadline);
  request.list_databases = AsksDatabases(*current_->catalog, current_->set);
  main_->Read(std::move(request), [this](const Reading& reading) { OnMain(reading); });
}

void InstanceRuns::OnMain(const Reading& reading) {
  current_->answered = reading.answered;
  current_->error = reading.error;
  if (reading.server) server_ = reading.server;
  OnReading(main_->database(), reading, current_->set);
  if (!AsksDatabases(*current_->catalog, QuerySet::All())) {
    ReadOthers({});
  } else if (reading.databases && reading.databases->ok()) {
    ReadOthers(**reading.databases);
  } else if (reading.answered && AsksDatabases(*current_->catalog, current_->set)) {
    // The list of before stands: what is there is still read.
    if (reading.databases) Say("list", "databases cannot be listed", reading.databases->error());
    for (const auto& [database, reader] : others_) ReadOther(database);
  }
  current_->reading_main = false;
  FinishIfDone();
}

// Database queries on the other databases: on sessions held, as far as the limit goes; the rest is visited.
void InstanceRuns::ReadOthers(const std::vector<std::string>& databases) {
  std::vector<std::string> matching;
  for (const auto& database : databases) {
    if (database != main_->database() && !DatabaseQueries(*current_->catalog, QuerySet::All(), database).empty())
      matching.push_back(database);
  }
  std::set<std::string> kept(matching.begin(), matching.end());
  kept.insert(main_->database());
  queries_.Retain(kept);
  const auto left = static_cast<std::size_t>(std::max(0, options_.connections_per_instance - kOwnConnections));
  const std::size_t held = matching.size() <= left ? matching.size() : left > 0 ? left - 1 : 0;
  if (left == 0 && !matching.empty()) {
    Say("limit", "databases are not read",
        {base::ErrorKind::kLimit,
         "limits.connections_per_instance leaves no session for " + std::to_string(matching.size()) + " databases",
         instance_.dsn.host_port(),
         {}});
  }
  const auto boundary = matching.begin() + static_cast<std::ptrdiff_t>(held);
  visits_.SetDatabases(left == 0 ? std::vector<std::string>() : std::vector<std::string>(boundary, matching.end()));
  matching.erase(boundary, matching.end());
  std::erase_if(others_, [&](const auto& other) {
    return std::find(matching.begin(), matching.end(), other.first) == matching.end();
  });
  for (const auto& database : matching) ReadOther(database);
}

void InstanceRuns::ReadOther(const std::string& database) {
  auto& reader = others_[database];
  if (!reader) reader = std::make_unique<DatabaseReader>(connector_, SessionFor(instance_, options_, database));
  if (current_->deadline.Passed(connector_.loop().clock().Steady())) {
    return OnSkipped(database, {base::ErrorKind::kTimeout, "the main database left no time for it", database, {}});
  }
  if (!reader->connected() && TooManyAbandoned()) return OnSkipped(database, NoConnectionLeft());
  current_->reading.insert(database);
  reader->Read(
      Request([this](const std::string& name) { return DatabaseQueries(*current_->catalog, current_->set, name); },
              current_->deadline),
      [this, database](const Reading& reading) {
        OnReading(database, reading, current_->set);
        current_->reading.erase(database);
        FinishIfDone();
      });
}

void InstanceRuns::OnSkipped(const std::string& database, const base::Error& error) {
  Reading reading;
  reading.error = error;
  OnReading(database, reading, current_->set);
}

// A database that was not reached while the server was: each query that applies there has failed. By the last known
// word, or, where there never was one, by role and version.
void InstanceRuns::OnReading(const std::string& database, const Reading& reading, const QuerySet& set) {
  Record(database, reading);
  if (reading.answered) {
    queries_.SetApplying(database, reading.applying, set);
    throttle_.Forget("unread " + database);
    return;
  }
  const bool main = main_ && database == main_->database();
  const auto* observed = observer_.Find(cluster_, instance_.name);
  const bool told = main && (observed == nullptr || !observed->state().sql.up);  // the observer says that it is down
  if (reading.error && !told) {
    Say("unread " + database, main ? "instance cannot be read" : "database cannot be read", *reading.error, database);
  }
  if (main || !server_) return;
  auto applying = queries_.Applying(database, set);
  if (applying.empty()) {
    applying = DatabaseQueries(*catalog_, set, database);
    std::erase_if(applying, [&](const auto& definition) {
      return !definition->when.empty() || !query::Applies(*definition, *server_);
    });
    queries_.SetApplying(database, applying, set);
  }
  const auto now = connector_.loop().clock().Steady();
  for (const auto& definition : applying) {
    if (reading.error) queries_.State(definition, database).Record({.error = reading.error}, now, false);
  }
}

void InstanceRuns::Record(const std::string& database, const Reading& reading) {
  const auto now = connector_.loop().clock().Steady();
  for (const auto& answer : reading.answers) {
    auto& state = queries_.State(answer.definition, database);
    state.Record(answer.result, now, answer.blamed);
    // A lost session is one event: only the query that was running is worth a line of its own.
    if (!reading.error || !answer.result.error || answer.blamed) Report(*answer.definition, answer.result, state);
  }
  if (reading.abandoned_backend == 0) return;
  if (auto* observed = observer_.Find(cluster_, instance_.name)) observed->Abandon(reading.abandoned_backend);
}

void InstanceRuns::Say(const std::string& key, std::string_view what, const base::Error& error,
                       const std::string& database) {
  const auto held_back = throttle_.Admit(key, connector_.loop().clock().Steady());
  if (!held_back) return;
  base::Log(base::LogLevel::kWarn, what, error,
            {{"pg_instance", instance_.name}, {"database", database}, {"repeated", *held_back}});
}

// Says what went wrong with a query, once until it has gone well; counts what was left out.
void InstanceRuns::Report(const query::Definition& definition, const query::QueryResult& result,
                          const QueryState& state) {
  CountDropped(self_, DropReason::kValue, result.bad_values);
  CountDropped(self_, DropReason::kDuplicate, result.duplicates);
  CountDropped(self_, DropReason::kSeriesLimit, result.over_limit);
  const auto now = connector_.loop().clock().Steady();
  const auto say = [&](std::string_view what, const std::string& detail) {
    const auto held_back = throttle_.Admit(definition.id + "\n" + std::string(what), now);
    if (!held_back) return;
    base::Log(base::LogLevel::kWarn, what,
              {{"pg_instance", instance_.name},
               {"query", definition.id},
               {"file", definition.place.file},
               {"line", definition.place.line},
               {"detail", detail},
               {"repeated", *held_back}});
  };
  const std::string failed = definition.id + "\nfailed";
  if (!result.error) {
    throttle_.Forget(failed);
  } else if (const auto held_back = throttle_.Admit(failed, now)) {
    base::Log(base::LogLevel::kWarn, "query failed", *result.error,
              {{"pg_instance", instance_.name}, {"query", definition.id}, {"repeated", *held_back}});
  }
  if (result.error && state.not_before() > now) {
    say("query is left out for a while after repeated timeouts", std::to_string(state.timeouts()) + " in a row");
  }
  if (result.bad_values > 0) say("values cannot be read", result.first_bad);
  if (result.duplicates > 0) say("duplicate series are dropped", std::to_string(result.duplicates) + " rows");
  if (result.over_limit > 0) say("rows beyond max_series are dropped", std::to_string(result.over_limit) + " rows");
  for (const auto& column : result.undeclared_columns) say("result column is not declared and ignored", column);
}

void InstanceRuns::FinishIfDone() {
  if (!current_->reading_main && current_->reading.empty()) Finish();
}

void InstanceRuns::Finish() {
  const auto result = Result(current_->set, current_->answered, current_->error);
  const auto waiters = std::move(current_->waiters);
  current_.reset();
  if (next_) Start();
  for (const auto& done : waiters) done(result);
}

std::shared_ptr<const RunResult> InstanceRuns::Result(const QuerySet& set, bool up, std::optional<base::Error> error) {
  auto result = std::make_shared<RunResult>();
  result->id = NextRunId();
  result->up = up;
  result->error = std::move(error);
  result->duration = connector_.loop().clock().Steady() - current_->started;
  result->queries = queries_.Samples(set, up ? server_ : std::nullopt, current_->reading);
  return result;
}

std::vector<query::DefinitionPtr> InstanceRuns::MainQueries(const std::string& database) const {
  std::vector<query::DefinitionPtr> queries;
  for (const auto& definition : current_->catalog->definitions()) {
    const bool here = definition->scope == query::QueryScope::kServer || query::MatchesDatabase(*definition, database);
    if (here && current_->set.Has(definition->id)) queries.push_back(definition);
  }
  return queries;
}

std::vector<query::DefinitionPtr> InstanceRuns::DatabaseQueries(const query::Catalog& catalog, const QuerySet& set,
                                                                const std::string& database) {
  std::vector<query::DefinitionPtr> queries;
  for (const auto& definition : catalog.definitions()) {
    if (definition->scope == query::QueryScope::kDatabase && set.Has(definition->id) &&
        query::MatchesDatabase(*definition, database)) {
      queries.push_back(definition);
    }
  }
  return queries;
}

ReadingRequest InstanceRuns::Request(Candidates candidates, base::Deadline deadline) {
  const auto due = [this](const query::DefinitionPtr& definition, const std::string& database) {
    return queries_.State(definition, database).Due(connector_.loop().clock().Steady());
  };
  const auto slow = [this](const query::DefinitionPtr& definition, const std::string& database) {
    return queries_.State(definition, database).timeouts() > 0;
  };
  return {std::move(candidates), due, slow, false, deadline};
}

bool InstanceRuns::TooManyAbandoned() const {
  const auto* observed = observer_.Find(cluster_, instance_.name);
  if (observed == nullptr) return false;
  const auto open =
      std::count_if(others_.begin(), others_.end(), [](const auto& other) { return other.second->holds_connection(); });
  const int used =
      1 + (main_ && main_->holds_connection() ? 1 : 0) + (visits_.connected() ? 1 : 0) + static_cast<int>(open);
  return used + observed->abandoned() >= options_.connections_per_instance;
}

}  // namespace pgvigil::scrape

#include "scrape/instance_runs.h"

#include <algorithm>
#include <atomic>
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
               [this](const std::string& database) {
                 return Request(
                     [this, database](const std::string&) { return DatabaseQueries(QuerySet::All(), database); },
                     base::Deadline::After(connector_.loop().clock().Steady(), kVisitWithin));
               },
               [this](const std::string& database, const Reading& reading) { Record(database, reading); }}) {}

InstanceRuns::~InstanceRuns() {
  connector_.loop().Cancel(refusal_timer_);
  // Removed from the configuration: whoever waits learns that nothing will come.
  for (auto* run : {&current_, &next_}) {
    if (!*run) continue;
    for (const auto& done : (*run)->waiters) done(nullptr);
  }
}

void InstanceRuns::Configure(std::shared_ptr<const query::Catalog> catalog, const Options& options) {
  catalog_ = std::move(catalog);
  options_ = options;
  std::erase_if(states_, [this](const auto& state) {
    const auto& definitions = catalog_->definitions();
    const auto id = std::string_view(state.first).substr(state.first.find('\n') + 1);
    return std::none_of(definitions.begin(), definitions.end(),
                        [&](const auto& definition) { return definition->id == id; });
  });
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

void InstanceRuns::Start() {
  current_ = std::exchange(next_, std::nullopt);
  current_->catalog = catalog_;
  current_->started = connector_.loop().clock().Steady();
  current_->readings_left = 1;
  if (!main_) main_ = std::make_unique<DatabaseReader>(connector_, SessionFor(instance_, options_, ""));
  if (!main_->connected() && TooManyAbandoned()) {
    current_->error = base::Error{
        base::ErrorKind::kLimit,
        "no connection is opened: backends of earlier scrapes that were cut off are still at work and use up "
        "limits.connections_per_instance (" +
            std::to_string(options_.connections_per_instance) + ")",
        instance_.dsn.host_port(),
        {}};
    refusal_timer_ = connector_.loop().After({}, [this] { Finish(); });
    return;
  }
  ReadMain();
}

void InstanceRuns::ReadMain() {
  if (auto* observed = observer_.Find(cluster_, instance_.name); observed != nullptr && observed->state().facts) {
    main_->SuggestRole(observed->state().facts->role);
  }
  const auto& definitions = current_->catalog->definitions();
  auto request = Request([this](const std::string& database) { return MainQueries(database); }, current_->deadline);
  request.list_databases = std::any_of(definitions.begin(), definitions.end(), [this](const auto& definition) {
    return definition->scope == query::QueryScope::kDatabase && current_->set.Has(definition->id);
  });
  main_->Read(std::move(request), [this](const Reading& reading) { OnMain(reading); });
}

void InstanceRuns::OnMain(const Reading& reading) {
  current_->answered = reading.answered;
  current_->error = reading.error;
  Record(main_->database(), reading);
  for (const auto& definition : reading.applying) {
    current_->applying.push_back({definition, Label(*definition, main_->database())});
  }
  if (reading.answered && !reading.databases.empty()) ReadOthers(reading.databases);
  if (--current_->readings_left == 0) Finish();
}

// Database queries on the other databases: on sessions held, as far as the limit goes; the rest is visited.
void InstanceRuns::ReadOthers(const std::vector<std::string>& databases) {
  std::vector<std::string> matching;
  for (const auto& database : databases) {
    if (database != main_->database() && !DatabaseQueries(QuerySet::All(), database).empty())
      matching.push_back(database);
  }
  const auto left = static_cast<std::size_t>(std::max(0, options_.connections_per_instance - kOwnConnections));
  const std::size_t held = matching.size() <= left ? matching.size() : left > 0 ? left - 1 : 0;
  if (left == 0 && !matching.empty() && throttle_.Admit("databases", current_->started)) {
    base::Log(base::LogLevel::kWarn,
              "limits.connections_per_instance leaves no session for other databases: they are not read",
              {{"pg_instance", instance_.name}, {"databases", matching.size()}});
  }
  const auto boundary = matching.begin() + static_cast<std::ptrdiff_t>(held);
  visits_.SetDatabases(left == 0 ? std::vector<std::string>() : std::vector<std::string>(boundary, matching.end()));
  matching.erase(boundary, matching.end());
  std::erase_if(others_, [&](const auto& other) {
    return std::find(matching.begin(), matching.end(), other.first) == matching.end();
  });
  for (const auto& database : matching) {
    auto& reader = others_[database];
    if (!reader) reader = std::make_unique<DatabaseReader>(connector_, SessionFor(instance_, options_, database));
    if (current_->error || (!reader->connected() && TooManyAbandoned())) continue;
    ++current_->readings_left;
    reader->Read(
        Request([this](const std::string& name) { return DatabaseQueries(current_->set, name); }, current_->deadline),
        [this, database](const Reading& reading) { OnOther(database, reading); });
  }
}

void InstanceRuns::OnOther(const std::string& database, const Reading& reading) {
  Record(database, reading);
  for (const auto& definition : reading.applying) current_->applying.push_back({definition, database});
  if (reading.error && throttle_.Admit("database " + database, current_->started)) {
    base::Log(base::LogLevel::kWarn, "database cannot be read", *reading.error,
              {{"pg_instance", instance_.name}, {"database", database}});
  }
  if (--current_->readings_left == 0) Finish();
}

void InstanceRuns::Record(const std::string& database, const Reading& reading) {
  const auto now = connector_.loop().clock().Steady();
  for (const auto& answer : reading.answers) {
    auto& state = State(answer.definition, Label(*answer.definition, database));
    state.Record(answer.result, now, answer.blamed);
    // A lost session is one event: only the query that was running is worth a line of its own.
    if (!reading.error || answer.blamed) Report(*answer.definition, answer.result, state);
  }
  if (reading.abandoned_backend == 0) return;
  if (auto* observed = observer_.Find(cluster_, instance_.name)) observed->Abandon(reading.abandoned_backend);
}

// Says what went wrong with a query, once; counts what was left out.
void InstanceRuns::Report(const query::Definition& definition, const query::QueryResult& result,
                          const QueryState& state) {
  CountDropped(self_, DropReason::kValue, result.bad_values);
  CountDropped(self_, DropReason::kDuplicate, result.duplicates);
  CountDropped(self_, DropReason::kSeriesLimit, result.over_limit);
  const auto now = connector_.loop().clock().Steady();
  const auto say = [&](std::string_view what, const std::string& detail) {
    if (!throttle_.Admit(definition.id + "\n" + std::string(what), now)) return;
    base::Log(base::LogLevel::kWarn, what,
              {{"pg_instance", instance_.name},
               {"query", definition.id},
               {"file", definition.place.file},
               {"line", definition.place.line},
               {"detail", detail}});
  };
  if (result.error && throttle_.Admit(definition.id + "\n" + std::string(base::Name(result.error->kind)), now)) {
    base::Log(base::LogLevel::kWarn, "query failed", *result.error,
              {{"pg_instance", instance_.name}, {"query", definition.id}});
  }
  if (result.error && state.not_before() > now) {
    say("query is left out for a while after repeated timeouts", std::to_string(state.timeouts()) + " in a row");
  }
  if (result.bad_values > 0) say("values cannot be read", result.first_bad);
  if (result.duplicates > 0) say("duplicate series are dropped", std::to_string(result.duplicates) + " rows");
  if (result.over_limit > 0) say("rows beyond max_series are dropped", std::to_string(result.over_limit) + " rows");
  for (const auto& column : result.undeclared_columns) say("result column is not declared and ignored", column);
}

void InstanceRuns::Finish() {
  if (current_->answered) last_applying_ = current_->applying;
  const auto result = Result();
  const auto waiters = std::move(current_->waiters);
  current_.reset();
  if (next_) Start();
  for (const auto& done : waiters) done(result);
}

std::shared_ptr<const RunResult> InstanceRuns::Result() {
  auto result = std::make_shared<RunResult>();
  result->id = NextRunId();
  result->up = current_->answered;
  result->error = current_->error;
  result->duration = connector_.loop().clock().Steady() - current_->started;
  for (const auto& [definition, label] : current_->answered ? current_->applying : last_applying_) {
    if (!current_->set.Has(definition->id)) continue;
    auto sample = State(definition, label).Sample(label);
    if (!current_->answered) {
      sample.success = false;
      if (definition->on_error != query::OnError::kKeep) sample.block.reset();
    }
    result->queries.push_back(std::move(sample));
  }
  if (!current_->answered) return result;
  for (const auto& database : visits_.databases()) {
    for (const auto& definition : DatabaseQueries(current_->set, database)) {
      if (const auto& state = State(definition, database); state.executed())
        result->queries.push_back(state.Sample(database));
    }
  }
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

std::vector<query::DefinitionPtr> InstanceRuns::DatabaseQueries(const QuerySet& set,
                                                                const std::string& database) const {
  std::vector<query::DefinitionPtr> queries;
  for (const auto& definition : catalog_->definitions()) {
    if (definition->scope == query::QueryScope::kDatabase && set.Has(definition->id) &&
        query::MatchesDatabase(*definition, database)) {
      queries.push_back(definition);
    }
  }
  return queries;
}

QueryState& InstanceRuns::State(const query::DefinitionPtr& definition, const std::string& label) {
  auto& state = states_[label + "\n" + definition->id];
  state.Adopt(definition);
  return state;
}

ReadingRequest InstanceRuns::Request(Candidates candidates, base::Deadline deadline) {
  const auto due = [this](const query::DefinitionPtr& definition, const std::string& database) {
    return State(definition, Label(*definition, database)).Due(connector_.loop().clock().Steady());
  };
  return {std::move(candidates), due, false, deadline};
}

std::string InstanceRuns::Label(const query::Definition& definition, const std::string& database) {
  return definition.scope == query::QueryScope::kDatabase ? database : std::string();
}

bool InstanceRuns::TooManyAbandoned() const {
  const auto* observed = observer_.Find(cluster_, instance_.name);
  if (observed == nullptr) return false;
  const auto open =
      std::count_if(others_.begin(), others_.end(), [](const auto& other) { return other.second->connected(); });
  const int used = 1 + (main_ && main_->connected() ? 1 : 0) + (visits_.connected() ? 1 : 0) + static_cast<int>(open);
  return used + observed->abandoned() >= options_.connections_per_instance;
}

}  // namespace pgvigil::scrape

#include "cli/check_server.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "cli/check_archiving.h"
#include "postgres/check_connection.h"
#include "postgres/facts.h"
#include "postgres/facts_sql.h"
#include "query/explain.h"
#include "query/rows_to_block.h"

namespace pgvigil::cli {
namespace {

using postgres::CheckedQuery;
using query::Definition;
using query::QueryResult;
using query::Usage;

constexpr std::array<std::string_view, 3> kHistogramHelpers = {"_bucket", "_sum", "_count"};

std::string Number(double value) {
  std::array<char, 32> digits{};
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr};
}

// What the result should have: declared columns, and a histogram's companions.
std::vector<std::string> ExpectedColumns(const Definition& definition) {
  std::vector<std::string> names;
  for (const auto& column : definition.columns) {
    names.push_back(column.name);
    if (column.usage != Usage::kHistogram) continue;
    for (const auto suffix : kHistogramHelpers) names.push_back(column.name + std::string(suffix));
  }
  return names;
}

// One query's part of the report.
class QueryReport {
 public:
  explicit QueryReport(const Definition& definition) : definition_(definition) {}

  void Failed(const base::Error& error) {
    text_ = definition_.id + ": FAILED " + (error.code.empty() ? "" : error.code + " ") + error.message + " (" +
            definition_.place.file + ":" + std::to_string(definition_.place.line) + ")\n";
    ++findings_;
  }

  void Answered(const CheckedQuery& checked, const QueryResult& result, const std::string& database) {
    std::array<char, 96> figures{};
    std::snprintf(figures.data(), figures.size(), ": %llu rows in %.2f ms",
                  static_cast<unsigned long long>(checked.rows), base::Seconds(checked.duration) * 1e3);
    text_ = definition_.id + figures.data();
    if (checked.plan_cost) {
      std::snprintf(figures.data(), figures.size(), ", plan cost %.0f", *checked.plan_cost);
      text_ += figures.data();
    }
    if (definition_.scope == query::QueryScope::kDatabase) {
      text_ += ", in database \"" + database + "\" alone: serving runs it in each of";
      for (const auto& pattern : definition_.databases) text_ += " " + pattern;
    }
    text_ += "\n";
    if (result.block) Emitted(*result.block);
    Columns(checked);
    Dropped(result);
  }

  const std::string& text() const { return text_; }
  std::size_t findings() const { return findings_; }

 private:
  void Finding(const std::string& text) {
    text_ += "    PROBLEM: " + text + "\n";
    ++findings_;
  }

  // A line a family: how many series, and the first of them.
  void Emitted(const metrics::Block& block) {
    const auto columns = block.columns();
    for (std::size_t c = 0; c < columns.size(); ++c) {
      std::size_t series = 0;
      std::string first;
      for (std::size_t row = 0; row < block.rows(); ++row) {
        if (!block.has(row, c) || series++ > 0) continue;
        const auto labels = block.labels(row);
        first = columns[c].sample + (labels.empty() ? "" : "{" + std::string(labels) + "}") + " " +
                Number(block.value(row, c));
      }
      text_ += "    " + std::string(metrics::Name(columns[c].type)) + " ";
      text_ += series == 0 ? columns[c].sample + ": no series now\n" : first;
      if (series > 0) text_ += series == 1 ? "\n" : " and " + std::to_string(series - 1) + " more series\n";
    }
  }

  void Columns(const CheckedQuery& checked) {
    const auto expected = ExpectedColumns(definition_);
    for (const auto& name : expected) {
      if (std::find(checked.columns.begin(), checked.columns.end(), name) == checked.columns.end())
        Finding("column \"" + name + "\" is declared and not returned: the query fails");
    }
    for (const auto& name : checked.columns) {
      if (std::find(expected.begin(), expected.end(), name) == expected.end())
        Finding("column \"" + name + "\" is returned and not declared: it is ignored");
    }
  }

  void Dropped(const QueryResult& result) {
    if (result.bad_values > 0) Finding(std::to_string(result.bad_values) + " values are dropped: " + result.first_bad);
    if (result.duplicates > 0) {
      Finding(std::to_string(result.duplicates) + " rows are dropped: others have the same labels");
    }
    if (result.over_limit > 0) {
      Finding(std::to_string(result.over_limit) + " rows are dropped: there are more than max_series (" +
              std::to_string(definition_.max_series) + ")");
    }
  }

  const Definition& definition_;
  std::string text_;
  std::size_t findings_ = 0;
};

QueryReport ReportOf(const query::DefinitionPtr& definition, postgres::CheckConnection& connection) {
  QueryReport report(*definition);
  QueryResult result;
  const auto sink = query::MakeBlockSink(definition, [&](QueryResult finished) { result = std::move(finished); });
  const auto checked = connection.Run(definition->sql, definition->timeout, *sink);
  if (checked.ok()) {
    report.Answered(*checked, result, connection.database());
  } else {
    report.Failed(checked.error());
  }
  return report;
}

void CheckQuery(const query::DefinitionPtr& definition, const query::ServerContext& server,
                postgres::CheckConnection& connection, ServerReport& result) {
  if (const auto why = query::WhyNot(*definition, server); !why.empty()) {
    result.report += definition->id + ": not run: " + why + "\n";
    return;
  }
  for (const auto& predicate : definition->when) {
    const auto held = connection.Holds(predicate);
    if (held.ok() && *held) continue;
    result.report += definition->id + ": not run: its predicate " +
                     (held.ok() ? "says no" : "FAILED " + held.error().code + " " + held.error().message) + "\n";
    if (!held.ok()) ++result.findings;
    return;
  }
  const auto report = ReportOf(definition, connection);
  result.report += report.text();
  result.findings += report.findings();
}

// Null where the configuration does not name the server.
const observe::ClusterOptions* ClusterOf(const postgres::Dsn& server,
                                         const std::vector<observe::ClusterOptions>& clusters) {
  for (const auto& cluster : clusters) {
    for (const auto& instance : cluster.instances) {
      if (instance.dsn.host_port() == server.host_port()) return &cluster;
    }
  }
  return nullptr;
}

void CheckArchiving(const observe::ClusterOptions& cluster, postgres::CheckConnection& connection,
                    ServerReport& result) {
  postgres::SettingsSink sink;
  (void)connection.Run(postgres::SettingsSql(connection.version()), std::nullopt, sink);  // the sink has the error
  const auto& settings = sink.settings();
  if (!settings.ok()) {
    result.report += "archiving: FAILED " + settings.error().code + " " + settings.error().message + "\n";
    ++result.findings;
    return;
  }
  for (const auto& doubt : ArchivingDoubts(*settings, cluster)) {
    result.report += "archiving: PROBLEM: " + doubt + "\n";
    ++result.findings;
  }
}

}  // namespace

base::Result<ServerReport> CheckServer(const query::Catalog& catalog,
                                       const std::vector<observe::ClusterOptions>& clusters, const std::string& dsn,
                                       const std::string& password_file) {
  auto parsed = postgres::ParseDsn(dsn);
  if (!parsed.ok()) return base::Error{parsed.error().kind, parsed.error().message, "--server", {}};
  if (parsed->size() != 1) return base::Error{base::ErrorKind::kMalformed, "expected one host", "--server", {}};
  const auto credentials = password_file.empty() ? postgres::NoPassword() : postgres::PasswordFile(password_file);
  if (const auto password = credentials->Password(); !password.ok()) {
    return base::Error{
        password.error().kind, "cannot read " + password_file + ": " + password.error().message, "--password-file", {}};
  }
  ServerReport result;
  auto connected = postgres::CheckConnection::Open(parsed->front(), *credentials);
  if (!connected.ok()) {
    result.report = connected.error().subject + ": does not answer: " + connected.error().message + "\n";
    result.findings = 1;
    return result;
  }
  const auto connection = std::move(connected).Take();
  const query::ServerContext server{connection->version(),
                                    connection->in_recovery() ? cluster::Role::kStandby : cluster::Role::kPrimary};
  const int version = connection->version();
  result.report = parsed->front().host_port() + ": PostgreSQL " + std::to_string(version / 10000) + "." +
                  std::to_string(version % 10000) + ", " + (connection->in_recovery() ? "standby" : "primary") +
                  ", database \"" + connection->database() + "\"\n";
  for (const auto& definition : catalog.definitions()) CheckQuery(definition, server, *connection, result);
  if (const auto* cluster = ClusterOf(parsed->front(), clusters)) CheckArchiving(*cluster, *connection, result);
  return result;
}

}  // namespace pgvigil::cli

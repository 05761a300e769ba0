#include "cli/check_server.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "postgres/check_connection.h"

namespace pgvigil::cli {
namespace {

using postgres::CheckedQuery;
using query::Definition;
using query::Usage;

constexpr std::array<std::string_view, 3> kHistogramHelpers = {"_bucket", "_sum", "_count"};

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

std::string Compare(const Definition& definition, const CheckedQuery& checked, std::size_t& findings) {
  std::string text;
  const auto expected = ExpectedColumns(definition);
  for (const auto& name : expected) {
    if (std::find(checked.columns.begin(), checked.columns.end(), name) != checked.columns.end()) continue;
    ++findings;
    text += "    column \"" + name + "\" is declared and not returned\n";
  }
  for (const auto& name : checked.columns) {
    if (std::find(expected.begin(), expected.end(), name) != expected.end()) continue;
    ++findings;
    text += "    column \"" + name + "\" is returned and not declared: it is ignored\n";
  }
  return text;
}

std::string Report(const Definition& definition, const base::Result<CheckedQuery>& checked, std::size_t& findings) {
  const std::string where = definition.place.file + ":" + std::to_string(definition.place.line);
  if (!checked.ok()) {
    ++findings;
    const auto& error = checked.error();
    return definition.id + ": FAILED " + (error.code.empty() ? "" : error.code + " ") + error.message + " (" + where +
           ")\n";
  }
  std::array<char, 128> figures{};
  std::snprintf(figures.data(), figures.size(), ": %llu rows in %.2f ms, plan cost %.0f",
                static_cast<unsigned long long>(checked->rows), base::Seconds(checked->duration) * 1e3,
                checked->plan_cost);
  std::string text = definition.id + figures.data();
  const auto per_row = definition.block_columns->size();
  text += ", at most " + std::to_string(std::min<std::size_t>(checked->rows, definition.max_series) * per_row) +
          " series\n";
  if (checked->rows > definition.max_series) {
    ++findings;
    text +=
        "    more rows than max_series (" + std::to_string(definition.max_series) + "): the rest would be dropped\n";
  }
  return text + Compare(definition, *checked, findings);
}

}  // namespace

base::Result<ServerReport> CheckServer(const query::Catalog& catalog, const std::string& dsn,
                                       const std::string& password_file) {
  auto parsed = postgres::ParseDsn(dsn);
  if (!parsed.ok()) return parsed.error();
  const auto credentials = password_file.empty() ? postgres::NoPassword() : postgres::PasswordFile(password_file);
  auto connected = postgres::CheckConnection::Open(parsed->front(), *credentials);
  if (!connected.ok()) return connected.error();
  const auto connection = std::move(connected).Take();
  const query::ServerContext server{connection->version(),
                                    connection->in_recovery() ? cluster::Role::kStandby : cluster::Role::kPrimary};
  ServerReport result;
  for (const auto& definition : catalog.definitions()) {
    if (!query::Applies(*definition, server)) {
      result.report += definition->id + ": does not apply to this version or role\n";
      continue;
    }
    bool applies = true;
    for (const auto& predicate : definition->when) {
      const auto held = connection->Holds(predicate);
      if (held.ok() && *held) continue;
      applies = false;
      result.report += definition->id + ": does not apply: " +
                       (held.ok() ? "its predicate says no" : "its predicate failed: " + held.error().message) + "\n";
      if (!held.ok()) ++result.findings;
    }
    if (applies)
      result.report += Report(*definition, connection->Run(definition->sql, definition->timeout), result.findings);
  }
  return result;
}

}  // namespace pgvigil::cli

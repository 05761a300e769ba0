#include "query/definition_reader.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/text.h"
#include "query/columns.h"
#include "query/sql_text.h"

namespace pgvigil::query {
namespace {

using yaml::Node;

// Fields of other exporters' dialects, with what says the same here.
struct Foreign {
  std::string_view name;
  std::string_view native;
};
constexpr std::array kForeign = {
    Foreign{"primary", "role: primary"},
    Foreign{"master", "role: primary"},
    Foreign{"runonserver", "versions"},
    Foreign{"min_version", "versions"},
    Foreign{"max_version", "versions"},
    Foreign{"target_databases", "scope: database with databases"},
    Foreign{"predicate_query", "when"},
    Foreign{"predicate_queries", "when"},
    Foreign{"ttl", "every"},
    Foreign{"cache_seconds", "every"},
    Foreign{"tags", "role, scope and databases"},
    Foreign{"skip", "enabled: false"},
    Foreign{"desc", "description"},
    Foreign{"fatal", "nothing: one query never stops the others"},
    Foreign{"priority", "nothing: the order of the files holds"},
};
constexpr std::array<std::string_view, 16> kFields = {
    "description", "sql",       "query", "columns", "metrics", "name",       "role",     "versions",
    "scope",       "databases", "when",  "every",   "timeout", "max_series", "on_error", "enabled"};

// What returns rows and can be prepared. COPY would leave the protocol's extended query, SET and BEGIN the session as
// the next query expects it.
constexpr std::array<std::string_view, 6> kReads = {"SELECT", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN"};

std::string UnknownField(const std::string& name) {
  for (const auto& foreign : kForeign) {
    if (foreign.name == name) return "is another exporter's field; here it is " + std::string(foreign.native);
  }
  std::string all;
  for (const auto field : kFields) all += (all.empty() ? "" : ", ") + std::string(field);
  return "unknown field; there are: " + all;
}

class Reader {
 public:
  Reader(const std::string& id, const Node& node, const ReadOptions& options, base::Diagnostics& diagnostics)
      : node_(node), options_(options), diagnostics_(diagnostics), id_(id) {}

  std::shared_ptr<Definition> Read() {
    if (!IsName(id_)) Wrong(node_, "", "expected a name of letters, digits and underscores, not starting with a digit");
    if (!node_.IsMap()) {
      Wrong(node_, "", "expected a map with sql and columns");
      return nullptr;
    }
    for (const auto& member : node_.members()) {
      if (std::find(kFields.begin(), kFields.end(), member.key) == kFields.end()) {
        errors_ = true;
        diagnostics_.Error(member.place, id_ + "." + member.key, UnknownField(member.key));
      }
    }
    definition_->id = options_.prefix.empty() ? id_ : options_.prefix + "_" + id_;
    definition_->place = node_.place();
    definition_->description = Text("description");
    Sql();
    Conditions();
    Limits();
    Columns();
    definition_->content = base::ContentHash(Content());
    return errors_ ? nullptr : definition_;
  }

 private:
  // What decides which series it yields; not how often it is asked, nor for how long.
  std::string Content() const {
    std::string text = definition_->sql + '\0' + std::to_string(definition_->max_series) +
                       std::to_string(static_cast<int>(definition_->scope));
    for (const auto& sql : definition_->when) text += '\0' + sql;
    for (const auto& column : definition_->columns) {
      text += '\0' + column.name + '\0' + column.metric_name + '\0' + column.label_name + '\0' + column.description +
              '\0' + std::to_string(static_cast<int>(column.usage)) + std::to_string(column.scale) +
              (column.default_value ? std::to_string(*column.default_value) : "");
      for (const auto& [from, to] : column.mapping) text += '\0' + from + '\0' + std::to_string(to);
    }
    return text;
  }

  void Wrong(const Node& node, std::string_view field, std::string message) {
    errors_ = true;
    diagnostics_.Error(node.place(), field.empty() ? id_ : id_ + "." + std::string(field), std::move(message));
  }

  const Node* Find(std::string_view field) const {
    const Node* value = node_.Find(field);
    return value == nullptr || value->IsNull() ? nullptr : value;
  }

  // The field's text; empty where it is absent or, with an error, no text.
  std::string Text(std::string_view field) {
    const Node* value = Find(field);
    if (value == nullptr) return {};
    if (!value->IsScalar()) {
      Wrong(*value, field, "expected text");
      return {};
    }
    return value->text();
  }

  // One text or a list of them.
  std::vector<std::string> Texts(std::string_view field) {
    std::vector<std::string> texts;
    const Node* value = Find(field);
    if (value == nullptr) return texts;
    if (value->IsScalar()) return {value->text()};
    if (value->IsMap()) Wrong(*value, field, "expected text or a list of text");
    for (const auto& item : value->items()) {
      if (!item.IsScalar()) {
        Wrong(item, field, "expected text");
      } else {
        texts.push_back(item.text());
      }
    }
    return texts;
  }

  void Sql() {
    const Node* sql = Find("sql");
    if (sql != nullptr && Find("query") != nullptr)
      Wrong(*Find("query"), "query", "sql is given as well: keep one of both");
    const std::string_view field = sql == nullptr && Find("query") != nullptr ? "query" : "sql";
    const Node* value = Find(field);
    definition_->sql = Statement(value != nullptr ? *value : node_, field, Text(field));
    definition_->statement = "pgv_" + base::ContentHash(definition_->sql);
  }

  // One statement that reads.
  std::string Statement(const Node& node, std::string_view field, std::string_view text) {
    auto sql = OneStatement(text);
    const auto word = FirstWord(sql);
    if (sql.empty()) {
      Wrong(node, field, "expected an SQL statement");
    } else if (HasSeveralStatements(sql)) {
      Wrong(node, field, "expected one statement: a prepared statement cannot hold several");
    } else if (std::find(kReads.begin(), kReads.end(), word) == kReads.end()) {
      Wrong(node, field,
            "expected a statement that reads: SELECT, WITH, VALUES, TABLE, SHOW or EXPLAIN" +
                (word.empty() ? std::string() : ", found " + word));
    }
    return sql;
  }

  template <typename Enum, std::size_t N>
  Enum OneOf(std::string_view field, const std::array<std::pair<std::string_view, Enum>, N>& choices, Enum fallback) {
    const auto text = Text(field);
    if (text.empty()) return fallback;
    std::string all;
    for (const auto& [name, value] : choices) {
      if (name == text) return value;
      all += (all.empty() ? "" : ", ") + std::string(name);
    }
    Wrong(*Find(field), field, "expected one of " + all + ", found \"" + text + "\"");
    return fallback;
  }

  void Conditions() {
    constexpr std::array kRoles = {std::pair<std::string_view, RoleCondition>{"any", RoleCondition::kAny},
                                   std::pair<std::string_view, RoleCondition>{"primary", RoleCondition::kPrimary},
                                   std::pair<std::string_view, RoleCondition>{"standby", RoleCondition::kStandby}};
    constexpr std::array kScopes = {std::pair<std::string_view, QueryScope>{"server", QueryScope::kServer},
                                    std::pair<std::string_view, QueryScope>{"database", QueryScope::kDatabase}};
    constexpr std::array kOnErrors = {std::pair<std::string_view, OnError>{"drop", OnError::kDrop},
                                      std::pair<std::string_view, OnError>{"keep", OnError::kKeep}};
    definition_->role = OneOf("role", kRoles, RoleCondition::kAny);
    definition_->scope = OneOf("scope", kScopes, QueryScope::kServer);
    definition_->on_error = OneOf("on_error", kOnErrors, OnError::kDrop);
    for (const auto& text : Texts("versions")) {
      const auto range = ParseVersions(text);
      if (range.ok()) {
        definition_->versions.push_back(*range);
      } else {
        Wrong(*Find("versions"), "versions", range.error().message + ", found \"" + text + "\"");
      }
    }
    definition_->databases = Texts("databases");
    if (!definition_->databases.empty() && definition_->scope == QueryScope::kServer) {
      Wrong(*Find("databases"), "databases", "expected only with scope: database");
    }
    const auto excludes = [](const std::string& pattern) { return pattern.starts_with('!'); };
    if (definition_->databases.empty()) definition_->databases = {"*", "!template*"};
    if (std::all_of(definition_->databases.begin(), definition_->databases.end(), excludes))
      definition_->databases.insert(definition_->databases.begin(), "*");
    for (const auto& sql : Texts("when")) definition_->when.push_back(Statement(*Find("when"), "when", sql));
    const auto enabled = Text("enabled");
    if (!enabled.empty() && enabled != "true" && enabled != "false")
      Wrong(*Find("enabled"), "enabled", "expected true or false");
    definition_->enabled = enabled != "false";
  }

  std::optional<base::Milliseconds> Duration(std::string_view field) {
    const auto text = Text(field);
    if (text.empty()) return std::nullopt;
    const auto span = base::ParseDuration(text);
    if (span.ok()) return *span;
    Wrong(*Find(field), field, span.error().message + ", found \"" + text + "\"");
    return std::nullopt;
  }

  void Limits() {
    definition_->every = Duration("every").value_or(base::Milliseconds(0));
    definition_->timeout = Duration("timeout");
    if (definition_->timeout && definition_->timeout->count() == 0)
      Wrong(*Find("timeout"), "timeout", "expected more than 0: that would mean no timeout");
    definition_->max_series = options_.max_series;
    const auto text = Text("max_series");
    if (text.empty()) return;
    const auto limit = base::ParseInteger<std::uint32_t>(text);
    if (!limit || *limit == 0)
      return Wrong(*Find("max_series"), "max_series", "expected a whole number, 1 or more, found \"" + text + "\"");
    definition_->max_series = *limit;
  }

  void Columns() {
    const Node* columns = Find("columns");
    if (columns != nullptr && Find("metrics") != nullptr)
      Wrong(*Find("metrics"), "metrics", "columns is given as well: keep one of both");
    if (columns == nullptr) columns = Find("metrics");
    if (columns == nullptr) return Wrong(node_, "columns", "missing: every column of the result is declared here");
    const auto name = Text("name");
    if (!name.empty() && !IsName(name)) Wrong(*Find("name"), "name", "expected letters, digits and underscores");
    const std::string infix = name.empty() ? id_ : name;
    const std::string prefix = options_.prefix.empty() ? infix : options_.prefix + "_" + infix;
    if (!ReadColumns(*columns, prefix, id_, *definition_, diagnostics_)) errors_ = true;
    const bool labelled = std::any_of(definition_->columns.begin(), definition_->columns.end(),
                                      [](const auto& column) { return column.usage == Usage::kLabel; });
    if (definition_->scope == QueryScope::kDatabase && !labelled) {
      diagnostics_.Warning(node_.place(), id_ + ".columns",
                           "no column is a label: with scope: database every database would give the same series, of "
                           "which the first is kept; return current_database() as one");
    }
  }

  const Node& node_;
  const ReadOptions& options_;
  base::Diagnostics& diagnostics_;
  const std::string id_;
  std::shared_ptr<Definition> definition_ = std::make_shared<Definition>();
  bool errors_ = false;
};

// "17" or "14.5" as server_version_num has it.
std::optional<int> VersionNumber(std::string_view text) {
  const auto dot = text.find('.');
  const auto major = base::ParseInteger<std::int32_t>(text.substr(0, dot));
  const auto minor =
      dot == std::string_view::npos ? std::optional(0) : base::ParseInteger<std::int32_t>(text.substr(dot + 1));
  if (!major || !minor || *major < 10 || *major > 99 || *minor < 0 || *minor > 9999) return std::nullopt;
  return *major * 10000 + *minor;
}

}  // namespace

base::Result<VersionRange> ParseVersions(std::string_view text) {
  const base::Error error{base::ErrorKind::kMalformed,
                          "expected versions such as \">=13\", \"<17\", \">=13,<17\" or \"16\"",
                          std::string(text),
                          {}};
  VersionRange range;
  for (auto part : base::Split(text, ',')) {
    part = base::Trim(part);
    const auto number_at = part.find_first_of("0123456789");
    if (number_at == std::string_view::npos) return error;
    const auto comparison = base::Trim(part.substr(0, number_at));
    const auto digits = part.substr(number_at);
    const auto version = VersionNumber(digits);
    if (!version) return error;
    const int behind =
        *version + (digits.find('.') == std::string_view::npos ? 10000 : 1);  // 16 stands for 16.0 up to 16.9999
    if (comparison == ">=") {
      range.from = std::max(range.from, *version);
    } else if (comparison == ">") {
      range.from = std::max(range.from, behind);
    } else if (comparison == "<") {
      range.below = std::min(range.below, *version);
    } else if (comparison == "<=") {
      range.below = std::min(range.below, behind);
    } else if (comparison.empty() || comparison == "=" || comparison == "==") {
      range.from = std::max(range.from, *version);
      range.below = std::min(range.below, behind);
    } else {
      return error;
    }
  }
  if (range.from >= range.below)
    return base::Error{base::ErrorKind::kMalformed, "expected a range that holds some version", std::string(text), {}};
  return range;
}

bool IsName(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !text.empty() && letter(text.front()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

std::shared_ptr<Definition> ReadDefinition(const std::string& id, const Node& node, const ReadOptions& options,
                                           base::Diagnostics& diagnostics) {
  return Reader(id, node, options, diagnostics).Read();
}

}  // namespace pgvigil::query

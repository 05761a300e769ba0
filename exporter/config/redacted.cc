#include "config/redacted.h"

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace pgvigil::config {
namespace {

// JSON's string form is YAML's double-quoted one.
std::string Quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string ObjectivesText(const cluster::Objectives& objectives) {
  std::string text;
  const auto add = [&](std::string_view key, const std::string& value) {
    text += (text.empty() ? "" : ", ") + std::string(key) + ": " + value;
  };
  const auto duration = [&](std::string_view key, const std::optional<base::Milliseconds>& limit) {
    if (limit) add(key, base::FormatDuration(*limit));
  };
  duration("rpo_primary", objectives.rpo_primary);
  duration("rpo_site", objectives.rpo_site);
  duration("rto", objectives.rto);
  duration("replication_lag", objectives.replication_lag);
  if (objectives.replication_lag_bytes)
    add("replication_lag_bytes", base::FormatSize(*objectives.replication_lag_bytes));
  if (objectives.slot_retained_bytes) add("slot_retained_bytes", base::FormatSize(*objectives.slot_retained_bytes));
  duration("backup_age", objectives.backup_age);
  duration("recovery_window", objectives.recovery_window);
  duration("restore_drill_age", objectives.restore_drill_age);
  if (objectives.connection_usage) add("connection_usage", nlohmann::json(*objectives.connection_usage).dump());
  return "{" + text + "}";
}

std::string ClusterText(const observe::ClusterOptions& cluster) {
  std::string text = "  - name: " + Quoted(cluster.name.name) + "\n";
  if (!cluster.name.space.empty()) text += "    namespace: " + Quoted(cluster.name.space) + "\n";
  if (cluster.replica) text += "    replica: true\n";
  text += "    objectives: " + ObjectivesText(cluster.objectives) + "\n    instances:\n";
  for (const auto& instance : cluster.instances) {
    text += "      - {name: " + Quoted(instance.name) + ", dsn: " + Quoted(instance.dsn.Redacted());
    const auto& from = instance.credential_key;
    if (from.starts_with('$')) text += ", password_env: " + Quoted(from.substr(1));
    if (from.starts_with('/')) text += ", password_file: " + Quoted(from);
    text += from == "DATA_SOURCE_NAME" ? "}  # its password: DATA_SOURCE_NAME in the environment\n" : "}\n";
  }
  return text;
}

std::string_view LevelName(base::LogLevel level) {
  switch (level) {
    case base::LogLevel::kDebug: return "debug";
    case base::LogLevel::kInfo: return "info";
    case base::LogLevel::kWarn: return "warn";
    case base::LogLevel::kError: break;
  }
  return "error";
}

}  // namespace

std::string Redacted(const Config& config) {
  std::string text = "listen: " + Quoted(config.web.listen) + "\n";
  if (!config.web.config_file.empty()) text += "web: {config_file: " + Quoted(config.web.config_file) + "}\n";
  text += "queries:\n";
  for (const auto& set : config.queries.file_sets) {
    text += "  - {files: " + Quoted(set.files) + (set.prefix.empty() ? "" : ", prefix: " + Quoted(set.prefix));
    std::string names;
    for (const auto& wanted : set.enable) names += (names.empty() ? "" : ", ") + Quoted(wanted.name);
    text += (names.empty() ? "" : ", enable: [" + names + "]") + "}\n";
  }
  text += "clusters:\n";
  for (const auto& cluster : config.observe.clusters) text += ClusterText(cluster);
  text += "limits: {scrape_timeout: " + base::FormatDuration(config.scrape.scrape_timeout) +
          ", connections_per_instance: " + std::to_string(config.scrape.connections_per_instance) +
          ", series_per_query: " + std::to_string(config.queries.series_per_query) +
          ", series_per_page: " + std::to_string(config.scrape.series_per_page) + "}\n";
  text += "intervals: {observe_primary: " + base::FormatDuration(config.observe.observe_primary) +
          ", observe_standby: " + base::FormatDuration(config.observe.observe_standby) + "}\n";
  text += "log: {level: " + std::string(LevelName(config.log.level)) +
          ", format: " + (config.log.format == base::LogFormat::kJson ? "json" : "logfmt") + "}\n";
  return text;
}

}  // namespace pgvigil::config

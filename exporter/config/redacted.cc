#include "config/redacted.h"

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace pgvigil::config {
namespace {

// JSON's string form is YAML's double-quoted one.
std::string Quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// The members of a map that are there, in one line.
class Flow {
 public:
  Flow& Add(std::string_view key, const std::string& value) {
    text_ += (text_.empty() ? "" : ", ") + std::string(key) + ": " + value;
    return *this;
  }
  Flow& Text(std::string_view key, const std::string& text) { return text.empty() ? *this : Add(key, Quoted(text)); }
  std::string Finish() const { return "{" + text_ + "}"; }

 private:
  std::string text_;
};

std::string ObjectivesText(const cluster::Objectives& objectives) {
  Flow flow;
  const auto duration = [&](std::string_view key, const std::optional<base::Milliseconds>& limit) {
    if (limit) flow.Add(key, base::FormatDuration(*limit));
  };
  duration("rpo_primary", objectives.rpo_primary);
  duration("rpo_site", objectives.rpo_site);
  duration("rto", objectives.rto);
  duration("replication_lag", objectives.replication_lag);
  if (objectives.replication_lag_bytes)
    flow.Add("replication_lag_bytes", base::FormatSize(*objectives.replication_lag_bytes));
  if (objectives.slot_retained_bytes)
    flow.Add("slot_retained_bytes", base::FormatSize(*objectives.slot_retained_bytes));
  duration("backup_age", objectives.backup_age);
  duration("recovery_window", objectives.recovery_window);
  duration("restore_drill_age", objectives.restore_drill_age);
  if (objectives.connection_usage) flow.Add("connection_usage", nlohmann::json(*objectives.connection_usage).dump());
  return flow.Finish();
}

// A bucket, or a directory in its place.
void AddStore(const archive::Place& place, Flow& flow) {
  flow.Text("directory", place.directory);
  if (!place.s3) return;
  const auto& s3 = *place.s3;
  flow.Text("bucket", s3.bucket).Text("path", s3.path).Text("endpoint", s3.endpoint).Text("region", s3.region);
  if (s3.addressing == objectstore::Addressing::kPath) flow.Add("addressing", "path");
  if (s3.addressing == objectstore::Addressing::kVirtualHost) flow.Add("addressing", "virtual");
  const auto& keys = s3.credentials;
  if (!keys.empty()) {
    flow.Add("credentials", Flow()
                                .Text("access_key_id_file", keys.access_key_id_file)
                                .Text("secret_access_key_file", keys.secret_access_key_file)
                                .Text("session_token_file", keys.session_token_file)
                                .Finish());
  }
  flow.Text("ca_file", s3.ca_file);
}

std::string DirectoryText(const archive::Place& place) {
  Flow flow;
  flow.Text("path", place.directory).Text("server", place.server).Text("wal", place.wal).Text("backups", place.backups);
  std::string dumps;
  for (const auto& pattern : place.dumps) dumps += (dumps.empty() ? "" : ", ") + Quoted(pattern);
  if (!dumps.empty()) flow.Add("dumps", "[" + dumps + "]");
  return flow.Finish();
}

std::string PgbackrestText(const archive::Place& place) {
  Flow flow, repository;
  flow.Text("stanza", place.stanza).Text("passphrase_file", place.passphrase_file).Text("info_file", place.info_file);
  AddStore(place, repository);
  if (place.info_file.empty()) flow.Add("repo", repository.Finish());
  return flow.Finish();
}

std::string ArchiveText(const observe::ArchiveOptions& options) {
  const auto& place = options.place;
  Flow flow, store;
  flow.Text("name", place.name);
  switch (place.tool) {
    case archive::Tool::kBarman:
      AddStore(place, store.Text("server", place.server));
      flow.Add("barman", store.Finish());
      break;
    case archive::Tool::kDirectory: flow.Add("directory", DirectoryText(place)); break;
    case archive::Tool::kPgbackrest: flow.Add("pgbackrest", PgbackrestText(place)); break;
    case archive::Tool::kWalg:
      AddStore(place, store);
      flow.Add("walg", store.Finish());
      break;
  }
  if (options.terms.retention) flow.Add("retention", base::FormatDuration(*options.terms.retention));
  return flow.Finish();
}

std::string ScheduleText(const cluster::Schedule& schedule) {
  Flow flow, match;
  flow.Text("name", schedule.name).Text("cron", schedule.cron.text());
  flow.Text("timezone", schedule.cron.zone().Name());
  match.Text("method", schedule.match_method.value_or("")).Text("type", schedule.match_type.value_or(""));
  flow.Add("match", match.Finish());
  if (schedule.suspended) flow.Add("suspend", "true");
  return flow.Finish();
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
  if (!cluster.archives.empty()) text += "    archive:\n";
  for (const auto& archive : cluster.archives) text += "      - " + ArchiveText(archive) + "\n";
  if (!cluster.schedules.empty()) text += "    schedules:\n";
  for (const auto& schedule : cluster.schedules) text += "      - " + ScheduleText(schedule) + "\n";
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
  if (!config.journal.empty()) text += "journal: " + Quoted(config.journal) + "\n";
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
  text += "intervals: {archive: " + base::FormatDuration(config.archive_interval) +
          ", observe_primary: " + base::FormatDuration(config.observe.observe_primary) +
          ", observe_standby: " + base::FormatDuration(config.observe.observe_standby) + "}\n";
  text += "log: {level: " + std::string(LevelName(config.log.level)) +
          ", format: " + (config.log.format == base::LogFormat::kJson ? "json" : "logfmt") + "}\n";
  return text;
}

}  // namespace pgvigil::config

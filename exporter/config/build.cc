#include "config/build.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>

#include "config/archives.h"
#include "config/schedules.h"
#include "web/listen_address.h"

namespace pgvigil::config {
namespace {

using yaml::Section;

cluster::Objectives ObjectivesFrom(const Section& map) {
  return {.rpo_primary = map.Duration("rpo_primary"),
          .rpo_site = map.Duration("rpo_site"),
          .rto = map.Duration("rto"),
          .replication_lag = map.Duration("replication_lag"),
          .replication_lag_bytes = map.Size("replication_lag_bytes"),
          .slot_retained_bytes = map.Size("slot_retained_bytes"),
          .backup_age = map.Duration("backup_age"),
          .recovery_window = map.Duration("recovery_window"),
          .restore_drill_age = map.Duration("restore_drill_age"),
          .connection_usage = map.Ratio("connection_usage")};
}

class Builder {
 public:
  Builder(std::string directory, base::Diagnostics& diagnostics)
      : directory_(std::move(directory)), diagnostics_(diagnostics) {}

  Config Read(const Section& root) {
    Config config;
    if (root.Has("listen")) {
      config.web.listen = root.Text("listen");
      CheckListen(config.web.listen, root.PlaceOf("listen"), "listen", diagnostics_);
    }
    if (root.Has("journal")) config.journal = Absolute(root.Text("journal"));
    config.web.config_file = File(root.Member("web"), "config_file", "web.config_file");
    Queries(root, config.queries);
    Limits(root.Member("limits"), config);
    const auto intervals = root.Member("intervals");
    auto& observe = config.observe;
    observe.observe_primary = intervals.Duration("observe_primary").value_or(observe.observe_primary);
    observe.observe_standby = intervals.Duration("observe_standby").value_or(observe.observe_standby);
    config.archive_interval = intervals.Duration("archive").value_or(config.archive_interval);
    const auto log = root.Member("log");
    config.log = LogOptionsFrom(log.Text("level"), log.Text("format"));
    config.objectives = ObjectivesFrom(root.Member("objectives")).Or(cluster::Objectives::Defaults());
    for (const auto& [index, node] : root.Items("clusters")) {
      const auto path = "clusters[" + std::to_string(index) + "]";
      observe.clusters.push_back(Cluster(root.Of(*node), path, config));
    }
    return config;
  }

 private:
  // Names that must not come twice, with where the first one is.
  using Taken = std::map<std::string, std::string>;

  std::string Absolute(const std::string& path) const {
    return std::filesystem::path(path).is_absolute() ? path : (std::filesystem::path(directory_) / path).string();
  }

  // The path of a file that a key names; empty where the key is absent.
  std::string File(const Section& map, std::string_view key, const std::string& path) {
    if (!map.Has(key)) return {};
    auto file = Absolute(map.Text(key));
    MustBeReadable(file, map.PlaceOf(key), path, diagnostics_);
    return file;
  }

  void Queries(const Section& root, query::Options& options) {
    for (const auto& [index, node] : root.Items("queries")) {
      const auto set = root.Of(*node);
      if (!set.Has("files")) continue;
      const auto path = "queries[" + std::to_string(index) + "]";
      query::FileSet files{Absolute(set.Text("files")), set.Text("prefix"), {}, set.PlaceOf("files"), path + ".files"};
      for (const auto& [i, name] : set.Items("enable"))
        files.enable.push_back({name->text(), name->place(), path + ".enable[" + std::to_string(i) + "]"});
      options.file_sets.push_back(std::move(files));
    }
  }

  static void Limits(const Section& map, Config& config) {
    auto& scrape = config.scrape;
    scrape.scrape_timeout = map.Duration("scrape_timeout").value_or(scrape.scrape_timeout);
    if (const auto most = map.Count("connections_per_instance"))
      scrape.connections_per_instance = static_cast<int>(*most);  // the table has the greatest
    if (const auto most = map.Count("series_per_query")) config.queries.series_per_query = *most;
    if (const auto most = map.Count("series_per_page")) scrape.series_per_page = *most;
  }

  // Says so if `name` is taken; otherwise takes it.
  void Unique(Taken& taken, const std::string& name, const std::string& as, const base::Place& place,
              const std::string& path, std::string_view what) {
    const auto [first, is_new] = taken.emplace(name, as);
    if (!is_new) diagnostics_.Error(place, path, first->second + " has the same " + std::string(what));
  }

  observe::ClusterOptions Cluster(const Section& map, const std::string& path, const Config& config) {
    observe::ClusterOptions options;
    options.name = {map.Text("namespace"), map.Text("name")};
    options.replica = map.Switch("replica", false);
    options.objectives = ObjectivesFrom(map.Member("objectives")).Or(config.objectives);
    if (map.Has("name")) {
      const auto whole = options.name.space + '\n' + options.name.name;
      Unique(clusters_, whole, path, map.PlaceOf("name"), path + ".name", "name and namespace");
    }
    Taken names, servers;
    for (const auto& [index, node] : map.Items("instances")) {
      const auto own = path + ".instances[" + std::to_string(index) + "]";
      const auto instance = map.Of(*node);
      auto& made = options.instances.emplace_back(Instance(instance, own));
      if (instance.Has("name")) Unique(names, made.name, own, instance.PlaceOf("name"), own + ".name", "name");
      if (!made.dsn.parameters.empty())
        Unique(servers, made.dsn.Redacted(), own, instance.PlaceOf("dsn"), own + ".dsn", "connection string");
    }
    options.archives = ArchivesFrom(map, path, config.archive_interval, directory_, diagnostics_);
    options.schedules = SchedulesFrom(map, path, options.archives, diagnostics_);
    return options;
  }

  observe::InstanceOptions Instance(const Section& map, const std::string& path) {
    observe::InstanceOptions options;
    options.name = map.Text("name");
    options.credentials = postgres::NoPassword();
    if (map.Has("password_file") && map.Has("password_env")) {
      diagnostics_.Error(map.PlaceOf("password_env"), path + ".password_env",
                         "password_file is given as well: keep one of both");
    }
    const auto variable = map.Text("password_env");
    if (const auto file = File(map, "password_file", path + ".password_file"); !file.empty()) {
      options.credential_key = file;
      options.credentials = postgres::PasswordFile(file);
    } else if (!variable.empty()) {
      options.credential_key = "$" + variable;
      options.credentials = postgres::PasswordVariable(variable);
      if (std::getenv(variable.c_str()) == nullptr) {
        diagnostics_.Error(map.PlaceOf("password_env"), path + ".password_env",
                           "the environment variable " + variable + " is not set");
      }
    }
    if (map.Has("dsn")) options.dsn = Dsn(map, path + ".dsn");
    return options;
  }

  postgres::Dsn Dsn(const Section& map, const std::string& path) {
    const auto parsed = postgres::ParseDsn(map.Text("dsn"));
    if (!parsed.ok()) {
      diagnostics_.Error(map.PlaceOf("dsn"), path, parsed.error().message);
      return {};
    }
    if (parsed->size() == 1) return parsed->front();
    diagnostics_.Error(
        map.PlaceOf("dsn"), path,
        "expected one host, found " + std::to_string(parsed->size()) + ": list each server as an instance of its own");
    return {};
  }

  const std::string directory_;
  base::Diagnostics& diagnostics_;
  Taken clusters_;
};

}  // namespace

base::LogOptions LogOptionsFrom(const std::string& level, const std::string& format) {
  using base::LogLevel;
  base::LogOptions options;
  if (level == "debug") options.level = LogLevel::kDebug;
  if (level == "warn") options.level = LogLevel::kWarn;
  if (level == "error") options.level = LogLevel::kError;
  if (format == "json") options.format = base::LogFormat::kJson;
  return options;
}

void CheckListen(const std::string& listen, const base::Place& place, std::string_view path,
                 base::Diagnostics& diagnostics) {
  const auto ports = web::ListeningPorts(listen, false, true);
  if (!ports.ok()) diagnostics.Error(place, path, ports.error().message + ", found \"" + listen + "\"");
}

void MustBeReadable(const std::string& file, const base::Place& place, std::string_view path,
                    base::Diagnostics& diagnostics) {
  if (access(file.c_str(), R_OK) == 0) return;
  diagnostics.Error(place, path, "cannot read " + file + ": " + std::strerror(errno));
}

Config Build(const Section& root, const std::string& directory, base::Diagnostics& diagnostics) {
  return Builder(directory, diagnostics).Read(root);
}

}  // namespace pgvigil::config

#include "config/build.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>

#include "base/text.h"
#include "config/keys.h"

namespace pgvigil::config {
namespace {

using yaml::Node;

constexpr int kLeastConnections = 2;  // the observer's and one for queries

// A validated map: what is read from it has its form, or is absent.
class Map {
 public:
  explicit Map(const Node* node) : node_(node) {}

  const Node* Find(std::string_view key) const {
    const Node* value = node_ == nullptr ? nullptr : node_->Find(key);
    return value == nullptr || value->IsNull() ? nullptr : value;
  }
  Map Member(std::string_view key) const { return Map(Find(key)); }
  std::string Text(std::string_view key) const {
    const Node* value = Find(key);
    return value == nullptr ? std::string() : value->text();
  }
  std::optional<base::Milliseconds> Duration(std::string_view key) const {
    const Node* value = Find(key);
    if (value == nullptr) return std::nullopt;
    return *base::ParseDuration(value->text());
  }
  std::optional<std::uint64_t> Size(std::string_view key) const {
    const Node* value = Find(key);
    if (value == nullptr) return std::nullopt;
    return *base::ParseSize(value->text());
  }
  std::optional<double> Ratio(std::string_view key) const {
    const Node* value = Find(key);
    if (value == nullptr) return std::nullopt;
    return base::ParseDouble(value->text());
  }
  template <typename Integer>
  void Count(std::string_view key, Integer& into) const {
    if (const Node* value = Find(key)) into = static_cast<Integer>(*base::ParseInteger<std::uint32_t>(value->text()));
  }
  const std::vector<Node>& Items(std::string_view key) const {
    static const std::vector<Node> kNone;
    const Node* value = Find(key);
    return value == nullptr ? kNone : value->items();
  }
  // Where to point at: the key's value, or the map itself.
  base::Place PlaceOf(std::string_view key) const {
    const Node* value = Find(key);
    if (value != nullptr) return value->place();
    return node_ == nullptr ? base::Place() : node_->place();
  }

 private:
  const Node* node_;
};

cluster::Objectives ObjectivesFrom(const Map& map) {
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

  Config Read(const Map& root) {
    Config config;
    if (const auto listen = root.Text("listen"); !listen.empty()) config.web.listen = listen;
    Web(root.Member("web"), config.web);
    Queries(root, config.queries);
    Limits(root.Member("limits"), config);
    Intervals(root.Member("intervals"), config.observe);
    const auto log = root.Member("log");
    config.log = LogOptionsFrom(log.Text("level"), log.Text("format"));
    const auto fallback = ObjectivesFrom(root.Member("objectives")).Or(cluster::Objectives::Defaults());
    const auto& clusters = root.Items("clusters");
    for (std::size_t i = 0; i < clusters.size(); ++i) {
      config.observe.clusters.push_back(Cluster(Map(&clusters[i]), "clusters[" + std::to_string(i) + "]", fallback));
    }
    UniqueClusters(root, config.observe);
    return config;
  }

 private:
  std::string Absolute(const std::string& path) const {
    return std::filesystem::path(path).is_absolute() ? path : (std::filesystem::path(directory_) / path).string();
  }

  // Whether a file that the configuration names can be read now; it may still change later.
  void MustBeReadable(const std::string& path, const base::Place& place, const std::string& key) {
    if (access(path.c_str(), R_OK) != 0)
      diagnostics_.Error(place, key, "cannot read " + path + ": " + std::strerror(errno));
  }

  void Web(const Map& map, web::Options& options) {
    const auto file = map.Text("config_file");
    if (file.empty()) return;
    options.config_file = Absolute(file);
    MustBeReadable(options.config_file, map.PlaceOf("config_file"), "web.config_file");
  }

  void Queries(const Map& root, query::Options& options) {
    for (const auto& item : root.Items("queries")) {
      const Map set(&item);
      options.file_sets.push_back({Absolute(set.Text("files")), set.Text("prefix")});
      for (const auto& name : set.Items("enable")) options.enable.push_back(name.text());
    }
  }

  void Limits(const Map& map, Config& config) {
    config.scrape.scrape_timeout = map.Duration("scrape_timeout").value_or(config.scrape.scrape_timeout);
    if (config.scrape.scrape_timeout < std::chrono::seconds(1)) {
      diagnostics_.Error(map.PlaceOf("scrape_timeout"), "limits.scrape_timeout",
                         "expected at least 1s: half a second is kept as margin");
    }
    map.Count("connections_per_instance", config.scrape.connections_per_instance);
    if (config.scrape.connections_per_instance < kLeastConnections) {
      diagnostics_.Error(map.PlaceOf("connections_per_instance"), "limits.connections_per_instance",
                         "expected at least 2: one for the observer and one for queries");
    }
    map.Count("series_per_query", config.queries.series_per_query);
    map.Count("series_per_page", config.scrape.series_per_page);
  }

  void Intervals(const Map& map, observe::Options& options) {
    const auto read = [&](std::string_view key, base::Milliseconds& into) {
      into = map.Duration(key).value_or(into);
      if (into >= std::chrono::milliseconds(100) && into <= std::chrono::minutes(5)) return;
      diagnostics_.Error(map.PlaceOf(key), "intervals." + std::string(key), "expected an interval from 100ms to 5m");
    };
    read("observe_primary", options.observe_primary);
    read("observe_standby", options.observe_standby);
  }

  observe::ClusterOptions Cluster(const Map& map, const std::string& path, const cluster::Objectives& fallback) {
    observe::ClusterOptions options;
    options.name = {map.Text("namespace"), map.Text("name")};
    options.replica = map.Text("replica") == "true";
    options.objectives = ObjectivesFrom(map.Member("objectives")).Or(fallback);
    const auto& instances = map.Items("instances");
    if (instances.empty() && map.Find("instances") != nullptr) {
      diagnostics_.Error(map.PlaceOf("instances"), path + ".instances", "expected at least one instance");
    }
    std::set<std::string> names;
    for (std::size_t i = 0; i < instances.size(); ++i) {
      const auto own = path + ".instances[" + std::to_string(i) + "]";
      const Map instance(&instances[i]);
      options.instances.push_back(Instance(instance, own));
      if (!names.insert(options.instances.back().name).second) {
        diagnostics_.Error(instance.PlaceOf("name"), own + ".name",
                           "another instance of this cluster has the same name");
      }
    }
    return options;
  }

  observe::InstanceOptions Instance(const Map& map, const std::string& path) {
    observe::InstanceOptions options;
    options.name = map.Text("name");
    options.credentials = postgres::NoPassword();
    const auto file = map.Text("password_file");
    const auto variable = map.Text("password_env");
    if (!file.empty() && !variable.empty()) {
      diagnostics_.Error(map.PlaceOf("password_env"), path + ".password_env",
                         "password_file is given as well: keep one of both");
    } else if (!file.empty()) {
      options.credential_key = Absolute(file);
      options.credentials = postgres::PasswordFile(options.credential_key);
      MustBeReadable(options.credential_key, map.PlaceOf("password_file"), path + ".password_file");
    } else if (!variable.empty()) {
      options.credential_key = "$" + variable;
      options.credentials = postgres::PasswordVariable(variable);
      if (std::getenv(variable.c_str()) == nullptr) {
        diagnostics_.Error(map.PlaceOf("password_env"), path + ".password_env",
                           "the environment variable " + variable + " is not set");
      }
    }
    Dsn(map, path, options);
    return options;
  }

  void Dsn(const Map& map, const std::string& path, observe::InstanceOptions& options) {
    if (map.Find("dsn") == nullptr) return;  // said by Validate
    auto parsed = postgres::ParseDsn(map.Text("dsn"));
    if (!parsed.ok()) return diagnostics_.Error(map.PlaceOf("dsn"), path + ".dsn", parsed.error().message);
    if (parsed->size() != 1) {
      diagnostics_.Error(map.PlaceOf("dsn"), path + ".dsn",
                         "expected one host, found " + std::to_string(parsed->size()) +
                             ": list each server as an instance of its own");
    }
    options.dsn = parsed->front();
  }

  void UniqueClusters(const Map& root, const observe::Options& options) {
    std::map<cluster::ClusterName, std::size_t> first;
    for (std::size_t i = 0; i < options.clusters.size(); ++i) {
      const auto [at, is_new] = first.emplace(options.clusters[i].name, i);
      if (is_new) continue;
      diagnostics_.Error(Map(&root.Items("clusters")[i]).PlaceOf("name"), "clusters[" + std::to_string(i) + "].name",
                         "clusters[" + std::to_string(at->second) + "] has the same name and namespace");
    }
  }

  const std::string directory_;
  base::Diagnostics& diagnostics_;
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

Config Build(const Node& root, const std::string& directory, base::Diagnostics& diagnostics) {
  return Builder(directory, diagnostics).Read(Map(&root));
}

}  // namespace pgvigil::config

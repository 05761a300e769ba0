#include "config/keys.h"

#include <array>

namespace pgvigil::config {
namespace {

using enum KeyType;

constexpr std::array kObjectives = {
    Key{"rpo_primary", kDuration, "30s", "Most that may be lost, in time, when the primary is lost"},
    Key{"rpo_site", kDuration, "", "Most that may be lost, in time, when the primary and all standbys are lost"},
    Key{"rto", kDuration, "2m", "Longest outage that a failover may cause"},
    Key{"replication_lag", kDuration, "30s", "Most that a standby may be behind in time"},
    Key{"replication_lag_bytes", kSize, "256MiB", "Most that a standby may be behind in WAL"},
    Key{"slot_retained_bytes", kSize, "8GiB", "Most WAL that a replication slot may hold back"},
    Key{"backup_age", kDuration, "", "Greatest age of the newest usable backup"},
    Key{"recovery_window", kDuration, "7d", "How far back a restore must be possible"},
    Key{"restore_drill_age", kDuration, "", "Greatest age of the last restore drill; not judged unless set"},
    Key{"connection_usage", kRatio, "0.8", "Greatest share of max_connections in use"},
};

constexpr std::array kInstances = {
    Key{"name", kText, "", "Name of the instance: the label pg_instance", true},
    Key{"dsn", kText, "", "Connection string of one server, key=value or URI, without a password", true},
    Key{"password_file", kText, "", "File that holds the password; read anew when the server refuses it"},
    Key{"password_env", kText, "", "Environment variable that holds the password"},
};

constexpr std::array kClusters = {
    Key{"name", kText, "", "Name of the cluster: the label pg_cluster", true},
    Key{"namespace", kText, "", "The label namespace; without one the label is left out"},
    Key{"replica", kSwitch, "false", "True for a replica (disaster recovery) cluster, which has no primary of its own"},
    Key{"instances", kMaps, "", "The cluster's servers", true, kInstances},
    Key{"objectives", kMap, "", "Limits of this cluster; what is not named here is taken from the file's objectives",
        false, kObjectives},
};

constexpr std::array kQueries = {
    Key{"files", kText, "", "Query files: a path or a shell pattern", true},
    Key{"prefix", kText, "", "Put before every metric name of these files, with an underscore"},
    Key{"enable", kTexts, "", "Names of queries in these files that are off by default and wanted"},
};

constexpr std::array kWeb = {
    Key{"config_file", kText, "", "Web configuration of the Prometheus ecosystem: TLS, client CA, basic auth, headers"},
};

constexpr std::array kLimits = {
    Key{"scrape_timeout", kDuration, "10s",
        "Deadline of a scrape without Prometheus's header; with it the smaller of both"},
    Key{"connections_per_instance", kCount, "3", "Most connections to one server, the observer's included; at least 2"},
    Key{"series_per_query", kCount, "2000", "Most rows of one query's result; a query's own max_series wins"},
    Key{"series_per_page", kCount, "0",
        "Most series of queries on one page; 0 stands for max(200000, 2000 x instances)"},
};

constexpr std::array kIntervals = {
    Key{"observe_primary", kDuration, "1s",
        "How often a primary is observed, and every instance while no primary answers"},
    Key{"observe_standby", kDuration, "5s", "How often a standby is observed"},
};

constexpr std::array<std::string_view, 4> kLevels = {"debug", "info", "warn", "error"};
constexpr std::array<std::string_view, 2> kFormats = {"logfmt", "json"};
constexpr std::array kLog = {
    Key{"level", kChoice, "info", "Least severe level that is logged", false, {}, kLevels},
    Key{"format", kChoice, "logfmt", "Form of a log line", false, {}, kFormats},
};

constexpr std::array kFile = {
    Key{"listen", kText, ":9187", "Address to listen on: :port, host:port or [address]:port"},
    Key{"web", kMap, "", "The HTTP front", false, kWeb},
    Key{"queries", kMaps, "", "Query files; without this key the shipped ones", false, kQueries},
    Key{"clusters", kMaps, "", "What is watched", false, kClusters},
    Key{"objectives", kMap, "", "Limits that hold for every cluster that does not name its own", false, kObjectives},
    Key{"limits", kMap, "", "Limits that keep pgvigil from doing harm", false, kLimits},
    Key{"intervals", kMap, "", "How often things are looked at", false, kIntervals},
    Key{"log", kMap, "", "What is logged to standard error", false, kLog},
};

}  // namespace

std::span<const Key> Keys() { return kFile; }

std::string Expectation(const Key& key) {
  switch (key.type) {
    case kText: return "expected text";
    case kDuration: return "expected a duration such as 500ms, 30s, 5m, 26h or 7d";
    case kSize: return "expected a size such as 512KiB, 16MiB, 8GiB or a number of bytes";
    case kCount: return "expected a whole number, 0 or more";
    case kRatio: return "expected a number from 0 to 1";
    case kSwitch: return "expected true or false";
    case kTexts: return "expected a list of text";
    case kMap: return "expected a map";
    case kMaps: return "expected a list of maps";
    case kChoice: break;
  }
  std::string text = "expected one of";
  for (std::size_t i = 0; i < key.choices.size(); ++i) text += (i == 0 ? " " : ", ") + std::string(key.choices[i]);
  return text;
}

}  // namespace pgvigil::config

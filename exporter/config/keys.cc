#include "config/keys.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

namespace pgvigil::config {
namespace {

using enum yaml::KeyType;

constexpr std::array kObjectives = {
    Key{"rpo_primary", kDuration, "30s", "Most that may be lost, in time, when the primary is lost"},
    Key{"rpo_site", kDuration, "", "Most that may be lost, in time, when the primary and all standbys are lost"},
    Key{"rto", kDuration, "2m", "Longest outage that a failover may cause"},
    Key{"replication_lag", kDuration, "30s", "Most that a standby may be behind in time"},
    Key{"replication_lag_bytes", kSize, "256MiB", "Most that a standby may be behind in WAL"},
    Key{"slot_retained_bytes", kSize, "8GiB", "Most WAL that a replication slot may hold back"},
    Key{"backup_age", kDuration, "",
        "Greatest age of the newest usable backup; without it twice the shortest period of the cluster's schedules"},
    Key{"recovery_window", kDuration, "7d", "How far back a restore must be possible"},
    Key{"restore_drill_age", kDuration, "", "Greatest age of the last restore drill; not judged unless set"},
    Key{"connection_usage", kRatio, "0.8", "Greatest share of max_connections in use"},
};

constexpr std::array kInstances = {
    Key{"name", kText, "", "Name of the instance: the label pg_instance"}.Required().NotEmpty(),
    Key{"dsn", kText, "", "Connection string of one server, key=value or URI, without a password"}
        .Required()
        .NotEmpty(),
    Key{"password_file", kText, "", "File that holds the password; read anew when the server refuses it"}.NotEmpty(),
    Key{"password_env", kText, "", "Environment variable that holds the password"}.NotEmpty(),
};

constexpr std::array kCredentials = {
    Key{"access_key_id_file", kText, "", "File that holds the access key id; read anew for every request"}
        .Required()
        .NotEmpty(),
    Key{"secret_access_key_file", kText, "", "File that holds the secret access key"}.Required().NotEmpty(),
    Key{"session_token_file", kText, "", "File that holds the session token of temporary credentials"}.NotEmpty(),
};

constexpr std::array<std::string_view, 3> kAddressings = {"auto", "path", "virtual"};
// Of a bucket; a directory in its place is for stores that are mounted.
constexpr Key kBucket = Key{"bucket", kText, "", "Name of the S3 bucket"}.NotEmpty();
constexpr Key kPath = Key{"path", kText, "", "Path in the bucket below which the tool writes"}.NotEmpty();
constexpr Key kEndpoint =
    Key{"endpoint", kText, "", "https://host[:port] of the object store; without one Amazon's, or AWS_ENDPOINT_URL"}
        .NotEmpty();
constexpr Key kRegion = Key{"region", kText, "", "Region of the bucket; found by asking where it is wrong"}.NotEmpty();
constexpr Key kAddressing =
    Key{"addressing", kChoice, "auto", "Where the bucket's name stands: path of the URL, or its host (virtual)"}.OneOf(
        kAddressings);
constexpr Key kCredentialFiles =
    Key{"credentials", kMap, "",
        "Key of the object store, as files; without them the environment, web identity, profiles, container and "
        "instance are asked, as the AWS tools do",
        kCredentials};
constexpr Key kCaFile =
    Key{"ca_file", kText, "", "Certificate authorities that the endpoint is verified with, PEM"}.NotEmpty();
constexpr Key kDirectoryInstead = Key{"directory", kText, "", "A directory instead of a bucket"}.NotEmpty();

constexpr std::array kBarman = {
    kBucket,
    kPath,
    kDirectoryInstead,
    Key{"server", kText, "", "barman's server name: the folder of this cluster's backups below the path"}
        .Required()
        .NotEmpty(),
    kEndpoint,
    kRegion,
    kAddressing,
    kCredentialFiles,
    kCaFile,
};

constexpr std::array kDirectory = {
    Key{"path", kText, "", "Directory that archive_command or pg_receivewal writes to, or that barman-cloud fills"}
        .Required()
        .NotEmpty(),
    Key{"server", kText, "", "Folder below it, where barman-cloud keeps several servers"}.NotEmpty(),
    Key{"wal", kText, "", "Folder below it that the WAL lies in"}.NotEmpty(),
    Key{"backups", kText, "", "Another directory, where base backups and dumps lie"}.NotEmpty(),
    Key{"dumps", kTexts, "", "Shell patterns of pg_dump files and directories in it: nightly/*.dump"},
};

constexpr std::array kRepository = {
    kDirectoryInstead, kBucket, kPath, kEndpoint, kRegion, kAddressing, kCredentialFiles, kCaFile,
};

constexpr std::array kPgbackrest = {
    Key{"stanza", kText, "", "Name of the stanza"}.Required().NotEmpty(),
    Key{"repo", kMap, "", "The repository: a directory or a bucket", kRepository},
    Key{"passphrase_file", kText, "", "File with the passphrase of an encrypted repository"}.NotEmpty(),
    Key{"info_file", kText, "",
        "File with the output of `pgbackrest info --output=json` instead of a repository: what the tool claims, "
        "without "
        "proof"}
        .NotEmpty(),
};

constexpr std::array kArchives = {
    Key{"name", kText, "", "Name of the archive: the label archive"}.Required().NotEmpty(),
    Key{"barman", kMap, "", "Written by barman-cloud, by CloudNativePG or on its own", kBarman},
    Key{"directory", kMap, "", "A directory of this machine: plain WAL files, or barman-cloud's layout", kDirectory},
    Key{"pgbackrest", kMap, "", "A repository of pgBackRest, read directly", kPgbackrest},
    Key{"walg", kMap, "", "Written by WAL-G; experimental", kRepository},
    Key{"retention", kDuration, "", "How long backups are kept; what is older is said to be left over"}.From("1h"),
};

// As cluster::Name gives them.
constexpr std::array<std::string_view, 6> kMethods = {"barman", "snapshot", "pgbackrest", "walg", "basebackup", "dump"};
constexpr std::array<std::string_view, 3> kTypes = {"full", "diff", "incr"};
constexpr std::array kMatch = {
    Key{"method", kChoice, "", "The method they are made by; any without one"}.OneOf(kMethods),
    Key{"type", kChoice, "", "Their type; any without one"}.OneOf(kTypes),
};

constexpr std::array kSchedules = {
    Key{"name", kText, "", "Name of the schedule: the label schedule"}.Required().NotEmpty(),
    Key{"cron", kText, "",
        "When backups are to start: five fields as in crontab, six with seconds first, @daily and the like, or @every "
        "1h30m"}
        .Required()
        .NotEmpty(),
    Key{"timezone", kText, "UTC", "Time zone of the fields: Europe/Berlin"}.NotEmpty(),
    Key{"match", kMap, "",
        "Which backups of the archives are the schedule's, as they do not carry its name; all of them without this key",
        kMatch},
    Key{"suspend", kSwitch, "false", "True while no backups are to be made: the schedule is neither due nor late"},
};

constexpr std::array kClusters = {
    Key{"name", kText, "", "Name of the cluster: the label pg_cluster"}.Required().NotEmpty(),
    Key{"namespace", kText, "", "The label namespace; without one the label is left out"}.NotEmpty(),
    Key{"replica", kSwitch, "false", "True for a replica (disaster recovery) cluster, which has no primary of its own"},
    Key{"instances", kMaps, "", "The cluster's servers", kInstances}.Required().NotEmpty(),
    Key{"archive", kMaps, "", "Where its WAL and backups go", kArchives},
    Key{"schedules", kMaps, "", "When backups are to start: what lies in the archives is held against it", kSchedules},
    Key{"objectives", kMap, "", "Limits of this cluster; what is not named here is taken from the file's objectives",
        kObjectives},
};

constexpr std::array kQueries = {
    Key{"files", kText, "", "Query files: a path or a shell pattern"}.Required().NotEmpty(),
    Key{"prefix", kName, "", "Put before every metric name of these files, with an underscore"},
    Key{"enable", kTexts, "", "Names of queries in these files that are off by default and wanted"},
};

constexpr std::array kWeb = {
    Key{"config_file", kText, "", "Web configuration of the Prometheus ecosystem: TLS, client CA, basic auth, headers"}
        .NotEmpty(),
};

constexpr std::array kLimits = {
    Key{"scrape_timeout", kDuration, "10s",
        "Deadline of a scrape without Prometheus's header; with it the smaller of both, and half a second is kept as "
        "margin"}
        .From("1s"),
    Key{"connections_per_instance", kCount, "3",
        "Most connections to one server: one is the observer's, the rest run queries"}
        .From("2")
        .To("100"),
    Key{"series_per_query", kCount, "2000", "Most rows of one query's result; a query's own max_series wins"}.From("1"),
    Key{"series_per_page", kCount, "0",
        "Most series of queries on one page; 0 stands for max(200000, 2000 x instances)"},
};

constexpr std::array kIntervals = {
    Key{"archive", kDuration, "60s", "How often archives are listed"}.From("1s").To("1d"),
    Key{"observe_primary", kDuration, "1s",
        "How often a primary is observed, and every instance while no primary answers"}
        .From("100ms")
        .To("5m"),
    Key{"observe_standby", kDuration, "5s", "How often a standby is observed"}.From("100ms").To("5m"),
};

constexpr std::array<std::string_view, 4> kLevels = {"debug", "info", "warn", "error"};
constexpr std::array<std::string_view, 2> kFormats = {"logfmt", "json"};
constexpr std::array kLog = {
    Key{"level", kChoice, "info", "Least severe level that is logged"}.OneOf(kLevels),
    Key{"format", kChoice, "logfmt", "Form of a log line"}.OneOf(kFormats),
};

constexpr std::array kFile = {
    Key{"listen", kText, ":9187", "Address to listen on: :port, host:port or [address]:port"}.NotEmpty(),
    Key{"journal", kText, "",
        "File in which failovers, restarts and crashes are remembered beyond a restart of pgvigil; made where its "
        "folder exists. Without it they are forgotten with the process"}
        .NotEmpty(),
    Key{"web", kMap, "", "The HTTP front", kWeb},
    Key{"queries", kMaps, "", "Query files; without this key the shipped ones", kQueries}.NotEmpty(),
    Key{"clusters", kMaps, "", "What is watched", kClusters},
    Key{"objectives", kMap, "", "Limits that hold for every cluster that does not name its own", kObjectives},
    Key{"limits", kMap, "", "Limits that keep pgvigil from doing harm", kLimits},
    Key{"intervals", kMap, "", "How often things are looked at", kIntervals},
    Key{"log", kMap, "", "What is logged to standard error", kLog},
};

}  // namespace

std::span<const Key> Keys() { return kFile; }

const Key& KeyAt(std::string_view path) {
  std::span<const Key> keys = Keys();
  for (;;) {
    const auto dot = path.find('.');
    const auto key =
        std::find_if(keys.begin(), keys.end(), [&](const Key& k) { return k.name == path.substr(0, dot); });
    if (key == keys.end()) throw std::logic_error("no such key: " + std::string(path));
    if (dot == std::string_view::npos) return *key;
    keys = key->members;
    path.remove_prefix(dot + 1);
  }
}

}  // namespace pgvigil::config

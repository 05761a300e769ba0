#include "config/config.h"

#include <filesystem>

#include "base/text.h"
#include "config/build.h"
#include "config/environment.h"
#include "config/keys.h"
#include "config/redacted.h"
#include "yaml/document.h"

namespace pgvigil::config {
namespace {

namespace fs = std::filesystem;

// The shipped query files: of the installation the program belongs to, or of the source tree it was built in.
std::string ShippedQueries(const std::string& executable) {
  std::error_code problem;
  const auto program = fs::canonical(executable, problem);
  if (problem) return {};
  const auto installed = program.parent_path().parent_path() / "share" / "pgvigil" / "queries";
  if (fs::is_directory(installed, problem)) return (installed / "*.yaml").string();
  for (auto directory = program.parent_path(); directory != directory.root_path();
       directory = directory.parent_path()) {
    const auto queries = directory / "queries";
    if (fs::exists(directory / "CMakeLists.txt", problem) && fs::is_directory(queries, problem))
      return (queries / "*.yaml").string();
  }
  return {};
}

// Appends servers to the cluster of that name, each under its host:port.
void AddServers(const NamedServers& servers, const std::string& cluster, Config& config,
                base::Diagnostics& diagnostics) {
  if (servers.dsns.empty()) return;
  auto& clusters = config.observe.clusters;
  auto at = clusters.begin();
  while (at != clusters.end() && at->name != cluster::ClusterName{"", cluster}) ++at;
  if (at == clusters.end()) {
    at = clusters.insert(clusters.end(), {{"", cluster}, false, {}, cluster::Objectives::Defaults()});
  }
  for (const auto& dsn : servers.dsns) {
    const auto name = dsn.host_port();
    for (const auto& known : at->instances) {
      if (known.name == name) diagnostics.Error({}, "--dsn", "the server " + name + " is named twice");
    }
    at->instances.push_back({name, dsn, servers.credentials, servers.credential_key});
  }
}

void AddCommandLineServers(const Overrides& overrides, Config& config, base::Diagnostics& diagnostics) {
  for (const auto& text : overrides.dsns) {
    auto parsed = postgres::ParseDsn(text);
    if (!parsed.ok()) {
      diagnostics.Error({}, "--dsn", parsed.error().message);
      continue;
    }
    NamedServers servers{*parsed, postgres::NoPassword(), overrides.password_file};
    if (!overrides.password_file.empty()) servers.credentials = postgres::PasswordFile(overrides.password_file);
    AddServers(servers, overrides.cluster, config, diagnostics);
  }
}

void Apply(const Overrides& overrides, Config& config, base::Diagnostics& diagnostics) {
  if (overrides.listen) config.web.listen = *overrides.listen;
  if (overrides.web_config_file) config.web.config_file = *overrides.web_config_file;
  config.web.enable_lifecycle = overrides.enable_lifecycle;
  if (!overrides.query_files.empty()) {
    config.queries.file_sets.clear();
    for (const auto& files : overrides.query_files) config.queries.file_sets.push_back({files, ""});
  }
  if (overrides.log_level || overrides.log_format) {
    const auto from_flags = LogOptionsFrom(overrides.log_level.value_or(""), overrides.log_format.value_or(""));
    if (overrides.log_level) config.log.level = from_flags.level;
    if (overrides.log_format) config.log.format = from_flags.format;
  }
  AddCommandLineServers(overrides, config, diagnostics);
}

}  // namespace

std::shared_ptr<const Config> Load(const std::string& path, const Overrides& overrides, const std::string& executable,
                                   base::Diagnostics& diagnostics) {
  Config config;
  if (!path.empty()) {
    const auto root = yaml::Load(path, {}, diagnostics);
    if (!root) return nullptr;
    Validate(*root, diagnostics);
    if (diagnostics.HasErrors()) return nullptr;  // what follows relies on the form of every value
    config = Build(*root, fs::path(path).parent_path().string(), diagnostics);
  }
  Apply(overrides, config, diagnostics);
  if (config.observe.clusters.empty())
    AddServers(ServersFromEnvironment(diagnostics), overrides.cluster, config, diagnostics);
  if (config.observe.clusters.empty() && !diagnostics.HasErrors()) {
    diagnostics.Error({path, 0, 0}, "clusters",
                      "no server is named: use --dsn, clusters in the configuration, DATA_SOURCE_NAME or PGHOST");
  }
  if (config.queries.file_sets.empty()) {
    const auto shipped = ShippedQueries(executable);
    if (shipped.empty()) {
      diagnostics.Error({path, 0, 0}, "queries",
                        "the shipped query files are neither in ../share/pgvigil/queries beside " + executable +
                            " nor in its source tree: name some under queries, or with --queries");
    }
    config.queries.file_sets.push_back({shipped, ""});
  }
  if (diagnostics.HasErrors()) return nullptr;
  config.redacted = Redacted(config);
  return std::make_shared<const Config>(std::move(config));
}

}  // namespace pgvigil::config

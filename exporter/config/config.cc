#include "config/config.h"

#include <algorithm>
#include <filesystem>

#include "config/build.h"
#include "config/environment.h"
#include "config/keys.h"
#include "config/redacted.h"
#include "yaml/form.h"

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

// Appends servers to the cluster of that name, each under its host:port. `source` says who named them.
void AddServers(const std::vector<NamedServer>& servers, const std::string& cluster, std::string_view source,
                Config& config, base::Diagnostics& diagnostics) {
  if (servers.empty()) return;
  auto& clusters = config.observe.clusters;
  auto at = clusters.begin();
  while (at != clusters.end() && at->name != cluster::ClusterName{"", cluster}) ++at;
  if (at == clusters.end()) at = clusters.insert(clusters.end(), {{"", cluster}, false, {}, {}, {}, config.objectives});
  for (const auto& server : servers) {
    const auto name = server.dsn.host_port();
    for (const auto& known : at->instances) {
      if (known.name == name) diagnostics.Error({}, source, "the server " + name + " is named twice");
    }
    at->instances.push_back({name, server.dsn, server.credentials, server.credential_key});
  }
}

void AddCommandLineServers(const Overrides& overrides, Config& config, base::Diagnostics& diagnostics) {
  NamedServer server{{}, postgres::NoPassword(), ""};
  if (!overrides.password_file.empty()) {
    server.credential_key = fs::absolute(overrides.password_file).string();
    server.credentials = postgres::PasswordFile(server.credential_key);
    MustBeReadable(server.credential_key, {}, "--password-file", diagnostics);
    if (overrides.dsns.empty()) {
      diagnostics.Error({}, "--password-file",
                        "is for the servers of --dsn, and there is none: use password_file in the configuration, or "
                        "DATA_SOURCE_PASS_FILE in the environment");
    }
  }
  for (const auto& text : overrides.dsns) {
    const auto parsed = postgres::ParseDsn(text);
    if (text.empty() || !parsed.ok()) {
      diagnostics.Error({}, "--dsn", text.empty() ? "expected a connection string" : parsed.error().message);
      continue;
    }
    std::vector<NamedServer> servers;
    for (const auto& dsn : *parsed) {
      server.dsn = dsn;
      servers.push_back(server);
    }
    AddServers(servers, overrides.cluster, "--dsn", config, diagnostics);
  }
}

void Apply(const Overrides& overrides, Config& config, base::Diagnostics& diagnostics) {
  if (overrides.listen) {
    config.web.listen = *overrides.listen;
    CheckListen(config.web.listen, {}, "--listen", diagnostics);
  }
  if (overrides.web_config_file) {
    config.web.config_file = fs::absolute(*overrides.web_config_file).string();
    MustBeReadable(config.web.config_file, {}, "--web.config-file", diagnostics);
  }
  config.web.enable_lifecycle = overrides.enable_lifecycle;
  if (!overrides.query_files.empty()) {
    config.queries.file_sets.clear();
    for (const auto& files : overrides.query_files)
      config.queries.file_sets.push_back({fs::absolute(files).string(), "", {}, {}, "--queries"});
  }
  if (overrides.log_level || overrides.log_format) {
    const auto from_flags = LogOptionsFrom(overrides.log_level.value_or(""), overrides.log_format.value_or(""));
    if (overrides.log_level) config.log.level = from_flags.level;
    if (overrides.log_format) config.log.format = from_flags.format;
  }
  if (overrides.cluster.empty()) diagnostics.Error({}, "--cluster", "expected a name");
  AddCommandLineServers(overrides, config, diagnostics);
}

// The file alone, its errors in the order of their places. `no_server` becomes where to point at if it names none.
Config ReadDocument(const std::string& path, base::Place& no_server, base::Diagnostics& diagnostics) {
  base::Diagnostics found;
  Config config;
  if (const auto root = yaml::Load(path, {}, found)) {
    const auto unfit = yaml::CheckForm(*root, Keys(), yaml::Nothing::kAsAbsent, found);
    const yaml::Section whole(unfit.contains(root.get()) ? nullptr : root.get(), unfit);
    config = Build(whole, fs::absolute(path).parent_path().string(), found);
    no_server = whole.PlaceOf("clusters");
  }
  if (no_server.line == 0) no_server = {path, 1, 1};
  found.SortByPlace();
  diagnostics.Append(found);
  return config;
}

}  // namespace

Config Read(const std::string& path, const Overrides& overrides, const std::string& executable,
            base::Diagnostics& diagnostics) {
  Config config;
  config.objectives = cluster::Objectives::Defaults();
  base::Place no_server;
  if (!path.empty()) config = ReadDocument(path, no_server, diagnostics);
  Apply(overrides, config, diagnostics);
  if (config.observe.clusters.empty())
    AddServers(ServersFromEnvironment(diagnostics), overrides.cluster, "environment", config, diagnostics);
  if (config.observe.clusters.empty() && !diagnostics.HasErrors()) {
    diagnostics.Error(no_server, path.empty() ? "" : "clusters",
                      "no server is named: use --dsn, clusters in the configuration, DATA_SOURCE_NAME or PGHOST");
  }
  if (config.queries.file_sets.empty() && !diagnostics.HasErrors()) {
    const auto shipped = ShippedQueries(executable);
    if (shipped.empty()) {
      diagnostics.Error({}, "queries",
                        "the shipped query files are neither in ../share/pgvigil/queries beside " + executable +
                            " nor in its source tree: name some under queries, or with --queries");
    } else {
      config.queries.file_sets.push_back({shipped, "", {}, {}, "queries"});
    }
  }
  config.redacted = Redacted(config);
  return config;
}

std::shared_ptr<const Config> Load(const std::string& path, const Overrides& overrides, const std::string& executable,
                                   base::Diagnostics& diagnostics) {
  auto config = Read(path, overrides, executable, diagnostics);
  if (diagnostics.HasErrors()) return nullptr;
  return std::make_shared<const Config>(std::move(config));
}

}  // namespace pgvigil::config

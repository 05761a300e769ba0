// The configuration: one strict YAML file, read whole, with every error said at once; it fills each module's Options.
// A declarative table of keys (keys.cc) drives the parser, its diagnostics, the JSON schema, the reference page,
// --help.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/diagnostics.h"
#include "base/logging.h"
#include "cluster/objectives.h"
#include "observe/options.h"
#include "query/catalog.h"
#include "scrape/options.h"
#include "web/server.h"

namespace pgvigil::config {

struct Config {
  web::Options web;
  query::Options queries;
  observe::Options observe;
  scrape::Options scrape;
  base::LogOptions log;
  std::string journal;                         // absolute; empty: what happened is forgotten with the process
  base::Milliseconds archive_interval{60000};  // of listings; in the terms of every archive too
  cluster::Objectives objectives;              // of clusters that name none
  std::string redacted;                        // a file that says the same, without a secret: /config
};

// What the command line adds; it wins over the file.
struct Overrides {
  std::vector<std::string> dsns;      // --dsn, repeatable; makes or extends the cluster `cluster`
  std::string cluster = "default";    // --cluster
  std::string password_file;          // --password-file, for --dsn
  std::optional<std::string> listen;  // --listen
  std::optional<std::string> web_config_file;
  bool enable_lifecycle = false;
  std::vector<std::string> query_files;  // --queries GLOB, repeatable: replaces the configured ones
  std::optional<std::string> log_level, log_format;
};

// What could be understood, with everything that is wrong in `diagnostics`. `path` empty: from overrides and the
// environment (DATA_SOURCE_*, PG*) alone. `executable` is where the program lies: the shipped queries are looked for at
// ../share/pgvigil/queries beside it, then in the source tree of a build tree.
Config Read(const std::string& path, const Overrides& overrides, const std::string& executable,
            base::Diagnostics& diagnostics);
// The same, for those who start something with it: null if anything is wrong.
std::shared_ptr<const Config> Load(const std::string& path, const Overrides& overrides, const std::string& executable,
                                   base::Diagnostics& diagnostics);

// From the same table: draft-07 JSON schema, and docs/configuration-reference.md.
std::string JsonSchema();
std::string ReferencePage();

}  // namespace pgvigil::config

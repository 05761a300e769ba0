// What `pgvigil <command>` does. Each returns the process's exit code; docs/configuration.md lists them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"

namespace pgvigil::cli {

// What every command may be given.
struct CommonOptions {
  std::string config_file;
  config::Overrides overrides;
  std::string executable;  // where the running program lies
};

inline constexpr int kFine = 0;
inline constexpr int kProblem = 1;  // a target is down, a finding
inline constexpr int kBadConfiguration = 2;
inline constexpr int kUnknown = 3;  // cannot be asked, or not known

// Runs until SIGTERM or SIGINT.
int Serve(const CommonOptions& options);

struct ScrapeOptions {
  std::vector<std::string> clusters;
  std::vector<std::string> targets;
  std::vector<std::string> collect;
};
// One page to standard output.
int Scrape(const CommonOptions& options, const ScrapeOptions& scrape);

struct CheckOptions {
  std::vector<std::string> query_files;  // in place of the configured ones
  std::string server;                    // a DSN; empty: files only
  bool explain = false;                  // what every query emits, even if no file is named
  bool print_schema = false;             // the configuration's JSON schema, and nothing else
  bool print_reference = false;          // likewise its reference page
  bool print_metrics = false;            // likewise the reference page of metrics
};
int Check(const CommonOptions& options, const CheckOptions& check);

struct StatusOptions {
  std::string url = "http://127.0.0.1:9187";  // of a running exporter; a path is where a proxy offers it
  std::string cluster;                        // empty: all
  bool json = false;                          // what was answered, as it is
  std::string ca_file, certificate_file, key_file;
  std::string user, password_file;  // of basic authentication; both or none
};
// The answers of a running exporter to standard output.
int Status(const StatusOptions& options);

struct AuditOptions {
  std::string config_file;
  std::string executable;
  std::string cluster;  // empty: all
  bool json = false;
  bool verify = false;                     // reads the content of backups, too
  std::string backup;                      // of this one only; empty: of all that can be restored
  std::optional<std::uint64_t> bandwidth;  // bytes a second
};
// What the archives of the configuration hold, to standard output.
int Audit(const AuditOptions& options);

// Reads the command line and runs the command.
int Main(int argc, char** argv);

}  // namespace pgvigil::cli

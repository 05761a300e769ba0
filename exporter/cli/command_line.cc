// The command line: what `pgvigil --help` shows, and which command runs.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>

#include "cli/commands.h"
#include "cli/version.h"
#include "config/config.h"

namespace pgvigil::cli {
namespace {

constexpr const char* kAbout =
    "pgvigil tells who is primary and can fail over, what would be lost now, and what proves it:\n"
    "a Prometheus exporter for PostgreSQL clusters.";

constexpr const char* kServeExamples =
    "Examples:\n"
    "  pgvigil serve --dsn \"host=db1 user=pgvigil dbname=postgres\" --password-file /run/secrets/pgvigil\n"
    "  pgvigil serve --dsn \"host=db1,db2,db3 user=pgvigil sslmode=verify-full\" --cluster orders\n"
    "  pgvigil serve --config /etc/pgvigil/pgvigil.yaml";
constexpr const char* kScrapeExamples =
    "Exit status: 0, or 1 if a target is down, 2 for a bad configuration.\n"
    "Examples:\n"
    "  pgvigil scrape --dsn \"host=db1 user=pgvigil dbname=postgres\"\n"
    "  pgvigil scrape --config pgvigil.yaml --target orders-1 --collect pg_stat_archiver";
constexpr const char* kCheckExamples =
    "Exit status: 0 clean, 1 findings, 2 usage.\n"
    "Examples:\n"
    "  pgvigil check --config pgvigil.yaml\n"
    "  pgvigil check my-queries.yaml\n"
    "  pgvigil check --server \"host=db1 user=pgvigil dbname=app\" --password-file pw my-queries.yaml";

void AddCommon(CLI::App& command, CommonOptions& options) {
  auto& overrides = options.overrides;
  command.add_option("--config", options.config_file, "Configuration file (docs/configuration-reference.md)")
      ->type_name("FILE");
  command
      .add_option("--dsn", overrides.dsns,
                  "A server: connection string without a password; several hosts expand to instances; repeatable")
      ->type_name("DSN")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_option("--cluster", overrides.cluster, "Name of the cluster that --dsn belongs to")
      ->type_name("NAME")
      ->capture_default_str();
  command.add_option("--password-file", overrides.password_file, "File with the password for --dsn")->type_name("FILE");
  command
      .add_option("--queries", overrides.query_files,
                  "Query files instead of the configured or shipped ones; repeatable")
      ->type_name("GLOB")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_option("--log.level", overrides.log_level, "Least severe level that is logged")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->type_name("LEVEL");
  command.add_option("--log.format", overrides.log_format, "Form of a log line")
      ->check(CLI::IsMember({"logfmt", "json"}))
      ->type_name("FORMAT");
}

std::string RunningProgram(const char* name) {
  std::error_code problem;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", problem);
  return problem ? std::string(name) : path.string();
}

}  // namespace

int Main(int argc, char** argv) {
  CommonOptions common;
  common.executable = RunningProgram(argv[0]);
  ScrapeOptions scrape_options;
  CheckOptions check_options;

  CLI::App app(kAbout, "pgvigil");
  app.set_version_flag("--version", "pgvigil " + std::string(kVersion) + " (" + std::string(kRevision) + ", " +
                                        std::string(kCompiler) + ")");
  app.require_subcommand(1);

  auto* serve = app.add_subcommand("serve", "Watch the servers and answer Prometheus");
  AddCommon(*serve, common);
  serve->add_option("--listen", common.overrides.listen, "Address to listen on (default :9187)")->type_name("ADDRESS");
  serve->add_option("--web.config-file", common.overrides.web_config_file, "Web configuration: TLS, basic auth")
      ->type_name("FILE");
  serve->add_flag("--web.enable-lifecycle", common.overrides.enable_lifecycle, "Offer POST /-/reload");
  serve->footer(kServeExamples);

  auto* scrape = app.add_subcommand("scrape", "Write one page to standard output");
  AddCommon(*scrape, common);
  scrape->add_option("--target", scrape_options.targets, "Only this instance; repeatable")->type_name("NAME");
  scrape->add_option("--collect", scrape_options.collect, "Only this query; repeatable")->type_name("QUERY");
  scrape->footer(kScrapeExamples);

  auto* check =
      app.add_subcommand("check", "Validate a configuration and query files, with --server against a real server");
  AddCommon(*check, common);
  check
      ->add_option("--server", check_options.server,
                   "Run every query there, read-only, in a transaction that is rolled back")
      ->type_name("DSN");
  check->add_flag("--explain", check_options.explain, "Say what each query emits, also of files that are not named");
  check->add_flag("--print-schema", check_options.print_schema, "Print the configuration's JSON schema and end");
  check->add_flag("--print-reference", check_options.print_reference,
                  "Print the configuration's reference page and end");
  check->add_flag("--print-metrics", check_options.print_metrics, "Print the reference page of metrics and end");
  check->add_option("query-files", check_options.query_files, "Query files")->type_name("QUERY_FILE");
  check->footer(kCheckExamples);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    const int code = app.exit(problem, std::cout, std::cerr);
    return code == 0 ? kFine : kBadConfiguration;
  }
  try {
    if (serve->parsed()) return Serve(common);
    if (scrape->parsed()) return Scrape(common, scrape_options);
    return Check(common, check_options);
  } catch (const std::exception& problem) {
    std::cerr << "pgvigil: " << problem.what() << "\n";
    return kBadConfiguration;
  }
}

}  // namespace pgvigil::cli

// The command line: what `pgvigil --help` shows, and which command runs. What the configuration file has a key for is
// described and defaulted by the table of keys.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <iostream>

#include "cli/commands.h"
#include "cli/version.h"
#include "config/config.h"
#include "config/environment.h"
#include "config/keys.h"

namespace pgvigil::cli {
namespace {

constexpr const char* kAbout =
    "pgvigil tells who is primary, what would be lost now, and what proves it:\n"
    "a Prometheus exporter for PostgreSQL clusters.";

constexpr const char* kExamples =
    "Examples:\n"
    "  pgvigil serve --dsn \"host=db1 user=pgvigil dbname=postgres\" --password-file /run/secrets/pgvigil\n"
    "  pgvigil serve --config /etc/pgvigil/pgvigil.yaml\n"
    "  pgvigil scrape --dsn \"host=db1 user=pgvigil dbname=postgres\"\n"
    "  pgvigil check --config /etc/pgvigil/pgvigil.yaml\n"
    "`pgvigil COMMAND --help` says what a command takes.";
constexpr const char* kServeExamples =
    "Exit status: 0 after SIGTERM or SIGINT, 2 for a bad configuration or an address that cannot be listened on.\n"
    "Signals: SIGHUP takes the configuration up anew, all of it or nothing.\n"
    "Examples:\n"
    "  pgvigil serve --dsn \"host=db1 user=pgvigil dbname=postgres\" --password-file /run/secrets/pgvigil\n"
    "  pgvigil serve --dsn \"host=db1,db2,db3 user=pgvigil sslmode=verify-full\" --cluster orders\n"
    "  pgvigil serve --config /etc/pgvigil/pgvigil.yaml";
constexpr const char* kScrapeExamples =
    "Exit status: 0, or 1 if a target is down, 2 for a bad configuration.\n"
    "Examples:\n"
    "  pgvigil scrape --dsn \"host=db1 user=pgvigil dbname=postgres\"\n"
    "  pgvigil scrape --config pgvigil.yaml --cluster orders --collect pg_stat_archiver\n"
    "  pgvigil scrape --config pgvigil.yaml --target orders-1";
constexpr const char* kCheckExamples =
    "Exit status: 0 clean, 1 findings, 2 usage.\n"
    "Examples:\n"
    "  pgvigil check --config pgvigil.yaml\n"
    "  pgvigil check my-queries.yaml\n"
    "  pgvigil check --server \"host=db1 user=pgvigil dbname=app\" --password-file pw my-queries.yaml";

constexpr const char* kAuditExamples =
    "It asks no server, only the store. On a terminal it shows how far it is.\n"
    "Exit status: 0 every archive is sound, 1 one is broken, 3 one cannot be read and none is broken,\n"
    "2 usage or a bad configuration.\n"
    "Examples:\n"
    "  pgvigil audit --config /etc/pgvigil/pgvigil.yaml\n"
    "  pgvigil audit --config pgvigil.yaml --cluster orders --json\n"
    "  pgvigil audit --config pgvigil.yaml --verify --bandwidth 50MiB";

constexpr const char* kStatusExamples =
    "Exit status: 0 all is fine, 1 something is broken, 3 something is not known or the exporter cannot be asked,\n"
    "2 usage.\n"
    "Examples:\n"
    "  pgvigil status\n"
    "  pgvigil status --cluster orders --json\n"
    "  pgvigil status --url https://vigil:9187 --ca-file ca.crt --user oncall --password-file pw";

// Of the key that says the same in the configuration file.
std::string HelpOf(std::string_view key) {
  const auto& known = config::KeyAt(key);
  std::string text(known.help);
  if (!known.fallback.empty()) text += " (default " + std::string(known.fallback) + ")";
  return text;
}

CLI::Validator NotEmpty() {
  return {[](std::string& text) { return text.empty() ? std::string("expected a value, found nothing") : ""; }, ""};
}

std::string Environment() {
  std::string text = "Environment, where nothing else names a server:\n";
  for (const auto& variable : config::EnvironmentVariables())
    text += "  " + std::string(variable.name) + "\n      " + std::string(variable.help) + "\n";
  return text;
}

std::string RunningProgram(const char* name) {
  std::error_code problem;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", problem);
  return problem ? std::string(name) : path.string();
}

// The flags of every command, and where they are put.
class CommandLine {
 public:
  explicit CommandLine(const char* name) : app_(kAbout, "pgvigil") {
    common_.executable = RunningProgram(name);
    app_.set_version_flag("--version", "pgvigil " + std::string(kVersion) + " (" + std::string(kRevision) + ", " +
                                           std::string(kCompiler) + ")");
    app_.require_subcommand(1);
    app_.footer(kExamples);
    AddServe();
    AddScrape();
    AddCheck();
    AddStatus();
    AddAudit();
  }

  // Null once the command line is read; otherwise the exit code: help was asked for, or it is wrong.
  std::optional<int> Parse(int argc, char** argv) {
    if (argc > 1 && *argv[1] != '-' && !IsCommand(argv[1])) {
      std::cerr << "pgvigil: unknown command \"" << argv[1] << "\"; there are: serve, scrape, check, status, audit\n";
      return kBadConfiguration;
    }
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& problem) {
      return app_.exit(problem, std::cout, std::cerr) == 0 ? kFine : kBadConfiguration;
    }
    if (scrape_->count("--cluster") > 0) scrape_options_.clusters = {common_.overrides.cluster};
    return std::nullopt;
  }

  int Run() const {
    if (serve_->parsed()) return Serve(common_);
    if (scrape_->parsed()) return Scrape(common_, scrape_options_);
    if (status_->parsed()) return Status(status_options_);
    if (audit_->parsed()) return Audit(audit_options_);
    return Check(common_, check_options_);
  }

 private:
  bool IsCommand(const std::string& word) const {
    const auto commands = app_.get_subcommands([](const CLI::App*) { return true; });
    return std::any_of(commands.begin(), commands.end(), [&](const auto* known) { return known->get_name() == word; });
  }

  static CLI::Option* AddList(CLI::App& command, const char* flag, std::vector<std::string>& into, const char* help) {
    return command.add_option(flag, into, help)
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->check(NotEmpty());
  }

  template <typename Text>
  static CLI::Option* AddText(CLI::App& command, const char* flag, Text& into, const std::string& help) {
    return command.add_option(flag, into, help)->check(NotEmpty());
  }

  template <typename Text>
  static void AddChoice(CLI::App& command, const char* flag, const char* key, Text& into) {
    const auto& choices = config::KeyAt(key).choices;
    command.add_option(flag, into, HelpOf(key))
        ->check(CLI::IsMember(std::vector<std::string>(choices.begin(), choices.end())))
        ->type_name("WORD");
  }

  // `whose` servers the password is for, and what --cluster means there.
  void AddCommon(CLI::App& command, const std::string& whose, const std::string& cluster) {
    auto& overrides = common_.overrides;
    AddText(command, "--config", common_.config_file, "Configuration file (docs/configuration-reference.md)")
        ->type_name("FILE");
    AddList(command, "--dsn", overrides.dsns,
            "A server: connection string without a password; several hosts expand to instances; repeatable")
        ->type_name("DSN");
    AddText(command, "--cluster", overrides.cluster, cluster)->type_name("NAME")->capture_default_str();
    AddText(command, "--password-file", overrides.password_file, "File with the password for " + whose)
        ->type_name("FILE");
    AddList(command, "--queries", overrides.query_files,
            "Query files instead of the configured or shipped ones: a path or a shell pattern; repeatable")
        ->type_name("GLOB");
    AddChoice(command, "--log.level", "log.level", overrides.log_level);
    AddChoice(command, "--log.format", "log.format", overrides.log_format);
  }

  void AddServe() {
    serve_ = app_.add_subcommand("serve", "Watch the servers and answer Prometheus");
    AddCommon(*serve_, "the servers of --dsn", "Name of the cluster that servers not named in the file belong to");
    AddText(*serve_, "--listen", common_.overrides.listen, HelpOf("listen"))->type_name("ADDRESS");
    AddText(*serve_, "--web.config-file", common_.overrides.web_config_file, HelpOf("web.config_file"))
        ->type_name("FILE");
    serve_->add_flag("--web.enable-lifecycle", common_.overrides.enable_lifecycle, "Offer POST /-/reload");
    serve_->footer(Environment() + "\n" + kServeExamples);
  }

  void AddScrape() {
    scrape_ = app_.add_subcommand("scrape", "Write one page to standard output");
    AddCommon(*scrape_, "the servers of --dsn", "Only this cluster; also the name of the one that --dsn belongs to");
    AddList(*scrape_, "--target", scrape_options_.targets, "Only this instance; repeatable")->type_name("NAME");
    AddList(*scrape_, "--collect", scrape_options_.collect, "Only this query; repeatable")->type_name("QUERY");
    scrape_->footer(kScrapeExamples);
  }

  void AddCheck() {
    check_ = app_.add_subcommand("check", "Validate a configuration and query files, with --server on a real server");
    AddCommon(*check_, "--server and the servers of --dsn",
              "Name of the cluster that servers not named in the file belong to");
    AddText(*check_, "--server", check_options_.server,
            "Run every query there, read-only, in a transaction that is rolled back, and say what it emits")
        ->type_name("DSN");
    check_->add_flag("--explain", check_options_.explain,
                     "Say what each query emits, also of files that are not named");
    check_->add_flag("--print-schema", check_options_.print_schema, "Print the configuration's JSON schema and end");
    check_->add_flag("--print-reference", check_options_.print_reference,
                     "Print the configuration's reference page and end");
    check_->add_flag("--print-metrics", check_options_.print_metrics, "Print the reference page of metrics and end");
    check_->add_option("query-files", check_options_.query_files, "Query files instead of the configured ones")
        ->type_name("QUERY_FILE")
        ->check(NotEmpty());
    check_->footer(kCheckExamples);
  }

  void AddStatus() {
    status_ = app_.add_subcommand("status",
                                  "Ask a running exporter: who is primary, what would be lost, what can be "
                                  "restored");
    auto& options = status_options_;
    AddText(*status_, "--url", options.url, "Where it listens")->type_name("URL")->capture_default_str();
    AddText(*status_, "--cluster", options.cluster, "Only this cluster")->type_name("NAME");
    status_->add_flag("--json", options.json, "The answer as JSON (docs/api.md)");
    AddText(*status_, "--ca-file", options.ca_file, "Authority of its certificate")->type_name("FILE");
    auto* certificate =
        AddText(*status_, "--cert-file", options.certificate_file, "Our own certificate")->type_name("FILE");
    auto* key = AddText(*status_, "--key-file", options.key_file, "Its key")->type_name("FILE");
    auto* user = AddText(*status_, "--user", options.user, "Who asks, where it wants to know")->type_name("NAME");
    auto* password = AddText(*status_, "--password-file", options.password_file, "File with the password of --user")
                         ->type_name("FILE");
    certificate->needs(key);
    key->needs(certificate);
    user->needs(password);
    password->needs(user);
    status_->footer(kStatusExamples);
  }

  void AddAudit() {
    audit_ = app_.add_subcommand("audit",
                                 "Read whole archives: backups, timelines, gaps, what nothing needs, and what can be "
                                 "restored");
    auto& options = audit_options_;
    options.executable = common_.executable;
    AddText(*audit_, "--config", options.config_file, "Configuration file (docs/configuration-reference.md)")
        ->type_name("FILE")
        ->required();
    AddText(*audit_, "--cluster", options.cluster, "Only this cluster")->type_name("NAME");
    audit_->add_flag("--json", options.json, "What was found as JSON (docs/audit.md)");
    auto* verify = audit_->add_flag("--verify", options.verify,
                                    "Read the content of every backup that can be restored, too: tars, compressed "
                                    "streams, backup_label, pg_control, checksums");
    AddText(*audit_, "--backup", options.backup, "With --verify: only the content of this one")
        ->type_name("ID")
        ->needs(verify);
    audit_->add_option("--bandwidth", options.bandwidth, "With --verify: read at most so many bytes a second")
        ->transform(CLI::AsSizeValue(false))
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 50))
        ->type_name("SIZE")
        ->needs(verify);
    audit_->footer(kAuditExamples);
  }

  CommonOptions common_;
  ScrapeOptions scrape_options_;
  CheckOptions check_options_;
  StatusOptions status_options_;
  AuditOptions audit_options_;
  CLI::App app_;
  CLI::App* serve_ = nullptr;
  CLI::App* scrape_ = nullptr;
  CLI::App* check_ = nullptr;
  CLI::App* status_ = nullptr;
  CLI::App* audit_ = nullptr;
};

}  // namespace

int Main(int argc, char** argv) {
  CommandLine command_line(argv[0]);
  if (const auto code = command_line.Parse(argc, argv)) return *code;
  try {
    return command_line.Run();
  } catch (const std::exception& problem) {
    std::cerr << "pgvigil: " << problem.what() << "\n";
    return kBadConfiguration;
  }
}

}  // namespace pgvigil::cli

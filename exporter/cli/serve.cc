// `pgvigil serve`: wiring, signals, reload.
#include <malloc.h>

#include <csignal>
#include <cstdio>
#include <functional>

#include "base/logging.h"
#include "cli/commands.h"
#include "cli/exporter.h"
#include "cli/families_exporter.h"
#include "cli/version.h"
#include "web/routes.h"
#include "web/server.h"

namespace pgvigil::cli {
namespace {

using base::Log;
using base::LogLevel;

constexpr auto kDrainWithin = std::chrono::seconds(25);   // below Kubernetes' 30 s of grace
constexpr auto kAnswerWithin = std::chrono::seconds(20);  // who waits for a server longer gets what is known by then

// The signals that are waited for by the main thread, and blocked in every other: set before the first thread starts.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

void LogEach(LogLevel level, std::string_view message, const base::Diagnostics& diagnostics) {
  for (const auto& entry : diagnostics.entries()) {
    const bool refused = entry.severity == base::Severity::kError;
    Log(refused ? level : LogLevel::kWarn, refused ? message : "probably not meant as written",
        {{"problem", base::Format(entry)}});
  }
}

// Reading query files takes ten times the memory that their definitions keep, and glibc holds on to it: 13 MiB instead
// of 5 for as long as the process lives.
void ReturnMemoryOfLoading() { malloc_trim(0); }

// glibc gives each of civetweb's 16 workers an arena of its own, and each of those keeps what the largest page took:
// 12 MiB instead of 4.5 after some thousand scrapes.
void ShareMemoryBetweenThreads() { mallopt(M_ARENA_MAX, 2); }

// The running exporter with the configuration that it can take up anew.
class Service {
 public:
  Service(const CommonOptions& options, Loaded loaded)
      : options_(options), loaded_(std::move(loaded)), exporter_(loaded_.config->journal) {
    exporter_.Configure(loaded_);
    SetReload(exporter_.self(), true, base::SystemClock().Wall());
    ReturnMemoryOfLoading();
  }

  base::Status Listen() {
    web::Application application{exporter_.scraper(), exporter_.observer()};
    application.version = kVersion;
    application.config = [this] { return Redacted(); };
    application.reload = [this] { return Reload(); };
    application.lifecycle = loaded_.config->web.enable_lifecycle;
    auto server = web::Server::Start(loaded_.config->web, web::MakeRoutes(application));
    if (!server.ok()) return server.error();
    server_ = std::move(server).Take();
    return base::Done{};
  }

  // All or nothing: with any error the old configuration stays, and the error says why.
  base::Status Reload() {
    const std::lock_guard lock(mutex_);
    base::Diagnostics configuration, queries;
    auto next = Load(options_.config_file, options_.overrides, options_.executable, configuration, queries);
    const bool refused = configuration.HasErrors() || queries.HasErrors();
    SetReload(exporter_.self(), !refused, base::SystemClock().Wall());
    LogEach(LogLevel::kError, "configuration refused", configuration);
    LogEach(LogLevel::kError, "query file refused", queries);
    if (refused) {
      Log(LogLevel::kError, "reload failed: the old configuration stays");
      return base::Error{
          base::ErrorKind::kMalformed, configuration.Format() + queries.Format(), options_.config_file, {}};
    }
    if (next.config->web.listen != loaded_.config->web.listen)
      Log(LogLevel::kWarn, "a new listen address needs a restart");
    if (next.config->journal != loaded_.config->journal) Log(LogLevel::kWarn, "another journal needs a restart");
    loaded_ = std::move(next);
    base::ConfigureLogging(loaded_.config->log);
    exporter_.Configure(loaded_);
    ReturnMemoryOfLoading();
    Log(LogLevel::kInfo, "configuration reloaded",
        {{"clusters", loaded_.config->observe.clusters.size()}, {"queries", loaded_.catalog->definitions().size()}});
    return base::Done{};
  }

  void Stop() {
    exporter_.scraper().LeaveBy(base::SystemClock().Steady() + kAnswerWithin);
    server_->Stop(kDrainWithin);
    server_.reset();
  }

  const web::Server& server() const { return *server_; }

 private:
  std::string Redacted() {
    const std::lock_guard lock(mutex_);
    return loaded_.config->redacted;
  }

  const CommonOptions options_;
  std::mutex mutex_;  // of loaded_, and of reloading
  Loaded loaded_;
  Exporter exporter_;
  std::unique_ptr<web::Server> server_;
};

}  // namespace

int Serve(const CommonOptions& options) {
  ShareMemoryBetweenThreads();
  const sigset_t signals = BlockSignals();
  base::Diagnostics configuration, queries;
  auto loaded = Load(options.config_file, options.overrides, options.executable, configuration, queries);
  if (!loaded.config) {
    std::fputs(configuration.Format().c_str(), stderr);
    return kBadConfiguration;
  }
  base::ConfigureLogging(loaded.config->log);
  LogEach(LogLevel::kError, "configuration refused", configuration);
  LogEach(LogLevel::kError, "query left out", queries);
  std::size_t instances = 0;
  for (const auto& cluster : loaded.config->observe.clusters) instances += cluster.instances.size();
  const auto definitions = loaded.catalog->definitions().size();
  const auto listen = loaded.config->web.listen;

  Service service(options, std::move(loaded));
  if (const auto listening = service.Listen(); !listening.ok()) {
    Log(LogLevel::kError, "cannot listen", listening.error());
    return kBadConfiguration;
  }
  Log(LogLevel::kInfo, "pgvigil serves",
      {{"version", kVersion},
       {"address", listen},
       {"port", service.server().port()},
       {"config", options.config_file.empty() ? "none" : options.config_file},
       {"tls", service.server().tls() ? "yes" : "no"},
       {"instances", instances},
       {"queries", definitions}});
  for (;;) {
    int signal = 0;
    sigwait(&signals, &signal);
    if (signal == SIGHUP) {
      (void)service.Reload();  // says in the log and on the page how it went
      continue;
    }
    Log(LogLevel::kInfo, "stopping: requests in flight are answered first",
        {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
    service.Stop();
    return kFine;
  }
}

}  // namespace pgvigil::cli

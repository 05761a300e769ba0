#include "web/server.h"

#include <civetweb.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>

#include "base/logging.h"
#include "web/access.h"
#include "web/arrival.h"
#include "web/http_message.h"
#include "web/listen_address.h"
#include "web/tls.h"

namespace pgvigil::web {
namespace {

using base::Log;
using base::LogLevel;

constexpr std::size_t kCheaperCopiedThanSent = 256 * 1024;
constexpr std::size_t kWrittenAtOnce = 64 * 1024;
constexpr auto kSendWithin = std::chrono::seconds(10);
constexpr int kKeptAlive = 4;  // of 16 workers: an idle connection holds one for keep_alive_timeout_ms
constexpr std::string_view kLastResort =
    "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

}  // namespace

Response Response::Text(int status, std::string text) {
  return {.status = status, .body = std::make_shared<const std::string>(std::move(text))};
}

Response Response::Busy(std::string text) {
  auto busy = Text(503, std::move(text));
  busy.headers.emplace_back("Retry-After", "1");
  return busy;
}

class Server::Impl {
 public:
  Impl(std::vector<Route> routes, std::unique_ptr<Access> access, std::unique_ptr<Tls> tls)
      : routes_(std::move(routes)), access_(std::move(access)), tls_(std::move(tls)) {}

  ~Impl() { Close(); }

  base::Status Listen(const std::string& listening_ports, const std::string& listen) {
    const std::array<const char*, 21> options = {
        "listening_ports", listening_ports.c_str(), "num_threads", "16", "request_timeout_ms", "2000",
        "enable_keep_alive", "yes", "keep_alive_timeout_ms", "500", "connection_queue", "200", "linger_timeout_ms",
        "1000", "tcp_nodelay", "1",
        // No document root is given, so no file is ever served; no CORS either.
        "access_control_allow_origin", "", "access_control_allow_methods", "", nullptr};
    mg_callbacks callbacks{};
    callbacks.log_message = &Impl::OnLog;
    callbacks.connection_closed = &Impl::OnClosed;
    if (tls_) callbacks.external_ssl_ctx = &Impl::OnExternalContext;
    std::array<char, 256> problem{};
    mg_init_data init{};
    init.callbacks = &callbacks;
    init.user_data = this;
    init.configuration_options = const_cast<const char**>(options.data());
    mg_error_data error{};
    error.text = problem.data();
    error.text_buffer_size = problem.size();
    context_ = mg_start2(&init, &error);
    if (context_ == nullptr) {
      const auto why = WhyNotListening(listen);
      return base::Error{base::ErrorKind::kUnavailable,
                         "cannot listen there: " + (why.empty() ? std::string(problem.data()) : why),
                         listen,
                         {}};
    }
    mg_set_request_handler(context_, "**", &Impl::OnRequest, this);
    std::array<mg_server_port, 4> ports{};
    if (mg_get_server_ports(context_, static_cast<int>(ports.size()), ports.data()) > 0) port_ = ports[0].port;
    return base::Done{};
  }

  int port() const { return port_; }
  bool tls() const { return tls_ != nullptr; }

  void Drain(base::SteadyTime::duration limit) {
    std::unique_lock lock(mutex_);
    draining_ = true;
    idle_.wait_for(lock, limit, [this] { return in_flight_ == 0; });
  }

  // civetweb loses the response of a handler that still runs when it stops: drain first.
  void Close() {
    if (context_ != nullptr) mg_stop(std::exchange(context_, nullptr));
  }

 private:
  // Counts a request in flight as long as it lives.
  class InFlight {
   public:
    explicit InFlight(Impl& impl) : impl_(impl) {
      const std::lock_guard lock(impl_.mutex_);
      ++impl_.in_flight_;
      refused_ = impl_.draining_;
    }
    ~InFlight() {
      const std::lock_guard lock(impl_.mutex_);
      if (--impl_.in_flight_ == 0) impl_.idle_.notify_all();
    }
    InFlight(const InFlight&) = delete;
    InFlight& operator=(const InFlight&) = delete;
    bool refused() const { return refused_; }

   private:
    Impl& impl_;
    bool refused_;
  };

  static int OnExternalContext(void** context, void* self) {
    if (*context != nullptr) return 1;  // at the end: ours, and freed by us
    *context = static_cast<Impl*>(self)->tls_->context();
    return 1;
  }

  // Beyond these frames an exception would end the process: whatever throws, nothing leaves them.
  static int OnRequest(mg_connection* connection, void* self) noexcept {
    auto& impl = *static_cast<Impl*>(self);
    bool begun = false;  // something was sent: no other answer can be
    try {
      return impl.Serve(connection, begun);
    } catch (const std::exception& problem) {
      LogFailure(problem.what());
    } catch (...) {
      LogFailure("unknown");
    }
    mg_disable_connection_keep_alive(connection);
    if (!begun) mg_write(connection, kLastResort.data(), kLastResort.size());
    return 500;
  }

  static void OnClosed(const mg_connection* connection) noexcept {
    const auto* impl = static_cast<const Impl*>(mg_get_user_data(mg_get_context(connection)));
    impl->Kept(false);
  }

  static int OnLog(const mg_connection*, const char* message) noexcept {
    try {
      Log(LogLevel::kDebug, "civetweb", {{"detail", message}});
    } catch (...) {
      return 1;  // a line less
    }
    return 1;
  }

  static void LogFailure(const char* problem) noexcept {
    try {
      Log(LogLevel::kError, "request failed", {{"error", problem}});
    } catch (...) {
      return;  // no memory to say that there is no memory
    }
  }

  int Serve(mg_connection* connection, bool& begun) {
    Kept(false);
    const mg_request_info& info = *mg_get_request_info(connection);
    const InFlight in_flight(*this);
    const auto now = base::SystemClock().Steady();
    const auto request = ReadRequest(info, std::min(ArrivedAt(SocketOf(info), now), TakeHandshakeBegin(now)));
    Response response;
    try {
      response = in_flight.refused() ? Response::Text(503, "shutting down\n") : Answer(request);
    } catch (const std::exception& problem) {
      Log(LogLevel::kError, "request failed", {{"path", request.path}, {"error", problem.what()}});
      response = Response::Text(500, "internal error: see the log\n");
    }
    Send(connection, request, response, begun);
    return response.status;
  }

  Response Answer(const Request& request) const {
    std::string allowed;
    for (const auto& route : routes_) {
      if (route.path != request.path) continue;
      const bool fits = route.method == request.method || (route.method == "GET" && request.method == "HEAD");
      if (!fits) {
        allowed += (allowed.empty() ? "" : ", ") + route.method + (route.method == "GET" ? ", HEAD" : "");
        continue;
      }
      if (!route.open) {
        if (auto denied = access_->Check(request)) return *std::move(denied);
      }
      return route.handler(request);
    }
    if (auto denied = access_->Check(request)) return *std::move(denied);  // what exists is nobody's business
    if (allowed.empty()) return Response::Text(404, "404 page not found: / lists what there is\n");
    auto response = Response::Text(405, "method not allowed\n");
    response.headers.emplace_back("Allow", allowed);
    return response;
  }

  // Head and body as one write, if it is no large one: civetweb's own mg_response_header_* send a packet a line.
  void Send(mg_connection* connection, const Request& request, const Response& response, bool& begun) {
    static const std::string kEmpty;
    const std::string& body = response.body && request.method != "HEAD" ? *response.body : kEmpty;
    const bool keep = WantsToKeepAlive(*mg_get_request_info(connection)) && response.status < 400 && Kept(true);
    if (!keep) mg_disable_connection_keep_alive(connection);
    auto text = HeadOf(response, access_->headers(), mg_get_response_code_text(connection, response.status), keep);
    const bool together = body.size() <= kCheaperCopiedThanSent;
    if (together) text += body;
    begun = true;
    const auto until = base::SystemClock().Steady() + kSendWithin;
    if (Write(connection, text, until) && (together || Write(connection, body, until))) return;
    mg_disable_connection_keep_alive(connection);
  }

  // civetweb gives up where nothing is taken for request_timeout_ms; a client that always takes a little is ours.
  static bool Write(mg_connection* connection, std::string_view text, base::SteadyTime until) {
    while (!text.empty()) {
      const auto part = text.substr(0, kWrittenAtOnce);
      if (mg_write(connection, part.data(), part.size()) != static_cast<int>(part.size())) return false;
      text.remove_prefix(part.size());
      if (!text.empty() && base::SystemClock().Steady() > until) return false;
    }
    return true;
  }

  // This worker's connection stays open for a next request, or not any more. Refused where enough workers are held so.
  bool Kept(bool wanted) const noexcept {
    thread_local bool kept = false;
    if (kept == wanted) return kept;
    if (wanted && kept_.fetch_add(1) >= kKeptAlive) {
      --kept_;
      return false;
    }
    if (!wanted) --kept_;
    return kept = wanted;
  }

  const std::vector<Route> routes_;
  const std::unique_ptr<Access> access_;
  const std::unique_ptr<Tls> tls_;
  mg_context* context_ = nullptr;
  int port_ = 0;
  std::mutex mutex_;  // of the two below
  bool draining_ = false;
  int in_flight_ = 0;
  std::condition_variable idle_;
  mutable std::atomic<int> kept_ = 0;
};

base::Result<std::unique_ptr<Server>> Server::Start(const Options& options, std::vector<Route> routes) {
  std::unique_ptr<Tls> tls;
  auto access = Access::Load(options.config_file);
  if (!access.ok()) return access.error();
  if ((*access)->tls_options()) {
    auto loaded = Tls::Load([source = access->get()] { return source->tls_options(); });
    if (!loaded.ok()) return loaded.error();
    tls = std::move(loaded).Take();
  }
  // The library looks its OpenSSL functions up by itself and would crash on the first connection if it found half of
  // them: without this bit it must not be started with TLS.
  const unsigned features = mg_init_library(tls ? MG_FEATURES_TLS : 0);
  if (tls && (features & MG_FEATURES_TLS) == 0) {
    return base::Error{base::ErrorKind::kUnsupported,
                       "civetweb cannot use this system's OpenSSL: TLS is not available",
                       options.config_file,
                       {}};
  }
  const auto ports = ListeningPorts(options.listen, tls != nullptr, mg_check_feature(MG_FEATURES_IPV6) != 0);
  if (!ports.ok()) return ports.error();
  auto impl = std::make_unique<Impl>(std::move(routes), std::move(access).Take(), std::move(tls));
  if (const auto listening = impl->Listen(*ports, options.listen); !listening.ok()) return listening.error();
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;
int Server::port() const { return impl_->port(); }
bool Server::tls() const { return impl_->tls(); }

void Server::Stop(base::SteadyTime::duration limit) {
  impl_->Drain(limit);
  impl_->Close();
}

}  // namespace pgvigil::web

#include "web/server.h"

#include <civetweb.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <ctime>
#include <exception>
#include <mutex>

#include "base/logging.h"
#include "web/access.h"
#include "web/listen_address.h"
#include "web/tls.h"

namespace pgvigil::web {
namespace {

using base::Log;
using base::LogLevel;

constexpr std::size_t kCheaperCopiedThanSent = 256 * 1024;

std::string LowerCase(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// application/x-www-form-urlencoded: '+' is a space. What is no escape stays as it is.
std::string Decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape =
        text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 && HexDigit(text[i + 2]) >= 0;
    if (escape) {
      decoded += static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]));
      i += 2;
    } else {
      decoded += text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

std::vector<std::pair<std::string, std::string>> Parameters(const char* query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  std::string_view rest = query == nullptr ? "" : query;
  while (!rest.empty()) {
    const auto end = rest.find('&');
    const auto pair = rest.substr(0, end);
    const auto equals = pair.find('=');
    if (!pair.empty()) {
      parameters.emplace_back(Decoded(pair.substr(0, equals)),
                              equals == std::string_view::npos ? "" : Decoded(pair.substr(equals + 1)));
    }
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  return parameters;
}

Request ReadRequest(const mg_request_info& info) {
  Request request;
  request.received = base::SystemClock().Steady();
  request.method = info.request_method;
  request.path = info.local_uri;
  request.parameters = Parameters(info.query_string);
  for (int i = 0; i < info.num_headers; ++i) {
    request.headers.emplace(LowerCase(info.http_headers[i].name), info.http_headers[i].value);
  }
  return request;
}

// RFC 9110 section 5.6.7.
std::string HttpDate() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &utc))};
}

// RFC 9112 section 9.3. What HTTP/1.0 has for it is not worth its trouble.
bool KeepsAlive(const mg_request_info& info) {
  if (std::strcmp(info.http_version, "1.1") != 0) return false;
  for (int i = 0; i < info.num_headers; ++i) {
    const bool connection = LowerCase(info.http_headers[i].name) == "connection";
    if (connection && LowerCase(info.http_headers[i].value).find("close") != std::string::npos) return false;
  }
  return true;
}

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
    callbacks.log_message = [](const mg_connection*, const char* message) {
      Log(LogLevel::kDebug, "civetweb", {{"detail", message}});
      return 1;
    };
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

  static int OnRequest(mg_connection* connection, void* self) {
    auto& impl = *static_cast<Impl*>(self);
    const InFlight in_flight(impl);
    const mg_request_info& info = *mg_get_request_info(connection);
    Response response;
    try {
      response = in_flight.refused() ? Response::Text(503, "shutting down\n") : impl.Answer(ReadRequest(info));
    } catch (const std::exception& problem) {  // beyond this frame it would end the process
      Log(LogLevel::kError, "request failed", {{"path", info.local_uri}, {"error", problem.what()}});
      response = Response::Text(500, "internal error: see the log\n");
    }
    impl.Send(connection, response, std::strcmp(info.request_method, "HEAD") == 0);
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
    if (allowed.empty()) return Response::Text(404, "not found\n");
    auto response = Response::Text(405, "method not allowed\n");
    response.headers.emplace_back("Allow", allowed);
    return response;
  }

  // Head and body as one write, if it is no large one: civetweb's own mg_response_header_* send a packet a line.
  void Send(mg_connection* connection, const Response& response, bool head) const {
    static const std::string kEmpty;
    const std::string& body = response.body ? *response.body : kEmpty;
    std::string text = "HTTP/1.1 " + std::to_string(response.status) + ' ' +
                       mg_get_response_code_text(connection, response.status) + "\r\n";
    const auto add = [&](std::string_view name, std::string_view value) {
      text.append(name).append(": ").append(value).append("\r\n");
    };
    add("Content-Type", response.content_type);
    add("Content-Length", std::to_string(body.size()));
    for (const auto& [name, value] : response.headers) add(name, value);
    for (const auto& [name, value] : access_->headers()) add(name, value);
    add("Date", HttpDate());
    const bool keep = KeepsAlive(*mg_get_request_info(connection)) && response.status != 401;
    if (!keep) mg_disable_connection_keep_alive(connection);
    add("Connection", keep ? "keep-alive" : "close");
    text += "\r\n";
    const bool together = !head && body.size() <= kCheaperCopiedThanSent;
    if (together) text += body;
    mg_write(connection, text.data(), text.size());
    if (!head && !together) mg_write(connection, body.data(), body.size());
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

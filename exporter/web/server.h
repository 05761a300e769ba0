// The HTTP front: civetweb with our own TLS, authentication, routes and limits in front of every handler.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace pgvigil::web {

struct Request {
  std::string method;                                           // GET, HEAD, POST
  std::string path;                                             // decoded, without the query string
  std::vector<std::pair<std::string, std::string>> parameters;  // decoded, in order; repeated ones stay
  std::map<std::string, std::string, std::less<>> headers;      // names in lower case
  base::SteadyTime received;                                    // by this machine: before a worker was free for it
};

struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::shared_ptr<const std::string> body = {};  // shared, so that a page is sent to many without a copy; null: empty

  static Response Text(int status, std::string text);
  static Response Busy(std::string text);  // 503 with Retry-After
};

// Called on a worker; may throw (answered as 500, logged).
using Handler = std::function<Response(const Request&)>;

struct Options {
  std::string listen = ":9187";   // ":port", "host:port", "[::1]:port"; port 0 picks a free one
  std::string config_file;        // exporter-toolkit's web configuration; empty: plain HTTP, no authentication
  bool enable_lifecycle = false;  // POST /-/reload
};

struct Route {
  std::string method;  // GET answers HEAD, too
  std::string path;    // exact
  Handler handler;
  bool open = false;  // answered without authentication: what kubelet's probes ask
};

class Server {
 public:
  // Starts listening. Everything that is wrong with the address, the certificate or the web configuration is an error
  // here; later the old certificate is kept and the reason logged.
  static base::Result<std::unique_ptr<Server>> Start(const Options& options, std::vector<Route> routes);
  ~Server();  // as Stop, without waiting
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int port() const;
  bool tls() const;
  // Refuses what comes from now on with 503, answers what is in flight (at most until `limit` from now), then closes.
  // Any thread but a worker.
  void Stop(base::SteadyTime::duration limit);

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace pgvigil::web

// Requests to HTTP servers: one thread with one curl_multi drives them all. Callers wait for their own, or are called
// on that thread when something arrives. Connections are kept and reused. The server's certificate is always verified,
// redirects are told and never followed, HTTP/1.1 is spoken, and a proxy is used only where the environment names one
// (https_proxy, http_proxy, no_proxy).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/deadline.h"
#include "base/result.h"

namespace pgvigil::http {

// Whom to trust and who we are. Files are read again for every new connection; the text wins where both are given.
struct Tls {
  std::string ca_file;                     // PEM; empty: the system's authorities
  std::string ca_pem;                      // the same as text
  std::string certificate_file, key_file;  // PEM; empty: no client certificate
  std::string certificate_pem, key_pem;    // the same as text
};

using Headers = std::vector<std::pair<std::string, std::string>>;

// Bytes of a body in pieces of at most 1 MiB, on the thread of whoever waits for the request, or on the client's; false
// ends the request, which is cancelled.
using Sink = std::function<bool(std::string_view bytes)>;

struct Request {
  explicit Request(base::Deadline until) : deadline(until) {}

  std::string method = "GET";
  std::string url;  // every part percent-encoded; sent as it is
  Headers headers;
  std::string body;
  Tls tls;
  bool compressed = false;  // the server may send gzip: what arrives here is the content
  bool direct = false;      // whatever the environment says of proxies: for servers on the link itself
  // The most bytes of the body of an answer of 200 to 299; one that is larger is `limit`.
  std::uint64_t most = 1 << 20;
  base::Deadline deadline;
  // How long a server may send nothing, in whole seconds; zero: until the deadline.
  std::chrono::seconds silence{0};
  // Called on the client's thread when the head of an answer of 200 to 299 is there: of one that goes on for long.
  std::function<void()> began;
  // Gets the body of an answer of 200 to 299. A sink that is slow makes the server wait, nobody else.
  Sink sink;
};

struct Response {
  int status = 0;
  Headers headers;        // names in lower case
  std::string body;       // of an answer that is not 200 to 299: its first 64 KiB
  bool body_cut = false;  // ... and there was more

  // The first of that name (in lower case), or "".
  std::string_view Header(std::string_view name) const;
};

// A request that somebody is called for: it is cancelled when this goes, and nothing that is not being called already
// is called any more. Any thread.
class Running {
 public:
  virtual ~Running() = default;
};

// Thread-safe. Its thread starts with the first request.
class Client {
 public:
  explicit Client(const base::Clock& clock = base::SystemClock());
  ~Client();  // stops; no caller may still be inside
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Blocks until the whole answer is there, whatever its status. Errors, with host:port as their subject:
  //   timeout      the deadline passed, no connection within 10 s, or silence
  //   refused      nobody listens there
  //   auth         a certificate that is not trusted, ours or theirs
  //   unavailable  no such name, no route, connection lost, body shorter than its Content-Length
  //   limit        more than `most`, or headers without end
  //   cancelled    the sink said so, or Stop
  //   malformed    no URL, no such CA file, no HTTP
  base::Result<Response> Fetch(Request request);

  // The same without waiting: `done` is called once on the client's thread, which also calls the request's sink.
  // Neither may block. Null, and `done` is never called, once the client is stopped; so with a request that is no
  // request, after `done` was told so.
  std::unique_ptr<Running> Start(Request request, std::function<void(base::Result<Response>)> done);

  // Calls it on the client's thread, that much later; never once the client is stopped.
  void After(base::SteadyTime::duration span, std::function<void()> call);

  // Does it on the client's thread, and waits: no callback runs meanwhile, so that what they use can be taken away. Not
  // to be called on that thread. Once it has ended, it is done here.
  void Call(const std::function<void()>& work);

  // Sleeps so long, for whoever tries again; false as soon as the client is stopped.
  bool Pause(base::SteadyTime::duration span);

  // Every request that runs and every later one is cancelled. Any thread.
  void Stop();

  // How many connections were opened so far: what reuse saves is seen here.
  std::uint64_t connections() const;

 private:
  class Loop;
  class Started;
  const base::Clock& clock_;
  std::unique_ptr<Loop> loop_;
};

}  // namespace pgvigil::http

// An HTTP/1.1 server that answers each request with the bytes a test gives: whole answers, cut ones, none at all. A
// thread a connection, so that several requests can be under way. tests/integration does the same with real servers.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace pgvigil::fakes {

struct HttpRequest {
  std::string method;
  std::string target;                          // as it came, with its query
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  std::string Header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
};

// A whole answer. Further headers each end with "\r\n".
inline std::string Reply(int status, std::string_view body = {}, std::string_view headers = {}) {
  return "HTTP/1.1 " + std::to_string(status) + " Words\r\n" + std::string(headers) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

class HttpServer {
 public:
  // The bytes to send. A connection is closed after an answer that says "Connection: close", or an empty one.
  using Handler = std::function<std::string(const HttpRequest&)>;

  explicit HttpServer(Handler handler) : handler_(std::move(handler)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    socklen_t length = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    listen(listener_, 64);
    acceptor_ = std::thread([this] { Accept(); });
  }
  ~HttpServer() {
    stopping_ = true;
    acceptor_.join();
    for (auto& thread : threads_) thread.join();
    close(listener_);
  }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string Url(std::string_view path = {}) const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
  }
  std::string HostAndPort() const { return "127.0.0.1:" + std::to_string(port_); }
  int connections() const { return connections_; }
  std::vector<HttpRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  // For a handler that never answers: returns when the test is over.
  void AwaitStop() const {
    while (!stopping_) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }

 private:
  void Accept() {
    while (!stopping_) {
      pollfd waiting{listener_, POLLIN, 0};
      if (poll(&waiting, 1, 20) <= 0) continue;
      const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) continue;
      ++connections_;
      threads_.emplace_back([this, connection] {
        Serve(connection);
        close(connection);
      });
    }
  }

  void Serve(int connection) {
    std::string unread;
    HttpRequest request;
    while (Read(connection, unread, request)) {
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
      }
      const auto answer = handler_(request);
      for (std::string_view rest = answer; !rest.empty();) {
        const auto put = send(connection, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (put <= 0) return;
        rest.remove_prefix(static_cast<std::size_t>(put));
      }
      if (answer.empty() || answer.find("Connection: close") != std::string::npos) return;
    }
  }

  bool More(int connection, std::string& unread) const {
    char bytes[4096];
    while (!stopping_) {
      pollfd waiting{connection, POLLIN, 0};
      if (poll(&waiting, 1, 20) <= 0) continue;
      const auto got = read(connection, bytes, sizeof bytes);
      if (got <= 0) return false;
      unread.append(bytes, static_cast<std::size_t>(got));
      return true;
    }
    return false;
  }

  bool Read(int connection, std::string& unread, HttpRequest& request) const {
    std::size_t end = 0;
    while ((end = unread.find("\r\n\r\n")) == std::string::npos) {
      if (!More(connection, unread)) return false;
    }
    request = Parse(std::string_view(unread).substr(0, end + 2));
    unread.erase(0, end + 4);
    const auto length = static_cast<std::size_t>(std::atoi(request.Header("content-length").c_str()));
    while (unread.size() < length) {
      if (!More(connection, unread)) return false;
    }
    request.body = unread.substr(0, length);
    unread.erase(0, length);
    return true;
  }

  static HttpRequest Parse(std::string_view head) {
    HttpRequest request;
    auto line = head.substr(0, head.find("\r\n"));
    request.method = line.substr(0, line.find(' '));
    line.remove_prefix(request.method.size() + 1);
    request.target = line.substr(0, line.find(' '));
    for (auto at = head.find("\r\n") + 2; at < head.size();) {
      const auto end = head.find("\r\n", at);
      const auto header = head.substr(at, end - at);
      const auto colon = header.find(':');
      std::string name(header.substr(0, colon));
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      auto value = header.substr(colon + 1);
      while (value.starts_with(' ')) value.remove_prefix(1);
      request.headers[name] = value;
      at = end + 2;
    }
    return request;
  }

  const Handler handler_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> connections_ = 0;
  mutable std::mutex mutex_;
  std::vector<HttpRequest> requests_;
  std::vector<std::thread> threads_;  // the acceptor's own until it has been joined
  std::thread acceptor_;
};

}  // namespace pgvigil::fakes

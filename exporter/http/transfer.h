// One request on its way: what curl is told of it, and what has come back so far. Private to this module.
#pragma once

#include <curl/curl.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/client.h"
#include "http/url.h"

namespace pgvigil::http {

// The easy handle belongs to the client's thread from when it was added until it was removed. What has come back is
// shared with the caller, under the mutex.
class Transfer {
 public:
  using Done = std::function<void(base::Result<Response>)>;

  // Does all of the setting up but the time left, on the caller's thread. With `done` the client's thread calls it and
  // the sink; without, somebody is to Await.
  static base::Result<std::shared_ptr<Transfer>> Of(Request request, Done done, base::SteadyTime::duration left);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CURL* handle() const { return easy_; }

  // The client's thread: curl is done with it; or it never will be, for this reason.
  void Finish(CURLcode code);
  void Fail(base::ErrorKind kind, const std::string& message);

  // The caller: waits for the end, handing bytes to the sink meanwhile. `resume` is called without the mutex when the
  // server may go on sending. Nothing when `until` came first.
  std::optional<base::Result<Response>> Await(base::SteadyTime until, const std::function<void()>& resume);

  // Nothing is called any more: who started it has gone.
  void Silence() { silent_ = true; }

  base::Error FailureOf(base::ErrorKind kind, std::string message) const;

 private:
  Transfer(Request request, Url url, Done done)
      : request_(std::move(request)), url_(std::move(url)), call_(std::move(done)) {}

  void SetUp(base::SteadyTime::duration left);
  void SetTls();
  void SetMethod();
  base::Error FailureOf(CURLcode code) const;
  bool IsSuccess() const { return response_.status >= 200 && response_.status <= 299; }

  static std::size_t OnHeader(char* bytes, std::size_t, std::size_t count, void* self);
  static std::size_t OnBody(char* bytes, std::size_t, std::size_t count, void* self);
  bool TakeHeader(std::string_view line);
  std::size_t TakeBody(std::string_view bytes);
  std::size_t TakeForWaiter(std::string_view bytes);
  std::size_t TakeForSink(std::string_view bytes);
  void End(std::unique_lock<std::mutex> lock);
  std::size_t Refuse(base::ErrorKind kind, std::string message);

  const Request request_;
  const Url url_;
  const Done call_;
  std::atomic<bool> silent_ = false;
  CURL* easy_ = nullptr;
  curl_slist* headers_ = nullptr;
  char message_[CURL_ERROR_SIZE] = {};

  std::mutex mutex_;
  std::condition_variable changed_;
  Response response_;
  std::uint64_t taken_ = 0;  // bytes of the body so far
  std::size_t header_bytes_ = 0;
  std::string pending_;  // bytes for the sink
  bool paused_ = false;  // the server waits for the sink
  std::optional<base::Error> failure_;
  bool done_ = false;
};

}  // namespace pgvigil::http

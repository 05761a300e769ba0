#include "http/client.h"

#include <curl/curl.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "http/transfer.h"

namespace pgvigil::http {

using base::ErrorKind;

// The thread and what it is asked to do. curl's handles are touched by the thread alone; everybody else leaves a wish
// and wakes it.
class Client::Loop {
 public:
  ~Loop() {
    Stop();
    if (thread_.joinable()) thread_.join();
    if (multi_ != nullptr) curl_multi_cleanup(multi_);
  }

  // False when stopped.
  bool Add(std::shared_ptr<Transfer> transfer) { return Ask({Wish::kAdd, std::move(transfer)}); }
  void Remove(std::shared_ptr<Transfer> transfer) { Ask({Wish::kRemove, std::move(transfer)}); }
  void Resume(std::shared_ptr<Transfer> transfer) { Ask({Wish::kResume, std::move(transfer)}); }

  bool Pause(base::SteadyTime::duration span) {
    std::unique_lock lock(mutex_);
    return !stopped_.wait_for(lock, span, [this] { return stopping_; });
  }

  void Stop() {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    stopped_.notify_all();
    if (multi_ != nullptr) curl_multi_wakeup(multi_);
  }

  std::uint64_t connections() const { return connections_; }

 private:
  struct Wish {
    enum Kind { kAdd, kRemove, kResume } kind;
    std::shared_ptr<Transfer> transfer;
  };

  bool Ask(Wish wish) {
    const std::lock_guard lock(mutex_);
    if (stopping_ || !Start()) return false;
    wishes_.push_back(std::move(wish));
    curl_multi_wakeup(multi_);
    return true;
  }

  bool Start() {
    if (multi_ != nullptr) return true;
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (ready == CURLE_OK) multi_ = curl_multi_init();
    if (multi_ == nullptr) return false;
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, 32L);
    thread_ = std::thread([this] { Run(); });
    return true;
  }

  void Run() {
    int running = 0;
    while (Grant()) {
      curl_multi_perform(multi_, &running);
      Reap();
      curl_multi_poll(multi_, nullptr, 0, 60'000, nullptr);  // curl's own timers and wakeups end it
    }
    for (const auto& [easy, transfer] : transfers_) {
      curl_multi_remove_handle(multi_, easy);
      transfer->Fail(ErrorKind::kCancelled, "the program is being stopped");
    }
    transfers_.clear();
  }

  // Does what was asked for; false when it is time to stop.
  bool Grant() {
    std::vector<Wish> wishes;
    bool stopping = false;
    {
      const std::lock_guard lock(mutex_);
      wishes.swap(wishes_);
      stopping = stopping_;
    }
    for (auto& [kind, transfer] : wishes) {
      CURL* const easy = transfer->handle();
      switch (kind) {
        case Wish::kAdd:
          transfers_.emplace(easy, transfer);
          curl_multi_add_handle(multi_, easy);
          break;
        case Wish::kRemove:
          if (transfers_.erase(easy) > 0) curl_multi_remove_handle(multi_, easy);
          break;
        case Wish::kResume:
          if (transfers_.contains(easy)) curl_easy_pause(easy, CURLPAUSE_CONT);
          break;
      }
    }
    return !stopping;
  }

  void Reap() {
    int left = 0;
    while (const CURLMsg* const message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const auto code = message->data.result;
      const auto found = transfers_.find(message->easy_handle);
      if (found == transfers_.end()) continue;
      const auto transfer = found->second;
      transfers_.erase(found);
      long opened = 0;
      curl_easy_getinfo(transfer->handle(), CURLINFO_NUM_CONNECTS, &opened);
      connections_ += static_cast<std::uint64_t>(opened);
      curl_multi_remove_handle(multi_, transfer->handle());
      transfer->Finish(code);
    }
  }

  std::mutex mutex_;
  std::condition_variable stopped_;
  std::vector<Wish> wishes_;
  bool stopping_ = false;
  CURLM* multi_ = nullptr;  // set once, before the thread starts
  std::thread thread_;
  std::map<CURL*, std::shared_ptr<Transfer>> transfers_;  // the thread's own
  std::atomic<std::uint64_t> connections_ = 0;
};

Client::Client(const base::Clock& clock) : clock_(clock), loop_(std::make_unique<Loop>()) {}
Client::~Client() = default;

base::Result<Response> Client::Fetch(Request request) {
  const auto left = request.deadline.Left(clock_.Steady());
  const auto until = std::chrono::steady_clock::now() + left;
  auto made = Transfer::Of(std::move(request), left);
  if (!made.ok()) return made.error();
  const auto transfer = *made;
  if (left <= base::SteadyTime::duration::zero()) {
    return transfer->FailureOf(ErrorKind::kTimeout, "no time is left for a request");
  }
  if (!loop_->Add(transfer)) return transfer->FailureOf(ErrorKind::kCancelled, "the program is being stopped");
  auto answer = transfer->Await(until, [&] { loop_->Resume(transfer); });
  if (answer && (answer->ok() || answer->error().kind != ErrorKind::kCancelled)) return *std::move(answer);
  loop_->Remove(transfer);
  if (answer) return *std::move(answer);
  return transfer->FailureOf(ErrorKind::kTimeout, "no answer in time");
}

bool Client::Pause(base::SteadyTime::duration span) { return loop_->Pause(span); }

void Client::Stop() { loop_->Stop(); }

std::uint64_t Client::connections() const { return loop_->connections(); }

}  // namespace pgvigil::http

#include "http/client.h"

#include <curl/curl.h>

#include <algorithm>
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

  void After(base::SteadyTime::duration span, std::function<void()> call) {
    const std::lock_guard lock(mutex_);
    if (stopping_ || !Start()) return;
    timers_.emplace(std::chrono::steady_clock::now() + span, std::move(call));
    curl_multi_wakeup(multi_);
  }

  void Call(const std::function<void()>& work) {
    {
      std::unique_lock lock(mutex_);
      if (multi_ != nullptr && !ended_) {
        bool done = false;
        calls_.push_back([&] {
          work();
          const std::lock_guard own(mutex_);
          done = true;
          called_.notify_all();
        });
        curl_multi_wakeup(multi_);
        called_.wait(lock, [&] { return done; });
        return;
      }
    }
    work();
  }

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
      CallTimers();
      curl_multi_poll(multi_, nullptr, 0, UntilTimer(), nullptr);  // curl's own timers and wakeups end it, too
    }
    for (const auto& [easy, transfer] : transfers_) {
      curl_multi_remove_handle(multi_, easy);
      transfer->Fail(ErrorKind::kCancelled, "the program is being stopped");
    }
    transfers_.clear();
    while (AnswerCalls(true)) {
    }
  }

  // False: there was none. With `last` no later one is taken then.
  bool AnswerCalls(bool last) {
    std::vector<std::function<void()>> calls;
    {
      const std::lock_guard lock(mutex_);
      calls.swap(calls_);
      ended_ = last && calls.empty();
    }
    for (const auto& call : calls) call();
    return !calls.empty();
  }

  // Does what was asked for; false when it is time to stop.
  bool Grant() {
    AnswerCalls(false);
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

  void CallTimers() {
    for (;;) {
      std::function<void()> call;
      {
        const std::lock_guard lock(mutex_);
        const auto first = timers_.begin();
        if (stopping_ || first == timers_.end() || first->first > std::chrono::steady_clock::now()) return;
        call = std::move(first->second);
        timers_.erase(first);
      }
      call();
    }
  }

  // Milliseconds until the next one, at most a minute.
  int UntilTimer() {
    const std::lock_guard lock(mutex_);
    if (timers_.empty()) return 60'000;
    const auto left = timers_.begin()->first - std::chrono::steady_clock::now();
    return std::clamp(static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count()), 0, 60'000);
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
  std::vector<std::function<void()>> calls_;
  std::condition_variable called_;
  bool ended_ = false;                                             // the thread does nothing any more
  std::multimap<base::SteadyTime, std::function<void()>> timers_;  // with the mutex
  std::map<CURL*, std::shared_ptr<Transfer>> transfers_;           // the thread's own
  std::atomic<std::uint64_t> connections_ = 0;
};

Client::Client(const base::Clock& clock) : clock_(clock), loop_(std::make_unique<Loop>()) {}
Client::~Client() = default;

base::Result<Response> Client::Fetch(Request request) {
  const auto left = request.deadline.Left(clock_.Steady());
  const auto until = std::chrono::steady_clock::now() + left;
  auto made = Transfer::Of(std::move(request), {}, left);
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

class Client::Started : public Running {
 public:
  Started(Loop& loop, std::shared_ptr<Transfer> transfer) : loop_(loop), transfer_(std::move(transfer)) {}
  ~Started() override {
    transfer_->Silence();
    loop_.Remove(transfer_);
  }

 private:
  Loop& loop_;
  const std::shared_ptr<Transfer> transfer_;
};

std::unique_ptr<Running> Client::Start(Request request, std::function<void(base::Result<Response>)> done) {
  const auto left = request.deadline.Left(clock_.Steady());
  auto made = Transfer::Of(std::move(request), done, left);
  if (!made.ok()) {
    After({}, [done = std::move(done), error = made.error()] { done(error); });
    return nullptr;
  }
  if (!loop_->Add(*made)) return nullptr;
  return std::make_unique<Started>(*loop_, *made);
}

void Client::After(base::SteadyTime::duration span, std::function<void()> call) { loop_->After(span, std::move(call)); }

void Client::Call(const std::function<void()>& work) { loop_->Call(work); }

bool Client::Pause(base::SteadyTime::duration span) { return loop_->Pause(span); }

void Client::Stop() { loop_->Stop(); }

std::uint64_t Client::connections() const { return loop_->connections(); }

}  // namespace pgvigil::http

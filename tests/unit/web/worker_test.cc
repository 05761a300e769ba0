#include <poll.h>

#include <atomic>
#include <cstdlib>
#include <future>
#include <new>
#include <thread>

#include "web_fixture.h"

namespace {
thread_local bool memory_is_short = false;  // the next allocation of this thread fails
}  // namespace

// Sanitizers want every form replaced, or none. Not inlined: optimised, g++ 12 would see free() of what operator new
// gave.
[[gnu::noinline]] void* operator new(std::size_t size) {
  if (std::exchange(memory_is_short, false)) throw std::bad_alloc();
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return std::malloc(size == 0 ? 1 : size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }

namespace pgvigil::web {
namespace {

using WorkerTest = WebTest;

TEST_F(WorkerTest, NoExceptionEndsTheProcess) {
  ASSERT_EQ(Start("", {{"GET", "/number", [](const Request&) -> Response { throw 42; }},
                       {"GET", "/memory",
                        [](const Request&) {
                          auto response = Response::Text(200, "page");
                          memory_is_short = true;  // where the answer is put together
                          return response;
                        }}}),
            "");
  const int port = server_->port();
  EXPECT_TRUE(Get(port, "/throws").starts_with("HTTP/1.1 500"));
  EXPECT_TRUE(Get(port, "/number").starts_with("HTTP/1.1 500"));
  EXPECT_TRUE(Get(port, "/memory").starts_with("HTTP/1.1 500"));
  EXPECT_TRUE(Get(port, "/-/healthy").starts_with("HTTP/1.1 200"));
}

TEST_F(WorkerTest, ARequestsTimeBeginsBeforeAWorkerIsFreeForIt) {
  constexpr int kWorkers = 16;
  std::promise<void> leave;
  const auto left = leave.get_future().share();
  std::atomic<int> entered = 0;
  std::promise<base::SteadyTime> received;
  ASSERT_EQ(Start("", {{"GET", "/hold",
                        [&entered, left](const Request&) {
                          ++entered;
                          left.wait();
                          return Response::Text(200, "");
                        }},
                       {"GET", "/queued",
                        [&received](const Request& request) {
                          received.set_value(request.received);
                          return Response::Text(200, "");
                        }}}),
            "");
  std::vector<std::future<std::string>> holding;
  for (int i = 0; i < kWorkers; ++i)
    holding.push_back(std::async(std::launch::async, [port = server_->port()] { return Get(port, "/hold"); }));
  while (entered < kWorkers) std::this_thread::yield();
  const int queued = ConnectTo(server_->port());
  const std::string request = "GET /queued HTTP/1.1\r\nHost: x\r\n\r\n";
  ASSERT_EQ(write(queued, request.data(), request.size()), static_cast<ssize_t>(request.size()));
  const auto sent = base::SystemClock().Steady();
  while (base::SystemClock().Steady() < sent + 50ms) std::this_thread::yield();  // more than a tick of the kernel's
  const auto released = base::SystemClock().Steady();
  leave.set_value();
  EXPECT_LT(received.get_future().get(), released);
  close(queued);
}

// civetweb itself gives up only where nothing at all is taken.
TEST_F(WorkerTest, AReaderThatAlwaysTakesALittleDoesNotKeepItsWorker) {
  const auto page = std::make_shared<const std::string>(std::size_t{192} << 20, 'x');
  ASSERT_EQ(Start("", {{"GET", "/page",
                        [page](const Request&) {
                          Response response;
                          response.body = page;
                          return response;
                        }}}),
            "");
  const int reader = ConnectTo(server_->port());
  const std::string request = "GET /page HTTP/1.1\r\nHost: x\r\n\r\n";
  ASSERT_EQ(write(reader, request.data(), request.size()), static_cast<ssize_t>(request.size()));
  std::size_t taken = 0;
  std::vector<char> little(1 << 20);
  for (ssize_t got = 0; (got = recv(reader, little.data(), little.size(), MSG_WAITALL)) > 0; poll(nullptr, 0, 100))
    taken += static_cast<std::size_t>(got);
  EXPECT_LT(taken, page->size());
  close(reader);
}

}  // namespace
}  // namespace pgvigil::web

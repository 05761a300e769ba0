#include "http/client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "fakes/http_server.h"
#include "fakes/scripted_server.h"

namespace pgvigil::http {
namespace {

using base::ErrorKind;
using fakes::HttpServer;
using fakes::Reply;

base::Deadline Soon(std::chrono::milliseconds span = std::chrono::seconds(20)) {
  return base::Deadline::After(base::SystemClock().Steady(), span);
}

Request Get(const std::string& url, std::chrono::milliseconds span = std::chrono::seconds(20)) {
  Request request(Soon(span));
  request.url = url;
  return request;
}

TEST(ClientTest, GivesStatusHeadersAndBodyWhateverTheStatus) {
  HttpServer server([](const auto& request) {
    return request.target == "/fine" ? Reply(200, "hello", "X-One: 1\r\nx-two:  2 \r\n") : Reply(404, "nothing here");
  });
  Client client;
  const auto fine = client.Fetch(Get(server.Url("/fine")));
  ASSERT_TRUE(fine.ok());
  EXPECT_EQ(fine->status, 200);
  EXPECT_EQ(fine->body, "hello");
  EXPECT_EQ(fine->Header("x-one"), "1");
  EXPECT_EQ(fine->Header("x-two"), "2");
  EXPECT_EQ(fine->Header("x-three"), "");
  const auto missing = client.Fetch(Get(server.Url("/x")));
  ASSERT_TRUE(missing.ok());
  EXPECT_EQ(missing->status, 404);
  EXPECT_EQ(missing->body, "nothing here");
}

TEST(ClientTest, SendsWhatItIsTold) {
  HttpServer server([](const auto&) { return Reply(200); });
  Client client;
  auto request = Get(server.Url("/a/../b/./%2F//c?d=%20+&e"));
  request.method = "PUT";
  request.headers = {{"x-token", "t"}, {"x-empty", ""}};
  request.body = "content";
  ASSERT_TRUE(client.Fetch(request).ok());
  request.method = "POST";
  request.body = "";
  ASSERT_TRUE(client.Fetch(request).ok());
  request.method = "HEAD";
  ASSERT_TRUE(client.Fetch(request).ok());
  const auto seen = server.requests();
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[0].method, "PUT");
  EXPECT_EQ(seen[0].target, "/a/../b/./%2F//c?d=%20+&e");
  EXPECT_EQ(seen[0].Header("x-token"), "t");
  EXPECT_TRUE(seen[0].headers.contains("x-empty"));
  EXPECT_FALSE(seen[0].headers.contains("expect"));
  EXPECT_EQ(seen[0].Header("host"), server.HostAndPort());
  EXPECT_EQ(seen[0].body, "content");
  EXPECT_EQ(seen[1].method, "POST");
  EXPECT_EQ(seen[1].body, "");
  EXPECT_EQ(seen[2].method, "HEAD");
}

TEST(ClientTest, AHeadTakesTheLengthButNoBody) {
  HttpServer server([](const auto&) { return "HTTP/1.1 200 OK\r\nContent-Length: 123456789\r\n\r\n"; });
  Client client;
  auto request = Get(server.Url("/"));
  request.method = "HEAD";
  request.most = 0;
  const auto answer = client.Fetch(request);
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->Header("content-length"), "123456789");
}

TEST(ClientTest, ReusesItsConnections) {
  HttpServer server([](const auto&) { return Reply(200, "x"); });
  Client client;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(client.Fetch(Get(server.Url("/"))).ok());
  EXPECT_EQ(server.connections(), 1);
  EXPECT_EQ(client.connections(), 1u);
}

TEST(ClientTest, ManyCallersAreServedAtOnce) {
  constexpr int kCallers = 8;
  std::atomic<int> inside = 0;
  HttpServer server([&](const auto&) {
    ++inside;
    while (inside < kCallers) std::this_thread::yield();  // nobody is answered before all are here
    return Reply(200, "x");
  });
  Client client;
  std::vector<std::future<bool>> callers;
  for (int i = 0; i < kCallers; ++i) {
    callers.push_back(std::async(std::launch::async, [&] { return client.Fetch(Get(server.Url("/"))).ok(); }));
  }
  for (auto& caller : callers) EXPECT_TRUE(caller.get());
}

TEST(ClientTest, DoesNotFollowRedirects) {
  HttpServer server([](const auto&) { return Reply(301, "moved", "Location: /elsewhere\r\n"); });
  Client client;
  const auto answer = client.Fetch(Get(server.Url("/")));
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->status, 301);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST(ClientTest, SaysHowItFailed) {
  struct Case {
    const char* answer;
    ErrorKind kind;
  };
  for (const auto& [answer, kind] : {
           Case{"", ErrorKind::kUnavailable},  // hung up
           Case{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nonly this",
                ErrorKind::kUnavailable},
           Case{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n",
                ErrorKind::kUnavailable},
           Case{"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n12345678901", ErrorKind::kLimit},
           Case{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n12345678901\r\n0\r\n\r\n",
                ErrorKind::kLimit},
           Case{"220 mail.example.net ESMTP\r\nConnection: close\r\n", ErrorKind::kMalformed},
       }) {
    HttpServer server([&](const auto&) { return answer; });
    Client client;
    auto request = Get(server.Url("/secret?token=hunter2"));
    request.most = 10;
    const auto got = client.Fetch(request);
    ASSERT_FALSE(got.ok()) << answer;
    EXPECT_EQ(Name(got.error().kind), Name(kind)) << answer << got.error().message;
    EXPECT_EQ(got.error().subject, server.HostAndPort());
    EXPECT_EQ(got.error().message.find("hunter2"), std::string::npos);
  }
}

TEST(ClientTest, ABodyOfJustTheMostIsTaken) {
  HttpServer server([](const auto&) { return Reply(200, "1234567890"); });
  Client client;
  auto request = Get(server.Url("/"));
  request.most = 10;
  EXPECT_TRUE(client.Fetch(request).ok());
}

TEST(ClientTest, OfALargeErrorPageTheBeginningIsEnough) {
  HttpServer server([](const auto&) { return Reply(500, std::string(1 << 20, 'x')); });
  Client client;
  auto request = Get(server.Url("/"));
  request.most = 10;
  const auto answer = client.Fetch(request);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->status, 500);
  EXPECT_EQ(answer->body.size(), 64u << 10);
  EXPECT_TRUE(answer->body_cut);
}

TEST(ClientTest, HeadersWithoutEndAreALimit) {
  HttpServer server([](const auto&) {
    std::string headers;
    for (int i = 0; i < 100; ++i) headers += "x-" + std::to_string(i) + ": " + std::string(8000, 'x') + "\r\n";
    return Reply(200, "", headers);
  });
  Client client;
  const auto answer = client.Fetch(Get(server.Url("/")));
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(Name(answer.error().kind), "limit");
}

TEST(ClientTest, NobodyThereIsRefused) {
  const int free_port = [] { return fakes::ScriptedServer([](int) {}).port(); }();
  Client client;
  const auto answer = client.Fetch(Get("http://127.0.0.1:" + std::to_string(free_port) + "/"));
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(Name(answer.error().kind), "refused");
}

TEST(ClientTest, ANameThatIsNoneIsUnavailable) {
  Client client;
  const auto answer = client.Fetch(Get("http://no-such-host.invalid/"));
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(Name(answer.error().kind), "unavailable");
}

TEST(ClientTest, ASilentServerCostsTheDeadlineAndNobodyElse) {
  fakes::ScriptedServer silent([&](int connection) { silent.AwaitHangup(connection); });
  HttpServer other([](const auto&) { return Reply(200); });
  Client client;
  auto waiting = std::async(std::launch::async, [&] {
    return client.Fetch(Get("http://127.0.0.1:" + std::to_string(silent.port()) + "/", std::chrono::milliseconds(300)));
  });
  EXPECT_TRUE(client.Fetch(Get(other.Url("/"))).ok());
  const auto answer = waiting.get();
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(Name(answer.error().kind), "timeout");
}

TEST(ClientTest, ADeadlineThatHasPassedAsksNobody) {
  HttpServer server([](const auto&) { return Reply(200); });
  Client client;
  const auto answer = client.Fetch(Get(server.Url("/"), std::chrono::milliseconds(0)));
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(Name(answer.error().kind), "timeout");
  EXPECT_EQ(server.connections(), 0);
}

TEST(ClientTest, SilenceIsBoundedOnItsOwn) {
  fakes::ScriptedServer silent([&](int connection) { silent.AwaitHangup(connection); });
  Client client;
  auto request = Get("http://127.0.0.1:" + std::to_string(silent.port()) + "/", std::chrono::minutes(10));
  request.silence = std::chrono::seconds(1);
  const auto answer = client.Fetch(request);
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(Name(answer.error().kind), "timeout");
}

TEST(ClientTest, ALargeBodyGoesThroughTheSinkInPieces) {
  std::string content(5 << 20, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 7 + i / 251);
  HttpServer server([&](const auto&) { return Reply(200, content); });
  Client client;
  auto request = Get(server.Url("/"));
  request.most = content.size();
  std::string got;
  std::size_t largest = 0;
  request.sink = [&](std::string_view bytes) {
    largest = std::max(largest, bytes.size());
    got += bytes;
    return true;
  };
  const auto answer = client.Fetch(request);
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_TRUE(got == content);
  EXPECT_LE(largest, 1u << 20);
  EXPECT_EQ(answer->body, "");
}

TEST(ClientTest, ASlowSinkHoldsUpNobodyElse) {
  HttpServer server(
      [](const auto& request) { return Reply(200, request.target == "/large" ? std::string(8 << 20, 'x') : "small"); });
  Client client;
  auto request = Get(server.Url("/large"));
  request.most = 16 << 20;
  std::size_t got = 0;
  int others = 0;
  request.sink = [&](std::string_view bytes) {  // while this sink has the floor, others get their answers
    got += bytes.size();
    if (client.Fetch(Get(server.Url("/small"))).ok()) ++others;
    return true;
  };
  ASSERT_TRUE(client.Fetch(request).ok());
  EXPECT_EQ(got, 8u << 20);
  EXPECT_GT(others, 0);
}

TEST(ClientTest, ASinkThatWantsNoMoreCancels) {
  HttpServer server([](const auto&) { return Reply(200, std::string(8 << 20, 'x')); });
  Client client;
  auto request = Get(server.Url("/"));
  request.most = 16 << 20;
  request.sink = [](std::string_view) { return false; };
  const auto answer = client.Fetch(request);
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(Name(answer.error().kind), "cancelled");
}

TEST(ClientTest, TheSinkSeesNothingOfAnErrorPage) {
  HttpServer server([](const auto&) { return Reply(403, "denied"); });
  Client client;
  auto request = Get(server.Url("/"));
  bool called = false;
  request.sink = [&](std::string_view) { return called = true; };
  const auto answer = client.Fetch(request);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->body, "denied");
  EXPECT_FALSE(called);
}

TEST(ClientTest, StopCancelsWhoWaitsAndWhoComesLater) {
  std::promise<void> connected;
  fakes::ScriptedServer silent([&](int connection) {
    connected.set_value();
    silent.AwaitHangup(connection);
  });
  Client client;
  auto waiting = std::async(
      std::launch::async, [&] { return client.Fetch(Get("http://127.0.0.1:" + std::to_string(silent.port()) + "/")); });
  auto pausing = std::async(std::launch::async, [&] { return client.Pause(std::chrono::hours(1)); });
  connected.get_future().wait();
  client.Stop();
  const auto answer = waiting.get();
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(Name(answer.error().kind), "cancelled");
  EXPECT_FALSE(pausing.get());
  const auto later = client.Fetch(Get("http://127.0.0.1:1/"));
  ASSERT_FALSE(later.ok());
  EXPECT_EQ(Name(later.error().kind), "cancelled");
}

TEST(ClientTest, BreaksInHeadersAndOtherProtocolsAreRefused) {
  Client client;
  auto broken = Get("http://127.0.0.1:1/");
  broken.headers = {{"authorization", "a\r\nx-forged: 1"}};
  for (const auto& request : {broken, Get("file:///etc/passwd"), Get("")}) {
    const auto answer = client.Fetch(request);
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(Name(answer.error().kind), "malformed") << request.url;
  }
}

TEST(ClientTest, AnAuthorityThatCannotBeReadIsMalformed) {
  fakes::ScriptedServer server([&](int connection) { server.AwaitHangup(connection); });
  Client client;
  auto request = Get("https://127.0.0.1:" + std::to_string(server.port()) + "/");
  request.tls.ca_file = "/no/such/ca.crt";
  const auto answer = client.Fetch(request);
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(Name(answer.error().kind), "malformed") << answer.error().message;
}

// -- called instead of waiting

TEST(StartTest, CallsForTheHeadThePiecesAndTheEndInThatOrder) {
  HttpServer server([](const auto&) { return Reply(200, "hello"); });
  std::promise<std::string> told;
  std::string order;
  Client client;
  auto request = Get(server.Url("/"));
  request.began = [&] { order += "head "; };
  request.sink = [&](std::string_view bytes) {
    order += bytes;
    return true;
  };
  const auto running = client.Start(request, [&](const auto& answer) {
    told.set_value(order + (answer.ok() ? " " + std::to_string(answer->status) : answer.error().message));
  });
  ASSERT_NE(running, nullptr);
  EXPECT_EQ(told.get_future().get(), "head hello 200");
}

TEST(StartTest, WithoutASinkTheBodyComesAtTheEndAndAnErrorIsAnAnswer) {
  HttpServer server([](const auto& request) { return Reply(request.target == "/fine" ? 200 : 503, "words"); });
  Client client;
  for (const auto& [path, status] : {std::pair("/fine", 200), std::pair("/busy", 503)}) {
    std::promise<base::Result<Response>> told;
    const auto running = client.Start(Get(server.Url(path)), [&](auto answer) { told.set_value(std::move(answer)); });
    const auto answer = told.get_future().get();
    ASSERT_TRUE(answer.ok());
    EXPECT_EQ(answer->status, status);
    EXPECT_EQ(answer->body, "words");
  }
  std::promise<base::ErrorKind> told;
  EXPECT_EQ(client.Start(Get("nonsense"), [&](const auto& answer) { told.set_value(answer.error().kind); }), nullptr);
  EXPECT_EQ(told.get_future().get(), ErrorKind::kMalformed);
}

TEST(StartTest, ASinkThatWantsNoMoreEndsIt) {
  HttpServer server([](const auto&) { return Reply(200, "hello"); });
  Client client;
  std::promise<base::ErrorKind> told;
  auto request = Get(server.Url("/"));
  request.sink = [](std::string_view) { return false; };
  const auto running = client.Start(request, [&](const auto& answer) { told.set_value(answer.error().kind); });
  EXPECT_EQ(told.get_future().get(), ErrorKind::kCancelled);
}

TEST(StartTest, NobodyIsCalledForARequestThatWasDropped) {
  std::atomic<bool> asked = false, called = false;
  HttpServer server([&](const auto&) {
    asked = true;
    server.AwaitStop();
    return Reply(200);
  });
  Client client;
  auto running = client.Start(Get(server.Url("/")), [&](const auto&) { called = true; });
  while (!asked) std::this_thread::yield();
  running.reset();
  client.Call([] {});  // the thread has dropped it by now
  client.Stop();
  client.Call([] {});
  EXPECT_FALSE(called);
}

TEST(StartTest, WhatRunsWhenTheClientIsStoppedIsCancelled) {
  HttpServer server([&](const auto&) {
    server.AwaitStop();
    return Reply(200);
  });
  Client client;
  std::promise<base::ErrorKind> told;
  const auto running =
      client.Start(Get(server.Url("/")), [&](const auto& answer) { told.set_value(answer.error().kind); });
  client.Stop();
  EXPECT_EQ(told.get_future().get(), ErrorKind::kCancelled);
  EXPECT_EQ(client.Start(Get(server.Url("/")), [](const auto&) {}), nullptr);
}

TEST(StartTest, TimersCallInTheirOrderOnTheOneThread) {
  Client client;
  std::promise<void> done;
  std::string order;
  std::thread::id first;
  client.After(std::chrono::milliseconds(20), [&] {
    order += "b";
    EXPECT_EQ(std::this_thread::get_id(), first);
    done.set_value();
  });
  client.After({}, [&] {
    order += "a";
    first = std::this_thread::get_id();
  });
  done.get_future().get();
  EXPECT_EQ(order, "ab");
}

TEST(StartTest, ACallIsDoneOnTheThreadWhileItRunsAndHereAfterwards) {
  Client client;
  std::thread::id where;
  const auto look = [&] { where = std::this_thread::get_id(); };
  client.Call(look);
  EXPECT_EQ(where, std::this_thread::get_id()) << "it never began";
  client.After({}, [] {});
  client.Call(look);
  EXPECT_NE(where, std::this_thread::get_id());
  client.Stop();
  client.Call(look);  // on either
}

TEST(ClientTest, TakesCompressedContentWhereItWasAskedFor) {
  // printf hello | gzip
  const std::string gzip(
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\x07\x00\x86\xa6\x10\x36\x05\x00\x00\x00", 25);
  HttpServer server([&](const auto& request) {
    return request.Header("accept-encoding") == "gzip" ? Reply(200, gzip, "Content-Encoding: gzip\r\n")
                                                       : Reply(200, "plain");
  });
  Client client;
  auto request = Get(server.Url("/"));
  EXPECT_EQ(client.Fetch(request)->body, "plain");
  request.compressed = true;
  EXPECT_EQ(client.Fetch(request)->body, "hello");
}

}  // namespace
}  // namespace pgvigil::http

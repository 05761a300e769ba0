// What the API server may answer, scripted; tests/integration/test_kubernetes.py does it with a real one.
#include "kubernetes/watch.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>

#include "fakes/http_server.h"

namespace pgvigil::kubernetes {
namespace {

using base::ErrorKind;
using fakes::HttpRequest;
using fakes::Reply;

std::string Object(const std::string& name, int version) {
  return R"({"metadata": {"name": ")" + name + R"(", "namespace": "shop", "resourceVersion": ")" +
         std::to_string(version) + R"("}})";
}

std::string ListOf(const std::vector<std::string>& objects, const std::string& metadata) {
  std::string items;
  for (const auto& object : objects) items += (items.empty() ? "" : ",") + object;
  return Reply(200, R"({"kind": "List", "metadata": {)" + metadata + R"(}, "items": [)" + items + "]}");
}

std::string Event(const std::string& type, const std::string& object) {
  return R"({"type": ")" + type + R"(", "object": )" + object + "}\n";
}

bool IsWatch(const HttpRequest& request) { return request.target.find("watch=1") != std::string::npos; }

// The API server: answers each request with the next of the script, and nothing any more after its last one.
class Script {
 public:
  explicit Script(std::deque<std::string> answers)
      : answers_(std::move(answers)), server_([this](const HttpRequest&) { return Next(); }) {}

  std::string Url() const { return server_.Url(); }
  std::vector<HttpRequest> requests() const { return server_.requests(); }

 private:
  std::string Next() {
    {
      const std::lock_guard lock(mutex_);
      if (!answers_.empty()) {
        auto answer = std::move(answers_.front());
        answers_.pop_front();
        return answer;
      }
    }
    server_.AwaitStop();
    return {};
  }

  std::mutex mutex_;
  std::deque<std::string> answers_;
  fakes::HttpServer server_;
};

// A watch of it, and what it knows by now.
class Followed {
 public:
  explicit Followed(const Script& script) {
    Access access;
    access.server = script.Url();
    access.token = "secret";
    objects_ = std::make_shared<FactsOf<std::string>>(
        [](const json::Value& object) { return json::TextOf(json::Member(json::Member(object, "metadata"), "name")); },
        [this] { Changed(); });
    watch_ =
        std::make_shared<Watch>(client_, std::make_shared<const Access>(access),
                                WatchOptions{{"/api/v1", "pods", {}}, "shop", "a=b"}, objects_, [this] { Changed(); });
    watch_->Start();
  }
  ~Followed() {
    client_.Call([this] { watch_.reset(); });
  }

  std::string Names() const {
    const auto facts = objects_->Get();
    if (!facts) return "unknown";
    std::string names;
    for (const auto& [key, name] : *facts) names += (names.empty() ? "" : " ") + *name;
    return names;
  }
  cluster::SourceState state() const { return watch_->state(); }

  // Whether that becomes so; what had been so before is in `seen`.
  bool Becomes(const std::function<bool()>& condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), condition);
  }
  bool BecomesNames(const std::string& names) {
    return Becomes([&] { return Names() == names; });
  }
  bool FailsWith(ErrorKind kind) {
    return Becomes([&] { return std::find(failures_.begin(), failures_.end(), kind) != failures_.end(); });
  }
  std::vector<std::string> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  void Changed() {
    const std::lock_guard lock(mutex_);
    const auto now = watch_->state();
    if (!now.up && now.error) failures_.push_back(now.error->kind);
    if (const auto names = Names(); names != "unknown" && (seen_.empty() || seen_.back() != names))
      seen_.push_back(names);
    changed_.notify_all();
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<ErrorKind> failures_;
  std::vector<std::string> seen_;
  std::shared_ptr<FactsOf<std::string>> objects_;
  std::shared_ptr<Watch> watch_;
  http::Client client_;  // first to go, were it not for the destructor
};

TEST(WatchTest, ListsPageByPageAndWatchesFromThere) {
  Script script({ListOf({Object("a", 1)}, R"("resourceVersion": "7", "continue": "next/page")"),
                 ListOf({Object("b", 2)}, R"("resourceVersion": "7")"),
                 Reply(200, Event("ADDED", Object("c", 8)) + Event("DELETED", Object("a", 9)) +
                                Event("BOOKMARK", R"({"metadata": {"resourceVersion": "12"}})")),
                 Reply(200, Event("MODIFIED", Object("d", 13)))});
  Followed followed(script);
  EXPECT_TRUE(followed.BecomesNames("b c d"));
  EXPECT_TRUE(followed.state().up);
  EXPECT_EQ(followed.seen().front(), "a b") << "nothing is told of half a list";
  const auto requests = script.requests();
  ASSERT_GE(requests.size(), 4U);
  EXPECT_EQ(requests[0].target, "/api/v1/namespaces/shop/pods?limit=500&labelSelector=a%3Db");
  EXPECT_EQ(requests[0].Header("authorization"), "Bearer secret");
  EXPECT_EQ(requests[0].Header("accept-encoding"), "gzip");
  EXPECT_EQ(requests[1].target, "/api/v1/namespaces/shop/pods?limit=500&continue=next%2Fpage&labelSelector=a%3Db");
  EXPECT_NE(requests[2].target.find("watch=1&allowWatchBookmarks=true&resourceVersion=7&"), std::string::npos);
  EXPECT_EQ(requests[2].Header("accept-encoding"), "") << "compressed events wait for one another";
  EXPECT_NE(requests[3].target.find("resourceVersion=12&"), std::string::npos) << requests[3].target;
}

// What ends a stream so that everything is listed anew; what is known meanwhile stays.
TEST(WatchTest, WhatIsTooOldIsListedAnewAndNothingIsForgottenMeanwhile) {
  const auto gone = R"({"kind": "Status", "code": 410, "message": "too old resource version"})";
  for (const auto& end : {Reply(200, Event("ERROR", gone)), Reply(200, std::string(gone) + "\n"), Reply(410, gone)}) {
    Script script({ListOf({Object("a", 1)}, R"("resourceVersion": "7")"), end,
                   ListOf({Object("b", 20)}, R"("resourceVersion": "30")")});
    Followed followed(script);
    EXPECT_TRUE(followed.BecomesNames("b")) << end;
    EXPECT_EQ(followed.seen(), (std::vector<std::string>{"a", "b"})) << end;
    EXPECT_TRUE(followed.state().up) << "that is no failure";
    EXPECT_TRUE(IsWatch(script.requests()[1]));
    EXPECT_FALSE(IsWatch(script.requests()[2]));
  }
}

TEST(WatchTest, AListThatIsTooOldOnItsSecondPageBeginsAnew) {
  Script script({ListOf({Object("a", 1)}, R"("resourceVersion": "7", "continue": "x")"), Reply(410, "{}"),
                 ListOf({Object("b", 1)}, R"("resourceVersion": "9")")});
  Followed followed(script);
  EXPECT_TRUE(followed.BecomesNames("b"));
}

TEST(WatchTest, AStreamThatIsCutInTheMiddleOfALineGoesOnFromTheLastWholeOne) {
  const auto event = Event("ADDED", Object("b", 8)), half = Event("ADDED", Object("c", 9)).substr(0, 20);
  Script script({ListOf({Object("a", 1)}, R"("resourceVersion": "7")"),
                 "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 10000\r\n\r\n" + event + half,
                 Reply(200, Event("ADDED", Object("c", 9)))});
  Followed followed(script);
  EXPECT_TRUE(followed.BecomesNames("a b c"));
  EXPECT_TRUE(followed.FailsWith(ErrorKind::kUnavailable));
  EXPECT_NE(script.requests()[2].target.find("resourceVersion=8&"), std::string::npos);
}

TEST(WatchTest, ALineThatIsNoJsonIsSaidAndEverythingIsListedAnew) {
  Script script({ListOf({Object("a", 1)}, R"("resourceVersion": "7")"), Reply(200, "{\"type\": \"ADD\n"),
                 ListOf({Object("b", 1)}, R"("resourceVersion": "9")")});
  Followed followed(script);
  EXPECT_TRUE(followed.BecomesNames("b"));
  EXPECT_TRUE(followed.FailsWith(ErrorKind::kMalformed));
}

TEST(WatchTest, AnObjectThatIsTooLargeIsSaidAndCostsNoMoreMemoryThanThat) {
  Script script({ListOf({Object("a", 1)}, R"("resourceVersion": "7")"),
                 Reply(200, R"({"type": "ADDED", "object": {"x": ")" + std::string(9 << 20, 'x') + "\"}}\n"),
                 ListOf({Object("b", 1)}, R"("resourceVersion": "9")")});
  Followed followed(script);
  EXPECT_TRUE(followed.BecomesNames("b"));
  EXPECT_TRUE(followed.FailsWith(ErrorKind::kLimit));
}

TEST(WatchTest, UnknownEventsAndObjectsWithoutANameAreHarmless) {
  Script script(
      {ListOf({Object("a", 1), "{}", "[]", "7"}, R"("resourceVersion": "7")"),
       Reply(200, Event("BOOKMARK", "{}") + Event("ADDED", "{\"metadata\": 7}") + Event("ADDED", Object("b", 8)))});
  Followed followed(script);
  EXPECT_TRUE(followed.BecomesNames("a b"));
  EXPECT_TRUE(followed.state().up);
}

TEST(WatchTest, WhatTheServerRefusesIsSaidByItsKindAndTriedAgain) {
  const auto status = R"({"kind": "Status", "message": "pods is forbidden: no"})";
  for (const auto& [code, kind] : {std::pair(401, ErrorKind::kAuth), std::pair(500, ErrorKind::kUnavailable),
                                   std::pair(400, ErrorKind::kMalformed)}) {
    Script script({Reply(code, status), ListOf({}, R"("resourceVersion": "7")")});
    Followed followed(script);
    EXPECT_TRUE(followed.FailsWith(kind)) << code;
    EXPECT_TRUE(followed.BecomesNames("")) << code;
  }
  for (const auto& [code, kind] : {std::pair(403, ErrorKind::kPermission), std::pair(404, ErrorKind::kNotFound)}) {
    Script script({Reply(code, status)});
    Followed followed(script);
    EXPECT_TRUE(followed.FailsWith(kind)) << code;
    EXPECT_EQ(followed.state().error->message, "pods is forbidden: no");
    EXPECT_EQ(followed.state().error->code, std::to_string(code));
    EXPECT_EQ(followed.Names(), "unknown");
  }
}

TEST(WatchTest, AServerThatIsBusyIsLeftAloneForAsLongAsItAsks) {
  Script script({Reply(429, "{}", "Retry-After: 1\r\n"), ListOf({}, R"("resourceVersion": "7")")});
  const auto began = base::SystemClock().Steady();
  Followed followed(script);
  EXPECT_TRUE(followed.BecomesNames(""));
  EXPECT_GE(base::SystemClock().Steady() - began, std::chrono::seconds(1));
}

TEST(WatchTest, AStreamThatSaysNothingIsASuccessFromItsHeadOn) {
  Script script(
      {ListOf({}, R"("resourceVersion": "7")"), Reply(500, "{}"), "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n"});
  Followed followed(script);
  EXPECT_TRUE(followed.FailsWith(ErrorKind::kUnavailable));
  EXPECT_TRUE(followed.Becomes([&] { return followed.state().up; }));
}

TEST(WatchTest, AStreamThatEndsAtOnceIsNotAskedForInALoop) {
  Script script({ListOf({}, R"("resourceVersion": "7")"), Reply(200), Reply(200, Event("ADDED", Object("a", 8)))});
  Followed followed(script);
  EXPECT_TRUE(followed.FailsWith(ErrorKind::kUnavailable));
  EXPECT_TRUE(followed.BecomesNames("a"));
}

}  // namespace
}  // namespace pgvigil::kubernetes

#include "objectstore/s3.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/timestamps.h"
#include "fakes/http_server.h"

namespace pgvigil::objectstore {
namespace {

using fakes::HttpServer;
using fakes::Reply;

std::string Xml(const std::string& code, const std::string& more = {}) {
  return "<Error><Code>" + code + "</Code><Message>words</Message>" + more + "</Error>";
}

std::string Listing(const std::string& content, const std::string& next = {}) {
  return "<ListBucketResult><IsTruncated>" + std::string(next.empty() ? "false" : "true") + "</IsTruncated>" +
         "<NextContinuationToken>" + next + "</NextContinuationToken>" + content + "</ListBucketResult>";
}

std::string Entry(const std::string& key) {
  return "<Contents><Key>" + key + "</Key><LastModified>2026-01-02T03:04:05Z</LastModified><Size>7</Size></Contents>";
}

// Our clock, off by what a test says.
class WrongClock final : public base::Clock {
 public:
  base::SteadyTime Steady() const override { return base::SystemClock().Steady(); }
  base::WallTime Wall() const override { return base::SystemClock().Wall() + off; }
  std::chrono::seconds off{0};
};

std::string HttpDate(base::WallTime time) {
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto text = base::AmzDate(time);  // 20260102T030405Z
  return "Date: Mon, " + text.substr(6, 2) + " " + kMonths[std::stoi(text.substr(4, 2)) - 1] + " " + text.substr(0, 4) +
         " " + text.substr(9, 2) + ":" + text.substr(11, 2) + ":" + text.substr(13, 2) + " GMT\r\n";
}

// A bucket whose server answers as a test says.
class S3Test : public testing::Test {
 protected:
  S3Test() {
    std::string path = testing::TempDir() + "s3.XXXXXX";
    directory_ = mkdtemp(path.data());
    SetKey("AKID", "hunter2-secret");
  }
  ~S3Test() override { std::filesystem::remove_all(directory_); }

  void SetKey(const std::string& id, const std::string& secret) const {
    std::ofstream(directory_ + "/id") << id << "\n";
    std::ofstream(directory_ + "/secret") << secret << "\n";
  }

  // `answer` gets the request and how many came before it.
  Store& Serve(std::function<std::string(const fakes::HttpRequest&, int)> answer, const std::string& path = "orders") {
    asked_ = 0;
    server_ = std::make_unique<HttpServer>([this, answer](const auto& request) { return answer(request, asked_++); });
    S3Options options;
    options.bucket = "backups";
    options.path = path;
    options.endpoint = server_->Url();
    options.region = "eu-central-1";
    options.credentials = {directory_ + "/id", directory_ + "/secret", {}};
    Surroundings around;
    around.clock = &clock_;
    around.counts = counts_;
    around.environment = [](const std::string&) { return std::nullopt; };
    around.retries.first_wait = std::chrono::milliseconds(1);
    around.retries.longest_wait = std::chrono::milliseconds(2);
    auto opened = OpenS3(options, around);
    EXPECT_TRUE(opened.ok());
    store_ = *opened;
    return *store_;
  }
  base::Deadline Soon() const { return base::Deadline::After(clock_.Steady(), std::chrono::seconds(20)); }
  std::string Authorization(std::size_t request) const {
    return server_->requests().at(request).Header("authorization");
  }

  WrongClock clock_;
  std::string directory_;
  std::atomic<int> asked_ = 0;
  std::shared_ptr<RequestCounts> counts_ = std::make_shared<RequestCounts>();
  std::unique_ptr<HttpServer> server_;
  std::shared_ptr<Store> store_;
};

TEST_F(S3Test, ListsBelowItsPathAndTellsKeysWithoutIt) {
  auto& store = Serve([](const auto&, int) {
    return Reply(200, Listing(Entry("orders/") + Entry("orders/wals/1") +
                                  "<CommonPrefixes><Prefix>orders/wals/x/</Prefix></CommonPrefixes>",
                              "a+/="));
  });
  const auto page = store.List({"wals/", true, "wals/0 1"}, "t+/=", Soon());
  ASSERT_FALSE(page.ok());  // "orders/" is outside of the prefix
  EXPECT_EQ(Name(page.error().kind), "malformed");
  EXPECT_EQ(
      server_->requests()[0].target,
      "/backups/?continuation-token=t%2B%2F%3D&delimiter=%2F&encoding-type=url&list-type=2&prefix=orders%2Fwals%2F&"
      "start-after=orders%2Fwals%2F0%201");
  const auto all = store.List({}, "", Soon());
  ASSERT_TRUE(all.ok());
  ASSERT_EQ(all->objects.size(), 1u);  // the root itself is no object of ours
  EXPECT_EQ(all->objects[0].key, "wals/1");
  EXPECT_EQ(all->folders, std::vector<std::string>{"wals/x/"});
  EXPECT_EQ(all->next, "a+/=");
  EXPECT_EQ(counts_->Of(Operation::kList), 2u);
  EXPECT_EQ(store.Name(), "s3://backups/orders");
}

TEST_F(S3Test, AListingThatGoesRoundInCirclesEnds) {
  auto& store = Serve([](const auto&, int) { return Reply(200, Listing(Entry("k"), "same")); }, "");
  int pages = 0;
  const auto listed =
      ListAll(store, {}, std::chrono::seconds(20), clock_, [&](const ListPage&) { return ++pages < 10; });
  ASSERT_FALSE(listed.ok());
  EXPECT_EQ(Name(listed.error().kind), "malformed");
  EXPECT_EQ(pages, 2);
}

TEST_F(S3Test, SignsWithTheKeyOfItsFilesAndTakesUpANewOne) {
  auto& store = Serve([](const auto&, int) { return Reply(200, "x"); });
  ASSERT_TRUE(store.Get("k", {}, 10, Soon()).ok());
  SetKey("AKID2", "other");
  std::ofstream(directory_ + "/token") << "session";
  ASSERT_TRUE(store.Get("k", {}, 10, Soon()).ok());
  EXPECT_TRUE(Authorization(0).starts_with("AWS4-HMAC-SHA256 Credential=AKID/")) << Authorization(0);
  EXPECT_NE(
      Authorization(0).find("/eu-central-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, "),
      std::string::npos);
  EXPECT_TRUE(Authorization(1).starts_with("AWS4-HMAC-SHA256 Credential=AKID2/"));
}

TEST_F(S3Test, AKeyThatWasRotatedDuringARequestIsTriedOnce) {
  auto& store = Serve([this](const auto&, int before) {
    if (before > 0) return Reply(200, "x");
    SetKey("AKID2", "new");
    return Reply(403, Xml("InvalidAccessKeyId"));
  });
  EXPECT_TRUE(store.Get("k", {}, 10, Soon()).ok());
  auto& refusing = Serve([](const auto&, int) { return Reply(403, Xml("SignatureDoesNotMatch")); });
  EXPECT_EQ(Name(refusing.Get("k", {}, 10, Soon()).error().kind), "auth");
  EXPECT_EQ(asked_, 1);  // the same key is not refused twice
}

TEST_F(S3Test, AKeyThatMayNotReadAnObjectIsNotAskedForAnew) {
  auto& store = Serve([this](const auto&, int before) -> std::string {
    SetKey("AKID" + std::to_string(before), "new");
    return "HTTP/1.1 403 Forbidden\r\n\r\n";
  });
  EXPECT_EQ(Name(store.Head("k", Soon()).error().kind), "permission");
  EXPECT_EQ(asked_, 1);
}

TEST_F(S3Test, WithoutAKeyTheStoreIsNamed) {
  auto& store = Serve([](const auto&, int) { return Reply(200, "x"); });
  std::ofstream(directory_ + "/secret") << "";
  const auto got = store.Get("k", {}, 10, Soon());
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.error().subject, directory_ + "/secret");
  Surroundings around;
  around.environment = [](const std::string& name) {
    return name == "AWS_EC2_METADATA_DISABLED" ? std::optional<std::string>("true") : std::nullopt;
  };
  S3Options options;
  options.bucket = "backups";
  const auto without = (*OpenS3(options, around))->Head("k", Soon());
  ASSERT_FALSE(without.ok());
  EXPECT_EQ(without.error().subject, "s3://backups/k");
  EXPECT_EQ(asked_, 0);
}

TEST_F(S3Test, RefusalsNameTheObjectTheStatusAndWhatToDo) {
  struct Case {
    int status;
    std::string body;
    const char* kind;
    const char* words;
  };
  for (const auto& [status, body, kind, words] : std::vector<Case>{
           {403, Xml("AccessDenied"), "permission", "s3:GetObject"},
           {403, "", "permission", "s3:GetObject"},
           {403, Xml("SignatureDoesNotMatch", "<StringToSign>hunter2</StringToSign>"), "auth", "secret access key"},
           {403, Xml("InvalidAccessKeyId"), "auth", "does not know this access key"},
           {403, Xml("InvalidObjectState"), "permission", "archive tier"},
           {400, Xml("ExpiredToken"), "auth", "expired"},
           {404, Xml("NoSuchKey"), "not_found", "no such object"},
           {404, Xml("NoSuchBucket"), "not_found", "no such bucket"},
           {416, Xml("InvalidRange"), "malformed", "beyond the end"},
           {400, Xml("Strange"), "malformed", "HTTP 400 Strange: words"},
           {401, "", "auth", "HTTP 401"},
           {302, "<html>", "unsupported", "sends us elsewhere"},
       }) {
    auto& store = Serve([&](const auto&, int) { return Reply(status, body); });
    const auto got = store.Get("wals/k", {}, 10, Soon());
    ASSERT_FALSE(got.ok()) << body;
    EXPECT_EQ(Name(got.error().kind), kind) << body;
    EXPECT_NE(got.error().message.find(words), std::string::npos) << got.error().message;
    EXPECT_EQ(got.error().subject, "s3://backups/orders/wals/k");
    EXPECT_EQ(got.error().code, std::to_string(status));
    EXPECT_EQ(got.error().message.find("hunter2"), std::string::npos);
    EXPECT_EQ(asked_, 1) << body;
  }
  auto& store = Serve([&](const auto&, int) { return Reply(403, Xml("AccessDenied")); });
  EXPECT_NE(store.List({}, "", Soon()).error().message.find("s3:ListBucket"), std::string::npos);
}

TEST_F(S3Test, TriesAgainWhatMayPass) {
  for (const auto& answer :
       {Reply(500, Xml("InternalError")), Reply(503, Xml("SlowDown")), Reply(429), Reply(502, "<html>"), std::string(),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\ncut")}) {
    auto& store = Serve([&](const auto&, int before) { return before < 2 ? answer : Reply(200, "x"); });
    const auto got = store.Get("k", {}, 10, Soon());
    ASSERT_TRUE(got.ok()) << answer << got.error().message;
    EXPECT_EQ(*got, "x");
    EXPECT_GE(asked_, 3);  // curl itself repeats a request on a connection that had been kept
    auto& never = Serve([&](const auto&, int) { return answer; });
    EXPECT_EQ(Name(never.Get("k", {}, 10, Soon()).error().kind), "unavailable") << answer;
    EXPECT_GE(asked_, 6);
  }
}

TEST_F(S3Test, WithoutTimeForAnotherTryTheFailureIsTheAnswer) {
  auto& store = Serve([&](const auto&, int) {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    return Reply(503, Xml("SlowDown"));
  });
  const auto got = store.Get("k", {}, 10, base::Deadline::After(clock_.Steady(), std::chrono::milliseconds(301)));
  ASSERT_FALSE(got.ok());
  EXPECT_NE(Name(got.error().kind), "internal");
}

TEST_F(S3Test, RangesAreAskedForAndChecked) {
  auto& store = Serve([](const auto&, int) { return Reply(206, "234"); });
  EXPECT_EQ(*store.Get("k", Range{2, 3}, 10, Soon()), "234");
  EXPECT_EQ(server_->requests()[0].Header("range"), "bytes=2-4");
  EXPECT_NE(Authorization(0).find("host;range;"), std::string::npos);
  EXPECT_EQ(*store.Get("k", Range{2, 0}, 10, Soon()), "");
  EXPECT_EQ(asked_, 1);
  EXPECT_EQ(Name(store.Get("k", Range{~0ULL, 2}, 10, Soon()).error().kind), "malformed");
  EXPECT_EQ(Name(store.Get("k", Range{0, 2}, 10, Soon()).error().kind), "malformed");  // three came
  EXPECT_EQ(Name(store.Get("k", Range{0, 3}, 2, Soon()).error().kind), "limit");
  auto& ignoring = Serve([](const auto&, int) { return Reply(200, "0123456789"); });
  EXPECT_EQ(Name(ignoring.Get("k", Range{2, 3}, 10, Soon()).error().kind), "malformed");
}

TEST_F(S3Test, ReadIsNotTriedAgainOnceBytesWereGiven) {
  // More than a piece: the reader has had some when the rest fails.
  const std::string cut =
      "HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\nConnection: close\r\n\r\n" + std::string(3'000'000, 'x');
  auto& store = Serve([&](const auto&, int) { return cut; });
  std::size_t size = 0;
  const auto read = store.Read("k", [&](std::string_view bytes) { return (size += bytes.size()) > 0; }, Soon());
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(Name(read.error().kind), "unavailable");
  EXPECT_LE(size, 3'000'000u);
  EXPECT_EQ(asked_, 1);
  auto& empty = Serve([&](const auto&, int before) {
    return before == 0 ? "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n" : Reply(200, "whole");
  });
  std::string got;
  EXPECT_TRUE(empty
                  .Read(
                      "k",
                      [&](std::string_view bytes) {
                        got += bytes;
                        return true;
                      },
                      Soon())
                  .ok());
  EXPECT_EQ(got, "whole");
  got.clear();
  auto& whole = Serve([](const auto&, int) { return Reply(200, "whole"); });
  got.clear();
  EXPECT_TRUE(whole
                  .Read(
                      "k",
                      [&](std::string_view bytes) {
                        got += bytes;
                        return true;
                      },
                      Soon())
                  .ok());
  EXPECT_EQ(got, "whole");
  EXPECT_EQ(Name(whole.Read("k", [&](std::string_view) { return false; }, Soon()).error().kind), "cancelled");
}

TEST_F(S3Test, HeadTellsWhatIsThere) {
  auto& store = Serve([](const auto& request, int) -> std::string {
    if (request.target.ends_with("none")) return "HTTP/1.1 404 Not Found\r\n\r\n";
    return "HTTP/1.1 200 OK\r\nContent-Length: 16777216\r\nLast-Modified: Fri, 02 Jan 2026 03:04:05 GMT\r\n"
           "x-amz-storage-class: DEEP_ARCHIVE\r\n\r\n";
  });
  const auto object = store.Head("wals/a b+c", Soon());
  ASSERT_TRUE(object.ok()) << object.error().message;
  EXPECT_EQ(server_->requests()[0].method, "HEAD");
  EXPECT_EQ(server_->requests()[0].target, "/backups/orders/wals/a%20b%2Bc");
  EXPECT_EQ(object->key, "wals/a b+c");
  EXPECT_EQ(object->size, 16u << 20);
  EXPECT_EQ(object->modified, *base::ParseIsoTime("2026-01-02T03:04:05Z"));
  EXPECT_TRUE(InArchiveTier(*object));
  EXPECT_EQ(Name(store.Head("none", Soon()).error().kind), "not_found");
}

TEST_F(S3Test, AWrongClockIsCorrectedOnceByTheServersDate) {
  clock_.off = std::chrono::minutes(-20);
  auto& store = Serve([](const auto& request, int) {
    const auto now = base::SystemClock().Wall();
    const auto signed_at = request.Header("x-amz-date");
    const bool fine = signed_at >= base::AmzDate(now - std::chrono::minutes(10)) &&
                      signed_at <= base::AmzDate(now + std::chrono::minutes(10));
    return fine ? Reply(200, "x", HttpDate(now)) : Reply(403, Xml("RequestTimeTooSkewed"), HttpDate(now));
  });
  EXPECT_FALSE(store.ClockSkew());
  ASSERT_TRUE(store.Get("k", {}, 10, Soon()).ok());
  EXPECT_EQ(asked_, 2);
  ASSERT_TRUE(store.Get("k", {}, 10, Soon()).ok());
  EXPECT_EQ(asked_, 3);  // right from the start now
  ASSERT_TRUE(store.ClockSkew());
  EXPECT_NEAR(base::Seconds(*store.ClockSkew()), 1200, 10);
}

TEST_F(S3Test, AServerThatInsistsOnAnotherTimeIsBelievedOnlyOnce) {
  auto& store = Serve(
      [](const auto&, int) { return Reply(403, Xml("RequestTimeTooSkewed"), HttpDate(base::SystemClock().Wall())); });
  const auto got = store.Get("k", {}, 10, Soon());
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(Name(got.error().kind), "auth");
  EXPECT_EQ(asked_, 2);
}

TEST_F(S3Test, AHeadThatIsRefusedWithoutAReasonAlsoFindsTheClock) {
  clock_.off = std::chrono::hours(1);
  auto& store = Serve([](const auto&, int before) -> std::string {
    const auto date = HttpDate(base::SystemClock().Wall());
    if (before == 0) return "HTTP/1.1 403 Forbidden\r\n" + date + "\r\n";
    return "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nLast-Modified: Fri, 02 Jan 2026 03:04:05 GMT\r\n" + date + "\r\n";
  });
  EXPECT_TRUE(store.Head("k", Soon()).ok());
}

TEST_F(S3Test, TheBucketsRegionIsFoundByTheAnswer) {
  const std::vector<std::string> answers = {
      Reply(400, Xml("AuthorizationHeaderMalformed", "<Region>us-west-2</Region>")),
      Reply(301, Xml("PermanentRedirect"), "x-amz-bucket-region: us-west-2\r\n"),
  };
  for (const auto& answer : answers) {
    auto& store = Serve([&](const auto& request, int) {
      return request.Header("authorization").find("/us-west-2/") != std::string::npos ? Reply(200, "x") : answer;
    });
    EXPECT_TRUE(store.Get("k", {}, 10, Soon()).ok());
    EXPECT_TRUE(store.Get("k", {}, 10, Soon()).ok());
    EXPECT_EQ(asked_, 3);
  }
  auto& lying = Serve(
      [&](const auto&, int) { return Reply(301, Xml("PermanentRedirect"), "x-amz-bucket-region: a.evil.net/\r\n"); });
  EXPECT_EQ(Name(lying.Get("k", {}, 10, Soon()).error().kind), "not_found");
  EXPECT_EQ(asked_, 1);
}

TEST_F(S3Test, TheDateOfACacheTellsNothingOfTheClock) {
  auto& store =
      Serve([](const auto&, int) { return Reply(200, "x", HttpDate(base::SystemClock().Wall()) + "Age: 7\r\n"); });
  ASSERT_TRUE(store.Get("k", {}, 10, Soon()).ok());
  EXPECT_FALSE(store.ClockSkew());
}

TEST_F(S3Test, ABucketInTheHostNameIsWhatIsSigned) {
  Serve([](const auto&, int) { return Reply(200, "x"); });
  S3Options options;
  options.bucket = "backups";
  options.path = "orders";
  options.endpoint = "http://localhost" + server_->Url().substr(server_->Url().rfind(':'));
  options.addressing = Addressing::kVirtualHost;
  options.credentials = {directory_ + "/id", directory_ + "/secret", {}};
  const auto opened = OpenS3(options);
  ASSERT_TRUE(opened.ok());
  const auto got = (*opened)->Get("k", {}, 10, Soon());
  ASSERT_TRUE(got.ok()) << got.error().message;
  EXPECT_EQ(server_->requests()[0].target, "/orders/k");
  EXPECT_EQ("http://" + server_->requests()[0].Header("host"), "http://backups." + options.endpoint.substr(7));
}

TEST_F(S3Test, OptionsThatCannotBeAreRefused) {
  S3Options good;
  good.bucket = "backups";
  Surroundings around;
  around.environment = [](const std::string&) { return std::nullopt; };
  EXPECT_TRUE(OpenS3(good, around).ok());
  for (const auto& change : std::vector<std::function<void(S3Options&)>>{
           [](auto& options) { options.bucket = ""; }, [](auto& options) { options.bucket = "a/b"; },
           [](auto& options) { options.bucket = "host.evil/"; },
           [](auto& options) { options.endpoint = "s3.example.net"; },
           [](auto& options) { options.region = "eu central"; }}) {
    auto options = good;
    change(options);
    const auto opened = OpenS3(options, around);
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(Name(opened.error().kind), "malformed");
  }
}

}  // namespace
}  // namespace pgvigil::objectstore

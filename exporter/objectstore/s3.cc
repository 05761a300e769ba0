#include "objectstore/s3.h"

#include <algorithm>
#include <limits>
#include <mutex>

#include "base/backoff.h"
#include "base/text.h"
#include "base/timestamps.h"
#include "http/url.h"
#include "objectstore/credential_chain.h"
#include "objectstore/list_xml.h"
#include "objectstore/location.h"
#include "objectstore/s3_failure.h"
#include "objectstore/sigv4.h"

namespace pgvigil::objectstore {
namespace {

using base::Error;
using base::ErrorKind;

constexpr std::uint64_t kMostOfAListing = 8 << 20;        // 1,000 keys of 1 KiB, each byte written as %XX, and the rest
constexpr auto kTolerableSkew = std::chrono::minutes(4);  // S3 itself bears 15, versitygw 10

// One thing to ask of the bucket, however often it takes.
struct Question {
  Operation operation;
  std::string key;  // in the bucket; empty: the bucket itself
  NameValues query;
  std::optional<Range> range;
  std::uint64_t most = 0;
  http::Sink sink;
  const bool* begun = nullptr;  // whether the sink got something: then it is too late for another try
};

class S3 final : public Store {
 public:
  S3(const S3Options& options, Surroundings surroundings, std::string region, Address address)
      : options_(options),
        root_(options.path.empty() ? "" : options.path + "/"),
        around_(std::move(surroundings)),
        chain_(CredentialSources(options, around_), *around_.clock),
        region_(std::move(region)),
        address_(std::move(address)) {}

  std::string Name() const override { return SubjectOf(options_.path); }
  base::Result<ListPage> List(const ListRequest& request, const std::string& continuation,
                              base::Deadline deadline) override;
  base::Result<std::string> Get(const std::string& key, std::optional<Range> range, std::uint64_t most,
                                base::Deadline deadline) override;
  base::Status Read(const std::string& key, const Sink& sink, base::Deadline deadline) override;
  base::Result<Object> Head(const std::string& key, base::Deadline deadline) override;
  std::optional<std::chrono::milliseconds> ClockSkew() const override {
    const std::lock_guard lock(mutex_);
    return skew_;
  }

 private:
  // Corrections that were made for one question: each at most once.
  struct Corrected {
    bool clock = false, region = false, key = false;
  };

  std::string SubjectOf(std::string_view key) const {
    return "s3://" + options_.bucket + (key.empty() ? "" : "/" + base::ValidUtf8(key));
  }
  Error FailureAt(const Question& question, ErrorKind kind, std::string message) const {
    return {kind, std::move(message), SubjectOf(question.key), {}};
  }

  base::Result<http::Response> Ask(const Question& question, base::Deadline deadline);
  base::Result<http::Response> Try(const Question& question, const AccessKey& key, base::Deadline deadline);
  http::Request Signed(const Question& question, const AccessKey& key, base::Deadline deadline);
  bool Correct(const http::Response& response, const ErrorReply& reply, const AccessKey& key, Corrected& corrected);
  bool CorrectClock(const ErrorReply& reply);
  bool CorrectRegion(const http::Response& response, const ErrorReply& reply);
  void NoteClock(const http::Response& response);
  base::Status StripRoot(ListPage& page, const std::string& prefix) const;

  const S3Options options_;
  const std::string root_;  // "" or ends with "/"
  const Surroundings around_;
  CredentialChain chain_;
  Signer signer_;

  mutable std::mutex mutex_;
  std::string region_;
  Address address_;
  std::optional<std::chrono::milliseconds> skew_;
  std::chrono::milliseconds offset_{0};  // what is added to our clock when signing
};

http::Request S3::Signed(const Question& question, const AccessKey& key, base::Deadline deadline) {
  Address address;
  Scope scope{{}, "s3"};
  std::chrono::milliseconds offset{};
  {
    const std::lock_guard lock(mutex_);
    address = address_;
    scope.region = region_;
    offset = offset_;
  }
  const auto amz_date = base::AmzDate(around_.clock->Wall() + offset);
  UnsignedRequest unsigned_request;
  unsigned_request.method = question.operation == Operation::kHead ? "HEAD" : "GET";
  unsigned_request.path = address.base_path + http::PercentEncode(question.key, http::Encode::kPath);
  unsigned_request.query = question.query;
  unsigned_request.payload_hash = kEmptySha256;
  auto& headers = unsigned_request.headers;
  headers = {
      {"host", address.authority}, {"x-amz-content-sha256", std::string(kEmptySha256)}, {"x-amz-date", amz_date}};
  if (question.range) {
    headers.emplace_back("range", "bytes=" + std::to_string(question.range->first) + "-" +
                                      std::to_string(question.range->first + question.range->length - 1));
  }
  if (!key.session_token.empty()) headers.emplace_back("x-amz-security-token", key.session_token);

  http::Request request(deadline);
  request.method = unsigned_request.method;
  request.url = address.origin + unsigned_request.path;
  if (!question.query.empty()) request.url += "?" + CanonicalQuery(question.query);
  request.headers = headers;
  request.headers.emplace_back("authorization", signer_.Authorization(unsigned_request, key, scope, amz_date));
  request.tls.ca_file = options_.ca_file;
  request.most = question.most;
  request.silence = around_.retries.silence;
  request.sink = question.sink;
  return request;
}

base::Result<http::Response> S3::Try(const Question& question, const AccessKey& key, base::Deadline deadline) {
  if (around_.counts) around_.counts->Count(question.operation);
  auto response = around_.client->Fetch(Signed(question, key, deadline));
  if (!response.ok()) {
    auto error = response.error();
    error.message += " (" + error.subject + ")";
    error.subject = SubjectOf(question.key);
    return error;
  }
  NoteClock(*response);
  return response;
}

// Date tells whole seconds: half of one is what it leaves out on average.
void S3::NoteClock(const http::Response& response) {
  const auto date = base::ParseHttpDate(response.Header("date"));
  if (!date || !response.Header("age").empty()) return;  // a cache's answer tells an old time
  const auto ahead = *date + std::chrono::milliseconds(500) - around_.clock->Wall();
  const std::lock_guard lock(mutex_);
  skew_ = std::chrono::floor<std::chrono::milliseconds>(ahead);
}

bool S3::CorrectClock(const ErrorReply& reply) {
  const std::lock_guard lock(mutex_);
  if (!skew_) return false;
  const auto wrong = std::chrono::abs(*skew_ - offset_);
  if (reply.code != "RequestTimeTooSkewed" && (!reply.code.empty() || wrong < kTolerableSkew)) return false;
  offset_ = *skew_;
  return true;
}

bool S3::CorrectRegion(const http::Response& response, const ErrorReply& reply) {
  if (response.status != 301 && response.status != 307 && response.status != 400) return false;
  const std::string region(response.Header("x-amz-bucket-region").empty() ? std::string_view(reply.region)
                                                                          : response.Header("x-amz-bucket-region"));
  const std::lock_guard lock(mutex_);
  if (!IsRegionName(region) || region == region_) return false;
  auto address = AddressOf(options_.bucket, options_.endpoint, region, options_.addressing);
  if (!address.ok()) return false;
  region_ = region;
  address_ = *std::move(address);
  return true;
}

// Whether something was wrong with how we asked that is right now.
bool S3::Correct(const http::Response& response, const ErrorReply& reply, const AccessKey& key, Corrected& corrected) {
  if (!corrected.region && CorrectRegion(response, reply)) return corrected.region = true;
  if (response.status != 400 && response.status != 401 && response.status != 403) return false;
  if (!corrected.clock && CorrectClock(reply)) return corrected.clock = true;
  if (corrected.key || !IsKeyRefused(response.status, reply)) return false;
  corrected.key = true;
  chain_.Refused(key);
  return true;
}

base::Result<http::Response> S3::Ask(const Question& question, base::Deadline deadline) {
  base::Backoff backoff(around_.retries.first_wait, around_.retries.longest_wait,
                        static_cast<std::uint32_t>(std::hash<std::string>()(question.key)));
  Corrected corrected;
  std::optional<AccessKey> refused;
  Error failure = FailureAt(question, ErrorKind::kTimeout, "no time is left for a request");
  for (int tries = 1;; ++tries) {
    const auto key = chain_.Get(deadline);
    if (!key.ok()) {
      auto error = key.error();
      if (error.subject.empty()) error.subject = SubjectOf(question.key);
      return error;
    }
    if (refused && *refused == *key) return failure;  // there is no newer one
    auto response = Try(question, *key, deadline);
    bool again = false;
    if (response.ok()) {
      if (response->status >= 200 && response->status <= 299) return response;
      const auto reply = ParseErrorReply(response->body);
      failure = S3Failure(question.operation, response->status, reply, SubjectOf(question.key));
      const bool had_key = corrected.key;
      if (Correct(*response, reply, *key, corrected)) {
        if (corrected.key != had_key) refused = *key;
        continue;
      }
      again = IsWorthRetrying(response->status, reply);
    } else {
      failure = response.error();
      again = IsWorthRetrying(failure);
    }
    again = again && (question.begun == nullptr || !*question.begun);
    const auto wait = backoff.Next();
    if (!again || tries >= around_.retries.tries || wait >= deadline.Left(around_.clock->Steady())) return failure;
    if (!around_.client->Pause(wait)) return FailureAt(question, ErrorKind::kCancelled, "the program is being stopped");
  }
}

// Keys of the bucket into keys of the store; what the prefix does not cover was not asked for.
base::Status S3::StripRoot(ListPage& page, const std::string& prefix) const {
  const auto strip = [&](std::string& key) {
    if (!key.starts_with(prefix)) return false;
    key.erase(0, root_.size());
    return true;
  };
  for (auto& object : page.objects) {
    if (strip(object.key)) continue;
    return Error{ErrorKind::kMalformed, "the listing holds a key outside its prefix", SubjectOf(prefix), {}};
  }
  for (auto& folder : page.folders) {
    if (strip(folder)) continue;
    return Error{ErrorKind::kMalformed, "the listing holds a folder outside its prefix", SubjectOf(prefix), {}};
  }
  // The root itself may be an object ("path/"), which some tools make so that a folder is seen.
  std::erase_if(page.objects, [](const Object& object) { return object.key.empty() || object.key.starts_with('/'); });
  std::erase_if(page.folders, [](const std::string& folder) { return folder.starts_with('/'); });
  return base::Done{};
}

base::Result<ListPage> S3::List(const ListRequest& request, const std::string& continuation, base::Deadline deadline) {
  const std::string prefix = root_ + request.prefix;
  Question question{.operation = Operation::kList,
                    .key = {},
                    .query = {{"list-type", "2"}, {"encoding-type", "url"}},
                    .range = {},
                    .most = kMostOfAListing,
                    .sink = {},
                    .begun = nullptr};
  if (!prefix.empty()) question.query.emplace_back("prefix", prefix);
  if (request.folders) question.query.emplace_back("delimiter", "/");
  if (!request.start_after.empty()) question.query.emplace_back("start-after", root_ + request.start_after);
  if (!continuation.empty()) question.query.emplace_back("continuation-token", continuation);
  const auto response = Ask(question, deadline);
  if (!response.ok()) return response.error();
  auto page = ParseListing(response->body);
  if (!page.ok()) {
    auto error = page.error();
    error.subject = SubjectOf(prefix);
    return error;
  }
  auto listed = *std::move(page);
  if (const auto stripped = StripRoot(listed, prefix); !stripped.ok()) return stripped.error();
  return listed;
}

base::Result<std::string> S3::Get(const std::string& key, std::optional<Range> range, std::uint64_t most,
                                  base::Deadline deadline) {
  Question question{.operation = Operation::kGet,
                    .key = root_ + key,
                    .query = {},
                    .range = range,
                    .most = most,
                    .sink = {},
                    .begun = nullptr};
  if (range && range->length == 0) return std::string();
  if (range && range->length - 1 > std::numeric_limits<std::uint64_t>::max() - range->first) {
    return FailureAt(question, ErrorKind::kMalformed, "the range ends beyond what a number holds");
  }
  auto response = Ask(question, deadline);
  if (!response.ok()) return response.error();
  if (range && response->status != 206) {
    return FailureAt(question, ErrorKind::kMalformed, "the store gave the whole object where a range was asked for");
  }
  auto body = std::move(*response).body;
  if (range && body.size() > range->length) {
    return FailureAt(question, ErrorKind::kMalformed, "the store gave more than the range that was asked for");
  }
  return body;
}

base::Status S3::Read(const std::string& key, const Sink& sink, base::Deadline deadline) {
  Question question{.operation = Operation::kGet,
                    .key = root_ + key,
                    .query = {},
                    .range = {},
                    .most = std::numeric_limits<std::uint64_t>::max(),
                    .sink = {},
                    .begun = nullptr};
  bool begun = false;
  question.begun = &begun;
  question.sink = [&](std::string_view bytes) {
    begun = true;
    return sink(bytes);
  };
  const auto response = Ask(question, deadline);
  if (!response.ok()) return response.error();
  return base::Done{};
}

base::Result<Object> S3::Head(const std::string& key, base::Deadline deadline) {
  Question question{.operation = Operation::kHead,
                    .key = root_ + key,
                    .query = {},
                    .range = {},
                    .most = 0,
                    .sink = {},
                    .begun = nullptr};
  const auto response = Ask(question, deadline);
  if (!response.ok()) return response.error();
  const auto size = base::ParseInteger<std::uint64_t>(response->Header("content-length"));
  const auto modified = base::ParseHttpDate(response->Header("last-modified"));
  if (!size || !modified) {
    return FailureAt(question, ErrorKind::kMalformed, "the store told no Content-Length or Last-Modified");
  }
  return Object{key, *size, *modified, std::string(response->Header("x-amz-storage-class"))};
}

// What the options leave open.
S3Options Completed(S3Options options, const Environment& environment) {
  options.path = TrimSlashes(options.path);
  if (options.endpoint.empty()) {
    options.endpoint = environment("AWS_ENDPOINT_URL_S3").value_or(environment("AWS_ENDPOINT_URL").value_or(""));
  }
  if (options.region.empty()) options.region = RegionFromSurroundings(environment).value_or("us-east-1");
  return options;
}

}  // namespace

base::Result<std::shared_ptr<Store>> OpenS3(const S3Options& given, Surroundings surroundings) {
  const auto options = Completed(given, surroundings.environment);
  if (const auto url = ParseLocation(options.bucket); !url.ok() && url.error().kind == ErrorKind::kUnsupported)
    return url.error();
  const auto location = ParseLocation("s3://" + options.bucket);
  if (!location.ok() || location->bucket != options.bucket) {
    return Error{ErrorKind::kMalformed, "expected the name of a bucket", options.bucket, {}};
  }
  if (!IsRegionName(options.region))
    return Error{ErrorKind::kMalformed, "expected the name of a region", options.region, {}};
  auto address = AddressOf(options.bucket, options.endpoint, options.region, options.addressing);
  if (!address.ok()) return address.error();
  if (!surroundings.client) surroundings.client = std::make_shared<http::Client>(*surroundings.clock);
  return std::shared_ptr<Store>(
      std::make_shared<S3>(options, std::move(surroundings), options.region, *std::move(address)));
}

}  // namespace pgvigil::objectstore

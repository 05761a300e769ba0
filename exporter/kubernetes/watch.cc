#include "kubernetes/watch.h"

#include <algorithm>

#include "base/text.h"
#include "http/url.h"

namespace pgvigil::kubernetes {
namespace {

using base::Error;
using base::ErrorKind;
using http::Response;
using std::chrono::seconds;

constexpr int kPage = 500;                        // objects
constexpr std::uint64_t kPageAtMost = 256 << 20;  // bytes of a page: 500 objects of half a MiB
constexpr std::uint64_t kStreamAtMost = 4ULL << 30;
constexpr std::size_t kLineAtMost = 8 << 20;  // etcd takes objects of 1.5 MiB
constexpr seconds kListWithin(60);
constexpr seconds kWatchFor(290);  // what the server is asked for; it ends the stream then
constexpr seconds kSilence(150);   // a bookmark comes every minute
constexpr seconds kForbiddenAgain(10);
constexpr seconds kMissingAgain(300);  // the kind may be installed later
constexpr seconds kSoon(10);           // a stream that ends before it said anything
constexpr int kGone = 410;

const std::vector<std::string_view> kIdentity = {"metadata.name", "metadata.namespace", "metadata.uid",
                                                 "metadata.resourceVersion"};

std::vector<std::string> PathsOf(const Resource& resource, const std::string& before) {
  std::vector<std::string> paths;
  for (const auto& group : {kIdentity, resource.paths}) {
    for (const auto path : group) paths.push_back(before + std::string(path));
  }
  return paths;
}

std::vector<std::string> PathsOfEvent(const Resource& resource) {
  auto paths = PathsOf(resource, "object.");
  // A Status in place of an object, or of the whole stream.
  for (const auto* path : {"type", "object.code", "object.message", "kind", "code", "message"})
    paths.emplace_back(path);
  return paths;
}

const json::Selection kKeptOfList = {"metadata.resourceVersion", "metadata.continue"};

std::string Encoded(const std::string& text) { return http::PercentEncode(text); }

ErrorKind KindOf(int status) {
  switch (status) {
    case 401: return ErrorKind::kAuth;
    case 403: return ErrorKind::kPermission;
    case 404: return ErrorKind::kNotFound;
    case 400:
    case 422: return ErrorKind::kMalformed;
    default: return ErrorKind::kUnavailable;
  }
}

}  // namespace

Watch::Watch(http::Client& client, std::shared_ptr<const Access> access, WatchOptions options,
             std::shared_ptr<Objects> objects, std::function<void()> told)
    : client_(client),
      access_(std::move(access)),
      options_(std::move(options)),
      kept_(PathsOf(options_.resource, {})),
      kept_of_event_(PathsOfEvent(options_.resource)),
      objects_(std::move(objects)),
      told_(std::move(told)),
      backoff_(std::chrono::milliseconds(500), seconds(30),
               static_cast<std::uint32_t>(std::hash<std::string>{}(Subject()))),
      throttle_(std::chrono::minutes(5)),
      state_(std::make_shared<const cluster::SourceState>()) {}

void Watch::Start() {
  client_.After({}, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->List({});
  });
}

std::string Watch::Subject() const {
  return std::string(options_.resource.plural) + (options_.space.empty() ? "" : " in " + options_.space);
}

std::unique_ptr<http::Running> Watch::Ask(const std::string& query, seconds within, http::Sink sink,
                                          std::function<void()> began,
                                          std::function<void(const base::Result<Response>&)> done) {
  http::Request request(base::Deadline::After(base::SystemClock().Steady(), within));
  request.url = access_->server + std::string(options_.resource.api) +
                (options_.space.empty() ? "" : "/namespaces/" + Encoded(options_.space)) + "/" +
                std::string(options_.resource.plural) + "?" + query;
  if (!options_.label_selector.empty()) request.url += "&labelSelector=" + Encoded(options_.label_selector);
  request.tls = access_->tls;
  request.headers = {{"accept", "application/json"}};
  const auto who = Authorization(*access_);
  if (!who.ok()) {
    client_.After({}, [done = std::move(done), error = who.error()] { done(error); });
    return nullptr;
  }
  if (!who->empty()) request.headers.emplace_back("authorization", *who);
  request.most = sink ? kStreamAtMost : kPageAtMost;
  request.compressed = !sink;
  if (sink) request.silence = kSilence;
  request.sink = std::move(sink);
  request.began = std::move(began);
  return client_.Start(std::move(request), std::move(done));
}

void Watch::List(const std::string& continued) {
  if (continued.empty()) objects_->BeginList();
  std::string query = "limit=" + std::to_string(kPage);
  if (!continued.empty()) query += "&continue=" + Encoded(continued);
  request_ = Ask(query, kListWithin, {}, {}, [weak = weak_from_this()](const auto& answer) {
    if (const auto self = weak.lock()) self->TakePage(answer);
  });
}

void Watch::TakePage(const base::Result<Response>& answer) {
  const auto anew = [this] { List({}); };
  if (!answer.ok()) return Again(anew, answer.error());
  if (answer->status == kGone) return List({});  // the next page was asked for too late
  if (answer->status != 200) {
    const auto asked = base::ParseInteger<std::int32_t>(answer->Header("retry-after"));
    return Again(anew, ErrorOf(*answer), seconds(std::clamp(asked.value_or(0), 0, 300)));
  }
  const auto rest =
      json::ReadList(answer->body, kKeptOfList, kept_, [this](const json::Value& object) { objects_->Put(object); });
  if (!rest.ok()) return Again(anew, Error{rest.error().kind, rest.error().message, Subject(), {}});
  const auto& metadata = json::Member(*rest, "metadata");
  if (auto continued = json::TextOf(json::Member(metadata, "continue")); !continued.empty()) return List(continued);
  version_ = json::TextOf(json::Member(metadata, "resourceVersion"));
  objects_->EndList();
  Succeeded();
  objects_->Publish();
  Follow();
}

void Watch::Follow() {
  line_.clear();
  ended_.reset();
  gone_ = false;
  heard_ = false;
  followed_since_ = base::SystemClock().Steady();
  const auto query = "watch=1&allowWatchBookmarks=true&resourceVersion=" + Encoded(version_) +
                     "&timeoutSeconds=" + std::to_string(kWatchFor.count());
  const auto weak = weak_from_this();
  request_ = Ask(
      query, kWatchFor + seconds(30),
      [weak](std::string_view bytes) {
        const auto self = weak.lock();
        return self != nullptr && self->TakePiece(bytes);
      },
      [weak] {
        if (const auto self = weak.lock()) self->Succeeded();
      },
      [weak](const auto& answer) {
        if (const auto self = weak.lock()) self->TakeEnd(answer);
      });
}

bool Watch::TakePiece(std::string_view bytes) {
  heard_ = true;
  for (;;) {
    const auto end = bytes.find('\n');
    if (line_.size() + std::min(end, bytes.size()) > kLineAtMost) {
      ended_ = Error{ErrorKind::kLimit, "an object is larger than " + base::FormatSize(kLineAtMost), Subject(), {}};
      gone_ = true;
      return false;
    }
    if (end == std::string_view::npos) break;
    line_ += bytes.substr(0, end);
    bytes.remove_prefix(end + 1);
    const bool goes_on = TakeEvent(line_);
    line_.clear();
    if (!goes_on) return false;
  }
  line_ += bytes;
  objects_->Publish();
  return true;
}

// False: the stream is to be left, for the reason in `ended_`.
bool Watch::TakeEvent(std::string_view line) {
  const auto event = json::ReadSelected(line, kept_of_event_);
  if (!event.ok()) {
    ended_ = Error{event.error().kind, event.error().message, Subject(), {}};
    gone_ = true;
    return false;
  }
  const auto type = json::TextOf(json::Member(*event, "type"));
  const auto& object = json::Member(*event, "object");
  if (type == "ERROR" || type.empty()) {  // without a type: a Status in place of the stream
    const auto& status = type.empty() ? *event : object;
    const auto code = json::NumberOf(json::Member(status, "code")).value_or(0);
    gone_ = true;
    if (code != kGone) {
      ended_ = Error{KindOf(static_cast<int>(code)), json::TextOf(json::Member(status, "message")), Subject(),
                     std::to_string(code)};
    }
    return false;
  }
  const auto& metadata = json::Member(object, "metadata");
  if (type == "DELETED") {
    objects_->Remove(json::TextOf(json::Member(metadata, "namespace")), json::TextOf(json::Member(metadata, "name")));
  } else if (type != "BOOKMARK") {
    objects_->Put(object);
  }
  if (auto version = json::TextOf(json::Member(metadata, "resourceVersion")); !version.empty()) version_ = version;
  backoff_.Reset();  // not by a list: one that works before a watch that never does would be made again and again
  Succeeded();
  return true;
}

void Watch::TakeEnd(const base::Result<Response>& answer) {
  objects_->Publish();
  const auto next = [this] { gone_ ? List({}) : Follow(); };
  if (ended_) return Again(next, *ended_);
  if (gone_) return List({});  // nothing is forgotten until the new list is complete
  if (!answer.ok()) return Again(next, answer.error());
  const auto lasted = base::SystemClock().Steady() - followed_since_;
  if (answer->status == 200 && (heard_ || lasted > kSoon)) return Follow();  // its time was over
  if (answer->status == 200) {
    return Again(next, Error{ErrorKind::kUnavailable, "the stream ended before it said anything", Subject(), {}});
  }
  gone_ = answer->status == kGone;
  if (gone_) return List({});
  Again(next, ErrorOf(*answer));
}

void Watch::Again(std::function<void()> step, const Error& error, base::SteadyTime::duration at_least) {
  Failed(error);
  auto wait = std::max(backoff_.Next(), at_least);
  if (error.kind == ErrorKind::kPermission) wait = std::max<base::SteadyTime::duration>(wait, kForbiddenAgain);
  if (error.kind == ErrorKind::kNotFound) wait = std::max<base::SteadyTime::duration>(wait, kMissingAgain);
  client_.After(wait, [weak = weak_from_this(), step = std::move(step)] {
    if (const auto self = weak.lock()) step();
  });
}

void Watch::Succeeded() {
  const auto& clock = base::SystemClock();
  cluster::SourceState state;
  state.up = true;
  state.last_success = clock.Wall();
  state.last_success_steady = clock.Steady();
  const bool was_up = state_.Get()->up;
  state_.Set(std::move(state));
  if (was_up) return;
  throttle_.Forget("failed");
  base::Log(base::LogLevel::kInfo, "the API server is followed", {{"resource", Subject()}});
  told_();
}

void Watch::Failed(const Error& error) {
  auto state = *state_.Get();
  state.up = false;
  state.error = error;
  state_.Set(std::move(state));
  if (const auto held_back = throttle_.Admit("failed", base::SystemClock().Steady())) {
    base::Log(base::LogLevel::kError, "the API server does not tell", error,
              {{"resource", Subject()}, {"repeated", *held_back}});
  }
  told_();
}

Error Watch::ErrorOf(const Response& answer) const {
  const auto status = json::Parse(answer.body);
  auto message = status ? json::TextOf(json::Member(*status, "message")) : std::string();
  if (message.empty()) message = "the API server answered with status " + std::to_string(answer.status);
  return {KindOf(answer.status), base::ValidUtf8(message), Subject(), std::to_string(answer.status)};
}

}  // namespace pgvigil::kubernetes

#include "http/transfer.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.h"

namespace pgvigil::http {
namespace {

using base::Error;
using base::ErrorKind;

constexpr std::size_t kMostOfAnError = 64 << 10;
constexpr std::size_t kMostOfHeaders = 256 << 10;
constexpr std::size_t kPiece = 1 << 20;
constexpr long kConnectMilliseconds = 10'000;
constexpr long kCaCacheSeconds = 60;  // how late a renewed authority is taken up; 0 would read it for every connection

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

curl_blob Blob(const std::string& text) {
  return {const_cast<char*>(text.data()), text.size(), CURL_BLOB_NOCOPY};  // the request outlives the handle
}

// A line break in a header would be a header of its own.
bool IsSafe(const Headers& headers) {
  return std::all_of(headers.begin(), headers.end(), [](const auto& header) {
    return !header.first.empty() &&
           (header.first + header.second).find_first_of(std::string("\r\n\0", 3)) == std::string::npos;
  });
}

}  // namespace

std::string_view Response::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

base::Result<std::shared_ptr<Transfer>> Transfer::Of(Request request, Done done, base::SteadyTime::duration left) {
  auto url = ParseUrl(request.url);
  if (!url.ok()) return url.error();
  std::shared_ptr<Transfer> made(new Transfer(std::move(request), *std::move(url), std::move(done)));
  if (!IsSafe(made->request_.headers)) {
    return made->FailureOf(ErrorKind::kMalformed, "a header of the request has a line break in it");
  }
  made->easy_ = curl_easy_init();
  if (made->easy_ == nullptr) return made->FailureOf(ErrorKind::kInternal, "curl_easy_init failed");
  made->SetUp(left);
  return made;
}

Transfer::~Transfer() {
  if (easy_ != nullptr) curl_easy_cleanup(easy_);
  curl_slist_free_all(headers_);
}

void Transfer::SetUp(base::SteadyTime::duration left) {
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  curl_easy_setopt(easy_, CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(easy_, CURLOPT_PRIVATE, this);
  curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, message_);
  curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy_, CURLOPT_PATH_AS_IS, 1L);  // a key may hold "/../"
  curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy_, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(easy_, CURLOPT_USERAGENT, "pgvigil");
  curl_easy_setopt(easy_, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, std::max(1L, static_cast<long>(milliseconds)));
  curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS, kConnectMilliseconds);
  if (request_.silence.count() > 0) {
    curl_easy_setopt(easy_, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy_, CURLOPT_LOW_SPEED_TIME, static_cast<long>(request_.silence.count()));
  }
  if (request_.compressed) curl_easy_setopt(easy_, CURLOPT_ACCEPT_ENCODING, "gzip");
  if (request_.direct) curl_easy_setopt(easy_, CURLOPT_NOPROXY, "*");
  for (const auto& [name, value] : request_.headers) {
    // curl takes "Name;" for a header without a value and leaves "Name:" out.
    std::string line = name;
    line.append(value.empty() ? ";" : ": ").append(value);
    headers_ = curl_slist_append(headers_, line.c_str());
  }
  headers_ = curl_slist_append(headers_, "Expect:");  // no second round trip for a body
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers_);
  curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &Transfer::OnHeader);
  curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &Transfer::OnBody);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
  SetMethod();
  SetTls();
}

void Transfer::SetMethod() {
  if (request_.method == "HEAD") {
    curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
    return;
  }
  if (request_.method == "POST" || !request_.body.empty()) {
    curl_easy_setopt(easy_, CURLOPT_POST, 1L);
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, request_.body.c_str());
  }
  if (request_.method != "GET" && request_.method != "POST") {
    curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  }
}

void Transfer::SetTls() {
  const auto& tls = request_.tls;
  curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(easy_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy_, CURLOPT_CA_CACHE_TIMEOUT, kCaCacheSeconds);
  const auto set = [&](CURLoption blob_option, CURLoption file_option, const std::string& pem,
                       const std::string& file) {
    if (!pem.empty()) {
      const auto blob = Blob(pem);
      curl_easy_setopt(easy_, blob_option, &blob);
    } else if (!file.empty()) {
      curl_easy_setopt(easy_, file_option, file.c_str());
    }
  };
  set(CURLOPT_CAINFO_BLOB, CURLOPT_CAINFO, tls.ca_pem, tls.ca_file);
  if (!tls.ca_pem.empty() || !tls.ca_file.empty()) curl_easy_setopt(easy_, CURLOPT_CAPATH, nullptr);
  set(CURLOPT_SSLCERT_BLOB, CURLOPT_SSLCERT, tls.certificate_pem, tls.certificate_file);
  set(CURLOPT_SSLKEY_BLOB, CURLOPT_SSLKEY, tls.key_pem, tls.key_file);
}

std::size_t Transfer::OnHeader(char* bytes, std::size_t, std::size_t count, void* self) {
  return static_cast<Transfer*>(self)->TakeHeader({bytes, count}) ? count : 0;
}

std::size_t Transfer::OnBody(char* bytes, std::size_t, std::size_t count, void* self) {
  return static_cast<Transfer*>(self)->TakeBody({bytes, count});
}

bool Transfer::TakeHeader(std::string_view line) {
  std::unique_lock lock(mutex_);
  header_bytes_ += line.size();
  if (header_bytes_ > kMostOfHeaders) {
    Refuse(ErrorKind::kLimit, "the headers of the answer are larger than " + base::FormatSize(kMostOfHeaders));
    return false;
  }
  if (line.starts_with("HTTP/")) {  // also after each "100 Continue"
    response_.headers.clear();
    const auto space = line.find(' ');
    const auto status =
        space == std::string_view::npos ? std::nullopt : base::ParseInteger<std::int32_t>(line.substr(space + 1, 3));
    response_.status = status.value_or(0);
    return true;
  }
  if (line == "\r\n" && IsSuccess() && request_.began && !silent_) {
    lock.unlock();
    request_.began();
    return true;
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return true;
  response_.headers.emplace_back(Lower(line.substr(0, colon)), std::string(base::Trim(line.substr(colon + 1))));
  return true;
}

std::size_t Transfer::Refuse(ErrorKind kind, std::string message) {
  failure_ = FailureOf(kind, std::move(message));
  return 0;
}

std::size_t Transfer::TakeBody(std::string_view bytes) {
  return call_ && request_.sink ? TakeForSink(bytes) : TakeForWaiter(bytes);
}

// On the client's thread, which nobody shares the answer with.
std::size_t Transfer::TakeForSink(std::string_view bytes) {
  if (!IsSuccess()) return TakeForWaiter(bytes);
  if (bytes.size() > request_.most - taken_) {
    return Refuse(ErrorKind::kLimit, "the answer is larger than " + base::FormatSize(request_.most));
  }
  taken_ += bytes.size();
  if (silent_ || !request_.sink(bytes)) return Refuse(ErrorKind::kCancelled, "the reader wanted no more");
  return bytes.size();
}

std::size_t Transfer::TakeForWaiter(std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  if (!IsSuccess()) {
    const auto room = kMostOfAnError - response_.body.size();
    response_.body_cut = response_.body_cut || bytes.size() > room;
    response_.body += bytes.substr(0, room);
    return response_.body_cut ? Refuse(ErrorKind::kLimit, {}) : bytes.size();
  }
  if (bytes.size() > request_.most - taken_) {
    return Refuse(ErrorKind::kLimit, "the answer is larger than " + base::FormatSize(request_.most));
  }
  if (!request_.sink) {
    response_.body += bytes;
  } else {
    if (pending_.size() + bytes.size() > kPiece) {
      paused_ = true;
      return CURL_WRITEFUNC_PAUSE;  // curl gives these bytes again
    }
    pending_ += bytes;
    changed_.notify_one();
  }
  taken_ += bytes.size();
  return bytes.size();
}

void Transfer::Finish(CURLcode code) {
  std::unique_lock lock(mutex_);
  if (failure_ && response_.body_cut) {
    failure_.reset();  // enough of an error page was read
  } else if (!failure_ && code != CURLE_OK) {
    failure_ = FailureOf(code);
  }
  End(std::move(lock));
}

void Transfer::Fail(ErrorKind kind, const std::string& message) {
  std::unique_lock lock(mutex_);
  if (!failure_) failure_ = FailureOf(kind, message);
  End(std::move(lock));
}

void Transfer::End(std::unique_lock<std::mutex> lock) {
  done_ = true;
  changed_.notify_one();
  lock.unlock();
  if (!call_ || silent_) return;
  if (failure_) return call_(*failure_);
  call_(std::move(response_));
}

std::optional<base::Result<Response>> Transfer::Await(base::SteadyTime until, const std::function<void()>& resume) {
  std::unique_lock lock(mutex_);
  while (changed_.wait_until(lock, until, [this] { return done_ || !pending_.empty(); })) {
    if (pending_.empty() || (done_ && failure_)) {
      if (failure_) return *failure_;
      return std::move(response_);
    }
    std::string piece;
    piece.swap(pending_);
    const bool waits = std::exchange(paused_, false);
    lock.unlock();
    if (waits) resume();
    if (!request_.sink(piece)) return FailureOf(ErrorKind::kCancelled, "the reader wanted no more");
    if (std::chrono::steady_clock::now() >= until) return std::nullopt;
    lock.lock();
  }
  return std::nullopt;
}

Error Transfer::FailureOf(ErrorKind kind, std::string message) const {
  return {kind, std::move(message), url_.HostAndPort(), {}};
}

Error Transfer::FailureOf(CURLcode code) const {
  const std::string detail = message_[0] != '\0' ? message_ : curl_easy_strerror(code);
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return FailureOf(ErrorKind::kTimeout,
                       response_.status == 0 ? "no answer in time" : "the answer did not end in time");
    case CURLE_COULDNT_CONNECT: {
      long number = 0;
      curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &number);
      if (number == ECONNREFUSED) return FailureOf(ErrorKind::kRefused, "connection refused");
      const std::string reason = number != 0 ? std::strerror(static_cast<int>(number)) : detail;
      return FailureOf(ErrorKind::kUnavailable, "cannot connect: " + reason);
    }
    case CURLE_PEER_FAILED_VERIFICATION:
      return FailureOf(ErrorKind::kAuth, "the server's certificate is not trusted: " + detail);
    case CURLE_SSL_CERTPROBLEM: return FailureOf(ErrorKind::kAuth, "the client certificate cannot be used: " + detail);
    case CURLE_SSL_CACERT_BADFILE:
      return FailureOf(ErrorKind::kMalformed, "the file of certificate authorities cannot be used: " + detail);
    case CURLE_PARTIAL_FILE: return FailureOf(ErrorKind::kUnavailable, "the answer was cut short: " + detail);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY: return FailureOf(ErrorKind::kMalformed, detail);
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT: return FailureOf(ErrorKind::kInternal, detail);
    default: return FailureOf(ErrorKind::kUnavailable, detail);
  }
}

}  // namespace pgvigil::http

#include "objectstore/s3_failure.h"

#include <algorithm>
#include <array>

namespace pgvigil::objectstore {
namespace {

using base::Error;
using base::ErrorKind;

struct Known {
  std::string_view code;
  ErrorKind kind;
  std::string_view advice;
};

constexpr std::array kKnown = {
    Known{"InvalidAccessKeyId", ErrorKind::kAuth, "the store does not know this access key id"},
    Known{"SignatureDoesNotMatch", ErrorKind::kAuth,
          "the secret access key does not belong to the access key id, the region is another than the store's, or "
          "something on the way changes requests"},
    Known{"ExpiredToken", ErrorKind::kAuth, "the session token has expired: whatever renews it has stopped"},
    Known{"InvalidToken", ErrorKind::kAuth, "the session token is not taken, or does not belong to the key"},
    Known{"InvalidTokenId", ErrorKind::kAuth, "the session token is not taken, or does not belong to the key"},
    Known{"TokenRefreshRequired", ErrorKind::kAuth, "the session token has to be renewed"},
    Known{"RequestTimeTooSkewed", ErrorKind::kAuth, "the store's clock and ours are too far apart: check both"},
    Known{"AccountProblem", ErrorKind::kPermission, "the account is suspended"},
    Known{"AllAccessDisabled", ErrorKind::kPermission, "the bucket is closed to everybody"},
    Known{"NoSuchBucket", ErrorKind::kNotFound, "there is no such bucket here: check its name and the endpoint"},
    Known{"NoSuchKey", ErrorKind::kNotFound, "there is no such object"},
    Known{"InvalidObjectState", ErrorKind::kPermission,
          "the object is in an archive tier: it has to be restored before it can be read"},
    Known{"InvalidRange", ErrorKind::kMalformed, "the range begins beyond the end of the object"},
    Known{"InvalidBucketName", ErrorKind::kMalformed, "this is no name of a bucket"},
    Known{"AuthorizationHeaderMalformed", ErrorKind::kAuth, "the request was signed for another region: set `region`"},
    Known{"PermanentRedirect", ErrorKind::kNotFound, "the bucket is in another region: set `region`"},
    Known{"SlowDown", ErrorKind::kUnavailable, "the store asks for fewer requests"},
};

// A 403 says what is missing only to whoever knows what was asked.
std::string_view Denied(Operation operation) {
  if (operation == Operation::kList) return "the key may not list this bucket: it needs s3:ListBucket for the prefix";
  return "the key may not read this object: it needs s3:GetObject; or there is no such object, which a key without "
         "s3:ListBucket is not told";
}

ErrorKind KindOf(int status) {
  switch (status) {
    case 401: return ErrorKind::kAuth;
    case 403: return ErrorKind::kPermission;
    case 404: return ErrorKind::kNotFound;
    case 408:
    case 429: return ErrorKind::kUnavailable;
    case 416: return ErrorKind::kMalformed;
    default: break;
  }
  if (status >= 500) return ErrorKind::kUnavailable;
  return status >= 400 ? ErrorKind::kMalformed : ErrorKind::kUnsupported;
}

// For answers without a code: those to HEAD have no body, and a proxy's is no XML.
std::string WordsFor(Operation operation, int status) {
  switch (status) {
    case 403: return std::string(Denied(operation));
    case 404: return operation == Operation::kList ? "there is no such bucket here" : "there is no such object";
    case 416: return "the range begins beyond the end of the object";
    default: break;
  }
  if (status >= 300 && status <= 399) {
    return "the store sends us elsewhere (HTTP " + std::to_string(status) + "): check endpoint and region";
  }
  return "the store answered HTTP " + std::to_string(status) + " without a reason";
}

}  // namespace

Error S3Failure(Operation operation, int status, const ErrorReply& reply, const std::string& subject) {
  const auto known =
      std::find_if(kKnown.begin(), kKnown.end(), [&](const Known& entry) { return entry.code == reply.code; });
  const std::string code = std::to_string(status);
  const std::string origin = reply.code.empty() ? "" : " (" + reply.code + ")";
  if (known != kKnown.end()) return {known->kind, std::string(known->advice) + origin, subject, code};
  if (reply.code == "AccessDenied")
    return {ErrorKind::kPermission, std::string(Denied(operation)) + origin, subject, code};
  if (reply.code.empty()) return {KindOf(status), WordsFor(operation, status), subject, code};
  return {KindOf(status), "the store answered HTTP " + code + " " + reply.code + ": " + reply.message, subject, code};
}

bool IsWorthRetrying(int status, const ErrorReply& reply) {
  return status == 500 || status == 502 || status == 503 || status == 504 || status == 429 || status == 408 ||
         reply.code == "SlowDown" || reply.code == "RequestTimeout" || reply.code == "InternalError";
}

bool IsWorthRetrying(const Error& transport) {
  return transport.kind == ErrorKind::kUnavailable || transport.kind == ErrorKind::kRefused ||
         transport.kind == ErrorKind::kTimeout;
}

bool IsKeyRefused(int status, const ErrorReply& reply) {
  return status == 401 || reply.code == "InvalidAccessKeyId" || reply.code == "SignatureDoesNotMatch" ||
         reply.code == "ExpiredToken" || reply.code == "InvalidToken" || reply.code == "TokenRefreshRequired" ||
         reply.code == "InvalidClientTokenId";
}

}  // namespace pgvigil::objectstore

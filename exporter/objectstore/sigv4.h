// AWS Signature Version 4: how a request says who sends it. Source: "Create a signed AWS API request" in the IAM User
// Guide; checked with the vectors that AWS published. Pure.
#pragma once

#include <array>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"

namespace pgvigil::objectstore {

// Never printed. A session token is there with temporary credentials only.
struct AccessKey {
  std::string id;
  std::string secret;
  std::string session_token;

  friend bool operator==(const AccessKey&, const AccessKey&) = default;
};

using NameValues = std::vector<std::pair<std::string, std::string>>;

struct UnsignedRequest {
  std::string method;
  std::string path;          // percent-encoded as it is sent; S3 takes it as it is, without "normalising" it
  NameValues query;          // as they are meant, not encoded
  NameValues headers;        // all that will be signed, "host" and "x-amz-date" among them; names in lower case
  std::string payload_hash;  // hexadecimal SHA-256 of the body, or "UNSIGNED-PAYLOAD"
};

struct Scope {
  std::string region;   // "eu-central-1"
  std::string service;  // "s3"
};

std::string HexSha256(std::string_view bytes);
inline constexpr std::string_view kEmptySha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

// Sorted and encoded: what goes into the URL behind the "?".
std::string CanonicalQuery(const NameValues& query);
std::string CanonicalRequest(const UnsignedRequest& request);
// `amz_date` as in base/timestamps.h.
std::string StringToSign(std::string_view canonical_request, const Scope& scope, std::string_view amz_date);

using Digest = std::array<unsigned char, 32>;
Digest SigningKey(std::string_view secret, std::string_view day, const Scope& scope);

// Keeps the newest signing key, which holds for one day, region and secret. Thread-safe.
class Signer {
 public:
  // The value of the header Authorization.
  std::string Authorization(const UnsignedRequest& request, const AccessKey& key, const Scope& scope,
                            std::string_view amz_date);

 private:
  Digest KeyFor(const AccessKey& key, std::string_view day, const Scope& scope);

  std::mutex mutex_;
  std::string secret_, day_, region_, service_;
  Digest newest_{};
};

}  // namespace pgvigil::objectstore

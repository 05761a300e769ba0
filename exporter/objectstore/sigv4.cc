#include "objectstore/sigv4.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

#include "base/text.h"
#include "http/url.h"

namespace pgvigil::objectstore {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

std::string Hex(const Digest& digest) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * digest.size());
  for (const auto byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::string_view View(const Digest& digest) { return {reinterpret_cast<const char*>(digest.data()), digest.size()}; }

Digest Hmac(std::string_view key, std::string_view text) {
  Digest digest{};
  unsigned length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), digest.data(), &length);
  return digest;
}

// Without spaces at the ends, runs of them as one.
std::string Squeezed(std::string_view value) {
  std::string squeezed;
  for (const char c : base::Trim(value)) {
    if (c != ' ' || squeezed.back() != ' ') squeezed += c;
  }
  return squeezed;
}

// By name; values of one name in the order in which they are sent.
NameValues Sorted(const NameValues& headers) {
  auto sorted = headers;
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return sorted;
}

std::string SignedHeaders(const NameValues& sorted) {
  std::string names;
  std::string_view last;
  for (const auto& [name, value] : sorted) {
    if (name == last) continue;
    if (!names.empty()) names += ';';
    names += name;
    last = name;
  }
  return names;
}

std::string ScopeText(std::string_view day, const Scope& scope) {
  return std::string(day) + "/" + scope.region + "/" + scope.service + "/aws4_request";
}

}  // namespace

std::string HexSha256(std::string_view bytes) {
  Digest digest{};
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  return Hex(digest);
}

std::string CanonicalQuery(const NameValues& query) {
  NameValues encoded;
  encoded.reserve(query.size());
  for (const auto& [name, value] : query) encoded.emplace_back(http::PercentEncode(name), http::PercentEncode(value));
  std::sort(encoded.begin(), encoded.end());
  std::string text;
  for (const auto& [name, value] : encoded) {
    if (!text.empty()) text += '&';
    text += name;
    text += '=';
    text += value;
  }
  return text;
}

std::string CanonicalRequest(const UnsignedRequest& request) {
  const auto headers = Sorted(request.headers);
  std::string text = request.method + "\n" + request.path + "\n" + CanonicalQuery(request.query);
  std::string_view last;
  for (const auto& [name, value] : headers) {
    text += name == last ? "," : "\n" + name + ":";
    text += Squeezed(value);
    last = name;
  }
  text += "\n\n" + SignedHeaders(headers) + "\n" + request.payload_hash;
  return text;
}

std::string StringToSign(std::string_view canonical_request, const Scope& scope, std::string_view amz_date) {
  return std::string(kAlgorithm) + "\n" + std::string(amz_date) + "\n" + ScopeText(amz_date.substr(0, 8), scope) +
         "\n" + HexSha256(canonical_request);
}

Digest SigningKey(std::string_view secret, std::string_view day, const Scope& scope) {
  const auto of_day = Hmac("AWS4" + std::string(secret), day);
  const auto of_region = Hmac(View(of_day), scope.region);
  const auto of_service = Hmac(View(of_region), scope.service);
  return Hmac(View(of_service), "aws4_request");
}

Digest Signer::KeyFor(const AccessKey& key, std::string_view day, const Scope& scope) {
  const std::lock_guard lock(mutex_);
  if (key.secret != secret_ || day != day_ || scope.region != region_ || scope.service != service_) {
    newest_ = SigningKey(key.secret, day, scope);
    secret_ = key.secret;
    day_ = day;
    region_ = scope.region;
    service_ = scope.service;
  }
  return newest_;
}

std::string Signer::Authorization(const UnsignedRequest& request, const AccessKey& key, const Scope& scope,
                                  std::string_view amz_date) {
  const auto day = amz_date.substr(0, 8);
  const auto signature = Hmac(View(KeyFor(key, day, scope)), StringToSign(CanonicalRequest(request), scope, amz_date));
  return std::string(kAlgorithm) + " Credential=" + key.id + "/" + ScopeText(day, scope) +
         ", SignedHeaders=" + SignedHeaders(Sorted(request.headers)) + ", Signature=" + Hex(signature);
}

}  // namespace pgvigil::objectstore

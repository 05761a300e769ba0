#include "objectstore/sigv4.h"

#include <gtest/gtest.h>

#include "http/url.h"

namespace pgvigil::objectstore {
namespace {

constexpr std::string_view kToken = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";

std::string SignatureOf(const std::string& authorization) {
  return authorization.substr(authorization.find("Signature=") + 10);
}

// A request of AWS's suite: paths and queries as they are meant.
UnsignedRequest Suite(const std::string& method, const std::string& path, NameValues query = {},
                      NameValues headers = {}) {
  UnsignedRequest request{method, http::PercentEncode(path, http::Encode::kPath), std::move(query), std::move(headers),
                          std::string(kEmptySha256)};
  request.headers.insert(request.headers.begin(),
                         {{"host", "example.amazonaws.com"}, {"x-amz-date", "20150830T123600Z"}});
  return request;
}

// Source: aws-c-auth, tests/aws-signing-test-suite/v4.
TEST(SigV4Test, SignsAsTheSuiteOfAwsDoes) {
  const std::string unreserved = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  struct Case {
    const char* name;
    UnsignedRequest request;
    const char* signature;
  };
  const Case cases[] = {
      {"get-vanilla", Suite("GET", "/"), "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
      {"get-utf8", Suite("GET", "/\xE1\x88\xB4"), "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
      {"get-unreserved", Suite("GET", "/" + unreserved),
       "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
      {"get-space", Suite("GET", "/example space/"),
       "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
      {"get-vanilla-query-order-key-case", Suite("GET", "/", {{"Param2", "value2"}, {"Param1", "value1"}}),
       "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
      {"get-vanilla-query-order-encoded",
       Suite("GET", "/", {{"Param-3", "Value3"}, {"Param", "Value2"}, {"\xE1\x88\xB4", "Value1"}}),
       "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac"},
      {"get-vanilla-with-session-token", Suite("GET", "/", {}, {{"x-amz-security-token", std::string(kToken)}}),
       "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"},
      {"post-vanilla", Suite("POST", "/"), "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
      {"post-vanilla-query", Suite("POST", "/", {{"Param1", "value1"}}),
       "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
      {"post-header-key-sort", Suite("POST", "/", {}, {{"my-header1", "value1"}}),
       "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
  };
  Signer signer;
  for (const auto& [name, request, signature] : cases) {
    const auto authorization =
        signer.Authorization(request, {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", {}},
                             {"us-east-1", "service"}, "20150830T123600Z");
    EXPECT_EQ(SignatureOf(authorization), signature) << name;
  }
}

// Source: "Authenticating Requests: Using the Authorization Header", Amazon S3 API Reference.
TEST(SigV4Test, SignsAsTheExamplesOfS3Do) {
  const AccessKey key{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", {}};
  const Scope scope{"us-east-1", "s3"};
  const NameValues headers = {{"host", "examplebucket.s3.amazonaws.com"},
                              {"x-amz-content-sha256", std::string(kEmptySha256)},
                              {"x-amz-date", "20130524T000000Z"}};
  UnsignedRequest get{"GET", "/test.txt", {}, headers, std::string(kEmptySha256)};
  get.headers.emplace_back("range", "bytes=0-9");
  Signer signer;
  EXPECT_EQ(signer.Authorization(get, key, scope, "20130524T000000Z"),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  const UnsignedRequest lifecycle{"GET", "/", {{"lifecycle", ""}}, headers, std::string(kEmptySha256)};
  EXPECT_EQ(SignatureOf(signer.Authorization(lifecycle, key, scope, "20130524T000000Z")),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  const UnsignedRequest list{"GET", "/", {{"prefix", "J"}, {"max-keys", "2"}}, headers, std::string(kEmptySha256)};
  EXPECT_EQ(SignatureOf(signer.Authorization(list, key, scope, "20130524T000000Z")),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(SigV4Test, HeadersAreSortedTrimmedAndJoined) {
  const UnsignedRequest request{"GET", "/", {}, {{"z", "  a   b  "}, {"host", "h"}, {"m", "2"}, {"m", "1"}}, "hash"};
  EXPECT_EQ(CanonicalRequest(request), "GET\n/\n\nhost:h\nm:2,1\nz:a b\n\nhost;m;z\nhash");
}

TEST(SigV4Test, QueriesAreSortedAfterTheyWereEncoded) {
  EXPECT_EQ(CanonicalQuery({{"b", "2"}, {"b", "1"}, {"a+b", "/="}, {"a", ""}, {"A", "~ "}}),
            "A=~%20&a=&a%2Bb=%2F%3D&b=1&b=2");
}

TEST(SigV4Test, TheKeyIsMadeAnewForAnotherDayRegionOrSecret) {
  Signer signer;
  const auto request = Suite("GET", "/");
  const auto sign = [&](const char* secret, const char* region, const char* date) {
    return SignatureOf(signer.Authorization(request, {"id", secret, {}}, {region, "s3"}, date));
  };
  const auto first = sign("s", "r", "20150830T123600Z");
  EXPECT_EQ(sign("s", "r", "20150830T123600Z"), first);
  EXPECT_NE(sign("t", "r", "20150830T123600Z"), first);
  EXPECT_NE(sign("s", "q", "20150830T123600Z"), first);
  EXPECT_NE(sign("s", "r", "20150831T123600Z"), first);
  EXPECT_EQ(sign("s", "r", "20150830T123600Z"), first);
}

}  // namespace
}  // namespace pgvigil::objectstore

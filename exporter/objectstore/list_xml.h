// What S3 answers as XML. Source: the S3 API reference, ListObjectsV2 and "Error responses"; the STS API reference.
// Pure; every text is limited by whoever read it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "objectstore/credentials.h"
#include "objectstore/store.h"

namespace pgvigil::objectstore {

// One page, with keys as the bucket has them. Malformed: no listing, more than 1,000 entries, an entry without its
// parts, keys out of byte order, more to come without a word of how to go on.
base::Result<ListPage> ParseListing(std::string_view xml);

// The parts of an <Error> that a program can use; empty where there are none.
struct ErrorReply {
  std::string code;     // "NoSuchBucket"
  std::string message;  // the server's words, at most 200 bytes of valid UTF-8
  std::string region;   // where the bucket is, if the server says so
};
ErrorReply ParseErrorReply(std::string_view xml);

// The answer of AssumeRoleWithWebIdentity.
std::optional<Credentials> ParseAssumedRole(std::string_view xml);

}  // namespace pgvigil::objectstore

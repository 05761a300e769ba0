// What a refusal of S3 means, and what a person does about it. Source: the S3 API reference, "Error responses". Pure.
#pragma once

#include <string>

#include "base/result.h"
#include "http/client.h"
#include "objectstore/list_xml.h"
#include "objectstore/request_counts.h"

namespace pgvigil::objectstore {

// `subject` as in "s3://bucket/key"; the code is the HTTP status. The server's own words are given only for codes that
// are not known here.
base::Error S3Failure(Operation operation, int status, const ErrorReply& reply, const std::string& subject);

// Whether the same request may succeed a moment later.
bool IsWorthRetrying(int status, const ErrorReply& reply);
bool IsWorthRetrying(const base::Error& transport);

// Whether another key, if there is a newer one, may be taken. A 403 without a code (HEAD) is no sign of it: to ask STS
// for a new key at every object that may not be read would be worse.
bool IsKeyRefused(int status, const ErrorReply& reply);

}  // namespace pgvigil::objectstore

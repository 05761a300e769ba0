// What holds backups and WAL: an S3 bucket or a local directory, seen the same way. Listing and reading only; nothing
// here can write, and pgvigil's own key needs no more than s3:ListBucket and s3:GetObject.
// Thread rules: a store may be used from several threads at once. Every call blocks its caller until it has the answer,
// or the deadline has passed; no event loop calls it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/deadline.h"
#include "base/result.h"

namespace pgvigil::objectstore {

// One object as a listing or a HEAD tells of it. Keys are relative to the store's root (the path part of
// s3://bucket/path, or the directory), use "/" and never begin with one.
struct Object {
  std::string key;
  std::uint64_t size = 0;     // bytes
  base::WallTime modified;    // upload time by the store's clock: an age, never proof
  std::string storage_class;  // "STANDARD", "GLACIER", ...; empty where the store says none
};

// Whether a GET of it would be refused until it is restored from its tier: GLACIER, DEEP_ARCHIVE (S3), Archive (Azure).
// GLACIER_IR and INTELLIGENT_TIERING answer at once and are no archive tier.
bool InArchiveTier(const Object& object);

struct ListRequest {
  std::string prefix;       // only keys that begin with this; "" lists everything
  bool folders = false;     // true: what lies deeper than the next "/" after the prefix is told as its folder only
  std::string start_after;  // only keys that are greater, byte by byte; "" from the beginning
};

// Some of a listing, in ascending byte order of keys. `folders` are prefixes that end with "/".
struct ListPage {
  std::vector<Object> objects;
  std::vector<std::string> folders;
  std::string next;  // give it back for the page after this one; empty: this was the last
};

// Bytes [first, first + length) of an object.
struct Range {
  std::uint64_t first = 0;
  std::uint64_t length = 0;
};

class Store {
 public:
  virtual ~Store() = default;

  // For error messages and logs: "s3://bucket/path" or the directory. No secret is in it.
  virtual std::string Name() const = 0;

  // One page of at most 1,000 objects and folders. `continuation` is a former page's `next`, or "".
  // Errors: permission (403, EACCES), not_found (no such bucket or directory), auth (key or signature refused),
  // timeout, unavailable (5xx or no connection, after retries within the deadline), malformed (not what S3 answers).
  // A folder that does not exist lists as empty, as in S3.
  virtual base::Result<ListPage> List(const ListRequest& request, const std::string& continuation,
                                      base::Deadline deadline) = 0;

  // The bytes of one object, all of it or a range; limit if there are more than `most`. permission here while List
  // works means unreadable, not missing. A range that begins beyond the end is malformed.
  virtual base::Result<std::string> Get(const std::string& key, std::optional<Range> range, std::uint64_t most,
                                        base::Deadline deadline) = 0;

  // The bytes of one object as they come, in order, in pieces of at most 1 MiB; the sink returns false to stop, which
  // is cancelled. For what does not fit in memory. Not retried once the first byte was given to the sink.
  using Sink = std::function<bool(std::string_view bytes)>;
  virtual base::Status Read(const std::string& key, const Sink& sink, base::Deadline deadline) = 0;

  // not_found is the answer to whether it is there.
  virtual base::Result<Object> Head(const std::string& key, base::Deadline deadline) = 0;

  // By how much the store's clock was ahead of ours at its last answer, to the second; nothing where none is known.
  virtual std::optional<std::chrono::milliseconds> ClockSkew() const { return std::nullopt; }
};

// All pages of a listing, in order; `each` returns false to stop early, which is no error. Each page gets a deadline of
// its own, `page_within` from when it is asked for.
base::Status ListAll(Store& store, const ListRequest& request, base::SteadyTime::duration page_within,
                     const base::Clock& clock, const std::function<bool(const ListPage&)>& each);

}  // namespace pgvigil::objectstore

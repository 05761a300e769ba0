// What a reading of a backup's content found, as a value, and the reading itself: objects of a store, in order and in
// pieces, decompressed and decrypted, with whatever is wrong noted. For `pgvigil audit --verify`.
// Thread rules: a reading belongs to one thread and blocks it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "objectstore/store.h"
#include "wal/file_name.h"

namespace pgvigil::archive {

struct ContentNote {
  std::string key;  // of the object in its store, and the file in it where that is known
  std::string what;
};

struct BackupContent {
  std::size_t backup = 0;              // in the catalogue
  std::uint64_t files = 0, bytes = 0;  // objects that were read, as they are stored
  std::vector<ContentNote> findings;   // what makes a restore fail; the first ones
  std::uint64_t found = 0;             // all of them
  std::vector<ContentNote> unchecked;  // what of it was not looked at, and why; the first ones
  std::uint64_t not_checked = 0;       // all of them
  std::string not_read;                // why nothing of it was: it is neither sound nor broken by that
  std::optional<base::Error> error;    // the store could not be read to the end: what was not reached is not known
};
inline constexpr std::size_t kNotesKept = 10;

// A backup of which nothing is read.
BackupContent NotRead(std::string why);

struct ContentOptions {
  base::SteadyTime::duration request_within = std::chrono::seconds(30);  // one request, with its retries
  std::uint64_t piece = 8 << 20;                                         // bytes of one request
  std::function<void(std::uint64_t bytes)> on_read;  // after each of them; may wait to keep to a bandwidth
};

class ContentReading {
 public:
  // Both outlive it.
  ContentReading(objectstore::Store& store, const base::Clock& clock, ContentOptions options)
      : store_(store), clock_(clock), options_(std::move(options)) {}

  void Found(std::string key, std::string what);
  void NotChecked(std::string key, std::string what);
  // The store's: ends the reading.
  void Failed(base::Error error);
  bool failed() const { return content_.error.has_value(); }
  BackupContent Take() { return std::move(content_); }

  // All objects under `prefix`; nothing if the store failed.
  std::optional<std::vector<objectstore::Object>> List(const std::string& prefix);
  // A small object; nothing if it is missing or larger than that, which is noted, or the store failed.
  std::optional<std::string> Whole(const objectstore::Object& object, std::uint64_t most);
  // Counted, and kept to the bandwidth. Nothing: noted, as above. Fewer bytes than asked for never come.
  std::optional<std::string> Piece(const std::string& key, std::uint64_t first, std::uint64_t length);
  std::uint64_t piece() const { return options_.piece; }
  void CountFile() { ++content_.files; }

 private:
  base::Deadline Deadline() const { return base::Deadline::After(clock_.Steady(), options_.request_within); }

  objectstore::Store& store_;
  const base::Clock& clock_;
  const ContentOptions options_;
  BackupContent content_;
};

// One object from its beginning to its end, a piece in memory at a time.
class ObjectCursor {
 public:
  ObjectCursor(ContentReading& reading, objectstore::Object object);

  const std::string& key() const { return object_.key; }
  std::uint64_t size() const { return object_.size; }
  std::uint64_t position() const { return position_; }
  bool failed() const { return failed_; }  // it is noted why
  // The next bytes, at most so many, until the next call; empty at the end or once it failed.
  std::string_view Next(std::uint64_t most);
  // Goes there, backwards or forwards.
  void Seek(std::uint64_t position);

 private:
  ContentReading& reading_;
  const objectstore::Object object_;
  std::uint64_t position_ = 0;
  std::string piece_;
  std::uint64_t piece_at_ = 0;
  bool failed_ = false;
};

struct StreamFormat {
  wal::Compression compression = wal::Compression::kNone;
  std::string passphrase;  // of pgBackRest's encryption, which lies around the compression; empty: none
};

// Takes plain bytes; an error of it is a finding at the object.
using PlainSink = std::function<base::Status(std::string_view plain)>;

// The next `length` bytes of an object as one stream, to its end. False: it is damaged, which is noted, or unreadable.
// `name` is what is noted: the object's key, or a file in it.
bool ReadStream(ContentReading& reading, ObjectCursor& object, std::uint64_t length, const StreamFormat& format,
                const std::string& name, const PlainSink& sink);

}  // namespace pgvigil::archive

#include "archive/content.h"

#include <algorithm>
#include <utility>

#include "archive/decompress.h"
#include "archive/pgbackrest_cipher.h"

namespace pgvigil::archive {
namespace {

constexpr std::uint64_t kFed = 256 << 10;  // bytes given to a decompressor at once

}  // namespace

BackupContent NotRead(std::string why) {
  BackupContent content;
  content.not_read = std::move(why);
  return content;
}

void ContentReading::Found(std::string key, std::string what) {
  if (content_.found++ < kNotesKept) content_.findings.push_back({std::move(key), std::move(what)});
}

void ContentReading::NotChecked(std::string key, std::string what) {
  if (content_.not_checked++ < kNotesKept) content_.unchecked.push_back({std::move(key), std::move(what)});
}

void ContentReading::Failed(base::Error error) {
  if (!content_.error) content_.error = std::move(error);
}

std::optional<std::vector<objectstore::Object>> ContentReading::List(const std::string& prefix) {
  std::vector<objectstore::Object> objects;
  const auto listed = objectstore::ListAll(store_, {prefix, false, {}}, options_.request_within, clock_,
                                           [&](const objectstore::ListPage& page) {
                                             objects.insert(objects.end(), page.objects.begin(), page.objects.end());
                                             return true;
                                           });
  if (listed.ok()) return objects;
  Failed(listed.error());
  return std::nullopt;
}

std::optional<std::string> ContentReading::Whole(const objectstore::Object& object, std::uint64_t most) {
  if (object.size > most) {
    Found(object.key, "expected at most " + std::to_string(most) + " bytes, found " + std::to_string(object.size));
    return std::nullopt;
  }
  CountFile();
  return object.size == 0 ? std::string() : Piece(object.key, 0, object.size);
}

std::optional<std::string> ContentReading::Piece(const std::string& key, std::uint64_t first, std::uint64_t length) {
  if (failed()) return std::nullopt;
  auto bytes = store_.Get(key, objectstore::Range{first, length}, length, Deadline());
  if (!bytes.ok() && bytes.error().kind == base::ErrorKind::kNotFound) {
    Found(key, "is missing");
    return std::nullopt;
  }
  if (!bytes.ok()) {
    Failed(bytes.error());
    return std::nullopt;
  }
  content_.bytes += bytes->size();
  if (options_.on_read) options_.on_read(bytes->size());
  if (bytes->size() < length) {
    Failed({base::ErrorKind::kUnavailable, "became shorter while it was read", key, {}});
    return std::nullopt;
  }
  return std::move(bytes).Take();
}

ObjectCursor::ObjectCursor(ContentReading& reading, objectstore::Object object)
    : reading_(reading), object_(std::move(object)) {
  reading_.CountFile();
}

std::string_view ObjectCursor::Next(std::uint64_t most) {
  if (failed_ || position_ >= object_.size) return {};
  if (position_ < piece_at_ || position_ >= piece_at_ + piece_.size()) {
    auto piece = reading_.Piece(object_.key, position_, std::min(reading_.piece(), object_.size - position_));
    if (!piece) {
      failed_ = true;
      return {};
    }
    piece_ = *std::move(piece);
    piece_at_ = position_;
  }
  const auto some = std::string_view(piece_).substr(position_ - piece_at_, most);
  position_ += some.size();
  return some;
}

void ObjectCursor::Seek(std::uint64_t position) { position_ = position; }

bool ReadStream(ContentReading& reading, ObjectCursor& object, std::uint64_t length, const StreamFormat& format,
                const std::string& name, const PlainSink& sink) {
  const auto stream = MakeDecompressor(format.compression);
  base::Status state = base::Done{};
  const auto take = [&](std::string_view plain) {
    state = sink(plain);
    return state.ok();
  };
  const auto end = object.position() + length;
  const auto refuse = [&](const base::Error& error) {
    reading.Found(name, error.message + " (at byte " + std::to_string(object.position()) + " of " +
                            std::to_string(object.size()) + " of the object)");
    return false;
  };
  const auto decompress = [&](std::string_view some) -> base::Status {
    const auto fed = stream->Feed(some, take);
    return state.ok() ? fed : state;
  };
  SaltedStream salted(format.passphrase);
  const bool is_salted = !format.passphrase.empty();
  while (object.position() < end) {
    const auto some = object.Next(std::min(kFed, end - object.position()));
    if (object.failed()) return false;
    if (some.empty()) break;
    if (const auto fed = is_salted ? salted.Feed(some, decompress) : decompress(some); !fed.ok())
      return refuse(fed.error());
  }
  if (is_salted) {
    if (const auto ended = salted.Finish(decompress); !ended.ok()) return refuse(ended.error());
  }
  if (const auto ended = stream->Finish(); !ended.ok()) return refuse(ended.error());
  return true;
}

}  // namespace pgvigil::archive

#include "archive/dump_reader.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "archive/base_backup.h"
#include "archive/decompress.h"
#include "archive/dump_file.h"
#include "wal/file_name.h"

namespace pgvigil::archive {
namespace {

using cluster::Backup;
using cluster::BackupOutcome;
using objectstore::Object;
using objectstore::Store;

constexpr std::uint64_t kContentsAtMost = 64 << 20;  // bytes of a table of contents
constexpr std::uint64_t kTarBlock = 512;
constexpr std::uint64_t kFirstLook = 256 << 10;         // which holds most of them
constexpr std::uint64_t kCompressedAtMost = 256 << 20;  // of text that must be read to its end

void Unreadable(Backup& backup, std::string why) {
  backup.outcome = BackupOutcome::kUnreadable;
  backup.error = std::move(why);
}

// Being written still, or cut short: which of them, time tells.
void Unfinished(Backup& backup, std::string why) {
  backup.outcome = BackupOutcome::kStarted;
  backup.error = std::move(why);
}

base::Result<std::string> Beginning(Store& store, const Object& object, std::uint64_t bytes, base::Deadline deadline) {
  if (object.size == 0) return std::string();
  return store.Get(object.key, objectstore::Range{0, bytes}, bytes, deadline);
}

base::Result<std::string> Tail(Store& store, const Object& object, base::Deadline deadline) {
  const auto length = std::min(object.size, kDumpTail);
  if (length == 0) return std::string();
  return store.Get(object.key, objectstore::Range{object.size - length, length}, kDumpTail, deadline);
}

// Reads more of the contents as long as they go on.
base::Result<DumpContents> Contents(Store& store, const Object& object, bool in_tar, base::Deadline deadline) {
  for (auto bytes = kFirstLook;; bytes *= 16) {
    const auto beginning = Beginning(store, object, std::min(bytes, kContentsAtMost), deadline);
    if (!beginning.ok()) return beginning.error();
    const auto member = in_tar ? FirstMember(*beginning) : std::nullopt;
    const auto contents = ParseDump(member ? member->content : std::string_view(*beginning));
    const bool more = bytes < kContentsAtMost && beginning->size() < object.size;
    if (contents.ok() || contents.error().kind != base::ErrorKind::kLimit || !more) return contents;
  }
}

// Absent: `backup` says why. An error is the store's.
base::Result<std::optional<DumpContents>> ReadContents(Store& store, const Object& object, bool in_tar,
                                                       base::Deadline deadline, Backup& backup) {
  const auto contents = Contents(store, object, in_tar, deadline);
  if (contents.ok()) {
    backup.label = contents->database;
    backup.outcome = BackupOutcome::kDone;
    return std::optional(*contents);
  }
  switch (contents.error().kind) {
    case base::ErrorKind::kLimit: Unfinished(backup, contents.error().message); break;
    case base::ErrorKind::kMalformed:
    case base::ErrorKind::kUnsupported: Unreadable(backup, contents.error().message); break;
    default: return contents.error();
  }
  return std::optional<DumpContents>();
}

base::Status LookIntoArchive(Store& store, const Object& object, bool in_tar, base::Deadline deadline, Backup& backup) {
  const auto contents = ReadContents(store, object, in_tar, deadline, backup);
  if (!contents.ok()) return contents.error();
  if (!*contents) return base::Done{};
  const auto tail = Tail(store, object, deadline);
  if (!tail.ok()) return tail.error();
  const bool ends =
      in_tar ? EndsTar(*tail) && object.size % kTarBlock == 0 : !(*contents)->has_data || EndsCustomDump(*tail);
  if (!ends) Unfinished(backup, "it does not end as a whole dump does");
  if (!in_tar && (*contents)->last_data >= object.size) Unfinished(backup, "its last data lie beyond its end");
  return base::Done{};
}

// The end of text that is compressed as a whole, which only its beginning leads to.
base::Status LookIntoCompressed(Store& store, const Object& object, wal::Compression compression,
                                base::Deadline deadline, Backup& backup) {
  if (object.size > kCompressedAtMost) {
    Unreadable(
        backup,
        "only its end tells whether it is whole, and it is too large to be read: dumps in custom format are not");
    return base::Done{};
  }
  std::string tail;
  bool is_custom = false, begun = false;
  const auto stream = MakeDecompressor(compression);
  base::Status fed = base::Done{};
  const auto read = store.Read(
      object.key,
      [&](std::string_view bytes) {
        fed = stream->Feed(bytes, [&](std::string_view plain) {
          if (!std::exchange(begun, true)) is_custom = IsDump(plain);
          tail.append(plain);
          if (tail.size() > 2 * kDumpTail) tail.erase(0, tail.size() - kDumpTail);
          return true;
        });
        return fed.ok();
      },
      deadline);
  if (!read.ok() && fed.ok()) return read;
  if (fed.ok()) fed = stream->Finish();
  backup.outcome = BackupOutcome::kDone;
  if (!fed.ok())
    Unfinished(backup, fed.error().message);
  else if (!(is_custom ? EndsCustomDump(tail) : EndsPlainDump(tail)))
    Unfinished(backup, "it does not end as a whole dump does");
  return base::Done{};
}

}  // namespace

base::Status LookIntoDump(Store& store, const Object& object, base::Deadline deadline, Backup& backup) {
  auto name = std::string_view(object.key);
  const auto compression = wal::StripSuffix(name);
  if (compression != wal::Compression::kNone) return LookIntoCompressed(store, object, compression, deadline, backup);
  const auto beginning = Beginning(store, object, kDumpTail, deadline);
  if (!beginning.ok()) return beginning.error();
  if (IsDump(*beginning)) return LookIntoArchive(store, object, false, deadline, backup);
  if (const auto member = FirstMember(*beginning); member && member->name == "toc.dat")
    return LookIntoArchive(store, object, true, deadline, backup);
  const auto tail = Tail(store, object, deadline);
  if (!tail.ok()) return tail.error();
  backup.outcome = BackupOutcome::kDone;
  if (!EndsPlainDump(*tail)) Unfinished(backup, "it does not close with the comment that a whole dump has");
  return base::Done{};
}

base::Status LookIntoDumpFolder(Store& store, const Object& contents, const std::vector<Object>& members,
                                base::Deadline deadline, Backup& backup) {
  const auto read = ReadContents(store, contents, false, deadline, backup);
  if (!read.ok()) return read.error();
  if (!*read) return base::Done{};
  for (const auto& expected : (*read)->members) {
    const bool found = std::any_of(members.begin(), members.end(), [&](const Object& member) {
      auto name = std::string_view(member.key).substr(member.key.rfind('/') + 1);
      wal::StripSuffix(name);
      return name == expected && member.size > 0;
    });
    if (!found) backup.flaws.push_back(expected + " is missing or empty");
  }
  return base::Done{};
}

}  // namespace pgvigil::archive

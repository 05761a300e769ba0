#include "archive/walg.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "archive/object_failure.h"
#include "archive/wal_listing.h"
#include "archive/walg_sentinel.h"

namespace pgvigil::archive {
namespace {

using cluster::ArchiveContents;
using cluster::Backup;
using cluster::BackupOutcome;
using objectstore::ListPage;
using objectstore::Object;

constexpr std::uint64_t kSentinelAtMost = 64 << 20;  // older versions list every file in it
constexpr std::string_view kSentinel = "_backup_stop_sentinel.json";

// Suffixes that WAL-G adds and nothing here reads: such a segment is there, by its name.
std::optional<wal::ArchiveFile> ParseWalgName(std::string_view name) {
  for (const std::string_view suffix : {".br", ".lzma"}) {
    if (!name.ends_with(suffix)) continue;
    // Decompressing it as if it were xz fails with a word about the stream, which is what can be said.
    return wal::ParseFileName(std::string(name.substr(0, name.size() - suffix.size())) + ".xz");
  }
  return wal::ParseFileName(name);
}

std::string Root(const std::string& prefix) {
  const auto begin = prefix.find_first_not_of('/');
  if (begin == std::string::npos) return {};
  return prefix.substr(begin, prefix.find_last_not_of('/') - begin + 1) + "/";
}

// What was listed of one backup.
struct Folder {
  std::optional<Object> sentinel;
  std::size_t parts = 0, empty_parts = 0;
  Backup found;  // its sizes and times

  void Take(const Object& object) {
    found.stored_bytes += object.size;
    found.first_stored = found.first_stored ? std::min(*found.first_stored, object.modified) : object.modified;
    found.last_stored = std::max(found.last_stored, std::optional(object.modified));
    found.in_archive_tier |= objectstore::InArchiveTier(object);
    if (object.key.find("/tar_partitions/part_") == std::string::npos) return;
    ++parts;
    if (object.size == 0) ++empty_parts;
  }
};

class Walg : public Reader {
 public:
  Walg(std::shared_ptr<objectstore::Store> store, const std::string& prefix, const base::Clock& clock)
      : store_(std::move(store)),
        root_(Root(prefix)),
        clock_(clock),
        wal_(store_, {root_ + "wal_005/", false, ParseWalgName}, clock) {}

  std::optional<std::chrono::milliseconds> ClockSkew() const override { return store_->ClockSkew(); }
  std::string Place() const override {
    return store_->Name() + (root_.empty() ? "" : "/" + root_.substr(0, root_.size() - 1));
  }

  base::Result<std::shared_ptr<const ArchiveContents>> Pass(const PassOptions& options) override {
    auto contents = std::make_shared<ArchiveContents>();
    contents->began = clock_.Steady();
    contents->began_at = clock_.Wall();
    if (const auto read = ReadCatalogue(options, *contents); !read.ok()) return read.error();
    if (const auto listed = wal_.Pass(options); !listed.ok()) return listed.error();
    contents->wal = wal_.inventory();
    return std::shared_ptr<const ArchiveContents>(std::move(contents));
  }

  base::Result<std::string> ReadSegment(const wal::Segment& segment, base::SteadyTime::duration within) override {
    return wal_.Read(segment, within);
  }

  BackupContent ReadContent(const Backup&, const ContentOptions&) override {
    return NotRead("content of WAL-G's backups is not read");
  }

 private:
  struct Known {
    base::WallTime modified;
    std::uint64_t size = 0;
    std::optional<base::Result<Backup>> sentinel;
  };

  base::Status ReadCatalogue(const PassOptions& options, ArchiveContents& contents) {
    std::map<std::string, Folder> folders;
    const auto prefix = root_ + "basebackups_005/";
    const auto listed =
        objectstore::ListAll(*store_, {prefix, false, {}}, options.request_within, clock_, [&](const ListPage& page) {
          for (const auto& object : page.objects)
            Sort(std::string_view(object.key).substr(prefix.size()), object, folders);
          return true;
        });
    if (!listed.ok()) return listed;
    std::erase_if(known_, [&](const auto& entry) { return !folders.contains(entry.first); });
    std::set<std::string> identifiers;
    for (const auto& [name, folder] : folders) {
      auto backup = Describe(name, folder, options);
      if (!backup.ok()) return backup.error();
      if (!backup->system_identifier.empty()) identifiers.insert(backup->system_identifier);
      contents.catalogue.backups.push_back(*std::move(backup));
    }
    contents.system_identifiers.assign(identifiers.begin(), identifiers.end());
    const auto began = [](const Backup& backup) { return backup.begin_time ? backup.begin_time : backup.first_stored; };
    std::stable_sort(contents.catalogue.backups.begin(), contents.catalogue.backups.end(),
                     [&](const Backup& a, const Backup& b) { return began(a) < began(b); });
    return base::Done{};
  }

  static void Sort(std::string_view rest, const Object& object, std::map<std::string, Folder>& folders) {
    const auto slash = rest.find('/');
    const bool is_sentinel = slash == std::string_view::npos && rest.ends_with(kSentinel);
    const auto name = is_sentinel ? rest.substr(0, rest.size() - kSentinel.size()) : rest.substr(0, slash);
    if (!WalgTimeline(name) || (slash == std::string_view::npos && !is_sentinel)) return;
    auto& folder = folders[std::string(name)];
    folder.Take(object);
    if (is_sentinel) folder.sentinel = object;
  }

  base::Result<Backup> Describe(const std::string& name, const Folder& folder, const PassOptions& options) {
    Backup backup;
    backup.id = name;
    backup.method = cluster::BackupMethod::kWalg;
    std::optional<base::Error> error;
    if (folder.sentinel) {
      auto read = ReadSentinel(name, *folder.sentinel, options);
      if (!read.ok() && !IsOfTheObject(read.error())) return read;
      if (read.ok())
        backup = *std::move(read);
      else
        error = read.error();
    }
    backup.place = root_ + "basebackups_005/" + name + "/";
    backup.stored_bytes = folder.found.stored_bytes;
    backup.first_stored = folder.found.first_stored;
    backup.last_stored = folder.found.last_stored;
    backup.in_archive_tier = folder.found.in_archive_tier;
    if (error) MarkUnreadable(*error, backup);
    if (backup.outcome != BackupOutcome::kDone) return backup;
    if (folder.parts == 0) backup.flaws.emplace_back("its tar_partitions are missing");
    if (folder.empty_parts > 0) backup.flaws.emplace_back("one of its tar_partitions is empty");
    return backup;
  }

  base::Result<Backup> ReadSentinel(const std::string& name, const Object& object, const PassOptions& options) {
    auto& known = known_[name];
    if (known.sentinel && known.modified == object.modified && known.size == object.size) return *known.sentinel;
    const auto text =
        store_->Get(object.key, {}, kSentinelAtMost, base::Deadline::After(clock_.Steady(), options.request_within));
    if (!text.ok()) return text.error();
    known = {object.modified, object.size, ParseWalgSentinel(name, *text, object.key)};
    return *known.sentinel;
  }

  std::shared_ptr<objectstore::Store> store_;
  const std::string root_;
  const base::Clock& clock_;
  WalListing wal_;
  std::map<std::string, Known> known_;  // by name
};

}  // namespace

std::unique_ptr<Reader> MakeWalgReader(std::shared_ptr<objectstore::Store> store, const std::string& prefix,
                                       const base::Clock& clock) {
  return std::make_unique<Walg>(std::move(store), prefix, clock);
}

}  // namespace pgvigil::archive

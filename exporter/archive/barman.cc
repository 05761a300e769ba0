#include "archive/barman.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "archive/backup_info.h"
#include "archive/decompress.h"
#include "archive/object_failure.h"
#include "archive/verify_barman.h"
#include "archive/wal_listing.h"
#include "base/text.h"

namespace pgvigil::archive {
namespace {

using cluster::ArchiveContents;
using cluster::Backup;
using cluster::BackupOutcome;
using objectstore::ListPage;
using objectstore::Object;

constexpr std::uint64_t kInfoAtMost = 4 << 20;  // bytes of a backup.info
constexpr std::uint64_t kKeepAtMost = 64;
constexpr std::string_view kInfo = "backup.info";
constexpr std::string_view kKeep = "annotations/keep";

// One object of tar: "data.tar.gz", "16388_0001.tar".
struct Part {
  std::string stem;     // "data", or a tablespace's oid
  unsigned number = 0;  // 0 has none in its name
};

std::optional<Part> ParsePart(std::string_view name) {
  wal::StripSuffix(name);
  if (!name.ends_with(".tar")) return std::nullopt;
  name.remove_suffix(4);
  Part part{std::string(name), 0};
  const auto line = name.rfind('_');
  if (line == std::string_view::npos) return part;
  const auto digits = name.substr(line + 1);
  const auto [stop, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), part.number);
  if (problem == std::errc{} && stop == digits.data() + digits.size()) part.stem = name.substr(0, line);
  return part;
}

// The first part has no number, the second one is _0001.
std::string PartName(const std::string& stem, unsigned number) {
  auto digits = std::to_string(number);
  if (digits.size() < 4) digits.insert(0, 4 - digits.size(), '0');
  return stem + (number == 0 ? "" : "_" + digits) + ".tar";
}

// What was listed of base/<id>/.
struct Folder {
  std::map<std::string, std::map<unsigned, std::uint64_t>> parts;  // sizes, by stem and number
  std::optional<Object> info, keep;
  std::uint64_t bytes = 0;
  std::optional<base::WallTime> first, last;
  bool in_archive_tier = false;

  void Take(const Object& object, std::string_view name) {
    bytes += object.size;
    first = first ? std::min(*first, object.modified) : object.modified;
    last = std::max(last, std::optional(object.modified));
    in_archive_tier |= objectstore::InArchiveTier(object);
    if (name == kInfo) info = object;
    if (name == kKeep) keep = object;
    if (const auto part = ParsePart(name)) parts[part->stem].emplace(part->number, object.size);
  }

  // What is wrong with the parts of one tar.
  void Check(const std::string& stem, const std::string& what, std::vector<std::string>& flaws) const {
    const auto found = parts.find(stem);
    if (found == parts.end()) {
      flaws.push_back(what + " is missing: no " + stem + ".tar");
      return;
    }
    unsigned expected = 0;
    for (const auto& [number, size] : found->second) {
      if (number != expected) flaws.push_back(PartName(stem, expected) + ", a part of " + what + ", is missing");
      if (size == 0) flaws.push_back(PartName(stem, number) + ", a part of " + what + ", is empty");
      expected = number + 1;
    }
  }
};

BackupOutcome OutcomeOf(const BackupInfo& info) {
  if (info.status == "DONE" || info.status == "WAITING_FOR_WALS") return BackupOutcome::kDone;
  if (info.status == "FAILED") return BackupOutcome::kFailed;
  return BackupOutcome::kStarted;
}

class Barman : public Reader {
 public:
  Barman(std::shared_ptr<objectstore::Store> store, std::string server, const base::Clock& clock)
      : store_(std::move(store)),
        root_(server.empty() ? std::string() : std::move(server) + "/"),
        clock_(clock),
        wal_(store_, {root_ + "wals/", true, wal::ParseFileName}, clock) {}

  std::string Place() const override {
    return store_->Name() + (root_.empty() ? "" : "/" + root_.substr(0, root_.size() - 1));
  }

  std::optional<std::chrono::milliseconds> ClockSkew() const override { return store_->ClockSkew(); }

  base::Result<std::shared_ptr<const ArchiveContents>> Pass(const PassOptions& options) override {
    auto contents = std::make_shared<ArchiveContents>();
    contents->began = clock_.Steady();
    contents->began_at = clock_.Wall();
    if (const auto read = ReadCatalogue(options, *contents); !read.ok()) return read.error();
    auto with_size = options;
    if (segment_size_) with_size.segment_size = segment_size_;
    if (const auto listed = wal_.Pass(with_size); !listed.ok()) return listed.error();
    contents->wal = wal_.inventory();
    return std::shared_ptr<const ArchiveContents>(std::move(contents));
  }

  base::Result<std::string> ReadSegment(const wal::Segment& segment, base::SteadyTime::duration within) override {
    return wal_.Read(segment, within);
  }

  BackupContent ReadContent(const Backup& backup, const ContentOptions& options) override {
    return ReadBarmanContent(*store_, backup, clock_, options);
  }

 private:
  // A backup.info that was read, by the upload that it was read from.
  struct Known {
    base::WallTime modified;
    std::uint64_t size = 0;
    std::optional<BackupInfo> info;
    std::optional<base::Error> error;
    std::optional<base::WallTime> keep_modified;
    std::string keep;
  };

  base::Status ReadCatalogue(const PassOptions& options, ArchiveContents& contents) {
    std::map<std::string, Folder> folders;
    const auto prefix = root_ + "base/";
    const auto listed =
        objectstore::ListAll(*store_, {prefix, false, {}}, options.request_within, clock_, [&](const ListPage& page) {
          for (const auto& object : page.objects) {
            const auto rest = std::string_view(object.key).substr(prefix.size());
            const auto slash = rest.find('/');
            if (slash == std::string_view::npos) continue;
            folders[std::string(rest.substr(0, slash))].Take(object, rest.substr(slash + 1));
          }
          return true;
        });
    if (!listed.ok()) return listed;
    std::erase_if(known_, [&](const auto& entry) { return !folders.contains(entry.first); });
    denied_.reset();
    std::set<std::string> identifiers;
    for (const auto& [id, folder] : folders) {
      auto backup = Describe(id, folder, options);
      if (!backup.ok()) return backup.error();
      if (!backup->system_identifier.empty()) identifiers.insert(backup->system_identifier);
      contents.catalogue.backups.push_back(std::move(backup).Take());
    }
    contents.system_identifiers.assign(identifiers.begin(), identifiers.end());
    auto& backups = contents.catalogue.backups;
    // One that may not be read is a flaw of that backup. None that may be: these credentials cannot tell.
    const auto is_read = [](const Backup& backup) {
      return backup.outcome != BackupOutcome::kUnreadable && backup.outcome != BackupOutcome::kNoMetadata;
    };
    if (denied_ && std::ranges::none_of(backups, is_read)) return *denied_;
    std::stable_sort(backups.begin(), backups.end(), [](const Backup& a, const Backup& b) {
      return (a.begin_time ? a.begin_time : a.first_stored) < (b.begin_time ? b.begin_time : b.first_stored);
    });
    return base::Done{};
  }

  base::Result<Backup> Describe(const std::string& id, const Folder& folder, const PassOptions& options) {
    Backup backup;
    backup.id = id;
    backup.place = root_ + "base/" + id + "/";
    backup.stored_bytes = folder.bytes;
    backup.first_stored = folder.first;
    backup.last_stored = folder.last;
    backup.in_archive_tier = folder.in_archive_tier;
    if (!folder.info) return backup;
    const auto info = ReadInfo(id, *folder.info, options);
    if (!info.ok() && !IsOfTheObject(info.error())) return info.error();
    if (info.ok())
      Fill(*info, folder, backup);
    else
      MarkUnreadable(info.error(), backup);
    if (folder.keep) backup.keep = ReadKeep(id, *folder.keep, options);
    return backup;
  }

  static void Fill(const BackupInfo& info, const Folder& folder, Backup& backup) {
    backup.outcome = OutcomeOf(info);
    backup.method = info.is_snapshot ? cluster::BackupMethod::kSnapshot : cluster::BackupMethod::kBarman;
    backup.label = info.name;
    backup.error = info.error;
    backup.begin_time = info.begin_time;
    backup.end_time = info.end_time;
    backup.begin = info.begin;
    backup.end = info.end;
    backup.begin_timeline = info.begin_timeline;
    backup.end_timeline = info.end_timeline;
    backup.system_identifier = info.system_identifier;
    if (!info.parent.empty()) {
      backup.needs.push_back(info.parent);
      backup.type = cluster::BackupType::kIncr;
    }
    if (backup.outcome != BackupOutcome::kDone || info.is_snapshot) return;
    folder.Check("data", "the data directory", backup.flaws);
    for (const auto oid : info.tablespaces)
      folder.Check(std::to_string(oid), "tablespace " + std::to_string(oid), backup.flaws);
  }

  base::Result<BackupInfo> ReadInfo(const std::string& id, const Object& object, const PassOptions& options) {
    auto& known = known_[id];
    const bool same = known.modified == object.modified && known.size == object.size;
    if (same && known.info) return *known.info;
    if (same && known.error) return *known.error;
    if (objectstore::InArchiveTier(object))
      return base::Error{base::ErrorKind::kPermission, "it lies in an archive tier", object.key, {}};
    const auto text = store_->Get(object.key, {}, kInfoAtMost, Deadline(options));
    if (!text.ok() && text.error().kind == base::ErrorKind::kPermission) denied_ = text.error();
    if (!text.ok()) return text.error();
    const auto info = ParseBackupInfo(*text, object.key);
    known.modified = object.modified;
    known.size = object.size;
    known.info = info.ok() ? std::optional(*info) : std::nullopt;
    known.error = info.ok() ? std::nullopt : std::optional(info.error());
    if (!info.ok()) return info.error();
    if (const auto size = wal::SegmentSize::FromBytes(info->segment_size); size.ok()) segment_size_ = *size;
    return info;
  }

  // Protects from being deleted, and nothing is judged by it: unreadable is as good as none.
  std::string ReadKeep(const std::string& id, const Object& object, const PassOptions& options) {
    auto& known = known_[id];
    if (known.keep_modified == object.modified) return known.keep;
    const auto keep = store_->Get(object.key, {}, kKeepAtMost, Deadline(options));
    if (!keep.ok()) return {};
    known.keep_modified = object.modified;
    known.keep = base::Trim(*keep);
    return known.keep;
  }

  base::Deadline Deadline(const PassOptions& options) const {
    return base::Deadline::After(clock_.Steady(), options.request_within);
  }

  std::shared_ptr<objectstore::Store> store_;
  const std::string root_;
  const base::Clock& clock_;
  WalListing wal_;
  std::map<std::string, Known> known_;  // by backup id
  std::optional<wal::SegmentSize> segment_size_;
  std::optional<base::Error> denied_;  // of this pass: a backup.info that may not be read
};

}  // namespace

std::unique_ptr<Reader> MakeBarmanReader(std::shared_ptr<objectstore::Store> store, std::string server,
                                         const base::Clock& clock) {
  return std::make_unique<Barman>(std::move(store), std::move(server), clock);
}

}  // namespace pgvigil::archive

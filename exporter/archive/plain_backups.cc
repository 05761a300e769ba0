#include "archive/plain_backups.h"

#include <algorithm>

#include "archive/base_backup.h"
#include "archive/decompress.h"
#include "archive/dump_reader.h"
#include "archive/object_failure.h"
#include "base/text.h"
#include "wal/bytes.h"
#include "wal/segment_set.h"

namespace pgvigil::archive {
namespace {

using cluster::Backup;
using cluster::BackupOutcome;
using objectstore::Object;

constexpr int kDepthAtMost = 2;
constexpr std::size_t kFoldersAtMost = 2000;
constexpr std::uint64_t kManifestAtMost = 256 << 20;
constexpr std::uint64_t kLabelAtMost = 16 << 10;
constexpr std::uint64_t kTarBeginning = 1 << 20;  // holds the first block of any compression
constexpr std::string_view kManifest = "backup_manifest";

void Count(const Object& object, Backup& backup) {
  backup.stored_bytes += object.size;
  backup.first_stored = backup.first_stored ? std::min(*backup.first_stored, object.modified) : object.modified;
  backup.last_stored = std::max(backup.last_stored, std::optional(object.modified));
  backup.in_archive_tier |= objectstore::InArchiveTier(object);
}

std::string Written(const Object& object) {
  return object.key + ' ' + std::to_string(object.size) + ' ' +
         std::to_string(object.modified.time_since_epoch().count()) + '\n';
}

std::string IdOf(const std::string& key) { return key.substr(0, key.size() - (key.ends_with('/') ? 1 : 0)); }

// What of a tar-format backup is missing.
void CheckTars(const PlainFolder& folder, const BackupManifest& manifest, Backup& backup) {
  const auto check = [&](const std::string& name) {
    const auto* tar = folder.FindCompressed(name);
    if (tar == nullptr || tar->size == 0) backup.flaws.push_back(name + (tar == nullptr ? " is missing" : " is empty"));
  };
  check("base.tar");
  for (const auto oid : manifest.tablespaces) check(std::to_string(oid) + ".tar");
  const auto* wal = folder.FindCompressed("pg_wal.tar");
  if (wal != nullptr) check("pg_wal.tar");
  backup.self_contained = manifest.has_wal || (wal != nullptr && wal->size > 0);
}

}  // namespace

PlainBackups::PlainBackups(std::shared_ptr<objectstore::Store> store, std::vector<std::string> dumps,
                           const base::Clock& clock)
    : store_(std::move(store)), dumps_(std::move(dumps)), clock_(clock) {}

base::Result<std::vector<Backup>> PlainBackups::Read(const std::string& without,
                                                     base::SteadyTime::duration request_within) {
  within_ = request_within;
  folders_ = 0;
  for (auto& [key, known] : known_) known.seen = false;
  const auto root = ListPlainFolder(*store_, {}, clock_, within_);
  if (!root.ok()) return root.error();
  if (const auto walked = Walk(*root, 0, without); !walked.ok()) return walked.error();
  std::erase_if(known_, [](const auto& entry) { return !entry.second.seen; });
  NameParents();
  std::vector<Backup> backups;
  const Backup* denied = nullptr;
  bool all_denied = true;
  for (const auto& [key, known] : known_) {
    backups.push_back(known.backup);
    all_denied = all_denied && known.backup.denied;
    if (known.backup.denied) denied = &known.backup;
  }
  // One that may not be read is a flaw of that backup. None that may be: who reads here cannot tell.
  if (all_denied && denied != nullptr)
    return base::Error{base::ErrorKind::kPermission, denied->error, denied->place, {}};
  const auto began = [](const Backup& backup) { return backup.begin_time ? backup.begin_time : backup.first_stored; };
  std::stable_sort(backups.begin(), backups.end(),
                   [&](const Backup& a, const Backup& b) { return began(a) < began(b); });
  return backups;
}

base::Status PlainBackups::Walk(const PlainFolder& folder, int depth, const std::string& without) {
  if (folder.IsTarBackup() || folder.IsPlainBackup()) return TakeBaseBackup(folder);
  if (folder.Find("toc.dat") != nullptr && IsWanted(folder.key)) return TakeDumpFolder(folder);
  for (const auto& object : folder.objects) {
    if (!IsWanted(object.key)) continue;
    if (const auto taken = TakeDumpFile(object); !taken.ok()) return taken;
  }
  if (depth == kDepthAtMost) return base::Done{};
  for (const auto& key : folder.folders) {
    if (key == without) continue;
    if (++folders_ > kFoldersAtMost) {
      return base::Error{
          base::ErrorKind::kLimit, "more than 2000 folders: is this the place of backups?", store_->Name(), {}};
    }
    const auto sub = ListPlainFolder(*store_, key, clock_, within_);
    if (!sub.ok() && sub.error().kind == base::ErrorKind::kPermission) {
      TakeDeniedFolder(key, sub.error());
      continue;
    }
    if (!sub.ok()) return sub.error();
    if (const auto walked = Walk(*sub, depth + 1, without); !walked.ok()) return walked;
  }
  return base::Done{};
}

// pg_basebackup makes its directories for their owner alone. That one costs no other backup, and no WAL.
void PlainBackups::TakeDeniedFolder(const std::string& key, const base::Error& error) {
  auto& known = known_[key];
  known = {};
  known.seen = true;
  known.backup.method = cluster::BackupMethod::kBasebackup;
  known.backup.place = key;
  known.backup.id = IdOf(key);
  MarkUnreadable(error, known.backup);
}

bool PlainBackups::IsWanted(std::string_view key) const {
  if (key.ends_with('/')) key.remove_suffix(1);
  return std::any_of(dumps_.begin(), dumps_.end(), [&](const auto& glob) { return base::MatchesGlob(glob, key); });
}

PlainBackups::Known* PlainBackups::Changed(const std::string& key, const std::vector<const Object*>& made_of) {
  std::string now;
  for (const auto* object : made_of) now += Written(*object);
  auto& known = known_[key];
  known.seen = true;
  if (known.made_of == now && !now.empty()) return nullptr;
  known = {std::move(now), {}, {}, true};
  auto& backup = known.backup;
  backup.place = key;
  backup.id = IdOf(key);
  for (const auto* object : made_of) Count(*object, backup);
  return &known;
}

// ---- base backups
// ----------------------------------------------------------------------------------------------------

base::Status PlainBackups::TakeBaseBackup(const PlainFolder& folder) {
  std::vector<const Object*> made_of;
  for (const auto& object : folder.objects) made_of.push_back(&object);
  auto* known = Changed(folder.key, made_of);
  if (known == nullptr) return base::Done{};
  auto& backup = known->backup;
  backup.method = cluster::BackupMethod::kBasebackup;
  backup.id = folder.key.empty() ? store_->Name().substr(store_->Name().rfind('/') + 1) : std::string(folder.Name());
  if (folder.Find(kManifest) == nullptr) {
    const bool writes = folder.Find("backup_manifest.tmp") != nullptr;
    backup.outcome = writes ? BackupOutcome::kStarted : BackupOutcome::kNoMetadata;
    return base::Done{};
  }
  const auto read = ReadBaseBackup(folder, *known);
  if (read.ok()) return read;
  if (read.error().kind != base::ErrorKind::kMalformed) known->made_of.clear();
  if (!IsOfTheObject(read.error())) return read;
  MarkUnreadable(read.error(), backup);
  return base::Done{};
}

base::Status PlainBackups::ReadBaseBackup(const PlainFolder& folder, Known& known) {
  auto& backup = known.backup;
  const auto& object = *folder.Find(kManifest);
  const auto text = store_->Get(object.key, {}, kManifestAtMost, Deadline());
  if (!text.ok()) return text.error();
  const auto manifest = ParseBackupManifest(*text, object.key);
  if (!manifest.ok()) return manifest.error();
  backup.outcome = BackupOutcome::kDone;
  backup.begin = manifest->begin;
  backup.end = manifest->end;
  backup.begin_timeline = manifest->begin_timeline;
  backup.end_timeline = manifest->end_timeline;
  backup.end_time = object.modified;  // it is written last
  backup.end_time_is_upload = true;
  backup.system_identifier = manifest->system_identifier;
  backup.type = manifest->is_incremental ? cluster::BackupType::kIncr : cluster::BackupType::kFull;
  if (const auto read = ReadLabel(folder, known); !read.ok()) return read;
  if (folder.IsTarBackup()) {
    CheckTars(folder, *manifest, backup);
    return base::Done{};
  }
  backup.stored_bytes = manifest->bytes;
  return CheckPlainFiles(folder, backup);
}

// A file of a plain-format backup, the first member of base.tar otherwise.
base::Status PlainBackups::ReadLabel(const PlainFolder& folder, Known& known) {
  auto& backup = known.backup;
  const auto* tar = folder.FindCompressed("base.tar");
  const auto* file = tar != nullptr ? tar : folder.Find("backup_label");
  if (file == nullptr || file->size == 0 || objectstore::InArchiveTier(*file)) return base::Done{};
  const auto most = tar != nullptr ? kTarBeginning : kLabelAtMost;
  const auto bytes = store_->Get(file->key, objectstore::Range{0, most}, most, Deadline());
  if (!bytes.ok()) return bytes.error();
  std::string text = *bytes;
  if (tar != nullptr) {
    auto name = std::string_view(tar->key);
    const auto compression = wal::StripSuffix(name);
    std::string plain;
    (void)MakeDecompressor(compression)->Feed(*bytes, [&](std::string_view piece) {
      plain.append(piece);
      return plain.size() < kLabelAtMost;
    });
    const auto member = FirstMember(plain);
    if (!member || member->name != "backup_label") {
      backup.flaws.push_back("base.tar does not begin with a backup_label");
      return base::Done{};
    }
    text = member->content;
  }
  const auto label = ParseBackupLabel(text, file->key);
  if (!label.ok()) {
    backup.flaws.push_back(label.error().message);
    return base::Done{};
  }
  backup.begin_time = label->began;
  backup.label = label->label;
  known.incremental_from = label->incremental_from;
  if (label->incremental_from) backup.type = cluster::BackupType::kIncr;
  return base::Done{};
}

base::Status PlainBackups::CheckPlainFiles(const PlainFolder& folder, Backup& backup) {
  if (folder.Find("backup_label") == nullptr)
    backup.flaws.push_back("backup_label is missing: PostgreSQL would start from it as after a crash");
  if (!folder.HasFolder("base")) backup.flaws.push_back("the folder base is missing");
  const auto control = store_->Get(folder.key + "global/pg_control", objectstore::Range{0, 8}, 8, Deadline());
  if (!control.ok() && control.error().kind != base::ErrorKind::kNotFound) return control.error();
  if (!control.ok() || control->size() < 8)
    backup.flaws.push_back("global/pg_control is missing");
  else
    backup.system_identifier = std::to_string(wal::LittleEndian<std::uint64_t>(*control, 0));
  const auto holds = HoldsItsWal(folder, backup);
  if (!holds.ok()) return holds.error();
  backup.self_contained = *holds;
  return base::Done{};
}

// Whether pg_wal holds every segment from its begin to its end: --wal-method=stream or fetch.
base::Result<bool> PlainBackups::HoldsItsWal(const PlainFolder& folder, const Backup& backup) {
  const auto page = store_->List({folder.key + "pg_wal/", true, {}}, {}, Deadline());
  if (!page.ok()) return page.error();
  wal::SegmentSet segments;
  std::optional<wal::SegmentSize> size;
  for (const auto& object : page->objects) {
    const auto name = wal::ParseFileName(std::string_view(object.key).substr(object.key.rfind('/') + 1));
    const auto of_this = wal::SegmentSize::FromBytes(object.size);
    if (!name || name->kind != wal::FileKind::kSegment || !of_this.ok()) continue;
    if (!size) size = *of_this;
    const auto segment = wal::Resolve(name->segment, *size);
    if (segment && size->bytes() == object.size) segments.Add({1, segment->number}, object.modified);
  }
  if (!size) return false;
  const auto run = segments.IntervalOf({1, wal::SegmentAt(1, *backup.begin, *size).number});
  const auto last_byte = wal::Lsn{backup.end->bytes > 0 ? backup.end->bytes - 1 : 0};
  return run && run->last >= wal::SegmentAt(1, last_byte, *size).number;
}

// An incremental backup says where its parent began, and not its name.
void PlainBackups::NameParents() {
  for (auto& [key, known] : known_) {
    if (!known.incremental_from) continue;
    std::string parent = "that began at " + wal::Format(*known.incremental_from);
    for (const auto& [other_key, other] : known_) {
      if (other.backup.begin == known.incremental_from && other_key != key) parent = other.backup.id;
    }
    known.backup.needs = {parent};
  }
}

// ---- dumps
// -----------------------------------------------------------------------------------------------------------

base::Status PlainBackups::TakeDumpFile(const Object& object) {
  auto* known = Changed(object.key, {&object});
  if (known == nullptr) return base::Done{};
  auto& backup = known->backup;
  backup.method = cluster::BackupMethod::kDump;
  backup.self_contained = true;
  if (backup.in_archive_tier) {
    backup.outcome = BackupOutcome::kDone;
    return base::Done{};
  }
  const auto looked = LookIntoDump(*store_, object, Deadline(), backup);
  if (!looked.ok()) known->made_of.clear();
  if (!looked.ok() && !IsOfTheObject(looked.error())) return looked;
  if (!looked.ok()) MarkUnreadable(looked.error(), backup);
  if (backup.outcome == BackupOutcome::kDone) backup.end_time = object.modified;
  return base::Done{};
}

base::Status PlainBackups::TakeDumpFolder(const PlainFolder& folder) {
  std::vector<const Object*> made_of;
  for (const auto& object : folder.objects) made_of.push_back(&object);
  auto* known = Changed(folder.key, made_of);
  if (known == nullptr) return base::Done{};
  auto& backup = known->backup;
  backup.method = cluster::BackupMethod::kDump;
  backup.self_contained = true;
  const auto& contents = *folder.Find("toc.dat");  // it is written last
  const auto looked = LookIntoDumpFolder(*store_, contents, folder.objects, Deadline(), backup);
  if (!looked.ok()) known->made_of.clear();
  if (!looked.ok() && !IsOfTheObject(looked.error())) return looked;
  if (!looked.ok()) MarkUnreadable(looked.error(), backup);
  if (backup.outcome == BackupOutcome::kDone) backup.end_time = contents.modified;
  return base::Done{};
}

}  // namespace pgvigil::archive

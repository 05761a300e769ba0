#include "archive/pgbackrest_catalogue.h"

#include <algorithm>

#include "archive/pgbackrest_cipher.h"

namespace pgvigil::archive {
namespace {

using cluster::Backup;
using objectstore::ListPage;
using objectstore::Object;

constexpr std::uint64_t kInfoAtMost = 64 << 20;
constexpr std::size_t kMostLooks = 8;  // at manifests that were there before, a pass
constexpr std::string_view kInfo = "backup.info";
constexpr std::string_view kManifest = "backup.manifest";

// "20261123-070114F", "20261123-070114F_20261123-070119I".
bool IsLabel(std::string_view name) {
  constexpr std::size_t kFull = 16, kDependent = 33;
  const auto is_stamp = [](std::string_view stamp) {
    return stamp.size() == 15 && stamp[8] == '-' && stamp.find_first_not_of("0123456789-") == std::string_view::npos;
  };
  if (name.size() != kFull && name.size() != kDependent) return false;
  if (!is_stamp(name.substr(0, 15)) || name[15] != 'F') return false;
  return name.size() == kFull || (name[16] == '_' && is_stamp(name.substr(17, 15)));
}

base::Result<BackrestInfo> ReadOne(objectstore::Store& store, const std::string& key, const std::string& passphrase,
                                   base::Deadline deadline) {
  auto text = store.Get(key, {}, kInfoAtMost, deadline);
  if (!text.ok()) return text.error();
  if (IsSalted(*text)) {
    if (passphrase.empty())
      return base::Error{base::ErrorKind::kAuth, "is encrypted, and no passphrase is given", key, {}};
    text = DecryptSalted(*text, passphrase);
    if (!text.ok()) return base::Error{text.error().kind, text.error().message, key, {}};
    // One wrong passphrase in 256 makes a padding that is right.
    if (!text->starts_with('['))
      return base::Error{base::ErrorKind::kAuth, "cannot be decrypted with this passphrase", key, {}};
  }
  return ParseBackrestFile(*text, key);
}

}  // namespace

base::Result<BackrestInfo> ReadBackrestFile(objectstore::Store& store, const std::string& key,
                                            const std::string& passphrase, base::Deadline deadline) {
  auto info = ReadOne(store, key, passphrase, deadline);
  if (info.ok()) return info;
  const auto kind = info.error().kind;
  if (kind != base::ErrorKind::kNotFound && kind != base::ErrorKind::kMalformed && kind != base::ErrorKind::kPermission)
    return info;
  auto copy = ReadOne(store, key + ".copy", passphrase, deadline);
  return copy.ok() ? copy : info;
}

BackrestCatalogue::BackrestCatalogue(std::shared_ptr<objectstore::Store> store, std::string root,
                                     const base::Clock& clock)
    : store_(std::move(store)), root_(std::move(root)), clock_(clock) {}

base::Result<std::vector<Backup>> BackrestCatalogue::Read(const std::string& passphrase, const std::string& current,
                                                          const PassOptions& options) {
  if (const auto listed = List(options); !listed.ok()) return listed.error();
  if (const auto read = ReadInfo(passphrase, options); !read.ok()) return read.error();
  if (const auto looked = LookForManifests(options); !looked.ok()) return looked.error();
  std::vector<Backup> backups;
  auto unknown = labels_;
  for (const auto& known : info_.backups) {
    backups.push_back(Judge(known, current));
    unknown.erase(known.backup.id);
  }
  for (const auto& label : unknown) backups.push_back(Unknown(label));
  const auto began = [](const Backup& backup) { return backup.begin_time ? backup.begin_time : backup.first_stored; };
  std::stable_sort(backups.begin(), backups.end(),
                   [&](const Backup& a, const Backup& b) { return began(a) < began(b); });
  return backups;
}

base::Status BackrestCatalogue::List(const PassOptions& options) {
  labels_.clear();
  info_written_.clear();
  return objectstore::ListAll(*store_, {root_, true, {}}, options.request_within, clock_, [&](const ListPage& page) {
    for (const auto& folder : page.folders) {
      auto label = folder.substr(root_.size());
      label.pop_back();
      if (IsLabel(label)) labels_.insert(std::move(label));
    }
    for (const auto& object : page.objects) {
      if (!object.key.starts_with(root_ + std::string(kInfo))) continue;
      info_written_ += object.key + ' ' + std::to_string(object.size) + ' ' +
                       std::to_string(object.modified.time_since_epoch().count()) + '\n';
    }
    return true;
  });
}

base::Status BackrestCatalogue::ReadInfo(const std::string& passphrase, const PassOptions& options) {
  if (info_written_ == info_read_) return base::Done{};
  info_read_.clear();
  info_ = {};
  if (info_written_.empty()) return base::Done{};
  auto info = ReadBackrestFile(*store_, root_ + std::string(kInfo), passphrase,
                               base::Deadline::After(clock_.Steady(), options.request_within));
  if (!info.ok()) return info.error();
  info_ = *std::move(info);
  info_read_ = info_written_;
  return base::Done{};
}

// Of each new folder, and of some others again.
base::Status BackrestCatalogue::LookForManifests(const PassOptions& options) {
  std::erase_if(manifests_, [&](const auto& entry) { return !labels_.contains(entry.first); });
  std::vector<std::string> looks, known;
  std::set<std::string> in_info;
  for (const auto& backup : info_.backups) in_info.insert(backup.backup.id);
  for (const auto& label : labels_) {
    const auto found = manifests_.find(label);
    // Where the manifest is not there yet, the backup runs.
    const bool is_known = found != manifests_.end() && found->second.manifest && in_info.contains(label);
    (is_known ? known : looks).push_back(label);
  }
  std::rotate(known.begin(), std::upper_bound(known.begin(), known.end(), looked_at_), known.end());
  if (known.size() > kMostLooks) known.resize(kMostLooks);
  if (!known.empty()) looked_at_ = known.back();
  looks.insert(looks.end(), known.begin(), known.end());
  for (const auto& label : looks) {
    const auto key = root_ + label + "/" + std::string(kManifest);
    const auto page =
        store_->List({key, false, {}}, {}, base::Deadline::After(clock_.Steady(), options.request_within));
    if (!page.ok()) return page.error();
    Manifest found;
    for (const auto& object : page->objects) {
      if (object.key == key) found.manifest = object;
      if (object.key == key + ".copy") found.copy = object;
    }
    manifests_[label] = std::move(found);
  }
  return base::Done{};
}

Backup BackrestCatalogue::Judge(const BackrestBackup& known, const std::string& current) const {
  auto backup = known.backup;
  backup.place = root_ + backup.id + "/";
  const auto database = info_.databases.find(known.database);
  if (database != info_.databases.end()) backup.system_identifier = database->second.system_identifier;
  if (backup.system_identifier != current) {
    backup.flaws.push_back("of the cluster before it was upgraded or made anew (database " +
                           std::to_string(known.database) + " of the stanza): no part of this one's history");
  }
  const auto found = manifests_.find(backup.id);
  if (found == manifests_.end()) {
    backup.flaws.emplace_back("its folder is missing");
    return backup;
  }
  const auto& manifest = found->second.manifest;
  if (!manifest || manifest->size == 0) {
    backup.flaws.emplace_back("its backup.manifest is missing or empty");
    return backup;
  }
  backup.first_stored = backup.last_stored = manifest->modified;
  backup.in_archive_tier = objectstore::InArchiveTier(*manifest);
  return backup;
}

// Runs, or was interrupted: backup.manifest.copy is kept while it goes on.
Backup BackrestCatalogue::Unknown(const std::string& label) const {
  Backup backup;
  backup.id = label;
  backup.method = cluster::BackupMethod::kPgbackrest;
  backup.place = root_ + label + "/";
  backup.type = label.ends_with('F')   ? cluster::BackupType::kFull
                : label.ends_with('D') ? cluster::BackupType::kDiff
                                       : cluster::BackupType::kIncr;
  const auto found = manifests_.find(label);
  if (found == manifests_.end()) return backup;
  for (const auto& object : {found->second.manifest, found->second.copy}) {
    if (!object) continue;
    backup.first_stored = backup.first_stored ? std::min(*backup.first_stored, object->modified) : object->modified;
    backup.last_stored = std::max(backup.last_stored, std::optional(object->modified));
    backup.stored_bytes += object->size;
  }
  return backup;
}

}  // namespace pgvigil::archive

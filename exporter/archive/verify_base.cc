#include "archive/verify_base.h"

#include <memory>
#include <set>
#include <utility>

#include "archive/base_backup.h"
#include "archive/checksum.h"
#include "archive/start_files.h"
#include "archive/tar_reader.h"
#include "base/text.h"

namespace pgvigil::archive {
namespace {

using objectstore::Object;

constexpr std::uint64_t kManifestAtMost = 256 << 20;

// Written after the manifest, or no part of the data.
bool IsNamedByNone(std::string_view path) {
  return path == "backup_manifest" || path == "postgresql.auto.conf" || path == "recovery.signal" ||
         path == "standby.signal" || path.starts_with("pg_wal/");
}

// Holds the files of a backup, as they go by, against its manifest.
class ManifestCheck : public TarSink {
 public:
  ManifestCheck(ContentReading& reading, StartFiles& start, ManifestFiles files)
      : reading_(reading), start_(start), left_(std::move(files)) {}

  // Where the next files lie: `folder` under the data directory, "" or "pg_tblspc/16384/"; `name` is what findings are
  // noted at, before the path.
  void In(std::string folder, std::string name) {
    folder_ = std::move(folder);
    name_ = std::move(name);
  }

  void Begin(const TarEntry& entry) override {
    current_.reset();
    if (entry.kind != '0' && entry.kind != '7') return;
    const auto path = folder_ + entry.name;
    start_.Begin(path, name_ + path);
    if (IsNamedByNone(path)) {
      left_.erase(path);
      return;
    }
    const auto found = left_.find(path);
    if (found == left_.end()) {
      reading_.Found(name_ + path, "is not in backup_manifest");
      return;
    }
    current_ = std::make_unique<Current>(Current{path, found->second, MakeChecksum(found->second.algorithm)});
    left_.erase(found);
  }

  void Content(std::string_view bytes) override {
    start_.Content(bytes);
    if (!current_) return;
    current_->bytes += bytes.size();
    if (current_->sum) current_->sum->Update(bytes);
  }

  void End() override {
    if (!current_) return;
    const auto current = std::exchange(current_, nullptr);
    const auto& expected = current->expected;
    if (current->bytes != expected.bytes) {
      reading_.Found(name_ + current->path,
                     "expected " + std::to_string(expected.bytes) + " bytes, found " + std::to_string(current->bytes));
    } else if (!current->sum && !expected.algorithm.empty()) {
      reading_.NotChecked(name_ + current->path, "its checksum is of an unknown kind: " + expected.algorithm);
    } else if (current->sum && current->sum->Hex() != expected.checksum) {
      reading_.Found(name_ + current->path, "its " + expected.algorithm + " checksum is not that of backup_manifest");
    }
  }

  // Of what was not seen, once all has gone by.
  void Missing(const std::string& place) {
    for (const auto& [path, file] : left_) {
      if (!IsNamedByNone(path)) reading_.Found(place + path, "is in backup_manifest, and missing");
    }
  }
  ManifestFiles& left() { return left_; }

 private:
  struct Current {
    std::string path;
    ManifestFile expected;
    std::unique_ptr<Checksum> sum;
    std::uint64_t bytes = 0;
  };

  ContentReading& reading_;
  StartFiles& start_;
  ManifestFiles left_;
  std::string folder_, name_;
  std::unique_ptr<Current> current_;
};

class BaseBackup {
 public:
  BaseBackup(ContentReading& reading, const cluster::Backup& backup) : reading_(reading), backup_(backup) {}

  void Read() {
    auto listed = reading_.List(backup_.place);
    if (!listed) return;
    ManifestFiles files;
    if (!ReadManifest(*listed, files)) return;
    ManifestCheck check(reading_, start_, std::move(files));
    for (const auto& object : *listed) {
      if (reading_.failed()) return;
      const auto path = std::string_view(object.key).substr(backup_.place.size());
      is_tar_ |= TarOf(path) == "base.tar";
    }
    for (const auto& object : *listed) {
      if (reading_.failed()) return;
      if (is_tar_)
        ReadTar(object, check);
      else
        ReadPlainFile(object, check);
    }
    if (reading_.failed() || !whole_) return;  // what was not reached may hold the rest
    ForgetElsewhere(check);
    check.Missing(backup_.place);
    start_.Judge(backup_, backup_.place, reading_);
  }

 private:
  bool ReadManifest(const std::vector<Object>& objects, ManifestFiles& files) {
    for (const auto& object : objects) {
      if (object.key != backup_.place + "backup_manifest") continue;
      const auto text = reading_.Whole(object, kManifestAtMost);
      if (!text) return false;
      const auto manifest = ParseBackupManifest(*text, object.key, &files);
      if (!manifest.ok()) reading_.Found(object.key, manifest.error().message);
      if (!ManifestSumIsRight(*text)) reading_.Found(object.key, "its own checksum, in its last line, is wrong");
      return manifest.ok();
    }
    reading_.Found(backup_.place + "backup_manifest", "is missing");
    return false;
  }

  // "base.tar" of "base.tar.gz"; empty: no tar of a backup.
  static std::string_view TarOf(std::string_view path) {
    (void)wal::StripSuffix(path);
    return path.ends_with(".tar") && path.find('/') == std::string_view::npos ? path : std::string_view();
  }

  void ReadTar(const Object& object, ManifestCheck& check) {
    auto name = std::string_view(object.key).substr(backup_.place.size());
    const auto tar_name = TarOf(name);
    if (tar_name.empty()) return;
    const auto compression = wal::StripSuffix(name);
    const auto stem = std::string(tar_name.substr(0, tar_name.size() - 4));
    check.In(stem == "base" ? "" : stem == "pg_wal" ? "pg_wal/" : "pg_tblspc/" + stem + "/", object.key + ": ");
    TarReader tar(check);
    ObjectCursor cursor(reading_, object);
    const bool read = ReadStream(reading_, cursor, object.size, {compression, {}}, object.key,
                                 [&](std::string_view plain) { return tar.Feed(plain); });
    const auto ended = read ? tar.Finish() : base::Status(base::Done{});
    if (!ended.ok()) reading_.Found(object.key, ended.error().message);
    whole_ &= read && ended.ok();
  }

  void ReadPlainFile(const Object& object, ManifestCheck& check) {
    check.In("", backup_.place);
    TarEntry entry;
    entry.name = object.key.substr(backup_.place.size());
    entry.size = object.size;
    if (entry.name == "backup_manifest") return;
    check.Begin(entry);
    ObjectCursor cursor(reading_, object);
    const bool read = ReadStream(reading_, cursor, object.size, {}, object.key, [&](std::string_view bytes) {
      check.Content(bytes);
      return base::Status(base::Done{});
    });
    if (read) check.End();
  }

  // A directory's tablespaces lie behind symbolic links, which no store follows.
  void ForgetElsewhere(ManifestCheck& check) {
    constexpr std::string_view kTablespaces = "pg_tblspc/";
    if (is_tar_) return;
    std::set<std::string> elsewhere;
    std::erase_if(check.left(), [&](const auto& entry) {
      const auto& path = entry.first;
      if (!path.starts_with(kTablespaces)) return false;
      elsewhere.insert(path.substr(0, path.find('/', kTablespaces.size())));
      return true;
    });
    for (const auto& folder : elsewhere)
      reading_.NotChecked(backup_.place + folder, "a tablespace that lies elsewhere, behind a symbolic link");
  }

  ContentReading& reading_;
  const cluster::Backup& backup_;
  StartFiles start_;
  bool is_tar_ = false;
  bool whole_ = true;  // every tar was read to its end
};

}  // namespace

BackupContent ReadBaseContent(objectstore::Store& store, const cluster::Backup& backup, const base::Clock& clock,
                              const ContentOptions& options) {
  ContentReading reading(store, clock, options);
  BaseBackup(reading, backup).Read();
  return reading.Take();
}

}  // namespace pgvigil::archive

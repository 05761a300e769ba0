#include "archive/verify_pgbackrest.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "archive/checksum.h"
#include "archive/pgbackrest_cipher.h"
#include "archive/pgbackrest_manifest.h"
#include "archive/start_files.h"

namespace pgvigil::archive {
namespace {

using objectstore::Object;

constexpr std::uint64_t kManifestAtMost = 256 << 20;

class BackrestBackupReader {
 public:
  BackrestBackupReader(ContentReading& reading, const cluster::Backup& backup, const std::string& root)
      : reading_(reading), backup_(backup), root_(root) {}

  void Read(const std::string& passphrase) {
    if (!List(backup_.id)) return;
    manifest_ = ReadManifest(passphrase);
    if (!manifest_) return;
    for (const auto* file : InOrder()) {
      if (!List(file->label)) return;
      if (file->is_blocks)
        reading_.NotChecked(KeyOf(*file), file->path + " is block incremental: `pgbackrest verify` reads it");
      else
        ReadFile(*file);
      if (reading_.failed()) return;
    }
    if (manifest_->online) start_.Judge(backup_, backup_.place, reading_);
  }

 private:
  // Once for each backup that files lie in.
  bool List(const std::string& label) {
    if (!listed_.insert(label).second) return true;
    const auto objects = reading_.List(root_ + label + "/");
    if (!objects) return false;
    for (const auto& object : *objects) sizes_[object.key] = object.size;
    return true;
  }

  std::optional<BackrestManifest> ReadManifest(const std::string& passphrase) {
    const auto key = backup_.place + "backup.manifest";
    const auto size = sizes_.find(key);
    if (size == sizes_.end()) {
      reading_.Found(key, "is missing");
      return std::nullopt;
    }
    auto text = reading_.Whole(Object{key, size->second, {}, {}}, kManifestAtMost);
    if (text && !passphrase.empty()) {
      auto plain = DecryptSalted(*text, passphrase);
      if (!plain.ok()) reading_.Found(key, plain.error().message);
      text = plain.ok() ? std::optional(*std::move(plain)) : std::nullopt;
    }
    if (!text) return std::nullopt;
    auto manifest = ParseBackrestManifest(*text, key);
    if (manifest.ok()) return *std::move(manifest);
    if (manifest.error().kind == base::ErrorKind::kUnsupported)
      reading_.NotChecked(key, manifest.error().message);
    else
      reading_.Found(manifest.error().subject, manifest.error().message);
    return std::nullopt;
  }

  // As they lie in the repository, so that a bundle is read once.
  std::vector<const BackrestManifestFile*> InOrder() const {
    std::vector<const BackrestManifestFile*> files;
    for (const auto& file : manifest_->files) {
      if (file.bytes > 0 || !manifest_->bundled) files.push_back(&file);
    }
    std::sort(files.begin(), files.end(), [](const auto* a, const auto* b) {
      return std::tie(a->label, a->bundle, a->offset, a->path) < std::tie(b->label, b->bundle, b->offset, b->path);
    });
    return files;
  }

  std::string KeyOf(const BackrestManifestFile& file) const {
    const auto folder = root_ + file.label + "/";
    if (file.bundle > 0) return folder + "bundle/" + std::to_string(file.bundle);
    return folder + file.path + (file.is_blocks ? ".pgbi" : std::string(wal::Suffix(manifest_->compression)));
  }

  void ReadFile(const BackrestManifestFile& file) {
    const auto key = KeyOf(file);
    const auto name = file.bundle > 0 ? key + ": " + file.path : key;
    const auto size = sizes_.find(key);
    if (size == sizes_.end()) {
      reading_.Found(name, file.bundle > 0 ? "the bundle is missing" : "is missing");
      return;
    }
    const auto length = file.repo_bytes.value_or(file.bundle > 0 ? file.bytes : size->second);
    if (file.bundle > 0 ? file.offset + length > size->second : length != size->second) {
      reading_.Found(name, "expected " + std::to_string(file.offset + length) + " bytes" +
                               (file.bundle > 0 ? " at least" : "") + ", found " + std::to_string(size->second));
      return;
    }
    if (!cursor_ || cursor_->key() != key) cursor_.emplace(reading_, Object{key, size->second, {}, {}});
    cursor_->Seek(file.offset);
    Compare(file, name, length);
  }

  void Compare(const BackrestManifestFile& file, const std::string& name, std::uint64_t length) {
    constexpr std::string_view kData = "pg_data/";
    const auto sum = MakeChecksum("SHA1");
    std::uint64_t bytes = 0;
    const auto path = std::string_view(file.path);
    start_.Begin(path.starts_with(kData) ? path.substr(kData.size()) : path, name);
    const StreamFormat format{manifest_->compression, manifest_->cipher_pass};
    const bool read = ReadStream(reading_, *cursor_, length, format, name, [&](std::string_view plain) {
      bytes += plain.size();
      sum->Update(plain);
      start_.Content(plain);
      return base::Status(base::Done{});
    });
    if (!read) return;
    if (bytes != file.bytes)
      reading_.Found(name,
                     "expected " + std::to_string(file.bytes) + " bytes of content, found " + std::to_string(bytes));
    else if (!file.sha1.empty() && sum->Hex() != file.sha1)
      reading_.Found(name, "its SHA-1 is not that of backup.manifest");
  }

  ContentReading& reading_;
  const cluster::Backup& backup_;
  const std::string& root_;
  std::optional<BackrestManifest> manifest_;
  std::set<std::string> listed_;                // labels
  std::map<std::string, std::uint64_t> sizes_;  // of the objects under them
  std::optional<ObjectCursor> cursor_;
  StartFiles start_;
};

}  // namespace

BackupContent ReadBackrestContent(objectstore::Store& store, const cluster::Backup& backup, const std::string& root,
                                  const std::string& passphrase, const base::Clock& clock,
                                  const ContentOptions& options) {
  ContentReading reading(store, clock, options);
  BackrestBackupReader(reading, backup, root).Read(passphrase);
  return reading.Take();
}

}  // namespace pgvigil::archive

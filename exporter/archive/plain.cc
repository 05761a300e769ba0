#include "archive/plain.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "archive/plain_backups.h"
#include "archive/plain_folder.h"
#include "archive/verify_base.h"
#include "archive/verify_dump.h"
#include "archive/wal_listing.h"

namespace pgvigil::archive {
namespace {

using cluster::ArchiveContents;

// "wal" and "/wal/": "wal/".
std::string AsFolder(std::string_view path) {
  const auto first = path.find_first_not_of('/');
  if (first == std::string_view::npos) return {};
  return std::string(path.substr(first, path.find_last_not_of('/') - first + 1)) + "/";
}

class Plain : public Reader {
 public:
  Plain(std::shared_ptr<objectstore::Store> store, PlainOptions options, const base::Clock& clock)
      : store_(std::move(store)),
        wal_folder_(AsFolder(options.wal)),
        same_store_(!options.backups),
        clock_(clock),
        backup_store_(options.backups ? std::move(options.backups) : store_),
        backups_(backup_store_, std::move(options.dumps), clock) {}

  std::optional<std::chrono::milliseconds> ClockSkew() const override { return store_->ClockSkew(); }
  std::string Place() const override { return store_->Name(); }

  base::Result<std::shared_ptr<const ArchiveContents>> Pass(const PassOptions& options) override {
    auto contents = std::make_shared<ArchiveContents>();
    contents->began = clock_.Steady();
    contents->began_at = clock_.Wall();
    auto backups = backups_.Read(same_store_ ? wal_folder_ : std::string(), options.request_within);
    if (!backups.ok()) return backups.error();
    contents->catalogue.backups = *std::move(backups);
    contents->system_identifiers = Identifiers(contents->catalogue);
    if (const auto found = FindLayout(options); !found.ok()) return found.error();
    if (wal_) {
      if (const auto listed = wal_->Pass(options); !listed.ok()) return listed.error();
      contents->wal = wal_->inventory();
    }
    return std::shared_ptr<const ArchiveContents>(std::move(contents));
  }

  base::Result<std::string> ReadSegment(const wal::Segment& segment, base::SteadyTime::duration within) override {
    if (wal_) return wal_->Read(segment, within);
    return base::Error{base::ErrorKind::kNotFound, "no WAL was found yet", Place(), {}};
  }

  BackupContent ReadContent(const cluster::Backup& backup, const ContentOptions& options) override {
    return backup.method == cluster::BackupMethod::kDump ? ReadDumpContent(*backup_store_, backup, clock_, options)
                                                         : ReadBaseContent(*backup_store_, backup, clock_, options);
  }

 private:
  static std::vector<std::string> Identifiers(const cluster::BackupCatalogue& catalogue) {
    std::vector<std::string> identifiers;
    for (const auto& backup : catalogue.backups) {
      if (!backup.system_identifier.empty()) identifiers.push_back(backup.system_identifier);
    }
    std::sort(identifiers.begin(), identifiers.end());
    identifiers.erase(std::unique(identifiers.begin(), identifiers.end()), identifiers.end());
    return identifiers;
  }

  // Once there is any WAL.
  base::Status FindLayout(const PassOptions& options) {
    if (wal_) return base::Done{};
    const auto folder = ListPlainFolder(*store_, wal_folder_, clock_, options.request_within);
    if (!folder.ok()) return folder.error();
    if (!folder->has_wal && !folder->has_wal_folders) return base::Done{};
    wal_.emplace(store_, WalLayout{wal_folder_, folder->has_wal_folders, wal::ParseFileName}, clock_);
    return base::Done{};
  }

  std::shared_ptr<objectstore::Store> store_;
  const std::string wal_folder_;
  const bool same_store_;
  const base::Clock& clock_;
  const std::shared_ptr<objectstore::Store> backup_store_;
  PlainBackups backups_;
  std::optional<WalListing> wal_;
};

}  // namespace

std::unique_ptr<Reader> MakePlainReader(std::shared_ptr<objectstore::Store> store, PlainOptions options,
                                        const base::Clock& clock) {
  return std::make_unique<Plain>(std::move(store), std::move(options), clock);
}

}  // namespace pgvigil::archive

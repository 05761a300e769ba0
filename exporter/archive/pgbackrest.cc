#include "archive/pgbackrest.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "archive/pgbackrest_catalogue.h"
#include "archive/pgbackrest_cipher.h"
#include "archive/verify_pgbackrest.h"
#include "archive/wal_listing.h"
#include "base/text.h"

namespace pgvigil::archive {
namespace {

using cluster::ArchiveContents;

constexpr std::size_t kPassphraseAtMost = 4096;
constexpr std::size_t kReportAtMost = 16 << 20;

std::string Folder(const std::string& repo, std::string_view kind, const std::string& stanza) {
  const auto trimmed = repo.substr(0, repo.find_last_not_of('/') + 1);
  const auto begin = trimmed.find_first_not_of('/');
  return (begin == std::string::npos ? "" : trimmed.substr(begin) + "/") + std::string(kind) + "/" + stanza + "/";
}

class Repository : public Reader {
 public:
  Repository(std::shared_ptr<objectstore::Store> store, PgbackrestOptions options, const base::Clock& clock)
      : store_(std::move(store)),
        options_(std::move(options)),
        clock_(clock),
        archive_(Folder(options_.repo, "archive", options_.stanza)),
        catalogue_(store_, Folder(options_.repo, "backup", options_.stanza), clock) {}

  std::optional<std::chrono::milliseconds> ClockSkew() const override { return store_->ClockSkew(); }
  std::string Place() const override { return store_->Name() + "/" + archive_.substr(0, archive_.size() - 1); }

  base::Result<std::shared_ptr<const ArchiveContents>> Pass(const PassOptions& options) override {
    auto contents = std::make_shared<ArchiveContents>();
    contents->began = clock_.Steady();
    contents->began_at = clock_.Wall();
    const auto passphrase = Passphrase();
    if (!passphrase.ok()) return passphrase.error();
    const auto info = ReadBackrestFile(*store_, archive_ + "archive.info", *passphrase,
                                       base::Deadline::After(clock_.Steady(), options.request_within));
    if (!info.ok()) return info.error();
    const auto& current = info->databases.at(info->current).system_identifier;
    auto backups = catalogue_.Read(*passphrase, current, options);
    if (!backups.ok()) return backups.error();
    contents->catalogue.backups = *std::move(backups);
    contents->system_identifiers = {current};
    Follow(*info);
    if (const auto listed = wal_->Pass(options); !listed.ok()) return listed.error();
    contents->wal = wal_->inventory();
    return std::shared_ptr<const ArchiveContents>(std::move(contents));
  }

  base::Result<std::string> ReadSegment(const wal::Segment& segment, base::SteadyTime::duration within) override {
    if (wal_) return wal_->Read(segment, within);
    return base::Error{base::ErrorKind::kNotFound, "no WAL was found yet", Place(), {}};
  }

  BackupContent ReadContent(const cluster::Backup& backup, const ContentOptions& options) override {
    return ReadBackrestContent(*store_, backup, catalogue_.root(), catalogue_.cipher_pass(), clock_, options);
  }

 private:
  base::Result<std::string> Passphrase() const {
    if (options_.cipher_pass_file.empty()) return std::string();
    return base::ReadFile(options_.cipher_pass_file, kPassphraseAtMost);
  }

  // The WAL of the newest database, with the passphrase that archive.info holds for it.
  void Follow(const BackrestInfo& info) {
    auto root = archive_ + info.ArchiveId() + "/";
    if (wal_ && root == wal_root_ && info.cipher_pass == wal_pass_) return;
    wal_root_ = std::move(root);
    wal_pass_ = info.cipher_pass;
    WalLayout layout{wal_root_, true, wal::ParseBackrestName};
    if (!wal_pass_.empty()) {
      layout.decrypt = [pass = wal_pass_](const std::string& bytes) { return DecryptSalted(bytes, pass); };
      layout.encryption_adds = kSaltedHeader + kCipherBlock;  // padding is a whole block there
    }
    wal_.emplace(store_, std::move(layout), clock_);
  }

  std::shared_ptr<objectstore::Store> store_;
  const PgbackrestOptions options_;
  const base::Clock& clock_;
  const std::string archive_;
  BackrestCatalogue catalogue_;
  std::string wal_root_, wal_pass_;
  std::optional<WalListing> wal_;
};

class Report : public Reader {
 public:
  Report(PgbackrestReportOptions options, const base::Clock& clock) : options_(std::move(options)), clock_(clock) {}

  std::string Place() const override { return options_.file; }

  base::Result<std::shared_ptr<const ArchiveContents>> Pass(const PassOptions&) override {
    struct stat status{};
    const auto text = base::ReadFile(options_.file, kReportAtMost);
    if (!text.ok()) return text.error();
    if (stat(options_.file.c_str(), &status) != 0)
      return base::Error{base::ErrorKind::kNotFound, "vanished while it was read", options_.file, {}};
    const auto info = ParseBackrestJson(*text, options_.stanza, options_.repo, options_.file);
    if (!info.ok()) return info.error();
    auto contents = std::make_shared<ArchiveContents>();
    contents->proves = false;
    contents->began_at = base::WallTime(std::chrono::seconds(status.st_mtim.tv_sec));
    contents->began = clock_.Steady() - std::max(clock_.Wall() - contents->began_at, base::WallTime::duration::zero());
    const auto current = info->databases.find(info->current);
    if (current != info->databases.end()) contents->system_identifiers = {current->second.system_identifier};
    for (const auto& known : info->backups) {
      auto backup = known.backup;
      const auto database = info->databases.find(known.database);
      if (database != info->databases.end()) backup.system_identifier = database->second.system_identifier;
      if (current == info->databases.end() || backup.system_identifier != current->second.system_identifier)
        backup.flaws.emplace_back("of the cluster before it was upgraded or made anew: no part of this one's history");
      contents->catalogue.backups.push_back(std::move(backup));
    }
    return std::shared_ptr<const ArchiveContents>(std::move(contents));
  }

  base::Result<std::string> ReadSegment(const wal::Segment&, base::SteadyTime::duration) override {
    return base::Error{base::ErrorKind::kUnsupported, "a report of pgBackRest holds no WAL", Place(), {}};
  }

  BackupContent ReadContent(const cluster::Backup&, const ContentOptions&) override {
    return NotRead("a report of pgBackRest holds no data: name the repository itself");
  }

 private:
  const PgbackrestReportOptions options_;
  const base::Clock& clock_;
};

}  // namespace

std::unique_ptr<Reader> MakePgbackrestReader(std::shared_ptr<objectstore::Store> store, PgbackrestOptions options,
                                             const base::Clock& clock) {
  return std::make_unique<Repository>(std::move(store), std::move(options), clock);
}

std::unique_ptr<Reader> MakePgbackrestReportReader(PgbackrestReportOptions options, const base::Clock& clock) {
  return std::make_unique<Report>(std::move(options), clock);
}

}  // namespace pgvigil::archive

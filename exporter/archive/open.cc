#include "archive/open.h"

#include <algorithm>
#include <utility>

#include "archive/barman.h"
#include "archive/pgbackrest.h"
#include "archive/plain.h"
#include "archive/walg.h"
#include "objectstore/directory.h"

namespace pgvigil::archive {
namespace {

using cluster::BackupMethod;
using objectstore::Store;

// A directory whose layout is found when it is first read: barman-cloud's has a folder wals/.
class FoundLayout : public Reader {
 public:
  FoundLayout(std::shared_ptr<Store> store, archive::Place place, const base::Clock& clock)
      : store_(std::move(store)), place_(std::move(place)), clock_(clock) {}

  std::string Place() const override { return reader_ ? reader_->Place() : store_->Name(); }
  std::optional<std::chrono::milliseconds> ClockSkew() const override { return store_->ClockSkew(); }

  base::Result<std::shared_ptr<const cluster::ArchiveContents>> Pass(const PassOptions& options) override {
    if (!reader_) {
      const auto root = place_.server.empty() ? std::string() : place_.server + "/";
      auto page = store_->List({root, true, {}}, {}, base::Deadline::After(clock_.Steady(), options.request_within));
      if (!page.ok()) return page.error();
      const bool barman = std::count(page->folders.begin(), page->folders.end(), root + "wals/") > 0;
      // Nothing is there yet: look again with the next pass.
      if (page->folders.empty() && page->objects.empty()) return Nothing();
      reader_ = barman ? MakeBarmanReader(store_, place_.server, clock_) : Plain();
    }
    return reader_->Pass(options);
  }

  base::Result<std::string> ReadSegment(const wal::Segment& segment, base::SteadyTime::duration within) override {
    if (reader_) return reader_->ReadSegment(segment, within);
    return base::Error{base::ErrorKind::kNotFound, "nothing is in the archive", store_->Name(), {}};
  }

  BackupContent ReadContent(const cluster::Backup& backup, const ContentOptions& options) override {
    return reader_ ? reader_->ReadContent(backup, options) : NotRead("nothing is in the archive");
  }

 private:
  std::unique_ptr<Reader> Plain() const {
    PlainOptions options;
    options.wal = place_.wal;
    if (!place_.backups.empty()) options.backups = objectstore::OpenDirectory(place_.backups, clock_);
    options.dumps = place_.dumps;
    return MakePlainReader(store_, std::move(options), clock_);
  }

  base::Result<std::shared_ptr<const cluster::ArchiveContents>> Nothing() const {
    auto contents = std::make_shared<cluster::ArchiveContents>();
    contents->began = clock_.Steady();
    contents->began_at = clock_.Wall();
    return std::shared_ptr<const cluster::ArchiveContents>(std::move(contents));
  }

  std::shared_ptr<Store> store_;
  const archive::Place place_;
  const base::Clock& clock_;
  std::unique_ptr<Reader> reader_;
};

}  // namespace

std::string_view Source(const Place& place) { return place.tool == Tool::kPgbackrest ? "pgbackrest" : "objectstore"; }

std::vector<BackupMethod> Methods(const Place& place) {
  switch (place.tool) {
    case Tool::kBarman: return {BackupMethod::kBarman, BackupMethod::kSnapshot};
    case Tool::kPgbackrest: return {BackupMethod::kPgbackrest};
    case Tool::kWalg: return {BackupMethod::kWalg};
    case Tool::kDirectory: break;
  }
  return {BackupMethod::kBasebackup, BackupMethod::kDump, BackupMethod::kBarman, BackupMethod::kSnapshot};
}

base::Result<std::unique_ptr<Reader>> Open(const Place& place, const objectstore::Surroundings& surroundings) {
  const auto& clock = *surroundings.clock;
  if (!place.info_file.empty()) return MakePgbackrestReportReader({place.info_file, place.stanza, 0}, clock);
  auto opened = place.s3 ? objectstore::OpenS3(*place.s3, surroundings)
                         : base::Result<std::shared_ptr<Store>>(objectstore::OpenDirectory(place.directory, clock));
  if (!opened.ok()) return opened.error();
  auto store = std::move(opened).Take();
  switch (place.tool) {
    case Tool::kBarman: return MakeBarmanReader(std::move(store), place.server, clock);
    case Tool::kPgbackrest:
      return MakePgbackrestReader(std::move(store), {place.stanza, {}, place.passphrase_file}, clock);
    case Tool::kWalg: return MakeWalgReader(std::move(store), {}, clock);
    case Tool::kDirectory: break;
  }
  return std::unique_ptr<Reader>(std::make_unique<FoundLayout>(std::move(store), place, clock));
}

}  // namespace pgvigil::archive

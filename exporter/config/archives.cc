#include "config/archives.h"

#include <array>
#include <filesystem>
#include <map>

#include "archive/open.h"
#include "config/build.h"

namespace pgvigil::config {
namespace {

using yaml::Section;

class ArchiveBuilder {
 public:
  ArchiveBuilder(const Section& map, std::string path, const std::string& directory, base::Diagnostics& diagnostics)
      : map_(map), path_(std::move(path)), directory_(directory), diagnostics_(diagnostics) {}

  archive::Place Read() {
    archive::Place place;
    place.name = map_.Text("name");
    if (!OneOf(map_, path_, {"barman", "directory", "pgbackrest", "walg"})) return place;
    if (map_.Has("barman")) Barman(map_.Member("barman"), path_ + ".barman", place);
    if (map_.Has("directory")) Directory(map_.Member("directory"), path_ + ".directory", place);
    if (map_.Has("pgbackrest")) Backrest(map_.Member("pgbackrest"), path_ + ".pgbackrest", place);
    if (map_.Has("walg")) {
      place.tool = archive::Tool::kWalg;
      Store(map_.Member("walg"), path_ + ".walg", place);
    }
    return place;
  }

 private:
  // Whether exactly one of the keys is there.
  bool OneOf(const Section& map, const std::string& path, const std::vector<std::string_view>& keys) {
    int found = 0;
    std::string names;
    for (const auto key : keys) {
      found += map.Has(key) ? 1 : 0;
      names += (names.empty() ? "" : ", ") + std::string(key);
    }
    if (found == 1) return true;
    diagnostics_.Error(map.PlaceOf(""), path,
                       "expected exactly one of " + names + ", found " + (found == 0 ? "none" : "several"));
    return false;
  }

  std::string Absolute(const std::string& path) const {
    return std::filesystem::path(path).is_absolute() ? path : (std::filesystem::path(directory_) / path).string();
  }

  std::string File(const Section& map, std::string_view key, const std::string& path) {
    if (!map.Has(key)) return {};
    auto file = Absolute(map.Text(key));
    MustBeReadable(file, map.PlaceOf(key), path + "." + std::string(key), diagnostics_);
    return file;
  }

  void Barman(const Section& map, const std::string& path, archive::Place& place) {
    place.tool = archive::Tool::kBarman;
    place.server = map.Text("server");
    Store(map, path, place);
  }

  void Directory(const Section& map, const std::string& path, archive::Place& place) {
    place.tool = archive::Tool::kDirectory;
    place.server = map.Text("server");
    if (map.Has("path")) place.directory = Absolute(map.Text("path"));
    place.wal = map.Text("wal");
    if (map.Has("backups")) place.backups = Absolute(map.Text("backups"));
    for (const auto& [index, node] : map.Items("dumps")) place.dumps.push_back(node->text());
    Check(map, path, place);
  }

  void Backrest(const Section& map, const std::string& path, archive::Place& place) {
    place.tool = archive::Tool::kPgbackrest;
    place.stanza = map.Text("stanza");
    place.passphrase_file = File(map, "passphrase_file", path);
    if (!OneOf(map, path, {"repo", "info_file"})) return;
    place.info_file = map.Has("info_file") ? Absolute(map.Text("info_file")) : std::string();
    if (map.Has("repo")) Store(map.Member("repo"), path + ".repo", place);
  }

  // A bucket, or a directory in its place.
  void Store(const Section& map, const std::string& path, archive::Place& place) {
    if (!OneOf(map, path, {"bucket", "directory"})) return;
    if (map.Has("directory")) {
      place.directory = Absolute(map.Text("directory"));
    } else {
      place.s3 = Bucket(map, path);
    }
    Check(map, path, place);
  }

  objectstore::S3Options Bucket(const Section& map, const std::string& path) {
    objectstore::S3Options options;
    options.bucket = map.Text("bucket");
    options.path = map.Text("path");
    options.endpoint = map.Text("endpoint");
    options.region = map.Text("region");
    if (map.Text("addressing") == "path") options.addressing = objectstore::Addressing::kPath;
    if (map.Text("addressing") == "virtual") options.addressing = objectstore::Addressing::kVirtualHost;
    options.ca_file = File(map, "ca_file", path);
    const auto credentials = map.Member("credentials");
    const auto own = path + ".credentials";
    options.credentials.access_key_id_file = File(credentials, "access_key_id_file", own);
    options.credentials.secret_access_key_file = File(credentials, "secret_access_key_file", own);
    options.credentials.session_token_file = File(credentials, "session_token_file", own);
    return options;
  }

  // What the reader itself would refuse.
  void Check(const Section& map, const std::string& path, const archive::Place& place) {
    const auto opened = archive::Open(place, {});
    if (opened.ok()) return;
    const auto& error = opened.error();
    for (const std::string_view key : {"bucket", "region", "endpoint"}) {
      const auto value = map.Text(key);
      // What is wrong with an endpoint is said without it: there may be a password in it.
      const bool is_it = !value.empty() && (value == error.subject || key == "endpoint");
      if (!is_it) continue;
      const auto found = value == error.subject ? ", found \"" + value + "\"" : "";
      diagnostics_.Error(map.PlaceOf(key), path + "." + std::string(key), error.message + found);
      return;
    }
    diagnostics_.Error(map.PlaceOf(""), path, error.message);
  }

  const Section& map_;
  const std::string path_;
  const std::string& directory_;
  base::Diagnostics& diagnostics_;
};

}  // namespace

std::vector<observe::ArchiveOptions> ArchivesFrom(const Section& cluster, const std::string& path,
                                                  base::Milliseconds interval, const std::string& directory,
                                                  base::Diagnostics& diagnostics) {
  std::vector<observe::ArchiveOptions> archives;
  std::map<std::string, std::string> names;
  for (const auto& [index, node] : cluster.Items("archive")) {
    const auto own = path + ".archive[" + std::to_string(index) + "]";
    const auto map = cluster.Of(*node);
    observe::ArchiveOptions options;
    options.place = ArchiveBuilder(map, own, directory, diagnostics).Read();
    options.terms.listing_interval = interval;
    options.terms.retention = map.Duration("retention");
    const auto [first, is_new] = names.emplace(options.place.name, own);
    if (!is_new) diagnostics.Error(map.PlaceOf("name"), own + ".name", first->second + " has the same name");
    archives.push_back(std::move(options));
  }
  return archives;
}

}  // namespace pgvigil::config

// backup/<stanza>/ of a repository of pgBackRest: its backups, and whether they are where backup.info says. Private to
// this module.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "archive/pgbackrest_info.h"
#include "archive/reader.h"
#include "objectstore/store.h"

namespace pgvigil::archive {

// Reads an info file, or its copy where that is missing or broken, decrypted with the passphrase. An error is that of
// the file itself.
base::Result<BackrestInfo> ReadBackrestFile(objectstore::Store& store, const std::string& key,
                                            const std::string& passphrase, base::Deadline deadline);

// Belongs to its reader.
class BackrestCatalogue {
 public:
  // `root` is "…/backup/<stanza>/".
  BackrestCatalogue(std::shared_ptr<objectstore::Store> store, std::string root, const base::Clock& clock);

  // By the time of their beginning. `current` is the cluster's system identifier.
  base::Result<std::vector<cluster::Backup>> Read(const std::string& passphrase, const std::string& current,
                                                  const PassOptions& options);

  const std::string& root() const { return root_; }
  const std::string& cipher_pass() const { return info_.cipher_pass; }  // of manifests, as last read

 private:
  struct Manifest {
    std::optional<objectstore::Object> manifest, copy;
  };

  base::Status List(const PassOptions& options);
  base::Status ReadInfo(const std::string& passphrase, const PassOptions& options);
  base::Status LookForManifests(const PassOptions& options);
  cluster::Backup Judge(const BackrestBackup& known, const std::string& current) const;
  cluster::Backup Unknown(const std::string& label) const;

  std::shared_ptr<objectstore::Store> store_;
  const std::string root_;
  const base::Clock& clock_;
  std::set<std::string> labels_;  // folders of this pass
  std::string info_written_;      // sizes and times of backup.info and its copy, as listed
  std::string info_read_;         // those that `info_` was read from
  BackrestInfo info_;
  std::map<std::string, Manifest> manifests_;  // by label
  std::string looked_at_;                      // label
};

}  // namespace pgvigil::archive

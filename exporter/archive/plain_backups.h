// The catalogue of a plain archive: base backups and dumps, found by what their folders hold. Private to this module.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "archive/plain_folder.h"
#include "cluster/backup.h"

namespace pgvigil::archive {

// Belongs to its reader. What did not change since it was read is not read again.
class PlainBackups {
 public:
  PlainBackups(std::shared_ptr<objectstore::Store> store, std::vector<std::string> dumps, const base::Clock& clock);

  // All that is found below the root, but for the folder `without`.
  base::Result<std::vector<cluster::Backup>> Read(const std::string& without,
                                                  base::SteadyTime::duration request_within);

 private:
  struct Known {
    std::string made_of;  // keys, sizes and times of what it was read from
    cluster::Backup backup;
    std::optional<wal::Lsn> incremental_from;
    bool seen = false;
  };

  base::Status Walk(const PlainFolder& folder, int depth, const std::string& without);
  void TakeDeniedFolder(const std::string& key, const base::Error& error);
  base::Status TakeBaseBackup(const PlainFolder& folder);
  base::Status ReadBaseBackup(const PlainFolder& folder, Known& known);
  base::Status ReadLabel(const PlainFolder& folder, Known& known);
  base::Status CheckPlainFiles(const PlainFolder& folder, cluster::Backup& backup);
  base::Result<bool> HoldsItsWal(const PlainFolder& folder, const cluster::Backup& backup);
  base::Status TakeDumpFile(const objectstore::Object& object);
  base::Status TakeDumpFolder(const PlainFolder& folder);
  bool IsWanted(std::string_view key) const;
  // The place of what may be known already: null if it is, and did not change.
  Known* Changed(const std::string& key, const std::vector<const objectstore::Object*>& made_of);
  void NameParents();

  base::Deadline Deadline() const { return base::Deadline::After(clock_.Steady(), within_); }

  std::shared_ptr<objectstore::Store> store_;
  const std::vector<std::string> dumps_;
  const base::Clock& clock_;
  base::SteadyTime::duration within_{};
  std::map<std::string, Known> known_;  // by key
  std::size_t folders_ = 0;             // looked into in this pass
};

}  // namespace pgvigil::archive

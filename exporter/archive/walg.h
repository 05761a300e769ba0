// Archives of WAL-G for PostgreSQL, experimental: written against samples of one version, not against the tool. Layout:
// basebackups_005/base_<wal>[_D_<wal>]/{metadata.json, tar_partitions/…},
// basebackups_005/<name>_backup_stop_sentinel.json (uploaded last), wal_005/<24 hex>.<lz4|zst|br|lzma>, histories and
// labels beside them.
//   - What is encrypted (libsodium, PGP) or compressed with brotli or lzma counts by its name and is not read.
//   - A delta needs the backup that its sentinel names.
#pragma once

#include <memory>
#include <string>

#include "archive/reader.h"
#include "objectstore/store.h"

namespace pgvigil::archive {

// `prefix` is the path of WALG_S3_PREFIX below the store's root; empty: the root itself.
std::unique_ptr<Reader> MakeWalgReader(std::shared_ptr<objectstore::Store> store, const std::string& prefix,
                                       const base::Clock& clock);

}  // namespace pgvigil::archive

// Archives that no tool keeps a catalogue of: WAL as archive_command = 'cp …' or pg_receivewal writes it, base backups
// as pg_basebackup leaves them (a directory, or tars), and dumps of pg_dump and pg_dumpall.
//   - WAL lies flat, or in folders of one timeline and 4 GiB; which of them is found.
//   - A base backup is a folder, at most two below the root, with backup_manifest (PostgreSQL 13 and later): its name
//   is
//     the backup's id. Without one it never counts as done. It is self-contained if its WAL lies in it.
//   - A dump is a file, or a folder with toc.dat, whose key one of the patterns matches. It is done if its end is
//   there:
//     a dump that is compressed as a whole is read for that once, if it is not larger than 256 MiB.
// Source: PostgreSQL manual, pg_basebackup and pg_dump.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "archive/reader.h"
#include "objectstore/store.h"

namespace pgvigil::archive {

struct PlainOptions {
  std::string wal = {};                              // folder of the WAL under the store's root; empty: the root itself
  std::shared_ptr<objectstore::Store> backups = {};  // where backups and dumps are looked for; null: the same store
  std::vector<std::string> dumps = {};  // shell patterns over whole keys, "dumps/*.dump"; * matches "/", too
};

std::unique_ptr<Reader> MakePlainReader(std::shared_ptr<objectstore::Store> store, PlainOptions options,
                                        const base::Clock& clock);

}  // namespace pgvigil::archive

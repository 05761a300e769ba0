// Repositories of pgBackRest 2.x (format 5), read directly: any store, encrypted or not. Layout: archive/<stanza>/
// {archive.info, <version>-<id>/<16 hex>/<24 hex>-<sha1>[.gz…]}, backup/<stanza>/{backup.info,
// <label>/backup.manifest…}.
//   - WAL counts under the archive id of the newest database alone: a major upgrade begins another history. Backups of
//     former ones are told with that flaw.
//   - A backup's files are not looked at one by one; its folder and its manifest must be there.
//   - A folder that backup.info does not know is a backup without metadata: one that runs, or was interrupted.
// Or what `pgbackrest info --output=json` wrote into a file: claims alone, since it tells the first and the last
// segment of WAL and nothing of those between. The age of the file is the age of the reading.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "archive/reader.h"
#include "objectstore/store.h"

namespace pgvigil::archive {

struct PgbackrestOptions {
  std::string stanza = {};
  std::string repo = {};              // folder of the repository under the store's root; empty: the root itself
  std::string cipher_pass_file = {};  // repo1-cipher-pass, read again in every pass; empty: not encrypted
};

// A pass fails with not_found where the stanza is not, with auth where the passphrase is missing or wrong.
std::unique_ptr<Reader> MakePgbackrestReader(std::shared_ptr<objectstore::Store> store, PgbackrestOptions options,
                                             const base::Clock& clock);

struct PgbackrestReportOptions {
  std::string file = {};
  std::string stanza = {};
  std::uint32_t repo = 0;  // repo1 is 1; 0: the first one of the report
};

// Its inventory stays empty, and no segment can be read.
std::unique_ptr<Reader> MakePgbackrestReportReader(PgbackrestReportOptions options, const base::Clock& clock);

}  // namespace pgvigil::archive

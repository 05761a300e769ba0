// The content of a backup of pgBackRest: its manifest, and every file of it, in a bundle or by itself, decrypted and
// decompressed, against its length and SHA-1. Source: pgBackRest's command/verify, command/restore. Private to this
// module.
#pragma once

#include <string>

#include "archive/content.h"
#include "cluster/backup.h"

namespace pgvigil::archive {

// `root` is "…/backup/<stanza>/"; `passphrase` is that of manifests, which backup.info holds; empty: not encrypted.
BackupContent ReadBackrestContent(objectstore::Store& store, const cluster::Backup& backup, const std::string& root,
                                  const std::string& passphrase, const base::Clock& clock,
                                  const ContentOptions& options);

}  // namespace pgvigil::archive

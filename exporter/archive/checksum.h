// Checksums of files as backup tools record them: PostgreSQL's manifests (CRC32C, SHA224, SHA256, SHA384, SHA512) and
// pgBackRest's (SHA1). Source: PostgreSQL manual, "Backup Manifest File Object"; common/checksum_helper.c.
// Not thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace pgvigil::archive {

class Checksum {
 public:
  virtual ~Checksum() = default;
  virtual void Update(std::string_view bytes) = 0;
  virtual std::string Hex() = 0;  // in lower case, once
};

// Null: nobody knows it. PostgreSQL writes a CRC32C as its four bytes lie in memory, the lowest first.
std::unique_ptr<Checksum> MakeChecksum(std::string_view algorithm);

}  // namespace pgvigil::archive

#include "archive/control_file.h"

#include <utility>

#include "wal/bytes.h"
#include "wal/crc32c.h"

namespace pgvigil::archive {
namespace {

base::Error Error(base::ErrorKind kind, std::string what) { return {kind, std::move(what), {}, {}}; }

}  // namespace

base::Result<ControlFile> ParseControlFile(std::string_view bytes) {
  constexpr std::size_t kVersionAt = 8;
  constexpr std::size_t kSumAt = 288, kSumAtOf18 = 292;  // one more flag stands before it
  if (bytes.size() != kControlFileBytes) {
    return Error(base::ErrorKind::kMalformed, "expected a pg_control of " + std::to_string(kControlFileBytes) +
                                                  " bytes, found " + std::to_string(bytes.size()));
  }
  ControlFile control;
  control.system_identifier = std::to_string(wal::LittleEndian<std::uint64_t>(bytes, 0));
  control.version = wal::LittleEndian<std::uint32_t>(bytes, kVersionAt);
  if (control.version != 1300 && control.version != 1700 && control.version != 1800) {
    return Error(base::ErrorKind::kUnsupported, "expected a pg_control of PostgreSQL 13 to 18, found version " +
                                                    std::to_string(control.version) + " of its format");
  }
  const auto at = control.version == 1800 ? kSumAtOf18 : kSumAt;
  if (wal::Crc32c(bytes.substr(0, at)) != wal::LittleEndian<std::uint32_t>(bytes, at))
    return Error(base::ErrorKind::kMalformed, "the checksum of pg_control is wrong");
  return control;
}

}  // namespace pgvigil::archive

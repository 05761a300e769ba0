// barman's backup.info: "key=value" lines, None for nothing, strings of Python where a line break must be kept. Written
// by barman 3.4 to 3.19 (cloud), which differ in keys; unknown ones are skipped. Source: barman's infofile.py. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "wal/segment.h"

namespace pgvigil::archive {

struct BackupInfo {
  std::string status;  // EMPTY, STARTED, FAILED, WAITING_FOR_WALS, DONE, SYNCING
  std::string name;    // backup_name
  std::string error;
  std::optional<base::WallTime> begin_time, end_time;
  std::optional<wal::Lsn> begin, end;
  std::uint32_t begin_timeline = 0, end_timeline = 0;  // of begin_wal and end_wal; 0: not said
  std::uint64_t segment_size = 0;                      // 0: not said
  std::string system_identifier;
  std::vector<std::uint32_t> tablespaces;  // oids
  bool is_snapshot = false;                // snapshots_info says where the data are
  std::string parent;                      // parent_backup_id
};

// `subject` is the key of the object, for errors (malformed): they name the line.
base::Result<BackupInfo> ParseBackupInfo(std::string_view text, std::string_view subject);

// "2025-10-24 02:26:08.217166+00:00", microseconds and offset optional; without an offset it is taken for UTC, which is
// what barman's cloud tools run in. Absent: no such time.
std::optional<base::WallTime> ParsePythonTime(std::string_view text);

}  // namespace pgvigil::archive

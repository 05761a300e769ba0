// What `pgvigil audit` found out about one archive, before it is put into words. Values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "archive/content.h"
#include "cli/audit_content.h"
#include "observe/archive_readings.h"
#include "verdict/audit.h"
#include "verdict/site.h"

namespace pgvigil::cli {

struct ArchiveAudit {
  std::string cluster;  // "orders", "shop/orders"
  verdict::Soundness soundness = verdict::Soundness::kUnreadable;
  std::vector<std::string> faults;  // why it is broken, or what could not be read

  // What follows is there only if the archive could be read.
  observe::ArchiveReading reading;  // its name and place always are
  verdict::ArchiveNow now;          // of its windows: what their ends are
  std::vector<verdict::Branch> branches;
  std::vector<verdict::GapCost> costs;                     // as the verdict's gaps
  std::vector<std::optional<base::WallTime>> last_before;  // likewise: of the last commit before each gap
  verdict::Orphans orphans;
  bool content_wanted = false;
  std::vector<archive::BackupContent> contents;  // of the backups whose content was read, or was to be
  std::optional<WalContent> wal;                 // likewise, of what they are rolled forward with
  std::optional<base::Error> commit_error;       // why times are not known
};

// What is broken for certain is worse than what is not known. There is at least one.
verdict::Soundness WorstOf(const std::vector<ArchiveAudit>& audits);

}  // namespace pgvigil::cli

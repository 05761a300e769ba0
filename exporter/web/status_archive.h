// One archive in sentences: its windows, its backups, what is wrong with its WAL and its place. Pure.
#pragma once

#include <string>
#include <vector>

#include "observe/view.h"
#include "verdict/site.h"
#include "web/status.h"

namespace pgvigil::web {

// Gaps, histories, timelines, what reaches it, foreign writers. The archive is known and proves.
void SayWalTrouble(const observe::ArchiveReading& reading, const verdict::ArchiveNow& archive,
                   std::vector<Statement>& says);

void SayClockSkew(const observe::ArchiveReading& reading, std::vector<Statement>& says);

// "…3 to …5: 3 segments, since …".
std::string GapLine(const observe::ArchiveReading& reading, const verdict::Gap& gap);

// A backup of the catalogue with its state and the reason for it.
std::string BackupLine(const observe::ArchiveReading& reading, std::size_t index);

// One of the verdict's windows: from when to when and what proves it; and what to type for its ends, in lines.
std::string WindowText(const observe::ArchiveReading& reading, const verdict::ArchiveNow& archive, std::size_t index);
std::vector<std::string> WindowTargets(const observe::ArchiveReading& reading, const verdict::ArchiveNow& archive,
                                       std::size_t index);

// "000000010000000000000003", or "" before the segment size is known.
std::string SegmentName(const observe::ArchiveReading& reading, const wal::Segment& segment);

// What is wrong with a segment that is there: "is no whole segment: 1000 B".
std::string BadText(const cluster::BadSegment& bad);

// Index of the newest backup of the window's method that reaches its end.
std::size_t NewestTo(const observe::ArchiveReading& reading, const verdict::Window& window);

}  // namespace pgvigil::web

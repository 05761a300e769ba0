// What is wrong with the WAL and the place of one archive, in sentences. Pure.
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

// "000000010000000000000003", or "" before the segment size is known.
std::string SegmentName(const observe::ArchiveReading& reading, const wal::Segment& segment);

// Index of the newest backup of the window's method that reaches its end.
std::size_t NewestTo(const observe::ArchiveReading& reading, const verdict::Window& window);

}  // namespace pgvigil::web

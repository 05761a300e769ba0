#include "web/json.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "verdict/recovery_target.h"
#include "wal/file_name.h"
#include "web/status_archive.h"

namespace pgvigil::web {

std::string Moment8601(base::WallTime time) { return base::FormatTime(time, 'T') + "Z"; }

void Put(Json& object, const char* key, const std::optional<base::WallTime>& time) {
  if (time) object[key] = Moment8601(*time);
}
void Put(Json& object, const char* key, const std::optional<double>& value) {
  if (value && std::isfinite(*value)) object[key] = std::round(*value * 1000) / 1000;
}
void Put(Json& object, const char* key, const std::optional<std::uint64_t>& value) {
  if (value) object[key] = *value;
}
void Put(Json& object, const char* key, const std::optional<std::uint32_t>& value) {
  if (value) object[key] = *value;
}
void Put(Json& object, const char* key, const std::optional<base::Milliseconds>& span) {
  if (span) object[key] = base::Seconds(*span);
}
void Put(Json& object, const char* key, const std::string& text) {
  if (!text.empty()) object[key] = base::ValidUtf8(text);
}

Json WindowJson(const observe::ArchiveReading& reading, const verdict::ArchiveNow& now, std::size_t index) {
  const auto& window = reading.verdict->windows[index];
  const auto& backups = reading.state.contents->catalogue.backups;
  const auto& from = backups[window.from];
  Json json{{"method", cluster::Name(window.method)}, {"evidence", "proof"}};
  Put(json, "start", cluster::RestorableFrom(from));
  Put(json, "end", now.window_ends[index]);
  json["end_lsn"] = wal::Format(window.end);
  json["start_backup"] = base::ValidUtf8(from.id);
  json["start_target"] = verdict::StartTarget(cluster::RestorableFrom(from), now.commits_follow[index]);
  json["end_backup"] = base::ValidUtf8(backups[NewestTo(reading, window)].id);
  json["end_target"] = verdict::EndTarget(reading.state.contents->wal, *reading.verdict, window);
  if (const auto timeline = verdict::TimelineTarget(*reading.verdict, window)) json["timeline_target"] = *timeline;
  return json;
}

Json GapJson(const observe::ArchiveReading& reading, const verdict::Gap& gap) {
  return {{"first", SegmentName(reading, gap.first)},
          {"last", SegmentName(reading, gap.last)},
          {"segments", gap.segments},
          {"since", Moment8601(gap.since)},
          {"pending", gap.pending}};
}

Json BackupJson(const observe::ArchiveReading& reading, std::size_t index) {
  const auto& backup = reading.state.contents->catalogue.backups[index];
  const auto& judged = reading.verdict->backups[index];
  Json json{{"id", base::ValidUtf8(backup.id)},
            {"method", cluster::Name(backup.method)},
            {"type", cluster::Name(backup.type)}};
  Put(json, "begin", backup.begin_time);
  Put(json, "end", backup.end_time);
  if (backup.stored_bytes > 0) json["stored_bytes"] = backup.stored_bytes;
  json["claimed_done"] = backup.outcome == cluster::BackupOutcome::kDone;
  if (!reading.state.contents->proves) return json;
  json["state"] = verdict::Name(judged.state);
  Put(json, "why", judged.why);
  if (judged.first_missing) Put(json, "first_missing", SegmentName(reading, *judged.first_missing));
  return json;
}

}  // namespace pgvigil::web

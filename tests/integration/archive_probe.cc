// Reads an archive in a directory once, or as often as lines come on standard input: what the integration tests do with
// what real tools wrote.
//
//   archive_probe barman ROOT SERVER | plain ROOT WAL DUMPS… | pgbackrest ROOT STANZA [PASSPHRASE-FILE] |
//                 report FILE STANZA [REPOSITORY] | walg ROOT
//
// One line of JSON a pass: backups, runs of WAL, histories, and what the first page of the last segment says.
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "archive/barman.h"
#include "archive/pgbackrest.h"
#include "archive/plain.h"
#include "archive/walg.h"
#include "objectstore/directory.h"
#include "wal/commits.h"

namespace {

using namespace pgvigil;
using Json = nlohmann::json;

std::unique_ptr<archive::Reader> MakeReader(const std::vector<std::string>& words) {
  const auto word = [&](std::size_t i) { return i < words.size() ? words[i] : std::string(); };
  const auto& clock = base::SystemClock();
  if (word(0) == "report") {
    const auto repository = word(3).empty() ? 0U : static_cast<unsigned>(std::stoul(word(3)));
    return archive::MakePgbackrestReportReader({word(1), word(2), repository}, clock);
  }
  auto store = objectstore::OpenDirectory(word(1));
  if (word(0) == "barman") return archive::MakeBarmanReader(store, word(2), clock);
  if (word(0) == "pgbackrest") return archive::MakePgbackrestReader(store, {word(2), "", word(3)}, clock);
  if (word(0) == "walg") return archive::MakeWalgReader(store, "", clock);
  if (word(0) != "plain") return nullptr;
  return archive::MakePlainReader(store, {word(2), nullptr, {words.begin() + 3, words.end()}}, clock);
}

Json AsJson(const cluster::Backup& backup) {
  Json json = {{"id", backup.id},
               {"method", Name(backup.method)},
               {"type", Name(backup.type)},
               {"outcome", static_cast<int>(backup.outcome)},
               {"label", backup.label},
               {"error", backup.error},
               {"timelines", {backup.begin_timeline, backup.end_timeline}},
               {"system_identifier", backup.system_identifier},
               {"stored_bytes", backup.stored_bytes},
               {"needs", backup.needs},
               {"self_contained", backup.self_contained},
               {"flaws", backup.flaws}};
  if (backup.begin) json["begin"] = wal::Format(*backup.begin);
  if (backup.end) json["end"] = wal::Format(*backup.end);
  if (backup.begin_time) json["begin_time"] = base::UnixSeconds(*backup.begin_time);
  if (backup.end_time) json["end_time"] = base::UnixSeconds(*backup.end_time);
  return json;
}

Json AsJson(archive::Reader& reader, const cluster::WalInventory& inventory) {
  Json json = {{"runs", Json::array()}, {"bad", inventory.bad.size()}, {"histories", Json::array()}};
  for (const auto& [timeline, file] : inventory.histories)
    json["histories"].push_back({timeline, file.history ? "read" : file.error ? file.error->message : "unread"});
  if (!inventory.segment_size) return json;
  json["segment_size"] = inventory.segment_size->bytes();
  std::optional<wal::Segment> last;
  for (const auto& run : inventory.stored.Intervals()) {
    last = wal::Segment{run.timeline, run.last};
    json["runs"].push_back({wal::FileName({run.timeline, run.first}, *inventory.segment_size),
                            wal::FileName(*last, *inventory.segment_size)});
  }
  if (!last) return json;
  const auto bytes = reader.ReadSegment(*last, std::chrono::seconds(10));
  const auto header = bytes.ok() ? wal::ReadSegmentHeader(*bytes) : bytes.error();
  json["last_segment"] = header.ok() ? std::to_string(header->system_identifier) : header.error().message;
  return json;
}

Json Pass(archive::Reader& reader) {
  const auto contents = reader.Pass({});
  if (!contents.ok()) {
    const auto& error = contents.error();
    return {{"error", error.message}, {"kind", Name(error.kind)}, {"subject", error.subject}};
  }
  Json json = {{"place", reader.Place()},
               {"system_identifiers", (*contents)->system_identifiers},
               {"backups", Json::array()},
               {"wal", AsJson(reader, (*contents)->wal)}};
  for (const auto& backup : (*contents)->catalogue.backups) json["backups"].push_back(AsJson(backup));
  return json;
}

}  // namespace

int main(int count, char** words) {
  const auto reader = MakeReader({words + 1, words + count});
  if (!reader) {
    std::cerr << "usage: see the head of archive_probe.cc\n";
    return 2;
  }
  std::string again;
  do {
    std::cout << Pass(*reader).dump() << std::endl;
  } while (std::getline(std::cin, again));
}

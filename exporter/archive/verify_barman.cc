#include "archive/verify_barman.h"

#include "archive/start_files.h"
#include "archive/tar_reader.h"

namespace pgvigil::archive {
namespace {

// Files of the data directory, from one of its tars.
class DataTar : public TarSink {
 public:
  DataTar(StartFiles& start, std::string key) : start_(start), key_(std::move(key)) {}
  void Begin(const TarEntry& entry) override { start_.Begin(entry.name, key_ + ": " + entry.name); }
  void Content(std::string_view bytes) override { start_.Content(bytes); }
  void End() override {}

 private:
  StartFiles& start_;
  const std::string key_;
};

}  // namespace

BackupContent ReadBarmanContent(objectstore::Store& store, const cluster::Backup& backup, const base::Clock& clock,
                                const ContentOptions& options) {
  if (backup.method == cluster::BackupMethod::kSnapshot) return NotRead("its data are a snapshot of volumes");
  ContentReading reading(store, clock, options);
  const auto objects = reading.List(backup.place);
  if (!objects) return reading.Take();
  StartFiles start, of_no_interest;
  bool whole = true;
  for (const auto& object : *objects) {
    auto name = std::string_view(object.key).substr(backup.place.size());
    const auto compression = wal::StripSuffix(name);
    if (!name.ends_with(".tar") || reading.failed()) continue;
    const bool is_data = name == "data.tar" || name.starts_with("data_");
    DataTar sink(is_data ? start : of_no_interest, object.key);
    TarReader tar(sink);
    ObjectCursor cursor(reading, object);
    const bool read = ReadStream(reading, cursor, object.size, {compression, {}}, object.key,
                                 [&](std::string_view plain) { return tar.Feed(plain); });
    whole &= read || !is_data;
    if (!read) continue;
    if (const auto ended = tar.Finish(); !ended.ok()) {
      reading.Found(object.key, ended.error().message);
      whole &= !is_data;
    }
  }
  // What was not reached may hold them.
  if (whole && !reading.failed()) start.Judge(backup, backup.place + "data.tar", reading);
  return reading.Take();
}

}  // namespace pgvigil::archive

#include "archive/verify_dump.h"

#include "archive/dump_file.h"
#include "archive/tar_reader.h"

namespace pgvigil::archive {
namespace {

class NoInterest : public TarSink {
 public:
  void Begin(const TarEntry&) override {}
  void Content(std::string_view) override {}
  void End() override {}
};

// Finds out what it is by its first bytes.
void ReadFile(ContentReading& reading, const objectstore::Object& object) {
  auto name = std::string_view(object.key);
  const auto compression = wal::StripSuffix(name);
  ObjectCursor cursor(reading, object);
  NoInterest sink;
  TarReader tar(sink);
  bool begun = false, is_tar = false, is_custom = false;
  const bool read =
      ReadStream(reading, cursor, object.size, {compression, {}}, object.key, [&](std::string_view plain) {
        if (!begun) {
          is_tar = ParseTarHeader(plain).has_value();
          is_custom = IsDump(plain);
          begun = true;
        }
        return is_tar ? tar.Feed(plain) : base::Status(base::Done{});
      });
  if (!read) return;
  if (is_tar) {
    if (const auto ended = tar.Finish(); !ended.ok()) reading.Found(object.key, ended.error().message);
  }
  if (is_custom && !name.ends_with("toc.dat"))
    reading.NotChecked(object.key, "its blocks are not decompressed: `pg_restore --file=/dev/null` does that");
}

}  // namespace

BackupContent ReadDumpContent(objectstore::Store& store, const cluster::Backup& backup, const base::Clock& clock,
                              const ContentOptions& options) {
  ContentReading reading(store, clock, options);
  const auto objects = reading.List(backup.place);
  if (!objects) return reading.Take();
  for (const auto& object : *objects) {
    const bool is_of_it = object.key == backup.place || backup.place.ends_with('/');
    if (is_of_it && !reading.failed()) ReadFile(reading, object);
  }
  return reading.Take();
}

}  // namespace pgvigil::archive

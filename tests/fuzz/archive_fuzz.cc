// What archives hold: the metadata of backups, and compressed streams as a whole and in pieces.
#include <algorithm>
#include <optional>
#include <string>

#include "archive/backup_info.h"
#include "archive/base_backup.h"
#include "archive/control_file.h"
#include "archive/decompress.h"
#include "archive/dump_file.h"
#include "archive/pgbackrest_cipher.h"
#include "archive/pgbackrest_info.h"
#include "archive/pgbackrest_manifest.h"
#include "archive/tar_reader.h"
#include "archive/walg_sentinel.h"
#include "fuzz/input.h"

namespace {

using namespace pgvigil;

constexpr std::uint64_t kPlainAtMost = 1 << 20;

// All that a decompressor gives for the input in pieces of `piece` bytes, or nothing if it complains.
std::optional<std::string> InPieces(std::string_view bytes, wal::Compression compression, std::size_t piece) {
  const auto stream = archive::MakeDecompressor(compression);
  std::string plain;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    const auto fed = stream->Feed(bytes.substr(0, piece), [&](std::string_view some) {
      plain += some;
      return plain.size() <= kPlainAtMost;
    });
    if (!fed.ok() || plain.size() > kPlainAtMost) return std::nullopt;
  }
  if (!stream->Finish().ok()) return std::nullopt;
  return plain;
}

// What a tar holds, and whether it is whole.
class Contents : public archive::TarSink {
 public:
  void Begin(const archive::TarEntry& entry) override { text += entry.name + '='; }
  void Content(std::string_view bytes) override { text += bytes; }
  void End() override { text += '\n'; }
  std::string text;
};
std::string TarInPieces(std::string_view bytes, std::size_t piece) {
  Contents contents;
  archive::TarReader tar(contents);
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    if (!tar.Feed(bytes.substr(0, piece)).ok()) return contents.text + "!";
  }
  return contents.text + (tar.Finish().ok() ? "" : "!");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto text = fuzz::Text(bytes, size);
  const auto info = archive::ParseBackupInfo(text, "backup.info");
  if (info.ok()) fuzz::Expect(!info->status.empty(), "a backup.info that is read has a status");
  (void)archive::ParsePythonTime(text);
  (void)archive::ParseBackupLabel(text, "backup_label");
  const auto manifest = archive::ParseBackupManifest(text, "backup_manifest");
  if (manifest.ok()) fuzz::Expect(manifest->begin_timeline <= manifest->end_timeline, "a backup's timelines rise");
  (void)archive::FirstMember(text);
  fuzz::Expect(TarInPieces(text, text.size() + 1) == TarInPieces(text, 7), "a tar holds the same, however it is cut");
  (void)archive::ParseControlFile(text);
  (void)archive::ManifestSumIsRight(text);
  const auto files = archive::ParseBackrestManifest(text, "backup.manifest");
  if (files.ok()) fuzz::Expect(files->files.size() <= text.size(), "a file takes a line");
  (void)archive::ParseDump(text);
  (void)archive::DecryptSalted(text, "passphrase");
  (void)archive::ParseWalgSentinel("base_000000010000000000000005", text, "sentinel");
  (void)archive::ParseBackrestJson(text, "main", 0, "info.json");
  const auto stanza = archive::ParseBackrestFile(text, "backup.info");
  if (stanza.ok()) fuzz::Expect(stanza->databases.contains(stanza->current), "the current database is among all");
  for (const auto compression : {wal::Compression::kGzip, wal::Compression::kBzip2, wal::Compression::kXz,
                                 wal::Compression::kSnappy, wal::Compression::kLz4, wal::Compression::kZstd}) {
    const auto plain = archive::Decompress(text, compression, kPlainAtMost);
    if (plain.ok()) fuzz::Expect(plain->size() <= kPlainAtMost, "no more plain bytes than were asked for");
    const auto pieces = InPieces(text, compression, 7);
    fuzz::Expect(plain.ok() == pieces.has_value(), "a stream is good or not, however it is cut");
    if (plain.ok()) fuzz::Expect(*plain == *pieces, "a stream gives the same, however it is cut");
  }
  return 0;
}

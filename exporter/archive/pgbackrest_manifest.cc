#include "archive/pgbackrest_manifest.h"

#include "archive/pgbackrest_file.h"
#include "json/fields.h"

namespace pgvigil::archive {
namespace {

using json::IsTrue;
using json::Member;
using json::NumberOf;
using json::TextOf;

std::optional<wal::Compression> CompressionOf(std::string_view type) {
  using wal::Compression;
  for (const auto& [word, compression] : {std::pair{"none", Compression::kNone},
                                          {"gz", Compression::kGzip},
                                          {"bz2", Compression::kBzip2},
                                          {"lz4", Compression::kLz4},
                                          {"zst", Compression::kZstd}}) {
    if (type == word) return compression;
  }
  return std::nullopt;
}

BackrestManifestFile FileOf(std::string_view path, const json::Value& value) {
  BackrestManifestFile file;
  file.path = path;
  file.label = TextOf(Member(value, "reference"));
  file.sha1 = TextOf(Member(value, "checksum"));
  file.bytes = NumberOf(Member(value, "size")).value_or(0);
  file.repo_bytes = NumberOf(Member(value, "repo-size"));
  file.bundle = NumberOf(Member(value, "bni")).value_or(0);
  file.offset = NumberOf(Member(value, "bno")).value_or(0);
  file.is_blocks = NumberOf(Member(value, "bim")).has_value();
  return file;
}

}  // namespace

base::Result<BackrestManifest> ParseBackrestManifest(std::string_view text, std::string_view subject) {
  BackrestManifest manifest;
  std::optional<base::Error> unsupported;
  const auto take = [&](std::string_view section, std::string_view key, const json::Value& value) {
    if (section == "backup" && key == "backup-label") manifest.label = TextOf(value);
    if (section == "backup" && key == "backup-bundle") manifest.bundled = IsTrue(value);
    if (section == "cipher" && key == "cipher-pass") manifest.cipher_pass = TextOf(value);
    if (section == "backup:option" && key == "option-online") manifest.online = IsTrue(value);
    if (section == "backup:option" && key == "option-compress-type") {
      const auto compression = CompressionOf(TextOf(value));
      manifest.compression = compression.value_or(wal::Compression::kNone);
      if (!compression)
        unsupported =
            base::Error{base::ErrorKind::kUnsupported, "compressed by " + TextOf(value), std::string(subject), {}};
    }
    if (section == "target:file") manifest.files.push_back(FileOf(key, value));
    return base::Status(base::Done{});
  };
  if (const auto read = FollowBackrestText(text, subject, take); !read.ok()) return read.error();
  if (unsupported) return *unsupported;
  for (auto& file : manifest.files) {
    if (file.label.empty()) file.label = manifest.label;
  }
  return manifest;
}

}  // namespace pgvigil::archive

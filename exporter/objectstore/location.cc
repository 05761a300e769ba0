#include "objectstore/location.h"

#include <algorithm>
#include <optional>

namespace pgvigil::objectstore {
namespace {

using base::Error;
using base::ErrorKind;

// Source: "Bucket naming rules"; upper case, "_" and up to 255 characters in buckets from before 2018 and elsewhere.
bool IsBucketName(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
  };
  return name.size() >= 3 && name.size() <= 255 && std::all_of(name.begin(), name.end(), fits) &&
         name.find("..") == std::string_view::npos;
}

std::optional<std::string_view> Unsupported(std::string_view text) {
  if (text.starts_with("gs://")) {
    return "Google Cloud Storage is not read yet: an S3 bucket, gs:// by its S3-compatible endpoint with HMAC keys, or "
           "a "
           "directory is";
  }
  const bool is_https = text.starts_with("https://") || text.starts_with("http://");
  if (text.starts_with("azure://") || text.starts_with("azblob://") ||
      (is_https && text.find(".blob.core.") != std::string_view::npos)) {
    return "Azure Blob Storage is not read yet: an S3 bucket or a directory is";
  }
  return std::nullopt;
}

}  // namespace

std::string_view TrimSlashes(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

base::Result<Location> ParseLocation(std::string_view text) {
  if (const auto message = Unsupported(text)) {
    return Error{ErrorKind::kUnsupported, std::string(*message), std::string(text.substr(0, text.find('?'))), {}};
  }
  constexpr std::string_view kScheme = "s3://";
  const Error malformed{ErrorKind::kMalformed,
                        "expected a location such as s3://bucket/path",
                        std::string(text.substr(0, text.find('?'))),
                        {}};
  if (!text.starts_with(kScheme)) return malformed;
  text.remove_prefix(kScheme.size());
  const auto slash = text.find('/');
  const auto bucket = text.substr(0, slash);
  if (!IsBucketName(bucket)) return malformed;
  const auto path = slash == std::string_view::npos ? std::string_view() : text.substr(slash + 1);
  return Location{std::string(bucket), std::string(TrimSlashes(path))};
}

}  // namespace pgvigil::objectstore

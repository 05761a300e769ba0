#include "archive/plain_folder.h"

#include <algorithm>

#include "wal/file_name.h"

namespace pgvigil::archive {
namespace {

using objectstore::Object;

constexpr std::size_t kTimelineDigits = 8;
constexpr std::size_t kFolderDigits = 16;
constexpr std::size_t kEntriesAtMost = 100000;  // of one folder that are no WAL

std::string_view NameIn(std::string_view key) {
  if (key.ends_with('/')) key.remove_suffix(1);
  return key.substr(key.rfind('/') + 1);
}

bool IsWalFolder(std::string_view name) {
  return name.size() == kFolderDigits && name.find_first_not_of("0123456789ABCDEF") == std::string_view::npos;
}

}  // namespace

std::string_view PlainFolder::Name() const { return NameIn(key); }

const Object* PlainFolder::Find(std::string_view name) const {
  const auto found =
      std::find_if(objects.begin(), objects.end(), [&](const Object& o) { return NameIn(o.key) == name; });
  return found == objects.end() ? nullptr : &*found;
}

const Object* PlainFolder::FindCompressed(std::string_view name) const {
  const auto found = std::find_if(objects.begin(), objects.end(), [&](const Object& object) {
    auto plain = NameIn(object.key);
    wal::StripSuffix(plain);
    return plain == name;
  });
  return found == objects.end() ? nullptr : &*found;
}

bool PlainFolder::HasFolder(std::string_view name) const {
  return std::any_of(folders.begin(), folders.end(), [&](const std::string& k) { return NameIn(k) == name; });
}

base::Result<PlainFolder> ListPlainFolder(objectstore::Store& store, const std::string& key, const base::Clock& clock,
                                          base::SteadyTime::duration request_within) {
  PlainFolder folder;
  folder.key = key;
  objectstore::ListRequest request{key, true, {}};
  std::string continuation;
  for (;;) {
    auto page = store.List(request, continuation, base::Deadline::After(clock.Steady(), request_within));
    if (!page.ok()) return page.error();
    std::string last, last_wal;
    for (const auto& object : page->objects) {
      last = std::max(last, object.key);
      const bool is_wal = wal::ParseFileName(NameIn(object.key)).has_value();
      folder.has_wal |= is_wal;
      if (is_wal) last_wal = std::max(last_wal, object.key);
      if (!is_wal) folder.objects.push_back(object);
    }
    for (const auto& sub : page->folders) {
      last = std::max(last, sub);
      const bool is_wal = IsWalFolder(NameIn(sub));
      folder.has_wal_folders |= is_wal;
      if (is_wal) last_wal = std::max(last_wal, sub);
      if (!is_wal) folder.folders.push_back(sub);
    }
    if (page->next.empty()) return folder;
    if (folder.objects.size() + folder.folders.size() > kEntriesAtMost) {
      return base::Error{base::ErrorKind::kLimit,
                         "holds far more than backups and WAL: is this their place?",
                         store.Name() + "/" + key,
                         {}};
    }
    continuation = page->next;
    if (last != last_wal) continue;
    // In the middle of WAL: on behind all names of its timeline.
    request.start_after = key + std::string(NameIn(last)).substr(0, kTimelineDigits) + "\x7f";
    continuation.clear();
  }
}

}  // namespace pgvigil::archive

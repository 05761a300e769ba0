#include "archive/wal_listing.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "archive/decompress.h"
#include "wal/commits.h"

namespace pgvigil::archive {
namespace {

using cluster::WalInventory;
using objectstore::ListPage;
using objectstore::ListRequest;
using objectstore::Object;

constexpr std::size_t kMostLooks = 8;              // direct looks into holes, a pass
constexpr std::uint64_t kHistoryAtMost = 1 << 20;  // bytes; one line a promotion
constexpr std::uint64_t kSegmentAtMost = 1 << 30;  // bytes
constexpr auto kSettles = std::chrono::hours(1);   // a hole younger than this is listed through in every pass
constexpr auto kStillWritten = std::chrono::hours(24);

// The first of [first, last] for which `holds`, which stays true from there on; last + 1 if there is none.
template <typename Holds>
std::uint64_t FirstWhere(std::uint64_t first, std::uint64_t last, Holds holds) {
  auto low = first, high = last + 1;
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    if (holds(middle))
      high = middle;
    else
      low = middle + 1;
  }
  return low;
}

}  // namespace

WalListing::WalListing(std::shared_ptr<objectstore::Store> store, WalLayout layout, const base::Clock& clock)
    : store_(std::move(store)), layout_(std::move(layout)), clock_(clock) {}

base::Status WalListing::Pass(const PassOptions& options) {
  if (const auto found = FindSegmentSize(options); !found.ok()) return found;
  if (!inventory_.segment_size) return base::Done{};
  if (!whole_ || options.everything) {
    auto before = std::exchange(inventory_, {});
    inventory_.segment_size = before.segment_size;
    inventory_.histories = std::move(before.histories);
    if (const auto listed = ListFrom(0, {}, true, options); !listed.ok()) {
      whole_ = false;
      return listed;
    }
    whole_ = true;
  } else {
    const auto now = clock_.Wall();
    const auto timelines = inventory_.stored.Timelines();
    for (const auto timeline : timelines) {
      const auto intervals = inventory_.stored.Intervals(timeline);
      const bool newest = timeline == timelines.back();
      if (!newest && now - intervals.back().last_stored > kStillWritten) continue;
      // Behind the last interval, or behind the one before the earliest hole that may still be filled.
      auto from = intervals.size() - 1;
      while (from > 0 && now - intervals[from].first_stored < kSettles) --from;
      const auto after = KeyOf({timeline, intervals[from].last});
      if (const auto listed = ListFrom(timeline, after, newest, options); !listed.ok()) return listed;
    }
    if (timelines.empty()) {
      if (const auto listed = ListFrom(0, {}, true, options); !listed.ok()) return listed;
    }
    if (const auto checked = Recheck(options); !checked.ok()) return checked;
  }
  if (const auto looked = LookIntoHoles(options); !looked.ok()) return looked;
  return ReadHistories(options);
}

// From the segments themselves, where neither the server nor a backup told it.
base::Status WalListing::FindSegmentSize(const PassOptions& options) {
  if (inventory_.segment_size) return base::Done{};
  inventory_.segment_size = options.segment_size;
  if (inventory_.segment_size) return base::Done{};
  std::optional<Object> first;
  const auto listed = objectstore::ListAll(*store_, {layout_.root, false, {}}, options.request_within, clock_,
                                           [&](const ListPage& page) {
                                             for (const auto& object : page.objects) {
                                               const auto name = layout_.parse(NameIn(object.key));
                                               if (!name || name->kind != wal::FileKind::kSegment) continue;
                                               first = object;
                                               return false;
                                             }
                                             return true;
                                           });
  if (!listed.ok()) return listed;
  if (!first) return base::Done{};
  auto size = SizeOf(*first, *layout_.parse(NameIn(first->key)), options);
  if (!size.ok()) return size.error();
  inventory_.segment_size = *size;
  return base::Done{};
}

base::Result<std::optional<wal::SegmentSize>> WalListing::SizeOf(const Object& object, const wal::ArchiveFile& name,
                                                                 const PassOptions& options) {
  if (name.compression == wal::Compression::kNone) {
    const auto size = wal::SegmentSize::FromBytes(object.size);
    if (size.ok()) return std::optional(*size);
    return std::optional<wal::SegmentSize>();
  }
  auto bytes =
      store_->Get(object.key, {}, kSegmentAtMost, base::Deadline::After(clock_.Steady(), options.request_within));
  if (!bytes.ok()) return bytes.error();
  const auto plain = Decompress(*bytes, name.compression, kSegmentAtMost);
  if (!plain.ok()) return std::optional<wal::SegmentSize>();
  const auto header = wal::ReadSegmentHeader(*plain);
  if (!header.ok()) return std::optional<wal::SegmentSize>();
  const auto size = wal::SegmentSize::FromBytes(header->segment_size);
  return size.ok() ? std::optional(*size) : std::nullopt;
}

base::Status WalListing::ListFrom(std::uint32_t timeline, std::string start_after, bool to_the_end,
                                  const PassOptions& options) {
  ListRequest request{layout_.root, false, std::move(start_after)};
  if (!to_the_end) request.prefix += wal::HistoryName(timeline).substr(0, 8);
  std::uint64_t keys = 0;
  return objectstore::ListAll(*store_, request, options.request_within, clock_, [&](const ListPage& page) {
    for (const auto& object : page.objects) Take(object);
    keys += page.objects.size();
    if (options.progress) options.progress(keys);
    return true;
  });
}

void WalListing::Take(const Object& object) {
  const auto name = layout_.parse(NameIn(object.key));
  if (!name) return;
  if (name->kind == wal::FileKind::kHistory) {
    inventory_.histories[name->segment.timeline].stored = object.modified;
    return;
  }
  const auto segment = wal::Resolve(name->segment, *inventory_.segment_size);
  if (!segment) return;
  if (name->kind == wal::FileKind::kPartial) inventory_.partial[*segment] = object.modified;
  if (name->kind == wal::FileKind::kSegment) TakeSegment(object, *name, *segment);
}

void WalListing::TakeSegment(const Object& object, const wal::ArchiveFile& name, const wal::Segment& segment) {
  const bool whole =
      name.compression == wal::Compression::kNone ? object.size == inventory_.segment_size->bytes() : object.size > 0;
  if (whole && !objectstore::InArchiveTier(object)) {
    inventory_.stored.Add(segment, object.modified);
    inventory_.bad.erase(segment);
  } else if (whole) {
    inventory_.in_archive_tier.Add(segment, object.modified);
    inventory_.stored.Remove(segment);
  } else if (!inventory_.stored.Contains(segment) || name.compression == wal::Compression::kNone) {
    inventory_.stored.Remove(segment);
    if (inventory_.bad.size() < WalInventory::kMostBad) inventory_.bad[segment] = object.size;
  }
}

// One page of what is old: begins again at the front when the end was reached.
base::Status WalListing::Recheck(const PassOptions& options) {
  const auto deadline = base::Deadline::After(clock_.Steady(), options.request_within);
  auto page = store_->List({layout_.root, false, rechecked_}, {}, deadline);
  if (!page.ok()) return page.error();
  wal::SegmentSet seen;
  for (const auto& object : page->objects) {
    Take(object);
    if (const auto segment = SegmentOfKey(object.key)) seen.Add(*segment, object.modified);
  }
  const bool end = page->next.empty() || page->objects.empty();
  // Up to the last key but one: the same segment may lie under two suffixes, one of them on the next page.
  const auto up_to = end ? std::string() : page->objects.back().key;
  Forget(rechecked_, up_to, seen);
  rechecked_ = up_to;
  return base::Done{};
}

void WalListing::Forget(const std::string& after, const std::string& up_to, const wal::SegmentSet& seen) {
  // The page is younger than all that the inventory holds: what it does not show is gone.
  for (const auto& interval : inventory_.stored.Intervals()) {
    const auto key_of = [&](std::uint64_t number) { return KeyOf({interval.timeline, number}); };
    // Keys of one timeline sort as their numbers do.
    const auto first = FirstWhere(interval.first, interval.last, [&](auto number) { return key_of(number) > after; });
    const auto behind = up_to.empty()
                            ? interval.last + 1
                            : FirstWhere(first, interval.last, [&](auto number) { return key_of(number) >= up_to; });
    auto next = first;
    for (auto shown = seen.NextFrom(interval.timeline, 0); shown && next < behind;
         shown = seen.NextFrom(interval.timeline, shown->last + 1)) {
      if (shown->last < next) continue;
      if (shown->first > next)
        inventory_.stored.RemoveRange(interval.timeline, next, std::min(shown->first, behind) - 1);
      next = shown->last + 1;
    }
    if (next < behind) inventory_.stored.RemoveRange(interval.timeline, next, behind - 1);
  }
}

base::Status WalListing::LookIntoHoles(const PassOptions& options) {
  std::size_t looks = 0;
  auto& confirmed = inventory_.confirmed_missing;
  std::map<wal::Segment, base::WallTime> still;
  for (const auto timeline : inventory_.stored.Timelines()) {
    const auto intervals = inventory_.stored.Intervals(timeline);
    for (std::size_t i = 0; i + 1 < intervals.size(); ++i) {
      const wal::Segment missing{timeline, intervals[i].last + 1};
      const auto known = confirmed.find(missing);
      if (known != confirmed.end()) still.insert(*known);
      if (known != confirmed.end() || looks >= kMostLooks) continue;
      ++looks;
      const auto found = Find(missing, base::Deadline::After(clock_.Steady(), options.request_within));
      if (found.ok()) continue;
      if (found.error().kind != base::ErrorKind::kNotFound) return found.error();
      still[missing] = clock_.Wall();
    }
  }
  confirmed = std::move(still);
  return base::Done{};
}

// Those that are new, and some of the others again: an archive whose history file was deleted cannot be followed.
base::Status WalListing::ReadHistories(const PassOptions& options) {
  std::size_t looks = 0;
  const auto from = inventory_.histories.upper_bound(history_looked_at_);
  std::vector<std::uint32_t> again;
  for (auto it = from; it != inventory_.histories.end(); ++it) again.push_back(it->first);
  for (auto it = inventory_.histories.begin(); it != from; ++it) again.push_back(it->first);
  for (const auto timeline : again) {
    const auto read = histories_read_.find(timeline);
    const bool is_new = read == histories_read_.end() || read->second != inventory_.histories[timeline].stored;
    if (!is_new && looks >= kMostLooks) continue;
    if (!is_new) {
      ++looks;
      history_looked_at_ = timeline;
    }
    if (const auto done = ReadHistory(timeline, options); !done.ok()) return done;
  }
  return base::Done{};
}

base::Status WalListing::ReadHistory(std::uint32_t timeline, const PassOptions& options) {
  const auto deadline = base::Deadline::After(clock_.Steady(), options.request_within);
  auto page = store_->List({layout_.root + wal::HistoryName(timeline), false, {}}, {}, deadline);
  if (!page.ok()) return page.error();
  if (page->objects.empty()) {
    inventory_.histories.erase(timeline);
    histories_read_.erase(timeline);
    return base::Done{};
  }
  const auto& object = page->objects.front();
  auto& file = inventory_.histories[timeline];
  const auto read = histories_read_.find(timeline);
  if (file.history && read != histories_read_.end() && read->second == object.modified) return base::Done{};
  file = {{}, {}, object.modified};
  auto bytes = store_->Get(object.key, {}, kHistoryAtMost, deadline);
  if (!bytes.ok()) {
    // Denied while listing works: unreadable, which is said of this file alone.
    if (bytes.error().kind != base::ErrorKind::kPermission) return bytes.error();
    file.error = bytes.error();
    return base::Done{};
  }
  histories_read_[timeline] = object.modified;
  const auto name = layout_.parse(NameIn(object.key));
  const auto plain = Decompress(*bytes, name ? name->compression : wal::Compression::kNone, kHistoryAtMost);
  if (!plain.ok()) {
    file.error = plain.error();
    return base::Done{};
  }
  const auto history = wal::ParseHistory(*plain, timeline);
  if (history.ok())
    file.history = *history;
  else
    file.error = history.error();
  return base::Done{};
}

base::Result<Object> WalListing::Find(const wal::Segment& segment, base::Deadline deadline) {
  const auto key = KeyOf(segment);
  auto page = store_->List({key, false, {}}, {}, deadline);
  if (!page.ok()) return page.error();
  for (const auto& object : page->objects) {
    const auto name = layout_.parse(NameIn(object.key));
    if (!name || name->kind != wal::FileKind::kSegment) continue;
    TakeSegment(object, *name, segment);
    if (inventory_.stored.Contains(segment)) return object;
  }
  return base::Error{base::ErrorKind::kNotFound, "no such segment in the archive", store_->Name() + "/" + key, {}};
}

base::Result<std::string> WalListing::Read(const wal::Segment& segment, base::SteadyTime::duration within) {
  const auto deadline = base::Deadline::After(clock_.Steady(), within);
  const auto object = Find(segment, deadline);
  if (!object.ok()) return object.error();
  auto bytes = store_->Get(object->key, {}, kSegmentAtMost, deadline);
  if (!bytes.ok()) return bytes.error();
  auto plain = Decompress(*bytes, layout_.parse(NameIn(object->key))->compression, inventory_.segment_size->bytes());
  if (plain.ok()) return plain;
  auto error = plain.error();
  error.subject = store_->Name() + "/" + object->key;
  return error;
}

std::string_view WalListing::NameIn(std::string_view key) const { return key.substr(key.rfind('/') + 1); }

std::string WalListing::KeyOf(const wal::Segment& segment) const {
  const auto name = wal::FileName(segment, *inventory_.segment_size);
  return layout_.root + (layout_.folders ? name.substr(0, 16) + "/" : std::string()) + name;
}

std::optional<wal::Segment> WalListing::SegmentOfKey(std::string_view key) const {
  const auto name = layout_.parse(NameIn(key));
  if (!name || name->kind != wal::FileKind::kSegment) return std::nullopt;
  return wal::Resolve(name->segment, *inventory_.segment_size);
}

}  // namespace pgvigil::archive

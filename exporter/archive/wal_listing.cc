#include "archive/wal_listing.h"

#include <algorithm>
#include <utility>

#include "archive/decompress.h"
#include "wal/commits.h"

namespace pgvigil::archive {
namespace {

using cluster::WalInventory;
using objectstore::ListPage;
using objectstore::ListRequest;
using objectstore::Object;

constexpr std::size_t kMostLooks = 8;              // direct looks into holes, a pass; the same for histories
constexpr std::size_t kMostAsked = 8;              // segments that are asked for the size of all
constexpr std::uint64_t kHistoryAtMost = 1 << 20;  // bytes; one line a promotion
constexpr std::uint64_t kSegmentAtMost = 1 << 30;  // bytes
constexpr std::uint64_t kBeginning = 1 << 20;      // of a segment: holds its first page, however it is compressed
constexpr std::size_t kHeaderBytes = 40;
constexpr auto kSettles = std::chrono::hours(1);  // a hole younger than this is listed through in every pass
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

// What is wrong with one object, as against the store or the way to it.
bool IsOfTheObject(const base::Error& error) {
  return error.kind == base::ErrorKind::kPermission || error.kind == base::ErrorKind::kLimit ||
         error.kind == base::ErrorKind::kMalformed;
}

std::string_view NameIn(std::string_view key) { return key.substr(key.rfind('/') + 1); }

// The first bytes of a stream that may be cut short: what the decompressor gives before it complains.
std::string BeginningOf(std::string_view bytes, wal::Compression compression) {
  std::string plain;
  (void)MakeDecompressor(compression)->Feed(bytes, [&](std::string_view piece) {
    plain.append(piece.substr(0, kHeaderBytes));
    return plain.size() < kHeaderBytes;
  });
  return plain;
}

}  // namespace

WalListing::WalListing(std::shared_ptr<objectstore::Store> store, WalLayout layout, const base::Clock& clock)
    : store_(std::move(store)), layout_(std::move(layout)), clock_(clock) {}

base::Status WalListing::Pass(const PassOptions& options) {
  if (const auto found = FindSegmentSize(options); !found.ok()) return found;
  if (!inventory_.segment_size) return base::Done{};
  const bool everything = !whole_ || options.everything;
  if (const auto listed = everything ? ListEverything(options) : ListWhatIsNew(options); !listed.ok()) return listed;
  if (const auto looked = LookIntoHoles(options); !looked.ok()) return looked;
  return ReadHistories(options);
}

// ---- how long a segment is
// -------------------------------------------------------------------------------------------

// From the segments themselves, where neither the server nor a backup told it.
base::Status WalListing::FindSegmentSize(const PassOptions& options) {
  if (inventory_.segment_size) return base::Done{};
  inventory_.segment_size = options.segment_size;
  if (inventory_.segment_size) return base::Done{};
  std::vector<Object> some;
  const auto listed = objectstore::ListAll(*store_, {layout_.root, false, {}}, options.request_within, clock_,
                                           [&](const ListPage& page) {
                                             for (const auto& object : page.objects) {
                                               const auto name = Parse(object);
                                               if (!name || name->kind != wal::FileKind::kSegment) continue;
                                               some.push_back(object);
                                               if (some.size() == kMostAsked) return false;
                                             }
                                             return true;
                                           });
  if (!listed.ok()) return listed;
  for (const auto& object : some) {
    auto size = SizeOf(object, *Parse(object), options);
    if (!size.ok()) return size.error();
    inventory_.segment_size = *size;
    if (inventory_.segment_size) break;
  }
  return base::Done{};
}

base::Result<std::optional<wal::SegmentSize>> WalListing::SizeOf(const Object& object, const wal::ArchiveFile& name,
                                                                 const PassOptions& options) {
  const std::optional<wal::SegmentSize> unknown;
  if (object.size == 0 || objectstore::InArchiveTier(object)) return unknown;
  const auto deadline = base::Deadline::After(clock_.Steady(), options.request_within);
  const auto beginning = layout_.decrypt ? std::nullopt : std::optional(objectstore::Range{0, kBeginning});
  auto bytes = store_->Get(object.key, beginning, layout_.decrypt ? kSegmentAtMost : kBeginning, deadline);
  if (bytes.ok() && layout_.decrypt) bytes = layout_.decrypt(*std::move(bytes));
  if (!bytes.ok() && (IsOfTheObject(bytes.error()) || bytes.error().kind == base::ErrorKind::kNotFound)) return unknown;
  if (!bytes.ok()) return bytes.error();
  const auto header = wal::ReadSegmentHeader(BeginningOf(*bytes, name.compression));
  const bool as_it_is = name.compression == wal::Compression::kNone && !layout_.decrypt;
  if (!header.ok() && !as_it_is) return unknown;
  const auto size = wal::SegmentSize::FromBytes(header.ok() ? header->segment_size : object.size);
  return size.ok() ? std::optional(*size) : unknown;
}

// ---- listing
// ---------------------------------------------------------------------------------------------------------

base::Status WalListing::ListEverything(const PassOptions& options) {
  auto before = std::exchange(inventory_, {});
  inventory_.segment_size = before.segment_size;
  inventory_.histories = before.histories;
  const auto listed = ListFrom(layout_.root, {}, options);
  if (!listed.ok()) {
    inventory_ = std::move(before);
    return listed;
  }
  // A hole that was there before is no new one.
  inventory_.confirmed_missing = std::move(before.confirmed_missing);
  whole_ = true;
  rechecked_.clear();
  return base::Done{};
}

base::Status WalListing::ListWhatIsNew(const PassOptions& options) {
  const auto newest = inventory_.stored.Timelines();
  if (newest.empty()) return ListEverything(options);
  for (const auto timeline : Growing()) {
    if (timeline >= newest.back()) break;
    if (const auto listed = ListTimeline(timeline, false, options); !listed.ok()) return listed;
  }
  if (const auto listed = ListTimeline(newest.back(), true, options); !listed.ok()) return listed;
  return Recheck(options);
}

// Written to or announced within a day, and the next one of each.
std::set<std::uint32_t> WalListing::Growing() const {
  std::set<std::uint32_t> growing;
  const auto take = [&](std::uint32_t timeline, base::WallTime stored) {
    if (clock_.Wall() - stored > kStillWritten) return;
    growing.insert({timeline, timeline + 1});
  };
  for (const auto timeline : inventory_.stored.Timelines())
    take(timeline, inventory_.stored.IntervalOf(*inventory_.stored.Last(timeline))->last_stored);
  for (const auto& [timeline, file] : inventory_.histories) take(timeline, file.stored);
  return growing;
}

// What lies behind its last interval, or behind the one before the earliest hole that may still be filled.
base::Status WalListing::ListTimeline(std::uint32_t timeline, bool to_the_end, const PassOptions& options) {
  const auto intervals = inventory_.stored.Intervals(timeline);
  std::string after;
  if (!intervals.empty()) {
    auto from = intervals.size() - 1;
    while (from > 0 && clock_.Wall() - intervals[from].first_stored < kSettles) --from;
    after = KeyOf({timeline, intervals[from].last});
  }
  return ListFrom(to_the_end ? layout_.root : PrefixOf(timeline), std::move(after), options);
}

base::Status WalListing::ListFrom(const std::string& prefix, std::string start_after, const PassOptions& options) {
  const ListRequest request{prefix, false, std::move(start_after)};
  std::uint64_t keys = 0;
  std::optional<Sighting> current;
  const auto listed = objectstore::ListAll(*store_, request, options.request_within, clock_, [&](const ListPage& page) {
    for (const auto& object : page.objects) {
      Take(object, current);
      if (options.file) Tell(object, options);
    }
    keys += page.objects.size();
    if (options.progress) options.progress(keys);
    return true;
  });
  if (listed.ok() && current) Settle(*current);
  return listed;
}

void WalListing::Tell(const Object& object, const PassOptions& options) const {
  const auto name = Parse(object);
  const auto segment = SegmentOf(object);
  if (!segment || name->kind == wal::FileKind::kBackupLabel) return;
  options.file({*segment, name->kind == wal::FileKind::kPartial, object.size});
}

void WalListing::Take(const Object& object, std::optional<Sighting>& current) {
  auto sighting = Sight(object);
  if (sighting && current && current->segment == sighting->segment) {
    if (sighting->state > current->state) current = std::move(sighting);
    return;
  }
  if (sighting) {
    if (current) Settle(*current);
    current = std::move(sighting);
    return;
  }
  const auto name = Parse(object);
  if (!name) return;
  if (name->kind == wal::FileKind::kHistory) inventory_.histories[name->segment.timeline].stored = object.modified;
  const auto segment = SegmentOf(object);
  if (segment && name->kind == wal::FileKind::kPartial) inventory_.partial[*segment] = object.modified;
}

std::optional<WalListing::Sighting> WalListing::Sight(const Object& object) const {
  const auto name = Parse(object);
  if (!name || name->kind != wal::FileKind::kSegment) return std::nullopt;
  const auto segment = wal::Resolve(name->segment, *inventory_.segment_size);
  if (!segment) return std::nullopt;
  const auto length = inventory_.segment_size->bytes() + layout_.encryption_adds;
  const bool whole = name->compression == wal::Compression::kNone ? object.size == length : object.size > 0;
  const auto state = !whole                               ? Sighting::State::kBad
                     : objectstore::InArchiveTier(object) ? Sighting::State::kInArchiveTier
                                                          : Sighting::State::kStored;
  return Sighting{*segment, state, object};
}

void WalListing::Settle(const Sighting& sighting) {
  const auto& segment = sighting.segment;
  const auto stored = sighting.object.modified;
  if (sighting.state != Sighting::State::kBad) inventory_.bad.erase(segment);
  if (sighting.state == Sighting::State::kStored) {
    inventory_.stored.Add(segment, stored);
    inventory_.in_archive_tier.Remove(segment);
    return;
  }
  inventory_.stored.Remove(segment);
  if (sighting.state == Sighting::State::kInArchiveTier) {
    inventory_.in_archive_tier.Add(segment, stored);
    return;
  }
  inventory_.in_archive_tier.Remove(segment);
  if (inventory_.bad.size() < WalInventory::kMostBad) inventory_.bad[segment] = {sighting.object.size, stored, {}};
}

// ---- deletions
// -------------------------------------------------------------------------------------------------------

// One page of what is old: begins again at the front when the end was reached.
base::Status WalListing::Recheck(const PassOptions& options) {
  const auto deadline = base::Deadline::After(clock_.Steady(), options.request_within);
  const auto page = store_->List({layout_.root, false, rechecked_}, {}, deadline);
  if (!page.ok()) return page.error();
  const auto& objects = page->objects;
  const bool end = page->next.empty() || objects.empty();
  const auto count = end ? objects.size() : WithoutTheLast(objects);
  Shown shown;
  std::optional<Sighting> current;
  for (std::size_t i = 0; i < count; ++i) {
    Take(objects[i], current);
    const auto name = Parse(objects[i]);
    const auto segment = SegmentOf(objects[i]);
    if (segment && name->kind == wal::FileKind::kSegment) shown.segments.Add(*segment, objects[i].modified);
    if (segment && name->kind == wal::FileKind::kPartial) shown.partial.insert(*segment);
  }
  if (current) Settle(*current);
  const auto up_to = end                      ? std::string()
                     : count < objects.size() ? KeyOf(*SegmentOf(objects[count]))
                                              : objects.back().key;
  Forget(rechecked_, up_to, shown);
  rechecked_ = end ? std::string() : objects[count - 1].key;
  return base::Done{};
}

// How many objects stand before those of the last segment, more of which may lie on the next page.
std::size_t WalListing::WithoutTheLast(const std::vector<Object>& objects) const {
  const auto last = SegmentOf(objects.back());
  auto count = objects.size();
  while (last && count > 0 && SegmentOf(objects[count - 1]) == last) --count;
  return count == 0 ? objects.size() : count;
}

void WalListing::Forget(const std::string& after, const std::string& up_to, const Shown& shown) {
  ForgetIn(inventory_.stored, after, up_to, shown.segments);
  ForgetIn(inventory_.in_archive_tier, after, up_to, shown.segments);
  const auto within = [&](const wal::Segment& segment) {
    const auto key = KeyOf(segment);
    return key > after && (up_to.empty() || key < up_to);
  };
  std::erase_if(inventory_.bad,
                [&](const auto& entry) { return !shown.segments.Contains(entry.first) && within(entry.first); });
  std::erase_if(inventory_.partial,
                [&](const auto& entry) { return !shown.partial.contains(entry.first) && within(entry.first); });
}

// The page is younger than all that the inventory holds: what it does not show is gone.
void WalListing::ForgetIn(wal::SegmentSet& set, const std::string& after, const std::string& up_to,
                          const wal::SegmentSet& shown) const {
  for (const auto& interval : set.Intervals()) {
    const auto key_of = [&](std::uint64_t number) { return KeyOf({interval.timeline, number}); };
    // Keys of one timeline sort as their numbers do.
    const auto first = FirstWhere(interval.first, interval.last, [&](auto number) { return key_of(number) > after; });
    const auto behind = up_to.empty()
                            ? interval.last + 1
                            : FirstWhere(first, interval.last, [&](auto number) { return key_of(number) >= up_to; });
    auto next = first;
    for (auto run = shown.NextFrom(interval.timeline, 0); run && next < behind;
         run = shown.NextFrom(interval.timeline, run->last + 1)) {
      if (run->last < next) continue;
      if (run->first > next) set.RemoveRange(interval.timeline, next, std::min(run->first, behind) - 1);
      next = run->last + 1;
    }
    if (next < behind) set.RemoveRange(interval.timeline, next, behind - 1);
  }
}

// ---- holes
// -----------------------------------------------------------------------------------------------------------

// Those between two intervals of a timeline, and those that only the path or a backup makes one.
std::set<wal::Segment> WalListing::Holes(const PassOptions& options) const {
  std::set<wal::Segment> holes;
  for (const auto timeline : inventory_.stored.Timelines()) {
    const auto intervals = inventory_.stored.Intervals(timeline);
    for (std::size_t i = 0; i + 1 < intervals.size(); ++i) holes.insert({timeline, intervals[i].last + 1});
  }
  for (const auto& missing : options.missing) {
    if (!inventory_.stored.Contains(missing)) holes.insert(missing);
  }
  return holes;
}

// Those that are new, and the known ones in turn: they may be filled long after.
base::Status WalListing::LookIntoHoles(const PassOptions& options) {
  auto& confirmed = inventory_.confirmed_missing;
  std::vector<wal::Segment> looks, known;
  for (const auto& missing : Holes(options)) (confirmed.contains(missing) ? known : looks).push_back(missing);
  std::erase_if(confirmed,
                [&](const auto& hole) { return !std::binary_search(known.begin(), known.end(), hole.first); });
  std::rotate(known.begin(), std::upper_bound(known.begin(), known.end(), hole_looked_at_), known.end());
  looks.insert(looks.end(), known.begin(), known.end());
  if (looks.size() > kMostLooks) looks.resize(kMostLooks);
  for (const auto& missing : looks) {
    if (confirmed.contains(missing)) hole_looked_at_ = missing;
    if (const auto looked = LookInto(missing, options); !looked.ok()) return looked;
  }
  return base::Done{};
}

base::Status WalListing::LookInto(const wal::Segment& missing, const PassOptions& options) {
  const auto deadline = base::Deadline::After(clock_.Steady(), options.request_within);
  const auto found = Find(missing, deadline);
  if (!found.ok() && found.error().kind != base::ErrorKind::kNotFound) return found.error();
  if (!found.ok()) {
    inventory_.confirmed_missing.try_emplace(missing, clock_.Wall());
    return base::Done{};
  }
  inventory_.confirmed_missing.erase(missing);
  // What fills the hole may go on behind it.
  const auto page = store_->List({PrefixOf(missing.timeline), false, KeyOf(missing)}, {}, deadline);
  if (!page.ok()) return page.error();
  std::optional<Sighting> current;
  const auto& objects = page->objects;
  const auto count = page->next.empty() || objects.empty() ? objects.size() : WithoutTheLast(objects);
  for (std::size_t i = 0; i < count; ++i) Take(objects[i], current);
  if (current) Settle(*current);
  return base::Done{};
}

// ---- histories
// -------------------------------------------------------------------------------------------------------

// Those that are new, and some of all others: an archive whose history file was deleted cannot be followed, and one
// that is not there may have been uploaded late.
base::Status WalListing::ReadHistories(const PassOptions& options) {
  std::set<std::uint32_t> fresh, others;
  for (const auto timeline : inventory_.stored.Timelines()) others.insert(timeline);
  for (const auto& [timeline, file] : inventory_.histories) {
    const auto read = histories_read_.find(timeline);
    (read == histories_read_.end() || read->second != file.stored ? fresh : others).insert(timeline);
    if (!file.history) continue;
    for (const auto& left : file.history->switches) others.insert(left.parent);
  }
  for (const auto timeline : fresh) {
    if (const auto done = ReadHistory(timeline, options); !done.ok()) return done;
  }
  std::erase_if(others, [&](std::uint32_t timeline) { return timeline <= 1 || fresh.contains(timeline); });
  std::vector<std::uint32_t> looks(others.begin(), others.end());
  std::rotate(looks.begin(), std::upper_bound(looks.begin(), looks.end(), history_looked_at_), looks.end());
  if (looks.size() > kMostLooks) looks.resize(kMostLooks);
  for (const auto timeline : looks) {
    history_looked_at_ = timeline;
    if (const auto done = ReadHistory(timeline, options); !done.ok()) return done;
  }
  return base::Done{};
}

base::Status WalListing::ReadHistory(std::uint32_t timeline, const PassOptions& options) {
  const auto deadline = base::Deadline::After(clock_.Steady(), options.request_within);
  const auto page = store_->List({layout_.root + wal::HistoryName(timeline), false, {}}, {}, deadline);
  if (!page.ok()) return page.error();
  std::optional<Object> newest;  // it may lie there twice, compressed and not
  for (const auto& object : page->objects) {
    const auto name = Parse(object);
    if (!name || name->kind != wal::FileKind::kHistory) continue;
    if (!newest || object.modified > newest->modified) newest = object;
  }
  const auto read = histories_read_.find(timeline);
  if (newest && read != histories_read_.end() && read->second == newest->modified) {
    inventory_.histories[timeline].stored = newest->modified;
    return base::Done{};
  }
  histories_read_.erase(timeline);
  auto plain = newest ? Plain(*newest, kHistoryAtMost, deadline) : base::Error{base::ErrorKind::kNotFound, {}, {}, {}};
  if (!plain.ok() && plain.error().kind == base::ErrorKind::kNotFound) {
    inventory_.histories.erase(timeline);
    return base::Done{};
  }
  if (!plain.ok() && !IsOfTheObject(plain.error())) return plain.error();
  auto& file = inventory_.histories[timeline];
  file = {{}, {}, newest->modified};
  // Whom the store denies it today may be let in tomorrow.
  if (plain.ok() || plain.error().kind != base::ErrorKind::kPermission) histories_read_[timeline] = newest->modified;
  const auto history = plain.ok() ? wal::ParseHistory(*plain, timeline) : plain.error();
  if (history.ok())
    file.history = *history;
  else
    file.error = history.error();
  return base::Done{};
}

// ---- one segment
// -----------------------------------------------------------------------------------------------------

base::Result<Object> WalListing::Find(const wal::Segment& segment, base::Deadline deadline) {
  const auto no = [&](std::string where) {
    return base::Error{base::ErrorKind::kNotFound, "no such segment in the archive", std::move(where), {}};
  };
  if (!inventory_.segment_size) return no(store_->Name());
  const auto key = KeyOf(segment);
  const auto page = store_->List({key, false, {}}, {}, deadline);
  if (!page.ok()) return page.error();
  std::optional<Sighting> best;
  for (const auto& object : page->objects) Take(object, best);
  if (best) Settle(*best);
  if (best && best->state == Sighting::State::kStored) return best->object;
  return no(store_->Name() + "/" + key);
}

base::Result<std::string> WalListing::Read(const wal::Segment& segment, base::SteadyTime::duration within) {
  const auto deadline = base::Deadline::After(clock_.Steady(), within);
  const auto object = Find(segment, deadline);
  if (!object.ok()) return object.error();
  return Plain(*object, inventory_.segment_size->bytes(), deadline);
}

// Decrypted and uncompressed.
base::Result<std::string> WalListing::Plain(const Object& object, std::uint64_t most, base::Deadline deadline) {
  auto bytes = store_->Get(object.key, {}, kSegmentAtMost, deadline);
  if (!bytes.ok()) return bytes.error();
  if (layout_.decrypt) bytes = layout_.decrypt(*std::move(bytes));
  auto plain = bytes.ok() ? Decompress(*bytes, Parse(object)->compression, most) : bytes.error();
  if (plain.ok()) return plain;
  auto error = plain.error();
  error.subject = store_->Name() + "/" + object.key;
  return error;
}

// ---- names
// -----------------------------------------------------------------------------------------------------------

std::string WalListing::KeyOf(const wal::Segment& segment) const {
  const auto name = wal::FileName(segment, *inventory_.segment_size);
  return layout_.root + (layout_.folders ? name.substr(0, 16) + "/" : std::string()) + name;
}

std::string WalListing::PrefixOf(std::uint32_t timeline) const {
  return layout_.root + wal::HistoryName(timeline).substr(0, 8);
}

std::optional<wal::ArchiveFile> WalListing::Parse(const Object& object) const {
  return layout_.parse(NameIn(object.key));
}

std::optional<wal::Segment> WalListing::SegmentOf(const Object& object) const {
  const auto name = Parse(object);
  if (!name || name->kind == wal::FileKind::kHistory) return std::nullopt;
  return wal::Resolve(name->segment, *inventory_.segment_size);
}

}  // namespace pgvigil::archive

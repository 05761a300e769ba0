#include "failover/journal.h"

#include <algorithm>

#include "base/text.h"

namespace pgvigil::failover {
namespace {

using base::Log;
using base::LogLevel;
using cluster::FailoverEvent;
using cluster::FailoverKind;

constexpr std::size_t kEventsAtMost = 200;  // of one cluster
constexpr auto kRetryAfter = std::chrono::seconds(10);
constexpr auto kPositionEvery = std::chrono::seconds(60);
constexpr std::uint64_t kRotateFrom = 1 << 20;

std::size_t Index(FailoverKind kind) { return static_cast<std::size_t>(kind); }

// Whether the file should hear of it before its next turn. That time passed and the position moved can wait.
bool IsNews(const std::optional<PrimarySeen>& written, const PrimarySeen& seen) {
  return !written || written->instance != seen.instance || written->system_identifier != seen.system_identifier ||
         written->timeline != seen.timeline || written->postmaster_start != seen.postmaster_start ||
         written->missed != seen.missed || written->shut_down != seen.shut_down;
}

// The oldest that is not the last of its kind.
std::size_t Expendable(const std::vector<FailoverEvent>& events) {
  for (std::size_t i = 0; i < events.size(); ++i) {
    const auto same = [&](const FailoverEvent& later) { return later.kind == events[i].kind; };
    if (std::any_of(events.begin() + static_cast<std::ptrdiff_t>(i) + 1, events.end(), same)) return i;
  }
  return 0;
}

}  // namespace

const FailoverEvent* FailoverHistory::Last(FailoverKind kind) const {
  const auto found =
      std::find_if(events.rbegin(), events.rend(), [&](const FailoverEvent& event) { return event.kind == kind; });
  return found == events.rend() ? nullptr : &*found;
}

Journal::Journal(std::string path, const base::Clock& clock, std::function<void(bool)> kept)
    : path_(std::move(path)), clock_(clock), kept_(std::move(kept)), read_(path_.empty()) {
  if (path_.empty()) {
    Log(LogLevel::kInfo, "events are remembered only as long as this process lives: no journal is configured");
    return;
  }
  {
    std::unique_lock lock(mutex_);
    last_ = Open(lock);
  }
  Say(last_);
  writer_ = std::thread([this] { Run(); });
}

Journal::~Journal() {
  if (!writer_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    TakePositions();
  }
  wake_.notify_one();
  writer_.join();
}

std::shared_ptr<const FailoverHistory> Journal::History(const cluster::ClusterName& cluster) const {
  const std::lock_guard lock(mutex_);
  const auto found = clusters_.find(cluster);
  if (found != clusters_.end()) return found->second.history;
  FailoverHistory none;
  none.whole = read_;
  return std::make_shared<const FailoverHistory>(std::move(none));
}

std::optional<PrimarySeen> Journal::Primary(const cluster::ClusterName& cluster) const {
  const std::lock_guard lock(mutex_);
  const auto found = clusters_.find(cluster);
  return found == clusters_.end() ? std::nullopt : found->second.primary;
}

void Journal::Take(const cluster::ClusterName& cluster, Told told) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    auto& of = clusters_[cluster];
    if (read_ && !of.history->whole) SetWhole();
    for (auto& event : told.events) {
      const auto line = Format({cluster, event});
      if (!Tell(of, std::move(event))) continue;
      pending_ += line + "\n";
      wake = true;
    }
    of.primary = std::move(told.primary);
    if (of.primary && IsNews(of.written, *of.primary)) {
      of.written = of.primary;
      pending_ += Format({cluster, *of.primary}) + "\n";
      wake = true;
    }
    if (path_.empty()) pending_.clear();
    BoundPending();
  }
  if (wake) wake_.notify_one();
}

base::Status Journal::Flush() {
  std::unique_lock lock(mutex_);
  if (path_.empty()) return base::Done{};
  const auto wanted = begun_ + 1;
  flush_ = true;
  wake_.notify_one();
  done_.wait(lock, [&] { return over_ >= wanted; });
  return last_;
}

// With the lock: adds an event that is not there yet.
bool Journal::Tell(Of& of, FailoverEvent event) {
  if (!of.identities.insert(event.identity).second) return false;
  FailoverHistory history = *of.history;
  ++history.counts[Index(event.kind)];
  history.events.push_back(std::move(event));
  if (history.events.size() > kEventsAtMost) {
    const auto least = history.events.begin() + static_cast<std::ptrdiff_t>(Expendable(history.events));
    ++of.former[Index(least->kind)];
    of.identities.erase(least->identity);
    history.events.erase(least);
  }
  of.history = std::make_shared<const FailoverHistory>(std::move(history));
  return true;
}

// With the lock: what was read is in the histories now.
void Journal::SetWhole() {
  for (auto& [cluster, of] : clusters_) {
    if (of.history->whole) continue;
    FailoverHistory history = *of.history;
    history.whole = true;
    of.history = std::make_shared<const FailoverHistory>(std::move(history));
  }
}

// With the lock: where each primary was last seen.
void Journal::TakePositions() {
  for (auto& [cluster, of] : clusters_) {
    if (!of.primary || of.primary == of.written) continue;
    of.written = of.primary;
    pending_ += Format({cluster, *of.primary}) + "\n";
  }
}

// -- the writer

void Journal::Run() {
  std::unique_lock lock(mutex_);
  auto next_positions = clock_.Steady() + kPositionEvery;
  for (;;) {
    // After a failure nothing but time, a Flush or the end makes another attempt worth it.
    const auto wanted = [this] { return stop_ || flush_ || (last_.ok() && !pending_.empty()); };
    wake_.wait_for(lock, last_.ok() ? kPositionEvery : kRetryAfter, wanted);
    if (clock_.Steady() >= next_positions) {
      TakePositions();
      next_positions = clock_.Steady() + kPositionEvery;
    }
    flush_ = false;
    const bool last = stop_;
    ++begun_;
    last_ = WriteOnce(lock);
    const auto status = last_;
    lock.unlock();
    Say(status);
    lock.lock();
    over_ = begun_;
    done_.notify_all();
    if (last) return;
  }
}

base::Status Journal::WriteOnce(std::unique_lock<std::mutex>& lock) {
  if (!file_ || file_->read_only()) {
    if (auto opened = Open(lock); !opened.ok()) return opened;
  }
  if (anew_ || file_->size() + pending_.size() > rotate_at_) return WriteAnew(lock);
  const std::string lines = std::exchange(pending_, {});
  lock.unlock();
  // Deleted or moved away: what is appended to it would be gone.
  const bool in_place = file_->InPlace();
  auto written = in_place && !lines.empty() ? file_->Append(lines) : base::Status(base::Done{});
  lock.lock();
  if (!in_place) return WriteAnew(lock);
  if (!written.ok()) pending_ = lines + pending_;
  return written;
}

// With the lock. A disk may stay full for days: what memory holds anyway is then written anew.
void Journal::BoundPending() {
  if (pending_.size() <= kRotateFrom) return;
  pending_.clear();
  anew_ = true;
}

base::Status Journal::WriteAnew(std::unique_lock<std::mutex>& lock) {
  const std::string lines = Everything();
  pending_.clear();
  anew_ = false;  // set again by what outgrows memory meanwhile
  lock.unlock();
  auto written = file_->Replace(lines);
  lock.lock();
  anew_ |= !written.ok();
  if (written.ok()) rotate_at_ = std::max<std::uint64_t>(kRotateFrom, 2 * lines.size());
  return written;
}

base::Status Journal::Open(std::unique_lock<std::mutex>& lock) {
  lock.unlock();
  auto opened = JournalFile::Open(path_);
  lock.lock();
  if (!opened.ok()) return opened.error();
  auto journal = std::move(opened).Take();
  if (journal.torn_bytes > 0) {
    Log(LogLevel::kWarn, "the journal's last line was not whole and was cut off",
        {{"path", path_}, {"bytes", journal.torn_bytes}});
  }
  anew_ = anew_ || file_;  // it was read-only: what happened meanwhile is in memory alone
  file_ = std::move(journal.file);
  rotate_at_ = std::max<std::uint64_t>(kRotateFrom, 2 * file_->size());
  if (!std::exchange(read_, true)) {
    Learn(journal.text);
    SetWhole();
  }
  return file_->read_only() ? base::Status(*file_->read_only()) : base::Status(base::Done{});
}

// With the lock: what earlier processes told, before what this one did.
void Journal::Learn(const std::string& text) {
  auto told = std::exchange(clusters_, {});
  std::size_t number = 0;
  for (const auto line : base::Split(text, '\n')) {
    ++number;
    if (line.empty()) continue;
    if (auto said = ParseJournalLine(line); said.ok()) {
      LearnLine(std::move(said).Take());
    } else {
      const base::Error error{said.error().kind, said.error().message, path_ + ":" + std::to_string(number), {}};
      Log(LogLevel::kError, "a line of the journal cannot be read and is left out", error);
    }
  }
  for (auto& [cluster, of] : told) {
    auto& known = clusters_[cluster];
    for (const auto& event : of.history->events) Tell(known, event);
    if (of.primary) known.primary = of.primary;
    known.written = of.written;
  }
}

void Journal::LearnLine(JournalLine line) {
  auto& of = clusters_[line.cluster];
  if (auto* event = std::get_if<FailoverEvent>(&line.says)) {
    Tell(of, std::move(*event));
  } else if (auto* seen = std::get_if<PrimarySeen>(&line.says)) {
    of.written = of.primary = std::move(*seen);
  } else {
    FailoverHistory history = *of.history;
    const auto& former = std::get<Former>(line.says).counts;
    for (std::size_t i = 0; i < former.size(); ++i) {
      history.counts[i] += former[i];
      of.former[i] += former[i];
    }
    of.history = std::make_shared<const FailoverHistory>(std::move(history));
  }
}

// With the lock: the shortest file that says the same.
std::string Journal::Everything() const {
  std::string lines;
  for (const auto& [cluster, of] : clusters_) {
    if (of.former != Counts{}) lines += Format({cluster, Former{of.former}}) + "\n";
    for (const auto& event : of.history->events) lines += Format({cluster, event}) + "\n";
    if (of.primary) lines += Format({cluster, *of.primary}) + "\n";
  }
  return lines;
}

void Journal::Say(const base::Status& status) {
  kept_(status.ok());
  if (status.ok()) return throttle_.Forget("journal");
  if (const auto held_back = throttle_.Admit("journal", clock_.Steady())) {
    Log(LogLevel::kError, "the journal is not written: what happens now is forgotten with this process", status.error(),
        {{"repeated", *held_back}});
  }
}

}  // namespace pgvigil::failover

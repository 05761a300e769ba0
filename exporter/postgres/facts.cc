#include "postgres/facts.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <utility>
#include <vector>

#include "base/text.h"
#include "postgres/facts_sql.h"

namespace pgvigil::postgres {
namespace {

using cluster::InstanceFacts;
using cluster::InstanceSettings;

// One row, read by column name: a statement and its reader cannot drift apart unnoticed.
class RowReader {
 public:
  void SetColumns(std::span<const ResultColumn> columns) {
    for (std::size_t i = 0; i < columns.size(); ++i) columns_.emplace(columns[i].name, i);
  }
  void SetRow(const Rows& rows) {
    for (const auto& [name, column] : columns_) {
      if (const auto text = rows.text(0, column)) values_.emplace(name, *text);
    }
  }

  bool empty() const { return values_.empty(); }
  std::optional<std::string_view> Find(std::string_view name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::nullopt : std::optional<std::string_view>(found->second);
  }
  std::string Text(std::string_view name) const { return std::string(Find(name).value_or("")); }
  bool True(std::string_view name) const { return Find(name) == "t"; }
  template <typename Integer>
  std::optional<Integer> Number(std::string_view name) const {
    const auto text = Find(name);
    return text ? base::ParseInteger<Integer>(*text) : std::nullopt;
  }
  std::optional<wal::Lsn> Lsn(std::string_view name) const { return ToLsn(Find(name).value_or("")); }
  std::optional<base::WallTime> Time(std::string_view name) const { return ToTime(Find(name).value_or("")); }

  static std::optional<wal::Lsn> ToLsn(std::string_view text) {
    const auto lsn = wal::ParseLsn(text);
    return lsn.ok() ? std::optional(*lsn) : std::nullopt;
  }
  // Microseconds since the epoch.
  static std::optional<base::WallTime> ToTime(std::string_view text) {
    const auto microseconds = base::ParseInteger<std::int64_t>(text);
    if (!microseconds) return std::nullopt;
    return base::WallTime(std::chrono::microseconds(*microseconds));
  }

 private:
  std::map<std::string, std::size_t> columns_;
  std::map<std::string, std::string, std::less<>> values_;
};

// Rows within a value: records behind RS, fields behind US, as the statement joins them.
std::vector<std::vector<std::string_view>> Records(std::string_view text) {
  std::vector<std::vector<std::string_view>> records;
  if (text.empty()) return records;
  for (const auto record : base::Split(text, '\x1e')) records.push_back(base::Split(record, '\x1f'));
  return records;
}

void ReadWalsenders(std::string_view text, const std::vector<cluster::Walsender>& known, InstanceFacts& facts) {
  constexpr std::size_t kFields = 8;
  for (const auto& fields : Records(text)) {
    if (fields.size() != kFields) continue;
    const auto pid = base::ParseInteger<std::int32_t>(fields[0]).value_or(0);
    const auto before = std::find_if(known.begin(), known.end(), [&](const auto& sender) { return sender.pid == pid; });
    auto& sender = facts.walsenders.emplace_back();
    if (before != known.end()) sender = *before;
    sender.pid = pid;
    if (before == known.end()) {
      sender.application_name = fields[1];
      sender.client_address = fields[2];
    }
    sender.state = fields[3];
    sender.sync_state = fields[4];
    sender.slot_name.clear();
    sender.sent = RowReader::ToLsn(fields[5]);
    sender.flushed = RowReader::ToLsn(fields[6]);
    sender.replayed = RowReader::ToLsn(fields[7]);
  }
}

// After the walsenders: each learns here which slot it holds.
void ReadSlots(std::string_view text, InstanceFacts& facts) {
  constexpr std::size_t kFields = 4;
  for (const auto& fields : Records(text)) {
    if (fields.size() != kFields) continue;
    const auto holder = base::ParseInteger<std::int32_t>(fields[1]);
    facts.slots.push_back(
        {std::string(fields[0]), holder.has_value(), fields[2] == "physical", RowReader::ToLsn(fields[3])});
    for (auto& walsender : facts.walsenders) {
      if (holder && walsender.pid == *holder) walsender.slot_name = fields[0];
    }
  }
}

void ReadReceiver(const RowReader& row, InstanceFacts& facts) {
  if (!row.Find("receiver_status")) return;
  cluster::WalReceiver receiver;
  receiver.status = row.Text("receiver_status");
  receiver.received_timeline = row.Number<std::uint32_t>("received_tli");
  receiver.flushed = row.Lsn("receiver_flushed");
  receiver.last_message_received = row.Time("receiver_last_message");
  receiver.sender_host = row.Text("sender_host");
  receiver.sender_port = row.Number<std::int32_t>("sender_port");
  receiver.slot_name = row.Text("receiver_slot");
  facts.receiver = std::move(receiver);
}

void ReadTimeline(const RowReader& row, InstanceFacts& facts) {
  if (facts.role == cluster::Role::kPrimary) {
    std::uint32_t timeline = 0;
    const auto digits = row.Text("walfile").substr(0, 8);
    if (digits.size() == 8) timeline = static_cast<std::uint32_t>(std::strtoul(digits.c_str(), nullptr, 16));
    if (timeline > 0) facts.timeline = timeline;
    return;
  }
  facts.timeline = row.Number<std::uint32_t>("received_tli");
  if (facts.timeline) return;
  facts.timeline = row.Number<std::uint32_t>("control_tli");
  facts.timeline_at_least = facts.timeline.has_value();
}

cluster::PauseState ReadPause(std::string_view text) {
  if (text == "paused" || text == "t") return cluster::PauseState::kPaused;
  if (text == "pause requested") return cluster::PauseState::kPauseRequested;
  return cluster::PauseState::kNotPaused;
}

base::Result<InstanceFacts> ReadFacts(const RowReader& row, int version, const KnownFacts& known) {
  InstanceFacts facts;
  const auto server_time = row.Time("server_time");
  const auto start = row.Time("postmaster_start");
  if (!server_time || !start || !row.Find("in_recovery")) {
    return base::Error{base::ErrorKind::kMalformed, "the facts statement returned no usable row", {}, {}};
  }
  facts.version = version;
  facts.role = row.True("in_recovery") ? cluster::Role::kStandby : cluster::Role::kPrimary;
  facts.server_time = *server_time;
  facts.postmaster_start = *start;
  facts.system_identifier = row.Text("system_identifier");
  facts.flushed = row.Lsn("flushed");
  facts.received_lsn = row.Lsn("received");
  facts.replayed = row.Lsn("replayed");
  facts.next_xid = row.Number<std::uint64_t>("next_xid").value_or(0);
  facts.last_replayed_commit = row.Time("last_replayed_commit");
  facts.pause = ReadPause(row.Find("pause").value_or(""));
  ReadReceiver(row, facts);
  ReadTimeline(row, facts);
  ReadWalsenders(row.Find("walsenders").value_or(""), known.walsenders, facts);
  ReadSlots(row.Find("slots").value_or(""), facts);
  facts.archiver = {row.Number<std::uint64_t>("archived_count").value_or(0),
                    row.Number<std::uint64_t>("failed_count").value_or(0),
                    row.Text("last_archived_wal"),
                    row.Time("last_archived_time"),
                    row.Text("last_failed_wal"),
                    row.Time("last_failed_time")};
  facts.synchronous_standby_names = row.Text("synchronous_standby_names");
  facts.synchronous_commit = row.Text("synchronous_commit");
  facts.sync_rep_waiters = row.Number<std::int32_t>("sync_rep_waiters").value_or(0);
  return facts;
}

// What is known, with what the pulse says. The same server that is still the primary is on the same timeline: a new one
// begins with a promotion, and only a restart makes a standby of a primary.
base::Result<InstanceFacts> ReadPulse(const RowReader& row, const InstanceFacts& known) {
  const auto server_time = row.Time("server_time");
  if (!server_time)
    return base::Error{base::ErrorKind::kMalformed, "the pulse statement returned no usable row", {}, {}};
  if (row.True("in_recovery") || row.Time("postmaster_start") != known.postmaster_start) {
    return base::Error{base::ErrorKind::kUnavailable, "it is not the primary any more that it was", {}, {}};
  }
  auto facts = known;
  facts.server_time = *server_time;
  facts.flushed = row.Lsn("flushed");
  facts.next_xid = row.Number<std::uint64_t>("next_xid").value_or(0);
  return facts;
}

base::Result<InstanceSettings> ReadSettings(const RowReader& row) {
  InstanceSettings settings;
  settings.version_text = row.Text("server_version");
  const auto segment_size = row.Number<std::uint64_t>("wal_segment_size");
  if (!segment_size)
    return base::Error{
        base::ErrorKind::kPermission, "pg_settings cannot be read: grant pg_monitor to the role", {}, {}};
  settings.wal_segment_size = *segment_size;
  settings.archive_mode = row.Text("archive_mode");
  settings.archive_command_set = row.True("archives");
  settings.archive_timeout = std::chrono::seconds(row.Number<std::int64_t>("archive_timeout").value_or(0));
  settings.restore_command_set = row.True("restores");
  settings.recovery_min_apply_delay =
      std::chrono::milliseconds(row.Number<std::int64_t>("recovery_min_apply_delay").value_or(0));
  settings.checkpoint_timeout = std::chrono::seconds(row.Number<std::int64_t>("checkpoint_timeout").value_or(0));
  settings.cluster_name = row.Text("cluster_name");
  settings.primary_slot_name = row.Text("primary_slot_name");
  settings.max_connections = row.Number<std::int32_t>("max_connections").value_or(0);
  settings.checkpoint_timeline = row.Number<std::uint32_t>("checkpoint_tli").value_or(0);
  settings.checkpoint = row.Lsn("checkpoint_lsn").value_or(wal::Lsn{});
  settings.min_recovery_end_timeline = row.Number<std::uint32_t>("min_recovery_end_tli").value_or(0);
  return settings;
}

const base::Error kNotAsked{base::ErrorKind::kInternal, "not answered yet", {}, {}};

// The row of a statement as it arrives, and the facts in it with the times of their asking.
struct Reading {
  explicit Reading(const base::Clock& with) : clock(with), sent(with.Steady()) {}

  void Take(const base::Result<InstanceFacts>& read) {
    facts = read;
    if (!read.ok()) return;
    auto stamped = *read;
    stamped.sent = sent;
    stamped.received = clock.Steady();
    stamped.observed = clock.Wall();
    facts = std::move(stamped);
  }

  const base::Clock& clock;
  const base::SteadyTime sent;
  RowReader row;
  base::Result<InstanceFacts> facts = kNotAsked;
};

}  // namespace

Execution FactsExecution(int version, const KnownFacts& known, std::shared_ptr<ResultSink> sink) {
  auto sql = FactsSql(version);
  auto name = "pgv_facts_" + base::ContentHash(sql);
  std::string pids = "{";
  for (const auto& sender : known.walsenders) pids += (pids.size() > 1 ? "," : "") + std::to_string(sender.pid);
  return {std::move(name), std::move(sql), {pids + "}", known.system_identifier}, std::nullopt, std::move(sink)};
}

Execution PulseExecution(std::shared_ptr<ResultSink> sink) {
  return {"pgv_pulse", PulseSql(), {}, std::nullopt, std::move(sink)};
}

Execution SettingsExecution(int version, std::shared_ptr<ResultSink> sink) {
  auto sql = SettingsSql(version);
  auto name = "pgv_settings_" + base::ContentHash(sql);
  return {std::move(name), std::move(sql), {}, std::nullopt, std::move(sink)};
}

struct FactsSink::Impl {
  int version;
  KnownFacts known;
  Reading reading;
};

FactsSink::FactsSink(int version, const base::Clock& clock, KnownFacts known)
    : impl_(std::make_unique<Impl>(Impl{version, std::move(known), Reading(clock)})) {}
FactsSink::~FactsSink() = default;
void FactsSink::OnColumns(std::span<const ResultColumn> columns) { impl_->reading.row.SetColumns(columns); }
void FactsSink::OnRows(const Rows& rows) { impl_->reading.row.SetRow(rows); }
void FactsSink::OnDone(const Outcome& outcome) {
  impl_->reading.Take(outcome.error ? base::Result<InstanceFacts>(*outcome.error)
                                    : ReadFacts(impl_->reading.row, impl_->version, impl_->known));
}
const base::Result<InstanceFacts>& FactsSink::facts() const { return impl_->reading.facts; }

struct PulseSink::Impl {
  std::shared_ptr<const InstanceFacts> known;
  Reading reading;
};

PulseSink::PulseSink(const base::Clock& clock, std::shared_ptr<const InstanceFacts> known)
    : impl_(std::make_unique<Impl>(Impl{std::move(known), Reading(clock)})) {}
PulseSink::~PulseSink() = default;
void PulseSink::OnColumns(std::span<const ResultColumn> columns) { impl_->reading.row.SetColumns(columns); }
void PulseSink::OnRows(const Rows& rows) { impl_->reading.row.SetRow(rows); }
void PulseSink::OnDone(const Outcome& outcome) {
  impl_->reading.Take(outcome.error ? base::Result<InstanceFacts>(*outcome.error)
                                    : ReadPulse(impl_->reading.row, *impl_->known));
}
const base::Result<InstanceFacts>& PulseSink::facts() const { return impl_->reading.facts; }

struct SettingsSink::Impl {
  RowReader row;
  base::Result<InstanceSettings> settings = kNotAsked;
};

SettingsSink::SettingsSink() : impl_(std::make_unique<Impl>()) {}
SettingsSink::~SettingsSink() = default;
void SettingsSink::OnColumns(std::span<const ResultColumn> columns) { impl_->row.SetColumns(columns); }
void SettingsSink::OnRows(const Rows& rows) { impl_->row.SetRow(rows); }
void SettingsSink::OnDone(const Outcome& outcome) {
  impl_->settings = outcome.error ? base::Result<InstanceSettings>(*outcome.error) : ReadSettings(impl_->row);
}
const base::Result<InstanceSettings>& SettingsSink::settings() const { return impl_->settings; }

}  // namespace pgvigil::postgres

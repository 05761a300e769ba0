#include "failover/journal_line.h"

#include <limits>
#include <optional>

#include "json/fields.h"

namespace pgvigil::failover {
namespace {

using cluster::FailoverEvent;
using cluster::FailoverKind;
using json::Value;
using std::chrono::microseconds;

base::Error Malformed(const std::string& what) { return {base::ErrorKind::kMalformed, what, {}, {}}; }

// -- writing

void Add(Value& object, const char* key, const std::optional<base::WallTime>& time) {
  if (time) object[key] = time->time_since_epoch().count();
}
void Add(Value& object, const char* key, const std::optional<microseconds>& span) {
  if (span) object[key] = span->count();
}

Value Written(const FailoverEvent& event) {
  Value object{{"kind", cluster::Name(event.kind)},
               {"identity", event.identity},
               {"from", event.from},
               {"to", event.to},
               {"timeline", event.timeline}};
  if (event.switch_lsn) object["switch_lsn"] = wal::Format(*event.switch_lsn);
  Add(object, "last_good_us", event.last_good);
  Add(object, "serving_us", event.serving);
  Add(object, "outage_us", event.outage);
  if (event.lost_bytes) object["lost_bytes"] = *event.lost_bytes;
  Add(object, "sample_age_us", event.sample_age);
  return object;
}

Value Written(const PrimarySeen& seen) {
  Value object{{"instance", seen.instance},
               {"system_identifier", seen.system_identifier},
               {"timeline", seen.timeline},
               {"flushed", wal::Format(seen.flushed)},
               {"postmaster_start_us", seen.postmaster_start.time_since_epoch().count()},
               {"seen_us", seen.seen.time_since_epoch().count()},
               {"shut_down", seen.shut_down}};
  Add(object, "missed_us", seen.missed);
  return object;
}

Value Written(const Former& former) {
  Value object = Value::object();
  for (std::size_t i = 0; i < former.counts.size(); ++i)
    object[std::string(cluster::Name(cluster::kFailoverKinds[i]))] = former.counts[i];
  return object;
}

constexpr std::array<const char*, 3> kNames = {"event", "primary", "former"};  // as in JournalLine::says

// -- reading

std::optional<std::int64_t> Integer(const Value& value) {
  if (!value.is_number_integer()) return std::nullopt;
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max())
    return std::nullopt;
  return value.get<std::int64_t>();
}

std::optional<base::WallTime> Time(const Value& value) {
  const auto number = Integer(value);
  return number ? std::optional(base::WallTime(microseconds(*number))) : std::nullopt;
}

std::optional<microseconds> Span(const Value& value) {
  const auto number = Integer(value);
  return number ? std::optional(microseconds(*number)) : std::nullopt;
}

std::optional<wal::Lsn> Position(const Value& value) {
  const auto lsn = wal::ParseLsn(json::TextOf(value));
  return lsn.ok() ? std::optional(*lsn) : std::nullopt;
}

std::optional<std::uint32_t> Timeline(const Value& value) {
  const auto number = json::NumberOf(value);
  if (!number || *number == 0 || *number > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

std::optional<FailoverKind> Kind(const Value& value) {
  for (const auto kind : cluster::kFailoverKinds) {
    if (cluster::Name(kind) == json::TextOf(value)) return kind;
  }
  return std::nullopt;
}

base::Result<FailoverEvent> ReadEvent(const Value& object) {
  const auto kind = Kind(json::Member(object, "kind"));
  const auto timeline = Timeline(json::Member(object, "timeline"));
  FailoverEvent event;
  event.identity = json::TextOf(json::Member(object, "identity"));
  if (!kind) return Malformed("expected a known \"kind\" of event");
  if (event.identity.empty()) return Malformed("expected an \"identity\" of the event");
  if (!timeline) return Malformed("expected the event's \"timeline\", from 1 on");
  event.kind = *kind;
  event.timeline = *timeline;
  event.from = json::TextOf(json::Member(object, "from"));
  event.to = json::TextOf(json::Member(object, "to"));
  event.switch_lsn = Position(json::Member(object, "switch_lsn"));
  event.last_good = Time(json::Member(object, "last_good_us"));
  event.serving = Time(json::Member(object, "serving_us"));
  event.outage = Span(json::Member(object, "outage_us"));
  event.lost_bytes = json::NumberOf(json::Member(object, "lost_bytes"));
  event.sample_age = Span(json::Member(object, "sample_age_us"));
  return event;
}

base::Result<PrimarySeen> ReadPrimary(const Value& object) {
  const auto timeline = Timeline(json::Member(object, "timeline"));
  const auto flushed = Position(json::Member(object, "flushed"));
  const auto started = Time(json::Member(object, "postmaster_start_us"));
  const auto seen_at = Time(json::Member(object, "seen_us"));
  PrimarySeen seen;
  seen.instance = json::TextOf(json::Member(object, "instance"));
  seen.system_identifier = json::TextOf(json::Member(object, "system_identifier"));
  if (seen.instance.empty() || seen.system_identifier.empty() || !timeline || !flushed || !started || !seen_at)
    return Malformed(
        "expected the primary's instance, system_identifier, timeline, flushed, postmaster_start_us, seen_us");
  seen.timeline = *timeline;
  seen.flushed = *flushed;
  seen.postmaster_start = *started;
  seen.seen = *seen_at;
  seen.missed = Time(json::Member(object, "missed_us"));
  seen.shut_down = json::IsTrue(json::Member(object, "shut_down"));
  return seen;
}

base::Result<Former> ReadFormer(const Value& object) {
  Former former;
  if (!object.is_object()) return Malformed("expected the numbers of former events by kind");
  for (std::size_t i = 0; i < former.counts.size(); ++i) {
    const std::string name(cluster::Name(cluster::kFailoverKinds[i]));
    former.counts[i] = json::NumberOf(json::Member(object, name.c_str())).value_or(0);
  }
  return former;
}

template <typename Said>
base::Result<JournalLine> LineOf(cluster::ClusterName cluster, base::Result<Said> said) {
  if (!said.ok()) return said.error();
  return JournalLine{std::move(cluster), *std::move(said)};
}

}  // namespace

std::string Format(const JournalLine& line) {
  nlohmann::ordered_json object;
  if (!line.cluster.space.empty()) object["namespace"] = line.cluster.space;
  object["cluster"] = line.cluster.name;
  object[kNames[line.says.index()]] = std::visit([](const auto& said) { return Written(said); }, line.says);
  return object.dump(-1, ' ', false, Value::error_handler_t::replace);
}

base::Result<JournalLine> ParseJournalLine(std::string_view text) {
  const auto object = json::Parse(text);
  if (!object || !object->is_object()) return Malformed("expected a JSON object");
  cluster::ClusterName cluster{json::TextOf(json::Member(*object, "namespace")),
                               json::TextOf(json::Member(*object, "cluster"))};
  if (cluster.name.empty()) return Malformed("expected the name of a \"cluster\"");
  if (object->contains(kNames[0])) return LineOf(std::move(cluster), ReadEvent((*object)[kNames[0]]));
  if (object->contains(kNames[1])) return LineOf(std::move(cluster), ReadPrimary((*object)[kNames[1]]));
  if (object->contains(kNames[2])) return LineOf(std::move(cluster), ReadFormer((*object)[kNames[2]]));
  return Malformed("expected an \"event\", a \"primary\" or \"former\" counts");
}

}  // namespace pgvigil::failover

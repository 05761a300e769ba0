// The last day's failovers, restarts and crashes of primaries, a sentence each: what the journal remembers.
#include <algorithm>
#include <chrono>

#include "web/status.h"
#include "web/words.h"

namespace pgvigil::web {
namespace {

using cluster::FailoverEvent;
using cluster::FailoverKind;

constexpr auto kLately = std::chrono::hours(24);
constexpr std::size_t kTold = 10;  // the rest is counted

// ", at least 24.0 KiB lost (last seen 0.4 s before)"; what is lost beyond the last sample nobody knows.
std::string Lost(const FailoverEvent& event) {
  if (event.kind == FailoverKind::kSwitchover) return ", nothing lost";
  if (event.kind != FailoverKind::kFailover) return {};
  if (!event.lost_bytes) return ", what was lost is not known";
  std::string text = *event.lost_bytes == 0
                         ? ", nothing known to be lost"
                         : ", at least " + SpokenBytes(static_cast<double>(*event.lost_bytes)) + " lost";
  if (event.sample_age) text += " (last seen " + SpokenSeconds(base::Seconds(*event.sample_age)) + " before)";
  return text;
}

std::string Sentence(const FailoverEvent& event) {
  std::string text = event.serving ? SpokenMoment(*event.serving) + " " : std::string();
  if (event.kind == FailoverKind::kUnknown) text += "a promotion that nobody watched: ";
  if (event.kind == FailoverKind::kDesignated) text += "another designated primary: ";
  if (event.kind == FailoverKind::kFailover || event.kind == FailoverKind::kSwitchover)
    text += std::string(Name(event.kind)) + " ";
  if (event.from == event.to) {
    text += std::string(Name(event.kind)) + " of " + event.to;
  } else {
    text += event.from + " → " + event.to;
  }
  const std::string_view back = event.kind == FailoverKind::kDesignated ? ", in place after " : ", writable after ";
  if (event.outage) text += std::string(back) + SpokenSeconds(base::Seconds(*event.outage));
  return text + Lost(event) + ".";
}

Statement StatementOf(const FailoverEvent& event, const cluster::Objectives& objectives) {
  Statement said{Standing::kNote, Sentence(event)};
  if (objectives.rto && event.outage && *event.outage > *objectives.rto)
    said.text += " The objective was " + SpokenSeconds(base::Seconds(*objectives.rto)) + ".";
  if (event.kind == FailoverKind::kFailover && event.lost_bytes.value_or(0) > 0)
    said.next = "Before " + event.from + " is rewound or cloned anew, keep its pg_wal: what was lost is in it.";
  return said;
}

}  // namespace

void SayFailovers(const observe::ClusterView& view, const Moment& now, std::vector<Statement>& says) {
  if (!view.failovers) return;
  const auto& events = view.failovers->events;
  if (!view.failovers->whole) {
    says.push_back({Standing::kUnknown,
                    "What happened before pgvigil was started is not known, because its journal cannot be read.",
                    "pgvigil's log says why."});
  }
  std::size_t lately = 0;
  for (auto event = events.rbegin(); event != events.rend(); ++event) {
    if (!event->serving || now.wall - *event->serving >= kLately) continue;
    if (++lately <= kTold) says.push_back(StatementOf(*event, view.state.objectives));
  }
  if (lately > kTold) {
    says.push_back({Standing::kNote, "Before these, " + Counted(lately - kTold, "more event") + " in the last 24 h."});
  } else if (lately == 0 && view.failovers->whole) {
    says.push_back({Standing::kNote, "pgvigil knows of no failover, restart or crash of a primary in the last 24 h."});
  }
}

}  // namespace pgvigil::web

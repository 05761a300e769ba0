// The four questions of a person on call, answered for one cluster in sentences, each with its evidence and how old
// that is. What is not known is said to be not known, with the reason. Rendered as JSON (web/status_json.h), as HTML
// (web/status_html.h), and from the JSON as text by `pgvigil status`. Pure: no I/O, no clock, waits for nothing.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "observe/view.h"

namespace pgvigil::web {

// From the best to the worst for whoever wants one word: a note says nothing about health. kUnknown is not fine, and
// what is broken for certain is worse.
enum class Standing { kNote, kFine, kUnknown, kBroken };
std::string_view Name(Standing standing);  // "note", "fine", "unknown", "broken"

struct Statement {
  Standing standing = Standing::kNote;
  std::string text;                       // one sentence or two
  std::string next = {};                  // what to do about it, if there is something
  std::vector<std::string> details = {};  // what belongs under it, in lines
};

// A source that was read for an answer.
struct Evidence {
  std::string source;                  // "sql", "objectstore", "pgbackrest"
  std::string name;                    // of the instance or the archive
  std::optional<base::WallTime> read;  // when it last answered, by our clock; absent: never
  std::optional<double> age_seconds;   // since then
  std::string error = {};              // why it does not answer now
};

struct Answer {
  std::string_view question;  // "primary", "loss", "restore", "lately"
  std::string_view asks;      // the question in words
  std::vector<Statement> says;
  std::vector<Evidence> evidence;
};

struct Moment {
  base::SteadyTime steady;
  base::WallTime wall;
};

// What of the published still holds at `now`.
observe::ClusterView HoldsNow(observe::ClusterView view, base::SteadyTime now);

// In the order of the questions. `view`: what holds now.
std::array<Answer, 4> AnswersOf(const observe::ClusterView& view, const Moment& now);

Standing WorstOf(const Answer& answer);
Standing WorstOf(const std::array<Answer, 4>& answers);

// -- the answers one by one

Answer AnswerPrimary(const observe::ClusterView& view, const Moment& now);
Answer AnswerLoss(const observe::ClusterView& view, const Moment& now);
Answer AnswerRestore(const observe::ClusterView& view, const Moment& now);
Answer AnswerLately(const observe::ClusterView& view, const Moment& now);

// What the journal remembers of the last day, the newest first: part of the last of them.
void SayFailovers(const observe::ClusterView& view, const Moment& now, std::vector<Statement>& says);

// -- and what they share

std::vector<Evidence> SqlEvidence(const observe::ClusterView& view, const Moment& now);
std::vector<Evidence> ArchiveEvidence(const observe::ClusterView& view, const Moment& now);

// The servers' clock now, by the primary's last answer, otherwise the newest other one; absent before the first. Times
// that servers wrote are compared with it, never with ours.
std::optional<base::WallTime> ServerNow(const observe::ClusterView& view, const Moment& now);

// What a person would look at first.
std::string_view InstanceRemedy(const cluster::InstanceState& state);
std::string_view ArchiveRemedy(const base::Error& error);

// What is wrong with the reading of an archive, said first wherever it is rested on; absent: it was just read.
std::optional<Statement> ReadingTrouble(const observe::ArchiveReading& reading, bool known, const Moment& now);

}  // namespace pgvigil::web

#include "verdict/replication.h"

#include <gtest/gtest.h>

#include "unit/verdict/scene.h"

namespace pgvigil::verdict {
namespace {

using State = ReplicationState;

TEST(ReceivedPositionTest, IsTheGreatestOfReceiveFlushAndReplay) {
  struct Case {
    const char* description;
    std::optional<std::uint64_t> receive, flush, replay, expected;
  };
  for (const auto& [description, receive, flush, replay, expected] : std::vector<Case>{
           {"streaming", 300, 300, 200, 300},
           {"the receiver has flushed more than the function says", 300, 350, 200, 350},
           {"fed from the archive: receive is NULL", {}, {}, 200, 200},
           {"receive restarted below replay", 100, 100, 200, 200},
           {"receiver gone, its position remains", 300, {}, 200, 300},
           {"nothing known", {}, {}, {}, {}},
       }) {
    const auto lsn = [](std::optional<std::uint64_t> bytes) {
      return bytes ? std::optional(wal::Lsn{*bytes}) : std::nullopt;
    };
    cluster::InstanceFacts facts;
    facts.received_lsn = lsn(receive);
    facts.replayed = lsn(replay);
    if (flush) facts.receiver = cluster::WalReceiver{"streaming", 1, lsn(flush), {}, "", {}, ""};
    EXPECT_EQ(ReceivedPosition(facts), lsn(expected)) << description;
  }
}

cluster::Walsender Sender(const std::string& name, const std::string& slot = {},
                          const std::string& state = "streaming") {
  cluster::Walsender sender;
  sender.application_name = name;
  sender.slot_name = slot;
  sender.state = state;
  return sender;
}

TEST(FindWalsenderTest, GoesByWhatIsCertain) {
  struct Member {
    std::string name, cluster_name, slot;
  };
  struct Case {
    const char* description;
    std::vector<cluster::Walsender> senders;
    std::vector<Member> members;  // the first one's walsender is looked for
    int found;                    // -1: none
  };
  for (const auto& [description, senders, members, found] : std::vector<Case>{
           {"by the slot both name", {Sender("x", "s1"), Sender("x", "s2")}, {{"a", "", "s2"}, {"b", "", "s1"}}, 1},
           {"the slot counts more than a name",
            {Sender("a", "s1"), Sender("b", "s2")},
            {{"a", "", "s2"}, {"b", "", "s1"}},
            1},
           {"by the instance's name", {Sender("b"), Sender("a")}, {{"a", "", ""}, {"b", "", ""}}, 1},
           {"by cluster_name", {Sender("one"), Sender("two")}, {{"a", "two", ""}, {"b", "one", ""}}, 1},
           {"a name on two walsenders says nothing", {Sender("a"), Sender("a")}, {{"a", "", ""}}, -1},
           {"a cluster_name of two members says nothing",
            {Sender("15/main")},
            {{"a", "15/main", ""}, {"b", "15/main", ""}},
            -1},
           {"a name that is another member's cluster_name says nothing",
            {Sender("a")},
            {{"a", "", ""}, {"b", "a", ""}},
            -1},
           {"an empty cluster_name matches nobody", {Sender("")}, {{"a", "", ""}}, -1},
           {"a walsender without a slot is nobody's by slot", {Sender("x", "")}, {{"a", "", ""}}, -1},
           {"pg_basebackup beside it", {Sender("pg_basebackup"), Sender("a")}, {{"a", "", ""}}, 1},
           {"nobody there", {}, {{"a", "", ""}}, -1},
       }) {
    cluster::InstanceFacts upstream;
    upstream.walsenders = senders;
    std::vector<cluster::InstanceState> states;
    for (const auto& member : members) {
      auto server = StandbyAt(0, 0);
      server.facts.receiver->slot_name = member.slot;
      server.settings.cluster_name = member.cluster_name;
      auto& state = states.emplace_back();
      state.name = member.name;
      state.facts = std::make_shared<const cluster::InstanceFacts>(server.facts);
      state.settings = std::make_shared<const cluster::InstanceSettings>(server.settings);
    }
    const auto* expected = found < 0 ? nullptr : &upstream.walsenders[static_cast<std::size_t>(found)];
    EXPECT_EQ(FindWalsender(upstream, states.front(), states), expected) << description;
  }
}

TEST(OffPathTest, IsBeyondTheSwitchOnAnotherTimeline) {
  struct Case {
    const char* description;
    std::uint32_t timeline;
    std::optional<wal::Lsn> position;
    Path path;
    bool off;
  };
  for (const auto& [description, timeline, position, path, off] : std::vector<Case>{
           {"the same timeline", 2, wal::Lsn{900}, {2, wal::Lsn{500}}, false},
           {"an older one, before the switch: just behind", 1, wal::Lsn{400}, {2, wal::Lsn{500}}, false},
           {"an older one, at the switch", 1, wal::Lsn{500}, {2, wal::Lsn{500}}, false},
           {"an older one, beyond the switch", 1, wal::Lsn{501}, {2, wal::Lsn{500}}, true},
           {"an older one, the switch not known", 1, wal::Lsn{501}, {2, {}}, false},
           {"an older one, its position not known", 1, {}, {2, wal::Lsn{500}}, false},
           {"a later one", 3, wal::Lsn{100}, {2, {}}, true},
       }) {
    EXPECT_EQ(OffPath(timeline, position, path), off) << description;
  }
}

TEST(ReplicationStateTest, IsTheFirstThatHolds) {
  struct Case {
    const char* description;
    std::optional<std::string> receiver;   // its status
    std::optional<std::string> walsender;  // its state; absent: unseen
    cluster::PauseState pause = cluster::PauseState::kNotPaused;
    bool diverged = false, restores = false, rises = false;
    State expected = State::kDisconnected;
  };
  using enum cluster::PauseState;
  for (const auto& c : std::vector<Case>{
           {"streaming on both sides", "streaming", "streaming", kNotPaused, false, false, false, State::kStreaming},
           {"streaming, walsender unseen", "streaming", {}, kNotPaused, false, false, false, State::kStreaming},
           {"the walsender is catching up", "streaming", "catchup", kNotPaused, false, false, false,
            State::kCatchingUp},
           {"the walsender starts up", "starting", "startup", kNotPaused, false, false, false, State::kCatchingUp},
           {"waiting is not streaming", "waiting", {}, kNotPaused, false, false, false, State::kDisconnected},
           {"waiting with an archive is not archive recovery",
            "waiting",
            {},
            kNotPaused,
            false,
            true,
            true,
            State::kDisconnected},
           {"the walsender stops", "streaming", "stopping", kNotPaused, false, false, false, State::kDisconnected},
           {"no receiver, restore_command, replay advancing",
            {},
            {},
            kNotPaused,
            false,
            true,
            true,
            State::kArchiveRecovery},
           {"replay does not advance", {}, {}, kNotPaused, false, true, false, State::kDisconnected},
           {"no restore_command", {}, {}, kNotPaused, false, false, true, State::kDisconnected},
           {"no receiver", {}, {}, kNotPaused, false, false, false, State::kDisconnected},
           {"paused while streaming", "streaming", "streaming", kPaused, false, false, false, State::kPaused},
           {"asked to pause", "streaming", "streaming", kPauseRequested, false, false, false, State::kPaused},
           {"paused while disconnected", {}, {}, kPaused, false, true, true, State::kPaused},
           {"diverged, whatever else", "streaming", "streaming", kPaused, true, true, true, State::kDiverged},
       }) {
    auto server = StandbyAt(0, 0);
    server.facts.receiver.reset();
    if (c.receiver) server.facts.receiver = cluster::WalReceiver{*c.receiver, 1, {}, {}, "", {}, ""};
    server.facts.pause = c.pause;
    server.settings.restore_command_set = c.restores;
    cluster::InstanceState standby;
    standby.facts = std::make_shared<const cluster::InstanceFacts>(server.facts);
    standby.settings = std::make_shared<const cluster::InstanceSettings>(server.settings);
    const auto sender = Sender("a", "", c.walsender.value_or(""));
    const ReplicationEvidence evidence{c.walsender ? &sender : nullptr, c.diverged, c.rises};
    EXPECT_EQ(Name(Classify(standby, evidence)), Name(c.expected)) << c.description;
  }
}

TEST(ReplicationStateTest, NamesAreThoseOfTheMetric) {
  std::vector<std::string_view> names;
  for (int i = 0; i < kReplicationStates; ++i) names.push_back(Name(static_cast<State>(i)));
  EXPECT_EQ(names, (std::vector<std::string_view>{"streaming", "catching_up", "archive_recovery", "paused",
                                                  "disconnected", "diverged"}));
}

}  // namespace
}  // namespace pgvigil::verdict

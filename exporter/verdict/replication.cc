#include "verdict/replication.h"

#include <algorithm>

namespace pgvigil::verdict {

std::string_view Name(ReplicationState state) {
  switch (state) {
    case ReplicationState::kStreaming: return "streaming";
    case ReplicationState::kCatchingUp: return "catching_up";
    case ReplicationState::kArchiveRecovery: return "archive_recovery";
    case ReplicationState::kPaused: return "paused";
    case ReplicationState::kDisconnected: return "disconnected";
    case ReplicationState::kDiverged: break;
  }
  return "diverged";
}

std::optional<wal::Lsn> ReceivedPosition(const cluster::InstanceFacts& standby) {
  auto position = std::max(standby.received_lsn, standby.replayed);  // an absent one is less than any
  if (standby.receiver) position = std::max(position, standby.receiver->flushed);
  return position;
}

namespace {

bool GoesBy(const cluster::InstanceState& instance, std::string_view application_name) {
  return application_name == instance.name ||
         (instance.settings && !application_name.empty() && application_name == instance.settings->cluster_name);
}

}  // namespace

const cluster::Walsender* FindWalsender(const cluster::InstanceFacts& upstream, const cluster::InstanceState& standby,
                                        const std::vector<cluster::InstanceState>& members) {
  const auto& receiver = standby.facts->receiver;
  const cluster::Walsender* by_name = nullptr;
  int named = 0;
  for (const auto& sender : upstream.walsenders) {
    if (receiver && !receiver->slot_name.empty() && sender.slot_name == receiver->slot_name) return &sender;
    if (!GoesBy(standby, sender.application_name)) continue;
    by_name = &sender;
    ++named;
  }
  if (named != 1) return nullptr;
  const auto bearers = std::count_if(members.begin(), members.end(), [&](const cluster::InstanceState& member) {
    return GoesBy(member, by_name->application_name);
  });
  return bearers == 1 ? by_name : nullptr;
}

bool OffPath(std::uint32_t timeline, std::optional<wal::Lsn> position, const Path& path) {
  if (timeline == path.timeline) return false;
  if (timeline > path.timeline) return true;
  return path.left && position > path.left;
}

ReplicationState Classify(const cluster::InstanceState& standby, const ReplicationEvidence& evidence) {
  if (evidence.diverged) return ReplicationState::kDiverged;
  if (standby.facts->pause != cluster::PauseState::kNotPaused) return ReplicationState::kPaused;
  const auto& receiver = standby.facts->receiver;
  const auto* sender = evidence.walsender;
  if (receiver && receiver->status == "streaming" && (sender == nullptr || sender->state == "streaming")) {
    return ReplicationState::kStreaming;
  }
  if (receiver && sender != nullptr && (sender->state == "catchup" || sender->state == "startup")) {
    return ReplicationState::kCatchingUp;
  }
  const bool restores = standby.settings && standby.settings->restore_command_set;
  if (!receiver && restores && evidence.replay_rises) return ReplicationState::kArchiveRecovery;
  return ReplicationState::kDisconnected;
}

}  // namespace pgvigil::verdict

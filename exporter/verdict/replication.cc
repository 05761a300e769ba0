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

const cluster::Walsender* FindWalsender(const cluster::InstanceFacts& primary, const cluster::InstanceState& standby) {
  const auto& senders = primary.walsenders;
  const auto& receiver = standby.facts->receiver;
  if (receiver && !receiver->slot_name.empty()) {
    const auto own = std::find_if(senders.begin(), senders.end(),
                                  [&](const auto& sender) { return sender.slot_name == receiver->slot_name; });
    if (own != senders.end()) return &*own;
  }
  const std::string cluster_name = standby.settings ? standby.settings->cluster_name : std::string();
  const auto named = [&](const cluster::Walsender& sender) {
    return sender.application_name == standby.name ||
           (!cluster_name.empty() && sender.application_name == cluster_name);
  };
  if (std::count_if(senders.begin(), senders.end(), named) != 1) return nullptr;
  return &*std::find_if(senders.begin(), senders.end(), named);
}

bool Diverged(const cluster::InstanceFacts& standby, const cluster::InstanceFacts& primary,
              std::optional<wal::Lsn> switch_lsn) {
  if (!standby.timeline || !primary.timeline || *standby.timeline == *primary.timeline) return false;
  if (*standby.timeline > *primary.timeline) return true;
  return switch_lsn && ReceivedPosition(standby) > switch_lsn;
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

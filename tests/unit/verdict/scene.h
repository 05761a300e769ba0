// A cluster in a few words: servers with positions at moments, observed and judged as the observer does it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "verdict/reference.h"
#include "verdict/verdict.h"

namespace pgvigil::verdict {

inline base::SteadyTime At(double second) {
  return base::SteadyTime(std::chrono::hours(1)) +
         std::chrono::duration_cast<base::SteadyTime::duration>(std::chrono::duration<double>(second));
}

// A server's clock, which is not ours.
inline base::WallTime ServerTime(double second) {
  return base::WallTime(std::chrono::hours(500'000)) +
         std::chrono::duration_cast<base::WallTime::duration>(std::chrono::duration<double>(second));
}

constexpr std::uint64_t kMiB = 1 << 20;

// One observation of one server, in the making. Read at `second`.
struct Server {
  cluster::InstanceFacts facts;
  cluster::InstanceSettings settings;
};

inline Server PrimaryAt(double second, std::uint64_t flushed, std::uint64_t next_xid = 100,
                        std::uint32_t timeline = 1) {
  Server server;
  server.facts.received = At(second);
  server.facts.server_time = ServerTime(second);
  server.facts.role = cluster::Role::kPrimary;
  server.facts.timeline = timeline;
  server.facts.flushed = wal::Lsn{flushed};
  server.facts.next_xid = next_xid;
  return server;
}

// Streaming, everything received replayed.
inline Server StandbyAt(double second, std::uint64_t position, std::uint32_t timeline = 1) {
  Server server;
  server.facts.received = At(second);
  server.facts.server_time = ServerTime(second);
  server.facts.role = cluster::Role::kStandby;
  server.facts.timeline = timeline;
  server.facts.received_lsn = wal::Lsn{position};
  server.facts.replayed = wal::Lsn{position};
  server.facts.receiver = cluster::WalReceiver{"streaming", timeline, wal::Lsn{position}, {}, "", {}, ""};
  return server;
}

// As StandbyAt, with its connection gone; only control data tell its timeline.
inline Server CutOffAt(double second, std::uint64_t position, std::uint32_t timeline = 1) {
  auto server = StandbyAt(second, position, timeline);
  server.facts.receiver.reset();
  server.facts.timeline_at_least = true;
  return server;
}

class Scene {
 public:
  explicit Scene(const std::vector<std::string>& instances) {
    for (const auto& name : instances) state.instances.emplace_back().name = name;
  }

  Scene& Sees(const std::string& name, const Server& server) {
    auto& instance = Instance(name);
    instance.facts = std::make_shared<const cluster::InstanceFacts>(server.facts);
    instance.settings = std::make_shared<const cluster::InstanceSettings>(server.settings);
    instance.sql.up = true;
    instance.sql.error.reset();
    return Judge(base::Seconds(server.facts.received - At(0)));
  }
  Scene& Loses(const std::string& name, double second) {
    auto& instance = Instance(name);
    instance.sql.up = false;
    instance.sql.error = base::Error{base::ErrorKind::kRefused, "connection refused", name, {}};
    return Judge(second);
  }
  Scene& Judge(double second) {
    Follow(state, At(second), freshness, clock);
    auto next = verdict::Judge(state, clock, At(second), freshness, verdict ? &*verdict : nullptr);
    verdict = std::move(next);
    return *this;
  }

  cluster::InstanceState& Instance(const std::string& name) {
    for (auto& instance : state.instances) {
      if (instance.name == name) return instance;
    }
    throw std::logic_error("no instance " + name);
  }
  const InstanceVerdict& Of(const std::string& name) const {
    for (const auto& judged : verdict->instances) {
      if (judged.name == name) return judged;
    }
    throw std::logic_error("no instance " + name);
  }

  cluster::ClusterState state;
  cluster::PositionClock clock;
  Freshness freshness;
  std::optional<ClusterVerdict> verdict;
};

}  // namespace pgvigil::verdict

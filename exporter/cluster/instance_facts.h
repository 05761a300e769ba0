// What one server says about itself through the compiled-in statements: the only source of facts (query files yield
// samples and nothing else). Immutable once published.
// Source: PostgreSQL manual, "System Administration Functions" (recovery, backup control, WAL) and "The Cumulative
// Statistics System"; control data from pg_control_*().
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "wal/segment.h"

namespace pgvigil::cluster {

enum class Role { kPrimary, kStandby };
enum class PauseState { kNotPaused, kPauseRequested, kPaused };

// pg_stat_wal_receiver; only on a standby that has one.
struct WalReceiver {
  std::string status;  // starting, streaming, waiting, restarting, stopping
  std::optional<std::uint32_t> received_timeline;
  std::optional<wal::Lsn> flushed;
  std::optional<base::WallTime> last_message_received;  // the server's clock
  std::string sender_host;
  std::optional<int> sender_port;
  std::string slot_name;
};

// One row of pg_stat_replication: a walsender, whoever is behind it (standby, pg_basebackup, pg_receivewal).
struct Walsender {
  int pid = 0;
  std::string application_name;
  std::string client_address;  // empty: a Unix socket
  std::string state;           // startup, catchup, streaming, backup, stopping
  std::string sync_state;      // async, potential, sync, quorum
  std::string slot_name;       // the slot it holds, if any
  std::optional<wal::Lsn> sent;
  std::optional<wal::Lsn> flushed;
  std::optional<wal::Lsn> replayed;
};

struct ReplicationSlot {
  std::string name;
  bool active = false;
  bool physical = true;
  std::optional<wal::Lsn> restart;
};

// pg_stat_archiver.
struct Archiver {
  std::uint64_t archived = 0;
  std::uint64_t failed = 0;
  std::string last_archived_wal;  // may name a .backup, .history or .partial; empty after a crash and a promotion
  std::optional<base::WallTime> last_archived;
  std::string last_failed_wal;
  std::optional<base::WallTime> last_failed;
};

// What an observation yields. A primary is asked for everything every 5 s; in between its role, clock, flush position
// and next xid are read, and `walsenders` and all below it may be 5 s older.
struct InstanceFacts {
  base::SteadyTime sent;       // when the statement left
  base::SteadyTime received;   // when its answer was here; the server was read between the two
  base::WallTime observed;     // our wall clock at `received`
  base::WallTime server_time;  // the server's clock_timestamp()
  int version = 0;             // server_version_num: 150004 is 15.4
  std::string system_identifier;
  base::WallTime postmaster_start;
  Role role = Role::kPrimary;

  // A primary's own, exact; a standby's received one if there is a receiver, otherwise `timeline_at_least` is set and
  // this is the highest that control data prove.
  std::optional<std::uint32_t> timeline;
  bool timeline_at_least = false;

  std::optional<wal::Lsn> flushed;       // primary: pg_current_wal_flush_lsn()
  std::optional<wal::Lsn> received_lsn;  // standby: pg_last_wal_receive_lsn(), NULL when fed from the archive
  std::optional<wal::Lsn> replayed;      // standby, and primary after promotion: pg_last_wal_replay_lsn()
  std::uint64_t next_xid = 0;            // primary: 64-bit, pg_snapshot_xmax(pg_current_snapshot()); 0 on a standby
  std::optional<base::WallTime> last_replayed_commit;  // standby: pg_last_xact_replay_timestamp(), the server's clock
  PauseState pause = PauseState::kNotPaused;           // before 14 only not_paused and paused are known

  std::optional<WalReceiver> receiver;
  std::vector<Walsender> walsenders;
  std::vector<ReplicationSlot> slots;
  Archiver archiver;

  std::string synchronous_standby_names;
  std::string synchronous_commit;  // on, remote_apply, remote_write, local, off
  int sync_rep_waiters = 0;        // backends in wait event SyncRep
};

// Read every 60 s: what hardly changes.
struct InstanceSettings {
  std::string version_text;  // "15.4 (Debian ...)" as server_version says
  std::uint64_t wal_segment_size = 0;
  std::string archive_mode;  // off, on, always
  bool archive_command_set = false;
  std::chrono::seconds archive_timeout{0};
  bool restore_command_set = false;
  std::chrono::milliseconds recovery_min_apply_delay{0};
  std::chrono::milliseconds checkpoint_timeout{0};
  std::string cluster_name;
  std::string primary_slot_name;
  int max_connections = 0;
  std::uint32_t checkpoint_timeline = 0;        // pg_control_checkpoint()
  wal::Lsn checkpoint;                          // pg_control_checkpoint().checkpoint_lsn
  std::uint32_t min_recovery_end_timeline = 0;  // pg_control_recovery()
  std::optional<std::uint64_t> used_bytes;      // sum of database sizes and WAL directory where readable
};

}  // namespace pgvigil::cluster

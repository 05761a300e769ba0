#include "postgres/facts_sql.h"

namespace pgvigil::postgres {
namespace {

constexpr int kFirstWithPauseState = 140000;
constexpr int kFirstWithArchiveLibrary = 150000;

// Everything is qualified: a search_path of somebody else's making must not change what is asked. The functions are
// those below the views pg_stat_replication and pg_replication_slots, without the joins that would read pg_authid and
// pg_database, which a lock can make wait. $1: the walsenders whose names are known; $2: the system identifier that is,
// or nothing.
constexpr const char* kFacts = R"sql(
SELECT s.in_recovery,
       (pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()) * 1000000)::bigint AS server_time,
       (pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time()) * 1000000)::bigint AS postmaster_start,
       CASE WHEN $2::text = '' THEN (SELECT c.system_identifier::text FROM pg_catalog.pg_control_system() AS c)
            ELSE $2::text END AS system_identifier,
       CASE WHEN NOT s.in_recovery THEN pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()) END AS walfile,
       CASE WHEN NOT s.in_recovery THEN pg_catalog.pg_current_wal_flush_lsn() END AS flushed,
       CASE WHEN NOT s.in_recovery THEN pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot()) END AS next_xid,
       pg_catalog.pg_last_wal_receive_lsn() AS received,
       pg_catalog.pg_last_wal_replay_lsn() AS replayed,
       (pg_catalog.date_part('epoch', pg_catalog.pg_last_xact_replay_timestamp()) * 1000000)::bigint AS last_replayed_commit,
       CASE WHEN s.in_recovery THEN %PAUSE%::text END AS pause,
       CASE WHEN s.in_recovery AND r.received_tli IS NULL
            THEN (SELECT greatest(c.timeline_id, m.min_recovery_end_timeline)
                  FROM pg_catalog.pg_control_checkpoint() AS c, pg_catalog.pg_control_recovery() AS m) END AS control_tli,
       r.status AS receiver_status,
       r.received_tli,
       r.flushed_lsn AS receiver_flushed,
       (pg_catalog.date_part('epoch', r.last_msg_receipt_time) * 1000000)::bigint AS receiver_last_message,
       r.sender_host, r.sender_port, r.slot_name AS receiver_slot,
       (SELECT pg_catalog.string_agg(pg_catalog.concat(
                 w.pid, E'\x1f', coalesce(CASE WHEN w.pid <> ALL ($1::int[]) THEN
                   (SELECT pg_catalog.concat(a.application_name, E'\x1f', pg_catalog.host(a.client_addr))
                    FROM pg_catalog.pg_stat_get_activity(w.pid) AS a) END, E'\x1f'),
                 E'\x1f', w.state, E'\x1f', w.sync_state, E'\x1f', w.sent_lsn, E'\x1f', w.flush_lsn, E'\x1f', w.replay_lsn), E'\x1e')
        FROM pg_catalog.pg_stat_get_wal_senders() AS w) AS walsenders,
       (SELECT pg_catalog.string_agg(pg_catalog.concat(
                 l.slot_name, E'\x1f', l.active_pid, E'\x1f', l.slot_type, E'\x1f', l.restart_lsn), E'\x1e')
        FROM pg_catalog.pg_get_replication_slots() AS l) AS slots,
       v.archived_count, v.failed_count, v.last_archived_wal, v.last_failed_wal,
       (pg_catalog.date_part('epoch', v.last_archived_time) * 1000000)::bigint AS last_archived_time,
       (pg_catalog.date_part('epoch', v.last_failed_time) * 1000000)::bigint AS last_failed_time,
       pg_catalog.current_setting('synchronous_standby_names') AS synchronous_standby_names,
       pg_catalog.current_setting('synchronous_commit') AS synchronous_commit,
       CASE WHEN pg_catalog.current_setting('synchronous_standby_names') <> ''
            THEN (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_get_activity(NULL) AS b WHERE b.wait_event = 'SyncRep')
       END AS sync_rep_waiters
FROM (SELECT pg_catalog.pg_is_in_recovery() AS in_recovery) AS s
LEFT JOIN pg_catalog.pg_stat_get_archiver() AS v ON true
LEFT JOIN LATERAL (SELECT * FROM pg_catalog.pg_stat_get_wal_receiver() WHERE s.in_recovery) AS r ON r.pid IS NOT NULL
)sql";

// What moves from one second to the next on a primary, and what tells that it is still the same server in the same
// role: plain functions, no row sources, whose set-up costs more than what they read.
constexpr const char* kPulse = R"sql(
SELECT pg_catalog.pg_is_in_recovery() AS in_recovery,
       (pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()) * 1000000)::bigint AS server_time,
       (pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time()) * 1000000)::bigint AS postmaster_start,
       CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_current_wal_flush_lsn() END AS flushed,
       CASE WHEN NOT pg_catalog.pg_is_in_recovery()
            THEN pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot()) END AS next_xid
)sql";

constexpr const char* kSettings = R"sql(
SELECT pg_catalog.current_setting('server_version') AS server_version,
       pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size')) AS wal_segment_size,
       pg_catalog.current_setting('archive_mode') AS archive_mode,
       %ARCHIVERS% AS archives,
       pg_catalog.date_part('epoch', pg_catalog.current_setting('archive_timeout')::interval)::bigint AS archive_timeout,
       pg_catalog.current_setting('restore_command') <> '' AS restores,
       (pg_catalog.date_part('epoch', pg_catalog.current_setting('recovery_min_apply_delay')::interval) * 1000)::bigint
         AS recovery_min_apply_delay,
       pg_catalog.date_part('epoch', pg_catalog.current_setting('checkpoint_timeout')::interval)::bigint AS checkpoint_timeout,
       pg_catalog.current_setting('cluster_name') AS cluster_name,
       pg_catalog.current_setting('primary_slot_name') AS primary_slot_name,
       pg_catalog.current_setting('max_connections') AS max_connections,
       c.timeline_id AS checkpoint_tli,
       c.checkpoint_lsn,
       (SELECT min_recovery_end_timeline FROM pg_catalog.pg_control_recovery()) AS min_recovery_end_tli
FROM pg_catalog.pg_control_checkpoint() AS c
)sql";

std::string Replace(std::string text, const std::string& what, const std::string& with) {
  return text.replace(text.find(what), what.size(), with);
}

}  // namespace

std::string FactsSql(int version) {
  return Replace(kFacts, "%PAUSE%",
                 version >= kFirstWithPauseState ? "pg_catalog.pg_get_wal_replay_pause_state()"
                                                 : "pg_catalog.pg_is_wal_replay_paused()");
}

std::string PulseSql() { return kPulse; }

std::string SettingsSql(int version) {
  return Replace(kSettings, "%ARCHIVERS%",
                 version >= kFirstWithArchiveLibrary
                     ? "pg_catalog.current_setting('archive_command') NOT IN ('', '(disabled)') OR "
                       "pg_catalog.current_setting('archive_library') <> ''"
                     : "pg_catalog.current_setting('archive_command') NOT IN ('', '(disabled)')");
}

}  // namespace pgvigil::postgres

"""The dashboard of one instance."""

from board import (
    BY_CLUSTER, BY_INSTANCE, GREEN, INSTANCE, ORANGE, RED, UNKNOWN, Dashboard, line, link_to, most, of_cluster, of_instance, Query, steps,
    unknown_of_instance, words)


def instance_dashboard():
    board = Dashboard("pgvigil-instance", "pgvigil / Instance", "One server: does it answer, is it full, who waits, what grows old", True,
                      link_to("Cluster", "pgvigil-cluster"))
    by = "by (pg_instance)"
    who = "{{pg_instance}}"

    def judged(title, description, value, levels, **more):
        mappings = words((UNKNOWN, "unknown", ORANGE), *more.pop("say", ()))
        board.judged(title, description, value, levels, who=who, unknown=unknown_of_instance(value), mappings=mappings, size=(8, 4), **more)

    board.row("What is wrong now")
    board.stat("SQL", "Whether the instance answered this scrape. DOWN: is its process there, does its log say why, does its host answer? "
               "Alerts: PgInstanceDown, PgInstanceUnreachable.", [(most("pg_instance", "pg_up", INSTANCE, "min"), who)],
               mappings=words((0, "DOWN", RED), (1, "answers", GREEN)), size=(8, 4), text_mode="value_and_name")
    usage = f"{of_instance('pg_connections_used')} / {of_instance('pg_connections_usable')}"
    objective = of_cluster("pgvigil_objective_connection_usage_ratio")
    nearly = f"(0.75 + 0.25 * {objective})"
    on_cluster = f"on ({BY_CLUSTER}) group_left ()"
    judged("Connections in use",
           "Share of the connections that ordinary roles may open; at 100 % clients are turned away. See who holds them under Sessions by "
           "state. Alert: PgConnectionsNearLimit.", usage,
           [("PgConnectionsNearLimit", "warning", "over the objective", f"> {on_cluster} {objective}"),
            ("PgConnectionsNearLimit", "critical", "NEARLY FULL", f"> {on_cluster} {nearly}")], unit="percentunit", decimals=0)
    # The fallback is of the same query file: without it the age is unknown, not 0.
    none_open = f"0 * {of_instance('pg_connections_used')}"
    oldest = f"time() - {of_instance('pg_stat_activity_oldest_transaction_start_timestamp_seconds', how='min')} or {none_open}"
    judged("Oldest transaction",
           "Age of the oldest open transaction; it keeps vacuum from removing what it might still see. End it if its owner agrees. Alert: PgLongTransaction.",
           oldest, [("PgLongTransaction", "warning", "open for hours", "> 7200")], unit="dtdurations", say=[(0, "none", GREEN)])
    waiting = of_instance("pg_lock_waiters_sessions")
    first = f"and on ({BY_INSTANCE}) time() - {of_instance('pg_lock_waiters_oldest_wait_start_timestamp_seconds', how='min')} > 300"
    many = f"and on ({BY_INSTANCE}) {waiting} > on ({BY_INSTANCE}) 0.1 * {of_instance('pg_connections_usable')}"
    judged("Sessions waiting for a lock",
           "Sessions that wait for a heavyweight lock. Some for a moment are normal; if they stay, pg_blocking_pids says for whom. "
           "Alert: PgLockWaits.", waiting,
           [("PgLockWaits", "warning", "for minutes", first), ("PgLockWaits", "critical", "MANY, for minutes", f"{first} {many}")], decimals=0)
    warned = {name: f"clamp_max(1.5 * {of_cluster(f'pg_settings_autovacuum_{setting}freeze_max_age')} / 2^31, 0.6)"
              for name, setting in (("xid", ""), ("mxid", "multixact_"))}
    judged("Transaction IDs used", "Share of the way to wraparound of the oldest database; at 100 % the server refuses to write. Who holds rows back says what "
           "keeps vacuum from freezing. Alert: PgXidWraparoundNear.", of_instance("pg_wraparound_xid_used_ratio"),
           [("PgXidWraparoundNear", "warning", "vacuum falls behind", f"> {on_cluster} {warned['xid']}"),
            ("PgXidWraparoundNear", "critical", "WRAPAROUND NEAR", "> 0.75")], unit="percentunit", decimals=1)
    started = of_instance("pg_postmaster_start_timestamp_seconds")
    earlier = f"{BY_INSTANCE}) (min_over_time(pg_postmaster_start_timestamp_seconds{{{INSTANCE}}}[1h]))"
    judged("Running for", "Time since the postmaster started. After a restart nobody asked for, read its log: a crash, the OOM killer, a failed probe. "
           "Alerts: PgInstanceRestarted, PgInstanceRestartLoop.", f"time() - {started}",
           [("PgInstanceRestarted", "info", "restarted", f"< 600 and on ({BY_INSTANCE}) {started} > min by ({earlier}"),
            ("PgInstanceRestartLoop", "warning", "again and again", f"and on ({BY_INSTANCE}) changes({started}[1h:30s]) >= 3")], unit="dtdurations")

    board.row("Sessions")
    usable = of_instance("pg_connections_usable")
    board.series("Connections",
                 "Connections in use beside the most there may be, and where the alert begins. A pooler or a shorter idle timeout helps more than a "
                 "higher limit. Alert: PgConnectionsNearLimit.",
                 [(most("pg_instance", "pg_connections_used", INSTANCE), f"{who} used"),
                  (most("pg_instance", "pg_connections_usable", INSTANCE), f"{who} limit"),
                  line(f"{usable} * {on_cluster} {objective}", "PgConnectionsNearLimit", "warning", f"{who} objective"),
                  line(f"{usable} * {on_cluster} {nearly}", "PgConnectionsNearLimit", "critical", f"{who} nearly full")], decimals=0)
    nobody = "only while somebody but pgvigil is connected"
    board.series("Sessions by state", "Client sessions by what they do. Many idle ones want a pooler; idle in transaction ones hold locks and rows. "
                 "Alerts: PgIdleInTransaction, PgConnectionsNearLimit.",
                 [Query(most("pg_instance, state", "pg_stat_activity_sessions", INSTANCE, "sum"), who + " {{state}}", may_be_empty=nobody)], decimals=0,
                 none="Nobody is connected")
    board.series("What active sessions wait for",
                 "Active sessions by wait event: the first place to look when all is slow. Lock: see Lock waits; IO: the disk; "
                 "IPC SyncRep: a synchronous standby.",
                 [Query(most("wait_event_type, wait_event", "pg_wait_sessions", INSTANCE, "sum"), "{{wait_event_type}} {{wait_event}}",
                        may_be_empty="only while an active session waits")], decimals=0, none="No active session waits")
    board.series("Oldest by state",
                 "Age of the oldest transaction, by state; it keeps vacuum from removing what it might still see. Alert: PgLongTransaction. How long "
                 "sessions have idled is in Idle in transaction (alert PgIdleInTransaction).",
                 [Query("time() - " + most("pg_instance, state", "pg_stat_activity_oldest_transaction_start_timestamp_seconds", INSTANCE, "min"),
                        who + " {{state}}", may_be_empty="only while a transaction is open")], unit="s", thresholds=steps(("warning", 7200)),
                 none="No transaction is open")
    idling = INSTANCE + ',state=~"idle in transaction.*"'
    board.series("Idle in transaction", "How long the session idle in its transaction for longest has been so. Its client forgot to commit: end it, and set "
                 "idle_in_transaction_session_timeout. Alert: PgIdleInTransaction.",
                 [Query("time() - " + most("pg_instance", "pg_stat_activity_oldest_state_change_timestamp_seconds", idling, "min"), who,
                        may_be_empty="only while a session idles in a transaction")], unit="s", thresholds=steps(("warning", 600)),
                 none="No session idles in a transaction")
    board.series("Oldest prepared transaction",
                 "Age of the oldest transaction that was prepared and not ended. No restart ends it: commit or roll it back by its name. "
                 "Alert: PgPreparedTransactionForgotten.",
                 [Query("time() - " + most("pg_instance", "pg_prepared_xacts_oldest_prepared_timestamp_seconds", INSTANCE, "min"), who,
                        may_be_empty="only while a transaction is prepared")], unit="s", thresholds=steps(("warning", 3600)), none="No transaction is prepared")
    board.series("Lock waits",
                 "How long the session that waits longest for a lock has waited, at most. pg_blocking_pids says for whom; end that one, not those "
                 "that wait. Alert: PgLockWaits.",
                 [Query("time() - " + most("pg_instance", "pg_lock_waiters_oldest_wait_start_timestamp_seconds", INSTANCE, "min"), who,
                        may_be_empty="only while a session waits for a lock")], unit="s", thresholds=steps(("warning", 300)),
                 none="No session waits for a lock")
    board.series("Lock queue", "Sessions that wait for a heavyweight lock. Above the line the queue eats the connections. Alert: PgLockWaits.",
                 [(most("pg_instance", "pg_lock_waiters_sessions", INSTANCE), who),
                  line("0.1 * " + most("pg_instance", "pg_connections_usable", INSTANCE), "PgLockWaits", "critical",
                       f"{who} a tenth of the limit")], decimals=0)
    board.series("Prepared transactions", "Transactions that were prepared and not ended; they keep locks and rows. How old they are is beside it. "
                 "Alert: PgPreparedTransactionForgotten.",
                 [(most("pg_instance", "pg_prepared_xacts_transactions", INSTANCE, "sum"), who)], decimals=0)

    def rate(metric, grouping=by):
        return f"sum {grouping} (rate({metric}{{{INSTANCE}}}[$__rate_interval]))"

    board.row("Work")
    board.series("Transactions", "Commits and rollbacks a second. Many rollbacks: the application fails; none at all: it cannot get in.",
                 [(rate("pg_stat_database_commits_total"), f"{who} commits"), (rate("pg_stat_database_rollbacks_total"), f"{who} rollbacks")], unit="ops")
    board.series("Rows changed", "Rows inserted, updated and deleted a second, of all instances shown. A burst explains lag and WAL.",
                 [(rate(f"pg_stat_database_rows_{what}_total", ""), what) for what in ("inserted", "updated", "deleted")], unit="ops")
    board.series("Reads",
                 "Blocks found in shared buffers and read from outside, a second. Many read ones: the working set does not fit, or an index is missing.",
                 [(rate("pg_stat_database_blocks_hit_total", ""), "found"), (rate("pg_stat_database_blocks_read_total", ""), "read")], unit="ops")
    board.series("Trouble", "Deadlocks, and queries cancelled by recovery on a standby, a second. The server's log names the statements.",
                 [(rate("pg_stat_database_deadlocks_total"), f"{who} deadlocks"),
                  (rate("pg_stat_database_conflicts_total"), f"{who} cancelled by recovery")], unit="ops")
    board.series("Temporary files", "Bytes written to temporary files, a second: sorts and hashes that do not fit into work_mem.",
                 [(rate("pg_stat_database_temp_bytes_total"), who)], unit="Bps")
    board.series("Checksum failures", "Pages whose checksum failed since the statistics were reset. Any is corruption: fail over, do not vacuum, restore.",
                 [Query(most("pg_instance, datname", "pg_stat_database_checksum_failures_total", INSTANCE), who + " {{datname}}",
                        may_be_empty="only with data checksums")], decimals=0, none="Data checksums are off: corruption would not be noticed")
    board.series("WAL made", "WAL written by the primary, bytes a second: what standbys, slots and the archive have to take.",
                 [(rate("pg_wal_position_insert_bytes_total"), who)], unit="Bps")
    board.series("Checkpoints", "Checkpoints by cause, an hour. Many requested ones: max_wal_size is small for what is written.",
                 [(rate("pg_checkpointer_timed_total") + " * 3600", f"{who} timed"), (rate("pg_checkpointer_requested_total") + " * 3600", f"{who} requested")])

    board.row("What grows")
    board.series("Wraparound",
                 "Share of the way to wraparound of the oldest database, and where the alerts begin. Find what keeps vacuum from freezing under Who holds "
                 "rows back, then vacuum the oldest tables. Alerts: PgXidWraparoundNear, PgMxidWraparoundNear.",
                 [(most("pg_instance", "pg_wraparound_xid_used_ratio", INSTANCE), f"{who} transaction IDs"),
                  (most("pg_instance", "pg_wraparound_mxid_used_ratio", INSTANCE), f"{who} multixacts"),
                  line(warned["xid"], "PgXidWraparoundNear", "warning", "transaction IDs: vacuum falls behind"),
                  line(warned["mxid"], "PgMxidWraparoundNear", "warning", "multixacts: vacuum falls behind")], unit="percentunit",
                 thresholds=steps(("critical", 0.75)))
    board.series("Who holds rows back",
                 "Transactions since the oldest one whose rows are still needed, by who needs them: end that session, prepared transaction, slot "
                 "or query on a standby. Alerts: PgXidWraparoundNear, PgLongTransaction.",
                 [Query(most("holder", "pg_xmin_horizon_age_transactions", INSTANCE), "{{holder}}", may_be_empty="only while somebody holds rows back")],
                 none="Nobody holds rows back")
    board.series("Database sizes", "Size of each database on disk.", [(most("datname", "pg_database_size_bytes", INSTANCE), "{{datname}}")], unit="bytes")
    board.series("pg_wal", "Size of pg_wal. It grows when the archiver fails or a slot retains, until the disk is full. Alert: PgSlotRetainingOverObjective.",
                 [(most("pg_instance", "pg_wal_directory_size_bytes", INSTANCE), who)], unit="bytes")
    board.series("Waiting for the archiver", "Files that wait for archive_command. If they only grow in number, the server's log says why it fails.",
                 [(most("pg_instance", "pg_wal_directory_ready_files", INSTANCE), who)], decimals=0)
    board.series("Archiver", "Files archived and failed attempts, a second. While it fails, what is restorable stays behind and pg_wal grows.",
                 [(rate("pg_stat_archiver_archived_total"), f"{who} archived"), (rate("pg_stat_archiver_failed_total"), f"{who} failed")], unit="ops")

    board.row("How pgvigil reads it")
    board.series("Queries that fail", "Queries whose last execution failed; pgvigil's log says why: a missing grant, a timeout, a lock. Alert: PgQueryFailing.",
                 [Query(f"count by (query) (pgvigil_query_success{{{INSTANCE}}} == 0)", "{{query}}", may_be_empty="only while a query fails")], decimals=0,
                 none="Every query succeeds")
    board.series("Time of queries", "Time each query took, as seen within its batch. One that takes long may be read less often: see `every`.",
                 [(most("query", "pgvigil_query_duration_seconds", INSTANCE), "{{query}}")], unit="s")
    board.series("Time of the facts statement", "Time of the observer's own statement, asked every second. High: the server or the way to it is slow. "
                 "Alert: PgSourceFailing.", [(most("pg_instance", "pgvigil_source_duration_seconds", INSTANCE), who)], unit="s")
    return board.content

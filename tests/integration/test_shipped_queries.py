"""The shipped query files tell the truth: situations made on real servers, and what the page then says of them.

On the oldest and the newest major, whose statements differ most; test_majors.py runs every query on all of them.
"""

import json
import subprocess

import pytest

from conftest import server_directory
from exporter import ROOT
from postgres import Cluster, client, unprivileged, wait_for
from situations import assert_holds_nothing, changed, epoch, page_holders, replayed, set_up, states, streams, table, tear_down, write

MAJORS = [13, 18]


@pytest.fixture(scope="module", params=MAJORS)
def major(request):
    return request.param


@pytest.fixture(scope="module")
def cluster(major):
    settings = {"max_prepared_transactions": "5", "shared_preload_libraries": "pg_stat_statements", "work_mem": "5MB",
                "autovacuum_naptime": "2min", "idle_in_transaction_session_timeout": "1h", "autovacuum": "off", "wal_receiver_status_interval": "1s"}
    with server_directory() as directory:
        made = Cluster(directory, standbys=1, major=major, settings=settings)
        yield made
        made.stop()


@pytest.fixture
def primary(cluster):
    """Each test leaves it without sessions, slots, prepared transactions and settings of its own."""
    yield cluster.primary
    tear_down(cluster.primary)


def test_settings_are_in_base_units(primary, scrape):
    page = scrape(primary)
    for setting in ("shared_buffers", "effective_cache_size", "work_mem", "maintenance_work_mem", "max_wal_size", "wal_keep_size", "wal_segment_size"):
        assert page.get(f"pg_settings_{setting}_bytes") == float(primary.sql(f"SELECT pg_size_bytes(current_setting('{setting}'))")), setting
    for setting, seconds in (("autovacuum_naptime", 120), ("idle_in_transaction_session_timeout", 3600), ("deadlock_timeout", 1), ("checkpoint_timeout", 300)):
        assert page.get(f"pg_settings_{setting}_seconds") == seconds, setting
    assert page.get("pg_settings_wal_level") == 2
    assert page.get("pg_settings_archive_mode") == 1
    assert page.get("pg_settings_max_slot_wal_keep_size_bytes") is None, "unlimited is no number of bytes"


def test_a_setting_that_waits_for_a_restart_is_counted(primary, scrape):
    assert scrape(primary).get("pg_settings_pending_restart") == 0
    primary.sql("ALTER SYSTEM SET max_connections = 77")
    primary.sql("SELECT pg_reload_conf()")
    wait_for("it is pending", lambda: primary.sql("SELECT count(*) FROM pg_settings WHERE pending_restart") == "1")
    page = scrape(primary)
    assert page.get("pg_settings_pending_restart") == 1
    assert page.get("pg_settings_max_connections") == 100
    primary.sql("ALTER SYSTEM RESET max_connections")
    primary.sql("SELECT pg_reload_conf()")


def test_sessions_are_counted_by_state_with_their_oldest(primary, scrape, session):
    before = epoch(primary)
    idle = session(primary)
    assert idle.ask("BEGIN; SELECT 'open'") == "open"
    after = epoch(primary)
    page = scrape(primary)
    there = {"datname": "postgres", "state": "idle in transaction"}
    assert page.get("pg_stat_activity_sessions", **there) == 1
    assert before <= page.get("pg_stat_activity_oldest_transaction_start_timestamp_seconds", **there) <= after
    assert before <= page.get("pg_stat_activity_oldest_state_change_timestamp_seconds", **there) <= after
    assert page.get("pg_connections_usable") == 97
    assert page.get("pg_connections_used") >= 2


def test_a_lock_waiter_is_counted_since_it_waits(primary, scrape, session):
    table(primary, "wanted")
    page = scrape(primary)
    assert page.get("pg_lock_waiters_sessions") == 0
    assert page.get("pg_lock_waiters_oldest_wait_start_timestamp_seconds") is None
    holder, waiter = session(primary), session(primary)
    assert holder.ask("BEGIN; LOCK TABLE wanted; SELECT 'held'") == "held"
    before = epoch(primary)
    waiter.send("SELECT count(*) FROM wanted")
    wait_for("one waits", lambda: primary.sql("SELECT count(*) FROM pg_locks WHERE NOT granted") == "1")
    after = epoch(primary)
    page = scrape(primary)
    assert page.get("pg_lock_waiters_sessions") == 1
    assert before <= page.get("pg_lock_waiters_oldest_wait_start_timestamp_seconds") <= after
    assert page.get("pg_wait_sessions", wait_event_type="Lock", wait_event="relation") == 1
    assert page.get("pg_locks_held", datname="postgres", mode="AccessExclusiveLock") == 1
    holder.send("ROLLBACK")
    assert waiter.process.stdout.readline().strip() == "1000"


def test_prepared_transactions_show_with_the_locks_they_hold(cluster, primary, scrape):
    table(primary, "touched")
    primary.sql("DROP DATABASE IF EXISTS quiet")
    primary.sql("CREATE DATABASE quiet")
    primary.sql("BEGIN; INSERT INTO touched VALUES (0); PREPARE TRANSACTION 'forgotten'")
    page = scrape(primary)
    assert page.get("pg_prepared_xacts_transactions", datname="postgres") == 1
    assert page.get("pg_prepared_xacts_transactions", datname="quiet") == 0, "none is a number"
    assert page.get("pg_prepared_xacts_oldest_prepared_timestamp_seconds", datname="quiet") is None
    assert page.get("pg_locks_held", datname="postgres", mode="RowExclusiveLock") == 1
    replayed(cluster)
    assert scrape(cluster.standbys[0]).all("pg_prepared_xacts_transactions") == [], "a standby has it, and cannot see it"


def test_each_holder_of_xmin_shows_and_the_others_are_absent(primary, scrape, session):
    table(primary, "aging")
    assert page_holders(scrape(primary)) == {}, "the asking session itself holds nothing"
    primary.sql("SELECT pg_create_logical_replication_slot('reader', 'test_decoding')")  # first: it waits for open transactions
    old = session(primary)
    old.ask("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
    primary.sql("BEGIN; INSERT INTO aging VALUES (0); PREPARE TRANSACTION 'forgotten'")
    write(primary, "aging")
    page = scrape(primary)
    holders = page_holders(page)
    assert set(holders) == {"transaction", "prepared_transaction", "slot"}
    assert min(holders.values()) >= 5
    assert page.get("pg_replication_slot_age_catalog_xmin_transactions", slot_name="reader") == holders["slot"]


def test_a_standby_without_a_slot_holds_xmin_by_its_feedback(cluster, primary, scrape, session):
    table(primary, "aging")
    replayed(cluster)
    standby = cluster.standbys[0]
    with changed(standby, primary_slot_name=""):
        wait_for("it streams without a slot", lambda: streams(cluster, slot=False))  # otherwise its feedback would stay in the slot
        set_up(standby, primary_slot_name="", hot_standby_feedback="on")
        reader = session(standby)
        reader.ask("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
        wait_for("it says what it needs", lambda: primary.sql("SELECT count(backend_xmin) FROM pg_stat_replication") == "1")
        write(primary, "aging")
        holders = page_holders(scrape(primary))
        assert set(holders) == {"standby"} and holders["standby"] >= 5
        reader.ask("ROLLBACK; SELECT 1")
    wait_for("it streams again", lambda: streams(cluster, slot=True))


def test_databases_show_without_the_right_to_connect_and_broken_ones_say_so(primary, scrape):
    for name in ("closed", "broken"):
        primary.sql(f"DROP DATABASE IF EXISTS {name}")
        primary.sql(f"CREATE DATABASE {name}")
        primary.sql(f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC")
    primary.sql("UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'broken'")
    primary.sql("ALTER DATABASE closed CONNECTION LIMIT 7")
    page = scrape(primary)
    assert page.get("pg_database_size_bytes", datname="closed") == float(primary.sql("SELECT pg_database_size('closed')"))
    assert page.get("pg_database_connection_limit", datname="closed") == 7
    assert page.get("pg_database_invalid", datname="closed") == 0
    assert page.get("pg_database_invalid", datname="broken") == 1
    assert page.get("pg_database_connection_limit", datname="broken") is None


def test_a_broken_page_is_counted_where_there_are_checksums(primary, scrape, major):
    for name in ("hurt", "intact"):
        primary.sql(f"DROP DATABASE IF EXISTS {name}")
    primary.sql("CREATE DATABASE intact")
    primary.sql("CREATE TABLE kept AS SELECT i FROM generate_series(1, 1000) AS i", "intact")
    primary.sql("CREATE DATABASE hurt TEMPLATE intact" + (" STRATEGY file_copy" if major >= 15 else ""))  # whose pages no buffer holds yet
    assert scrape(primary).get("pg_stat_database_checksum_last_failure_timestamp_seconds", datname="hurt") is None
    before = epoch(primary)
    with open(primary.data / primary.sql("SELECT pg_relation_filepath('kept')", "hurt"), "r+b") as file:
        file.seek(8000)
        file.write(b"\0" * 100)
    if major < 18:  # no checksums by default
        assert scrape(primary).get("pg_stat_database_checksum_failures_total", datname="hurt") is None
        return
    with pytest.raises(RuntimeError, match="invalid page"):
        primary.sql("SELECT count(*) FROM kept", "hurt")
    page = scrape(primary)
    assert page.get("pg_stat_database_checksum_failures_total", datname="hurt") == 1
    assert before <= page.get("pg_stat_database_checksum_last_failure_timestamp_seconds", datname="hurt") <= epoch(primary)


def test_slots_show_what_they_retain_and_nothing_they_do_not(primary, scrape, major):
    primary.sql("SELECT pg_create_physical_replication_slot('unused')")
    primary.sql("SELECT pg_create_physical_replication_slot('reserving', true)")
    primary.sql("SELECT pg_create_logical_replication_slot('reader', 'test_decoding')")
    table(primary, "written", 10000)
    page = scrape(primary)
    position = float(primary.sql("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) FROM pg_replication_slots WHERE slot_name = 'reader'"))
    retained = {labels["slot_name"]: value for labels, value in page.all("pg_replication_slots_retained_bytes")}
    assert set(retained) >= {"reserving", "reader"} and "unused" not in retained
    assert 100000 < retained["reader"] <= position
    assert [labels["slot_name"] for labels, _ in page.all("pg_replication_slots_unconfirmed_bytes")] == ["reader"]
    assert page.get("pg_replication_slots_active", slot_name="reader", datname="postgres", slot_type="logical") == 0
    assert page.get("pg_replication_slots_active", slot_name="orders_2") == 1
    assert states(page, "pg_replication_slot_wal_status_state", "wal_status", slot_name="reader") == ["reserved"]
    assert page.all("pg_replication_slot_wal_status_state", slot_name="unused") == []
    if major >= 17:
        assert page.get("pg_replication_slot_status_inactive_since_timestamp_seconds", slot_name="reader") is not None
        assert page.get("pg_replication_slot_status_inactive_since_timestamp_seconds", slot_name="orders_2") is None
        assert page.get("pg_replication_slot_conflict_conflicting", slot_name="reader") == 0
        assert len(page.all("pg_replication_slot_invalidation_state", slot_name="reader")) == 4
        assert states(page, "pg_replication_slot_invalidation_state", "reason", slot_name="reader") == []


def test_a_slot_goes_from_reserved_to_lost_and_then_holds_nothing(primary, scrape, major):
    table(primary, "churned")
    primary.sql("SELECT pg_create_logical_replication_slot('left_behind', 'test_decoding')")
    status = "SELECT wal_status FROM pg_replication_slots WHERE slot_name = 'left_behind'"

    def churned_until(wanted):
        write(primary, "churned")
        primary.sql("SELECT pg_switch_wal()")
        return primary.sql(status) == wanted

    set_up(primary, max_wal_size="32MB", max_slot_wal_keep_size="512MB", wal_keep_size="0")
    wait_for("more than max_wal_size is kept", lambda: churned_until("extended"))
    primary.sql("CHECKPOINT")
    page = scrape(primary)
    assert states(page, "pg_replication_slot_wal_status_state", "wal_status", slot_name="left_behind") == ["extended"]
    assert page.get("pg_replication_slots_safe_wal_size_bytes", slot_name="left_behind") == \
        float(primary.sql("SELECT safe_wal_size FROM pg_replication_slots WHERE slot_name = 'left_behind'")) > 0
    assert page_holders(page)["slot"] == page.get("pg_replication_slot_age_catalog_xmin_transactions", slot_name="left_behind") >= 5

    set_up(primary, max_slot_wal_keep_size="1MB", wal_keep_size="0")  # with the next checkpoint it is gone
    wait_for("it is about to be removed", lambda: primary.sql(status) == "unreserved")
    page = scrape(primary)
    assert states(page, "pg_replication_slot_wal_status_state", "wal_status", slot_name="left_behind") == ["unreserved"]
    assert page.get("pg_replication_slots_safe_wal_size_bytes", slot_name="left_behind") <= 0
    assert page.get("pg_replication_slots_retained_bytes", slot_name="left_behind") > 32 * 1048576

    primary.sql("CHECKPOINT")
    wait_for("the slot is lost", lambda: primary.sql(status) == "lost")
    page = scrape(primary)
    assert page.get("pg_settings_max_slot_wal_keep_size_bytes") == 1048576
    assert_holds_nothing(page, "left_behind")
    if major >= 17:
        assert page.get("pg_replication_slot_status_invalidated", slot_name="left_behind") == 1
        assert states(page, "pg_replication_slot_invalidation_state", "reason", slot_name="left_behind") == ["wal_removed"]


def test_a_failing_archiver_shows_on_the_primary_alone(cluster, primary, scrape):
    primary.sql("SELECT pg_switch_wal()")
    wait_for("a segment is archived", lambda: int(primary.sql("SELECT archived_count FROM pg_stat_archiver")) > 0)
    assert scrape(primary).get("pg_stat_archiver_failing") == 0
    set_up(primary, archive_command="/bin/false")

    def failing():
        table(primary, "archived")
        primary.sql("SELECT pg_switch_wal()")
        return primary.sql("SELECT count(*) FROM pg_stat_archiver WHERE last_failed_time > last_archived_time") == "1"

    wait_for("archiving fails", failing)
    page = scrape(primary)
    assert page.get("pg_stat_archiver_failing") == 1
    assert page.get("pg_stat_archiver_failed_total") >= 1
    assert page.get("pg_wal_directory_ready_files") >= 1
    assert page.get("pg_wal_directory_oldest_ready_timestamp_seconds") <= epoch(primary)
    set_up(primary)
    wait_for("archiving goes on", lambda: primary.sql("SELECT count(*) FROM pg_stat_archiver WHERE last_archived_time > last_failed_time") == "1")
    assert scrape(cluster.standbys[0]).get("pg_stat_archiver_failing") is None, "a standby does not archive"


def test_a_server_that_does_not_archive_has_no_archiver(own_cluster, scrape):
    primary = own_cluster(standbys=0, settings={"archive_mode": "off"}).primary
    assert primary.sql("SELECT count(*) FROM pg_stat_archiver") == "1"
    assert [name for name in scrape(primary).names() if name.startswith("pg_stat_archiver")] == []


def test_times_are_absent_until_they_are_measured(primary, scrape, major):
    table(primary, "read")
    timed = ["pg_stat_database_block_read_seconds_total", "pg_stat_database_block_write_seconds_total"]
    if major >= 16:
        timed += [f"pg_stat_io_{what}_seconds_total" for what in ("read", "write", "extend", "writeback", "fsync")]
    wal = ["pg_stat_wal_io_write_seconds_total", "pg_stat_wal_io_sync_seconds_total"] if major >= 14 else []
    names = scrape(primary).names()
    assert not names & {*timed, *wal}
    with changed(primary, track_io_timing="on"):
        page = scrape(primary)
        assert {*timed} <= page.names() and not {*wal} & page.names()
        assert page.all("pg_stat_io_write_seconds_total", object="wal") == [], "WAL has a setting of its own"
    if wal:
        with changed(primary, track_wal_io_timing="on"):
            page = scrape(primary)
            assert {*wal} <= page.names()
            assert {labels["object"] for labels, _ in page.all("pg_stat_io_write_seconds_total")} == {"wal"}


def test_replication_shows_at_both_ends(cluster, primary, scrape):
    standby = cluster.standbys[0]
    sending, receiving = scrape(primary), scrape(standby)
    client_of = {"application_name": standby.name, "client_addr": "127.0.0.1"}
    assert sending.get("pg_stat_replication_sync_priority", **client_of) is None, "it is asynchronous"
    assert sending.get("pg_walsenders_connected", state="streaming", sync_state="async", **client_of) == 1
    assert states(receiving, "pg_wal_receiver_state", "status") == ["streaming"]
    assert receiving.get("pg_wal_receiver_source_info", sender_host="127.0.0.1", slot_name="orders_2") == 1
    assert receiving.get("pg_recovery_pause_requested") == 0
    assert receiving.get("pg_recovery_received_bytes") >= receiving.get("pg_recovery_replayed_bytes") > 0


def test_what_is_flushed_there_and_what_is_replayed_are_told_apart(cluster, primary, scrape):
    standby = cluster.standbys[0]
    client_of = {"application_name": standby.name, "client_addr": "127.0.0.1"}
    table(primary, "written")
    standby.sql("SELECT pg_wal_replay_pause()")
    paused = epoch(primary)
    write(primary)
    wait_for("it is flushed there", lambda: primary.sql(
        "SELECT count(*) FROM pg_stat_replication WHERE flush_lsn = pg_current_wal_flush_lsn() AND replay_lsn < flush_lsn") == "1")
    page = scrape(primary)
    behind = {what: page.get(f"pg_stat_replication_{what}_behind_bytes", **client_of) for what in ("sent", "write", "flush", "replay")}
    assert (behind["sent"], behind["write"], behind["flush"]) == (0, 0, 0) and behind["replay"] > 0
    assert scrape(standby).get("pg_recovery_pause_requested") == 1
    standby.sql("SELECT pg_wal_replay_resume()")
    lags = "SELECT replay_lag IS NOT NULL AND flush_lag IS NOT NULL AND replay_lsn >= flush_lsn FROM pg_stat_replication"
    wait_for("its lag is measured", lambda: primary.sql(lags) == "t")
    page = scrape(primary)
    assert page.get("pg_stat_replication_replay_behind_bytes", **client_of) == 0
    assert 0 < page.get("pg_stat_replication_flush_lag_seconds", **client_of) < page.get("pg_stat_replication_replay_lag_seconds", **client_of)
    assert page.get("pg_stat_replication_write_lag_seconds", **client_of) <= page.get("pg_stat_replication_flush_lag_seconds", **client_of)
    assert paused <= page.get("pg_stat_replication_reply_timestamp_seconds", **client_of)


def test_a_synchronous_standby_has_its_place(cluster, primary, scrape):
    standby = cluster.standbys[0]
    with changed(primary, synchronous_standby_names=f'FIRST 1 (nobody, "{standby.name}")'):
        wait_for("it is synchronous", lambda: primary.sql("SELECT sync_state FROM pg_stat_replication") == "sync")
        page = scrape(primary)
        assert page.get("pg_stat_replication_sync_priority", application_name=standby.name) == 2
        assert page.get("pg_walsenders_connected", application_name=standby.name, state="streaming", sync_state="sync") == 1


def test_queries_that_recovery_cancels_are_counted_by_reason(cluster, primary, scrape, session):
    standby = cluster.standbys[0]
    table(primary, "removed")
    replayed(cluster)
    with changed(standby, max_standby_streaming_delay="0"):
        reader = session(standby)
        assert reader.ask("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM removed") == "1000"
        primary.sql("DELETE FROM removed")
        primary.sql("VACUUM removed")
        wait_for("it is cancelled", lambda: standby.sql("SELECT confl_snapshot FROM pg_stat_database_conflicts WHERE datname = 'postgres'") == "1")
        page = scrape(standby)
    cancelled = {labels["reason"]: value for labels, value in page.all("pg_stat_database_conflicts_cancelled_total", datname="postgres")}
    assert cancelled == {"tablespace": 0, "lock": 0, "snapshot": 1, "bufferpin": 0, "deadlock": 0}
    assert page.get("pg_stat_database_conflicts_total", datname="postgres") == 1


def test_a_standby_without_a_receiver_says_so(cluster, scrape):
    standby = cluster.standbys[0]
    set_up(standby, primary_conninfo="")
    wait_for("it is cut off", lambda: standby.sql("SELECT count(*) FROM pg_stat_wal_receiver") == "0")
    page = scrape(standby)
    assert len(page.all("pg_wal_receiver_state")) == 5
    assert states(page, "pg_wal_receiver_state", "status") == []
    assert page.get("pg_stat_wal_receiver_flushed_bytes") is None
    set_up(standby)
    wait_for("it streams again", lambda: standby.sql("SELECT status FROM pg_stat_wal_receiver") == "streaming")


def test_a_vacuum_shows_while_it_runs_and_holds_no_other_one_back(primary, scrape, session, major):
    table(primary, "dusty", 200000)
    primary.sql("CREATE INDEX ON dusty(i)")
    table(primary, "written")
    if major >= 18:
        set_up(primary, track_cost_delay_timing="on")
    primary.sql("DELETE FROM dusty WHERE i % 2 = 0")
    assert scrape(primary).all("pg_vacuum_progress_running") == []
    before = epoch(primary)
    vacuum = session(primary)
    vacuum.send("SET vacuum_cost_delay = 100; SET vacuum_cost_limit = 1; VACUUM dusty")
    wait_for("it scans", lambda: primary.sql("SELECT count(*) FROM pg_stat_progress_vacuum WHERE heap_blks_scanned > 0") == "1")
    write(primary)
    page = scrape(primary)
    there = {"datname": "postgres", "phase": "scanning heap"}
    assert page.get("pg_vacuum_progress_running", **there) == 1
    assert page.get("pg_vacuum_progress_heap_bytes", **there) == float(primary.sql("SELECT pg_relation_size('dusty')"))
    assert 0 < page.get("pg_vacuum_progress_heap_scanned_bytes", **there) < page.get("pg_vacuum_progress_heap_bytes", **there)
    assert page.get("pg_vacuum_progress_oldest_start_timestamp_seconds", **there) >= before
    assert primary.sql(f"SELECT age(backend_xmin) >= 5 FROM pg_stat_activity WHERE pid = {vacuum.pid}") == "t"
    assert page_holders(page) == {}
    if major >= 17:
        assert page.get("pg_vacuum_progress_indexes", **there) == 0
        assert 0 < page.get("pg_vacuum_progress_dead_tuple_bytes", **there) < page.get("pg_vacuum_progress_dead_tuple_limit_bytes", **there)
    if major >= 18:
        assert page.get("pg_vacuum_progress_delay_seconds", **there) > 0


def test_analyze_holds_vacuums_back(primary, scrape, session):
    table(primary, "dusty", 200000)
    table(primary, "written")
    session(primary).send("SET vacuum_cost_delay = 100; SET vacuum_cost_limit = 1; ANALYZE dusty")
    wait_for("it reads", lambda: primary.sql("SELECT count(*) FROM pg_stat_progress_analyze WHERE sample_blks_scanned > 0") == "1")
    write(primary)
    holders = page_holders(scrape(primary))
    assert set(holders) == {"transaction"} and holders["transaction"] >= 5


def test_a_base_backup_shows_while_it_runs(own_cluster, scrape, tmp_path):
    # Of Debian's own major: its pg_basebackup refuses newer servers.
    primary = own_cluster(standbys=0).primary
    backup = subprocess.Popen(unprivileged([client("pg_basebackup"), "-D", str(primary.data.parent / "copy"), "-h", "127.0.0.1", "-p", str(primary.port),
                                            "-U", "postgres", "-X", "none", "-c", "fast", "--max-rate=32k"]), stderr=subprocess.DEVNULL, cwd="/")
    try:
        wait_for("it streams", lambda: primary.sql("SELECT count(*) FROM pg_stat_progress_basebackup WHERE backup_streamed > 0") == "1")
        page = scrape(primary)
        there = {"phase": "streaming database files"}
        assert page.get("pg_basebackup_progress_running", **there) == 1
        assert 0 < page.get("pg_basebackup_progress_streamed_bytes", **there) < page.get("pg_basebackup_progress_estimated_bytes", **there)
        assert page.get("pg_walsenders_connected", state="backup") == 1
        assert page.all("pg_stat_replication_sent_behind_bytes") == [], "a base backup is no replica"
    finally:
        backup.terminate()
        backup.wait()


def test_statements_are_off_until_named_and_then_one_row_each(primary, scrape, tmp_path):
    assert scrape(primary).all("pg_stat_statements_calls_total") == []
    primary.sql("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    primary.sql("ALTER SYSTEM SET pg_stat_statements.track = 'all'")
    primary.sql("SELECT pg_reload_conf()")
    primary.sql("CREATE OR REPLACE FUNCTION twice() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM pg_class); END'")
    wait_for("nested statements are tracked", lambda: primary.sql("SHOW pg_stat_statements.track") == "all")
    for _ in range(3):
        primary.sql("SELECT twice()")
        primary.sql("(SELECT count(*) FROM pg_class)")
    config = tmp_path / "statements.yaml"
    config.write_text(json.dumps({"queries": [{"files": str(ROOT / "queries" / "*.yaml"), "enable": ["pg_stat_statements"]}]}))
    page = scrape(primary, "--config", str(config))
    samples = page.all("pg_stat_statements_calls_total", usename="postgres", datname="postgres")
    identities = [labels["queryid"] for labels, _ in samples]
    assert identities and len(identities) == len(set(identities)), "inside a function or not: one row"
    assert page.get("pgvigil_samples_dropped_total", reason="duplicate") == 0
    assert all(set(labels) == {"pg_cluster", "pg_instance", "usename", "datname", "queryid"} for labels, _ in samples)

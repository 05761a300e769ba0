"""The shipped query files tell the truth: situations made on real servers, and what the page then says of them.

On the oldest and the newest major, whose statements differ most; test_majors.py runs every query on all of them.
"""

import contextlib
import json
import subprocess

import pytest

from conftest import server_directory
from exporter import ROOT, Page, password_file, run
from postgres import Cluster, client, unprivileged, wait_for

MAJORS = [13, 18]


@pytest.fixture(scope="module", params=MAJORS)
def major(request):
    return request.param


@pytest.fixture(scope="module")
def cluster(major):
    settings = {"max_prepared_transactions": "5", "shared_preload_libraries": "pg_stat_statements", "work_mem": "5MB",
                "autovacuum_naptime": "2min", "idle_in_transaction_session_timeout": "1h", "autovacuum": "off"}
    with server_directory() as directory:
        made = Cluster(directory, standbys=1, major=major, settings=settings)
        yield made
        made.stop()


@pytest.fixture
def primary(cluster):
    """Each test leaves it without sessions, slots, prepared transactions of its own."""
    yield cluster.primary
    cluster.primary.sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active")
    for gid in cluster.primary.sql("SELECT gid FROM pg_prepared_xacts").split():
        cluster.primary.sql(f"ROLLBACK PREPARED '{gid}'")


@pytest.fixture
def scrape(tmp_path):
    """scrape(server): its page, with every query run for it."""
    secret = password_file(tmp_path)

    def one(server, *words):
        done = run("scrape", "--dsn", server.dsn(), "--password-file", str(secret), "--log.level", "error", *words)
        assert done.returncode == 0, done.stderr
        page = Page(done.stdout)
        assert [labels for labels, value in page.all("pgvigil_query_success") if value != 1] == []
        return page

    return one


class Session:
    """A session of psql that stays."""

    def __init__(self, server, dbname):
        self.process = subprocess.Popen([client("psql"), "-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres",
                                         "-d", dbname], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def send(self, sql):
        self.process.stdin.write(sql + ";\n")
        self.process.stdin.flush()

    def ask(self, sql):
        """One row of one column."""
        self.send(sql)
        return self.process.stdout.readline().strip()


@pytest.fixture
def session():
    with contextlib.ExitStack() as stack:
        def start(server, dbname="postgres"):
            made = Session(server, dbname)
            stack.callback(made.process.wait)
            stack.callback(made.process.terminate)
            return made

        yield start


def epoch(server):
    return float(server.sql("SELECT extract(epoch FROM clock_timestamp())"))


def table(server, name, rows=1000):
    server.sql(f"DROP TABLE IF EXISTS {name}; CREATE TABLE {name} AS SELECT i FROM generate_series(1, {rows}) AS i")


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


def test_prepared_transactions_show_with_the_locks_they_hold(primary, scrape):
    table(primary, "touched")
    primary.sql("DROP DATABASE IF EXISTS quiet")
    primary.sql("CREATE DATABASE quiet")
    primary.sql("BEGIN; INSERT INTO touched VALUES (0); PREPARE TRANSACTION 'forgotten'")
    page = scrape(primary)
    assert page.get("pg_prepared_xacts_transactions", datname="postgres") == 1
    assert page.get("pg_prepared_xacts_transactions", datname="quiet") == 0, "none is a number"
    assert page.get("pg_prepared_xacts_oldest_prepared_timestamp_seconds", datname="quiet") is None
    assert page.get("pg_locks_held", datname="postgres", mode="RowExclusiveLock") == 1


def test_each_holder_of_xmin_shows_and_the_others_are_absent(primary, scrape, session):
    table(primary, "aging")
    assert page_holders(scrape(primary)) == {}, "the asking session itself holds nothing"
    primary.sql("SELECT pg_create_logical_replication_slot('reader', 'test_decoding')")  # first: it waits for open transactions
    old = session(primary)
    old.ask("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
    primary.sql("BEGIN; INSERT INTO aging VALUES (0); PREPARE TRANSACTION 'forgotten'")
    for value in range(5):
        primary.sql(f"INSERT INTO aging VALUES ({value})")
    page = scrape(primary)
    holders = page_holders(page)
    assert set(holders) == {"transaction", "prepared_transaction", "slot"}
    assert min(holders.values()) >= 5
    assert page.get("pg_replication_slot_age_catalog_xmin_transactions", slot_name="reader") == holders["slot"]


def page_holders(page):
    return {labels["holder"]: value for labels, value in page.all("pg_xmin_horizon_age_transactions")}


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


def states(page, family, label, **labels):
    """Which members of a state set are 1."""
    return [found[label] for found, value in page.all(family, **labels) if value == 1]


def test_a_slot_that_lost_its_wal_says_so(primary, scrape, major):
    primary.sql("SELECT pg_create_physical_replication_slot('left_behind', true)")
    primary.sql("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
    primary.sql("ALTER SYSTEM SET wal_keep_size = '0'")
    primary.sql("SELECT pg_reload_conf()")

    def lost():
        table(primary, "churned", 1000)
        primary.sql("SELECT pg_switch_wal()")
        primary.sql("CHECKPOINT")
        return primary.sql("SELECT wal_status FROM pg_replication_slots WHERE slot_name = 'left_behind'") == "lost"

    wait_for("the slot is lost", lost)
    page = scrape(primary)
    assert states(page, "pg_replication_slot_wal_status_state", "wal_status", slot_name="left_behind") == ["lost"]
    assert page.get("pg_replication_slots_retained_bytes", slot_name="left_behind") is None
    assert page.get("pg_replication_slots_safe_wal_size_bytes", slot_name="left_behind") is None
    assert page.get("pg_settings_max_slot_wal_keep_size_bytes") == 1048576
    if major >= 17:
        assert page.get("pg_replication_slot_status_invalidated", slot_name="left_behind") == 1
        assert states(page, "pg_replication_slot_invalidation_state", "reason", slot_name="left_behind") == ["wal_removed"]
    primary.sql("ALTER SYSTEM RESET ALL")
    primary.sql("SELECT pg_reload_conf()")


def test_a_failing_archiver_shows_on_the_primary_alone(cluster, primary, scrape):
    primary.sql("SELECT pg_switch_wal()")
    wait_for("a segment is archived", lambda: int(primary.sql("SELECT archived_count FROM pg_stat_archiver")) > 0)
    assert scrape(primary).get("pg_stat_archiver_failing") == 0
    primary.sql("ALTER SYSTEM SET archive_command = '/bin/false'")
    primary.sql("SELECT pg_reload_conf()")

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
    primary.sql("ALTER SYSTEM RESET ALL")
    primary.sql("SELECT pg_reload_conf()")
    wait_for("archiving goes on", lambda: primary.sql("SELECT count(*) FROM pg_stat_archiver WHERE last_archived_time > last_failed_time") == "1")
    assert scrape(cluster.standbys[0]).get("pg_stat_archiver_failing") is None, "a standby does not archive"


def test_replication_shows_at_both_ends(cluster, primary, scrape):
    standby = cluster.standbys[0]
    sending, receiving = scrape(primary), scrape(standby)
    client_of = {"application_name": standby.name, "client_addr": "127.0.0.1"}
    assert sending.get("pg_stat_replication_replay_behind_bytes", **client_of) is not None
    assert sending.get("pg_stat_replication_sync_priority", **client_of) is None, "it is asynchronous"
    assert sending.get("pg_walsenders_connected", state="streaming", sync_state="async", **client_of) == 1
    assert states(receiving, "pg_wal_receiver_state", "status") == ["streaming"]
    assert receiving.get("pg_wal_receiver_source_info", sender_host="127.0.0.1", slot_name="orders_2") == 1
    assert receiving.get("pg_recovery_pause_requested") == 0
    assert receiving.get("pg_recovery_received_bytes") >= receiving.get("pg_recovery_replayed_bytes") > 0


def test_a_standby_without_a_receiver_says_so(cluster, scrape):
    standby = cluster.standbys[0]
    standby.sql("ALTER SYSTEM SET primary_conninfo = ''")
    standby.sql("SELECT pg_reload_conf()")
    wait_for("it is cut off", lambda: standby.sql("SELECT count(*) FROM pg_stat_wal_receiver") == "0")
    page = scrape(standby)
    assert len(page.all("pg_wal_receiver_state")) == 5
    assert states(page, "pg_wal_receiver_state", "status") == []
    assert page.get("pg_stat_wal_receiver_flushed_bytes") is None
    standby.sql("ALTER SYSTEM RESET primary_conninfo")
    standby.sql("SELECT pg_reload_conf()")
    wait_for("it streams again", lambda: standby.sql("SELECT status FROM pg_stat_wal_receiver") == "streaming")


def test_a_vacuum_shows_while_it_runs(primary, scrape, session):
    table(primary, "dusty", 200000)
    primary.sql("DELETE FROM dusty WHERE i % 2 = 0")
    assert scrape(primary).all("pg_vacuum_progress_running") == []
    before = epoch(primary)
    vacuum = session(primary)
    vacuum.send("SET vacuum_cost_delay = 100; SET vacuum_cost_limit = 1; VACUUM dusty")
    wait_for("it scans", lambda: primary.sql("SELECT count(*) FROM pg_stat_progress_vacuum WHERE heap_blks_scanned > 0") == "1")
    page = scrape(primary)
    there = {"datname": "postgres", "phase": "scanning heap"}
    assert page.get("pg_vacuum_progress_running", **there) == 1
    assert page.get("pg_vacuum_progress_heap_bytes", **there) == float(primary.sql("SELECT pg_relation_size('dusty')"))
    assert 0 < page.get("pg_vacuum_progress_heap_scanned_bytes", **there) < page.get("pg_vacuum_progress_heap_bytes", **there)
    assert page.get("pg_vacuum_progress_oldest_start_timestamp_seconds", **there) >= before
    primary.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_progress_vacuum")


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
    primary.sql("ALTER SYSTEM RESET ALL")
    primary.sql("SELECT pg_reload_conf()")

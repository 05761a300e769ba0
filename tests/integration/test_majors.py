"""The shipped query files on every major they are for, as a login with nothing but pg_monitor.

Each major's servers are in a situation in which every query has something to say. The golden pages (tests/golden) hold
the families that then are there, with their types and labels, without values. Written anew with PGVIGIL_GOLDEN=write.
"""

import contextlib
import json
import os
import re
import subprocess

import pytest
import yaml

from conftest import server_directory
from exporter import ROOT, Page, password_file, run
from postgres import Cluster, client, wait_for
from situations import Session, replayed, set_up

MAJORS = [13, 14, 15, 16, 17, 18]
GOLDEN = ROOT / "tests" / "golden"
QUERIES = {name: query for path in sorted((ROOT / "queries").glob("*.yaml")) for name, query in yaml.safe_load(path.read_text(encoding="utf-8")).items()}


class Situation:
    """A primary and a standby to which something of everything happens."""

    def __init__(self, number, cluster, stack):
        self.number, self.cluster, self.stack = number, cluster, stack
        self.primary, self.standby = cluster.primary, cluster.standbys[0]
        self.fill()
        self.archive()
        self.hold()
        self.lag()

    def session(self, server, sql, dbname="postgres"):
        made = Session(server, dbname)
        self.stack.callback(made.end)
        made.send(sql)
        return made

    def fill(self):
        """Work, limits, slots, counters that were reset."""
        for sql in ("CREATE DATABASE limited CONNECTION LIMIT 7",
                    "CREATE EXTENSION pg_stat_statements; CREATE TABLE wanted(i int); CREATE TABLE t(i int); INSERT INTO t SELECT generate_series(1, 1000);"
                    "CREATE TABLE dusty AS SELECT i FROM generate_series(1, 200000) AS i; CREATE INDEX ON dusty(i); DELETE FROM dusty WHERE i % 2 = 0",
                    "SELECT pg_stat_reset(), pg_create_physical_replication_slot('idle', true)",
                    "SELECT pg_create_logical_replication_slot('reader', 'test_decoding')", "CHECKPOINT"):
            self.primary.sql(sql)
        self.primary.sql("BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'forgotten'")
        replayed(self.cluster)
        self.standby.sql("SELECT pg_create_physical_replication_slot('cascading', true)")

    def archive(self):
        """It worked, then it failed, and a file waits."""
        self.primary.sql("SELECT pg_switch_wal()")
        wait_for("a segment is archived", lambda: self.primary.sql("SELECT archived_count > 0 FROM pg_stat_archiver") == "t")
        set_up(self.primary, archive_command="/bin/false", synchronous_standby_names=f'"{self.standby.name}"')
        self.primary.sql("INSERT INTO t VALUES (1)")
        self.primary.sql("SELECT pg_switch_wal()")
        wait_for("archiving fails", lambda: self.primary.sql("SELECT failed_count > 0 FROM pg_stat_archiver") == "t")

    def hold(self):
        """Sessions in and out of transactions, a waiter, a vacuum, a base backup."""
        self.session(self.standby, "SELECT pg_sleep(3600)")
        self.session(self.standby, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM t")  # the slot's xmin by feedback
        self.session(self.primary, "BEGIN ISOLATION LEVEL REPEATABLE READ; LOCK TABLE wanted; SELECT count(*) FROM wanted")
        wait_for("it is locked", lambda: self.primary.sql("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted") == "1")
        self.session(self.primary, "SELECT count(*) FROM wanted")
        wait_for("one waits", lambda: self.primary.sql("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == "1")
        self.session(self.primary, "SET vacuum_cost_delay = 100; SET vacuum_cost_limit = 1; VACUUM dusty")
        wait_for("it scans", lambda: self.primary.sql("SELECT count(*) FROM pg_stat_progress_vacuum WHERE heap_blks_scanned > 0") == "1")
        # By the protocol itself: Debian's pg_basebackup refuses servers newer than itself.
        backup = "BASE_BACKUP (CHECKPOINT 'fast', PROGRESS, MAX_RATE 32)" if self.number >= 15 else "BASE_BACKUP FAST PROGRESS MAX_RATE 32"
        process = subprocess.Popen([client("psql"), "-X", "-q", f"host=127.0.0.1 port={self.primary.port} user=postgres replication=true", "-c", backup],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.stack.callback(process.wait)
        self.stack.callback(process.kill)
        wait_for("it streams", lambda: self.primary.sql("SELECT count(*) FROM pg_stat_progress_basebackup WHERE backup_streamed > 0") == "1")

    def lag(self):
        """Lags that were measured, and that stay because the standby no longer replays."""
        def measured():
            return self.primary.sql("SELECT count(*) FROM pg_stat_replication WHERE write_lag IS NOT NULL AND flush_lag IS NOT NULL "
                                    "AND replay_lag IS NOT NULL") == "1"

        def stays():
            self.standby.sql("SELECT pg_wal_replay_resume()")
            self.primary.sql("INSERT INTO dusty VALUES (0)")
            wait_for("lags are measured", measured)
            self.standby.sql("SELECT pg_wal_replay_pause()")
            self.primary.sql("INSERT INTO dusty VALUES (0)")
            wait_for("it is behind", lambda: self.primary.sql("SELECT count(*) FROM pg_stat_replication WHERE replay_lsn < flush_lsn") == "1")
            return measured()

        wait_for("it lags", stays)
        wait_for("it has said how far it is", lambda: self.standby.sql("SELECT count(latest_end_time) FROM pg_stat_wal_receiver") == "1")
        wait_for("its slot holds xmin", lambda: self.primary.sql("SELECT count(xmin) FROM pg_replication_slots WHERE slot_name = 'orders_2'") == "1")


@pytest.fixture(scope="module", params=MAJORS)
def situation(request):
    number = request.param
    settings = {"max_prepared_transactions": "5", "shared_preload_libraries": "pg_stat_statements", "autovacuum": "off", "track_io_timing": "on",
                "hot_standby_feedback": "on", "wal_receiver_status_interval": "1s", "max_slot_wal_keep_size": "1GB"}
    if number >= 14:
        settings["track_wal_io_timing"] = "on"
    if number >= 18:
        settings.update({"track_cost_delay_timing": "on", "idle_replication_slot_timeout": "1d"})
    with server_directory() as directory, contextlib.ExitStack() as stack:
        cluster = Cluster(directory, standbys=1, major=number, settings=settings)
        stack.callback(cluster.stop)
        yield Situation(number, cluster, stack)


@pytest.fixture
def words(tmp_path):
    """What every call of pgvigil gets: the login, and the shipped set with what is off by default."""
    config = tmp_path / "pgvigil.yaml"
    config.write_text(json.dumps({"queries": [{"files": str(ROOT / "queries" / "*.yaml"), "enable": ["pg_stat_statements"]}]}))
    return ["--password-file", str(password_file(tmp_path)), "--config", str(config)]


def applies(query, number, role):
    """By the conditions that the shipped files use."""
    bounds = re.findall(r"(>=|<)(\d+)", query.get("versions", ""))
    return query.get("role", role) == role and all(number >= int(bound) if sign == ">=" else number < int(bound) for sign, bound in bounds)


@pytest.mark.parametrize("role", ["primary", "standby"])
def test_every_query_runs_and_returns_what_it_declares(situation, role, words):
    server = situation.primary if role == "primary" else situation.standby
    checked = run("check", "--server", server.dsn(), "--dsn", server.dsn(), *words)
    assert checked.returncode == 0, checked.stdout
    rows = {name: int(count) for name, count in re.findall(r"^(\w+): (\d+) rows in ", checked.stdout, re.MULTILINE)}
    assert set(rows) == {name for name, query in QUERIES.items() if applies(query, situation.number, role)}, checked.stdout
    none = {name for name, count in rows.items() if count == 0}
    # From the standby nobody streams or takes a backup, and on it nothing is archived, vacuumed or decoded.
    assert none == (set() if role == "primary" else {name for name in rows if re.match(
        r"pg_(stat_replication|walsenders|stat_archiver|vacuum_progress|basebackup_progress|replication_slot_conflict)", name)})


def skeleton(text):
    """A page's families: name, type, and the label names of its samples."""
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    labels = {}
    for line in text.splitlines():
        match = re.match(r"([a-zA-Z_:0-9]+)(?:\{(.*)\})? ", line)
        if line.startswith("#") or not match:
            continue
        names = tuple(re.findall(r'([a-zA-Z_]\w*)="', match[2] or ""))
        family = match[1] if match[1] in types else re.sub(r"_(bucket|sum|count)$", "", match[1])
        labels.setdefault(family, set()).update(names)
    return "".join(f"{family} {types[family]} {','.join(sorted(names))}\n" for family, names in sorted(labels.items()))


def page_of(server, words):
    done = run("scrape", "--dsn", server.dsn(), "--log.level", "error", *words)
    assert done.returncode == 0, done.stderr
    assert 'pgvigil_query_success{' in done.stdout and not re.search(r"pgvigil_query_success\{.*\} 0", done.stdout)
    return done.stdout


def test_the_page_has_the_families_it_had(situation, words):
    pages = {role: skeleton(page_of(server, words)) for role, server in (("primary", situation.primary), ("standby", situation.standby))}
    found = "".join(f"## {role}\n{page}" for role, page in pages.items())
    path = GOLDEN / f"page-{situation.number}.txt"
    if os.environ.get("PGVIGIL_GOLDEN") == "write":
        path.write_text(found)
    assert found == path.read_text()


# What the page says against what SQL says before and after. Of each: family without its last word, versions, what to read,
# labels, and the expression of each value. A value lies between the two, be it a counter or what has not changed.
SOURCES = [
    ("pg_stat_database", "", "pg_stat_database WHERE datname = 'postgres'", ["datname"], {
        "commits_total": "xact_commit", "rollbacks_total": "xact_rollback", "blocks_read_total": "blks_read", "blocks_hit_total": "blks_hit",
        "rows_returned_total": "tup_returned", "rows_fetched_total": "tup_fetched", "rows_inserted_total": "tup_inserted",
        "rows_updated_total": "tup_updated", "rows_deleted_total": "tup_deleted", "conflicts_total": "conflicts", "temp_files_total": "temp_files",
        "temp_bytes_total": "temp_bytes", "deadlocks_total": "deadlocks", "block_read_seconds_total": "blk_read_time / 1000",
        "block_write_seconds_total": "blk_write_time / 1000", "stats_reset_timestamp_seconds": "extract(epoch FROM stats_reset)"}),
    ("pg_stat_database_sessions", ">=14", "pg_stat_database WHERE datname = 'postgres'", ["datname"], {
        "started_total": "sessions", "abandoned_total": "sessions_abandoned", "fatal_total": "sessions_fatal", "killed_total": "sessions_killed",
        "active_seconds_total": "active_time / 1000", "idle_in_transaction_seconds_total": "idle_in_transaction_time / 1000"}),
    ("pg_stat_wal", ">=14", "pg_stat_wal", [], {
        "records_total": "wal_records", "full_page_images_total": "wal_fpi", "bytes_total": "wal_bytes", "buffers_full_total": "wal_buffers_full",
        "stats_reset_timestamp_seconds": "extract(epoch FROM stats_reset)"}),
    ("pg_stat_wal_io", ">=14,<18", "pg_stat_wal", [], {
        "writes_total": "wal_write", "syncs_total": "wal_sync", "write_seconds_total": "wal_write_time / 1000",
        "sync_seconds_total": "wal_sync_time / 1000"}),
    ("pg_stat_wal_io", ">=18", "pg_stat_io WHERE object = 'wal' AND context = 'normal' AND backend_type <> 'walreceiver'", [], {
        "writes_total": "sum(writes)", "syncs_total": "sum(fsyncs)", "write_seconds_total": "sum(write_time) / 1000",
        "sync_seconds_total": "sum(fsync_time) / 1000"}),
    ("pg_checkpointer", "<17", "pg_stat_bgwriter", [], {
        "timed_total": "checkpoints_timed", "requested_total": "checkpoints_req", "write_seconds_total": "checkpoint_write_time / 1000",
        "sync_seconds_total": "checkpoint_sync_time / 1000", "buffers_written_total": "buffers_checkpoint",
        "stats_reset_timestamp_seconds": "extract(epoch FROM stats_reset)"}),
    ("pg_checkpointer", ">=17", "pg_stat_checkpointer", [], {
        "timed_total": "num_timed", "requested_total": "num_requested", "restartpoints_timed_total": "restartpoints_timed",
        "restartpoints_requested_total": "restartpoints_req", "restartpoints_done_total": "restartpoints_done",
        "write_seconds_total": "write_time / 1000", "sync_seconds_total": "sync_time / 1000", "buffers_written_total": "buffers_written",
        "stats_reset_timestamp_seconds": "extract(epoch FROM stats_reset)"}),
    ("pg_checkpointer", ">=18", "pg_stat_checkpointer", [], {"done_total": "num_done", "slru_buffers_written_total": "slru_written"}),
    ("pg_bgwriter", "", "pg_stat_bgwriter", [], {
        "buffers_written_total": "buffers_clean", "stopped_total": "maxwritten_clean", "buffers_allocated_total": "buffers_alloc"}),
    ("pg_bgwriter", "<17", "pg_stat_bgwriter", [], {
        "backend_buffers_written_total": "buffers_backend", "backend_fsyncs_total": "buffers_backend_fsync"}),
    ("pg_control_checkpoint", "", "pg_control_checkpoint()", [], {
        "timestamp_seconds": "extract(epoch FROM checkpoint_time)", "timeline": "timeline_id"}),
    ("pg_wraparound", "", "pg_database", ["datname"], {
        "xid_age_transactions": "age(datfrozenxid)", "mxid_age_multixacts": "mxid_age(datminmxid)",
        "xid_used_ratio": "age(datfrozenxid) / 2147483648::float8", "mxid_used_ratio": "mxid_age(datminmxid) / 2147483648::float8"}),
    ("pg_stat_io", ">=16", "pg_stat_io", ["backend_type", "object", "context"], {
        "reads_total": "reads", "read_seconds_total": "read_time / 1000", "writes_total": "writes", "write_seconds_total": "write_time / 1000",
        "writebacks_total": "writebacks", "writeback_seconds_total": "writeback_time / 1000", "extends_total": "extends",
        "extend_seconds_total": "extend_time / 1000", "hits_total": "hits", "evictions_total": "evictions", "reuses_total": "reuses",
        "fsyncs_total": "fsyncs", "fsync_seconds_total": "fsync_time / 1000"}),
    ("pg_stat_io", ">=16,<18", "pg_stat_io", ["backend_type", "object", "context"], {
        "read_bytes_total": "reads * 8192", "write_bytes_total": "writes * 8192", "extend_bytes_total": "extends * 8192"}),
    ("pg_stat_io", ">=18", "pg_stat_io", ["backend_type", "object", "context"], {
        "read_bytes_total": "read_bytes", "write_bytes_total": "write_bytes", "extend_bytes_total": "extend_bytes"}),
]


def asked(server, sources):
    """All that by SQL, at once; of each source its rows by the values of their labels."""
    selects = []
    for _, _, source, labels, values in sources:
        columns = [*labels, *(f'({expression})::float8 AS "{name}"' for name, expression in values.items())]
        selects.append(f"(SELECT coalesce(json_agg(one), '[]') FROM (SELECT {', '.join(columns)} FROM {source}) AS one)")
    answers = json.loads(server.sql(f"SELECT json_build_array({', '.join(selects)})"))
    return [{tuple(row[label] or "" for label in source[3]): row for row in rows} for source, rows in zip(sources, answers)]


@pytest.mark.parametrize("role", ["primary", "standby"])
def test_values_are_what_sql_says(situation, role, words):
    server = situation.primary if role == "primary" else situation.standby
    sources = [source for source in SOURCES if applies({"versions": source[1]}, situation.number, role)]
    before = asked(server, sources)
    page = Page(page_of(server, words))
    after = asked(server, sources)
    seen = set()
    for (prefix, _, _, labels, values), least, most in zip(sources, before, after):
        for name in values:
            for own, value in page.all(f"{prefix}_{name}"):
                key = tuple(own.get(label, "") for label in labels)
                if key in most:
                    low, high = (least.get(key) or {}).get(name) or 0, most[key][name]
                    assert low * (1 - 1e-12) <= value <= high * (1 + 1e-12), (prefix, name, key)
                    seen.add((prefix, name))
    # What is NULL is absent: a reset that never was, and conflicts of which there is no count.
    missing = {(source[0], name) for source, most in zip(sources, after) for row in most.values() for name in source[4] if row[name]} - seen
    assert missing == set()

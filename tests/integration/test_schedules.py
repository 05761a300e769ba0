"""Configured schedules against what pg_basebackup really made: what is due, by how much it is late, what is told beforehand."""

import datetime
import json
import re
import time
import zoneinfo

import pytest

from archives import PROBE
from exporter import instances, password_file, run
from postgres import client, run as run_as_postgres, wait_for

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
LONG_AGO = datetime.datetime(2026, 1, 10, 12, 0, 0, tzinfo=datetime.timezone.utc)


@pytest.fixture
def archived(own_cluster, tmp_path):
    """A primary that copies its WAL into a directory, with another one for its backups."""
    class Archived:
        def __init__(self):
            self.cluster = own_cluster(standbys=0, settings={"archive_command": "cp %p ../wal/%f", "archive_timeout": "60"})
            self.primary = self.cluster.primary
            self.root = self.primary.data.parent
            for name in ("wal", "backups"):
                run_as_postgres(["mkdir", self.root / name])

        def backup(self, name):
            """When it began, by its own label: whole seconds."""
            run_as_postgres([client("pg_basebackup"), "-D", self.folder(name), "-h", "127.0.0.1", "-p", self.primary.port, "-U", "postgres", "-c", "fast",
                             "--no-sync"])
            text = (self.folder(name) / "backup_label").read_text()
            began = re.search(r"^START TIME: (.*) (?:UTC|GMT)$", text, re.MULTILINE)[1]
            return datetime.datetime.fromisoformat(began).replace(tzinfo=datetime.timezone.utc)

        def folder(self, name):
            return self.root / "backups" / name

        def cluster_of(self, *schedules, **more):
            return {"name": "orders", "instances": instances(self.cluster.servers, password_file(tmp_path)),
                    "archive": [{"name": "nfs", "directory": {"path": str(self.root / "wal"), "backups": str(self.root / "backups")}}],
                    "schedules": list(schedules), **more}

    return Archived()


@pytest.fixture
def serve(start_exporter, tmp_path):
    def start(cluster):
        queries = tmp_path / "queries.yaml"
        queries.write_text(json.dumps(PROBE))
        return start_exporter({"clusters": [cluster], "queries": [{"files": str(queries)}], "intervals": {"archive": "1s"}})

    return start


def due(page, schedule):
    return page.get("pgvigil_backup_due_timestamp_seconds", schedule=schedule)


def overdue(page, schedule):
    return page.get("pgvigil_backup_overdue_seconds", schedule=schedule)


def next_two_in_berlin(moment):
    """The first 02:00 in Berlin after it. In January its clocks are not set."""
    local = moment.astimezone(BERLIN)
    slot = local.replace(hour=2, minute=0, second=0, microsecond=0)
    return (slot if slot > local else slot + datetime.timedelta(days=1)).timestamp()


def test_a_backup_is_due_after_the_last_that_started_and_overdue_from_then_on(archived, serve):
    first = archived.backup("first")
    label = archived.folder("first") / "backup_label"
    label.write_text(label.read_text().replace(f"{first:%Y-%m-%d %H:%M:%S}", f"{LONG_AGO:%Y-%m-%d %H:%M:%S}"))
    exporter = serve(archived.cluster_of(
        {"name": "nightly", "cron": "0 0 2 * * *", "timezone": "Europe/Berlin", "match": {"method": "basebackup", "type": "full"}},
        {"name": "each second", "cron": "@every 1s"},
        {"name": "rare", "cron": "@every 87600h", "match": {"method": "basebackup"}},
        {"name": "resting", "cron": "@every 1s", "suspend": True},
        {"name": "dumps", "cron": "@daily", "match": {"method": "dump"}},
        {"name": "increments", "cron": "@daily", "match": {"method": "basebackup", "type": "incr"}}))

    page = wait_for("the backup is seen", lambda: (page := exporter.page()) and due(page, "nightly") and page)
    before = time.time()
    page = exporter.page()
    after = time.time()
    assert due(page, "nightly") == next_two_in_berlin(LONG_AGO) == LONG_AGO.timestamp() + 13 * 3600
    assert due(page, "each second") == LONG_AGO.timestamp() + 1
    assert due(page, "rare") == LONG_AGO.timestamp() + 87600 * 3600
    for schedule in ("nightly", "each second"):
        assert before <= due(page, schedule) + overdue(page, schedule) <= after, "overdue is told of the moment of the page"
    assert overdue(page, "rare") == 0, "it lies ahead"
    for schedule in ("resting", "dumps", "increments"):
        assert due(page, schedule) is None and overdue(page, schedule) is None, schedule
    suspended = {labels["schedule"]: value for labels, value in page.all("pgvigil_backup_schedule_suspended")}
    assert suspended == {"nightly": 0, "each second": 0, "rare": 0, "resting": 1, "dumps": 0, "increments": 0}
    assert page.get("pgvigil_objective_backup_age_seconds") == 2, "twice the shortest period of those that are not suspended"

    second = archived.backup("second")
    page = wait_for("the next backup is seen", lambda: (page := exporter.page()) and due(page, "each second") == second.timestamp() + 1 and page)
    assert second.timestamp() < due(page, "nightly") <= second.timestamp() + 49 * 3600
    assert overdue(page, "nightly") == 0
    assert overdue(page, "rare") == 0


def test_a_schedule_is_not_late_only_because_its_archive_cannot_be_read(archived, serve):
    began = archived.backup("first")
    archived.folder("first").rename(archived.root / "kept")
    exporter = serve(archived.cluster_of({"name": "hourly", "cron": "@every 1h"}, objectives={"backup_age": "26h"}))
    page = wait_for("the archive is read", lambda: (page := exporter.page()) and page.get("pgvigil_source_up", archive="nfs") and page)
    assert due(page, "hourly") is None, "nothing has started by it yet"
    assert page.get("pgvigil_backup_schedule_suspended", schedule="hourly") == 0
    assert page.get("pgvigil_objective_backup_age_seconds") == 26 * 3600, "what is declared stands"

    (archived.root / "kept").rename(archived.folder("first"))
    wait_for("it is due", lambda: due(exporter.page(), "hourly") == began.timestamp() + 3600)
    archived.folder("").rename(archived.root / "gone")
    page = wait_for("the archive is not read", lambda: (page := exporter.page()) and page.get("pgvigil_source_up", archive="nfs") == 0 and page)
    assert due(page, "hourly") == began.timestamp() + 3600, "what was seen has started"
    assert overdue(page, "hourly") == 0


def test_check_holds_the_way_a_server_archives_against_the_loss_that_is_allowed(archived, tmp_path):
    config, queries = tmp_path / "pgvigil.yaml", tmp_path / "queries.yaml"
    queries.write_text(json.dumps(PROBE))

    def checked(**objectives):
        config.write_text(json.dumps({"clusters": [archived.cluster_of(objectives=objectives)]}))
        done = run("check", "--config", str(config), "--server", archived.primary.dsn(), "--password-file", str(tmp_path / "password"), str(queries))
        return done.returncode, [line for line in done.stdout.splitlines() if line.startswith("archiving")]

    assert checked(rpo_site="1m") == (0, [])
    code, said = checked(rpo_site="59s")
    assert code == 1 and len(said) == 1
    assert said[0].startswith("archiving: PROBLEM: objectives.rpo_site of cluster orders is 59s, below archive_timeout, which is 1m: ")
    archived.primary.sql("ALTER SYSTEM SET archive_timeout = 0")
    archived.primary.sql("SELECT pg_reload_conf()")
    wait_for("it is set", lambda: archived.primary.sql("SHOW archive_timeout") == "0")
    code, said = checked()
    assert code == 1 and len(said) == 1 and said[0].startswith("archiving: PROBLEM: archive_timeout is 0: ")

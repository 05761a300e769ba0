"""The shipped query files on every major they are for, as a login with nothing but pg_monitor.

The golden pages (tests/golden) hold each major's families with their types and labels, without values. Written anew with
PGVIGIL_GOLDEN=write.
"""

import os
import re

import pytest

from conftest import server_directory
from exporter import ROOT, run
from postgres import PASSWORD, Cluster

MAJORS = [13, 14, 15, 16, 17, 18]
GOLDEN = ROOT / "tests" / "golden"
# There or not by what happens at that moment: a session that is not idle, a lag that was just measured, a vacuum.
MOMENTARY = re.compile(r"pg_(stat_activity|wait|locks|vacuum_progress|basebackup_progress|stat_replication_\w+_lag|xmin_horizon"
                       r"|wal_directory_oldest|lock_waiters_oldest|stat_archiver_last|recovery_last|stat_wal_receiver_latest"
                       r"|replication_slot_age|replication_slot_status_inactive)\w*")


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
    return "".join(f"{family} {types[family]} {','.join(sorted(names))}\n" for family, names in sorted(labels.items())
                   if not MOMENTARY.fullmatch(family))


@pytest.fixture(scope="module", params=MAJORS)
def major(request):
    with server_directory() as directory:
        cluster = Cluster(directory, standbys=1, major=request.param, settings={"max_prepared_transactions": "5"})
        # Something of everything, so that no family is empty by chance.
        cluster.primary.sql("CREATE TABLE t(i int); INSERT INTO t SELECT generate_series(1, 1000)")
        cluster.primary.sql("BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'forgotten'")
        cluster.primary.sql("SELECT pg_create_physical_replication_slot('idle', true)")
        cluster.primary.sql("CHECKPOINT; SELECT pg_switch_wal()")
        yield request.param, cluster
        cluster.stop()


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "password"
    path.write_text(PASSWORD)
    return str(path)


@pytest.mark.parametrize("role", ["primary", "standby"])
def test_every_query_runs_and_returns_what_it_declares(major, role, secret):
    _, cluster = major
    server = cluster.primary if role == "primary" else cluster.standbys[0]
    checked = run("check", "--server", server.dsn(), "--password-file", secret)
    assert checked.returncode == 0, checked.stdout
    assert "0 problems" in checked.stdout


def test_the_page_has_the_families_it_had(major, secret):
    number, cluster = major
    pages = []
    for server in cluster.servers:
        page = run("scrape", "--dsn", server.dsn(), "--password-file", secret, "--log.level", "error")
        assert page.returncode == 0, page.stderr
        assert 'pgvigil_query_success{' in page.stdout and not re.search(r"pgvigil_query_success\{.*\} 0", page.stdout)
        pages.append(skeleton(page.stdout))
    found = "".join(f"## {role}\n{page}" for role, page in zip(("primary", "standby"), pages))
    path = GOLDEN / f"page-{number}.txt"
    if os.environ.get("PGVIGIL_GOLDEN") == "write":
        path.write_text(found)
    assert found == path.read_text()

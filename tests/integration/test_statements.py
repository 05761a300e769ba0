"""What a single statement can do to the session it shares with the others."""

import subprocess

from postgres import client
from test_bad_days import SIMPLE, gauge


def test_a_timeout_that_could_not_be_prepared_once_is_prepared_again(own_cluster, watch):
    cluster = own_cluster(standbys=0)
    exporter = watch(cluster, {**SIMPLE, "pg_timed": gauge("SELECT 1 AS value", timeout="5s")})
    with subprocess.Popen([client("psql"), "-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-p", str(cluster.primary.port), "-U", "postgres",
                           "-d", "postgres"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as locker:
        locker.stdin.write("BEGIN; LOCK TABLE pg_catalog.pg_proc; SELECT 'locked';\n")
        locker.stdin.flush()
        assert locker.stdout.readline().strip() == "locked"
        exporter.page(timeout=5)
        locker.communicate("ROLLBACK;\n")
    exporter.wait_page("it is read", lambda page: page.get("pg_timed_value") == 1)

"""Situations on real servers that several files of tests make, and how a page shows them."""

import contextlib
import subprocess

from postgres import client, wait_for


class Session:
    """A session of psql that stays."""

    def __init__(self, server, dbname):
        self.server = server
        self.process = subprocess.Popen([client("psql"), "-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres",
                                         "-d", dbname], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self.ask("SELECT pg_backend_pid()")

    def send(self, sql):
        self.process.stdin.write(sql + ";\n")
        self.process.stdin.flush()

    def ask(self, sql):
        """One row of one column."""
        self.send(sql)
        return self.process.stdout.readline().strip()

    def end(self):
        """Also that of a statement which takes its time."""
        if self.process.poll() is None:
            self.server.sql(f"SELECT pg_terminate_backend({self.pid})")
            self.process.terminate()
            self.process.wait()


@contextlib.contextmanager
def changed(server, **settings):
    """The server with these settings, where a reload is enough."""
    try:
        yield set_up(server, **settings)
    finally:
        set_up(server)


def set_up(server, **settings):
    """These settings, and none that an earlier call made."""
    server.sql("ALTER SYSTEM RESET ALL")
    for name, value in settings.items():
        server.sql(f"ALTER SYSTEM SET {name} = '{value}'")
    before = server.sql("SELECT pg_conf_load_time() FROM pg_reload_conf()")
    wait_for("it is reloaded", lambda: server.sql("SELECT pg_conf_load_time()") != before)


def tear_down(server):
    """Without the slots, prepared transactions and settings that a test left."""
    left = server.sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active;"
                      "SELECT gid FROM pg_prepared_xacts UNION ALL SELECT 'settings' FROM pg_settings WHERE sourcefile LIKE '%auto.conf'").split()
    for gid in {*left} - {"settings"}:
        server.sql(f"ROLLBACK PREPARED '{gid}'")
    if "settings" in left:
        set_up(server)


def replayed(cluster):
    """The standby has replayed what there is."""
    position = cluster.primary.sql("SELECT pg_current_wal_flush_lsn()")
    wait_for("it is replayed", lambda: cluster.standbys[0].sql(f"SELECT pg_last_wal_replay_lsn() >= '{position}'") == "t")


def write(server, name="written", times=5):
    """Transactions, one after the other."""
    for value in range(times):
        server.sql(f"INSERT INTO {name} VALUES ({value})")


def streams(cluster, slot):
    """The standby streams, with or without its slot, and needs no rows."""
    return cluster.primary.sql("SELECT count(*) FROM pg_stat_replication, pg_replication_slots WHERE state = 'streaming' AND backend_xmin IS NULL "
                               f"AND slot_name = 'orders_2' AND xmin IS NULL AND (pid = active_pid) IS {'' if slot else 'NOT '}TRUE") == "1"


def epoch(server):
    return float(server.sql("SELECT extract(epoch FROM clock_timestamp())"))


def table(server, name, rows=1000):
    server.sql(f"DROP TABLE IF EXISTS {name}; CREATE TABLE {name} AS SELECT i FROM generate_series(1, {rows}) AS i")


def page_holders(page):
    return {labels["holder"]: value for labels, value in page.all("pg_xmin_horizon_age_transactions")}


def states(page, family, label, **labels):
    """Which members of a state set are 1."""
    return [found[label] for found, value in page.all(family, **labels) if value == 1]


def assert_holds_nothing(page, slot):
    assert states(page, "pg_replication_slot_wal_status_state", "wal_status", slot_name=slot) == ["lost"]
    for family in ("pg_replication_slots_retained_bytes", "pg_replication_slots_unconfirmed_bytes", "pg_replication_slots_safe_wal_size_bytes",
                   "pg_replication_slot_age_xmin_transactions", "pg_replication_slot_age_catalog_xmin_transactions"):
        assert page.get(family, slot_name=slot) is None, family
    assert page_holders(page) == {}


def set_recovery(stopped, **settings):
    """In place of what a standby of the shared kind is told; the last word, since it comes after postgresql.conf."""
    settings = {"primary_conninfo": "", "primary_slot_name": "", **settings}
    stopped.write("postgresql.auto.conf", "".join(f"{key} = '{value}'\n" for key, value in settings.items()))


def follow(stopped, upstream, slot=""):
    set_recovery(stopped, primary_slot_name=slot,
                 primary_conninfo=f"host=127.0.0.1 port={upstream.port} user=postgres application_name={stopped.name}")

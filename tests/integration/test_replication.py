"""Where a standby stands, made on real servers: what the verdict module is told here is what PostgreSQL says."""

import json
import signal

from exporter import instances, password_file
from postgres import wait_for
from situations import follow, set_recovery

PROBE = {"pg_probe": {"sql": "SELECT 1 AS one", "columns": {"one": {"usage": "gauge", "description": "One"}}}}
STATES = ("streaming", "catching_up", "archive_recovery", "paused", "disconnected", "diverged")


def state_of(page, instance):
    return next((state for state in STATES if page.get("pgvigil_replication_state", pg_instance=instance, state=state) == 1), None)


def lag(page, instance, position="received"):
    return page.get("pgvigil_replication_lag_bytes", pg_instance=instance, position=position)


def test_the_old_primary_that_came_back_as_a_standby_has_diverged(own_cluster, watch):
    cluster = own_cluster(standbys=2)
    old, new, third = cluster.servers
    exporter = watch(cluster, PROBE)
    exporter.wait_page("all answer", lambda page: page.get("pgvigil_cluster_instances", state="ready") == 3)
    for standby in (new, third):
        standby.sql("ALTER SYSTEM SET primary_conninfo = ''")
        standby.sql("SELECT pg_reload_conf()")
    wait_for("nobody follows", lambda: old.sql("SELECT count(*) FROM pg_stat_replication") == "0")
    old.sql("CREATE TABLE lost AS SELECT generate_series(1, 10000)")
    old.stop()
    new.promote()
    old.write("standby.signal", "")
    follow(old, new)
    old.start()
    third.stop()
    follow(third, new)
    third.start()
    page = exporter.wait_page("each has its state", lambda page: state_of(page, old.name) == "diverged" and state_of(page, third.name) == "streaming")
    assert lag(page, old.name) is None
    assert lag(page, third.name) == 0
    assert page.get("pgvigil_timeline_id", pg_instance=third.name) == 2
    assert page.get("pgvigil_rpo_bytes", loss="primary") == 0, "the third has everything"
    # An exporter that starts only now has not seen the promotion and must come to the same.
    late = watch(cluster, PROBE)
    late.wait_page("each has its state", lambda page: state_of(page, old.name) == "diverged" and state_of(page, third.name) == "streaming")


def test_a_standby_fed_by_an_archive_goes_over_a_promotion(own_cluster, watch):
    cluster = own_cluster(standbys=2)
    archive = cluster.directory / "archive"
    archive.mkdir()
    archive.chmod(0o777)  # the servers run as another user
    old, new, fed = cluster.servers
    for server in (old, new):
        server.sql(f"ALTER SYSTEM SET archive_command = 'test ! -f {archive}/%f && cp %p {archive}/%f'")
        server.sql("SELECT pg_reload_conf()")
    fed.stop()
    set_recovery(fed, restore_command=f"cp {archive}/%f %p")
    fed.start()
    exporter = watch(cluster, PROBE, intervals={"observe_standby": "1s"})

    def write(server, table):
        server.sql(f"CREATE TABLE {table} AS SELECT generate_series(1, 10000)")
        server.sql("SELECT pg_switch_wal()")
        wait_for(f"{table} came through the archive", lambda: fed.sql(f"SELECT to_regclass('{table}') IS NOT NULL") == "t")

    write(old, "before")
    exporter.wait_page("it is seen", lambda page: state_of(page, fed.name) == "archive_recovery")
    old.stop(signal.SIGQUIT)
    new.promote()
    exporter.wait_page("the new primary is seen", lambda page: page.get("pgvigil_timeline_id", pg_instance=new.name) == 2)
    write(new, "after")
    beyond = int(new.sql("SELECT pg_last_wal_replay_lsn() - '0/0'"))
    assert int(fed.sql("SELECT pg_last_wal_replay_lsn() - '0/0'")) > beyond, "it is past the switch, whatever its control data say"
    states = []

    def caught_up(page):
        states.append(state_of(page, fed.name))
        return (lag(page, fed.name) or 1 << 30) < 1 << 24 and states.count("archive_recovery") >= 20

    exporter.wait_page("it goes on", caught_up)
    assert set(states) == {"archive_recovery"}


def test_a_replica_cluster_is_measured_against_its_designated_primary(own_cluster, start_exporter, tmp_path):
    source = own_cluster(standbys=2)
    designated, cascaded = source.standbys
    designated.sql("SELECT pg_create_physical_replication_slot('cascade')")
    cascaded.stop()
    follow(cascaded, designated, slot="cascade")
    cascaded.start()
    wait_for("it follows", lambda: designated.sql("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == "1")
    queries = tmp_path / "queries.yaml"
    queries.write_text(json.dumps(PROBE))
    exporter = start_exporter({"clusters": [{"name": "dr", "replica": True,
                                             "instances": instances(source.standbys, password_file(tmp_path))}],
                               "queries": [{"files": str(queries)}]})
    page = exporter.wait_page("both are measured", lambda page: lag(page, cascaded.name) == 0 and lag(page, designated.name) == 0)
    assert [state_of(page, standby.name) for standby in source.standbys] == ["streaming", "streaming"]
    assert page.get("pgvigil_cluster_primaries") is None
    assert page.all("pgvigil_rpo_bytes") == []

    cascaded.sql("SELECT pg_wal_replay_pause()")
    source.primary.sql("CREATE TABLE later AS SELECT generate_series(1, 10000)")
    page = exporter.wait_page("replay lags behind what the designated primary received",
                              lambda page: (lag(page, cascaded.name, "replayed") or 0) > 100_000 and lag(page, cascaded.name) == 0)
    assert lag(page, designated.name, "replayed") == 0
    cascaded.sql("SELECT pg_wal_replay_resume()")
    exporter.wait_page("it is there again", lambda page: lag(page, cascaded.name, "replayed") == 0)

"""Every way in which a primary goes and comes, on real servers: what is told is held against what the test measured itself."""

import json
import os
import signal
import time

import pytest

from driver import Wire, Writes, crash, cut_off, end_of_wal, hang, history, number, promote, rejoin, switch_over
from exporter import instances, password_file
from situations import replayed

INTERVALS = {"observe_primary": "200ms", "observe_standby": "200ms"}
KINDS = ("failover", "switchover", "restart", "crash", "aborted", "designated")


class Watch:
    """An exporter with a journal of its own, and what it tells of the cluster."""

    def __init__(self, start_exporter, directory, members):
        self.start_exporter = start_exporter
        directory.mkdir(exist_ok=True)
        self.journal = directory / "journal"
        self.config = {"clusters": [{"name": "orders", "instances": members}], "intervals": INTERVALS, "journal": str(self.journal)}
        self.start()

    def start(self):
        self.exporter = self.start_exporter(self.config)
        self.exporter.wait_page("what answers is read", lambda page: page.get("pgvigil_cluster_primaries") is not None)

    def seen(self, server):
        """A moment at which the server was well, and after which it was seen."""
        moment = time.time()
        self.exporter.wait_page("it is seen", lambda page: (
            page.get("pgvigil_source_last_success_timestamp_seconds", source="sql", pg_instance=server.name) or 0) > moment)
        return moment

    def cluster(self):
        return json.loads(self.exporter.request("/api/v1/status")[2])["clusters"][0]

    def events(self):
        """The oldest first."""
        return self.cluster()["failovers"][::-1]

    def wait(self, **counts):
        """The page on which these kinds have these counts, and no other kind was counted."""
        wanted = {kind: counts.get(kind, 0) for kind in KINDS}
        return self.exporter.wait_page(f"{wanted} are counted", lambda page: wanted == {
            kind: page.get("pgvigil_failover_events_total", kind=kind) for kind in KINDS})

    def identities(self):
        lines = [json.loads(line) for line in self.journal.read_text().splitlines()]
        return [line["event"]["identity"] for line in lines if "event" in line]


@pytest.fixture
def watcher(start_exporter, tmp_path):
    """watcher(servers): an exporter that remembers; watcher(servers, name) one more."""

    def start(servers, name="first", members=None):
        return Watch(start_exporter, tmp_path / name, members or instances(servers, password_file(tmp_path)))

    return start


@pytest.fixture
def writing():
    made = []

    def start(server):
        made.append(Writes(server))
        return made[-1]

    yield start
    for writes in made:
        writes.end()


def moments(event):
    def seconds(text):
        whole, _, rest = text.rstrip("Z").partition(".")
        return time.mktime(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) - time.timezone + float("0." + (rest or "0"))
    return seconds(event["last_good"]), seconds(event["serving"])


def assert_between(event, well, gone, promoted, writable):
    """The old primary was last seen between a moment at which it was well and one at which it was gone; the new one from its promotion on."""
    last_good, serving = moments(event)
    assert well <= last_good <= gone
    assert promoted <= serving
    assert serving <= writable + 5, "seen within the interval, with room for a busy machine"
    assert event["outage_seconds"] == pytest.approx(serving - last_good, abs=0.1)


def kill_cleanly(server):
    server.stop(signal.SIGINT)


def kill_at_once(server):
    server.stop(signal.SIGQUIT)


def kill_hard(server):
    server.stop(signal.SIGKILL)


@pytest.mark.parametrize("end", [kill_at_once, kill_hard, hang])
def test_a_primary_that_goes_by_itself_is_a_failover_with_its_outage_and_loss(own_cluster, watcher, writing, end):
    cluster = own_cluster()
    old, new, third = cluster.servers
    watch = watcher(cluster.servers)
    cut_off(old, new)
    cut_off(old, third)
    writes = writing(old)
    well = watch.seen(old)
    stopped = end(old) or []
    gone = time.time()
    watch.exporter.wait_page("it is missed", lambda page: page.get("pg_up", pg_instance=old.name) == 0)
    promoted = time.time()
    promote(new, [third])
    new.sql("CREATE TABLE writable ()")
    page = watch.wait(failover=1)
    event, = watch.events()
    assert (event["kind"], event["from"], event["to"], event["timeline"]) == ("failover", old.name, new.name, 2)
    assert_between(event, well, gone, promoted, time.time())
    began = number(event["switch_lsn"])
    assert began == history(new, 2)
    old.stop(signal.SIGKILL)
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)
    assert writes.position_before(well) - began <= event["lost_bytes"] <= end_of_wal(old, 1) - began
    assert page.get("pgvigil_last_failover_lost_bytes", kind="failover") == event["lost_bytes"] > 0
    assert page.get("pgvigil_last_failover_outage_seconds", kind="failover") == pytest.approx(event["outage_seconds"], abs=0.001)
    assert page.get("pgvigil_failover_events_recent", kind="failover", window="1h") == 1
    said = next(answer for answer in watch.cluster()["answers"] if answer["question"] == "lately")["says"][0]["text"]
    assert f" failover {old.name} → {new.name}, writable after " in said and " lost (last seen " in said


@pytest.mark.parametrize("major", [13, 14, 15, 16, 17, 18])
@pytest.mark.parametrize("end, kind", [(kill_cleanly, "switchover"), (kill_at_once, "failover"), (kill_hard, "failover")])
def test_what_was_ordered_is_told_from_what_was_not_on_every_major(own_cluster, watcher, major, end, kind):
    """Also where nothing was lost: each of them sends the same code to the sessions that it ends."""
    cluster = own_cluster(standbys=1, major=major)
    old, new = cluster.servers
    watch = watcher(cluster.servers)
    watch.seen(old)
    replayed(cluster)
    end(old)
    watch.exporter.wait_page("it is missed", lambda page: page.get("pg_up", pg_instance=old.name) == 0)
    new.promote()
    watch.wait(**{kind: 1})
    assert watch.events()[0]["lost_bytes"] == 0


def test_what_stands_in_the_way_of_a_failover_is_named(own_cluster, watcher):
    cluster = own_cluster(standbys=1)
    primary, standby = cluster.servers
    watch = watcher(cluster.servers)

    def blockers(page):
        return {labels["blocker"] for labels, value in page.all("pgvigil_failover_blocker") if value == 1}

    watch.exporter.wait_page("it is ready", lambda page: page.get("pgvigil_failover_ready") == 1 and not blockers(page))
    primary.sql(f"ALTER SYSTEM SET synchronous_standby_names = '2 (\"{standby.name}\", other)'")
    primary.sql("SELECT pg_reload_conf()")
    watch.exporter.wait_page("the quorum", lambda page: blockers(page) == {"quorum"} and page.get("pgvigil_failover_ready") == 0)
    primary.sql("ALTER SYSTEM RESET synchronous_standby_names")
    primary.sql("SELECT pg_reload_conf()")
    standby.stop()
    watch.exporter.wait_page("the standby", lambda page: blockers(page) == {"no_standby"} and page.get("pgvigil_failover_ready") == 0)
    primary.stop()
    standby.start()
    watch.exporter.wait_page("it is not known", lambda page: page.get("pgvigil_failover_ready") is None and not blockers(page))


def test_a_switchover_loses_nothing(own_cluster, watcher):
    cluster = own_cluster(settings={"wal_log_hints": "on"})
    old, new, third = cluster.servers
    watch = watcher(cluster.servers)
    old.sql("CREATE TABLE written AS SELECT generate_series(1, 10000)")
    well = watch.seen(old)
    switch_over(old, new, [third])
    page = watch.wait(switchover=1)
    event, = watch.events()
    assert (event["kind"], event["from"], event["to"], event["lost_bytes"]) == ("switchover", old.name, new.name, 0)
    assert well <= moments(event)[0]
    assert page.get("pgvigil_last_failover_lost_bytes", kind="switchover") == 0
    assert page.get("pgvigil_last_failover_timestamp_seconds", kind="failover") is None
    rejoin(old, new)
    watch.seen(old)
    switch_over(new, old)
    watch.wait(switchover=2)
    assert [(event["from"], event["to"], event["timeline"]) for event in watch.events()] == [(old.name, new.name, 2), (new.name, old.name, 3)]


def test_a_clean_shutdown_whose_last_wal_nobody_has_is_a_failover(own_cluster, watcher):
    cluster = own_cluster(standbys=1)
    old, new = cluster.servers
    watch = watcher(cluster.servers)
    cut_off(old, new)
    old.sql("CREATE TABLE lost AS SELECT generate_series(1, 10000)")
    watch.seen(old)
    kill_cleanly(old)
    promote(new)
    watch.wait(failover=1)
    event, = watch.events()
    assert event["lost_bytes"] > 100_000


def test_a_failed_candidate_leaves_one_event(own_cluster, watcher):
    cluster = own_cluster()
    old, candidate, third = cluster.servers
    watch = watcher(cluster.servers)
    watch.seen(old)
    kill_hard(old)
    kill_hard(candidate)
    promote(third)
    watch.wait(failover=1)
    assert [(event["from"], event["to"]) for event in watch.events()] == [(old.name, third.name)]


def test_a_restart_in_place(own_cluster, watcher):
    cluster = own_cluster(standbys=1)
    old = cluster.primary
    watch = watcher(cluster.servers)
    well = watch.seen(old)
    kill_cleanly(old)
    gone = time.time()
    old.start()
    watch.wait(restart=1)
    event, = watch.events()
    assert (event["from"], event["to"], event["timeline"]) == (old.name, old.name, 1)
    assert_between(event, well, gone, gone, time.time())
    cluster.standbys[0].stop()
    cluster.standbys[0].start()
    watch.seen(cluster.standbys[0])
    watch.wait(restart=1)


def test_a_backend_that_is_killed(own_cluster, watcher):
    cluster = own_cluster(standbys=1)
    watch = watcher(cluster.servers)
    watch.seen(cluster.primary)
    crash(cluster.primary)
    page = watch.wait(crash=1)
    assert page.get("pgvigil_last_failover_timestamp_seconds", kind="crash") is None
    event, = watch.events()
    assert (event["from"], event["to"]) == (cluster.primary.name, cluster.primary.name)


def test_a_wire_that_is_cut_and_an_old_primary_that_returns_with_wal_of_its_own(own_cluster, watcher, tmp_path):
    cluster = own_cluster(standbys=1, settings={"wal_log_hints": "on"})
    old, new = cluster.servers
    wire = Wire(old)
    try:
        members = instances(cluster.servers, password_file(tmp_path))
        members[0]["dsn"] = old.dsn().replace(f"port={old.port}", f"port={wire.port}")
        watch = watcher(cluster.servers, members=members)
        new.sql(f"ALTER SYSTEM SET primary_conninfo = 'host=127.0.0.1 port={wire.port} user=postgres application_name={new.name}'")
        new.sql("SELECT pg_reload_conf()")
        well = watch.seen(old)
        wire.cut = True
        gone = time.time()
        watch.exporter.wait_page("it is missed", lambda page: page.get("pg_up", pg_instance=old.name) == 0)
        promoted = time.time()
        promote(new)
        watch.wait(failover=1)
        assert_between(watch.events()[0], well, gone, promoted, time.time())
        old.sql("CREATE TABLE lost AS SELECT generate_series(1, 10000)")
        wire.mend()
        watch.exporter.wait_page("two primaries", lambda page: page.get("pgvigil_cluster_primaries") == 2)
        watch.wait(failover=1)
        kill_cleanly(old)
        rejoin(old, new)
        watch.exporter.wait_page("it follows", lambda page: page.get(
            "pgvigil_replication_state", pg_instance=old.name, state="streaming") == 1)
        watch.wait(failover=1)
    finally:
        wire.close()


def test_two_failovers_in_a_row(own_cluster, watcher):
    cluster = own_cluster()
    first, second, third = cluster.servers
    watch = watcher(cluster.servers)
    watch.seen(first)
    kill_at_once(first)
    promote(second, [third])
    watch.wait(failover=1)
    watch.seen(second)
    kill_at_once(second)
    promote(third)
    page = watch.wait(failover=2)
    assert [(event["from"], event["to"], event["timeline"]) for event in watch.events()] == [
        (first.name, second.name, 2), (second.name, third.name, 3)]
    assert page.get("pgvigil_failover_events_recent", kind="failover", window="1h") == 2


def test_an_exporter_that_is_restarted_in_the_middle(own_cluster, watcher):
    cluster = own_cluster(standbys=1)
    old, new = cluster.servers
    watch = watcher(cluster.servers)
    well = watch.seen(old)
    kill_at_once(old)
    gone = time.time()
    watch.exporter.wait_page("it is missed", lambda page: page.get("pg_up", pg_instance=old.name) == 0)
    watch.exporter.stop()
    promote(new)
    watch.start()
    watch.wait(failover=1)
    event, = watch.events()
    assert (event["from"], event["to"]) == (old.name, new.name)
    assert well <= moments(event)[0] <= gone
    assert number(event["switch_lsn"]) == history(new, 2)
    os.kill(watch.exporter.process.pid, signal.SIGKILL)
    watch.exporter.stop()
    watch.start()
    watch.wait(failover=1)
    assert watch.events() == [event]


def test_a_promotion_that_nobody_watched_is_listed_and_not_counted(own_cluster, watcher):
    cluster = own_cluster(standbys=1)
    old, new = cluster.servers
    watch = watcher(cluster.servers)
    watch.seen(old)
    watch.exporter.stop()
    kill_at_once(old)
    promote(new)
    watch.start()
    watch.wait()
    assert [event["kind"] for event in watch.events()] == ["unknown"]
    late = watcher(cluster.servers, "late")
    late.wait()
    assert late.events() == []


def test_two_exporters_agree(own_cluster, watcher):
    cluster = own_cluster(standbys=1)
    old, new = cluster.servers
    watches = [watcher(cluster.servers, name) for name in ("first", "second")]
    for watch in watches:
        watch.seen(old)
    kill_cleanly(old)
    old.start()
    for watch in watches:
        watch.wait(restart=1)
        watch.seen(old)
    kill_at_once(old)
    promote(new)
    for watch in watches:
        watch.wait(restart=1, failover=1)
        watch.exporter.stop()
    assert watches[0].identities() == watches[1].identities()
    assert len(watches[0].identities()) == 2

"""Stores that refuse, fall silent or lie: what a page then says of the archive, and for how long."""

import contextlib
import re
import signal

import pytest

from archives import BUCKET, SEGMENT, Barman, Marks, Sight, Vigil, find_barman, switch, written_up_to
from conftest import server_directory
from objectstore import Relay, Server, find_versitygw, free_port
from postgres import Cluster

pytestmark = pytest.mark.skipif(find_versitygw() is None or find_barman("debian") is None,
                                reason="versitygw or barman-cloud is not installed (scripts/test.sh does it)")

KNOWN = ["archive_effective", "archive_gaps", "archive_missing_segments", "archive_timeline_id"]


class Scene:
    def __init__(self, directory, s3):
        self.tool = Barman("debian", s3, directory, "orders")
        self.tool.archive_by_copy()
        (directory / "servers").mkdir()
        self.cluster = Cluster(directory / "servers", standbys=0, settings=self.tool.settings)
        marks = Marks(self.cluster.primary)
        self.backup = self.tool.backup(self.cluster.primary)
        marks.make()
        switch(self.cluster.primary)
        self.end = written_up_to(self.cluster.primary) // SEGMENT * SEGMENT
        self.tool.archive_not("false")

    def behind(self, sight):
        """Whether a page tells the end of the stored WAL, in bytes behind a primary that goes on being read."""
        backlog = sight.value("archive_backlog_bytes")
        return backlog is not None and written_up_to(self.cluster.primary) - backlog == self.end


@pytest.fixture(scope="module")
def scene(s3):
    s3.policy(BUCKET, s3.user("lister", BUCKET, "s3:ListBucket"), s3.user("getter", BUCKET, "s3:GetObject"))
    with server_directory() as directory:
        made = Scene(directory, s3)
        try:
            yield made
        finally:
            made.cluster.stop()


@pytest.fixture
def place(scene, tmp_path):
    """place(name, key=..., secret=..., further changes): the archive as somebody else sees it."""

    def one(name, key=None, secret=None, **change):
        if key:
            for what, value in (("key", key), ("secret", secret or key * 2)):
                (tmp_path / f"{name}-{what}").write_text(value + "\n")
            change["credentials"] = {"access_key_id_file": str(tmp_path / f"{name}-key"), "secret_access_key_file": str(tmp_path / f"{name}-secret")}
        return scene.tool.place(tmp_path, name, **change)

    return one


@pytest.fixture
def another(s3):
    """A factory of S3 servers of the same content."""
    with contextlib.ExitStack() as stack:
        def start():
            made = Server(stack.enter_context(server_directory()) / "s3", s3.buckets)
            stack.callback(made.stop)
            return made

        yield start


def said(vigil, archive):
    """What the log says of the archive's failures."""
    return [line for line in vigil.exporter.log().splitlines() if 'msg="archive cannot be read"' in line and f"archive={archive}" in line]


def assert_nothing_is_known(sight):
    samples = [(family, labels) for family, labels, _ in sight.page.samples if labels.get("archive") == sight.archive and labels.get("evidence") != "server"]
    assert {family for family, _ in samples} <= {"pgvigil_source_up", "pgvigil_source_duration_seconds", "pgvigil_source_last_success_timestamp_seconds",
                                                 "pgvigil_archive_clock_skew_seconds"}, samples


def test_an_archive_that_is_refused_is_unknown_and_the_log_says_what_to_do(scene, place, start_exporter, tmp_path):
    refused = {  # and what the log names
        "wrong-secret": (place("wrong-secret", "admin", "wrong"), "auth", "secret access key does not belong"),
        "wrong-key": (place("wrong-key", "nobody"), "auth", "does not know this access key"),
        "no-list": (place("no-list", "getter"), "permission", "s3:ListBucket"),
        "no-get": (place("no-get", "lister"), "permission", "s3:GetObject"),
        "no-bucket": (place("no-bucket", bucket="missing"), "not_found", "no such bucket"),
        "no-server": (place("no-server", endpoint=f"https://localhost:{free_port()}"), "refused", "refused"),
    }
    (tmp_path / "a").mkdir()
    vigil = Vigil(start_exporter, tmp_path / "a", scene.cluster.servers, *(one for one, _, _ in refused.values()))
    names = list(refused)
    sight = vigil.wait("all failed", lambda sight: all(Sight(sight.page, name).up == 0 for name in names) and sight.page.get("pg_up") == 1)
    for name, (_, reason, words) in refused.items():
        one = Sight(sight.page, name)
        assert one.up == 0, name
        assert one.value("source_last_success_timestamp_seconds") is None
        assert_nothing_is_known(one)
        assert re.search(rf"reason={reason}\b", said(vigil, name)[0]) and words in said(vigil, name)[0], said(vigil, name)[0]
    assert sight.rpo("bytes") is None and sight.rpo("seconds") is None, "unknown is neither nothing nor everything"
    vigil.exporter.stop()

    (tmp_path / "b").mkdir()
    vigil = Vigil(start_exporter, tmp_path / "b", scene.cluster.servers, scene.tool.place(tmp_path), refused["no-list"][0])
    sight = vigil.wait("one of two can be read", lambda sight: sight.up == 1 and sight.rpo("bytes") is not None)
    assert sight.rpo("bytes") == sight.value("archive_backlog_bytes"), "the one that is known counts"
    assert Sight(sight.page, "no-list").up == 0


def test_the_last_reading_stands_for_five_minutes(scene, s3, another, place, start_exporter, tmp_path, clock):
    """Of a server that is gone, one that hangs, and one whose answers are cut."""
    cut = [False]
    gone, hanging, relay = another(), another(), Relay.of(s3, lambda answer: answer[:-10] if cut[0] else answer)
    names = ["gone", "hanging", "cut"]
    try:
        authorities = (gone.ca, hanging.ca, s3.ca)
        places = [place(name, endpoint=server.endpoint, ca_file=str(ca)) for name, server, ca in zip(names, (gone, hanging, relay), authorities)]
        vigil = Vigil(start_exporter, tmp_path, scene.cluster.servers, *places, environment=clock.environment)

        def all_of(condition):
            return lambda sight: all(condition(Sight(sight.page, name)) for name in names)

        def fact(one):
            return [one.value(family) for family in KNOWN] + [one.start]

        def stands(one):
            return one.up == 0 and fact(one) == before and scene.behind(one)

        before = fact(vigil.wait("all are read", all_of(lambda one: one.up == 1 and None not in fact(one) and one.end and scene.behind(one))))
        gone.stop()
        hanging.process.send_signal(signal.SIGSTOP)
        cut[0] = True
        vigil.wait("who is answered fails", lambda sight: Sight(sight.page, "gone").up == 0 and Sight(sight.page, "cut").up == 0)
        clock.ahead(31)  # not before: in the middle of their tries they would be out of time, too
        vigil.wait("all fail", all_of(lambda one: one.up == 0))
        vigil.wait("what was read stands", all_of(stands))
        for name, reason in zip(names, ("refused", "timeout", "unavailable")):
            assert f"reason={reason}" in said(vigil, name)[0], said(vigil, name)

        clock.ahead(200)
        sight = vigil.wait("it stands after 231 seconds and what went by itself", all_of(stands))
        assert sight.rpo("bytes") is not None
        last = Sight(sight.page, "gone").value("source_last_success_timestamp_seconds")
        clock.ahead(70)
        sight = vigil.wait("the primary is read again", lambda sight: sight.page.get("pgvigil_timeline_id") == 1)
        for name in names:
            assert_nothing_is_known(Sight(sight.page, name))
            assert Sight(sight.page, name).up == 0
        assert sight.rpo("bytes") is None and sight.rpo("seconds") is None
        assert Sight(sight.page, "gone").value("source_last_success_timestamp_seconds") == last, "since when it is unknown"

        gone.start()
        hanging.process.send_signal(signal.SIGCONT)
        cut[0] = False
        sight = vigil.wait("all are read again", all_of(lambda one: one.up == 1 and one.value("archive_gaps") is not None))
        assert sight.rpo("bytes") is not None
    finally:
        relay.stop()


@pytest.mark.parametrize("seconds", [-1200, 1200])
def test_a_wrong_clock_is_told_and_costs_nothing(scene, start_exporter, tmp_path, clock, seconds):
    clock.ahead(seconds)
    vigil = Vigil(start_exporter, tmp_path, scene.cluster.servers, scene.tool.place(tmp_path), environment=clock.environment)
    sight = vigil.wait("it is read", lambda sight: sight.up == 1 and sight.start)
    assert abs(sight.value("archive_clock_skew_seconds") + seconds) < 30
    assert sight.backups("restorable") == 1
    assert sight.gaps == (0, 0)
    assert said(vigil, "s3") == []

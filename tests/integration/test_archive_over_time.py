"""Archives while time goes by: an idle server, a command that throws WAL away, retention. Where hours pass, the clocks of the server
and the exporter are moved."""

import pytest

from archives import Marks, Restores, Vigil, fill_segments, find_barman, found_marks, micros, proven_end, switch
from conftest import server_directory
from objectstore import find_versitygw
from plain import Plain


@pytest.fixture
def scene(own_cluster, start_exporter, tmp_path, clock):
    """scene(settings): a tool, a primary with a base backup and two marks in the archive, the marks, an exporter."""
    with server_directory() as directory:
        def make(**settings):
            tool = Plain(directory)
            cluster = own_cluster(standbys=0, settings={**tool.settings, **settings}, environment=clock.environment)
            marks = Marks(cluster.primary)
            tool.backup(cluster.primary, "bare", "-X", "none")
            marks.make(2)
            switch(cluster.primary)
            vigil = Vigil(start_exporter, tmp_path, cluster.servers, tool.place("copied"), method="basebackup", environment=clock.environment)
            return tool, cluster, marks, vigil, vigil.wait("all is known", lambda sight: sight.end and sight.value("archive_effective") == 1)

        yield make


def restored(cluster, tool):
    copies = Restores(cluster.directory, tool)
    try:
        server = copies.restore("bare")
        return found_marks(server), copies.reached(server)[1]
    finally:
        copies.stop()


def test_an_idle_hour_loses_nothing(scene, clock):
    tool, cluster, marks, vigil, first = scene(autovacuum="off")  # its transactions are transactions
    began = first.value("source_last_success_timestamp_seconds")
    for minutes in range(4, 64, 4):
        clock.ahead(240)
        sight = vigil.wait("all is read again", lambda sight: sight.value("source_last_success_timestamp_seconds") >= began + minutes * 60
                           and sight.rpo("seconds") is not None and sight.end and sight.end >= first.end + micros(minutes * 60))
        assert sight.rpo("seconds") == 0
        assert sight.rpo("bytes") < 65536, "what an idle server writes of itself"
        assert sight.value("archive_backlog_segments") == 0
        assert sight.value("archive_effective") == 1
        assert sight.gaps == (0, 0)
        assert sight.start == first.start
    tool.archive_not("false")
    marks.make()
    assert sight.end <= marks.times()[3]
    vigil.wait("it is seen", lambda sight: sight.rpo("seconds"))
    clock.ahead(100)
    sight = vigil.wait("the loss is told", lambda sight: (sight.rpo("seconds") or 0) >= 100)
    assert sight.rpo("seconds") < 600, "not since the archive was written last"
    assert sight.end <= marks.times()[3]
    assert restored(cluster, tool) == ({1, 2}, proven_end(sight, cluster.primary))


def test_a_command_that_throws_wal_away_is_found_out(scene, clock):
    tool, cluster, marks, vigil, _ = scene()
    tool.archive_not("true")
    marks.make()
    lost = switch(cluster.primary)
    reported = float(cluster.primary.sql("SELECT extract(epoch FROM last_archived_time) FROM pg_stat_archiver"))
    vigil.wait("it is reported", lambda sight: sight.value("archive_last_wal_timestamp_seconds", evidence="server") >= reported - 0.001
               and sight.value("archive_backlog_segments") == 1)
    clock.ahead(61)
    sight = vigil.wait("it is not effective", lambda sight: sight.value("archive_effective") == 0)
    assert sight.end <= marks.times()[3]
    assert restored(cluster, tool) == ({1, 2}, proven_end(sight, cluster.primary))

    tool.archive()
    marks.make()
    switch(cluster.primary)
    vigil.wait("what is reported is stored again", lambda sight: sight.value("archive_effective") == 1)
    clock.ahead(400)
    sight = vigil.wait("what was thrown away is a gap", lambda sight: sight.gaps == (1, 1))
    assert lost not in {path.name for path in (tool.directory / "copied").iterdir()}
    assert restored(cluster, tool) == ({1, 2}, proven_end(sight, cluster.primary))


@pytest.mark.skipif(find_versitygw() is None or find_barman("debian") is None,
                    reason="versitygw or barman-cloud is not installed (scripts/test.sh does it)")
def test_what_barmans_retention_removes_is_no_gap(make_barman, own_cluster, start_exporter, tmp_path):
    tool = make_barman()
    tool.archive_by_copy()
    cluster = own_cluster(standbys=0, settings=tool.settings)
    marks, backups = Marks(cluster.primary), []
    for _ in range(2):
        backups.append(tool.backup(cluster.primary))
        marks.make()
        fill_segments(cluster.primary, 3)
    stored = tool.segments()
    vigil = Vigil(start_exporter, tmp_path, cluster.servers, tool.place(tmp_path))
    before = vigil.wait("both are seen", lambda sight: sight.backups("restorable") == 2 and sight.end)
    tool.keep_only(1)
    assert tool.backups() == backups[1:] and set(tool.segments()) < set(stored)
    after = vigil.wait("one is gone", lambda sight: sight.backups("restorable") == 1)
    after = vigil.wait_listed()
    assert (after.backups("broken"), after.backups("orphan"), after.gaps) == (0, 0, (0, 0))
    assert after.start > before.start and after.end >= before.end
    copies = Restores(cluster.directory, tool)
    try:
        server = copies.restore(backups[1], after.start)
        assert found_marks(server) == {number for number, time in marks.times().items() if time <= after.start}
    finally:
        copies.stop()

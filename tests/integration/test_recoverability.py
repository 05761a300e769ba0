"""What pgvigil says can be restored, and what a restore by the tool itself then finds."""

import contextlib
import random

import pytest

from archives import SEGMENT, Marks, Restores, Vigil, find_barman, found_marks, micros, switch, written_up_to
from objectstore import find_versitygw

pytestmark = pytest.mark.skipif(find_versitygw() is None or find_barman("debian") is None,
                                reason="versitygw or barman-cloud is not installed (scripts/test.sh does it)")

COMPRESSIONS = ["--gzip", "--zstd", "--lz4", "--snappy", "--xz", "--bzip2"]


def proven_end(vigil, primary):
    """A page, and where the proven WAL ends by it: told in bytes behind a primary that may write a record between two samples."""
    sight = vigil.wait("the end is told", lambda sight: (written_up_to(primary) - sight.value("archive_backlog_bytes")) % SEGMENT == 0)
    return sight, written_up_to(primary) - int(sight.value("archive_backlog_bytes"))


@contextlib.contextmanager
def busy(session, server, writers=2):
    """Commits all the while, about a thousand a second."""
    server.sql("CREATE TABLE IF NOT EXISTS noise (i int); CREATE TABLE IF NOT EXISTS quiet (i int)")
    sessions = [session(server) for _ in range(writers)]
    for one in sessions:
        one.send("DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM quiet) LOOP INSERT INTO noise VALUES (1); COMMIT; "
                 "PERFORM pg_sleep(0.0005); END LOOP; END $$; SELECT 'done'")
    try:
        yield
    finally:
        server.sql("INSERT INTO quiet VALUES (1)")
        for one in sessions:
            assert one.process.stdout.readline().strip() == "done"
        server.sql("TRUNCATE quiet")


@pytest.mark.parametrize("version", ["debian", "3.19.1"])
def test_every_moment_of_the_window_can_be_restored(version, make_barman, own_cluster, start_exporter, tmp_path, session):
    if find_barman(version) is None:
        pytest.skip(f"barman {version} is not installed (scripts/test.sh does it)")
    tool = make_barman(version)
    cluster = own_cluster(standbys=0, settings=tool.settings)
    primary = cluster.primary
    marks = Marks(primary)
    vigil = Vigil(start_exporter, tmp_path, cluster.servers, tool.place(tmp_path))
    marks.make(2)
    with busy(session, primary):
        backup = tool.backup(primary)
    compressions = ["--gzip", "--bzip2", ""] if version == "debian" else COMPRESSIONS
    for compression in compressions:
        tool.archive_by_tool(compression)
        marks.make(2)
        switch(primary)
    tool.archive_not("false")
    archived = marks.make() - 1
    primary.sql("SELECT pg_switch_wal()")
    marks.make()
    suffixes = {tool.file_of(name).suffix for name in tool.segments()}
    assert suffixes == ({".gz", ".bz2", ""} if version == "debian" else {".gz", ".bz2", ".xz", ".snappy", ".zst", ".lz4", ""})

    vigil.wait("all that is stored is seen", lambda sight: sight.start and sight.end and sight.value("archive_backlog_segments") == 1)
    sight, proven = proven_end(vigil, primary)
    assert sight.backups("restorable") == 1
    assert sight.gaps == (0, 0)
    times = marks.times()
    assert sight.end <= times[archived + 1], "what is not archived is beyond the end"
    assert {number for number, lsn in marks.ends.items() if lsn <= proven} == set(range(1, archived + 1))

    copies = Restores(cluster.directory, tool)
    try:
        def marks_at(target):
            server = copies.restore(backup, target)
            found = found_marks(server)
            return server, found

        random.seed(version)
        middle = random.randrange(sight.start, times[archived])
        for target in (sight.start, middle):
            server, found = marks_at(target)
            assert found == {number for number, time in times.items() if time <= target}, target
            server.stop()
        server, found = marks_at(None)
        assert found == set(range(1, archived + 1))
        assert copies.reached(server) == (1, proven)
        server.stop()
        assert "ended before configured recovery target was reached" in copies.refusal(backup, times[archived + 1])
        assert "before consistent recovery point" in copies.refusal(backup, times[2])
    finally:
        copies.stop()

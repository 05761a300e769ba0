"""Archives over promotions: what pgvigil says of them, and what a restore from them then reaches."""

import os
import shutil
import signal
import subprocess

import pytest

from archives import SEGMENT, Marks, Restores, Vigil, fill_segments, find_barman, found_marks, number_of, proven_end, switch
from objectstore import find_versitygw
from postgres import Server, run, wait_for
from situations import replayed

pytestmark = pytest.mark.skipif(find_versitygw() is None or find_barman("debian") is None,
                                reason="versitygw or barman-cloud is not installed (scripts/test.sh does it)")


@pytest.fixture
def scene(make_barman, own_cluster, start_exporter, tmp_path):
    """scene(standbys): a cluster that archives by copies, the tool, its marks, and watch(servers): an exporter."""

    def make(standbys):
        tool = make_barman()
        tool.archive_by_copy()
        cluster = own_cluster(standbys=standbys, settings=tool.settings)
        return tool, cluster, Marks(cluster.primary), lambda servers: Vigil(start_exporter, tmp_path, servers, tool.place(tmp_path))

    return make


@pytest.fixture
def restore():
    """restore(cluster, tool, backup, ...): what a restore of it finds, and where it ended."""

    def one(cluster, tool, backup, **settings):
        copies = Restores(cluster.directory, tool)
        try:
            server = copies.restore(backup, **settings)
            return found_marks(server), copies.reached(server)
        finally:
            copies.stop()

    return one


def promote(cluster, server, marks):
    """Once it has replayed everything; the others follow it."""
    if marks.server.process:
        replayed(cluster)
    server.promote()
    marks.server = server
    for other in cluster.servers:
        if other not in (server, cluster.primary) and other.process:
            server.sql(f"SELECT pg_create_physical_replication_slot('{other.name.replace('-', '_')}')")
            other.sql(f"ALTER SYSTEM SET primary_conninfo = 'host=127.0.0.1 port={server.port} user=postgres application_name={other.name}'")
            other.sql("SELECT pg_reload_conf()")


def test_segments_that_died_with_the_primary_end_the_window_until_they_are_found(scene, restore):
    tool, cluster, marks, watch = scene(1)
    old, new = cluster.servers
    backup = tool.backup(old)
    marks.make()
    switch(old)
    tool.archive_not("false")
    names = []
    for _ in range(3):
        marks.make()
        names.append(old.sql("SELECT pg_walfile_name(pg_switch_wal())"))
    marks.make()
    replayed(cluster)
    vigil = watch(cluster.servers)
    before = vigil.wait("the backlog is seen", lambda sight: sight.value("archive_backlog_segments") == 3)
    old.stop(signal.SIGKILL)
    tool.archive_by_copy()
    promote(cluster, new, marks)
    last = marks.make()
    switch(new)
    wait_for("what it has is archived", lambda: tool.segments()[-1].startswith("00000002"))
    sight = vigil.wait("the new timeline is seen", lambda sight: sight.value("archive_switch_missing_segments") == 3)
    assert sight.gaps == (0, 0), "the old primary may still archive its rest"
    assert sight.end <= marks.times()[2]
    vigil.exporter.stop()

    tool.age()
    vigil = watch(cluster.servers)
    sight = vigil.wait("the holes are confirmed", lambda sight: sight.gaps == (1, 3))
    assert sight.value("archive_switch_missing_segments") == 3
    assert sight.value("archive_missing_histories") == 0
    assert (sight.value("archive_timeline_id"), sight.value("archive_highest_timeline_id")) == (1, 2)
    assert sight.start == before.start
    assert sight.end <= marks.times()[2], "what died with the primary is beyond the end"
    assert sight.rpo("bytes") > before.rpo("bytes") > 3 * SEGMENT
    proven = proven_end(sight, new)
    assert restore(cluster, tool, backup) == (marks.up_to(proven), (2, proven))
    assert marks.up_to(proven) == {1}

    for name in names:
        shutil.copy(new.data / "pg_wal" / name, tool.wals / name[:16] / name)
        (tool.wals / name[:16] / name).chmod(0o644)
    tool.age()
    sight = vigil.wait("they are there", lambda sight: sight.gaps == (0, 0) and sight.value("archive_backlog_segments") == 0)
    assert sight.value("archive_switch_missing_segments") == 0
    assert sight.value("archive_timeline_id") == 2
    proven = proven_end(sight, new)
    assert restore(cluster, tool, backup) == (set(range(1, last + 1)), (2, proven))

    tool.file_of("00000002.history").unlink()
    sight = vigil.wait("the history is missed", lambda sight: sight.value("archive_missing_histories") == 1)
    proven = proven_end(sight, new)
    assert sight.value("archive_timeline_id") == 1
    assert restore(cluster, tool, backup) == (marks.up_to(proven), (1, proven))


def test_an_old_primary_that_goes_on_is_told_and_proves_nothing(scene, restore):
    tool, cluster, marks, watch = scene(1)
    old, new = cluster.servers
    backup = tool.backup(old)
    marks.make()
    switch(old)
    vigil = watch(cluster.servers)
    promote(cluster, new, marks)
    old.sql("INSERT INTO marks VALUES (-1)")
    late = fill_segments(old, 3)
    kept = marks.make()
    switch(new)
    sight = vigil.wait("both are seen", lambda sight: sight.value("archive_conflicts", kind="timeline") and sight.value("archive_timeline_id") == 2)
    # The segment of the switch may be either side's.
    assert sight.value("archive_conflicts", kind="timeline") in (len(late), len(late) - 1)
    assert sight.value("archive_conflicts", kind="position") == sight.value("archive_conflicts", kind="stranger") == 0
    proven = proven_end(sight, new)
    assert sight.gaps == (0, 0)
    assert restore(cluster, tool, backup) == (set(range(1, kept + 1)), (2, proven))

    tool.age()  # a quarter of an hour is enough
    vigil.wait("it is of the past", lambda sight: sight.value("archive_conflicts", kind="timeline") == 0)


def test_a_clone_that_archives_into_the_same_place_is_told(scene):
    tool, cluster, marks, watch = scene(0)
    primary = cluster.primary
    tool.backup(primary)
    marks.make()
    primary.stop()
    clone = Server(cluster.directory, "clone")
    run(["cp", "-a", primary.data, clone.data])
    cluster.servers.append(clone)
    primary.start()
    switch(primary)
    vigil = watch([primary])
    assert vigil.wait("it is listed", lambda sight: sight.end).value("archive_conflicts", kind="position") == 0
    clone.start()
    fill_segments(clone, 4)
    # One that it has begun may have been finished since it was asked.
    ahead = number_of(tool.segments()[-1]) - int(primary.sql("SELECT pg_current_wal_flush_lsn() - '0/0'")) // SEGMENT
    assert ahead >= 2
    vigil.wait("the clone is seen", lambda sight: sight.value("archive_conflicts", kind="position") == ahead)


def test_a_standbys_backup_may_begin_before_a_promotion_and_end_behind_it(scene, restore, session):
    tool, cluster, marks, watch = scene(2)
    old, new, third = cluster.servers
    marks.make()
    replayed(cluster)
    observer = session(third)
    process = subprocess.Popen(tool.backup_command(third), env=tool.environment, cwd="/", start_new_session=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        begun = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT version()'"  # what barman asks after pg_backup_start
        while observer.ask(begun) == "0":
            assert process.poll() is None, process.stdout.read()
        os.killpg(process.pid, signal.SIGSTOP)
        assert observer.ask("SELECT count(*) FROM pg_stat_activity WHERE query ~ 'backup_[s]top'") == "0"
        marks.make()
        promote(cluster, new, marks)
        old.stop()
        marks.make()
        switch(new)
        new.sql("CHECKPOINT")
        caught_up = new.sql("SELECT pg_current_wal_flush_lsn()")
        wait_for("the third follows", lambda: third.sql(f"SELECT pg_last_wal_replay_lsn() >= '{caught_up}'") == "t")
        third.sql("CHECKPOINT")  # its pages are written: the backup needs WAL up to here
    finally:
        os.killpg(process.pid, signal.SIGCONT)
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    backup, = tool.backups()
    info = tool.info(backup)
    assert (info["begin_wal"][:8], info["end_wal"][:8]) == ("00000001", "00000002"), info
    last = marks.make()
    switch(new)

    vigil = watch([new, third])
    sight = vigil.wait("it is judged", lambda sight: sight.backups("restorable") == 1 and sight.value("archive_backlog_segments") == 0)
    assert sight.gaps == (0, 0)
    assert restore(cluster, tool, backup) == (set(range(1, last + 1)), (2, proven_end(sight, new)))


def test_a_restored_server_that_archives_into_the_same_place_takes_the_path_with_it(scene, restore):
    tool, cluster, marks, watch = scene(0)
    primary = cluster.primary
    backups = []
    for _ in range(2):
        backups.append(tool.backup(primary))
        marks.make(2)
        switch(primary)
    last, times = len(marks.ends), marks.times()
    primary.stop()
    copies = Restores(cluster.directory, tool)
    try:
        restored = copies.restore(backups[0], times[1], archive_mode="on")
        restored.sql("INSERT INTO marks VALUES (101)")
        switch(restored)
        sight = watch([restored]).wait("its timeline is seen", lambda sight: sight.value("archive_timeline_id") == 2)
        assert (sight.backups("restorable"), sight.backups("broken")) == (1, 1), "what was taken behind the fork is of another history"
        assert sight.gaps == (0, 0)
        assert restore(cluster, tool, backups[0]) == ({1, 101}, (2, proven_end(sight, restored)))
        assert "is not a child of this server's history" in copies.refusal(backups[1], None)
        restored.stop()

        primary.start()
        switch(primary)
        sight = watch([primary]).wait("the higher timeline is seen", lambda sight: sight.value("archive_conflicts", kind="timeline"))
        assert sight.value("archive_highest_timeline_id") == 2
        assert (sight.backups("restorable"), sight.backups("broken")) == (2, 0)
        proven = proven_end(sight, primary)
        assert restore(cluster, tool, backups[1], recovery_target_timeline="1") == (set(range(1, last + 1)), (1, proven))
    finally:
        copies.stop()

"""An archive that lost something: what pgvigil says of it, and what a restore from it then reaches."""

import datetime
import os
import shutil
import signal
import subprocess

import pytest

from archives import SEGMENT, Barman, Marks, Restores, Sight, Vigil, fill_segments, find_barman, found_marks, number_of, proven_end
from conftest import server_directory
from objectstore import find_versitygw
from postgres import Cluster, wait_for

pytestmark = pytest.mark.skipif(find_versitygw() is None or find_barman("debian") is None,
                                reason="versitygw or barman-cloud is not installed (scripts/test.sh does it)")


class Archive:
    """Two backups with segments behind each, whole. Each damage is done to a copy; one exporter watches them all."""

    def __init__(self, directory, s3):
        self.tool = Barman("debian", s3, directory, "whole")
        self.tool.archive_by_copy()
        self.cluster = Cluster(directory / "servers", standbys=0, settings=self.tool.settings)
        self.primary = self.cluster.primary
        self.marks = Marks(self.primary)
        self.backups, self.behind = [], []
        for _ in range(2):
            self.backups.append(self.tool.backup(self.primary))
            names = []
            for _ in range(5):
                self.marks.make()
                names += fill_segments(self.primary, 1)
            self.behind.append(names)
        self.tool.archive_not("false")
        self.tool.age()
        self.directory, self.copies = directory, {}

    def copy(self, name):
        """Another place with the same content."""
        made = Barman("debian", self.tool.s3, self.directory / name, name)
        shutil.rmtree(made.root)
        shutil.copytree(self.tool.root, made.root)
        made.archive_by_copy()
        self.copies[name] = made
        return made

    def end_of(self, backup):
        return self.tool.info(backup)["end_time"]


@pytest.fixture(scope="module")
def archive(s3):
    with server_directory() as directory:
        (directory / "servers").mkdir()
        made = Archive(directory, s3)
        try:
            yield made
        finally:
            made.cluster.stop()


@pytest.fixture(scope="module")
def damaged(archive):
    """The copies, by what was done to them."""
    first, second = archive.behind
    copies = {}
    one = archive.copy("one-missing-between-the-backups")
    one.file_of(first[2]).unlink()
    three = archive.copy("three-missing-in-two-runs")
    for name in (first[1], second[1], second[2]):
        three.file_of(name).unlink()
    truncated = archive.copy("one-cut-short")
    os.truncate(truncated.file_of(second[2]), SEGMENT // 2)
    partial = archive.copy("the-last-is-partial")
    last = partial.file_of(second[-1])
    last.rename(last.with_name(last.name + ".partial"))
    data = archive.copy("the-newest-backup-lost-its-data")
    (data.root / "base" / archive.backups[1] / "data.tar").unlink()
    empty = archive.copy("the-newest-backup-is-empty")
    os.truncate(empty.root / "base" / archive.backups[1] / "data.tar", 0)
    own = archive.copy("the-newest-backups-own-segment-is-missing")
    own.file_of(archive.tool.info(archive.backups[1])["begin_wal"]).unlink()
    copies.update(archive.copies)
    for copy in copies.values():
        copy.age()
    return copies


@pytest.fixture
def sight_of(archive, damaged, start_exporter, tmp_path):
    """sight_of(name): what a page says of that copy; of all of them once everything was listed and looked into."""
    vigil = Vigil(start_exporter, tmp_path, archive.cluster.servers, *(copy.place(tmp_path, name) for name, copy in damaged.items()))

    def all_read(sight):
        sights = [Sight(sight.page, name) for name in damaged]
        return all(one.up == 1 and one.value("archive_backlog_bytes") is not None for one in sights)

    page = vigil.wait("all are read", all_read).page
    return lambda name: Sight(page, name)


def test_what_was_lost_is_counted_and_the_window_says_what_is_left(archive, damaged, sight_of):
    first, second = archive.behind
    older, newer = (archive.tool.info(backup)["end_time"] for backup in archive.backups)
    end = number_of(second[-1]) + 1
    expected = {  # gaps, missing, the backup that the window starts with, where it ends, restorable, broken
        "one-missing-between-the-backups": (1, 1, newer, end, 2, 0),
        "three-missing-in-two-runs": (2, 3, newer, number_of(second[1]), 2, 0),
        "one-cut-short": (1, 1, older, number_of(second[2]), 2, 0),
        "the-last-is-partial": (0, 0, older, end - 1, 2, 0),
        "the-newest-backup-lost-its-data": (0, 0, older, end, 1, 1),
        "the-newest-backup-is-empty": (0, 0, older, end, 1, 1),
        "the-newest-backups-own-segment-is-missing": (1, 1, older, number_of(archive.tool.info(archive.backups[1])["begin_wal"]), 1, 1),
    }
    assert set(expected) == set(damaged)
    for name in expected:
        sight = sight_of(name)
        starts = {moment_of(text): text for text in (older, newer)}
        seen = (*sight.gaps, starts.get(sight.start), proven_end(sight, archive.primary, several=True) // SEGMENT,
                sight.backups("restorable"), sight.backups("broken"))
        assert seen == expected[name], name
        assert sight.rpo("bytes") is not None


def moment_of(text):
    return round(datetime.datetime.fromisoformat(text).timestamp() * 1e6)


@pytest.mark.parametrize("name, backup", [("three-missing-in-two-runs", 1), ("the-last-is-partial", 1), ("the-newest-backups-own-segment-is-missing", 0)])
def test_a_restore_to_the_end_of_wal_gets_exactly_there(archive, damaged, sight_of, name, backup):
    proven = proven_end(sight_of(name), archive.primary, several=True)
    copies = Restores(archive.directory / name, damaged[name])
    try:
        server = copies.restore(archive.backups[backup])
        assert copies.reached(server) == (1, proven)
        assert found_marks(server) == archive.marks.up_to(proven)
    finally:
        copies.stop()


def test_a_segment_cut_short_ends_the_window_and_has_to_go_first(archive, damaged, sight_of):
    """PostgreSQL does not take it for the end of WAL, as it does a missing one: whoever restores has to move it away."""
    name = "one-cut-short"
    proven = proven_end(sight_of(name), archive.primary, several=True)
    copies = Restores(archive.directory / name, damaged[name])
    try:
        assert "has wrong size" in copies.refusal(archive.backups[0], None)
        damaged[name].file_of(archive.behind[1][2]).unlink()
        server = copies.restore(archive.backups[0])
        assert copies.reached(server) == (1, proven)
        assert found_marks(server) == archive.marks.up_to(proven)
    finally:
        copies.stop()


def test_a_backup_that_is_called_broken_cannot_be_restored(archive, damaged):
    name = "the-newest-backups-own-segment-is-missing"
    copies = Restores(archive.directory / name, damaged[name])
    try:
        assert "could not locate required checkpoint record" in copies.refusal(archive.backups[1], None)
    finally:
        copies.stop()
    with pytest.raises(AssertionError):
        lost = damaged["the-newest-backup-lost-its-data"]
        lost.restore_into(archive.backups[1], lost.directory / "restored")


@pytest.mark.skipif(find_barman("3.19.1") is None, reason="barman 3.19.1 is not installed (scripts/test.sh does it)")
def test_a_killed_backup_runs_until_a_later_one_is_done(make_barman, own_cluster, start_exporter, tmp_path):
    tool = make_barman("3.19.1")  # 3.4 leaves nothing but an upload that was begun
    tool.archive_not("false")  # it cannot end: the server waits until its WAL is archived
    cluster = own_cluster(standbys=0, settings=tool.settings)
    vigil = Vigil(start_exporter, tmp_path, cluster.servers, tool.place(tmp_path))
    process = subprocess.Popen(tool.backup_command(cluster.primary), env=tool.environment, cwd="/", start_new_session=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for("it has begun", lambda: tool.backups() and (tool.root / "base" / tool.backups()[0] / "backup.info").exists())
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    tool.archive_by_copy()
    assert tool.info(tool.backups()[0])["status"] == "STARTED"
    sight = vigil.wait("it is seen", lambda sight: sight.backups("running") == 1)
    assert sight.start is None and sight.end is None
    assert sight.rpo("bytes") == sight.rpo("seconds") == float("inf")
    tool.backup(cluster.primary)
    sight = vigil.wait("the next is seen", lambda sight: sight.backups("restorable") == 1)
    assert (sight.backups("failed"), sight.backups("running"), sight.backups("broken")) == (1, 0, 0)
    assert sight.value("backup_last_failure_timestamp_seconds", method="barman", type="full") is not None
    assert sight.start is not None

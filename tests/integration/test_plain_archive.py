"""Archives of cp, pg_receivewal, pg_basebackup and pg_dump: what pgvigil says of them, and what a restore then finds."""

import os
import random
import shutil
import subprocess

import pytest

from archives import Marks, Restores, Sight, Vigil, fill_segments, found_marks, proven_end, switch
from conftest import server_directory
from plain import Plain
from postgres import Cluster, client, wait_for


class Scene:
    """Three kinds of base backups with WAL behind each, and a mark that nobody archived."""

    def __init__(self, directory):
        self.tool = Plain(directory)
        (directory / "servers").mkdir()
        self.cluster = Cluster(directory / "servers", standbys=0, settings=self.tool.settings)
        self.primary = self.cluster.primary
        try:
            self.fill()
        except BaseException:
            self.stop()
            raise

    def fill(self):
        self.tool.receive(self.primary)
        self.marks, self.behind = Marks(self.primary), {}
        for name, options in (("bare", ["-X", "none"]), ("tarred", ["-X", "stream", "-F", "t", "-z"]), ("whole", ["-X", "stream"])):
            self.tool.backup(self.primary, name, *options)
            self.behind[name] = len(self.marks.ends)
            self.marks.make(2)
            switch(self.primary)
        self.archived = len(self.marks.ends)
        self.tool.archive_not("false")
        self.marks.make()
        self.primary.sql("SELECT pg_switch_wal()")
        self.received = self.marks.make() - 1
        last = self.primary.sql("SELECT pg_walfile_name(pg_current_wal_flush_lsn())")
        wait_for("all is received", lambda: (self.tool.directory / "received" / f"{last}.partial").exists())

    def stop(self):
        self.tool.stop()
        self.cluster.stop()


@pytest.fixture(scope="module")
def scene():
    with server_directory() as directory:
        made = Scene(directory)
        try:
            yield made
        finally:
            made.stop()


@pytest.fixture
def sight_of(scene, start_exporter, tmp_path):
    """sight_of(places, ...): what a page says of each, once all were read and `condition` holds."""

    def look(*places, servers=None, condition=lambda sight: sight.value("archive_backlog_bytes") is not None):
        vigil = Vigil(start_exporter, tmp_path, servers or scene.cluster.servers, *places)
        sights = []

        def read(sight):
            sights[:] = [Sight(sight.page, place["name"], "basebackup") for place in places]
            return all(condition(one) for one in sights)

        vigil.wait("all are read", read)
        return sights

    return look


@pytest.fixture
def restored(scene):
    """restored(backup, target): what a restore finds, and where it ended."""
    made = []

    def one(backup, target=None, **settings):
        made.append(Restores(scene.cluster.directory, scene.tool))
        server = made[-1].restore(backup, target, **settings)
        return found_marks(server), made[-1].reached(server)[1]

    yield one
    for copies in made:
        copies.stop()
    scene.tool.restore_from("copied")


def test_every_moment_of_the_window_can_be_restored(scene, sight_of, restored):
    sight, = sight_of(scene.tool.place("copied"))
    assert (sight.backups("restorable"), sight.gaps) == (3, (0, 0))
    times = scene.marks.times()
    assert sight.end <= times[scene.archived + 1]
    proven = proven_end(sight, scene.primary)
    middle = random.Random(2).randrange(sight.start, times[scene.archived])
    for target in (sight.start, middle):
        assert restored("bare", target)[0] == {number for number, time in times.items() if time <= target}, target
    for backup in ("bare", "tarred", "whole"):
        assert restored(backup) == (set(range(1, scene.archived + 1)), proven), backup
    copies = Restores(scene.cluster.directory, scene.tool)
    try:
        assert "ended before configured recovery target was reached" in copies.refusal("whole", times[scene.archived + 1])
    finally:
        copies.stop()


def test_what_is_received_counts_up_to_the_partial_segment(scene, sight_of, restored):
    copied, received = sight_of(scene.tool.place("copied"), scene.tool.place("received"))
    assert (received.backups("restorable"), received.gaps, received.value("archive_backlog_segments")) == (3, (0, 0), 0)
    assert copied.value("archive_backlog_segments") == 1
    assert received.rpo("bytes") == received.value("archive_backlog_bytes"), "the best archive counts"
    scene.tool.restore_from("received")
    assert restored("bare") == (set(range(1, scene.received + 1)), proven_end(received, scene.primary))


def test_a_backup_that_holds_its_wal_needs_no_archive(scene, sight_of, restored, tmp_path):
    (tmp_path / "empty").mkdir()
    place = {"name": "none", "directory": {"path": str(tmp_path / "empty"), "backups": str(scene.tool.directory / "backups")}}
    (tmp_path / "empty" / "README").write_text("no WAL\n")
    sight, = sight_of(place, condition=lambda sight: sight.backups("restorable"))
    assert (sight.backups("restorable"), sight.backups("broken")) == (2, 1)
    for backup in ("tarred", "whole"):
        assert restored(backup, restore_command="/bin/false")[0] == set(range(1, scene.behind[backup] + 1)), backup
    copies = Restores(scene.cluster.directory, scene.tool)
    try:
        assert "could not locate required checkpoint record" in copies.refusal("bare", None, restore_command="/bin/false")
    finally:
        copies.stop()


def test_dumps_are_what_pg_restore_makes_of_them(scene, sight_of):
    tool, dumps = scene.tool, scene.tool.directory / "dumps"
    tool.dump(scene.primary, "custom.dump", "-Fc")
    tool.dump(scene.primary, "directory.dump", "-Fd")
    tool.dump(scene.primary, "plain.sql")
    for name in ("custom.dump", "plain.sql"):
        shutil.copy(dumps / name, dumps / f"cut-{name}")
        os.truncate(dumps / f"cut-{name}", (dumps / name).stat().st_size * 2 // 3)
    shutil.copytree(dumps / "directory.dump", dumps / "lost-directory.dump")
    next(path for path in (dumps / "lost-directory.dump").iterdir() if path.name != "toc.dat").unlink()

    place = {"name": "copied", "directory": {"path": str(tool.directory / "copied"), "backups": str(dumps), "dumps": ["*.dump", "*.sql"]}}
    sight, = sight_of(place, condition=lambda sight: sight.value("backups", method="dump", state="restorable"))
    told = {state: sight.value("backups", method="dump", state=state) for state in ("restorable", "broken", "running")}
    good = []
    for path in sorted(dumps.iterdir()):
        scene.primary.sql("DROP DATABASE IF EXISTS again")
        scene.primary.sql("CREATE DATABASE again")
        program = ["psql", "-X", "-v", "ON_ERROR_STOP=1", "-f"] if path.suffix == ".sql" else ["pg_restore", "--exit-on-error"]
        words = [client(program[0]), *tool.connection(scene.primary), "-d", "again", *program[1:], path]
        done = subprocess.run([str(word) for word in words], capture_output=True, check=False)
        count = scene.primary.sql("SELECT count(*) FROM pg_class WHERE relname = 'marks'", dbname="again")
        if done.returncode == 0 and count == "1" and scene.primary.sql("SELECT count(*) FROM marks", dbname="again") == str(len(scene.marks.ends)):
            good.append(path.name)
    scene.primary.sql("DROP DATABASE again")
    assert good == ["custom.dump", "directory.dump", "plain.sql"]
    assert told == {"restorable": 3, "broken": 1, "running": 2}, "what is cut may still be written"


def test_what_retention_removes_is_no_gap(own_cluster, sight_of, tmp_path):
    with server_directory() as directory:
        tool = Plain(directory)
        cluster = own_cluster(standbys=0, settings=tool.settings)
        marks = Marks(cluster.primary)
        for backup in ("first", "second"):
            tool.backup(cluster.primary, backup, "-X", "none")
            marks.make()
            fill_segments(cluster.primary, 3)
        # A label names whole seconds; a target needs a commit behind it.
        last = cluster.primary.sql("SELECT pg_xact_commit_timestamp(xmin) FROM marks WHERE id = 2")
        wait_for("its second is over", lambda: cluster.primary.sql(f"SELECT clock_timestamp() > '{last}'::timestamptz + interval '1 s'") == "t")
        fill_segments(cluster.primary, 1)
        before, = sight_of(tool.place("copied"), servers=cluster.servers)
        assert before.backups("restorable") == 2
        shutil.rmtree(directory / "backups" / "first")
        label = (directory / "backups" / "second" / "backup_label").read_text()
        begin = label.split("(file ")[1][:24]
        for path in (directory / "copied").iterdir():
            if path.name < begin:
                path.unlink()
        after, = sight_of(tool.place("copied"), servers=cluster.servers)
        assert (after.backups("restorable"), after.backups("broken"), after.gaps) == (1, 0, (0, 0))
        assert after.start > before.start and after.end >= before.end
        copies = Restores(cluster.directory, tool)
        try:
            server = copies.restore("second", after.start)
            assert found_marks(server) == {number for number, time in marks.times().items() if time <= after.start}
        finally:
            copies.stop()

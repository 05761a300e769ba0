"""What pgvigil says of pgBackRest's repositories, and what a restore by the tool itself then finds."""

import random
import shutil

import pytest

from archives import Marks, Restores, Sight, Vigil, found_marks, proven_end, switch
from conftest import server_directory
from objectstore import find_versitygw
from pgbackrest import REPOSITORIES, Pgbackrest, Repository, copy_of
from postgres import Cluster

pytestmark = pytest.mark.skipif(find_versitygw() is None or shutil.which("pgbackrest") is None,
                                reason="versitygw or pgbackrest is not installed (scripts/test.sh does it)")

KINDS = {"full": list(REPOSITORIES), "diff": ["directory"], "incr": list(REPOSITORIES)}


class Scene:
    """A full and an incremental backup in each repository, in one a differential, WAL behind each, and a mark that is in none."""

    def __init__(self, directory, s3):
        self.directory = directory
        self.tool = Pgbackrest(directory, s3)
        (directory / "servers").mkdir()
        self.cluster = Cluster(directory / "servers", standbys=0, settings={**self.tool.settings, "archive_command": "/bin/false"})
        self.primary = self.cluster.primary
        self.tool.configure(self.primary)
        self.tool.run("--no-online", "stanza-create")
        self.primary.sql(f"ALTER SYSTEM SET archive_command = '{self.tool.settings['archive_command']}'")
        self.primary.sql("SELECT pg_reload_conf()")
        self.marks = Marks(self.primary)
        self.ids = {}
        for kind, names in KINDS.items():
            self.ids[kind] = {name: self.tool.backup(kind, name) for name in names}
            self.marks.make(2)
            switch(self.primary)
        self.archived = len(self.marks.ends)
        self.tool.archive_not("false")
        self.marks.make()
        self.primary.sql("SELECT pg_switch_wal()")


@pytest.fixture(scope="module")
def scene(s3):
    with server_directory() as directory:
        made = Scene(directory, s3)
        try:
            yield made
        finally:
            made.cluster.stop()


@pytest.fixture
def sight_of(scene, start_exporter, tmp_path):
    """sight_of(places, ...): what a page says of each, once all were read."""

    def look(*places):
        vigil = Vigil(start_exporter, tmp_path, scene.cluster.servers, *places)
        names = [place["name"] for place in places]
        page = vigil.wait("all are read", lambda sight: all(Sight(sight.page, name).up == 1 for name in names) and all(
            Sight(sight.page, name).value("archive_backlog_bytes") is not None for name in names)).page
        return {name: Sight(page, name, "pgbackrest") for name in names}

    return look


def segments(path):
    """The WAL of a repository; a name is followed by a sum."""
    return sorted(file for file in (path / "archive").rglob("*") if len(file.name) > 24 + 40)


def restored(scene, tool, backup, target=None):
    copies = Restores(scene.cluster.directory, tool)
    try:
        server = copies.restore(backup, target)
        return found_marks(server), copies.reached(server)[1]
    finally:
        copies.stop()


def test_every_repository_says_the_same_and_is_restored_to_its_end(scene, sight_of, tmp_path):
    sights = sight_of(*(scene.tool.place(tmp_path, name) for name in REPOSITORIES))
    for name, sight in sights.items():
        kinds = {kind for kind, names in KINDS.items() if name in names}
        assert sight.backups("restorable") == len(kinds), name
        assert sum(value for _, value in sight.page.all("pgvigil_backups", archive=name)) == len(kinds), name
        assert sight.gaps == (0, 0)
        proven = sight.page.all("pgvigil_backup_last_success_timestamp_seconds", archive=name, method="pgbackrest", evidence="proof")
        assert {labels["type"] for labels, _ in proven} == kinds
        tool = Repository(scene.directory / f"scripts-{name}", scene.tool, name)
        assert restored(scene, tool, scene.ids["incr"][name]) == (set(range(1, scene.archived + 1)), proven_end(sight, scene.primary, several=True)), name


def test_every_moment_of_the_window_can_be_restored(scene, sight_of, tmp_path):
    sight = sight_of(scene.tool.place(tmp_path, "directory"))["directory"]
    times = scene.marks.times()
    tool = Repository(scene.directory / "scripts-moments", scene.tool, "directory")
    full, incr = (scene.ids[kind]["directory"] for kind in ("full", "incr"))
    assert sight.end <= times[scene.archived + 1]
    middle = random.Random(1).randrange(sight.start, times[scene.archived])
    for target in (sight.start, middle):
        assert restored(scene, tool, full, target)[0] == {number for number, time in times.items() if time <= target}, target
    copies = Restores(scene.cluster.directory, tool)
    try:
        assert "ended before configured recovery target was reached" in copies.refusal(incr, times[scene.archived + 1])
    finally:
        copies.stop()




def test_what_is_deleted_takes_with_it_what_needs_it(scene, sight_of):
    damages = {name: copy_of(scene.tool, name) for name in ("full-lost", "diff-lost", "wal-lost")}
    for name, kind in (("full-lost", "full"), ("diff-lost", "diff")):
        shutil.rmtree(damages[name].path / "backup/orders" / scene.ids[kind]["directory"])
    gone = segments(damages["wal-lost"].path)[-1]
    gone.unlink()
    vigil_sees = sight_of(*(damage.place for damage in damages.values()))
    told = {name: [vigil_sees[name].backups(state) for state in ("restorable", "broken")] for name in damages}
    assert told == {"full-lost": [0, 3], "diff-lost": [1, 2], "wal-lost": [3, 0]}
    for name, damage in damages.items():
        can = []
        for kind in KINDS:
            try:
                damage.restore_into(scene.ids[kind]["directory"], scene.cluster.directory / f"{name}-{kind}")
                can.append(kind)
            except AssertionError as error:
                assert "unable to load" in str(error) or "missing" in str(error), error
        assert len(can) == told[name][0], (name, can)
    proven = proven_end(vigil_sees["wal-lost"], scene.primary, several=True)
    assert restored(scene, damages["wal-lost"], scene.ids["incr"]["directory"]) == (scene.marks.up_to(proven), proven)


def test_a_report_claims_and_proves_nothing(scene, start_exporter, tmp_path):
    report = tmp_path / "info.json"
    report.write_text(scene.tool.info("directory"))
    vigil = Vigil(start_exporter, tmp_path, scene.cluster.servers, {"name": "report", "pgbackrest": {"stanza": "orders", "info_file": str(report)}})
    claimed = "backup_last_success_timestamp_seconds"
    sight = vigil.wait("it is read", lambda sight: sight.value(claimed, method="pgbackrest", type="incr", evidence="claim"))
    assert sight.value(claimed, method="pgbackrest", type="full", evidence="claim") <= sight.value(claimed, method="pgbackrest", type="incr", evidence="claim")
    assert sight.page.all("pgvigil_backup_last_success_timestamp_seconds", evidence="proof") == []
    assert sight.page.all("pgvigil_backups") == []
    assert sight.start is None and sight.end is None and sight.gaps == (None, None)
    assert sight.rpo("bytes") is None, "nothing is known to be restorable, and nothing to be lost"

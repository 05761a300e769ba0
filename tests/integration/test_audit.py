"""`pgvigil audit`: what it says of archives of real servers, held against restores of them and against the files that lie there."""

import datetime
import json
import os
import pty
import re
import shutil
import subprocess

import jsonschema
import pytest

from archives import SEGMENT, Barman, Marks, Restores, fill_segments, find_barman, found_marks, micros, switch
from conftest import server_directory
from exporter import ROOT, binary, run
from objectstore import find_versitygw
from plain import Plain
from postgres import Cluster, wait_for
from situations import replayed

pytestmark = pytest.mark.skipif(find_versitygw() is None or find_barman("debian") is None,
                                reason="versitygw or barman-cloud is not installed (scripts/test.sh does it)")
SCHEMA = json.loads((ROOT / "docs/audit.schema.json").read_text())


class Archive:
    """Two backups, three segments behind each, then a promotion, a backup on the new timeline and three segments more: all on real servers."""

    def __init__(self, directory, s3):
        self.directory = directory
        (directory / "servers").mkdir()
        self.tool = Barman("debian", s3, directory, "whole")
        self.tool.archive_by_copy()
        self.cluster = Cluster(directory / "servers", standbys=1, settings=self.tool.settings)
        old, self.new = self.cluster.servers
        self.marks = Marks(old)
        self.backups, self.behind = [], []
        for _ in range(2):
            self.backups.append(self.tool.backup(old))
            self.behind.append(self.fill(old))
        replayed(self.cluster)
        old.stop()
        self.new.promote()
        self.marks.server = self.new
        wait_for("the history is archived", lambda: list(self.tool.wals.glob("00000002.history")))
        self.backups.append(self.tool.backup(self.new))
        self.behind.append(self.fill(self.new))
        self.tool.archive_not("false")
        self.tool.age()
        self.times = self.marks.times()

    def fill(self, server):
        names = []
        for _ in range(3):
            self.marks.make()
            names += fill_segments(server, 1)
        return names

    def copy(self, name):
        """Another place with the same content."""
        made = Barman("debian", self.tool.s3, self.directory / name, name)
        shutil.rmtree(made.root)
        shutil.copytree(self.tool.root, made.root)
        made.archive_by_copy()
        made.age()
        return made


@pytest.fixture(scope="module")
def archive(s3):
    with server_directory() as directory:
        made = Archive(directory, s3)
        try:
            yield made
        finally:
            made.cluster.stop()


@pytest.fixture
def configure(tmp_path):
    """configure(cluster=[places], ...): the file that names them."""

    def write(**clusters):
        file = tmp_path / "pgvigil.yaml"
        file.write_text(json.dumps({"clusters": [{"name": name, "instances": [{"name": "one", "dsn": "host=127.0.0.1 port=1 user=pgvigil"}], "archive": places}
                                                 for name, places in clusters.items()]}))
        return str(file)

    return write


@pytest.fixture
def audit(configure, tmp_path):
    """audit(tool, ...): exit code, text, and what the JSON tells of the archive."""

    def one(tool, **change):
        config = configure(orders=[tool.place(tmp_path, **change)])
        told, text = run("audit", "--config", config, "--json"), run("audit", "--config", config)
        assert told.returncode == text.returncode, text.stderr
        found = json.loads(told.stdout)
        jsonschema.validate(found, SCHEMA, jsonschema.Draft202012Validator)
        return text.returncode, text.stdout, found["archives"][0]

    return one


def moment(text):
    """In microseconds."""
    return micros(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def size_of(paths):
    paths = list(paths)
    return {"files": len(paths), "bytes": sum(path.stat().st_size for path in paths)}


def test_a_sound_archive_is_drawn_and_what_it_says_to_type_restores_it(archive, audit):
    code, text, found = audit(archive.tool)
    assert (code, found["verdict"], found["faults"], found["gaps"]) == (0, "sound", [], [])
    assert [(one["id"], one["state"]) for one in found["backups"]] == [(backup, "restorable") for backup in archive.backups]
    first, second = found["timelines"]
    assert (second["parent"], second["begin"], second["history"], second["on_path"]) == (1, first["left"], "stored", True)
    stored = [name for timeline in found["timelines"] for run_ in timeline["stored"] for name in (run_["first"], run_["last"])]
    assert (stored[0], stored[-1]) == (archive.tool.segments()[0], archive.tool.segments()[-1])
    assert sum(run_["segments"] for timeline in found["timelines"] for run_ in timeline["stored"]) == len(archive.tool.segments())
    window, = found["windows"]
    assert (window["start_backup"], window["end_backup"]) == (archive.backups[0], archive.backups[-1])
    for wanted in ("timeline 1", "+-- timeline 2, from " + second["begin"], window["start_target"], window["end_target"], "Verdict: sound\n"):
        assert wanted in text

    name, value = re.fullmatch(r"(\w+) = '(.*)'", window["start_target"]).groups()
    copies = Restores(archive.cluster.directory, archive.tool)
    try:
        assert found_marks(copies.restore(window["start_backup"], **{name: value})) == set(), "its first mark was made later"
        assert found_marks(copies.restore(window["end_backup"])) == set(archive.times)
        assert moment(window["end"]) >= archive.times[max(archive.times)]
    finally:
        copies.stop()


def test_a_gap_is_named_with_what_it_costs(archive, audit):
    tool = archive.copy("gap")
    lost = archive.behind[0][1]
    tool.file_of(lost).unlink()
    code, text, found = audit(tool)
    assert (code, found["verdict"]) == (1, "broken")
    gap, = found["gaps"]
    assert (gap["first"], gap["last"], gap["segments"], gap["pending"]) == (lost, lost, 1, False)
    cost = gap["lost"]
    assert (cost["backups_stopped"], cost["backups_broken"], cost["until_backup"]) == ([archive.backups[0]], [], archive.backups[1])
    # fill_segments commits once more behind each mark, before it ends the segment.
    assert archive.times[1] <= moment(cost["after"]) < archive.times[2]
    assert archive.times[3] < moment(cost["until"]) < archive.times[4]
    assert f"  {lost}: 1 segment, since" in text
    assert "Verdict: broken: 1 WAL segment missing in 1 gap" in text

    copies = Restores(archive.cluster.directory, tool)
    try:
        assert found_marks(copies.restore(archive.backups[0])) == {1}
    finally:
        copies.stop()


def test_a_segment_cut_short_at_the_end_has_to_go_first(archive, audit):
    """PostgreSQL does not take it for the end of WAL: as it lies there the restore would fail."""
    tool = archive.copy("cut-short-at-the-end")
    newest = archive.behind[-1][-1]
    os.truncate(tool.file_of(newest), SEGMENT // 2)
    tool.age()
    code, text, found = audit(tool)
    assert (code, found["verdict"]) == (1, "broken")
    assert f"{newest}: NOT WHOLE, 8.0 MiB" in text
    assert found["faults"] == [f"WAL segment {newest}, where the proven WAL ends, is empty or cut short: a recovery that reads it stops with an error"]
    window, = found["windows"]
    assert window["end_target"] == f"no target: to the end of WAL, once {newest} is out of the archive: recovery fails at it"
    copies = Restores(archive.cluster.directory, tool)
    try:
        assert "has wrong size" in copies.refusal(window["end_backup"], None)
        tool.file_of(newest).unlink()
        assert found_marks(copies.restore(window["end_backup"])) == set(archive.times) - {max(archive.times)}
    finally:
        copies.stop()


def test_a_segment_that_holds_no_wal_ends_what_is_proven(archive, audit):
    tool = archive.copy("zeros-at-the-end")
    newest = archive.behind[-1][-1]
    tool.file_of(newest).write_bytes(bytes(SEGMENT))
    code, text, found = audit(tool)
    assert (code, found["verdict"]) == (1, "broken")
    assert f"{newest}: DAMAGED, it does not begin as WAL does" in text
    window, = found["windows"]
    assert window["end_target"] == "no target: to the end of WAL"
    copies = Restores(archive.cluster.directory, tool)
    try:
        assert found_marks(copies.restore(window["end_backup"])) == set(archive.times) - {max(archive.times)}
    finally:
        copies.stop()


def test_another_clusters_backup_is_none_of_this_one(archive, audit, own_cluster, tmp_path):
    tool = archive.copy("a-stranger")
    other = own_cluster(standbys=0)
    stranger = Barman("debian", tool.s3, tmp_path / "stranger", "stranger")
    shutil.copytree(stranger.root / "base" / stranger.backup(other.primary), tool.root / "base" / "20990101T000000")
    code, text, found = audit(tool)
    assert (code, found["verdict"]) == (1, "broken")
    newest = found["backups"][-1]
    assert newest["state"] == "broken" and newest["why"].startswith("of another cluster: its system identifier is "), newest
    assert found["windows"][0]["end_backup"] == archive.backups[-1]


def test_a_report_that_cannot_be_written_is_no_verdict(archive, configure, tmp_path):
    with open("/dev/full", "w") as full:
        told = subprocess.run([binary(), "audit", "--config", configure(orders=[archive.tool.place(tmp_path)], lonely=[])], stdout=full, stderr=subprocess.PIPE, text=True)
    assert told.returncode == 3
    assert "cluster lonely has no archive" in told.stderr
    assert "the report cannot be written to standard output: No space left on device" in told.stderr


def test_a_backup_that_needs_what_is_missing_is_named(archive, audit):
    tool = archive.copy("own-wal")
    tool.file_of(tool.info(archive.backups[1])["begin_wal"]).unlink()
    code, text, found = audit(tool)
    gap, = found["gaps"]
    assert (code, gap["lost"]["backups_broken"]) == (1, [archive.backups[1]])
    broken = found["backups"][1]
    assert (broken["state"], broken["first_missing"]) == ("broken", gap["first"])
    assert f"    backup {archive.backups[1]} needs it and cannot be restored" in text


def test_a_young_hole_is_listed_as_pending_and_breaks_nothing(archive, audit):
    tool = archive.copy("young")
    tool.file_of(archive.behind[2][1]).unlink()
    os.utime(tool.file_of(archive.behind[2][2]))
    code, text, found = audit(tool)
    gap, = found["gaps"]
    assert (code, gap["pending"]) == (0, True)
    assert "lost" not in gap and "pending" in text


def test_a_missing_history_is_drawn_and_breaks_it(archive, audit):
    tool = archive.copy("history")
    tool.file_of("00000002.history").unlink()
    code, text, found = audit(tool)
    assert (code, found["timelines"][1]["history"]) == (1, "missing")
    assert "00000002.history IS MISSING" in text
    assert "the history of timeline 2 is not stored" in found["faults"]


def test_what_nothing_needs_is_summed_up(archive, audit):
    tool = archive.copy("orphans")
    base = tool.root / "base"
    shutil.rmtree(base / archive.backups[0])
    (base / archive.backups[1] / "backup.info").unlink()
    tool.age()
    whole = tool.file_of(archive.behind[2][0])
    shutil.copy(whole, whole.with_name(whole.name + ".partial"))
    old = whole.parent.with_name("0000000100000000") / whole.name.replace("00000002", "00000001", 1)  # an old primary went on
    shutil.copy(whole, old)
    code, text, found = audit(tool)
    needed = tool.info(archive.backups[2])["begin_wal"]
    before = [tool.file_of(name) for name in tool.segments() if name[8:] < needed[8:]]
    assert len(before) > 5
    orphans = found["orphans"]
    assert orphans["backups"] == [archive.backups[1]]
    assert orphans["wal_before_backups"] == size_of(before)
    assert orphans["wal_left_behind"] == size_of([old])
    assert orphans["partial_segments"] == size_of(tool.wals.rglob("*.partial"))
    assert f"  WAL before all backups: {len(before)} files, {len(before) * SEGMENT // 2**20}.0 MiB\n" in text
    assert f"  {archive.backups[1]} (barman, full" in text


def test_what_cannot_be_read_is_not_called_sound(archive, audit, s3, configure, tmp_path):
    (tmp_path / "wrong").write_text("nobody\n")
    key = str(tmp_path / "wrong")
    code, text, found = audit(archive.tool, credentials={"access_key_id_file": key, "secret_access_key_file": key})
    assert (code, found["verdict"]) == (3, "unreadable")
    assert "Verdict: unreadable: " in text and "backups" not in found
    code, text, found = audit(archive.tool, bucket="no-such-bucket")
    assert code == 3 and "no-such-bucket" in found["faults"][0]
    code, text, found = audit(archive.tool, endpoint="https://127.0.0.1:1")
    assert code == 3


def test_one_that_is_broken_is_worse_than_one_that_is_not_known(archive, configure, tmp_path):
    tool = archive.copy("one-of-three")
    tool.file_of(archive.behind[0][1]).unlink()
    config = configure(orders=[archive.tool.place(tmp_path), tool.place(tmp_path, "broken")], billing=[archive.tool.place(tmp_path, bucket="no-such-bucket")])
    assert [run("audit", "--config", config, *words).returncode for words in ([], ["--cluster", "orders"], ["--cluster", "billing"])] == [1, 1, 3]
    told = json.loads(run("audit", "--config", config, "--json").stdout)
    assert [(one["cluster"], one["archive"], one["verdict"]) for one in told["archives"]] == [
        ("orders", "s3", "sound"), ("orders", "broken", "broken"), ("billing", "s3", "unreadable")]
    assert told["verdict"] == "broken"


def test_progress_is_shown_on_a_terminal_only(archive, configure, tmp_path):
    config = configure(orders=[archive.tool.place(tmp_path)])
    assert run("audit", "--config", config).stderr == ""
    ours, theirs = pty.openpty()
    with subprocess.Popen([binary(), "audit", "--config", config], stdout=subprocess.PIPE, stderr=theirs, text=True) as process:
        text, _ = process.communicate(timeout=60)
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert "files of WAL listed" in shown
    assert shown.endswith("\r\x1b[K"), "the line is free again"
    assert text.startswith("Archive s3 of cluster orders")


def test_what_is_asked_for_in_vain_is_told(archive, configure, tmp_path):
    config = configure(orders=[archive.tool.place(tmp_path)])
    assert run("audit").returncode == 2
    unknown = run("audit", "--config", config, "--cluster", "nobody")
    assert (unknown.returncode, unknown.stderr) == (2, 'pgvigil: no cluster of the configuration is called "nobody"\n')
    nothing = run("audit", "--config", configure(orders=[]))
    assert nothing.returncode == 2 and "no archive is configured" in nothing.stderr


def test_plain_files_are_audited_likewise(own_cluster, audit, tmp_path):
    with server_directory() as directory:
        tool = Plain(directory)
        cluster = own_cluster(standbys=0, settings=tool.settings)
        primary = cluster.primary
        marks = Marks(primary)
        tool.backup(primary, "monday", "-X", "none")
        marks.make()
        names = fill_segments(primary, 3)
        place = tool.place("copied")

        class Placed:
            @staticmethod
            def place(_):
                return place

        code, text, found = audit(Placed)
        assert (code, [one["state"] for one in found["backups"]]) == (0, ["restorable"]), text
        (directory / "copied" / names[1]).unlink()
        then = datetime.datetime.now().timestamp() - 3600
        for path in (directory / "copied").iterdir():
            os.utime(path, (then, then))
        code, text, found = audit(Placed)
        assert (code, found["gaps"][0]["first"]) == (1, names[1]), text

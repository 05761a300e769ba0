"""`pgvigil audit --verify`: backups of the real tools, whole and damaged."""

import gzip
import json
import os
import shutil
import subprocess

import jsonschema
import pytest

from archives import BUCKET, SEGMENT, Barman, Marks, fill_segments, find_barman
from conftest import server_directory
from exporter import ROOT, run
from objectstore import find_versitygw
from pgbackrest import REPOSITORIES, Pgbackrest
from plain import Plain
from postgres import Cluster, unprivileged

pytestmark = pytest.mark.skipif(find_versitygw() is None or find_barman("debian") is None,
                                reason="versitygw or barman-cloud is not installed (scripts/test.sh does it)")
NEWEST = "3.19.1"
SCHEMA = json.loads((ROOT / "docs/audit.schema.json").read_text())


@pytest.fixture(scope="module")
def cluster():
    with server_directory() as directory:
        made = Cluster(directory, standbys=0, settings={"archive_command": "false"})
        try:
            made.primary.sql("CREATE TABLE filler AS SELECT i, md5(i::text) FROM generate_series(1, 20000) i")
            yield made
        finally:
            made.stop()


@pytest.fixture
def archive_with(cluster):
    """archive_with(tool): the cluster archives by it from now on."""

    def use(tool):
        cluster.primary.sql(f"ALTER SYSTEM SET archive_command = '{tool.archive_script} %p %f'")
        cluster.primary.sql("SELECT pg_reload_conf()")
        return cluster.primary

    return use


@pytest.fixture
def verify(tmp_path):
    """verify(place, ...): exit code, text, and what the JSON tells of the archive."""

    def one(place, *words):
        config = tmp_path / "pgvigil.yaml"
        config.write_text(json.dumps({"clusters": [{"name": "orders", "instances": [{"name": "one", "dsn": "host=127.0.0.1 port=1 user=pgvigil"}],
                                                    "archive": [place]}]}))
        told, text = (run("audit", "--config", str(config), "--verify", *words, *more) for more in (["--json"], []))
        assert told.returncode == text.returncode, text.stderr
        assert text.returncode != 2, text.stderr
        found = json.loads(told.stdout)
        jsonschema.validate(found, SCHEMA, jsonschema.Draft202012Validator)
        return text.returncode, text.stdout, found["archives"][0]

    return one


def flip(path, where=None):
    """One bit of a file, in its middle."""
    with open(path, "r+b") as file:
        where = os.path.getsize(path) // 2 if where is None else where
        file.seek(where)
        byte = file.read(1)
        file.seek(where)
        file.write(bytes([byte[0] ^ 1]))


def readable(directory):
    subprocess.run(unprivileged(["chmod", "-R", "a+rX", str(directory)]), check=True)


def control_file_in(tar):
    """Where the content of pg_control begins."""
    listing = subprocess.run(["tar", "-tRf", tar], capture_output=True, text=True, check=True).stdout
    block, = [int(line.split()[1].rstrip(":")) for line in listing.splitlines() if line.endswith(" global/pg_control")]
    return (block + 1) * 512


@pytest.fixture
def barman(s3, archive_with):
    """barman(*options): an archive with one backup made so."""
    made = []

    def make(*options):
        directory = server_directory()
        tool = Barman("debian", s3, directory.__enter__(), f"verify-{len(os.listdir(s3.buckets / 'backups'))}")
        made.append(directory)
        tool.archive_by_copy()
        primary = archive_with(tool)
        backup = tool.backup(primary, *options)
        fill_segments(primary, 1)
        tool.age()
        return tool, tool.root / "base" / backup

    yield make
    for directory in made:
        directory.__exit__(None, None, None)


def test_wal_that_a_restore_would_read_is_read_too(barman, cluster, verify, tmp_path):
    tool, backup = barman()
    middle, *_ = fill_segments(cluster.primary, 3)
    tool.age()
    code, text, found = verify(tool.place(tmp_path))
    assert (code, found["wal_content"]["damaged"]) == (0, []), text
    first = int(found["backups"][0]["begin_lsn"].split("/")[1], 16) // SEGMENT
    assert found["wal_content"]["segments"] == len([name for name in tool.segments() if int(name[16:], 16) >= first])

    flip(tool.file_of(middle), 70)  # in its first record
    code, text, found = verify(tool.place(tmp_path))
    assert (code, found["verdict"]) == (1, "broken"), text
    damaged, = found["wal_content"]["damaged"]
    assert damaged["segment"] == middle and f"{middle}: DAMAGED, " in text
    gap, = found["gaps"]
    assert (gap["first"], gap["last"], gap["pending"]) == (middle, middle, False), "it counts as missing"


@pytest.mark.parametrize("options, name", [((), "data.tar"), (("--gzip",), "data.tar.gz"), (("--bzip2",), "data.tar.bz2")])
def test_a_backup_of_barman_is_read_to_its_end(barman, verify, tmp_path, options, name):
    tool, backup = barman(*options)
    data = backup / name
    code, text, found = verify(tool.place(tmp_path))
    content, = found["content"]
    assert (code, found["verdict"]) == (0, "sound"), text
    assert (content["files"], content["bytes"], content["findings_total"], content["unchecked_total"]) == (1, data.stat().st_size, 0, 0)
    assert f"{backup.name}: 1 file, " in text and "read, nothing wrong\n" in text

    whole = data.read_bytes()
    os.truncate(data, len(whole) * 2 // 3)
    code, text, found = verify(tool.place(tmp_path))
    assert (code, found["backups"][0]["state"]) == (1, "broken"), text
    assert "orders/base/" in found["content"][0]["findings"][0]["file"] and "end" in found["content"][0]["findings"][0]["text"]
    assert f"{name}: " in found["backups"][0]["why"]
    assert found["windows"] == [], "nothing can be restored from it"

    if options:  # a plain tar has no checksum of its content
        data.write_bytes(whole)
        flip(data)
        code, text, found = verify(tool.place(tmp_path))
        assert (code, found["content"][0]["findings_total"]) == (1, 1), text


@pytest.mark.parametrize("what, script, words", [
    ("without backup_label", 'tar --delete -f "$1" backup_label', "backup_label is missing"),
    ("without pg_control", 'tar --delete -f "$1" global/pg_control', "global/pg_control is missing"),
    ("with a damaged header", r"""at=$(tar -tRf "$1" | awk '/PG_VERSION/ {print $2 + 0; exit}'); printf X | dd of="$1" bs=1 conv=notrunc seek=$((at * 512)) 2>/dev/null""",
     "a header of the tar is damaged"),
    ("of a later backup", r"""cd "$(mktemp -d)"; tar -xf "$1" backup_label; sed -i 's|^START WAL LOCATION: [0-9A-F/]*|START WAL LOCATION: 7/28|' backup_label;
tar --delete -f "$1" backup_label; tar -rf "$1" backup_label""", "found one that begins at 7/28"),
])
def test_what_recovery_begins_with_is_looked_at(barman, verify, tmp_path, what, script, words):
    tool, backup = barman()
    subprocess.run(["bash", "-euc", script, "-", str(backup / "data.tar")], check=True)
    code, text, found = verify(tool.place(tmp_path))
    assert code == 1, (what, text)
    assert words in json.dumps(found["content"][0]["findings"]), text


def test_a_pg_control_with_a_flipped_bit_or_of_another_cluster_is_found(barman, verify, tmp_path):
    tool, backup = barman()
    data = backup / "data.tar"
    content = data.read_bytes()
    at = control_file_in(data)
    for offset in (0, 100):
        data.write_bytes(content)
        flip(data, at + offset)
        code, text, found = verify(tool.place(tmp_path))
        assert (code, found["content"][0]["findings"][0]["text"]) == (1, "the checksum of pg_control is wrong"), text
    data.write_bytes(content)
    identifier = (backup / "backup.info").read_text()
    (backup / "backup.info").write_text(identifier.replace("systemid=7", "systemid=6"))
    code, text, found = verify(tool.place(tmp_path))
    assert "it is of another cluster" in text and code == 1, text


@pytest.fixture
def plain(archive_with):
    with server_directory() as directory:
        tool = Plain(directory)
        yield tool, archive_with(tool)


@pytest.mark.parametrize("options", [("-F", "p"), ("-F", "t"), ("-F", "t", "-z"), ("-F", "p", "--manifest-checksums=SHA512"), ("-F", "p", "--manifest-checksums=NONE")])
def test_a_backup_of_pg_basebackup_is_held_against_its_manifest(plain, verify, options):
    tool, primary = plain
    tool.backup(primary, "monday", "-X", "stream", *options)
    backup = tool.directory / "backups/monday"
    readable(backup)
    fill_segments(primary, 1)
    code, text, found = verify(tool.place("copied"))
    content, = found["content"]
    assert (code, content["findings_total"], content["unchecked_total"]) == (0, 0, 0), text
    assert content["files"] > (900 if "p" in options else 2)

    if "p" in options:
        victim = max((path for path in (backup / "base").rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
        flip(victim)
        (backup / "base/1/1247").unlink()
        (backup / "base/1/stranger").write_text("x")
        os.truncate(backup / "global/1262", 100)
        code, text, found = verify(tool.place("copied"))
        texts = {finding["file"].split("monday/")[1]: finding["text"] for finding in found["content"][0]["findings"]}
        expected = {"base/1/1247": "is in backup_manifest, and missing", "base/1/stranger": "is not in backup_manifest", "global/1262": "expected 8192 bytes, found 100"}
        if "--manifest-checksums=NONE" not in options:
            kind = "SHA512" if "--manifest-checksums=SHA512" in options else "CRC32C"
            expected[str(victim.relative_to(backup))] = f"its {kind} checksum is not that of backup_manifest"
        assert (code, texts) == (1, expected), text
    else:
        base, = backup.glob("base.tar*")
        flip(base)
        code, text, found = verify(tool.place("copied"))
        assert code == 1 and f"monday/{base.name}" in found["content"][0]["findings"][0]["file"], text


def test_a_manifest_that_was_changed_is_found(plain, verify):
    tool, primary = plain
    tool.backup(primary, "monday", "-X", "none")
    readable(tool.directory / "backups/monday")
    fill_segments(primary, 1)
    manifest = tool.directory / "backups/monday/backup_manifest"
    manifest.write_text(manifest.read_text().replace('"Size": 8192', '"Size": 8191', 1))
    code, text, found = verify(tool.place("copied"))
    assert code == 1 and "its own checksum, in its last line, is wrong" in text
    assert "expected 8191 bytes, found 8192" in text


def test_files_of_tablespaces_in_tars_are_held_against_it_too(plain, verify, tmp_path):
    tool, primary = plain
    with server_directory() as directory:
        place = directory / "side"
        directory.chmod(0o777)
        subprocess.run(unprivileged(["mkdir", str(place)]), check=True)
        primary.sql(f"CREATE TABLESPACE side LOCATION '{place}'")
        try:
            primary.sql("CREATE TABLE aside TABLESPACE side AS SELECT generate_series(1, 1000) i")
            tool.backup(primary, "tuesday", "-X", "none", "-F", "t")
            backup = tool.directory / "backups/tuesday"
            fill_segments(primary, 1)
            code, text, _ = verify(tool.place("copied"))
            assert code == 0, text
            oid = primary.sql("SELECT oid FROM pg_tablespace WHERE spcname = 'side'")
            listing = subprocess.run(["tar", "-tRvf", backup / f"{oid}.tar"], capture_output=True, text=True, check=True).stdout
            block = max((line for line in listing.splitlines() if " -rw" in line), key=lambda line: int(line.split()[4])).split()
            flip(backup / f"{oid}.tar", (int(block[1].rstrip(":")) + 1) * 512 + 100)
            code, text, found = verify(tool.place("copied"))
            finding, = found["content"][0]["findings"]
            assert (code, finding["text"]) == (1, "its CRC32C checksum is not that of backup_manifest"), text
            assert f"{oid}.tar: pg_tblspc/{oid}/" in finding["file"]
        finally:
            primary.sql("DROP TABLE IF EXISTS aside")
            primary.sql("DROP TABLESPACE side")


def test_dumps_are_read_to_their_end(plain, verify):
    tool, primary = plain
    Marks(primary)
    try:
        tool.dump(primary, "custom.dump", "-F", "c")
        tool.dump(primary, "folder.dump", "-F", "d", "-Z", "6")
        tool.dump(primary, "whole.sql")
        dumps = tool.directory / "dumps"
        readable(dumps / "folder.dump")
        (dumps / "whole.sql.gz").write_bytes(gzip.compress((dumps / "whole.sql").read_bytes()))
        place = {"name": "dumps", "directory": {"path": str(dumps), "dumps": ["*.dump", "*.sql.gz"]}}
        code, text, found = verify(place)
        contents = {found["backups"][index]["id"]: content for index, content in enumerate(found["content"])}
        assert sorted(one["backup"] for one in found["content"]) == ["custom.dump", "folder.dump", "whole.sql.gz"], text
        assert all(content["findings_total"] == 0 for content in contents.values()), text
        assert "its blocks are not decompressed" in text
        member = max(dumps.glob("folder.dump/*.gz"), key=lambda path: path.stat().st_size)
        os.truncate(member, member.stat().st_size - 4)
        code, text, found = verify(place)
        assert code == 1 and f"folder.dump/{member.name}: " in text, text
    finally:
        primary.sql("DROP TABLE marks")


def test_only_one_backup_and_no_faster_than_asked_for(barman, verify, tmp_path):
    tool, first = barman("--gzip")
    code, text, found = verify(tool.place(tmp_path), "--backup", first.name, "--bandwidth", "100MiB")
    assert code == 0 and [one["backup"] for one in found["content"]] == [first.name], text
    config = str(tmp_path / "pgvigil.yaml")
    nobody = run("audit", "--config", config, "--verify", "--backup", "nobody")
    assert (nobody.returncode, nobody.stderr) == (2, 'pgvigil: no backup that can be restored is called "nobody"\n')
    for words in (["--backup", first.name], ["--bandwidth", "1MiB"], ["--verify", "--bandwidth", "fast"], ["--verify", "--bandwidth", "0"]):
        assert run("audit", "--config", config, *words).returncode == 2, words


@pytest.fixture(scope="module")
def pgbackrest(s3):
    """Its three repositories, each with a full and an incremental backup: files by themselves, encrypted ones, bundles."""
    with server_directory() as directory:
        (directory / "servers").mkdir()
        tool = Pgbackrest(directory, s3)
        made = Cluster(directory / "servers", standbys=0, settings=tool.settings)
        try:
            tool.configure(made.primary)
            tool.run("stanza-create")
            for name in REPOSITORIES:
                for kind in ("full", "incr"):
                    made.primary.sql(f"CREATE TABLE {kind}_{name} AS SELECT i, md5(i::text) FROM generate_series(1, 20000) i")
                    tool.backup(kind, name)
            fill_segments(made.primary, 1)
            yield tool, s3.buckets / BUCKET / "pgbackrest"
        finally:
            made.stop()


@pytest.mark.skipif(shutil.which("pgbackrest") is None, reason="pgBackRest is not installed")
@pytest.mark.parametrize("name", list(REPOSITORIES))
def test_backups_of_pgbackrest_are_held_against_their_manifests(pgbackrest, verify, tmp_path, name):
    tool, bucket = pgbackrest
    place = tool.place(tmp_path, name)
    code, text, found = verify(place)
    assert (code, [content["findings_total"] for content in found["content"]]) == (0, [0, 0]), text
    assert all(content["unchecked_total"] == 0 for content in found["content"])
    assert all(content["bytes"] > 1 << 20 for content in found["content"]), "the incremental one reads what it refers to"

    root = bucket if name == "s3" else tool.directory / name
    full = root / "backup/orders" / tool.backups(name)[0]
    victim = max((path for path in full.rglob("*") if path.is_file() and "manifest" not in path.name), key=lambda path: path.stat().st_size)
    whole = victim.read_bytes()
    try:
        flip(victim)
        code, text, found = verify(place)
        assert code == 1 and f"{full.name}/{victim.relative_to(full)}" in found["content"][0]["findings"][0]["file"], text
        assert all(content["findings_total"] >= 1 for content in found["content"]), "the incremental one rests on it"
        os.truncate(victim, len(whole) // 2)
        code, text, found = verify(place)
        assert code == 1 and "bytes" in found["content"][0]["findings"][0]["text"], text
        victim.unlink()
        code, text, found = verify(place)
        assert code == 1 and "is missing" in found["content"][0]["findings"][0]["text"], text
    finally:
        victim.write_bytes(whole)


@pytest.mark.skipif(find_barman(NEWEST) is None, reason="the newest barman-cloud is not installed")
@pytest.mark.parametrize("major", [13, 14, 15, 16, 17, 18])
def test_backups_of_every_major_are_known(s3, verify, tmp_path, major):
    with server_directory() as directory:
        tool = Barman(NEWEST, s3, directory, f"major-{major}")
        tool.archive_by_copy()
        (directory / "servers").mkdir()
        made = Cluster(directory / "servers", standbys=0, major=major, settings=tool.settings)
        try:
            backup = tool.backup(made.primary)
        finally:
            made.stop()
        code, text, found = verify(tool.place(tmp_path))
        content, = found["content"]
        assert (code, content["findings_total"], content["unchecked_total"]) == (0, 0, 0), text
        data = tool.root / "base" / backup / "data.tar"
        flip(data, control_file_in(data) + 40)
        code, text, found = verify(tool.place(tmp_path))
        assert code == 1 and "the checksum of pg_control is wrong" in text, text

"""Where MinIO answers otherwise than versitygw does: what a store makes of it, and one archive of barman-cloud's in it."""

import json
import shutil
import urllib.parse
import xml.etree.ElementTree

import pytest

from archives import BUCKET, Barman, Marks, fill_segments, find_barman
from conftest import server_directory
from exporter import run
from objectstore import MinIO, Store, find_server
from postgres import Cluster
from test_objectstore import ODD

pytestmark = pytest.mark.skipif(find_server("minio") is None or find_barman("debian") is None,
                                reason="MinIO or barman-cloud is not installed (scripts/test.sh does it)")


@pytest.fixture(scope="module")
def minio():
    with server_directory() as directory:
        made = MinIO(directory / "minio")
        try:
            made.directory.chmod(0o755)
            made.request("PUT", f"/{BUCKET}")
            for i in range(1100):
                made.write(BUCKET, f"orders/wals/0000000100000000/{i:024X}.gz", b"wal")
            for key in ODD:
                made.put(BUCKET, "odd/" + key, key.encode())
            yield made
        finally:
            made.stop()


@pytest.fixture
def store(minio, tmp_path):
    return lambda **options: Store(tmp_path, minio, **options)


def test_pages_folders_and_start_after(store):
    listed, folders, after = store(path="orders", region="eu-west-1").do("list", "wals/", "folders", "wals/", "after", "wals/", f"wals/0000000100000000/{1097:024X}.gz")[0]
    assert listed["pages"] == [1000, 100] and len(set(listed["keys"])) == 1100, listed
    assert folders["folders"] == ["wals/0000000100000000/"]
    assert after["keys"] == [f"wals/0000000100000000/{i:024X}.gz" for i in (1098, 1099)]


def test_keys_that_it_encodes_are_read_as_they_were_written(store):
    odd = store(path="odd")
    assert sorted(odd.one("list", "")["keys"]) == sorted(ODD)
    for key in ODD:
        got, head = odd.do("get", key, 100, "head", key)[0]
        assert got.get("bytes") == key and head.get("size") == len(key.encode()), (got, head)


def test_refusals_say_what_to_do(store, minio):
    _, secret, token = session(minio)
    table = [
        (store(secret="wrong-secret"), "auth", "secret access key does not belong"),
        (store(key="unknown"), "auth", "does not know this access key"),
        (store(bucket="missing"), "not_found", "no such bucket"),
        (store(key="none", secret=secret, token=token), "auth", ""),
    ]
    for probe, kind, words in table:
        (answer,), last = probe.do("list", "")
        assert answer.get("error") == kind and words in answer["message"], answer
        assert last["list"] == 1


def session(minio):
    """Key, secret and the file of a token that MinIO gave for an hour."""
    form = urllib.parse.urlencode({"Action": "AssumeRole", "Version": "2011-06-15", "DurationSeconds": 3600}).encode()
    answer = xml.etree.ElementTree.fromstring(minio.request("POST", "/", form, service="sts", **{"content-type": "application/x-www-form-urlencoded"}))
    found = {element.tag.split("}")[1]: element.text for element in answer.iter()}
    file = minio.directory / "token"
    file.write_text(found["SessionToken"] + "\n")
    return found["AccessKeyId"], found["SecretAccessKey"], str(file)


def test_a_session_token_is_sent_and_signed(store, minio):
    key, secret, token = session(minio)
    assert len(store(path="orders", key=key, secret=secret, token=token).one("list", "wals/")["keys"]) == 1100


@pytest.mark.skipif(shutil.which("faketime") is None, reason="faketime is not installed")
def test_a_wrong_clock_of_ours_is_found_and_corrected(store):
    probe = store(path="odd")
    probe.words = ["faketime", "-m", "--exclude-monotonic", "-f", "+1200", *probe.words]
    (answer,), last = probe.do("list", "")
    assert len(answer["keys"]) == len(ODD) and abs(last["skew"] + 1200) < 30, (answer, last)


def test_an_archive_of_barman_cloud_in_it_is_sound(minio, tmp_path):
    with server_directory() as directory:
        (directory / "servers").mkdir()
        tool = Barman("debian", minio, directory, "archive")
        cluster = Cluster(directory / "servers", standbys=0, settings=tool.settings)
        try:
            primary = cluster.primary
            marks = Marks(primary)
            tool.archive_by_tool("--gzip")
            tool.run("backup", tool.url, tool.server, before=["-h", "127.0.0.1", "-p", primary.port, "-U", "postgres", "--immediate-checkpoint", "--gzip"])
            marks.make()
            names = fill_segments(primary, 2)
        finally:
            cluster.stop()
        config = tmp_path / "pgvigil.yaml"
        config.write_text(json.dumps({"clusters": [{"name": "orders", "instances": [{"name": "one", "dsn": "host=127.0.0.1 port=1 user=pgvigil"}],
                                                    "archive": [tool.place(tmp_path)]}]}))
        done = run("audit", "--config", str(config), "--json")
        audit = json.loads(done.stdout)["archives"][0]
        assert (done.returncode, audit["verdict"], [one["state"] for one in audit["backups"]]) == (0, "sound", ["restorable"]), audit
        assert audit["timelines"][0]["stored"][-1]["last"] == names[-1]

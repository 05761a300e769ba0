"""Stores against a real S3 server over TLS: what is listed, what is read, and what is said when it is not."""

import json
import pathlib
import re
import shutil
import signal
import tempfile
import time

import pytest

from objectstore import Relay, Server, Store, find_versitygw

pytestmark = pytest.mark.skipif(find_versitygw() is None, reason="versitygw is not installed (scripts/test.sh does it)")

ODD = ["a b", "a+b", "a=b&c;d,e", "$('*')!~", "a#b?c<d>e\"f", "umlaut-äöü", "emoji-😀", "new\nline", "percent%20%", "back\\slash", "tab\tx"]


@pytest.fixture(scope="module")
def server():
    with tempfile.TemporaryDirectory(prefix="pgvigil-s3-") as directory:
        made = Server(pathlib.Path(directory) / "server")
        try:
            made.request("PUT", "/backups")
            for i in range(1500):
                made.write("backups", f"orders/wals/00000001{i // 256:08X}/00000001{i // 256:08X}{i % 256:08X}.gz", b"wal %d" % i)
            made.write("backups", "orders/base/20260101T000000/backup.info", b"0123456789")
            made.write("backups", "large", bytes(range(256)) * 4096 * 5)
            for key in ODD:
                made.put("backups", "odd/" + key, key.encode())
            made.request("PUT", "/closed")
            listing = made.user("lister", "backups", "s3:ListBucket")
            getting = made.user("getter", "backups", "s3:GetObject")
            made.user("nobody", "backups")
            made.policy("backups", listing, getting)
            yield made
        finally:
            made.stop()


@pytest.fixture
def own_server(tmp_path):
    made = Server(tmp_path / "server")
    made.request("PUT", "/backups")
    made.write("backups", "k")
    made.write("backups", "large", b"x" * (32 << 20))
    yield made
    made.stop()


@pytest.fixture
def store(server, tmp_path):
    return lambda **options: Store(tmp_path, server, **options)


@pytest.fixture
def relay(server):
    made = []

    def start(change):
        made.append(Relay.of(server, change))
        return made[-1].endpoint

    yield start
    for one in made:
        one.stop()


def test_a_listing_of_many_pages_is_whole_and_in_order(store):
    (answer,), last = store(path="orders").do("list", "wals/")
    assert "error" not in answer, answer
    assert len(answer["keys"]) == 1500
    assert answer["keys"] == sorted(answer["keys"], key=str.encode)
    assert answer["pages"] == [1000, 500]
    assert last["list"] == 2
    assert last["connections"] == 1
    assert abs(last["skew"]) < 30


def test_prefix_folders_and_start_after(store):
    folders, after, none = store(path="/orders/").do("folders", "wals/", "after", "wals/", "wals/0000000100000005/0000000100000005000000D9.gz",
                                                      "list", "nothing/")[0]
    assert folders["folders"] == [f"wals/00000001{i:08X}/" for i in range(6)]
    assert folders["keys"] == []
    assert after["keys"] == [f"wals/0000000100000005/0000000100000005{i:08X}.gz" for i in (0xDA, 0xDB)]
    assert none["keys"] == [] and "error" not in none


def test_odd_keys_are_listed_read_and_found(store):
    odd = store(path="odd")
    listed = odd.one("list", "")
    assert sorted(listed["keys"]) == sorted(ODD)
    for key in ODD:
        got, head = odd.do("get", key, 100, "head", key)[0]
        assert got.get("bytes") == key, got
        assert head.get("size") == len(key.encode()), head


def test_ranges_caps_and_large_objects(store):
    info = "orders/base/20260101T000000/backup.info"
    answers = store().do("range", info, 2, 3, "range", info, 8, 100, "range", info, 10, 1, "get", info, 10, "get", info, 9,
                         "read", "large", "get", "large", 1 << 20)[0]
    assert [a.get("bytes") for a in answers[:4]] == ["234", "89", None, "0123456789"]
    assert answers[2]["error"] == "malformed"
    assert answers[4]["error"] == "limit"
    assert answers[5]["size"] == 256 * 4096 * 5 and answers[5]["pieces"] >= 5
    assert answers[6]["error"] == "limit"


def test_only_reading_requests_are_ever_sent(store, server):
    store().do("list", "", "get", "large", 1, "head", "large")
    lines = [line for line in server.access_log.read_text().splitlines() if "pgvigil" in line]
    operations = {operation for line in lines for operation in re.findall(r" s3_(\w+) ", line)}
    assert operations == {"ListObjectsV2", "GetObject", "HeadObject"}


def test_refusals_say_what_to_do(store):
    table = [
        (store(secret="wrong"), ("list", ""), "auth", "secret access key does not belong"),
        (store(key="unknown"), ("list", ""), "auth", "does not know this access key"),
        (store(bucket="missing"), ("list", ""), "not_found", "no such bucket"),
        (store(bucket="missing"), ("get", "k", 10), "not_found", "no such"),
        (store(), ("get", "none", 10), "not_found", "no such object"),
        (store(), ("head", "none"), "not_found", "no such object"),
        (store(key="nobody", secret="nobodynobody"), ("list", ""), "permission", "s3:ListBucket"),
        (store(key="getter", secret="gettergetter"), ("list", ""), "permission", "s3:ListBucket"),
        (store(key="lister", secret="listerlister"), ("get", "large", 10), "permission", "s3:GetObject"),
        (store(key="lister", secret="listerlister"), ("head", "large"), "permission", "s3:GetObject"),
        (store(key="lister", secret="listerlister", bucket="closed"), ("list", ""), "permission", "s3:ListBucket"),
    ]
    for probe, operation, kind, words in table:
        (answer,), last = probe.do(*operation)
        assert answer.get("error") == kind, (operation, answer)
        assert words in answer["message"], answer
        assert answer["subject"].startswith("s3://"), answer
        assert last["list"] + last["get"] + last["head"] == 1  # a refusal is not repeated


def test_least_privilege_is_enough(store):
    listing, getting = store(key="lister", secret="listerlister"), store(key="getter", secret="gettergetter")
    assert len(listing.one("list", "orders/wals/")["keys"]) == 1500
    assert getting.one("get", "orders/base/20260101T000000/backup.info", 10)["bytes"] == "0123456789"


def test_a_certificate_that_is_not_trusted_is_told(store, tmp_path):
    probe = store()
    where = probe.words.index("--ca")
    del probe.words[where:where + 2]
    answer = probe.one("list", "", environment={"AWS_CA_BUNDLE": ""})
    assert answer["error"] == "auth"
    assert "certificate is not trusted" in answer["message"]


def test_another_host_name_than_the_certificates_is_refused(store, server):
    answer = store(endpoint=f"https://127.0.0.1:{server.port}").one("list", "")
    assert answer["error"] == "auth"


@pytest.mark.skipif(shutil.which("faketime") is None, reason="faketime is not installed")
@pytest.mark.parametrize("minutes", [-20, 20])
def test_a_wrong_clock_of_ours_is_found_and_corrected(store, minutes):
    probe = store()
    # The monotonic clock stays as it is: deadlines must not move.
    probe.words = ["faketime", "-m", "--exclude-monotonic", "-f", f"{minutes * 60:+d}", *probe.words]
    answers, last = probe.do("get", "orders/base/20260101T000000/backup.info", 10, "head", "large")
    assert answers[0].get("bytes") == "0123456789", answers
    assert answers[1].get("size"), answers
    assert last["get"] == 2 and last["head"] == 1  # once corrected, right from the start
    assert abs(last["skew"] + minutes * 60) < 30


def test_answers_that_are_cut_are_asked_for_again(store, relay):
    count = [0]

    def cut_twice(answer):
        count[0] += 1
        return answer[:-10] if count[0] <= 2 else answer

    answer = store(endpoint=relay(cut_twice), path="orders").one("list", "wals/0000000100000000/")
    assert len(answer.get("keys", [])) == 256, answer
    assert count[0] == 3


def test_answers_that_are_always_cut_are_unavailable(store, relay):
    probe = store(endpoint=relay(lambda answer: answer[:-10]))
    answer = probe.one("get", "orders/base/20260101T000000/backup.info", 100)
    assert answer["error"] == "unavailable"
    assert "bytes" not in answer


def test_what_a_read_gave_is_not_given_twice(store, relay):
    answers, last = store(endpoint=relay(lambda answer: answer[:-10])).do("read", "large")
    assert answers[0]["error"] == "unavailable"
    assert answers[0]["size"] <= 256 * 4096 * 5
    assert last["get"] == 1


def test_a_listing_that_lost_its_end_is_malformed(store, relay):
    def lose(answer):
        head, _, body = answer.partition(b"\r\n\r\n")
        body = body[:len(body) // 2]
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"content-length", b"transfer-encoding"))]
        return b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", body])

    answer = store(endpoint=relay(lose)).one("list", "orders/")
    assert answer["error"] == "malformed"
    assert answer["keys"] == []


def test_a_server_that_stops_answering_costs_the_deadline(own_server, tmp_path):
    probe = Store(tmp_path, own_server, within=2)
    own_server.process.send_signal(signal.SIGSTOP)
    answer = probe.one("list", "")
    assert answer["error"] == "timeout"
    assert answer["seconds"] < 4
    own_server.process.send_signal(signal.SIGCONT)
    assert probe.one("list", "")["keys"] == ["k", "large"]


def test_a_server_that_goes_away_and_comes_back(own_server, tmp_path):
    probe = Store(tmp_path, own_server, within=20)
    process = probe.begin("list", "", "sleep", "list", "", "sleep", "list", "")
    try:
        assert json.loads(process.stdout.readline())["keys"] == ["k", "large"]
        own_server.stop()
        process.stdin.write("go\n")
        process.stdin.flush()
        process.stdout.readline()
        assert json.loads(process.stdout.readline())["error"] in ("refused", "unavailable")
        process.stdin.write("go\n")
        process.stdin.flush()
        time.sleep(0.3)  # it is trying already
        own_server.start()
        process.stdout.readline()
        assert json.loads(process.stdout.readline())["keys"] == ["k", "large"]
    finally:
        process.kill()
        process.wait()

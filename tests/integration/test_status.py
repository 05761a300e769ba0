"""/api/v1/status, / and `pgvigil status`: what a person on call is told, on real servers and a real archive."""

import base64
import contextlib
import http.client
import json
import os
import re
import ssl
import subprocess

import jsonschema
import pytest

from archives import SEGMENT, Marks, Restores, fill_segments, found_marks, switch
from conftest import server_directory
from exporter import ROOT, Exporter, instances, password_file, run
from postgres import client, free_port, run as run_unprivileged, unprivileged, wait_for

SCHEMA = json.loads((ROOT / "docs/status.schema.json").read_text())
PROBE = {"pg_probe": {"sql": "SELECT 1 AS one", "columns": {"one": {"usage": "gauge", "description": "One"}}}}


class Folder:
    """An archive of `archive_command = 'cp …'` and pg_basebackup."""

    def __init__(self, directory):
        self.directory = directory
        for name in ("wal", "backups"):
            (directory / name).mkdir()
            (directory / name).chmod(0o777)
        self.restore_script = directory / "restore"
        self.restore_script.write_text(f'#!/bin/sh\ncp {directory}/wal/$1 "$2"\n')
        self.restore_script.chmod(0o755)

    @property
    def settings(self):
        return {"archive_command": f"cp %p {self.directory}/wal/%f", "track_commit_timestamp": "on", "archive_timeout": "0"}

    @property
    def place(self):
        return {"name": "nas", "directory": {"path": str(self.directory), "wal": "wal", "backups": str(self.directory / "backups")}}

    def backup(self, server, name):
        run_unprivileged([client("pg_basebackup"), "-D", self.directory / "backups" / name, "-h", "127.0.0.1", "-p", server.port,
                          "-U", "postgres", "-X", "none", "-c", "fast", "--no-sync"])
        subprocess.run(unprivileged(["chmod", "-R", "a+rX", str(self.directory / "backups" / name)]), check=True)

    def restore_into(self, backup, data):
        subprocess.run(unprivileged(["cp", "-a", str(self.directory / "backups" / backup.split("/")[-1]), str(data)]), check=True)
        subprocess.run(unprivileged(["chmod", "700", str(data)]), check=True)


@pytest.fixture
def folder():
    with server_directory() as directory:
        yield Folder(directory)


class Asked:
    """One answer of the exporter, checked against its schema."""

    def __init__(self, body):
        self.json = json.loads(body)
        jsonschema.validate(self.json, SCHEMA, jsonschema.Draft202012Validator)
        self.cluster = self.json["clusters"][0]
        self.standing = self.cluster["standing"]
        self.archives = self.cluster["archives"]

    def says(self, question):
        answer, = [one for one in self.cluster["answers"] if one["question"] == question]
        return "\n".join(f"{said['standing']}: {said['text']}" for said in answer["says"])

    def details(self, question):
        return [line for one in self.cluster["answers"] if one["question"] == question for said in one["says"] for line in said.get("details", [])]


def ask(exporter):
    status, headers, body = exporter.request("/api/v1/status")
    assert (status, headers["Content-Type"]) == (200, "application/json; charset=utf-8"), body
    return Asked(body)


def wait_asked(exporter, what, condition):
    seen = []

    def look():
        seen[:] = [ask(exporter)]
        return seen[0] if condition(seen[0]) else None

    try:
        return wait_for(what, look)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{json.dumps(seen[0].json, indent=1)}") from None


def status_of(exporter, *words):
    return run("status", "--url", f"http://127.0.0.1:{exporter.port}", *words)


@pytest.fixture
def watch_with(start_exporter, tmp_path):
    def start(cluster, *places, **more):
        queries = tmp_path / "queries.yaml"
        queries.write_text(json.dumps(PROBE))
        secret = password_file(tmp_path)
        return start_exporter({"clusters": [{"name": "orders", "instances": instances(cluster.servers, secret), "archive": list(places), **more}],
                               "queries": [{"files": str(queries)}], "intervals": {"archive": "1s", "observe_standby": "1s"}})

    return start


def text_only(html):
    for old, new in (("&#39;", "'"), ("&quot;", '"'), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        html = html.replace(old, new)
    return html


def test_a_healthy_cluster_is_told_and_the_targets_printed_restore_it(own_cluster, folder, watch_with):
    cluster = own_cluster(standbys=1, settings=folder.settings)
    marks = Marks(cluster.primary)
    exporter = watch_with(cluster, folder.place, objectives={"recovery_window": "1s"})
    marks.make(2)
    folder.backup(cluster.primary, "nightly")
    wait_for("a second has passed since", lambda: cluster.primary.sql("SELECT count(*) FROM pg_stat_archiver WHERE now() > stats_reset + '1s'") == "1")

    def written():
        marks.make()
        switch(cluster.primary)
        asked = ask(exporter)
        windows = asked.archives[0].get("windows", [])
        return asked if windows and windows[0]["start_target"].startswith("recovery_target_time") else None

    asked = wait_for("a commit behind the start is known to be archived", written)
    window, = asked.archives[0]["windows"]
    assert asked.standing == "fine", json.dumps(asked.json, indent=1)
    assert "fine: Primary: orders-1, on timeline 1." in asked.says("primary")
    assert "fine: It can fail over: orders-2 is streaming" in asked.says("primary")
    assert "fine: If the primary died now: " in asked.says("loss") and "fine: If the site died now: " in asked.says("loss")
    assert (asked.cluster["primary"], asked.cluster["timeline"]) == ("orders-1", 1)
    assert asked.archives[0]["backups"][0]["state"] == "restorable"
    assert window["end_target"] == "no target: to the end of WAL"
    for answer in asked.cluster["answers"]:
        assert answer["evidence"] and all(evidence["age_seconds"] < 60 for evidence in answer["evidence"])

    text = status_of(exporter)
    assert text.returncode == 0, text.stdout + text.stderr
    html = text_only(exporter.request("/")[2].decode())
    for line in asked.details("restore"):
        assert line in text.stdout and line in html
    assert json.loads(status_of(exporter, "--json").stdout)["clusters"][0]["archives"][0]["windows"][0]["start_target"] == window["start_target"]

    archived = len(marks.ends)
    times = marks.times()
    copies = Restores(cluster.directory, folder)
    try:
        name, value = re.fullmatch(r"(recovery_target_time) = '(.*)'", window["start_target"]).groups()
        server = copies.restore(window["start_backup"], **{name: value})
        start = int(cluster.primary.sql(f"SELECT (extract(epoch FROM timestamptz '{value}') * 1000000)::bigint"))
        assert found_marks(server) == {number for number, time in times.items() if time <= start}
        server.stop()
        server = copies.restore(window["end_backup"])
        assert found_marks(server) == set(range(1, archived + 1))
    finally:
        copies.stop()


def test_where_no_commit_follows_the_backup_itself_is_the_target(own_cluster, folder, watch_with):
    cluster = own_cluster(standbys=0, settings=folder.settings)
    marks = Marks(cluster.primary)
    marks.make(2)
    folder.backup(cluster.primary, "nightly")
    cluster.primary.sql("SELECT pg_switch_wal()")
    exporter = watch_with(cluster, folder.place)
    asked = wait_asked(exporter, "the window is there", lambda asked: asked.archives[0].get("windows"))
    window, = asked.archives[0]["windows"]
    assert window["start_target"] == "recovery_target = 'immediate'"
    copies = Restores(cluster.directory, folder)
    try:
        server = copies.restore(window["start_backup"], recovery_target="immediate")
        assert found_marks(server) == {1, 2}
        server.stop()
        server = copies.begin(window["start_backup"], recovery_target_time=window["start"].replace("T", " ").replace("Z", "+00"))
        wait_for("a time is refused", lambda: server.process.poll() is not None)
        assert "before configured recovery target was reached" in (copies.directory / f"{server.name}.log").read_text()
    finally:
        copies.stop()


def test_a_commit_that_was_found_in_the_archive_is_remembered_while_nothing_is_written(own_cluster, folder, watch_with):
    cluster = own_cluster(standbys=0, settings=folder.settings)
    folder.backup(cluster.primary, "nightly")
    fill_segments(cluster.primary, 1)
    exporter = watch_with(cluster, folder.place)

    def window(asked):
        return (asked.archives[0].get("windows") or [{}])[0]

    def end(asked):
        high, low = window(asked)["end_lsn"].split("/")
        return (int(high, 16) << 32) + int(low, 16)

    first = wait_asked(exporter, "the commit is found", lambda asked: window(asked).get("start_target", "").startswith("recovery_target_time"))
    for _ in range(2):  # then the samples of the primary's position tell of the end, and of no transaction
        cluster.primary.sql("SELECT pg_logical_emit_message(false, 'no', 'transaction')")
        switch(cluster.primary)
    later = wait_asked(exporter, "the end moves on", lambda asked: end(asked) >= end(first) + 2 * SEGMENT)
    assert window(later)["start_target"] == window(first)["start_target"]


def test_an_archive_that_cannot_be_read_is_never_called_fine(own_cluster, folder, watch_with):
    cluster = own_cluster(standbys=1, settings=folder.settings)
    folder.backup(cluster.primary, "nightly")
    fill_segments(cluster.primary, 1)
    exporter = watch_with(cluster, folder.place)
    wait_asked(exporter, "the window is there", lambda asked: asked.archives[0].get("windows"))
    gone = folder.directory.with_name(folder.directory.name + "-gone")
    folder.directory.rename(gone)
    try:
        asked = wait_asked(exporter, "it is told", lambda asked: asked.archives[0].get("readable") is False)
        done = status_of(exporter)
    finally:
        gone.rename(folder.directory)
    assert asked.standing == "unknown"
    assert asked.archives[0]["error"]["kind"] == "not_found"
    assert "unknown: Archive nas cannot be read; it was last read " in asked.says("restore")
    assert done.returncode == 3 and "UNKNOWN  Archive nas cannot be read" in done.stdout

    never = watch_with(cluster, {**folder.place, "directory": {"path": str(folder.directory / "nothing")}})
    asked = wait_asked(never, "it is told", lambda asked: asked.archives[0].get("readable") is False)
    assert asked.archives[0]["known"] is False and "windows" not in asked.archives[0]
    assert "unknown: Not known, because archive nas cannot be read, and never could be" in asked.says("restore")
    assert "unknown: What would be lost with the site is not known, because no archive could be read lately." in asked.says("loss")
    assert "Not known, because archive nas cannot be read" in text_only(never.request("/")[2].decode())


def test_without_an_archive_nothing_is_claimed(cluster, watch_with):
    exporter = watch_with(cluster)
    asked = wait_asked(exporter, "all answer", lambda asked: all(one["answering"] for one in asked.cluster["instances"]))
    assert asked.standing == "unknown" and asked.archives == []
    assert asked.says("restore") == "unknown: Not known, because no archive is configured."
    assert "unknown: What would be lost with the site is not known, because no archive is configured." in asked.says("loss")
    assert asked.cluster["loss"]["site"] == {}
    assert status_of(exporter).returncode == 3
    refused = status_of(exporter, "--cluster", "x")
    assert refused.returncode == 2 and "there are: orders" in refused.stderr
    assert status_of(exporter, "--cluster", "orders").stdout.startswith("orders: not known in full")


def test_when_the_primary_is_dead_it_says_who_has_most(own_cluster, watch_with):
    cluster = own_cluster(standbys=1)
    exporter = watch_with(cluster)
    wait_asked(exporter, "all answer", lambda asked: asked.cluster.get("primary") and "fine: It can fail over" in asked.says("primary"))
    cluster.primary.stop()
    asked = wait_asked(exporter, "it is missed", lambda asked: "Who is primary is not known" in asked.says("primary"))
    assert "primary" not in asked.cluster
    assert "1 of 2 instances does not answer" in asked.says("primary")
    assert "orders-2 has received most: up to 0/" in asked.says("primary")
    assert "orders-1 does not answer: " in asked.says("primary")
    assert "ago when the primary last answered" in asked.says("loss"), "held for 5 minutes, and said so"
    done = status_of(exporter)
    assert done.returncode == 3 and "does not answer" in done.stdout


def test_a_broken_objective_makes_it_exit_with_1(own_cluster, folder, watch_with):
    cluster = own_cluster(standbys=1, settings=folder.settings)
    exporter = watch_with(cluster, folder.place)
    asked = wait_asked(exporter, "the archive is read", lambda asked: asked.archives[0]["known"])
    assert "broken: nas: nothing can be restored, because it holds no backup." in asked.says("restore")
    assert asked.cluster["loss"]["site"]["everything"] is True
    done = status_of(exporter)
    assert done.returncode == 1 and "BROKEN   If the site died now, everything would be lost" in done.stdout


def request(port, path, authority, user=None):
    headers = {"Authorization": "Basic " + base64.b64encode(user.encode()).decode()} if user else {}
    with contextlib.closing(http.client.HTTPSConnection("localhost", port, context=ssl.create_default_context(cafile=authority))) as connection:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status


def test_it_is_guarded_as_the_metrics_are_and_status_says_how_to_get_in(tmp_path, cluster):
    subprocess.run(["bash", str(ROOT / "tests/integration/make_certificates.sh"), str(tmp_path)], check=True)
    hashed = "$2y$04$M/J2WALtrhzvm5q6hAHFC.ZhzFIXGVOvNbRY79cfsPuDCbwLB6l1C"  # of "let me in"
    web = tmp_path / "web.yaml"
    web.write_text(json.dumps({"tls_server_config": {"cert_file": "server.crt", "key_file": "server.key"}, "basic_auth_users": {"oncall": hashed}}))
    secret = password_file(tmp_path)
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text("let me in\n")
    wrong.write_text("let me out\n")
    exporter = Exporter(tmp_path, ["--dsn", cluster.primary.dsn(), "--password-file", str(secret), "--web.config-file", str(web)])
    authority = str(tmp_path / "ca.crt")
    try:
        for path in ("/metrics", "/api/v1/status", "/"):
            assert request(exporter.port, path, authority) == 401
            assert request(exporter.port, path, authority, "oncall:let me out") == 401
            assert request(exporter.port, path, authority, "oncall:let me in") == 200
        def asked(*words):
            return run("status", "--url", f"https://localhost:{exporter.port}", *words)
        trust = ["--ca-file", authority]
        who = ["--user", "oncall", "--password-file"]
        assert asked(*trust, *who, str(right)).stdout.startswith("default: ")
        for words, said in ((trust, "give --user NAME and --password-file FILE"),
                            ([*trust, *who, str(wrong)], 'does not accept user "oncall"'),
                            ([*who, str(right)], "--ca-file names the authority")):
            done = asked(*words)
            assert (done.returncode, done.stdout) == (3, "") and said in done.stderr
        plain = run("status", "--url", f"http://localhost:{exporter.port}")
        assert plain.returncode == 3 and "ask with --url https://" in plain.stderr
    finally:
        exporter.stop()


def test_who_does_not_listen_is_said_with_what_to_do():
    done = run("status", "--url", f"http://127.0.0.1:{free_port()}", env={**os.environ, "http_proxy": "http://127.0.0.1:1"})
    assert (done.returncode, done.stdout) == (3, "")
    assert "Is `pgvigil serve` running there?" in done.stderr
    assert run("status", "--url", "nonsense").returncode == 2
    assert run("status", "--user", "oncall").returncode == 2

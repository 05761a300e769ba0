"""The shipped Alertmanager configuration in a real Alertmanager, with a webhook sink in place of the receivers.

The configuration under test is a copy in which nothing but the receivers' addresses, the waiting times and the hours of
the working day are changed.
"""

import datetime
import json
import os
import pathlib
import shutil
import subprocess
import time
import urllib.request

import pytest
import yaml

from monitoring import Sink, shipped_routing
from postgres import free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATIENCE = 30  # seconds until an awaited condition counts as never coming

SHOP = {"namespace": "shop", "pg_cluster": "orders"}
BANK = {"namespace": "bank", "pg_cluster": "orders"}


def await_that(condition, what):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(0.02)
    raise AssertionError(f"not within {PATIENCE} s: {what}")


class Alertmanager:
    def __init__(self, directory, sink, working_now=True):
        self.log = directory / "log"
        config = directory / "alertmanager.yaml"
        config.write_text(yaml.safe_dump(shipped_routing(sink, working_now)))
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        program = (os.environ.get("PGVIGIL_ALERTMANAGER") or shutil.which("prometheus-alertmanager")
                   or shutil.which("alertmanager"))
        assert program, "no Alertmanager: install prometheus-alertmanager, or set PGVIGIL_ALERTMANAGER"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [program, f"--config.file={config}", f"--storage.path={directory}", "--log.level=debug",
                 f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="], stdout=log, stderr=log)
        await_that(self.ready, "Alertmanager is ready")

    def ready(self):
        assert self.process.poll() is None, self.log.read_text()
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5) as response:
                return response.status == 200
        except OSError:
            return False

    def post(self, *alerts, resolved=False):
        now = datetime.datetime.now(datetime.timezone.utc)
        ends = now - datetime.timedelta(seconds=1) if resolved else now + datetime.timedelta(minutes=10)
        # Alertmanager waits for no group whose alert is older than its wait; it then races its own inhibition.
        starts = now - datetime.timedelta(minutes=5) if resolved else now
        body = [{"labels": labels, "startsAt": starts.isoformat(), "endsAt": ends.isoformat()} for labels in alerts]
        request = urllib.request.Request(f"{self.url}/api/v2/alerts", json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=5) as response:
            assert response.status == 200

    def inhibited_by(self, labels):
        """The labels of what mutes that alert now."""
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts", timeout=5) as response:
            alerts = json.load(response)
        by_fingerprint = {alert["fingerprint"]: alert["labels"] for alert in alerts}
        own = next((alert for alert in alerts if alert["labels"] == labels), None)
        return [by_fingerprint[mark] for mark in own["status"]["inhibitedBy"]] if own else []

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=PATIENCE)


@pytest.fixture
def sink():
    result = Sink()
    yield result
    result.close()


@pytest.fixture
def alertmanager(tmp_path, sink):
    result = Alertmanager(tmp_path, sink)
    yield result
    result.stop()


def rule(name, severity, **labels):
    """An alert with the labels that the shipped rule of that name and severity gives it."""
    for path in (ROOT / "alerts/rules").glob("*.yaml"):
        for group in yaml.safe_load(path.read_text())["groups"]:
            for one in group["rules"]:
                if one.get("alert") == name and one["labels"]["severity"] == severity:
                    return {"alertname": name, **one["labels"], **labels}
    raise AssertionError(f"no rule {name} with severity {severity} is shipped")


def test_a_cluster_is_paged_for_once_whatever_happens_in_it(alertmanager, sink):
    alertmanager.post(rule("PgNoPrimary", "critical", **SHOP), rule("PgStandbyDiverged", "critical", **BANK, pg_instance="b-2"),
                      rule("PgTwoPrimaries", "critical", **BANK), rule("PgInstanceDown", "critical", **BANK, pg_instance="b-1"))
    await_that(lambda: len({json.dumps(m["groupLabels"], sort_keys=True) for m in sink.messages("pager")}) == 2,
               "a page for each of two clusters")
    bank = [m for m in sink.messages("pager") if m["groupLabels"] == BANK]
    assert {a["labels"]["alertname"] for m in bank for a in m["alerts"]} == {"PgTwoPrimaries", "PgInstanceDown"}
    assert sink.messages("tickets") == []


def test_a_page_mutes_the_symptoms_of_its_own_cluster_until_it_ends(alertmanager, sink):
    cause = rule("PgNoPrimary", "critical", **SHOP)
    symptom = rule("PgReplicationLagSecondsHigh", "warning", **SHOP, pg_instance="orders-2")
    neighbour = rule("PgReplicationLagSecondsHigh", "warning", **BANK, pg_instance="orders-2")
    alertmanager.post(cause)
    await_that(lambda: sink.firing("pager"), "the page")
    alertmanager.post(symptom, neighbour)
    await_that(lambda: alertmanager.inhibited_by(symptom) == [cause], "the symptom is muted by its cause")
    await_that(lambda: sink.firing("tickets"), "the other cluster's ticket")
    assert sink.firing("tickets") == {("PgReplicationLagSecondsHigh", "bank", "orders-2")}
    assert alertmanager.inhibited_by(neighbour) == []

    before = len(sink.received)
    alertmanager.post(cause, resolved=True)
    await_that(lambda: ("PgReplicationLagSecondsHigh", "shop", "orders-2") in sink.firing("tickets", before),
               "the ticket once the cause is gone")


def test_the_critical_level_mutes_the_warning_about_the_same_instance_only(alertmanager, sink):
    critical = rule("PgInstanceDown", "critical", **SHOP, pg_instance="orders-1")
    same = rule("PgInstanceDown", "warning", **SHOP, pg_instance="orders-1")
    other = rule("PgInstanceDown", "warning", **SHOP, pg_instance="orders-2")
    alertmanager.post(critical, same, other)
    await_that(lambda: alertmanager.inhibited_by(same) == [critical], "the warning is muted")
    await_that(lambda: ("PgInstanceDown", "shop", "orders-2") in sink.firing("tickets"), "the other instance's ticket")
    assert alertmanager.inhibited_by(other) == []


def test_an_instance_that_is_down_does_not_mute_the_loss_it_causes(alertmanager, sink):
    down = rule("PgInstanceDown", "warning", **SHOP, pg_instance="orders-2")
    missing = rule("PgSyncStandbysMissing", "warning", **SHOP)
    loss = rule("PgRpoPrimaryOverObjective", "critical", **SHOP, loss="primary")
    alertmanager.post(down, missing, loss)
    await_that(lambda: alertmanager.inhibited_by(missing) == [down], "the missing synchronous standby is muted")
    await_that(lambda: ("PgRpoPrimaryOverObjective", "shop", None) in sink.firing("pager"), "the page for the loss")


def test_the_heartbeat_keeps_coming(alertmanager, sink):
    watchdog = rule("PgWatchdog", "none")
    alertmanager.post(watchdog)
    await_that(lambda: len(sink.messages("heartbeat")) >= 3, "three heartbeats")
    assert {name for name, _ in sink.received} == {"heartbeat"}


def test_outside_working_hours_pages_arrive_and_tickets_wait(tmp_path, sink):
    alertmanager = Alertmanager(tmp_path, sink, working_now=False)
    try:
        alertmanager.post(rule("PgReplayPaused", "warning", **SHOP, pg_instance="orders-2"),
                          rule("PgNoPrimary", "critical", **BANK))
        await_that(lambda: sink.firing("pager"), "the page")
        await_that(lambda: "not within active time" in alertmanager.log.read_text(), "the ticket is held back")
        assert sink.messages("tickets") == []
    finally:
        alertmanager.stop()

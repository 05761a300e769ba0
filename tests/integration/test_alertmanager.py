"""The shipped Alertmanager configuration in a real Alertmanager, with a webhook sink in place of the receivers.

The configuration under test is a copy in which nothing but the receivers' addresses, the waiting times and the hours of
the working day are changed. The heartbeat's times keep their proportions.
"""

import datetime
import itertools
import json
import os
import pathlib
import re
import shutil
import subprocess
import time
import urllib.request

import pytest
import yaml

from monitoring import Sink, shipped_routing
from postgres import free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "alerts/alertmanager/alertmanager.yaml"
PATIENCE = 30  # seconds until an awaited condition counts as never coming
HEARTBEAT = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))["route"]["routes"][0]
HASTE = 30  # how many times faster than shipped the heartbeat's route runs here

SHOP = {"namespace": "shop", "pg_cluster": "orders"}
BANK = {"namespace": "bank", "pg_cluster": "orders"}


def await_that(condition, what):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if result := condition():
            return result
        time.sleep(0.02)
    raise AssertionError(f"not within {PATIENCE} s: {what}")


def seconds(duration):
    return sum(int(number) * {"s": 1, "m": 60, "h": 3600}[unit] for number, unit in re.findall(r"(\d+)([smh])", duration))


def hastened(config):
    for name in ("group_interval", "repeat_interval"):
        config["route"]["routes"][0][name] = f"{round(seconds(HEARTBEAT[name]) * 1000 / HASTE)}ms"
    return config


class Alertmanager:
    def __init__(self, directory, sink, working_now=True):
        self.log = directory / "log"
        config = directory / "alertmanager.yaml"
        config.write_text(yaml.safe_dump(hastened(shipped_routing(sink, working_now))))
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
    arrivals = []  # when each message came, in seconds of the monotonic clock
    result = Sink(on_message=lambda *_: arrivals.append(time.monotonic()))
    result.arrivals = arrivals
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
    assert [{a["labels"]["alertname"] for a in m["alerts"]} for m in bank] == [{"PgTwoPrimaries", "PgStandbyDiverged", "PgInstanceDown"}]
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


def shipped_rules():
    for path in sorted((ROOT / "alerts/rules").glob("*.yaml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            yield from group["rules"]


def labels_of(one):
    """The labels an alert of that rule has, with some value each, as far as its expression tells."""
    grouped = re.search(r"by \(([^)]*)\)", one["expr"])[1].split(", ")
    return {"alertname": one["alert"], **one["labels"], **{name: f"some-{name}" for name in grouped if name != "cluster"}}


def matches(labels, matchers):
    for matcher in matchers:
        name, regexp, pattern = re.fullmatch(r'(\w+)=(~?)"(.*)"', matcher).groups()
        if not (re.fullmatch(pattern, labels.get(name, "")) if regexp else labels.get(name, "") == pattern):
            return False
    return True


def inhibitions():
    """(source, target, equal) of all pairs of shipped alerts that the shipped configuration names."""
    alerts = [labels_of(one) for one in shipped_rules()]
    for one in yaml.safe_load(SHIPPED.read_text())["inhibit_rules"]:
        sources = [alert for alert in alerts if matches(alert, one["source_matchers"])]
        targets = [alert for alert in alerts if matches(alert, one["target_matchers"])]
        if "alertname" in one["equal"]:
            pairs = [(source, target) for source in sources for target in targets if source["alertname"] == target["alertname"]]
        else:
            pairs = itertools.product(sources, targets)
        yield one, [(source, target, one["equal"]) for source, target in pairs]


def test_every_inhibition_has_sources_and_targets_that_are_shipped():
    for one, pairs in inhibitions():
        assert pairs, one


def test_every_inhibition_mutes_what_is_equal_and_nothing_else(alertmanager):
    """Each pair in a cluster of its own; each target once as it is, and once with each of the labels that differs."""
    expected = []
    for number, (source, target, equal) in enumerate(pair for _, pairs in inhibitions() for pair in pairs):
        name = "job" if "job" in source else "pg_cluster"
        source, target = {**source, name: f"pair-{number}"}, {**target, name: f"pair-{number}"}
        alertmanager.post(source, target)
        expected.append((target, [source]))
        for label in equal:
            if label in target and label in source and label != "alertname":
                other = {**target, label: f"{target[label]}-other"}
                alertmanager.post(other)
                expected.append((other, []))
    assert any(sources for _, sources in expected) and not all(sources for _, sources in expected)
    wrong = lambda: [(target, by) for target, by in expected if alertmanager.inhibited_by(target) != by]
    await_that(lambda: not wrong(), "every target is muted by its source alone")


NOT_MUTED = [
    ("PgTwoPrimaries", "critical", "PgStandbyDiverged", "critical"),
    ("PgTwoPrimaries", "critical", "PgSlotRetainingOverObjective", "critical"),
    ("PgPrimaryUnknown", "critical", "PgConnectionsNearLimit", "critical"),
    ("PgFailoverFlapping", "critical", "PgFailoverDataLost", "critical"),
    ("PgPrimaryUnknown", "critical", "PgRpoPrimaryOverObjective", "critical"),
    ("PgInstanceDown", "warning", "PgSlotInactive", "warning"),
    ("PgStandbyDisconnected", "warning", "PgSlotInactive", "warning"),
    ("PgReplayPaused", "warning", "PgReplicationLagBytesHigh", "warning"),
    ("PgArchiverFailing", "critical", "PgRpoSiteOverObjective", "critical"),
    ("PgArchiverFailing", "critical", "PgArchiveBacklogGrowing", "critical"),
    ("PgArchiveNotEffective", "critical", "PgArchiveGap", "critical"),
    ("PgArchiveSwitchWalMissing", "critical", "PgArchiveGap", "critical"),
    ("PgArchiveUnreadable", "warning", "PgArchiverFailing", "warning"),
    ("PgBackupTooOld", "critical", "PgBackupFailed", "warning"),
]


def test_what_is_news_of_its_own_is_never_muted(alertmanager):
    targets = []
    for number, (source, severity, target, other) in enumerate(NOT_MUTED):
        identity = {"namespace": "shop", "pg_cluster": f"pair-{number}", "pg_instance": "orders-1", "slot_name": "reports", "archive": "s3"}
        targets.append(rule(target, other, **identity))
        alertmanager.post(rule(source, severity, **identity), targets[-1])
    control = rule("PgReplicationLagSecondsHigh", "warning", namespace="shop", pg_cluster="pair-0", pg_instance="orders-1")
    alertmanager.post(control)
    await_that(lambda: alertmanager.inhibited_by(control), "inhibition is at work")
    assert [target for target in targets if alertmanager.inhibited_by(target)] == []


def test_an_archive_mutes_nothing_of_another_one(alertmanager, sink):
    cause = rule("PgArchiveNotEffective", "critical", **SHOP, archive="s3")
    same, other = (rule("PgArchiveWalOld", "warning", **SHOP, archive=archive) for archive in ("s3", "nfs"))
    alertmanager.post(cause, same, other)
    await_that(lambda: alertmanager.inhibited_by(same) == [cause], "the symptom in the same archive is muted")
    await_that(lambda: ("PgArchiveWalOld", "shop", None) in sink.firing("tickets"), "the other archive's ticket")
    assert alertmanager.inhibited_by(other) == []


def test_the_heartbeat_comes_once_an_interval(alertmanager, sink):
    alertmanager.post(rule("PgWatchdog", "none"))
    await_that(lambda: len(sink.arrivals) >= 6, "six heartbeats")
    assert {name for name, _ in sink.received} == {"heartbeat"}
    interval = seconds(HEARTBEAT["group_interval"]) / HASTE
    # The first one comes at once, and the first interval begins before it is sent.
    assert 3.5 < (sink.arrivals[5] - sink.arrivals[1]) / interval < 4.5, "four heartbeats in four intervals"


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

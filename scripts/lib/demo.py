"""The demonstration behind scripts/demo.sh: real servers, real Prometheus, real Alertmanager, the shipped bundle."""

import contextlib
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

# pylint: disable=wrong-import-position
from exporter import Exporter, binary, instances, password_file  # noqa: E402
from monitoring import Alertmanager, Prometheus, Sink, shipped_routing  # noqa: E402
from postgres import Cluster, Interruption, client, run, wait_for  # noqa: E402


class Load:
    """A hundred rows every fifty milliseconds on whoever is primary."""

    def __init__(self, server):
        self.server = server
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        while not self.stopping.wait(0.05):
            with contextlib.suppress(RuntimeError):
                self.server.sql("INSERT INTO load SELECT generate_series(1, 100)")

    def stop(self):
        self.stopping.set()
        self.thread.join()


def table(page):
    """What pgvigil sees, for a person."""
    rows = [("instance", "up", "role", "timeline", "replication", "received behind", "replayed behind")]

    def held(name, label, instance):
        return next((labels[label] for labels, value in page.all(name, pg_instance=instance) if value == 1), "-")

    def number(name, unit, **labels):
        value = page.get(name, **labels)
        return "-" if value is None else f"{value:.0f} {unit}".strip()

    for labels, up in page.all("pg_up"):
        name = labels["pg_instance"]
        rows.append((name, "yes" if up else "NO", held("pgvigil_instance_role", "role", name), number("pgvigil_timeline_id", "", pg_instance=name),
                     held("pgvigil_replication_state", "state", name),
                     number("pgvigil_replication_lag_bytes", "B", pg_instance=name, position="received"),
                     number("pgvigil_replication_lag_bytes", "B", pg_instance=name, position="replayed")))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    text = "\n".join("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)) for row in rows)
    primaries = page.get("pgvigil_cluster_primaries")
    loss = page.get("pgvigil_rpo_bytes", loss="primary")
    return (f"{text}\n  primaries: {'not known' if primaries is None else int(primaries)}; lost if the primary died now: "
            f"{'not known' if loss is None else 'everything: no standby follows' if loss == float('inf') else f'{loss:.0f} B'}\n")


class Receivers:
    """What Alertmanager's receivers are told, printed as it arrives: each alert once when it fires and once when it is over."""

    def __init__(self):
        self.told = set()
        self.sink = Sink(self._arrived)

    def _arrived(self, receiver, message):
        by_name = {}
        for alert in message["alerts"]:
            news = (receiver, alert["status"], alert["startsAt"], tuple(sorted(alert["labels"].items())))
            if news not in self.told:
                self.told.add(news)
                by_name.setdefault((alert["status"], alert["labels"]["alertname"], alert["labels"].get("severity")), []).append(alert)
        for (status, name, severity), alerts in by_name.items():
            labels = {label: value for label, value in alerts[0]["labels"].items() if label not in ("alertname", "severity")}
            print(f"  -> {receiver}: {'' if status == 'firing' else 'over: '}{name} ({severity}): {alerts[0]['annotations'].get('summary', '')}\n"
                  f"       {' '.join(f'{label}={value}' for label, value in labels.items())}"
                  f"{f' (and {len(alerts) - 1} more of this name)' if alerts[1:] else ''}", flush=True)

    def was_told(self, receiver, *names, instance=None):
        return any(name in names and (instance is None or place == instance) for name, _, place in self.sink.firing(receiver))


def fetch(url):
    with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310: loopback
        return json.load(response)


class Demo:
    def __init__(self, stack):
        self.failures = 0
        directory = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pgvigil-demo-")))
        directory.chmod(0o755)
        for folder in ("archive", "backups"):
            (directory / folder).mkdir()
            (directory / folder).chmod(0o777)
        print("starting a primary and two standbys", flush=True)
        self.cluster = Cluster(directory, settings={"archive_command": f"test ! -f {directory}/archive/%f && cp %p {directory}/archive/%f"})
        stack.callback(self.cluster.stop)
        print("taking a base backup", flush=True)
        run([client("pg_basebackup"), "-D", directory / "backups" / "base", "-h", "127.0.0.1", "-p", self.cluster.primary.port, "-U", "postgres",
             "-c", "fast", "--no-sync"])
        self.cluster.primary.sql("CREATE TABLE load(i int)")
        self.load = Load(self.cluster.primary)
        stack.callback(lambda: self.load.stop())
        print("starting pgvigil, Prometheus and Alertmanager, with the shipped rules and routing; so that nobody waits, every `for`, every wait\n"
              "for a group and every scrape interval is 1 s here (shipped: minutes), and working hours are always", flush=True)
        self.config = directory / "pgvigil.json"
        self.config.write_text(json.dumps({
            "clusters": [{"name": "orders", "instances": instances(self.cluster.servers, password_file(directory)),
                          "archive": [{"name": "local", "directory": {"path": f"{directory}/archive", "backups": f"{directory}/backups"}}]}],
            "intervals": {"archive": "1s"}, "journal": f"{directory}/journal"}))
        self.exporter = Exporter(directory, ["--config", str(self.config)])
        stack.callback(self.exporter.stop)
        self.receivers = Receivers()
        stack.callback(self.receivers.sink.close)
        self.alertmanager = Alertmanager(directory, shipped_routing(self.receivers.sink))
        stack.callback(self.alertmanager.stop)
        self.prometheus = Prometheus(directory, self.exporter.port, self.alertmanager.port, sorted((ROOT / "alerts" / "rules").glob("*.yaml")),
                                     quicken=True)
        stack.callback(self.prometheus.stop)

    def expect(self, what, condition, seconds=90):
        try:
            result = wait_for(what, condition, seconds)
            print(f"  ok: {what}", flush=True)
            return result
        except AssertionError:
            self.failures += 1
            print(f"  FAILED: {what}", flush=True)
            return None

    def alerting(self, name, **labels):
        """Whether Alertmanager has that alert."""
        alerts = fetch(f"http://127.0.0.1:{self.alertmanager.port}/api/v2/alerts")
        return any(alert["labels"]["alertname"] == name and all(alert["labels"].get(key) == value for key, value in labels.items())
                   for alert in alerts)

    def show(self):
        self.expect("every instance answers and both standbys stream", lambda: self._settled(self.exporter.page()))
        print(table(self.exporter.page()))
        self.cluster.primary.sql("SELECT pg_switch_wal()")
        self.expect("what is written is archived, and proven restorable from the base backup",
                    lambda: self.exporter.page().get("pgvigil_recovery_window_end_timestamp_seconds", archive="local", evidence="proof"))
        print(f"\npgvigil status --url http://127.0.0.1:{self.exporter.port} says:\n{self.status()}")
        audit = self.expect("the whole archive is read, with the backup's content, and is sound", self.sound_audit)
        print(f"\npgvigil audit --verify says:\n\n{audit}")
        print(f"  pgvigil       http://127.0.0.1:{self.exporter.port}/\n  Prometheus    http://127.0.0.1:{self.prometheus.port}/alerts\n"
              f"  Alertmanager  http://127.0.0.1:{self.alertmanager.port}/\n", flush=True)

    def status(self):
        """The answers for a person; its exit status says whether they are good ones."""
        return subprocess.run([binary(), "status", "--url", f"http://127.0.0.1:{self.exporter.port}"], capture_output=True, text=True,
                              check=False).stdout

    def sound_audit(self):
        audit = subprocess.run([binary(), "audit", "--config", self.config, "--verify"], capture_output=True, text=True, check=False)
        return audit.stdout if audit.returncode == 0 else None

    @staticmethod
    def _settled(page):
        return (page.get("pgvigil_cluster_instances", state="ready") == 3 and page.get("pgvigil_cluster_primaries") == 1
                and len([1 for labels, value in page.all("pgvigil_replication_state", state="streaming") if value == 1]) == 2)

    def exercise(self):
        told = self.receivers.was_told
        self.expect("Prometheus scrapes pgvigil, and the watchdog's heartbeat arrives", lambda: told("heartbeat", "PgWatchdog"))
        print("stopping the standby orders-3", flush=True)
        self.cluster.servers[2].stop()
        self.expect("pgvigil sees it down", lambda: self.exporter.page().get("pg_up", pg_instance="orders-3") == 0)
        self.expect("PgInstanceDown arrives as a ticket", lambda: told("tickets", "PgInstanceDown", instance="orders-3"))
        print("killing the primary", flush=True)
        self.load.stop()
        self.cluster.primary.stop(signal.SIGQUIT)
        self.expect("somebody is paged because no primary answers", lambda: told("pager", "PgNoPrimary", "PgPrimaryUnknown"))
        print("promoting orders-2", flush=True)
        promoted = self.cluster.servers[1]
        promoted.promote()
        self.load = Load(promoted)
        self.expect("pgvigil sees it as primary on timeline 2", lambda: self.exporter.page().get("pgvigil_timeline_id", pg_instance="orders-2") == 2
                    and self.exporter.page().get("pgvigil_instance_role", pg_instance="orders-2", role="primary") == 1)
        self.expect("pgvigil tells the failover", lambda: " failover orders-1 → orders-2, " in self.status())
        print("\n".join(f"    {line.strip()}" for line in self.status().splitlines() if " failover orders-1" in line), flush=True)
        self.expect("PgFailover arrives as a ticket", lambda: told("tickets", "PgFailover"))
        self.expect("the alert is over", lambda: not self.alerting("PgNoPrimary") and not self.alerting("PgPrimaryUnknown"))
        print(table(self.exporter.page()), flush=True)


def demonstrate(mode):
    with contextlib.ExitStack() as stack:
        demo = Demo(stack)
        demo.show()
        if mode in ("--exercise", "--once"):
            demo.exercise()
        if mode != "--once":
            print("Ctrl-C ends it and stops everything.", flush=True)
            while not Interruption.asked:
                time.sleep(0.1)
        return demo.failures


def main(mode):
    """The exit status. A signal only asks for the end: what has been started is known and stopped, whenever it comes and how often."""
    asked_by = []

    def ask(number, _):
        asked_by.append(number)
        Interruption.asked = True

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, ask)
    try:
        failures = demonstrate(mode)
    except KeyboardInterrupt:
        failures = None
    except Exception as problem:  # pylint: disable=broad-exception-caught
        if not asked_by:  # Ctrl-C is for what was started, too, which then fails
            print(f"demo: {problem}; everything is stopped", file=sys.stderr)
            return 1
        failures = None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # nothing is left to be ended, and Python's own end is short
        signal.signal(number, signal.SIG_IGN)
    if failures is None:
        print("interrupted; everything is stopped", flush=True)
        return 128 + asked_by[0]
    print("everything is stopped" if failures == 0 else f"{failures} expectations failed; everything is stopped")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))

"""What a scrape costs: wall time, CPU of the exporter, CPU of the server; several exporters in turn on one server.

One primary with two databases of 200 tables and one standby, as docs/performance.md describes. Machines drift: what is
compared is measured in one run, scrape by scrape in turn.
"""

import argparse
import contextlib
import copy
import http.client
import json
import os
import pathlib
import queue
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

# pylint: disable=wrong-import-position
from exporter import Exporter, password_file  # noqa: E402
from postgres import PASSWORD, Cluster, client, free_port, run, wait_for  # noqa: E402

QUESTIONS = ROOT / "tests" / "bench" / "queries" / "cnpg-questions.yaml"
FLOOR = ROOT / "build" / "release" / "tests" / "bench" / "libpq_floor"


def own_cpu(pid):
    """CPU seconds of a process in nanosecond resolution, without children."""
    total = 0
    for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            total += int((thread / "schedstat").read_text().split()[0])
    return total / 1e9


def server_cpu(postmaster, names):
    """CPU seconds of the sessions of these application names, ended ones included through the postmaster."""
    children = run(["ps", "-o", "pid=,args=", "--ppid", str(postmaster)]).splitlines()
    total = 0.0
    for line in children:
        pid, args = line.split(None, 1)
        if "127.0.0.1(" in args and any(f" {name} " in args for name in names):
            with contextlib.suppress(OSError):
                total += own_cpu(int(pid))
    return total


def rss(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024, int(re.search(r"RssAnon:\s+(\d+)", status)[1]) / 1024


def get(port, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/metrics", headers=headers or {})
    body = connection.getresponse().read()
    connection.close()
    return body


class Subject:
    """One exporter under measurement, with a login of its own so that its sessions can be told apart."""

    def __init__(self, name, role, port, pid):
        self.name, self.role, self.port, self.pid = name, role, port, pid
        self.wall, self.series = [], 0
        self.exporter_cpu = self.server_cpu = 0.0

    def scrape(self, postmaster):
        before = own_cpu(self.pid), server_cpu(postmaster, [self.role])
        began = time.perf_counter()
        self.fetch()
        self.wall.append((time.perf_counter() - began) * 1e3)
        self.exporter_cpu += own_cpu(self.pid) - before[0]
        self.server_cpu += server_cpu(postmaster, [self.role]) - before[1]

    def fetch(self):
        self.series = sum(1 for line in get(self.port).splitlines() if line and not line.startswith(b"#"))

    def row(self):
        n = len(self.wall)
        resident, anonymous = rss(self.pid)
        wall = sorted(self.wall)
        return (f"| {self.name} | {statistics.median(wall):.2f} | {wall[int(n * .99)]:.2f} | {self.exporter_cpu / n * 1e3:.2f} | "
                f"{self.server_cpu / n * 1e3:.2f} | {self.series} | {self.exporter_cpu / n / self.series * 1e6:.2f} | {resident:.1f} | {anonymous:.1f} |")


def fill(primary):
    for database in ("app", "shop"):
        primary.sql(f"CREATE DATABASE {database}")
        tables = "".join(f"CREATE TABLE t{i}(id int PRIMARY KEY, v text); CREATE INDEX ON t{i}(v);" for i in range(200))
        primary.sql(tables, dbname=database)


def postgres_exporter(stack, server, role):
    port = free_port()
    environment = {**os.environ, "DATA_SOURCE_NAME": f"postgresql://{role}@127.0.0.1:{server.port}/postgres?sslmode=disable",
                   "PGPASSWORD": PASSWORD}
    process = subprocess.Popen(["prometheus-postgres-exporter", f"--web.listen-address=127.0.0.1:{port}"], env=environment,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stack.callback(process.wait)
    stack.callback(process.terminate)

    def answers():
        with contextlib.suppress(OSError):
            return b"pg_up 1" in get(port)
        return False
    wait_for("postgres_exporter answers", answers)
    return port, process.pid


def pgvigil(stack, directory, name, server, role, *arguments):
    place = directory / name
    place.mkdir()
    made = Exporter(place, ["--dsn", server.dsn(user=role), "--password-file", str(password_file(place)), *arguments])
    stack.callback(made.stop)
    made.wait_page("it answers", lambda page: page.get("pg_up") == 1)
    return made.port, made.process.pid


class Floor(Subject):
    """A bare libpq program that sends what pgvigil sends for a query file, with the same syncs."""

    def __init__(self, stack, directory, server, role, statements):
        path = directory / "statements.sql"
        path.write_text("\n--\n".join(statements))
        self.process = subprocess.Popen([str(FLOOR), server.dsn(user=role), str(path)], env={**os.environ, "PGPASSWORD": PASSWORD}, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        stack.callback(self.process.wait)
        stack.callback(self.process.terminate)
        super().__init__("the same statements, bare libpq", role, None, self.process.pid)
        self.fetch()

    def fetch(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.series = int(self.process.stdout.readline())


class DelayRelay:
    """Hands on what comes, after half of the round trip, in both directions."""

    def __init__(self, target, round_trip):
        self.target, self.delay = target, round_trip / 2
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client_end, _ = self.listener.accept()
                server_end = socket.create_connection(("127.0.0.1", self.target))
                for ends in ((client_end, server_end), (server_end, client_end)):
                    ends[1].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    arrived = queue.SimpleQueue()
                    threading.Thread(target=self.take, args=(ends[0], arrived), daemon=True).start()
                    threading.Thread(target=self.give, args=(ends[1], arrived), daemon=True).start()

    @staticmethod
    def take(source, arrived):
        with contextlib.suppress(OSError):
            while chunk := source.recv(65536):
                arrived.put((time.perf_counter(), chunk))
        arrived.put((0, b""))

    def give(self, sink, arrived):
        with contextlib.suppress(OSError):
            while True:
                when, chunk = arrived.get()
                if not chunk:
                    break
                time.sleep(max(0, when + self.delay - time.perf_counter()))
                sink.sendall(chunk)
            sink.shutdown(socket.SHUT_WR)


def statements_of(path):
    """What pgvigil sends for such a file to a primary: the role, the databases, every query."""
    return ["SELECT pg_catalog.pg_is_in_recovery()",
            "SELECT datname FROM pg_catalog.pg_database WHERE datallowconn AND datconnlimit <> -2 AND "
            "pg_catalog.has_database_privilege(oid, 'CONNECT') ORDER BY datname",
            *(query["sql"] for query in yaml.safe_load(path.read_text()).values())]


def one_sync(directory, cluster, statements, role):
    """Server CPU of the same statements behind one sync: pgbench's pipeline."""
    script = directory / "flight.sql"
    script.write_text("\\startpipeline\n" + "".join(" ".join(sql.split()) + ";\n" for sql in statements) + "\\endpipeline\n\\sleep 30 ms\n")
    flights = 100
    process = subprocess.Popen([client("pgbench"), "-n", "-M", "prepared", "-f", str(script), "-t", str(flights), "-h", "127.0.0.1", "-p",
                                str(cluster.primary.port), "-U", role, "postgres"], env={**os.environ, "PGPASSWORD": PASSWORD},
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    spent = 0.0
    while process.poll() is None:
        spent = max(spent, server_cpu(cluster.primary.process.pid, [role]))
        time.sleep(0.02)
    print(f"server CPU of the same statements behind one sync (pgbench): {spent / flights * 1e3:.2f} ms a flight")


def far_away(stack, directory, cluster, scrapes):
    """Wall time when a round trip to the server takes a millisecond."""
    relay = DelayRelay(cluster.primary.port, 0.001)
    stack.callback(relay.listener.close)
    server = copy.copy(cluster.primary)
    server.port = relay.port
    subjects = [Subject("pgvigil, CNPG's questions", "bench_cnpg", *pgvigil(stack, directory, "far", server, "bench_cnpg", "--queries", str(QUESTIONS))),
                Subject("postgres_exporter (Debian), its default", "bench_peer", *postgres_exporter(stack, server, "bench_peer"))]
    for _ in range(scrapes):
        for subject in subjects:
            subject.scrape(cluster.primary.process.pid)
    print("\nwith a round trip of 1 ms to the server: wall p50 " + ", ".join(
        f"{subject.name} {statistics.median(subject.wall):.2f} ms" for subject in subjects))


def compare(stack, directory, cluster, scrapes):
    primary = cluster.primary
    for role in ("bench_cnpg", "bench_shipped", "bench_peer", "bench_floor", "bench_pgbench"):
        primary.sql(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_monitor")
    subjects = [Subject("pgvigil, CNPG's questions", "bench_cnpg", *pgvigil(stack, directory, "cnpg", primary, "bench_cnpg", "--queries", str(QUESTIONS))),
                Subject("pgvigil, shipped set", "bench_shipped", *pgvigil(stack, directory, "shipped", primary, "bench_shipped")),
                Subject("postgres_exporter (Debian), its default", "bench_peer", *postgres_exporter(stack, primary, "bench_peer")),
                Floor(stack, directory, primary, "bench_floor", statements_of(QUESTIONS))]
    for subject in subjects:
        for _ in range(5):
            subject.fetch()
    for _ in range(scrapes):
        for subject in subjects:
            subject.scrape(primary.process.pid)
    print(f"\n{scrapes} scrapes each, in turn; CPU in ms per scrape, RSS in MiB\n")
    print("| exporter | wall p50 ms | p99 | exporter CPU | server CPU | series | exporter µs per series | RSS | RssAnon |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for subject in subjects:
        print(subject.row())
    ratio = (subjects[0].exporter_cpu / subjects[0].series) / (subjects[2].exporter_cpu / subjects[2].series)
    print(f"\nexporter CPU per series served, pgvigil (CNPG's questions) to postgres_exporter: {ratio:.2f}")
    print(f"server CPU, pgvigil (CNPG's questions) to bare libpq: {subjects[0].server_cpu / subjects[3].server_cpu:.2f}")
    one_sync(directory, cluster, statements_of(QUESTIONS), "bench_pgbench")


def observing(stack, directory, cluster):
    """Server CPU of the observer alone."""
    cluster.primary.sql(f"CREATE ROLE bench_observer LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_monitor")
    pgvigil(stack, directory, "observer", cluster.primary, "bench_observer", "--queries",
            str(QUESTIONS))
    floor = Floor(stack, directory, cluster.primary, "bench_floor", ["SELECT 1"])
    time.sleep(3)
    pid, roles, seconds = cluster.primary.process.pid, ("bench_observer", "bench_floor"), 30
    before = [server_cpu(pid, [role]) for role in roles]
    for _ in range(seconds):
        floor.fetch()
        time.sleep(1)
    spent = [(server_cpu(pid, [role]) - was) / seconds * 1e3 for role, was in zip(roles, before)]
    print(f"observing one primary once a second: {spent[0]:.3f} ms of server CPU a second; SELECT 1 once a second: {spent[1]:.3f} ms")


def memory(stack, directory, cluster):
    """After 10,000 scrapes, compressed as Prometheus asks for them."""
    port, pid = pgvigil(stack, directory, "memory", cluster.primary, "bench_shipped")
    at_first = rss(pid)[1]
    for _ in range(10_000):
        get(port, headers={"Accept-Encoding": "gzip"})
    resident, anonymous = rss(pid)
    print(f"memory, shipped set: RssAnon {at_first:.1f} MiB at first, {anonymous:.1f} MiB after 10,000 scrapes (RSS {resident:.1f} MiB)")


def first_scrape(directory, cluster):
    times = []
    secret = directory / "first"
    secret.mkdir()
    password_file(secret)
    for _ in range(5):
        port = free_port()
        command = [os.environ["PGVIGIL_BINARY"], "serve", "--listen", f"127.0.0.1:{port}", "--dsn", cluster.primary.dsn(), "--password-file",
                   str(secret / "password")]
        began = time.perf_counter()
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            while True:
                with contextlib.suppress(OSError):
                    if b"pg_postmaster_start" in get(port):
                        break
                time.sleep(0.001)
            times.append((time.perf_counter() - began) * 1e3)
            process.terminate()
    print(f"`serve` started → first scrape answered with data: median {statistics.median(times):.0f} ms")


def hundred(stack, directory, cluster):
    """A hundred instances (sessions on one server), healthy, and with fifty more that accept and say nothing."""
    silent = socket.socket()
    silent.bind(("127.0.0.1", 0))
    silent.listen(512)
    stack.callback(silent.close)
    secret = password_file(directory)
    for title, quiet in (("100 healthy instances", 0), ("50 healthy and 50 silent instances", 50)):
        servers = [{"name": f"i{i}", "dsn": cluster.primary.dsn(application_name=f"i{i}") if i >= quiet else f"host=127.0.0.1 port={silent.getsockname()[1]} user=x application_name=i{i}",
                    "password_file": str(secret)} for i in range(100)]
        place = directory / f"hundred-{quiet}"
        place.mkdir()
        config = place / "c.json"
        config.write_text(json.dumps({"clusters": [{"name": "fleet", "instances": servers}], "limits": {"scrape_timeout": "3s"}}))
        made = Exporter(place, ["--config", str(config)])
        wait_for("they answer", lambda made=made, quiet=quiet: made.page().get("pgvigil_cluster_instances", state="ready") == 100 - quiet)
        walls = []
        for _ in range(5):
            began = time.perf_counter()
            size = len(get(made.port))
            walls.append((time.perf_counter() - began) * 1e3)
        print(f"{title}: page of {size / 1e6:.1f} MB in median {statistics.median(walls):.0f} ms (deadline 2500 ms)")
        made.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--scrapes", type=int, default=200)
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        directory = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pgvigil-bench-")))
        directory.chmod(0o755)
        cluster = Cluster(directory, standbys=1, settings={"max_connections": "400"})
        stack.callback(cluster.stop)
        fill(cluster.primary)
        print(f"server: {client('psql')} {cluster.primary.sql('SHOW server_version')}, TCP with SCRAM on loopback")
        with contextlib.ExitStack() as own:
            compare(own, directory, cluster, options.scrapes)
        with contextlib.ExitStack() as own:
            far_away(own, directory, cluster, options.scrapes)
        with contextlib.ExitStack() as own:
            observing(own, directory, cluster)
        with contextlib.ExitStack() as own:
            memory(own, directory, cluster)
        first_scrape(directory, cluster)
        with contextlib.ExitStack() as own:
            hundred(own, directory, cluster)


if __name__ == "__main__":
    main()

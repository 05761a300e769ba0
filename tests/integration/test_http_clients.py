"""Bad days that HTTP clients bring: many at once, slow, silent, gone. Others are served meanwhile, and workers come back."""

import concurrent.futures
import contextlib
import http.client
import os
import select
import signal
import socket
import threading

import pytest

from postgres import wait_for
from test_bad_days import SIMPLE, family, gauge, sessions

WORKERS = 16
WAITERS = 12  # of them at most wait for instances
LARGE = {"sql": "SELECT repeat('x', 100) || g AS row, g AS value FROM generate_series(1, 100000) AS g", "max_series": 100_000,
         "columns": {"row": {"usage": "label"}, "value": {"usage": "gauge", "description": "x"}}}


def test_two_hundred_scrapes_at_once_are_answered_within_the_connection_limit(cluster, watch):
    exporter = watch(cluster, {**SIMPLE, "pg_slow": gauge("SELECT count(*) AS value FROM generate_series(1, 100000)")})
    exporter.wait_page("all answer", lambda page: page.get("pgvigil_cluster_instances", state="ready") == 3)
    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        pages = list(pool.map(lambda _: exporter.page(), range(200)))
    assert all(page.get("pg_probe_one", pg_instance="orders-1") == 1 for page in pages)
    for server in cluster.servers:
        assert sessions(server) <= 3


@contextlib.contextmanager
def stopped(server):
    """A server that hangs: its every process is stopped."""
    pids = family(server)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def scrape_like_prometheus(port, timeout):
    """The status; the client gives up after `timeout` seconds, which it also says."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", "/metrics", headers={"X-Prometheus-Scrape-Timeout-Seconds": str(timeout)})
        response = connection.getresponse()
        response.read()
        return response.status, response.headers["Retry-After"]
    finally:
        connection.close()


def test_while_an_instance_hangs_two_hundred_scrapes_are_answered_or_refused_in_time(own_cluster, watch):
    cluster = own_cluster(standbys=0)
    exporter = watch(cluster, SIMPLE)
    exporter.wait_page("it answers", lambda page: page.get("pg_up") == 1)
    with stopped(cluster.primary), concurrent.futures.ThreadPoolExecutor(200) as pool:
        scrapes = [pool.submit(scrape_like_prometheus, exporter.port, 10) for _ in range(200)]
        wait_for("those that cannot be served are told", lambda: sum(scrape.done() for scrape in scrapes) >= 200 - WAITERS)
        for path in ("/-/healthy", "/-/ready", "/"):
            assert exporter.request(path)[0] == 200
        assert sum(scrape.done() for scrape in scrapes) == 200 - WAITERS, "the others still wait for the instance"
        answers = [scrape.result() for scrape in scrapes]  # none gave up
    assert answers.count((200, None)) == WAITERS
    assert answers.count((503, "1")) == 200 - WAITERS


class Rude:
    """A client that holds a connection: sends `begin`, then does `step` with the socket again and again until the exporter closes it."""

    def __init__(self, port, begin, step=None):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 131072)
        self.socket.connect(("127.0.0.1", port))
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(begin, step), daemon=True)
        self.thread.start()

    def _run(self, begin, step):
        try:
            self.socket.sendall(begin)
            while not self.ended.wait(0.2):
                if step is not None and not step(self.socket):
                    return
        except OSError:
            return  # closed, too

    def end(self):
        self.ended.set()
        self.thread.join()
        self.socket.close()


def all_workers_are_free(exporter):
    """Silent clients take all workers but one; if somebody is served before one of them is sent away, that one was free, too."""
    silent = [socket.create_connection(("127.0.0.1", exporter.port)) for _ in range(WORKERS - 1)]
    try:
        return exporter.request("/-/healthy")[0] == 200 and not select.select(silent, [], [], 0)[0]
    finally:
        for one in silent:
            one.close()


def drip(one):
    one.sendall(b"x")
    return not select.select([one], [], [], 0)[0] or bool(one.recv(65536))


def sip(one):
    return bool(one.recv(65536))


RUDE = {
    "silent": (b"", None),
    "dripping its headers": (b"GET /metrics HTTP/1.1\r\nHost: x\r\nX-Slow: ", drip),
    "never sending its body": (b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", None),
    "dripping its body": (b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", drip),
    "idle behind an answer": (b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n", None),
    "reading nothing": (b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", None),
    "reading slowly": (b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", sip),
}


@pytest.mark.parametrize("kind", RUDE)
def test_rude_clients_cost_others_nothing_and_lose_their_workers(cluster, watch, kind):
    exporter = watch(cluster, {**SIMPLE, "pg_large": LARGE})
    assert exporter.page("/metrics?target=orders-1").get("pg_probe_one") == 1
    begin, step = RUDE[kind]
    begin = begin.replace(b"/metrics", b"/metrics?target=orders-1")
    rude = [Rude(exporter.port, begin, step) for _ in range(WAITERS)]
    try:
        wait_for("a page for somebody honest", lambda: exporter.request("/metrics?collect[]=pg_probe")[0] == 200)
        rude += [Rude(exporter.port, begin, step) for _ in range(WORKERS)]  # more than there are workers
        assert exporter.request("/-/healthy")[0] == 200
        wait_for("all workers are free", lambda: all_workers_are_free(exporter))
    finally:
        for one in rude:
            one.end()


def test_clients_that_vanish_in_the_middle_of_a_run_leave_their_places(cluster, watch):
    exporter = watch(cluster, {"pg_slow": gauge("SELECT 1 AS value FROM pg_sleep(3)")})
    asleep = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgvigil' AND wait_event = 'PgSleep'"
    exporter.wait_page("all answer", lambda page: page.get("pg_slow_value", pg_instance="orders-1") == 1)
    for _ in range(2):
        wait_for("no run is in flight", lambda: cluster.primary.sql(asleep) == "0")
        vanishing = [socket.create_connection(("127.0.0.1", exporter.port)) for _ in range(WAITERS)]
        for one in vanishing:
            one.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_for("the query runs", lambda: cluster.primary.sql(asleep) == "1")
        for one in vanishing:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset, not a farewell
            one.close()
        assert exporter.request("/-/healthy")[0] == 200
    wait_for("an honest one is served", lambda: exporter.request()[0] == 200)
    wait_for("all workers are free", lambda: all_workers_are_free(exporter))
    assert sessions(cluster.primary) <= 3


def test_every_client_gets_the_text_format_with_its_type_and_length(cluster, watch):
    exporter = watch(cluster, SIMPLE)
    openmetrics = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5", "Accept-Encoding": "gzip;q=0"}
    status, headers, body = exporter.request(headers=openmetrics)
    assert (status, headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert "Content-Encoding" not in headers
    assert int(headers["Content-Length"]) == len(body)
    assert b"# EOF" not in body
    status, headers, body = exporter.request(method="HEAD")
    assert (status, body) == (200, b"")
    assert int(headers["Content-Length"]) > 0
    status, headers, _ = exporter.request(method="DELETE")
    assert (status, headers["Allow"]) == (405, "GET, HEAD")

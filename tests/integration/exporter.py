"""The exporter as a process of its own, and its page as a value."""

import http.client
import os
import pathlib
import re
import signal
import struct
import subprocess

from postgres import PASSWORD, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]
_SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


def binary():
    """The program under test: PGVIGIL_BINARY, or the newest build in the tree."""
    if os.environ.get("PGVIGIL_BINARY"):
        return os.environ["PGVIGIL_BINARY"]
    built = sorted(ROOT.glob("build/*/exporter/pgvigil"), key=lambda path: path.stat().st_mtime)
    if not built:
        raise RuntimeError("pgvigil is not built: cmake --preset release && cmake --build --preset release")
    return str(built[-1])


def find_built(name):
    """What the tests themselves are built of: beside the program under test, or the newest one in the tree."""
    if os.environ.get("PGVIGIL_BINARY"):
        beside = pathlib.Path(os.environ["PGVIGIL_BINARY"]).resolve().parents[1] / "tests" / name
        if beside.exists():
            return str(beside)
    built = sorted(ROOT.glob(f"build/*/tests/{name}"), key=lambda path: path.stat().st_mtime)
    if not built:
        raise RuntimeError(f"{name} is not built: cmake --build --preset dev")
    return str(built[-1])


class ShiftedClock:
    """The clocks of the programs that are started with its environment: a test moves them ahead."""

    def __init__(self, directory):
        self.path = pathlib.Path(directory) / "shift"
        self.seconds = 0
        self.ahead(0)
        self.environment = {"LD_PRELOAD": find_built("shift_clock.so"), "SHIFT_CLOCK_FILE": str(self.path)}

    def ahead(self, seconds):
        self.seconds += seconds
        with open(self.path, "r+b" if self.path.exists() else "wb") as file:  # it is mapped
            file.write(struct.pack("q", self.seconds))


class Page:
    """A page in the text format, as samples by name and labels."""

    def __init__(self, text):
        self.text = text
        self.samples = []
        for line in text.splitlines():
            if not line or line.startswith("#"):
                continue
            match = _SAMPLE.match(line)
            assert match, f"not a sample: {line!r}"
            labels = {name: value.replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\")
                      for name, value in _LABEL.findall(match[2] or "")}
            self.samples.append((match[1], labels, float(match[3])))

    def all(self, name, **labels):
        """Every value of that family whose labels include these, by its labels."""
        return [(own, value) for family, own, value in self.samples
                if family == name and all(own.get(key) == text for key, text in labels.items())]

    def get(self, name, **labels):
        """The one value, or None where there is none."""
        found = self.all(name, **labels)
        assert len(found) <= 1, f"{name}{labels}: {found}"
        return found[0][1] if found else None

    def names(self):
        return {name for name, _, _ in self.samples}


class Exporter:
    """A running `pgvigil serve`."""

    def __init__(self, directory, arguments, environment=None):
        self.log_path = pathlib.Path(directory) / "pgvigil.log"
        self.arguments = [binary(), "serve", "--listen", "127.0.0.1:0", *arguments]
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(self.arguments, stderr=log, stdout=log, stdin=subprocess.DEVNULL,
                                            env={**os.environ, **(environment or {})})
        try:
            wait_for("pgvigil listens", self._listens)
        except BaseException:
            self.stop()
            raise
        self.port = int(re.search(r'msg="pgvigil serves".* port=(\d+)', self.log())[1])

    def _listens(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"pgvigil ended with {self.process.returncode}: {self.log()}")
        return 'msg="pgvigil serves"' in self.log()

    def log(self):
        return self.log_path.read_text(errors="replace")

    def request(self, path="/metrics", method="GET", timeout=None, headers=None):
        """(status, headers, body). `timeout` is what Prometheus would say it waits for, in seconds; it gives up then, and so do we."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout or 60)
        try:
            sent = dict(headers or {})
            if timeout is not None:
                sent["X-Prometheus-Scrape-Timeout-Seconds"] = str(timeout)
            connection.request(method, path, headers=sent)
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def page(self, path="/metrics", **options):
        status, _, body = self.request(path, **options)
        assert status == 200, (status, body)
        return Page(body.decode())

    def wait_page(self, what, condition, **options):
        """The first page for which condition(page) is true."""
        def look():
            page = self.page(**options)
            return page if condition(page) else None
        return wait_for(what, look)

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def stop(self):
        """Ends it as Kubernetes would; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode


def run(*arguments, **options):
    """`pgvigil` with these arguments, to its end."""
    return subprocess.run([binary(), *arguments], capture_output=True, text=True, check=False, timeout=120, stdin=subprocess.DEVNULL, **options)


def instances(servers, password_file):
    """The `instances:` of a configuration file."""
    return [{"name": server.name, "dsn": server.dsn(), "password_file": str(password_file)} for server in servers]


def password_file(directory, password=PASSWORD):
    path = pathlib.Path(directory) / "password"
    path.write_text(password + "\n")
    return path

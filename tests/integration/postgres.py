"""Real PostgreSQL servers for the integration tests: a primary, streaming standbys, their logins.

Servers listen on loopback with ports the kernel picked, live in a temporary directory, run as user postgres when the
tests run as root, and are stopped by their own pid.
"""

import glob
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

PASSWORD = "correct horse battery staple"  # of the login `pgvigil`; searched for in everything that must not show it


class Interruption:
    """Asked for by a signal handler that wants the program to end between two steps rather than anywhere: the next start or
    wait raises KeyboardInterrupt, and whoever has started something stops it."""

    asked = False


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def bindir(major=None):
    """Where that major's programs are: PGVIGIL_PG_BINDIR, Debian's, or the cache of scripts/postgres-majors.sh."""
    if major is None and os.environ.get("PGVIGIL_PG_BINDIR"):
        return pathlib.Path(os.environ["PGVIGIL_PG_BINDIR"])
    cache = os.environ.get("PGVIGIL_CACHE", "/var/cache/pgvigil")
    places = [f"{cache}/postgres/{major}/bin", f"{cache}/postgres/{major}/native/bin", f"/usr/lib/postgresql/{major}/bin"]
    if major is None:
        places = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    for place in places:
        if os.access(f"{place}/postgres", os.X_OK):
            return pathlib.Path(place)
    raise RuntimeError(f"no PostgreSQL {major or ''} found in {places}: run scripts/postgres-majors.sh")


def client(program):
    """A client program of Debian's newest client package; they speak with every server tested here."""
    found = shutil.which(program) or next(iter(sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{program}"), reverse=True)), None)
    if found is None:
        raise RuntimeError(f"{program} is not installed")
    return found


def unprivileged(command):
    if os.geteuid() != 0:
        return command
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]


def run(command, **options):
    """Runs as user postgres; its output is in the exception if it fails."""
    done = subprocess.run(unprivileged([str(word) for word in command]), capture_output=True, text=True, cwd="/", check=False, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


def wait_for(what, condition, seconds=60):
    """Waits until condition() is true and returns what it returned."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.05)
        if Interruption.asked:
            raise KeyboardInterrupt


class Server:
    """One PostgreSQL server."""

    def __init__(self, directory, name, major=None):
        self.name = name
        self.bin = bindir(major)
        self.data = pathlib.Path(directory) / name
        self.port = free_port()
        self.environment = None  # beyond the tests' own
        self.process = None

    def dsn(self, user="pgvigil", dbname="postgres", **more):
        words = {"host": "127.0.0.1", "port": self.port, "user": user, "dbname": dbname, **more}
        return " ".join(f"{key}={value}" for key, value in words.items())

    def initialise(self, settings=None, hba=None):
        run([self.bin / "initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"])
        self.configure({
            "fsync": "off", "wal_level": "logical", "max_wal_senders": "10", "max_replication_slots": "10", "hot_standby": "on",
            "wal_keep_size": "64MB", "password_encryption": "scram-sha-256", "archive_mode": "on", "archive_command": "/bin/true",
            **(settings or {})})
        self.write("pg_hba.conf", hba or "local all all trust\nhost all postgres 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n"
                                        "host all all 127.0.0.1/32 scram-sha-256\n")

    def write(self, name, text):
        subprocess.run(unprivileged(["tee", str(self.data / name)]), input=text, text=True, check=True, stdout=subprocess.DEVNULL)

    def configure(self, settings):
        text = "".join(f"{key} = '{value}'\n" for key, value in settings.items())
        subprocess.run(unprivileged(["tee", "-a", str(self.data / "postgresql.conf")]), input=text, text=True, check=True,
                       stdout=subprocess.DEVNULL)

    def copy_from(self, primary, slot=None):
        """Becomes a standby by pg_basebackup."""
        slot = slot or self.name.replace("-", "_")
        run([client("pg_basebackup"), "-D", self.data, "-h", "127.0.0.1", "-p", primary.port, "-U", "postgres", "-R", "-C", "-S", slot,
             "-X", "stream", "-c", "fast", "--no-sync"])
        # pg_basebackup's own conninfo has no name for it: walsenders are told apart by theirs.
        self.configure({"primary_conninfo": f"host=127.0.0.1 port={primary.port} user=postgres application_name={self.name}",
                        "cluster_name": self.name})

    def copy_cold(self, primary):
        """Becomes a standby by a copy of the stopped primary: Debian's pg_basebackup refuses servers newer than itself."""
        run(["cp", "-a", primary.data, self.data])
        self.write("standby.signal", "")
        self.configure({"primary_conninfo": f"host=127.0.0.1 port={primary.port} user=postgres application_name={self.name}",
                        "primary_slot_name": self.name.replace("-", "_"), "cluster_name": self.name})

    def start(self, wait=True):
        if Interruption.asked:
            raise KeyboardInterrupt
        log = open(self.data.parent / f"{self.name}.log", "ab")  # pylint: disable=consider-using-with
        command = [str(self.bin / "postgres"), "-D", str(self.data), "-p", str(self.port), "-c", "listen_addresses=127.0.0.1",
                   "-c", "unix_socket_directories="]
        self.process = subprocess.Popen(unprivileged(command), stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd="/",
                                        env={**os.environ, **(self.environment or {})})
        log.close()
        if not wait:
            return
        try:
            wait_for(f"{self.name} accepts connections", self.accepts)
        except BaseException:
            self.stop(signal.SIGQUIT)
            raise

    def accepts(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended: " + (self.data.parent / f"{self.name}.log").read_text()[-2000:])
        try:
            return self.sql("SELECT 1") == "1"
        except RuntimeError:
            return False

    def sql(self, text, dbname="postgres"):
        return run([client("psql"), "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", self.port, "-U", "postgres",
                    "-d", dbname, "-c", text], timeout=120).strip()

    def send_signal(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGINT):
        """A fast shutdown; SIGQUIT is an immediate one."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(number)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait(30)
        self.process = None

    def promote(self):
        self.sql("SELECT pg_promote(true)")


class Cluster:
    """A primary and its streaming standbys: all of them run, or none does."""

    def __init__(self, directory, standbys=2, major=None, settings=None, name="orders", environment=None):
        self.directory = pathlib.Path(directory)
        if os.geteuid() == 0:
            shutil.chown(self.directory, "postgres", "postgres")
        self.servers = [Server(directory, f"{name}-{i + 1}", major) for i in range(standbys + 1)]
        for server in self.servers:
            server.environment = environment
        self.primary = self.servers[0]
        self.standbys = self.servers[1:]
        try:
            self._start(settings, major)
        except BaseException:
            self.stop()
            raise

    def _start(self, settings, major):
        self.primary.initialise(settings)
        self.primary.start()
        self.primary.sql(f"CREATE ROLE pgvigil LOGIN PASSWORD '{PASSWORD}' IN ROLE pg_monitor")
        if major is None:
            for standby in self.standbys:
                standby.copy_from(self.primary)
        else:
            for standby in self.standbys:
                self.primary.sql(f"SELECT pg_create_physical_replication_slot('{standby.name.replace('-', '_')}')")
            self.primary.stop()
            for standby in self.standbys:
                standby.copy_cold(self.primary)
            self.primary.start()
        for standby in self.standbys:
            standby.start()
        wait_for("standbys stream", lambda: self.primary.sql(
            "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == str(len(self.standbys)))

    def stop(self):
        for server in self.servers:
            server.stop(signal.SIGQUIT)

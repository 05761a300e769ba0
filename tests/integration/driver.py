"""Drives a streaming cluster as an operator would, measures with writes of its own what that costs, and cuts wires."""

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import threading
import time

from postgres import client, run, wait_for
from situations import Session, follow


def number(lsn):
    high, low = lsn.split("/")
    return int(high, 16) << 32 | int(low, 16)


class Writes(threading.Thread):
    """Commits on a server, one after the other, until it takes no more: what a client has of a primary."""

    def __init__(self, server):
        super().__init__(daemon=True)
        server.sql("CREATE TABLE IF NOT EXISTS writes (at timestamptz)")
        self.acknowledged = []  # (when, flush position)
        self.session = Session(server, "postgres")
        self.start()
        wait_for("it writes", lambda: self.acknowledged)

    def run(self):
        with contextlib.suppress(OSError, ValueError):
            while True:
                self.session.send("INSERT INTO writes VALUES (now())")
                position = self.session.ask("SELECT pg_current_wal_flush_lsn()")
                if not position:
                    return
                self.acknowledged.append((time.time(), number(position)))

    def end(self):
        self.session.process.terminate()
        self.session.process.wait()
        self.join()
        for stream in (self.session.process.stdin, self.session.process.stdout):
            with contextlib.suppress(OSError):
                stream.close()

    def position_before(self, moment):
        return max((lsn for at, lsn in self.acknowledged if at <= moment), default=0)


def children(server):
    with open(f"/proc/{server.process.pid}/task/{server.process.pid}/children", encoding="ascii") as file:
        return [int(pid) for pid in file.read().split()]


def hang(server):
    """The whole server stops where it is: nothing answers, no socket is closed. Returns what is to be woken when it is over."""
    pids = [server.process.pid, *children(server)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    return pids[1:]


def crash(server):
    """A backend dies, and the postmaster restarts all the others."""
    session = Session(server, "postgres")
    os.kill(int(session.pid), signal.SIGKILL)
    session.process.terminate()
    session.process.wait()


def promote(server, others=()):
    """The others follow it from then on."""
    server.promote()
    for other in others:
        slot = other.name.replace("-", "_")
        server.sql(f"SELECT pg_create_physical_replication_slot('{slot}')")
        other.sql(f"ALTER SYSTEM SET primary_conninfo = 'host=127.0.0.1 port={server.port} user=postgres application_name={other.name}'")
        other.sql("SELECT pg_reload_conf()")


def cut_off(primary, standby):
    """From now on the standby receives nothing."""
    standby.sql("ALTER SYSTEM SET primary_conninfo = ''")
    standby.sql("SELECT pg_reload_conf()")
    name = standby.name
    wait_for("it receives nothing", lambda: primary.sql(f"SELECT count(*) FROM pg_stat_replication WHERE application_name = '{name}'") == "0")


def switch_over(old, new, others=()):
    """As asked for: the old primary is shut down, the new one has all of it before it is promoted."""
    old.stop()
    end = control(old, "Latest checkpoint location")
    wait_for("it has received the shutdown", lambda: new.sql(f"SELECT pg_last_wal_receive_lsn() > '{end}'") == "t")
    promote(new, others)


def rejoin(old, new):
    """The old primary comes back as a standby, rewound to where the new timeline began."""
    new.sql("CHECKPOINT")
    run([client("pg_rewind"), "-D", old.data, "--source-server", f"host=127.0.0.1 port={new.port} user=postgres dbname=postgres"])
    slot = old.name.replace("-", "_")
    new.sql(f"SELECT pg_create_physical_replication_slot('{slot}') WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '{slot}')")
    old.write("standby.signal", "")
    follow(old, new, slot)
    old.start()
    wait_for("it streams", lambda: new.sql(f"SELECT count(*) FROM pg_stat_replication WHERE application_name = '{old.name}'") == "1")


def control(stopped, field):
    text = run([stopped.bin / "pg_controldata", stopped.data])
    return next(line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith(field))


def end_of_wal(stopped, timeline):
    """Where the last whole record on that timeline ends, as the server's own tool reads it."""
    start = control(stopped, "Latest checkpoint's REDO location")
    done = subprocess.run([stopped.bin / "pg_waldump", "-p", stopped.data / "pg_wal", "-t", str(timeline), "-s", start],
                          capture_output=True, text=True, check=False)
    last = done.stdout.splitlines()[-1]
    begins = number(last.split("lsn: ")[1].split(",")[0])
    size = int(last.split("len (rec/tot):")[1].split(",")[0].split("/")[1])
    return begins + size


def history(server, timeline):
    """Where that timeline began."""
    text = (server.data / "pg_wal" / f"{timeline:08X}.history").read_text()
    return number(text.strip().splitlines()[-1].split("\t")[1])


class Wire:
    """A way to a server that can be cut: nothing passes then, and nobody is told."""

    def __init__(self, server):
        self.target = server.port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.cut = False
        self.pairs = []
        self.threads = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                inner, _ = self.listener.accept()
                if self.cut:
                    self.pairs.append((inner, inner))  # taken, and never answered
                    continue
                outer = socket.create_connection(("127.0.0.1", self.target))
                self.pairs.append((inner, outer))
                self.threads.append(threading.Thread(target=self._carry, args=(inner, outer), daemon=True))
                self.threads[-1].start()

    def _carry(self, inner, outer):
        with selectors.DefaultSelector() as selector, contextlib.suppress(OSError, ValueError):
            selector.register(inner, selectors.EVENT_READ, outer)
            selector.register(outer, selectors.EVENT_READ, inner)
            while not self.cut:
                for key, _ in selector.select(0.05):
                    data = key.fileobj.recv(65536)
                    if self.cut:
                        return  # held: neither side is told
                    if not data:
                        inner.close()
                        outer.close()
                        return
                    key.data.sendall(data)

    def mend(self):
        """New connections pass, and those that were cut are over."""
        self.cut = True
        for thread in self.threads:
            thread.join()
        for inner, outer in self.pairs:
            inner.close()
            outer.close()
        self.threads, self.pairs, self.cut = [], [], False

    def close(self):
        self.mend()
        self.listener.close()

"""scripts/lib/demo.py, interrupted while it starts: nothing that it started is left, and nobody sees a traceback."""

import os
import pathlib
import signal
import subprocess
import sys

import pytest

from conftest import server_directory
from exporter import binary
from postgres import wait_for

DEMO = pathlib.Path(__file__).resolve().parents[2] / "scripts/lib/demo.py"


def processes_of(directory):
    """Command lines that name the directory, which everything of the demonstration does."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has just ended
            continue
        if str(directory) in words:
            found.append(words)
    return found


# What lies in its directory once it has come that far.
MOMENTS = {"initdb runs": "orders-1", "the primary starts": "orders-1/postmaster.pid", "a standby is copied": "orders-2",
           "a standby starts": "orders-3/postmaster.pid", "a base backup is taken": "backups/base", "pgvigil starts": "pgvigil.log",
           "Prometheus starts": "prometheus.json"}


@pytest.mark.parametrize("number, moment", [
    *((signal.SIGTERM, moment) for moment in MOMENTS), (signal.SIGINT, "a standby is copied"), (signal.SIGHUP, "pgvigil starts")])
def test_an_interrupted_start_leaves_nothing(number, moment):
    with server_directory() as directory:
        with subprocess.Popen([sys.executable, DEMO], env={**os.environ, "TMPDIR": str(directory), "PGVIGIL_BINARY": binary()},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
            try:
                wait_for(moment, lambda: list(directory.glob(f"pgvigil-demo-*/{MOMENTS[moment]}")))
            finally:
                demo.send_signal(number)
                demo.send_signal(number)  # an impatient second one
            said = demo.communicate(timeout=60)[0]
        assert "Traceback" not in said
        # Once it has said how to end it, being ended is no failure.
        expected = 0 if "Ctrl-C ends it" in said else 128 + number
        assert "everything is stopped" in said and demo.returncode == expected, said
        wait_for("everything is stopped", lambda: not processes_of(directory), 5)
        assert not list(directory.iterdir())


def test_a_demonstration_that_cannot_start_says_why(tmp_path):
    """And stops the servers that it had started before."""
    with server_directory() as directory:
        program = tmp_path / "pgvigil"
        program.write_text("#!/bin/sh\necho this is no exporter >&2\nexit 1\n", encoding="utf-8")
        program.chmod(0o755)
        environment = {**os.environ, "TMPDIR": str(directory), "PGVIGIL_BINARY": str(program)}
        done = subprocess.run([sys.executable, DEMO], env=environment, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 1
        assert "this is no exporter" in done.stderr and "Traceback" not in done.stderr, done.stderr
        assert not processes_of(directory)

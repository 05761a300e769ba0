"""What it costs to read an archive of a million WAL files from a real S3 server; prints the table of docs/performance.md.

    archive_bench.py [--segments N] [--passes N]

The files are made in the server's own directory: compressed segments of four bytes, and one that is not compressed.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/integration"))

# pylint: disable=wrong-import-position
from objectstore import ADMIN, SECRET, Server  # noqa: E402


def make_segments(wals, count):
    content = b"\x1f\x8b\x08\x00"
    for log in range(-(-count // 256)):
        folder = wals / f"00000001{log:08X}"
        folder.mkdir(parents=True)
        for number in range(min(256, count - 256 * log)):
            (folder / f"00000001{log:08X}{number:08X}.gz").write_bytes(content)
    first = wals / "0000000100000000/000000010000000000000000"
    first.with_name(first.name + ".gz").unlink()
    with open(first, "wb") as file:
        file.truncate(16 << 20)  # its length tells that of all


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--segments", type=int, default=1_000_000)
    arguments.add_argument("--passes", type=int, default=10)
    asked = arguments.parse_args()
    program = pathlib.Path(os.environ.get("PGVIGIL_BINARY", ROOT / "build/release/exporter/pgvigil")).parents[1] / "tests/bench/archive_bench"
    with tempfile.TemporaryDirectory(prefix="pgvigil-bench-") as directory:
        server = Server(pathlib.Path(directory))
        try:
            make_segments(server.buckets / "backups/orders/wals", asked.segments)
            audit = audited(program.parents[2] / "exporter/pgvigil", server, pathlib.Path(directory))
            done = subprocess.run([program, server.endpoint, server.ca, "backups", "orders", str(asked.passes)], capture_output=True, text=True, check=False,
                                  env={"AWS_ACCESS_KEY_ID": ADMIN, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "us-east-1"})
        finally:
            server.stop()
    if done.returncode != 0:
        sys.exit(done.stderr)
    show([json.loads(line) for line in done.stdout.splitlines()], audit)


def audited(pgvigil, server, directory):
    """Seconds, and MiB resident at most, of `pgvigil audit` of all of it."""
    files = {name: directory / name for name in ("access_key_id_file", "secret_access_key_file")}
    for file, text in zip(files.values(), (ADMIN, SECRET)):
        file.write_text(text)
    place = {"bucket": "backups", "server": "orders", "endpoint": server.endpoint, "region": "us-east-1", "ca_file": str(server.ca),
             "credentials": {name: str(file) for name, file in files.items()}}
    config = directory / "pgvigil.yaml"
    config.write_text(json.dumps({"clusters": [{"name": "orders", "instances": [{"name": "one", "dsn": "host=127.0.0.1 port=1 user=pgvigil"}],
                                                "archive": [{"name": "s3", "barman": place}]}]}))
    began = time.monotonic()
    with subprocess.Popen([pgvigil, "audit", "--config", config], stdout=subprocess.PIPE, text=True) as process:
        text = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if "it holds no backup" not in text or "segments" not in text:
        sys.exit(text)
    return time.monotonic() - began, usage.ru_maxrss / 1024


def show(lines, audit):
    by = {what: [line for line in lines if line["what"] == what] for what in ("first", "listing", "later")}
    listing = statistics.median(line["seconds"] for line in by["listing"])
    later = sorted(line["cpu_ms"] for line in by["later"][1:])
    first = statistics.median(line["seconds"] for line in by["first"])
    print("| reading an archive | measured | bar |\n| --- | --- | --- |")
    print(f"| first pass over {by['first'][0]['keys']:,} segments, against a bare listing, medians of {len(by['first'])} in turn | {first:.1f} s, {first / listing:.2f} times | 1.2 times |")
    print(f"| `pgvigil audit` of the same | {audit[0]:.1f} s, {audit[0] / listing:.2f} times | |")
    print(f"| resident while it sums up what nothing needs | {audit[1]:.1f} MiB | 128 MiB |")
    print(f"| resident at most, during these passes and listings | {by['first'][-1]['peak_mib']:.1f} MiB | 64 MiB |")
    print(f"| a later pass: requests | {min(line['requests'] for line in by['later'])} to {max(line['requests'] for line in by['later'])} | the same at any size |")
    print(f"| a later pass: CPU, median and greatest | {later[len(later) // 2]:.1f} ms, {later[-1]:.1f} ms | 20 ms |")


main()

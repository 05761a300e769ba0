"""Archives that real tools fill, and restores by the same tools: what pgvigil says of an archive is held against them."""

import datetime
import json
import os
import pathlib
import re
import subprocess
import tempfile

from exporter import instances, password_file
from objectstore import ADMIN, SECRET
from postgres import Server, unprivileged, wait_for

PROBE = {"pg_probe": {"sql": "SELECT 1 AS one", "columns": {"one": {"usage": "gauge", "description": "One"}}}}
BUCKET = "backups"
SEGMENT = 16 << 20

# Of every primary here: each mark's own commit time is what a restore is held against.
SETTINGS = {"track_commit_timestamp": "on", "archive_timeout": "0", "checkpoint_timeout": "1h", "wal_keep_size": "512MB"}


def find_barman(version):
    """The directory of barman-cloud's programs: "debian", or a version in the cache of scripts/test.sh; None without them."""
    cache = pathlib.Path(os.environ.get("PGVIGIL_CACHE", "/var/cache/pgvigil"))
    place = pathlib.Path("/usr/bin") if version == "debian" else cache / f"tools/barman-{version}/bin"
    return place if (place / "barman-cloud-backup").exists() else None


def text_of(micros):
    """A moment in microseconds, as recovery_target_time takes it."""
    return (datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=micros)).isoformat(sep=" ") + "+00"


def micros(seconds):
    return round(seconds * 1e6)


class Tool:
    """What every tool here has: a directory, and in it the scripts that PostgreSQL runs."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.archive_script, self.restore_script = self.directory / "archive", self.directory / "restore"

    def write_script(self, path, text):
        """Whole at once: a server may run it at any moment."""
        new = path.with_suffix(".new")
        new.write_text("#!/bin/sh\n" + text)
        new.chmod(0o755)
        os.replace(new, path)

    def archive_not(self, answer):
        """Every segment is refused ("false") or thrown away ("true")."""
        self.write_script(self.archive_script, f"exec {answer}\n")

    @property
    def settings(self):
        return {**SETTINGS, "archive_command": f"{self.archive_script} %p %f"}


class Barman(Tool):
    """barman-cloud with one place of its own in the S3 server: archives, backs up, restores."""

    method = "barman"

    def __init__(self, version, s3, directory, path):
        super().__init__(directory)
        self.programs = find_barman(version)
        self.s3, self.path, self.server = s3, path, "orders"
        self.root = s3.buckets / BUCKET / path / self.server  # an object is a file
        self.wals = self.root / "wals"
        self.environment = {"AWS_ACCESS_KEY_ID": ADMIN, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_CA_BUNDLE": str(s3.ca),
                            "AWS_DEFAULT_REGION": "us-east-1", "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
                            "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        for folder in (self.directory, self.wals, self.directory / "coming"):  # a server may copy into them by itself
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o777)
        self.write_script(self.restore_script, self.words("wal-restore", options="--endpoint-url", after='"$1" "$2"'))
        self.archive_by_tool()

    @property
    def url(self):
        return f"s3://{BUCKET}/{self.path}"

    # -- what PostgreSQL runs

    def words(self, program, options="--endpoint-url", after=""):
        exports = "".join(f"export {name}='{value}'\n" for name, value in self.environment.items())
        return f"{exports}exec timeout 60 {self.programs}/barman-cloud-{program} {options} {self.s3.endpoint} {self.url} {self.server} {after}\n"

    def archive_by_tool(self, *options):
        self.write_script(self.archive_script, self.words("wal-archive", " ".join([*options, "--endpoint-url"]), '"$1"'))

    def archive_by_copy(self):
        """The same layout at a tenth of the cost: for tests that are about something else."""
        coming = self.directory / "coming"
        self.write_script(self.archive_script, f"""case $2 in *.history) folder={self.wals} ;; *) folder={self.wals}/$(expr substr "$2" 1 16) ;; esac
umask 0; mkdir -p $folder && cp "$1" {coming}/$$.$2 && chmod 644 {coming}/$$.$2 && mv {coming}/$$.$2 $folder/$2
""")
        self.write_script(self.restore_script, f"""case $1 in *.history) folder={self.wals} ;; *) folder={self.wals}/$(expr substr "$1" 1 16) ;; esac
cp $folder/$1 "$2"
""")

    # -- what an administrator runs

    def command(self, program, *arguments, before=()):
        return unprivileged(["timeout", "120", str(self.programs / f"barman-cloud-{program}"), *map(str, before), "--endpoint-url", self.s3.endpoint,
                             *map(str, arguments)])

    def run(self, program, *arguments, before=()):
        done = subprocess.run(self.command(program, *arguments, before=before), env=self.environment, capture_output=True, text=True, cwd="/", check=False)
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"
        return done.stdout

    def backup_command(self, server, *options):
        return self.command("backup", self.url, self.server, before=["-h", "127.0.0.1", "-p", server.port, "-U", "postgres", "--immediate-checkpoint", *options])

    def backup(self, server, *options):
        """The id of a backup that was made."""
        before = set(self.backups())
        wait_for("an id of its own", lambda: max(before, default="") < datetime.datetime.now().strftime("%Y%m%dT%H%M%S"))
        done = subprocess.run(self.backup_command(server, *options), env=self.environment, capture_output=True, text=True, cwd="/", check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        made, = set(self.backups()) - before
        return made

    def backups(self):
        base = self.root / "base"
        return sorted(folder.name for folder in base.iterdir()) if base.exists() else []

    def info(self, backup):
        """backup.info as words."""
        text = (self.root / "base" / backup / "backup.info").read_text()
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)

    def restore_into(self, backup, data):
        run_as = unprivileged(["mkdir", "-m", "700", str(data)])
        subprocess.run(run_as, check=True)
        self.run("restore", self.url, self.server, backup, data)

    def keep_only(self, count):
        self.run("backup-delete", self.url, self.server, before=["-r", f"REDUNDANCY {count}"])

    # -- what lies there

    def segments(self):
        """Names of the WAL segments, without what compression adds."""
        return sorted(path.name[:24] for path in self.wals.rglob("*") if re.fullmatch(r"[0-9A-F]{24}(\.(gz|bz2|xz|snappy|zst|lz4))?", path.name))

    def file_of(self, name):
        """The object of a segment or history file."""
        found, = [path for path in self.wals.rglob(f"{name}*") if re.fullmatch(re.escape(name) + r"(\.(gz|bz2|xz|snappy|zst|lz4))?", path.name)]
        return found

    def age(self, seconds=3600):
        """As if everything had been uploaded that long ago: a hole counts only once it is not young any more."""
        then = datetime.datetime.now().timestamp() - seconds
        for path in self.root.rglob("*"):
            if path.is_file():
                os.utime(path, (then, then))

    # -- what pgvigil is told

    def place(self, directory, name="s3", **change):
        files = {}
        for key, value in (("access_key_id_file", ADMIN), ("secret_access_key_file", SECRET)):
            file = pathlib.Path(directory) / key
            if not file.exists():
                file.write_text(value + "\n")
            files[key] = str(file)
        return {"name": name, "barman": {"bucket": BUCKET, "path": self.path, "server": self.server, "endpoint": self.s3.endpoint, "region": "us-east-1",
                                         "credentials": files, "ca_file": str(self.s3.ca), **change}}


class Marks:
    """Rows that are committed one by one; when each was, and where in the WAL, is known."""

    def __init__(self, server):
        self.server = server
        self.ends = {}  # LSN at or behind each commit
        server.sql("CREATE TABLE marks (id int PRIMARY KEY)")

    def make(self, count=1):
        for _ in range(count):
            number = len(self.ends) + 1
            self.server.sql(f"INSERT INTO marks VALUES ({number})")
            self.ends[number] = int(self.server.sql("SELECT pg_current_wal_insert_lsn() - '0/0'"))
        return len(self.ends)

    def times(self):
        """When each was committed, in microseconds, by the server itself."""
        rows = self.server.sql("SELECT id, (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000000)::bigint FROM marks").split()
        return {int(number): int(time) for number, time in (row.split("|") for row in rows)}


    def up_to(self, lsn):
        return {number for number, end in self.ends.items() if end <= lsn}


def found_marks(server):
    return {int(number) for number in server.sql("SELECT id FROM marks").split()}


def number_of(name):
    return int(name[8:16], 16) * 256 + int(name[16:], 16)


def proven_end(sight, primary, several=False):
    """Where proven WAL ends by a page: at a segment's beginning. (The primary may have written a record since.) Of several archives
    the page tells only where the contiguous WAL ends, which is the same unless a history is missing."""
    behind = sight.value("archive_backlog_bytes") if several else sight.rpo("bytes")
    return (int(primary.sql("SELECT pg_current_wal_flush_lsn() - '0/0'")) - int(behind)) // SEGMENT * SEGMENT


def switch(server):
    """Ends the segment, and waits until the archiver has dealt with it."""
    name = server.sql("SELECT pg_walfile_name(pg_switch_wal())")
    wait_for(f"{name} is archived", lambda: server.sql("SELECT last_archived_wal FROM pg_stat_archiver") >= name)
    return name


def written_up_to(server):
    """Its flush position, in bytes. An idle server, too, writes a record now and then."""
    return int(server.sql("SELECT pg_current_wal_flush_lsn() - '0/0'"))


def fill_segments(server, count):
    """So many segments, with a transaction in each."""
    names = []
    for _ in range(count):
        server.sql("CREATE TABLE IF NOT EXISTS filler (i int); INSERT INTO filler VALUES (1)")
        names.append(switch(server))
    return names


class Restores:
    """Servers that a tool restores; none of them archives."""

    def __init__(self, directory, tool):
        self.directory, self.tool = pathlib.Path(tempfile.mkdtemp(prefix="restores-", dir=directory)), tool
        self.directory.chmod(0o777)
        self.templates, self.servers = {}, []

    def begin(self, backup, target=None, **settings):
        """Started, and recovering."""
        if backup not in self.templates:
            self.templates[backup] = self.directory / f"restored-{backup}"
            self.tool.restore_into(backup, self.templates[backup])
        server = Server(self.directory, f"copy-{len(self.servers) + 1}")
        self.servers.append(server)
        subprocess.run(unprivileged(["cp", "-a", str(self.templates[backup]), str(server.data)]), check=True)
        subprocess.run(unprivileged(["rm", "-f", str(server.data / "postgresql.auto.conf"), str(server.data / "standby.signal")]), check=True)
        server.write("recovery.signal", "")
        server.configure({"restore_command": f"{self.tool.restore_script} %f %p", "archive_mode": "off", "recovery_target_action": "promote",
                          "primary_conninfo": "", "primary_slot_name": "",
                          **({"recovery_target_time": text_of(target)} if target is not None else {}), **settings})
        server.start(wait=False)
        return server

    def restore(self, backup, target=None, **settings):
        """Restored, and open for writing."""
        server = self.begin(backup, target, **settings)
        wait_for(f"{server.name} is restored", lambda: server.accepts() and server.sql("SELECT pg_is_in_recovery()") == "f", 120)
        return server

    def refusal(self, backup, target, **settings):
        """The last words of a server that could not be restored to this."""
        server = self.begin(backup, target, **settings)
        log_of = (self.directory / f"{server.name}.log").read_text
        try:
            wait_for("it gives up", lambda: server.process.poll() is not None or "archive recovery complete" in log_of())
        finally:
            server.stop()
        log = log_of()
        assert "archive recovery complete" not in log, log
        return [line for line in log.splitlines() if "FATAL" in line][-1]

    def reached(self, server):
        """Where the recovery of it ended, and which timeline it followed: its own history says so."""
        timeline = server.sql("SELECT timeline_id FROM pg_control_checkpoint()")
        history = server.sql(f"SELECT pg_read_file('pg_wal/{int(timeline):08X}.history')").strip().splitlines()
        parent, lsn = history[-1].split("\t")[:2]
        high, low = lsn.split("/")
        return int(parent), (int(high, 16) << 32) + int(low, 16)

    def stop(self):
        for server in self.servers:
            server.stop()


class Sight:
    """What a page says of one archive."""

    def __init__(self, page, archive="s3", method="barman"):
        self.page, self.archive, self.method = page, archive, method

    def value(self, family, **labels):
        return self.page.get(f"pgvigil_{family}", archive=self.archive, **labels)

    @property
    def up(self):
        return self.page.get("pgvigil_source_up", archive=self.archive)

    @property
    def start(self):
        found = self.value("recovery_window_start_timestamp_seconds", method=self.method, evidence="proof")
        return None if found is None else micros(found)

    @property
    def end(self):
        found = self.value("recovery_window_end_timestamp_seconds", method=self.method, evidence="proof")
        return None if found is None else micros(found)

    @property
    def gaps(self):
        return self.value("archive_gaps"), self.value("archive_missing_segments")

    def backups(self, state):
        return self.value("backups", method=self.method, state=state)

    def rpo(self, unit):
        return self.page.get(f"pgvigil_rpo_{unit}", loss="site")


class Vigil:
    """An exporter that watches a cluster and its archive."""

    def __init__(self, start_exporter, directory, servers, *places, method="barman", environment=None, **config):
        directory = pathlib.Path(directory)
        queries = directory / "queries.yaml"
        queries.write_text(json.dumps(PROBE))
        secret = directory / "password" if (directory / "password").exists() else password_file(directory)
        self.archive, self.method = places[0]["name"], method
        self.exporter = start_exporter({
            "clusters": [{"name": "orders", "instances": instances(servers, secret), "archive": list(places)}],
            "queries": [{"files": str(queries)}], **{"intervals": {"archive": "1s", "observe_standby": "1s"}, **config}}, environment=environment)

    def sight(self, **options):
        return Sight(self.exporter.page(**options), self.archive, self.method)

    def wait(self, what, condition, seconds=60):
        """The first sight for which condition(sight) is true; what was seen last, if there is none."""
        last = []

        def look():
            last[:] = [self.sight()]
            return last[0] if condition(last[0]) else None

        try:
            return wait_for(what, look, seconds)
        except AssertionError as error:
            words = "\n".join(line for line in last[0].page.text.splitlines() if re.match("pgvigil_(archive|backup|recovery|rpo|source|primar|timeline)", line))
            raise AssertionError(f"{error}\n{words}\n{self.exporter.log()}") from None

    def wait_listed(self, seconds=60):
        """A sight of a listing that was begun after this call."""
        first = self.sight().value("source_last_success_timestamp_seconds") or 0
        seen = set()

        def later(sight):
            seen.add(sight.value("source_last_success_timestamp_seconds") or 0)
            return len({time for time in seen if time > first}) >= 2

        return self.wait("the archive is listed again", later, seconds)

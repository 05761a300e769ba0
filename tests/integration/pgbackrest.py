"""pgBackRest with three repositories that it fills at once: a directory, an encrypted one, and the S3 server."""

import json
import pathlib
import subprocess

from archives import BUCKET, Tool
from objectstore import ADMIN, SECRET
from postgres import unprivileged

REPOSITORIES = {"directory": 1, "encrypted": 2, "s3": 3}
PASSPHRASE = "a passphrase of the tests"


class Pgbackrest(Tool):
    method = "pgbackrest"

    def __init__(self, directory, s3):
        super().__init__(directory)
        self.archive_script = self.directory / "archive-by-pgbackrest"  # it asks the server for its own name in there
        self.s3 = s3
        for name in ("", "directory", "encrypted", "lock"):
            folder = self.directory / name
            folder.mkdir(exist_ok=True)
            folder.chmod(0o777)
        (self.directory / "passphrase").write_text(PASSPHRASE + "\n")
        self.archive()

    def configure(self, server):
        """Known from here on: the server, and where everything goes."""
        s3 = {"type": "s3", "path": "/pgbackrest", "s3-bucket": BUCKET, "s3-endpoint": "localhost", "s3-region": "us-east-1", "s3-uri-style": "path",
              "s3-key": ADMIN, "s3-key-secret": SECRET, "storage-host": "localhost", "storage-port": self.s3.port, "storage-ca-file": self.s3.ca,
              "bundle": "y"}
        repositories = {1: {"path": self.directory / "directory"},
                        2: {"path": self.directory / "encrypted", "cipher-type": "aes-256-cbc", "cipher-pass": PASSPHRASE}, 3: s3}
        lines = ["[global]", f"lock-path={self.directory}/lock", f"spool-path={self.directory}/lock", "log-level-file=off", "log-level-console=warn",
                 "start-fast=y", *(f"repo{number}-retention-full=9" for number in REPOSITORIES.values()), "compress-type=lz4", "io-timeout=10", "job-retry=0"]
        lines += [f"repo{number}-{key}={value}" for number, options in repositories.items() for key, value in options.items()]
        lines += ["[orders]", f"pg1-path={server.data}", f"pg1-port={server.port}", "pg1-user=postgres"]
        (self.directory / "pgbackrest.conf").write_text("\n".join(lines) + "\n")

    def words(self, *arguments):
        return ["env", "PGHOST=127.0.0.1", "timeout", "120", "pgbackrest", f"--config={self.directory}/pgbackrest.conf", "--stanza=orders",
                *map(str, arguments)]

    def run(self, *arguments):
        done = subprocess.run(unprivileged(self.words(*arguments)), capture_output=True, text=True, cwd="/", check=False)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def archive(self):
        self.write_script(self.archive_script, f"exec {' '.join(self.words('archive-push', '$1'))}\n")

    def backup(self, kind, name):
        """Its id."""
        self.run("backup", f"--type={kind}", f"--repo={REPOSITORIES[name]}")
        return self.backups(name)[-1]

    def info(self, name):
        return self.run("info", "--output=json", f"--repo={REPOSITORIES[name]}")

    def backups(self, name):
        return [backup["label"] for backup in json.loads(self.info(name))[0]["backup"]]

    def place(self, directory, name):
        if name != "s3":
            options = {"passphrase_file": str(self.directory / "passphrase")} if name == "encrypted" else {}
            return {"name": name, "pgbackrest": {"stanza": "orders", "repo": {"directory": str(self.directory / name)}, **options}}
        keys = {}
        for key, value in (("access_key_id_file", ADMIN), ("secret_access_key_file", SECRET)):
            keys[key] = str(pathlib.Path(directory) / key)
            pathlib.Path(keys[key]).write_text(value + "\n")
        return {"name": name, "pgbackrest": {"stanza": "orders", "repo": {
            "bucket": BUCKET, "path": "pgbackrest", "endpoint": self.s3.endpoint, "region": "us-east-1", "credentials": keys, "ca_file": str(self.s3.ca)}}}


class Repository(Tool):
    """One of the repositories, as restores see it."""

    def __init__(self, directory, whole, name, path=None):
        super().__init__(directory)
        self.directory.mkdir(exist_ok=True)
        self.whole, self.options = whole, [f"--repo={REPOSITORIES[name]}"]
        if path is not None:
            self.options.append(f"--repo{REPOSITORIES[name]}-path={path}")
        self.write_script(self.restore_script, f"exec {' '.join(whole.words(*self.options, '--pg1-path=$PWD', 'archive-get', '$1', '$2'))}\n")

    def restore_into(self, backup, data):
        subprocess.run(unprivileged(["mkdir", "-m", "700", str(data)]), check=True)
        self.whole.run(*self.options, f"--pg1-path={data}", f"--set={backup}", "restore")


def copy_of(whole, name):
    """The directory's repository once more, for a damage."""
    path = whole.directory / name
    subprocess.run(unprivileged(["cp", "-a", str(whole.directory / "directory"), str(path)]), check=True)
    made = Repository(whole.directory / f"scripts-{name}", whole, "directory", path)
    made.path, made.place = path, {"name": name, "pgbackrest": {"stanza": "orders", "repo": {"directory": str(path)}}}
    return made

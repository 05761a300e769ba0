"""Archives of plain files: cp, pg_receivewal, pg_basebackup, pg_dump."""

import subprocess

from archives import Tool
from postgres import client, run, unprivileged, wait_for


class Plain(Tool):
    """archive_command and pg_receivewal copy into two directories; base backups and dumps lie in a third."""

    def __init__(self, directory):
        super().__init__(directory)
        for name in ("", "copied", "received", "backups", "dumps"):
            folder = self.directory / name
            folder.mkdir(exist_ok=True)
            folder.chmod(0o777)
        self.archive()
        self.restore_from("copied")
        self.receiver = None

    def archive(self):
        copied = self.directory / "copied"
        self.write_script(self.archive_script, f'test ! -f {copied}/$2 && cp "$1" {copied}/.$2 && mv {copied}/.$2 {copied}/$2\n')

    def restore_from(self, name):
        self.write_script(self.restore_script, f'cp {self.directory}/{name}/$1 "$2"\n')

    def receive(self, server):
        words = [client("pg_receivewal"), "-D", self.directory / "received", *self.connection(server), "--no-sync"]
        self.receiver = subprocess.Popen(unprivileged([str(word) for word in words]), cwd="/", stderr=subprocess.DEVNULL)
        wait_for("WAL is received", lambda: list((self.directory / "received").iterdir()))

    def stop(self):
        if self.receiver:
            self.receiver.terminate()
            self.receiver.wait(30)
        self.receiver = None

    @staticmethod
    def connection(server):
        return ["-h", "127.0.0.1", "-p", server.port, "-U", "postgres"]

    def backup(self, server, name, *options):
        run([client("pg_basebackup"), "-D", self.directory / "backups" / name, *self.connection(server), "-c", "fast", "--no-sync", *options])
        return name

    def dump(self, server, name, *options):
        run([client("pg_dump"), *self.connection(server), "-f", self.directory / "dumps" / name, "-t", "marks", *options, "postgres"])

    def restore_into(self, backup, data):
        source = self.directory / "backups" / backup
        run(["mkdir", "-m", "700", data])
        if (source / "base.tar.gz").exists():
            run(["tar", "-xzf", source / "base.tar.gz", "-C", data])
            run(["tar", "-xzf", source / "pg_wal.tar.gz", "-C", data / "pg_wal"])
        else:
            run(["cp", "-a", f"{source}/.", data])

    def place(self, name):
        return {"name": name, "directory": {"path": str(self.directory / name), "backups": str(self.directory / "backups")}}

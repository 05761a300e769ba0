"""Real S3 servers over TLS (versitygw, and MinIO as a second opinion), a relay that misbehaves in front of it, and the probe that drives a store."""

import datetime
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse

from exporter import ROOT, find_built

ADMIN, SECRET = "admin", "admin-secret-key"


def find_server(name):
    cache = pathlib.Path(os.environ.get("PGVIGIL_CACHE", "/var/cache/pgvigil"))
    installed = sorted(cache.glob(f"tools/{name}-*/{name}"))
    return shutil.which(name) or (str(installed[-1]) if installed else None)


def find_versitygw():
    return find_server("versitygw")


def find_probe():
    return find_built("store_probe")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """versitygw on a directory: a bucket is a directory, an object a file."""

    def __init__(self, directory, buckets=None):
        """Of another server's buckets, or its own."""
        self.directory = directory
        self.buckets = buckets or directory / "buckets"
        self.buckets.mkdir(parents=True, exist_ok=True)
        (directory / "iam").mkdir(parents=True)
        # Valid since yesterday where that can be had: for a client whose clock is behind.
        yesterday = ["faketime", "-f", "-1d"] if shutil.which("faketime") else []
        subprocess.run([*yesterday, "bash", str(ROOT / "tests/integration/make_certificates.sh"), str(directory)], check=True)
        self.ca = directory / "ca.crt"
        self.access_log = directory / "access.log"
        self.port = free_port()
        self.process = None
        self.start()

    @property
    def endpoint(self):
        return f"https://localhost:{self.port}"

    def command(self):
        """What runs, and the environment of it."""
        return [find_versitygw(), "--port", f"127.0.0.1:{self.port}", "--cert", str(self.directory / "server.crt"),
                "--key", str(self.directory / "server.key"), "--health", "/healthz", "--iam-dir", str(self.directory / "iam"),
                "--access-log", str(self.access_log), "--keep-alive", "posix", str(self.buckets)], {"ROOT_ACCESS_KEY": ADMIN, "ROOT_SECRET_KEY": SECRET}

    def start(self):
        words, environment = self.command()
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(words, env={"PATH": os.environ["PATH"], **environment}, stdout=log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 30
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    return
            except OSError:
                assert self.process.poll() is None and time.monotonic() < deadline, (self.directory / "log").read_text()
                time.sleep(0.02)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait(30)

    def write(self, bucket, key, content=b"content"):
        path = self.buckets / bucket / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def request(self, method, path, body=b"", query="", service="s3", **unsigned):
        """A signed request of the administrator: the signature by Python's own means, a second opinion on ours."""
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        digest = hashlib.sha256(body).hexdigest()
        host = f"localhost:{self.port}"
        headers = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": now}
        names = ";".join(headers)
        canonical = "\n".join([method, path, query, *(f"{k}:{v}" for k, v in headers.items()), "", names, digest])
        scope = f"{now[:8]}/us-east-1/{service}/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + SECRET).encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), "sha256").digest()
        signature = hmac.new(key, text.encode(), "sha256").hexdigest()
        headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={ADMIN}/{scope}, SignedHeaders={names}, Signature={signature}"
        context = ssl.create_default_context(cafile=str(self.ca))
        connection = http.client.HTTPSConnection("localhost", self.port, context=context, timeout=30)
        connection.request(method, path + ("?" + query if query else ""), body, {**headers, **unsigned})
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status < 300, (answer.status, content)
        return content

    def put(self, bucket, key, content=b"content"):
        self.request("PUT", f"/{bucket}/" + urllib.parse.quote(key, safe="/~"), content)

    def user(self, name, bucket, *actions):
        """A user of its own secret (its name twice) that may do just this in the bucket; with nothing, nothing."""
        subprocess.run([find_versitygw(), "admin", "--access", ADMIN, "--secret", SECRET, "--endpoint-url", self.endpoint,
                        "--allow-insecure", "create-user", "--access", name, "--secret", name * 2, "--role", "user"],
                       check=True, capture_output=True)
        return {"Effect": "Allow", "Principal": name, "Action": list(actions),
                "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]}

    def policy(self, bucket, *statements):
        body = json.dumps({"Version": "2012-10-17", "Statement": list(statements)}).encode()
        self.request("PUT", f"/{bucket}", body, "policy=")


class MinIO(Server):
    """Likewise, but what lies in its directory is its own business."""

    domain = "s3.test"

    def command(self):
        certificates = self.directory / "certs"
        certificates.mkdir(exist_ok=True)
        shutil.copy(self.directory / "server.crt", certificates / "public.crt")
        shutil.copy(self.directory / "server.key", certificates / "private.key")
        return [find_server("minio"), "server", "--quiet", "--address", f"127.0.0.1:{self.port}", "--console-address", f"127.0.0.1:{free_port()}",
                "--certs-dir", str(certificates), str(self.buckets)], {
                    "MINIO_ROOT_USER": ADMIN, "MINIO_ROOT_PASSWORD": SECRET, "MINIO_BROWSER": "off", "MINIO_DOMAIN": self.domain, "HOME": str(self.directory)}

    def start(self):
        super().start()
        deadline = time.monotonic() + 60
        while True:  # it listens before it can answer
            try:
                return self.request("GET", "/")
            except (AssertionError, OSError, http.client.HTTPException):
                assert self.process.poll() is None and time.monotonic() < deadline, (self.directory / "log").read_text()
                time.sleep(0.1)

    def write(self, bucket, key, content=b"content"):
        self.put(bucket, key, content)


class Relay:
    """Passes connections on to a server, and does to what comes back what a test says: change(bytes) → bytes or None.
    None ends the connection there."""

    def __init__(self, port, change, context_of_server, context_of_client):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.target, self.change = port, change
        self.outer, self.inner = context_of_server, context_of_client
        self.stopping = False
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    @classmethod
    def of(cls, server, change):
        """In front of an S3 server, with the same certificate."""
        outer = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        outer.load_cert_chain(server.directory / "server.crt", server.directory / "server.key")
        return cls(server.port, change, outer, ssl.create_default_context(cafile=str(server.ca)))

    @property
    def endpoint(self):
        return f"https://localhost:{self.port}"

    def stop(self):
        self.stopping = True
        self.listener.close()

    def _accept(self):
        while not self.stopping:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw):
        """One request a connection: read until the end of its head, relayed with the host it was signed for."""
        try:
            with self.outer.wrap_socket(raw, server_side=True) as client:
                head = b""
                while b"\r\n\r\n" not in head:
                    more = client.recv(65536)
                    if not more:
                        return
                    head += more
                head = head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
                with socket.create_connection(("127.0.0.1", self.target)) as plain, \
                        self.inner.wrap_socket(plain, server_hostname="localhost") as server:
                    server.sendall(head)
                    answer = bytearray()  # a segment's 16 MiB arrive in pieces of 16 KiB
                    while more := server.recv(65536):
                        answer += more
                answer = self.change(bytes(answer))
                if answer:
                    client.sendall(answer)
        except OSError:
            pass
        finally:
            raw.close()


class Store:
    """A store as the probe opens it."""

    def __init__(self, directory, server, bucket="backups", key=ADMIN, secret=SECRET, endpoint=None, **options):
        number = len(list(directory.glob("key-*")))
        key_file, secret_file = directory / f"key-{number}", directory / f"secret-{number}"
        key_file.write_text(key + "\n")
        secret_file.write_text(secret + "\n")
        self.words = [find_probe(), "--bucket", bucket, "--endpoint", endpoint or server.endpoint, "--ca", str(server.ca),
                      "--key", str(key_file), "--secret", str(secret_file)]
        for name, value in options.items():
            self.words += [f"--{name}", str(value)]

    def do(self, *operations, environment=None):
        """The answers, one each, and what the probe says at the end."""
        done = subprocess.run(self.words + [str(word) for word in operations], capture_output=True, text=True, timeout=180,
                              env=os.environ | (environment or {}))
        assert done.returncode == 0, done.stderr
        assert SECRET not in done.stdout + done.stderr
        *answers, last = [json.loads(line) for line in done.stdout.splitlines()]
        return answers, last

    def one(self, *operation, **options):
        return self.do(*operation, **options)[0][0]

    def begin(self, *operations):
        """The probe as a process that can be talked to: `sleep` waits for a line."""
        return subprocess.Popen(self.words + [str(word) for word in operations], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

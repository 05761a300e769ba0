"""Fixtures of the integration tests: one cluster for those that leave it as it was, one of their own for the others."""

import contextlib
import itertools
import json
import pathlib
import shutil
import tempfile

import pytest

from archives import BUCKET, Barman
from exporter import Exporter, Page, ShiftedClock, instances, password_file, run
from objectstore import Server as S3Server
from postgres import Cluster
from situations import Session

_ARCHIVES = itertools.count(1)


@contextlib.contextmanager
def server_directory():
    """A directory that user postgres can reach: pytest's own are closed to others, again at every start of pytest."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="pgvigil-"))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


@pytest.fixture(scope="session")
def cluster():
    """A primary and two standbys, shared. A test leaves it running and with the same primary."""
    with server_directory() as directory, contextlib.ExitStack() as stack:
        made = Cluster(directory)
        stack.callback(made.stop)
        yield made


@pytest.fixture
def own_cluster():
    """A factory of clusters that a test may break as it likes."""
    with contextlib.ExitStack() as stack:
        def make(**options):
            made = Cluster(stack.enter_context(server_directory()), **options)
            stack.callback(made.stop)
            return made

        yield make


@pytest.fixture
def start_exporter(tmp_path):
    """A factory of exporters: start_exporter(config as a dict, or nothing, and further arguments)."""
    directories = (tmp_path / f"exporter-{i}" for i in itertools.count())

    def start(config=None, *arguments, environment=None):
        directory = next(directories)
        directory.mkdir()
        words = list(arguments)
        if config is not None:
            path = directory / "pgvigil.yaml"
            path.write_text(json.dumps(config))  # JSON is YAML
            words += ["--config", str(path)]
        made = Exporter(directory, words, environment)
        stack.callback(made.stop)
        return made

    with contextlib.ExitStack() as stack:  # one that cannot be stopped does not keep the others running
        yield start


@pytest.fixture
def watch(start_exporter, tmp_path):
    """A factory of exporters that watch a cluster: watch(cluster, queries={...}, further configuration)."""

    def start(cluster, queries=None, **config):
        if queries is not None:
            path = tmp_path / "queries.yaml"
            path.write_text(json.dumps(queries))
            config["queries"] = [{"files": str(path)}]
        secret = tmp_path / "password" if (tmp_path / "password").exists() else password_file(tmp_path)
        return start_exporter({"clusters": [{"name": "orders", "instances": instances(cluster.servers, secret)}], **config})

    return start


@pytest.fixture
def scrape(tmp_path):
    """scrape(server): its page, with every query run for it."""
    secret = password_file(tmp_path)

    def one(server, *words):
        done = run("scrape", "--dsn", server.dsn(), "--password-file", str(secret), "--log.level", "error", *words)
        assert done.returncode == 0, done.stderr
        page = Page(done.stdout)
        assert [labels for labels, value in page.all("pgvigil_query_success") if value != 1] == []
        return page

    return one


@pytest.fixture
def clock():
    with server_directory() as directory:
        yield ShiftedClock(directory)


@pytest.fixture
def session():
    with contextlib.ExitStack() as stack:
        def start(server, dbname="postgres"):
            made = Session(server, dbname)
            stack.callback(made.end)
            return made

        yield start


@pytest.fixture(scope="module")
def s3():
    """An S3 server that users of any name can write to, with its one bucket."""
    with server_directory() as directory:
        made = S3Server(directory / "s3")
        try:
            made.directory.chmod(0o755)
            made.request("PUT", f"/{BUCKET}")
            yield made
        finally:
            made.stop()


@pytest.fixture
def make_barman(s3):
    """A factory of barman-cloud's archives, each in a place of its own."""
    with contextlib.ExitStack() as stack:
        def make(version="debian"):
            return Barman(version, s3, stack.enter_context(server_directory()), f"archive-{next(_ARCHIVES)}")

        yield make

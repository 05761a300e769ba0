"""Fixtures of the integration tests: one cluster for those that leave it as it was, one of their own for the others."""

import json
import os

import pytest

from exporter import Exporter, instances, password_file
from postgres import Cluster


def make_directory(tmp_path_factory, name):
    directory = tmp_path_factory.mktemp(name)
    for path in (directory, *directory.parents):  # servers run as another user
        if path.owner() == "root" and os.geteuid() == 0 and path.name.startswith("pytest-"):
            path.chmod(0o755)
    directory.chmod(0o755)
    return directory


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A primary and two standbys, shared. A test leaves it running and with the same primary."""
    made = Cluster(make_directory(tmp_path_factory, "cluster"))
    yield made
    made.stop()


@pytest.fixture
def own_cluster(tmp_path_factory):
    """A factory of clusters that a test may break as it likes."""
    made = []

    def make(**options):
        made.append(Cluster(make_directory(tmp_path_factory, "own"), **options))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def start_exporter(tmp_path):
    """A factory of exporters: start_exporter(config as a dict, or nothing, and further arguments)."""
    started = []

    def start(config=None, *arguments, environment=None):
        directory = tmp_path / f"exporter-{len(started)}"
        directory.mkdir()
        words = list(arguments)
        if config is not None:
            path = directory / "pgvigil.yaml"
            path.write_text(json.dumps(config))  # JSON is YAML
            words += ["--config", str(path)]
        started.append(Exporter(directory, words, environment))
        return started[-1]

    yield start
    for one in started:
        one.stop()


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

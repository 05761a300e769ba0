"""Every panel of the shipped dashboards returns data on a real Prometheus that scraped the real exporter."""

import json

import pytest

from exporter import ROOT, Exporter, password_file
from monitoring import Prometheus
from postgres import wait_for

BOARDS = {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "dashboards").glob("*.json"))}
PANELS = [(f"{board}: {panel['title']}", panel) for board, content in BOARDS.items() for panel in content["panels"] if panel["type"] != "row"]


@pytest.fixture(scope="module")
def prometheus(cluster, tmp_path_factory):
    directory = tmp_path_factory.mktemp("dashboards")
    words = []
    for server in cluster.servers:
        words += ["--dsn", server.dsn()]
    exporter = Exporter(directory, [*words, "--cluster", "orders", "--password-file", str(password_file(directory))])
    cluster.primary.sql("CREATE TABLE IF NOT EXISTS work AS SELECT generate_series(1, 1000)")
    made = Prometheus(directory, exporter.port)
    wait_for("a minute's rates can be computed", lambda: made.query("count_over_time(pgvigil_scrape_series[1m]) > 5"))
    yield made
    made.stop()
    exporter.stop()


def concrete(expression):
    for name, value in (("$namespace", ".*"), ("$pg_cluster", "orders"), ("$pg_instance", ".*"), ("$__rate_interval", "1m"), ("$__range", "1h")):
        expression = expression.replace(name, value)
    return expression


@pytest.mark.parametrize("panel", [panel for _, panel in PANELS], ids=[name for name, _ in PANELS])
def test_a_panel_returns_data(prometheus, panel):
    # A query that Prometheus refuses fails here, whatever it may return.
    answers = [prometheus.query(concrete(target["expr"])) for target in panel["targets"]]
    assert any(answers) or panel.get("pgvigil", {}).get("mayBeEmpty"), panel["targets"]

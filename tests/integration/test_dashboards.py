"""Every query of the shipped dashboards returns data on a real Prometheus that scraped the real exporter and runs the shipped rules.

The servers are brought into what the panels are for: a session that idles in a transaction and holds a lock, one that waits
for it, a prepared transaction, data checksums, a limit of WAL for slots, a query that fails; an archive with backups, one of
them failed, with schedules, with WAL that does not arrive any more, and beside it a tool's report; a journal of earlier failovers.
"""

import contextlib
import json
import re
import subprocess
import time
import urllib.error

import pytest

from archives import BUCKET, Barman, fill_segments, find_barman
from conftest import server_directory
from exporter import ROOT, Exporter, instances, password_file
from monitoring import Prometheus
from objectstore import Server as S3Server, find_versitygw
from postgres import Cluster, client, free_port, run, wait_for

pytestmark = pytest.mark.skipif(find_versitygw() is None or find_barman("debian") is None,
                                reason="versitygw or barman-cloud is not installed (scripts/test.sh does it)")

BOARDS = {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "dashboards").glob("*.json"))}
PANELS = {f"{board}: {panel['title']}": panel for board, content in BOARDS.items() for panel in content["panels"] if panel["type"] != "row"}
TARGETS = {f"{name} {target['refId']}": (panel, target) for name, panel in PANELS.items() for target in panel["targets"]}
JUDGED = {name: panel for name, panel in PANELS.items() if panel["type"] == "stat" and panel["pgvigil"]["mayBeEmpty"]}
SELECTORS = {(family, f"{label}{operator}{text}") for _, target in TARGETS.values() for family, matchers in re.findall(r"(\w+)\{([^}]*)\}", target["expr"])
             for label, operator, value in re.findall(r'(\w+)(=~?)"([^"$]+)"', matchers) if not family.startswith("ALERTS")
             for text in (f'"{one}"' for one in value.split("|"))}
FIRST_ROW = [panel for name, panel in PANELS.items() if name.startswith("cluster") and panel["type"] == "stat"]
# What the first row says of each cluster; -1 is UNKNOWN, -3 is that there is no standby by design.
SAID = {
    "orders": {"Primary": 1, "Instances that answer": "3 of 3", "Lost if the primary died now": "within the objective",
               "Standbys that do not follow": "all follow", "Commits that wait": "none is blocked", "Slots in danger": "none"},
    "dark": {"Primary": -1, "Instances that answer": "NONE of 2", "Lost if the primary died now": -1, "Standbys that do not follow": -1,
             "Commits that wait": -1, "Slots in danger": -1},
    "alone": {"Primary": 1, "Instances that answer": "1 of 1", "Lost if the primary died now": -3, "Standbys that do not follow": -3,
              "Commits that wait": "none is blocked", "Slots in danger": "none"}}
EMPTY = {"only while an alert's condition holds", "only while the alert's condition holds", "only while no alert's condition holds",
         "only while the value is not known"}
# What only the operator claims, and there is none here.
OPERATORS = {("pgvigil_recovery_window_start_timestamp_seconds", 'evidence="claim"')}


class Session:
    """A session of psql that stays until it is stopped."""

    def __init__(self, server, sql):
        self.process = subprocess.Popen([client("psql"), "-X", "-q", "-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres", "-d", "postgres"],
                                        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
        self.process.stdin.write(sql + ";\n")
        self.process.stdin.flush()

    def stop(self):
        self.process.kill()
        self.process.wait()


def make_tool(directory, stack):
    """barman-cloud with a bucket of its own; WAL gets there by copying."""
    s3 = S3Server(directory / "s3")
    stack.callback(s3.stop)
    s3.directory.chmod(0o755)
    s3.request("PUT", f"/{BUCKET}")
    tool = Barman("debian", s3, directory / "barman", "orders")
    tool.archive_by_copy()
    return tool


def make_cluster(directory, tool):
    cluster = Cluster(directory, settings={**tool.settings, "max_prepared_transactions": "5", "max_slot_wal_keep_size": "1GB"})
    primary = cluster.primary
    primary.stop()
    run([primary.bin / "pg_checksums", "--enable", "--no-sync", "-D", primary.data])
    primary.start()
    primary.sql("CREATE TABLE work AS SELECT generate_series(1, 1000)")
    primary.sql("BEGIN; INSERT INTO work VALUES (1); PREPARE TRANSACTION 'forgotten'")
    primary.sql("CREATE TABLE locked(i int)")
    return cluster


def fill_archive(tool, primary):
    """Backups, the first of which is said to have failed."""
    for number in range(4):
        backup = tool.backup(primary)
        if number == 0:
            info = tool.root / "base" / backup / "backup.info"
            info.write_text(info.read_text().replace("status=DONE", "status=FAILED"))


def break_archive(tool, primary):
    """A file waits for the archiver from now on."""
    tool.archive_not("false")
    primary.sql("INSERT INTO work VALUES (1)")  # there is nothing to switch from otherwise
    primary.sql("SELECT pg_switch_wal()")
    wait_for("archiving fails", lambda: primary.sql("SELECT failed_count > 0 FROM pg_stat_archiver") == "t")


def archiving(tool, directory):
    """What the configuration says of it."""
    report = ROOT / "tests/unit/archive/fixtures/pgbackrest/info.json"
    return {"archive": [{**tool.place(directory), "retention": "30d"},
                        {"name": "report", "pgbackrest": {"stanza": json.loads(report.read_text())[0]["name"], "info_file": str(report)}}],
            "schedules": [{"name": "nightly", "cron": "0 2 * * *", "match": {"method": "barman"}},
                          {"name": "weekly", "cron": "@weekly", "match": {"method": "pgbackrest"}, "suspend": True}]}


def remembered(directory):
    """A journal that knows of one event of each kind that panels ask for, hours ago."""
    path = directory / "journal"
    path.write_text("".join(json.dumps({"cluster": "orders", "event": {
        "kind": kind, "identity": kind, "from": "orders-2", "to": "orders-1", "timeline": 1, "lost_bytes": 0, "outage_us": 5_000_000,
        "serving_us": int(time.time() - 7200) * 1_000_000}}) + "\n" for kind in ("failover", "switchover", "designated")))
    return path


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The cluster and a Prometheus that has seen it for long enough."""
    directory = tmp_path_factory.mktemp("dashboards")
    with contextlib.ExitStack() as stack:
        tool = make_tool(stack.enter_context(server_directory()), stack)
        cluster = make_cluster(stack.enter_context(server_directory()), tool)
        stack.callback(cluster.stop)
        fill_archive(tool, cluster.primary)
        fill_segments(cluster.primary, 1)
        break_archive(tool, cluster.primary)
        for sql in ("BEGIN; LOCK TABLE locked", "SELECT * FROM locked"):
            session = Session(cluster.primary, sql)
            stack.callback(session.stop)
            granted = sql.startswith("BEGIN")
            wait_for("the lock is held, or waited for", lambda: cluster.primary.sql(
                f"SELECT count(*) FROM pg_locks WHERE relation = 'locked'::regclass AND granted = {granted}") == "1")  # pylint: disable=cell-var-from-loop
        failing = directory / "failing.yaml"
        failing.write_text("pg_failing: {sql: SELECT 1 / 0 AS never, columns: {never: {usage: gauge, description: Never}}}\n")
        secret = password_file(directory)
        down = [{"name": name, "dsn": f"host=127.0.0.1 port={free_port()} user=pgvigil dbname=postgres"} for name in ("dark-1", "dark-2")]
        config = directory / "pgvigil.yaml"
        config.write_text(json.dumps({"clusters": [{"name": "orders", "instances": instances(cluster.servers, secret), **archiving(tool, directory)},
                                                   {"name": "dark", "instances": down},
                                                   {"name": "alone", "instances": instances([cluster.primary], secret)}],
                                      "intervals": {"archive": "1s"}, "journal": str(remembered(directory)),
                                      "queries": [{"files": str(ROOT / "queries" / "*.yaml")}, {"files": str(failing)}]}))
        exporter = Exporter(directory, ["--config", str(config)])
        stack.callback(exporter.stop)
        exporter.wait_page("all follow", lambda page: len([value for _, value in page.all("pgvigil_replication_state", state="streaming") if value]) == 2)
        exporter.wait_page("WAL arrived", lambda page: page.get("pgvigil_archive_effective", archive="s3") == 1)
        prometheus = Prometheus(directory, exporter.port, rules=sorted((ROOT / "alerts" / "rules").glob("*.yaml")), quicken=True)
        stack.callback(prometheus.stop)
        wait_for("rates can be computed", lambda: prometheus.query("count_over_time(pgvigil_scrape_series[1m]) > 5"))
        wait_for("an alert fires for the cluster", lambda: prometheus.query('ALERTS{pg_cluster="orders",alertstate="firing"}'))
        yield cluster, prometheus, tool


@pytest.fixture
def prometheus(world):
    return world[1]


def concrete(expression, cluster):
    """As Grafana sends it for a cluster outside of Kubernetes: there the variable `namespace` has the value ''."""
    for name, value in (("$namespace", ""), ("$pg_cluster", cluster), ("$pg_instance", ".*"), ("$__rate_interval", "1m"), ("$__range", "1h")):
        expression = expression.replace(name, value)
    return expression


def ask(prometheus, expression, cluster="orders"):
    try:
        return prometheus.query(concrete(expression, cluster))
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{expression}: {error.read().decode()}") from error


@pytest.mark.parametrize("name", TARGETS)
def test_a_query_returns_data(prometheus, name):
    panel, target = TARGETS[name]
    answer = ask(prometheus, target["expr"])
    of_operator = any(f"{family}{{" in target["expr"] and matcher in target["expr"] for family, matcher in OPERATORS)
    assert answer or of_operator or panel["pgvigil"]["mayBeEmpty"].get(target["refId"]) in EMPTY, target["expr"]
    # What a legend names is there (shared objects have the empty `datname`), and tells the series apart.
    labels = re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])
    legends = [tuple(series["metric"].get(label, "") for label in labels) for series in answer]
    assert all(map(any, zip(*legends))), f"{target['legendFormat']}: {answer}"
    assert panel["type"] == "table" or len(set(legends)) == len(legends), f"{target['legendFormat']}: {answer}"


@pytest.mark.parametrize("name", JUDGED)
def test_one_level_of_a_judgement_answers_at_a_time(prometheus, name):
    found = [series["metric"].get("pg_instance", "orders") for target in JUDGED[name]["targets"] for series in ask(prometheus, target["expr"])]
    assert sorted(found) == (["orders-1", "orders-2", "orders-3"] if name.startswith("instance") else ["orders"])


@pytest.mark.parametrize("selector", sorted(SELECTORS - OPERATORS), ids="{0[0]}: {0[1]}".format)
def test_a_value_that_is_asked_for_is_one(prometheus, selector):
    """States are always there with 0 or 1, so that a wrong name of one is nowhere."""
    family, matcher = selector
    assert prometheus.query(f"{family}{{{matcher}}}")


def said(prometheus, cluster):
    """What the stats of the cluster's first row show: numbers below 0, which are mapped to words, as numbers; else the words."""
    found = {}
    for panel in FIRST_ROW:
        for target in panel["targets"]:
            for series in ask(prometheus, target["expr"], cluster):
                number, words = float(series["value"][1]), target["legendFormat"]
                for label, value in series["metric"].items():
                    words = words.replace("{{" + label + "}}", value)
                found.setdefault(panel["title"], set()).add(number if number < 0 or panel["title"] == "Primary" else words)
    return found


@pytest.mark.parametrize("cluster", SAID)
def test_the_first_row_says_what_is_so(prometheus, cluster):
    assert said(prometheus, cluster) == {title: {what} for title, what in SAID[cluster].items()}


@pytest.mark.parametrize("board", BOARDS)
def test_variables_find_what_there_is(prometheus, board):
    found = {}
    for variable in BOARDS[board]["templating"]["list"]:
        if variable["type"] != "query":
            continue
        query = variable["query"]["query"]
        values = re.fullmatch(r"label_values\((.*), (\w+)\)", query)
        if values:
            found[variable["name"]] = [series["metric"][values[2]] for series in ask(prometheus, f"group by ({values[2]}) ({values[1]})")]
            continue
        # As Grafana writes the series that query_result finds, and as the variable's regex takes a value out of each.
        labels = [series["metric"] for series in ask(prometheus, re.fullmatch(r"query_result\((.*)\)", query)[1])]
        pattern = re.compile(variable["regex"].strip("/"))
        for one in (*labels, {"namespace": "shop"}):
            text = "{" + ",".join(f'{key}="{value}"' for key, value in one.items()) + "} 1 1700000000000"
            found.setdefault(variable["name"], []).append(pattern.search(text)[1])
    assert found.pop("namespace") == ["", "shop"], "clusters without a namespace can be chosen beside those with one"
    assert sorted(found.pop("pg_cluster")) == sorted(SAID)
    assert sorted(found.pop("pg_instance", [])) == (["orders-1", "orders-2", "orders-3"] if board == "instance" else [])
    assert found == {}


def annotations(name):
    return [annotation["expr"] for content in BOARDS.values() for annotation in content["annotations"]["list"] if annotation["name"] == name]


def test_a_backup_is_annotated(world):
    cluster, prometheus, tool = world
    expression, = annotations("Backup done")
    steps = re.search(r"changes\((.*)\) > 0", expression)[1]  # of 15 s: one of them has to see the archive as it was
    wait_for("a step has seen the backup before", lambda: ask(prometheus, f"count_over_time({steps})"))
    tool.archive_by_copy()
    tool.backup(cluster.primary)
    wait_for("it is annotated", lambda: ask(prometheus, expression))


def test_a_promotion_is_annotated(world):
    """The last of all: it breaks the cluster."""
    cluster, prometheus, _ = world
    # The annotation looks at steps of 15 s: one of them has to see the cluster as it was.
    wait_for("a step has seen timeline 1", lambda: prometheus.query('max_over_time(pgvigil_timeline_id{pg_cluster="orders"}[2m:15s]) == 1'))
    cluster.standbys[0].promote()
    wait_for("the stat says two", lambda: said(prometheus, "orders")["Primary"] == {2})
    assert len(annotations("Primary changed")) == len(BOARDS)
    assert len(annotations("What happened")) == 1
    for expression in annotations("Primary changed") + annotations("What happened"):
        wait_for("it is annotated", lambda: ask(prometheus, expression))  # pylint: disable=cell-var-from-loop

"""The page as Prometheus sees it, and the commands as a person does."""

import gzip
import signal
import subprocess

import pytest

from exporter import ROOT, Page, password_file, run
from monitoring import Prometheus
from postgres import PASSWORD, wait_for


@pytest.fixture(scope="module")
def exporter(cluster, tmp_path_factory):
    from exporter import Exporter
    directory = tmp_path_factory.mktemp("page")
    arguments = []
    for server in cluster.servers:
        arguments += ["--dsn", server.dsn()]
    made = Exporter(directory, [*arguments, "--cluster", "orders", "--password-file", str(password_file(directory))])
    made.wait_page("all answer", lambda page: page.get("pgvigil_cluster_instances", state="ready") == 3)
    yield made
    made.stop()


def test_promtool_finds_nothing_to_say(exporter):
    page = exporter.page().text
    checked = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True, check=False)
    complaints = [line for line in (checked.stdout + checked.stderr).splitlines() if line]
    assert complaints == []


def test_a_healthy_cluster_says_so(exporter, cluster):
    page = exporter.page()
    assert [value for _, value in page.all("pg_up")] == [1, 1, 1]
    assert all(value == 1 for _, value in page.all("pgvigil_query_success"))
    assert page.get("pgvigil_cluster_primaries") == 1
    assert page.get("pgvigil_rpo_bytes", loss="primary") == 0
    standby = f"127.0.0.1:{cluster.standbys[0].port}"
    states = {labels["state"]: value for labels, value in page.all("pgvigil_replication_state", pg_instance=standby)}
    assert states == {"streaming": 1, "catching_up": 0, "archive_recovery": 0, "paused": 0, "disconnected": 0, "diverged": 0}
    assert page.get("pgvigil_objective_rpo_seconds", loss="primary") == 30


def test_families_are_contiguous_and_described_once(exporter):
    described = [line.split()[2] for line in exporter.page().text.splitlines() if line.startswith("# TYPE ")]
    assert len(described) == len(set(described))


def test_the_page_is_compressed_for_those_who_take_it(exporter):
    status, headers, body = exporter.request(headers={"Accept-Encoding": "gzip"})
    assert (status, headers["Content-Encoding"], headers["Content-Type"]) == (200, "gzip", "text/plain; version=0.0.4; charset=utf-8")
    assert Page(gzip.decompress(body).decode()).get("pgvigil_cluster_primaries") == 1


def test_filters_choose_clusters_targets_and_queries(exporter, cluster):
    primary = f"127.0.0.1:{cluster.primary.port}"
    page = exporter.page(f"/metrics?target={primary}&collect[]=pg_postmaster&cluster=orders")
    assert len(page.all("pg_up")) == 1
    assert page.get("pg_postmaster_start_timestamp_seconds", pg_instance=primary) > 0
    assert page.all("pg_stat_database_commits_total") == []
    for wrong in ("cluster=x", "target=x", "collect[]=x"):
        status, _, body = exporter.request(f"/metrics?{wrong}")
        assert status == 400 and b"there are:" in body


def test_prometheus_scrapes_it_and_every_shipped_rule_is_healthy(exporter, tmp_path):
    prometheus = Prometheus(tmp_path, exporter.port, rules=sorted((ROOT / "alerts" / "rules").glob("*.yaml")))
    try:
        wait_for("it is scraped", lambda: prometheus.query("pgvigil_cluster_primaries == 1"))
        wait_for("the watchdog fires", lambda: prometheus.query('ALERTS{alertname="PgWatchdog",alertstate="firing"}'))
        import json
        import urllib.request
        with urllib.request.urlopen(f"http://127.0.0.1:{prometheus.port}/api/v1/rules") as response:
            rules = [rule for group in json.load(response)["data"]["groups"] for rule in group["rules"]]
        assert len(rules) > 20
        assert [rule["name"] for rule in rules if rule["health"] != "ok"] == []
        firing = [alert["metric"]["alertname"] for alert in prometheus.query('ALERTS{alertstate="firing",alertname!="PgWatchdog"}')]
        assert firing == []
    finally:
        prometheus.stop()


def test_scrape_writes_a_page_and_exits_1_if_a_target_is_down(cluster, tmp_path):
    secret = str(password_file(tmp_path))
    good = run("scrape", "--dsn", cluster.primary.dsn(), "--password-file", secret, "--collect", "pg_postmaster")
    assert good.returncode == 0 and Page(good.stdout).get("pg_up") == 1
    down = run("scrape", "--dsn", "host=127.0.0.1 port=1 user=x", "--password-file", secret)
    assert down.returncode == 1 and Page(down.stdout).get("pg_up") == 0
    wrong = run("scrape", "--dsn", cluster.primary.dsn(), "--password-file", secret, "--target", "x")
    assert wrong.returncode == 2 and "there are:" in wrong.stderr


def test_check_says_everything_at_once(tmp_path):
    config, web, queries = tmp_path / "c.yaml", tmp_path / "web.yaml", tmp_path / "q.yaml"
    config.write_text("listn: 1\nlisten: nonsense\nlisten: ':1'\nclusters: [{name: a, instances: [{name: b}]}]\n"
                      "web: {config_file: web.yaml}\nqueries: [{files: q.yaml, enable: [x]}, {files: /nope/*.yaml}]\n")
    web.write_text("basic_auth_users: [a]\n")
    queries.write_text("q: {sql: SELECT 1}\n")
    checked = run("check", "--config", str(config))
    assert checked.returncode == 1
    for said in (f'{config}:1:1: listn: unknown key; did you mean "listen"?',
                 f"{config}:2:9: listen: expected an address",
                 f"{config}:3:1: listen: duplicate key",
                 "clusters[0].instances[0].dsn: missing",
                 f"{web}:1:19: basic_auth_users: expected a map to text",
                 f"{queries}:1:4: q.columns: missing",
                 f"{config}:6:36: queries[0].enable[0]: no query of these files is named \"x\"",
                 f"{config}:6:49: queries[1].files: no query file matches /nope/*.yaml"):
        assert said in checked.stdout
    assert checked.stdout.splitlines()[-1] == "0 queries, 8 problems"


def test_serve_refuses_query_files_that_are_missing_or_no_yaml(tmp_path):
    broken = tmp_path / "q.yaml"
    broken.write_text("a: [")
    for files in ("/nope/*", str(broken)):
        refused = run("serve", "--dsn", "host=127.0.0.1 port=1", "--listen", "127.0.0.1:0", "--queries", files)
        assert refused.returncode == 2 and files in refused.stderr


CHECKED = """
good: {sql: "SELECT 7 AS v, 'x' AS l UNION ALL SELECT 8, 'y'", columns: {v: {usage: gauge}, l: {usage: label}}}
setting: {sql: SHOW max_connections, columns: {max_connections: {usage: gauge}}}
missing: {sql: SELECT 1 AS x, columns: {v: {usage: gauge}}}
words: {sql: "SELECT 'abc' AS v", columns: {v: {usage: gauge}}}
twice: {sql: "SELECT 1 AS v UNION ALL SELECT 2", columns: {v: {usage: gauge}}}
writes: {sql: "WITH d AS (DELETE FROM pg_description RETURNING 1) SELECT count(*) AS v FROM d", columns: {v: {usage: gauge}}}
each: {sql: "SELECT 1 AS v, current_database() AS d", scope: database, columns: {v: {usage: gauge}, d: {usage: label}}}
other: {sql: SELECT 1 AS v, role: standby, columns: {v: {usage: gauge}}}
off: {sql: SELECT 1 AS v, enabled: false, columns: {v: {usage: gauge}}}
"""


def test_check_runs_queries_on_a_server_and_says_what_they_emit(cluster, tmp_path):
    queries = tmp_path / "q.yaml"
    queries.write_text(CHECKED)
    checked = run("check", "--server", cluster.primary.dsn(user="postgres"), str(queries))
    assert checked.returncode == 1
    for said in ("primary, database \"postgres\"\n", "good: 2 rows in", 'gauge good_v{l="x"} 7 and 1 more series\n',
                 "gauge setting_max_connections 1", 'column "v" is declared and not returned', 'column "x" is returned and not declared',
                 'PROBLEM: 1 values are dropped: column "v": expected a number, found "abc"',
                 "PROBLEM: 1 rows are dropped: others have the same labels",
                 "writes: FAILED 25006 cannot execute SELECT in a read-only transaction",
                 'in database "postgres" alone: serving runs it in each of * !template*',
                 "other: not run: for standbys, and this is a primary", "off: 1 rows in"):
        assert said in checked.stdout
    assert checked.stdout.splitlines()[-1] == "9 queries, 5 problems"
    good = tmp_path / "good.yaml"
    good.write_text(CHECKED.splitlines()[1])
    fine = run("check", "--server", cluster.primary.dsn(), "--password-file", str(password_file(tmp_path)), str(good))
    assert (fine.returncode, fine.stdout.splitlines()[-1]) == (0, "1 queries, 0 problems")
    down = run("check", "--server", "host=127.0.0.1 port=1", str(good))
    assert down.returncode == 1 and "127.0.0.1:1: does not answer: " in down.stdout


def test_bad_usage_exits_2_and_names_what_is_wrong():
    for arguments, said in ((["serve", "--no-such-flag"], "--no-such-flag"), (["serv"], 'unknown command "serv"'),
                            (["serve", "--dsn", "host=a password=x"], "--dsn: holds a secret"), (["serve", "--config", ""], "--config"),
                            (["serve", "--dsn", ""], "--dsn"), (["serve", "--dsn", "host=a", "--cluster", ""], "--cluster"),
                            (["serve", "--listen", "nonsense", "--dsn", "host=a"], "--listen: expected an address"),
                            (["serve", "--password-file", "/nope", "--dsn", "host=a"], "--password-file: cannot read /nope"),
                            (["serve", "--log.level", "loud"], "--log.level"), (["check", "--server", "host=a password=x"], "--server: holds")):
        refused = run(*arguments)
        assert refused.returncode == 2 and said in refused.stderr, (arguments, refused)


def test_help_shows_examples_defaults_exit_codes_and_the_environment():
    for command in ([], ["serve"], ["scrape"], ["check"]):
        shown = run(*command, "--help")
        assert shown.returncode == 0 and "Examples:" in shown.stdout
        assert not command or "Exit status: 0" in shown.stdout
    assert "(default :9187)" in run("serve", "--help").stdout and "DATA_SOURCE_NAME" in run("serve", "--help").stdout
    assert "for --server" in run("check", "--help").stdout


def test_scrape_chooses_a_cluster(cluster, tmp_path):
    secret = password_file(tmp_path)
    config = tmp_path / "c.yaml"
    one = "{name: %s, instances: [{name: %s, dsn: '%s', password_file: %s}]}"
    config.write_text("clusters: [" + ",".join(one % (name, f"{name}-1", server.dsn(), secret)
                                               for name, server in zip(("a", "b"), cluster.servers)) + "]\n")
    page = Page(run("scrape", "--config", str(config), "--cluster", "b").stdout)
    assert [labels["pg_instance"] for labels, _ in page.all("pg_up")] == ["b-1"]


def test_a_port_that_is_taken_is_said_to_be(exporter):
    taken = f"127.0.0.1:{exporter.port}"
    refused = run("serve", "--dsn", "host=127.0.0.1 port=1", "--listen", taken)
    assert refused.returncode == 2 and f"subject={taken}" in refused.stderr and "Address already in use" in refused.stderr
    assert 'msg="pgvigil serves"' in exporter.log() and "address=127.0.0.1:0" in exporter.log() and "config=none" in exporter.log()


def test_sighup_before_the_first_scrape_is_harmless(cluster, start_exporter, tmp_path):
    exporter = start_exporter(None, "--dsn", cluster.primary.dsn(), "--password-file", str(password_file(tmp_path)))
    exporter.process.send_signal(signal.SIGHUP)
    exporter.wait_page("it answers", lambda page: page.get("pg_up") == 1)


def test_tls_to_the_server_is_verified_and_client_certificates_work(own_cluster, start_exporter, tmp_path):
    cluster = own_cluster(standbys=0)
    make = ROOT / "tests" / "integration" / "make_certificates.sh"
    subprocess.run([str(make), str(cluster.directory)], check=True, capture_output=True)
    cluster.primary.sql("CREATE ROLE bycert LOGIN IN ROLE pg_monitor")
    cluster.primary.write("pg_hba.conf", "host all postgres 127.0.0.1/32 trust\nhostssl all bycert 127.0.0.1/32 cert\n"
                                         "hostssl all all 127.0.0.1/32 scram-sha-256\n")
    for name in ("server.crt", "server.key"):
        cluster.primary.write(name, (cluster.directory / name).read_text())
    (cluster.primary.data / "server.key").chmod(0o600)
    cluster.primary.configure({"ssl": "on", "ssl_cert_file": "server.crt", "ssl_key_file": "server.key",
                               "ssl_ca_file": str(cluster.directory / "ca.crt")})
    cluster.primary.stop()
    cluster.primary.start()
    ca = cluster.directory / "ca.crt"
    secret = str(password_file(tmp_path, PASSWORD))

    def up(dsn, *more):
        exporter = start_exporter(None, "--dsn", dsn, *more)
        wait_for("it was tried", lambda: "instance answers" in exporter.log() or "does not answer" in exporter.log())
        return exporter.page().get("pg_up"), exporter.log()

    good = f"host=localhost hostaddr=127.0.0.1 port={cluster.primary.port} dbname=postgres sslrootcert={ca}"
    assert up(f"{good} user=pgvigil sslmode=verify-full", "--password-file", secret)[0] == 1
    wrong_name = good.replace("host=localhost", "host=elsewhere")
    assert up(f"{wrong_name} user=pgvigil sslmode=verify-ca", "--password-file", secret)[0] == 1
    answer, log = up(f"{wrong_name} user=pgvigil sslmode=verify-full", "--password-file", secret)
    assert answer == 0 and "elsewhere" in log
    client = f"sslcert={cluster.directory}/bycert.crt sslkey={cluster.directory}/bycert.key"
    assert up(f"{good} user=bycert sslmode=verify-full {client}")[0] == 1

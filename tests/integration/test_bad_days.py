"""Bad days: whatever happens to a server, the page answers, says what is so, and everything else stays on it."""

import concurrent.futures
import json
import os
import signal
import socket
import subprocess
import threading
import urllib.parse

import pytest

from exporter import instances, password_file
from exporter import run as pgvigil
from postgres import PASSWORD, client, run, wait_for

SIMPLE = {"pg_probe": {"sql": "SELECT 1 AS one", "columns": {"one": {"usage": "gauge", "description": "One"}}}}


def gauge(sql, column="value", **more):
    return {"sql": sql, "columns": {column: {"usage": "gauge", "description": "A number"}}, **more}


def family(server):
    """Every process of a server: SIGSTOP on the postmaster alone leaves its backends answering."""
    children = run(["ps", "-o", "pid=", "--ppid", str(server.process.pid)]).split()
    return [server.process.pid, *(int(pid) for pid in children)]


def sessions(server):
    return int(server.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgvigil'"))


def test_a_server_that_is_down_at_start_is_taken_up_when_it_comes(own_cluster, watch):
    cluster = own_cluster(standbys=0)
    cluster.primary.stop()
    exporter = watch(cluster, SIMPLE)
    page = exporter.page()
    assert page.get("pg_up", pg_instance="orders-1") == 0
    assert page.get("pgvigil_cluster_info", pg_cluster="orders") == 1
    assert page.get("pgvigil_cluster_primaries") is None, "nobody answered: the number of primaries is not known"
    cluster.primary.start()
    exporter.wait_page("it answers", lambda page: page.get("pg_up", pg_instance="orders-1") == 1)
    exporter.wait_page("it is primary", lambda page: page.get("pgvigil_cluster_primaries") == 1)


def test_a_killed_server_is_down_and_the_rest_stays(own_cluster, watch):
    cluster = own_cluster(standbys=1)
    exporter = watch(cluster, SIMPLE)
    exporter.wait_page("both answer", lambda page: page.get("pgvigil_cluster_instances", state="ready") == 2)
    for pid in family(cluster.primary):
        os.kill(pid, signal.SIGKILL)
    cluster.primary.process.wait()
    page = exporter.wait_page("it is seen down", lambda page: page.get("pg_up", pg_instance="orders-1") == 0)
    assert page.get("pg_up", pg_instance="orders-2") == 1
    assert page.get("pg_probe_one", pg_instance="orders-2") == 1
    assert page.get("pg_probe_one", pg_instance="orders-1") is None
    exporter.wait_page("the standby lost its sender", lambda page: page.get("pgvigil_replication_state", state="disconnected") == 1)


def test_a_killed_backend_costs_one_scrape_at_most(own_cluster, watch):
    cluster = own_cluster(standbys=0)
    exporter = watch(cluster, SIMPLE)
    exporter.wait_page("it answers", lambda page: page.get("pg_probe_one") == 1)
    own = "SELECT pid FROM pg_stat_activity WHERE application_name = 'pgvigil'"
    pids = cluster.primary.sql(own).split()
    os.kill(int(pids[0]), signal.SIGKILL)  # the server reinitialises and ends all sessions
    wait_for("it has reinitialised", lambda: cluster.primary.accepts() and not set(pids) & set(cluster.primary.sql(own).split()))
    page = exporter.page()
    assert page.get("pg_up") == 1 and page.get("pg_probe_one") == 1, "the first scrape behind it finds no stale session"
    exporter.wait_page("the observer is back", lambda page: page.get("pgvigil_source_up") == 1)


def test_a_stopped_server_does_not_hold_the_page(own_cluster, watch):
    cluster = own_cluster(standbys=1)
    exporter = watch(cluster, SIMPLE)
    exporter.wait_page("both answer", lambda page: page.get("pgvigil_cluster_instances", state="ready") == 2)
    stopped = family(cluster.primary)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        for _ in range(3):
            page = exporter.page(timeout=3)
            assert page.get("pg_up", pg_instance="orders-1") == 0
            assert page.get("pg_probe_one", pg_instance="orders-2") == 1
        assert exporter.request("/-/healthy")[0] == 200
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    exporter.wait_page("it answers again", lambda page: page.get("pg_up", pg_instance="orders-1") == 1)
    wait_for("no session is left behind", lambda: sessions(cluster.primary) <= 3)


def test_a_promotion_changes_role_and_timeline_and_the_queries_that_apply(own_cluster, watch):
    cluster = own_cluster(standbys=1)
    queries = {"pg_on_primary": gauge("SELECT 1 AS value", role="primary"), "pg_on_standby": gauge("SELECT 1 AS value", role="standby")}
    exporter = watch(cluster, queries)
    page = exporter.wait_page("both answer", lambda page: page.get("pgvigil_cluster_instances", state="ready") == 2)
    assert page.get("pg_on_standby_value", pg_instance="orders-2") == 1
    cluster.primary.stop(signal.SIGQUIT)
    cluster.standbys[0].promote()
    page = exporter.page()
    assert page.get("pg_on_primary_value", pg_instance="orders-2") == 1, "the very next page asks what a primary is asked"
    assert page.get("pg_on_standby_value", pg_instance="orders-2") is None
    page = exporter.wait_page("it is seen as primary", lambda page: page.get("pgvigil_instance_role", pg_instance="orders-2", role="primary") == 1)
    assert page.get("pgvigil_timeline_id", pg_instance="orders-2") == 2
    assert page.get("pgvigil_cluster_primaries") == 1


def test_two_primaries_are_counted(own_cluster, watch):
    cluster = own_cluster(standbys=1)
    exporter = watch(cluster, SIMPLE)
    cluster.standbys[0].promote()
    exporter.wait_page("two primaries", lambda page: page.get("pgvigil_cluster_primaries") == 2)


def test_a_diverged_standby_is_named_and_has_no_lag(own_cluster, watch):
    cluster = own_cluster(standbys=2)
    exporter = watch(cluster, SIMPLE)
    exporter.wait_page("all answer", lambda page: page.get("pgvigil_cluster_instances", state="ready") == 3)
    # The second standby gets WAL that the first one never sees, and the first one becomes primary.
    cluster.standbys[0].sql("ALTER SYSTEM SET primary_conninfo = ''")
    cluster.standbys[0].sql("SELECT pg_reload_conf()")
    wait_for("its receiver ends", lambda: cluster.standbys[0].sql("SELECT count(*) FROM pg_stat_wal_receiver") == "0")
    cluster.primary.sql("CREATE TABLE extra AS SELECT generate_series(1, 10000)")
    wait_for("the second has it", lambda: cluster.standbys[1].sql("SELECT to_regclass('extra') IS NOT NULL") == "t")
    cluster.primary.stop(signal.SIGQUIT)
    cluster.standbys[0].promote()
    page = exporter.wait_page("it is seen", lambda page: page.get("pgvigil_replication_state", pg_instance="orders-3", state="diverged") == 1)
    assert page.all("pgvigil_replication_lag_bytes", pg_instance="orders-3") == []


def test_a_paused_standby_lags_in_replay_and_not_in_what_it_received(own_cluster, watch):
    cluster = own_cluster(standbys=1)
    exporter = watch(cluster, SIMPLE, intervals={"observe_standby": "1s"})
    cluster.standbys[0].sql("SELECT pg_wal_replay_pause()")
    cluster.primary.sql("CREATE TABLE later AS SELECT generate_series(1, 10000)")
    page = exporter.wait_page("replay lags", lambda page: (page.get("pgvigil_replication_lag_bytes", position="replayed") or 0) > 100_000
                              and page.get("pgvigil_replication_lag_bytes", position="received") == 0)
    assert page.get("pgvigil_replication_state", state="paused") == 1
    assert page.get("pgvigil_rpo_bytes", loss="primary") == 0, "its WAL is safe"


def test_a_missing_synchronous_standby_blocks_commits_and_is_counted(own_cluster, watch):
    cluster = own_cluster(standbys=1)
    cluster.primary.sql("ALTER SYSTEM SET synchronous_standby_names = 'FIRST 2 (\"orders-2\", other)'")
    cluster.primary.sql("SELECT pg_reload_conf()")
    exporter = watch(cluster, SIMPLE)
    page = exporter.wait_page("they are counted", lambda page: page.get("pgvigil_sync_standbys", state="streaming") == 1)
    assert page.get("pgvigil_sync_standbys", state="required") == 2
    writer = threading.Thread(target=lambda: cluster.primary.sql("CREATE TABLE waits(i int)"))
    writer.start()
    exporter.wait_page("a commit waits", lambda page: page.get("pgvigil_sync_waiters") == 1)
    cluster.primary.sql("ALTER SYSTEM SET synchronous_standby_names = ''")
    cluster.primary.sql("SELECT pg_reload_conf()")
    writer.join()


def test_a_wrong_password_is_said_and_a_rotated_one_taken_up(own_cluster, start_exporter, tmp_path):
    cluster = own_cluster(standbys=0)
    secret = password_file(tmp_path, "wrong")
    exporter = start_exporter({"clusters": [{"name": "orders", "instances": instances(cluster.servers, secret)}]})
    assert exporter.page().get("pg_up") == 0
    wait_for("the log says why", lambda: "code=28P01" in exporter.log())
    secret.write_text(PASSWORD)
    exporter.wait_page("it answers", lambda page: page.get("pg_up") == 1)
    cluster.primary.sql("ALTER ROLE pgvigil PASSWORD 'another'")
    secret.write_text("another")
    cluster.primary.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgvigil'")
    exporter.wait_page("it answers with the new one", lambda page: page.get("pg_up") == 1 and page.get("pgvigil_source_up") == 1)


def test_a_missing_grant_costs_that_query_alone(cluster, watch):
    queries = {**SIMPLE, "pg_secret": gauge("SELECT count(*) AS value FROM pg_catalog.pg_authid")}
    page = watch(cluster, queries).page()
    assert page.get("pgvigil_query_success", query="pg_secret", pg_instance="orders-1") == 0
    assert page.get("pgvigil_query_failures_total", query="pg_secret", pg_instance="orders-1", reason="permission") == 1
    assert page.get("pg_probe_one", pg_instance="orders-1") == 1
    assert page.get("pg_up", pg_instance="orders-1") == 1


def test_a_locked_catalog_costs_its_readers_and_nothing_else_during_100_scrapes(own_cluster, watch):
    cluster = own_cluster(standbys=0)
    queries = {**SIMPLE, "pg_locked": gauge("SELECT count(*) AS value FROM pg_catalog.pg_publication")}
    exporter = watch(cluster, queries)
    assert exporter.page().get("pg_locked_value") is not None
    with subprocess.Popen([client("psql"), "-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-p", str(cluster.primary.port), "-U", "postgres",
                           "-d", "postgres"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as locker:
        locker.stdin.write("BEGIN; LOCK TABLE pg_catalog.pg_publication; SELECT 'locked';\n")
        locker.stdin.flush()
        assert locker.stdout.readline().strip() == "locked"
        most = 0
        for _ in range(100):
            page = exporter.page(timeout=5)
            assert page.get("pg_probe_one") == 1
            assert page.get("pg_locked_value") is None
            most = max(most, sessions(cluster.primary))
        assert most <= 3
        assert page.get("pgvigil_query_failures_total", query="pg_locked", reason="timeout") >= 3
        assert "left out for a while" in exporter.log()
        locker.communicate("ROLLBACK;\n")
    exporter.wait_page("the query is back", lambda page: page.get("pg_locked_value") is not None)


def test_ddl_under_a_prepared_statement_is_prepared_anew(own_cluster, watch):
    cluster = own_cluster(standbys=0)
    cluster.primary.sql("CREATE TABLE t(value int); INSERT INTO t VALUES (1); GRANT SELECT ON t TO pgvigil")
    exporter = watch(cluster, {"pg_t": gauge("SELECT * FROM public.t")})
    assert exporter.page().get("pg_t_value") == 1
    cluster.primary.sql("ALTER TABLE t ALTER COLUMN value TYPE bigint")
    page = exporter.page()
    assert page.get("pg_t_value") == 1
    assert page.all("pgvigil_query_failures_total") == []
    cluster.primary.sql("DROP TABLE t; CREATE TABLE t(value int); INSERT INTO t VALUES (2); GRANT SELECT ON t TO pgvigil")
    exporter.wait_page("the recreated table is read", lambda page: page.get("pg_t_value") == 2)


def test_odd_values_cost_themselves_alone(cluster, watch):
    queries = {"pg_odd": {
        "sql": "SELECT * FROM (VALUES ('null', NULL::text), ('nan', 'NaN'), ('inf', 'Infinity'), ('text', 'abc'), ('day', '1 day'),"
               " ('twice', '1'), ('twice', '2'), (E'quote\" back\\\\ newline\\n', '3')) AS v(kind, value)",
        "columns": {"kind": {"usage": "label"}, "value": {"usage": "gauge", "description": "Odd \\ and\nbroken"}}},
        **SIMPLE}
    exporter = watch(cluster, queries)
    page = exporter.page("/metrics?target=orders-1")
    values = {labels["kind"]: value for labels, value in page.all("pg_odd_value")}
    assert values.pop("nan") != values.get("nan")  # NaN is not equal to itself
    assert values == {"inf": float("inf"), "twice": 1, 'quote" back\\ newline\n': 3}
    assert page.get("pgvigil_samples_dropped_total", reason="value") == 2
    assert page.get("pgvigil_samples_dropped_total", reason="duplicate") == 1
    assert "# HELP pg_odd_value Odd \\\\ and\\nbroken\n" in page.text
    assert page.get("pg_probe_one") == 1


def test_bytes_that_are_no_text_cost_their_query_alone(own_cluster, start_exporter, tmp_path):
    cluster = own_cluster(standbys=0)
    cluster.primary.sql("CREATE DATABASE bytes ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    queries = tmp_path / "queries.yaml"
    # Of a database without an encoding the server checks what it sends to a client that wants UTF-8.
    queries.write_text(json.dumps({**SIMPLE, "pg_bytes": {"sql": "SELECT E'a\\xFFb' AS name, 1 AS value", "columns": {
        "name": {"usage": "label"}, "value": {"usage": "gauge", "description": "One"}}}}))
    exporter = start_exporter(None, "--dsn", cluster.primary.dsn(dbname="bytes"), "--password-file", str(password_file(tmp_path)),
                              "--queries", str(queries))
    page = exporter.wait_page("it answers", lambda page: page.get("pg_probe_one") == 1)
    assert page.get("pgvigil_query_success", query="pg_bytes") == 0
    assert "code=22021" in exporter.log()


def test_a_hundred_thousand_rows_are_cut_at_the_limit_and_counted(cluster, watch):
    many = {"sql": "SELECT g::text AS row, g AS value FROM generate_series(1, 100000) AS g",
            "columns": {"row": {"usage": "label"}, "value": {"usage": "gauge", "description": "x"}}}
    page = watch(cluster, {"pg_cut": many, "pg_whole": {**many, "max_series": 100_000}}).page("/metrics?target=orders-1")
    assert len(page.all("pg_cut_value")) == 2000
    assert len(page.all("pg_whole_value")) == 100_000
    assert page.get("pgvigil_samples_dropped_total", reason="series_limit") == 98_000
    assert page.get("pgvigil_query_rows", query="pg_cut") == 100_000


def test_a_scrape_joins_the_run_that_is_in_flight(own_cluster, watch):
    cluster = own_cluster(standbys=0, settings={"track_functions": "all"})
    cluster.primary.sql("CREATE FUNCTION slow() RETURNS int LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(1.5); RETURN 1; END'")
    exporter = watch(cluster, {"pg_slow": gauge("SELECT public.slow() AS value")})
    exporter.wait_page("it answers", lambda page: page.get("pg_slow_value") == 1)
    calls = "SELECT calls FROM pg_stat_user_functions WHERE funcname = 'slow'"
    before = wait_for("calls are counted", lambda: cluster.primary.sql(calls))
    running = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgvigil' AND wait_event = 'PgSleep'"
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        first = pool.submit(exporter.page)
        wait_for("the query runs", lambda: cluster.primary.sql(running) == "1")
        others = [pool.submit(exporter.page) for _ in range(9)]
        texts = {answer.result().text for answer in [first, *others]}
    assert len(texts) == 1, "all of them got the one page"
    wait_for("it was called once more", lambda: int(cluster.primary.sql(calls)) == int(before) + 1)


def test_fifty_silent_servers_leave_the_other_fifty_on_the_page(cluster, start_exporter, tmp_path):
    silent = socket.socket()
    silent.bind(("127.0.0.1", 0))
    silent.listen(200)  # the kernel accepts; nobody ever says a word
    secret = password_file(tmp_path)
    many = [{"name": f"live-{i}", "dsn": cluster.servers[i % 3].dsn(application_name=f"live-{i}"), "password_file": str(secret)} for i in range(50)]
    many += [{"name": f"silent-{i}", "dsn": f"host=127.0.0.1 port={silent.getsockname()[1]} user=pgvigil application_name=silent-{i}",
              "password_file": str(secret)}
             for i in range(50)]
    exporter = start_exporter({"clusters": [{"name": "fleet", "instances": many}]})
    page = exporter.page(timeout=4)
    up = {labels["pg_instance"]: value for labels, value in page.all("pg_up")}
    assert {name for name, value in up.items() if value == 1} == {f"live-{i}" for i in range(50)}
    assert len(up) == 100
    silent.close()


def test_sigterm_answers_what_is_in_flight_and_exits_0(cluster, watch):
    exporter = watch(cluster, {"pg_slow": gauge("SELECT 1 AS value FROM pg_sleep(1.5)")})
    exporter.wait_page("all answer", lambda page: page.get("pg_slow_value", pg_instance="orders-1") == 1)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(exporter.page)
        wait_for("the query runs", lambda: cluster.primary.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgvigil' AND wait_event = 'PgSleep'") == "1")
        assert exporter.stop() == 0
        assert answer.result().get("pg_slow_value", pg_instance="orders-1") == 1


def test_sigterm_answers_who_waits_for_a_silent_server_longer_than_a_stop_may_take(own_cluster, watch):
    cluster = own_cluster(standbys=0)
    exporter = watch(cluster, SIMPLE, limits={"scrape_timeout": "60s"})
    exporter.wait_page("it answers", lambda page: page.get("pg_up") == 1)
    for pid in family(cluster.primary):
        os.kill(pid, signal.SIGSTOP)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(exporter.page, timeout=60)
        wait_for("it is silent", lambda: "instance does not answer" in exporter.log())
        assert exporter.stop() == 0
        assert answer.result().get("pg_up") == 0
    for pid in family(cluster.primary):
        os.kill(pid, signal.SIGCONT)


def test_a_reload_takes_up_a_good_file_and_keeps_the_old_one_for_a_bad(cluster, watch, tmp_path):
    exporter = watch(cluster, SIMPLE)
    queries = tmp_path / "queries.yaml"
    assert exporter.page().get("pg_probe_one", pg_instance="orders-1") == 1
    queries.write_text("pg_probe: {sql: SELECT 1 AS two, columns: {two: {usage: gauge}}}")
    exporter.reload()
    page = exporter.wait_page("the new query", lambda page: page.get("pg_probe_two", pg_instance="orders-1") == 1)
    assert page.get("pg_probe_one", pg_instance="orders-1") is None
    assert page.get("pgvigil_config_last_reload_successful") == 1
    queries.write_text("pg_probe: {sql: SELECT 1 AS two, columns: {two: {usage: gaug}}}")
    exporter.reload()
    page = exporter.wait_page("it is refused", lambda page: page.get("pgvigil_config_last_reload_successful") == 0)
    assert page.get("pg_probe_two", pg_instance="orders-1") == 1
    assert "queries.yaml:1:" in exporter.log()


def test_a_reload_in_the_middle_of_a_scrape_loses_nothing(cluster, watch, tmp_path):
    exporter = watch(cluster, {"pg_slow": gauge("SELECT 1 AS value FROM pg_sleep(1)")})
    exporter.wait_page("all answer", lambda page: page.get("pg_slow_value", pg_instance="orders-1") == 1)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(exporter.page)
        wait_for("the query runs", lambda: cluster.primary.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgvigil' AND wait_event = 'PgSleep'") == "1")
        (tmp_path / "queries.yaml").write_text("pg_probe: {sql: SELECT 1 AS two, columns: {two: {usage: gauge}}}")
        exporter.reload()
        assert answer.result().get("pg_slow_value", pg_instance="orders-1") == 1, "it finishes with what it began with"
    page = exporter.wait_page("the new query", lambda page: page.get("pg_probe_two", pg_instance="orders-1") == 1)
    assert page.all("pg_slow_value") == []


def test_a_server_of_another_cluster_is_no_member(own_cluster, start_exporter, tmp_path):
    cluster = own_cluster(standbys=1)
    stranger = own_cluster(standbys=0, name="stranger")
    exporter = start_exporter({"clusters": [{"name": "orders", "instances": instances(cluster.servers + stranger.servers, password_file(tmp_path))}]})
    page = exporter.wait_page("it is noticed", lambda page: page.get("pgvigil_source_up", pg_instance="stranger-1") == 0)
    assert page.get("pgvigil_cluster_primaries") == 1


@pytest.mark.parametrize("where", ["log", "page", "error", "config", "processes"])
def test_the_password_is_seen_nowhere(cluster, watch, where):
    exporter = watch(cluster, {**SIMPLE, "pg_bad": gauge("SELECT nothing AS value")}, log={"level": "debug"})
    texts = {"page": exporter.page().text, "error": exporter.request("/metrics?target=nobody")[2].decode(),
             "config": exporter.request("/config")[2].decode(), "processes": run(["ps", "-eo", "args"]), "log": exporter.log()}
    assert PASSWORD not in texts[where]


def environments(cluster):
    """What people put a password into, beside a file."""
    quoted = urllib.parse.quote(PASSWORD)
    uris = [f"postgresql://pgvigil:{quoted}@127.0.0.1:{server.port}/postgres" for server in cluster.servers]
    port = cluster.primary.port
    return {"uri": {"DATA_SOURCE_NAME": uris[0]}, "list of uris": {"DATA_SOURCE_NAME": ",".join(uris)},
            "words": {"DATA_SOURCE_NAME": f"{cluster.primary.dsn()} password='{PASSWORD}'"},
            "beside": {"DATA_SOURCE_URI": f"127.0.0.1:{port}/postgres", "DATA_SOURCE_USER": "pgvigil", "DATA_SOURCE_PASS": PASSWORD},
            "libpq": {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "pgvigil", "PGDATABASE": "postgres", "PGPASSWORD": PASSWORD}}


@pytest.mark.parametrize("form", ["uri", "list of uris", "words", "beside", "libpq"])
def test_a_password_of_the_environment_is_seen_nowhere(cluster, start_exporter, form):
    exporter = start_exporter(None, "--log.level", "debug", environment=environments(cluster)[form])
    servers = len(cluster.servers) if form == "list of uris" else 1
    exporter.wait_page("all answer", lambda page: [value for _, value in page.all("pg_up")] == [1] * servers)
    texts = [exporter.page().text, exporter.request("/metrics?target=nobody")[2].decode(), exporter.request("/")[2].decode(),
             exporter.request("/config")[2].decode(), run(["ps", "-eo", "args"]), exporter.log()]
    for text in texts:
        assert PASSWORD not in text and urllib.parse.quote(PASSWORD) not in text


@pytest.mark.parametrize("name", ["postgresql://u:hun/ter2@h/db", "postgresql://u:x@hunter2@h/db", "host=h user=u hunter2",
                                  "postgresql://u@h/db;postgresql://u:hunter2@h/db", "host=h password=hunter2 sslmode=maybe"])
def test_a_password_in_a_string_that_is_wrong_is_not_repeated(name):
    for refused in (pgvigil("serve", env={**os.environ, "DATA_SOURCE_NAME": name}), pgvigil("serve", "--dsn", name),
                    pgvigil("check", "--server", name)):
        assert refused.returncode == 2
        assert "hun" not in refused.stdout + refused.stderr and "ter2" not in refused.stdout + refused.stderr


def test_scrapes_open_no_further_sessions(cluster, watch):
    exporter = watch(cluster, SIMPLE)
    exporter.wait_page("all answer", lambda page: page.get("pgvigil_cluster_instances", state="ready") == 3)
    before = [server.sql("SELECT sum(sessions) FROM pg_stat_database") for server in cluster.servers]
    own = 1  # this question itself
    for _ in range(20):
        exporter.page()
    after = [server.sql("SELECT sum(sessions) FROM pg_stat_database") for server in cluster.servers]
    assert [int(b) - int(a) for a, b in zip(before, after)] == [own] * 3

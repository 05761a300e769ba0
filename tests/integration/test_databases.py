"""Queries of every database: which are read, over which sessions, and what is said of those that cannot be."""

import concurrent.futures
import os
import signal

from exporter import instances, password_file
from postgres import wait_for
from test_bad_days import SIMPLE, family, gauge, sessions

PER_DATABASE = {"pg_each": {
    "sql": "SELECT current_database() AS datname, 1 AS value", "scope": "database", "databases": ["app*", "shop"],
    "columns": {"datname": {"usage": "label"}, "value": {"usage": "gauge", "description": "One"}}}}


def databases(server, *names):
    for name in names:
        server.sql(f"CREATE DATABASE {name}")


def success(page, **labels):
    return {labels["database"]: value for labels, value in page.all("pgvigil_query_success", query="pg_each", **labels)}


def read(page):
    return {labels["datname"] for labels, _ in page.all("pg_each_value")}


def test_beyond_the_limit_databases_are_visited_and_a_lost_one_is_said(own_cluster, watch):
    cluster = own_cluster(standbys=0)
    databases(cluster.primary, "app", "app2", "shop")
    exporter = watch(cluster, {**SIMPLE, **PER_DATABASE})
    page = exporter.wait_page("each is read", lambda page: read(page) == {"app", "app2", "shop"})
    assert success(page) == {"app": 1, "app2": 1, "shop": 1}
    assert sessions(cluster.primary) <= 3
    assert page.get("pgvigil_query_age_seconds", query="pg_each", database="app") is not None, "visited ones have an age"
    cluster.primary.sql("REVOKE CONNECT ON DATABASE shop FROM PUBLIC")
    exporter.wait_page("what may not be read is gone", lambda page: read(page) == {"app", "app2"} and "shop" not in success(page))
    cluster.primary.sql("ALTER DATABASE app2 RENAME TO app3")
    exporter.wait_page("the new name is read", lambda page: read(page) == {"app", "app3"} and set(success(page)) == {"app", "app3"})
    cluster.primary.sql("DROP DATABASE app3 WITH (FORCE)")
    exporter.wait_page("what was dropped is gone", lambda page: read(page) == {"app"} and set(success(page)) == {"app"})


def test_a_database_that_takes_no_connection_fails_alone_and_is_counted(own_cluster, watch):
    cluster = own_cluster(standbys=0)
    databases(cluster.primary, "app", "shop")
    cluster.primary.sql("ALTER DATABASE shop CONNECTION LIMIT 0")
    exporter = watch(cluster, {**SIMPLE, **PER_DATABASE}, limits={"connections_per_instance": 5})
    page = exporter.wait_page("both were tried", lambda page: success(page) == {"app": 1, "shop": 0})
    assert page.get("pg_probe_one") == 1 and read(page) == {"app"}
    assert page.get("pgvigil_query_failures_total", query="pg_each", database="shop", reason="limit") >= 1
    assert "database=shop" in exporter.log()
    cluster.primary.sql("ALTER DATABASE shop CONNECTION LIMIT -1")
    exporter.wait_page("it is back", lambda page: success(page) == {"app": 1, "shop": 1} and read(page) == {"app", "shop"})


def test_a_database_visited_in_the_background_that_is_lost_is_no_success(own_cluster, watch):
    cluster = own_cluster(standbys=0)
    databases(cluster.primary, "app", "shop")
    exporter = watch(cluster, {**SIMPLE, **PER_DATABASE}, limits={"connections_per_instance": 3})
    exporter.wait_page("both are read", lambda page: read(page) == {"app", "shop"})
    cluster.primary.sql("ALTER DATABASE shop CONNECTION LIMIT 0")
    page = exporter.wait_page("it fails", lambda page: success(page).get("shop") == 0)
    assert read(page) == {"app"}


def test_one_slow_query_costs_itself_alone(own_cluster, watch):
    cluster = own_cluster(standbys=0)
    databases(cluster.primary, "app")
    queries = {"pg_before": gauge("SELECT 1 AS value"), "pg_hangs": gauge("SELECT 1 AS value FROM pg_sleep(60)"),
               "pg_behind": gauge("SELECT 1 AS value"), **PER_DATABASE}
    exporter = watch(cluster, queries)
    for _ in range(4):
        page = exporter.page(timeout=3)
        assert page.get("pg_up") == 1
        assert (page.get("pg_before_value"), page.get("pg_behind_value")) == (1, 1)
        assert page.get("pgvigil_query_success", query="pg_hangs") == 0
        assert read(page) == {"app"}
    assert page.get("pgvigil_query_failures_total", query="pg_hangs", reason="timeout") == 3, "the fourth time it is left out"
    assert "query is left out for a while" in exporter.log()


def test_a_hanging_query_is_blamed_and_not_the_broken_one_before_it(own_cluster, watch):
    cluster = own_cluster(standbys=0)
    queries = {"pg_denied": gauge("SELECT count(*) AS value FROM pg_catalog.pg_authid"),
               "pg_hangs": {**gauge("SELECT 1 AS value FROM pg_sleep(60)"), "timeout": "1h"}}
    exporter = watch(cluster, queries)
    for _ in range(3):
        assert exporter.page(timeout=2).get("pg_up") == 1
    exporter.wait_page("the hanging one backs off", lambda page: "query is left out for a while" in exporter.log(), timeout=2)
    assert 'query=pg_hangs' in [line for line in exporter.log().splitlines() if "left out for a while" in line][0]


def test_a_hanging_predicate_backs_off(own_cluster, watch):
    cluster = own_cluster(standbys=0)
    queries = {**SIMPLE, "pg_maybe": {**gauge("SELECT 1 AS value"), "when": "SELECT true FROM pg_sleep(60)", "timeout": "200ms"}}
    exporter = watch(cluster, queries)
    for _ in range(4):
        page = exporter.page(timeout=4)
        assert page.get("pg_probe_one") == 1
        assert page.get("pgvigil_query_success", query="pg_maybe") == 0
    assert page.get("pgvigil_query_failures_total", query="pg_maybe", reason="timeout") == 3


def test_a_reload_keeps_what_is_read_every_few_minutes(own_cluster, watch, tmp_path):
    cluster = own_cluster(standbys=0)
    queries = {"pg_rare": {**gauge("SELECT extract(epoch FROM clock_timestamp()) AS value"), "every": "10m"}}
    exporter = watch(cluster, queries)
    first = exporter.wait_page("it is read", lambda page: page.get("pg_rare_value") is not None).get("pg_rare_value")
    (tmp_path / "queries.yaml").write_text(
        (tmp_path / "queries.yaml").read_text().replace("{", "{\"pg_more\": {\"sql\": \"SELECT 1 AS value\", \"columns\": {\"value\": "
                                                             "{\"usage\": \"gauge\", \"description\": \"More\"}}}, ", 1))
    exporter.reload()
    page = exporter.wait_page("the new one is read", lambda page: page.get("pg_more_value") == 1)
    assert page.get("pg_rare_value") == first


def test_sessions_of_other_databases_end_with_the_queries_that_need_them(own_cluster, watch, tmp_path):
    cluster = own_cluster(standbys=0)
    databases(cluster.primary, "app")
    exporter = watch(cluster, {**SIMPLE, **PER_DATABASE})
    exporter.wait_page("it is read", lambda page: read(page) == {"app"})
    (tmp_path / "queries.yaml").write_text("pg_probe: {sql: SELECT 1 AS one, columns: {one: {usage: gauge}}}")
    exporter.reload()
    exporter.wait_page("the query is gone", lambda page: not page.all("pgvigil_query_success", query="pg_each"))
    wait_for("its session ends", lambda: cluster.primary.sql("SELECT count(*) FROM pg_stat_activity WHERE datname = 'app'") == "0")


def test_a_silent_instance_is_down_for_each_of_two_that_scrape(own_cluster, watch):
    cluster = own_cluster(standbys=0)
    exporter = watch(cluster, SIMPLE)
    exporter.wait_page("it answers", lambda page: page.get("pg_up") == 1)
    stopped = family(cluster.primary)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            # Each joins the run of the other and prolongs it.
            for pages in [list(pool.map(lambda wait: exporter.page(timeout=wait), (1.6, 2.2))) for _ in range(3)]:
                assert [page.get("pg_up") for page in pages] == [0, 0]
                assert [page.get("pgvigil_query_success", query="pg_probe") for page in pages] == [0, 0]
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)


def test_a_page_of_one_cluster_is_never_another_ones(own_cluster, start_exporter, tmp_path):
    secret = password_file(tmp_path)
    clusters = [own_cluster(standbys=0, name=name) for name in ("a", "b")]
    exporter = start_exporter({"clusters": [{"name": cluster.primary.name[0], "instances": instances(cluster.servers, secret)}
                                            for cluster in clusters]})
    exporter.wait_page("both answer", lambda page: [value for _, value in page.all("pg_up")] == [1, 1])
    stopped = family(clusters[0].primary) + family(clusters[1].primary)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        for name in ("a", "b", "a"):
            page = exporter.page(f"/metrics?cluster={name}", timeout=1)
            assert {labels["pg_cluster"] for _, labels, _ in page.samples if "pg_cluster" in labels} == {name}
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)

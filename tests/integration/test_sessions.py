"""Sessions against real servers: whatever libpq does below them, the exporter lives and says what is so."""

import pytest

from exporter import password_file
from postgres import PASSWORD, run, wait_for

SIMPLE = {"pg_probe": {"sql": "SELECT 1 AS one", "columns": {"one": {"usage": "gauge", "description": "One"}}}}


def enable_tls(server):
    run(["openssl", "req", "-new", "-x509", "-days", "2", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-subj", "/CN=localhost", "-keyout", server.data / "server.key", "-out", server.data / "server.crt"])
    server.configure({"ssl": "on"})
    server.stop()
    server.start()


@pytest.fixture
def tls_cluster(own_cluster):
    cluster = own_cluster(standbys=2)
    for server in cluster.servers:
        enable_tls(server)
    return cluster


def test_a_refused_login_that_libpq_retries_without_tls_ends_nothing(tls_cluster, watch, tmp_path):
    secret = password_file(tmp_path, "not the password")
    exporter = watch(tls_cluster, SIMPLE)
    for _ in range(20):  # which number the second socket gets is chance: it differs when another session's was closed meanwhile
        page = exporter.page()
        assert all(page.get("pg_up", pg_instance=server.name) == 0 for server in tls_cluster.servers)
    for server in tls_cluster.servers:
        wait_for(f"it is said why {server.name} is down", lambda server=server: any(
            "code=28P01" in line and f"pg_instance={server.name}" in line for line in exporter.log().splitlines()))
    assert exporter.process.poll() is None, exporter.log()
    secret.write_text(PASSWORD)
    exporter.wait_page("all answer", lambda page: sum(value for _, value in page.all("pg_up")) == 3)


def test_a_server_that_ends_idle_sessions_does_not_end_those_that_are_held(own_cluster, watch):
    cluster = own_cluster(standbys=0, settings={"idle_session_timeout": "700ms"})
    exporter = watch(cluster, SIMPLE)
    exporter.wait_page("it answers", lambda page: page.get("pg_up") == 1)
    wait_for("its session is held", lambda: cluster.primary.sql(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgvigil' AND now() - backend_start > '4 s'") != "0", seconds=20)

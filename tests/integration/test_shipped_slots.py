"""What the shipped query files say of slots that are invalidated, copied to a standby, or in conflict: from PostgreSQL 17 and 18."""

import pytest

from conftest import server_directory
from postgres import Cluster, wait_for
from situations import assert_holds_nothing, changed, replayed, states, streams, table, tear_down, write


@pytest.fixture(scope="module")
def cluster():
    with server_directory() as directory:
        made = Cluster(directory, standbys=1, major=18, settings={"autovacuum": "off", "wal_receiver_status_interval": "1s"})
        yield made
        made.stop()


@pytest.fixture
def primary(cluster):
    """Each test leaves it without slots and settings of its own."""
    yield cluster.primary
    tear_down(cluster.primary)


def test_a_slot_invalidated_for_idleness_keeps_its_position_but_no_wal(primary, scrape):
    table(primary, "written")
    primary.sql("SELECT pg_create_logical_replication_slot('reader', 'test_decoding')")
    with changed(primary, idle_replication_slot_timeout="1s"):
        def invalidated():
            primary.sql("CHECKPOINT")
            return primary.sql("SELECT invalidation_reason FROM pg_replication_slots WHERE slot_name = 'reader'") == "idle_timeout"

        wait_for("it is idle for too long", invalidated)
        write(primary)
        assert primary.sql("SELECT restart_lsn IS NOT NULL AND catalog_xmin IS NOT NULL FROM pg_replication_slots WHERE slot_name = 'reader'") == "t"
        page = scrape(primary)
    assert_holds_nothing(page, "reader")
    assert states(page, "pg_replication_slot_invalidation_state", "reason", slot_name="reader") == ["idle_timeout"]
    assert page.get("pg_settings_idle_replication_slot_timeout_seconds") == 1


def test_a_failover_slot_shows_on_both_servers(cluster, primary, scrape):
    standby = cluster.standbys[0]
    primary.sql("SELECT pg_create_logical_replication_slot('moving', 'test_decoding', failover => true)")
    conninfo = standby.sql("SHOW primary_conninfo") + " dbname=postgres"
    with changed(standby, hot_standby_feedback="on", primary_conninfo=conninfo):
        def synchronised():
            primary.sql("SELECT pg_log_standby_snapshot()")
            primary.sql("SELECT count(*) FROM pg_logical_slot_get_changes('moving', NULL, NULL)")
            replayed(cluster)
            standby.sql("SELECT pg_sync_replication_slots()")
            return standby.sql("SELECT count(*) FROM pg_replication_slots WHERE synced AND NOT temporary") == "1"

        wait_for("it streams with its feedback", lambda: primary.sql(
            "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'orders_2' AND active AND xmin IS NOT NULL") == "1")
        wait_for("it is copied", synchronised)
        sending, receiving = scrape(primary), scrape(standby)
        assert sending.get("pg_replication_slot_status_failover", slot_name="moving") == 1
        assert sending.get("pg_replication_slot_status_synced", slot_name="moving") == 0
        assert receiving.get("pg_replication_slot_status_failover", slot_name="moving") == 1
        assert receiving.get("pg_replication_slot_status_synced", slot_name="moving") == 1
        primary.sql("SELECT pg_drop_replication_slot('moving')")
        standby.sql("SELECT pg_sync_replication_slots()")  # nothing else drops the copy
        assert scrape(standby).all("pg_replication_slot_status_synced", slot_name="moving") == []
    wait_for("it streams again", lambda: streams(cluster, slot=True))


def test_a_logical_slot_of_a_standby_conflicts_when_its_rows_go(cluster, primary, scrape, session):
    standby = cluster.standbys[0]
    creating = session(standby)
    creating.send("SELECT slot_name FROM pg_create_logical_replication_slot('reader', 'test_decoding')")

    def created():
        primary.sql("SELECT pg_log_standby_snapshot()")
        return standby.sql("SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'reader' AND confirmed_flush_lsn IS NOT NULL") == "1"

    wait_for("the slot is made", created)
    assert scrape(standby).get("pg_replication_slot_conflict_conflicting", slot_name="reader") == 0
    table(primary, "gone")
    primary.sql("DROP TABLE gone")
    primary.sql("VACUUM pg_class")
    wait_for("its rows are gone", lambda: standby.sql("SELECT conflicting FROM pg_replication_slots WHERE slot_name = 'reader'") == "t")
    page = scrape(standby)
    assert page.get("pg_replication_slot_conflict_conflicting", slot_name="reader") == 1
    assert states(page, "pg_replication_slot_invalidation_state", "reason", slot_name="reader") == ["rows_removed"]
    assert_holds_nothing(page, "reader")
    standby.sql("SELECT pg_drop_replication_slot('reader')")

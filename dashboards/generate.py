#!/usr/bin/env python3
"""Writes the dashboards of this folder: what they share is said once. `--check` only compares.

Each panel has a title, a description that says what is bad and which alerts watch it, a unit, and the thresholds of those
alerts. A panel that is rightly empty on a healthy cluster is marked `may_be_empty`; the others must return data from a real
exporter (tests/integration/test_dashboards.py).
"""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
CLUSTER = 'namespace=~"$namespace",pg_cluster=~"$pg_cluster"'
INSTANCE = CLUSTER + ',pg_instance=~"$pg_instance"'
GREEN, YELLOW, RED, GREY = "green", "yellow", "red", "text"


def variable(name, label, query, multi):
    return {"name": name, "label": label, "type": "query", "datasource": DATASOURCE, "query": {"query": query, "refId": name},
            "definition": query, "refresh": 2, "sort": 1, "multi": multi, "includeAll": multi, "allValue": ".*" if multi else None,
            "current": {"text": "All", "value": "$__all"} if multi else {}, "hide": 0, "options": [], "regex": ""}


def variables(with_instance):
    found = [{"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "hide": 0, "current": {},
              "includeAll": False, "multi": False, "options": [], "refresh": 1, "regex": ""},
             {**variable("namespace", "Namespace", "label_values(pgvigil_cluster_info, namespace)", True), "allValue": ".*"},
             variable("pg_cluster", "Cluster", 'label_values(pgvigil_cluster_info{namespace=~"$namespace"}, pg_cluster)', False)]
    if with_instance:
        found.append(variable("pg_instance", "Instance", f"label_values(pgvigil_source_up{{{CLUSTER}}}, pg_instance)", True))
    return found


class Dashboard:
    """Panels are placed from left to right in rows of 24 units."""

    def __init__(self, uid, title, description, with_instance):
        self.panels = []
        self.x = self.y = self.height = 0
        self.content = {
            "uid": uid, "title": title, "description": description, "tags": ["pgvigil", "postgresql"], "schemaVersion": 39, "version": 1, "id": None,
            "editable": False, "graphTooltip": 1, "timezone": "browser", "refresh": "30s", "time": {"from": "now-6h", "to": "now"},
            "templating": {"list": variables(with_instance)}, "panels": self.panels,
            "links": [{"type": "dashboards", "tags": ["pgvigil"], "asDropdown": True, "includeVars": True, "keepTime": True, "title": "pgvigil",
                       "icon": "external link", "targetBlank": False, "tooltip": "", "url": ""}],
            "annotations": {"list": [{
                "name": "Primary changed", "datasource": DATASOURCE, "enable": True, "iconColor": "purple", "hide": False,
                "expr": f"changes(max by (pg_cluster) (pgvigil_timeline_id{{{CLUSTER}}})[2m:30s]) > 0", "titleFormat": "New timeline",
                "tagKeys": "pg_cluster"}]}}

    def row(self, title):
        self.y += self.height
        self.panels.append({"type": "row", "title": title, "id": len(self.panels) + 1, "collapsed": False, "panels": [],
                            "gridPos": {"x": 0, "y": self.y, "w": 24, "h": 1}})
        self.y += 1
        self.x = self.height = 0

    def add(self, kind, title, description, targets, **more):
        width, height = more.pop("size", (8, 8))
        if self.x + width > 24:
            self.x, self.y, self.height = 0, self.y + self.height, 0
        defaults = {"unit": more.pop("unit", "short"), "mappings": more.pop("mappings", []), "custom": more.pop("custom", {}),
                    "thresholds": {"mode": "absolute", "steps": more.pop("thresholds", [{"color": GREEN, "value": None}])},
                    "color": {"mode": "palette-classic" if kind == "timeseries" else "thresholds"}}
        if "decimals" in more:
            defaults["decimals"] = more.pop("decimals")
        instant = kind in ("stat", "table")
        may_be_empty = more.pop("may_be_empty", False)
        panel = {"type": kind, "title": title, "description": description, "id": len(self.panels) + 1, "datasource": DATASOURCE,
                 "gridPos": {"x": self.x, "y": self.y, "w": width, "h": height},
                 "fieldConfig": {"defaults": defaults, "overrides": more.pop("overrides", [])}, "options": more.pop("options", {}),
                 "targets": [{"refId": chr(65 + i), "expr": expression, "legendFormat": legend, "datasource": DATASOURCE, "instant": instant,
                              "range": not instant, "format": "table" if kind == "table" else "time_series"}
                             for i, (expression, legend) in enumerate(targets)]}
        if may_be_empty:
            panel["pgvigil"] = {"mayBeEmpty": True}
        panel.update(more)
        self.panels.append(panel)
        self.x += width
        self.height = max(self.height, height)

    def stat(self, title, description, expression, **more):
        options = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "colorMode": "background", "graphMode": "none",
                   "textMode": more.pop("text_mode", "auto"), "justifyMode": "auto", "orientation": "auto"}
        self.add("stat", title, description, [(expression, more.pop("legend", ""))], options=options, size=more.pop("size", (4, 4)), **more)

    def series(self, title, description, targets, **more):
        custom = {"lineWidth": 1, "fillOpacity": 10, "showPoints": "never", "spanNulls": False,
                  "thresholdsStyle": {"mode": "line" if "thresholds" in more else "off"}, **more.pop("custom", {})}
        self.add("timeseries", title, description, targets, custom=custom,
                 options={"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True}, "tooltip": {"mode": "multi", "sort": "desc"}}, **more)

    def states(self, title, description, targets, values, **more):
        mappings = [{"type": "value", "options": {str(number): {"text": text, "color": colour, "index": number}}} for number, text, colour in values]
        self.add("state-timeline", title, description, targets, mappings=mappings, custom={"lineWidth": 0, "fillOpacity": 80},
                 options={"mergeValues": True, "showValue": "auto", "rowHeight": 0.9, "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom"}},
                 **more)


def limit(*steps):
    return [{"color": GREEN, "value": None}, *({"color": colour, "value": value} for value, colour in steps)]


def words(*pairs):
    return [{"type": "value", "options": {str(value): {"text": text, "color": colour, "index": i}}} for i, (value, text, colour) in enumerate(pairs)]


STATES = ["streaming", "catching_up", "archive_recovery", "paused", "disconnected", "diverged"]
STATE_COLOURS = [GREEN, YELLOW, "blue", "purple", "orange", RED]


def cluster_dashboard():
    board = Dashboard("pgvigil-cluster", "pgvigil / Cluster", "Is there one primary, do the standbys follow, what would be lost now", False)
    by_cluster = "by (namespace, pg_cluster)"
    board.row("What is wrong now")
    board.stat("Primary", "Instances that answer as primary. None or more than one is an emergency; no value means that not every instance answers. "
               "Alerts: PgNoPrimary, PgTwoPrimaries, PgPrimaryUnknown.", f"max {by_cluster} (pgvigil_cluster_primaries{{{CLUSTER}}})",
               mappings=words((0, "NONE", RED), (1, "one", GREEN), (2, "TWO", RED)), thresholds=limit((2, RED)))
    board.stat("Instances that answer", "Share of the declared instances that answer SQL. Alerts: PgInstanceDown, PgInstanceUnreachable.",
               f'max {by_cluster} (pgvigil_cluster_instances{{{CLUSTER},state="ready"}}) / max {by_cluster} (pgvigil_cluster_instances{{{CLUSTER},state="declared"}})',
               unit="percentunit", thresholds=[{"color": RED, "value": None}, {"color": YELLOW, "value": 0.01}, {"color": GREEN, "value": 1}])
    board.stat("Lost if the primary died now", "Commits, in time, that no reachable standby has; endless when none follows. Above the declared objective "
               "it is too much. Alerts: PgRpoPrimaryOverObjective, PgRpoPrimaryUnknown.",
               f'max {by_cluster} (pgvigil_rpo_seconds{{{CLUSTER},loss="primary"}})', unit="s", thresholds=limit((30, RED)))
    board.stat("Standbys that do not follow", "Standbys that are disconnected or diverged. Alerts: PgStandbyDisconnected, PgStandbyDiverged.",
               f'sum {by_cluster} (max by (namespace, pg_cluster, pg_instance, state) (pgvigil_replication_state{{{CLUSTER},state=~"disconnected|diverged"}}))',
               thresholds=limit((1, RED)), may_be_empty=True)
    board.stat("Commits that wait", "Backends of the primary whose commit waits for a synchronous standby. Alert: PgCommitsBlocked.",
               f"max {by_cluster} (pgvigil_sync_waiters{{{CLUSTER}}})", thresholds=limit((1, YELLOW), (10, RED)))
    board.stat("Timeline", "The timeline the primary is on: one more at every promotion.", f"max {by_cluster} (pgvigil_timeline_id{{{CLUSTER}}})",
               thresholds=[{"color": GREY, "value": None}])
    board.add("table", "Firing alerts", "Everything that fires for this cluster now; the name leads to its runbook by the alert's annotation.",
              [(f'max by (alertname, severity, pg_instance) (ALERTS{{{CLUSTER},alertstate="firing"}})', "")], size=(24, 5), may_be_empty=True,
              transformations=[{"id": "organize", "options": {"excludeByName": {"Time": True, "Value": True}}}])

    board.row("Roles and replication")
    board.states("Role", "Who was primary when. Two bars that say primary at the same time are a split brain. Alerts: PgTwoPrimaries, PgNoPrimary.",
                 [(f'max by (pg_instance) (pgvigil_instance_role{{{CLUSTER},role="primary"}})', "{{pg_instance}}")],
                 [(0, "standby", "blue"), (1, "primary", GREEN)], size=(12, 8))
    number = " + ".join(f'{i} * max by (pg_instance) (pgvigil_replication_state{{{CLUSTER},state="{state}"}})' for i, state in enumerate(STATES) if i)
    board.states("Replication state", "How each standby is fed. Alerts: PgStandbyDisconnected, PgStandbyDiverged, PgReplayPaused.",
                 [(number, "{{pg_instance}}")], [(i, state.replace("_", " "), colour) for i, (state, colour) in enumerate(zip(STATES, STATE_COLOURS))],
                 size=(12, 8))
    for position, what in (("received", "has received"), ("replayed", "has replayed")):
        board.series(f"Lag of what is {position}, in time", f"How long ago the primary passed what each standby {what}; right also when idle or cut off. "
                     "Alert: PgReplicationLagSecondsHigh.",
                     [(f'max by (pg_instance) (pgvigil_replication_lag_seconds{{{CLUSTER},position="{position}"}})', "{{pg_instance}}"),
                      (f"max {by_cluster} (pgvigil_objective_replication_lag_seconds{{{CLUSTER}}})", "objective")],
                     unit="s", thresholds=limit((30, RED)), size=(12, 8))
    board.series("Lag in WAL", "WAL between the primary's flush position and what each standby has received. Alert: PgReplicationLagBytesHigh.",
                 [(f'max by (pg_instance) (pgvigil_replication_lag_bytes{{{CLUSTER},position="received"}})', "{{pg_instance}}"),
                  (f"max {by_cluster} (pgvigil_objective_replication_lag_bytes{{{CLUSTER}}})", "objective")], unit="bytes",
                 thresholds=limit((268435456, RED)), size=(12, 8))
    board.series("What would be lost with the primary", "WAL that no reachable standby has. Alert: PgRpoPrimaryOverObjective.",
                 [(f'max {by_cluster} (pgvigil_rpo_bytes{{{CLUSTER},loss="primary"}})', "bytes")], unit="bytes", size=(12, 8))

    board.row("Synchronous replication and slots")
    board.series("Synchronous standbys", "Asked for, and streaming as sync or quorum. Alerts: PgSyncStandbysMissing, PgCommitsBlocked.",
                 [(f"max by (state) (pgvigil_sync_standbys{{{CLUSTER}}})", "{{state}}"), (f"max {by_cluster} (pgvigil_sync_waiters{{{CLUSTER}}})", "commits that wait")])
    board.series("WAL retained by slots", "WAL the servers keep for each slot. Alerts: PgSlotRetainingOverObjective, PgSlotInactive.",
                 [(f"max by (pg_instance, slot_name) (pg_replication_slots_retained_bytes{{{CLUSTER}}})", "{{pg_instance}} {{slot_name}}"),
                  (f"max {by_cluster} (pgvigil_objective_slot_retained_bytes{{{CLUSTER}}})", "objective")], unit="bytes", thresholds=limit((8589934592, RED)))
    board.series("WAL until slots are in danger", "WAL that may be written before a slot loses what it needs; absent where unlimited. "
                 "Alerts: PgSlotNearInvalidation, PgSlotLost.",
                 [(f"min by (pg_instance, slot_name) (pg_replication_slots_safe_wal_size_bytes{{{CLUSTER}}})", "{{pg_instance}} {{slot_name}}")],
                 unit="bytes", may_be_empty=True)

    board.row("Instances")
    board.add("table", "Every instance", "Each instance with what it says of itself. A click on its name leads to its dashboard. Alert: PgInstanceDown.",
              [(f"max by (pg_instance) (pg_up{{{CLUSTER}}})", ""), (f'max by (pg_instance) (pgvigil_instance_role{{{CLUSTER},role="primary"}})', ""),
               (f"max by (pg_instance) (pgvigil_timeline_id{{{CLUSTER}}})", ""), (f"max by (pg_instance) (pg_server_version_number{{{CLUSTER}}})", ""),
               (f'max by (pg_instance) (pgvigil_replication_lag_bytes{{{CLUSTER},position="replayed"}})', ""),
               (f"max by (pg_instance) (time() - pg_postmaster_start_timestamp_seconds{{{CLUSTER}}})", "")],
              size=(24, 8), transformations=[
                  {"id": "merge", "options": {}},
                  {"id": "organize", "options": {"excludeByName": {"Time": True}, "renameByName": {
                      "pg_instance": "Instance", "Value #A": "Answers", "Value #B": "Primary", "Value #C": "Timeline", "Value #D": "Version",
                      "Value #E": "Replay behind", "Value #F": "Running for"}}}],
              overrides=[
                  {"matcher": {"id": "byName", "options": "Replay behind"}, "properties": [{"id": "unit", "value": "bytes"}]},
                  {"matcher": {"id": "byName", "options": "Running for"}, "properties": [{"id": "unit", "value": "dtdurations"}]},
                  {"matcher": {"id": "byName", "options": "Instance"}, "properties": [{"id": "links", "value": [{
                      "title": "Instance", "url": "/d/pgvigil-instance?var-namespace=${namespace}&var-pg_cluster=${pg_cluster}"
                                                  "&var-pg_instance=${__data.fields.Instance}&${__url_time_range}"}]}]}])
    board.row("The exporter")
    board.series("Does pgvigil see everything", "1 while the source answers. Alerts: PgSourceFailing, PgExporterDown.",
                 [(f"min by (pg_instance, source) (pgvigil_source_up{{{CLUSTER}}})", "{{pg_instance}} {{source}}")])
    board.series("Scrape duration", "Time a page took, waiting for instances included. Alert: PgExporterLoopLagging watches the loop below.",
                 [("max(pgvigil_scrape_duration_seconds)", "page"), ("max(pgvigil_loop_lag_seconds)", "loop lag")], unit="s", thresholds=limit((0.25, RED)))
    board.series("Left out and reloaded", "Samples left out of pages, per second; and whether the newest configuration was taken up. "
                 "Alerts: PgConfigReloadFailed, PgWatchdog.",
                 [("sum by (reason) (rate(pgvigil_samples_dropped_total[$__rate_interval]))", "{{reason}}"),
                  ("min(pgvigil_config_last_reload_successful)", "configuration taken up")])
    return board.content


def instance_dashboard():
    board = Dashboard("pgvigil-instance", "pgvigil / Instance", "One server: does it answer, is it full, who waits, what grows old", True)
    by = "by (pg_instance)"
    board.row("What is wrong now")
    board.stat("SQL", "Whether the instance answered this scrape. Alert: PgInstanceDown.", f"min {by} (pg_up{{{INSTANCE}}})",
               mappings=words((0, "DOWN", RED), (1, "answers", GREEN)), thresholds=[{"color": RED, "value": None}, {"color": GREEN, "value": 1}])
    board.stat("Connections in use", "Share of the connections that ordinary roles may open. Alert: PgConnectionsNearLimit.",
               f"max {by} (pg_connections_used{{{INSTANCE}}}) / max {by} (pg_connections_usable{{{INSTANCE}}})", unit="percentunit",
               thresholds=limit((0.8, YELLOW), (0.95, RED)))
    board.stat("Oldest transaction", "Age of the oldest open transaction; it keeps vacuum from removing rows. Alert: PgLongTransaction.",
               f"max {by} (time() - pg_stat_activity_oldest_transaction_start_timestamp_seconds{{{INSTANCE}}})", unit="dtdurations",
               thresholds=limit((3600, YELLOW)), may_be_empty=True)
    board.stat("Sessions waiting for a lock", "Sessions that wait for a heavyweight lock. Alert: PgLockWaits.", f"max {by} (pg_lock_waiters_sessions{{{INSTANCE}}})",
               thresholds=limit((1, YELLOW), (10, RED)))
    board.stat("Transaction IDs used", "Share of the way to wraparound of the oldest database. Alerts: PgXidWraparoundNear.",
               f"max {by} (pg_wraparound_xid_used_ratio{{{INSTANCE}}})", unit="percentunit", thresholds=limit((0.5, YELLOW), (0.75, RED)))
    board.stat("Running for", "Time since the postmaster started. Alerts: PgInstanceRestarted, PgInstanceRestartLoop.",
               f"max {by} (time() - pg_postmaster_start_timestamp_seconds{{{INSTANCE}}})", unit="dtdurations",
               thresholds=[{"color": YELLOW, "value": None}, {"color": GREEN, "value": 600}])

    board.row("Sessions")
    board.series("Connections", "Connections in use beside the most there may be. Alert: PgConnectionsNearLimit.",
                 [(f"max {by} (pg_connections_used{{{INSTANCE}}})", "{{pg_instance}} used"), (f"max {by} (pg_connections_usable{{{INSTANCE}}})", "{{pg_instance}} limit")])
    board.series("Sessions by state", "Client sessions by what they do. Alert: PgIdleInTransaction.",
                 [(f"sum by (pg_instance, state) (pg_stat_activity_sessions{{{INSTANCE}}})", "{{pg_instance}} {{state}}")], may_be_empty=True)
    board.series("Oldest by state", "Age of the oldest transaction, by state. Alerts: PgLongTransaction, PgIdleInTransaction.",
                 [(f"max by (pg_instance, state) (time() - pg_stat_activity_oldest_transaction_start_timestamp_seconds{{{INSTANCE}}})", "{{pg_instance}} {{state}}")],
                 unit="s", thresholds=limit((3600, YELLOW)), may_be_empty=True)
    board.series("Lock waits", "Sessions that wait for a lock, and how long the first of them has. Alert: PgLockWaits.",
                 [(f"max {by} (pg_lock_waiters_sessions{{{INSTANCE}}})", "{{pg_instance}} waiting"),
                  (f"max {by} (time() - pg_lock_waiters_oldest_wait_start_timestamp_seconds{{{INSTANCE}}})", "{{pg_instance}} longest, s")])
    board.series("What active sessions wait for", "Active sessions by wait event.", [(f"sum by (wait_event_type, wait_event) (pg_wait_sessions{{{INSTANCE}}})",
                 "{{wait_event_type}} {{wait_event}}")], may_be_empty=True)
    board.series("Prepared transactions", "Transactions that were prepared and not ended, and the age of the oldest. Alert: PgPreparedTransactionForgotten.",
                 [(f"sum {by} (pg_prepared_xacts_transactions{{{INSTANCE}}})", "{{pg_instance}} prepared"),
                  (f"max {by} (time() - pg_prepared_xacts_oldest_prepared_timestamp_seconds{{{INSTANCE}}})", "{{pg_instance}} oldest, s")])

    board.row("Work")
    board.series("Transactions", "Commits and rollbacks a second.",
                 [(f"sum {by} (rate(pg_stat_database_commits_total{{{INSTANCE}}}[$__rate_interval]))", "{{pg_instance}} commits"),
                  (f"sum {by} (rate(pg_stat_database_rollbacks_total{{{INSTANCE}}}[$__rate_interval]))", "{{pg_instance}} rollbacks")], unit="ops")
    board.series("Rows changed", "Rows inserted, updated and deleted a second.",
                 [(f"sum (rate(pg_stat_database_rows_{what}_total{{{INSTANCE}}}[$__rate_interval]))", what) for what in ("inserted", "updated", "deleted")], unit="ops")
    board.series("Reads", "Blocks found in shared buffers and read from outside, a second.",
                 [(f"sum (rate(pg_stat_database_blocks_hit_total{{{INSTANCE}}}[$__rate_interval]))", "found"),
                  (f"sum (rate(pg_stat_database_blocks_read_total{{{INSTANCE}}}[$__rate_interval]))", "read")], unit="ops")
    board.series("Trouble", "Deadlocks, cancelled queries, temporary bytes and failed checksums, a second. Any checksum failure is corruption.",
                 [(f"sum (rate(pg_stat_database_deadlocks_total{{{INSTANCE}}}[$__rate_interval]))", "deadlocks"),
                  (f"sum (rate(pg_stat_database_conflicts_total{{{INSTANCE}}}[$__rate_interval]))", "cancelled by recovery"),
                  (f"sum (rate(pg_stat_database_temp_bytes_total{{{INSTANCE}}}[$__rate_interval]))", "temporary bytes")])
    board.series("WAL made", "WAL written by the primary, bytes a second.", [(f"sum {by} (rate(pg_wal_position_insert_bytes_total{{{INSTANCE}}}[$__rate_interval]))",
                 "{{pg_instance}}")], unit="Bps")
    board.series("Checkpoints", "Checkpoints by cause, an hour. Many requested ones say that max_wal_size is small.",
                 [(f"sum {by} (rate(pg_checkpointer_timed_total{{{INSTANCE}}}[$__rate_interval])) * 3600", "{{pg_instance}} timed"),
                  (f"sum {by} (rate(pg_checkpointer_requested_total{{{INSTANCE}}}[$__rate_interval])) * 3600", "{{pg_instance}} requested")])

    board.row("What grows")
    board.series("Wraparound", "Share of the way to wraparound, transaction IDs and multixacts. Alerts: PgXidWraparoundNear, PgMxidWraparoundNear.",
                 [(f"max {by} (pg_wraparound_xid_used_ratio{{{INSTANCE}}})", "{{pg_instance}} transaction IDs"),
                  (f"max {by} (pg_wraparound_mxid_used_ratio{{{INSTANCE}}})", "{{pg_instance}} multixacts")], unit="percentunit",
                 thresholds=limit((0.5, YELLOW), (0.75, RED)))
    board.series("Who holds rows back", "Transactions since the oldest one whose rows are still needed, by who needs them.",
                 [(f"max by (holder) (pg_xmin_horizon_age_transactions{{{INSTANCE}}})", "{{holder}}")], may_be_empty=True)
    board.series("Database sizes", "Size of each database on disk.", [(f"max by (datname) (pg_database_size_bytes{{{INSTANCE}}})", "{{datname}}")], unit="bytes")
    board.series("pg_wal", "Size of pg_wal. It grows when the archiver fails or a slot retains. Alert: PgSlotRetainingOverObjective.",
                 [(f"max {by} (pg_wal_directory_size_bytes{{{INSTANCE}}})", "{{pg_instance}}")], unit="bytes")
    board.series("Waiting for the archiver", "Files that wait for archive_command.", [(f"max {by} (pg_wal_directory_ready_files{{{INSTANCE}}})", "{{pg_instance}}")])
    board.series("Archiver", "Files archived and failed attempts, a second.",
                 [(f"sum {by} (rate(pg_stat_archiver_archived_total{{{INSTANCE}}}[$__rate_interval]))", "{{pg_instance}} archived"),
                  (f"sum {by} (rate(pg_stat_archiver_failed_total{{{INSTANCE}}}[$__rate_interval]))", "{{pg_instance}} failed")], unit="ops")

    board.row("How pgvigil reads it")
    board.series("Queries that fail", "Queries whose last execution failed. Alert: PgQueryFailing.",
                 [(f"count by (query) (pgvigil_query_success{{{INSTANCE}}} == 0)", "{{query}}")], may_be_empty=True)
    board.series("Time of queries", "Time each query took, as seen within its batch.", [(f"max by (query) (pgvigil_query_duration_seconds{{{INSTANCE}}})", "{{query}}")],
                 unit="s")
    board.series("Time of the facts statement", "Time of the observer's own statement. Alert: PgSourceFailing.",
                 [(f"max {by} (pgvigil_source_duration_seconds{{{INSTANCE}}})", "{{pg_instance}}")], unit="s")
    return board.content


def main():
    drifted = []
    for name, content in (("cluster", cluster_dashboard()), ("instance", instance_dashboard())):
        path = HERE / f"{name}.json"
        text = json.dumps(content, indent=2) + "\n"
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            drifted.append(path.name)
    if drifted:
        sys.exit(f"not what dashboards/generate.py writes: {', '.join(drifted)}")


if __name__ == "__main__":
    main()

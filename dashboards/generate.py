#!/usr/bin/env python3
"""Writes the dashboards of this folder: what they share is said once. `--check` only compares.

Each panel has a title, a description that says what is bad, what to do and which alerts watch it, and a unit. Its thresholds
are those of the alerts: constants as steps, everything else as PromQL with the alert and severity it belongs to, which
tests/static/dashboards_check.py holds against alerts/rules. A query that may rightly return nothing says why; every other
one must return data from a real exporter (tests/integration/test_dashboards.py).
"""

import dataclasses
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
RUNBOOKS = "https://github.com/pgvigil/pgvigil/blob/main/alerts/runbooks/"
# Both variables have one value; that of the namespace is empty for clusters outside of Kubernetes, and matches its absence.
CLUSTER = 'namespace=~"$namespace",pg_cluster=~"$pg_cluster"'
INSTANCE = CLUSTER + ',pg_instance=~"$pg_instance"'
BY_CLUSTER = "namespace, pg_cluster"
BY_INSTANCE = "namespace, pg_cluster, pg_instance"
GREEN, YELLOW, ORANGE, RED, BLUE, PURPLE, GREY = "green", "yellow", "orange", "red", "blue", "purple", "#808080"
SEVERITIES = {"critical": RED, "warning": YELLOW, "info": BLUE}


@dataclasses.dataclass
class Query:
    """One query of a panel."""
    expression: str
    legend: str = ""
    alert: tuple = ()  # (name, severity) of the rule whose threshold this is
    limit: str = ""  # the threshold within the expression; all of it for a line
    unit: str = ""  # of a second axis on the right
    may_be_empty: str = ""  # why it may return nothing


def line(expression, alert, severity, legend="objective", **more):
    """A threshold that is a series."""
    return Query(expression, legend, (alert, severity), expression, **more)


def steps(*thresholds):
    """Thresholds that are constants: (severity, value) in rising order."""
    return [{"color": GREEN, "value": None}, *({"color": SEVERITIES[severity], "value": value} for severity, value in thresholds)]


def words(*pairs):
    return [{"type": "value", "options": {str(value): {"text": text, "color": colour, "index": i}}} for i, (value, text, colour) in enumerate(pairs)]


def from_on(least, text, colour):
    return {"type": "range", "options": {"from": least, "to": None, "result": {"text": text, "color": colour, "index": 98}}}


# What a stat says instead of "No data": nothing at all came back, not even that the answer is unknown.
NOTHING = {"type": "special", "options": {"match": "null+nan", "result": {"text": "NO DATA", "color": RED, "index": 99}}}


def most(by, metric, where, how="max"):
    return f"{how} by ({by}) ({metric}{{{where}}})"


def of_cluster(metric, *matchers):
    return most(BY_CLUSTER, metric, ",".join((CLUSTER, *matchers)))


def of_instance(metric, *matchers, how="max"):
    return most(BY_INSTANCE, metric, ",".join((INSTANCE, *matchers)), how)


def variable(name, label, query, everything=False, regex=""):
    return {"name": name, "label": label, "type": "query", "datasource": DATASOURCE, "query": {"query": query, "refId": name},
            "definition": query, "refresh": 2, "sort": 1, "multi": everything, "includeAll": everything, "allValue": ".*" if everything else None,
            "current": {"text": "All", "value": "$__all"} if everything else {}, "hide": 0, "options": [], "regex": regex}


def variables(with_instance):
    found = [{"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "hide": 0, "current": {},
              "includeAll": False, "multi": False, "options": [], "refresh": 1, "regex": ""},
             # Not label_values: it leaves out the clusters that have no namespace. `{}` yields the empty value.
             variable("namespace", "Namespace", "query_result(group by (namespace) (pgvigil_cluster_info))", regex=r'/^\{(?:namespace=")?([^"}]*)/'),
             variable("pg_cluster", "Cluster", 'label_values(pgvigil_cluster_info{namespace=~"$namespace"}, pg_cluster)')]
    if with_instance:
        found.append(variable("pg_instance", "Instance", f"label_values(pg_up{{{CLUSTER}}}, pg_instance)", everything=True))
    return found


def link_to(title, uid):
    return {"type": "link", "title": title, "url": f"/d/{uid}", "includeVars": True, "keepTime": True, "icon": "dashboard", "targetBlank": False,
            "tooltip": "", "asDropdown": False, "tags": []}


TO_INSTANCE = {"title": "Instance", "url": "/d/pgvigil-instance?${datasource:queryparam}&${namespace:queryparam}&${pg_cluster:queryparam}"
                                           "&var-pg_instance=${__data.fields.Instance}&${__url_time_range}"}


class Dashboard:
    """Panels are placed from left to right in rows of 24 units."""

    def __init__(self, uid, title, description, with_instance, link):
        self.panels = []
        self.x = self.y = self.height = 0
        self.content = {
            "uid": uid, "title": title, "description": description, "tags": ["pgvigil", "postgresql"], "schemaVersion": 39, "version": 1, "id": None,
            "editable": False, "graphTooltip": 1, "timezone": "browser", "refresh": "30s", "time": {"from": "now-6h", "to": "now"},
            "templating": {"list": variables(with_instance)}, "panels": self.panels,
            "links": [link, {"type": "dashboards", "tags": ["pgvigil"], "asDropdown": True, "includeVars": True, "keepTime": True, "title": "pgvigil",
                             "icon": "external link", "targetBlank": False, "tooltip": "", "url": ""}],
            "annotations": {"list": [{
                "name": "Primary changed", "datasource": DATASOURCE, "enable": True, "iconColor": "purple", "hide": False,
                "expr": f"changes({of_cluster('pgvigil_timeline_id')}[2m:15s]) > 0", "titleFormat": "New timeline", "tagKeys": "pg_cluster"}]}}

    def row(self, title):
        self.y += self.height
        self.panels.append({"type": "row", "title": title, "id": len(self.panels) + 1, "collapsed": False, "panels": [],
                            "gridPos": {"x": 0, "y": self.y, "w": 24, "h": 1}})
        self.y += 1
        self.x = self.height = 0

    def add(self, kind, title, description, queries, **more):
        """Any panel. What its queries say of themselves beyond PromQL is kept under `pgvigil`, for the tests."""
        queries = {chr(65 + i): query if isinstance(query, Query) else Query(*query) for i, query in enumerate(queries)}
        width, height = more.pop("size", (8, 8))
        if self.x + width > 24:
            self.x, self.y, self.height = 0, self.y + self.height, 0
        defaults = {"unit": more.pop("unit", "short"), "mappings": more.pop("mappings", []), "custom": more.pop("custom", {}),
                    "thresholds": {"mode": "absolute", "steps": more.pop("thresholds", steps())},
                    "color": {"mode": "palette-classic" if kind == "timeseries" else "thresholds"}}
        for key, name in (("decimals", "decimals"), ("least", "min"), ("none", "noValue")):
            if key in more:
                defaults[name] = more.pop(key)
        instant = kind in ("stat", "table")
        panel = {"type": kind, "title": title, "description": description, "id": len(self.panels) + 1, "datasource": DATASOURCE,
                 "gridPos": {"x": self.x, "y": self.y, "w": width, "h": height},
                 "fieldConfig": {"defaults": defaults, "overrides": more.pop("overrides", [])}, "options": more.pop("options", {}),
                 "targets": [{"refId": name, "expr": query.expression, "legendFormat": query.legend, "datasource": DATASOURCE, "instant": instant,
                              "range": not instant, "format": "table" if kind == "table" else "time_series"}
                             for name, query in queries.items()],
                 "pgvigil": {"mayBeEmpty": {name: query.may_be_empty for name, query in queries.items() if query.may_be_empty},
                             "thresholds": {name: {"alert": query.alert[0], "severity": query.alert[1], "limit": query.limit}
                                            for name, query in queries.items() if query.alert}}}
        panel.update(more)
        self.panels.append(panel)
        self.x += width
        self.height = max(self.height, height)

    def stat(self, title, description, queries, **more):
        options = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "colorMode": "background", "graphMode": "none",
                   "textMode": more.pop("text_mode", "auto"), "justifyMode": "auto", "orientation": "auto"}
        more["mappings"] = [*more.get("mappings", []), NOTHING]
        self.add("stat", title, description, queries, options=options, size=more.pop("size", (4, 4)), **more)

    def judged(self, title, description, value, levels, **more):
        """A stat whose colour and words are the alerts' own judgement: one query a level, of which one answers at a time.

        `levels` are (alert, severity, words, condition put after the value) in rising order; `unknown` is what is said
        instead where there is no value, and `ask` where to look for the reason.
        """
        who, what, ask = more.pop("who", ""), more.pop("well", ""), more.pop("ask", "see Primary")
        name = who and f"{who}: "
        over = [f"({value}) {condition}" for _, _, _, condition in levels]
        queries = [Query(" unless ".join(f"({part})" for part in (value, *over)), what or who, may_be_empty="only while no alert's condition holds")]
        for i, (alert, severity, text, condition) in enumerate(levels):
            queries.append(Query(" unless ".join(f"({part})" for part in over[i:]), name + text, (alert, severity), condition,
                                 may_be_empty="only while the alert's condition holds"))
        overrides = [{"matcher": {"id": "byFrameRefID", "options": chr(66 + i)},
                      "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": SEVERITIES[severity]}}]}
                     for i, (_, severity, _, _) in enumerate(levels)]
        if "unknown" in more:
            queries.append(Query(more.pop("unknown"), who or ask, may_be_empty="only while the value is not known"))
        self.stat(title, description, queries, overrides=overrides, text_mode=more.pop("text_mode", "value_and_name"), **more)

    def series(self, title, description, queries, **more):
        custom = {"lineWidth": 1, "fillOpacity": 10, "showPoints": "never", "spanNulls": False,
                  "thresholdsStyle": {"mode": "line" if "thresholds" in more else "off"}, **more.pop("custom", {})}
        overrides = more.pop("overrides", [])
        for i, query in enumerate(queries):
            if not isinstance(query, Query):
                continue
            properties = []
            if query.alert:
                properties += [{"id": "color", "value": {"mode": "fixed", "fixedColor": SEVERITIES[query.alert[1]]}},
                               {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [10, 10]}}, {"id": "custom.fillOpacity", "value": 0}]
            if query.unit:
                properties += [{"id": "unit", "value": query.unit}, {"id": "custom.axisPlacement", "value": "right"}]
            if properties:
                overrides.append({"matcher": {"id": "byFrameRefID", "options": chr(65 + i)}, "properties": properties})
        self.add("timeseries", title, description, queries, custom=custom, overrides=overrides,
                 options={"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True}, "tooltip": {"mode": "multi", "sort": "desc"}}, **more)

    def states(self, title, description, queries, values, **more):
        self.add("state-timeline", title, description, queries, mappings=words(*values), custom={"lineWidth": 0, "fillOpacity": 80},
                 options={"mergeValues": True, "showValue": "auto", "rowHeight": 0.9,
                          "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom"}},
                 **more)


def column(name, **properties):
    return {"matcher": {"id": "byName", "options": name}, "properties": [{"id": key, "value": value} for key, value in properties.items()]}


def coloured(name, *pairs):
    """A column whose cells have words and colours."""
    return column(name, mappings=words(*pairs), **{"custom.cellOptions": {"type": "color-background", "mode": "basic"}})


STATES = {"streaming": GREEN, "catching_up": YELLOW, "archive_recovery": BLUE, "paused": PURPLE, "disconnected": ORANGE, "diverged": RED}
DECLARED = of_cluster("pgvigil_cluster_instances", 'state="declared"')
READY = of_cluster("pgvigil_cluster_instances", 'state="ready"')
RPO_OBJECTIVE = of_cluster("pgvigil_objective_rpo_seconds", 'loss="primary"')
UNKNOWN, BY_DESIGN, ALONE, NO_ARCHIVE, NEVER = -1, -2, -3, -4, -5
UNKNOWNS = ((UNKNOWN, "UNKNOWN", RED), (BY_DESIGN, "replica cluster", GREY), (ALONE, "no standby declared", GREY))


def unknown_of_cluster(value, alone=False):
    """Instead of a value: unknown, unless it is none that such a cluster has. Replica clusters declare no loss of a primary."""
    first = f"0 * ({DECLARED} == 1) - 3 or " if alone else ""
    return f"({first}0 * {RPO_OBJECTIVE} - 1 or 0 * {DECLARED} - 2) unless on ({BY_CLUSTER}) ({value})"


def unknown_of_archive(value, first=""):
    """As that of a cluster, for what is read from archives: without any there is nothing to know."""
    archives = of_cluster("pgvigil_cluster_archives")
    return f"(0 * ({archives} == 0 and on ({BY_CLUSTER}) {RPO_OBJECTIVE}) - 4 or {first}0 * {RPO_OBJECTIVE} - 1 or 0 * {DECLARED} - 2) unless on ({BY_CLUSTER}) ({value})"


def unknown_of_instance(value):
    return f"(0 * {of_instance('pg_up')} - 1) unless on ({BY_INSTANCE}) ({value})"


def cluster_dashboard():
    board = Dashboard("pgvigil-cluster", "pgvigil / Cluster", "Is there one primary, do the standbys follow, what would be lost now", False,
                      link_to("Instances", "pgvigil-instance"))
    board.row("What is wrong now")
    board.stat("Primary",
               "Instances that answer as primary. NONE: nothing can be written. TWO OR MORE: what all but one take is lost. UNKNOWN: "
               "an instance that could be the primary does not answer, see the table of instances. Alerts: PgNoPrimary, PgTwoPrimaries, PgPrimaryUnknown.",
               [(f"{of_cluster('pgvigil_cluster_primaries')} or 0 * {RPO_OBJECTIVE} - 1 or 0 * {DECLARED} - 2", "primaries")],
               mappings=[*words((0, "NONE", RED), (1, "one", GREEN), *UNKNOWNS), from_on(2, "TWO OR MORE", RED)])
    counted = (f'{READY} / {DECLARED} * on ({BY_CLUSTER}) group_left (ready) count_values by ({BY_CLUSTER}) ("ready", {READY})'
               f' * on ({BY_CLUSTER}) group_left (declared) count_values by ({BY_CLUSTER}) ("declared", {DECLARED})')
    board.judged("Instances that answer", "Declared instances, and those of them that answer SQL. Fewer than declared: the table of instances says which "
                 "one does not. Alerts: PgInstanceDown, PgInstanceUnreachable.", counted,
                 [("PgInstanceDown", "warning", "{{ready}} of {{declared}}", "< 1"), ("PgInstanceDown", "critical", "NONE of {{declared}}", "== 0")],
                 well="{{ready}} of {{declared}}", text_mode="name", unit="percentunit")
    rpo = of_cluster("pgvigil_rpo_seconds", 'loss="primary"')
    lost = f"{rpo} unless on ({BY_CLUSTER}) {DECLARED} == 1"
    board.judged("Lost if the primary died now", "Time whose commits no reachable standby has; without bound when none follows. Over the objective: do not "
                 "fail over now if you can wait, and see the replication states for the standby that fell behind. Alerts: PgRpoPrimaryOverObjective, "
                 "PgRpoPrimaryUnknown.", lost,
                 [("PgRpoPrimaryOverObjective", "critical", "over the objective", f"> on ({BY_CLUSTER}) {RPO_OBJECTIVE}")],
                 well="within the objective", unknown=unknown_of_cluster(lost, alone=True), unit="s", decimals=1,
                 mappings=[*words(*UNKNOWNS), from_on(1e15, "WITHOUT BOUND", RED)])
    behind = (f"sum by ({BY_CLUSTER}) (" + most(BY_INSTANCE + ", state", "pgvigil_replication_state", CLUSTER + ',state=~"disconnected|diverged"') + ")")
    diverged = of_cluster("pgvigil_replication_state", 'state="diverged"')
    board.judged("Standbys that do not follow", "Standbys that are disconnected, or diverged and have to be rebuilt. One that does not answer is counted under "
                 "Instances that answer. Alerts: PgStandbyDisconnected, PgStandbyDiverged.", behind,
                 [("PgStandbyDisconnected", "warning", "disconnected", "> 0"),
                  ("PgStandbyDiverged", "critical", "diverged", f"and on ({BY_CLUSTER}) {diverged} == 1")],
                 well="all follow", unknown=unknown_of_cluster(behind, alone=True), mappings=words(*UNKNOWNS))
    waiters = of_cluster("pgvigil_sync_waiters")
    required, streaming = (of_cluster("pgvigil_sync_standbys", f'state="{state}"') for state in ("required", "streaming"))
    missing = f"{required} > on ({BY_CLUSTER}) {streaming}"
    # Streaming is not confirming: a commit waits for what is received or, where synchronous_commit is remote_apply (4), replayed.
    stuck, unapplied = (f"max by ({BY_CLUSTER}) (changes(pg_recovery_{position}_bytes{{{CLUSTER}}}[130s])) == 0" for position in ("received", "replayed"))
    primary = f'pgvigil_instance_role{{{CLUSTER},role="primary"}} == 1'
    applied = f"max by ({BY_CLUSTER}) (pg_settings_synchronous_commit{{{CLUSTER}}} and on ({BY_INSTANCE}) {primary}) == 4"
    blocked = f"{missing} or on ({BY_CLUSTER}) {stuck} or on ({BY_CLUSTER}) {unapplied} and on ({BY_CLUSTER}) {applied}"
    board.judged("Commits that wait",
                 "Backends whose commit waits for a synchronous standby. To wait is normal while the standbys confirm; if too few stream, or "
                 "none confirms, commits wait for ever: bring the standby back. Alerts: PgCommitsBlocked, PgSyncStandbysMissing.", waiters,
                 [("PgSyncStandbysMissing", "warning", "a standby is missing", f"and on ({BY_CLUSTER}) {required} - on ({BY_CLUSTER}) {streaming} > 0"),
                  ("PgCommitsBlocked", "critical", "BLOCKED", f"> 0 and on ({BY_CLUSTER}) ({blocked})")],
                 well="none is blocked", unknown=unknown_of_cluster(waiters), mappings=words(*UNKNOWNS))
    slots = most(BY_INSTANCE + ", slot_name", "pg_replication_slot_wal_status_state", CLUSTER + ',wal_status=~"lost|unreserved"')
    asked = of_cluster("pgvigil_query_success", 'query="pg_replication_slot_wal_status"')
    endangered = f"count by ({BY_CLUSTER}) ({slots} == 1) or 0 * ({asked} == 1)"
    lost_slots = most(BY_CLUSTER, "pg_replication_slot_wal_status_state", CLUSTER + ',wal_status="lost"')
    board.judged("Slots in danger", "Replication slots that lost WAL they need, or lose it at the next checkpoint. Bring the client of an unreserved one back "
                 "now; a lost one has to be made anew, with its standby or subscriber. Alerts: PgSlotNearInvalidation, PgSlotLost.", endangered,
                 [("PgSlotNearInvalidation", "critical", "about to be lost", "> 0"),
                  ("PgSlotLost", "critical", "LOST", f"and on ({BY_CLUSTER}) {lost_slots} == 1")],
                 well="none", unknown=unknown_of_cluster(endangered), mappings=words(*UNKNOWNS))
    firing = f'{CLUSTER},alertstate="firing"'
    own = 'pg_cluster="",component="exporter",severity!="none",alertstate="firing"'
    since = "ALERTS_FOR_STATE and ignoring (alertstate)"
    board.add("table", "Firing alerts",
              "What fires for this cluster, and for pgvigil itself, longest first. A click on a name opens its runbook, on an instance its "
              "dashboard.",
              [Query(f"1000 * max by (alertname, severity, pg_instance) ({since} ALERTS{{{firing}}} or {since} ALERTS{{{own}}})",
                     may_be_empty="only while an alert fires")],
              size=(24, 6), none="Nothing fires", options={"showHeader": True, "sortBy": [{"displayName": "Since", "desc": False}]},
              transformations=[{"id": "organize", "options": {
                  "excludeByName": {"Time": True}, "indexByName": {"severity": 0, "alertname": 1, "pg_instance": 2, "Value": 3},
                  "renameByName": {"severity": "Severity", "alertname": "Alert", "pg_instance": "Instance", "Value": "Since"}}}],
              overrides=[coloured("Severity", *((severity, severity, colour) for severity, colour in SEVERITIES.items())),
                         column("Since", unit="dateTimeFromNow"),
                         column("Alert", links=[{"title": "Runbook", "url": RUNBOOKS + "${__data.fields.Alert}.md", "targetBlank": True}]),
                         column("Instance", links=[TO_INSTANCE])])

    board.row("Roles and replication")
    board.states("Role", "Who was primary when. Two bars that say primary at one time are a split brain; a gap is an instance that did not answer. "
                 "Alerts: PgTwoPrimaries, PgNoPrimary, PgPrimaryUnknown.",
                 [(most("pg_instance", "pgvigil_instance_role", CLUSTER + ',role="primary"'), "{{pg_instance}}")],
                 [(0, "standby", BLUE), (1, "primary", GREEN)], size=(12, 8))
    number = " + ".join(f"{i} * " + most("pg_instance", "pgvigil_replication_state", f'{CLUSTER},state="{state}"') for i, state in enumerate(STATES) if i)
    board.states("Replication state", "How each standby is fed. Disconnected: look at its WAL receiver's log; diverged: rebuild or rewind it; paused: resume "
                 "replay. Alerts: PgStandbyDisconnected, PgStandbyDiverged, PgReplayPaused.",
                 [(number, "{{pg_instance}}")], [(i, state.replace("_", " "), colour) for i, (state, colour) in enumerate(STATES.items())], size=(12, 8))
    board.series("Lag of what is replayed, in time", "How long ago the primary passed what each standby has replayed: how old a read on it is. Right also when "
                 "idle or cut off. Only this one high: replay is slow or held up by a query. Alert: PgReplicationLagSecondsHigh.",
                 [(most("pg_instance", "pgvigil_replication_lag_seconds", CLUSTER + ',position="replayed"'), "{{pg_instance}}"),
                  line(of_cluster("pgvigil_objective_replication_lag_seconds"), "PgReplicationLagSecondsHigh", "warning")], unit="s", size=(12, 8))
    board.series("Lag of what is received, in time",
                 "How long ago the primary passed what each standby has received: what would be lost with the primary if that "
                 "standby were promoted. High: the network, or the standby's disk.",
                 [(most("pg_instance", "pgvigil_replication_lag_seconds", CLUSTER + ',position="received"'), "{{pg_instance}}")], unit="s", size=(12, 8))
    board.series("Lag in WAL",
                 "WAL between the primary's flush position and what each standby has received. It grows without end on a standby that is cut off. "
                 "Alert: PgReplicationLagBytesHigh.",
                 [(most("pg_instance", "pgvigil_replication_lag_bytes", CLUSTER + ',position="received"'), "{{pg_instance}}"),
                  line(of_cluster("pgvigil_objective_replication_lag_bytes"), "PgReplicationLagBytesHigh", "warning")], unit="bytes")
    board.series("What would be lost with the primary",
                 "Commits that no reachable standby has, in time and, on the right, in WAL. Nothing is drawn where the loss "
                 "has no bound. Alerts: PgRpoPrimaryOverObjective, PgRpoPrimaryUnknown.",
                 [(rpo, "time"),
                  line(RPO_OBJECTIVE, "PgRpoPrimaryOverObjective", "critical"),
                  Query(of_cluster("pgvigil_rpo_bytes", 'loss="primary"'), "WAL", unit="bytes")], unit="s")
    board.series("Timeline", "The timeline each instance is on: one more at every promotion. An instance that stays below the others has not followed; of two "
                 "primaries the higher one was promoted later. Alerts: PgStandbyDiverged, PgTwoPrimaries.",
                 [(most("pg_instance", "pgvigil_timeline_id", CLUSTER), "{{pg_instance}}")], unit="none", decimals=0,
                 custom={"lineInterpolation": "stepAfter", "fillOpacity": 0})

    board.row("Synchronous replication and slots")
    board.series("Synchronous standbys",
                 "Asked for, and streaming as sync or quorum; and commits that wait for them. Fewer streaming than required: commits wait "
                 "until one is back or synchronous_standby_names asks for less. Alerts: PgSyncStandbysMissing, PgCommitsBlocked.",
                 [(most("state", "pgvigil_sync_standbys", CLUSTER), "{{state}}"), (waiters, "commits that wait")], decimals=0)
    retained = of_cluster("pgvigil_objective_slot_retained_bytes")
    board.series("WAL retained by slots",
                 "WAL the servers keep for each slot, which fills the disk in the end. Bring the client back, or drop a slot that nobody "
                 "needs. Alerts: PgSlotRetainingOverObjective, PgSlotInactive.",
                 [(most("pg_instance, slot_name", "pg_replication_slots_retained_bytes", CLUSTER), "{{pg_instance}} {{slot_name}}"),
                  line(retained, "PgSlotRetainingOverObjective", "warning"),
                  line(f"4 * {retained}", "PgSlotRetainingOverObjective", "critical", "4 × objective")], unit="bytes",
                 none="There are no slots")
    unlimited = "only where max_slot_wal_keep_size limits slots"
    board.series("WAL until slots are in danger",
                 "WAL that may be written before a slot loses what it needs; at 0 it is lost with the next checkpoint. Bring the "
                 "client back, or raise max_slot_wal_keep_size if the disk has room. Alerts: PgSlotNearInvalidation, PgSlotLost.",
                 [Query(most("pg_instance, slot_name", "pg_replication_slots_safe_wal_size_bytes", CLUSTER, "min"), "{{pg_instance}} {{slot_name}}",
                        may_be_empty=unlimited),
                  line("0.2 * " + most("pg_instance", "pg_settings_max_slot_wal_keep_size_bytes", CLUSTER), "PgSlotNearInvalidation", "warning",
                       "{{pg_instance}} 20 %", may_be_empty=unlimited)],
                 unit="bytes", none="max_slot_wal_keep_size is unlimited: slots are safe, the disk is not")

    # The exporters that watch this cluster; what they say of themselves names no cluster.
    watching = f"and on (job, instance) pgvigil_cluster_info{{{CLUSTER}}}"
    board.row("The exporter")
    board.states("Does pgvigil see everything",
                 "Whether each source answered when it was last asked. If nothing is drawn pgvigil itself is down or not scraped. "
                 "Alerts: PgSourceFailing, PgExporterDown.",
                 [(most("pg_instance, source", "pgvigil_source_up", CLUSTER, "min"), "{{pg_instance}} {{source}}")],
                 [(0, "fails", RED), (1, "answers", GREEN)])
    board.series("Scrape duration",
                 "Time a page took, waiting for instances included. It must stay below the scrape timeout; an instance that hangs shows here. "
                 "Whether pgvigil itself is short of CPU is in Loop lag (alert PgExporterLoopLagging).",
                 [(f"max by (instance) (pgvigil_scrape_duration_seconds {watching})", "{{instance}}")], unit="s")
    board.series("Loop lag", "Greatest lateness of pgvigil's event loop. Above the line a missed observation is no evidence: give it more CPU. "
                 "Alert: PgExporterLoopLagging.",
                 [(f"max by (instance) (pgvigil_loop_lag_seconds {watching})", "{{instance}}")], unit="s", thresholds=steps(("warning", 0.25)))
    board.series("Left out and reloaded",
                 "Samples left out of pages, by reason; and on the right whether the newest configuration was taken up, which pgvigil's "
                 "log explains if not. Alerts: PgConfigReloadFailed, PgWatchdog.",
                 [(f"sum by (instance, reason) (rate(pgvigil_samples_dropped_total[$__rate_interval]) {watching})", "{{instance}} {{reason}}"),
                  Query(f"min by (instance) (pgvigil_config_last_reload_successful {watching})", "{{instance}} configuration taken up", unit="bool_yes_no")],
                 unit="cps", size=(24, 6))

    board.row("Instances")
    columns = {"pg_instance": "Instance", "Value #A": "Answers", "role": "Role", "state": "Replication", "Value #D": "Timeline", "Value #E": "Replay behind",
               "Value #F": "Replay behind, in time", "Value #G": "Running for", "version": "Version"}
    board.add("table", "Every instance",
              "Each instance with what it says of itself. One that is DOWN says nothing else: its log and its host come next. A click on its "
              "name opens its dashboard. Alerts: PgInstanceDown, PgInstanceUnreachable.",
              [(most("pg_instance", "pg_up", CLUSTER),), (most("pg_instance, role", "pgvigil_instance_role", CLUSTER) + " == 1",),
               (most("pg_instance, state", "pgvigil_replication_state", CLUSTER) + " == 1",),
               (most("pg_instance", "pgvigil_timeline_id", CLUSTER),),
               (most("pg_instance", "pgvigil_replication_lag_bytes", CLUSTER + ',position="replayed"'),),
               (most("pg_instance", "pgvigil_replication_lag_seconds", CLUSTER + ',position="replayed"'),),
               ("time() - " + most("pg_instance", "pg_postmaster_start_timestamp_seconds", CLUSTER),),
               (most("pg_instance, version", "pg_server_info", CLUSTER),)],
              size=(24, 8), transformations=[
                  {"id": "merge", "options": {}},
                  {"id": "organize", "options": {
                      "excludeByName": {"Time": True, "Value #B": True, "Value #C": True, "Value #H": True},
                      "indexByName": {name: i for i, name in enumerate(columns)}, "renameByName": columns}}],
              overrides=[
                  coloured("Answers", (0, "DOWN", RED), (1, "answers", GREEN)),
                  coloured("Role", ("primary", "primary", GREEN), ("standby", "standby", BLUE)),
                  coloured("Replication", *((state, state.replace("_", " "), colour) for state, colour in STATES.items())),
                  column("Timeline", unit="none", decimals=0),
                  column("Replay behind", unit="bytes"), column("Replay behind, in time", unit="s"), column("Running for", unit="dtdurations"),
                  column("Instance", links=[TO_INSTANCE])])
    return board.content


def backups_dashboard():
    board = Dashboard("pgvigil-backups", "pgvigil / Backups and recovery",
                      "To which times could one recover, what would be lost with the site, do WAL and backups arrive", False,
                      link_to("Cluster", "pgvigil-cluster"))
    done = f"max by (archive, method) (pgvigil_backup_last_success_timestamp_seconds{{{CLUSTER}}})"
    board.content["annotations"]["list"].append({
        "name": "Backup done", "datasource": DATASOURCE, "enable": True, "iconColor": "blue", "hide": False,
        "expr": f"changes({done}[2m:15s]) > 0", "titleFormat": "Backup done", "tagKeys": "archive,method"})
    on_cluster = f"on ({BY_CLUSTER})"
    in_archive, in_method, in_type = "archive", "archive, method", "archive, method, type"
    each, by_method, by_type = "{{archive}}", "{{archive}} {{method}}", "{{archive}} {{method}} {{type}}"
    proof, claim = 'evidence="proof"', 'evidence="claim"'

    def all_of(metric, *matchers, by=in_archive, how="max"):
        return most(by, metric, ",".join((CLUSTER, *matchers)), how)

    def least(metric, *matchers):
        return all_of(metric, *matchers, by=BY_CLUSTER, how="min")

    def words_for(*more):
        return words(*more, *UNKNOWNS, (NO_ARCHIVE, "NO ARCHIVE", YELLOW))

    board.row("What is wrong now")
    rpo, objective = (of_cluster(metric, 'loss="site"') for metric in ("pgvigil_rpo_seconds", "pgvigil_objective_rpo_seconds"))
    board.judged("Lost if the site died now",
                 "Time whose commits are in no archive behind a restorable backup. Over the objective: see under Archive what does not arrive; "
                 "EVERYTHING: take a backup now. Alerts: PgRpoSiteOverObjective, PgBackupNoneRestorable, PgRpoSiteUnknown, PgArchiveNotConfigured.", rpo,
                 [("PgRpoSiteOverObjective", "critical", "over the objective", f"< inf > {on_cluster} {objective}"),
                  ("PgBackupNoneRestorable", "critical", "no restorable backup", "== inf")],
                 well="within the objective", ask="see Archive", unknown=unknown_of_archive(rpo), unit="s", decimals=0,
                 mappings=[*words_for(), from_on(1e15, "EVERYTHING", RED)])
    effective = least("pgvigil_archive_effective")
    failing = of_cluster("pg_stat_archiver_failing")
    board.judged("WAL reaches the archive",
                 "Whether what the server calls archived is in the store, and whether its archiver succeeds. NO: archive_command says that it "
                 "is done, and it is not. Alerts: PgArchiveNotEffective, PgArchiverFailing.", effective,
                 [("PgArchiverFailing", "warning", "the archiver fails", f"and {on_cluster} {failing} == 1"),
                  ("PgArchiveNotEffective", "critical", "does not arrive", "== 0")],
                 well="it arrives", ask="see Archive", unknown=unknown_of_archive(effective), mappings=words_for((0, "NO", RED), (1, "yes", GREEN)))
    gaps = of_cluster("pgvigil_archive_gaps")
    histories, switch = (of_cluster(f"pgvigil_archive_{what}") for what in ("missing_histories", "switch_missing_segments"))
    board.judged("Holes in the archive", "Confirmed holes in the WAL from the oldest backup to the newest segment; no backup from before a hole reaches "
                 "beyond it. Look for the segments in every pg_wal at once. Alerts: PgArchiveGap, PgArchiveSwitchWalMissing, PgArchiveHistoryMissing.", gaps,
                 [("PgArchiveGap", "warning", "WAL is missing", "> 0"),
                  ("PgArchiveHistoryMissing", "critical", "a history is missing", f"and {on_cluster} {histories} > 0"),
                  ("PgArchiveSwitchWalMissing", "critical", "LOST AT A PROMOTION", f"and {on_cluster} {switch} > 0")],
                 well="none", ask="see Archive", unknown=unknown_of_archive(gaps), mappings=words_for())
    success = "pgvigil_backup_last_success_timestamp_seconds"
    newest = f"time() - ({of_cluster(success, proof)} or {on_cluster} {of_cluster(success, claim)})"
    readable = of_cluster("pgvigil_source_up", 'source=~"objectstore|pgbackrest"')
    board.judged("Newest backup", "Age of the newest backup that can be restored. Over the objective: the table of newest backups says which kind fails. "
                 "NEVER: take one now. Alerts: PgBackupTooOld, PgBackupNever.", newest,
                 [("PgBackupTooOld", "critical", "over the objective", f"> {on_cluster} {of_cluster('pgvigil_objective_backup_age_seconds')}")],
                 well="within the objective", ask="see Archive", unknown=unknown_of_archive(newest, f"0 * ({readable} == 1) - 5 or "), unit="dtdurations",
                 mappings=words_for((NEVER, "NEVER", RED)))
    good = most(BY_CLUSTER + ", archive, method", "pgvigil_backups", CLUSTER + ',state="restorable"')
    restorable = f"sum by ({BY_CLUSTER}) ({good})"
    useless = of_cluster("pgvigil_backups", 'state=~"broken|orphan|archived_tier"')
    board.judged("Restorable backups", "Backups whose parts, WAL and ancestors are all there. NONE while others are kept: Backups by state says what they are. "
                 "Alert: PgBackupNoneRestorable.", restorable,
                 [("PgBackupNoneRestorable", "critical", "all are broken", f"== 0 and {on_cluster} {useless} > 0")],
                 well="can be restored", ask="see Archive", unknown=unknown_of_archive(restorable), mappings=words_for(), decimals=0)
    window = "pgvigil_recovery_window_start_timestamp_seconds"
    start, oldest = least(window, proof), least("pgvigil_backup_oldest_timestamp_seconds")
    promised = of_cluster("pgvigil_objective_recovery_window_seconds")
    earlier = f"min by ({BY_CLUSTER}) (min_over_time({window}{{{CLUSTER},{proof}}}[14d]))"
    short = (f"< {on_cluster} {promised} and {on_cluster} ({start} > {on_cluster} {earlier} or {on_cluster} {start} > {on_cluster} {oldest}"
             f" and {on_cluster} time() - {oldest} > {on_cluster} {promised})")
    board.judged("Recoverable for the last", "How far back the recovery window reaches. Shorter than the objective, and not because the cluster is young: retention "
                 "removes too much, or the chain from the older backups is broken. Alerts: PgRecoveryWindowTooShort, PgRecoveryWindowJumped.",
                 f"time() - {start}", [("PgRecoveryWindowTooShort", "warning", "shorter than promised", short)],
                 well="as promised, or young", ask="see Archive", unknown=unknown_of_archive(start), unit="dtdurations", mappings=words_for())
    firing = f'{CLUSTER},component=~"archive|backup|recovery",alertstate="firing"'
    board.add("table", "Firing alerts", "What fires for the archives and backups of this cluster, longest first. A click on a name opens its runbook.",
              [Query(f"1000 * max by (alertname, severity, archive, schedule) (ALERTS_FOR_STATE and ignoring (alertstate) ALERTS{{{firing}}})",
                     may_be_empty="only while an alert fires")],
              size=(24, 6), none="Nothing fires", options={"showHeader": True, "sortBy": [{"displayName": "Since", "desc": False}]},
              transformations=[{"id": "organize", "options": {
                  "excludeByName": {"Time": True}, "indexByName": {"severity": 0, "alertname": 1, "archive": 2, "schedule": 3, "Value": 4},
                  "renameByName": {"severity": "Severity", "alertname": "Alert", "archive": "Archive", "schedule": "Schedule", "Value": "Since"}}}],
              overrides=[coloured("Severity", *((severity, severity, colour) for severity, colour in SEVERITIES.items())),
                         column("Since", unit="dateTimeFromNow"),
                         column("Alert", links=[{"title": "Runbook", "url": RUNBOOKS + "${__data.fields.Alert}.md", "targetBlank": True}])])

    board.row("Recovery")
    board.series("Recovery window",
                 "The band is what can be recovered: how long ago its begin and its end are. A lower end that rises: WAL does not arrive; an upper "
                 "end that falls at once: the chain from older backups broke. Alerts: PgRecoveryWindowTooShort, PgRecoveryWindowJumped.",
                 [(f"time() - {all_of(window, proof, by=BY_CLUSTER, how='min')}", "begin"),
                  (f"time() - {of_cluster('pgvigil_recovery_window_end_timestamp_seconds', proof)}", "end"),
                  line(promised, "PgRecoveryWindowTooShort", "warning", may_be_empty="only where a window is declared")],
                 unit="dtdurations", size=(12, 8), custom={"fillOpacity": 0},
                 overrides=[{"matcher": {"id": "byFrameRefID", "options": "A"},
                             "properties": [{"id": "custom.fillBelowTo", "value": "end"}, {"id": "custom.fillOpacity", "value": 25}]}])
    board.series("What would be lost with the site",
                 "Commits that no archive could bring back, in time and, on the right, in WAL. Nothing is drawn where everything would be lost. "
                 "Alerts: PgRpoSiteOverObjective, PgRpoSiteUnknown.",
                 [(rpo, "time"), line(objective, "PgRpoSiteOverObjective", "critical"),
                  Query(of_cluster("pgvigil_rpo_bytes", 'loss="site"'), "WAL", unit="bytes")], unit="s", size=(12, 8))
    begins = [all_of(window, evidence, by=in_method, how="min") for evidence in (claim, proof)]
    ends = [all_of(success, evidence, by=in_type) for evidence in (claim, proof)]
    board.series("Claimed and not proven",
                 "How far the begin of the window that the operator or the tool claims is from the proven one, and by how much the newest backup called "
                 "done is newer than the newest restorable one. Trust the store. Alerts: PgRecoveryClaimDisagrees, PgBackupUnproven.",
                 [Query(f"abs({begins[0]} - on ({in_method}) {begins[1]})", f"{by_method} window", may_be_empty="only where something is claimed"),
                  Query(f"{ends[0]} - on ({in_type}) {ends[1]}", f"{by_type} backup", may_be_empty="only where something is claimed")],
                 unit="s", thresholds=steps(("warning", 3600)), size=(12, 8), none="Nothing is claimed")
    board.series("Age of the newest backup",
                 "Age of the newest restorable backup, by type, and the objective, which the newest of all must keep. A new type that stays away is in the "
                 "table of newest backups. Alerts: PgBackupTooOld, PgBackupNever.",
                 [(f"time() - {all_of(success, proof, by=in_type)}", by_type),
                  line(of_cluster("pgvigil_objective_backup_age_seconds"), "PgBackupTooOld", "critical")], unit="dtdurations", size=(12, 8))

    board.row("Archive")
    facts = {"archive": ("Archive", None), "effective": ("WAL arrives", "pgvigil_archive_effective"), "backlog": ("Not stored", "pgvigil_archive_backlog_bytes"),
             "segments": ("Segments not stored", "pgvigil_archive_backlog_segments"), "gaps": ("Holes", "pgvigil_archive_gaps"),
             "missing": ("Segments missing", "pgvigil_archive_missing_segments"), "timeline": ("Timeline", "pgvigil_archive_timeline_id"),
             "highest": ("Highest timeline", "pgvigil_archive_highest_timeline_id"), "conflicts": ("Foreign objects", "pgvigil_archive_conflicts"),
             "retention": ("Retention", "pgvigil_archive_retention_seconds")}
    read = [name for name, (_, metric) in facts.items() if metric]
    columns = {"archive": "Archive", **{f"Value #{chr(65 + i)}": facts[name][0] for i, name in enumerate(read)}}
    board.add("table", "Archives",
              "Each archive with what is stored there and what is not. WAL arrives: NO is an outage of the archive, whatever the server says. Alerts: "
              "PgArchiveNotEffective, PgArchiveBacklogGrowing, PgArchiveGap, PgArchiveTwoWriters, PgBackupRetentionNotEnforced.",
              [Query(all_of(facts[name][1], how="min" if name == "effective" else "max"),
                     may_be_empty="only where a retention is declared" if name == "retention" else "") for name in read],
              size=(24, 6), none="No archive is configured, or none could be read",
              transformations=[{"id": "merge", "options": {}},
                               {"id": "organize", "options": {"excludeByName": {"Time": True}, "indexByName": {name: i for i, name in enumerate(columns)},
                                                              "renameByName": columns}}],
              overrides=[coloured("WAL arrives", (0, "NO", RED), (1, "yes", GREEN)), column("Not stored", unit="bytes"),
                         *(column(name, unit="none", decimals=0) for name in ("Timeline", "Highest timeline")), column("Retention", unit="dtdurations")])
    board.series("Segments not stored",
                 "Whole segments that the primary has filled and the archive does not hold. Some are on their way; if they become more for half an hour, see "
                 "Archiver on the instance. Alerts: PgArchiveBacklogGrowing, PgArchiveWalOld.",
                 [(all_of("pgvigil_archive_backlog_segments"), each)], decimals=0, thresholds=steps(("warning", 16), ("critical", 256)))
    board.series("Age of the newest WAL stored",
                 "Time since the newest segment that recovery can use was stored, and since the server reported one. It grows on an idle primary, too; with "
                 "segments not stored it must stay below the objective. Alert: PgArchiveWalOld.",
                 [(f"time() - {all_of('pgvigil_archive_last_wal_timestamp_seconds', by='archive, evidence')}", "{{archive}} {{evidence}}"),
                  line(objective, "PgArchiveWalOld", "warning")], unit="s")
    waiting = most("pg_instance", "pg_wal_directory_oldest_ready_timestamp_seconds", CLUSTER)
    board.series("WAL waits for the archiver", "How long the oldest file has waited for archive_command. Above the line a failure fills the disk: the server's log "
                 "says why. Alert: PgArchiverFailing.",
                 [Query(f"time() - {waiting}", "{{pg_instance}}", may_be_empty="only while a file waits")], unit="s", thresholds=steps(("critical", 1800)),
                 none="Nothing waits")
    board.series("Missing in the archive",
                 "Segments missing from the middle, segments needed up to a promotion, and timeline history files. Each ends recovery where it is. "
                 "Look for them in every pg_wal. Alerts: PgArchiveGap, PgArchiveSwitchWalMissing, PgArchiveHistoryMissing.",
                 [(all_of(f"pgvigil_archive_{metric}"), f"{each} {what}")
                  for metric, what in (("missing_segments", "segments"), ("switch_missing_segments", "segments at a promotion"),
                                       ("missing_histories", "histories"))], decimals=0)
    primary = f'pgvigil_instance_role{{{CLUSTER},role="primary"}} == 1'
    board.series("Timelines",
                 "The primary's timeline, the one on which the proven chain ends, and the highest one stored. Behind the primary: nothing arrives since its "
                 "promotion; above it: recovery would follow a stranger. Alerts: PgArchiveNewTimelineMissing, PgArchiveHigherTimeline.",
                 [(f"max by ({BY_CLUSTER}) (pgvigil_timeline_id{{{CLUSTER}}} and on ({BY_INSTANCE}) {primary})", "primary"),
                  (all_of("pgvigil_archive_timeline_id"), f"{each} chain"), (all_of("pgvigil_archive_highest_timeline_id"), f"{each} highest")],
                 unit="none", decimals=0, custom={"lineInterpolation": "stepAfter", "fillOpacity": 0})
    board.series("Signs of another writer", "Objects under the archive's path that this cluster cannot have written, by what gives them away. Any: stop the other "
                 "writer first, then give it a path of its own. Alert: PgArchiveTwoWriters.",
                 [(all_of("pgvigil_archive_conflicts", by="archive, kind"), f"{each} {{{{kind}}}}")], decimals=0)
    board.states("Does pgvigil see the archives", "Whether each archive could be read when it was last asked. If not, everything here grows old: credentials, bucket, "
                 "network. Alert: PgArchiveUnreadable.",
                 [(most("archive, source", "pgvigil_source_up", CLUSTER + ',source=~"objectstore|pgbackrest"', "min"), f"{each} {{{{source}}}}")],
                 [(0, "fails", RED), (1, "answers", GREEN)])
    board.series("Clock of the store", "By how much the store's clock differs from pgvigil's. Ages are wrong by as much: mend the clock. Alert: PgArchiveClockSkew.",
                 [(f"max by (archive) (abs(pgvigil_archive_clock_skew_seconds{{{CLUSTER}}}))", each)], unit="s", thresholds=steps(("warning", 60)))
    board.series("Requests to the store", "Requests that pgvigil makes for all clusters, by operation: what watching costs. Many more than before: the listing "
                 "interval is short for the number of objects.",
                 [("sum by (operation) (rate(pgvigil_objectstore_requests_total[$__rate_interval]))", "{{operation}}")], unit="reqps")

    board.row("Backups")
    board.series("Backups by state",
                 "Backups kept, by what they are. Broken: parts or WAL are missing; orphan: files without metadata; archived_tier: in a tier that cannot be "
                 "read at once. None restorable: take one now. Alerts: PgBackupNoneRestorable, PgBackupUnproven.",
                 [(all_of("pgvigil_backups", by="archive, method, state"), f"{by_method} {{{{state}}}}")], decimals=0,
                 custom={"stacking": {"mode": "normal"}, "fillOpacity": 60}, size=(12, 8))
    columns = {"schedule": "Schedule", "Value #A": "Due", "Value #B": "Overdue", "Value #C": "Suspended"}
    unscheduled = "only where backups are scheduled"
    board.add("table", "Schedules", "When each schedule is due, and by how much it is late. Suspended ones make no backups and are never late. "
              "Alerts: PgBackupOverdue, PgBackupScheduleSuspended.",
              [Query(expression, may_be_empty=unscheduled) for expression in (
                  f"1000 * {all_of('pgvigil_backup_due_timestamp_seconds', by='schedule')}",
                  all_of("pgvigil_backup_overdue_seconds", by="schedule"), all_of("pgvigil_backup_schedule_suspended", by="schedule"))],
              size=(12, 8), none="No backups are scheduled",
              transformations=[{"id": "merge", "options": {}},
                               {"id": "organize", "options": {"excludeByName": {"Time": True}, "indexByName": {name: i for i, name in enumerate(columns)},
                                                              "renameByName": columns}}],
              overrides=[column("Due", unit="dateTimeFromNow"), column("Overdue", unit="dtdurations"),
                         coloured("Suspended", (0, "no", GREEN), (1, "SUSPENDED", YELLOW))])
    failure = "pgvigil_backup_last_failure_timestamp_seconds"
    columns = {"archive": "Archive", "method": "Method", "type": "Type", "Value #A": "Restorable", "Value #B": "Called done", "Value #C": "Failed",
               "Value #D": "Took", "Value #E": "Size"}
    board.add("table", "Newest backups",
              "Of each kind the newest backup that can be restored, that is called done, and that failed. Failed after done: its log says why; done and not "
              "restorable: its WAL or parts are missing. Alerts: PgBackupFailed, PgBackupUnproven, PgBackupTooOld, PgBackupNever.",
              [Query(f"1000 * {all_of(success, proof, by=in_type)}"),
               Query(f"1000 * {all_of(success, claim, by=in_type)}", may_be_empty="only where something is claimed"),
               Query(f"1000 * {all_of(failure, by=in_type)}", may_be_empty="only while a failed backup is kept"),
               Query(all_of("pgvigil_backup_last_duration_seconds", by=in_type)), Query(all_of("pgvigil_backup_last_size_bytes", by=in_type))],
              size=(24, 7), none="There are no backups",
              transformations=[{"id": "merge", "options": {}},
                               {"id": "organize", "options": {"excludeByName": {"Time": True}, "indexByName": {name: i for i, name in enumerate(columns)},
                                                              "renameByName": columns}}],
              overrides=[*(column(name, unit="dateTimeFromNow") for name in ("Restorable", "Called done", "Failed")), column("Took", unit="dtdurations"),
                         column("Size", unit="bytes")])
    few = "only once there were several of a type"
    board.series("Duration of backups", "Time the newest backup of each type took, and twice the usual. Above the line: the server, its disk or the way to "
                 "the store is slow, and a restore will be, too. Alert: PgBackupSlow.",
                 [(all_of("pgvigil_backup_last_duration_seconds", by=in_type), by_type),
                  line(f"2 * {all_of('pgvigil_backup_usual_duration_seconds', by=in_type)}", "PgBackupSlow", "warning", f"{by_type} 2 × usual",
                       may_be_empty=few)], unit="dtdurations")
    board.series("Size of backups", "Size of the newest backup of each type, and half the usual one of a full backup. Below the line: data were removed, or the "
                 "backup lacks some. Alert: PgBackupSmall.",
                 [(all_of("pgvigil_backup_last_size_bytes", by=in_type), by_type),
                  line("0.5 * " + all_of("pgvigil_backup_usual_size_bytes", 'type="full"', by=in_type), "PgBackupSmall", "warning", f"{by_type} half of the usual",
                       may_be_empty=few)], unit="bytes")
    board.series("Overdue", "By how much each schedule is late. Look at the operator or the timer that should have started it. Alert: PgBackupOverdue.",
                 [Query(all_of("pgvigil_backup_overdue_seconds", by="schedule"), "{{schedule}}", may_be_empty=unscheduled)], unit="dtdurations",
                 thresholds=steps(("warning", 1800)), none="No backups are scheduled")
    kept = all_of("pgvigil_archive_retention_seconds")
    board.series("Age of the oldest backup", "Age of the oldest backup kept, and where retention should long have removed it. Above the line: nothing removes what is "
                 "old. Alert: PgBackupRetentionNotEnforced.",
                 [(f"time() - {all_of('pgvigil_backup_oldest_timestamp_seconds', by=in_method, how='min')}", by_method),
                  line(f"1.5 * {kept} + 604800", "PgBackupRetentionNotEnforced", "warning", f"{each} long past retention",
                       may_be_empty="only where a retention is declared")], unit="dtdurations")
    return board.content


def instance_dashboard():
    board = Dashboard("pgvigil-instance", "pgvigil / Instance", "One server: does it answer, is it full, who waits, what grows old", True,
                      link_to("Cluster", "pgvigil-cluster"))
    by = "by (pg_instance)"
    who = "{{pg_instance}}"

    def judged(title, description, value, levels, **more):
        mappings = words((UNKNOWN, "unknown", ORANGE), *more.pop("say", ()))
        board.judged(title, description, value, levels, who=who, unknown=unknown_of_instance(value), mappings=mappings, size=(8, 4), **more)

    board.row("What is wrong now")
    board.stat("SQL", "Whether the instance answered this scrape. DOWN: is its process there, does its log say why, does its host answer? "
               "Alerts: PgInstanceDown, PgInstanceUnreachable.", [(most("pg_instance", "pg_up", INSTANCE, "min"), who)],
               mappings=words((0, "DOWN", RED), (1, "answers", GREEN)), size=(8, 4), text_mode="value_and_name")
    usage = f"{of_instance('pg_connections_used')} / {of_instance('pg_connections_usable')}"
    objective = of_cluster("pgvigil_objective_connection_usage_ratio")
    nearly = f"(0.75 + 0.25 * {objective})"
    on_cluster = f"on ({BY_CLUSTER}) group_left ()"
    judged("Connections in use",
           "Share of the connections that ordinary roles may open; at 100 % clients are turned away. See who holds them under Sessions by "
           "state. Alert: PgConnectionsNearLimit.", usage,
           [("PgConnectionsNearLimit", "warning", "over the objective", f"> {on_cluster} {objective}"),
            ("PgConnectionsNearLimit", "critical", "NEARLY FULL", f"> {on_cluster} {nearly}")], unit="percentunit", decimals=0)
    # The fallback is of the same query file: without it the age is unknown, not 0.
    none_open = f"0 * {of_instance('pg_connections_used')}"
    oldest = f"time() - {of_instance('pg_stat_activity_oldest_transaction_start_timestamp_seconds', how='min')} or {none_open}"
    judged("Oldest transaction",
           "Age of the oldest open transaction; it keeps vacuum from removing what it might still see. End it if its owner agrees. Alert: PgLongTransaction.",
           oldest, [("PgLongTransaction", "warning", "open for hours", "> 7200")], unit="dtdurations", say=[(0, "none", GREEN)])
    waiting = of_instance("pg_lock_waiters_sessions")
    first = f"and on ({BY_INSTANCE}) time() - {of_instance('pg_lock_waiters_oldest_wait_start_timestamp_seconds', how='min')} > 300"
    many = f"and on ({BY_INSTANCE}) {waiting} > on ({BY_INSTANCE}) 0.1 * {of_instance('pg_connections_usable')}"
    judged("Sessions waiting for a lock",
           "Sessions that wait for a heavyweight lock. Some for a moment are normal; if they stay, pg_blocking_pids says for whom. "
           "Alert: PgLockWaits.", waiting,
           [("PgLockWaits", "warning", "for minutes", first), ("PgLockWaits", "critical", "MANY, for minutes", f"{first} {many}")], decimals=0)
    warned = {name: f"clamp_max(1.5 * {of_cluster(f'pg_settings_autovacuum_{setting}freeze_max_age')} / 2^31, 0.6)"
              for name, setting in (("xid", ""), ("mxid", "multixact_"))}
    judged("Transaction IDs used", "Share of the way to wraparound of the oldest database; at 100 % the server refuses to write. Who holds rows back says what "
           "keeps vacuum from freezing. Alert: PgXidWraparoundNear.", of_instance("pg_wraparound_xid_used_ratio"),
           [("PgXidWraparoundNear", "warning", "vacuum falls behind", f"> {on_cluster} {warned['xid']}"),
            ("PgXidWraparoundNear", "critical", "WRAPAROUND NEAR", "> 0.75")], unit="percentunit", decimals=1)
    started = of_instance("pg_postmaster_start_timestamp_seconds")
    earlier = f"{BY_INSTANCE}) (min_over_time(pg_postmaster_start_timestamp_seconds{{{INSTANCE}}}[1h]))"
    judged("Running for", "Time since the postmaster started. After a restart nobody asked for, read its log: a crash, the OOM killer, a failed probe. "
           "Alerts: PgInstanceRestarted, PgInstanceRestartLoop.", f"time() - {started}",
           [("PgInstanceRestarted", "info", "restarted", f"< 600 and on ({BY_INSTANCE}) {started} > min by ({earlier}"),
            ("PgInstanceRestartLoop", "warning", "again and again", f"and on ({BY_INSTANCE}) changes({started}[1h:30s]) >= 3")], unit="dtdurations")

    board.row("Sessions")
    usable = of_instance("pg_connections_usable")
    board.series("Connections",
                 "Connections in use beside the most there may be, and where the alert begins. A pooler or a shorter idle timeout helps more than a "
                 "higher limit. Alert: PgConnectionsNearLimit.",
                 [(most("pg_instance", "pg_connections_used", INSTANCE), f"{who} used"),
                  (most("pg_instance", "pg_connections_usable", INSTANCE), f"{who} limit"),
                  line(f"{usable} * {on_cluster} {objective}", "PgConnectionsNearLimit", "warning", f"{who} objective"),
                  line(f"{usable} * {on_cluster} {nearly}", "PgConnectionsNearLimit", "critical", f"{who} nearly full")], decimals=0)
    nobody = "only while somebody but pgvigil is connected"
    board.series("Sessions by state", "Client sessions by what they do. Many idle ones want a pooler; idle in transaction ones hold locks and rows. "
                 "Alerts: PgIdleInTransaction, PgConnectionsNearLimit.",
                 [Query(most("pg_instance, state", "pg_stat_activity_sessions", INSTANCE, "sum"), who + " {{state}}", may_be_empty=nobody)], decimals=0,
                 none="Nobody is connected")
    board.series("What active sessions wait for",
                 "Active sessions by wait event: the first place to look when all is slow. Lock: see Lock waits; IO: the disk; "
                 "IPC SyncRep: a synchronous standby.",
                 [Query(most("wait_event_type, wait_event", "pg_wait_sessions", INSTANCE, "sum"), "{{wait_event_type}} {{wait_event}}",
                        may_be_empty="only while an active session waits")], decimals=0, none="No active session waits")
    board.series("Oldest by state",
                 "Age of the oldest transaction, by state; it keeps vacuum from removing what it might still see. Alert: PgLongTransaction. How long "
                 "sessions have idled is in Idle in transaction (alert PgIdleInTransaction).",
                 [Query("time() - " + most("pg_instance, state", "pg_stat_activity_oldest_transaction_start_timestamp_seconds", INSTANCE, "min"),
                        who + " {{state}}", may_be_empty="only while a transaction is open")], unit="s", thresholds=steps(("warning", 7200)),
                 none="No transaction is open")
    idling = INSTANCE + ',state=~"idle in transaction.*"'
    board.series("Idle in transaction", "How long the session idle in its transaction for longest has been so. Its client forgot to commit: end it, and set "
                 "idle_in_transaction_session_timeout. Alert: PgIdleInTransaction.",
                 [Query("time() - " + most("pg_instance", "pg_stat_activity_oldest_state_change_timestamp_seconds", idling, "min"), who,
                        may_be_empty="only while a session idles in a transaction")], unit="s", thresholds=steps(("warning", 600)),
                 none="No session idles in a transaction")
    board.series("Oldest prepared transaction",
                 "Age of the oldest transaction that was prepared and not ended. No restart ends it: commit or roll it back by its name. "
                 "Alert: PgPreparedTransactionForgotten.",
                 [Query("time() - " + most("pg_instance", "pg_prepared_xacts_oldest_prepared_timestamp_seconds", INSTANCE, "min"), who,
                        may_be_empty="only while a transaction is prepared")], unit="s", thresholds=steps(("warning", 3600)), none="No transaction is prepared")
    board.series("Lock waits",
                 "How long the session that waits longest for a lock has waited, at most. pg_blocking_pids says for whom; end that one, not those "
                 "that wait. Alert: PgLockWaits.",
                 [Query("time() - " + most("pg_instance", "pg_lock_waiters_oldest_wait_start_timestamp_seconds", INSTANCE, "min"), who,
                        may_be_empty="only while a session waits for a lock")], unit="s", thresholds=steps(("warning", 300)),
                 none="No session waits for a lock")
    board.series("Lock queue", "Sessions that wait for a heavyweight lock. Above the line the queue eats the connections. Alert: PgLockWaits.",
                 [(most("pg_instance", "pg_lock_waiters_sessions", INSTANCE), who),
                  line("0.1 * " + most("pg_instance", "pg_connections_usable", INSTANCE), "PgLockWaits", "critical",
                       f"{who} a tenth of the limit")], decimals=0)
    board.series("Prepared transactions", "Transactions that were prepared and not ended; they keep locks and rows. How old they are is beside it. "
                 "Alert: PgPreparedTransactionForgotten.",
                 [(most("pg_instance", "pg_prepared_xacts_transactions", INSTANCE, "sum"), who)], decimals=0)

    def rate(metric, grouping=by):
        return f"sum {grouping} (rate({metric}{{{INSTANCE}}}[$__rate_interval]))"

    board.row("Work")
    board.series("Transactions", "Commits and rollbacks a second. Many rollbacks: the application fails; none at all: it cannot get in.",
                 [(rate("pg_stat_database_commits_total"), f"{who} commits"), (rate("pg_stat_database_rollbacks_total"), f"{who} rollbacks")], unit="ops")
    board.series("Rows changed", "Rows inserted, updated and deleted a second, of all instances shown. A burst explains lag and WAL.",
                 [(rate(f"pg_stat_database_rows_{what}_total", ""), what) for what in ("inserted", "updated", "deleted")], unit="ops")
    board.series("Reads",
                 "Blocks found in shared buffers and read from outside, a second. Many read ones: the working set does not fit, or an index is missing.",
                 [(rate("pg_stat_database_blocks_hit_total", ""), "found"), (rate("pg_stat_database_blocks_read_total", ""), "read")], unit="ops")
    board.series("Trouble", "Deadlocks, and queries cancelled by recovery on a standby, a second. The server's log names the statements.",
                 [(rate("pg_stat_database_deadlocks_total"), f"{who} deadlocks"),
                  (rate("pg_stat_database_conflicts_total"), f"{who} cancelled by recovery")], unit="ops")
    board.series("Temporary files", "Bytes written to temporary files, a second: sorts and hashes that do not fit into work_mem.",
                 [(rate("pg_stat_database_temp_bytes_total"), who)], unit="Bps")
    board.series("Checksum failures", "Pages whose checksum failed since the statistics were reset. Any is corruption: fail over, do not vacuum, restore.",
                 [Query(most("pg_instance, datname", "pg_stat_database_checksum_failures_total", INSTANCE), who + " {{datname}}",
                        may_be_empty="only with data checksums")], decimals=0, none="Data checksums are off: corruption would not be noticed")
    board.series("WAL made", "WAL written by the primary, bytes a second: what standbys, slots and the archive have to take.",
                 [(rate("pg_wal_position_insert_bytes_total"), who)], unit="Bps")
    board.series("Checkpoints", "Checkpoints by cause, an hour. Many requested ones: max_wal_size is small for what is written.",
                 [(rate("pg_checkpointer_timed_total") + " * 3600", f"{who} timed"), (rate("pg_checkpointer_requested_total") + " * 3600", f"{who} requested")])

    board.row("What grows")
    board.series("Wraparound",
                 "Share of the way to wraparound of the oldest database, and where the alerts begin. Find what keeps vacuum from freezing under Who holds "
                 "rows back, then vacuum the oldest tables. Alerts: PgXidWraparoundNear, PgMxidWraparoundNear.",
                 [(most("pg_instance", "pg_wraparound_xid_used_ratio", INSTANCE), f"{who} transaction IDs"),
                  (most("pg_instance", "pg_wraparound_mxid_used_ratio", INSTANCE), f"{who} multixacts"),
                  line(warned["xid"], "PgXidWraparoundNear", "warning", "transaction IDs: vacuum falls behind"),
                  line(warned["mxid"], "PgMxidWraparoundNear", "warning", "multixacts: vacuum falls behind")], unit="percentunit",
                 thresholds=steps(("critical", 0.75)))
    board.series("Who holds rows back",
                 "Transactions since the oldest one whose rows are still needed, by who needs them: end that session, prepared transaction, slot "
                 "or query on a standby. Alerts: PgXidWraparoundNear, PgLongTransaction.",
                 [Query(most("holder", "pg_xmin_horizon_age_transactions", INSTANCE), "{{holder}}", may_be_empty="only while somebody holds rows back")],
                 none="Nobody holds rows back")
    board.series("Database sizes", "Size of each database on disk.", [(most("datname", "pg_database_size_bytes", INSTANCE), "{{datname}}")], unit="bytes")
    board.series("pg_wal", "Size of pg_wal. It grows when the archiver fails or a slot retains, until the disk is full. Alert: PgSlotRetainingOverObjective.",
                 [(most("pg_instance", "pg_wal_directory_size_bytes", INSTANCE), who)], unit="bytes")
    board.series("Waiting for the archiver", "Files that wait for archive_command. If they only grow in number, the server's log says why it fails.",
                 [(most("pg_instance", "pg_wal_directory_ready_files", INSTANCE), who)], decimals=0)
    board.series("Archiver", "Files archived and failed attempts, a second. While it fails, what is restorable stays behind and pg_wal grows.",
                 [(rate("pg_stat_archiver_archived_total"), f"{who} archived"), (rate("pg_stat_archiver_failed_total"), f"{who} failed")], unit="ops")

    board.row("How pgvigil reads it")
    board.series("Queries that fail", "Queries whose last execution failed; pgvigil's log says why: a missing grant, a timeout, a lock. Alert: PgQueryFailing.",
                 [Query(f"count by (query) (pgvigil_query_success{{{INSTANCE}}} == 0)", "{{query}}", may_be_empty="only while a query fails")], decimals=0,
                 none="Every query succeeds")
    board.series("Time of queries", "Time each query took, as seen within its batch. One that takes long may be read less often: see `every`.",
                 [(most("query", "pgvigil_query_duration_seconds", INSTANCE), "{{query}}")], unit="s")
    board.series("Time of the facts statement", "Time of the observer's own statement, asked every second. High: the server or the way to it is slow. "
                 "Alert: PgSourceFailing.", [(most("pg_instance", "pgvigil_source_duration_seconds", INSTANCE), who)], unit="s")
    return board.content


def main():
    drifted = []
    for name, content in (("backups", backups_dashboard()), ("cluster", cluster_dashboard()), ("instance", instance_dashboard())):
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

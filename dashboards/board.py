"""What the dashboards share: panels, their thresholds, and what they say where nothing is known.

Each panel has a title, a description that says what is bad, what to do and which alerts watch it, and a unit. Its thresholds
are those of the alerts: constants as steps, everything else as PromQL with the alert and severity it belongs to, which
tests/static/dashboards_check.py holds against alerts/rules. A query that may rightly return nothing says why; every other
one must return data from a real exporter (tests/integration/test_dashboards.py).
"""

import dataclasses

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

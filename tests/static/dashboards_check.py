#!/usr/bin/env python3
"""The shipped dashboards: what the generator writes, of the form Grafana reads, with metrics that pgvigil emits."""

import json
import pathlib
import re
import subprocess
import sys

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[2]
KEYWORDS = {"by", "on", "max", "min", "sum", "count", "rate", "changes", "time", "ALERTS", "and", "unless", "group_left", "bool"}


def emitted():
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    return set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE))


def expressions(panel):
    for target in panel.get("targets", []):
        yield target["expr"]


def metrics_of(expression):
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\"[^\"]*\"|by \([^)]*\)|on \([^)]*\)", " ", expression)
    return {word for word in re.findall(r"[a-zA-Z_]\w*", bare) if word not in KEYWORDS}


def check(path, known):
    board = json.loads(path.read_text(encoding="utf-8"))
    schema = jsonschema.Draft7Validator(json.loads((ROOT / "tests" / "static" / "dashboard.schema.json").read_text(encoding="utf-8")))
    problems = [f"{path.name}: {'/'.join(map(str, error.absolute_path))}: {error.message[:300]}" for error in schema.iter_errors(board)]

    def expect(condition, what):
        if not condition:
            problems.append(f"{path.name}: {what}")

    expect(board["schemaVersion"] >= 39, "schemaVersion below 39")
    expect(board["uid"] == f"pgvigil-{path.stem}" and board["id"] is None and board["editable"] is False, "identity")
    expect("__inputs" not in board, "__inputs are not filled by provisioning")
    names = [variable["name"] for variable in board["templating"]["list"]]
    expect(names[:3] == ["datasource", "namespace", "pg_cluster"], f"variables {names}")
    titles = [panel["title"] for panel in board["panels"]]
    expect(len(titles) == len(set(titles)), "two panels of one title")
    for panel in board["panels"]:
        if panel["type"] == "row":
            continue
        title = panel["title"]
        expect(panel.get("description"), f"{title}: no description")
        expect(panel["fieldConfig"]["defaults"].get("unit"), f"{title}: no unit")
        expect(panel["datasource"]["uid"] == "${datasource}", f"{title}: datasource")
        expect(panel["type"] in ("stat", "timeseries", "table", "state-timeline"), f"{title}: {panel['type']} is no core panel that is used here")
        for expression in expressions(panel):
            expect("rate(" not in expression or "$__rate_interval" in expression, f"{title}: rate without $__rate_interval")
            for metric in metrics_of(expression) - known:
                expect(False, f"{title}: {metric} is not emitted")
    return problems


def panels_by_alert():
    """Which alerts a panel's description names."""
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "dashboards").glob("*.json"))
    return set(re.findall(r"\bPg[A-Z]\w+", text))


def main():
    subprocess.run([sys.executable, str(ROOT / "dashboards" / "generate.py"), "--check"], check=True)
    known = emitted()
    problems = [problem for path in sorted((ROOT / "dashboards").glob("*.json")) for problem in check(path, known)]
    alerts = set()
    for path in (ROOT / "alerts" / "rules").glob("*.yaml"):
        alerts |= set(re.findall(r"alert: (\w+)", path.read_text(encoding="utf-8")))
    problems += [f"no panel names the alert {alert}" for alert in sorted(alerts - panels_by_alert())]
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()

"""The bundle is closed: every alert has a test, a runbook, panels and a receiver, and nothing names what pgvigil does not emit."""

import itertools
import json
import pathlib
import re
import subprocess

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
ALERTS = ROOT / "alerts"
SECTIONS = ["Meaning", "Impact", "What it is not", "First look", "Causes", "Mitigation", "Verify", "Escalate", "Related", "Tuning"]
RECEIVERS = {"critical": "pager", "warning": "tickets", "info": "chat"}
# What Prometheus and the platform add; what only Prometheus itself knows.
FOREIGN_LABELS = {"cluster", "job", "instance", "alertname", "alertstate", "severity", "component"}
FOREIGN_METRICS = {"up", "ALERTS", "scrape_duration_seconds", "scrape_samples_scraped"}
WORDS = {"by", "on", "max", "min", "sum", "count", "avg", "rate", "increase", "delta", "deriv", "changes", "time", "and", "or", "unless", "group_left",
         "group_right", "bool", "last_over_time", "max_over_time", "min_over_time", "absent", "ignoring", "topk", "clamp_min", "vector", "resets",
         "present_over_time", "label_replace", "sort_desc", "inf", "predict_linear", "count_over_time", "offset", "quantile_over_time", "abs", "round"}


def rules():
    for path in sorted((ALERTS / "rules").glob("*.yaml")):
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            for rule in group["rules"]:
                yield path.stem, rule


RULES = [(area, rule) for area, rule in rules() if "alert" in rule]
NAMES = sorted({rule["alert"] for _, rule in RULES})
RUNBOOKS = sorted((ALERTS / "runbooks").glob("*.md"))
EACH_RUNBOOK = pytest.mark.parametrize("runbook", RUNBOOKS, ids=lambda path: path.stem)


def emitted():
    """The families of docs/metrics.md, which the exporter writes about itself, with their labels."""
    families = {}
    for name, labels in re.findall(r"^\| `(\w+)` \| \w+ \| ([^|]*) \|", (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8"), re.MULTILINE):
        own = set(re.findall(r"`(\w+)`", labels))
        if "cluster" in labels or "instance" in labels:
            own |= {"namespace", "pg_cluster"}
        if "instance" in labels:
            own.add("pg_instance")
        families.setdefault(name, set()).update(own)
    return families


EMITTED = emitted()
LABELS = set().union(*EMITTED.values()) | FOREIGN_LABELS


def problems_of(expression):
    """Metrics and labels of a PromQL expression that nobody emits."""
    problems = []
    for name, matchers in re.findall(r"([a-zA-Z_:]\w*)\s*\{([^}]*)\}", expression):
        labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", re.sub(r'"[^"]*"', '""', matchers)))
        known = EMITTED.get(name, set()) | FOREIGN_LABELS
        if name not in FOREIGN_METRICS:
            problems += [f"{name} has no label {label}" for label in sorted(labels - known)]
    for grouped in re.findall(r"(?:by|on|ignoring|group_left|group_right|without)\s*\(([^)]*)\)", expression):
        problems += [f"no family has a label {label}" for label in re.findall(r"\w+", grouped) if label not in LABELS]
    bare = re.sub(r'\{[^}]*\}|\[[^\]]*\]|"[^"]*"|\b(?:by|on|ignoring|group_left|group_right|without)\s*\([^)]*\)', " ", expression)
    for word in re.findall(r"(?<![\w.])[a-zA-Z_:][\w:]*", bare):
        if word not in WORDS and word not in EMITTED and word not in FOREIGN_METRICS:
            problems.append(f"{word} is not emitted")
    return problems


def panels():
    """Every panel as the runbooks name it, with its description."""
    found = {}
    for path in (ROOT / "dashboards").glob("*.json"):
        board = json.loads(path.read_text(encoding="utf-8"))
        name = board["title"].removeprefix("pgvigil / ")
        found |= {f"{name} › {panel['title']}": panel["description"] for panel in board["panels"] if panel["type"] != "row"}
    return found


PANELS = panels()


def firings():
    """How often each alert is expected to fire, and to be silent, in the rule tests."""
    fires, silent = {}, {}
    for path in (ALERTS / "tests").glob("*_test.yaml"):
        for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            for moment in test.get("alert_rule_test", []):
                count = fires if moment.get("exp_alerts") else silent
                count[moment["alertname"]] = count.get(moment["alertname"], 0) + 1
    return fires, silent


FIRES, SILENT = firings()


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_is_seen_to_fire_and_to_be_silent(name):
    assert FIRES.get(name, 0) > 0 and SILENT.get(name, 0) > 0


@pytest.mark.parametrize("area, rule", RULES, ids=[f"{rule['alert']}-{rule['labels']['severity']}" for _, rule in RULES])
def test_a_rule_reads_only_what_is_emitted_and_points_to_its_runbook(area, rule):
    assert problems_of(rule["expr"]) == []
    assert rule["annotations"]["runbook_url"].endswith(f"/alerts/runbooks/{rule['alert']}.md")
    assert (ALERTS / "runbooks" / f"{rule['alert']}.md").exists()
    assert rule["labels"]["component"] == area
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url", "dashboard_url"}
    assert "{{" not in rule["annotations"]["summary"] and "vector(0)" not in rule["expr"]


@pytest.mark.parametrize("area, rule", RULES, ids=[f"{rule['alert']}-{rule['labels']['severity']}" for _, rule in RULES])
def test_an_alert_has_a_receiver(area, rule):
    labels = {"alertname": rule["alert"], "pg_cluster": "orders", **rule["labels"]}
    done = subprocess.run(["amtool", "config", "routes", "test", f"--config.file={ALERTS / 'alertmanager' / 'alertmanager.yaml'}",
                           *(f"{name}={value}" for name, value in labels.items())], capture_output=True, text=True, check=True)
    expected = "heartbeat" if rule["alert"] == "PgWatchdog" else RECEIVERS[rule["labels"]["severity"]]
    assert done.stdout.split() == [expected], area


@EACH_RUNBOOK
def test_a_runbook_is_of_an_alert_and_complete(runbook):
    text = runbook.read_text(encoding="utf-8")
    assert runbook.stem in NAMES
    assert text.startswith(f"# {runbook.stem}\n")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS


@EACH_RUNBOOK
def test_a_runbook_leads_to_panels_and_alerts_that_exist(runbook):
    text = runbook.read_text(encoding="utf-8")
    line = re.search(r"^- Panel: (.*)$", text, re.MULTILINE)
    assert line, "First look begins with a panel"
    named = [part.strip() for part in re.sub(r"\([^)]*\)", "", line[1]).split(";")]
    assert [title for title in named if title not in PANELS] == []
    assert any(runbook.stem in PANELS[title] for title in named), "none of these panels says that it shows this alert"
    assert [name for name in re.findall(r"\bPg[A-Z]\w+", text) if name not in NAMES] == []


@EACH_RUNBOOK
def test_a_runbook_reads_only_what_is_emitted(runbook):
    text = runbook.read_text(encoding="utf-8")
    prose = re.sub(r"```.*?```", " ", text, flags=re.DOTALL)
    queries = re.findall(r"^- PromQL: (.*)$", text, re.MULTILINE)
    assert queries, "First look has a PromQL"
    spans = itertools.chain.from_iterable(re.findall(r"`([^`]+)`", query) for query in queries)
    problems = [problem for span in spans if span not in LABELS for problem in problems_of(span)]
    for name in set(re.findall(r"\bpgvigil_\w+", prose)) - set(EMITTED):
        problems.append(f"{name} is not emitted")
    assert problems == []

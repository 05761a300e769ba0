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
MARKS = ("safe", "disruptive", "destructive")
# Views, functions and programs of PostgreSQL that runbooks name: what else begins with pg_ must be a metric.
POSTGRESQL = set("""
    pg_backend_pid pg_basebackup pg_blocking_pids pg_cancel_backend pg_class pg_conf_load_time pg_control_checkpoint
    pg_control_system pg_create_physical_replication_slot pg_ctl pg_current_wal_flush_lsn pg_current_wal_lsn pg_database
    pg_database_size pg_drop_replication_slot pg_dump pg_has_role pg_hba pg_is_in_recovery pg_is_wal_replay_paused
    pg_isready pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_ls_waldir pg_monitor
    pg_multixact pg_postmaster_start_time pg_prepared_xacts pg_promote pg_receivewal pg_reload_conf pg_replication_slots
    pg_rewind pg_roles pg_settings pg_size_pretty pg_stat_activity pg_stat_archiver pg_stat_database_conflicts
    pg_stat_progress_basebackup pg_stat_progress_vacuum pg_stat_replication pg_stat_subscription pg_stat_wal_receiver
    pg_subscription_rel pg_switch_wal pg_terminate_backend pg_total_relation_size pg_verifybackup pg_wal pg_wal_lsn_diff
    pg_wal_replay_pause pg_wal_replay_resume pg_waldump pg_walfile_name""".split())
FOREIGN_METRICS = {"up", "ALERTS", "scrape_duration_seconds", "scrape_samples_scraped"}
# Labels that users choose, and what stands in runbooks for such a choice.
FREE_LABELS = {"namespace", "pg_cluster", "pg_instance", "datname", "slot_name", "database", "application_name", "client_addr",
               "archive", "schedule"}
PLACEHOLDERS = {"QUERY"}
WORDS = {"by", "on", "max", "min", "sum", "count", "avg", "rate", "increase", "delta", "deriv", "changes", "time", "and", "or", "unless", "group_left",
         "group_right", "bool", "last_over_time", "max_over_time", "min_over_time", "absent", "ignoring", "topk", "clamp_min", "vector", "resets",
         "clamp_max", "present_over_time", "label_replace", "sort_desc", "inf", "predict_linear", "count_over_time", "offset", "quantile_over_time", "abs", "round"}


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


def sources_of_values():
    """Where the values of a family's labels are written down: the query that emits it, or the code that judges."""
    code = "".join(path.read_text(encoding="utf-8") for module in ("scrape", "verdict", "archive", "cluster")
                   for path in (ROOT / "exporter" / module).iterdir())
    queries = {}
    for path in (ROOT / "queries").glob("*.yaml"):
        for key, query in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            name = query.get("name", key)
            queries[name] = queries.get(name, "") + query["sql"] + " ".join(str(column) for column in query["columns"].values())
    return code, queries


CODE, QUERIES = sources_of_values()


def is_emitted(name, label, value):
    """Whether that family's label can have this value; of a regular expression, each alternative by what it begins with."""
    if label == "query":
        return value in QUERIES
    for alternative in value.split("|"):
        word = re.split(r"[.*+?(\[]", alternative)[0]
        if name.startswith("pgvigil_"):
            known = f'"{word}"' in CODE if word == alternative else f'"{word}' in CODE
        else:
            text = " ".join(text for query, text in QUERIES.items() if name.startswith(query + "_"))
            known = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text)
        if not known:
            return False
    return True


def problems_of(expression):
    """Metrics, labels and values of labels of a PromQL expression that nobody emits."""
    problems = []
    for name, matchers in re.findall(r"([a-zA-Z_:]\w*)\s*\{([^}]*)\}", expression):
        labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", re.sub(r'"[^"]*"', '""', matchers)))
        known = EMITTED.get(name, set()) | FOREIGN_LABELS
        if name in FOREIGN_METRICS:
            continue
        problems += [f"{name} has no label {label}" for label in sorted(labels - known)]
        for label, value in re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"', matchers):
            if label not in FOREIGN_LABELS | FREE_LABELS and value not in PLACEHOLDERS and not is_emitted(name, label, value):
                problems.append(f"{name} never has {label}={value}")
    for grouped in re.findall(r"(?:by|on|ignoring|group_left|group_right|without)\s*\(([^)]*)\)", expression):
        problems += [f"no family has a label {label}" for label in re.findall(r"\w+", grouped) if label not in LABELS]
    bare = re.sub(r'\{[^}]*\}|\[[^\]]*\]|"[^"]*"|\b(?:by|on|ignoring|group_left|group_right|without)\s*\([^)]*\)', " ", expression)
    for word in re.findall(r"(?<![\w.])[a-zA-Z_:][\w:]*", bare):
        if word not in WORDS and word not in EMITTED and word not in FOREIGN_METRICS:
            problems.append(f"{word} is not emitted")
    return problems


def panels():
    """{board's uid: {panel as the runbooks name it: its description}}"""
    found = {}
    for path in (ROOT / "dashboards").glob("*.json"):
        board = json.loads(path.read_text(encoding="utf-8"))
        name = board["title"].removeprefix("pgvigil / ")
        found[board["uid"]] = {f"{name} › {panel['title']}": panel["description"] for panel in board["panels"] if panel["type"] != "row"}
    return found


BOARDS = panels()
VARIABLES = {board["uid"]: {variable["name"] for variable in board["templating"]["list"]}
             for board in (json.loads(path.read_text(encoding="utf-8")) for path in (ROOT / "dashboards").glob("*.json"))}
PANELS = {title: description for board in BOARDS.values() for title, description in board.items()}


def firings():
    """How often each rule is expected to fire with all it says, and each alert to be silent, in the rule tests."""
    fires, silent = {}, {}
    for path in (ALERTS / "tests").glob("*_test.yaml"):
        for test in yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)["tests"]:
            for moment in test.get("alert_rule_test", []):
                for alert in moment["exp_alerts"]:
                    rule = moment["alertname"], alert["exp_labels"]["severity"]
                    fires[rule] = fires.get(rule, 0) + bool(alert["exp_annotations"])
                if not moment["exp_alerts"]:
                    silent[moment["alertname"]] = silent.get(moment["alertname"], 0) + 1
    return fires, silent


LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
FIRES, SILENT = firings()
EACH_RULE = pytest.mark.parametrize("area, rule", RULES, ids=[f"{rule['alert']}-{rule['labels']['severity']}" for _, rule in RULES])


def test_a_rule_is_told_apart_by_alert_and_severity():
    keys = [(rule["alert"], rule["labels"]["severity"]) for _, rule in RULES]
    assert len(set(keys)) == len(keys)


@EACH_RULE
def test_a_rule_is_seen_to_fire_and_to_be_silent(area, rule):
    assert FIRES.get((rule["alert"], rule["labels"]["severity"]), 0) > 0, area
    assert SILENT.get(rule["alert"], 0) > 0, area


@EACH_RULE
def test_an_alert_leads_to_a_dashboard_with_a_panel_that_names_it(area, rule):
    url = rule["annotations"]["dashboard_url"]
    board = re.match(r"/d/([\w-]+)", url)[1]
    assert any(re.search(rf"\b{rule['alert']}\b", description) for description in BOARDS[board].values()), f"{area}: none on {board}"
    grouped = re.search(r"by \(([^)]*)\)", rule["expr"])[1].split(", ")
    wanted = [name for name in ("namespace", "pg_cluster", "pg_instance") if "pg_cluster" in grouped and name in grouped]
    wanted = [name for name in wanted if name in VARIABLES[board]]
    assert re.findall(r"var-(\w+)=\{\{ \$labels\.(\w+) \| urlquery \}\}", url) == [(name, name) for name in wanted]


@EACH_RULE
def test_a_rule_reads_only_what_is_emitted_and_points_to_its_runbook(area, rule):
    assert problems_of(rule["expr"]) == []
    assert rule["annotations"]["runbook_url"].endswith(f"/alerts/runbooks/{rule['alert']}.md")
    assert (ALERTS / "runbooks" / f"{rule['alert']}.md").exists()
    assert rule["labels"]["component"] == area
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url", "dashboard_url"}
    assert "{{" not in rule["annotations"]["summary"] and "vector(0)" not in rule["expr"]


@EACH_RULE
def test_an_alert_has_a_receiver(area, rule):
    labels = {"alertname": rule["alert"], "pg_cluster": "orders", **rule["labels"]}
    done = subprocess.run(["amtool", "config", "routes", "test", f"--config.file={ALERTS / 'alertmanager' / 'alertmanager.yaml'}",
                           *(f"{name}={value}" for name, value in labels.items())], capture_output=True, text=True, check=True)
    expected = "heartbeat" if rule["alert"] == "PgWatchdog" else RECEIVERS[rule["labels"]["severity"]]
    assert done.stdout.split() == [expected], area


def test_alertmanager_names_only_what_the_rules_have():
    config = yaml.safe_load((ALERTS / "alertmanager" / "alertmanager.yaml").read_text(encoding="utf-8"))
    matchers = [matcher for route in config["route"]["routes"] for matcher in route["matchers"]]
    for one in config["inhibit_rules"]:
        matchers += one["source_matchers"] + one["target_matchers"]
        assert set(one["equal"]) <= LABELS | {"alertname"}, one
    known = {"alertname": set(NAMES), **{label: {rule["labels"][label] for _, rule in RULES} for label in ("severity", "component")}}
    for matcher in matchers:
        label, values = re.fullmatch(r'(\w+)=~?"([\w|]+)"', matcher).groups()
        assert set(values.split("|")) <= known[label], matcher


@EACH_RUNBOOK
def test_a_runbook_is_of_an_alert_and_complete(runbook):
    text = runbook.read_text(encoding="utf-8")
    assert runbook.stem in NAMES
    assert text.startswith(f"# {runbook.stem}\n")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS


@EACH_RUNBOOK
def test_a_runbook_says_what_its_rules_say(runbook):
    text = runbook.read_text(encoding="utf-8")
    own = [(area, rule) for area, rule in RULES if rule["alert"] == runbook.stem]
    severities, component = re.match(r"# \w+\n\nSeverity: (.*?) · Component: (\w+)", text).groups()
    assert set(re.findall(r"\b(?:critical|warning|info|none)\b", severities.split(" when ")[0])) == {rule["labels"]["severity"] for _, rule in own}
    assert component == own[0][0]
    assert set(re.findall(r"`for: (\w+)`", text)) <= {rule.get("for") for _, rule in own}


def section(text, title):
    return re.search(rf"^## {title}$\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)[1]


@EACH_RUNBOOK
def test_each_step_has_one_mark_and_a_check_and_the_causes_lead_to_it(runbook):
    text = runbook.read_text(encoding="utf-8")
    steps = re.findall(r"^(\d+)\. (.*)$", section(text, "Mitigation"), re.MULTILINE)
    assert [int(number) for number, _ in steps] == list(range(1, len(steps) + 1))
    for number, step in steps:
        marks = re.findall(rf"\*\*({'|'.join(MARKS)})\*\*", step)
        assert len(marks) == 1 and step.startswith(f"**{marks[0]}** "), f"step {number}: {marks}"
        assert re.search(r"\bCheck: .", step), f"step {number} has no check"
    causes = [row.split("|")[-2].strip() for row in section(text, "Causes").splitlines()[2:] if row.startswith("|")]
    assert causes
    for cause in causes:
        if not cause.startswith(("the runbook of Pg", "none: see ")):
            assert re.fullmatch(r"\d+(?:(?:, then |, else |, )\d+)*", cause), cause
            assert {int(number) for number in re.findall(r"\d+", cause)} <= set(range(1, len(steps) + 1)), cause


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
    for name in set(re.findall(r"\bpg_\w+", text)) - set(EMITTED) - LABELS - POSTGRESQL:
        problems.append(f"{name} is neither emitted nor PostgreSQL's")
    assert problems == []

#!/usr/bin/env python3
"""The shipped dashboards: what the generator writes, of the form Grafana reads, with metrics, labels and values that pgvigil
emits, and with the thresholds of the alerts that their panels name."""

import json
import pathlib
import re
import subprocess
import sys

import jsonschema

import bundle_test

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "tests" / "static" / "dashboard.schema.json").read_text(encoding="utf-8"))
REFERENCE = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
SOURCES = "".join(path.read_text(encoding="utf-8") for path in [ROOT / "docs" / "verdicts.md", ROOT / "docs" / "recoverability.md",
                                                                *sorted((ROOT / "queries").glob("*.yaml"))])
COLOURS = {"critical": "red", "warning": "yellow", "info": "blue"}
# PromQL that dashboards use and rules do not.
WORDS = {"clamp_max", "count_values", "group", "query_result"}
METRICS = {"ALERTS_FOR_STATE"}
# Numbers of a threshold that its rule does not have: the warning of a wraparound never comes after its critical alert.
CAPS = {"PgXidWraparoundNear": {0.6}, "PgMxidWraparoundNear": {0.6}}
RULES = {(rule["alert"], rule["labels"]["severity"]): rule["expr"] for _, rule in bundle_test.RULES}


def plain(expression):
    """Without what only Grafana fills in."""
    return expression.replace("$__rate_interval", "5m").replace('namespace=~"$namespace",pg_cluster=~"$pg_cluster"', 'pg_cluster="c"').replace(
        ',pg_instance=~"$pg_instance"', ',pg_instance="i"')


def numbers(expression):
    """The numbers that decide: not 0, 1 and what something equals, which are states and signs, nor the 2^31 that makes a share of an age."""
    bare = re.sub(r'\[[^\]]*\]|\{[^}]*\}|"[^"]*"|\b(?:by|on)\s*\([^)]*\)|== *\d+|2 *\^ *31|\b2147483648\b', " ", expression)
    return {float(number) for number in re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?:e\d+)?", bare)} - {0, 1}


def objectives(expression):
    return set(re.findall(r"pgvigil_objective_\w+", expression))


def problems_of(expression):
    """What an expression reads that pgvigil does not emit: metrics, labels, values."""
    made = set(re.findall(r'count_values by \([^)]*\) \("(\w+)"', expression))
    excused = {f"{word} is not emitted" for word in WORDS | METRICS} | {f"no family has a label {label}" for label in made}
    problems = [problem for problem in bundle_test.problems_of(expression) if problem not in excused]
    for family, matchers in re.findall(r"([a-zA-Z_:]\w*)\{([^}]*)\}", expression):
        if family not in bundle_test.FOREIGN_METRICS | METRICS:
            problems += [f'{family} has no {label}="{value}"' for label, value in values_of(matchers) if not is_value(family, value)]
    return problems


def values_of(matchers):
    """(label, value) for every value that a selector asks for by name, each alternative of a regular expression by itself."""
    for label, value in re.findall(r'(\w+)=~?"([^"]*)"', matchers):
        if label not in ("namespace", "pg_cluster", "pg_instance"):
            yield from ((label, one.removesuffix(".*")) for one in value.split("|"))


def is_value(family, value):
    """Whether the reference of that family, the verdicts or a query file speaks of that value."""
    word = re.compile(rf"(?<![\w-]){re.escape(value)}(?![\w-])")
    rows = re.findall(rf"^\| `{family}` .*$", REFERENCE, re.MULTILINE)
    return any(word.search(row) for row in rows) or bool(word.search(SOURCES))


def threshold_problems(panel):
    """Thresholds that are none of the alerts that the panel names. Returns problems, and the rules whose threshold is drawn."""
    title, drawn = panel["title"], set()
    named = set(re.findall(r"\bPg[A-Z]\w+", panel["description"]))
    problems = [f"{title}: there is no alert {name}" for name in named if name not in bundle_test.NAMES]
    for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]:
        if step["value"] is None:
            continue
        equal = {rule for rule, expression in RULES.items()
                 if rule[0] in named and COLOURS.get(rule[1]) == step["color"] and step["value"] in numbers(expression)}
        drawn |= equal
        if not equal:
            problems.append(f"{title}: {step['value']} in {step['color']} is the threshold of no alert that it names")
    for name, threshold in panel["pgvigil"]["thresholds"].items():
        rule, limit = (threshold["alert"], threshold["severity"]), threshold["limit"]
        expression = next(target["expr"] for target in panel["targets"] if target["refId"] == name)
        if rule not in RULES or rule[0] not in named or limit not in expression:
            problems.append(f"{title}: {name} is the threshold of {rule}, which it does not name")
            continue
        drawn.add(rule)
        ours, theirs = numbers(limit) - CAPS.get(rule[0], set()), numbers(RULES[rule]) - CAPS.get(rule[0], set())
        # A line shows one side of a condition; a stat judges by all of it.
        if not (ours == theirs or (limit == expression and ours and ours < theirs)) or objectives(limit) != objectives(RULES[rule]):
            problems.append(f"{title}: {name} is {sorted(ours)} {sorted(objectives(limit))}, the {rule[1]} {rule[0]} is {sorted(theirs)} "
                            f"{sorted(objectives(RULES[rule]))}")
        own = next(override["properties"] for override in panel["fieldConfig"]["overrides"]
                   if override["matcher"] == {"id": "byFrameRefID", "options": name})
        colours = [one["value"]["fixedColor"] for one in own if one["id"] == "color"]
        if colours != [COLOURS[rule[1]]]:
            problems.append(f"{title}: {name} is {colours} and not the colour of {rule[1]}")
    return problems, drawn


def thresholds_nobody_draws(drawn):
    """Every rule that compares with a number or an objective is drawn by some panel."""
    for rule, expression in RULES.items():
        bare = re.sub(r"\{[^}]*\}", " ", expression)
        # An objective that is only asked for, as the inventory of clusters that declare one, is no threshold.
        compared = any(objectives(part) and re.search(r"[<>]", part) for part in re.split(r"\b(?:and|or|unless)\b", bare))
        if rule not in drawn and (numbers(bare) or compared):
            yield f"no panel has the threshold of the {rule[1]} {rule[0]}"


def panel_problems(panel):
    title, targets = panel["title"], panel["targets"]

    def expect(condition, what):
        if not condition:
            problems.append(f"{title}: {what}")

    problems = []
    expect(panel["datasource"]["uid"] == "${datasource}", "datasource")
    expect(panel["fieldConfig"]["defaults"].get("unit"), "no unit")
    names = {target["refId"] for target in targets}
    own = panel["pgvigil"]
    expect(set(own["mayBeEmpty"]) <= names and all(own["mayBeEmpty"].values()), "may be empty without a reason")
    expect(panel["type"] == "stat" or set(own["mayBeEmpty"]) != names or panel["fieldConfig"]["defaults"].get("noValue"), "says nothing when it is empty")
    for target in targets:
        expect(target["legendFormat"] or panel["type"] == "table", f"{target['refId']}: no legend")
        expect("rate(" not in target["expr"] or "$__rate_interval" in target["expr"], "rate without $__rate_interval")
        for problem in problems_of(plain(target["expr"])):
            expect(False, problem)
    if panel["type"] == "stat":
        matches = [mapping["options"].get("match") for mapping in panel["fieldConfig"]["defaults"]["mappings"]]
        expect("null+nan" in matches, "no data looks as if all were well")
    for override in panel["fieldConfig"]["overrides"]:
        matcher = override["matcher"]
        renamed = {name for transformation in panel.get("transformations", []) for name in transformation["options"].get("renameByName", {}).values()}
        expect(matcher["options"] in (names if matcher["id"] == "byFrameRefID" else renamed), f"an override of {matcher['options']}, which is not there")
    return problems


def link_problems(board, variables):
    """Links lead to dashboards and runbooks that there are, with the time range kept."""
    text = json.dumps(board)
    boards = {json.loads(path.read_text(encoding="utf-8"))["uid"] for path in (ROOT / "dashboards").glob("*.json")}
    for url in re.findall(r'"url": "([^"]+)"', text):
        if url.startswith("/d/"):
            uid = re.match(r"/d/([\w-]+)", url)[1]
            if uid not in boards:
                yield f"a link to {uid}, which is not there"
            if "?" in url and not url.endswith("&${__url_time_range}"):
                yield f"a link to {uid} that loses the time range"
            yield from (f"a link with the variable {name}" for name in re.findall(r"\$\{(\w+):queryparam\}", url) if name not in variables)
    for link in board["links"]:
        if not link["keepTime"] or not link["includeVars"]:
            yield f"the link {link['title']} loses time range or variables"


def check(path):
    board = json.loads(path.read_text(encoding="utf-8"))
    problems = ["/".join(map(str, error.absolute_path)) + ": " + error.message[:300] for error in jsonschema.Draft7Validator(SCHEMA).iter_errors(board)]
    if problems:
        return problems, set()
    if board["uid"] != f"pgvigil-{path.stem}" or "__inputs" in board:
        problems.append("identity, or __inputs that provisioning does not fill")
    variables = {variable["name"]: variable for variable in board["templating"]["list"]}
    if list(variables)[:3] != ["datasource", "namespace", "pg_cluster"] or any(variables[name]["multi"] for name in ("namespace", "pg_cluster")):
        problems.append(f"variables {list(variables)}: panels are of one cluster of one namespace")
    panels = [panel for panel in board["panels"] if panel["type"] != "row"]
    titles = [panel["title"] for panel in board["panels"]]
    problems += [f"two panels called {title}" for title in set(titles) if titles.count(title) > 1]
    drawn = set()
    for panel in panels:
        problems += panel_problems(panel)
        found, own = threshold_problems(panel)
        problems += found
        drawn |= own
    problems += link_problems(board, set(variables))
    problems += [f"annotation {one['name']}: {problem}" for one in board["annotations"]["list"] for problem in problems_of(plain(one["expr"]))]
    queries = [variable["query"]["query"] for variable in variables.values() if variable["type"] == "query"]
    queries = [re.sub(r"label_values\((.*), (\w+)\)", r"group by (\2) (\1)", query) for query in queries]
    problems += [f"variable: {problem}" for query in queries for problem in problems_of(plain(query))]
    used = set(re.findall(r"\$(\w+)", json.dumps([panels, board["annotations"]]))) - {"__rate_interval", "__range"}
    problems += [f"${name} is no variable" for name in used - set(variables)]
    return [f"{path.name}: {problem}" for problem in problems], drawn


def main():
    subprocess.run([sys.executable, str(ROOT / "dashboards" / "generate.py"), "--check"], check=True)
    problems, drawn, text = [], set(), ""
    for path in sorted((ROOT / "dashboards").glob("*.json")):
        found, own = check(path)
        problems += found
        drawn |= own
        text += path.read_text(encoding="utf-8")
    problems += [f"no panel names the alert {name}" for name in bundle_test.NAMES if not re.search(rf"\b{name}\b", text)]
    problems += thresholds_nobody_draws(drawn)
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()

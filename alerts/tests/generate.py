#!/usr/bin/env python3
"""Writes the promtool unit tests alerts/tests/<area>_test.yaml from the tables alerts/tests/cases/<area>.yaml.

A table says, for every alert and severity, which series turn it on and what it must then say; the situations that every
alert must survive are the same for all of them and are written here once:

  fires         after exactly `for`, for its own cluster only, with every annotation, and resolves
  gaps          fires and stays silent as before while every third scrape is missing
  two exporters one alert, however many exporters see it, also while one replaces the other
  stale         resolves once its series have ended
  no data       silent

Fields of a case (durations as in Prometheus):
  severity, component, for, keep_firing_for   what the rule must declare; `for` and `keep_firing_for` default to 0s
  subject         cluster, instance, exporter or everything: the identity that the alert carries
  series          {name{own labels}: [healthy, faulty, healthy again (default: as before)]}, identity is added
                  a value is a number, absent, now (the time itself), now-1h, fault (the moment the fault began), or
                  fault x3 (the fault happens three times, a minute apart)
  delay           from the first faulty sample until the condition holds
  lasts           how long the condition then holds (default: `for` and 10 minutes)
  clears          from the first healthy sample until the condition is gone
  labels          the alert's labels beyond identity, severity and component
  summary, description    the whole text; {age} is the humanised time since the fault began
  remembers       how long the rule looks back: it may fire so long after its series have ended
  on_stale        resolves (default) or fires: what must happen when every series ends
  scrape          interval of the test's scrapes and evaluations (default 15s)
  beside          {severity, description} of the other level of this alert that fires with it
  quiet           {situation: {series: value}}: these instead of the faulty ones, and nothing may fire; with
                  `another exporter: healthy` a second one sees everything healthy
  also            {situation: {series: {...}, description: ...}}: these instead, and it must fire

usage: generate.py [--check]
"""
import re
import sys
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
RUNBOOKS = "https://github.com/pgvigil/pgvigil/blob/main/alerts/runbooks"
HEALTHY_FOR = 600  # seconds before the fault
TICK = 15  # seconds between evaluations
KUBERNETES = {"cluster": "eu"}

CLUSTER_FAMILIES = re.compile(r"pgvigil_(cluster|rpo|sync|objective)_")
EXPORTER_FAMILIES = re.compile(r"(up|pgvigil_(build|config|loop|scrape|samples)_\w+|process_\w+)$")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(duration):
    text = str(duration)
    parts = re.findall(r"(\d+)([smhd])", text)
    if not parts or "".join(n + u for n, u in parts) != text:
        raise ValueError(f"not a duration: {duration!r}")
    return sum(int(number) * UNITS[unit] for number, unit in parts)


def duration(total):
    """A duration as Prometheus writes it: 1h30m15s."""
    text = ""
    for unit in "dhms":
        number, total = divmod(total, UNITS[unit])
        text += f"{number}{unit}" if number else ""
    return text or "0s"


def humanize_duration(total):
    """What the template function humanizeDuration makes of whole seconds."""
    minutes, second = divmod(total, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days}d {hour}h {minute}m {second}s"
    if hours:
        return f"{hour}h {minute}m {second}s"
    return f"{minute}m {second}s" if minutes else f"{second}s"


class Timeline:
    """The moments of one case, in seconds from the start of the test."""

    def __init__(self, case):
        self.step = seconds(case.get("scrape", "15s"))
        self.hold = seconds(case.get("for", "0s"))
        self.keep = seconds(case.get("keep_firing_for", "0s"))
        self.fault = HEALTHY_FOR
        self.true = self.fault + seconds(case.get("delay", "0s"))
        self.fires = self.true + self.hold
        lasts = seconds(case["lasts"]) if "lasts" in case else self.hold + 600
        self.over = -(-(self.true + lasts) // self.step) * self.step  # at a scrape
        self.gone = self.over + seconds(case.get("clears", "0s"))
        self.end = self.gone + self.keep + 900


def at(value, moment, fault):
    """The number that `value` stands for at `moment`; None where there is no sample."""
    if value == "absent":
        return None
    if repeated := re.fullmatch(r"fault x(\d+)", str(value)):
        return fault + 60 * min((moment - fault) // 60, int(repeated[1]) - 1)
    match = re.fullmatch(r"(now|fault)(?:([+-])(\w+))?", str(value))
    if not match:
        return value
    offset = seconds(match[3]) if match[3] else 0
    return (moment if match[1] == "now" else fault) + (offset if match[2] == "+" else -offset)


def run_length(samples, step):
    """Promtool's notation for a list of samples; None is no sample, "stale" ends the series."""
    words, i = [], 0
    while i < len(samples):
        first, n = samples[i], 1
        numeric = isinstance(first, (int, float))
        slope = 0
        if numeric and i + 1 < len(samples) and isinstance(samples[i + 1], (int, float)):
            slope = samples[i + 1] - first if samples[i + 1] - first in (0, step) else None
        while i + n < len(samples) and (
                samples[i + n] == first + n * slope if numeric and slope is not None
                and isinstance(samples[i + n], (int, float)) else not numeric and samples[i + n] == first):
            n += 1
        if first is None:
            words.append("_" if n == 1 else f"_x{n}")
        elif first == "stale" or n == 1:
            words += [str(first)] * n
        elif first == "Inf":
            words.append(f"Inf+0x{n - 1}")
        else:
            words.append(f"{first}x{n - 1}" if slope == 0 else f"{first}+{slope}x{n - 1}")
        i += n
    return " ".join(words)


def samples_of(phases, timeline, end):
    before, faulty = phases[0], phases[1]
    after = phases[2] if len(phases) > 2 else before
    result = []
    for moment in range(0, end, timeline.step):
        phase = before if moment < timeline.fault else faulty if moment < timeline.over else after
        result.append(at(phase, moment, timeline.fault))
    # What is absent from a page ends: Prometheus marks it stale in the scrape after its last sample.
    return ["stale" if sample is None and i and result[i - 1] is not None else sample
            for i, sample in enumerate(result)]


def series_name(template, identity):
    name, _, own = template.partition("{")
    own = own.rstrip("}")
    if EXPORTER_FAMILIES.match(name):
        kept = {k: v for k, v in identity.items() if k not in ("pg_cluster", "pg_instance")}
    elif CLUSTER_FAMILIES.match(name):
        kept = {k: v for k, v in identity.items() if k != "pg_instance"}
    else:
        kept = identity
    labels = ([own] if own else []) + [f'{k}="{v}"' for k, v in kept.items()]
    return f"{name}{{{', '.join(labels)}}}"


SHOP_ORDERS = {"namespace": "shop", "pg_cluster": "orders", "pg_instance": "orders-1"}
NEIGHBOURS = (
    {"namespace": "shop", "pg_cluster": "billing", "pg_instance": "billing-1"},  # the same namespace
    {"namespace": "bank", "pg_cluster": "orders", "pg_instance": "orders-1"},  # the same name
)


def scraped(identity, exporter="exporter-a", job=None):
    job = job or ("pgvigil" if identity["pg_cluster"] == "orders" else "pgvigil-" + identity["pg_cluster"])
    return {**identity, "job": job, "instance": f"{exporter}:9187"}


class Case:
    def __init__(self, alert, fields):
        self.alert, self.fields, self.timeline = alert, fields, Timeline(fields)
        self.severity = fields["severity"]
        self.written = {}

    def phases(self, overrides=None):
        """{series: [before, faulty, after]}; an override is a value held throughout, or phases of its own."""
        result = {name: list(values) for name, values in self.fields["series"].items()}
        for name, value in (overrides or {}).items():
            result[name] = list(value) if isinstance(value, list) else [value, value]
        return result

    def inputs(self, identity, overrides=None, shape=None, end=None):
        """`shape` makes of a series' samples what the situation asks for."""
        result = []
        for name, phases in self.phases(overrides).items():
            samples = samples_of(phases, self.timeline, end or self.timeline.end)
            samples = shape(samples) if shape else samples
            if any(sample not in (None, "stale") for sample in samples):
                result.append({"series": series_name(name, identity),
                               "values": run_length(samples, self.timeline.step)})
        return result

    def healthy(self, identity, shape=None):
        steady = {name: values[0] for name, values in self.fields["series"].items()}
        return self.inputs(identity, steady, shape)

    def identity_labels(self, kubernetes):
        identity = dict(kubernetes)
        subject = self.fields["subject"]
        if subject == "everything":
            return identity
        if subject == "exporter":
            return {**identity, "namespace": "shop", "job": "pgvigil"}
        identity.update(namespace="shop", pg_cluster="orders")
        if subject == "instance":
            identity["pg_instance"] = "orders-1"
        return identity

    def dashboard_url(self):
        subject = self.fields["subject"]
        if subject in ("exporter", "everything"):
            return "/d/pgvigil-cluster"
        scope = "var-namespace=shop&var-pg_cluster=orders"
        if subject == "instance":
            return f"/d/pgvigil-instance?{scope}&var-pg_instance=orders-1"
        return f"/d/pgvigil-cluster?{scope}"

    def firing(self, moment, description=None, kubernetes=None):
        description = description or self.fields["description"]
        known = min(moment, self.timeline.gone - TICK)
        age = humanize_duration(known - self.timeline.fault)
        identity = {**self.identity_labels(kubernetes or {}), **self.fields.get("labels", {})}
        levels = {self.severity: description}
        if "beside" in self.fields:
            levels[self.fields["beside"]["severity"]] = self.fields["beside"]["description"]
        return [{
            "exp_labels": {**identity, "severity": severity, "component": self.fields["component"]},
            "exp_annotations": self.annotations(" ".join(text.split()).replace("{age}", age)),
        } for severity, text in levels.items()]

    def annotations(self, description):
        """The same object for the same text, so that YAML has it once and refers to it afterwards."""
        return self.written.setdefault(description, {
            "summary": self.fields["summary"],
            "description": description,
            "runbook_url": f"{RUNBOOKS}/{self.alert}.md",
            "dashboard_url": self.dashboard_url(),
        })

    def expect(self, moment, alerts):
        return {"eval_time": duration(moment), "alertname": self.alert, "exp_alerts": alerts}

    def group(self, situation, series, tests):
        return {"name": f"{self.alert} ({self.severity}) {situation}", "interval": duration(self.timeline.step),
                "input_series": series, "alert_rule_test": tests}

    def groups(self):
        yield self.fires()
        yield self.with_gaps()
        yield self.with_two_exporters()
        yield self.gone_stale()
        for situation, series in self.fields.get("quiet", {}).items():
            yield self.stays_quiet(situation, series)
        for situation, other in self.fields.get("also", {}).items():
            yield self.fires_also(situation, other)

    def fires(self):
        t = self.timeline
        series = self.inputs(scraped(SHOP_ORDERS))
        for neighbour in NEIGHBOURS:
            series += self.healthy(scraped(neighbour))
        tests = [
            self.expect(t.fault - TICK, []),
            self.expect(t.fires - TICK, []),
            self.expect(t.fires, self.firing(t.fires)),
            self.expect(t.over - TICK, self.firing(t.over - TICK)),
        ]
        if t.keep:
            tests.append(self.expect(t.gone + t.keep - TICK, self.firing(t.gone + t.keep - TICK)))
        tests.append(self.expect(t.gone + t.keep + TICK, []))
        return self.group(f"fires after {duration(t.hold)}, only for its cluster, and resolves", series, tests)

    def with_gaps(self):
        t = self.timeline
        missing = lambda samples: ["stale" if i % 3 == 2 and s is not None else s for i, s in enumerate(samples)]
        series = self.inputs(scraped(SHOP_ORDERS), shape=missing)
        for neighbour in NEIGHBOURS:
            series += self.healthy(scraped(neighbour), shape=missing)
        moment = t.over - TICK
        late = t.fires + 2 * t.step  # the scrape that would have shown it may be the missing one
        tests = [self.expect(t.fault - TICK, []), self.expect(t.fires - TICK, [])]
        if late < moment:
            tests.append(self.expect(late, self.firing(late)))
        tests.append(self.expect(moment, self.firing(moment)))
        return self.group("is the same while every third scrape is missing", series, tests)

    def with_two_exporters(self):
        """One exporter leaves half way through `for`; a second one has seen the fault from the start."""
        t = self.timeline
        leaves = (t.true + t.hold // 2) // t.step
        first = lambda samples: samples[:leaves] + ["stale"]
        tests = [
            self.expect(t.fires - TICK, []),
            self.expect(t.fires, self.firing(t.fires, kubernetes=KUBERNETES)),
            self.expect(t.over - TICK, self.firing(t.over - TICK, kubernetes=KUBERNETES)),
        ]
        series = self.inputs({**KUBERNETES, **scraped(SHOP_ORDERS)}, shape=first)
        series += self.inputs({**KUBERNETES, **scraped(SHOP_ORDERS, "exporter-b")})
        series += self.healthy({"cluster": "us", **scraped(SHOP_ORDERS)})
        return self.group("is one alert when two exporters see it and one of them leaves", series, tests)

    def gone_stale(self):
        t = self.timeline
        cut = t.fires // t.step + 1
        ended = lambda samples: samples[:cut] + ["stale"]
        long_after = t.fires + t.keep + seconds(self.fields.get("remembers", "0s")) + 600
        fires = self.fields.get("on_stale") == "fires"
        tests = [
            self.expect(t.fires, self.firing(t.fires)),
            self.expect(long_after, self.firing(long_after) if fires else []),
        ]
        what = "still fires" if fires else "resolves"
        return self.group(f"{what} when its series have ended", self.inputs(scraped(SHOP_ORDERS), shape=ended), tests)

    def stays_quiet(self, situation, series):
        t = self.timeline
        tests = [self.expect(moment, []) for moment in sorted({t.fires, t.over - TICK, t.gone, t.end - TICK})]
        overrides = {name: value for name, value in series.items() if name != "another exporter"}
        inputs = self.inputs(scraped(SHOP_ORDERS), overrides)
        if len(overrides) < len(series):
            inputs += self.healthy(scraped(SHOP_ORDERS, "exporter-b"))
        return self.group(f"is silent: {situation}", inputs, tests)

    def fires_also(self, situation, other):
        t = self.timeline
        tests = [self.expect(t.fires - TICK, []),
                 self.expect(t.fires, self.firing(t.fires, other.get("description")))]
        return self.group(f"fires: {situation}", self.inputs(scraped(SHOP_ORDERS), other.get("series")), tests)


class Flow(dict):
    """Written on one line."""


class Dumper(yaml.SafeDumper):
    def increase_indent(self, flow=False, indentless=False):
        return super().increase_indent(flow, False)


    def generate_anchor(self, node):
        super().generate_anchor(node)
        return f"text{self.last_anchor_id}"


Dumper.add_representer(Flow, lambda dumper, data: dumper.represent_mapping(
    "tag:yaml.org,2002:map", data.items(), flow_style=True))


def readable(group):
    """One line a series, one line a set of labels."""
    result = dict(group)
    result["input_series"] = [Flow(series) for series in group["input_series"]]
    result["alert_rule_test"] = []
    for test in group["alert_rule_test"]:
        alerts = [{**alert, "exp_labels": Flow(alert["exp_labels"])} for alert in test["exp_alerts"]]
        result["alert_rule_test"].append({**test, "exp_alerts": alerts} if alerts else Flow(test))
    return result


def render(area, table):
    groups = [{
        "name": "nothing fires without data", "interval": "1m", "input_series": [],
        "alert_rule_test": [{"eval_time": "3h", "alertname": alert, "exp_alerts": []} for alert in table],
    }]
    for alert, cases in table.items():
        for fields in cases:
            try:
                groups += Case(alert, fields).groups()
            except (KeyError, ValueError) as error:
                raise SystemExit(f"cases/{area}.yaml: {alert}: {error!r}") from error
    test_file = {"rule_files": [f"../rules/{area}.yaml"], "evaluation_interval": duration(TICK),
                 "tests": [readable(group) for group in groups]}
    head = f"# Generated by generate.py from cases/{area}.yaml: edit that, then run `alerts/tests/generate.py`.\n"
    return head + yaml.dump(test_file, Dumper=Dumper, sort_keys=False, width=100000, allow_unicode=True)


def main(arguments):
    if arguments not in ([], ["--check"]):
        print(__doc__.splitlines()[-1], file=sys.stderr)
        return 2
    outdated = []
    for cases in sorted(HERE.glob("cases/*.yaml")):
        target = HERE / f"{cases.stem}_test.yaml"
        text = render(cases.stem, yaml.safe_load(cases.read_text()))
        if not arguments:
            target.write_text(text)
        elif not target.exists() or target.read_text() != text:
            outdated.append(target.name)
    for name in outdated:
        print(f"{name} is not what generate.py makes of its cases: run alerts/tests/generate.py", file=sys.stderr)
    return 1 if outdated else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

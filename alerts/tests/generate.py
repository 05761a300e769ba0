#!/usr/bin/env python3
"""Writes the promtool unit tests alerts/tests/<area>_test.yaml from the tables alerts/tests/cases/<area>.yaml.

A table says, for every alert and severity, which series turn it on and what it must then say; the situations that every
alert must survive are the same for all of them and are written here once:

  fires         after exactly `for`, with every annotation, with and without a namespace, and resolves
  gaps          fires without a break, and nothing else does, while every third scrape is missing: at intervals of 15 s,
                30 s and 60 s, and at 59 s, whose samples wander through all offsets from the evaluations
  two exporters one alert, however many exporters see it, also while one replaces the other
  stale         resolves once its series have ended
  fires, too    for whatever else fails beside it, one alert each: another instance, cluster, namespace, Kubernetes
                cluster or slot, values just beyond the threshold, exporters that disagree; and not for a neighbour that
                lacks one of the conditions
  silent        at every evaluation: values at the threshold, exporters that disagree, everything that ends at once, one
                bad scrape after which everything ends, every second scrape bad, and what the table calls quiet
  no data       silent

Fields of a case (durations as in Prometheus):
  severity, component, for, keep_firing_for   what the rule must declare; `for` and `keep_firing_for` default to 0s
  subject         cluster, instance, exporter or everything: the identity that the alert carries
  dashboard       instance, cluster or backups, where the alert leads to; as the subject unless given
  series          {name{own labels}: [healthy, faulty, healthy again (default: as before)]}, identity is added
                  a value is a number, absent, now (the time itself), now-1h, fault (the moment the fault began), up (rises
                  with time), fault x3 (the fault happens three times, five minutes apart), or `A for 2m then B`
  scenery         as series, but none of them may make a difference
  lacking         {series: value} with which this series alone keeps the alert silent; by default its healthy value, or
                  absent if that is the faulty one, too
  disputed        {series: fires or silent} when a second exporter sees that lacking value and the rest as the first one
  rival           {series: value}: a neighbour with these fails at the same time for another reason, and fires as well
  edges           {series: [silent value, firing value]}, next to each other on the two sides of the threshold
  delay           from the first faulty sample until the condition holds
  lasts           how long the condition then holds (default: `for` and 5 minutes)
  clears          from the first healthy sample until the condition is gone
  labels          the alert's labels beyond identity, severity and component; `constant` lists those that are always so
  summary, description    the whole text; {age} is the humanised time since the fault began
  window          how long the rule looks back (default 3m): so long after its series have ended it fires
  remembers       how much longer than 10 minutes it may fire then, if that does not follow from a window
  on_stale        resolves (default) or fires: what must happen when every series ends
  scrape          interval of the test's scrapes (default 15s)
  beside          {severity, description} of the other level of this alert that fires with it, and `for` if it does before
  persists        how much longer it must still fire when every series has ended
  relieves        {alert: {series: value}}: with these, one of the two alerts fires without a break from then on
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
HEALTHY_FOR = 300  # seconds before the fault
TICK = 15  # seconds between evaluations
SCRAPES = {"15s": 2, "30s": 1, "60s": 0, "59s": 1}  # which of three is missing

# What is read from an archive, whatever its family, is said of the cluster.
CLUSTER_FAMILIES = re.compile(r'pgvigil_(cluster|rpo|sync|objective|archive|backup|recovery|failover|last_failover)_|pgvigil_backups\b|.*\barchive="')
EXPORTER_FAMILIES = re.compile(r"(up|pgvigil_(build|config|journal|loop|scrape|samples)_\w+|process_\w+)$")
IDENTITIES = {
    "instance": ("cluster", "namespace", "pg_cluster", "pg_instance"),
    "cluster": ("cluster", "namespace", "pg_cluster"),
    "exporter": ("cluster", "namespace", "job"),
    "everything": ("cluster",),
}
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
        lasts = seconds(case["lasts"]) if "lasts" in case else self.hold + 300
        self.over = -(-(self.true + lasts) // self.step) * self.step  # at a scrape
        self.gone = self.over + seconds(case.get("clears", "0s"))
        self.end = self.gone + self.keep + 300


def at(value, moment, fault):
    """The number that `value` stands for at `moment`; None where there is no sample."""
    if value == "absent":
        return None
    if value == "up":
        return 1000000 + moment
    if passing := re.fullmatch(r"(\S+) for (\S+) then (\S+)", str(value)):
        now = passing[1] if moment < fault + seconds(passing[2]) else passing[3]
        return at(int(now) if now.isdigit() else now, moment, fault)
    if repeated := re.fullmatch(r"fault x(\d+)", str(value)):
        return fault + 300 * min((moment - fault) // 300, int(repeated[1]) - 1)
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
    return result


def ended(samples):
    """What is absent from a page ends: Prometheus marks it stale in the scrape after its last sample."""
    return ["stale" if sample is None and i and samples[i - 1] is not None else sample
            for i, sample in enumerate(samples)]


def without_every_third(samples, offset):
    """A scrape that fails ends all series of its target until the next one."""
    kept = [None if i % 3 == offset else sample for i, sample in enumerate(samples)]
    return ended(kept)


def carried(template, identity):
    """The labels of `identity` that this family carries."""
    name = template.partition("{")[0]
    if EXPORTER_FAMILIES.match(name):
        return {k: v for k, v in identity.items() if k not in ("pg_cluster", "pg_instance")}
    if CLUSTER_FAMILIES.match(template):
        return {k: v for k, v in identity.items() if k != "pg_instance"}
    return identity


def own_labels(template):
    return dict(re.findall(r'(\w+)="([^"]*)"', template.partition("{")[2]))


def series_name(template, identity):
    """A label of the template is replaced by that of the identity; an instance of its own, or an exporter, stays."""
    own = own_labels(template)
    labels = {**own, **carried(template, identity), **{name: own[name] for name in ("pg_instance", "instance") if name in own}}
    written = ", ".join(f'{name}="{value}"' for name, value in labels.items())
    return f"{template.partition('{')[0]}{{{written}}}"


SHOP_ORDERS = {"namespace": "shop", "pg_cluster": "orders", "pg_instance": "orders-1"}


def scraped(identity, exporter="exporter-a"):
    return {"job": "pgvigil", **identity, "instance": f"{exporter}:9187"}


def slug(text):
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


class Case:
    def __init__(self, alert, fields):
        self.alert, self.fields, self.timeline = alert, fields, Timeline(fields)
        self.severity, self.subject = fields["severity"], fields["subject"]
        self.series = {name: list(values) for name, values in fields["series"].items()}
        self.labels = fields.get("labels", {})
        constant = fields.get("constant", [])
        self.dimensions = [*IDENTITIES[self.subject], *(name for name in self.labels if name not in constant)]
        self.written = {}

    # Series.

    def phases(self, overrides=None):
        """{series: [before, faulty, after]}; an override is a value held throughout, or phases of its own."""
        result = {**self.series, **{name: list(values) for name, values in self.fields.get("scenery", {}).items()}}
        for name, value in (overrides or {}).items():
            result[name] = list(value) if isinstance(value, list) else [value, value]
        return result

    def inputs(self, identity, overrides=None, shape=ended, timeline=None, only=None):
        """`shape` makes of a series' samples what the situation asks for."""
        timeline, result = timeline or self.timeline, []
        for name, phases in self.phases(overrides).items():
            if only is not None and not only(name):
                continue
            samples = shape(samples_of(phases, timeline, timeline.end))
            if any(sample not in (None, "stale") for sample in samples):
                result.append({"series": series_name(name, identity), "values": run_length(samples, timeline.step)})
        return result

    def healthy(self, identity, shape=ended, timeline=None):
        return self.inputs(identity, {name: values[0] for name, values in self.phases().items()}, shape, timeline)

    def lacking(self, name):
        """The value of this series that alone keeps the alert silent."""
        before, faulty = self.series[name][:2]
        return self.fields.get("lacking", {}).get(name, "absent" if before == faulty else before)

    def carries(self, name, dimension):
        """Whether this series belongs to the thing that the label distinguishes."""
        if dimension in self.labels:
            return own_labels(name).get(dimension) == self.labels[dimension]
        return dimension in carried(name, {"cluster": "", "job": "", **SHOP_ORDERS})

    def neighbour(self, dimension, value):
        """Differs from shop/orders in nothing but that label."""
        return scraped({**SHOP_ORDERS, dimension: value})

    def neighbours(self):
        """For every label of the alert and every series one that has all but this series; the rest it shares with orders-1."""
        for dimension in self.dimensions:
            for number, name in enumerate(self.series):
                if self.carries(name, dimension):
                    yield from self.inputs(self.neighbour(dimension, f"{dimension}-{number}"), {name: self.lacking(name)},
                                           only=lambda other, label=dimension: self.carries(other, label))

    # What is expected.

    def identity_labels(self, identity):
        scope = {name: identity[name] for name in IDENTITIES[self.subject] if name in identity}
        return {**scope, **self.labels}

    def dashboard_url(self, identity):
        board = self.fields.get("dashboard", self.subject)
        if self.subject in ("exporter", "everything"):
            return "/d/pgvigil-cluster"
        url = f"/d/pgvigil-{board}?var-namespace={identity.get('namespace', '')}&var-pg_cluster={identity['pg_cluster']}"
        return f"{url}&var-pg_instance={identity['pg_instance']}" if (board, self.subject) == ("instance", "instance") else url

    def firing(self, moment, identity=None, description=None):
        identity = identity or scraped(SHOP_ORDERS)
        description = description or self.fields["description"]
        known = min(moment, self.timeline.gone - TICK)
        age = humanize_duration(known - self.timeline.fault)
        levels = {self.severity: description}
        if "beside" in self.fields:
            levels[self.fields["beside"]["severity"]] = self.fields["beside"]["description"]
        alerts = []
        for severity, text in levels.items():
            text = " ".join(text.split()).replace("{age}", age)
            if "namespace" not in identity:
                text = text.replace("shop/", "").replace(" in shop", "")
            alerts.append({
                "exp_labels": {**self.identity_labels(identity), "severity": severity, "component": self.fields["component"]},
                "exp_annotations": self.annotations(text, identity)})
        return alerts

    def earlier(self, moment, identity=None):
        """What already fires just before: the other level, if that has a shorter `for`."""
        if "for" not in self.fields.get("beside", {}):
            return []
        return [alert for alert in self.firing(moment, identity) if alert["exp_labels"]["severity"] != self.severity]

    def annotations(self, description, identity):
        """The same object for the same text, so that YAML has it once and refers to it afterwards."""
        return self.written.setdefault(description, {
            "summary": self.fields["summary"],
            "description": description,
            "runbook_url": f"{RUNBOOKS}/{self.alert}.md",
            "dashboard_url": self.dashboard_url(identity),
        })

    def expect(self, moment, alerts):
        return {"eval_time": duration(moment), "alertname": self.alert, "exp_alerts": alerts}

    def firing_series(self):
        return f'ALERTS{{alertname="{self.alert}", severity="{self.severity}", alertstate="firing"}}'

    def by(self):
        return f"by ({', '.join([*IDENTITIES[self.subject], *self.labels])})"

    def expect_firing(self, moment, identities, since=None):
        """These fire at `moment`; with `since`, at every evaluation from then on. Nothing else does at any of them."""
        if since is None:
            expression, value = f"count {self.by()} ({self.firing_series()})", 1
        else:
            value = (moment - since) // TICK + 1
            window = duration(moment - since + TICK // 2)
            expression = f"sum {self.by()} (count_over_time({self.firing_series()}[{window}]))"
        samples = [{"labels": series_name("", self.identity_labels(one) | self.differing(one)), "value": value} for one in identities]
        return {"expr": expression, "eval_time": duration(moment), "exp_samples": samples}

    def differing(self, identity):
        return {name: identity[name] for name in self.labels if name in identity}

    def group(self, situation, series, tests, timeline=None):
        timeline = timeline or self.timeline
        result = {"name": f"{self.alert} ({self.severity}) {situation}", "interval": duration(timeline.step), "input_series": series,
                  "alert_rule_test": [test for test in tests if "alertname" in test],
                  "promql_expr_test": [test for test in tests if "expr" in test]}
        return {name: value for name, value in result.items() if value}

    # Situations.

    def groups(self):
        yield self.fires()
        for scrape in self.scrapes():
            yield self.with_gaps(scrape)
        yield self.with_two_exporters()
        yield self.gone_stale()
        yield self.fires_beside()
        if self.subject != "everything":
            yield self.stays_silent()
        for situation, other in self.fields.get("also", {}).items():
            yield self.fires_also(situation, other)
        for earlier, series in self.fields.get("relieves", {}).items():
            yield self.relieves(earlier, series)

    def fires(self):
        t = self.timeline
        failing = [scraped(SHOP_ORDERS)]
        if self.subject != "everything":
            failing.append(scraped({name: value for name, value in SHOP_ORDERS.items() if name != "namespace"}))
        firing = lambda moment: [alert for one in failing for alert in self.firing(moment, one)]
        tests = [
            self.expect(t.fault - TICK, []),
            self.expect(t.fires - TICK, [alert for one in failing for alert in self.earlier(t.fires - TICK, one)]),
            self.expect(t.fires, firing(t.fires)),
            self.expect(t.over - TICK, firing(t.over - TICK)),
        ]
        if t.keep:
            tests.append(self.expect(t.gone + t.keep - TICK, firing(t.gone + t.keep - TICK)))
        tests.append(self.expect(t.gone + t.keep + TICK, []))
        series = [line for one in failing for line in self.inputs(one)]
        if self.subject != "everything":
            series += self.healthy(self.neighbour("namespace", "bank"))
        return self.group(f"fires after {duration(t.hold)} and resolves", series, tests)

    def scrapes(self):
        return [scrape for scrape in SCRAPES if seconds(scrape) >= 59 or self.timeline.step < 60]

    def with_gaps(self, scrape):
        t = Timeline({**self.fields, "scrape": scrape})
        t.end = t.over
        shape = lambda samples: without_every_third(samples, SCRAPES[scrape])
        series = self.inputs(scraped(SHOP_ORDERS), shape=shape, timeline=t)
        if self.subject != "everything":
            series += self.healthy(self.neighbour("namespace", "bank"), shape=shape, timeline=t)
        # Of two scrapes the one that would have shown it first may be missing, and so may the last one before.
        early, late, last = t.fires - 2 * t.step - TICK, t.fires + 2 * t.step + TICK, t.over - TICK
        early, late, last = early // TICK * TICK, late // TICK * TICK, last // TICK * TICK
        if late >= last:
            raise ValueError(f"{self.alert} does not last long enough to be seen at {scrape}")
        one = [scraped(SHOP_ORDERS)]
        tests = [self.expect_firing(early, [], since=0), self.expect_firing(last, one, since=late)]
        return self.group(f"is the same while every third scrape of {scrape} is missing", series, tests, t)

    def with_two_exporters(self):
        """One exporter leaves half way through `for`; a second one has seen the fault from the start."""
        t = self.timeline
        leaves = (t.true + t.hold // 2) // t.step
        first = lambda samples: ended(samples)[:leaves] + ["stale"]
        both = {"cluster": "eu", **SHOP_ORDERS}
        tests = [
            self.expect(t.fires - TICK, self.earlier(t.fires - TICK, scraped(both))),
            self.expect(t.fires, self.firing(t.fires, scraped(both))),
            self.expect(t.over - TICK, self.firing(t.over - TICK, scraped(both))),
        ]
        series = self.inputs(scraped(both), shape=first)
        series += self.inputs(scraped(both, "exporter-b"))
        return self.group("is one alert when two exporters see it and one of them leaves", series, tests)

    def gone_stale(self):
        t = self.timeline
        cut = t.fires // t.step + 1
        until = lambda samples: ended(samples)[:cut] + ["stale"]
        long_after = t.fires + t.keep + 600 + sum(seconds(self.fields.get(name, "0s")) for name in ("remembers", "persists"))
        fires = self.fields.get("on_stale") == "fires"
        tests = [
            self.expect(t.fires, self.firing(t.fires)),
            self.expect(long_after, self.firing(long_after) if fires else []),
        ]
        if not fires and "remembers" not in self.fields:
            last = t.fires // t.step * t.step + seconds(self.fields.get("window", "3m"))
            last_firing = last // TICK * TICK + t.keep
            tests[1:] = [self.expect_firing(last_firing, [scraped(SHOP_ORDERS)]), self.expect_firing(last_firing + TICK, [])]
        what = "still fires" if fires else "resolves"
        return self.group(f"{what} when its series have ended", self.inputs(scraped(SHOP_ORDERS), shape=until), tests)

    def situation(self, text):
        """An identity of its own for a situation, so that many are tested at once; its name tells which one failed."""
        name = slug(text)
        if self.subject == "exporter":
            return {**SHOP_ORDERS, "job": name}
        return {**SHOP_ORDERS, "pg_cluster": name}

    def disputes(self, outcome):
        """(situation, series): a second exporter lacks one of the series."""
        for name, result in self.fields.get("disputed", {}).items():
            if result == outcome:
                one = self.situation(f"disputed {name}")
                series = self.inputs(scraped(one)) + self.inputs(scraped(one, "exporter-b"), {name: self.lacking(name)})
                yield one, series

    def edges(self, number):
        """(situation, series): one of the series is just on this side of the threshold."""
        for name, values in self.fields.get("edges", {}).items():
            before, _, *after = self.phases()[name]
            one = self.situation(f"{values[number]} of {name}")
            yield one, self.inputs(scraped(one), {name: [before, values[number], *after]})

    def fires_beside(self):
        """Everything that fails gets its own alert, however alike the labels are; who lacks one thing gets none."""
        t = self.timeline
        identities = [scraped(SHOP_ORDERS)]
        series = self.inputs(scraped(SHOP_ORDERS)) + list(self.neighbours())
        for dimension in self.dimensions:
            twin = self.neighbour(dimension, f"other-{dimension}")
            identities.append(twin)
            series += self.inputs(twin, only=lambda name, label=dimension: self.carries(name, label))
            if "rival" in self.fields:
                identities.append(self.neighbour(dimension, f"rival-{dimension}"))
                series += self.inputs(identities[-1], self.fields["rival"])
        for one, inputs in [*self.disputes("fires"), *self.edges(1)]:
            identities.append(scraped(one))
            series += inputs
        tests = [self.expect_firing(t.fires - TICK, []), self.expect_firing(t.fires, identities),
                 self.expect_firing(t.over - TICK, identities)]
        return self.group("is one alert for each that fails, and none for neighbours that lack one thing", series, tests)

    def stays_silent(self):
        t, series = self.timeline, []
        for _, inputs in [*self.disputes("silent"), *self.edges(0)]:
            series += inputs
        if self.fields.get("on_stale") != "fires":
            last = t.fault // t.step
            series += self.healthy(scraped(self.situation("everything ends at once")),
                                   shape=lambda samples: ended(samples)[:last] + ["stale"])
            if t.hold and "delay" not in self.fields:
                series += self.inputs(scraped(self.situation("everything ends after one bad scrape")),
                                      shape=lambda samples: ended(samples)[:last + 1] + ["stale"])
                series += self.flapping(scraped(self.situation("every second scrape is bad")))
        for situation, changes in self.fields.get("quiet", {}).items():
            overrides = {name: value for name, value in changes.items() if name != "another exporter"}
            one = self.situation(situation)
            series += self.inputs(scraped(one), overrides)
            if len(overrides) < len(changes):
                series += self.healthy(scraped(one, "exporter-b"))
        return self.group("is silent at every evaluation", series, [self.expect_firing(t.end - TICK, [], since=0)])

    def flapping(self, identity):
        t = self.timeline
        for name, (good, bad, *_) in self.phases().items():
            samples = [at((good, bad)[i % 2], i * t.step, t.fault) for i in range(t.end // t.step)]
            if any(sample is not None for sample in samples):
                yield {"series": series_name(name, identity), "values": run_length(ended(samples), t.step)}

    def fires_also(self, situation, other):
        t = self.timeline
        tests = [self.expect(t.fires - TICK, []),
                 self.expect(t.fires, self.firing(t.fires, description=other.get("description")))]
        return self.group(f"fires: {situation}", self.inputs(scraped(SHOP_ORDERS), other.get("series")), tests)

    def relieves(self, earlier, series):
        t = Timeline({**self.fields, "lasts": "10m"})
        t.end = t.over + seconds(self.fields["lasts"]) + 7200
        begin, last = t.fault + 600, t.end - t.step
        firing = f'count(ALERTS{{alertname=~"{earlier}|{self.alert}", alertstate="firing"}})'
        test = {"expr": f"count_over_time({firing}[{duration(last - begin)}:{TICK}s])", "eval_time": duration(last),
                "exp_samples": [{"labels": "{}", "value": (last - begin) // TICK + 1}]}
        gone = {"expr": f'ALERTS{{alertname="{earlier}", alertstate="firing"}}', "eval_time": duration(t.over + 3900), "exp_samples": []}
        return self.group(f"relieves {earlier} without a break", self.inputs(scraped(SHOP_ORDERS), series, timeline=t), [test, gone], t)


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
    for kind in ("alert_rule_test", "promql_expr_test"):
        if kind not in group:
            continue
        result[kind] = []
        for test in group[kind]:
            alerts = [{**alert, "exp_labels": Flow(alert["exp_labels"])} for alert in test.get("exp_alerts", [])]
            samples = [Flow(sample) for sample in test.get("exp_samples", [])]
            if alerts:
                test = {**test, "exp_alerts": alerts}
            elif samples:
                test = {**test, "exp_samples": samples}
            result[kind].append(test if alerts or samples else Flow(test))
    return result


def render(area, table):
    groups = [{
        "name": "nothing fires without data", "interval": "1m", "input_series": [],
        "alert_rule_test": [{"eval_time": "30m", "alertname": alert, "exp_alerts": []} for alert in table],
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

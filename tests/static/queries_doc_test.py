"""The shipped query files say what they read and in which unit, and docs/queries.md says how often."""

import pathlib
import re

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "queries").glob("*.yaml"))
EACH_FILE = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
# What a name ends with, and what its help then has to say.
UNITS = {"timestamp_seconds": "in Unix seconds", "seconds": "in seconds", "bytes": "bytes", "ratio": "0 to 1"}


def queries(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def metrics(path):
    """The columns that are metrics, by the metric's name."""
    for name, query in queries(path).items():
        for column, spec in query["columns"].items():
            if spec["usage"] not in ("label", "discard"):
                yield f"{query.get('name', name)}_{spec.get('name', column)}", spec


def documented():
    """The rows of the table of the shipped set: when, by file."""
    rows = re.findall(r"^\| `(\d{4}-\w+\.yaml)` \| [^|]* \| ([^|]*) \|$", (ROOT / "docs" / "queries.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) == len(dict(rows)), "a file has two rows"
    return dict(rows)


def periods(text):
    """How often something is read, out of a sentence."""
    return {"every scrape" if whole == "every scrape" else f"{number}{unit[0]}"
            for whole, number, unit in re.findall(r"(every (?:scrape|(\d+) (s|min)\b))", text)}


def test_the_table_has_every_file_and_no_other():
    assert sorted(documented()) == [path.name for path in FILES]


@EACH_FILE
def test_the_table_says_how_often_a_file_is_read(path):
    assert periods(documented()[path.name]) == {query.get("every", "every scrape") for query in queries(path).values()}


@EACH_FILE
def test_queries_and_labels_say_what_they_are(path):
    assert [name for name, query in queries(path).items() if not query.get("description")] == []
    assert [(name, column) for name, query in queries(path).items() for column, spec in query["columns"].items()
            if spec["usage"] == "label" and not spec.get("description")] == []


@EACH_FILE
def test_metrics_say_their_unit_and_their_source(path):
    for metric, spec in metrics(path):
        said = spec["description"]
        assert re.search(r"\([^()]+(\(\)[^()]*)*\)$", said), f"{metric}: no source at the end: {said}"
        unit = next((unit for unit in UNITS if re.search(rf"_{unit}(_total)?$", metric)), None)
        if unit:
            assert UNITS[unit].lower() in said.lower(), f"{metric} does not say {UNITS[unit]}: {said}"
        else:
            assert not re.search(r"\bin (Unix )?seconds\b|\bin bytes\b", said), f"{metric}: its name lacks the unit: {said}"


@EACH_FILE
def test_counters_and_nothing_else_end_in_total(path):
    assert [metric for metric, spec in metrics(path) if (spec["usage"] == "counter") != metric.endswith("_total")] == []

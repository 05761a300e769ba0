#!/usr/bin/env python3
"""The chart's schema of values holds the configuration's own schema for the sections that the chart passes on as they are.

    chart_schema.py            tells whether both agree
    chart_schema.py --write    takes docs/pgvigil.schema.json over into helm/pgvigil/values.schema.json
"""

import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONFIGURATION = ROOT / "docs/pgvigil.schema.json"
VALUES = ROOT / "helm/pgvigil/values.schema.json"
PASSED_ON = ("clusters", "objectives", "limits", "intervals", "log")
MADE_BY_THE_CHART = {"journal", "listen", "web", "queries"}


def main():
    configuration = json.loads(CONFIGURATION.read_text(encoding="utf-8"))["properties"]
    values = json.loads(VALUES.read_text(encoding="utf-8"))
    unknown = set(configuration) - set(PASSED_ON) - MADE_BY_THE_CHART
    if unknown:
        sys.exit(f"{CONFIGURATION.name} has {sorted(unknown)}, which the chart neither passes on nor makes")
    if "--write" in sys.argv[1:]:
        values["properties"].update({name: configuration[name] for name in PASSED_ON})
        VALUES.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
        return
    stale = [name for name in PASSED_ON if values["properties"].get(name) != configuration[name]]
    if stale:
        sys.exit(f"{VALUES.name}: {', '.join(stale)} differ from {CONFIGURATION.name}; run tests/static/chart_schema.py --write")


main()

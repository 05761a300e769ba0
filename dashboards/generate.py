#!/usr/bin/env python3
"""Writes the dashboards of this folder, each from the module of its name. `--check` only compares."""

import json
import pathlib
import sys

from backups import backups_dashboard
from cluster import cluster_dashboard
from failover import failover_dashboard
from instance import instance_dashboard

HERE = pathlib.Path(__file__).parent
DASHBOARDS = {"backups": backups_dashboard, "cluster": cluster_dashboard, "failover": failover_dashboard, "instance": instance_dashboard}


def main():
    drifted = []
    for name, dashboard in DASHBOARDS.items():
        path = HERE / f"{name}.json"
        text = json.dumps(dashboard(), indent=2) + "\n"
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            drifted.append(path.name)
    if drifted:
        sys.exit(f"not what dashboards/generate.py writes: {', '.join(drifted)}")


if __name__ == "__main__":
    main()

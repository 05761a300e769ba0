"""The configurations that the documentation shows are ones that `pgvigil check` takes."""

import os
import pathlib
import re
import subprocess

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("PGVIGIL_BINARY", str(ROOT / "build/dev/exporter/pgvigil"))
PAGES = ["README.md", "docs/archives.md"]


def examples():
    for page in PAGES:
        for number, block in enumerate(re.findall(r"(?s)```yaml\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"))):
            given = yaml.safe_load(block)
            if "archive" in given:  # a piece of a cluster
                given = {"clusters": [{"name": "orders", "instances": [{"name": "orders-1", "dsn": "host=db1"}], **given}]}
            yield pytest.param(given, id=f"{page}-{number}")


@pytest.mark.parametrize("configuration", examples())
def test_an_example_is_taken(configuration, tmp_path):
    file = tmp_path / "pgvigil.yaml"
    text = yaml.safe_dump(configuration)
    for secret in re.findall(r"/run/secrets/([\w-]+)", text):
        (tmp_path / secret).write_text("secret\n", encoding="utf-8")
    file.write_text(text.replace("/run/secrets", str(tmp_path)), encoding="utf-8")
    done = subprocess.run([PROGRAM, "check", "--config", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in done.stdout + done.stderr

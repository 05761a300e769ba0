"""The Dockerfile agrees with the list of packages, and holds what the chart counts on. hadolint looks at the rest."""

import json
import pathlib
import re
import subprocess

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
STAGES = re.split(r"(?m)^FROM ", TEXT)[1:]


def installed(stage):
    command = re.search(r"apt-get install[^&]*", stage.replace("\\\n", " ")).group(0)
    return {word for word in command.split()[2:] if not word.startswith("-")}


def argument(instruction, text=None):
    (found,) = re.findall(rf"(?m)^{instruction} (.*)$", text or STAGES[-1])
    return found


def test_the_build_stage_installs_the_build_packages():
    script = '. scripts/lib/packages.sh; echo "$BUILD_PACKAGES"'
    listed = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert installed(STAGES[0]) == set(listed)


def test_nothing_that_compiles_is_in_the_image():
    assert not [name for name in installed(STAGES[-1]) if name.endswith("-dev") or name in ("g++", "cmake", "ninja-build", "civetweb")]


@pytest.mark.parametrize("stage", STAGES, ids=["build", "image"])
def test_stages_start_at_a_fixed_release_and_leave_no_lists(stage):
    assert stage.split()[0] == "debian:13-slim"
    for command in re.findall(r"(?m)^RUN (.*(?:\\\n.*)*)", stage):
        if "apt-get install" in command:
            assert "--no-install-recommends" in command and command.rstrip().endswith("rm -rf /var/lib/apt/lists/*")


def test_the_image_starts_as_the_chart_starts_it():
    values = yaml.safe_load((ROOT / "helm/pgvigil/values.yaml").read_text(encoding="utf-8"))
    context = values["podSecurityContext"]
    assert argument("USER") == f"{context['runAsUser']}:{context['runAsGroup']}"
    assert json.loads(argument("ENTRYPOINT")) == ["/usr/bin/pgvigil"]
    assert json.loads(argument("CMD")) == ["serve", "--config", "/etc/pgvigil/pgvigil.yaml"]
    assert argument("EXPOSE") == str(values["service"]["port"])
    assert "-DCMAKE_INSTALL_PREFIX=/usr " in STAGES[0]  # where the chart's configuration looks for the query files


def test_versions_agree():
    chart = yaml.safe_load((ROOT / "helm/pgvigil/Chart.yaml").read_text(encoding="utf-8"))
    project = re.search(r"project\(pgvigil VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")).group(1)
    assert chart["appVersion"] == project
    assert f'image.version="{project}"' in TEXT


def test_the_image_says_what_it_was_built_from():
    """try_image.sh looks at the result."""
    assert '-DPGVIGIL_REVISION="$REVISION"' in STAGES[0] and 'image.revision="$REVISION"' in STAGES[-1]
    for stage in STAGES:
        assert stage.index("\nARG REVISION=unknown\n") < stage.index('"$REVISION"')

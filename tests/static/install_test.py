"""What `cmake --install` leaves, of the build that PGVIGIL_BINARY belongs to, and that the program works from there."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif("PGVIGIL_BINARY" not in os.environ, reason="PGVIGIL_BINARY is not set")


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    folder = tmp_path_factory.mktemp("install") / "opt"
    build = pathlib.Path(os.environ["PGVIGIL_BINARY"]).parents[1]
    subprocess.run(["cmake", "--install", build, "--prefix", folder], check=True, capture_output=True)
    return folder


def files(folder, pattern="**/*"):
    return {str(path.relative_to(folder)) for path in folder.glob(pattern) if path.is_file()}


def test_the_tree_holds_the_program_the_bundle_and_the_documentation(prefix):
    share, documentation = prefix / "share/pgvigil", prefix / "share/doc/pgvigil"
    assert files(prefix) - {f"share/pgvigil/{one}" for one in files(share)} - {f"share/doc/pgvigil/{one}" for one in files(documentation)} == {
        "bin/pgvigil", "lib/systemd/system/pgvigil.service"}
    for name in ("queries", "alerts/rules", "alerts/alertmanager"):
        assert files(share / name) == files(ROOT / name, "*.yaml"), name
    assert files(share / "alerts/runbooks") == files(ROOT / "alerts/runbooks")
    assert files(share / "dashboards") == files(ROOT / "dashboards", "*.json")
    assert (share / "pgvigil.schema.json").read_bytes() == (ROOT / "docs/pgvigil.schema.json").read_bytes()
    assert files(documentation) == {"LICENSE", *files(ROOT, "*.md")} | files(ROOT, "docs/**/*.*") - {"docs/pgvigil.schema.json"}


def test_links_between_the_installed_pages_hold(prefix):
    documentation = prefix / "share/doc/pgvigil"
    for page in documentation.glob("**/*.md"):
        for target in re.findall(r"\]\(((?:docs/)?[\w.-]+\.md)[#)]", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_installed_program_finds_its_queries_and_takes_the_example(prefix):
    """Moved, so that nothing is found in the source tree."""
    for words in (["check"], ["check", "--config", prefix / "share/doc/pgvigil/docs/examples/pgvigil.yaml"]):
        done = subprocess.run([prefix / "bin/pgvigil", *words], capture_output=True, text=True, check=False, cwd="/")
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_unit_starts_the_installed_program(prefix):
    unit = (prefix / "lib/systemd/system/pgvigil.service").read_text(encoding="utf-8")
    assert f"\nExecStart={prefix}/bin/pgvigil serve --config /etc/pgvigil/pgvigil.yaml\n" in unit and "@BINDIR@" not in unit


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_takes_the_unit(prefix):
    unit = prefix / "lib/systemd/system/pgvigil.service"
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False)
    assert "pgvigil.service" not in done.stderr, done.stderr

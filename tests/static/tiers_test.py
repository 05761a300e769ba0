"""scripts/test.sh counts nothing as passed that did not run or did not end well."""

import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PASSES = "def test_one(): pass\n"
JUNIT = '<testsuite><testcase name="one" status="run"/></testsuite>'


@pytest.fixture
def tree(tmp_path):
    """A folder that stands for the tree, with programs of our own before those of the system."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "build/dev").mkdir(parents=True)

    def run(script, programs=None, **environment):
        for name, text in (programs or {}).items():
            (tmp_path / "bin" / name).write_text(f"#!/bin/bash\n{text}\n", encoding="utf-8")
            (tmp_path / "bin" / name).chmod(0o755)
        sources = " ".join(f". {ROOT}/scripts/lib/{name}.sh;" for name in ("count", "static", "tiers"))
        done = subprocess.run(["bash", "-uo", "pipefail", "-c", f"{sources} QUICK=; {script}; report"], cwd=tmp_path, capture_output=True, text=True,
                              check=False, env={**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "GIT_CEILING_DIRECTORIES": str(tmp_path.parent), **environment})
        passed, failed = map(int, re.search(r"(\d+) passed, (\d+) failed\s*$", done.stdout).groups())
        assert (failed > 0 or passed == 0) == (done.returncode != 0), done.stdout
        return passed, failed, done.stdout + done.stderr

    return run


def suite(tmp_path, text):
    path = tmp_path / "suite_test.py"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_passes_is_counted(tree, tmp_path):
    assert tree(f"pytest_tier x program {suite(tmp_path, PASSES)}")[:2] == (1, 0)
    assert tree("ctest_tier x dev unit", {"ctest": f"echo '{JUNIT}' >build/dev/x.xml"})[:2] == (1, 0)


def test_nothing_at_all_is_not_success(tree):
    assert tree("true")[:2] == (0, 0)


@pytest.mark.parametrize("text", [
    "def test_one(): assert False\n", "import nothing_of_this_name\n", "", "import pytest\n@pytest.mark.skip\ndef test_one(): pass\n",
    PASSES + "import os\ndef test_two(): os._exit(0)\n", PASSES + "import pytest\ndef test_two(): pytest.exit('interrupted', 3)\n"],
    ids=["fails", "cannot be loaded", "is empty", "is skipped", "ends the process", "ends the session"])
def test_a_suite_that_did_not_pass_is_red(tree, tmp_path, text):
    assert tree(f"pytest_tier x program {suite(tmp_path, text)}")[1] > 0


def test_no_pytest_is_red(tree, tmp_path):
    (tmp_path / "pytest.py").write_text("raise SystemExit('No module named pytest')\n", encoding="utf-8")
    assert tree(f"pytest_tier x program {suite(tmp_path, PASSES)}", PYTHONPATH=str(tmp_path))[:2] == (0, 1)


def test_no_suites_are_red(tree):
    assert tree("run_static_suites")[1] > 0


@pytest.mark.parametrize("program", [
    "echo No tests were found", "exit 1", f"echo '{JUNIT}' >build/dev/x.xml; kill -9 $$", "echo '<testsuite>' >build/dev/x.xml", "exec no-such-program",
    f"echo '{JUNIT.replace('run', 'notrun')}' >build/dev/x.xml"], ids=["none", "error", "killed", "torn", "missing", "not run"])
def test_ctest_that_did_not_pass_is_red(tree, tmp_path, program):
    (tmp_path / "build/dev/x.xml").write_text(JUNIT, encoding="utf-8")  # of an earlier run
    assert tree("ctest_tier x dev unit", {"ctest": program})[1] > 0


def test_a_build_that_fails_is_red(tree):
    passed, failed, _ = tree("tier_unit", {"cmake": "[ $1 != --build ]", "ctest": f"echo '{JUNIT}' >build/dev/unit.xml"})
    assert (passed, failed) == (0, 1)


def test_linters_that_are_given_no_files_are_red(tree):
    """Outside of a repository, or in one that Git does not trust, nothing is listed."""
    fine = {name: "cat >/dev/null; exit 0" for name in ("clang-format-19", "shellcheck", "yamllint", "hadolint", "clang-tidy-19")}
    passed, failed, said = tree("lint_sources; run_clang_tidy", fine)
    assert passed == 1 and "ok hadolint" in said, said
    assert failed == 5, said

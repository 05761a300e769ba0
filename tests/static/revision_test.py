"""cmake/Revision.cmake: what version.h says of the commit that is built."""

import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def git(folder, *words):
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.net", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *identity, "-C", folder, *words], capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def source(tmp_path):
    """The few files that it reads, in a folder of its own."""
    folder = tmp_path / "around/source"
    for name in ("cmake/Revision.cmake", "exporter/cli/version.h.in"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


def revision(source, given=""):
    output = source.parent / "build/version.h"
    words = [f"-D{name}={value}" for name, value in {"SOURCE": source, "VERSION": "1.2.3", "COMPILER": "GNU 12", "REVISION": given, "OUTPUT": output}.items()]
    subprocess.run(["cmake", *words, "-P", source / "cmake/Revision.cmake"], check=True, capture_output=True)
    text = output.read_text(encoding="utf-8")
    assert '"1.2.3"' in text and '"GNU 12"' in text and "@" not in text
    return re.search('kRevision = "(.*)"', text).group(1)


def commit(folder, message):
    git(folder, "add", ".")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "--short", "HEAD")


def test_a_commit_is_seen_at_the_next_build(source):
    git(source, "init", "-q")
    first = commit(source, "first")
    assert revision(source) == first
    second = commit(source, "second")
    assert revision(source) == second != first


def test_changes_that_are_not_committed_are_said(source):
    git(source, "init", "-q")
    first = commit(source, "first")
    (source / "cmake/Revision.cmake").open("a").write("# changed\n")
    assert revision(source) == f"{first}-dirty"


def test_without_a_repository_it_is_unknown(source):
    assert revision(source) == "unknown"


def test_a_repository_around_the_source_says_nothing(source):
    git(source.parent, "init", "-q")
    commit(source.parent, "somebody else's")
    assert revision(source) == "unknown"


def test_what_is_given_wins(source):
    git(source, "init", "-q")
    commit(source, "first")
    assert revision(source, "v1.2.3-4-gabc") == "v1.2.3-4-gabc"


def test_the_file_is_left_alone_while_nothing_changes(source):
    revision(source)
    output = source.parent / "build/version.h"
    before = output.stat().st_mtime_ns
    revision(source)
    assert output.stat().st_mtime_ns == before

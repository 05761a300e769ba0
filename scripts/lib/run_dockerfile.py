#!/usr/bin/env python3
"""Carries out the project's Dockerfile where no container engine is: each stage in a root unpacked from a bare Debian 13.

    run_dockerfile.py CONTEXT BASE_TARBALL WORK [NAME=VALUE...]      values of build arguments

Leaves the last stage in WORK/root, and how the image starts (USER, ENTRYPOINT, CMD) and its LABELs in WORK/image.json. Knows just the
instructions that the Dockerfile uses; another one is an error.
"""

import fnmatch
import json
import os
import pathlib
import shlex
import shutil
import string
import subprocess
import sys

LIBRARY = pathlib.Path(__file__).resolve().parent
BASE = "debian:13-slim"


def instructions(text):
    """(instruction, arguments), with continued lines joined and comments left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    for line in joined.splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield word.upper(), rest.strip()


def ignored(path, patterns):
    """By .dockerignore: the last pattern that fits the path or one of its parents decides."""
    names = ["/".join(path.parts[:i]) for i in range(1, len(path.parts) + 1)]
    decision = False
    for pattern in patterns:
        negated, pattern = pattern.startswith("!"), pattern.lstrip("!").rstrip("/")
        plain = pattern.removeprefix("**/")
        if any(fnmatch.fnmatchcase(name, pattern) or (plain != pattern and fnmatch.fnmatchcase(name.rpartition("/")[2], plain)) for name in names):
            decision = not negated
    return decision


def copy_context(context, target):
    lines = (context / ".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    for folder, folders, files in os.walk(context):
        here = pathlib.Path(folder).relative_to(context)
        folders[:] = [name for name in folders if name != ".git" and not ignored(here / name, patterns)]
        for name in files:
            if not ignored(here / name, patterns):
                (target / here).mkdir(parents=True, exist_ok=True)
                shutil.copy2(context / here / name, target / here / name, follow_symlinks=False)


class Stage:
    def __init__(self, root, base):
        self.root, self.directory, self.shell = root, "/", ["/bin/sh", "-c"]
        self.starts = {"USER": "0:0", "ENTRYPOINT": [], "CMD": [], "LABEL": {}}
        self.arguments = {}
        self.within('new_root "$1"', base=base)

    def within(self, script, *arguments, base=None):
        """Runs a line of shell that knows roots.sh; $1 is the root."""
        environment = {**os.environ, "CPATH": self.directory}
        setup = f". {shlex.quote(str(LIBRARY / 'roots.sh'))}; base_tarball() {{ echo {shlex.quote(str(base))}; }}; " if base else f". {shlex.quote(str(LIBRARY / 'roots.sh'))}; "
        subprocess.run(["bash", "-euc", setup + script, "-", str(self.root), *arguments], env=environment, check=True, stdin=subprocess.DEVNULL)

    def path(self, name):
        return self.root / os.path.join(self.directory, name).lstrip("/")

    def run(self, command):
        print(f"RUN {command}", flush=True)
        exports = "".join(f"export {name}={shlex.quote(value)}; " for name, value in self.arguments.items())
        self.within('in_root "$@"', *self.shell, exports + command)

    def argument(self, text, given):
        name, _, default = text.partition("=")
        self.arguments[name] = given.get(name, default)

    def label(self, text):
        pairs = (word.split("=", 1) for word in shlex.split(text))
        self.starts["LABEL"].update({name: string.Template(value).substitute(self.arguments) for name, value in pairs})

    def copy(self, arguments, context, stages):
        words = shlex.split(arguments)
        origin = None
        if words[0].startswith("--from="):
            origin = stages[words.pop(0).removeprefix("--from=")]
        source, target = words
        self.path(target).mkdir(parents=True, exist_ok=True)
        if origin:
            shutil.copytree(origin.path(source), self.path(target), symlinks=True, dirs_exist_ok=True)
        elif source == ".":
            copy_context(context, self.path(target))
        else:
            sys.exit(f"COPY {arguments}: only the whole context or another stage's files can be copied here")


def main():
    context, base, work = map(pathlib.Path, sys.argv[1:4])
    given = dict(word.split("=", 1) for word in sys.argv[4:])
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    stages, stage = {}, None
    for word, rest in instructions((context / "Dockerfile").read_text(encoding="utf-8")):
        if word == "FROM":
            image, _, name = rest.partition(" AS ")
            if image != BASE:
                sys.exit(f"FROM {image}: expected {BASE}, which is what the base tarball stands for")
            stage = Stage(work / (name or "root"), base)
            stages[name or "root"] = stage
        elif word == "RUN":
            stage.run(rest)
        elif word == "COPY":
            stage.copy(rest, context, stages)
        elif word == "ARG":
            stage.argument(rest, given)
        elif word == "LABEL":
            stage.label(rest)
        elif word == "WORKDIR":
            stage.directory = rest
            stage.path(".").mkdir(parents=True, exist_ok=True)
        elif word == "SHELL":
            stage.shell = json.loads(rest)
        elif word == "USER":
            stage.starts[word] = rest
        elif word in ("ENTRYPOINT", "CMD"):
            stage.starts[word] = json.loads(rest)
        elif word != "EXPOSE":
            sys.exit(f"{word}: not known here")
    (work / "image.json").write_text(json.dumps(stage.starts), encoding="utf-8")


main()

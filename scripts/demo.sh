#!/usr/bin/env bash
# Shows pgvigil at work: builds it, starts a primary and two standbys with an archive, a backup and some load, pgvigil, Prometheus
# with the shipped rules, Alertmanager with the shipped routing; then prints what pgvigil sees, where to look, and each alert.
#
#   scripts/demo.sh               until Ctrl-C
#   scripts/demo.sh --exercise    also stops a standby, kills the primary and promotes, and shows what is told and the alerts arriving
#   scripts/demo.sh --once        does all of that once, ends, and fails if anything was not as expected
#
# Works on a fresh Debian 12 as root. Everything listens on loopback, lives in a temporary directory, and is stopped.
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
  "" | --exercise | --once) ;;
  --help | -h) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *) echo "unknown argument: $1 (see --help)" >&2; exit 2 ;;
esac

# shellcheck source=scripts/lib/packages.sh
. scripts/lib/packages.sh
install_packages "$BUILD_PACKAGES $UNIT_PACKAGES $DEMO_PACKAGES"
export CCACHE_DIR="${CCACHE_DIR:-${PGVIGIL_CACHE:-/var/cache/pgvigil}/ccache}"
echo "building pgvigil (build/release)"
cmake --preset release >/dev/null
cmake --build build/release -j 2 --target pgvigil >/dev/null
PGVIGIL_BINARY=$PWD/build/release/exporter/pgvigil exec /usr/bin/python3 scripts/lib/demo.py "$@"

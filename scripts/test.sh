#!/usr/bin/env bash
# Runs the tests, tier by tier, and closes with one line: "N passed, N failed".
#
#   scripts/test.sh                 everything that a change has to pass
#   scripts/test.sh --quick         unit tests and static checks of a warm tree, and a short integration run
#   scripts/test.sh --weekly        everything, and ten minutes of fuzzing a target
#   scripts/test.sh --tier NAME     one tier, repeatable: static unit integration asan tsan debian13 fuzz smoke
#
# Works on a fresh Debian 12 as root: installs what it needs from Debian's packages and the language registries. Caches
# live in PGVIGIL_CACHE (default /var/cache/pgvigil). Nothing is left running.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

# shellcheck source=scripts/lib/packages.sh
. scripts/lib/packages.sh
# shellcheck source=scripts/lib/count.sh
. scripts/lib/count.sh
# shellcheck source=scripts/lib/tools.sh
. scripts/lib/tools.sh
# shellcheck source=scripts/lib/static.sh
. scripts/lib/static.sh
# shellcheck source=scripts/lib/tiers.sh
. scripts/lib/tiers.sh

export PGVIGIL_CACHE="${PGVIGIL_CACHE:-/var/cache/pgvigil}"
export CCACHE_DIR="${CCACHE_DIR:-$PGVIGIL_CACHE/ccache}"
mkdir -p "$PGVIGIL_CACHE" "$CCACHE_DIR"

tiers=()
quick=
weekly=
while [ $# -gt 0 ]; do
  case "$1" in
    --quick) quick=yes ;;
    --weekly) weekly=yes ;;
    --tier) shift; tiers+=("${1:?--tier needs a name}") ;;
    --help | -h) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "unknown argument: $1 (see --help)" >&2; exit 2 ;;
  esac
  shift
done
if [ "${#tiers[@]}" -eq 0 ]; then
  if [ -n "$quick" ]; then tiers=(static unit smoke); else tiers=(static unit integration asan tsan debian13); fi
  if [ -n "$weekly" ]; then
    tiers+=(fuzz)
    export FUZZ_SECONDS=600
  fi
fi

export QUICK="$quick"
install_packages "$BUILD_PACKAGES $UNIT_PACKAGES $TEST_PACKAGES" || record_failure "packages" "Debian packages could not be installed"
for tier in "${tiers[@]}"; do
  if ! declare -F "tier_$tier" >/dev/null; then
    record_failure "$tier" "there is no such tier"
    continue
  fi
  began=$SECONDS
  echo "== $tier"
  "tier_$tier"
  echo "== $tier took $((SECONDS - began)) s"
done
report

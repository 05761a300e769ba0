#!/usr/bin/env bash
# Measures what a scrape costs the exporter and the server, beside Debian's prometheus-postgres-exporter on the same server
# in the same run; what a page and a judgement cost; what reading an archive of a million segments does. Prints the tables of
# docs/performance.md.
set -euo pipefail
export PGVIGIL_CACHE="${PGVIGIL_CACHE:-/var/cache/pgvigil}"
JOBS=2
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib/packages.sh
. scripts/lib/packages.sh
# shellcheck source=scripts/lib/tools.sh
. scripts/lib/tools.sh
install_packages "$BUILD_PACKAGES $TEST_PACKAGES"
install_s3_server
cmake --preset release >/dev/null
cmake --build build/release -j 2 >/dev/null
PGVIGIL_BINARY=$PWD/build/release/exporter/pgvigil /usr/bin/python3 tests/bench/scrape_bench.py "$@"
build/release/tests/bench/page_bench
build/release/tests/bench/verdict_bench
build/release/tests/bench/store_bench
/usr/bin/python3 tests/bench/archive_bench.py

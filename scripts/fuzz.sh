#!/usr/bin/env bash
# Feeds the parsers of outside bytes with what libFuzzer makes of their corpus, under ASan and UBSan.
#
#   scripts/fuzz.sh [SECONDS] [TARGET...]     each target (tests/fuzz/<target>_fuzz.cc; default all) for so long (default 60)
#
# It works on a copy of the corpus. An input that breaks a promise is kept as tests/fuzz/corpus/<target>/<kind>-<hash>, where
# the unit tests replay it from then on; the exit status is 1 then.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=60
case "${1:-}" in
  --help | -h) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *[!0-9]* | "") ;;
  *) seconds=$1; shift ;;
esac
targets=("$@")
if [ "${#targets[@]}" -eq 0 ]; then
  for file in tests/fuzz/*_fuzz.cc; do targets+=("$(basename "$file" _fuzz.cc)"); done
fi
for target in "${targets[@]}"; do
  [ -e "tests/fuzz/${target}_fuzz.cc" ] || { echo "there is no target $target" >&2; exit 2; }
done

# shellcheck source=scripts/lib/packages.sh
. scripts/lib/packages.sh
install_packages "$BUILD_PACKAGES $UNIT_PACKAGES $FUZZ_PACKAGES"
export CCACHE_DIR="${CCACHE_DIR:-${PGVIGIL_CACHE:-/var/cache/pgvigil}/ccache}"
mkdir -p build
cmake --preset fuzz >build/fuzz.log
cmake --build build/fuzz -j 2 --target "${targets[@]/%/_fuzz}" >>build/fuzz.log || { tail -n 60 build/fuzz.log; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
for target in "${targets[@]}"; do
  mkdir -p "$work/$target" "$work/found"
  cp -r "tests/fuzz/corpus/$target" "$work/$target/corpus"
  echo "== $target, $seconds s"
  if ! UBSAN_OPTIONS=print_stacktrace=1 build/fuzz/tests/"${target}_fuzz" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
    -max_len=65536 -print_final_stats=1 -artifact_prefix="$work/found/" "$work/$target/corpus" >"$work/$target/log" 2>&1; then
    tail -n 60 "$work/$target/log"
    status=1
  fi
  grep -E '^stat::number_of_executed_units|^INFO: seed corpus' "$work/$target/log" || :
  for input in "$work"/found/*; do
    [ -e "$input" ] || continue
    mv "$input" "tests/fuzz/corpus/$target/"
    echo "kept tests/fuzz/corpus/$target/$(basename "$input")"
  done
done
exit $status

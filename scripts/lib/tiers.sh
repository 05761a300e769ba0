# The tiers of the tests. Each builds what it needs and adds to the counts. Sourced, not run.
# shellcheck shell=bash

JOBS=2

# Configures and builds a preset; its output is shown only if it fails.
build() { # preset
  local log=build/$1.log
  mkdir -p build
  if cmake --preset "$1" >"$log" 2>&1 && cmake --build "build/$1" -j "$JOBS" >>"$log" 2>&1; then return 0; fi
  grep -E -A8 'error|FAILED|CMake Error' "$log" | tail -n 60
  record_failure "build $1" "see $log"
  return 1
}

ctest_tier() { # tier, preset, label, further ctest arguments...
  local tier=$1 preset=$2 label=$3 junit
  shift 3
  junit=$PWD/build/$preset/$tier.xml
  rm -f "$junit"
  ctest --test-dir "build/$preset" -L "$label" -j "$JOBS" --output-on-failure --timeout 300 --output-junit "$junit" "$@" |
    grep -vE '^ *[0-9]+/[0-9]+ Test .*Passed|^ +Start ' || true
  count_junit "$tier" "$junit"
}

pytest_tier() { # tier, arguments...
  local tier=$1 junit
  shift
  junit=$PWD/build/$tier-pytest.xml
  rm -f "$junit"
  PGVIGIL_BINARY=$PWD/build/release/exporter/pgvigil /usr/bin/python3 -m pytest -q -p no:cacheprovider --junitxml "$junit" "$@"
  count_junit "$tier" "$junit"
}

tier_static() {
  local scripts
  mapfile -t scripts < <(git ls-files 'scripts/*.sh' '.ci/run')
  check "clang-format" bash -c 'git ls-files "*.cc" "*.h" | xargs clang-format-19 --dry-run --Werror'
  check "shellcheck" shellcheck -x "${scripts[@]}"
  check "yamllint" bash -c 'git ls-files "queries/*.yaml" "alerts/**/*.yaml" "docs/**/*.yaml" | xargs yamllint -s'
  local rules
  for rules in alerts/rules/*.yaml; do check "promtool check rules $rules" promtool check rules "$rules"; done
  check "rule tests" promtool test rules alerts/tests/*.yaml
  local script
  for script in tests/static/*.py; do check "$script" /usr/bin/python3 "$script"; done
  if build dev; then
    check "shipped query files" build/dev/exporter/pgvigil check
    check "clang-tidy" bash -c "git ls-files 'exporter/*.cc' | xargs -P $JOBS -n 4 clang-tidy-19 --quiet -p build/dev"
  fi
}

tier_unit() { build dev && ctest_tier unit dev unit; }

tier_asan() {
  export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1
  build asan && ctest_tier asan asan unit
}

# Only where there are threads.
tier_tsan() { build tsan && ctest_tier tsan tsan unit -R '^(base|postgres|observe|scrape|web):'; }

tier_integration() {
  build release || return
  scripts/postgres-majors.sh >build/postgres-majors.log 2>&1 || record_failure "postgres-majors" "see build/postgres-majors.log"
  pytest_tier integration tests/integration
}

tier_smoke() { build release && pytest_tier smoke tests/integration/test_page.py; }

tier_debian13() {
  if scripts/lib/debian13.sh build-and-test build/debian13.xml >build/debian13.log 2>&1; then
    count_junit debian13 build/debian13.xml
  else
    tail -n 60 build/debian13.log
    record_failure "debian13" "see build/debian13.log"
  fi
}

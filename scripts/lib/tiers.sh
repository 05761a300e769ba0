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
  ctest --test-dir "build/$preset" -L "$label" -j "$JOBS" --output-on-failure --timeout 300 --output-junit "$junit" "$@" 2>&1 </dev/null |
    grep -vE '^ *[0-9]+/[0-9]+ Test .*Passed|^ +Start '
  count_junit "$tier" "$junit" "${PIPESTATUS[0]}"
}

pytest_tier() { # tier, program, arguments...
  local tier=$1 program=$2 junit
  shift 2
  junit=$PWD/build/$tier-pytest.xml
  rm -f "$junit"
  PGVIGIL_BINARY=$program /usr/bin/python3 -m pytest -q -p no:cacheprovider --junitxml "$junit" "$@" </dev/null
  count_junit "$tier" "$junit" $?
}

tier_static() {
  install_tools || record_failure "tools" "helm or hadolint could not be installed"
  lint_sources
  check_rules
  build dev || return # clang-tidy reads its compile commands, the suites run its program
  check "shipped query files" build/dev/exporter/pgvigil check
  run_static_suites
  run_clang_tidy
}

tier_unit() { build dev && ctest_tier unit dev unit; }

tier_asan() {
  export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1
  build asan && ctest_tier asan asan unit
}

# Only where there are threads.
tier_tsan() { build tsan && ctest_tier tsan tsan unit -R '^(base|http|postgres|kubernetes|objectstore|failover|observe|scrape|web):'; }

tier_integration() {
  build release || return
  install_s3_server || record_failure "versitygw" "could not be installed"
  install_second_s3_server || record_failure "MinIO" "could not be installed"
  install_backup_tools || record_failure "barman" "could not be installed"
  install_api_server || record_failure "kubelab" "could not be built"
  check "PostgreSQL 13 to 18" scripts/postgres-majors.sh
  pytest_tier integration "$PWD/build/release/exporter/pgvigil" tests/integration
  check "demonstration" scripts/demo.sh --once
}

tier_smoke() { build release && pytest_tier smoke "$PWD/build/release/exporter/pgvigil" tests/integration/test_page.py; }

# Each target is one check.
tier_fuzz() {
  local file target
  for file in tests/fuzz/*_fuzz.cc; do
    target=$(basename "$file" _fuzz.cc)
    check "fuzzing $target" scripts/fuzz.sh "${FUZZ_SECONDS:-60}" "$target"
  done
}

tier_debian13() {
  mkdir -p build
  if scripts/lib/debian13.sh build-and-test build/debian13.xml >build/debian13.log 2>&1 </dev/null; then
    count_junit debian13 build/debian13.xml
  else
    tail -n 60 build/debian13.log
    record_failure "debian13" "see build/debian13.log"
  fi
  check "image of the Dockerfile" scripts/lib/debian13.sh image
}

# The static checks: each is one check of the count, but for the suites of tests/static. Sourced, not run.
# shellcheck shell=bash

# Runs a command over the tracked files of some patterns, as xargs does. That Git lists none is an error: outside of a
# repository, or in one that it does not trust, every linter would be content.
over_tracked() { # patterns, command...
  local patterns files
  read -ra patterns <<<"$1"
  shift
  mapfile -t files < <(git ls-files -- "${patterns[@]}")
  [ "${#files[@]}" -gt 0 ] || { echo "git lists no file: ${patterns[*]}"; return 1; }
  printf '%s\0' "${files[@]}" | xargs -0 "$@"
}

short_files() {
  local long
  long=$(over_tracked "exporter/*.cc exporter/*.h" wc -l | awk '$2 != "total" && $1 > 500') || return 1
  [ -z "$long" ] || { echo "$long"; return 1; }
}

lint_sources() {
  check "clang-format" over_tracked "*.cc *.h" clang-format-19 --dry-run --Werror
  check "shellcheck" over_tracked "*.sh .ci/run" shellcheck -x
  check "yamllint" over_tracked "*.yaml :!helm/pgvigil/templates/*" yamllint -s
  check "hadolint" hadolint Dockerfile
  check "file length" short_files
}

check_rules() {
  local file
  for file in alerts/rules/*.yaml; do check "promtool check rules $file" promtool check rules "$file"; done
  check "rule tests are what their tables say" /usr/bin/python3 alerts/tests/generate.py --check
  for file in alerts/tests/*_test.yaml; do check "promtool test rules $file" promtool test rules "$file"; done
  for file in alerts/alertmanager/*.yaml; do check "amtool check-config $file" amtool check-config "$file"; done
}

# Suites are collected by pytest, one count a test; a check without test functions is run as it is.
run_static_suites() {
  local file suites=()
  for file in tests/static/*_test.py tests/static/*_check.py; do
    [ -e "$file" ] || continue
    if grep -q '^def test_' "$file"; then suites+=("$file"); else check "$file" /usr/bin/python3 "$file"; fi
  done
  [ "${#suites[@]}" -gt 0 ] || { record_failure "static" "there are no suites"; return; }
  pytest_tier static "$PWD/build/dev/exporter/pgvigil" "${suites[@]}"
}

# Everything takes minutes: a quick run looks at what is not committed yet.
run_clang_tidy() {
  local tidy=(-P "$JOBS" -n 2 clang-tidy-19 --quiet -p build/dev) files
  if [ -z "$QUICK" ]; then
    check "clang-tidy" over_tracked "exporter/*.cc" "${tidy[@]}"
    return
  fi
  mapfile -t files < <(git diff --name-only --diff-filter=d HEAD -- 'exporter/*.cc')
  [ "${#files[@]}" -eq 0 ] || check "clang-tidy" over_tracked "${files[*]}" "${tidy[@]}"
}

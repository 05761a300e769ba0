# The static checks: each is one check of the count, but for the suites of tests/static. Sourced, not run.
# shellcheck shell=bash

lint_sources() {
  check "clang-format" bash -c 'git ls-files "*.cc" "*.h" | xargs clang-format-19 --dry-run --Werror'
  check "shellcheck" bash -c 'git ls-files "*.sh" .ci/run | xargs shellcheck -x'
  check "yamllint" bash -c 'git ls-files "*.yaml" | grep -v "^helm/pgvigil/templates/" | xargs yamllint -s'
  check "hadolint" hadolint Dockerfile
  # shellcheck disable=SC2016
  check "file length" bash -c '! git ls-files "exporter/*.cc" "exporter/*.h" | xargs wc -l | awk "\$2 != \"total\" && \$1 > 500" | grep .'
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
  pytest_tier static "$PWD/build/dev/exporter/pgvigil" "${suites[@]}"
}

# Everything takes minutes: a quick run looks at what is not committed yet.
run_clang_tidy() {
  local files
  if [ -n "$QUICK" ]; then
    mapfile -t files < <(git diff --name-only --diff-filter=d HEAD -- 'exporter/*.cc')
  else
    mapfile -t files < <(git ls-files 'exporter/*.cc')
  fi
  [ "${#files[@]}" -eq 0 ] || check "clang-tidy" bash -c 'printf "%s\n" "$@" | xargs -P '"$JOBS"' -n 2 clang-tidy-19 --quiet -p build/dev' -- "${files[@]}"
}

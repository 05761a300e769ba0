# Counting what passed and what failed. Sourced, not run.
# shellcheck shell=bash

passed=0
failed=0
failures=()

record_failure() { # name, why
  failed=$((failed + 1))
  failures+=("$1: $2")
  echo "FAILED $1: $2" >&2
}

# Runs a command as one check; its output is shown only if it fails.
check() { # name, command...
  local name=$1 output
  shift
  if output=$("$@" 2>&1 </dev/null); then
    passed=$((passed + 1))
    echo "ok $name"
  else
    printf '%s\n' "$output" | tail -n 60
    record_failure "$name" "see above"
  fi
}

# Adds the counts of a JUnit file, as ctest and pytest write them. A file that is missing or empty is a failure, and
# so is a run that ended badly though no test of the file has failed: the rest was not run.
count_junit() { # tier, file, exit status of the run
  local counts status=${3:-0}
  counts=$(python3 - "$2" <<'PYTHON'
import sys
import xml.etree.ElementTree as tree
try:
    cases = list(tree.parse(sys.argv[1]).getroot().iter("testcase"))
except (OSError, tree.ParseError):
    cases = []
bad = [case for case in cases if any(case.find(kind) is not None for kind in ("failure", "error", "skipped"))
       or case.get("status") in ("fail", "notrun", "disabled")]
print(len(cases) - len(bad), len(bad))
PYTHON
)
  local good=${counts% *} bad=${counts#* }
  if [ "$((good + bad))" -eq 0 ]; then
    record_failure "$1" "no test was run"
    return
  fi
  passed=$((passed + good))
  failed=$((failed + bad))
  if [ "$bad" -eq 0 ] && [ "$status" -ne 0 ]; then record_failure "$1" "the run ended with status $status"; fi
  [ "$bad" -eq 0 ] || failures+=("$1: $bad of $((good + bad)) tests")
}

report() {
  local failure
  for failure in "${failures[@]+"${failures[@]}"}"; do echo "FAILED $failure"; done
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

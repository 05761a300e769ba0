#!/usr/bin/env bash
# The project on Debian 13, beside the machine's own system.
#
#   scripts/lib/debian13.sh build-and-test JUNIT_FILE   builds the preset debian13, runs the unit tests
#   scripts/lib/debian13.sh run COMMAND...              in the tree, which is /src and read-only but for build/
#   scripts/lib/debian13.sh image                       carries out the Dockerfile and tries what it makes
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=scripts/lib/packages.sh
. "$here/scripts/lib/packages.sh"
# shellcheck source=scripts/lib/roots.sh
. "$here/scripts/lib/roots.sh"
root=$cache/debian13
mkdir -p "$cache/ccache" "$here/build"
exec 9>"$cache/debian13.lock"
flock 9

# The root with the packages that the build and the unit tests need, made anew when the list has changed.
developer_root() {
  local wanted="$BUILD_PACKAGES $UNIT_PACKAGES postgresql"
  [ "$(cat "$root/.packages" 2>/dev/null)" != "$wanted" ] || return 0
  new_root "$root"
  in_root "$root" apt-get update -qq
  # shellcheck disable=SC2086
  in_root "$root" apt-get install -y -qq --no-install-recommends $wanted
  printf '%s\n' "$wanted" >"$root/.packages"
}

in_tree() { # command...
  mkdir -p "$root/var/build"
  BIND="$here:/src:ro $root/var/build:/src/build $cache/ccache:/var/cache/ccache" CPATH=/src in_root "$root" "$@"
}

case "${1:-}" in
  run)
    shift
    developer_root
    in_tree "$@"
    ;;
  build-and-test)
    developer_root
    rm -f "$root/var/build/unit.xml"
    in_tree bash -c 'cmake --preset debian13 && cmake --build --preset debian13'
    # 8: a test has failed, which is counted out of the JUnit file.
    in_tree ctest --test-dir build/debian13 -L unit -j 2 --timeout 300 --output-on-failure --output-junit /src/build/unit.xml || [ $? -eq 8 ]
    cp "$root/var/build/unit.xml" "$2"
    ;;
  image)
    revision=$(git -C "$here" describe --always --dirty --exclude='*' 2>/dev/null || echo unknown)
    python3 "$here/scripts/lib/run_dockerfile.py" "$here" "$(base_tarball)" "$cache/image" REVISION="$revision"
    "$here/scripts/lib/try_image.sh" "$cache/image/root" "$revision"
    ;;
  *)
    sed -n '2,6s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac

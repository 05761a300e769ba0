#!/usr/bin/env bash
# A Debian 13 root beside the machine's own system, made once by debootstrap and kept in PGVIGIL_CACHE: the project builds
# and passes its unit tests there as well.
#
#   scripts/lib/debian13.sh build-and-test JUNIT_FILE
#   scripts/lib/debian13.sh run COMMAND...        in a copy of the tree under /src
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=scripts/lib/packages.sh
. "$here/scripts/lib/packages.sh"
cache=${PGVIGIL_CACHE:-/var/cache/pgvigil}
root=$cache/debian13

# The mirror this machine's apt uses: where Debian 12 comes from Debian 13 does, too.
mirror() {
  local found
  # shellcheck disable=SC2016
  found=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null | grep -v security | head -n 1)
  echo "${found:-$(awk '/^URIs:|^deb /{print ($1 == "deb") ? $2 : $2; exit}' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null)}"
}

in_root() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 CCACHE_DIR=/var/cache/ccache "$@"; }

make_root() {
  [ -e "$root/.complete" ] && return
  rm -rf "$root"
  mkdir -p "$cache"
  debootstrap --variant=minbase trixie "$root" "$(mirror)"
  mkdir -p "$root/etc/apt/apt.conf.d"
  local conf
  for conf in /etc/apt/apt.conf.d/*; do # proxies and certificates that this machine needs
    if grep -qiE 'proxy|cainfo|verify' "$conf"; then cp "$conf" "$root/etc/apt/apt.conf.d/"; fi
  done
  mkdir -p "$root/etc/ssl/certs"
  if [ -e /etc/ssl/certs/ca-certificates.crt ]; then cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"; fi
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" && chmod 755 "$root/usr/sbin/policy-rc.d"
  in_root apt-get update -qq
  # shellcheck disable=SC2086
  in_root DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $BUILD_PACKAGES ca-certificates postgresql
  touch "$root/.complete"
}

# /proc for the tests that read it; taken away again whatever happens.
with_mounts() {
  mountpoint -q "$root/proc" || mount -t proc proc "$root/proc" || return 1
  local status=0
  "$@" || status=$?
  umount "$root/proc"
  return $status
}

copy_tree() {
  rm -rf "$root/src.new" && mkdir -p "$root/src.new" "$root/src"
  (cd "$here" && git ls-files -z --cached --others --exclude-standard | tar --null -cf - -T -) | tar -C "$root/src.new" -xf -
  # The build directory stays, so that only what changed is compiled again.
  [ ! -d "$root/src/build" ] || mv "$root/src/build" "$root/src.new/build"
  rm -rf "$root/src" && mv "$root/src.new" "$root/src"
}

make_root
copy_tree
case "${1:-}" in
  run)
    shift
    with_mounts in_root bash -c 'cd /src && "$@"' -- "$@"
    ;;
  build-and-test)
    with_mounts in_root bash -c 'cd /src && cmake --preset debian13 && cmake --build build/debian13 -j 2 &&
      { ctest --test-dir build/debian13 -L unit -j 2 --output-on-failure --output-junit /src/build/unit.xml || true; }'
    cp "$root/src/build/unit.xml" "$2"
    ;;
  *)
    sed -n '2,7s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac

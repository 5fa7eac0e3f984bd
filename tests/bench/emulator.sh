#!/usr/bin/env bash
# emulator.sh - how many signed creates a second the emulator answers on one core.
#
# usage: ROLLCALL_BIN=build/release tests/bench/emulator.sh [seconds] [connections]
#
# A signature is good for 15 minutes, so that one that is made with openssl serves the whole run. The emulator has the
# first core for itself, wrk the second. TLS=1 measures HTTPS; LEAST=25000 fails below that many.
set -euo pipefail

seconds=${1:-10}
connections=${2:-64}
emulator=${ROLLCALL_BIN:?names the directory of acs-identity-emulator}/acs-identity-emulator
home=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$home"' EXIT

mkfifo "$home/out"
taskset -c 0 "$emulator" --listen 127.0.0.1:0 --seed bench --limits none ${TLS:+--tls} >"$home/out" 2>"$home/err" &
pid=$!
exec 3<"$home/out"
IFS= read -r connection_string <&3 || { cat "$home/err" >&2; exit 1; }

endpoint=${connection_string#endpoint=}
endpoint=${endpoint%%/;accesskey=*}
key=$(printf '%s' "${connection_string#*;accesskey=}" | base64 -d | od -An -v -tx1 | tr -d ' \n')
target='/identities?api-version=2023-10-01'
date=$(LC_ALL=C date -u '+%a, %d %b %Y %H:%M:%S GMT')
hash=$(printf '' | openssl dgst -sha256 -binary | base64 -w0)
signature=$(printf 'POST\n%s\n%s;%s;%s' "$target" "$date" "${endpoint#*://}" "$hash" |
    openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64 -w0)

cat >"$home/create.lua" <<LUA
wrk.method = "POST"
wrk.headers["Content-Length"] = "0"
wrk.headers["x-ms-date"] = "$date"
wrk.headers["x-ms-content-sha256"] = "$hash"
wrk.headers["Authorization"] = "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=$signature"
wrk.headers["x-ms-client-request-id"] = "0b2f5d0e-6c1e-4a57-9b5e-2f0c7d3a1e90"
LUA
taskset -c 1 wrk -t1 -c"$connections" -d"${seconds}s" --latency -s "$home/create.lua" "$endpoint$target" |
    tee "$home/report"
printf 'resident memory: %s kB after %s identities\n' "$(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status")" \
    "$(awk '/requests in/ { print $1 }' "$home/report")"

if grep -q 'Non-2xx' "$home/report"; then
    echo "some requests were refused: the figure says nothing" >&2
    exit 1
fi
awk -v least="${LEAST:-0}" '/^Requests\/sec/ { rate = $2 } END { exit !(rate >= least) }' "$home/report"

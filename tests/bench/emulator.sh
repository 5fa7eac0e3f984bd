#!/usr/bin/env bash
# emulator.sh - how many signed creates a second the emulator answers on one core.
#
# usage: tests/bench/emulator.sh [seconds] [connections]
#
# A signature is good for 15 minutes, so that one that is made with openssl serves the whole run. The emulator has the
# first core for itself, wrk the second. TLS=1 measures HTTPS; LEAST=25000 fails below that many.
set -euo pipefail

# shellcheck source=tests/bench/helper.bash
source "$(dirname "${BASH_SOURCE[0]}")/helper.bash"
seconds=${1:-10}
connections=${2:-64}
numbers "$seconds" "$connections"
target='/identities?api-version=2023-10-01'

prepare
emulator_prefix=(taskset -c 0)
start_emulator --limits none ${TLS:+--tls}
sign "$target" ''

cat >"$home/create.lua" <<LUA
wrk.method = "POST"
wrk.headers["Content-Length"] = "0"
$(printf '%s\n' "${signed[@]}" | sed 's/\([^:]*\): \(.*\)/wrk.headers["\1"] = "\2"/')
LUA
taskset -c 1 wrk -t1 -c"$connections" -d"${seconds}s" --latency -s "$home/create.lua" "$endpoint$target" |
    tee "$home/report"
printf 'resident memory: %s kB after %s identities\n' "$(awk '/^VmRSS/ { print $2 }' "/proc/$emulator_pid/status")" \
    "$(awk '/requests in/ { print $1 }' "$home/report")"

if grep -q 'Non-2xx' "$home/report"; then
    echo "some requests were refused: the figure says nothing" >&2
    exit 1
fi
awk -v least="${LEAST:-0}" '/^Requests\/sec/ { rate = $2 } END { exit !(rate >= least) }' "$home/report"

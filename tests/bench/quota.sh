#!/usr/bin/env bash
# quota.sh - how close to a service's quota rollcall works, beside the official SDK. Prints a Markdown table.
#
# usage: tests/bench/quota.sh [--users N] [--quota N] [--window S]
#
#   --users N     users to onboard (default 1000)
#   --quota N     creates that the service allows in a window (default 100)
#   --window S    seconds of the window (default 3)
#
# The service answers after 100 ms and counts in sliding or in fixed windows; its 429 has a Retry-After in seconds or has
# none. Both clients have 64 requests in flight at one time. Nobody can be faster than
#
#   bound = (ceil(users / quota) - 1) x (window + latency), and the last burst
#
# since a request may be counted as late as its answer comes. The last burst is what it takes to create the last
# `quota` users without a limit, measured here with rollcall. Each client is timed from the start of its work to its end.
set -euo pipefail

# shellcheck source=tests/bench/helper.bash
source "$(dirname "${BASH_SOURCE[0]}")/helper.bash"

users=1000
quota=100
window=3
latency=0.1
concurrency=64

while [ $# -gt 0 ]; do
    case $1 in
    --users) users=$2; shift ;;
    --quota) quota=$2; shift ;;
    --window) window=$2; shift ;;
    --help) usage; exit 0 ;;
    *) refuse "unknown option $1" ;;
    esac
    shift
done
numbers "$users" "$quota" "$window"
prepare "$conformance"

# run_rollcall USERS QUOTA: sets seconds and failed.
run_rollcall() {
    rm -rf "$home/job"
    mkdir -m 700 "$home/job"
    { echo user_id; seq -f 'u%06.0f' "$1"; } >"$home/job/users.csv"
    cat >"$home/job/job.yaml" <<YAML
version: 1
name: quota
resource: { connection_string: { env: BENCH_CONNECTION_STRING }, ca_file: $certificate }
ledger: quota.ledger
roster: { csv: users.csv, key: user_id }
token: { scopes: [chat, voip], lifetime: 24h }
rules: { added: provision }
outputs: { mapping: out/mapping.csv, tokens: { csv: out/tokens.csv }, failures: out/failures.csv }
engine: { concurrency: $concurrency, quotas: { create: $2, issue: none } }
YAML
    # A run with failed users ends with 1; anything else is no measurement.
    BENCH_CONNECTION_STRING=$connection_string /usr/bin/time -q -f %e -o "$home/time" \
        "$bin/rollcall" run --quiet "$home/job/job.yaml" >"$home/run.out" 2>&1 || [ $? -eq 1 ] || { cat "$home/run.out" >&2; exit 1; }
    seconds=$(tail -1 "$home/time")
    failed=$(($1 + 1 - $(wc -l <"$home/job/out/tokens.csv")))
}

# run_sdk USERS: the same.
run_sdk() {
    read -r seconds _ _ failed < <(NODE_EXTRA_CA_CERTS=$certificate node "$here/sdk.mjs" "$connection_string" "$1" "$concurrency" --count-failures)
}

# row CLIENT WINDOW-KIND RETRY-AFTER
row() {
    local throttled created
    throttled=$(stats '.requests.create["429"] // 0')
    created=$(stats .identities.created)
    [ "$created" -eq $((users - failed)) ] || echo "quota.sh: $created identities for $((users - failed)) users" >&2
    printf '| %s | %s | %s | %.2f | %+.1f %% | %d | %d |\n' "$1" "$2" "$3" "$seconds" \
        "$(awk "BEGIN { print ($seconds / $bound - 1) * 100 }")" "$throttled" "$failed"
}

start_emulator --tls --latency 100ms --limits none
run_rollcall "$quota" none
bound=$(awk "BEGIN { print (int(($users + $quota - 1) / $quota) - 1) * ($window + $latency) + $seconds }")

cat <<MARKDOWN
\`$command\` on $(machine); $users users, $quota creates in $window s, 100 ms latency,
$concurrency requests at one time. Bound: $(printf %.2f "$bound") s (the last burst took $seconds s).

| client | the service counts in | Retry-After | seconds | over the bound | answers 429 | failed users |
| --- | --- | --- | ---: | ---: | ---: | ---: |
MARKDOWN
for kind in sliding fixed; do
    for form in seconds none; do
        service=(--tls --latency 100ms --limits "create=$quota/${window}s" --window "$kind" --retry-after "$form")
        start_emulator "${service[@]}"
        run_rollcall "$users" "$quota/${window}s"
        row rollcall "$kind" "$form"
        start_emulator "${service[@]}"
        run_sdk "$users"
        row 'JavaScript SDK' "$kind" "$form"
    done
done

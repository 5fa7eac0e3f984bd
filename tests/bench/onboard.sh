#!/usr/bin/env bash
# onboard.sh - how fast rollcall onboards, beside a bare libcurl loop and the official SDK. Prints Markdown tables.
#
# usage: tests/bench/onboard.sh [--users N] [--sdk-users N] [--rounds N] [--full]
#
#   --users N       users of rollcall and of the bare loop in one round (default 20000)
#   --sdk-users N   users of the SDK in one round (default 2000)
#   --rounds N      how often each is measured, in turns (default 5); the table shows medians
#   --full          also 1,000 and 1,000,000 users for the memory, and 1,000 under the published quotas
#
# All three talk to the same emulator on the same machine, over TLS and without quotas, 64 requests at one time. rollcall
# has everything on: it signs every attempt, keeps its ledger, and writes mapping, tokens and failures. The bare loop
# (bare-libcurl.c) posts one request that was signed beforehand again and again, and keeps nothing. rollcall and the bare
# loop are measured from the start of the process to its end; the SDK without the start of Node. Run it on a machine that
# does nothing else: the rates of one and of three threads suffer differently from other work.
set -euo pipefail

# shellcheck source=tests/bench/helper.bash
source "$(dirname "${BASH_SOURCE[0]}")/helper.bash"

concurrency=64
users=20000
sdk_users=2000
rounds=5
full=

while [ $# -gt 0 ]; do
    case $1 in
    --users) users=$2; shift ;;
    --sdk-users) sdk_users=$2; shift ;;
    --rounds) rounds=$2; shift ;;
    --full) full=1 ;;
    --help) usage; exit 0 ;;
    *) refuse "unknown option $1" ;;
    esac
    shift
done
numbers "$users" "$sdk_users" "$rounds"
prepare "$conformance"

# make_roster USERS: as an HR export looks like.
make_roster() {
    local file=$home/users-$1.csv
    [ -f "$file" ] || awk -v users="$1" 'BEGIN {
        print "user_id,email,display_name,department,password_changed_at"
        for (i = 1; i <= users; i++)
            printf "u%07d,user%d@contoso.example,\"Lastname%d, Firstname\",Department %d,2025-%02d-%02dT08:30:00Z\n",
                i, i, i, i % 40, i % 12 + 1, i % 28 + 1
    }' >"$file"
}

# make_job USERS [ENGINE LINE]
make_job() {
    rm -rf "$home/job"
    mkdir -m 700 "$home/job"
    make_roster "$1"
    cat >"$home/job/job.yaml" <<YAML
version: 1
name: bench
resource: { connection_string: { env: BENCH_CONNECTION_STRING }, ca_file: $certificate }
ledger: bench.ledger
roster: { csv: ../users-$1.csv, key: user_id, watch: [password_changed_at] }
token: { scopes: [chat, voip], lifetime: 24h }
rules: { added: provision }
outputs: { mapping: out/mapping.csv, tokens: { csv: out/tokens.csv }, failures: out/failures.csv }
${2:-}
YAML
}

# run_rollcall USERS [ENGINE LINE]: sets seconds, cpu (seconds) and memory (KiB).
run_rollcall() {
    local file
    make_job "$@"
    BENCH_CONNECTION_STRING=$connection_string /usr/bin/time -f '%e %U %S %M' -o "$home/time" \
        "$bin/rollcall" run --quiet "$home/job/job.yaml" >"$home/rollcall.out" 2>&1 || { cat "$home/rollcall.out" >&2; exit 1; }
    for file in mapping tokens; do
        [ "$(wc -l <"$home/job/out/$file.csv")" -eq $(($1 + 1)) ] || { echo "$file.csv is not whole" >&2; exit 1; }
    done
    read_time
}

# run_bare USERS: the same.
run_bare() {
    local target='/identities?api-version=2023-10-01' body='{"createTokenWithScopes":["chat","voip"],"expiresInMinutes":1440}'
    sign "$target" "$body"
    /usr/bin/time -f '%e %U %S %M' -o "$home/time" "$bin/bare-libcurl" "$endpoint$target" "$certificate" "$1" \
        "$concurrency" "$body" "${signed[@]}" 'Content-Type: application/json' 'Accept: application/json' >/dev/null
    read_time
}

read_time() {
    read -r seconds user system memory <"$home/time"
    cpu=$(awk "BEGIN { print $user + $system }")
}

# run_sdk USERS: the same.
run_sdk() {
    NODE_EXTRA_CA_CERTS=$certificate node "$here/sdk.mjs" "$connection_string" "$1" "$concurrency" >"$home/time"
    read -r seconds cpu memory _ <"$home/time"
}

# note NAME USERS: one line of the measurements: users a second, CPU seconds per 1,000 users, MiB.
note() {
    awk "BEGIN { printf \"%.1f %.4f %.1f\n\", $2 / $seconds, $cpu * 1000 / $2, $memory / 1024 }" >>"$home/$1"
}

# median_of NAME COLUMN
median_of() {
    cut -d' ' -f"$2" "$home/$1" | median
}

# ratio_of NAME NAME COLUMN: the median of each round's own ratio, since other work on the machine comes and goes.
ratio_of() {
    paste -d' ' <(cut -d' ' -f"$3" "$home/$1") <(cut -d' ' -f"$3" "$home/$2") | awk '{ print $1 / $2 }' | median
}

row() {
    printf '| %s | %.0f | %.3f | %.1f |\n' "$2" "$(median_of "$1" 1)" "$(median_of "$1" 2)" "$(median_of "$1" 3)"
}

load=$(cut -d' ' -f1 /proc/loadavg)
engine_without_quotas="engine: { concurrency: $concurrency, quotas: { create: none, issue: none } }"
start_emulator --tls --limits none
run_bare 1000 # warms up
for ((round = 1; round <= rounds; round++)); do
    run_rollcall "$users" "$engine_without_quotas"; note rollcall "$users"
    run_bare "$users"; note bare "$users"
    run_sdk "$sdk_users"; note sdk "$sdk_users"
done
created=$(stats .identities.created)

cat <<MARKDOWN
\`$command\` on $(machine), libcurl $(curl --version | sed -n '1s/curl \([^ ]*\).*/\1/p'),
Node.js $(node --version); medians of $rounds alternating rounds of $users users (SDK: $sdk_users), $concurrency requests at one time, TLS, the
emulator on the same machine ($created identities made). Load average at the start: $load.

| client | users a second | CPU seconds per 1,000 users | peak memory, MiB |
| --- | ---: | ---: | ---: |
$(row rollcall 'rollcall: signing, ledger, outputs')
$(row bare 'bare libcurl loop, nothing kept')
$(row sdk 'JavaScript SDK, nothing kept')

| figure | to reach | measured |
| --- | --- | ---: |
$(printf '| rate of rollcall / bare libcurl | 0.7 or more | %.2f |\n' "$(ratio_of rollcall bare 1)")
$(printf '| CPU seconds a user, rollcall / bare libcurl | 1.8 or less | %.2f |\n' "$(ratio_of rollcall bare 2)")
$(printf '| rate of rollcall / JavaScript SDK | 4 or more | %.1f |\n' "$(ratio_of rollcall sdk 1)")
MARKDOWN
[ -n "$full" ] || exit 0

for count in 1000 1000000; do
    run_rollcall "$count" "$engine_without_quotas"
    awk "BEGIN { printf \"| peak memory, %d users | 48 MiB or less | %.1f MiB (%.1f s, %.0f users a second) |\n\",
        $count, $memory / 1024, $seconds, $count / $seconds }"
done
start_emulator --tls --limits published --latency 100ms
run_rollcall 1000 "engine: { concurrency: $concurrency }"
printf '| 1,000 users, published quotas, 100 ms latency | under 3 s, no 429 | %s s, %s answers 429 |\n' "$seconds" \
    "$(stats '[.requests[] | .["429"] // 0] | add')"

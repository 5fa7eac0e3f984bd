#!/usr/bin/env bash
# plan.sh - how long `rollcall plan` takes for a million users, beside DuckDB. Prints a Markdown table.
#
# usage: tests/bench/plan.sh [--users N] [--rounds N]
#
#   --users N    rows of each roster (default 1000000)
#   --rounds N   how often each is measured, in turns (default 5); the table shows medians
#
# Two rosters of five columns, shuffled; 1 % of the users removed, as many added, 1 % with another password_changed_at.
# Measured: `plan` of the new roster against the old one (roster.previous), `plan` of the new roster against a ledger of
# the old one's users, and a rotation run with nothing to do; from the start of the process to its end. DuckDB does the
# full outer join of the same two files on 2 threads and counts the categories; its time is the query's own. The counts
# must agree.
set -euo pipefail

# shellcheck source=tests/bench/helper.bash
source "$(dirname "${BASH_SOURCE[0]}")/helper.bash"

users=1000000
rounds=5
while [ $# -gt 0 ]; do
    case $1 in
    --users) users=$2; shift ;;
    --rounds) rounds=$2; shift ;;
    --help) usage; exit 0 ;;
    *) refuse "unknown option $1" ;;
    esac
    shift
done
numbers "$users" "$rounds"
prepare "$here"

# Nothing is sent: every request of the measured runs would go nowhere.
export BENCH_CONNECTION_STRING='endpoint=http://127.0.0.1:1/;accesskey=YmVuY2g='

# Shuffled without a shuffle: a step that has no factor in common with the count visits every number once.
rows() { # rows SEED FIRST LAST CHANGED
    awk -v seed="$1" -v first="$2" -v last="$3" -v changed="$4" 'function gcd(a, b) { return b ? gcd(b, a % b) : a }
    BEGIN {
        print "user_id,email,display_name,department,password_changed_at"
        count = last - first; step = int(count * 0.6180339) + seed
        while (gcd(step, count) != 1) step++
        for (i = 0; i < count; i++) {
            u = first + (i * step + seed) % count
            printf "u%07d,user%d@contoso.example,\"Lastname%d, Firstname\",Department %d,%d-%02d-%02dT08:30:00Z\n",
                u, u, u, u % 40, (u % 100 == 7 && changed) ? 2026 : 2025, u % 12 + 1, u % 28 + 1
        }
    }'
}
moved=$((users / 100))
rows 1 0 "$users" 0 >"$home/old.csv"
rows 2 "$moved" $((users + moved)) 1 >"$home/new.csv"

job() { # job NAME ROSTER-LINE
    mkdir -m 700 "$home/$1"
    cat >"$home/$1/job.yaml" <<YAML
version: 1
name: bench
resource: { connection_string: { env: BENCH_CONNECTION_STRING } }
ledger: bench.ledger
roster: { key: user_id, watch: [password_changed_at], $2 }
token: { scopes: [chat, voip] }
rules: { added: provision, changed: [revoke, issue], expiring: { within: 6h, do: issue }, removed: delete }
limits: { delete: 50%, revoke: 50% }
outputs: { mapping: out/mapping.csv, tokens: { csv: out/tokens.csv } }
YAML
}
job csv 'csv: ../new.csv, previous: ../old.csv'
job ledger 'csv: ../new.csv'
sed 's|csv: ../new.csv|csv: ../old.csv|' "$home/ledger/job.yaml" >"$home/ledger/same.yaml"

# A ledger of the old roster's users: their identities are imported, and a run takes over the watched column.
awk -F, 'NR == 1 { print "user_id,identity_id,state,token_expires_at"; next }
    { printf "%s,8:acs:5f4c1e2a-0b7d-4c1e-9a53-2d6f8b90c417_0000001c-8f4e-2ab7-69ff-%012x,active,2099-01-01T00:00:00Z\n", $1, NR }' \
    "$home/old.csv" >"$home/ledger/identities.csv"
"$bin/rollcall" import "$home/ledger/job.yaml" "$home/ledger/identities.csv" >/dev/null
"$bin/rollcall" run --quiet "$home/ledger/same.yaml"

# measure NAME COMMAND...: appends "seconds MiB" to NAME.
measure() {
    local name=$1
    shift
    /usr/bin/time -f '%e %M' -o "$home/time" "$@" >"$home/$name.out" 2>"$home/$name.err" || { cat "$home/$name.err" >&2; exit 1; }
    awk '{ printf "%.2f %.1f\n", $1, $2 / 1024 }' "$home/time" >>"$home/$name.figures"
}
duckdb() {
    /usr/bin/time -f '%M' -o "$home/time" node "$here/duckdb.mjs" "$home/new.csv" "$home/old.csv" >"$home/duckdb.out"
    awk -v memory="$(cat "$home/time")" '{ printf "%.2f %.1f\n", $5, memory / 1024 }' "$home/duckdb.out" >>"$home/duckdb.figures"
}
for ((round = 1; round <= rounds; round++)); do
    measure csv "$bin/rollcall" plan "$home/csv/job.yaml"
    duckdb
    measure ledger "$bin/rollcall" plan "$home/ledger/job.yaml"
    measure nothing "$bin/rollcall" run --quiet "$home/ledger/same.yaml"
done

# The same counts by all three: of the older CSV, `plan` without a ledger counts what is gone and what changed.
read -r added changed unchanged removed _ <"$home/duckdb.out"
expected="added $added
changed $changed
unchanged $unchanged
removed $removed"
[ "$(awk '$1 ~ /^(added|changed|unchanged|removed)$/ { print $1, $2 }' "$home/ledger.out")" = "$expected" ] ||
    { echo 'plan.sh: plan against the ledger and DuckDB do not agree' >&2; exit 1; }
grep -q "$users rows there, $removed of them gone, $changed changed" "$home/csv.out" ||
    { echo 'plan.sh: plan against the older CSV and DuckDB do not agree' >&2; exit 1; }

# median_of NAME COLUMN, and of each round's own ratio to DuckDB
median_of() {
    cut -d' ' -f"$2" "$home/$1.figures" | median
}
ratio_of() {
    paste -d' ' "$home/$1.figures" "$home/duckdb.figures" | awk '{ print $1 / $3 }' | median
}

# shellcheck disable=SC2016
cat <<MARKDOWN
\`$command\` on $(machine); $users users ($added added, $removed removed, $changed
changed), medians of $rounds alternating rounds.

| what | seconds | to reach | peak memory, MiB | to reach |
| --- | ---: | --- | ---: | --- |
$(printf '| plan, CSV against CSV | %.2f (%.2f of DuckDB) | 0.7 of DuckDB | %.0f | 128 |\n' "$(median_of csv 1)" "$(ratio_of csv)" "$(median_of csv 2)")
$(printf '| plan, CSV against ledger | %.2f (%.2f of DuckDB) | 1.2 of DuckDB | %.0f | 128 |\n' "$(median_of ledger 1)" "$(ratio_of ledger)" "$(median_of ledger 2)")
$(printf '| rotation run with nothing to do | %.2f | 1.5 | %.0f | |\n' "$(median_of nothing 1)" "$(median_of nothing 2)")
$(printf '| DuckDB, CSV against CSV, 2 threads | %.2f | | %.0f | |\n' "$(median_of duckdb 1)" "$(median_of duckdb 2)")
MARKDOWN

#!/usr/bin/env bash
# roster.sh - how long a roster is looked through for duplicate keys, and in how much memory. Prints a Markdown table.
#
# usage: tests/bench/roster.sh [ROWS...]     (default 1000000 10000000)
#
# Each roster is validated as it is, and with its first key once more in its last row: that must be refused, with both
# lines named. 10 million rows take 420 MB below $TMPDIR, and as much again for the comparison.
set -euo pipefail

# shellcheck source=tests/bench/helper.bash
source "$(dirname "${BASH_SOURCE[0]}")/helper.bash"

[ "${1-}" != --help ] || { usage; exit 0; }
[ $# -gt 0 ] || set -- 1000000 10000000
numbers "$@"
prepare
cd "$home"
cat >job.yaml <<'YAML'
version: 1
name: bench
resource: { connection_string: { env: NOT_NEEDED } }
ledger: bench.ledger
roster: { csv: users.csv, key: user_id }
rules: { added: provision }
YAML

# measure STATUS: validates, which must exit with that; prints seconds and MiB.
measure() {
    local status=0
    /usr/bin/time -q -f '%e %M' -o time "$bin/rollcall" validate --no-secrets job.yaml >out 2>&1 || status=$?
    [ "$status" -eq "$1" ] || { cat out >&2; exit 1; }
    awk '{ printf "%.2f | %.0f", $1, $2 / 1024 }' time
}

echo "| rows | all good, seconds | peak memory, MiB | a duplicate in the last, seconds | peak memory, MiB |"
echo "| ---: | ---: | ---: | ---: | ---: |"
for rows in "$@"; do
    # In no order: 7919 has no factor in common with a round number.
    awk -v rows="$rows" 'BEGIN { print "user_id,name"
        for (i = 0; i < rows; i++) printf "user%08d@contoso.example,Name %d\n", (i * 7919) % rows, i }' >users.csv
    good=$(measure 0)
    echo "user00000000@contoso.example,again" >>users.csv
    bad=$(measure 2)
    grep -q "users.csv:$((rows + 2)): key \"user00000000@contoso.example\" stands already in line 2" out || { cat out >&2; exit 1; }
    echo "| $rows | $good | $bad |"
done

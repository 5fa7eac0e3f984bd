#!/usr/bin/env bash
# coverage.sh - how many lines of lib/ the tests run; fails when they are too few.
#
# usage: tests/coverage.sh [--keep]
#
# All of lib/ must reach 95 %, and so must each file, or stand in coverage.txt with the share that it must reach and the
# reason. Runs the unit tests, the CLI tests of rollcall and a part of chaos/allocations.py; whether these pass is what
# other runs are for. --keep only counts again, after a test was run by hand in build/coverage. Which lines are missing
# is written to build/coverage/lines.txt.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

least=95
build=build/coverage
export GCOV_ERROR_FILE=/dev/null # a test may take away what coverage is written with: open files, the disk, the user

if [ "${1-}" != --keep ]; then
    cmake --preset coverage >/dev/null
    cmake --build $build -- --quiet
    find $build -name '*.gcda' -delete
    ctest --preset coverage -j4 -R '^unit\.|^cli\.' -E 'emulator|cli\.(bare_system|documents|package)' </dev/null |
        tail -n 12 || true
    ROLLCALL_BIN=$PWD/$build tests/chaos/allocations.py --tries 12 --seed coverage >$build/allocations.txt || true
fi
gcovr --root . --filter lib/ --json-summary $build/summary.json --txt $build/lines.txt $build

jq -r '
    .files | group_by(.filename | split("/")[1])[]
    | [(.[0].filename | split("/")[1]), (map(.line_covered) | add), (map(.line_total) | add)] | @tsv' $build/summary.json |
    awk '{ printf "%-8s %5d of %5d lines  %5.1f %%\n", $1, $2, $3, 100 * $2 / $3; covered += $2; total += $3 }
         END { printf "%-8s %5d of %5d lines  %5.1f %%\n", "lib", covered, total, 100 * covered / total
               exit 100 * covered < '$least' * total }' || failed=true

while read -r file percent; do
    allowed=$(awk -v file="$file" '$1 == file { print $2 }' tests/coverage.txt)
    if awk "BEGIN { exit !($percent < ${allowed:-$least}) }"; then
        echo "$file: $percent % of its lines are run, and ${allowed:-$least} % must be: see $build/lines.txt for those that are not"
        failed=true
    elif [ -n "$allowed" ] && awk "BEGIN { exit !($percent >= $least + 2) }"; then
        echo "tests/coverage.txt: $file has reached $percent %: the line may go"
    fi
done < <(jq -r '.files[] | "\(.filename) \(.line_percent)"' $build/summary.json)
while read -r file _; do
    [ -f "$file" ] || { echo "tests/coverage.txt: there is no $file"; failed=true; }
done < <(grep -v '^#' tests/coverage.txt)
[ -z "${failed-}" ]

#!/usr/bin/env bash
# run.sh - builds the fuzz targets with clang and runs them from their corpora.
#
# usage: tests/fuzz/run.sh [--seconds N] [--jobs N] [--seed N] [target...]
#
# Without targets: all of them. What a run learns stays in build/fuzz/corpus/ for the next one; an input that shows a
# fault is kept in build/fuzz/findings/, and the line that repeats it is printed. Ends with "N passed, N failed".
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
seconds=60
jobs=2
seed=$((RANDOM * 32768 + RANDOM + 1)) # 0 would be one of libFuzzer's own choice
targets=()

usage() {
    sed -n 's/^# usage: /usage: /p' tests/fuzz/run.sh >&2
    exit 2
}

while [ $# -gt 0 ]; do
    case $1 in
    --seconds | --jobs | --seed)
        [[ ${2-} =~ ^[1-9][0-9]*$ ]] || usage
        declare "${1#--}=$2"
        shift
        ;;
    -*) usage ;;
    *)
        [ -f "tests/fuzz/$1.c" ] || { echo "there is no fuzz target $1" >&2; usage; }
        targets+=("$1")
        ;;
    esac
    shift
done
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(basename -s .c tests/fuzz/*.c)

cmake --preset fuzz >/dev/null
cmake --build --preset fuzz -- --quiet

# A small quarantine and short backtraces: twice as many executions a second.
export ASAN_OPTIONS=quarantine_size_mb=8:malloc_context_size=6

fuzz() {
    local target=$1
    local learnt=build/fuzz/corpus/$target findings=build/fuzz/findings/$target dictionary=tests/fuzz/$target.dict
    local options=(-seed="$seed" -max_total_time="$seconds" -max_len=4096 -timeout=25 -rss_limit_mb=2048 -print_final_stats=1)

    mkdir -p "$learnt" "$findings"
    [ ! -f "$dictionary" ] || options+=(-dict="$dictionary")
    "build/fuzz/tests/fuzz/fuzz-$target" "${options[@]}" -artifact_prefix="$findings/" \
        "$learnt" "tests/fuzz/corpus/$target" >"build/fuzz/$target.log" 2>&1 </dev/null
}

# The figures of a log, or what went wrong and how to see it again.
report() {
    local target=$1 log=build/fuzz/$1.log executions edges input

    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    edges=$(sed -n 's/^#.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
    printf '%-18s %10s executions, %5s edges' "$target" "${executions:-?}" "${edges:-?}"
    if $2; then
        printf ', no finding\n'
        return
    fi
    printf ', FAILED: %s\n' "$(grep -m1 -E 'this must hold|ERROR: |runtime error:' "$log" || tail -1 "$log")"
    input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -1)
    [ -z "$input" ] || echo "    again: build/fuzz/tests/fuzz/fuzz-$target $input"
}

echo "fuzzing ${#targets[@]} targets for $seconds s each, $jobs side by side, seed $seed"
passed=0
failed=0
for ((first = 0; first < ${#targets[@]}; first += jobs)); do
    group=("${targets[@]:first:jobs}")
    pids=()
    for target in "${group[@]}"; do
        fuzz "$target" &
        pids+=($!)
    done
    for i in "${!group[@]}"; do
        if wait "${pids[i]}"; then
            report "${group[i]}" true
            passed=$((passed + 1))
        else
            report "${group[i]}" false
            failed=$((failed + 1))
        fi
    done
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

#!/usr/bin/env bash
# valgrind.sh - unit tests, and CLI tests with every rollcall, under valgrind's memcheck: fails on a bad access, a use of
# what was never set, or a leak.
#
# usage: tests/valgrind.sh [--short] [ctest name...]
#
# Without names: all unit tests, and the CLI tests that do not measure time. --short takes a few seconds: those unit
# tests that read what others wrote. What memcheck says of a rollcall is in build/valgrind/PID.log.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cli='^cli\.(answers|bad_input|jobs|ledger|lifecycle_actions|lifecycle_plan_files|lifecycle_rotation|onboard|output)$'

cmake --preset dev >/dev/null
cmake --build build/dev -- --quiet

case ${1-} in
--short) names=(unit.test_{acs_answer,acs_connection_string,core_buffer,http_header,roster_faults,spec_yaml}) ;;
'') mapfile -t names < <(ctest --preset dev -N -R "^unit\.|$cli" 2>/dev/null | sed -n 's/.*Test *#[0-9]*: //p') ;;
*) names=("$@") ;;
esac

root=$PWD
memcheck=(valgrind --quiet --error-exitcode=99 --num-callers=40 --leak-check=full "--show-leak-kinds=definite,indirect"
    "--errors-for-leak-kinds=definite,indirect" --suppressions="$root/tests/valgrind.supp")
bin=$root/build/valgrind
rm -rf "$bin"
mkdir -p "$bin"
ln -s "$root/build/dev/acs-identity-emulator" "$root/build/dev/tests" "$bin"
printf '#!/bin/sh\nexec %s --log-file=%s/%%p.log %s "$@"\n' "${memcheck[*]}" "$bin" "$root/build/dev/rollcall" >"$bin/rollcall"
chmod +x "$bin/rollcall"
export ROLLCALL_BIN=$bin ROLLCALL_SOURCE=$root
export ROLLCALL_VALGRIND=yes # where posix_spawn() cannot tell that a program is not there: tests of just that are skipped

passed=0
failed=()
for name in "${names[@]}"; do
    case $name in
    unit.*) command=("${memcheck[@]}" "$root/build/dev/tests/${name#unit.}") ;;
    *) command=(bats "tests/cli/${name#cli.}.bats") ;;
    esac
    if "${command[@]}" >"$bin/$name.out" 2>&1; then
        passed=$((passed + 1))
    else
        failed+=("$name")
        echo "$name:"
        tail -n 60 "$bin/$name.out"
    fi
done
find "$bin" -name '*.log' -size +0 -printf '%p:\n' -exec head -n 40 {} ';'
echo "valgrind: $passed passed, ${#failed[@]} failed ${failed[*]}"
[ ${#failed[@]} -eq 0 ]

#!/usr/bin/env bash
# valgrind.sh - the tests under valgrind's memcheck: fails on a bad access, a use of what was never set, or a leak.
#
# usage: tests/valgrind.sh [--short] [ctest name...]
#
# Without names: all unit tests, those of the emulator with every emulator under memcheck, and the other CLI tests with
# every rollcall. Whether a CLI test holds is what other runs are for: a program takes twenty times as long, and many a
# test is about time; the closing line says how many held. --short takes a few seconds: those unit tests that read what
# others wrote. What a test says is in build/valgrind/NAME/out, and what memcheck says of a process in PID.log beside it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# No program of this build runs in these: they are about documents, and packages that they build themselves.
left_out='^cli\.(bare_system|documents|package)$'

cmake --preset dev >/dev/null
cmake --build build/dev -- --quiet

case ${1-} in
--short) names=(unit.test_{acs_answer,acs_connection_string,core_buffer,http_header,roster_faults,spec_yaml}) ;;
'') mapfile -t names < <(ctest --preset dev -N -R '^(unit|cli|conformance)\.' -E "$left_out" 2>/dev/null |
    sed -n 's/.*Test *#[0-9]*: //p') ;;
*) names=("$@") ;;
esac

root=$PWD
export ROLLCALL_SOURCE=$root
export ROLLCALL_VALGRIND=10 # times as long a test waits; and posix_spawn() cannot tell that a program is not there
# memcheck takes half of some of the tags that libcrypto's assembly for AES-GCM makes for never set; this is the other code.
export OPENSSL_ia32cap='~0x200000200000000'
rm -rf build/valgrind

# said TEST: the logs of those processes that memcheck says something of. What a process whose standard output is closed
# prints may be in its log as well.
said() {
    find "build/valgrind/$1" -type f -name '*.log' -exec grep -lE '^==[0-9]+==' {} + || true
}

# run_test NAME: leaves the file `failed` when memcheck says something, when a unit test fails, or when no test of a file holds.
run_test() {
    local bin=$root/build/valgrind/$1 program=rollcall
    local memcheck=(valgrind --quiet --sim-hints=lax-ioctls --num-callers=40 --leak-check=full "--show-leak-kinds=definite,indirect"
        "--suppressions=$root/tests/valgrind.supp" "--log-file=$bin/%p.log")
    mkdir "$bin"
    if [[ $1 == unit.* ]]; then
        "${memcheck[@]}" "build/dev/tests/${1#unit.}" >"$bin/out" 2>&1 || touch "$bin/failed"
    else
        [[ $1 != @(cli.emulator*|conformance.*) ]] || program=acs-identity-emulator
        ln -s "$root"/build/dev/{rollcall,acs-identity-emulator,tests} "$bin"
        rm "$bin/$program"
        printf '#!/bin/sh\nexec %s %s "$@"\n' "${memcheck[*]}" "$root/build/dev/$program" >"$bin/$program"
        chmod +x "$bin/$program"
        ROLLCALL_BIN=$bin bats "tests/${1/./\/}.bats" >"$bin/out" 2>&1 </dev/null || true
        grep -q '^ok' "$bin/out" || touch "$bin/failed"
    fi
    [ -z "$(said "$1")" ] || touch "$bin/failed"
}

mkdir build/valgrind
for name in "${names[@]}"; do
    [ "$(jobs -rp | wc -l)" -lt "$(nproc)" ] || wait -n
    run_test "$name" &
done
wait

failed=()
for name in "${names[@]}"; do
    [ -e "build/valgrind/$name/failed" ] || continue
    failed+=("$name")
    tail -n 60 "build/valgrind/$name/out"
    said "$name" | xargs -r head -n 40
done
count() {
    cat build/valgrind/*/out | grep -cE "$1" || true
}
echo "valgrind: $(count '^ok [0-9][^#]*$') CLI tests held, $(count '^not ok [0-9]') did not"
echo "valgrind: $((${#names[@]} - ${#failed[@]})) passed, ${#failed[@]} failed ${failed[*]}"
[ ${#failed[@]} -eq 0 ]

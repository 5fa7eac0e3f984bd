#!/usr/bin/env bash
# run.sh - installs what is missing (Debian 12, as root or with sudo), builds rollcall and runs every test.
#
# usage: tests/run.sh [--quick]
#
# First clang-tidy and cppcheck, then under AddressSanitizer and UBSan, then what has threads under ThreadSanitizer, then
# a minute of fuzzing for whatever reads what others wrote, a few tests under valgrind, and then everything as it is built
# for use, so that the last line counts all tests. --quick goes straight to the last. What takes longer is by hand:
# tests/README.md.
set -euo pipefail

quick=false
case ${1-} in
'') ;;
--quick) quick=true ;;
*)
    echo "usage: tests/run.sh [--quick]" >&2
    exit 2
    ;;
esac

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=samples/packages.bash
source samples/packages.bash

# test_preset PRESET [ctest options]
test_preset() {
    local preset=$1
    shift
    printf '\n== %s ==\n' "$preset"
    cmake --preset "$preset" >/dev/null
    cmake --build "build/$preset" -- --quiet
    # Some tests measure waits; on a busy machine one may be starved. It is tried once more, and ctest says so.
    ctest --preset "$preset" -j4 --output-on-failure --repeat until-pass:2 "$@" </dev/null
}

install_packages "${build_packages[@]}" "${test_packages[@]}"
if ! $quick; then
    printf '\n== lint ==\n'
    tests/lint.sh
    test_preset asan -R '^unit\.|^cli\.(onboard|signals)$'
    test_preset tsan -R '^unit\.test_(core_queue|http|output|run)|^cli\.(onboard|answers|signals|entra_sign_in|moves)$'
    printf '\n== fuzz ==\n'
    tests/fuzz/run.sh --seconds 60 answer connection_string header request roster spec
    printf '\n== valgrind ==\n'
    tests/valgrind.sh --short
fi
test_preset ci

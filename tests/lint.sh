#!/usr/bin/env bash
# lint.sh - clang-tidy over lib/ and cmd/, cppcheck over these and tests/unit/: fails when either says anything.
#
# usage: tests/lint.sh [FILE.c...]
#
# With files, clang-tidy looks at these alone, and cppcheck is left out. What is not looked for stands with its reason
# in .clang-tidy and tests/style/cppcheck.txt; for a single line, in a comment: NOLINTNEXTLINE(check): reason, or
# cppcheck-suppress check.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

cmake --preset dev >/dev/null # for build/dev/compile_commands.json; nothing is built
files=("$@")
[ $# -gt 0 ] || files=(lib/*/*.c cmd/*/*.c)
status=0
printf '%s\0' "${files[@]}" |
    xargs -0 -n 1 -P "$(nproc)" clang-tidy -quiet -p build/dev 2> >(grep -vE '^[0-9]+ warnings? ' >&2) || status=1
[ $# -eq 0 ] || exit "$status"
cppcheck --quiet --std=c11 --enable=all --inline-suppr --suppressions-list=tests/style/cppcheck.txt --error-exitcode=1 \
    --template='{file}:{line}: {message} [{id}]' -D_GNU_SOURCE -DROLLCALL_VERSION='""' \
    '-Djson_object_foreach(object,key,value)=while((key=key_of(object))!=0&&(value=value_of(object))!=0)' \
    '-Djson_array_foreach(array,index,value)=while((value=json_array_get(array,index=0))!=0)' \
    -Ilib -Icmd/acs-identity-emulator -Icmd/rollcall lib cmd tests/unit || status=1
exit "$status"

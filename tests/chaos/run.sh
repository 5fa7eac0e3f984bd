#!/usr/bin/env bash
# run.sh - faults, kills and changes at random, with all invariants checked after every round.
#
# usage: tests/chaos/run.sh [--minutes N] [--seed TEXT] [--users N]
#
# ROLLCALL_BIN names the build directory (default: build/ci).
set -euo pipefail

here=$(dirname "${BASH_SOURCE[0]}")
export ROLLCALL_BIN=${ROLLCALL_BIN:-$here/../../build/ci}
if ! [ -x "$ROLLCALL_BIN/rollcall" ]; then
    echo "run.sh: no rollcall in $ROLLCALL_BIN; build it, or set ROLLCALL_BIN" >&2
    exit 2
fi
exec python3 "$here/run.py" "$@"

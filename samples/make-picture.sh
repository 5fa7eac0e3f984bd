#!/usr/bin/env bash
# make-picture.sh - draws samples/run.svg: a plan and a run as a terminal shows them. Takes tmux, and the programs in
# $ROLLCALL_BIN (build/release).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
programs=$(realpath "${ROLLCALL_BIN:-build/release}")
svg=$PWD/samples/run.svg
draw=$PWD/samples/terminal-svg.py
work=$(mktemp -d)
emulator=
session=(tmux -L rollcall-picture)
clean_up() {
    "${session[@]}" kill-server 2>/dev/null || true
    [ -z "$emulator" ] || kill "$emulator"
    rm -rf "$work"
}
trap clean_up EXIT

cp -R jobs "$work"
mkdir "$work/samples"
{ echo user_id,department,password_changed_at && seq -f 'user%05.0f@contoso.example,sales,2026-01-01' 5000; } >"$work/samples/users.csv"
cd "$work"
"$programs/acs-identity-emulator" --listen 127.0.0.1:0 --limits published --latency 100ms --ready-file ready >log 2>&1 &
emulator=$!
until [ -s ready ]; do sleep 0.05; done
COMMUNICATION_SERVICES_CONNECTION_STRING=$(cat ready)
export COMMUNICATION_SERVICES_CONNECTION_STRING PATH=$programs:$PATH

"${session[@]}" -f /dev/null new-session -d -x 126 -y 12 "PS1='$ ' LANG=C.UTF-8 bash --norc"
until "${session[@]}" capture-pane -p | grep -q '^\$'; do sleep 0.2; done
"${session[@]}" send-keys 'rollcall plan jobs/onboard.yaml' Enter
until "${session[@]}" capture-pane -p | grep -q '^to do: '; do sleep 0.2; done
"${session[@]}" send-keys 'rollcall run jobs/onboard.yaml' Enter
until "${session[@]}" capture-pane -p | grep -q ' 2000/5000 done .*waiting'; do sleep 0.2; done
"${session[@]}" capture-pane -p -e | "$draw" >"$svg"
echo "$svg"

#!/usr/bin/env bash
# quickstart.sh - builds rollcall, and lets a made-up company of 1,000 people live through four days with it, against a
# service on this machine. Nothing leaves it. Takes a bit more than a minute, since the quotas are the published ones.
#
# Installs what is missing (Debian 12, as root or with sudo). What it makes is in build/release and out/quickstart.
# With ROLLCALL_BIN in the environment, the programs there are used and nothing is installed or built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=samples/packages.bash
source samples/packages.bash

programs=${ROLLCALL_BIN:-$PWD/build/release}
work=$PWD/out/quickstart
emulator=

say() {
    printf '\n== %s\n' "$1"
    [ $# -eq 1 ] || printf '   %s\n' "${@:2}"
}

# show [-STATUS] COMMAND...: the command, then what it prints. It must exit with the status (0).
show() {
    local expected=0 status=0
    case $1 in
    -*) expected=${1#-} && shift ;;
    esac
    printf '\n$ %s\n' "$*"
    "$@" 2>&1 || status=$?
    [ "$expected" -eq 0 ] || echo "(exit status $status)"
    if [ "$status" -ne "$expected" ]; then
        echo "quickstart: this should have exited with $expected, not with $status" >&2
        exit 1
    fi
}

stop_emulator() {
    [ -n "$emulator" ] || return 0
    kill "$emulator" 2>/dev/null || true
    wait "$emulator" || true
    emulator=
}
trap stop_emulator EXIT

if [ -z "${ROLLCALL_BIN-}" ]; then
    say "Building"
    install_packages "${build_packages[@]}"
    cmake --preset release >/dev/null
    cmake --build build/release -- --quiet
fi
PATH=$programs:$PATH

say "Starting the emulator of the service, with the published quotas" \
    "1,000 creates and tokens, 500 revocations and deletions in 30 seconds"
# A ledger here is of an emulator that is gone, and so are its identities.
rm -rf "$work"
mkdir -p "$work/samples"
cp -R jobs "$work"
acs-identity-emulator --listen 127.0.0.1:0 --limits published --latency 100ms --seed quickstart \
    --ready-file "$work/ready" >"$work/emulator.log" 2>&1 &
emulator=$!
until [ -s "$work/ready" ]; do
    kill -0 "$emulator" || { cat "$work/emulator.log" >&2; exit 1; }
    sleep 0.05
done
COMMUNICATION_SERVICES_CONNECTION_STRING=$(cat "$work/ready")
export COMMUNICATION_SERVICES_CONNECTION_STRING
endpoint=${COMMUNICATION_SERVICES_CONNECTION_STRING%%;*}
echo "it listens at ${endpoint#endpoint=}"
cd "$work"

say "Day 1: onboarding" \
    "1,000 people get an identity and a token. In out/quickstart:"
show cp ../../samples/users.csv samples/users.csv
show rollcall plan jobs/onboard.yaml
show rollcall run jobs/onboard.yaml
show head -n 3 out/mapping.csv

say "The same again: everybody has an identity, nothing is sent"
show rollcall run jobs/onboard.yaml

say "Day 2: the next export" \
    "14 people have joined, 6 have left. What would be done about it?"
show cp ../../samples/day2.csv samples/users.csv
show rollcall plan jobs/sync.yaml

say "Doing it" \
    "Who left is cut off at once. The newcomers wait: day 1 was seconds ago, and" \
    "spent the quota."
show rollcall run jobs/sync.yaml

say "Rotation, every six hours" \
    "The tokens are good for 24 hours, and new: there is nothing to do."
show rollcall run jobs/rotate.yaml

say "As if an access key had been regenerated: a new token for everybody" \
    "1,008 of them, where the quota is 1,000 in 30 seconds."
show rollcall plan jobs/rotate.yaml --reissue-all
show rollcall run jobs/rotate.yaml --reissue-all

say "Day 3: password resets" \
    "Nine people changed their passwords: their old tokens are revoked, then they" \
    "get new ones."
show cp ../../samples/day3.csv samples/users.csv
show rollcall plan jobs/password-reset.yaml
show rollcall run jobs/password-reset.yaml

say "Day 4: offboarding, with an export that was cut in half on its way"
show cp ../../samples/day4.csv samples/users.csv
show -3 rollcall run jobs/offboard.yaml

say "Nothing was sent. The whole export: 12 people have left, one is back"
show cp ../../samples/day4-right.csv samples/users.csv
show rollcall plan jobs/offboard.yaml
show rollcall run jobs/offboard.yaml

say "The history of the one who is back, with the identity of day 1"
show rollcall history jobs/sync.yaml ulla.oeztuerk@contoso.example

say "Where things stand"
show rollcall status jobs/sync.yaml

say "The rotation of all tokens as a page, to look at and to pass on" \
    "What changed, how fast, what was throttled, what failed and what to do"
show rollcall report jobs/rotate.yaml 5 --out out/report.html

say "Stopping the emulator"
stop_emulator
echo "The ledger and the outputs stay in out/quickstart/out. Open the report in a browser:"
echo "$PWD/out/report.html"
echo "The programs are in $programs. README.md, \"A job of your own\", goes on from here."

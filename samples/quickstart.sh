#!/usr/bin/env bash
# quickstart.sh - builds rollcall and onboards 1,000 made-up users to a service on this machine. Nothing leaves it.
#
# Installs what is missing (Debian 12, as root or with sudo). What it makes is in build/release and out/quickstart.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=samples/packages.bash
source samples/packages.bash

programs=$PWD/build/release
work=$PWD/out/quickstart
emulator=

say() {
    printf '\n== %s\n' "$*"
}

stop_emulator() {
    [ -z "$emulator" ] || kill "$emulator" 2>/dev/null || true
}
trap stop_emulator EXIT

say "Building"
install_packages "${build_packages[@]}"
cmake --preset release >/dev/null
cmake --build build/release -- --quiet

say "Starting the emulator of the service, with the published quotas (1,000 creates in 30 s)"
# A ledger here is of an emulator that is gone, and so are its identities.
rm -rf "$work"
mkdir -p "$work/jobs" "$work/samples"
"$programs/acs-identity-emulator" --listen 127.0.0.1:0 --limits published --latency 100ms --seed quickstart \
    --ready-file "$work/ready" >"$work/emulator.log" 2>&1 &
emulator=$!
until [ -s "$work/ready" ]; do
    kill -0 "$emulator" || { cat "$work/emulator.log" >&2; exit 1; }
    sleep 0.05
done
COMMUNICATION_SERVICES_CONNECTION_STRING=$(cat "$work/ready")
export COMMUNICATION_SERVICES_CONNECTION_STRING
echo "it listens at ${COMMUNICATION_SERVICES_CONNECTION_STRING%%;*}"

say "Onboarding the users of samples/users.csv with jobs/onboard.yaml (copied to out/quickstart)"
cp jobs/onboard.yaml "$work/jobs"
cp samples/users.csv "$work/samples"
cd "$work"
"$programs/rollcall" plan jobs/onboard.yaml
"$programs/rollcall" run jobs/onboard.yaml

say "The mapping, out/quickstart/out/mapping.csv, begins"
head -n 6 out/mapping.csv

say "Running the same job again: everybody has an identity, and nothing is sent"
"$programs/rollcall" run jobs/onboard.yaml

say "Stopping the emulator"

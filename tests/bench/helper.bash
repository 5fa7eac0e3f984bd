# helper.bash - what the benchmarks share: programs as they are for use, an emulator, and figures. Sourced by each.
#
# Builds build/bench, and installs what is missing for it (Debian 12, as root or with sudo). With ROLLCALL_BIN in the
# environment the programs there are measured, and nothing is installed or built.

# shellcheck disable=SC2034 # most names are for those who source this
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
conformance=$here/../conformance
command="tests/bench/${0##*/}${*:+ $*}"

# usage: the script's own first comment.
usage() {
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
}

# refuse MESSAGE
refuse() {
    echo "${0##*/}: $1" >&2
    exit 2
}

# numbers VALUE...: each must be one.
numbers() {
    local number
    for number in "$@"; do
        [[ $number =~ ^[1-9][0-9]*$ ]] || refuse "$number is not a number"
    done
}

# prepare [NPM-PROJECT...]: sets bin and home, the directory of the programs and one that is removed in the end.
prepare() {
    local project
    if [ -z "${ROLLCALL_BIN-}" ]; then
        (
            cd "$here/../.." || exit
            # shellcheck source=samples/packages.bash
            source samples/packages.bash
            install_packages "${build_packages[@]}" "${bench_packages[@]}"
            cmake --preset bench >/dev/null
            cmake --build --preset bench -- --quiet
        ) >&2
    fi
    bin=$(cd "${ROLLCALL_BIN:-$here/../../build/bench}" && pwd)
    for project in "$@"; do
        [ -d "$project/node_modules" ] || (cd "$project" && npm ci --no-fund --no-audit --loglevel=error >&2)
    done
    home=$(mktemp -d)
    trap 'stop_emulator; rm -rf "$home"' EXIT
}

emulator_pid=

# start_emulator [OPTIONS]: a new one; sets connection_string, endpoint and, with --tls, certificate. It runs as the words
# of emulator_prefix say.
emulator_prefix=()
start_emulator() {
    stop_emulator
    [[ " $* " != *' --tls '* ]] || set -- "$@" --tls-dir "$home"
    rm -f "$home/out"
    mkfifo "$home/out"
    "${emulator_prefix[@]}" setpriv --pdeathsig TERM "$bin/acs-identity-emulator" --listen 127.0.0.1:0 --seed bench "$@" \
        >"$home/out" 2>"$home/emulator.err" &
    emulator_pid=$!
    exec 3<"$home/out"
    IFS= read -r connection_string <&3 || { cat "$home/emulator.err" >&2; exit 1; }
    endpoint=${connection_string#endpoint=}
    endpoint=${endpoint%%/;accesskey=*}
    certificate=
    if [[ $endpoint == https:* ]]; then
        IFS= read -r certificate <&3
        certificate=${certificate#certificate=}
    fi
}

stop_emulator() {
    [ -n "$emulator_pid" ] || return 0
    kill "$emulator_pid" 2>/dev/null || true
    wait "$emulator_pid" 2>/dev/null || true
    emulator_pid=
}

# stats FILTER: of the emulator.
stats() {
    curl -sS ${certificate:+--cacert "$certificate"} "$endpoint/_emulator/stats" | jq -r "$1"
}

# sign TARGET BODY: a POST to the emulator, with openssl alone; good for 15 minutes. Sets signed, its headers.
sign() {
    local key date hash signature
    key=$(printf '%s' "${connection_string#*;accesskey=}" | base64 -d | od -An -v -tx1 | tr -d ' \n')
    date=$(LC_ALL=C date -u '+%a, %d %b %Y %H:%M:%S GMT')
    hash=$(printf '%s' "$2" | openssl dgst -sha256 -binary | base64 -w0)
    signature=$(printf 'POST\n%s\n%s;%s;%s' "$1" "$date" "${endpoint#*://}" "$hash" |
        openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64 -w0)
    signed=(
        "x-ms-date: $date"
        "x-ms-content-sha256: $hash"
        "Authorization: HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=$signature"
        'x-ms-client-request-id: 0b2f5d0e-6c1e-4a57-9b5e-2f0c7d3a1e90'
    )
}

# median: of the numbers on standard input.
median() {
    sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

machine() {
    echo "$(lscpu | sed -n 's/^Model name: *//p' | head -1), $(nproc) cores, $(uname -sr)"
}

# emulator_helper.bash - starts emulators and sends them signed requests; loaded by the bats files that need one.
#
# client.py makes and signs them: neither the client's code nor the emulator's.

# shellcheck disable=SC2034 # most names are for those who load this

EMULATOR=$ROLLCALL_BIN/acs-identity-emulator
# Before what a test starts in the background: it ends with the test even when that is killed, by ctest's time limit for
# one, and never comes to its teardown.
ENDS_WITH_TEST=(setpriv --pdeathsig KILL)
EMULATOR_KEY=$(printf '%064d' 7 | base64 -w0)
VERSION=2023-10-01

ISSUE_ANY='{"scopes":["chat"]}'
CLIENT=${BASH_SOURCE[0]%/*}/client.py
# The system's own: where versions are managed, the one of the path takes a second to start.
PYTHON=/usr/bin/python3
[ -x "$PYTHON" ] || PYTHON=python3
OTHER_ID=8:acs:00000000-0000-0000-0000-000000000000_00000000-0000-0000-0000-000000000000

# emulator_start [options]: starts one, waits until it listens, and points ENDPOINT and KEY at it.
emulator_start() {
    EMULATOR_HOME=$(mktemp -d "$BATS_TEST_TMPDIR/emulator.XXXXXX")
    mkfifo "$EMULATOR_HOME/out"
    "${ENDS_WITH_TEST[@]}" "$EMULATOR" --listen 127.0.0.1:0 --access-key "$EMULATOR_KEY" --seed bats \
        --ready-file "$EMULATOR_HOME/ready" "$@" >"$EMULATOR_HOME/out" 2>"$EMULATOR_HOME/err" 3>&- &
    EMULATOR_PID=$!
    EMULATOR_PIDS+=("$EMULATOR_PID")
    # The first line comes when it listens; reading it is waiting for it. The rest is kept for the tests.
    exec {EMULATOR_OUT}<"$EMULATOR_HOME/out"
    if ! IFS= read -r CONNECTION_STRING <&"$EMULATOR_OUT"; then
        cat "$EMULATOR_HOME/err" >&2
        return 1
    fi
    ENDPOINT=${CONNECTION_STRING#endpoint=}
    ENDPOINT=${ENDPOINT%%/;accesskey=*}
    HOST=${ENDPOINT#*://}
    KEY=${CONNECTION_STRING#*;accesskey=}
    CERTIFICATE=
    if [[ $ENDPOINT == https:* ]]; then
        IFS= read -r CERTIFICATE <&"$EMULATOR_OUT"
        CERTIFICATE=${CERTIFICATE#certificate=}
    fi
    client_start
}

# client_start: the process that sends this test's requests. It ends with the test.
client_start() {
    [ -z "${CLIENT_PID-}" ] || return 0
    CLIENT_HOME=$(mktemp -d "$BATS_TEST_TMPDIR/client.XXXXXX")
    mkfifo "$CLIENT_HOME/in" "$CLIENT_HOME/out"
    "${ENDS_WITH_TEST[@]}" "$PYTHON" -IS "$CLIENT" "$CLIENT_HOME/headers" "$CLIENT_HOME/body" \
        <"$CLIENT_HOME/in" >"$CLIENT_HOME/out" 2>"$CLIENT_HOME/err" 3>&- &
    CLIENT_PID=$!
    exec {CLIENT_IN}>"$CLIENT_HOME/in" {CLIENT_OUT}<"$CLIENT_HOME/out"
}

# ask_client WHAT METHOD TARGET BODY HEADERS [KEY HOST HASH DATE DATE_HEADER]: one exchange with it; sets REPLY.
ask_client() {
    printf '%s\0' "$1" "$ENDPOINT" "$2" "$3" "$4" "$5" "${6-}" "${SIGNED_TARGET-}" "${7-}" "${8-}" "${9-}" "${10-}" \
        "$CERTIFICATE" >&"$CLIENT_IN"
    IFS= read -r -u "$CLIENT_OUT" REPLY
}

# emulator_stop [signal]: ends the last one started and returns its exit status.
emulator_stop() {
    kill "-${1:-TERM}" "$EMULATOR_PID"
    wait "$EMULATOR_PID"
}

# For teardown.
emulator_stop_all() {
    local pid
    for pid in "${EMULATOR_PIDS[@]}"; do
        kill -TERM "$pid" 2>/dev/null || continue
        wait "$pid" || true
    done
    EMULATOR_PIDS=()
    # One behind a program that did not become it has a pid that nobody was told, and would go on for good.
    if pkill -KILL -f -- "--ready-file $BATS_TEST_TMPDIR/"; then
        echo 'an emulator was not ended with the process that started it' >&2
        return 1
    fi
    [ -n "${CLIENT_PID-}" ] || return 0
    exec {CLIENT_IN}>&- {CLIENT_OUT}<&-
    kill "$CLIENT_PID" 2>/dev/null || true
    wait "$CLIENT_PID" || true
    CLIENT_PID=
}

# hash_of TEXT: x-ms-content-sha256.
hash_of() {
    [ -n "$1" ] || { echo '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; return; }
    printf '%s' "$1" | openssl dgst -sha256 -binary | base64 -w0
}

http_date() {
    LC_ALL=C date -u "${@:--d now}" '+%a, %d %b %Y %H:%M:%S GMT'
}

# The pieces of a request that a test may set to something else, e.g. SIGNED_HOST=other request POST ...
#   SIGNED_HOST, SIGNED_TARGET, SIGNED_HASH, SIGNED_KEY, DATE, DATE_HEADER
#
# request METHOD TARGET [BODY] [-H HEADER...]: sends a signed request. Sets STATUS, HEADERS (names in lower case) and
# BODY.
request() {
    local method=$1 target=$2 body=${3-} headers=
    shift 2
    [ $# -gt 0 ] && shift
    while [ $# -gt 0 ]; do
        headers+=$2$'\n'
        shift 2
    done
    send "$method" "$target" "$body" "$headers" "${SIGNED_KEY:-$KEY}" "${SIGNED_HOST-}" "${SIGNED_HASH-}" "${DATE-}" \
        "${DATE_HEADER:-x-ms-date}"
}

# raw_request METHOD TARGET [-H HEADER...]: as request, without a signature. Sets ELAPSED_MS as well.
raw_request() {
    local method=$1 target=$2 headers=
    shift 2
    while [ $# -gt 0 ]; do
        headers+=$2$'\n'
        shift 2
    done
    send "$method" "$target" '' "$headers"
}

# send METHOD TARGET BODY HEADERS [KEY HOST HASH DATE DATE_HEADER]
send() {
    ask_client send "$@"
    read -r STATUS ELAPSED_MS <<<"$REPLY"
    if [ "$STATUS" = 000 ]; then
        tail -n 1 "$CLIENT_HOME/err" >&2
    fi
    HEADERS=$(<"$CLIENT_HOME/headers")
    BODY=$(<"$CLIENT_HOME/body")
}

# sign_for_curl METHOD TARGET [BODY]: sets SIGNED, the options of such a request for raw_curl_request.
sign_for_curl() {
    local headers header
    ask_client sign "$1" "$2" "${3-}" '' "$KEY" '' '' '' x-ms-date
    IFS=$'\t' read -ra headers <<<"$REPLY"
    SIGNED=(-H 'Content-Type: application/json' --data-binary "${3-}")
    for header in "${headers[@]}"; do
        SIGNED+=(-H "$header")
    done
}

# curl_request METHOD TARGET [BODY] [curl options]: as request, but sent by curl, whose messages name what went wrong on the
# way. The answer as it came is in EMULATOR_HOME/headers and EMULATOR_HOME/body.
curl_request() {
    sign_for_curl "$1" "$2" "${3-}"
    raw_curl_request "$1" "$2" "${SIGNED[@]}" "${@:4}"
}

# raw_curl_request METHOD TARGET [curl options]: as curl_request, without a signature.
raw_curl_request() {
    local method=$1 target=$2
    shift 2
    local trust=()
    [ -n "$CERTIFICATE" ] && trust=(--cacert "$CERTIFICATE")
    : >"$EMULATOR_HOME/body"
    STATUS=$(curl -sS --max-time 60 --path-as-is --globoff -X "$method" "${trust[@]}" \
        -D "$EMULATOR_HOME/headers" -o "$EMULATOR_HOME/body" -w '%{http_code}' "$@" "$ENDPOINT$target") || true
    HEADERS=$(tr -d '\r' <"$EMULATOR_HOME/headers" | sed -E 's/^([^:]*):/\L\1:/')
    BODY=$(<"$EMULATOR_HOME/body")
}

# json FILTER: what jq makes of BODY.
json() {
    jq -r "$1" <<<"$BODY"
}

# header NAME: its value; fails when it is not there.
header() {
    local value=${HEADERS#*$'\n'"$1:"}
    [[ $HEADERS == "$1:"* ]] && value=${HEADERS#"$1:"}
    [ "$value" != "$HEADERS" ] || { echo "no header $1" >&2; return 1; }
    value=${value%%$'\n'*}
    echo "${value# }"
}

# has_header NAME, has_no_header NAME
has_header() {
    [[ $'\n'$HEADERS == *$'\n'"$1:"* ]] || { echo "no header $1" >&2; return 1; }
}

has_no_header() {
    [[ $'\n'$HEADERS != *$'\n'"$1:"* ]] || { header "$1" >&2; return 1; }
}

# create [BODY] [VERSION]: makes an identity; sets ID (raw) and ENCODED (with %3A).
create() {
    request POST "/identities?api-version=${2:-$VERSION}" "${1-}"
    [ "$STATUS" = 201 ] || { echo "create: $STATUS $BODY" >&2; return 1; }
    [[ $BODY =~ \"id\":\"([^\"]+)\" ]]
    ID=${BASH_REMATCH[1]}
    ENCODED=${ID//:/%3A}
}

# issue BODY [ID] [VERSION], revoke [ID] [VERSION], delete [ID] [VERSION]
issue() {
    request POST "/identities/${2:-$ENCODED}/:issueAccessToken?api-version=${3:-$VERSION}" "$1"
}

revoke() {
    request POST "/identities/${1:-$ENCODED}/:revokeAccessTokens?api-version=${2:-$VERSION}"
}

delete() {
    request DELETE "/identities/${1:-$ENCODED}?api-version=${2:-$VERSION}"
}

# stats FILTER
stats() {
    raw_request GET /_emulator/stats
    json "$1"
}

# is WHAT EXPECTED: says what differs.
is() {
    [ "$1" = "$2" ] || { printf 'is:       %s\nshould be: %s\nstatus %s, body %s\n' "$1" "$2" "$STATUS" "$BODY" >&2; return 1; }
}

# is_error STATUS CODE MESSAGE [TARGET]: the whole error answer; without a target it must have none.
is_error() {
    is "$STATUS" "$1"
    is "$(json '.error | .code, .message, .target // ""')" "$(printf '%s\n' "$2" "$3" "${4-}")"
    is "$(header content-type)" application/json
    is "$(header transfer-encoding)" chunked
}

# expires_in MINUTES EXPIRES_ON: give or take a minute, for a machine that is busy.
expires_in() {
    local difference=$(($(date -d "$2" +%s) - $(date +%s) - $1 * 60))
    [ "${difference#-}" -le 60 ] || { echo "$2 is $difference s off $1 minutes" >&2; return 1; }
}

# claims TOKEN: its payload.
claims() {
    local payload
    payload=$(cut -d. -f2 <<<"$1" | tr '_-' '/+')
    while [ $((${#payload} % 4)) -ne 0 ]; do payload+='='; done
    base64 -d <<<"$payload"
}

# entra_token CLAIMS: a JWT as Entra makes them.
entra_token() {
    printf 'e30.%s.c2lnbmF0dXJl' "$(printf '%s' "$1" | base64 -w0 | tr '/+' '_-' | tr -d =)"
}

# refuses OPTION...: exit status 2, and a hint or a message that names the option.
refuses() {
    run --separate-stderr "$EMULATOR" "$@"
    [ "$status" -eq 2 ] || { echo "$*: exit $status" >&2; return 1; }
    [ -z "$output" ]
    [[ $stderr == "acs-identity-emulator: "* ]]
    echo "$stderr"
}

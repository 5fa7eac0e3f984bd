# emulator_helper.bash - starts emulators and sends them signed requests; loaded by the bats files that need one.
#
# Signatures are made with openssl, from the scheme's documents: neither the client's code nor the emulator's.

EMULATOR=$ROLLCALL_BIN/acs-identity-emulator
EMULATOR_KEY=$(printf '%064d' 7 | base64 -w0)
VERSION=2023-10-01

ISSUE_ANY='{"scopes":["chat"]}'
OTHER_ID=8:acs:00000000-0000-0000-0000-000000000000_00000000-0000-0000-0000-000000000000

# emulator_start [options]: starts one, waits until it listens, and points ENDPOINT and KEY at it.
emulator_start() {
    EMULATOR_HOME=$(mktemp -d "$BATS_TEST_TMPDIR/emulator.XXXXXX")
    mkfifo "$EMULATOR_HOME/out"
    "$EMULATOR" --listen 127.0.0.1:0 --access-key "$EMULATOR_KEY" --seed bats --ready-file "$EMULATOR_HOME/ready" "$@" \
        >"$EMULATOR_HOME/out" 2>"$EMULATOR_HOME/err" 3>&- &
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
}

# hash_of TEXT: x-ms-content-sha256.
hash_of() {
    [ -n "$1" ] || { echo '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; return; }
    printf '%s' "$1" | openssl dgst -sha256 -binary | base64 -w0
}

# sign METHOD TARGET DATE HOST HASH [KEY]
sign() {
    local key
    key=$(printf '%s' "${6:-$KEY}" | base64 -d | od -An -v -tx1 | tr -d ' \n')
    printf '%s\n%s\n%s;%s;%s' "$1" "$2" "$3" "$4" "$5" |
        openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64 -w0
}

http_date() {
    LC_ALL=C date -u "${@:--d now}" '+%a, %d %b %Y %H:%M:%S GMT'
}

# The pieces of a request that a test may set to something else, e.g. SIGNED_HOST=other request POST ...
#   SIGNED_HOST, SIGNED_TARGET, SIGNED_HASH, SIGNED_KEY, DATE, DATE_HEADER
#
# request METHOD TARGET [BODY] [curl options]: sends a signed request. Sets STATUS, HEADERS (names in lower case) and
# BODY.
request() {
    local method=$1 target=$2 body=${3-}
    shift 2
    [ $# -gt 0 ] && shift
    local date=${DATE:-$(http_date)} hash
    hash=${SIGNED_HASH:-$(hash_of "$body")}
    local signature
    signature=$(sign "$method" "${SIGNED_TARGET:-$target}" "$date" "${SIGNED_HOST:-$HOST}" "$hash" "${SIGNED_KEY:-}")
    local data=()
    if [ -n "$body" ]; then
        data=(--data-binary "$body" -H 'Content-Type: application/json')
    elif [ "$method" = POST ]; then
        data=(-H 'Content-Length: 0' -H 'Content-Type: application/json')
    fi
    raw_request "$method" "$target" "${data[@]}" -H "${DATE_HEADER:-x-ms-date}: $date" -H "x-ms-content-sha256: $hash" \
        -H "Authorization: HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=$signature" "$@"
}

# raw_request METHOD TARGET [curl options]: as request, without a signature. Sets ELAPSED_MS as well.
raw_request() {
    local method=$1 target=$2
    shift 2
    local trust=()
    [ -n "$CERTIFICATE" ] && trust=(--cacert "$CERTIFICATE")
    read -r STATUS ELAPSED_MS < <(curl -sS --max-time 60 --path-as-is --globoff -X "$method" "${trust[@]}" \
        -D "$EMULATOR_HOME/headers" -o "$EMULATOR_HOME/body" -w '%{http_code} %{time_total}\n' "$@" \
        "$ENDPOINT$target")
    ELAPSED_MS=$(awk '{ printf "%d", $1 * 1000 }' <<<"$ELAPSED_MS")
    HEADERS=$(tr -d '\r' <"$EMULATOR_HOME/headers" | sed -E 's/^([^:]*):/\L\1:/')
    BODY=$(cat "$EMULATOR_HOME/body" 2>/dev/null)
    : >"$EMULATOR_HOME/body"
}

# json FILTER: what jq makes of BODY.
json() {
    jq -r "$1" <<<"$BODY"
}

# header NAME: its value; fails when it is not there.
header() {
    local line
    line=$(grep -m1 "^$1:" <<<"$HEADERS") || { echo "no header $1" >&2; return 1; }
    sed -E 's/^[^:]*: ?//' <<<"$line"
}

# has_header NAME, has_no_header NAME
has_header() {
    header "$1" >/dev/null
}

has_no_header() {
    ! grep "^$1:" <<<"$HEADERS" >&2 || return 1
}

# create [BODY] [VERSION]: makes an identity; sets ID (raw) and ENCODED (with %3A).
create() {
    request POST "/identities?api-version=${2:-$VERSION}" "${1-}"
    [ "$STATUS" = 201 ] || { echo "create: $STATUS $BODY" >&2; return 1; }
    ID=$(json .identity.id)
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
    is "$(json .error.code)" "$2"
    is "$(json .error.message)" "$3"
    is "$(json '.error.target // ""')" "${4-}"
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

# acs-identity-emulator: limits, latency, TLS, and what it tells about itself.

bats_require_minimum_version 1.5.0

setup() {
    load emulator_helper.bash
}

teardown() {
    emulator_stop_all
}

# --- limits ------------------------------------------------------------------------------------------------------

@test "beyond the limit is 429 with the error's form, and no identity is made" {
    emulator_start --limits create=2/60s
    create
    create
    request POST "/identities?api-version=$VERSION"
    is "$STATUS $(json .error.code)" '429 TooManyRequests'
    is "$(header content-type)" application/json
    [[ $(header retry-after) =~ ^(5[0-9]|60)$ ]]
    issue "$ISSUE_ANY"
    is "$STATUS" 200
    is "$(stats .identities.created)" 2
}

# now_ms, wait_until_ms MOMENT
now_ms() {
    date +%s%3N
}

wait_until_ms() {
    local left=$(($1 - $(now_ms)))
    [ "$left" -le 0 ] || sleep "$(printf '%d.%03d' $((left / 1000)) $((left % 1000)))"
}

# talk_to ENDPOINT: to one of several emulators from here on.
talk_to() {
    ENDPOINT=$1
    HOST=${ENDPOINT#*://}
}

@test "who waits as long as Retry-After says is let in" {
    local -A endpoint free_ms
    local forms=(seconds date ms x-ms)
    for form in "${forms[@]}"; do
        emulator_start --limits create=1/5s --retry-after "$form"
        endpoint[$form]=$ENDPOINT
        create
        request POST "/identities?api-version=$VERSION"
        is "$STATUS" 429
        case $form in
        seconds)
            [[ $(header retry-after) =~ ^[1-5]$ ]]
            free_ms[$form]=$(($(now_ms) + $(header retry-after) * 1000))
            ;;
        date)
            [[ $(header retry-after) =~ ^[A-Z][a-z]{2},\ [0-9]{2}\ [A-Z][a-z]{2}\ [0-9]{4}\ [0-9:]{8}\ GMT$ ]]
            [ "$(date -d "$(header retry-after)" +%s)" -le $(($(date +%s) + 6)) ]
            free_ms[$form]=$(date -d "$(header retry-after)" +%s%3N)
            ;;
        *)
            wait_ms=$(header "$([ "$form" = ms ] && echo retry-after-ms || echo x-ms-retry-after-ms)")
            [ "$wait_ms" -gt 0 ] && [ "$wait_ms" -le 5000 ]
            has_no_header retry-after
            free_ms[$form]=$(($(now_ms) + wait_ms))
            ;;
        esac
    done
    for form in "${forms[@]}"; do
        wait_until_ms "${free_ms[$form]}"
        talk_to "${endpoint[$form]}"
        create
    done
}

@test "Retry-After as a date is the first whole second in which there is room" {
    emulator_start --limits create=1/60s --retry-after date
    create
    request POST "/identities?api-version=$VERSION"
    is "$STATUS" 429
    told_ms=$(($(date -d "$(header retry-after)" +%s) * 1000))
    raw_request GET /_emulator/identities
    room_ms=$(($(date -d "$(json .createdAt)" +%s%3N) + 60000))
    [ "$told_ms" -ge "$room_ms" ]
    [ "$told_ms" -le $((room_ms + 1001)) ]
}

@test "--retry-after none leaves the header out" {
    emulator_start --limits create=1/60s --retry-after none
    create
    request POST "/identities?api-version=$VERSION"
    is "$STATUS" 429
    run ! grep -i retry-after <<<"$HEADERS"
}

@test "each operation has its own limit" {
    emulator_start --limits create=2/60s,issue=1/60s,revoke=1/60s,delete=1/60s,get=1/60s,exchange=1/60s
    create '' 2025-03-02-preview
    kept=$ENCODED
    create
    for operation in "issue $ISSUE_ANY $kept" "revoke $kept" "delete $ENCODED" \
        "request POST /teamsUser/:exchangeAccessToken?api-version=$VERSION {}" \
        "request GET /identities/$kept?api-version=2025-03-02-preview"; do
        $operation
        [ "$STATUS" != 429 ]
        $operation
        is "$STATUS" 429
    done
}

@test "a fixed window opens all at once, a sliding one request by request" {
    # One request at the start of the window and one in its middle; the first one leaves: is there room for two?
    local -A endpoint free_ms
    local middle_ms
    for window in fixed sliding; do
        emulator_start --limits create=2/8s --retry-after ms --window "$window"
        endpoint[$window]=$ENDPOINT
        create
    done
    middle_ms=$(($(now_ms) + 4000))
    wait_until_ms "$middle_ms"
    for window in fixed sliding; do
        talk_to "${endpoint[$window]}"
        create
        request POST "/identities?api-version=$VERSION"
        is "$STATUS" 429
        free_ms[$window]=$(($(now_ms) + $(header retry-after-ms)))
    done
    for window in fixed sliding; do
        wait_until_ms "${free_ms[$window]}"
        talk_to "${endpoint[$window]}"
        create
        request POST "/identities?api-version=$VERSION"
        [ "$window" = fixed ] && is "$STATUS" 201 || is "$STATUS" 429
    done
}

@test "a create with a token uses the limit of issue only when told to" {
    body='{"createTokenWithScopes":["chat"]}'
    emulator_start --limits issue=1/60s
    create "$body"
    create "$body"
    emulator_start --limits issue=1/60s --create-counts-as-issue
    create "$body"
    request POST "/identities?api-version=$VERSION" "$body"
    is "$STATUS" 429
    create
    is "$(stats .identities.created)" 2
}

@test "the published limits are the default" {
    emulator_start
    is "$(stats '[.windows[] | .limit] | tostring')" '[1000,1000,500,500,null,500,null,null,null]'
    emulator_start --limits none
    is "$(stats '[.windows[] | .limit] | unique | tostring')" '[null]'
}

@test "a denied request uses nothing of a limit" {
    emulator_start --limits create=1/60s
    SIGNED_KEY=$(printf other | base64) request POST "/identities?api-version=$VERSION"
    is "$STATUS" 401
    create
}

# --- latency -----------------------------------------------------------------------------------------------------

@test "latency delays every answer and blocks nobody" {
    emulator_start --latency 400ms
    create
    [ "$ELAPSED_MS" -ge 400 ] && [ "$ELAPSED_MS" -lt 3000 ]
    milliseconds=$(header x-processing-time)
    [ "${milliseconds%ms}" -ge 400 ]
    # Twenty at once take as long as one; one after the other would take eight seconds.
    start=$(date +%s%N)
    for _ in {1..20}; do
        curl -sS -o /dev/null -X POST "$ENDPOINT/identities?api-version=$VERSION" 3>&- &
        clients+=($!)
    done
    wait "${clients[@]}"
    [ $(($(date +%s%N) - start)) -lt 4000000000 ]
}

@test "the state is shown at once, and shows what was acted on before it is answered" {
    emulator_start --latency 1m
    sign_for_curl POST "/identities?api-version=$VERSION"
    raw_curl_request POST "/identities?api-version=$VERSION" "${SIGNED[@]}" 3>&- &
    client=$!
    for _ in {1..500}; do [ "$(stats .identities.created)" = 1 ] && break || sleep 0.01; done
    is "$(stats .identities.created)" 1
    kill "$client" 2>/dev/null || true
}

@test "a range of latency stays within its ends" {
    emulator_start --latency 50ms-150ms --seed range
    local seen=()
    for _ in {1..10}; do
        request POST "/identities?api-version=$VERSION"
        milliseconds=$(header x-processing-time)
        [ "${milliseconds%ms}" -ge 50 ] && [ "${milliseconds%ms}" -le 250 ]
        seen+=("$milliseconds")
    done
    [ "$(printf '%s\n' "${seen[@]}" | sort -u | wc -l)" -gt 2 ]
}

@test "it ends at once although answers wait" {
    emulator_start --latency 1h
    curl -sS -X POST "$ENDPOINT/identities?api-version=$VERSION" >/dev/null 2>&1 3>&- &
    client=$!
    for _ in {1..500}; do [ "$(stats '.requests.create["401"]')" = 1 ] && break || sleep 0.01; done
    start=$(date +%s)
    emulator_stop
    [ $(($(date +%s) - start)) -lt 5 ]
    wait "$client" || true
}

@test "it ends cleanly although another request that would wait has just come" {
    emulator_start --latency 10ms
    exec {fd}<>"/dev/tcp/${HOST%:*}/${HOST#*:}"
    # In one write: the rest of several would come later.
    ask() {
        printf 'POST /identities HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n' |
            dd bs=4096 iflag=fullblock status=none >&"$fd"
    }
    ask
    read -r -n 12 answer <&"$fd"
    is "$answer" 'HTTP/1.1 401'
    stats .uptime_seconds # and so it is done with the first request
    kill -STOP "$EMULATOR_PID"
    until grep -q '^State:.*T' "/proc/$EMULATOR_PID/status"; do sleep 0.01; done
    ask
    kill -TERM "$EMULATOR_PID"
    kill -CONT "$EMULATOR_PID"
    wait "$EMULATOR_PID"
    is "$(cat "$EMULATOR_HOME/err")" ''
    exec {fd}>&-
}

# --- TLS ---------------------------------------------------------------------------------------------------------

@test "TLS: the second line of output names the certificate, for all names of this machine" {
    emulator_start --tls
    [[ $ENDPOINT == https://127.0.0.1:* ]]
    create '{"createTokenWithScopes":["chat"]}'
    openssl x509 -in "$CERTIFICATE" -noout -checkhost localhost | grep -q 'does match'
    openssl x509 -in "$CERTIFICATE" -noout -checkip 127.0.0.1 | grep -q 'does match'
    openssl x509 -in "$CERTIFICATE" -noout -checkip ::1 | grep -q 'does match'
    trusted=$CERTIFICATE
    CERTIFICATE=
    run raw_request POST "/identities?api-version=$VERSION"
    [[ $output == *certificate* ]]
    CERTIFICATE=$trusted
    directory=$(dirname "$CERTIFICATE")
    is "$(ls -A "$directory")" acs-identity-emulator.crt
    run ! grep -q PRIVATE "$CERTIFICATE"
    emulator_stop
    [ ! -e "$directory" ]
}

@test "TLS: --tls-dir stays, what is in it goes" {
    mkdir "$BATS_TEST_TMPDIR/tls"
    emulator_start --tls --tls-dir "$BATS_TEST_TMPDIR/tls"
    is "$CERTIFICATE" "$BATS_TEST_TMPDIR/tls/acs-identity-emulator.crt"
    create
    emulator_stop
    [ -d "$BATS_TEST_TMPDIR/tls" ]
    is "$(ls -A "$BATS_TEST_TMPDIR/tls")" ''
}

@test "TLS: latency works there as well" {
    emulator_start --tls --latency 300ms
    create
    [ "$ELAPSED_MS" -ge 300 ]
}

# --- what it knows -----------------------------------------------------------------------------------------------

@test "the statistics count requests by operation and status" {
    emulator_start --limits create=3/60s
    for _ in 1 2 3; do create; done
    for _ in 1 2; do request POST "/identities?api-version=$VERSION"; done
    issue "$ISSUE_ANY"
    issue '{}'
    delete
    raw_request POST "/identities?api-version=$VERSION"
    raw_request GET /nowhere
    raw_request GET /_emulator/stats
    is "$(json '.requests | tostring')" \
        '{"create":{"201":3,"401":1,"429":2},"issue":{"200":1,"400":1},"revoke":{},"delete":{"204":1},"get":{},"exchange":{},"token":{},"managed_identity":{},"discovery":{},"other":{"401":1}}'
    is "$(json '.windows.create | tostring')" '{"seconds":60,"limit":3,"most_arrived":6,"most_accepted":3}'
    is "$(json '.identities | tostring')" '{"created":3,"active":2,"deleted":1}'
    is "$(json '.tokens | tostring')" '{"issued":1,"live":0}'
}

@test "the statistics count connections" {
    emulator_start
    before=$(stats .connections.total)
    exec {first}<>"/dev/tcp/${HOST%:*}/${HOST#*:}" {second}<>"/dev/tcp/${HOST%:*}/${HOST#*:}"
    for _ in {1..500}; do [ "$(stats .connections.open)" = 3 ] && break || sleep 0.01; done
    is "$(stats .connections.open)" 3
    exec {first}>&- {second}>&-
    for _ in {1..500}; do [ "$(stats .connections.open)" = 1 ] && break || sleep 0.01; done
    is "$(stats .connections.open)" 1
    [ "$(stats .connections.total)" -gt $((before + 2)) ]
}

@test "the list of identities has a line for each, with its state and times" {
    emulator_start
    create '{"customId":"alice","createTokenWithScopes":["chat"]}' 2025-03-02-preview
    alice=$ID
    issue "$ISSUE_ANY"
    create '{"createTokenWithScopes":["chat"]}'
    bob=$ID
    revoke
    create
    delete
    raw_request GET /_emulator/identities
    is "$STATUS" 200
    is "$(header content-type)" application/x-ndjson
    is "$(wc -l <<<"$BODY")" 3
    line() { sed -n "$1p" <<<"$BODY" | jq -r "$2"; }
    is "$(line 1 '"\(.id) \(.customId) \(.state) \(.liveTokens)"')" "$alice alice active 2"
    is "$(line 2 '"\(.id) \(.customId) \(.state) \(.liveTokens)"')" "$bob null active 0"
    is "$(line 3 '"\(.id) \(.state) \(.liveTokens)"')" "$ID deleted 0"
    is "$(line 1 'keys_unsorted | join(",")')" id,customId,state,createdAt,lastTokenIssuedAt,liveTokens
    is "$(line 2 'keys_unsorted | join(",")')" id,state,createdAt,lastTokenIssuedAt,tokensRevokedAt,liveTokens
    is "$(line 3 'keys_unsorted | join(",")')" id,state,createdAt,deletedAt,liveTokens
    expires_in 0 "$(line 1 .createdAt)"
    expires_in 0 "$(line 1 .lastTokenIssuedAt)"
    expires_in 0 "$(line 2 .tokensRevokedAt)"
    expires_in 0 "$(line 3 .deletedAt)"
}

@test "the list names the requests that made identities, where they are remembered" {
    emulator_start --remember-request-ids
    for id in first 'sec"ond'; do
        request POST "/identities?api-version=$VERSION" '' -H "x-ms-client-request-id: $id"
    done
    create
    raw_request GET /_emulator/identities
    is "$(jq -r '.clientRequestId' <<<"$BODY" | paste -sd,)" 'first,sec"ond,null'
    emulator_start
    request POST "/identities?api-version=$VERSION" '' -H 'x-ms-client-request-id: first'
    raw_request GET /_emulator/identities
    is "$(json .clientRequestId)" null
}

@test "identities can be there from the start" {
    emulator_start --preload 100000
    is "$(stats .identities.active)" 100000
    raw_request GET /_emulator/identities
    is "$(jq -r .id <<<"$BODY" | sort -u | wc -l)" 100000
    last=$(tail -n 1 <<<"$BODY" | jq -r .id)
    issue "$ISSUE_ANY" "$last"
    is "$STATUS" 200
}

@test "what it knows is for loopback only" {
    address=$(hostname -I 2>/dev/null | tr ' ' '\n' | grep -m1 -E '^[0-9.]+$') || skip 'this machine has no other address'
    emulator_start --listen 0.0.0.0:0
    [[ $ENDPOINT == http://127.0.0.1:* ]]
    raw_request GET /_emulator/stats
    is "$STATUS" 200
    ENDPOINT=http://$address:${HOST#*:}
    for path in stats identities; do
        raw_request GET "/_emulator/$path"
        is "$STATUS" 403
    done
}

@test "what it knows is read with GET" {
    emulator_start
    raw_request POST /_emulator/stats
    is "$STATUS" 405
}

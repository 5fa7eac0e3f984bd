# acs-identity-emulator --faults: each fault as a client sees it.

bats_require_minimum_version 1.5.0

setup() {
    load emulator_helper.bash
    CREATE="/identities?api-version=$VERSION"
    WITH_TOKEN='{"createTokenWithScopes":["chat"]}'
}

teardown() {
    emulator_stop_all
}

# with_faults RULE...: an emulator with these rules.
with_faults() {
    printf -- '- %s\n' "$@" >"$BATS_TEST_TMPDIR/faults.yaml"
    emulator_start --faults "$BATS_TEST_TMPDIR/faults.yaml"
}

# fails_with CURL_STATUS COMMAND...: curl, below the command, ends with it.
fails_with() {
    local expected=$1
    shift
    "$@" 2>"$BATS_TEST_TMPDIR/curl.err" || true
    grep -q "^curl: ($expected)" "$BATS_TEST_TMPDIR/curl.err" || {
        cat "$BATS_TEST_TMPDIR/curl.err" >&2
        return 1
    }
}

# --- which requests ------------------------------------------------------------------------------------------------

@test "nth, from and until count the occurrences of the operation alone, from one" {
    with_faults '{ operation: create, nth: [2, 4], status: 500 }' '{ operation: issue, from: 2, until: 3, status: 502 }'
    statuses=
    for _ in 1 2 3 4 5; do
        request POST "$CREATE"
        statuses+=" $STATUS"
    done
    is "$statuses" ' 201 500 201 500 201'
    create
    statuses=
    for _ in 1 2 3 4; do
        issue "$ISSUE_ANY"
        statuses+=" $STATUS"
    done
    is "$statuses" ' 200 502 502 200'
    is "$(stats '.faults | tojson')" '{"status":4}'
}

@test "a share is drawn at random, and is the same with the same seed" {
    for _ in 1 2; do
        with_faults '{ share: 30%, status: 503 }'
        statuses=
        for _ in $(seq 40); do
            request POST "$CREATE"
            statuses+=" $STATUS"
        done
        count=$(stats .faults.status)
        [ "$count" -ge 3 ] && [ "$count" -le 24 ]
        [ -z "${before-}" ] || is "$statuses" "$before"
        before=$statuses
    done
}

@test "the first rule that fits is played, and what is refused is not counted" {
    with_faults '{ operation: create, nth: 1, status: 500 }' '{ operation: any, nth: [1, 2], status: 504 }'
    SIGNED_KEY=$(printf '%064d' 8 | base64 -w0) request POST "$CREATE"
    is "$STATUS" 401
    request POST "$CREATE"
    is "$STATUS" 500
    request POST "$CREATE"
    is "$STATUS" 504
    create
}

# --- below HTTP ----------------------------------------------------------------------------------------------------

@test "close_before: nothing was done" {
    with_faults '{ nth: 1, fault: close_before }'
    fails_with 52 curl_request POST "$CREATE"
    is "$(stats '"\(.identities.created) \(.faults.close_before)"')" '0 1'
    create
}

@test "close_after: it was done" {
    with_faults '{ nth: 1, fault: close_after }'
    fails_with 52 curl_request POST "$CREATE"
    is "$(stats '"\(.identities.created) \(.faults.close_after)"')" '1 1'
}

@test "refuse: no new connections for a while" {
    with_faults '{ nth: 1, fault: refuse, seconds: 2 }'
    fails_with 52 curl_request POST "$CREATE"
    fails_with 7 curl_request POST "$CREATE"
    sleep 2
    create
    is "$(stats '"\(.identities.created) \(.faults.refuse)"')" '1 1'
}

@test "reset_header and reset_body: RST in the middle" {
    with_faults '{ nth: 1, fault: reset_header }' '{ nth: [1, 2], fault: reset_body }' '{ nth: 3, fault: reset_header, acts: false }'
    fails_with 56 curl_request POST "$CREATE"
    grep -q '^HTTP/1.1 201' "$EMULATOR_HOME/headers"
    run ! grep -qi '^content-length' "$EMULATOR_HOME/headers"
    fails_with 56 curl_request POST "$CREATE"
    grep -qi '^content-length' "$EMULATOR_HOME/headers"
    [[ $BODY == '{"identity":'* ]]
    is "$(stats .identities.created)" 2
    fails_with 56 curl_request POST "$CREATE"
    is "$(stats '"\(.identities.created) \(.faults | tojson)"')" '2 {"reset_header":2,"reset_body":1}'
}

@test "wrong_length: half of what comes" {
    with_faults '{ nth: 1, fault: wrong_length }'
    request POST "$CREATE"
    is "$STATUS" 201
    is "${#BODY}" "$(header content-length)"
    run ! jq . <<<"$BODY"
    is "$(stats .faults.wrong_length)" 1
}

# with_tls_faults RULE...: the same over TLS.
with_tls_faults() {
    printf -- '- %s\n' "$@" >"$BATS_TEST_TMPDIR/faults.yaml"
    emulator_start --tls --faults "$BATS_TEST_TMPDIR/faults.yaml"
}

@test "over TLS the connection is cut" {
    with_tls_faults '{ nth: 1, fault: reset_header }' '{ nth: 2, fault: reset_body }' '{ nth: 3, fault: close_after }'
    fails_with '5[26]' curl_request POST "$CREATE"
    fails_with 56 curl_request POST "$CREATE"
    [[ $BODY == '{"identity":'* && $BODY != *'}' ]]
    fails_with '5[26]' curl_request POST "$CREATE"
    create
    is "$(stats .identities.created)" 4
}

@test "tls_cut, cert_expired, cert_other_name and cert_self_signed: new connections are no good for a while" {
    local fault
    for fault in tls_cut cert_expired cert_other_name cert_self_signed; do
        with_tls_faults "{ nth: 1, fault: $fault, seconds: 60 }"
        fails_with '5[26]' curl_request POST "$CREATE"
        case $fault in
        tls_cut) fails_with 35 curl_request POST "$CREATE" ;;
        cert_expired) fails_with 60 curl_request POST "$CREATE" && grep -q 'has expired' "$BATS_TEST_TMPDIR/curl.err" ;;
        cert_other_name) fails_with 60 curl_request POST "$CREATE" && grep -q 'does not match\|no alternative' "$BATS_TEST_TMPDIR/curl.err" ;;
        cert_self_signed) fails_with 60 curl_request POST "$CREATE" && grep -q 'self-signed' "$BATS_TEST_TMPDIR/curl.err" ;;
        esac
        emulator_stop
    done
    with_tls_faults '{ nth: 1, fault: cert_expired, seconds: 0.5 }'
    fails_with '5[26]' curl_request POST "$CREATE"
    for _ in {1..200}; do
        curl_request POST "$CREATE" 2>/dev/null
        [ "$STATUS" = 000 ] || break
        sleep 0.05
    done
    is "$STATUS" 201
    is "$(stats '"\(.identities.created) \(.faults.cert_expired)"')" '1 1'
}

# --- slow ------------------------------------------------------------------------------------------------------------

@test "stall, stall_body and trickle: late, and right in the end" {
    with_faults '{ nth: 1, fault: stall, seconds: 0.5 }' '{ nth: 2, fault: stall_body, seconds: 0.5 }' \
        '{ nth: 3, fault: trickle, seconds: 0.5 }' '{ nth: 4, fault: stall, seconds: 0.5, acts: false }'
    for _ in 1 2 3; do
        request POST "$CREATE" "$WITH_TOKEN"
        is "$STATUS" 201
        [[ $(json .identity.id) == 8:acs:* && $(json .accessToken.token) == eyJ* ]]
        [ "$ELAPSED_MS" -ge 450 ]
    done
    request POST "$CREATE"
    is "$STATUS" 503
    [ "$ELAPSED_MS" -ge 450 ]
    is "$(stats '"\(.identities.created) \(.faults | tojson)"')" '3 {"stall":2,"stall_body":1,"trickle":1}'
}

@test "stall_body and trickle keep the client waiting with a part of the body" {
    with_faults '{ nth: [1, 2], fault: stall_body, seconds: 60 }' '{ nth: [3, 4], fault: trickle, seconds: 15 }'
    for _ in 1 2 3 4; do
        fails_with 28 curl_request POST "$CREATE" '' --max-time 1
        size=$(stat -c %s "$EMULATOR_HOME/body")
        [ "$size" -gt 0 ] && [ "$size" -lt 60 ]
    done
    create
    emulator_stop
    # shellcheck disable=SC2034 # the helper's
    EMULATOR_PIDS=()
}

# --- another answer ------------------------------------------------------------------------------------------------

@test "status: with JSON, HTML or nothing, acting or not, and Retry-After" {
    with_faults '{ nth: 1, status: 500 }' '{ nth: 2, status: 502, body: html }' '{ nth: 3, status: 503, body: none, retry_after: 2 }' \
        '{ nth: 4, status: 504, acts: true }' '{ nth: 5, status: 401, clock: -20m }'
    request POST "$CREATE"
    is "$STATUS $(json .error.code) $(header content-type)" '500 Fault application/json'
    request POST "$CREATE"
    is "$STATUS $(header content-type)" '502 text/html; charset=utf-8'
    [[ $BODY == '<!DOCTYPE html>'* ]]
    request POST "$CREATE"
    is "$STATUS$BODY $(header retry-after)" '503 2'
    is "$(stats .identities.created)" 0
    request POST "$CREATE"
    is "$STATUS $(stats .identities.created)" '504 1'
    request POST "$CREATE"
    is "$STATUS $(json .error.code)" '401 Denied'
    off=$(($(date +%s) - $(date -d "$(header date)" +%s)))
    [ "$off" -ge 1195 ] && [ "$off" -le 1205 ]
}

@test "clock: the right answer with a Date that is off" {
    with_faults '{ nth: 1, clock: +1h }'
    create
    off=$(($(date -d "$(header date)" +%s) - $(date +%s)))
    [ "$off" -ge 3595 ] && [ "$off" -le 3605 ]
    is "$(grep -c '^date:' <<<"$HEADERS")" 1
    is "$(stats .faults.clock)" 1
}

@test "html: a page with the status of a success" {
    with_faults '{ nth: 1, fault: html, acts: false }' '{ operation: delete, fault: html }'
    request POST "$CREATE"
    is "$STATUS $(header content-type)" '201 text/html; charset=utf-8'
    is "$(stats .identities.created)" 0
    create
    delete
    is "$STATUS" 200
    [[ $BODY == '<!DOCTYPE html>'* ]]
    is "$(stats .identities.deleted)" 1
}

@test "truncated: half of the JSON as a whole answer" {
    with_faults '{ nth: [1, 2], fault: truncated }'
    request POST "$CREATE" "$WITH_TOKEN"
    is "$STATUS $(header content-length)" "201 ${#BODY}"
    [[ $BODY == '{"identity":{"id":"8:acs:'* ]]
    run ! jq . <<<"$BODY"
}

@test "huge: the right answer and 16 MiB of nothing" {
    with_faults '{ nth: 1, fault: huge }'
    request POST "$CREATE"
    [ "$(header content-length)" -gt $((16 * 1024 * 1024)) ]
    [[ $(json .identity.id) == 8:acs:* ]]
}

@test "wrong_type, bad_id and duplicate_keys" {
    with_faults '{ operation: create, nth: 1, fault: wrong_type }' '{ operation: create, nth: 2, fault: bad_id }' \
        '{ operation: create, nth: 3, fault: duplicate_keys }' '{ operation: issue, nth: 1, fault: wrong_type }' \
        '{ operation: issue, nth: 2, fault: bad_id }' '{ operation: issue, nth: 3, fault: duplicate_keys }'
    request POST "$CREATE"
    is "$STATUS $(json .identity.id)" '201 42'
    request POST "$CREATE"
    is "$STATUS $(json .identity.id)" '201 ../etc/passwd'
    request POST "$CREATE"
    is "$STATUS $(json .identity.id)" "201 $OTHER_ID"
    is "$(grep -o '"identity"' <<<"$BODY" | wc -l)" 2
    create
    issue "$ISSUE_ANY"
    is "$STATUS $(json '.token | type')" '200 object'
    issue "$ISSUE_ANY"
    is "$STATUS $(json .token)" '200 '
    issue "$ISSUE_ANY"
    is "$(grep -o '"token"' <<<"$BODY" | wc -l)" 2
}

@test "gzip: the right answer, compressed" {
    with_faults '{ nth: [1, 2], fault: gzip }'
    curl_request POST "$CREATE" "$WITH_TOKEN" --compressed
    is "$STATUS $(header content-encoding)" '201 gzip'
    [[ $(json .accessToken.token) == eyJ* ]]
    request POST "$CREATE"
    is "$STATUS $(header content-encoding)" '201 gzip'
    run ! jq . <<<"$BODY"
}

@test "redirect: elsewhere, and nothing was done" {
    with_faults '{ nth: 1, fault: redirect }'
    request POST "$CREATE"
    is "$STATUS $(header location)" '307 http://127.0.0.1:9/elsewhere'
    is "$(stats .identities.created)" 0
}

# --- the script ----------------------------------------------------------------------------------------------------

# refuses_script LINE TEXT: the script of standard input.
refuses_script() {
    cat >"$BATS_TEST_TMPDIR/bad.yaml"
    run --separate-stderr timeout 10 "$EMULATOR" --listen 127.0.0.1:0 --seed bats --faults "$BATS_TEST_TMPDIR/bad.yaml"
    [ "$status" -eq 2 ] && [[ $stderr == "acs-identity-emulator: $BATS_TEST_TMPDIR/bad.yaml:$1: "*"$2"* ]] || {
        printf 'exit %s\n%s\n' "$status" "$stderr" >&2
        return 1
    }
}

@test "errors of the script name file and line" {
    refuses_script 1 empty <<<''
    refuses_script 1 list <<<'fault: stall'
    refuses_script 1 map <<<'- stall'
    refuses_script 2 'no key "fautl"' <<<$'- fault: stall\n- fautl: stall'
    refuses_script 2 'no fault "sleep"' <<<$'- nth: 1\n  fault: sleep'
    refuses_script 1 'operation must be' <<<'- { operation: get, fault: stall }'
    refuses_script 1 'one fault' <<<'- { nth: 1 }'
    refuses_script 1 'one fault' <<<'- { fault: stall, status: 500 }'
    refuses_script 1 'whole number' <<<'- { status: 200 }'
    refuses_script 1 'whole number' <<<'- { nth: 0, fault: stall }'
    refuses_script 1 'nth is empty' <<<'- { nth: [], fault: stall }'
    refuses_script 1 'from is after' <<<'- { from: 3, until: 2, fault: stall }'
    refuses_script 1 'share must' <<<'- { share: 10, fault: stall }'
    refuses_script 1 'share must' <<<'- { share: 101%, fault: stall }'
    refuses_script 1 'seconds must' <<<'- { fault: stall, seconds: soon }'
    refuses_script 1 'seconds are for' <<<'- { fault: gzip, seconds: 1 }'
    refuses_script 1 'body must' <<<'- { status: 500, body: xml }'
    refuses_script 1 'need status' <<<'- { fault: stall, retry_after: 1 }'
    refuses_script 1 'acts must' <<<'- { status: 500, acts: 1 }'
    refuses_script 1 'acts is for' <<<'- { fault: gzip, acts: false }'
    refuses_script 1 'clock must' <<<'- { clock: 20m }'
    refuses_script 1 'clock stands' <<<'- { fault: stall, clock: -20m }'
    refuses_script 2 'mapping' <<<$'- fault: stall\n- fault: x: y\n'
}

@test "faults of TLS need TLS" {
    printf -- '- { nth: 1, status: 500 }\n- { fault: cert_expired }\n' >"$BATS_TEST_TMPDIR/bad.yaml"
    refuses --listen 127.0.0.1:0 --seed bats --faults "$BATS_TEST_TMPDIR/bad.yaml" | grep -q 'the fault cert_expired needs --tls'
}

@test "a script that is not there" {
    refuses --faults "$BATS_TEST_TMPDIR/none.yaml"
    refuses --faults ''
}

# acs-identity-emulator: its life, and the operations as their clients see them.

bats_require_minimum_version 1.5.0

setup() {
    load emulator_helper.bash
}

teardown() {
    emulator_stop_all
}

# --- start and end -----------------------------------------------------------------------------------------------

@test "the first line of output is the connection string, and the ready file holds it" {
    emulator_start
    [[ $CONNECTION_STRING =~ ^endpoint=http://127\.0\.0\.1:[0-9]+/\;accesskey=[A-Za-z0-9+/=]+$ ]]
    # The file follows the line; it is whole as soon as it is there.
    for _ in {1..500}; do [ -e "$EMULATOR_HOME/ready" ] && break || sleep 0.01; done
    is "$(cat "$EMULATOR_HOME/ready")" "$CONNECTION_STRING"
    is "$(stat -c %a "$EMULATOR_HOME/ready")" 600
}

@test "SIGTERM and SIGINT end it with status 0 and remove the ready file" {
    for signal in TERM INT; do
        emulator_start
        create
        emulator_stop "$signal"
        [ ! -e "$EMULATOR_HOME/ready" ]
    done
}

@test "a ready file of an earlier run is replaced" {
    echo stale >"$BATS_TEST_TMPDIR/ready"
    emulator_start --ready-file "$BATS_TEST_TMPDIR/ready"
    for _ in {1..500}; do [ -e "$BATS_TEST_TMPDIR/ready" ] && break || sleep 0.01; done
    is "$(cat "$BATS_TEST_TMPDIR/ready")" "$CONNECTION_STRING"
}

@test "it listens on IPv6 too" {
    emulator_start --listen '[::1]:0'
    [[ $ENDPOINT == http://\[::1\]:* ]]
    create
}

@test "a port that is taken is told, with a hint" {
    emulator_start
    run --separate-stderr "$EMULATOR" --listen "$HOST"
    [ "$status" -eq 1 ]
    [[ $stderr == *"cannot listen on $HOST: Address already in use"* ]]
    [[ $stderr == *"hint: "* ]]
}

@test "the same seed makes the same resource and key, another one does not" {
    local results=()
    for seed in one one two; do
        mkfifo "$BATS_TEST_TMPDIR/out"
        "${ENDS_WITH_TEST[@]}" "$EMULATOR" --listen 127.0.0.1:0 --seed "$seed" >"$BATS_TEST_TMPDIR/out" 3>&- &
        EMULATOR_PIDS+=($!)
        read -r line <"$BATS_TEST_TMPDIR/out"
        rm "$BATS_TEST_TMPDIR/out"
        endpoint=${line#endpoint=}
        results+=("${line#*accesskey=} $(curl -sS "${endpoint%%;*}_emulator/stats" | jq -r .resource)")
    done
    is "${results[0]}" "${results[1]}"
    [ "${results[0]% *}" != "${results[2]% *}" ]
    [ "${results[0]#* }" != "${results[2]#* }" ]
}

@test "without a seed it says which one it took, and an access key alone names the resource" {
    local resources=()
    for _ in 1 2; do
        mkfifo "$BATS_TEST_TMPDIR/out"
        "${ENDS_WITH_TEST[@]}" "$EMULATOR" --listen 127.0.0.1:0 --access-key "$EMULATOR_KEY" >"$BATS_TEST_TMPDIR/out" \
            2>"$BATS_TEST_TMPDIR/err" 3>&- &
        EMULATOR_PIDS+=($!)
        read -r line <"$BATS_TEST_TMPDIR/out"
        rm "$BATS_TEST_TMPDIR/out"
        grep -qE -- '--seed [0-9a-f]{16}' "$BATS_TEST_TMPDIR/err"
        endpoint=${line#endpoint=}
        resources+=("$(curl -sS "${endpoint%%;*}_emulator/stats" | jq -r .resource)")
    done
    is "${resources[0]}" "${resources[1]}"
}

@test "--help and --version" {
    run "$EMULATOR" --help
    [ "$status" -eq 0 ]
    for option in listen tls tls-dir access-key bearer-token ready-file limits window retry-after latency gone preload \
        remember-request-ids create-counts-as-issue seed tenant client-id client-secret client-certificate federated \
        user-assigned identity-header arc-keys bearer-lifetime bearer-refresh-in; do
        [[ $output == *"--$option "* ]]
    done
    run "$EMULATOR" --version
    [ "$status" -eq 0 ]
    [[ $output =~ ^acs-identity-emulator\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
}

@test "wrong options are refused with status 2, a message and a hint" {
    refuses --listne 127.0.0.1:0 | grep -q '^hint: see acs-identity-emulator --help'
    refuses 127.0.0.1:0 | grep -q 'unknown option "127.0.0.1:0"'
    refuses --listen | grep -q -- '--listen needs a value'
    for value in 127.0.0.1 :80 127.0.0.1:65536 127.0.0.1:x 300.0.0.1:80 '[::1]' '[::1:80' somewhere:80 127.0.0.1:-1; do
        refuses --listen "$value" | grep -q '^hint: write it as 127.0.0.1:8080'
    done
    for value in all create=5 create=5/ create=0/3s creat=5/3s 'create=5/3s,' =5/3s; do
        refuses --limits "$value" | grep -q '^hint: use published, none, or a list'
    done
    for value in 100 ms 100ms- -100ms 200ms-100ms 1y 25h 1.5s; do
        refuses --latency "$value" | grep -q '^hint: write it as 100ms'
    done
    refuses --window open | grep -q '^hint: use one of: sliding, fixed, bucket$'
    refuses --retry-after later | grep -q '^hint: use one of: seconds, date, ms, x-ms, none$'
    refuses --gone 410 | grep -q '^hint: use one of: 404, 401$'
    refuses --access-key 'not base64!' | grep -q '^hint: make one with: openssl rand'
    refuses --access-key '' | grep -q 'access-key'
    refuses --preload -1 | grep -q preload
    refuses --preload many | grep -q preload
    refuses --seed '' | grep -q seed
    refuses --bearer-token '' | grep -q bearer-token
    refuses --ready-file '' | grep -q ready-file
    refuses --tls=yes | grep -q -- '--tls takes no value'
    refuses --tls-dir "$BATS_TEST_TMPDIR" | grep -q '^hint: add --tls'
}

# --- create ------------------------------------------------------------------------------------------------------

@test "create answers 201 with an identity of the service's form and size" {
    emulator_start
    create
    [[ $ID =~ ^8:acs:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$ ]]
    is "$BODY" "{\"identity\":{\"id\":\"$ID\"}}"
    is "${#BODY}" 101
    is "$(header content-length)" 101
    is "$(header content-type)" 'application/json; charset=utf-8'
}

@test "ids of one resource share its guid and grow with time" {
    emulator_start
    create
    first=$ID
    create
    is "${ID%%_*}" "${first%%_*}"
    [[ ${ID#*_} > ${first#*_} ]]
    is "${ID:43:9}" "${first:43:9}"
}

@test "answers have the headers of the recordings" {
    emulator_start
    request POST "/identities?api-version=$VERSION" '' -H 'x-ms-client-request-id: 1b746f47-8c0d-4846-91e7-5b8494595f9f'
    is "$(header x-ms-client-request-id)" 1b746f47-8c0d-4846-91e7-5b8494595f9f
    [[ $(header ms-cv) =~ ^[A-Za-z0-9+/]{22}\.0$ ]]
    [[ $(header x-processing-time) =~ ^[0-9]+ms$ ]]
    [[ $(header x-azure-ref) =~ ^0[A-Za-z0-9+/]{96}$ ]]
    [[ $(header strict-transport-security) == max-age=* ]]
    [[ $(header date) =~ GMT$ ]]
    is "$(header request-context)" appId=
    is "$(header x-cache)" CONFIG_NOCACHE
    has_no_header access-control-allow-origin
    has_no_header transfer-encoding
}

@test "the newest version's answers name all stable ones" {
    emulator_start
    create '' 2025-06-30
    for version in 2021-03-07 2022-06-01 2022-10-01 2023-10-01 2025-03-02-preview 2025-06-30; do
        [[ ", $(header api-supported-versions)," == *", $version,"* ]]
    done
}

@test "each answer has a correlation vector of its own" {
    emulator_start
    create
    first=$(header ms-cv)
    create
    [ "$(header ms-cv)" != "$first" ]
}

@test "browsers may ask and call" {
    emulator_start
    raw_request OPTIONS "/identities?api-version=$VERSION" -H 'Origin: http://localhost:9876' \
        -H 'Access-Control-Request-Method: POST' -H 'Access-Control-Request-Headers: authorization,x-ms-date'
    is "$STATUS" 204
    is "$(header access-control-allow-origin)" '*'
    is "$(header access-control-allow-headers)" authorization,x-ms-date
    [[ $(header access-control-allow-methods) == *POST* ]]
    request POST "/identities?api-version=$VERSION" '' -H 'Origin: http://localhost:9876'
    is "$STATUS" 201
    is "$(header access-control-allow-origin)" '*'
}

@test "create without scopes gives no token, whatever form the body has" {
    emulator_start
    for body in '' '{}' '{"createTokenWithScopes":[]}' '{"createTokenWithScopes":null}' '{"unknown":[1,{"a":null}]}'; do
        create "$body"
        is "$(json 'keys | join(",")')" identity
    done
    is "$(stats .tokens.issued)" 0
}

@test "create with scopes gives a token of a day" {
    emulator_start
    create '{"createTokenWithScopes":["chat","voip"]}'
    is "$(json 'keys_unsorted | join(",")')" identity,accessToken
    is "$(json '.accessToken | keys_unsorted | join(",")')" token,expiresOn
    expires_in 1440 "$(json .accessToken.expiresOn)"
    [[ $(json .accessToken.expiresOn) =~ ^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{0,6}[1-9])?\+00:00$ ]]
    is "$(stats '"\(.tokens.issued) \(.tokens.live)"')" '1 1'
}

@test "create takes a lifetime" {
    emulator_start
    create '{"createTokenWithScopes":["chat"],"expiresInMinutes":60}'
    expires_in 60 "$(json .accessToken.expiresOn)"
}

@test "create refuses a lifetime outside of the interval, and makes no identity" {
    emulator_start
    for minutes in 1441 59 0 -1 2147483647; do
        request POST "/identities?api-version=$VERSION" "{\"createTokenWithScopes\":[\"chat\"],\"expiresInMinutes\":$minutes}"
        is_error 400 ValidationError \
            "ExpiresInMinutes value $minutes is invalid. Value must be within the [60, 1440] interval." ExpiresInMinutes
        has_header api-supported-versions
    done
    is "$(stats .identities.created)" 0
}

@test "a token is a JWT with the claims of the reference" {
    emulator_start
    create '{"createTokenWithScopes":["voip","chat"],"expiresInMinutes":61}'
    token=$(json .accessToken.token)
    expires_on=$(json .accessToken.expiresOn)
    [[ $token =~ ^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{342}$ ]]
    [ "${#token}" -ge 740 ] && [ "${#token}" -le 900 ]
    BODY=$(claims "$token")
    is "8:$(json .skypeid)" "$ID"
    is "$(json .acsScope)" voip,chat
    is "$(json .resourceId)" "${ID:6:36}"
    is "$(json '.exp - .iat')" 3660
    is "$(json .exp)" "$(date -d "$expires_on" +%s)"
    is "$(json .csi)" "$(json .iat)"
    BODY=$(claims ".$token")
    is "$(json '.alg + .typ')" RS256JWT
    [[ $(json .kid) =~ ^[0-9A-F]{40}$ ]]
    [[ $(json .x5t) =~ ^[A-Za-z0-9_-]{27}$ ]]
}

# --- issue, revoke, delete ---------------------------------------------------------------------------------------

@test "issue gives a token for each scope and for all of them" {
    emulator_start
    create
    for scopes in chat voip chat.join chat.join.limited voip.join chat,chat.join,chat.join.limited,voip,voip.join; do
        issue "{\"scopes\":[\"${scopes//,/\",\"}\"]}"
        is "$STATUS" 200
        is "$(json 'keys_unsorted | join(",")')" token,expiresOn
        is "$(header content-type)" 'application/json; charset=utf-8'
        is "$(header content-length)" "${#BODY}"
        is "$(claims "$(json .token)" | jq -r .acsScope)" "$scopes"
    done
    is "$(stats .tokens.live)" 6
}

@test "issue takes both ends of the interval of lifetimes, and nothing outside" {
    emulator_start
    create
    for minutes in 60 1440; do
        issue "{\"scopes\":[\"chat\"],\"expiresInMinutes\":$minutes}"
        is "$STATUS" 200
        expires_in "$minutes" "$(json .expiresOn)"
    done
    for minutes in 59 1441; do
        issue "{\"scopes\":[\"chat\"],\"expiresInMinutes\":$minutes}"
        is_error 400 ValidationError \
            "ExpiresInMinutes value $minutes is invalid. Value must be within the [60, 1440] interval." ExpiresInMinutes
    done
    issue '{"scopes":["chat"],"expiresInMinutes":null}'
    expires_in 1440 "$(json .expiresOn)"
}

@test "issue without scopes: an empty list and a missing one are told apart" {
    emulator_start
    create
    issue '{"scopes":[]}'
    is_error 400 ValidationError 'Invalid scopes - Scopes field is required.' scopes
    has_header api-supported-versions
    for body in '{}' '{"scopes":null}' '{"expiresInMinutes":60}'; do
        issue "$body"
        is_error 400 ValidationError 'Scopes: The Scopes field is required.' Scopes
        has_no_header api-supported-versions
    done
}

@test "an unknown scope is refused" {
    emulator_start
    create
    for scope in video CHAT ''; do
        issue "{\"scopes\":[\"chat\",\"$scope\"]}"
        is "$STATUS $(json .error.code) $(json .error.target)" '400 ValidationError scopes'
    done
    request POST "/identities?api-version=$VERSION" '{"createTokenWithScopes":["video"]}'
    is "$STATUS $(json .error.code)" '400 ValidationError'
    is "$(stats '"\(.tokens.issued) \(.identities.created)"')" '0 1'
}

@test "revoke ends the live tokens of one identity, which can be issued new ones" {
    emulator_start
    create '{"createTokenWithScopes":["chat"]}'
    create '{"createTokenWithScopes":["chat"]}'
    issue "$ISSUE_ANY"
    is "$(stats .tokens.live)" 3
    revoke
    is "$STATUS" 204
    is "$BODY" ''
    has_no_header content-type
    has_no_header transfer-encoding
    has_header api-supported-versions
    is "$(stats .tokens.live)" 1
    issue "$ISSUE_ANY"
    is "$STATUS" 200
    is "$(stats .tokens.live)" 2
}

@test "delete ends identity and tokens" {
    emulator_start
    create '{"createTokenWithScopes":["chat"]}'
    delete
    is "$STATUS" 204
    is "$BODY" ''
    has_no_header content-type
    is "$(stats '"\(.identities.active) \(.identities.deleted) \(.tokens.live)"')" '0 1 0'
    # shellcheck disable=SC2089 # the quotes are JSON's
    for operation in 'issue {"scopes":["chat"]}' revoke delete; do
        # shellcheck disable=SC2090
        $operation
        is_error 404 IdentityNotFound "Provided identity doesn't exist."
        has_header api-supported-versions
    done
    is "$(stats .identities.deleted)" 1
}

@test "an id of this resource that was never made does not exist" {
    emulator_start
    create
    delete "${ENCODED%?}f"
    is_error 404 IdentityNotFound "Provided identity doesn't exist."
}

@test "--gone 401 answers as for another resource's identity" {
    emulator_start --gone 401
    create
    delete
    is "$STATUS" 204
    delete
    is_error 401 IdentityNotOwned "Provided identity doesn't belong to the resource."
}

@test "an id of another resource, or of no form at all, is not owned" {
    emulator_start
    for id in "$OTHER_ID" "${OTHER_ID//:/%3A}" nobody 4:%2B15550100; do
        for operation in "issue $ISSUE_ANY $id" "revoke $id" "delete $id"; do
            $operation
            is_error 401 IdentityNotOwned "Provided identity doesn't belong to the resource."
            has_header api-supported-versions
        done
    done
}

@test "the path may have the id's colons raw or encoded, and is signed as it is sent" {
    emulator_start
    create
    for id in "$ID" "$ENCODED" "${ENCODED//%3A/%3a}"; do
        issue "$ISSUE_ANY" "$id"
        is "$STATUS" 200
    done
    SIGNED_TARGET="/identities/$ID/:issueAccessToken?api-version=$VERSION" issue "$ISSUE_ANY" "$ENCODED"
    is "$STATUS" 401
}

# --- bodies ------------------------------------------------------------------------------------------------------

@test "bodies that are no JSON object are refused" {
    emulator_start
    create
    for body in '{' '[]' '"chat"' 'scopes=chat' '{"scopes":["chat"]} x' '{"scopes":["\u0000"]}'; do
        issue "$body"
        is "$STATUS $(json .error.code)" '400 ValidationError'
        has_no_header api-supported-versions
    done
    issue ''
    is "$STATUS $(json .error.code)" '400 ValidationError'
}

@test "members of a wrong type are refused" {
    emulator_start
    create
    for body in '{"scopes":"chat"}' '{"scopes":[1]}' '{"scopes":{}}' '{"scopes":["chat"],"expiresInMinutes":"60"}' \
        '{"scopes":["chat"],"expiresInMinutes":60.5}' '{"scopes":["chat"],"expiresInMinutes":99999999999}'; do
        issue "$body"
        is "$STATUS $(json .error.code)" '400 ValidationError'
        [[ $(json .error.message) == "$(json .error.target): The JSON value could not be converted to "* ]]
    done
    for body in '{"createTokenWithScopes":"chat"}' '{"expiresInMinutes":true}'; do
        request POST "/identities?api-version=$VERSION" "$body"
        is "$STATUS $(json .error.code)" '400 ValidationError'
    done
    request POST "/identities?api-version=2025-03-02-preview" '{"customId":7}'
    is "$STATUS $(json .error.target)" '400 CustomId'
}

@test "a body of 64 KiB is taken, a larger one answered 413, announced or not" {
    emulator_start
    padding=$(printf '%*s' 65528 '')
    create "{\"x\":\"$padding\"}"
    padding+=' '
    printf '{"x":"%s"}' "$padding" >"$BATS_TEST_TMPDIR/large"
    raw_curl_request POST "/identities?api-version=$VERSION" --data-binary "@$BATS_TEST_TMPDIR/large"
    is "$STATUS $(json .error.code)" '413 RequestBodyTooLarge'
    raw_curl_request POST "/identities?api-version=$VERSION" --data-binary "@$BATS_TEST_TMPDIR/large" \
        -H 'Transfer-Encoding: chunked'
    is "$STATUS $(json .error.code)" '413 RequestBodyTooLarge'
    create
}

# --- connections -------------------------------------------------------------------------------------------------

@test "connections are kept, after errors too" {
    emulator_start
    run curl -sS -o /dev/null -w '%{http_code} %{num_connects}\n' -X POST "$ENDPOINT/identities?api-version=$VERSION" \
        --next -sS -o /dev/null -w '%{http_code} %{num_connects}\n' -X POST "$ENDPOINT/identities?api-version=$VERSION" \
        --next -sS -o /dev/null -w '%{http_code} %{num_connects}\n' "$ENDPOINT/_emulator/stats"
    is "$output" $'401 1\n401 0\n200 0'
}

@test "it raises the soft limit of files and serves more connections than that" {
    ulimit -S -n 128
    emulator_start
    ulimit -S -n "$(ulimit -H -n)"
    for _ in {1..300}; do
        exec {fd}<>"/dev/tcp/${HOST%:*}/${HOST#*:}"
        descriptors+=("$fd")
    done
    create
    for _ in {1..500}; do [ "$(stats .connections.open)" = 301 ] && break || sleep 0.01; done
    is "$(stats .connections.open)" 301
    for fd in "${descriptors[@]}"; do exec {fd}>&-; done
}

@test "what is not HTTP does no harm" {
    emulator_start
    for noise in 'hello' $'POST\r\n\r\n' $'POST  HTTP/1.1\r\nHost: x\r\n\r\n' $'\x16\x03\x01\x02' $'GET / HTTP/9.9\r\n\r\n' \
        $'POST /identities HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n'; do
        exec {fd}<>"/dev/tcp/${HOST%:*}/${HOST#*:}"
        printf '%s' "$noise" >&"$fd"
        exec {fd}>&-
    done
    create
}

# acs-identity-emulator, as its clients see it: signed with openssl, sent with curl.

setup() {
    load emulator_helper.bash
}

teardown() {
    emulator_stop_all
}

ISSUE_ANY='{"scopes":["chat"]}'
OTHER_ID=8:acs:00000000-0000-0000-0000-000000000000_00000000-0000-0000-0000-000000000000

# expires_in MINUTES EXPIRES_ON: within a few seconds.
expires_in() {
    local difference=$(($(date -d "$2" +%s) - $(date +%s) - $1 * 60))
    [ "${difference#-}" -le 5 ] || { echo "$2 is $difference s off $1 minutes" >&2; return 1; }
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

bats_require_minimum_version 1.5.0

# --- start and end ---------------------------------------------------------------------------------------------

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
    local first second
    for seed in one one two; do
        mkfifo "$BATS_TEST_TMPDIR/out"
        "$EMULATOR" --listen 127.0.0.1:0 --seed "$seed" >"$BATS_TEST_TMPDIR/out" 3>&- &
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
        "$EMULATOR" --listen 127.0.0.1:0 --access-key "$EMULATOR_KEY" >"$BATS_TEST_TMPDIR/out" \
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
        remember-request-ids create-counts-as-issue seed; do
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
    for value in all create=5 create=5/ create=0/3s creat=5/3s create=5/3s, =5/3s; do
        refuses --limits "$value" | grep -q '^hint: use published, none, or a list'
    done
    for value in 100 ms 100ms- -100ms 200ms-100ms 1y 25h 1.5s; do
        refuses --latency "$value" | grep -q '^hint: write it as 100ms'
    done
    refuses --window open | grep -q '^hint: use one of: sliding, fixed$'
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

# --- create ----------------------------------------------------------------------------------------------------

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
    for version in 2021-03-07 2022-06-01 2022-10-01 2023-10-01 2025-03-02-preview 2025-06-30; do
        [[ ", $(header api-supported-versions)," == *", $version,"* ]]
    done
    has_no_header access-control-allow-origin
    has_no_header transfer-encoding
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

# --- issue, revoke, delete -------------------------------------------------------------------------------------

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
    for operation in 'issue {"scopes":["chat"]}' revoke delete; do
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

# --- bodies ----------------------------------------------------------------------------------------------------

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
    raw_request POST "/identities?api-version=$VERSION" --data-binary "@$BATS_TEST_TMPDIR/large"
    is "$STATUS $(json .error.code)" '413 RequestBodyTooLarge'
    raw_request POST "/identities?api-version=$VERSION" --data-binary "@$BATS_TEST_TMPDIR/large" \
        -H 'Transfer-Encoding: chunked'
    is "$STATUS $(json .error.code)" '413 RequestBodyTooLarge'
    create
}

# --- who is allowed --------------------------------------------------------------------------------------------

@test "another key, another date, another target, another host and another hash are denied" {
    emulator_start
    denied() {
        is_error 401 Denied 'Denied by the resource provider.'
        has_no_header api-supported-versions
    }
    target="/identities?api-version=$VERSION"
    SIGNED_KEY=$(printf other | base64) request POST "$target" && denied
    SIGNED_TARGET='/identities?api-version=2025-06-30' request POST "$target" && denied
    SIGNED_HOST=contoso.communication.azure.com request POST "$target" && denied
    request POST "$target" '' -H "x-ms-date: $(http_date -d '1 minute ago')" && denied
    is "$(stats .identities.created)" 0
}

@test "requests without a signature, or with a broken one, are denied" {
    emulator_start
    target="/identities?api-version=$VERSION"
    raw_request POST "$target"
    is_error 401 Denied 'Denied by the resource provider.'
    for authorization in Basic 'HMAC-SHA256 x' 'HMAC-SHA256 SignedHeaders=host&Signature=x'; do
        request POST "$target" '' -H "Authorization: $authorization"
        is_error 401 Denied 'Denied by the resource provider.'
    done
}

@test "a content hash that is not the body's is told apart" {
    emulator_start
    SIGNED_HASH=$(hash_of '{"createTokenWithScopes":["chat"]}') \
        request POST "/identities?api-version=$VERSION" '{"createTokenWithScopes":["voip"]}'
    is_error 401 Denied "Request 'x-ms-content-sha256' differs from generated content hash."
    SIGNED_HASH=$(hash_of x) request POST "/identities?api-version=$VERSION"
    is_error 401 Denied "Request 'x-ms-content-sha256' differs from generated content hash."
}

@test "a date more than 15 minutes off is denied" {
    emulator_start
    for offset in '14 minutes ago' '14 minutes'; do
        DATE=$(http_date -d "$offset") create
    done
    for offset in '16 minutes ago' '16 minutes'; do
        DATE=$(http_date -d "$offset") request POST "/identities?api-version=$VERSION"
        is_error 401 Denied 'Denied by the resource provider.'
    done
    DATE='today' request POST "/identities?api-version=$VERSION"
    is "$STATUS" 401
}

@test "the date may stand in Date" {
    emulator_start
    DATE_HEADER=Date create
}

@test "each SDK's form of the host is taken: with a port, without, and with two" {
    emulator_start
    SIGNED_HOST=$HOST create
    SIGNED_HOST=${HOST%:*} create
    SIGNED_HOST=$HOST:${HOST#*:} create
    # JS of some releases sends what it signs.
    SIGNED_HOST=$HOST:${HOST#*:} request POST "/identities?api-version=$VERSION" '' -H "Host: $HOST:${HOST#*:}"
    is "$STATUS" 201
    SIGNED_HOST=$HOST:${HOST#*:}0 request POST "/identities?api-version=$VERSION"
    is "$STATUS" 401
}

@test "Python's target without its first slash is taken over plain HTTP alone" {
    emulator_start
    SIGNED_TARGET="identities?api-version=$VERSION" create
    emulator_start --tls
    SIGNED_TARGET="identities?api-version=$VERSION" request POST "/identities?api-version=$VERSION"
    is "$STATUS" 401
}

@test "a bearer token is taken only when it was named" {
    emulator_start
    raw_request POST "/identities?api-version=$VERSION" -H 'Authorization: Bearer token'
    is_error 401 Denied 'Denied by the resource provider.'
    emulator_start --bearer-token token
    raw_request POST "/identities?api-version=$VERSION" -H 'Authorization: Bearer token'
    is "$STATUS" 201
    raw_request POST "/identities?api-version=$VERSION" -H 'Authorization: Bearer another'
    is "$STATUS" 401
    create
}

# --- versions --------------------------------------------------------------------------------------------------

@test "every api-version has create, issue, revoke and delete" {
    emulator_start
    for version in 2021-03-07 2021-10-31-preview 2021-11-01 2022-06-01 2022-10-01 2023-10-01 2025-03-02-preview \
        2025-06-30; do
        create '{"createTokenWithScopes":["chat"]}' "$version"
        issue "$ISSUE_ANY" "$ENCODED" "$version"
        is "$STATUS" 200
        revoke "$ENCODED" "$version"
        is "$STATUS" 204
        delete "$ENCODED" "$version"
        is "$STATUS" 204
    done
}

@test "expiresInMinutes is unknown before 2022-10-01" {
    emulator_start
    for version in 2021-03-07 2022-06-01; do
        create '{"createTokenWithScopes":["chat"],"expiresInMinutes":5}' "$version"
        expires_in 1440 "$(json .accessToken.expiresOn)"
        issue '{"scopes":["chat"],"expiresInMinutes":60}' "$ENCODED" "$version"
        expires_in 1440 "$(json .expiresOn)"
    done
    for version in 2022-10-01 2023-10-01 2025-03-02-preview 2025-06-30; do
        create '{"createTokenWithScopes":["chat"],"expiresInMinutes":60}' "$version"
        expires_in 60 "$(json .accessToken.expiresOn)"
    done
}

@test "the three join scopes come with 2023-10-01" {
    emulator_start
    create
    for scope in chat.join chat.join.limited voip.join; do
        for version in 2021-03-07 2022-06-01 2022-10-01; do
            issue "{\"scopes\":[\"$scope\"]}" "$ENCODED" "$version"
            is "$STATUS $(json .error.target)" '400 scopes'
        done
        for version in 2023-10-01 2025-03-02-preview 2025-06-30; do
            issue "{\"scopes\":[\"$scope\"]}" "$ENCODED" "$version"
            is "$STATUS" 200
        done
    done
}

@test "versions of 2025 write the plus of a time as an escape, earlier ones do not" {
    emulator_start
    create
    issue "$ISSUE_ANY" "$ENCODED" 2025-06-30
    [[ $BODY == *'\u002B00:00"}' ]]
    issue "$ISSUE_ANY" "$ENCODED" 2023-10-01
    [[ $BODY == *'+00:00"}' ]]
}

@test "an unknown api-version and a missing one are refused" {
    emulator_start
    for version in 2020-07-20-preview2 2099-01-01 '%22'; do
        request POST "/identities?api-version=$version"
        is_error 400 UnsupportedApiVersion \
            "The HTTP resource that matches the request URI '$ENDPOINT/identities' does not support the API version '${version/\%22/\"}'."
    done
    request POST /identities
    is "$STATUS $(json .error.code)" '400 ApiVersionUnspecified'
}

@test "unknown paths are 404, methods that a version does not have 405" {
    emulator_start
    request POST "/users?api-version=$VERSION"
    is "$STATUS" 404
    request GET "/identities?api-version=$VERSION"
    is "$STATUS" 405
    create
    for version in 2023-10-01 2025-06-30; do
        request GET "/identities/$ENCODED?api-version=$version"
        is "$STATUS" 405
    done
    raw_request POST /users
    is "$STATUS" 401
}

# --- custom ids ------------------------------------------------------------------------------------------------

@test "the same custom id gives the same identity, and 201 both times" {
    emulator_start
    create '{"customId":"alice@contoso.com"}' 2025-03-02-preview
    first=$ID
    is "$BODY" "{\"identity\":{\"customId\":\"alice@contoso.com\",\"id\":\"$ID\"}}"
    create '{"customId":"alice@contoso.com","createTokenWithScopes":["chat"]}' 2025-03-02-preview
    is "$ID" "$first"
    create '{"customId":"Alice@contoso.com"}' 2025-03-02-preview
    [ "$ID" != "$first" ]
    is "$(stats .identities.created)" 2
}

@test "an identity tells when it was last issued a token, in whole seconds, once it was" {
    emulator_start
    create '{"customId":"a \"quoted\" user \u00e9"}' 2025-03-02-preview
    request GET "/identities/$ENCODED?api-version=2025-03-02-preview"
    is "$STATUS" 200
    is "$(json 'keys_unsorted | join(",")')" customId,id
    is "$(json .customId)" 'a "quoted" user é'
    is "$(header accept-ranges)" bytes
    issue "$ISSUE_ANY" "$ENCODED" 2025-03-02-preview
    request GET "/identities/$ENCODED?api-version=2025-03-02-preview"
    is "$(json 'keys_unsorted | join(",")')" customId,lastTokenIssuedAt,id
    [[ $(json .lastTokenIssuedAt) =~ ^[0-9-]{10}T[0-9:]{8}\+00:00$ ]]
    expires_in 0 "$(json .lastTokenIssuedAt)"
}

@test "a custom id is free again when its identity is deleted" {
    emulator_start
    create '{"customId":"alice"}' 2025-03-02-preview
    first=$ID
    delete
    request GET "/identities/$ENCODED?api-version=2025-03-02-preview"
    is_error 404 IdentityNotFound "Provided identity doesn't exist."
    create '{"customId":"alice"}' 2025-03-02-preview
    [ "$ID" != "$first" ]
}

@test "a custom id has 1 to 256 characters" {
    emulator_start
    long=$(printf 'é%.0s' {1..256})
    create "{\"customId\":\"$long\"}" 2025-03-02-preview
    is "$(json .identity.customId)" "$long"
    for id in '' "${long}é"; do
        request POST '/identities?api-version=2025-03-02-preview' "{\"customId\":\"$id\"}"
        is "$STATUS $(json .error.code) $(json .error.target)" '400 ValidationError CustomId'
    done
    create '{"customId":null}' 2025-03-02-preview
}

@test "stable versions know no custom id" {
    emulator_start
    for version in 2023-10-01 2025-06-30; do
        create '{"customId":"alice"}' "$version"
        first=$ID
        is "$BODY" "{\"identity\":{\"id\":\"$ID\"}}"
        create '{"customId":"alice"}' "$version"
        [ "$ID" != "$first" ]
    done
}

# --- Teams -----------------------------------------------------------------------------------------------------

APP=9b1f6a52-5c55-4a7e-8d5e-53d1d7a6f4a0
USER_OBJECT=0f9b4f43-6a1c-4a6e-9c3b-2f5e7a1b9c11

# exchange BODY [VERSION]
exchange() {
    request POST "/teamsUser/:exchangeAccessToken?api-version=${2:-$VERSION}" "$1"
}

# teams_body [TOKEN [APP [USER]]]: from an Entra token that is good for an hour.
teams_body() {
    local token
    token=${1-$(entra_token "{\"appid\":\"$APP\",\"oid\":\"$USER_OBJECT\",\"exp\":$(($(date +%s) + 3600))}")}
    printf '{"token":"%s","appId":"%s","userId":"%s"}' "$token" "${2-$APP}" "${3-$USER_OBJECT}"
}

@test "a Teams token is exchanged for one that ends with it" {
    emulator_start
    exchange "$(teams_body)"
    is "$STATUS" 200
    expires_in 60 "$(json .expiresOn)"
    is "$(claims "$(json .token)" | jq -r .skypeid)" "orgid:$USER_OBJECT"
    is "$(header api-supported-versions)" \
        '2021-03-31-preview1, 2021-10-31-preview, 2022-06-01, 2022-10-01, 2023-10-01, 2025-03-02-preview, 2025-06-30'
}

@test "a Teams token that is empty, malformed or expired is refused before app and user are looked at" {
    emulator_start
    expired=$(entra_token "{\"appid\":\"$APP\",\"oid\":\"$USER_OBJECT\",\"exp\":$(($(date +%s) - 1))}")
    for token in '' invalid "$expired"; do
        exchange "$(teams_body "$token" '' '')"
        is_error 401 InvalidAccessToken 'Provided access token is not valid.'
        has_no_header api-supported-versions
    done
}

@test "an exchange without a token is refused" {
    emulator_start
    for body in '' '{}' '{"token":null,"appId":"","userId":""}'; do
        exchange "$body"
        is_error 400 ValidationError "The body is either missing or doesn't contain any token."
    done
}

@test "an exchange without app or user is refused" {
    emulator_start
    token=$(entra_token "{\"appid\":\"$APP\",\"oid\":\"$USER_OBJECT\",\"exp\":$(($(date +%s) + 3600))}")
    for body in "$(teams_body "$token" '')" "{\"token\":\"$token\"}"; do
        exchange "$body"
        is_error 400 ValidationError 'AppId: The AppId field is required.' AppId
        has_no_header api-supported-versions
    done
    exchange "$(teams_body "$token" "$APP" '')"
    is_error 400 ValidationError 'UserId: The UserId field is required.' UserId
}

@test "an app or user that is malformed or another's is refused" {
    emulator_start
    token=$(entra_token "{\"appid\":\"$APP\",\"oid\":\"$USER_OBJECT\",\"exp\":$(($(date +%s) + 3600))}")
    for wrong in nobody "${APP%?}1"; do
        exchange "$(teams_body "$token" "$wrong")"
        is_error 400 ValidationError 'Provided AppId has invalid format.' appId
        has_header api-supported-versions
        exchange "$(teams_body "$token" "$APP" "$wrong")"
        is_error 400 ValidationError 'Provided UserId has invalid format.' userId
    done
}

@test "2021-03-07 knows no Teams" {
    emulator_start
    exchange "$(teams_body)" 2021-03-07
    is "$STATUS $(json .error.code)" '400 UnsupportedApiVersion'
    exchange "$(teams_body)" 2022-06-01
    is "$STATUS" 200
}

# --- limits ----------------------------------------------------------------------------------------------------

@test "beyond the limit is 429 with the error's form, and no identity is made" {
    emulator_start --limits create=2/60s
    create
    create
    request POST "/identities?api-version=$VERSION"
    is "$STATUS $(json .error.code)" '429 TooManyRequests'
    is "$(header content-type)" application/json
    [[ $(header retry-after) =~ ^(59|60)$ ]]
    issue "$ISSUE_ANY"
    is "$STATUS" 200
    is "$(stats .identities.created)" 2
}

# wait_for_ms MILLISECONDS
wait_for_ms() {
    sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"
}

@test "who waits as long as Retry-After says is let in" {
    for form in seconds date ms x-ms; do
        emulator_start --limits create=1/2500ms --retry-after "$form"
        create
        request POST "/identities?api-version=$VERSION"
        is "$STATUS" 429
        case $form in
        seconds)
            [[ $(header retry-after) =~ ^[123]$ ]]
            sleep "$(header retry-after)"
            ;;
        date)
            [[ $(header retry-after) =~ ^[A-Z][a-z]{2},\ [0-9]{2}\ [A-Z][a-z]{2}\ [0-9]{4}\ [0-9:]{8}\ GMT$ ]]
            [ "$(date -d "$(header retry-after)" +%s)" -le $(($(date +%s) + 4)) ]
            until [ "$(date +%s)" -ge "$(date -d "$(header retry-after)" +%s)" ]; do sleep 0.02; done
            ;;
        *)
            wait_ms=$(header "$([ "$form" = ms ] && echo retry-after-ms || echo x-ms-retry-after-ms)")
            [ "$wait_ms" -gt 0 ] && [ "$wait_ms" -le 2500 ]
            has_no_header retry-after
            wait_for_ms "$wait_ms"
            ;;
        esac
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
    for operation in "issue $ISSUE_ANY $kept" "revoke $kept" "delete $ENCODED" 'exchange {}' \
        "request GET /identities/$kept?api-version=2025-03-02-preview"; do
        $operation
        [ "$STATUS" != 429 ]
        $operation
        is "$STATUS" 429
    done
}

@test "a fixed window opens all at once, a sliding one request by request" {
    # One request at the start of the window and one in its middle; the first one leaves: is there room for two?
    for window in fixed sliding; do
        emulator_start --limits create=2/4s --retry-after ms --window "$window"
        create
        wait_for_ms 2000
        create
        request POST "/identities?api-version=$VERSION"
        is "$STATUS" 429
        wait_for_ms "$(header retry-after-ms)"
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
    is "$(stats '[.windows[] | .limit] | tostring')" '[1000,1000,500,500,null,500]'
    emulator_start --limits none
    is "$(stats '[.windows[] | .limit] | unique | tostring')" '[null]'
}

@test "a denied request uses nothing of a limit" {
    emulator_start --limits create=1/60s
    SIGNED_KEY=$(printf other | base64) request POST "/identities?api-version=$VERSION"
    is "$STATUS" 401
    create
}

# --- latency ---------------------------------------------------------------------------------------------------

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
    (request POST "/identities?api-version=$VERSION") 3>&- &
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

# --- TLS -------------------------------------------------------------------------------------------------------

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

# --- what it knows ---------------------------------------------------------------------------------------------

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
        '{"create":{"201":3,"401":1,"429":2},"issue":{"200":1,"400":1},"revoke":{},"delete":{"204":1},"get":{},"exchange":{},"other":{"401":1}}'
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

# --- connections -----------------------------------------------------------------------------------------------

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

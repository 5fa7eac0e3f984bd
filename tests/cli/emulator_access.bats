# acs-identity-emulator: who is allowed, what each api-version has, custom ids, Teams.

bats_require_minimum_version 1.5.0

setup() {
    load emulator_helper.bash
}

teardown() {
    emulator_stop_all
}

# --- who is allowed ----------------------------------------------------------------------------------------------

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

@test "the date may stand in Date, and where there is x-ms-date too that one is signed" {
    emulator_start
    DATE_HEADER=Date create
    target="/identities?api-version=$VERSION"
    request POST "$target" '' -H "Date: $(http_date -d '1 hour ago')"
    is "$STATUS" 201
    DATE_HEADER=Date request POST "$target" '' -H "x-ms-date: $(http_date -d '1 minute ago')"
    is "$STATUS" 401
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

@test "Java's headers for finding faults are of no account" {
    emulator_start
    request POST "/identities?api-version=$VERSION" '' -H 'x-ms-hmac-string-to-sign-base64: bm90IGl0'
    is "$STATUS" 201
}

@test "Python's target without its first slash is taken over plain HTTP alone" {
    emulator_start
    SIGNED_TARGET="identities?api-version=$VERSION" create
    SIGNED_TARGET="identities?api-version=$VERSION" SIGNED_HOST=${HOST%:*} create
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

# --- versions ----------------------------------------------------------------------------------------------------

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

# --- custom ids --------------------------------------------------------------------------------------------------

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

# --- Teams -------------------------------------------------------------------------------------------------------

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
        '2021-10-31-preview, 2022-06-01, 2022-10-01, 2023-10-01'
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

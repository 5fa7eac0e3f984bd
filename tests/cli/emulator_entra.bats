# The emulator's Microsoft Entra ID: tokens for who may have one, and the service's own look at them.

# Keys take long to make: two are enough for all.
setup_file() {
    load entra_helper
    cd "$BATS_FILE_TMPDIR" || return 1
    make_certificate app
    make_certificate other
}

setup() {
    bats_require_minimum_version 1.5.0
    load emulator_helper
    load entra_helper
    cd "$BATS_FILE_TMPDIR" || return 1
}

teardown() {
    emulator_stop_all
}

# ask_token [NAME=VALUE...]: the client credentials grant with these fields besides; TOKEN_PATH is another place.
ask_token() {
    local field fields=()
    for field in grant_type=client_credentials "client_id=$CLIENT_ID" "scope=$SCOPE" "$@"; do
        fields+=(--data-urlencode "$field")
    done
    raw_curl_request POST "${TOKEN_PATH-/$TENANT/oauth2/v2.0/token}" "${fields[@]}"
}

# is_aadsts STATUS CODE ERROR: the whole form of such an error.
is_aadsts() {
    is "$STATUS" "$1"
    is "$(json '.error_codes | tostring')" "[$2]"
    is "$(json .error)" "$3"
    [[ $(json .error_description) == "AADSTS$2: "*" Trace ID: "*" Correlation ID: "*" Timestamp: "* ]]
    is "$(json '.timestamp, .trace_id, .correlation_id | length > 10' | sort -u)" true
}

# service_takes BEARER: whether a create is let in with it.
service_takes() {
    raw_request POST "/identities?api-version=$VERSION" -H "Authorization: Bearer $1"
    [ "$STATUS" = 201 ]
}

# own_assertion HEADER KEY [AUDIENCE] [openssl options]
own_assertion() {
    sign_jwt "$1" "$(claims_for "${3:-$ENDPOINT/$TENANT/oauth2/v2.0/token}" "$CLIENT_ID" "$CLIENT_ID")" "$2" "${@:4}"
}

ask_with_assertion() {
    ask_token "client_assertion_type=$JWT_BEARER" "client_assertion=$1"
}

@test "a client secret gives a token in the recorded form, and the service takes it" {
    emulator_start
    ask_token "client_secret=$CLIENT_SECRET"
    is "$STATUS" 200
    is "$(json 'del(.access_token) | tostring')" '{"token_type":"Bearer","expires_in":3600,"ext_expires_in":3600}'
    is "$(header cache-control)" 'no-store, no-cache'
    has_header x-ms-request-id
    local token
    token=$(json .access_token)
    is "$(claims "$token" | jq -r '.aud, .tid, .appid')" "$(printf '%s\n' "$RESOURCE" "$TENANT" "$CLIENT_ID")"
    service_takes "$token"
    is "$(stats .requests.token.\"200\")" 1
}

@test "each fault of a request for a token has its AADSTS code" {
    emulator_start
    ask_token client_secret=wrong
    is_aadsts 401 7000215 invalid_client
    ask_token
    is_aadsts 401 7000218 invalid_client
    ask_token "client_secret=$CLIENT_SECRET" scope=https://communication.azure.com/
    is "$STATUS" 200 # the first scope counts
    TOKEN_PATH=/$TENANT/oauth2/v2.0/token raw_curl_request POST "/$TENANT/oauth2/v2.0/token" -d grant_type=password \
        -d "client_id=$CLIENT_ID" -d scope=x
    is_aadsts 400 70003 unsupported_grant_type
    raw_curl_request POST "/$TENANT/oauth2/v2.0/token" -d "client_id=$CLIENT_ID" -d scope=x
    is_aadsts 400 900144 invalid_request
    raw_curl_request POST "/$TENANT/oauth2/v2.0/token" -d grant_type=client_credentials -d client_id=other -d scope=x
    is_aadsts 400 700016 unauthorized_client
    TOKEN_PATH=/00000000-0000-4000-8000-000000000000/oauth2/v2.0/token ask_token "client_secret=$CLIENT_SECRET"
    is_aadsts 400 90002 invalid_request
    TOKEN_PATH=/no_tenant/oauth2/v2.0/token ask_token "client_secret=$CLIENT_SECRET"
    is_aadsts 400 900023 invalid_request
    SCOPE=https://communication.azure.com/.default ask_token "client_secret=$CLIENT_SECRET"
    is_aadsts 400 50001 invalid_resource
    SCOPE=chat ask_token "client_secret=$CLIENT_SECRET"
    is_aadsts 400 70011 invalid_scope
}

@test "an assertion is taken with PS256 and with RS256, whatever the spelling of the thumbprint" {
    emulator_start --client-certificate app.crt
    local sha256 sha1 pss=(-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32)
    sha256=$(thumbprint sha256 app.crt)
    sha1=$(thumbprint sha1 app.crt)
    for x5t in "$sha256" "$sha256=" "$(tr '_-' '/+' <<<"$sha256")"; do
        ask_with_assertion "$(own_assertion '{"alg":"PS256","x5t#S256":"'"$x5t"'"}' app.key '' "${pss[@]}")"
        is "$STATUS" 200
    done
    ask_with_assertion "$(own_assertion '{"alg":"RS256","x5t":"'"$sha1"'"}' app.key)"
    is "$STATUS" 200
    service_takes "$(json .access_token)"
}

@test "an assertion that is not right is refused with its own code" {
    emulator_start --client-certificate app.crt
    local header url=$ENDPOINT/$TENANT/oauth2/v2.0/token
    header='{"alg":"RS256","x5t":"'$(thumbprint sha1 app.crt)'"}'
    ask_with_assertion not.a.token
    is_aadsts 401 50027 invalid_request
    ask_with_assertion "$(own_assertion "$header" other.key)"
    is_aadsts 401 700027 invalid_client
    ask_with_assertion "$(own_assertion '{"alg":"RS256","x5t":"'"$(thumbprint sha1 other.crt)"'"}' other.key)"
    is_aadsts 401 700027 invalid_client
    ask_with_assertion "$(own_assertion "$header" app.key https://login.example/token)"
    is_aadsts 401 700023 invalid_client
    ask_with_assertion "$(sign_jwt "$header" "$(claims_for "$url" other "$CLIENT_ID")" app.key)"
    is_aadsts 401 700021 invalid_client
    ask_with_assertion "$(sign_jwt "$header" "$(claims_for "$url" "$CLIENT_ID" "$CLIENT_ID" -1)" app.key)"
    is_aadsts 401 700024 invalid_client
    ask_with_assertion "$(own_assertion "${header/RS256/none}" app.key)"
    is_aadsts 401 700027 invalid_client
}

@test "a federated token is taken from its issuer, for its subject" {
    emulator_start --federated "$FEDERATED_ISSUER,$FEDERATED_SUBJECT,app.pub"
    ask_with_assertion "$(federated_token app.key)"
    is "$STATUS" 200
    ask_with_assertion "$(federated_token other.key)"
    is_aadsts 401 700211 invalid_client
    ask_with_assertion "$(federated_token app.key system:serviceaccount:contoso:other)"
    is_aadsts 401 700213 invalid_client
    ask_with_assertion "$(federated_token app.key "$FEDERATED_SUBJECT" api://other)"
    is_aadsts 401 700212 invalid_client
    ask_with_assertion "$(federated_token app.key "$FEDERATED_SUBJECT" api://AzureADTokenExchange -1)"
    is_aadsts 401 700024 invalid_client
}

@test "ADFS takes the resource as its scope" {
    emulator_start
    TOKEN_PATH=/adfs/oauth2/token SCOPE=$RESOURCE ask_token "client_secret=$CLIENT_SECRET"
    is "$STATUS" 200
}

@test "the service refuses a bearer token that is missing, expired, for another audience, or forged" {
    emulator_start --bearer-lifetime 1s
    raw_request POST "/identities?api-version=$VERSION"
    is_error 401 Denied 'Denied by the resource provider.'
    ask_token "client_secret=$CLIENT_SECRET"
    is "$(json .expires_in)" 1
    local token
    token=$(json .access_token)
    service_takes "$token"
    service_takes "${token%?????}AAAAA" && return 1
    is_error 401 Denied 'The signature of the bearer token is not valid.'
    sleep 1.05 # the whole life of a token
    service_takes "$token" && return 1
    is_error 401 Denied 'The bearer token has expired.'
    SCOPE=https://graph.microsoft.com/.default ask_token "client_secret=$CLIENT_SECRET"
    service_takes "$(json .access_token)" && return 1
    is_error 401 Denied 'The audience of the bearer token is not this service.'
}

@test "what libraries read before they ask for a token leads to the place where they get it" {
    emulator_start
    raw_request GET "/$TENANT/v2.0/.well-known/openid-configuration"
    is "$(json .token_endpoint)" "$ENDPOINT/$TENANT/oauth2/v2.0/token"
    is "$(json .issuer)" "$ENDPOINT/$TENANT/v2.0"
    raw_request GET '/common/discovery/instance?api-version=1.1'
    is "$(json .tenant_discovery_endpoint)" "$ENDPOINT/common/v2.0/.well-known/openid-configuration"
    raw_request GET "/$TENANT/discovery/v2.0/keys"
    is "$(json '.keys[0] | .kty, .crv')" "$(printf 'EC\nP-256')"
    raw_request GET "/$TENANT/oauth2/v2.0/token"
    is "$STATUS" 405
}

# ask_identity PATH [-H HEADER...]: a managed identity's token.
ask_identity() {
    raw_request GET "$@"
}

@test "each kind of host gives its managed identity's token in its own form" {
    emulator_start
    ask_identity "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=$RESOURCE" -H 'Metadata: true'
    is "$STATUS" 200
    is "$(json '[.expires_in, .expires_on, .not_before | type] | unique | tostring')" '["string"]'
    service_takes "$(json .access_token)"
    ask_identity "/managed-identity/app-service?api-version=2019-08-01&resource=$RESOURCE" \
        -H "X-IDENTITY-HEADER: $IDENTITY_HEADER_VALUE"
    is "$(json '.expires_in, (.expires_on | type)')" "$(printf 'null\nstring')"
    service_takes "$(json .access_token)"
    ask_identity "/managed-identity/service-fabric?api-version=2019-07-01-preview&resource=$RESOURCE" \
        -H "Secret: $IDENTITY_HEADER_VALUE"
    is "$(json '.expires_on | type')" number
    ask_identity "/managed-identity/machine-learning?api-version=2017-09-01&resource=$RESOURCE" \
        -H "secret: $IDENTITY_HEADER_VALUE"
    is "$STATUS" 200
    raw_curl_request POST /managed-identity/cloud-shell -H 'Metadata: true' --data-urlencode "resource=$RESOURCE"
    is "$STATUS" 200
}

@test "a managed identity is refused in the form of its host" {
    emulator_start --user-assigned c1,o1,/subscriptions/r1
    local imds="/metadata/identity/oauth2/token?api-version=2018-02-01"
    ask_identity "$imds&resource=$RESOURCE"
    is "$STATUS $(json .error)" '400 bad_request_102'
    ask_identity "$imds&resource=https://other" -H 'Metadata: true'
    is "$STATUS $(json .error)" '400 invalid_resource'
    for named in client_id=c1 object_id=o1 msi_res_id=/subscriptions/r1; do
        ask_identity "$imds&resource=$RESOURCE&$named" -H 'Metadata: true'
        is "$STATUS $(json .client_id)" '200 c1'
        ask_identity "$imds&resource=$RESOURCE&${named%=*}=other" -H 'Metadata: true'
        is "$STATUS $(json .error)" '400 invalid_request'
    done
    ask_identity "/managed-identity/app-service?api-version=2019-08-01&resource=$RESOURCE" -H 'X-IDENTITY-HEADER: wrong'
    is "$STATUS $(json .statusCode)" '401 401'
    ask_identity "/managed-identity/service-fabric?api-version=2019-07-01-preview&resource=$RESOURCE"
    is "$STATUS $(json .error.code)" '400 SecretHeaderNotFound'
}

@test "Azure Arc asks for the content of a file that only the privileged can read" {
    mkdir keys
    emulator_start --arc-keys "$PWD/keys"
    local arc="/managed-identity/arc?api-version=2020-06-01&resource=$RESOURCE" file
    ask_identity "$arc" -H 'Metadata: true'
    is "$STATUS" 401
    file=$(header www-authenticate)
    file=${file#Basic realm=}
    is "$(dirname "$file")" "$PWD/keys"
    is "$(stat -c %a "$file")" 600
    ask_identity "$arc" -H 'Metadata: true' -H 'Authorization: Basic wrong'
    is "$STATUS" 403
    ask_identity "$arc" -H 'Metadata: true' -H "Authorization: Basic $(<"$file")"
    is "$STATUS" 200
    [ ! -e "$file" ]
}

@test "a script makes both places fail, in their own forms" {
    cat >faults.yaml <<'END'
- { operation: token, nth: 1, status: 401, code: 7000222 }
- { operation: token, nth: 2, status: 503, retry_after: 7 }
- { operation: token, nth: 3, fault: wrong_type }
- { operation: managed_identity, nth: 1, status: 410, code: unknown }
- { operation: managed_identity, nth: 2, status: 404, code: ManagedIdentityNotFound }
END
    emulator_start --faults faults.yaml
    ask_token "client_secret=$CLIENT_SECRET"
    is_aadsts 401 7000222 invalid_client
    ask_token "client_secret=$CLIENT_SECRET"
    is "$STATUS $(header retry-after)" '503 7'
    ask_token "client_secret=$CLIENT_SECRET"
    is "$STATUS $(json '.access_token | type')" '200 object'
    ask_token "client_secret=$CLIENT_SECRET"
    is "$STATUS" 200
    ask_identity '/metadata/identity/oauth2/token'
    is "$STATUS $(json .error)" '410 unknown'
    ask_identity '/managed-identity/service-fabric'
    is "$STATUS $(json .error.code)" '404 ManagedIdentityNotFound'
    create
}

@test "tokens can be limited like everything else" {
    emulator_start --limits token=1/10s
    ask_token "client_secret=$CLIENT_SECRET"
    is "$STATUS" 200
    ask_token "client_secret=$CLIENT_SECRET"
    is "$STATUS" 429
    has_header retry-after
}

@test "options of Entra ID that make no sense are refused" {
    echo nothing >empty.pem
    refuses --client-certificate gone.pem | grep -q 'client-certificate: cannot read gone.pem'
    refuses --client-certificate empty.pem | grep -q 'holds no certificate'
    refuses --federated a,b | grep -q 'three values'
    refuses --federated a,b,empty.pem | grep -q 'holds no public key'
    refuses --user-assigned a | grep -q 'three values'
    refuses --bearer-lifetime 100ms | grep -q 'bearer-lifetime'
    refuses --tenant '' | grep -q 'tenant is empty'
}

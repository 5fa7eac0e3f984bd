# entra_helper.bash - what the emulator's Microsoft Entra ID knows, and assertions for it made by openssl alone: neither the
# client's code nor the emulator's.

# shellcheck disable=SC2034 # for those who load this
TENANT=11111111-1111-4111-8111-111111111111
CLIENT_ID=22222222-2222-4222-8222-222222222222
CLIENT_SECRET='emulator~Secret.1+2/3=&%'
IDENTITY_HEADER_VALUE=emulator-identity-header
SCOPE=https://communication.azure.com//.default
RESOURCE=https://communication.azure.com/
JWT_BEARER=urn:ietf:params:oauth:client-assertion-type:jwt-bearer
FEDERATED_ISSUER=https://kubernetes.example/cluster
FEDERATED_SUBJECT=system:serviceaccount:contoso:rollcall

# make_certificate NAME [KIND]: NAME.key, NAME.pub, NAME.crt, and key and certificate in NAME.pem; KIND is rsa (default) or ec.
make_certificate() {
    local kind=(rsa:2048)
    [ "${2-rsa}" = rsa ] || kind=(ec -pkeyopt ec_paramgen_curve:P-256)
    openssl req -x509 -newkey "${kind[@]}" -nodes -keyout "$1.key" -out "$1.crt" -days 2 -subj "/CN=$1" 2>/dev/null
    openssl pkey -in "$1.key" -pubout -out "$1.pub"
    cat "$1.key" "$1.crt" >"$1.pem"
    chmod 600 "$1.key" "$1.pem"
}


base64url() {
    base64 -w0 | tr '/+' '_-' | tr -d =
}

# thumbprint HASH CERTIFICATE: base64url of its digest.
thumbprint() {
    openssl x509 -in "$2" -outform DER | openssl dgst "-$1" -binary | base64url
}

# sign_jwt HEADER CLAIMS KEY [openssl options]: an RSA signature; PKCS#1 unless the options say otherwise.
sign_jwt() {
    local signed
    signed=$(printf '%s' "$1" | base64url).$(printf '%s' "$2" | base64url)
    printf '%s.%s' "$signed" "$(printf '%s' "$signed" | openssl dgst -sha256 -sign "$3" "${@:4}" -binary | base64url)"
}

# claims_for AUDIENCE ISSUER SUBJECT [SECONDS]: of an assertion that is valid for so long from now.
claims_for() {
    local now
    now=$(date +%s)
    printf '{"aud":"%s","iss":"%s","sub":"%s","jti":"%s","nbf":%d,"exp":%d}' "$1" "$2" "$3" "$RANDOM$RANDOM" \
        $((now - 5)) $((now + ${4-600}))
}

# federated_token ISSUER_KEY [SUBJECT] [AUDIENCE] [SECONDS]: as a Kubernetes cluster puts it into a pod.
federated_token() {
    sign_jwt '{"alg":"RS256","kid":"1","typ":"JWT"}' \
        "$(claims_for "${3-api://AzureADTokenExchange}" "$FEDERATED_ISSUER" "${2-$FEDERATED_SUBJECT}" "${4-600}")" "$1"
}

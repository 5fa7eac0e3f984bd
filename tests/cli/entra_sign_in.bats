# Each kind of credential signs in at the emulator's Entra ID, and fails in each documented way with its message.

setup_file() {
    load entra_helper
    cd "$BATS_FILE_TMPDIR" || return 1
    make_certificate app
    make_certificate other
    make_certificate ec ec
    cat app.crt ec.crt >all.crt
}

setup() {
    unset "${!AZURE_@}" "${!MSI_@}" "${!IDENTITY_@}"
    load helper
    load entra_helper
    job_setup --client-certificate "$BATS_FILE_TMPDIR/all.crt" \
        --federated "$FEDERATED_ISSUER,$FEDERATED_SUBJECT,$BATS_FILE_TMPDIR/app.pub" --user-assigned c1,o1,/subscriptions/r1
    unset COMMUNICATION_SERVICES_CONNECTION_STRING
    # Nothing of this may reach the network: where a virtual machine's metadata is, nobody listens.
    export AZURE_POD_IDENTITY_AUTHORITY_HOST=http://127.0.0.1:1
    export AZURE_AUTHORITY_HOST=$ENDPOINT
    sign_in_with default
}

teardown() {
    job_teardown
}

# sign_in_with CREDENTIAL: the job's.
sign_in_with() {
    write_job resource="{ endpoint: '$ENDPOINT', credential: $1 }" "${@:2}"
}

application() {
    export AZURE_TENANT_ID=$TENANT AZURE_CLIENT_ID=$CLIENT_ID
}

# signs_in [options]: a run that does everything.
signs_in() {
    run_job "$@"
    [ "$status" -eq 0 ]
    is "$(rows out/mapping.csv | wc -l)" 10
}

# is_rejected TEXT...: exit 4, with these words; nobody failed and nothing was made.
is_rejected() {
    local text
    run_job
    [ "$status" -eq 4 ]
    for text in "$@"; do says "$text"; done
    is "$(stats '.requests.create | length')" 0
    is "$(rows out/failures.csv)" ''
}

# --- applications ---

@test "a client secret of the environment signs in, once for all requests" {
    application
    export AZURE_CLIENT_SECRET=$CLIENT_SECRET
    sign_in_with client_secret
    signs_in
    is "$(stats '.requests.token | tostring')" '{"200":1}'
}

@test "what stands in the spec needs no variables" {
    unset AZURE_AUTHORITY_HOST
    export CONTOSO_SECRET=$CLIENT_SECRET
    sign_in_with "{ kind: client_secret, tenant_id: $TENANT, client_id: $CLIENT_ID, client_secret: { env: CONTOSO_SECRET },
        authority_host: '$ENDPOINT' }"
    signs_in
}

@test "each fault of an application has its code, and says what to do" {
    application
    sign_in_with client_secret
    run_job
    [ "$status" -eq 2 ]
    says 'job.yaml:3:'
    says ': resource.credential: client_secret: AZURE_CLIENT_SECRET is not set'
    [ ! -e "$LEDGER" ]
    export AZURE_CLIENT_SECRET=wrong
    is_rejected AADSTS7000215 'its value, not its id'
    export AZURE_CLIENT_SECRET=$CLIENT_SECRET
    AZURE_CLIENT_ID=other is_rejected AADSTS700016 'check client_id and tenant_id'
    AZURE_TENANT_ID=00000000-0000-4000-8000-000000000000 is_rejected AADSTS90002 'no such tenant'
    AZURE_AUTHORITY_HOST=https://localhost.invalid is_rejected 'cannot reach localhost.invalid' AZURE_AUTHORITY_HOST
}

@test "a secret that has expired, and an authority that fails for a moment" {
    application
    export AZURE_CLIENT_SECRET=$CLIENT_SECRET
    cat >faults.yaml <<'END'
- { operation: token, nth: 1, status: 401, code: 7000222 }
- { operation: token, nth: 2, status: 503 }
- { operation: token, nth: 4, fault: close_after }
- { operation: token, nth: 6, status: 429, retry_after: 1 }
END
    use_emulator --faults faults.yaml
    export AZURE_AUTHORITY_HOST=$ENDPOINT
    sign_in_with client_secret
    is_rejected AADSTS7000222 'make a new one'
    signs_in                 # the second fails and the third is good
    signs_in --reissue-all   # the fourth is lost, the fifth is good
    signs_in --reissue-all   # the sixth asks to wait, the seventh is good
    is "$(stats .faults.status)" 3
}

@test "every code that is documented is told with what to do about it" {
    local code advice codes=() advices=()
    while read -r code advice; do
        codes+=("$code") advices+=("$advice")
    done <<'END'
7000215 its value, not its id
7000222 the client secret has expired
700016 check client_id and tenant_id
700027 upload the certificate to the application
700021 the assertion names another application
700023 the assertion is meant for another place
50027 no valid JWT
900023 neither a tenant's id nor a domain
700213 names another subject than the token
50001 the tenant does not know Azure Communication Services
END
    application
    export AZURE_CLIENT_SECRET=$CLIENT_SECRET
    for i in "${!codes[@]}"; do
        echo "- { operation: token, nth: $((i + 1)), status: 400, code: ${codes[i]} }"
    done >faults.yaml
    use_emulator --faults faults.yaml
    export AZURE_AUTHORITY_HOST=$ENDPOINT
    sign_in_with client_secret
    for i in "${!codes[@]}"; do
        is_rejected "AADSTS${codes[i]}:" "${advices[i]}"
    done
}

@test "an authority that does not work for long ends the run, and fails nobody" {
    application
    export AZURE_CLIENT_SECRET=$CLIENT_SECRET AZURE_AUTHORITY_HOST=http://127.0.0.1:1
    sign_in_with client_secret engine='{ give_up_after: 1s }'
    run_job
    [ "$status" -eq 1 ]
    says 'no token could be had for'
    says 'cannot reach 127.0.0.1:1'
    is "$(rows out/failures.csv)" ''
}

@test "a certificate signs in, with an RSA key and with an EC key" {
    application
    for kind in app ec; do
        export AZURE_CLIENT_CERTIFICATE_PATH=$BATS_FILE_TMPDIR/$kind.pem
        sign_in_with client_certificate
        signs_in --reissue-all
    done
    openssl pkcs12 -export -in "$BATS_FILE_TMPDIR/app.pem" -out app.p12 -passout pass:open
    export PASSWORD=open
    sign_in_with '{ kind: client_certificate, certificate: app.p12, certificate_password: { env: PASSWORD } }'
    signs_in --reissue-all
    sign_in_with "{ kind: client_certificate, certificate: $BATS_FILE_TMPDIR/other.pem }"
    run_job --reissue-all
    [ "$status" -eq 4 ]
    says AADSTS700027
    says 'upload the certificate'
}

@test "a certificate that cannot be read is refused before anything happens" {
    application
    export AZURE_CLIENT_CERTIFICATE_PATH=$BATS_FILE_TMPDIR/app.crt
    sign_in_with client_certificate
    run_job
    [ "$status" -eq 2 ]
    says 'the private key in'
    nothing_was_sent
}

@test "ADFS is signed in to in its own way" {
    export AZURE_TENANT_ID=adfs AZURE_CLIENT_ID=$CLIENT_ID AZURE_CLIENT_CERTIFICATE_PATH=$BATS_FILE_TMPDIR/app.pem
    sign_in_with environment
    signs_in
}

@test "a workload identity signs in with the token of its file" {
    application
    export AZURE_FEDERATED_TOKEN_FILE=$PWD/token
    federated_token "$BATS_FILE_TMPDIR/app.key" >token
    sign_in_with workload_identity
    signs_in
    federated_token "$BATS_FILE_TMPDIR/app.key" system:serviceaccount:contoso:other >token
    run_job --reissue-all
    [ "$status" -eq 4 ]
    says AADSTS700213
    says 'names another subject'
    rm token
    run_job --reissue-all
    [ "$status" -eq 4 ]
    says AZURE_FEDERATED_TOKEN_FILE
}

# --- managed identities ---

@test "a virtual machine signs in with its own identity, and with one that is assigned to it" {
    export AZURE_POD_IDENTITY_AUTHORITY_HOST=$ENDPOINT http_proxy=http://127.0.0.1:1 HTTPS_PROXY=http://127.0.0.1:1
    for kind in managed_identity '{ kind: managed_identity, client_id: c1 }' '{ kind: managed_identity, object_id: o1 }' \
        '{ kind: managed_identity, resource_id: /subscriptions/r1 }'; do
        sign_in_with "$kind"
        signs_in --reissue-all
    done
    sign_in_with '{ kind: managed_identity, client_id: c2 }'
    run_job --reissue-all
    [ "$status" -eq 4 ]
    says 'Identity not found'
    says 'assign the managed identity c2 to this machine'
}

@test "a machine without a managed identity says so soon" {
    sign_in_with managed_identity
    local start=$SECONDS
    is_rejected 'does not answer at http://127.0.0.1:1' 'no virtual machine of Azure'
    [ $((SECONDS - start)) -le 15 ]
}

@test "App Service, Azure ML and Cloud Shell sign in, and tell a wrong secret" {
    sign_in_with managed_identity
    export MSI_ENDPOINT=$ENDPOINT/managed-identity/cloud-shell
    signs_in --reissue-all
    export MSI_ENDPOINT=$ENDPOINT/managed-identity/machine-learning MSI_SECRET=$IDENTITY_HEADER_VALUE
    signs_in --reissue-all
    export IDENTITY_ENDPOINT=$ENDPOINT/managed-identity/app-service IDENTITY_HEADER=$IDENTITY_HEADER_VALUE
    signs_in --reissue-all
    export IDENTITY_HEADER=wrong
    run_job --reissue-all
    [ "$status" -eq 4 ]
    says 'App Service answered 401'
}

@test "Service Fabric is known by the thumbprint of its certificate alone" {
    local plain=$ENDPOINT
    use_emulator --tls
    export IDENTITY_ENDPOINT=$ENDPOINT/managed-identity/service-fabric IDENTITY_HEADER=$IDENTITY_HEADER_VALUE
    IDENTITY_SERVER_THUMBPRINT=$(openssl x509 -in "$CERTIFICATE" -noout -fingerprint -sha1 | cut -d= -f2)
    export IDENTITY_SERVER_THUMBPRINT
    write_job resource="{ endpoint: '$ENDPOINT', ca_file: $CERTIFICATE, credential: managed_identity }"
    signs_in
    export IDENTITY_SERVER_THUMBPRINT=0000000000000000000000000000000000000000
    run_job --reissue-all
    [ "$status" -eq 4 ]
    says 'IDENTITY_SERVER_THUMBPRINT is not that of the certificate there'
    is "$(stats '.requests.managed_identity | tostring')" '{"200":1}'
    [ "$plain" != "$ENDPOINT" ]
}

@test "Azure Arc is shown the key that it asks for" {
    mkdir keys
    # A command before a command: that runs where Azure Arc's directory of keys is the one of this test.
    local with_keys=(unshare -m)
    [ "$(id -u)" -eq 0 ] || with_keys=(unshare -rm)
    with_keys+=(sh -ec 'mount -t tmpfs none /var/opt; mkdir -p /var/opt/azcmagent/tokens
        mount --bind "$0" /var/opt/azcmagent/tokens; exec "$@"' "$PWD/keys")
    "${with_keys[@]}" true || skip "nothing can be mounted here"
    printf '#!/bin/bash\nexec %s "$@"\n' "${with_keys[*]@Q} ${EMULATOR@Q}" >emulator-in-arc
    printf '#!/bin/bash\nexec %s "$@"\n' "${with_keys[*]@Q} ${ROLLCALL@Q}" >rollcall-in-arc
    chmod +x emulator-in-arc rollcall-in-arc
    EMULATOR=$PWD/emulator-in-arc use_emulator
    export IDENTITY_ENDPOINT=$ENDPOINT/managed-identity/arc IMDS_ENDPOINT=$ENDPOINT
    sign_in_with managed_identity
    ROLLCALL=$PWD/rollcall-in-arc signs_in
    # Elsewhere the file is not there to be read.
    run_job --reissue-all
    [ "$status" -eq 4 ]
    says "Azure Arc's key file is not there"
}

# --- the Azure CLI ---

# fake_az SCRIPT: an `az` on the path.
fake_az() {
    mkdir -p bin
    printf '#!/bin/sh\n%s\n' "$1" >bin/az
    chmod +x bin/az
    export PATH=$PWD/bin:$PATH
}

@test "the Azure CLI is run without a shell, in a safe place, and without our secrets" {
    use_emulator --bearer-token token-of-the-cli
    export AZURE_CLIENT_SECRET=not-for-others
    sign_in_with '{ kind: azure_cli, tenant_id: contoso.example }'
    fake_az "{ pwd; echo \"\$*\"; env; } >'$PWD/seen'
echo '{\"accessToken\":\"token-of-the-cli\",\"expires_on\":4102444800}'"
    signs_in
    is "$(head -n 2 seen)" "$(printf '%s\n' / \
        'account get-access-token --output json --resource https://communication.azure.com/ --tenant contoso.example')"
    run -1 grep not-for-others seen
}

@test "a run that is stopped does not wait for the Azure CLI" {
    sign_in_with azure_cli
    fake_az "touch '$PWD/started'; exec sleep 60"
    start_job
    wait_until 30 test -e started
    kill -TERM "$RUN_PID"
    local since=$SECONDS
    end_job
    [ "$status" -eq 143 ]
    [ $((SECONDS - since)) -lt 8 ] # it may take ten
}

@test "each way in which the Azure CLI fails is told" {
    sign_in_with azure_cli
    PATH=/usr/bin:/bin
    if ! command -v az >/dev/null; then
        is_rejected 'the Azure CLI is not installed' 'install it'
    fi
    fake_az 'echo "ERROR: Please run '"'az login'"' to setup account." >&2; exit 1'
    is_rejected "Please run 'az login'" 'log in with `az login`'
    fake_az 'echo nonsense'
    is_rejected 'the Azure CLI: the answer is not a JSON object'
}

# --- the chain ---

@test "default tells what each link of its chain said" {
    PATH=/usr/bin:/bin
    fake_az 'exit 127'
    is_rejected 'cannot sign in: environment: AZURE_TENANT_ID, AZURE_CLIENT_ID and' 'workload_identity: AZURE_TENANT_ID' \
        'managed_identity: no managed identity: nothing answers at http://127.0.0.1:1' \
        'azure_cli: the Azure CLI is not installed'
}

@test "default takes the first that is there, and what AZURE_TOKEN_CREDENTIALS names" {
    fake_az 'exit 127'
    AZURE_POD_IDENTITY_AUTHORITY_HOST=$ENDPOINT signs_in
    is "$(stats '.requests.managed_identity | tostring')" '{"200":1,"400":1}'
    application
    AZURE_CLIENT_SECRET=$CLIENT_SECRET signs_in --reissue-all
    is "$(stats '.requests.token | tostring')" '{"200":1}'
    export AZURE_TOKEN_CREDENTIALS=dev
    run_job --reissue-all
    [ "$status" -eq 4 ]
    says 'cannot sign in: azure_cli:'
    export AZURE_TOKEN_CREDENTIALS=everything
    run_job --reissue-all
    [ "$status" -eq 2 ]
    says 'AZURE_TOKEN_CREDENTIALS is "everything"'
}

# --- the service's own word ---

# with_faults RULES: an emulator with them, and an application that signs in there.
with_faults() {
    printf '%s\n' "$@" >faults.yaml
    application
    export AZURE_CLIENT_SECRET=$CLIENT_SECRET
    use_emulator --faults faults.yaml
    export AZURE_AUTHORITY_HOST=$ENDPOINT
    sign_in_with client_secret
}

@test "one rejection of a valid token leads to one renewal, and fails nobody" {
    with_faults '- { operation: create, nth: 3, status: 401 }'
    signs_in
    is "$(stats '.requests.token | tostring')" '{"200":2}'
}

@test "a second rejection in a row stops the run" {
    with_faults '- { operation: create, from: 1, status: 401 }'
    run_job
    [ "$status" -eq 4 ]
    says 'answered 401 Denied'
    says 'the service takes no token of this credential'
    is "$(stats '.requests.token | tostring')" '{"200":2}'
    is "$(rows out/failures.csv)" ''
}

@test "a permission that is missing stops the run at once" {
    with_faults '- { operation: create, status: 403 }'
    run_job
    [ "$status" -eq 4 ]
    says 'role on the resource'
    is "$(stats '.requests.token | tostring')" '{"200":1}'
}

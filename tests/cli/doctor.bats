# rollcall doctor: each line good, warning or bad, with the fix; nothing is created.

setup() {
    load helper
    job_setup
}

teardown() {
    job_teardown
}

# everything: what is in the directory: names, modes, sizes and contents.
everything() {
    find . -mindepth 1 ! -name '.' -printf '%P %m %s\n' | sort
    find . -type f -exec sha256sum {} + | sort
}

# doctor [options]: sets status, output and stderr; nothing in the directory may have changed, and no identity was made.
doctor() {
    local before after made
    before=$(everything)
    made=$(stats .identities.created)
    run --separate-stderr "$ROLLCALL" doctor job.yaml "$@"
    show_run
    after=$(everything)
    [ "$before" = "$after" ] || diff <(echo "$before") <(echo "$after")
    is "$(stats .identities.created)" "$made"
}

# entra_job: signs in with a client secret. After entra_helper.
entra_job() {
    write_job resource="{ endpoint: '$ENDPOINT', credential: { kind: client_secret, tenant_id: $TENANT, client_id: $CLIENT_ID,
        client_secret: { env: CONTOSO_SECRET }, authority_host: '$ENDPOINT' } }"
    export CONTOSO_SECRET=$CLIENT_SECRET
}

# finds GRADE CHECK TEXT: there is such a line.
finds() {
    grep -E "^$1 +$2 " <<<"$output" | grep -qF -- "$3" || {
        echo "no $1 $2 with: $3" >&2
        return 1
    }
}

@test "before the first run everything is good, and nothing is made" {
    doctor
    [ "$status" -eq 0 ]
    finds good name '127.0.0.1 is 127.0.0.1'
    finds warning tls "plain HTTP with $HOST"
    finds good clock 'this machine'
    finds good credential 'the access key is accepted'
    finds good permission 'api-version 2023-10-01'
    finds good files 'the tokens '
    finds good disk 'MiB are free'
    finds good ledger 'there is none yet'
    [[ $output == *"0 bad" ]]
    is "$(requests_sent)" 1
    is "$(stats '.requests.revoke["401"]')" 1
}

@test "after a run it knows the ledger and what is left of the quotas" {
    run_job
    chmod 644 out/tokens.csv
    doctor
    [ "$status" -eq 0 ]
    finds good ledger 'contoso.ledger is sound: 10 active identities'
    finds good quota 'provision: 10 of 1000 used in the last 30 s'
    finds warning files 'can be used by others (mode 0644)'
    sql "INSERT INTO tasks (run, key, action, attempt, request_id, repeatable, at, resource)
        VALUES (1, 'x', 'issue', 1, 'r', 1, 1, 1)"
    doctor
    finds warning ledger '1 request belongs to a run that goes on, or was killed'
    # The next run finds it: a create that may have been one.
    sql "UPDATE tasks SET action = 'provision', repeatable = 0"
    run_job
    doctor
    finds warning ledger '1 create is in doubt: there may be identities that nobody knows'
}

@test "--json has the same findings and their counts" {
    doctor --json
    [ "$status" -eq 0 ]
    is "$(jq -r '.findings[] | select(.check == "credential") | .grade' <<<"$output")" good
    is "$(jq '(.findings | length) == .good + .warning + .bad' <<<"$output")" true
    is "$(jq -r '.findings[] | select(.grade == "warning") | .fix' <<<"$output")" 'use https:// for anything but the emulator'
}

@test "a wrong key is bad, with the fix and exit 4" {
    export COMMUNICATION_SERVICES_CONNECTION_STRING="endpoint=$ENDPOINT;accesskey=b3RoZXI="
    doctor
    [ "$status" -eq 4 ]
    finds bad credential 'Denied by the resource provider'
    [[ $output == *"fix: the access key is wrong"* ]]
    is "$(requests_sent)" 1
}

@test "a clock that is off is named, and is the first suspect" {
    echo '- { clock: -20m }' >script.yaml
    use_emulator --faults script.yaml
    doctor
    [ "$status" -eq 4 ]
    finds bad clock 's ahead of the service'
    [[ $output == *"fix: set the clock of this machine"* ]]
    echo '- { clock: +2m }' >script.yaml
    use_emulator --faults script.yaml
    doctor
    [ "$status" -eq 0 ]
    finds warning clock 's behind the service'
}

@test "a name that is not known and a service that is not there are bad" {
    export COMMUNICATION_SERVICES_CONNECTION_STRING="endpoint=https://nobody.invalid;accesskey=$KEY"
    doctor
    [ "$status" -eq 4 ]
    finds bad name 'nobody.invalid'
    export COMMUNICATION_SERVICES_CONNECTION_STRING="endpoint=http://127.0.0.1:1;accesskey=$KEY"
    doctor
    [ "$status" -eq 4 ]
    finds bad connection '127.0.0.1:1'
}

@test "TLS: its version, the certificate's names and its end; one that is not trusted is bad" {
    use_emulator --tls
    doctor
    [ "$status" -eq 4 ]
    finds bad tls certificate
    [[ $output == *"fix: if the service has a certificate of its own authority, name it in resource.ca_file"* ]]
    write_job resource="{ connection_string: { env: COMMUNICATION_SERVICES_CONNECTION_STRING }, ca_file: '$CERTIFICATE' }"
    doctor
    [ "$status" -eq 0 ]
    finds good tls "TLSv1.3 with $HOST; its certificate is for localhost, 127.0.0.1, ::1 and ends in "
}

@test "throttling, failures and strange answers are told apart" {
    echo '- { operation: revoke, nth: 1, status: 429 }
- { operation: revoke, nth: 2, status: 503, body: html }
- { operation: revoke, nth: 3, status: 403 }' >script.yaml
    use_emulator --faults script.yaml
    doctor
    [ "$status" -eq 0 ]
    finds warning permission 'the service is throttling'
    doctor
    [ "$status" -eq 4 ]
    finds bad connection 'answered 503'
    doctor
    [ "$status" -eq 4 ]
    finds bad permission 'answered 403'
}

@test "files that cannot be used are bad: a damaged ledger, one that others can read, outputs in strange places" {
    run_job
    chmod 666 users.csv
    doctor
    [ "$status" -eq 0 ]
    finds warning files 'the roster'
    printf 'garbage%.0s' {1..600} | dd of="$LEDGER" bs=1 seek=8192 conv=notrunc status=none
    doctor
    [ "$status" -eq 4 ]
    finds bad ledger "$LEDGER"
    chmod 644 "$LEDGER"
    doctor
    finds bad ledger 'can be used by others (mode 0644)'
    mkdir -m 777 open
    write_job outputs='{ mapping: open/mapping.csv, tokens: { csv: out }, failures: out/failures.csv, metrics: open/a.prom }'
    doctor
    [ "$status" -eq 4 ]
    finds bad files 'the mapping open/mapping.csv cannot be written: the directory open can be written to by others'
    finds bad files 'the metrics open/a.prom cannot be written'
    finds bad files 'is no regular file'
}

@test "a secret that others can read is named" {
    printf '%s' "$CONNECTION_STRING" >secret
    chmod 640 secret
    write_job resource='{ connection_string: { file: secret } }'
    doctor
    [ "$status" -eq 0 ]
    finds warning files 'secret can be read or written by others (mode 0640)'
    chmod 600 secret
    doctor
    finds good files 'secret (mode 0600)'
    [[ $output != *"$KEY"* ]]
}

@test "signing in with Entra ID is tried, and what it says is told" {
    load entra_helper
    entra_job
    doctor
    [ "$status" -eq 0 ]
    finds good credential 'the token is good for 60 min'
    finds good permission 'api-version 2023-10-01'
    finds good clock 'the service'
    is "$(stats '.requests | "\(.revoke) \(.token)"')" '{"401":1} {"200":1}'
    export CONTOSO_SECRET=wrong
    doctor
    [ "$status" -eq 4 ]
    finds bad credential 'AADSTS7000215'
    [[ $output == *'its value, not its id'* ]]
    [[ $output != *permission* ]]
}

@test "what the service says to a bearer token is told apart from signing in" {
    load entra_helper
    printf '%s\n' '- { operation: revoke, nth: 1, status: 403 }' '- { operation: revoke, nth: 2, status: 401 }' \
        '- { operation: revoke, nth: 3, status: 429 }' >script.yaml
    use_emulator --faults script.yaml
    entra_job
    doctor
    [ "$status" -eq 4 ]
    finds good credential 'signed in with Microsoft Entra ID'
    finds bad permission 'answered 403'
    [[ $output == *'fix: give the credential a role on the resource (such as Contributor)'* ]]
    doctor
    [ "$status" -eq 4 ]
    finds good credential 'signed in with Microsoft Entra ID'
    finds bad permission 'answered 401 Denied'
    [[ $output == *'fix: the service takes no token of this credential'* ]]
    doctor
    [ "$status" -eq 0 ]
    finds warning permission 'whether we are let in is not known'
}

@test "the end of a certificate to sign in with is told, and is a warning when it is near" {
    load entra_helper
    make_certificate app
    use_emulator --client-certificate app.crt
    write_job resource="{ endpoint: '$ENDPOINT', credential: { kind: client_certificate, tenant_id: $TENANT,
        client_id: $CLIENT_ID, certificate: app.pem, authority_host: '$ENDPOINT' } }"
    doctor
    [ "$status" -eq 0 ]
    finds warning credential 'the certificate to sign in with ends in '
    [[ $output == *'fix: upload a new certificate to the application'* ]]
    finds good credential 'signed in with Microsoft Entra ID'
    openssl req -x509 -key app.key -out app.crt -days 95 -subj /CN=app
    cat app.key app.crt >app.pem
    use_emulator --client-certificate app.crt
    sed -i "s,authority_host: '[^']*',authority_host: '$ENDPOINT'," job.yaml
    doctor
    finds good credential 'the certificate to sign in with ends in 9'
}

@test "signing in with Entra ID is tried where the service is away" {
    load entra_helper
    entra_job
    sed -i 's,endpoint: .http[^,]*,endpoint: "http://127.0.0.1:1",' job.yaml
    doctor
    [ "$status" -eq 4 ]
    finds bad connection '127.0.0.1:1'
    finds good credential 'signed in with Microsoft Entra ID'
}

@test "a service that does not understand us is bad" {
    printf '%s\n' '- { operation: revoke, nth: 1, status: 405 }' '- { operation: revoke, nth: 2, clock: +1s, status: 404 }' >script.yaml
    use_emulator --faults script.yaml
    doctor
    [ "$status" -eq 4 ]
    finds bad permission 'answered 405'
}

@test "an address that is none is bad, and the rest is looked at all the same" {
    export COMMUNICATION_SERVICES_CONNECTION_STRING="endpoint=ftp://x;accesskey=$KEY"
    doctor
    [ "$status" -eq 4 ]
    finds bad endpoint 'https://'
    finds good files 'the roster'
}

@test "several resources: each has its own lines, by its name" {
    first=$CONNECTION_STRING
    use_emulator --seed other
    export FIRST=$first SECOND=$CONNECTION_STRING
    write_job resource= roster='{ csv: users.csv, key: user_id, resource_column: name }'
    echo 'resources: { north: { connection_string: { env: FIRST } }, south: { connection_string: { env: SECOND } } }' >>job.yaml
    doctor
    [ "$status" -eq 0 ]
    finds good credential 'north: the access key is accepted'
    finds good credential 'south: the access key is accepted'
    is "$(requests_sent)" 1
}

@test "a ledger of another resource is bad" {
    run_job
    use_emulator --seed other
    doctor
    [ "$status" -eq 4 ]
    finds bad ledger 'belongs to the resource'
}

@test "a spec that is wrong is told as everywhere, with exit 2" {
    write_job nonsense=1
    echo 'nonsense: 1' >>job.yaml
    run -2 "$ROLLCALL" doctor job.yaml
    unset COMMUNICATION_SERVICES_CONNECTION_STRING
    run -2 "$ROLLCALL" doctor job.yaml
}

# Certificates are always verified, and nothing is sent in the clear.

setup() {
    load helper
    job_setup --tls
}

teardown() {
    job_teardown
}

# trusting FILE: the spec's resource with that authority.
trusting() {
    echo "{ connection_string: { env: COMMUNICATION_SERVICES_CONNECTION_STRING }, ca_file: $1 }"
}

@test "a service with a certificate of its own works with resource.ca_file" {
    write_job resource="$(trusting "$CERTIFICATE")"
    run_job
    [ "$status" -eq 0 ]
    is "$(rows out/mapping.csv | wc -l)" 10
}

@test "what opens an encrypted connection is written to no file" {
    write_job resource="$(trusting "$CERTIFICATE")"
    SSLKEYLOGFILE=$PWD/keys run_job
    [ "$status" -eq 0 ]
    [ ! -e keys ]
}

@test "connections are kept: far fewer are made than requests sent" {
    write_roster 500
    write_job resource="$(trusting "$CERTIFICATE")" engine='{ concurrency: 8 }'
    run_job
    [ "$status" -eq 0 ]
    # One is the question's own.
    [ "$(stats .connections.total)" -le 9 ]
}

@test "a new connection takes up the TLS session of an earlier one" {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 \
        -addext subjectAltName=IP:127.0.0.1 -keyout server.key -out server.crt 2>/dev/null
    coproc SERVER { exec "${ENDS_WITH_TEST[@]}" "$PYTHON" -IS "$BATS_TEST_DIRNAME/tls_server.py" server.crt server.key counts 3>&-; }
    local port server=$SERVER_PID input=${SERVER[1]}
    IFS= read -r -u "${SERVER[0]}" port
    export COMMUNICATION_SERVICES_CONNECTION_STRING="endpoint=https://127.0.0.1:$port/;${CONNECTION_STRING#*;}"
    write_roster 40
    write_job resource="$(trusting server.crt)" token='{ scopes: [] }' engine='{ concurrency: 4, http: "1.1" }'
    run_job
    exec {input}>&-
    wait "$server"
    [ "$status" -eq 0 ]
    cat counts
    is "$(jq .requests counts)" 40
    # Those that are made at first have a handshake of their own.
    [ "$(jq .resumed counts)" -ge 30 ]
}

@test "a certificate that nobody vouches for ends the run with exit 4" {
    run_job
    [ "$status" -eq 4 ]
    says "certificate"
    says "resource.ca_file"
    is "$(requests_sent)" 0
    is "$(rows out/failures.csv)" ""
    is "$(sql 'SELECT count(*) FROM identities')" 0
    is "$(sql "SELECT count(*) FROM audit WHERE outcome = 'in_doubt'")" 0
}

@test "a certificate of another authority ends the run with exit 4" {
    local first=$CERTIFICATE
    use_emulator --tls --seed other
    cmp -s "$first" "$CERTIFICATE" && return 1
    write_job resource="$(trusting "$first")"
    run_job
    [ "$status" -eq 4 ]
    is "$(requests_sent)" 0
}

@test "a certificate of another name ends the run with exit 4" {
    use_emulator --tls --listen 127.0.0.2:0
    write_job resource="$(trusting "$CERTIFICATE")"
    run_job
    [ "$status" -eq 4 ]
    says "127.0.0.2"
}

# serve OPTIONS...: a service of OpenSSL's that answers nothing; what it is sent stands in server.log. It stands for the
# endpoint, and the job trusts it.
serve() {
    [ -p silence ] || mkfifo silence
    [ -e server.pem ] || openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost -keyout server.key -out server.pem 2>/dev/null
    "${ENDS_WITH_TEST[@]}" openssl s_server -accept 127.0.0.1:0 -cert server.pem -key server.key "$@" \
        <>silence >server.log 2>&1 3>&- &
    SERVER_PID=$!
    wait_until 10 grep -q '^ACCEPT ' server.log
    export COMMUNICATION_SERVICES_CONNECTION_STRING
    COMMUNICATION_SERVICES_CONNECTION_STRING="endpoint=https://localhost:$(sed -n 's/^ACCEPT .*://p' server.log)/;accesskey=$KEY"
    write_job resource="$(trusting server.pem)"
}

# refused CAUSE HINT: a run that ends at once, before anything is sent.
refused() {
    run_job
    [ "$status" -eq 4 ]
    says "cannot reach localhost safely: "
    says "$1"
    says "hint: $2"
    is "$(rows out/failures.csv)" ""
    is "$(sql "SELECT count(*) FROM audit WHERE code <> 'tls_untrusted'")" 0
    run -1 grep '^POST ' server.log
}

@test "a service that speaks nothing newer than TLS 1.1 is sent nothing, and ends the run with exit 4" {
    # As lax as this machine can be made, so that who refuses is rollcall.
    printf '%s\n' 'openssl_conf = o' '[o]' 'ssl_conf = s' '[s]' 'system_default = d' '[d]' 'MinProtocol = TLSv1' \
        'CipherString = DEFAULT@SECLEVEL=0' >lax.cnf
    export OPENSSL_CONF=$PWD/lax.cnf
    serve -tls1_1 -cipher ALL:@SECLEVEL=0
    refused 'protocol version' 'check the endpoint, and what stands before it: TLS 1.2 or newer is needed'
    run --separate-stderr "$ROLLCALL" doctor job.yaml
    [ "$status" -eq 4 ]
    [[ $output == *'protocol version'*'TLS 1.2 or newer is needed'* ]]
    kill "$SERVER_PID"

    rm "$LEDGER"*
    serve -tls1_2 -cipher ALL:@SECLEVEL=0
    start_job
    wait_until 20 grep -q '^POST ' server.log
    kill_job
    kill "$SERVER_PID"
}

@test "a service with which no cipher can be agreed on ends the run with exit 4" {
    serve -tls1_2 -cipher NULL-SHA256:@SECLEVEL=0
    refused 'handshake failure' 'check the endpoint, and what stands before it: TLS 1.2 or newer is needed'
    kill "$SERVER_PID"
}

@test "a file that holds no certificate is refused" {
    echo nothing >ca.pem
    write_job resource="$(trusting ca.pem)"
    run_job
    [ "$status" -ne 0 ]
    says "ca.pem"
    is "$(requests_sent)" 0
}

@test "http:// is refused for anything but loopback" {
    export COMMUNICATION_SERVICES_CONNECTION_STRING="endpoint=http://contoso.communication.azure.com/;accesskey=$KEY"
    run_job
    [ "$status" -eq 2 ]
    says "http://"
    [ ! -e "$LEDGER" ]
}

@test "a service that speaks no TLS where https:// is given ends the run with exit 4 and no user as failed" {
    use_emulator
    export COMMUNICATION_SERVICES_CONNECTION_STRING="endpoint=https://$HOST/;accesskey=$KEY"
    run_job
    [ "$status" -eq 4 ]
    says "hint: check the endpoint, and the proxy where there is one: what answers does not speak TLS"
    is "$(rows out/failures.csv)" ""
    is "$(requests_sent)" 0
}

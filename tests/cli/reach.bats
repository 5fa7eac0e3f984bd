# The way to the service: proxies, authorities, IPv6, other addresses.

setup() {
    load helper
    unset https_proxy HTTPS_PROXY http_proxy HTTP_PROXY all_proxy ALL_PROXY no_proxy NO_PROXY SSL_CERT_FILE SSL_CERT_DIR
}

teardown() {
    proxy_stop
    job_teardown
}

# proxy_start [USER:PASSWORD] [STATUS]: sets PROXY (its host and port); what it was asked is in proxy.log.
proxy_start() {
    mkfifo proxy.in proxy.out
    "${ENDS_WITH_TEST[@]}" "$PYTHON" -IS "${BATS_TEST_DIRNAME}/proxy.py" proxy.log "$@" <proxy.in >proxy.out 3>&- &
    PROXY_PID=$!
    exec {PROXY_IN}>proxy.in {PROXY_OUT}<proxy.out
    IFS= read -r -u "$PROXY_OUT" PROXY
    PROXY=127.0.0.1:$PROXY
}

proxy_stop() {
    [ -n "${PROXY_PID-}" ] || return 0
    exec {PROXY_IN}>&- {PROXY_OUT}<&-
    kill "$PROXY_PID" 2>/dev/null || true
    wait "$PROXY_PID" || true
}

# tls_job [engine]: a job for an emulator with TLS whose certificate is trusted.
tls_job() {
    write_job "engine=${1-}" "resource={ connection_string: { env: COMMUNICATION_SERVICES_CONNECTION_STRING }, ca_file: '$CERTIFICATE' }"
}

# asked: what the proxy was asked, each once.
asked() {
    sort -u proxy.log
}

all_is_done() {
    [ "$status" -eq 0 ]
    is "$(stats .identities.created)" 10
}

# refused_at_once TEXT: exit 4, and nothing but TEXT keeps the run from the service.
refused_at_once() {
    [ "$status" -eq 4 ]
    says "$1"
    is "$(stats .identities.created)" 0
}

@test "HTTPS_PROXY and https_proxy lead through a proxy, with its password" {
    job_setup --tls
    tls_job
    proxy_start anna:open-sesame
    for name in HTTPS_PROXY https_proxy; do
        rm -rf "$LEDGER"* out && : >proxy.log
        env "$name=http://anna:open-sesame@$PROXY" "$ROLLCALL" run job.yaml --json >out.json 2>messages
        is "$(asked)" "CONNECT $HOST as anna"
    done
    is "$(stats .identities.created)" 20
    is "$(grep -rl open-sesame . || true)" ""
}

@test "NO_PROXY and no_proxy lead past it" {
    job_setup --tls
    tls_job
    proxy_start
    for name in NO_PROXY no_proxy; do
        rm -rf "$LEDGER"* out
        env "https_proxy=http://$PROXY" "$name=localhost,127.0.0.1" "$ROLLCALL" run job.yaml
    done
    is "$(stats .identities.created)" 20
    [ ! -s proxy.log ]
}

@test "plain HTTP to this machine never takes a proxy" {
    job_setup
    proxy_start
    http_proxy=http://$PROXY ALL_PROXY=http://$PROXY HTTPS_PROXY=http://$PROXY run_job
    all_is_done
    [ ! -s proxy.log ]
}

@test "a proxy that wants another password, or forbids the host, stops the run at once" {
    job_setup --tls
    tls_job
    proxy_start anna:open-sesame
    HTTPS_PROXY=http://anna:wrong-word@$PROXY run_job
    refused_at_once 407
    says 'hint: check the proxy that https_proxy or HTTPS_PROXY names, its user and password, or list the host in no_proxy'
    [[ $stderr != *wrong-word* ]]
    proxy_stop
    rm proxy.in proxy.out
    proxy_start '' 403
    HTTPS_PROXY=http://$PROXY run_job
    refused_at_once 403
    # The name is then the proxy's business, and not to blame.
    COMMUNICATION_SERVICES_CONNECTION_STRING="endpoint=https://nowhere.invalid/;accesskey=a2V5" HTTPS_PROXY=http://$PROXY \
        run "$ROLLCALL" doctor job.yaml
    [[ $output =~ good\ +name\ +nowhere.invalid ]]
    [[ $output =~ bad\ +connection\ +nowhere.invalid:\ CONNECT ]]
}

@test "the address of a proxy that cannot be used is not told, since a password may stand in it" {
    job_setup --tls
    tls_job
    for address in gopher://anna:open-sesame@127.0.0.1:1 'http://anna:open-sesame@127.0.0.1:port' 'http://anna:open-sesame@[::1'; do
        HTTPS_PROXY=$address run_job
        refused_at_once 'the address of the proxy cannot be used'
        [[ $stderr != *sesame* ]]
    done
    HTTPS_PROXY=http://anna:open-sesame@proxy.invalid:3128 run_job
    refused_at_once 'proxy.invalid'
    [[ $stderr != *sesame* ]]
    is "$(grep -rl sesame . || true)" ""
}

@test "a proxy that does not answer is waited for as the service is" {
    job_setup --tls
    tls_job '{ give_up_after: 1s, timeouts: { connect: 500ms } }'
    HTTPS_PROXY=http://127.0.0.1:1 run_job
    [ "$status" -eq 1 ]
    is "$(stats .identities.created)" 0
}

@test "SSL_CERT_FILE names other authorities than the system's, ca_file comes before it" {
    job_setup --tls
    SSL_CERT_FILE=$CERTIFICATE run_job
    all_is_done
    rm -rf "$LEDGER"* out
    run_job
    [ "$status" -eq 4 ]
    tls_job
    SSL_CERT_FILE=/etc/hostname run_job
    [ "$status" -eq 0 ]
}

@test "IPv6: the brackets are part of the signed host, with TLS and without" {
    for tls in '' --tls; do
        rm -rf job.yaml "$BATS_TEST_TMPDIR/job"
        job_setup --listen '[::1]:0' $tls
        [[ $CONNECTION_STRING == endpoint=http*://\[::1\]:* ]]
        tls_job
        [ -n "$tls" ] || write_job
        run_job
        all_is_done
    done
}

@test "connect_to: another address, with the endpoint's name for TLS and signing" {
    job_setup --tls
    tls_job "{ connect_to: 'localhost:443:$HOST' }"
    export COMMUNICATION_SERVICES_CONNECTION_STRING="endpoint=https://localhost/;accesskey=$KEY"
    run_job
    all_is_done
    # The certificate is not one of this name.
    rm -rf "$LEDGER"* out
    tls_job "{ connect_to: ['other:443:127.0.0.1:1', ':443:$HOST'] }"
    export COMMUNICATION_SERVICES_CONNECTION_STRING="endpoint=https://contoso.communication.azure.com/;accesskey=$KEY"
    run_job
    [ "$status" -eq 4 ]
    says 'contoso.communication.azure.com'
}

@test "connect_to: through a proxy too" {
    job_setup --tls
    tls_job "{ connect_to: 'localhost:443:$HOST' }"
    proxy_start
    export COMMUNICATION_SERVICES_CONNECTION_STRING="endpoint=https://localhost/;accesskey=$KEY"
    HTTPS_PROXY=http://$PROXY NO_PROXY=127.0.0.1 run_job
    all_is_done
    is "$(asked)" "CONNECT $HOST"
}

@test "connect_to: plain HTTP is not led off this machine" {
    job_setup
    write_job engine="{ connect_to: '::127.0.0.1:9', timeouts: { connect: 500ms } }"
    run_job
    all_is_done
}

@test "connect_to: what is not of its form is refused with its place" {
    job_setup
    for value in 10.1.2.3:443 contoso 'a:b:c:1' ':::' 'a:1:::' 'a:0:b:1' 'a:65536:b:1' 'a:1:b c:1' 'a:1:[::1:1' 'a:1:b:1:2'; do
        write_job engine="{ connect_to: [':443:127.0.0.1:', '$value'] }"
        run -2 --separate-stderr "$ROLLCALL" validate job.yaml
        says "engine.connect_to: \"$value\" is not HOST:PORT:CONNECT-HOST:CONNECT-PORT"
        says 'hint: write for example contoso.communication.azure.com:443:10.1.2.3:443'
    done
    for value in '::[::1]:443' 'a.b-c_d:443:[fd00::1]:' '::x:' ':443::8443'; do
        write_job engine="{ connect_to: '$value' }"
        "$ROLLCALL" validate job.yaml
    done
}

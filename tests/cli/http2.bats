# HTTP/2, through a proxy in front of the emulator that writes down what was spoken.

setup() {
    load helper
    job_setup
    write_roster 200
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout proxy.key -out proxy.pem 2>/dev/null
    start_proxy
    export COMMUNICATION_SERVICES_CONNECTION_STRING="endpoint=https://127.0.0.1:$PROXY_PORT/;accesskey=$KEY"
}

teardown() {
    kill "$PROXY_PID" 2>/dev/null || true
    wait "$PROXY_PID" || true
    job_teardown
}

proxy_answers() {
    curl -sS --cacert proxy.pem -o proxy.answer "https://127.0.0.1:$PROXY_PORT/" 2>/dev/null
}

# start_proxy: at a port that nobody has; sets PROXY_PORT and PROXY_PID. Each request becomes a line of spoken.log.
start_proxy() {
    local _
    for _ in 1 2 3 4 5; do
        PROXY_PORT=$((20000 + RANDOM % 12000))
        # shellcheck disable=SC2016 # the names in the format are nghttpx's
        nghttpx --conf=/dev/null --workers=1 --frontend="127.0.0.1,$PROXY_PORT" --backend="127.0.0.1,${HOST#*:}" \
            --accesslog-file=spoken.log --accesslog-format='$alpn $status $remote_port' --errorlog-file=proxy.log \
            --single-process proxy.key proxy.pem 3>&- &
        PROXY_PID=$!
        if wait_until 30 proxy_answers_or_ended && proxy_answers; then
            : >spoken.log
            return
        fi
    done
    cat proxy.log
    return 1
}

proxy_answers_or_ended() {
    proxy_answers || ! kill -0 "$PROXY_PID" 2>/dev/null
}

# onboard VERSION: with engine.http set to it.
onboard() {
    write_job engine="{ http: $1 }" \
        resource='{ connection_string: { env: COMMUNICATION_SERVICES_CONNECTION_STRING }, ca_file: proxy.pem }'
    run_job
    [ "$status" -eq 0 ]
    is "$(rows out/mapping.csv | wc -l)" 200
    is "$(stats .identities.created)" 200
}

# spoken: each version of HTTP with its count of requests.
spoken() {
    awk '$2 == 201 { print $1 }' spoken.log | sort | uniq -c | awk '{ print $2, $1 }'
}

@test "engine.http: 2 sends every request over HTTP/2, on few connections" {
    onboard 2
    is "$(spoken)" "h2 200"
    [ "$(awk '{ print $3 }' spoken.log | sort -u | wc -l)" -le 4 ]
}

@test "engine.http: 1.1 sends every request over HTTP/1.1" {
    onboard 1.1
    is "$(spoken)" "http/1.1 200"
}

@test "engine.http: auto takes HTTP/2 where the service offers it" {
    onboard auto
    is "$(spoken)" "h2 200"
}

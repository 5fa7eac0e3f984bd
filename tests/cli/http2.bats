# HTTP/2, through nginx in front of the emulator, which writes down what was spoken.

setup() {
    load helper
    job_setup
    write_roster 200
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout nginx.key -out nginx.pem 2>/dev/null
}

teardown() {
    nginx_stop
    job_teardown
}

# write_nginx_conf [DIRECTIVE;...]: nginx.conf, with these in the server's block.
write_nginx_conf() {
    cat >nginx.conf <<END
daemon off;
master_process off;
pid nginx.pid;
events {}
http {
    log_format spoken '\$server_protocol \$status \$remote_port';
    access_log spoken.log spoken;
    client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp; scgi_temp_path temp;
    upstream emulator { server $HOST; keepalive 64; }
    server {
        listen 127.0.0.1:$NGINX_PORT ssl http2;
        ssl_certificate nginx.pem;
        ssl_certificate_key nginx.key;
        $*
        location / {
            proxy_pass http://emulator;
            proxy_http_version 1.1;
            proxy_set_header Host \$http_host;
            proxy_set_header Connection '';
        }
    }
}
END
}

nginx_answers() {
    curl -sS --cacert nginx.pem -o nginx.answer "https://127.0.0.1:$NGINX_PORT/" 2>/dev/null
}

nginx_answers_or_ended() {
    nginx_answers || ! kill -0 "$NGINX_PID" 2>/dev/null
}

# nginx_start [DIRECTIVE;...]: at a port that nobody has, and points jobs at it. Each request becomes a line of spoken.log.
nginx_start() {
    local _
    mkdir temp
    for _ in 1 2 3 4 5; do
        NGINX_PORT=$((20000 + RANDOM % 12000))
        write_nginx_conf "$@"
        "${ENDS_WITH_TEST[@]}" /usr/sbin/nginx -p "$PWD" -c nginx.conf -e nginx.err 3>&- &
        NGINX_PID=$!
        if wait_until 30 nginx_answers_or_ended && nginx_answers; then
            : >spoken.log
            export COMMUNICATION_SERVICES_CONNECTION_STRING="endpoint=https://127.0.0.1:$NGINX_PORT/;accesskey=$KEY"
            return
        fi
    done
    cat nginx.err
    return 1
}

nginx_stop() {
    kill "$NGINX_PID" 2>/dev/null || true
    wait "$NGINX_PID" || true
}

# onboard [http: VERSION] [custom_id: true]: as engine and as part of resource.
onboard() {
    write_job engine="{ ${1-} }" resource="{ connection_string: { env: COMMUNICATION_SERVICES_CONNECTION_STRING },
  ca_file: nginx.pem, ${2-} }"
    run_job
    [ "$status" -eq 0 ]
    is "$(rows out/mapping.csv | wc -l)" 200
    is "$(stats .identities.created)" 200
}

# spoken: each version of HTTP with its count of requests.
spoken() {
    awk '$2 == 201 { print $1 }' spoken.log | sort | uniq -c | awk '{ print $2, $1 }'
}

in_doubt() {
    sql "SELECT count(*) FROM audit WHERE outcome = 'in_doubt'"
}

@test "engine.http: 2 sends every request over HTTP/2, on few connections" {
    nginx_start
    onboard 'http: 2'
    is "$(spoken)" "HTTP/2.0 200"
    [ "$(awk '{ print $3 }' spoken.log | sort -u | wc -l)" -le 4 ]
}

@test "engine.http: auto takes HTTP/2 where the service offers it and a request can be repeated" {
    nginx_start
    onboard 'http: auto' 'custom_id: true'
    is "$(spoken)" "HTTP/2.0 200"
}

@test "without custom ids it takes HTTP/1.1: a service that ends connections puts no create in doubt" {
    nginx_start 'keepalive_requests 20;'
    onboard
    is "$(spoken)" "HTTP/1.1 200"
    is "$(in_doubt)" 0
}

@test "a connection of HTTP/2 that the service ends (GOAWAY) makes nobody twice and loses nobody" {
    nginx_start 'keepalive_requests 20;'
    onboard 'http: 2' 'custom_id: true'
    is "$(in_doubt)" 0
    # Without custom ids what was under way is in doubt, and said so.
    rm -rf "$LEDGER"* out
    write_job engine='{ http: 2 }' \
        resource='{ connection_string: { env: COMMUNICATION_SERVICES_CONNECTION_STRING }, ca_file: nginx.pem }'
    run_job
    [ "$status" -eq 0 ]
    [ "$(in_doubt)" -gt 0 ]
    is "$(column 2 out/mapping.csv | sort -u | wc -l)" 200
}

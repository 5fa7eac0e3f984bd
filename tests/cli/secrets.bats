# Neither the access key nor a token is found anywhere but in the tokens file.

setup() {
    load helper
    load memory_helper
    job_setup --latency 100ms
    write_roster 1000
    write_job engine='{ concurrency: 2 }'
}

teardown() {
    job_teardown
}

# start_and_stop [options]: a run that is ended after some users.
start_and_stop() {
    start_job "$@"
    wait_until 30 has_requests 10
    cat "/proc/$RUN_PID/cmdline" "/proc/$RUN_PID"/task/*/comm >shown
    kill -TERM "$RUN_PID"
    end_job
    [ "$status" -eq 143 ]
}

# holds_no_secret FILE...: neither the key nor a token, nor the signing half of one.
holds_no_secret() {
    { echo "$KEY" && column 3 out/tokens.csv && column 3 out/tokens.csv | cut -d. -f3; } >secrets
    [ "$(wc -l <secrets)" -ge 17 ]
    run -1 grep -aFlf secrets "$@"
}

@test "the tokens file is the only one with tokens" {
    start_and_stop --json --log json --log-level debug
    grep -q user_done run.err
    grep -qFf <(column 3 out/tokens.csv) out/tokens.csv
    holds_no_secret "$LEDGER"* run.out run.err out/mapping.csv out/failures.csv
}

@test "status, plan, export and report show no secret" {
    start_and_stop
    "$ROLLCALL" status job.yaml >status.txt
    "$ROLLCALL" status --json job.yaml >status.json
    "$ROLLCALL" plan job.yaml >plan.txt
    "$ROLLCALL" export job.yaml >export.csv
    "$ROLLCALL" report job.yaml >report.html
    holds_no_secret status.txt status.json plan.txt export.csv report.html
}

@test "a running process shows no secret in its command line or its title" {
    start_and_stop
    holds_no_secret shown
}

# killed_with_core COMMAND...: does it leave a core dump when it is told to?
killed_with_core() {
    ulimit -c unlimited
    run timeout -s QUIT 1 env --default-signal=QUIT "$@"
    echo "$output"
    [ "$status" -eq 124 ]
    rm -f core*
    [[ $output == *"dumped core"* ]]
}

@test "a process that is killed leaves no core dump" {
    killed_with_core sleep 10 || skip "there are no core dumps here at all"
    emulator_stop_all
    use_emulator --latency 30s
    killed_with_core "$ROLLCALL" run job.yaml && return 1
    is "$status" 124
}

@test "a message about a rejected credential does not show it" {
    local wrong
    wrong=$(printf '%064d' 8 | base64 -w0)
    export COMMUNICATION_SERVICES_CONNECTION_STRING="endpoint=$ENDPOINT/;accesskey=$wrong"
    run_job --json --log text --log-level debug
    [ "$status" -eq 4 ]
    [[ $output$stderr != *"$wrong"* ]]
    [[ $output$stderr != *Signature=* ]]
    run -1 grep -aF "$wrong" "$LEDGER"
    run -1 grep -aF 'Signature=' "$LEDGER"
}

@test "a message about a broken connection string does not show it" {
    export COMMUNICATION_SERVICES_CONNECTION_STRING="endpoint=$ENDPOINT/;accesskey=$KEY;accesskey=$KEY"
    run_job
    [[ $output$stderr != *"$KEY"* ]]
    export COMMUNICATION_SERVICES_CONNECTION_STRING="accesskey=$KEY"
    run_job
    [ "$status" -eq 2 ]
    [[ $output$stderr != *"$KEY"* ]]
}

@test "the journal of a killed run is readable by its owner only" {
    umask 000
    start_job
    wait_until 30 has_requests 4
    kill -KILL "$RUN_PID"
    end_job
    is "$(mode out/.tokens.csv.partial)" 600
    is "$(stat -c %a "$LEDGER"* | sort -u)" 600
}

# --- memory --------------------------------------------------------------------------------------------------------

@test "at its end a process has neither the key nor a token in its memory" {
    needs_to_read_memory
    memory_setup
    export ROLLCALL_TEST_MARKER=env-that-shows-the-search-works
    run_to_its_end
    tells_what_it_holds
    forgets 300
    [ "$status" -eq 0 ]
    # And one that reads the old tokens, replaces most of them and carries the others over.
    sed -i 5,40d users.csv
    run_to_its_end --reissue-all
    forgets 564
    [ "$status" -eq 0 ]
}

@test "over TLS as well" {
    needs_to_read_memory
    memory_setup --tls
    run_to_its_end
    forgets 300
    [ "$status" -eq 0 ]
}

@test "at its end a run that was stopped by a signal has none of them either" {
    needs_to_read_memory
    memory_setup --latency 100ms
    LD_PRELOAD=$PWD/stop.so start_job
    wait_until 30 has_requests 40
    kill -TERM "$RUN_PID"
    wait_until 60 is_stopped
    forgets 16
    [ "$status" -eq 143 ]
}

# holds_nothing_of FILE...: neither the ledger nor what was shown has a line of them.
holds_nothing_of() {
    cat "$@" | grep . >lines
    run -1 grep -aFlf lines "$LEDGER"* run.out run.err out/mapping.csv
}

@test "at its end a run that signed in with Entra ID has neither the client secret nor a bearer token in its memory" {
    needs_to_read_memory
    load entra_helper
    memory_setup --tls --bearer-lifetime 1s --client-secret 'a~client+secret/of.this=test'
    (umask 077 && printf '%s' 'a~client+secret/of.this=test' >client_secret)
    printf '%s\n' 'a~client+secret/of.this=test' 'a~client%2Bsecret%2Fof.this%3Dtest' >secrets
    write_job resource="{ endpoint: '$ENDPOINT', ca_file: $CERTIFICATE, credential: { kind: client_secret, tenant_id: $TENANT,
        client_id: $CLIENT_ID, client_secret: { file: client_secret }, authority_host: '$ENDPOINT', ca_file: $CERTIFICATE } }" \
        engine='{ concurrency: 8, quotas: { create: 100/1s, issue: none } }'
    run_to_its_end --json
    [ "$(stats '.requests.token."200"')" -ge 2 ]
    column 3 out/tokens.csv >tokens
    # Every bearer token begins with the same words.
    printf '%s' '{"typ":"JWT","alg":"ES256"' | base64 -w0 | cut -c1-32 >bearer
    in_memory secrets tokens bearer
    holds_nothing_of secrets bearer
    kill -CONT "$RUN_PID"
    end_job
    [ "$status" -eq 0 ]
}

@test "while a run lasts only the latest tokens are in its memory, and the connection string is not" {
    needs_to_read_memory
    memory_setup --latency 20ms
    write_roster 5000
    start_job
    wait_until 30 has_requests 200
    kill -STOP "$RUN_PID"
    wait_until 30 is_stopped
    # The key is there to sign with, once as the bytes that it stands for and not as the text.
    run -1 in_memory key
    [[ $output == *decoded* ]]
    [ "$(grep -vc decoded <<<"$output")" -eq 0 ]
    # What libcurl received last on each connection stays until the next answer, and a batch may be at work.
    column 3 out/.tokens.csv.partial | head -n -40 >tokens
    [ "$(wc -l <tokens)" -ge 50 ]
    in_memory tokens
    kill -CONT "$RUN_PID"
    kill -TERM "$RUN_PID"
    end_job
}

@test "a run that need not start another process starts none, and one place alone can" {
    memory_setup --latency 50ms
    start_job
    wait_until 30 has_requests 20
    is "$(cat "/proc/$RUN_PID"/task/*/children)" ''
    kill -TERM "$RUN_PID"
    end_job
    run grep -lE '\b(fork|vfork|posix_spawnp?|popen|system|exec[lv][pe]*) *\(' -r "$ROLLCALL_SOURCE/lib" "$ROLLCALL_SOURCE/cmd/rollcall"
    is "$output" "$ROLLCALL_SOURCE/lib/core/child.c"
}

# Neither the access key nor a token is found anywhere but in the tokens file.

setup() {
    load helper
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
    start_and_stop --json
    grep -qFf <(column 3 out/tokens.csv) out/tokens.csv
    holds_no_secret "$LEDGER"* run.out run.err out/mapping.csv out/failures.csv
}

@test "status, plan and export show no secret" {
    start_and_stop
    "$ROLLCALL" status job.yaml >status.txt
    "$ROLLCALL" status --json job.yaml >status.json
    "$ROLLCALL" plan job.yaml >plan.txt
    "$ROLLCALL" export job.yaml >export.csv
    holds_no_secret status.txt status.json plan.txt export.csv
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
    run_job --json
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

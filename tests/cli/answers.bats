# What the service's answers, and their absence, lead to.

setup() {
    load helper
    job_setup
}

teardown() {
    job_teardown
}

# throttled_job FORM: twice as many users as the service takes in a window that we do not know of.
throttled_job() {
    emulator_stop_all
    use_emulator --limits create=20/1s --retry-after "$1"
    write_roster 60
    write_job engine='{ quotas: { create: none, issue: none } }'
    run_job --json
    [ "$status" -eq 0 ]
    is "$(jq -c 'select(.event == "run_ended") | [.done, .failed, .left, .throttled > 0]' <<<"$output")" '[60,0,0,true]'
    is "$(stats '.identities.active, .requests.create["429"] > 0' | xargs)" "60 true"
    is "$(rows out/failures.csv)" ""
    is "$(sql "SELECT count(*) > 0 FROM audit WHERE outcome = 'throttled' AND status = 429")" 1
}

@test "a throttle with Retry-After in seconds fails nobody" {
    throttled_job seconds
}

@test "a throttle with Retry-After as a date fails nobody" {
    throttled_job date
}

@test "a throttle with retry-after-ms fails nobody" {
    throttled_job ms
}

@test "a throttle with x-ms-retry-after-ms fails nobody" {
    throttled_job x-ms
}

@test "a throttle without a time to wait fails nobody" {
    throttled_job none
}

@test "a service that allows less than the spec says is asked for less, and the summary says so" {
    emulator_stop_all
    use_emulator --limits create=10/500ms --retry-after ms
    write_roster 80
    write_job engine='{ concurrency: 8, quotas: { create: 40/500ms, issue: none } }'
    run_job
    [ "$status" -eq 0 ]
    [[ $stderr =~ "the service allowed about "([0-9]+)" provision requests in 0.5 s, the spec says 40; set engine.quotas" ]]
    [ "${BASH_REMATCH[1]}" -le 20 ]
    is "$(rows out/failures.csv)" ""
}

@test "a throttle stops the sending until the time that the service gave" {
    emulator_stop_all
    use_emulator --limits create=20/2s --window fixed --retry-after ms
    write_roster 40
    write_job engine='{ concurrency: 4, quotas: { create: none, issue: none } }'
    run_job
    [ "$status" -eq 0 ]
    # What was on its way is refused, a few times over on a slow machine; not attempt after attempt for two seconds.
    [ "$(stats '.requests.create["429"]')" -le 30 ]
}

@test "a wrong key stops the run at once with exit 4 and fails nobody" {
    emulator_stop_all
    use_emulator --latency 20ms
    local wrong
    wrong=$(printf '%064d' 8 | base64 -w0)
    export COMMUNICATION_SERVICES_CONNECTION_STRING="endpoint=$ENDPOINT/;accesskey=$wrong"
    write_roster 500
    write_job engine='{ concurrency: 4 }'
    run_job
    [ "$status" -eq 4 ]
    says "401 Denied"
    says "hint: the access key is wrong, of another resource, or was regenerated"
    says "500 left for the next run"
    is "$(rows out/failures.csv)" ""
    is "$(stats .identities.created)" 0
    [ "$(requests_sent)" -le 16 ]
    # With the right key nothing stands in the way.
    export COMMUNICATION_SERVICES_CONNECTION_STRING=$CONNECTION_STRING
    run_job
    [ "$status" -eq 0 ]
    is "$(rows out/mapping.csv | wc -l)" 500
}

@test "a service that cannot be reached ends the run with exit 1 after engine.give_up_after" {
    emulator_stop
    write_job engine='{ give_up_after: 2s }'
    run_job
    [ "$status" -eq 1 ]
    [[ $stderr =~ "has failed for "[2-9].[0-9]" s (" ]]
    says "10 left for the next run"
    is "$(rows out/failures.csv)" ""
    is "$(sql 'SELECT count(*) FROM identities')" 0
    is "$(sql 'SELECT count(*) FROM tasks')" 0
    # A request that never left puts nothing in doubt.
    is "$(sql "SELECT count(*) FROM audit WHERE outcome = 'in_doubt'")" 0
}

@test "one user alone makes a run give up as well" {
    emulator_stop
    write_job engine='{ give_up_after: 1s }'
    local begin=$SECONDS
    run_job --only user000001@contoso.example
    [ "$status" -eq 1 ]
    says "has failed for"
    [ $((SECONDS - begin)) -le 30 ]
}

@test "a service that comes back is taken up again by the run that waits for it" {
    local port=${HOST#*:}
    emulator_stop
    start_job
    wait_until 30 grep -q 'the service fails' run.err
    use_emulator --listen "127.0.0.1:$port"
    end_job
    [ "$status" -eq 0 ]
    is "$(stats .identities.active)" 10
}

@test "a host that does not exist ends the run at once with exit 4" {
    export COMMUNICATION_SERVICES_CONNECTION_STRING="endpoint=https://contoso.invalid/;accesskey=$KEY"
    run_job
    [ "$status" -eq 4 ]
    says "contoso.invalid"
    says "hint: check the endpoint's name in the connection string"
    is "$(sql 'SELECT count(*) FROM identities')" 0
}

@test "a create whose answer was lost is recorded as in doubt and made anew" {
    emulator_stop_all
    use_emulator --remember-request-ids --latency 1500ms
    write_roster 3
    write_job engine='{ timeouts: { request: 1s }, give_up_after: 3s }'
    run_job
    [ "$status" -eq 1 ]
    says "in doubt"
    run --separate-stderr "$ROLLCALL" status --json job.yaml
    local doubtful
    doubtful=$(jq -r '.in_doubt[].request_id' <<<"$output" | sort)
    [ -n "$doubtful" ]
    is "$(emulator_identities .clientRequestId | sort)" "$doubtful"
    is "$(rows out/mapping.csv)" ""
}

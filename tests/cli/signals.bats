# Asked to stop, a run finishes what is on its way, writes its outputs and leaves the rest to the next one.

setup() {
    load helper
    job_setup --limits none --latency 50ms
    write_roster 1000
    write_job engine='{ concurrency: 4 }'
}

teardown() {
    job_teardown
}

# start_slow_job: a run in the background that has sent some requests. (A shell without job control starts its
# children with SIGINT ignored.)
start_slow_job() {
    "${ENDS_WITH_TEST[@]}" env --default-signal=INT "$ROLLCALL" run job.yaml >run.out 2>run.err 3>&- &
    RUN_PID=$!
    wait_until 30 has_requests 20
}

# stopped_well STATUS: with this exit status, nothing in doubt and whole outputs; and the next run does the rest.
stopped_well() {
    local done_users
    end_job
    [ "$status" -eq "$1" ]
    grep -q 'run 1 interrupted' run.err
    done_users=$(sql 'SELECT count(*) FROM identities')
    [ "$done_users" -ge 16 ]
    [ "$done_users" -lt 1000 ]
    grep -q "$((1000 - done_users)) left for the next run" run.err
    is "$(stats .identities.created)" "$done_users"
    is "$(rows out/mapping.csv | wc -l)" "$done_users"
    is "$(rows out/tokens.csv | wc -l)" "$done_users"
    is "$(rows out/failures.csv)" ""
    is "$(sql 'SELECT count(*) FROM tasks')" 0
    is "$(sql "SELECT count(*) FROM audit WHERE outcome <> 'done'")" 0
    write_job engine='{ quotas: { create: none, issue: none } }'
    run_job
    [ "$status" -eq 0 ]
    is "$(stats .identities.created)" 1000
    is "$(rows out/tokens.csv | wc -l)" 1000
}

@test "an interrupted run exits 130 and is resumed by the next one" {
    start_slow_job
    kill -INT "$RUN_PID"
    stopped_well 130
}

@test "a terminated run exits 143 and is resumed by the next one" {
    start_slow_job
    kill -TERM "$RUN_PID"
    stopped_well 143
}

@test "a run whose terminal goes away ends as a terminated one" {
    start_slow_job
    kill -HUP "$RUN_PID"
    stopped_well 143
}

@test "a run that waits for the quota can be interrupted" {
    write_job engine='{ quotas: { create: 20/1h } }'
    start_slow_job
    wait_until 30 grep -q 'waiting for the quota' run.err
    kill -INT "$RUN_PID"
    end_job
    [ "$status" -eq 130 ]
    is "$(rows out/mapping.csv | wc -l)" 20
}

# ended_by SIGNAL: a run with --reissue-all ends after 20 of its 30 users; the next one, without the option, does the rest.
ended_by() {
    local before
    write_roster 30
    write_job
    run_job
    before=$(column 3 out/tokens.csv | sort)
    write_job engine='{ quotas: { issue: 50/1h } }' # 30 came with the identities
    start_job --reissue-all
    wait_until 30 grep -q 'waiting for the quota' run.err
    wait_until 30 issued 20
    kill -"$1" "$RUN_PID"
    end_job
    write_job engine='{ quotas: { issue: none } }'
    run -0 "$ROLLCALL" plan --json job.yaml
    is "$(grep -c '"category":"expiring"' <<<"$output")" 10
    # Until it is replaced a token counts: nobody is without one.
    is "$(sql "SELECT count(*) FROM identities WHERE token_expires_at > 0")" 30
    run_job
    [ "$status" -eq 0 ]
    issued 30
    is "$(comm -12 <(echo "$before") <(column 3 out/tokens.csv | sort))" ''
    is "$(rows out/tokens.csv | wc -l)" 30
    run_job
    says "nothing to do"
}

# issued COUNT: so many tokens, beside those that came with an identity.
issued() {
    [ "$(sql "SELECT count(*) FROM audit WHERE action = 'issue' AND outcome = 'done'")" -eq "$1" ]
}

@test "what an interrupted --reissue-all left is done by the next run, with or without the option" {
    ended_by TERM
}

@test "so is what one left that was killed" {
    ended_by KILL
}

@test "a second signal ends the run at once, and the next one knows what is in doubt" {
    emulator_stop_all
    use_emulator --latency 30s --remember-request-ids
    "${ENDS_WITH_TEST[@]}" env --default-signal=INT "$ROLLCALL" run --log text job.yaml >run.out 2>run.err 3>&- &
    RUN_PID=$!
    wait_until 30 has_requests 4
    kill -INT "$RUN_PID"
    wait_until 30 grep -q 'stopping: Ctrl-C again quits at once' run.err
    kill -0 "$RUN_PID"
    kill -INT "$RUN_PID"
    local asked=$SECONDS
    end_job
    [ "$status" -eq 130 ]
    [ $((SECONDS - asked)) -le 8 ]
    write_job rules='{ added: keep }'
    run_job
    [ "$status" -eq 0 ]
    is "$(sql "SELECT count(*) FROM audit WHERE outcome = 'in_doubt'")" 4
}

@test "what is in flight for 10 s is waited for no longer, and is in doubt" {
    emulator_stop_all
    use_emulator --latency 60s
    start_job
    wait_until 30 has_requests 4
    kill -TERM "$RUN_PID"
    local asked=$SECONDS
    end_job
    [ "$status" -eq 143 ]
    [ $((SECONDS - asked)) -ge 9 ]
    [ $((SECONDS - asked)) -le 25 ]
    is "$(sql "SELECT count(*) FROM audit WHERE outcome = 'in_doubt'")" 4
}

@test "a terminal that goes away while a run ends in good order has it end at once, as a terminated one" {
    emulator_stop_all
    use_emulator --latency 30s
    start_job
    wait_until 30 has_requests 4
    kill -TERM "$RUN_PID"
    sleep 0.3
    kill -HUP "$RUN_PID"
    local asked=$SECONDS
    end_job
    [ "$status" -eq 143 ]
    [ $((SECONDS - asked)) -le 8 ]
}

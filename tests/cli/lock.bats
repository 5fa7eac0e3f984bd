# One run at a time holds a ledger.

setup() {
    load helper
    job_setup --latency 100ms
    write_roster 1000
    write_job engine='{ concurrency: 2 }'
    start_job
    wait_until 30 has_requests 2
}

teardown() {
    job_teardown
}

@test "a second run at the same time exits 5 and sends nothing" {
    run_job
    [ "$status" -eq 5 ]
    says "another run holds the ledger"
    says "hint: "
    kill -TERM "$RUN_PID"
    end_job
    [ "$status" -eq 143 ]
    is "$(requests_sent)" "$(sql 'SELECT count(*) FROM identities')"
}

@test "status and plan can be asked while a run lasts" {
    run --separate-stderr "$ROLLCALL" status --json job.yaml
    show_run
    [ "$status" -eq 0 ]
    is "$(jq -r '.runs[0].state' <<<"$output")" running
    run --separate-stderr "$ROLLCALL" plan job.yaml
    show_run
    [ "$status" -eq 0 ]
    kill -0 "$RUN_PID"
}

has_identities() {
    [ "$(sql 'SELECT count(*) FROM identities')" -gt 0 ]
}

@test "the lock is gone when the run is killed" {
    wait_until 30 has_identities
    kill -KILL "$RUN_PID"
    end_job
    [ "$status" -eq 137 ]
    run --separate-stderr "$ROLLCALL" status job.yaml
    show_run
    [[ $output == *' requests of a run that was killed, sent or about to be'* ]]
    [[ $output == *' crashed '* ]]
    # What it did is told, though it wrote no numbers at its end; the report calls it what status does.
    [[ $output == *" $(sql "SELECT count(*) FROM identities") provisioned"* ]]
    [ "$("$ROLLCALL" report job.yaml | grep -c 'class="badge bad">crashed<')" -eq 1 ]
    write_job
    run_job
    [ "$status" -eq 0 ]
    is "$(sql 'SELECT state FROM runs ORDER BY id' | xargs)" "crashed done"
}

# outputs.metrics: Prometheus text for the node exporter's textfile collector.

setup() {
    load helper
    job_setup
    write_job outputs='{ failures: out/failures.csv, tokens: { csv: out/tokens.csv }, metrics: out/job.prom }'
}

teardown() {
    job_teardown
}

# metric NAME LABELS: its value; LABELS are those besides job_name.
metric() {
    sed -n "s/^rollcall_$1{job_name=\"contoso-staff\"${2:+,$2}} //p" out/job.prom
}

# checked: promtool finds nothing wrong with the file.
checked() {
    if ! command -v promtool >/dev/null; then
        skip "promtool is not installed"
    fi
    run promtool check metrics <out/job.prom
    echo "$output"
    [ "$status" -eq 0 ]
    is "$output" ''
}

@test "a run writes how the job stands, and promtool finds it right" {
    run_job
    [ "$status" -eq 0 ]
    is "$(mode out/job.prom)" 644
    is "$(metric last_exit_status)" 0
    is "$(metric users 'state="active"')" 10
    is "$(metric tokens_live)" 10
    is "$(metric tokens_expiring 'within="24h"')" 10
    is "$(metric tokens_expiring 'within="1h"')" 0
    is "$(metric requests_total 'action="provision",outcome="done"')" 10
    is "$(metric request_duration_seconds_count 'action="provision"')" 10
    is "$(metric request_duration_seconds_bucket 'action="provision",le="+Inf"')" 10
    is "$(metric last_run_users 'result="done"')" 10
    [ $((EPOCHSECONDS - $(metric last_success_timestamp_seconds))) -lt 60 ]
    [ "$(metric last_run_duration_seconds)" != 0 ]
    run -1 grep -e contoso.example -e '8:acs' out/job.prom
    checked
}

@test "counters add up over the runs of one job, killed ones included, and leave out those of others" {
    run_job --limit 4
    run_job
    is "$(metric requests_total 'action="provision",outcome="done"')" 10
    run_job --reissue-all
    is "$(metric requests_total 'action="issue",outcome="done"')" 10
    # A run that could not write them: its attempts are added by the next one.
    sql "INSERT INTO runs (started_at, state, job, operator, roster_rows) VALUES (1, 'running', 'contoso-staff', '', 0);
         INSERT INTO audit (at, run, key, action, outcome, attempt, status, request_id, elapsed_ms)
         SELECT 1, max(id), 'x', 'provision', 'throttled', 1, 429, 'r', 3 FROM runs;
         INSERT INTO runs (started_at, state, job, operator, roster_rows) VALUES (1, 'running', 'contoso-other', '', 0);
         INSERT INTO audit (at, run, key, action, outcome, attempt, status, request_id, elapsed_ms)
         SELECT 1, max(id), 'x', 'provision', 'done', 1, 201, 'r', 70000 FROM runs"
    run_job
    is "$(metric requests_total 'action="provision",outcome="throttled"')" 1
    is "$(metric requests_total 'action="provision",outcome="done"')" 10
    is "$(metric request_duration_seconds_count 'action="provision"')" 10
    checked
}

@test "a refused run shows in the exit status and leaves the last success as it was" {
    run_job
    local before
    before=$(metric last_success_timestamp_seconds)
    write_roster 2
    write_job limits='{ shrink: 10% }' \
        outputs='{ failures: out/failures.csv, tokens: { csv: out/tokens.csv }, metrics: out/job.prom }'
    run_job
    [ "$status" -eq 3 ]
    is "$(metric last_exit_status)" 3
    is "$(metric last_success_timestamp_seconds)" "$before"
    is "$(metric users 'state="active"')" 10
    checked
}

@test "what is wrong with the ledger is said once, and the metrics of before are left alone" {
    run_job
    cp out/job.prom before
    dd if=/dev/zero of="$LEDGER" bs=512 count=1 conv=notrunc status=none
    run_job
    [ "$status" -eq 2 ]
    is "$(grep -c '^rollcall: ' <<<"$stderr")" 1
    cmp out/job.prom before
}

@test "a job that never ran has no success, and all its metrics" {
    write_roster 0
    run_job
    [ "$status" -eq 2 ]
    is "$(metric last_exit_status)" 2
    is "$(metric last_success_timestamp_seconds)" 0
    is "$(metric users 'state="active"')" 0
    checked
}

# refused_for_metrics STATUS REASON PATH: a run with metrics there ends so, says it once and has done nothing.
refused_for_metrics() {
    write_job outputs="{ tokens: { csv: out/tokens.csv }, metrics: $3 }"
    run_job
    [ "$status" -eq "$1" ]
    is "$(grep -cF "$2" <<<"$stderr")" 1
    is "$(grep -c '^rollcall: ' <<<"$stderr")" 1
    nothing_was_sent
}

@test "a place where metrics cannot be written is found before anything is sent, as for every output" {
    refused_for_metrics 1 'cannot make the directory /proc/nowhere' /proc/nowhere/job.prom
    ln -s elsewhere.prom link.prom
    refused_for_metrics 2 'link.prom is a symbolic link, not a regular file' link.prom
    [ ! -e elsewhere.prom ]
    mkdir -m 777 open
    refused_for_metrics 2 'open can be written to by others (mode 0777)' open/job.prom
    mkdir open/job.prom theirs
    chmod 755 open
    refused_for_metrics 2 'open/job.prom is something else, not a regular file' open/job.prom
    if [ "$(id -u)" -eq 0 ]; then
        chown nobody theirs
        refused_for_metrics 2 'the directory ./theirs belongs to another user' ./theirs/job.prom
    fi
    # Who only looks is not kept from it.
    run_job --dry-run
    [ "$status" -eq 0 ]
}

@test "metrics whose place is lost during the run are said, and the run is not thrown away" {
    write_program store <<<'cat >/dev/null; ln -sf x job.prom'
    write_job outputs='{ tokens: { command: ./store }, metrics: job.prom }'
    run_job
    [ "$status" -eq 1 ]
    says 'run 1 done: 10 provisioned'
    says 'job.prom is a symbolic link'
    is "$(sql "SELECT count(*) FROM identities")" 10
}

@test "the sample alerts are rules that Prometheus takes, about metrics that there are" {
    command -v promtool >/dev/null || skip "promtool is not installed"
    promtool check rules "$ROLLCALL_SOURCE/jobs/prometheus/alerts.yaml"
    run_job
    local name
    for name in $(grep -oE 'rollcall_[a-z_]+' "$ROLLCALL_SOURCE/jobs/prometheus/alerts.yaml" | sort -u); do
        grep -q "^$name{" out/job.prom
    done
}

# What a service that goes wrong in the middle of a run leads to: what the run says, how it ends, and what the next one does.

setup() {
    load helper
    job_setup --limits none
    emulator_stop_all
    write_roster 60
    write_job engine='{ concurrency: 4, quotas: { create: none, issue: none } }'
}

teardown() {
    job_teardown
}

# with_faults RULE... [-- emulator options]
with_faults() {
    : >faults.yaml
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        echo "- $1" >>faults.yaml
        shift
    done
    use_emulator --limits none --remember-request-ids --faults faults.yaml "${@:2}"
}

# the_next_run_finishes: or those after it, when the fault goes on. Everybody has an identity, and those that nobody knows are
# listed as in doubt.
the_next_run_finishes() {
    for _ in {1..9}; do
        run_job
        [ "$status" -eq 4 ] || break
    done
    [ "$status" -eq 0 ]
    is "$(rows out/failures.csv)" ""
    is "$(rows out/mapping.csv | wc -l)" 60
    emulator_identities '.id' | sort >made
    column 2 out/mapping.csv | sort | comm -13 - made >strangers
    "$ROLLCALL" status --json job.yaml | jq -r '.in_doubt[].request_id' | sort >in_doubt
    emulator_identities '"\(.id) \(.clientRequestId)"' | grep -Ff strangers | cut -d' ' -f2 | sort | comm -23 - in_doubt >lost
    is "$(cat lost)" ""
}

@test "the failures file has the first cause of a user and the last" {
    printf 'user_id,name\nanna,Anna\n' >users.csv
    with_faults '{ operation: create, nth: 1, status: 503, code: Overloaded }' '{ nth: 2, status: 500, code: Broken }' \
        '{ from: 3, until: 6, status: 429, retry_after: 0 }' '{ from: 7, until: 9, status: 429, retry_after: 0, code: Busy }' \
        '{ nth: 10, status: 409, code: Conflict }'
    run_job
    [ "$status" -eq 1 ]
    says '1 failed: see out/failures.csv'
    is "$(rows out/failures.csv | cut -d, -f1,3,4,5,8,9)" 'anna,added,provision,Conflict,Overloaded,10'
    # What was repeated is one line of the history, and what may have made an identity is a line of its own.
    "$ROLLCALL" history job.yaml anna >history
    is "$(grep -c ' in_doubt ' history)" 2
    grep -A 1 ' repeated 7 times$' history | grep -q '^ until .*: first Fault, last Busy$'
    # What failed is a roster again.
    mv out/failures.csv again.csv
    write_job roster='{ csv: again.csv, key: user_id }'
    run_job
    [ "$status" -eq 0 ]
    is "$(column 1 out/mapping.csv)" anna
}

@test "the failures file has the causes of the action that failed, and a single cause once" {
    write_job roster='{ csv: users.csv, key: user_id, watch: [name] }' rules='{ added: provision, changed: [revoke, issue] }' \
        limits='{ revoke: 100% }'
    with_faults '{ operation: revoke, nth: 1, status: 503, code: Overloaded }' '{ operation: issue, status: 409, code: Conflict }'
    printf 'user_id,name\nanna,Anna\n' >users.csv
    run_job
    printf 'user_id,name\nanna,Anne\n' >users.csv
    run_job
    [ "$status" -eq 1 ]
    is "$(rows out/failures.csv | cut -d, -f1,3,4,5,8,9)" 'anna,changed,issue,Conflict,,1'
    "$ROLLCALL" history job.yaml anna | grep -q 'revoke *repeated: Overloaded$'
}

# rejected TEXT: a run that is stopped in the middle, for a cause that is about nobody.
rejected() {
    run_job
    [ "$status" -eq 4 ]
    says "$1"
    says 'left for the next run'
    is "$(rows out/failures.csv)" ""
    is "$(sql 'SELECT count(*) FROM tasks')" 0
    local known
    known=$(sql 'SELECT count(*) FROM identities')
    [ "$known" -gt 0 ] && [ "$known" -lt 60 ]
    wait_until 20 has_requests 1 2>/dev/null # its certificate may not be good yet
    # It stopped at once: no more than what was under way.
    [ "$(requests_sent)" -le 40 ]
}

@test "a 401 from the middle of a run on stops it at once, and fails nobody" {
    with_faults '{ operation: create, from: 20, until: 27, status: 401 }'
    rejected '401 Denied'
    the_next_run_finishes
}

@test "a 401 for a clock that is off names the difference" {
    with_faults '{ operation: create, from: 20, until: 27, status: 401, clock: -20m }'
    rejected 'hint: the clock of this machine is 20 min ahead of the service'"'"'s: set it'
    the_next_run_finishes
}

@test "a 403 and a redirect stop a run as well" {
    write_job engine='{ concurrency: 1, quotas: { create: none, issue: none } }'
    with_faults '{ operation: create, nth: 20, status: 403, body: html }' '{ operation: create, nth: 30, fault: redirect }'
    rejected '403'
    rejected 'hint: check the endpoint: redirects are not followed'
    the_next_run_finishes
}

@test "a certificate that becomes wrong stops a run, whatever is wrong with it" {
    local fault
    for fault in expired other_name self_signed; do
        emulator_stop_all
        rm -rf out "$LEDGER"*
        with_faults "{ operation: create, nth: 20, fault: cert_$fault, seconds: 2 }" -- --tls --latency 20ms
        write_job resource="{ connection_string: { env: COMMUNICATION_SERVICES_CONNECTION_STRING }, ca_file: $CERTIFICATE }" \
            engine='{ concurrency: 1, quotas: { create: none, issue: none } }'
        rejected 'cannot reach'
        case $fault in
        expired) says 'certificate has expired' && says "hint: look at this machine's clock" ;;
        other_name) says "target host name '127.0.0.1'" && says "hint: check the endpoint's name" ;;
        self_signed) says 'self-signed certificate' && says 'name it in resource.ca_file' ;;
        esac
        is "$(requests_sent)" 20
    done
    the_next_run_finishes
}

@test "a create that was lost is in doubt, also when the next connection shows a wrong certificate" {
    with_faults '{ operation: create, nth: 20, fault: cert_expired, seconds: 2 }' \
        '{ operation: create, nth: [21, 22, 23], fault: close_after }' -- --tls --latency 20ms
    write_job resource="{ connection_string: { env: COMMUNICATION_SERVICES_CONNECTION_STRING }, ca_file: $CERTIFICATE }" \
        engine='{ concurrency: 4, quotas: { create: none, issue: none } }'
    run_job
    [ "$(sql "SELECT count(*) FROM audit WHERE outcome = 'in_doubt'")" -gt 0 ]
    wait_until 20 has_requests 1 2>/dev/null # its certificate may not be good yet
    the_next_run_finishes
}

@test "a run outlives handshakes that are cut off" {
    with_faults "{ operation: create, nth: 20, fault: tls_cut, seconds: 1.5 }" -- --tls
    write_job resource="{ connection_string: { env: COMMUNICATION_SERVICES_CONNECTION_STRING }, ca_file: $CERTIFICATE }" \
        engine='{ concurrency: 1, quotas: { create: none, issue: none } }'
    the_next_run_finishes
    is "$(emulator_identities .id | wc -l)" 60
    is "$(sql "SELECT count(*) > 0 FROM audit WHERE code = 'not_connected'")" 1
}

@test "a pause longer than engine.give_up_after is left to the next run, when all else is done" {
    with_faults '{ operation: create, nth: 20, status: 429, retry_after: 3590 }'
    write_job engine='{ concurrency: 4, quotas: { create: none, issue: none } }'
    run_job
    [ "$status" -eq 1 ]
    says '127.0.0.1 asks to wait for 59 min'
    says 'the rest is left for the next run'
    [[ $stderr =~ 'hint: run again after '20[0-9T:-]+Z'; engine.give_up_after says how long a run waits' ]]
    is "$(rows out/failures.csv)" ""
    # The next run knows, sends nothing, and says it again; so does doctor.
    local sent
    sent=$(requests_sent)
    run_job
    [ "$status" -eq 1 ]
    says '127.0.0.1 asks to wait for 59 min'
    is "$(requests_sent)" "$sent"
    run "$ROLLCALL" doctor job.yaml
    [[ $output =~ provision': the service asked an earlier run to wait until '20 ]]
    # An hour later.
    sql "UPDATE meta SET value = (substr(value, 1, 13) - 3600000) || substr(value, 14) WHERE name GLOB 'throttle *'"
    the_next_run_finishes
}

@test "a long pause of one kind does not keep the others from their end" {
    with_faults '{ operation: create, nth: 61, status: 429, retry_after: 3590 }'
    run_job
    [ "$status" -eq 0 ]
    write_roster 61
    sql 'UPDATE identities SET token_expires_at = 1'
    write_job rules='{ added: provision, expiring: { within: 1h, do: issue } }' \
        engine='{ concurrency: 1, quotas: { create: none, issue: none } }'
    run_job
    [ "$status" -eq 1 ]
    says 'asks to wait for 59 min'
    is "$(stats '.requests.issue["200"]')" 60
}

@test "a service that is down is asked now and then, and the run gives up with exit 1" {
    with_faults '{ operation: create, from: 20, until: 200, status: 500, body: none }'
    write_roster 300
    write_job engine='{ concurrency: 32, quotas: { create: none, issue: none }, give_up_after: 3s }'
    run_job
    [ "$status" -eq 1 ]
    says '127.0.0.1 has failed for 3.'
    says ' s (500: the service failed); the rest is left for the next run'
    says 'hint: run again when `rollcall doctor` finds it well; engine.give_up_after says how long a run waits'
    is "$(rows out/failures.csv)" ""
    # What was under way when it broke down, and some probes.
    [ "$(stats '.requests.create["500"]')" -le 50 ]
    is "$(sql 'SELECT count(*) FROM tasks')" 0
}

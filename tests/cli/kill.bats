# kill -9 in the middle, and run again: no identity is lost, no user has two, and no delivered token is missing.

setup() {
    load helper
    job_setup --limits none --latency 100ms-300ms --remember-request-ids
    seed=${KILL_SEED:-$RANDOM}
    RANDOM=$seed
    echo "KILL_SEED=$seed repeats the moments of this test"
}

teardown() {
    job_teardown
}

# random_pause MILLISECONDS: up to so long.
random_pause() {
    sleep "$(printf '0.%03d' $((RANDOM % $1)))"
}

# run_and_kill REQUESTS: starts a run and kills it at some moment after up to so many requests.
run_and_kill() {
    local goal=$(($(requests_sent) + 1 + RANDOM % $1))
    start_job
    wait_until 30 has_requests "$goal"
    random_pause 40
    kill_job
}

# every_identity_is_known: each that the emulator has is in the ledger, or the request that made it is known to be open or
# in doubt.
every_identity_is_known() {
    sql 'SELECT identity FROM identities' >known
    sql "SELECT request_id FROM audit WHERE outcome = 'in_doubt' UNION SELECT request_id FROM tasks" >>known
    emulator_identities '[.id, .clientRequestId] | @tsv' |
        awk -F'\t' 'NR == FNR { known[$1]; next } !($1 in known) && !($2 in known) { print; lost = 1 } END { exit lost }' \
            known - >lost || {
        echo "identities that nobody knows:" && cat lost
        return 1
    }
}

# everybody_has_one COUNT: so many users, each with one active identity that the emulator knows, made once.
everybody_has_one() {
    is "$(sql "SELECT count(*), count(DISTINCT key), count(DISTINCT identity) FROM identities WHERE state = 'active'")" \
        "$1|$1|$1"
    is "$(sql "SELECT max(n) FROM (SELECT count(*) AS n FROM audit WHERE action = 'provision' AND outcome = 'done'
               GROUP BY key)")" 1
    is "$(sql 'SELECT identity FROM identities' | sort | comm -23 - <(emulator_identities .id | sort))" ""
    is "$(rows out/mapping.csv | wc -l)" "$1"
    every_identity_is_known
}

# every_delivered_token_is_there: the tokens that the ledger counts as delivered are those of the tokens file.
every_delivered_token_is_there() {
    sql "SELECT key || ',' || lower(hex(token_fingerprint)) FROM identities WHERE token_expires_at > 0" | sort >counted
    perl -MDigest::SHA=sha256_hex -F, -lane 'print "$F[0],", substr(sha256_hex($F[2]), 0, 32) if $. > 1' \
        out/tokens.csv | sort >delivered
    diff counted delivered
}

# What the status command lists as in doubt is what the audit trail says.
status_lists_the_doubtful() {
    is "$("$ROLLCALL" status --json job.yaml | jq -r '.in_doubt[].request_id' | sort)" \
        "$(sql "SELECT request_id FROM audit WHERE outcome = 'in_doubt'" | sort)"
}

@test "a run that is killed again and again onboards everybody once" {
    write_roster 2000
    write_job engine='{ concurrency: 16, quotas: { create: none, issue: none } }'
    for _ in 1 2 3 4 5; do
        run_and_kill 60
        every_identity_is_known
    done
    is "$(sql "SELECT count(*) FROM runs WHERE state IN ('running', 'crashed')")" 5
    write_job engine='{ concurrency: 512, quotas: { create: none, issue: none } }'
    run_job
    [ "$status" -eq 0 ]
    everybody_has_one 2000
    every_delivered_token_is_there
    is "$(rows out/tokens.csv | wc -l)" "$(sql 'SELECT count(*) FROM identities WHERE token_expires_at > 0')"
    status_lists_the_doubtful
    # Each kill found requests under way: some of their answers were lost, and are said to be.
    says "creates in doubt"
    is "$(emulator_identities .id | wc -l)" \
        "$((2000 + $(comm -12 <(sql "SELECT request_id FROM audit WHERE outcome = 'in_doubt'" | sort) \
            <(emulator_identities .clientRequestId | sort) | wc -l)))"
}

@test "a run that is killed at its beginning or its end leaves nothing half done" {
    write_roster 1
    for i in {1..20}; do
        echo "more$i@contoso.example,More" >>users.csv
        start_job
        random_pause 600
        kill_job
        [ ! -e "$LEDGER" ] || [ ! -s "$LEDGER" ] || is "$(sql 'PRAGMA integrity_check')" ok
        [ ! -e out/mapping.csv ] || is "$(head -n 1 out/mapping.csv)" user_id,identity_id,state,token_expires_at
    done
    run_job
    [ "$status" -eq 0 ]
    everybody_has_one 21
    every_delivered_token_is_there
    status_lists_the_doubtful
    # Nothing is left of the killed runs.
    is "$(ls -A out)" $'failures.csv\nmapping.csv\ntokens.csv'
}

@test "with custom ids a killed run makes exactly one identity for each user" {
    write_roster 500
    local custom='{ connection_string: { env: COMMUNICATION_SERVICES_CONNECTION_STRING }, custom_id: true }'
    write_job engine='{ concurrency: 4, quotas: { create: none, issue: none } }' resource="$custom"
    for _ in 1 2 3; do
        run_and_kill 40
    done
    is "$(sql "SELECT count(*) FROM runs WHERE state IN ('running', 'crashed')")" 3
    write_job engine='{ concurrency: 256, quotas: { create: none, issue: none } }' resource="$custom"
    run_job
    [ "$status" -eq 0 ]
    everybody_has_one 500
    is "$(emulator_identities .id | wc -l)" 500
    is "$(sql "SELECT count(*) FROM audit WHERE outcome = 'in_doubt'")" 0
    every_delivered_token_is_there
}

# kill_with_custom_ids: a run is killed that has asked for identities of anna and bert, and has no answer.
kill_with_custom_ids() {
    emulator_stop_all
    use_emulator --limits none --latency 500ms --remember-request-ids
    printf 'user_id,name\nanna,Anna\nbert,Bert\n' >users.csv
    write_job resource='{ connection_string: { env: COMMUNICATION_SERVICES_CONNECTION_STRING }, custom_id: true }' \
        limits='{ shrink: 100% }'
    start_job
    wait_until 30 has_requests 2
    kill_job
}

@test "with custom ids a create that nobody repeats is listed as in doubt until somebody does" {
    kill_with_custom_ids
    cp users.csv both.csv
    sed -i '/bert/d' users.csv
    run_job
    [ "$status" -eq 0 ]
    says '1 create in doubt'
    is "$("$ROLLCALL" status --json job.yaml | jq -r '.in_doubt[] | "\(.key) \(.request_id)"')" \
        "bert $(emulator_identities '"\(.id) \(.clientRequestId)"' | grep -vF "$(sql 'SELECT identity FROM identities')" | cut -d' ' -f2)"
    mv both.csv users.csv
    run_job
    [ "$status" -eq 0 ]
    [[ $stderr != *'in doubt'* ]]
    is "$("$ROLLCALL" status --json job.yaml | jq '.in_doubt | length')" 0
    is "$(emulator_identities .id | wc -l)" 2
    everybody_has_one 2
}

@test "a job that has no custom ids any more makes other identities, and the creates of before stay in doubt" {
    kill_with_custom_ids
    write_job
    run_job
    [ "$status" -eq 0 ]
    says '2 creates in doubt'
    run_job
    is "$("$ROLLCALL" status --json job.yaml | jq -r '.in_doubt[].key' | sort | xargs)" "anna bert"
    is "$(emulator_identities .id | wc -l)" 4
}

@test "tokens of a killed run are issued again for a job that has another place for them now" {
    write_roster 40
    write_job engine='{ concurrency: 4, quotas: { create: none, issue: none } }'
    start_job
    wait_until 30 has_requests 20
    kill_job
    [ "$(sql 'SELECT count(*) FROM identities WHERE token_expires_at > 0')" -gt 0 ]
    write_job outputs='{ mapping: out/mapping.csv, tokens: { sqlite: out/tokens.db } }'
    run_job
    [ "$status" -eq 0 ]
    is "$(sqlite3 out/tokens.db 'SELECT count(*) FROM acs_tokens')" 40
    everybody_has_one 40
}

@test "the intent of a create keeps the watched values that it is to apply" {
    emulator_stop_all
    use_emulator --limits none --latency 500ms
    printf 'user_id,password_changed_at\nanna,mon\n' >users.csv
    write_job roster='{ csv: users.csv, key: user_id, watch: [password_changed_at] }'
    start_job
    wait_until 30 has_requests 1
    kill_job
    is "$(sql "SELECT watch LIKE 'password_changed_at=%' FROM tasks")" 1
}

@test "who is back after a run was killed that was cutting off everybody gets a token that is good" {
    emulator_stop_all
    use_emulator --limits none --latency 0ms-400ms
    write_roster 60
    write_job rules='{ added: provision, removed: revoke }' limits='{ revoke: 100%, shrink: 100% }' \
        engine='{ concurrency: 30, quotas: { create: none, revoke: none } }'
    run_job
    cp users.csv everybody.csv
    head -n 2 everybody.csv >users.csv
    start_job
    wait_until 30 has_requests 90
    kill_job
    # Some were revoked at the service, and the ledger does not know.
    [ "$(emulator_identities 'select(.liveTokens == 0) | .id' | wc -l)" -gt \
        "$(sql "SELECT count(*) FROM identities WHERE state = 'revoked'")" ]
    mv everybody.csv users.csv
    run_job
    [ "$status" -eq 0 ]
    is "$(emulator_identities 'select(.liveTokens == 0) | .id')" ""
    every_delivered_token_is_there
}

@test "tokens of a killed run are in the tokens file after the next one, and nobody is asked for them again" {
    write_roster 400
    write_job engine='{ concurrency: 4 }'
    start_job
    wait_until 30 has_requests 20
    kill_job
    local delivered
    delivered=$(sql 'SELECT count(*) FROM identities WHERE token_expires_at > 0')
    [ "$delivered" -gt 0 ]
    is "$(mode out/.tokens.csv.partial)" 600
    local sent
    sent=$(requests_sent)
    # The run after it acts on nobody, and still puts the tokens in place.
    write_job rules='{ added: keep }'
    run_job
    [ "$status" -eq 0 ]
    says "nothing to do"
    [ "$(rows out/tokens.csv | wc -l)" -ge "$delivered" ]
    every_delivered_token_is_there
    is "$(requests_sent)" "$sent"
}

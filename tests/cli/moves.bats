#!/usr/bin/env bats
# Users who move from one resource to another.

load resources_helper

setup() {
    resources_setup
}

teardown() {
    job_teardown
}

# onboard: everybody where they belong, and what was sent is counted anew from here on.
onboard() {
    run_job
    [ "$status" -eq 0 ]
    SENT_EMEA=$(sent EMEA)
    SENT_US=$(sent US)
}

@test "who moves is deleted in the old resource and provisioned in the new one" {
    onboard
    local old
    old=$(sql "SELECT identity FROM identities WHERE key = 'cleo'")
    write_users anna=us ben=emea cleo=emea dora=us emil=us
    "$ROLLCALL" plan job.yaml >plan
    grep -q "^moved  *2  delete, provision$" plan
    grep -qx "  at emea: 1 user (1 provision, 1 delete), 1 from elsewhere" plan
    is "$("$ROLLCALL" plan job.yaml --json | jq -c 'select(.key == "anna") | [.category, .actions, .resource, .belongs_to]')" \
        '["moved",["delete","provision"],"emea","us"]'
    run_job
    [ "$status" -eq 0 ]
    everybody_is_at_home
    is "$(at US emulator_identities "select(.id == \"$old\").state")" deleted
    is "$(sql "SELECT group_concat(r.name || ' ' || a.action || ' ' || a.outcome, ', ')
               FROM audit a JOIN resources r ON r.id = a.resource WHERE a.key = 'cleo' AND a.run = 2")" \
        "us delete done, emea provision done"
    is "$(column 1,5 out/mapping.csv | sort)" "$(rows users.csv | sort)"
    is "$(column 1 out/tokens.csv | sort | xargs)" "anna ben cleo dora emil"
    is "$(sql "SELECT moved FROM runs ORDER BY id DESC LIMIT 1")" 2
    is "$(($(sent EMEA) - SENT_EMEA)) $(($(sent US) - SENT_US))" "2 2"
    run_job
    [ "$status" -eq 0 ]
    is "$(($(sent EMEA) - SENT_EMEA)) $(($(sent US) - SENT_US))" "2 2"
}

@test "many move to and fro at the same time" {
    write_many 100 emea us
    onboard
    sed -i 's/,emea$/,x/; s/,us$/,emea/; s/,x$/,us/' users.csv
    run_job
    [ "$status" -eq 0 ]
    everybody_is_at_home
    says "  emea      100 provisioned, 100 deleted"
    says "  us        100 provisioned, 100 deleted"
}

@test "a throttle of the one who has a berth does not leave all waiting for each other" {
    write_users anna=us ben=us cleo=us
    onboard
    kill "$US_PID"
    printf -- '- { operation: delete, nth: 1, status: 429, retry_after: 1 }\n' >faults.yaml
    # The same place and key; that it has forgotten its identities does not matter to a delete.
    emulator_start --seed US --listen "$US_HOST" --faults faults.yaml
    write_users anna=emea ben=emea cleo=emea
    run --separate-stderr timeout 20 "$ROLLCALL" run job.yaml
    show_run
    [ "$status" -eq 0 ]
    is "$(living EMEA)" 3
    is "$(sql "SELECT count(*) FROM audit WHERE action = 'delete' AND outcome = 'throttled'")" 1
}

@test "without a rule who moves stays where it is, and is reported" {
    onboard
    write_two rules='{ added: provision, removed: delete }'
    write_users anna=us ben=emea cleo=us dora=us emil=us
    "$ROLLCALL" plan job.yaml | grep -q "^moved  *1  keep$"
    run_job
    [ "$status" -eq 0 ]
    is "$(where anna)" "emea active"
    is "$(sent EMEA)" "$SENT_EMEA"
    # Its tokens are looked after there.
    write_two rules='{ added: provision, expiring: { within: 6h, do: issue } }'
    sql "UPDATE identities SET token_expires_at = unixepoch() + 60 WHERE key = 'anna'"
    run_job
    [ "$status" -eq 0 ]
    is "$(($(sent EMEA) - SENT_EMEA)) $(($(sent US) - SENT_US))" "1 0"
    # And who is gone from the roster is deleted there.
    write_two rules='{ added: provision, removed: delete }'
    write_users ben=emea cleo=us dora=us emil=us
    run_job
    [ "$status" -eq 0 ]
    is "$(where anna)" "emea deleted"
}

@test "moves count as deletes for the limits, and who is protected does not move" {
    onboard
    write_users anna=us ben=us cleo=us dora=us emil=us
    write_two limits='{ delete: 1 }'
    run_job
    [ "$status" -eq 3 ]
    says "the plan would delete 2 of 5 identities; limits.delete (1) allows 1"
    run_job --allow delete=2 --limit 1
    [ "$status" -eq 0 ]
    is "$(where anna) $(where ben)" "us active emea active"
    write_two limits='{ delete: 100%, protect: [ben] }'
    run_job
    [ "$status" -eq 3 ]
    says 'the plan would delete the identity of "ben", which limits.protect names'
    write_two
    run_job --only ben
    [ "$status" -eq 0 ]
    everybody_is_at_home
}

@test "nobody is deleted for a resource that rejects us, but the one who finds out" {
    write_many 30 emea us
    onboard
    sed -i 's/,emea$/,us/' users.csv
    US_CONNECTION=${US_CONNECTION%%;*}";accesskey=$(printf '%064d' 8 | base64 -w0)" run_job
    [ "$status" -eq 4 ]
    [ "$(sql "SELECT count(*) FROM identities WHERE state = 'deleted'")" -le 1 ]
    run_job
    [ "$status" -eq 0 ]
    everybody_is_at_home
    is "$(sql "SELECT count(*) FROM identities WHERE state = 'active'")" 60
}

@test "a resource that is down lets nobody move there, and does not stop who stays" {
    write_many 20 emea us
    onboard
    sed -i 's/,emea$/,us/; 2s/$/x/' users.csv
    sed -i 's/,usx$/,emea/' users.csv
    printf 'new,emea\n' >>users.csv
    kill "$US_PID"
    wait "$US_PID" || true
    write_two engine='{ give_up_after: 1s }'
    run_job
    [ "$status" -eq 1 ]
    [ "$(sql "SELECT count(*) FROM identities WHERE state = 'deleted'")" -le 1 ]
    is "$(where new)" "emea active"
}

@test "who was caught between two resources is added by the next run" {
    onboard
    write_two rules='{ added: provision, moved: delete }'
    write_users anna=us ben=emea cleo=us dora=us emil=us
    run_job
    [ "$status" -eq 0 ]
    is "$(where anna)" "emea deleted"
    write_two
    is "$("$ROLLCALL" plan job.yaml --json | jq -r 'select(.key == "anna") | .category, .resource')" $'added\nus'
    run_job
    [ "$status" -eq 0 ]
    everybody_is_at_home
}

@test "a move that is killed is finished by the next run" {
    start_resource EMEA --latency 50ms
    start_resource US --latency 50ms
    write_many 60 emea us
    onboard
    sed -i 's/,emea$/,x/; s/,us$/,emea/; s/,x$/,us/' users.csv
    write_two engine='{ concurrency: 2 }'
    start_job
    wait_until 30 eval '[ "$(sql "SELECT count(*) FROM audit WHERE action = '"'provision'"' AND run = 2")" -ge 5 ]'
    kill_job
    write_two
    run_job
    [ "$status" -le 1 ]
    is "$(sql "SELECT count(*) FROM identities WHERE state = 'active'")" 120
    is "$(sql "SELECT count(*) FROM identities i JOIN resources r ON r.id = i.resource WHERE i.key LIKE r.name || '%'")" 0
    [ "$(($(living EMEA) + $(living US) - 120))" -le "$(sql "SELECT count(*) FROM audit WHERE outcome = 'in_doubt'")" ]
}

@test "a saved plan notices that users move otherwise" {
    onboard
    write_users anna=us ben=emea cleo=us dora=us emil=us
    "$ROLLCALL" plan job.yaml --out saved.plan >plan
    write_users anna=emea ben=us cleo=us dora=us emil=us
    run_job --plan saved.plan
    [ "$status" -eq 2 ]
    says "the roster is not the one that the plan was made from"
    write_users anna=us ben=emea cleo=us dora=us emil=us
    run_job --plan saved.plan
    [ "$status" -eq 0 ]
    is "$(where anna)" "us active"
}

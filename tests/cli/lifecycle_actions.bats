# What the rules do to a user: in the ledger, in the outputs and at the service.

setup() {
    load lifecycle_helper
    lifecycle_setup
}

teardown() {
    job_teardown
}

@test "provision makes an identity with a token" {
    write_rules '{ added: provision }'
    onboard
    stands anna active active 1
    is "$(requests_sent)" 5
}

@test "a category without a rule is kept as it is" {
    write_rules '{ added: keep }'
    sends 0 run_job
    exits 0
    is "$(summary_of '[.categories.added, .users]')" '[5,0]'
    write_rules '{ added: provision }'
    onboard
    write_users anna=tue
    sends 0 run_job
    exits 0
    is "$(summary_of '[.categories.changed, .categories.removed, .users]')" '[1,4,0]'
    is "$(stats '.identities.active, .tokens.live' | xargs)" "5 5"
}

@test "revoke comes before issue, so that the new token lives" {
    write_rules '{ added: provision, changed: [revoke, issue] }'
    onboard
    local old
    old=$(fingerprint_in_file anna)
    write_users anna=tue ben=mon cleo=mon dora=mon emil=mon
    sends 2 run_job
    exits 0
    # After issue and revoke there would be none.
    stands anna active active 1
    is "$(done_to anna)" "provision revoke issue"
    [ "$(fingerprint_in_file anna)" != "$old" ]
    stands ben active active 1
    is "$(done_to ben)" "provision"
}

@test "issue alone leaves the old token alive" {
    write_rules '{ added: provision, changed: issue }'
    onboard
    write_users anna=tue ben=mon cleo=mon dora=mon emil=mon
    run_job
    stands anna active active 2
    is "$(done_to anna)" "provision issue"
}

@test "revoke alone leaves the identity active and without a token" {
    write_rules '{ added: provision, changed: revoke }'
    onboard
    write_users anna=tue ben=mon cleo=mon dora=mon emil=mon
    sends 1 run_job
    exits 0
    stands anna active active 0
    is "$(sed -n 's/^anna,.*,//p' out/mapping.csv)" ""
    is "$(fingerprint_in_file anna)" ""
    is "$(rows out/tokens.csv | wc -l)" 4
    sends 0 run_job
}

@test "delete ends the identity, and the user's next one is new" {
    write_rules '{ added: provision, removed: delete }'
    onboard
    local old
    old=$(identity_of anna)
    write_users ben=mon cleo=mon dora=mon emil=mon
    sends 1 run_job
    exits 0
    stands anna deleted deleted 0
    sends 0 run_job
    write_users anna=mon ben=mon cleo=mon dora=mon emil=mon
    is "$(plan_of anna)" "added provision"
    run_job
    stands anna active active 1
    [ "$(identity_of anna)" != "$old" ]
    is "$(service_of "$old")" "deleted 0"
    is "$(done_to anna)" "provision delete provision"
}

@test "the token file of a run that only deletes has no token of the deleted" {
    write_rules '{ added: provision, removed: delete }'
    onboard
    write_users ben=mon cleo=mon dora=mon emil=mon
    run_job
    is "$(column 1 out/tokens.csv | sort | xargs)" "ben cleo dora emil"
}

@test "a revoke and a delete for the removed go in that order" {
    write_rules '{ added: provision, removed: [revoke, delete] }'
    onboard
    write_users ben=mon cleo=mon dora=mon emil=mon
    sends 2 run_job
    exits 0
    stands anna deleted deleted 0
    is "$(done_to anna)" "provision revoke delete"
}

@test "lists in an order that makes no sense are refused with the right one" {
    local list
    for list in '[issue, revoke]' '[delete, revoke]' '[revoke, revoke]' '[issue, delete]' '[keep, issue]'; do
        write_rules "{ added: provision, changed: $list }"
        sends 0 run_job
        exits 2
        says job.yaml
    done
    write_rules '{ added: provision, removed: issue }'
    sends 0 run_job
    exits 2
}

@test "a delete that answers 404 is done" {
    write_rules '{ added: provision, removed: delete }'
    onboard
    at_service delete anna
    write_users ben=mon cleo=mon dora=mon emil=mon
    run_job
    exits 0
    stands anna deleted deleted 0
    is "$(sql "SELECT status || ' ' || outcome FROM audit WHERE key = 'anna' ORDER BY id DESC LIMIT 1")" "404 done"
}

@test "a delete that answers IdentityNotOwned proves nothing: the user is lost, not deleted" {
    emulator_stop_all
    use_emulator --gone 401
    write_rules '{ added: provision, removed: delete }'
    onboard
    at_service delete anna
    write_users ben=mon cleo=mon dora=mon emil=mon
    run_job
    exits 1
    stands anna lost deleted 0
    is "$(sql "SELECT count(*) FROM identities WHERE state = 'deleted'")" 0
}

# lost_on ACTION CODE: an identity that the service does not know is recorded as lost, reported, and left alone.
lost_on() {
    write_rules "{ added: provision, changed: $1 }"
    onboard
    at_service delete anna
    write_users anna=tue ben=tue cleo=mon dora=mon emil=mon
    run_job
    exits 1
    says "1 lost"
    stands anna lost deleted 0
    is "$(sql "SELECT outcome || ' ' || code FROM audit WHERE key = 'anna' ORDER BY id DESC LIMIT 1")" "gone $2"
    is "$(rows out/failures.csv | cut -d, -f1-5)" "anna,tue,changed,${1//[\[\]]/},$2"
    # The others were served all the same.
    is "$(sql "SELECT outcome FROM audit WHERE key = 'ben' ORDER BY id DESC LIMIT 1")" "done"
    # It is reported by every plan, and nothing more is sent for it.
    is "$(plan_of anna)" lost
    sends 0 run_job
    exits 0
}

@test "a gateway that answers 404 in the service's place writes nobody off" {
    local before
    printf '%s\n' '- { operation: delete, from: 1, status: 404, body: html }' \
        '- { operation: revoke, from: 1, status: 404, body: html }' >script.yaml
    emulator_stop_all
    use_emulator --faults script.yaml
    write_rules '{ added: provision, changed: [revoke, issue], removed: delete }'
    onboard
    before=$(sql "SELECT key, identity, state FROM identities ORDER BY key")
    write_users anna=mon ben=mon cleo=mon dora=mon
    run_job
    exits 4
    says 'answered 404: what answered is not the service'
    says 'hint: check the endpoint and what stands before it'
    write_users anna=tue ben=tue cleo=tue dora=tue emil=tue
    run_job
    exits 4
    is "$(sql "SELECT key, identity, state FROM identities ORDER BY key")" "$before"
}

@test "a 404 on issue means lost" {
    lost_on issue IdentityNotFound
}

@test "a 404 on revoke means lost" {
    lost_on revoke IdentityNotFound
}

@test "a 401 IdentityNotOwned on issue means lost" {
    emulator_stop_all
    use_emulator --gone 401
    lost_on issue IdentityNotOwned
}

@test "a 401 IdentityNotOwned on revoke means lost" {
    emulator_stop_all
    use_emulator --gone 401
    lost_on revoke IdentityNotOwned
}

@test "a lost user is not asked for the rest of its list" {
    write_rules '{ added: provision, changed: [revoke, issue] }'
    onboard
    at_service delete anna
    write_users anna=tue ben=mon cleo=mon dora=mon emil=mon
    sends 1 run_job
    exits 1
    stands anna lost deleted 0
    # The next run leaves anna alone, and says so.
    sends 0 run_job
    exits 0
    says '1 lost: the service no longer knows the identity; `lost: provision` in rules makes a new one'
}

@test "a lost user is provisioned again where the spec says so" {
    write_rules '{ added: provision, changed: [revoke, issue], lost: provision }'
    onboard
    local old
    old=$(identity_of anna)
    at_service delete anna
    write_users anna=tue ben=mon cleo=mon dora=mon emil=mon
    run_job
    exits 1
    is "$(plan_of anna)" "lost provision"
    run_job
    exits 0
    stands anna active active 1
    [ "$(identity_of anna)" != "$old" ]
    is "$(sql "SELECT count(*) FROM audit WHERE identity = '$old' AND action = 'provision'")" 1
    is "$(plan_of anna)" unchanged
}

@test "a lost user who leaves the roster is left alone" {
    write_rules '{ added: provision, changed: revoke, removed: delete, lost: provision }'
    onboard
    at_service delete anna
    write_users anna=tue ben=mon cleo=mon dora=mon emil=mon
    run_job
    write_users ben=mon cleo=mon dora=mon emil=mon
    is "$(plan_of anna)" ""
    sends 0 run_job
    exits 0
    stands anna lost deleted 0
}

@test "one run does all kinds of actions to different users" {
    write_rules '{ added: provision, changed: [revoke, issue], expiring: { within: 6h, do: issue }, removed: delete }'
    onboard
    token_ends cleo 60
    write_users anna=mon ben=tue cleo=mon dora=mon frida=mon
    sends 5 run_job
    exits 0
    says "1 provisioned"
    says "2 issued"
    says "1 revoked"
    says "1 deleted"
    stands anna active active 1
    stands ben active active 1
    stands cleo active active 2
    stands dora active active 1
    stands emil deleted deleted 0
    stands frida active active 1
    is "$(stats '.identities.active, .identities.deleted' | xargs)" "5 1"
    is "$(sql "SELECT provisioned || ' ' || issued || ' ' || revoked || ' ' || deleted FROM runs ORDER BY id DESC LIMIT 1")" \
        "1 2 1 1"
}

@test "each kind of request keeps to its own quota" {
    emulator_stop_all
    use_emulator --limits create=100/1s,issue=2/500ms,revoke=3/500ms,delete=2/500ms
    write_users {a..l}=mon
    write_rules '{ added: provision, changed: [revoke, issue], removed: delete }' \
        engine='{ create_counts_as_issue: false, quotas: { create: 100/1s, issue: 2/500ms, revoke: 3/500ms, delete: 2/500ms } }'
    onboard
    write_users {a..g}=tue
    run_job
    exits 0
    is "$(stats '[.requests[]["429"] // 0] | add')" 0
    is "$(stats '.identities.active, .identities.deleted, .tokens.live' | xargs)" "7 5 7"
}

@test "--reissue-all issues every token again and nothing else" {
    write_rules '{ added: provision, removed: keep }'
    onboard
    local before
    before=$(column 3 out/tokens.csv | sort)
    write_users anna=mon ben=mon cleo=mon dora=mon frida=mon
    sends 5 run_job --reissue-all
    exits 0
    is "$(sql "SELECT count(*) FROM audit WHERE action = 'issue' AND outcome = 'done'")" 4
    is "$(comm -12 <(echo "$before") <(column 3 out/tokens.csv | sort) | wc -l)" 1
    stands anna active active 2
    stands frida active active 1
    stands emil active active 1
}

@test "--reissue-all issues whatever the rule for expiring tokens says" {
    write_rules '{ added: provision, expiring: { within: 6h, do: delete } }'
    onboard
    is "$(plan_of anna --reissue-all)" "expiring issue"
    write_rules '{ added: provision, expiring: { within: 6h, do: revoke } }'
    is "$(plan_of anna --reissue-all)" "expiring issue"
    write_rules '{ added: provision, expiring: { within: 6h, do: [revoke, issue] } }'
    is "$(plan_of anna --reissue-all)" "expiring revoke issue"
    sends 10 run_job --reissue-all
    stands anna active active 1
}

@test "--reissue-all has nothing to do where there are no tokens" {
    write_rules '{ added: provision }' token='{ scopes: [] }' outputs='{ mapping: out/mapping.csv }'
    onboard
    sends 0 run_job --reissue-all
    exits 0
}

@test "who is to be revoked and deleted, and is not there any more, is deleted" {
    write_rules '{ added: provision, removed: [revoke, delete] }'
    onboard
    at_service delete emil
    write_users anna=mon ben=mon cleo=mon dora=mon
    sends 2 run_job
    exits 0
    stands emil deleted deleted 0
}

@test "failures carry the row, the code, the message and the request id" {
    printf 'user_id,name,password_changed_at\nanna,"A ""x"", B",mon\nben,Ben,mon\n' >users.csv
    write_rules '{ added: provision, changed: issue }'
    onboard
    at_service delete anna
    printf 'user_id,name,password_changed_at\nanna,"A ""x"", B",tue\nben,Ben,mon\n' >users.csv
    run_job
    exits 1
    local request
    request=$(sql "SELECT request_id FROM audit WHERE key = 'anna' ORDER BY id DESC LIMIT 1")
    is "$(cat out/failures.csv)" "user_id,name,password_changed_at,error_category,error_action,error_code,error_message,error_request_id,error_first_code,error_attempts
anna,\"A \"\"x\"\", B\",tue,changed,issue,IdentityNotFound,Provided identity doesn't exist.,$request,,1"
}

@test "the failures are a roster again, with the same columns" {
    write_rules '{ added: provision, changed: issue }'
    onboard
    at_service delete anna
    write_users anna=tue ben=mon cleo=mon dora=mon emil=mon
    run_job
    exits 1
    cp out/failures.csv again.csv
    write_rules '{ lost: provision }' roster='{ csv: again.csv, key: user_id, watch: [password_changed_at] }'
    is "$(summary_of '[.roster_rows, .users]')" '[1,1]'
    sends 1 run_job
    exits 0
    stands anna active active 1
    is "$(cat out/failures.csv)" "$(head -n 1 again.csv)"
    # The watched value came with the row.
    write_rules '{ changed: issue }'
    is "$(plan_of anna)" unchanged
}

@test "a removed user in the failures is still removed, not a new user" {
    emulator_stop_all
    use_emulator --gone 401
    write_rules '{ added: provision, removed: delete, lost: provision }'
    onboard
    at_service delete anna
    write_users ben=mon cleo=mon dora=mon emil=mon
    run_job
    exits 1
    is "$(rows out/failures.csv | cut -d, -f1-5)" "anna,,removed,delete,IdentityNotOwned"
    cp out/failures.csv again.csv
    echo ben,mon,changed,issue,,,,,1 >>again.csv
    write_rules '{ added: provision, removed: keep, lost: provision }' \
        roster='{ csv: again.csv, key: user_id, watch: [password_changed_at] }'
    is "$(plan_of anna)" ""
    sends 0 run_job
    exits 0
    stands anna lost deleted 0
}

# Users who are gone from the roster: at once, after a grace period, and back again.

setup() {
    load lifecycle_helper
    lifecycle_setup
    write_rules "$GRACE"
}

teardown() {
    job_teardown
}

GRACE='{ added: provision, changed: [revoke, issue], removed: { do: delete, after: 30d, meanwhile: revoke } }'
DAY=86400

anna_leaves() {
    onboard
    write_users ben=mon cleo=mon dora=mon emil=mon
    run_job
    exits 0
}

anna_returns() {
    write_users anna="${1:-mon}" ben=mon cleo=mon dora=mon emil=mon
}

@test "a removed user may be revoked only, once" {
    write_rules '{ added: provision, removed: revoke }'
    anna_leaves
    stands anna revoked active 0
    is "$(plan_of anna)" ""
    sends 0 run_job
    exits 0
}

@test "a removed user may be kept" {
    write_rules '{ added: provision, removed: keep }'
    anna_leaves
    stands anna active active 1
    is "$(plan_of anna)" "removed"
}

@test "a removed user is revoked at once and deleted when the grace period is over" {
    anna_leaves
    stands anna revoked active 0
    is "$(sql "SELECT unixepoch() - removed_at < 60 FROM identities WHERE key = 'anna'")" 1
    is "$(plan_of anna)" removed
    sends 0 run_job
    exits 0

    gone_for anna $((30 * DAY - 60))
    is "$(plan_of anna)" removed
    sends 0 run_job
    stands anna revoked active 0

    gone_for anna $((30 * DAY))
    is "$(plan_of anna)" "removed delete"
    sends 1 run_job
    exits 0
    stands anna deleted deleted 0
    is "$(done_to anna)" "provision revoke delete"
    sends 0 run_job
}

@test "without a meanwhile the tokens live on until the grace period is over" {
    write_rules '{ added: provision, removed: { do: delete, after: 30d } }'
    anna_leaves
    stands anna active active 1
    is "$(sql "SELECT removed_at IS NOT NULL FROM identities WHERE key = 'anna'")" 1
    sends 0 run_job
    gone_for anna $((31 * DAY))
    run_job
    stands anna deleted deleted 0
}

@test "the grace period begins when a run finds the user gone, not with each run anew" {
    anna_leaves
    gone_for anna $((10 * DAY))
    run_job
    is "$(sql "SELECT (unixepoch() - removed_at) / $DAY FROM identities WHERE key = 'anna'")" 10
}

@test "a plan does not begin the grace period" {
    onboard
    write_users ben=mon cleo=mon dora=mon emil=mon
    is "$(plan_of anna)" "removed revoke"
    run_job --dry-run
    is "$(sql "SELECT count(*) FROM identities WHERE removed_at IS NOT NULL")" 0
}

@test "a user who is back within the grace period gets a new token and keeps the identity" {
    anna_leaves
    local id
    id=$(identity_of anna)
    gone_for anna $((29 * DAY))
    anna_returns
    is "$(plan_of anna)" "expiring issue"
    sends 1 run_job
    exits 0
    stands anna active active 1
    is "$(identity_of anna)" "$id"
    is "$(done_to anna)" "provision revoke issue"
    is "$(sql "SELECT removed_at IS NULL FROM identities WHERE key = 'anna'")" 1
    # All is as before: gone again, it has the whole grace period.
    write_users ben=mon cleo=mon dora=mon emil=mon
    run_job
    stands anna revoked active 0
    is "$(sql "SELECT unixepoch() - removed_at < 60 FROM identities WHERE key = 'anna'")" 1
}

@test "a user who is back in a roster that is refused is out of the grace period" {
    local rules='{ added: provision, removed: { do: delete, after: 30d } }'
    write_rules "$rules"
    onboard
    write_users ben=mon cleo=mon dora=mon emil=mon
    run_job
    gone_for anna $((29 * DAY))
    write_rules "$rules" limits='{ shrink: 0 }'
    write_users anna=mon
    run_job --dry-run
    exits 3
    is "$(sql "SELECT removed_at IS NULL FROM identities WHERE key = 'anna'")" 0
    sends 0 run_job
    exits 3
    is "$(sql "SELECT key FROM identities WHERE removed_at IS NOT NULL")" ""
    # Gone again, it has the whole grace period.
    write_rules "$rules"
    write_users ben=mon cleo=mon dora=mon emil=mon
    sends 0 run_job
    is "$(sql "SELECT unixepoch() - removed_at < $DAY FROM identities WHERE key = 'anna'")" 1
}

@test "between two rosters a refusal leaves who is still to be removed" {
    write_users anna=mon ben=mon cleo=mon
    onboard
    write_rules "$GRACE"
    write_users ben=mon cleo=mon
    run_job
    write_rules "$GRACE" limits='{ shrink: 0 }' \
        roster='{ csv: users.csv, key: user_id, watch: [password_changed_at], previous: older.csv }'
    cp users.csv older.csv
    write_users anna=mon
    run_job
    exits 3
    is "$(sql "SELECT key FROM identities WHERE removed_at IS NOT NULL")" anna
}

@test "a user who is back after the grace period, but before its delete, keeps the identity" {
    anna_leaves
    gone_for anna $((40 * DAY))
    anna_returns
    run_job
    stands anna active active 1
    is "$(sql "SELECT count(*) FROM audit WHERE action = 'delete'")" 0
}

@test "a user who is back with a changed value gets one new token" {
    anna_leaves
    anna_returns tue
    run_job
    exits 0
    stands anna active active 1
    is "$(plan_of anna)" unchanged
}

@test "a user who is back with a changed value gets its token where a change only revokes" {
    write_rules '{ added: provision, changed: revoke, removed: { do: delete, after: 30d, meanwhile: revoke } }'
    anna_leaves
    anna_returns tue
    is "$(plan_of anna)" "expiring issue"
    run_job
    stands anna active active 1
    sends 0 run_job
}

@test "a user who is back in an identities-only job is out of the grace period" {
    write_rules '{ added: provision, removed: { do: delete, after: 30d } }' token='{ scopes: [] }' \
        outputs='{ mapping: out/mapping.csv }'
    anna_leaves
    gone_for anna $((40 * DAY))
    anna_returns
    sends 0 run_job
    exits 0
    is "$(sql "SELECT state || ' ' || (removed_at IS NULL) FROM identities WHERE key = 'anna'")" "active 1"
}

@test "a user who is back after the delete is a new user" {
    anna_leaves
    local id
    id=$(identity_of anna)
    gone_for anna $((31 * DAY))
    run_job
    anna_returns
    is "$(plan_of anna)" "added provision"
    run_job
    stands anna active active 1
    [ "$(identity_of anna)" != "$id" ]
    is "$(sql "SELECT removed_at IS NULL FROM identities WHERE key = 'anna'")" 1
    # And has a grace period of its own.
    write_users ben=mon cleo=mon dora=mon emil=mon
    run_job
    stands anna revoked active 0
}

@test "a revoke that did not get through is done by the next run, and the grace period still counts from the first" {
    onboard
    write_users ben=mon cleo=mon dora=mon emil=mon
    local right=$CONNECTION_STRING wrong
    wrong=$(printf '%064d' 8 | base64 -w0)
    export COMMUNICATION_SERVICES_CONNECTION_STRING="endpoint=$ENDPOINT/;accesskey=$wrong"
    run_job
    exits 4
    is "$(service_of "$(identity_of anna)")" "active 1"
    is "$(sql "SELECT state FROM identities WHERE key = 'anna'")" active
    gone_for anna $((3 * DAY))
    export COMMUNICATION_SERVICES_CONNECTION_STRING=$right
    is "$(plan_of anna)" "removed revoke"
    run_job
    exits 0
    stands anna revoked active 0
    is "$(sql "SELECT (unixepoch() - removed_at) / $DAY FROM identities WHERE key = 'anna'")" 3
}

@test "a user who is lost during the grace period is left alone" {
    onboard
    at_service delete anna
    write_users ben=mon cleo=mon dora=mon emil=mon
    run_job
    exits 1
    stands anna lost deleted 0
    gone_for anna $((31 * DAY))
    sends 0 run_job
    exits 0
}

@test "a canary leaves those beyond it for the next run, with their grace period begun" {
    onboard
    write_users cleo=mon dora=mon emil=mon
    sends 1 run_job --limit 1
    stands anna revoked active 0
    stands ben active active 1
    gone_for ben $((31 * DAY))
    gone_for anna $((31 * DAY))
    run_job
    stands anna deleted deleted 0
    stands ben deleted deleted 0
}

@test "a shorter grace period holds for those who are gone already" {
    anna_leaves
    gone_for anna $((2 * DAY))
    write_rules '{ added: provision, removed: { do: delete, after: 1d, meanwhile: revoke } }'
    is "$(plan_of anna)" "removed delete"
}

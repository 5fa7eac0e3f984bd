# Tokens are renewed before they end.

setup() {
    load lifecycle_helper
    lifecycle_setup
    write_rules "$ROTATE"
}

teardown() {
    job_teardown
}

ROTATE='{ added: provision, expiring: { within: 6h, do: issue } }'

@test "a token that ends within the time is renewed, one that ends later is not" {
    onboard
    token_ends anna $((6 * 3600 - 5))
    token_ends ben $((6 * 3600 + 60))
    token_ends cleo -10
    is "$(plan_of anna)" "expiring issue"
    is "$(plan_of ben)" unchanged
    is "$(plan_of cleo)" "expiring issue"
    is "$(plan_of dora)" unchanged
    sends 2 run_job
    exits 0
    stands anna active active 2
    [ "$(sql "SELECT token_expires_at - unixepoch() > 23 * 3600 FROM identities WHERE key = 'anna'")" -eq 1 ]
    sends 0 run_job
}

@test "tokens of an hour are renewed in their last minutes" {
    write_rules '{ added: provision, expiring: { within: 10m, do: issue } }' token='{ scopes: [chat], lifetime: 1h }'
    onboard
    sends 0 run_job
    token_ends anna 590
    token_ends ben 620
    sends 1 run_job
    is "$(done_to anna)" "provision issue"
    [ "$(sql "SELECT token_expires_at - unixepoch() BETWEEN 3500 AND 3600 FROM identities WHERE key = 'anna'")" -eq 1 ]
}

@test "a rotation may kill the old tokens" {
    write_rules '{ added: provision, expiring: { within: 6h, do: [revoke, issue] } }'
    onboard
    token_ends anna 60
    run_job
    stands anna active active 1
    is "$(done_to anna)" "provision revoke issue"
}

@test "a user whose token ends may be revoked instead, once" {
    write_rules '{ added: provision, expiring: { within: 6h, do: revoke } }'
    onboard
    token_ends anna 60
    sends 1 run_job
    exits 0
    stands anna active active 0
    sends 0 run_job
    exits 0
}

@test "a user without a token gets one" {
    write_rules '{ added: provision, expiring: { within: 6h, do: issue }, changed: revoke }'
    onboard
    write_users anna=tue ben=mon cleo=mon dora=mon emil=mon
    run_job
    stands anna active active 0
    is "$(plan_of anna)" "expiring issue"
    run_job
    stands anna active active 1
}

@test "jitter spreads the renewals of tokens that end in the same second" {
    write_roster 200
    write_job rules='{ added: provision, expiring: { within: 6h, do: issue, jitter: 4h } }' limits="$NO_LIMITS"
    onboard
    sql "UPDATE identities SET token_expires_at = unixepoch() + 10 * 3600 + 60"
    is "$(summary_of .categories.expiring)" 0
    sql "UPDATE identities SET token_expires_at = unixepoch() + 8 * 3600"
    local half
    half=$(summary_of .categories.expiring)
    [ "$half" -ge 60 ]
    [ "$half" -le 140 ]
    # Each user has its own part: who was due stays due, and the next look agrees.
    is "$(summary_of .categories.expiring)" "$half"
    sql "UPDATE identities SET token_expires_at = unixepoch() + 6 * 3600 - 5"
    is "$(summary_of .categories.expiring)" 200
}

@test "a token that would be expiring when it is new is refused" {
    write_rules '{ added: provision, expiring: { within: 1h, do: issue } }' token='{ scopes: [chat], lifetime: 1h }'
    sends 0 run_job
    exits 2
    says "must be shorter than token.lifetime"
    write_rules '{ added: provision, expiring: { within: 30m, do: issue, jitter: 30m } }' \
        token='{ scopes: [chat], lifetime: 1h }'
    sends 0 run_job
    exits 2
}

@test "renewed tokens take the place of the old ones in the token file" {
    onboard
    token_ends anna 60
    run_job
    is "$(column 1 out/tokens.csv | sort | xargs)" "anna ben cleo dora emil"
    stands anna active active 2
    stands ben active active 1
}

@test "tokens that have ended are dropped from the token file when it is next written" {
    write_rules '{ added: provision }'
    onboard
    token_ends anna -1
    write_users anna=mon ben=mon cleo=mon dora=mon emil=mon frida=mon
    run_job
    is "$(column 1 out/tokens.csv | sort | xargs)" "ben cleo dora emil frida"
}

@test "a change that was left between revoke and issue owes a token, even if it is taken back" {
    write_rules '{ added: provision, changed: [revoke, issue] }'
    onboard
    # The onboarding has used this quota up, so that the issue waits and the revoke does not.
    write_rules '{ added: provision, changed: [revoke, issue] }' engine='{ quotas: { issue: 1/5m } }'
    write_users anna=tue ben=mon cleo=mon dora=mon emil=mon
    start_job
    wait_until 20 is_revoked anna
    kill -TERM "$RUN_PID"
    end_job
    exits 143
    stands anna active active 0
    is "$(plan_of anna)" "changed revoke issue"
    write_users anna=mon ben=mon cleo=mon dora=mon emil=mon
    is "$(plan_of anna)" "expiring issue"
    write_rules '{ added: provision, changed: [revoke, issue] }'
    sends 1 run_job
    exits 0
    stands anna active active 1
}

is_revoked() {
    [ "$(sql "SELECT count(*) FROM audit WHERE key = '$1' AND action = 'revoke'")" -gt 0 ]
}

@test "a rotation with nothing to do leaves the outputs as they are" {
    onboard
    local before
    before=$(stat -c '%i %Y' out/mapping.csv out/tokens.csv)
    sends 0 run_job
    exits 0
    is "$(stat -c '%i %Y' out/mapping.csv out/tokens.csv)" "$before"
}

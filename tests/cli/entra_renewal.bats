# Bearer tokens are renewed while a run goes on, and nobody notices.
#
# What counts is how often a token ends during the run, so time is made short: tokens of two seconds in a run of thirty are
# renewed by the same rule, a quarter of their life ahead, as tokens of two minutes in a run of thirty minutes. That by hand:
#     ROLLCALL_RENEWAL_S=1800 ROLLCALL_BEARER_S=120 bats tests/cli/entra_renewal.bats

setup() {
    load helper
    load entra_helper
    length_s=${ROLLCALL_RENEWAL_S:-30}
    bearer_s=${ROLLCALL_BEARER_S:-2}
    unset "${!AZURE_@}"
    export AZURE_TENANT_ID=$TENANT AZURE_CLIENT_ID=$CLIENT_ID AZURE_CLIENT_SECRET=$CLIENT_SECRET
}

teardown() {
    job_teardown
}

# long_job: ten users a second, for the whole length.
long_job() {
    export AZURE_AUTHORITY_HOST=$ENDPOINT
    write_roster $((length_s * 10))
    write_job resource="{ endpoint: '$ENDPOINT', credential: client_secret }" \
        engine='{ quotas: { create: 10/1s, issue: none } }'
}

@test "a run through many lives of a token renews without one failed user or rejected request" {
    job_setup --limits none --bearer-lifetime "${bearer_s}s"
    long_job
    run_job
    [ "$status" -eq 0 ]
    is "$(rows out/mapping.csv | wc -l)" $((length_s * 10))
    is "$(rows out/failures.csv)" ''
    # Renewed about every three quarters of a life; once in a life at the least.
    [ "$(stats '.requests.token."200"')" -ge $((length_s / bearer_s - 1)) ]
    [ "$(stats '.requests.token."200"')" -le $((length_s * 2 / bearer_s + 2)) ]
}

@test "renewals that fail now and then pause nobody" {
    length_s=6
    printf '%s\n' '- { operation: token, nth: [2, 4], status: 500, retry_after: 0 }' >"$BATS_TEST_TMPDIR/faults.yaml"
    job_setup --limits none --bearer-lifetime 3s --faults "$BATS_TEST_TMPDIR/faults.yaml"
    long_job
    run_job
    [ "$status" -eq 0 ]
    is "$(stats .faults.status)" 2
    is "$(stats '.requests.create | tostring')" "{\"201\":$((length_s * 10))}"
}

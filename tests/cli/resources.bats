#!/usr/bin/env bats
# Several resources in one job: who goes where, side by side, and one that fails does not stop the others.

load resources_helper

setup() {
    resources_setup
}

teardown() {
    job_teardown
}

@test "each user is provisioned in the resource of its region" {
    run_job
    [ "$status" -eq 0 ]
    everybody_is_at_home
    is "$(head -n 1 out/mapping.csv)" user_id,identity_id,state,token_expires_at,resource
    is "$(column 1,5 out/mapping.csv | sort)" "$(rows users.csv | sort)"
    is "$(head -n 1 out/tokens.csv)" user_id,identity_id,token,expires_at
    says "  emea      2 provisioned"
    says "  us        3 provisioned"
    run_job
    [ "$status" -eq 0 ]
    is "$(sent EMEA) $(sent US)" "2 3"
}

@test "what is printed, planned and recorded says which resource it is about" {
    "$ROLLCALL" plan job.yaml >plan
    grep -qx "  at emea: 2 users (2 provision)" plan
    grep -qx "  at us: 3 users (3 provision)" plan
    grep -q "^moved  *0  delete, provision$" plan
    "$ROLLCALL" plan job.yaml --json >plan.json
    is "$(jq -r 'select(.key == "cleo").resource' plan.json)" us
    is "$(jq -c 'select(.summary).summary.resources | map([.resource, .users, .requests.provision])' plan.json)" \
        '[["emea",2,2],["us",3,3]]'
    run_job --json
    [ "$status" -eq 0 ]
    is "$(jq -r 'select(.event == "user_done" and .key == "anna").resource' <<<"$output")" emea
    is "$(jq -c 'select(.event == "run_ended").resources | map([.resource, .provision, .stopped])' <<<"$output")" \
        '[["emea",2,null],["us",3,null]]'
    "$ROLLCALL" status job.yaml >status
    grep -qx "resource    emea at $EMEA_HOST: 2 active, 0 revoked, 0 deleted, 0 lost" status
    grep -qx "resource    us at $US_HOST: 3 active, 0 revoked, 0 deleted, 0 lost" status
    is "$("$ROLLCALL" status job.yaml --json | jq -c '.resources | map([.name, .active])')" '[["emea",2],["us",3]]'
    "$ROLLCALL" history job.yaml cleo | grep -q "at us, run 1"
    is "$("$ROLLCALL" history job.yaml cleo --json | jq -r .resource)" us
    "$ROLLCALL" export job.yaml --columns key,resource | grep -qx "emil,us"
}

@test "a resource whose key is wrong does not stop the other" {
    US_CONNECTION=${US_CONNECTION%%;*}";accesskey=$(printf '%064d' 8 | base64 -w0)" run_job
    [ "$status" -eq 4 ]
    says "rollcall: resource us: 127.0.0.1 answered 401 Denied"
    says "  emea      2 provisioned"
    says "  us        nothing done; stopped: 127.0.0.1 answered 401 Denied"
    is "$(living EMEA) $(living US)" "2 0"
    is "$(column 1 out/mapping.csv | sort | xargs)" "anna ben"
    is "$(sql "SELECT state || left_over FROM runs")" stopped3
    run_job
    [ "$status" -eq 0 ]
    everybody_is_at_home
    is "$(sent EMEA)" 2
}

@test "each resource has its own way to sign in" {
    load entra_helper
    export AZURE_TENANT_ID=$TENANT AZURE_CLIENT_ID=$CLIENT_ID AZURE_CLIENT_SECRET=wrong
    write_two resources="{ emea: { connection_string: { env: EMEA_CONNECTION } },
        us: { endpoint: '$US_ENDPOINT', credential: { kind: client_secret, authority_host: '$US_ENDPOINT' } } }"
    run_job
    [ "$status" -eq 4 ]
    says "resource us: $US_HOST does not sign in"
    says AADSTS7000215
    is "$(living EMEA) $(living US)" "2 0"
    AZURE_CLIENT_SECRET=$CLIENT_SECRET run_job
    [ "$status" -eq 0 ]
    everybody_is_at_home
    is "$(at EMEA stats '.requests.token | tostring') $(at US stats '.requests.token | tostring')" '{} {"200":1,"401":1}'
}

@test "a resource that does not answer does not stop the other" {
    kill "$US_PID"
    wait "$US_PID" || true
    write_two engine='{ give_up_after: 1s }'
    run_job
    [ "$status" -eq 1 ]
    says "resource us: 127.0.0.1 has failed for"
    is "$(living EMEA)" 2
    is "$(sql "SELECT count(*) FROM identities")" 2
}

@test "a name that is no resource refuses the roster, and so does none" {
    write_users anna=emea ben=emae cleo=
    run_job
    [ "$status" -eq 2 ]
    says 'users.csv:3: region "emae" is none of the job'"'"'s resources'
    says 'did you mean "emea"?'
    says 'users.csv:4: region is empty: in which resource is the user?'
    is "$(sent EMEA) $(sent US)" "0 0"
}

@test "shares deal the users out, and who joins later moves nobody" {
    echo user_id >users.csv
    seq -f 'user%03.0f' 80 >>users.csv
    write_two roster='{ csv: users.csv, key: user_id }' resources="$(resources ', share: 3' ', share: 1')"
    run_job
    [ "$status" -eq 0 ]
    [ "$(living EMEA)" -gt "$(living US)" ]
    [ "$(living US)" -gt 5 ]
    local before
    before=$(sql "SELECT key, resource FROM identities ORDER BY key")
    seq -f 'other%03.0f' 20 >>users.csv
    run_job
    [ "$status" -eq 0 ]
    is "$(sql "SELECT key, resource FROM identities WHERE key LIKE 'user%' ORDER BY key")" "$before"
    is "$(sent EMEA) $(sent US)" "$(living EMEA) $(living US)"
}

@test "each resource has its own quota, within a run and from one to the next" {
    write_many 9 emea us
    write_two resources="$(resources ', quotas: { create: none }' ', quotas: { create: 3/1s }')" token= \
        outputs='{ mapping: out/mapping.csv }'
    local began=$EPOCHREALTIME
    run_job
    [ "$status" -eq 0 ]
    [ "$(($(date +%s%N) / 1000000 - ${began/./} / 1000))" -ge 2000 ]
    is "$(sql "SELECT count(*) FROM audit a JOIN resources r ON r.id = a.resource
               WHERE r.name = 'emea' AND a.at < (SELECT min(at) + 900 FROM audit)")" 9
    # In any second no more than three at us: the fourth comes at least a second after the first.
    is "$(sql "SELECT count(*) FROM (SELECT at - lag(at, 3) OVER (ORDER BY at) AS gap FROM audit
               WHERE resource = (SELECT id FROM resources WHERE name = 'us')) WHERE gap < 990")" 0
    write_many 10 emea us
    run_job
    [ "$status" -eq 0 ]
    is "$(sql "SELECT count(*) FROM (SELECT at - lag(at, 3) OVER (ORDER BY at) AS gap FROM audit
               WHERE resource = (SELECT id FROM resources WHERE name = 'us')) WHERE gap < 990")" 0
}

@test "what one resource has used of its quota is not taken from another" {
    write_users anna=emea ben=emea cleo=emea
    write_two engine='{ quotas: { create: 3/1h } }'
    run_job
    [ "$status" -eq 0 ]
    write_users anna=emea ben=emea cleo=emea dora=us emil=us
    run timeout 20 "$ROLLCALL" run job.yaml
    [ "$status" -eq 0 ]
    everybody_is_at_home
}

@test "one signal stops them all, and the next run goes on" {
    write_many 200 emea us
    write_two engine='{ concurrency: 2, quotas: { create: 50/1s } }'
    start_job
    wait_until 30 [ -e "$LEDGER" ]
    wait_until 30 eval '[ "$(sent EMEA)" -ge 20 ] && [ "$(sent US)" -ge 20 ]'
    kill -TERM "$RUN_PID"
    end_job
    [ "$status" -eq 143 ]
    is "$(sql "SELECT state FROM runs")" interrupted
    is "$(sql "SELECT count(*) FROM tasks")" 0
    write_two
    run_job
    [ "$status" -eq 0 ]
    everybody_is_at_home
}

@test "a run that was killed is made good in both" {
    start_resource EMEA --latency 100ms
    start_resource US --latency 100ms
    write_many 150 emea us
    write_two engine='{ concurrency: 8 }'
    start_job
    wait_until 30 eval '[ "$(sent EMEA)" -ge 30 ] && [ "$(sent US)" -ge 30 ]'
    kill_job
    write_two
    run_job
    [ "$status" -le 1 ]
    is "$(sql "SELECT count(*) FROM identities WHERE state = 'active'")" 300
    local in_doubt
    in_doubt=$(sql "SELECT count(*) FROM audit WHERE outcome = 'in_doubt'")
    [ "$(($(living EMEA) + $(living US) - 300))" -le "$in_doubt" ]
    for name in emea us; do
        is "$(sql "SELECT count(*) FROM identities WHERE key LIKE '$name%'
                   AND resource = (SELECT id FROM resources WHERE name = '$name')")" 150
    done
    run_job
    [ "$status" -eq 0 ]
}

@test "a name that leads somewhere else, and a place under another name, refuse the run" {
    run_job
    [ "$status" -eq 0 ]
    local emea=$EMEA_CONNECTION us=$US_CONNECTION
    EMEA_CONNECTION=$us US_CONNECTION=$emea run_job
    [ "$status" -eq 3 ]
    says "$LEDGER has the resource \"emea\" at $EMEA_HOST, the job spec points to $US_HOST"
    EMEA_CONNECTION=$US_CONNECTION run_job
    [ "$status" -eq 2 ]
    says "job.yaml:"
    says ": resources.emea and resources.us are both $US_HOST"
    sed -i 's/ us: {/ america: {/' job.yaml
    sed -i 's/,us$/,america/' users.csv
    run_job
    [ "$status" -eq 3 ]
    says "has 3 users in resources that the job spec does not have, such as us at $US_HOST"
    is "$(sent EMEA) $(sent US)" "2 3"
}

@test "a job with one resource becomes one with two" {
    write_users anna=emea ben=emea
    write_job resource='{ connection_string: { env: EMEA_CONNECTION } }' roster='{ csv: users.csv, key: user_id }'
    run_job
    [ "$status" -eq 0 ]
    is "$(head -n 1 out/mapping.csv)" user_id,identity_id,state,token_expires_at
    write_users anna=emea ben=us cleo=us
    write_two
    run_job
    [ "$status" -eq 0 ]
    everybody_is_at_home
    is "$(where anna)" "emea active"
    is "$(head -n 1 out/mapping.csv)" user_id,identity_id,state,token_expires_at,resource
    write_job resource='{ connection_string: { env: EMEA_CONNECTION } }' roster='{ csv: users.csv, key: user_id }'
    run_job
    [ "$status" -eq 3 ]
    says "has 3 users in resources that the job spec does not have"
}

@test "a mapping of several resources is imported into them" {
    run_job
    [ "$status" -eq 0 ]
    "$ROLLCALL" export job.yaml >mapping.csv
    write_two ledger=other.ledger
    LEDGER=other.ledger
    run -0 "$ROLLCALL" import job.yaml mapping.csv
    is "$(where cleo)" "us active"
    everybody_is_at_home
    sed 's/,us$/,uss/' mapping.csv >wrong.csv
    write_two ledger=third.ledger
    run --separate-stderr "$ROLLCALL" import job.yaml wrong.csv
    [ "$status" -eq 2 ]
    says 'resource "uss" is none of the job'"'"'s resources'
    cut -d, -f1-4 mapping.csv >without.csv
    run --separate-stderr "$ROLLCALL" import job.yaml without.csv
    [ "$status" -eq 2 ]
    says 'without.csv has no column "resource"'
}

# A roster is onboarded from end to end.

setup() {
    load helper
    job_setup
}

teardown() {
    job_teardown
}

@test "every user of the roster gets an identity and a token" {
    run_job
    [ "$status" -eq 0 ]
    says "10 provisioned"
    is "$(sql "SELECT count(*) FROM identities WHERE state = 'active'")" 10
    is "$(stats '.identities.active, .tokens.live' | xargs)" "10 10"
    is "$(emulator_identities .id | sort)" "$(sql 'SELECT identity FROM identities' | sort)"
}

@test "the mapping has a row for each user, as the answers came" {
    run_job
    is "$(head -n 1 out/mapping.csv)" user_id,identity_id,state,token_expires_at
    is "$(column 1 out/mapping.csv | sort)" "$(column 1 users.csv | sort)"
    is "$(column 2 out/mapping.csv)" "$(sql 'SELECT identity FROM identities ORDER BY id')"
    is "$(column 3 out/mapping.csv | sort -u)" active
    [ "$(column 4 out/mapping.csv | grep -cE '^20[0-9-]{8}T[0-9:]{8}Z$')" -eq 10 ]
}

@test "the tokens file has each user's token and its end" {
    run_job
    is "$(head -n 1 out/tokens.csv)" user_id,identity_id,token,expires_at
    is "$(column 1 out/tokens.csv | sort)" "$(column 1 users.csv | sort)"
    is "$(cut -d, -f1,2,4 out/tokens.csv | tail -n +2 | sort)" "$(cut -d, -f1,2,4 out/mapping.csv | tail -n +2 | sort)"
    [ "$(column 3 out/tokens.csv | grep -cE '^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$')" -eq 10 ]
    is "$(column 3 out/tokens.csv | sort -u | wc -l)" 10
}

@test "the ledger, the tokens and the failures are readable by their owner only" {
    umask 022
    run_job
    is "$(mode "$LEDGER")" 600
    is "$(mode out/tokens.csv)" 600
    is "$(mode out/failures.csv)" 600
}

@test "a second run sends nothing and exits 0" {
    run_job
    local sent
    sent=$(requests_sent)
    cp out/mapping.csv out/tokens.csv .
    run_job
    [ "$status" -eq 0 ]
    says "nothing to do"
    is "$(requests_sent)" "$sent"
    cmp mapping.csv out/mapping.csv
    cmp tokens.csv out/tokens.csv
}

@test "a user added to the roster later is the only one provisioned" {
    run_job
    echo 'late@contoso.example,Late' >>users.csv
    run_job
    [ "$status" -eq 0 ]
    says "1 provisioned"
    is "$(requests_sent)" 11
    is "$(rows out/mapping.csv | wc -l)" 11
    is "$(rows out/tokens.csv | wc -l)" 11
}

@test "without failures the failures file has a header alone" {
    run_job
    is "$(cat out/failures.csv)" "user_id,name,error_category,error_action,error_code,error_message,error_request_id,error_first_code,error_attempts"
}

@test "empty scopes give identities without tokens" {
    write_job token='{ scopes: [] }' outputs='{ mapping: out/mapping.csv }'
    run_job
    [ "$status" -eq 0 ]
    is "$(stats '.identities.active, .tokens.issued' | xargs)" "10 0"
    is "$(column 4 out/mapping.csv | sort -u)" ""
    [ ! -e out/tokens.csv ]
}

@test "the lifetime of the spec reaches the service" {
    write_job token='{ scopes: [chat], lifetime: 90m }'
    local before after first last
    before=$(date +%s)
    run_job
    after=$(date +%s)
    first=$(date -d "$(column 4 out/tokens.csv | sort | head -n 1)" +%s)
    last=$(date -d "$(column 4 out/tokens.csv | sort | tail -n 1)" +%s)
    [ "$first" -ge $((before + 5400 - 1)) ]
    [ "$last" -le $((after + 5400 + 1)) ]
}

@test "the scopes of the spec reach the service" {
    write_job token='{ scopes: [voip] }'
    run_job
    local payload
    payload=$(column 3 out/tokens.csv | head -n 1 | cut -d. -f2 | tr '_-' '/+')
    while [ $((${#payload} % 4)) -ne 0 ]; do payload+='='; done
    is "$(base64 -d <<<"$payload" | jq -r .acsScope)" voip
}

@test "the version of the interface and custom ids reach the service" {
    # Only the preview takes custom ids; every other version passes over them.
    write_job resource='{ connection_string: { env: COMMUNICATION_SERVICES_CONNECTION_STRING }, custom_id: true }'
    run_job
    [ "$status" -eq 0 ]
    is "$(emulator_identities .customId | sort)" "$(column 1 users.csv | sort)"
}

@test "an identity that is another user's fails the one user for whom it was answered" {
    write_job resource='{ connection_string: { env: COMMUNICATION_SERVICES_CONNECTION_STRING }, custom_id: true }'
    printf 'user_id\nanna\n' >users.csv
    run_job
    [ "$status" -eq 0 ]
    local identity
    identity=$(sql 'SELECT identity FROM identities')
    printf 'user_id,identity_id\nanna.smith,%s\n' "$identity" >old.csv
    rm -r out "$LEDGER"
    "$ROLLCALL" import job.yaml old.csv
    printf 'user_id\nanna.smith\nanna\nben\n' >users.csv
    run_job
    [ "$status" -eq 1 ]
    says "1 provisioned"
    is "$(sql 'SELECT key FROM identities ORDER BY key' | xargs)" "anna.smith ben"
    grep "anna,.*the service's identity for this custom id, $identity, is that of \"\"anna.smith" out/failures.csv
    is "$(column 1 out/tokens.csv | xargs)" ben
}

@test "an old version of the interface is spoken where the spec says so" {
    write_job resource='{ connection_string: { env: COMMUNICATION_SERVICES_CONNECTION_STRING }, api_version: 2021-03-07 }'
    run_job
    [ "$status" -eq 0 ]
    is "$(stats '.identities.active, .tokens.live' | xargs)" "10 10"
}

@test "values with commas, quotes, line breaks and umlauts come through" {
    printf '\xef\xbb\xbfname,user_id\r\n"Doe, ""Jo""\r\nJr.",jo@contoso.example\r\n"x","Zoë, ""Müller"""\r\n' >users.csv
    run_job
    [ "$status" -eq 0 ]
    is "$(sql 'SELECT key FROM identities ORDER BY id')" $'jo@contoso.example\nZoë, "Müller"'
    [[ $(cat out/mapping.csv) == *$'\n"Zoë, ""Müller""",8:acs:'* ]]
}

@test "the roster may come from standard input, with a delimiter of its own" {
    write_job roster='{ csv: "-", key: user_id, delimiter: ";" }'
    tr , ';' <users.csv >piped.csv
    run --separate-stderr bash -c "cat piped.csv | '$ROLLCALL' run job.yaml"
    show_run
    [ "$status" -eq 0 ]
    is "$(rows out/mapping.csv | wc -l)" 10
}

@test "paths in a spec are relative to the spec" {
    mkdir elsewhere
    cd elsewhere
    run --separate-stderr "$ROLLCALL" run ../job.yaml
    show_run
    [ "$status" -eq 0 ]
    [ -e ../contoso.ledger ]
    [ -e ../out/mapping.csv ]
    [ -z "$(ls)" ]
}

@test "plan shows what run does, and sends nothing" {
    run --separate-stderr "$ROLLCALL" plan --exit-code job.yaml
    show_run
    [ "$status" -eq 10 ]
    [[ $output == *"added"*"10  provision"* ]]
    [[ $output == *"to do: 10 users (10 provision)"* ]]
    nothing_was_sent
    run_job
    run --separate-stderr "$ROLLCALL" plan --exit-code job.yaml
    [ "$status" -eq 0 ]
    [[ $output == *"to do: 0 users"* ]]
}

@test "a dry run prints the plan and changes nothing" {
    run_job --dry-run
    [ "$status" -eq 0 ]
    [[ $output == *"to do: 10 users (10 provision)"* ]]
    nothing_was_sent
}

@test "validate needs no service and makes no ledger" {
    run --separate-stderr "$ROLLCALL" validate job.yaml
    show_run
    [ "$status" -eq 0 ]
    [[ $output == *"10 users"* ]]
    nothing_was_sent
}

@test "a canary onboards as many users as asked for, and the next run the rest" {
    run_job --limit 3
    [ "$status" -eq 0 ]
    is "$(rows out/mapping.csv | wc -l)" 3
    run_job
    [ "$status" -eq 0 ]
    is "$(rows out/mapping.csv | wc -l)" 10
    is "$(requests_sent)" 10
}

@test "one user may be onboarded alone" {
    run_job --only user000007@contoso.example
    [ "$status" -eq 0 ]
    is "$(column 1 out/mapping.csv)" user000007@contoso.example
    is "$(requests_sent)" 1
}

@test "status and export read what run wrote" {
    run_job
    run --separate-stderr "$ROLLCALL" status --json job.yaml
    is "$(jq -c '[.identities.active, .tokens.live, .open_tasks, (.in_doubt | length), .runs[0].state]' <<<"$output")" \
        '[10,10,0,0,"done"]'
    "$ROLLCALL" status job.yaml | grep -qx 'in doubt    0 creates'
    is "$("$ROLLCALL" export job.yaml)" "$(cat out/mapping.csv)"
    is "$("$ROLLCALL" export --format ndjson job.yaml | jq -r .identity_id)" "$(column 2 out/mapping.csv)"
    is "$("$ROLLCALL" export --columns identity_id --state revoked job.yaml)" identity_id
}

@test "more users than the quota are onboarded without a single throttle, however the service counts" {
    local kind
    write_roster 70
    write_job engine='{ quotas: { create: 20/500ms, issue: none } }'
    for kind in sliding fixed bucket; do
        emulator_stop_all
        rm -rf out contoso.ledger*
        use_emulator --limits create=20/500ms --window $kind --latency 0ms-40ms
        run_job
        [ "$status" -eq 0 ]
        is "$(stats '.requests.create["201"], .requests.create["429"] // 0' | xargs)" "70 0"
    done
}

@test "a request id is sent with each request and recorded" {
    emulator_stop_all
    use_emulator --remember-request-ids
    run_job
    is "$(emulator_identities '.clientRequestId // .requestId // .request_id' | sort)" \
        "$(sql "SELECT request_id FROM audit WHERE action = 'provision' AND outcome = 'done'" | sort)"
    is "$(sql 'SELECT count(DISTINCT request_id) FROM audit')" 10
}

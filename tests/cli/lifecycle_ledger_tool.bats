# The ledger as a tool: import, export, history, status, and a backup that is restored.

setup() {
    load lifecycle_helper
    lifecycle_setup
    write_rules "$RULES"
}

teardown() {
    job_teardown
}

RULES='{ added: provision, changed: [revoke, issue], expiring: { within: 6h, do: issue }, removed: delete }'

# made KEY...: identities that were made without rollcall; old.csv maps the users to them.
made() {
    local key
    echo user_id,identity_id >old.csv
    for key in "$@"; do
        create
        echo "$key,$ID" >>old.csv
    done
}

import() {
    run --separate-stderr "$ROLLCALL" import job.yaml "${1:-old.csv}"
    show_run
}

# recorded: what the ledger says of users; nothing where there is none.
recorded() {
    [ ! -e "$LEDGER" ] || { echo a ledger && sql 'SELECT * FROM identities; SELECT * FROM audit'; }
}

# refuses_import TEXT...: nothing is adopted, no ledger made, and each fault is named with its line.
refuses_import() {
    local before text
    before=$(recorded)
    import
    exits 2
    for text in "$@"; do says "$text"; done
    is "$(recorded)" "$before"
}

@test "identities that were made elsewhere are adopted and then managed" {
    made anna ben cleo dora emil
    sends 0 import
    exits 0
    [[ $output == *"5 identities adopted, 0 known already"* ]]
    # They have no token that we know of; nobody is provisioned anew.
    is "$(plan_of anna)" "expiring issue"
    sends 5 run_job
    exits 0
    stands anna active active 1
    is "$(stats '.identities.active')" 5
    is "$(identity_of anna)" "$(sed -n 's/^anna,//p' old.csv)"
    # Their watched values were taken over, and a change is one from now on.
    write_users anna=tue ben=mon cleo=mon dora=mon
    is "$(plan_of anna)" "changed revoke issue"
    is "$(plan_of ben)" unchanged
    run_job
    stands emil deleted deleted 0
}

@test "our own mapping is taken back with states and ends" {
    onboard
    write_users anna=mon ben=mon cleo=mon dora=mon
    run_job
    cp out/mapping.csv old.csv
    rm contoso.ledger*
    import
    exits 0
    is "$("$ROLLCALL" export job.yaml)" "$(cat old.csv)"
    sends 0 run_job
    exits 0
    is "$(plan_of emil)" ""
}

@test "a mapping that is not there is refused by its own name" {
    import
    exits 2
    says "cannot open old.csv: No such file or directory"
    says "correct the path"
    [ ! -e "$LEDGER" ]
}

@test "an import twice adopts nothing the second time" {
    made anna ben
    import
    import
    exits 0
    [[ $output == *"0 identities adopted, 2 known already"* ]]
    is "$(sql "SELECT count(*) FROM audit WHERE action = 'import'")" 2
}

@test "an import adds to what is there" {
    onboard
    made frida gustav
    import
    exits 0
    [[ $output == *"2 identities adopted"* ]]
    is "$(sql 'SELECT count(*) FROM identities')" 7
}

@test "every fault of a mapping is named with its line, and nothing is adopted" {
    made anna ben
    local id
    id=$(sed -n 's/^anna,//p' old.csv)
    printf '%s\n' cleo,8:acs:nonsense dora, "emil,8:acs:$(tr a-f A-F <<<"${id#8:acs:}")" >>old.csv
    refuses_import old.csv:4 old.csv:5 old.csv:6 "nothing was adopted" "import the whole again"
    printf 'user_id,identity_id,state,token_expires_at\nanna,%s,asleep,\nben,%s,active,tomorrow\n' \
        "$(sed -n 's/^anna,//p' old.csv)" "$(sed -n 's/^ben,//p' old.csv)" >bad.csv
    mv bad.csv old.csv
    refuses_import 'old.csv:2' '"asleep"' 'old.csv:3' '"tomorrow"'
}

@test "a user with another identity, or an identity of another user, is a conflict" {
    onboard
    made anna frida
    refuses_import 'old.csv:2: "anna": the user has the identity'
    printf 'user_id,identity_id\nfrida,%s\n' "$(identity_of ben)" >old.csv
    refuses_import 'old.csv:2' 'the identity is that of "ben" already'
    made frida
    echo "gustav,$ID" >>old.csv
    refuses_import 'old.csv:3' 'the identity is that of "frida" already'
}

@test "an identity of another resource is a conflict" {
    onboard
    echo 'user_id,identity_id
frida,8:acs:00000000-0000-0000-0000-000000000000_00000000-0000-0000-0000-000000000001' >old.csv
    refuses_import "of another resource"
}

@test "a mapping without the key's column or identity_id is refused" {
    made anna
    sed -i 1s/identity_id/id/ old.csv
    refuses_import '"identity_id"'
    sed -i '1s/.*/user,identity_id/' old.csv
    refuses_import user_id
}

@test "an import does not wait for a run: a ledger in use is refused" {
    run_job
    exits 0
    echo user_id,identity_id >old.csv
    exec {lock}<"$LEDGER" # as a run holds it
    flock "$lock"
    import
    exits 5
    exec {lock}<&-
    import
    exits 0
}

@test "export writes states, columns and formats" {
    onboard
    write_users anna=mon ben=mon cleo=mon dora=mon
    run_job
    is "$("$ROLLCALL" export job.yaml)" "$(cat out/mapping.csv)"
    is "$("$ROLLCALL" export --state deleted job.yaml | tail -n +2 | cut -d, -f1,3,4)" "emil,deleted,"
    is "$("$ROLLCALL" export --state active --columns key job.yaml | xargs)" "user_id anna ben cleo dora"
    is "$("$ROLLCALL" export --columns state,key job.yaml | sed -n 2p)" "active,anna"
    is "$("$ROLLCALL" export --format ndjson --state deleted job.yaml | jq -c '[.user_id, .state, .token_expires_at]')" \
        '["emil","deleted",null]'
    is "$("$ROLLCALL" export --format ndjson --columns identity_id job.yaml | jq -r .identity_id)" \
        "$(column 2 out/mapping.csv)"
    local option
    for option in --state=gone --columns=token --format=xml; do
        run "$ROLLCALL" export "$option" job.yaml
        is "$status" 2
    done
}

@test "history tells what was done to a user, newest last, and by which run" {
    onboard
    write_users anna=tue ben=mon cleo=mon dora=mon emil=mon
    run_job
    write_users ben=mon cleo=mon dora=mon emil=mon
    run_job
    local history
    history=$("$ROLLCALL" history --json job.yaml anna)
    is "$(jq -r '"\(.run) \(.action) \(.outcome) \(.status)"' <<<"$history")" "1 provision done 201
2 revoke done 204
2 issue done 200
3 delete done 204"
    is "$(jq -r '"\(.category) \(.verdict) \(.elapsed_ms > 0)"' <<<"$history")" "added done true
changed next true
changed done true
removed done true"
    is "$(jq -r .request_id <<<"$history")" "$(sql "SELECT request_id FROM audit WHERE key = 'anna' ORDER BY id")"
    is "$(jq -r .identity_id <<<"$history" | sort -u)" "$(identity_of anna)"
    is "$(jq -r .at <<<"$history")" "$(jq -r .at <<<"$history" | sort)"
    is "$("$ROLLCALL" history job.yaml anna | grep -oE '(provision|revoke|issue|delete) +done' | tr -s ' ')" "provision done
revoke done
issue done
delete done"
    # It fits a terminal, and has the identity once.
    is "$("$ROLLCALL" history job.yaml anna | awk 'length > 80')" ""
    is "$("$ROLLCALL" history job.yaml anna | grep -c 8:acs:)" 1
}

@test "what the ledger knows can be asked while other files of the job are missing" {
    onboard
    mv users.csv ..
    unset COMMUNICATION_SERVICES_CONNECTION_STRING
    "$ROLLCALL" status job.yaml | grep -q '5 active'
    "$ROLLCALL" history job.yaml anna | grep -q 'provision  done'
    "$ROLLCALL" report job.yaml | grep -q '</html>'
    is "$("$ROLLCALL" export job.yaml | wc -l)" 6
    run --separate-stderr "$ROLLCALL" plan job.yaml
    is "$status" 2
    says 'roster.csv: cannot read "users.csv"'
}

@test "history of a user who failed has the code and the request id" {
    onboard
    at_service delete anna
    write_users anna=tue ben=mon cleo=mon dora=mon emil=mon
    run_job
    local history
    history=$("$ROLLCALL" history job.yaml anna)
    [[ $history == *"revoke     gone"*"HTTP 404"*"IdentityNotFound"* ]]
    [[ $history == *"$(sql "SELECT request_id FROM audit WHERE outcome = 'gone'")"* ]]
}

@test "history of somebody unknown says so" {
    onboard
    run --separate-stderr "$ROLLCALL" history job.yaml nobody
    is "$status" 2
    says '"nobody"'
}

@test "status counts states, tokens by the time they have left, and runs" {
    write_rules '{ added: provision, changed: [revoke, issue], removed: revoke }'
    onboard
    token_ends anna 1800
    token_ends ben $((3 * 3600))
    at_service delete dora
    write_users anna=mon ben=mon cleo=mon dora=tue
    run_job
    exits 1
    is "$("$ROLLCALL" status --json job.yaml | jq -c '[.identities[]], [.tokens[]], [.runs[].state], [.open_tasks, (.in_doubt | length)]')" \
        '[3,1,0,1]
[3,1,2,3]
["failed","done"]
[0,0]'
    local text
    text=$("$ROLLCALL" status job.yaml)
    [[ $text == *"3 active, 1 revoked, 0 deleted, 1 lost"* ]]
    [[ $text == *"3 live; 1 end within 1 h, 2 within 6 h, 3 within 24 h"* ]]
}

@test "status and export of a job without a ledger say so" {
    local command
    for command in status export; do
        run --separate-stderr "$ROLLCALL" "$command" job.yaml
        is "$status" 2
        says "there is no ledger"
    done
}

# backup, restore: as documented.
backup() {
    (umask 077 && sqlite3 "$LEDGER" ".backup backup.ledger")
}

restore() {
    mkdir before && mv contoso.ledger* before/ && cp -p backup.ledger contoso.ledger
}

@test "a restored ledger: who was deleted since is deleted again, and the 404 is the end of it" {
    onboard
    backup
    write_users anna=mon ben=mon cleo=mon dora=mon
    run_job
    stands emil deleted deleted 0
    restore
    is "$(plan_of emil)" "removed delete"
    sends 1 run_job
    exits 0
    stands emil deleted deleted 0
    is "$(stats '.identities.active, .identities.deleted' | xargs)" "4 1"
}

@test "a restored ledger: who was deleted and is back is lost, not mistaken for active" {
    onboard
    backup
    write_users anna=mon ben=mon cleo=mon dora=mon
    run_job
    restore
    write_users anna=mon ben=mon cleo=mon dora=mon emil=tue
    run_job
    exits 1
    stands emil lost deleted 0
}

@test "a restored ledger: who came since is made known by the mapping, and nobody has two identities" {
    onboard
    backup
    write_users anna=mon ben=mon cleo=mon dora=mon emil=mon frida=mon gustav=mon
    run_job
    cp out/mapping.csv saved.csv
    restore
    is "$(plan_of frida)" "added provision"
    import saved.csv
    exits 0
    [[ $output == *"2 identities adopted, 5 known already"* ]]
    is "$(plan_of frida)" unchanged
    sends 0 run_job
    exits 0
    is "$(stats .identities.active)" 7
}

@test "a restored ledger: what it does not know it says, and sends nothing" {
    onboard
    backup
    write_users anna=mon ben=mon cleo=mon dora=mon emil=mon frida=mon gustav=mon
    run_job
    restore
    sends 0 run_job
    exits 3
    says "out/mapping.csv names 2 identities that the ledger does not know"
    says "rollcall import"
    # So does plan.
    run --separate-stderr "$ROLLCALL" plan job.yaml
    says "a run would be refused: out/mapping.csv names 2 identities that the ledger does not know"
    # The mapping still has them.
    is "$(rows out/mapping.csv | wc -l)" 7
}

@test "a restored ledger: nobody is deleted whom the roster has, and nobody whom the ledger does not know" {
    onboard
    backup
    write_users anna=tue ben=mon cleo=mon dora=mon emil=mon frida=mon
    run_job
    restore
    rm out/mapping.csv out/tokens.csv
    run_job
    exits 0
    # Frida's first identity is known to nobody any more, and is not touched; anna's change is applied once more.
    is "$(stats '.identities.active, .identities.deleted' | xargs)" "7 0"
    stands anna active active 1
    is "$(sql "SELECT count(*) FROM audit WHERE action = 'delete'")" 0
}

@test "a restored ledger: with --reissue-all everybody has the token that the ledger knows" {
    onboard
    backup
    token_ends anna 60
    run_job
    restore
    run_job --reissue-all
    exits 0
    local key
    for key in anna ben cleo dora emil; do
        [ -n "$(fingerprint_in_file "$key")" ]
        is "$(fingerprint_in_file "$key")" "$(sql "SELECT lower(hex(token_fingerprint)) FROM identities WHERE key = '$key'")"
    done
}

@test "a ledger of a newer rollcall is refused" {
    onboard
    sql 'PRAGMA user_version = 99'
    sends 0 run_job
    exits 2
    says "99"
}

@test "a reader that has seen enough of an export is no fault" {
    { echo user_id,identity_id && for i in {1..3000}; do
        printf 'user%d,8:acs:5f4c1e2a-0b7d-4c1e-9a53-2d6f8b90c417_0000001c-8f4e-2ab7-69ff-%012x\n' "$i" "$i"
    done; } >old.csv
    import
    exits 0
    run --separate-stderr bash -c 'set -o pipefail; "$1" export job.yaml | head -n 1' - "$ROLLCALL"
    exits 0
    is "$output" user_id,identity_id,state,token_expires_at
    is "$stderr" ""
}

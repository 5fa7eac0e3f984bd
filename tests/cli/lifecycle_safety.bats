# Deleting takes two keys: limits on the whole plan before the first request, a question on a terminal.

setup() {
    load lifecycle_helper
    lifecycle_setup
}

teardown() {
    job_teardown
}

# limited RULES [LIMITS]: the job with these limits alone.
limited() {
    write_job roster="$WATCHED" rules="$1" limits="${2-}"
}

DELETE='{ added: provision, removed: delete }'
RESET='{ added: provision, changed: [revoke, issue] }'

# twenty: users u01 to u20 are onboarded.
twenty() {
    write_users u{01..20}=mon
    write_rules "$1"
    onboard
}

# stay FROM TO [VALUE]: only these are left in the roster.
stay() {
    write_users $(seq -f "u%02.0f=${3:-mon}" "$1" "$2")
}

# refused TEXT...: the next run sends nothing, changes nothing, exits 3 and says each text.
refused() {
    local before text
    before=$(sql 'SELECT * FROM identities; SELECT * FROM audit; SELECT * FROM runs')
    sends 0 run_job --yes
    exits 3
    for text in "$@"; do says "$text"; done
    is "$(sql 'SELECT * FROM identities; SELECT * FROM audit; SELECT * FROM runs')" "$before"
}

@test "limits.delete as a count refuses one more, and lets as many through" {
    twenty "$DELETE"
    limited "$DELETE" '{ delete: 2, shrink: 100% }'
    stay 1 17
    refused "would delete 3 of 20 identities" "limits.delete (2) allows 2" "--allow delete=3"
    stay 1 18
    run_job
    exits 0
    is "$(stats '.identities.deleted')" 2
}

@test "limits.delete as a percentage is of the active identities" {
    twenty "$DELETE"
    limited "$DELETE" '{ delete: 10%, shrink: 100% }'
    stay 1 17
    refused "would delete 3 of 20 identities" "limits.delete (10%) allows 2"
    stay 1 18
    run_job
    exits 0
    # Of 18 that are left, a tenth is one.
    stay 1 16
    refused "would delete 2 of 18 identities" "limits.delete (10%) allows 1"
}

@test "of a count and a percentage the smaller one decides" {
    twenty "$DELETE"
    stay 1 17
    limited "$DELETE" '{ delete: [50%, 2], shrink: 100% }'
    refused "would delete 3 of 20" "limits.delete ([50%, 2]) allows 2"
    limited "$DELETE" '{ delete: [10%, 500], shrink: 100% }'
    refused "would delete 3 of 20" "limits.delete ([10%, 500]) allows 2"
    limited "$DELETE" '{ delete: [15%, 3], shrink: 100% }'
    run_job
    exits 0
    is "$(stats '.identities.deleted')" 3
}

@test "without limits.delete a twentieth may be deleted" {
    twenty "$DELETE"
    limited "$DELETE" ''
    stay 1 18
    refused "would delete 2 of 20" "limits.delete (5%) allows 1"
    stay 1 19
    run_job
    exits 0
}

@test "a limit of none deletes nobody" {
    twenty "$DELETE"
    limited "$DELETE" '{ delete: 0 }'
    stay 1 19
    refused "would delete 1 of 20" "limits.delete (0) allows 0"
}

@test "limits.revoke counts the revokes of every rule" {
    twenty '{ added: provision, changed: [revoke, issue], removed: revoke }'
    write_users $(seq -f 'u%02.0f=tue' 1 3) $(seq -f 'u%02.0f=mon' 4 18)
    limited '{ added: provision, changed: [revoke, issue], removed: revoke }' '{ revoke: 4, shrink: 100% }'
    refused "would revoke 5 of 20 identities" "limits.revoke (4) allows 4" "--allow revoke=5"
    limited '{ added: provision, changed: [revoke, issue], removed: revoke }' '{ revoke: [20%, 500], shrink: 100% }'
    refused "limits.revoke ([20%, 500]) allows 4"
    limited '{ added: provision, changed: [revoke, issue], removed: revoke }' '{ revoke: 25%, shrink: 100% }'
    run_job
    exits 0
    is "$(sql "SELECT count(*) FROM audit WHERE action = 'revoke' AND outcome = 'done'")" 5
}

@test "without limits.revoke a fifth may be revoked" {
    twenty "$RESET"
    limited "$RESET" ''
    write_users $(seq -f 'u%02.0f=tue' 1 5) $(seq -f 'u%02.0f=mon' 6 20)
    refused "would revoke 5 of 20" "limits.revoke (20%) allows 4"
}

@test "the revokes of a grace period and of a reissue count too" {
    twenty '{ added: provision, removed: { do: delete, after: 30d, meanwhile: revoke } }'
    stay 1 15
    limited '{ added: provision, removed: { do: delete, after: 30d, meanwhile: revoke } }' '{ revoke: 4, shrink: 100% }'
    refused "would revoke 5 of 20"
    stay 1 20
    limited '{ added: provision, expiring: { within: 1h, do: [revoke, issue] } }' ''
    sends 0 run_job --reissue-all
    exits 3
    says "would revoke 20 of 20"
}

@test "a plan says that a run would be refused, and all options that it takes to pass" {
    local options
    twenty "$DELETE"
    limited "$DELETE" '{ delete: 2, shrink: 10% }'
    stay 1 15
    run --separate-stderr "$ROLLCALL" plan job.yaml
    exits 0
    says "a run would be refused: the roster has 15 users, 5 less than the 20"
    says "run once with --allow shrink=5 --allow delete=5"
    read -ra options <<<"${stderr##*run once with }"
    sends 5 run_job --yes "${options[@]}"
    exits 0
}

@test "limits.shrink compares the roster with that of the last good run" {
    twenty '{ added: provision }'
    limited '{ added: provision }' '{ shrink: 10% }'
    stay 1 17
    refused "the roster has 17 users, 3 less than the 20 of the last good run" "limits.shrink (10%) allows 2 less" \
        "--allow shrink=3"
    stay 1 18
    run_job
    exits 0
    # The run with 18 is now the last good one.
    stay 1 17
    run_job
    exits 0
    limited '{ added: provision }' '{ shrink: 2 }'
    stay 1 14
    refused "3 less than the 17" "limits.shrink (2) allows 2 less"
    limited '{ added: provision }' '{ shrink: [50%, 2] }'
    refused "limits.shrink ([50%, 2]) allows 2 less"
}

@test "a job with a few users is not what another job of the ledger is compared with" {
    twenty '{ added: provision }'
    printf 'user_id\nu01\n' >few.csv
    write_job name=again roster='{ csv: few.csv, key: user_id }' limits='{ shrink: 100% }'
    run_job
    exits 0
    limited '{ added: provision, removed: { do: delete, after: 30d } }' '{ shrink: 20% }'
    stay 1 2
    refused "the roster has 2 users, 18 less than the 20 of the last good run"
}

@test "limits.shrink counts the users whom the roster has, selected or not" {
    reading() {
        write_job roster="{ csv: users.csv, key: user_id, $1 }" rules="$DELETE" limits='{ delete: 100%, shrink: 10% }'
    }
    printf 'user_id,team\n' >header
    seq -f 'u%02.0f,a' 1 5 >selected
    seq -f 'u%02.0f,b' 6 20 >others
    cat header selected others >users.csv
    reading 'where: { team: [a, b] }'
    onboard
    reading 'where: { team: a }'
    cat header selected >users.csv
    refused "the roster has 5 users, 15 less than the 20"
    reading 'duplicates: first'
    cat header selected selected selected selected >users.csv
    refused "the roster has 5 users, 15 less than the 20"
    reading ''
    { sed 's/$/,error_category/' header && sed 's/$/,removed/' selected others; } >users.csv
    refused "the roster selects no user"
    reading 'where: { team: a }'
    cat header selected others >users.csv
    run_job
    exits 0
    is "$(sql "SELECT roster_rows FROM runs ORDER BY id DESC LIMIT 1")" 20
}

@test "without limits.shrink a fifth may be missing" {
    twenty '{ added: provision }'
    limited '{ added: provision }' ''
    stay 1 15
    refused "5 less than the 20" "limits.shrink (20%) allows 4 less"
    stay 1 16
    run_job
    exits 0
}

@test "a run that did not end well is not what the next roster is compared with" {
    twenty '{ added: provision }'
    limited '{ added: provision }' '{ shrink: 10% }'
    write_users $(seq -f 'u%02.0f=mon' 1 30)
    local right=$CONNECTION_STRING wrong
    wrong=$(printf '%064d' 8 | base64 -w0)
    export COMMUNICATION_SERVICES_CONNECTION_STRING="endpoint=$ENDPOINT/;accesskey=$wrong"
    run_job
    exits 4
    export COMMUNICATION_SERVICES_CONNECTION_STRING=$right
    stay 1 18
    run_job
    exits 0
}

@test "a run for one user neither asks for the whole roster nor counts as one" {
    twenty '{ added: provision }'
    limited '{ added: provision }' '{ shrink: 10% }'
    stay 1 3
    run_job --only u01
    exits 0
    refused "17 less than the 20"
}

@test "an empty roster refuses the run, and no option lifts that" {
    twenty "$DELETE"
    write_users
    refused "the roster selects no user" "20 identities"
    sends 0 run_job --yes --allow shrink=20 --allow delete=20
    exits 3
    : >users.csv
    sends 0 run_job --yes
    exits 2
}

@test "a selection that selects nobody refuses the run" {
    printf 'user_id,department\nanna,sales\nben,sales\n' >users.csv
    write_rules "$DELETE" roster='{ csv: users.csv, key: user_id, where: { department: sales } }'
    onboard
    printf 'user_id,department\nanna,Sales\nben,Sales\n' >users.csv
    refused "the roster selects no user"
}

@test "an empty first roster is refused too" {
    write_users
    write_rules "$DELETE"
    run_job
    exits 2
    nothing_was_sent
}

@test "a protected user is not deleted, and nobody else is then" {
    onboard_protected "$DELETE" '{ delete: 100%, shrink: 100%, protect: [anna, nobody] }'
    write_users ben=mon cleo=mon dora=mon
    refused 'would cut off "anna"' "limits.protect has 1 key that neither the roster nor the ledger knows, such as \"nobody\""
    write_users anna=mon ben=mon cleo=mon dora=mon
    run_job
    exits 0
    stands emil deleted deleted 0
    stands anna active active 1
}

onboard_protected() {
    write_rules "$1"
    onboard
    limited "$1" "$2"
}

@test "a protected user is not revoked, whichever rule says so" {
    local rules='{ added: provision, changed: [revoke, issue], removed: { do: delete, after: 30d, meanwhile: revoke } }'
    onboard_protected "$rules" '{ delete: 100%, revoke: 100%, shrink: 100%, protect: [anna] }'
    write_users anna=tue ben=mon cleo=mon dora=mon emil=mon
    refused 'would revoke the tokens of "anna"'
    write_users ben=mon cleo=mon dora=mon emil=mon
    refused 'would cut off "anna"'
    # What is done to others for the same reason is fine, and anna may be served.
    write_users anna=mon ben=tue cleo=mon dora=mon
    run_job
    exits 0
    stands ben active active 1
    stands emil revoked active 0
}

@test "a protected user gets new tokens like everybody" {
    onboard_protected '{ added: provision, expiring: { within: 6h, do: issue } }' '{ protect: [anna] }'
    token_ends anna 60
    run_job
    exits 0
    stands anna active active 2
}

@test "a ledger that belongs to another endpoint refuses the run" {
    write_rules "$DELETE"
    onboard
    local first=$ENDPOINT
    use_emulator
    write_users ben=mon cleo=mon dora=mon emil=mon
    run_job --yes
    exits 3
    is "$(requests_sent)" 0
    says "${first#http://}"
    says "$HOST"
    run "$ROLLCALL" import job.yaml out/mapping.csv
    is "$status" 3
}

@test "--allow lifts one limit for one run, to exactly that number" {
    twenty "$DELETE"
    limited "$DELETE" '{ delete: 1, shrink: 1 }'
    stay 1 17
    sends 0 run_job --allow delete=3
    exits 3
    says "limits.shrink"
    sends 0 run_job --allow delete=2 --allow shrink=3
    exits 3
    says "would delete 3 of 20"
    says "--allow delete=2"
    sends 0 run_job --allow delete=3 --allow shrink=2
    exits 3
    sends 3 run_job --allow delete=3 --allow shrink=3
    exits 0
    # It was for that run only.
    stay 1 14
    refused "limits.shrink (1)"
}

@test "--allow may also make a limit tighter" {
    twenty "$DELETE"
    stay 1 17
    sends 0 run_job --allow delete=2
    exits 3
}

@test "--allow revoke lifts limits.revoke" {
    twenty "$RESET"
    limited "$RESET" '{ revoke: 1 }'
    write_users u01=tue u02=tue $(seq -f 'u%02.0f=mon' 3 20)
    refused "limits.revoke (1)"
    run_job --allow revoke=2
    exits 0
    is "$(sql "SELECT count(*) FROM audit WHERE action = 'revoke' AND outcome = 'done'")" 2
}

@test "--allow takes what it knows, and whole numbers only" {
    write_rules "$DELETE"
    local argument
    for argument in delete protect=1 delete= delete=-1 delete=5% delete=1x del=1 'delete= -1' 'delete= 1' delete=+1; do
        run_job --allow "$argument"
        exits 2
        says "--allow takes"
    done
    nothing_was_sent
}

# The clock cannot be set here: the last run is put into the future instead.
@test "a clock that stands before the last good run starts no grace period" {
    write_rules '{ added: provision, removed: { do: delete, after: 30d } }'
    run_job
    exits 0
    sql "UPDATE runs SET ended_at = ended_at + 40 * 86400 * 1000"
    write_users anna=mon ben=mon cleo=mon dora=mon
    refused "before the end of the last good run" "set the clock" "--allow clock=57"
    is "$(sql "SELECT count(*) FROM identities WHERE removed_at IS NOT NULL")" 0
    run_job --allow clock=57600
    exits 0
    is "$(sql "SELECT count(*) FROM identities WHERE removed_at IS NOT NULL")" 1
}

@test "a canary does not get past the limits of the whole plan" {
    twenty "$DELETE"
    limited "$DELETE" '{ delete: 2, shrink: 100% }'
    stay 1 10
    sends 0 run_job --limit 1
    exits 3
    says "would delete 10 of 20"
}

@test "--only counts the users that it names" {
    twenty "$DELETE"
    limited "$DELETE" '{ delete: 2, shrink: 1 }'
    stay 1 10
    sends 2 run_job --only u11 --only u12 --only u01
    exits 0
    is "$(stats .identities.deleted)" 2
    sends 0 run_job --only u13 --only u14 --only u15
    exits 3
    says "would delete 3 of 18"
}

@test "--only with a name that nobody has is refused, whoever else it names" {
    sends 0 run_job --only ben --only bne
    exits 2
    says 'neither the roster nor the ledger has a user "bne"'
    says 'what stands in the roster'"'"'s column "user_id"'
}

@test "--only does one user now and leaves the others as they are" {
    write_rules '{ added: provision, changed: [revoke, issue], removed: delete }'
    onboard
    write_users anna=tue ben=tue cleo=mon frida=mon
    sends 2 run_job --only ben
    stands ben active active 1
    is "$(done_to ben)" "provision revoke issue"
    is "$(plan_of anna)" "changed revoke issue"
    sends 2 run_job --only dora --only frida
    stands dora deleted deleted 0
    stands frida active active 1
    stands emil active active 1
    is "$(plan_of emil)" "removed delete"
}

@test "--limit acts on the first users of the plan" {
    write_rules '{ added: provision, changed: [revoke, issue] }'
    onboard
    write_users anna=mon ben=tue cleo=tue dora=tue emil=mon
    is "$(summary_of .users --limit 2)" 2
    sends 4 run_job --limit 2
    is "$(done_to ben) / $(done_to cleo) / $(done_to dora)" "provision revoke issue / provision revoke issue / provision"
    sends 2 run_job
}

@test "a dry run shows the plan and sends nothing" {
    write_rules "$DELETE"
    onboard
    write_users ben=mon cleo=mon dora=mon emil=mon
    local before
    before=$(sql 'SELECT * FROM identities; SELECT * FROM runs')
    sends 0 run_job --dry-run
    exits 0
    [[ $output == *"1  delete"* ]]
    is "$(sql 'SELECT * FROM identities; SELECT * FROM runs')" "$before"
}

@test "a dry run tells that a limit would refuse the run" {
    twenty "$DELETE"
    limited "$DELETE" ''
    stay 1 17
    sends 0 run_job --dry-run
    exits 3
    says "would delete 3 of 20"
}

# on_terminal ANSWER [options]: `rollcall run` with a terminal for its standard streams, on which ANSWER is typed when it
# asks. Sets status and output.
on_terminal() {
    run python3 "$BATS_TEST_DIRNAME/on_terminal.py" "$1" "$ROLLCALL" run job.yaml "${@:2}"
    printf '%s\n' "$output"
}

@test "on a terminal a plan that deletes asks first, and yes lets it go on" {
    write_rules "$DELETE"
    onboard
    write_users ben=mon cleo=mon dora=mon emil=mon
    sends 1 on_terminal y
    exits 0
    [[ $output == *"This deletes 1 of 5 identities, which cannot be undone. Go on? [y/N] "* ]]
    stands anna deleted deleted 0
}

@test "on a terminal anything but yes sends nothing" {
    write_rules "$DELETE"
    onboard
    write_users ben=mon cleo=mon dora=mon emil=mon
    local answer
    for answer in n '' nyet; do
        sends 0 on_terminal "$answer"
        exits 3
        [[ $output == *"nothing was sent"* ]]
    done
    stands anna active active 1
    is "$(sql 'SELECT count(*) FROM runs')" 1
}

@test "on a terminal --yes does not ask" {
    write_rules "$DELETE"
    onboard
    write_users ben=mon cleo=mon dora=mon emil=mon
    sends 1 on_terminal - --yes
    exits 0
    [[ $output != *"Go on?"* ]]
}

@test "on a terminal a plan that deletes nobody does not ask" {
    write_rules '{ added: provision, changed: [revoke, issue], removed: delete }'
    onboard
    write_users anna=tue ben=mon cleo=mon dora=mon emil=mon
    sends 2 on_terminal -
    exits 0
    [[ $output != *"Go on?"* ]]
}

@test "on a terminal the limits refuse before anything is asked" {
    write_rules "$DELETE"
    onboard
    limited "$DELETE" '{ delete: 0, shrink: 100% }'
    write_users ben=mon cleo=mon dora=mon emil=mon
    sends 0 on_terminal -
    exits 3
    [[ $output != *"Go on?"* ]]
}

# Roster against ledger, or against an older roster: every user falls into one category.

setup() {
    load lifecycle_helper
    lifecycle_setup
    write_rules '{ added: provision, changed: [revoke, issue], removed: delete }'
}

teardown() {
    job_teardown
}

@test "each user falls into exactly one category" {
    write_rules '{ added: provision, changed: [revoke, issue], expiring: { within: 6h, do: issue }, removed: delete }'
    onboard
    at_service delete dora
    write_users anna=mon ben=mon cleo=mon dora=tue emil=mon
    run_job
    stands dora lost deleted 0
    token_ends cleo 60
    write_users anna=mon ben=tue cleo=mon dora=tue frida=mon
    is "$(plan_of anna)" "unchanged"
    is "$(plan_of ben)" "changed revoke issue"
    is "$(plan_of cleo)" "expiring issue"
    is "$(plan_of dora)" "lost"
    is "$(plan_of emil)" "removed delete"
    is "$(plan_of frida)" "added provision"
    is "$(summary_of '[.categories | .added, .changed, .expiring, .unchanged, .removed, .lost]')" '[1,1,1,1,1,1]'
    is "$(summary_of '[.users, .roster_rows, .requests.provision, .requests.issue, .requests.revoke, .requests.delete]')" \
        '[4,5,1,2,1,1]'
}

@test "a user who is changed and expiring is changed" {
    write_rules '{ added: provision, changed: [revoke, issue], expiring: { within: 6h, do: issue } }'
    onboard
    token_ends anna 60
    write_users anna=tue ben=mon cleo=mon dora=mon emil=mon
    is "$(plan_of anna)" "changed revoke issue"
}

@test "a change that no rule acts on does not keep a token from being renewed" {
    write_rules '{ added: provision, expiring: { within: 6h, do: issue } }'
    onboard
    token_ends anna 60
    write_users anna=tue ben=tue cleo=mon dora=mon emil=mon
    is "$(plan_of anna)" "expiring issue"
    is "$(plan_of ben)" "changed"
    sends 1 run_job
    exits 0
}

@test "a value, a blank and another value are three different things" {
    write_users anna=mon ben=mon cleo= dora= emil=mon
    onboard
    write_users anna= ben=tue cleo=mon dora= 'emil= '
    is "$(plan_of anna)" "changed revoke issue"
    is "$(plan_of ben)" "changed revoke issue"
    is "$(plan_of cleo)" "changed revoke issue"
    is "$(plan_of dora)" "unchanged"
    is "$(plan_of emil)" "changed revoke issue"
}

@test "a watched column that the roster lacks refuses it" {
    onboard
    printf 'user_id\nanna\nben\ncleo\ndora\nemil\n' >users.csv
    sends 0 run_job
    exits 2
    says password_changed_at
}

@test "a column that the older roster lacks is neither blank nor a value there" {
    onboard
    printf 'user_id\nanna\nben\n' >before.csv
    write_users anna= ben=mon cleo=mon dora=mon emil=mon
    write_rules '{ added: provision, changed: [revoke, issue] }' \
        roster='{ csv: users.csv, key: user_id, watch: [password_changed_at], previous: before.csv }'
    is "$(plan_of anna)" "changed revoke issue"
    is "$(plan_of ben)" "changed revoke issue"
    printf 'user_id,password_changed_at\nanna,\nben,mon\n' >before.csv
    is "$(plan_of anna)" "changed revoke issue" # blank is not what was applied
    is "$(plan_of ben)" "unchanged"
}

@test "a change whose run failed is still a change next time" {
    onboard
    write_users anna=tue ben=mon cleo=mon dora=mon emil=mon
    local right=$CONNECTION_STRING wrong
    wrong=$(printf '%064d' 8 | base64 -w0)
    export COMMUNICATION_SERVICES_CONNECTION_STRING="endpoint=$ENDPOINT/;accesskey=$wrong"
    run_job
    exits 4
    is "$(plan_of anna)" "changed revoke issue"
    export COMMUNICATION_SERVICES_CONNECTION_STRING=$right
    run_job
    exits 0
    stands anna active active 1
    is "$(done_to anna)" "provision revoke issue"
    is "$(plan_of anna)" "unchanged"
}

@test "a change that was done half is a change next time" {
    # The revoke was done, the issue was not: what the ledger then knows, written by hand.
    onboard
    write_users anna=tue ben=mon cleo=mon dora=mon emil=mon
    at_service revoke anna
    sql "UPDATE identities SET token_expires_at = NULL, token_fingerprint = NULL WHERE key = 'anna'"
    is "$(plan_of anna)" "changed revoke issue"
    run_job
    exits 0
    stands anna active active 1
}

@test "columns may be added and reordered without a change" {
    onboard
    printf 'name,password_changed_at,user_id,department\n' >users.csv
    printf '%s\n' 'Anna,mon,anna,sales' 'Ben,mon,ben,' '"C, leo",mon,cleo,x' 'Dora,mon,dora,y' 'Emil,mon,emil,z' >>users.csv
    is "$(summary_of .categories.unchanged)" 5
    sends 0 run_job
    exits 0
}

@test "a column that is watched from now on is taken over, and its next change is a change" {
    write_rules '{ added: provision, changed: [revoke, issue] }' roster='{ csv: users.csv, key: user_id }'
    onboard
    write_rules '{ added: provision, changed: [revoke, issue] }'
    is "$(summary_of .categories.changed)" 0
    sends 0 run_job
    exits 0
    write_users anna=tue ben=mon cleo=mon dora=mon emil=mon
    is "$(plan_of anna)" "changed revoke issue"
    is "$(summary_of .categories.changed)" 1
}

@test "the order of the watched columns in the spec is of no matter" {
    printf 'user_id,a,b\nanna,1,2\nben,,2\n' >users.csv
    write_rules '{ added: provision, changed: [revoke, issue] }' roster='{ csv: users.csv, key: user_id, watch: [a, b] }'
    onboard
    write_rules '{ added: provision, changed: [revoke, issue] }' roster='{ csv: users.csv, key: user_id, watch: [b, a] }'
    is "$(summary_of .categories.unchanged)" 2
    printf 'user_id,a,b\nanna,1,2\nben,2,\n' >users.csv
    is "$(plan_of ben)" "changed revoke issue"
    is "$(plan_of anna)" "unchanged"
}

@test "watched columns with odd names and values are compared whole" {
    printf 'user_id,"a=b;c%%"\nanna,"x;y=1"\nben,"line\nbreak ""q"""\n' >users.csv
    write_rules '{ added: provision, changed: issue }' roster='{ csv: users.csv, key: user_id, watch: ["a=b;c%"] }'
    onboard
    is "$(summary_of .categories.unchanged)" 2
    printf 'user_id,"a=b;c%%"\nanna,"x;y=2"\nben,"line\nbreak ""q"""\n' >users.csv
    is "$(plan_of anna)" "changed issue"
    is "$(plan_of ben)" "unchanged"
}

@test "plan names the column that changed, from what to what" {
    onboard
    write_users anna= ben=mon cleo=mon dora=mon emil=mon
    local changed
    changed=$("$ROLLCALL" plan --json job.yaml | jq -c 'select(.key == "anna") | .changed[0] | [.column, .from, .to]')
    [[ $changed =~ ^\[\"password_changed_at\",\"[0-9a-f]{16}\",\"blank\"\]$ ]]
    [[ $("$ROLLCALL" plan --json job.yaml) != *'"mon"'* ]]
}

@test "plan tells each user's reason and the end of its token" {
    onboard
    is "$("$ROLLCALL" plan --json job.yaml | jq -r 'select(.key == "anna") | .token_expires_at')" \
        "$(sed -n 's/^anna,.*,//p' out/mapping.csv)"
    write_users anna=mon ben=mon cleo=mon dora=mon
    is "$("$ROLLCALL" plan --json job.yaml | jq -r 'select(.key == "emil") | .reason')" "it is not in the roster any more"
}

@test "plan tells the least time that the quotas allow" {
    write_rules '{ added: provision, removed: delete }' engine='{ quotas: { delete: 2/30s } }'
    onboard
    write_users anna=mon
    # Four deletes at two in 30 s: the last two may leave when one window has passed.
    is "$(summary_of .least_seconds)" 30
    [[ $("$ROLLCALL" plan job.yaml) == *"the quotas ask for at least 30 s"* ]]
}

@test "12,000 deletes at the published quota take at least 11 min 30 s" {
    write_roster 12001
    write_rules '{ added: provision, removed: delete }' roster='{ csv: users.csv, key: user_id }'
    sed '1s/.*/user_id,identity_id/; 2,$s/,.*//' users.csv |
        awk -F, 'NR == 1 { print; next } { printf "%s,8:acs:%s_00000000-0000-0000-0000-%012x\n", $1, "11111111-2222-3333-4444-555555555555", NR }' >old.csv
    "$ROLLCALL" import job.yaml old.csv
    write_roster 1
    [[ $("$ROLLCALL" plan job.yaml) == *"12000 delete"*"at least 11 min 30 s"* ]]
}

@test "users whom roster.where leaves out are neither provisioned nor removed" {
    printf 'user_id,department\nanna,sales\nben,support\ncleo,it\ndora,sales\n' >users.csv
    write_rules '{ added: provision, removed: delete }' \
        roster='{ csv: users.csv, key: user_id, where: { department: [sales, support] } }'
    onboard
    is "$(sql 'SELECT group_concat(key) FROM (SELECT key FROM identities ORDER BY key)')" anna,ben,dora
    # Ben moves to a department outside, dora leaves, cleo moves in.
    printf 'user_id,department\nanna,sales\nben,it\ncleo,sales\n' >users.csv
    is "$(plan_of ben)" ""
    is "$(plan_of dora)" "removed delete"
    run_job
    exits 0
    stands anna active active 1
    stands ben active active 1
    stands cleo active active 1
    stands dora deleted deleted 0
}

@test "a user outside the selection is out of its grace period" {
    printf 'user_id,department\nanna,sales\nben,sales\n' >users.csv
    write_rules '{ added: provision, removed: { do: delete, after: 1d } }' \
        roster='{ csv: users.csv, key: user_id, where: { department: sales } }'
    onboard
    printf 'user_id,department\nanna,sales\n' >users.csv
    run_job
    printf 'user_id,department\nanna,sales\nben,it\n' >users.csv
    gone_for ben 90000
    sends 0 run_job
    exits 0
    is "$(sql "SELECT removed_at IS NULL FROM identities WHERE key = 'ben'")" 1
    stands ben active active 1
}

@test "an older roster drives the job: who is in neither stays, who was in it is removed" {
    onboard
    write_rules '{ added: provision, changed: [revoke, issue], removed: delete }' \
        roster='{ csv: users.csv, key: user_id, watch: [password_changed_at], previous: before.csv }'
    printf 'user_id,password_changed_at\nanna,sun\nben,mon\ncleo,mon\n' >before.csv
    write_users anna=mon ben=mon frida=mon
    # Anna changed from file to file, although the ledger has her value already; emil and dora are in neither file.
    is "$(plan_of anna)" "changed revoke issue"
    is "$(plan_of ben)" "unchanged"
    is "$(plan_of cleo)" "removed delete"
    is "$(plan_of dora)" ""
    is "$(plan_of frida)" "added provision"
    run_job
    exits 0
    stands anna active active 1
    is "$(done_to anna)" "provision revoke issue"
    stands cleo deleted deleted 0
    stands dora active active 1
    stands frida active active 1
}

@test "a duplicate key in the older roster refuses the run" {
    onboard
    write_rules '{ added: provision, removed: delete }' roster='{ csv: users.csv, key: user_id, previous: before.csv }'
    printf 'user_id\nanna\nben\nanna\n' >before.csv
    sends 0 run_job
    exits 2
    says "before.csv:4"
}

@test "duplicate keys are refused with both lines, or the first is taken" {
    write_users anna=mon ben=mon
    onboard
    write_users anna=mon ben=mon anna=tue
    sends 0 run_job
    exits 2
    says 'users.csv:4'
    says 'stands already in line 2'
    write_rules '{ added: provision, changed: [revoke, issue] }' \
        roster='{ csv: users.csv, key: user_id, watch: [password_changed_at], duplicates: first }'
    sends 0 run_job
    exits 0
}

@test "keys with spaces, quotes, commas and other scripts are users of their own" {
    printf 'user_id,password_changed_at\n"anna",mon\n" anna",mon\n"anna ",mon\n"an""na",mon\n"a,b",mon\nAnna,mon\n日本,mon\nи\xcc\x86,mon\nй,mon\n' >users.csv
    run_job
    exits 0
    is "$(sql 'SELECT count(*) FROM identities')" 9
    is "$(stats .identities.active)" 9
    is "$(summary_of .categories.unchanged)" 9
    # One of them leaves: its lookalikes stay.
    grep -v '^" anna"' users.csv >left.csv
    mv left.csv users.csv
    run_job
    exits 0
    is "$(sql "SELECT group_concat(key, '|') FROM identities WHERE state = 'deleted'")" " anna"
    is "$(stats .identities.active)" 8
}

@test "plan --exit-code tells whether there is something to do" {
    run "$ROLLCALL" plan --exit-code job.yaml
    is "$status" 10
    onboard
    run "$ROLLCALL" plan --exit-code job.yaml
    is "$status" 0
}

@test "a job that watches nothing leaves the changes to the job that does" {
    onboard
    write_users anna=tue ben=mon cleo=mon dora=mon emil=mon
    write_rules '{ expiring: { within: 6h, do: issue } }' roster='{ csv: users.csv, key: user_id }'
    token_ends anna 60
    sends 1 run_job
    exits 0
    write_rules '{ added: provision, changed: [revoke, issue], removed: delete }'
    is "$(plan_of anna)" "changed revoke issue"
    run_job
    exits 0
    stands anna active active 1
}

@test "a job that watches another column leaves the changes of this one" {
    printf 'user_id,a,b\nanna,1,1\nben,1,1\n' >users.csv
    local roster='{ csv: users.csv, key: user_id, watch:'
    write_rules '{ added: provision, changed: [revoke, issue] }' roster="$roster [a] }"
    onboard
    printf 'user_id,a,b\nanna,2,1\nben,1,2\n' >users.csv
    write_rules '{ changed: [revoke, issue] }' roster="$roster [b] }"
    sends 0 run_job
    write_rules '{ changed: [revoke, issue] }' roster="$roster [a] }"
    is "$(plan_of anna)" "changed revoke issue"
    is "$(plan_of ben)" unchanged
    run_job
    write_rules '{ changed: [revoke, issue] }' roster="$roster [a, b] }"
    is "$(summary_of .categories.unchanged)" 2
}

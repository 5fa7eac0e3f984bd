# A plan that is looked at today and carried out tomorrow, exactly as it was.

setup() {
    load lifecycle_helper
    lifecycle_setup
    write_rules '{ added: provision, changed: [revoke, issue], removed: delete }'
    onboard
    write_users anna=tue ben=mon cleo=mon dora=mon frida=mon
}

teardown() {
    job_teardown
}

save() {
    "$ROLLCALL" plan job.yaml --out plan.json "$@" >plan.txt
}

# refused TEXT: carrying the plan out sends nothing, exits 2 and says so.
refused() {
    sends 0 run_job --plan plan.json
    exits 2
    says "$1"
    says "hint: make the plan again with \`rollcall plan --out FILE\`"
}

@test "a saved plan is carried out as it was shown" {
    save
    [[ $(<plan.txt) == *"to do: 3 users (1 provision, 1 issue, 1 revoke, 1 delete)"* ]]
    is "$(mode plan.json)" 600
    sends 4 run_job --plan plan.json
    exits 0
    stands anna active active 1
    stands emil deleted deleted 0
    stands frida active active 1
    stands ben active active 1
}

@test "saving a plan sends nothing and changes nothing" {
    sends 0 save
    is "$(sql 'SELECT count(*) FROM runs')" 1
}

@test "a plan is good for one use" {
    save
    run_job --plan plan.json
    exits 0
    refused "the plan was used already"
}

@test "a plan with nothing to do is good for one use too" {
    run_job
    save
    sends 0 run_job --plan plan.json
    exits 0
    refused "the plan was used already"
}

@test "a plan is refused after the roster changed, were it a name only" {
    save
    sed -i 's/frida/freda/' users.csv
    refused "the roster is not the one that the plan was made from"
}

@test "a plan is refused after a column came to the roster" {
    save
    sed -i 's/$/,x/' users.csv
    refused "the roster is not the one that the plan was made from"
}

@test "a plan is refused after the older roster changed" {
    write_rules '{ added: provision, changed: [revoke, issue], removed: delete }' \
        roster='{ csv: users.csv, key: user_id, previous: before.csv }'
    printf 'user_id\nanna\nben\ncleo\nemil\n' >before.csv
    save
    # Another user is gone, and just as many.
    printf 'user_id\nanna\nben\ndora\nemil\n' >before.csv
    refused "the older roster is not the one that the plan was made from"
}

@test "a plan is refused after the job spec changed" {
    save
    sed -i 's/removed: delete/removed: revoke/' job.yaml
    refused "another job spec"
}

@test "a plan is refused after another run" {
    save
    run_job --only frida
    refused "the ledger has changed since the plan was made"
}

@test "a plan is refused after an import" {
    save
    printf 'user_id,identity_id\nzoe,%s\n' "$(identity_of anna | sed 's/.$/0/; s/_......../_99999999/')" >more.csv
    "$ROLLCALL" import job.yaml more.csv
    refused "the ledger has changed since the plan was made"
}

@test "a plan that was made without a ledger is refused when there is one" {
    rm contoso.ledger* out/mapping.csv out/tokens.csv
    save
    run_job --yes
    refused "the ledger has changed"
}

@test "a plan that was made without a ledger is carried out" {
    rm contoso.ledger* out/mapping.csv out/tokens.csv
    save
    sends 5 run_job --plan plan.json
    exits 0
    refused "the plan was used already"
}

@test "a refused plan leaves the ledger usable and the next plan good" {
    save
    sed -i 's/frida/freda/' users.csv
    refused "the roster is not the one"
    save
    run_job --plan plan.json
    exits 0
}

@test "a saved plan keeps its --only, --limit and --reissue-all" {
    save --only anna --only emil
    sends 3 run_job --plan plan.json
    is "$(sql "SELECT count(*) FROM identities WHERE key = 'frida'")" 0
    stands emil deleted deleted 0
    save --limit 1
    sends 1 run_job --plan plan.json
    save --reissue-all
    run_job --plan plan.json
    stands ben active active 2
}

@test "a plan that is not there is refused" {
    sends 0 run_job --plan plan.json
    exits 2
    says "cannot open plan.json: No such file or directory"
    says "rollcall plan --out FILE"
}

@test "options that would make another plan are refused" {
    save
    local option
    for option in --limit=1 --only=anna --reissue-all; do
        sends 0 run_job --plan plan.json "$option"
        exits 2
        says "--plan"
    done
}

@test "the limits hold for a saved plan, and may be lifted for it" {
    write_rules '{ added: provision, changed: [revoke, issue], removed: delete }' limits='{ delete: 0, revoke: 100%, shrink: 100% }'
    save
    sends 0 run_job --plan plan.json
    exits 3
    run_job --plan plan.json --allow delete=1
    exits 0
    stands emil deleted deleted 0
}

@test "a plan of tokens that end is judged as of its making" {
    write_rules '{ added: provision, expiring: { within: 6h, do: issue } }'
    run_job
    token_ends ben $((6 * 3600 + 2))
    save
    token_has_become_due() { [ "$(plan_of ben)" = "expiring issue" ]; }
    wait_until 20 token_has_become_due
    # It was not due when the plan was made, and so is not acted on.
    sends 0 run_job --plan plan.json
    exits 0
}

@test "what is no plan is refused" {
    echo '{}' >plan.json
    sends 0 run_job --plan plan.json
    exits 2
    says "plan.json is no plan"
    echo 'user_id,token' >plan.json
    sends 0 run_job --plan plan.json
    exits 2
    says "plan.json is no plan of rollcall: line 1, column "
    run ! grep user_id <<<"$stderr"
    rm plan.json
    sends 0 run_job --plan plan.json
    exits 2
}

@test "the plan file holds no key of a user and no secret" {
    save
    run ! grep -E 'anna|frida|accesskey' plan.json
}

@test "a plan is not written over the ledger or any other file of the job" {
    local file
    cp "$LEDGER" before.ledger
    ln "$LEDGER" link
    for file in "$LEDGER" ./link users.csv job.yaml out/../out/mapping.csv; do
        run --separate-stderr "$ROLLCALL" plan job.yaml --out "$file"
        exits 2
        says "--out $file would write over "
    done
    cmp "$LEDGER" before.ledger
}

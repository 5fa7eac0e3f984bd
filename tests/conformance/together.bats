# rollcall and the official SDK on the same identities.

setup_file() {
    load conformance_helper.bash
    install_sdk
}

setup() {
    load conformance_helper.bash
    load ../cli/helper.bash
    job_setup
    write_roster 5
}

teardown() {
    job_teardown
}

# sdk ACTION: on the names of standard input.
sdk() {
    node "$CONFORMANCE/users.mjs" "$CONNECTION_STRING" "$1"
}

# identities KEY...: their ids, by the mapping.
identities() {
    local key
    for key in "$@"; do
        awk -F, -v key="$key" '$1 == key { print $2 }' out/mapping.csv
    done
}

# user NUMBER: its key.
user() {
    printf 'user%06d@contoso.example' "$1"
}

@test "what the SDK creates rollcall imports, rotates and deletes" {
    column 1 users.csv | sdk create >mapping.csv
    "$ROLLCALL" import job.yaml mapping.csv
    write_job rules='{ expiring: { within: 6h, do: issue }, removed: delete }' limits='{ delete: 50%, shrink: 50% }'
    run_job
    [ "$status" -eq 0 ]
    is "$(stats '"\(.identities.created) \(.tokens.live)"')" '5 5'
    is "$(column 1,2 out/mapping.csv | sort)" "$(rows mapping.csv | sort)"
    while IFS=, read -r _ identity token _; do
        is "8:$(claims "$token" | jq -r .skypeid)" "$identity"
    done < <(rows out/tokens.csv)

    write_roster 3
    run_job --yes
    [ "$status" -eq 0 ]
    is "$(stats '"\(.identities.active) \(.identities.deleted) \(.tokens.live)"')" '3 2 3'
    is "$(identities "$(user 3)" "$(user 4)" "$(user 5)" | sdk token | tr '\n' ' ')" 'done IdentityNotFound IdentityNotFound '
}

@test "what rollcall creates the SDK uses, revokes and deletes, and rollcall finds out" {
    run_job
    [ "$status" -eq 0 ]
    is "$(column 2 out/mapping.csv | sdk token | uniq -c | tr -s ' ')" ' 5 done'
    is "$(identities "$(user 1)" | sdk revoke)" 'done'
    is "$(identities "$(user 2)" | sdk delete)" 'done'
    is "$(stats '"\(.identities.deleted) \(.tokens.live)"')" '1 6'

    write_job rules='{ expiring: { within: 6h, do: issue } }'
    run_job --reissue-all
    [ "$status" -eq 1 ]
    is "$(column 1 out/failures.csv)" "$(user 2)"
    is "$(awk -F, '$3 == "lost" { print $1 }' out/mapping.csv)" "$(user 2)"
    is "$(stats .tokens.live)" 10
}

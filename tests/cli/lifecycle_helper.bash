# lifecycle_helper.bash - a handful of users and what stands about them in the ledger, in the outputs and at the service.

load helper

# The limits have their own tests; elsewhere five users are too few for percentages.
NO_LIMITS='{ delete: 100%, revoke: 100%, shrink: 100% }'
WATCHED='{ csv: users.csv, key: user_id, watch: [password_changed_at] }'

# lifecycle_setup [emulator options]: as job_setup, with a roster of five users whose passwords were changed on "mon".
lifecycle_setup() {
    job_setup "$@"
    write_users anna=mon ben=mon cleo=mon dora=mon emil=mon
}

# write_users KEY=PASSWORD_CHANGED_AT ...: users.csv.
write_users() {
    {
        echo user_id,password_changed_at
        [ $# -eq 0 ] || printf '%s\n' "${@/=/,}"
    } >users.csv
}

# write_rules RULES [KEY=VALUE ...]: job.yaml with these rules, the watched roster and no limits.
write_rules() {
    local rules=$1
    shift
    write_job roster="$WATCHED" limits="$NO_LIMITS" rules="$rules" "$@"
}

# onboard: everybody in users.csv, with job.yaml's rules.
onboard() {
    run_job
    [ "$status" -eq 0 ]
}

# at_service ACTION KEY: does something to a user's identity behind rollcall's back (delete or revoke).
at_service() {
    local id
    id=$(identity_of "$2")
    "$1" "${id//:/%3A}"
    is "$STATUS" 204
}

identity_of() {
    sql "SELECT identity FROM identities WHERE key = '$1'"
}

# service_of IDENTITY: "active 1": its state at the service and how many live tokens it has.
service_of() {
    raw_request GET /_emulator/identities
    jq -r --arg id "$1" 'select(.id == $id) | "\(.state) \(.liveTokens)"' <<<"$BODY"
}

# stands KEY LEDGER SERVICE LIVE: the state of a user's identity in ledger and mapping, its state at the service, and how
# many live tokens it has there. The token file has its token exactly when the ledger counts one.
stands() {
    is "$(sql "SELECT state FROM identities WHERE key = '$1'")" "$2"
    is "$(service_of "$(identity_of "$1")")" "$3 $4"
    is "$(sed -n "s/^$1,//p" out/mapping.csv | cut -d, -f1,2)" "$(identity_of "$1"),$2"
    is "$(fingerprint_in_file "$1")" "$(sql "SELECT lower(hex(token_fingerprint)) FROM identities WHERE key = '$1'")"
}

# fingerprint_in_file KEY: of the user's token in tokens.csv; nothing when there is none.
fingerprint_in_file() {
    local token
    token=$(sed -n "s/^$1,[^,]*,\([^,]*\),.*/\1/p" out/tokens.csv)
    [ -z "$token" ] || printf '%s' "$token" | sha256sum | cut -c1-32
}

# token_ends KEY SECONDS: moves the end of the token that the ledger knows to so many seconds from now.
token_ends() {
    sql "UPDATE identities SET token_expires_at = unixepoch() + $2 WHERE key = '$1'"
}

# gone_for KEY SECONDS: moves the beginning of the grace period to so many seconds ago.
gone_for() {
    sql "UPDATE identities SET removed_at = unixepoch() - $2 WHERE key = '$1' AND removed_at IS NOT NULL"
}

# plan_of KEY [plan options]: "changed revoke issue": the user's category and actions.
plan_of() {
    local key=$1
    shift
    "$ROLLCALL" plan --json job.yaml "$@" |
        jq -r --arg key "$key" 'select(.key == $key) | [.category] + .actions | join(" ")'
}

# summary_of FILTER [plan options]: of the last line of plan --json.
summary_of() {
    local filter=$1
    shift
    "$ROLLCALL" plan --json job.yaml "$@" | tail -n 1 | jq -c ".summary | $filter"
}

# done_to KEY: what was done to a user, in order, without the attempts that failed: "provision revoke issue".
done_to() {
    sql "SELECT group_concat(action, ' ') FROM (SELECT action FROM audit WHERE key = '$1' AND outcome = 'done' ORDER BY id)"
}

# sends NUMBER COMMAND...: runs it; it must send so many requests.
sends() {
    local number=$1 before
    shift
    before=$(requests_sent)
    "$@"
    is "$(($(requests_sent) - before))" "$number"
}

# exits STATUS: the last run ended so.
exits() {
    is "$status" "$1"
}

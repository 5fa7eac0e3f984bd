# resources_helper.bash - one job with two resources, emea and us, each an emulator of its own.

load helper

# The limits have their own tests.
NO_LIMITS='{ delete: 100%, revoke: 100%, shrink: 100% }'
MOVES='{ added: provision, moved: [delete, provision], removed: delete }'
BY_REGION='{ csv: users.csv, key: user_id, resource_column: region }'

# resources_setup [options of us]: both emulators and a job, in the current directory. For setup().
resources_setup() {
    mkdir "$BATS_TEST_TMPDIR/job"
    cd "$BATS_TEST_TMPDIR/job" || return 1
    start_resource EMEA
    start_resource US "$@"
    write_users anna=emea ben=emea cleo=us dora=us emil=us
    write_two
}

# start_resource NAME [emulator options]: starts an emulator, whose connection string is in NAME_CONNECTION; `at NAME` talks to it.
start_resource() {
    local name=$1
    shift
    emulator_start --seed "$name" "$@"
    printf -v "${name}_ENDPOINT" %s "$ENDPOINT"
    printf -v "${name}_HOST" %s "$HOST"
    printf -v "${name}_CONNECTION" %s "$CONNECTION_STRING"
    printf -v "${name}_PID" %s "$EMULATOR_PID"
    export "${name}_CONNECTION"
}

# at NAME COMMAND...: with the other helpers pointed at that emulator.
at() {
    local endpoint=$1_ENDPOINT
    ENDPOINT=${!endpoint}
    "${@:2}"
}

# resources [KEYS OF EMEA [KEYS OF US]]: the value of the spec's key; each beginning with a comma.
resources() {
    printf '{ emea: { connection_string: { env: EMEA_CONNECTION }%s }, us: { connection_string: { env: US_CONNECTION }%s } }' \
        "${1-}" "${2-}"
}

# write_two [KEY=VALUE ...]: job.yaml with both, users by their region, and no limits.
write_two() {
    write_job resource= resources="$(resources)" roster="$BY_REGION" limits="$NO_LIMITS" rules="$MOVES" "$@"
}

# write_users KEY=REGION ...: users.csv.
write_users() {
    {
        echo user_id,region
        [ $# -eq 0 ] || printf '%s\n' "${@/=/,}"
    } >users.csv
}

# write_many COUNT REGION ...: so many users in each region, one after the other.
write_many() {
    local count=$1 region
    shift
    echo user_id,region >users.csv
    for region in "$@"; do
        seq -f "$region%04.0f,$region" "$count" >>users.csv
    done
}

# living NAME: how many identities the emulator has that are not deleted.
living() {
    at "$1" emulator_identities 'select(.state != "deleted") | .id' | grep -c . || true
}

# sent NAME: how many requests it has had.
sent() {
    at "$1" requests_sent
}

# where KEY: "emea active": the user's resource and state in the ledger.
where() {
    sql "SELECT r.name || ' ' || i.state FROM identities i JOIN resources r ON r.id = i.resource WHERE i.key = '$1'"
}

# everybody_is_at_home: each user of users.csv has one living identity, in the resource of its region, and there are no others.
everybody_is_at_home() {
    is "$(sql "SELECT key || ',' || r.name FROM identities i JOIN resources r ON r.id = i.resource
               WHERE i.state = 'active' ORDER BY key")" "$(rows users.csv | sort)"
    is "$(living EMEA)" "$(rows users.csv | grep -c ',emea$' || true)"
    is "$(living US)" "$(rows users.csv | grep -c ',us$' || true)"
    is "$(at EMEA emulator_identities 'select(.state != "deleted") | .id' | sort)" \
        "$(sql "SELECT identity FROM identities i JOIN resources r ON r.id = i.resource
                WHERE r.name = 'emea' AND state = 'active' ORDER BY identity")"
}

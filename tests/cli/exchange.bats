#!/usr/bin/env bats
# Exchanging Teams users' Entra tokens: in by a private roster, out to the sink, and nowhere else.

load helper

APP=1b2c3d4e-0000-4000-8000-00000000000a
RULES='{ added: exchange, expiring: { within: 30m, do: exchange } }'

setup() {
    job_setup
    write_teams anna=1 ben=2 cleo=3
    write_exchange
}

teardown() {
    job_teardown
}

# object_id NUMBER
object_id() {
    printf '00000000-0000-4000-8000-%012d' "$1"
}

# entra NUMBER [SECONDS [APP]]: the user's Entra token, good for so long.
entra() {
    entra_token "{\"oid\":\"$(object_id "$1")\",\"appid\":\"${3:-$APP}\",\"exp\":$(($(date +%s) + ${2:-3600}))}"
}

# write_teams KEY=NUMBER ...: users.csv, mode 0600.
write_teams() {
    local user
    rm -f users.csv
    (
        umask 077
        echo user_id,object_id,entra_token >users.csv
    )
    for user in "$@"; do
        echo "${user%%=*},$(object_id "${user#*=}"),$(entra "${user#*=}")" >>users.csv
    done
}

# write_exchange [KEY=VALUE ...]: job.yaml.
write_exchange() {
    write_job roster='{ csv: users.csv, key: user_id, teams_token_column: entra_token, teams_user_column: object_id }' \
        token="{ teams_app_id: $APP }" rules="$RULES" "$@"
}

# exchanges: how many the emulator has answered.
exchanges() {
    stats '[.requests.exchange[]?] | add // 0'
}

# is_nowhere TEXT: in none of the job's files but the roster.
is_nowhere() {
    ! grep -raF --exclude=users.csv "$1" .
}

@test "each user's Entra token becomes one of the service's" {
    run_job
    [ "$status" -eq 0 ]
    says "3 exchanged"
    is "$(sql "SELECT key || ' ' || identity || ' ' || state FROM identities ORDER BY key")" \
        "$(printf '%s 8:orgid:%s active\n' anna "$(object_id 1)" ben "$(object_id 2)" cleo "$(object_id 3)")"
    is "$(column 1 out/tokens.csv | sort | xargs)" "anna ben cleo"
    is "$(claims "$(column 3 out/tokens.csv | head -n 1)" | jq -r .skypeid | cut -d: -f1)" orgid
    is "$(sql "SELECT count(*) FROM identities WHERE token_expires_at BETWEEN unixepoch() + 3000 AND unixepoch() + 3700")" 3
    is "$(sql "SELECT exchanged FROM runs")" 3
    is "$("$ROLLCALL" status job.yaml --json | jq '.runs[0].exchanged')" 3
    is "$(exchanges)" 3
    run_job
    [ "$status" -eq 0 ]
    is "$(exchanges)" 3
}

@test "a token that ends soon is exchanged again" {
    write_teams anna=1
    run_job
    [ "$status" -eq 0 ]
    local first
    first=$(column 3 out/tokens.csv)
    sql "UPDATE identities SET token_expires_at = unixepoch() + 600"
    run_job
    [ "$status" -eq 0 ]
    is "$(exchanges)" 2
    [ "$(column 3 out/tokens.csv)" != "$first" ]
    "$ROLLCALL" history job.yaml anna | grep -q "exchange  *done  *expiring"
}

@test "no Entra token is written down or shown, not even of who fails" {
    {
        echo "dora,$(object_id 4),$(entra 4 -10)"
        echo "emil,$(object_id 5),$(entra 6)"
    } >>users.csv
    local tokens
    tokens=$(column 3 users.csv)
    "$ROLLCALL" plan job.yaml --json --out saved.plan >plan.json
    "$ROLLCALL" run job.yaml --plan saved.plan --json >run.out 2>run.err || status=$?
    [ "$status" -eq 1 ]
    "$ROLLCALL" history job.yaml dora >history
    is "$(sql "SELECT key || ' ' || code FROM audit WHERE outcome = 'failed' ORDER BY key")" \
        $'dora InvalidAccessToken\nemil ValidationError'
    is "$(head -n 1 out/failures.csv | cut -d, -f1-4)" user_id,object_id,entra_token,error_category
    is "$(column 1,2,3 out/failures.csv | sort)" "$(printf '%s,%s,\n' dora "$(object_id 4)" emil "$(object_id 5)")"
    local token
    for token in $tokens; do
        is_nowhere "${token#*.}"
    done
    is "$(sql "SELECT count(*) FROM identities")" 3
    # The failures file is a roster again, but for the tokens.
    write_exchange roster='{ csv: out/failures.csv, key: user_id, teams_token_column: entra_token, teams_user_column: object_id }' \
        outputs='{ tokens: { csv: out/tokens.csv } }'
    chmod 600 out/failures.csv
    run_job
    [ "$status" -eq 2 ]
    says "failures.csv:2: entra_token is empty: the user has no Entra token"
}

@test "at its end a process has neither an Entra token nor what it was exchanged for in its memory" {
    load memory_helper
    needs_to_read_memory
    memory_setup
    write_teams anna=1 ben=2 cleo=3 dora=4 emil=5
    echo "frida,$(object_id 6),$(entra 6 -10)" >>users.csv # has ended: the service refuses it
    column 3 users.csv >entra_tokens
    write_memory_job roster='{ csv: users.csv, key: user_id, teams_token_column: entra_token, teams_user_column: object_id }' \
        token="{ teams_app_id: $APP }" rules="$RULES"
    run_to_its_end
    forgets 5 entra_tokens
    [ "$status" -eq 1 ]
}

@test "a roster that others can read is refused, standard input is not" {
    chmod 640 users.csv
    run_job
    [ "$status" -eq 2 ]
    says "the roster $PWD/users.csv holds tokens, and others can use it (mode 0640)" ||
        says "holds tokens, and others can use it (mode 0640)"
    mkfifo pipe.csv
    chmod 600 pipe.csv
    write_exchange roster='{ csv: pipe.csv, key: user_id, teams_token_column: entra_token, teams_user_column: object_id }'
    run_job
    [ "$status" -eq 2 ]
    says "holds tokens, and is not a regular file"
    is "$(exchanges)" 0
    write_exchange roster='{ csv: "-", key: user_id, teams_token_column: entra_token, teams_user_column: object_id }'
    chmod 600 users.csv
    run_job <users.csv
    [ "$status" -eq 0 ]
    is "$(exchanges)" 3
}

@test "what is no token and no object id is a fault of the roster that shows neither" {
    printf 'dora,%s,\nemil,not-a-guid,%s\nfay,%s,%s\n' "$(object_id 4)" "$(entra 5)" "$(object_id 6)" "$(printf %016385d 0 | tr 0 x)" >>users.csv
    run_job
    [ "$status" -eq 2 ]
    says "users.csv:5: entra_token is empty: the user has no Entra token"
    says "users.csv:6: object_id is no object id of Entra"
    says "users.csv:7: entra_token has 16385 bytes; a token has at most 16384"
    [[ $stderr != *not-a-guid* && $stderr != *xxxxxxxx* ]]
    is "$(exchanges)" 0
}

@test "a user who goes by another key is the same user" {
    run_job
    [ "$status" -eq 0 ]
    write_teams anna.smith=1 ben=2 cleo=3
    run_job
    [ "$status" -eq 0 ]
    is "$(exchanges)" 4
    is "$(sql "SELECT key FROM identities WHERE identity = '8:orgid:$(object_id 1)'")" anna.smith
    is "$(sql "SELECT count(*) FROM identities")" 3
}

@test "one user in two rows is a fault of the roster" {
    write_teams anna=1 ben=2 anna2=1
    run_job
    [ "$status" -eq 2 ]
    says "users.csv:4: the user of this object id stands already in line 2"
    is "$(exchanges)" 0
}

@test "exchanges have a quota of their own" {
    write_exchange engine='{ quotas: { exchange: 1/1s, create: 100/1s, issue: 100/1s } }'
    local began=$EPOCHREALTIME
    run_job
    [ "$status" -eq 0 ]
    [ "$(($(date +%s%N) / 1000000 - ${began/./} / 1000))" -ge 2000 ]
    is "$(sql "SELECT count(*) FROM (SELECT at - lag(at) OVER (ORDER BY at) AS gap FROM audit) WHERE gap < 990")" 0
}

@test "a job that exchanges does nothing else" {
    write_exchange rules='{ added: exchange, removed: delete }'
    run_job
    [ "$status" -eq 2 ]
    says "rules.removed: a job that exchanges the tokens of Teams users does nothing else"
    write_exchange token="{ teams_app_id: $APP, scopes: [chat] }"
    run_job
    [ "$status" -eq 2 ]
    says "token.scopes does not go with rules that exchange tokens"
    write_exchange token= rules='{ added: exchange }'
    run_job
    [ "$status" -eq 2 ]
    says "a rule exchanges tokens, and token.teams_app_id is missing"
    write_exchange roster='{ csv: users.csv, key: user_id, watch: [entra_token], teams_token_column: entra_token, teams_user_column: object_id }'
    run_job
    [ "$status" -eq 2 ]
    says "roster.watch: the column with the Entra tokens is used for nothing else"
}

@test "the tokens of a killed run are exchanged again" {
    emulator_stop_all
    use_emulator --latency 200ms
    seq -f 'user%02.0f' 40 | while read -r user; do echo "$user=$((10#${user#user}))"; done >list
    # shellcheck disable=SC2046 # words are wanted
    write_teams $(cat list)
    write_exchange engine='{ concurrency: 4 }'
    start_job
    wait_until 30 eval '[ "$(exchanges)" -ge 8 ]'
    kill_job
    run_job
    [ "$status" -eq 0 ]
    is "$(column 1 out/tokens.csv | sort -u | wc -l)" 40
    is "$(sql "SELECT count(*) FROM identities WHERE state = 'active' AND token_expires_at > unixepoch()")" 40
    is "$(sql "SELECT count(*) FROM audit WHERE outcome = 'in_doubt'")" 0
}

@test "Teams users and the service's identities do not share a ledger" {
    run_job
    [ "$status" -eq 0 ]
    write_job
    run_is_refused 3 "$LEDGER has 3 Teams users, and the job exchanges no tokens"
    rm -r out "$LEDGER"
    run_job
    [ "$status" -eq 0 ]
    write_exchange
    run_is_refused 3 "$LEDGER has 3 identities of the service's, and the job exchanges the tokens of Teams users"
    run -3 "$ROLLCALL" plan job.yaml
    is "$(sql "SELECT count(*) FROM identities WHERE identity LIKE '8:acs:%'")" 3
}

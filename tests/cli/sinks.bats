# Where tokens go besides a CSV file: JSON lines, programs, SQLite, several at once, and sealed files.

setup() {
    load helper
    job_setup
}

teardown() {
    job_teardown
}

# write_sinks YAML [KEY=VALUE...]: a job with these outputs.tokens.
write_sinks() {
    local sinks=$1
    shift
    write_job outputs="{ mapping: out/mapping.csv, tokens: $sinks }" "$@"
}

# store_all: a program that keeps what it gets in the file stored.
store_all() {
    write_program store <<<'cat >>stored'
}

# json_as_csv FILE: its lines as rows of a CSV file.
json_as_csv() {
    jq -r '[.user_id, .identity_id, .token, .expires_at] | join(",")' "$1"
}

# owed: how many users wait for a token; delivered: how many have one.
owed() {
    sql 'SELECT count(*) FROM identities WHERE token_expires_at = 0'
}
delivered() {
    sql 'SELECT count(*) FROM identities WHERE token_expires_at > 0'
}

# fingerprints: of the tokens that count, by key; of_json FILE: of the last token of each key there.
fingerprints() {
    sql "SELECT key || ',' || lower(hex(token_fingerprint)) FROM identities WHERE token_expires_at > 0" | sort
}
of_json() {
    jq -r '[.user_id, .token] | @tsv' "$1" | perl -MDigest::SHA=sha256_hex -lane '
        $last{$F[0]} = substr(sha256_hex($F[1]), 0, 32); END { print "$_,$last{$_}" for keys %last }' | sort
}

@test "JSON lines hold what a CSV file holds" {
    write_sinks '[{ csv: out/tokens.csv }, { ndjson: out/tokens.ndjson }]'
    run_job
    [ "$status" -eq 0 ]
    is "$(mode out/tokens.ndjson)" 600
    is "$(wc -l <out/tokens.ndjson)" 10
    diff <(json_as_csv out/tokens.ndjson) <(rows out/tokens.csv)
    says 'tokens    out/tokens.csv'
    says 'tokens    out/tokens.ndjson'
    # Both are carried over, and tokens that ended dropped from both.
    sed -i 2d users.csv
    echo new@contoso.example,New >>users.csv
    write_sinks '[{ csv: out/tokens.csv }, { ndjson: out/tokens.ndjson }]' rules='{ added: provision, removed: delete }' \
        limits='{ delete: 50% }'
    run_job --yes
    [ "$status" -eq 0 ]
    is "$(wc -l <out/tokens.ndjson)" 10
    run -1 grep -q user000001@ out/tokens.ndjson
    diff <(json_as_csv out/tokens.ndjson | sort) <(rows out/tokens.csv | sort)
    is "$(ls -A out)" $'mapping.csv\ntokens.csv\ntokens.ndjson'
}

@test "JSON lines of a killed run are in the file after the next one" {
    emulator_stop_all
    use_emulator --latency 50ms
    write_roster 400
    write_sinks '{ ndjson: out/tokens.ndjson }' engine='{ concurrency: 4 }'
    start_job
    wait_until 30 has_requests 20
    kill -KILL "$RUN_PID"
    end_job
    [ "$(delivered)" -gt 0 ]
    write_sinks '{ ndjson: out/tokens.ndjson }' rules='{ added: keep }'
    run_job
    diff <(fingerprints) <(of_json out/tokens.ndjson)
}

@test "a program gets every token as a JSON line, and nothing of ours but that" {
    write_program store <<'END'
cat >>stored
env >environment
ls /proc/self/fd >descriptors
echo "in $PWD with $*" >place
END
    write_sinks '{ command: [./store, --all, a b] }'
    export AZURE_CLIENT_SECRET=sesame SOMETHING_ELSE=kept
    run_job
    [ "$status" -eq 0 ]
    is "$(jq -r .user_id stored | sort)" "$(column 1 users.csv)"
    diff <(fingerprints) <(of_json stored)
    is "$(delivered)" 10
    is "$(cat place)" "in $PWD with --all a b"
    run -1 grep -E 'COMMUNICATION_SERVICES|AZURE|sesame|accesskey' environment
    grep -q SOMETHING_ELSE=kept environment
    is "$(tr '\n' ' ' <descriptors)" '0 1 2 3 '
    # No token is on the disk but where the program put it.
    run -1 grep -rlFf <(jq -r .token stored) --exclude=stored .
}

@test "a batch that a program refuses is owed, told, and given to the next run" {
    write_program store <<'END'
lines=$(cat)
if [ -z "${TAKE_ALL-}" ] && grep -q -e user000003@ -e user000008@ <<<"$lines"; then
    echo "no room for $lines" >&2
    exit 3
fi
echo "$lines" >>stored
END
    write_sinks '{ command: [./store], batch: 1 }'
    run_job
    [ "$status" -eq 1 ]
    says 'run 1 failed: 10 provisioned'
    says '2 tokens did not reach ./store: ./store ended with status 3: no room for {"user_id":"user00000'
    says '2 tokens are owed: the next run issues them again'
    says '2 left for the next run'
    [[ $stderr != *eyJ* ]]
    is "$(owed),$(delivered)" 2,8
    is "$(wc -l <stored)" 8
    run_command=$("$ROLLCALL" history job.yaml user000003@contoso.example)
    [[ $run_command == *undelivered*not_delivered*'./store ended with status 3'* ]]
    [[ $run_command != *eyJ* ]]
    # The next run issues these two, and no others.
    local sent
    sent=$(requests_sent)
    TAKE_ALL=1 run_job
    [ "$status" -eq 0 ]
    is "$(requests_sent)" $((sent + 2))
    is "$(owed),$(delivered)" 0,10
    diff <(fingerprints) <(of_json stored)
}

@test "the events of --json tell which users have not got their token" {
    write_program store <<<'cat >/dev/null; exit 9'
    write_sinks '{ command: [./store] }'
    run_job --json
    [ "$status" -eq 1 ]
    is "$(jq -r 'select(.event == "user_undelivered") | "\(.code) \(.message)"' <<<"$output" | sort -u)" \
        'not_delivered ./store ended with status 9'
    is "$(jq -c 'select(.event == "run_ended") | [.done, .left, .undelivered, .state, .sinks]' <<<"$output")" \
        '[0,10,10,"failed",[{"name":"./store","required":true,"delivered":0,"missed":10,"message":"./store ended with status 9"}]]'
}

@test "a program that does not read its input has not taken it" {
    write_program store <<<'exit 0'
    write_sinks '{ command: [./store] }'
    run_job
    [ "$status" -eq 1 ]
    says './store ended without having read all of its input'
    is "$(owed)" 10
    write_program store <<<'exec <&-; sleep 0.2'
    run_job
    [ "$status" -eq 1 ]
    says './store ended without having read all of its input'
    is "$(owed)" 10
}

@test "a program that hangs is ended, asked again a few times, and then no more" {
    local nap=60.$$ # others may sleep as well
    write_program store <<<"echo >>asked; echo stuck >&2; sleep $nap"
    write_sinks '{ command: [./store], batch: 1, time_limit: 1s }'
    local began=$SECONDS
    run_job
    [ "$status" -eq 1 ]
    says './store took longer than 1 s and was ended: stuck'
    is "$(owed)" 10
    is "$(wc -l <asked)" 3
    [ $((SECONDS - began)) -lt 30 ]
    run -1 pgrep -f "sleep $nap"
}

@test "a program that asks to try again is asked again" {
    write_program store <<'END'
echo >>asked
[ "$(wc -l <asked)" -ge 2 ] || exit 75
cat >>stored
END
    write_sinks '{ command: [./store] }'
    run_job
    [ "$status" -eq 0 ]
    [ "$(wc -l <asked)" -ge 2 ]
    diff <(fingerprints) <(of_json stored)
}

@test "a run that is killed while a program works has every identity, and gives the tokens to the next one" {
    write_program store <<'END'
[ -z "${BLOCK-}" ] || { echo >blocked; sleep 30; }
cat >>stored
END
    write_sinks '{ command: [./store] }'
    BLOCK=1 start_job
    wait_until 30 test -e blocked
    wait_until 30 has_requests 10
    wait_until 30 eval '[ "$(owed)" -eq 10 ]'
    kill -KILL "$RUN_PID"
    end_job
    pkill -KILL -f "$PWD/store" || true
    is "$(emulator_identities .id | sort)" "$(sql 'SELECT identity FROM identities ORDER BY identity')"
    run_job
    [ "$status" -eq 0 ]
    is "$(emulator_identities .id | wc -l)" 10
    is "$(delivered)" 10
    diff <(fingerprints) <(of_json stored)
}

@test "an interrupted run does not wait for a program that is away" {
    write_program store <<<'echo >>asked; exit 75'
    write_sinks '{ command: [./store] }'
    start_job
    wait_until 30 test -e asked
    kill -TERM "$RUN_PID"
    local began=$SECONDS
    end_job
    [ $((SECONDS - began)) -le 2 ]
    [ "$status" -ne 0 ]
    is "$(owed)" 10
}

@test "slow programs hold back requests, and not one token is lost" {
    write_roster 3000
    write_program store <<<'sleep 0.2; cat >>stored'
    write_sinks '{ command: [./store] }' engine='{ concurrency: 64, quotas: { create: none, issue: none } }'
    emulator_stop_all
    use_emulator --limits none
    run_job
    [ "$status" -eq 0 ]
    is "$(delivered)" 3000
    is "$(jq -r .user_id stored | sort -u | wc -l)" 3000
}

@test "a sink that is not required is told about, and no more" {
    store_all
    write_program away <<<'exit 1'
    write_sinks '[{ command: ./store }, { command: ./away, required: false }, { sqlite: /proc/no/tokens.db, required: false }]'
    run_job
    [ "$status" -eq 0 ]
    says '10 tokens did not reach ./away, which is not required: ./away ended with status 1'
    says '10 tokens did not reach /proc/no/tokens.db, which is not required:'
    is "$(delivered)" 10
    run_job --reissue-all --quiet
    [ "$status" -eq 0 ]
    says '10 tokens did not reach ./away'
}

@test "a token counts when every required sink has it" {
    store_all
    write_program other <<<'grep -v user000002@ >/dev/null; exit 1'
    write_sinks '[{ command: ./store }, { csv: out/tokens.csv }, { command: ./other, batch: 1 }]'
    run_job
    [ "$status" -eq 1 ]
    is "$(owed)" 10
    write_program other <<<'cat >/dev/null'
    run_job
    [ "$status" -eq 0 ]
    is "$(delivered)" 10
    is "$(wc -l <stored)" 20
    is "$(rows out/tokens.csv | wc -l)" 10
    diff <(fingerprints) <(of_json stored)
}

# --- SQLite ---

tokens_db() {
    sqlite3 -batch -cmd '.timeout 5000' out/tokens.db "$1"
}

@test "a database of SQLite gets a row for each user, and the next token in its place" {
    write_sinks '{ sqlite: out/tokens.db }'
    run_job
    [ "$status" -eq 0 ]
    is "$(mode out/tokens.db)" 600
    is "$(tokens_db 'SELECT user_id FROM acs_tokens ORDER BY 1')" "$(column 1 users.csv)"
    is "$(tokens_db 'SELECT identity_id FROM acs_tokens ORDER BY user_id')" "$(column 2 out/mapping.csv)"
    tokens_db 'SELECT token FROM acs_tokens' >first
    run_job --reissue-all
    [ "$status" -eq 0 ]
    is "$(tokens_db 'SELECT count(*) FROM acs_tokens')" 10
    run -1 grep -aFf first out/tokens.db
    diff <(fingerprints) <(tokens_db "SELECT json_object('user_id', user_id, 'token', token) FROM acs_tokens" | of_json -)
}

@test "a table of the user's is taken as it is, and a row that it refuses is the only one owed" {
    mkdir -m 700 out
    (umask 077 && tokens_db 'CREATE TABLE "chat ""users""" (mail TEXT UNIQUE, note TEXT, jwt TEXT, till TEXT,
        CHECK (mail NOT LIKE '"'user000004%'"'));
        INSERT INTO "chat ""users""" VALUES ('"'user000001@contoso.example'"', '"'ours'"', '"'old'"', NULL)')
    write_sinks "{ sqlite: out/tokens.db, table: 'chat \"users\"', columns: { key: mail, token: jwt, expires_at: till } }"
    run_job
    [ "$status" -eq 1 ]
    says '1 token did not reach out/tokens.db: out/tokens.db: cannot write into the table: CHECK constraint failed'
    is "$(owed),$(delivered)" 1,9
    is "$(tokens_db 'SELECT count(*), count(jwt), count(till) FROM "chat ""users"""')" '9|9|9'
    is "$(tokens_db "SELECT note, jwt <> 'old' FROM \"chat \"\"users\"\"\" WHERE mail LIKE 'user000001%'")" 'ours|1'
}

@test "a database that cannot take tokens refuses the run before anything is sent" {
    mkdir -m 700 out
    (umask 077 && tokens_db 'CREATE TABLE acs_tokens (user_id TEXT, identity_id TEXT, token TEXT, expires_at TEXT)')
    write_sinks '{ sqlite: out/tokens.db }'
    run_job
    [ "$status" -eq 2 ]
    says 'ON CONFLICT clause does not match any PRIMARY KEY or UNIQUE constraint'
    chmod 644 out/tokens.db
    run_job
    [ "$status" -eq 2 ]
    says 'out/tokens.db can be read by others (mode 0644)'
    says 'hint: chmod 600 out/tokens.db'
    printf 'not a database, but a text that is longer than the header of one: %0200d\n' 1 >out/tokens.db
    chmod 600 out/tokens.db
    run_job
    [ "$status" -eq 1 ]
    says 'file is not a database'
    is "$(requests_sent)" 0
    [ ! -s "$LEDGER" ] || is "$(sql 'SELECT count(*) FROM runs')" 0
}

# hold_database SECONDS: a run that issues all tokens anew while another program holds the database for so long.
hold_database() {
    rm -f go
    mkfifo go
    sqlite3 -batch out/tokens.db 'BEGIN IMMEDIATE' '.shell cat go' 'COMMIT' >/dev/null &
    local holder=$! goal
    goal=$(($(requests_sent) + 10))
    start_job --reissue-all
    wait_until 30 has_requests "$goal"
    sleep "$1"
    echo >go
    wait "$holder"
    end_job
    [ "$status" -eq 0 ]
    is "$(delivered)" 10
}

@test "a database that another program holds is waited for, and tried again" {
    write_sinks '{ sqlite: out/tokens.db, time_limit: 1s }'
    run_job
    [ "$status" -eq 0 ]
    hold_database 1.2
    # For longer than three tries take that do not wait.
    write_sinks '{ sqlite: out/tokens.db, time_limit: 20s }'
    hold_database 3.3
}

# --- sealed files ---

# new_recipient NAME [KEY OPTIONS...]: NAME.pem and its key NAME.key.
new_recipient() {
    local name=$1
    shift
    openssl req -x509 -newkey "${@:-rsa:2048}" -nodes -keyout "$name.key" -out "$name.pem" -subj "/CN=$name" -days 30 \
        2>/dev/null
}

# open_sealed FILE NAME: what a recipient reads.
open_sealed() {
    openssl cms -decrypt -inform DER -in "$1" -inkey "$2.key"
}

@test "a sealed file is the plain one, for each of its recipients alone" {
    new_recipient application
    new_recipient rescue ec -pkeyopt ec_paramgen_curve:P-256
    new_recipient stranger
    write_sinks '[{ csv: out/plain.csv }, { csv: out/tokens.csv, encrypt: { to: [application.pem, rescue.pem] } },
        { ndjson: out/tokens.ndjson, encrypt: rescue.pem }]'
    run_job
    [ "$status" -eq 0 ]
    local sealed
    sealed=$(echo out/tokens-2*Z.csv.cms)
    is "$(mode "$sealed")" 600
    says "tokens    $sealed"
    openssl cms -cmsout -print -inform DER -in "$sealed" -noout >message
    grep -q 'algorithm: aes-256-gcm' message
    grep -q 'algorithm: rsaesOaep' message
    run -1 grep -q 'algorithm: rsaEncryption' message
    open_sealed "$sealed" application | cmp - out/plain.csv
    open_sealed "$sealed" rescue | cmp - out/plain.csv
    run open_sealed "$sealed" stranger
    [ "$status" -ne 0 ]
    open_sealed out/tokens-2*Z.ndjson.cms rescue >lines
    diff <(json_as_csv lines) <(rows out/plain.csv)
    # No token is on the disk in the clear but in the plain file.
    run -1 grep -raFlf <(column 3 out/plain.csv) out "$LEDGER" --exclude=plain.csv
    is "$(find out -name '.*')" ''
    # The next run makes files of its own; one without tokens makes none.
    run_job
    is "$(ls out/*.cms | wc -l)" 2
    wait_until 3 eval '[ "$(date -u +%Y%m%dT%H%M%SZ)" != "${sealed:11:16}" ]'
    run_job --reissue-all
    is "$(ls out/*.csv.cms | wc -l)" 2
    open_sealed "$(ls -t out/*.csv.cms | head -n 1)" application | cmp - out/plain.csv
}

@test "sealed files of many tokens are the plain ones, for each recipient" {
    emulator_stop_all
    use_emulator --limits none
    new_recipient application
    new_recipient rescue ec -pkeyopt ec_paramgen_curve:P-256
    write_roster 3000
    write_sinks '[{ csv: out/plain.csv }, { csv: out/tokens.csv, encrypt: [application.pem, rescue.pem] },
        { ndjson: out/plain.ndjson }, { ndjson: out/tokens.ndjson, encrypt: { to: [rescue.pem, application.pem] } }]' \
        engine='{ quotas: { create: none, issue: none } }'
    run_job
    [ "$status" -eq 0 ]
    # More than any buffer on the way.
    [ "$(stat -c %s out/plain.csv)" -gt 2000000 ]
    local name
    for name in application rescue; do
        open_sealed out/tokens-2*Z.csv.cms $name | cmp - out/plain.csv
        open_sealed out/tokens-2*Z.ndjson.cms $name | cmp - out/plain.ndjson
    done
}

@test "the line of the README opens a sealed file" {
    new_recipient application
    write_sinks '[{ csv: out/plain.csv }, { csv: out/tokens.csv, encrypt: application.pem }]'
    run_job
    [ "$status" -eq 0 ]
    local line file
    line=$(grep -h '^openssl cms -decrypt ' "$ROLLCALL_SOURCE/README.md")
    file=$(grep -oE 'out/tokens-[0-9TZ]+\.csv\.cms' <<<"$line")
    mv out/tokens-2*Z.csv.cms "$file"
    bash -ec "$line"
    cmp tokens.csv out/plain.csv
}

@test "what a killed run has sealed is issued again, and its journal holds no token" {
    emulator_stop_all
    use_emulator --latency 50ms --remember-request-ids
    new_recipient application
    write_roster 200
    write_sinks '{ csv: out/tokens.csv, encrypt: application.pem }' engine='{ concurrency: 4 }'
    start_job
    wait_until 30 has_requests 40
    kill -KILL "$RUN_PID"
    end_job
    local counted
    counted=$(delivered)
    [ "$counted" -gt 0 ]
    run -1 grep -r eyJ out "$LEDGER"
    is "$(find out -type f -printf '%m %f\n' | sort)" $'600 .tokens.csv.cms.partial-1\n600 .tokens.csv.partial'
    # Another job on the same ledger comes in between, one without tokens.
    write_job name=other rules='{ added: keep }' token='' outputs='{ mapping: out/mapping.csv }'
    run_job
    [ "$status" -eq 0 ]
    is "$(delivered)" "$counted"
    write_sinks '{ csv: out/tokens.csv, encrypt: application.pem }'
    run_job
    [ "$status" -eq 0 ]
    is "$(delivered)" 200
    open_sealed out/tokens-2*Z.csv.cms application | tail -n +2 | perl -MDigest::SHA=sha256_hex -F, -lane \
        'print "$F[0],", substr(sha256_hex($F[2]), 0, 32)' | sort | diff - <(fingerprints)
    is "$(find out -name '.*')" ''
    # Every identity of the service is known, or its create is in doubt.
    is "$(emulator_identities .clientRequestId | sort | comm -23 - <(sql 'SELECT request_id FROM audit' | sort))" ''
}

@test "certificates are looked at before anything is sent" {
    echo nothing >broken.pem
    write_sinks '{ csv: out/tokens.csv, encrypt: broken.pem }'
    run_job
    [ "$status" -eq 2 ]
    says 'broken.pem holds no certificate in PEM form'
    run -2 "$ROLLCALL" validate job.yaml
    [[ $output == *'broken.pem holds no certificate in PEM form'* ]]
    new_recipient signs ed25519
    write_sinks '{ csv: out/tokens.csv, encrypt: signs.pem }'
    run_job
    [ "$status" -eq 2 ]
    says 'nothing can be encrypted for the key of signs.pem'
    is "$(requests_sent)" 0
}

# Tokens into PostgreSQL: a real server that this file starts itself.

setup_file() {
    # shellcheck source=tests/cli/postgres_helper.bash
    source "$BATS_TEST_DIRNAME/postgres_helper.bash"
    postgres_start
}

teardown_file() {
    # shellcheck source=tests/cli/postgres_helper.bash
    source "$BATS_TEST_DIRNAME/postgres_helper.bash"
    postgres_stop
}

setup() {
    load helper
    load memory_helper
    load postgres_helper
    job_setup
    PG_DATABASE=postgres pg "CREATE DATABASE d$BATS_TEST_NUMBER"
    PG_DATABASE=d$BATS_TEST_NUMBER
    export TOKENS_DATABASE="host=$PG_HOME user=postgres dbname=$PG_DATABASE password=open-sesame"
    table='CREATE TABLE acs_tokens (user_id text PRIMARY KEY, identity_id text NOT NULL, token text NOT NULL,
        expires_at timestamptz NOT NULL)'
    write_sinks
}

teardown() {
    job_teardown
}

# write_sinks [MORE-KEYS [KEY=VALUE...]]: a job whose tokens go to the database.
write_sinks() {
    local more=${1-}
    shift || true
    write_job outputs="{ mapping: out/mapping.csv, tokens: { postgres: { env: TOKENS_DATABASE }, time_limit: 2s $more } }" \
        "$@"
}

owed() {
    sql 'SELECT count(*) FROM identities WHERE token_expires_at = 0'
}

fingerprints() {
    sql "SELECT key || '|' || lower(hex(token_fingerprint)) FROM identities WHERE token_expires_at > 0" | sort
}

# of_table [TABLE [KEY [TOKEN]]]: likewise, of the tokens in the database.
of_table() {
    pg "SELECT ${2-user_id}, left(encode(sha256(convert_to(${3-token}, 'UTF8')), 'hex'), 32) FROM ${1-acs_tokens}" | sort
}

@test "every user has a row, and the next token takes its place" {
    pg "$table"
    run_job
    [ "$status" -eq 0 ]
    is "$(pg 'SELECT user_id, identity_id FROM acs_tokens ORDER BY 1')" \
        "$(rows out/mapping.csv | cut -d, -f1,2 | tr , '|' | sort)"
    diff <(fingerprints) <(of_table)
    is "$(pg "SELECT count(*) FROM acs_tokens WHERE expires_at BETWEEN now() + '23h' AND now() + '25h'")" 10
    run_job --reissue-all
    [ "$status" -eq 0 ]
    is "$(pg 'SELECT count(*) FROM acs_tokens')" 10
    diff <(fingerprints) <(of_table)
}

@test "a table of the user's gets the columns that are named, and keeps the others" {
    pg 'CREATE SCHEMA "Chat"; CREATE TABLE "Chat"."user ""tokens""" (mail text UNIQUE, "Jwt" text, note text DEFAULT '"'new'"')'
    pg 'INSERT INTO "Chat"."user ""tokens""" VALUES ('"'user000001@contoso.example', 'old', 'mine'"')'
    write_sinks ", table: 'Chat.user \"tokens\"', columns: { key: mail, token: Jwt }"
    run_job
    [ "$status" -eq 0 ]
    diff <(fingerprints) <(of_table '"Chat"."user ""tokens"""' mail '"Jwt"')
    is "$(pg 'SELECT note, count(*) FROM "Chat"."user ""tokens""" GROUP BY note ORDER BY note')" $'mine|1\nnew|9'
    # A name with no schema before it.
    pg "${table/acs_tokens/'"My ""tokens"""'}"
    write_sinks ", table: 'My \"tokens\"'"
    run_job --reissue-all
    [ "$status" -eq 0 ]
    diff <(fingerprints) <(of_table '"My ""tokens"""')
}

@test "many tokens go in batches" {
    pg "$table"
    emulator_stop_all
    use_emulator --limits none
    write_roster 3000
    write_sinks '' engine='{ quotas: { create: none, issue: none } }'
    run_job
    [ "$status" -eq 0 ]
    diff <(fingerprints) <(of_table)
    is "$(sql 'SELECT count(*) FROM identities WHERE token_expires_at > 0')" 3000
}

# refuse_some: a trigger that refuses users with a 7 at the end, and says their tokens.
refuse_some() {
    pg "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN
            IF NEW.user_id LIKE '%7@%' THEN
                RAISE EXCEPTION 'no place for % with %', NEW.user_id, NEW.token USING DETAIL = NEW.token;
            END IF;
            RETURN NEW; END \$\$;
        CREATE TRIGGER refuse BEFORE INSERT ON acs_tokens FOR EACH ROW EXECUTE FUNCTION refuse()"
}

@test "a row that a trigger refuses is the only one owed, and the message shows no token" {
    pg "$table"
    refuse_some
    run_job
    [ "$status" -eq 1 ]
    says '1 token did not reach acs_tokens: cannot write into table acs_tokens: no place for user000007@contoso.example with *** (P0001)'
    says '1 token is owed: the next run issues it again'
    [[ $stderr != *eyJ* ]]
    run -1 grep -a eyJ "$LEDGER"
    is "$(owed)" 1
    is "$(pg 'SELECT count(*) FROM acs_tokens')" 9
    pg 'DROP TRIGGER refuse ON acs_tokens'
    local sent
    sent=$(requests_sent)
    run_job
    [ "$status" -eq 0 ]
    is "$(requests_sent)" $((sent + 1))
    diff <(fingerprints) <(of_table)
}

@test "what is refused when it is committed is found as well" {
    pg "$table; CREATE TABLE users (id text PRIMARY KEY); INSERT INTO users SELECT 'user' || lpad(i::text, 6, '0') ||
        '@contoso.example' FROM generate_series(1, 9) i;
        ALTER TABLE acs_tokens ADD FOREIGN KEY (user_id) REFERENCES users DEFERRABLE INITIALLY DEFERRED"
    run_job
    [ "$status" -eq 1 ]
    says 'violates foreign key constraint'
    is "$(owed)" 1
    is "$(pg 'SELECT count(*) FROM acs_tokens')" 9
}

# start_slow_job: a run of 200 users that has delivered some.
start_slow_job() {
    pg "$table"
    emulator_stop_all
    use_emulator --latency 50ms
    write_roster 200
    write_sinks '' engine='{ concurrency: 4 }'
    start_job
    wait_until 30 eval '[ "$(pg "SELECT count(*) FROM acs_tokens")" -gt 10 ]'
}

@test "a server that goes away in the middle and comes back has every token in the end" {
    start_slow_job
    postgres_down
    postgres_up
    end_job
    [ "$status" -eq 0 ]
    is "$(owed)" 0
    diff <(fingerprints) <(of_table)
}

@test "a server that stays away costs no identity and does not hold up the run" {
    pg "$table"
    emulator_stop_all
    use_emulator --latency 20ms
    write_roster 300
    write_sinks '' engine='{ concurrency: 4 }'
    start_job
    wait_until 30 eval '[ "$(pg "SELECT count(*) FROM acs_tokens")" -gt 10 ]'
    postgres_down
    end_job
    [ "$status" -eq 1 ]
    postgres_up
    grep -q 'tokens did not reach acs_tokens: .*cannot connect to the database' run.err
    is "$(sql 'SELECT count(*) FROM identities')" 300
    [ "$(owed)" -gt 0 ]
    run -1 grep -E 'open-sesame|eyJ' run.err
    run_job
    [ "$status" -eq 0 ]
    is "$(owed)" 0
    diff <(fingerprints) <(of_table)
}

# waiting TYPE: how many connections wait for that.
waiting() {
    pg "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = '$1'"
}

@test "a row that somebody has locked is waited for, not longer than the time limit, and tried again" {
    pg "$table"
    run_job
    [ "$status" -eq 0 ]
    pg "BEGIN; UPDATE acs_tokens SET token = token WHERE user_id LIKE 'user000003%'; SELECT pg_sleep(3.5); COMMIT" &
    local holder=$!
    wait_until 30 eval '[ "$(pg "SELECT count(*) FROM pg_stat_activity WHERE wait_event = '"'PgSleep'"'")" -gt 0 ]'
    start_job --reissue-all
    # The server gives up as well, and not when the row is free: what is late must not be written after what comes next.
    wait_until 30 eval '[ "$(waiting Lock)" -eq 1 ]'
    wait_until 30 eval '[ "$(waiting Lock)" -eq 0 ]'
    is "$(waiting Timeout)" 1
    wait "$holder"
    end_job
    [ "$status" -eq 0 ]
    diff <(fingerprints) <(of_table)
}

# stop_backend: stops the server's process for our connection at a moment when it has nothing to do, so that it holds no row.
stop_backend() {
    BACKEND=$(pg "SELECT pid FROM pg_stat_activity WHERE application_name = 'rollcall' AND state = 'idle'")
    [ -n "$BACKEND" ] && kill -STOP "$BACKEND" || return 1
    [ "$(pg "SELECT state FROM pg_stat_activity WHERE pid = $BACKEND")" = idle ] || ! kill -CONT "$BACKEND"
}

@test "a server that does not answer any more is left, and asked by way of a new connection" {
    start_slow_job
    wait_until 30 stop_backend
    wait_until 30 eval '[ "$(pg "SELECT count(*) FROM acs_tokens")" -eq 200 ]' || kill -KILL "$RUN_PID"
    kill -CONT "$BACKEND"
    end_job
    [ "$status" -eq 0 ]
    diff <(fingerprints) <(of_table)
}

# refused_with STATUS TEXT [HINT]: the run is, before anything is sent.
refused_with() {
    run_job
    [ "$status" -eq "$1" ]
    says "$2"
    [ -z "${3-}" ] || says "hint: $3"
    [[ $stderr != *open-sesame* ]]
    is "$(requests_sent)" 0
}

@test "a database that cannot take tokens refuses the run before anything is sent" {
    refused_with 2 'relation "acs_tokens" does not exist (42P01)' 'make the table'
    pg 'CREATE TABLE acs_tokens (user_id text, identity_id text, token text, ends text)'
    refused_with 2 'column "expires_at" of relation "acs_tokens" does not exist (42703)' 'name the table'
    write_sinks ', columns: { key: user_id, token: token }'
    refused_with 2 'no unique or exclusion constraint matching the ON CONFLICT' 'the column of the key must be unique'
    pg 'ALTER TABLE acs_tokens ADD PRIMARY KEY (user_id); CREATE ROLE nobody_here LOGIN' || pg 'ALTER TABLE acs_tokens ADD PRIMARY KEY (user_id)'
    export TOKENS_DATABASE="postgresql://nobody_here:open-sesame@/$PG_DATABASE?host=$PG_HOME"
    refused_with 2 'permission denied for table acs_tokens (42501)' 'grant SELECT, INSERT and UPDATE'
    write_sinks ', table: nowhere.tokens'
    refused_with 2 'relation "nowhere.tokens" does not exist' || refused_with 2 'schema "nowhere" does not exist'
}

@test "a server that is not there refuses the run, but not one that has nothing to do" {
    pg "$table"
    run_job
    [ "$status" -eq 0 ]
    export TOKENS_DATABASE="host=$PG_HOME port=1 user=postgres password=open-sesame"
    run_job
    [ "$status" -eq 0 ]
    says 'nothing to do'
    local sent
    sent=$(requests_sent)
    run_job --reissue-all
    [ "$status" -eq 1 ]
    says 'cannot connect to the database of table acs_tokens'
    [[ $stderr != *open-sesame* ]]
    is "$(requests_sent)" "$sent"
}

@test "a password that the server rejects is not shown, and the right one is taken" {
    pg "$table; CREATE ROLE teller LOGIN PASSWORD 'open-sesame'; GRANT SELECT, INSERT, UPDATE ON acs_tokens TO teller"
    sed -i '1i local all teller scram-sha-256' "$PG_HOME/data/pg_hba.conf"
    pg 'SELECT pg_reload_conf()' >/dev/null
    wait_until 30 eval '! "$PG_BIN/psql" -h "$PG_HOME" -U teller -w -d "$PG_DATABASE" -c "" 2>/dev/null'
    export TOKENS_DATABASE="host=$PG_HOME user=teller dbname=$PG_DATABASE password=open-sesame-not"
    refused_with 1 'cannot connect to the database of table acs_tokens: '
    says 'password authentication failed for user "teller"'
    run -1 grep -a open-sesame "$LEDGER"
    export TOKENS_DATABASE="postgresql://teller:open-sesame@/$PG_DATABASE?host=$PG_HOME"
    run_job
    [ "$status" -eq 0 ]
    diff <(fingerprints) <(of_table)
}

@test "a connection string with a mistake in it is not shown" {
    local broken
    for broken in 'host=db password=open-sesame oops' "host='db open-sesame" 'postgresql://me:open-sesame@db:port/x' \
        'hostt=db password=open-sesame' 'postgresql://me:open-sesame@here@db/x' 'postgresql://me:open-sesame/x@db/x'; do
        export TOKENS_DATABASE=$broken
        refused_with 2 'outputs.tokens.postgres holds no PostgreSQL connection string' 'write host=... dbname=...'
        run -2 "$ROLLCALL" validate job.yaml
        [[ $output != *open-sesame* ]]
    done
}

@test "at its end a process has neither a token nor the password in its memory" {
    needs_to_read_memory
    pg "$table"
    refuse_some
    memory_setup
    echo 'open-sesame-and-let-me-in' >password
    (umask 077 && echo "host=$PG_HOME user=postgres dbname=$PG_DATABASE password=open-sesame-and-let-me-in" >database)
    unset TOKENS_DATABASE
    write_memory_job outputs="{ mapping: out/mapping.csv, tokens: [{ csv: out/tokens.csv },
        { postgres: { file: database }, required: false }] }"
    run_to_its_end
    grep -q '30 tokens did not reach acs_tokens' run.err
    forgets 300 password
    [ "$status" -eq 0 ]
}

# The last one, since the server is another one afterwards.
@test "to another machine tokens go only encrypted, and to a server whose certificate is verified" {
    # An address of this machine that is not the loopback's.
    local address server
    address=$(hostname -I | grep -oE '^[0-9.]+') || skip "this machine has no other address"
    pg "$table"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=database \
        -addext "subjectAltName=IP:$address" -keyout server.key -out server.crt 2>/dev/null
    install -m 600 -o "$(stat -c %u "$PG_HOME/data")" server.key server.crt "$PG_HOME/data"
    echo "host all all $address/32 trust" >>"$PG_HOME/data/pg_hba.conf"
    PGPORT=$("$PYTHON" -c 'import socket, sys; s = socket.socket(); s.bind((sys.argv[1], 0)); print(s.getsockname()[1])' "$address")
    export PGPORT
    postgres_down
    postgres_up "$address,127.0.0.1" "-c ssl=on -c port=$PGPORT"
    server="user=postgres dbname=$PG_DATABASE host"

    export TOKENS_DATABASE="$server=$address sslmode=disable"
    refused_with 2 'tokens would travel to it in the clear' 'add sslmode=verify-full'
    export TOKENS_DATABASE="$server=$address"
    refused_with 2 'its certificate is not verified' 'add sslmode=verify-full'
    is "$(pg 'SELECT count(*) FROM acs_tokens')" 0
    export TOKENS_DATABASE="$server=$address sslmode=verify-full sslrootcert=$PWD/server.crt"
    run_job
    [ "$status" -eq 0 ]
    diff <(fingerprints) <(of_table)
    export TOKENS_DATABASE="$server=127.0.0.1 sslmode=disable"
    run_job --reissue-all
    [ "$status" -eq 0 ]
    diff <(fingerprints) <(of_table)
}

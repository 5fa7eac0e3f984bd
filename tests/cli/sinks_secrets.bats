# Tokens stay secret on their way to programs, databases and sealed files.

setup() {
    load helper
    load memory_helper
    job_setup
}

teardown() {
    job_teardown
}

# database SQL: out/tokens.db, made before the run.
database() {
    mkdir -p -m 700 out
    (umask 077 && sqlite3 -batch out/tokens.db 'CREATE TABLE IF NOT EXISTS acs_tokens (user_id TEXT PRIMARY KEY, identity_id TEXT, token TEXT, expires_at TEXT)' "$1")
}

# every_sink: all that need no server, as outputs.tokens; the program and the database refuse some tokens, and the program says
# them.
every_sink() {
    openssl req -x509 -newkey rsa:2048 -nodes -keyout recipient.key -out recipient.pem -subj /CN=recipient -days 30 2>/dev/null
    write_program store <<'END'
lines=$(cat)
echo "$lines" >>stored
if grep -q 7@ <<<"$lines"; then
    echo "no place for $lines" >&2
    exit 1
fi
END
    database "CREATE TRIGGER refuse BEFORE INSERT ON acs_tokens WHEN NEW.user_id LIKE '%7@%' BEGIN SELECT RAISE(ABORT, 'no place'); END"
    SINKS='[{ csv: out/tokens.csv }, { ndjson: out/tokens.ndjson }, { csv: out/sealed.csv, encrypt: recipient.pem },
        { command: [./store], required: false }, { sqlite: out/tokens.db, required: false }]'
}

@test "at its end a process has no token in its memory, whatever sink it went to" {
    needs_to_read_memory
    memory_setup
    every_sink
    write_memory_job outputs="{ mapping: out/mapping.csv, tokens: $SINKS }"
    run_to_its_end
    grep -q 'tokens did not reach ./store' run.err
    grep -q '30 tokens did not reach out/tokens.db' run.err
    forgets 300
    [ "$status" -eq 0 ]
}

@test "no token stands in the ledger, the events, the log or a message, whichever sink refuses it" {
    every_sink
    write_job outputs="{ mapping: out/mapping.csv, failures: out/failures.csv, tokens: ${SINKS//, required: false/} }"
    run_job --json --log json --log-level debug
    [ "$status" -eq 1 ]
    jq -se 'any(.event == "user_undelivered" and .key == "user000007@contoso.example")' <<<"$output"
    printf '%s\n' "$output" >shown.out
    printf '%s\n' "$stderr" >shown.err
    "$ROLLCALL" history job.yaml user000007@contoso.example >history
    "$ROLLCALL" report job.yaml >report.html
    grep -q './store ended with status 1' history
    is "$(wc -l <stored)" 10
    # No token, and not the half of one that makes it valid.
    jq -r .token stored >tokens
    cut -d. -f3 tokens >>tokens
    run -1 grep -aFlf tokens "$LEDGER"* shown.out shown.err history report.html out/mapping.csv out/failures.csv
    run -1 grep -aFlf tokens out/sealed-*
}

@test "a token that a program wraps, or says the end of, is told nowhere" {
    write_program store <<'END'
cat >got
[ -z "${CUT-}" ] || exec sh -c 'head -1 got | tail -c "$CUT" >&2; exit 1'
head -1 got | fold -w 76 >&2
exit 1
END
    write_program hook <<<'cat >>summary'
    write_job outputs='{ mapping: out/mapping.csv, failures: out/failures.csv, tokens: { command: [./store] } }' hooks='{ on_failure: [./hook] }'
    local cut
    for cut in '' 300; do
        CUT=$cut run_job --log json --log-level debug
        [ "$status" -eq 1 ]
        says 'ended with status 1: '
        says '***'
        printf '%s\n' "$output" "$stderr" >shown
        "$ROLLCALL" history job.yaml user000001@contoso.example >history
        "$ROLLCALL" report job.yaml >report.html
        sql .dump >ledger.sql
        # No 30 characters of it, whatever stands between them.
        jq -r .token got | fold -w 30 | grep -E '.{30}' >pieces
        for file in shown history report.html ledger.sql summary; do
            run ! grep -qF -f pieces <(tr -d ' \n' <"$file")
        done
    done
}

@test "a program sees no connection string, password or token in its arguments and its environment" {
    write_program store <<'END'
cat >/dev/null
env >environment
tr '\0' '\n' </proc/$$/cmdline >arguments
tr '\0' '\n' </proc/$PPID/cmdline >>arguments
END
    export TOKENS_DATABASE="host=$PWD/nowhere password=open-sesame" PGPASSWORD=open-sesame PGUSER=kept
    write_job outputs='{ mapping: out/mapping.csv, tokens: [{ command: [./store] }, { csv: out/tokens.csv },
        { postgres: { env: TOKENS_DATABASE }, required: false }] }'
    run_job
    [ "$status" -eq 0 ]
    says 'which is not required: cannot connect to the database of table acs_tokens'
    [[ $stderr != *open-sesame* ]]
    run -1 grep -E 'open-sesame|TOKENS_DATABASE|COMMUNICATION_SERVICES|accesskey|eyJ' environment arguments
    grep -q PGUSER=kept environment
    is "$(tr '\n' ' ' <arguments)" "/bin/bash ./store $ROLLCALL run job.yaml "
}

@test "whatever holds tokens is readable by its owner alone, in the middle of a run as at its end" {
    umask 000
    every_sink
    # So slow that the database's journal can be looked at.
    database 'DROP TRIGGER refuse; CREATE TRIGGER slow AFTER INSERT ON acs_tokens BEGIN
        UPDATE acs_tokens SET expires_at = (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 30000000) SELECT max(i) FROM n)
        WHERE user_id = NEW.user_id; END'
    write_job outputs="{ mapping: out/mapping.csv, tokens: ${SINKS//, required: false/} }"
    start_job
    wait_until 30 test -e out/tokens.db-journal
    kill -KILL "$RUN_PID"
    end_job
    is "$(find out -type f -printf '%f %m\n' | sort)" "$(printf '%s 600\n' \
        .sealed.csv.cms.partial-1 .sealed.csv.partial .tokens.csv.partial .tokens.ndjson.partial tokens.db tokens.db-journal)"
    # Nothing of that batch is in the database, and all of it after the next run.
    is "$(sqlite3 -batch out/tokens.db 'SELECT count(*) FROM acs_tokens' 'DROP TRIGGER slow')" 0
    write_program store <<<'cat >/dev/null'
    run_job
    [ "$status" -eq 0 ]
    is "$(sqlite3 -batch out/tokens.db 'SELECT count(*) FROM acs_tokens')" 10
    is "$(find out -type f ! -name mapping.csv -printf '%m\n' | sort -u)" 600
    is "$(find out -type f | wc -l)" 5
}

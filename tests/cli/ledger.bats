# The ledger is guarded: who may use it, for which resource, and what may be changed in it.

setup() {
    load helper
    job_setup
}

teardown() {
    job_teardown
}

@test "the ledger and its side files have mode 600 whatever the umask" {
    umask 000
    emulator_stop_all
    use_emulator --latency 100ms
    write_roster 1000
    write_job engine='{ concurrency: 2 }'
    start_job
    wait_until 30 has_requests 4
    is "$(stat -c %a "$LEDGER" "$LEDGER"-wal "$LEDGER"-shm | sort -u)" 600
    kill -TERM "$RUN_PID"
    end_job
    is "$(mode "$LEDGER")" 600
    is "$(mode out/tokens.csv)" 600
}

@test "a ledger that others can read is refused" {
    run_job
    chmod 644 "$LEDGER"
    run_is_refused 2 "chmod 600"
}

@test "a ledger of a newer version is refused and left alone" {
    run_job
    sql 'PRAGMA user_version = 99'
    echo 'late@contoso.example,Late' >>users.csv
    run_is_refused 2 "schema version 99"
    is "$(sql 'PRAGMA user_version')" 99
    run --separate-stderr "$ROLLCALL" status job.yaml
    [ "$status" -eq 2 ]
}

@test "a ledger of another resource refuses the run with exit 3" {
    run_job
    local first=$HOST
    use_emulator
    echo 'late@contoso.example,Late' >>users.csv
    run_is_refused 3 "belongs to the resource $first, the job spec points to $HOST"
    is "$(requests_sent)" 0
}

@test "a file that is no ledger is refused and left alone" {
    (umask 077 && printf 'something else entirely, and long enough to be looked at as a database' >"$LEDGER")
    run_is_refused 2 "$LEDGER"
    is "$(cat "$LEDGER")" 'something else entirely, and long enough to be looked at as a database'
}

@test "a database of another program is refused and left alone" {
    (umask 077 && sqlite3 "$LEDGER" 'CREATE TABLE meta (x); CREATE TABLE theirs (y)')
    run_is_refused 2 "$LEDGER"
    is "$(sql .tables | xargs)" "meta theirs"
}

@test "a damaged ledger is refused" {
    run_job
    dd if=/dev/zero of="$LEDGER" bs=512 count=1 conv=notrunc status=none
    run_is_refused 2 "$LEDGER"
    says "hint: the file is damaged"
}

@test "a ledger of another user is refused" {
    [ "$(id -u)" -eq 0 ] || skip "only root can give a file away"
    run_job
    chown 12345 "$LEDGER"
    sed -i 's/user000001/another/' users.csv
    run_job
    [ "$status" -eq 2 ]
    says "$LEDGER is another user's file"
    is "$(requests_sent)" 10
    run -2 "$ROLLCALL" status job.yaml
}

@test "a symbolic link in the ledger's place is refused" {
    ln -s elsewhere.ledger "$LEDGER"
    run_is_refused 2 "$LEDGER"
    [ ! -e elsewhere.ledger ]
}

@test "a directory that everybody can write to is refused" {
    mkdir open
    chmod 777 open
    write_job ledger=open/contoso.ledger
    run_is_refused 2 "can be written to by others"
    [ -z "$(ls open)" ]
}

@test "an output directory that everybody can write to is refused before anything is sent" {
    mkdir out
    chmod 777 out
    run_is_refused 2 "can be written to by others"
}

@test "the directories of ledger and outputs are made" {
    write_job ledger=state/here/contoso.ledger outputs='{ tokens: { csv: a/b/tokens.csv }, mapping: c/d/mapping.csv }'
    run_job
    [ "$status" -eq 0 ]
    is "$(mode state/here)" 700
    is "$(mode a/b)" 700
    [ -e c/d/mapping.csv ]
}

@test "the audit trail tells what was done to whom, by whom and with which request" {
    run_job
    is "$(sql "SELECT count(*) FROM audit JOIN runs ON runs.id = audit.run JOIN identities USING (key)
               WHERE action = 'provision' AND outcome = 'done' AND status = 201 AND attempt = 1
                 AND audit.identity = identities.identity AND length(request_id) = 36 AND length(ms_cv) > 0
                 AND operator LIKE '%_@_%' AND job = 'contoso-staff'
                 AND at BETWEEN started_at AND ended_at")" 10
}

@test "the audit trail can only grow" {
    run_job
    run -19 sql "UPDATE audit SET outcome = 'failed'"
    [[ $output == *"the audit trail is append-only"* ]]
    run -19 sql 'DELETE FROM audit'
    [[ $output == *"the audit trail is append-only"* ]]
    is "$(sql "SELECT count(*) FROM audit WHERE outcome = 'done'")" 10
}

@test "every write is synced: write-ahead logging, full synchronous" {
    run_job
    is "$(sql 'PRAGMA journal_mode')" wal
    is "$(sql "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND sql NOT LIKE '%STRICT%'")" 0
    is "$(sql 'PRAGMA integrity_check')" ok
}

@test "status of a ledger that is not there exits 2 and makes none" {
    run --separate-stderr "$ROLLCALL" status job.yaml
    show_run
    [ "$status" -eq 2 ]
    says "there is no ledger at"
    [ ! -e "$LEDGER" ]
}

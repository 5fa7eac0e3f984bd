# What surrounds a run goes wrong: directories that cannot be written to, a ledger that is damaged or held, few open files,
# a roster that breaks off, streams and terminals that go away.

setup() {
    load helper
    load disk_helper
    job_setup --limits none
}

teardown() {
    job_teardown
    disk_end
}

# refused STATUS TEXT...: the run ends so and says so, and nothing more is sent.
refused() {
    local sent expected=$1 text
    shift
    sent=$(requests_sent)
    run_job
    [ "$status" -eq "$expected" ]
    for text in "$@"; do
        says "$text"
    done
    is "$(requests_sent)" "$sent"
}

# --- directories that cannot be written to -------------------------------------------------------------------------

@test "a ledger's directory that is read-only refuses the run" {
    disk_start 8m
    disk_is ro
    write_job ledger=disk/contoso.ledger
    refused 2 'cannot open the ledger disk/contoso.ledger: Read-only file system'
    write_job ledger=disk/state/contoso.ledger
    refused 1 'cannot make the directory disk/state: Read-only file system'
    [ ! -e out ]
}

@test "a ledger that became read-only refuses the run" {
    disk_start 8m
    LEDGER=disk/contoso.ledger
    write_job ledger=$LEDGER
    run_job
    [ "$status" -eq 0 ]
    disk_is ro
    echo 'late@contoso.example,Late' >>users.csv
    refused 2 'cannot open the ledger disk/contoso.ledger: Read-only file system'
    run --separate-stderr on_disk "$ROLLCALL" status job.yaml
    [ "$status" -eq 1 ]
    says 'hint: its side files must be there or be made'
    disk_is rw
    run_job
    [ "$status" -eq 0 ]
    nobody_is_doubled 11
}

@test "an output's directory that is read-only refuses the run, whichever output it is" {
    disk_start 8m
    disk_is ro
    write_job outputs='{ tokens: { csv: disk/tokens.csv } }'
    refused 1 'cannot write disk/.tokens.csv.partial: Read-only file system'
    write_job outputs='{ tokens: { csv: out/tokens.csv }, failures: disk/failures.csv }'
    refused 1 'cannot write disk/failures.csv: Read-only file system'
    is "$(requests_sent)" 0
}

@test "a mapping's directory that is read-only refuses the run before anything is sent" {
    disk_start 8m
    disk_is ro
    write_job outputs='{ tokens: { csv: out/tokens.csv }, mapping: disk/mapping.csv }'
    refused 1 'cannot write disk/mapping.csv: Read-only file system'
    disk_is rw
    run_job
    [ "$status" -eq 0 ]
    nobody_is_doubled 10
}

@test "directories of another user are refused" {
    [ "$(id -u)" -eq 0 ] || skip "only root can give a directory away"
    mkdir theirs
    chown nobody theirs
    write_job ledger=theirs/contoso.ledger
    refused 2 'belongs to another user'
    write_job outputs='{ tokens: { csv: theirs/tokens.csv } }'
    refused 2 'belongs to another user'
    is "$(ls -A theirs)" ''
}

# --- a ledger that is damaged --------------------------------------------------------------------------------------

# damaged_by COMMAND...: a ledger of 300 users is damaged so; the run is refused, the file left as it is, nothing sent.
damaged_by() {
    write_roster 300
    run_job
    [ "$status" -eq 0 ]
    "$@"
    cp "$LEDGER" damaged
    cp out/mapping.csv mapping.csv
    cp out/tokens.csv tokens.csv
    echo 'late@contoso.example,Late' >>users.csv
    refused 2 "$LEDGER" 'hint: the file is damaged or no ledger; restore it from a backup, never delete it'
    cmp "$LEDGER" damaged
    cmp out/mapping.csv mapping.csv
    cmp out/tokens.csv tokens.csv
}

overwrite() {
    head -c 100000 /dev/urandom >"$LEDGER"
}

# corrupt_page: the first of the users'.
corrupt_page() {
    local page
    page=$(sql "SELECT rootpage FROM sqlite_schema WHERE name = 'identities'")
    dd if=/dev/urandom of="$LEDGER" bs=4096 seek=$((page - 1)) count=1 conv=notrunc status=none
}

@test "a ledger that was overwritten is refused and left alone" {
    damaged_by overwrite
}

@test "a ledger that was cut off is refused and left alone" {
    damaged_by truncate -s 100000 "$LEDGER"
}

@test "a ledger that was cut off in the middle of a page is refused and left alone" {
    damaged_by truncate -s 50001 "$LEDGER"
}

@test "a ledger with a page of noise is refused and left alone" {
    damaged_by corrupt_page
}

# corrupt_lookup: the page that tells whether an identity is known; and the mapping is one to be checked against it.
corrupt_lookup() {
    local page
    touch out/mapping.csv
    page=$(sql "SELECT rootpage FROM sqlite_schema AS s WHERE tbl_name = 'identities' AND type = 'index'
                AND (SELECT name FROM pragma_index_info(s.name)) = 'identity'")
    dd if=/dev/urandom of="$LEDGER" bs=4096 seek=$((page - 1)) count=1 conv=notrunc status=none
}

@test "a damaged ledger is not taken for a wrong mapping" {
    damaged_by corrupt_lookup
}

@test "an emptied ledger is refused while the mapping or the tokens know better" {
    run_job
    [ "$status" -eq 0 ]
    : >"$LEDGER"
    refused 3 'out/mapping.csv names 10 identities that the ledger does not know'
    rm out/mapping.csv
    refused 3 'out/tokens.csv names identities that the ledger does not know' 'rollcall import JOB.yaml out/tokens.csv'
    # What the hint says brings the ledger back.
    "$ROLLCALL" import job.yaml out/tokens.csv
    run_job
    [ "$status" -eq 0 ]
    nobody_is_doubled 10
}

@test "a ledger that breaks during a run stops it with exit 1, and the tokens' journal keeps the answers" {
    emulator_stop_all
    use_emulator --limits none --latency 50ms
    write_roster 500
    write_job engine='{ concurrency: 4 }'
    start_job
    wait_until 30 has_requests 20
    # As a broken disk would: from here on every change fails.
    sql "CREATE TRIGGER broken BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'broken'); END"
    end_job
    [ "$status" -eq 1 ]
    grep -q 'left for the next run' run.err
    sql 'DROP TRIGGER broken'
    run_job
    [ "$status" -eq 0 ]
    everybody_is_known 500
}

# --- a ledger that somebody else holds -----------------------------------------------------------------------------

# hold_ledger: another program begins an exclusive transaction on it, and ends when HOLDER is closed.
hold_ledger() {
    mkfifo commands
    sqlite3 -batch "$LEDGER" <commands >held 3>&- &
    HOLDER_PID=$!
    exec {HOLDER}>commands
    echo "BEGIN EXCLUSIVE; SELECT 'held';" >&"$HOLDER"
    wait_until 30 grep -q held held
}

@test "a ledger that another program holds refuses the run with exit 5" {
    run_job
    echo 'late@contoso.example,Late' >>users.csv
    hold_ledger
    refused 5 "another program holds the ledger $LEDGER" 'hint: end it, or wait until it has ended'
    exec {HOLDER}>&-
    wait "$HOLDER_PID"
    run_job
    [ "$status" -eq 0 ]
    nobody_is_doubled 11
}

# --- few open files ------------------------------------------------------------------------------------------------

@test "with 32 open files a run is refused before anything is sent, and told what to raise" {
    run --separate-stderr bash -c 'ulimit -n 32 && exec "$@"' - "$ROLLCALL" run job.yaml
    show_run
    [ "$status" -eq 1 ]
    says 'only 32 files may be open at one time'
    says 'hint: raise the limit (ulimit -n) to 112 or more'
    nothing_was_sent
}

@test "with some more the run takes fewer connections, and serves everybody" {
    write_roster 300
    write_job engine='{ concurrency: 64, quotas: { create: none, issue: none } }'
    run --separate-stderr bash -c 'ulimit -n 52 && exec "$@"' - "$ROLLCALL" run job.yaml
    show_run
    [ "$status" -eq 0 ]
    says 'only 52 files may be open at one time: concurrency is 4 for this run'
    nobody_is_doubled 300
    # Nobody was tried twice for want of a descriptor.
    is "$(requests_sent)" 300
    is "$(rows out/tokens.csv | wc -l)" 300
}

@test "a soft limit is raised without a word" {
    write_roster 300
    write_job engine='{ concurrency: 64, quotas: { create: none, issue: none } }'
    run --separate-stderr bash -c 'ulimit -S -n 32 && exec "$@"' - "$ROLLCALL" run job.yaml --quiet
    show_run
    [ "$status" -eq 0 ]
    is "$output$stderr" ''
    nobody_is_doubled 300
}

# --- a roster on a pipe --------------------------------------------------------------------------------------------

# from_pipe TEXT: a run whose producer writes this much of a roster and is killed.
from_pipe() {
    write_job roster='{ csv: "-", key: user_id }'
    # shellcheck disable=SC2016
    run --separate-stderr bash -c '{ printf "%b" "$0"; kill -KILL "$BASHPID"; } | "$@"' "$1" "$ROLLCALL" run job.yaml
    show_run
}

@test "a roster whose producer dies within quotes is refused" {
    from_pipe 'user_id,name\nanna@contoso.example,"Anna'
    [ "$status" -eq 2 ]
    says 'standard input:2'
    nothing_was_sent
}

@test "a roster whose producer dies within a row is refused" {
    from_pipe 'user_id,name\nanna@contoso.example,Anna\nbert@contoso'
    [ "$status" -eq 2 ]
    says 'standard input:3'
    nothing_was_sent
    # In the last field too, which looks whole: half a key is another user.
    from_pipe 'name,user_id\nAnna,anna@contoso.example\nBert,bert@contoso'
    [ "$status" -eq 2 ]
    says 'standard input:3: the last line has no line end'
    nothing_was_sent
}

@test "a roster whose producer dies before the header or behind it is refused" {
    from_pipe ''
    [ "$status" -eq 2 ]
    nothing_was_sent
    from_pipe 'user_id,name\n'
    [ "$status" -ne 0 ]
    nothing_was_sent
}

@test "a roster whose producer dies between two rows looks whole, and limits.shrink refuses what it would cost" {
    run_job
    [ "$status" -eq 0 ]
    write_job roster='{ csv: "-", key: user_id }' rules='{ removed: delete }' limits='{ delete: 100% }'
    local sent
    sent=$(requests_sent)
    # shellcheck disable=SC2016
    run --separate-stderr bash -c '{ head -n 6 users.csv; kill -KILL "$BASHPID"; } | "$@"' - "$ROLLCALL" run job.yaml
    show_run
    [ "$status" -eq 3 ]
    is "$(requests_sent)" "$sent"
}

# --- standard streams and terminals --------------------------------------------------------------------------------

# all_is_well COUNT: so many users are done, everything is written, and nothing stands in a file that belongs elsewhere.
all_is_well() {
    [ "$status" -eq 0 ]
    nobody_is_doubled "$1"
    is "$(sql 'PRAGMA integrity_check')" ok
    is "$(head -n 1 out/mapping.csv)" user_id,identity_id,state,token_expires_at
    is "$(head -n 1 out/tokens.csv)" user_id,identity_id,token,expires_at
    is "$(grep -c '^user[0-9]*@contoso.example,8:acs:' out/mapping.csv)" "$1"
    is "$(grep -c '^user[0-9]*@contoso.example,8:acs:' out/tokens.csv)" "$1"
    is "$(rows out/mapping.csv | wc -l)" "$1"
    is "$(rows out/tokens.csv | wc -l)" "$1"
    run -1 grep -aqE 'run 1 done|"event"' "$LEDGER" out/tokens.csv out/mapping.csv out/failures.csv
}

@test "closed standard streams lose nothing, and no message is written into another file" {
    local closed users=0
    for closed in '<&-' '>&-' '2>&-' '>&- 2>&-' '<&- >&- 2>&-'; do
        users=$((users + 10))
        write_roster "$users"
        status=0
        eval "\"\$ROLLCALL\" run job.yaml --json $closed" || status=$?
        all_is_well "$users"
        status=0
        eval "\"\$ROLLCALL\" run job.yaml $closed" || status=$?
        all_is_well "$users"
    done
}

@test "the descriptors of closed streams are taken before the ledger is opened" {
    emulator_stop_all
    use_emulator --latency 30s
    "${ENDS_WITH_TEST[@]}" "$ROLLCALL" run job.yaml <&- >&- 2>&- 3>&- &
    RUN_PID=$!
    wait_until 30 has_requests 1
    local fd
    for fd in 0 1 2; do
        is "$(readlink "/proc/$RUN_PID/fd/$fd")" /dev/null
    done
}

@test "with standard error closed an error still has its exit status" {
    local wrong
    wrong=$(printf '%064d' 8 | base64 -w0)
    export COMMUNICATION_SERVICES_CONNECTION_STRING="endpoint=$ENDPOINT/;accesskey=$wrong"
    status=0
    "$ROLLCALL" run job.yaml 2>&- || status=$?
    [ "$status" -eq 4 ]
    is "$(stats .identities.created)" 0
}

@test "a closed standard output is an error for what is printed there" {
    run_job
    for command in export plan status; do
        run -1 --separate-stderr bash -c '"$@" >&-' - "$ROLLCALL" "$command" job.yaml
        show_run
        says 'cannot write to standard output'
    done
}

@test "readers of both streams that go away lose nothing" {
    write_roster 200
    # The readers are gone before the first line comes.
    status=0
    { "$ROLLCALL" run job.yaml --json 2> >(exec true) || echo $? >failed; } | true
    [ ! -e failed ]
    all_is_well 200
}

@test "a terminal that goes away ends a run with --json in good order" {
    emulator_stop_all
    use_emulator --limits none --latency 50ms
    write_roster 1000
    write_job engine='{ concurrency: 4 }'
    start_job --json
    wait_until 30 has_requests 20
    kill -HUP "$RUN_PID"
    end_job
    [ "$status" -eq 143 ]
    is "$(tail -n 1 run.out | jq -r .state)" interrupted
    is "$(sql 'SELECT count(*) FROM tasks')" 0
    nobody_is_doubled "$(stats .identities.created)"
}

@test "nohup lets a run go on when its terminal goes away" {
    emulator_stop_all
    use_emulator --limits none --latency 50ms
    write_roster 60
    write_job engine='{ concurrency: 4 }'
    "${ENDS_WITH_TEST[@]}" nohup "$ROLLCALL" run job.yaml >run.out 2>run.err 3>&- &
    RUN_PID=$!
    wait_until 30 has_requests 8
    kill -HUP "$RUN_PID"
    end_job
    all_is_well 60
}

@test "the emulator: closed standard streams do not end up in its ready file" {
    local ready
    "${ENDS_WITH_TEST[@]}" "$EMULATOR" --listen 127.0.0.1:0 --seed closed --ready-file closed.ready <&- 2>&- >emulator.out 3>&- &
    EMULATOR_PIDS+=($!)
    wait_until 30 test -e closed.ready
    ready=$(cat closed.ready)
    [[ $ready =~ ^endpoint=http://127\.0\.0\.1:[0-9]+/\;accesskey=[A-Za-z0-9+/=]+$ ]]
    is "$(cat emulator.out)" "$ready"
    for fd in 0 2; do
        is "$(readlink "/proc/${EMULATOR_PIDS[-1]}/fd/$fd")" /dev/null
    done
}

@test "the emulator: without standard output it does not start, and says so" {
    run -1 --separate-stderr bash -c '"$@" >&-' - "$EMULATOR" --listen 127.0.0.1:0 --seed closed
    [[ $stderr == *'cannot write to standard output'* ]]
}

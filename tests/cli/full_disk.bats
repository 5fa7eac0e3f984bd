# A disk that is full, or becomes so: a clear message, nothing half-written, no identity lost, and the next run does the rest.

setup() {
    load helper
    load disk_helper
    job_setup --limits none --latency 20ms
    fast='quotas: { create: none, issue: none }'
    write_job engine="{ concurrency: 8, $fast }"
}

teardown() {
    job_teardown
    disk_end
}

# no_half_files DIRECTORY: no temporary file is left in it.
no_half_files() {
    on_disk find "$1" -name '*.tmp' >half
    is "$(cat half)" ''
}

@test "a disk without room for the ledger refuses the run before anything is sent" {
    disk_start 4k
    LEDGER=disk/contoso.ledger
    write_job ledger=$LEDGER engine="{ concurrency: 8, $fast }"
    local size
    for size in 4k 12k 16k 24k 40k 64k 100k 400k; do
        disk_is size=$size
        run_job
        [ "$status" -eq 1 ]
        says 'hint: make room on the disk and run again'
        [ ! -e out/mapping.csv ]
    done
    is "$(requests_sent)" 0
    disk_is size=20m
    run_job
    [ "$status" -eq 0 ]
    nobody_is_doubled 10
}

@test "a disk that becomes full while a run lasts costs no identity" {
    disk_start 12m
    LEDGER=disk/contoso.ledger
    write_roster 800
    write_job ledger=$LEDGER engine="{ concurrency: 8, $fast }" \
        outputs='{ mapping: disk/mapping.csv, tokens: { csv: disk/tokens.csv }, failures: disk/failures.csv }'
    local left
    for left in 0 4 40 100 200; do
        local goal=$(($(requests_sent) + 30))
        start_job
        wait_until 30 has_requests "$goal"
        disk_fill_but "$left"
        end_job
        [ "$status" -eq 1 ]
        grep -q 'hint: make room on the disk and run again' run.err
        grep -q 'left for the next run' run.err
        no_half_files disk
        on_disk rm disk/filler
        # The ledger has what the service has, to the last answer.
        is "$(sql 'SELECT count(*) FROM identities')" "$(stats .identities.created)"
    done
    [ "$(sql 'SELECT count(*) FROM identities')" -lt 800 ]
    run_job
    [ "$status" -eq 0 ]
    nobody_is_doubled 800
    on_disk cat disk/tokens.csv >tokens.csv
    is "$(rows tokens.csv | wc -l)" 800
    is "$(sql 'SELECT count(*) FROM identities WHERE token_expires_at > 0')" 800
}

# full_under_the_tokens SINK MESSAGE: a run whose tokens go there, for whom the disk is too small; what it says, and the next one.
full_under_the_tokens() {
    disk_start 60k
    write_roster 300
    write_job engine="{ concurrency: 8, $fast }" outputs="{ mapping: out/mapping.csv, tokens: { $1 } }"
    run_job
    [ "$status" -eq 1 ]
    says "$2"
    [[ $stderr != *'  tokens '* ]]
    is "$(sql 'SELECT count(*) FROM identities')" "$(stats .identities.created)"
    disk_is size=20m
    run_job
    [ "$status" -eq 0 ]
    nobody_is_doubled 300
    is "$(sql 'SELECT count(*) FROM identities WHERE token_expires_at > 0')" 300
}

# counted: the fingerprints of the tokens that count as delivered; of_tokens: those of the tokens on standard input.
counted() {
    sql 'SELECT lower(hex(token_fingerprint)) FROM identities WHERE token_expires_at > 0' | sort
}
of_tokens() {
    perl -MDigest::SHA=sha256_hex -lne 'print substr(sha256_hex($_), 0, 32)' | sort
}

@test "a disk that is full under the tokens alone leaves them to the next run" {
    full_under_the_tokens 'csv: disk/tokens.csv' 'cannot write disk/.tokens.csv.partial: No space left on device'
    on_disk cat disk/tokens.csv >tokens.csv
    diff <(column 3 tokens.csv | of_tokens) <(counted)
}

@test "a disk that is full under JSON lines leaves them to the next run" {
    full_under_the_tokens 'ndjson: disk/tokens.ndjson' 'cannot write disk/.tokens.ndjson.partial: No space left on device'
    on_disk cat disk/tokens.ndjson >tokens.ndjson
    diff <(jq -r .token tokens.ndjson | of_tokens) <(counted)
}

@test "a disk that is full under a sealed file leaves them to the next run" {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out recipient.pem -subj /CN=recipient -days 30 2>/dev/null
    full_under_the_tokens 'csv: disk/tokens.csv, encrypt: recipient.pem' 'No space left on device'
    on_disk sh -c 'for file in disk/*.cms; do openssl cms -decrypt -inform DER -in "$file" -inkey key.pem; done' |
        grep -v ^user_id >tokens.csv
    # What the first run sealed is not there: it was not finished.
    is "$(wc -l <tokens.csv)" 300
    diff <(cut -d, -f3 tokens.csv | of_tokens) <(counted)
}

@test "a disk that is full under a database of tokens is tried again, and holds up nobody" {
    full_under_the_tokens 'sqlite: disk/tokens.db' 'did not reach disk/tokens.db: disk/tokens.db: cannot write into the table: database or disk is full'
    on_disk sqlite3 disk/tokens.db 'SELECT token FROM acs_tokens' >tokens
    diff <(of_tokens <tokens) <(counted)
}

@test "a mapping that does not fit leaves the old one, and the next run writes it" {
    disk_start 12k
    write_job engine="{ concurrency: 8, $fast }" outputs='{ mapping: disk/mapping.csv, tokens: { csv: out/tokens.csv } }'
    run_job
    [ "$status" -eq 0 ]
    on_disk cat disk/mapping.csv >old.csv
    write_roster 300
    run_job
    [ "$status" -eq 1 ]
    says 'cannot write disk/mapping.csv: No space left on device'
    says '  tokens '
    [[ $stderr != *'  mapping '* ]]
    on_disk cat disk/mapping.csv | cmp - old.csv
    no_half_files disk
    disk_is size=1m
    run_job
    [ "$status" -eq 0 ]
    says 'nothing to do'
    on_disk cat disk/mapping.csv >new.csv
    is "$(rows new.csv | wc -l)" 300
    nobody_is_doubled 300
}

@test "a failures file that does not fit leaves the old one, and every identity is recorded" {
    printf -- '- { operation: create, from: 101, status: 409 }\n' >faults.yaml
    emulator_stop_all
    use_emulator --limits none --faults faults.yaml
    disk_start 8k
    write_roster 300
    write_job engine="{ concurrency: 8, $fast }" token='{ scopes: [] }' \
        outputs='{ mapping: out/mapping.csv, failures: disk/failures.csv }'
    on_disk sh -c 'echo user_id,error_code >disk/failures.csv'
    run_job
    [ "$status" -eq 1 ]
    says 'cannot write disk/failures.csv: No space left on device'
    is "$(on_disk cat disk/failures.csv)" user_id,error_code
    no_half_files disk
    nobody_is_doubled 100
}

@test "a plan that does not fit is not saved" {
    disk_start 4k
    disk_fill_but 0
    run --separate-stderr on_disk "$ROLLCALL" plan job.yaml --out disk/plan.json
    show_run
    [ "$status" -eq 1 ]
    says 'cannot write disk/plan.json: No space left on device'
    says 'hint: make room on the disk'
    is "$(on_disk ls -A disk)" filler
}

@test "a roster on a pipe that the temporary disk cannot take is refused" {
    disk_start 64k
    write_roster 5000
    write_job roster='{ csv: "-", key: user_id }'
    run --separate-stderr on_disk env TMPDIR="$PWD/disk" "$ROLLCALL" run job.yaml < <(cat users.csv)
    show_run
    [ "$status" -eq 1 ]
    says 'cannot copy standard input to a temporary file: No space left on device'
    says 'TMPDIR'
    nothing_was_sent
}

# limited KIB COMMAND...: with a limit on the size of each file; it needs no disk and is tested everywhere.
limited() {
    (ulimit -f "$1" && shift && "$@")
}

@test "a limit on the size of files stops a run that meets it, and costs no identity" {
    write_roster 500
    local kib
    for kib in 8 64 600 900; do
        run --separate-stderr limited $kib "$ROLLCALL" run job.yaml
        show_run
        [ "$status" -eq 1 ]
        says 'the limit on the size of files (ulimit -f)'
        [ "$kib" -ge 600 ] || is "$(requests_sent)" 0
    done
    [ "$(requests_sent)" -gt 0 ]
    run_job
    [ "$status" -eq 0 ]
    # A ledger that takes nothing more cannot tell either what did not leave: that may be in doubt.
    everybody_is_known 500
}

@test "what does not fit on standard output is told, and the exit status says so" {
    run_job
    local command
    for command in plan status 'plan --json' 'status --json' export 'export --format ndjson' 'history'; do
        # shellcheck disable=SC2086
        set -- $command
        [ "$command" != history ] || set -- history job.yaml user000001@contoso.example
        [ "$1" = history ] || set -- "$@" job.yaml
        run --separate-stderr bash -c '"$@" >/dev/full' - "$ROLLCALL" "$@"
        show_run
        [ "$status" -eq 1 ]
        says 'cannot write to standard output'
        is "$(grep -c 'cannot write' <<<"$stderr")" 1
    done
}

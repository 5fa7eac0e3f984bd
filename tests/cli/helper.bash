# helper.bash - a job in a directory of its own, the emulator that it talks to, and questions about both.

bats_require_minimum_version 1.5.0
# shellcheck source=tests/cli/emulator_helper.bash
source "${BASH_SOURCE[0]%/*}/emulator_helper.bash"

ROLLCALL=$ROLLCALL_BIN/rollcall
LEDGER=contoso.ledger

# job_setup [emulator options]: an emulator, ten users and a job, in the current directory. For setup().
job_setup() {
    mkdir "$BATS_TEST_TMPDIR/job"
    cd "$BATS_TEST_TMPDIR/job" || return 1
    use_emulator "$@"
    write_roster 10
    write_job
}

# use_emulator [emulator options]: starts one and points the jobs of this test at it.
use_emulator() {
    emulator_start "$@"
    export COMMUNICATION_SERVICES_CONNECTION_STRING=$CONNECTION_STRING
}

# job_teardown: ends what the test left running. For teardown().
job_teardown() {
    [ -z "${RUN_PID-}" ] || kill_job
    emulator_stop_all
}

# write_job [KEY=VALUE ...]: job.yaml, with these keys of the first level instead of the usual ones; an empty value
# leaves one out.
write_job() {
    local -A value=(
        [version]=1
        [name]=contoso-staff
        [resource]='{ connection_string: { env: COMMUNICATION_SERVICES_CONNECTION_STRING } }'
        [ledger]=$LEDGER
        [roster]='{ csv: users.csv, key: user_id }'
        [token]='{ scopes: [chat, voip] }'
        [rules]='{ added: provision }'
        [outputs]='{ mapping: out/mapping.csv, tokens: { csv: out/tokens.csv }, failures: out/failures.csv }'
    )
    local argument key
    for argument in "$@"; do
        value[${argument%%=*}]=${argument#*=}
    done
    for key in version name resource resources ledger roster token rules limits outputs hooks engine; do
        [ -z "${value[$key]-}" ] || echo "$key: ${value[$key]}"
    done >job.yaml
}

# write_program NAME: an executable shell script of standard input.
write_program() {
    { echo '#!/bin/bash' && cat; } >"$1"
    chmod +x "$1"
}

# write_roster COUNT: users.csv.
write_roster() {
    {
        echo user_id,name
        seq -f '%06.0f' "$1" | sed 's/.*/user&@contoso.example,User &/'
    } >users.csv
}

# run_job [options]: `rollcall run job.yaml`; sets status, output (standard output) and stderr.
run_job() {
    run --separate-stderr "$ROLLCALL" run job.yaml "$@"
    show_run
}

# run_is_refused STATUS MESSAGE [OPTION...]: the run ends so, and sends nothing.
run_is_refused() {
    local sent
    sent=$(requests_sent)
    run_job "${@:3}"
    [ "$status" -eq "$1" ]
    says "$2"
    is "$(requests_sent)" "$sent"
}

# show_run: for the log of a test that fails.
show_run() {
    printf 'exit %s\n%s\n%s\n' "$status" "$output" "$stderr"
}

# start_job [options]: as run_job, in the background; RUN_PID, run.out and run.err.
start_job() {
    "${ENDS_WITH_TEST[@]}" "$ROLLCALL" run job.yaml "$@" >run.out 2>run.err 3>&- &
    RUN_PID=$!
}

# end_job: waits for it and sets status.
end_job() {
    status=0
    wait "$RUN_PID" || status=$?
    RUN_PID=
    printf 'exit %s\n' "$status"
    cat run.err
}

# kill_job: as kill -9 does it.
kill_job() {
    kill -KILL "$RUN_PID" 2>/dev/null || true
    wait "$RUN_PID" 2>/dev/null || true
    RUN_PID=
}

# wait_until SECONDS COMMAND...: until it succeeds; fails when the time is over, which valgrind.sh makes longer.
wait_until() {
    local end=$((SECONDS + $1 * ${ROLLCALL_VALGRIND:-1}))
    shift
    until "$@"; do
        if [ "$SECONDS" -ge "$end" ]; then
            echo "waited in vain for: $*" >&2
            return 1
        fi
        sleep 0.02
    done
}

# sql QUERY: what the ledger says. (It is not opened for reading only: then a ledger without its -shm file cannot be read.)
sql() {
    sqlite3 -batch -bail -cmd '.timeout 5000' "$LEDGER" "$1"
}

# requests_sent: how many requests the emulator has had.
requests_sent() {
    stats '[.requests[][]] | add // 0'
}

# has_requests COUNT: at least so many.
has_requests() {
    [ "$(requests_sent)" -ge "$1" ]
}

# rows FILE: its rows without the header; for files without line breaks in their values.
rows() {
    tail -n +2 "$1"
}

# column NUMBER FILE: a column of such a file, whose values need no quotes.
column() {
    rows "$2" | cut -d, -f"$1"
}

# is_sanitized: the program was built with a sanitizer, which allocates in its own way and wants to be loaded first; or it
# runs under memcheck, which does the same.
is_sanitized() {
    [ -n "${ROLLCALL_VALGRIND-}" ] || grep -qE '__(asan|tsan)_init' "$ROLLCALL"
}

# mode FILE
mode() {
    stat -c %a "$1"
}

# nothing_was_sent: no request at the emulator, and no ledger made.
nothing_was_sent() {
    is "$(requests_sent)" 0
    [ ! -e "$LEDGER" ]
}

# emulator_identities FILTER: what jq makes of each identity that the emulator has.
emulator_identities() {
    raw_request GET /_emulator/identities
    json "$1"
}

# says TEXT: standard error has it.
says() {
    [[ $stderr == *"$1"* ]] || {
        printf 'standard error does not say: %s\n' "$1" >&2
        return 1
    }
}

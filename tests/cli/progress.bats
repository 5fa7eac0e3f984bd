# What a run shows while it lasts: on a terminal, and where there is none.

setup() {
    load helper
    job_setup
    write_roster 30
    write_job engine='{ quotas: { create: 10/300ms, issue: 10/300ms } }'
}

teardown() {
    job_teardown
}

# on_terminal [--columns N] [options]: the run on a terminal; sets status and output.
on_terminal() {
    local columns=()
    if [ "${1-}" = --columns ]; then
        columns=("$1" "$2")
        shift 2
    fi
    run env TERM=xterm LANG=C.UTF-8 "${ENVIRONMENT[@]}" \
        "$PYTHON" "$BATS_TEST_DIRNAME/on_terminal.py" "${columns[@]}" - "$ROLLCALL" run job.yaml "$@"
    printf '%q\n' "$output"
    [ "$status" -eq 0 ]
}

# updates: each state of the progress line as it was written, without colours.
updates() {
    tr '\r' '\n' <<<"$output" | sed -n 's/\x1b\[J$//p' | sed 's/\x1b\[[0-9]*m//g' | grep .
}

@test "on a terminal one line is rewritten in place, and the summary takes its place" {
    on_terminal --columns 120
    [ "$(updates | wc -l)" -ge 2 ]
    [[ $output == *$'\r\e[J'*'run 1 done'*': 30 provisioned in '* ]]
    # Nothing but the summary ends a line.
    is "$(grep -c '' <<<"$output")" 3
    # How far, how much of the quota, why it waits and for how long: not the 400 ms of the first burst for each of the others.
    updates | grep -F ' 33%' | grep -F '10/30 done' | grep -F '100% of the quota' | grep -F 'waiting for the quota' |
        grep -qE '0\.[2-5] s left'
    run -1 grep -E '[1-9]+\.[0-9]+ s left' <<<"$output"
}

@test "the line keeps within the terminal, however narrow or wide" {
    local columns
    for columns in 10 200; do
        rm -rf "$LEDGER"* out
        emulator_stop_all
        use_emulator
        on_terminal --columns "$columns"
        [ "$(updates | wc -L)" -lt "$columns" ]
        [ "$(updates | wc -L)" -ge 5 ]
    done
}

@test "NO_COLOR takes the colours away, and a locale without UTF-8 the line-drawing characters" {
    ENVIRONMENT=(NO_COLOR=1 LANG=C LC_ALL=C)
    on_terminal --columns 100
    updates | grep -q '#---'
    run -1 grep $'\e\\[[0-9]*m' <<<"$output"
    run -1 env LC_ALL=C grep '[^ -~]' <<<"$(tr -d '\r\033' <<<"$output")"
}

@test "--quiet shows nothing on a terminal" {
    on_terminal --quiet
    is "$output" ''
}

@test "where there is no terminal progress is plain lines, the first one after a second" {
    write_job engine='{ quotas: { create: 10/600ms, issue: 10/600ms } }'
    run_job
    [[ $stderr == '20/30 done, '*', 100% of the quota, '*' s left, waiting for the quota'* ]]
    run -1 grep $'[\r\033]' <<<"$stderr"
}

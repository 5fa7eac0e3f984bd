# What a run says, to people and to programs.

setup() {
    load helper
    job_setup
}

teardown() {
    job_teardown
}

escape=$'\e'
return=$'\r'

# slow_job: one that takes seven seconds.
slow_job() {
    emulator_stop_all
    use_emulator --latency 700ms
    write_job engine='{ concurrency: 1 }'
}

# on_a_terminal: runs the job with standard error on a terminal; sets output to what came.
on_a_terminal() {
    status=0
    TERM=xterm script -qec "stty cols 100; '$ROLLCALL' run job.yaml" typescript >/dev/null || status=$?
    output=$(cat typescript)
}

# members EVENT: the names of the members of the first such event.
members() {
    jq -c "select(.event == \"$1\") | keys_unsorted" <<<"$output" | head -n 1
}

@test "with --json every line is an event, from run_started to run_ended" {
    run_job --json
    [ "$status" -eq 0 ]
    is "$(jq -r 'select(.event != "progress").event' <<<"$output" | uniq -c | awk '{ print $2, $1 }' | xargs)" "run_started 1 user_done 10 run_ended 1"
    is "$(jq -r 'select(.event == "user_done") | .key' <<<"$output" | sort)" "$(column 1 users.csv)"
    is "$(jq -r 'select(.event == "user_done") | .identity_id' <<<"$output" | sort)" "$(column 2 out/mapping.csv | sort)"
}

@test "the members of the events keep their names" {
    run_job --json
    is "$(members run_started)" '["event","run","job","users"]'
    is "$(members user_done)" \
        '["event","key","action","identity_id","code","message","request_id","attempt","status"]'
    is "$(members run_ended)" '["event","run","state","users","done","failed","lost","left","throttled","retried","in_doubt","requests","elapsed_ms","reason","provision","issue","revoke","delete","exchange","undelivered","sinks","learnt"]'
}

@test "a throttled user is an event of its own" {
    emulator_stop_all
    use_emulator --limits create=5/500ms --retry-after ms
    run_job --json
    [ "$status" -eq 0 ]
    is "$(jq -r 'select(.event == "user_retried") | "\(.status) \(.code)"' <<<"$output" | sort -u)" "429 TooManyRequests"
    is "$(jq -r 'select(.event == "user_done") | .key' <<<"$output" | wc -l)" 10
    # What was throttled was sent again.
    is "$(jq -r 'select(.event == "run_ended") | .requests - 10 == .retried and .retried == .throttled' <<<"$output")" true
}

@test "with --quiet a run that goes well says nothing" {
    run_job --quiet
    [ "$status" -eq 0 ]
    is "$output$stderr" ""
    is "$(rows out/mapping.csv | wc -l)" 10
}

@test "with --quiet a run that does not go well still says why" {
    export COMMUNICATION_SERVICES_CONNECTION_STRING="endpoint=https://contoso.invalid/;accesskey=$KEY"
    run_job --quiet
    [ "$status" -eq 4 ]
    says "rollcall: cannot reach contoso.invalid"
}

@test "people are told on standard error, and standard output stays empty" {
    run_job
    is "$output" ""
    says "run 1 done: 10 provisioned"
    says "out/mapping.csv"
    says "out/tokens.csv"
}

@test "without a terminal there is a plain line every few seconds" {
    slow_job
    run_job
    [ "$status" -eq 0 ]
    [[ $stderr =~ [1-9]/10\ done ]]
    [ "$(grep -c '/10 done' <<<"$stderr")" -le 5 ]
    [[ $stderr != *"$escape"* ]]
    [[ $stderr != *"$return"* ]]
}

@test "on a terminal one line shows the progress and is rewritten" {
    slow_job
    write_roster 3
    on_a_terminal
    [ "$status" -eq 0 ]
    [[ $output == *"$return"*"1/3 done"*"$return"*"2/3 done"* ]]
    [[ $output == *"run 1 done"* ]]
    # No line of the progress is left standing.
    [[ $output != *"/3 done"*$'\n'*"/3 done"* ]]
    [[ $output == *"${escape}[32m"* ]]
}

@test "NO_COLOR takes the colours away" {
    NO_COLOR=1 on_a_terminal
    [ "$status" -eq 0 ]
    [[ $output == *"run 1 done"* ]]
    [[ $output != *"${escape}["[0-9]*m* ]]
}

@test "a reader that goes away does not end the run" {
    "$ROLLCALL" run job.yaml --json | head -n 1
    [ "${PIPESTATUS[0]}" -eq 0 ]
    is "$(rows out/mapping.csv | wc -l)" 10
}

@test "outputs are replaced as a whole" {
    mkdir out
    echo user_id,identity_id >out/mapping.csv
    exec {old}<out/mapping.csv
    run_job
    [ "$status" -eq 0 ]
    is "$(cat <&"$old")" user_id,identity_id
    is "$(rows out/mapping.csv | wc -l)" 10
    is "$(ls -A out)" $'failures.csv\nmapping.csv\ntokens.csv'
}

@test "a tokens file that is something else is not replaced" {
    mkdir out
    (umask 077 && printf 'name,city\nAnna,Ulm\n' >out/tokens.csv)
    run_job
    [ "$status" -eq 2 ]
    says "out/tokens.csv"
    is "$(cat out/tokens.csv)" $'name,city\nAnna,Ulm'
    is "$(requests_sent)" 0
}

@test "values that a spreadsheet would take for formulas can be escaped" {
    printf 'user_id,name\n=1+1,a\n@b,c\n' >users.csv
    write_job outputs='{ mapping: out/mapping.csv, tokens: { csv: out/tokens.csv }, escape_formulas: true }'
    run_job
    [ "$status" -eq 0 ]
    is "$(column 1 out/mapping.csv)" $'\'=1+1\n\'@b'
    is "$(column 1 out/tokens.csv | sort)" $'\'=1+1\n\'@b'
    # And are read back as what they are.
    rm "$LEDGER"*
    "$ROLLCALL" import job.yaml out/mapping.csv
    run_job
    [ "$status" -eq 0 ]
    is "$(requests_sent)" 2
    is "$(column 1 out/tokens.csv | sort)" $'\'=1+1\n\'@b'
}

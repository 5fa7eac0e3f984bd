# --log: what is said on standard error as lines for machines.

setup() {
    load helper
    printf -- '- { operation: create, nth: [3], status: 400 }\n' >"$BATS_TEST_TMPDIR/faults.yaml"
    job_setup --faults "$BATS_TEST_TMPDIR/faults.yaml"
    write_job engine='{ concurrency: 1 }'
}

teardown() {
    job_teardown
}

@test "as JSON each line is an object with time, level and run, and usual users are left out" {
    run_job --log json
    [ "$status" -eq 1 ]
    is "$output" ''
    is "$(jq -r '"\(.level) \(.run) \(.event)"' <<<"$stderr")" "info 1 run_started
warning 1 user_failed
warning 1 run_ended"
    is "$(jq -r 'select(.event == "user_failed") | "\(.status) \(.request_id | length)"' <<<"$stderr")" "400 36"
    [[ $(jq -r .time <<<"$stderr" | tail -1) =~ ^20[0-9-]+T[0-9:.]+Z$ ]]
    # The next run, at every level.
    run_job --log json --log-level debug
    [ "$status" -eq 0 ]
    is "$(jq -r '"\(.level) \(.run) \(.event)"' <<<"$stderr" | sort -u)" "debug 2 user_done
info 2 run_ended
info 2 run_started"
}

@test "as text each line has time, level, run and names with values" {
    printf '%s\n' '"a ""b"" = c",x' >>users.csv
    run_job --log text --log-level debug
    grep -qE '^20[^ ]+Z info run=1 run_started job=contoso-staff users=11$' <<<"$stderr"
    grep -qE '^20[^ ]+Z warning run=1 user_failed key=user[0-9@.a-z]+ action=provision code=' <<<"$stderr"
    grep -qF ' debug run=1 user_done key="a \"b\" = c" action=provision identity_id=8:acs:' <<<"$stderr"
    run -1 grep -vE '^20[^ ]+Z (debug|info|warning) run=1 [a-z_]+ ' <<<"$stderr"
}

@test "for the journal each line begins with its priority and has no time" {
    run_job --log journald
    is "$(grep -oE '^<[0-9]>run=1 [a-z_]+' <<<"$stderr")" "<6>run=1 run_started
<4>run=1 user_failed
<4>run=1 run_ended"
}

@test "what is wrong is a line of the log as well, from the spec to the ledger" {
    write_job outputs='{ mappings: x }'
    run_job --log json
    [ "$status" -eq 2 ]
    is "$(jq -r '"\(.level) \(.event) \(.place)"' <<<"$stderr")" $'error problem job.yaml:6:18\nerror problem job.yaml:8:12'
    is "$(jq -c '[has("hint", "message")]' <<<"$stderr" | sort -u)" '[true,true]'
    write_job
    echo user_id,name,twice >users.csv
    run_job --log json
    [ "$status" -eq 2 ]
    is "$(jq -r .level <<<"$stderr" | sort -u)" error
    # As many as people are told, and in their words.
    { write_roster 3 && sed 's/.*/user000001@contoso.example,x/' <(seq 130) >>users.csv; }
    run_job --log json
    is "$(jq -r .place <<<"$stderr" | sed '1p;$p;d')" $'users.csv:5\nusers.csv'
    is "$(jq -r .message <<<"$stderr" | tail -n 1)" 'and 30 more of these'
    rm users.csv
    write_roster 3
    write_job ledger=/proc/nowhere/x.ledger
    run_job --log journald
    [[ $stderr == '<3>run=0 error message='* ]]
    is "$(wc -l <<<"$stderr")" 1
}

@test "--quiet leaves only errors, and --log-level alone means text" {
    run_job --log json --quiet
    is "$stderr" ''
    run_job --log-level info
    [[ $stderr == 20*'Z info run=2 run_started '* ]]
    run_job --log yaml
    [ "$status" -eq 2 ]
    says '--log takes text, json or journald, not "yaml"'
    run_job --log-level loud
    says '--log-level takes error, warning, info or debug, not "loud"'
}

@test "--json on standard output and a log on standard error go together" {
    run_job --json --log json
    is "$(jq -r .event <<<"$output" | sort -u | tr '\n' ' ')" 'run_ended run_started user_done user_failed '
    is "$(jq -r .event <<<"$stderr" | tr '\n' ' ')" 'run_started user_failed run_ended '
    # The events of --json are what they were without a log.
    is "$(jq -c 'has("level") or has("time")' <<<"$output" | sort -u)" false
}

@test "a standard output that cannot be written to is told once, as a line of the log" {
    run -1 --separate-stderr bash -c "'$ROLLCALL' run job.yaml --json --log json >/dev/full"
    is "$(jq -c 'select(.level == "error") | [.run, .event, .message[:31]]' <<<"$stderr")" \
        '[1,"error","cannot write to standard output"]'
    run -1 grep -v '^{' <<<"$stderr"
}

@test "waits are told once" {
    write_job engine='{ quotas: { create: 4/400ms, issue: 4/400ms } }'
    run_job --log text
    [ "$(grep -c ' waiting reason="waiting for the quota" ms=' <<<"$stderr")" -ge 1 ]
    [ "$(grep -c ' waiting ' <<<"$stderr")" -le 4 ]
}

@test "an error that quotes what is no text is a line all the same, and does nothing to a terminal" {
    local name=$'no\e[31m\xff.yaml'
    run --separate-stderr -2 "$ROLLCALL" run "$name" --log json
    is "$(jq -r .message <<<"$stderr")" 'cannot open no [31m?.yaml: No such file or directory'
    run --separate-stderr -2 "$ROLLCALL" run "$name"
    says 'rollcall: cannot open no [31m?.yaml: No such file or directory'
    cp job.yaml "$name"
    sed -i 's/user_id/nobody/' "$name"
    run --separate-stderr -2 "$ROLLCALL" run "$name" --log json
    is "$(jq -r .message <<<"$stderr")" 'the key column "nobody" is not in the header'
    echo 'more: 1' >>"$name"
    run --separate-stderr -2 "$ROLLCALL" run "$name" --log json
    is "$(jq -r .place <<<"$stderr")" 'no [31m?.yaml:10:1'
}

# Programs of the user's that are started when a run has ended.

setup() {
    load helper
    job_setup
}

teardown() {
    job_teardown
}

# write_recorder: ./hook NAME keeps what it gets in NAME.json, its environment in NAME.env, and its name in `order`.
write_recorder() {
    write_program hook <<<'cat >"$1.json"; env >"$1.env"; echo "$1" >>order; echo "heard of it"'
}

BOTH='{ after_run: [./hook, after], on_failure: [./hook, failure] }'

@test "after a run a program gets its summary, the last event of --json, and nothing secret" {
    write_recorder
    write_job hooks="$BOTH"
    export AZURE_CLIENT_SECRET=sesame SOMETHING_ELSE=kept
    run_job --json
    [ "$status" -eq 0 ]
    is "$(cat after.json)" "$(tail -n 1 <<<"$output")"
    is "$(jq -r '[.event, .state, .done, .failed, .reason] | @csv' after.json)" '"run_ended","done",10,0,'
    is "$(jq -c 'keys_unsorted' <<<"$output" | wc -l)" "$(wc -l <<<"$output")" # what it says is in neither stream
    is "$stderr" ''
    run -1 grep -E 'COMMUNICATION_SERVICES|AZURE|sesame|accesskey' after.env
    grep -q SOMETHING_ELSE=kept after.env
    is "$(cat order)" after
}

@test "after a failure the other program is called as well, after the first, and the run's own status counts" {
    emulator_stop_all
    printf -- '- { operation: create, nth: [1], status: 400 }\n' >faults.yaml
    use_emulator --faults faults.yaml
    write_recorder
    write_job hooks="$BOTH"
    echo 'exit 7' >>hook
    run_job
    [ "$status" -eq 1 ]
    says 'rollcall: hooks.after_run: ./hook ended with status 7: heard of it'
    says 'rollcall: hooks.on_failure: ./hook ended with status 7: heard of it'
    is "$(jq .failed after.json)" 1
    cmp after.json failure.json
    is "$(cat order)" $'after\nfailure'
}

@test "a run that is refused before it begins calls the program for failures alone, and tells it why" {
    write_recorder
    write_job hooks="$BOTH"
    run_job
    [ "$status" -eq 0 ]
    rm order
    write_roster 2
    run_job
    [ "$status" -eq 3 ]
    is "$(cat order)" failure
    is "$(jq -c '[.event, .job, .exit_status]' failure.json)" '["run_refused","contoso-staff",3]'
    is "$(jq -r .reason failure.json)" "$(sed -n 's/^rollcall: //p' <<<"$stderr")"
    # A roster with faults: the first of them.
    echo 'user000002@contoso.example,again' >>users.csv
    run_job
    [ "$status" -eq 2 ]
    is "$(jq -c .exit_status failure.json)" 2
    is "$(jq -r .reason failure.json)" "$(head -n 1 <<<"$stderr")"
    # Looking at what would be done, and a command line that is wrong, are no runs.
    rm order
    run_job --dry-run
    run_job --no-such-option
    run -2 "$ROLLCALL" validate job.yaml
    [ ! -e order ]
}

@test "a run that is stopped by the service tells why" {
    emulator_stop_all
    printf -- '- { operation: create, from: 1, status: 401, code: Denied }\n' >faults.yaml
    use_emulator --faults faults.yaml
    write_recorder
    write_job hooks="$BOTH"
    run_job
    [ "$status" -eq 4 ]
    is "$(cat order)" $'after\nfailure'
    is "$(jq -r .state failure.json)" stopped
    is "$(jq -r .reason failure.json)" "$(sed -n 's/^rollcall: //p' <<<"$stderr")"
}

@test "a run that finds the ledger held by another one leaves the hooks to that" {
    write_recorder
    write_program block <<<'[ -e seen ] || { echo >seen; cat go; } >/dev/null; cat >/dev/null'
    mkfifo go
    write_job outputs='{ tokens: { command: ./block } }' hooks="$BOTH"
    start_job
    wait_until 30 test -e seen
    run_job
    [ "$status" -eq 5 ]
    [ ! -e order ]
    echo >go
    end_job
    [ "$status" -eq 0 ]
    is "$(cat order)" after
}

@test "a program that fails is told, and the exit status and the metrics say that it was no more than that" {
    write_recorder
    write_program upload <<<'echo no room today >&2; exit 1'
    write_job hooks='{ after_run: ./upload }' outputs='{ tokens: { csv: out/tokens.csv }, metrics: out/job.prom }'
    run_job --log json
    [ "$status" -eq 6 ]
    is "$(jq -c 'select(.event == "error") | [.level, .run, .message]' <<<"$stderr")" \
        '["error",1,"hooks.after_run: ./upload ended with status 1: no room today"]'
    grep -q '^rollcall_last_exit_status{job_name="contoso-staff"} 6$' out/job.prom
    is "$(sql 'SELECT state FROM runs')" "done"
    # It is a failure that can be alerted to.
    write_job hooks='{ after_run: ./upload, on_failure: [./hook, failure] }'
    run_job
    [ "$status" -eq 6 ]
    is "$(jq -r .state failure.json)" "done"
}

@test "the log has what a program said when all went well" {
    write_recorder
    write_job hooks="$BOTH"
    run_job --log json
    is "$(jq -c 'select(.event == "hook_ended") | [.level, .run, .hook, .program, .message]' <<<"$stderr")" \
        '["info",1,"after_run","./hook","heard of it"]'
}

@test "a program that takes too long is ended, with what it started" {
    write_program hook <<<'sleep 61 & sleep 62'
    write_job hooks='{ after_run: ./hook, time_limit: 1s }'
    run_job
    [ "$status" -eq 6 ]
    says 'hooks.after_run: ./hook took longer than 1 s and was ended'
    run -1 pgrep -x -f 'sleep 6[12]'
}

@test "a program need not read what it gets, and may leave another one behind" {
    write_program hook <<<'exec <&-; sleep 30 & echo $! >left'
    write_job hooks='{ after_run: ./hook }'
    run_job
    [ "$status" -eq 0 ]
    kill "$(cat left)"
}

@test "a program that is not there is found before anything is sent, and one that went away is told" {
    write_job hooks='{ after_run: ./hook }'
    run_job
    [ "$status" -eq 2 ]
    says 'cannot run ./hook: No such file or directory'
    nothing_was_sent
    write_program hook <<<true
    write_program store <<<'cat >/dev/null; rm -f hook'
    write_job hooks='{ after_run: ./hook }' outputs='{ tokens: { command: ./store } }'
    run_job
    [ "$status" -eq 6 ]
    says 'hooks.after_run: cannot start ./hook: No such file or directory'
}

@test "a program may ask about the job, and run it again: the ledger is free, and the outputs are there" {
    write_program hook <<'END'
[ ! -e status.txt ] || exit 0
"$ROLLCALL" status job.yaml >status.txt && cp out/job.prom seen.prom && "$ROLLCALL" report job.yaml --out report.html &&
    "$ROLLCALL" run job.yaml --quiet
END
    export ROLLCALL
    (umask 077 && printf %s "$CONNECTION_STRING" >secret)
    write_job resource='{ connection_string: { file: secret } }' hooks='{ after_run: ./hook }' \
        outputs='{ tokens: { csv: out/tokens.csv }, metrics: out/job.prom }'
    run_job
    [ "$status" -eq 0 ]
    grep -q '10 active' status.txt
    grep -q '^rollcall_last_exit_status{.*} 0$' seen.prom
    grep -q '<title>Run 1 of' report.html
    is "$(sql 'SELECT count(*) FROM runs')" 2
}

# start_slow_job: a run in the background that has sent some requests. (A shell without job control starts its
# children with SIGINT ignored.)
start_slow_job() {
    "${ENDS_WITH_TEST[@]}" env --default-signal=INT "$ROLLCALL" run job.yaml >run.out 2>run.err 3>&- &
    RUN_PID=$!
}

@test "an interrupted run calls both, and a second signal ends the program that runs" {
    emulator_stop_all
    use_emulator --limits none --latency 50ms
    write_roster 1000
    write_program hook <<'END'
cat >"$1.json"
echo "$1" >>order
[ ! -e block ] || sleep 63
END
    write_job engine='{ concurrency: 4 }' hooks="$BOTH"
    start_slow_job
    wait_until 30 has_requests 20
    kill -INT "$RUN_PID"
    end_job
    [ "$status" -eq 130 ]
    is "$(cat order)" $'after\nfailure'
    is "$(jq -c '[.state, .reason, .left > 0]' failure.json)" '["interrupted",null,true]'
    rm order
    touch block
    start_slow_job
    wait_until 30 has_requests 200
    kill -TERM "$RUN_PID"
    wait_until 30 test -e order
    local began=$SECONDS
    kill -TERM "$RUN_PID"
    end_job
    [ "$status" -eq 143 ]
    [ $((SECONDS - began)) -le 10 ]
    grep -q 'hooks.after_run: ./hook was interrupted' run.err
    is "$(cat order)" after
    run -1 pgrep -x -f 'sleep 63'
}

@test "a signal while a program runs ends that, and is the exit status where all else is done" {
    write_program hook <<<'echo >started; sleep 64'
    write_job hooks='{ after_run: ./hook, on_failure: ./hook }'
    start_slow_job
    wait_until 30 test -e started
    kill -INT "$RUN_PID"
    end_job
    [ "$status" -eq 130 ]
    grep -q 'hooks.after_run: ./hook was interrupted' run.err
    is "$(sql 'SELECT state FROM runs')" "done"
    run -1 pgrep -x -f 'sleep 64'
}

@test "the hooks in the documents are ones that a job takes, and their programs get an object" {
    local page
    mkdir bin
    for page in mail systemd-cat upload; do
        write_program "bin/$page" <<<'jq -c .event >>heard'
    done
    cp bin/upload .
    for page in README.md jobs/README.md; do
        write_job
        sed -n '/^hooks:/,/^```$/{/^```/!p}' "$ROLLCALL_SOURCE/$page" >>job.yaml
        PATH=$PWD/bin:$PATH run_job
        [ "$status" -eq 0 ]
    done
    is "$(cat heard)" $'"run_ended"\n"run_ended"'
}

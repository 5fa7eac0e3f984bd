# What is wrong with a roster or a job spec is said with file and line; nothing is sent, and no ledger is made.

setup() {
    load helper
    job_setup
}

teardown() {
    job_teardown
}

# roster LINE...: users.csv, of lines as printf understands them.
roster() {
    printf '%b\n' "$@" >users.csv
}

# is_refused MESSAGE...: the run ends with exit 2 and all these messages, and has done nothing.
is_refused() {
    local message
    run_job
    [ "$status" -eq 2 ]
    is "$output" ""
    for message in "$@"; do
        says "$message"
    done
    says "hint: "
    nothing_was_sent
    [ ! -e out ]
}

# --- rosters ---

@test "a roster without the key column is refused" {
    roster id,name a,b
    is_refused 'users.csv:1: the key column "user_id" is not in the header' 'the columns are: id, name'
}

@test "a key column that stands twice is refused" {
    roster user_id,user_id a,b
    is_refused 'users.csv:1: column "user_id" stands twice in the header'
}

@test "an empty key is refused" {
    roster user_id,name a,b ,c
    is_refused 'users.csv:3: the key (column "user_id") is empty'
}

@test "a duplicate key is refused with both lines named" {
    roster user_id,name a,x b,y a,z
    is_refused 'users.csv:4: key "a" stands already in line 2'
}

@test "lines are counted through values with line breaks" {
    roster user_id,name 'a,"one\ntwo\nthree"' b,y a,z
    is_refused 'users.csv:6: key "a" stands already in line 2'
}

@test "a row with too few fields is refused" {
    roster user_id,name a,b c
    is_refused 'users.csv:3: 1 field where the header has 2'
}

@test "a row with too many fields is refused" {
    roster user_id,name a,b c,d,e
    is_refused 'users.csv:3: 3 fields where the header has 2'
}

@test "a NUL byte is refused" {
    roster user_id,name a,b 'c,d\0000e'
    is_refused 'users.csv:3: column "name" holds a NUL byte'
}

@test "invalid UTF-8 is refused" {
    roster user_id,name a,b 'c,d\xffe'
    is_refused 'users.csv:3: column "name" is not UTF-8'
}

@test "a value over 64 KiB is refused" {
    roster user_id,name a,b "c,$(printf '%065537d' 0)"
    is_refused 'users.csv:3: the value of column "name" is larger than 64 KiB'
}

@test "a value of 64 KiB is taken" {
    roster user_id,name "c,$(printf '%065536d' 0)"
    run_job
    [ "$status" -eq 0 ]
}

@test "an unterminated quote is refused" {
    roster user_id,name a,b 'c,"d' e,f
    is_refused 'users.csv:3: a double quote is opened in this line and never closed'
}

@test "a roster without rows is refused" {
    roster user_id,name
    is_refused 'users.csv: it has no rows'
}

@test "an empty file is refused" {
    : >users.csv
    is_refused 'users.csv: the file is empty'
}

@test "all faults of a roster are named in one pass" {
    roster user_id,name ,x a,b,c 'b,\xff'
    is_refused 'users.csv:2: ' 'users.csv:3: ' 'users.csv:4: '
}

@test "a fault in the last of many rows is found before the first request" {
    write_roster 20000
    echo 'user000001@contoso.example,Again' >>users.csv
    is_refused 'users.csv:20002: key "user000001@contoso.example" stands already in line 2'
}

@test "a roster that is not there is refused" {
    rm users.csv
    is_refused 'job.yaml:5:16: roster.csv: cannot read "users.csv"'
}

@test "a roster that has lost most of its users is refused with exit 3" {
    run_job
    write_roster 3
    run_job
    [ "$status" -eq 3 ]
    says "limits.shrink"
    is "$(requests_sent)" 10
}

@test "a roster that changes while it is read is refused" {
    # One writer adds a row whenever it can, from before the run until after it, and not without the test.
    write_roster 400000
    (
        for ((i = 0; ; i++)); do
            kill -0 $$ || exit
            echo "late$i@contoso.example,Late" >>users.csv
        done
    ) 3>&- &
    local writer=$!
    wait_until 30 grep -q late0 users.csv
    run_job
    kill "$writer"
    wait "$writer" || true
    [ "$status" -eq 2 ]
    says "users.csv"
    says "chang"
    nothing_was_sent
}

# --- specs ---

@test "an unknown key is refused with the nearest one named" {
    write_job rules= token='{ scops: [chat] }'
    echo 'ruls: { added: provision }' >>job.yaml
    is_refused 'job.yaml:6:10: ' '"scops"' 'scopes' 'job.yaml:8:1: ' '"ruls"' 'rules'
}

@test "wrong types and values out of range are all named in one pass" {
    write_job version=two token='{ scopes: [chatt], lifetime: 30h }' engine='{ concurrency: 0, quotas: { create: 5 } }'
    is_refused 'job.yaml:1:10: version' 'job.yaml:6:19: token.scopes' 'chat' 'job.yaml:6:37: token.lifetime' \
        'job.yaml:9:24: engine.concurrency' 'job.yaml:9:45: engine.quotas.create'
}

@test "a missing key is refused" {
    write_job ledger=
    is_refused 'job.yaml' 'ledger'
}

@test "a duplicate key is refused with the first one's line" {
    echo 'name: other' >>job.yaml
    is_refused 'job.yaml:9:1: key "name" stands already in line 2'
}

@test "anchors work" {
    sed -i 's/^name: .*/name: \&name staff/; s/mapping: [^,]*/mapping: *name/' job.yaml
    run_job
    [ "$status" -eq 0 ]
    is "$(rows staff | wc -l)" 10
}

@test "a secret in the spec itself is refused and not repeated" {
    write_job resource="{ connection_string: \"$CONNECTION_STRING\" }"
    is_refused 'job.yaml:3:32: resource.connection_string' '{ env: '
    [[ $stderr != *"$KEY"* ]]
}

@test "an environment variable that is not set is refused" {
    unset COMMUNICATION_SERVICES_CONNECTION_STRING
    is_refused 'job.yaml:3:' 'COMMUNICATION_SERVICES_CONNECTION_STRING is not set'
}

@test "a connection string in a file works, and a missing file is refused" {
    write_job resource='{ connection_string: { file: secret } }'
    is_refused 'job.yaml:3:' 'cannot open the file that is named here: No such file or directory'
    (umask 077 && echo "$CONNECTION_STRING" >secret)
    run_job
    [ "$status" -eq 0 ]
}

@test "a connection string that is none is refused" {
    export COMMUNICATION_SERVICES_CONNECTION_STRING='endpoint=https://contoso.communication.azure.com/'
    is_refused 'job.yaml:3:' 'resource.connection_string' 'no access key' "in quotes where a shell reads it"
    export COMMUNICATION_SERVICES_CONNECTION_STRING='endpoint=https://contoso.communication.azure.com/;accesskey=?'
    is_refused 'job.yaml:3:' 'resource.connection_string' 'not valid base64'
}

@test "broken YAML is refused" {
    printf 'version: 1\nname:\tx\n  roster: [\n' >job.yaml
    is_refused 'job.yaml:3:'
}

@test "a spec that is not there is refused" {
    run --separate-stderr "$ROLLCALL" run other.yaml
    show_run
    [ "$status" -eq 2 ]
    says "other.yaml"
    nothing_was_sent
}

# --- the command line ---

@test "an unknown command, an unknown option and a missing argument exit 2" {
    run --separate-stderr "$ROLLCALL" frobnicate job.yaml
    [ "$status" -eq 2 ]
    says 'frobnicate'
    run_job --frobnicate
    [ "$status" -eq 2 ]
    says 'frobnicate'
    run --separate-stderr "$ROLLCALL" run
    [ "$status" -eq 2 ]
    says 'an argument is missing'
    run_job --limit 0
    [ "$status" -eq 2 ]
    run_job --allow frobnicate=1
    [ "$status" -eq 2 ]
    nothing_was_sent
}

@test "every command has a help text that exits 0" {
    local command
    for command in validate plan run status export; do
        run --separate-stderr "$ROLLCALL" "$command" --help
        [ "$status" -eq 0 ]
        [[ $output == "usage: rollcall $command JOB.yaml"* ]]
        is "$stderr" ""
    done
    run --separate-stderr "$ROLLCALL" --version
    [[ $output =~ ^rollcall\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
}

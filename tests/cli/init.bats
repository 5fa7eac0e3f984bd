# rollcall init writes a job spec that is valid.

setup() {
    load helper
    mkdir "$BATS_TEST_TMPDIR/new"
    cd "$BATS_TEST_TMPDIR/new" || return 1
    write_roster 3
}

teardown() {
    job_teardown
}

# init [options]: without a terminal.
init() {
    run --separate-stderr "$ROLLCALL" init "$@" </dev/null
    show_run
}

@test "with all answers as options it asks nothing, and the job runs" {
    use_emulator
    init job.yaml --roster users.csv --key user_id --sign-in access-key --removed delete
    [ "$status" -eq 0 ]
    grep -q '^name: job$' job.yaml
    run_job
    [ "$status" -eq 0 ]
    [[ $stderr == *"3 provisioned"* ]]
    [ -e job.ledger ]
}

@test "on a terminal it asks four questions, each with a usual answer" {
    run --separate-stderr /usr/bin/python3 "$ROLLCALL_SOURCE/tests/cli/on_terminal.py" --asks ']: ' '' \
        "$ROLLCALL" init job.yaml
    show_run
    [ "$status" -eq 0 ]
    [ "$(grep -o ']: ' <<<"$output" | wc -l)" -eq 4 ]
    "$ROLLCALL" validate --no-secrets job.yaml
    grep -q '^  removed: revoke ' job.yaml
}

@test "every combination of answers is valid" {
    local sign_in removed
    for sign_in in access-key entra; do
        for removed in keep revoke delete; do
            init "$sign_in-$removed.yaml" --roster users.csv --key user_id --sign-in "$sign_in" --removed "$removed"
            [ "$status" -eq 0 ]
        done
    done
}

@test "names that YAML would take for something else are quoted" {
    printf '%s\n' 'yes: "no",b' 'x,1' >'#1: a "roster".csv'
    sed -i '1s/.*/"yes: ""no""",b/' '#1: a "roster".csv'
    init job.yaml --roster '#1: a "roster".csv' --key 'yes: "no"' --sign-in access-key --removed keep
    [ "$status" -eq 0 ]
}

@test "a file that is there is left alone" {
    echo mine >job.yaml
    init job.yaml --roster users.csv --key user_id --sign-in access-key --removed keep
    [ "$status" -eq 2 ]
    [[ $stderr == *"job.yaml is there already"* ]]
    [ "$(cat job.yaml)" = mine ]
}

@test "a wrong answer is named, and nothing is written" {
    init job.yaml --roster users.csv --key user_id --sign-in password --removed keep
    [ "$status" -eq 2 ]
    [[ $stderr == *'--sign-in takes access-key|entra, not "password"'* ]]
    init job.yaml --roster users.csv --key usr_id --sign-in access-key --removed keep
    [ "$status" -eq 2 ]
    [[ $stderr == *'"usr_id" is not in the header'*'did you mean "user_id"'* ]]
    init job.yaml --roster nobody.csv --key user_id --sign-in access-key --removed keep
    [ "$status" -eq 2 ]
    [[ $stderr == *nobody.csv* ]]
    [ ! -e job.yaml ]
}

@test "a terminal that ends has no answer, and nothing is written" {
    run /usr/bin/python3 "$ROLLCALL_SOURCE/tests/cli/on_terminal.py" --asks ']: ' $'\x04' "$ROLLCALL" init job.yaml
    echo "$output"
    [ "$status" -eq 2 ]
    [[ $output == *"rollcall: no answer came, and nothing is written"* ]]
    [ ! -e job.yaml ]
}

@test "without a terminal it says which option is missing" {
    init job.yaml --roster users.csv
    [ "$status" -eq 2 ]
    [[ $stderr == *"--key is missing, and there is no terminal to ask on"*"hint: rollcall init JOB.yaml --roster "* ]]
    [ ! -e job.yaml ]
}

@test "the README's commands for a job of one's own work as they stand" {
    cp -R "$ROLLCALL_SOURCE/samples" .
    mkdir build
    ln -s "$(realpath "$ROLLCALL_BIN")" build/release
    { sed -n '/^### A job of your own/,/^## /{/^```sh$/,/^```$/{/^```/!p}}' "$ROLLCALL_SOURCE/README.md"
        echo 'kill %1; wait'; } >own.sh
    grep -q '^rollcall run ' own.sh
    NO_COLOR=1 run /usr/bin/python3 "$ROLLCALL_SOURCE/tests/cli/on_terminal.py" --asks ']: ' '' /bin/bash own.sh
    echo "$output"
    [[ $output == *"to do: 1000 users (1000 provision)"*"run 1 done: 1000 provisioned"* ]]
    is "$(wc -l <out/mine/out/mapping.csv)" 1001
}

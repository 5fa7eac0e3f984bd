# Nothing that a run trusts or writes stands where others could put something else in its place.

setup() {
    load helper
    job_setup
}

teardown() {
    job_teardown
}

@test "a ledger or a database of tokens is not made where others could make its side files" {
    mkdir shared
    chmod 1777 shared
    write_job ledger=shared/contoso.ledger
    run_is_refused 2 'the directory shared can be written to by others (mode 1777)'
    write_job outputs='{ tokens: { sqlite: shared/tokens.db } }'
    run_is_refused 2 'the directory shared can be written to by others (mode 1777)'
    is "$(find shared -type f)" ''
}

@test "a side file that somebody else left is not read as a part of the ledger" {
    run_job
    [ "$status" -eq 0 ]
    (umask 077 && : >victim)
    ln -s victim "$LEDGER-wal"
    run_is_refused 2 "$LEDGER-wal is not ours"
    run -2 --separate-stderr "$ROLLCALL" status job.yaml
    says "$LEDGER-wal is not ours"
}

@test "no output and no ledger stands below a directory that everybody can write to" {
    mkdir -p open/ours
    chmod 777 open
    write_job ledger=open/ours/contoso.ledger
    run_is_refused 2 'everybody can write to the directory open (mode 0777)'
    write_job outputs='{ tokens: { csv: open/ours/tokens.csv } }'
    run_is_refused 2 'everybody can write to the directory open (mode 0777)'
    write_job outputs='{ mapping: open/ours/mapping.csv, tokens: { csv: out/tokens.csv } }'
    run_is_refused 2 'everybody can write to the directory open (mode 0777)'
    is "$(find open -type f)" ''
}

@test "a secret is not read from a directory that others can write to" {
    mkdir open
    (umask 077 && echo "$CONNECTION_STRING" >open/key)
    write_job resource='{ connection_string: { file: open/key } }'
    run_job
    [ "$status" -eq 0 ]
    chmod 777 open
    run_is_refused 2 'the directory open can be written to by others (mode 0777)'
}

@test "a job spec or a plan that everybody can write to is not acted on" {
    "$ROLLCALL" plan job.yaml --out plan.json
    chmod 646 plan.json
    run_is_refused 2 'plan.json can be written to by others (mode 0646)' --plan plan.json
    chmod 600 plan.json
    chmod 666 job.yaml
    run_is_refused 2 'job.yaml can be written to by others (mode 0666)'
    chmod 664 job.yaml
    run_job --plan plan.json
    [ "$status" -eq 0 ]
}

# A page about a run: made from the ledger, whole in itself, and readable for everybody.

setup() {
    load helper
}

teardown() {
    job_teardown
}

# job_with_trouble: 40 users, of whom one has a hostile key, one fails and one create gets lost; throttles as well.
job_with_trouble() {
    cat >"$BATS_TEST_TMPDIR/faults.yaml" <<'FAULTS'
- { operation: create, nth: [5], fault: close_after }
- { operation: create, nth: [9], status: 400 }
- { operation: create, nth: [20, 21], status: 429, retry_after: 1 }
FAULTS
    job_setup --latency 20ms --faults "$BATS_TEST_TMPDIR/faults.yaml"
    write_roster 39
    printf '%b\n' '"<script>alert(""1"")</script> & <b>\u202e",x' >>users.csv
    run_job
    [ "$status" -eq 1 ]
}

# report [options]: of the job; sets status, output and stderr.
report() {
    run --separate-stderr "$ROLLCALL" report job.yaml "$@"
    printf 'exit %s\n%s\n' "$status" "$stderr"
}

@test "the page tells what happened, from the failure to the request ids of what is in doubt" {
    job_with_trouble
    report
    [ "$status" -eq 0 ]
    [[ $output == '<!doctype html>'*'<title>Run 1 of contoso-staff: failed</title>'*'</html>' ]]
    [[ $output == *'<dt>users to act on</dt><dd>40</dd>'*'<dt>done</dt><dd>39</dd>'*'<dt>failed</dt><dd>1</dd>'* ]]
    [[ $output == *'<dt>throttled</dt><dd>2</dd>'* ]]
    [[ $output == *'added<small>'*'<td>40</td><td>39 provisioned</td><td>1</td>'* ]]
    [[ $output == *'HTTP 400'*'What to do:'* ]]
    [[ $output == *"$(sql "SELECT request_id FROM audit WHERE outcome = 'in_doubt'")"* ]]
    [[ $output == *"$(sql "SELECT request_id FROM audit WHERE verdict = 'failed'")"* ]]
    [[ $output != *'<script'* ]]
    # Half of the answers took 20 ms or more, and far less than a second.
    [[ $output =~ 'provision</th><td>40</td><td>'([0-9]+)'</td>' ]]
    [ "${BASH_REMATCH[1]}" -ge 20 ]
    [ "${BASH_REMATCH[1]}" -lt 900 ]
}

@test "on a terminal it asks for a file, and shows no source of a page" {
    job_setup
    write_roster 1
    run_job
    run /usr/bin/python3 "$ROLLCALL_SOURCE/tests/cli/on_terminal.py" - "$ROLLCALL" report job.yaml
    echo "$output"
    [ "$status" -eq 2 ]
    [[ $output == *"hint: rollcall report job.yaml last --out report.html"* ]]
    [[ $output != *"<html"* ]]
}

@test "the page is right for phones and desktops, light and dark, and for those who do not see it" {
    command -v chromium >/dev/null || skip "chromium is not installed"
    job_with_trouble
    report --out report.html
    is "$output" "the report of run 1 is in report.html"
    is "$(mode report.html)" 640
    # The slowest of services.
    sed -i -E '/<th scope="row">provision/s|<td>[0-9,]+</td>|<td>12,345</td>|g' report.html
    grep -q '<td>12,345</td><td>12,345</td><td>12,345</td><td>12,345</td>' report.html
    run "$PYTHON" "$BATS_TEST_DIRNAME/browser.py" report.html
    echo "$output"
    [ "$status" -eq 0 ]
    # And the test sees what is wrong.
    sed -e 's|<h2 id="changes">|<h4 id="changes">|' -e 's|--quiet:#57606a|--quiet:#c0c0c0|' \
        -e 's|<main>|<main><img src="http://127.0.0.1:9/x.png"><p style="width:500px">wide</p>|' report.html >broken.html
    run "$PYTHON" "$BATS_TEST_DIRNAME/browser.py" broken.html
    echo "$output"
    [ "$status" -eq 1 ]
    [[ $output == *'phone, light: wider than the page: '* ]]
    [[ $output != *'desktop, light: wider than the page: '* ]]
    [[ $output == *'light: too little contrast: '* ]]
    [[ $output == *'a heading skips a level'* ]]
    [[ $output == *'image without a name'* ]]
    [[ $output == *'Content Security Policy'* ]]
}

@test "a run is named by its number or as the last one of the job" {
    job_setup
    run_job
    run_job
    write_job name=contoso-other
    run_job
    report
    [[ $output == *'<title>Run 3 of contoso-other: done</title>'* ]]
    write_job
    report last
    [[ $output == *'<title>Run 2 of contoso-staff: done</title>'* ]]
    report 3
    [[ $output == *'<title>Run 3 of contoso-other: done</title>'* ]]
    report 4
    [ "$status" -eq 2 ]
    says "the ledger has no run 4"
    report first
    [ "$status" -eq 2 ]
    says 'a run is its number or the word last, not "first"'
    write_job name=contoso-third
    report
    [ "$status" -eq 2 ]
    says "the ledger has no run of the job contoso-third"
}

@test "a report is not written over a file of the job" {
    job_setup
    run_job
    report --out "$LEDGER"
    [ "$status" -eq 2 ]
    says "--out $LEDGER would write over ledger"
    is "$(sql 'SELECT count(*) FROM runs')" 1
}

@test "a run of many users makes no larger page" {
    job_setup
    run_job
    sql "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
         INSERT INTO audit (at, run, key, action, outcome, attempt, status, code, request_id, elapsed_ms, category, verdict)
         SELECT (SELECT started_at FROM runs) + i * 30, 1, 'user' || i, 'provision',
                CASE i % 5 WHEN 0 THEN 'failed' WHEN 1 THEN 'in_doubt' ELSE 'done' END, 1, 201, 'Code' || i % 100, 'id' || i,
                100 + i % 300, 'added', CASE i % 5 WHEN 0 THEN 'failed' WHEN 1 THEN 'again' ELSE 'done' END FROM n"
    report
    [ "$status" -eq 0 ]
    [ "${#output}" -lt 150000 ]
    [[ $output == *'<dt>requests</dt><dd>100,010</dd>'* ]]
}

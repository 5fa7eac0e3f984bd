# The ready jobs run as they stand, agree with each other, and tell the story of the samples.

setup() {
    load lifecycle_helper
    # shellcheck disable=SC2034 # for helper.bash
    LEDGER=out/contoso.ledger
    mkdir -p "$BATS_TEST_TMPDIR/company/samples"
    cd "$BATS_TEST_TMPDIR/company" || return 1
    cp -R "$ROLLCALL_SOURCE/jobs" .
}

teardown() {
    job_teardown
}

# exported DAY.csv: the roster of that day, whole.
exported() {
    cp "$ROLLCALL_SOURCE/samples/$1" samples/users.csv
}

# branch DAY.csv: the same for a branch of 125 people, who need no waiting for the quotas: on day 1 those of the rows
# below, on day 2 two of the newcomers as well.
branch() {
    awk -F, 'FILENAME != last { last = FILENAME; file++ }
        file == 1 && (FNR == 2 || (FNR > 200 && FNR <= 324)) { here[$1] }
        file == 2 && FNR > 1007 { here[$1] }
        file == 3 && (FNR == 1 || $1 in here)' \
        "$ROLLCALL_SOURCE/samples/users.csv" "$ROLLCALL_SOURCE/samples/day2.csv" \
        <(cat "$ROLLCALL_SOURCE/samples/$1") >samples/users.csv
}

# job NAME [options]: runs it.
job() {
    run --separate-stderr "$ROLLCALL" run "jobs/$1.yaml" "${@:2}"
    show_run
}

# onboarded DAY.csv: a service and a branch that has been onboarded with it.
onboarded() {
    use_emulator
    branch "$1"
    job onboard
    exits 0
}

# common FILE: what a job shares with the others.
common() {
    sed -E 's/ +#.*//; /^#/d; /^$/d; /^name:/d; /^rules:/,/^[a-qs-z]/{ /^(rules:|  )/d }; /^  failures:/d' "$1"
}

@test "every job is valid" {
    local file
    exported users.csv
    for file in jobs/*.yaml jobs/regions/*.yaml; do
        run --separate-stderr "$ROLLCALL" validate --no-secrets "$file"
        show_run
        exits 0
    done
}

@test "the jobs differ in name, rules and failures alone" {
    local file
    [ "$(common jobs/sync.yaml | wc -l)" -gt 10 ]
    for file in jobs/*.yaml; do
        is "$(grep -c . <<<"$(common "$file")")" "$(common jobs/sync.yaml | wc -l)"
        is "$(common "$file")" "$(common jobs/sync.yaml)"
    done
    is "$(grep -h '^name:' jobs/*.yaml | sort -u | wc -l)" 5
    is "$(grep -h '^  failures:' jobs/*.yaml | sed 's/ *#.*//' | sort -u | wc -l)" 5
}

@test "onboard.yaml onboards a company of 1,000 and sends nothing the second time" {
    use_emulator --limits published
    exported users.csv
    job onboard
    exits 0
    says "1000 provisioned"
    is "$(stats '.identities.active, .tokens.live' | xargs)" "1000 1000"
    is "$(rows out/mapping.csv | wc -l)" 1000
    is "$(rows out/tokens.csv | wc -l)" 1000
    sends 0 job onboard
    exits 0
}

@test "rotate.yaml renews the tokens that end soon and no others" {
    onboarded users.csv
    sends 0 job rotate
    exits 0
    token_ends switchboard@contoso.example 39600
    token_ends paul.uenal@contoso.example -60
    sends 2 job rotate
    exits 0
    is "$(done_to switchboard@contoso.example)" "provision issue"
    is "$(done_to paul.uenal@contoso.example)" "provision issue"
}

@test "rotate.yaml leaves users who came, left or changed their passwords to the other jobs" {
    onboarded users.csv
    branch day4-right.csv
    sends 0 job rotate
    exits 0
}

@test "password-reset.yaml revokes the old tokens and issues a new one" {
    onboarded day2.csv
    branch day3.csv
    sends 2 job password-reset
    exits 0
    is "$(done_to paul.uenal@contoso.example)" "provision revoke issue"
    stands paul.uenal@contoso.example active active 1
    sends 0 job password-reset
}

@test "a token that is rotated does not make a change of password forgotten" {
    onboarded day2.csv
    branch day3.csv
    token_ends paul.uenal@contoso.example 600
    sends 1 job rotate
    sends 2 job password-reset
    exits 0
    is "$(done_to paul.uenal@contoso.example)" "provision issue revoke issue"
    stands paul.uenal@contoso.example active active 1
}

@test "offboard.yaml cuts off at once who left, and deletes 30 days later" {
    onboarded day3.csv
    branch day4-right.csv
    job offboard
    exits 0
    says "2 revoked"
    stands liam.schaefer@contoso.example revoked active 0
    gone_for liam.schaefer@contoso.example $((30 * 86400 - 60))
    sends 0 job offboard
    gone_for liam.schaefer@contoso.example $((30 * 86400 + 60))
    sends 1 job offboard
    exits 0
    stands liam.schaefer@contoso.example deleted deleted 0
}

@test "offboard.yaml gives who is back in time a token for the old identity" {
    onboarded users.csv
    local identity
    identity=$(identity_of ulla.oeztuerk@contoso.example)
    branch day3.csv
    job offboard
    stands ulla.oeztuerk@contoso.example revoked active 0
    branch day4-right.csv
    job offboard
    exits 0
    stands ulla.oeztuerk@contoso.example active active 1
    is "$(identity_of ulla.oeztuerk@contoso.example)" "$identity"
}

@test "every job refuses an export that was cut in half" {
    use_emulator
    exported users.csv
    job onboard
    exported day4.csv
    local name
    for name in onboard rotate password-reset offboard sync; do
        sends 0 job "$name"
        exits 3
        says "limits.shrink (10%)"
    done
}

@test "who is protected is not cut off, and the run sends nothing" {
    onboarded day3.csv
    sed -i '/^switchboard@/d' samples/users.csv
    sends 0 job offboard
    exits 3
    says "switchboard@contoso.example"
}

@test "sync.yaml does what the four others do, and leaves them nothing to do" {
    onboarded users.csv
    branch day3.csv
    token_ends switchboard@contoso.example 600
    # Two came, two left, one changed the password, one token ends.
    sends 7 job sync
    exits 0
    says "2 provisioned"
    stands ulla.oeztuerk@contoso.example revoked active 0
    is "$(done_to paul.uenal@contoso.example)" "provision revoke issue"
    is "$(done_to switchboard@contoso.example)" "provision issue"
    local name
    for name in onboard rotate password-reset offboard sync; do
        sends 0 job "$name"
        exits 0
    done
}

@test "the four jobs together do what sync.yaml does, and leave it nothing to do" {
    onboarded users.csv
    branch day3.csv
    token_ends switchboard@contoso.example 600
    local name
    for name in rotate password-reset offboard onboard; do
        job "$name"
        exits 0
    done
    # 125 and two newcomers; two have left, and the old token of the one that was renewed is good until its end.
    is "$(stats '.identities.active, .tokens.live' | xargs)" "127 126"
    sends 0 job sync
    exits 0
}

@test "regions/sync.yaml keeps each user in the resource of its region, and moves who changes it" {
    use_emulator --seed us
    export ACS_US=$CONNECTION_STRING
    use_emulator --seed emea
    export ACS_EMEA=$CONNECTION_STRING
    job regions/sync
    exits 0
    is "$(column 1,5 out/regions-mapping.csv | sort)" "$(sed -E '1d; s/,.*,(emea|us),/,\1,/' jobs/regions/users.csv | cut -d, -f1,2 | sort)"
    sed -i '/^paul/s/,emea,/,us,/' jobs/regions/users.csv
    job regions/sync --yes
    exits 3
    says "limits.delete (5%)"
    job regions/sync --yes --allow delete=1
    exits 0
    is "$(awk -F, '/^paul/ { print $5 }' out/regions-mapping.csv)" us
    is "$(stats '"\(.identities.active) \(.identities.deleted)"')" "2 1"
}

@test "the rosters are those that the generator makes" {
    local file
    mkdir made
    "$ROLLCALL_SOURCE/samples/make-rosters.sh" made
    for file in users day2 day3 day4 day4-right; do
        cmp "made/$file.csv" "$ROLLCALL_SOURCE/samples/$file.csv"
    done
}

@test "the quickstart tells its story twice in a row, from any directory" {
    # Without quotas: the waiting has tests of its own.
    local file
    cp "$ROLLCALL_SOURCE"/samples/* samples
    for file in jobs/*.yaml; do
        echo 'engine: { quotas: { create: none, issue: none, revoke: none, delete: none } }' >>"$file"
    done
    sed -i 's/--limits published --latency 100ms/--limits none/' samples/quickstart.sh
    cd /
    for _ in first second; do
        run --separate-stderr env ROLLCALL_BIN="$ROLLCALL_BIN" "$BATS_TEST_TMPDIR/company/samples/quickstart.sh"
        show_run
        exits 0
        [[ $output == *"1000 provisioned"*"14 provisioned, 6 revoked"*"1008 issued"*"9 issued, 9 revoked"* ]]
        [[ $output == *"limits.shrink"*"(exit status 3)"*"1 issued, 12 revoked"*"997 active, 17 revoked"* ]]
    done
    # The emulator removes this file when it ends.
    [ ! -e "$BATS_TEST_TMPDIR/company/out/quickstart/ready" ]
}

@test "the lines that the quickstart itself prints fit on 80 columns" {
    is "$(grep -E '^(say|    ")' "$ROLLCALL_SOURCE/samples/quickstart.sh" | awk 'length > 85')" ""
}

@test "a job that is mounted as Kubernetes mounts it runs" {
    # A ConfigMap's files are links into a directory of links; the volume belongs to a group that may write.
    onboarded users.csv
    rm -r out
    mkdir mounted mounted/..2026
    mv jobs/onboard.yaml mounted/..2026
    ln -s ..2026 mounted/..data
    ln -s ..data/onboard.yaml mounted/onboard.yaml
    rm -r jobs
    mv mounted jobs
    chmod 2775 .
    job onboard
    exits 0
}

@test "a job spec stands in a directory that everybody can write to only where that is mounted to be read" {
    # A ConfigMap's directory has mode 0777.
    local mounted=(unshare -m)
    onboarded users.csv
    chmod 777 jobs
    job onboard
    [ "$status" -eq 2 ]
    says 'everybody can write to the directory jobs (mode 0777)'
    [ "$(id -u)" -eq 0 ] || mounted=(unshare -rm)
    mounted+=(sh -ec 'mount --bind jobs jobs; mount -o remount,bind,ro jobs; exec "$@"' mounted)
    "${mounted[@]}" true || skip "nothing can be mounted here"
    printf '#!/bin/bash\nexec %s "$@"\n' "${mounted[*]@Q} ${ROLLCALL@Q}" >rollcall-mounted
    chmod +x rollcall-mounted
    ROLLCALL=$PWD/rollcall-mounted job onboard
    exits 0
}

@test "the schedules name jobs that are there" {
    local name
    while read -r name; do
        [ -e "./$name" ]
    done < <(grep -ohE '/jobs/[a-z-]+\.yaml' jobs/cron/rollcall jobs/kubernetes/*.yaml)
    [ "$(grep -c '^[*0-9].* rollcall run --quiet ' jobs/cron/rollcall)" -eq 4 ]
    grep -q '^  concurrencyPolicy: Forbid' jobs/kubernetes/rotate-cronjob.yaml
}

@test "systemd takes the units" {
    command -v systemd-analyze >/dev/null || skip "needs systemd-analyze"
    # The program need not be installed here.
    sed -i "s,^ExecStart=[^ ]*,ExecStart=$ROLLCALL," jobs/systemd/*.service
    systemd-analyze verify --man=no "$PWD"/jobs/systemd/rollcall-rotate.service "$PWD"/jobs/systemd/rollcall-rotate.timer
}

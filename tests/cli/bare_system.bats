# The package in a bare Debian 12: it installs with nothing but what it depends on, and the README's example runs there.

bats_require_minimum_version 1.5.0

# The system is made by the first test. (What setup_file skips, bats 1.8 takes for a failure.)
setup() {
    load helper
    [ "$(id -u)" -eq 0 ] || skip "making a system takes root"
    ! is_sanitized || skip "a sanitizer's leak checker finds no /proc in a system that nobody has booted"
    BARE=$BATS_FILE_TMPDIR/bare
    [ -e "$BATS_FILE_TMPDIR/is_made" ] || make_system
}

make_system() {
    local mirror
    rm -rf "$BARE"
    mirror=$(apt-get indextargets --format '$(REPO_URI)' "Codename: bookworm" "Created-By: Packages" | head -n 1)
    debootstrap --variant=minbase bookworm "$BARE" "$mirror" >"$BATS_FILE_TMPDIR/log" 2>&1 ||
        { tail "$BATS_FILE_TMPDIR/log" "$BARE/debootstrap/debootstrap.log" >&2; return 1; }
    cp /etc/resolv.conf "$BARE/etc"
    (cd "$ROLLCALL_BIN" && cpack -G DEB -B "$BARE/tmp" >"$BATS_FILE_TMPDIR/log" 2>&1) ||
        { cat "$BATS_FILE_TMPDIR/log" >&2; return 1; }
    inside 'apt-get install -y --no-install-recommends /tmp/rollcall_*.deb' >"$BATS_FILE_TMPDIR/log" 2>&1 ||
        { tail "$BATS_FILE_TMPDIR/log" >&2; return 1; }
    touch "$BATS_FILE_TMPDIR/is_made"
}

# inside COMMANDS: in the bare system, with nothing of this one's environment.
inside() {
    chroot "$BARE" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive \
        bash -ec "$1"
}

# inside_with_emulator COMMANDS: the same, with COMMUNICATION_SERVICES_CONNECTION_STRING of an emulator that ends with them.
inside_with_emulator() {
    inside "rm -f /tmp/ready
        acs-identity-emulator --listen 127.0.0.1:0 --ready-file /tmp/ready >/tmp/emulator.log 2>&1 3>&- &
        trap 'kill %1; wait' EXIT
        until [ -s /tmp/ready ]; do kill -0 %1; sleep 0.05; done
        export COMMUNICATION_SERVICES_CONNECTION_STRING=\$(cat /tmp/ready)
        $1"
}

@test "the programs and their manuals are there" {
    inside 'rollcall --version; acs-identity-emulator --version; test -s /usr/share/man/man1/rollcall.1.gz'
}

@test "the README's example onboards a company, and the second run sends nothing" {
    mkdir "$BARE/srv/example"
    sed -n '/^## A job/,/^```$/{/^```/!{/^## /!p}}' "$ROLLCALL_SOURCE/README.md" >"$BARE/srv/example/job.yaml"
    cp "$ROLLCALL_SOURCE/samples/users.csv" "$BARE/srv/example"
    run --separate-stderr inside_with_emulator 'cd /srv/example
        rollcall validate job.yaml
        rollcall plan job.yaml
        rollcall run job.yaml
        rollcall run job.yaml
        rollcall status job.yaml
        wc -l out/mapping.csv'
    echo "$output $stderr"
    [ "$status" -eq 0 ]
    [[ $stderr == *"1000 provisioned"*"nothing to do"* ]]
    [[ $output == *"1000 active"*"1001 out/mapping.csv" ]]
}

@test "the schedules of systemd and cron run the rotation as it is, as they set it up" {
    # What the service's comment tells an administrator to do, as root.
    inside 'adduser --version >/dev/null 2>&1 || apt-get install -y --no-install-recommends adduser >/dev/null 2>&1
        echo placeholder >connection-string
        mkdir -p /etc/rollcall /etc/systemd/system
        '"$(sed -n 's/^#   //p' "$ROLLCALL_SOURCE/jobs/systemd/rollcall-rotate.service" | sed 's/ && systemctl.*//')"'
        '"$(sed -n 's/^#   //p' "$ROLLCALL_SOURCE/jobs/cron/rollcall")"'
        cp /usr/share/rollcall/samples/users.csv /srv/rollcall/samples
        chown -R rollcall: /srv/rollcall/samples'
    local command cron
    command=$(sed -n 's/^ExecStart=//p' "$ROLLCALL_SOURCE/jobs/systemd/rollcall-rotate.service")
    cron=$(sed -n 's/^.* rollcall  \(rollcall .*rotate.yaml\)$/\1/p' "$ROLLCALL_SOURCE/jobs/cron/rollcall")
    [ -n "$command" ] && [ -n "$cron" ]
    run --separate-stderr inside_with_emulator '
        as_rollcall() { setpriv --reuid=rollcall --regid=rollcall --clear-groups env -i PATH="$PATH" "$@"; }
        cd /
        credentials=/etc/rollcall/credentials
        printf %s "$COMMUNICATION_SERVICES_CONNECTION_STRING" >$credentials/COMMUNICATION_SERVICES_CONNECTION_STRING
        mkdir /run/credentials
        cp $credentials/* /run/credentials
        chown -R rollcall: /run/credentials
        chmod 400 /run/credentials/*
        as_rollcall CREDENTIALS_DIRECTORY=/run/credentials rollcall run --quiet /srv/rollcall/jobs/onboard.yaml
        as_rollcall CREDENTIALS_DIRECTORY=/run/credentials '"$command"'
        as_rollcall CREDENTIALS_DIRECTORY=$credentials '"$cron"'
        as_rollcall rollcall status /srv/rollcall/jobs/rotate.yaml'
    echo "$output $stderr"
    [ "$status" -eq 0 ]
    [[ $output == *"1000 active"* ]]
    [ "$(grep -c contoso-rotate <<<"$output")" -eq 2 ]
}

# disk_helper.bash - a small disk for a test: a file system in memory that only this test sees, and that ends with it.

# shellcheck disable=SC2034,SC2154 # names of helper.bash

ON_DISK=()

# disk_start SIZE: mounts one of that size at ./disk, in a mount namespace of its own; what uses it runs by way of on_disk.
disk_start() {
    local as=() ready
    [ "$(id -u)" -eq 0 ] || as=(--user --map-root-user)
    mkdir disk
    mkfifo disk.ready
    # shellcheck disable=SC2016
    "${ENDS_WITH_TEST[@]}" unshare --mount "${as[@]}" sh -c \
        'mount -t tmpfs -o size="$0",mode=700 disk disk && echo ready && exec sleep infinity' "$1" >disk.ready 2>disk.err 3>&- &
    DISK_PID=$!
    read -r ready <disk.ready || skip "no file system can be mounted here: $(cat disk.err)"
    [ "$ready" = ready ]
    [ ${#as[@]} -eq 0 ] || as=(--user --preserve-credentials)
    # shellcheck disable=SC2016
    ON_DISK=(nsenter --mount --target "$DISK_PID" "${as[@]}" sh -c 'cd "$0" && exec "$@"' "$PWD")
}

# disk_end: for teardown.
disk_end() {
    [ -n "${DISK_PID-}" ] || return 0
    kill -KILL "$DISK_PID" 2>/dev/null || true
    wait "$DISK_PID" 2>/dev/null || true
    DISK_PID=
}

# on_disk COMMAND...: where there is a disk, with it in place; always in this directory.
on_disk() {
    "${ON_DISK[@]}" "$@"
}

# disk_is OPTIONS: changes it, e.g. size=1m, or ro.
disk_is() {
    on_disk mount -o "remount,$1" disk
}

# disk_fill_but KIB: until so much is left.
disk_fill_but() {
    # shellcheck disable=SC2016
    on_disk sh -c 'cat /dev/zero >disk/filler 2>/dev/null; truncate -s -"$0"K disk/filler' "$1"
}

# run_job, start_job and sql of helper.bash, with the disk in place.
run_job() {
    run --separate-stderr on_disk "$ROLLCALL" run job.yaml "$@"
    show_run
}

start_job() {
    "${ENDS_WITH_TEST[@]}" "${ON_DISK[@]}" "$ROLLCALL" run job.yaml "$@" >run.out 2>run.err 3>&- &
    RUN_PID=$!
}

sql() {
    on_disk sqlite3 -batch -bail -cmd '.timeout 5000' "$LEDGER" "$1"
}

# everybody_is_known COUNT: the service has so many identities, and they are those of the ledger.
everybody_is_known() {
    on_disk "$ROLLCALL" export job.yaml --columns identity_id >export.csv
    rows export.csv | sort >known
    is "$(wc -l <known)" "$1"
    emulator_identities .id | sort | diff known -
}

# nobody_is_doubled COUNT: that, and nobody was ever in doubt.
nobody_is_doubled() {
    everybody_is_known "$1"
    is "$(sql "SELECT count(*) FROM audit WHERE outcome = 'in_doubt'")" 0
}

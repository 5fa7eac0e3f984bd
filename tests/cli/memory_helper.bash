# memory_helper.bash - what a run has in its memory when it has done everything.

load helper

needs_to_read_memory() {
    [ "$(id -u)" -eq 0 ] || skip "only root can read the memory of a process that is not dumpable"
    ! is_sanitized || skip "a sanitizer keeps what is freed"
}

# memory_setup [emulator options]: the connection string comes from a file, because an environment stays in memory; and a
# rollcall that is loaded by way of stop.so stops when its main() has returned. (The programs that it starts do not.)
memory_setup() {
    emulator_stop_all
    use_emulator --limits none "$@"
    (umask 077 && printf '%s' "$CONNECTION_STRING" >connection)
    unset COMMUNICATION_SERVICES_CONNECTION_STRING CONNECTION_STRING
    write_roster 300
    write_memory_job
    echo "$KEY" >key
    cc -shared -fPIC -x c -o stop.so - <<'END'
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
__attribute__((destructor)) static void stop(void)
{
    if (strcmp(program_invocation_short_name, "rollcall") == 0)
        raise(SIGSTOP);
}
END
}

# write_memory_job [KEY=VALUE...]: a job for it.
write_memory_job() {
    local trust=
    [ -z "$CERTIFICATE" ] || trust=", ca_file: $CERTIFICATE"
    write_job resource="{ connection_string: { file: connection }$trust }" \
        engine='{ concurrency: 8, quotas: { create: none, issue: none } }' "$@"
}

# is_stopped: the run is.
is_stopped() {
    grep -q '^State:.*T' "/proc/$RUN_PID/status"
}

# in_memory FILE...: prints which secrets of the files the run has in its memory; fails when there are any.
in_memory() {
    "$PYTHON" "$BATS_TEST_DIRNAME/find_in_memory.py" "$RUN_PID" "$@"
}

# run_to_its_end [options]: a run that has done everything and still exists.
run_to_its_end() {
    LD_PRELOAD=$PWD/stop.so start_job "$@"
    wait_until 60 is_stopped
    cat run.err
}

# forgets LEAST [FILE...]: the run has neither the key nor a token of its tokens file in its memory, of which there are so many at
# least, nor a secret of the files; and then it ends.
forgets() {
    local least=$1
    shift
    column 3 out/tokens.csv >>tokens
    [ "$(sort -u tokens | wc -l)" -ge "$least" ]
    in_memory key tokens "$@"
    kill -CONT "$RUN_PID"
    end_job
}

# tells_what_it_holds: the search finds what is there, here a variable of the environment.
tells_what_it_holds() {
    echo 'env-that-shows-the-search-works' >marker
    run -1 in_memory marker
}

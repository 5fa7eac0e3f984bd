# postgres_helper.bash - a PostgreSQL server of the test file's own: a database in a temporary directory, reached by a
# socket there. Its programs do not run as root, so root lends them the user that their package makes.

# as_postgres COMMAND...
as_postgres() {
    if [ "$(id -u)" -eq 0 ]; then
        setpriv --reuid=postgres --regid=postgres --clear-groups --inh-caps=-all env HOME="$PG_HOME" "$@"
    else
        "$@"
    fi
}

# postgres_start: in setup_file(). PG_HOME is short, because a socket's path must be.
postgres_start() {
    PG_HOME=$(mktemp -d /tmp/rollcall-pg.XXXXXX)
    PG_BIN=$(dirname "$(ls /usr/lib/postgresql/*/bin/postgres | tail -n 1)")
    export PG_HOME PG_BIN
    chmod 755 "$PG_HOME"
    [ "$(id -u)" -ne 0 ] || chown postgres "$PG_HOME"
    as_postgres "$PG_BIN/initdb" -D "$PG_HOME/data" -U postgres -A trust --no-sync --no-locale -E UTF8 \
        >"$PG_HOME/initdb.log"
    postgres_up
}

# postgres_up [ADDRESSES [OPTIONS]]: starts it, again perhaps, and waits until it answers.
postgres_up() {
    (cd / && as_postgres "$PG_BIN/pg_ctl" -D "$PG_HOME/data" -l "$PG_HOME/log" -w -t 60 -s \
        -o "-k $PG_HOME -c listen_addresses='${1-}' ${2-} -c fsync=off -c max_connections=20 -c shared_buffers=16MB" start) 3>&- 4>&-
}

# postgres_down: as a crash does it.
postgres_down() {
    (cd / && as_postgres "$PG_BIN/pg_ctl" -D "$PG_HOME/data" -m immediate -w -t 60 -s stop)
}

# postgres_stop: in teardown_file().
postgres_stop() {
    postgres_down || true
    rm -rf "$PG_HOME"
}

# pg SQL: what the database answers.
pg() {
    "$PG_BIN/psql" -h "$PG_HOME" -U postgres -d "${PG_DATABASE-postgres}" -XAtq -v ON_ERROR_STOP=1 -c "$1"
}

"""The places that a job's tokens may go to: what its spec says of them, and what is found there afterwards."""

import atexit
import csv
import functools
import itertools
import json
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess
import tempfile
import threading

POSTGRES_HELPER = pathlib.Path(__file__).parent.parent / "cli" / "postgres_helper.bash"
POSTGRES_VARIABLE = "CHAOS_DATABASE"


def once(make):
    """What is made by the first thread that asks for it."""
    lock, made = threading.Lock(), functools.cache(make)

    def get():
        with lock:
            return made()

    return get


class Sink:
    """One of a job's own. Its `spec`, as text for job.yaml; and `found`: (key, token) for each row there, the older ones first.

    `keeps` says what of a user is found: the "last" token alone, "every" one, or every one in "any" order."""

    keeps = "last"
    spec = None

    def found(self, home):
        raise NotImplementedError


class Csv(Sink):
    spec = "csv: out/tokens.csv"

    def found(self, home):
        with open(home / "out" / "tokens.csv", newline="") as file:
            return [(row["user_id"], row["token"]) for row in csv.DictReader(file)]


def from_json(text):
    return [(row["user_id"], row["token"]) for row in map(json.loads, text.splitlines())]


class Ndjson(Sink):
    spec = "ndjson: out/tokens.ndjson"

    def found(self, home):
        return from_json((home / "out" / "tokens.ndjson").read_text())


class Command(Sink):
    """A program that outlives a killed run may store what it was given after what the next run gives."""

    keeps = "any"
    spec = "command: [sh, -c, 'cat >>stored'], batch: 2"

    def found(self, home):
        return from_json((home / "stored").read_text())


class Sqlite(Sink):
    spec = "sqlite: out/tokens.db"

    def found(self, home):
        database = sqlite3.connect(home / "out" / "tokens.db")
        try:
            return database.execute("SELECT user_id, token FROM acs_tokens").fetchall()
        finally:
            database.close()


@once
def recipient():
    """A certificate and its key, for as long as this program runs."""
    home = pathlib.Path(tempfile.mkdtemp(prefix="rollcall-chaos."))
    atexit.register(shutil.rmtree, home)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=chaos",
                    "-keyout", home / "key.pem", "-out", home / "certificate.pem"], check=True, capture_output=True)
    return home / "certificate.pem", home / "key.pem"


class Sealed(Sink):
    """A file a run, all of which are read."""

    keeps = "every"

    @property
    def spec(self):
        return f"ndjson: out/sealed.ndjson, encrypt: {recipient()[0]}"

    def found(self, home):
        def moment(path):
            at, number = re.fullmatch(r"sealed-(\d+T\d+Z)-?(\d*)\.ndjson\.cms", path.name).groups()
            return at, int(number or 1)

        rows = []
        for path in sorted((home / "out").glob("sealed-*"), key=moment):
            rows += from_json(subprocess.run(["openssl", "cms", "-decrypt", "-inform", "DER", "-in", path, "-inkey", recipient()[1]],
                                             check=True, capture_output=True, text=True).stdout)
        return rows


@once
def postgres():
    """A server of our own, for as long as this program runs: where its programs and its socket are."""
    def helper(command):
        return subprocess.run(["bash", "-c", f"set -e; source {POSTGRES_HELPER}; {command}"], check=True, capture_output=True, text=True).stdout

    programs, home = helper('postgres_start >/dev/null; echo "$PG_BIN" "$PG_HOME"').split()
    atexit.register(helper, f"export PG_BIN={programs} PG_HOME={home}; postgres_stop")
    os.environ[POSTGRES_VARIABLE] = f"host={home} user=postgres"
    return programs, home


class Postgres(Sink):
    """A table of the job's own."""

    numbers = itertools.count(1)

    def __init__(self):
        self.table = f"tokens_{next(self.numbers)}"
        self.spec = f"postgres: {{ env: {POSTGRES_VARIABLE} }}, table: {self.table}"
        self.ask(f"CREATE TABLE {self.table} (user_id text PRIMARY KEY, identity_id text, token text, expires_at timestamptz)")

    def ask(self, sql):
        programs, home = postgres()
        return subprocess.run([f"{programs}/psql", "-h", home, "-U", "postgres", "-XAtqF,", "-v", "ON_ERROR_STOP=1", "-c", sql],
                              check=True, capture_output=True, text=True).stdout.splitlines()

    def found(self, home):
        return [tuple(line.split(",")) for line in self.ask(f"SELECT user_id, token FROM {self.table}")]

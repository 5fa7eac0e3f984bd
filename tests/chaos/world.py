"""One job, its emulator, and what must hold between them after whatever happened."""

import base64
import collections
import csv
import hashlib
import json
import os
import pathlib
import re
import shutil
import sqlite3
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.request
import zlib

import sinks

BIN = pathlib.Path(os.environ.get("ROLLCALL_BIN", "build/ci")).resolve()
SANITIZED = re.search(b"__[at]san_init", (BIN / "rollcall").read_bytes()) is not None
KEY_VARIABLE = "CHAOS_CONNECTION_STRING"


class Broken(AssertionError):
    """An invariant does not hold."""


def check(condition, message):
    if not condition:
        raise Broken(message)


def variable(name):
    """The one with the connection string of a resource."""
    return name.upper() or KEY_VARIABLE


class Emulator:
    """One of our own, whose connection string is in a variable."""

    def __init__(self, home, *options, tls=False, variable=KEY_VARIABLE):
        self.home = pathlib.Path(home)
        self.certificate = self.home / "acs-identity-emulator.crt" if tls else None
        if tls:
            options += ("--tls", "--tls-dir", self.home)
        ready = self.home / "ready"
        self.log = open(self.home / "emulator.log", "ab")
        # It ends with us, however we end.
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", BIN / "acs-identity-emulator", "--listen", "127.0.0.1:0", "--ready-file", ready, "--remember-request-ids",
             *options], stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 30
        while not ready.exists():
            check(self.process.poll() is None and time.monotonic() < deadline, "the emulator does not start")
            time.sleep(0.01)
        self.connection_string = ready.read_text().strip()
        self.environment = {variable: self.connection_string}
        self.url = self.connection_string.split("endpoint=")[1].split(";")[0].rstrip("/")

    def get(self, what):
        deadline = time.monotonic() + 30  # it may be refusing connections, or show another certificate
        trust = ssl.create_default_context(cafile=self.certificate) if self.certificate else None
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/_emulator/{what}", context=trust) as answer:
                    return answer.read().decode()
            except OSError:
                check(time.monotonic() < deadline, "the emulator does not answer")
                time.sleep(0.05)

    def stats(self):
        return json.loads(self.get("stats"))

    def identities(self):
        """By id."""
        return {i["id"]: i for i in map(json.loads, self.get("identities").splitlines())}

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


class Emulators:
    """One for each resource of a job, as if they were one; "" is the name of its only one."""

    def __init__(self, home, names, *options, seed="", tls=False):
        self.each = {}
        self.environment = {}
        for name in names:
            folder = pathlib.Path(home) / name
            folder.mkdir(exist_ok=True)
            seeded = ("--seed", seed + name) if seed + name else ()
            self.each[name] = Emulator(folder, *seeded, *options, tls=tls, variable=variable(name))
            self.environment |= self.each[name].environment
            self.certificate = self.each[name].certificate

    def faults(self):
        """How many were played."""
        return sum(sum(emulator.stats()["faults"].values()) for emulator in self.each.values())

    def identities(self):
        return {identity: {**facts, "resource": name} for name, emulator in self.each.items()
                for identity, facts in emulator.identities().items()}

    def stop(self):
        for emulator in self.each.values():
            emulator.stop()


class Job:
    """A directory with job.yaml, users.csv and what a run makes of them. `tokens` go to places of sinks.py."""

    is_listed = True  # the service can be asked for its identities

    def __init__(self, home, emulator, spec, tokens=(sinks.Csv,)):
        self.home = pathlib.Path(home)
        self.home.mkdir(mode=0o700, exist_ok=True)
        self.emulator = emulator
        self.sinks = [kind() for kind in tokens]
        places = ", ".join(f"{{ {sink.spec} }}" for sink in self.sinks)
        (self.home / "job.yaml").write_text(spec.replace(TOKENS, f"[{places}]"))

    def roster(self, rows):
        """rows: key -> value of the watched column, or that and a resource."""
        with open(self.home / "users.csv.new", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["user_id", "name", "password_changed_at", "region"])
            for key, row in rows.items():
                writer.writerow([key, f"Name of {key}", *(row if isinstance(row, tuple) else (row, ""))])
        os.replace(self.home / "users.csv.new", self.home / "users.csv")

    def run(self, *arguments, command="run", environment=None, timeout=300, preexec_fn=None):
        """What subprocess.run() returns, and took_s and peak_mib: how long it took, and what memory it had at most."""
        with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as said:
            begin = time.monotonic()
            process = subprocess.Popen(
                [BIN / "rollcall", command, "job.yaml", *arguments], cwd=self.home, stdin=subprocess.DEVNULL, stdout=output,
                stderr=said, preexec_fn=preexec_fn,
                env={**os.environ, **self.emulator.environment, **(environment or {})})
            end = threading.Timer(timeout, process.kill)
            end.start()
            _, status, usage = os.wait4(process.pid, 0)
            end.cancel()
            process.returncode = os.waitstatus_to_exitcode(status)
            took_s = time.monotonic() - begin
            if took_s >= timeout:
                raise subprocess.TimeoutExpired(process.args, timeout)
            output.seek(0)
            said.seek(0)
            result = subprocess.CompletedProcess(process.args, process.returncode, output.read(), said.read())
            result.took_s = took_s
            result.peak_mib = usage.ru_maxrss / 1024
            return result

    def start(self, *arguments):
        return subprocess.Popen(
            [BIN / "rollcall", "run", "job.yaml", "--quiet", *arguments], cwd=self.home, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=open(self.home / "run.err", "w"),
            env={**os.environ, **self.emulator.environment})

    def query(self, sql, *values):
        path = self.home / "chaos.ledger"
        if not path.exists():
            return []
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    def has_table(self, name):
        return bool(self.query("SELECT 1 FROM sqlite_master WHERE name = ?", name))

    def runs(self):
        """How many of them have begun."""
        return self.query("SELECT count(*) FROM runs")[0][0] if self.has_table("runs") else 0

    def prints(self, rows):
        """The fingerprints of these users' tokens that count."""
        return {row[3] for key, row in self.ledger().items() if row[3] and key in rows} if self.has_table("identities") else set()

    def check(self, rows, custom_id=False):
        """What must hold after a run that came to its end."""
        return check_world(self, rows, custom_id)

    def ledger(self):
        """key -> (identity, state, token end, fingerprint)"""
        return {row[0]: row[1:] for row in self.query(
            "SELECT key, identity, state, token_expires_at, token_fingerprint FROM identities")}

    def places(self):
        """key -> name of the resource that has the identity"""
        return dict(self.query("SELECT key, r.name FROM identities i JOIN resources r ON r.id = i.resource"))

    def in_doubt(self):
        """request id -> key of each create that `status` lists as in doubt"""
        result = self.run("--json", command="status")
        return {create["request_id"]: create["key"] for create in json.loads(result.stdout)["in_doubt"]}

    def csv(self, name):
        path = self.home / "out" / name
        if not path.exists():
            return []
        with open(path, newline="") as file:
            return list(csv.DictReader(file))


TEAMS_APP = "1b2c3d4e-0000-4000-8000-00000000000a"


class TeamsJob(Job):
    """One that exchanges the tokens of Teams users."""

    is_listed = False

    def roster(self, rows):
        """rows: their keys are the users."""
        with open(self.home / "users.csv.new", "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write("user_id,object_id,entra_token\n")
            for key in rows:
                claims = {"oid": f"00000000-0000-4000-8000-{zlib.crc32(key.encode()):012x}", "appid": TEAMS_APP, "exp": int(time.time()) + 3600}
                payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
                file.write(f"{key},{claims['oid']},e30.{payload}.c2lnbmF0dXJl\n")
        os.replace(self.home / "users.csv.new", self.home / "users.csv")

    def check(self, rows, custom_id=False):
        ledger = self.ledger()
        for key in rows:
            check(key in ledger and ledger[key][1] == "active", f"{key} is not active in the ledger")
        check(not self.in_doubt(), "an exchange is in doubt")
        check_outputs(self, rows, ledger)


TOKENS = "TOKENS"  # stands in a spec for the sinks, which are each job's own
SPEC = """version: 1
name: chaos
{resources}
ledger: chaos.ledger
roster: {{ csv: users.csv, key: user_id{column} }}
token: {{ {token} }}
rules: {{ {rules} }}
limits: {{ delete: 100%, revoke: 100%, shrink: 100% }}
outputs: {{ mapping: out/mapping.csv, tokens: TOKENS, failures: out/failures.csv }}
engine: {{ concurrency: {concurrency}, quotas: {{ create: none, issue: none, revoke: none, delete: none }}{engine} }}
"""


def resource(emulator, custom_id):
    """What the spec's resource has beside its connection string."""
    return (", custom_id: true" if custom_id else "") + (f", ca_file: {emulator.certificate}" if emulator.certificate else "")


RULES = ("added: provision, changed: [revoke, issue], expiring: {{ within: 6h, do: issue }}, removed: {removed}, lost: provision"
         "{moved}")
OF_TEAMS = {"column": ", teams_token_column: entra_token, teams_user_column: object_id", "token": f"teams_app_id: {TEAMS_APP}",
            "rules": "added: exchange, expiring: { within: 30m, do: exchange }"}


def spec(resource="", removed="delete", concurrency=8, engine="", regions=(), teams=False):
    """Of a job with one resource, or with several `regions`, which users may move between; or of one of a TeamsJob."""
    each = ", ".join(f"{region}: {{ connection_string: {{ env: {variable(region)} }}{resource} }}" for region in regions)
    moved = ", moved: [delete, provision]" if regions else ""
    usual = {"column": ", watch: [password_changed_at]" + (", resource_column: region" if regions else ""), "token": "scopes: [chat]",
             "rules": RULES.format(removed=removed, moved=moved)}
    return SPEC.format(
        resources=f"resources: {{ {each} }}" if regions else f"resource: {{ connection_string: {{ env: {KEY_VARIABLE} }}{resource} }}",
        concurrency=concurrency, engine=engine, **(OF_TEAMS if teams else usual))


def check_sink(job, sink, rows, ledger):
    """Each user's token that counts as delivered is found there, and where one takes the other's place, it alone."""
    name = type(sink).__name__
    found = collections.defaultdict(list)
    for key, token in sink.found(job.home):
        found[key].append(hashlib.sha256(token.encode()).digest()[:16])
    for key, prints in found.items():
        check(sink.keeps != "last" or len(prints) == 1, f"{key} stands in {name} {len(prints)} times")
    for key in rows:
        _, _, expires, fingerprint = ledger[key]
        check(expires, f"{key} has no token")
        check(key in found, f"{key}'s token counts as delivered and is not in {name}")
        there = found[key] if sink.keeps == "any" else found[key][-1:]
        check(fingerprint is None or fingerprint in there, f"{key}'s token in {name} is not the delivered one")


def check_world(job, rows, custom_id=False):
    """After a run that came to its end: ledger, outputs and service agree on the users of `rows`."""
    ledger = job.ledger()
    service = job.emulator.identities()
    in_doubt = job.in_doubt()

    # Nobody is lost or doubled.
    for key in rows:
        check(key in ledger, f"{key} has no identity in the ledger")
        identity, state, _, _ = ledger[key]
        check(state == "active", f"{key} is {state}")
        check(service.get(identity, {}).get("state") == "active", f"{key}'s identity is not active at the service")
        check(service[identity]["liveTokens"] > 0, f"{key}'s token is dead")
    for key, (identity, state, _, _) in ledger.items():
        if key not in rows:
            check(state in ("deleted", "lost", "revoked"), f"{key} is gone from the roster and {state}")
        if state == "deleted":
            check(service[identity]["state"] == "deleted", f"{key} is deleted in the ledger and not at the service")

    # Who belongs to a resource is there.
    places = job.places()
    for key, row in rows.items():
        if isinstance(row, tuple):
            check(places[key] == row[1] == service[ledger[key][0]]["resource"], f"{key} belongs to {row[1]} and is at {places[key]}")

    # Every identity of the service is in the ledger, was in it and is deleted, or its create is listed as in doubt.
    living = {identity for identity, *_ in ledger.values()}
    known = {row[0] for row in job.query("SELECT identity FROM audit WHERE identity IS NOT NULL")}
    orphans = 0
    for identity, facts in service.items():
        if identity not in known:
            orphans += 1
            check(facts["clientRequestId"] in in_doubt, f"{identity} is known to nobody and not listed as in doubt")
            # With a custom id it is the identity of whoever has come to be provisioned there after all.
            key = in_doubt[facts["clientRequestId"]]
            check(not custom_id or key not in rows or job.places()[key] != facts.get("resource", ""), f"{key} is doubled")
        elif identity not in living:
            check(facts["state"] == "deleted", f"{identity} lives and is nobody's any more")

    check_outputs(job, rows, ledger)
    return orphans


def check_outputs(job, rows, ledger):
    """Nothing is under way, tokens that count as delivered are where they go to, and the mapping says what the ledger says."""
    check(not job.query("SELECT 1 FROM tasks"), "tasks are left open")
    for sink in job.sinks:
        check_sink(job, sink, rows, ledger)
    mapping = {row["user_id"]: row for row in job.csv("mapping.csv")}
    check(set(mapping) == set(ledger), "the mapping and the ledger have different users")
    for key, (identity, state, _, _) in ledger.items():
        check(mapping[key]["identity_id"] == identity and mapping[key]["state"] == state,
              f"the mapping of {key} is not the ledger's")

    # Nothing half-written stays.
    left = [p.name for p in (job.home / "out").iterdir() if p.name.startswith(".") or p.name.endswith("-journal")]
    check(not left, f"left behind: {left}")


def scratch(in_memory=False):
    """A folder. What a killed program has written is there as well where nothing is ever put on a disk."""
    memory = "/dev/shm" if in_memory and os.access("/dev/shm", os.W_OK) else None
    return pathlib.Path(tempfile.mkdtemp(prefix="rollcall-chaos.", dir=memory))


def remove(home):
    shutil.rmtree(home, ignore_errors=True)

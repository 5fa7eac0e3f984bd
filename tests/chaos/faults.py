#!/usr/bin/env python3
"""Lets everything go wrong that the emulator's --faults can do; every run must end by itself and lose nobody.

usage: ROLLCALL_BIN=DIR tests/chaos/faults.py [--seed TEXT] [--quick] [--only WORD]

Each fault on each operation alone, and all of them mixed at 1, 10 and 50 % of the requests, over TLS too. The faults end after some
occurrences, so that the runs that follow must finish the rest. --quick plays each fault on all operations in one go, and on
exchanges only mixed.
Ends with the closing line "N passed, N failed".
"""

import argparse
import base64
import concurrent.futures
import json
import pathlib
import secrets
import subprocess
import sys
import time

import world

OPERATIONS = ["create", "issue", "revoke", "delete"]
EXCHANGE = "exchange"  # of a job that does nothing else
ENGINE = ", timeouts: { connect: 1s, request: 1500ms, stall: 1s }, give_up_after: 10s"
RUN_MAX_S = 120   # of one run: give_up_after, the patience for what is under way, and a machine that is busy
RUN_MAX_MIB = 48  # of one run: 29, and some room; a sanitizer needs more

# Name -> the rule's keys. What stops a run or fails a user is listed apart: a mix plays it more rarely.
FAULTS = {
    "close_before": "fault: close_before",
    "close_after": "fault: close_after",
    "reset_header": "fault: reset_header",
    "reset_header, not done": "fault: reset_header, acts: false",
    "reset_body": "fault: reset_body",
    "wrong_length": "fault: wrong_length",
    "stall": "fault: stall, seconds: 4",
    "stall, not done": "fault: stall, seconds: 4, acts: false",
    "stall_body": "fault: stall_body, seconds: 4",
    "trickle": "fault: trickle, seconds: 4",
    "500": "status: 500",
    "500, done": "status: 500, acts: true",
    "502 html": "status: 502, body: html",
    "503 without a body": "status: 503, body: none",
    "503 with Retry-After": "status: 503, retry_after: 1",
    "503 with Retry-After, done": "status: 503, retry_after: 1, acts: true",
    "504, done": "status: 504, body: none, acts: true",
    "429": "status: 429, retry_after: 1",
    "429 without Retry-After": "status: 429, body: none",
    "html": "fault: html",
    "html, not done": "fault: html, acts: false",
    "truncated": "fault: truncated",
    "huge": "fault: huge",
    "wrong_type": "fault: wrong_type",
    "duplicate_keys": "fault: duplicate_keys",
    "bad_id": "fault: bad_id",
    "gzip": "fault: gzip",
    "clock": "clock: -20m",
}
# Not in a mix: while the emulator refuses connections another program may take a port that the system has picked.
REFUSING = {"refuse": "fault: refuse, seconds: 1"}
# Over TLS alone.
OF_TLS = {
    "tls_cut": "fault: tls_cut, seconds: 1",
    "cert_expired": "fault: cert_expired, seconds: 1",
    "cert_other_name": "fault: cert_other_name, seconds: 1",
    "cert_self_signed": "fault: cert_self_signed, seconds: 1",
}
STOPPING = {
    "redirect": "fault: redirect",
    "401": "status: 401",
    "401 and a clock that is off": "status: 401, clock: -20m",
    "403": "status: 403, body: html",
    "409": "status: 409",
}


APP = "1b2c3d4e-0000-4000-8000-00000000000a"
TEAMS_SPEC = """version: 1
name: chaos
resource: {{ connection_string: {{ env: {variable} }}{resource} }}
ledger: chaos.ledger
roster: {{ csv: users.csv, key: user_id, teams_token_column: entra_token, teams_user_column: object_id }}
token: {{ teams_app_id: {app} }}
rules: {{ added: exchange, expiring: {{ within: 30m, do: exchange }} }}
outputs: {{ mapping: out/mapping.csv, tokens: TOKENS, failures: out/failures.csv }}
engine: {{ concurrency: 8, quotas: {{ exchange: none }}{engine} }}
"""


class TeamsJob(world.Job):
    """A job of Teams users. The service keeps no identities of them: who is in the ledger is at the service."""

    def __init__(self, home, emulator, resource):
        spec = TEAMS_SPEC.format(variable=world.KEY_VARIABLE, resource=resource, app=APP, engine=ENGINE)
        super().__init__(home, emulator, spec)
        self.emulator = self
        self.environment = emulator.environment

    def roster(self, rows):
        lines = ["user_id,object_id,entra_token"]
        for number, key in enumerate(rows):
            user = f"00000000-0000-4000-8000-{number:012}"
            claims = json.dumps({"oid": user, "appid": APP, "exp": int(time.time()) + 3600}).encode()
            lines.append(f"{key},{user},e30.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.c2lnbmF0dXJl")
        path = self.home / "users.csv"
        path.touch(mode=0o600)
        path.write_text("\n".join(lines) + "\n")

    def identities(self):
        return {identity: {"state": "active", "liveTokens": 1} for identity, *_ in self.ledger().values()}


def days(users, exchanged=False):
    """Every action occurs: added; then added, changed and removed."""
    first = {f"user{i}": "1" for i in range(users)}
    second = {**first, "new": "1"}
    if exchanged:
        return [first, second]
    third = max(1, users // 3)
    for i in range(third):
        second[f"user{i}"] = "2"
        del second[f"user{users - 1 - i}"]
    return [first, second]


def write_script(home, rules):
    path = pathlib.Path(home) / "faults.yaml"
    path.write_text("".join(f"- {{ {rule} }}\n" for rule in rules))
    return path


def check_bounds(result):
    world.check(result.took_s < RUN_MAX_S, f"a run took {result.took_s:.0f} s")
    world.check(result.peak_mib < RUN_MAX_MIB or world.SANITIZED, f"a run took {result.peak_mib:.0f} MiB of memory")


def check_causes(job, row):
    """A row of the failures file: its first cause and its last, as the audit trail has them."""
    codes = [code for (code,) in job.query(
        "SELECT code FROM audit WHERE run = (SELECT max(id) FROM runs) AND key = ? AND action = ? AND outcome <> 'done'"
        " ORDER BY id",
        row["user_id"], row["error_action"])]
    world.check(codes, f"{row['user_id']} failed, and the audit trail has no cause")
    said = [row["error_first_code"] or row["error_code"], row["error_code"], row["error_attempts"]]
    world.check(said == [codes[0], codes[-1], str(len(codes))], f"{row['user_id']} failed with {codes}, and the file says {said}")


def check_between(job, rows, result):
    """After a run that did not finish everything: what it says is true."""
    failures = job.csv("failures.csv")
    ledger = job.ledger()
    world.check(result.returncode in (1, 4), f"exit {result.returncode}: {result.stderr}")
    world.check(failures or result.stderr, "a run failed and says nothing")
    for row in failures:
        world.check(row["user_id"] in rows or row["user_id"] in ledger, f"{row['user_id']} failed and is nobody")
        check_causes(job, row)
    left_is_said = result.returncode == 4 or "next run" in result.stderr
    failed = {row["user_id"] for row in failures}
    for key in rows:
        world.check(key in ledger or key in failed or left_is_said, f"{key} was not provisioned, and nobody says so")
    if not job.is_listed:
        return
    service = job.emulator.identities()
    # Of these a delete may have been carried out, and the ledger says so.
    under_way = {row[0] for row in job.query("SELECT key FROM tasks UNION SELECT key FROM identities WHERE token_stale")}
    for key, (identity, state, _, _) in ledger.items():
        world.check(identity in service, f"{key} has an identity that the service never made")
        if state == "active" and key not in under_way and key in rows:
            world.check(service[identity]["state"] == "active", f"{key} is active in the ledger alone")
        if state == "deleted":
            world.check(service[identity]["state"] == "deleted", f"{key} is deleted in the ledger alone")


def play(name, rules, seed, users=6, custom_id=False, runs_max=12, tls=False, sure=True, exchanged=False):
    """Returns what to print when it failed, or None."""
    home = world.scratch()
    emulator = world.Emulator(home, "--seed", seed, "--faults", write_script(home, rules), tls=tls)
    log = []
    try:
        resource = world.resource(emulator, custom_id)
        job = (TeamsJob(home / "job", emulator, resource) if exchanged
               else world.Job(home / "job", emulator, world.spec(resource=resource, engine=ENGINE)))
        for rows in days(users, exchanged):
            job.roster(rows)
            for _ in range(runs_max):
                result = job.run("--quiet")
                log.append(f"exit {result.returncode} after {result.took_s:.1f} s: {result.stderr.strip()}")
                check_bounds(result)
                if result.returncode == 0:
                    break
                check_between(job, rows, result)
                if tls and result.returncode == 4:
                    time.sleep(1)  # certificates stay wrong for so long
            world.check(result.returncode == 0, f"{runs_max} runs were not enough")
            world.check_world(job, rows, custom_id)
        world.check(emulator.stats()["faults"] or not sure, "no fault was played")
    except (world.Broken, subprocess.TimeoutExpired, OSError) as broken:
        return (f"not ok: {name}{' with custom ids' if custom_id else ''}: {broken}\n"
                + "".join(f"    {line}\n" for line in log[-4:]) + f"    faults: {json.dumps(emulator.stats()['faults'])}")
    finally:
        emulator.stop()
        world.remove(home)
    return None


def alone(quick):
    """Each fault: (name, rules)."""
    for name, fault in {**FAULTS, **REFUSING, **STOPPING, **OF_TLS}.items():
        if quick:
            yield name, [f"operation: {operation}, nth: [2, 3], {fault}" for operation in OPERATIONS]
            continue
        for operation in [*OPERATIONS, EXCHANGE]:
            yield f"{name}: {operation}", [f"operation: {operation}, nth: [1, 3, 4], {fault}"]


def mixed(percent, until, tls=False):
    """About so many of the requests; none after the first `until` of an operation."""
    each = percent / len(FAULTS)
    stopping = [*STOPPING.values(), *(OF_TLS.values() if tls else [])]
    rules = [f"share: {each / 8:.4f}%, until: {until}, {fault}" for fault in stopping]
    return rules + [f"share: {each:.3f}%, until: {until}, {fault}" for fault in FAULTS.values()]


def cases(quick):
    """(name, rules, options of play())"""
    for number, (name, rules) in enumerate(alone(quick)):
        exchanged = name.endswith(f": {EXCHANGE}")
        for custom_id in [number % 2 == 0] if quick else [False] if exchanged else [False, True]:
            yield name, rules, {"custom_id": custom_id, "tls": name.split(":")[0] in OF_TLS, "exchanged": exchanged}
    for percent in [1, 10, 50]:
        for custom_id in [percent != 10] if quick else [False, True]:
            users = 60 if quick else 300
            for tls in [percent == 10] if quick else [False, True]:
                yield (f"{percent} % mixed{' over TLS' if tls else ''}", mixed(percent, 4 * users, tls),
                       {"custom_id": custom_id, "users": users, "runs_max": 60, "tls": tls, "sure": percent > 1})
    for percent in [50] if quick else [1, 10, 50]:
        users = 20 if quick else 300
        yield (f"{percent} % mixed on exchanges", mixed(percent, 2 * users),
               {"users": users, "runs_max": 60, "sure": percent > 1, "exchanged": True})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", default=secrets.token_hex(4))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="", help="cases whose name has this word")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    passed = failed = 0
    # A case waits more than it works.
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        running = [pool.submit(play, name, rules, arguments.seed, **options)
                   for name, rules, options in cases(arguments.quick) if arguments.only in name]
        for case in concurrent.futures.as_completed(running):
            complaint = case.result()
            if complaint is None:
                passed += 1
            else:
                failed += 1
                print(complaint, flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

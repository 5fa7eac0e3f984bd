#!/usr/bin/env python3
"""Kills rollcall at its n-th commit point, for every n, in every kind of run, an import and a migration; the next must make it good.

usage: ROLLCALL_BIN=DIR tests/chaos/crash_points.py [--users N] [--every N] [--seed TEXT] [STORY...]

DIR holds a build with ROLLCALL_CRASH_POINTS (lib/core/crash.h). A STORY is a word of a story's name; without any all are told.
With --every N one of N points is tried, from one that is drawn. Ends with the closing line "N passed, N failed".
"""

import argparse
import concurrent.futures
import contextlib
import csv
import itertools
import os
import pathlib
import random
import secrets
import signal
import sqlite3
import sys

import sinks
import world


def rosters(users):
    """What a story of runs is made of: day after day, every action occurs."""
    first = {f"user{i}": "1" for i in range(users)}
    second = {**first, "user0": "2", "new": "1"}  # changed, added
    del second["user1"]                           # removed
    third = {**second, "user1": "1"}              # returned
    return [first, second, third]


REGIONS = ["emea", "us"]


def moving_rosters(users):
    """Likewise of a job with two resources, from one to the other of which everybody moves, and back."""
    first = {f"user{i}": ("1", REGIONS[i % 2]) for i in range(users + 1)}
    second = {key: (value, REGIONS[region == REGIONS[0]]) for key, (value, region) in first.items()}
    second |= {"user0": ("2", REGIONS[1]), "new": ("1", REGIONS[0])}  # changed and moved, added
    del second["user1"]
    third = {**first, "user0": ("2", REGIONS[0]), "user1": ("1", REGIONS[0])}  # moved back, removed, returned elsewhere
    return [first, second, third]


AT_ONCE = 4  # points tried side by side


def kill_run(job, rows, point, custom_id=False, options=()):
    """A run that is killed at `point`, and the next one, which must make it good and need not be told again what the first was
    told. Was it killed?"""
    job.roster(rows)
    before, runs = job.prints(rows), job.runs()
    result = job.run("--quiet", *options, environment={"ROLLCALL_CRASH_AT": str(point)})
    killed = result.returncode == -signal.SIGKILL
    if killed:
        result = job.run("--quiet", *(options if job.runs() == runs else ()))
    world.check(result.returncode == 0, f"exit {result.returncode}: {result.stderr}")
    job.check(rows, custom_id)
    world.check(not options or not before & job.prints(rows), "a token was not replaced")
    return killed


def kill_import(home, environment, mapping, point):
    """A mapping is adopted as a whole or not at all. Was it killed?"""
    job = world.Job(home, environment, world.spec())
    job.roster({})
    with open(mapping, newline="") as file:
        users = len(list(csv.reader(file))) - 1
    result = job.run(str(mapping), command="import", environment={"ROLLCALL_CRASH_AT": str(point)})
    killed = result.returncode == -signal.SIGKILL
    adopted = len(job.ledger()) if job.has_table("identities") else 0
    world.check(adopted in (0, users), f"{adopted} of {users} adopted")
    if killed:
        result = job.run(str(mapping), command="import")
    world.check(result.returncode == 0, f"exit {result.returncode}: {result.stderr}")
    world.check(len(job.ledger()) == users, "not all were adopted")
    return killed


V1 = pathlib.Path(__file__).parent.parent / "unit" / "ledger_v1.sql"
KEPT = {"identities": "key, identity, state, token_expires_at", "runs": "id, started_at, job, operator",
        "tasks": "key, action, attempt, request_id", "audit": "id, key, action, outcome, request_id"}


def kill_migration(home, environment, point):
    """A ledger of the first schema, with a run that was killed, is brought up to date: nothing of it is lost. Was it killed?"""
    job = world.Job(home, environment, world.spec())
    job.roster({"anna": "1", "bert": "1", "carl": "1", "dora": "1"})
    ledger = job.home / "chaos.ledger"
    with contextlib.closing(sqlite3.connect(ledger)) as old:
        old.executescript(V1.read_text().replace("contoso.communication.azure.com", environment.url.split("://")[1]))
    ledger.chmod(0o600)
    before = {table: set(job.query(f"SELECT {columns} FROM {table}")) for table, columns in KEPT.items()}
    result = job.run("--dry-run", environment={"ROLLCALL_CRASH_AT": str(point)})
    killed = result.returncode == -signal.SIGKILL
    if killed:
        result = job.run("--dry-run")
    world.check(result.returncode == 0, f"exit {result.returncode}: {result.stderr}")
    for table, columns in KEPT.items():
        lost = before[table] - set(job.query(f"SELECT {columns} FROM {table}"))
        world.check(not lost, f"{table}: lost {lost}")
    world.check(job.query("PRAGMA user_version")[0][0] > 1, "the schema is the old one")
    world.check(job.query("PRAGMA integrity_check") == [("ok",)], "the ledger is damaged")
    return killed


class Story:
    """Days of a job with these settings of world.spec() and these sinks."""

    def __init__(self, name, tokens=(sinks.Csv,), custom_id=False, options=(), days=None, **settings):
        self.name, self.tokens, self.custom_id, self.options = name, tokens, custom_id, options
        self.settings = {"removed": "delete", "resource": ", custom_id: true" if custom_id else "", **settings}
        self.days = days or (moving_rosters if "regions" in self.settings else rosters)

    def tell(self, home, users, point):
        """Lives all days, and is killed at this point on each of them, if it comes to it. On which?"""
        emulator = world.Emulators(home, self.settings.get("regions", [""]))
        make = world.TeamsJob if "teams" in self.settings else world.Job
        try:
            job = make(home / "job", emulator, world.spec(**self.settings), self.tokens)
            return [kill_run(job, rows, point, self.custom_id, self.options) for rows in self.days(users)]
        finally:
            emulator.stop()


class NoService:
    """For what sends no request."""

    url = "http://127.0.0.1:1"
    environment = {world.KEY_VARIABLE: f"endpoint={url};accesskey=c2VjcmV0"}


class Import:
    name = "import"

    def tell(self, home, users, point):
        mapping = home / "mapping.csv"
        identity = "8:acs:00000000-0000-0000-0000-000000000001_00000000-0000-0000-0000-{:012}"
        mapping.write_text("user_id,identity_id\n" + "".join(f"user{i},{identity.format(i)}\n" for i in range(users)))
        return [kill_import(home / "job", NoService, mapping, point)]


class Migration:
    name = "migration"

    def tell(self, home, _users, point):
        return [kill_migration(home / "job", NoService, point)]


STORIES = [
    Story("provision, issue, revoke, delete"),
    Story("custom ids", custom_id=True),
    Story("a grace period", removed="{ do: delete, after: 30d, meanwhile: revoke }"),
    Story("every token again", options=["--reissue-all"], days=lambda users: rosters(users)[:2]),
    Story("exchange", days=lambda users: rosters(users)[:1], teams=True),
    Story("moves between resources", regions=REGIONS),
    Story("moves with custom ids", custom_id=True, regions=REGIONS),
    Story("tokens to ndjson", [sinks.Ndjson]),
    Story("tokens to a command", [sinks.Command]),
    Story("tokens to sqlite", [sinks.Sqlite]),
    Story("tokens to postgres", [sinks.Postgres]),
    Story("tokens sealed", [sinks.Sealed]),
    Story("tokens to a sealed file, and to a command", [sinks.Sealed, sinks.Command], custom_id=True),
    Story("tokens to all of them", [sinks.Csv, sinks.Ndjson, sinks.Sealed, sinks.Command, sinks.Sqlite, sinks.Postgres]),
    Import(),
    Migration(),
]


def try_point(home, story, users, point):
    """(how many runs were killed there, what was wrong or None)"""
    directory = home / str(point)
    directory.mkdir()
    try:
        return sum(story.tell(directory, users, point)), None
    except world.Broken as broken:
        return 0, broken
    finally:
        world.remove(directory)


def tell_everywhere(home, points, story, users):
    """Tells the story once for each point, until it comes to none or goes wrong; yields (point, runs killed, error or None)."""
    killed = 1
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        while killed:
            some = list(itertools.islice(points, AT_ONCE))
            for point, (killed, error) in zip(some, pool.map(lambda point: try_point(home, story, users, point), some)):
                yield point, killed, error


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=5)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--seed", default=secrets.token_hex(4))
    parser.add_argument("stories", nargs="*")
    arguments = parser.parse_args()
    if arguments.every > 1:
        print(f"seed {arguments.seed}", flush=True)
    dice = random.Random(arguments.seed)
    passed = failed = 0
    for story in STORIES:
        if arguments.stories and not any(word in story.name for word in arguments.stories):
            continue
        home = world.scratch(in_memory=True)
        points = itertools.count(dice.randint(1, arguments.every), arguments.every)
        last = kills = 0
        for point, killed, error in tell_everywhere(home, points, story, arguments.users):
            kills += killed
            last = max(last, point)
            if error is None:
                passed += max(killed, 1)
            else:
                failed += 1
                print(f"not ok: {story.name}, killed at point {point}: {error}")
        print(f"{story.name}: {kills} kills", flush=True)
        world.check(last > 3, f"{story.name}: is this a build with ROLLCALL_CRASH_POINTS?")
        world.remove(home)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    os.environ.pop("ROLLCALL_CRASH_AT", None)
    sys.exit(main())

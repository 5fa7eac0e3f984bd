#!/usr/bin/env python3
"""Kills rollcall at its n-th commit point, for every n, in every kind of run, an import and a migration; the next must make it good.

usage: ROLLCALL_BIN=DIR tests/chaos/crash_points.py [--users N] [--every N] [--seed TEXT] [STORY...]

DIR holds a build with ROLLCALL_CRASH_POINTS (lib/core/crash.h). A STORY is a word of a story's name; without any all are told.
With --every N one of N points is tried, from one that is drawn. Ends with the closing line "N passed, N failed".
"""

import argparse
import concurrent.futures
import contextlib
import itertools
import os
import pathlib
import random
import secrets
import shutil
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


REGIONS = ("emea", "us")


def moving_rosters(users):
    """Likewise of a job with two resources, from one to the other of which everybody moves, and back."""
    first = {f"user{i}": ("1", REGIONS[i % 2]) for i in range(users + 1)}
    second = {key: (value, REGIONS[region == REGIONS[0]]) for key, (value, region) in first.items()}
    second |= {"user0": ("2", REGIONS[1]), "new": ("1", REGIONS[0])}  # changed and moved, added
    del second["user1"]
    third = {**first, "user0": ("2", REGIONS[0]), "user1": ("1", REGIONS[0])}  # moved back, removed, returned elsewhere
    return [first, second, third]


AT_ONCE = 4  # points tried side by side


class Story:
    """Days of a job with these settings of world.spec() and these sinks."""

    def __init__(self, name, tokens=(sinks.Csv,), custom_id=False, **settings):
        self.name, self.tokens, self.custom_id = name, tokens, custom_id
        self.settings = {"removed": "delete", "resource": ", custom_id: true" if custom_id else "", **settings}

    def days(self, users):
        return moving_rosters(users) if "regions" in self.settings else rosters(users)

    def emulator(self, directory):
        return world.Emulators(directory, REGIONS) if "regions" in self.settings else world.Emulator(directory)

    def job(self, directory, emulator):
        return world.Job(directory / "job", emulator, world.spec(**self.settings), self.tokens)


STORIES = [
    Story("provision, issue, revoke, delete"),
    Story("custom ids", custom_id=True),
    Story("a grace period", removed="{ do: delete, after: 30d, meanwhile: revoke }"),
    Story("moves between resources", regions=REGIONS),
    Story("moves with custom ids", custom_id=True, regions=REGIONS),
    Story("tokens to ndjson", [sinks.Ndjson]),
    Story("tokens to a command", [sinks.Command]),
    Story("tokens to sqlite", [sinks.Sqlite]),
    Story("tokens to postgres", [sinks.Postgres]),
    Story("tokens sealed", [sinks.Sealed]),
    Story("tokens to a sealed file, and to a command", [sinks.Sealed, sinks.Command], custom_id=True),
    Story("tokens to all of them", [sinks.Csv, sinks.Ndjson, sinks.Sealed, sinks.Command, sinks.Sqlite, sinks.Postgres]),
]


def crash_at(home, story, days, day, point):
    """Lives up to `day`, is killed there at `point`, and goes on. (killed, error or None)"""
    directory = pathlib.Path(home) / f"{day}-{point}"
    directory.mkdir()
    emulator = story.emulator(directory)
    killed = True
    try:
        job = story.job(directory, emulator)
        for before in days[:day]:
            job.roster(before)
            result = job.run("--quiet")
            world.check(result.returncode == 0, f"day {day}: {result.stderr}")
        job.roster(days[day])
        result = job.run("--quiet", environment={"ROLLCALL_CRASH_AT": str(point)})
        killed = result.returncode == -signal.SIGKILL
        world.check(killed or result.returncode == 0, f"exit {result.returncode}: {result.stderr}")
        if killed:
            result = job.run("--quiet")
            world.check(result.returncode == 0, f"the next run: exit {result.returncode}: {result.stderr}")
        world.check_world(job, days[day], story.custom_id)
        return killed, None
    except world.Broken as broken:
        return killed, broken
    finally:
        emulator.stop()
        shutil.rmtree(directory)


def crash_everywhere(home, points, story, users):
    """Runs the story once for each day and point; yields (day, point, error or None)."""
    days = story.days(users)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for day in range(len(days)):
            tried, killed = points(), True
            while killed:
                some = list(itertools.islice(tried, AT_ONCE))
                results = list(pool.map(lambda point: crash_at(home, story, days, day, point), some))
                for point, (killed, error) in zip(some, results):
                    yield day, point, error
                    if not killed:
                        break


def crash_import(home, points, users):
    """A mapping is adopted as a whole or not at all."""
    first = pathlib.Path(home) / "first"
    first.mkdir()
    emulator = world.Emulator(first)
    job = world.Job(first / "job", emulator, world.spec())
    job.roster(rosters(users)[0])
    world.check(job.run("--quiet").returncode == 0, "the first run failed")
    mapping = job.home / "out" / "mapping.csv"
    try:
        for point in points():
            other = world.Job(pathlib.Path(home) / f"import-{point}", emulator, world.spec())
            other.roster(rosters(users)[0])
            result = other.run(str(mapping), command="import", environment={"ROLLCALL_CRASH_AT": str(point)})
            crashed = result.returncode == -signal.SIGKILL
            error = None
            try:
                adopted = len(other.ledger()) if other.query("SELECT 1 FROM sqlite_master WHERE name = 'identities'") else 0
                world.check(adopted in (0, users), f"{adopted} of {users} adopted")
                if crashed:
                    result = other.run(str(mapping), command="import")
                world.check(result.returncode == 0, f"exit {result.returncode}: {result.stderr}")
                world.check(len(other.ledger()) == users, "not all were adopted")
            except world.Broken as broken:
                error = broken
            yield 0, point, error
            if not crashed:
                return
    finally:
        emulator.stop()


V1 = pathlib.Path(__file__).parent.parent / "unit" / "ledger_v1.sql"
KEPT = {"identities": "key, identity, state, token_expires_at", "runs": "id, started_at, job, operator",
        "tasks": "key, action, attempt, request_id", "audit": "id, key, action, outcome, request_id"}


def crash_migration(home, points, _users):
    """A ledger of the first schema, with a run that was killed, is brought up to date: nothing of it is lost."""
    directory = pathlib.Path(home) / "migration"
    directory.mkdir()
    emulator = world.Emulator(directory)
    dump = V1.read_text().replace("contoso.communication.azure.com", emulator.url.split("://")[1])
    try:
        for point in points():
            job = world.Job(directory / str(point), emulator, world.spec())
            job.roster({"anna": "1", "bert": "1", "carl": "1", "dora": "1"})
            ledger = job.home / "chaos.ledger"
            with contextlib.closing(sqlite3.connect(ledger)) as old:
                old.executescript(dump)
            ledger.chmod(0o600)
            before = {table: set(job.query(f"SELECT {columns} FROM {table}")) for table, columns in KEPT.items()}
            result = job.run("--dry-run", environment={"ROLLCALL_CRASH_AT": str(point)})
            crashed = result.returncode == -signal.SIGKILL
            error = None
            try:
                if crashed:
                    result = job.run("--dry-run")
                world.check(result.returncode == 0, f"exit {result.returncode}: {result.stderr}")
                for table, columns in KEPT.items():
                    lost = before[table] - set(job.query(f"SELECT {columns} FROM {table}"))
                    world.check(not lost, f"{table}: lost {lost}")
                world.check(job.query("PRAGMA user_version")[0][0] > 1, "the schema is the old one")
                world.check(job.query("PRAGMA integrity_check") == [("ok",)], "the ledger is damaged")
            except world.Broken as broken:
                error = broken
            yield 0, point, error
            if not crashed:
                return
    finally:
        emulator.stop()


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
    stories = {story.name: (crash_everywhere, (story, arguments.users)) for story in STORIES}
    stories["import"] = crash_import, (arguments.users,)
    stories["migration"] = crash_migration, (arguments.users,)
    passed = failed = 0
    for name, (tell, values) in stories.items():
        if arguments.stories and not any(word in name for word in arguments.stories):
            continue
        home = world.scratch()
        tried = last = 0
        for day, point, error in tell(home, lambda: itertools.count(dice.randint(1, arguments.every), arguments.every), *values):
            tried += 1
            last = max(last, point)
            if error is None:
                passed += 1
            else:
                failed += 1
                print(f"not ok: {name}, day {day + 1}, killed at point {point}: {error}")
        print(f"{name}: {tried} points", flush=True)
        world.check(last > 3, f"{name}: is this a build with ROLLCALL_CRASH_POINTS?")
        world.remove(home)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    os.environ.pop("ROLLCALL_CRASH_AT", None)
    sys.exit(main())

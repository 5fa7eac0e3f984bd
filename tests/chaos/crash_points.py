#!/usr/bin/env python3
"""Kills rollcall at its n-th commit point, for every n, in every kind of run, an import and a migration; the next must make it good.

usage: ROLLCALL_BIN=DIR tests/chaos/crash_points.py [--users N]

DIR holds a build with ROLLCALL_CRASH_POINTS (lib/core/crash.h). Ends with the closing line "N passed, N failed".
"""

import argparse
import concurrent.futures
import contextlib
import os
import pathlib
import shutil
import signal
import sqlite3
import sys

import world


def rosters(users):
    """What a story of runs is made of: day after day, every action occurs."""
    first = {f"user{i}": "1" for i in range(users)}
    second = {**first, "user0": "2", "new": "1"}  # changed, added
    del second["user1"]                           # removed
    third = {**second, "user1": "1"}              # returned
    return [first, second, third]


AT_ONCE = 4  # points tried side by side

STORIES = [
    ("provision, issue, revoke, delete", dict(removed="delete"), False),
    ("the same with custom ids", dict(removed="delete", resource=", custom_id: true"), True),
    ("a grace period", dict(removed="{ do: delete, after: 30d, meanwhile: revoke }"), False),
]


def crash_at(home, days, day, point, settings, custom_id):
    """Lives up to `day`, is killed there at `point`, and goes on. (killed, error or None)"""
    directory = pathlib.Path(home) / f"{day}-{point}"
    directory.mkdir()
    emulator = world.Emulator(directory)
    job = world.Job(directory / "job", emulator, world.spec(**settings))
    killed = True
    try:
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
        world.check_world(job, days[day], custom_id)
        return killed, None
    except world.Broken as broken:
        return killed, broken
    finally:
        emulator.stop()
        shutil.rmtree(directory)


def crash_everywhere(home, name, settings, custom_id, users):
    """Runs the story once for each day and point; yields (day, point, error or None)."""
    days = rosters(users)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for day in range(len(days)):
            first, killed = 1, True
            while killed:
                points = range(first, first + AT_ONCE)
                results = list(pool.map(lambda point: crash_at(home, days, day, point, settings, custom_id), points))
                for point, (killed, error) in zip(points, results):
                    yield day, point, error
                    if not killed:
                        break
                first += AT_ONCE


def crash_import(home, users):
    """A mapping is adopted as a whole or not at all."""
    first = pathlib.Path(home) / "first"
    first.mkdir()
    emulator = world.Emulator(first)
    job = world.Job(first / "job", emulator, world.spec())
    job.roster(rosters(users)[0])
    world.check(job.run("--quiet").returncode == 0, "the first run failed")
    mapping = job.home / "out" / "mapping.csv"
    point = 0
    try:
        while True:
            point += 1
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


def crash_migration(home, _users):
    """A ledger of the first schema, with a run that was killed, is brought up to date: nothing of it is lost."""
    directory = pathlib.Path(home) / "migration"
    directory.mkdir()
    emulator = world.Emulator(directory)
    dump = V1.read_text().replace("contoso.communication.azure.com", emulator.url.split("://")[1])
    point, crashed = 0, True
    try:
        while crashed:
            point += 1
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
    finally:
        emulator.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=5)
    arguments = parser.parse_args()
    passed = failed = 0
    stories = [(name, crash_everywhere, (name, settings, custom_id, arguments.users)) for name, settings, custom_id in STORIES]
    stories.append(("import", crash_import, (arguments.users,)))
    stories.append(("migration", crash_migration, (arguments.users,)))
    for name, story, values in stories:
        home = world.scratch()
        points = 0
        for day, point, error in story(home, *values):
            points += 1
            if error is None:
                passed += 1
            else:
                failed += 1
                print(f"not ok: {name}, day {day + 1}, killed at point {point}: {error}")
        print(f"{name}: {points} points")
        world.check(points > 3, f"{name}: is this a build with ROLLCALL_CRASH_POINTS?")
        world.remove(home)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    os.environ.pop("ROLLCALL_CRASH_AT", None)
    sys.exit(main())

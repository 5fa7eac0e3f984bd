#!/usr/bin/env python3
"""Rounds of whatever may happen, drawn at random: faults, kills, signals, limits, closed streams, users who come and go.

usage: ROLLCALL_BIN=DIR tests/chaos/run.py [--minutes N] [--seed TEXT] [--users N]

A story is one job and its emulators, over TLS or not, with custom ids or not, of one resource, of two that users move between, or
of Teams users; its tokens go to one or more kinds of sink, and a script of faults is played that ends. After some rounds another
story begins. In a round the roster changes; some runs are killed (at some moment, or at a commit point) or interrupted (SIGINT, SIGTERM,
SIGHUP, or a second signal), or have small limits (size of files, open files) or closed streams, and perhaps the roster changes again; an import
or a migration is killed; and the runs after these go on until one ends with 0. Then ledger, outputs and service must agree
(world.check_world). Prints what was done, and ends with "N passed, N failed".
"""

import argparse
import collections
import os
import random
import resource
import secrets
import signal
import subprocess
import sys
import time

import crash_points
import faults
import sinks
import world

ROUNDS_OF_A_STORY = 4
POINTS = 80  # a run that does all there is to do comes to so many commit points, and some
SINKS = [sinks.Csv, sinks.Ndjson, sinks.Sealed, sinks.Command, sinks.Sqlite]
RUNS_MAX = 60
SIGNALS = [signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
ENDS = {signal.SIGKILL: -signal.SIGKILL, signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 143}


class Story:
    """A job of its own settings, with its emulator and its roster."""

    def __init__(self, dice, users, count, kinds):
        self.dice = dice
        self.count = count
        self.home = world.scratch()
        self.custom_id = dice.random() < 0.5
        kind = dice.choice(["one", "one", "one", "moves", "moves", "teams"])
        self.regions = crash_points.REGIONS if kind == "moves" else []
        self.rows, self.gone = {}, {}  # user -> [version of the watched column, resource]
        self.users = self.imports = 0
        self.add(dice.randint(1, users))
        self.stale = set()  # fingerprints of tokens that are to be replaced
        percent = dice.choice([0, 2, 10, 30, 50])
        tls = dice.random() < 0.3 and not self.regions
        rules = faults.mixed(percent, 2 * users, tls) if percent > 0 else ["nth: 1000000, fault: stall"]
        script = faults.write_script(self.home, rules)
        options = ["--latency", "0ms-20ms"] if dice.random() < 0.7 else []
        self.emulator = world.Emulators(self.home, self.regions or [""], "--faults", script, *options, seed=str(dice.random()), tls=tls)
        settings = {
            "removed": dice.choice(["delete", "delete", "[revoke, delete]", "{ do: delete, after: 30d, meanwhile: revoke }"]),
            "concurrency": dice.choice([1, 4, 16, 64]),
            "engine": faults.ENGINE,
            "resource": world.resource(self.emulator, self.custom_id and kind != "teams"),
            "regions": self.regions,
            "teams": kind == "teams",
        }
        tokens = dice.sample(kinds, dice.choice([1, 1, 2, 3]))
        make = world.TeamsJob if kind == "teams" else world.Job
        self.job = make(self.home / "job", self.emulator, world.spec(**settings), tokens)
        self.name = f"{percent} % faults, {settings}, emulator {options}, tokens to {[each.__name__ for each in tokens]}"

    def add(self, count):
        for _ in range(count):
            self.rows[f"user{self.users}"] = [1, self.dice.choice(self.regions or [""])]
            self.users += 1

    def roster(self):
        """As world.py has it."""
        return {key: (str(version), region) if region else str(version) for key, (version, region) in self.rows.items()}

    def change_roster(self):
        keys = list(self.rows)
        self.dice.shuffle(keys)
        share = max(1, len(keys) // 5)
        for key in keys[:self.dice.randint(0, share)]:
            self.rows[key][0] += 1
        for key in keys[len(keys) - self.dice.randint(0, min(share, len(keys) - 1)):]:
            self.gone[key] = self.rows.pop(key)
        for key in self.dice.sample(list(self.gone), min(len(self.gone), self.dice.randint(0, 2))):
            self.rows[key] = self.gone.pop(key)
        for row in self.rows.values():
            if self.regions and self.dice.random() < 0.1:
                row[1] = self.dice.choice(self.regions)
        self.add(self.dice.randint(0, share))
        self.job.roster(self.roster())

    def end_run(self, end):
        """A run that `end` ends, perhaps one that is to replace all tokens: what it leaves is the next run's to do."""
        options = ["--reissue-all"] if self.dice.random() < 0.2 else []
        before, runs = self.job.prints(self.rows), self.job.runs()
        end(options)
        if options and self.job.runs() > runs:
            self.stale |= before
        if self.dice.random() < 0.3:
            self.change_roster()

    def kill(self):
        """A run that is killed at a commit point."""
        def end(options):
            result = self.job.run("--quiet", *options, environment={"ROLLCALL_CRASH_AT": str(self.dice.randint(1, POINTS))})
            world.check(result.returncode in (0, 1, 4, -signal.SIGKILL), f"exit {result.returncode}: {result.stderr}")
            self.count["kills"] += result.returncode == -signal.SIGKILL
        self.end_run(end)

    def interrupt(self):
        """A run that gets a signal at some moment, if it lives as long."""
        def end(options):
            process = self.job.start(*options)
            number = self.dice.choice(SIGNALS)
            time.sleep(self.dice.random() ** 2)
            process.send_signal(number)
            if number != signal.SIGKILL and self.dice.random() < 0.2:
                process.send_signal(number)  # a second one ends it at once
            status = process.wait(timeout=faults.RUN_MAX_S)
            world.check(status in (0, 1, 4, ENDS[number], -number), f"exit {status} after {number.name}")
            if status in (ENDS[number], -number):
                self.count["kills" if number == signal.SIGKILL else "interrupts"] += 1
        self.end_run(end)

    def kill_another(self):
        """An import of this job's mapping into another one, or a migration, that is killed."""
        point = self.dice.randint(1, POINTS)
        self.imports += 1
        home = self.home / f"other-{self.imports}"
        mapping = self.home / "job" / "out" / "mapping.csv"
        if mapping.exists() and self.job.is_listed and not self.regions and self.dice.random() < 0.5:
            killed = crash_points.kill_import(home, crash_points.NoService, mapping, point)
        else:
            killed = crash_points.kill_migration(home, crash_points.NoService, point)
        self.count["kills"] += killed

    def limit(self):
        """A run that may write files of some KiB alone, or open few of them. It says so, and does not do what it cannot."""
        kind, most = self.dice.choice([(resource.RLIMIT_FSIZE, 1024 * self.dice.choice([8, 40, 64, 200, 400, 900])),
                                       (resource.RLIMIT_NOFILE, self.dice.randint(32, 60))])
        result = self.job.run("--quiet", preexec_fn=lambda: resource.setrlimit(kind, (most, most)))
        self.count["limits"] += 1
        world.check(result.returncode in (0, 1, 4), f"exit {result.returncode} with a limit of {most}: {result.stderr}")
        world.check(result.returncode == 0 or result.stderr or self.job.csv("failures.csv"),
                    f"a run fails with a limit of {most} and says nothing")

    def close_streams(self):
        """A run without some of its standard streams."""
        closed = [number for number in (0, 1, 2) if self.dice.random() < 0.6]
        result = self.job.run("--json", preexec_fn=lambda: [os.close(number) for number in closed])
        self.count["closed streams"] += 1
        world.check(result.returncode in (0, 1, 4), f"exit {result.returncode} without the streams {closed}: {result.stderr}")

    def round(self):
        self.change_roster()
        for _ in range(self.dice.randint(0, 3)):
            self.dice.choice([self.interrupt, self.interrupt, self.kill, self.limit, self.close_streams, self.kill_another])()
        for _ in range(RUNS_MAX):
            result = self.job.run("--quiet")
            self.count["runs"] += 1
            faults.check_bounds(result)
            if result.returncode == 0:
                break
            faults.check_between(self.job, self.roster(), result)
            if self.emulator.certificate and result.returncode == 4:
                time.sleep(1)  # certificates stay wrong for so long
        world.check(result.returncode == 0, f"{RUNS_MAX} runs were not enough: {result.stderr}")
        self.job.check(self.roster(), self.custom_id)
        world.check(not self.stale & self.job.prints(self.rows), "a token was not replaced")
        self.stale.clear()

    def end(self):
        self.count["faults"] += self.emulator.faults()
        self.count["users"] += self.users
        ledger = self.job.ledger()
        self.count["lost"] += sum(key not in ledger for key in self.rows)
        known = {row[0] for row in self.job.query("SELECT identity FROM audit WHERE identity IS NOT NULL")}
        listed = self.job.in_doubt()
        strangers = [facts for identity, facts in self.emulator.identities().items() if identity not in known]
        self.count["orphans"] += len(strangers)
        self.count["doubled"] += sum(facts["clientRequestId"] not in listed for facts in strangers)
        self.count["in doubt"] += len(listed)
        self.emulator.stop()
        world.remove(self.home)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", default=secrets.token_hex(4))
    parser.add_argument("--users", type=int, default=200)
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    dice = random.Random(arguments.seed)
    deadline = time.monotonic() + arguments.minutes * 60
    count = collections.Counter()
    passed = failed = 0
    kinds = SINKS + ([sinks.Postgres] if arguments.minutes >= 1 else [])  # a server takes some seconds to start
    while time.monotonic() < deadline:
        story = Story(dice, arguments.users, count, kinds)
        try:
            for _ in range(ROUNDS_OF_A_STORY):
                story.round()
                passed += 1
                if time.monotonic() > deadline:
                    break
        except (world.Broken, subprocess.TimeoutExpired, OSError) as broken:
            failed += 1
            print(f"not ok: round {passed + failed}, {story.name}: {broken}", flush=True)
        story.end()
    print(f"{passed + failed} rounds, {count['runs']} runs, {count['faults']} faults, {count['kills']} kills, "
          f"{count['interrupts']} interrupts, {count['limits']} limits, {count['closed streams']} closed streams, "
          f"{count['users']} users: {count['lost']} lost, {count['doubled']} doubled, "
          f"{count['in doubt']} in doubt, of which {count['orphans']} left an orphan")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

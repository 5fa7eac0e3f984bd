#!/usr/bin/env python3
"""Rounds of whatever may happen, drawn at random: faults, kills, signals, limits, closed streams, users who come and go.

usage: ROLLCALL_BIN=DIR tests/chaos/run.py [--minutes N] [--seed TEXT] [--users N]

A story is one job and one emulator, over TLS or not, with custom ids or not, and with a script of faults that ends; after some
rounds another story begins. In a round the roster changes; some runs are killed or interrupted (SIGKILL, SIGINT, SIGTERM, SIGHUP, or a
second signal), or have small limits (size of files, open files) or closed streams; and the runs after these go on until one ends
with 0. Then ledger, outputs and service must agree (world.check_world). Prints what was done, and ends with "N passed, N failed".
"""

import argparse
import collections
import os
import pathlib
import random
import resource
import secrets
import signal
import subprocess
import sys
import time

import faults
import world

ROUNDS_OF_A_STORY = 4
RUNS_MAX = 60
SIGNALS = [signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
ENDS = {signal.SIGKILL: -signal.SIGKILL, signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 143}


class Story:
    """A job of its own settings, with its emulator and its roster."""

    def __init__(self, dice, users, count):
        self.dice = dice
        self.count = count
        self.home = pathlib.Path(world.scratch())
        self.custom_id = dice.random() < 0.5
        self.rows = {f"user{i}": "1" for i in range(dice.randint(1, users))}
        self.next_user = len(self.rows)
        self.users = users
        percent = dice.choice([0, 2, 10, 30, 50])
        tls = dice.random() < 0.3
        self.settings = {
            "removed": dice.choice(["delete", "delete", "{ do: delete, after: 30d, meanwhile: revoke }"]),
            "concurrency": dice.choice([1, 4, 16, 64]),
            "engine": faults.ENGINE,
        }
        rules = faults.mixed(percent, 2 * users, tls) if percent > 0 else ["nth: 1000000, fault: stall"]
        script = faults.write_script(self.home, rules)
        options = ["--latency", "0ms-20ms"] if dice.random() < 0.7 else []
        self.emulator = world.Emulator(self.home, "--seed", str(dice.random()), "--faults", script, *options, tls=tls)
        self.settings["resource"] = world.resource(self.emulator, self.custom_id)
        self.job = world.Job(self.home / "job", self.emulator, world.spec(**self.settings))
        self.name = f"{percent} % faults, {self.settings}, emulator {options}"

    def change_roster(self):
        keys = list(self.rows)
        self.dice.shuffle(keys)
        share = max(1, len(keys) // 5)
        for key in keys[:self.dice.randint(0, share)]:
            self.rows[key] = str(int(self.rows[key]) + 1)
        for key in keys[len(keys) - self.dice.randint(0, min(share, len(keys) - 1)):]:
            del self.rows[key]
        for _ in range(self.dice.randint(0, share)):
            self.rows[f"user{self.next_user}"] = "1"
            self.next_user += 1
        self.job.roster(self.rows)

    def interrupt(self):
        """A run that gets a signal at some moment, if it lives as long."""
        process = self.job.start()
        number = self.dice.choice(SIGNALS)
        time.sleep(self.dice.random() ** 2)
        process.send_signal(number)
        if number != signal.SIGKILL and self.dice.random() < 0.2:
            process.send_signal(number)  # a second one ends it at once
        status = process.wait(timeout=faults.RUN_MAX_S)
        world.check(status in (0, 1, 4, ENDS[number], -number), f"exit {status} after {number.name}")
        if status in (ENDS[number], -number):
            self.count["kills" if number == signal.SIGKILL else "interrupts"] += 1

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
            self.dice.choice([self.interrupt, self.interrupt, self.interrupt, self.limit, self.close_streams])()
        for _ in range(RUNS_MAX):
            result = self.job.run("--quiet")
            self.count["runs"] += 1
            faults.check_bounds(result)
            if result.returncode == 0:
                break
            faults.check_between(self.job, self.rows, result)
            if self.emulator.certificate and result.returncode == 4:
                time.sleep(1)  # certificates stay wrong for so long
        world.check(result.returncode == 0, f"{RUNS_MAX} runs were not enough: {result.stderr}")
        world.check_world(self.job, self.rows, self.custom_id)

    def end(self):
        self.count["faults"] += sum(self.emulator.stats()["faults"].values())
        self.count["users"] += self.next_user
        ledger = self.job.ledger()
        self.count["lost"] += sum(key not in ledger for key in self.rows)
        known = {row[0] for row in self.job.query("SELECT identity FROM audit WHERE identity IS NOT NULL")}
        listed = self.job.in_doubt()
        strangers = [facts for identity, facts in self.emulator.identities().items() if identity not in known]
        self.count["orphans"] += len(strangers)
        self.count["doubled"] += sum(self.custom_id or facts["clientRequestId"] not in listed for facts in strangers)
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
    while time.monotonic() < deadline:
        story = Story(dice, arguments.users, count)
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

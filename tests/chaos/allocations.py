#!/usr/bin/env python3
"""Lets the n-th allocation fail, in every command; the program must say so, and the next run must make everything good.

usage: ROLLCALL_BIN=DIR tests/chaos/allocations.py [--every [--libraries]] [--tries N] [--seed TEXT] [--only WORD]

Without --every some n are drawn. In a build with AddressSanitizer, what is not freed counts as a failure. libcrypto and
libsqlite3 allocate thousands of times: --every leaves them out, but for --libraries; of the drawn n a few are theirs.
After each n the following must hold: no signal ended the program; it exits 1 with a message, or does what it does when
nothing fails, to the last byte of its output; and a run that comes after it leaves ledger, outputs and service in
agreement (world.check_world). Each n fails alone, and once more with every allocation after it.
Ends with the closing line "N passed, N failed".
"""

import argparse
import concurrent.futures
import os
import pathlib
import random
import re
import secrets
import shutil
import subprocess
import sys
import tempfile

import world

PRELOAD = world.BIN / "tests" / "libfail_alloc.so"
SUPPRESSIONS = pathlib.Path(__file__).with_name("lsan.supp")
AT_ONCE = 6        # stories that are told side by side
COMMAND_MAX_S = 30
LIBRARIES = "libcrypto libsqlite3"
OPENSSL_STARTS = 90  # so many allocations, and some

# The allocation that failed was the sanitizer's own, as it does when a thread starts: it ends the program.
SANITIZERS_OWN = r"AddressSanitizer: CHECK failed: sanitizer_.*pthread_getattr_np"

FIRST = {"user0": "1", "user1": "1", "user2": "1"}
DAYS = [FIRST, {"user0": "2", "user2": "1", "new": "1"}]  # each of them after the other: changed, removed, added
BAD_SPEC = "version: 2\nname: [a]\nledger: x\nroster: { csv: users.csv, kee: user_id, key: user_id }\nrules: *none\n"
BAD_ROSTER = "user_id,name,password_changed_at\nuser0,A,1\nuser0,B,1\n,C,1\nuser1,\xff,1,2\n"


class Failing:
    """The environment that fails allocation n; n = 0 only counts."""

    def __init__(self, n=0, onwards=False, skip="", count=None, only=""):
        asan = "verify_asan_link_order=0:allocator_may_return_null=1"
        if not skip:
            asan += ":fast_unwind_on_malloc=0"  # slow, and the only way to see who called a library
        self.name = f"n = {n}{'+' if onwards else ''}{' without ' + skip if skip else ''}{' of ' + only if only else ''}"
        self.environment = {"LD_PRELOAD": str(PRELOAD), "ROLLCALL_FAIL_ALLOC": f"{n}{'+' if onwards else ''}",
                            "ROLLCALL_FAIL_ALLOC_SKIP": skip, "ROLLCALL_FAIL_ALLOC_ONLY": only,
                            "ROLLCALL_COUNT_ALLOC": str(count or ""),
                            "ASAN_OPTIONS": asan,
                            "LSAN_OPTIONS": f"suppressions={SUPPRESSIONS}:print_suppressions=0"}


def judge(result, normal, refusal=1):
    """What a command may do when an allocation failed: what it does without (`normal`: exit status and output), or end with
    a message and the exit status `refusal`."""
    said = result.stderr.strip()
    if re.search(SANITIZERS_OWN, said):
        return
    world.check(result.returncode >= 0, f"ended by signal {-result.returncode}: {said}")
    world.check("Sanitizer" not in said and "runtime error" not in said, said)
    if result.returncode == normal[0]:
        world.check(normal[1] is None or result.stdout == normal[1], f"exits {normal[0]} with another output:\n{result.stdout}")
        world.check(normal[0] == 0 or said, "exits without a message")
    else:
        world.check(result.returncode in (1, refusal), f"exits {result.returncode}: {said}")
        world.check(re.search(r"(?m)^(rollcall|[^ :]+\.(yaml|csv)[:0-9]*): .", said), f"exits {result.returncode} without a message: {said}")


class Look:
    """A command that changes nothing, but for the file that it may write."""

    def __init__(self, name, *command, spec=None, roster=None, writes=None, before=None, refusal=1):
        self.name = name
        self.command = command
        self.spec = spec
        self.rows = roster
        self.writes = writes
        self.before = before
        self.refusal = refusal

    def open(self, home):
        job = world.Job(home / "job", world.Emulator(home), world.spec())
        for day in DAYS:
            job.roster(day)
            world.check(job.run("--quiet").returncode == 0, "a run without faults fails")
        job.roster(FIRST)
        if self.spec:
            (job.home / "job.yaml").write_text(self.spec)
        if self.rows:
            (job.home / "users.csv").write_text(self.rows, encoding="latin-1")
        if self.before:
            world.check(job.run(*self.before[1:], command=self.before[0]).returncode == 0, f"{self.before} fails")
        job.clean = self.state(job)
        normal = self.call(job, Failing())
        job.normal = normal.returncode, normal.stdout
        job.written = self.take_written(job)
        return job

    @staticmethod
    def state(job):
        return job.ledger(), sorted(path.name for path in job.home.rglob("*") if "ledger-" not in path.name)

    def take_written(self, job):
        """The file, but for the time that it was made at; None where there is none."""
        path = job.home / (self.writes or "nothing")
        if not path.exists():
            return None
        text = path.read_text()
        path.unlink()
        return re.sub(r'"made_at": [0-9]+', "", text)

    def call(self, job, failing):
        return job.run(*self.command[1:], command=self.command[0], environment=failing.environment, timeout=COMMAND_MAX_S)

    def once(self, job, failing):
        result = self.call(job, failing)
        judge(result, job.normal, self.refusal)
        written = self.take_written(job)
        world.check(written == job.written or (written is None and result.returncode == 1), f"{self.writes}: {written}")
        world.check(self.state(job) == job.clean, "something has changed")


class Live:
    """Runs of one job, day after day; each day the first run has an allocation that fails."""

    def __init__(self, name, custom_id=False, more="", refusal=1):
        self.name = name
        self.settings = {"resource": ", custom_id: true"} if custom_id else {}
        self.custom_id = custom_id
        self.more = more
        self.refusal = refusal

    def open(self, home):
        job = world.Job(home / "job", world.Emulator(home), world.spec(**self.settings) + self.more)
        job.day = 0
        job.roster(DAYS[0])
        world.check(job.run("--quiet").returncode == 0, "a run without faults fails")
        return job

    def call(self, job, failing):
        job.day = 1 - job.day
        job.roster(DAYS[job.day])
        return job.run("--quiet", environment=failing.environment, timeout=COMMAND_MAX_S)

    def once(self, job, failing):
        judge(self.call(job, failing), (0, ""), self.refusal)
        result = job.run("--quiet")
        world.check(result.returncode == 0, f"the next run: exit {result.returncode}: {result.stderr}")
        world.check_world(job, DAYS[job.day], self.custom_id)


class First:
    """The first run of a job."""

    name = "first run"

    def open(self, home):
        return home

    def call(self, home, failing, then=None):
        directory = pathlib.Path(home) / f"first-{secrets.token_hex(4)}"
        directory.mkdir()
        emulator = world.Emulator(directory)
        try:
            job = world.Job(directory / "job", emulator, world.spec())
            job.roster(FIRST)
            result = job.run("--quiet", environment=failing.environment, timeout=COMMAND_MAX_S)
            if then:
                then(job, result)
            return result
        finally:
            emulator.stop()
            shutil.rmtree(directory)

    def once(self, home, failing):
        def judge_both(job, result):
            judge(result, (0, ""))
            result = job.run("--quiet")
            world.check(result.returncode == 0, f"the next run: exit {result.returncode}: {result.stderr}")
            world.check_world(job, FIRST)
        self.call(home, failing, judge_both)


class Import:
    """A mapping is adopted as a whole or not at all."""

    name = "import"

    def open(self, home):
        job = world.Job(home / "job", world.Emulator(home), world.spec())
        job.roster(FIRST)
        world.check(job.run("--quiet").returncode == 0, "a run without faults fails")
        shutil.copy(job.home / "out" / "mapping.csv", job.home / "known.csv")
        return job

    def call(self, job, failing):
        for path in job.home.glob("chaos.ledger*"):
            path.unlink()
        return job.run("known.csv", command="import", environment=failing.environment, timeout=COMMAND_MAX_S)

    def once(self, job, failing):
        result = self.call(job, failing)
        judge(result, (0, "known.csv: 3 identities adopted, 0 known already\n"))
        adopted = len(job.ledger()) if job.query("SELECT 1 FROM sqlite_master WHERE name = 'identities'") else 0
        world.check(adopted in (0, 3), f"{adopted} of 3 adopted")
        world.check(adopted == 3 or result.returncode == 1, "exits 0, and nothing is adopted")
        result = job.run("known.csv", command="import")
        world.check(result.returncode == 0 and len(job.ledger()) == 3, f"the next import: {result.stderr}")


STORIES = [
    First(),
    Live("run"),
    Live("run, custom ids", custom_id=True),
    Live("run with hooks", more="hooks: { after_run: 'true', on_failure: 'true' }\n", refusal=6),
    Look("validate", "validate"),
    Look("validate, a spec with faults", "validate", spec=BAD_SPEC),
    Look("validate, a roster with faults", "validate", roster=BAD_ROSTER),
    Look("plan", "plan"),
    Look("plan --json", "plan", "--json"),
    Look("plan --out", "plan", "--out", "saved.plan", "--only", "user0", "--only", "user1", writes="saved.plan"),
    # An allocation that fails within a token of JSON is to jansson a wrong token.
    Look("run --plan", "run", "--plan", "saved.plan", "--dry-run", before=("plan", "--out", "saved.plan"), refusal=2),
    Look("status", "status"),
    Look("status --json", "status", "--json"),
    Look("history", "history", "user0"),
    Look("history --json", "history", "user0", "--json"),
    Look("export", "export"),
    Look("export --format ndjson", "export", "--format", "ndjson"),
    Import(),
]


def count(story, subject, skip):
    """How many allocations the command makes."""
    with tempfile.NamedTemporaryFile() as file:
        story.call(subject, Failing(skip=skip, count=file.name))
        return int(file.read())


def points(story, subject, dice, arguments):
    """What is to be tried."""
    skip = "" if arguments.libraries else LIBRARIES
    total = count(story, subject, skip)
    if arguments.every:
        return [Failing(n, onwards, skip) for n in range(1, total + 1) for onwards in (False, True)]
    drawn = [Failing(n, dice.random() < 0.5, skip) for n in dice.sample(range(1, total + 1), min(total, arguments.tries))]
    if not arguments.libraries:
        everything = count(story, subject, "")
        drawn += [Failing(n, dice.random() < 0.5) for n in dice.sample(range(1, everything + 1), 1 + arguments.tries // 4)]
        # OpenSSL's start, after which it may have no context.
        drawn += [Failing(n, only="libcrypto") for n in dice.sample(range(1, OPENSSL_STARTS + 1), 1 + arguments.tries // 4)]
    return drawn


class Stage:
    """Where a story is told; it begins anew when something went wrong."""

    def __init__(self, story):
        self.story = story
        self.open()

    def open(self):
        self.home = world.scratch()
        self.subject = self.story.open(self.home)

    def close(self):
        if isinstance(self.subject, world.Job):
            self.subject.emulator.stop()
        world.remove(self.home)


def tell(story, arguments):
    """(number of tries, what to print of those after which something does not hold)"""
    stage = Stage(story)
    tried = points(story, stage.subject, random.Random(f"{arguments.seed} {story.name}"), arguments)
    complaints = []
    for failing in tried:
        try:
            story.once(stage.subject, failing)
        except (world.Broken, subprocess.TimeoutExpired, OSError) as error:
            complaints.append(f"not ok: {story.name}, {failing.name}: {error}")
            stage.close()
            stage.open()
    stage.close()
    return len(tried), complaints


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", action="store_true")
    parser.add_argument("--libraries", action="store_true")
    parser.add_argument("--tries", type=int, default=100, help="of each command")
    parser.add_argument("--seed", default=os.environ.get("ROLLCALL_SEED", secrets.token_hex(4)))
    parser.add_argument("--only", default="", help="stories with this in their name")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        stories = [story for story in STORIES if arguments.only in story.name]
        for story, (tries, complaints) in zip(stories, pool.map(lambda story: tell(story, arguments), stories)):
            print("\n".join([*complaints, f"{story.name}: {tries} tries"]), flush=True)
            passed += tries - len(complaints)
            failed += len(complaints)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Changes a roster at random and compares rollcall with a plain model of what it should do, after every run.

    model.py [--rounds N] [--seed S] [--interrupts N] [--keep]

Each round changes the roster (users come, leave, return and change; columns are added and reordered; values hold spaces,
quotes and other scripts; in some walks they move between two resources), lets tokens or grace periods end by moving their times in the ledger, deletes or revokes
identities behind rollcall's back, takes one of several rule sets, asks for the plan and runs it. The model says what plan
and run must do; ledger, mapping, token file, failures and the emulator's identities are compared with it.

Then the interruptions: two jobs get the same rosters, and the runs of one of them are ended at a random point (SIGINT,
SIGTERM, SIGKILL) and repeated; some ask for every token again, once. Both must come to the same end, but for identities whose create was in doubt.

ROLLCALL_BIN is the folder of the two programs. The seed is printed; with it a failure can be repeated.
"""

import argparse
import base64
import csv
import datetime
import hashlib
import hmac
import http.client
import io
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

import world

ROLLCALL = world.BIN / "rollcall"

LIFETIME = 24 * 3600
WITHIN = 6 * 3600
GRACE = 30 * 24 * 3600
DELIMITERS = [",", ",", ";", "\t"]


class Wrong(Exception):
    """rollcall and the model do not agree."""


def check(what, is_, should_be):
    if is_ != should_be:
        raise Wrong(f"{what}\n  is:        {is_!r}\n  should be: {should_be!r}")


# --- the service -------------------------------------------------------------------------------------------------


def signed(emulator, method, target):
    """A request as the resource's owner sends it, without rollcall."""
    key = base64.b64decode(emulator.connection_string.split("accesskey=")[1])
    host = emulator.url.split("://")[1]
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%a, %d %b %Y %H:%M:%S GMT")
    content = base64.b64encode(hashlib.sha256(b"").digest()).decode()
    mac = base64.b64encode(hmac.new(key, f"{method}\n{target}\n{date};{host};{content}".encode(), hashlib.sha256).digest()).decode()
    connection = http.client.HTTPConnection(host)
    connection.request(method, target, headers={
        "x-ms-date": date, "x-ms-content-sha256": content,
        "Authorization": f"HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={mac}"})
    status = connection.getresponse().status
    connection.close()
    check(f"{method} behind rollcall's back", status, 204)


def delete_at(emulator, identity):
    signed(emulator, "DELETE", f"/identities/{identity.replace(':', '%3A')}?api-version=2023-10-01")


def revoke_at(emulator, identity):
    signed(emulator, "POST", f"/identities/{identity.replace(':', '%3A')}/:revokeAccessTokens?api-version=2023-10-01")


# --- rule sets ---------------------------------------------------------------------------------------------------


class Rules:
    def __init__(self, added=("provision",), changed=(), expiring=None, removed=(), after=0, meanwhile=(), lost=()):
        self.added, self.changed, self.expiring = list(added), list(changed), expiring
        self.removed, self.after, self.meanwhile, self.lost = list(removed), after, list(meanwhile), list(lost)

    def yaml(self, moved=()):
        def flow(actions):
            return "[" + ", ".join(actions) + "]" if actions else "keep"

        removed = f"do: {flow(self.removed)}"
        if self.after:
            removed += f", after: {self.after}s"
            if self.meanwhile:
                removed += f", meanwhile: {flow(self.meanwhile)}"
        parts = [f"added: {flow(self.added)}", f"changed: {flow(self.changed)}", f"removed: {{ {removed} }}",
                 f"lost: {flow(self.lost)}"]
        if moved:
            parts.append(f"moved: {flow(moved)}")
        if self.expiring is not None:
            parts.append(f"expiring: {{ within: {WITHIN}s, do: {flow(self.expiring)} }}")
        return "{ " + ", ".join(parts) + " }"


WITH_TOKENS = [
    Rules(),
    Rules(changed=["revoke", "issue"], removed=["delete"]),
    Rules(changed=["revoke", "issue"], expiring=["issue"], removed=["delete"], after=GRACE, meanwhile=["revoke"],
          lost=["provision"]),
    Rules(changed=["revoke"], expiring=["issue"], removed=["revoke"]),
    Rules(changed=["revoke"], removed=["delete"], after=GRACE, meanwhile=["revoke"]),
    Rules(changed=["issue"], expiring=["revoke", "issue"], removed=["revoke", "delete"], lost=["provision"]),
    Rules(expiring=["revoke"], removed=["delete"], after=GRACE),
    Rules(added=[], changed=["revoke", "issue"], removed=["delete"]),
    Rules(changed=["delete"], expiring=["delete"], lost=["provision"]),
    Rules(expiring=["issue"], removed=["revoke"], after=GRACE),
]
WITHOUT_TOKENS = [
    Rules(),
    Rules(removed=["delete"]),
    Rules(changed=["revoke"], removed=["delete"], after=GRACE, meanwhile=["revoke"], lost=["provision"]),
    Rules(changed=["delete"], removed=["revoke"]),
]
MOVES = [[], ["delete"], ["delete", "provision"], ["delete", "provision"]]
PLACES = ["emea", "us"]
WATCHES = [["pw"], ["pw"], ["pw", "dept"], ["dept", "pw"], []]
WHERES = [None, None, None, None, ["sales", "it & \"co\""]]


# --- the model ---------------------------------------------------------------------------------------------------


class User:
    """What the ledger should say of a user."""

    def __init__(self, identity, place, state, applied, ends, mark=None):
        self.identity, self.place, self.state, self.applied = identity, place, state, applied
        self.ends = ends  # None: no token; 0: one is owed; else when it ends
        self.mark = mark  # since when it is gone


class Model:
    """What is to be done, straight from the rules; and what then stands where."""

    def __init__(self, has_tokens, gone):
        self.users = {}    # by key
        self.live = {}     # live tokens, by identity; None: deleted
        self.has_tokens, self.gone = has_tokens, gone

    def issue_rule(self, rules):
        return rules.expiring if rules.expiring and "issue" in rules.expiring else ["issue"]

    def judge_present(self, user, job, row, before, now):
        """(category, actions, what is taken over without a request)"""
        watch, rules, reissue = job.watch, job.rules, job.reissue
        if user is None or user.state == "deleted":
            return "added", rules.added, {}
        if user.state == "lost":
            return "lost", rules.lost, {}
        moved = user.place != row["region"]
        if moved and job.moved:
            return "moved", job.moved, {}
        values = {column: row[column] for column in watch}
        if before is not None:
            # Texts are compared as a whole with what was applied: only when all columns were watched then.
            known = all(column in user.applied for column in watch)
            differs = (any(before.get(column) != values[column] for column in watch) or
                       known and any(user.applied[column] != values[column] for column in watch))
            adopted = {}
        else:
            differs = any(column in user.applied and user.applied[column] != values[column] for column in watch)
            adopted = {} if differs else values
        back = user.state == "revoked"
        if differs and rules.changed and not (back and self.has_tokens and rules.changed == ["revoke"]):
            return "changed", rules.changed, {}
        if reissue and self.has_tokens:
            return "expiring", self.issue_rule(rules), adopted
        if back:
            return ("expiring", self.issue_rule(rules), values) if self.has_tokens else ("unchanged", [], adopted)
        if self.has_tokens:
            if user.ends == 0:
                return "expiring", self.issue_rule(rules), adopted
            if rules.expiring and user.ends is None and ("issue" in rules.expiring or "delete" in rules.expiring):
                return "expiring", rules.expiring, adopted
            if rules.expiring and user.ends is not None and user.ends - now <= WITHIN:
                return "expiring", rules.expiring, adopted
        return ("changed" if differs else "moved" if moved else "unchanged"), [], adopted

    def judge_absent(self, user, previous, key, rules, now):
        """(category, actions, does its grace period begin?); category None: nothing to say about it"""
        if user.state in ("deleted", "lost") or (previous is not None and key not in previous and user.mark is None):
            return None, [], False
        over = rules.after == 0 or (user.mark is not None and now - user.mark >= rules.after)
        if over:
            if user.state == "revoked" and "delete" not in rules.removed:
                return None, [], False
            return "removed", rules.removed, False
        if user.mark is not None and (user.state == "revoked" or not rules.meanwhile):
            return "removed", [], False
        return "removed", rules.meanwhile, user.mark is None

    def plan(self, job, order, now):
        """[(key, category, actions, adopted, begins grace)] in the order of the plan."""
        planned = []
        for key, row in job.roster.items():
            if job.where is not None and row["dept"] not in job.where:
                continue
            before = job.previous.get(key) if job.previous is not None else None
            category, actions, adopted = self.judge_present(self.users.get(key), job, row, before, now)
            planned.append((key, category, actions, adopted, False))
        for key in order:
            if key not in job.roster:
                category, actions, begins = self.judge_absent(self.users[key], job.previous, key, job.rules, now)
                if category is not None:
                    planned.append((key, category, actions, {}, begins))
        left = job.limit or len(planned)
        acted = []
        for key, category, actions, adopted, begins in planned:
            asked = job.only is None or key in job.only
            acts = asked and bool(actions) and left > 0
            left -= acts
            acted.append((key, category, actions if acts else [], adopted if asked else {}, begins and asked))
        return acted

    def carry_out(self, job, plan, made, now):
        """Changes the model as the run should change the world. `made`: the identity that each provisioned user got.
        Returns the keys that failed, and those who got a token."""
        failed, served = [], set()
        for key in job.roster:
            if key in self.users:
                self.users[key].mark = None
        for key, category, actions, adopted, begins in plan:
            user = self.users.get(key)
            if user is not None:
                user.applied = {**user.applied, **adopted}
                if begins:
                    user.mark = now
            for step, action in enumerate(actions):
                if action == "provision":
                    values = {column: job.roster[key][column] for column in job.watch}
                    user = self.users[key] = User(made[key], job.roster[key]["region"], "active", values, now + LIFETIME if self.has_tokens else None)
                    self.live[user.identity] = 1 if self.has_tokens else 0
                    served.add(key)
                elif not self.act(user, category, actions, step, now, served, key):
                    failed.append(key)
                    break
            else:
                if actions and category == "changed" and user.state != "deleted":
                    user.applied = {**user.applied, **{column: job.roster[key][column] for column in job.watch}}
        return failed, served

    def act(self, user, category, actions, step, now, served, key):
        """One action on an identity; False when the service does not know it."""
        action = actions[step]
        known = self.live[user.identity] is not None
        # A delete that finds nobody is done, and so is a revoke on the way to one.
        ends = action == "delete" or (action == "revoke" and "delete" in actions[step:])
        if not known and (not ends or self.gone == 401):
            user.state, user.ends = "lost", None
            return False
        if action == "delete":
            user.state, user.ends = "deleted", None
            self.live[user.identity] = None
        elif action == "revoke":
            self.live[user.identity] = 0 if known else None
            user.ends = 0 if actions[step + 1:step + 2] == ["issue"] else None
            user.state = "revoked" if category == "removed" else "active"
            user.mark = (user.mark or now) if category == "removed" else None
        else:
            self.live[user.identity] += 1
            user.state, user.ends, user.mark = "active", now + LIFETIME, None
            served.add(key)
        return True


# --- a job -------------------------------------------------------------------------------------------------------


class Job:
    """A folder with a spec, a roster, a ledger and outputs; and how it is run this time."""

    def __init__(self, folder, service, random_, delimiter=",", has_tokens=True, custom_id=False, engine="{}"):
        self.folder, self.random = folder, random_
        self.places = list(service.each)
        self.environment = {**os.environ, **service.environment}
        self.delimiter, self.has_tokens, self.custom_id, self.engine = delimiter, has_tokens, custom_id, engine
        self.roster, self.previous = {}, None
        self.rules, self.moved, self.watch, self.where = Rules(), [], [], None
        self.only = self.limit = None
        self.reissue = False

    def path(self, name):
        return os.path.join(self.folder, name)

    def has_places(self):
        return len(self.places) > 1

    def resources(self):
        def one(name):
            return (f"{{ connection_string: {{ env: {world.variable(name)} }}" + (", custom_id: true" if self.custom_id else "")
                    + " }")

        if not self.has_places():
            return "resource: " + one("")
        return "resources: { " + ", ".join(f"{name}: {one(name)}" for name in self.places) + " }"

    def write_spec(self):
        def text(value):
            return json.dumps(value)  # a JSON string is a YAML one

        roster = [f"csv: users.csv, key: user_id, delimiter: {text(self.delimiter)}", f"watch: {text(self.watch)}"]
        if self.where is not None:
            roster.append(f"where: {{ dept: {text(self.where)} }}")
        if self.previous is not None:
            roster.append("previous: previous.csv")
        if self.has_places():
            roster.append("resource_column: region")
        lines = [
            "version: 1",
            "name: model",
            self.resources(),
            "ledger: job.ledger",
            "roster: { " + ", ".join(roster) + " }",
            "token: { scopes: " + ("[chat]" if self.has_tokens else "[]") + " }",
            "rules: " + self.rules.yaml(self.moved),
            "limits: { delete: 100%, revoke: 100%, shrink: 100% }",
            "outputs: { mapping: out/mapping.csv, failures: out/failures.csv"
            + (", tokens: { csv: out/tokens.csv }" if self.has_tokens else "") + " }",
            "engine: { quotas: { create: none, issue: none, revoke: none, delete: none }, " + self.engine.strip("{} ")
            + " }",
        ]
        with open(self.path("job.yaml"), "w", encoding="utf-8") as file:
            file.write("\n".join(lines).replace(", }", " }") + "\n")

    def write_csv(self, name, rows, without=None):
        """The rows with their columns in any order, quoted or not, with either end of line."""
        columns = ["user_id", "pw", "dept", "name", "region"] + self.random.sample(["a", "b", "c d"], self.random.randint(0, 3))
        self.random.shuffle(columns)
        if without in columns:
            columns.remove(without)
        text = io.StringIO()
        writer = csv.writer(text, delimiter=self.delimiter, lineterminator=self.random.choice(["\n", "\r\n"]),
                            quoting=self.random.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
        writer.writerow(columns)
        for key, row in rows:
            writer.writerow([key if column == "user_id" else row.get(column, "") for column in columns])
        with open(self.path(name), "w", encoding=self.random.choice(["utf-8", "utf-8-sig"]), newline="") as file:
            file.write(text.getvalue())

    def options(self):
        options = []
        for key in self.only or []:
            options += ["--only", key]
        if self.limit:
            options += ["--limit", str(self.limit)]
        return options + (["--reissue-all"] if self.reissue else [])

    def command(self, command, *options):
        return [ROLLCALL, command, self.path("job.yaml"), *options]

    def call(self, command, *options):
        return subprocess.run(self.command(command, *options), env=self.environment, capture_output=True, check=False,
                              encoding="utf-8", timeout=120)

    def sql(self, query, *values):
        connection = sqlite3.connect(self.path("job.ledger"), timeout=10)
        with connection:
            rows = connection.execute(query, values).fetchall()
        connection.close()
        return rows

    def runs(self):
        """How many of them have begun."""
        has_any = os.path.exists(self.path("job.ledger")) and self.sql("SELECT 1 FROM sqlite_master WHERE name = 'runs'")
        return self.sql("SELECT count(*) FROM runs")[0][0] if has_any else 0

    def ledger(self):
        """{key: (identity, state, end of token, fingerprint, gone since, watch text, place)} in the ledger's order."""
        if not os.path.exists(self.path("job.ledger")):
            return {}
        rows = self.sql("SELECT key, identity, state, token_expires_at, token_fingerprint, removed_at, watch, name"
                        " FROM identities JOIN resources ON resources.id = resource ORDER BY identities.id")
        return {row[0]: row[1:] for row in rows}

    def table(self, name):
        if not os.path.exists(self.path(name)):
            return []
        with open(self.path(name), encoding="utf-8", newline="") as file:
            return list(csv.reader(file, delimiter=self.delimiter if name.endswith("failures.csv") else ","))[1:]


# --- what must hold in any case ----------------------------------------------------------------------------------


def time_text(at):
    return "" if not at else datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def check_outputs(job, now):
    """Mapping and token file are what the ledger says."""
    ledger = job.ledger()
    check("mapping", job.table("out/mapping.csv"),
          [[key, row[0], row[1], time_text(row[2])] + ([row[-1]] if job.has_places() else []) for key, row in ledger.items()])
    if not job.has_tokens:
        return
    tokens = {}
    for key, identity, token, expires in job.table("out/tokens.csv"):
        if key in tokens:
            raise Wrong(f"two tokens of {key!r} in the token file")
        tokens[key] = (identity, hashlib.sha256(token.encode()).digest()[:16])
        check(f"length of the row of {key!r}", len(expires), 20)
    for key, (identity, state, ends, fingerprint, *_) in ledger.items():
        if key in tokens:
            check(f"token of {key!r}", tokens.pop(key), (identity, fingerprint))
        elif ends and ends > now:
            raise Wrong(f"the ledger has a token of {key!r} ({state}), the token file does not")
    check("tokens of users whom the ledger does not know", tokens, {})
    check("tasks that are open after a run", job.sql("SELECT count(*) FROM tasks"), [(0,)])


# --- one round ---------------------------------------------------------------------------------------------------


NAMES = ["anna", "Anna", " anna", "anna ", "a,b", 'q"uo"te', "=1+1", "-x", "日本", "й", "и\u0306", "a;b=c", "it's", "%25",
         "x" * 200, "tab?", "ÄÖÜ@contoso.example", "null", "0", "00", "true", "~", "#"]
KEYS = NAMES + [f"user{number:02d}@contoso.example" for number in range(30)]
VALUES = ["", " ", "mon", "mon ", "Mon", "a,b", 'a "b"', "x;y=1", "line\nbreak", "ünï", "missing", "blank", "2026-01-31"]
DEPARTMENTS = ["sales", "sales", "it & \"co\"", "", "support"]


class Walk:
    """A random walk, checked at each step."""

    def __init__(self, folder, seed):
        self.random = random.Random(seed)
        self.gone = self.random.choice([404, 401])
        self.has_tokens = self.random.random() < 0.85
        self.service = world.Emulators(folder, self.random.choice([[""], PLACES]), "--limits", "none", "--gone", str(self.gone))
        self.job = Job(folder, self.service, self.random, self.random.choice(DELIMITERS),
                       self.has_tokens, self.random.random() < 0.2)
        self.model = Model(self.has_tokens, self.gone)
        self.moves = 0

    def new_row(self):
        return {"pw": self.random.choice(VALUES), "dept": self.random.choice(DEPARTMENTS),
                "name": self.random.choice(VALUES), "region": self.random.choice(self.job.places)}

    def change_roster(self):
        roster, pick = self.job.roster, self.random
        for _ in range(pick.randint(0, 6)):
            what = pick.choice(["add", "add", "remove", "change", "change", "name", "move"])
            if what == "add":
                roster.setdefault(pick.choice(KEYS), self.new_row())
            elif roster:
                key = pick.choice(list(roster))
                if what == "remove":
                    del roster[key]
                else:
                    column = {"name": "name", "move": "region"}.get(what) or pick.choice(["pw", "pw", "dept"])
                    roster[key] = {**roster[key], column: self.new_row()[column]}
        if pick.random() < 0.1:
            for key in pick.sample(list(roster), len(roster) // 2):
                del roster[key]
        if pick.random() < 0.02:
            roster.clear()
        shuffled = list(roster.items())
        pick.shuffle(shuffled)
        self.job.roster = dict(shuffled)

    def change_world(self):
        """Time goes on, and others work on the service."""
        model, pick, now = self.model, self.random, int(time.time())
        for key, user in model.users.items():
            draw = pick.random()
            if user.ends and user.ends > now and draw < 0.08:
                user.ends = now + pick.choice([-1000, WITHIN - 1000, WITHIN + 1000])
                self.job.sql("UPDATE identities SET token_expires_at = ? WHERE key = ?", user.ends, key)
            elif user.mark and draw < 0.3:
                user.mark = now - GRACE + pick.choice([-1000, 1000])
                self.job.sql("UPDATE identities SET removed_at = ? WHERE key = ?", user.mark, key)
            elif model.live[user.identity] is not None and draw > 0.98:
                delete_at(self.service.each[user.place], user.identity)
                model.live[user.identity] = None
            elif model.live[user.identity] is not None and draw > 0.97:
                revoke_at(self.service.each[user.place], user.identity)
                model.live[user.identity] = 0
        if model.users:
            # The mapping is written when the audit trail grew; what was done here by hand is not in it.
            self.job.sql("DELETE FROM meta WHERE name = 'mapping'")

    def choose(self, before):
        job, pick = self.job, self.random
        if not job.rules or pick.random() < 0.3:
            job.rules = pick.choice(WITH_TOKENS if self.has_tokens else WITHOUT_TOKENS)
            job.moved = pick.choice(MOVES) if job.has_places() else []
            if "provision" not in job.rules.added:
                job.moved = [each for each in job.moved if each != "provision"]
            job.watch = pick.choice(WATCHES)
            job.where = pick.choice(WHERES)
        job.previous = None
        if before and pick.random() < 0.15:
            without = pick.choice([None, None, "pw"])
            job.previous = {key: {name: value for name, value in row.items() if name != without}
                            for key, row in before.items()}
            job.write_csv("previous.csv", list(job.previous.items()), without)
        job.only = job.limit = None
        job.reissue = pick.random() < 0.05
        if pick.random() < 0.1:
            job.limit = pick.randint(1, 4)
        if pick.random() < 0.1:
            somebody = sorted({*job.roster, *self.model.users})
            job.only = pick.sample(somebody, min(3, len(somebody)))
            if not somebody or pick.random() < 0.2:
                job.only.append(pick.choice(KEYS))
        job.write_spec()
        job.write_csv("users.csv", list(job.roster.items()))

    def expected_refusal(self):
        job = self.job
        active = sum(user.state in ("active", "revoked") for user in self.model.users.values())
        if not job.roster and active == 0:
            return 2
        if any(key not in job.roster and key not in self.model.users for key in job.only or []):
            return 2
        selected = sum(job.where is None or row["dept"] in job.where for row in job.roster.values())
        return 3 if selected == 0 and active > 0 and job.only is None else None

    def check_refused(self, status):
        ledger, identities = self.job.ledger(), self.service.identities()
        run = self.job.call("run", *self.job.options())
        check(f"exit status of a run that is to be refused: {run.stderr}", run.returncode, status)
        # A limit has refused the plan: who is back is out of the grace period all the same.
        if status == 3 and self.job.previous is None:
            for key in self.job.roster:
                if key in ledger:
                    self.model.users[key].mark = None
                    ledger[key] = (*ledger[key][:4], None, *ledger[key][5:])
        check("what a refused run changed", (self.job.ledger(), self.service.identities()), (ledger, identities))

    def check_duplicate(self):
        if not self.job.roster or self.random.random() > 0.05:
            return
        key = self.random.choice(list(self.job.roster))
        self.job.write_csv("users.csv", list(self.job.roster.items()) + [(key, self.new_row())])
        self.check_refused(2)
        self.job.write_csv("users.csv", list(self.job.roster.items()))

    def check_plan(self, plan):
        shown = self.job.call("plan", "--json", *self.job.options())
        check(f"exit status of plan: {shown.stderr}", shown.returncode, 0)
        lines = [json.loads(line) for line in shown.stdout.splitlines()]
        check("plan", [(line["key"], line["category"], line["actions"]) for line in lines[:-1]],
              [(key, category, actions) for key, category, actions, _, _ in plan])
        if self.job.has_places():
            check("where the plan's users are", [line["resource"] for line in lines[:-1]],
                  [self.place_of(key) for key, *_ in plan])

    def place_of(self, key):
        user = self.model.users.get(key)
        return user.place if user is not None and user.state not in ("deleted", "lost") else self.job.roster[key]["region"]

    def check_ledger(self, before, served, started, ended):
        ledger = self.job.ledger()
        check("users in the ledger", set(ledger), set(self.model.users))
        for key, user in self.model.users.items():
            identity, state, ends, fingerprint, mark, watch, place = ledger[key]
            check(f"identity and state of {key!r}", (identity, state), (user.identity, user.state))
            check(f"place of {key!r}", place, user.place)
            if key in served and user.ends:
                if not started + LIFETIME - 2 <= ends <= ended + LIFETIME + 2:
                    raise Wrong(f"the new token of {key!r} ends at {ends}, now is {ended}")
                user.ends = ends
                if before.get(key, (None,) * 4)[3] == fingerprint:
                    raise Wrong(f"{key!r} was to get a new token")
            check(f"end of the token of {key!r}", ends, user.ends)
            if (mark is None) != (user.mark is None) or (mark is not None and abs(mark - user.mark) > 60):
                raise Wrong(f"{key!r} is gone since {mark}, should be {user.mark}")
            user.mark = mark
            columns = {part.split("=")[0] for part in watch.split(";") if part}
            check(f"columns applied to {key!r}", columns, set(user.applied))

    def check_service(self):
        should = {identity: ("deleted", 0) if live is None else ("active", live) for identity, live in self.model.live.items()}
        identities = self.service.identities()
        is_ = {identity: (each["state"], each["liveTokens"]) for identity, each in identities.items()}
        check("places of the users' identities", {key: identities[user.identity]["resource"] for key, user in self.model.users.items()},
              {key: user.place for key, user in self.model.users.items()})
        check("identities at the service", {key: is_.get(key) for key in is_.keys() | should.keys()},
              {key: should.get(key) for key in is_.keys() | should.keys()})

    def step(self):
        before_roster = dict(self.job.roster)
        self.change_roster()
        self.change_world()
        self.choose(before_roster)
        status = self.expected_refusal()
        if status is not None:
            self.check_refused(status)
            return "refused"
        self.check_duplicate()
        before = self.job.ledger()
        started = int(time.time())
        plan = self.model.plan(self.job, list(before), started)
        self.check_plan(plan)
        self.moves += sum(category == "moved" and bool(actions) for _, category, actions, _, _ in plan)
        run = self.job.call("run", "--json", *self.job.options())
        after = self.job.ledger()
        made = {key: after[key][0] for key, _, actions, _, _ in plan if "provision" in actions and key in after}
        check("users without the identity that was to be made",
              [key for key, _, actions, _, _ in plan if "provision" in actions and key not in made], [])
        failed, served = self.model.carry_out(self.job, plan, made, started)
        check(f"exit status of the run: {run.stderr}", run.returncode, 1 if failed else 0)
        ended = int(time.time())
        self.check_ledger(before, served, started, ended)
        self.check_service()
        check_outputs(self.job, ended)
        check("failed users", sorted(row[self.key_column()] for row in self.job.table("out/failures.csv")),
              sorted(failed))
        return f"{sum(bool(actions) for _, _, actions, _, _ in plan)} of {len(plan)}"

    def key_column(self):
        with open(self.job.path("out/failures.csv"), encoding="utf-8", newline="") as file:
            return next(csv.reader(file, delimiter=self.job.delimiter)).index("user_id")

    def walk(self, rounds):
        for number in range(rounds):
            try:
                self.step()
            except Wrong as wrong:
                job = self.job
                raise Wrong(f"round {number}: {wrong}\n  rules: {job.rules.yaml(job.moved)}\n  watch {job.watch} where {job.where}"
                            f" previous {job.previous is not None} options {job.options()}"
                            f" gone {self.gone}") from wrong


# --- interruptions -----------------------------------------------------------------------------------------------


SIGNALS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -signal.SIGKILL}


class Twins:
    """Two jobs with the same rosters; the runs of the second are interrupted."""

    def __init__(self, folder, seed):
        self.random = random.Random(seed)
        self.services = []
        self.jobs = []
        custom_id = self.random.random() < 0.3
        self.places = self.random.choice([[""], PLACES])
        for name in ("calm", "hurt"):
            home = os.path.join(folder, name)
            os.mkdir(home)
            self.services.append(world.Emulators(home, self.places, "--limits", "none", "--latency", "1ms-15ms"))
            self.jobs.append(Job(home, self.services[-1], self.random,
                                 custom_id=custom_id, engine="concurrency: 6"))
        self.users = [f"user{number:03d}" for number in range(120)]

    def next_roster(self, roster):
        pick = self.random
        roster = {key: dict(row) for key, row in roster.items() if pick.random() < 0.85}
        for key in self.users:
            if key not in roster and pick.random() < 0.4:
                roster[key] = {"pw": "mon", "dept": "", "name": "", "region": pick.choice(self.places)}
        for key in roster:
            if pick.random() < 0.3:
                roster[key]["pw"] = pick.choice(VALUES)
            if pick.random() < 0.2:
                roster[key]["region"] = pick.choice(self.places)
        return roster

    def interrupt(self):
        """Runs the second job and ends it somewhere. True when it had ended by itself."""
        job, number = self.jobs[1], self.random.choice(list(SIGNALS))
        runs = job.runs()
        run = subprocess.Popen(job.command("run", "--quiet", *job.options()), env=job.environment, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)
        try:
            run.wait(self.random.random() ** 2 / 2)
        except subprocess.TimeoutExpired:
            run.send_signal(number)
        error = run.communicate(timeout=60)[1].decode()
        if run.returncode not in (0, SIGNALS[number]) and run.returncode >= 0:
            raise Wrong(f"a run that was sent {number.name} ended with {run.returncode}: {error}")
        if job.runs() > runs:
            job.reissue = False  # what it was to do is in the ledger: the next run knows without being told
        return run.returncode == 0

    def prints(self):
        """The fingerprints of the tokens that count in the second job."""
        return {row[3] for row in self.jobs[1].ledger().values() if row[3]}

    def compare(self):
        ledgers = [job.ledger() for job in self.jobs]
        check("states and places of the users", {key: (row[1], row[-1]) for key, row in ledgers[1].items()},
              {key: (row[1], row[-1]) for key, row in ledgers[0].items()})
        for job, service, ledger in zip(self.jobs, self.services, ledgers):
            now = int(time.time())
            check_outputs(job, now)
            identities = service.identities()
            for key, (identity, state, ends, *_, place) in ledger.items():
                check(f"{key!r} at the service", (identities[identity]["state"], identities[identity]["resource"]),
                      ("deleted" if state == "deleted" else "active", place))
                check(f"token of {key!r}, which is {state}", bool(ends), state == "active")
                check(f"live tokens of {key!r}, which is {state}", identities[identity]["liveTokens"] > 0, state == "active")
            known = {row[0] for row in ledger.values()}
            doubt = {row[0] for row in job.sql("SELECT request_id FROM audit WHERE outcome = 'in_doubt'")}
            # Identities that users had before are in the audit trail; all others must be listed as in doubt.
            known |= {row[0] for row in job.sql("SELECT DISTINCT identity FROM audit WHERE identity IS NOT NULL")}
            lost = [each for each in identities.values()
                    if each["id"] not in known and each.get("clientRequestId") not in doubt]
            check("identities that nobody knows and no doubt is recorded of", lost, [])

    def rounds(self, count):
        roster, interrupted = {}, 0
        rules = [WITH_TOKENS[2], WITH_TOKENS[1], WITH_TOKENS[5]]
        for number in range(count):
            roster = self.next_roster(roster)
            rule, reissue = self.random.choice(rules), self.random.random() < 0.3
            for job in self.jobs:
                job.roster, job.rules, job.watch, job.reissue = roster, rule, ["pw"], reissue
                job.moved = ["delete", "provision"] if job.has_places() else []
                job.write_spec()
                job.write_csv("users.csv", list(roster.items()))
            try:
                before = self.prints()
                calm = self.jobs[0].call("run", *self.jobs[0].options())
                check(f"exit status of the calm run: {calm.stderr}", calm.returncode, 0)
                for _ in range(self.random.randint(1, 4)):
                    if self.interrupt():
                        break
                    interrupted += 1
                repeated = self.jobs[1].call("run", *self.jobs[1].options())
                check(f"exit status of the repeated run: {repeated.stderr}", repeated.returncode, 0)
                self.compare()
                if reissue:
                    check("tokens that were not replaced", before & self.prints(), set())
                plan = self.jobs[1].call("plan", "--exit-code")
                check(f"exit status of plan after it: {plan.stdout}", plan.returncode, 0)
            except Wrong as wrong:
                raise Wrong(f"interruption {number}: {wrong}\n  rules: {rule.yaml()}") from wrong
        return interrupted


# --- main --------------------------------------------------------------------------------------------------------


def main():
    parser = argparse.ArgumentParser(description="compare rollcall with a model of it")
    parser.add_argument("--rounds", type=int, default=200, help="of roster changes (default 200)")
    parser.add_argument("--interrupts", type=int, default=10, help="rounds of interrupted runs (default 10)")
    parser.add_argument("--seed", type=int, default=None, help="(default: random)")
    parser.add_argument("--keep", action="store_true", help="keep the folder of a failure")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}", flush=True)
    folder = tempfile.mkdtemp(prefix="rollcall-model.")
    services = []
    failed = False
    try:
        walk = Walk(folder, seed)
        services.append(walk.service)
        walk.walk(arguments.rounds)
        print(f"{arguments.rounds} rounds, {len(walk.model.live)} identities made, {walk.moves} moves", flush=True)
        if arguments.interrupts:
            twins = Twins(folder, seed)
            services += twins.services
            interrupted = twins.rounds(arguments.interrupts)
            print(f"{arguments.interrupts} rounds with {interrupted} interrupted runs")
    except Wrong as wrong:
        failed = True
        print(f"seed {seed}, {wrong}", file=sys.stderr)
    finally:
        for service in services:
            service.stop()
        if failed and arguments.keep:
            print(f"kept {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder)
    sys.exit(1 if failed else 0)


main()

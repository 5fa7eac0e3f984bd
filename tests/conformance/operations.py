#!/usr/bin/env python3
"""operations.py - walks the table of README.md: tries every cell against the emulator.

usage: operations.py CONNECTION_STRING
"""

import datetime
import json
import sys

from replay import HERE, Emulator

SCHEMA = HERE.parent.parent / "jobs" / "rollcall.schema.json"


def read_table(text):
    """The table that begins with api-version: a dictionary a row."""
    lines = text[text.index("| api-version |") :].split("\n\n")[0].splitlines()
    names, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(names, row)) for row in rows]


class Trials:
    """A method a column: what the emulator makes of it in a version."""

    def __init__(self, emulator):
        self.emulator = emulator
        self.made = 0

    def ask(self, method, path, version, body=None):
        request = {"method": method, "target": f"{path}?api-version={version}"}
        if body is not None:
            request |= {"content_type": "application/json", "body": json.dumps(body, separators=(",", ":"))}
        status, _, answer = self.emulator.ask(request)
        return status, json.loads(answer) if answer else {}

    def word(self, answer, success, refusal="UnsupportedApiVersion"):
        status, body = answer
        if status == success:
            return "yes"
        assert body["error"]["code"] == refusal, body
        return str(status)

    def new(self, body=None, version="2023-10-01"):
        status, answer = self.ask("POST", "/identities", version, body)
        return answer["identity"]["id"].replace(":", "%3A") if status == 201 else None

    def create(self, version):
        return self.word(self.ask("POST", "/identities", version), 201)

    def issue(self, version):
        body = {"scopes": ["chat"]}
        return self.word(self.ask("POST", f"/identities/{self.new()}/:issueAccessToken", version, body), 200)

    def revoke(self, version):
        return self.word(self.ask("POST", f"/identities/{self.new()}/:revokeAccessTokens", version), 204)

    def delete(self, version):
        return self.word(self.ask("DELETE", f"/identities/{self.new()}", version), 204)

    def get(self, version):
        return self.word(self.ask("GET", f"/identities/{self.new()}", version), 200)

    def exchange(self, version):
        body = {"token": "ENTRA_TOKEN", "appId": "APP_ID", "userId": "USER_ID"}
        return self.word(self.ask("POST", "/teamsUser/:exchangeAccessToken", version, body), 200)

    def lifetime(self, version):
        """One that is too short is refused, or makes no difference."""
        path, body = f"/identities/{self.new()}/:issueAccessToken", {"scopes": ["chat"], "expiresInMinutes": 59}
        status, answer = self.ask("POST", path, version, body)
        if status == 200:
            ends = datetime.datetime.fromisoformat(answer["expiresOn"][:19] + "+00:00")
            assert ends - datetime.datetime.now(datetime.timezone.utc) > datetime.timedelta(hours=23), answer
            return "ignored"
        if answer["error"]["code"] == "UnsupportedApiVersion":
            return str(status)
        assert (status, answer["error"]["target"]) == (400, "ExpiresInMinutes"), answer
        return self.word(self.ask("POST", path, version, body | {"expiresInMinutes": 60}), 200)

    def join_scopes(self, version):
        path = f"/identities/{self.new()}/:issueAccessToken"
        scopes = ("chat.join", "chat.join.limited", "voip.join")
        answers = [self.ask("POST", path, version, {"scopes": [scope]}) for scope in scopes]
        refusal = answers[0][1].get("error", {}).get("code")
        words = {self.word(answer, 200, refusal) for answer in answers}
        assert len(words) == 1 and refusal in (None, "ValidationError", "UnsupportedApiVersion"), answers
        return words.pop()

    def custom_id(self, version):
        self.made += 1
        body = {"customId": f"user {self.made}"}
        first, second = self.new(body, version), self.new(body, version)
        if first is None:
            return self.word(self.ask("POST", "/identities", version, body), 201)
        return "yes" if first == second else "ignored"


def recorded(version):
    book = json.loads((HERE / "recordings.json").read_text())

    def shows(recording):
        return any(exchange["request"]["target"].endswith(f"api-version={version}") for exchange in recording["exchanges"])

    return " ".join(recording["name"][:2] for recording in book["recordings"] if shows(recording))


def spec_takes(version):
    resource = json.loads(SCHEMA.read_text())["properties"]["resource"]
    return "yes" if version in json.dumps(resource) else "no"


def main(connection_string):
    trials = Trials(Emulator(connection_string, ""))
    found = tried = 0
    for row in read_table((HERE / "README.md").read_text()):
        version = row.pop("api-version")
        for name, cell in row.items():
            trial = {"recorded": recorded, "spec": spec_takes}.get(name) or getattr(trials, name.replace(" ", "_"))
            word = trial(version)
            tried += 1
            if word != cell:
                found += 1
                print(f"{version}: {name}: the table says {cell!r}, it is {word!r}")
    print(f"{tried} cells, {found} differences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

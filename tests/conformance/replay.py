#!/usr/bin/env python3
"""replay.py - sends the recorded requests to the emulator and compares its answers with the recorded ones.

usage: replay.py CONNECTION_STRING BEARER_TOKEN

Identifiers, times, tokens and lengths differ from answer to answer: of these the form is compared. Everything else has to be
the same: the status, the body with its members in their order, the set of headers and their values. What would have browsers
tell Microsoft of failures the emulator leaves out.
"""

import base64
import json
import pathlib
import re
import sys
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cli"))
import client  # noqa: E402

GUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
JWT = r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+=*\.[A-Za-z0-9_-]+"
MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
HEADER_FORMS = {
    "content-length": r"[1-9]\d*",
    "date": r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT",
    "ms-cv": r"[A-Za-z0-9+/]{22}\.0",
    "x-azure-ref": r"0[A-Za-z0-9+/]{40,}={0,2}",
    "x-processing-time": r"\d+ms",
    "x-ms-client-request-id": "9b1f6a52-5c55-4a7e-8d5e-53d1d7a6f4a0",
    "x-ms-request-id": GUID,
}
LEFT_OUT = {"nel", "report-to"}
# From 2020 to 2038 only: a wrong unit shows.
BODY_FORMS = {
    "id": f"8:acs:{GUID}_{GUID}",
    "access_token": JWT,
    "token": JWT,
    "expiresOn": MOMENT + r"(\.\d{0,6}[1-9])?\+00:00",
    "lastTokenIssuedAt": MOMENT + r"\+00:00",
}
APP_ID = "9b1f6a52-5c55-4a7e-8d5e-53d1d7a6f4a0"
USER_ID = "0f9b4f43-6a1c-4a6e-9c3b-2f5e7a1b9c11"


def base64url(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def entra_token():
    """As Entra gives it to a Teams user; nobody checks its signature."""
    claims = {"appid": APP_ID, "oid": USER_ID, "exp": int(time.time()) + 3900}
    return f"{base64url({'alg': 'RS256', 'typ': 'JWT'})}.{base64url(claims)}.c2lnbmF0dXJl"


STANDINS = {
    "OTHER_APP_ID": USER_ID,
    "APP_ID": APP_ID,
    "USER_ID": USER_ID,
    "ENTRA_TOKEN": entra_token(),
    "SomeTenantId": "11111111-1111-4111-8111-111111111111",
    "SomeClientId": "22222222-2222-4222-8222-222222222222",
    "CLIENT_SECRET": urllib.parse.quote_plus("emulator~Secret.1+2/3=&%"),
}


def with_values(text):
    return re.sub(r"\b(" + "|".join(STANDINS) + r")\b", lambda name: STANDINS[name[0]], text)


class Emulator:
    def __init__(self, connection_string, bearer_token):
        endpoint, _, self.key = connection_string.partition(";accesskey=")
        self.base = endpoint.removeprefix("endpoint=").rstrip("/")
        self.bearer_token = bearer_token

    def ask(self, request):
        """One recorded request; its status, header lines and body."""
        method = request["method"].encode()
        target, body = (with_values(text).encode() for text in (request["target"], request.get("body", "")))
        lines = [b"x-ms-client-request-id: " + HEADER_FORMS["x-ms-client-request-id"].encode()]
        for name, member in (("Content-Type", "content_type"), ("Origin", "origin")):
            if member in request:
                lines.append(f"{name}: {request[member]}".encode())
        if request.get("auth") == "entra":
            lines.append(b"Authorization: Bearer " + self.bearer_token.encode())
        elif request.get("auth") != "none":
            host = self.base.partition("://")[2].encode()
            lines += client.signed_headers(method, target, body, host, self.key.encode(), b"", b"", b"x-ms-date")
        return client.send(self.base.encode(), method, target, body, lines, b"")


def differences(expected, got, where="body"):
    """Of two JSON values, with the form in place of what differs from answer to answer."""
    name = where.rpartition(".")[2]
    if type(expected) is not type(got):
        yield f"{where} is {got!r}, recorded {expected!r}"
    elif isinstance(expected, dict):
        if list(expected) != list(got):
            yield f"{where} has {list(got)}, recorded {list(expected)}"
        for key in expected.keys() & got.keys():
            yield from differences(expected[key], got[key], f"{where}.{key}")
    elif name in BODY_FORMS:
        for side, value in (("emulator", got), ("recording", expected)):
            if not re.fullmatch(BODY_FORMS[name], value):
                yield f"{where} of the {side} is not of its form: {value}"
    elif expected != got:
        yield f"{where} is {got!r}, recorded {expected!r}"


def header_differences(expected, lines):
    got = {name.decode().lower(): value.strip().decode() for name, _, value in (line.partition(b":") for line in lines)}
    if len(got) != len(lines):
        yield f"a header stands twice: {lines}"
    expected = {name.lower(): value for name, value in expected.items() if name.lower() not in LEFT_OUT}
    if got.keys() != expected.keys():
        yield f"headers not recorded: {sorted(got.keys() - expected.keys())}"
        yield f"headers missing: {sorted(expected.keys() - got.keys())}"
    for name in got.keys() & expected.keys():
        recorded = expected[name]
        if recorded is not None and got[name] != recorded:
            yield f"{name} is {got[name]!r}, recorded {recorded!r}"
        if recorded is None and not re.fullmatch(HEADER_FORMS[name], got[name]):
            yield f"{name} is not of its form: {got[name]}"


def compare(exchange, header_sets, answer):
    status, lines, body = answer
    recorded = exchange["response"]
    if status != recorded["status"]:
        yield f"status is {status}, recorded {recorded['status']}"
    expected = {name: value for header_set in recorded["headers"] for name, value in header_sets[header_set].items()}
    yield from header_differences(expected, lines)
    yield from differences(recorded["body"], json.loads(body) if body else None)


def make_known(emulator, request):
    """The identity of a custom id is there before the recording, and has had a token."""
    custom_id = json.loads(request["body"])["customId"]
    body = json.dumps({"customId": custom_id, "createTokenWithScopes": ["chat"]})
    status, _, _ = emulator.ask({**request, "body": body})
    assert status == 201, status


def replay(emulator, recording, header_sets):
    """Ids of the recording become those that the emulator has made."""
    known = {}
    if "given" in recording:
        make_known(emulator, recording["exchanges"][0]["request"])
    for exchange in recording["exchanges"]:
        request = dict(exchange["request"])
        for recorded_id, our_id in known.items():
            request["target"] = request["target"].replace(recorded_id.replace(":", "%3A"), our_id.replace(":", "%3A"))
        answer = emulator.ask(request)
        for difference in compare(exchange, header_sets, answer):
            yield f"{recording['name']}: {exchange['operation']}: {difference}"
        if exchange["operation"] == "create" and answer[0] == 201:
            known[exchange["response"]["body"]["identity"]["id"]] = json.loads(answer[2])["identity"]["id"]


def main(connection_string, bearer_token):
    emulator = Emulator(connection_string, bearer_token)
    book = json.loads((HERE / "recordings.json").read_text())
    found = [line for recording in book["recordings"] for line in replay(emulator, recording, book["header_sets"])]
    print(*found, sep="\n")
    exchanges = sum(len(recording["exchanges"]) for recording in book["recordings"])
    print(f"{len(book['recordings'])} recordings, {exchanges} exchanges, {len(found)} differences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

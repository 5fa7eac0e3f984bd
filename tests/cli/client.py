"""client.py - sends signed requests for the bats files: one process a test instead of several a request.

It signs with the standard library, from the scheme's documents: neither the client's code nor the emulator's.

A request is fields that end in NUL: `send` or `sign`, the URL's base, method, target, body, "Name: value" lines (one
field, each ended by a line feed), then what is signed: key, target, host, content hash, date, the date's header ("": no
signature at all), and a file of trusted certificates. Empty fields mean the usual. The answer is one line: `send`
replies "STATUS MILLISECONDS" and leaves the answer's header lines (names in lower case) and body in the files that the
command line names; `sign` replies the headers that it would have sent, tab by tab.
"""

import base64
import hashlib
import hmac
import socket
import sys
import time
from urllib.parse import urlsplit

FIELDS = 13
TIMEOUT_S = 60


def fields(stream):
    """The requests of a stream, each as a list of FIELDS texts in bytes."""
    buffered = b""
    while chunk := stream.read1(1 << 20):
        buffered += chunk
        if chunk.endswith(b"\0") and buffered.count(b"\0") % FIELDS == 0:
            parts = buffered.split(b"\0")[:-1]
            buffered = b""
            for start in range(0, len(parts), FIELDS):
                yield parts[start : start + FIELDS]


def signed_headers(method, target, body, host, key, content_hash, date, date_header):
    content_hash = content_hash or base64.b64encode(hashlib.sha256(body).digest())
    date = date or time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()).encode()
    text = b"%s\n%s\n%s;%s;%s" % (method, target, date, host, content_hash)
    signature = base64.b64encode(hmac.digest(base64.b64decode(key), text, "sha256"))
    return [
        date_header + b": " + date,
        b"x-ms-content-sha256: " + content_hash,
        b"Authorization: HMAC-SHA256 SignedHeaders=%s;host;x-ms-content-sha256&Signature=%s" % (date_header.lower(), signature),
    ]


def connect(base, certificates):
    url = urlsplit(base)
    connection = socket.create_connection((url.hostname, url.port), TIMEOUT_S)
    if url.scheme != "https":
        return connection
    import ssl  # takes longer to load than all the rest

    context = ssl.create_default_context(cafile=certificates or None)
    return context.wrap_socket(connection, server_hostname=url.hostname)


def chunks(stream):
    while size := int(stream.readline().split(b";")[0], 16):
        yield stream.read(size)
        stream.readline()
    while stream.readline().strip():
        pass


def read_answer(stream, method):
    """Status, header lines and body."""
    status = int(stream.readline().split()[1])
    lines = []
    while line := stream.readline().rstrip(b"\r\n"):
        lines.append(line)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
    if method == b"HEAD" or status in (204, 304):
        body = b""
    elif headers.get(b"transfer-encoding") == b"chunked":
        body = b"".join(chunks(stream))
    elif b"content-length" in headers:
        body = stream.read(int(headers[b"content-length"]))
    else:
        body = stream.read()
    return status, lines, body


def send(base, method, target, body, lines, certificates):
    names = [line.partition(b":")[0].lower() for line in lines]
    defaults = [b"Accept: */*"]
    if b"host" not in names:
        defaults.insert(0, b"Host: " + base.partition(b"://")[2])
    if body or method == b"POST":
        defaults.append(b"Content-Length: %d" % len(body))
        if b"content-type" not in names:
            defaults.append(b"Content-Type: application/json")
    head = b"\r\n".join([method + b" " + target + b" HTTP/1.1", *defaults, *lines])
    with connect(base.decode(), certificates.decode()) as connection, connection.makefile("rb") as stream:
        connection.sendall(head + b"\r\n\r\n" + body)
        return read_answer(stream, method)


def write_answer(headers_path, body_path, lines, body):
    with open(headers_path, "wb") as file:
        for line in lines:
            name, colon, value = line.partition(b":")
            file.write(name.lower() + colon + value + b"\n")
    with open(body_path, "wb") as file:
        file.write(body)


def answer(request, headers_path, body_path):
    what, base, method, target, body, headers, key, signed_target, host, content_hash, date, date_header, trust = request
    lines = headers.split(b"\n")[:-1]
    if date_header:
        host = host or base.partition(b"://")[2]
        signed = signed_headers(method, signed_target or target, body, host, key, content_hash, date, date_header)
        lines = signed + lines
    if what == b"sign":
        return b"\t".join(lines).decode()
    start = time.monotonic()
    try:
        status, answer_lines, answer_body = send(base, method, target, body, lines, trust)
    except (OSError, ValueError, IndexError) as error:
        status, answer_lines, answer_body = 0, [], b""
        print(f"client: {error!r}", file=sys.stderr, flush=True)
    write_answer(headers_path, body_path, answer_lines, answer_body)
    return f"{status:03d} {int((time.monotonic() - start) * 1000)}"


def main(headers_path, body_path):
    for request in fields(sys.stdin.buffer):
        sys.stdout.write(answer(request, headers_path, body_path) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])

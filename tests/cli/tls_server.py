"""tls_server.py - a service that ends each connection after one answer: usage: tls_server.py CERTIFICATE KEY COUNTS

Prints its port when it listens, and ends with its standard input. Every request gets an identity. COUNTS holds how many
requests came, and how many of their connections took up a TLS session of an earlier one.
"""

import json
import os
import socket
import ssl
import sys
import threading

ANSWER = "8:acs:5f4c1e2a-0b7d-4c1e-9a53-2d6f8b90c417_0000001c-8f4e-2ab7-69ff-%012x"
counts = {"requests": 0, "resumed": 0}
counting = threading.Lock()


def read_request(stream):
    length = 0
    while (line := stream.readline()) not in (b"\r\n", b""):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    stream.read(length)


def serve(raw, context, path):
    with context.wrap_socket(raw, server_side=True) as connection, connection.makefile("rb") as stream:
        read_request(stream)
        with counting:
            counts["requests"] += 1
            counts["resumed"] += connection.session_reused
            with open(path + ".new", "w", encoding="ascii") as file:
                json.dump(counts, file)
            os.replace(path + ".new", path)
            body = json.dumps({"identity": {"id": ANSWER % counts["requests"]}}).encode()
        head = f"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)


def accept(listener, context, path):
    while True:
        raw, _ = listener.accept()
        threading.Thread(target=serve, args=(raw, context, path), daemon=True).start()


def main():
    certificate, key, path = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=accept, args=(listener, context, path), daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    sys.stdin.read()


main()

"""proxy.py - a proxy that knows CONNECT and nothing else: usage: proxy.py LOG [USER:PASSWORD] [STATUS]

Prints its port when it listens, and ends with its standard input. Each request becomes a line of LOG: method, target, and
"as USER" where credentials came. With USER:PASSWORD others are answered 407; with STATUS everybody gets that.
"""

import asyncio
import base64
import sys


async def copy(reader, writer):
    try:
        while chunk := await reader.read(1 << 16):
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()
    except OSError:
        pass


async def tunnel(target, reader, writer):
    host, _, port = target.rpartition(":")
    there_reader, there_writer = await asyncio.open_connection(host.strip("[]"), int(port))
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await asyncio.gather(copy(reader, there_writer), copy(there_reader, writer))
    there_writer.close()


def credentials(head):
    for line in head[1:]:
        name, _, value = line.partition(": ")
        if name.lower() == "proxy-authorization":
            return base64.b64decode(value.removeprefix("Basic ")).decode()
    return ""


class Proxy:
    def __init__(self, log, wanted="", status=""):
        self.log, self.wanted, self.status = open(log, "a", buffering=1), wanted, status

    def refusal(self, method, given):
        if self.status:
            return self.status
        if self.wanted and given != self.wanted:
            return "407"
        return "" if method == "CONNECT" else "405"

    async def serve(self, reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            method, target, _ = head[0].split()
            given = credentials(head)
            self.log.write(f"{method} {target}" + (f" as {given.partition(':')[0]}\n" if given else "\n"))
            if refusal := self.refusal(method, given):
                writer.write(f"HTTP/1.1 {refusal} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            else:
                await tunnel(target, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def main(*arguments):
    server = await asyncio.start_server(Proxy(*arguments).serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


asyncio.run(main(*sys.argv[1:]))

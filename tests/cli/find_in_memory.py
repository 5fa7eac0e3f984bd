"""find_in_memory.py PID SECRETS...: which lines of the files stand in what a process can write to, as they are or, for a
base64 text, decoded. Prints each that is found with how often and where; exits 1 when there is one.

Reads /proc/PID/mem, so it takes the rights to trace the process.
"""

import base64
import collections
import pathlib
import sys


def forms(line):
    yield line
    if len(line) % 4 == 0:
        try:
            decoded = base64.b64decode(line, validate=True)
        except ValueError:
            return
        if len(decoded) >= 16:
            yield decoded


def writable(pid):
    """Name and bytes of each part of the memory that can be written to."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            place, rights, _, _, _, *name = line.split(maxsplit=5)
            if "w" not in rights:
                continue
            start, end = (int(number, 16) for number in place.split("-"))
            memory.seek(start)
            try:
                bytes_there = memory.read(end - start)
            except OSError:
                continue  # taken away meanwhile, or a device
            yield name[0].strip() if name else "anonymous", bytes_there


def main(pid, *files):
    lines = {line for file in files for line in pathlib.Path(file).read_bytes().split(b"\n") if len(line) >= 16}
    found = collections.Counter()
    for name, memory in writable(pid):
        for line in lines:
            for form in forms(line):
                if count := memory.count(form):
                    found[line, name, form == line] += count
    for (line, name, is_plain), count in found.items():
        print(f"{line[:24].decode()}... {count} times in {name}{'' if is_plain else ', decoded'}")
    sys.exit(1 if found else 0)


main(*sys.argv[1:])

"""Runs a command on a terminal of its own and answers its question.

usage: on_terminal.py [--columns N] [--asks PROMPT] ANSWER COMMAND [ARGUMENT ...]

ANSWER is typed, with return, whenever the command asks with the PROMPT, "[y/N] "; "-" stands for a command that must not ask. Prints
what the terminal showed and exits as the command did. The terminal is N columns wide; without that it does not say.
"""

import fcntl
import os
import pty
import struct
import sys
import termios


def main():
    arguments = sys.argv[1:]
    columns = 0
    prompt = b"[y/N] "
    if arguments[0] == "--columns":
        columns, arguments = int(arguments[1]), arguments[2:]
    if arguments[0] == "--asks":
        prompt, arguments = arguments[1].encode(), arguments[2:]
    answer, command = arguments[0], arguments[1:]
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.execv(command[0], command)
    shown = b""
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        shown += piece
        if shown.endswith(prompt):
            os.write(terminal, (answer + "\n").encode())
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    sys.stdout.write(shown.decode().replace("\r\n", "\n"))
    sys.exit(os.waitstatus_to_exitcode(status))


main()

#!/usr/bin/env python3
"""Draws what a terminal shows, as `tmux capture-pane -p -e` gives it on standard input, as SVG."""

import html
import re
import sys

COLORS = {"31": "#ff7eb6", "32": "#5fd38d", "33": "#e8b04a"}
WIDTH, HEIGHT, PAD = 8.43, 20, 16  # of a character of 14 px; around all of them


def spans(line):
    """The pieces of a line, each with its place and its colour."""
    color, column = None, 0
    for code, text in re.findall(r"\x1b\[([0-9;]*)m|([^\x1b]+)", line):
        if text:
            yield column, color, text
            column += len(text)
        elif code:
            color = COLORS.get(code.split(";")[-1])


def main():
    lines = sys.stdin.read().rstrip().split("\n")
    columns = max(sum(len(text) for _, _, text in spans(line)) for line in lines)
    width, height = columns * WIDTH + 2 * PAD, len(lines) * HEIGHT + 2 * PAD
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" role="img">')
    print("<title>rollcall in a terminal</title>")
    print('<rect width="100%" height="100%" rx="8" fill="#14171a"/>')
    print('<g font-family="ui-monospace,Menlo,Consolas,DejaVu Sans Mono,monospace" font-size="14" fill="#e6e9ec">')
    for row, line in enumerate(lines):
        for column, color, text in spans(line):
            if text.strip():
                paint = f' fill="{color}"' if color else ""
                kept = html.escape(text).replace(" ", "\u00a0")
                print(f'<text x="{PAD + column * WIDTH:.1f}" y="{PAD + row * HEIGHT + 15}" '
                      f'textLength="{len(text) * WIDTH:.1f}"{paint}>{kept}</text>')
    print("</g>\n</svg>")


main()

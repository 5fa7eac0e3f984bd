#!/usr/bin/env python3
"""Rules of the code that no compiler knows. Each is a test of its own (ctest -R style); what breaks one is printed with
what to do about it.

usage: tests/style/check.py RULE

  format      clang-format has nothing to change
  functions   no function is longer than FUNCTION_LINES
  files       no file of the programs is longer than FILE_LINES
  calls       nothing in BANNED is called in lib/ and cmd/
  modules     includes follow what CMakeLists.txt links, and that follows LAYERS
  promises    the tests that tests/README.md names for each promise are there
  notes       nothing is left to do later
  shell       shellcheck warns of nothing

An exception is a line in exceptions.txt with its reason; one that is not needed any more is wrong as well.
"""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXCEPTIONS = pathlib.Path(__file__).with_name("exceptions.txt")
FUNCTION_LINES = 60
FILE_LINES = 500
PROMISES = 11  # the design's invariants

# A module may use what stands in the lines above its own (design, section 4), where CMakeLists.txt links it.
LAYERS = [
    ["core"],
    ["acs", "entra", "http", "ledger", "roster", "spec"],
    ["output"],
    ["run"],
]

# What is called, where that is not allowed ("" is everywhere), and what to do instead.
BANNED = [
    (r"gets|strcpy|stpcpy|strcat|strncpy|strncat|v?sprintf", "", "use snprintf() or a struct buffer (core/buffer.h)"),
    (r"v?f?scanf|v?sscanf", "", "parse by hand and say what is wrong: scanf() overflows silently"),
    (r"atoi|atol|atoll|atof", "", "use strtoll() or strtod() and look at where the number ended and at errno"),
    (r"strto(?:l|ul|ll|ull|d)(?=\s*\([^;]*?,\s*NULL\b)", "", "look at where the number ended: 12x is not 12"),
    (r"strtok", "", "it keeps state in the process: use strtok_r() or strcspn()"),
    (r"system|popen", "", "no shell: spawn the program with its arguments"),
    (r"alloca", "", "take memory that can be refused: a roster must not be able to overflow the stack"),
    (r"s?rand|s?random|rand_r|[delmn]rand48", "", "use getrandom() or RAND_bytes(); the emulator has random.h"),
    (r"(?:local|gm)time|localtime_r|a?ctime|asctime|mktime", "", "times are UTC: use core/clock.h, gmtime_r() or timegm()"),
    (r"time|gettimeofday|clock_gettime", "", "take a struct clock (core/clock.h), so that a test can drive it"),
    (r"u?sleep|nanosleep|clock_nanosleep", "", "wait for what is to happen, with a time limit"),
    (r"signal", "", "use sigaction() or signalfd()"),
    (r"strerror", "", "use error_errno(), or strerror_r(): two threads may fail at one time"),
    (r"tmpnam|tempnam|mktemp|tmpfile", "", "use core/file.h: its files are private and have no name that can be guessed"),
    (r"(?:un)?setenv|putenv|clearenv|umask|chdir|setlocale", "", "it changes the whole process, other threads included"),
    (r"setjmp|longjmp|sigsetjmp|siglongjmp", "", "return bool and a struct error"),
    (r"bzero|memset(?=\s*\([^;]*;\s*(?:OPENSSL_)?free)", "", "the compiler drops it before free(): use explicit_bzero()"),
    (r"printf|vprintf|puts|putchar|perror", "lib/", "nothing is printed where it is found: fill a struct error, or take a FILE *"),
    (r"_?exit|_Exit|quick_exit|abort|assert", "lib/", "return false and a struct error: who calls decides how it ends"),
]


def files(*patterns):
    found = sorted(path for pattern in patterns for path in ROOT.glob(pattern) if "node_modules" not in path.parts)
    if not found:
        sys.exit(f"no file is like {patterns}: the rule would check nothing")
    return [path.relative_to(ROOT).as_posix() for path in found]


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8", errors="replace")


def all_c_files():
    return files("lib/**/*.[ch]", "cmd/**/*.[ch]", "tests/**/*.[ch]")


def code_of(name):
    """The text without comments, strings and characters; every line keeps its number."""
    hidden = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
    return hidden.sub(lambda found: '""' + "\n" * found[0].count("\n"), text_of(name))


def line_at(text, position):
    return text.count("\n", 0, position) + 1


def complaints(command):
    """What a tool says in the form of a compiler."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    found = re.findall(r"^([^\s:]+):(\d+):\d+: (.*)$", done.stdout + done.stderr, re.MULTILINE)
    if done.returncode != 0 and not found:
        sys.exit(f"{command[0]} failed: {done.stderr}")
    return found


# Each rule yields (place, line, what is wrong); the place is what exceptions.txt names.


def check_format():
    for name, line, _ in complaints(["clang-format-14", "--dry-run", *all_c_files()]):
        yield name, line, f"run `clang-format-14 -i {name}`"


def check_functions():
    command = ["ctags", "--languages=C", "--kinds-C=f", "--fields=+ne", "--output-format=json", "-f", "-", *all_c_files()]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    functions = [json.loads(line) for line in output.splitlines()]
    if not functions:
        sys.exit("ctags finds no function: the rule would check nothing")
    for function in functions:
        lines = function["end"] - function["line"] + 1
        if lines > FUNCTION_LINES:
            place = f"{function['path']}:{function['name']}"
            yield place, function["line"], f"{function['name']}() has {lines} lines, {FUNCTION_LINES} at most: give its steps names"


def check_files():
    for name in files("lib/**/*.[ch]", "cmd/**/*.[ch]"):
        lines = text_of(name).count("\n")
        if lines > FILE_LINES:
            yield name, lines, f"{lines} lines, {FILE_LINES} at most: find the second subject in it and give it a file"


def check_calls():
    for name in files("lib/**/*.[ch]", "cmd/**/*.[ch]"):
        code = code_of(name)
        for pattern, where, instead in BANNED:
            if not name.startswith(where):
                continue
            for call in re.finditer(rf"(?<![\w.>])({pattern})\s*\(", code):
                yield f"{name}:{call[1]}", line_at(code, call.start()), f"{call[1]}(): {instead}"


def linked_modules():
    """What each module links, from CMakeLists.txt."""
    modules = {module for layer in LAYERS for module in layer}
    declared = re.findall(r"^rollcall_module\((\w+) DEPENDS([^)]*)\)", text_of("CMakeLists.txt"), re.MULTILINE)
    return {name: modules.intersection(depends.split()) for name, depends in declared}


def check_modules():
    linked = linked_modules()
    below = set()
    for layer in LAYERS:
        for module in linked.keys() & layer:
            for wrong in linked[module] - below:
                yield f"CMakeLists.txt:{module}:{wrong}", 1, f"{module} links {wrong}, which does not stand below it in LAYERS"
        below.update(layer)
    for name in files("lib/*/*.[ch]", "cmd/*/*.[ch]"):
        own = name.split("/")[1]
        may = {"rollcall": below, "acs-identity-emulator": {"core"}}.get(own, linked.get(own, set())) | {own}
        for number, line in enumerate(text_of(name).split("\n"), 1):
            include = re.match(r'#include "(\w+)/(\w+\.h)"', line)
            if include is None:
                continue
            if include[1] not in may:
                yield f"{name}:{include[1]}", number, f"{own} may not know {include[1]}: it uses {', '.join(sorted(may))} alone"
            elif include[1] != own and include[2].endswith("_internal.h"):
                yield f"{name}:{include[1]}", number, f"{include[2]} is {include[1]}'s own: use its public header"


def tests_in(reference):
    """The names of the tests in a file of which README.md says so; None where there is no such file."""
    unit = reference.startswith("test_")
    name = f"tests/unit/{reference}.c" if unit else f"tests/{reference}" + (".bats" if reference.startswith("cli/") else "")
    if not (ROOT / name).is_file():
        return None
    return re.findall(r"^static void (\w+)\(void \*\*state\)$" if unit else r'^@test "(.*)" {$', text_of(name), re.MULTILINE)


def check_promises():
    """`one`, `two`: part of a name, part of another; `three`: ... Each part stands in the name of a test of the files before it."""
    rows = [(number, row) for number, line in enumerate(text_of("tests/README.md").split("\n"), 1)
            if (row := re.match(r"\| (\d+)\. [^|]*\|(.*)\|$", line))]
    if [int(row[1]) for _, row in rows] != list(range(1, PROMISES + 1)):
        sys.exit(f"tests/README.md: the table of promises does not have the {PROMISES} of the design")
    for number, row in rows:
        for claim in row[2].split(";"):
            found = {reference: tests_in(reference) for reference in re.findall(r"`([^`]*)`", claim)}
            for reference in (reference for reference, names in found.items() if names is None):
                yield "tests/README.md", number, f"there is no {reference}: name a file of tests"
            for part in filter(None, (part.strip() for part in re.sub(r"`[^`]*`:?", "", claim).split(","))):
                if not any(part in name for names in found.values() for name in names or []):
                    yield "tests/README.md", number, f"no test of {' or '.join(found)} has this in its name: {part}"


def check_notes():
    words = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
    endings = ["c", "h", "py", "sh", "bash", "bats", "mjs", "md", "yaml", "txt"]
    for name in files(*(f"{folder}/**/*.{ending}" for folder in ["lib", "cmd", "tests", "jobs", "samples"] for ending in endings)):
        text = text_of(name)
        for word in words.finditer(text):
            yield name, line_at(text, word.start()), f"{word[0]}: do it now, or file an issue"


def check_shell():
    scripts = files("tests/**/*.sh", "tests/**/*.bash", "tests/**/*.bats", "samples/*.sh", "samples/*.bash", ".ci/run")
    yield from complaints(["shellcheck", "--severity=warning", "--external-sources", "--format=gcc", *scripts])


RULES = {
    "format": check_format,
    "functions": check_functions,
    "files": check_files,
    "calls": check_calls,
    "modules": check_modules,
    "promises": check_promises,
    "notes": check_notes,
    "shell": check_shell,
}


def exceptions_of(rule):
    """The places that may break the rule."""
    lines = [line.split(None, 2) for line in EXCEPTIONS.read_text().splitlines() if line and not line.startswith("#")]
    for words in lines:
        if len(words) < 3 or words[0] not in RULES:
            sys.exit(f"{EXCEPTIONS.name}: `{' '.join(words)}` is not a rule, a place and a reason")
    return {words[1] for words in lines if words[0] == rule}


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in RULES:
        sys.exit(__doc__)
    rule = sys.argv[1]
    excepted = exceptions_of(rule)
    needed = set()
    wrong = 0
    for place, line, message in RULES[rule]():
        if place in excepted:
            needed.add(place)
            continue
        wrong += 1
        print(f"{place.split(':')[0]}:{line}: {message}")
    if wrong > 0:
        print(f"where there is no other way, add a line to {EXCEPTIONS.relative_to(ROOT)}: {rule} PLACE reason")
    for place in sorted(excepted - needed):
        wrong += 1
        print(f"{EXCEPTIONS.relative_to(ROOT)}: {rule} {place} is not needed any more: remove the line")
    sys.exit(1 if wrong else 0)


main()

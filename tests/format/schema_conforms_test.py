#!/usr/bin/env python3
"""Checks that today's schema still reads what every released one wrote, and that this check works.

usage: schema_conforms_test.py FLATC SCHEMAS_FOLDER
"""

import glob
import os
import re
import subprocess
import sys
import tempfile


def conforms(flatc, released, current):
    """Whether data of the schema `released` can be read by the schema `current`, and flatc's words."""
    with tempfile.TemporaryDirectory() as scratch:
        run = subprocess.run([flatc, "--cpp", "-o", scratch, "--conform", released, current],
                             capture_output=True, text=True, check=False)
    return run.returncode == 0, run.stdout + run.stderr


def changed(schema, pattern, replacement, folder):
    """A copy of a schema with one change, which must take place."""
    text, count = re.subn(pattern, replacement, schema, count=1)
    assert count == 1, f"{pattern} is not in the schema any more"
    path = os.path.join(folder, "changed.fbs")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def main(flatc, folder):
    current = os.path.join(folder, "capture.fbs")
    with open(current, encoding="utf-8") as file:
        schema = file.read()
    failures = []

    for released in sorted(glob.glob(os.path.join(folder, "released", "*.fbs"))):
        good, words = conforms(flatc, released, current)
        if not good:
            failures.append(f"{current} cannot read what {released} wrote: {words}")

    # The check itself: each of these as the next version of today's schema.
    breaking = {
        "a field of another type": (r"pid:\[uint32\];\s", "pid:[uint64];\n"),
        "fields in another order": (r"(count:\[uint64\];.*\n)(\s*time_ns:\[uint64\];)", r"\2\n\1"),
        "a field less": (r"  peak_resident_bytes:uint64;.*\n", ""),
    }
    additive = {
        "nothing changed": (r"namespace", "namespace"),
        "a field more": (r"(startup_ns:uint64;.*\n)", r"\1  cpus:uint32;\n"),
        "a table more": (r"table Index", "table Later { value:uint32; }\n\ntable Index"),
    }
    with tempfile.TemporaryDirectory() as scratch:
        for changes, wanted in ((breaking, False), (additive, True)):
            for what, (pattern, replacement) in changes.items():
                good, words = conforms(flatc, current,
                                       changed(schema, pattern, replacement, scratch))
                if good != wanted:
                    failures.append(f"{what}: conforms is {good}: {words}")

    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print(__doc__.strip(), file=sys.stderr)
        sys.exit(2)
    sys.exit(main(sys.argv[1], sys.argv[2]))

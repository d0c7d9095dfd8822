#!/usr/bin/env python3
"""Reads folded output as flame graph tools do, and checks that it means what the capture says.

usage: folded_grammar_test.py TWOFOLD SAMPLE_CAPTURE_WRITER

The tools take a line as stack and value, parted by the last space, with frames parted by ';'; lines
that are not of this form are dropped in silence, so none may be.
"""

import os
import re
import subprocess
import sys
import tempfile

LINE = re.compile(rb"^(?P<stack>[^\x00-\x1f\x7f]+) (?P<value>[0-9]+)$")

# What tests/web/sample_capture.cc adds up to: samples of 10 ms, blocked time, and lost time.
WANTED_US = {"cpu": 4 * 134 * 10_000,
             **dict.fromkeys(("offcpu", "wakeup", "offwake", "chain"), 4 * (3595 + 25) * 1000)}


def read(text):
    """Returns {frames: microseconds}; raises ValueError where a tool would stumble."""
    stacks = {}
    if not text.endswith(b"\n"):
        raise ValueError("the last line has no end")
    for number, line in enumerate(text[:-1].split(b"\n"), 1):
        found = LINE.match(line)
        if not found:
            raise ValueError(f"line {number} is not 'STACK VALUE': {line!r}")
        frames = tuple(found["stack"].decode("utf-8").split(";"))
        if any(frame == "" for frame in frames):
            raise ValueError(f"line {number} has an empty frame: {line!r}")
        if frames in stacks:
            raise ValueError(f"line {number} is there twice: {line!r}")
        stacks[frames] = int(found["value"])
    return stacks


def main():
    if len(sys.argv) != 3:
        return __doc__
    twofold, writer = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        capture = os.path.join(folder, "sample.twofold")
        with open(capture, "wb") as file:
            subprocess.run([writer], stdout=file, check=True)
        for view, wanted in WANTED_US.items():
            for root in ("process", "thread", "none"):
                done = subprocess.run([twofold, "fold", "--view", view, "--root", root, capture],
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
                total = sum(read(done.stdout).values())
                if total != wanted:
                    return f"{view} with root {root} adds up to {total}, not {wanted}"
    return 0


if __name__ == "__main__":
    sys.exit(main())

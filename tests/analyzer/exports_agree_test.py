#!/usr/bin/env python3
"""Checks that every export of a view tells of the same stacks with the same values.

usage: exports_agree_test.py TWOFOLD SAMPLE_CAPTURE_WRITER TESTDATA

JSON, CSV, speedscope and pprof are read by what their formats say alone, added up by the texts of
frames, and compared with the folded lines, for every view and every filter of stacks.
"""

import csv
import glob
import gzip
import io
import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # the next one is a file of the sources
import read_pprof  # noqa: E402

# What CSV calls the values of each view; those of time are rounded in the other formats.
VIEWS = {"cpu": "time_ns", "offcpu": "time_ns", "wakeup": "time_ns", "offwake": "time_ns",
         "chain": "time_ns", "cpi": "cycles", "memleak": "bytes", "tcp": "segments", "faults": "pages"}
FILTERS = ([], ["--focus", "read|main"], ["--ignore", "read"], ["--hide", "^k|sys|libc"],
           ["--show-from", "read|write|main"], ["--min-percent", "2"],
           ["--root", "none", "--hide", "e", "--min-percent", "10"], ["--root", "thread"],
           ["--no-demangle", "--focus", "."])


def add(stacks, frames, value):
    stacks[tuple(frames)] = stacks.get(tuple(frames), 0) + value


def of_folded(data):
    stacks = {}
    for line in data.decode("utf-8").splitlines():
        frames, value = line.rsplit(" ", 1)
        add(stacks, frames.split(";"), int(value))
    return stacks


def of_csv(data):
    rows = csv.DictReader(io.StringIO(data.decode("utf-8"), newline=""))
    value = rows.fieldnames[0]
    if value not in VIEWS.values():
        raise ValueError(f"csv: the first column is {value}")
    stacks = {}
    for row in rows:
        text = row["stack"]
        if text.startswith("'") and text[1:2] in "=+-@":
            text = text[1:]
        add(stacks, text.split(";"), int(row[value]))
    return stacks


def escaped(name):
    return name.replace(";", "\\x3b")


def of_json(data):
    found = json.loads(data)
    stacks = {}
    for stack in found["stacks"]:
        frames = [escaped(found["frames"][i]["name"]) for i in stack["frames"]]
        add(stacks, frames, stack["weight"])
    if sum(stacks.values()) != found["total"]:
        raise ValueError("json: the weights are not the total")
    return stacks


def of_speedscope(data):
    found = json.loads(data)
    profile = found["profiles"][0]  # of pages there is another one in bytes
    names = [escaped(frame["name"]) for frame in found["shared"]["frames"]]
    stacks = {}
    for sample, weight in zip(profile["samples"], profile["weights"], strict=True):
        add(stacks, [names[i] for i in sample], weight)
    if profile["endValue"] != sum(profile["weights"]):
        raise ValueError("speedscope: the end is not the sum")
    return stacks


def of_pprof(data):
    stacks = {}
    for names, values in read_pprof.samples(gzip.decompress(data)):
        add(stacks, [escaped(name) for name in reversed(names)], values[1])
    return stacks


READERS = {"folded": of_folded, "csv": of_csv, "json": of_json, "speedscope": of_speedscope,
           "pprof": of_pprof}
IN_NANOSECONDS = ("csv", "json")


def differences(wanted, found, slack):
    """Texts of what differs: values may be off by rounding."""
    for frames in sorted(set(wanted) | set(found)):
        if frames not in wanted or frames not in found:
            yield f"only in one: {';'.join(frames)}"
        elif abs(wanted[frames] - found[frames]) > slack:
            yield f"{found[frames]} instead of {wanted[frames]}: {';'.join(frames)}"


def check(twofold, capture):
    compared = 0
    for view in VIEWS:
        for options in FILTERS:
            stacks = {}
            empty = 0
            for name, reader in READERS.items():
                done = subprocess.run([twofold, "export", "--format", name, "--view", view]
                                      + options + [capture], stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, check=False)
                if done.returncode != 0 and b"did not record" in done.stderr:
                    break
                if done.returncode == 1 and b" the filters" in done.stderr:
                    empty += 1
                    continue
                if done.returncode != 0:
                    raise ValueError(done.stderr.decode("utf-8"))
                stacks[name] = reader(done.stdout)
            if empty not in (0, len(READERS)):
                raise ValueError(f"{capture} {view} {options}: empty in {empty} forms, not in all")
            for name, found in stacks.items():
                is_time = VIEWS[view] == "time_ns"
                exact = stacks["json"] if name in IN_NANOSECONDS or not is_time else None
                wanted = exact or {frames: value / 1000 for frames, value in stacks["json"].items()}
                # A profile has a sample for each thread and address, each of them rounded.
                slack = 0 if exact else 1 if name != "pprof" else 1000
                for text in differences(wanted, found, slack):
                    raise ValueError(f"{capture} {view} {options} {name}: {text}")
                total = sum(wanted.values())
                if not exact and abs(total - sum(found.values())) > 0.5001:
                    raise ValueError(f"{capture} {view} {options} {name}: another total")
                compared += 1
    return compared


def main():
    if len(sys.argv) != 4:
        return __doc__
    twofold, writer, testdata = sys.argv[1:]
    compared = 0
    with tempfile.TemporaryDirectory() as folder:
        sample = os.path.join(folder, "sample.twofold")
        with open(sample, "wb") as file:
            subprocess.run([writer], stdout=file, check=True)
        for capture in [sample] + sorted(glob.glob(os.path.join(testdata, "*", "*.twofold"))):
            compared += check(twofold, capture)
    if compared < 500:
        return f"only {compared} exports could be compared"
    print(f"{compared} exports agree")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ValueError as problem:
        sys.exit(str(problem))

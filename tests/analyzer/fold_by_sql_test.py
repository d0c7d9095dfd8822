#!/usr/bin/env python3
"""Folds captures a second time, in the plainest way, and compares: every stack walked to its root by
itself, on a database made by `twofold load`, read by Python's own SQLite.

usage: fold_by_sql_test.py TWOFOLD SAMPLE_CAPTURE_WRITER TESTDATA
"""

import collections
import glob
import os
import sqlite3
import subprocess
import sys
import tempfile


def escape(text):
    """As EscapeFrame, for the names that these captures hold."""
    return text.replace("\\", "\\\\").replace(";", "\\x3b")


def fold_plainly(database, view, root):
    """Returns {line without value: nanoseconds}."""
    names = dict(database.execute("SELECT frame_id, name FROM frame_name"))
    nodes = {stack: (parent, frame) for stack, parent, frame in database.execute(
        "SELECT stack_id, parent_stack_id, frame_id FROM stack")}
    threads = {thread: {"process": [process], "thread": [name], "none": []}[root]
               for thread, name, process in database.execute(
                   "SELECT thread.thread_id, thread.name, process.name "
                   "FROM thread JOIN process USING (process_id)")}

    def frames(stack):
        found = []
        while stack is not None:
            stack, frame = nodes[stack]
            found.append(names[frame])
        return found[::-1]

    totals = collections.Counter()
    for thread, user, kernel, value, loss, special in database.execute(
            "SELECT thread_id, user_stack_id, kernel_stack_id, value_ns, loss, special_frame "
            f"FROM {view}"):
        stack = [f"[lost: {loss.replace('-', ' ')}]"] if loss else (
            threads[thread] + frames(user) + frames(kernel) + ([special] if special else [])
            or ["[no stack]"])
        totals[";".join(map(escape, stack))] += value
    return {line: value for line, value in totals.items() if value}


def check(twofold, capture, folder):
    path = os.path.join(folder, "capture.db")
    subprocess.run([twofold, "load", "-o", path, capture], stderr=subprocess.DEVNULL, check=True)
    database = sqlite3.connect(path)
    for view in ("cpu", "offcpu"):
        for root in ("process", "thread", "none"):
            what = f"{capture}, {view}, root {root}"
            wanted = fold_plainly(database, view, root)
            for source in (capture, path):
                text = subprocess.run([twofold, "fold", "--view", view, "--root", root, source],
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                      check=True).stdout.decode()
                lines = [line.rsplit(" ", 1) for line in text.splitlines()]
                found = {line: int(value) for line, value in lines}
                assert len(found) == len(lines), f"{what}: a line is there twice"
                assert found.keys() == wanted.keys(), f"{what}: other stacks"
                for line, value in found.items():
                    assert 0 <= value - wanted[line] // 1000 <= 1, f"{what}: {line} {value}"
                total = (sum(wanted.values()) + 500) // 1000
                assert sum(found.values()) == total, f"{what}: the total is not {total}"
    database.close()
    os.remove(path)


def main():
    if len(sys.argv) != 4:
        return __doc__
    twofold, writer, testdata = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        sample = os.path.join(folder, "sample.twofold")
        with open(sample, "wb") as file:
            subprocess.run([writer], stdout=file, check=True)
        captures = [sample] + sorted(glob.glob(os.path.join(testdata, "*", "capture.twofold")))
        for capture in captures:
            check(twofold, capture, folder)
        print(f"{len(captures)} captures fold as they should")
    return 0


if __name__ == "__main__":
    sys.exit(main())

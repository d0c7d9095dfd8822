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


# The SQL view behind each view, where it has another name. Those of wakers tell their first waker.
SQL_VIEWS = {"chain": "offwake"}
ASKED_VIEWS = ("cpu", "offcpu", "wakeup", "offwake", "chain", "offcpu --runnable")


def rows_of(database, view):
    """Yields rows of a view as dictionaries."""
    for name in view.replace("--", "").split():
        cursor = database.execute(f"SELECT * FROM {SQL_VIEWS.get(name, name)}")
        columns = [column[0] for column in cursor.description]
        for row in cursor:
            yield dict(zip(columns, row))


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

    wakers = {waker: (kind, thread, kernel, user) for waker, kind, thread, kernel, user in
              database.execute("SELECT waker_id, kind, thread_id, kernel_stack_id, user_stack_id "
                               "FROM waker")}
    chains = {chain: (waker, following) for chain, waker, following in database.execute(
        "SELECT chain_id, waker_id, next_chain_id FROM chain")}

    def upside_down(kind, thread, kernel, user):
        name = threads[thread] if kind == "task" else [f"[{kind}]"]
        return (frames(user) + frames(kernel))[::-1] + name or ["[no stack]"]

    def behind(row):
        if row["special_frame"]:
            return []
        if row["chain_id"] is None:
            return ["--", "[still blocked]" if row["still_blocked"] else "[waker unknown]"]
        if view == "offwake":
            return ["--"] + upside_down(row["waker_kind"], row["waker_thread_id"],
                                        row["waker_kernel_stack_id"], row["waker_user_stack_id"])
        found = []
        chain = row["chain_id"]
        while chain is not None:
            waker, chain = chains[chain]
            found += ["--"] + upside_down(*wakers[waker])
        return found

    def stack_of(row):
        own = frames(row["user_stack_id"]) + frames(row["kernel_stack_id"])
        special = [row["special_frame"]] if row["special_frame"] else []
        if row.get("loss"):
            return [f"[lost: {row['loss'].replace('-', ' ')}]"]
        if view == "wakeup":
            if special:
                return special
            if row["waker_kind"] is None:
                return ["[still blocked]" if row["still_blocked"] else "[waker unknown]"]
            name = threads[row["waker_thread_id"]] if row["waker_kind"] == "task" else [
                f"[{row['waker_kind']}]"]
            return name + own or ["[no stack]"]
        sleeper = threads[row["thread_id"]] + own + special
        if "preempted" in row:
            return sleeper + ["[preempted]" if row["preempted"] else "[woken]"]
        if view in ("offwake", "chain"):
            sleeper += behind(row)
        return sleeper or ["[no stack]"]

    totals = collections.Counter()
    for row in rows_of(database, view):
        totals[";".join(map(escape, stack_of(row)))] += row["value_ns"]
    return {line: value for line, value in totals.items() if value}


def check(twofold, capture, folder):
    path = os.path.join(folder, "capture.db")
    subprocess.run([twofold, "load", "-o", path, capture], stderr=subprocess.DEVNULL, check=True)
    database = sqlite3.connect(path)
    folded = set()
    for view in ASKED_VIEWS:
        for root in ("process", "thread", "none"):
            what = f"{capture}, {view}, root {root}"
            wanted = fold_plainly(database, view, root)
            for source in (capture, path):
                done = subprocess.run([twofold, "fold", "--view", *view.split(), "--root", root,
                                       source], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                # Older captures have no wakers and no stacks of waits.
                if done.returncode == 1 and b"did not record" in done.stderr:
                    continue
                assert done.returncode == 0, f"{what}: {done.stderr}"
                folded.add(view)
                text = done.stdout.decode()
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
    return folded


def main():
    if len(sys.argv) != 4:
        return __doc__
    twofold, writer, testdata = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        sample = os.path.join(folder, "sample.twofold")
        with open(sample, "wb") as file:
            subprocess.run([writer], stdout=file, check=True)
        captures = [sample] + sorted(glob.glob(os.path.join(testdata, "*", "capture.twofold")))
        folded = set()
        for capture in captures:
            folded |= check(twofold, capture, folder)
        missing = set(ASKED_VIEWS) - folded
        assert not missing, f"no capture was folded by {missing}"
        print(f"{len(captures)} captures fold as they should")
    return 0


if __name__ == "__main__":
    sys.exit(main())

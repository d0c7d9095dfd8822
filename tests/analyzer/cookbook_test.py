#!/usr/bin/env python3
"""Runs every query of docs/cookbook.md on a capture: each must answer, with rows unless it says
that it may have none. What the answers must agree on is checked, too.
Usage: cookbook_test.py TWOFOLD COOKBOOK CAPTURE"""

import csv
import io
import re
import subprocess
import sys


def ask(twofold, capture, query):
    done = subprocess.run([twofold, "sql", "--csv", capture, query], check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise AssertionError(done.stderr.strip())
    return list(csv.DictReader(io.StringIO(done.stdout)))


def main():
    twofold, cookbook, capture = sys.argv[1:]
    with open(cookbook, encoding="utf-8") as file:
        text = file.read()
    recipes = re.findall(r"^\*\*(\d+)\. (.*?)^```sql\n(.*?)^```", text,
                         re.MULTILINE | re.DOTALL)
    numbers = [int(number) for number, _, _ in recipes]
    failures = []
    if len(numbers) < 20 or numbers != list(range(1, len(numbers) + 1)):
        failures.append(f"questions are numbered {numbers}")
    answers = {}
    for number, words, query in recipes:
        try:
            answers[int(number)] = ask(twofold, capture, query)
        except AssertionError as error:
            failures.append(f"question {number}: {error}")
            continue
        if not answers[int(number)] and "here may be none" not in words:
            failures.append(f"question {number}: no rows")

    def expect(what, holds):
        if not holds:
            failures.append(what)

    if not failures:
        expect("question 20: time does not add up", int(answers[20][0]["worst_residue_ns"]) < 1e6)
        for row in answers[3]:
            parts = sum(float(row[part]) for part in ("running", "waiting", "asleep",
                                                      "disk_or_lock"))
            expect(f"question 3: {row['name']} has {parts} %", 0 <= parts <= 100.3)
        for row in answers[15]:
            parts = sum(float(row[part]) for part in ("user", "system", "interrupts", "stolen",
                                                      "idle"))
            expect(f"question 15: CPU {row['cpu']} has {parts} %", 99.5 <= parts <= 100.5)
        by_process = sum(int(row["cpu_ms"]) for row in answers[1])
        by_file = sum(int(row["cpu_ms"]) for row in answers[6])
        expect(f"questions 1 and 6: {by_process} and {by_file} ms on the CPU",
               abs(by_process - by_file) <= 0.1 * by_process + 20)
    for failure in failures:
        print(failure)
    return 1 if failures else 0


sys.exit(main())

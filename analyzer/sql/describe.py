#!/usr/bin/env python3
"""Makes docs/sql.md from schema.sql, views/*.sql and history.md.

usage: analyzer/sql/describe.py [--check]

  --check  write nothing; exit with 1 when docs/sql.md is not what would be written

The comment above a CREATE statement describes the table or view; the comment behind a column, with
the comment lines that follow it, describes the column. A table, view or column without a
description is an error. Names and types come from SQLite itself, so they cannot go stale.
"""

import glob
import os
import re
import sqlite3
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TARGET = os.path.join(HERE, "..", "..", "docs", "sql.md")

INTRODUCTION = """\
# The tables and views of a capture

This page is made by analyzer/sql/describe.py from analyzer/sql/; change those files, not this one.

`twofold sql CAPTURE QUERY` runs a query on a capture; `twofold load -o FILE CAPTURE...` makes an
SQLite database that any tool can read. Both have the tables and views below: tables hold what was
recorded, views what follows from it.

- Times are nanoseconds of CLOCK_MONOTONIC since the window's start, unless a column says otherwise.
- A column that refers to nothing is NULL, never 0.
- Several captures fit in one database: ids count through the database.
- Text is as recorded: escape it before it reaches a terminal or a page.
- The database's application_id is 845573220, its user_version is the schema's version: {version}.

Where the time of every process went, blocked, by state:

```sql
SELECT process.pid, process.name, offcpu.state, sum(offcpu.value_us) AS us
FROM offcpu JOIN process USING (process_id)
GROUP BY process.process_id, offcpu.state
ORDER BY us DESC;
```
"""


class Undescribed(Exception):
    """Something has no description: a sentence."""


def parse(path):
    """Yields (name, description, {column: description}) for each CREATE statement of a file."""
    comment = []
    current = None
    last_column = None
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    for line in lines:
        created = re.match(r"CREATE (?:TABLE|VIEW) (\w+) \($", line)
        if current is None:
            if line.startswith("--"):
                comment.append(line[2:].strip())
            elif created:
                current = (created.group(1), " ".join(comment), {})
                last_column = None
            else:
                comment = []
            continue
        if line.startswith(")"):
            yield current
            current = None
            comment = []
            continue
        column = re.match(r"  (\w+)\b[^-]*(?:--\s*(.*))?$", line)
        more = re.match(r"\s+--\s*(.*)$", line)
        if more and last_column:
            current[2][last_column] += " " + more.group(1)
        elif column:
            last_column = column.group(1)
            current[2][last_column] = column.group(2) or ""


def describe():
    """Returns the text of docs/sql.md."""
    files = [os.path.join(HERE, "schema.sql")]
    files += sorted(glob.glob(os.path.join(HERE, "views", "*.sql")))
    database = sqlite3.connect(":memory:")
    descriptions = {}
    for path in files:
        with open(path, encoding="utf-8") as file:
            database.executescript(file.read())
        for name, text, columns in parse(path):
            descriptions[name] = (text, columns)
    version = database.execute("PRAGMA user_version").fetchone()[0]
    parts = [INTRODUCTION.format(version=version)]
    for kind, heading in (("table", "Tables"), ("view", "Views")):
        parts.append(f"## {heading}\n")
        names = [row[0] for row in database.execute(
            "SELECT name FROM sqlite_schema WHERE type = ? ORDER BY rowid", (kind,))]
        for name in names:
            text, columns = descriptions.get(name, ("", {}))
            if not text:
                raise Undescribed(f"the {kind} {name} has no description")
            rows = ["| column | type | meaning |" if kind == "table" else "| column | meaning |",
                    "|-|-|-|" if kind == "table" else "|-|-|"]
            for _, column, type_name, *_ in database.execute(f"PRAGMA table_info({name})"):
                meaning = columns.get(column, "").replace("|", "\\|")
                if not meaning:
                    raise Undescribed(f"the column {name}.{column} has no description")
                rows.append(f"| {column} | {type_name} | {meaning} |" if kind == "table"
                            else f"| {column} | {meaning} |")
            parts.append(f"### {name}\n\n{text}\n\n" + "\n".join(rows) + "\n")
    with open(os.path.join(HERE, "history.md"), encoding="utf-8") as file:
        parts.append(file.read())
    return "\n".join(parts)


def main():
    if sys.argv[1:] not in ([], ["--check"]):
        print(__doc__)
        return 2
    try:
        wanted = describe()
    except Undescribed as problem:
        print(f"describe.py: {problem}")
        return 1
    if sys.argv[1:] == ["--check"]:
        try:
            with open(TARGET, encoding="utf-8") as file:
                found = file.read()
        except FileNotFoundError:
            found = ""
        if found != wanted:
            print("docs/sql.md is out of date: run analyzer/sql/describe.py")
            return 1
        return 0
    os.makedirs(os.path.dirname(TARGET), exist_ok=True)
    with open(TARGET, "w", encoding="utf-8") as file:
        file.write(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())

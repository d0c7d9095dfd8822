#!/usr/bin/env python3
"""Makes manual pages of what programs say with --help: one of each program, and one of each subcommand.

usage: man_pages.py FOLDER PROGRAM...

The help of both programs is built alike, and this relies on it: "Usage:" first; then paragraphs, and
lists, which begin with a line that ends in a colon. An entry of a list is indented, and continues
with lines that are indented further. "Examples:" comes last.
"""

import os
import re
import subprocess
import sys

# Lines that are indented by more than this go on with the entry above them.
ENTRY_INDENT = 12


def escape(text):
    """Text as roff takes it literally, also for those who copy it from a terminal."""
    for letter, roff in (("\\", "\\e"), ("-", "\\-"), ("'", "\\(aq"), ("`", "\\(ga"), ("^", "\\(ha"),
                         ("~", "\\(ti")):
        text = text.replace(letter, roff)
    return "\\&" + text if text.startswith(".") else text


def help_of(program, *words):
    return subprocess.run([program, *words, "--help"], check=True, stdout=subprocess.PIPE,
                          encoding="utf-8").stdout


def blocks_of(text):
    return [block.split("\n") for block in re.split(r"\n\n+", text.strip("\n"))]


def indent_of(line):
    return len(line) - len(line.lstrip())


def entries_of(lines):
    """(term, text) of each entry of a list."""
    column = min((indent_of(line) for line in lines if indent_of(line) > ENTRY_INDENT), default=0)
    entries = []
    for line in lines:
        if indent_of(line) > ENTRY_INDENT and entries:
            entries[-1][1] = (entries[-1][1] + " " + line.strip()).strip()
        elif column and line[column - 1:column] == " ":
            entries.append([line[:column].strip(), line[column:].strip()])
        else:  # a long term, or a list without a second line
            entries.append((re.split(r" {2,}", line.strip(), maxsplit=1) + [""])[:2])
    return entries


def term(text):
    """Options bold, what stands for values in italics."""
    words = []
    for word in text.split(" "):
        mark = "\\fI" if word.strip(",.[]").isupper() else "\\fB"
        words.append(f"{mark}{escape(word)}\\fR")
    return " ".join(words)


def list_of(lines):
    out = []
    for name, text in entries_of(lines):
        out += [".TP", term(name), escape(text) or "\\&"]
    return out


def title_of(heading):
    """The heading of a section, and what is said in brackets behind it."""
    match = re.match(r"^(.*?)(?: \((.*)\))?:$", heading)
    return match.group(1).upper(), match.group(2)


def body(text):
    """Everything behind the usage."""
    out = [".SH DESCRIPTION"]
    for block in blocks_of(text):
        is_first = len(out) == 1
        if block[0].startswith("Usage: "):
            continue
        if block[0] == "Examples:":
            out += [".SH EXAMPLES", ".nf", *(escape(line[2:]) for line in block[1:]), ".fi"]
        elif block[0].endswith(":") and block[1:] and block[1].startswith("  "):
            title, more = title_of(block[0])
            out += [f".SH {title}"] + ([escape(more) + "."] if more else []) + list_of(block[1:])
        elif block[0].startswith("  -"):
            out += list_of(block)
        elif block[0].startswith("  "):
            out += [".SH SUBCOMMANDS", *list_of(block)]
        elif block[0].startswith("Exit status: "):
            out += [".SH EXIT STATUS", escape(" ".join(block).removeprefix("Exit status: "))]
        else:
            if ".SH SUBCOMMANDS" in out and ".SH NOTES" not in out:
                out.append(".SH NOTES")
            elif not is_first:
                out.append(".PP")
            out += [escape(line) for line in block]
    return out


def synopsis(text):
    usage = " ".join(line.strip() for line in blocks_of(text)[0])
    if not usage.startswith("Usage: "):  # a sentence comes first
        usage = " ".join(line.strip() for line in blocks_of(text)[1])
    words = usage[len("Usage: "):].split(" ")
    count = 2 if len(words) > 1 and words[0] == "twofold" and words[1].islower() else 1
    name, rest = " ".join(words[:count]), " ".join(words[count:])
    return [".SH SYNOPSIS", f".B {escape(name)}", escape(rest)]


def page(name, summary, version, text, see_also):
    # Without a date: the same programs have the same pages.
    lines = [
        f'.TH {name.upper()} 1 "" "{version}" "User Commands"'.replace("-", "\\-"),
        ".SH NAME",
        f"{escape(name)} \\- {escape(summary)}",
        *synopsis(text),
        *body(text),
        ".SH SEE ALSO",
        " ,\n".join(f".BR {escape(other)} (1)" for other in see_also).replace(") ,", "),"),
    ]
    return "\n".join(lines) + "\n"


def main(folder, *programs):
    os.makedirs(folder, exist_ok=True)
    for old in os.listdir(folder):
        if old.endswith(".1"):
            os.remove(os.path.join(folder, old))
    names = [os.path.basename(program) for program in programs]
    for program, name in zip(programs, names):
        version = subprocess.run([program, "--version"], check=True, stdout=subprocess.PIPE,
                                 encoding="utf-8").stdout.strip()
        text = help_of(program)
        # "twofold shows where ..., as ..." or "Records where ..., on ...": up to the first comma.
        first = next(block for block in blocks_of(text) if not block[0].startswith("Usage: "))
        summary = " ".join(first).removeprefix(name + " ").split(",")[0].rstrip(".")
        summary = summary[0].lower() + summary[1:]
        subcommands = []
        for block in blocks_of(text):
            if re.match(r"  \w", block[0]):
                subcommands += entries_of(block)
        others = [other for other in ("twofold", "twofold-record") if other != name]
        pages = [(name, summary, text, others + [f"{name}-{sub}" for sub, _ in subcommands])]
        for sub, sub_summary in subcommands:
            pages.append((f"{name}-{sub}", sub_summary, help_of(program, sub), [name, *others]))
        for page_name, page_summary, page_text, see_also in pages:
            with open(os.path.join(folder, page_name + ".1"), "w", encoding="utf-8") as file:
                file.write(page(page_name, page_summary, version, page_text, see_also))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])

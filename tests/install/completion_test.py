"""Completion in a real shell: what is offered is what the programs have.

usage: completion_test.py bash|zsh|fish PROGRAM...
"""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

INSTALL = os.path.join(os.environ["TWOFOLD_SOURCE_DIR"], "tools", "install")
SKIPPED = 77
ANSI = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>]|\x1b\][^\x07]*\x07|[\x07\x0f]")


def output_of(*words, **more):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, encoding="utf-8", **more).stdout


class Completion(unittest.TestCase):
    shell = ""
    programs = []

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        os.mkdir(os.path.join(self.folder, "debug"))
        for name in ("capture.twofold", "with blank.twofold"):
            with open(os.path.join(self.folder, name), "w", encoding="utf-8"):
                pass
        folders = {os.path.dirname(os.path.abspath(program)) for program in self.programs}
        self.environment = {"PATH": ":".join([*folders, os.environ["PATH"]]), "HOME": self.folder,
                            "TERM": "dumb", "LC_ALL": "C.UTF-8"}

    def has_recorder(self):
        return any(program.endswith("twofold-record") for program in self.programs)

    def typed(self, text):
        """What a line has become after its last letter, tab, was pressed at a terminal."""
        start = {
            "bash": ["bash", "--norc", "--noprofile", "-i"],
            "zsh": ["zsh", "-f", "-i"],
        }[self.shell]
        prepare = {
            "bash": f"PS1='$ '; bind 'set enable-bracketed-paste off'; source '{INSTALL}/completion.bash'",
            "zsh": f"PROMPT='$ '; bindkey -e; mkdir functions; cp '{INSTALL}/completion.zsh' "
                   "functions/_twofold; fpath=($PWD/functions $fpath); autoload -Uz compinit; "
                   "compinit -u -d $PWD/dump; unset zle_bracketed_paste",
        }[self.shell]
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(self.folder)
            os.execvpe(start[0], start, self.environment)
        try:
            read = self.Reader(self, terminal)
            os.write(terminal, prepare.encode() + b"; echo rea''dy\n")
            read.until(r"\r\n?ready\r\n")
            # Home, `echo` in front, end: so the shell says what it holds.
            os.write(terminal, text.encode() + b"\x01echo 'li''ne:' \x05\n")
            return read.until(r"(?:\r|\n)line: ([^\r\n]*)\r").group(1)
        finally:
            os.close(terminal)
            os.waitpid(child, 0)

    class Reader:
        def __init__(self, test, terminal):
            self.test, self.terminal, self.text = test, terminal, ""

        def until(self, pattern):
            deadline = time.monotonic() + 30
            while True:
                found = re.search(pattern, ANSI.sub("", self.text))
                if found:
                    return found
                if not select.select([self.terminal], [], [], max(0, deadline - time.monotonic()))[0]:
                    self.test.fail(f"no {pattern!r} in {self.text!r}")
                self.text += os.read(self.terminal, 4096).decode()

    def offered(self, line):
        """All that fits for the last word of a line."""
        if self.shell == "fish":
            text = output_of("fish", "--no-config", "-c",
                             f"source '{INSTALL}/completion.fish'; complete -C '{line}'",
                             env=self.environment, cwd=self.folder)
            return [word.split("\t")[0] for word in text.splitlines()]
        # The function as bash calls it; what it asks of bash itself is printed.
        words = line.split(" ")
        script = (f"source '{INSTALL}/completion.bash'; compopt() {{ echo \"compopt $*\"; }}; "
                  'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _twofold "$1"; '
                  'if [ ${#COMPREPLY[@]} -gt 0 ]; then printf "%s\\n" "${COMPREPLY[@]}"; fi')
        return output_of("bash", "-c", script, "bash", *words, env=self.environment,
                         cwd=self.folder).splitlines()

    def offers(self):
        if self.shell == "zsh":
            self.skipTest("zsh tells what it offers only at a terminal")

    def at_terminal(self):
        if self.shell == "fish":
            self.skipTest("fish tells what it offers without a terminal")

    def test_the_script_is_sound(self):
        output_of(self.shell, "-n", f"{INSTALL}/completion.{self.shell}")

    def test_subcommands(self):
        self.offers()
        known = re.findall(r"^  (\w+) ", output_of("twofold", "--help", env=self.environment), re.M)
        self.assertGreater(len(known), 8)
        self.assertEqual(sorted(w for w in self.offered("twofold ") if w[0] != "-"), sorted(known))
        self.assertEqual(sorted(self.offered("twofold f")), ["flame", "fold"])
        self.assertEqual(sorted(self.offered("twofold help f")), ["flame", "fold"])

    def test_options_of_every_subcommand(self):
        self.offers()
        for command in [w for w in self.offered("twofold ") if w[0] != "-"]:
            text = output_of("twofold", command, "--help", env=self.environment)
            known = re.findall(r"^  (?:-\w, |    )(--[\w-]+)", text, re.M)
            self.assertEqual(sorted(self.offered(f"twofold {command} --")), sorted(known), command)

    def test_options_once(self):
        self.offers()
        self.assertNotIn("--view", self.offered("twofold fold --view cpu --"))
        self.assertIn("--before", self.offered("twofold diff --before x --"))

    def test_values(self):
        self.offers()
        for line, values in (
                ("fold --view ", ["chain", "cpu", "offcpu", "offwake", "wakeup"]),
                ("fold --root ", ["cgroup", "none", "process", "thread"]),
                ("table --root ", ["process", "thread"]),
                ("export --format ", ["csv", "folded", "json", "pprof", "speedscope", "svg"]),
                ("sql --format ", ["csv", "json", "table"]),
                ("diff --per s", ["second", "share"]),
                ("flame --title --view cpu --root no", ["none"])):
            self.assertLessEqual(set(values), set(self.offered(f"twofold {line}")), line)

    def test_files_and_folders(self):
        self.offers()
        if self.shell == "bash":
            for line in ("fold ", "fold -o ", "fold --view cpu cap", "diff --after "):
                self.assertEqual(self.offered(f"twofold {line}"), ["compopt -o default"], line)
            self.assertEqual(self.offered("twofold symbolize --debug-dir "), ["compopt -o dirnames"])
        else:
            self.assertEqual(self.offered("twofold fold cap"), ["capture.twofold"])
            self.assertEqual(self.offered("twofold symbolize --debug-dir "), ["debug/"])

    def test_nonsense_offers_nothing(self):
        self.offers()
        for line in ("nonsense --", "fold --nonsense=", "fold --force=", "flame --title ",
                     "nonsense x "):
            self.assertEqual(self.offered(f"twofold {line}"), [], line)

    def test_the_recorder(self):
        self.offers()
        if not self.has_recorder():
            self.skipTest("twofold-record is not built")
        text = output_of("twofold-record", "--help", env=self.environment)
        known = re.findall(r"^  (?:-\w, )?(--\w[\w-]+)", text, re.M)
        self.assertGreater(len(known), 10)
        self.assertEqual(sorted(self.offered("twofold-record --")), sorted([*known, "--"]))
        self.assertEqual(self.offered("twofold-record --record off"), ["offcpu"])
        self.assertIn("bash", self.offered("twofold-record -d 3 -- bas"))

    def test_typed_words(self):
        self.at_terminal()
        for text, wanted in (
                ("twofold fol\t", "twofold fold"),
                ("twofold fold --vi\toffc\t", "twofold fold --view offcpu"),
                ("twofold fold --view=offc\t", "twofold fold --view=offcpu"),
                ("twofold fold cap\t", "twofold fold capture.twofold"),
                ("twofold fold --view cpu wit\t", "twofold fold --view cpu with blank.twofold"),
                ("twofold symbolize --debug-dir deb\t", "twofold symbolize --debug-dir debug/")):
            with self.subTest(text):
                # zsh takes the slash behind a folder back when a blank follows.
                self.assertEqual(self.typed(text).rstrip(" /"), wanted.rstrip("/"))

    def test_typed_words_of_the_recorder(self):
        self.at_terminal()
        if not self.has_recorder():
            self.skipTest("twofold-record is not built")
        self.assertEqual(self.typed("twofold-record --freq\t99 -- mkfif\t").rstrip(),
                         "twofold-record --frequency 99 -- mkfifo")


if __name__ == "__main__":
    Completion.shell, *Completion.programs = sys.argv[1:]
    if shutil.which(Completion.shell) is None:
        print(f"there is no {Completion.shell}: tools/setup --test installs it")
        sys.exit(SKIPPED)
    unittest.main(argv=sys.argv[:1])

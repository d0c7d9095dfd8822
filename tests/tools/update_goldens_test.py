"""tools/update_goldens: what it wrote passes --check, and every kind of difference fails it."""

import os
import subprocess
import tempfile
import unittest

SOURCE = os.environ.get("TWOFOLD_SOURCE_DIR",
                        os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

# Stands in for the analyzer: prints what it is told, warns or fails when told.
FAKE_TWOFOLD = """#!/usr/bin/env bash
case $1 in
  print) cat "$2" ;;
  warn) cat "$2"; echo careful >&2 ;;
  fail) echo broken >&2; exit 1 ;;
esac
"""


class UpdateGoldens(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.write("twofold", FAKE_TWOFOLD)
        os.chmod(self.path("twofold"), 0o755)
        self.write("testdata/case/input", "one\ntwo\n")
        self.write("testdata/case/commands",
                   "# name and arguments\n\nplain.txt\tprint input\nwarning.txt\twarn input\n"
                   "failure.txt\tfail\t1\n")
        self.assertEqual(self.run_tool()[0], 0)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def run_tool(self, *arguments):
        done = subprocess.run([os.path.join(SOURCE, "tools/update_goldens"), "--twofold",
                               self.path("twofold"), "--testdata", self.path("testdata"),
                               *arguments], text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout

    def expect_failed_check(self, *words):
        status, output = self.run_tool("--check")
        self.assertEqual(status, 1, output)
        for word in words:
            self.assertIn(word, output)

    def test_what_was_written_passes(self):
        self.assertEqual(self.run_tool("--check"), (0, ""))
        self.assertEqual(self.run_tool(), (0, ""))  # nothing changes the second time

    def test_changed_byte_fails(self):
        self.write("testdata/case/expected/plain.txt", "one\ntwO\n")
        self.expect_failed_check("case/plain.txt: not as expected", "-twO", "+two")

    def test_missing_newline_fails(self):
        self.write("testdata/case/expected/plain.txt", "one\ntwo")
        self.expect_failed_check("case/plain.txt: not as expected")

    def test_missing_file_fails(self):
        os.remove(self.path("testdata/case/expected/plain.txt"))
        self.expect_failed_check("plain.txt is missing")

    def test_changed_words_fail(self):
        self.write("testdata/case/expected/warning.txt.err", "careless\n")
        self.expect_failed_check("case/warning.txt.err: not as expected")

    def test_unexpected_words_fail(self):
        os.remove(self.path("testdata/case/expected/warning.txt.err"))
        self.expect_failed_check("unexpected words", "careful")

    def test_other_exit_status_fails(self):
        self.write("testdata/case/commands",
                   "plain.txt\tprint input\t3\nwarning.txt\twarn input\nfailure.txt\tfail\t1\n")
        self.expect_failed_check("case/plain.txt: exit status 0, not 3")

    def test_left_over_file_fails(self):
        self.write("testdata/case/expected/old.txt", "")
        self.expect_failed_check("case/old.txt: no command makes this file")

    def test_update_refuses_a_failing_command(self):
        self.write("testdata/case/commands", "plain.txt\tfail\n")
        status, output = self.run_tool()
        self.assertEqual(status, 1)
        self.assertIn("nothing was written", output)
        with open(self.path("testdata/case/expected/plain.txt"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "one\ntwo\n")

    def test_unknown_case_and_empty_commands_fail(self):
        self.assertEqual(self.run_tool("--check", "nowhere")[0], 1)
        self.write("testdata/case/commands", "# nothing\n")
        self.expect_failed_check("no command in it")


if __name__ == "__main__":
    unittest.main()

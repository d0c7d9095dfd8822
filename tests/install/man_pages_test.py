"""Manual pages: one for each program and subcommand, with every option, and without warnings.

usage: man_pages_test.py PROGRAM...
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

INSTALL = os.path.join(os.environ["TWOFOLD_SOURCE_DIR"], "tools", "install")


def output_of(*words):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, encoding="utf-8",
                          env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "80"}).stdout


class ManPages(unittest.TestCase):
    programs = []

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        output_of(sys.executable, f"{INSTALL}/man_pages.py", cls.folder, *cls.programs)
        cls.helps = {}
        for program in cls.programs:
            name = os.path.basename(program)
            cls.helps[name] = output_of(program, "--help")
            for command in re.findall(r"^  ([a-z]+) ", cls.helps[name], re.M):
                cls.helps[f"{name}-{command}"] = output_of(program, command, "--help")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def path(self, name):
        return os.path.join(self.folder, name + ".1")

    def shown(self, name):
        """The page as people see it, in one line."""
        if shutil.which("man"):
            text = output_of("man", "-E", "UTF-8", "--nh", "--nj", "-l", self.path(name))
        else:
            text = output_of("mandoc", "-T", "utf8", self.path(name))
        return " ".join(re.sub(".\b", "", text).split())

    def test_every_program_and_subcommand_has_one(self):
        self.assertGreater(len(self.helps), 10)
        self.assertEqual(sorted(os.listdir(self.folder)), sorted(name + ".1" for name in self.helps))

    def test_every_word_of_the_help_is_in_it(self):
        if not (shutil.which("man") or shutil.which("mandoc")):
            self.skipTest("there is neither man nor mandoc")
        for name, text in self.helps.items():
            shown = self.shown(name)
            for option in re.findall(r"^ +(?:-\w, )?(--\w[\w-]+)", text, re.M):
                self.assertRegex(shown, rf"(?<![\w-]){option}(?![\w-])", name)
            # Headings are in capitals in a page.
            known = shown.lower()
            for word in text.replace("Usage:", "").split():
                self.assertIn(word.lower().rstrip(":()").lstrip("("), known, name)

    def test_examples_are_as_they_were(self):
        for name, text in self.helps.items():
            if "Examples:\n" not in text:
                continue
            page = subprocess.run(["mandoc", "-T", "ascii", "-O", "width=200", self.path(name)],
                                  check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout \
                if shutil.which("mandoc") else self.shown(name)
            page = re.sub(".\b", "", page)
            for line in text.split("Examples:\n")[1].splitlines():
                wanted = line.strip() if shutil.which("mandoc") else " ".join(line.split())
                self.assertIn(wanted, page, name)

    def test_man_has_no_warnings(self):
        if not shutil.which("man"):
            self.skipTest("there is no man")
        for name in self.helps:
            done = subprocess.run(["man", "--warnings", "-l", "-Tutf8", "-Z", self.path(name)],
                                  check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                  encoding="utf-8", env={**os.environ, "LC_ALL": "C.UTF-8"})
            self.assertEqual(done.stderr, "", name)

    def test_mandoc_has_no_warnings(self):
        if not shutil.which("mandoc"):
            self.skipTest("there is no mandoc")
        for name in self.helps:
            done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", self.path(name)],
                                  check=False, stdout=subprocess.PIPE, encoding="utf-8")
            lines = [line for line in done.stdout.splitlines()
                     if "missing date" not in line and "referenced manual not found" not in line]
            self.assertEqual(lines, [], name)

    def test_names_are_told_in_one_line(self):
        for name in self.helps:
            with open(self.path(name), encoding="utf-8") as file:
                lines = file.read().splitlines()
            line = lines[lines.index(".SH NAME") + 1].replace("\\-", "-")
            self.assertRegex(line, rf"^{name} - \w.{{10,70}}$")


if __name__ == "__main__":
    ManPages.programs = sys.argv[1:]
    unittest.main(argv=sys.argv[:1])

"""The programs are what they are said to be: one file each that needs no library and has no debug information in it."""

import subprocess
import sys
import unittest

PROGRAMS = sys.argv[1:]


def readelf(*words):
    return subprocess.run(["readelf", "--wide", *words], capture_output=True, text=True, check=True).stdout


class Static(unittest.TestCase):
    def test_no_library_and_no_loader_is_needed(self):
        for program in PROGRAMS:
            with self.subTest(program=program):
                segments = readelf("--segments", program)
                self.assertIn(" LOAD ", segments)
                self.assertNotIn("INTERP", segments)
                self.assertNotIn("NEEDED", readelf("--dynamic", program))

    def test_debug_information_stays_beside(self):
        for program in PROGRAMS:
            with self.subTest(program=program):
                sections = readelf("--sections", program)
                self.assertIn(".symtab", sections)
                self.assertIn(".gnu_debuglink", sections)
                self.assertNotIn(".debug_info", sections)
                self.assertIn(".debug_info", readelf("--sections", program + ".debug"))

    def test_runs_without_an_environment(self):
        for program in PROGRAMS:
            with self.subTest(program=program):
                done = subprocess.run([program, "--version"], capture_output=True, text=True, env={}, check=True)
                self.assertRegex(done.stdout, r"^twofold(-record)? \d")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])

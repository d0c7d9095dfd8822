"""tools/setup: asks for what is missing only, and says what to do where it cannot install."""

import os
import shutil
import subprocess
import tempfile
import unittest

SOURCE = os.environ.get("TWOFOLD_SOURCE_DIR",
                        os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
SETUP = os.path.join(SOURCE, "tools/setup")
# What the script itself runs; everything else is a stand-in or not there.
PLAIN_TOOLS = ("bash", "env", "dirname", "basename", "awk", "cat")


class Setup(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        for tool in PLAIN_TOOLS:
            os.symlink(shutil.which(tool), os.path.join(self.folder, tool))
        self.calls = os.path.join(self.folder, "calls")

    def stand_in(self, name, body):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'#!/usr/bin/env bash\necho "{name} $*" >> "{self.calls}"\n{body}\n')
        os.chmod(path, 0o755)

    def debian(self, missing, uid=0):
        """A Debian on which all packages but `missing` are installed."""
        self.stand_in("dpkg-query", "shift 3; for name; do case \" " + " ".join(missing) +
                      " \" in *\" $name \"*) ;; *) echo \"$name installed\" ;; esac; done")
        self.stand_in("apt-get", "true")
        self.stand_in("apt-cache", "true")
        self.stand_in("id", f"echo {uid}")

    def run_setup(self, *arguments):
        done = subprocess.run([SETUP, *arguments], env={"PATH": self.folder}, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False)
        calls = ""
        if os.path.exists(self.calls):
            with open(self.calls, encoding="utf-8") as file:
                calls = file.read()
        return done, calls

    def test_nothing_missing_means_no_apt(self):
        self.debian(missing=[])
        done, calls = self.run_setup("--test")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertNotIn("apt", calls)
        self.assertEqual(calls.count("dpkg-query"), 1)

    def test_only_what_is_missing_is_installed(self):
        self.debian(missing=["libzstd-dev", "clang"])
        done, calls = self.run_setup()
        self.assertEqual(done.returncode, 0, done.stderr)
        install = [line for line in calls.splitlines() if " install " in line]
        self.assertEqual(len(install), 1)
        self.assertTrue(install[0].endswith(" libzstd-dev clang"), install[0])

    def test_analyzer_needs_neither_clang_nor_libbpf(self):
        self.debian(missing=["clang", "libbpf-dev", "bpftool"])
        done, calls = self.run_setup("--analyzer")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertNotIn("apt", calls)

    def test_the_emulator_is_only_for_vm_tests(self):
        self.debian(missing=["qemu-system-x86"])
        done, calls = self.run_setup("--test")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertNotIn("apt", calls)
        done, calls = self.run_setup("--vm")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(" qemu-system-x86\n", calls)

    def test_an_alternative_will_do(self):
        self.debian(missing=["bpftool"])
        done, calls = self.run_setup()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertNotIn("apt", calls)

    def test_neither_root_nor_sudo(self):
        self.debian(missing=["libzstd-dev"], uid=1000)
        done, calls = self.run_setup()
        self.assertEqual(done.returncode, 1)
        self.assertIn("there is no sudo: run this as root", done.stderr)
        self.assertIn("apt-get install --no-install-recommends libzstd-dev", done.stderr)
        self.assertNotIn("apt-get", calls)

    def test_failed_installation_is_told(self):
        self.debian(missing=["libzstd-dev"])
        self.stand_in("apt-get", 'case "$*" in *install*) exit 100 ;; esac')
        done, _ = self.run_setup()
        self.assertEqual(done.returncode, 1)
        self.assertIn("could not install: libzstd-dev", done.stderr)

    def test_other_distribution_gets_the_list(self):
        done, _ = self.run_setup()
        self.assertEqual(done.returncode, 1)
        self.assertIn("not a Debian or Ubuntu system", done.stderr)
        self.assertIn("libsqlite3-dev", done.stderr)

    def test_unknown_option(self):
        self.debian(missing=[])
        done, _ = self.run_setup("--everything")
        self.assertEqual(done.returncode, 2)
        self.assertIn("'--everything'", done.stderr)


if __name__ == "__main__":
    unittest.main()

"""tools/check --fast finds what it says it finds: each violation is planted in a copy of the tree."""

import os
import shutil
import subprocess
import tempfile
import unittest

SOURCE = os.environ.get("TWOFOLD_SOURCE_DIR",
                        os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
# Split, so that the check does not find them in this file.
LEFT_OVER = "TO" + "DO"
SOMEBODYS_FOLDER = "/ho" + "me/somebody/file"


class CheckFast(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.tree = os.path.join(cls.folder, "tree")
        os.mkdir(cls.tree)
        for name in ("tools", "schemas", "format/base", "bpf", ".ci", ".clang-format",
                     ".gitignore"):
            source = os.path.join(SOURCE, name)
            target = os.path.join(cls.tree, name)
            if os.path.isdir(source):
                shutil.copytree(source, target)
            elif os.path.exists(source):
                shutil.copy2(source, target)
        subprocess.run(["git", "init", "-q", cls.tree], check=True)
        # The copy begins clean, whatever the tree it was made from looks like right now.
        subprocess.run([os.path.join(cls.tree, "tools/format")], check=True)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def failed_checks(self):
        done = subprocess.run([os.path.join(self.tree, "tools/check"), "--fast"], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              stdin=subprocess.DEVNULL)
        failed = [line[8:32].strip() for line in done.stdout.splitlines()
                  if line.startswith("FAILED")]
        self.assertEqual(done.returncode, 1 if failed else 0, done.stdout + done.stderr)
        return failed

    def plant(self, path, text, mode=0o644):
        path = os.path.join(self.tree, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        self.addCleanup(os.remove, path)

    def test_clean_tree_passes(self):
        self.assertEqual(self.failed_checks(), [])

    def test_unformatted_source(self):
        self.plant("format/ugly.cc", "int   Ugly( ){return 1 ;}\n")
        self.assertEqual(self.failed_checks(), ["format"])

    def test_forbidden_include(self):
        self.plant("format/reaches_out.cc", '#include "analyzer/x.h"\n')
        self.assertEqual(self.failed_checks(), ["includes"])

    def test_careless_shell(self):
        self.plant("tools/careless", "#!/usr/bin/env bash\nrm -rf $1/x\n", 0o755)
        self.assertEqual(self.failed_checks(), ["shell scripts"])

    def test_script_without_run_bit(self):
        self.plant("tools/lame", "#!/usr/bin/env bash\ntrue\n", 0o644)
        self.assertEqual(self.failed_checks(), ["run bits"])

    def test_source_with_run_bit(self):
        self.plant("format/odd.cc", "int Odd() { return 1; }\n", 0o755)
        self.assertEqual(self.failed_checks(), ["run bits"])

    def test_camel_case_file(self):
        self.plant("format/CamelCase.cc", "int Camel() { return 1; }\n")
        self.assertEqual(self.failed_checks(), ["file names"])

    def test_left_over_note(self):
        self.plant("format/later.cc", f"// {LEFT_OVER}: later\n")
        self.assertEqual(self.failed_checks(), ["words"])

    def test_path_of_somebody(self):
        self.plant("format/here.cc", f"// See {SOMEBODYS_FOLDER}.\n")
        self.assertEqual(self.failed_checks(), ["words"])

    def test_header_without_guard(self):
        self.plant("format/open.h", "int Open();\n")
        self.assertEqual(self.failed_checks(), ["header guards"])

    def test_schema_that_breaks_a_released_one(self):
        self.plant("schemas/released/capture_1.fbs",
                   "namespace twofold.wire;\ntable Host { machine:uint32; }\n")
        self.assertEqual(self.failed_checks(), ["schema"])

    def test_several_failures_are_all_told(self):
        self.plant("format/later.cc", f"// {LEFT_OVER}\nint   Ugly( ) ;\n")
        self.assertEqual(self.failed_checks(), ["format", "words"])


if __name__ == "__main__":
    unittest.main()

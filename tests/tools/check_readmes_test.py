"""tools/check_readmes: a table of contents names what is there, all of it and nothing else."""

import os
import subprocess
import tempfile
import unittest

SOURCE = os.environ.get("TWOFOLD_SOURCE_DIR",
                        os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))


class CheckReadmes(unittest.TestCase):
    def violations(self, files):
        with tempfile.TemporaryDirectory() as tree:
            subprocess.run(["git", "init", "-q", tree], check=True)
            for path, text in files.items():
                os.makedirs(os.path.dirname(os.path.join(tree, path)), exist_ok=True)
                with open(os.path.join(tree, path), "w", encoding="utf-8") as file:
                    file.write(text)
            done = subprocess.run([os.path.join(SOURCE, "tools/check_readmes"), tree], text=True,
                                  stdout=subprocess.PIPE, check=False)
            lines = done.stdout.splitlines()
            self.assertEqual(done.returncode, 1 if lines else 0)
            return lines

    def test_whole_tables(self):
        self.assertEqual(self.violations({
            "a/README.md": "| file | holds |\n|-|-|\n| `x`, [y.h](y.h) | both |\n| `direct_*` | more |\n| `words.txt` | |\n",
            "a/x.cc": "", "a/x.h": "", "a/y.h": "", "a/direct_map.cc": "", "a/direct_abi.h": "", "a/words.txt": "",
            "README.md": "| folder | holds |\n|-|-|\n| `a/` | all |\n",
        }), [])

    def test_what_the_table_does_not_name(self):
        self.assertEqual(self.violations({
            "a/README.md": "# a\n\n| file | holds |\n|-|-|\n| `x` | |\n", "a/x.cc": "", "a/new.cc": "",
        }), ["a/README.md:3: the file new is not in the table"])
        self.assertEqual(self.violations({
            "README.md": "| folder | holds |\n|-|-|\n| `a/` | |\n", "a/x.cc": "", "b/x.cc": "",
        }), ["README.md:1: the folder b is not in the table"])

    def test_what_is_not_there(self):
        self.assertEqual(self.violations({
            "a/README.md": "| file | holds |\n|-|-|\n| `x`, `gone` | |\n| `none*` | |\n| `old/` | |\n", "a/x.cc": "",
        }), ["a/README.md:3: there is no gone", "a/README.md:4: there is no none*", "a/README.md:5: there is no old/"])

    def test_other_tables_are_free(self):
        self.assertEqual(self.violations({"a/README.md": "| file | is |\n|-|-|\n| `gone` | |\n", "a/x.cc": ""}), [])


if __name__ == "__main__":
    unittest.main()

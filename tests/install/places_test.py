"""`cmake --install` puts everything where packages, shells and man look for it.

usage: places_test.py CMAKE BUILD_DIR PROGRAM...
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest


class Places(unittest.TestCase):
    cmake = ""
    build_dir = ""
    programs = []

    def test_everything_has_its_place(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        subprocess.run([self.cmake, "--install", self.build_dir, "--prefix", folder], check=True,
                       stdout=subprocess.DEVNULL)
        wanted = ["share/zsh/site-functions/_twofold", "share/man/man1/twofold-fold.1"]
        for program in self.programs:
            name = os.path.basename(program)
            wanted += [f"bin/{name}", f"share/bash-completion/completions/{name}",
                       f"share/fish/vendor_completions.d/{name}.fish", f"share/man/man1/{name}.1"]
        for path in wanted:
            self.assertTrue(os.path.isfile(os.path.join(folder, path)), path)
        subprocess.run([os.path.join(folder, "bin/twofold"), "--version"], check=True,
                       stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    Places.cmake, Places.build_dir, *Places.programs = sys.argv[1:]
    unittest.main(argv=sys.argv[:1])

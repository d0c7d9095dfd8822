"""tools/lib/summarize_tests: the last line counts, and nothing that failed is counted as passed."""

import os
import subprocess
import tempfile
import unittest

SOURCE = os.environ.get("TWOFOLD_SOURCE_DIR",
                        os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

# As ctest 3.25 writes them.
PASSED = '<testcase name="a.passed" status="run"><system-out/></testcase>'
FAILED = ('<testcase name="a.failed" status="fail"><failure message=""/><system-out/></testcase>')
SKIPPED = ('<testcase name="a.skipped" status="notrun">'
           '<skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/></testcase>')
NOT_STARTED = ('<testcase name="a.no_program" status="notrun">'
               '<skipped message="Unable to find executable"/></testcase>')


class SummarizeTests(unittest.TestCase):
    def summarize(self, **kinds):
        with tempfile.TemporaryDirectory() as folder:
            for kind, cases in kinds.items():
                if isinstance(cases, str):
                    path, text = kind + ".reason", cases
                else:
                    path, text = kind + ".xml", f"<testsuite>{''.join(cases)}</testsuite>"
                with open(os.path.join(folder, path), "w", encoding="utf-8") as file:
                    file.write(text)
            done = subprocess.run([os.path.join(SOURCE, "tools/lib/summarize_tests"), folder, *kinds],
                                  stdout=subprocess.PIPE, text=True, check=False)
            with open(os.path.join(folder, "summary.txt"), encoding="utf-8") as file:
                summary = file.read()
            self.printed = done.stdout.splitlines()
            return done.returncode, self.printed[-1], summary

    def lines(self, **kinds):
        self.summarize(**kinds)
        return self.printed

    def test_all_passed(self):
        self.assertEqual(self.summarize(unit=[PASSED, PASSED]),
                         (0, "2 passed, 0 failed, 0 skipped",
                          "unit passed=2 failed=0 skipped=0\n"))

    def test_kinds_add_up(self):
        status, last, summary = self.summarize(unit=[PASSED, FAILED], live=[PASSED, SKIPPED])
        self.assertEqual((status, last), (1, "2 passed, 1 failed, 1 skipped"))
        self.assertEqual(summary, "unit passed=1 failed=1 skipped=0\n"
                                  "live passed=1 failed=0 skipped=1\n")

    def test_program_that_did_not_start_has_failed(self):
        self.assertEqual(self.summarize(unit=[PASSED, NOT_STARTED])[:2],
                         (1, "1 passed, 1 failed, 0 skipped"))

    def test_kind_that_could_not_run_keeps_its_reason(self):
        status, last, summary = self.summarize(unit=[PASSED], live="no BTF\nhere\n")
        self.assertEqual((status, last), (0, "1 passed, 0 failed, 0 skipped"))
        self.assertIn("live not-run reason=no BTF here\n", summary)

    def test_reason_of_a_skipped_test_is_told(self):
        skipped = ('<testcase name="Vm.kernel" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/>'
                   '<system-out>kernel: skipped: apt knows none\n</system-out></testcase>')
        self.assertIn("    skipped: Vm.kernel (apt knows none)", self.lines(vm=[PASSED, skipped]))

    def test_no_test_at_all_is_a_failure(self):
        self.assertEqual(self.summarize(unit=[])[0], 1)
        self.assertEqual(self.summarize(unit=[SKIPPED])[0], 1)


if __name__ == "__main__":
    unittest.main()

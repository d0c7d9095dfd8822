"""twofold load while it works: what a terminal shows, what a pipe gets, and what stays behind.

usage: load_progress_test.py TWOFOLD WEB_SAMPLE_CAPTURE
"""

import os
import pty
import resource
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest


class LoadProgress(unittest.TestCase):
    twofold = ""
    maker = ""

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.capture = self.path("host.twofold")
        with open(self.capture, "wb") as file:
            subprocess.run([self.maker], check=True, stdout=file)
        self.database = self.path("all.db")

    def path(self, name):
        return os.path.join(self.folder, name)

    def left(self):
        return sorted(name for name in os.listdir(self.folder) if name.startswith("all.db"))

    def start(self, *captures, stderr=subprocess.PIPE, **more):
        return subprocess.Popen([self.twofold, "load", "-o", "all.db", *captures], cwd=self.folder,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, **more)

    def feed(self, process):
        """Gives the capture on standard input, a second late."""
        time.sleep(1.3)
        with open(self.capture, "rb") as file:
            process.stdin.write(file.read())
        process.stdin.close()

    def on_terminal(self, *captures):
        terminal, end = pty.openpty()
        process = self.start(*captures, stderr=end)
        os.close(end)
        self.feed(process)
        text = b""
        while True:
            try:
                if not select.select([terminal], [], [], 30)[0]:
                    break
                text += os.read(terminal, 4096)
            except OSError:  # the other end is closed
                break
        os.close(terminal)
        self.assertEqual(process.wait(30), 0, text)
        process.stdout.close()
        return text.decode()

    def test_a_terminal_sees_which_file_after_a_second(self):
        text = self.on_terminal("-", "host.twofold")
        self.assertIn("\r\x1b[Kloading - (1 of 2): 0 %", text)
        # The line is gone when the work is done.
        self.assertRegex(text, r"%\r\x1b\[K(twofold: [^\r\n]*\r\n)*twofold: wrote all\.db \(2 captures\)\r\n$")

    def test_one_file_is_not_counted(self):
        self.assertIn("loading -: 0 %", self.on_terminal("-"))

    def test_names_cannot_command_the_terminal(self):
        name = "evil\x1b]0;x\x07.twofold"
        shutil.copy(self.capture, self.path(name))
        process = self.start(name)
        _, words = process.communicate()
        self.assertNotIn(b"\x07", words)
        self.assertEqual(process.returncode, 0)

    def test_a_quick_load_shows_nothing(self):
        terminal, end = pty.openpty()
        process = self.start("host.twofold", stderr=end)
        process.communicate()
        os.close(end)
        text = os.read(terminal, 4096)
        os.close(terminal)
        self.assertNotIn(b"%", text)

    def test_a_pipe_sees_no_progress(self):
        process = self.start("-", "host.twofold")
        self.feed(process)
        words = process.stderr.read()
        process.stderr.close()
        process.stdout.close()
        self.assertEqual(process.wait(30), 0)
        self.assertNotIn(b"\x1b", words)
        self.assertNotIn(b"%", words)

    def start_and_wait(self, **more):
        """Loads a capture, and waits for a second one that does not come. Returns the writer's end."""
        late = self.path("late.twofold")
        if not os.path.exists(late):
            os.mkfifo(late)
        process = self.start("host.twofold", "late.twofold", **more)
        return process, os.open(late, os.O_WRONLY)  # once the program reads

    def test_a_signal_leaves_nothing(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process, writer = self.start_and_wait()
            self.assertEqual(self.left(), ["all.db.partial"])
            process.send_signal(number)
            os.close(writer)
            _, words = process.communicate()
            self.assertEqual(process.returncode, 1, number)
            self.assertIn(b"stopped by a signal", words)
            self.assertEqual(self.left(), [])

    def test_a_second_interrupt_ends_it_at_once(self):
        process, writer = self.start_and_wait()
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(10), -signal.SIGINT)
        os.close(writer)
        process.communicate()

    def test_what_is_ignored_stays_ignored(self):
        process, writer = self.start_and_wait(
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        process.send_signal(signal.SIGHUP)
        with open(self.capture, "rb") as file:
            os.write(writer, file.read())
        os.close(writer)
        process.communicate()
        self.assertEqual(process.returncode, 0)
        self.assertEqual(self.left(), ["all.db"])

    def test_a_killed_load_has_no_database(self):
        process, writer = self.start_and_wait()
        process.kill()
        process.communicate()
        os.close(writer)
        self.assertEqual(self.left(), ["all.db.partial"])
        process = self.start("host.twofold")
        _, words = process.communicate()
        self.assertEqual(process.returncode, 1)
        self.assertIn(b"all.db.partial", words)  # what is in the way, and it is not touched
        os.remove(self.path("all.db.partial"))
        process = self.start("host.twofold")
        process.communicate()
        self.assertEqual(process.returncode, 0)

    def test_a_full_disk_leaves_nothing(self):
        limit = 150 << 10
        process = self.start("host.twofold", preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_FSIZE, (limit, limit)))
        _, words = process.communicate()
        self.assertEqual(process.returncode, 1, words)
        self.assertIn(b"disk", words)
        self.assertEqual(self.left(), [])

    def test_many_captures(self):
        process = self.start(*["host.twofold"] * 40)
        process.communicate()
        self.assertEqual(process.returncode, 0)
        database = sqlite3.connect(self.database)
        rows = database.execute("SELECT count(*), count(DISTINCT capture_id) FROM capture").fetchone()
        self.assertEqual(rows, (40, 40))
        per_capture = database.execute(
            "SELECT DISTINCT n, ns FROM (SELECT count(*) AS n, sum(scaled_ns) AS ns FROM blocked "
            "JOIN interval USING (interval_id) GROUP BY capture_id)").fetchall()
        self.assertEqual(len(per_capture), 1)
        self.assertEqual(database.execute("PRAGMA integrity_check").fetchone(), ("ok",))
        database.close()


if __name__ == "__main__":
    LoadProgress.twofold, LoadProgress.maker = (os.path.abspath(path) for path in sys.argv[1:])
    unittest.main(argv=sys.argv[:1])

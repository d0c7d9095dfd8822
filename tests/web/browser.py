"""Runs a page in headless Chromium and reads what its script found out. No packages but Python's."""

import html
import json
import os
import re
import shutil
import subprocess
import tempfile

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--hide-scrollbars", "--virtual-time-budget=3000"]


def run(path, width=1200, height=800, more=()):
    """Opens a file and returns the document after its scripts ran."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [CHROMIUM, *FLAGS, f"--user-data-dir={folder}", f"--window-size={width},{height}",
             *more, "file://" + os.path.abspath(path)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
            check=False)
    if done.returncode != 0:
        raise RuntimeError(f"chromium failed on {path}:\n" + done.stderr.decode(errors="replace"))
    return done.stdout.decode("utf-8")


def results(path, width=1200, height=800):
    """What the page's script gave to finish(...), as Python values."""
    document = run(path, width, height, ["--dump-dom"])
    found = re.search(r">RESULT\((.*?)\)END<", document, re.DOTALL)
    if not found:
        raise RuntimeError(f"{path}: the test's script did not finish:\n" + document[-3000:])
    return json.loads(html.unescape(found.group(1)))

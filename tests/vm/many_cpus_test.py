#!/usr/bin/env python3
"""Recording does no harm on a machine with many CPUs, and its numbers are right there.

Boots the distribution's kernel in QEMU with as many CPUs as asked for, runs `switcher` on all of them, and records the
whole machine twice, first with the default settings and then at the greatest cost: every block, chains of 8 wakers.
What must hold:

  no harm     the kernel complains about nothing: no lockup, no stall, no hung task, no bug
  no gap      both captures are whole, hold every thread of the load, and every nanosecond of every thread is accounted
              for (residue at most 0.1 %)
  look-ups    in the steady state the scheduler's programs put next to nothing into maps. Combinations of a thread, its
              stacks and its waker are finite, so new ones must become rare: the median of the seconds after the third
              is judged. Samples are counted apart: each may hit an address that none has hit before, which
              sampling itself bounds, at 99 per second and CPU

Times are no measure of a real machine: one thread of this one emulates all CPUs in turn, so that whatever happens takes
long, and most blocks last longer than the quantum of 1 ms and are walked. The load's speed is printed, not judged.

Exit status: 0 passed, 1 failed, 77 this machine cannot run it. Files stay in BUILD/vm/many_cpus.
"""

import argparse
import csv
import io
import pathlib
import re
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # leaves nothing in the source tree
import vm  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE.parent.parent / "build"
KERNEL_PACKAGE = "linux-image-cloud-amd64"
COMPLAINTS = re.compile(r"soft lockup|hard LOCKUP|rcu: INFO|rcu_\w+ (self-)?detected|blocked for more than|hung task|"
                        r"\bBUG\b|\bOops\b|WARNING:|Kernel panic|scheduling while atomic|clocksource: .*unstable")
# What each recording may still put into maps in the steady state: new keys per second and CPU. On 200 CPUs 20 of them
# are 4,000 a second, each of which holds a lock for less than a microsecond: under 0.4 % of the time of one lock, if
# all of them wanted the same one.
MOST_INSERTS = {"default": 2.0, "exact": 20.0}
WARM_UP_INTERVALS = 3
MOST_RESIDUE = 0.001


class Capture:
    """What the analyzer says about a capture."""

    def __init__(self, twofold, path):
        self.twofold, self.path = twofold, path
        done = subprocess.run([twofold, "verify", "--strict", path], capture_output=True, text=True)
        if done.returncode != 0:
            raise vm.Failed(f"a capture does not open whole: {vm.words_of(done)}")
        self.bytes = path.stat().st_size
        head = self.rows("SELECT start_monotonic_ns, window_ns, kernel_release, cpus_online FROM capture")[0]
        self.start_ns, self.window_ns = int(head[0]), int(head[1])
        self.release, self.cpus = head[2], int(head[3])

    def rows(self, query):
        done = subprocess.run([self.twofold, "sql", "--csv", self.path, query], capture_output=True, text=True)
        if done.returncode != 0:
            raise vm.Failed(f"a query fails: {vm.words_of(done)}")
        return list(csv.reader(io.StringIO(done.stdout)))[1:]

    def number(self, query):
        return float(self.rows(query)[0][0] or 0)

    def load_threads(self):
        return int(self.number("SELECT count(DISTINCT tid) FROM thread JOIN account USING (thread_id) "
                               "WHERE name IN ('caller', 'answerer') AND on_cpu_ns > 0"))

    def residue(self):
        return self.number("SELECT sum(abs(residue_ns)) * 1.0 / sum(existed_ns) FROM states")

    def losses(self):
        return self.rows("SELECT name || ' (' || source || ')', sum(count) FROM loss GROUP BY 1 ORDER BY 1")

    def cost(self):
        """Runs of the programs per second, and seconds of CPU of the recorder itself."""
        row = self.rows("SELECT sum(bpf_runs), sum(user_ns + system_ns) / 1e9 FROM cost")[0]
        return float(row[0]) / (self.window_ns / 1e9), float(row[1])

    def inserts(self):
        """Per interval: (seconds, new keys in all, of them those that samples made)."""
        rows = self.rows("""
            WITH sampled AS (SELECT number, thread_id, kernel_stack_id, user_stack_id
                             FROM cpu_sample JOIN interval USING (interval_id)),
                 key AS (SELECT min(number) AS number FROM sampled GROUP BY thread_id, kernel_stack_id, user_stack_id
                         UNION ALL
                         SELECT min(number) FROM (SELECT number, kernel_stack_id AS stack_id FROM sampled
                                                  UNION ALL SELECT number, user_stack_id FROM sampled)
                         WHERE stack_id IS NOT NULL GROUP BY stack_id)
            SELECT (end_ns - start_ns) / 1e9, map_inserts, (SELECT count(*) FROM key WHERE key.number = interval.number)
            FROM interval JOIN cost USING (interval_id) ORDER BY number""")
        return [(float(seconds), int(all_keys), int(sampled)) for seconds, all_keys, sampled in rows]


class Load:
    """What `switcher` wrote: how far all CPUs together and the slowest one were, once a second."""

    def __init__(self, path):
        self.lines = [tuple(map(int, line.split())) for line in path.read_text(encoding="utf-8").splitlines()]

    def speed(self, start_ns, end_ns):
        """Round trips per second between two moments: (of all CPUs, of the slowest one)."""
        inside = [line for line in self.lines if start_ns <= line[0] <= end_ns]
        if len(inside) < 2:
            raise vm.Failed("the load stood still, or was not measured often enough to tell")
        (first_ns, first, first_least), (last_ns, last, last_least) = inside[0], inside[-1]
        seconds = (last_ns - first_ns) / 1e9
        return (last - first) / seconds, (last_least - first_least) / seconds


def complaints(result):
    """(seconds since boot, text) of everything the kernel complained about."""
    text = result.console + (result.folder / "dmesg").read_text(encoding="utf-8", errors="replace")
    found = {line.strip() for line in text.splitlines() if COMPLAINTS.search(line)}
    return sorted((float((re.match(r"\[\s*([\d.]+)\]", line) or [0, "0"])[1]), line) for line in found)


def steady(inserts, cpus):
    """Medians of new keys per second and CPU after the warm-up: (the scheduler's programs, samples)."""
    intervals = inserts[WARM_UP_INTERVALS:-1]  # in the last one what is still open gets rows of its own
    if len(intervals) < 5:
        raise vm.Failed(f"the recorder closed only {len(inserts)} intervals in 20 s: too few to tell the steady state")
    return (statistics.median(max(0, all_keys - sampled) / seconds / cpus for seconds, all_keys, sampled in intervals),
            statistics.median(sampled / seconds / cpus for seconds, _, sampled in intervals))


def table(rows):
    widths = [max(len(str(row[column])) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  " + str(row[0]).ljust(widths[0]) + "".join(str(cell).rjust(width + 3)
                                                           for cell, width in zip(row[1:], widths[1:])))


def measure(capture, load, starts_ns, alone):
    """The lines of the table for one recording, and what they are made of."""
    inserts = capture.inserts()
    keys_switches, keys_samples = steady(inserts, capture.cpus)
    speed, slowest = load.speed(capture.start_ns, capture.start_ns + capture.window_ns)
    runs, own_s = capture.cost()
    facts = {"keys": keys_switches, "slowest": slowest, "threads": capture.load_threads(),
             "residue": capture.residue()}
    return facts, {
        "round trips of the load per second": f"{speed:,.0f}",
        "  of those alone": f"{speed / alone:.2f}",
        "  of the slowest CPU": f"{slowest:,.0f}",
        "seconds until it recorded": f"{(capture.start_ns - starts_ns) / 1e9:.1f}",
        "seconds recorded": f"{capture.window_ns / 1e9:.1f}",
        "intervals": f"{len(inserts)}",
        "runs of programs per second": f"{runs:,.0f}",
        "the recorder's own CPU seconds": f"{own_s:.1f}",
        "bytes of the capture": f"{capture.bytes:,}",
        f"new keys in {WARM_UP_INTERVALS} intervals": f"{sum(keys for _, keys, _ in inserts[:WARM_UP_INTERVALS]):,}",
        "then per second and CPU, of switches": f"{keys_switches:.2f}",
        "then per second and CPU, of samples": f"{keys_samples:.2f}",
        "threads of the load that have run": f"{facts['threads']}",
        "residue of the accounts, %": f"{100 * facts['residue']:.4f}",
    }


def judge(result, captures, load, cpus):
    """Prints what was measured; returns a sentence for everything that must not be."""
    failures = []
    phases = {name: float(seconds) * 1e9 for name, seconds in
              (line.split() for line in (result.folder / "phases").read_text(encoding="utf-8").splitlines())}
    before = load.speed(phases["alone"], phases["default-starts"])
    after = load.speed(phases["alone-again"], phases["end"])
    columns = {}
    for name, capture in captures.items():
        facts, columns[name] = measure(capture, load, phases[f"{name}-starts"], (before[0] + after[0]) / 2)
        if capture.cpus != cpus:
            failures.append(f"{name}: the capture tells of {capture.cpus} CPUs, there are {cpus}")
        if facts["threads"] != 2 * cpus:
            failures.append(f"{name}: {facts['threads']} threads of the load have run, by their accounts; there are "
                            f"{2 * cpus}")
        if facts["residue"] > MOST_RESIDUE:
            failures.append(f"{name}: the residue of the accounts is {100 * facts['residue']:.3f} % of the time")
        if facts["keys"] > MOST_INSERTS[name]:
            failures.append(f"{name}: the scheduler's programs still put {facts['keys']:.1f} new keys per second and "
                            f"CPU into maps after {WARM_UP_INTERVALS} intervals; {MOST_INSERTS[name]} are allowed")
        if facts["slowest"] == 0:
            failures.append(f"{name}: the load stood still on some CPU")
    print(f"Kernel {captures['default'].release} with {cpus} CPUs; the load alone, {before[0]:,.0f} round trips per "
          f"second before and {after[0]:,.0f} after, and while it was recorded:")
    table([("", *captures)] + [(line, *(column[line] for column in columns.values())) for line in columns["default"]])
    for name, capture in captures.items():
        losses = ", ".join(f"{loss} {count} times" for loss, count in capture.losses())
        print(f"  losses, {name}: {losses or 'none'}")
    for seconds, text in complaints(result):
        when = "" if seconds * 1e9 >= phases["default-starts"] else " before anything was recorded"
        failures.append(f"the kernel complained{when}: {text}")
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=BUILD, help="build folder (default: build/)")
    parser.add_argument("--recorder", type=pathlib.Path, help="default: BUILD/bin/twofold-record")
    parser.add_argument("--cpus", type=int, default=32, help="of the virtual machine (default: 32)")
    parser.add_argument("--tokens", type=int, default=4, help="of the load: that many CPUs are busy (default: 4)")
    parser.add_argument("--kernel", default=KERNEL_PACKAGE, help=f"package of the kernel (default: {KERNEL_PACKAGE})")
    parser.add_argument("--timeout", type=int, default=600, metavar="S", help="for the virtual machine (default: 600)")
    arguments = parser.parse_args()
    twofold = arguments.build / "bin" / "twofold"
    recorder = arguments.recorder or arguments.build / "bin" / "twofold-record"
    folder = arguments.build / "vm" / "many_cpus"
    start = time.monotonic()
    try:
        for program in (twofold, recorder):
            if not program.exists():
                raise vm.CannotRun(f"{program} does not exist: `tools/build` makes it")
        kernel = vm.fetch_kernel(arguments.kernel, "bookworm", vm.x86_64())
        folder.mkdir(parents=True, exist_ok=True)
        switcher = arguments.build / "vm" / "switcher"
        vm.compile_static(HERE / "switcher.c", switcher)
        result = vm.run(kernel, HERE / "many_cpus.sh", {"twofold-record": recorder, "switcher": switcher}, folder,
                        arguments.timeout, arguments=[str(arguments.tokens)], cpus=arguments.cpus,
                        memory_mib=1024 + 32 * arguments.cpus)
        captures = {name: Capture(twofold, result.folder / f"{name}.twofold") for name in MOST_INSERTS}
        failures = judge(result, captures, Load(result.folder / "load"), arguments.cpus)
    except vm.CannotRun as error:
        print(f"many_cpus_test: skipped: {error}")
        return 77
    except vm.Failed as error:
        failures = [str(error)]
    print(f"  {time.monotonic() - start:.0f} s in all")
    for failure in failures:
        print(f"many_cpus_test: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

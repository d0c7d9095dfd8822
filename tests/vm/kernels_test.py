#!/usr/bin/env python3
"""Recordings on another kernel tell what is known by construction.

Boots a kernel of the distribution in QEMU, records the live tests' workloads in it with the static recorder, and
judges the captures here, with the ordinary analyzer: also those of another processor. Each thing that is checked is
a *feature*; the table at the end, and `--table`, say on which kernel which one passed.

Exit status: 0 passed, 1 failed, 77 this machine cannot run it. Files stay in BUILD/vm/kernel-NAME.
"""

import argparse
import csv
import io
import json
import pathlib
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True  # leaves nothing in the source tree
import kernels  # noqa: E402
import vm  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE.parent.parent / "build"
LIVE_WORKLOADS = ("sleep_shares", "burn_shares", "relay", "threads", "page_faults")
OWN_WORKLOADS = ("leaker", "unanswered_syn")
RECORDINGS = ("sleeps", "burns", "relay", "system", "execs", "syns", "user_leaks", "kernel_leaks",
              "faults", "fault_storm")
MOST_RESIDUE = 0.001
SHARE_POINTS = 0.01
TOTAL_PART = 0.02  # of the wall time
# How often a cause may be met, where `twofold info` says that a few are normal.
NORMAL_LOSSES = {"user-stack-not-taken": 200, "task-storage-failed": 5, "wakeup-missed": 5, "free-unseen": 20}


class Captures:
    """What the analyzer says about the captures, and what the workloads say about themselves."""

    def __init__(self, twofold, folder):
        self.twofold, self.folder = twofold, folder

    def text(self, name):
        return (self.folder / name).read_text(encoding="utf-8", errors="replace")

    def truth(self, name):
        return {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", self.text(f"{name}.truth"))}

    def run(self, command, name, *words):
        done = subprocess.run([self.twofold, command, self.folder / f"{name}.twofold", *words],
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise vm.Failed(f"twofold {command} fails on {name}.twofold: {vm.words_of(done)}")
        return done.stdout

    def rows(self, name, query):
        return list(csv.DictReader(io.StringIO(self.run("sql", name, query, "--csv"))))

    def stacks(self, name, *words):
        """{stack as a list of names: weight}"""
        return [(stack.split(";"), int(weight)) for stack, _, weight in
                (line.rpartition(" ") for line in self.run("fold", name, *words).splitlines())]

    def weight(self, name, function, *words):
        return sum(weight for stack, weight in self.stacks(name, *words) if function in stack)


def expect(condition, sentence):
    if not condition:
        raise vm.Failed(sentence)


def near(what, value, wanted, most):
    expect(abs(value - wanted) <= most, f"{what} is {value:.4f}, and should be {wanted:.4f} within {most}")


# Features: each is a function whose text is its title; it raises Failed, or returns what it found.

def recordings_end_well(captures):
    """records, and says so"""
    for name in RECORDINGS:
        expect(captures.text(f"{name}.status").strip() == "0",
               f"recording {name} failed: {captures.text(f'{name}.words').strip()}")


def captures_are_whole(captures):
    """captures are whole"""
    for name in RECORDINGS:
        captures.run("verify", name, "--strict")


def time_is_accounted_for(captures):
    """residue at most 0.1 %"""
    worst = 0.0
    for name in RECORDINGS:
        row = captures.rows(name, "SELECT coalesce(sum(abs(residue_ns)), 0) AS residue_ns, "
                                  "coalesce(sum(existed_ns), 0) AS existed_ns FROM states")[0]
        expect(int(row["existed_ns"]) > 0, f"{name}: no thread has an account")
        worst = max(worst, int(row["residue_ns"]) / int(row["existed_ns"]))
    expect(worst <= MOST_RESIDUE, f"the residue is {100 * worst:.3f} % of the time")
    return f"{100 * worst:.4f} %"


def blocked_shares(captures):
    """off the CPU: shares, total"""
    # What a program can measure is time off the CPU: blocked, and then waiting for a CPU.
    truth = captures.truth("sleeps")
    thirty, seventy = (captures.weight("sleeps", function, "--view", "offcpu", "--runnable")
                       for function in ("sleep_in_thirty", "sleep_in_seventy"))
    expect(thirty + seventy > 0, "no blocked time has a user stack with the sleeping functions")
    share = thirty / (thirty + seventy)
    near("the share of sleep_in_thirty", share, 0.3, SHARE_POINTS)
    near("time off the CPU per second of wall time", (thirty + seventy) * 1000 / truth["wall_ns"],
         truth["off_cpu_ns"] / truth["wall_ns"], TOTAL_PART)
    return f"{100 * share:.1f} %"


def cpu_shares(captures):
    """CPU time: shares, total"""
    truth = captures.truth("burns")
    quarter = captures.weight("burns", "burn_a_quarter", "--view", "cpu")
    rest = captures.weight("burns", "burn_three_quarters", "--view", "cpu")
    expect(quarter + rest > 0, "no sample has a user stack with the burning functions")
    share = quarter / (quarter + rest)
    wanted = truth["quarter_ns"] / (truth["quarter_ns"] + truth["three_quarters_ns"])
    near("the share of burn_a_quarter", share, wanted, SHARE_POINTS)
    exact = captures.rows("burns", f"SELECT sum(on_cpu_ns) AS ns FROM states JOIN process USING (process_id) "
                                   f"WHERE pid = {truth['pid']}")[0]
    near("CPU time of the burner per second of wall time", int(exact["ns"]) / truth["wall_ns"],
         truth["cpu_ns"] / truth["wall_ns"], TOTAL_PART)
    return f"{100 * share:.1f} %"


def states_of_threads(captures):
    """woken, preempted, blocked"""
    rows = {row["name"]: row for row in captures.rows(
        "system", "SELECT name, on_cpu_ns, woken_ns, preempted_ns, interruptible_ns, existed_ns "
                  "FROM states JOIN thread USING (thread_id) WHERE name IN ('sleeper', 'burner', 'half_and_half')")}
    expect(len(rows) == 3, f"of the three threads only these have accounts: {', '.join(rows) or 'none'}")
    part = {name: {key: int(value) / int(row["existed_ns"]) for key, value in row.items() if key.endswith("_ns")}
            for name, row in rows.items()}
    expect(part["sleeper"]["interruptible_ns"] > 0.8, "the sleeper was not blocked most of the time")
    expect(int(rows["sleeper"]["woken_ns"]) > 0, "the sleeper was never woken")
    expect(part["burner"]["interruptible_ns"] < 0.02, "the burner was blocked")
    expect(part["half_and_half"]["interruptible_ns"] > 0.2 and part["half_and_half"]["on_cpu_ns"] > 0.1,
           "half_and_half did not both burn and sleep")
    preempted = sum(int(row["preempted_ns"]) for row in captures.rows("system", "SELECT preempted_ns FROM states"))
    expect(preempted > 0, "nothing was ever preempted")


def stacks_have_names(captures):
    """stacks have names"""
    for name, words, leaves, function in (
            ("sleeps", ("--view", "offcpu"), ("schedule", "__schedule"), "sleep_in_seventy"),
            ("burns", ("--view", "cpu"), None, "burn_three_quarters")):
        expect(captures.weight(name, function, *words) > 0, f"{name}: no stack has {function}")
        if leaves is not None:
            total = sum(weight for _, weight in captures.stacks(name, *words))
            # The scheduler's own frames may be cut off: what matters is the call that slept.
            named = sum(weight for stack, weight in captures.stacks(name, *words)
                        if any("nanosleep" in frame for frame in stack))
            expect(named > 0.95 * total, f"{name}: only {100 * named / max(1, total):.1f} % of blocked time are in "
                                         f"the kernel's nanosleep")
    frames = captures.rows("system", "SELECT count(*) AS frames, sum(symbol IS NOT NULL) AS named FROM frame "
                                     "JOIN module USING (module_id) WHERE kind = 'kernel'")[0]
    expect(int(frames["frames"]) > 0, "the recording of the whole machine has no kernel frame")
    expect(int(frames["named"]) == int(frames["frames"]),
           f"{int(frames['frames']) - int(frames['named'])} of {frames['frames']} kernel frames have no name")


def wakers_are_right(captures):
    """wakers: chains of a relay"""
    ticks, whole = 0, 0
    for stack, weight in captures.stacks("relay", "--view", "chain", "--root", "thread"):
        if stack[0] != "relay_3":
            continue
        ticks += weight
        # Behind the sleeper, one waker after another: relay_2, relay_1, the timer.
        text = ";".join(stack)
        if re.search(r";relay_2;--;.*;relay_1;--;.*\[(timer|hardirq)\]", text):
            whole += weight
    expect(ticks > 0, "no chain has the thread relay_3")
    expect(whole > 0.9 * ticks, f"only {100 * whole / ticks:.1f} % of what relay_3 waited for lead over relay_2 and "
                                f"relay_1 to the timer")
    return f"{100 * whole / ticks:.1f} %"


def execs_are_all_there(captures):
    """executed programs, and failures"""
    found = {(row["file"], row["error_name"], row["exit_code"]): int(row["count"]) for row in captures.rows(
        "execs", "SELECT file, error_name, exit_code, count(*) AS count FROM exec WHERE file IN "
                 "('/bin/true', '/bin/false', '/bin/missing') GROUP BY 1, 2, 3")}
    wanted = {("/bin/true", "", "0"): 40, ("/bin/false", "", "1"): 10, ("/bin/missing", "ENOENT", ""): 5}
    expect(found == wanted, f"executed programs are {found}, and should be {wanted}")
    return str(sum(found.values()))


def retransmits_are_right(captures):
    """TCP retransmits: all of them"""
    truth = captures.truth("syns")
    rows = captures.rows("syns", "SELECT pid, kind, state, remote_port, sum(segments) AS segments FROM retransmit "
                                 "JOIN thread USING (thread_id) JOIN process USING (process_id) GROUP BY 1, 2, 3, 4")
    expect(truth["retransmitted"] > 0, "the workload says that the kernel sent nothing again")
    found = {(int(row["pid"]), row["kind"], row["state"], int(row["remote_port"])): int(row["segments"]) for row in rows}
    wanted = {(truth["pid"], "syn", "syn-sent", truth["port"]): truth["retransmitted"]}
    expect(found == wanted, f"retransmits are {found}, and should be {wanted}")
    return str(truth["retransmitted"])


def outstanding(captures, name, function, kind):
    """(bytes, allocations) of a kind that stacks with the function got, and nobody gave back"""
    row = captures.rows(name, f"""SELECT coalesce(sum(bytes), 0) AS bytes, coalesce(sum(count), 0) AS count
        FROM outstanding WHERE kind = '{kind}' AND EXISTS (
          SELECT 1 FROM stack_frames WHERE stack_id IN (kernel_stack_id, user_stack_id) AND name = '{function}')""")[0]
    return int(row["bytes"]), int(row["count"])


def user_leaks_are_found(captures):
    """memory: leaks of a program"""
    small_bytes, small = outstanding(captures, "user_leaks", "leak_small", "malloc")
    large_bytes, large = outstanding(captures, "user_leaks", "leak_large", "malloc")
    expect(small > 50, f"leak_small leaked {small} times")
    expect(abs(small - large) <= 1, f"leak_small leaked {small} times, and leak_large {large} times")
    expect((small_bytes, large_bytes) == (64 * small, 4096 * large),
           f"{small} and {large} leaks have {small_bytes} and {large_bytes} bytes")
    expect(outstanding(captures, "user_leaks", "balanced", "malloc")[1] <= 1, "the balanced function leaks")
    return f"{small} + {large}"


def kernel_leaks_are_found(captures):
    """memory: leaks of the kernel"""
    contexts = outstanding(captures, "kernel_leaks", "do_eventfd", "kmalloc")[1]
    files = outstanding(captures, "kernel_leaks", "do_eventfd", "slab")[1]
    expect(contexts > 50, f"{contexts} objects of eventfd are outstanding")
    # Each descriptor has an object of its own and, beside others, a file.
    expect(contexts - 1 <= files, f"{contexts} objects of eventfd are outstanding, and {files} of the caches")
    return str(contexts)


def faults_are_right(captures):
    """page faults: pages of functions"""
    samples = 0
    for name in ("faults", "fault_storm"):
        quarter = captures.truth(name)["pages"] // 4
        for function, wanted in (("touch_a_quarter", quarter), ("touch_three_quarters", 3 * quarter),
                                 ("read_zeros", quarter)):
            mode = "kernel" if function == "read_zeros" else "user"
            row = captures.rows(name, f"""SELECT coalesce(sum(pages), 0) AS pages, coalesce(sum(count), 0) AS samples,
                coalesce(sum(variance_pages2), 0) AS variance FROM faults WHERE mode = '{mode}' AND EXISTS (
                  SELECT 1 FROM stack_frames WHERE stack_id = user_stack_id AND name = '{function}')""")[0]
            pages, error = int(row["pages"]), int(row["variance"]) ** 0.5
            expect(name != "faults" or error == 0, f"{name}: pages of {function} are not exact")
            near(f"{name}: pages of {function}", pages, wanted, 4 * error)
            samples += int(row["samples"]) if name == "fault_storm" else 0
    return f"{samples} samples of {5 * quarter}"


def nothing_is_lost(captures):
    """no losses but normal ones"""
    found = {}
    for name in RECORDINGS:
        for row in captures.rows(name, "SELECT name, sum(count) AS count FROM loss GROUP BY 1"):
            found[row["name"]] = found.get(row["name"], 0) + int(row["count"])
    wrong = {name: count for name, count in found.items() if count > NORMAL_LOSSES.get(name, 0)}
    expect(not wrong, "losses: " + ", ".join(f"{name} {count} times" for name, count in sorted(wrong.items())))
    return ", ".join(f"{name} {count}" for name, count in sorted(found.items())) or "none"


def analyzer_agrees(captures):
    """twofold runs there"""
    for view in ("cpu", "offcpu"):
        there = captures.text(f"analyzer.{view}")
        expect(there == captures.run("fold", "sleeps", "--view", view),
               f"twofold fold --view {view} says something else there: {captures.text('analyzer.words').strip()}")
    # Names are made readable by a child process, and a table is for people.
    there = captures.text("analyzer.table")
    expect(there == captures.run("table", "sleeps"), "twofold table says something else there")
    return "as here"


def check_agrees(captures):
    """--check agrees"""
    words = captures.text("check.words")
    expect(captures.text("check.status").strip() == "0",
           f"twofold-record --check says that recording does not work here:\n{words}")
    long = [line for line in words.splitlines() if len(line) > 80]
    expect(not long, f"--check prints lines longer than 80 characters: {long}")
    method = captures.rows("sleeps", "SELECT user_stack_method AS method FROM capture")[0]["method"]
    afterwards = re.search(r"^(yes|no) +user stacks after", words, re.MULTILINE)
    expect(afterwards is not None, f"--check says nothing about user stacks:\n{words}")
    expect((afterwards[1] == "yes") == (method == "page-walk"),
           f"--check says {afterwards[1]} to user stacks after a block, the recording used {method}")
    return method


def refuses(captures):
    """refuses, and says why"""
    for name in RECORDINGS:
        words = captures.text(f"{name}.words")
        expect(captures.text(f"{name}.status").strip() == "1" and re.fullmatch(r"twofold-record: .+\. Use .+\.\n", words),
               f"recording {name} should fail with one sentence, and said: {words}")
        expect(not list(captures.folder.glob(f"{name}.twofold*")), f"recording {name} failed, and left a file")


def check_refuses(captures):
    """--check says why"""
    words = captures.text("check.words")
    expect(captures.text("check.status").strip() == "1", f"--check says that recording works here:\n{words}")
    wrong = re.findall(r"^no   (.*?)  ", words.partition("\n\nWhere")[0], re.MULTILINE)
    expect(wrong == ["BPF storage per thread"], f"--check says that what is missing is {wrong}:\n{words}")
    return wrong[0]


FEATURES = (recordings_end_well, captures_are_whole, time_is_accounted_for, blocked_shares, cpu_shares,
            states_of_threads, stacks_have_names, wakers_are_right, execs_are_all_there, retransmits_are_right,
            user_leaks_are_found, kernel_leaks_are_found, faults_are_right, nothing_is_lost, check_agrees, analyzer_agrees)
FEATURES_OF_REFUSAL = (refuses, check_refuses)


def kernel_complaints(result):
    text = result.console + (result.folder / "dmesg").read_text(encoding="utf-8", errors="replace")
    return sorted({line.strip() for line in text.splitlines()
                   if re.search(r"soft lockup|rcu: INFO|hung task|\bBUG\b|\bOops\b|WARNING:|scheduling while", line)})


def judge(captures, features):
    """{title: (passed, what was found or what is wrong)}"""
    verdicts = {}
    for feature in features:
        try:
            verdicts[feature.__doc__] = (True, feature(captures) or "yes")
        except (vm.Failed, OSError, KeyError) as error:
            verdicts[feature.__doc__] = (False, str(error))
    return verdicts


def print_table(build):
    """Kernels across, features down: what the last run of each test left."""
    reports = [json.loads(path.read_text(encoding="utf-8"))
               for path in sorted((build / "vm").glob("kernel-*/report.json"))]
    if not reports:
        return
    rows = [["", *(report["name"] for report in reports)], ["release", *(report["release"] for report in reports)]]
    for title in dict.fromkeys(title for report in reports for title in report["verdicts"]):
        cells = [report["verdicts"].get(title, [True, "-"]) for report in reports]
        rows.append([title, *(found if passed else "FAILED" for passed, found in cells)])
    rows.append(["seconds in the emulator", *(f"{report['seconds']:.0f}" for report in reports)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def run(name, build, timeout_s):
    """Returns sentences about what is wrong."""
    twofold = build / "bin" / "twofold"
    if not twofold.exists():
        raise vm.CannotRun(f"there is no {twofold}: `tools/build` makes it")
    programs = {word: kernels.program(word, name, build) for word in ("twofold", "twofold-record")}
    kernel = kernels.fetch(name)
    folder = build / "vm" / f"kernel-{name}"
    workload_folder = build / "vm" / f"workloads-{kernel.platform.architecture}"
    workload_folder.mkdir(parents=True, exist_ok=True)
    for source_folder, workloads in ((HERE.parent / "live" / "workloads", LIVE_WORKLOADS), (HERE, OWN_WORKLOADS)):
        for workload in workloads:
            programs[workload] = workload_folder / workload
            vm.compile_static(source_folder / f"{workload}.c", programs[workload], kernel.platform.compiler)
    result = vm.run(kernel, HERE / "recording.sh", programs, folder, timeout_s)
    verdicts = judge(Captures(twofold, result.folder),
                     FEATURES_OF_REFUSAL if name in kernels.TOO_OLD else FEATURES)
    (folder / "report.json").write_text(json.dumps(
        {"name": name, "release": kernel.release, "seconds": result.seconds, "verdicts": verdicts}), encoding="utf-8")
    print(f"Kernel {kernel.release}, {result.seconds:.0f} s in the emulator:")
    for title, (passed, found) in verdicts.items():
        print(f"  {title:32}{found if passed else 'FAILED'}")
    for recording in RECORDINGS:
        for line in (result.folder / f"{recording}.words").read_text(encoding="utf-8").splitlines():
            if line.startswith("Note:"):
                print(f"  {recording}: {line}")
    return ([f"{title}: {found}" for title, (passed, found) in verdicts.items() if not passed] +
            [f"the kernel complained: {line}" for line in kernel_complaints(result)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kernel", nargs="?", choices=sorted(kernels.KERNELS), help="which one")
    parser.add_argument("--build", type=pathlib.Path, default=BUILD, help="build folder (default: build/)")
    parser.add_argument("--timeout", type=int, default=300, metavar="S", help="for the virtual machine (default: 300)")
    parser.add_argument("--table", action="store_true", help="only print what the last runs found, kernel by kernel")
    arguments = parser.parse_args()
    if arguments.table:
        print_table(arguments.build)
        return 0
    if arguments.kernel is None:
        parser.error("which kernel? One of: " + ", ".join(sorted(kernels.KERNELS)))
    start = time.monotonic()
    try:
        failures = run(arguments.kernel, arguments.build, arguments.timeout)
    except vm.CannotRun as error:
        print(f"kernel {arguments.kernel}: skipped: {error}")
        return 77
    except vm.Failed as error:
        failures = [str(error)]
    print(f"  {time.monotonic() - start:.0f} s in all")
    for failure in failures:
        print(f"kernel {arguments.kernel}: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

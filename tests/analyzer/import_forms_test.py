#!/usr/bin/env python3
"""Prints samples that are known in every form of 'perf script', imports the text, and compares what
the views say with the sums of the samples.

usage: import_forms_test.py TWOFOLD
"""

import collections
import itertools
import os
import subprocess
import sys
import tempfile

KERNEL = 0xFFFFFFFF81000000
Frame = collections.namedtuple("Frame", "address symbol offset module")
Sample = collections.namedtuple("Sample", "comm pid tid cpu time_us period event stack")

# Leaf first. Names and paths with whatever may stand in them.
STACKS = [
    [Frame(0x55889520B1FF, "inner", 0xF, "/opt/app/burn"),
     Frame(0x55889520B2A5, "main", 0x45, "/opt/app/burn")],
    [Frame(KERNEL + 0x1234, "do_syscall_64", 0x34, "[kernel.kallsyms]"),
     Frame(0x7F0012340A10, "read", 0x10, "/usr/lib/libc.so.6"),
     Frame(0x55889520B2A5, "main", 0x45, "/opt/app/burn")],
    [Frame(0x7F00AA, "burn(int (*)(char), long)", 0x74, "/opt/My App (x86)/lib.so (deleted)"),
     Frame(0x7F00BB, "main", 0x45, "/opt/app/burn")],
    [Frame(KERNEL + 0x40001234, "xfs_read", 0x4, "[xfs]"),
     Frame(KERNEL + 0x99, "vfs_read", 0x9, "/usr/lib/debug/boot/vmlinux-6.1.0-13"),
     Frame(0x401136, "main", 0x6, "/opt/app/burn")],
    [Frame(KERNEL + 0x50000001, "nf_hook", 0x1, "/lib/modules/6.1/kernel/net/nf.ko.xz"),
     Frame(KERNEL + 0x50000002, "bpf_prog_2b95_drop", 0x2, "bpf_prog_2b95_drop"),
     Frame(KERNEL + 0x50000003, "net_rx", 0x3, "[guest.kernel.kallsyms]"),
     Frame(0x401177, "operator new(unsigned long)", 0x6, "/opt/app/burn")],
    [Frame(0xD70, None, 0, "/opt/app/gone (deleted)"),
     Frame(0x55889520B2A5, "main", 0x45, "/opt/app/burn")],
]
COMMS = ["burn", "dd", "my prog 7", "kworker/0:1", "cafe", "nginx: w"]


def samples():
    made = []
    for i in range(60):
        comm = COMMS[i % len(COMMS)]
        pid = 4000 + i % len(COMMS)
        made.append(Sample(comm, pid, pid, i % 3, 5_000_000 + i * 40_001, 2004008 if i % 5 else 1000,
                           "cpu-clock:u", STACKS[(i * 7 + i // 6) % len(STACKS)]))
    return made


def print_frame(frame, fields):
    text = f"{frame.address:16x}"
    if "sym" in fields:
        text += " " + (frame.symbol or "[unknown]")
        if "symoff" in fields and frame.symbol:
            text += f"+0x{frame.offset:x}"
    if "dso" in fields:
        text += f" ({frame.module})"
    return text


def print_sample(sample, fields, with_stack):
    """As process_event of perf's builtin-script.c does it."""
    text = ""
    if "comm" in fields:
        text += sample.comm + " " if with_stack else f"{sample.comm:>16} "
    if "pid" in fields and "tid" in fields:
        text += f"{sample.pid:7d}/{sample.tid:<7d} "
    elif "tid" in fields:
        text += f"{sample.tid:7d} "
    if "cpu" in fields:
        text += f"[{sample.cpu:03d}] "
    if "misc" in fields:
        text += "U    "
    if "time" in fields:
        text += f"{sample.time_us // 1000000:5d}.{sample.time_us % 1000000:06d}: "
    if "period" in fields:
        text += f"{sample.period:10d} "
    if "event" in fields:
        text += sample.event + ": "
    if not with_stack:
        return text + " " + print_frame(sample.stack[0], fields) + "\n"
    return text + "\n" + "".join("\t" + print_frame(frame, fields) + "\n"
                                 for frame in sample.stack) + "\n"


def module_name(frame):
    return os.path.basename(frame.module.replace(" (deleted)", ""))


def shown(frame, fields):
    """The name that a view has for it."""
    if "sym" in fields and frame.symbol:
        return frame.symbol
    if frame.address >= KERNEL:
        return "[kernel address without symbol]"
    module = module_name(frame) if "dso" in fields else "unknown"
    return f"[{module}+0x{frame.address:x}]"


def wanted(made, fields, with_stack):
    sums = collections.Counter()
    for sample in made:
        stack = sample.stack if with_stack else sample.stack[:1]
        frames = [sample.comm if "comm" in fields else "[no name]"]
        frames += [shown(frame, fields) for frame in reversed(stack)]
        weight = sample.period if "period" in fields else 1
        sums[";".join(frames)] += weight
    return sums


class Importer:
    def __init__(self, twofold, folder):
        self.twofold = twofold
        self.folder = folder
        self.capture = os.path.join(folder, "capture.twofold")

    def run(self, *arguments):
        return subprocess.run([self.twofold, *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False)

    def take(self, text, *options):
        """Imports it; returns what was said. Raises AssertionError where it is refused."""
        path = os.path.join(self.folder, "text")
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        done = self.run("import", "--force", "-o", self.capture, *options, path)
        assert done.returncode == 0, done.stderr.decode()
        return done.stderr.decode()

    def fold(self, *options):
        done = self.run("fold", *options, self.capture)
        assert done.returncode == 0, done.stderr.decode()
        sums = {}
        for line in done.stdout.decode().splitlines():
            stack, value = line.rsplit(" ", 1)
            sums[stack.replace("\\x3b", ";")] = int(value)
        return sums

    def sql(self, query):
        done = self.run("sql", "--format", "csv", self.capture, query)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().replace("\r", "").splitlines()[1:]


def check_same(found, expected, what):
    """Values in microseconds may be rounded by one."""
    assert set(found) == set(expected), (
        f"{what}: only found {sorted(set(found) - set(expected))[:3]}, "
        f"only expected {sorted(set(expected) - set(found))[:3]}")
    for stack, value in expected.items():
        assert abs(found[stack] - value) <= 1, f"{what}: {stack} is {found[stack]}, not {value}"


def check_fields(importer, fields, with_stack):
    made = samples()
    text = "".join(print_sample(sample, fields, with_stack) for sample in made)
    is_time = "period" in fields and "event" in fields
    said = importer.take(text)
    sums = wanted(made, fields, with_stack)
    expected = {stack: value / 1000 if is_time else value for stack, value in sums.items()}
    if is_time:
        assert said == "", said
    else:
        assert "no time" in said, said
    check_same(importer.fold(), expected, f"fields {','.join(fields)}, stacks {with_stack}")
    # No address of the kernel is in a capture.
    assert importer.sql("SELECT count(*) FROM frame WHERE offset_bytes < 0 OR "
                        "(offset_bytes <> 0 AND module_id IN (SELECT module_id FROM module WHERE "
                        "kind IN ('kernel', 'kernel-module')))") == ["0"]
    if "tid" in fields:
        threads = len(importer.sql("SELECT DISTINCT tid FROM thread"))
        assert threads == len(COMMS), f"{threads} threads"


def check_every_field(importer):
    places = itertools.cycle([["sym", "symoff", "dso"], ["sym", "dso"], ["sym"], ["sym", "symoff"],
                              ["dso"]])
    for optional in itertools.product(*[(False, True)] * 4):
        for who in ([], ["tid"], ["pid", "tid"]):
            fields = [name for name, there in zip(("comm", "time", "period", "event"), optional)
                      if there]
            # A lone number is a thread.
            if "period" in fields and not who and "time" not in fields:
                continue
            for more in ([], ["cpu", "misc"] if "period" in fields else ["cpu"]):
                # Without a thread, no form tells a processor from the end of a name.
                if more and (not who or "time" not in fields):
                    continue
                for with_stack in (False, True):
                    place = next(places)
                    # A number with nothing beside it may be anything: no one-line form is read.
                    if "sym" not in place and not with_stack and "time" not in fields:
                        place = ["sym"] + place
                    if not with_stack and not {"time", "event"} & set(fields):
                        place = ["sym", "symoff", "dso"]
                    check_fields(importer, fields + who + more + place, with_stack)


ALL = ["comm", "pid", "tid", "cpu", "time", "period", "event", "sym", "symoff", "dso"]


def check_lines_between(importer):
    """Records, places in the source, branches and tracepoints among the samples."""
    made = samples()
    for with_stack in (False, True):
        text = "# captured on    : Thu\n"
        for i, sample in enumerate(made):
            text += print_sample(sample, ALL, with_stack).rstrip("\n") + "\n"
            text += "  burn.c:5\n" if i % 2 else "  [kernel.kallsyms][ffffffff8225fd19]\n"
            if with_stack:
                text += " 0x5588/0x5599/P/-/-/0  0x1/0x2/M/-/-/3\n\n"
            text += ("burn  4000/4000  [001]  5.000001: PERF_RECORD_COMM exec: burn:4000/4000\n"
                     "burn  4000/4000  [001]  5.000002: PERF_RECORD_MMAP2 4000/4000: "
                     "[0x559b17ece000(0x1000) @ 0x1000 fe:00 1 2]: r-xp /opt/app/burn\n"
                     "swapper     0/0     [000]  5.000003: sched:sched_switch: prev_comm=dd "
                     "prev_pid=1 prev_state=R ==> next_comm=cafe next_pid=2 next_prio=120\n")
        said = importer.take(text)
        assert "60 samples of the event 'sched:sched_switch' left out" in said, said
        assert "no known form" not in said, said
        expected = {stack: value / 1000 for stack, value in wanted(made, ALL, with_stack).items()}
        check_same(importer.fold(), expected, f"lines between, stacks {with_stack}")
        assert importer.sql("SELECT count(*) > 0 FROM frame WHERE source_file = 'burn.c' AND "
                            "line = 5") == ["1"]
        # The other event, by name.
        said = importer.take(text, "--event", "sched:sched_switch")
        assert "'sched:sched_switch', no time" in said, said
        check_same(importer.fold(), {"swapper": 60}, "tracepoint")


def check_places(importer):
    """Lines of the field srcline behind the only frame, without times."""
    made = samples()
    for who in (["comm", "tid"], ["comm"], ["comm", "tid", "event"], ["tid"]):
        fields = who + ["sym", "symoff", "dso"]
        importer.take("".join(print_sample(sample, fields, False) + "  burn.c:5\n"
                              for sample in made))
        check_same(importer.fold(), wanted(made, fields, False), f"places, {fields}")
        assert importer.sql("SELECT DISTINCT line FROM frame") == ["5"]


def check_spellings(importer):
    made = samples()
    expected = {stack: value / 1000 for stack, value in wanted(made, ALL, True).items()}
    plain = "".join(print_sample(sample, ALL, True) for sample in made)
    for what, text in {
            "line ends of Windows": plain.replace("\n", "\r\n"),
            "frames that are not indented": plain.replace("\n\t", "\n").replace("\n ", "\n"),
            "frames indented by blanks": plain.replace("\n\t", "\n        "),
            "a mark of UTF-8": "\ufeff" + plain,
    }.items():
        importer.take(text)
        check_same(importer.fold(), expected, what)
    fields = ["comm", "tid", "event", "sym", "dso"]
    plain = "".join(print_sample(sample, fields, True) for sample in made)
    importer.take(plain.replace("\n\t", "\n").replace("\n ", "\n"))
    check_same(importer.fold(), wanted(made, fields, True), "not indented, without times")
    # simpleperf's report_sample.py.
    text = ""
    for sample in made:
        text += (f"{sample.comm}\t{sample.tid} [{sample.cpu:03d}] {sample.time_us // 1000000}."
                 f"{sample.time_us % 1000000:06d}:\t\t{sample.period} task-clock:u:\n")
        for frame in sample.stack:
            text += f"        {frame.address:x}\t{frame.symbol or '[unknown]'} ({frame.module})\n"
        text += "\n"
    importer.take(text)
    check_same(importer.fold(), expected, "simpleperf")


def check_events(importer):
    """Periods of what is no time are weights, and never silently CPU time."""
    made = [sample._replace(event="cycles:u") for sample in samples()]
    text = "".join(print_sample(sample, ALL, True) for sample in made)
    sums = wanted(made, ALL, True)
    said = importer.take(text)
    assert "'cycles', no time" in said, said
    check_same(importer.fold(), sums, "cycles")
    assert importer.run("fold", "--view", "cpu", importer.capture).returncode == 1
    assert importer.sql("SELECT count(*) FROM cpu_sample") == ["0"]
    top = importer.run("table", "--view", "top", "--format", "csv", importer.capture)
    own = collections.Counter()
    for sample in made:
        own[shown(sample.stack[0], ALL)] += sample.period
    rows = dict((line.split(",")[0], line) for line in top.stdout.decode().splitlines())
    name, value = own.most_common(1)[0]
    assert f",{value}," in rows[name], (rows[name], value)
    # With a frequency, the samples' time is divided by the weights; its sum is exact.
    said = importer.take(text, "--frequency", "1000")
    assert "estimate" in said, said
    total = sum(sums.values())
    check_same(importer.fold(), {stack: value * 60_000 / total for stack, value in sums.items()},
               "shares of time")
    assert importer.sql("SELECT sum(time_ns) FROM cpu_sample") == ["60000000"]


def check_processes(importer):
    """A process is called as its main thread; exec makes it another program."""
    def line(comm, pid, tid, time, symbol):
        return f"{comm} {pid}/{tid} [000] 1.{time:06d}: 1000 cpu-clock: 10 {symbol}+0x1 (/bin/x)\n"
    text = (line("GC Thread#0", 10, 12, 1, "gc") + line("java", 10, 10, 2, "main") +
            line("worker", 10, 11, 3, "work") + line("perf", 20, 20, 4, "exec") +
            line("gzip", 20, 20, 5, "deflate") + line("gzip", 20, 21, 6, "crc") +
            line("only", 30, 31, 7, "alone") + line(":-1", -1, -1, 8, "nobody"))
    importer.take(text)
    check_same(importer.fold(), {"java;gc": 1, "java;main": 1, "java;work": 1, "perf;exec": 1,
                                 "gzip;deflate": 1, "gzip;crc": 1, "only;alone": 1,
                                 ":-1;nobody": 1}, "processes")
    assert importer.sql("SELECT pid, process.name FROM process ORDER BY pid, name") == [
        "0,:-1", "10,java", "20,gzip", "20,perf", "30,only"]


def check_folded(importer):
    importer.take("main;a 0.9\nmain;b 0.8\nmain;c 1.1\nmain;d 2\nmain;e 5e-1\n", "--unit", "ms")
    check_same(importer.fold(), {"main;a": 900, "main;b": 800, "main;c": 1100, "main;d": 2000,
                                 "main;e": 500}, "fractions")
    importer.take("main;a 0.5\nmain;a 0.5\nmain;b 3\n", "--frequency", "100")
    check_same(importer.fold(), {"main;a": 10_000, "main;b": 30_000}, "fractions of samples")


REFUSED = [
    (b'{\n  "version": 3,\n  "samples": [\n 1,\n 2 ],\n  "count":\t10\n}\n', "no recording"),
    (b"# Title\n\nThis is prose of 3\nwords or 5\nwith an end.\n", "no recording"),
    (b"int main() {\n  int a = 3;\n  return a + 10\n;}\n", "no recording"),
    (b"heap profile:  1: 2 [ 3: 4] @ heap_v2/524288\n  1: 8 [ 1: 8] @ 0x1 0x2\nMAPPED_LIBRARIES:\n",
     "no recording"),
    (b"alpha 12\nbeta 13\ngamma 14\n", "no recording"),
    (b"name: abc\nother: def\nadd: 0xff\n", "no recording"),
    (b"prog 1 1.000000: cpu-clock: \n\t 10 f+0x1 (/x)\n\n" + b"what is this?\n" * 9,
     "most of the lines"),
    (b"a;b;c 10 12\na;b;d 3 0\n", "two values"),
    ("a;b 1\na;c 2\n".encode("utf-16"), "UTF-16"),
    ("a;b;c;d;e;f;g;h;i;j;k 1\na;c 2\n".encode("utf-16-le"), "UTF-16"),
    (b"PERFILE2" + bytes(64), "perf script"),
    (b"\x7fELF" + bytes(64), "program"),
]


def check_refusals(importer):
    path = os.path.join(importer.folder, "text")
    for content, word in REFUSED:
        with open(path, "wb") as file:
            file.write(content)
        done = importer.run("import", "--force", "--frequency", "100", "-o", importer.capture, path)
        said = done.stderr.decode()
        assert done.returncode == 1 and word in said, (content[:40], done.returncode, said)


def main():
    if len(sys.argv) != 2:
        return __doc__
    with tempfile.TemporaryDirectory() as folder:
        importer = Importer(sys.argv[1], folder)
        failures = []
        for check in (check_processes, check_events, check_spellings, check_lines_between,
                      check_places, check_folded, check_refusals, check_every_field):
            try:
                check(importer)
            except AssertionError as error:
                failures.append(f"{check.__name__}: {error}")
    return "\n".join(failures) or 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Cycles per instruction, against a processor whose answer is known.

QEMU's arm64 processor has a performance-monitoring unit, and with -icount shift=N every instruction takes 2^N ns of the
machine's time, at one cycle a nanosecond: whatever burns there has a CPI of exactly 2^N. The static recorder counts
and samples both events in such a machine, and the ordinary analyzer judges the capture here.

Exit status: 0 passed, 1 failed, 77 this machine cannot run it. Files stay in BUILD/vm/cpi-SHIFT.
"""

import argparse
import json
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True  # leaves nothing in the source tree
import kernels  # noqa: E402
import vm  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
KERNEL = "arm64-6.1"
SHIFTS = (1, 2)
MOST_ERROR = 0.02


def twofold(build, *words):
    done = subprocess.run([build / "bin" / "twofold", *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise vm.Failed(f"twofold {words[0]} fails: {vm.words_of(done)}")
    return done.stdout


def near(what, value, wanted):
    if abs(value - wanted) > MOST_ERROR * wanted:
        raise vm.Failed(f"{what} is {value:.4f}, and should be {wanted:.4f} within {100 * MOST_ERROR:g} %")


def judge(build, capture, wanted):
    twofold(build, "verify", capture, "--strict")
    rows = json.loads(twofold(build, "table", "--view", "cpi", "--format", "json", capture))
    burn = next((row for row in rows if row["function"] == "burn"), None)
    if burn is None or burn["self_cpi"] is None:
        raise vm.Failed("the function burn has no CPI")
    near("the CPI of burn", burn["self_cpi"], wanted)
    counted = json.loads(twofold(
        build, "sql", "--format", "json", capture,
        "SELECT (SELECT sum(counted) FROM counter WHERE event = 'cycles') AS cycles, "
        "(SELECT sum(counted) FROM counter WHERE event = 'instructions') AS instructions, "
        "(SELECT sum(enabled_ns - running_ns) FROM counter) AS shared_ns, "
        "(SELECT sum(on_cpu_ns) FROM account JOIN thread USING (thread_id) WHERE name = 'burner') AS burner_ns"))[0]
    if counted["shared_ns"] != 0:
        raise vm.Failed(f"the counters were shared for {counted['shared_ns']} ns, and nobody else uses them")
    # One cycle is one nanosecond. The kernel stops the counters in their interrupts, which take under 1 % of the time
    # at a few hundred samples a second.
    near("the burner's cycles per ns on a CPU", burn["total_cycles"] / counted["burner_ns"], 1)
    return (f"CPI of burn {burn['self_cpi']:.4f} (stated error {burn['self_cpi_standard_error']:.4f}) of "
            f"{burn['self_samples']} and {burn['self_instruction_samples']} samples; of the whole machine "
            f"{counted['cycles'] / counted['instructions']:.4f}")


def run(build, shift):
    kernel = kernels.fetch(KERNEL)
    folder = build / "vm"
    folder.mkdir(parents=True, exist_ok=True)
    burner = folder / "burner"
    vm.compile_static(HERE / "burner.c", burner, kernel.platform.compiler)
    result = vm.run(kernel, HERE / "cpi.sh",
                    {"twofold-record": kernels.program("twofold-record", KERNEL, build), "burner": burner},
                    build / "vm" / f"cpi-{shift}", 300, platform=vm.arm64(icount_shift=shift))
    status = (result.folder / "cpi.status").read_text().strip()
    if status != "0":
        raise vm.Failed("the recording failed: " + (result.folder / "cpi.words").read_text().strip())
    print(f"shift {shift}: {judge(build, result.folder / 'cpi.twofold', 2 ** shift)}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent.parent / "build", help="default: build/")
    build = parser.parse_args().build.resolve()
    try:
        for shift in SHIFTS:
            run(build, shift)
    except vm.CannotRun as reason:
        print(f"skipped: {reason}")
        return 77
    except vm.Failed as reason:
        print(f"FAILED: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

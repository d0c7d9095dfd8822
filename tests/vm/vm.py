"""Boots a kernel of the distribution in QEMU, runs a shell script in it, and brings its files back.

    kernel = kernels.fetch("x86_64-6.1")
    result = vm.run(kernel, script, {"load": path_of_load}, folder=folder, cpus=32, timeout_s=300)
    ... result.console, result.folder / "anything the script left in /out"

QEMU emulates the processor in software: nothing here needs /dev/kvm or root. The machine has no network and no file
system but its initramfs: busybox, the programs that are given (static ones: there is no library), and an /init that
runs the script in /out. The kernels meant here (Debian's cloud flavour) hold drivers for a serial line and for NVMe
and, without modules, none for virtio or 9p: so what the script leaves in /out comes back as a tar archive on a raw
NVMe disk. A run counts only if the console says that it ended *and* the archive holds the script's exit status.

Which kernels there are, and where they come from, is kernels.py. Two kinds of errors: CannotRun, when this machine
lacks something (a test is skipped then), and Failed.
"""

import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools" / "lib"))
import debian_packages  # noqa: E402

DONE = "twofold-vm: the script ended with"
DISK_BYTES = 64 << 20
INSTALL = "`tools/setup --vm` installs it"


class CannotRun(Exception):
    """This machine lacks something; the text says what."""


class Failed(Exception):
    """The virtual machine did not do what it should; the text says what, and where to look."""


@dataclasses.dataclass(frozen=True)
class Platform:
    """What differs between the processors that QEMU emulates."""
    architecture: str  # as Debian names it
    qemu: str
    options: tuple
    console: str
    compiler: str  # of programs for it
    cpus: int = 2
    kernel_options: tuple = ()


# All virtual CPUs in one thread: with a thread for each, QEMU before 8.1 (commit deba78709ae8) may go on executing code
# that the kernel has patched, as it does wherever a tracepoint is switched on, and all CPUs hang in a breakpoint that
# is no longer there. The time-stamp counters of emulated CPUs agree, which the kernel cannot know; without them it
# would read a slow clock outside of the CPU at every switch.
def x86_64(icount_shift=None):
    """With virtual time it has one CPU: with two its kernel does not come up."""
    return Platform(architecture="amd64", qemu="qemu-system-x86_64",
                    options=("-accel", "tcg,thread=single", "-cpu", "max", *virtual_time(icount_shift)),
                    console="ttyS0", compiler="gcc", cpus=2 if icount_shift is None else 1,
                    kernel_options=("tsc=reliable",))


def arm64(icount_shift=None):
    """With virtual time this machine counts cycles (one per nanosecond) and instructions, exactly; with one CPU, for
    the counters are those of the whole machine. So the CPI of a loop that only computes is 2^icount_shift."""
    return Platform(architecture="arm64", qemu="qemu-system-aarch64",
                    options=("-M", "virt", "-cpu", "neoverse-n1", "-accel", "tcg,thread=single",
                             *virtual_time(icount_shift)),
                    console="ttyAMA0", compiler="aarch64-linux-gnu-gcc", cpus=2 if icount_shift is None else 1)


def virtual_time(icount_shift):
    """Options by which the machine's time is not the real one but the number of its instructions, 2^icount_shift ns for
    each, and jumps where all CPUs sleep: it does not matter then how busy the host is. None: time is the real one."""
    if icount_shift is None:
        return ()
    return ("-icount", f"shift={icount_shift},sleep=off", "-rtc", "base=2026-01-01,clock=vm", "-seed", "1")


INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mkdir -p /proc /sys /dev /tmp /out
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
mount -t securityfs security /sys/kernel/security
mount -t tracefs tracefs /sys/kernel/tracing
mount -t cgroup2 cgroup2 /sys/fs/cgroup
cd /out
sh /scenario "$@"
status=$?
echo $status > /out/status
dmesg > /out/dmesg
tar cf /dev/nvme0n1 -C /out .
sync
echo "{done} status $status"
poweroff -f
"""


@dataclasses.dataclass(frozen=True)
class Kernel:
    image: pathlib.Path
    release: str
    platform: Platform


@dataclasses.dataclass(frozen=True)
class Result:
    console: str
    folder: pathlib.Path  # what the script left in /out, and the kernel's messages in `dmesg`
    seconds: float


def words_of(done):
    """The last thing that a program said, for a sentence."""
    lines = (done.stderr or done.stdout or "").strip().splitlines()
    return lines[-1] if lines else f"exit status {done.returncode}, without a word"


def need(program, where=INSTALL):
    path = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        raise CannotRun(f"there is no {program}: {where}")
    return path


def is_static(program):
    with open(program, "rb") as file:
        return b"/ld-linux" not in file.read(4096)


def packages_of(suite, architecture):
    try:
        return debian_packages.Packages(suite, architecture)
    except debian_packages.Unavailable as error:
        raise CannotRun(str(error)) from error


def find_busybox(platform):
    """A static busybox for the machine: this one's own, or from a package that is only unpacked."""
    path = shutil.which("busybox")
    if platform.architecture == "amd64" and path is not None and is_static(path):
        return path
    folder = debian_packages.cache_folder() / f"busybox-{platform.architecture}"
    try:
        debian_packages.unpack_all(packages_of("bookworm", platform.architecture), ["busybox-static"], folder)
    except debian_packages.Unavailable as error:
        raise CannotRun(str(error)) from error
    return folder / "bin" / "busybox"


def fetch_kernel(package, suite, platform):
    """The kernel of a package, through apt; a second time without a network."""
    folder = debian_packages.cache_folder() / "kernels" / f"{suite}-{package}"
    release = folder / "release"
    try:
        archive = packages_of(suite, platform.architecture).download_kernel(package)
        if not release.exists() or archive.name not in release.read_text(encoding="utf-8"):
            shutil.rmtree(folder, ignore_errors=True)
            content = folder / "content"
            debian_packages.unpack(archive, content)
            image = next((path for path in sorted(content.rglob("vmlinuz*")) if path.is_file()), None)
            if image is None:
                raise CannotRun(f"{archive.name} holds no kernel")
            # boot/vmlinuz-RELEASE, or in newer packages usr/lib/modules/RELEASE/vmlinuz
            name = image.name.removeprefix("vmlinuz-") if "-" in image.name else image.parent.name
            image.rename(folder / "vmlinuz")
            shutil.rmtree(content)
            # Written last: the folder is whole.
            release.write_text(f"{name} {archive.name}\n", encoding="utf-8")
    except debian_packages.Unavailable as error:
        if not release.exists():
            raise CannotRun(str(error)) from error
    return Kernel(image=folder / "vmlinuz", release=release.read_text(encoding="utf-8").split()[0], platform=platform)


def compile_static(source, program, compiler="gcc"):
    """Compiles a C program that the virtual machine can run."""
    done = subprocess.run([need(compiler), "-static", "-O2", "-fno-omit-frame-pointer",
                           "-fno-optimize-sibling-calls", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-pthread",
                           "-Wl,--build-id", "-o", program, source], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"{source} does not compile: {words_of(done)}")


def build_initramfs(script, programs, folder, platform):
    """Writes folder/initramfs.gz; programs come into /bin, under the names that are their keys."""
    root = folder / "root"
    shutil.rmtree(root, ignore_errors=True)
    (root / "bin").mkdir(parents=True)
    shutil.copy(find_busybox(platform), root / "bin" / "busybox")
    for name, program in programs.items():
        if not is_static(program):
            raise Failed(f"{program} needs libraries, and the virtual machine has none: link it statically")
        shutil.copy(program, root / "bin" / name)
    shutil.copy(script, root / "scenario")
    (root / "init").write_text(INIT.replace("{done}", DONE), encoding="utf-8")
    (root / "init").chmod(0o755)
    names = "\n".join(["."] + sorted(str(path.relative_to(root)) for path in root.rglob("*"))) + "\n"
    archive = subprocess.run([need("cpio"), "--create", "--format=newc", "--quiet", "--reproducible"], cwd=root,
                             input=names.encode(), stdout=subprocess.PIPE, check=True).stdout
    path = folder / "initramfs.gz"
    path.write_bytes(subprocess.run(["gzip", "-1", "--stdout"], input=archive, stdout=subprocess.PIPE,
                                    check=True).stdout)
    shutil.rmtree(root)
    return path


def run(kernel, script, programs, folder, timeout_s, arguments=(), cpus=None, memory_mib=512, platform=None):
    """Boots, runs the script with its arguments, and returns when the machine is off. `folder` keeps what is known.

    `platform`: another machine than the kernel's default, such as arm64(icount_shift=1)."""
    platform = platform or kernel.platform
    qemu = need(platform.qemu)
    folder = pathlib.Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "out").mkdir(parents=True)
    initramfs = build_initramfs(script, programs, folder, platform)
    disk, console_path = folder / "disk", folder / "console"
    with open(disk, "wb") as file:
        file.truncate(DISK_BYTES)
    command = [
        qemu, *platform.options, "-smp", str(cpus or platform.cpus), "-m", str(memory_mib), "-nodefaults", "-display", "none",
        "-no-reboot", "-serial", "stdio", "-kernel", kernel.image, "-initrd", initramfs,
        "-drive", f"file={disk},format=raw,if=none,id=out", "-device", "nvme,serial=out,drive=out",
        # The kernel tests its ciphers for ten seconds in a thread, beside what a scenario runs.
        "-append", " ".join([f"console={platform.console}", "panic=-1", "oops=panic", "quiet", "cryptomgr.notests",
                             *platform.kernel_options, "--", *arguments])]
    start = time.monotonic()
    try:
        with open(console_path, "wb") as console_file:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=console_file, stderr=subprocess.STDOUT,
                                  timeout=timeout_s)
        ending = f"ended with status {done.returncode}"
    except subprocess.TimeoutExpired:
        ending = f"did not end within {timeout_s} s"
    seconds = time.monotonic() - start
    initramfs.unlink()
    console = console_path.read_text(encoding="utf-8", errors="replace").replace("\r", "")
    before, marker, status = console.partition(DONE + " status ")
    last_words = ([line.strip() for line in before.splitlines() if line.strip()] or ["nothing"])[-1]
    if not marker:
        raise Failed(f"the virtual machine {ending} and its script did not; the last words on its console "
                     f"({console_path}): {last_words}")
    subprocess.run(["tar", "-xf", disk, "-C", folder / "out"], capture_output=True)
    disk.unlink()
    if not (folder / "out" / "status").exists():
        raise Failed(f"the script ended, but its files did not come back over the disk; see {console_path}")
    if (folder / "out" / "status").read_text(encoding="utf-8").strip() != "0":
        raise Failed(f"the script in the virtual machine failed with status {status.split()[0]}; its last words "
                     f"({console_path}): {last_words}")
    return Result(console=console, folder=folder / "out", seconds=seconds)

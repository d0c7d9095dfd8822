"""Boots a kernel of the distribution in QEMU, runs a shell script in it, and brings its files back.

    kernel = vm.fetch_kernel("linux-image-cloud-amd64", cache)
    result = vm.run(kernel, script, {"load": path_of_load}, folder=folder, cpus=32, timeout_s=300)
    ... result.console, result.folder / "anything the script left in /out"

QEMU emulates the processor in software: nothing here needs /dev/kvm or root. The machine has no network and no file
system but its initramfs: busybox, the programs that are given (static ones: there is no library), and an /init that
runs the script in /out. The kernels meant here (Debian's cloud flavour) hold drivers for a serial line and for NVMe
and, without modules, none for virtio or 9p: so what the script leaves in /out comes back as a tar archive on a raw
NVMe disk. A run counts only if the console says that it ended *and* the archive holds the script's exit status.

Two kinds of errors: CannotRun, when this machine lacks something (a test is skipped then), and Failed.
"""

import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import time

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
    qemu: str
    options: tuple
    console: str
    kernel_options: tuple = ()


# All virtual CPUs in one thread: with a thread for each, QEMU before 8.1 (commit deba78709ae8) may go on executing code
# that the kernel has patched, as it does wherever a tracepoint is switched on, and all CPUs hang in a breakpoint that
# is no longer there. The time-stamp counters of emulated CPUs agree, which the kernel cannot know; without them it
# would read a slow clock outside of the CPU at every switch.
X86_64 = Platform(qemu="qemu-system-x86_64", options=("-accel", "tcg,thread=single", "-cpu", "max"), console="ttyS0",
                  kernel_options=("tsc=reliable",))

INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mkdir -p /proc /sys /dev /tmp /out
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
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


def find_busybox():
    path = need("busybox")
    if not is_static(path):
        raise CannotRun(f"{path} needs libraries, and the virtual machine has none: {INSTALL} (busybox-static)")
    return path


def known_images(package, apt_options):
    """(name, version) of the packages with an image that a package stands for, the newest first."""
    done = subprocess.run(["apt-cache", *apt_options, "show", package], capture_output=True, text=True)
    images = []
    for paragraph in done.stdout.split("\n\n"):
        fields = dict(re.findall(r"^(Version|Depends): (.*)$", paragraph, re.MULTILINE))
        # A package without a number in its name holds nothing but a dependency on the present one.
        depends = re.search(r"(linux-image-\d\S*) \(= (\S+)\)", fields.get("Depends", ""))
        if depends:
            images.append((depends[1], depends[2]))
        elif "Version" in fields:
            images.append((package, fields["Version"]))
    return images


def fetch_kernel(package, cache, apt_options=()):
    """The kernel of a package, through apt; a second time from the folder `cache`, without a network.

    `apt_options`: for packages of another distribution or architecture than this machine's, which need a `cache` of
    their own.
    """
    folder = pathlib.Path(cache) / "kernels" / package
    if not (folder / "release").exists():
        download_kernel(package, folder, apt_options)
    return Kernel(image=folder / "vmlinuz", release=(folder / "release").read_text(encoding="utf-8").strip())


def download_kernel(package, folder, apt_options):
    need("apt-get", "kernels come from the distribution's packages")
    images = known_images(package, apt_options)
    if not images and os.geteuid() == 0:
        subprocess.run(["apt-get", *apt_options, "update", "-qq"], capture_output=True)
        images = known_images(package, apt_options)
    if not images:
        raise CannotRun(f"apt knows no package {package}: refresh its lists (apt-get update)")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    reason = ""
    for name, version in images:
        # One that the lists name may be gone: then the one before it will do.
        done = subprocess.run(["apt-get", *apt_options, "-o", "APT::Sandbox::User=root", "download",
                               f"{name}={version}"], cwd=folder, capture_output=True, text=True)
        archives = list(folder.glob("*.deb"))
        if done.returncode != 0 or not archives:
            reason = reason or words_of(done)
            continue
        subprocess.run(["dpkg-deb", "-x", archives[0], folder / "content"], check=True)
        image = next((folder / "content" / "boot").glob("vmlinuz-*"))
        image.rename(folder / "vmlinuz")
        shutil.rmtree(folder / "content")
        archives[0].unlink()
        # Written last: the folder is whole.
        (folder / "release").write_text(image.name.removeprefix("vmlinuz-") + "\n", encoding="utf-8")
        return
    raise CannotRun(f"apt could not download the kernel of {package}: {reason}")


def compile_static(source, program):
    """Compiles a C program that the virtual machine can run."""
    compiler = need("gcc", "`tools/setup` installs it")
    done = subprocess.run([compiler, "-static", "-O2", "-fno-omit-frame-pointer", "-Wall", "-Wextra", "-Werror",
                           "-pthread", "-o", program, source], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"{source} does not compile: {words_of(done)}")


def build_initramfs(script, programs, folder):
    """Writes folder/initramfs.gz; programs come into /bin, under the names that are their keys."""
    root = folder / "root"
    shutil.rmtree(root, ignore_errors=True)
    (root / "bin").mkdir(parents=True)
    shutil.copy(find_busybox(), root / "bin" / "busybox")
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


def run(kernel, script, programs, folder, timeout_s, arguments=(), cpus=2, memory_mib=512, platform=X86_64):
    """Boots, runs the script with its arguments, and returns when the machine is off. `folder` keeps what is known."""
    qemu = need(platform.qemu)
    folder = pathlib.Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "out").mkdir(parents=True)
    initramfs = build_initramfs(script, programs, folder)
    disk, console_path = folder / "disk", folder / "console"
    with open(disk, "wb") as file:
        file.truncate(DISK_BYTES)
    command = [
        qemu, *platform.options, "-smp", str(cpus), "-m", str(memory_mib), "-nodefaults", "-display", "none",
        "-no-reboot", "-serial", "stdio", "-kernel", kernel.image, "-initrd", initramfs,
        "-drive", f"file={disk},format=raw,if=none,id=out", "-device", "nvme,serial=out,drive=out",
        "-append", " ".join([f"console={platform.console}", "panic=-1", "oops=panic", "quiet",
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

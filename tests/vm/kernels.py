"""The kernels that recordings are tested on, by name. Packages are named without an ABI number: apt knows the present one.

To add one: a line here, and its name in CMakeLists.txt (in the list of every full test run, or of `--all-kernels`)."""

import vm

# Virtual time, 8 ns for each instruction: results do not depend on how busy the host is.
X86_64 = vm.x86_64(icount_shift=3)
ARM64 = vm.arm64(icount_shift=3)

KERNELS = {
    "x86_64-5.10": ("linux-image-cloud-amd64", "bullseye", X86_64),
    "x86_64-6.1": ("linux-image-cloud-amd64", "bookworm", X86_64),
    "x86_64-6.12": ("linux-image-6.12-cloud-amd64", "bookworm", X86_64),
    "x86_64-newest": ("linux-image-cloud-amd64", "trixie-backports", X86_64),
    "arm64-6.1": ("linux-image-cloud-arm64", "bookworm", ARM64),
    "arm64-6.12": ("linux-image-6.12-cloud-arm64", "bookworm", ARM64),
    "arm64-newest": ("linux-image-cloud-arm64", "trixie-backports", ARM64),
}
# What they lack the recorder cannot do without: it must say so.
TOO_OLD = {"x86_64-5.10"}


def fetch(name):
    return vm.fetch_kernel(*KERNELS[name])


def program(word, name, build):
    """twofold or twofold-record for a kernel's machine; both are static."""
    folder = build if KERNELS[name][2].architecture == "amd64" else build.with_name(build.name + "-arm64")
    path = folder / "bin" / word
    if not path.exists():
        raise vm.CannotRun(f"there is no {path}: `tools/build{'' if folder is build else ' --arm64'}` makes it")
    return path

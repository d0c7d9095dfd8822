#!/usr/bin/env python3
"""Packages of Debian's other releases and architectures, without touching what this machine has installed.

usage: debian_packages.py SUITE ARCHITECTURE FOLDER PACKAGE...     (bookworm arm64 sysroot libelf-dev zlib1g-dev)

downloads packages through apt and unpacks them into FOLDER, which is emptied first unless it holds just these. As a
module:

    packages = debian_packages.Packages("bookworm", "arm64")
    archive = packages.download("zlib1g-dev")              # path of a .deb
    archive = packages.download_kernel("linux-image-cloud-arm64")

apt does all the work: it finds names and versions, downloads, and checks signatures. It is given a configuration of its
own, with lists and archives below ${XDG_CACHE_HOME:-~/.cache}/twofold, so that it needs no root, and the machine's own
package sources stay as they are; the mirror is the machine's. What was downloaded once is taken from there.

Unavailable says what is missing: no apt, no network, no such package.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

LISTS_LAST_S = 7 * 24 * 3600
# Where the mirror of the machine says nothing about a security archive or is not Debian's: nothing is guessed.
ARCHIVES = {"": re.compile(r"^[a-z]+$"), "-security": re.compile(r"^[a-z]+-security$")}


class Unavailable(Exception):
    """A package cannot be had here; the text says why."""


def cache_folder():
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return pathlib.Path(home) / "twofold"


def words_of(done):
    """The reason among a program's words, for a sentence."""
    lines = (done.stderr or done.stdout or "").strip().splitlines()
    errors = [line for line in lines if line.startswith(("E: ", "Err"))]
    return (errors or lines or [f"exit status {done.returncode}, without a word"])[-1].removeprefix("E: ")


def mirrors():
    """{"": address of Debian's archive, "-security": of its security updates}, as this machine uses them."""
    done = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(ORIGIN)",
                           "Created-By: Packages"], capture_output=True, text=True)
    found = {}
    for line in done.stdout.splitlines():
        address, release, origin = (line.split() + ["", "", ""])[:3]
        # Before the first `apt-get update` the origin is not known; the address is all there is.
        if origin != "Debian" and not re.search(r"/debian(-security)?/?$", address):
            continue
        for suffix, pattern in ARCHIVES.items():
            if pattern.match(release):
                found.setdefault(suffix, address)
    return found


class Packages:
    """The packages of one suite, such as "bookworm", for one architecture, as dpkg names it."""

    def __init__(self, suite, architecture):
        self.suite, self.architecture = suite, architecture
        self.folder = cache_folder() / "apt" / f"{suite}-{architecture}"
        self.archives = self.folder / "archives"
        if shutil.which("apt-get") is None:
            raise Unavailable("packages come through apt, and there is no apt-get here")
        self.options = []
        for key, value in {
                "APT::Architecture": architecture,
                "APT::Architectures": architecture,
                "APT::Sandbox::User": "root",
                "Acquire::Languages": "none",
                "Acquire::Retries": "2",
                "Dir::Etc::sourcelist": self.folder / "sources.list",
                "Dir::Etc::sourceparts": "/dev/null",
                "Dir::State": self.folder / "state",
                "Dir::State::status": self.folder / "status",
                "Dir::Cache": self.folder / "cache",
        }.items():
            self.options += ["-o", f"{key}={value}"]

    def apt(self, program, *words, **settings):
        return subprocess.run([program, *self.options, *words], capture_output=True, text=True, **settings)

    def refresh(self):
        """Downloads the lists of packages, unless those that are there are of this week."""
        stamp = self.folder / "refreshed"
        if stamp.exists() and time.time() - stamp.stat().st_mtime < LISTS_LAST_S:
            return
        for folder in ("state/lists/partial", "cache/archives/partial", "archives"):
            (self.folder / folder).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").touch()
        addresses = mirrors()
        if "" not in addresses:
            raise Unavailable("apt has no mirror of Debian among its sources (/etc/apt/sources.list.d)")
        sources = [f"deb {addresses['']} {self.suite} main\n"]
        if "-security" in addresses and "-" not in self.suite:
            sources.append(f"deb {addresses['-security']} {self.suite}-security main\n")
        (self.folder / "sources.list").write_text("".join(sources), encoding="utf-8")
        done = self.apt("apt-get", "update", "-qq", "--error-on=any")
        if done.returncode == 0:
            stamp.touch()
        elif not stamp.exists():
            raise Unavailable(f"the lists of {self.suite}'s packages for {self.architecture} cannot be downloaded: "
                              f"{words_of(done)}")

    def known(self, package):
        """Paragraphs of what apt knows under a name, the newest version first."""
        done = self.apt("apt-cache", "show", package)
        return [dict(re.findall(r"^([A-Z][\w-]*): (.*)$", paragraph, re.MULTILINE))
                for paragraph in done.stdout.split("\n\n") if paragraph.strip()]

    def download(self, package, version=None):
        """The path of a package's archive. A version that the lists name may be gone from the mirror: then the next."""
        self.refresh()
        versions = [version] if version else [entry.get("Version", "") for entry in self.known(package)]
        if not versions:
            raise Unavailable(f"{self.suite} has no package {package} for {self.architecture}")
        reason = ""
        for candidate in versions:
            done_name = self.archives / (f"{package}_{candidate}_".replace(":", "%3a") + self.architecture + ".deb")
            for path in (done_name, done_name.with_name(done_name.name.replace(self.architecture + ".deb", "all.deb"))):
                if path.exists():
                    return path
            partial = self.archives / f"partial-{os.getpid()}"
            partial.mkdir(exist_ok=True)
            done = self.apt("apt-get", "download", f"{package}={candidate}", cwd=partial)
            archives = list(partial.glob("*.deb"))
            if done.returncode == 0 and archives:
                path = archives[0].rename(self.archives / archives[0].name)
                partial.rmdir()
                return path
            shutil.rmtree(partial)
            reason = reason or words_of(done)
        raise Unavailable(f"apt could not download {package} ({self.suite}, {self.architecture}): {reason}")

    def with_version(self, package):
        """The package with the files, for one such as libboost-dev that only depends on libboost1.74-dev."""
        for entry in self.known(package):
            pattern = re.escape(package.removesuffix("-dev")) + r"\d[\d.]*-dev"
            depends = re.search(r"(?<!\S)" + pattern + r"(?![^\s,])", entry.get("Depends", ""))
            return depends[0] if depends else package
        return package

    def kernel_packages(self, package):
        """(name, version) of the packages with an image that a name stands for: its own first, then older ones of the
        same series and flavour."""
        images, series = [], set()
        for entry in self.known(package):
            # A name without an ABI number holds nothing but a dependency on the present one.
            depends = re.search(r"(linux-image-(\d+\.\d+)\S*) \(= (\S+)\)", entry.get("Depends", ""))
            if depends:
                images.append((depends[1], depends[3]))
                series.add(depends[2])
        if not images:
            return [(package, entry["Version"]) for entry in self.known(package) if "Version" in entry]
        flavour = re.sub(r"^linux-image-(?:[\d.]+-)?", "", package)
        found = self.apt("apt-cache", "pkgnames", "linux-image-").stdout.split()
        older = {}
        for name in found:
            match = re.fullmatch(r"linux-image-(\d+\.\d+)[.-](\S*?)-" + re.escape(flavour), name)
            if match and match[1] in series and match[2]:
                older[name] = [int(number) for number in re.findall(r"\d+", name.removesuffix(flavour))]
        for name in sorted(older, key=older.get, reverse=True):
            images += [(name, entry["Version"]) for entry in self.known(name) if "Version" in entry]
        return list(dict.fromkeys(images))

    def package_with_image(self, package, version):
        """In newer releases the package linux-image-... only depends on one that holds the image."""
        for entry in self.known(package):
            depends = re.search(r"linux-binary-[^\s,]+", entry.get("Depends", ""))
            if depends and entry.get("Version") == version:
                return depends[0]
        return package

    def download_kernel(self, package):
        """The archive with the newest image that a name such as linux-image-cloud-amd64 stands for."""
        self.refresh()
        images = self.kernel_packages(package)
        reason = f"{self.suite} has no package {package} for {self.architecture}"
        for name, version in images:
            try:
                return self.download(self.package_with_image(name, version), version)
            except Unavailable as error:
                reason = str(error)
        raise Unavailable(reason)


def unpack(archive, folder):
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["dpkg-deb", "-x", archive, folder], capture_output=True, text=True)
    if done.returncode != 0:
        raise Unavailable(f"{archive} cannot be unpacked: {words_of(done)}")


def unpack_all(packages, names, folder):
    """Unpacks packages into a folder, unless it holds just these; a note in it says what it holds."""
    packages.refresh()
    archives = [packages.download(packages.with_version(name)) for name in names]
    contents = "".join(f"{archive.name}\n" for archive in archives)
    note = folder / "packages"
    if note.exists() and note.read_text(encoding="utf-8") == contents:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for archive in archives:
        unpack(archive, folder)
    note.write_text(contents, encoding="utf-8")  # last: the folder is whole


def main():
    if len(sys.argv) < 5:
        print(__doc__, file=sys.stderr)
        return 2
    suite, architecture, folder, *names = sys.argv[1:]
    try:
        unpack_all(Packages(suite, architecture), names, pathlib.Path(folder))
    except Unavailable as error:
        print(f"debian_packages: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

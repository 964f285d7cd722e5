# SPDX-License-Identifier: Apache-2.0
"""Debian kernels by suite: resolved, downloaded, unpacked (never installed) and made bootable, cached by version."""
import fnmatch
import lzma
import os
import re
import shutil
import struct
import subprocess
import zlib

CACHE = os.environ.get("HEDDLE_VM_CACHE", os.path.expanduser("~/.cache/heddle-vm"))
# Transport, root and what the tests load; more is loaded on demand through the guest's modprobe.
MODULES = ("virtio_pci", "virtio_console", "virtiofs", "overlay", "veth", "sch_ingress", "cls_bpf", "act_bpf", "ipv6")


class Unavailable(Exception):
    """The kernel cannot be had here (no network, no such suite): a skip, not a failure."""


def run(argv, **options):
    done = subprocess.run(argv, capture_output=True, text=True, **options)
    if done.returncode:
        raise Unavailable(f"{argv[0]}: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout


def mirror():
    """The archive that this machine's apt uses for Debian itself."""
    text = ""
    for directory, _, names in os.walk("/etc/apt"):
        for name in names:
            if name.endswith((".list", ".sources")):
                with open(os.path.join(directory, name), encoding="utf-8") as f:
                    text += "\n".join(line for line in f.read().splitlines() if not line.startswith("#")) + "\n"
    for url in re.findall(r"https?://\S+", text):
        if re.search(r"/debian/?$", url):
            return url
    raise Unavailable("no Debian archive in the apt sources")


def numbers(text):
    return [int(n) for n in re.findall(r"\d+", text)]


class Suite:
    """A private apt configuration: the machine's own lists and state are not touched."""

    def __init__(self, name):
        self.root = f"{CACHE}/apt-{name}"
        for directory in ("state/lists/partial", "cache/archives/partial", "etc"):
            os.makedirs(f"{self.root}/{directory}", exist_ok=True)
        keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
        with open(f"{self.root}/etc/sources.list", "w", encoding="ascii") as f:
            f.write(f"deb [signed-by={keyring}] {mirror()} {name} main\n")
        open(f"{self.root}/state/status", "a", encoding="ascii").close()
        self.options = ["-o", f"Dir::State={self.root}/state", "-o", f"Dir::State::status={self.root}/state/status",
                        "-o", f"Dir::Cache={self.root}/cache", "-o", f"Dir::Etc::SourceList={self.root}/etc/sources.list",
                        "-o", "Dir::Etc::SourceParts=/dev/null", "-o", "Dir::Etc::Preferences=/dev/null",
                        "-o", "Dir::Etc::PreferencesParts=/dev/null", "-o", "Acquire::Languages=none",
                        "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=2"]
        run(["apt-get", *self.options, "update"])

    def depends(self, package):
        text = run(["apt-cache", *self.options, "depends", "--important", package])
        return [name for name in re.findall(r"Depends: (\S+)", text) if re.match(r"linux-(image|binary|modules|base)-\d", name)]

    def newest_image(self, pattern):
        """Name of the package of the newest version that the pattern (linux-image-6.19.*-cloud-amd64) names."""
        names = run(["apt-cache", *self.options, "pkgnames", pattern.split("*")[0]]).split()
        names = [name for name in names if fnmatch.fnmatchcase(name, pattern) and "unsigned" not in name]
        if not names:
            raise Unavailable(f"no package {pattern}")
        return max(names, key=numbers)

    def image_packages(self, package):
        """The packages that hold image and modules, of a meta package or of a pattern. From Linux 7 on they are split in three."""
        image = self.newest_image(package) if "*" in package else None
        found, todo = [image] if image else [], self.depends(image or package)
        while todo:
            name = todo.pop()
            if name not in found:
                found.append(name)
                todo += self.depends(name)
        if not found:
            raise Unavailable(f"{package} names no kernel image")
        return sorted(found)

    def unpack(self, packages, target):
        archives = f"{self.root}/cache/download"
        shutil.rmtree(archives, ignore_errors=True)
        os.makedirs(archives)
        run(["apt-get", *self.options, "download", *packages], cwd=archives)
        for name in os.listdir(archives):
            run(["dpkg", "-x", f"{archives}/{name}", target])
        shutil.rmtree(archives)


def first(*patterns):
    import glob
    for pattern in patterns:
        for path in sorted(glob.glob(pattern)):
            return path
    raise Unavailable(f"none of {patterns}")


def decompress(image):
    """The ELF inside a bzImage: booting it through PVH saves the guest's own decompressor, seconds under TCG."""
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = ((image[0x1F1] or 4) + 1) * 512 + offset
    payload = image[start:start + length]
    if payload[:4] == b"\x28\xb5\x2f\xfd":
        return subprocess.run(["zstd", "-dcq"], input=payload[:-4], capture_output=True, check=False).stdout
    if payload[:4] == b"\x02\x21\x4c\x18":
        return subprocess.run(["lz4", "-dcq"], input=payload[:-4], capture_output=True, check=False).stdout
    if payload[:2] == b"\x1f\x8b":
        return zlib.decompressobj(31).decompress(payload)
    return lzma.LZMADecompressor().decompress(payload)


def module_bytes(path):
    with open(path, "rb") as f:
        data = f.read()
    if path.endswith(".xz"):
        return lzma.decompress(data)
    if path.endswith(".zst"):
        return subprocess.run(["zstd", "-dcq"], input=data, capture_output=True, check=True).stdout
    return data


class Kernel:
    """An unpacked kernel that vm.py can boot: version, vmlinux, initrd, module tree."""

    def __init__(self, name, suites, package):
        self.name = name
        found = [(source.image_packages(package), source) for source in map(Suite, suites.split(","))]
        packages, source = max(found, key=lambda one: numbers(one[0][0]))
        self.dir = f"{CACHE}/{packages[0]}"
        self.tree = f"{self.dir}/tree"
        if not os.path.exists(f"{self.dir}/ready"):
            shutil.rmtree(self.dir, ignore_errors=True)
            os.makedirs(self.tree)
            source.unpack(packages, self.tree)
        self.modules = os.path.dirname(first(f"{self.tree}/lib/modules/*/kernel", f"{self.tree}/usr/lib/modules/*/kernel"))
        self.version = os.path.basename(self.modules)
        self.vmlinux, self.initrd = f"{self.dir}/vmlinux", f"{self.dir}/initrd"
        if not os.path.exists(f"{self.dir}/ready"):
            self._prepare()
        elif os.path.getmtime(f"{self.dir}/ready") < os.path.getmtime(os.path.join(os.path.dirname(__file__), "init")):
            self._build_initrd()

    def _prepare(self):
        with open(first(f"{self.tree}/boot/vmlinuz-*", f"{self.modules}/vmlinuz"), "rb") as f:
            elf = decompress(f.read())
        if elf[:4] != b"\x7fELF":
            raise Unavailable(f"{self.name}: the kernel's payload is no ELF")
        with open(self.vmlinux, "wb") as f:
            f.write(elf)
        run(["/sbin/depmod", "-b", self.modules.split("/lib/modules/")[0] if "/usr/lib/" not in self.modules else f"{self.tree}/usr", self.version])
        self._build_initrd()

    def _build_initrd(self):
        root = f"{self.dir}/initrd.d"
        shutil.rmtree(root, ignore_errors=True)
        for directory in ("bin", "m", "proc", "sys", "dev", "lower", "rw", "root", "lib/modules"):
            os.makedirs(f"{root}/{directory}")
        shutil.copy("/bin/busybox", f"{root}/bin/busybox")
        shutil.copy(os.path.join(os.path.dirname(os.path.abspath(__file__)), "init"), f"{root}/init")
        os.chmod(f"{root}/init", 0o755)
        for n, path in enumerate(self._module_order()):
            with open(f"{root}/m/{n:03d}-{os.path.basename(path).split('.ko')[0]}.ko", "wb") as f:
                f.write(module_bytes(path))
        names = subprocess.run(["find", "."], cwd=root, capture_output=True, check=True).stdout
        with open(self.initrd, "wb") as f:
            subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=root, input=names, stdout=f, check=True)
        open(f"{self.dir}/ready", "w", encoding="ascii").close()

    def _module_order(self):
        """Files of MODULES with what they need, in the order of loading; built-in ones have none."""
        depends = {}
        with open(f"{self.modules}/modules.dep", encoding="utf-8") as f:
            for line in f:
                path, _, needs = line.strip().partition(":")
                depends[os.path.basename(path).split(".ko")[0].replace("-", "_")] = (path, needs.split())
        order = []

        def visit(name):
            if name in depends:
                path, needs = depends[name]
                for need in needs:
                    visit(os.path.basename(need).split(".ko")[0].replace("-", "_"))
                if f"{self.modules}/{path}" not in order:
                    order.append(f"{self.modules}/{path}")
        for module in MODULES:
            visit(module)
        return order


def listed(path):
    """(name, suite, package, mode) of kernels.list; mode is 'test' or 'load'."""
    with open(path, encoding="utf-8") as f:
        for line in f:
            fields = line.split("#")[0].split()
            if fields:
                yield (*fields[:3], fields[3] if len(fields) > 3 else "test")

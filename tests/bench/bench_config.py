# SPDX-License-Identifier: Apache-2.0
"""What a large configuration costs: 10,000 services, 100,000 endpoints and as many pods, 2,000 VirtualServices.

Start: `heddled --validate` on one core, which reads, decodes, checks and translates as the daemon does, and the daemon
itself until it is ready. Changes: a file of one EndpointSlice (or one VirtualService) is renamed into its place, and
the time counts until the epoch in the kernel's map `state` moves, which is when the change is in force. The daemon has
one core and whoever watches the map the other.
"""
import ctypes
import mmap
import os
import platform
import statistics
import struct
import subprocess
import time

from benchlib import BUILD, Lab, Skip, checked, pinned, processors, program
from config_set import ENDPOINTS_EACH, NAMESPACES, ConfigSet

SERVICES, ROUTES = 10000, 2000
CHANGES = 150          # of one endpoint, and of one weight, in a measurement
PAUSE_S = 0.15         # between these: what a change retired has been freed
RATE, BURST_S = 1000, float(os.environ.get("BURST_SECONDS", "60"))
SYS_BPF = {"x86_64": 321, "aarch64": 280}
BPF_OBJ_GET = 7
MIB = 1 << 20


class Epoch:
    """The word at the beginning of map `state`."""

    def __init__(self, path):
        libc = ctypes.CDLL(None, use_errno=True)
        name = ctypes.create_string_buffer(path.encode())
        attr = struct.pack("QII", ctypes.addressof(name), 0, 0).ljust(128, b"\0")
        fd = libc.syscall(SYS_BPF[platform.machine()], BPF_OBJ_GET, attr, len(attr))
        if fd < 0:
            raise RuntimeError(f"{path}: {os.strerror(ctypes.get_errno())}")
        self.page = mmap.mmap(fd, mmap.PAGESIZE, mmap.MAP_SHARED, mmap.PROT_READ)
        os.close(fd)

    def now(self):
        return struct.unpack_from("Q", self.page)[0]

    def wait(self, after, seconds=10.0):
        """Nanoseconds of the clock when it is past `after`."""
        end = time.monotonic() + seconds
        while self.now() == after:
            if time.monotonic() > end:
                raise RuntimeError(f"no epoch after {after} within {seconds} s")
        return time.monotonic_ns()


def used(argv):
    """(seconds of CPU, seconds, MiB at most, status) of a program on one core."""
    begin = time.monotonic()
    with subprocess.Popen(pinned(processors()[0], argv), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 3) and b"unknown" in said:
        raise Skip(said.decode(errors="replace")[:200])
    return usage.ru_utime + usage.ru_stime, time.monotonic() - begin, usage.ru_maxrss / 1024, process.returncode


def memory(pid):
    """{"VmHWM": MiB, ...}"""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
        rows = [line.split() for line in f if line.startswith(("VmHWM", "VmRSS", "RssAnon"))]
    return {row[0].rstrip(":"): int(row[1]) / 1024 for row in rows}


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Change:
    """One object whose file is replaced by two versions in turn."""

    def __init__(self, directory, name, versions):
        self.path, self.fresh, self.versions, self.turn = f"{directory}/{name}.yaml", f"{directory}/{name}.new", versions, 0

    def prepare(self):
        self.turn += 1
        with open(self.fresh, "w", encoding="ascii") as f:
            f.write(self.versions[self.turn % len(self.versions)])

    def rename(self):
        os.rename(self.fresh, self.path)


def one_by_one(epoch, change, count):
    """Milliseconds from the rename to the map, of each."""
    found = []
    for _ in range(count):
        change.prepare()
        time.sleep(PAUSE_S)
        before, begin = epoch.now(), time.monotonic_ns()
        change.rename()
        found.append((epoch.wait(before) - begin) / 1e6)
    return found


def burst(epoch, changes, seconds):
    """RATE changes a second. (made, epochs)"""
    begin, made, first = time.monotonic(), 0, epoch.now()
    while made < RATE * seconds:
        due = min(int((time.monotonic() - begin) * RATE) + 1, int(RATE * seconds))
        while made < due:
            change = changes[made % len(changes)]
            change.prepare()
            change.rename()
            made += 1
        time.sleep(0.001)
    return made, epoch.now() - first, time.monotonic() - begin


def start_costs(results, configuration, rounds):
    """A process that reads and translates everything."""
    found = [used([f"{BUILD}/heddled", "--validate", "--config", configuration.directory]) for _ in range(rounds)]
    results.figure("config", "read, check and compile, CPU", [f[0] for f in found], "s", "<= 3")
    results.figure("config", "memory of that, at most", [f[2] for f in found], "MiB", "<= 300")


def analyze_costs(results, configuration, rounds):
    argv = [f"{BUILD}/heddlectl", "analyze", configuration.directory]
    found = [used(argv) for _ in range(rounds)]
    results.figure("config", "heddlectl analyze, CPU", [f[0] for f in found], "s", "<= 5")
    results.figure("config", "documents analyzed", [configuration.documents / f[1] for f in found], "/s", ">= 1000")


def change_costs(results, what, found):
    ranked = sorted(found)
    results.figure("config", f"{what}, file to map, median", [statistics.median(found)], "ms", "<= 5")
    results.figure("config", f"{what}, file to map, p99", [ranked[len(ranked) * 99 // 100]], "ms")


def settle(epoch):
    """Until nothing has been published for a second."""
    last, since = epoch.now(), time.monotonic()
    while time.monotonic() - since < 1:
        if epoch.now() != last:
            last, since = epoch.now(), time.monotonic()
        time.sleep(0.01)


def burst_costs(results, lab, epoch, changes):
    pid, half = lab.worker_pid(), {}
    settle(epoch)
    before, cpu = memory(pid), cpu_seconds(pid)
    made, epochs, took = burst(epoch, changes, BURST_S / 2)
    half = memory(pid)
    more, more_epochs, more_took = burst(epoch, changes, BURST_S / 2)
    cpu = cpu_seconds(pid) - cpu
    settle(epoch)
    after = memory(pid)
    results.figure("config", f"changes of endpoints for {BURST_S:.0f} s", [(made + more) / (took + more_took)], "/s",
                   f">= {RATE * 0.98:.0f}")
    results.figure("config", "epochs published meanwhile", [(epochs + more_epochs) / (took + more_took)], "/s")
    results.figure("config", "CPU of the daemon meanwhile", [100 * cpu / (took + more_took)], "%")
    for when, value in (("before", before), ("after half of them", half), ("after them", after)):
        results.figure("config", f"memory of the daemon {when}", [value["VmRSS"]], "MiB",
                       "bounded" if when == "after them" else "")
    held = [v for k, v in lab.metrics().items() if "snapshots" in k]
    if held:
        results.figure("config", "snapshots in use after them", [max(held)], "")


def publish_costs(results):
    figures = dict(line.split() for line in checked(pinned(processors()[0], [program("publish_cost")])).splitlines())
    for what, name, unit, scale, target in (
            ("full publication, CPU", "full_publish", "ms", 1e6, "<= 1000"),
            ("full compilation of route tables, CPU", "full_routes", "ms", 1e6, ""),
            ("maps", "maps_bytes", "MiB", MIB, "<= 256"),
            ("publication of one endpoint, CPU, median", "endpoint_publish_median", "ms", 1e6, "<= 1"),
            ("publication of one endpoint, CPU, p99", "endpoint_publish_p99", "ms", 1e6, ""),
            ("publication of one weight, CPU, median", "weight_publish_median", "ms", 1e6, "<= 1"),
            ("publication of one weight, CPU, p99", "weight_publish_p99", "ms", 1e6, ""),
            ("route table for one weight, CPU, median", "weight_routes_median", "ms", 1e6, "<= 1")):
        results.figure("config", what, [float(figures[name]) / scale], unit, target)


def daemon_costs(results, lab, configuration, cpu):
    begin = time.monotonic()
    lab.start("--workers", "1", "--log-level", "warn", wrapper=pinned(cpu, []))
    results.figure("config", "daemon until ready", [time.monotonic() - begin], "s")
    pid = lab.worker_pid()
    results.figure("config", "memory of the daemon, at most", [memory(pid)["VmHWM"]], "MiB", "<= 300")
    results.figure("config", "of that, without the maps", [memory(pid)["RssAnon"]], "MiB")
    epoch = Epoch(f"{lab.bpffs}/state")
    settle(epoch)
    slices = [Change(configuration.directory, f"60-slice-{n}",
                     [configuration.endpoint_slice(n), configuration.endpoint_slice(n, ENDPOINTS_EACH - 1)])
              for n in range(NAMESPACES)]
    route = Change(configuration.directory, "70-route-0", [configuration.route(0, w) for w in range(1, 100)])
    os.sched_setaffinity(0, {processors()[1]})
    try:
        change_costs(results, "one endpoint", one_by_one(epoch, slices[0], CHANGES))
        change_costs(results, "one weight", one_by_one(epoch, route, CHANGES))
        burst_costs(results, lab, epoch, slices)
        change_costs(results, "one endpoint, after these", one_by_one(epoch, slices[0], CHANGES))
    finally:
        os.sched_setaffinity(0, set(processors()))


def run(results, rounds):
    if platform.machine() not in SYS_BPF:
        raise Skip("number of the system call bpf is not known")
    publish_costs(results)
    lab = Lab()
    try:
        lab.write_cluster(mapCapacity={"services": SERVICES + 1000, "endpoints": SERVICES * ENDPOINTS_EACH + 1000,
                                       "flows": 4096})
        configuration = ConfigSet(lab.conf, SERVICES, ROUTES, all_pods=True)
        configuration.write_all()
        results.figure("config", "documents", [configuration.documents], "")
        results.figure("config", "their text", [configuration.bytes / MIB], "MiB")
        start_costs(results, configuration, min(rounds, 3))
        analyze_costs(results, configuration, min(rounds, 3))
        daemon_costs(results, lab, configuration, processors()[0])
    finally:
        lab.close()

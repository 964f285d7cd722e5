# SPDX-License-Identifier: Apache-2.0
"""What a large configuration costs: 10,000 services, 100,000 endpoints, 2,000 VirtualServices with two subsets each.

There are 20,000 pods, those of the services with subsets; figures "all pods" are with 100,000.

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


def start_costs(results, configuration, rounds, what="", targets=("<= 3", "<= 300")):
    """A process that reads and translates everything."""
    found = [used([f"{BUILD}/heddled", "--validate", "--config", configuration.directory]) for _ in range(rounds)]
    results.figure("config", f"documents{what}", [configuration.documents], "")
    results.figure("config", f"their text{what}", [configuration.bytes / MIB], "MiB")
    results.figure("config", f"read, check and compile{what}, CPU", [f[0] for f in found], "s", targets[0])
    results.figure("config", f"memory of that{what}, at most", [f[2] for f in found], "MiB", targets[1])


def analyze_costs(results, configuration, rounds, what="", target="<= 5"):
    argv = [f"{BUILD}/heddlectl", "analyze", configuration.directory]
    found = [used(argv) for _ in range(rounds)]
    results.figure("config", f"heddlectl analyze{what}, CPU", [f[0] for f in found], "s", target)
    results.figure("config", f"documents analyzed{what}", [configuration.documents / f[1] for f in found], "/s",
                   ">= 1000")


def change_costs(results, what, found):
    ranked = sorted(found)
    results.figure("config", f"{what}, file to map, median", [statistics.median(found)], "ms", "<= 5")
    results.figure("config", f"{what}, file to map, p99", [ranked[len(ranked) * 99 // 100]], "ms")


def settle(epoch, pid, seconds=60):
    """Until a second has passed in which nothing was published and the daemon, which writes its state, was idle."""
    end, last = time.monotonic() + seconds, (None, 0)
    while time.monotonic() < end:
        now = epoch.now(), cpu_seconds(pid)
        if now[0] == last[0] and now[1] - last[1] < 0.1:
            return
        last = now
        time.sleep(1)


def burst_costs(results, lab, epoch, changes):
    pid = lab.worker_pid()
    settle(epoch, pid)
    before, cpu = memory(pid), cpu_seconds(pid)
    made, epochs, took = burst(epoch, changes, BURST_S / 2)
    half = memory(pid)
    more, more_epochs, more_took = burst(epoch, changes, BURST_S / 2)
    cpu = cpu_seconds(pid) - cpu
    settle(epoch, pid)
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


def daemon_costs(results, lab, configuration, what="", target="", bursts=False):
    begin = time.monotonic()
    lab.start("--workers", "1", "--log-level", "warn", wrapper=pinned(processors()[0], []))
    results.figure("config", f"daemon until ready{what}", [time.monotonic() - begin], "s")
    pid = lab.worker_pid()
    results.figure("config", f"memory of the daemon{what}, at most", [memory(pid)["VmHWM"]], "MiB", target)
    results.figure("config", f"of that the heap{what}", [memory(pid)["RssAnon"]], "MiB")
    epoch = Epoch(f"{lab.bpffs}/state")
    slices = [Change(configuration.directory, f"60-slice-{n}",
                     [configuration.endpoint_slice(n), configuration.endpoint_slice(n, ENDPOINTS_EACH - 1)])
              for n in range(NAMESPACES)]
    route = Change(configuration.directory, "70-route-0", [configuration.route(0, w) for w in range(1, 100)])
    os.sched_setaffinity(0, {processors()[1]})
    try:
        settle(epoch, pid)
        change_costs(results, f"one endpoint{what}", one_by_one(epoch, slices[0], CHANGES))
        settle(epoch, pid)
        change_costs(results, f"one weight{what}", one_by_one(epoch, route, CHANGES))
        if bursts:
            burst_costs(results, lab, epoch, slices)
            change_costs(results, "one endpoint, after these", one_by_one(epoch, slices[0], CHANGES))
    finally:
        os.sched_setaffinity(0, set(processors()))
    lab.stop()


def with_lab(results, rounds, all_pods):
    lab = Lab()
    try:
        lab.write_cluster(mapCapacity={"services": SERVICES + 1000, "endpoints": SERVICES * ENDPOINTS_EACH + 1000,
                                       "flows": 4096})
        configuration = ConfigSet(lab.conf, SERVICES, ROUTES, all_pods=all_pods)
        configuration.write_all()
        if all_pods:
            start_costs(results, configuration, rounds, ", all pods", ("", ""))
            analyze_costs(results, configuration, rounds, ", all pods", "")
            daemon_costs(results, lab, configuration, ", all pods")
        else:
            start_costs(results, configuration, rounds)
            analyze_costs(results, configuration, rounds)
            daemon_costs(results, lab, configuration, target="<= 300", bursts=True)
    finally:
        lab.close()


def run(results, rounds):
    if platform.machine() not in SYS_BPF:
        raise Skip("number of the system call bpf is not known")
    publish_costs(results)
    with_lab(results, min(rounds, 3), False)
    with_lab(results, min(rounds, 3), True)

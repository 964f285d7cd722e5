# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 keep-alive, 1 KiB answers, the routing job of http_job.py through Heddle, HAProxy and nginx.

Each has one worker on one core; generator and origins are on the other. All run from begin to end and take turns.
Everything is in a network namespace of its own, on its loopback.
"""
import json
import os
import shutil
import subprocess
import http_job
from benchlib import BUILD, Lab, Skip, Spread, checked, pinned, processors, program, read_ready, sh, version_of
from lab import wait_for

NOBODY = 65534
CONNECTIONS = 32
RATE = 4000
LIGHT_CONNECTIONS = 16
SECONDS = 2.0
WARM_UP_SECONDS = 0.4
MODES = ("saturated", "light")
EXPECTED = {"CPU per request, saturated": "<= 1", "requests/s per core": ">= 1"}  # against nginx


class Bench:
    """The namespace, the origins, and the proxies by name."""

    def __init__(self, lab):
        self.lab, self.ports, self.roots = lab, {}, {}
        self.proxy_cpu, self.load_cpu = processors()
        self.netns = f"hdl{lab.number}-http"  # of a lab's form, so that the next one clears what a kill left
        self.directory = f"{lab.dir}/http"
        os.mkdir(self.directory)
        self.addresses = {name: f"10.244.{lab.number}.{10 + i}" for i, name in enumerate(http_job.ORIGINS)}
        self.front = f"10.244.{lab.number}.2"
        sh(f"ip netns add {self.netns} && ip -n {self.netns} link set lo up")
        for address in (self.front, *self.addresses.values()):
            sh(f"ip -n {self.netns} addr add {address}/32 dev lo")
        self.requests = f"{self.directory}/requests"
        http_job.write_requests(self.requests)

    def inside(self, argv):
        return self.lab.in_cgroup(["nsenter", f"--net=/run/netns/{self.netns}", *argv])

    def start(self, cpu, argv, **options):
        log = open(f"{self.directory}/{os.path.basename(argv[0])}.log", "ab")
        process = subprocess.Popen(self.inside(pinned(cpu, argv)), stderr=log, **{"stdout": log, **options})
        log.close()
        self.lab.processes.append(process)
        return process

    def origins(self, *options):
        listen = [f"{name}={address}:{http_job.ORIGIN_PORT}" for name, address in self.addresses.items()]
        process = self.start(self.load_cpu, [program("http_origin"), *options, *listen], stdout=subprocess.PIPE)
        read_ready(process)
        return process

    def listen(self, name):
        self.ports[name] = 8081 + len(self.ports)
        return f"{self.front}:{self.ports[name]}"

    def write(self, name, text):
        with open(f"{self.directory}/{name}", "w", encoding="ascii") as f:
            f.write(text)
        return f"{self.directory}/{name}"

    # ---- the three ----

    def start_heddle(self):
        self.listen("heddle")
        conf, run_dir = f"{self.directory}/conf", f"{self.directory}/run"
        os.mkdir(conf)
        os.mkdir(run_dir)
        os.chown(run_dir, NOBODY, NOBODY)
        vips = {"web": self.lab.vip(1), "api": self.lab.vip(2)}
        self.write("conf/job.yaml", http_job.heddle(self.addresses, vips, self.ports["heddle"]))
        drop = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", "--inh-caps=-all",
                "--bounding-set=-all"]
        self.roots["heddle"] = self.start(self.proxy_cpu, [
            *drop, f"{BUILD}/heddled", "--mode", "proxy", "--workers", "1", "--config", conf, "--run-dir", run_dir,
            "--admin", "127.0.0.1:15000"])
        checked([f"{BUILD}/heddlectl", "--run-dir", run_dir, "wait", "--timeout", "20"])

    def start_nginx(self):
        conf = self.write("nginx.conf", http_job.nginx(self.addresses, self.listen("nginx"), self.directory))
        self.roots["nginx"] = self.start(self.proxy_cpu, ["nginx", "-e", f"{self.directory}/nginx.log", "-g",
                                                          "daemon off;", "-p", self.directory, "-c", conf])

    def start_haproxy(self):
        conf = self.write("haproxy.cfg", http_job.haproxy(self.addresses, self.listen("haproxy")))
        self.roots["haproxy"] = self.start(self.proxy_cpu, ["haproxy", "-db", "-f", conf])

    def curl(self, *arguments):
        done = subprocess.run(self.inside(["curl", "-s", *arguments]), capture_output=True, text=True, timeout=20)
        return done.stdout

    def status(self, *arguments):
        return self.curl("-o", "/dev/null", "-w", "%{http_code}", *arguments)

    def url(self, name, path):
        return f"http://{self.front}:{self.ports[name]}{path}"

    def check(self, name):
        """The proxy does the whole job, or its figures mean nothing."""
        wait_for(lambda: self.status(self.url(name, "/")) not in ("", "000"), f"{name} ({self.directory}/{name}.log)")
        for host, path, header, origins in http_job.requests():
            answer = self.curl("-i", "-H", f"Host: {host}", *(("-H", header) if header else ()), self.url(name, path))
            head, _, body = answer.partition("\n\n")  # subprocess made lines of CR LF
            seen = body.lower()
            if " 200" not in head.split("\n")[0] or not any(f"x-origin: {o}" in head for o in origins):
                raise RuntimeError(f"{name}: {host}{path} {header}: expected an answer of {origins}, got: {head}")
            if "x-request-id:" not in seen or "x-forwarded-for:" not in seen or f"host: {host}" not in seen:
                raise RuntimeError(f"{name}: headers missing at the origin: {body}")
        split = self.curl("-i", "-H", f"Host: {http_job.host_name(http_job.SPLIT_HOST)}", self.url(name, "/[1-400]"))
        share = split.count("x-origin: web-v2") / 400
        if not 0.02 < share < 0.25:
            raise RuntimeError(f"{name}: {share:.0%} of the split went to v2, expected 10 %")
        if self.status("-H", "Host: other.example", self.url(name, "/")) != "404":
            raise RuntimeError(f"{name}: a host that nobody has is not answered with 404")

    # ---- measuring ----

    def load(self, name, mode):
        rate = ["-r", str(RATE), "-c", str(LIGHT_CONNECTIONS)] if mode == "light" else ["-c", str(CONNECTIONS)]
        pids = ",".join(str(pid) for pid in descendants(self.roots[name].pid))
        line = checked(self.inside(pinned(self.load_cpu, [
            program("http_load"), *rate, "-w", str(WARM_UP_SECONDS), "-d", str(SECONDS), "-p", pids,
            f"{self.front}:{self.ports[name]}", self.requests])))
        found = json.loads(line)
        if found["not_ok"] or not found["requests"]:
            raise RuntimeError(f"{name}: {line}")
        return found

    def close(self):
        for process in self.roots.values():
            process.terminate()
        for process in self.roots.values():
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
        self.lab.close()
        sh(f"ip netns del {self.netns}", check=False)


def descendants(pid):
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop(0))
        for task in os.listdir(f"/proc/{found[-1]}/task"):
            with open(f"/proc/{found[-1]}/task/{task}/children", encoding="ascii") as f:
                todo += [int(child) for child in f.read().split()]
    return found


def start_proxies(bench, results):
    """Names of those that do the job."""
    echo = bench.origins("-e")
    names = []
    for name, version in (("heddle", [f"{BUILD}/heddled", "--version"]), ("haproxy", ["haproxy", "-v"]),
                          ("nginx", ["nginx", "-v"])):
        if not os.access(version[0], os.X_OK) and not shutil.which(version[0]):
            results.note(f"http: {name} is not there")
            continue
        getattr(bench, f"start_{name}")()
        bench.check(name)
        results.versions[name] = version_of(version)
        names.append(name)
    echo.kill()
    echo.wait()
    bench.origins()
    return names


def run(results, rounds):
    bench = Bench(Lab())
    try:
        names = start_proxies(bench, results)
        if len(names) < 2:
            raise Skip("nothing to compare with")
        found = {mode: {name: [] for name in names} for mode in MODES}
        for name in names:  # the first load after the origins came back
            bench.load(name, "saturated")
        for turn in range(rounds):
            for mode in MODES:
                for i in range(len(names)):
                    name = names[(i + turn) % len(names)]
                    found[mode][name].append(bench.load(name, mode))
        report(results, names, found)
    finally:
        bench.close()


def report(results, names, found):
    def values(mode, name, figure):
        return [figure(f) for f in found[mode][name]]
    figures = (("saturated", "CPU per request, saturated", "us", lambda f: f["cpu_s"] / f["requests"] * 1e6),
               ("saturated", "requests/s per core", "req/s", lambda f: f["requests"] / f["cpu_s"]),
               ("saturated", "requests/s, one worker", "req/s", lambda f: f["requests"] / f["seconds"]),
               ("light", f"CPU per request, {RATE:,}/s", "us", lambda f: f["cpu_s"] / f["requests"] * 1e6),
               ("light", f"median latency, {RATE:,}/s", "us", lambda f: f["p50_us"]),
               ("light", f"p99 latency, {RATE:,}/s", "us", lambda f: f["p99_us"]))
    base, others = names[0], names[1:]
    for mode, what, unit, figure in figures:
        for other in others:
            expected = EXPECTED.get(what, "") if other == "nginx" else ""
            results.row("http", what, (base, values(mode, base, figure)), (other, values(mode, other, figure)),
                        unit, expected)
    for name in names:
        busy = Spread(values("saturated", name, lambda f: f["cpu_s"] / f["seconds"])).median
        if busy < 0.95:
            results.note(f"http: {name} had {busy:.0%} of its core: the other core, or somebody else on this one, "
                         "set the pace")

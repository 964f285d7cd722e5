# SPDX-License-Identifier: Apache-2.0
"""Pods as network namespaces on this host, a heddled over them, and clients inside them.

Topology of a lab (number N, so that several labs and other daemons can run side by side):

    pod namespace hdlN-i                         host
      eth0 10.244.N.i/32  fd77:N::i/128  <veth>  hdlNvi   route to the pod's addresses
      default via 169.254.1.1 / fe80::ecee       (addresses of each veth; no bridge)

Service addresses are 10.96.N.x and fd96:N::x; nobody owns them. Processes of pods live in a cgroup of the lab, which
is what heddled attaches to. Everything is removed at exit, and what a killed lab left is removed by the next one that
gets its number.
"""
import atexit
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(ROOT, "build")))
PYTHON = "/usr/bin/python3"


def sh(command, check=True):
    """Runs a shell command, returns its output; raises with the end of stderr."""
    done = subprocess.run(command, shell=isinstance(command, str), capture_output=True, text=True)
    if check and done.returncode:
        raise RuntimeError(f"{command}: status {done.returncode}: {done.stderr.strip()[-400:]}")
    return done.stdout


def wait_for(condition, what, seconds=10.0):
    """Polls until condition() is true. A deadline, not a measurement: it only ends a test that hangs."""
    seconds = max(seconds, 25)  # a busy machine runs other tests as well
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise RuntimeError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.01)


def is_running(pid):
    """A zombie has ended: only its status is left. Unless that is its first thread, and others still hold its sockets."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            ended = f.read().rpartition(")")[2].split()[0] in "ZX"
        return not ended or len(os.listdir(f"/proc/{pid}/task")) > 1
    except (FileNotFoundError, ProcessLookupError):
        return False


def cgroup2_mount():
    for line in open("/proc/self/mounts", encoding="ascii"):
        fields = line.split()
        if fields[2] == "cgroup2":
            return fields[1]
    raise RuntimeError("no cgroup2 is mounted")


def binomial_band(n, p, alpha=1e-6):
    """Exact two-sided band: the smallest and largest count that a binomial(n, p) leaves with at most alpha/2 each.

    One run draws some hundred such counts: at 1e-6 one run in ten thousand meets one outside by chance.
    """
    def tail(counts):
        total, last = 0.0, None
        for k in counts:
            total += pmf(k)
            if total > alpha / 2:
                return k
            last = k
        return last
    from math import exp, lgamma, log

    def pmf(k):
        if p in (0.0, 1.0):
            return 1.0 if k == n * p else 0.0
        return exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(p) + (n - k) * log(1 - p))
    return tail(range(n + 1)), tail(range(n, -1, -1))


class Pod:
    """One network namespace with its labels, addresses and processes."""

    def __init__(self, lab, name, ns, labels, index):
        self.lab, self.name, self.ns, self.labels, self.index = lab, name, ns, labels, index
        self.ip, self.ip6 = f"10.244.{lab.number}.{index}", f"fd77:{lab.number}::{index:x}"
        self.netns, self.veth = f"hdl{lab.number}-{index}", f"hdl{lab.number}v{index}"
        self.ready, self.node = True, "node-a"
        self.behaviour_file = f"{lab.dir}/{name}.{ns}.behaviour"
        self.seen_file = f"{lab.dir}/{name}.{ns}.seen"
        self._make_network()

    def _make_network(self):
        n, v = self.netns, self.veth
        sh(f"ip netns add {n} && ip link add {v} type veth peer name eth0 netns {n}")
        sh(f"sysctl -qw net.ipv4.conf.{v}.rp_filter=0")
        sh(f"ip addr add 169.254.1.1/32 dev {v} scope link; ip addr add fe80::ecee/64 dev {v} nodad; ip link set {v} up && ip route add {self.ip}/32 dev {v} && "
           f"ip -6 route add {self.ip6}/128 dev {v}")
        batch = (f"link set lo up\nlink set eth0 up\naddr add {self.ip}/32 dev eth0\n"
                 f"addr add {self.ip6}/128 dev eth0 nodad\nroute add 169.254.1.1 dev eth0 scope link\n"
                 f"route add default via 169.254.1.1\nroute add default via fe80::ecee dev eth0\n")
        subprocess.run(["ip", "-n", n, "-batch", "-"], input=batch, text=True, check=True)

    def command(self, argv):
        """The command line that runs argv in this pod."""
        return self.lab.in_cgroup(["nsenter", f"--net=/run/netns/{self.netns}", *argv])

    def run(self, argv, **options):
        """Starts argv in the pod; it ends with the lab."""
        process = subprocess.Popen(self.command(argv), **options)
        self.lab.processes.append(process)
        return process

    def output(self, argv, timeout=60):
        """Runs argv in the pod to its end and returns (status, stdout)."""
        done = subprocess.run(self.command(argv), capture_output=True, text=True, timeout=timeout)
        return done.returncode, done.stdout

    def serve(self, port=9080):
        """Starts the HTTP server of echo.py; returns when it listens."""
        self.behave()
        open(self.seen_file, "w", encoding="ascii").close()
        ready, child = os.pipe()
        process = self.run([PYTHON, f"{HERE}/echo.py", self.name, str(port), self.behaviour_file, self.seen_file,
                            str(child)], pass_fds=(child,))
        os.close(child)
        if os.read(ready, 1) != b"R":
            raise RuntimeError(f"server of {self.name} did not start")
        os.close(ready)
        return process

    def behave(self, **behaviour):
        """What the server does from now on: status, delay_s, close, reset, stall_s, chunked, size."""
        temporary = self.behaviour_file + ".new"
        with open(temporary, "w", encoding="ascii") as f:
            json.dump(behaviour, f)
        os.rename(temporary, self.behaviour_file)

    def seen(self):
        """Requests that the server saw, as dictionaries."""
        with open(self.seen_file, encoding="utf-8") as f:
            return [json.loads(line) for line in f]

    def client(self):
        """A client process in the pod: ask(host=..., port=..., n=...) as documented in client.py."""
        return Client(self.run([PYTHON, f"{HERE}/client.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))

    def manifest(self):
        return {"apiVersion": "v1", "kind": "Pod",
                "metadata": {"name": self.name, "namespace": self.ns, "labels": self.labels},
                "spec": {"nodeName": self.node},
                "status": {"phase": "Running", "podIP": self.ip, "podIPs": [{"ip": self.ip}, {"ip": self.ip6}],
                           "conditions": [{"type": "Ready", "status": "True" if self.ready else "False"}]}}


class Client:
    """Talks to a client.py process."""

    def __init__(self, process):
        self.process = process

    def ask(self, **question):
        self.start(**question)
        return self.answer()

    def start(self, **question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("client process ended")
        return json.loads(line)


class Lab:
    def __init__(self):
        self.pods, self.services, self.processes, self.daemon, self.daemon_log = [], [], [], None, None
        self._claim_number()
        self.cgroup = f"{cgroup2_mount()}/heddle-test-{self.number}"
        self.bpffs = f"/sys/fs/bpf/heddle-test-{self.number}"
        self._remove_leftovers()
        os.makedirs(self.cgroup, exist_ok=True)
        self.dir = tempfile.mkdtemp(prefix=f"heddle-test-{self.number}.", dir="/dev/shm")
        os.chmod(self.dir, 0o755)
        self.conf, self.run_dir = f"{self.dir}/conf", f"{self.dir}/run"
        self.access_log = f"{self.dir}/access.log"
        self.admin = f"127.0.0.1:{15100 + self.number}"
        os.mkdir(self.conf)
        atexit.register(self.close)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(1))
        sh("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")
        sh("mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf")

    def _claim_number(self):
        os.makedirs("/run/lock", exist_ok=True)
        for self.number in range(100, 200):
            self._lock = open(f"/run/lock/heddle-test.{self.number}", "w", encoding="ascii")
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError:
                self._lock.close()
        raise RuntimeError("all lab numbers are taken")

    def _remove_leftovers(self):
        """What an earlier lab of this number left when it was killed; its lock is ours now, so it is dead."""
        if os.path.isdir(self.cgroup):
            for pid in open(f"{self.cgroup}/cgroup.procs", encoding="ascii").read().split():
                os.kill(int(pid), signal.SIGKILL)
        for name in sh("ip netns list", check=False).split():
            if name.startswith(f"hdl{self.number}-"):
                sh(f"ip netns del {name}", check=False)
        if os.path.isdir(self.bpffs) and os.path.exists(f"{BUILD}/heddled"):
            self._uninstall(f"/run/heddle-test-{self.number}")

    def _uninstall(self, run_dir):
        return subprocess.run([f"{BUILD}/heddled", "--uninstall", "--bpffs", self.bpffs, "--run-dir", run_dir,
                               "--cgroup", self.cgroup], capture_output=True, text=True)

    def in_cgroup(self, argv):
        return ["sh", "-c", f'echo $$ > {self.cgroup}/cgroup.procs; exec "$@"', "pod", *argv]

    # ---- what there is ----

    def pod(self, name, ns="demo", **labels):
        pod = Pod(self, name, ns, labels, 10 + len(self.pods))
        self.pods.append(pod)
        return pod

    def vip(self, n):
        return f"10.96.{self.number}.{n}"

    def vip6(self, n):
        return f"fd96:{self.number}::{n}"

    def service(self, name, n, selector, port=9080, port_name="http", ns="demo", app_protocol=None, target_port=None):
        """A dual-stack ClusterIP service on vip(n) and vip6(n)."""
        self.services.append({"name": name, "ns": ns, "n": n, "selector": selector, "port": port,
                              "port_name": port_name, "app_protocol": app_protocol, "target_port": target_port or port})

    def documents(self):
        """Pods, Services and EndpointSlices as Kubernetes would list them."""
        documents = [pod.manifest() for pod in self.pods]
        for s in self.services:
            ips = [self.vip(s["n"]), self.vip6(s["n"])]
            port = {"name": s["port_name"], "port": s["port"], "targetPort": s["target_port"], "protocol": "TCP"}
            if s["app_protocol"]:
                port["appProtocol"] = s["app_protocol"]
            documents.append({"apiVersion": "v1", "kind": "Service",
                              "metadata": {"name": s["name"], "namespace": s["ns"]},
                              "spec": {"type": "ClusterIP", "clusterIP": ips[0], "clusterIPs": ips,
                                       "selector": s["selector"], "ports": [port]}})
            members = [p for p in self.pods if p.ns == s["ns"] and s["selector"].items() <= p.labels.items()]
            for family, attribute in (("IPv4", "ip"), ("IPv6", "ip6")):
                documents.append({
                    "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": family,
                    "metadata": {"name": f"{s['name']}-{family.lower()}", "namespace": s["ns"],
                                 "labels": {"kubernetes.io/service-name": s["name"]}},
                    "ports": [{"name": s["port_name"], "port": s["target_port"], "protocol": "TCP"}],
                    "endpoints": [{"addresses": [getattr(p, attribute)], "nodeName": "node-a",
                                   "conditions": {"ready": p.ready, "serving": p.ready, "terminating": False},
                                   "targetRef": {"kind": "Pod", "name": p.name, "namespace": p.ns}} for p in members]})
        return documents

    def node_config(self, **spec):
        return {"apiVersion": "heddle.io/v1alpha1", "kind": "NodeConfig", "metadata": {"name": "node-a"},
                "spec": {"nodeName": "node-a",
                         "packetMark": {"mark": 0x7e00 + self.number, "mask": 0xffff, "table": 7000 + self.number},
                         "mapCapacity": {"services": 2000, "endpoints": 4000, "flows": 4000}, **spec}}

    def write(self, name, content):
        """Puts NAME.yaml into the configuration, by rename. content: YAML text or a list of objects."""
        text = content if isinstance(content, str) else "\n---\n".join(json.dumps(d) for d in content)
        temporary = f"{self.dir}/{name}.new"
        with open(temporary, "w", encoding="utf-8") as f:
            f.write(text + "\n")
        os.rename(temporary, f"{self.conf}/{name}.yaml")

    def remove(self, name):
        os.unlink(f"{self.conf}/{name}.yaml")

    def write_cluster(self, **node):
        self.write("00-node", [self.node_config(**node)])
        self.write("10-cluster", self.documents())

    # ---- the daemon ----

    def arguments(self, *extra):
        return [f"{BUILD}/heddled", "--config", self.conf, "--run-dir", self.run_dir, "--bpffs", self.bpffs,
                "--cgroup", self.cgroup, "--admin", self.admin, "--access-log", self.access_log, *extra]

    def start(self, *extra, wrapper=()):
        """Starts heddled, behind the words of wrapper, and returns when it is ready."""
        if not os.path.exists(f"{self.conf}/10-cluster.yaml"):
            self.write_cluster()
        if self.daemon_log is None:
            self.daemon_log = open(f"{self.dir}/heddled.log", "ab")
        self.daemon = subprocess.Popen([*wrapper, *self.arguments(*extra)], stdout=self.daemon_log, stderr=self.daemon_log,
                                       start_new_session=True)
        self.ctl("wait", "--timeout", "60")

    def ctl(self, *arguments, check=True):
        done = subprocess.run([f"{BUILD}/heddlectl", "--run-dir", self.run_dir, *arguments],
                              capture_output=True, text=True, timeout=90)
        if check and done.returncode:
            raise RuntimeError(f"heddlectl {' '.join(arguments)}: status {done.returncode}: {done.stderr.strip()}\n"
                               f"log: {self.log_tail()}")
        return done.stdout

    def ctl_json(self, *arguments):
        return json.loads(self.ctl(*arguments, "-o", "json"))

    def reload(self):
        self.ctl("reload")

    def log_tail(self, n=1500):
        with open(f"{self.dir}/heddled.log", encoding="utf-8", errors="replace") as f:
            return f.read()[-n:]

    def access_lines(self):
        with open(self.access_log, encoding="utf-8") as f:
            return f.read().splitlines()

    def metrics(self):
        """Samples of /metrics: {'name{labels}': value}."""
        samples = {}
        for line in sh(["curl", "-fsS", f"http://{self.admin}/metrics"]).splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                samples[name] = float(value)
        return samples

    def daemon_pids(self):
        """Keeper first, then its descendants."""
        found, todo = [], [self.daemon.pid]
        while todo:
            pid = todo.pop(0)
            found.append(pid)
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as f:
                        todo += [int(child) for child in f.read().split()]
            except OSError:
                pass
        return found

    def worker_pid(self):
        pids = self.daemon_pids()
        if len(pids) < 2:
            raise RuntimeError("no worker process")
        return pids[1]

    def kill_all(self):
        """kill -9 of keeper and worker; returns when they are dead, so that their sockets are closed."""
        pids = self.daemon_pids()
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.daemon.wait()
        self.daemon = None
        wait_for(lambda: not any(is_running(pid) for pid in pids), "the end of the killed processes")

    def stop(self, seconds=35):
        """SIGTERM; returns the exit status."""
        self.daemon.terminate()
        status = self.daemon.wait(seconds)
        self.daemon = None
        return status

    def close(self):
        atexit.unregister(self.close)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C would leave half of it behind
        if self.daemon and self.daemon.poll() is None:
            self.daemon.terminate()
            try:
                self.daemon.wait(10)
            except subprocess.TimeoutExpired:
                self.kill_all()
        if os.path.exists(f"{BUILD}/heddled"):
            self._uninstall(self.run_dir)
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        for pod in self.pods:
            sh(f"ip netns del {pod.netns}", check=False)
            sh(f"ip link del {pod.veth} 2>/dev/null", check=False)
        try:
            wait_for(lambda: not open(f"{self.cgroup}/cgroup.procs", encoding="ascii").read(), "empty cgroup", 5)
            os.rmdir(self.cgroup)
        except (OSError, RuntimeError):
            pass
        if os.environ.get("KEEP") == "1":
            print(f"# kept {self.dir}", file=sys.stderr)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)


class Report:
    """TAP-like lines for the runner; the exit status says whether all held."""

    def __init__(self, lab=None):
        self.passed, self.failed, self.lab = 0, 0, lab

    def check(self, name, condition, detail=""):
        if condition:
            self.passed += 1
            print(f"ok {name}", flush=True)
        else:
            self.failed += 1
            print(f"not ok {name} # {str(detail)[:600]}", flush=True)
        return bool(condition)

    def skip(self, name, reason):
        print(f"skip {name} # {reason}", flush=True)

    def done(self):
        if self.failed and self.lab is not None and os.path.exists(f"{self.lab.dir}/heddled.log"):
            print("# log of the daemon:\n" + re.sub("^", "# ", self.lab.log_tail(4000), flags=re.M))
        sys.exit(1 if self.failed or not self.passed else 0)

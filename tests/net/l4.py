# SPDX-License-Identifier: Apache-2.0
"""What tests of layer 4 need: servers that tell their names over TCP and UDP, clients that stay, Services of every kind."""
import collections
import json
import os
import subprocess

from scene import Lab, PYTHON, Report, binomial_band, sh

HERE = os.path.dirname(os.path.abspath(__file__))
PORT = 9080


class Agent:
    """A process of agent.py: in a pod, or with pod=None on the node (of the lab's cgroup)."""

    def __init__(self, lab, pod=None):
        command = [PYTHON, f"{HERE}/agent.py"]
        self.process = subprocess.Popen(pod.command(command) if pod else lab.in_cgroup(command), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        lab.processes.append(self.process)

    def start(self, **question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("agent ended")
        return json.loads(line)

    def ask(self, **question):
        self.start(**question)
        return self.answer()

    def tcp(self, host, port=PORT, n=1, **more):
        return self.ask(do="tcp", host=host, port=port, n=n, **more)

    def udp(self, host, port=PORT, n=1, **more):
        return self.ask(do="udp", host=host, port=port, n=n, **more)

    def kill(self):
        self.process.kill()
        self.process.wait()


def serve(pod, port=PORT):
    """TCP and UDP server that answers with the pod's name."""
    process = pod.run([PYTHON, f"{HERE}/peer.py", "serve", pod.name, str(port)], stdout=subprocess.PIPE, text=True)
    if process.stdout.readline() != "ready\n":
        raise RuntimeError(f"server of {pod.name} did not start")
    return process


def service(lab, name, n, pods, ports=(("tcp", PORT, "TCP"),), ns="demo", headless=False, labels=None,
            target_port=PORT, **spec):
    """A dual-stack Service without selector on vip(n) and its EndpointSlices; ports: (name, port, protocol[, nodePort])."""
    ips = ["None"] if headless else [lab.vip(n), lab.vip6(n)]
    listed = [{"name": p[0], "port": p[1], "targetPort": target_port, "protocol": p[2], **({"nodePort": p[3]} if len(p) > 3 else {})}
              for p in ports]
    status = spec.pop("status", None)
    yield {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": ns, "labels": labels or {}},
           "spec": {"type": "ClusterIP", "clusterIP": ips[0], "clusterIPs": ips, "ports": listed, **spec},
           **({"status": status} if status else {})}
    for family, attribute in (("IPv4", "ip"), ("IPv6", "ip6")):
        yield {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": family,
               "metadata": {"name": f"{name}-{family.lower()}", "namespace": ns,
                            "labels": {"kubernetes.io/service-name": name}},
               "ports": [{"name": p[0], "port": target_port, "protocol": p[2]} for p in ports],
               "endpoints": [{"addresses": [getattr(p, attribute)], "nodeName": p.node,
                              "conditions": {"ready": p.ready, "serving": p.ready, "terminating": False},
                              "targetRef": {"kind": "Pod", "name": p.name, "namespace": p.ns}} for p in pods]}


def mapped(address):
    return address if ":" in address else "::ffff:" + address


def three(address, address6):
    """(name, address) for both families, and IPv4 from an IPv6 socket."""
    return (("IPv4", address), ("IPv6", address6), ("v4-mapped", mapped(address)))


def shares_hold(found, weights, alpha=1e-6):
    """Whether each name was found as often as its weight says, by exact binomial bounds that err once in 1/alpha."""
    count, total = collections.Counter(found), sum(weights.values())
    if set(count) - set(weights):
        return False
    for name, weight in weights.items():
        low, high = binomial_band(len(found), weight / total, alpha)
        if not low <= count[name] <= high:
            return False
    return True


def record(lab, name, index):
    """An element of an array of the kernel, with the daemon or without."""
    key = [str(b) for b in index.to_bytes(4, "little")]
    found = json.loads(sh(["bpftool", "-j", "map", "lookup", "pinned", f"{lab.bpffs}/{name}", "key", *key]))
    return found.get("formatted", found)["value"]


def verdicts(lab):
    """Sum of each verdict label over all services."""
    sums = collections.Counter()
    for name, value in lab.metrics().items():
        if "verdict=" in name:
            sums[name.split('verdict="')[1].split('"')[0]] += int(value)
    return sums


__all__ = ["Agent", "Lab", "PORT", "Report", "mapped", "record", "serve", "service", "shares_hold", "three", "verdicts"]

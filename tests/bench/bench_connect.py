# SPDX-License-Identifier: Apache-2.0
"""What connect() costs with 10 and with 10,000 services of 10 endpoints each, any of which may be dialled.

Two daemons run side by side, each over a cgroup of its own. Every connection is to a service or endpoint drawn at
random, so that with many services the caches are as cold as they are on a busy node. The endpoints are addresses
behind a pod that drops what it gets: connect() does its full work, and nothing else runs.
"""
import time
from benchlib import Lab, checked, pinned, processors, program, sh

ENDPOINTS_EACH = 10
PORT = 8000
SERVICES_PER_FILE = 250
# benchmark and documentation networks, and service addresses that nobody has
SIZES = {10: ("198.51.100.0/24", (198, 51, 100, 0), (10, 111, 0, 0)),
         10000: ("198.18.0.0/15", (198, 18, 0, 0), (10, 112, 0, 0))}
CONNECTS = 6000


def address(base, i):
    """The i-th address after base."""
    value = int.from_bytes(bytes(base), "big") + i
    return ".".join(str(b) for b in value.to_bytes(4, "big"))


def documents(n, vip, endpoints):
    name, port = f"s{n}", {"name": "tcp", "port": PORT, "protocol": "TCP"}
    yield {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "bench"},
           "spec": {"type": "ClusterIP", "clusterIP": vip, "clusterIPs": [vip],
                    "ports": [{**port, "targetPort": PORT}]}}
    yield {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
           "metadata": {"name": name, "namespace": "bench", "labels": {"kubernetes.io/service-name": name}},
           "ports": [port],
           "endpoints": [{"addresses": [e], "nodeName": "node-b", "conditions": {"ready": True}} for e in endpoints]}


class Node:
    """A daemon with so many services, a client pod, and a pod behind which all endpoints are."""

    def __init__(self, services):
        self.services, self.lab = services, Lab()
        network, endpoint_base, vip_base = SIZES[services]
        self.client, sink = self.lab.pod("client", app="client"), self.lab.pod("sink", app="sink")
        sh(f"ip -n {sink.netns} route add blackhole {network}")
        sh(f"ip route add {network} via {sink.ip} dev {sink.veth} onlink")
        self.write(endpoint_base, vip_base)
        self.lab.write_cluster(mapCapacity={"services": services * 2 + 100, "flows": 4000,
                                            "endpoints": services * ENDPOINTS_EACH + 1000})
        begin = time.monotonic()
        self.lab.start()
        self.start_s = time.monotonic() - begin

    def write(self, endpoint_base, vip_base):
        file, self.pairs = [], f"{self.lab.dir}/pairs"
        with open(self.pairs, "w", encoding="ascii") as pairs:
            for n in range(self.services):
                first = 1 + n * ENDPOINTS_EACH
                endpoints = [address(endpoint_base, first + i) for i in range(ENDPOINTS_EACH)]
                vip = address(vip_base, 1 + n)
                pairs.write(f"{vip}:{PORT} {endpoints[n % ENDPOINTS_EACH]}:{PORT}\n")
                file += documents(n, vip, endpoints)
                if (n + 1) % SERVICES_PER_FILE == 0 or n + 1 == self.services:
                    self.lab.write(f"20-services-{n // SERVICES_PER_FILE}", file)
                    file = []

    def measure(self, cpu, outside):
        """{what: ns}"""
        argv = pinned(cpu, ["nsenter", f"--net=/run/netns/{self.client.netns}", program("connect_cost"),
                            "-n", str(CONNECTS), "-i", self.lab.cgroup, "-o", outside, self.pairs])
        found, ran = {}, {}
        for line in checked(argv).splitlines():
            word = line.split()
            if word[0] == "connect":
                found[word[1]] = float(word[2])
            elif word[0] == "program":
                ran[word[1], word[2]] = ran.get((word[1], word[2]), 0) + int(word[3])
            elif word[0] == "connects":
                for (kind, attach), ns in ran.items():
                    if kind == word[1]:
                        found[f"{attach} {kind}"] = ns / int(word[2])
                        found[f"all {kind}"] = found.get(f"all {kind}", 0) + ns / int(word[2])
        return found

    def close(self):
        self.lab.close()  # the route goes with the interface


def run(results, rounds):
    cpu, _ = processors()
    nodes, outside = [], Lab()
    try:
        for services in SIZES:
            nodes.append(Node(services))
        found = {node.services: [] for node in nodes}
        for turn in range(rounds):
            for node in nodes if turn % 2 else nodes[::-1]:
                found[node.services].append(node.measure(cpu, outside.cgroup))
        report(results, found, nodes)
    finally:
        for lab in [node.lab for node in nodes] + [outside]:
            lab.close()


def report(results, found, nodes):
    def of(services, what):
        return [round_[what] for round_ in found[services]]
    few, many = SIZES
    for n in SIZES:
        for kind, name in (("service", "service"), ("other", "other address")):
            results.row("connect", f"connect(), {n:,} services", (name, of(n, kind)),
                        ("no heddled", of(n, "outside")), "ns")
    results.row("connect", "connect() to a service", (f"{many:,} services", of(many, "service")),
                (f"{few:,} services", of(few, "service")), "ns")
    for key, what in (("connect4 service", "run time of connect4, service"),
                      ("connect4 other", "run time of connect4, other address"),
                      ("all service", "run time of all programs, service")):
        if key in found[few][0]:
            results.row("connect", what, (f"{many:,} services", of(many, key)), (f"{few:,} services", of(few, key)),
                        "ns")
    for node in nodes:
        results.figure("connect", f"start with {node.services:,} services until ready", [node.start_s * 1000], "ms")

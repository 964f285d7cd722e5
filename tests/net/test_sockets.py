#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# The daemon and the socket hooks together: UDP connected and not, NodePorts, maxConnections, REGISTRY_ONLY.
import json
import os
import subprocess
from scene import Lab, PYTHON, Report, destination_rule, families

PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peer.py")
PORT, NODE_PORT = 9080, 31080
# Asks three times over one socket that is not connected: from whom the answers come, and of which server.
UNCONNECTED = """
import socket, sys, json
host, port = sys.argv[1], int(sys.argv[2])
s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
found = []
for i in range(3):
    try:
        s.sendto(b"x" * 100, (host, port))
        data, sender = s.recvfrom(1000)
        found.append([sender[0], sender[1], data.decode().split()[0]])
    except OSError as e:
        found.append([type(e).__name__, 0, ""])
print(json.dumps(found))
"""
# Opens N connections one after the other and keeps them: names of the errors, "" where there was none.
HOLD = """
import socket, sys, json
host, port, n = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
kept, errors = [], []
for i in range(n):
    try:
        kept.append(socket.create_connection((host, port), 5))
        errors.append("")
    except OSError as e:
        errors.append(type(e).__name__)
print(json.dumps(errors))
"""

lab = Lab()
report = Report(lab)
client, locked = lab.pod("client", app="client"), lab.pod("locked", ns="locked", app="locked")
servers = [lab.pod(f"db-{i}", app="db") for i in (1, 2)]
outside = lab.pod("outside", app="outside")  # of no service


def run(pod, code, *arguments):
    status, out = pod.output([PYTHON, "-c", code, *(str(a) for a in arguments)])
    return json.loads(out) if status == 0 else [f"status {status}"]


def documents(name, n, protocol, node_port):
    ips = [lab.vip(n), lab.vip6(n)]
    port = {"name": f"{protocol.lower()}-x", "port": PORT, "targetPort": PORT, "protocol": protocol}
    yield {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "demo"},
           "spec": {"type": "NodePort", "clusterIP": ips[0], "clusterIPs": ips, "selector": {"app": "db"},
                    "ports": [{**port, "nodePort": node_port}]}}
    for family, attribute in (("IPv4", "ip"), ("IPv6", "ip6")):
        yield {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": family,
               "metadata": {"name": f"{name}-{family.lower()}", "namespace": "demo",
                            "labels": {"kubernetes.io/service-name": name}},
               "ports": [port],
               "endpoints": [{"addresses": [getattr(p, attribute)], "nodeName": "node-a",
                              "conditions": {"ready": True, "serving": True, "terminating": False}} for p in servers]}


for pod in servers + [outside]:
    process = pod.run([PYTHON, PEER, "serve", pod.name, str(PORT)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
lab.write("20-services", [*documents("dbu", 9, "UDP", NODE_PORT), *documents("dbt", 10, "TCP", NODE_PORT + 1)])
lab.service("few", 11, {"app": "db"}, port_name="tcp")
lab.write("few", destination_rule("few", "{connectionPool: {tcp: {maxConnections: 2}}}", subsets=()))
lab.write("locked", """apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: default, namespace: locked}
spec:
  outboundTrafficPolicy: {mode: REGISTRY_ONLY}
  egress:
  - hosts: ["*/*"]
""")
lab.start()
names = {p.name for p in servers}
for family, vip in families(lab, 9):
    found = run(client, UNCONNECTED, vip, PORT)
    report.check(f"{family}: answers come from the service, of one endpoint",
                 all(f[:2] == [vip, PORT] for f in found) and len({f[2] for f in found}) == 1 and found[0][2] in names, found)
for n, (family, vip) in enumerate(families(lab, 11)):
    # a process for each try: what it held is free when it ends
    found = [run(client, HOLD, vip, PORT, 3) for _ in range(2)]
    report.check(f"{family}: two connections at a time, the third is refused",
                 found == [["", "", "ConnectionRefusedError"]] * 2, found)
    there = {"IPv4": outside.ip, "IPv6": outside.ip6, "v4-mapped": f"::ffff:{outside.ip}"}[family]
    report.check(f"{family}: whom no service has: open to all but REGISTRY_ONLY",
                 run(client, HOLD, there, PORT, 1) == [""] and run(locked, HOLD, there, PORT, 1) == ["PermissionError"] and
                 run(locked, UNCONNECTED, there, PORT)[0][0] == "PermissionError")
    report.check(f"{family}: services are open to REGISTRY_ONLY",
                 run(locked, HOLD, families(lab, 10)[n][1], PORT, 1) == [""] and
                 run(locked, UNCONNECTED, families(lab, 9)[n][1], PORT)[0][2] in names)
on_node = {"IPv4": "127.0.0.1", "IPv6": "::1", "v4-mapped": "::ffff:127.0.0.1"}
for family, address in on_node.items():
    done = subprocess.run(lab.in_cgroup([PYTHON, PEER, "ask", "tcp", address, str(NODE_PORT + 1), "4", "10"]),
                          capture_output=True, text=True, timeout=60)
    found = {a.split()[0] for a in json.loads(done.stdout)}
    report.check(f"{family}: a process of the node finds NodePorts on loopback", found and found <= names, found)
    report.check(f"{family}: a pod's loopback is its own",
                 run(client, HOLD, address, NODE_PORT + 1, 1) == ["ConnectionRefusedError"])
counted = {k: v for k, v in lab.metrics().items() if "verdict" in k}
for label in ("overflow", "registry_only"):
    report.check(f"verdict {label} is counted", any(label in k and v >= 3 for k, v in counted.items()), counted)
report.done()

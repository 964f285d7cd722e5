#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Services of every kind as pods and processes of the node reach them: UDP, NodePorts, external and LoadBalancer addresses,
# headless, internalTrafficPolicy, no endpoints (specification D.4), with and without the daemon.
import json
import os
import subprocess

from l4 import Agent, Lab, PORT, Report, serve, service, three, verdicts
from scene import PYTHON, sh, wait_for

DNS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dns_server.py")
NODE_PORT = 31100
lab = Lab()
report = Report(lab)
pods = [lab.pod(f"db-{i}", app="db") for i in (1, 2, 3)]
names = {p.name for p in pods}
client = lab.pod("client", app="client")
here, *away = [lab.pod(name, app="near") for name in ("here", "there", "yonder")]
resolvers = [lab.pod(f"dns-{i}", app="dns") for i in (1, 2)]
for pod in pods + [here, *away]:
    serve(pod)
for pod in away:  # as if on another node
    pod.node = "node-b"
# addresses of the node are those of its interfaces
node, node6 = f"192.168.{lab.number}.1", f"fd79:{lab.number}::1"
external, external6 = f"192.0.2.{lab.number}", f"2001:db8:{lab.number}::1"
balancer, balancer6 = f"198.51.100.{lab.number}", f"2001:db8:{lab.number}::2"
both = (("tcp", PORT, "TCP", NODE_PORT), ("udp", PORT, "UDP", NODE_PORT))
lab.write("20-services", [d for documents in (
    service(lab, "both", 1, pods, both, type="NodePort", externalIPs=[external, external6]),
    service(lab, "balanced", 2, pods, (("tcp", PORT, "TCP", NODE_PORT + 1), ("udp", PORT, "UDP", NODE_PORT + 1)), type="LoadBalancer",
            status={"loadBalancer": {"ingress": [{"ip": balancer}, {"ip": balancer6}]}}),
    service(lab, "headless", 3, pods, headless=True),
    service(lab, "near", 4, [here, *away], (("tcp", PORT, "TCP"), ("udp", PORT, "UDP")), internalTrafficPolicy="Local"),
    service(lab, "away", 5, away, internalTrafficPolicy="Local"),
    service(lab, "empty", 6, [], (("tcp", PORT, "TCP", NODE_PORT + 2), ("udp", PORT, "UDP", NODE_PORT + 2)), type="NodePort"),
    service(lab, "dns", 7, resolvers, (("dns", 53, "UDP"), ("dns-tcp", 53, "TCP")), target_port=53)) for d in documents])
sh(f"ip addr add {node}/32 dev {client.veth} && ip -6 addr add {node6}/128 dev {client.veth} nodad")
try:
    for pod in resolvers:
        process = pod.run([PYTHON, DNS, pod.name[-1]], stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "ready\n"
    lab.start()
    agent, on_node = Agent(lab, client), Agent(lab)

    def reaches(what, who, address, port=PORT, wanted=names, n=30):
        """TCP, UDP of connected sockets, of unconnected ones."""
        found = who.tcp(address, port, n)
        report.check(f"{what}: TCP", set(found) == wanted, found)
        found = who.udp(address, port, n)
        report.check(f"{what}: UDP", {f[0] for f in found} == wanted and {tuple(f[1:]) for f in found} == {(address, port)}, found[:4])
        found = who.udp(address, port, n, unconnected=True)
        report.check(f"{what}: UDP, unconnected", {f[0] for f in found} == wanted and {tuple(f[1:]) for f in found} == {(address, port)}, found[:4])

    def flow(what, who, address, port=PORT):
        """As QUIC does: one socket, many datagrams, one peer."""
        for more in ({}, {"unconnected": True}):
            found = [who.udp(address, port, each=200, **more) for _ in range(8)]
            report.check(f"{what}: 200 datagrams of a socket stay at one endpoint {more or ''}",
                         all(len(f) == 200 and len({x[0] for x in f}) == 1 and f[0][0] in names for f in found), [f[-1] for f in found])

    def refused(what, who, address, port=PORT):
        for kind, found in (("TCP", who.tcp(address, port)), ("UDP", [f[0] for f in who.udp(address, port)]),
                            ("UDP, unconnected", [f[0] for f in who.udp(address, port, unconnected=True)])):
            report.check(f"{what}: {kind} refused at once", found == ["ConnectionRefusedError"], found)

    def check(when):
        for what, address, address6 in (("ClusterIP", lab.vip(1), lab.vip6(1)), ("externalIPs", external, external6),
                                        ("LoadBalancer", balancer, balancer6), ("ClusterIP of a LoadBalancer", lab.vip(2), lab.vip6(2))):
            for family, at in three(address, address6):
                reaches(f"{when}{family}: {what}, pod", agent, at)
                reaches(f"{when}{family}: {what}, node", on_node, at)
        for family, at in three(lab.vip(1), lab.vip6(1)):
            flow(f"{when}{family}", agent, at)
        for family, at in three(node, node6):
            reaches(f"{when}{family}: NodePort at the node's address, pod", agent, at, NODE_PORT)
            reaches(f"{when}{family}: NodePort at the node's address, node", on_node, at, NODE_PORT)
            flow(f"{when}{family}: NodePort", agent, at, NODE_PORT)
        for family, at in three("127.0.0.1", "::1"):
            reaches(f"{when}{family}: NodePort at loopback, node", on_node, at, NODE_PORT + 1)
            found = agent.tcp(at, NODE_PORT + 1)
            report.check(f"{when}{family}: a pod's loopback is its own", found == ["ConnectionRefusedError"], found)
        for family, at in three(pods[1].ip, pods[1].ip6):
            reaches(f"{when}{family}: a member of a headless service", agent, at, wanted={"db-2"}, n=5)
        for family, at in three(lab.vip(4), lab.vip6(4)):
            reaches(f"{when}{family}: internalTrafficPolicy Local", agent, at, wanted={"here"}, n=20)
        for family, at in three(lab.vip(5), lab.vip6(5)):
            report.check(f"{when}{family}: internalTrafficPolicy Local, all elsewhere", agent.tcp(at) == ["ConnectionRefusedError"])
        for family, at in three(lab.vip(6), lab.vip6(6)):
            refused(f"{when}{family}: no endpoints", agent, at)
        for family, at in three(node, node6):
            refused(f"{when}{family}: NodePort without endpoints", agent, at, NODE_PORT + 2)

    # The C library's resolver, with both kinds of sockets: each resolver has another address for the name.
    os.makedirs(f"/etc/netns/{client.netns}", exist_ok=True)
    ask_name = "import socket, json; print(json.dumps([sorted({a[4][0] for a in socket.getaddrinfo('who.example', 80)}) for _ in range(20)]))"
    for family, at in (("IPv4", lab.vip(7)), ("IPv6", lab.vip6(7))):
        for how, option in (("UDP", ""), ("TCP", " use-vc")):
            with open(f"/etc/netns/{client.netns}/resolv.conf", "w", encoding="ascii") as f:
                f.write(f"nameserver {at}\noptions timeout:3 attempts:1{option}\n")
            status, out = client.output(["ip", "netns", "exec", client.netns, PYTHON, "-c", ask_name])
            found = {address for addresses in json.loads(out or "[]") for address in addresses}
            report.check(f"{family}: getaddrinfo asks both resolvers over {how}", status == 0 and
                         found == {"192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"}, (status, out))

    check("")

    def told():
        lines = [json.loads(line) for line in lab.ctl("log", "--lines", "4096", "-o", "json").splitlines()]
        return [e for e in lines if e["kind"] == "verdict" and e["service"].startswith("empty.")]

    wait_for(lambda: len({e["protocol"] for e in told()}) == 2, "events of the service without endpoints")
    events = told()
    report.check("log: refused for want of endpoints, TCP and UDP, with names",
                 {e["verdict"] for e in events} == {"no_healthy"} and {e["client"] for e in events} == {"demo/client"}, events[:2])
    counted = verdicts(lab)
    report.check("metrics count them", counted["no_healthy"] >= 18, counted)
    lab.kill_all()
    check("daemon dead: ")
finally:
    sh(f"rm -rf /etc/netns/{client.netns}", check=False)
report.done()

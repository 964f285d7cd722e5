#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# One UDP socket that is not connected, over its life: many services, endpoints that come and go, addresses of no service.
from l4 import Agent, Lab, PORT, Report, serve, service, three

NODE_PORT, SERVICES = 31500, 6
lab = Lab()
report = Report(lab)
pods = [lab.pod(f"dns-{i}", app="dns") for i in range(4)]
client, plain = lab.pod("client", app="client"), lab.pod("plain", app="plain")
for pod in pods + [plain]:
    serve(pod)
PORTS = (("udp", PORT, "UDP", NODE_PORT),)


def write(members):
    documents = [d for n in range(1, SERVICES + 1)
                 for d in service(lab, f"s{n}", n, members, (("udp", PORT, "UDP", NODE_PORT + n),), type="NodePort")]
    lab.write("20-services", documents)
    if lab.daemon:
        lab.reload()


def names(found):
    return {f[0] for f in found}


write(pods[:2])
lab.start()
agent, on_node = Agent(lab, client), Agent(lab)


def send(host, port=PORT, n=1, who=agent):
    return who.ask(do="send", host=host, port=port, n=n)


for family, vip in three(lab.vip(1), lab.vip6(1)):
    found = send(vip, n=50)
    first = found[0][0]
    report.check(f"{family}: one endpoint, and answers of the service", names(found) == {first} and first in ("dns-0", "dns-1") and
                 {tuple(f[1:]) for f in found} == {(vip, PORT)}, found[:3])
for n in range(2, SERVICES + 1):
    for family, vip in three(lab.vip(n), lab.vip6(n)):
        found = send(vip, n=3)
        report.check(f"{family}: service {n} over the same socket", len(names(found)) == 1 and {tuple(f[1:]) for f in found} == {(vip, PORT)}, found)
for family, at in three(plain.ip, plain.ip6):
    found = send(at, n=3)
    report.check(f"{family}: an address of no service", {tuple(f) for f in found} == {("plain", at, PORT)}, found)
for family, at in three("127.0.0.1", "::1"):
    found = send(at, NODE_PORT + 1, n=20, who=on_node)
    report.check(f"{family}: a NodePort over one socket", len(names(found)) == 1 and names(found) < {p.name for p in pods}, found[:3])
for family, at, loopback in (("IPv4", "0.0.0.0", "127.0.0.1"), ("IPv6", "::", "::1")):
    found = send(at, NODE_PORT + 2, n=20, who=on_node)
    report.check(f"{family}: no address at all is loopback", len(names(found)) == 1 and names(found) < {p.name for p in pods} and
                 {f[1] for f in found} == {loopback}, found[:3])

# connected, and not any more, and again: both services may have one endpoint
other = Agent(lab, client)
for n in (1, 2, 3, 4, 1, 3):
    found = other.ask(do="connect", host=lab.vip(n), port=PORT)
    report.check(f"connected to service {n}", found[0] in ("dns-0", "dns-1") and found[1] == [lab.vip(n), PORT], found)
    report.check("AF_UNSPEC", other.ask(do="connect") == 0)
    for m in (n % SERVICES + 1, n):
        found = send(lab.vip(m), n=3, who=other)
        report.check(f"service {m} after it was connected to {n}", len(names(found)) == 1 and {tuple(f[1:]) for f in found} == {(lab.vip(m), PORT)}, found)

write(pods[2:])
for n in (1, 2, 5):
    for family, vip in three(lab.vip(n), lab.vip6(n)):
        found = send(vip, n=20)
        report.check(f"{family}: service {n}: endpoints that left are not asked any more", len(names(found)) == 1 and
                     names(found) < {"dns-2", "dns-3"} and {tuple(f[1:]) for f in found} == {(vip, PORT)}, found[:3])
write(pods[1:3])
before = {vip: send(vip)[0][0] for n in (1, 2, 5) for _, vip in three(lab.vip(n), lab.vip6(n))}
report.check("after another change", set(before.values()) <= {"dns-1", "dns-2"}, before)
write([])
for family, vip in three(lab.vip(1), lab.vip6(1)):
    report.check(f"{family}: all endpoints left: refused at once", names(send(vip, n=3)) == {"ConnectionRefusedError"})
write(pods)
lab.kill_all()
for family, vip in three(lab.vip(1), lab.vip6(1)):
    found = send(vip, n=20)
    report.check(f"{family}: daemon dead: new endpoints, one of them", len(names(found)) == 1 and names(found) < {p.name for p in pods}, found[:3])
report.done()

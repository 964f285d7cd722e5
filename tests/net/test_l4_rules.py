#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Rules of layer 4 for connections (specification A.2, C.9, F.8): address dialled, port, client's labels and namespace,
# gateways, weights; of VirtualService and TCPRoute, with and without the daemon.
from l4 import Agent, Lab, PORT, Report, mapped, serve, service, shares_hold
from scene import destination_rule, to, virtual_service

N = 700
VERSIONS = ("v1", "v2", "v3")
lab = Lab()
report = Report(lab)
pods = [lab.pod(v, app="db", version=v) for v in VERSIONS]
others = [lab.pod("other", app="other")]
clients = {"plain": lab.pod("plain", app="plain"), "red": lab.pod("red", app="red", tier="x"),
           "blue": lab.pod("blue", ns="blue", app="plain"), "bluered": lab.pod("bluered", ns="blue", app="red")}
for pod in pods + others:
    serve(pod)
external, external6 = f"192.0.2.{lab.number}", f"2001:db8:{lab.number}::1"
two_ports = (("tcp", PORT, "TCP"), ("tcp-b", PORT + 1, "TCP"))
lab.write("20-services", [d for documents in (
    service(lab, "split", 1, pods), service(lab, "addresses", 2, pods, externalIPs=[external, external6]),
    service(lab, "ports", 3, pods, two_ports), service(lab, "sources", 4, pods), service(lab, "gateways", 5, pods),
    service(lab, "routed", 6, pods), service(lab, "other", 7, others), service(lab, "zero", 8, pods),
    service(lab, "many", 9, pods)) for d in documents])


def rule(host, *routes):
    return destination_rule(host, subsets=VERSIONS) + "---\n" + virtual_service(host, "\n".join(routes), kind="tcp") + "---\n"


def only(version, host, match=None):
    return f"- {{{f'match: [{match}], ' if match else ''}route: [{to(host, version)}]}}"


SPLIT = {"v1": 10, "v2": 30, "v3": 60}
lab.write("rules", "".join((
    rule("split", f"- route: [{', '.join(to('split', v, w) for v, w in SPLIT.items())}]"),
    rule("addresses", only("v1", "addresses", f"{{destinationSubnets: ['{external}', '{external6}/128']}}"),
         only("v2", "addresses", f"{{destinationSubnets: ['10.96.0.0/16']}}"), only("v3", "addresses")),
    rule("ports", only("v1", "ports", f"{{port: {PORT + 1}}}"), only("v2", "ports")),
    rule("sources", only("v1", "sources", "{sourceLabels: {app: red}, sourceNamespace: blue}"),
         only("v2", "sources", "{sourceLabels: {app: red, tier: x}}, {sourceNamespace: nobody}"),
         only("v3", "sources", "{sourceNamespace: blue}")),
    rule("gateways", only("v1", "gateways", "{gateways: [outer]}"), only("v2", "gateways", "{gateways: [mesh]}"))
    .replace("  hosts: [gateways]", "  hosts: [gateways]\n  gateways: [mesh, outer]"),
    # the sum is not 100; a weight of 0 wins never
    rule("zero", f"- route: [{to('zero', 'v1', 0)}, {to('zero', 'v2', 3)}, {to('zero', 'v3', 4)}]"),
    f"""apiVersion: gateway.networking.k8s.io/v1alpha2
kind: TCPRoute
metadata: {{name: routed, namespace: demo}}
spec:
  parentRefs: [{{group: "", kind: Service, name: routed, port: {PORT}}}]
  rules: [{{backendRefs: [{{name: other, port: {PORT}, weight: 1}}, {{name: many, port: {PORT}, weight: 3}}]}}]
""")))
lab.start()
agents = {name: Agent(lab, pod) for name, pod in clients.items()}
host_process = Agent(lab)


def pairs(n):
    return (("IPv4", lab.vip(n)), ("IPv6", lab.vip6(n)), ("v4-mapped", mapped(lab.vip(n))))


def goes(what, client, address, wanted, port=PORT, n=12):
    found = (agents.get(client) or host_process).tcp(address, port, n)
    report.check(f"{what}: {client} to {wanted}", set(found) == set(wanted), found)


def check(when):
    for family, vip in pairs(1):
        found = agents["plain"].tcp(vip, n=N)
        report.check(f"{when}{family}: 10 to 30 to 60", shares_hold(found, SPLIT), {v: found.count(v) for v in set(found)})
    for family, vip in pairs(8):
        found = agents["plain"].tcp(vip, n=N)
        report.check(f"{when}{family}: 0 to 3 to 4", shares_hold(found, {"v1": 0, "v2": 3, "v3": 4}), {v: found.count(v) for v in set(found)})
    for family, address in (("IPv4", external), ("IPv6", external6), ("v4-mapped", mapped(external))):
        goes(f"{when}{family}: an external address", "plain", address, ["v1"])
    for (family, vip), wanted in zip(pairs(2), ("v2", "v3", "v2")):
        goes(f"{when}{family}: subnet of the service address", "plain", vip, [wanted])
    for family, vip in pairs(3):
        goes(f"{when}{family}: second port", "plain", vip, ["v1"], PORT + 1)
        goes(f"{when}{family}: first port", "plain", vip, ["v2"])
    for family, vip in pairs(4):
        goes(f"{when}{family}: labels and namespace", "bluered", vip, ["v1"])
        goes(f"{when}{family}: labels", "red", vip, ["v2"])
        goes(f"{when}{family}: namespace", "blue", vip, ["v3"])
        goes(f"{when}{family}: no rule is theirs", "plain", vip, VERSIONS, n=60)
        goes(f"{when}{family}: no rule is theirs", "a process of the node", vip, VERSIONS, n=60)
    for family, vip in pairs(5):
        goes(f"{when}{family}: gateways", "plain", vip, ["v2"])
    for family, vip in pairs(6):
        found = ["other" if p == "other" else "many" if p in VERSIONS else p for p in agents["plain"].tcp(vip, n=N)]
        report.check(f"{when}{family}: TCPRoute 1 to 3", shares_hold(found, {"other": 1, "many": 3}), found[:5])


check("")
lab.kill_all()
check("daemon dead: ")
lab.start()
check("daemon back: ")
report.done()

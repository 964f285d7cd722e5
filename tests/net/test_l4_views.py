#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Clients of one namespace, or with some labels, get something else at layer 4 (specification A.1, A.4, A.7, D.2): exportTo,
# DestinationRules of theirs and for some of them, Sidecars, REGISTRY_ONLY with all that is exempt; with and without the daemon.
import json
import subprocess

from l4 import Agent, Lab, PORT, Report, mapped, serve, service, three, verdicts
from scene import PYTHON, destination_rule, sh, to, virtual_service, wait_for

FQDN = "db.demo.svc.cluster.local"
lab = Lab()
report = Report(lab)
pods = [lab.pod(f"db-{v}", app="db", version=v) for v in ("v1", "v2", "v3")]
away = lab.pod("away", ns="elsewhere", app="away")  # of no service
clients = {"demo": lab.pod("c-demo", app="client"), "blue": lab.pod("c-blue", ns="blue", app="client"),
           "picky": lab.pod("c-picky", ns="blue", app="picky"), "green": lab.pod("c-green", ns="green", app="client"),
           "free": lab.pod("c-free", ns="free", app="client"), "spared": lab.pod("c-spared", ns="green", app="client", spared="yes")}
for pod in pods + [away]:
    serve(pod)
all_three = {p.name for p in pods}
both = (("tcp", PORT, "TCP"), ("udp", PORT, "UDP"))
lab.write("20-services", [d for documents in (service(lab, "db", 1, pods), service(lab, "second", 2, pods, both),
                                              service(lab, "headless", 3, pods[:1], headless=True)) for d in documents])
lab.write("rules", destination_rule("db", subsets=("v1", "v2", "v3")) + "---\n" +
          virtual_service("db", f"- route: [{to('db', 'v1')}]", kind="tcp"))
node, node6 = f"192.168.{lab.number}.1", f"fd79:{lab.number}::1"
sh(f"ip addr add {node}/32 dev {away.veth} && ip -6 addr add {node6}/128 dev {away.veth} nodad")
lab.start()
agents = {name: Agent(lab, pod) for name, pod in clients.items()}
on_node = Agent(lab)


def check(what, who, wanted, n=1, times=30):
    """wanted: names, or the name of an error, over all families."""
    wanted = {wanted} if isinstance(wanted, str) else wanted
    for family, vip in three(lab.vip(n), lab.vip6(n)):
        found = agents[who].tcp(vip, n=times)
        report.check(f"{family}: {what}: {who}", set(found) == wanted, (wanted, found))


def all_of(what, expectations, **more):
    for who, wanted in expectations.items():
        check(what, who, wanted, **more)


def change(**files):
    for name, text in files.items():
        lab.remove(name) if text is None else lab.write(name, text)
    lab.reload()


EVERYBODY = dict.fromkeys(clients, "db-v1")
all_of("a rule for all", EVERYBODY)
private = virtual_service(FQDN, f"- route: [{to(FQDN, 'v2')}]", kind="tcp", ns="blue", name="private")
change(private=private.replace("spec:\n", 'spec:\n  exportTo: ["."]\n'))
all_of("a private rule", {**EVERYBODY, "blue": "db-v2", "picky": "db-v2"})
change(private=private.replace("ns: blue", "ns: demo").replace("namespace: blue", "namespace: demo").replace("spec:\n", "spec:\n  exportTo: [green]\n"))
all_of("a rule exported to another namespace", {**EVERYBODY, "green": "db-v2", "spared": "db-v2"})
change(private=None)

own = destination_rule(FQDN, ns="blue", subsets=()).replace(f"name: {FQDN},", "name: own,") + "  subsets: [{name: v1, labels: {version: v2}}]\n"
change(own=own)
all_of("a DestinationRule of the clients' namespace", {**EVERYBODY, "blue": "db-v2", "picky": "db-v2"})
selected = own.replace("name: own,", "name: selected,").replace("version: v2", "version: v3") + "  workloadSelector: {matchLabels: {app: picky}}\n"
change(selected=selected)
all_of("one for some of them by label", {**EVERYBODY, "blue": "db-v2", "picky": "db-v3"})
change(own=None)
all_of("one for some of them only: the others have none of the host", {**EVERYBODY, "blue": "ConnectionRefusedError", "picky": "db-v3"})
change(selected=None)
all_of("without them", EVERYBODY)

sidecar = """apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: default, namespace: %s}
spec: {egress: [{hosts: ["%s"]}], outboundTrafficPolicy: {mode: %s}}
"""
change(sidecar=sidecar % ("blue", "demo/second.demo.svc.cluster.local", "REGISTRY_ONLY"))
all_of("a Sidecar that hides the service", {**EVERYBODY, "blue": "PermissionError", "picky": "PermissionError"})
all_of("what it shows", dict.fromkeys(clients, all_three), n=2)
change(sidecar=None)

mesh = """apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
metadata: {name: mesh, namespace: istio-system}
spec: {meshConfig: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}}
"""
free = sidecar % ("free", "*/*", "ALLOW_ANY")
exempt = [{"labels": {"spared": "yes"}}, {"namespace": "nobody"}]
change(mesh=mesh, free=free)
lab.write_cluster(outboundTrafficPolicy={"exempt": exempt})
lab.reload()


def unconnected(who, address, port=PORT):
    return (agents.get(who) or on_node).udp(address, port, unconnected=True)[0][0]


def serve_once(who, host, port):
    """A process of the client's pod that listens, to be reached from the same pod."""
    code = ("import socket, sys\nl = socket.create_server((sys.argv[1], int(sys.argv[2])), family=socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET)\n"
            "print('ready', flush=True)\nwhile True:\n    c, _ = l.accept(); c.recv(10); c.sendall(b'self x 1\\n'); c.close()\n")
    process = clients[who].run([PYTHON, "-c", code, host, str(port)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"


serve_once("green", "127.0.0.1", 7001)
serve_once("green", "::1", 7001)
serve_once("green", clients["green"].ip, 7002)
serve_once("green", clients["green"].ip6, 7002)
node_server = subprocess.Popen([PYTHON, "-c", "import socket\nl = socket.create_server(('::', 7003), family=socket.AF_INET6, dualstack_ipv6=True)\n"
                                "print('ready', flush=True)\nwhile True:\n    c, _ = l.accept(); c.recv(10); c.sendall(b'node x 1\\n'); c.close()\n"],
                               stdout=subprocess.PIPE, text=True)
lab.processes.append(node_server)
assert node_server.stdout.readline() == "ready\n"


def registry_only(when):
    for family, there, own, loop, at_node, member in (
            ("IPv4", away.ip, clients["green"].ip, "127.0.0.1", node, pods[0].ip),
            ("IPv6", away.ip6, clients["green"].ip6, "::1", node6, pods[0].ip6),
            ("v4-mapped", *(mapped(a) for a in (away.ip, clients["green"].ip, "127.0.0.1", node, pods[0].ip)))):
        what = f"{when}{family}: REGISTRY_ONLY"
        for who in ("green", "demo", "blue"):
            report.check(f"{what}: {who} may not go to an address of no service", agents[who].tcp(there) == ["PermissionError"] and
                         agents[who].udp(there)[0][0] == "PermissionError" and unconnected(who, there) == "PermissionError")
        found = agents["green"].tcp(member)
        report.check(f"{what}: members of headless services", found == ["db-v1"], found)
        report.check(f"{what}: DNS", agents["green"].udp(there, 53, timeout=0.2)[0][0] != "PermissionError" and
                     unconnected("green", there, 53) != "PermissionError" and agents["green"].tcp(there, 53) == ["ConnectionRefusedError"])
        report.check(f"{what}: loopback", agents["green"].tcp(loop, 7001) == ["self"])
        report.check(f"{what}: its own address", agents["green"].tcp(own, 7002) == ["self"])
        report.check(f"{what}: the node's address", agents["green"].tcp(at_node, 7003) == ["node"], agents["green"].tcp(at_node, 7003))
        report.check(f"{what}: processes of the node", on_node.tcp(there) == ["away"] and unconnected("node", there) == "away")
        report.check(f"{what}: a namespace with a Sidecar that allows it", agents["free"].tcp(there) == ["away"] and unconnected("free", there) == "away")
        report.check(f"{what}: pods that the node exempts", agents["spared"].tcp(there) == ["away"] and unconnected("spared", there) == "away")
    check(f"{when}REGISTRY_ONLY: services are there", "green", "db-v1")


registry_only("")
counted = verdicts(lab)["registry_only"]
report.check("REGISTRY_ONLY is counted", counted >= 27, counted)


def told():
    lines = [json.loads(line) for line in lab.ctl("log", "--lines", "4096", "-o", "json").splitlines()]
    return [e for e in lines if e["verdict"] == "registry_only" and e["client"] == "demo/c-demo"]


wait_for(lambda: {e["protocol"] for e in told()} == {"TCP", "UDP"}, "events of REGISTRY_ONLY")
report.check("log: REGISTRY_ONLY is explained", told()[0]["error"] == "Operation not permitted" and told()[0]["address"].startswith((away.ip, "[")) and
             told()[0]["meaning"], told()[0])
lab.kill_all()
registry_only("daemon dead: ")
lab.start()
change(mesh=None)
report.check("ALLOW_ANY again", agents["green"].tcp(away.ip) == ["away"] and agents["demo"].tcp(away.ip6) == ["away"])
report.done()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# The packet path: a client whose sockets the hooks do not see (its cgroup is another) reaches services all the same.
import collections
import json
import os
import subprocess
from scene import BUILD, Lab, PYTHON, Report, binomial_band, destination_rule, sh, to, virtual_service, wait_for

PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peer.py")
PORT = 9080

lab = Lab()
report = Report(lab)
vm, plain = lab.pod("vm", app="vm"), lab.pod("plain", app="plain")
# as a VM, or a container of another runtime: not in the cgroup that the hooks are attached to
vm.command = lambda argv: ["nsenter", f"--net=/run/netns/{vm.netns}", *argv]
servers = [lab.pod(f"db-{version}", app="db", version=version) for version in ("v1", "v2")]


def start_server(pod):
    process = pod.run([PYTHON, PEER, "serve", pod.name, str(PORT)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"


def ask(pod, kind, host, n=1, size=100, port=PORT):
    status, out = pod.output([PYTHON, PEER, "ask", kind, host, str(port), str(n), str(size)])
    return json.loads(out) if status == 0 else [f"status {status}"]


def names(answers):
    return collections.Counter(a.split()[0] for a in answers)


def service_documents(name, index, pods, ports):
    """A service with ports (name, port, protocol), of which each endpoint has the same numbers."""
    ips = [lab.vip(index), lab.vip6(index)]
    documents = [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "demo"},
                  "spec": {"type": "ClusterIP", "clusterIP": ips[0], "clusterIPs": ips,
                           "ports": [{"name": n, "port": port, "targetPort": port, "protocol": protocol}
                                     for n, port, protocol in ports]}}]
    for family, attribute in (("IPv4", "ip"), ("IPv6", "ip6")):
        documents.append({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": family,
            "metadata": {"name": f"{name}-{family.lower()}", "namespace": "demo",
                         "labels": {"kubernetes.io/service-name": name}},
            "ports": [{"name": n, "port": port, "protocol": protocol} for n, port, protocol in ports],
            "endpoints": [{"addresses": [getattr(p, attribute)], "nodeName": "node-a",
                           "conditions": {"ready": True, "serving": True, "terminating": False}} for p in pods]})
    return documents


def programs(pod):
    """Names of heddle's tc programs on the host side of the pod's interface."""
    index = int(open(f"/sys/class/net/{pod.veth}/ifindex", encoding="ascii").read())
    found = set()
    for side in ("ingress", "egress"):
        if os.path.exists(f"{lab.bpffs}/tcx/{index}-{side}"):
            found.add(side)
        elif "hdl_tc" in sh(f"tc filter show dev {pod.veth} {side}", check=False):
            found.add(side)
    return found


for server in servers:
    start_server(server)
lab.service("db", 1, {"app": "db"}, port_name="tcp-db")
lab.service("empty", 3, {"app": "nobody"}, port_name="tcp")
lab.write("db", destination_rule("db") + "---\n" + virtual_service(
    "db", f"- route: [{to('db', 'v1', 80)}, {to('db', 'v2', 20)}]", kind="tcp"))
lab.write("udp", service_documents("dbu", 9, servers, [("udp", PORT, "UDP")]))
lab.write("self", service_documents("self", 10, [vm], [("tcp", PORT, "TCP"), ("udp", PORT, "UDP"),
                                                       ("tcp-closed", PORT + 1, "TCP")]))
start_server(vm)
resident = vm.run(["sleep", "600"])  # by a process of its own the namespace is known as one outside of the cgroup
lab.start()
wait_for(lambda: programs(vm) == {"ingress", "egress"}, "programs at the VM's interface")
report.check("interfaces of pods that the hooks see carry nothing", programs(plain) == set(), programs(plain))

status = subprocess.run([f"{BUILD}/heddlectl", "--run-dir", lab.run_dir, "status"], capture_output=True, text=True).stdout
row = [line for line in status.splitlines() if "links for tc programs" in line]
report.check("the status says by what the programs are attached",
             len(row) == 1 and ("clsact" in row[0]) == ("hdl_tc" in sh(f"tc filter show dev {vm.veth} ingress", check=False)),
             row or status)

for family, own, db, dbu, empty in (("IPv4", vm.ip, lab.vip(1), lab.vip(9), lab.vip(3)),
                                    ("IPv6", vm.ip6, lab.vip6(1), lab.vip6(9), lab.vip6(3))):
    answers = ask(vm, "tcp", db, 500)
    low, high = binomial_band(500, 0.2)
    count = names(answers)
    report.check(f"{family}: TCP 80/20, packet by packet",
                 low <= count["db-v2"] <= high and count["db-v1"] + count["db-v2"] == 500, count)
    report.check(f"{family}: the server sees the client's own address",
                 {a.split()[1].replace("::ffff:", "") for a in answers} == {own}, answers[:2])
    answers = ask(vm, "tcp", db, 4, 1000000)
    report.check(f"{family}: a megabyte arrives whole", [a.split()[2] for a in answers] == ["1000000"] * 4, answers)
    count = names(ask(vm, "udp", dbu, 100))
    report.check(f"{family}: UDP reaches both endpoints", set(count) == {"db-v1", "db-v2"} and
                 sum(count.values()) == 100, count)
    report.check(f"{family}: on their way they pass the host's stack",
                 {a.split()[-1] for a in ask(vm, "udp", dbu, 10)} == {"63"})
    answers = ask(vm, "udp", dbu, 10, 5000)
    report.check(f"{family}: datagrams in pieces arrive, and their answers",
                 [a.split()[2] for a in answers] == ["5000"] * 10, answers)
    report.check(f"{family}: no endpoint: TCP refused at once",
                 ask(vm, "tcp", empty) == ["ConnectionRefusedError"])
    count = names(ask(plain, "tcp", db, 100))
    report.check(f"{family}: a client that the hooks see is served as before",
                 set(count) <= {"db-v1", "db-v2"} and sum(count.values()) == 100, count)
    count = names(ask(vm, "tcp", servers[0].ip if family == "IPv4" else servers[0].ip6, 5))
    report.check(f"{family}: addresses of pods are left alone", count == {"db-v1": 5}, count)

# The only endpoint is the client itself.
for family, service, own in (("IPv4", lab.vip(10), vm.ip), ("IPv6", lab.vip6(10), vm.ip6)):
    for kind in ("tcp", "udp"):
        answers = ask(vm, kind, service, 10, 5000)
        report.check(f"{family}: {kind.upper()} to a service of which the client is the endpoint",
                     [a.split()[0::2][:2] for a in answers] == [["vm", "5000"]] * 10, answers[:2])
    report.check(f"{family}: such a connection that nobody takes is refused",
                 ask(vm, "tcp", service, port=PORT + 1) == ["ConnectionRefusedError"])

# A link on the way that is narrower than both ends think: the host's error names the endpoint, the client must believe it.
for server in servers:
    sh(f"ip link set {server.veth} mtu 1300")
for family, db in (("IPv4", lab.vip(1)), ("IPv6", lab.vip6(1))):
    answers = ask(vm, "tcp", db, 4, 300000)
    report.check(f"{family}: path MTU discovery works through the translation",
                 [a.split()[2] for a in answers] == ["300000"] * 4, answers)
for server in servers:
    sh(f"ip link set {server.veth} mtu 1500")

held = vm.run([PYTHON, PEER, "hold", lab.vip(1), str(PORT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def exchange():
    held.stdin.write("hello\n")
    held.stdin.flush()
    return held.stdout.readline().split()[:1]


name = exchange()
report.check("a connection is there", name in (["db-v1"], ["db-v2"]), name)
verdicts = lab.metrics()
report.check("packets are counted as decided", any("balanced" in k and v >= 1000 for k, v in verdicts.items()))

# REGISTRY_ONLY holds for packets.
lab.write_cluster(outboundTrafficPolicy={"mode": "REGISTRY_ONLY"})
lab.reload()
stranger = "198.51.100.7"
wait_for(lambda: ask(vm, "tcp", stranger) == ["ConnectionRefusedError"], "REGISTRY_ONLY at the VM")
report.check("REGISTRY_ONLY: an address that no service has is refused at once",
             ask(vm, "tcp", stranger) == ["ConnectionRefusedError"])
count = names(ask(vm, "tcp", lab.vip(1), 20))
report.check("REGISTRY_ONLY: services are served", sum(count.values()) == 20 and set(count) <= {"db-v1", "db-v2"}, count)

lab.kill_all()
report.check("all killed: the connection goes on", exchange() == name)
count = names(ask(vm, "tcp", lab.vip(1), 200))
low, high = binomial_band(200, 0.2)
report.check("all killed: new connections are balanced 80/20",
             low <= count["db-v2"] <= high and sum(count.values()) == 200, count)
report.check("all killed: UDP too", sum(names(ask(vm, "udp", lab.vip6(9), 20)).values()) == 20)

# Straight into the pods, past the stack of the host.
lab.write_cluster(acceleration={"redirect": "peer"})
lab.start()
wait_for(lambda: programs(plain) == {"ingress", "egress"}, "programs at all interfaces")
report.check("redirect: the connection from before goes on", exchange() == name)
for family, db, dbu in (("IPv4", lab.vip(1), lab.vip(9)), ("IPv6", lab.vip6(1), lab.vip6(9))):
    answers = ask(vm, "tcp", db, 100, 100000)
    report.check(f"redirect: {family}: TCP", [a.split()[2] for a in answers] == ["100000"] * 100, names(answers))
    answers = ask(vm, "udp", dbu, 50)
    count = names(answers)
    report.check(f"redirect: {family}: packets do not pass the host's stack",
                 {a.split()[-1] for a in answers} == {"64"}, answers[:2])
    report.check(f"redirect: {family}: UDP", sum(count.values()) == 50 and set(count) <= {"db-v1", "db-v2"}, count)
    answers = ask(vm, "udp", dbu, 5, 5000)
    report.check(f"redirect: {family}: datagrams in pieces", [a.split()[2] for a in answers] == ["5000"] * 5, answers)
    count = names(ask(plain, "tcp", servers[0].ip if family == "IPv4" else servers[0].ip6, 20))
    report.check(f"redirect: {family}: pods without a service between them", count == {"db-v1": 20}, count)
# Below a bridge a packet's MAC address is that of the bridge, not of the interface at which the program sees it.
gateway = next(l for l in sh(f"ip -n {vm.netns} route show default").splitlines() if " via " in l).split()
sh(f"ip -n {vm.netns} neigh replace {gateway[2]} lladdr 02:00:00:00:00:99 dev {gateway[4]}")
count = names(ask(vm, "tcp", lab.vip(1), 20))
report.check("redirect: frames for another address of the host", sum(count.values()) == 20 and
             set(count) <= {"db-v1", "db-v2"}, count)
sh(f"ip -n {vm.netns} neigh del {gateway[2]} dev {gateway[4]}")
lab.write_cluster(packetPath="off")
lab.service("web", 4, {"app": "db"})
lab.write("10-cluster", lab.documents())
lab.reload()
wait_for(lambda: programs(vm) == set() and programs(plain) == set(), "interfaces without programs")
report.check("packetPath off: nothing is attached", programs(vm) == set())
# A port that needs requests: the program is there before the rule is in force, and goes some time after it.
lab.write("web", virtual_service("web", f"- match: [{{headers: {{x-a: {{exact: b}}}}}}]\n  route: [{to('web')}]"))
lab.reload()
report.check("a rule about requests: its program is there when it is in force",
             programs(plain) == {"ingress"} and programs(vm) == {"ingress"}, programs(plain))
lab.remove("web")
lab.reload()
report.check("connections may still need it when the rule is gone", programs(plain) == {"ingress"})
wait_for(lambda: programs(plain) == set() and programs(vm) == set(), "interfaces without programs again", 30)
report.check("then it goes", programs(plain) == set())
report.done()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# The edge: a client outside reaches NodePorts and external addresses, by tc alone and with XDP in front, in the driver and
# generic; endpoints on another node in the node's name, those of this node with the client's own address.
import collections
import json
import os
import subprocess
from scene import Lab, PYTHON, Report, sh, wait_for

PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peer.py")
PORT, NODE_PORT = 9080, 31080

lab = Lab()
report = Report(lab)
outside = lab.pod("outside", app="outside")
outside.command = lambda argv: ["nsenter", f"--net=/run/netns/{outside.netns}", *argv]
far = [lab.pod(f"far-{i}", app="web") for i in (1, 2)]
near = lab.pod("near", app="web")
for pod in far:
    pod.node = "node-b"
edges = [outside, *far]
node, node6 = f"172.30.{lab.number}.1", f"fd30:{lab.number}::1"
sh(f"ip addr add {node}/32 dev {outside.veth} && ip addr add {node6}/128 dev {outside.veth} nodad")


def ethernet(gro):
    """XDP counts on whole checksums and single packets; a veth takes redirected ones where its other end has GRO."""
    for pod in edges:
        sh(f"ip netns exec {pod.netns} ethtool -K eth0 tx off gro on")
        sh(f"ethtool -K {pod.veth} gro {gro}")


def service(name, n, members, node_port, policy="Cluster", extra=None):
    """One of every type: a NodePort, the address of a load balancer and an externalIP, TCP and UDP."""
    ips = [lab.vip(n), lab.vip6(n)]
    spec = {"type": "LoadBalancer", "clusterIP": ips[0], "clusterIPs": ips, "selector": {"app": "web"},
            "externalTrafficPolicy": policy, "externalIPs": [f"203.0.114.{n}"],
            "ports": [{"name": p.lower(), "port": PORT, "targetPort": PORT, "protocol": p, "nodePort": node_port}
                      for p in ("TCP", "UDP")], **(extra or {})}
    documents = [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "demo"}, "spec": spec,
                  "status": {"loadBalancer": {"ingress": [{"ip": lb(n)[0]},
                                                          {"ip": lb(n)[1]}]}}}]
    for family, attribute in (("IPv4", "ip"), ("IPv6", "ip6")):
        documents.append({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": family,
            "metadata": {"name": f"{name}-{family.lower()}", "namespace": "demo",
                         "labels": {"kubernetes.io/service-name": name}},
            "ports": [{"name": p.lower(), "port": PORT, "protocol": p} for p in ("TCP", "UDP")],
            "endpoints": [{"addresses": [getattr(p, attribute)], "nodeName": p.node,
                           "conditions": {"ready": True, "serving": True, "terminating": False}} for p in members]})
    return documents


def lb(n):
    return f"203.0.113.{n}", f"2001:db8:{lab.number}::{n}"


def ask(kind, host, port, n=1, size=100):
    status, out = outside.output([PYTHON, PEER, "ask", kind, host, str(port), str(n), str(size)])
    return json.loads(out) if status == 0 else [f"status {status}"]


def names(answers):
    return collections.Counter(a.split()[0] for a in answers)


def clients(answers):
    return {a.split()[1].replace("::ffff:", "") if " " in a else a for a in answers}


def rows():
    return {h["name"]: h for h in lab.ctl_json("status")["hooks"] if h["name"].startswith("edge ")}


def verdict(reason):
    return sum(v for k, v in lab.metrics().items() if f'"{reason}"' in k)


for pod in [*far, near]:
    process = pod.run([PYTHON, PEER, "serve", pod.name, str(PORT)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
lab.write("web", service("web", 21, far, NODE_PORT) + service("local", 22, [*far, near], NODE_PORT + 1, "Local") +
          service("all", 23, [*far, near], NODE_PORT + 2) + service("none", 24, [], NODE_PORT + 3) +
          service("away", 25, far, NODE_PORT + 4, "Local"))


def configure(xdp, **edge):
    lab.write_cluster(packetPath="off", interfaces={"edge": [p.veth for p in edges]}, edge={"xdp": xdp, **edge})


def check_all(way):
    targets = [("IPv4 NodePort", outside.ip, node, node, NODE_PORT), ("IPv6 NodePort", outside.ip6, node6, node6, NODE_PORT),
               ("IPv4 load balancer", outside.ip, node, lb(21)[0], None), ("IPv6 load balancer", outside.ip6, node6, lb(21)[1], None),
               ("externalIP", outside.ip, node, "203.0.114.21", None)]
    for what, own, name, host, first in targets:
        port = first or PORT
        v6 = ":" in host
        for kind in ("tcp", "udp"):
            answers = ask(kind, host, port, 60)
            count = names(answers)
            report.check(f"{way}: {what}: {kind} reaches both endpoints of the other node",
                         set(count) == {"far-1", "far-2"} and sum(count.values()) == 60, count)
            report.check(f"{way}: {what}: {kind} goes on in the node's name", clients(answers) == {name}, clients(answers))
        answers = ask("tcp", host, port, 3, 300000)
        report.check(f"{way}: {what}: much arrives whole", [a.split()[-1] for a in answers] == ["300000"] * 3, answers)
        other = lb(22)[v6] if first is None and what != "externalIP" else "203.0.114.22" if first is None else host
        for kind in ("tcp", "udp"):
            answers = ask(kind, other, first + 1 if first else PORT, 20)
            report.check(f"{way}: {what}: {kind}, externalTrafficPolicy Local: the endpoint of this node sees the client",
                         names(answers) == {"near": 20} and clients(answers) == {own}, answers[:3])
    count = names(ask("tcp", node, NODE_PORT + 2, 120))
    report.check(f"{way}: endpoints here and there together", set(count) == {"far-1", "far-2", "near"} and
                 sum(count.values()) == 120, count)
    for what, port in (("no endpoint", NODE_PORT + 3), ("Local without an endpoint here", NODE_PORT + 4)):
        for host in (node, node6):
            for kind in ("tcp", "udp"):
                report.check(f"{way}: {host}: {what}: {kind} is refused at once",
                             ask(kind, host, port) == ["ConnectionRefusedError"])
    before = verdict("edge_stray")
    stray = outside.run([PYTHON, PEER, "ask", "udp", lb(21)[0], "7", "1", "10"], stdout=subprocess.DEVNULL)
    wait_for(lambda: verdict("edge_stray") > before, "a stray packet is counted")
    report.check(f"{way}: a port that the service has not is dropped and counted", True)
    stray.kill()


def narrow():
    """The way to the other node is narrower than both ends think."""
    for pod in far:
        sh(f"ip link set {pod.veth} mtu 1300")


def wide():
    for pod in far:
        sh(f"ip link set {pod.veth} mtu 1500")
    for pod in edges:
        sh(f"ip netns exec {pod.netns} ip route flush cache; ip netns exec {pod.netns} ip -6 route flush cache", check=False)


def check_mtu(way):
    narrow()
    for family, host in (("IPv4", node), ("IPv6", node6)):
        answers = ask("tcp", host, NODE_PORT, 2, 200000)
        report.check(f"{way}: {family}: path MTU discovery works through the translation",
                     [a.split()[-1] for a in answers] == ["200000"] * 2, answers)
    wide()


def set_mode(xdp, want, **edge):
    configure(xdp, **edge)
    lab.reload()
    wait_for(lambda: len(rows()) == 3 and all(want in r["where"] for r in rows().values()), f"edges: {want}: {rows()}")
    report.check(f"{xdp}: status says how each interface is served", all(r["state"] == "attached" for r in rows().values()), rows())


# tc alone, as on a veth when nothing else is wished for; packets come merged and without checksums
configure("auto")
lab.start()
wait_for(lambda: len(rows()) == 3, "edges")
report.check("auto: no XDP on veth, and why", all("no XDP: a veth" in r["where"] for r in rows().values()), rows())
check_all("tc")
check_mtu("tc")

ethernet("on")
set_mode("native", "XDP native")
check_all("native")
check_mtu("native")
held = outside.run([PYTHON, PEER, "hold", node, str(NODE_PORT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def exchange():
    held.stdin.write("hello\n")
    held.stdin.flush()
    return held.stdout.readline().split()[:1]


name = exchange()
lab.kill_all()
report.check("all killed: the connection goes on", exchange() == name and name != [], name)
count = names(ask("tcp", node, NODE_PORT, 40))
report.check("all killed: new ones come about", set(count) == {"far-1", "far-2"} and sum(count.values()) == 40, count)
pins = [f"{lab.bpffs}/tcx/{open(f'/sys/class/net/{p.veth}/ifindex', encoding='ascii').read().strip()}-edge" for p in edges]
if all(os.path.exists(pin) for pin in pins):
    for pin in pins:
        os.unlink(pin)
    count = names(ask("tcp", node, NODE_PORT, 40, 5000))
    report.check("XDP by itself: without tc behind it connections come about",
                 set(count) == {"far-1", "far-2"} and sum(count.values()) == 40, count)
    report.check("XDP by itself: UDP too", sum(names(ask("udp", node6, NODE_PORT, 40)).values()) == 40)
lab.start()
wait_for(lambda: len(rows()) == 3 and all("XDP native" in r["where"] for r in rows().values()), "edges of the next daemon")
report.check("the next daemon takes over: the connection goes on", exchange() == name)

ethernet("off")
set_mode("generic", "XDP generic")
report.check("generic: the connection goes on", exchange() == name)
check_all("generic")

# one source may open so many, and no more: 5 at once, and one each second
set_mode("off", "tc; no XDP: NodeConfig edge.xdp is off", synRateLimit=1, synBurst=5)
wait_for(lambda: lab.metrics() is not None, "metrics")
before = verdict("edge_rate")
burst = outside.run([PYTHON, PEER, "ask", "tcp", node, str(NODE_PORT), "12", "10"], stdout=subprocess.PIPE, text=True)
wait_for(lambda: verdict("edge_rate") > before, "a SYN too many is counted")
report.check("synRateLimit: what is over it is dropped and counted", True)
answers = json.loads(burst.communicate()[0])
report.check("synRateLimit: TCP tries again, and gets through", set(names(answers)) <= {"far-1", "far-2"}, answers)

# somebody else's program is left alone
set_mode("native", "XDP native")
configure("off")
lab.reload()
wait_for(lambda: all("off" in r["where"] for r in rows().values()), "XDP off")
report.check("off: nothing of XDP is left", "xdp" not in sh(f"ip -d link show {outside.veth}").replace("xdp_", ""))
foreign = os.path.join(lab.dir, "pass.o")
source = '__attribute__((section("xdp"), used)) int pass(void *c) { return 2; }\nchar l[] __attribute__((section("license"))) = "GPL";\n'
built = subprocess.run(["clang", "-O2", "-g", "-target", "bpf", "-c", "-x", "c", "-", "-o", foreign], input=source, text=True)
if built.returncode == 0:
    sh(f"ip link set dev {outside.veth} xdpdrv obj {foreign} sec xdp")
    configure("native")
    lab.reload()
    wait_for(lambda: "another program is attached: pass" in rows()[f"edge {outside.veth}"]["where"], "the other's program is seen")
    report.check("another XDP program: tc serves, and status says so", rows()[f"edge {outside.veth}"]["state"] == "attached", rows())
    count = names(ask("tcp", node, NODE_PORT, 20))
    report.check("another XDP program: connections come about", sum(count.values()) == 20 and set(count) <= {"far-1", "far-2"}, count)
    report.check("another XDP program is still there", "xdp" in sh(f"ip link show {outside.veth}"))
    sh(f"ip link set dev {outside.veth} xdpdrv off")
    wait_for(lambda: "XDP native" in rows()[f"edge {outside.veth}"]["where"], "its place is taken when it is free")
else:
    report.skip("another XDP program", "clang cannot build one")

# interfaces that are not wished for any more, and that come and go
lab.write_cluster(packetPath="off", interfaces={"edge": [outside.veth, "hdlnone"]})
lab.reload()
wait_for(lambda: set(rows()) == {f"edge {outside.veth}", "edge hdlnone"}, "the other edges are gone")
report.check("an interface that is not there is said", rows()["edge hdlnone"]["state"] == "not attached", rows())
report.check("interfaces of the edge no more carry nothing", "hdl_" not in sh(f"tc filter show dev {far[0].veth} ingress; "
             f"ip -d link show {far[0].veth}; ls {lab.bpffs}/tcx 2>/dev/null | grep ^{open(f'/sys/class/net/{far[0].veth}/ifindex').read().strip()}- | "
             "sed s/^/hdl_/", check=False))
sh(f"ip link add hdlnone type veth peer name hdlnone2 && ip link set hdlnone up")
try:
    wait_for(lambda: rows()["edge hdlnone"]["state"] == "attached", "the interface came")
    report.check("an interface that comes is served", True)
finally:
    sh("ip link del hdlnone", check=False)
wait_for(lambda: rows()["edge hdlnone"]["state"] == "not attached", "the interface went")

configure("native")
lab.reload()
wait_for(lambda: len(rows()) == 3 and all("XDP native" in r["where"] for r in rows().values()), "edges before the end")
lab.stop()
lab._uninstall(lab.run_dir)
left = "".join(sh(f"ip -d link show {p.veth}; tc filter show dev {p.veth} ingress; tc filter show dev {p.veth} egress") for p in edges)
report.check("uninstalled: nothing is left", "hdl_" not in left and "prog/xdp" not in left and not os.path.exists(lab.bpffs), left)
report.done()

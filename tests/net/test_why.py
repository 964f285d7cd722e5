#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# heddlectl why: open connections by process and by address, refused ones, and what would happen (README: explainable).
import json
import os
import subprocess
from scene import Lab, PYTHON, Report, destination_rule, to, virtual_service

PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peer.py")
PORT = 9080
# Connects, or tries to, says from where and with what result, and stays until its standard input ends.
HOLD = """
import json, os, socket, sys
kind, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
family = socket.AF_INET6 if ":" in host else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM if kind.startswith("udp") else socket.SOCK_STREAM)
said = {"pid": os.getpid(), "error": ""}
try:
    if kind == "udp-sendto":
        s.settimeout(5)
        s.sendto(b"x" * 100, (host, port))
        s.recvfrom(1000)
    else:
        s.connect((host, port))
    said["from"] = list(s.getsockname()[:2])
except OSError as e:
    said["error"] = type(e).__name__
print(json.dumps(said), flush=True)
sys.stdin.read()
"""

lab = Lab()
report = Report(lab)
client, blue = lab.pod("client", app="client"), lab.pod("client", ns="blue", app="client")
locked, vm = lab.pod("locked", ns="locked", app="locked"), lab.pod("vm", app="vm")
vm.command = lambda argv: ["nsenter", f"--net=/run/netns/{vm.netns}", *argv]  # no socket hook sees it
servers = [lab.pod(f"db-{version}", app="db", version=version) for version in ("v1", "v2")]
servers.append(lab.pod("db-v2b", app="db", version="v2"))
lost = lab.pod("lost", app="db", version="v1")
lost.ready = False
outside = lab.pod("outside", app="outside")
for pod in servers + [outside]:
    process = pod.run([PYTHON, PEER, "serve", pod.name, str(PORT)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
web = lab.pod("web", app="web")
web.serve()
lab.service("db", 1, {"app": "db"}, port_name="tcp-db")
lab.service("empty", 2, {"app": "nobody"}, port_name="tcp")
lab.service("web", 3, {"app": "web"})
ips = [lab.vip(9), lab.vip6(9)]
udp = {"name": "udp-x", "port": PORT, "targetPort": PORT, "protocol": "UDP"}
documents = [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "dbu", "namespace": "demo"},
              "spec": {"type": "ClusterIP", "clusterIP": ips[0], "clusterIPs": ips, "selector": {"app": "db"}, "ports": [udp]}}]
for family, attribute in (("IPv4", "ip"), ("IPv6", "ip6")):
    documents.append({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": family,
                      "metadata": {"name": f"dbu-{family.lower()}", "namespace": "demo",
                                   "labels": {"kubernetes.io/service-name": "dbu"}}, "ports": [udp],
                      "endpoints": [{"addresses": [getattr(servers[0], attribute)], "nodeName": "node-a",
                                     "conditions": {"ready": True, "serving": True, "terminating": False}}]})
lab.write("20-udp", documents)
lab.write("db", destination_rule("db") + "---\n" + virtual_service("db", f"""- match: [{{sourceNamespace: blue}}]
  route: [{to('db', 'v1')}]
- route: [{to('db', 'v1', 25)}, {to('db', 'v2', 75)}]""", kind="tcp"))
lab.write("web", virtual_service("web", f"""- match: [{{uri: {{prefix: /slow}}, headers: {{x-role: {{exact: admin}}}}}}]
  name: slow
  timeout: 9s
  fault: {{delay: {{percentage: {{value: 50}}, fixedDelay: 3s}}}}
  route: [{to('web')}]
- route: [{to('web')}]"""))
lab.write("locked", """apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: default, namespace: locked}
spec:
  outboundTrafficPolicy: {mode: REGISTRY_ONLY}
  egress:
  - hosts: ["*/*"]
""")
lab.start()
holders = []


def hold(pod, kind, host, port=PORT):
    process = pod.run([PYTHON, "-c", HOLD, kind, host, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    holders.append(process)
    return json.loads(process.stdout.readline())


def only(answers):
    return answers[0] if len(answers) == 1 else {"answers": [{}], "decided": {}, "client": {}, "found": answers}


def text_of(host, port):
    return f"[{host}]:{port}" if ":" in host and "." not in host else f"{host}:{port}"


def endpoints(answer, i=0):
    """pod -> why it is passed over, "" = it is used; of the i-th destination."""
    return {e["pod"]: e["why_not"] for e in answer["answers"][0]["destinations"][i]["endpoints"]}


# connections that are open, by process and by address
for family, vip, vipu, own in (("IPv4", lab.vip(1), lab.vip(9), "ip"), ("IPv6", lab.vip6(1), lab.vip6(9), "ip6")):
    for kind, host in (("tcp", vip), ("udp", vipu), ("udp-sendto", vipu)):
        said = hold(client, kind, host)
        by_pid = only(lab.ctl_json("why", str(said["pid"])))
        decided, one = by_pid["decided"], by_pid["answers"][0]
        name = "db" if kind == "tcp" else "dbu"
        report.check(f"{family} {kind}: why PID", not said["error"] and decided and decided["verdict"] == "balanced" and
                     decided["pod"].startswith("demo/db-") and decided["epoch"] == by_pid["epoch"] and
                     one["service"] == f"{name}.demo.svc.cluster.local:{PORT}" and one["label"] == "l4" and
                     by_pid["client"]["pod"] == "demo/client", by_pid)
        if kind != "udp-sendto":
            source = text_of(getattr(client, own), said["from"][1])
            by_address = only(lab.ctl_json("why", source))
            report.check(f"{family} {kind}: why SRC:PORT is the same", by_address["decided"] and
                         by_address["decided"]["endpoint"] == decided["endpoint"] and
                         by_address["socket"]["pid"] == said["pid"], by_address)
    said = hold(vm, "tcp", vip)
    found = only(lab.ctl_json("why", text_of(getattr(vm, own), said["from"][1])))
    report.check(f"{family}: a client whose packets are translated", found.get("flow", {}).get("map") == "flow" and
                 found["decided"] and found["decided"]["pod"].startswith("demo/db-"), found)
    said = hold(blue, "tcp", vip)
    found = only(lab.ctl_json("why", str(said["pid"])))
    one = found["answers"][0]
    report.check(f"{family}: a rule for clients of a namespace, with its line", found["client"]["class"] > 0 and
                 one["rule"]["name"] == "db" and one["rule"]["line"] > 0 and one["rule_for_some"] and
                 [d["share_per_mille"] for d in one["destinations"]] == [1000] and
                 found["decided"]["subset"] == "v1", found)

# what is refused
for what, pod, host, error, verdict in (("no endpoint", client, lab.vip(2), "ConnectionRefusedError", "no_healthy"),
                                        ("REGISTRY_ONLY", locked, outside.ip, "PermissionError", "registry_only")):
    said = hold(pod, "tcp", host)
    found = lab.ctl_json("why", str(said["pid"]))
    report.check(f"{what}: told of the process", said["error"] == error and found and
                 [e["verdict"] for e in found[0].get("events", [])] == [verdict], (said, found))
    found = only(lab.ctl_json("why", "--service", f"{host}:{PORT}", "--from", f"{pod.ns}/{pod.name}"))
    report.check(f"{what}: would be again", found["answers"][0].get("verdict") == verdict, found)
found = only(lab.ctl_json("why", "--service", f"{outside.ip}:{PORT}", "--from", "demo/client"))
report.check("open to others", found["answers"][0].get("verdict") == "pass", found)

# endpoints that are passed over, and why
found = only(lab.ctl_json("why", "--service", "db", "--from", "demo/client"))
report.check("shares and the rule for the rest", [d["share_per_mille"] for d in found["answers"][0]["destinations"]] == [250, 750] and
             not found["answers"][0]["rule_for_some"], found)
report.check("not ready", endpoints(found) == {"demo/db-v1": "", "demo/lost": "not ready"}, endpoints(found))
lab.ctl("endpoint", "eject", f"{servers[1].ip}:{PORT}", "--cluster", f"outbound|{PORT}|v2|db.demo.svc.cluster.local")
found = only(lab.ctl_json("why", "--service", "db.demo", "--from", "demo/client", "-6"))
report.check("ejected", endpoints(found, 1) == {"demo/db-v2": "ejected by hand, until restored", "demo/db-v2b": ""},
             endpoints(found, 1))
said = [hold(client, "tcp", lab.vip(1)) for _ in range(12)]
pods = {only(lab.ctl_json("why", str(s["pid"])))["decided"]["pod"] for s in said}
report.check("and not chosen", "demo/db-v2" not in pods and pods <= {"demo/db-v1", "demo/db-v2b"}, pods)
shown = lab.ctl("why", "--service", "db", "--from", "demo/client")
report.check("as text", "skipped: ejected by hand" in shown and "db.yaml:" in shown, shown)

# requests
found = only(lab.ctl_json("why", "--service", "web", "--from", "demo/client", "--path", "/slow/1", "--header", "X-Role: admin"))
request = found["answers"][0].get("request", {})
report.check("a request: its route and what is in force", request.get("route") == "slow" and request["timeout_ms"] == 9000 and
             request["fault"]["delay_per_million"] == 500000 and request["rule"]["line"] > 0 and
             found["answers"][0]["verdict"] == "punted", found)
found = only(lab.ctl_json("why", "--service", f"web:{PORT}", "--from", "demo/client", "--path", "/slow/1"))
report.check("without the header another", found["answers"][0]["request"]["timeout_ms"] == 0, found)
said = hold(client, "tcp", lab.vip(3))
found = only(lab.ctl_json("why", str(said["pid"])))
report.check("an open connection that is handed to a worker", found["decided"] is None and
             found["answers"][0]["verdict"] == "punted", found)

for words, status in ((["--service", "nobody"], 1), (["--service", "db", "--from", "demo/none"], 1), (["1.2.3.4:5"], 1),
                      (["x"], 2), ([], 2), (["--service", "db", "5"], 2), (["--service", "db:x"], 1)):
    done = subprocess.run([lab.arguments()[0].replace("heddled", "heddlectl"), "--run-dir", lab.run_dir, "why", *words],
                          capture_output=True, text=True, timeout=60)
    report.check(f"why {' '.join(words)}: status {status} with a reason", done.returncode == status and done.stderr, done)
for process in holders:
    process.stdin.close()
report.done()

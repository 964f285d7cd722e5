#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# maxConnections is exact however many ask at once (specification C.5), and what is open is counted through every kind of end;
# with and without the daemon.
import json

from l4 import Agent, Lab, PORT, Report, record, serve, service, three
from scene import destination_rule, wait_for

LIMIT, CLIENTS, EACH = 37, 20, 10  # 200 connections are asked for at a time
lab = Lab()
report = Report(lab)
pods = [lab.pod(f"db-{i}", app="db") for i in range(2)]
clients = [lab.pod(f"client-{i}", app="client") for i in range(4)]
for pod in pods:
    serve(pod)
closed = lab.pod("closed", app="closed")  # nobody listens
lab.write("20-services", [d for documents in (
    service(lab, "few", 1, pods), service(lab, "shut", 2, [closed]), service(lab, "none", 3, pods)) for d in documents])
lab.write("rules", destination_rule("few", f"{{connectionPool: {{tcp: {{maxConnections: {LIMIT}}}}}}}", subsets=()) + "---\n" +
          destination_rule("shut", "{connectionPool: {tcp: {maxConnections: 1}}}", subsets=()))
lab.start()
agents = [Agent(lab, clients[i % len(clients)]) for i in range(CLIENTS)]
watcher = Agent(lab, clients[0])
name = "outbound|9080||%s.demo.svc.cluster.local"
clusters = {c["name"]: c for c in lab.ctl_json("proxy-config", "clusters")}
ids = {short: clusters[name % short]["id"] for short in ("few", "shut", "none")}


def balance(short):
    """The cluster's record as the kernel has it, with the daemon or without."""
    return record(lab, "balance", ids[short])


def storm(vip):
    """All clients at once: what they have and what was refused."""
    for agent in agents:
        agent.start(do="tcp", host=vip, port=PORT, n=EACH, keep=True)
    return [f for agent in agents for f in agent.answer()]


def drop_all():
    for agent in agents:
        agent.ask(do="drop")


def check(when):
    for family, vip in three(lab.vip(1), lab.vip6(1)):
        what, before = f"{when}{family}", balance("few")["connections_overflow"]
        found = storm(vip)
        open_now = len([f for f in found if f.startswith("db-")])
        refused = found.count("ConnectionRefusedError")
        report.check(f"{what}: 200 ask at once, never one too many is open", open_now <= LIMIT and open_now + refused == CLIENTS * EACH, (open_now, refused))
        report.check(f"{what}: and not one too few, asked one after the other",
                     [bool(f) for f in watcher.tcp(vip, n=LIMIT - open_now, keep=True)] == [True] * (LIMIT - open_now) and
                     watcher.tcp(vip, n=3) == ["ConnectionRefusedError"] * 3 and balance("few")["connections"] == LIMIT, (open_now, balance("few")))
        report.check(f"{what}: each refusal is counted", balance("few")["connections_overflow"] - before == refused + 3, (refused, balance("few")))
        report.check(f"{what}: those that are open work", all(x.startswith("db-") for a in agents for x in a.ask(do="say")))
        watcher.ask(do="drop")
        drop_all()
        report.check(f"{what}: nothing is left", balance("few")["connections"] == 0, balance("few"))
        report.check(f"{what}: the next is served", watcher.tcp(vip)[0].startswith("db-"))
        found = watcher.tcp(lab.vip6(2) if family == "IPv6" else lab.vip(2), n=5)
        report.check(f"{what}: connects that fail give their place back", found == ["ConnectionRefusedError"] * 5 and
                     balance("shut")["connections"] == 0 and balance("shut")["connections_overflow"] == 0, balance("shut"))
        storm(lab.vip6(3) if family == "IPv6" else lab.vip(3))
        report.check(f"{what}: without a limit all are open and counted", balance("none")["connections"] == CLIENTS * EACH, balance("none"))
        drop_all()
        report.check(f"{what}: and given back", balance("none")["connections"] == 0, balance("none"))


check("")
counted = lab.metrics()
report.check("overflow is counted as a verdict", any("overflow" in k and "verdict=" in k and v >= 100 for k, v in counted.items()),
             {k: v for k, v in counted.items() if "overflow" in k})
told = [json.loads(line) for line in lab.ctl("log", "--lines", "4096", "-o", "json").splitlines()]
told = [e for e in told if e["verdict"] == "overflow"]
report.check("log: UO, the service, the client and the rule", told and told[-1]["flag"] == "UO" and told[-1]["service"].startswith("few.demo") and
             told[-1]["rule"].startswith("DestinationRule demo/few rules.yaml:"), told[-1:])
lab.kill_all()
check("daemon dead: ")
found = storm(lab.vip(1))
for agent in agents:
    agent.kill()
wait_for(lambda: balance("few")["connections"] == 0, "what killed clients had open")
report.check("kill -9 of the clients gives all back", True)
agents = [Agent(lab, clients[i % len(clients)]) for i in range(CLIENTS)]
kept = storm(lab.vip(1))
lab.start()
ids = {short: {c["name"]: c for c in lab.ctl_json("proxy-config", "clusters")}[name % short]["id"] for short in ids}
report.check("a new daemon goes on counting", balance("few")["connections"] == LIMIT and watcher.tcp(lab.vip6(1)) == ["ConnectionRefusedError"], balance("few"))
lab.write("rules", destination_rule("few", "{connectionPool: {tcp: {maxConnections: 38}}}", subsets=()))
lab.reload()
report.check("a limit that is raised counts those that are open", watcher.tcp(lab.vip(1), n=2, keep=True)[1] == "ConnectionRefusedError", balance("few"))
drop_all()
watcher.ask(do="drop")
report.check("nothing is left", balance("few")["connections"] == 0, balance("few"))
report.done()

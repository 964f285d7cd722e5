#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Which endpoint a connection gets (specification C.1, C.3, D.4): turns, random, least connections, weights, hashes against a
# model of their own, session affinity; with and without the daemon.
import time

import consistent
from l4 import Agent, Lab, PORT, Report, mapped, serve, service, shares_hold, three
from scene import destination_rule, sh

consistent.check_vectors()
KEYS, N, TIMEOUT_S = 20, 400, 3
WEIGHTS = (1, 2, 5)
lab = Lab()
report = Report(lab)
pods = [lab.pod(f"db-{i}", app="db") for i in range(3)]
clients = [lab.pod(f"client-{i}", app="client") for i in range(3)]
for pod in pods:
    serve(pod)
names = [p.name for p in pods]
name_of = {key: p.name for p in pods for key in (f"{p.ip}:{PORT}", f"[{p.ip6}]:{PORT}")}
keys = [[f"10.243.{lab.number}.{i + 1}" for i in range(KEYS)], [f"fd78:{lab.number}::{i + 1:x}" for i in range(KEYS)]]
for version, network, addresses in (("-4", f"10.243.{lab.number}.0/24", keys[0]), ("-6", f"fd78:{lab.number}::/64", keys[1])):
    sh(["ip", version, "route", "add", network, "dev", clients[0].veth])
    for address in addresses:
        sh(["ip", "-n", clients[0].netns, version, "addr", "add", address, "dev", "eth0"] + (["nodad"] if version == "-6" else []))


def entry(name, n):
    """A ServiceEntry with weights, and an endpoint for each address of the pods."""
    endpoints = "\n".join(f"  - {{address: '{a}', weight: {w}}}" for p, w in zip(pods, WEIGHTS) for a in (p.ip, p.ip6))
    return (f"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {name}, namespace: demo}}\n"
            f"spec:\n  hosts: [{name}.example]\n  resolution: STATIC\n  addresses: ['{lab.vip(n)}', '{lab.vip6(n)}']\n"
            f"  ports: [{{number: {PORT}, name: tcp, protocol: TCP}}]\n  endpoints:\n{endpoints}\n---\n")


def write_sticky(members):
    lab.write("30-sticky", service(lab, "sticky", 6, members, (("tcp", PORT, "TCP"), ("udp", PORT, "UDP")), **affinity))
    if lab.daemon:
        lab.reload()


def policy(host, load_balancer):
    return destination_rule(host, f"{{loadBalancer: {load_balancer}}}", subsets=()).replace(f"name: {host},", f"name: {host.split('.')[0]},") + "---\n"


def by_source(how):
    return f"{{consistentHash: {{useSourceIp: true, {how}}}}}"


affinity = {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": TIMEOUT_S}}}
lab.write("20-services", [d for documents in (
    service(lab, "turns", 1, pods), service(lab, "random", 2, pods), service(lab, "least", 3, pods[:2]), service(lab, "ring", 4, pods),
    service(lab, "maglev", 5, pods),
    service(lab, "loose", 7, pods, **affinity)) for d in documents])
write_sticky(pods)
lab.write("policies", "".join((
    policy("turns", "{simple: ROUND_ROBIN}"), policy("random", "{simple: RANDOM}"), policy("least", "{simple: LEAST_CONN}"),
    policy("ring", by_source("ringHash: {minimumRingSize: 64}")), policy("maglev", by_source("maglev: {tableSize: 65537}")),
    policy("loose", "{simple: ROUND_ROBIN}"),
    entry("wring", 11), policy("wring.example", by_source("ringHash: {minimumRingSize: 100}")),
    entry("wmaglev", 12), policy("wmaglev.example", by_source("maglev: {tableSize: 1021}")),
    entry("wturns", 13), policy("wturns.example", "{simple: ROUND_ROBIN}"),
    entry("wrandom", 14), policy("wrandom.example", "{simple: RANDOM}"),
    entry("wleast", 15), policy("wleast.example", "{simple: LEAST_REQUEST}"))))
lab.start()
agents = [Agent(lab, p) for p in clients]
agent = agents[0]


def at(n):
    return three(lab.vip(n), lab.vip6(n))


def check_turns(when):
    found = []
    for family, vip in at(1):
        found += agent.tcp(vip, n=30)
    report.check(f"{when}ROUND_ROBIN is strict, over all families", set(found[:3]) == set(names) and
                 all(found[i] == found[i - 3] for i in range(3, len(found))), found)
    for family, vip in at(13):
        found = agent.tcp(vip, n=8 * 6)
        first = found[:8]
        report.check(f"{when}{family}: ROUND_ROBIN with weights is strict", [first.count(p) for p in names] == list(WEIGHTS) and
                     first * 6 == found, found)


def check_chances(when):
    for family, vip in at(2):
        found = agent.tcp(vip, n=N)
        report.check(f"{when}{family}: RANDOM", shares_hold(found, dict.fromkeys(names, 1)), found[:9])
    for family, vip in at(14):
        found = agent.tcp(vip, n=N)
        report.check(f"{when}{family}: RANDOM knows no weights", shares_hold(found, dict.fromkeys(names, 1)), found[:9])
    for family, vip in at(15):
        found = agent.tcp(vip, n=N)
        report.check(f"{when}{family}: LEAST_REQUEST draws by weight", shares_hold(found, dict(zip(names, WEIGHTS))), found[:9])


def check_least(when):
    """Of two drawn with replacement the idle one: it gets 3/4."""
    for family, vip in at(3):
        found = agent.tcp(vip, n=N)
        report.check(f"{when}{family}: LEAST_CONN, all idle", shares_hold(found, dict.fromkeys(names[:2], 1)), found[:9])
        busy = agent.tcp(vip, keep=True)[0]
        other = names[1 - names.index(busy)]
        found = agent.tcp(vip, n=N)
        report.check(f"{when}{family}: LEAST_CONN, one busy", shares_hold(found, {busy: 1, other: 3}), (busy, found.count(busy)))
        agent.ask(do="drop")
        # many long connections: they level out
        found = agent.tcp(vip, n=200, keep=True)
        report.check(f"{when}{family}: LEAST_CONN, 200 long connections", abs(found.count(names[0]) - 100) <= 12, found.count(names[0]))
        agent.ask(do="drop")
        found = agent.tcp(vip, n=N)
        report.check(f"{when}{family}: LEAST_CONN, all idle again", shares_hold(found, dict.fromkeys(names[:2], 1)), found[:9])


def check_hashes(when):
    for what, n, weights, model in (("ring", 4, (1, 1, 1), lambda h: (consistent.ring(h, 64), consistent.ring_pick)),
                                    ("Maglev", 5, (1, 1, 1), lambda h: (consistent.maglev(h), consistent.maglev_pick)),
                                    ("ring with weights", 11, WEIGHTS, lambda h: (consistent.ring(h, 100), consistent.ring_pick)),
                                    ("Maglev with weights", 12, WEIGHTS, lambda h: (consistent.maglev(h, 1021), consistent.maglev_pick))):
        for family, vip in at(n):
            six = family == "IPv6"
            table, pick = model([(f"[{p.ip6}]:{PORT}" if six else f"{p.ip}:{PORT}", w) for p, w in zip(pods, weights)])
            wanted = [name_of[pick(table, source)] for source in keys[six]]
            found = [agent.tcp(vip, bind=mapped(source) if family == "v4-mapped" else source)[0] for source in keys[six]]
            report.check(f"{when}{family}: {what} is the model's for {KEYS} addresses", found == wanted, list(zip(keys[six], found, wanted))[:4])
            for client, its in zip(clients, agents):
                wanted = name_of[pick(table, client.ip6 if six else client.ip)]
                found = its.tcp(vip, n=5)
                report.check(f"{when}{family}: {what}, {client.name} by its own address", set(found) == {wanted}, (found, wanted))


def check_affinity_ends(once, ways):
    """Two of three endpoints come back: clients stay at the third until their time is over, and go where they hash to then."""
    write_sticky(pods[:1])
    report.check("sessionAffinity: an endpoint that goes", set(once()) == {names[0]})
    since = time.monotonic()
    write_sticky(pods)
    stayed = once()
    if time.monotonic() - since < TIMEOUT_S:
        report.check("sessionAffinity: who has an endpoint keeps it when better ones come", set(stayed) == {names[0]}, stayed)
    time.sleep(TIMEOUT_S + 0.3)
    tables = [consistent.maglev([(f"[{p.ip6}]:{PORT}" if six else f"{p.ip}:{PORT}", 1) for p in pods]) for six in (0, 1)]
    wanted = [name_of[consistent.maglev_pick(tables[":" in vip], clients[agents.index(a)].ip6 if ":" in vip else clients[agents.index(a)].ip)]
              for a, _, vip in ways]
    found = once()
    report.check("sessionAffinity: ends with its time", found == wanted and set(wanted) != {names[0]}, (found, wanted))


def check_affinity(when):
    ways = [(a, kind, vip) for a in agents for kind in ("tcp", "udp") for vip in (lab.vip(6), lab.vip6(6))]

    def once():
        return [(a.tcp(vip)[0] if kind == "tcp" else a.udp(vip)[0][0]) for a, kind, vip in ways]

    first, since = once(), time.monotonic()
    # slides: together longer than the time
    while time.monotonic() - since < 1.7 * TIMEOUT_S:
        before = time.monotonic()
        found, took = once(), time.monotonic() - before
        if took > TIMEOUT_S / 2:
            continue  # a machine so slow tells nothing
        report.check(f"{when}sessionAffinity: all clients where they were", found == first, (first, found))
        if found != first:
            break
        time.sleep(TIMEOUT_S / 3 - min(took, TIMEOUT_S / 3))
    found = agents[0].tcp(mapped(lab.vip(6)), n=3)
    report.check(f"{when}sessionAffinity: v4-mapped is IPv4", set(found) == {first[0]}, (found, first[0]))
    if not when:
        check_affinity_ends(once, ways)
    found = agent.tcp(lab.vip(7), n=6)
    report.check(f"{when}sessionAffinity: a DestinationRule's loadBalancer comes first", found[:3] == found[3:] and set(found) == set(names), found)


def check(when):
    check_turns(when)
    check_chances(when)
    check_least(when)
    check_hashes(when)
    check_affinity(when)


def active():
    return {(e["fqdn"], e["endpoint"]): e["active"] for e in lab.ctl_json("proxy-config", "endpoints") if e["active"]}


check("")
report.check("all connections were given back", active() == {}, active())
lab.kill_all()
check("daemon dead: ")
report.done()

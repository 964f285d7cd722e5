#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# The kernel ejects endpoints that do not answer, with and without the daemon (specification C.7, C.9, promise P3).
# timeout: 600 (ten ejections, each waited for; of 40 s in VMs)
import json
import os
import time
from scene import Lab, Report, destination_rule, families, sh, wait_for

# What is checked during an ejection takes a second here, and half a minute in a VM without KVM.
EJECTION_S = 40 if os.environ.get("HDL_VM") else 6
FAILURES = 3
KEYS = 24
OUTLIER = (f"outlierDetection: {{splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: {FAILURES}, "
           f"interval: 1s, baseEjectionTime: {EJECTION_S}s, maxEjectionPercent: 50}}}}")
lab = Lab()
report = Report(lab)
client = lab.pod("client")
pods = [lab.pod(f"db-{i}", app="db") for i in range(3)]
servers = {pod.name: pod.serve() for pod in pods}
lab.service("db", 1, {"app": "db"}, port_name="tcp")
lab.service("hashed", 2, {"app": "db"}, port_name="tcp")
lab.write("db", destination_rule("db", "{loadBalancer: {simple: ROUND_ROBIN}, " + OUTLIER, subsets=()))
lab.write("hashed", destination_rule("hashed", "{loadBalancer: {consistentHash: {useSourceIp: true, maglev: {tableSize: 1021}}}, " + OUTLIER, subsets=()))

# Addresses from which the client connects: keys of the hash.
keys = {"IPv4": [f"10.243.{lab.number}.{i + 1}" for i in range(KEYS)], "IPv6": [f"fd78:{lab.number}::{i + 1:x}" for i in range(KEYS)]}
ranges = {"IPv4": ("-4", f"10.243.{lab.number}.0/24", client.ip), "IPv6": ("-6", f"fd78:{lab.number}::/64", client.ip6)}
for name, (version, network, _) in ranges.items():
    sh(["ip", version, "route", "add", network, "dev", client.veth])
    for address in keys[name]:
        sh(["ip", "-n", client.netns, version, "addr", "add", address, "dev", "eth0"] + (["nodad"] if name == "IPv6" else []))

lab.start()
ask = client.client().ask
ids = {(e["endpoint"].split(":")[0], e["fqdn"].split(".")[0]): e["id"] for e in lab.ctl_json("proxy-config", "endpoints")}


def health(pod, service="db"):
    """The pod's record, as the kernel has it: with the daemon or without."""
    key = [str(b) for b in ids[pod.ip, service].to_bytes(4, "little")]
    found = json.loads(sh(["bpftool", "-j", "map", "lookup", "pinned", f"{lab.bpffs}/health", "key", *key]))
    return found.get("formatted", found)["value"]


def is_out(pod, service="db"):
    return health(pod, service)["ejected_until_ns"] > time.monotonic_ns()


def connect(vip, n, **options):
    """n connections with a request each: name of the pod, or the error."""
    answer = ask(host=vip, port=9080, n=n, keep=False, **options)
    return [pod or error for _, pod, _, error in answer["results"]]


def black_hole(pod, yes):
    """The pod does not find the way back to the client: nothing that is sent to it is answered."""
    for version, network, address in ranges.values():
        for destination in (address, network):
            sh(["ip", "-n", pod.netns, version, "route", "add" if yes else "del", "blackhole", destination])


def returned(pod, service="db"):
    wait_for(lambda: not is_out(pod, service), "end of the ejection", 4 * EJECTION_S)


def check_black_hole(what, vip):
    """Out after the configured failures; nobody goes there while it is out; it comes back."""
    pod, others = pods[0], {p.name for p in pods[1:]}
    report.check(f"{what}: all serve before", set(connect(vip, 9)) == {p.name for p in pods})
    black_hole(pod, True)
    # a SYN is sent again after a second, and that is the failure; the client waits a little longer
    found = connect(vip, 3 * (FAILURES - 1), timeout=1.8)
    report.check(f"{what}: {FAILURES - 1} unanswered connects do not eject", not is_out(pod), found)
    report.check(f"{what}: they fail", len([f for f in found if f not in others]) == FAILURES - 1, found)
    connect(vip, 3, timeout=1.8)
    report.check(f"{what}: {FAILURES} do", is_out(pod), health(pod))
    tried = health(pod)["timeouts"]
    start = time.monotonic()
    found = connect(vip, 30)
    report.check(f"{what}: nobody is sent there while it is out", set(found) == others, found)
    report.check(f"{what}: nobody waits", time.monotonic() - start < EJECTION_S and health(pod)["timeouts"] == tried)
    black_hole(pod, False)
    returned(pod)
    report.check(f"{what}: it comes back", set(connect(vip, 9)) == {p.name for p in pods}, health(pod))


def places(name, vip):
    """Which pod each key goes to."""
    return {key: connect(vip, 1, bind=key, timeout=1.8)[0] for key in keys[name]}


def check_keys(what, name, vip):
    """Keys of the others stay where they are; those of the one that is out move, and move back."""
    before = places(name, vip)
    report.check(f"{what}: all pods have keys", set(before.values()) == {p.name for p in pods}, before)
    pod = pods[1]
    mine = [key for key in before if before[key] == pod.name]
    black_hole(pod, True)
    for key in (mine * FAILURES)[:FAILURES]:
        connect(vip, 1, bind=key, timeout=1.8)
    report.check(f"{what}: its keys' failures eject it", is_out(pod, "hashed"), health(pod, "hashed"))
    after = places(name, vip)
    report.check(f"{what}: keys of the others do not move", all(after[k] == before[k] for k in before if k not in mine), (before, after))
    report.check(f"{what}: its own go to the others", all(after[k] in {pods[0].name, pods[2].name} for k in mine), after)
    black_hole(pod, False)
    returned(pod, "hashed")
    report.check(f"{what}: and back", places(name, vip) == before, before)


def check_refused(what, vip):
    """As a black hole, but at once; and of three endpoints one is half of them, two are not."""
    for pod in pods[:2]:
        servers[pod.name].kill()
        servers[pod.name].wait()
    found = connect(vip, 60)
    out = [p.name for p in pods if is_out(p)]
    report.check(f"{what}: maxEjectionPercent 50 of three takes out one of two that refuse", len(out) == 1 and pods[2].name not in out, out)
    refused = len([f for f in found if "Refused" in f])
    report.check(f"{what}: the other goes on failing", FAILURES < refused < 40, refused)
    for pod in pods[:2]:
        servers[pod.name] = pod.serve()
    for pod in pods:
        returned(pod)
    report.check(f"{what}: all serve again", set(connect(vip, 9)) == {p.name for p in pods})


def check_told():
    """Events with names, and the counters of the cluster."""
    # the daemon looks ten times a second
    wait_for(lambda: any('"ejected"' in line for line in lab.ctl("log", "--lines", "4096", "-o", "json").splitlines()), "the event")
    told = [json.loads(line) for line in lab.ctl("log", "--lines", "4096", "-o", "json").splitlines()]
    ejected = [e for e in told if e["kind"] == "ejected" and e["service"].startswith("db.")]
    report.check("log: the ejection, with names", len(ejected) >= 1 and ejected[0]["pod"] == "demo/db-0" and ejected[0]["client"] == "demo/client"
                 and ejected[0]["service"] == "db.demo.svc.cluster.local:9080" and ejected[0]["rule"].startswith("DestinationRule demo/db db.yaml:")
                 and 0 < ejected[0]["ejected_for_ms"] <= (EJECTION_S + 1) * 1000, ejected[:1] or told[-3:])
    timeouts = [e for e in told if e["kind"] == "timeout"]
    report.check("log: what made it so", len(timeouts) >= FAILURES and timeouts[0]["endpoint"] == f"{pods[0].ip}:9080"
                 and timeouts[0]["timeouts_in_a_row"] == 1, timeouts[:1])
    text = lab.ctl("log", "--lines", "4096")
    report.check("log: for people", " ejected " in text and "demo/db-0" in text, text[-400:])
    metrics = lab.metrics()
    name = 'heddle_cluster_%s{cluster_name="outbound|9080||db.demo.svc.cluster.local"}'
    report.check("metrics: ejections and time-outs of the cluster", metrics.get(name % "ejections_total", 0) >= 1
                 and metrics.get(name % "timeouts_total", 0) >= FAILURES, [m for m in metrics if "heddle_cluster" in m])
    row = [e for e in lab.ctl_json("proxy-config", "endpoints") if e["id"] == ids[pods[0].ip, "db"]][0]
    report.check("proxy-config endpoints: what the kernel counts", row["timeouts"] >= FAILURES and row["rtt_us"] > 0 and row["retransmits"] > 0, row)


for family, service in families(lab, 1)[:2]:
    check_black_hole(f"{family}", service)
    check_keys(f"{family}: Maglev", family, dict(families(lab, 2))[family])
    if family == "IPv4":
        check_told()
check_refused("IPv4: refused", lab.vip(1))
lab.ctl("log", "--sample", "1")
connect(lab.vip(1), 3)
wait_for(lambda: '"balanced"' in lab.ctl("log", "-o", "json"), "a decision without error among the events")
lab.ctl("log", "--sample", "0")
lab.kill_all()
for family, service in families(lab, 1)[:2]:
    check_black_hole(f"{family}: daemon dead", service)
check_refused("IPv6: daemon dead: refused", lab.vip6(1))
lab.start()
report.check("a restarted daemon finds them all well", [is_out(p) for p in pods] == [False] * 3 and set(connect(lab.vip(1), 9)) == {p.name for p in pods})
report.done()

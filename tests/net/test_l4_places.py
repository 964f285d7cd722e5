#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Localities, spill-over and panic with endpoints that the kernel ejects, and warm-up (specification C.2, C.4) at layer 4; with
# and without the daemon.
# timeout: 240 (ejections and windows of warm-up are waited for)
import os
import time

from l4 import Agent, Lab, PORT, Report, record, serve, service, shares_hold, three
from scene import binomial_band, destination_rule, wait_for

EJECTION_S = 60 if os.environ.get("HDL_VM") else 12
WARM_S = 60 if os.environ.get("HDL_VM") else 10
FAILURES, N = 3, 500
OUTLIER = (f"outlierDetection: {{splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: {FAILURES}, interval: 1s, "
           f"baseEjectionTime: {EJECTION_S}s, maxEjectionPercent: 100")
lab = Lab()
report = Report(lab)
client = lab.pod("client", app="client")
places = {"near-1": "r/z1", "near-2": "r/z1", "middle": "r/z2", "far": "q/z3", "further": "p/z4"}
pods = {name: lab.pod(name, app="x") for name in places}
servers = {name: serve(pod) for name, pod in pods.items()}
warm = [lab.pod(f"warm-{i}", app="warm") for i in range(3)]
for pod in warm:
    serve(pod)


def entry(n, name, members, load_balancer, more=""):
    """A ServiceEntry of pods at their places; an endpoint for each address."""
    endpoints = "\n".join(f"  - {{address: '{a}', locality: {places[m]}}}" for m in members for a in (pods[m].ip, pods[m].ip6))
    return (f"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {name}, namespace: demo}}\n"
            f"spec:\n  hosts: [{name}.example]\n  resolution: STATIC\n  addresses: ['{lab.vip(n)}', '{lab.vip6(n)}']\n"
            f"  ports: [{{number: {PORT}, name: tcp, protocol: TCP}}]\n  endpoints:\n{endpoints}\n---\n" +
            destination_rule(f"{name}.example", f"{{loadBalancer: {load_balancer}, {OUTLIER}{more}}}}}", subsets=()).replace(
                f"name: {name}.example,", f"name: {name},") + "---\n")


lab.write("entries", entry(1, "failover", ("near-1", "middle", "further", "far"), "{simple: ROUND_ROBIN, localityLbSetting: {failover: [{from: r, to: q}]}}") +
          entry(2, "spill", ("near-1", "near-2", "far"), "{simple: RANDOM}") +
          entry(3, "shares", ("near-1", "near-2", "middle", "far"), "{simple: RANDOM, localityLbSetting: {distribute: [{from: r/z1/*, to: {r/z1/*: 80, r/z2/*: 20}}]}}") +
          entry(4, "panic", ("near-1", "near-2"), "{simple: RANDOM, localityLbSetting: {enabled: false}}", ", minHealthPercent: 60") +
          entry(5, "calm", ("near-1", "near-2"), "{simple: RANDOM, localityLbSetting: {enabled: false}}", ", minHealthPercent: 40"))
lab.write("warm", destination_rule("warm", f"{{loadBalancer: {{simple: ROUND_ROBIN, warmup: {{duration: {WARM_S}s, minimumPercent: 10}}}}}}", subsets=()))


def write_warm(members):
    lab.write("20-warm", service(lab, "warm", 6, members))


write_warm(warm[:2])
lab.write_cluster(locality={"region": "r", "zone": "z1"})
lab.start()
started = time.monotonic()
agent = Agent(lab, client)
ids = {}
for row in lab.ctl_json("proxy-config", "endpoints"):
    for name, pod in pods.items():
        if row["endpoint"] in (f"{pod.ip}:{PORT}", f"[{pod.ip6}]:{PORT}"):
            ids.setdefault((row["fqdn"].split(".")[0], name), []).append(row["id"])


def is_out(service_name, pod, n):
    return sum(record(lab, "health", i)["ejected_until_ns"] > time.monotonic_ns() for i in ids[service_name, pod]) >= n


def count(found):
    return {x: found.count(x) for x in set(found)}


def stop(*names):
    for name in names:
        servers[name].kill()
        servers[name].wait()


def go(*names):
    for name in names:
        servers[name] = serve(pods[name])


def eject(n, service_name, pod):
    """Until both addresses of the stopped server are out."""
    for vip in (lab.vip(n), lab.vip6(n)):
        for _ in range(20):
            if agent.tcp(vip, n=10).count("ConnectionRefusedError") == 0:
                break
    return is_out(service_name, pod, 2)


def back(service_name, *names):
    wait_for(lambda: not any(is_out(service_name, p, 1) for p in names), "end of the ejections", 4 * EJECTION_S)


def only(what, n, wanted):
    for family, vip in three(lab.vip(n), lab.vip6(n)):
        found = agent.tcp(vip, n=20)
        report.check(f"{what}: {family}", set(found) == {wanted}, count(found))


def check(when):
    only(f"{when}failover: the zone of the node", 1, "near-1")
    for family, vip in three(lab.vip(3), lab.vip6(3)):
        found = agent.tcp(vip, n=N)
        report.check(f"{when}distribute 80 to 20: {family}", shares_hold(found, {"near-1": 40, "near-2": 40, "middle": 20}), count(found))
    for n in (2, 4, 5):
        for family, vip in three(lab.vip(n), lab.vip6(n)):
            found = agent.tcp(vip, n=N)
            report.check(f"{when}service {n}, all healthy: {family}", shares_hold(found, {"near-1": 1, "near-2": 1}), count(found))
    stop("near-1")
    for n, name in ((2, "spill"), (3, "shares"), (5, "calm"), (1, "failover"), (4, "panic")):
        if name != "panic":
            report.check(f"{when}{name}: near-1 is ejected", eject(n, name, "near-1"))
    for what, n, name, weights in (("half of the first priority: 70 to 30", 2, "spill", {"near-2": 70, "far": 30}),
                                   ("half of the locality: 56 to 20", 3, "shares", {"near-2": 56, "middle": 20}),
                                   ("no panic above the threshold", 5, "calm", {"near-2": 1})):
        for family, vip in three(lab.vip(n), lab.vip6(n)):
            found = agent.tcp(vip, n=N)
            if is_out(name, "near-1", 2):
                report.check(f"{when}{what}: {family}", shares_hold(found, weights), count(found))
    only(f"{when}failover: the other zone", 1, "middle")
    stop("middle")
    report.check(f"{when}failover: middle is ejected", eject(1, "failover", "middle"))
    only(f"{when}failover: the region that is named", 1, "far")
    for vip in (lab.vip(4), lab.vip6(4)):
        agent.tcp(vip, n=60)
    found = agent.tcp(lab.vip(4), n=N)
    if is_out("panic", "near-1", 2):
        report.check(f"{when}panic below the threshold: the ejected one is tried, too", shares_hold(found, {"near-2": 1, "ConnectionRefusedError": 1}), count(found))
    else:
        report.check(f"{when}panic: near-1 is ejected", False, count(found))
    go("near-1", "middle")
    for name in ("spill", "shares", "failover", "panic", "calm"):
        back(name, "near-1", "middle" if name == "failover" else "near-1")
    only(f"{when}failover: back to the zone of the node", 1, "near-1")


def check_warm_up():
    """Shares of an endpoint that is new: between those of the youngest and the oldest that it can be (C.2, aggression 1)."""
    time.sleep(max(0, started + WARM_S + 0.5 - time.monotonic()))
    found = agent.tcp(lab.vip(6), n=60)
    report.check("warm-up: the first ones share", count(found) == {"warm-0": 30, "warm-1": 30}, count(found))
    before = time.monotonic()
    write_warm(warm)
    lab.reload()
    after = time.monotonic()

    def share(elapsed):
        part = min(1.0, max(elapsed / WARM_S, 0.1))
        return part / (2 + part)

    first = None
    while time.monotonic() - after < WARM_S:
        for vip in (lab.vip(6), lab.vip6(6)):
            t0 = time.monotonic()
            found = agent.tcp(vip, n=N)
            t1 = time.monotonic()
            low, high = binomial_band(N, share(t0 - after), 1e-6)[0], binomial_band(N, share(t1 - before), 1e-6)[1]
            got = found.count("warm-2")
            report.check(f"warm-up: {t0 - after:.1f} s after it came", low <= got <= high and set(found) <= {p.name for p in warm}, (low, got, high))
            first = got if first is None else first
        time.sleep(WARM_S / 10)
    found = agent.tcp(lab.vip(6), n=60)
    report.check("warm-up: in the end all share", count(found) == dict.fromkeys((p.name for p in warm), 20), count(found))
    report.check("warm-up: it began with less", first < N // 4, first)


check("")
check_warm_up()
lab.kill_all()
check("daemon dead: ")
report.done()

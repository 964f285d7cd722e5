#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Outlier ejection: counted exactly, shared with the kernel, visible in bpftool, ended in time (specification C.7).
import json
import os
from scene import Lab, Report, destination_rule, families, pods_of, sh, statuses, to, virtual_service, wait_for

# What is checked during an ejection takes a second here, and half a minute in a VM without KVM.
EJECTION_S = 60 if os.environ.get("HDL_VM") else 3
POLICY = ("{loadBalancer: {simple: ROUND_ROBIN}, outlierDetection: {consecutive5xxErrors: 3, interval: 1s, "
          f"baseEjectionTime: {EJECTION_S}s, maxEjectionPercent: %d}}}}")
lab = Lab()
report = Report(lab)
client = lab.pod("client")
r1, r2 = (lab.pod(f"ratings-{i}", app="ratings") for i in (1, 2))
r1.serve()
r2.serve()
lab.service("ratings", 1, {"app": "ratings"})
# A TCP service whose route leads to the same cluster: what its connect() avoids is what the proxy ejected.
lab.service("raw", 2, {"app": "ratings"}, port_name="tcp")
lab.write("ratings", destination_rule("ratings", POLICY % 60, subsets=()) + "---\n"
          + virtual_service("ratings", f"- route: [{to('ratings')}]\n  retries: {{attempts: 0}}"))
lab.write("raw", virtual_service("raw", "- route: [{destination: {host: ratings, port: {number: 9080}}}]", kind="tcp"))
lab.start()
ask = client.client().ask


def outlier_column():
    lines = lab.ctl("proxy-config", "endpoints").splitlines()
    return {p.name: any(line.startswith(f"{p.ip}:9080") and "FAILED" in line and "||ratings" in line for line in lines) for p in (r1, r2)}


def dumped_ejections():
    """Endpoints that bpftool shows with an ejection time in the health map."""
    records = json.loads(sh(["bpftool", "-j", "map", "dump", "pinned", f"{lab.bpffs}/health"]))
    return [r for r in records if r.get("formatted", r).get("value", {}).get("ejected_until_ns")]


for family, vip in families(lab, 1)[:2]:
    raw = dict(families(lab, 2))[family]
    target = {"host": vip, "port": 9080, "authority": "ratings.demo"}
    report.check(f"{family}: both serve layer 4 before", set(pods_of(ask(host=raw, port=9080, n=10, keep=False))) == {r1.name, r2.name})
    r1.behave(status=500)
    answer = ask(**target, n=40)
    report.check(f"{family}: three failures, then none", statuses(answer).count(500) == 3, statuses(answer))
    report.check(f"{family}: proxy-config shows it", outlier_column() == {r1.name: True, r2.name: False}, outlier_column())
    report.check(f"{family}: bpftool shows it in the health map", len(dumped_ejections()) == 1, dumped_ejections())
    report.check(f"{family}: connect() at layer 4 avoids it", set(pods_of(ask(host=raw, port=9080, n=20, keep=False))) == {r2.name})
    r1.behave()
    wait_for(lambda: not outlier_column()[r1.name], "end of the ejection", 4 * EJECTION_S)
    report.check(f"{family}: it returns", set(pods_of(ask(**target, n=10))) == {r1.name, r2.name})
    report.check(f"{family}: and in the kernel", set(pods_of(ask(host=raw, port=9080, n=10, keep=False))) == {r1.name, r2.name})

lab.write("ratings", destination_rule("ratings", POLICY % 40, subsets=()) + "---\n"
          + virtual_service("ratings", f"- route: [{to('ratings')}]\n  retries: {{attempts: 0}}"))
lab.reload()
r1.behave(status=500)
answer = ask(host=lab.vip(1), port=9080, authority="ratings.demo", n=40)
report.check("maxEjectionPercent 40 of two endpoints: none is ejected", statuses(answer).count(500) == 20, statuses(answer).count(500))
r1.behave()
lab.ctl("endpoint", "eject", f"{r2.ip}:9080")
report.check("ejected by hand", set(pods_of(ask(host=lab.vip(1), port=9080, authority="ratings.demo", n=10))) == {r1.name})
lab.ctl("endpoint", "restore", f"{r2.ip}:9080")
report.check("restored by hand", set(pods_of(ask(host=lab.vip(1), port=9080, authority="ratings.demo", n=10))) == {r1.name, r2.name})
report.done()

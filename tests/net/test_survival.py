#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# kill -9 of the worker and of everything: what was decided stays, new connections are served (promise P3, P4).
import os
import signal
import time
from scene import Lab, Report, binomial_band, destination_rule, families, pods_of, statuses, to, virtual_service, wait_for

lab = Lab()
report = Report(lab)
client, second = lab.pod("client"), lab.pod("second")
for app in ("reviews", "db"):
    for version in ("v1", "v2"):
        lab.pod(f"{app}-{version}", app=app, version=version).serve()
lab.service("reviews", 1, {"app": "reviews"})
lab.service("db", 2, {"app": "db"}, port_name="tcp")
lab.write("reviews", destination_rule("reviews") + "---\n" + virtual_service(
    "reviews", f"- timeout: 20s\n  route: [{to('reviews', 'v1', 50)}, {to('reviews', 'v2', 50)}]"))
lab.write("db", destination_rule("db") + "---\n" + virtual_service(
    "db", f"- route: [{to('db', 'v1', 80)}, {to('db', 'v2', 20)}]", kind="tcp"))
lab.start()
web, raw = client.client(), second.client()


def http(vip):
    return {"host": vip, "port": 9080, "authority": "reviews.demo"}


for family, vip in families(lab, 1)[:2]:
    db = dict(families(lab, 2))[family]
    # a layer-4 connection and a queue of new requests over the death of the worker
    raw.start(host=db, port=9080, n=40, headers=[["x-do-delay_s", "0.05"]])
    worker = lab.worker_pid()
    os.kill(worker, signal.SIGKILL)
    answer = web.ask(**http(vip), n=20, keep=False)
    report.check(f"{family}: worker killed: connections made meanwhile are served", set(statuses(answer)) == {200}, answer["results"][:3])
    report.check(f"{family}: the first of them within a second", answer["results"][0][2] < 1.0, answer["results"][0])
    wait_for(lambda: len(lab.daemon_pids()) > 1 and lab.worker_pid() != worker, "a new worker")
    answer = raw.answer()
    report.check(f"{family}: kernel-decided connection did not notice", set(statuses(answer)) == {200} and len(set(pods_of(answer))) == 1,
                 answer["results"][-1])

    raw.start(host=db, port=9080, n=40, headers=[["x-do-delay_s", "0.05"]])
    wait_for(lambda: any("x-do-delay_s" in str(r["headers"]) for p in lab.pods[4:] for r in p.seen()[-1:]), "the long connection")
    lab.kill_all()
    answer = raw.answer()
    report.check(f"{family}: all killed: connection goes on", set(statuses(answer)) == {200} and len(set(pods_of(answer))) == 1,
                 answer["results"][-1])
    answer = raw.ask(host=db, port=9080, n=400, keep=False)
    low, high = binomial_band(400, 0.2)
    count = pods_of(answer).count("db-v2")
    report.check(f"{family}: all killed: new connections are balanced 80/20", set(statuses(answer)) == {200} and low <= count <= high, count)
    answer = web.ask(**http(vip), n=100, keep=False)
    report.check(f"{family}: fail mode open serves http at layer 4", set(statuses(answer)) == {200}
                 and set(pods_of(answer)) == {"reviews-v1", "reviews-v2"}, answer["results"][0])
    lab.start()
    answer = web.ask(**http(vip), n=50)
    report.check(f"{family}: a restarted daemon adopts and serves", set(statuses(answer)) == {200}, answer["results"][0])
    report.check(f"{family}: through the proxy again", "x-envoy-upstream-service-time" in dict(answer["last"]["headers"]), answer["last"])

lab.write("00-node", [lab.node_config(failMode="closed")])
lab.reload()
lab.kill_all()
for family, vip in families(lab, 1)[:2]:
    answer = web.ask(**http(vip), n=3, keep=False, timeout=5)
    report.check(f"{family}: fail mode closed refuses at once",
                 all("ConnectionRefused" in str(r[3]) and r[2] < 1 for r in answer["results"]), answer["results"])
lab.start()
start = time.monotonic()
status = lab.stop()
report.check("SIGTERM ends with status 0", status == 0, status)
report.check("at once when nothing is in flight", time.monotonic() - start < 10)
answer = raw.ask(host=lab.vip(2), port=9080, n=50, keep=False)
report.check("pins stay after SIGTERM: connections are balanced", set(statuses(answer)) == {200})
lab.start()
report.done()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Processes of the node itself: layer 4 by connect(), requests by connect rewrite to a worker.
import subprocess
from scene import Lab, PYTHON, Report, destination_rule, families, pods_of, statuses, to, virtual_service
from lab import HERE, Client

lab = Lab()
report = Report(lab)
for version in ("v1", "v2"):
    lab.pod(f"reviews-{version}", app="reviews", version=version).serve()
lab.pod("db", app="db").serve()
lab.service("reviews", 1, {"app": "reviews"})
lab.service("db", 2, {"app": "db"}, port_name="tcp")
lab.write("reviews", destination_rule("reviews") + "---\n" + virtual_service("reviews", f"""
- match: [{{headers: {{x-v: {{exact: "2"}}}}}}]
  route: [{to("reviews", "v2")}]
- route: [{to("reviews", "v1")}]
"""))
lab.start()
process = subprocess.Popen(lab.in_cgroup([PYTHON, f"{HERE}/client.py"]), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
lab.processes.append(process)
ask = Client(process).ask
for n, (family, vip) in enumerate(families(lab, 1)):
    answer = ask(host=vip, port=9080, authority="reviews.demo", n=20, headers=[["x-v", "2"]])
    report.check(f"{family}: host process is routed by header", set(pods_of(answer)) == {"reviews-v2"}, answer["results"][0])
    report.check(f"{family}: without the header", set(pods_of(ask(host=vip, port=9080, authority="reviews.demo", n=20))) == {"reviews-v1"})
    report.check(f"{family}: getpeername answers the service address",
                 answer["last"] and answer["last"]["peer"][0].replace("::ffff:", "") == vip.replace("::ffff:", ""),
                 answer["last"] and answer["last"]["peer"])
    report.check(f"{family}: layer 4 for the host", pods_of(ask(host=families(lab, 2)[n][1], port=9080)) == ["db"])
answer = ask(host=lab.vip(1), port=9080, authority="reviews.demo", n=300, keep=False)
report.check("300 connections of the host, none lost", statuses(answer) == [200] * 300, answer["results"][-1])
report.done()

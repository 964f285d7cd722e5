#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# acceleration.sockmap: off by default; with auto the self-test decides, says why, leaves nothing, and all traffic is as it was.
import glob
import os
import signal
from scene import Lab, Report, destination_rule, families, pods_of, statuses, to, virtual_service, wait_for

FEATURE = "short cut between sockets"
# what sockets of every kernel tried so far do otherwise than with TCP, or what an old one lacks
KNOWN = ("EAGAIN after a signal", "splice() finds nothing", "msg_tot_len")

lab = Lab()
report = Report(lab)
for version in ("v1", "v2"):
    lab.pod(f"reviews-{version}", app="reviews", version=version).serve()
lab.pod("db", app="db").serve()
client = lab.pod("client", app="client")
lab.service("reviews", 1, {"app": "reviews"})
lab.service("db", 2, {"app": "db"}, port_name="tcp")
lab.write("reviews", destination_rule("reviews") + "---\n" + virtual_service("reviews", f"""
- match: [{{headers: {{x-v: {{exact: "2"}}}}}}]
  route: [{to("reviews", "v2")}]
- route: [{to("reviews", "v1")}]
"""))


def shortcut():
    return next(f for f in lab.ctl_json("status")["kernel"]["features"] if f["name"] == FEATURE)


def children():
    """Processes whose parent is the keeper."""
    return {int(p) for t in glob.glob(f"/proc/{lab.daemon.pid}/task/*/children") for p in open(t, encoding="ascii").read().split()}


def traffic(when):
    session = client.client()
    for n, (family, vip) in enumerate(families(lab, 1)):
        answer = session.ask(host=vip, port=9080, authority="reviews.demo", n=20, headers=[["x-v", "2"]])
        report.check(f"{when}, {family}: by header", set(pods_of(answer)) == {"reviews-v2"}, answer["results"][0])
        answer = session.ask(host=vip, port=9080, authority="reviews.demo", n=3, method="POST", body="x" * 200_000)
        report.check(f"{when}, {family}: bodies", statuses(answer) == [200] * 3, answer["results"])
        report.check(f"{when}, {family}: layer 4", pods_of(session.ask(host=families(lab, 2)[n][1], port=9080)) == ["db"])


lab.write_cluster(acceleration={"sockmap": "auto"})
lab.start()
found = shortcut()
report.check("auto: status says whether, and why", found["in_force"] or any(k in found["detail"] for k in KNOWN), found)
report.check("auto: the log, too", found["in_force"] or "acceleration.sockmap is off" in open(f"{lab.dir}/heddled.log", encoding="utf-8").read())
report.check("the self-test is over", children() == {lab.worker_pid()}, children())
traffic("auto")
worker = lab.worker_pid()
os.kill(worker, signal.SIGKILL)
wait_for(lambda: children() not in (set(), {worker}), "another worker process")
lab.ctl("wait", "--timeout", "60")
report.check("the next worker process is told the same", shortcut() == found, shortcut())
traffic("auto, another worker process")
lab.stop()
lab.write_cluster()
lab.start()
found = shortcut()
report.check("default: off, and status says so", not found["in_force"] and "NodeConfig" in found["detail"], found)
traffic("off")
report.done()

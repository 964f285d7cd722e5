#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Endpoints that refuse, swallow or reset, seen by layer 4 and by the proxy; descriptors that run out.
import subprocess
from scene import Lab, PYTHON, Report, destination_rule, families, sh, statuses, to, virtual_service, wait_for

lab = Lab()
report = Report(lab)
client = lab.pod("client")
good = lab.pod("good", app="web", kind="good")
good.serve()
lab.pod("refusing", app="web", kind="refusing")
hole = lab.pod("hole", app="web", kind="hole")
sh(f"ip netns exec {hole.netns} ip link set eth0 down")
lab.service("web", 1, {"app": "web"})
for n, kind in enumerate(("refusing", "hole")):
    lab.service(f"raw-{kind}", 2 + n, {"app": "web", "kind": kind}, port_name="tcp")
subsets = "\n".join(f"  - {{name: {k}, labels: {{kind: {k}}}}}" for k in ("good", "refusing", "hole"))
lab.write("web", destination_rule("web", "{connectionPool: {tcp: {connectTimeout: 0.3s}}}", subsets=()) + "  subsets:\n" + subsets
          + "\n---\n" + virtual_service("web", "".join(
              f"- match: [{{uri: {{prefix: /{k}}}}}]\n  retries: {{attempts: 0}}\n  route: [{to('web', k)}]\n" for k in ("good", "refusing", "hole"))))
# So few descriptors that clients can use them up; without CAP_SYS_RESOURCE the daemon cannot raise the limit.
DESCRIPTORS = 160
lab.start(wrapper=["prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}", "setpriv", "--bounding-set=-sys_resource"])
ask = client.client().ask
PREFIX = "upstream connect error or disconnect/reset before headers. reset reason: "
for family, vip in families(lab, 1)[:2]:
    target = {"host": vip, "port": 9080, "authority": "web.demo"}
    for path, body in (("/refusing", PREFIX + "remote connection failure"), ("/hole", PREFIX + "connection timeout")):
        last = ask(**target, path=path)["last"]
        report.check(f"{family}: {path}: 503", last and (last["status"], last["body"]) == (503, body), last)
    report.check(f"{family}: the connection goes on", statuses(ask(**target, path="/good", n=5)) == [200] * 5)
    last = ask(**target, path="/good", headers=[["x-do-reset", "1"]])["last"]
    report.check(f"{family}: reset before headers: 503 UC", last and (last["status"], last["body"]) == (503, PREFIX + "connection termination"), last)
    result = ask(host=dict(families(lab, 2))[family], port=9080)["results"][0]
    report.check(f"{family}: layer 4: refusal reaches the client as it is", "ConnectionRefused" in str(result[3]), result)
counted = [entry["value"]["connect_failures"] for entry in lab.ctl_json("maps", "health")]
report.check("connect failures are counted by the kernel", sum(counted) == 2, counted)

# No descriptor left in the worker: it must survive, say so, and go on when some are free again.
HOLD = """
import socket, sys
held = []
for i in range(int(sys.argv[2])):
    held.append(socket.create_connection((sys.argv[1], 9080), timeout=5))
print("held", flush=True)
sys.stdin.read()
"""
worker = lab.worker_pid()
holder = client.run([PYTHON, "-c", HOLD, lab.vip(1), str(DESCRIPTORS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
report.check("more connections than descriptors: all are taken by the kernel", holder.stdout.readline() == "held\n")
wait_for(lambda: any("limit" in k and "connections" in k and v > 0 for k, v in lab.metrics().items()), "the counter of the limit")
report.check("taking connections pauses before the descriptors run out, and is counted", True)
holder.stdin.close()
holder.wait()
wait_for(lambda: statuses(ask(host=lab.vip(1), port=9080, authority="web.demo", path="/good", n=5, keep=False, timeout=2)) == [200] * 5, "recovery")
report.check("serves again when descriptors are free", True)
report.check("by the same worker process", lab.worker_pid() == worker)
report.done()

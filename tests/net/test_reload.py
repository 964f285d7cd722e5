#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Changes of the configuration: atomic, without a lost request, and the last good version stays in force.
import os
import re
import subprocess
from scene import BUILD, Lab, Report, destination_rule, pods_of, statuses, to, virtual_service, wait_for


def split(v1, v2):
    return destination_rule("reviews") + "---\n" + virtual_service(
        "reviews", f"- timeout: 20s\n  route: [{to('reviews', 'v1', v1)}, {to('reviews', 'v2', v2)}]")


def tcp_split(v1, v2):
    return destination_rule("db") + "---\n" + virtual_service(
        "db", f"- route: [{to('db', 'v1', v1)}, {to('db', 'v2', v2)}]", kind="tcp")


lab = Lab()
report = Report(lab)
client, second = lab.pod("client"), lab.pod("second")
for app in ("reviews", "db"):
    for version in ("v1", "v2"):
        lab.pod(f"{app}-{version}", app=app, version=version).serve()
lab.service("reviews", 1, {"app": "reviews"})
lab.service("db", 2, {"app": "db"}, port_name="tcp")
lab.write("reviews", split(100, 0))
lab.write("db", tcp_split(100, 0))
lab.start()
web, raw = client.client(), second.client()
HTTP = {"host": lab.vip(1), "port": 9080, "authority": "reviews.demo"}
TCP = {"host": lab.vip(2), "port": 9080, "keep": False}


def serving(question=None):
    return set(pods_of(web.ask(**(question or HTTP), n=30)))


web.start(**HTTP, n=6000)
raw.start(**TCP, n=3000)
for i in range(40):
    lab.write("reviews", split(0, 100) if i % 2 == 0 else split(100, 0))
    lab.write("db", tcp_split(0, 100) if i % 2 == 0 else tcp_split(100, 0))
    lab.reload()
answer, raw_answer = web.answer(), raw.answer()
report.check("40 reloads under load: no request fails", set(statuses(answer)) == {200}, answer["results"][-1])
report.check("and no connection", set(statuses(raw_answer)) == {200}, [r for r in raw_answer["results"] if r[0] != 200][:3])
lab.write("reviews", split(0, 100))
lab.write("db", tcp_split(0, 100))
lab.reload()
report.check("reload returns when it is in force: requests", serving() == {"reviews-v2"})
report.check("reload returns when it is in force: connections", serving(TCP) == {"db-v2"})

GOOD = split(0, 100)
BAD = {
    "unknown field": (split(100, 0).replace("timeout:", "timeoot:"), "timeoot"),
    "negative weight": (split(-1, 101), "weight"),
    "wrong type": (split(100, 0).replace("timeout: 20s", "timeout: [20]"), "timeout"),
    "truncated document": (split(100, 0)[:-25], ""),
    "half-written flow": (split(100, 0).rsplit("}", 2)[0], ""),
    "bad regex": (destination_rule("reviews") + "---\n" + virtual_service("reviews", f"- match: [{{uri: {{regex: 'a('}}}}]\n  route: [{to('reviews', 'v1')}]"), "regex"),
    "tab": (split(100, 0).replace("  hosts", "\thosts"), ""),
}
for name, (text, field) in BAD.items():
    lab.write("reviews", text)
    lab.ctl("reload", check=False)
    report.check(f"{name}: the last good version stays", serving() == {"reviews-v2"}, serving())
    done = subprocess.run([f"{BUILD}/heddled", "--validate", "--config", lab.conf], capture_output=True, text=True)
    report.check(f"{name}: --validate exits 3 and names file, line and field",
                 done.returncode == 3 and re.search(rf"reviews\.yaml:\d+:\d+: .*{field}", done.stderr + done.stdout),
                 (done.returncode, done.stderr))
    lab.write("reviews", GOOD)
    lab.reload()
report.check("proxy-status is clean again", "refused" not in lab.ctl("proxy-status"), lab.ctl("proxy-status"))

# Without `reload`: the watch alone, for each way in which editors and Kubernetes change files.
os.makedirs(f"{lab.conf}/..data_1")
with open(f"{lab.conf}/..data_1/map.yaml", "w", encoding="utf-8") as f:
    f.write(split(100, 0))
os.symlink("..data_1", f"{lab.conf}/..data")
os.symlink("..data/map.yaml", f"{lab.conf}/map.yaml")
lab.remove("reviews")
wait_for(lambda: serving() == {"reviews-v1"}, "symlinked file in force", 5)
os.makedirs(f"{lab.conf}/..data_2")
with open(f"{lab.conf}/..data_2/map.yaml", "w", encoding="utf-8") as f:
    f.write(split(0, 100))
os.symlink("..data_2", f"{lab.conf}/..data_tmp")
os.rename(f"{lab.conf}/..data_tmp", f"{lab.conf}/..data")
wait_for(lambda: serving() == {"reviews-v2"}, "swapped ..data in force", 5)
report.check("..data swap as Kubernetes does it", True)
with open(f"{lab.conf}/..data_2/map.yaml", "r+", encoding="utf-8") as f:
    f.write(split(100, 0))
    f.truncate()
wait_for(lambda: serving() == {"reviews-v1"}, "in-place edit in force", 5)
report.check("edit in place", True)
os.unlink(f"{lab.conf}/map.yaml")
wait_for(lambda: serving({**HTTP, "keep": False}) == {"reviews-v1", "reviews-v2"}, "deletion in force", 5)
report.check("deleted file: the service is balanced without rule", True)
report.done()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# The accepted version of a document outlives the daemon, while the files hold something that is refused.
# not in VMs: nothing here depends on the kernel, and processors emulated for an hour are dear
import os
from scene import Lab, Report, destination_rule, pods_of, to, virtual_service, wait_for


def route(subset):
    return destination_rule("reviews") + "---\n" + virtual_service("reviews", f"- timeout: 20s\n  route: [{to('reviews', subset)}]")


lab = Lab()
report = Report(lab)
client = lab.pod("client")
for version in ("v1", "v2"):
    lab.pod(f"reviews-{version}", app="reviews", version=version).serve()
lab.service("reviews", 1, {"app": "reviews"})
lab.write("reviews", route("v1"))
lab.start()
web = client.client()
state = f"{lab.run_dir}/state"


def serving():
    return set(pods_of(web.ask(host=lab.vip(1), port=9080, authority="reviews.demo", keep=False, n=30)))


def restart():
    wait_for(lambda: os.path.exists(state), "a state file", 5)
    lab.kill_all()
    lab.start()


def objects():
    return {o["name"]: o for o in lab.ctl_json("proxy-status")["rows"] if o["type"] == "object"}


report.check("one version", serving() == {"reviews-v1"})
wait_for(lambda: os.path.exists(state), "a state file", 5)
report.check("only root reads the state file", os.stat(state).st_mode & 0o777 == 0o600)
GOOD = route("v1")
BAD = {
    "unknown field": route("v2").replace("timeout:", "timeoot:"),
    "not YAML": route("v2")[:-12],
    "empty name": route("v2").replace("name: reviews, namespace: demo}\nspec:\n  hosts", "namespace: demo}\nspec:\n  hosts"),
}
for name, text in BAD.items():
    lab.write("reviews", text)
    lab.ctl("reload", check=False)
    report.check(f"{name}: the accepted version stays", serving() == {"reviews-v1"})
    restart()
    report.check(f"{name}: also after kill -9 and a start", serving() == {"reviews-v1"}, lab.log_tail())
    report.check(f"{name}: proxy-status says it", "STALE" in lab.ctl("proxy-status"))
    lab.write("reviews", GOOD)
    lab.reload()
lab.write("reviews", BAD["unknown field"])
lab.ctl("reload", check=False)
row = objects().get("VirtualService demo/reviews")
report.check("the object is named with the epoch that stays", row and 0 < row["epoch"] and
             f"version of epoch {row['epoch']} stays in force" in row["reason"], row)
source = next(r for r in lab.ctl_json("proxy-status")["rows"] if r["name"].endswith("reviews.yaml"))
report.check("the file with the epoch that brought what is in force of it", source["status"] == "STALE" and
             0 < source["accepted_epoch"] <= lab.ctl_json("status")["epoch"], source)
restart()
restart()
report.check("twice", serving() == {"reviews-v1"})

# While no daemon runs.
lab.kill_all()
lab.write("reviews", BAD["not YAML"])
lab.start()
report.check("changed to something invalid while no daemon ran", serving() == {"reviews-v1"}, lab.log_tail())
lab.write("reviews", route("v2"))
lab.reload()
report.check("an accepted document takes its place", serving() == {"reviews-v2"})
lab.write("reviews", destination_rule("reviews"))
lab.reload()
restart()
report.check("a removed one does not come back", serving() == {"reviews-v1", "reviews-v2"})

# Damage: reported, and nothing of it is used.
lab.write("reviews", route("v1"))
lab.reload()
restart()
lab.write("reviews", BAD["unknown field"])
lab.ctl("reload", check=False)
lab.kill_all()
with open(state, "r+b") as f:
    f.seek(200)
    f.write(b"\xff" * 16)
lab.start()
report.check("a damaged state file is reported and not used", "state file of the process before is not used" in lab.log_tail(4000)
             and serving() == {"reviews-v1", "reviews-v2"}, lab.log_tail())
lab.write("reviews", route("v1"))
lab.reload()
restart()
report.check("and written anew", serving() == {"reviews-v1"} and len(lab.ctl_json("history")["epochs"]) > 1)
lab.kill_all()
with open(state, "ab") as f:
    f.write(b"torn")
lab.start()
report.check("a torn end is cut off, the rest is used", "what is behind is not used" in lab.log_tail(4000) and
             len(lab.ctl_json("history")["epochs"]) > 1, lab.log_tail())
report.done()

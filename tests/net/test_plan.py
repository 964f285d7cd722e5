#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# heddlectl plan against a running daemon: what it says of a change is what the change then does.
# not in VMs: nothing here depends on the kernel, and processors emulated for an hour are dear
import json
import os
import shutil
import subprocess
from scene import BUILD, Lab, Report, destination_rule, pods_of, to, virtual_service


def split(v1, v2):
    return destination_rule("reviews") + "---\n" + virtual_service(
        "reviews", "- match: [{headers: {x-user: {exact: bob}}, uri: {regex: '/books/[0-9]+'}}]\n"
        f"  route: [{to('reviews', 'v2' if v2 else 'v1')}]\n"
        f"- timeout: 20s\n  route: [{to('reviews', 'v1', v1)}, {to('reviews', 'v2', v2)}]")


def plan(*arguments):
    done = subprocess.run([f"{BUILD}/heddlectl", "--run-dir", lab.run_dir, "plan", *arguments], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def plan_json(*arguments):
    status, out, _ = plan(*arguments, "-o", "json")
    return status, json.loads(out)


lab = Lab()
report = Report(lab)
client = lab.pod("client")
for version in ("v1", "v2"):
    lab.pod(f"reviews-{version}", app="reviews", version=version).serve()
lab.service("reviews", 1, {"app": "reviews"})
lab.write("reviews", split(100, 0))
lab.start()
web = client.client()
new = f"{lab.dir}/new"
shutil.copytree(lab.conf, new)
status, out, err = plan(new)
report.check("the same files: no differences, status 0", status == 0 and "No differences" in out, (status, out, err))
epoch = lab.ctl_json("status")["epoch"]
with open(f"{new}/reviews.yaml", "w", encoding="utf-8") as f:
    f.write(split(80, 20))
status, value = plan_json(new)
report.check("differences: status 1", status == 1 and value["differs"])
changed = [(o["change"], o["kind"], o["name"]) for o in value["objects"]]
report.check("the object", changed == [("changed", "VirtualService", "reviews")], changed)
fields = {f["field"]: (f["was"], f["now"]) for f in value["objects"][0]["fields"]}
report.check("the fields", fields.get("spec.http[1].route[0].weight") == ("100", "80"), fields)
moved = {(r["request"]["path"], tuple((h["name"], h["value"]) for h in r["request"]["headers"])): r["moved"]["percent"]
         for r in value["routes"]}
report.check("an example request for each rule, and the share that moves",
             any(p.startswith("/books/") and h == (("x-user", "bob"),) and s == "100" for (p, h), s in moved.items()) and
             moved.get(("/", ())) == "20", moved)
report.check("nothing was changed by asking", lab.ctl_json("status")["epoch"] == epoch)

# What it said is what happens.
example = next(r["request"] for r in value["routes"] if r["request"]["headers"])
question = {"host": lab.vip(1), "port": example["port"], "authority": example["host"], "path": example["path"],
            "headers": [[h["name"], h["value"]] for h in example["headers"]], "n": 10}
report.check("the example before", set(pods_of(web.ask(**question))) == {"reviews-v1"})
shutil.copy(f"{new}/reviews.yaml", f"{lab.dir}/r.new")
os.rename(f"{lab.dir}/r.new", f"{lab.conf}/reviews.yaml")
lab.reload()
report.check("the example after", set(pods_of(web.ask(**question))) == {"reviews-v2"})
report.check("then there is no difference", plan(new)[0] == 0)

with open(f"{new}/reviews.yaml", "w", encoding="utf-8") as f:
    f.write(split(80, 20).replace("timeout: 20s", "timeoot: 1s"))
status, value = plan_json(new)
report.check("what would be refused, with its place; what is in force of it stays",
             status == 1 and not value["objects"] and any("timeoot" in r["text"] and r["line"] > 1 for r in value["refused"]), value)
os.unlink(f"{new}/reviews.yaml")
status, value = plan_json(new)
report.check("a directory is the whole configuration: removed",
             sorted((o["change"], o["kind"]) for o in value["objects"]) ==
             [("removed", "DestinationRule"), ("removed", "VirtualService")], value["objects"])
status, value = plan_json(new, "--overlay")
report.check("--overlay: laid over what is in force", status == 0, value["objects"])
one = f"{lab.dir}/one.yaml"
with open(one, "w", encoding="utf-8") as f:
    f.write(virtual_service("reviews", f"- route: [{to('reviews', 'v2')}]"))
status, value = plan_json(one)
report.check("a file is laid over", [(o["change"], o["kind"]) for o in value["objects"]] == [("changed", "VirtualService")],
             value["objects"])
status, out, _ = plan(one)
report.check("as text", "~ VirtualService demo/reviews" in out and "go elsewhere" in out and "before" in out, out)
status, out, _ = plan(one, "-o", "yaml")
report.check("as YAML", "differs: true" in out and "- change: changed" in out, out[:300])
report.check("usage", plan()[0] == 2 and plan(one, "--whole", "--overlay")[0] == 2)
report.check("no such file: 3", plan(f"{lab.dir}/nothing")[0] == 3)
lab.stop()
report.check("no daemon: 3", plan(one)[0] == 3)
report.check("against files, without a daemon", plan(one, "--against", lab.conf)[0] == 1 and plan(lab.conf, "--against", lab.conf)[0] == 0)
report.done()

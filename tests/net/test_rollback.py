#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# History and rollback: under traffic without an error, over a restart, until the files change; refused with a reason.
# not in VMs: nothing here depends on the kernel, and processors emulated for an hour are dear
import subprocess
from scene import BUILD, Lab, Report, destination_rule, pods_of, statuses, to, virtual_service, wait_for


def split(v1, v2):
    return destination_rule("reviews") + "---\n" + virtual_service(
        "reviews", f"- timeout: 20s\n  route: [{to('reviews', 'v1', v1)}, {to('reviews', 'v2', v2)}]")


def ctl(*arguments):
    return subprocess.run([f"{BUILD}/heddlectl", "--run-dir", lab.run_dir, *arguments], capture_output=True, text=True)


lab = Lab()
report = Report(lab)
client, second = lab.pod("client"), lab.pod("second")
for version in ("v1", "v2"):
    lab.pod(f"reviews-{version}", app="reviews", version=version).serve()
lab.service("reviews", 1, {"app": "reviews"})
lab.write("reviews", split(100, 0))
lab.start()
web, busy = client.client(), second.client()
HTTP = {"host": lab.vip(1), "port": 9080, "authority": "reviews.demo"}


def serving():
    return set(pods_of(web.ask(**HTTP, n=30)))


def epoch():
    return lab.ctl_json("status")["epoch"]


first = epoch()
lab.write("reviews", split(0, 100))
lab.reload()
second_epoch = epoch()
report.check("the change is in force", serving() == {"reviews-v2"} and second_epoch > first)
history = lab.ctl_json("history")["epochs"]
report.check("history says what changed, with file and line",
             history[0]["epoch"] == second_epoch and history[0]["changed"] == 1 and
             any(c["kind"] == "VirtualService" and c["file"].endswith("reviews.yaml") and c["line"] > 1
                 for c in history[0]["changes"]), history[0])
report.check("history as text", "VirtualService demo/reviews" in lab.ctl("history", str(second_epoch)) and
             "CAN ROLL BACK" in lab.ctl("history"))

busy.start(**HTTP, n=3000)
done = ctl("rollback", str(first))
report.check("rollback returns when it is in force", done.returncode == 0 and serving() == {"reviews-v1"},
             (done.stdout, done.stderr))
for _ in range(10):
    ctl("rollback", str(second_epoch))
    ctl("rollback", str(first))
answer = busy.answer()
report.check("rollbacks under load: no request fails", set(statuses(answer)) == {200},
             [r for r in answer["results"] if r[0] != 200][:3])
report.check("it is a new epoch", epoch() == second_epoch + 21, epoch())
report.check("proxy-status says so", f"rolled back to {first}, files differ" in lab.ctl("proxy-status"),
             lab.ctl("proxy-status"))
report.check("what the files say is no rollback", ctl("rollback", str(second_epoch)).returncode == 0 and
             "rolled back" not in lab.ctl("proxy-status") and serving() == {"reviews-v2"})
ctl("rollback", str(first))
lab.reload()
report.check("a reload of the same files changes nothing", serving() == {"reviews-v1"})
lab.kill_all()
lab.start()
report.check("it outlives kill -9 and a start", serving() == {"reviews-v1"} and
             f"rolled back to {first}" in lab.ctl("proxy-status"), lab.log_tail())
report.check("and so does the history", any(e["epoch"] == second_epoch and e["can_roll_back"]
                                            for e in lab.ctl_json("history")["epochs"]))
lab.write("reviews", split(0, 100) + "# touched\n")
wait_for(lambda: serving() == {"reviews-v2"}, "the files win when they change", 5)
report.check("the files win when they change", "rolled back" not in lab.ctl("proxy-status"))

for number, words in ((first + 10000, "not in the history"), (epoch(), "in force")):
    done = ctl("rollback", str(number))
    report.check(f"refused: {words}", done.returncode == 1 and words in done.stderr, done.stderr)
report.check("usage", ctl("rollback", "x").returncode == 2 and ctl("rollback").returncode == 2)
for i in range(105):
    lab.write("reviews", split(1 + i % 2, 99 - i % 2))
    lab.reload()
done = ctl("rollback", str(first))
report.check("an epoch that is no longer known", done.returncode == 1 and "the oldest that can be had again is" in done.stderr,
             done.stderr)
report.check("as many epochs are kept as promised", len(lab.ctl_json("history")["epochs"]) == 100)
before = epoch()
oldest = lab.ctl_json("history")["oldest_epoch"]
report.check("the oldest one can be had", ctl("rollback", str(oldest)).returncode == 0 and epoch() == before + 1)
report.done()

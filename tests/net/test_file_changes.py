#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Ways in which files change under a running daemon: never a flap, never half a state, in force or refused in time.
# not in VMs: nothing here depends on the kernel, and processors emulated for an hour are dear
import os
import threading
import time
from scene import Lab, Report, destination_rule, pods_of, statuses, to, virtual_service, wait_for


def route(subset):
    return destination_rule("reviews") + "---\n" + virtual_service("reviews", f"- timeout: 20s\n  route: [{to('reviews', subset)}]")


lab = Lab()
report = Report(lab)
client, second = lab.pod("client"), lab.pod("second")
for version in ("v1", "v2"):
    lab.pod(f"reviews-{version}", app="reviews", version=version).serve()
lab.service("reviews", 1, {"app": "reviews"})
lab.write("reviews", route("v1"))
lab.start()
web, busy = client.client(), second.client()
HTTP = {"host": lab.vip(1), "port": 9080, "authority": "reviews.demo", "keep": False}
path = f"{lab.conf}/reviews.yaml"


def serving():
    return set(pods_of(web.ask(**HTTP, n=10)))


def config():
    return lab.ctl_json("status")["config"]


def steady(name, change, wait=1.0):
    """While change() runs and for a while after, every request must go to v1: without rule half would go to v2."""
    wait_for(lambda: serving() == {"reviews-v1"}, "v1 alone", 5)
    stop, seen = threading.Event(), set()

    def watch():
        while not stop.is_set():
            answer = busy.ask(**HTTP, n=10)
            seen.update((s, p) for s, p in zip(statuses(answer), pods_of(answer)))
    thread = threading.Thread(target=watch)
    thread.start()
    try:
        change()
        time.sleep(wait)
    finally:
        stop.set()
        thread.join()
    report.check(name, seen == {(200, "reviews-v1")}, seen)


def slow_in_place():
    text = route("v1") + "# a comment at the end\n"
    with open(path, "r+", encoding="utf-8") as f:
        f.truncate(0)
        for i in range(0, len(text), 40):
            f.write(text[i:i + 40])
            f.flush()
            time.sleep(0.1)


def truncated_for_a_moment():
    open(path, "w", encoding="utf-8").close()
    time.sleep(0.08)
    with open(path, "w", encoding="utf-8") as f:
        f.write(route("v1"))


def removed_for_a_moment():
    os.unlink(path)
    time.sleep(0.08)
    lab.write("reviews", route("v1"))


def directory_away():
    os.rename(lab.conf, lab.conf + ".away")
    time.sleep(1)
    os.rename(lab.conf + ".away", lab.conf)


def unreadable():
    # root reads everything: what cannot be read is a directory of that name, a fifo, and a link that leads nowhere
    os.rename(path, path + ".away")
    os.mkfifo(path)
    time.sleep(0.6)
    os.unlink(path)
    os.symlink("nowhere", path)
    time.sleep(0.08)
    os.unlink(path)
    os.rename(path + ".away", path)


def swaps():
    for i in range(20):
        os.makedirs(f"{lab.conf}/..{i}")
        with open(f"{lab.conf}/..{i}/reviews.yaml", "w", encoding="utf-8") as f:
            f.write(route("v1") + f"# {i}\n")
        os.symlink(f"..{i}", f"{lab.conf}/..data_tmp")
        os.rename(f"{lab.conf}/..data_tmp", f"{lab.conf}/..data")
        if i == 0:
            os.symlink("..data/reviews.yaml", path + ".link")
            os.rename(path + ".link", path)
        time.sleep(0.02)


steady("written in place in 3 s", slow_in_place)
steady("empty for a moment", truncated_for_a_moment)
steady("removed and made again", removed_for_a_moment)
steady("the directory is away for a second", directory_away)
steady("not readable for a moment", unreadable, wait=1.5)
steady("twenty swaps of ..data", swaps)
os.unlink(path)
lab.write("reviews", route("v1"))
lab.reload()

# A mistake in the middle of a burst, and the burst as a whole.
before = config()["changes_in_force"]
start = time.monotonic()
for i in range(1000):
    lab.write(f"burst-{i % 100:03}", f"apiVersion: v1\nkind: Service\nmetadata: {{name: s{i % 100}, namespace: burst}}\n"
              f"spec: {{clusterIP: 10.97.{lab.number}.{1 + i % 100}, ports: [{{name: tcp, port: {1000 + i}}}]}}\n")
took = time.monotonic() - start
wait_for(lambda: any(p["port"] == 1999 for p in lab.ctl_json("proxy-config", "listeners")), "the last of the burst", 30)
passes = config()["changes_in_force"] - before
report.check("a thousand changes of 100 files are taken together", passes <= took / 0.05 + 10, (passes, took))
ports = sorted(p["port"] for p in lab.ctl_json("proxy-config", "listeners") if p["port"] >= 1000 and ".burst." in p["service"])
report.check("none is lost", ports == list(range(1900, 2000)), ports)

# From the event to the epoch, and the files that were not touched are not read for it.
times = []
for i in range(20):
    lab.write("reviews", route("v2" if i % 2 else "v1"))
    time.sleep(0.2)
    times.append(config()["last_apply_us"])
times.sort()
report.check("the time from the event of a lone change to its epoch is told", times[0] > 0, times)
samples = lab.metrics()
report.check("the histogram counts them", samples["heddle_config_apply_seconds_count"] >= 20 and
             samples['heddle_config_apply_seconds_bucket{le="+Inf"}'] == samples["heddle_config_apply_seconds_count"])

# Continuous change of one file does not keep another one from being taken.
stop = threading.Event()


def restless():
    i = 0
    while not stop.is_set():
        i += 1
        lab.write("burst-000", f"apiVersion: v1\nkind: Service\nmetadata: {{name: s0, namespace: burst}}\n"
                  f"spec: {{clusterIP: 10.97.{lab.number}.1, ports: [{{name: tcp, port: {3000 + i % 100}}}]}}\n")
        time.sleep(0.002)


thread = threading.Thread(target=restless)
thread.start()
taken = 0
for i in range(10):
    target = "v2" if i % 2 else "v1"
    lab.write("reviews", route(target))
    wait_for(lambda: serving() == {f"reviews-{target}"}, f"{target} in force", 30)
    taken += thread.is_alive()
stop.set()
thread.join()
report.check("in force while another file changes without end", taken == 10, taken)
report.done()

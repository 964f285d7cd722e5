#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# What stands in the daemon's way does not stop it: logs that nobody reads, a log that cannot be opened yet, a worker that stands.
import fcntl
import os
import signal
import subprocess
import time
from scene import BUILD, Lab, Report, destination_rule, families, statuses, to, virtual_service, wait_for

F_SETPIPE_SZ = 1031
lab = Lab()
report = Report(lab)
client = lab.pod("client")
for version in ("v1", "v2"):
    lab.pod(f"reviews-{version}", app="reviews", version=version).serve()
lab.service("reviews", 1, {"app": "reviews"})


def rules(v1):
    return destination_rule("reviews") + "---\n" + virtual_service(
        "reviews", f"- timeout: 20s\n  route: [{to('reviews', 'v1', v1)}, {to('reviews', 'v2', 100 - v1)}]")


def ctl(*arguments):
    """(status, seconds, stderr) of heddlectl."""
    start = time.monotonic()
    done = subprocess.run([f"{BUILD}/heddlectl", "--run-dir", lab.run_dir, *arguments], capture_output=True, text=True)
    return done.returncode, time.monotonic() - start, done.stderr


def serves(name, n=20):
    for family, vip in families(lab, 1)[:2]:
        answer = web.ask(host=vip, port=9080, authority="reviews.demo", n=n, keep=False)
        report.check(f"{name}: {family}: requests are served by the proxy", set(statuses(answer)) == {200} and
                     "x-envoy-upstream-service-time" in dict(answer["last"]["headers"]), answer["results"][-1])


lab.write("reviews", rules(50))
web = client.client()

# The daemon's log and the access log go into pipes that nobody reads; the access log's has no reader at all at first.
lab.access_log = f"{lab.dir}/access.fifo"
os.mkfifo(lab.access_log)
reader, writer = os.pipe()
fcntl.fcntl(reader, F_SETPIPE_SZ, 8192)
lab.daemon_log = writer
lab.start()
fine = 0
for i in range(80):
    lab.write("reviews", rules(i))
    fine += ctl("reload")[0] == 0
report.check("80 reloads with a log that nobody reads", fine == 80, fine)
serves("log that nobody reads")
fifo = os.open(lab.access_log, os.O_RDONLY | os.O_NONBLOCK)


def access_line():
    web.ask(host=lab.vip(1), port=9080, authority="reviews.demo")
    try:
        return os.read(fifo, 65536)
    except BlockingIOError:
        return b""


report.check("an access log that could not be opened is opened later", b"reviews.demo" in wait_for(access_line, "a line", 10))
serves("access log that nobody reads", n=400)
os.close(fifo)
serves("access log whose reader went")
os.set_blocking(reader, False)
text = os.read(reader, 65536).decode()
lab.write("reviews", rules(50))
lab.reload()
report.check("lost lines of the daemon's log are counted", len(text) > 1000 and
             "lines of this log were lost" in os.read(reader, 65536).decode(), len(text))

# A worker process that stands: heddlectl says so in the time it was given.
os.kill(lab.worker_pid(), signal.SIGSTOP)
status, seconds, _ = ctl("wait", "--timeout", "1")
os.kill(lab.worker_pid(), signal.SIGCONT)
report.check("wait ends with status 1 when the daemon stands", status == 1, status)
report.check("and long before the usual time limit of an answer", seconds < 20, seconds)
report.check("wait returns when it goes on", ctl("wait", "--timeout", "30")[0] == 0)
serves("worker that stood")

for words in (["status", "now"], ["reload", "now"], ["endpoint", "eject", "nowhere"], ["endpoint", "eject", "10.0.0.1"],
              ["proxy-config", "routes", "--port", "http"], ["proxy-config", "routes", "--port", "65536"], ["maps", "a", "b"]):
    status, _, err = ctl(*words)
    report.check(f"heddlectl {' '.join(words)}: usage, status 2", status == 2 and err, (status, err))
for row in lab.ctl_json("maps"):
    if row["name"] == "endpoints":  # no map: how much of mapCapacity.endpoints is taken
        continue
    report.check(f"maps {row['name']} is decoded", ctl("maps", row["name"])[0] == 0)
os.close(reader)
report.check("SIGTERM ends with status 0 without a reader of the log", lab.stop() == 0)
report.done()

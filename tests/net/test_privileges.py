#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Capabilities only in the keeper; clear refusals; uninstall leaves nothing (promise P4, interfaces of heddled).
import os
import re
import subprocess
from scene import BUILD, Lab, Report, pods_of, sh


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def run(argv, **options):
    return subprocess.run(argv, capture_output=True, text=True, timeout=30, **options)


lab = Lab()
report = Report(lab)
client, server = lab.pod("client"), lab.pod("db", app="db")
server.serve()
lab.service("db", 1, {"app": "db"}, port_name="tcp")
before = sh("ip rule; ip -6 rule; ip route show table all | grep -v hdl; tc qdisc", check=False)
lab.start()
keeper, worker = lab.daemon_pids()[0], lab.worker_pid()
status = status_of(worker)
report.check("worker: no capability", all(int(status[k], 16) == 0 for k in ("CapEff", "CapPrm", "CapInh", "CapAmb")), status)
report.check("worker: not root", "0" not in status["Uid"].split(), status["Uid"])
report.check("worker: no supplementary groups", status["Groups"].strip() == "", status["Groups"])
report.check("worker: seccomp filter", status["Seccomp"] == "2", status["Seccomp"])
report.check("worker: no new privileges", status["NoNewPrivs"] == "1")
kept = int(status_of(keeper)["CapEff"], 16)
report.check("keeper: fewer capabilities than root", bin(kept).count("1") < 16, hex(kept))
report.check("socket of the admin is for root only", os.stat(f"{lab.run_dir}/heddle.sock").st_mode & 0o077 == 0)

done = run(lab.arguments())
report.check("a second daemon on the same paths is refused", done.returncode == 1 and lab.run_dir in done.stderr, done.stderr[-300:])
other = [a.replace(lab.run_dir, lab.run_dir + "2") for a in lab.arguments()]
done = run(other)
report.check("on the same bpffs path: refused with its name", done.returncode == 1 and lab.bpffs in done.stderr, done.stderr[-300:])
other = [a.replace(lab.bpffs, lab.bpffs + "b").replace(lab.admin, "127.0.0.1:15099") for a in other]
done = run(other)
report.check("with the same mark or cgroup: refused with its name", done.returncode == 1
             and re.search(r"mark|table|cgroup", done.stderr), done.stderr[-300:])
report.check("the first one still works", pods_of(client.client().ask(host=lab.vip(1), port=9080)) == ["db"])

dropped = ["setpriv", "--bounding-set", "-bpf,-sys_admin,-perfmon", "--inh-caps", "-bpf,-sys_admin,-perfmon"]
done = run(dropped + other)
report.check("without CAP_BPF: status 4 and the reason", done.returncode == 4 and "CAP_BPF" in done.stderr, (done.returncode, done.stderr[-300:]))
done = run([*lab.arguments(), "--no-such-option"])
report.check("usage error: status 2", done.returncode == 2)
done = run([f"{BUILD}/heddled"])
report.check("no configuration named: status 2", done.returncode == 2, done.stderr)

report.check("stops", lab.stop() == 0)
report.check("pins stay", os.path.isdir(lab.bpffs))
done = run([f"{BUILD}/heddled", "--uninstall", "--bpffs", lab.bpffs, "--run-dir", lab.run_dir])
report.check("uninstall succeeds", done.returncode == 0, done.stderr)
report.check("uninstall removes the pins", not os.path.exists(lab.bpffs))
after = sh("ip rule; ip -6 rule; ip route show table all | grep -v hdl; tc qdisc", check=False)
report.check("uninstall restores rules, routes and qdiscs", before == after, set(after.splitlines()) ^ set(before.splitlines()))
report.check("uninstall twice is harmless", run([f"{BUILD}/heddled", "--uninstall", "--bpffs", lab.bpffs, "--run-dir", lab.run_dir]).returncode == 0)
lab.start()
report.check("starts anew afterwards", pods_of(client.client().ask(host=lab.vip(1), port=9080)) == ["db"])
report.done()

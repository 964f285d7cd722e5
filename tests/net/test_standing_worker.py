#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# A worker process that is stopped, not dead, is replaced by the keeper; one that only pauses is left alone.
import os
import signal
import time
from scene import Lab, Report, wait_for

lab = Lab()
report = Report(lab)
web = lab.pod("web", app="web")
web.serve()
lab.service("web", 1, {"app": "web"})
lab.start()
first = lab.worker_pid()
os.kill(first, signal.SIGSTOP)
time.sleep(4)
os.kill(first, signal.SIGCONT)
time.sleep(2)
report.check("a pause of 4 s is forgiven", lab.worker_pid() == first)
os.kill(first, signal.SIGSTOP)
wait_for(lambda: first not in lab.daemon_pids() and len(lab.daemon_pids()) > 1, "another worker process", 40)
report.check("a stopped one is replaced", "gives no sign of life" in lab.log_tail(3000), lab.log_tail())
lab.ctl("wait", "--timeout", "20")
report.check("and the next one serves", lab.ctl_json("status")["worker_restarts"] == 1)
report.done()

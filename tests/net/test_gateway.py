#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# --mode proxy: an Istio Gateway served without BPF and without privilege.
import os
import shutil
import subprocess
import tempfile
from scene import BUILD, Lab, PYTHON, Report, destination_rule, pods_of, sh, statuses, to, wait_for
from lab import HERE, Client

NOBODY = 65534
lab = Lab()
report = Report(lab)
for version in ("v1", "v2"):
    lab.pod(f"shop-{version}", app="shop", version=version).serve()
lab.service("shop", 1, {"app": "shop"})
port = 18000 + lab.number
lab.write("gateway", destination_rule("shop") + f"""---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: public, namespace: demo}}
spec:
  selector: {{istio: ingressgateway}}
  servers:
  - port: {{number: {port}, name: http, protocol: HTTP}}
    hosts: ["shop.example.com", "*.wild.example.com"]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: shop, namespace: demo}}
spec:
  hosts: ["shop.example.com", "a.wild.example.com"]
  gateways: [public]
  http:
  - match: [{{uri: {{prefix: /v2}}}}]
    route: [{to("shop", "v2")}]
  - route: [{to("shop", "v1")}]
""")
lab.write_cluster()
run_dir = tempfile.mkdtemp(prefix="heddle-gateway.", dir="/dev/shm")
os.chown(run_dir, NOBODY, NOBODY)
log = open(f"{lab.dir}/heddled.log", "ab")
lab.run_dir = run_dir
try:
    lab.daemon = subprocess.Popen(
        ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", "--inh-caps=-all", "--bounding-set=-all",
         f"{BUILD}/heddled", "--mode", "proxy", "--config", lab.conf, "--run-dir", run_dir, "--admin", lab.admin,
         "--access-log", "-"], stdout=log, stderr=log, start_new_session=True)
    lab.ctl("wait", "--timeout", "30")
    process = subprocess.Popen([PYTHON, f"{HERE}/client.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    lab.processes.append(process)
    ask = Client(process).ask
    for family, address in (("IPv4", "127.0.0.1"), ("IPv6", "::1")):
        target = {"host": address, "port": port}
        report.check(f"{family}: catch-all", set(pods_of(ask(**target, authority="shop.example.com", n=20))) == {"shop-v1"})
        report.check(f"{family}: by path, port in Host", set(pods_of(ask(**target, authority=f"shop.example.com:{port}", path="/v2", n=20))) == {"shop-v2"})
        report.check(f"{family}: wildcard host of the server", statuses(ask(**target, authority="a.wild.example.com")) == [200])
        for host in ("b.wild.example.com", "other.example.com"):
            answer = ask(**target, authority=host)
            report.check(f"{family}: {host}: 404, empty", statuses(answer) == [404] and answer["last"]["body"] == "", answer)
    for pid in lab.daemon_pids():
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            text = f.read()
        report.check("no capability in any process", "CapEff:\t0000000000000000" in text)
    lab.remove("gateway")
    wait_for(lambda: ask(host="127.0.0.1", port=port, authority="shop.example.com")["results"][0][0] == 0, "the listener's end", 5)
    report.check("a removed Gateway closes its port", True)
    report.check("no BPF maps of its own", not os.path.exists(lab.bpffs) and "heddle" not in sh("ls /sys/fs/bpf").replace("heddle-test", ""))
    report.check("SIGTERM ends with status 0", lab.stop() == 0)
finally:
    shutil.rmtree(run_dir, ignore_errors=True)
report.done()

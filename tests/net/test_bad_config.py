#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Configuration that cannot be right: refused by document or reported, and nothing else suffers.
import os
import subprocess
from scene import BUILD, Lab, Report, destination_rule, pods_of, statuses, to, virtual_service

lab = Lab()
report = Report(lab)
client, web = lab.pod("client"), lab.pod("web", app="web")
web.serve()
lab.service("web", 1, {"app": "web"}, port_name="tcp")
lab.service("twin", 1, {"app": "nobody"}, port_name="tcp")
lab.write("bad", virtual_service("web", f"- weight: 3\n  route: [{to('web')}]", kind="tcp") + "---\n"
          + virtual_service("web", f"- route: [{to('web')}]", kind="tcp", name="good"))
lab.write("other", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {whatever: [1]}")
lab.write_cluster()
lab.start()
ask = client.client().ask
report.check("duplicate service address: the first keeps it", pods_of(ask(host=lab.vip(1), port=9080)) == ["web"])
done = subprocess.run([f"{BUILD}/heddled", "--validate", "--config", lab.conf], capture_output=True, text=True)
text = done.stdout + done.stderr
report.check("both services are named", "demo/twin" in text and "demo/web" in text, text)
report.check("the refused document is named, the other one of the file is not", text.count("bad.yaml:") >= 1 and "demo/good" not in text, text)
objects = {line.split("  ")[0]: line for line in lab.ctl("proxy-status", "objects").splitlines()}
report.check("each object has its state", "SYNCED" in objects["VirtualService demo/good"] and "STALE" in objects["VirtualService demo/web"]
             and "bad.yaml:" in objects["VirtualService demo/web"], objects)
os.mkdir(f"{lab.dir}/empty")
plan = subprocess.run([f"{BUILD}/heddlectl", "plan", lab.conf, "--against", f"{lab.dir}/empty"], capture_output=True, text=True)
refused = [sorted(line.strip() for line in said.splitlines() if ": error: " in line) for said in (text, plan.stdout)]
report.check("--validate and plan refuse the same", refused[0] and refused[0] == refused[1] and plan.returncode == 1, refused)
report.check("other kinds are skipped in silence", "Deployment" not in text, text)
done = subprocess.run(lab.arguments("--strict"), capture_output=True, text=True, timeout=30)
report.check("--strict refuses to start: status 3", done.returncode in (1, 3) , done.stderr[-200:])

# More than the maps hold: refused whole, named, the last epoch stays.
lab.remove("bad")
lab.services.pop()
lab.write_cluster()
lab.reload()
epoch = lab.ctl_json("status")["epoch"]
slices = [{"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
           "metadata": {"name": f"huge-{i}", "namespace": "demo", "labels": {"kubernetes.io/service-name": "huge"}},
           "ports": [{"name": "tcp", "port": 1, "protocol": "TCP"}],
           "endpoints": [{"addresses": [f"10.9.{i}.{j}"], "conditions": {"ready": True}} for j in range(1, 251)]} for i in range(40)]
lab.write("huge", [{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "huge", "namespace": "demo"},
                    "spec": {"clusterIP": lab.vip(9), "selector": {"app": "huge"}, "ports": [{"name": "tcp", "port": 1, "protocol": "TCP"}]}}] + slices)
done = subprocess.run([f"{BUILD}/heddlectl", "--run-dir", lab.run_dir, "reload"], capture_output=True, text=True)
report.check("capacity exceeded: reload fails and names the map", done.returncode == 1 and "endpoint" in done.stderr + done.stdout, done.stderr)
report.check("the last epoch stays in force", lab.ctl_json("status")["epoch"] == epoch and statuses(ask(host=lab.vip(1), port=9080)) == [200])
report.check("proxy-status says why", "STALE" in lab.ctl("proxy-status"), lab.ctl("proxy-status"))
lab.remove("huge")
lab.reload()
report.check("and clears", "STALE" not in lab.ctl("proxy-status"))

# A start that is refused leaves nothing behind.
lab.stop()
subprocess.run([f"{BUILD}/heddled", "--uninstall", "--bpffs", lab.bpffs, "--run-dir", lab.run_dir, "--cgroup", lab.cgroup],
               capture_output=True, check=False)
lab.write("bad", "kind: VirtualService\n")
done = subprocess.run(lab.arguments("--strict"), capture_output=True, text=True, timeout=30)
report.check("refused: status 3 and no directory of pins", done.returncode == 3 and not os.path.exists(lab.bpffs),
             (done.returncode, done.stderr[-300:]))
report.done()

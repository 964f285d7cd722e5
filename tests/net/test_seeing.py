#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Seeing in: outcomes by service in metrics and heddlectl top, memory of the maps, and maps that bpftool prints by field.
import json
import os
import re
import subprocess
import time
from scene import Lab, Report, families, sh, to, virtual_service

lab = Lab()
report = Report(lab)
client = lab.pod("client", app="client")
web = lab.pod("web", app="web")
web.serve()
lab.service("empty", 1, {"app": "nobody"}, port_name="tcp")
lab.service("plain", 2, {"app": "web"}, port_name="tcp")
lab.service("web", 3, {"app": "web"})
lab.write("web", virtual_service("web", f"- route: [{to('web')}]\n  timeout: 9s"))
lab.start()
ask = client.client().ask


def counted(service, reason):
    return sum(v for k, v in lab.metrics().items() if k.startswith("heddle_service_verdicts_total{") and
               f'service="{service}.demo.svc.cluster.local"' in k and f'reason="{reason}"' in k and 'port="9080"' in k)


for family, vip in families(lab, 1):
    ask(host=vip, port=9080, n=5, keep=False)
for family, vip in families(lab, 3):
    ask(host=vip, port=9080, n=4, keep=False)
report.check("refusals are counted by service and reason", counted("empty", "no_healthy") == 15, counted("empty", "no_healthy"))
report.check("so are hand-overs to workers", counted("web", "punted") == 12, counted("web", "punted"))
before = lab.ctl_json("maps", "service_verdict")
lab.service("other", 4, {"app": "nobody"}, port_name="tcp")
lab.services = [s for s in lab.services if s["name"] != "empty"]
lab.write_cluster()
lab.reload()
for family, vip in families(lab, 4):
    ask(host=vip, port=9080, n=2, keep=False)
report.check("a service that is gone keeps its count, one in its place has its own",
             (counted("empty", "no_healthy"), counted("other", "no_healthy")) == (15, 6), before)

job = subprocess.Popen([lab.arguments()[0].replace("heddled", "heddlectl"), "--run-dir", lab.run_dir, "top", "--interval", "2",
                        "-o", "json"], stdout=subprocess.PIPE, text=True)
end = time.monotonic() + 60
while job.poll() is None and time.monotonic() < end:  # traffic as long as top looks
    ask(host=lab.vip(2), port=9080, n=20, keep=False)
    ask(host=lab.vip(4), port=9080, n=5, keep=False)
rows = {r["service"].split(".")[0]: r for r in json.loads(job.communicate()[0])}
report.check("top: connections and bytes", rows["plain"]["connections_per_s"] > 0 and rows["plain"]["sent_bytes_per_s"] > 0, rows)
report.check("top: refusals and why", rows["other"]["refused_per_s"] > 0 and rows["other"]["why"] == "no_healthy", rows)
text = lab.ctl("top", "--once", "--interval", "0.1")
report.check("top without a terminal: one picture", "SERVICE" in text and "\033" not in text, text)

status = lab.ctl_json("status")
pinned = {n for n in os.listdir(lab.bpffs) if os.path.isfile(f"{lab.bpffs}/{n}")}
maps = {r["name"]: r for r in status["maps"]}
names = set(re.findall(r"^HDL_MAP\w*\((\w+)", open(os.path.join(os.path.dirname(__file__), "../../maps/maps.def"),
                                                   encoding="utf-8").read(), re.M))
report.check("status has every pinned map with its memory",
             names & pinned and all(maps.get(n, {}).get("memory_bytes", -1) >= 0 for n in names & pinned), (names & pinned, maps))
shown = {m["id"]: m.get("bytes_memlock", 0) for m in json.loads(sh("bpftool -j map show"))}
total = sum(json.loads(sh(f"bpftool -j map show pinned {lab.bpffs}/{n}")).get("bytes_memlock", 0) for n in names & pinned)
report.check("and the sum is bpftool's", shown and abs(status["maps_memory_bytes"] - total) <= total / 50,
             (status["maps_memory_bytes"], total))
report.check("as text", re.search(r"^all +- +- +\d", lab.ctl("status"), re.M))

# what bpftool has no fields of: sockets, rings of records, and maps of maps
for name in sorted(names & pinned):
    kind = json.loads(sh(f"bpftool -j map show pinned {lab.bpffs}/{name}"))["type"]
    if kind in ("sk_storage", "ringbuf", "sockmap", "sockhash", "array_of_maps"):
        continue
    done = subprocess.run(["bpftool", "-j", "map", "dump", "pinned", f"{lab.bpffs}/{name}"], capture_output=True, text=True)
    entries = json.loads(done.stdout) if done.returncode == 0 else None
    report.check(f"bpftool prints {name} by field", entries is not None and
                 all("formatted" in e and "key" in e["formatted"] for e in entries[:5]), (done.returncode, str(entries)[:300]))
report.done()

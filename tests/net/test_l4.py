#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Connections to TCP services are decided at connect(): weights, subsets, addresses on both sides, refusals.
import json
from scene import Lab, Report, binomial_band, destination_rule, families, pods_of, statuses, to, virtual_service

lab = Lab()
report = Report(lab)
client = lab.pod("client", app="client")
for version in ("v1", "v2"):
    lab.pod(f"db-{version}", app="db", version=version).serve()
plain = lab.pod("plain", app="plain")
plain.serve()
lab.service("db", 1, {"app": "db"}, port_name="tcp-db")
lab.service("plain", 2, {"app": "plain"})
lab.service("empty", 3, {"app": "nobody"}, port_name="tcp")
lab.service("lost", 4, {"app": "db"}, port_name="tcp")
lab.service("missing", 5, {"app": "db"}, port_name="tcp")
lab.service("shifted", 6, {"app": "db"}, port=80, target_port=9080, port_name="tcp")
lab.write("db", destination_rule("db") + "---\n" + virtual_service(
    "db", f"- route: [{to('db', 'v1', 80)}, {to('db', 'v2', 20)}]", kind="tcp"))
lab.write("lost", destination_rule("lost", subsets=("v9",)) + "---\n" + virtual_service(
    "lost", f"- route: [{to('lost', 'v9')}]", kind="tcp"))
lab.write("missing", virtual_service("missing", f"- route: [{to('missing', 'v1')}]", kind="tcp"))
lab.start()
ask = client.client().ask
for n, (family, vip) in enumerate(families(lab, 1)):
    answer = ask(host=vip, port=9080, n=1000, keep=False)
    count = pods_of(answer).count("db-v2")
    low, high = binomial_band(1000, 0.2)
    report.check(f"{family}: 80/20 by connect", low <= count <= high and set(statuses(answer)) == {200}, count)
    peers = {r["peer"].replace("::ffff:", "") for p in lab.pods[1:3] for r in p.seen()}
    report.check(f"{family}: server sees the client's own address", peers <= {client.ip, client.ip6}, peers)
    report.check(f"{family}: getpeername answers the service address",
                 answer["last"]["peer"][0].replace("::ffff:", "") == vip.replace("::ffff:", "") and
                 answer["last"]["peer"][1] == 9080, answer["last"]["peer"])
    report.check(f"{family}: http service without rules is not proxied",
                 json.loads(ask(host=families(lab, 2)[n][1], port=9080)["last"]["body"])["peer"].replace("::ffff:", "")
                 in (client.ip, client.ip6))
    for what, service in (("no endpoint", 3), ("subset that selects nothing", 4), ("subset that nobody defines", 5)):
        result = ask(host=families(lab, service)[n][1], port=9080)["results"][0]
        report.check(f"{family}: {what}: refused at once", "ConnectionRefused" in str(result[3]), result)
    report.check(f"{family}: target port differs from the service port",
                 statuses(ask(host=families(lab, 6)[n][1], port=80, n=4)) == [200] * 4)
    result = ask(host=vip, port=9999, timeout=0.5)["results"][0]
    report.check(f"{family}: another port of the address is left alone", result[0] == 0 and result[1] is None)
verdicts = lab.metrics()
report.check("verdicts are counted", any("verdict" in k and "balanced" in k and v >= 3000 for k, v in verdicts.items()),
             [k for k in verdicts if "verdict" in k])
report.done()

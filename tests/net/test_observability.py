#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Access log and metrics as Istio's tools expect them (specification E.1, E.2).
import json
import os
import re
import shlex
from scene import Lab, Report, destination_rule, sh, to, virtual_service, wait_for

lab = Lab()
report = Report(lab)
client = lab.pod("client", app="client", version="v7")
web = lab.pod("web-v1", app="web", version="v1")
web.serve()
db = lab.pod("db", app="db")
db.serve()
lab.service("web", 1, {"app": "web"})
lab.service("db", 2, {"app": "db"}, port_name="tcp")
lab.write("web", destination_rule("web", subsets=("v1",)) + "---\n" + virtual_service("web", f"""
- name: named
  match: [{{uri: {{prefix: /named}}}}]
  timeout: 5s
  route: [{to("web", "v1")}]
- match: [{{uri: {{prefix: /missing}}}}]
  route: [{to("web", "v9")}]
- match: [{{uri: {{prefix: /}}, method: {{exact: GET}}}}]
  route: [{to("web", "v1")}]
"""))
lab.start()
ask = client.client().ask
target = {"host": lab.vip(1), "port": 9080, "authority": "web.demo:9080"}
for n, (path, method) in enumerate((("/named?x=1", "GET"), ("/missing", "GET"), ("/none", "POST"))):
    ask(**target, path=path, method=method, headers=[["User-Agent", "probe/1.0"], ["x-request-id", f"id-{n}"]])
lines = wait_for(lambda: len(lab.access_lines()) >= 3 and lab.access_lines(), "three log lines")
# Quotes hold some together: method, path and protocol are one word for shlex.
found = {}
for line in lines:
    fields = shlex.split(line)
    found[fields[1].split()[1]] = fields
ok = found["/named?x=1"]
report.check("every field is there", all(len(f) == 22 for f in found.values()), [len(f) for f in found.values()])
report.check("start time", re.fullmatch(r"\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\]", ok[0]), ok[0])
report.check("request line", ok[1] == "GET /named?x=1 HTTP/1.1")
report.check("200 - via_upstream - -", ok[2:7] == ["200", "-", "via_upstream", "-", "-"], ok)
report.check("bytes, duration and service time are numbers", all(x.isdigit() for x in ok[7:11]), ok)
report.check("user agent, request id, authority", ok[12:15] == ["probe/1.0", "id-0", "web.demo:9080"], ok)
report.check("upstream host and cluster", ok[15:17] == [f"{web.ip}:9080", "outbound|9080|v1|web.demo.svc.cluster.local"], ok)
report.check("local address is the service's, remote the client's", ok[18] == f"{lab.vip(1)}:9080" and ok[19].startswith(client.ip + ":"), ok)
report.check("route name", ok[20] == "named" or ok[-1] == "named", ok)
report.check("503 NC", found["/missing"][2:5] == ["503", "NC", "cluster_not_found"], found["/missing"])
report.check("404 NR", found["/none"][2:5] == ["404", "NR", "route_not_found"], found["/none"])

os.rename(lab.access_log, lab.access_log + ".1")
ask(**target, path="/rotated")
wait_for(lambda: os.path.exists(lab.access_log) and any("/rotated" in x for x in lab.access_lines())
         or any("/rotated" in x for x in open(lab.access_log + ".1", encoding="utf-8")), "the line in either file")
wait_for(lambda: ask(**target, path="/after") and os.path.exists(lab.access_log) and any("/after" in x for x in lab.access_lines()),
         "log reopened")
report.check("access log renamed away: reopened", True)

for _ in range(5):
    ask(host=lab.vip(2), port=9080, keep=False)


def series(name, **labels):
    return [value for key, value in lab.metrics().items() if key.startswith(name + "{")
            and all(f'{k}="{v}"' in key for k, v in labels.items())]


def logged(reporter):
    """Lines in the log; the destination knows only of requests that reached an endpoint."""
    lines = [x for f in (lab.access_log, lab.access_log + ".1") for x in open(f, encoding="utf-8")]
    return sum(reporter == "source" or "via_upstream" in x for x in lines)


ends = {"source_workload_namespace": "demo", "source_app": "client", "source_version": "v7",
        "destination_service": "web.demo.svc.cluster.local", "destination_service_name": "web", "destination_service_namespace": "demo",
        "request_protocol": "http"}
for reporter in ("source", "destination"):
    report.check(f"istio_requests_total, {reporter}: one request, one increment",
                 series("istio_requests_total", reporter=reporter, response_code="200", response_flags="-", destination_app="web",
                        destination_version="v1", **ends)[:1] and
                 wait_for(lambda: sum(series("istio_requests_total", reporter=reporter)) == logged(reporter), "equal counts"),
                 [k for k in lab.metrics() if k.startswith("istio_requests_total")])
report.check("NC and NR are labelled", series("istio_requests_total", response_flags="NC") and series("istio_requests_total", response_flags="NR"))
report.check("duration histogram", series("istio_request_duration_milliseconds_bucket", le="3600000", **ends)
             and series("istio_request_duration_milliseconds_count", **ends))
tcp = {"destination_service": "db.demo.svc.cluster.local", "request_protocol": "tcp", "source_app": "client"}
wait_for(lambda: sum(series("istio_tcp_connections_closed_total", reporter="source", **tcp)) == 5, "five closed connections")
report.check("istio_tcp_connections_opened_total", sum(series("istio_tcp_connections_opened_total", reporter="source", **tcp)) == 5)
report.check("bytes of both directions", sum(series("istio_tcp_sent_bytes_total", reporter="source", **tcp)) > 500
             and sum(series("istio_tcp_received_bytes_total", reporter="source", **tcp)) > 100)
text = sh(["curl", "-fsS", f"http://{lab.admin}/stats/prometheus"])
report.check("every family has HELP and TYPE", {m for m in re.findall(r"^# TYPE (\S+)", text, re.M)} == {m for m in re.findall(r"^# HELP (\S+)", text, re.M)})

lab.write("00-node", [lab.node_config(accessLog={"path": lab.access_log, "encoding": "JSON"})])
lab.reload()
before = len(lab.access_lines())
ask(**target, path="/json")
line = wait_for(lambda: [x for x in lab.access_lines()[before:] if "/json" in x], "the JSON line")[0]
record = json.loads(line)
report.check("JSON: numbers are numbers, missing is null", record["response_code"] == 200 and isinstance(record["duration"], int)
             and record["connection_termination_details"] is None and record["path"] == "/json", record)
report.done()

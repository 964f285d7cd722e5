#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Fault injection acts by rule, before the upstream (specification B.10, H 24).
from scene import Lab, Report, binomial_band, families, statuses, to, virtual_service, wait_for

RULES = f"""
- match: [{{uri: {{prefix: /abort-some}}}}]
  fault: {{abort: {{percentage: {{value: 30}}, httpStatus: 418}}}}
  route: [{to("ratings")}]
- match: [{{uri: {{prefix: /abort}}}}]
  fault: {{abort: {{percentage: {{value: 100}}, httpStatus: 503}}}}
  retries: {{attempts: 3, retryOn: 5xx}}
  route: [{to("ratings")}]
- match: [{{uri: {{prefix: /delay}}}}]
  fault: {{delay: {{percentage: {{value: 100}}, fixedDelay: 0.4s}}}}
  timeout: 0.2s
  route: [{to("ratings")}]
- match: [{{uri: {{prefix: /both}}}}]
  fault: {{delay: {{percentage: {{value: 100}}, fixedDelay: 0.1s}}, abort: {{percentage: {{value: 100}}, httpStatus: 500}}}}
  route: [{to("ratings")}]
- match: [{{uri: {{prefix: /nothing}}}}]
  fault: {{abort: {{httpStatus: 503}}}}
  route: [{to("ratings")}]
- route: [{to("ratings")}]
"""
lab = Lab()
report = Report(lab)
client, ratings = lab.pod("client"), lab.pod("ratings", app="ratings")
ratings.serve()
lab.service("ratings", 1, {"app": "ratings"})
lab.write("ratings", virtual_service("ratings", RULES))
lab.start()
ask = client.client().ask
for family, vip in families(lab, 1)[:2]:
    target = {"host": vip, "port": 9080, "authority": "ratings.demo"}
    before = len(ratings.seen())
    last = ask(**target, path="/abort")["last"]
    report.check(f"{family}: abort answers by itself", (last["status"], last["body"]) == (503, "fault filter abort"), last)
    report.check(f"{family}: abort reaches no upstream and is not retried", len(ratings.seen()) == before)
    answer = ask(**target, path="/delay")
    report.check(f"{family}: delay before the route's timeout starts: 200 (specification 1, item 2)",
                 statuses(answer) == [200] and answer["results"][0][2] >= 0.4, answer["results"])
    answer = ask(**target, path="/both")
    report.check(f"{family}: delay, then abort", statuses(answer) == [500] and answer["results"][0][2] >= 0.1, answer["results"])
    report.check(f"{family}: no percentage, no fault", set(statuses(ask(**target, path="/nothing", n=50))) == {200})
    low, high = binomial_band(1000, 0.3)
    count = statuses(ask(**target, path="/abort-some", n=1000, keep=family == "IPv4")).count(418)
    report.check(f"{family}: 30 % of 1000", low <= count <= high, count)
    report.check(f"{family}: other requests untouched", set(statuses(ask(**target, path="/", n=50))) == {200})


def flag_of(path):
    return [line.split('" ')[1].split()[1] for line in lab.access_lines() if f" {path} " in line]


wait_for(lambda: len(flag_of("/both")) == 2, "log lines")
report.check("log: FI", set(flag_of("/abort")) == {"FI"}, flag_of("/abort"))
report.check("log: DI", set(flag_of("/delay")) == {"DI"}, flag_of("/delay"))
report.check("log: DI,FI", set(flag_of("/both")) == {"DI,FI"}, flag_of("/both"))
report.done()

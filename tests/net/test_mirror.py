#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Mirrored copies reach the other subset at their percentage and never touch the main request (specification B.8, H 23).
from scene import Lab, Report, binomial_band, destination_rule, families, pods_of, to, virtual_service, wait_for

RULES = f"""
- match: [{{uri: {{prefix: /all}}}}]
  route: [{to("orders", "v1")}]
  mirror: {{host: orders, subset: v2}}
- match: [{{uri: {{prefix: /gone}}}}]
  route: [{to("orders", "v1")}]
  mirror: {{host: orders, subset: dead}}
- route: [{to("orders", "v1")}]
  mirror: {{host: orders, subset: v2}}
  mirrorPercentage: {{value: 20}}
"""
lab = Lab()
report = Report(lab)
client = lab.pod("client")
v1, v2 = (lab.pod(f"orders-{v}", app="orders", version=v) for v in ("v1", "v2"))
lab.pod("orders-dead", app="orders", version="dead")
v1.serve()
v2.serve()
lab.service("orders", 1, {"app": "orders"})
lab.write("orders", destination_rule("orders", subsets=("v1", "v2", "dead")) + "---\n" + virtual_service("orders", RULES))
lab.start()
ask = client.client().ask
for family, vip in families(lab, 1)[:2]:
    target = {"host": vip, "port": 9080, "authority": "orders.demo"}
    before = len(v2.seen())
    answer = ask(**target, path=f"/some-{family}", n=1000)
    report.check(f"{family}: every answer is of v1", set(pods_of(answer)) == {"orders-v1"})
    # The last main request is answered before its copy arrives: one full mirror after it marks the end.
    ask(**target, path=f"/all-{family}-end")
    wait_for(lambda: any(r["path"] == f"/all-{family}-end" for r in v2.seen()), "the marking request")
    count = sum(r["path"] == f"/some-{family}" for r in v2.seen()[before:])
    low, high = binomial_band(1000, 0.2)
    report.check(f"{family}: 20 % of 1000 mirrored", low <= count <= high, count)
    ask(**target, path=f"/all-{family}-body", method="POST", body="y" * 70000)
    copy = wait_for(lambda: [r for r in v2.seen() if r["path"] == f"/all-{family}-body"], "the copy")[0]
    report.check(f"{family}: method, body and host are copied",
                 (copy["method"], copy["body"], dict(copy["headers"]).get("host") or dict(copy["headers"]).get("Host"))
                 == ("POST", 70000, "orders.demo"), copy)
    v2.behave(delay_s=20)
    answer = ask(**target, path="/all-slow", n=20, timeout=5)
    report.check(f"{family}: a slow mirror does not slow the request", set(pods_of(answer)) == {"orders-v1"}, answer["results"][-1])
    v2.behave()
    answer = ask(**target, path="/gone", n=20)
    report.check(f"{family}: a dead mirror does not harm", set(pods_of(answer)) == {"orders-v1"}, answer["results"][-1])
report.done()

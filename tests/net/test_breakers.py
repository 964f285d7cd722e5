#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# http2MaxRequests and maxRetries are exact limits of the node, whichever worker serves (specification C.5, C.6).
from scene import Lab, Report, destination_rule, families, statuses, to, virtual_service, wait_for

lab = Lab()
report = Report(lab)
clients = [lab.pod(f"client-{i}", app="client") for i in range(4)]
pod = lab.pod("slow", app="slow")
pod.serve()
lab.service("slow", 1, {"app": "slow"})
lab.write("slow", destination_rule("slow", "{connectionPool: {http: {http2MaxRequests: 2}}}", subsets=()) + "---\n" +
          virtual_service("slow", f"- retries: {{attempts: 5, retryOn: 5xx}}\n  route: [{to('slow')}]"))
lab.service("retried", 2, {"app": "slow"})
lab.write("retried", destination_rule("retried", "{connectionPool: {http: {maxRetries: 1}}}", subsets=()) + "---\n" +
          virtual_service("retried", f"- retries: {{attempts: 1, retryOn: 5xx}}\n  route: [{to('retried')}]"))
lab.write_cluster()
lab.start("--workers", "2")
asks = [c.client() for c in clients]
for family, vip in families(lab, 1):
    target = {"host": vip, "port": 9080, "authority": "slow"}
    pod.behave(delay_s=1.0)
    seen = len(pod.seen())
    for client in asks[:2]:
        client.start(**target, path="/", n=1)
    wait_for(lambda: len(pod.seen()) >= seen + 2, "two requests at the endpoint")
    for client in asks[2:]:
        answer = client.ask(**target, path="/over", n=1)
        headers = {k.lower(): v for k, v in answer["last"]["headers"]}
        report.check(f"{family}: the third is answered 503 at once", statuses(answer) == [503], answer["results"])
        report.check(f"{family}: x-envoy-overloaded", headers.get("x-envoy-overloaded") == "true", headers)
        report.check(f"{family}: the body says overflow", answer["last"]["body"].endswith("reset reason: overflow"),
                     answer["last"]["body"])
    report.check(f"{family}: the two are answered", [statuses(c.answer()) for c in asks[:2]] == [[200], [200]])
    pod.behave()
    report.check(f"{family}: then there is room again", statuses(asks[2].ask(**target, path="/", n=5)) == [200] * 5)
for family, vip in families(lab, 2):
    pod.behave(status=500, delay_s=0.7)
    seen = len(pod.seen())
    for client in asks[:3]:
        client.start(host=vip, port=9080, authority="retried", path="/retried", n=1)
    answers = [statuses(c.answer()) for c in asks[:3]]
    count = len(pod.seen()) - seen
    report.check(f"{family}: of three failures at a time one is tried again", answers == [[500]] * 3 and count == 4,
                 (answers, count))
    pod.behave()
report.check("it never reached the endpoint", not [r for r in pod.seen() if r["path"] == "/over"])
report.check("flag UO in the access log", any(" UO " in line for line in lab.access_lines()), lab.access_lines()[-1:])
report.done()

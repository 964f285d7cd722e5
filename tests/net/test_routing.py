#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Requests are routed one by one: matches, AND and OR, weights, as specification B.2 and B.7 say.
from scene import Lab, Report, binomial_band, destination_rule, families, pods_of, statuses, to, virtual_service

RULES = f"""
- match: [{{uri: {{prefix: /admin}}, headers: {{x-role: {{exact: admin}}}}}}]
  route: [{to("reviews", "v2")}]
- match: [{{uri: {{exact: /or}}}}, {{headers: {{x-or: {{regex: "a+b"}}}}}}]
  route: [{to("reviews", "v2")}]
- match: [{{queryParams: {{a: {{exact: "1"}}}}}}]
  route: [{to("reviews", "v2")}]
- match: [{{uri: {{prefix: /CASE}}, ignoreUriCase: true}}]
  route: [{to("reviews", "v2")}]
- match: [{{uri: {{exact: /without}}, withoutHeaders: {{x-no: {{exact: "1"}}}}}}]
  route: [{to("reviews", "v2")}]
- match: [{{uri: {{exact: /labels}}, sourceLabels: {{app: client}}}}]
  route: [{to("reviews", "v2")}]
- match: [{{uri: {{exact: /method}}, method: {{exact: PUT}}}}]
  route: [{to("reviews", "v2")}]
- match: [{{uri: {{exact: /authority}}, authority: {{prefix: "reviews:"}}}}]
  route: [{to("reviews", "v2")}]
- match: [{{uri: {{exact: /port}}, port: 9080}}]
  route: [{to("reviews", "v2")}]
- match: [{{uri: {{exact: /otherport}}, port: 9999}}]
  route: [{to("reviews", "v2")}]
- match: [{{uri: {{prefix: /split}}}}]
  route: [{to("reviews", "v1", 90)}, {to("reviews", "v2", 10)}]
- match: [{{uri: {{prefix: /zero}}}}]
  route: [{to("reviews", "v1", 0)}, {to("reviews", "v2", 7)}]
- match: [{{uri: {{prefix: /x}}, method: {{exact: GET}}}}]
  route: [{to("reviews", "v1")}]
"""
# name, request, expected pods (None: no rule, 404)
CASES = [
    ("AND: both hold", {"path": "/admin", "headers": [["x-role", "admin"]]}, "reviews-v2"),
    ("AND: header alone is not enough", {"path": "/xadmin", "headers": [["x-role", "admin"]]}, "reviews-v1"),
    ("OR: first block", {"path": "/or"}, "reviews-v2"),
    ("OR: second block, header name in any case", {"path": "/x", "headers": [["X-Or", "aab"]]}, "reviews-v2"),
    ("regex is anchored", {"path": "/x", "headers": [["x-or", "xaab"]]}, "reviews-v1"),
    ("each header line is matched on its own", {"path": "/x", "headers": [["x-or", "no"], ["x-or", "ab"]]}, "reviews-v2"),
    ("query: the first value counts", {"path": "/x?a=1&a=2"}, "reviews-v2"),
    ("query: compared without decoding", {"path": "/x?a=%31"}, "reviews-v1"),
    ("ignoreUriCase", {"path": "/case/1"}, "reviews-v2"),
    ("withoutHeaders: header absent", {"path": "/without"}, "reviews-v2"),
    ("withoutHeaders: other value", {"path": "/without", "headers": [["x-no", "2"]]}, "reviews-v2"),
    ("withoutHeaders: excluded value", {"path": "/without", "headers": [["x-no", "1"]]}, None),
    ("sourceLabels of the client pod", {"path": "/labels"}, "reviews-v2"),
    ("method", {"path": "/method", "method": "PUT"}, "reviews-v2"),
    ("method differs", {"path": "/method"}, None),
    ("authority with the port as sent", {"path": "/authority", "authority": "reviews:9080"}, "reviews-v2"),
    ("authority without the port", {"path": "/authority", "authority": "reviews"}, None),
    ("port of the listener", {"path": "/port"}, "reviews-v2"),
    ("another port", {"path": "/otherport"}, None),
    ("weight 0 never wins", {"path": "/zero", "n": 200}, "reviews-v2"),
    ("no rule", {"path": "/none"}, None),
    ("prefix is a string prefix", {"path": "/xyz"}, "reviews-v1"),
    ("dot segments are resolved before matching", {"path": "/no/../x"}, "reviews-v1"),
]

lab = Lab()
report = Report(lab)
client, stranger = lab.pod("client", app="client"), lab.pod("stranger", app="other")
for version in ("v1", "v2"):
    lab.pod(f"reviews-{version}", app="reviews", version=version).serve()
lab.service("reviews", 1, {"app": "reviews"})
lab.write("reviews", destination_rule("reviews") + "---\n" + virtual_service("reviews", RULES))
lab.start()
ask, other = client.client().ask, stranger.client().ask
for family, vip in families(lab, 1):
    target = {"host": vip, "port": 9080, "authority": "reviews.demo.svc.cluster.local"}
    for name, request, pod in CASES:
        answer = ask(**{**target, **request})
        if pod is None:
            good = set(statuses(answer)) == {404} and answer["last"]["body"] == ""
        else:
            good = set(statuses(answer)) == {200} and set(pods_of(answer)) == {pod}
        report.check(f"{family}: {name}", good, answer["results"][-1])
    low, high = binomial_band(2000, 0.1)
    answer = ask(**target, path="/split", n=2000)
    count = pods_of(answer).count("reviews-v2")
    report.check(f"{family}: 90/10 of 2000 requests on one connection", low <= count <= high and set(statuses(answer)) == {200},
                 f"{count} not in {low}..{high}")
    report.check(f"{family}: sourceLabels of another pod do not match",
                 statuses(other(**target, path="/labels")) == [404])
    report.check(f"{family}: a Host of no service belongs to the service that was dialled",
                 pods_of(ask(**{**target, "authority": "elsewhere.example"}, path="/x")) == ["reviews-v1"])
report.done()

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# CORS: preflights are answered, actual requests get headers, others pass (specification B.6, checklist H 25).
# not in VMs: nothing here depends on the kernel, and processors emulated for an hour are dear
from actions import Actions

RULES = """
- match: [{uri: {prefix: /ignore}}]
  corsPolicy: {allowOrigins: [{exact: "https://a.example"}], allowMethods: [GET], unmatchedPreflights: IGNORE}
  route: [{destination: {host: reviews, subset: v1}}]
- match: [{uri: {prefix: /any}}]
  corsPolicy: {allowOrigins: [{exact: "*"}], allowMethods: ["*"], allowHeaders: ["*"]}
  route: [{destination: {host: reviews, subset: v1}}]
- match: [{uri: {prefix: /delayed}}]
  fault: {abort: {percentage: {value: 100}, httpStatus: 418}}
  corsPolicy: {allowOrigins: [{exact: "https://a.example"}]}
  route: [{destination: {host: reviews, subset: v1}}]
- corsPolicy:
    allowOrigins: [{exact: "https://a.example"}, {regex: "https://[a-z]+[.]wild[.]example"}]
    allowMethods: [GET, PUT]
    allowHeaders: [x-a, x-b]
    exposeHeaders: [x-pod]
    maxAge: 1h
    allowCredentials: true
  headers: {response: {set: {access-control-allow-origin: nonsense}}}
  route: [{destination: {host: reviews, subset: v1}}]
"""
PREFIX = "access-control-"


def cors(answer):
    return {k[len(PREFIX):]: v for k, v in answer.headers.items() if k.startswith(PREFIX)}


def preflight(origin):
    return ["-X", "OPTIONS", "-H", f"Origin: {origin}", "-H", "Access-Control-Request-Method: PUT", "-H", "Access-Control-Request-Headers: x-q"]


a = Actions(RULES)
check = a.report.check
for way, curl, host in a.ways():
    good, bad = "https://a.example", "https://nobody.example"
    answer = curl("/x", *preflight(good))
    check(f"{way}: preflight", answer.status == 200 and answer.body == "" and cors(answer) == {
        "allow-origin": [good], "allow-credentials": ["true"], "allow-methods": ["GET,PUT"], "allow-headers": ["x-a,x-b"],
        "expose-headers": ["x-pod"], "max-age": ["3600"]}, answer)
    answer = curl("/x", *preflight("https://b.wild.example"))
    check(f"{way}: preflight, origin by expression", cors(answer).get("allow-origin") == ["https://b.wild.example"], answer)
    answer = curl("/forwarded", *preflight(bad))
    check(f"{way}: preflight of another origin goes on", answer.seen["pod"] == "reviews-v1" and cors(answer) == {"allow-origin": ["nonsense"]}, answer)
    answer = curl("/ignore", *preflight(bad))
    check(f"{way}: or is answered without an origin", answer.status == 200 and answer.body == "" and cors(answer) == {"allow-methods": ["GET"]}, answer)
    answer = curl("/x", "-H", f"Origin: {good}")
    check(f"{way}: actual request", answer.seen["pod"] == "reviews-v1" and cors(answer) == {
        "allow-origin": [good], "allow-credentials": ["true"], "expose-headers": ["x-pod"]}, answer)
    answer = curl("/x", "-H", f"Origin: {bad}")
    check(f"{way}: actual request of another origin is not held back", answer.seen["pod"] == "reviews-v1" and cors(answer) == {"allow-origin": ["nonsense"]}, answer)
    check(f"{way}: without Origin", cors(curl("/x")) == {"allow-origin": ["nonsense"]})
    answer = curl("/any", *preflight(bad))
    check(f"{way}: * echoes what was asked", cors(answer) == {"allow-origin": [bad], "allow-methods": ["PUT"], "allow-headers": ["x-q"]}, answer)
    check(f"{way}: faults come first", curl("/delayed", *preflight(good)).status == 418)
check("preflights did not reach the service", {s["path"] for s in a.pods[0].seen() if s["method"] == "OPTIONS"} == {"/forwarded"})
lines = a.logged(" 200 - cors_response - ", 16)
check("log and counter", len(lines) == 16 and a.lab.metrics()["heddle_cors_preflights_total"] == 16, lines[:1])
a.report.done()

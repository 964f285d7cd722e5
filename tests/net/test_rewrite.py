#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Rewritten paths and hosts: every line of the table of specification B.4, what goes along, and what the log shows.
# not in VMs: nothing here depends on the kernel, and processors emulated for an hour are dear
from actions import Actions

RULES = """
- match: [{uri: {prefix: /api/}}]
  rewrite: {uri: /}
  route: [{destination: {host: reviews, subset: v1}}]
- match: [{uri: {prefix: /api}}]
  rewrite: {uri: /v2}
  route: [{destination: {host: reviews, subset: v1}}]
- match: [{uri: {exact: /exact}}]
  rewrite: {uri: /v2}
  route: [{destination: {host: reviews, subset: v1}}]
- match: [{uri: {regex: "/re(gex)?/.*"}}]
  rewrite: {uri: /whole}
  route: [{destination: {host: reviews, subset: v1}}]
- match: [{uri: {prefix: /Case}, ignoreUriCase: true}]
  rewrite: {uri: /case}
  route: [{destination: {host: reviews, subset: v1}}]
- match: [{uri: {prefix: /groups}}]
  rewrite: {uriRegexRewrite: {match: "/([a-z]+)/([0-9]+)", rewrite: '/\\2-\\1'}}
  route: [{destination: {host: reviews, subset: v1}}]
- match: [{uri: {prefix: /double}}]
  rewrite: {uri: /}
  route: [{destination: {host: reviews, subset: v1}}]
- match: [{uri: {prefix: /host}}]
  rewrite: {authority: other.example}
  route: [{destination: {host: reviews, subset: v1}}]
- match: [{uri: {prefix: /retried}}]
  rewrite: {uri: /once}
  retries: {attempts: 2, retryOn: 5xx}
  route: [{destination: {host: reviews, subset: v1}}]
- match: [{headers: {x-plain: {}}}]
  route: [{destination: {host: reviews, subset: v1}}]
- rewrite: {uri: /all}
  route: [{destination: {host: reviews, subset: v2}}]
"""
# request, what the endpoint sees; the query stays
TABLE = [
    ("/api?q=1", "/v2?q=1"), ("/apix", "/v2x"), ("/api/x", "/x"), ("/exact?q", "/v2?q"), ("/regex/a/b?q=1", "/whole?q=1"),
    ("/cASe/x", "/case/x"), ("/groups/12/ab/34?/x/1", "/12-groups/34-ab?/x/1"), ("/groups", "/groups"), ("/double/x", "//x"), ("/bar", "/allbar"),
    ("/x/../api/y", "/y"),
]

a = Actions(RULES)
for way, curl, host in a.ways():
    for path, wanted in TABLE:
        answer = curl(path)
        original = path.replace("/x/..", "")
        a.report.check(f"{way}: {path} becomes {wanted}", answer.status == 200 and answer.seen["path"] == wanted and
                       answer.sent("x-envoy-original-path") == [original], answer)
    answer = curl("/host/x", "-H", "x-envoy-original-path: /pretended")
    a.report.check(f"{way}: another Host", answer.sent("host") == ["other.example"] and answer.sent("x-envoy-original-host") == [host] and
                   answer.seen["path"] == "/host/x" and answer.sent("x-envoy-original-path") == [], answer)
    answer = curl("/plain", "-H", "x-plain: 1")
    a.report.check(f"{way}: a rule without rewrite adds nothing", answer.seen["path"] == "/plain" and
                   answer.sent("x-envoy-original-path") == [] and answer.sent("x-envoy-original-host") == [], answer)
    answer = curl("/retried/x", "-H", "x-do-status: 500")
    a.report.check(f"{way}: a retry is not rewritten again", answer.seen["path"] == "/once/x" and answer.sent("x-envoy-attempt-count") == ["3"], answer)
lines = a.logged('"GET /api?q=1 HTTP/1.1" 200', 4)
a.report.check("the log shows the original path", len(lines) == 4 and not any("/v2" in line for line in a.lab.access_lines()), lines[:2])
a.report.done()

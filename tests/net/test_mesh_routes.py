#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# meshConfig: normalisation of paths and the retries of routes that say nothing of them (specification B.1, B.9).
# not in VMs: nothing here depends on the kernel, and processors emulated for an hour are dear
from actions import Actions

RULES = """
- match: [{uri: {exact: /a/b}}]
  headers: {response: {set: {x-rule: first}}}
  route: [{destination: {host: reviews, subset: v1}}]
- match: [{uri: {prefix: /own}}]
  retries: {attempts: 1, retryOn: 5xx}
  route: [{destination: {host: reviews, subset: v1}}]
- route: [{destination: {host: reviews, subset: v1}}]
"""


def operator(mesh):
    return f"---\napiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata: {{name: mesh, namespace: istio-system}}\nspec: {{meshConfig: {mesh}}}\n"


a = Actions(RULES)
# what the endpoint sees of a path, by option; None: the first rule does not match
PATHS = {
    "{}": {"//a//b": None, "/a/x/../b": "/a/b", "/a%2Fb": None},
    "{pathNormalization: {normalization: NONE}}": {"//a//b": None, "/a/x/../b": None, "/a%2Fb": None},
    "{pathNormalization: {normalization: MERGE_SLASHES}}": {"//a//b": "/a/b", "/a/x/../b": "/a/b", "/a%2Fb": None},
    "{pathNormalization: {normalization: DECODE_AND_MERGE_SLASHES}}": {"//a//b": "/a/b", "/a/x/../b": "/a/b", "/a%2Fb": "/a/b"},
}
for mesh, paths in PATHS.items():
    a.write(RULES, operator(mesh))
    a.lab.reload()
    for way, curl, host in a.ways():
        for path, wanted in paths.items():
            answer = curl(path)
            a.report.check(f"{way}: {mesh}: {path}", answer.header("x-rule") == (wanted and "first") and
                           (wanted is None or answer.seen["path"] == wanted), answer)
for mesh, tries in (("{}", "1"), ('{defaultHttpRetryPolicy: {attempts: 3, retryOn: "500"}}', "4"), ("{defaultHttpRetryPolicy: {attempts: 0}}", "1")):
    a.write(RULES, operator(mesh))
    a.lab.reload()
    for way, curl, host in a.ways():
        answer = curl("/x", "-H", "x-do-status: 500")
        a.report.check(f"{way}: {mesh}: tries of a route without retries", answer.sent("x-envoy-attempt-count") == [tries], answer)
        answer = curl("/own", "-H", "x-do-status: 500")
        a.report.check(f"{way}: {mesh}: a route's own retries stay", answer.sent("x-envoy-attempt-count") == ["2"], answer)
a.report.done()

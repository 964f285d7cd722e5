#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""heddlectl config show prints each example so that what it prints prints to the same, and no value of a Secret."""
import glob
import json
import os
import subprocess
import sys

ROOT = os.environ.get("HDL_ROOT", ".")
HEDDLECTL = os.environ["HEDDLECTL"]


def show(text, *options):
    run = subprocess.run([HEDDLECTL, "config", "show", "-f", "-", *options], input=text, capture_output=True, text=True,
                         timeout=60)
    return run.returncode, run.stdout, run.stderr


def complaints(path):
    with open(path) as f:
        text = f.read()
    status, first, said = show(text)
    if status != 0:
        return ["exit status %d: %s" % (status, said)]
    found = []
    if show(first) != (0, first, ""):
        found.append("what is printed prints to something else")
    status, printed, _ = show(text, "-o", "json")
    items = json.loads(printed)["items"]
    if len(items) != first.count("\n---\n") + 1 or show(printed)[1] != first:
        found.append("JSON and YAML differ")
    for item in items:
        if item["kind"] == "Secret":
            values = list(item.get("data", {}).values()) + list(item.get("stringData", {}).values())
            if not values or set(values) != {"REDACTED"}:
                found.append("a Secret shows %s" % values)
    return found


def filters():
    text = "".join("---\napiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: %s}\nspec: {}\n" % pair
                   for pair in (("a", "x"), ("b", "x"), ("a", "y")))
    text += "---\napiVersion: v1\nkind: Node\nmetadata: {name: a}\n"
    wanted = {("service",): 3, ("services/a",): 2, ("Node",): 1, ("pod",): 0, ("-n", "x"): 3, ("service", "-n", "y"): 1}
    return ["%s gives %d objects" % (" ".join(options), show(text, *options)[1].count("kind: "))
            for options, n in wanted.items() if show(text, *options)[1].count("kind: ") != n]


def refused():
    good = "apiVersion: v1\nkind: Node\nmetadata: {name: a}\n"
    status, out, said = show(good + "---\napiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: 5}\n")
    return [] if status == 1 and out.count("kind: ") == 1 and "spec.ports: must be a list" in said else [out, said]


def main():
    failed = 0
    paths = sorted(glob.glob(os.path.join(ROOT, "examples/*/*.yaml")))
    cases = [(os.path.relpath(path, ROOT), complaints(path)) for path in paths] + [("filters", filters()), ("refused", refused())]
    for name, found in cases:
        print("%s %s" % ("not ok" if found else "ok", name))
        for line in found:
            print("  " + line)
        failed += bool(found)
    return 1 if failed or len(paths) < 50 else 0


if __name__ == "__main__":
    sys.exit(main())

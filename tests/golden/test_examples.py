#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Every example is accepted together with the services it speaks of, and nothing is said but what it announces.

A line "# Not enforced by this version: WORD, WORD." among the first comments of an example announces warnings with these
words, and goes when they do. heddlectl analyze finds no error. Each kind has an example, and examples/README.md lists each file.
"""
import os
import re
import subprocess
import sys

ROOT = os.environ.get("HDL_ROOT", ".")
HEDDLED = os.environ["HEDDLED"]
HEDDLECTL = os.environ["HEDDLECTL"]
EXAMPLES = os.path.join(ROOT, "examples")
DIRECTORIES = ["services", "istio", "gateway-api", "kubernetes", "heddle"]


def read(path):
    with open(path) as f:
        return f.read()


def files():
    return ["%s/%s" % (d, name) for d in DIRECTORIES for name in sorted(os.listdir(os.path.join(EXAMPLES, d)))]


def announced(text):
    words = re.findall(r"^# Not enforced by this version: (.*)\.$", text, re.M)
    return [word for line in words for word in line.split(", ")]


def complaints(name):
    """Why the example is not as it should be."""
    path = os.path.join(EXAMPLES, name)
    text = read(path)
    config = ["--config", os.path.join(EXAMPLES, "services")]
    config += [] if name.startswith("services/") else ["--config", path]
    run = subprocess.run([HEDDLED, "--validate", "--strict"] + config, capture_output=True, text=True, timeout=60)
    found = [] if run.returncode == 0 else ["exit status %d" % run.returncode]
    for line in run.stderr.splitlines():
        if not re.match(r"\d+ errors, \d+ warnings", line) and not any(word in line for word in announced(text)):
            found.append(line)
    found += ["announces %s, but nothing is said of it: leave it out" % word for word in announced(text)
              if word not in run.stderr]
    run = subprocess.run([HEDDLECTL, "analyze", "--output-threshold", "Error"] + config[1::2], capture_output=True,
                         text=True, timeout=60)
    if run.returncode != 0:
        found += run.stdout.splitlines()
    if not text.startswith("# "):
        found.append("does not begin with a comment that says what it shows")
    return found


def missing_kinds():
    reference = re.findall(r"^\| \[(\w+)\]\(\S+\) \| (\S+) \|", read(os.path.join(ROOT, "docs/reference/README.md")), re.M)
    shown = set()
    for name in files():
        for document in re.split(r"^---$", read(os.path.join(EXAMPLES, name)), flags=re.M):
            version = re.search(r"^apiVersion: (\S+)", document, re.M)
            kind = re.search(r"^kind: (\S+)", document, re.M)
            if version and kind:
                group = version.group(1).rpartition("/")[0] or "core"
                shown.add((kind.group(1), group))
    return ["no example of %s of %s" % kind for kind in reference if kind not in shown]


def main():
    index = read(os.path.join(EXAMPLES, "README.md"))
    failed = 0
    cases = [(name, complaints(name)) for name in files()]
    cases.append(("every kind", missing_kinds()))
    cases.append(("README.md", ["%s is not listed" % n for n in files() if "(%s)" % n not in index]))
    for name, found in cases:
        print("%s %s" % ("not ok" if found else "ok", name))
        for line in found:
            print("  " + line)
        failed += bool(found)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""The HTTP/1 codec alone: h1_parse prints lines "what   MEDIAN ns   (MIN to MAX)"."""
import re
from benchlib import checked, pinned, processors, program

LINE = re.compile(r"(\S.*?)\s{2,}([\d.]+) ns")


def run(results, rounds):
    cpu, _ = processors()
    found = {}
    for _ in range(min(rounds, 3)):  # each has rounds of its own
        for what, ns in LINE.findall(checked(pinned(cpu, [program("h1_parse")]))):
            found.setdefault(what, []).append(float(ns))
    for what, values in found.items():
        results.figure("h1", what, values, "ns")

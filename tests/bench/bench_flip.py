#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Changes as fast as they come under connections as fast as they come: none fails, none mixes two epochs (promise P2).
import os
from benchlib import checked, program


def run(results, rounds):
    seconds = os.environ.get("FLIP_SECONDS", "60")
    figures = dict(line.split() for line in checked([program("flip_load"), seconds, "1000", "5000"], int(seconds) + 120).splitlines())
    for name, label, unit, target in (
            ("flips", "flips, of 1,000 changes a second", "/s", ""),
            ("connections", "connections, of 5,000 a second", "/s", ""),
            ("failed", "connections that failed", "", "0"),
            ("mixed", "connections that mixed two epochs", "", "0"),
            ("outside", "connections of an epoch not in force", "", "0")):
        results.figure("flip", label, [float(figures[name])], unit, target)

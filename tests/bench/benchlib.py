# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: processors, programs, paired statistics, the table and results.json."""
import datetime
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from lab import BUILD, Lab, sh  # noqa: E402,F401

HERE = os.path.dirname(os.path.abspath(__file__))


class Skip(Exception):
    """This benchmark cannot run here; the reason."""


def program(name):
    path = f"{BUILD}/tests/bench/{name}"
    if not os.access(path, os.X_OK):
        raise Skip(f"{path} is not built: make bench-programs")
    return path


def processors():
    """(of what is measured, of generators and origins): two cores, or the only one twice."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[-1], allowed[0]


def pinned(cpu, argv):
    return ["taskset", "-c", str(cpu), *argv]


def checked(argv, timeout=120):
    """Output of a program that must succeed."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: status {done.returncode}: {done.stderr.strip()[-400:]}")
    return done.stdout


def idle_share(seconds=2.0):
    """How much of all processors nobody used for so long."""
    def read():
        with open("/proc/stat", encoding="ascii") as f:
            ticks = [int(word) for word in f.readline().split()[1:9]]
        return ticks[3] + ticks[4], sum(ticks)
    idle, total = read()
    time.sleep(seconds)
    idle_after, total_after = read()
    return (idle_after - idle) / max(1, total_after - total)


class Spread:
    """Median and range of the values of the rounds."""

    def __init__(self, values):
        self.values = [float(v) for v in values]
        self.median, self.low, self.high = statistics.median(self.values), min(self.values), max(self.values)

    def json(self):
        return {"median": self.median, "min": self.low, "max": self.high, "rounds": self.values}

    def ratio_text(self):
        return f"{self.median:.3f} ({self.low:.3f}..{self.high:.3f})"


def number_text(value):
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"


class Results:
    """Rows of ratios; a ratio is that of two figures of the same round."""

    def __init__(self, rounds):
        self.rounds, self.rows, self.figures, self.notes, self.versions = rounds, [], [], [], {}
        self.idle = {}  # share before each benchmark

    def check_idle(self, name):
        """Others on the machine change ratios too, not only absolute figures: say so next to them."""
        self.idle[name] = idle_share()
        if self.idle[name] < 0.95:
            self.note(f"{name}: the machine was {self.idle[name]:.0%} idle before it began, not a run to record")

    def row(self, bench, what, subject, base, unit, expected=""):
        """subject and base: (name, figures by round)."""
        ratio = Spread([a / b for a, b in zip(subject[1], base[1])])
        a, b = Spread(subject[1]), Spread(base[1])
        self.rows.append({"bench": bench, "what": what, "unit": unit, "of": subject[0], "to": base[0],
                          "ratio": ratio.json(), "of_figure": a.json(), "to_figure": b.json(), "expected": expected,
                          "text": (bench, what, f"{subject[0]} / {base[0]}", ratio.ratio_text(),
                                   f"{number_text(a.median)} / {number_text(b.median)} {unit}", expected)})

    def figure(self, bench, what, values, unit, expected=""):
        """A figure that is compared with nothing but what is expected of it."""
        spread = Spread(values)
        self.figures.append({"bench": bench, "what": what, "unit": unit, "figure": spread.json(),
                             "expected": expected})
        self.rows.append({"text": (bench, what, "", "", f"{number_text(spread.median)} {unit}", expected)})

    def note(self, text):
        self.notes.append(text)

    def machine(self):
        model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="ascii")
                      if line.startswith("model name")), platform.machine())
        return {"kernel": platform.release(), "cpu": model, "cores": os.cpu_count(), "architecture": platform.machine(),
                "date": datetime.date.today().isoformat(), "versions": self.versions}

    def print(self):
        machine = self.machine()
        versions = ", ".join(f"{name} {version}" for name, version in sorted(self.versions.items()))
        print(f"\nLinux {machine['kernel']}, {machine['cores']} x {machine['cpu']}, {machine['date']}; {versions}")
        print(f"medians of the ratios of {self.rounds} interleaved rounds (smallest..largest); "
              "ratios carry over to other machines, absolute figures do not\n")
        header = ("bench", "measure", "compared", "ratio", "absolute", "expected")
        table = [header] + [row["text"] for row in self.rows]
        widths = [max(len(line[i]) for line in table) for i in range(len(header))]
        for i, line in enumerate(table):
            print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
            if i == 0:
                print("  ".join("-" * width for width in widths))
        for text in self.notes:
            print("note: " + text)

    def write(self, path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        rows = [{k: v for k, v in row.items() if k != "text"} for row in self.rows if "ratio" in row]
        with open(path + ".new", "w", encoding="utf-8") as f:
            json.dump({"machine": self.machine(), "rounds": self.rounds, "ratios": rows, "figures": self.figures,
                       "idle_before": self.idle, "notes": self.notes}, f, indent=1)
            f.write("\n")
        os.rename(path + ".new", path)


def read_ready(process):
    """Waits for the line "ready" of a helper."""
    if process.stdout.readline() != b"ready\n":
        raise RuntimeError(f"{process.args[-3:]} did not start")


def version_of(argv):
    """The first number with dots in what a program says about itself."""
    done = subprocess.run(argv, capture_output=True, text=True)
    found = re.search(r"\d+\.\d+[\w.+~-]*", done.stdout + done.stderr)
    return found.group() if found else "?"

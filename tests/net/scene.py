# SPDX-License-Identifier: Apache-2.0
"""What most network tests need: the lab on the path, YAML for common rules, both families in turn."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from lab import BUILD, Lab, PYTHON, Report, binomial_band, cgroup2_mount, sh, wait_for  # noqa: E402,F401


def destination_rule(host, policy="", ns="demo", subsets=("v1", "v2")):
    """A DestinationRule with subsets by the label version; policy: one-line YAML of the trafficPolicy."""
    lines = [f"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: {host}, namespace: {ns}}}",
             f"spec:\n  host: {host}"]
    if policy:
        lines.append(f"  trafficPolicy: {policy}")
    if subsets:
        lines.append("  subsets:\n" + "\n".join(f"  - {{name: {s}, labels: {{version: {s}}}}}" for s in subsets))
    return "\n".join(lines) + "\n"


def virtual_service(host, rules, kind="http", ns="demo", name=None):
    """A VirtualService; rules: YAML of the list under http: or tcp:, each item beginning with '- '."""
    indented = "\n".join("  " + line for line in rules.strip("\n").split("\n"))
    return (f"apiVersion: networking.istio.io/v1\nkind: VirtualService\n"
            f"metadata: {{name: {name or host}, namespace: {ns}}}\nspec:\n  hosts: [{host}]\n  {kind}:\n{indented}\n")


def to(host, subset=None, weight=None):
    """One line of a route list."""
    inner = f"host: {host}" + (f", subset: {subset}" if subset else "")
    return "{destination: {" + inner + "}" + (f", weight: {weight}" if weight is not None else "") + "}"


def statuses(answer):
    return [r[0] for r in answer["results"]]


def pods_of(answer):
    return [r[1] for r in answer["results"]]


def families(lab, n):
    """(name, service address) of service n: IPv4, IPv6, and IPv4 from an IPv6 socket."""
    return (("IPv4", lab.vip(n)), ("IPv6", lab.vip6(n)), ("v4-mapped", "::ffff:" + lab.vip(n)))

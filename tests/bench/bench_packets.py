# SPDX-License-Identifier: Apache-2.0
"""The packet path between two pods, client and server on one core: a service address translated packet by packet, through
the stack of the host and past it (acceleration.redirect: peer), against two pods that no program looks at; and nftables
DNAT in the same way, where nft is installed.

The client is in a cgroup that heddled's hooks do not see, as a VM is.
"""
import os
import shutil
import subprocess
import sys

from benchlib import Lab, checked, pinned, processors, program, read_ready

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))

from lab import cgroup2_mount, sh, wait_for  # noqa: E402

PORT = 7000
SECONDS_EACH = 1.0
PLAIN = "no heddled, pod address"
PATHS = {"stack": "packet path, service", "peer": "packet path, service, redirect peer",
         "pod": "redirect peer, pod address"}
MODES = (("rr", "request-response", "exchanges/s"), ("crr", "connections", "connections/s"))
EXPECTED = {("rr", PATHS["peer"]): ">= 1.05", ("rr", PATHS["stack"]): ">= 0.96"}


def pair_of_pods(lab, cpu):
    client, server = lab.pod("client", app="client"), lab.pod("server", app="server")
    client.command = lambda argv: ["nsenter", f"--net=/run/netns/{client.netns}", *argv]
    read_ready(server.run(pinned(cpu, [program("tcp_rr"), "serve", str(PORT)]), stdout=subprocess.PIPE))
    client.run(["sleep", "3600"])
    return client, server


def target(client, address):
    return f"/run/netns/{client.netns},{cgroup2_mount()},{address}:{PORT}"


def is_attached(lab, pod):
    index = open(f"/sys/class/net/{pod.veth}/ifindex", encoding="ascii").read().strip()
    return os.path.exists(f"{lab.bpffs}/tcx/{index}-egress") or \
        "hdl_tc" in sh(f"tc filter show dev {pod.veth} egress", check=False)


def heddled(cpu, **node):
    lab = Lab()
    client, server = pair_of_pods(lab, cpu)
    lab.service("server", 1, {"app": "server"}, port=PORT, port_name="tcp")
    lab.start()
    lab.write_cluster(**node)
    lab.reload()
    wait_for(lambda: is_attached(lab, client), "programs at the client's interface")
    return lab, client, server


def nftables(lab, client, server):
    vip = lab.vip(1)
    sh(f"nft add table ip hdlbench{lab.number}")
    sh(f"nft 'add chain ip hdlbench{lab.number} pre {{ type nat hook prerouting priority -100; }}'")
    sh(f"nft add rule ip hdlbench{lab.number} pre ip daddr {vip} tcp dport {PORT} dnat to {server.ip}:{PORT}")
    return target(client, vip)


def run(results, rounds):
    cpu, _ = processors()
    labs = []
    try:
        plain = Lab()
        labs.append(plain)
        client, server = pair_of_pods(plain, cpu)
        targets = {PLAIN: target(client, server.ip)}
        stack, client, server = heddled(cpu)
        labs.append(stack)
        targets[PATHS["stack"]] = target(client, stack.vip(1))
        peer, client, server = heddled(cpu, acceleration={"redirect": "peer"})
        labs.append(peer)
        targets[PATHS["peer"]] = target(client, peer.vip(1))
        targets[PATHS["pod"]] = target(client, server.ip)
        if shutil.which("nft"):
            nft = Lab()
            labs.append(nft)
            targets["nftables DNAT"] = nftables(nft, *pair_of_pods(nft, cpu))
        else:
            results.note("packets: nft is not installed, no DNAT to compare with")
        rates = {mode: {path: [] for path in targets} for mode, _, _ in MODES}
        for _ in range(rounds):
            for mode, _, _ in MODES:
                lines = checked(pinned(cpu, [program("tcp_rr"), mode, str(SECONDS_EACH), *targets.values()])).splitlines()
                for path, line in zip(targets, lines):
                    rates[mode][path].append(int(line.split()[0]))
        for mode, what, unit in MODES:
            for path in targets:
                if path != PLAIN:
                    results.row("packets", what, (path, rates[mode][path]), (PLAIN, rates[mode][PLAIN]), unit,
                                EXPECTED.get((mode, path), ""))
    finally:
        if len(labs) == 4:
            sh(f"nft delete table ip hdlbench{labs[3].number}", check=False)
        for lab in labs:
            lab.close()

"""Throughput of the whole path, hosts and gateways on this one machine: ESP with AES-128-CBC and
HMAC-SHA-1, raw and in UDP, beside the plain routed path, and beside the same paths with
cryptography switched off (the bench build), in interleaved rounds, on two wires:

  veth       hands superpackets over whole, which flatters the plain path
  segmented  TSO and UDP segmentation off, GRO on: packets of the wire's MTU, as a network card has

Absolute figures depend on the machine and on its noise; ratios within one run are the result."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lablib import gateway  # noqa: E402
from lablib import topology as t  # noqa: E402
from lablib.keying import Keying, set_up  # noqa: E402
from lablib.nat import encapsulated  # noqa: E402
from lablib.netns import Run  # noqa: E402
from lablib.topology import Lab  # noqa: E402
from lablib.traffic import ping  # noqa: E402

ENDS, NETS = (t.R1, t.R2), (t.NET_A, t.NET_B)
WIRES = {"veth": "on", "segmented": "off"}


def set_wire(lab, wire):
    state = WIRES[wire]
    for ns in (lab.r1, lab.r2):
        ns.run("ethtool", "-K", "wan", "gro", "on", "tso", state, "tx-udp-segmentation", state)


def raw(lab):
    set_up(lab, Keying(), ENDS, NETS)
    assert ping(lab.a, t.A, t.B)


class Path:
    """One way from A to B. PROTECT(lab) sets it up and returns when traffic passes; CRYPTO false:
    the bench build, which leaves bytes alone."""

    def __init__(self, run, name, protect=None, crypto=True):
        self.name, self.crypto = name, crypto
        self.protect = protect
        self.lab = Lab(run, direct=True)
        if protect:
            build = gateway.BUILD if crypto else os.environ["SALLYPORT_NO_CRYPTO"]
            for g in self.lab.gateways:
                g.binary = os.path.join(build, "src", "daemon", "sallyportd")
            self.lab.start()
            protect(self.lab)
        assert ping(self.lab.a, t.A, t.B), f"{name}: no connection"
        self.server = self.lab.b.popen(["iperf3", "-s", "-B", t.B],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.3)

    def gbits(self, seconds):
        out = self.lab.a.run("iperf3", "-c", t.B, "-B", t.A, "-t", str(seconds), "-O", "0.5", "-J")
        return json.loads(out)["end"]["sum_received"]["bits_per_second"] / 1e9

    def protected(self):
        return sum(int(p["encrypted"]) for p in self.lab.g1.policy_stats())

    def close(self):
        self.server.kill()
        self.server.wait()
        self.lab.close()


def measure(paths, rounds, seconds):
    rates = {(p.name, wire): [] for p in paths for wire in WIRES}
    for number in range(rounds):
        for wire in WIRES:
            for p in paths:
                set_wire(p.lab, wire)
                rates[p.name, wire].append(p.gbits(seconds))
                print(f"  round {number + 1} {wire:10} {p.name:32} "
                      f"{rates[p.name, wire][-1]:6.2f} Gbit/s", flush=True)
    return rates


def report(paths, rates):
    first = paths[0].name
    no_crypto = {p.protect: p.name for p in paths if not p.crypto}
    print(f"\n{'wire':10} {'path':32} {'median':>8} {'range':>15} {'of plain':>9} "
          f"{'of no-crypto':>13}")
    for wire in WIRES:
        for p in paths:
            here = rates[p.name, wire]
            middle = statistics.median(here)
            of_plain = middle / statistics.median(rates[first, wire])
            none = no_crypto.get(p.protect)
            of_none = middle / statistics.median(rates[none, wire]) if none else None
            print(f"{wire:10} {p.name:32} {middle:8.2f} {min(here):7.2f}-{max(here):<7.2f} "
                  f"{of_plain:8.0%} {'' if of_none is None else f'{of_none:12.0%}'}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    arguments.add_argument("--quick", action="store_true", help="one short round")
    options = arguments.parse_args()
    rounds, seconds = (1, 2) if options.quick else (4, 5)
    run = Run()
    paths = []
    try:
        paths.append(Path(run, "plain routed"))
        paths.append(Path(run, "raw ESP aes-128-cbc + sha1", raw))
        paths.append(Path(run, "UDP ESP aes-128-cbc + sha1", encapsulated))
        if os.environ.get("SALLYPORT_NO_CRYPTO"):
            paths.append(Path(run, "raw ESP, cryptography off", raw, crypto=False))
            paths.append(Path(run, "UDP ESP, cryptography off", encapsulated, crypto=False))
        print(f"TCP, one stream, {rounds} interleaved rounds of {seconds} s, "
              f"{os.cpu_count()} processors shared by all four machines")
        rates = measure(paths, rounds, seconds)
        assert all(p.protected() > 1000 for p in paths[1:]), "the tunnel carried nothing"
        report(paths, rates)
    finally:
        for p in paths:
            p.close()
        run.close()


if __name__ == "__main__":
    main()

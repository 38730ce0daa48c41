"""Handshakes per second, main mode and quick mode, between two daemons in namespaces, and what each
costs either of them in CPU time; two strongSwans beside, in the same run. As many clients as there
are handshakes, each an address of R1 with a policy or connection of its own to R2, all started at
once. The rate on the clock is that of the machine as it is; handshakes per second of CPU time (all
threads of both daemons) do not depend on what else runs.

Then the other way round: what a storm of handshakes does to a tunnel beside it. TCP throughput and
the round trip of pings through a tunnel of manual keys, without and with the clients above being
keyed anew all the time.

All ends share this machine: ratios within one run are the result."""

import argparse
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lablib import gateway  # noqa: E402
from lablib import topology as t  # noqa: E402
from lablib.keying import Keying, set_up  # noqa: E402
from lablib.meter import LogCounter, cpu_s  # noqa: E402
from lablib.netns import Run  # noqa: E402
from lablib.netns import run as run_command  # noqa: E402
from lablib.strongswan import CHARON, PLUGINS, installed  # noqa: E402
from lablib.topology import Lab  # noqa: E402
from lablib.traffic import ping  # noqa: E402
from lablib.vici import Vici  # noqa: E402

SECRET = "gvejimezyfopmekun"
DEADLINE_S = 120
# Our names: cipher, hash, group of phase 1, the same for phase 2; PFS with the same group or none.
SUITES = [("3des", "md5", "modp1024"), ("aes-128", "sha1", "modp1536")]


def client(number):
    return f"10.64.{number >> 8}.{number & 255}"


# -- the two makes: set(suite, pfs), start(), close(); processes, logs --

class Sallyports:
    name = "sallyport"
    established = "IPsec-SA established"

    def __init__(self, lab, count):
        self.lab, self.count = lab, count
        lab.start()
        self.processes = [g.process for g in lab.gateways]
        self.logs = [LogCounter(g.log_path, self.established) for g in lab.gateways]
        scripts = []
        for side, g in enumerate(lab.gateways):
            lines = [f"/ip ipsec peer add address=0.0.0.0/0 secret={SECRET}"]
            for n in range(count):
                here, there = (client(n), t.R2) if side == 0 else (t.R2, client(n))
                lines.append("/ip ipsec policy add tunnel=yes "
                             f"src-address={here}/32 dst-address={there}/32 "
                             f"sa-src-address={here} sa-dst-address={there}")
            path = f"{lab.run.folder}/clients{side}.rsc"
            with open(path, "w", encoding="ascii") as f:
                f.write("\n".join(lines) + "\n")
            scripts.append(subprocess.Popen([gateway.CONSOLE, "--socket", g.socket, path],
                                            stdin=subprocess.DEVNULL))
        assert all(s.wait(timeout=600) == 0 for s in scripts), "the console refused the clients"
        self.sockets = []
        with lab.r1.entered():
            for n in range(count):
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                s.bind((client(n), 9))
                self.sockets.append(s)

    def set(self, suite, pfs):
        enc, hash_, group = suite
        for g in self.lab.gateways:
            g.console("/ip ipsec peer set [find] "
                      f"enc-algorithm={enc} hash-algorithm={hash_} dh-group={group}",
                      f"/ip ipsec proposal set default enc-algorithms={enc} "
                      f"auth-algorithms={hash_} pfs-group={group if pfs else 'none'}")
        self.forget()

    def forget(self):
        for g in self.lab.gateways:
            g.console("/ip ipsec remote-peers kill-connections")

    def start(self):
        """A packet of each policy: it wants an SA."""
        for s in self.sockets:
            s.sendto(b"", (t.R2, 9))

    def close(self):
        for s in self.sockets:
            s.close()
        for g in self.lab.gateways:
            g.stop()


class Charon:
    """A strongSwan set up for many SAs, which says nothing but that one came to be."""

    def __init__(self, ns, folder):
        os.makedirs(folder)
        self.log_path = f"{folder}/log"
        conf = f"{folder}/strongswan.conf"
        with open(conf, "w", encoding="ascii") as f:
            f.write(f"""charon-systemd {{
  load = {PLUGINS}
  ikesa_table_size = 1024
  ikesa_table_segments = 16
  install_routes = no
  filelog {{
    bench {{
      path = {self.log_path}
      default = -1
      ike = 0
      flush_line = yes
    }}
  }}
  plugins {{
    vici {{
      socket = unix://{folder}/vici
    }}
    kernel-libipsec {{
      load = yes
      allow_peer_ts = yes
    }}
    kernel-netlink {{
      fwmark = !0x42
    }}
    socket-default {{
      fwmark = 0x42
    }}
  }}
}}
""")
        self.process = subprocess.Popen(ns.argv([CHARON]),
                                        env=dict(os.environ, STRONGSWAN_CONF=conf),
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while not os.path.exists(f"{folder}/vici") and time.monotonic() < deadline:
            time.sleep(0.05)
        self.vici = Vici(f"{folder}/vici")
        self.vici.must("load-shared", {"type": "IKE", "data": SECRET})

    def load(self, name, local, remote, ike, esp):
        self.vici.must("load-conn", {name: {
            "version": "1", "local_addrs": [local], "remote_addrs": [remote], "proposals": [ike],
            "unique": "no", "local": {"auth": "psk"}, "remote": {"auth": "psk"},
            "children": {name: {"mode": "tunnel", "esp_proposals": [esp],
                                "local_ts": [f"{local}/32"], "remote_ts": ["dynamic"]}}}})

    def close(self):
        self.vici.close()
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class StrongSwans:
    """Begun anew for every measurement."""
    name = "strongSwan"
    established = "established with SPIs"

    def __init__(self, lab, count):
        self.lab, self.count = lab, count
        self.ends = []
        self.number = 0

    def set(self, suite, pfs):
        enc, hash_, group = suite
        ike = f"{enc.replace('-', '')}-{hash_}-{group}"
        esp = f"{enc.replace('-', '')}-{hash_}" + (f"-{group}" if pfs else "")
        self.close()
        self.number += 1
        self.ends = [Charon(ns, f"{self.lab.run.folder}/charon{self.number}{ns.name[-2:]}")
                     for ns in (self.lab.r1, self.lab.r2)]
        self.processes = [end.process for end in self.ends]
        self.logs = [LogCounter(end.log_path, self.established) for end in self.ends]
        for n in range(self.count):
            self.ends[0].load(f"c{n}", client(n), t.R2, ike, esp)
        self.ends[1].load("all", t.R2, "%any", ike, esp)

    def start(self):
        for n in range(self.count):
            self.ends[0].vici.must("initiate", {"child": f"c{n}", "ike": f"c{n}", "timeout": "-1"})

    def close(self):
        for end in self.ends:
            end.close()
        self.ends = []


# -- measuring handshakes --

def measure(pair, suite, pfs):
    """Handshakes per second, CPU milliseconds of initiator and responder for each."""
    pair.set(suite, pfs)
    for log in pair.logs:
        log.restart()
    time.sleep(1)  # what setting up has left over
    before = [cpu_s(p.pid) for p in pair.processes]
    started = time.monotonic()
    pair.start()
    while min(log.read() for log in pair.logs) < pair.count:
        if time.monotonic() > started + DEADLINE_S:
            raise RuntimeError(f"{pair.name}: {[log.count for log in pair.logs]} of {pair.count} "
                               f"handshakes in {DEADLINE_S} s")
        time.sleep(0.01)
    seconds = time.monotonic() - started
    used = [cpu_s(p.pid) - b for p, b in zip(pair.processes, before)]
    return pair.count / seconds, used[0] / pair.count * 1e3, used[1] / pair.count * 1e3


def report(suites, results):
    print(f"\n{'suite':22} {'pfs':4} {'':11} {'per s':>7} {'range':>13} {'CPU ms':>9} {'':>9} "
          f"{'per s':>9}\n{'':53} {'initiator':>15} {'responder':>9} {'of CPU':>9}")
    for suite in suites:
        for pfs in (False, True):
            rows = {}
            for name in ("sallyport", "strongSwan"):
                rounds = results.get((name, suite, pfs))
                if not rounds:
                    continue
                rows[name] = [statistics.median(column) for column in zip(*rounds)]
                rates = [r[0] for r in rounds]
                print(f"{'-'.join(suite):22} {'yes' if pfs else 'no':4} {name:11} "
                      f"{rows[name][0]:7.0f} {min(rates):6.0f}-{max(rates):<6.0f} "
                      f"{rows[name][1]:9.2f} {rows[name][2]:9.2f} "
                      f"{1e3 / sum(rows[name][1:]):9.0f}")
            if len(rows) == 2:
                ours, theirs = rows["sallyport"], rows["strongSwan"]
                print(f"{'':27} {'ratio':11} {ours[0] / theirs[0]:7.1f} {'':13} "
                      f"{ours[1] / theirs[1]:9.2f} {ours[2] / theirs[2]:9.2f} "
                      f"{sum(theirs[1:]) / sum(ours[1:]):9.1f}")


# -- a tunnel beside a storm --

class Storm:
    """All clients keyed anew, again and again, while the block runs."""

    def __init__(self, pair):
        self.pair = pair
        self.rate = 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        os.nice(10)  # of this thread and the consoles it starts: the load is to be the daemons'
        started, handshakes = time.monotonic(), 0
        while not self.stop.is_set():
            self.pair.forget()
            for log in self.pair.logs:
                log.restart()
            self.pair.start()
            end = time.monotonic() + 10
            while min(log.read() for log in self.pair.logs) < self.pair.count and \
                    time.monotonic() < end and not self.stop.is_set():
                time.sleep(0.02)
            handshakes += min(log.count for log in self.pair.logs)
        self.rate = handshakes / (time.monotonic() - started)

    def __enter__(self):
        self.thread.start()
        time.sleep(1)
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def tcp_gbits(lab, seconds):
    out = lab.a.run("iperf3", "-c", t.B, "-B", t.A, "-t", str(seconds), "-J")
    return json.loads(out)["end"]["sum_received"]["bits_per_second"] / 1e9


def round_trips_ms(lab, count):
    """Sorted; lost ones count as a second."""
    out = lab.a.run("ping", "-i", "0.005", "-c", str(count), "-W", "1", "-I", t.A, t.B)
    times = [float(x) for x in re.findall(r"time=([\d.]+)", out)]
    return sorted(times + [1000.0] * (count - len(times)))


def tunnel_measure(lab, seconds):
    trips = round_trips_ms(lab, 200 * seconds)
    return (tcp_gbits(lab, seconds), statistics.median(trips), trips[len(trips) * 99 // 100],
            trips[-1], trips.count(1000.0))


def tunnel_beside_storm(pair, rounds, seconds):
    lab = pair.lab
    set_up(lab, Keying(), (t.R1, t.R2), (t.NET_A, t.NET_B))
    assert ping(lab.a, t.A, t.B), "no connection through the tunnel"
    pair.set(SUITES[0], False)
    server = lab.b.popen(["iperf3", "-s", "-B", t.B], stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
    results = {"quiet": [], "storm": []}
    rates = []
    try:
        for _ in range(rounds):
            results["quiet"].append(tunnel_measure(lab, seconds))
            with Storm(pair) as storm:
                results["storm"].append(tunnel_measure(lab, seconds))
            rates.append(storm.rate)
    finally:
        server.kill()
        server.wait()
    print(f"\n{'a tunnel beside':16} {'TCP Gbit/s':>11} {'ping ms median':>15} {'99%':>7} "
          f"{'worst':>7} {'lost':>5}")
    for name, got in results.items():
        print(f"{name:16} {statistics.median(g[0] for g in got):11.2f} "
              f"{statistics.median(g[1] for g in got):15.2f} "
              f"{statistics.median(g[2] for g in got):7.2f} {max(g[3] for g in got):7.2f} "
              f"{sum(g[4] for g in got):5d}")
    print(f"storm: {statistics.median(rates):.0f} handshakes per second meanwhile")


def clients_add(lab, count):
    batch = "".join(f"address add {client(n)}/32 dev wan\n" for n in range(count))
    run_command(["ip", "-n", lab.r1.name, "-batch", "-"], input=batch)
    lab.r2.ip(f"route add 10.64.0.0/16 via {t.R1}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    arguments.add_argument("--quick", action="store_true", help="one round of few handshakes")
    options = arguments.parse_args()
    rounds, count = (1, 100) if options.quick else (3, 400)
    run = Run()
    pairs, results = [], {}
    try:
        ours, theirs = Lab(run, direct=True), Lab(run, direct=True)
        clients_add(ours, count)
        clients_add(theirs, count)
        pairs.append(Sallyports(ours, count))
        if installed():
            pairs.append(StrongSwans(theirs, count))
        else:
            print("strongSwan is not installed: nothing to compare with")
        print(f"{count} handshakes at once, {rounds} interleaved rounds, {os.cpu_count()} "
              "processors shared by both ends")
        for number in range(rounds):
            for suite in SUITES:
                for pfs in (False, True):
                    for pair in pairs:
                        got = measure(pair, suite, pfs)
                        results.setdefault((pair.name, suite, pfs), []).append(got)
                        print(f"  round {number + 1} {'-'.join(suite):22} "
                              f"{'pfs' if pfs else '':4} {pair.name:11} {got[0]:6.0f}/s "
                              f"{got[1]:6.2f} and {got[2]:.2f} ms", flush=True)
        report(SUITES, results)
        tunnel_beside_storm(pairs[0], rounds, 2 if options.quick else 5)
    finally:
        for pair in pairs:
            pair.close()
        run.close()


if __name__ == "__main__":
    main()

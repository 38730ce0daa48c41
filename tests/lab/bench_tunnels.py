"""Many tunnels between two gateways: what they cost to configure, establish, keep and renew. One
peer, as many policies as tunnels, each between another pair of hosts; a packet of every policy
brings its SAs up. CPU time is that of all threads of a daemon, memory its resident set."""

import argparse
import os
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lablib import gateway  # noqa: E402
from lablib import topology as t  # noqa: E402
from lablib.meter import LogCounter, cpu_s, rss_bytes  # noqa: E402
from lablib.netns import Run  # noqa: E402
from lablib.topology import Lab  # noqa: E402

SECRET = "gvejimezyfopmekun"
IDLE_S = 15


def host(net, number):
    return f"10.{net}.{number >> 8}.{number & 255}"


def configure(lab, count, lifetime):
    """By the console, from a script; both ends at once."""
    scripts = []
    for g, here, there, ends in ((lab.g1, 64, 96, (t.R1, t.R2)), (lab.g2, 96, 64, (t.R2, t.R1))):
        lines = [f"/ip ipsec peer add address={ends[1]} secret={SECRET} enc-algorithm=aes-128 "
                 "hash-algorithm=sha1 dh-group=modp1536",
                 "/ip ipsec proposal set default enc-algorithms=aes-128 auth-algorithms=sha1 "
                 f"pfs-group=none lifetime={lifetime}s"]
        lines += [f"/ip ipsec policy add level=unique tunnel=yes src-address={host(here, n)}/32 "
                  f"dst-address={host(there, n)}/32 sa-src-address={ends[0]} "
                  f"sa-dst-address={ends[1]}" for n in range(count)]
        path = f"{lab.run.folder}/many{here}.rsc"
        with open(path, "w", encoding="ascii") as f:
            f.write("\n".join(lines) + "\n")
        scripts.append(subprocess.Popen([gateway.CONSOLE, "--socket", g.socket, path],
                                        stdin=subprocess.DEVNULL))
    assert all(s.wait(timeout=600) == 0 for s in scripts), "the console refused the policies"


def routes(lab):
    lab.r1.ip(f"route add 10.64.0.0/16 via {t.A}")
    lab.r1.ip(f"route add 10.96.0.0/16 via {t.R2}")
    lab.r2.ip(f"route add 10.96.0.0/16 via {t.B}")
    lab.r2.ip(f"route add 10.64.0.0/16 via {t.R1}")


class Sender:
    """Packets of policies, from host A with the policies' addresses."""

    def __init__(self, lab, count):
        with lab.a.entered():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.count = count

    def send_all(self, per_second=10000):
        started = time.monotonic()
        for n in range(self.count):
            src, dst = (socket.inet_aton(host(net, n)) for net in (64, 96))
            # IPv4 of 28 bytes and an empty UDP datagram, discard to discard
            self.socket.sendto(struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28, 0, 0, 64, 17, 0, src, dst)
                               + struct.pack("!HHHH", 9, 9, 8, 0), (host(96, n), 0))
            ahead = n / per_second - (time.monotonic() - started)
            if ahead > 0.01:
                time.sleep(ahead)

    def close(self):
        self.socket.close()


class Meter:
    """What two daemons used since; per tunnel."""

    def __init__(self, lab, count):
        self.pids = [g.process.pid for g in lab.gateways]
        self.count = count
        self.restart()

    def restart(self):
        self.cpu = [cpu_s(pid) for pid in self.pids]
        self.rss = [rss_bytes(pid) for pid in self.pids]
        self.started = time.monotonic()

    def seconds(self):
        return time.monotonic() - self.started

    def cpu_used(self):
        return [cpu_s(pid) - before for pid, before in zip(self.pids, self.cpu)]

    def line(self, what, memory=False):
        cpu = self.cpu_used()
        text = (f"{what:28} {self.seconds():7.1f} s   CPU {cpu[0]:6.2f} and {cpu[1]:.2f} s, "
                f"{cpu[0] / self.count * 1e6:.0f} and {cpu[1] / self.count * 1e6:.0f} us each")
        if memory:
            grown = [(rss_bytes(pid) - before) / self.count
                     for pid, before in zip(self.pids, self.rss)]
            text += f"; memory {grown[0]:.0f} and {grown[1]:.0f} bytes each"
        print(text, flush=True)


def wait_for(logs, count, seconds, sender=None):
    """Until both logs have COUNT more lines of the kind they count."""
    deadline = time.monotonic() + seconds
    again = time.monotonic() + 3
    while min(log.read() for log in logs) < count:
        assert time.monotonic() < deadline, f"{[log.count for log in logs]} of {count}"
        if sender and time.monotonic() > again:  # as traffic would: who got no turn asks again
            sender.send_all()
            again = time.monotonic() + 3
        time.sleep(0.05)


def sas(g):
    return int(g.console("/ip ipsec installed-sa print count-only"))


def bench(lab, count, lifetime):
    meter = Meter(lab, count)
    configure(lab, count, lifetime)
    meter.line("configured in", memory=True)
    routes(lab)
    sender = Sender(lab, count)
    logs = [LogCounter(g.log_path, "IPsec-SA established") for g in lab.gateways]
    time.sleep(1)
    meter.restart()
    born = time.monotonic()
    sender.send_all()
    wait_for(logs, count, 300, sender)
    meter.line("established in", memory=True)
    assert [sas(g) for g in lab.gateways] == [2 * count] * 2, "not one pair of SAs for each policy"
    time.sleep(2)
    meter.restart()
    time.sleep(IDLE_S)
    print(f"{'nothing to do':28} {meter.seconds():7.1f} s   CPU "
          + " and ".join(f"{used / meter.seconds():.2%}" for used in meter.cpu_used())
          + " of a processor")
    for what in ("installed-sa", "policy"):
        meter.restart()
        lab.g1.console(f"/ip ipsec {what} print")
        print(f"{what + ' print':28} {meter.seconds():7.1f} s   CPU {meter.cpu_used()[0]:6.2f} s")
    for log in logs:
        log.restart()
    time.sleep(max(0, born + lifetime * 0.79 - time.monotonic()))
    meter.restart()
    wait_for(logs, count, lifetime)
    meter.line(f"renewed, of {lifetime} s each, in")
    sender.close()


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    arguments.add_argument("--quick", action="store_true", help="500 tunnels")
    options = arguments.parse_args()
    count, lifetime = (500, 30) if options.quick else (10000, 180)
    os.environ["SALLYPORT_LOG"] = "debug"  # of one peer not every line is written above that
    run = Run()
    lab = Lab(run, direct=True)
    try:
        lab.start()
        print(f"{count} tunnels, aes-128-sha1-modp1536, initiator and responder")
        bench(lab, count, lifetime)
    finally:
        lab.close()
        run.close()


if __name__ == "__main__":
    main()

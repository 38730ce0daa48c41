"""Nothing leaks: under kill -9, restarts, rewriting of the SPD and new interfaces, no packet that
policy protects leaves in clear, and none that should have come encrypted is let in.

Two streams run all the time: A sends to B through the tunnel; a third machine on the wire forges
clear packets that claim to come from A. The capture on the wire must show no clear packet of A, and
B must receive no forged one."""

import contextlib
import threading
import time

import pytest
from lablib import topology as t
from lablib.capture import Injector, Recorder, mac_of
from lablib.keying import Keying, set_up
from lablib.traffic import Sink, Stream, Udp, ping
from scapy.layers.inet import IP, UDP

ENDS, NETS = (t.R1, t.R2), (t.NET_A, t.NET_B)
FORGED = b"forged in clear"
FORGED_PORT = 7009


@pytest.fixture
def lab(any_lab):
    return any_lab


class Forger:
    """Clear packets with A's source address, put on the wire by a third machine."""

    def __init__(self, lab, per_second=500):
        self.injector = Injector(lab.w, "r2u1", mac_of(lab.r2, "wan"))
        self.packet = bytes(IP(src=t.A, dst=t.B) / UDP(sport=4000, dport=FORGED_PORT) / FORGED)
        self.receiver = Udp(lab.b, t.B, FORGED_PORT)
        self.interval = 1 / per_second
        self.sent = 0
        self.accepted = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self._stop.is_set():
            self.injector.send(self.packet)
            self.sent += 1
            time.sleep(self.interval)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self.accepted = len(self.receiver.drain())
        self.receiver.close()
        self.injector.close()


class Watch:
    """The streams, the capture and the judgement."""

    def __init__(self, lab):
        self.lab = lab
        self.wires = [Recorder(lab.w, f"r1u{n}", incoming_only=True) for n in (1, 2)]

    def __enter__(self):
        self.stack = contextlib.ExitStack()
        for wire in self.wires:
            self.stack.enter_context(wire)
        self.sink = self.stack.enter_context(Sink(self.lab.b, t.B))
        self.forger = self.stack.enter_context(Forger(self.lab))
        self.stream = self.stack.enter_context(Stream(self.lab.a, t.A, t.B))
        assert self.sink.wait_for(50), "no traffic to begin with"
        return self

    def __exit__(self, *exc):
        self.stack.__exit__(*exc)
        if exc[0] is None:
            self.judge()

    def judge(self):
        assert self.stream.sent > 100 and self.forger.sent > 50
        for wire in self.wires:
            leaked = [p for p in wire.select(src=t.A) if p.carries not in (50, 51)]
            assert leaked == [], f"{len(leaked)} clear packets left R1, first {leaked[0]}"
        assert self.wires[0].ipsec(src=t.R1), "nothing was protected"
        assert self.forger.accepted == 0, \
            f"{self.forger.accepted} of {self.forger.sent} clear packets were let in"

    def flows_again(self, timeout=5.0):
        return self.sink.wait_for(self.sink.count + 50, timeout)


def test_kill_under_traffic_fails_closed(lab, pytestconfig):
    set_up(lab, Keying(), ENDS, NETS)
    with Watch(lab) as watch:
        lab.g1.kill()
        lab.g2.kill()
        time.sleep(1.0 * pytestconfig.getoption("soak"))
        count = watch.sink.count
        time.sleep(0.3)
        assert watch.sink.count == count, "traffic goes on without the daemons"
        for g in lab.gateways:
            g.start()
        assert watch.flows_again(), "the tunnel does not come back"


def test_restart_under_traffic(lab, pytestconfig):
    set_up(lab, Keying(), ENDS, NETS)
    before = [g.console("/ip ipsec policy print", "/ip ipsec manual-sa print")
              for g in lab.gateways]
    with Watch(lab) as watch:
        for _ in range(int(3 * pytestconfig.getoption("soak"))):
            for g in lab.gateways:
                g.kill()
                g.start()
            assert watch.flows_again(), "the tunnel does not come back"
    after = [g.console("/ip ipsec policy print", "/ip ipsec manual-sa print")
             for g in lab.gateways]
    assert after == before


def test_clean_stop_removes_everything(lab):
    """A stop is an answer to the administrator: no steering, no rules, no devices are left."""
    set_up(lab, Keying(), ENDS, NETS)
    assert ping(lab.a, t.A, t.B)
    for g in lab.gateways:
        g.stop()
    for ns in (lab.r1, lab.r2):
        assert "sallyport" not in ns.run("nft", "list", "ruleset")
        links = [line.split()[1].rstrip(":") for line in ns.run("ip", "-o", "link").splitlines()]
        assert sorted(name.split("@")[0] for name in links) == ["lan", "lo", "wan", "wan2"]
        for device in ("lan", "wan", "wan2"):
            assert "bpf" not in ns.run("tc", "filter", "show", "dev", device, "egress")
    with Recorder(lab.w, "r1u1") as record:
        assert ping(lab.a, t.A, t.B), "plain routing does not come back"
    assert len(record.between(t.A, t.B)) == 2
    for g in lab.gateways:
        g.start()
    assert ping(lab.a, t.A, t.B)


def test_spd_rewritten_under_traffic(lab, pytestconfig):
    """1,000 changes around the protecting policy: others come and go, priorities change. Fewer in
    CI where each runs the nft program."""
    slow = lab.g1.daemon_args and not pytestconfig.getoption("full")
    changes = 300 if slow else 1000
    set_up(lab, Keying(), ENDS, NETS)
    with Watch(lab) as watch:
        for g, near, far in ((lab.g1, t.NET_A, t.NET_B), (lab.g2, t.NET_B, t.NET_A)):
            script = []
            for n in range(changes // 10):
                script += [
                    f"/ip ipsec policy add action=none src-address=10.99.{n % 250}.0/24 "
                    f"dst-address=10.98.0.0/16 comment=x priority={n % 7}",
                    f"/ip ipsec policy add action=discard protocol=gre src-address={near} "
                    f"dst-address={far} comment=x priority=3",
                    "/ip ipsec policy set [find comment=x] priority=-5",
                    "/ip ipsec policy remove [find comment=x]",
                    f"/ip ipsec policy set [find src-address={near}:any] priority={n % 3}",
                ]
            for n in range(0, len(script), 250):
                g.console(*script[n:n + 250])
        assert watch.flows_again()


def test_interface_that_appears_under_traffic(lab):
    """A new interface takes over the route to B: its first packet is already protected."""
    set_up(lab, Keying(), ENDS, NETS)
    records = []
    with Watch(lab) as watch:
        for n in range(5):
            lab.w.ip(f"link add new{n} type veth peer name up{n} netns {lab.r1.name}")
            record = Recorder(lab.w, f"new{n}", incoming_only=True)
            with record:
                lab.w.ip(f"link set new{n} up")
                lab.r1.run("sh", "-c", f"ip link set up{n} up && ip address add 1.0.9.1/24 dev "
                           f"up{n} && ip neigh add 1.0.9.2 lladdr 02:00:00:00:09:02 dev up{n} "
                           f"&& ip route replace {t.NET_B} via 1.0.9.2 dev up{n}")
                time.sleep(0.3)
                lab.r1.ip(f"route replace {t.NET_B} via {t.R2}")
            lab.w.ip(f"link del new{n}")
            records.append(record)
        assert watch.flows_again()
    for record in records:
        assert [p for p in record.select(src=t.A)] == [], "clear packets on the new interface"


def test_steered_interface_that_goes_and_comes_back(lab):
    """The uplink itself is taken down and up under traffic."""
    set_up(lab, Keying(), ENDS, NETS)
    with Watch(lab) as watch:
        for _ in range(3):
            lab.r1.run("sh", "-c", "ip link set wan down; ip link set wan up; "
                       f"ip route replace {t.NET_B} via {t.R2}")
            time.sleep(0.1)
        assert watch.flows_again()


def test_address_that_goes_away_opens_no_leak(lab):
    """Without its sa-src-address the policy is inactive (I), its traffic is not let out by another
    uplink in clear, and the tunnel comes back with the address."""
    set_up(lab, Keying(), ENDS, NETS)
    with Watch(lab) as watch:
        lab.r1.run("sh", "-c", f"ip address del {t.R1}/24 dev wan; "
                   f"ip route replace {t.NET_B} via {t.R2B}")
        time.sleep(0.5)
        assert lab.g1.policies()[0]["flags"] == "I"
        lab.r1.run("sh", "-c", f"ip address add {t.R1}/24 dev wan; "
                   f"ip route replace {t.NET_B} via {t.R2}")
        assert watch.flows_again()


def test_next_hop_inside_the_policy_that_does_not_answer(lab):
    """The original next hop need not exist: only the SA's end point has to be reachable."""
    set_up(lab, Keying(), ENDS, NETS)
    lab.r1.ip(f"route replace {t.NET_B} dev wan")
    try:
        deadline = time.monotonic() + 10
        while not ping(lab.a, t.A, t.B) and time.monotonic() < deadline:
            pass
        assert ping(lab.a, t.A, t.B)
    finally:
        lab.r1.ip(f"route replace {t.NET_B} via {t.R2}")

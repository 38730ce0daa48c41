"""Renewal under continuous traffic: both phases, by time and by bytes, begun by either side. Four
tunnels between four pairs of addresses live through a dozen seconds of very short lives at once;
the tests are what is asked about them afterwards."""

import contextlib
import time
from dataclasses import dataclass, field

import pytest
from lablib import topology as t
from lablib.capture import ESP, Recorder
from lablib.ike import comes_up, peers, proposal, tunnel, until
from lablib.keying import installed_keys
from lablib.topology import Lab
from lablib.traffic import Sink, Stream
from lablib.witness import judge

SECONDS = 12
PER_SECOND = 200
R1C, R2C = "1.0.0.11", "1.0.0.12"


@dataclass
class Tunnel:
    name: str
    ends: tuple
    nets: tuple
    hosts: tuple
    proposal: str = ""
    peer: str = ""
    starts: int = 1   # the router whose host sends first
    streams: list = field(default_factory=list)
    sinks: list = field(default_factory=list)

    @property
    def port(self):
        return 7100 + TUNNELS.index(self)

    def carry(self, lab, stack):
        """Numbered datagrams both ways, from A's side first."""
        for near, far, source, target in ((lab.a, lab.b, *self.hosts),
                                          (lab.b, lab.a, *self.hosts[::-1])):
            self.sinks.append(stack.enter_context(Sink(far, target, self.port)))
            self.streams.append(stack.enter_context(
                Stream(near, source, target, self.port, PER_SECOND)))

    def spis_on(self, wires, direction):
        """SPIs in the order they were first used on the wire."""
        src, dst = self.ends if direction == 0 else self.ends[::-1]
        return list(dict.fromkeys(p.spi for w in wires for p in w.select(src, dst, ESP)))


TUNNELS = [
    Tunnel("phase 2, time", (t.R1, t.R2), (t.NET_A, t.NET_B), (t.A, t.B), "lifetime=4s"),
    Tunnel("phase 2, bytes", (t.R1_6, t.R2_6), (t.NET_A6, t.NET_B6), (t.A6, t.B6),
           "lifebytes=150000", starts=2),
    Tunnel("phase 1, time", (t.R1B, t.R2B), (t.NET_A2, t.NET_B2), (t.A2, t.B2),
           peer="lifetime=4s", starts=2),
    Tunnel("phase 1, bytes", (R1C, R2C), (t.NET_A, t.NET_B2), (t.A, t.B2),
           "lifetime=2s", peer="lifebytes=2000"),
]
BY_NAME = {one.name: one for one in TUNNELS}


class Watched:
    """What a run of all tunnels showed."""

    def __init__(self):
        self.states, self.keys = set(), {}

    def look(self, lab):
        self.states |= {sa["state"] for sa in lab.g1.installed_sas()}
        self.keys |= {(sa.spi, sa.src): sa for sa in installed_keys(lab.g1)}

    def sessions(self, one, which):
        """How many phase 1 SAs of a tunnel a gateway has established."""
        here, there = one.ends if which == 0 else one.ends[::-1]
        return sum("ISAKMP-SA established" in line and f" {here}[500]<=>{there}[500]" in line
                   for line in self.logs[which].splitlines())


@pytest.fixture(scope="module")
def watched(run):
    result = Watched()
    with Lab(run).start() as lab:
        lab.r1.ip(f"address add {R1C}/24 dev wan")
        lab.r2.ip(f"address add {R2C}/24 dev wan")
        for n, one in enumerate(TUNNELS):
            proposal(lab, f"enc-algorithms=aes-128 pfs-group=modp768 {one.proposal}", f"p{n}")
            peers(lab, f"dh-group=modp768 {one.peer}", ends=one.ends)
            tunnel(lab, f"proposal=p{n}", one.ends, one.nets)
        for one in TUNNELS:
            ns, source, target = ((lab.a, *one.hosts) if one.starts == 1
                                  else (lab.b, *one.hosts[::-1]))
            assert comes_up(ns, source, target), f"{one.name}: {lab.g1.log()}"
        with contextlib.ExitStack() as stack:
            result.wires = [stack.enter_context(Recorder(lab.w, f"r1u{n}")) for n in (1, 2)]
            with contextlib.ExitStack() as traffic:
                for one in TUNNELS:
                    one.carry(lab, traffic)
                end = time.monotonic() + SECONDS
                while time.monotonic() < end:
                    result.look(lab)
                    time.sleep(0.3)
                for s in (s for one in TUNNELS for s in one.streams):
                    s.stop()
                until(lambda: all(sink.count >= stream.sent for one in TUNNELS
                                  for sink, stream in zip(one.sinks, one.streams)), 3)
        result.look(lab)
        result.left = [g.installed_sas() for g in lab.gateways]
        result.errors = [g.console(f"/ip ipsec {menu} get {n} last-error")
                         for g in lab.gateways for menu in ("peer", "policy")
                         for n in range(len(TUNNELS))]
        result.logs = [g.log() for g in lab.gateways]
    return result


@pytest.mark.parametrize("direction", [0, 1], ids=["A to B", "B to A"])
@pytest.mark.parametrize("name", BY_NAME)
def test_no_packet_is_lost(watched, name, direction):
    one = BY_NAME[name]
    sent, numbers = one.streams[direction].sent, one.sinks[direction].numbers
    assert sent > SECONDS * PER_SECOND / 2
    lost = sorted(set(range(sent)) - set(numbers))
    assert lost == [], f"{len(lost)} of {sent}, first {lost[0]}"
    assert len(numbers) == sent, "some came twice"


@pytest.mark.parametrize("name, times", [("phase 2, time", 2), ("phase 2, bytes", 2),
                                         ("phase 1, bytes", 4)])
def test_sas_were_renewed_on_the_wire(watched, name, times):
    for direction in (0, 1):
        used = BY_NAME[name].spis_on(watched.wires, direction)
        assert len(used) > times, f"{used}"


@pytest.mark.parametrize("name, times", [("phase 1, time", 2), ("phase 1, bytes", 1)])
def test_phase_1_was_renewed(watched, name, times):
    for which in (0, 1):
        assert watched.sessions(BY_NAME[name], which) > times, watched.logs[which]


def test_phase_1_changes_nothing_of_phase_2(watched):
    one = BY_NAME["phase 1, time"]
    assert [len(one.spis_on(watched.wires, d)) for d in (0, 1)] == [1, 1]


def test_phase_2_changes_nothing_of_phase_1(watched):
    for name in ("phase 2, time", "phase 2, bytes"):
        assert watched.sessions(BY_NAME[name], 0) == 1


def test_one_sa_per_renewal_is_used(watched):
    """Both sides at once or one after the other: the wire never goes back to an older SA."""
    for one in TUNNELS:
        for src, dst in (one.ends, one.ends[::-1]):
            order = [p.spi for w in watched.wires for p in w.select(src, dst, ESP)]
            changes = 1 + sum(a != b for a, b in zip(order, order[1:]))
            assert changes == len(set(order)), f"{one.name}: {changes} changes of SA"


def test_witness_opens_every_packet(watched):
    ends = BY_NAME["phase 2, time"].ends
    packets = [p for p in watched.wires[0].ipsec() if {p.src, p.dst} == set(ends)]
    assert judge(packets, list(watched.keys.values())) > len(packets) > 0


def test_states_of_ageing_sas_were_seen(watched):
    assert {"mature", "dying"} <= watched.states


def test_old_sas_do_not_pile_up(watched):
    for sas in watched.left:
        for one in TUNNELS:
            own = [sa for sa in sas if {sa["src-address"], sa["dst-address"]} == set(one.ends)]
            limit = 16 if "bytes" in one.proposal else 4
            assert 2 <= len(own) <= limit, one.name


def test_nothing_went_wrong_on_the_way(watched):
    assert [e.strip() for e in watched.errors] == [""] * len(watched.errors)
    for log in watched.logs:
        assert [line for line in log.splitlines() if line.startswith(("error", "warning"))
                and " is weak" not in line] == []

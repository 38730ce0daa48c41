"""A tunnel that heals itself: dead peers, lost links, restarts, changed addresses and changed
settings, each without a command at the other end."""

import contextlib
import time

import pytest
from lablib import topology as t
from lablib.capture import ESP, Recorder
from lablib.ike import Log, comes_up, peers, proposal, remote_peers, spis, tunnel, until
from lablib.traffic import Sink, Stream, Udp, ping

DPD = "dpd-interval=1s dpd-maximum-failures=2"


def up(lab, policy="", peer="", settings="pfs-group=none"):
    proposal(lab, settings)
    peers(lab, peer)
    tunnel(lab, policy)
    assert ping(lab.a, t.A, t.B, wait=10), lab.g1.log()[-2000:]
    assert until(lambda: all(len(g.installed_sas()) == 2 for g in lab.gateways))


def is_down(gateway):
    return not gateway.installed_sas() and not remote_peers(gateway, state="established")


def has_no_sas(gateway):
    return not gateway.installed_sas()


def assert_heals(lab, seconds=10):
    """Traffic of either host alone brings it back, and then both ways work."""
    assert comes_up(lab.a, t.A, t.B, seconds), lab.g1.log()[-3000:] + lab.g2.log()[-3000:]
    assert ping(lab.b, t.B, t.A)
    for g in lab.gateways:
        assert [p["ph2-state"] for p in g.policy_stats()] == ["established"]


# -- dead peers --

@contextlib.contextmanager
def cut(lab):
    """Nothing crosses the wire, and no interface of a gateway tells it."""
    lab.w.ip("link set r1u1 nomaster")
    try:
        yield
    finally:
        lab.w.ip("link set r1u1 master wire1")


def test_cut_link_is_noticed_and_forgotten_when_it_is_back(lab):
    up(lab, peer=DPD)
    logs = [Log(g) for g in lab.gateways]
    with cut(lab):
        start = time.monotonic()
        for g in lab.gateways:
            assert until(lambda g=g: is_down(g), 12)
        assert time.monotonic() - start > 1
    for log, far in zip(logs, (t.R2, t.R1)):
        assert log.says("peer is dead") and f"{far}[500]" in log.text()
    assert "dead" in lab.g1.console("/ip ipsec peer get 0 last-error")
    assert_heals(lab)
    assert lab.g1.console("/ip ipsec peer get 0 last-error").strip() == ""


def test_killed_peer_is_noticed_and_welcome_when_it_is_back(lab):
    up(lab, peer=DPD)
    lab.g2.kill()
    assert until(lambda: is_down(lab.g1), 12)
    lab.g2.start()
    assert_heals(lab)


def test_living_peer_is_left_alone(lab):
    """Silence of the tunnel is no reason to end it."""
    up(lab, peer=DPD)
    before = [spis(g) for g in lab.gateways]
    with Recorder(lab.w, "r1u1") as wire:
        time.sleep(4)
    assert len([p for p in wire.packets if p.is_ike]) >= 4, "nobody asked"
    assert [spis(g) for g in lab.gateways] == before


# -- DELETE --

ENDINGS = [
    ("policy disabled", lambda g: g.console("/ip ipsec policy disable 0"),
     lambda g: g.console("/ip ipsec policy enable 0")),
    ("policy removed", lambda g: g.console("/ip ipsec policy remove 0"), None),
    ("policy changed", lambda g: g.console("/ip ipsec policy set 0 level=unique"), "itself"),
    ("peer disabled", lambda g: g.console("/ip ipsec peer disable 0"),
     lambda g: g.console("/ip ipsec peer enable 0")),
    ("peer removed", lambda g: g.console("/ip ipsec peer remove 0"), None),
    ("proposal changed", lambda g: g.console("/ip ipsec proposal set default lifetime=20m"),
     "itself"),
    ("proposal disabled", lambda g: g.console("/ip ipsec proposal disable default"),
     lambda g: g.console("/ip ipsec proposal enable default")),
    ("flush", lambda g: g.console("/ip ipsec installed-sa flush"), "itself"),
    ("clean stop", lambda g: g.stop(), lambda g: g.start()),
]


@pytest.mark.parametrize("end, mend", [e[1:] for e in ENDINGS], ids=[e[0] for e in ENDINGS])
def test_end_of_sas_is_told_to_the_peer(lab, end, mend):
    up(lab)
    old = spis(lab.g2)
    end(lab.g1)
    assert until(lambda: not set(old) & set(spis(lab.g2)), 5), lab.g2.log()[-2000:]
    if mend:
        if mend != "itself":
            mend(lab.g1)
        assert_heals(lab)


def test_delete_that_got_lost_is_told_again(lab):
    """R2 goes on sending by SAs that R1 has flushed: the first packet brings the news."""
    up(lab)
    with cut(lab):
        lab.g1.console("/ip ipsec installed-sa flush")
    assert len(spis(lab.g2)) == 2
    assert comes_up(lab.b, t.B, t.A, 8), lab.g1.log()[-2000:] + lab.g2.log()[-2000:]


# -- restarts --

@contextlib.contextmanager
def traffic(lab):
    """Both ways, all the time; gives a question: does it flow both ways from now on?"""
    with contextlib.ExitStack() as stack:
        sinks = []
        for near, source, far, target in ((lab.a, t.A, lab.b, t.B), (lab.b, t.B, lab.a, t.A)):
            sinks.append(stack.enter_context(Sink(far, target)))
            stack.enter_context(Stream(near, source, target, per_second=100))

        def flows(seconds=10):
            start = [s.count for s in sinks]
            return until(lambda: all(s.count > n + 20 for s, n in zip(sinks, start)), seconds)
        yield flows


@pytest.mark.parametrize("how", ["kill", "stop"])
@pytest.mark.parametrize("who", ["initiator", "responder"])
def test_restart_under_traffic(lab, who, how):
    up(lab)
    gateway = lab.g1 if who == "initiator" else lab.g2
    with traffic(lab) as flows:
        assert flows()
        getattr(gateway, how)()
        gateway.start()
        assert flows(), lab.g1.log()[-3000:] + lab.g2.log()[-3000:]


@pytest.mark.parametrize("who", [0, 1], ids=["initiator", "responder"])
def test_restart_is_healed_by_traffic_of_the_other_side(lab, who):
    """The one that died knows nothing and sends nothing; the other goes on sending by old SAs."""
    up(lab)
    died = lab.gateways[who]
    died.kill()
    died.start()
    ns, source, target = ((lab.b, t.B, t.A), (lab.a, t.A, t.B))[who]
    assert comes_up(ns, source, target, 8), lab.g1.log()[-3000:] + lab.g2.log()[-3000:]


def test_both_restart_at_once(lab):
    up(lab)
    with traffic(lab) as flows:
        assert flows()
        for g in lab.gateways:
            g.kill()
        for g in lab.gateways:
            g.start()
        assert flows(), lab.g1.log()[-3000:] + lab.g2.log()[-3000:]


def test_both_sides_begin_at_once(lab):
    """One packet each way at the same moment: both wait, both arrive, one pair is used."""
    for _ in range(5):
        lab.reset()
        proposal(lab, "pfs-group=modp768")
        peers(lab, "dh-group=modp768")
        tunnel(lab)
        with Udp(lab.a, t.A, 7300) as one, Udp(lab.b, t.B, 7300) as two:
            one.send(b"from A", t.B, 7300)
            two.send(b"from B", t.A, 7300)
            assert one.receive(10)[0] == b"from B"
            assert two.receive(10)[0] == b"from A"
            with Recorder(lab.w, "r1u1") as wire:
                for _ in range(3):
                    one.send(b"again", t.B, 7300)
                    two.send(b"again", t.A, 7300)
                    assert one.receive(5) and two.receive(5)
        used = [{p.spi for p in wire.select(src, dst, ESP)}
                for src, dst in ((t.R1, t.R2), (t.R2, t.R1))]
        assert [len(u) for u in used] == [1, 1], used


# -- interfaces, addresses, routes --

def add_route(lab):
    lab.r1.ip(f"route replace {t.NET_B} via {t.R2}")


def test_interface_down_and_up(lab):
    up(lab)
    with traffic(lab) as flows:
        assert flows()
        lab.r1.ip("link set wan down")
        time.sleep(0.5)
        lab.r1.ip("link set wan up")
        add_route(lab)  # the kernel forgets routes of an interface that goes down
        assert flows(), lab.g1.log()[-3000:]


def test_interface_down_and_up_with_the_routing_source(lab):
    up(lab)
    lab.g1.console("/ip ipsec policy set 0 sa-src-address=0.0.0.0")
    with traffic(lab) as flows:
        assert flows()
        lab.r1.ip("link set wan down")
        assert until(lambda: lab.g1.policies()[0]["flags"] == "I", 5)
        lab.r1.ip("link set wan up")
        add_route(lab)
        assert flows(), lab.g1.log()[-3000:]
        assert lab.g1.policies()[0]["flags"] == ""


def test_own_address_changes(lab):
    """sa-src-address not set: R1 follows what routing says; R2 is told where R1 is now."""
    up(lab)
    lab.g1.console("/ip ipsec policy set 0 sa-src-address=0.0.0.0")
    lab.g2.console('/ip ipsec peer set 0 address=1.0.0.0/24')
    assert_heals(lab)
    lab.r1.ip(f"address del {t.R1}/24 dev wan")
    lab.r1.ip("address add 1.0.0.21/24 dev wan")
    try:
        add_route(lab)
        lab.g2.console("/ip ipsec policy set 0 sa-dst-address=1.0.0.21")
        assert_heals(lab)
        assert {sa["src-address"] for sa in lab.g1.installed_sas()} == {"1.0.0.21", t.R2}
        assert remote_peers(lab.g1, state="established")[0]["local-address"] == "1.0.0.21"
        lab.g2.console(f"/ip ipsec policy set 0 sa-dst-address={t.R1}")
    finally:
        lab.r1.ip("address del 1.0.0.21/24 dev wan")
        lab.r1.ip(f"address add {t.R1}/24 dev wan")
        add_route(lab)
    assert_heals(lab)
    assert {sa["src-address"] for sa in lab.g1.installed_sas()} == {t.R1, t.R2}


# -- what is not concerned goes on --

def test_change_of_a_proposal_restarts_only_what_uses_it(lab):
    proposal(lab, "pfs-group=none lifetime=20m", "other")
    up(lab)
    tunnel(lab, "proposal=other level=unique", nets=(t.NET_A, t.NET_B2))
    ping(lab.a, t.A, t.B2, wait=5)
    assert until(lambda: len(lab.g1.installed_sas()) == 4)

    def lives(gateway):
        return {sa["spi"]: sa["add-lifetime"] for sa in gateway.installed_sas()}
    before = lives(lab.g1)
    for g in lab.gateways:
        g.console("/ip ipsec proposal set other lifetime=10m")
    ping(lab.a, t.A, t.B2, wait=5)
    after = until(lambda: len(lives(lab.g1)) == 4 and lives(lab.g1))
    kept = {spi for spi, life in before.items() if life == "24m/30m"}
    assert kept == {spi for spi, life in after.items() if life == "24m/30m"} and len(kept) == 2
    assert sorted(after.values()) == ["24m/30m"] * 2 + ["8m/10m"] * 2
    assert len(remote_peers(lab.g1)) == 1


@pytest.mark.parametrize("command", [
    "/ip ipsec policy comment 0 text", "/ip ipsec peer comment 0 text",
    "/ip ipsec proposal comment default text", "/ip ipsec policy set 0 priority=3",
    "/ip ipsec policy add src-address=10.77.0.0/24 dst-address=10.78.0.0/24 action=none",
    "/ip ipsec peer add address=9.9.9.9 secret=other", "/system identity set name=other"])
def test_unrelated_edit_restarts_nothing(lab, command):
    up(lab)
    before = spis(lab.g1), spis(lab.g2), lab.g1.console("/ip ipsec remote-peers print")
    log = Log(lab.g1)
    lab.g1.console(command)
    assert ping(lab.a, t.A, t.B)
    assert (spis(lab.g1), spis(lab.g2),
            lab.g1.console("/ip ipsec remote-peers print")) == before
    assert [line for line in log.text().splitlines() if " is weak" not in line] == []

"""Automatic keying between two gateways: tunnels that come up by traffic, the first packet, several
policies to one peer. (Two of our own ends agreeing prove little: test_strongswan.py has a peer of
another make, tests/sim holds the exchanges to recordings. How such a tunnel lives on:
test_rekey.py, test_heal.py; what is offered and refused: test_ike_offers.py.)"""

import signal
import time

import pytest
from lablib import topology as t
from lablib.capture import ESP, ICMP, Recorder
from lablib.ike import SECRET, Log, comes_up, peers, remote_peers, tunnel, until
from lablib.keying import installed_keys
from lablib.traffic import Udp, ping, udp_crosses
from lablib.witness import judge


def test_transport_example_of_the_reference(any_lab):
    lab = any_lab
    lab.g1.console(f"ip ipsec policy add sa-src-address={t.R1} sa-dst-address={t.R2} "
                   "action=encrypt", f'ip ipsec peer add address={t.R2} secret="{SECRET}"')
    lab.g2.console(f"ip ipsec policy add sa-src-address={t.R2} sa-dst-address={t.R1} "
                   "action=encrypt", f'ip ipsec peer add address={t.R1} secret="{SECRET}"')
    with Recorder(lab.w, "r1u1") as wire:
        assert ping(lab.r1, t.R1, t.R2, wait=10)
        assert ping(lab.r2, t.R2, t.R1)
    assert [p for p in wire.between(t.R1, t.R2) if not p.is_ike] == [], "clear packets"
    judge(wire.packets, installed_keys(lab.g1, tunnel=False))
    sas = lab.g1.console("/ip ipsec installed-sa print")
    for wanted in ("auth-algorithm=sha1", "enc-algorithm=3des", "replay=4", "state=mature",
                   "add-lifetime=24m/30m"):
        assert sas.count(wanted) == 2, sas
    assert "state=established" in lab.g1.console("/ip ipsec remote-peers print")
    assert "ph2-state=established" in lab.g1.console("/ip ipsec policy print stats")


@pytest.mark.parametrize("extra", ["", "ipsec-protocols=ah", "ipsec-protocols=ah,esp",
                                   "level=unique"])
def test_tunnel_comes_up_whoever_starts(lab, extra):
    for ns, source, target in ((lab.b, t.B, t.A), (lab.a, t.A, t.B)):
        lab.reset()
        peers(lab)
        tunnel(lab, extra)
        with Recorder(lab.w, "r1u1") as wire:
            assert ping(ns, source, target, wait=10)
            assert ping(lab.a, t.A, t.B) and ping(lab.b, t.B, t.A)
        assert wire.between(t.A, t.B) == []
        judge(wire.packets, installed_keys(lab.g1))


@pytest.mark.parametrize("enc, hash_, group", [("des", "md5", "modp768"),
                                               ("aes-128", "sha1", "modp1536"),
                                               ("aes-256", "md5", "ec2n155"),
                                               ("aes-192", "sha1", "ec2n185")])
def test_phase_1_algorithms(lab, enc, hash_, group):
    peers(lab, f"enc-algorithm={enc} hash-algorithm={hash_} dh-group={group}")
    tunnel(lab)
    assert ping(lab.a, t.A, t.B, wait=10)


def test_first_packet_waits_for_the_tunnel(lab):
    """One packet in each direction's first use: it starts the negotiation and arrives by it."""
    peers(lab)
    tunnel(lab)
    assert ping(lab.a, t.A, t.B, wait=10)
    stats = lab.g1.policy_stats()[0]
    assert (stats["encrypted"], stats["out-dropped"]) == (1, 0)
    lab.g1.console("/ip ipsec installed-sa flush")
    assert ping(lab.b, t.B, t.A, wait=10)


def test_packet_that_waits_in_vain_counts_as_dropped(lab):
    lab.g1.console(f'/ip ipsec peer add address={t.R2} secret="{SECRET}"')
    tunnel(lab)
    assert not ping(lab.a, t.A, t.B)
    assert not ping(lab.a, t.A, t.B)
    deadline = time.monotonic() + 30
    while lab.g1.policy_stats()[0]["out-dropped"] < 2 and time.monotonic() < deadline:
        time.sleep(0.5)
    assert lab.g1.policy_stats()[0]["out-dropped"] == 2


@pytest.mark.parametrize("level, pairs", [("require", 1), ("unique", 2)])
def test_narrower_policy_sends_by_the_wider_ones_sas(lab, level, pairs):
    """UDP has a policy of its own before the one for everything, whose SAs would carry it too."""
    peers(lab)
    tunnel(lab, f"protocol=udp level={level}")
    tunnel(lab)
    assert ping(lab.a, t.A, t.B, wait=10)
    if level == "require":  # the one policy has the SAs a moment before the other
        assert until(lambda: lab.g1.policy_stats()[0]["ph2-state"] == "established")
    assert udp_crosses(lab.a, t.A, lab.b, t.B, 100, wait=10)
    assert len(lab.g1.installed_sas()) == 2 * pairs
    for g in lab.gateways:
        udp, rest = g.policy_stats()
        assert udp["ph2-state"] == rest["ph2-state"] == "established"
        assert udp["encrypted"] > 0 and udp["decrypted"] > 0 and udp["out-dropped"] == 0
    if level == "require":  # what is removed stops for both
        lab.g1.console("/ip ipsec installed-sa flush")
        for policy in lab.g1.policy_stats():
            assert policy["ph2-state"] == "no-phase2"
        assert udp_crosses(lab.a, t.A, lab.b, t.B, 100, wait=10)


def test_sas_under_negotiation_are_larval(lab):
    """The peer stops in the middle: what it has not answered yet is listed with its SPI alone."""
    peers(lab)
    tunnel(lab, "ipsec-protocols=ah,esp")
    assert comes_up(lab.a, t.A, t.B)
    lab.g1.console("/ip ipsec installed-sa flush")
    lab.g2.process.send_signal(signal.SIGSTOP)
    try:
        assert not ping(lab.a, t.A, t.B)
        larval = lab.g1.installed_sas()
        assert len(larval) == 2
        for sa in larval:
            assert sa["state"] == "larval" and int(sa["spi"], 16) >= 0x100
            assert (sa["src-address"], sa["dst-address"]) == (t.R2, t.R1)
            assert "auth-key" not in sa and "usetime" not in sa and sa["current-bytes"] == "0"
        assert lab.g1.policy_stats()[0]["ph2-state"] == "no-phase2"
    finally:
        lab.g2.process.send_signal(signal.SIGCONT)
    assert comes_up(lab.a, t.A, t.B, seconds=20)
    assert {sa["state"] for sa in lab.g1.installed_sas()} == {"mature"}


def test_dropped_ike_messages_are_counted(lab):
    before = lab.g1.statistics()
    with Udp(lab.r2, t.R2) as stranger:
        stranger.send(b"too short", t.R1, 500)
        stranger.send(bytes(8) + b"unknown!" + bytes([0, 0x10, 5, 0]) + bytes(4)
                      + (28).to_bytes(4, "big"), t.R1, 500)
    assert until(lambda: lab.g1.statistics()["ike-short"] == before["ike-short"] + 1)
    assert until(lambda: lab.g1.statistics()["ike-cookies"] == before["ike-cookies"] + 1)


def test_weak_algorithms_are_warned_of_once(lab):
    log = Log(lab.g1)
    lab.g1.console(f'/ip ipsec peer add address={t.R2} secret="{SECRET}" enc-algorithm=des '
                   "dh-group=modp768")
    wanted = f"peer {t.R2}/32 is weak: enc-algorithm=des, hash-algorithm=md5, dh-group=modp768"
    assert log.says(wanted)
    lab.g1.console("/ip ipsec peer disable 0", "/ip ipsec policy add action=none "
                   "src-address=1.1.1.0/24 dst-address=2.2.2.0/24")
    assert log.count("is weak") == 1


def icmp_and_udp(lab):
    assert ping(lab.a, t.A, t.B, wait=10)
    assert udp_crosses(lab.a, t.A, lab.b, t.B, 100, wait=10)


def test_narrow_sas_do_not_carry_the_wider_policy(lab):
    """SAs negotiated for UDP alone are not those for everything, whatever both ends would accept:
    a peer of another make would drop what is outside of what it agreed to."""
    peers(lab)
    tunnel(lab, "protocol=udp")
    tunnel(lab)
    assert udp_crosses(lab.a, t.A, lab.b, t.B, 100, wait=10)
    assert len(lab.g1.installed_sas()) == 2
    assert ping(lab.a, t.A, t.B, wait=10)
    assert len(lab.g1.installed_sas()) == 4
    icmp_and_udp(lab)


def test_two_subnets_to_one_peer_have_sas_of_their_own(lab):
    """The classic of the second subnet that does not work."""
    peers(lab)
    tunnel(lab)
    tunnel(lab, nets=(t.NET_A, t.NET_B2))
    assert ping(lab.a, t.A, t.B, wait=10)
    assert ping(lab.a, t.A, t.B2, wait=10)
    assert len(lab.g1.installed_sas()) == 4 and len(remote_peers(lab.g1)) == 1
    assert ping(lab.b, t.B, t.A) and ping(lab.b, t.B2, t.A)


# -- level use --

def test_use_sends_in_clear_and_never_asks(lab):
    peers(lab)
    tunnel(lab, "level=use")
    logs = [Log(g) for g in lab.gateways]
    with Recorder(lab.w, "r1u1") as wire:
        for _ in range(3):
            assert ping(lab.a, t.A, t.B)
        time.sleep(1.2)  # longer than acquires are apart
        assert ping(lab.a, t.A, t.B)
    assert {p.proto for p in wire.packets if p.version == 4} == {ICMP}
    assert [log.text() for log in logs] == ["", ""]
    assert lab.g1.policy_stats()[0]["out-accepted"] == 4


def test_use_takes_the_sas_that_the_other_side_asks_for(lab):
    peers(lab)
    tunnel(lab, "level=use")
    lab.g2.console("/ip ipsec policy set 0 level=require")
    assert ping(lab.a, t.A, t.B), "R2 has no SA: what comes in clear is let in"
    # The first answer may leave before the last message of quick mode is here: in clear, refused.
    assert comes_up(lab.b, t.B, t.A)
    with Recorder(lab.w, "r1u1") as wire:
        assert ping(lab.a, t.A, t.B)
    assert {p.proto for p in wire.packets if p.version == 4} == {ESP}

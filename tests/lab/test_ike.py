"""Automatic keying between two gateways: the reference's first application example and what keeps
such a tunnel alive. (Two of our own ends agreeing prove little: test_strongswan.py has a peer of
another make, tests/sim holds the exchanges to recordings.)"""

import signal
import time

import pytest
from lablib import topology as t
from lablib.capture import Recorder
from lablib.ike import Log, until
from lablib.traffic import Udp, ping, udp_crosses

SECRET = "gvejimezyfopmekun"


@pytest.fixture
def lab(any_lab):
    any_lab.reset()
    clear_ike(any_lab)
    yield any_lab
    clear_ike(any_lab)


def clear_ike(lab):
    for g in lab.gateways:
        if g.running():
            g.console("/ip ipsec peer remove [find]",
                      "/ip ipsec proposal set default enc-algorithms=3des auth-algorithms=sha1 "
                      "pfs-group=modp1024 lifetime=30m")


def peers(lab, extra="", secret1=SECRET, secret2=SECRET):
    lab.g1.console(f'/ip ipsec peer add address={t.R2} secret="{secret1}" {extra}')
    lab.g2.console(f'/ip ipsec peer add address={t.R1} secret="{secret2}" {extra}')


def tunnel(lab, extra=""):
    lab.g1.console(f"/ip ipsec policy add src-address={t.NET_A} dst-address={t.NET_B} tunnel=yes "
                   f"action=encrypt sa-src-address={t.R1} sa-dst-address={t.R2} {extra}")
    lab.g2.console(f"/ip ipsec policy add src-address={t.NET_B} dst-address={t.NET_A} tunnel=yes "
                   f"action=encrypt sa-src-address={t.R2} sa-dst-address={t.R1} {extra}")


def comes_up(from_ns, src, dst, seconds=10):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if ping(from_ns, src, dst):
            return True
    return False


def test_transport_example_of_the_reference(lab):
    lab.g1.console(f"ip ipsec policy add sa-src-address={t.R1} sa-dst-address={t.R2} "
                   "action=encrypt", f'ip ipsec peer add address={t.R2} secret="{SECRET}"')
    lab.g2.console(f"ip ipsec policy add sa-src-address={t.R2} sa-dst-address={t.R1} "
                   "action=encrypt", f'ip ipsec peer add address={t.R1} secret="{SECRET}"')
    with Recorder(lab.w, "r1u1") as wire:
        assert comes_up(lab.r1, t.R1, t.R2)
    clear = [p for p in wire.between(t.R1, t.R2) if p.carries not in (50, 17)]
    assert clear == [], "clear packets beside ESP and IKE"
    sas = lab.g1.console("/ip ipsec installed-sa print")
    for wanted in ("auth-algorithm=sha1", "enc-algorithm=3des", "replay=4", "state=mature",
                   "add-lifetime=24m/30m"):
        assert sas.count(wanted) == 2, sas
    assert "state=established" in lab.g1.console("/ip ipsec remote-peers print")
    assert "ph2-state=established" in lab.g1.console("/ip ipsec policy print stats")


@pytest.mark.parametrize("extra", ["", "ipsec-protocols=ah", "ipsec-protocols=ah,esp",
                                   "level=unique"])
def test_tunnel_comes_up_whoever_starts(lab, extra):
    peers(lab)
    tunnel(lab, extra)
    assert comes_up(lab.b, t.B, t.A)
    assert ping(lab.a, t.A, t.B)


@pytest.mark.parametrize("enc, hash_, group", [("des", "md5", "modp768"),
                                               ("aes-128", "sha1", "modp1536"),
                                               ("aes-256", "md5", "ec2n155"),
                                               ("aes-192", "sha1", "ec2n185")])
def test_phase_1_algorithms(lab, enc, hash_, group):
    peers(lab, f"enc-algorithm={enc} hash-algorithm={hash_} dh-group={group}")
    tunnel(lab)
    assert comes_up(lab.a, t.A, t.B)


def test_wrong_secret_is_explained_and_nothing_is_let_out(lab):
    peers(lab, secret2="something else")
    tunnel(lab)
    with Recorder(lab.w, "r1u1") as wire:
        assert not comes_up(lab.a, t.A, t.B, seconds=3)
    assert wire.between(t.A, t.B) == []


def test_different_algorithms_are_explained_on_both_sides(lab):
    lab.g1.console(f'/ip ipsec peer add address={t.R2} secret={SECRET} enc-algorithm=aes-128')
    lab.g2.console(f'/ip ipsec peer add address={t.R1} secret={SECRET} enc-algorithm=3des')
    tunnel(lab)
    assert not comes_up(lab.a, t.A, t.B, seconds=3)
    error = lab.g2.console("/ip ipsec peer get 0 last-error")
    assert "aes-128" in error and "3des" in error and t.R1 in error


def test_flush_negotiates_again(lab):
    peers(lab)
    tunnel(lab)
    assert comes_up(lab.a, t.A, t.B)
    before = lab.g1.console("/ip ipsec installed-sa print")
    lab.g1.console("/ip ipsec installed-sa flush")
    assert comes_up(lab.a, t.A, t.B)
    after = lab.g1.console("/ip ipsec installed-sa print")
    assert before.split("spi=")[1].split()[0] != after.split("spi=")[1].split()[0]


def test_peer_that_died_and_came_back(lab):
    """kill -9 and restart of one end: INITIAL-CONTACT and new SAs, without hands."""
    peers(lab)
    tunnel(lab)
    assert comes_up(lab.a, t.A, t.B)
    lab.g1.kill()
    lab.g1.start()
    assert comes_up(lab.a, t.A, t.B)
    assert comes_up(lab.b, t.B, t.A)


def test_comment_restarts_nothing(lab):
    peers(lab)
    tunnel(lab)
    assert comes_up(lab.a, t.A, t.B)
    before = lab.g1.console("/ip ipsec installed-sa print").split("spi=")[1].split()[0]
    lab.g1.console("/ip ipsec policy comment 0 text", "/ip ipsec peer comment 0 text")
    assert lab.g1.console("/ip ipsec installed-sa print").split("spi=")[1].split()[0] == before


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

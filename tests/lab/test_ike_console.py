"""What the console shows and obeys of automatic keying: peers and their order, secrets, sessions,
SAs with their flags and counters, INITIAL-CONTACT, ph2-state, flush, kill-connections."""

import re
import time

import pytest
from lablib import topology as t
from lablib.capture import UDP, Recorder
from lablib.ike import SECRET, Log, comes_up, peers, proposal, remote_peers, spis, tunnel, until
from lablib.keying import Keying, installed_keys, set_up
from lablib.printout import collapse
from lablib.traffic import ping
from lablib.witness import judge

ENDS, NETS = (t.R1, t.R2), (t.NET_A, t.NET_B)
INFORMATIONAL, QUICK = 5, 32


def up(lab, policy="", peer="", settings=""):
    if settings:
        proposal(lab, settings)
    peers(lab, peer)
    tunnel(lab, policy)
    assert ping(lab.a, t.A, t.B, wait=10), lab.g1.log()[-2000:]


# -- peers --

def test_longest_prefix_decides(lab):
    """Each entry has a secret of its own; only the right one for the moment works."""
    entries = ((f"{t.R2}/32", "of the host"), ("1.0.0.0/24", "of the net"),
               ("0.0.0.0/0", "of everybody"))
    for address, secret in entries[::-1]:
        lab.g1.console(f'/ip ipsec peer add address={address} secret="{secret}"')
    tunnel(lab)
    lab.g2.console(f'/ip ipsec peer add address={t.R1} secret="-"')
    for address, secret in entries:
        lab.g2.console(f'/ip ipsec peer set 0 secret="{secret}"')
        assert comes_up(lab.a, t.A, t.B), f"{address}: {lab.g1.log()[-1000:]}"
        lab.g1.console(f'/ip ipsec peer remove [find secret="{secret}"]')


def test_more_specific_entry_is_used_even_if_it_is_wrong(lab):
    lab.g1.console(f'/ip ipsec peer add address={t.R2} secret="wrong"',
                   f'/ip ipsec peer add address=0.0.0.0/0 secret="{SECRET}"')
    lab.g2.console(f'/ip ipsec peer add address={t.R1} secret="{SECRET}"')
    tunnel(lab)
    assert not ping(lab.a, t.A, t.B, wait=1)
    assert remote_peers(lab.g1, state="established") == []


def test_port_of_the_peer_is_where_negotiations_begin(lab):
    lab.g1.console(f'/ip ipsec peer add address={t.R2}/32:5500 secret="{SECRET}"')
    tunnel(lab)
    with Recorder(lab.w, "r1u1") as wire:
        ping(lab.a, t.A, t.B, wait=0.3)
    ports = {(int.from_bytes(p.payload[:2], "big"), int.from_bytes(p.payload[2:4], "big"))
             for p in wire.select(src=t.R1, dst=t.R2, proto=UDP)}
    assert ports == {(500, 5500)}


def test_secret_as_hexadecimal_digits(lab):
    """0x and digits are the bytes, whatever way the other end writes them."""
    peers(lab, secret1=SECRET, secret2="0x" + SECRET.encode().hex())
    tunnel(lab)
    assert ping(lab.a, t.A, t.B, wait=10)
    assert f'secret="0x{SECRET.encode().hex()}"' in lab.g2.console("/ip ipsec peer print")


@pytest.mark.parametrize("secret", ["0x12g4", "0x123", "0x"])
def test_secret_that_is_no_hexadecimal_is_refused(lab, secret):
    error = lab.g1.refused(f"/ip ipsec peer add address={t.R2} secret={secret}")
    assert error.startswith("invalid value for argument secret (line 1 column ")
    assert lab.g1.console("/ip ipsec peer print count-only").strip() == "0"


# -- remote-peers --

def test_sessions_have_a_side_on_both_ends(lab):
    up(lab)
    for g, ends, side in ((lab.g1, ENDS, "initiator"), (lab.g2, ENDS[::-1], "responder")):
        assert collapse(g.console("/ip ipsec remote-peers print")) == (
            f"0 local-address={ends[0]} remote-address={ends[1]} state=established side={side}")


def test_session_under_way_shows_how_far_it_is(lab):
    """The peer has no entry for us and does not answer."""
    lab.g1.console(f'/ip ipsec peer add address={t.R2} secret="{SECRET}"')
    tunnel(lab)
    ping(lab.a, t.A, t.B, wait=0.2)
    assert remote_peers(lab.g1) == [{"local-address": t.R1, "remote-address": t.R2,
                                     "state": "message-1-sent", "side": "initiator"}]
    assert remote_peers(lab.g2) == []


def test_manual_keys_have_no_sessions(lab):
    set_up(lab, Keying(), ENDS, NETS)
    with Recorder(lab.w, "r1u1") as wire:
        assert ping(lab.a, t.A, t.B)
    assert [p for p in wire.packets if p.is_ike] == []
    assert [g.console("/ip ipsec remote-peers print") for g in lab.gateways] == ["", ""]


def test_kill_connections_ends_everything_on_both_ends(lab):
    up(lab)
    lab.g1.console("/ip ipsec remote-peers kill-connections")
    for g in lab.gateways:
        assert until(lambda g=g: not remote_peers(g) and not g.installed_sas())
        assert g.policy_stats()[0]["ph2-state"] != "established"
    assert ping(lab.a, t.A, t.B, wait=10)


# -- installed-sa --

def test_first_use_and_bytes(lab):
    """usetime is when the first packet passed; until then it is not there. A ping of 56 bytes is a
    datagram of 84."""
    up(lab)
    lab.g1.console("/ip ipsec installed-sa flush")
    assert until(lambda: not lab.g2.installed_sas())
    peers_log = Log(lab.g1)
    assert ping(lab.a, t.A, t.B, wait=10)
    assert peers_log.says("IPsec-SA established")
    for g in lab.gateways:
        assert [(sa["current-bytes"], "usetime" in sa) for sa in g.installed_sas()] == \
            [("84", True)] * 2
    assert ping(lab.a, t.A, t.B)
    sas = lab.g1.installed_sas()
    assert [sa["current-bytes"] for sa in sas] == ["168"] * 2
    now = time.time()
    for sa in sas:
        for name in ("addtime", "usetime"):
            then = time.mktime(time.strptime(sa[name], "%b/%d/%Y %H:%M:%S"))
            assert abs(now - then) < 30, sa


def test_unused_sa_has_no_usetime(lab):
    lab.g1.console(f"/ip ipsec policy add dst-address={t.B} src-address={t.A} tunnel=yes "
                   f"sa-src-address={t.R1} sa-dst-address={t.R2}")
    lab.g2.console(f"/ip ipsec policy add dst-address={t.A} src-address={t.B} tunnel=yes "
                   f"sa-src-address={t.R2} sa-dst-address={t.R1}")
    peers(lab)
    with lab.b.entered():
        lab.b.nft("add table ip lab; add chain ip lab in { type filter hook input priority 0; "
                  "policy drop; }")
    try:
        ping(lab.a, t.A, t.B, wait=0.5)
        sas = until(lambda: len(lab.g2.installed_sas()) == 2 and lab.g2.installed_sas())
    finally:
        lab.b.nft("delete table ip lab")
    used = {sa["src-address"]: "usetime" in sa for sa in sas}
    assert used == {t.R1: True, t.R2: False}


def test_byte_limits_are_soft_and_hard(lab):
    up(lab, settings="lifebytes=1048576")
    assert {sa["lifebytes"] for g in lab.gateways for sa in g.installed_sas()} == \
        {"838860/1048576"}


@pytest.mark.parametrize("group, flags", [("none", "E"), ("modp1024", "EP"), ("ec2n155", "EP")])
def test_flag_p_is_a_key_exchange_of_phase_2(lab, group, flags):
    up(lab, settings=f"pfs-group={group}")
    assert [sa["flags"] for g in lab.gateways for sa in g.installed_sas()] == [flags] * 4


def test_printed_keys_are_the_keys(lab):
    with Recorder(lab.w, "r1u1") as wire:
        up(lab, settings="enc-algorithms=aes-192")
        assert ping(lab.b, t.B, t.A)
    judge(wire.packets, installed_keys(lab.g1))
    assert sorted(installed_keys(lab.g1), key=lambda sa: sa.spi) == \
        sorted(installed_keys(lab.g2), key=lambda sa: sa.spi)


@pytest.mark.parametrize("sa_type, left", [("ah", "EE"), ("esp", "AA"), ("all", "")])
def test_flush_by_type(lab, sa_type, left):
    """Two tunnels, one of each protocol; DELETE takes the peer's halves along."""
    proposal(lab, "pfs-group=none")
    peers(lab)
    tunnel(lab, "ipsec-protocols=esp")
    tunnel(lab, "ipsec-protocols=ah", nets=(t.NET_A, t.NET_B2))
    assert ping(lab.a, t.A, t.B, wait=10)
    ping(lab.a, t.A, t.B2, wait=10)
    assert until(lambda: len(lab.g2.installed_sas()) == 4)
    lab.g1.console(f"/ip ipsec installed-sa flush sa-type={sa_type}")
    for g in lab.gateways:
        assert until(lambda g=g: "".join(sa["flags"] for sa in g.installed_sas()) == left)


def test_flush_of_one_type_takes_a_bundle_as_a_whole(lab):
    """AH around ESP: one negotiation made both, and alone neither carries the policy."""
    up(lab, "ipsec-protocols=ah,esp", settings="pfs-group=none")
    assert "".join(sorted(sa["flags"] for sa in lab.g1.installed_sas())) == "AAEE"
    lab.g1.console("/ip ipsec installed-sa flush sa-type=ah")
    assert until(lambda: lab.g1.installed_sas() == lab.g2.installed_sas() == [])
    assert ping(lab.a, t.A, t.B, wait=10)


# -- INITIAL-CONTACT --

def exchanges(wire):
    """Exchange types on the wire in order, one per message ID."""
    seen = dict.fromkeys((p.src, p.payload[8 + 20:8 + 24], p.payload[8 + 18])
                         for p in wire.packets if p.is_ike)
    return [kind for _, _, kind in seen]


@pytest.mark.parametrize("setting, notifies", [("yes", 2), ("no", 0)])
def test_initial_contact_is_sent_as_configured(lab, setting, notifies):
    """The only informational message before quick mode; encrypted, so what it does to the peer is
    the other half of the proof."""
    for g in lab.gateways:
        g.stop()
        g.start()  # sent once per peer and start
    with Recorder(lab.w, "r1u1") as wire:
        up(lab, peer=f"send-initial-contact={setting}")
    kinds = exchanges(wire)
    assert kinds[:kinds.index(QUICK)].count(INFORMATIONAL) == notifies


@pytest.mark.parametrize("setting, pairs", [("yes", 1), ("no", 2)])
def test_initial_contact_makes_the_peer_forget(lab, setting, pairs):
    """R1 dies and starts anew: R2 keeps the old SAs beside the new ones unless it is told."""
    up(lab, peer=f"send-initial-contact={setting}")
    old = spis(lab.g2)
    lab.g1.kill()
    lab.g1.start()
    assert ping(lab.a, t.A, t.B, wait=10)
    assert until(lambda: len(lab.g2.installed_sas()) == 2 * pairs), lab.g2.installed_sas()
    assert set(old) <= set(spis(lab.g2)) if pairs == 2 else not set(old) & set(spis(lab.g2))


# -- ph2-state --

def test_ph2_state_follows_phase_2(lab):
    peers(lab)
    tunnel(lab)
    assert [g.policy_stats()[0]["ph2-state"] for g in lab.gateways] == ["no-phase2"] * 2
    assert ping(lab.a, t.A, t.B, wait=10)
    assert [g.policy_stats()[0]["ph2-state"] for g in lab.gateways] == ["established"] * 2


def test_numbers_of_the_log_are_those_of_the_console(lab):
    log = Log(lab.g1)
    up(lab)
    text = log.text()
    for spi in spis(lab.g1):
        assert re.search(rf"0x0*{spi}\b", text, re.IGNORECASE), (spi, text)
    assert f"IPsec-SA established: ESP/Tunnel {t.NET_A} <-> {t.NET_B} spi in=0x" in text
    assert all(f"{t.R2}[500]" in line for line in text.splitlines() if "-SA " in line)
    secrets = [SECRET] + [sa[k] for sa in lab.g1.installed_sas() for k in ("auth-key", "enc-key")]
    assert not [s for s in secrets if s in text]

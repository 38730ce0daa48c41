"""A tunnel from behind a masquerading router: IKE moves to port 4500, ESP travels in UDP."""

import time

import pytest
from lablib import nat as t
from lablib import topology
from lablib.capture import Recorder
from lablib.keying import SaKeys
from lablib.traffic import Udp, body, ping, tcp_transfer, udp_arrives, udp_crosses
from lablib.witness import datagrams, tshark_esp

NATT = (4500).to_bytes(2, "big")
UDP = 17


def ready(lab):
    lab.masquerade()
    lab.segmented()
    return lab


@pytest.fixture
def lab(nat_lab):
    return ready(nat_lab)


@pytest.fixture
def featured(any_nat_lab):
    return ready(any_nat_lab)


def until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def up(lab):
    assert until(lambda: ping(lab.a, t.A, t.B)), lab.g1.log()[-2000:]
    assert ping(lab.b, t.B, t.A)


def keys(lab):
    """R2's SAs: their addresses are those on the wire."""
    name = {"aes": "aes-128", "3des": "3des", "sha1": "sha1", "md5": "md5"}
    return [SaKeys("esp", int(sa["spi"], 16), sa["src-address"], sa["dst-address"],
                   name[sa["enc-algorithm"]], bytes.fromhex(sa["enc-key"]),
                   name[sa["auth-algorithm"]], bytes.fromhex(sa["auth-key"]))
            for sa in lab.g2.installed_sas()]


def test_client_behind_nat(lab):
    """Whole life: up from inside, both directions, bulk; only UDP crosses, and it decrypts."""
    lab.peers()
    lab.policies("tunnel=yes")
    with Recorder(lab.w, "nu1") as wire:
        up(lab)
        assert tcp_transfer(lab.a, t.A, lab.b, t.B, 2 << 20)
        assert tcp_transfer(lab.b, t.B, lab.a, t.A, 2 << 20)
    between = wire.select()
    assert {p.src for p in between} == {t.N, t.R2}
    assert [p for p in between if p.proto != UDP] == []
    client_ports = {p.payload[:2] for p in between if p.src == t.N}
    assert NATT not in client_ports, "the NAT kept the port: it proves less"
    esp = [p for p in between if NATT in (p.payload[:2], p.payload[2:4])
           and p.payload[8:12] != bytes(4)]
    assert len(esp) > 2000
    assert tshark_esp(between, keys(lab)) == len(esp)
    for g in lab.gateways:
        assert "state=established" in g.console("/ip ipsec remote-peers print")
        drops = {k: v for k, v in g.statistics().items() if k.startswith("in-") and v}
        assert set(drops) <= {"in-accept-isakmp"}, drops


@pytest.mark.parametrize("df", ["inherit", "clear", "set"])
def test_sizes_around_the_path_mtu(featured, df):
    """What does not fit is fragmented outside (clear) or the sender is told; nothing in clear."""
    lab = featured
    lab.peers()
    lab.policies("tunnel=yes", f"dont-fragment={df}")
    up(lab)
    with Recorder(lab.w, "nu1") as wire:
        for size in (1, 1300, 1371, 1372, 1373, 1400, 1472, 3000):
            if df == "set" and size > 1372:
                assert until(lambda s=size: udp_crosses(lab.a, t.A, lab.b, t.B, s, wait=0.3))
            else:
                assert udp_crosses(lab.a, t.A, lab.b, t.B, size), size
                assert udp_crosses(lab.b, t.B, lab.a, t.A, size), size
    assert wire.between(t.A, t.B) == []
    assert all(len(p.ip) <= 1500 for p in wire.packets if p.version)
    assert (len([p for p in wire.packets if p.version and p.is_fragment]) > 0) == (df != "set")


def test_policies_for_the_outer_addresses_let_ike_and_esp_pass(featured):
    """Both ends discard what goes between the outer addresses: IKE and ESP in UDP are exempt, whole
    and in fragments, going out and coming in; all else is dropped."""
    lab = featured
    lab.peers()
    lab.policies("tunnel=yes", "dont-fragment=clear")
    for g, here, there in ((lab.g1, t.R1, t.R2), (lab.g2, t.R2, t.N)):
        g.console(f"/ip ipsec policy add action=discard src-address={here} dst-address={there} "
                  "priority=9")
    up(lab)
    for size in (100, 1450, 4000):
        assert udp_crosses(lab.a, t.A, lab.b, t.B, size), size
        assert udp_crosses(lab.b, t.B, lab.a, t.A, size), size
    with Recorder(lab.w, "nu1") as wire:
        assert udp_arrives(lab.n, t.N, lab.r2, t.R2, 3000, port=7001) == 0
        assert udp_arrives(lab.r2, t.R2, lab.n, t.N, 3000, port=4501, sport=4499) == 0
    assert [p for p in wire.select(src=t.R2) if p.proto == UDP] == []
    assert len([p for p in wire.select(src=t.N) if p.proto == UDP]) == 3  # of the stranger's one


def test_what_is_no_esp_is_counted_by_name(lab):
    lab.peers()
    lab.policies("tunnel=yes")
    up(lab)
    before = lab.g2.statistics()
    with Udp(lab.n, t.N) as stranger:
        for payload in (b"\xff", b"\xff", b"", b"abc", b"\x00\x00\x12\x34", body(100, "noise"),
                        bytes(4), bytes(200)):
            stranger.send(payload, t.R2, 4500)
    wanted = {"in-keepalives": 2, "in-short": 3, "in-no-states": 1}

    def grown():
        now = lab.g2.statistics()
        return {name: now[name] - before.get(name, 0) for name in wanted} == wanted

    assert until(grown), lab.g2.statistics()
    assert ping(lab.a, t.A, t.B)


def test_the_source_may_move_but_a_forger_gains_nothing(lab):
    """Recorded packets sent again, from anywhere, are replays; the tunnel lives on."""
    lab.peers()
    lab.policies("tunnel=yes")
    up(lab)
    with Recorder(lab.w, "nu1") as wire:
        assert udp_crosses(lab.a, t.A, lab.b, t.B, 500)
    esp = [p.payload[8:] for p in datagrams(wire.packets)
           if p.src == t.N and p.proto == UDP and p.payload[2:4] == NATT]
    assert esp
    before = lab.g2.statistics()["in-state-sequence-errors"]
    with Udp(lab.n, t.N) as stranger:
        for payload in esp:
            stranger.send(payload, t.R2, 4500)
            stranger.send(payload[:-1] + bytes([payload[-1] ^ 1]), t.R2, 4500)
    assert until(lambda: lab.g2.statistics()["in-state-sequence-errors"] - before >= len(esp))
    assert ping(lab.b, t.B, t.A)


@pytest.mark.parametrize("policy, why", [("tunnel=yes ipsec-protocols=ah", "which ah cannot pass"),
                                         ("tunnel=yes ipsec-protocols=ah,esp",
                                          "which ah cannot pass")])
def test_what_cannot_pass_says_so(lab, policy, why):
    lab.peers()
    lab.policies(policy)
    ping(lab.a, t.A, t.B)
    assert until(lambda: why in lab.g1.console("/ip ipsec policy get 0 last-error"))


def test_transport_mode_says_that_it_needs_a_tunnel(lab):
    lab.peers()
    lab.g1.console("/ip ipsec policy add action=encrypt tunnel=no "
                   f"sa-src-address={t.R1} sa-dst-address={t.R2}")
    ping(lab.r1, t.R1, t.R2)
    assert until(lambda: "use tunnel=yes" in lab.g1.console("/ip ipsec policy get 0 last-error"))


def test_without_nat_traversal_nothing_moves(lab):
    """nat-traversal=no on one side: no vendor ID, no port 4500, raw ESP that the NAT refuses."""
    lab.g1.console(f'/ip ipsec peer add address={t.R2} secret="{t.SECRET}" nat-traversal=no')
    lab.g2.console(f'/ip ipsec peer add address={t.N} secret="{t.SECRET}" nat-traversal=yes')
    lab.policies("tunnel=yes")
    with Recorder(lab.w, "nu1") as wire:
        ping(lab.a, t.A, t.B)
        until(lambda: "established" in lab.g1.console("/ip ipsec remote-peers print"), 3)
    assert [p for p in wire.select(proto=UDP) if NATT in (p.payload[:2], p.payload[2:4])] == []
    assert wire.between(t.A, t.B) == []


def test_restart_of_the_client(lab):
    """kill -9 inside: new ports, INITIAL-CONTACT, new SAs, without hands."""
    lab.peers()
    lab.policies("tunnel=yes")
    up(lab)
    lab.g1.kill()
    lab.g1.start()
    up(lab)
    assert len(lab.g2.installed_sas()) == 2


def test_outer_ipv6(any_lab):
    """The same in UDP over IPv6, whole and in outer fragments, which need their checksum."""
    lab = any_lab
    for ns in (lab.r1, lab.r2):
        ns.run("ethtool", "-K", "wan", "tx-udp-segmentation", "off")
    t.encapsulated(lab, ends=(topology.R1_6, topology.R2_6), more="dont-fragment=clear")
    with Recorder(lab.w, "r1u1") as wire:
        for size in (1, 1350, 1450, 3000):
            assert udp_crosses(lab.a, t.A, lab.b, t.B, size), size
            assert udp_crosses(lab.b, t.B, lab.a, t.A, size), size
        assert tcp_transfer(lab.a, t.A, lab.b, t.B, 2 << 20)
    protected = [p for p in wire.packets if p.version == 6 and p.carries == UDP]
    assert len(protected) > 1000 and any(p.is_fragment for p in protected)
    assert wire.between(t.A, t.B) == []
    assert [p for p in wire.ipsec() if p.version == 6] == []
    for g in lab.gateways:
        assert g.statistics()["out-send-errors"] == 0


def test_a_peer_at_port_4500(any_lab):
    """IKE from the first message on port 4500 with the marker; without a NAT the SAs are raw."""
    lab = any_lab
    for g, near, far, here, there in (
            (lab.g1, t.NET_A, t.NET_B, topology.R1, topology.R2),
            (lab.g2, t.NET_B, t.NET_A, topology.R2, topology.R1)):
        g.console(f'/ip ipsec peer add address={there}:4500 secret="{t.SECRET}"',
                  f"/ip ipsec policy add src-address={near} dst-address={far} tunnel=yes "
                  f"action=encrypt sa-src-address={here} sa-dst-address={there}")
    with Recorder(lab.w, "r1u1") as wire:
        assert until(lambda: ping(lab.a, t.A, t.B))
    udp = [p for p in wire.between(topology.R1, topology.R2) if p.proto == UDP]
    assert {p.payload[:4] for p in udp} == {NATT + NATT}
    assert {p.payload[8:12] for p in udp} == {bytes(4)}
    assert wire.ipsec() != []

"""Exact counters after scripted exchanges: what was sent, what crossed the wire and what was
counted agree to the packet."""

from lablib import topology as t
from lablib.capture import Injector, Recorder, mac_of
from lablib.keying import Keying, set_up
from lablib.traffic import Udp, tcp_transfer, udp_arrives, udp_crosses
from lablib.witness import datagrams
from scapy.layers.inet import IP, UDP

ENDS, NETS = (t.R1, t.R2), (t.NET_A, t.NET_B)


def one_policy(g):
    rows = g.policy_stats()
    assert len(rows) == 1
    return rows[0]


def test_exchange_with_superpackets_and_drops(lab):
    set_up(lab, Keying(), ENDS, NETS)
    clear = bytes(IP(src=t.A, dst=t.B) / UDP(sport=4000, dport=7001) / b"clear")
    with Recorder(lab.w, "r1u1") as record:
        for size in (0, 1, 1000, 1473, 8000):
            assert udp_crosses(lab.a, t.A, lab.b, t.B, size)
        assert tcp_transfer(lab.a, t.A, lab.b, t.B, 4 << 20)
        assert tcp_transfer(lab.b, t.B, lab.a, t.A, 4 << 20)
        with Injector(lab.w, "r2u1", mac_of(lab.r2, "wan")) as third:
            for _ in range(7):
                third.send(clear)
        lab.g1.console("/ip ipsec policy add action=discard protocol=udp priority=9 "
                       f"src-address={t.NET_A} dst-address={t.NET_B}:7050")
        assert udp_arrives(lab.a, t.A, lab.b, t.B, port=7050, count=5) == 0
    out = datagrams(record.ipsec(src=t.R1))
    back = datagrams(record.ipsec(src=t.R2))
    assert len(out) > 1000, "the transfer is too small to hold superpackets"
    protecting = [p for p in lab.g1.policy_stats() if p["protocol"] == "all"][0]
    discarding = [p for p in lab.g1.policy_stats() if p["protocol"] == "udp"][0]
    far = one_policy(lab.g2)
    assert protecting["encrypted"] == len(out) == far["decrypted"]
    assert protecting["decrypted"] == len(back) == far["encrypted"]
    assert discarding["out-dropped"] == 5
    assert far["in-dropped"] == 7
    zero = ("in-accepted", "out-accepted", "not-encrypted", "not-decrypted", "out-dropped")
    for row, names in ((protecting, (*zero, "in-dropped")), (far, zero)):
        assert {n: row[n] for n in names} == dict.fromkeys(names, 0)


def test_bytes_of_both_ends_of_an_sa_agree(lab):
    set_up(lab, Keying(("ah", "esp")), ENDS, NETS)
    assert tcp_transfer(lab.a, t.A, lab.b, t.B, 1 << 20)
    assert udp_crosses(lab.a, t.A, lab.b, t.B, 100)

    def by_sa(g):
        return {(s["flags"], s["spi"], s["src-address"]): int(s["current-bytes"])
                for s in g.installed_sas()}

    assert by_sa(lab.g1) == by_sa(lab.g2)
    assert len(by_sa(lab.g1)) == 4 and min(by_sa(lab.g1).values()) > 100


def test_superpacket_counts_its_segments_when_it_passes(lab):
    """action=none: what BPF counts are datagrams of the wire, not superpackets."""
    lab.g1.console(f"/ip ipsec policy add action=none protocol=tcp src-address={t.NET_A} "
                   f"dst-address={t.NET_B}")
    for ns, device in ((lab.r1, "wan"), (lab.w, "r1u1"), (lab.w, "r2u1"), (lab.r2, "wan")):
        ns.run("ethtool", "-K", device, "gso", "off", "tso", "off", "gro", "off")
    try:
        with Recorder(lab.w, "r1u1", incoming_only=True) as record:
            assert tcp_transfer(lab.a, t.A, lab.b, t.B, 4 << 20)
    finally:
        for ns, device in ((lab.r1, "wan"), (lab.w, "r1u1"), (lab.w, "r2u1"), (lab.r2, "wan")):
            ns.run("ethtool", "-K", device, "gso", "on", "tso", "on")
    sent = record.select(src=t.A, proto=6)
    assert max(len(p.ip) for p in sent) <= 1500
    assert lab.g1.policy_stats()[0]["out-accepted"] == len(sent)


def test_counters_belong_to_the_item(lab):
    """They survive changes of the SPD around it, and a new item starts at zero."""
    keying = set_up(lab, Keying(), ENDS, NETS)
    assert udp_crosses(lab.a, t.A, lab.b, t.B, 10)
    for n in range(20):
        lab.g1.console(f"/ip ipsec policy add action=none src-address=10.77.{n}.0/24 "
                       "dst-address=10.78.0.0/16 place-before=0 comment=x")
    lab.g1.console("/ip ipsec policy move [find comment=x]")
    rows = [r for r in lab.g1.policy_stats() if r["src-address"] == t.NET_A + ":any"]
    assert rows[0]["encrypted"] == 1 and rows[0]["decrypted"] == 1
    assert all(r["out-accepted"] == 0 for r in lab.g1.policy_stats())
    lab.g1.console("/ip ipsec policy remove [find]", keying.policy(1, ENDS, NETS))
    assert one_policy(lab.g1)["encrypted"] == 0


def test_unknown_spi_is_counted_nowhere_but_in_statistics(lab):
    set_up(lab, Keying(), ENDS, NETS)
    before = lab.g2.statistics()["in-no-states"]
    lab.g1.console("/ip ipsec manual-sa set lab-sa esp-spi=0x1002/0x7777")
    with Udp(lab.a, t.A) as one:
        for _ in range(4):
            one.send(b"x", t.B, 7001)
    udp_arrives(lab.a, t.A, lab.b, t.B, wait=0.2)
    assert lab.g2.statistics()["in-no-states"] == before + 5
    row = one_policy(lab.g2)
    assert row["decrypted"] == 0 and row["not-decrypted"] == 0

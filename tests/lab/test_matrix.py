"""Every cipher x authentication x mode, AH, and ESP inside AH, judged by arrival and by witnesses
outside both gateways. CI runs a pairwise subset, `./dev test --full` all of it."""

import pytest
from lablib import topology as t
from lablib.capture import Recorder
from lablib.keying import Keying, all_keyings, pairwise, set_up
from lablib.traffic import ping, tcp_transfer, udp_crosses
from lablib.witness import judge

SIZES = (0, 1, 8, 1000, 1472, 1473, 8000)
TCP_BYTES = 1 << 19
ENDS = (t.R1, t.R2)


def matrix():
    subset = {str(k) for k in pairwise(all_keyings())}
    for keying in all_keyings():
        marks = () if str(keying) in subset else (pytest.mark.full,)
        yield pytest.param(keying, id=str(keying), marks=marks)


def exchange(ns1, addr1, ns2, addr2):
    """Every size both ways over UDP and ICMP, then a transfer each way."""
    for size in SIZES:
        assert udp_crosses(ns1, addr1, ns2, addr2, size), f"UDP, {size} bytes"
        assert ping(ns2, addr2, addr1, size), f"ping, {size} bytes"
    assert tcp_transfer(ns1, addr1, ns2, addr2, TCP_BYTES), "TCP there"
    assert tcp_transfer(ns2, addr2, ns1, addr1, TCP_BYTES), "TCP back"


@pytest.mark.parametrize("keying", matrix())
def test_exchange_is_protected_and_readable_to_witnesses(lab, keying):
    if keying.tunnel:
        parties, nets = (lab.a, t.A, lab.b, t.B), (t.NET_A, t.NET_B)
    else:
        parties, nets = (lab.r1, t.R1, lab.r2, t.R2), None
    set_up(lab, keying, ENDS, nets)
    with Recorder(lab.w, "r1u1") as record:
        exchange(*parties)
    assert record.between(parties[1], parties[3]) == []
    judge(record.packets, keying.sas(ENDS))


IPV6 = [
    pytest.param((t.R1, t.R2), (t.NET_A6, t.NET_B6), ("a", t.A6, "b", t.B6), True, id="6 in 4"),
    pytest.param((t.R1_6, t.R2_6), (t.NET_A, t.NET_B), ("a", t.A, "b", t.B), True, id="4 in 6"),
    pytest.param((t.R1_6, t.R2_6), (t.NET_A6, t.NET_B6), ("a", t.A6, "b", t.B6), True,
                 id="6 in 6"),
    pytest.param((t.R1_6, t.R2_6), None, ("r1", t.R1_6, "r2", t.R2_6), False, id="6 transport"),
]


@pytest.mark.parametrize("protocols", [("esp",), ("ah",), ("ah", "esp")], ids="+".join)
@pytest.mark.parametrize("ends, nets, parties, tunnel", IPV6)
def test_ipv6_inside_and_outside(lab, ends, nets, parties, tunnel, protocols):
    keying = Keying(protocols, tunnel=tunnel)
    set_up(lab, keying, ends, nets)
    ns1, addr1, ns2, addr2 = parties
    ns1, ns2 = getattr(lab, ns1), getattr(lab, ns2)
    if not tunnel:  # neighbour discovery between the ends themselves must not wait for IPsec
        for ns, peer in ((lab.r1, t.R2_6), (lab.r2, t.R1_6)):
            _pin_neighbour(lab, ns, peer)
    with Recorder(lab.w, "r1u1") as record:
        for size in (0, 1, 1000, 1400):
            assert udp_crosses(ns1, addr1, ns2, addr2, size), f"UDP, {size} bytes"
            assert ping(ns2, addr2, addr1, size), f"ping, {size} bytes"
        assert tcp_transfer(ns1, addr1, ns2, addr2, TCP_BYTES)
    assert record.between(addr1, addr2) == []
    judge(record.packets, keying.sas(ends))


def _pin_neighbour(lab, ns, peer):
    from lablib.capture import mac_of
    other = lab.r2 if ns is lab.r1 else lab.r1
    ns.ip(f"-6 neigh replace {peer} lladdr {mac_of(other, 'wan')} dev wan nud permanent")

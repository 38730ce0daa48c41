"""What policies mean for packets, in the reference's words. All of it runs twice: with every kernel
feature, and with every fallback forced (Debian 12's own kernel has neither)."""

import socket
import time

import pytest
from lablib import topology as t
from lablib.capture import ESP, AH, ICMP, UDP, Injector, Recorder, mac_of
from lablib.keying import Keying, set_up
from lablib.traffic import (Ping, Udp, body, open_socket, ping, tcp_transfer, udp_arrives,
                            udp_crosses)
from lablib.witness import datagrams, judge, scapy_open
from scapy.layers.inet import IP, fragment
from scapy.layers.inet import UDP as ScapyUdp

ENDS, ENDS2 = (t.R1, t.R2), (t.R1B, t.R2B)
NETS, NETS2 = (t.NET_A, t.NET_B), (t.NET_A2, t.NET_B2)


@pytest.fixture
def lab(any_lab):
    return any_lab


def wire(lab, uplink=1):
    return Recorder(lab.w, f"r1u{uplink}")


def injector(lab, to="r2"):
    """A third machine on uplink 1 that sends to one gateway."""
    ns = lab.r2 if to == "r2" else lab.r1
    return Injector(lab.w, f"{to}u1", mac_of(ns, "wan"))


def clear_udp(src, dst, dport=7001, data=b"clear", sport=4000, **ip):
    return bytes(IP(src=src, dst=dst, **ip) / ScapyUdp(sport=sport, dport=dport) / data)


def tunnel(lab, **policy):
    return set_up(lab, Keying(), ENDS, NETS, **policy)


# -- address translation --

def nat_table(ns, rules):
    ns.nft("table ip lab_nat {\n"
           " chain post { type nat hook postrouting priority 100; }\n"
           " chain pre { type nat hook prerouting priority -100; }\n}\n"
           + "".join(f"add rule ip lab_nat {rule}\n" for rule in rules))


def test_masqueraded_traffic_does_not_match(lab):
    tunnel(lab)
    nat_table(lab.r1, ["post oifname wan masquerade"])
    with wire(lab) as record:
        assert udp_arrives(lab.a, t.A, lab.b, t.B) == 1
    assert record.ipsec() == []
    assert len(record.select(src=t.R1, dst=t.B, proto=UDP)) == 1


def test_clear_answer_to_masqueraded_traffic_is_refused(lab):
    """Its translation is undone before the forward chain, and there policy wants it encrypted."""
    tunnel(lab)
    nat_table(lab.r1, ["post oifname wan masquerade"])
    assert not ping(lab.a, t.A, t.B, wait=0.4)
    assert lab.g1.policy_stats()[0]["in-dropped"] == 1


def test_traffic_accepted_before_masquerade_matches(lab):
    keying = tunnel(lab)
    nat_table(lab.r1, [f"post ip saddr {t.NET_A} ip daddr {t.NET_B} accept",
                       "post oifname wan masquerade"])
    with wire(lab) as record:
        assert ping(lab.a, t.A, t.B)
        assert tcp_transfer(lab.a, t.A, lab.b, t.B, 1 << 18)
    assert record.between(t.A, t.B, t.R1) == []
    judge(record.packets, keying.sas(ENDS))


def test_source_nat_result_is_what_policy_sees(lab):
    """A's traffic is translated to an address of another policy's selector."""
    keying = set_up(lab, Keying(), ENDS, ("192.168.77.7/32", t.NET_B))
    nat_table(lab.r1, [f"post ip saddr {t.NET_A} ip daddr {t.NET_B} snat to 192.168.77.7"])
    lab.r2.ip("route replace 192.168.77.7/32 via 1.0.0.1")
    with wire(lab) as record:
        assert ping(lab.a, t.A, t.B)
        assert udp_crosses(lab.a, t.A, lab.b, t.B, 900)
    assert record.between(t.A, t.B, "192.168.77.7") == []
    judge(record.packets, keying.sas(ENDS))


def test_destination_nat_applies_after_decryption(lab):
    keying = tunnel(lab)
    nat_table(lab.r2, [f"pre ip daddr 10.2.0.99 dnat to {t.B}"])
    with wire(lab) as record:
        assert ping(lab.a, t.A, "10.2.0.99")
    assert record.between(t.A, t.B, "10.2.0.99") == []
    judge(record.packets, keying.sas(ENDS))


def test_esp_translated_to_the_gateway_works(lab):
    keying = Keying()
    lab.r1.ip("route replace 1.0.0.99/32 via 1.0.0.2")
    nat_table(lab.r2, [f"pre ip daddr 1.0.0.99 dnat to {t.R2}"])
    lab.g1.console(keying.manual_sa(1), keying.policy(1, (t.R1, "1.0.0.99"), NETS))
    lab.g2.console(keying.manual_sa(2), keying.policy(2, ENDS, NETS))
    with wire(lab) as record:
        assert udp_crosses(lab.a, t.A, lab.b, t.B, 700)
    assert record.between(t.A, t.B) == []
    assert record.ipsec(src=t.R1, dst="1.0.0.99") and record.ipsec(src="1.0.0.99", dst=t.R1)


def test_input_filter_stops_the_tunnel(lab):
    tunnel(lab)
    assert ping(lab.a, t.A, t.B)
    lab.r2.nft("table ip lab_filter {\n chain input {\n  type filter hook input priority 0;\n"
               "  ip protocol esp drop\n }\n}\n")
    assert not ping(lab.a, t.A, t.B, wait=0.4)
    lab.r2.nft("delete table ip lab_filter")
    assert ping(lab.a, t.A, t.B)


# -- incoming policy check --

def arrivals(lab, ns, address, packets, port=7001):
    """Puts datagrams on the wire towards R2; how many reach a socket."""
    with Udp(ns, address, port) as receiver, injector(lab) as third:
        for p in packets:
            third.send(p)
        return len(receiver.drain())


@pytest.mark.parametrize("where", ["forward", "input"])
def test_clear_packet_is_let_in_before_and_dropped_once_an_sa_is_valid(lab, where):
    if where == "forward":
        ns, src, dst, keying, nets = lab.b, t.A, t.B, Keying(), NETS
    else:
        ns, src, dst, keying, nets = lab.r2, t.R1, t.R2, Keying(tunnel=False), None
    packet = clear_udp(src, dst)
    assert arrivals(lab, ns, dst, [packet]) == 1
    lab.g2.console(keying.manual_sa(2), keying.policy(2, ENDS, nets))
    assert arrivals(lab, ns, dst, [packet] * 3) == 0
    assert lab.g2.policy_stats()[0]["in-dropped"] == 3
    lab.g2.console("/ip ipsec installed-sa flush")
    assert arrivals(lab, ns, dst, [packet] * 2) == 2
    assert lab.g2.policy_stats()[0]["in-accepted"] == 2
    lab.g2.console("/ip ipsec settings set strict-incoming-check=yes")
    assert arrivals(lab, ns, dst, [packet]) == 0
    assert lab.g2.policy_stats()[0]["in-dropped"] == 4


def test_incoming_check_follows_action_none_and_discard(lab):
    tunnel(lab)
    packet = clear_udp(t.A, t.B, dport=7001)
    lab.g2.console("/ip ipsec policy add action=none priority=5 protocol=udp "
                   f"src-address={t.NET_B}:7001 dst-address={t.NET_A}")
    assert arrivals(lab, lab.b, t.B, [packet]) == 1
    lab.g2.console("/ip ipsec policy set [find priority=5] action=discard")
    assert arrivals(lab, lab.b, t.B, [packet]) == 0
    stats = {p["src-address"]: p for p in lab.g2.policy_stats()}
    assert stats[f"{t.NET_B}:7001"]["in-accepted"] == 1
    assert stats[f"{t.NET_B}:7001"]["in-dropped"] == 1


def test_clear_fragments_are_refused_too(lab):
    tunnel(lab)
    whole = IP(src=t.A, dst=t.B, id=77) / ScapyUdp(sport=4000, dport=7001) / (b"f" * 3000)
    assert arrivals(lab, lab.b, t.B, [bytes(f) for f in fragment(whole, 1000)]) == 0


# -- policy decision --

def level_policies(lab, level):
    keying = Keying()
    for side, g in ((1, lab.g1), (2, lab.g2)):
        g.console(keying.manual_sa(side), keying.policy(side, ENDS, NETS, level=level))
    return keying


@pytest.mark.parametrize("level", ["use", "require", "unique"])
def test_level_with_and_without_an_sa(lab, level):
    keying = level_policies(lab, level)
    with wire(lab) as record:
        assert udp_crosses(lab.a, t.A, lab.b, t.B, 100)
    assert record.between(t.A, t.B) == []
    judge(record.packets, keying.sas(ENDS))
    for g in lab.gateways:
        g.console("/ip ipsec installed-sa flush")
    with wire(lab) as record:
        crossed = udp_arrives(lab.a, t.A, lab.b, t.B, count=2)
    stats = lab.g1.policy_stats()[0]
    assert record.ipsec() == []
    if level == "use":
        assert crossed == 2 and stats["out-accepted"] == 2 and stats["out-dropped"] == 0
    else:
        assert crossed == 0 and record.between(t.A, t.B) == []
        assert stats["out-accepted"] == 0 and stats["out-dropped"] == 2


def test_use_skips_only_the_missing_transform(lab):
    """ESP and AH under `use`: with AH flushed ESP alone protects; require drops instead."""
    keying = Keying(("ah", "esp"))
    set_up(lab, keying, ENDS, NETS, level="use")
    for g in lab.gateways:
        g.console("/ip ipsec installed-sa flush sa-type=ah")
    with wire(lab) as record:
        udp_arrives(lab.a, t.A, lab.b, t.B, count=2)
    assert record.between(t.A, t.B) == []
    assert {p.proto for p in record.ipsec(src=t.R1)} == {ESP}
    lab.g1.console("/ip ipsec policy set 0 level=require",
                   "/ip ipsec installed-sa flush sa-type=ah")
    with wire(lab) as record:
        udp_arrives(lab.a, t.A, lab.b, t.B)
    assert record.between(t.A, t.B) == [] and record.ipsec(src=t.R1) == []


def test_discard_drops_and_counts(lab):
    lab.g1.console(f"/ip ipsec policy add action=discard src-address={t.NET_A} "
                   f"dst-address={t.NET_B}")
    with wire(lab) as record:
        assert udp_arrives(lab.a, t.A, lab.b, t.B, count=3) == 0
    assert record.between(t.A, t.B) == []
    assert lab.g1.policy_stats()[0]["out-dropped"] == 3


def test_none_above_encrypt_passes_in_clear(lab):
    tunnel(lab)
    for g, near, far in ((lab.g1, t.NET_A, t.NET_B), (lab.g2, t.NET_B, t.NET_A)):
        g.console(f"/ip ipsec policy add action=none protocol=icmp src-address={near} "
                  f"dst-address={far} place-before=0")
    with wire(lab) as record:
        assert ping(lab.a, t.A, t.B)
        assert udp_crosses(lab.a, t.A, lab.b, t.B, 100)
    assert {p.proto for p in record.between(t.A, t.B)} == {ICMP}
    assert len(record.ipsec()) == 2
    assert lab.g1.policy_stats()[0]["out-accepted"] == 1


def test_larger_priority_is_looked_up_first(lab):
    """A negative priority loses against the default 0 although it stands first."""
    tunnel(lab)
    lab.g1.console(f"/ip ipsec policy add action=discard src-address={t.NET_A} "
                   f"dst-address={t.NET_B} priority=-1 place-before=0")
    assert ping(lab.a, t.A, t.B)
    lab.g1.console("/ip ipsec policy set 0 priority=1")
    assert not ping(lab.a, t.A, t.B, wait=0.4)
    lab.g1.console("/ip ipsec policy set 0 priority=-2147483648")
    assert ping(lab.a, t.A, t.B)


@pytest.mark.parametrize("protocol", ["udp", "17"])
def test_protocol_by_name_and_number(lab, protocol):
    keying = tunnel(lab, protocol=protocol)
    with wire(lab) as record:
        assert udp_crosses(lab.a, t.A, lab.b, t.B, 100)
        assert ping(lab.a, t.A, t.B)
    assert {p.proto for p in record.between(t.A, t.B)} == {ICMP}
    assert judge(record.packets, keying.sas(ENDS))
    assert "protocol=udp" in lab.g1.console("/ip ipsec policy print")


# -- ports and fragments --

def port_policy(lab, port=7001):
    keying = Keying()
    lab.g1.console(keying.manual_sa(1),
                   keying.policy(1, ENDS, (t.NET_A, f"{t.NET_B}:{port}"), protocol="udp"))
    lab.g2.console(keying.manual_sa(2),
                   keying.policy(2, ENDS, (t.NET_A, f"{t.NET_B}:{port}"), protocol="udp"))
    return keying


def test_port_selector_protects_whole_fragmented_datagrams(lab):
    keying = port_policy(lab)
    with wire(lab) as record:
        assert udp_crosses(lab.a, t.A, lab.b, t.B, 8000, port=7001)
    assert record.between(t.A, t.B) == []
    judge(record.packets, keying.sas(ENDS))


def test_port_selector_leaves_other_fragmented_datagrams_alone(lab):
    port_policy(lab)
    with wire(lab) as record:
        assert udp_crosses(lab.a, t.A, lab.b, t.B, 8000, port=7003)
    assert record.ipsec() == []
    assert len(record.between(t.A, t.B)) == 12


def test_no_later_fragment_leaks(lab):
    """Later fragments alone, before their first and after a first that is protected."""
    port_policy(lab)
    mac = mac_of(lab.r1, "lan")
    for order in ("later only", "later first", "in order"):
        whole = IP(src=t.A, dst=t.B, id=900 + len(order)) / ScapyUdp(sport=4, dport=7001) / \
            (b"secret" * 500)
        parts = [bytes(f) for f in fragment(whole, 1000)]
        parts = {"later only": parts[1:], "later first": parts[::-1], "in order": parts}[order]
        with wire(lab) as record, Injector(lab.a, "eth0", mac) as host:
            for part in parts:
                host.send(part)
            time.sleep(0.1)
        assert [p for p in record.between(t.A, t.B) if p.src == t.A] == [], order


# -- dont-fragment --

def df_expectation(setting, df, size):
    """What the reference asks for: DF of what leaves, and whether the sender is told. `set`: "each
    packet matching the rule will not be fragmented", whatever its sender would have allowed."""
    outer_df = {"clear": False, "inherit": df, "set": True}[setting]
    fits = size <= 1300
    return outer_df, outer_df and not fits


@pytest.mark.parametrize("setting", ["clear", "inherit", "set"])
@pytest.mark.parametrize("df", [False, True], ids=["df-clear", "df-set"])
@pytest.mark.parametrize("size", [100, 1300, 1472])
def test_dont_fragment(lab, setting, df, size):
    keying = tunnel(lab, dont_fragment=setting)
    outer_df, told = df_expectation(setting, df, size)
    with Ping(lab.a, t.A, t.B, df=df) as echo, wire(lab) as record:
        outcome = echo.outcome(size)
    out = record.ipsec(src=t.R1)
    assert record.between(t.A, t.B) == []
    if told:
        assert out == [] and outcome not in (None, "reply"), "the sender was not told"
        code, mtu, quoted = outcome
        assert code == 4 and quoted[16:20] == bytes(map(int, t.B.split(".")))
        assert 1300 < mtu < 1500
        _fits_exactly(lab, mtu)
        return
    assert outcome == "reply"
    assert {p.df for p in out} == {outer_df}
    assert all(len(p.ip) <= 1500 for p in out)
    judge(record.packets, keying.sas(ENDS))


def _fits_exactly(lab, mtu):
    """The announced MTU goes through in one piece, and is not smaller than it must be."""
    with wire(lab) as record, Ping(lab.a, t.A, t.B, df=True) as echo:
        assert echo(mtu - 28)
        assert not echo(mtu - 28 + 1, wait=0.3)
    out = record.ipsec(src=t.R1)
    assert len(out) == 1 and not out[0].is_fragment and 1500 - len(out[0].ip) < 16


@pytest.mark.parametrize("translated", ["192.168.77.7", t.R1], ids=["another", "own address"])
def test_icmp_reaches_the_sender_behind_source_nat(lab, translated):
    set_up(lab, Keying(), ENDS, (f"{translated}/32", t.NET_B), dont_fragment="inherit")
    nat_table(lab.r1, [f"post ip saddr {t.NET_A} ip daddr {t.NET_B} snat to {translated}"])
    lab.r1.ip("route replace default via 1.0.0.2")
    try:
        with Ping(lab.a, t.A, t.B, df=True) as echo:
            outcome = echo.outcome(1472)
    finally:
        lab.r1.ip("route del default")
    assert outcome not in (None, "reply") and outcome[0] == 4 and 1300 < outcome[1] < 1500
    assert outcome[2][12:16] == bytes(map(int, t.A.split("."))), "the quoted source is not A"


def test_tcp_needs_no_fragments(lab):
    """Superpackets are cut to what fits after encapsulation, both for forwarded and local TCP."""
    keying = tunnel(lab)
    with wire(lab) as record:
        assert tcp_transfer(lab.a, t.A, lab.b, t.B, 2 << 20)
        assert tcp_transfer(lab.b, t.B, lab.a, t.A, 2 << 20)
    assert not any(p.is_fragment for p in record.ipsec())
    assert all(len(p.ip) <= 1500 for p in record.ipsec())
    judge(record.packets, keying.sas(ENDS))


@pytest.mark.parametrize("who", ["forwarded", "local"])
def test_mss_of_syn_is_clamped_to_the_tunnel(lab, who):
    """Seen where it arrives: no segment that later needs cutting is even announced."""
    if who == "forwarded":
        keying, parties, nets, device = Keying(), (lab.a, t.A, lab.b, t.B), NETS, (lab.b, "eth0")
    else:
        keying, parties, nets = Keying(tunnel=False), (lab.r1, t.R1, lab.r2, t.R2), None
        device = None
    set_up(lab, keying, ENDS, nets)
    with Recorder(*(device or (lab.w, "r1u1"))) as record:
        assert tcp_transfer(*parties, 1 << 16)
    if device:
        syns = [p.payload for p in record.select(src=t.A, proto=6) if p.payload[13] & 2]
    else:
        first = record.ipsec(src=t.R1)[0]
        syns = [scapy_open(first, keying.sas(ENDS))[0]]
    assert syns and syns[0][13] & 2
    mss = int.from_bytes(syns[0][22:24], "big")
    assert syns[0][20:22] == b"\x02\x04" and 1300 < mss < 1460


# -- sharing and sorting of SAs --

def test_two_policies_share_one_manual_sa(lab):
    keying = Keying()
    pairs = [(t.NET_A, t.NET_B), (t.NET_A2, t.NET_B)]
    for side, g in ((1, lab.g1), (2, lab.g2)):
        g.console(keying.manual_sa(side), *(keying.policy(side, ENDS, nets) for nets in pairs))
    lab.r2.ip(f"route replace {t.NET_A2} via {t.R1}")
    try:
        with wire(lab) as record:
            assert udp_crosses(lab.a, t.A, lab.b, t.B, 500)
            assert udp_crosses(lab.a, t.A2, lab.b, t.B, 500)
    finally:
        lab.r2.ip(f"route replace {t.NET_A2} via {t.R1B}")
    assert record.between(t.A, t.A2, t.B) == []
    judge(record.packets, keying.sas(ENDS))
    assert len(lab.g1.installed_sas()) == 2
    assert [p["flags"] for p in lab.g1.policies()] == ["", ""]


def test_two_manual_peers_on_one_spi(lab):
    """Both on SPI 0x100, in and out: only the addresses tell their SAs apart."""
    one = Keying(name="one", a_to_b=0x100, b_to_a=0x100, label="one")
    two = Keying(name="two", a_to_b=0x100, b_to_a=0x100, label="two", enc="3des", auth="md5")
    set_up(lab, one, ENDS, NETS)
    set_up(lab, two, ENDS2, NETS2)
    with wire(lab, 1) as first, wire(lab, 2) as second:
        assert udp_crosses(lab.a, t.A, lab.b, t.B, 300)
        assert udp_crosses(lab.a, t.A2, lab.b, t.B2, 300)
    judge(first.packets, one.sas(ENDS))
    judge(second.packets, two.sas(ENDS2))


def test_two_uplinks_with_strict_rp_filter(lab):
    one, two = Keying(name="one"), Keying(name="two", label="two", a_to_b=0x2001, b_to_a=0x2002)
    for ns in (lab.r1, lab.r2):
        for device in ("all", "lan", "wan", "wan2"):
            ns.sysctl(**{f"ipv4__conf__{device}__rp_filter": 1})
    try:
        set_up(lab, one, ENDS, NETS)
        set_up(lab, two, ENDS2, NETS2)
        with wire(lab, 1) as first, wire(lab, 2) as second:
            for addr1, addr2 in ((t.A, t.B), (t.A2, t.B2)):
                assert udp_crosses(lab.a, addr1, lab.b, addr2, 1400)
                assert ping(lab.b, addr2, addr1)
                assert tcp_transfer(lab.a, addr1, lab.b, addr2, 1 << 20)
    finally:
        for ns in (lab.r1, lab.r2):
            for device in ("all", "lan", "wan", "wan2"):
                ns.sysctl(**{f"ipv4__conf__{device}__rp_filter": 0})
    assert first.between(t.A, t.B) == [] and second.between(t.A2, t.B2) == []
    judge(first.packets, one.sas(ENDS))
    judge(second.packets, two.sas(ENDS2))


def test_inner_packet_of_another_policy_is_dropped(lab):
    """Good SA, inner addresses outside its policy: what R1 may send, R2 does not let in."""
    keying = Keying()
    lab.g1.console(keying.manual_sa(1), keying.policy(1, ENDS, (t.NET_A, "10.0.0.0/8")))
    lab.g2.console(keying.manual_sa(2), keying.policy(2, ENDS, NETS))
    assert udp_arrives(lab.a, t.A, lab.b, t.B) == 1
    lab.r1.ip(f"route replace {t.NET_B2} via {t.R2}")
    try:
        before = lab.g2.statistics()["in-template-mismatches"] + \
            lab.g2.statistics()["in-no-policies"]
        assert udp_arrives(lab.a, t.A, lab.b, t.B2, count=2) == 0
    finally:
        lab.r1.ip(f"route replace {t.NET_B2} via {t.R2B}")
    after = lab.g2.statistics()
    assert after["in-template-mismatches"] + after["in-no-policies"] == before + 2


# -- flush --

@pytest.mark.parametrize("sa_type, left", [("ah", "EE"), ("esp", "AA"), ("all", ""), (None, ""),
                                           ("ah,esp", "")])
def test_flush_by_type(lab, sa_type, left):
    set_up(lab, Keying(("ah", "esp")), ENDS, NETS)
    assert sorted(s["flags"] for s in lab.g1.installed_sas()) == ["A", "A", "E", "E"]
    argument = f" sa-type={sa_type}" if sa_type else ""
    assert lab.g1.console("/ip ipsec installed-sa flush" + argument).strip() == ""
    assert "".join(s["flags"] for s in lab.g1.installed_sas()) == left
    assert not ping(lab.a, t.A, t.B, wait=0.3)
    # A flushed manual SA comes back when its template or policy is set again.
    for g in lab.gateways:
        g.console("/ip ipsec policy set 0 comment=again disabled=no")
    assert len(lab.g1.installed_sas()) == 4
    assert ping(lab.a, t.A, t.B)


# -- exemptions --

def test_ike_between_third_parties_is_ordinary_traffic(lab):
    keying = tunnel(lab)
    with wire(lab) as record:
        for port in (500, 4500):
            assert udp_arrives(lab.a, t.A, lab.b, t.B, port=port, sport=port) == 1
    assert record.between(t.A, t.B) == []
    assert len(record.ipsec(src=t.R1)) == 2
    judge(record.packets, keying.sas(ENDS))


def send_locally(ns, src, dst, port):
    """UDP from a gateway itself, from and to PORT. A raw socket, as IKE's ports are taken."""
    with open_socket(ns, socket.SOCK_RAW, src, 0, socket.IPPROTO_RAW) as s:
        s.sendto(clear_udp(src, dst, dport=port, sport=port, data=bytes(40)), (dst, 0))


def test_own_ike_is_not_encrypted_under_a_policy_for_everything(lab):
    set_up(lab, Keying(), ENDS, ("0.0.0.0/0", "0.0.0.0/0"))
    with wire(lab) as record:
        send_locally(lab.r1, t.R1, t.R2, 500)
        send_locally(lab.r2, t.R2, t.R1, 500)
    assert {p.proto for p in record.between(t.R1, t.R2)} == {UDP}
    assert {p.src for p in record.between(t.R1, t.R2)} == {t.R1, t.R2}
    assert record.ipsec() == []
    with wire(lab) as record:
        send_locally(lab.r1, t.R1, t.R2, 501)
    assert [p for p in record.between(t.R1, t.R2) if p.src == t.R1] == []
    assert len(record.ipsec(src=t.R1)) == 1


@pytest.mark.parametrize("port", [500, 4500])
def test_clear_ike_is_let_in_whatever_policy_says(lab, port):
    set_up(lab, Keying(), ENDS, ("0.0.0.0/0", "0.0.0.0/0"))
    lab.g2.console("/ip ipsec settings set strict-incoming-check=yes")
    before = lab.g2.statistics()
    with injector(lab) as third:
        third.send(clear_udp("1.0.0.77", t.R2, dport=port, sport=port))
        third.send(clear_udp("1.0.0.77", t.R2, dport=501, sport=port))
        time.sleep(0.05)
    after = lab.g2.statistics()
    changed = {n: after[n] - before[n] for n in ("in-accept-isakmp", "in-drop-encrypted-expected")}
    assert changed == {"in-accept-isakmp": 1, "in-drop-encrypted-expected": 1}


# -- inactive policies --

INACTIVE = [
    ("src-address", f"dst-address={t.NET_B} tunnel=yes sa-src-address={t.R1} "
     f"sa-dst-address={t.R2} manual-sa=lab-sa"),
    ("dst-address", f"src-address={t.NET_A} tunnel=yes sa-src-address={t.R1} "
     f"sa-dst-address={t.R2} manual-sa=lab-sa"),
    ("sa-src-address", f"src-address=10.9.0.0/24 dst-address={t.R2} tunnel=no "
     f"sa-src-address={t.R1} sa-dst-address={t.R2} manual-sa=lab-sa"),
    ("sa-dst-address", f"src-address={t.R1} dst-address=10.9.0.0/24 tunnel=no "
     f"sa-src-address={t.R1} sa-dst-address={t.R2} manual-sa=lab-sa"),
    ("sa-dst-address", f"src-address={t.NET_A} dst-address={t.NET_B} tunnel=yes "
     f"sa-src-address={t.R1} manual-sa=lab-sa"),
    ("1.0.0.200", f"src-address={t.NET_A} dst-address={t.NET_B} tunnel=yes "
     f"sa-src-address=1.0.0.200 sa-dst-address={t.R2} manual-sa=lab-sa"),
    ("off-sa", f"src-address={t.NET_A} dst-address={t.NET_B} tunnel=yes "
     f"sa-src-address={t.R1} sa-dst-address={t.R2} manual-sa=off-sa"),
    ("bare-sa", f"src-address={t.NET_A} dst-address={t.NET_B} tunnel=yes "
     f"sa-src-address={t.R1} sa-dst-address={t.R2} manual-sa=bare-sa"),
    ("ah-key", f"src-address={t.NET_A} dst-address={t.NET_B} tunnel=yes ipsec-protocols=ah "
     f"sa-src-address={t.R1} sa-dst-address={t.R2} manual-sa=bare-sa"),
    ("9.9.9.9", f"src-address={t.NET_A} dst-address={t.NET_B} tunnel=yes "
     "sa-dst-address=9.9.9.9 manual-sa=lab-sa"),
]


@pytest.mark.parametrize("names, properties", INACTIVE,
                         ids=["no source", "no destination", "source excludes SA",
                              "destination excludes SA", "no peer", "source not local",
                              "template disabled", "template without algorithms",
                              "template without key", "no route to the peer"])
def test_policy_that_cannot_work_is_inactive_and_says_why(lab, names, properties):
    lab.g1.console(Keying().manual_sa(1), Keying(name="off-sa").manual_sa(1) + " disabled=yes",
                   "/ip ipsec manual-sa add name=bare-sa",
                   f"/ip ipsec policy add action=encrypt {properties}")
    policy = lab.g1.policies()[0]
    assert policy["flags"] == "I"
    assert names in lab.g1.console("/ip ipsec policy get 0 inactive-reason")


@pytest.mark.parametrize("spoil, why, mend", [
    ("disable other", "proposal other is disabled", "enable other"),
    ("remove other", "proposal other does not exist", "add name=other")],
    ids=["disabled", "removed"])
def test_policy_without_its_proposal_is_inactive(lab, spoil, why, mend):
    """And wakes up when the proposal is back; meanwhile its traffic is dropped."""
    lab.g1.console("/ip ipsec proposal add name=other",
                   f"/ip ipsec policy add src-address={t.NET_A} dst-address={t.NET_B} tunnel=yes "
                   f"sa-src-address={t.R1} sa-dst-address={t.R2} proposal=other")
    assert lab.g1.policies()[0]["flags"] == ""
    lab.g1.console(f"/ip ipsec proposal {spoil}")
    assert lab.g1.policies()[0]["flags"] == "I"
    assert why in lab.g1.console("/ip ipsec policy get 0 inactive-reason")
    with wire(lab) as record:
        assert not ping(lab.a, t.A, t.B, wait=0.3)
    assert record.between(t.A, t.B) == []
    lab.g1.console(f"/ip ipsec proposal {mend}")
    assert lab.g1.policies()[0]["flags"] == ""


def test_duplicate_of_an_active_policy_is_inactive(lab):
    keying = tunnel(lab)
    lab.g1.console(keying.policy(1, ENDS, NETS))
    assert [p["flags"] for p in lab.g1.policies()] == ["", "I"]
    assert "duplicate" in lab.g1.console("/ip ipsec policy get 1 inactive-reason")
    lab.g1.console("/ip ipsec policy disable 0")
    assert [p["flags"] for p in lab.g1.policies()] == ["X", ""]
    assert ping(lab.a, t.A, t.B)


def test_spi_taken_by_other_keys_makes_the_later_policy_inactive(lab):
    tunnel(lab)
    other = Keying(name="other", label="other")
    lab.g1.console(other.manual_sa(1), other.policy(1, ENDS, NETS2))
    assert [p["flags"] for p in lab.g1.policies()] == ["", "I"]
    assert "0x1002" in lab.g1.console("/ip ipsec policy get 1 inactive-reason")
    assert ping(lab.a, t.A, t.B)


def test_unique_policies_do_not_share_a_manual_sa(lab):
    keying = tunnel(lab, level="unique")
    lab.g1.console(keying.policy(1, ENDS, NETS2, level="unique"))
    assert [p["flags"] for p in lab.g1.policies()] == ["", "I"]
    assert ping(lab.a, t.A, t.B)


def test_policy_wakes_up_when_its_address_appears(lab):
    keying = Keying()
    lab.g1.console(keying.manual_sa(1), keying.policy(1, ("1.0.0.200", t.R2), NETS))
    assert lab.g1.policies()[0]["flags"] == "I"
    lab.r1.ip("address add 1.0.0.200/24 dev wan")
    try:
        deadline = time.monotonic() + 5
        while lab.g1.policies()[0]["flags"] and time.monotonic() < deadline:
            time.sleep(0.1)
        assert lab.g1.policies()[0]["flags"] == ""
    finally:
        lab.r1.ip("address del 1.0.0.200/24 dev wan")


def test_transport_policy_wider_than_its_ends_lets_others_fall_through(lab):
    """Packets with other addresses than the SA's go on to the next policy."""
    keying = Keying(tunnel=False)
    for side, g in ((1, lab.g1), (2, lab.g2)):
        g.console(keying.manual_sa(side), keying.policy(side, ENDS, ("0.0.0.0/0", "0.0.0.0/0")))
    with wire(lab) as record:
        assert udp_crosses(lab.r1, t.R1, lab.r2, t.R2, 200)
        assert ping(lab.a, t.A, t.B)
    assert record.between(t.R1, t.R2) == []
    assert {p.proto for p in record.between(t.A, t.B)} == {ICMP}


# -- whole datagrams in transport mode --

def test_transport_mode_protects_whole_datagrams(lab):
    keying = Keying(("ah", "esp"), tunnel=False)
    set_up(lab, keying, ENDS)
    with wire(lab) as record:
        assert udp_crosses(lab.r1, t.R1, lab.r2, t.R2, 8000)
    out = record.ipsec(src=t.R1)
    assert len(out) > 1 and all(p.is_fragment and p.proto == AH for p in out)
    whole = datagrams(out)
    assert len(whole) == 1
    inner, following = scapy_open(whole[0], keying.sas(ENDS))
    assert following == UDP and inner[8:] == body(8000, "there")

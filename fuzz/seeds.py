#!/usr/bin/python3
"""Writes the first inputs of fuzz/corpus/in and fuzz/corpus/out (formats: fuzz_in.c, fuzz_out.c).

    /usr/bin/python3 fuzz/seeds.py
"""
import pathlib
import struct

from scapy.compat import raw
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop
from scapy.layers.ipsec import AH

CORPUS = pathlib.Path(__file__).parent / "corpus"
SIGN, TRANSPORT, V6, NEW_BATCH = 1, 2, 4, 8
A4, B4, A6, B6 = "192.0.2.1", "192.0.2.2", "fd00::1", "fd00::2"


def outer(v6, payload, proto):
    return raw(IPv6(src=A6, dst=B6, nh=proto) / payload if v6
               else IP(src=A4, dst=B4, id=1, proto=proto) / payload)


def esp(inner, nxt, seq=1, pad=None):
    pad = -(len(inner) + 2) % 4 if pad is None else pad
    return struct.pack(">II", 0x1000, seq) + inner + bytes(range(1, pad + 1)) + bytes([pad, nxt]) \
        + bytes(12)


def ah(inner, nxt, seq=1):
    return raw(AH(nh=nxt, payloadlen=4, spi=0x1000, seq=seq, icv=bytes(12))) + inner


def udp(payload):
    return raw(UDP(sport=4500, dport=4500, len=8 + len(payload), chksum=0)) + payload


def item_in(flags, packet):
    return struct.pack(">BH", flags, len(packet)) + packet


def item_out(flags, packet, gso_size=0, start=0, offset=0):
    return struct.pack(">BxHHHH", flags, gso_size, start, offset, len(packet)) + packet


def inner4(l4, **fields):
    return raw(IP(src="10.2.0.7", dst="10.1.0.5", id=7, **fields) / l4)


def inner6(*parts):
    p = IPv6(src="fd02::7", dst="fd01::5")
    for part in parts:
        p = p / part
    return raw(p)


def tcp(n, seq, flags="A", options=()):
    return TCP(sport=80, dport=5000, seq=seq, ack=9, flags=flags, options=list(options)) / bytes(n)


IN = {
    "esp-tunnel": [(SIGN, outer(0, esp(inner4(UDP(sport=1, dport=7) / b"hello"), 4), 50))],
    "esp-tunnel-6-in-4": [(SIGN, outer(0, esp(inner6(UDP(sport=1, dport=2) / b"hello"), 41), 50))],
    "esp-tunnel-4-in-6": [(SIGN, outer(1, esp(inner4(ICMP() / b"hello"), 4), 50))],
    "esp-tcp-coalesced": [(SIGN, outer(0, esp(inner4(tcp(100, 100 * i), flags="DF"), 4), 50))
                          for i in range(4)],
    "esp-syn": [(SIGN, outer(0, esp(inner4(tcp(0, 0, "S", [("MSS", 1460)])), 4), 50))],
    "esp-fragments": [(SIGN, outer(0, esp(inner4(UDP(sport=9, dport=7) / bytes(20), flags="MF"), 4),
                                   50)),
                      (SIGN, outer(0, esp(inner4(bytes(24), proto=17, frag=3), 4), 50))],
    "esp-transport": [(SIGN | TRANSPORT, outer(0, esp(raw(tcp(10, 1)), 6), 50))],
    "esp-transport-6": [(SIGN | TRANSPORT, outer(1, esp(raw(tcp(10, 1)), 6), 50))],
    "esp-dummy": [(SIGN, outer(0, esp(bytes(6), 59), 50))],
    "esp-ecn": [(SIGN, raw(IP(src=A4, dst=B4, id=1, proto=50, tos=3)
                           / esp(inner4(UDP(), tos=1), 4)))],
    "ah-tunnel": [(SIGN, outer(0, ah(inner4(UDP(sport=1, dport=7) / b"hello"), 4), 51))],
    "ah-transport": [(SIGN | TRANSPORT, outer(0, ah(raw(tcp(10, 1)), 6), 51))],
    "ah-transport-6": [(SIGN | TRANSPORT, outer(1, ah(raw(tcp(10, 1)), 6), 51))],
    "ah-options": [(SIGN | TRANSPORT, raw(IP(
        src=A4, dst=B4, id=1, proto=51, options=[IPOption(bytes.fromhex("0707040a000001")),
                                                 IPOption(b"\x01")]) / ah(raw(tcp(10, 1)), 6)))],
    "ah-hop-by-hop": [(SIGN | TRANSPORT, raw(IPv6(src=A6, dst=B6) / IPv6ExtHdrHopByHop(nh=51)
                                             / ah(raw(tcp(10, 1)), 6)))],
    "ah-esp": [(SIGN, outer(0, ah(esp(inner4(UDP() / b"hello"), 4), 50), 51))],
    "ah-ah-ah": [(SIGN | TRANSPORT, outer(0, ah(ah(ah(raw(tcp(3, 1)), 6), 51), 51), 51))],
    "udp-tunnel": [(SIGN, outer(0, udp(esp(inner4(UDP(sport=1, dport=7) / b"hello"), 4)), 17))],
    "udp-tunnel-4-in-6": [(SIGN, outer(1, udp(esp(inner4(ICMP() / b"hello"), 4)), 17))],
    "udp-tcp-coalesced": [(SIGN, outer(0, udp(esp(inner4(tcp(100, 100 * i), flags="DF"), 4, i + 1)),
                                       17)) for i in range(4)],
    "udp-with-esp-inside": [(SIGN, outer(0, udp(esp(esp(bytes(20), 4), 50)), 17))],
    "udp-keepalive-and-runts": [(0, outer(0, udp(b"\xff"), 17)), (0, outer(0, udp(b""), 17)),
                                (0, outer(1, udp(bytes(7)), 17)), (0, outer(0, bytes(3), 17))],
    "unsigned": [(0, outer(0, esp(inner4(UDP()), 4), 50)), (NEW_BATCH, b"\x45")],
}

OUT = {
    "udp": [(0, inner4(UDP(sport=1, dport=2) / bytes(100)), 0, 0, 0)],
    "udp-port": [(0, inner4(UDP(sport=1, dport=7) / bytes(100)), 0, 0, 0)],
    "udp-transport": [(32, inner4(UDP(sport=1, dport=7) / bytes(1300)), 0, 0, 0)],
    "udp-6": [(0, inner6(UDP(sport=1, dport=2) / bytes(1400)), 0, 0, 0)],
    "checksum": [(4, inner4(UDP(sport=1, dport=2) / bytes(100)), 0, 20, 6)],
    "syn": [(0, inner4(tcp(0, 0, "S", [("MSS", 1460)])), 0, 0, 0)],
    "tso4": [(5, inner4(tcp(5000, 1, "PA")), 1400, 20, 16)],
    "tso6": [(6, inner6(tcp(5000, 1, "PA")), 1400, 40, 16)],
    "uso": [(7, inner4(UDP(sport=1, dport=2) / bytes(4000)), 1000, 20, 6)],
    "fragments": [(32, inner4(UDP(sport=1, dport=2) / bytes(40), flags="MF"), 0, 0, 0),
                  (32, inner4(bytes(40), proto=17, frag=6), 0, 0, 0)],
    "fragments-6": [(32, inner6(IPv6ExtHdrFragment(m=1, id=5), UDP(sport=1, dport=2, len=88)
                                / bytes(40)), 0, 0, 0),
                    (32 | 16, inner6(IPv6ExtHdrFragment(offset=6, id=5, nh=17), bytes(40)), 0, 0, 0)],
    "options-6": [(32, inner6(IPv6ExtHdrHopByHop(), IPv6ExtHdrDestOpt(), UDP() / b"x"), 0, 0, 0)],
    "too-big": [(0, inner4(UDP(sport=1, dport=7) / bytes(1290), flags="DF"), 0, 0, 0)],
    "cut": [(0, b"\x45\x00"), (8, b"")],
}

for folder, items, make in (("in", IN, item_in), ("out", OUT, item_out)):
    (CORPUS / folder).mkdir(parents=True, exist_ok=True)
    for name, packets in items.items():
        (CORPUS / folder / name).write_bytes(b"".join(make(*p) for p in packets))

#!/usr/bin/python3
"""Makes ah_headers.txt: AH around datagrams with IPv4 options and IPv6 extension headers.

The ICVs come from scapy, an implementation independent of ours. Run it again only to add cases:
    /usr/bin/python3 ah_headers.py > ah_headers.txt
One case per line: label, authentication, key, SPI, datagram before, datagram after (all hex).
"""
from scapy.config import conf

conf.ipv6_enabled = True
from scapy.layers.inet import ICMP, IP, UDP, IPOption  # noqa: E402
from scapy.layers.inet6 import (IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop,  # noqa: E402
                                IPv6ExtHdrRouting, HBHOptUnknown, Jumbo, PadN, RouterAlert)
from scapy.layers.ipsec import AH, SecurityAssociation  # noqa: E402
from scapy.compat import raw  # noqa: E402

BODY = bytes(range(40))


def v4(options, **fields):
    head = IP(src="192.168.111.2", dst="192.168.222.2", id=0x1234, ttl=61, tos=0xb9,
              options=[IPOption(bytes.fromhex(o)) for o in options], **fields)
    return IP(raw(head / UDP(sport=7, dport=9) / BODY))


def v6(*headers):
    pkt = IPv6(src="2001:db8::2", dst="2001:db8:1::2", hlim=61, tc=0xb9, fl=0x12345)
    for h in headers:
        pkt = pkt / h
    return IPv6(raw(pkt / UDP(sport=7, dport=9) / BODY))


# record route and timestamp with room left, source routes used up, and every class of option
CASES = [
    ("v4 no options", v4([])),
    ("v4 DF", v4([], flags="DF")),
    ("v4 nop and end", v4(["01", "01", "01", "00"])),
    ("v4 security", v4(["820b0000000000000000aa", "00"])),
    ("v4 extended security", v4(["850400ab"])),
    ("v4 commercial security", v4(["860600000001", "0101"])),
    ("v4 router alert", v4(["94040000"])),
    ("v4 sender directed", v4(["950a0a0000010a000002", "0000"])),
    ("v4 record route", v4(["070b080a0000010a000002", "00"])),
    ("v4 record route empty", v4(["070704c0a80001", "01"])),
    ("v4 timestamp", v4(["440c090012345678deadbeef"])),
    ("v4 traceroute", v4(["520c123400010002c0a80001"])),
    ("v4 loose route used up", v4(["83070801020304", "00"])),
    ("v4 strict route used up", v4(["890b0c0102030405060708", "00"])),
    ("v4 unknown option", v4(["1e08aabbccddeeff"])),
    ("v4 unknown copied option", v4(["9e08aabbccddeeff"])),
    ("v4 mixture", v4(["94040000", "07070801020304", "01", "850400ab", "440400f0"])),
    ("v4 full 40 bytes", v4(["072708" + "0a000001" * 9, "00"])),
    ("v6 no extension", v6()),
    ("v6 hop-by-hop immutable", v6(IPv6ExtHdrHopByHop(options=[RouterAlert()]))),
    ("v6 hop-by-hop mutable",
     v6(IPv6ExtHdrHopByHop(options=[HBHOptUnknown(otype=0x3e, optlen=6, optdata=b"abcdef")]))),
    ("v6 hop-by-hop both kinds",
     v6(IPv6ExtHdrHopByHop(options=[HBHOptUnknown(otype=0x3e, optlen=5, optdata=b"abcde"),
                                    HBHOptUnknown(otype=0x1e, optlen=4, optdata=b"wxyz"),
                                    PadN(optdata=b"\x00")]))),
    ("v6 routing type 0",
     v6(IPv6ExtHdrRouting(type=0, segleft=2, addresses=["2001:db8:2::1", "2001:db8:3::1"]))),
    ("v6 routing type 0, one address",
     v6(IPv6ExtHdrRouting(type=0, segleft=1, addresses=["2001:db8:2::1"]))),
    ("v6 destination options before routing",
     v6(IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\x00" * 4)]),
        IPv6ExtHdrDestOpt(options=[HBHOptUnknown(otype=0x3f, optlen=4, optdata=b"mnop")]),
        IPv6ExtHdrRouting(type=0, segleft=3, addresses=["2001:db8:2::1", "2001:db8:3::1",
                                                        "2001:db8:4::1"]))),
    ("v6 destination options behind routing",
     v6(IPv6ExtHdrRouting(type=0, segleft=1, addresses=["2001:db8:2::1"]),
        IPv6ExtHdrDestOpt(options=[HBHOptUnknown(otype=0x3f, optlen=4, optdata=b"mnop")]))),
]

for label, pkt in CASES:
    for auth, key in (("HMAC-SHA1-96", b"Z" * 20), ("HMAC-MD5-96", bytes(range(16)))):
        sa = SecurityAssociation(AH, spi=0x12345678, seq_num=77, auth_algo=auth, auth_key=key)
        out = sa.encrypt(pkt.__class__(raw(pkt)))
        assert raw(sa.__class__(AH, spi=0x12345678, auth_algo=auth, auth_key=key).decrypt(
            out.__class__(raw(out)))) if "routing" not in label else True
        print("|".join((label, auth, key.hex(), "12345678", raw(pkt).hex(), raw(out).hex())))

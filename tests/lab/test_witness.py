"""The witnesses themselves: they accept packets recorded from other implementations and refuse
damaged copies of them. Without this a matrix that passes would prove nothing."""

import hmac
import os
import struct

import pytest
from lablib.capture import Packet, Recorder, mac_of, Injector
from lablib.keying import SaKeys, all_keyings, pairwise
from lablib.netns import Run
from lablib.witness import (Rejected, SCAPY_AUTH, SCAPY_CIPHER, datagrams, judge, scapy_judge,
                            scapy_open, tshark_esp)
from scapy.layers.inet import ICMP, IP, UDP, fragment
from scapy.layers.ipsec import AH, ESP, SecurityAssociation

A5, X5A = b"\xa5", b"\x5a"

# ODP test vectors (pkt_ipv4_icmp_0_esp_aes_cbc_sha1_1), transport mode.
ODP_ESP = bytes.fromhex(
    "450000a8000000004032abcec0a86f02c0a8de020000007b0000000117c3faaf1deb94064ef862b41fa01762baf3"
    "fb1086ee806f44ff947feed85062403f7c76b465ca32910ebaf2c19d3bcb0fc9c9ae33421636d3c86c23acbf98f2"
    "da1095bce838bf4b19d05867d9abd0f559c9dcbb46cc3426e6d6ee5cc8e246c914e998e4b9ecf0a71294544e56fd"
    "e807d883f9785fa61acebbdabc7cd8b67b4f784efebd427f429665e7602f")
ODP_ESP_SA = SaKeys("esp", 123, "192.168.111.2", "192.168.222.2", "aes-128", A5 * 16, "sha1",
                    X5A * 20, tunnel=False)

# tcpdump test suite (02-sunrise-sunset-esp, packet 1), FreeS/WAN, tunnel mode.
SUNRISE_ESP = bytes.fromhex(
    "12345678000000014c20452f3cb09211d3a748cde5c811e39c4ee83cfe96a1e42acfd2b87aab05d1642ba3af9c1b"
    "c342102c40ad15df4de0200a63638734711187d412093b83bfaa43191cbd84a45b0276338399b1f5ca17cc925445"
    "7e5906551a7041e3dc9176e86fd3ffdd00b0bc11f8103097")
SUNRISE_SA = SaKeys("esp", 0x12345678, "192.1.2.23", "192.1.2.45", "3des",
                    bytes.fromhex("4043434545464649494a4a4c4c4f4f515152525454575758"), "md5",
                    bytes.fromhex("87658765876587658765876587658765"))

# AH over the ODP plain packet, SPI 123, sequence 1.
ODP_AH_SHA1 = bytes.fromhex(
    "45000044000000004033ac31c0a86f02c0a8de02010400000000007b0000000179323ba09053f6bd2a2b7c160800"
    "0d7412340000babe01234567cafe0001020304050607")
ODP_AH_MD5 = bytes.fromhex(
    "45000044000000004033ac31c0a86f02c0a8de02010400000000007b00000001cdc8d728a552ca7f499c37e10800"
    "0d7412340000babe01234567cafe0001020304050607")


def frame(ip, stamp=1.0):
    return Packet(stamp, bytes(12) + b"\x08\x00" + bytes(ip))


def sunrise_packet():
    return bytes(IP(src="192.1.2.23", dst="192.1.2.45", proto=50) / SUNRISE_ESP)


def ah_sa(auth, key):
    return SaKeys("ah", 123, "192.168.111.2", "192.168.222.2", auth=auth, auth_key=key,
                  tunnel=False)


RECORDED = [
    pytest.param(ODP_ESP, ODP_ESP_SA, id="aes-128/sha1 transport, ODP"),
    pytest.param(sunrise_packet(), SUNRISE_SA, id="3des/md5 tunnel, FreeS/WAN"),
    pytest.param(ODP_AH_SHA1, ah_sa("sha1", X5A * 20), id="ah sha1"),
    pytest.param(ODP_AH_MD5, ah_sa("md5", X5A * 16), id="ah md5"),
]


@pytest.mark.no_daemon
@pytest.mark.parametrize("ip, sa", RECORDED)
def test_recorded_packet_is_accepted(ip, sa):
    assert judge([frame(ip)], [sa]) >= 1


@pytest.mark.no_daemon
@pytest.mark.parametrize("ip, sa", RECORDED)
@pytest.mark.parametrize("where", [24, 40, -20, -1], ids=["sequence", "start", "end", "last byte"])
def test_damaged_packet_is_refused(ip, sa, where):
    damaged = bytearray(ip)
    damaged[where] ^= 1
    with pytest.raises(Rejected):
        scapy_judge([frame(damaged)], [sa])
    if sa.proto == "esp":
        with pytest.raises(Rejected):
            tshark_esp([frame(damaged)], [sa])


@pytest.mark.no_daemon
def test_unknown_spi_is_refused():
    other = SaKeys(**{**vars(ODP_ESP_SA), "spi": 124})
    with pytest.raises(Rejected):
        scapy_judge([frame(ODP_ESP)], [other])
    with pytest.raises(Rejected):
        tshark_esp([frame(ODP_ESP)], [other])


def association(sa, tunnel_header=None):
    return SecurityAssociation(ESP if sa.proto == "esp" else AH, sa.spi,
                               crypt_algo=SCAPY_CIPHER[sa.enc] if sa.proto == "esp" else None,
                               crypt_key=sa.enc_key or None, auth_algo=SCAPY_AUTH[sa.auth],
                               auth_key=sa.auth_key or None, tunnel_header=tunnel_header)


def esp_packet(sa, seq, padding=None, next_header=1, body=b"x" * 30):
    """ESP by hand on scapy's ciphers, so that trailers can be wrong."""
    maker = association(sa)
    block = max(maker.crypt_algo.block_size, 4)
    count = -(len(body) + 2) % block
    padding = bytes(range(1, count + 1)) if padding is None else padding
    plain = body + padding + bytes([len(padding), next_header])
    iv = bytes(range(maker.crypt_algo.iv_size))
    if maker.crypt_algo.cipher:
        encryptor = maker.crypt_algo.new_cipher(sa.enc_key, iv).encryptor()
        plain = encryptor.update(plain) + encryptor.finalize()
    esp = maker.auth_algo.sign(ESP(spi=sa.spi, seq=seq, data=iv + plain), sa.auth_key)
    return bytes(IP(src=sa.src, dst=sa.dst, proto=50) / esp)


@pytest.mark.no_daemon
def test_wrong_padding_bytes_are_refused():
    good = esp_packet(ODP_ESP_SA, 1, body=b"x" * 24)
    scapy_open(frame(good), [ODP_ESP_SA])
    for padding in (bytes(6), bytes([1, 2, 3, 4, 5, 7]), bytes(range(1, 23))):
        with pytest.raises(Rejected):
            scapy_open(frame(esp_packet(ODP_ESP_SA, 1, padding, body=b"x" * 24)), [ODP_ESP_SA])


@pytest.mark.no_daemon
@pytest.mark.parametrize("numbers", [(1, 1), (1, 3), (2, 1), (0, 1)])
def test_sequence_out_of_line_is_refused(numbers):
    packets = [frame(esp_packet(ODP_ESP_SA, n)) for n in numbers]
    with pytest.raises(Rejected):
        scapy_judge(packets, [ODP_ESP_SA])


@pytest.mark.no_daemon
def test_mode_mix_up_is_refused():
    with pytest.raises(Rejected):
        scapy_open(frame(esp_packet(ODP_ESP_SA, 1, next_header=4)), [ODP_ESP_SA])


@pytest.mark.no_daemon
@pytest.mark.parametrize("keying", pairwise(all_keyings()), ids=str)
def test_both_witnesses_read_scapys_packets(keying):
    """Every algorithm pair: packets made by scapy are accepted, also after fragmentation."""
    ends = ("1.0.0.1", "1.0.0.2")
    sas = keying.sas(ends)
    packets = []
    for seq in (1, 2, 3, 4, 5):
        inner = IP(src="10.1.0.2", dst="10.2.0.2", id=seq) / UDP(dport=7) / (b"y" * 3000)
        if not keying.tunnel:
            inner = IP(src=ends[0], dst=ends[1], id=seq) / UDP(dport=7) / (b"y" * 3000)
        packet = protect(keying, sas, inner, seq)
        packets += [frame(bytes(f)) for f in fragment(packet, 1400)]
    assert len(datagrams(packets)) == 5
    judge(packets, sas)


def ah_over(ip, sa, seq):
    """AH (RFC 2402) between the option-less IPv4 header and the rest of IP, in transport mode."""
    header = bytearray(ip[:20])
    ah = struct.pack("!BBHII", header[9], 4, 0, sa.spi, seq)
    header[2:4] = (len(ip) + 24).to_bytes(2, "big")
    header[9] = 51
    immutable = bytearray(header)
    immutable[1] = immutable[8] = 0
    immutable[6:8] = immutable[10:12] = b"\0\0"
    icv = hmac.digest(sa.auth_key, bytes(immutable) + ah + bytes(12) + ip[20:], sa.auth)[:12]
    return bytes(header) + ah + icv + ip[20:]


def protect(keying, sas, inner, seq):
    outer = IP(src="1.0.0.1", dst="1.0.0.2", id=seq)
    packet = inner
    for proto in ("esp", "ah"):
        sa = next((s for s in sas if s.proto == proto and s.src == "1.0.0.1"), None)
        if sa is None:
            continue
        if proto == "ah" and packet is not inner:
            # Not by scapy: it signs the first ESP it finds, even when asked for AH.
            packet = IP(ah_over(bytes(packet), sa, seq))
            continue
        in_tunnel = keying.tunnel and not (proto == "ah" and "esp" in keying.protocols)
        packet = association(sa, outer if in_tunnel else None).encrypt(packet, seq_num=seq)
    return packet


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root for network namespaces")
@pytest.mark.no_daemon
def test_recorder_sees_what_crosses_the_wire():
    run = Run()
    try:
        one, two = run.namespace("one"), run.namespace("two")
        one.ip(f"link add e0 type veth peer name e1 netns {two.name}")
        one.ip("link set e0 up")
        two.ip("link set e1 up")
        with Recorder(two, "e1") as record, Injector(one, "e0", mac_of(two, "e1")) as injector:
            for n in range(1000):
                injector.send(bytes(IP(src="1.0.0.1", dst="1.0.0.2") / ICMP(seq=n)))
        assert len(record.select(src="1.0.0.1", proto=1)) == 1000
        assert len(record.between("1.0.0.1", "1.0.0.2")) == 1000
    finally:
        run.close()

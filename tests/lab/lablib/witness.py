"""Outside witnesses. None of this code is ours below the glue: tshark (libgcrypt) decrypts and
checks every ESP packet, scapy (python3-cryptography) judges AH and takes ESP apart to the padding.

A witness fails on what it cannot explain: an ESP packet of an unknown SPI, a packet it could not
decrypt, a sequence number out of line."""

import os
import subprocess
import tempfile

from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.ipsec import AH as ScapyAh
from scapy.layers.ipsec import ESP as ScapyEsp
from scapy.layers.ipsec import AUTH_ALGOS, CRYPT_ALGOS, IPSecIntegrityError

from .capture import AH, ESP, UDP, Packet, write_pcap

TSHARK_CIPHER = {"null": "NULL", "des": "DES-CBC [RFC2405]", "3des": "TripleDES-CBC [RFC2451]",
                 "aes-128": "AES-CBC [RFC3602]", "aes-192": "AES-CBC [RFC3602]",
                 "aes-256": "AES-CBC [RFC3602]"}
TSHARK_AUTH = {"null": "NULL", "md5": "HMAC-MD5-96 [RFC2403]", "sha1": "HMAC-SHA-1-96 [RFC2404]"}
SCAPY_CIPHER = {"null": "NULL", "des": "DES", "3des": "3DES", "aes-128": "AES-CBC",
                "aes-192": "AES-CBC", "aes-256": "AES-CBC"}
SCAPY_AUTH = {"null": "NULL", "md5": "HMAC-MD5-96", "sha1": "HMAC-SHA1-96"}
BLOCK = {"null": 1, "des": 8, "3des": 8, "aes-128": 16, "aes-192": 16, "aes-256": 16}
ICV_LEN = {"null": 0, "md5": 12, "sha1": 12}
TUNNEL_NEXT = {4: 4, 6: 41}
NATT_PORT = (4500).to_bytes(2, "big")
SCAPY_PACKETS = 3  # of each SA, plus its last


class Rejected(AssertionError):
    """A witness does not accept a packet."""


def datagrams(packets):
    """Whole datagrams as the receiver puts them together: fragments joined (each as it left)."""
    whole, parts = [], {}
    for p in packets:
        if not p.version or not p.is_fragment:
            whole.append(p)
            continue
        have = parts.setdefault(p.fragment_key, [])
        have.append(p)
        have.sort(key=lambda q: q.fragment_offset)
        ends = [q.fragment_offset + len(q.payload) for q in have]
        if not have[-1].more_fragments and [q.fragment_offset for q in have] == [0, *ends[:-1]]:
            whole.append(_joined(have))
            del parts[p.fragment_key]
    return whole


def _joined(have):
    """One packet of fragments in order."""
    first = have[0]
    body = b"".join(q.payload for q in have)
    if first.version == 4:
        header = bytearray(first.ip[:first.header_len])
        header[2:4] = (len(header) + len(body)).to_bytes(2, "big")
        header[6:8] = (0x4000 if first.df else 0).to_bytes(2, "big")
        header[10:12] = b"\0\0"
    else:
        header = bytearray(first.ip[:40])
        header[4:6] = len(body).to_bytes(2, "big")
        header[6] = first.carries
    return Packet(first.time, first.frame[:14] + bytes(header) + body)


def sa_for(sas, packet):
    proto = "esp" if packet.proto == ESP else "ah"
    for sa in sas:
        if (sa.proto, sa.spi, sa.src, sa.dst) == (proto, packet.spi, packet.src, packet.dst):
            return sa
    raise Rejected(f"{packet!r}: no SA has SPI {packet.spi:#x}")


# -- tshark --

def tshark_sa(sa):
    family = "IPv6" if ":" in sa.src else "IPv4"
    return (f'uat:esp_sa:"{family}","{sa.src}","{sa.dst}","{sa.spi:#x}",'
            f'"{TSHARK_CIPHER[sa.enc]}","{"0x" + sa.enc_key.hex() if sa.enc_key else ""}",'
            f'"{TSHARK_AUTH[sa.auth]}","{"0x" + sa.auth_key.hex() if sa.auth_key else ""}"')


def tshark_esp(packets, sas):
    """Decrypts every ESP packet among PACKETS, also inside AH or UDP, and checks its ICV; gives how
    many were judged. Beside ESP in UDP no UDP may be inside."""
    packets = [p for p in datagrams(packets) if p.proto in (ESP, AH) or _is_esp_in_udp(p)]
    # Inner payloads are not taken apart: they are noise, and what dissectors make of it can end the
    # dissection before the ICV's verdict.
    argv = ["tshark", "-n"]
    for name in ("tcp", "icmp", "icmpv6", *(() if any(map(_is_esp_in_udp, packets)) else ("udp",))):
        argv += ["--disable-protocol", name]
    argv += ["-oesp.enable_encryption_decode:TRUE",
             "-oesp.enable_authentication_check:TRUE",
             "-oesp.enable_null_encryption_decode_heuristic:FALSE"]
    argv += ["-o" + tshark_sa(sa) for sa in sas if sa.proto == "esp"]
    argv += ["-Tfields", "-Eseparator=|", "-Eoccurrence=f", "-Y", "esp"]
    names = ["frame.number", "esp.spi", "esp.sequence", "esp.icv_good", "esp.icv_bad",
             "esp.protocol"]
    for name in names:
        argv += ["-e", name]
    with tempfile.NamedTemporaryFile(suffix=".pcap") as f:
        write_pcap(f.name, packets)
        done = subprocess.run([*argv, "-r", f.name], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120, check=False,
                              env={**os.environ, "HOME": tempfile.gettempdir()})
    if done.returncode != 0:
        raise Rejected(f"tshark: {done.stderr.strip()}")
    rows = [dict(zip(names, line.split("|"))) for line in done.stdout.splitlines()]
    by_spi = {sa.spi: sa for sa in sas if sa.proto == "esp"}
    if len(rows) != len([p for p in packets if _carries_esp(p)]):
        raise Rejected(f"tshark saw {len(rows)} ESP packets, the capture has another number")
    for row in rows:
        judge_tshark_row(row, by_spi)
    return len(rows)


def _carries_esp(packet):
    return (packet.proto == ESP or (packet.proto == AH and packet.payload[0] == ESP)
            or _is_esp_in_udp(packet))


def _is_esp_in_udp(packet):
    """UDP from or to port 4500 that begins with an SPI, not with the non-ESP marker."""
    if packet.proto != UDP or packet.is_fragment or len(packet.payload) < 16:
        return False
    ports = packet.payload[:2], packet.payload[2:4]
    return NATT_PORT in ports and packet.payload[8:12] != bytes(4)


def judge_tshark_row(row, by_spi):
    spi = int(row["esp.spi"], 0)
    if spi not in by_spi:
        raise Rejected(f"tshark, packet {row['frame.number']}: no SA has SPI {spi:#x}")
    sa = by_spi[spi]
    if sa.auth != "null" and (row["esp.icv_bad"] in ("1", "True")
                              or row["esp.icv_good"] not in ("1", "True")):
        raise Rejected(f"tshark, packet {row['frame.number']} ({sa.enc}/{sa.auth}): ICV wrong")
    if not row["esp.protocol"]:
        raise Rejected(f"tshark, packet {row['frame.number']} ({sa.enc}/{sa.auth}): not decrypted")
    if sa.tunnel and int(row["esp.protocol"], 0) not in (4, 41):
        raise Rejected(f"tshark, packet {row['frame.number']}: next header {row['esp.protocol']} "
                       "in a tunnel")


# -- scapy --

def _scapy_packet(packet):
    return IP(packet.ip) if packet.version == 4 else IPv6(packet.ip)


class _Trailer:
    """What a decrypted ESP packet ends with."""

    def __init__(self, plain):
        self.pad_len, self.next_header = plain[-2], plain[-1]
        if self.pad_len + 2 > len(plain):
            raise Rejected(f"pad length {self.pad_len} of {len(plain)} bytes")
        self.body = plain[:len(plain) - 2 - self.pad_len]
        self.padding = plain[len(plain) - 2 - self.pad_len:-2]


def scapy_esp_open(esp, sa):
    """ESP header and payload as bytes: checks ICV, lengths and every padding byte; gives payload
    and next header."""
    packet = ScapyEsp(esp)
    auth = AUTH_ALGOS[SCAPY_AUTH[sa.auth]]
    try:
        auth.verify(packet, sa.auth_key)
    except IPSecIntegrityError as e:
        raise Rejected(f"scapy: ICV wrong ({sa.enc}/{sa.auth})") from e
    cipher = CRYPT_ALGOS[SCAPY_CIPHER[sa.enc]]
    data = bytes(packet.data)
    data = data[:len(data) - ICV_LEN[sa.auth]]
    iv, data = data[:cipher.iv_size], data[cipher.iv_size:]
    if not data or len(data) % max(BLOCK[sa.enc], 4):
        raise Rejected(f"scapy: {len(data)} bytes of ciphertext for {sa.enc}")
    if cipher.cipher:
        decryptor = cipher.new_cipher(sa.enc_key, iv).decryptor()
        data = decryptor.update(data) + decryptor.finalize()
    trailer = _Trailer(data)
    if trailer.padding != bytes(range(1, trailer.pad_len + 1)):
        raise Rejected(f"scapy: padding bytes {trailer.padding.hex()} (RFC 2406 2.4: 1, 2, 3...)")
    if trailer.pad_len >= max(BLOCK[sa.enc], 4):
        raise Rejected(f"scapy: {trailer.pad_len} bytes of padding, more than needed")
    return trailer.body, trailer.next_header


def scapy_ah_open(packet, sa):
    """PACKET (capture.Packet) with AH: checks lengths and the ICV over the immutable fields; gives
    what AH carries and its next header."""
    ip = _scapy_packet(packet)
    if ScapyAh not in ip:
        raise Rejected(f"{packet!r}: scapy finds no AH")
    ah = ip[ScapyAh]
    words = (12 + ICV_LEN[sa.auth]) // 4
    if packet.version == 6:
        words += words % 2
    if ah.payloadlen != words - 2 or ah.reserved != 0:
        raise Rejected(f"AH payload length {ah.payloadlen}, reserved {ah.reserved}")
    try:
        AUTH_ALGOS[SCAPY_AUTH[sa.auth]].verify(ip, sa.auth_key.ljust(16, b"\0"))
    except IPSecIntegrityError as e:
        raise Rejected(f"scapy: AH ICV wrong ({sa.auth})") from e
    raw = packet.payload
    return raw[(ah.payloadlen + 2) * 4:], ah.nh


def scapy_judge(packets, sas):
    """All AH packets; of each ESP SA the first packets and the last. Sequence numbers of every SA
    count up by one from the first packet's on, none comes twice. Gives how many were opened."""
    judged, sequence = 0, {}
    packets = [p for p in datagrams(packets) if p.proto in (ESP, AH)]
    last = {(p.proto, p.src, p.spi): i for i, p in enumerate(packets)}
    seen = {}
    for i, p in enumerate(packets):
        key = (p.proto, p.src, p.spi)
        seen[key] = seen.get(key, 0) + 1
        number = int.from_bytes(p.payload[8:12] if p.proto == AH else p.payload[4:8], "big")
        if number != sequence.get(key, number - 1) + 1 or number == 0:
            raise Rejected(f"{p!r}: sequence {number} after {sequence.get(key)}")
        sequence[key] = number
        if p.proto == AH or seen[key] <= SCAPY_PACKETS or last[key] == i:
            scapy_open(p, sas)
            judged += 1
    return judged


def scapy_open(packet, sas):
    """Takes off everything: gives the innermost payload and its next header (4 and 41: tunnel)."""
    sa = sa_for(sas, packet)
    if packet.proto == ESP:
        body, following = scapy_esp_open(packet.payload, sa)
    else:
        body, following = scapy_ah_open(packet, sa)
        if following == ESP:
            spi = int.from_bytes(body[:4], "big")
            esp = [s for s in sas if (s.proto, s.spi, s.src, s.dst)
                   == ("esp", spi, packet.src, packet.dst)]
            if not esp:
                raise Rejected(f"{packet!r}: ESP inside AH has unknown SPI {spi:#x}")
            sa = esp[0]
            body, following = scapy_esp_open(body, sa)
    if sa.tunnel and following not in (4, 41):
        raise Rejected(f"{packet!r}: next header {following} in a tunnel")
    if not sa.tunnel and following in (4, 41):
        raise Rejected(f"{packet!r}: a whole datagram in transport mode")
    return body, following


def judge(packets, sas):
    """Both witnesses over a capture; ESP by tshark, AH and samples of ESP by scapy."""
    ipsec = [p for p in packets if p.version and p.carries in (ESP, AH)]
    assert ipsec, "no ESP or AH packet was captured"
    judged = scapy_judge(ipsec, sas)
    if any(sa.proto == "esp" for sa in sas):
        judged += tshark_esp(ipsec, sas)
    return judged

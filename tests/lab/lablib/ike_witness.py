"""tshark as the witness of a whole conversation: main and quick mode, informational exchanges and
UDP-encapsulated ESP, decrypted with keys that the other make's own log gave away.

It fails on what it cannot explain: an encrypted message it could not read, payloads no RFC asks
for, an exchange that is not whole, an ESP packet of an unknown SPI or with a wrong ICV."""

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass

from . import witness
from .capture import ESP, UDP, Packet, write_pcap
from .witness import Rejected

MAIN, QUICK, INFORMATIONAL = 2, 32, 5
PAYLOADS = {1: "SA", 4: "KE", 5: "ID", 8: "HASH", 10: "NONCE", 11: "N", 12: "D", 13: "VID",
            20: "NAT-D", 21: "NAT-OA"}
INSIDE_SA = {2, 3}  # proposals and transforms
NOTIFIES = {14: "NO-PROPOSAL-CHOSEN", 16: "PAYLOAD-MALFORMED", 18: "INVALID-ID-INFORMATION",
            24576: "RESPONDER-LIFETIME", 24578: "INITIAL-CONTACT", 36136: "R-U-THERE",
            36137: "R-U-THERE-ACK"}
IKE_PORTS = (500, 4500)

# RFC 2409 5.4 and 5.5, RFC 3947 3.2: what a message of an exchange may hold, in this order
_ALLOWED = {MAIN: r"SA( VID)*|KE NONCE( VID)*(( NAT-D){2,})?( VID)*|ID HASH( N)*",
            QUICK: r"HASH SA NONCE( KE)?( ID ID)?( N)*|HASH",
            INFORMATIONAL: r"HASH( N| D)+|N"}

_FIELDS = ("frame.number", "ip.src", "udp.srcport", "udp.dstport", "isakmp.ispi", "isakmp.rspi",
           "isakmp.exchangetype", "isakmp.messageid", "isakmp.flags", "isakmp.typepayload",
           "isakmp.notify.msgtype", "esp.spi", "esp.icv_good", "esp.icv_bad", "esp.protocol",
           "_ws.malformed")


@dataclass(frozen=True)
class Message:
    """One ISAKMP message as tshark read it."""
    src: str
    port: int                 # 500 or 4500
    cookie: str               # the initiator's
    exchange: int
    message_id: int
    encrypted: bool
    payloads: tuple           # "SA", "KE" ...; without what is inside an SA
    notifies: tuple = ()

    @property
    def text(self):
        return " ".join(self.payloads)


@dataclass
class Conversation:
    messages: list
    esp: dict                 # packets judged, by SPI

    def of(self, exchange, src=None):
        """Each once, however often it was sent."""
        return list(dict.fromkeys(m for m in self.messages
                                  if m.exchange == exchange and src in (None, m.src)))

    def notified(self, name, src=None):
        """Messages with a notify of that name."""
        return [m for m in self.messages if name in m.notifies and src in (None, m.src)]


def conversation(packets, ike_keys, sas):
    """All of PACKETS between IKE ports, judged. IKE_KEYS: by initiator cookie; SAS: SaKeys."""
    datagrams = [p for p in witness.datagrams(packets)
                 if p.proto == UDP and _ports(p) & {*IKE_PORTS}]
    rows = _tshark(datagrams, ike_keys, sas)
    by_spi = {sa.spi: sa for sa in sas}
    messages, esp = [], {}
    for row in rows:
        if row["isakmp.ispi"]:
            messages.append(_message(row))
        elif row["esp.spi"]:
            witness.judge_tshark_row(row, by_spi)
            spi = int(row["esp.spi"], 0)
            esp[spi] = esp.get(spi, 0) + 1
    inner = list(out_of_udp(datagrams))
    if sum(esp.values()) != len(inner):
        raise Rejected(f"tshark saw {sum(esp.values())} ESP packets of {len(inner)}")
    witness.scapy_judge(inner, sas)
    _exchanges_are_whole(messages)
    return Conversation(messages, esp)


def _ports(packet):
    return {int.from_bytes(packet.payload[n:n + 2], "big") for n in (0, 2)}


def out_of_udp(packets):
    """The ESP packets in UDP among PACKETS as if they had come without it (RFC 3948 2.1)."""
    for p in packets:
        body = p.payload[8:]
        if p.proto != UDP or _ports(p) != {4500} or len(body) <= 4 or body[:4] == bytes(4):
            continue
        header = bytearray(p.ip[:p.header_len])
        header[2:4] = (len(header) + len(body)).to_bytes(2, "big")
        header[9] = ESP
        yield Packet(p.time, p.frame[:14] + bytes(header) + body)


def _tshark(packets, ike_keys, sas):
    # Inner ICMP and TCP are noise (see witness.tshark_esp); UDP itself is needed here.
    argv = ["tshark", "-n", "--disable-protocol", "icmp", "--disable-protocol", "tcp",
            "-oesp.enable_encryption_decode:TRUE", "-oesp.enable_authentication_check:TRUE",
            "-oesp.enable_null_encryption_decode_heuristic:FALSE"]
    argv += [f"-ouat:ikev1_decryption_table:{cookie},{key.hex()}"
             for cookie, key in ike_keys.items()]
    argv += ["-o" + witness.tshark_sa(sa) for sa in sas]
    argv += ["-Tfields", "-Eseparator=|", "-Eoccurrence=a", "-Y", "isakmp or esp"]
    for name in _FIELDS:
        argv += ["-e", name]
    with tempfile.NamedTemporaryFile(suffix=".pcap") as f:
        write_pcap(f.name, packets)
        done = subprocess.run([*argv, "-r", f.name], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120, check=False,
                              env={**os.environ, "HOME": tempfile.gettempdir()})
    if done.returncode != 0:
        raise Rejected(f"tshark: {done.stderr.strip()}")
    rows = [dict(zip(_FIELDS, line.split("|"))) for line in done.stdout.splitlines()]
    for row in rows:
        for name in ("ip.src", "udp.srcport", "udp.dstport", "esp.protocol"):
            row[name] = row[name].split(",")[0]
    return rows


def _message(row):
    frame = f"packet {row['frame.number']}"
    types = [int(t, 0) for t in row["isakmp.typepayload"].split(",") if t]
    message = Message(row["ip.src"], int(row["udp.dstport"]), row["isakmp.ispi"],
                      int(row["isakmp.exchangetype"], 0), int(row["isakmp.messageid"], 0),
                      bool(int(row["isakmp.flags"], 0) & 1),
                      tuple(PAYLOADS.get(t, str(t)) for t in types if t not in INSIDE_SA),
                      tuple(NOTIFIES.get(int(t), t)
                            for t in row["isakmp.notify.msgtype"].split(",") if t))
    allowed = _ALLOWED.get(message.exchange)
    if row["_ws.malformed"] or allowed is None or not re.fullmatch(allowed, message.text):
        raise Rejected(f"tshark, {frame}: exchange {message.exchange}, "
                       f"{'encrypted' if message.encrypted else 'clear'}: {message.payloads}")
    clear = message.text.startswith(("SA", "KE", "N"))
    if message.encrypted == clear:
        raise Rejected(f"tshark, {frame}: {message.text}, encryption bit {message.encrypted}")
    return message


def _exchanges_are_whole(messages):
    """Main mode: SA SA, KE KE, ID ID, by turns; quick mode: three messages by turns. A message sent
    again counts once; an exchange that was refused or given up ends early."""
    exchanges = {}
    for m in messages:
        if m.exchange == INFORMATIONAL:
            continue
        steps = exchanges.setdefault((m.cookie, m.exchange, m.message_id), [])
        step = (m.src, m.text.split()[0] if m.exchange == MAIN else m.text)
        if step not in steps:
            steps.append(step)
    for (cookie, exchange, _), steps in exchanges.items():
        said = [re.sub(r"( N)+$", "", text) for _, text in steps]
        wanted = (["SA", "SA", "KE", "KE", "ID", "ID"] if exchange == MAIN
                  else [said[0], said[0], "HASH"])
        by_turns = all(a[0] != b[0] for a, b in zip(steps, steps[1:]))
        if not by_turns or said != wanted[:len(said)]:
            raise Rejected(f"IKE_SA {cookie}, exchange {exchange}: {steps}")

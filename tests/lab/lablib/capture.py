"""Everything that crossed a link, taken from a packet socket in the wire's namespace: outside both
gateways, and with a loss count of its own, so that "0 clear packets" is not "0 seen"."""

import contextlib
import select
import socket
import struct
import threading
import time

ETH_P_ALL = 3
ETH_P_IP, ETH_P_IPV6 = 0x0800, 0x86DD
SO_RCVBUFFORCE = 33
SOL_PACKET, PACKET_STATISTICS, PACKET_IGNORE_OUTGOING = 263, 6, 23
ICMP, TCP, UDP, IPIP, ESP, AH, FRAGMENT6 = 1, 6, 17, 4, 50, 51, 44
_SETTLE_S = 0.03


class Packet:
    """One frame; header fields are read when asked for. Not an IP packet: proto is None."""

    __slots__ = ("time", "frame", "version", "src", "dst", "proto", "ip")

    def __init__(self, stamp, frame):
        self.time, self.frame = stamp, frame
        self.version = self.src = self.dst = self.proto = None
        ethertype = struct.unpack_from("!H", frame, 12)[0] if len(frame) >= 14 else 0
        self.ip = frame[14:]
        if ethertype == ETH_P_IP and len(self.ip) >= 20:
            self.version = 4
            self.proto = self.ip[9]
            self.src, self.dst = (socket.inet_ntoa(self.ip[n:n + 4]) for n in (12, 16))
            self.ip = self.ip[:struct.unpack_from("!H", self.ip, 2)[0] or None]
        elif ethertype == ETH_P_IPV6 and len(self.ip) >= 40:
            self.version = 6
            self.proto = self.ip[6]
            self.src, self.dst = (socket.inet_ntop(socket.AF_INET6, self.ip[n:n + 16])
                                  for n in (8, 24))

    @property
    def header_len(self):
        """Without options of IPv6, but with its fragment header."""
        if self.version == 4:
            return (self.ip[0] & 15) * 4
        return 48 if self.proto == FRAGMENT6 else 40

    @property
    def df(self):
        return bool(self.ip[6] & 0x40)

    @property
    def fragment_offset(self):
        if self.version == 6:
            return int.from_bytes(self.ip[42:44], "big") & 0xFFF8 if self.proto == FRAGMENT6 else 0
        return (struct.unpack_from("!H", self.ip, 6)[0] & 0x1FFF) * 8

    @property
    def more_fragments(self):
        if self.version == 6:
            return self.proto == FRAGMENT6 and bool(self.ip[43] & 1)
        return bool(self.ip[6] & 0x20)

    @property
    def is_fragment(self):
        return self.more_fragments or self.fragment_offset > 0

    @property
    def carries(self):
        """The protocol behind a fragment header; the packet's own without one."""
        return self.ip[40] if self.version == 6 and self.proto == FRAGMENT6 else self.proto

    @property
    def fragment_key(self):
        """Equal for the fragments of one datagram."""
        ident = self.ip[4:6] if self.version == 4 else self.ip[44:48]
        return self.src, self.dst, self.carries, ident

    @property
    def payload(self):
        return self.ip[self.header_len:]

    @property
    def spi(self):
        return struct.unpack_from("!I", self.payload, 4 if self.proto == AH else 0)[0]

    @property
    def is_ike(self):
        """UDP from and to port 500."""
        return (self.carries == UDP and self.fragment_offset == 0
                and struct.unpack_from("!HH", self.payload) == (500, 500))

    def __repr__(self):
        return (f"<{self.src} > {self.dst} proto {self.proto} len {len(self.ip)}"
                f"{' frag ' + str(self.fragment_offset) if self.is_fragment else ''}>")


class Recorder:
    """Records while the `with` block runs. PACKETS is complete when the block has ended."""

    def __init__(self, ns, device, incoming_only=False):
        self.packets = []
        with ns.entered():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 256 << 20)
        if incoming_only:
            self._socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self._address = (device, ETH_P_ALL)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self):
        self._socket.bind(self._address)
        self._thread.start()
        return self

    def _read(self):
        while True:
            ready = select.select([self._socket], [], [], 0 if self._stop.is_set() else 0.02)[0]
            if ready:
                # An interface that goes down or away is one error, then silence.
                with contextlib.suppress(OSError):
                    self.packets.append((time.time(), self._socket.recv(1 << 17)))
            elif self._stop.is_set():
                return

    def __exit__(self, exc_type, *_):
        time.sleep(_SETTLE_S)  # what was sent just now is still crossing softirqs
        self._stop.set()
        self._thread.join()
        seen, lost = struct.unpack("II", self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        self._socket.close()
        self.packets = [Packet(stamp, frame) for stamp, frame in self.packets]
        if exc_type is None:
            assert lost == 0, f"the capture lost {lost} of {seen} packets: it proves nothing"

    # -- questions --

    def select(self, src=None, dst=None, proto=None, spi=None):
        return [p for p in self.packets
                if p.version and (src is None or p.src == src) and (dst is None or p.dst == dst)
                and (proto is None or p.proto == proto)
                and (spi is None or (p.fragment_offset == 0 and p.spi == spi))]

    def ipsec(self, **kwargs):
        return [p for p in self.select(**kwargs) if p.carries in (ESP, AH)]

    def between(self, *addresses):
        """Packets in clear: from and to one of ADDRESSES, whatever the protocol but ESP and AH."""
        return [p for p in self.packets
                if p.src in addresses and p.dst in addresses and p.carries not in (ESP, AH)]


def write_pcap(path, packets):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 18, 1))
        for p in packets:
            seconds = int(p.time)
            f.write(struct.pack("<IIII", seconds, int((p.time - seconds) * 1e6), len(p.frame),
                                len(p.frame)))
            f.write(p.frame)


class Injector:
    """Puts frames on a link from the wire's namespace, as a third machine on it would."""

    def __init__(self, ns, device, to_mac):
        with ns.entered():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.bind((device, 0))
        self._mac = bytes.fromhex(to_mac.replace(":", ""))

    def send(self, ip):
        """IP: a whole datagram as bytes."""
        ethertype = ETH_P_IPV6 if ip[0] >> 4 == 6 else ETH_P_IP
        self._socket.send(self._mac + b"\x02\x00\x00\x00\xee\xee" + struct.pack("!H", ethertype)
                          + ip)

    def close(self):
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def mac_of(ns, device):
    return ns.run("ip", "-br", "link", "show", "dev", device).split()[2]

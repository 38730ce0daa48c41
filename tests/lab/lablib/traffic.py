"""Traffic between namespaces, made in this process: sockets are opened inside and used here."""

import contextlib
import hashlib
import os
import socket
import struct
import threading
import time

IP_MTU_DISCOVER, IP_PMTUDISC_DONT, IP_PMTUDISC_PROBE = 10, 0, 3
WAIT_S = 2.0


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def body(size, label=""):
    """SIZE bytes that no other label gives."""
    return hashlib.shake_256(f"{label} {size}".encode()).digest(size)


def open_socket(ns, kind, address, port=0, proto=0):
    with ns.entered():
        s = socket.socket(family_of(address), kind, proto)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.settimeout(WAIT_S)
    s.bind((address, port))
    return s


class Udp:
    """A UDP socket; datagrams in flight may be fragmented (DF clear) unless told otherwise."""

    def __init__(self, ns, address, port=0, df=False):
        self.socket = open_socket(ns, socket.SOCK_DGRAM, address, port)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.address = address
        if family_of(address) == socket.AF_INET:
            # PROBE: DF set whatever the kernel has learnt about the path.
            self.socket.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER,
                                   IP_PMTUDISC_PROBE if df else IP_PMTUDISC_DONT)

    @property
    def port(self):
        return self.socket.getsockname()[1]

    def send(self, data, to, port):
        self.socket.sendto(data, (to, port))

    def receive(self, timeout=WAIT_S):
        """The next datagram and where it came from; None when none comes."""
        self.socket.settimeout(timeout)
        try:
            return self.socket.recvfrom(1 << 16)
        except (TimeoutError, BlockingIOError):
            return None

    def drain(self, quiet=0.15):
        """Everything until it has been quiet for that long."""
        got = []
        while (one := self.receive(quiet)) is not None:
            got.append(one[0])
        return got

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def udp_crosses(ns1, addr1, ns2, addr2, size, port=7001, wait=WAIT_S):
    """One datagram of SIZE bytes each way; true when both arrived unchanged."""
    with Udp(ns1, addr1) as one, Udp(ns2, addr2, port) as two:
        there, back = body(size, "there"), body(size, "back")
        one.send(there, addr2, port)
        got = two.receive(wait)
        if got is None or got[0] != there:
            return False
        two.send(back, got[1][0], got[1][1])
        got = one.receive(wait)
        return got is not None and got[0] == back


def udp_arrives(ns1, addr1, ns2, addr2, size=32, port=7001, sport=0, count=1, wait=0.4,
                df=False):
    """How many of PROTO_COUNT datagrams sent one way arrive."""
    with Udp(ns1, addr1, sport, df) as one, Udp(ns2, addr2, port) as two:
        for n in range(count):
            one.send(body(size, f"{n}"), addr2, port)
        got = []
        while len(got) < count and (data := two.receive(wait)) is not None:
            got.append(data[0])
        return len(got)


def icmp_checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Ping:
    """Echo requests of exact sizes from a raw socket."""

    def __init__(self, ns, source, target, df=False):
        self.v6 = ":" in target
        proto = socket.IPPROTO_ICMPV6 if self.v6 else socket.IPPROTO_ICMP
        self.socket = open_socket(ns, socket.SOCK_RAW, source, 0, proto)
        if not self.v6:
            self.socket.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER,
                                   IP_PMTUDISC_PROBE if df else IP_PMTUDISC_DONT)
        self.target = target
        self.ident = int.from_bytes(os.urandom(2), "big")
        self.sequence = 0

    def message(self, size):
        self.sequence += 1
        kind = 128 if self.v6 else 8
        data = body(size, "ping")
        head = struct.pack("!BBHHH", kind, 0, 0, self.ident, self.sequence)
        checksum = 0 if self.v6 else icmp_checksum(head + data)
        return struct.pack("!BBHHH", kind, 0, checksum, self.ident, self.sequence) + data

    def __call__(self, size=56, wait=WAIT_S):
        """True when the reply came and carries the same bytes."""
        return self.outcome(size, wait) == "reply"

    def outcome(self, size, wait=0.6):
        """Sends one request; "reply", or an ICMP "destination unreachable" as (code, next-hop MTU,
        quoted datagram), or None when nothing comes."""
        self.socket.sendto(self.message(size), (self.target, 0))
        deadline = time.monotonic() + wait
        while (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                got, _ = self.socket.recvfrom(1 << 16)
            except TimeoutError:
                return None
            icmp = got if self.v6 else got[(got[0] & 15) * 4:]
            if icmp[:1] == (b"\x81" if self.v6 else b"\0") and len(icmp) >= 8 and \
                    struct.unpack_from("!HH", icmp, 4) == (self.ident, self.sequence):
                return "reply" if icmp[8:] == body(size, "ping") else None
            if not self.v6 and icmp[0] == 3:
                return icmp[1], struct.unpack_from("!H", icmp, 6)[0], icmp[8:]
        return None

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def ping(ns, source, target, size=56, wait=WAIT_S, df=False):
    with Ping(ns, source, target, df) as p:
        return p(size, wait)


class TcpServer:
    """Takes connections one at a time: reads to the end, answers with the digest."""

    def __init__(self, ns, address, port=8080):
        with ns.entered():
            self.socket = socket.socket(family_of(address), socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((address, port))
        self.socket.listen(8)
        self.address, self.port = address, port
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            with peer, contextlib.suppress(OSError):
                peer.settimeout(20)
                digest = hashlib.sha256()
                while chunk := peer.recv(1 << 18):
                    digest.update(chunk)
                peer.sendall(digest.digest())

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self._thread.join(timeout=2)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def tcp_transfer(ns1, addr1, ns2, addr2, size=1 << 20, port=8080, timeout=10.0):
    """SIZE bytes over one connection; true when the receiver's digest is the sender's."""
    with TcpServer(ns2, addr2, port):
        with ns1.entered():
            s = socket.socket(family_of(addr1), socket.SOCK_STREAM)
        with s:
            s.settimeout(timeout)
            s.bind((addr1, 0))
            try:
                s.connect((addr2, port))
                data = body(min(size, 1 << 20), "tcp") * (size // (1 << 20) or 1)
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                got = b""
                while chunk := s.recv(64):
                    got += chunk
            except OSError:
                return False
            return got == hashlib.sha256(data).digest()


class Stream:
    """A steady stream of numbered UDP datagrams while the block runs."""

    def __init__(self, ns, source, target, port=7002, per_second=2000, size=200):
        self.udp = Udp(ns, source)
        self.target, self.port = target, port
        self.interval, self.size = 1.0 / per_second, size
        self.sent = 0
        self.refused = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        start = time.monotonic()
        filler = b"\xc1EAR" * (self.size // 4)
        while not self._stop.is_set():
            due = int((time.monotonic() - start) / self.interval)
            while self.sent + self.refused < due:
                try:
                    self.udp.send(struct.pack("!I", self.sent) + filler, self.target, self.port)
                    self.sent += 1
                except OSError:
                    self.refused += 1
            time.sleep(0.001)

    def stop(self):
        self._stop.set()
        self._thread.join()

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.stop()
        self.udp.close()


class Sink:
    """Counts the datagrams that arrive while the block runs; NUMBERS are those of a Stream."""

    def __init__(self, ns, address, port=7002):
        self.udp = Udp(ns, address, port)
        self.count = 0
        self.numbers = []
        self.last_time = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while True:
            got = self.udp.receive(0.05)
            if got is not None:
                self.count += 1
                self.numbers.append(int.from_bytes(got[0][:4], "big"))
                self.last_time = time.monotonic()
            elif self._stop.is_set():
                return

    def wait_for(self, count, timeout=5.0):
        """True once COUNT datagrams have arrived."""
        deadline = time.monotonic() + timeout
        while self.count < count and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.count >= count

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self.udp.close()

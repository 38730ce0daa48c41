"""Steering on its own, without IPsec: two `steer_driver` gateways exchange what they capture over a
local socket and inject it as if it had been decrypted. Nothing of A and B may cross the wire.

    A --- R1 === W === R2 --- B      (see lablib.topology)
"""

import contextlib
import fcntl
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest
from lablib import pins
from lablib import topology as t
from lablib.capture import Recorder
from lablib.gateway import BUILD
from lablib.topology import Lab
from lablib.traffic import Sink, Stream, Udp, ping, tcp_transfer, udp_arrives

DRIVER = os.path.join(BUILD, "tests", "lab", "net", "steer_driver")
MARK = 0x100
OUT_USABLE, IN_VALID = 1, 2
MODES = {"links": (), "nft": ("nft",)}

pytestmark = [
    pytest.mark.no_daemon,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for network namespaces"),
    pytest.mark.skipif(not os.path.exists(DRIVER), reason=f"{DRIVER} is not built"),
]


class Driver:
    """A steer_driver in a namespace."""

    def __init__(self, ns, folder, mode=()):
        self.ns, self.folder, self.mode = ns, folder, mode
        os.makedirs(folder, exist_ok=True)
        self.pins = f"{pins.PIN_DIR}/{ns.name}"
        pins.note(os.path.dirname(folder), self.pins)
        self.table = "steertest"
        self.path = f"{folder}/cross"
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            self.ns.argv([DRIVER, self.pins, self.table, str(MARK), *self.mode]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self._answer()
        return self

    def _answer(self):
        assert select.select([self.process.stdout], [], [], 20)[0], "no answer"
        line = self.process.stdout.readline().split()
        assert line and line[0] == "ok", line
        return line[1:]

    def ask(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        return self._answer()

    def policies(self, *lines, protected=()):
        """Follows these; PROTECTED: slots that have SAs."""
        self.ask("clear")
        for line in lines:
            self.ask("policy", line)
        self.ask("apply")
        for slot in protected:
            self.ask("state", slot, OUT_USABLE | IN_VALID)
        self.ask("follow")

    def slot(self, slot):
        """out-accepted, out-dropped, in-accepted, in-dropped"""
        return [int(x) for x in self.ask("slot", slot)]

    def counters(self):
        return {k: int(v) for k, v in (w.split("=") for w in self.ask("counters"))}

    def seen(self):
        """packets, superpackets, bytes, lost"""
        return [int(x) for x in self.ask("seen")]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.ask("stop")
        self.process.wait(timeout=20)

    def close(self):
        if self.process and self.process.poll() is None:
            with contextlib.suppress(Exception):
                self.stop()
            self.kill()
        shutil.rmtree(self.pins, ignore_errors=True)


def ifindex(ns, name):
    return int(ns.ip(f"-o link show {name}").split(":")[0])


def policy(slot, src, dst, action="encrypt", level="require", proto=0, sport=0, dport=0):
    return f"{slot} {action} {level} {src} {dst} {proto} {sport} {dport}"


class Pair:
    """Both gateways, joined."""

    def __init__(self, run, mode=()):
        self.lab = Lab(run)
        self.d1 = Driver(self.lab.r1, f"{run.folder}/{self.lab.r1.name}-steer", mode)
        self.d2 = Driver(self.lab.r2, f"{run.folder}/{self.lab.r2.name}-steer", mode)
        for ns in (self.lab.r1, self.lab.r2):
            ns.sysctl(ipv4__conf__all__rp_filter=1, unix__max_dgram_qlen=2000)
            for device in ("lan", "wan", "wan2"):
                ns.sysctl(**{f"ipv4__conf__{device}__rp_filter": 1})

    def start(self):
        self.d1.start()
        self.d2.start()
        self.join()
        return self

    def join(self):
        for d in (self.d1, self.d2):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(d.path)
        self.d1.ask("peer", self.d1.path, self.d2.path, ifindex(self.lab.r1, "wan"))
        self.d2.ask("peer", self.d2.path, self.d1.path, ifindex(self.lab.r2, "wan"))

    def tunnel(self, **kwargs):
        rules = ((self.d1, t.NET_A, t.NET_B, t.NET_A6, t.NET_B6),
                 (self.d2, t.NET_B, t.NET_A, t.NET_B6, t.NET_A6))
        for d, near, far, near6, far6 in rules:
            d.policies(policy(7, near, far, **kwargs), policy(9, near6, far6, **kwargs),
                       protected=(7, 9))

    def close(self):
        self.d1.close()
        self.d2.close()
        self.lab.close()


@pytest.fixture(scope="module", params=list(MODES))
def pair(run, request):
    made = Pair(run, MODES[request.param])
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.fixture
def tunnel(pair):
    """The pair with a tunnel for A and B, whatever the test before did."""
    ended = [d for d in (pair.d1, pair.d2) if d.process.poll() is not None]
    for d in ended:
        d.start()
    if ended:
        pair.join()
    pair.tunnel()
    assert ping(pair.lab.a, t.A, t.B)
    return pair


def wire(pair):
    return Recorder(pair.lab.w, "r1u1", incoming_only=True)


def clear_on(recorder):
    return recorder.between(t.A, t.B) + recorder.between(t.A6, t.B6)


def forge(pair, payload=b"forged", count=5):
    """Clear datagrams with A's address, sent by R1 itself from behind its steering."""
    packet = udp_datagram(t.A, t.B, 4000, 7009, payload)
    with pair.lab.w.entered():
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    mac = pair.lab.r2.ip("-o link show wan").split("link/ether ")[1].split()[0]
    frame = bytes.fromhex(mac.replace(":", "")) + b"\x02\0\0\0\0\1" + b"\x08\0" + packet
    for _ in range(count):
        s.sendto(frame, ("r2u1", 0x0800))
    s.close()


class Forging:
    """Forged packets without pause while the block runs."""

    def __init__(self, pair):
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(pair,), daemon=True)

    def _run(self, pair):
        while not self.stop.is_set():
            forge(pair, count=50)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def udp_datagram(src, dst, sport, dport, payload):
    udp = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0,
                       socket.inet_aton(src), socket.inet_aton(dst))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + udp


def test_features_follow_the_switch(pair):
    want = "nftables" if "nft" in pair.d1.mode else "yes"
    assert want in " ".join(pair.d1.ask("features"))


@pytest.mark.parametrize("ends", [(t.A, t.B), (t.A6, t.B6)], ids=["ipv4", "ipv6"])
def test_tcp_crosses_as_superpackets(tunnel, ends):
    before = tunnel.d1.seen()
    with wire(tunnel) as w:
        assert tcp_transfer(tunnel.lab.a, ends[0], tunnel.lab.b, ends[1], 8 << 20)
    packets, supers, size, lost = (x - y for x, y in zip(tunnel.d1.seen(), before))
    assert clear_on(w) == []
    assert lost == 0
    assert supers > 20 and size / packets > 3000, (packets, supers, size)
    counted = tunnel.d1.counters()["out-captured"]
    assert counted * 1500 >= size, "superpackets count their segments"


def test_injected_packets_pass_strict_reverse_path(tunnel):
    with wire(tunnel) as w:
        assert udp_arrives(tunnel.lab.a, t.A, tunnel.lab.b, t.B, count=20) == 20
        assert ping(tunnel.lab.a, t.A6, t.B6)
    assert clear_on(w) == []


def test_datagrams_beyond_the_mtu_cross(tunnel):
    with wire(tunnel) as w:
        assert udp_arrives(tunnel.lab.a, t.A, tunnel.lab.b, t.B, size=5000, count=10) == 10
    assert clear_on(w) == []


def test_clear_packets_are_refused_while_an_sa_is_valid(tunnel):
    before = tunnel.d2.slot(7)
    with Udp(tunnel.lab.b, t.B, 7009) as receiver:
        forge(tunnel)
        assert receiver.drain() == []
        assert tunnel.d2.slot(7)[3] - before[3] == 5
        tunnel.d2.ask("state", 7, OUT_USABLE)
        forge(tunnel)
        assert len(receiver.drain()) == 5, "no valid SA: let in"
        assert tunnel.d2.slot(7)[2] - before[2] == 5
        tunnel.d2.ask("state", 7, OUT_USABLE | IN_VALID)
        forge(tunnel)
        assert receiver.drain() == []


def test_clear_packets_to_the_gateway_itself_are_refused(tunnel):
    tunnel.d2.policies(policy(7, f"{t.R2}/32", f"{t.R1}/32", action="discard"))
    before = tunnel.d2.counters()["in-policy-blocked"]
    tunnel.d1.policies()
    assert not ping(tunnel.lab.r1, t.R1, t.R2, wait=0.3)
    assert tunnel.d2.counters()["in-policy-blocked"] > before


def test_ike_to_the_gateway_is_never_refused(tunnel):
    tunnel.d2.policies(policy(7, f"{t.R2}/32", f"{t.R1}/32", action="discard"))
    tunnel.d1.policies()
    for port in (500, 4500):
        assert udp_arrives(tunnel.lab.r1, t.R1, tunnel.lab.r2, t.R2, port=port, sport=4444) == 1


def test_own_traffic_passes_by_port_and_by_mark(tunnel):
    tunnel.d1.policies(policy(3, f"{t.R1}/32", f"{t.R2}/32"))
    seen = tunnel.d1.seen()[0]
    lab = tunnel.lab
    with wire(tunnel) as w:
        udp_arrives(lab.r1, t.R1, lab.r2, t.R2, port=9, sport=500)
        udp_arrives(lab.r1, t.R1, lab.r2, t.R2, port=9, sport=501)
        assert tunnel.d1.ask("send", t.R1, t.R2, 1) == ["1"]
        assert tunnel.d1.ask("send", t.R1, t.R2, 0) == ["1"]
    ports = [struct.unpack_from("!H", p.payload)[0] for p in w.between(t.R1, t.R2) if p.proto == 17]
    assert ports == [500, 4500]
    assert tunnel.d1.seen()[0] - seen == 2


def test_use_without_sa_passes_and_counts(tunnel):
    tunnel.tunnel(level="use")
    for d in (tunnel.d1, tunnel.d2):
        d.ask("state", 7, 0)
        d.ask("reset", 7)
    with wire(tunnel) as w:
        assert ping(tunnel.lab.a, t.A, t.B)
    assert len(clear_on(w)) == 1
    assert tunnel.d1.slot(7) == [1, 0, 1, 0]
    tunnel.d1.ask("state", 7, OUT_USABLE)
    with wire(tunnel) as w:
        ping(tunnel.lab.a, t.A, t.B, wait=0.3)
    assert clear_on(w) == []


def test_order_of_none_and_discard(tunnel):
    rules = (policy(1, t.NET_A, t.NET_B, action="none", proto=17, dport=7001),
             policy(2, t.NET_A, t.NET_B, action="discard", proto=17),
             policy(3, "0.0.0.0/0", "0.0.0.0/0"))
    tunnel.d1.policies(*rules)
    tunnel.d2.policies()
    for slot in (1, 2, 3):
        tunnel.d1.ask("reset", slot)
    lab = tunnel.lab
    assert udp_arrives(lab.a, t.A, lab.b, t.B, port=7001, count=3) == 3
    assert udp_arrives(lab.a, t.A, lab.b, t.B, port=7002, count=3) == 0
    assert tunnel.d1.slot(1)[0] == 3
    assert tunnel.d1.slot(2)[1] == 3


def test_policy_for_everything_leaves_neighbour_discovery_alone(tunnel):
    tunnel.d1.policies(policy(1, "::/0", "::/0"))
    tunnel.lab.r1.ip("-6 neigh flush all")
    seen = tunnel.d1.seen()[0]
    ping(tunnel.lab.r1, t.R1_6, t.R2_6, wait=0.3)
    assert t.R2_6 in tunnel.lab.r1.ip("-6 neigh show dev wan nud reachable")
    assert tunnel.d1.seen()[0] > seen


def test_later_fragments_follow_their_first(tunnel):
    lab = tunnel.lab
    tunnel.d1.policies(policy(1, t.NET_A, t.NET_B, proto=17, dport=7001))
    tunnel.d2.policies()
    with wire(tunnel) as w:
        udp_arrives(lab.a, t.A, lab.b, t.B, port=7001, size=5000, count=5)
    assert clear_on(w) == [], "captured with its first part"
    with wire(tunnel) as w:
        assert udp_arrives(lab.a, t.A, lab.b, t.B, port=7002, size=5000, count=5) == 5
    assert len(clear_on(w)) == 20
    before = tunnel.d1.counters()["out-fragment-dropped"]
    later = udp_datagram(t.A, t.B, 1, 7002, b"x" * 64)
    later = later[:6] + b"\x00\x20" + b"\x40\x11\0\0" + later[12:]
    later = later[:10] + struct.pack("!H", checksum(later[:20])) + later[12:]
    mac = lab.r1.ip("-o link show lan").split("link/ether ")[1].split()[0]
    with wire(tunnel) as w, lab.a.entered():
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        s.sendto(bytes.fromhex(mac.replace(":", "")) + b"\x02\0\0\0\0\1\x08\0" + later,
                 ("eth0", 0x0800))
        s.close()
        time.sleep(0.1)
    assert clear_on(w) == []
    # with connection tracking the kernel waits for the first part instead
    if "nft" not in tunnel.d1.mode:
        assert tunnel.d1.counters()["out-fragment-dropped"] == before + 1


def test_new_policies_take_effect_when_apply_returns(tunnel):
    lab = tunnel.lab
    with wire(tunnel) as w:
        for _ in range(10):
            tunnel.d1.policies()
            tunnel.tunnel()
            with Udp(lab.a, t.A) as one:
                for _ in range(20):
                    one.send(b"x", t.B, 9)
    assert clear_on(w) == []


def test_rebuilds_under_traffic_leak_nothing(tunnel):
    lab = tunnel.lab
    rules = [policy(7, t.NET_A, t.NET_B), policy(9, t.NET_A6, t.NET_B6)]
    filler = [policy(100 + n, f"10.77.{n}.0/24", f"10.78.{n}.0/{20 + n % 12}") for n in range(40)]
    with wire(tunnel) as w, Sink(lab.b, t.B) as sink, Stream(lab.a, t.A, t.B):
        assert sink.wait_for(20)
        for n in range(30):
            tunnel.d1.policies(*filler[:n], *rules)
    assert clear_on(w) == []


def test_killed_daemon_leaves_policy_in_force_and_a_new_one_takes_over(tunnel):
    lab = tunnel.lab
    with wire(tunnel) as w, Sink(lab.b, t.B) as sink, Stream(lab.a, t.A, t.B):
        assert sink.wait_for(20)
        tunnel.d1.kill()
        tunnel.d2.kill()
        time.sleep(0.5)
        with Udp(lab.b, t.B, 7009) as receiver:
            forge(tunnel)
            assert receiver.drain() == [], "the incoming check went with the daemon"
        tunnel.d1.start()
        tunnel.d2.start()
        tunnel.join()
        with Udp(lab.b, t.B, 7009) as receiver, Forging(tunnel):
            time.sleep(0.2)
            tunnel.tunnel()
            time.sleep(0.2)
            assert receiver.drain() == [], "the check was open in the middle of the takeover"
        assert ping(lab.a, t.A, t.B)
        time.sleep(0.3)
    assert clear_on(w) == []
    filters = lab.r1.run("tc", "filter", "show", "dev", "wan", "egress")
    assert filters.count("handle") == 1, filters


def test_interface_that_appears_under_traffic_leaks_nothing(tunnel):
    """The daemon is held, so that the new interface stays unsteered for as long as we like."""
    lab = tunnel.lab
    packets = tunnel.d1.seen()[0]
    os.kill(driver_pid(tunnel.d1), signal.SIGSTOP)
    try:
        lab.w.ip(f"link add far type veth peer name new netns {lab.r1.name}")
        lab.w.ip("link set far up")
        with Recorder(lab.w, "far", incoming_only=True) as far:
            lab.r1.ip("address add 192.168.9.1/24 dev new")
            lab.r1.ip("link set new up")
            lab.r1.ip("neigh add 192.168.9.2 lladdr 02:00:00:00:09:02 dev new")
            lab.r1.ip(f"route replace {t.NET_B} via 192.168.9.2")
            with Udp(lab.a, t.A) as one:
                for _ in range(50):
                    one.send(b"x", t.B, 9)
                    time.sleep(0.002)
                os.kill(driver_pid(tunnel.d1), signal.SIGCONT)
                time.sleep(0.3)
                for _ in range(10):
                    one.send(b"x", t.B, 9)
        assert far.select(dst=t.B) == []
        assert tunnel.d1.counters()["out-unsteered-dropped"] >= 50
        assert tunnel.d1.seen()[0] >= packets + 10, "steered once the daemon has seen it"
    finally:
        os.kill(driver_pid(tunnel.d1), signal.SIGCONT)
        lab.r1.ip(f"route replace {t.NET_B} via {t.R2}")
        lab.r1.ip("link del new")


def driver_pid(driver):
    return driver.process.pid  # nsenter executes the driver in its own place


def test_bridge_ports_are_left_alone(tunnel):
    lab = tunnel.lab
    lab.r1.ip("link add br9 type bridge")
    lab.r1.ip("link add p9 type veth peer name q9")
    lab.r1.ip("link set p9 up")
    time.sleep(0.2)
    assert "steer_egress" in lab.r1.run("tc", "filter", "show", "dev", "p9", "egress")
    lab.r1.ip("link set p9 master br9")
    time.sleep(0.2)
    assert lab.r1.run("tc", "filter", "show", "dev", "p9", "egress") == ""
    assert "clsact" not in lab.r1.run("tc", "qdisc", "show", "dev", "p9")
    assert "steer_egress" in lab.r1.run("tc", "filter", "show", "dev", "br9", "egress")
    lab.r1.ip("link del p9")
    lab.r1.ip("link del br9")


def test_packets_come_back_on_interfaces_without_link_header(tunnel):
    lab = tunnel.lab
    lab.r2.run("ip", "tuntap", "add", "dev", "l3", "mode", "tun")
    with lab.r2.entered():
        holder = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(holder, 0x400454CA, struct.pack("16sH22x", b"l3", 1 | 0x1000))
    try:
        lab.r2.ip("link set l3 up")
        lab.r2.sysctl(ipv4__conf__l3__rp_filter=0, ipv4__conf__all__rp_filter=0)
        lab.r2.nft("add table ip seen; "
                   "add chain ip seen f { type filter hook forward priority 0; }; "
                   "add rule ip seen f iifname l3 counter")
        time.sleep(0.2)
        tunnel.d2.ask("peer", tunnel.d2.path + "3", tunnel.d1.path, ifindex(lab.r2, "l3"))
        tunnel.d1.ask("peer", tunnel.d1.path + "3", tunnel.d2.path + "3", ifindex(lab.r1, "wan"))
        assert udp_arrives(lab.a, t.A, lab.b, t.B, count=10) == 10
        assert "packets 10 " in lab.r2.run("nft", "list", "table", "ip", "seen")
    finally:
        os.close(holder)
        lab.r2.sysctl(ipv4__conf__all__rp_filter=1)
        lab.r2.nft("delete table ip seen")
        lab.r2.run("ip", "tuntap", "del", "dev", "l3", "mode", "tun")
        for d in (tunnel.d1, tunnel.d2):
            d.kill()  # other socket paths: the next test starts anew


def test_decrypted_packets_of_a_vanished_interface_are_counted(tunnel):
    tunnel.d2.ask("peer", tunnel.d2.path + "4", tunnel.d1.path, 54321)
    tunnel.d1.ask("peer", tunnel.d1.path + "4", tunnel.d2.path + "4", 54321)
    assert udp_arrives(tunnel.lab.a, t.A, tunnel.lab.b, t.B, count=3) == 0
    assert tunnel.d2.counters()["in-link-gone"] == 3
    for d in (tunnel.d1, tunnel.d2):
        d.kill()


def test_thousands_of_policies_are_taken_or_refused_whole(tunnel):
    filler = [policy(100 + n, f"10.{100 + n // 256}.{n % 256}.0/24", "10.99.0.0/16")
              for n in range(1100)]
    tunnel.d1.ask("clear")
    for line in filler + [policy(7, t.NET_A, t.NET_B)]:
        tunnel.d1.ask("policy", line)
    tunnel.d1.process.stdin.write("apply\n")
    answer = tunnel.d1.process.stdout.readline()
    if "nft" in tunnel.d1.mode:
        assert "at most 1024" in answer
    else:
        assert answer == "ok\n"
    with wire(tunnel) as w:
        assert ping(tunnel.lab.a, t.A, t.B), "the policy of before, or the same among many"
    assert clear_on(w) == []


def test_dead_neighbours_inside_a_policy_get_a_stand_in(tunnel):
    lab = tunnel.lab
    tunnel.d1.policies(policy(1, "0.0.0.0/0", "10.1.0.128/25"))
    lab.r1.sysctl(ipv4__neigh__lan__retrans_time_ms=20)
    seen = tunnel.d1.seen()[0]
    with Udp(lab.r1, "10.1.0.1") as one:
        for target in ("10.1.0.200", "10.1.0.100"):
            one.send(b"x", target, 9)
        time.sleep(0.4)
        for target in ("10.1.0.200", "10.1.0.100"):
            with contextlib.suppress(OSError):
                one.send(b"x", target, 9)
    neighbours = lab.r1.ip("neigh show dev lan")
    assert "10.1.0.200 lladdr 02:00:5a:11:00:00 REACHABLE" in neighbours
    assert "10.1.0.100 lladdr" not in neighbours, "no policy for that one"
    assert tunnel.d1.seen()[0] == seen + 1
    # the real one turns up: it asks for us, which tells its address
    lab.r1.sysctl(ipv4__neigh__lan__locktime=0)
    lab.a.ip("address add 10.1.0.200/24 dev eth0")
    try:
        lab.a.ip("neigh flush dev eth0")
        ping(lab.a, "10.1.0.200", "10.1.0.1", wait=0.3)
    finally:
        lab.a.ip("address del 10.1.0.200/24 dev eth0")
    assert "02:00:5a:11:00:00" not in lab.r1.ip("neigh show dev lan")
    lab.r1.ip("neigh flush dev lan")
    one = Udp(lab.r1, "10.1.0.1")
    one.send(b"x", "10.1.0.201", 9)
    time.sleep(0.4)
    assert "02:00:5a:11:00:00" in lab.r1.ip("neigh show dev lan")
    one.close()
    tunnel.d1.stop()
    assert "02:00:5a:11:00:00" not in lab.r1.ip("neigh show dev lan")


def test_stop_removes_everything(tunnel):
    lab = tunnel.lab
    tunnel.d1.stop()
    lab.r1.run("tc", "qdisc", "add", "dev", "wan2", "clsact")
    try:
        tunnel.d1.start().policies()
        assert "steer_egress" in lab.r1.run("tc", "filter", "show", "dev", "wan2", "egress")
        tunnel.d1.stop()
        tunnel.d2.stop()
        for device in ("lan", "wan"):
            assert "clsact" not in lab.r1.run("tc", "qdisc", "show", "dev", device)
        assert "clsact" in lab.r1.run("tc", "qdisc", "show", "dev", "wan2"), "not ours"
        assert lab.r1.run("tc", "filter", "show", "dev", "wan2", "egress") == ""
        assert "steertest" not in lab.r1.run("nft", "list", "ruleset")
        assert not os.path.exists(tunnel.d1.pins)
        with wire(tunnel) as w:
            assert ping(lab.a, t.A, t.B)
        assert len(clear_on(w)) == 1
    finally:
        lab.r1.run("tc", "qdisc", "del", "dev", "wan2", "clsact")


def test_private_mount_namespace_is_refused(pair):
    done = subprocess.run(
        ["ip", "netns", "exec", pair.lab.b.name, DRIVER, f"{pins.PIN_DIR}/refused", "x", "256"],
        capture_output=True, text=True, check=False, timeout=20, stdin=subprocess.DEVNULL)
    assert done.returncode != 0
    assert "nsenter --net" in done.stdout or "not on a BPF file system" in done.stdout


def test_second_instance_in_one_namespace_is_refused(tunnel):
    if "nft" in tunnel.d1.mode:
        pytest.skip("only links exclude each other")
    other = Driver(tunnel.lab.r1, tunnel.d1.folder + "-other")
    other.pins += "-other"
    try:
        other.start()
        other.process.stdin.write("apply\n")
        assert "another instance" in other.process.stdout.readline()
        assert ping(tunnel.lab.a, t.A, t.B)
    finally:
        other.kill()
        shutil.rmtree(other.pins, ignore_errors=True)


def test_two_pairs_at_once(tunnel, run):
    other = Pair(run, tunnel.d1.mode)
    try:
        other.start()
        other.tunnel()
        with wire(tunnel) as w1, wire(other) as w2:
            results = []
            threads = [threading.Thread(target=lambda p=p: results.append(
                udp_arrives(p.lab.a, t.A, p.lab.b, t.B, count=200))) for p in (tunnel, other)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert results == [200, 200]
        assert clear_on(w1) == [] and clear_on(w2) == []
        other.d1.stop()
        assert ping(tunnel.lab.a, t.A, t.B), "stopping one must not touch the other"
    finally:
        other.close()

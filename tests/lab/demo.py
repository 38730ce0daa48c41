"""The reference's examples, typed as they are printed there, on real packets: `./dev demo`.

    host A ------ Router1 ======= Router2 ------ host B
    10.1.0.2      1.0.0.1         1.0.0.2      10.2.0.2

First automatic keying between the routers themselves, then tunnels with manual keys. Ends with
status 0 only if everything arrived, nothing crossed the wire in clear and witnesses outside both
gateways accept every packet."""

import functools
import hashlib
import http.server
import os
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lablib import topology as t  # noqa: E402
from lablib.capture import Recorder, write_pcap  # noqa: E402
from lablib.gateway import ConsoleError, StartError  # noqa: E402
from lablib.keying import SaKeys, installed_keys  # noqa: E402
from lablib.terminal import Terminal  # noqa: E402
from lablib.topology import Lab  # noqa: E402
from lablib.witness import Rejected, datagrams, judge  # noqa: E402

# Both routers' input, character for character: "transport mode example using ESP with automatic
# keying".
IKE_EXAMPLE = {
    "Router1": r"""ip ipsec policy add sa-src-address=1.0.0.1 sa-dst-address=1.0.0.2 \
action=encrypt
ip ipsec peer add address=1.0.0.2 \
secret="gvejimezyfopmekun"
""",
    "Router2": r"""ip ipsec policy add sa-src-address=1.0.0.2 sa-dst-address=1.0.0.1 \
action=encrypt
ip ipsec peer add address=1.0.0.1 \
secret="gvejimezyfopmekun"
"""}

# The same, character for character ("tunnel mode example using AH with manual keying").
AH_EXAMPLE = {
    "Router1": r"""ip ipsec manual-sa add name=ah-sa1 \
ah-spi=0x101/0x100 ah-key=abcfed
ip ipsec policy add src-address=10.1.0.0/24 \
dst-address=10.2.0.0/24 action=encrypt ipsec-protocols=ah \
tunnel=yes sa-src=1.0.0.1 sa-dst=1.0.0.2 manual-sa=ah-sa1
""",
    "Router2": r"""ip ipsec manual-sa add name=ah-sa1 \
ah-spi=0x100/0x101 ah-key=abcfed
ip ipsec policy add src-address=10.2.0.0/24 \
dst-address=10.1.0.0/24 action=encrypt ipsec-protocols=ah \
tunnel=yes sa-src=1.0.0.2 sa-dst=1.0.0.1 manual-sa=ah-sa1
"""}

ENC_KEY = "0123456789abcdef23456789abcdef01456789abcdef0123"
AUTH_KEY = "00112233445566778899aabbccddeeff"

# The same with ESP, keys of the proper lengths.
ESP_EXAMPLE = {
    "Router1": rf"""ip ipsec manual-sa add name=esp-sa1 esp-spi=0x201/0x200 \
esp-enc-algorithm=3des esp-auth-algorithm=md5 \
esp-enc-key={ENC_KEY} \
esp-auth-key={AUTH_KEY}
ip ipsec policy add src-address=10.1.0.0/24 \
dst-address=10.2.0.0/24 action=encrypt ipsec-protocols=esp \
tunnel=yes sa-src=1.0.0.1 sa-dst=1.0.0.2 manual-sa=esp-sa1
""",
    "Router2": rf"""ip ipsec manual-sa add name=esp-sa1 esp-spi=0x200/0x201 \
esp-enc-algorithm=3des esp-auth-algorithm=md5 \
esp-enc-key={ENC_KEY} \
esp-auth-key={AUTH_KEY}
ip ipsec policy add src-address=10.2.0.0/24 \
dst-address=10.1.0.0/24 action=encrypt ipsec-protocols=esp \
tunnel=yes sa-src=1.0.0.2 sa-dst=1.0.0.1 manual-sa=esp-sa1
"""}


def both_ways(proto, spi_out, spi_in, **keys):
    return [SaKeys(proto, spi_out, t.R1, t.R2, **keys), SaKeys(proto, spi_in, t.R2, t.R1, **keys)]


# Router1's "in/out" SPIs are 0x101/0x100.
AH_SAS = both_ways("ah", 0x100, 0x101, auth="md5", auth_key=bytes.fromhex("abcfed"))
ESP_SAS = both_ways("esp", 0x200, 0x201, enc="3des", enc_key=bytes.fromhex(ENC_KEY), auth="md5",
                    auth_key=bytes.fromhex(AUTH_KEY))

FILE_BYTES = 1 << 20


class Failed(Exception):
    """A step of the demonstration did not work; the text says which."""


def say(text):
    print(f"\n=== {text}", flush=True)


def type_at(gateway, name, lines):
    """Types LINES at the interactive console; what the terminal shows is printed as it is."""
    with Person(gateway, name) as person:
        for line in lines.splitlines():
            person.types(line)


class Person:
    """Somebody at a router's console, as wide as the lines of the reference need."""

    def __init__(self, gateway, name, columns=100):
        self.name, self.menu = name, ""
        self.terminal = Terminal(gateway.socket, columns)
        self.terminal.expect(self.prompt())

    def prompt(self):
        return f"[admin@{self.name}] {self.menu}> "

    def types(self, line, menu=None):
        """MENU: the one the line leads to, as the prompt shows it."""
        self.menu = self.menu if menu is None else menu
        self.terminal.type(line)
        shown = self.terminal.expect("\\... " if line.endswith("\\") else self.prompt())
        if "failure:" in shown or "(line " in shown:
            raise Failed(f"{self.name} refused: {shown.strip()}")
        return shown

    def __enter__(self):
        return self

    def __exit__(self, exc_type, *_):
        self.terminal.type("/quit")
        self.terminal.close()
        print(self.terminal.transcript.rstrip(), flush=True)


def show(gateway, name, command):
    print(f"[admin@{name}] > {command}")
    print(gateway.console(command).rstrip())


def ping(ns, source, target):
    command = ["ping", "-c", "3", "-i", "0.2", "-W", "2", "-I", source, target]
    print("$ " + " ".join(command), flush=True)
    done = subprocess.run(ns.argv(command), stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, timeout=30, check=False)
    print(done.stdout.strip())
    if done.returncode != 0 or " 0% packet loss" not in done.stdout:
        raise Failed(f"ping from {source} to {target}")


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def fetch(lab, folder):
    """Host A fetches a file of host B over HTTP."""
    content = os.urandom(FILE_BYTES)
    with open(os.path.join(folder, "file.bin"), "wb") as f:
        f.write(content)
    with lab.b.entered():
        server = http.server.ThreadingHTTPServer(
            (t.B, 80), functools.partial(QuietHandler, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    got = os.path.join(folder, "got.bin")
    command = ["curl", "-sS", "--max-time", "30", "-o", got, "-w",
               "%{http_code}, %{size_download} bytes in %{time_total} s\\n",
               f"http://{t.B}/file.bin"]
    print("$ " + " ".join(command[:1] + command[-1:]), flush=True)
    try:
        print(lab.a.run(*command), end="")
        with open(got, "rb") as f:
            if hashlib.sha256(f.read()).digest() != hashlib.sha256(content).digest():
                raise Failed("the file that host A fetched differs from host B's")
    except RuntimeError as e:
        raise Failed(f"HTTP: {e}") from e
    finally:
        server.shutdown()
        server.server_close()
    print("the file is the same at both ends")


def tshark(packets, *options):
    with tempfile.TemporaryDirectory() as folder:
        pcap = os.path.join(folder, "wire.pcap")
        write_pcap(pcap, packets)
        done = subprocess.run(["tshark", "-n", "-r", pcap, *options], stdin=subprocess.DEVNULL,
                              text=True, capture_output=True, timeout=60, check=False,
                              env={**os.environ, "HOME": folder})
    if done.returncode != 0 or not done.stdout:
        raise Failed(f"tshark: {done.stderr.strip()}")
    print(done.stdout.rstrip())


def judge_wire(record, sas, clear):
    """Nobody but the gateways has seen these packets: witnesses check them all."""
    if clear:
        raise Failed(f"{len(clear)} packets crossed the wire in clear, first {clear[0]}")
    judged = judge(record.packets, sas)
    say(f"{len(record.ipsec())} protected packets and 0 in clear crossed the wire; "
        f"witnesses checked {judged}")


def ike_scene(lab):
    say("ESP in transport mode with automatic keying, as in the reference")
    for gateway, name in ((lab.g1, "Router1"), (lab.g2, "Router2")):
        type_at(gateway, name, IKE_EXAMPLE[name])
    with Recorder(lab.w, "r1u1") as record:
        say("from router to router: the first packet waits for its SA")
        ping(lab.r1, t.R1, t.R2)
        ping(lab.r2, t.R2, t.R1)
        say("Router1 afterwards")
        with Person(lab.g1, "Router1", 80) as person:
            person.types("ip ipsec", "ip ipsec")
            person.types("remote-peers print")
            person.types("installed-sa print")
            sas = installed_keys(lab.g1, tunnel=False)
            person.types("installed-sa", "ip ipsec installed-sa")
            person.types("flush")
            shown = person.types("print")
        if "spi=" in shown or len(sas) != 2:
            raise Failed("flush does not leave an empty list of two SAs")
        say("traffic brings new SAs")
        ping(lab.r1, t.R1, t.R2)
        show(lab.g1, "Router1", "ip ipsec installed-sa print")
        again = installed_keys(lab.g1, tunnel=False)
    if len(again) != 2 or {s.spi for s in sas} & {s.spi for s in again}:
        raise Failed("no new pair of SAs after flush")
    say("how it began on the wire: main mode, quick mode, then ESP")
    tshark(record.packets[:16], "-t", "r", "-Y", "isakmp || esp")
    judge_wire(record, sas + again,
               [p for p in record.between(t.R1, t.R2) if not p.is_ike])


def show_packets(record):
    """Three packets of the wire as tshark reads them, one of them in full."""
    packets = datagrams(record.ipsec())[:3]
    tshark(packets, "-t", "r")
    tshark(packets, "-V", "-c", "1", "-O", "ah,esp")


def manual_scene(lab, title, example, sas):
    say(title)
    for gateway, name in ((lab.g1, "Router1"), (lab.g2, "Router2")):
        type_at(gateway, name, example[name])
    with Recorder(lab.w, "r1u1") as record:
        say("hosts behind both routers")
        ping(lab.a, t.A, t.B)
        with tempfile.TemporaryDirectory() as folder:
            fetch(lab, folder)
        say("Router1 afterwards")
        show(lab.g1, "Router1", "ip ipsec installed-sa print")
        show(lab.g1, "Router1", "ip ipsec policy print stats")
    say("three packets of the wire")
    show_packets(record)
    judge_wire(record, sas, record.between(t.A, t.B))


def main():
    started = time.monotonic()
    try:
        with Lab() as lab:
            lab.start()
            for gateway, name in ((lab.g1, "Router1"), (lab.g2, "Router2")):
                gateway.console(f"/system identity set name={name}")
            ike_scene(lab)
            lab.reset()
            manual_scene(lab, "AH tunnel with manual keys, as in the reference", AH_EXAMPLE, AH_SAS)
            lab.reset()
            manual_scene(lab, "the same with ESP, 3des and md5", ESP_EXAMPLE, ESP_SAS)
    except (Failed, Rejected, ConsoleError, StartError, AssertionError, RuntimeError) as e:
        print(f"\nthe demonstration FAILED: {e}", file=sys.stderr)
        return 1
    say(f"the demonstration worked, in {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())

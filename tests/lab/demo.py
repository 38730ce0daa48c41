"""The reference's example, typed as it is printed there, on real packets: `./dev demo`.

    host A ------ Router1 ======= Router2 ------ host B
    10.1.0.2      1.0.0.1         1.0.0.2      10.2.0.2

Ends with status 0 only if everything arrived, nothing crossed the wire in clear and witnesses
outside both gateways accept every packet."""

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
from lablib.keying import SaKeys  # noqa: E402
from lablib.terminal import Terminal  # noqa: E402
from lablib.topology import Lab  # noqa: E402
from lablib.witness import Rejected, datagrams, judge  # noqa: E402

# Both routers' input, character for character ("tunnel mode example using AH with manual keying").
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
    prompt = f"[admin@{name}] > "
    terminal = Terminal(gateway.socket)
    terminal.expect(prompt)
    for line in lines.splitlines():
        terminal.type(line)
        shown = terminal.expect("\\... " if line.endswith("\\") else prompt)
        if "failure:" in shown or "(line " in shown:
            raise Failed(f"{name} refused: {shown.strip()}")
    terminal.type("/quit")
    terminal.close()
    print(terminal.transcript.rstrip(), flush=True)


def show(gateway, name, command):
    print(f"[admin@{name}] > {command}")
    print(gateway.console(command), end="")


def pings(lab):
    for ns, source, target in ((lab.a, t.A, t.B), (lab.b, t.B, t.A)):
        command = ["ping", "-c", "3", "-i", "0.2", "-W", "2", "-I", source, target]
        print("$ " + " ".join(command), flush=True)
        done = subprocess.run(ns.argv(command), stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, timeout=30, check=False)
        print(done.stdout, end="")
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


def show_packets(record, folder):
    """Three packets of the wire as tshark reads them, one of them in full."""
    packets = datagrams(record.ipsec())[:3]
    pcap = os.path.join(folder, "wire.pcap")
    write_pcap(pcap, packets)
    options = ["-n", "-r", pcap]
    for more in (["-t", "r"], ["-V", "-c", "1", "-O", "ip,ah,esp"]):
        done = subprocess.run(["tshark", *options, *more], stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, timeout=60, check=False,
                              env={**os.environ, "HOME": folder})
        print(done.stdout, end="")
        if done.returncode != 0 or not done.stdout:
            raise Failed(f"tshark: {done.stderr.strip()}")


def scene(lab, title, example, sas):
    say(title)
    for gateway, name in ((lab.g1, "Router1"), (lab.g2, "Router2")):
        type_at(gateway, name, example[name])
    with tempfile.TemporaryDirectory() as folder:
        with Recorder(lab.w, "r1u1") as record:
            say("hosts behind both routers")
            pings(lab)
            fetch(lab, folder)
        say("Router1 afterwards")
        show(lab.g1, "Router1", "ip ipsec installed-sa print")
        show(lab.g1, "Router1", "ip ipsec policy print stats")
        say("three packets of the wire")
        show_packets(record, folder)
    clear = record.between(t.A, t.B)
    if clear:
        raise Failed(f"{len(clear)} packets crossed the wire in clear, first {clear[0]}")
    judged = judge(record.packets, sas)
    say(f"{len(record.ipsec())} protected packets and 0 in clear crossed the wire; "
        f"witnesses checked {judged}")


def main():
    started = time.monotonic()
    try:
        with Lab() as lab:
            lab.start()
            for gateway, name in ((lab.g1, "Router1"), (lab.g2, "Router2")):
                gateway.console(f"/system identity set name={name}")
            scene(lab, "AH tunnel with manual keys, as in the reference", AH_EXAMPLE, AH_SAS)
            for gateway in lab.gateways:
                gateway.console("/ip ipsec policy remove [find]",
                                "/ip ipsec manual-sa remove [find]")
            scene(lab, "the same with ESP, 3des and md5", ESP_EXAMPLE, ESP_SAS)
    except (Failed, Rejected, ConsoleError, StartError, AssertionError, RuntimeError) as e:
        print(f"\nthe demonstration FAILED: {e}", file=sys.stderr)
        return 1
    say(f"the demonstration worked, in {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())

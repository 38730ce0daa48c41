"""A strongSwan charon in R2's namespace, in the place of our second gateway: a real IKEv1 peer of
another make, with the userspace ESP of its kernel-libipsec plugin (UDP-encapsulated tunnels alone:
it asks for encapsulation by itself, whether there is a NAT or not).

Its log is the independent source of every key: charon writes what it derived, never what we say."""

import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass, field

from . import ike_witness
from . import topology as t
from .capture import Recorder
from .keying import SaKeys
from .topology import Lab

CHARON, SWANCTL = "/usr/sbin/charon-systemd", "/usr/sbin/swanctl"
PLUGINS = ("random nonce aes sha1 sha2 md5 hmac kdf gmp openssl pem pkcs1 x509 constraints "
           "kernel-libipsec kernel-netlink socket-default vici updown")
START_TIMEOUT_S = 20
SECRET = "gvejimezyfopmekun"
NATT = "nat-traversal=yes"  # userspace ESP comes in UDP
CIPHER_OF = {("DES_CBC", 8): "des", ("3DES_CBC", 24): "3des", ("AES_CBC", 16): "aes-128",
                   ("AES_CBC", 24): "aes-192", ("AES_CBC", 32): "aes-256"}
AUTH_OF = {"HMAC_MD5_96": "md5", "HMAC_SHA1_96": "sha1"}

_LINE = re.compile(r"^\d+\[[A-Z]+\] (?:<(?:[^>|]*\|)?(\d+)> )?(.*)$")
_DUMP = re.compile(r"^ *\d+: ((?:[0-9A-F]{2} ?){1,16})")


class Log:
    """What a daemon (a Gateway or a StrongSwan) has said since."""

    def __init__(self, daemon):
        self.daemon, self.start = daemon, len(daemon.log())

    def text(self):
        return self.daemon.log(self.start)

    def says(self, text):
        return text in self.text()


def until(condition, seconds=10.0):
    """True as soon as CONDITION is; false when it was not within SECONDS."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def installed():
    return os.path.exists(CHARON) and os.path.exists(SWANCTL)


def words(algorithm):
    """Our name of a cipher as strongSwan's proposals have it."""
    return algorithm.replace("aes-", "aes")


@dataclass
class Child:
    """One of the connection's CHILD_SAs; selectors as strongSwan sees them."""
    local_ts: str
    remote_ts: str
    esp: str = "3des-sha1-modp1024"
    extra: str = ""


@dataclass
class Connection:
    local: str
    remote: str
    secret: str
    ike: str = "3des-md5-modp1024"
    children: dict = field(default_factory=dict)
    extra: str = ""

    def text(self):
        children = "".join(f"""      {name} {{
        mode = tunnel
        local_ts = {child.local_ts}
        remote_ts = {child.remote_ts}
        esp_proposals = {child.esp}
        {child.extra}
      }}
""" for name, child in self.children.items())
        return f"""connections {{
  lab {{
    version = 1
    local_addrs = {self.local}
    remote_addrs = {self.remote}
    proposals = {self.ike}
    {self.extra}
    local {{
      auth = psk
      id = {self.local}
    }}
    remote {{
      auth = psk
      id = {self.remote}
    }}
    children {{
{children}    }}
  }}
}}
secrets {{
  ike-1 {{
    secret = "{self.secret}"
    id-1 = {self.remote}
  }}
}}
"""


class StrongSwan:
    def __init__(self, ns, folder):
        self.ns, self.folder = ns, folder
        os.makedirs(folder, exist_ok=True)
        self.vici = f"unix://{folder}/vici"
        self.log_path = f"{folder}/charon.log"
        self.process = None
        with open(f"{folder}/strongswan.conf", "w", encoding="ascii") as f:
            f.write(self._settings())

    def _settings(self):
        # One log line is one write: what was read is whole. ike and chd at 4 print every key.
        # The mark keeps charon's own datagrams out of the routes into its TUN device.
        return f"""charon-systemd {{
  load = {PLUGINS}
  retransmit_timeout = 2
  filelog {{
    lab {{
      path = {self.log_path}
      append = yes
      flush_line = yes
      ike_name = yes
      default = 1
      ike = 4
      chd = 4
      job = 0
      lib = 0
    }}
  }}
  plugins {{
    vici {{
      socket = {self.vici}
    }}
    kernel-libipsec {{
      load = yes
      allow_peer_ts = yes
    }}
    kernel-netlink {{
      fwmark = !0x42
    }}
    socket-default {{
      fwmark = 0x42
    }}
  }}
}}
"""

    # -- the process --

    def start(self):
        environment = dict(os.environ, STRONGSWAN_CONF=f"{self.folder}/strongswan.conf")
        with open(f"{self.folder}/stdout", "ab") as out:
            self.process = subprocess.Popen(self.ns.argv([CHARON]), env=environment, stdout=out,
                                            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            if os.path.exists(f"{self.folder}/vici"):
                return self
            time.sleep(0.02)
        raise RuntimeError(f"charon does not serve:\n{self.log()[-2000:]}")

    def stop(self):
        """A clean stop: it sends DELETE for what is up."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        self.process.kill()
        self.process.wait()
        os.unlink(f"{self.folder}/vici")

    def running(self):
        return self.process is not None and self.process.poll() is None

    def log(self, start=0):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as f:
                f.seek(start)
                return f.read()
        except FileNotFoundError:
            return ""

    # -- control --

    def swanctl(self, *args, timeout=30):
        done = subprocess.run([SWANCTL, *args, "--uri", self.vici], timeout=timeout,
                              capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def load(self, connection):
        """CONNECTION is all there is from now on; SAs that are up stay."""
        path = f"{self.folder}/swanctl.conf"
        with open(path, "w", encoding="ascii") as f:
            f.write(connection.text())
        answer = self.swanctl("--load-all", "--file", path)
        assert "loaded connection 'lab'" in answer, answer

    def load_nothing(self):
        path = f"{self.folder}/swanctl.conf"
        with open(path, "w", encoding="ascii"):
            pass
        self.swanctl("--load-all", "--file", path)

    def initiate(self, child="net", seconds=8):
        """True when the child came up."""
        said = self.swanctl("--initiate", "--child", child, "--timeout", str(seconds))
        return "initiate completed successfully" in said

    def sas(self):
        """What is up, as `swanctl --list-sas` prints it."""
        return self.swanctl("--list-sas")

    def established(self):
        """Numbers of IKE_SAs and of CHILD_SAs that are up."""
        sas = self.sas()
        return sas.count("ESTABLISHED, IKEv1"), len(re.findall(r"INSTALLED, T", sas))

    def children(self):
        """The names of the CHILD_SAs that are up."""
        return re.findall(r"^  (\S+): #\d+, reqid \d+, INSTALLED", self.sas(), re.M)

    def terminate(self, child=None):
        """Ends CHILD, or everything, and tells the peer so."""
        if child:
            return self.swanctl("--terminate", "--child", child, "--timeout", "5")
        return self.swanctl("--terminate", "--ike", "lab", "--force", "--timeout", "5")

    def rekey(self, what, name):
        """WHAT: "child" or "ike"."""
        return self.swanctl("--rekey", f"--{what}", name)

    # -- keys, out of its log --

    def keys(self, start=0):
        """Of every IKE_SA the encryption key by initiator cookie (hex); every CHILD_SA's SAs."""
        return keys_of_log(self.log(start))


def keys_of_log(text):
    ike, sas, sessions = {}, [], {}
    for session, label, value in _dumps(text):
        about = sessions.setdefault(session, {})
        about[label] = value
        if label in ("HASH_I data", "HASH_R data"):
            ike[_cookie_of(about, label)] = about["encryption key Ka"]
        elif label == "SPI":
            sas.append(_sa_of(about, *value))
    return ike, sas


def _dumps(text):
    """What the log says about keys, in order: session, label, value. Values are the bytes of hex
    dumps, names of algorithms, and (SPI, source, destination)."""
    open_dumps = {}
    for line in text.splitlines():
        m = _LINE.match(line)
        if not m:
            continue
        session, rest = m.groups()
        if session in open_dumps and (dump := _DUMP.match(rest)):
            open_dumps[session][1] += bytes.fromhex(dump.group(1))
            continue
        if session in open_dumps:
            yield session, *open_dumps.pop(session)
        if m := re.match(r"(.*) => \d+ bytes @", rest):
            open_dumps[session] = [m.group(1), b""]
        elif m := re.match(r" +using (\S+) for (encryption|integrity)", rest):
            yield session, m.group(2), m.group(1)
        elif m := re.match(r" +SPI 0x([0-9a-f]+), src (\S+) dst (\S+)", rest):
            yield session, "SPI", (int(m.group(1), 16), m.group(2), m.group(3))


def _cookie_of(about, label):
    """RFC 2409 5: HASH_I and HASH_R cover both public values, then both cookies, own first."""
    at = 2 * len(about["shared Diffie Hellman secret"]) + (0 if label == "HASH_I data" else 8)
    return about[label][at:at + 8].hex()


def _sa_of(about, spi, src, dst):
    """RFC 2409 5.5: protocol and SPI in the seed tell whose keys these are."""
    name = b"\x03" + spi.to_bytes(4, "big")
    side = "initiator" if name in about["initiator SA seed"] else "responder"
    assert name in about[f"{side} SA seed"], f"no keys for SPI {spi:#x}"
    enc_key = about[f"encryption {side} key"]
    return SaKeys("esp", spi, src, dst, CIPHER_OF[about["encryption"], len(enc_key)], enc_key,
                  AUTH_OF[about["integrity"]], about[f"integrity {side} key"])


class Wire(Recorder):
    """Records the uplink; `judge` has the witness read all of it."""

    def __init__(self, lab):
        super().__init__(lab.w, "r1u1")
        self.swan, self.log_start = lab.swan, len(lab.swan.log())

    def judge(self):
        # Not what comes from B: strongSwan receives a moment before its route into the tunnel is
        # there, and what B answers in that moment leaves in clear.
        clear = [p for p in self.between(t.A, t.B, t.A2, t.B2) if p.src in (t.A, t.A2)]
        assert clear == [], "clear packets"
        assert self.ipsec() == [], "ESP beside UDP"
        return ike_witness.conversation(self.packets, *self.swan.keys(self.log_start))


class SwanLab(Lab):
    """The lab with strongSwan at R2 instead of our second gateway."""

    def __init__(self, run, daemon_args=()):
        # Every last-error is in the log at debug, however often a test complains.
        super().__init__(run, ("--log-level", "debug", *daemon_args))
        # What is one datagram to IPsec shall be one on the wire, where the witness looks.
        self.r1.run("ethtool", "-K", "wan", "tx-udp-segmentation", "off")
        self.swan = StrongSwan(self.r2, f"{self.run.folder}/{self.r2.name}-swan")

    @property
    def gateways(self):
        return (self.g1,)

    def start(self):
        self.swan.start()
        return super().start()

    def reset(self):
        super().reset()
        if not self.swan.running():
            self.swan.start()
        if "lab: #" in self.swan.sas():
            self.swan.terminate()

    def close(self):
        if self.swan.running():
            self.swan.kill()
        super().close()

    def logs(self):
        lines = [line for line in self.swan.log().splitlines()
                 if not re.search(r"\] (<[^>]*> )? *\d+: |=> \d+ bytes| task|^\d+\[NET", line)]
        return super().logs() + [("strongSwan", "\n".join(lines))]

    # -- both ends' configuration: what is not named agrees --

    def configure(self, ike=("3des", "md5", "modp1024"), esp=("3des", "sha1"), pfs="modp1024",
                  peer="", policy="", proposal="", extra="", child_extra=""):
        """Ours for NET_A <-> NET_B; PEER, POLICY, PROPOSAL: more of our properties; EXTRA,
        CHILD_EXTRA: more of strongSwan's."""
        self.theirs("-".join([words(ike[0]), *ike[1:]]),
                    "-".join([words(esp[0]), esp[1], *([pfs] if pfs != "none" else [])]),
                    extra=extra, child_extra=child_extra)
        self.ours(f"enc-algorithm={ike[0]} hash-algorithm={ike[1]} dh-group={ike[2]} {peer}",
                  f"enc-algorithms={esp[0]} auth-algorithms={esp[1]} pfs-group={pfs} {proposal}",
                  policy)

    def ours(self, peer="", proposal="", policy="", nets=(t.NET_A, t.NET_B), secret=SECRET,
             address=t.R2, natt=NATT):
        self.g1.console(
            *([f"/ip ipsec proposal set default {proposal}"] if proposal else []),
            f"/ip ipsec policy add src-address={nets[0]} dst-address={nets[1]} tunnel=yes "
            f"sa-src-address={t.R1} sa-dst-address={t.R2} {policy}",
            f'/ip ipsec peer add address={address} secret="{secret}" {natt} {peer}')

    def theirs(self, ike="3des-md5-modp1024", esp="3des-sha1-modp1024", nets=(t.NET_B, t.NET_A),
               secret=SECRET, extra="", child_extra=""):
        self.swan.load(Connection(t.R2, t.R1, secret, ike,
                                  {"net": Child(*nets, esp, child_extra)}, extra))

    def theirs_many(self, children):
        """CHILDREN: its and our networks by name."""
        self.swan.load(Connection(t.R2, t.R1, SECRET,
                                  children={name: Child(*nets) for name, nets in children.items()}))

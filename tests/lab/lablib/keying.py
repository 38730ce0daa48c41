"""Manual keys: as console commands for both ends, and as the witness needs them.

Keys are fixed bytes that differ per direction and transform, so that a key used for the wrong
direction or the wrong transform shows."""

import hashlib
import itertools
from dataclasses import dataclass, field

CIPHERS = {"null": 0, "des": 8, "3des": 24, "aes-128": 16, "aes-192": 24, "aes-256": 32}
AUTHS = {"null": 0, "md5": 16, "sha1": 20}
PRINTED_CIPHER = {"null": "none", "des": "des", "3des": "3des", "aes-128": "aes",
                  "aes-192": "aes", "aes-256": "aes"}
PRINTED_AUTH = {"null": "none", "md5": "md5", "sha1": "sha1"}


def key(label, length):
    return hashlib.shake_256(b"sallyport lab " + label.encode()).digest(length)


@dataclass
class SaKeys:
    """One SA as the witness sees it."""
    proto: str                # "esp" or "ah"
    spi: int
    src: str
    dst: str
    enc: str = "null"
    enc_key: bytes = b""
    auth: str = "null"
    auth_key: bytes = b""
    tunnel: bool = True


def installed_keys(gateway, tunnel=True):
    """Every installed SA as the witness needs it: `installed-sa print` shows enough to open the
    packets."""
    result = []
    for sa in gateway.installed_sas():
        enc_key, auth_key = (bytes.fromhex(sa.get(k, "")) for k in ("enc-key", "auth-key"))
        enc, auth = (sa[k].replace("none", "null") for k in ("enc-algorithm", "auth-algorithm"))
        result.append(SaKeys("ah" if "A" in sa["flags"] else "esp", int(sa["spi"], 16),
                             sa["src-address"], sa["dst-address"],
                             f"aes-{8 * len(enc_key)}" if enc == "aes" else enc, enc_key, auth,
                             auth_key, tunnel))
    return result


@dataclass
class Keying:
    """What one manual-sa pair protects with. SPI_A_TO_B is R1's outgoing one."""
    protocols: tuple = ("esp",)
    enc: str = "aes-128"
    auth: str = "sha1"
    ah: str = "sha1"
    tunnel: bool = True
    name: str = "lab-sa"
    a_to_b: int = 0x1001
    b_to_a: int = 0x1002
    ah_spi_offset: int = 0x1000
    label: str = ""
    _keys: dict = field(default_factory=dict)

    def __str__(self):
        parts = [f"esp {self.enc}/{self.auth}" if "esp" in self.protocols else "",
                 f"ah {self.ah}" if "ah" in self.protocols else ""]
        return " + ".join(p for p in parts if p) + (" tunnel" if self.tunnel else " transport")

    def _key(self, what, direction, length):
        return key(f"{self.label} {what} {direction}", length)

    def keys_of(self, direction):
        """DIRECTION: "a-b" or "b-a"; ESP key, ESP authentication key, AH key."""
        return (self._key("enc " + self.enc, direction, CIPHERS[self.enc]),
                self._key("auth " + self.auth, direction, AUTHS[self.auth]),
                self._key("ah " + self.ah, direction, AUTHS[self.ah]))

    def manual_sa(self, side, verb="add"):
        """The command for R1 (side 1) or R2 (side 2)."""
        into, out = ("b-a", "a-b") if side == 1 else ("a-b", "b-a")
        spi = {"a-b": self.a_to_b, "b-a": self.b_to_a}
        enc_in, auth_in, ah_in = (k.hex() for k in self.keys_of(into))
        enc_out, auth_out, ah_out = (k.hex() for k in self.keys_of(out))
        words = [f"/ip ipsec manual-sa {verb}",
                 f"name={self.name}" if verb == "add" else self.name]
        if "esp" in self.protocols:
            words += [f"esp-spi=0x{spi[into]:x}/0x{spi[out]:x}",
                      f"esp-enc-algorithm={self.enc}", f"esp-auth-algorithm={self.auth}"]
            if enc_in:
                words.append(f"esp-enc-key={enc_in}/{enc_out}")
            if auth_in:
                words.append(f"esp-auth-key={auth_in}/{auth_out}")
        if "ah" in self.protocols:
            offset = self.ah_spi_offset
            words += [f"ah-spi=0x{spi[into] + offset:x}/0x{spi[out] + offset:x}",
                      f"ah-algorithm={self.ah}", f"ah-key={ah_in}/{ah_out}"]
        return " ".join(words)

    def policy(self, side, ends, nets=None, **more):
        """ENDS: outer addresses (R1, R2). NETS: selectors (A's, B's); the ends' when None."""
        here, there = ends if side == 1 else ends[::-1]
        words = ["/ip ipsec policy add", "action=encrypt",
                 f"ipsec-protocols={','.join(self.protocols)}",
                 f"tunnel={'yes' if self.tunnel else 'no'}", f"sa-src-address={here}",
                 f"sa-dst-address={there}", f"manual-sa={self.name}"]
        if nets:
            near, far = nets if side == 1 else nets[::-1]
            words += [f"src-address={near}", f"dst-address={far}"]
        words += [f"{k.replace('_', '-')}={v}" for k, v in more.items()]
        return " ".join(words)

    def sas(self, ends):
        """What the witness must know: both directions, every transform."""
        result = []
        for direction, src, dst, spi in (("a-b", *ends, self.a_to_b),
                                         ("b-a", *ends[::-1], self.b_to_a)):
            enc_key, auth_key, ah_key = self.keys_of(direction)
            if "esp" in self.protocols:
                result.append(SaKeys("esp", spi, src, dst, self.enc, enc_key, self.auth, auth_key,
                                     self.tunnel))
            if "ah" in self.protocols:
                result.append(SaKeys("ah", spi + self.ah_spi_offset, src, dst, auth=self.ah,
                                     auth_key=ah_key, tunnel=self.tunnel))
        return result


def all_keyings():
    """Every cipher x authentication x mode that means something, AH, and ESP inside AH. ESP with
    neither cipher nor authentication protects nothing and is refused."""
    for tunnel in (True, False):
        for enc, auth in itertools.product(CIPHERS, AUTHS):
            if (enc, auth) != ("null", "null"):
                yield Keying(("esp",), enc, auth, tunnel=tunnel)
        for ah in ("md5", "sha1"):
            yield Keying(("ah",), ah=ah, tunnel=tunnel)
            for enc, auth in itertools.product(CIPHERS, AUTHS):
                if (enc, auth) != ("null", "null"):
                    yield Keying(("ah", "esp"), enc, auth, ah, tunnel)


def pairwise(keyings):
    """The fewest (greedily) of KEYINGS in which every pair of settings that occurs still does."""
    def settings(k):
        found = [("protocols", k.protocols), ("tunnel", k.tunnel)]
        if "esp" in k.protocols:
            found += [("enc", k.enc), ("auth", k.auth)]
        if "ah" in k.protocols:
            found.append(("ah", k.ah))
        return found

    return cover(keyings, settings)


def cover(rows, settings_of):
    """The fewest (greedily) of ROWS in which every pair of settings that occurs in them still
    does. SETTINGS_OF a row: its (name, value) pairs."""
    rows = list(rows)
    pairs = [set(itertools.combinations(settings_of(row), 2)) for row in rows]
    wanted = set().union(*pairs)
    chosen = []
    while wanted:
        best = max(range(len(rows)), key=lambda i: len(pairs[i] & wanted))
        chosen.append(rows[best])
        wanted -= pairs[best]
    return chosen


def set_up(lab, keying, ends, nets=None, **more):
    """Both gateways protect between NETS with KEYING."""
    for side, g in ((1, lab.g1), (2, lab.g2)):
        g.console(keying.manual_sa(side), keying.policy(side, ends, nets, **more))
    return keying

"""IKE with a peer of another make: both phases, both roles, several suites."""

import time

import pytest
from lablib import topology as t
from lablib.capture import Recorder
from lablib.strongswan import StrongSwan, installed
from lablib.traffic import ping, udp_crosses

SECRET = "gvejimezyfopmekun"

pytestmark = pytest.mark.skipif(not installed(), reason="strongSwan is not installed")

SUITES = [("3des", "md5", "modp1024", "3des", "sha1"),
          ("des", "md5", "modp768", "des", "md5"),
          ("aes-128", "sha1", "modp1536", "aes-128", "sha1"),
          ("aes-256", "sha1", "modp1024", "aes-256", "md5")]


@pytest.fixture
def peer(lab):
    lab.reset()
    lab.g2.stop()
    swan = StrongSwan(lab.r2, f"{lab.run.folder}/strongswan-{time.monotonic_ns()}")
    yield swan
    swan.close()
    lab.g1.console("/ip ipsec peer remove [find]", "/ip ipsec proposal set default "
                   "enc-algorithms=3des auth-algorithms=sha1")
    lab.g2.start()


def words(name):
    return name.replace("aes-", "aes")


def configure(lab, peer, suite, secret=SECRET, extra=""):
    enc, hash_, group, esp_enc, esp_auth = suite
    peer.connection(t.R2, t.R1, t.NET_B, t.NET_A, f"{words(enc)}-{hash_}-{group}",
                    f"{words(esp_enc)}-{esp_auth}-modp1024", secret)
    lab.g1.console(
        f"/ip ipsec proposal set default enc-algorithms={esp_enc} auth-algorithms={esp_auth}",
        f"/ip ipsec policy add src-address={t.NET_A} dst-address={t.NET_B} tunnel=yes "
        f"sa-src-address={t.R1} sa-dst-address={t.R2}",
        f'/ip ipsec peer add address={t.R2} secret="{SECRET}" enc-algorithm={enc} '
        f"hash-algorithm={hash_} dh-group={group} {extra}")


class Log:
    """What the gateway has said since."""

    def __init__(self, gateway):
        self.gateway, self.start = gateway, len(gateway.log())

    def says(self, text):
        return text in self.gateway.log()[self.start:]


def until(condition, seconds=8):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("suite", SUITES, ids=["/".join(s) for s in SUITES])
def test_we_initiate(lab, peer, suite):
    log = Log(lab.g1)
    configure(lab, peer, suite)
    ping(lab.a, t.A, t.B)
    assert until(lambda: "ESTABLISHED" in peer.swanctl("--list-sas")), lab.g1.log()
    assert until(lambda: log.says("IPsec-SA established")), lab.g1.log()


@pytest.mark.parametrize("suite", SUITES, ids=["/".join(s) for s in SUITES])
def test_it_initiates(lab, peer, suite):
    log = Log(lab.g1)
    configure(lab, peer, suite)
    said = peer.swanctl("--initiate", "--child", "net", "--timeout", "8")
    assert "selected proposal: ESP:" in said, said + lab.g1.log()
    assert log.says("respond new phase 1") and log.says("ISAKMP-SA established")


def test_traffic_both_ways_in_udp(lab, peer):
    """Its userspace ESP says that there is a NAT, so both move to port 4500."""
    configure(lab, peer, SUITES[2], extra="nat-traversal=yes")
    with Recorder(lab.w, "r1u1") as wire:
        assert until(lambda: ping(lab.a, t.A, t.B)), lab.g1.log()
        assert ping(lab.b, t.B, t.A)
        assert udp_crosses(lab.a, t.A, lab.b, t.B, 1400)
        assert udp_crosses(lab.b, t.B, lab.a, t.A, 3000, port=7002)
    assert wire.between(t.A, t.B) == [], "clear packets"
    assert wire.ipsec() == [], "ESP beside UDP"
    assert len([p for p in wire.between(t.R1, t.R2) if p.payload[:4] == b"\x11\x94\x11\x94"
                and p.payload[8:12] != b"\0\0\0\0"]) >= 8


def test_wrong_secret_never_comes_up(lab, peer):
    log = Log(lab.g1)
    configure(lab, peer, SUITES[0], secret="another")
    ping(lab.a, t.A, t.B)
    assert not until(lambda: "ESTABLISHED" in peer.swanctl("--list-sas"), seconds=3)
    assert log.says("initiate new phase 1") and not log.says("ISAKMP-SA established")

"""IKE and ESP with a peer of another make: every suite both have, whoever starts. tshark decrypts
every message and every packet with keys out of strongSwan's log; nothing of ours is believed."""

import itertools

import pytest
from lablib import ike_witness, printout
from lablib import topology as t
from lablib.keying import PRINTED_CIPHER, cover
from lablib.strongswan import Wire, until
from lablib.traffic import ping, tcp_transfer, udp_crosses

SUITES = list(itertools.product(("des", "3des", "aes-128", "aes-256"), ("md5", "sha1"),
                                ("modp768", "modp1024", "modp1536"), ("none", "modp1024")))
PAIRWISE = cover(SUITES, lambda suite: list(zip(("enc", "hash", "group", "pfs"), suite)))
ITS_NAME = {"des": "DES_CBC", "3des": "3DES_CBC", "aes-128": "AES_CBC-128",
            "aes-256": "AES_CBC-256", "md5": "HMAC_MD5_96", "sha1": "HMAC_SHA1_96",
            "modp768": "MODP_768", "modp1024": "MODP_1024", "modp1536": "MODP_1536"}


@pytest.fixture
def lab(swan_lab):
    return swan_lab


def suites():
    for suite in SUITES:
        marks = () if suite in PAIRWISE else (pytest.mark.full,)
        yield pytest.param(suite, id="-".join(suite), marks=marks)


def bring_up(lab, who):
    if who == "we start":
        assert until(lambda: ping(lab.a, t.A, t.B, wait=0.5)), "no traffic"
    else:
        assert lab.swan.initiate(), "it did not come up"


def traffic_crosses(lab):
    assert ping(lab.a, t.A, t.B) and ping(lab.b, t.B, t.A)
    assert udp_crosses(lab.a, t.A, lab.b, t.B, 1300)
    assert udp_crosses(lab.b, t.B, lab.a, t.A, 3000, port=7002)


def spis(lab):
    return {int(sa["spi"], 16) for sa in lab.g1.installed_sas()}


@pytest.mark.parametrize("who", ["we start", "it starts"])
@pytest.mark.parametrize("suite", suites())
def test_suite(lab, suite, who):
    enc, hash_, group, pfs = suite
    with Wire(lab) as wire:
        lab.configure(ike=(enc, hash_, group), esp=(enc, hash_), pfs=pfs)
        bring_up(lab, who)
        traffic_crosses(lab)
        ours, theirs = lab.g1.installed_sas(), lab.swan.sas()
        peers = lab.g1.console("/ip ipsec remote-peers print")
    assert f"{ITS_NAME[enc]}/{ITS_NAME[hash_]}/PRF_HMAC_{hash_.upper()}/{ITS_NAME[group]}" in theirs
    with_pfs = "" if pfs == "none" else "/" + ITS_NAME[pfs]
    assert f"TUNNEL-in-UDP, ESP:{ITS_NAME[enc]}/{ITS_NAME[hash_]}{with_pfs}\n" in theirs
    for sa in ours:
        assert (sa["enc-algorithm"], sa["auth-algorithm"]) == (PRINTED_CIPHER[enc], hash_)
        assert sa["flags"] == ("E" if pfs == "none" else "EP")
    assert f"side={'initiator' if who == 'we start' else 'responder'}" in peers

    talk = wire.judge()
    first, second = (t.R1, t.R2) if who == "we start" else (t.R2, t.R1)
    main = talk.of(ike_witness.MAIN)
    assert [m.src for m in main] == [first, second] * 3
    assert [m.port for m in main] == [500] * 4 + [4500] * 2
    quick = talk.of(ike_witness.QUICK)
    assert [m.src for m in quick] == [first, second, first]
    assert ["KE" in m.payloads for m in quick] == [pfs != "none"] * 2 + [False]
    assert len(talk.notified("INITIAL-CONTACT", t.R1)) == 1
    assert set(talk.esp) == {int(sa["spi"], 16) for sa in ours}
    assert min(talk.esp.values()) >= 5


def test_tcp_in_segments(lab):
    """Superpackets leave as datagrams of their own, every one good."""
    with Wire(lab) as wire:
        lab.configure(ike=("aes-128", "sha1", "modp1024"), esp=("aes-128", "sha1"))
        bring_up(lab, "we start")
        assert tcp_transfer(lab.a, t.A, lab.b, t.B, size=1 << 20)
        assert tcp_transfer(lab.b, t.B, lab.a, t.A, size=1 << 20, port=8081)
    assert min(wire.judge().esp.values()) > 700


def test_two_subnets_of_one_peer(lab):
    """Each policy has its own pair, since strongSwan lets a pair carry its own selectors alone."""
    nets = {"one": (t.NET_A, t.NET_B), "two": (t.NET_A2, t.NET_B2)}
    with Wire(lab) as wire:
        lab.theirs_many({name: (b, a) for name, (a, b) in nets.items()})
        lab.ours(nets=nets["one"])
        lab.g1.console(f"/ip ipsec policy add src-address={t.NET_A2} dst-address={t.NET_B2} "
                       f"tunnel=yes level=require sa-src-address={t.R1} sa-dst-address={t.R2}")
        for source, target in ((t.A, t.B), (t.A2, t.B2)):
            assert until(lambda s=source, d=target: ping(lab.a, s, d, wait=0.5)), target
        for source, target in ((t.B, t.A), (t.B2, t.A2)):
            assert ping(lab.b, source, target)
        assert lab.swan.established() == (1, 2)
        assert sorted(lab.swan.children()) == ["one", "two"]
        assert len(lab.g1.installed_sas()) == 4
    talk = wire.judge()
    assert set(talk.esp) == spis(lab)
    assert min(talk.esp.values()) >= 2
    assert len({m.message_id for m in talk.of(ike_witness.QUICK)}) == 2
    stats = [printout.items(lab.g1.console("/ip ipsec policy print stats"))[n] for n in (0, 1)]
    assert [s["ph2-state"] for s in stats] == ["established"] * 2

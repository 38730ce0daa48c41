"""Bad input end to end: the console's errors leave everything as it was, a damaged store is refused
untouched, malformed packets are dropped and counted by reason."""

import os
import random

import pytest
from lablib import topology as t
from lablib.capture import Injector, Recorder, mac_of
from lablib.gateway import StartError
from lablib.keying import Keying, set_up
from lablib.traffic import udp_crosses
from scapy.layers.inet import IP
from scapy.layers.inet import UDP as ScapyUdp
from scapy.layers.ipsec import AUTH_ALGOS, CRYPT_ALGOS, ESP

ENDS, NETS = (t.R1, t.R2), (t.NET_A, t.NET_B)

ERRORS = [
    ("/ip ipsec policy add src-address=10.1.0.0/33", "invalid value for argument src-address"),
    ("/ip ipsec policy add src-address=10.1.0", "invalid value for argument src-address"),
    ("/ip ipsec policy add level=maybe", "input does not match any value of level"),
    ("/ip ipsec policy add manual-sa=nobody", "input does not match any value of manual-sa"),
    ("/ip ipsec policy add priority=2147483648",
     "value of priority out of range (-2147483648..2147483647)"),
    ("/ip ipsec policy add colour=blue", "expected end of command (line 1 column 22)"),
    ("/ip ipsec policy add zebra=yes", "expected end of command (line 1 column 27)"),
    ("/ip ipsec policy frobnicate", "bad command name frobnicate (line 1 column 18)"),
    ("/ip ipsec nowhere print", "bad command name nowhere (line 1 column 11)"),
    ("/ip ipsec policy remove 7", "no such item"),
    ("/ip ipsec manual-sa add ah-key=ab", "missing value(s) of argument(s) name"),
    ("/ip ipsec manual-sa add name=x esp-enc-algorithm=3des esp-enc-key=0011", "esp-enc-key"),
    ("/ip ipsec manual-sa add name=x esp-spi=0xff", "esp-spi"),
    ("/ip ipsec manual-sa add name=twice", "failure: already have"),
    ("/ip ipsec installed-sa flush sa-type=ipcomp", "input does not match any value of sa-type"),
    ('/ip ipsec policy add comment="unfinished', "syntax error"),
]


@pytest.mark.parametrize("command, text", ERRORS, ids=[c for c, _ in ERRORS])
def test_refused_command_changes_nothing(lab, command, text):
    lab.g1.console("/ip ipsec manual-sa add name=twice ah-key=ab",
                   "/ip ipsec policy add action=none src-address=10.9.0.0/16 "
                   "dst-address=10.8.0.0/16")
    before = lab.g1.console("/ip ipsec policy print", "/ip ipsec manual-sa print")
    assert text in lab.g1.refused(command)
    after = lab.g1.console("/ip ipsec policy print", "/ip ipsec manual-sa print")
    assert after == before


def test_several_properties_are_all_or_nothing(lab):
    lab.g1.console("/ip ipsec policy add action=none src-address=10.9.0.0/16 "
                   "dst-address=10.8.0.0/16 priority=4")
    lab.g1.refused("/ip ipsec policy set 0 priority=5 level=maybe")
    assert lab.g1.policies()[0]["priority"] == "4"


def test_script_stops_at_its_first_error_and_names_the_line(lab, tmp_path):
    script = tmp_path / "bad.rsc"
    script.write_text("/ip ipsec policy\n"
                      "add action=none src-address=10.9.0.0/16 dst-address=10.8.0.0/16\n"
                      "add action=none src-address=10.9.0.0/99\n"
                      "add action=none src-address=10.7.0.0/16 dst-address=10.8.0.0/16\n")
    status, _, err = lab.g1.run_script(script)
    assert status == 1 and "invalid value for argument src-address" in err and "line 3" in err
    assert len(lab.g1.policies()) == 1


# -- the store --

def damage_page(data):
    return data[:2000] + b"\xff" * 3000 + data[5000:]


DAMAGE = [
    ("overwritten header", lambda data: b"not a database, sorry" + data[21:]),
    ("overwritten pages", damage_page),
    ("truncated", lambda data: data[:len(data) // 2]),
    ("empty garbage", lambda data: bytes(random.Random(1).randbytes(4096))),
]


@pytest.mark.parametrize("damage", [d for _, d in DAMAGE], ids=[name for name, _ in DAMAGE])
def test_damaged_store_is_refused_and_left_alone(lab, damage):
    set_up(lab, Keying(), ENDS, NETS)
    lab.g1.stop()
    store = os.path.join(lab.g1.state, "config.db")
    with open(store, "rb") as f:
        good = f.read()
    try:
        with open(store, "r+b") as f:
            f.truncate(0)
            f.write(damage(good))
        with pytest.raises(StartError) as refused:
            lab.g1.start()
        assert store in str(refused.value)
        with open(store, "rb") as f:
            assert f.read() == damage(good), "the damaged file was changed"
    finally:
        with open(store, "r+b") as f:
            f.truncate(0)
            f.write(good)
    lab.g1.start()
    assert len(lab.g1.policies()) == 1
    assert udp_crosses(lab.a, t.A, lab.b, t.B, 10)


# -- malformed packets --

KEYING = Keying()


def esp(body, next_header=4, padding=None, spi=None, seq=1, corrupt=None, cut=None):
    """An ESP packet from R1 to R2 whose trailer, lengths or ICV can be wrong."""
    sa = KEYING.sas(ENDS)[0]
    cipher = CRYPT_ALGOS["AES-CBC"]
    count = -(len(body) + 2) % 16
    padding = bytes(range(1, count + 1)) if padding is None else padding
    plain = body + padding[:255] + bytes([min(len(padding), 255), next_header])
    iv = bytes(range(16))
    encryptor = cipher.new_cipher(sa.enc_key, iv).encryptor()
    data = encryptor.update(plain) + encryptor.finalize()
    packet = ESP(spi=sa.spi if spi is None else spi, seq=seq, data=iv + data)
    raw = bytearray(bytes(AUTH_ALGOS["HMAC-SHA1-96"].sign(packet, sa.auth_key)))
    if corrupt is not None:
        raw[corrupt] ^= 1
    if cut is not None:
        raw = raw[:cut]
    return bytes(IP(src=sa.src, dst=sa.dst, proto=50) / bytes(raw))


def inner(src=t.A, dst=t.B, **fields):
    return bytes(IP(src=src, dst=dst, **fields) / ScapyUdp(sport=4, dport=7001) / b"inner")


MALFORMED = [
    ("shorter than the header", lambda: esp(inner(), cut=6), {"in-short"}),
    ("header only", lambda: esp(inner(), cut=8), {"in-short"}),
    ("ICV cut off", lambda: esp(inner(), cut=8 + 16 + 8), {"in-short", "in-padding-errors"}),
    ("unknown SPI", lambda: esp(inner(), spi=0xdeadbeef), {"in-no-states"}),
    ("SPI zero", lambda: esp(inner(), spi=0), {"in-no-states"}),
    ("ICV wrong", lambda: esp(inner(), corrupt=-1), {"in-state-protocol-errors"}),
    ("ciphertext changed", lambda: esp(inner(), corrupt=40), {"in-state-protocol-errors"}),
    ("sequence changed", lambda: esp(inner(), corrupt=7), {"in-state-protocol-errors"}),
    ("padding bytes wrong", lambda: esp(inner() + bytes(1), padding=bytes(12)),
     {"in-padding-errors"}),
    ("inner version 5", lambda: esp(b"\x55" + inner()[1:]), {"in-header-errors"}),
    ("inner header length 4", lambda: esp(b"\x44" + inner()[1:]), {"in-header-errors"}),
    ("inner longer than it is", lambda: esp(inner(len=900)), {"in-header-errors"}),
    ("next header UDP in a tunnel", lambda: esp(inner(), next_header=17),
     {"in-state-mode-errors"}),
    ("next header 41 around IPv4", lambda: esp(inner(), next_header=41), {"in-header-errors"}),
    ("dummy packet", lambda: esp(inner(), next_header=59), {"in-dummy"}),
    ("inner source of nobody's policy", lambda: esp(inner(src="10.66.0.1")),
     {"in-template-mismatches", "in-no-policies"}),
]


@pytest.mark.parametrize("make, reasons", [m[1:] for m in MALFORMED],
                         ids=[m[0] for m in MALFORMED])
def test_malformed_esp_is_dropped_and_counted(lab, make, reasons):
    set_up(lab, KEYING, ENDS, NETS)
    before = lab.g2.statistics()
    with Recorder(lab.b, "eth0", incoming_only=True) as record, \
            Injector(lab.w, "r2u1", mac_of(lab.r2, "wan")) as third:
        for _ in range(3):
            third.send(make())
    after = lab.g2.statistics()
    changed = {k: after[k] - before[k] for k in after
               if after[k] != before[k] and k.startswith("in-")}
    assert sum(changed.values()) == 3 and set(changed) <= reasons, changed
    assert [p for p in record.packets if p.proto == 17] == []
    assert udp_crosses(lab.a, t.A, lab.b, t.B, 100), "the tunnel suffers"


def test_every_truncation_is_survived(lab):
    set_up(lab, KEYING, ENDS, NETS)
    whole = esp(inner())
    with Injector(lab.w, "r2u1", mac_of(lab.r2, "wan")) as third:
        for length in range(20, len(whole)):
            header = bytearray(bytes(IP(src=t.R1, dst=t.R2, proto=50, len=length)))
            third.send(bytes(header) + whole[20:length])
    assert lab.g2.running()
    assert udp_crosses(lab.a, t.A, lab.b, t.B, 100)


def test_manual_sas_have_no_replay_window(lab):
    """Nobody renews them, so a restarted peer counts from 1 again and must get through."""
    set_up(lab, KEYING, ENDS, NETS)
    with Recorder(lab.w, "r1u1", incoming_only=True) as record:
        assert udp_crosses(lab.a, t.A, lab.b, t.B, 100)
    packet = record.ipsec(src=t.R1)[0].ip
    before = lab.g2.policy_stats()[0]["decrypted"]
    with Injector(lab.w, "r2u1", mac_of(lab.r2, "wan")) as third:
        third.send(packet)
    udp_crosses(lab.a, t.A, lab.b, t.B, 100)
    assert lab.g2.policy_stats()[0]["decrypted"] == before + 2
    assert lab.g2.installed_sas()[0]["replay"] == "0"

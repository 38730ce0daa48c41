"""The witness of whole conversations, held to one that two strongSwans had (des-md5-modp768, then
3des-md5 with modp1024 in UDP; recorded/two-strongswans.*, the log reduced to what tells keys): it
accepts that one and refuses damaged copies."""

import os

import pytest
from lablib.capture import Packet
from lablib.ike_witness import INFORMATIONAL, MAIN, QUICK, conversation
from lablib.strongswan import keys_of_log
from lablib.witness import Rejected

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recorded")
IP_UDP = 20 + 8
MARKER = 4
ISAKMP = 28

pytestmark = pytest.mark.no_daemon


def recorded():
    with open(f"{FOLDER}/two-strongswans.hex", encoding="ascii") as f:
        return [bytes.fromhex(line) for line in f]


def keys():
    with open(f"{FOLDER}/two-strongswans.log", encoding="ascii") as f:
        return keys_of_log(f.read())


def frames(ips):
    return [Packet(1.0 + n / 100, bytes(12) + b"\x08\x00" + ip) for n, ip in enumerate(ips)]


def test_accepted_as_it_was():
    talk = conversation(frames(recorded()), *keys())
    assert [m.text for m in talk.of(MAIN)] == [
        "SA VID VID VID VID VID", "SA VID VID VID VID", "KE NONCE NAT-D NAT-D",
        "KE NONCE NAT-D NAT-D", "ID HASH N", "ID HASH"]
    assert [m.text for m in talk.of(QUICK)] == ["HASH SA NONCE KE ID ID"] * 2 + ["HASH"]
    assert talk.of(INFORMATIONAL) == []
    assert [m.port for m in talk.messages] == [500] * 4 + [4500] * 5
    assert talk.notified("INITIAL-CONTACT") == [talk.messages[4]]
    assert talk.esp == {0x5a1c5ee1: 2, 0xcb269a1d: 2}


def test_a_message_sent_again_is_no_fault():
    packets = recorded()
    talk = conversation(frames(packets[:3] + packets[2:]), *keys())
    assert len(talk.messages) == 10 and len(talk.of(MAIN)) == 6


@pytest.mark.parametrize("number, where", [(4, IP_UDP + MARKER + ISAKMP),
                                           (6, IP_UDP + MARKER + ISAKMP), (9, -1)],
                         ids=["main mode 5", "quick mode 1", "ESP"])
def test_damage_is_refused(number, where):
    packets = recorded()
    damaged = bytearray(packets[number])
    damaged[where] ^= 0x5A
    packets[number] = bytes(damaged)
    with pytest.raises(Rejected):
        conversation(frames(packets), *keys())


def test_a_missing_message_is_refused():
    packets = recorded()
    del packets[7]
    with pytest.raises(Rejected):
        conversation(frames(packets), *keys())


def test_unknown_and_wrong_keys_are_refused():
    ike, sas = keys()
    for other_ike, other_sas in (({}, sas), (ike, sas[:1])):
        with pytest.raises(Rejected):
            conversation(frames(recorded()), other_ike, other_sas)

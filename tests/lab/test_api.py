"""The API as other programs use it: librouteros, a RouterOS client that knows nothing of us."""

import socket

import pytest
from librouteros.api import Api
from librouteros.connections import SocketTransport
from librouteros.exceptions import TrapError
from librouteros.protocol import ApiProtocol
from librouteros.query import Key


@pytest.fixture
def api(lab):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(5)
    s.connect(lab.g1.socket)
    client = Api(ApiProtocol(transport=SocketTransport(sock=s), encoding="UTF-8"))
    yield client
    s.close()


def test_policies_are_added_read_changed_and_removed(lab, api):
    policies = api.path("ip", "ipsec", "policy")
    first = policies.add(action="none", **{"src-address": "10.9.0.0/16",
                                           "dst-address": "10.8.0.0/16"})
    policies.add(action="discard", comment="second",
                 **{"src-address": "10.7.0.0/16", "dst-address": "10.8.0.0/16"})
    rows = list(policies)
    assert [r["action"] for r in rows] == ["none", "discard"]
    assert rows[0][".id"] == first and rows[0]["src-address"] == "10.9.0.0/16:any"
    assert rows[0]["disabled"] is False
    policies.update(**{".id": first, "priority": 7})
    query = policies.select(Key("priority"), Key("src-address")).where(Key("priority") == 7)
    assert list(query) == [{"priority": 7, "src-address": "10.9.0.0/16:any"}]
    assert lab.g1.policies()[0]["priority"] == "7"
    policies.remove(first)
    assert [r["comment"] for r in policies] == ["second"]


def test_errors_are_traps(api):
    with pytest.raises(TrapError) as trap:
        api.path("ip", "ipsec", "policy").add(level="maybe")
    assert "input does not match any value of level" in str(trap.value)
    assert list(api.path("ip", "ipsec", "policy")) == []


def test_keys_can_be_read_back(lab, api):
    lab.g1.console("/ip ipsec manual-sa add name=m esp-auth-algorithm=md5 "
                   "esp-auth-key=00112233445566778899aabbccddeeff")
    rows = list(api.path("ip", "ipsec", "manual-sa"))
    assert rows[0]["esp-auth-key"].startswith("00112233445566778899aabbccddeeff")

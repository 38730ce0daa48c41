"""Two ends that do not agree, strongSwan being the other one: whoever starts, our side says on the
item concerned and in one line of the log which peer it was, what we wanted and what was offered."""

import pytest
from lablib import topology as t
from lablib.strongswan import SECRET, Log, until
from lablib.traffic import ping

OURS = "3des md5 modp1024, pre-shared-key, lifetime 1d"
NET_27, NET_28 = "10.1.0.0/27", "10.1.0.0/28"


@pytest.fixture
def lab(swan_lab):
    return swan_lab


def start(lab, who):
    if who == "we start":
        ping(lab.a, t.A, t.B, wait=0.2)
    else:
        assert not lab.swan.initiate(seconds=2), "it came up"


def told(lab, menu):
    return lab.g1.console(f":put [/ip ipsec {menu} get 0 last-error]").strip()


def assert_told(lab, log, menu, *words):
    """Soon MENU's last-error says WORDS and the peer's address; the log has the same line."""
    until(lambda: all(word in told(lab, menu) for word in words), seconds=20)
    text = told(lab, menu)
    for word in (*words, t.R2):
        assert word in text, f"{menu} last-error: {text}"
    assert text in log.text(), f"the log does not say: {text}"
    assert "\n" not in text


both = pytest.mark.parametrize("who", ["we start", "it starts"])


@both
def test_wrong_secret(lab, who):
    log = Log(lab.g1)
    lab.theirs(secret="another")
    lab.ours()
    start(lab, who)
    if who == "we start":
        # it answers our identity with a notify under its own keys
        assert_told(lab, log, "peer", "our identity", "it has another secret")
        assert_told(lab, log, "policy", "our identity", "it has another secret")
    else:
        assert_told(lab, log, "peer", "cannot be decrypted", "probably has another secret")
    assert "ISAKMP-SA established" not in log.text()
    assert SECRET not in log.text()


@both
def test_wrong_phase_1_proposal(lab, who):
    log = Log(lab.g1)
    lab.theirs(ike="aes128-sha1-modp1536")
    lab.ours()
    start(lab, who)
    if who == "we start":
        assert_told(lab, log, "peer", "NO-PROPOSAL-CHOSEN", OURS)
        assert_told(lab, log, "policy", "NO-PROPOSAL-CHOSEN", OURS)
    else:
        assert_told(lab, log, "peer", "encryption: peer offers aes-128, we want 3des",
                    "hash: peer offers sha1, we want md5",
                    "dh-group: peer offers modp1536, we want modp1024")


@both
def test_wrong_phase_2_proposal(lab, who):
    log = Log(lab.g1)
    lab.theirs(esp="aes128-md5-modp1024")
    lab.ours()
    start(lab, who)
    for menu in ("peer", "policy"):
        if who == "we start":
            assert_told(lab, log, menu, "peer refuses phase 2: NO-PROPOSAL-CHOSEN",
                        "3des, sha1, pfs-group modp1024, lifetime 30m")
        else:
            assert_told(lab, log, menu, "encryption: peer offers aes-128, we want 3des",
                        "authentication: peer offers md5, we want sha1")


@both
@pytest.mark.parametrize("ours, theirs", [("modp1024", ""), ("none", "-modp1024")])
def test_pfs_differs(lab, who, ours, theirs):
    """Only proposal-check=exact minds a peer that does more than we want (the reference's obey and
    strict follow it); with its own groups strongSwan as responder is always exact."""
    log = Log(lab.g1)
    lab.theirs(esp="3des-sha1" + theirs)
    check = "strict" if ours != "none" else "exact"
    lab.ours(peer=f"proposal-check={check} lifetime=4h24m",
             proposal=f"pfs-group={ours} lifetime=1h6m")
    start(lab, who)
    offered = theirs[1:] or "none"
    if who == "we start":
        assert_told(lab, log, "policy", "NO-PROPOSAL-CHOSEN", f"pfs-group {ours}")
    else:
        assert_told(lab, log, "policy", f"pfs-group: peer offers {offered}", f"we want {ours}")


@both
def test_27_against_28(lab, who):
    """The reference's own example of selectors that do not match."""
    log = Log(lab.g1)
    lab.theirs(nets=(t.NET_B, NET_28))
    lab.ours(nets=(NET_27, t.NET_B))
    start(lab, who)
    if who == "we start":
        # strongSwan narrows what it is asked for to what it has; to take that would be to leave
        # half of our network out without a word
        assert_told(lab, log, "policy", f"we asked for {NET_27} <-> {t.NET_B}",
                    f"the peer answers for {NET_28} <-> {t.NET_B}")
    else:
        assert_told(lab, log, "policy", f"peer wants {NET_28} <-> {t.NET_B}",
                    f"nearest: {NET_27} <-> {t.NET_B}")


def test_28_against_27_when_it_starts(lab):
    log = Log(lab.g1)
    lab.theirs(nets=(t.NET_B, NET_27))
    lab.ours(nets=(NET_28, t.NET_B))
    start(lab, "it starts")
    assert_told(lab, log, "policy", f"peer wants {NET_27} <-> {t.NET_B}",
                f"nearest: {NET_28} <-> {t.NET_B}")


@both
def test_networks_of_another_tunnel(lab, who):
    log = Log(lab.g1)
    lab.theirs(nets=("10.77.0.0/16", "10.88.0.0/16"))
    lab.ours()
    start(lab, who)
    if who == "we start":
        assert_told(lab, log, "policy", "INVALID-ID-INFORMATION",
                    f"it has no policy for {t.NET_B} <-> {t.NET_A}")
    else:
        assert_told(lab, log, "policy", "peer wants 10.88.0.0/16 <-> 10.77.0.0/16",
                    f"nearest: {t.NET_A} <-> {t.NET_B}")


@both
def test_peer_we_have_no_entry_for(lab, who):
    log = Log(lab.g1)
    lab.theirs()
    lab.ours(address="9.9.9.9")
    start(lab, who)
    assert_told(lab, log, "policy", "no peer entry matches")


def test_we_are_unknown_to_it(lab):
    """strongSwan says NO-PROPOSAL-CHOSEN for that, too: the text must not send people the wrong
    way."""
    log = Log(lab.g1)
    lab.ours()
    lab.swan.load_nothing()
    start(lab, "we start")
    assert_told(lab, log, "peer", "NO-PROPOSAL-CHOSEN", "has no entry for us")


def test_longer_phase_1_lifetime_under_strict(lab):
    log = Log(lab.g1)
    lab.theirs()
    lab.ours(peer="proposal-check=strict lifetime=1h")
    start(lab, "it starts")
    assert_told(lab, log, "peer", "lifetime: peer offers 4h24m, we want at most 1h",
                "proposal-check=strict")


def test_longer_phase_2_lifetime_under_strict(lab):
    log = Log(lab.g1)
    lab.theirs()
    lab.ours(peer="proposal-check=strict", proposal="lifetime=10m")
    start(lab, "it starts")
    for menu in ("peer", "policy"):
        assert_told(lab, log, menu, "lifetime: peer offers 1h6m, we want at most 10m",
                    "proposal-check=strict")


@both
def test_esp_it_cannot_use(lab, who):
    """Userspace ESP takes UDP alone. As responder strongSwan finds out after message 3 and sends a
    DELETE that names our half; as initiator it sends NO-PROPOSAL-CHOSEN after message 2."""
    log = Log(lab.g1)
    lab.theirs()
    lab.ours(natt="nat-traversal=no")
    start(lab, who)
    if who == "we start":
        assert_told(lab, log, "policy", "peer deleted the IPsec-SA right after agreeing to it",
                    "esp tunnel, 3des, sha1")
    else:
        assert_told(lab, log, "policy", "peer refuses phase 2: NO-PROPOSAL-CHOSEN",
                    "esp tunnel, 3des, sha1")
    assert until(lambda: lab.g1.console("/ip ipsec installed-sa print count-only").strip() == "0")


def test_correction_clears_last_error(lab):
    lab.theirs(ike="aes128-sha1-modp1536")
    lab.ours()
    start(lab, "we start")
    assert until(lambda: "NO-PROPOSAL-CHOSEN" in told(lab, "peer"))
    lab.g1.console("/ip ipsec peer set 0 enc-algorithm=aes-128 hash-algorithm=sha1 "
                   "dh-group=modp1536")

    def cleared():
        ping(lab.a, t.A, t.B, wait=0.2)
        return told(lab, "peer") == "" and told(lab, "policy") == ""
    assert until(cleared, seconds=30), told(lab, "peer")

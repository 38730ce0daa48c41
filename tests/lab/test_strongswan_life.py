"""A tunnel with strongSwan over time: renewal of both phases by either side under traffic, dead
peer detection, DELETE, and restarts of either end, without hands."""

import os
import signal

import pytest
from lablib import topology as t
from lablib.ike_witness import INFORMATIONAL, MAIN, QUICK
from lablib.strongswan import Log, Wire, until
from lablib.traffic import Sink, Stream, ping

PER_SECOND = 250  # what a charon on a busy machine surely carries


@pytest.fixture
def lab(swan_lab):
    return swan_lab


def up(lab, who="we start", **more):
    lab.configure(**more)
    if who == "we start":
        assert until(lambda: ping(lab.a, t.A, t.B, wait=0.5)), "no traffic"
    else:
        assert lab.swan.initiate(), "it did not come up"
        assert until(lambda: ping(lab.a, t.A, t.B, wait=0.5)), "no traffic"


def comes_back(lab, seconds=20):
    return until(lambda: ping(lab.a, t.A, t.B, wait=0.5), seconds) and ping(lab.b, t.B, t.A)


def sa_count(lab):
    return int(lab.g1.console("/ip ipsec installed-sa print count-only"))


def phase1_count(lab):
    return lab.g1.console("/ip ipsec remote-peers print").count("state=established")


# -- renewal --

def assert_renewed_without_loss(lab, done, seconds):
    """Numbered datagrams each way while renewals happen, until DONE; every one arrives."""
    with Sink(lab.b, t.B, 7002) as at_b, Sink(lab.a, t.A, 7003) as at_a:
        with Stream(lab.a, t.A, t.B, 7002, PER_SECOND) as there, \
                Stream(lab.b, t.B, t.A, 7003, PER_SECOND) as back:
            assert until(done, seconds), "not renewed in time"
        at_b.wait_for(there.sent)
        at_a.wait_for(back.sent)
    assert (at_b.count, at_a.count) == (there.sent, back.sent), "packets were lost"
    assert there.refused + back.refused == 0


RENEWAL = {
    # ours at 80%; strongSwan accepts what we offer and would itself come much later
    "we renew": {"proposal": "lifetime=5s", "peer": "lifetime=8s"},
    # ours far away; its rekeying of phase 1 is a new main mode
    "it renews": {"extra": "rekey_time = 5s\n over_time = 20s\n rand_time = 0s",
                  "child_extra": "rekey_time = 3s\n life_time = 30s\n rand_time = 0s"},
}


@pytest.mark.parametrize("pfs", ["none", "modp1024"])
@pytest.mark.parametrize("who", list(RENEWAL))
def test_both_phases_are_renewed_under_traffic(lab, who, pfs, request):
    full = request.config.getoption("--full")
    if pfs == "none" and not full:
        pytest.skip("only with --full")
    children, isakmps = (30, 30) if full else (2, 1)
    starter = {"we renew": "we start", "it renews": "it starts"}[who]
    with Wire(lab) as wire:
        up(lab, starter, ike=("aes-128", "sha1", "modp1024"), esp=("aes-128", "sha1"), pfs=pfs,
           **RENEWAL[who])
        log = Log(lab.g1)

        def done():
            text = log.text()
            return (text.count("IPsec-SA established") >= children
                    and text.count("ISAKMP-SA established") >= isakmps)
        assert_renewed_without_loss(lab, done, seconds=20 + 12 * max(children, isakmps))
    talk = wire.judge()
    first = t.R1 if who == "we renew" else t.R2
    for exchange, least in ((MAIN, isakmps), (QUICK, children)):
        begun = {}
        for m in talk.of(exchange):
            begun.setdefault((m.cookie, m.message_id), m.src)
        assert set(begun.values()) == {first}
        assert len(begun) >= least + 1
    assert len(talk.esp) >= 2 * children
    assert "phase" not in lab.g1.console(":put [/ip ipsec policy get 0 last-error]")


# -- dead peer detection --

@pytest.mark.parametrize("who", ["it asks", "we ask"])
def test_questions_are_answered(lab, who):
    asking, answering = (t.R2, t.R1) if who == "it asks" else (t.R1, t.R2)
    asked = Log(lab.swan)
    with Wire(lab) as wire:
        up(lab, **({"extra": "dpd_delay = 1s\n dpd_timeout = 4s"} if who == "it asks" else
                   {"peer": "dpd-interval=1s dpd-maximum-failures=2"}))
        assert until(lambda: asked.text().count("N(DPD_ACK)") >= 2, seconds=20)
        assert phase1_count(lab) == 1 and sa_count(lab) == 2
        assert lab.swan.established() == (1, 1)
    talk = wire.judge()
    assert len(talk.notified("R-U-THERE", asking)) >= 2
    assert len(talk.notified("R-U-THERE-ACK", answering)) >= 2


def test_we_notice_its_death_and_it_comes_back(lab):
    log = Log(lab.g1)
    up(lab, peer="dpd-interval=1s dpd-maximum-failures=3")
    lab.swan.kill()
    assert until(lambda: log.says("peer is dead"), seconds=20)
    assert sa_count(lab) == 0 and phase1_count(lab) == 0
    assert "peer is dead" in lab.g1.console(":put [/ip ipsec peer get 0 last-error]")
    lab.swan.start()
    lab.theirs()
    assert comes_back(lab, seconds=60)
    assert lab.g1.console(":put [/ip ipsec peer get 0 last-error]").strip() == ""


def test_it_notices_our_death_and_we_come_back(lab):
    up(lab, extra="dpd_delay = 1s\n dpd_timeout = 4s")
    lab.g1.kill()
    assert until(lambda: lab.swan.established() == (0, 0), seconds=30)
    lab.g1.start()
    assert comes_back(lab)


def test_a_peer_that_hangs_is_dead_until_it_goes_on(lab):
    """No answer at all, not even ICMP: what a pulled cable looks like."""
    log = Log(lab.g1)
    up(lab, peer="dpd-interval=1s dpd-maximum-failures=3")
    os.kill(lab.swan.process.pid, signal.SIGSTOP)
    try:
        assert until(lambda: log.says("peer is dead"), seconds=20)
    finally:
        os.kill(lab.swan.process.pid, signal.SIGCONT)
    assert comes_back(lab, seconds=60)


# -- DELETE --

def test_its_delete_of_a_child(lab):
    with Wire(lab) as wire:
        up(lab)
        lab.swan.terminate("net")
        assert until(lambda: sa_count(lab) == 0)
        assert phase1_count(lab) == 1
        assert comes_back(lab)
    talk = wire.judge()
    assert any(m.text == "HASH D" for m in talk.of(INFORMATIONAL, t.R2))
    assert len({m.cookie for m in talk.of(MAIN)}) == 1, "phase 1 was to stay"


def test_its_delete_of_everything(lab):
    up(lab)
    lab.swan.terminate()
    assert until(lambda: sa_count(lab) == 0 and phase1_count(lab) == 0)
    assert comes_back(lab)


@pytest.mark.parametrize("command, left, undo", [
    ("/ip ipsec installed-sa flush", (1, 0), None),
    ("/ip ipsec policy disable 0", (1, 0), "/ip ipsec policy enable 0"),
    ("/ip ipsec policy remove 0", (1, 0), None),
    ("/ip ipsec policy set 0 dst-address=10.2.0.0/28", (1, 0),
     "/ip ipsec policy set 0 dst-address=10.2.0.0/24"),
    ("/ip ipsec peer disable 0", (0, 0), "/ip ipsec peer enable 0"),
    ("/ip ipsec peer remove 0", (0, 0), None),
    ("/ip ipsec remote-peers kill-connections", (0, 0), None),
], ids=lambda value: value.split("ipsec ")[1] if isinstance(value, str) else "")
def test_our_deletes(lab, command, left, undo):
    """What we end, strongSwan hears of; what is put right comes back."""
    up(lab)
    lab.g1.console(command)
    assert until(lambda: lab.swan.established() == left), lab.swan.sas()
    if undo:
        lab.g1.console(undo)
    if "remove" not in command:
        assert comes_back(lab)


# -- restarts --

def test_we_stop_cleanly_and_start_again(lab):
    up(lab)
    lab.g1.stop()
    assert until(lambda: lab.swan.established() == (0, 0)), "no DELETE"
    lab.g1.start()
    assert comes_back(lab)
    assert lab.swan.established() == (1, 1)


def test_we_are_killed_and_start_again(lab):
    with Wire(lab) as wire:
        up(lab)
        lab.g1.kill()
        lab.g1.start()
        assert comes_back(lab)
    assert len(wire.judge().notified("INITIAL-CONTACT", t.R1)) == 2


def test_it_stops_cleanly_and_starts_again(lab):
    up(lab)
    lab.swan.stop()
    assert until(lambda: sa_count(lab) == 0 and phase1_count(lab) == 0), "its DELETE"
    lab.swan.start()
    lab.theirs()
    assert comes_back(lab)


def test_it_is_killed_and_starts_again(lab):
    """Nothing tells us before its next main mode; that one says INITIAL-CONTACT."""
    with Wire(lab) as wire:
        up(lab)
        old = {sa["spi"] for sa in lab.g1.installed_sas()}
        lab.swan.kill()
        lab.swan.start()
        lab.theirs()
        assert lab.swan.initiate()
        assert comes_back(lab)
        assert not old & {sa["spi"] for sa in lab.g1.installed_sas()}
        assert sa_count(lab) == 2 and phase1_count(lab) == 1
    assert wire.judge().notified("INITIAL-CONTACT", t.R2)

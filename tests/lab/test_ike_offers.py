"""What is offered, what is accepted, and what both sides say when it is not: lifetimes under each
proposal-check, proposals of several algorithms, secrets, algorithms, networks that do not match."""

import pytest
from lablib import topology as t
from lablib.capture import Recorder
from lablib.ike import SECRET, Log, peers, proposal, remote_peers, tunnel, until
from lablib.traffic import ping

HOUR, HALF = "48m/1h", "24m/30m"


def lifetimes(gateway):
    return {sa["add-lifetime"] for sa in gateway.installed_sas()}


def last_errors(gateway):
    return [gateway.console(f"/ip ipsec {menu} get 0 last-error").strip()
            for menu in ("peer", "policy")]


# -- lifetimes: R1 begins and offers, R2 checks --

@pytest.mark.parametrize("check, offered, agreed", [
    ("obey", "1h", HOUR), ("obey", "20m", "16m/20m"),
    ("claim", "1h", HALF), ("claim", "20m", "16m/20m"),
    ("strict", "1h", None), ("strict", "20m", "16m/20m"), ("strict", "30m", HALF),
    ("exact", "1h", None), ("exact", "20m", None), ("exact", "30m", HALF)])
def test_proposal_check(lab, check, offered, agreed):
    lab.g1.console(f"/ip ipsec proposal set default pfs-group=none lifetime={offered}")
    lab.g2.console("/ip ipsec proposal set default pfs-group=none lifetime=30m")
    peers(lab, f"proposal-check={check}")
    tunnel(lab)
    if agreed:
        assert ping(lab.a, t.A, t.B, wait=10)
        assert [lifetimes(g) for g in lab.gateways] == [{agreed}] * 2
        return
    assert not ping(lab.a, t.A, t.B, wait=0.5)
    assert lab.g2.installed_sas() == []
    mine, theirs = (until(lambda g=g: all(last_errors(g)) and last_errors(g))
                    for g in (lab.g2, lab.g1))
    for error in mine:
        assert f"{t.R1}[500]" in error and "lifetime" in error and offered in error, error
        assert "30m" in error
    for error in theirs:
        assert f"{t.R2}[500]" in error and "NO-PROPOSAL-CHOSEN" in error, error


@pytest.mark.parametrize("check", ["obey", "claim", "strict"])
def test_kilobytes_of_a_cisco_router_pass(lab, check):
    """It offers 3600 seconds and 4608000 kilobytes; nothing limits bytes here."""
    lab.g1.console("/ip ipsec proposal set default pfs-group=none lifetime=1h lifebytes=4718592000")
    lab.g2.console("/ip ipsec proposal set default pfs-group=none lifetime=1h")
    peers(lab, f"proposal-check={check}")
    tunnel(lab)
    assert ping(lab.a, t.A, t.B, wait=10)
    for g in lab.gateways:
        assert {(sa["add-lifetime"], sa["lifebytes"]) for sa in g.installed_sas()} == \
            {(HOUR, "3774873600/4718592000")}


# -- proposals --

@pytest.mark.parametrize("ours, theirs, agreed", [
    ("enc-algorithms=des,3des,aes-128", "enc-algorithms=des", ("des", "sha1")),
    ("enc-algorithms=des auth-algorithms=md5,sha1", "enc-algorithms=des auth-algorithms=md5",
     ("des", "md5")),
    ("enc-algorithms=null,des auth-algorithms=md5,sha1", "enc-algorithms=null",
     ("none", "sha1")),
    ("enc-algorithms=aes-256 auth-algorithms=null", "enc-algorithms=aes-256 auth-algorithms=null",
     ("aes", "none"))])
def test_one_of_several_algorithms(lab, ours, theirs, agreed):
    for first, second in ((ours, theirs), (theirs, ours)):
        lab.reset()
        lab.g1.console(f"/ip ipsec proposal set default pfs-group=none {first}")
        lab.g2.console(f"/ip ipsec proposal set default pfs-group=none {second}")
        peers(lab)
        tunnel(lab)
        assert ping(lab.a, t.A, t.B, wait=10), last_errors(lab.g2)
        assert {(sa["enc-algorithm"], sa["auth-algorithm"]) for g in lab.gateways
                for sa in g.installed_sas()} == {agreed}


# -- refusals --

def refused_both_ways(lab, logged=True):
    """Nothing comes up and nothing leaves in clear; the log and last-error of both name the other
    side. Gives their last errors. (What strangers provoke is logged five times a minute.)"""
    logs = [Log(g) for g in lab.gateways]
    with Recorder(lab.w, "r1u1") as wire:
        assert not ping(lab.a, t.A, t.B, wait=0.5)
        # Silence is an answer after the second retransmission.
        found = until(lambda: all(any(last_errors(g)) for g in lab.gateways), 20)
    assert found, [g.log()[-800:] for g in lab.gateways]
    assert wire.between(t.A, t.B) == []
    errors = [" | ".join(last_errors(g)) for g in lab.gateways]
    for log, error, far in zip(logs, errors, (t.R2, t.R1)):
        assert f"{far}[500]" in error, error
        assert not logged or "error ipsec" in log.text() or "warning ipsec" in log.text()
        assert SECRET not in log.text() and SECRET not in error
    return errors


def test_wrong_secret_and_the_right_one(lab):
    """Both sides say what is wrong, and forget it once it works."""
    peers(lab, secret2="something else")
    tunnel(lab)
    for error in refused_both_ways(lab):
        assert "secret" in error
    assert not remote_peers(lab.g1, state="established")
    lab.g2.console(f'/ip ipsec peer set 0 secret="{SECRET}"')
    assert until(lambda: ping(lab.a, t.A, t.B, wait=1), 30)
    assert [last_errors(g) for g in lab.gateways] == [["", ""]] * 2
    for g in lab.gateways:
        assert "last-error" not in g.console("/ip ipsec peer print", "/ip ipsec policy print")


@pytest.mark.parametrize("setting, ours, theirs", [
    ("enc-algorithm", "aes-128", "3des"), ("hash-algorithm", "md5", "sha1"),
    ("dh-group", "modp768", "modp1024")])
def test_phase_1_algorithms_differ(lab, setting, ours, theirs):
    lab.g1.console(f'/ip ipsec peer add address={t.R2} secret="{SECRET}" {setting}={ours}')
    lab.g2.console(f'/ip ipsec peer add address={t.R1} secret="{SECRET}" {setting}={theirs}')
    tunnel(lab)
    first, second = refused_both_ways(lab, logged=False)
    assert "NO-PROPOSAL-CHOSEN" in first
    assert ours in second and theirs in second


@pytest.mark.parametrize("ours, theirs, words", [
    ("enc-algorithms=aes-128", "enc-algorithms=3des", ("aes-128", "3des")),
    ("auth-algorithms=md5", "auth-algorithms=sha1", ("md5", "sha1")),
    ("pfs-group=modp768", "pfs-group=modp1024", ("pfs", "modp768", "modp1024"))])
def test_proposals_differ(lab, ours, theirs, words):
    lab.g1.console(f"/ip ipsec proposal set default {ours}")
    lab.g2.console(f"/ip ipsec proposal set default {theirs}")
    peers(lab, "proposal-check=strict")
    tunnel(lab)
    first, second = refused_both_ways(lab)
    assert "NO-PROPOSAL-CHOSEN" in first
    for word in words:
        assert word in second, second


def test_networks_differ(lab):
    """The reference's /27 on one router and /28 on the other."""
    peers(lab)
    nets = ("10.1.0.0/27", "10.1.0.0/28"), ("10.2.0.0/27", "10.2.0.0/28")
    lab.g1.console(f"/ip ipsec policy add src-address={nets[0][0]} dst-address={nets[1][0]} "
                   f"tunnel=yes sa-src-address={t.R1} sa-dst-address={t.R2}")
    lab.g2.console(f"/ip ipsec policy add src-address={nets[1][1]} dst-address={nets[0][1]} "
                   f"tunnel=yes sa-src-address={t.R2} sa-dst-address={t.R1}")
    first, second = refused_both_ways(lab)
    assert "INVALID-ID-INFORMATION" in first
    for net in (nets[0][0], nets[1][0]):
        assert net in second, second

"""`/ip firewall nat`: the reference's masquerading example in both spellings, translation judged on
the wire and by the hosts behind, counters, order, and that nothing is half-applied."""

import pytest
from lablib import topology as t
from lablib.capture import Recorder
from lablib.keying import Keying, set_up
from lablib.traffic import Udp, ping, udp_crosses

ENDS, NETS = (t.R1, t.R2), (t.NET_A, t.NET_B)
MASQUERADE = "/ip firewall nat add chain=srcnat out-interface=wan action=masquerade"


@pytest.fixture(autouse=True)
def clean(lab):
    lab.reset()
    yield
    for g in lab.gateways:
        if not g.running():
            g.start()
        g.console("/ip firewall nat remove [find]")


def rules(gateway):
    return gateway.ns.run("nft", "list", "ruleset")


def stats(gateway, number, name):
    return int(gateway.console(f"/ip firewall nat get {number} {name}"))


def test_masquerading_example_in_both_spellings(lab):
    set_up(lab, Keying(), ENDS, NETS)
    lab.g1.console("ip firewall nat add chain=srcnat src-address=10.1.0.0/24 \\\n"
                   "dst-address=10.2.0.0/24 action=accept",
                   "ip firewall nat add chain=srcnat out-interface=wan \\\naction=masquerade")
    lab.g2.console("ip firewall nat chain=srcnat add src-address=10.2.0.0/24 \\\n"
                   "dst-address=10.1.0.0/24 action=accept",
                   "ip firewall nat chain=srcnat add out-interface=wan \\\naction=masquerade")
    with Recorder(lab.w, "r1u1") as wire:
        assert ping(lab.a, t.A, t.B) and ping(lab.b, t.B, t.A)
        assert ping(lab.a, t.A, t.R2), "masqueraded: what no policy protects"
    assert wire.between(t.A, t.B) == [] and wire.select(src=t.A) == []
    assert len(wire.ipsec()) == 4 and wire.select(src=t.R1, dst=t.R2, proto=1) != []
    for g in lab.gateways:
        assert "warning" not in g.console("/ip firewall nat print")


def test_rule_that_hides_a_policy_is_named(lab):
    set_up(lab, Keying(), ENDS, NETS)
    lab.g1.console(MASQUERADE)
    text = lab.g1.console("/ip firewall nat print")
    assert "warning=" in text and "policy 0" in text
    assert "nat rule 0 translates packets that policy 0 should encrypt" in lab.g1.log()
    lab.g1.console("/ip firewall nat add chain=srcnat place-before=0 "
                   f"src-address={t.NET_A} dst-address={t.NET_B}")
    assert "warning" not in lab.g1.console("/ip firewall nat print")
    assert ping(lab.a, t.A, t.B)
    lab.g1.console("/ip firewall nat move 1 0")
    assert "warning=" in lab.g1.console("/ip firewall nat print")


def test_port_forwarding_and_counters(lab):
    lab.g1.console(f"/ip firewall nat add chain=dstnat dst-address={t.R1} protocol=udp "
                   f"dst-port=8000-8010 action=dst-nat to-addresses={t.A} to-ports=7001")
    with Udp(lab.a, t.A, 7001) as inside, Udp(lab.b, t.B, 4000) as outside:
        outside.send(b"for the inside", t.R1, 8005)
        assert inside.receive()[0] == b"for the inside"
    assert stats(lab.g1, 0, "packets") == 1 and stats(lab.g1, 0, "bytes") == 28 + 14
    lab.g1.console("/ip firewall nat comment 0 kept")
    lab.g1.console("/ip firewall nat add chain=srcnat src-address=!10.9.0.0/24 "
                   "action=src-nat to-addresses=1.0.0.1")
    assert stats(lab.g1, 0, "packets") == 1, "a change of other rules resets no counter"
    lab.g1.console("/ip firewall nat reset-counters-all")
    assert "packets=0" in lab.g1.console("/ip firewall nat print stats as-value")


def test_disabled_and_removed_rules_are_gone(lab):
    lab.g1.console(MASQUERADE)
    with Recorder(lab.w, "r1u1") as wire:
        assert udp_crosses(lab.a, t.A, lab.b, t.B, 100)
    assert wire.select(src=t.A) == []
    lab.g1.console("/ip firewall nat disable 0")
    with Recorder(lab.w, "r1u1") as wire:
        assert udp_crosses(lab.a, t.A, lab.b, t.B, 101, port=7002)
    assert wire.select(src=t.A) != []
    lab.g1.console("/ip firewall nat remove 0")
    assert "-nat" not in rules(lab.g1)


def test_every_form_of_a_rule_is_one_nft_takes(lab):
    for form in ("chain=srcnat src-address=10.1.0.1-10.1.0.9 action=src-nat "
                 "to-addresses=1.0.0.1-1.0.0.3",
                 "chain=srcnat protocol=tcp src-port=!1-100,200,300-400 dst-port=80 "
                 "action=src-nat to-addresses=1.0.0.1 to-ports=1000-2000",
                 "chain=srcnat protocol=udp action=masquerade to-ports=1024-65535",
                 "chain=srcnat out-interface=!wan2 dst-address=!10.2.0.0/16 protocol=icmp",
                 "chain=dstnat in-interface=wan protocol=tcp dst-port=22 action=redirect "
                 "to-ports=2222",
                 "chain=dstnat protocol=tcp action=dst-nat to-ports=8080",
                 "chain=dstnat action=passthrough"):
        lab.g1.console(f"/ip firewall nat add {form}")
    assert len(lab.g1.console("/ip firewall nat print count-only").split()) == 1
    assert rules(lab.g1).count("counter name") == 7
    assert "failure: ports can be specified if proto is tcp,udp,..." in lab.g1.refused(
        "/ip firewall nat add chain=srcnat dst-port=80")
    assert rules(lab.g1).count("counter name") == 7


def test_rules_outlive_a_crash_and_go_with_a_clean_stop(lab):
    lab.g1.console(MASQUERADE)
    lab.g1.kill()
    assert "masquerade" in rules(lab.g1)
    lab.g1.start()
    assert rules(lab.g1).count("masquerade") == 1
    lab.g1.stop()
    assert "-nat" not in rules(lab.g1)
    lab.g1.start()
    assert rules(lab.g1).count("masquerade") == 1

"""Several daemons on one machine, and what happens around their start and stop."""

import os
import subprocess
import sys
import time

from lablib import topology as t
from lablib.capture import Recorder
from lablib.gateway import Gateway
from lablib.keying import Keying, set_up
from lablib.netns import names_with
from lablib.topology import Lab
from lablib.traffic import ping, tcp_transfer, udp_crosses
from lablib.witness import judge

ENDS, NETS = (t.R1, t.R2), (t.NET_A, t.NET_B)


def test_two_labs_do_not_know_each_other(lab, run):
    """Four daemons with the same addresses, SPIs and selectors, different keys."""
    with Lab(run).start() as other:
        mine, theirs = Keying(label="mine"), Keying(label="theirs")
        set_up(lab, mine, ENDS, NETS)
        set_up(other, theirs, ENDS, NETS)
        with Recorder(lab.w, "r1u1") as first, Recorder(other.w, "r1u1") as second:
            for one in (lab, other):
                assert udp_crosses(one.a, t.A, one.b, t.B, 1000)
                assert tcp_transfer(one.a, t.A, one.b, t.B, 1 << 20)
        judge(first.packets, mine.sas(ENDS))
        judge(second.packets, theirs.sas(ENDS))
        other.g1.stop()
        other.g2.kill()
        assert ping(lab.a, t.A, t.B), "the other lab's end is felt here"
    assert ping(lab.a, t.A, t.B)


def test_netns_option_enters_the_namespace(lab):
    set_up(lab, Keying(), ENDS, NETS)
    lab.g1.stop()
    lab.g1.start(enter=False)
    with Recorder(lab.w, "r1u1") as record:
        assert udp_crosses(lab.a, t.A, lab.b, t.B, 100)
    assert record.between(t.A, t.B) == [] and len(record.ipsec()) == 2


def test_import_starts_from_a_text_file(lab, run, tmp_path):
    keying = Keying()
    script = tmp_path / "start.rsc"
    script.write_text(keying.manual_sa(1) + "\n" + keying.policy(1, ENDS, NETS) + "\n")
    lab.g1.stop()
    imported = Gateway(lab.r1, f"{run.folder}/imported")
    try:
        imported.start("--import", str(script))
        lab.g2.console(keying.manual_sa(2), keying.policy(2, ENDS, NETS))
        assert udp_crosses(lab.a, t.A, lab.b, t.B, 100)
    finally:
        imported.stop()
        lab.g1.start()


def test_killed_daemons_leave_nothing_behind_their_run():
    """Pinned programs outlive a killed daemon, as they must; not the run that made it."""
    with Lab() as other:
        other.g1.start()
        assert other.g1.pins in other.g1.log(), "the folder's name is not what the daemon says"
        other.g1.kill()
        assert os.listdir(other.g1.pins)
    assert other.run.leftovers() == []


def test_killed_run_leaves_nothing_behind():
    """kill -9 of the test itself, while a daemon runs."""
    script = ("from lablib.topology import Lab; l = Lab(); l.g1.start(); "
              "print(l.run.prefix, l.g1.pins, flush=True); input()")
    with subprocess.Popen([sys.executable, "-B", "-c", script], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True,
                          cwd=os.path.dirname(__file__)) as made:
        prefix, pinned = made.stdout.readline().split()
        assert names_with(prefix) and os.path.exists(pinned)
        made.kill()
    deadline = time.monotonic() + 20
    while (names_with(prefix) or os.path.exists(pinned)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert names_with(prefix) == [] and not os.path.exists(pinned)

"""Sequence numbers of one SA reach the peer nearly in order, whatever flows and workers there are:
its replay window is 32 packets, a worker's batch 64."""

import threading

import pytest
from lablib import topology as t
from lablib.nat import encapsulated
from lablib.traffic import tcp_transfer, ping

SECRET = "gvejimezyfopmekun"
FLOWS = 6


def raw(lab):
    for g, near, far, here, there in ((lab.g1, t.NET_A, t.NET_B, t.R1, t.R2),
                                      (lab.g2, t.NET_B, t.NET_A, t.R2, t.R1)):
        g.console("/ip ipsec proposal set default enc-algorithms=aes-128",
                  f'/ip ipsec peer add address={there} secret="{SECRET}"',
                  f"/ip ipsec policy add src-address={near} dst-address={far} tunnel=yes "
                  f"action=encrypt sa-src-address={here} sa-dst-address={there}")
    assert any(ping(lab.a, t.A, t.B) for _ in range(10))


@pytest.mark.parametrize("protect", [raw, encapsulated], ids=["raw", "udp"])
def test_flows_do_not_overtake_each_other(lab, protect):
    """Without losses of the wire's own nothing may be refused as a replay."""
    protect(lab)
    done = []

    def transfer(n):
        if n % 2:
            done.append(tcp_transfer(lab.a, t.A, lab.b, t.B, 8 << 20, port=8100 + n, timeout=30))
        else:
            done.append(tcp_transfer(lab.b, t.B, lab.a, t.A, 8 << 20, port=8100 + n, timeout=30))

    threads = [threading.Thread(target=transfer, args=(n,)) for n in range(FLOWS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == [True] * FLOWS
    for g in lab.gateways:
        assert g.statistics()["in-state-sequence-errors"] == 0

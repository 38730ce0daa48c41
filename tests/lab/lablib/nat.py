"""A client router behind a masquerading one:

    A ----- R1 ------ N ====== W ====== R2 ----- B
    10.1.0.2  192.168.7.2  .1|1.0.0.1   1.0.0.2   10.2.0.2

N gives R1's packets its own address and random ports. R1 and R2 are the gateways; W is the wire, as
in lablib.topology, where captures are taken.
"""

import time

from . import topology
from .topology import Lab
from .traffic import ping

A, B = "10.1.0.2", "10.2.0.2"
NET_A, NET_B = "10.1.0.0/24", "10.2.0.0/24"
R1, N_IN, N, R2 = "192.168.7.2", "192.168.7.1", "1.0.0.1", "1.0.0.2"
SECRET = "gvejimezyfopmekun"


class NatLab(Lab):
    def _build(self):
        self.n = self.run.namespace("n")
        self.namespaces.append(self.n)
        for ns in self.namespaces:
            ns.sysctl(ipv6__conf__default__accept_dad=0, ipv6__conf__default__accept_ra=0)
            ns.ip("link set lo up")
        self.w.ip("link add wire1 type bridge mcast_snooping 0")
        self.w.sysctl(ipv6__conf__wire1__disable_ipv6=1)
        self.w.ip("link set wire1 up")
        self._link(self.a, "eth0", self.r1, "lan")
        self._link(self.b, "eth0", self.r2, "lan")
        self._link(self.r1, "wan", self.n, "inside")
        for name, ns, device in (("nu1", self.n, "outside"), ("r2u1", self.r2, "wan")):
            self._link(ns, device, self.w, name)
            self.w.ip(f"link set {name} master wire1")
        self._addresses(self.a, "eth0", f"{A}/24")
        self._addresses(self.b, "eth0", f"{B}/24")
        self._addresses(self.r1, "lan", "10.1.0.1/24")
        self._addresses(self.r1, "wan", f"{R1}/24")
        self._addresses(self.n, "inside", f"{N_IN}/24")
        self._addresses(self.n, "outside", f"{N}/24")
        self._addresses(self.r2, "wan", f"{R2}/24")
        self._addresses(self.r2, "lan", "10.2.0.1/24")
        self.a.ip("route add default via 10.1.0.1")
        self.b.ip("route add default via 10.2.0.1")
        self.r1.ip(f"route add default via {N_IN}")
        self.r2.ip(f"route add {NET_A} via {N}")
        for ns in (self.r1, self.n, self.r2):
            ns.sysctl(ipv4__ip_forward=1)
        self.masquerade()

    def masquerade(self):
        """Also what was mapped before is forgotten."""
        self.n.nft("""
            add table inet nat
            delete table inet nat
            table inet nat {
              chain postrouting {
                type nat hook postrouting priority srcnat; policy accept;
                oifname "outside" masquerade random
              }
            }""")
        self.n.forget_traffic()

    def segmented(self):
        """Superpackets are cut before the wire, so that captures show datagrams."""
        for ns, device in ((self.r1, "wan"), (self.n, "inside"), (self.n, "outside"),
                           (self.r2, "wan")):
            ns.run("ethtool", "-K", device, "tx-udp-segmentation", "off", "tso", "off")

    def peers(self, extra="nat-traversal=yes"):
        for g, remote in ((self.g1, R2), (self.g2, N)):
            g.console(f'/ip ipsec peer add address={remote} secret="{SECRET}" {extra}')

    def policies(self, *extra, nets=(NET_A, NET_B)):
        for g, near, far, here, there in ((self.g1, *nets, R1, R2),
                                          (self.g2, *nets[::-1], R2, N)):
            g.console(f"/ip ipsec policy add action=encrypt src-address={near} dst-address={far} "
                      f"sa-src-address={here} sa-dst-address={there} {' '.join(extra)}")


PEER = f'secret="{SECRET}" nat-traversal=yes'


def encapsulated(lab, peer=PEER, enc="aes-128", auth="sha1", ends=(topology.R1, topology.R2),
                 more=""):
    """Both gateways of a plain lab protect A to B by ESP in UDP between ENDS, there being a NAT, as
    they found: while they looked, R1's port 500 was another. Returns when traffic passes."""
    lab.r1.nft("""
        table inet labnat {
          chain postrouting {
            type nat hook postrouting priority srcnat; policy accept;
            udp sport 500 masquerade to :1500
          }
        }""")
    for g, near, far, here, there in (
            (lab.g1, topology.NET_A, topology.NET_B, *ends),
            (lab.g2, topology.NET_B, topology.NET_A, *ends[::-1])):
        g.console(f"/ip ipsec proposal set default enc-algorithms={enc} auth-algorithms={auth}",
                  f"/ip ipsec peer add address={there} {peer}",
                  f"/ip ipsec policy add src-address={near} dst-address={far} tunnel=yes "
                  f"action=encrypt sa-src-address={here} sa-dst-address={there} {more}")
    deadline = time.monotonic() + 15
    while not ping(lab.a, topology.A, topology.B):
        assert time.monotonic() < deadline, "no tunnel"
    lab.r1.nft("delete table inet labnat")
    lab.r1.forget_traffic()

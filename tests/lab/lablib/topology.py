"""The reference's picture, twice over:

    A ----- R1 ====== W ====== R2 ----- B
    10.1.0.2   1.0.0.1  1.0.0.2   10.2.0.2      uplink 1
    10.11.0.2  1.0.1.1  1.0.1.2   10.12.0.2     uplink 2

R1 and R2 are the gateways. W is the wire: a bridge per uplink, where captures are taken and forged
packets put in, so that the witness sees what really left a gateway. IPv6: fd01::/64 at A, fd02::/64
at B, fd00::1 and fd00::2 on uplink 1, fd00:1::1 and fd00:1::2 on uplink 2.
"""

import re

from .gateway import Gateway
from .netns import Run

A, B = "10.1.0.2", "10.2.0.2"
NET_A, NET_B = "10.1.0.0/24", "10.2.0.0/24"
A2, B2 = "10.11.0.2", "10.12.0.2"
NET_A2, NET_B2 = "10.11.0.0/24", "10.12.0.0/24"
R1, R2 = "1.0.0.1", "1.0.0.2"
R1B, R2B = "1.0.1.1", "1.0.1.2"
A6, B6 = "fd01::2", "fd02::2"
NET_A6, NET_B6 = "fd01::/64", "fd02::/64"
R1_6, R2_6 = "fd00::1", "fd00::2"


class Lab:
    """DIRECT: the gateways' uplinks face each other, without W's bridges between (throughput)."""

    def __init__(self, run=None, daemon_args=(), direct=False):
        self.owns_run = run is None
        self.direct = direct
        self.run = run or Run()
        self.a, self.r1, self.w, self.r2, self.b = (
            self.run.namespace(role) for role in ("a", "r1", "w", "r2", "b"))
        self.namespaces = [self.a, self.r1, self.w, self.r2, self.b]
        self._build()
        self.g1 = Gateway(self.r1, f"{self.run.folder}/{self.r1.name}", daemon_args)
        self.g2 = Gateway(self.r2, f"{self.run.folder}/{self.r2.name}", daemon_args)

    def _build(self):
        for ns in self.namespaces:
            ns.sysctl(ipv6__conf__default__accept_dad=0, ipv6__conf__default__accept_ra=0)
            ns.ip("link set lo up")
        for bridge in ("wire1", "wire2"):
            self.w.ip(f"link add {bridge} type bridge mcast_snooping 0")
            self.w.sysctl(**{f"ipv6__conf__{bridge}__disable_ipv6": 1})
            self.w.ip(f"link set {bridge} up")
        self._link(self.a, "eth0", self.r1, "lan")
        self._link(self.b, "eth0", self.r2, "lan")
        for uplink, name in (("1", "wan"), ("2", "wan2")):
            if self.direct:
                self._link(self.r1, name, self.r2, name)
                continue
            for n, router in (("1", self.r1), ("2", self.r2)):
                self._link(router, name, self.w, f"r{n}u{uplink}")
                self.w.ip(f"link set r{n}u{uplink} master wire{uplink}")
        host = ((self.a, "1", "11"), (self.b, "2", "12"))
        for ns, net, net2 in host:
            self._addresses(ns, "eth0", f"10.{net}.0.2/24", f"10.{net2}.0.2/24",
                            f"fd0{net}::2/64")
            ns.ip(f"route add default via 10.{net}.0.1")
            ns.ip(f"-6 route add default via fd0{net}::1")
        for ns, n, net, net2, far_n, far, far2 in ((self.r1, 1, 1, 11, 2, 2, 12),
                                                  (self.r2, 2, 2, 12, 1, 1, 11)):
            self._addresses(ns, "lan", f"10.{net}.0.1/24", f"10.{net2}.0.1/24", f"fd0{net}::1/64")
            self._addresses(ns, "wan", f"1.0.0.{n}/24", f"fd00::{n}/64")
            self._addresses(ns, "wan2", f"1.0.1.{n}/24", f"fd00:1::{n}/64")
            ns.sysctl(ipv4__ip_forward=1, ipv6__conf__all__forwarding=1)
            ns.ip(f"route add 10.{far}.0.0/24 via 1.0.0.{far_n}")
            ns.ip(f"route add 10.{far2}.0.0/24 via 1.0.1.{far_n}")
            ns.ip(f"-6 route add fd0{far}::/64 via fd00::{far_n}")

    def _link(self, ns1, name1, ns2, name2):
        self.w.ip(f"link add {name1} netns {ns1.name} type veth peer name {name2} "
                  f"netns {ns2.name}")
        for ns, name in ((ns1, name1), (ns2, name2)):
            if ns is self.w:
                ns.sysctl(**{f"ipv6__conf__{name}__disable_ipv6": 1})
            ns.ip(f"link set {name} up")

    @staticmethod
    def _addresses(ns, device, *addresses):
        for address in addresses:
            ns.ip(f"address add {address} dev {device}" + (" nodad" if ":" in address else ""))

    @property
    def gateways(self):
        return (self.g1, self.g2)

    def start(self):
        for g in self.gateways:
            g.start()
        return self

    def reset(self):
        """Both gateways run with an empty configuration, no firewall rules but their own."""
        for g in self.gateways:
            for family, table in re.findall(r"table (\w+) (lab\w*)", g.ns.run("nft", "list",
                                                                            "tables")):
                g.ns.nft(f"delete table {family} {table}")
            if not g.running():
                g.start()
            g.clear()
        for ns in (self.a, self.r1, self.r2, self.b):
            ns.forget_traffic()

    def logs(self):
        """Title and text of what the daemons logged."""
        return [(g.ns.name, g.log()) for g in self.gateways]

    def close(self):
        for g in self.gateways:
            g.dispose()
        if self.owns_run:
            self.run.close()
        else:
            for ns in self.namespaces:
                ns.delete()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

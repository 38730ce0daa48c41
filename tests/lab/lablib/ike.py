"""Automatic keying between the lab's gateways: the commands for both ends, and waiting for what
they bring about."""

import contextlib
import time

from . import topology as t
from .traffic import ping

SECRET = "gvejimezyfopmekun"


def peers(lab, extra="", secret1=SECRET, secret2=SECRET, ends=(t.R1, t.R2)):
    """Each end's entry for the other."""
    lab.g1.console(f'/ip ipsec peer add address={ends[1]} secret="{secret1}" {extra}')
    lab.g2.console(f'/ip ipsec peer add address={ends[0]} secret="{secret2}" {extra}')


def tunnel(lab, extra="", ends=(t.R1, t.R2), nets=(t.NET_A, t.NET_B)):
    """The same policy on both ends, mirrored."""
    for g, near, far in ((lab.g1, 0, 1), (lab.g2, 1, 0)):
        g.console(f"/ip ipsec policy add src-address={nets[near]} dst-address={nets[far]} "
                  f"tunnel=yes action=encrypt sa-src-address={ends[near]} "
                  f"sa-dst-address={ends[far]} {extra}")


def proposal(lab, settings, name="default"):
    verb = "set default" if name == "default" else f"add name={name}"
    for g in lab.gateways:
        g.console(f"/ip ipsec proposal {verb} {settings}")


def until(condition, seconds=10.0, every=0.05):
    """What CONDITION gave when it was true; None when it never was."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            return None
        time.sleep(every)


def comes_up(ns, src, dst, seconds=10.0):
    return until(lambda: ping(ns, src, dst, wait=0.3), seconds)


def spis(gateway, **wanted):
    """SPIs of the installed SAs that print so: spis(g, src_address=t.R1)."""
    wanted = {k.replace("_", "-"): v for k, v in wanted.items()}
    return [sa["spi"] for sa in gateway.installed_sas()
            if all(sa.get(k) == v for k, v in wanted.items())]


def remote_peers(gateway, **wanted):
    """Sessions as `remote-peers print` shows them."""
    rows = [dict(pair.split("=", 1) for pair in line.split() if "=" in pair) for line
            in gateway.console("/ip ipsec remote-peers print terse").splitlines()]
    return [r for r in rows if r and all(r.get(k) == v for k, v in wanted.items())]


class Log:
    """What the gateway says from here on."""

    def __init__(self, gateway):
        self.gateway, self.start = gateway, len(gateway.log())

    def text(self):
        return self.gateway.log()[self.start:]

    def count(self, text):
        return self.text().count(text)

    def says(self, text, seconds=8.0):
        return until(lambda: text in self.text(), seconds) is not None


@contextlib.contextmanager
def raised_level(gateway, level):
    """A gateway that logs at another level meanwhile."""
    gateway.stop()
    gateway.daemon_args += ["--log-level", level]
    gateway.start()
    try:
        yield
    finally:
        gateway.stop()
        del gateway.daemon_args[-2:]
        gateway.start()

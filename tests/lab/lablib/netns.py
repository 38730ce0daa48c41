"""Network namespaces of one run.

A namespace is named `spl-PID-START-RUN-ROLE`: PID and START identify the process that made it.
The reaper, a process of its own, removes them when that process ends however it ends; a sweep at
the start of every run removes what runs left behind whose reaper was killed too. Runs side by side
never see each other's names.
"""

import contextlib
import ctypes
import itertools
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

from . import pins

NETNS_DIR = "/run/netns"
PREFIX = "spl-"
CLONE_NEWNET = 0x40000000
NETLINK_NETFILTER, CTNETLINK_DELETE = 12, 1 << 8 | 2
NLM_F_REQUEST, NLM_F_ACK = 1, 4

_libc = ctypes.CDLL(None, use_errno=True)


def process_start(pid):
    """Start time of a process in clock ticks, None when there is none: tells reused pids apart."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            return int(f.read().rpartition(")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return None


def run(argv, **kwargs):
    """A command that must succeed; its standard error is in the exception."""
    if "input" not in kwargs:
        kwargs["stdin"] = subprocess.DEVNULL
    done = subprocess.run(argv, capture_output=True, text=True, check=False, **kwargs)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


class Namespace:
    """One network namespace; commands run inside it, sockets are made inside it."""

    def __init__(self, name):
        self.name = name
        self.path = f"{NETNS_DIR}/{name}"
        run(["ip", "netns", "add", name])

    def argv(self, argv):
        # Not `ip netns exec`: its private mount namespace would hide pinned BPF programs.
        return ["nsenter", f"--net={self.path}", "--", *argv]

    def run(self, *argv, **kwargs):
        return run(self.argv(list(argv)), **kwargs)

    def popen(self, argv, **kwargs):
        return subprocess.Popen(self.argv(argv), stdin=subprocess.DEVNULL, **kwargs)

    def ip(self, command):
        return run(["ip", "-n", self.name, *command.split()])

    def nft(self, script):
        return run(self.argv(["nft", "-f", "-"]), input=script)

    def sysctl(self, **values):
        for key, value in values.items():
            with self.entered(), open("/proc/sys/net/" + key.replace("__", "/"), "w",
                                      encoding="ascii") as f:
                f.write(str(value))

    @contextlib.contextmanager
    def entered(self):
        """The calling thread is inside; sockets opened here stay inside."""
        home = os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY)
        there = os.open(self.path, os.O_RDONLY)
        try:
            _setns(there)
            yield
        finally:
            _setns(home)
            os.close(there)
            os.close(home)

    def forget_traffic(self):
        """Drops connection tracking entries and learnt path MTUs: what one test did must not steer
        the next."""
        self.ip("route flush cache")
        self.ip("-6 route flush cache")
        with self.entered(), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                                           NETLINK_NETFILTER) as s:
            s.settimeout(1)
            for family in (socket.AF_INET, socket.AF_INET6):
                # nlmsghdr, nfgenmsg: delete without a tuple is delete all
                s.send(struct.pack("=IHHII", 20, CTNETLINK_DELETE, NLM_F_REQUEST | NLM_F_ACK, 1, 0)
                       + struct.pack("=BBH", family, 0, 0))
                s.recv(4096)

    def delete(self):
        remove_namespace(self.name)


def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def remove_namespace(name):
    """Ends what still runs inside, then removes the name."""
    for _ in range(3):
        pids = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True,
                              check=False).stdout.split()
        pids = [int(p) for p in pids if int(p) != os.getpid()]
        if not pids:
            break
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


class Run:
    """What this process made: a name prefix, a folder, and the reaper that removes both."""

    _runs = itertools.count(1)

    def __init__(self):
        sweep()
        pid = os.getpid()
        self.prefix = f"{PREFIX}{pid}-{process_start(pid):x}-{next(self._runs)}-"
        self.folder = tempfile.mkdtemp(prefix=self.prefix)
        os.chmod(self.folder, 0o755)
        read_end, self._write_end = os.pipe()
        package, name = __name__.split(".")
        self._reaper = subprocess.Popen(
            [sys.executable, "-B", "-m", f"{package}.{name}", self.prefix], stdin=read_end,
            start_new_session=True, cwd=os.path.dirname(os.path.dirname(__file__)))
        os.close(read_end)
        self._count = 0

    def namespace(self, role):
        self._count += 1
        return Namespace(f"{self.prefix}{self._count}{role}")

    def close(self):
        """Everything is gone when this returns."""
        self.pins = pins.noted(self.folder)
        os.close(self._write_end)
        self._reaper.wait(timeout=60)

    def leftovers(self):
        """What of a closed run is still there: nothing, if all is well."""
        return names_with(self.prefix) + [p for p in [self.folder, *self.pins]
                                          if os.path.exists(p)]


def names_with(prefix):
    try:
        return sorted(n for n in os.listdir(NETNS_DIR) if n.startswith(prefix))
    except FileNotFoundError:
        return []


def sweep():
    """Removes namespaces and folders of runs whose process is gone."""
    owners = {}
    for place in (NETNS_DIR, tempfile.gettempdir()):
        with contextlib.suppress(FileNotFoundError):
            for name in os.listdir(place):
                parts = name.split("-")
                if name.startswith(PREFIX) and len(parts) >= 4 and parts[1].isdigit():
                    owners[f"{PREFIX}{parts[1]}-{parts[2]}-"] = (int(parts[1]), parts[2])
    for prefix, (pid, start) in owners.items():
        if process_start(pid) is None or f"{process_start(pid):x}" != start:
            remove_run(prefix)


def remove_run(prefix):
    for name in names_with(prefix):
        remove_namespace(name)
    for folder in os.listdir(tempfile.gettempdir()):
        if folder.startswith(prefix):
            path = os.path.join(tempfile.gettempdir(), folder)
            for pinned in pins.noted(path):
                pins.remove(pinned)
            shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    sys.stdin.buffer.read()  # returns when the process that made the run has ended
    remove_run(sys.argv[1])

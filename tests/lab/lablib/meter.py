"""What a daemon uses, and what its log says, without asking it."""

import glob
import os


def cpu_s(pid):
    """CPU time of all threads so far."""
    total = 0
    for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
        with open(path, encoding="ascii") as f:
            total += int(f.read().split()[0])
    return total / 1e9


def rss_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class LogCounter:
    """How many lines of a growing log hold a text, each byte read once."""

    def __init__(self, path, text):
        self.path, self.text = path, text.encode()
        self.restart()

    def restart(self):
        self.at = os.path.getsize(self.path) if os.path.exists(self.path) else 0
        self.count = 0
        self.rest = b""

    def read(self):
        with open(self.path, "rb") as f:
            f.seek(self.at)
            data = f.read()
        self.at += len(data)
        lines = (self.rest + data).split(b"\n")
        self.rest = lines.pop()
        self.count += sum(self.text in line for line in lines)
        return self.count

"""A person at the console: a pseudo terminal around `sallyport`."""

import contextlib
import os
import pty
import re
import select
import termios
import time

from .gateway import CONSOLE

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\r")


class Terminal:
    """TRANSCRIPT is everything the terminal has shown."""

    def __init__(self, socket, columns=100):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(CONSOLE, [CONSOLE, "--socket", socket],
                      {**os.environ, "TERM": "dumb", "HOME": "/nonexistent",
                       "COLUMNS": str(columns)})
        self.transcript = ""
        self._at = 0

    def expect(self, text, timeout=5.0):
        """Returns once TEXT has been shown after what was expected last; gives what came before."""
        deadline = time.monotonic() + timeout
        while text not in self.transcript[self._at:]:
            left = deadline - time.monotonic()
            shown = self.transcript[self._at:]
            assert left > 0 and self._read(left), f"waiting for {text!r}, shown is {shown!r}"
        start = self._at
        self._at = self.transcript.index(text, start) + len(text)
        return self.transcript[start:self._at - len(text)]

    def _read(self, timeout):
        if not select.select([self.fd], [], [], timeout)[0]:
            return False
        try:
            chunk = os.read(self.fd, 4096)
        except OSError:  # the program has ended
            return False
        self.transcript += _ESCAPE.sub("", chunk.decode(errors="replace"))
        return bool(chunk)

    def type(self, line):
        # The prompt is shown just before the editor takes over: until then the kernel echoes too.
        deadline = time.monotonic() + 5
        while termios.tcgetattr(self.fd)[3] & termios.ICANON and time.monotonic() < deadline:
            time.sleep(0.001)
        os.write(self.fd, line.encode() + b"\r")

    def close(self):
        """Exit status, once it has ended."""
        with contextlib.suppress(OSError):
            while os.read(self.fd, 4096):
                pass
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)

"""One gateway: a sallyportd in its namespace and the console that drives it."""

import os
import select
import signal
import subprocess
import time

from . import pins, printout

REPOSITORY = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
BUILD = os.path.abspath(os.environ.get("SALLYPORT_BUILD", os.path.join(REPOSITORY, "build")))
DAEMON = os.path.join(BUILD, "src", "daemon", "sallyportd")
CONSOLE = os.path.join(BUILD, "src", "cli", "sallyport")
USER = os.environ.get("SALLYPORT_USER", "nobody")
START_TIMEOUT_S = 20


class ConsoleError(Exception):
    """The console refused a command; the text is its standard error."""


class StartError(Exception):
    """The daemon ended before it was ready; the text is its standard error."""


class Gateway:
    def __init__(self, ns, folder, daemon_args=()):
        self.ns = ns
        self.binary = DAEMON
        self.folder = folder
        self.state = f"{folder}/state"
        self.socket = f"{folder}/run/api.sock"
        self.log_path = f"{folder}/log"
        self.daemon_args = list(daemon_args)
        self.process = None
        os.makedirs(folder, exist_ok=True)
        self.pins = pins.folder_of(self.state)
        pins.note(os.path.dirname(folder), self.pins)

    # -- the daemon --

    def argv(self, *more):
        return [self.binary, "--state", self.state, "--socket", self.socket, "--foreground",
                "--user", USER, "--log-level", os.environ.get("SALLYPORT_LOG", "info"),
                *self.daemon_args, *more]

    def start(self, *more, enter=True):
        """Returns when the daemon says that it serves. ENTER false: it enters by --netns."""
        argv = self.argv(*more)
        argv = self.ns.argv(argv) if enter else argv + ["--netns", self.ns.name]
        with open(self.log_path, "ab") as log:
            log_start = log.tell()
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL,
                                            stdout=subprocess.PIPE, stderr=log)
        if not self._wait_ready():
            status = self._give_up()
            raise StartError(f"{self.log(log_start)}(ended with status {status})")
        return self

    def _wait_ready(self):
        deadline = time.monotonic() + START_TIMEOUT_S
        seen = b""
        while time.monotonic() < deadline:
            if select.select([self.process.stdout], [], [], 0.1)[0]:
                chunk = os.read(self.process.stdout.fileno(), 4096)
                if not chunk:
                    return False
                seen += chunk
                if b"ready" in seen.split():
                    return True
        return False

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, check=True):
        """A clean stop."""
        if self.running():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.kill()
                if check:
                    raise
        if check and self.process is not None and self.process.returncode != 0:
            raise RuntimeError(f"sallyportd ended with {self.process.returncode}:\n{self.log()}")
        self._forget()

    def kill(self):
        """kill -9: nothing of what it did in the kernel is undone by the daemon."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self._forget()

    def dispose(self):
        """Ends it and removes what a killed daemon leaves in the kernel."""
        self.stop(check=False)
        pins.remove(self.pins)

    def _give_up(self):
        """A daemon that is not ready: has ended, or is ended now."""
        try:
            return self.process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return "none: it hung"
        finally:
            self.kill()

    def _forget(self):
        if self.process is not None and self.process.stdout:
            self.process.stdout.close()

    def log(self, start=0):
        with open(self.log_path, encoding="utf-8", errors="replace") as f:
            f.seek(start)
            return f.read()

    # -- the console --

    def try_console(self, *commands):
        """Runs commands; gives exit status, standard output and standard error."""
        argv = []
        for command in commands:
            argv += ["-e", command]
        return _run_console(self.socket, argv)

    def run_script(self, path):
        return _run_console(self.socket, [str(path)])

    @staticmethod
    def try_console_at(socket, command):
        return _run_console(socket, ["-e", command])

    def console(self, *commands):
        status, out, err = self.try_console(*commands)
        if status != 0:
            raise ConsoleError(f"{'; '.join(commands)[:300]}: {err.strip() or status}")
        return out

    def refused(self, command):
        """A command that must fail; gives the text of the error."""
        status, out, err = self.try_console(command)
        assert status == 1, f"{command} was accepted: {out}"
        return err.strip()

    def clear(self):
        """Back to an empty configuration."""
        self.console("/ip ipsec policy remove [find]", "/ip ipsec manual-sa remove [find]",
                     "/ip ipsec peer remove [find]",
                     '/ip ipsec proposal remove [find name!="default"]',
                     "/ip ipsec proposal set default auth-algorithms=sha1 enc-algorithms=3des "
                     "lifetime=30m lifebytes=0 pfs-group=modp1024 disabled=no",
                     "/ip ipsec settings set strict-incoming-check=no")

    def policies(self):
        return printout.items(self.console("/ip ipsec policy print"))

    def policy_stats(self):
        """Counters of every policy in list order, as numbers where they are numbers."""
        rows = printout.items(self.console("/ip ipsec policy print stats"))
        return [{k: int(v) if isinstance(v, str) and v.isdigit() else v for k, v in row.items()}
                for row in rows]

    def installed_sas(self):
        return printout.items(self.console("/ip ipsec installed-sa print"))

    def statistics(self):
        record = printout.record(self.console("/ip ipsec statistics print"))
        return {k: int(v) for k, v in record.items() if v.isdigit()}


def _run_console(socket, argv):
    """Exit status, standard output and standard error."""
    done = subprocess.run([CONSOLE, "--socket", socket, *argv], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr

"""What the running daemon may do, read from /proc, and what it says when it may not start."""

import os
import pwd
import subprocess

import pytest
from lablib import pins
from lablib.gateway import DAEMON, USER

NET_ADMIN, NET_RAW, PERFMON, BPF = 12, 13, 38, 39
ALLOWED = sum(1 << cap for cap in (NET_ADMIN, NET_RAW, PERFMON, BPF))


def status(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def threads(pid):
    return [int(tid) for tid in os.listdir(f"/proc/{pid}/task")]


def test_every_thread_runs_unprivileged(lab):
    uid = pwd.getpwnam(USER).pw_uid
    assert uid != 0
    for tid in threads(lab.g1.pid):
        now = status(tid)
        assert now["Uid"].split() == [str(uid)] * 4
        assert "0" not in now["Gid"].split() and "0" not in now["Groups"].split()
        for which in ("CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd"):
            held = int(now[which], 16)
            assert held & ~ALLOWED == 0, f"{which} {held:x} of thread {tid}"
        assert int(now["CapEff"], 16) & (1 << NET_ADMIN)
        assert now["NoNewPrivs"] == "1"
        assert now["Seccomp"] == "2"


def test_memory_cannot_be_dumped(lab):
    """Keys stay out of core files, and other processes of the user cannot read them."""
    with open(f"/proc/{lab.g1.pid}/limits", encoding="ascii") as f:
        core = next(line for line in f if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"]
    # A process that cannot be dumped has a /proc entry that belongs to root.
    assert os.stat(f"/proc/{lab.g1.pid}/mem").st_uid == 0


def test_state_is_private(lab):
    folder = os.stat(lab.g1.state)
    assert folder.st_mode & 0o077 == 0
    for name in os.listdir(lab.g1.state):
        assert os.stat(os.path.join(lab.g1.state, name)).st_mode & 0o077 == 0, name
    assert os.stat(lab.g1.socket).st_mode & 0o007 == 0


def start_error(lab, tmp_path, *setpriv, extra=()):
    argv = lab.r1.argv(["setpriv", *setpriv, *daemon_argv(lab, tmp_path), *extra])
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=20, check=False)
    assert done.returncode == 1, done.stdout
    assert "ready" not in done.stdout
    return done.stderr


@pytest.mark.parametrize("capability", ["net_admin", "net_raw", "bpf"])
def test_missing_capability_is_named(lab, tmp_path, capability):
    text = start_error(lab, tmp_path, f"--bounding-set=-{capability}",
                       f"--inh-caps=-{capability}")
    assert f"CAP_{capability.upper()}" in text
    assert "root" in text or "capability" in text, "says what to do"


def test_missing_user_is_named(lab, tmp_path):
    text = start_error(lab, tmp_path, "--no-new-privs", extra=("--user", "no-such-user-here"))
    assert "no-such-user-here" in text


def daemon_argv(lab, tmp_path):
    pins.note(lab.run.folder, pins.folder_of(tmp_path / "state"))
    return [DAEMON, "--state", str(tmp_path / "state"), "--socket", str(tmp_path / "run" / "s"),
            "--foreground", "--user", USER]


@pytest.mark.parametrize("how", ["ip netns exec", "unshare"])
def test_private_mount_of_the_pin_folder_is_refused(lab, tmp_path, how):
    """Pins made there would vanish with the process: the incoming check would fail open."""
    if how == "unshare":
        argv = lab.r1.argv(["unshare", "--mount", "sh", "-c", "mount -t bpf bpf /sys/fs/bpf && "
                            'exec "$0" "$@"', *daemon_argv(lab, tmp_path)])
    else:
        argv = ["ip", "netns", "exec", lab.r1.name, *daemon_argv(lab, tmp_path)]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=20, check=False)
    assert done.returncode == 1 and "ready" not in done.stdout
    assert "/sys/fs/bpf" in done.stderr
    if how == "unshare":
        assert "nsenter" in done.stderr


def test_second_daemon_on_one_state_folder_is_refused(lab):
    done = subprocess.run(lab.r1.argv(lab.g1.argv()), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1 and lab.g1.state in done.stderr
    assert lab.g1.running() and lab.g1.console("/ip ipsec policy print") is not None

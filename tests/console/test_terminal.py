"""The console program at a terminal and at the command line, against a daemon in memory.

SALLYPORT_CONSOLE and SALLYPORT_FAKE_DAEMON name the programs (the build sets them).
"""

import os
import re
import stat
import subprocess

import pexpect
import pytest

CONSOLE = os.environ["SALLYPORT_CONSOLE"]
FAKE_DAEMON = os.environ["SALLYPORT_FAKE_DAEMON"]
TIMEOUT_S = 10


@pytest.fixture
def socket(tmp_path):
    path = tmp_path / "api.sock"
    daemon = subprocess.Popen([FAKE_DAEMON, str(path), "Router1"], stdout=subprocess.PIPE,
                              text=True)
    assert daemon.stdout.readline() == "ready\n"
    yield str(path)
    daemon.kill()
    daemon.wait()


@pytest.fixture
def home(tmp_path):
    path = tmp_path / "home"
    path.mkdir()
    return path


def run(socket, *argv, stdin=""):
    done = subprocess.run([CONSOLE, "--socket", socket, *argv], input=stdin, text=True,
                          capture_output=True, timeout=TIMEOUT_S, check=False)
    return done.returncode, done.stdout, done.stderr


# -- the command line --

def test_commands_share_one_session_and_stop_at_the_first_error(socket):
    status, out, err = run(socket, "-e", "ip ipsec policy", "-e", "add action=none comment=kept",
                           "-e", "add level=maybe", "-e", "print")
    assert (status, out) == (1, "")
    assert err == "input does not match any value of level (line 1 column 11)\n"
    assert run(socket, "-e", "/ip ipsec policy print count-only") == (0, "1\n", "")


def test_output_before_an_error_is_kept(socket):
    status, out, err = run(socket, "-e", ":put one; :put two; foo")
    assert (status, out, err) == (1, "one\ntwo\n", "bad command name foo (line 1 column 21)\n")


def test_script_file_names_the_line_of_its_error(socket, tmp_path):
    script = tmp_path / "x.rsc"
    script.write_text("# comment\n/ip ipsec policy\nadd action=none \\\n   level=maybe\n")
    status, out, err = run(socket, str(script))
    assert (status, out) == (1, "")
    assert err == "input does not match any value of level (line 4 column 10)\n"


def test_standard_input_is_a_script(socket):
    assert run(socket, stdin=":put 1\n:put 2\n") == (0, "1\n2\n", "")


def test_an_export_runs_as_a_script(socket, tmp_path):
    run(socket, "-e", '/ip ipsec manual-sa add name=a comment="x \\"y\\" \\$ \\? \\\\"',
        "-e", "/ip ipsec policy add manual-sa=a sa-src=1.0.0.1 sa-dst=1.0.0.2")
    script = tmp_path / "all.rsc"
    script.write_text(run(socket, "-e", "/export")[1])
    status, out, err = run(socket, "-e", "/ip ipsec policy remove [find]",
                           "-e", "/ip ipsec manual-sa remove [find]",
                           "-e", f"/import {script}", "-e", "/export")
    assert (status, err) == (0, "") and out == script.read_text()


def test_missing_daemon_names_socket_and_remedy(tmp_path):
    path = str(tmp_path / "none.sock")
    status, out, err = run(path, "-e", "print")
    assert (status, out) == (1, "") and path in err and "sallyportd" in err and "--socket" in err


def test_missing_script_is_an_error(socket):
    status, _, err = run(socket, "/nonexistent/x.rsc")
    assert status == 1 and "/nonexistent/x.rsc: No such file" in err


@pytest.mark.parametrize("argv", [["--wrong"], ["-e"], ["a.rsc", "b.rsc"], ["a.rsc", "-e", "x"]])
def test_wrong_usage(socket, argv):
    assert run(socket, *argv)[0] == 2


def test_help_and_version_need_no_daemon():
    assert run("/nonexistent", "--help")[0] == 0
    assert re.fullmatch(r"sallyport \d+\.\d+\.\d+\n", run("/nonexistent", "--version")[1])


def test_bytes_from_the_daemon_cannot_act_on_the_terminal(socket):
    out = run(socket, "-e", "/ip ipsec installed-sa print")[1]
    assert "\x1b" not in out and "state=ma\\1B[31mture" in out


def test_print_file_is_private(socket, tmp_path):
    target = tmp_path / "sas"
    assert run(socket, "-e", f"/ip ipsec installed-sa print file={target}") == (0, "", "")
    written = tmp_path / "sas.txt"
    assert "spi=E727605" in written.read_text()
    assert stat.S_IMODE(written.stat().st_mode) == 0o600


# -- the terminal --

class Terminal:
    """A person at the console. Control sequences are dropped from what is seen."""

    def __init__(self, socket, home, columns=80):
        # libedit never frees the names that EL_ADDFN gave it: no leak check where it runs.
        sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        self.child = pexpect.spawn(CONSOLE, ["--socket", socket], timeout=TIMEOUT_S,
                                   encoding="utf-8", dimensions=(40, columns),
                                   env={**os.environ, "TERM": "xterm", "HOME": str(home),
                                        "ASAN_OPTIONS": sanitizer})

    def expect(self, text):
        """Waits for TEXT; gives what came before it."""
        pattern = "".join(re.escape(c) + r"(?:\x1b\[[0-9;?]*[a-zA-Z]|\r|\x08 \x08)*" for c in text)
        self.child.expect(pattern)
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", self.child.before)

    def type(self, text):
        self.child.send(text)

    def command(self, line, prompt):
        """Types LINE; gives what is seen up to PROMPT, echo included."""
        self.type(line + "\r")
        return self.expect(prompt)

    def end(self):
        self.child.expect(pexpect.EOF)
        self.child.close()
        return self.child.exitstatus


ROOT = "[admin@Router1] > "
POLICY = "[admin@Router1] ip ipsec policy> "


@pytest.fixture
def terminal(socket, home):
    t = Terminal(socket, home)
    t.expect(ROOT)
    yield t
    t.child.close(force=True)


def test_prompt_follows_menu_and_identity(terminal):
    terminal.command("ip ipsec policy", POLICY)
    terminal.command("..", "[admin@Router1] ip ipsec> ")
    terminal.command("/", ROOT)
    terminal.command("system identity set name=gw2", "[admin@gw2] > ")
    terminal.type("/quit\r")
    assert terminal.end() == 0


def test_errors_are_seen_and_the_session_goes_on(terminal):
    assert "bad command name foo (line 1 column 1)" in terminal.command("foo", ROOT)
    terminal.command("ip ipsec policy", POLICY)


def test_continuation(terminal):
    terminal.command("ip ipsec policy", POLICY)
    terminal.type("add sa-src=10.0.0.147 \\\r")
    terminal.expect("\\... ")
    terminal.command("sa-dst=10.0.0.148 act=enc", POLICY)
    seen = terminal.command("print", POLICY)
    assert "src-address=10.0.0.147/32:any dst-address=10.0.0.148/32:any" in seen
    terminal.type(':put "two\r')
    terminal.expect('"\\... ')
    assert "two\nlines" in terminal.command('lines"', POLICY).replace("\r", "")


def test_ctrl_c_drops_the_input(terminal):
    terminal.type("ip ipsec pol\x03")
    terminal.expect(ROOT)
    terminal.type("add [find \r")
    terminal.expect("[\\... ")
    terminal.type("x\x03")
    terminal.expect(ROOT)
    terminal.command("ip ipsec policy", POLICY)


def test_ctrl_d_leaves_only_on_an_empty_line(terminal):
    terminal.type("x\x04")
    assert "bad command name x" in terminal.command("", ROOT)
    terminal.type("\x04")
    assert terminal.end() == 0


def test_tab_completes_words_arguments_and_values(terminal):
    terminal.type("ip ips\tpol\t")
    terminal.expect("ip ipsec policy ")
    terminal.type("\r")
    terminal.expect(POLICY)
    terminal.command("add act\tdis\tsa-s\t1.0.0.1 sa-d\t1.0.0.2", POLICY)
    seen = terminal.command("print", POLICY)
    assert "action=discard" in seen
    assert "sa-src-address=1.0.0.1 sa-dst-address=1.0.0.2" in seen


def test_second_tab_lists_the_options(terminal):
    terminal.command("ip ipsec policy", POLICY)
    terminal.type("add sa-\t\t")
    seen = terminal.expect(POLICY + "add sa-")
    assert re.search(r"sa-dst-address\s+sa-src-address", seen)


def test_tab_extends_to_the_common_start(terminal):
    terminal.command("ip ipsec policy", POLICY)
    terminal.command("add action=none sa-\tsr\t1.0.0.7", POLICY)
    assert "sa-src-address=1.0.0.7" in terminal.command("print", POLICY)
    terminal.type("print wi\t")
    terminal.expect("without-paging ")
    terminal.type("\x03")
    terminal.expect(POLICY)


def test_tab_completes_item_names(terminal):
    terminal.command("/ip ipsec manual-sa add name=branch-office", ROOT)
    terminal.type("/ip ipsec manual-sa remove br\t")
    terminal.expect("branch-office ")
    terminal.type("\r")
    terminal.expect(ROOT)
    assert "0" in terminal.command("/ip ipsec manual-sa print count-only", ROOT)


def test_letters_in_order_complete(terminal):
    terminal.command("ip ipsec", "[admin@Router1] ip ipsec> ")
    terminal.command("mnsa\tadd name=x", "[admin@Router1] ip ipsec> ")
    assert 'name="x"' in terminal.command("manual-sa print", "[admin@Router1] ip ipsec> ")


def test_question_mark_helps_at_once_and_is_not_entered(terminal):
    terminal.command("ip ipsec policy", POLICY)
    terminal.type("?")
    seen = terminal.expect(POLICY)
    assert "add -- add a new item" in seen and "move -- " in seen and "print -- " in seen
    terminal.type("add lev?")
    seen = terminal.expect(POLICY + "add lev")
    assert "level -- " in seen and "action" not in seen
    terminal.type("=?")
    seen = terminal.expect(POLICY + "add lev=")
    assert re.search(r"require\s+unique\s+use", seen)
    terminal.type("\x15")
    assert "Flags" not in terminal.command("print", POLICY)


def test_question_mark_in_quotes_is_text(terminal):
    seen = terminal.command(':put "what?"', ROOT)
    assert seen.count("what?") >= 2


def test_help_below_a_line_longer_than_the_screen(socket, home):
    t = Terminal(socket, home, columns=60)
    t.expect(ROOT)
    t.type("/ip ipsec policy add src-address=10.1.0.0/24 dst-address=10.2.0.0/24 comm?")
    seen = t.expect("comment -- ")
    assert seen
    t.type("\x03")
    t.expect(ROOT)
    t.child.close(force=True)


def test_history_is_kept_and_private(socket, home):
    first = Terminal(socket, home)
    first.expect(ROOT)
    first.command(":put remembered", ROOT)
    first.type("/quit\r")
    first.end()
    kept = home / ".sallyport_history"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    second = Terminal(socket, home)
    second.expect(ROOT)
    second.type("\x1b[A\x1b[A\r")
    second.expect(":put remembered")
    second.expect("remembered")
    second.expect(ROOT)
    second.child.close(force=True)


def test_history_behind_a_link_is_left_alone(socket, home, tmp_path):
    target = tmp_path / "victim"
    target.write_text("mine\n")
    (home / ".sallyport_history").symlink_to(target)
    t = Terminal(socket, home)
    t.expect(ROOT)
    t.command(":put x", ROOT)
    t.type("/quit\r")
    t.end()
    assert target.read_text() == "mine\n"


def test_interval_repaints_until_ctrl_c(terminal):
    terminal.type("/ip ipsec statistics print interval=1\r")
    terminal.expect("unknown-spi: 3")
    terminal.expect("unknown-spi: 3")
    terminal.child.sendintr()
    terminal.expect(ROOT)
    assert "1" in terminal.command(":put 1", ROOT)

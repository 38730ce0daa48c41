"""The console as a person and a script use it: one-shot commands, script files, the prompt."""

from lablib.printout import collapse
from lablib.terminal import Terminal


def test_printout_is_the_references(lab):
    lab.g1.console("/ip ipsec policy add src-address=10.0.0.147 dst-address=10.0.0.148/32:any "
                   "action=none")
    assert collapse(lab.g1.console("/ip ipsec policy print")) == collapse("""
        Flags: X - disabled, D - dynamic, I - inactive
         0    src-address=10.0.0.147/32:any dst-address=10.0.0.148/32:any protocol=all
              action=none level=require ipsec-protocols=esp tunnel=no
              sa-src-address=0.0.0.0 sa-dst-address=0.0.0.0 proposal=default
              manual-sa=none priority=0""")


def test_first_error_ends_the_run(lab):
    status, out, err = lab.g1.try_console(
        "/ip ipsec policy add action=none comment=first src-address=10.9.0.0/16",
        "/ip ipsec policy add action=sideways",
        "/ip ipsec policy add action=none comment=third src-address=10.8.0.0/16")
    assert status == 1 and out == "" and "input does not match any value of action" in err
    assert [p.get("comment") for p in lab.g1.policies()] == ["first"]


def test_script_file(lab, tmp_path):
    script = tmp_path / "good.rsc"
    script.write_text("# two policies\n/ip ipsec policy\n"
                      "add action=none src-address=10.9.0.0/16 \\\n    dst-address=10.8.0.0/16\n"
                      "add action=discard src-address=10.7.0.0/16 dst-address=10.8.0.0/16\n"
                      "/ip ipsec policy print count-only\n")
    status, out, err = lab.g1.run_script(script)
    assert (status, err) == (0, "") and out.split()[-1:] == ["2"]


def test_abbreviations_and_paths(lab):
    lab.g1.console("ip ipsec policy add sa-src=1.0.0.1 sa-dst=1.0.0.2 act=enc")
    policy = lab.g1.policies()[0]
    assert policy["src-address"] == "1.0.0.1/32:any"
    assert policy["dst-address"] == "1.0.0.2/32:any"
    assert policy["sa-dst-address"] == "1.0.0.2"


def test_daemon_that_is_not_there(lab):
    status, out, err = lab.g1.try_console_at("/nonexistent/api.sock", "/ip ipsec policy print")
    assert status == 1 and out == "" and "/nonexistent/api.sock" in err


def test_prompt_follows_menu_and_identity(lab):
    old = lab.g1.console("/system identity print").split("name:")[1].strip().strip('"')
    lab.g1.console("/system identity set name=Router1")
    try:
        terminal = Terminal(lab.g1.socket)
        terminal.expect("[admin@Router1] > ")
        terminal.type("ip ipsec policy")
        terminal.expect("[admin@Router1] ip ipsec policy> ")
        terminal.type("add action=none src-address=10.9.0.0/16 \\")
        terminal.expect("\\... ")
        terminal.type("dst-address=10.8.0.0/16")
        terminal.expect("[admin@Router1] ip ipsec policy> ")
        terminal.type("print")
        terminal.expect("src-address=10.9.0.0/16:any dst-address=10.8.0.0/16:any")
        terminal.type("/quit")
        assert terminal.close() == 0
    finally:
        lab.g1.console(f"/system identity set name={old}")

"""Fixtures of the lab tests. Run them through `./dev test` or `./dev lab`."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from lablib.gateway import CONSOLE, DAEMON  # noqa: E402
from lablib.nat import NatLab  # noqa: E402
from lablib.netns import Run  # noqa: E402
from lablib.strongswan import SwanLab, installed  # noqa: E402
from lablib.topology import Lab  # noqa: E402

FALLBACKS = ("--disable-feature", "nf-link", "--disable-feature", "uso")
FEATURES = {"features": (), "fallbacks": FALLBACKS}
LABS = ("lab", "any_lab", "nat_lab", "any_nat_lab", "swan_lab")


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="the whole matrix, not the CI subset")
    parser.addoption("--soak", type=float, default=1.0,
                     help="factor on the length of traffic in the leak tests")


def pytest_configure(config):
    config.addinivalue_line("markers", "no_daemon: needs neither root nor the daemon")
    config.addinivalue_line("markers", "full: only with --full")


def pytest_collection_modifyitems(config, items):
    missing = None
    if os.geteuid() != 0:
        missing = "needs root for network namespaces"
    elif not (os.path.exists(DAEMON) and os.path.exists(CONSOLE)):
        missing = f"{DAEMON} or the console is not built"
    for item in items:
        if missing and not item.get_closest_marker("no_daemon"):
            item.add_marker(pytest.mark.skip(reason=missing))
        if item.get_closest_marker("full") and not config.getoption("--full"):
            item.add_marker(pytest.mark.skip(reason="only with --full"))


@pytest.fixture(scope="session")
def run():
    r = Run()
    yield r
    r.close()
    assert r.leftovers() == []


@pytest.fixture(scope="module")
def lab(run):
    """Both gateways, all kernel features."""
    yield from _started(run, ())


@pytest.fixture(scope="module", params=list(FEATURES))
def any_lab(run, request):
    """Both gateways, once with all kernel features and once with every fallback forced."""
    yield from _started(run, FEATURES[request.param])


@pytest.fixture(scope="module")
def nat_lab(run):
    """R1 behind a masquerading router, all kernel features."""
    yield from _started(run, (), NatLab)


@pytest.fixture(scope="module", params=list(FEATURES))
def any_nat_lab(run, request):
    """The same, once with all kernel features and once with every fallback forced."""
    yield from _started(run, FEATURES[request.param], NatLab)


@pytest.fixture(scope="module")
def swan_lab(run):
    """Our gateway at R1, strongSwan at R2."""
    if not installed():
        pytest.skip("strongSwan is not installed")
    yield from _started(run, (), SwanLab)


def _started(run, daemon_args, kind=Lab):
    made = kind(run, daemon_args)
    try:
        made.start()
        yield made
        for g in made.gateways:
            reports = [line for line in g.log().splitlines()
                       if "runtime error:" in line or "Sanitizer" in line]
            assert reports == [], "a sanitizer complains about the daemon"
    finally:
        made.close()


@pytest.fixture(autouse=True)
def clean(request):
    """Every test starts from gateways that run and have an empty configuration."""
    names = [n for n in LABS if n in request.fixturenames]
    if names:
        request.getfixturevalue(names[0]).reset()
    yield


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A failed test shows what the daemons logged."""
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed:
        for name in LABS:
            if name in getattr(item, "fixturenames", ()) and name in item.funcargs:
                for title, text in item.funcargs[name].logs():
                    report.sections.append((f"log of {title}", text[-4000:]))

"""Seeds, Hypothesis profiles and floating-point strictness of the whole suite."""

import gc
import importlib.util
import os
import secrets
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

pytest_plugins = ("modelcollapse_pytest",)  # also where the clone is not installed

# PyTorch reads it when it is first imported; see modelcollapse.language.backend.require.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

LANGUAGE = ("torch", "transformers", "datasets", "accelerate")
COLLECTED = pytest.StashKey()  # those of them that collecting the tests imported
SLOW = Path(__file__).with_name("slow.txt")  # the tests that are not quick, by --record-slow
QUICK = 0.05  # seconds that every item of a quick test takes at most, once loops are compiled
LONGEST = tuple(
    f"tests/{name}.py"
    for name in (
        "language/test_collapse",
        "ledger/test_ledger",
        "theory/test_theory",
        "language/test_loop",
        "docs/test_docs",
        "cli/test_signals",
    )
)

settings.register_profile("ci", max_examples=50, deadline=None, derandomize=True, print_blob=True)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_addoption(parser):
    """Add --seed N and --vary-seed, as statistical assertions must pass under any seed.

    Add --record-slow, which writes the list that ``-m quick`` leaves out, and --thorough.
    """
    parser.addoption("--seed", type=int, default=0, help="seed of all statistical assertions")
    parser.addoption("--vary-seed", action="store_true", help="draw that seed afresh and print it")
    parser.addoption(
        "--thorough", action="store_true", help="try several times as much of what chance draws"
    )
    parser.addoption(
        "--record-slow", action="store_true", help=f"write {SLOW.name} after all tests"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """With several processes, let each run whole files, whose tests share simulations.

    Each computes with one thread, as the others have the other cores. A process that a hanging
    test has ended is not started again: it would hang again.
    """
    if not getattr(config.option, "numprocesses", None):
        return
    for library in ("OMP", "OPENBLAS", "MKL"):  # read by the processes, when they import it
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    if config.option.maxworkerrestart is None:
        config.option.maxworkerrestart = "0"
    if config.option.dist == "no":
        config.option.dist = "loadfile"
        config.option.loadscopereorder = False


def pytest_configure(config):
    """Fix the seed before workers start, so that all of them use the same."""
    if config.getoption("--vary-seed") and not hasattr(config, "workerinput"):
        config.option.seed = secrets.randbelow(2**31)
        config.option.vary_seed = False
    config.option.collapse_seed = config.option.seed
    if config.getoption("--record-slow"):
        config.pluginmanager.register(Slow(writes=not hasattr(config, "workerinput")))


class Slow:
    """Writes the list of slow tests: those of which an item took more than QUICK seconds.

    What a test shares with others (a fixture of its file, say) counts for each that uses it, as
    each may be the first. Tests that did not run stay as they are in the list.
    """

    def __init__(self, *, writes):
        self.writes = writes
        self.shared = set()  # fixtures used by several tests that took long
        self.seconds = Counter()

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef):
        """Note a fixture that several tests share and that takes long."""
        start = time.perf_counter()
        result = yield
        if fixturedef.scope != "function" and time.perf_counter() - start > QUICK:
            self.shared.add((fixturedef.baseid, fixturedef.argname))
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item):
        """Say of an item that it uses one of those fixtures."""
        result = yield
        for name in item.fixturenames:
            for definition in item.session._fixturemanager.getfixturedefs(name, item) or ():
                if (definition.baseid, name) in self.shared:
                    item.user_properties.append(("shares", name))
        return result

    def pytest_runtest_logreport(self, report):
        """Add up an item's set-up, call and end."""
        shares = any(key == "shares" for key, _ in report.user_properties)
        self.seconds[report.nodeid] += report.duration + (QUICK if shares else 0)

    def pytest_sessionfinish(self):
        """Write the list."""
        if self.writes:
            slow = {function(item) for item, seconds in self.seconds.items() if seconds > QUICK}
            kept = set(SLOW.read_text().split()) - {function(item) for item in self.seconds}
            SLOW.write_text("".join(f"{name}\n" for name in sorted(slow | kept)))


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Spare the garbage collector what lives to the end: the libraries and the tests themselves."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Begin with the files that take minutes, then with those of many slow tests.

    So no process waits for another at the end.

    Mark what is quick: all that needs no language model and is not in the list. Skip, one by one,
    the tests of the language room where one of its packages is absent.
    """
    slow = set(SLOW.read_text().split())
    work = Counter(item.path for item in items if function(item.nodeid) in slow)
    items.sort(key=lambda item: (not item.nodeid.startswith(LONGEST), -work[item.path]))
    for item in items:
        if function(item.nodeid) not in slow and not item.get_closest_marker("language"):
            item.add_marker(pytest.mark.quick)
    absent = [name for name in LANGUAGE if importlib.util.find_spec(name) is None]
    if absent:
        reason = f"without {', '.join(absent)}: pip install -e '.[test]' brings all"
        for item in items:
            if item.get_closest_marker("language"):
                item.add_marker(pytest.mark.skip(reason=reason))


def function(nodeid):
    """Return the name of an item's test function with its file, without parameters."""
    return nodeid.partition("[")[0]


def pytest_collection_finish(session):
    """Note what collecting imported, before a test imports more."""
    session.config.stash[COLLECTED] = sorted(sys.modules.keys() & set(LANGUAGE))


def pytest_report_header(config):
    """Print the seed, so that a run can be repeated."""
    return f"seed: {config.getoption('--seed')} (repeat with --seed)"


@pytest.fixture(scope="session")
def seed(request):
    """Return the seed of this run."""
    return request.config.getoption("--seed")


@pytest.fixture(scope="session")
def tries(request):
    """Return a function that chooses how much is tried: few, or with --thorough many."""
    thorough = request.config.getoption("--thorough")
    return lambda few, many: many if thorough else few


@pytest.fixture(scope="session")
def collected(pytestconfig):
    """Return which packages of the language room were imported to collect the tests."""
    return pytestconfig.stash[COLLECTED]


@pytest.fixture(autouse=True)
def strict_floats():
    """Make every floating-point error an exception, but underflow, which collapse is made of."""
    with np.errstate(all="raise", under="ignore"):
        yield


@pytest.fixture(scope="module")
def interruptible():
    """Let signals end new processes, and SIGINT interrupt this one too.

    A background job of a shell ignores SIGINT, and one that was started with nohup SIGHUP.
    """
    before = {signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler)}
    if hasattr(signal, "SIGHUP"):
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)

"""The pytest plugin of modelcollapse: options, fixtures, a marker, and the ledger as tests.

pytest loads it in every run of an environment that has the package. So it stands beside the
package and imports nothing of it before a test asks: neither time nor lines that `coverage` has to
see are spent on projects and runs that do not use it. `modelcollapse.testing.checks` does the work.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from modelcollapse import Run, Runs
    from modelcollapse.testing.checks import Held

LEDGER = Path(__file__).parent / "modelcollapse" / "testing" / "ledger.py"
CHECK = "collapse_check"  # the key under which an item's report carries its statistical checks
MARKER = "collapse_statistical"
USAGE = f"@pytest.mark.{MARKER}(alpha=1e-9)"
HELP = (
    f"{MARKER}(alpha): a test that errs by chance, with a probability of at most alpha; it counts "
    "in the summary of statistical checks, and is not retried"
)
RETRIES = ("reruns", "retries", "force_flaky")  # options of plugins that repeat what has failed


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the seed and the error probability of the checks."""
    group = parser.getgroup("modelcollapse")
    group.addoption("--collapse-seed", metavar="N", default="0", help="seed of loops (default: 0)")
    group.addoption(
        "--collapse-alpha",
        metavar="A",
        default="1e-9",
        help="false-alarm probability of each verdict (default: 1e-9)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, check the options, and count the checks where the summary is made."""
    config.addinivalue_line("markers", HELP)
    option = config.option
    option.collapse_seed = _seed(option.collapse_seed)
    option.collapse_alpha = _alpha("--collapse-alpha", option.collapse_alpha, pytest.UsageError)
    if not hasattr(config, "workerinput"):  # a process of xdist's sends its reports to this one
        config.pluginmanager.register(Summary(), "modelcollapse-summary")


def _seed(value: Any) -> int:
    text = str(value)
    if not (text.isascii() and text.isdigit()):
        raise pytest.UsageError(
            f"--collapse-seed = {text!r} is not valid: give a whole number, at least 0"
        )
    return int(text)


def _alpha(name: str, value: Any, error: Callable[[str], BaseException]) -> float:
    try:
        alpha = float("nan" if isinstance(value, bool) else value)
    except (TypeError, ValueError):
        alpha = float("nan")
    if not 0.0 < alpha < 1.0:
        raise error(
            f"{name} = {value!r} is not valid: give a number strictly between 0 and 1, such as 1e-9"
        )
    return alpha


def pytest_pycollect_makemodule(
    module_path: Path, parent: pytest.Collector
) -> pytest.Collector | None:
    """Collect the ledger as one item per theorem, whatever names a project gives its tests."""
    if module_path.name != LEDGER.name or module_path.resolve() != LEDGER.resolve():
        return None
    from modelcollapse.testing.ledger import Ledger

    ledger: pytest.Collector = Ledger.from_parent(parent, path=module_path)
    return ledger


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Hold a statistical test to what it states; of a test that runs again the last run counts."""
    item.user_properties[:] = [said for said in item.user_properties if said[0] != CHECK]
    if item.get_closest_marker(MARKER) is None:
        return
    alpha = _stated(item)
    if how := _retried(item):
        pytest.fail(
            f"{item.name} is a statistical test and would be retried ({how}): a test that may try "
            f"again errs more often than alpha = {alpha:g} says, or misses what it should find. "
            "Leave the retries out, or put @pytest.mark.flaky(reruns=0) on this test",
            pytrace=False,
        )
    item.user_properties.append((CHECK, {"alpha": alpha, "verdict": ""}))


def _stated(item: pytest.Item) -> float:
    """Return the error probability that a test's marker states, or fail the test."""
    marker = item.get_closest_marker(MARKER)
    if marker is None:
        pytest.fail(f"collapse_alpha needs the marker of {item.name}: {USAGE}", pytrace=False)
    if marker.args or set(marker.kwargs) != {"alpha"}:
        lacks = "lacks alpha" if "alpha" not in marker.kwargs else "takes alpha alone, by name"
        pytest.fail(f"the marker {MARKER} of {item.name} {lacks}: write {USAGE}", pytrace=False)
    name = f"alpha of the marker {MARKER} of {item.name}"
    return _alpha(name, marker.kwargs["alpha"], partial(pytest.fail.Exception, pytrace=False))


def _retried(item: pytest.Item) -> str:
    """Return what would repeat a test that has failed, or nothing."""
    marker = item.get_closest_marker("flaky")
    if marker is not None:
        first = marker.kwargs.get("reruns", marker.args[0] if marker.args else None)
        # pytest-rerunfailures takes 0 for never; the package flaky has a marker of that name too.
        never = first == 0 and not item.config.pluginmanager.has_plugin("flaky")
        return "" if never else "the marker flaky"
    if hasattr(getattr(item, "obj", None), "_flaky_max_runs"):
        return "the decorator flaky"
    for name in RETRIES:
        if item.config.getoption(name, None) or _configured(item.config, name):
            return f"--{name.replace('_', '-')}"
    return ""


def _configured(config: pytest.Config, name: str) -> bool:
    """Return whether a project's configuration sets an option; it may not exist."""
    try:
        return config.getini(name) not in (None, "", "0", 0, False)
    except (KeyError, ValueError):
        return False


class Summary:
    """Adds up the error probabilities of all statistical checks of a session."""

    def __init__(self) -> None:
        self.checks: dict[str, list[dict[str, Any]]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the checks of a test that was run."""
        skipped = report.skipped and not hasattr(report, "wasxfail")
        if report.when == "call" and not skipped:
            found = [said for name, said in report.user_properties if name == CHECK]
            if found:
                self.checks[report.nodeid] = found  # type: ignore[assignment]

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say how probable it is that any of them was wrong."""
        checks = [check for found in self.checks.values() for check in found]
        if not checks:
            return
        terminalreporter.section("statistical checks")
        terminalreporter.line(sentence(checks))


def sentence(checks: list[dict[str, Any]]) -> str:
    """Return what a session's checks amount to; alpha 0 is of what is decided without chance."""
    levels = Counter(check["alpha"] for check in checks if check["alpha"] > 0)
    weak = [check for check in checks if check["verdict"] == "weak"]
    certain = len(checks) - levels.total() - sum(check["alpha"] == 0 for check in weak)
    if len(levels) == 1:
        parts = f"{levels.total()} by chance at alpha = {next(iter(levels)):g} each"
    else:
        each = ", ".join(f"{count} at alpha = {a:g}" for a, count in sorted(levels.items()))
        parts = f"{levels.total()} by chance" + (f" ({each})" if each else "")
    alarms = min(1.0, sum(alpha * count for alpha, count in levels.items()))
    return (
        f"{len(checks)} checked: {parts}, {certain} without chance; any false alarm in all has a "
        f"probability of at most {alarms:.3g}; {len(weak)} undetermined"
    )


@pytest.fixture
def collapse_seed(request: pytest.FixtureRequest) -> int:
    """Return this test's own seed: below 2^32, from --collapse-seed and the test's name and file.

    The same --collapse-seed gives a test the same seed, whichever tests run beside it and in
    whatever order; different tests, and different parameters, have independent ones.
    """
    from hashlib import sha256

    node = request.node
    # The parent's, as xdist adds the name of a group to an item's own.
    key = f"{request.config.option.collapse_seed}/{node.parent.nodeid}::{node.name}"
    return int.from_bytes(sha256(key.encode()).digest()[:4], "big")


@pytest.fixture
def collapse_alpha(request: pytest.FixtureRequest) -> float:
    """Return the error probability that the test's marker `collapse_statistical` states."""
    return _stated(request.node)


@pytest.fixture
def collapse_run(collapse_seed: int) -> "Callable[..., Run | Runs]":
    """Return `modelcollapse.run` with this test's own seed.

    Two runs of one test share it and are not independent: give one ``seed=collapse_seed + 1``.
    """
    from modelcollapse.loop.replicates import run

    return partial(run, seed=collapse_seed)


@pytest.fixture
def collapse_verdict(request: pytest.FixtureRequest) -> "Held":
    """Return a function that verifies a loop or a theorem, and fails the test if it should not.

    See `modelcollapse.testing.checks.Held`: it takes an experiment, a slug of the ledger or a
    theorem of one's own, at --collapse-seed and --collapse-alpha.
    """
    from modelcollapse.testing.checks import Held

    return Held(request.node)

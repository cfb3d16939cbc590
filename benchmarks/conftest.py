"""One thread, one seed, and tables of ratios at the end of the run."""

import os

import pytest
from threadpoolctl import threadpool_limits

from benchmarks import report
from benchmarks.cells import CELLS
from benchmarks.kde_cells import LOOPS

# PyTorch reads it when it is first imported: what modelcollapse.language sets, for both sides.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

STEPS = pytest.StashKey()
RUNS = pytest.StashKey()
OTHERS = pytest.StashKey()


def pytest_addoption(parser):
    """Add --bench-seed N and --save-results."""
    parser.addoption("--bench-seed", type=int, default=0, help="seed of all benchmarks")
    parser.addoption(
        "--save-results",
        action="store_true",
        help="write benchmarks/results.json (whole runs only)",
    )


def pytest_configure(config):
    """Prepare the places where medians are collected."""
    for key in (STEPS, RUNS, OTHERS):
        config.stash[key] = {}


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Keep linear algebra on one thread, for both sides."""
    with threadpool_limits(1):
        yield


@pytest.fixture
def bench_seed(request):
    """Return the seed of this run."""
    return request.config.getoption("--bench-seed")


@pytest.fixture
def rounds(benchmark):
    """Return `benchmark.pedantic` for rounds that are evidence: untimed, all of them run, too."""

    def run(target, setup, count):
        for _ in range(count - 1 if benchmark.disabled else 0):
            arguments, options = setup()
            target(*arguments, **options)
        benchmark.pedantic(target, setup=setup, rounds=count)

    return run


@pytest.fixture
def record_step(request, benchmark):
    """Return a function that keeps a side's median, in microseconds per repeat and generation."""

    def keep(cell, side, steps):
        if benchmark.stats:  # None under --benchmark-disable
            microseconds = 1e6 * benchmark.stats.stats.median / steps
            benchmark.extra_info["us_per_step"] = microseconds
            request.config.stash[STEPS].setdefault(cell, {})[side] = microseconds

    return keep


@pytest.fixture
def record_run(request, benchmark):
    """Return a function that keeps a median run of a kernel density loop, in milliseconds.

    A side is "paper", or the tolerance of the simulator.
    """

    def keep(loop, side):
        if benchmark.stats:
            milliseconds = 1e3 * benchmark.stats.stats.median
            benchmark.extra_info["ms"] = milliseconds
            request.config.stash[RUNS].setdefault(loop.name, {})[side] = milliseconds

    return keep


@pytest.fixture
def record_other(request, benchmark):
    """Return a function that keeps a number of which there is no ratio: the median, or `value`."""

    def keep(name, unit, scale=1, value=None):
        if benchmark.stats:
            number = benchmark.stats.stats.median if value is None else value
            request.config.stash[OTHERS][f"{name}, {unit}"] = scale * number

    return keep


@pytest.hookimpl(wrapper=True)
def pytest_terminal_summary(terminalreporter, config):
    """Print the tables after everything else and, on request, save them."""
    yield
    steps, runs, others = (config.stash[key] for key in (STEPS, RUNS, OTHERS))
    complete = {cell: sides for cell, sides in steps.items() if len(sides) == len(report.SIDES)}
    loops = [loop for loop in LOOPS if {"paper", *loop.floors} <= set(runs.get(loop.name, ()))]
    if complete or loops:
        terminalreporter.section("ratios, for information")
    if complete:
        terminalreporter.write_line(report.ratios(complete))
    if loops:
        terminalreporter.write_line(report.kde_ratios(loops, runs, report.committed_kde()))
    if others:
        terminalreporter.section("other numbers, for information")
        terminalreporter.write_line(report.others(others))
    whole = len(complete) == len(CELLS) and len(loops) == len(LOOPS)
    if config.getoption("--save-results") and whole:
        report.save(complete, report.kde_entries(loops, runs), others)
        terminalreporter.write_line(f"saved to {report.RESULTS.name}")

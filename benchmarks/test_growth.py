"""How cost grows in T, n, d, replicates, cells and rows: exponents, fitted and asserted.

What is asserted of processor time has a wide margin (see `growth_cells.MARGIN`); calls and bytes
are counted, and the same in every run.
"""

import numpy as np
import pytest

from benchmarks import growth_cells as cells
from modelcollapse import InvalidInput, NoClosedForm, solver
from modelcollapse.cli.output import write_table
from modelcollapse.sweep import Sweep, run
from modelcollapse.sweep.cells import Cell

GROUP = "exponents of growth"
SOLVED = ("squared_errors", "error_variances", "information")
GENERATIONS = (16, 32, 64)
CELLS = (4, 8, 16)
ROWS = (4096, 8192, 16384)


@pytest.fixture(scope="module")
def loops():
    """Return the loops that exist: most families have most workflows."""
    found = cells.loops()
    assert len(found) > len(cells.FAMILIES) * len(cells.BY_NAME) / 2
    return found


@pytest.fixture
def report(benchmark, record_other):
    """Return a function that fits all exponents, keeps them, and returns those that are too large.

    It is given measurements: name, exponent due, margin, and a call that returns sizes and costs.
    """

    def fit(what, measurements):
        found = {}

        def all_of_them():
            for name, due, margin, measure in measurements:
                found[name] = cells.exponent(*measure()), due, margin

        benchmark.group = GROUP
        benchmark.pedantic(all_of_them, rounds=1)
        benchmark.extra_info.update({name: round(e, 2) for name, (e, _, _) in found.items()})
        worst = max(found, key=lambda name: found[name][0] - found[name][1])
        record_other(
            f"growth of {what}: the largest exponent beyond what is due, {worst}",
            "",
            value=found[worst][0] - found[worst][1],
        )
        return [f"{n}: {e:.2f}, due {due}" for n, (e, due, m) in found.items() if e > due + m]

    return fit


def axes(loop, operation):
    """Return the axes along which a loop's operation can be doubled."""
    return [a for a in cells.OPERATIONS[operation] if a != "d" or loop.family in cells.DIMENSIONS]


@pytest.mark.parametrize("operation", cells.OPERATIONS)
def test_loops(report, loops, operation):
    """Predicting and simulating cost what their algorithms cost, in every family and workflow."""

    def measurements():
        for loop in loops:
            for axis in axes(loop, operation):
                first = cells.FIRST.get(axis) or cells.DIMENSIONS[loop.family][1]
                yield (
                    f"{loop.family} {loop.workflow} {axis}",
                    loop.due(operation, axis),
                    cells.MARGIN,
                    lambda loop=loop, axis=axis, first=first: cells.doubled(
                        lambda size: cells.call(loop, operation, axis, size),
                        first,
                        cells.MOST[axis],
                    ),
                )

    assert report(operation, measurements()) == []


@pytest.mark.parametrize("name", SOLVED)
def test_solver(report, name):
    """Calls and bytes are linear in T for every workflow, and quadratic where T x T is given."""
    solve = getattr(solver, name)
    counts = {}

    def work(workflow, T):
        e = cells.Loop("normal-mean", workflow).experiment(generations=T)
        return lambda: solve(e.workflow, e.sizes)

    for workflow in cells.BY_NAME:
        try:
            work(workflow, 8)()
        except (NoClosedForm, InvalidInput):
            continue
        counts[workflow] = [cells.counted(work(workflow, T)) for T in GENERATIONS]
    assert len(counts) > len(cells.BY_NAME) / 2
    due = {w: 2 if w == "weighted" else 1 for w in counts}
    measurements = [
        (f"{workflow}: {kind}", due[workflow], cells.COUNTED, lambda cost=cost: (GENERATIONS, cost))
        for workflow, found in counts.items()
        for kind, cost in zip(("calls", "bytes"), zip(*found, strict=True), strict=True)
    ]
    assert report(name, measurements) == []


def test_sweep(report, tmp_path):
    """Calls of a sweep are linear in its cells, beyond those of the first."""
    model, workflow = {"family": "gaussian"}, {"name": "replace"}

    def work(count):
        few = Sweep(tuple(Cell(model, workflow, 9, 3, 2, seed) for seed in range(count)))
        return lambda: run(few, tmp_path / str(count))

    work(2)()  # what is imported once
    calls = [cells.counted(work(count))[0] for count in CELLS]
    assert report("sweep", [("cells", 1, cells.COUNTED, lambda: (CELLS, calls))]) == []


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_output(report, tmp_path, ending):
    """Bytes that a table holds while it is written, and processor time, are linear in its rows."""

    def work(rows):
        columns = {"generation": np.arange(rows), "loss": np.linspace(0, 1, rows) / 3}
        return lambda: write_table(tmp_path / f"table{ending}", columns)

    work(1)()
    costs = [(cells.counted(work(rows))[1], cells.spent(work(rows))) for rows in ROWS]
    measurements = [
        (kind, 1, margin, lambda cost=cost: (ROWS, cost))
        for kind, margin, cost in zip(
            ("bytes", "time"), (cells.COUNTED, cells.MARGIN), zip(*costs, strict=True), strict=True
        )
    ]
    assert report(f"output{ending}", measurements) == []


@pytest.mark.parametrize(("power", "seen"), [(1, False), (2, True), (3, True)])
def test_growth_is_seen(power, seen):
    """Work that grows faster than it is said to is found, by time and by counting."""

    def make(size):
        return lambda: [abs(x) for x in range(size**power)]

    if power != 2:  # a square is within the margin of what time can tell
        sizes, costs = cells.doubled(make, 32, 256)
        assert (cells.exponent(sizes, costs) > 1 + cells.MARGIN) == seen
    calls = [cells.counted(make(size))[0] for size in (8, 16, 32)]
    assert (cells.exponent((8, 16, 32), calls) > 1 + cells.COUNTED) == seen

"""Floors, smoothing, edits, labels that are partly real, fresh rows and exchanges, on one thread.

Each beside the same loop in plain NumPy, and beside its neighbour: the loop without what is new.
"""

import time
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import pytest

import modelcollapse as mc
from benchmarks import plain_sets
from benchmarks.cells import ERRORS
from modelcollapse import evidence, testing
from modelcollapse._support import cells
from modelcollapse.families.regression import LinearRegression

SAMPLES, GENERATIONS, ROUNDS = 100, 100, 3
MANY, OUTCOMES, INPUTS, H = 1000, 1000, 10, 0.5
EDITED, WEIGHT, REAL = 30, 0.6, 30
FLOOR, ALPHA = 0.01, 0.5
MIXED = mc.FreshData(SAMPLES, SAMPLES, weight=WEIGHT)
FRESH = mc.FreshData(REAL, SAMPLES - REAL)
FRESH_INPUTS = LinearRegression(INPUTS, design="paired")


class Cell(NamedTuple):
    """One loop.

    Attributes
    ----------
    model, workflow, samples, quantity
        What is simulated, and looked at.
    neighbour
        Another model and workflow, whose law differs; its cost is compared.
    peer
        The plain loop: of repeats and a seed.
    replicates
        Of the simulator in a round.
    """

    model: Any
    workflow: Any
    samples: int
    quantity: str
    neighbour: tuple[Any, Any]
    peer: Any
    replicates: int = 2048

    def experiment(self):
        """Return the loop."""
        return mc.Experiment(self.model, self.workflow, self.samples, GENERATIONS)

    def other(self):
        """Return its neighbour."""
        return mc.Experiment(*self.neighbour, self.samples, GENERATIONS)


def on_set(family, samples, replaced):
    """Return the plain loop of a family."""
    return lambda repeats, seed: plain_sets.loop(
        family, samples, replaced, GENERATIONS, repeats, seed
    )


def labelled(*, fresh):
    """Return the plain loop of regressions on labels that are partly real."""
    size = INPUTS, SAMPLES, GENERATIONS
    return lambda repeats, seed: plain_sets.labelled(WEIGHT, *size, repeats, seed, fresh=fresh)


def blurred(repeats, seed):
    """Run the plain loop of kernel densities."""
    return plain_sets.blurred(REAL, SAMPLES - REAL, H, GENERATIONS, repeats, seed)


def floored(dim, replicates):
    """Return a Gaussian with a floor, beside one without."""
    neighbour = mc.Gaussian(dim), mc.Replace()
    peer = on_set(plain_sets.Gaussian(dim, FLOOR), SAMPLES, SAMPLES)
    model = mc.Gaussian(dim, floor=FLOOR)
    return Cell(model, mc.Replace(), SAMPLES, "variance", neighbour, peer, replicates)


def edited(model, family, samples, quantity, replicates):
    """Return a loop that edits three tenths of a set, beside random parts of all rows."""
    replaced = samples * EDITED // SAMPLES
    workflow, peer = mc.Edit(rows=replaced), on_set(family, samples, replaced)
    neighbour = model, mc.AccumulateSubsample()
    return Cell(model, workflow, samples, quantity, neighbour, peer, replicates)


CELLS = {
    "floor, d = 1": floored(1, 32768),
    "floor, d = 10": floored(10, 512),
    "edit, Gaussian, d = 1": edited(mc.Gaussian(), plain_sets.Gaussian(1), 100, "variance", 4096),
    "edit, Gaussian, d = 10": edited(
        mc.Gaussian(10), plain_sets.Gaussian(10), 100, "variance", 512
    ),
    "edit, Poisson": edited(mc.Poisson(), plain_sets.Poisson(), MANY, "squared_error", 256),
    "edit, discrete": edited(
        mc.Discrete(OUTCOMES), plain_sets.Discrete(OUTCOMES), MANY, "heterozygosity", 512
    ),
    "smoothing, discrete": Cell(
        mc.Discrete(OUTCOMES, smoothing=ALPHA),
        mc.Replace(),
        MANY,
        "heterozygosity",
        (mc.Discrete(OUTCOMES), mc.Replace()),
        on_set(plain_sets.Discrete(OUTCOMES, ALPHA), MANY, MANY),
        256,
    ),
    "mixed labels, the same inputs": Cell(
        LinearRegression(INPUTS),
        MIXED,
        SAMPLES,
        "risk",
        (LinearRegression(INPUTS), mc.Replace()),
        labelled(fresh=False),
    ),
    "mixed labels, new inputs": Cell(
        FRESH_INPUTS,
        MIXED,
        SAMPLES,
        "risk",
        (LinearRegression(INPUTS, design="fresh"), mc.Replace()),
        labelled(fresh=True),
    ),
    "fresh rows, kernel density": Cell(
        mc.KDE(H), FRESH, SAMPLES, "second_moment", (mc.KDE(H), mc.Replace()), blurred
    ),
}
REPEATS = 32  # of the plain loop


def spent(function):
    """Return what a call returns, and its seconds of processor time."""
    start = time.process_time()
    found = function()
    return found, time.process_time() - start


def assert_mean(cell, values):
    """Assert the predicted mean, where its variance or bounds are known."""
    prediction = mc.predict(cell.experiment())
    claim = prediction[cell.quantity][-1]
    if cell.quantity in prediction.variances:
        testing.assert_mean(values, claim, prediction.variances[cell.quantity][-1], **ERRORS)
    elif cell.quantity == "heterozygosity":
        testing.assert_bounded_mean(values, claim, 0.0, 1.0, **ERRORS)
    else:
        assert cell.quantity == "risk"
        assert cell.model == FRESH_INPUTS


@pytest.mark.parametrize("name", CELLS)
def test_loop(benchmark, rounds, record_other, bench_seed, name):
    """Both sides have one law, and the neighbour another one; and the predicted mean.

    The mean is not held where its variance is not known: of mixed labels on new inputs.
    """
    cell = CELLS[name]
    peer, seconds = spent(lambda: cell.peer(REPEATS, bench_seed))
    e, other = cell.experiment(), cell.other()
    for one in (e, other):
        mc.simulate(one, 2)[cell.quantity]  # compiles
        mc.predict(one)[cell.quantity]
    seeds, found = iter(range(bench_seed, bench_seed + ROUNDS)), []

    def simulated(one, seed):
        return spent(lambda: mc.simulate(one, cell.replicates, seed)[cell.quantity][:, -1])

    rounds(lambda seed: found.append(simulated(e, seed)), lambda: ((next(seeds),), {}), ROUNDS)
    beside, near = simulated(other, bench_seed)
    _, predicted = spent(lambda: mc.predict(e)[cell.quantity])
    if benchmark.stats:
        ours = float(np.median([one for _, one in found])) / cell.replicates
        scale = 1e6 / GENERATIONS
        for side, value in (("plain", seconds / REPEATS), ("modelcollapse", ours)):
            record_other(f"{name}: {side}", "us a generation", value=scale * value)
        record_other(f"{name}: ratio", "x", value=seconds / REPEATS / ours)
        record_other(f"{name}: over its neighbour", "x", value=ours * cell.replicates / near)
        record_other(f"{name}: predict", "ms", value=1e3 * predicted)
    ours = np.concatenate([values for values, _ in found])
    for values in (ours, peer[:, -1]):
        assert_mean(cell, values)
    testing.assert_same_law(ours, peer[:, -1])
    assert evidence.same_law(ours, beside).rejected


def test_exchange(benchmark, record_other, bench_seed):
    """Three models that train on each other: errors by the solver, and by plain loops."""
    rows, T, repeats = np.array([[6, 2, 2], [2, 6, 2], [2, 2, 6]]), 30, 400
    means, seconds = spent(lambda: plain_sets.exchanged(rows, T, repeats, bench_seed))
    known = benchmark(mc.solver.exchange_errors, rows, T)[-1]
    if benchmark.stats:
        ours = benchmark.stats.stats.median
        record_other(f"exchange, 3 models, T = {T}: predicted", "ms", value=1e3 * ours)
        record_other("exchange: one plain loop over it", "x", value=seconds / repeats / ours)
    last = means[:, -1]
    # Normal means of the covariance C: E (d_i d_j)^2 - (C_ij)^2 = C_ii C_jj + C_ij^2.
    for i, j in ((0, 0), (0, 1), (1, 2)):
        spread = known[i, i] * known[j, j] + known[i, j] ** 2
        testing.assert_mean(last[:, i] * last[:, j], known[i, j], spread, **ERRORS)
    alone = evidence.mean(last[:, 0] ** 2, T / 10, 2 * known[0, 0] ** 2, **ERRORS)
    assert alone.rejected


FRESH_ROWS = LinearRegression(5, design="fresh")
MANY_ROWS = {  # model, workflow, rows, generations, replicates in cells and on rows, quantity
    "subset, Gaussian, d = 1": (mc.Gaussian(), mc.AccumulateSubsample(), 5, 4096, 128, "variance"),
    "subset, Gaussian, d = 10": (mc.Gaussian(10), mc.AccumulateSubsample(), 5, 512, 8, "variance"),
    "subset, Poisson": (mc.Poisson(), mc.AccumulateSubsample(), 5, 4096, 64, "squared_error"),
    "subset, new inputs, d = 5": (FRESH_ROWS, mc.AccumulateSubsample(), 5, 512, 64, "risk"),
    "edit, Gaussian, d = 1": (mc.Gaussian(), mc.Edit(share=0.3), 20, 1024, 64, "variance"),
    "edit, Gaussian, d = 10": (mc.Gaussian(10), mc.Edit(share=0.3), 20, 128, 4, "variance"),
}


@pytest.mark.parametrize("name", MANY_ROWS)
def test_many_rows(benchmark, record_other, bench_seed, name):
    """Sets of 10,000 rows in cells of alike rows, beside the same row by row: one law."""
    model, workflow, T, many, few, quantity = MANY_ROWS[name]
    e = mc.Experiment(model, workflow, 10_000, T)

    def simulated(replicates):
        mc.simulate(e, 2)[quantity]  # compiles
        return spent(lambda: mc.simulate(e, replicates, bench_seed)[quantity][:, -1])

    with mock.patch.object(cells, "room", return_value=0):
        beside, by_row = simulated(few)
    own, seconds = benchmark.pedantic(lambda: simulated(many), rounds=1)
    if benchmark.stats:
        for side, value in (("row by row", by_row / few), ("in cells", seconds / many)):
            record_other(f"{name}, 10,000 rows: {side}", "us a generation", value=1e6 * value / T)
        record_other(f"{name}, 10,000 rows: ratio", "x", value=by_row / few * many / seconds)
    prediction = mc.predict(e)
    if quantity in prediction.variances:
        testing.assert_mean(own, prediction[quantity][-1], prediction.variances[quantity][-1])
    else:
        testing.assert_same_law(own, beside)

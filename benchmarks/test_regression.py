"""Linear regression: the paper's loop, NumPy's and the exact simulator, on one thread."""

from functools import partial

import numpy as np
import pytest

import modelcollapse as mc
from benchmarks import at_once, limits, paper_regression
from benchmarks.cells import CHECKED, GENERATIONS, ROUNDS, SAMPLES
from benchmarks.regression_cells import REGRESSION_CELLS, assert_risks

MEDIANS = {}


def peers_risks(loop, cell, repeats, seed):
    """Run a loop on rows."""
    return loop(cell.workflow, cell.dim, SAMPLES, GENERATIONS, repeats, seed)


def our_risks(cell, repeats, seed):
    """Simulate all generations."""
    return mc.simulate(cell.experiment(), repeats, seed)["risk"]


SIDES = {
    "paper": partial(peers_risks, paper_regression.loop),
    "at once": partial(peers_risks, at_once.regression),
    "modelcollapse": our_risks,
}


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("cell", REGRESSION_CELLS, ids=lambda cell: cell.name)
def test_regression_loop(benchmark, rounds, record_other, bench_seed, cell, side):
    """Each side's risks agree with the theory, and not with that of the other workflow."""
    repeats = cell.replicates if side == "modelcollapse" else cell.repeats
    seeds = iter(range(bench_seed, bench_seed + ROUNDS))
    answers = []
    SIDES[side](cell, 1, bench_seed)  # imports, and fills NumPy's caches

    def run(*args):
        answers.append(SIDES[side](*args)[:, np.array(CHECKED) - 1])

    def arguments():
        return (cell, repeats, next(seeds)), {}

    benchmark.group = cell.name
    benchmark.extra_info.update(samples=SAMPLES, generations=GENERATIONS, repeats=repeats)
    rounds(run, arguments, ROUNDS)
    assert_risks(cell, np.concatenate(answers))
    if benchmark.stats:
        steps = repeats * GENERATIONS
        MEDIANS[cell.name, side] = benchmark.stats.stats.median / steps
        record_other(f"{cell.name}, {side}", "us per generation", 1e6 / steps)
        if side == "modelcollapse":
            # Labels in the axes of the inputs are one normal each, scaled and added.
            least = limits.of({"normal": cell.dim, "product": 3 * cell.dim})
            record_other(f"{cell.name}: limit", "us per generation", value=least)
            over = 1e6 * MEDIANS[cell.name, side] / least
            record_other(f"{cell.name}: over its limit", "x", value=over)
        for other in SIDES if side == "modelcollapse" else ():
            if other != side and (peer := MEDIANS.get((cell.name, other))):
                ratio = peer / MEDIANS[cell.name, side]
                aim = f"times faster than {other}, floor beside the paper {cell.floor}"
                record_other(cell.name, aim, value=ratio)

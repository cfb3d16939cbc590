"""Linear regression: the paper's loop beside the exact simulator, on one thread."""

import numpy as np
import pytest

import modelcollapse as mc
from benchmarks import paper_regression
from benchmarks.cells import CHECKED, GENERATIONS, ROUNDS, SAMPLES
from benchmarks.regression_cells import REGRESSION_CELLS, assert_risks

MEDIANS = {}


def paper_risks(cell, repeats, seed):
    """Run the paper's loop."""
    return paper_regression.loop(cell.workflow, cell.dim, SAMPLES, GENERATIONS, repeats, seed)


def our_risks(cell, repeats, seed):
    """Simulate all generations."""
    return mc.simulate(cell.experiment(), repeats, seed)["risk"]


SIDES = {"paper": paper_risks, "modelcollapse": our_risks}


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("cell", REGRESSION_CELLS, ids=lambda cell: cell.name)
def test_regression_loop(benchmark, rounds, record_other, bench_seed, cell, side):
    """Each side's risks agree with the theory, and not with that of the other workflow."""
    repeats = cell.repeats if side == "paper" else cell.replicates
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
        if (peer := MEDIANS.get((cell.name, "paper"))) and side == "modelcollapse":
            ratio = peer / MEDIANS[cell.name, side]
            record_other(f"{cell.name}", f"times faster, floor {cell.floor}", value=ratio)

"""The Gaussian loop: the paper's, NumPy's and the exact simulator side by side, on one thread."""

from functools import partial

import pytest

import modelcollapse as mc
from benchmarks import at_once, paper
from benchmarks.cells import CELLS, GENERATIONS, ROUNDS, SAMPLES, Answers, assert_answers


def peers_answers(loop, cell, repeats, seed):
    """Run a loop on rows and return its records, divided by the truth's trace."""
    records = loop(cell.workflow, cell.dim, SAMPLES, GENERATIONS, repeats, seed)
    return {
        "variance": records.trace / cell.dim,
        "squared_error": records.squared_error / cell.dim,
        "log_determinant": records.log_determinant,
    }


def our_answers(cell, repeats, seed):
    """Simulate and look at the same three quantities; for n <= d also at the volume's logarithm."""
    trajectories = mc.simulate(cell.experiment(), repeats, seed)
    names = ("variance", "squared_error", "log_determinant", "pseudo_log_determinant")
    return {name: trajectories[name] for name in names if name in trajectories.values}


SIDES = {
    "paper": partial(peers_answers, paper.loop),
    "at once": partial(peers_answers, at_once.gaussian),
    "modelcollapse": our_answers,
}


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_gaussian_loop(benchmark, rounds, record_step, bench_seed, cell, side):
    """Each side's answers agree with the theory, and not with that of its neighbours."""
    if benchmark.disabled and side == "at once" and cell.dim > 31:
        pytest.skip("it takes long, and its code has been checked in fewer dimensions")
    repeats = cell.replicates if side == "modelcollapse" else cell.repeats
    seeds = iter(range(bench_seed, bench_seed + ROUNDS))
    answers = Answers()
    SIDES[side](cell, 1, bench_seed)  # compiles, and fills NumPy's caches

    def arguments():
        answers.shorten()
        return (cell, repeats, next(seeds)), {}

    def run(*args):
        answers.latest = SIDES[side](*args)

    benchmark.group = cell.name
    benchmark.extra_info.update(samples=SAMPLES, generations=GENERATIONS, repeats=repeats)
    rounds(run, arguments, ROUNDS)
    record_step(cell, side, repeats * GENERATIONS)
    assert_answers(cell, side, answers.checked())

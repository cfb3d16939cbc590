"""One-parameter families under accumulate: the plain loop beside the exact simulator."""

import time
from statistics import median

import numpy as np
import pytest

import modelcollapse as mc
from benchmarks import paper_exponential
from benchmarks.exponential_cells import (
    CELLS,
    CHECKED,
    GENERATIONS,
    ROUNDS,
    SAMPLES,
    assert_answers,
)


def paper_errors(cell, repeats, seed):
    """Run the plain loop and return squared errors, shape (repeats, generations)."""
    truth = cell.experiment().truth
    found = paper_exponential.loop(cell.family, truth.value, SAMPLES, GENERATIONS, repeats, seed)
    return (found - truth.value) ** 2 / truth.variance


def our_errors(cell, repeats, seed):
    """Simulate, and look at the same quantity."""
    return mc.simulate(cell.experiment(), repeats, seed)["squared_error"]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_exponential_loop(benchmark, rounds, record_other, bench_seed, cell, capsys):
    """Both sides' answers agree with the theory, and not with replace's; the ratio is printed.

    The plain loop runs between the rounds of the simulator, so that both meet the same machine.
    """
    answers = {"paper": [], "modelcollapse": []}
    seconds = []
    seeds = iter(range(bench_seed, bench_seed + ROUNDS))
    columns = np.array(CHECKED) - 1
    our_errors(cell, 1, bench_seed)

    def peer():
        seed = next(seeds)
        start = time.perf_counter()
        found = paper_errors(cell, cell.repeats, seed)
        seconds.append((time.perf_counter() - start) / (cell.repeats * GENERATIONS))
        answers["paper"].append(found[:, columns])
        return (cell, cell.replicates, seed), {}

    def run(*args):
        answers["modelcollapse"].append(our_errors(*args)[:, columns])

    benchmark.group = cell.name
    benchmark.extra_info.update(samples=SAMPLES, generations=GENERATIONS, repeats=cell.replicates)
    rounds(run, peer, ROUNDS)
    for found in answers.values():
        assert_answers(cell, np.concatenate(found))
    if benchmark.stats:
        ours = benchmark.stats.stats.median / (cell.replicates * GENERATIONS)
        ratio = median(seconds) / ours
        benchmark.extra_info.update(paper_us_per_step=1e6 * median(seconds), ratio=ratio)
        record_other(f"{cell.name}: times as fast as the plain loop", "ratio", value=ratio)
        with capsys.disabled():
            numbers = f"{1e6 * median(seconds):.1f} us / {1e9 * ours:.0f} ns"
            print(f"\n{cell.name}: {numbers} = {ratio:,.0f}x, floor {cell.floor:,}x")  # noqa: T201

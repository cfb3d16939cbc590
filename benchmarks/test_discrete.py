"""The discrete loop: row by row beside the exact simulator, on one thread; and at scale."""

import time

import numpy as np
import pytest

import modelcollapse as mc
from benchmarks import at_once, limits, paper_discrete
from benchmarks.discrete_cells import (
    CELLS,
    OUTCOMES,
    QUANTITIES,
    assert_answers,
)
from modelcollapse import testing
from modelcollapse.families.discrete import Discrete, zipf

ROUNDS = 3


def by_rows(cell, seed):
    """Run the row-by-row loop; return its answers, and the median seconds of a repeat."""
    size = OUTCOMES, cell.samples, cell.generations
    paper_discrete.loop(cell.workflow, *size, 1, seed)  # fills NumPy's caches
    seconds, records = [], []
    for repeat in range(cell.repeats):
        start = time.perf_counter()
        records.append(paper_discrete.loop(cell.workflow, *size, 1, seed + repeat))
        seconds.append(time.perf_counter() - start)
    answers = {q: np.concatenate([getattr(r, q) for r in records]) for q in QUANTITIES}
    return answers, float(np.median(seconds))


def by_counts(cell, seed):
    """Run all repeats at once in NumPy; return the answers, and the seconds of a repeat."""
    size = OUTCOMES, cell.samples, cell.generations
    start = time.perf_counter()
    records = at_once.discrete(cell.workflow, *size, cell.repeats, seed)
    seconds = (time.perf_counter() - start) / cell.repeats
    return {q: getattr(records, q) for q in QUANTITIES}, seconds


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_discrete_loop(benchmark, rounds, record_other, bench_seed, cell):
    """All sides' answers agree with the theory, and not with that of other workflows."""
    e = cell.experiment()
    peer, seconds = by_rows(cell, bench_seed)
    counted, counting = by_counts(cell, bench_seed)
    mc.simulate(e, 1)  # compiles
    seeds = iter(range(bench_seed, bench_seed + ROUNDS))
    found = []

    def run(seed):
        found.append(mc.simulate(e, cell.replicates, seed))

    benchmark.group = cell.name
    rounds(run, lambda: ((next(seeds),), {}), ROUNDS)
    if benchmark.stats:
        ours = benchmark.stats.stats.median / cell.replicates
        unit = 1e6 / cell.generations
        record_other(f"{cell.name}: row by row", "us a generation", value=unit * seconds)
        record_other(f"{cell.name}: NumPy at once", "us a generation", value=unit * counting)
        record_other(f"{cell.name}: modelcollapse", "us a generation", value=unit * ours)
        record_other(f"{cell.name}: ratio to NumPy at once", "x", value=counting / ours)
        least = limits.of(limits.discrete(cell))
        record_other(f"{cell.name}: limit", "us a generation", value=least)
        record_other(f"{cell.name}: over its limit", "x", value=unit * ours / least)
        goal = f", {cell.floor} wanted" if cell.floor else ""
        record_other(f"{cell.name}: ratio{goal}", "x", value=seconds / ours)

    assert_answers(cell, peer)
    assert_answers(cell, counted)
    ours = {q: np.concatenate([runs[q] for runs in found]) for q in QUANTITIES}
    assert_answers(cell, ours)


def test_hundred_thousand_outcomes(benchmark, record_other, bench_seed):
    """10^5 outcomes of Zipf's law, 10^5 rows a generation, 20 generations of accumulate."""
    e = mc.Experiment(Discrete(10**5), mc.Accumulate(), 10**5, 20, truth=zipf(10**5, 1.0))
    mc.simulate(e, 1, at=[1])
    benchmark.group = "10^5 outcomes, n = 10^5, T = 20, accumulate: 64 replicates"

    runs = benchmark.pedantic(mc.simulate, (e, 64, bench_seed), rounds=1)
    record_other(benchmark.group, "s")

    p = mc.predict(e)
    for t in (1, 20):
        for q in ("heterozygosity", "squared_error"):
            spread = p.variances[q][t - 1]
            testing.assert_mean(runs[q][:, t - 1], p[q][t - 1], spread, alpha=1e-6, beta=1e-6)

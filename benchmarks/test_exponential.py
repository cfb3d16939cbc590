"""One-parameter families under accumulate: the plain loop beside the exact simulator."""

import time
from statistics import median

import numpy as np
import pytest

import modelcollapse as mc
from benchmarks import at_once, limits, paper_exponential
from benchmarks.exponential_cells import (
    CELLS,
    CHECKED,
    GENERATIONS,
    ROUNDS,
    SAMPLES,
    assert_answers,
)

PEERS = {"the plain loop": paper_exponential.loop, "NumPy at once": at_once.exponential}
KNOWN = {"the plain loop": {cell.family for cell in CELLS}, "NumPy at once": at_once.DRAWN}


def peers_errors(loop, cell, repeats, seed):
    """Run a loop on rows and return squared errors, shape (repeats, generations)."""
    truth = cell.experiment().truth
    found = loop(cell.family, truth.value, SAMPLES, GENERATIONS, repeats, seed)
    return (found - truth.value) ** 2 / truth.variance


def our_errors(cell, repeats, seed):
    """Simulate, and look at the same quantity."""
    return mc.simulate(cell.experiment(), repeats, seed)["squared_error"]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_exponential_loop(benchmark, rounds, record_other, bench_seed, cell, capsys):
    """All sides' answers agree with the theory, and not with replace's; the ratios are printed.

    The peers run between the rounds of the simulator, so that all meet the same machine.
    """
    peers = {name: PEERS[name] for name in PEERS if cell.family in KNOWN[name]}
    answers = {name: [] for name in (*peers, "modelcollapse")}
    seconds = {name: [] for name in peers}
    seeds = iter(range(bench_seed, bench_seed + ROUNDS))
    columns = np.array(CHECKED) - 1
    our_errors(cell, 1, bench_seed)

    def peer():
        seed = next(seeds)
        for name, loop in peers.items():
            start = time.perf_counter()
            found = peers_errors(loop, cell, cell.repeats, seed)
            seconds[name].append((time.perf_counter() - start) / (cell.repeats * GENERATIONS))
            answers[name].append(found[:, columns])
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
        if cell.family in limits.DRAWN:
            least = limits.of(limits.DRAWN[cell.family])
            record_other(f"{cell.name}: limit", "us a generation", value=least)
            record_other(f"{cell.name}: over its limit", "x", value=1e6 * ours / least)
        for name in peers:
            peer = median(seconds[name])
            record_other(f"{cell.name}: times as fast as {name}", "ratio", value=peer / ours)
            with capsys.disabled():
                print(  # noqa: T201
                    f"\n{cell.name}, {name}: {1e6 * peer:.1f} us / {1e9 * ours:.0f} ns"
                    f" = {peer / ours:,.0f}x, floor beside the plain loop {cell.floor:,}x"
                )

"""Language by counts: plain NumPy beside the exact simulator, on one thread; and at scale."""

import time

import numpy as np
import pytest

import modelcollapse as mc
from benchmarks import plain_markov
from modelcollapse import testing
from modelcollapse.families.discrete import zipf

GENERATIONS, ROUNDS = 10, 3
WORKFLOWS = {"replace": mc.Replace(), "accumulate": mc.Accumulate()}
CELLS = {  # words, texts of a batch, repeats of the peer, replicates
    "8 words, 3200 texts": (8, 3200, 20, 200),
    "50 words, 100 texts": (50, 100, 60, 1000),
    "1000 words, 10 texts": (1000, 10, 15, 1000),
}
SCALE = 20_000  # loops of 1,000 words


def language(words):
    """Return words of Zipf's frequencies, in another order after each, with an end after 1/10."""
    rng, shares = np.random.default_rng(0), zipf(max(words, 2), 1.0)
    rows = np.stack([0.9 * rng.permutation(shares) for _ in range(words)])
    return mc.markov.Language(shares, np.column_stack([rows, np.full(words, 0.1)]))


@pytest.mark.parametrize("name", WORKFLOWS)
@pytest.mark.parametrize("cell", CELLS)
def test_language_by_counts(benchmark, rounds, record_other, bench_seed, cell, name):
    """Both sides lose as many transitions: one law at the first and the last generation."""
    words, texts, repeats, replicates = CELLS[cell]
    truth = language(words)
    e = mc.Experiment(mc.Markov(words), WORKFLOWS[name], texts, GENERATIONS, truth=truth)
    start = time.perf_counter()
    size = truth.probabilities, texts, GENERATIONS, repeats, bench_seed
    peer = plain_markov.loop(name, *size)
    seconds = (time.perf_counter() - start) / repeats
    mc.simulate(e, 1)  # compiles
    seeds, found = iter(range(bench_seed, bench_seed + ROUNDS)), []

    def run(seed):
        found.append(mc.simulate(e, replicates, seed)["absent"])

    rounds(run, lambda: ((next(seeds),), {}), ROUNDS)
    if benchmark.stats:
        ours = benchmark.stats.stats.median / replicates
        label = f"language by counts, {name}, {cell}"
        record_other(f"{label}: plain", "us a generation", value=1e6 / GENERATIONS * seconds)
        record_other(f"{label}: modelcollapse", "us a generation", value=1e6 / GENERATIONS * ours)
        record_other(f"{label}: ratio", "x", value=seconds / ours)
    for t in (0, GENERATIONS - 1):
        testing.assert_same_law(np.concatenate(found)[:, t], peer[:, t])


def test_a_thousand_words(benchmark, rounds, record_other, bench_seed):
    """20,000 loops of 1,000 words, 10 texts a batch: what is unseen for ever is as predicted."""
    truth = language(1000)
    e = mc.Experiment(mc.Markov(1000), mc.Accumulate(), 10, GENERATIONS, truth=truth)
    mc.simulate(e, 1)
    found = []

    def run():
        found.append(mc.simulate(e, SCALE, bench_seed)["missing_mass"])

    rounds(run, lambda: ((), {}), 1)
    if benchmark.stats:
        seconds = benchmark.stats.stats.median
        record_other(
            f"{SCALE} loops of 1,000 words, 10 texts, t = {GENERATIONS}", "s", value=seconds
        )
    expected = mc.predict(e)["missing_mass"][-1]
    testing.assert_bounded_mean(found[0][:, -1], expected, 0.0, 1.0)

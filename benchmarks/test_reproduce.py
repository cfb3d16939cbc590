"""The paper's whole Gaussian sweep, beside the paper's loop on a sample of its cells."""

import time
from dataclasses import replace

import polars as pl

from benchmarks import paper
from benchmarks.cells import ERRORS
from modelcollapse import evidence, predict, testing
from modelcollapse.reproduce.gaussian.sweep import GENERATIONS, REPLICATES, WORKFLOWS, sweeps
from modelcollapse.sweep import Sweep, run
from modelcollapse.sweep.store import Store

FLOOR = 60
MOST_CV = 3  # beyond it a mean of 100 runs says little
# Of the 25 pairs of d and n: each d and each n, from the cheapest to nearly the dearest.
SAMPLE = (
    (1, 10),
    (1, 1000),
    (3, 100),
    (10, 10),
    (10, 316),
    (31, 100),
    (31, 1000),
    (100, 32),
    (100, 316),
)


def sampled(cell):
    """Return whether the paper's loop runs a cell, too."""
    return (cell.model["dim"], cell.samples) in SAMPLE


def peer_seconds(cells):
    """Run the paper's loop for one seed of each cell, and return the time of all seeds."""
    start = time.perf_counter()
    for cell in cells:
        d = cell.model["dim"]
        paper.loop(cell.workflow["name"], d, cell.samples, cell.generations, 1, cell.seed)
    return REPLICATES["paper"] * (time.perf_counter() - start)


def test_gaussian_sweep(benchmark, record_other, tmp_path):
    """The whole sweep in two processes; the ratio is over sampled cells.

    The paper's loop is one process, whose linear algebra may use all cores.
    """
    cells = [replace(c, runs=sampled(c)) for c in sweeps("paper")["gaussian"].cells]
    sample = [cell for cell in cells if cell.runs]
    assert (len(cells), len(sample)) == (75, len(SAMPLE) * len(WORKFLOWS))
    run(sweeps("quick")["gaussian"], tmp_path / "compiled")
    benchmark.group = "the paper's Gaussian sweep, 75 cells x 100 seeds x 100 generations"
    arguments = Sweep(tuple(cells)), tmp_path / "whole"
    outcome = benchmark.pedantic(run, arguments, {"jobs": 2}, rounds=1)
    record_other(f"{benchmark.group}, two processes", "s")
    assert outcome.computed == len(cells)
    assert_answers(sample, Store(tmp_path / "whole"))
    if benchmark.stats:
        start = time.perf_counter()
        run(Sweep(tuple(sample)), tmp_path / "sample", jobs=2)
        ours = time.perf_counter() - start
        name = f"{len(sample)} of its cells, two processes: the paper's loop takes"
        record_other(f"{name} ({FLOOR} wanted)", "x", value=peer_seconds(sample) / ours)


def assert_answers(sample, store):
    """Assert means of the last generation by their predicted variances; neighbours are rejected."""
    expected = {cell: predict(cell.experiment()) for cell in sample}
    last, rejected = GENERATIONS["paper"], 0
    for cell, theory in expected.items():
        runs = pl.read_parquet(store.place(cell, "runs")).filter(pl.col.generation == last)
        for name in ("variance", "squared_error"):
            claim, spread = theory[name][-1], theory.variances[name][-1]
            if spread > MOST_CV**2 * claim**2:
                continue
            values = runs[name].to_numpy()
            testing.assert_mean(values, claim, spread, **ERRORS)
            for other, neighbour in expected.items():
                same = (other.model, other.samples) == (cell.model, cell.samples)
                if same and other.workflow != cell.workflow:
                    outcome = evidence.mean(values, neighbour[name][-1], spread, **ERRORS)
                    far = abs(neighbour[name][-1] - claim) >= outcome.detectable
                    assert outcome.rejected or not far
                    rejected += far
    assert rejected >= len(SAMPLE)

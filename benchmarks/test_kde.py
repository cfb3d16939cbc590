"""The kernel density loop: scikit-learn's estimator beside the exact simulator, on one thread."""

import numpy as np
import pytest

from benchmarks import kde_cells as cells
from benchmarks.kde_cells import LOOPS

ROUNDS = 15  # of the simulator
SIDES = [(loop, side) for loop in LOOPS for side in ("paper", *loop.floors)]


@pytest.mark.parametrize(
    ("loop", "side"), SIDES, ids=[f"{loop.name} | {side}" for loop, side in SIDES]
)
def test_kde_loop(benchmark, record_run, record_other, bench_seed, loop, side):
    """Losses are those of the rows at hand, and the rows have the predicted law.

    The paper's loop scores through a tree whose error has no bound: it is recorded, not judged.
    """
    benchmark.group = loop.name
    if side == "paper":
        run = benchmark.pedantic(cells.paper_run, (loop, bench_seed), rounds=loop.rounds)
        record_run(loop, side)
        _, tests = loop.data(bench_seed)
        errors = []
        for t in loop.checked:
            rows = run.trained[t - 1], tests, loop.bandwidth
            exact = cells.exact_log_densities(*rows)
            np.testing.assert_allclose(cells.one_leaf(*rows), exact, rtol=1e-12, atol=cells.FINE)
            errors.append(np.abs(run.log_densities[t - 1] - exact).max())
        record_other(f"default tree, {loop.name}: worst log-density", "nats", value=max(errors))
        cells.assert_paper_law(loop, bench_seed)
        return
    arguments = (loop, side, bench_seed)
    losses = benchmark.pedantic(cells.our_losses, arguments, rounds=ROUNDS, warmup_rounds=2)
    record_run(loop, side)
    cells.assert_losses(loop, losses, cells.our_rows(loop, bench_seed), side, bench_seed)
    cells.assert_our_law(loop, bench_seed)

"""The mean of a Gaussian from real rows and a generator's: simulated, and by theory."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from modelcollapse.mixed import break_even_synthetic, optimal_synthetic, synthetic_value

GENERATOR = 250  # rows that the generator was fitted to
REPLICATES = 20_000
POINTS = 200  # of a theorem's line


def means(real: Sequence[int], synthetic: Sequence[int], seed: int = 0) -> Any:
    """Return the squared error of the mean, over the variance, for each cell of a grid.

    A frame with a row per cell: "mean" over independent simulations, its "standard_error", and
    the "expected" value.
    """
    import polars as pl

    r, s = (grid.ravel() for grid in np.meshgrid(real, synthetic, indexing="ij"))
    errors = _errors(r, s, np.random.default_rng(seed))
    return pl.DataFrame(
        {
            "real": r,
            "synthetic": s,
            "generator_rows": GENERATOR,
            "mean": errors.mean(axis=0),
            "standard_error": errors.std(axis=0, ddof=1) / np.sqrt(REPLICATES),
            "expected": synthetic_value(r, s, GENERATOR),
        }
    )


def _errors(r: Any, s: Any, rng: np.random.Generator) -> Any:
    """Return the squared errors of the pooled mean, truth N(0, 1), shape (replicates, cells).

    The sum of n independent rows of N(m, 1) is m n + sqrt(n) z exactly, with z from N(0, 1).
    """
    own, fitted, sampled = rng.standard_normal((3, REPLICATES, len(r)))
    total = np.sqrt(r) * own + s * fitted / np.sqrt(GENERATOR) + np.sqrt(s) * sampled
    return (total / (r + s)) ** 2


def best_numbers(real: Sequence[int]) -> Any:
    """Return how many synthetic rows are best, and where harm begins, by the theorem.

    A frame by the number of "real" rows, those given and some between: the "best" number of
    synthetic rows, the error with them ("least"), and the number at which they "break_even";
    infinite where every further row helps.
    """
    import polars as pl

    between = np.geomspace(min(*real, GENERATOR), max(*real, 2 * GENERATOR), POINTS)
    r = np.unique([*real, *between.round().astype(int)])
    best = optimal_synthetic(r, GENERATOR)
    columns = {
        "real": r,
        "best": best.rows,
        "least": best.mse,
        "break_even": break_even_synthetic(r, GENERATOR),
    }
    return pl.DataFrame(columns)

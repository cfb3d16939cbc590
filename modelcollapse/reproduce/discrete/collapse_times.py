"""When one outcome is left: the times of runs, from the generations that were recorded."""

import math
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.sealed import frames
from modelcollapse.families.discrete import exact_collapse_time, expected_collapse_time
from modelcollapse.sweep.work import QUANTILES

EXACT = 1000  # rows up to which one outcome's count is an exact chain
ROUNDING = 1e-9


def collapse_times(frame: Any) -> Any:
    """Return mean and quantiles of the first generation with one outcome left, per cell.

    One outcome stays one outcome, so at each recorded generation the mean of "collapsed" is the
    share of runs whose time has come, and a run's time lies after the recorded generation before:
    `mean_low` and `mean_high` enclose their mean (NaN if a run never got there), and a quantile is
    the first recorded generation with so many of them. `expected` is exact, NaN beyond 1,000 rows;
    `diffusion` is its limit for large n.
    """
    pl = frames()
    cells = frame.filter(pl.col.quantity == "collapsed").partition_by(
        "outcomes", "samples", maintain_order=True
    )
    return pl.DataFrame([_times(cell.sort("generation")) for cell in cells])


def _times(cell: Any) -> dict[str, Any]:
    K, n, replicates = cell.select("outcomes", "samples", "replicates").row(0)
    t, share = cell["generation"].to_numpy(), cell["mean"].to_numpy()
    low, high = enclosed_mean(t, share)
    uniform = np.full(K, 1 / K)
    return {
        "workflow": "replace",
        "outcomes": K,
        "samples": n,
        "replicates": replicates,
        "collapsed": share[-1],
        "mean_low": low,
        "mean_high": high,
        **{name: reached(t, share, level) for name, level in QUANTILES.items()},
        "expected": exact_collapse_time(n, uniform) if n <= EXACT else math.nan,
        "diffusion": expected_collapse_time(n, uniform),
    }


def enclosed_mean(generations: Integers, share: Floats) -> tuple[float, float]:
    """Return bounds of the mean time, given the share of runs that are done at each generation."""
    if share[-1] < 1 - ROUNDING:
        return math.nan, math.nan
    new = np.diff(share, prepend=0.0)
    before = np.concatenate([[0], generations[:-1]]) + 1
    return float(new @ before), float(new @ generations)


def reached(generations: Integers, share: Floats, level: float) -> float:
    """Return the first of the generations at which a share of runs is done, NaN if none is."""
    done = np.flatnonzero(share >= level - ROUNDING)
    return float(generations[done[0]]) if done.size else math.nan

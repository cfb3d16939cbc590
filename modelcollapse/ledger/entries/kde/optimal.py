"""Optimal bandwidths: the gain, confirmed by simulation, and the degenerate objective."""

from collections.abc import Callable
from functools import cache

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.families.kde import control, optimal, search
from modelcollapse.families.kde.frequencies import squared_norm
from modelcollapse.ledger.claims import BoundedClaim, Design, ExactClaim
from modelcollapse.ledger.entries.kde.common import DERIVED, NORMAL, WORKFLOWS, loop
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import Computed, Number, Value, constant
from modelcollapse.loop.experiment import Experiment, Trajectories, predict
from modelcollapse.workflows import Accumulate, Workflow

N, T = 2, 10
# The nearer the greedy schedule, the more are needed to tell it apart: by the standard deviations
# of 60,000 loops 9,000, 91,000 and 27,000 at the error probabilities of the ledger.
REPLICATES = {"replace": 20_000, "accumulate": 110_000, "accumulate-subsample": 35_000}


@cache
def best(name: str) -> optimal.OptimalBandwidths:
    """Return the schedule with the least sum of errors."""
    return optimal.optimal_bandwidths(None, WORKFLOWS[name], N, T)


def _building(name: str) -> Callable[[], Experiment]:
    return lambda: loop(WORKFLOWS[name], tuple(best(name).bandwidths.tolist()), N, T)


def _sum(runs: Trajectories) -> Floats:
    return np.asarray(runs["mise"].sum(axis=1))


def _predicted(e: Experiment) -> float:
    return float(predict(e)["mise"].sum())


def _largest(e: Experiment) -> float:
    """Bound the sum of squared errors, as for one of them."""
    peaks = 1 / (2 * np.sqrt(np.pi) * np.array(e.model.bandwidth))
    return float(peaks.sum() + len(peaks) * squared_norm(e.truth))


def _with(workflow: Workflow, bandwidth: object) -> Value:
    return lambda _: _predicted(loop(workflow, bandwidth, N, T))


def _greedy(workflow: Workflow) -> Value:
    def value(e: Experiment) -> float:
        del e
        start = loop(workflow, 1.0, N, T)
        thumb = control.rule_of_thumb(start)
        h = search.greedy(control.path_of(start, thumb), thumb)
        return _predicted(loop(workflow, tuple(h.tolist()), N, T))

    return value


def _gain(name: str) -> Theorem:
    workflow = WORKFLOWS[name]
    return Theorem(
        f"kde/{name}/optimal-bandwidths",
        "The schedule that minimises the exact error over the horizon has the error that is "
        "predicted, below that of Scott, Silverman and the greedy schedule.",
        r"\min_{h_1,\ldots,h_T}\sum_t\mathrm{MISE}_t",
        DERIVED,
        NORMAL,
        "law",
        f"n={N} t=1..{T}",
        BoundedClaim(
            Design(_building(name), REPLICATES[name], ("mise",)),
            _sum,
            _predicted,
            constant(0.0),
            _largest,
            {
                "Scott's": _with(workflow, "scott"),
                "Silverman's": _with(workflow, "silverman"),
                "the greedy schedule's": _greedy(workflow),
            },
        ),
    )


def _plain(rows: float) -> float:
    """Return the least error of one kernel density fit to independent rows of N(0, 1)."""
    from scipy.optimize import minimize_scalar

    def error(x: float) -> float:
        h2 = np.exp(2 * x)
        own = 1 / (rows * np.sqrt(h2)) + (1 - 1 / rows) / np.sqrt(1 + h2)
        return float((own + 1) / (2 * np.sqrt(np.pi)) - 2 / np.sqrt(2 * np.pi * (2 + h2)))

    return float(minimize_scalar(error, bounds=(-4, 3), options={"xatol": 1e-9}).fun)


def _final() -> Computed:
    """A bootstrapped pool has E|phi|^2 - |phi_0|^2 = (1 - |phi_0|^2)(1 - prod (1 - 1/(n j^2)))."""

    def compute() -> tuple[float, float, float]:
        n, last = 50, 60
        found = optimal.optimal_bandwidths(None, Accumulate(), n, last, "final")
        rows = 1 / (1 - np.prod(1 - 1 / (n * np.arange(1, last + 1.0) ** 2)))
        exact = _plain(float(rows))
        return found.value, exact * (1 - 1e-7), exact * (1 + 1e-7)

    return compute


def _as_if(rows: float) -> Number:
    return lambda: _plain(rows)


THEOREMS = [
    *map(_gain, WORKFLOWS),
    Theorem(
        "kde/accumulate/final-error-is-bootstrap",
        "Minimising the last error alone, accumulate resamples its rows without smoothing until "
        "the last fit, which is then as good as one to 6 n/pi^2 independent rows: the cost of "
        "accumulating is again pi^2/6.",
        r"n_{\mathrm{eff}}=\left[1-\prod_{j\le T}\left(1-\frac1{nj^2}\right)\right]^{-1}"
        r"\to\approx\frac{6n}{\pi^2}",
        DERIVED,
        NORMAL,
        "identity",
        "n=50 t=60",
        ExactClaim(
            _final(),
            {
                "n rows": _as_if(50),
                "all rows of the pool": _as_if(3000),
                "6 n/pi^2 rows exactly": _as_if(300 / np.pi**2),
                "replace's": _as_if(1 / (1 - (1 - 1 / 50) ** 60)),
            },
        ),
    ),
]

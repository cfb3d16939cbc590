"""What a simulation of Gaussian loops records, and the quantities derived from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from modelcollapse.checks import Floats, Integers
from modelcollapse.experiment import Lazy
from modelcollapse.truth import Rows
from modelcollapse.workflows import AccumulateSubsample, Replace

if TYPE_CHECKING:
    from modelcollapse.experiment import Experiment, Route

BATCH_NANOSECONDS = 2e8  # how long compiled code may run before Ctrl-C is looked at


@dataclass(frozen=True, eq=False)
class Fits:
    """Recorded fits of some replicates, in the truth's principal axes about its mean.

    In one dimension `mean` and `log_variance`, shape (replicates, recorded); in more,
    `scalars` (replicates, recorded, 3) with trace, |mean|^2 and log-volume, and on request
    `means`, `factors` and `pivots`, else empty.
    """

    mean: Floats
    log_variance: Floats
    scalars: Floats
    means: Floats
    factors: Floats
    pivots: Floats


@dataclass(frozen=True, eq=False)
class Plan:
    """One simulation: what is run, in which coordinates, and what is kept.

    Attributes
    ----------
    dim
        The number of directions in which the truth varies; the others never matter.
    deviations
        Standard deviations of a normal truth along its principal axes; None for a data set.
    slots
        For each generation the column that records it, or -1.
    batch
        Replicates per call of compiled code, a function of the experiment alone.
    """

    experiment: "Experiment"
    recorded: Integers
    dim: int
    deviations: Floats | None
    slots: Integers
    batch: int
    extra: frozenset[str]

    def real_rows(self, rng: np.random.Generator, count: int, n: int) -> Floats:
        """Draw n real rows for each replicate, shape (count, n, dim)."""
        truth = self.experiment.reality
        if isinstance(truth, Rows):
            return truth.scores[rng.integers(len(truth.scores), size=(count, n))]
        return np.sqrt(truth.spectrum) * rng.standard_normal((count, n, self.dim))

    def empty(self, count: int) -> Fits:
        """Return arrays for `count` replicates."""
        shape, d = (count, len(self.recorded)), self.dim
        line, space = (shape, (0, 0)) if d == 1 else ((0, 0), shape)
        fits = self.extra & {"w2_squared", "test_log_loss"} and d > 1
        return Fits(
            mean=np.empty(line),
            log_variance=np.empty(line),
            scalars=np.empty((*space, 3)),
            means=np.empty((*shape, d) if fits else (0, 0, 0)),
            factors=np.zeros((*shape, d, d) if fits else (0, 0, 0, 0)),
            pivots=np.empty((*shape, d) if "log_pivots" in self.extra and d > 1 else (0, 0, 0)),
        )

    def stored(self, fits: Fits) -> dict[str, Floats]:
        """Return the arrays worth keeping; whole factors are reduced to what was asked for."""
        if self.dim == 1:
            return {"mean": fits.mean, "log_variance": fits.log_variance}
        kept = dict(zip(("trace", "error", "volume"), np.moveaxis(fits.scalars, 2, 0), strict=True))
        if fits.pivots.size:
            kept["log_pivots"] = fits.pivots
        if fits.factors.size:
            deviations = np.sqrt(self.experiment.reality.spectrum)
            if "w2_squared" in self.extra:
                kept["w2_squared"] = w2_squared(fits.means, fits.factors, deviations)
            if "test_log_loss" in self.extra:
                kept["test_log_loss"] = test_log_loss(fits.means, fits.factors, deviations)
        return kept


def plan_of(e: "Experiment", recorded: Integers, extra: set[str]) -> Plan:
    """Return the plan of a simulation."""
    spectrum = e.reality.spectrum
    slots = np.full(e.generations, -1, dtype=np.int64)
    slots[recorded - 1] = np.arange(len(recorded))
    dim = len(spectrum)
    cost = 60.0 + 20 * dim**2 + dim**3 / 8
    if isinstance(e.workflow, AccumulateSubsample):
        cost += float(e.sizes.mean()) * (30 + 8 * dim**2)
    batch = int(np.clip(BATCH_NANOSECONDS / (cost * e.generations), 1, 1024))
    deviations = np.sqrt(spectrum) if e.reality.is_normal else None
    return Plan(e, recorded, dim, deviations, slots, batch, frozenset(extra))


def w2_squared(means: Floats, factors: Floats, deviations: Floats) -> Floats:
    """Return the squared Bures-Wasserstein distance to N(0, diag(deviations^2))."""
    cross = np.linalg.svd(deviations[:, None] * factors, compute_uv=False).sum(axis=-1)
    spread = (factors**2).sum(axis=(-2, -1)) + (deviations**2).sum()
    return np.asarray((means**2).sum(axis=-1) + spread - 2 * cross)


def test_log_loss(means: Floats, factors: Floats, deviations: Floats) -> Floats:
    """Return the expected -log density at a fresh row of N(0, diag(deviations^2)), in nats."""
    diagonal = np.abs(np.diagonal(factors, axis1=-2, axis2=-1))
    loss = np.full(means.shape[:-1], np.inf)
    # Only fits of full rank come with a triangular factor of positive diagonal.
    full = (diagonal.min(axis=-1) > 0) & ~np.triu(factors, 1).any(axis=(-2, -1))
    columns = np.concatenate(
        [np.broadcast_to(np.diag(deviations), factors.shape), means[..., None]], axis=-1
    )
    solved = np.linalg.solve(factors[full], columns[full])
    log_det = 2 * np.log(diagonal[full]).sum(axis=-1)
    constant = len(deviations) * np.log(2 * np.pi)
    loss[full] = 0.5 * (constant + log_det + (solved**2).sum(axis=(-2, -1)))
    return loss


def ranks(e: "Experiment", dim: int) -> Integers:
    """Return the rank of the fit at each generation, shape (generations,)."""
    if isinstance(e.workflow, Replace):
        return np.asarray(np.minimum(dim, np.minimum.accumulate(e.sizes) - 1))
    return np.full(e.generations, min(dim, int(e.sizes[0]) - 1), dtype=np.int64)


def derived(plan: Plan, stored: Mapping[str, Floats]) -> Lazy:
    """Return all quantities, computed from the stored arrays at the first look."""
    routes = _line_routes(plan, stored) if plan.dim == 1 else _space_routes(plan, stored)
    routes["second_moment"] = lambda: routes["variance"]() + routes["squared_error"]()
    return Lazy(routes)


def _line_routes(plan: Plan, stored: Mapping[str, Floats]) -> "dict[str, Route]":
    s2 = float(plan.experiment.reality.spectrum[0])
    mean, log_v = stored["mean"], stored["log_variance"]

    def exponential(power: float) -> Floats:
        with np.errstate(under="ignore", over="ignore"):
            return np.asarray(np.exp(power * log_v))

    routes: dict[str, Route] = {
        "variance": lambda: exponential(1.0) / s2,
        "squared_error": lambda: mean**2 / s2,
        "w2_squared": lambda: mean**2 + (exponential(0.5) - np.sqrt(s2)) ** 2,
        "test_log_loss": lambda: (
            (np.log(2 * np.pi) + log_v + (s2 + mean**2) * exponential(-1.0)) / 2
        ),
    }
    if plan.experiment.model.dim == 1:
        routes["log_variance"] = lambda: log_v - np.log(s2)
        routes["log_determinant"] = routes["log_variance"]
        routes["log_pivots"] = lambda: log_v[:, :, None]
        return routes
    routes["log_determinant"] = lambda: np.full(log_v.shape, -np.inf)
    if plan.experiment.sizes[0] <= plan.experiment.model.dim:
        routes["pseudo_log_determinant"] = lambda: log_v - np.log(s2)
    return routes


def _space_routes(plan: Plan, stored: Mapping[str, Floats]) -> "dict[str, Route]":
    e = plan.experiment
    spectrum = e.reality.spectrum
    total, log_det = spectrum.sum(), np.log(spectrum).sum()
    rank = ranks(e, plan.dim)[plan.recorded - 1]

    def log_determinant() -> Floats:
        full = (rank == plan.dim) & (plan.dim == e.model.dim)
        return np.where(full, stored["volume"] - log_det, -np.inf)

    routes: dict[str, Route] = {
        "variance": lambda: stored["trace"] / total,
        "squared_error": lambda: stored["error"] / total,
        "log_determinant": log_determinant,
    }
    if e.sizes[0] <= e.model.dim and not isinstance(e.workflow, AccumulateSubsample):
        routes["pseudo_log_determinant"] = lambda: stored["volume"] - rank / plan.dim * log_det
    # Beyond the rank a pivot is rounding error, whatever it looks like.
    within = np.arange(plan.dim) < rank[:, None]
    extras: dict[str, Route] = {
        "log_pivots": lambda: np.where(within, stored["log_pivots"], -np.inf),
        "w2_squared": lambda: stored["w2_squared"],
        "test_log_loss": lambda: np.where(within[:, -1], stored["test_log_loss"], np.inf),
    }
    routes.update((name, route) for name, route in extras.items() if name in stored)
    return routes

"""What a simulation of Gaussian loops records, and the quantities derived from it."""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse._support.state import state
from modelcollapse.families.gaussian import selected_batches
from modelcollapse.families.gaussian.selected import direction
from modelcollapse.loop.blocks import Arrays
from modelcollapse.loop.experiment import Lazy
from modelcollapse.loop.routes import given
from modelcollapse.loop.selection import Selection
from modelcollapse.solver.determinants import symmetric

if TYPE_CHECKING:
    import numpy.typing as npt

    from modelcollapse.loop.experiment import Experiment, Route

LINE = ("mean", "variance", "shift")  # what is stored in one dimension
LINE_LANES, SPACE_LANES = 64, 16  # replicates at once, d = 1 and above: they fit the first cache
MOST_LANES = 24  # dimensions
BATCH_NANOSECONDS = 2e8  # how long compiled code may run before Ctrl-C is looked at


@dataclass(frozen=True, eq=False)
class Fits:
    """Recorded fits of some replicates, in the truth's principal axes about its mean.

    In one dimension `mean`, `variance` and `shift`, shape (replicates, recorded): the variance
    is variance * exp(shift). In more, `scalars` (replicates, recorded, 3) with trace, |mean|^2
    and log-volume, and on request `means`, `factors` and `pivots`, else empty.
    """

    mean: Floats
    variance: Floats
    shift: Floats
    scalars: Floats
    means: Floats
    factors: Floats
    pivots: Floats


@dataclass(frozen=True, eq=False)
class Recording:
    """One simulation: what is run, in which coordinates, and what is kept.

    Attributes
    ----------
    dim
        The number of directions in which the truth varies; the others never matter.
    deviations
        Standard deviations of a normal truth along its principal axes; None for any
        other truth.
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
        drawn: Floats = self.experiment.truth.sample_scores((count, n), rng)
        return drawn

    def storage(self, count: int) -> Arrays:
        """Return what is kept of `count` replicates, to be filled."""
        shape, d = (count, len(self.recorded)), self.dim
        if d == 1:
            # Zeros that nobody writes to take no memory.
            return {"mean": np.empty(shape), "variance": np.empty(shape), "shift": np.zeros(shape)}
        kept = {"scalars": np.empty((*shape, 3))}
        for name in (*sorted(self.extra), *(self.along if self.selects else ())):
            axis = {"log_pivots": (d,), "minors": (self.experiment.model.dim,)}.get(name, ())
            kept[name] = np.empty((*shape, *axis))
        return kept

    along = ("reward_gain", "reward_variance", "variance_across")

    @property
    def selects(self) -> bool:
        """Whether rows are selected, so that what becomes of their reward is kept."""
        return isinstance(self.experiment.sampling, Selection)

    def fits(self, storage: Arrays) -> Fits:
        """Return arrays for the compiled code: parts of the storage, and scratch for factors."""
        if self.dim == 1:
            none = np.empty((0, 0, 0))
            line = storage["mean"], storage["variance"], storage["shift"]
            return Fits(*line, none, none, np.empty((0, 0, 0, 0)), none)
        shape, d = storage["scalars"].shape[:2], self.dim
        whole = self.selects or self.extra & {"w2_squared", "test_log_loss", "minors"}
        none = np.empty((0, 0))
        return Fits(
            none,
            none,
            none,
            scalars=storage["scalars"],
            means=np.empty((*shape, d) if whole else (0, 0, 0)),
            factors=np.zeros((*shape, d, d) if whole else (0, 0, 0, 0)),
            pivots=storage.get("log_pivots", np.empty((0, 0, 0))),
        )

    def finish(self, fits: Fits, storage: Arrays) -> None:
        """Compute what is kept of whole factors."""
        if fits.factors.size:
            deviations = np.sqrt(self.experiment.truth.spectrum)
            for name, function in (("w2_squared", w2_squared), ("test_log_loss", test_log_loss)):
                if name in storage:
                    storage[name][:] = function(fits.means, fits.factors, deviations)
            if self.selects:
                e = self.experiment
                found = selected_batches.measured(
                    fits.means, fits.factors, deviations, direction(e)
                )
                for name, values in zip(self.along, found, strict=True):
                    storage[name][:] = values
            if "minors" in storage:
                rank = ranks(self.experiment, self.dim)[self.recorded - 1]
                storage["minors"][:] = minors(
                    fits.factors, rank, deviations, self.experiment.model.dim
                )


def lanes(e: "Experiment", dim: int) -> int:
    """Return how many replicates compiled code does at once; see `lane_kernels`."""
    if not (e.schedule.newest or e.schedule.pool):
        return 1
    if dim == 1:
        return LINE_LANES
    return SPACE_LANES if dim <= MOST_LANES and e.sizes.min() > dim else 1


def plan_of(e: "Experiment", recorded: Integers, extra: set[str]) -> Recording:
    """Return the plan of a simulation."""
    spectrum = e.truth.spectrum
    slots = np.full(e.generations, -1, dtype=np.int64)
    slots[recorded - 1] = np.arange(len(recorded))
    dim = len(spectrum)
    cost = 60.0 + 20 * dim**2 + dim**3 / 8
    if e.schedule.random_sets:
        cost += float(e.sizes.mean()) * (30 + 8 * dim**2)
    least = lanes(e, dim)
    groups = int(np.clip(BATCH_NANOSECONDS / (cost * e.generations * least), 1, 1024 // least))
    deviations = np.sqrt(spectrum) if e.truth.is_normal else None
    return Recording(e, recorded, dim, deviations, slots, groups * least, frozenset(extra))


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


def minors(factors: Floats, rank: Integers, deviations: Floats, dim: int) -> Floats:
    """Return e_m(S) / e_m(S_0), m = 1..dim, of fits with a largest rank, along the last axis."""
    unit = np.sqrt((deviations**2).mean())  # so that products of many stay in range
    spectrum = np.linalg.svd(factors / unit, compute_uv=False) ** 2
    spectrum[..., np.arange(spectrum.shape[-1]) >= rank[:, None]] = 0.0
    found = np.zeros((*factors.shape[:-2], dim))
    sums, truth = symmetric(spectrum), symmetric((deviations / unit) ** 2)
    found[..., : len(truth)] = sums / truth
    return found


def ranks(e: "Experiment", dim: int) -> Integers:
    """Return the largest rank that the fit of each generation can have, shape (generations,)."""
    if e.model.floor:
        return np.full(e.generations, dim, dtype=np.int64)
    if e.schedule.newest:
        return np.asarray(np.minimum(dim, np.minimum.accumulate(e.sizes) - 1))
    found = np.full(e.generations, min(dim, int(e.sizes[0]) - 1), dtype=np.int64)
    if e.schedule.fresh:  # real rows bring new directions: at most all
        found[1:] = dim
    return found


def derived(plan: Recording, stored: Arrays) -> Lazy:
    """Return all quantities, computed from the stored arrays at the first look."""
    routes = _line_routes(plan, stored) if plan.dim == 1 else _space_routes(plan, stored)
    if plan.selects:
        routes |= _reward_routes(plan, stored)
    routes["second_moment"] = partial(_sum, routes["variance"], routes["squared_error"])
    return Lazy(routes)


def _reward_routes(plan: Recording, stored: Arrays) -> "dict[str, Route]":
    if plan.dim > 1:
        return given({name: stored[name] for name in plan.along})
    line = Line(float(plan.experiment.truth.spectrum[0]), *(stored[k] for k in LINE))
    sign = float(np.sign(direction(plan.experiment)[0]))
    return {
        "reward_variance": line.variance_ratio,
        "reward_gain": partial(np.multiply, line.mean, sign / np.sqrt(line.s2)),
    }


def _sum(first: "Route", second: "Route") -> Floats:
    return np.asarray(first() + second())


@dataclass(frozen=True, eq=False)
class Line:
    """Recorded fits in one direction, of variance v * exp(shift), and the quantities of them.

    `s2` is the truth's variance, the unit.
    """

    s2: float
    mean: Floats
    v: Floats
    shift: Floats

    __getstate__ = state

    @cached_property
    def far(self) -> bool:
        """Whether a variance has left the range of floats."""
        return bool(self.shift.any())

    def power(self, p: float) -> Floats:
        """Return the variance to a power, which may be 0 or infinite where it collapsed."""
        v = self.v
        with np.errstate(under="ignore", over="ignore", divide="ignore"):
            head = v if p == 1.0 else np.sqrt(v) if p == 0.5 else 1 / v
            return np.asarray(head * np.exp(p * self.shift) if self.far else head)

    def square(self) -> Floats:
        """Return the squared error."""
        with np.errstate(over="ignore"):
            return np.asarray(self.mean**2)

    def variance_ratio(self) -> Floats:
        """Return the variance in units of the truth's."""
        return self._scaled(self.power(1.0))

    def determinant(self) -> Floats:
        """Return the same in an array of its own."""
        return self.variance_ratio().copy()

    def squared_error(self) -> Floats:
        """Return the squared error in units of the truth's variance."""
        return self._scaled(self.square())

    def _scaled(self, values: Floats) -> Floats:
        return values if self.s2 == 1.0 else values / self.s2

    def w2_squared(self) -> Floats:
        """Return the squared Wasserstein distance to the truth."""
        return np.asarray(self.square() + (self.power(0.5) - np.sqrt(self.s2)) ** 2)

    def log_variance(self) -> Floats:
        """Return the logarithm of the variance in units of the truth's."""
        with np.errstate(divide="ignore"):
            logs = np.asarray(np.log(self.v))
        if self.far:
            logs += self.shift
        if self.s2 != 1.0:
            logs -= np.log(self.s2)
        return logs

    def log_pivots(self) -> Floats:
        """Return the logarithm of the variance, with an axis for the one direction."""
        return np.asarray((self.log_variance() + np.log(self.s2))[:, :, None])

    def test_log_loss(self) -> Floats:
        """Return the expected -log density at a fresh row, in nats."""
        constant = np.log(2 * np.pi * self.s2)
        with np.errstate(over="ignore", invalid="ignore"):
            error = (self.s2 + self.square()) * self.power(-1.0)
            found = (constant + self.log_variance() + error) / 2
        # A variance that vanishes makes the loss infinite.
        return np.where(self.v > 0, found, np.inf)


def _line_routes(plan: Recording, stored: Arrays) -> "dict[str, Route]":
    s2 = float(plan.experiment.truth.spectrum[0])
    dim = plan.experiment.model.dim
    line = Line(s2, stored["mean"], stored["variance"], stored["shift"])
    routes: dict[str, Route] = {
        "variance": line.variance_ratio,
        "squared_error": line.squared_error,
        "w2_squared": line.w2_squared,
        "test_log_loss": line.test_log_loss,
    }
    if "minors" in plan.extra:
        routes["minors"] = partial(_line_minors, line, dim)
    if dim == 1:
        routes["determinant"] = line.determinant
        routes["log_variance"] = line.log_variance
        routes["log_determinant"] = line.log_variance
        routes["log_pivots"] = line.log_pivots
        return routes
    routes["determinant"] = partial(np.zeros, line.v.shape)
    routes["log_determinant"] = partial(np.full, line.v.shape, -np.inf)
    if plan.experiment.sizes[0] <= dim:
        routes["pseudo_log_determinant"] = line.log_variance
    return routes


def _line_minors(line: Line, dim: int) -> Floats:
    return np.pad(line.variance_ratio()[:, :, None], ((0, 0), (0, 0), (0, dim - 1)))


def _space_routes(plan: Recording, stored: Arrays) -> "dict[str, Route]":
    e = plan.experiment
    spectrum = e.truth.spectrum
    total, log_det = spectrum.sum(), np.log(spectrum).sum()
    trace, error, volume = np.moveaxis(stored["scalars"], 2, 0)
    rank = ranks(e, plan.dim)[plan.recorded - 1]
    full = (rank == plan.dim) & (plan.dim == e.model.dim)
    routes: dict[str, Route] = {
        "variance": partial(np.divide, trace, total),
        "squared_error": partial(np.divide, error, total),
        "log_determinant": partial(_log_determinant, full, volume, log_det),
        "determinant": partial(_determinant, full, volume, log_det),
    }
    renewed = e.schedule.kind == "subset" or e.schedule.fresh or e.model.floor
    if e.sizes[0] <= e.model.dim and not renewed:
        routes["pseudo_log_determinant"] = partial(np.subtract, volume, rank / plan.dim * log_det)
    # Beyond the rank a pivot is rounding error, whatever it looks like.
    within = np.arange(plan.dim) < rank[:, None]
    if "log_pivots" in stored:
        routes["log_pivots"] = partial(np.where, within, stored["log_pivots"], -np.inf)
    routes |= given({name: stored[name] for name in ("w2_squared", "minors") if name in stored})
    if "test_log_loss" in stored:
        loss = stored["test_log_loss"]
        routes["test_log_loss"] = partial(np.where, within[:, -1], loss, np.inf)
    return routes


def _log_determinant(full: "npt.NDArray[np.bool_]", volume: Floats, log_det: float) -> Floats:
    return np.where(full, volume - log_det, -np.inf)


def _determinant(full: "npt.NDArray[np.bool_]", volume: Floats, log_det: float) -> Floats:
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(np.exp(_log_determinant(full, volume, log_det)))

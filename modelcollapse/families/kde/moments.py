r"""Second moment and central variance of the training rows, exactly, in units of tr S_0.

Any truth with finite variance, any d, any kernel and any bandwidths from the sizes alone; for
SciPy's rules, which multiply the rows' covariance, too. The variance over replicates of the
second moment needs the truth's E|x - mu_0|^4 and the kernel's E|eps|^4. Derived in ``theory/``.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.families.kde import bandwidth as bandwidths
from modelcollapse.families.kde.pairs import Draw, PairMoments, RealRow, propagate
from modelcollapse.families.kde.training import TrainingSet, trainings
from modelcollapse.solver.scan import grown
from modelcollapse.solver.subsample import Subset, subsets

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelcollapse.loop.experiment import Experiment


class RowMoments(NamedTuple):
    """E mean|x - mu_0|^2 and E mean|x - m|^2 of the training rows, each (generations,)."""

    second_moment: Floats
    central_variance: Floats

    @property
    def squared_error(self) -> Floats:
        """E|m - mu_0|^2, m the mean of the training rows."""
        with np.errstate(invalid="ignore"):
            return grown(self.second_moment - self.central_variance)


def generator_bandwidths(e: "Experiment", found: list[TrainingSet]) -> Floats:
    """Return the bandwidths (or SciPy's factors) that rows are drawn with, (generations,)."""
    rows = np.array([1 / training.squares for training in found])
    return bandwidths.schedule(e.model.bandwidth, rows, e.model.dim, "bandwidth")


def scoring_bandwidths(e: "Experiment", found: list[TrainingSet]) -> Floats:
    """Return the bandwidths (or SciPy's factors) of the scored density, (generations,)."""
    if e.model.scoring_bandwidth is None:
        return generator_bandwidths(e, found)
    rows = np.array([1 / training.squares for training in found])
    return bandwidths.schedule(e.model.scoring_bandwidth, rows, e.model.dim, "scoring_bandwidth")


def scoring_rule(e: "Experiment") -> bandwidths.Bandwidth:
    """Return the bandwidth that is scored with, as it was given."""
    own: bandwidths.Bandwidth | None = e.model.scoring_bandwidth
    return e.model.bandwidth if own is None else own


def total_variance(e: "Experiment") -> float:
    """Return tr S_0."""
    return float(e.truth.spectrum.sum())


def second_order(e: "Experiment") -> RowMoments:
    """Return the second moment and the central variance of each training set."""
    found = trainings(e)
    h, d, kernel = generator_bandwidths(e, found), e.model.dim, e.model.kernel
    noise = h**2 * kernel.variance(d) * d / total_variance(e)
    scaled = bandwidths.is_scaled(e.model.bandwidth)

    def added(t: int, central: Any) -> Any:
        """Return the kernel's part of a new row's E|x - mu_0|^2."""
        if not scaled:
            return noise[t - 1]
        # E of the rows' variance with ddof 1, times the kernel's own variance.
        return h[t - 1] ** 2 * kernel.variance(d) * central / (1 - found[t - 1].squares)

    if e.schedule.edits is not None:
        return _edited_set(found, added)
    if not e.schedule.one_pool:
        return _many_slots(e, found, added)

    def drawn(subset: Subset) -> Any:
        own = subset.fitted()
        return own + added(subset.generation, own)

    schedule, counts = e.schedule, e.schedule.counts.tolist()
    with np.errstate(over="ignore", invalid="ignore"):  # SciPy's rules explode
        kept = list(subsets(schedule.listed, counts, drawn, newest=schedule.newest))
        central = grown(np.array([subset.fitted() for subset in kept]))
        return RowMoments(grown(central + [subset.error for subset in kept]), central)


def _edited_set(found: list[TrainingSet], added: "Callable[[int, Any], Any]") -> RowMoments:
    """Follow a set of n rows: a replaced row adds its noise, and pairs take over f/n of V."""
    share = found[0].squares
    second, central = np.ones(len(found)), np.full(len(found), 1 - share)
    with np.errstate(over="ignore", invalid="ignore"):  # SciPy's rules explode
        for t, training in enumerate(found[1:], 1):
            one, pair = training.edited or (0.0, 0.0)
            new = one * added(t, central[t - 1])
            second[t] = second[t - 1] + new
            central[t] = central[t - 1] * (1 - pair * share) + new * (1 - share)
    return RowMoments(grown(second), grown(central))


def _many_slots(
    e: "Experiment", found: list[TrainingSet], added: "Callable[[int, Any], Any]"
) -> RowMoments:
    """Follow second moments and central variances of the slots, and distances of their means.

    Distances keep the digits of a variance that vanishes far away: a mixture with weights w has
    the variance sum w_a C_a + sum w_a w_b D_ab / 2, with D_ab = E|y_a - y_b|^2.
    """
    Q, C, D = np.zeros(0), np.zeros(0), np.zeros((0, 0))
    second, central, apart = np.empty(e.generations), np.empty(e.generations), np.zeros(0)
    last = own = noise = 0.0
    with np.errstate(over="ignore", invalid="ignore"):  # SciPy's rules explode
        for t, training in enumerate(found, 1):
            if n := training.real:  # Q - C is the squared distance of a mean from mu_0
                D = _bordered(D, Q - C + 1 / n)
                Q, C = np.append(Q, 1.0), np.append(C, 1 - 1 / n)
                apart = np.append(apart, last - own + 1 / n)
            if n := training.sampled:
                D = _bordered(D, apart + (own + noise) / n)
                Q, C = np.append(Q, last + noise), np.append(C, (own + noise) * (1 - 1 / n))
            carry, w = training.carry, training.weights
            D = carry @ D
            within = (D * carry).sum(axis=1) / 2
            D = D @ carry.T - within[:, None] - within
            Q, C = carry @ Q, carry @ C + within
            across = w @ D
            spread = float(across @ w) / 2
            apart, last, own = across - spread, float(w @ Q), float(w @ C) + spread
            second[t - 1], central[t - 1] = last, own
            if t < len(found):
                noise = float(added(t, own))
    return RowMoments(grown(second), grown(np.maximum(central, 0.0)))


def _bordered(distances: Floats, new: Floats) -> Floats:
    """Return the distances with those of one slot more."""
    return np.block([[distances, new[:, None]], [new, np.zeros(1)]])


def second_moment_variance(e: "Experiment") -> Floats:
    """Return the variance over replicates of the second moment, (generations,)."""
    found = trainings(e)
    d, kernel, total = e.model.dim, e.model.kernel, total_variance(e)
    h2 = generator_bandwidths(e, found) ** 2 / total
    one_coordinate, whole = kernel.variance(d), d * kernel.variance(d)
    assert kernel.fourth_moment is not None  # noqa: S101 - checked by predict
    fourth = kernel.fourth_moment(d)

    def draw(t: int, fit: PairMoments) -> Draw:
        h = h2[t - 1]
        # |x + h e|^4: e is independent of x and symmetric.
        cross = (2 * whole + 4 * one_coordinate) * h * fit.mean
        return Draw(1.0, h * whole, fit.square + cross + h**2 * fourth)

    one = np.ones(1)
    real = RealRow(one, np.array([e.truth.fourth_moment / total**2]), one)
    with np.errstate(over="ignore", invalid="ignore"):
        fits = list(propagate(found, real, draw))
        return grown(np.array([fit.product[0] - fit.mean[0] ** 2 for fit in fits]))

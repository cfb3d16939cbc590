r"""The exact mean integrated squared error of the loop, and its bias and variance parts.

At each frequency the characteristic function of the training rows, phi_t, has the first two
moments E phi_t = a phi_0 (a real) and F = E|phi_t|^2 of `pairs`; with the
kernel's kappa at the scored bandwidth

    bias_t = int |phi_0|^2 (1 - kappa a)^2,   variance_t = int kappa^2 (F - a^2 |phi_0|^2),

each (2 pi)^-d times the integral over all frequencies. As |omega| grows F tends to a constant
c_t, the error of distinct atoms: its part c_t int kappa^2 is the kernel's own squared norm and
is added in closed form, so that compact kernels, whose kappa falls slowly, converge too.
"""

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import NoClosedForm
from modelcollapse.families.kde import bandwidth as bandwidths
from modelcollapse.families.kde.frequencies import DEVIATIONS, Spectrum, blocks, spectrum_of
from modelcollapse.families.kde.kernel import GAUSSIAN
from modelcollapse.families.kde.moments import (
    generator_bandwidths,
    scoring_bandwidths,
    scoring_rule,
)
from modelcollapse.families.kde.pairs import Draw, PairMoments, RealRow, propagate
from modelcollapse.families.kde.shares import Share
from modelcollapse.families.kde.training import TrainingSet, trainings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from modelcollapse.loop.experiment import Experiment

PRECISION = 1e-12  # a block that adds less, relatively, is the last


class SquaredError(NamedTuple):
    """Bias and variance part of the integrated squared error, each (generations,)."""

    bias: Floats
    variance: Floats

    @property
    def total(self) -> Floats:
        """The mean integrated squared error."""
        return self.bias + self.variance


def require_sizes_only(e: "Experiment") -> None:
    """Raise NoClosedForm if a bandwidth depends on the data."""
    for rule in (e.model.bandwidth, scoring_rule(e)):
        if bandwidths.is_scaled(rule):
            raise NoClosedForm(
                f"the bandwidth {rule!r} depends on the data; known for bandwidths from sizes"
            )


def mean_integrated_squared_error(e: "Experiment") -> SquaredError:
    """Return the exact mean integrated squared error of each generation's fit.

    Infinite where the scored bandwidth is 0.

    Raises
    ------
    NoClosedForm
        If the truth has no density or is not isotropic, or a bandwidth depends on the data.
    """
    require_sizes_only(e)
    spectrum, found = spectrum_of(e.truth), trainings(e)
    generator, scored = generator_bandwidths(e, found), scoring_bandwidths(e, found)
    smooth = scored > 0
    bias, variance = np.full(e.generations, np.inf), np.full(e.generations, np.inf)
    if smooth.any():
        own, atoms = e.model.kernel.variance(e.model.dim), _at_infinity(found, generator)
        noise = float((generator[:-1] ** 2).sum() + scored.max() ** 2) * own
        fits = partial(_fits, e, found, generator)
        parts = _integrals(e, spectrum, noise, scored, fits, atoms)
        norm = e.model.kernel.squared_norm(e.model.dim)
        bias[smooth] = parts.bias[smooth]
        single = atoms[smooth] * norm / scored[smooth] ** e.model.dim
        variance[smooth] = parts.variance[smooth] + single
    return SquaredError(bias, variance)


def settled_error(e: "Experiment", share: Share, h: float) -> float:
    """Return the limit of the error where real rows keep a share, at the bandwidth h > 0."""
    d, kernel = e.model.dim, e.model.kernel
    atoms = share.settled(0.0, 0.0).product

    def fits(nodes: Floats, power: Floats) -> list[PairMoments]:
        kappa = np.asarray(kernel.characteristic_function(h * nodes, d))
        return [share.settled(kappa, power)]

    noise = share.deepest * h**2 * kernel.variance(d)
    found = _integrals(e, spectrum_of(e.truth), noise, np.array([h]), fits, atoms[None])
    return float(found.total[0] + atoms * kernel.squared_norm(d) / h**d)


def _integrals(
    e: "Experiment",
    spectrum: Spectrum,
    noise: float,
    scored: Floats,
    fits: "Callable[[Floats, Floats], Iterable[PairMoments]]",
    atoms: Floats,
) -> SquaredError:
    """Return bias, and variance without what is added in closed form.

    `noise` is the largest variance of a row's noises, the scored kernel's included; `fits` goes
    from frequencies and |phi_0|^2 to the moments of each fit, and `atoms` are their limits.
    """
    d, kernel = e.model.dim, e.model.kernel
    reach = 2 * spectrum.reach + DEVIATIONS * np.sqrt(2 * (spectrum.deviation**2 + noise))
    smallest = scored[scored > 0].min()
    first = max(DEVIATIONS / smallest, DEVIATIONS / spectrum.finest)
    smooth = between = np.inf
    if kernel is GAUSSIAN:
        smooth, between = DEVIATIONS / spectrum.finest, 2 * spectrum.reach
    total = np.zeros((2, len(scored)))
    for nodes, weights, end in blocks(d, reach, first, smooth, between):
        power = spectrum.power(nodes)
        part = np.zeros_like(total)
        for t, fit in enumerate(fits(nodes, power)):
            if scored[t] > 0:
                kappa = np.asarray(kernel.characteristic_function(scored[t] * nodes, d))
                first_order = fit.mean * fit.mean * power
                part[0, t] = weights @ (power * (1 - kappa * fit.mean) ** 2)
                part[1, t] = weights @ (kappa**2 * (fit.product - first_order - atoms[t]))
        total += part
        scale = np.abs(total).sum(axis=0)
        if end > first and np.all(np.abs(part) <= PRECISION * scale):
            return SquaredError(*total)
    raise NoClosedForm(
        f"the integral over frequencies has not converged at |omega| = {end:.3g}: the kernel's "
        "characteristic function falls too slowly for these bandwidths"
    )


def _fits(
    e: "Experiment", found: list[TrainingSet], generator: Floats, nodes: Floats, power: Floats
) -> "Iterator[PairMoments]":
    """Yield the moments of phi_t / phi_0 (mean) and phi_t (the others) at the nodes."""
    d, kernel = e.model.dim, e.model.kernel
    one = np.ones_like(power)

    def draw(t: int, fit: PairMoments) -> Draw:
        del fit
        kappa = np.asarray(kernel.characteristic_function(generator[t - 1] * nodes, d))
        return Draw(kappa, 0.0, 1.0)

    return propagate(found, RealRow(one, one, power), draw)


def _at_infinity(found: list[TrainingSet], generator: Floats) -> Floats:
    """Return lim E|phi_t|^2 as |omega| grows; bandwidths of 0 keep duplicates together."""
    zero, one = np.zeros(1), np.ones(1)

    def draw(t: int, fit: PairMoments) -> Draw:
        del fit
        return Draw(float(generator[t - 1] == 0), 0.0, 1.0)

    fits = propagate(found, RealRow(zero, one, zero), draw)
    return np.array([fit.product[0] for fit in fits])

r"""The expected fitted density: the law of one row drawn from the fit of a generation.

Its characteristic function is phi_0(omega) a_t(omega) kappa_t(omega), with a_t from
`pairs.means`: exact for every n. With a constant bandwidth, accumulate and
accumulate-subsample have a_t = Gamma(t + kappa) / (Gamma(1 + kappa) t!), and replace kappa^(t-1).
Densities are inverse Fourier integrals, good to 1e-13 of the truth's peak.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from modelcollapse._support.checks import Floats, reals
from modelcollapse._support.errors import NoClosedForm
from modelcollapse.families.kde.frame import Frame, SettledFrame
from modelcollapse.families.kde.kernel import normalised_bessel
from modelcollapse.families.kde.moments import scoring_rule
from modelcollapse.families.kde.shares import settled_bandwidth, share_of

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

NUMBERS = 2**22  # held at a time


@dataclass(frozen=True, eq=False)
class ExpectedDensity:
    """The expected density of the fit of one generation, or its limit, in one dimension.

    Attributes
    ----------
    generation
        The generation, or None of the limit.
    mean, variance
        Its moments.
    """

    frame: Frame
    generation: int | None

    @property
    def _row(self) -> int:
        return -1 if self.generation is None else self.generation - 1

    @property
    def mean(self) -> float:
        """The mean: the truth's."""
        return float(self.frame.experiment.truth.mean[0])

    @property
    def variance(self) -> float:
        """The variance: the truth's and that of the kernels on the way."""
        own = float(self.frame.experiment.truth.covariance[0, 0])
        return own + float(self.frame.noise_variance[self._row])

    def characteristic_function(self, omega: Any) -> Any:
        """Return E exp(i omega x), complex, of the shape of omega."""
        omega = reals("omega", omega)
        factor = self.frame.factors(np.abs(omega).ravel())[self._row]
        weights, m, covariances = self.frame.experiment.truth.components
        phase = 1j * omega[..., None] * m[:, 0] - omega[..., None] ** 2 * covariances[:, 0, 0] / 2
        return (np.exp(phase) @ weights) * factor.reshape(omega.shape)

    def pdf(self, x: Any) -> Floats:
        """Return the density, of the shape of x."""
        return self._inverted(x, cumulative=False)

    def cdf(self, x: Any) -> Floats:
        """Return P(X <= x), of the shape of x."""
        return np.clip(self._inverted(x, cumulative=True), 0.0, 1.0)

    def _inverted(self, x: Any, *, cumulative: bool) -> Floats:
        points = reals("x", x)
        flat, result = points.ravel(), np.zeros(points.size)
        centre, span = self.mean, self.frame.span
        inside = np.flatnonzero(np.abs(flat - centre) <= span)
        for cut in _cuts(self.frame, len(inside)):
            chosen = inside[cut]
            result[chosen] = self._integral(flat[chosen], cumulative=cumulative)
        if cumulative:
            result[flat > centre + span] = 1.0
        result[np.isnan(flat)] = np.nan
        return result.reshape(points.shape)

    def _integral(self, x: Floats, *, cumulative: bool) -> Floats:
        nodes, node_weights = self.frame.nodes
        factor = self.frame.at_nodes[self._row] * node_weights
        total = np.zeros(len(x))
        parts = zip(*self.frame.experiment.truth.components, strict=True)
        for weight, m, covariance in parts:
            damped = weight * factor * np.exp(-covariance[0, 0] * nodes**2 / 2)
            phase = np.multiply.outer(x - m[0], nodes)
            total += np.sin(phase) @ (damped / nodes) if cumulative else np.cos(phase) @ damped
        return total + 0.5 if cumulative else total


class ExpectedDensities(Sequence[ExpectedDensity]):
    """The expected densities of all generations of an experiment."""

    def __init__(self, e: "Experiment") -> None:
        self._frame = Frame.of(e)
        self._all = [ExpectedDensity(self._frame, t) for t in range(1, e.generations + 1)]

    @overload
    def __getitem__(self, index: int) -> ExpectedDensity: ...
    @overload
    def __getitem__(self, index: slice) -> list[ExpectedDensity]: ...
    def __getitem__(self, index: int | slice) -> ExpectedDensity | list[ExpectedDensity]:
        return self._all[index]

    def __len__(self) -> int:
        return len(self._all)

    @cached_property
    def limit(self) -> ExpectedDensity:
        """The limit of the expected density where real rows keep a share of the weight.

        Raises
        ------
        NoClosedForm
            For other workflows, and bandwidths that are neither constant nor powers of t.
        """
        e, spectrum = self._frame.experiment, self._frame.spectrum
        if (share := share_of(e)) is None:
            raise NoClosedForm("known where real rows keep a constant share of the weight")
        generator, scored = (settled_bandwidth(e, share, h) for h in (None, scoring_rule(e)))
        if not np.isfinite(generator + scored):
            raise NoClosedForm("the bandwidths grow: the expected density flattens out")
        frame = SettledFrame(e, spectrum, [], np.array([generator]), np.array([scored]), share)
        return ExpectedDensity(frame, None)


def _cuts(frame: Frame, points: int) -> Iterator[slice]:
    """Yield slices of points whose table over the nodes is not too large."""
    step = max(1, NUMBERS // len(frame.nodes[0]))
    for start in range(0, points, step):
        yield slice(start, start + step)


def on_line(frame: Frame, x: Floats) -> Floats:
    """Return the expected densities of all generations at x in one dimension, (generations, x)."""
    nodes, weights = frame.nodes
    total = np.zeros((len(frame.found), len(x)))
    for w, m, v in zip(*frame.experiment.truth.components, strict=True):
        damped = frame.at_nodes * (w * weights * np.exp(-v[0, 0] * nodes**2 / 2))
        for cut in _cuts(frame, len(x)):
            total[:, cut] += damped @ np.cos(np.multiply.outer(nodes, x[cut] - m[0]))
    return total


def radial(frame: Frame, radii: Floats) -> Floats:
    """Return the expected densities at distances from the mean, (generations, len(radii)).

    For a truth that depends on the distance alone.
    """
    nodes, weights = frame.nodes
    amplitude = frame.at_nodes * (np.sqrt(frame.spectrum.power(nodes)) * weights)
    total = np.empty((len(frame.found), len(radii)))
    for cut in _cuts(frame, len(radii)):
        phases = np.multiply.outer(nodes, radii[cut])
        total[:, cut] = amplitude @ normalised_bessel(phases, frame.spectrum.dim / 2 - 1)
    return total

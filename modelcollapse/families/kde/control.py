r"""The loop's integrated squared error as a function of its bandwidths, and its derivatives.

For workflows that keep one slot (replace, accumulate, accumulate-subsample) and the Gaussian
kernel. Each frequency carries two numbers from generation to generation, see
`modelcollapse.families.kde.pairs`; derivatives run backwards through all of them at once.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.families.kde.errors_squared import mean_integrated_squared_error
from modelcollapse.families.kde.estimator import KDE
from modelcollapse.families.kde.frequencies import spectrum_of, up_to
from modelcollapse.families.kde.moments import generator_bandwidths
from modelcollapse.families.kde.training import trainings
from modelcollapse.loop.experiment import Experiment

NEGLIGIBLE = 6.0  # standard deviations: exp(-x^2 / 2) is below 2e-8


class PoolStep(NamedTuple):
    """One generation of a workflow that keeps one slot: see `training`."""

    subsampled: float
    share: float  # of the new batch in the next pool
    n: int  # rows of the new batch


@dataclass(frozen=True, eq=False)
class Path:
    """The loop's error as a function of its bandwidths, on fixed frequencies.

    `fineness` is the truth's smallest scale over its whole deviation, at most 1; `progress` is
    called at each evaluation.
    """

    steps: list[PoolStep]
    first: int
    nodes: Floats
    weights: Floats
    power: Floats
    fineness: float
    progress: Callable[[int], None] = lambda _: None

    @cached_property
    def _arrays(self) -> Floats:
        """What kernels need of the steps, shape (3, T)."""
        return np.array(self.steps, dtype=np.float64).T.copy()

    def errors(self, h: Floats) -> tuple[Floats, Floats]:
        """Return the error of each generation (T,), and what the backward pass needs.

        That is (4, T, m): of each fit kappa, a, the pool's product and the fit's.
        """
        from modelcollapse.families.kde.control_kernels import forward  # numba, when it is used

        self.progress(1)
        tape = np.empty((4, len(h), len(self.nodes)))
        tape[1, 0], tape[2, 0] = 1.0, self.power + (1 - self.power) / self.first
        return forward(h, self._arrays, self.nodes, self.weights, self.power, tape), tape

    def kappa(self, h: float) -> Floats:
        """Return the kernel's characteristic function at the nodes."""
        return np.asarray(np.exp(-((h * self.nodes) ** 2) / 2))

    def own_error(self, a: Floats, fit: Floats) -> Callable[[float], float]:
        """Return the error of one fit as a function of its log h."""
        from modelcollapse.families.kde.control_kernels import fit_error

        return lambda x: fit_error(float(np.exp(x)), self.nodes, self.weights, self.power, a, fit)

    def slopes(self, tape: Floats, share: Floats) -> Floats:
        """Return the derivative of sum share_t error_t by each h_t^2."""
        from modelcollapse.families.kde.control_kernels import backward

        return backward(share, self._arrays, self.nodes, self.weights, self.power, tape)


def advanced(
    step: PoolStep, kappa: Floats, a: Floats, product: Floats, fit: Floats
) -> tuple[Floats, Floats]:
    """Return the pool's first and second moment after the next batch."""
    s, keep = step.share, 1 - step.share
    own = (1 - 1 / step.n) * kappa**2 * fit + 1 / step.n
    return (keep + s * kappa) * a, (keep**2 + 2 * s * keep * kappa) * product + s * s * own


def path_of(e: Experiment, guess: Floats, progress: Callable[[int], None] = lambda _: None) -> Path:
    """Return the loop as a function of its bandwidths, resolved for some like the guess."""
    spectrum, found, sizes = spectrum_of(e.truth), trainings(e), e.sizes.tolist()
    width = np.sqrt(spectrum.deviation**2 + 2 * (guess**2).sum())
    reach = 2 * spectrum.reach + NEGLIGIBLE * np.sqrt(2) * width
    last = max(NEGLIGIBLE / (0.1 * guess[guess > 0].min()), NEGLIGIBLE / spectrum.finest)
    nodes, weights = up_to(
        e.model.dim, reach, last, NEGLIGIBLE / spectrum.finest, 2 * spectrum.reach
    )
    shares = [
        sizes[t + 1] / sum(sizes[: t + 2]) if t + 1 < len(sizes) else 1.0 for t in range(len(sizes))
    ]
    if e.schedule.newest:
        shares = [1.0] * len(sizes)
    steps = [
        PoolStep(training.subsampled, share, n)
        for training, share, n in zip(found, shares, [*sizes[1:], 1], strict=True)
    ]
    return Path(steps, sizes[0], nodes, weights, spectrum.power(nodes), fineness(e), progress)


def fineness(e: Experiment) -> float:
    """Return the smallest deviation of a component over the root mean variance of the truth."""
    return float(spectrum_of(e.truth).finest / np.sqrt(e.truth.spectrum.mean()))


def rule_of_thumb(e: Experiment) -> Floats:
    """Return the normal-reference bandwidths s (4 / ((d + 2) N_t))^(1/(d+4)), one per fit."""
    d = e.model.dim
    rows = np.array([1 / training.squares for training in trainings(e)])
    s = np.sqrt(e.truth.spectrum.mean())
    return np.asarray(s * (4 / ((d + 2) * rows)) ** (1 / (d + 4)))


def rule_bandwidths(e: Experiment, rule: str) -> Floats:
    """Return the bandwidths of one of scikit-learn's rules, (generations,)."""
    return generator_bandwidths(replace(e, model=KDE(rule, dim=e.model.dim)), trainings(e))


def scheduled_error(e: Experiment, h: Floats) -> Floats:
    """Return the exact error of the loop with these bandwidths, to full precision."""
    model = KDE(tuple(h.tolist()), dim=e.model.dim)
    return mean_integrated_squared_error(replace(e, model=model)).total

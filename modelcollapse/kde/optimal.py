r"""Bandwidths that minimise the exact integrated squared error over a whole loop.

A bandwidth acts twice: the fit is scored with it, and the next rows are drawn with it. So the
best schedule is that of a control problem, and minimising each generation's error in turn (the
greedy schedule) is not optimal. The error is differentiated through the recursion, backwards,
at all frequencies at once, and minimised by L-BFGS-B over log h_t.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from modelcollapse.checks import Floats, Samples, whole
from modelcollapse.errors import InvalidInput, NoClosedForm, unknown
from modelcollapse.experiment import Experiment
from modelcollapse.kde.errors_squared import mean_integrated_squared_error
from modelcollapse.kde.estimator import KDE
from modelcollapse.kde.frequencies import blocks, spectrum_of
from modelcollapse.kde.moments import generator_bandwidths
from modelcollapse.kde.training import trainings
from modelcollapse.truth import as_truth
from modelcollapse.workflows import Accumulate, AccumulateSubsample, Replace, Workflow

Objective = Literal["sum", "max", "final"]
NEGLIGIBLE = 6.5  # standard deviations: exp(-x^2 / 2) is below 1e-9
REFINEMENTS = 5
SMALLEST, LARGEST = 0.02, 50.0  # bandwidths searched, in units of the rule of thumb
FLAT = 1e-9  # a relative gain below it is rounding
LEVEL = 1e-9  # relative accuracy of the least maximum
RESOLVED = 1e-9  # relative error of the frequencies used, or they are refined


@dataclass(frozen=True, eq=False)
class OptimalBandwidths:
    """The result of `optimal_bandwidths`.

    Attributes
    ----------
    bandwidths
        h_t, shape (generations,).
    mise
        The exact mean integrated squared error of each generation, shape (generations,);
        infinite where the bandwidth is 0.
    objective
        "sum", "max" or "final".
    value
        What was minimised: the sum, the largest or the last entry of `mise`.
    """

    bandwidths: Floats
    mise: Floats
    objective: Objective
    value: float


class Step(NamedTuple):
    """One generation of a workflow that keeps one slot: see `modelcollapse.kde.training`."""

    subsampled: float
    share: float  # of the new batch in the next pool
    n: int  # rows of the new batch


Tape = list[tuple[Floats, Floats, Floats, Floats]]  # of each fit: kappa, a, pool, fit


@dataclass(frozen=True, eq=False)
class Path:
    """The loop's error as a function of its bandwidths, on fixed frequencies."""

    steps: list[Step]
    first: int
    nodes: Floats
    weights: Floats
    power: Floats

    def errors(self, h: Floats) -> tuple[Floats, Tape]:
        """Return the error of each generation, and what the backward pass needs."""
        a, product = np.ones_like(self.power), self.power + (1 - self.power) / self.first
        errors, tape = np.empty(len(h)), Tape()
        for t, (step, bandwidth) in enumerate(zip(self.steps, h, strict=True)):
            kappa = self.kappa(bandwidth)
            fit = product + step.subsampled * (1 - product)
            errors[t] = self.error(kappa, a, fit)
            tape.append((kappa, a, product, fit))
            a, product = advanced(step, kappa, a, product, fit)
        return errors, tape

    def error(self, kappa: Floats, a: Floats, fit: Floats) -> float:
        """Return the integrated squared error of one fit."""
        return float(self.weights @ (kappa**2 * fit - 2 * kappa * a * self.power + self.power))

    def kappa(self, h: float) -> Floats:
        """Return the kernel's characteristic function at the nodes."""
        return np.asarray(np.exp(-((h * self.nodes) ** 2) / 2))

    def own_error(self, a: Floats, fit: Floats) -> Callable[[float], float]:
        """Return the error of one fit as a function of its log h."""
        return lambda x: self.error(self.kappa(float(np.exp(x))), a, fit)

    def slopes(self, h: Floats, tape: Tape, share: Floats) -> Floats:
        """Return the derivative of sum share_t error_t by each h_t^2."""
        slopes, back_a, back_product = np.empty(len(h)), 0.0 * self.power, 0.0 * self.power
        for t in range(len(h) - 1, -1, -1):
            step, (kappa, a, product, fit) = self.steps[t], tape[t]
            s, keep, w = step.share, 1 - step.share, share[t] * self.weights
            drawn = s * s * (1 - 1 / step.n)
            by_kappa = (
                back_a * s * a
                + back_product * (2 * s * keep * product + 2 * drawn * kappa * fit)
                + w * (2 * kappa * fit - 2 * a * self.power)
            )
            by_fit = back_product * drawn * kappa**2 + w * kappa**2
            back_product = (
                back_product * (keep * keep + 2 * s * keep * kappa) + (1 - step.subsampled) * by_fit
            )
            back_a = back_a * (keep + s * kappa) - 2 * w * kappa * self.power
            slopes[t] = by_kappa @ (-(self.nodes**2) / 2 * kappa)
        return slopes


def advanced(
    step: Step, kappa: Floats, a: Floats, product: Floats, fit: Floats
) -> tuple[Floats, Floats]:
    """Return the pool's first and second moment after the next batch."""
    s, keep = step.share, 1 - step.share
    own = (1 - 1 / step.n) * kappa**2 * fit + 1 / step.n
    return (keep + s * kappa) * a, (keep**2 + 2 * s * keep * kappa) * product + s * s * own


def optimal_bandwidths(
    truth: Any,
    workflow: Workflow,
    samples: Samples,
    generations: int,
    objective: Objective = "sum",
) -> OptimalBandwidths:
    """Return the schedule of bandwidths with the least exact error over the horizon.

    Each generation is scored, and the next rows are drawn, with its h_t; Gaussian kernel.

    Parameters
    ----------
    truth
        None (the standard normal), a `Normal` or a `NormalMixture` in one dimension; beyond,
        one with a single mean and covariances s^2 I.
    workflow
        `Replace`, `Accumulate` or `AccumulateSubsample`.
    samples
        Rows per batch, as for `Experiment`.
    generations
        The horizon T.
    objective
        "sum" (or the mean) of the errors of all generations, the "max" over them, or the
        "final" one. The last is degenerate: for a normal truth (and for any under replace) its
        infimum draws every batch with bandwidth 0, that is, resamples rows, and smooths only the
        last fit, so that no generation before it has a density at all; for other truths some
        bandwidths may be above 0. A practitioner wants "sum" or "max".

    Returns
    -------
    OptimalBandwidths
        Bandwidths, and the exact error of each generation.

    Raises
    ------
    InvalidInput
        If the truth has no density or is not isotropic, or the workflow is another one.
    """
    if objective not in get_args(Objective):
        raise unknown("objective", objective, get_args(Objective))
    if type(workflow) not in (Replace, Accumulate, AccumulateSubsample):
        raise InvalidInput(
            f"workflow = {workflow!r}: give Replace(), Accumulate() or AccumulateSubsample()"
        )
    whole("generations", generations)
    known = truth if truth is None else as_truth(truth, getattr(truth, "dim", None) or _dim(truth))
    dim = 1 if known is None else known.dim
    e = Experiment(KDE(1.0, dim=dim), workflow, samples, generations, known)
    try:
        spectrum_of(e.reality)
    except NoClosedForm as error:
        raise InvalidInput(f"truth: {error}") from error
    return _optimise(e, objective)


def _dim(truth: Any) -> int:
    shape = np.shape(truth)
    return shape[1] if len(shape) == 2 else 1


def _optimise(e: Experiment, objective: Objective) -> OptimalBandwidths:
    thumb = rule_of_thumb(e)
    search = {"sum": _least_sum, "max": least_maximum, "final": _final}[objective]
    h = thumb
    for _ in range(REFINEMENTS):
        path = path_of(e, h)
        h = search(path, h if h.all() else thumb, thumb)
        mise = scheduled_error(e, h)
        known = np.isfinite(mise)
        if np.allclose(path.errors(h)[0][known], mise[known], rtol=RESOLVED, atol=0):
            break
    value = {"sum": mise.sum(), "max": mise.max(), "final": mise[-1]}[objective]
    return OptimalBandwidths(h, mise, objective, float(value))


def rule_of_thumb(e: Experiment) -> Floats:
    """Return the normal-reference bandwidths s (4 / ((d + 2) N_t))^(1/(d+4)), one per fit."""
    d = e.model.dim
    rows = np.array([1 / training.squares for training in trainings(e)])
    s = np.sqrt(e.reality.spectrum.mean())
    return np.asarray(s * (4 / ((d + 2) * rows)) ** (1 / (d + 4)))


def rule_bandwidths(e: Experiment, rule: str) -> Floats:
    """Return the bandwidths of one of scikit-learn's rules, (generations,)."""
    return generator_bandwidths(replace(e, model=KDE(rule, dim=e.model.dim)), trainings(e))


def scheduled_error(e: Experiment, h: Floats) -> Floats:
    """Return the exact error of the loop with these bandwidths, to full precision."""
    model = KDE(tuple(h.tolist()), dim=e.model.dim)
    return mean_integrated_squared_error(replace(e, model=model)).total


def path_of(e: Experiment, guess: Floats) -> Path:
    """Return the loop as a function of its bandwidths, resolved for some like the guess."""
    spectrum, found, sizes = spectrum_of(e.reality), trainings(e), e.sizes.tolist()
    width = np.sqrt(spectrum.deviation**2 + 2 * (guess**2).sum())
    reach = 2 * spectrum.reach + NEGLIGIBLE * np.sqrt(2) * width
    last = max(NEGLIGIBLE / (0.6 * guess[guess > 0].min()), NEGLIGIBLE / spectrum.deviation)
    parts, reached = [], 0.0
    for nodes, weights in blocks(e.model.dim, reach, last):
        if reached >= last:
            break
        parts.append((nodes, weights))
        reached = float(nodes[-1])
    nodes, weights = (np.concatenate(column) for column in zip(*parts, strict=True))
    shares = [
        sizes[t + 1] / sum(sizes[: t + 2]) if t + 1 < len(sizes) else 1.0 for t in range(len(sizes))
    ]
    if isinstance(e.workflow, Replace):
        shares = [1.0] * len(sizes)
    steps = [
        Step(training.subsampled, share, n)
        for training, share, n in zip(found, shares, [*sizes[1:], 1], strict=True)
    ]
    return Path(steps, sizes[0], nodes, weights, spectrum.power(nodes))


def greedy(path: Path, thumb: Floats) -> Floats:
    """Return the schedule that minimises each generation's own error, one after the other."""
    a, product = np.ones_like(path.power), path.power + (1 - path.power) / path.first
    h = np.empty(len(thumb))
    for t, step in enumerate(path.steps):
        fit = product + step.subsampled * (1 - product)
        h[t] = np.exp(_lowest(path.own_error(a, fit), thumb[t]))
        a, product = advanced(step, path.kappa(h[t]), a, product, fit)
    return h


def _least_sum(path: Path, start: Floats, thumb: Floats) -> Floats:
    """Return the schedule with the least sum of errors, the better of two descents."""
    starts = [start, greedy(path, thumb)]
    return min((_descend(path, h, thumb) for h in starts), key=lambda h: path.errors(h)[0].sum())


def _descend(path: Path, start: Floats, thumb: Floats) -> Floats:
    """Minimise the sum of errors over log h, from a schedule."""
    from scipy.optimize import minimize

    scale = path.errors(start)[0].sum()

    def value(x: Floats) -> tuple[float, Floats]:
        h = np.exp(x)
        errors, tape = path.errors(h)
        slopes = path.slopes(h, tape, np.ones_like(h))
        return float(errors.sum() / scale), slopes * 2 * h**2 / scale

    bounds = list(zip(np.log(thumb * SMALLEST), np.log(thumb * LARGEST), strict=True))
    options = {"maxiter": 1000, "maxfun": 2000, "ftol": 1e-13, "gtol": 1e-9, "maxcor": 30}
    found = minimize(
        value, np.log(start), jac=True, method="L-BFGS-B", bounds=bounds, options=options
    )
    return np.asarray(np.exp(found.x))


def least_maximum(path: Path, start: Floats, thumb: Floats) -> Floats:
    """Return the schedule with the least largest error.

    Less smoothing keeps more for the generations after it, so each takes the smallest bandwidth
    that the level allows, and the best level is the lowest at which all of them can. That all
    errors are then equal, with non-negative multipliers (Karush-Kuhn-Tucker), is tested.
    """
    del start
    h = greedy(path, thumb)
    low, high = 0.0, float(path.errors(h)[0].max())
    best = h
    while high - low > LEVEL * high:
        level = (low + high) / 2
        found = _at_level(path, level, thumb)
        if found is None:
            low = level
        else:
            high, best = level, found
    return best


def _at_level(path: Path, level: float, thumb: Floats) -> Floats | None:
    """Return the smallest bandwidths whose errors are at most the level, or None."""
    from scipy.optimize import brentq

    a, product = np.ones_like(path.power), path.power + (1 - path.power) / path.first
    h = np.empty(len(thumb))
    for t, step in enumerate(path.steps):
        fit = product + step.subsampled * (1 - product)
        own = path.own_error(a, fit)
        low, best = np.log(thumb[t] * SMALLEST), _lowest(own, thumb[t])
        if own(best) > level:
            return None
        x = low if own(low) <= level else brentq(lambda x: own(x) - level, low, best, xtol=1e-10)  # noqa: B023
        h[t] = np.exp(x)
        a, product = advanced(step, path.kappa(h[t]), a, product, fit)
    return h


def _lowest(own: Callable[[float], float], thumb: float) -> float:
    """Return the logarithm of the bandwidth with the least error of one fit."""
    from scipy.optimize import minimize_scalar

    bounds = np.log(thumb * SMALLEST), np.log(thumb * LARGEST)
    found = minimize_scalar(own, bounds=bounds, method="bounded", options={"xatol": 1e-8})
    return float(found.x)


def _final(path: Path, start: Floats, thumb: Floats) -> Floats:
    """Return the best of the bootstrap (bandwidth 0 but for the last fit) and its neighbours.

    For a normal truth, and for any under replace, nothing is below the bootstrap, see
    ``theory/kde_bootstrap.py``; a rough truth may want its fine and its coarse parts smoothed
    at different generations.
    """
    from scipy.optimize import minimize

    del start
    zeros = np.zeros(len(thumb))
    _, a, _, fit = path.errors(zeros)[1][-1]
    zeros[-1] = np.exp(_lowest(path.own_error(a, fit), thumb[-1]))
    last = np.zeros(len(thumb))
    last[-1] = 1.0
    scale, unit = path.errors(zeros)[0][-1], thumb**2

    def value(x: Floats) -> tuple[float, Floats]:
        h = np.sqrt(x * unit)
        errors, tape = path.errors(h)
        return float(errors[-1] / scale), path.slopes(h, tape, last) * unit / scale

    bounds = [(0.0, LARGEST**2)] * (len(thumb) - 1) + [(SMALLEST**2, LARGEST**2)]
    # From the bootstrap, and from smoothing early what the last fit need not smooth again.
    low = np.append(np.ones(len(thumb) - 1), SMALLEST**2)
    found = [zeros]
    for begin in (zeros**2 / unit, low):
        options = {"maxiter": 500, "ftol": 1e-13}
        reached = minimize(
            value, begin, jac=True, method="L-BFGS-B", bounds=bounds, options=options
        )
        found.append(np.sqrt(reached.x * unit))
    errors = [path.errors(h)[0][-1] for h in found]
    # Rounding is no reason to leave the bootstrap.
    best = int(np.argmin(errors))
    return found[best] if errors[best] < errors[0] * (1 - FLAT) else zeros

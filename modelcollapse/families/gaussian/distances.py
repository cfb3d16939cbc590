"""Bounds of E tr sqrt(S_t)/d, and so of the expected W2, for a normal truth; and of limits."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.families.gaussian import enclosures
from modelcollapse.families.gaussian.enclosures import Bounds
from modelcollapse.families.gaussian.exchangeable import fourth_moments
from modelcollapse.families.gaussian.joint_moments import fit_moments
from modelcollapse.families.gaussian.moments import second_order
from modelcollapse.families.gaussian.pooled_laws import accumulated, test_loss_mean

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

FAR = 1000  # generations after which what is left is bounded as a whole


def is_enclosed(e: "Experiment") -> bool:
    """Return whether there is a bound from below."""
    return e.model.dim == 1 or e.schedule.pool


def roots(e: "Experiment") -> Bounds:
    """Enclose E tr (S_0^(1/2) S_t S_0^(1/2))^(1/2) / tr S_0.

    Always at most sqrt(V_t), as the trace is concave in S_t. Under accumulate by steps, and exactly
    in one dimension; for truths with directions of their own at most as in one dimension, as the
    diagonal of a root is at most the root of the diagonal. Elsewhere in one dimension by Hoelder,
    E v <= (E sqrt v)^(2/3) (E v^2)^(1/3).
    """
    V, _ = second_order(e)
    if e.schedule.pool:
        spectrum = e.truth.spectrum
        if e.model.dim == 1:
            return Bounds(*[accumulated(e).root] * 2)
        found = enclosures.roots(e)
        if np.ptp(spectrum) > 1e-12 * spectrum[0]:
            return Bounds(found.low, accumulated(e).root)
        return found
    with np.errstate(divide="ignore", invalid="ignore"):
        if e.model.dim > 1:
            return Bounds(np.zeros_like(V), np.sqrt(V))
        share = V / squares(e)
        # Where a moment has left the floats, 0 is below.
        low = np.where(np.isfinite(V) & (share > 0), V * np.sqrt(share), 0.0)
    return Bounds(low, np.sqrt(V))


def squared(plain: Floats, root: Floats) -> Floats:
    """Return V + R + 1 - 2 root: infinite where V is, as it grows like the square of the root."""
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(plain < np.inf, plain - 2 * root, np.inf))


def squares(e: "Experiment") -> Floats:
    """Return E (tr S_t)^2 / (tr S_0)^2."""
    if e.schedule.random_sets:
        return fourth_moments(e).variance_variance
    return np.asarray(fit_moments(e, fourth=True)[4])


def limit_bounds(e: "Experiment") -> dict[str, float]:
    """Enclose limits under accumulate, maximum likelihood, equal batches of n rows.

    With s = N'/n, mu = 1 - 1/(n s^2) and E tr (B - mu)^2 / d <= (d + 1)/(n s^2), B >= 1 - 1/s: by
    the second order all generations after FAR together take at most x d from E log det, multiply
    E tr S^-1 by at most e^y, add at most w to E m' S^-1 m, which is multiplied too, and multiply
    E tr sqrt(S) by at least e^(-y/2); and they only take, or add.
    """
    far = replace(e, samples=int(e.sizes[0]), generations=FAR)
    d, n, scale = e.model.dim, float(e.sizes[0]), float(e.truth.spectrum.sum())
    slack = (1 - 1 / (FAR + 1)) ** -3 / (n * FAR)
    x, y, w = ((1 + (d + 1) / 2) * slack, (d + 2) * slack, d * slack)
    root = roots(far)
    if d == 1:
        steps = accumulated(far)
        logs = Bounds(steps.mean, steps.mean)
        whole = Bounds(*[test_loss_mean(far, steps)] * 2) if n > d + 2 else None
    else:
        logs, whole = enclosures.log_determinant(far), None
        if n > d + 2:
            whole = Bounds(*(side.whole for side in enclosures.losses(far)))
    found = {
        "log_determinant_lower": float(logs.low[-1]) - d * x,
        "log_determinant_upper": float(logs.high[-1]),
        "w2_squared_lower": 2 * scale * (1 - float(root.high[-1])),
        "w2_squared_upper": 2 * scale * (1 - float(root.low[-1]) * float(np.exp(-y / 2))),
    }
    if whole is not None:
        constant = float(d * np.log(2 * np.pi) + np.log(e.truth.spectrum).sum())
        most = float((whole.high[-1] - logs.high[-1] + w) * np.exp(y) + logs.high[-1])
        found["test_log_loss_lower"] = (constant + float(whole.low[-1]) - d * x) / 2
        found["test_log_loss_upper"] = (constant + most) / 2
    return found

r"""Expected risk and norm of least-squares loops without a penalty, and their variances.

Notation: S is the Gram matrix of the training inputs, N their number, r = min(N, d) and
m = max(N, d); P projects on the span of the inputs; sigma is the noise. "risk" is
E|w_t - w*|^2, "norm" is E|w_t|^2. Sources: arXiv 2404.01413 (fixed design, N >= d + 2), arXiv
2402.07712 (fewer rows than inputs, asymptotically); the others are derived in
``theory/regression.py``.
"""

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.families.regression.wishart import noise_mean, noise_square

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment


class RiskMoments(NamedTuple):
    """Means and, where known, variances over replicates, each of shape (generations,)."""

    risk: Floats
    norm: Floats
    risk_variance: Floats | None
    norm_variance: Floats | None


def least_inputs(e: "Experiment") -> int:
    """Return the smallest number of different inputs that a generation trains on."""
    if e.schedule.fresh and e.model.design == "paired":
        return int(np.where(e.schedule.real > 0, e.schedule.real, e.sizes).min())
    return e.schedule.least_trained


def gains(e: "Experiment") -> Floats:
    """Return E|u_t|^2 / d: u_t is the weighted mean of the labels' noise, which is inherited."""
    from modelcollapse.solver import squared_errors

    n = int(e.sizes[0])
    return np.asarray(n * squared_errors(e.schedule, e.sizes, 0.0), dtype=np.float64)


def lost_signal(n: int, d: int) -> tuple[float, float]:
    """Return mean and variance of |w* - P w*|^2 / |w*|^2, a beta variable, for n rows."""
    if n >= d:
        return 0.0, 0.0
    return 1 - n / d, 2 * n * (d - n) / (d * d * (d + 2))


def fixed(e: "Experiment") -> RiskMoments:
    """Return the moments of a fixed design under any deterministic workflow.

    All generations share X, so w_t - w* = X^+ u_t - (I - P) w* with normal u_t, independent of X.
    """
    n, d, power = int(e.sizes[0]), e.model.dim, e.model.noise**2
    square, (lost, spread) = e.truth.square, lost_signal(n, d)
    noise, noise_variance = np.zeros(e.generations), np.zeros(e.generations)
    if power > 0:
        gain = power * gains(e)
        noise = gain * noise_mean(n, d)
        noise_variance = np.full(e.generations, np.inf)
        if math.isfinite(noise_square(n, d)):
            noise_variance = gain**2 * (noise_square(n, d) - noise_mean(n, d) ** 2)
    bias_variance = square**2 * spread
    cross = 4 * square * noise / d if square > 0 else np.zeros(e.generations)
    return RiskMoments(
        square * lost + noise,
        square * (1 - lost) + noise,
        bias_variance + noise_variance,
        bias_variance + noise_variance + cross,
    )


class _Projected:
    """RiskMoments of u_t = P_t u_{t-1} + a_t: P_t a random projection, a_t isotropic in its range.

    They are E|u|^2, E|u|^4, E u'w, E (u'w)^2 and E |u|^2 u'w, starting from u_0 = w.
    """

    def __init__(self, dim: int, square: float) -> None:
        self.dim, self.square = dim, square
        self.two, self.four = square, square**2
        self.along, self.along_two, self.skew = square, square**2, square**2

    def step(self, n: int, power: float) -> None:
        """Fit to a batch of n new rows with noise of variance `power`."""
        d, r, w2 = self.dim, min(n, self.dim), self.square
        kept = r / d
        # E P_ij P_kl = A [ij][kl] + B ([ik][jl] + [il][jk])
        A, B = 1.0, 0.0
        if r < d:
            A = r * (r * (d + 1) - 2) / (d * (d + 2) * (d - 1))
            B = (r * (r + 2) / (d * (d + 2)) - A) / 2
        q = power * noise_mean(n, d) if power > 0 else 0.0
        q2 = power**2 * noise_square(n, d) if power > 0 else 0.0
        self.skew = (A + 2 * B) * self.skew
        self.along_two = A * self.along_two + B * (self.along_two + self.two * w2)
        self.four = (A + 2 * B) * self.four + q2
        if q > 0 and math.isfinite(self.two) and math.isfinite(q):
            self.skew += q * kept * self.along * (1 + 2 / r)
            self.along_two += q * w2 / d
            self.four += 2 * q * kept * self.two * (1 + 2 / r)
        self.along *= kept
        self.two = kept * self.two + q

    def norm(self) -> tuple[float, float]:
        """Return mean and variance of |u|^2."""
        if not math.isfinite(self.two) or not math.isfinite(self.four):
            return self.two, math.inf
        return self.two, max(0.0, self.four - self.two**2)

    def risk(self) -> tuple[float, float]:
        """Return mean and variance of |u - w|^2 = |u|^2 - 2 u'w + |w|^2."""
        mean = self.two - 2 * self.along + self.square
        if not math.isfinite(mean) or not math.isfinite(self.four):
            return mean, math.inf
        mixed = self.skew - self.two * self.along
        along = self.along_two - self.along**2
        return mean, max(0.0, self.four - self.two**2 - 4 * mixed + 4 * along)


def replaced(e: "Experiment") -> RiskMoments:
    """Return the moments of replace with new inputs each generation, for any schedule.

    w_t = P_t w_{t-1} + S_t^+ X_t'eps_t. Without a lost signal the risk does not depend on w*, and
    is computed as if it were 0, so that nothing cancels.
    """
    d, power = e.model.dim, e.model.noise**2
    seen = _Projected(d, e.truth.square)
    origin = _Projected(d, e.truth.square if e.sizes.min() < d else 0.0)
    found = np.empty((4, e.generations))
    for t, n in enumerate(e.sizes.tolist()):
        seen.step(n, power)
        origin.step(n, power)
        found[[0, 2], t], found[[1, 3], t] = origin.risk(), seen.norm()
    return RiskMoments(*found)


def accumulated(e: "Experiment") -> RiskMoments:
    """Return the moments of accumulate with new inputs each generation, for any schedule.

    S_t w_t = S_t w_{t-1} + X_t'eps_t: recursive least squares on pure noise. So each batch adds
    sigma^2 (n_t / N_t) E tr S_t^+, and what generation 1 lost of the signal stays lost.
    """
    d, power, square = e.model.dim, e.model.noise**2, e.truth.square
    pools = np.cumsum(e.sizes)
    noise = np.zeros(e.generations)
    if power > 0:
        costs = np.array([noise_mean(N, d) for N in pools.tolist()])
        noise = power * np.cumsum(e.sizes / pools * costs)
    lost, _ = lost_signal(int(e.sizes[0]), d)
    risk, norm = square * lost + noise, square * (1 - lost) + noise
    if pools[0] < d:
        return RiskMoments(risk, norm, None, None)
    variance = _pool_variances(e)
    cross = 4 * square * noise / d if square > 0 else np.zeros(e.generations)
    return RiskMoments(risk, norm, variance, variance + cross)


def paired(e: "Experiment") -> RiskMoments:
    """Return the means of labels w y + (1 - w) y' on new inputs, y of w* and y' of the last fit.

    With u = 1 - w, w_t - w* = P_t u (w_{t-1} - w*) - (I - P_t) w* + S_t^+ X_t'(w eps + u eps').
    """
    schedule, d, power, square = e.schedule, e.model.dim, e.model.noise**2, e.truth.square
    risk = norm = along = math.nan
    found = np.empty((2, e.generations))
    with np.errstate(over="ignore"):
        for t, (rows, both) in enumerate(zip(schedule.real.tolist(), schedule.listed, strict=True)):
            n = rows or both  # a batch of sampled rows alone has inputs of its own
            w = 1.0 if t == 0 else schedule.workflow.real_weight
            u, lost = 1 - w, lost_signal(n, d)[0]
            noise = power * (w * w + u * u) * noise_mean(n, d) if power > 0 else 0.0
            last = (risk, norm, along) if u > 0 else (0.0, 0.0, 0.0)
            kept = 1 - lost
            risk = kept * u * u * last[0] + lost * square + noise
            norm = kept * (w * w * square + 2 * w * u * last[2] + u * u * last[1]) + noise
            along = kept * (w * square + u * last[2])  # E w_t'w*
            found[:, t] = risk, norm
    return RiskMoments(found[0], found[1], None, None)


def inherited_share(synthetic: int, count: int, d: int) -> float:
    """Return kappa = E|S^{-1} S' x|^2 / |x|^2, S' being the part of S of the synthetic rows.

    S^{-1} S' = T^{-1} B T with T = S^{1/2} and a matrix beta B, independent of S. With
    E B_ij B_kl = A [ij][kl] + C ([ik][jl] + [il][jk]) it is
    A + C + C E tr S tr S^{-1} / d. With few rows beyond d it is above 1.
    """
    a, N = synthetic, count
    square, minor = a * (a + 2) / (N * (N + 2)), a * (a - 1) / (N * (N - 1))
    C = (square - minor) / 3
    return minor + 2 * C + C * (N * d - 2) / (N - d - 1)


def refreshed(e: "Experiment") -> RiskMoments:
    """Return the means for pooled fresh data with new inputs, later batches of N >= d + 2 rows.

    w_t - w* = S^{-1} S' (w_{t-1} - w*) + S^{-1} X'eps, with E S^{-1} S' = (sampled/N) I.
    """
    schedule, d, power, square = e.schedule, e.model.dim, e.model.noise**2, e.truth.square
    first = schedule.listed[0]
    lost, _ = lost_signal(first, d)
    risk, along = np.empty((2, e.generations))
    risk[0] = square * lost + (power * noise_mean(first, d) if power > 0 else 0.0)
    along[0] = square * lost
    with np.errstate(over="ignore"):
        for t in range(1, e.generations):
            N, sampled = schedule.listed[t], int(schedule.sampled[t])
            share = inherited_share(sampled, N, d) if sampled else 0.0
            risk[t] = (share * risk[t - 1] if share else 0.0) + power * d / (N - d - 1)
            along[t] = sampled / N * along[t - 1]
    return RiskMoments(risk, square - 2 * along + risk, None, None)


def _pool_variances(e: "Experiment") -> Floats:
    """Return the variance of accumulate's risk for N_1 >= d.

    With S_{t-1} = T B T', S_t = T T' and B a matrix beta of parameters a/2 = N_{t-1}/2 and
    b/2 = n_t/2, independent of S_t, w_t - w* = T'^{-1} xi_t with the isotropic
    xi_t = B^{-1/2} xi_{t-1} + (I - B)^{1/2} z. So the risk is |xi_t|^2 over an independent
    chi-square of N_t - d + 1 degrees, and |xi_t|^2 has a recursion of second and fourth moments;
    1/(B^{-1})_{11} is a beta variable of parameters (a - d + 1)/2, b/2.
    """
    d, power = e.model.dim, e.model.noise**2
    sizes = e.sizes.tolist()
    if power == 0:
        return np.zeros(e.generations)
    variances = np.full(e.generations, np.inf)
    a = sizes[0]
    if a <= d + 3:
        return variances
    two, four = float(d), float(d * (d + 2))
    for t, n in enumerate(sizes):
        if t > 0:
            N, b = a + n, n
            inverse = (N - d - 1) / (a - d - 1)  # E (B^{-1})_{11}
            squared = inverse * (N - d - 3) / (a - d - 3)
            traced = 1 + (inverse - 1) * (d - 1) / N + inverse * (d - 1) * a / N
            fresh_square = d * (d + 2) * b * (b + 2) / (N * (N + 2))
            mixed = 2 * two * (d * inverse - traced) + 4 * two * (inverse - 1)
            four = four * squared + fresh_square + mixed
            two = two * inverse + d * b / N
            a = N
        gap = a - d - 1
        variances[t] = power**2 * (four / (gap * (gap - 2)) - (two / gap) ** 2)
    return variances

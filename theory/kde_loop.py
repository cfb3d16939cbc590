"""The loop of kernel density estimates, as defined: every `kde_*` module starts from this page.

Batch 1 holds n_1 rows of the truth, which has mean mu_0 and covariance S_0. Fit t puts a kernel
of bandwidth h_t on each of its training rows, whose weights w sum to one. Batch t + 1 holds
n_{t+1} rows, some of them perhaps of the truth, each other one a training row drawn with
probability w plus h_t times a kernel noise.
A data-scaled rule gives the noise the covariance f_t^2 C instead, C the covariance of the
training rows with divisor 1 - sum w^2.
"""

from dataclasses import dataclass
from typing import Any

import mpmath as mp
from sympy import QQ, Rational

from theory.derivation import Domain
from theory.kde_truth import ONE, ZERO, Truth, real
from theory.weights_loop import SUBSAMPLE, Plan

HALF = Rational(1, 2)
STANDARD = Truth.standard(1)
BALLS = {"tophat": 0, "epanechnikov": 1}
SCALED = ("scipy-scott", "scipy-silverman")


@dataclass(frozen=True)
class Power:
    """The bandwidths scale * t^-exponent * (1 + log t)^-log_exponent."""

    scale: Rational
    exponent: Rational
    log_exponent: Rational = ZERO


@dataclass(frozen=True)
class Loop:
    """The parameters of a loop; `option` is that of its `Plan`."""

    workflow: str
    sizes: tuple[int, ...]
    rule: Any = HALF
    kernel: str = "gaussian"
    option: Any = None
    truth: Truth = STANDARD
    scoring: Any = None

    @property
    def dim(self) -> int:
        """The number of columns."""
        return self.truth.dim

    @property
    def plan(self) -> Plan:
        """What the workflow does with the batches, whatever the model."""
        return Plan(self.workflow, self.sizes, self.option)

    @property
    def n(self) -> int:
        """The batch size of a loop whose batches all have one size."""
        (size,) = set(self.sizes)
        return size

    def noise(self) -> tuple[Rational, Rational]:
        """Return the kernel's variance per coordinate, E e_1^2, and E|e|^4.

        The squared radius of the density (1 - |x|^2)^p has the law Beta(d/2, p + 1).
        """
        d = Rational(self.dim)
        if self.kernel == "gaussian":
            return ONE, d * (d + 2)
        p = BALLS[self.kernel]
        return 1 / (d + 2 * p + 2), d * (d + 2) / ((d + 2 * p + 2) * (d + 2 * p + 4))

    def rows(self, t: int) -> tuple[int, list[Any]]:
        """Return the number of training rows of fit t, and the weight of each row by part."""
        if self.workflow == SUBSAMPLE:
            k = self.plan.budget(t)
            return k, [Rational(1, k)]
        shares = zip(self.plan.part_weights(t), self.plan.parts(t), strict=True)
        rows = [(p.rows, Rational(w.numerator, w.denominator) / p.rows) for w, p in shares if w]
        return sum(n for n, _ in rows), [w for _, w in rows]

    def divisor(self, t: int) -> Any:
        """Return 1 - sum w^2 over the training rows of fit t."""
        if self.workflow == SUBSAMPLE:
            return 1 - QQ(1, self.plan.budget(t))
        return 1 - sum(w**2 for w in self.plan.row_weights(t))

    def effective(self, t: int) -> Rational:
        """Return the number of training rows, 1 / sum w^2."""
        square = 1 - self.divisor(t)
        return Rational(square.denominator, square.numerator)

    def bandwidth(self, t: int, rule: Any = None) -> mp.mpf:
        """Return h_t, or f_t of a data-scaled rule; by default, what generates batch t + 1."""
        rule = self.rule if rule is None else rule
        if isinstance(rule, str):
            factor = Rational(self.dim + 2, 4) if rule.endswith("silverman") else ONE
            return real(self.effective(t) * factor) ** (-mp.mpf(1) / (self.dim + 4))
        if isinstance(rule, Power):
            scale, a, b = map(real, (rule.scale, rule.exponent, rule.log_exponent))
            return scale * mp.mpf(t) ** -a * (1 + mp.log(t)) ** -b
        return real(rule[t - 1] if isinstance(rule, tuple) else rule)

    def score(self, t: int) -> mp.mpf:
        """Return the bandwidth with which the fit is scored."""
        return self.bandwidth(t, self.scoring)


@dataclass(frozen=True)
class KdeDomain(Domain):
    """Where a derivation of a kernel density estimate holds.

    Parameters
    ----------
    kernels
        Names of kernels.
    rules
        Kinds of bandwidths: "constant", "list", "power" (of t), "logarithmic" (a power of t
        times one of 1 + log t), "named" (from the sizes alone) and "scaled" (by the data).
    scored
        Whether a scoring bandwidth may differ from the generator's.
    """

    kernels: tuple[str, ...] = ("gaussian",)
    rules: tuple[str, ...] = ("constant", "list", "power", "logarithmic", "named")
    scored: bool = False

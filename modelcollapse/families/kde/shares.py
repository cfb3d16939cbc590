r"""Loops in which real rows have the share alpha of the weight in every generation.

A row drawn from fit t is with probability alpha a real row with one noise, else one more noise on
a row of the fit before. So with the kernel's characteristic function kappa, for every n,

    E phi_{t+1} = alpha phi_0 + (1 - alpha) kappa E phi_t  ->  a phi_0,
    a = alpha / (1 - (1 - alpha) kappa),

and the expected density tends to sum_k alpha (1 - alpha)^k p_0 * K^{*(k+1)}: a geometric mixture
of blurs, whether the real rows are fresh or one batch that is kept. E|phi|^2 differs: with r real
and s sampled rows, q = |phi_0|^2 and R = q + (1 - q)/r,

    E|phi|^2 (1 - (1 - alpha)^2 (1 - 1/s) kappa^2)
        = alpha^2 R + 2 alpha (1 - alpha) a kappa [q or R] + (1 - alpha)^2 / s,

as the sampled rows descend from other real rows than fresh ones, and from the very rows that are
kept. The same with kappa = 1, q = 0 and E|x|^2 of a sampled row in place of 1 is the squared error
of the rows' mean. Derived in ``theory/kde_fresh.py``.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import NoClosedForm
from modelcollapse.families.kde import bandwidth as bandwidths
from modelcollapse.families.kde.bandwidth import Bandwidth
from modelcollapse.families.kde.growth import shape_of
from modelcollapse.families.kde.pairs import PairMoments

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

NEGLIGIBLE = 1e-16  # the share of rows with more noises than are looked at


class Share(NamedTuple):
    """A constant share of real rows.

    Attributes
    ----------
    real
        Their share of the weight, alpha.
    rows, sampled
        The real rows and the sampled rows of a training set.
    kept
        Whether the real rows are the same ones for ever.
    """

    real: float
    rows: int
    sampled: int
    kept: bool

    @property
    def effective(self) -> float:
        """The effective number of rows, 1 / sum w^2."""
        return 1 / (self.real**2 / self.rows + (1 - self.real) ** 2 / self.sampled)

    @property
    def deepest(self) -> float:
        """The number of noises that a share of NEGLIGIBLE rows exceeds."""
        return float(1 + np.log(NEGLIGIBLE) / np.log1p(-self.real))

    def settled(
        self, kappa: Floats | float, power: Floats | float, square: float = 1.0
    ) -> PairMoments:
        """Return the limits of the moments of phi_t / phi_0 (mean) and phi_t (the others)."""
        alpha, other = self.real, 1 - self.real
        mean = np.asarray(alpha / (alpha + other * (1 - kappa)))
        batch = power + (1 - power) / self.rows
        across = mean * kappa * (batch if self.kept else power)
        total = alpha**2 * batch + 2 * alpha * other * across + other**2 * square / self.sampled
        product = total / (1 - other**2 * (1 - 1 / self.sampled) * np.square(kappa))
        return PairMoments(mean, np.asarray(product), np.full_like(mean, square))


def share_of(e: "Experiment") -> Share | None:
    """Return the share of real rows that a loop keeps for ever, or None."""
    schedule = e.schedule
    if schedule.rule == "fresh-data":
        workflow = schedule.workflow
        return Share(workflow.real_weight, workflow.real, workflow.synthetic, kept=False)
    if schedule.rule != "keep-real" or (later := schedule.later) is None:
        return None
    first, share = schedule.listed[0], schedule.workflow.share
    return Share(first / (first + later) if share is None else share, first, later, kept=True)


def settled_bandwidth(e: "Experiment", share: Share, rule: Bandwidth | None = None) -> float:
    """Return the limit of the bandwidths of a rule, by default the generator's; or infinity.

    Raises
    ------
    NoClosedForm
        If the rule is neither constant nor a power of t, or looks at the data.
    """
    rule = e.model.bandwidth if rule is None else rule
    if rule == 0:
        return 0.0
    shape = None if bandwidths.is_scaled(rule) else shape_of(e, rule)
    if shape is None:
        raise NoClosedForm("known for constant bandwidths and powers of t")
    if shape.shrinks or shape.grows:
        return 0.0 if shape.shrinks else float("inf")
    return bandwidths.at(rule, 1, share.effective, e.model.dim, "bandwidth")

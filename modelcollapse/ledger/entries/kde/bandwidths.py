"""Critical bandwidths and rules of thumb."""

from dataclasses import replace

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.families.kde.bandwidth import rule_of_thumb
from modelcollapse.families.kde.critical import critical_bandwidth
from modelcollapse.families.kde.estimator import KDE
from modelcollapse.ledger.claims import Design, ExactClaim, MeanClaim
from modelcollapse.ledger.entries.kde.common import ANY, DERIVED, PAPER, loop
from modelcollapse.ledger.entries.kde.moments import variance_bound
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import Computed, Value, constant, fixed, quantity, same
from modelcollapse.loop.experiment import Experiment, Trajectories, predict
from modelcollapse.workflows import Accumulate, Replace

N, LONG = 10, 8


def critical() -> Experiment:
    """Replace at the critical bandwidth."""
    return loop(Replace(), critical_bandwidth(N), N, LONG)


def scaled() -> Experiment:
    """Replace with SciPy's Scott bandwidth, n = 20."""
    return loop(Replace(), "scipy-scott", 20, 6)


def _at(factor: float) -> Value:
    """Return the variance of the last generation at a multiple of the bandwidth."""

    def value(e: Experiment) -> float:
        other = replace(e, model=KDE(factor * e.model.bandwidth))
        return float(predict(other)["central_variance"][-1])

    return value


def _step_ratios(runs: Trajectories) -> Floats:
    """Return the mean of V_{t+1} / V_t over the generations of each replicate."""
    v = runs["central_variance"]
    return np.asarray((v[:, 1:] / v[:, :-1]).mean(axis=1))


def _share(e: Experiment) -> float:
    """Return SciPy's factor squared."""
    return float(rule_of_thumb("scipy-scott", int(e.sizes[0]), e.model.dim)) ** 2


def _ratio_variance(e: Experiment) -> float:
    """Bound the variance of the mean ratio.

    Given the rows, V'/V has mean 1 - 1/n + f^2, so the ratios' errors are uncorrelated. V' is the
    variance of n draws from the fit: its own variance is at most E (x - m)^4 / n, and with noise
    of variance f^2 V n/(n - 1) = s V that fourth moment is V^2 (k + 6 s + 3 s^2), where the
    kurtosis k of n points is at most n.
    """
    n = int(e.sizes[0])
    s = _share(e) * n / (n - 1)
    return (n + 6 * s + 3 * s * s) / n / (e.generations - 1)


def _limit() -> Computed:
    """After T steps the distance to (n - 1) h^2 has shrunk by (1 - 1/n)^(T-1)."""

    def compute() -> tuple[float, float, float]:
        n, h, T = 10, 0.7, 300
        e = loop(Replace(), h, n, T)
        reached = float(predict(e)["central_variance"][-1])
        slack = (1 - 1 / n) ** (T - 1) * abs((n - 1) * h * h - (1 - 1 / n)) + 1e-12
        return float(predict(e).limits["central_variance"]), reached - slack, reached + slack

    return compute


THEOREMS = [
    Theorem(
        "kde/replace/critical-bandwidth",
        "At h_c = sigma_0 / sqrt n replace keeps the expected variance of the rows; below it they "
        "clump, above it they spread.",
        r"E V_t=(1-\tfrac1n)\sigma_0^2\ \text{for all}\ t\iff h=\sigma_0/\sqrt n",
        DERIVED,
        ANY,
        "law",
        f"d=1 n={N} h=1/sqrt(10) t={LONG}",
        MeanClaim(
            Design(critical, 500_000),
            quantity("central_variance", LONG),
            lambda e: 1 - 1 / int(e.sizes[0]),
            variance_bound(LONG),
            {
                "1.1 times the bandwidth": _at(1.1),
                "sigma_0 / sqrt(n - 1)": _at((N / (N - 1)) ** 0.5),
                "no noise": _at(0.0),
                "preserved, as the truth's": constant(1.0),
            },
        ),
    ),
    Theorem(
        "kde/replace/central-variance-limit",
        "Under replace with a constant bandwidth the variance of the rows tends to (n-1) h^2, "
        "whatever the truth was.",
        r"\lim E V_t=(n-1)h^2",
        DERIVED,
        ANY,
        "limit",
        "n=10 h=0.7 t=300",
        ExactClaim(
            _limit(),
            {
                "n h^2": fixed(10 * 0.49),
                "h^2": fixed(0.49),
                "the truth's": fixed(1.0),
                "2 % more": fixed(1.02 * 9 * 0.49),
            },
        ),
    ),
    Theorem(
        "kde/replace/scipy-scott-explodes",
        "SciPy's Scott bandwidth scales with the spread of the rows, and under replace the spread "
        "then grows by 1 - 1/n + n^(-2/5) in every generation: exponentially.",
        r"E[V_{t+1}\mid V_t]=V_t\,(1-\tfrac1n+f^2),\ f=n^{-1/(d+4)}",
        DERIVED,
        "any truth, any d; equal batches",
        "law",
        "d=1 n=20 t=6",
        MeanClaim(
            Design(scaled, 300_000),
            _step_ratios,
            lambda e: 1 - 1 / int(e.sizes[0]) + _share(e),
            _ratio_variance,
            {
                "no growth": constant(1.0),
                "without losing a degree of freedom": lambda e: 1 + _share(e),
                "noise of ddof 0": lambda e: (1 - 1 / int(e.sizes[0])) * (1 + _share(e)),
                "f for f^2": lambda e: 1 - 1 / int(e.sizes[0]) + _share(e) ** 0.5,
            },
        ),
    ),
    Theorem(
        "kde/accumulate/scipy-scott-bounded",
        "The same rule under accumulate adds f_t^2 V_t / (t+1) with f_t^2 = (nt)^(-2/5): the "
        "second moment stays bounded.",
        r"\sum_t\frac{f_t^2}{t+1}<\infty",
        DERIVED,
        "any truth; equal batches",
        "limit",
        "d=1 n=20 t=4000",
        ExactClaim(
            lambda: _accumulated("scipy-scott"),
            {
                "no noise": fixed(1.0),
                "scikit-learn's": lambda: _accumulated("scott")[0],
                "replace's after six generations": lambda: float(
                    predict(scaled())["second_moment"][-1]
                ),
            },
        ),
    ),
    Theorem(
        "kde/rules/scott-is-silverman-in-2d",
        "scikit-learn's Scott and Silverman bandwidths are the same number in two dimensions, "
        "where the paper compared them.",
        r"N^{-1/(d+4)}=(N(d+2)/4)^{-1/(d+4)}\iff d=2",
        PAPER,
        "any number of rows",
        "identity",
        "N=1000 d=2",
        ExactClaim(
            same(
                lambda: float(rule_of_thumb("scott", 1000, 2)),
                lambda: float(rule_of_thumb("silverman", 1000, 2)),
                2,
            ),
            {
                "in one dimension": lambda: float(rule_of_thumb("silverman", 1000, 1)),
                "in three": lambda: float(rule_of_thumb("silverman", 1000, 3)),
                "ten rows more": lambda: float(rule_of_thumb("silverman", 1010, 2)),
            },
        ),
    ),
]


def _accumulated(rule: str) -> tuple[float, float, float]:
    """Enclose the limit of the second moment Q_t under accumulate, n = 20.

    The noise s = f_t^2 V_t tn/(tn - 1) takes the place of h^2 in the recursions, which are run
    here by themselves: Q gains s / (t + 1), where V_t <= Q_t, and the sum of
    (nt)^(-2/5) / t beyond T is at most 2.5 (nT)^(-2/5): so the limit lies between Q_T and
    Q_T exp(2.5 (nT)^(-2/5) (1 + 1/(nT - 1))). The claim is its value at ten times T.
    """
    n, T = 20, 4_000
    p = predict(loop(Accumulate(), rule, n, 10 * T))
    reached, V = 1.0, 1 - 1 / n
    for t in range(1, T):
        s = (n * t) ** -0.4 * V * t * n / (t * n - 1)
        reached += s / (t + 1)
        V += s / (t + 1) - (V + s) / (n * (t + 1) ** 2)
    ahead = 2.5 * (n * T) ** -0.4 * (1 + 1 / (n * T - 1))
    return float(p["second_moment"][-1]), reached, reached * float(np.exp(ahead))

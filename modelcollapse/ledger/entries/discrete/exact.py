"""Identities, times to collapse and limits, decided without chance."""

from fractions import Fraction

import numpy as np

from modelcollapse.families.discrete import enumeration
from modelcollapse.families.discrete.survival import exact_collapse_time, expected_collapse_time
from modelcollapse.families.discrete.truth import truth_of
from modelcollapse.ledger.claims import ExactClaim
from modelcollapse.ledger.entries.discrete.common import ANY, DERIVED, SEDDIK, loop
from modelcollapse.ledger.entries.sharpened import rows_within
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import EPS, Computed, Number, same
from modelcollapse.loop.experiment import Experiment, predict
from modelcollapse.workflows import Accumulate, AccumulateSubsample, Replace, Workflow

HALVES, THIRDS = (0.5, 0.5), (0.5, 0.25, 0.25)
WAIT, FEW = 10, 5  # rows per batch where collapse is waited for
T_LIMIT = 100_000


def _small(workflow: Workflow, generations: int = 3) -> Experiment:
    return loop(workflow, 3, generations, THIRDS)


def _last(name: str, e: Experiment) -> float:
    return float(predict(e)[name][-1])


def _rational(workflow: Workflow) -> Number:
    """Return E(1 - sum p^2) from the whole law of the counts, in fractions."""

    def differ(counts: tuple[int, ...]) -> Fraction:
        return 1 - sum((Fraction(c, sum(counts)) ** 2 for c in counts), Fraction(0))

    return lambda: float(enumeration.mean(enumeration.exact_law(_small(workflow))[-1], differ))


def _rational_entropy() -> float:
    """Return the expected entropy under accumulate from the whole law of the counts."""
    total = 0.0
    for counts, chance in enumeration.exact_law(_small(Accumulate()))[-1].items():
        shares = [c / sum(counts) for c in counts if c]
        total -= float(chance) * float(sum(p * np.log(p) for p in shares))
    return total


def _entropy(workflow: Workflow, generations: int = 3) -> Number:
    return lambda: _last("entropy", _small(workflow, generations))


def waiting(claimed: Number, n: int = WAIT) -> Computed:
    """Enclose the expected collapse time of two equal outcomes by the sum of P(not yet).

    Not yet collapsed, 1 - sum p^2 is at least 2 (n-1)/n^2, and its mean is (1-1/n)^t/2; so what
    is left out after T terms is at most (1-1/n)^(T+1) n^3/(4 (n-1)).
    """

    def compute() -> tuple[float, float, float]:
        generations = 400
        e = loop(Replace(), n, generations, HALVES)
        reached = 1 + float((1 - predict(e)["collapsed"]).sum())
        left = (1 - 1 / n) ** (generations + 1) * n**3 / (4 * (n - 1))
        slack = 8 * generations * EPS
        return claimed(), reached * (1 - slack), (reached + left) * (1 + slack)

    return compute


def _exact_wait(n: int = WAIT) -> Number:
    return lambda: exact_collapse_time(n, HALVES)


def _diffusion_wait(n: int = WAIT) -> float:
    return expected_collapse_time(n, HALVES)


DIFFUSION_FROM = rows_within(lambda n: exact_collapse_time(n, HALVES), _diffusion_wait)


def accumulated() -> tuple[float, float, float]:
    """sum_{j > T} 1/j^2 lies in (1/(T+1), 1/T), and x <= -log(1 - x) <= x/(1 - x)."""
    n = 5
    e = loop(Accumulate(), n, T_LIMIT)
    limit, reached = predict(e).limits["heterozygosity"], _last("heterozygosity", e)
    slack = 16 * T_LIMIT * EPS
    low = reached * np.exp(-1 / (n * T_LIMIT) / (1 - 1 / (n * T_LIMIT**2))) * (1 - slack)
    return float(limit), low, reached * np.exp(-1 / (n * (T_LIMIT + 1))) * (1 + slack)


def subsampled() -> tuple[float, float, float]:
    """The pool loses x_t = (2t - 1 - t/n)/((nt - 1)(t+1)^2), 0 < x_t < 2/((n - 1/t) t (t+1))."""
    n = 5
    e = loop(AccumulateSubsample(), n, T_LIMIT)
    limit, reached = predict(e).limits["heterozygosity"], _last("heterozygosity", e)
    reached *= (T_LIMIT * n - 1) / (T_LIMIT * n)  # of the fit's share t (n-1)/(tn-1) in the end
    ahead, slack = 2 / ((n - 1 / T_LIMIT) * T_LIMIT), 16 * T_LIMIT * EPS
    low = reached * np.exp(-ahead / (1 - ahead)) * (1 - slack)
    return float(limit), low, reached * (1 + slack)


def _share(value: float) -> Number:
    return lambda: value * truth_of(loop(Replace())).heterozygosity


THEOREMS = [
    Theorem(
        "discrete/replace/heterozygosity-rational",
        "The mean of 1 - sum p^2 equals that under the whole law of the counts, in fractions.",
        r"E\sum p_i^2=1-(1-\tfrac1n)^t(1-\sum p_{0,i}^2)",
        SEDDIK,
        ANY,
        "identity",
        "n=3 t=3 p=1/2,1/4,1/4",
        ExactClaim(
            same(lambda: _last("heterozygosity", _small(Replace())), _rational(Replace()), 60),
            {
                "accumulate's": _rational(Accumulate()),
                "accumulate-subsample's": _rational(AccumulateSubsample()),
                "one generation later": lambda: _last("heterozygosity", _small(Replace(), 4)),
            },
        ),
    ),
    Theorem(
        "discrete/accumulate/entropy-rational",
        "The expected entropy is a sum over single outcomes, each a Markov chain of its own.",
        r"-E\sum p_i\log p_i=-\sum_iE\,\frac{c_i}N\log\frac{c_i}N",
        DERIVED,
        ANY,
        "identity",
        "n=3 t=3 p=1/2,1/4,1/4",
        ExactClaim(
            same(_entropy(Accumulate()), _rational_entropy, 300),
            {
                "replace's": _entropy(Replace()),
                "accumulate-subsample's": _entropy(AccumulateSubsample()),
                "one generation later": _entropy(Accumulate(), 4),
            },
        ),
    ),
    Theorem(
        "discrete/replace/collapse-time",
        "The expected time until one outcome is left solves one linear system, whatever K is.",
        r"E\tau=1+\sum_i\sum_{t\ge1}(p_i-P(p_{t,i}=1))",
        DERIVED,
        f"{ANY}, equal batches",
        "identity",
        f"n={WAIT} p=1/2,1/2",
        ExactClaim(
            waiting(_exact_wait()),
            {
                "the diffusion's": _diffusion_wait,
                "a row more": _exact_wait(WAIT + 1),
                "counted from 0": lambda: exact_collapse_time(WAIT, HALVES) - 1,
            },
        ),
    ),
    Theorem(
        "discrete/replace/diffusion-time",
        "The collapse time is about the diffusion's -2n sum (1-p) log(1-p) for many rows; with few "
        "it is shorter.",
        r"E\tau<-2n\sum_i(1-p_i)\log(1-p_i)",
        f"Littler 1975, for large n; {DERIVED}",
        f"{ANY}, equal batches",
        "sharpened",
        f"n={FEW} p=1/2,1/2; the diffusion is at most 1 % off from n={DIFFUSION_FROM} on",
        ExactClaim(
            waiting(_exact_wait(FEW), FEW),
            {
                "large n: the diffusion's": lambda: _diffusion_wait(FEW),
                "with n - 1 rows": lambda: _diffusion_wait(FEW - 1),
                "a generation less": lambda: _diffusion_wait(FEW) - 1,
            },
        ),
    ),
    Theorem(
        "discrete/accumulate/limit",
        "Accumulate keeps sin(pi/sqrt n)/(pi/sqrt n) of the heterozygosity for ever.",
        r"\lim E H_t=H_0\,\frac{\sin(\pi/\sqrt n)}{\pi/\sqrt n}",
        DERIVED,
        f"{ANY}, equal batches",
        "limit",
        f"n=5 t={T_LIMIT}",
        ExactClaim(
            accumulated,
            {
                "real data only": _share(0.8),
                "to leading order": _share(1 - np.pi**2 / 30),
                "accumulate-subsample's": lambda: float(
                    predict(loop(AccumulateSubsample())).limits["heterozygosity"]
                ),
            },
        ),
    ),
    Theorem(
        "discrete/accumulate-subsample/limit",
        "At a fixed budget a smaller share is kept, a ratio of gamma functions.",
        r"\lim E H_t=H_0(1-\tfrac1n)^2\frac{\Gamma(1-1/n)}{\Gamma(1-a)\Gamma(1-b)}",
        DERIVED,
        f"{ANY}, equal batches, budget n",
        "limit",
        f"n=5 t={T_LIMIT}",
        ExactClaim(
            subsampled,
            {
                "accumulate's": lambda: float(predict(loop(Accumulate())).limits["heterozygosity"]),
                "the pool's": lambda: (
                    1.25 * float(predict(loop(AccumulateSubsample())).limits["heterozygosity"])
                ),
                "to leading order": _share(1 - (np.pi**2 / 2 - 2) / 5),
            },
        ),
    ),
]

"""When bandwidths shrink fast enough, and when too fast; limits by proved enclosures."""

from collections.abc import Callable

import numpy as np

from modelcollapse.families.kde.bandwidth import PowerBandwidth
from modelcollapse.families.kde.frequencies import squared_norm
from modelcollapse.ledger.claims import ExactClaim
from modelcollapse.ledger.entries.kde.common import ANY, DERIVED, NORMAL, loop
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import fixed
from modelcollapse.loop.experiment import predict
from modelcollapse.workflows import Accumulate, AccumulateSubsample, Replace, Workflow

EARLY, LATE = 500, 10_000
ROOM = 1e-9  # rounding of sums of up to 10,000 terms of order 1


def growth(workflow: Workflow, bandwidth: object) -> float:
    """Return how much the second moment grows between two late generations."""
    moment = predict(loop(workflow, bandwidth, 10, LATE))["second_moment"]
    return float(moment[-1] - moment[EARLY - 1])


def _integral_test(
    workflow: Workflow, schedule: PowerBandwidth, antiderivative: Callable[[float], float]
) -> tuple[float, float, float]:
    """Enclose the growth: terms decrease, so sums lie between neighbouring integrals."""
    last = 0 if workflow == Replace() else 1  # a term is h_s^2 / (s + last)^last
    low = antiderivative(LATE + last) - antiderivative(EARLY + last)
    high = antiderivative(LATE - 1) - antiderivative(EARLY - 1)
    return growth(workflow, schedule), low - ROOM, high + ROOM


def _accumulate_bounded() -> tuple[float, float, float]:
    """h_t^2 = (1 + log t)^-2: sum h_t^2 / t converges, with the tail 1 / (1 + log t)."""
    schedule = PowerBandwidth(1.0, 0.0, 1.0)
    return _integral_test(Accumulate(), schedule, lambda t: -1 / (1 + np.log(t)))


def _accumulate_boundary() -> tuple[float, float, float]:
    """h_t^2 = 1 / (1 + log t): sum h_t^2 / t diverges like log log t."""
    schedule = PowerBandwidth(1.0, 0.0, 0.5)
    return _integral_test(Accumulate(), schedule, lambda t: np.log(1 + np.log(t)))


def _replace_bounded() -> tuple[float, float, float]:
    """h_t^2 = t^-1.5 converges, with the tail 2 / sqrt t."""
    return _integral_test(Replace(), PowerBandwidth(1.0, 0.75), lambda t: -2 / np.sqrt(t))


def _replace_boundary() -> tuple[float, float, float]:
    """h_t^2 = 1/t diverges like log t."""
    return _integral_test(Replace(), PowerBandwidth(1.0, 0.5), np.log)


def _clumps() -> tuple[float, float, float]:
    """Enclose h_T MISE_T under replace with h_t = c/t.

    Two rows of a batch are one row with probability 1/n, else they met j >= 1 generations ago
    with probability (1/n)(1 - 1/n)^j, or never: so E int p^2 is the sum of these over
    2 sqrt(pi (h_T^2 + ... + h_{T-j}^2)), plus at most (1 - 1/n)^T int p_0^2. What is left of the
    error, int p_0^2 - 2 int E p p_0, lies between -max p_0 and int p_0^2.
    """
    n, T, c = 5, 200, 0.5
    e = loop(Replace(), PowerBandwidth(c, 1.0), n, T)
    h = c / np.arange(T, 0, -1.0)
    weights = (1 - 1 / n) ** np.arange(T) / n
    exact = float((weights / np.sqrt(np.cumsum(h**2))).sum() / (2 * np.sqrt(np.pi)))
    norm, peak = squared_norm(e.truth), 1 / np.sqrt(2 * np.pi)
    low = exact + norm - 2 * peak
    high = exact + norm * (1 + (1 - 1 / n) ** T)
    return float(h[0] * predict(e)["mise"][-1]), float(h[0] * low), float(h[0] * high)


def _clumping(n: int) -> float:
    """Return lim h_t MISE_t under replace."""
    j = np.arange(60 * n)
    return float(((1 - 1 / n) ** j / n / np.sqrt(1 + j)).sum() / (2 * np.sqrt(np.pi)))


def _error_limit() -> tuple[float, float, float]:
    """With a constant bandwidth replace's error tends to a constant.

    After T generations two rows of a batch still have no common ancestor with probability
    (1 - 1/n)^T, and E p has the height 1 / sqrt(2 pi (1 + T h^2)): the error is within
    (1 - 1/n)^T / (2 sqrt(pi) h) + 2 of these heights of its limit.
    """
    n, h, T = 5, 0.7, 400
    e = loop(Replace(), h, n, T)
    slack = (1 - 1 / n) ** T / (2 * np.sqrt(np.pi) * h) + 2 / np.sqrt(2 * np.pi * (1 + T * h * h))
    reached = float(predict(e)["mise"][-1])
    return float(predict(e).limits["mise"]), reached - slack, reached + slack


THEOREMS = [
    Theorem(
        "kde/accumulate/shrinkage-bounded",
        "Accumulate's second moment stays bounded iff sum h_t^2/t is finite: h_t^2 = "
        "1/(1 + log t)^2 is small enough.",
        r"\sum_th_t^2/t<\infty\iff\sup_tE\,\overline{|x-\mu_0|^2}<\infty",
        DERIVED,
        f"{ANY}; equal batches",
        "limit",
        f"h^2=1/(1+log t)^2 t={EARLY}..{LATE}",
        ExactClaim(
            _accumulate_bounded,
            {
                "a constant bandwidth's growth": lambda: growth(Accumulate(), 1.0),
                "h for h^2": lambda: growth(Accumulate(), PowerBandwidth(1.0, 0.0, 0.5)),
                "replace's": lambda: growth(Replace(), PowerBandwidth(1.0, 0.0, 1.0)),
                "none": fixed(0.0),
            },
        ),
    ),
    Theorem(
        "kde/accumulate/shrinkage-boundary",
        "At h_t^2 = 1/(1 + log t) accumulate's second moment diverges, like log log t: shrinking "
        "to zero is not enough.",
        r"h_t^2=\frac1{1+\log t}\Rightarrow E\,\overline{|x-\mu_0|^2}\sim\log\log t",
        DERIVED,
        f"{ANY}; equal batches",
        "limit",
        f"h^2=1/(1+log t) t={EARLY}..{LATE}",
        ExactClaim(
            _accumulate_boundary,
            {
                "bounded": fixed(0.0),
                "log t": lambda: growth(Accumulate(), 1.0),
                "replace's": lambda: growth(Replace(), PowerBandwidth(1.0, 0.0, 0.5)),
            },
        ),
    ),
    Theorem(
        "kde/replace/shrinkage-bounded",
        "Replace's second moment stays bounded iff sum h_t^2 is finite: no rule that looks at the "
        "sizes alone can do that at a fixed n.",
        r"\sum_th_t^2<\infty\iff\sup_tE\,\overline{|x-\mu_0|^2}<\infty",
        DERIVED,
        ANY,
        "limit",
        f"h=t^-0.75 t={EARLY}..{LATE}",
        ExactClaim(
            _replace_bounded,
            {
                "Scott's rule": lambda: growth(Replace(), "scott"),
                "accumulate's": lambda: growth(Accumulate(), PowerBandwidth(1.0, 0.75)),
                "h_t = t^-1/2": lambda: growth(Replace(), PowerBandwidth(1.0, 0.5)),
            },
        ),
    ),
    Theorem(
        "kde/replace/shrinkage-boundary",
        "At h_t = t^-1/2 replace's second moment diverges like log t.",
        r"h_t^2=1/t\Rightarrow E\,\overline{|x-\mu_0|^2}\sim\log t",
        DERIVED,
        ANY,
        "limit",
        f"h=t^-0.5 t={EARLY}..{LATE}",
        ExactClaim(
            _replace_boundary,
            {
                "bounded": fixed(0.0),
                "log log t": lambda: growth(Accumulate(), PowerBandwidth(1.0, 0.0, 0.5)),
                "t": lambda: growth(Replace(), 1.0),
            },
        ),
    ),
    Theorem(
        "kde/replace/shrinking-too-fast-clumps",
        "Bandwidths that keep replace's second moment bounded let its rows clump to atoms: the "
        "integrated error explodes like 1/h_t.",
        r"h_t\,\mathrm{MISE}_t\to\frac1{2n\sqrt\pi}\sum_j\frac{(1-1/n)^j}{\sqrt{j+1}}",
        DERIVED,
        NORMAL,
        "limit",
        "n=5 h=0.5/t t=200",
        ExactClaim(
            _clumps,
            {
                "bounded": fixed(0.0),
                "n separate atoms": fixed(1 / (10 * np.sqrt(np.pi))),
                "one atom": fixed(1 / (2 * np.sqrt(np.pi))),
                "twice the rows": lambda: _clumping(10),
            },
        ),
        keywords="collapse degenerate",
    ),
    Theorem(
        "kde/replace/mise-limit",
        "With a constant bandwidth replace's integrated error tends to that of knowing nothing, "
        "plus the clumping of the rows.",
        r"\lim\mathrm{MISE}_t=\int p_0^2+\frac1{2nh\sqrt\pi}\sum_j\frac{(1-1/n)^j}{\sqrt{j+1}}",
        DERIVED,
        NORMAL,
        "limit",
        "n=5 h=0.7 t=400",
        ExactClaim(
            _error_limit,
            {
                "knowing nothing": fixed(1 / (2 * np.sqrt(np.pi))),
                "n independent rows": fixed((1 + 1 / 3.5) / (2 * np.sqrt(np.pi))),
                "the first generation's": lambda: float(
                    predict(loop(Replace(), 0.7, 5, 1))["mise"][0]
                ),
                "accumulate-subsample's": lambda: float(
                    predict(loop(AccumulateSubsample(), 0.7, 5, 1)).limits["mise"]
                ),
            },
        ),
    ),
]

"""Limits t -> infinity, decided by enclosures."""

import numpy as np

from modelcollapse.families.gaussian.limits import (
    accumulate_limits,
    subsample_limits,
)
from modelcollapse.ledger.claims import ExactClaim
from modelcollapse.ledger.entries.gaussian.common import DERIVED, PAPER
from modelcollapse.ledger.entries.gaussian.enclosures import (
    T_LIMIT,
    accumulate_constant,
    accumulate_enclosure,
    accumulate_error_enclosure,
    replace_survives,
    slope,
    subsample_constant,
    subsample_enclosure,
    subsample_error_enclosure,
    unbiased_enclosure,
)
from modelcollapse.ledger.entries.gaussian.exact import last, loop
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import fixed
from modelcollapse.workflows import Accumulate, AccumulateSubsample, Replace

THEOREMS = [
    Theorem(
        "gaussian/accumulate/limit",
        "Under accumulate the expected variance converges to sigma_0^2 sin(pi/sqrt n)/(pi/sqrt n).",
        r"\lim E v_t=\sigma_0^2\,\frac{\sin(\pi/\sqrt n)}{\pi/\sqrt n}",
        PAPER,
        "equal batches; ddof 0",
        "limit",
        f"n=5 t={T_LIMIT}",
        ExactClaim(
            accumulate_enclosure,
            {
                "1 - 1/n": fixed(0.8),
                "accumulate-subsample's": lambda: subsample_limits(5)[0],
                "to leading order": fixed(1 - np.pi**2 / 30),
                "2 % more": lambda: 1.02 * accumulate_limits(5, 0)[0],
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/limit-squared-error",
        "The squared error converges to what the variance lost, about pi^2/6 of one batch's.",
        r"\lim E(m_t-\mu_0)^2=\sigma_0^2\left(1-\frac{\sin(\pi/\sqrt n)}{\pi/\sqrt n}\right)",
        PAPER,
        "equal batches; ddof 0",
        "limit",
        f"n=5 t={T_LIMIT}",
        ExactClaim(
            accumulate_error_enclosure,
            {
                "pi^2/(6n)": fixed(np.pi**2 / 30),
                "real data only": fixed(0.2),
                "accumulate-subsample's": lambda: subsample_limits(5)[1],
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/pi-squared-over-6",
        "With many rows per batch accumulating for ever costs pi^2/6 times the error of real "
        "data alone.",
        r"\lim_n \lim_t n\,E(m_t-\mu_0)^2/\sigma_0^2=\pi^2/6",
        "Gerstgrasser et al., arXiv 2404.01413; Dey & Donoho, arXiv 2410.22812",
        "equal batches; ddof 0",
        "limit",
        "n=10^6",
        ExactClaim(
            accumulate_constant,
            {
                "no cost": fixed(1.0),
                "3/2": fixed(1.5),
                "pi^2/6 - 1": fixed(np.pi**2 / 6 - 1),
                "2 % more": fixed(1.02 * np.pi**2 / 6),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/limit-unbiased",
        "With the unbiased variance accumulate's expected variance converges too, to a ratio of "
        "gamma functions.",
        r"\lim E v_t=\sigma_0^2\frac{\Gamma(2-1/n)}{\Gamma(2-a)\Gamma(2-b)},\ "
        r"a,b=\frac{1\pm\sqrt{1+4n}}{2n}",
        DERIVED,
        "equal batches; ddof 1",
        "limit",
        f"n=5 t={T_LIMIT}",
        ExactClaim(
            unbiased_enclosure,
            {
                "maximum likelihood's": lambda: accumulate_limits(5, 0)[0],
                "that times n/(n-1)": lambda: accumulate_limits(5, 0)[0] * 5 / 4,
                "preserved": fixed(1.0),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate-subsample/limit",
        "At a fixed budget the loop settles too: its squared error is (pi^2/2 - 2) sigma_0^2/n to "
        "leading order, between accumulate's pi^2/6 and replace's t.",
        r"\lim_n\lim_t n\,E(m_t-\mu_0)^2/\sigma_0^2=\pi^2/2-2",
        DERIVED,
        "equal batches, budget n; ddof 0",
        "limit",
        "n=10^6",
        ExactClaim(
            subsample_constant,
            {
                "accumulate's pi^2/6": fixed(np.pi**2 / 6),
                "pi^2/6 + 1": fixed(np.pi**2 / 6 + 1),
                "3": fixed(3.0),
                "2 % more": fixed(1.02 * (np.pi**2 / 2 - 2)),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate-subsample/limit-exact",
        "At every n the limit is a ratio of gamma functions.",
        r"Q_\infty=\sigma_0^2(1-\tfrac1n)\frac{\Gamma(1-1/n)}{\Gamma(1-a)\Gamma(1-b)}",
        DERIVED,
        "equal batches, budget n; ddof 0",
        "limit",
        f"n=5 t={T_LIMIT}",
        ExactClaim(
            subsample_enclosure,
            {
                "accumulate's": lambda: accumulate_limits(5, 0)[0],
                "the pool's": lambda: subsample_limits(5)[0] * 5 / 4,
                "to leading order": fixed(1 - (np.pi**2 / 2 - 2) / 5),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate-subsample/limit-squared-error",
        "The squared error converges to what the variance lost.",
        r"\lim E(m_t-\mu_0)^2=\sigma_0^2-\lim E v_t",
        DERIVED,
        "equal batches, budget n; ddof 0",
        "limit",
        f"n=5 t={T_LIMIT}",
        ExactClaim(
            subsample_error_enclosure,
            {
                "accumulate's": lambda: accumulate_limits(5, 0)[1],
                "to leading order": fixed((np.pi**2 / 2 - 2) / 5),
                "real data only": fixed(0.2),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate-subsample/unbiased-diverges",
        "With the unbiased variance accumulate-subsample explodes, like t^(1/n).",
        r"E v_t\sim t^{1/n}",
        DERIVED,
        "equal batches, budget n; ddof 1",
        "limit",
        f"n=5 t={T_LIMIT}",
        ExactClaim(
            slope(AccumulateSubsample(), ddof=1),
            {
                "bounded": fixed(0.0),
                "t^(1/(n-1))": fixed(0.25),
                "t^(1/(2n))": fixed(0.1),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/temperature-power",
        "A sampler at temperature lambda makes accumulate's variance grow or shrink like a power "
        "of t.",
        r"E v_t\sim t^{\lambda-1}",
        DERIVED,
        "equal batches; ddof 0",
        "limit",
        f"n=5 lambda=1.5 t={T_LIMIT}",
        ExactClaim(
            slope(Accumulate(), temperature=1.5),
            {
                "bounded": fixed(0.0),
                "lambda (1 - 1/n) - 1": fixed(1.5 * 0.8 - 1),
                "log lambda": fixed(float(np.log(1.5))),
                "2 % more": fixed(1.02 * 0.5),
            },
        ),
    ),
    Theorem(
        "gaussian/replace/vanishes-iff",
        "Under replace the variance survives exactly if sum 1/n_t is finite; n_t = 2 t^2 keeps "
        "sin(pi/sqrt 2)/(pi/sqrt 2) of it.",
        r"\lim E v_t>0\iff\sum_t 1/n_t<\infty",
        "Xu et al., arXiv 2505.13947, sharpened here",
        "ddof 0",
        "limit",
        "n_t=2t^2 t=2000",
        ExactClaim(
            replace_survives,
            {
                "n_t = 2t: it vanishes": lambda: last(loop(Replace(), lambda t: 2 * t, 2000)),
                "n_t = 2t^3": lambda: last(loop(Replace(), lambda t: 2 * t**3, 2000)),
                "constant: it vanishes": lambda: last(loop(Replace(), 2, 2000)),
            },
        ),
    ),
]

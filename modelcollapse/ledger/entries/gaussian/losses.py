"""The loss on new data under accumulate: exact in one dimension, and bounded for ever."""

import numpy as np

from modelcollapse import solver
from modelcollapse.families.gaussian.estimator import Gaussian
from modelcollapse.ledger.claims import Design, ExactClaim, mean_claim
from modelcollapse.ledger.entries.gaussian.common import NORMAL
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import EPS, Computed, expectation, fixed
from modelcollapse.loop.experiment import Experiment, predict
from modelcollapse.workflows import Accumulate, Replace, Workflow

SPECTRUM = "derived here: theory/gaussian_spectrum.py"
REGULAR = "derived here: theory/regular.py"
PAPER = "arXiv 2410.16713 (test losses do not diverge); the value is derived here"
N, T = 12, 6
LARGE = 100_000
ENTROPY = (1 + np.log(2 * np.pi)) / 2
PLENTY = 20  # rows, ten times two dimensions


def pooled() -> Experiment:
    """Accumulate, d = 1, n = 12."""
    return Experiment(Gaussian(), Accumulate(), samples=N, generations=T)


def _excess(e: Experiment, t: int) -> float:
    return float(predict(e)["test_log_loss"][t - 1] - ENTROPY)


def _value(n: int, T: int) -> float:
    return _excess(Experiment(Gaussian(), Accumulate(), n, T), T)


def bounded() -> tuple[float, float, float]:
    """What is left at t falls as 1/t: 2 f(2t) - f(t), within what all later steps can do."""
    limits = predict(Experiment(Gaussian(), Accumulate(), N, 2)).limits
    low, high = (limits[f"test_log_loss_{side}"] - ENTROPY for side in ("lower", "upper"))
    return 2 * _value(N, 600) - _value(N, 300), low, high


def plane() -> tuple[float, float, float]:
    """In two dimensions the loss of late generations is below the limit's upper bound."""
    limits = predict(Experiment(Gaussian(2), Accumulate(), PLENTY, 2)).limits
    late = predict(Experiment(Gaussian(2), Accumulate(), PLENTY, 400))
    middle = (late["test_log_loss_lower"][-1] + late["test_log_loss_upper"][-1]) / 2
    low, high = (limits[f"test_log_loss_{side}"] - 2 * ENTROPY for side in ("lower", "upper"))
    return float(middle - 2 * ENTROPY), low, high


def _first(e: Experiment) -> float:
    return float(predict(e)["test_log_loss"][0])


def _unshifted(e: Experiment) -> float:
    """Return the loss if the mean did not move."""
    p = predict(e)
    return float(p["test_log_loss"][-1] - p["squared_error"][-1] / 2)


def _scaled(d: int, workflow: Workflow, n: int, t: int) -> float:
    """Return the excess of generation t over k/2n, k = d (d + 3)/2."""
    e = Experiment(Gaussian(d), workflow, n, t)
    excess = float(predict(e)["test_log_loss"][-1]) - d * ENTROPY
    return float(excess * 2 * n / (d * (d + 3) / 2))


def large_sample(d: int, workflow: Workflow, t: int) -> Computed:
    """Enclose the limit for many rows: of f = c + a/n + O(1/n^2) by 2 f(2n) - f(n)."""

    def compute() -> tuple[float, float, float]:
        found = 2 * _scaled(d, workflow, 2 * LARGE, t) - _scaled(d, workflow, LARGE, t)
        slack = 100.0 * (d + 1) ** 2 * t**3 / LARGE**2 + 1e4 * EPS * LARGE
        claimed = float(solver.inflation(workflow, [LARGE] * t)[-1])
        return claimed, found - slack, found + slack

    return compute


THEOREMS = [
    Theorem(
        "gaussian/accumulate/test-log-loss",
        "The expected loss on new data is a sum of independent steps: of log v, and of 1/v and "
        "m^2/v, which each step multiplies by E 1/A.",
        r"2E\ell_t-\log2\pi=\sum_sE\log A_s+g_t+h_t,\ g_t=g_{t-1}E\frac1{A_t},\ "
        r"h_t=h_{t-1}E\frac1{A_t}+k_t^2E\frac{z^2}{A_t}",
        SPECTRUM,
        f"{NORMAL}, d = 1; ddof 0",
        "law",
        f"d=1 n={N} t={T}",
        mean_claim(
            Design(pooled, 1_000_000),
            "test_log_loss",
            T,
            {
                "replace's": expectation("test_log_loss", T, workflow=Replace()),
                "real data only": _first,
                "the mean stays": _unshifted,
                "pi^2/6 of the first excess": lambda e: (
                    ENTROPY + np.pi**2 / 6 * (_first(e) - ENTROPY)
                ),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/test-loss-limit",
        "Under accumulate the expected test loss does not diverge, for n >= d + 3 rows: it tends "
        "to a limit.",
        r"\lim E\ell_t<\infty\iff n\ge d+3",
        PAPER,
        f"{NORMAL}, equal batches; ddof 0",
        "limit",
        f"d=1 n={N}",
        ExactClaim(
            bounded,
            {
                "real data only": lambda: _value(N, 1),
                "pi^2/6 of it": lambda: np.pi**2 / 6 * _value(N, 1),
                "to leading order, pi^2/(6n)": lambda: np.pi**2 / 6 / N,
                "with a row more": lambda: _value(N + 1, 600),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/test-loss-limit-plane",
        "In any dimension four moments of each step's spectrum enclose the loss, and its limit, "
        "within some per cent of what it exceeds the entropy by.",
        r"G_4[1/x]\le\tfrac1dE\,\mathrm{tr}B^{-1}\le R_5[1/x]",
        SPECTRUM,
        f"{NORMAL}, equal batches; ddof 0",
        "bound",
        f"d=2 n={PLENTY}",
        ExactClaim(
            plane,
            {
                "one dimension's, twice": lambda: 2 * _value(PLENTY, 400),
                "the first generation's": lambda: float(
                    predict(Experiment(Gaussian(2), Replace(), PLENTY, 1))["test_log_loss"][0]
                    - 2 * ENTROPY
                ),
                "to leading order, 5 pi^2/(12 n)": lambda: 5 * np.pi**2 / 12 / PLENTY,
            },
        ),
    ),
    Theorem(
        "gaussian/replace/large-sample-law",
        "For many rows the excess loss is k/2n times a number of the workflow alone: t under "
        "replace, whatever the k parameters.",
        r"\lim_{n\to\infty}\frac{2n}k\,E(\ell_t-\ell_0)=c_t,\ c_t=t",
        REGULAR,
        f"{NORMAL}; ddof 0, mean and covariance unknown: k = d(d + 3)/2",
        "limit",
        f"d=3 t=6 n={LARGE}",
        ExactClaim(
            large_sample(3, Replace(), 6),
            {
                "accumulate's": fixed(float(sum(1 / s**2 for s in range(1, 7)))),
                "a parameter less": fixed(6 * 9 / 8),
                "of the mean alone": fixed(6 * 3 / 9),
            },
        ),
        keywords="regular model parameters network Fisher information",
    ),
    Theorem(
        "gaussian/accumulate/large-sample-law",
        "Under accumulate the excess loss is k/2n times 1 + 1/4 + ... + 1/t^2, for many rows.",
        r"\lim_{n\to\infty}\frac{2n}k\,E(\ell_t-\ell_0)=c_t,\ c_t=\sum_{s\le t}s^{-2}",
        REGULAR,
        f"{NORMAL}; ddof 0, mean and variance unknown: k = 2",
        "limit",
        f"d=1 t=6 n={LARGE}",
        ExactClaim(
            large_sample(1, Accumulate(), 6),
            {
                "replace's": fixed(6.0),
                "pi^2/6": fixed(np.pi**2 / 6),
                "a generation less": fixed(float(sum(1 / s**2 for s in range(1, 6)))),
            },
        ),
        keywords="regular model parameters network Fisher information",
    ),
]

"""A floor under every fitted variance, as scikit-learn's `reg_covar` is one."""

import math

from modelcollapse.families.gaussian.estimator import Gaussian
from modelcollapse.families.gaussian.tails import tail_exponent
from modelcollapse.ledger.claims import Design, ExactClaim, mean_claim
from modelcollapse.ledger.entries.gaussian.common import ANY
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import EPS, Value, constant, expectation, fixed, same
from modelcollapse.loop.experiment import Experiment, predict
from modelcollapse.workflows import Accumulate, Replace, Workflow

DERIVED = "derived here: theory/gaussian_floor.py"
LINE = "the truth is normal, every batch has n rows, d = 1; ddof 0"
FLOOR, N, T = 0.5, 5, 8


def loop(workflow: Workflow, generations: int) -> Experiment:
    """Return a loop in one dimension with a floor of half the truth's variance."""
    return Experiment(Gaussian(floor=FLOOR), workflow, N, generations)


def replaced() -> Experiment:
    """Replace, n = 5."""
    return loop(Replace(), T)


def accumulated() -> Experiment:
    """Accumulate, n = 5."""
    return loop(Accumulate(), T)


REPLACED, ACCUMULATED = Design(replaced, 20_000, at=(T,)), Design(accumulated, 20_000, at=(T,))


def _instead(name: str, **options: float) -> Value:
    return expectation(name, T, model=Gaussian(**options))  # type: ignore[arg-type]


def _spread() -> float:
    """Return Var v_t when it has settled: what is left is of the order (1 - 1/n^2)^t."""
    return float(predict(loop(Replace(), 2000)).variances["variance"][-1])


def _tail() -> tuple[float, float, float]:
    """Enclose kappa by bisection of the logarithm of E A^k, with its rounding.

    The three terms are below 8 in size, each with a few roundings, and the slope is above 1/8.
    """

    def excess(k: float) -> float:
        half = (N - 1) / 2
        return k * math.log(2 / N) + math.lgamma(half + k) - math.lgamma(half)

    low, high = 2.0, 3.0
    while high - low > 8 * EPS:
        middle = (low + high) / 2
        low, high = (low, middle) if excess(middle) > 0 else (middle, high)
    slack = 8 * 3 * 8 * 4 * EPS
    return tail_exponent(N), low - slack, high + slack


RATIO = 1 - 1 / N
THEOREMS = [
    Theorem(
        "gaussian/replace/floor-variance",
        "With a floor under every fitted variance replace does not collapse: the expected variance "
        "settles at n times the floor, whatever the truth was.",
        r"E v_t = n\epsilon + (1-\tfrac1n)^{t-1}(E v_1 - n\epsilon),\quad "
        r"E v_1=\sigma_0^2(1-\tfrac1n)+\epsilon",
        DERIVED,
        f"{ANY} (with d times the floor), equal batches; ddof 0",
        "law",
        f"d=1 n={N} t={T}, floor {FLOOR:g}",
        mean_claim(
            REPLACED,
            "variance",
            T,
            {
                "no floor": _instead("variance"),
                "it settles at the floor": constant(FLOOR + RATIO**T),
                "the floor counts once": constant(RATIO ** (T - 1) * (RATIO + FLOOR)),
                "ddof 1: it grows in a line": _instead("variance", ddof=1, floor=FLOOR),
                "half the floor": _instead("variance", floor=FLOOR / 2),
            },
        ),
        keywords="reg_covar regularisation GaussianMixture scikit-learn",
    ),
    Theorem(
        "gaussian/replace/floor-squared-error",
        "What does not collapse walks for ever: with a floor the mean's squared error gains the "
        "floor in each generation in the end, where without one it stays below sigma_0^2.",
        r"E(m_t-\mu_0)^2=\frac{\sigma_0^2}n+\frac1n\sum_{s<t}E v_s\sim\epsilon\,t",
        DERIVED,
        f"{ANY} (with d times the floor), equal batches; ddof 0",
        "law",
        f"d=1 n={N} t={T}, floor {FLOOR:g}",
        mean_claim(
            REPLACED,
            "squared_error",
            T,
            {
                "no floor: bounded": _instead("squared_error"),
                "it gains the floor from the start": constant(1 / N + FLOOR * (T - 1)),
                "ddof 1: t^2": _instead("squared_error", ddof=1, floor=FLOOR),
                "accumulate's": expectation("squared_error", T, workflow=Accumulate()),
            },
        ),
    ),
    Theorem(
        "gaussian/replace/floor-spread",
        "Over replicates the variance settles far apart: its standard deviation is sqrt(2n - 2) "
        "times its mean, and its third moment is infinite in the end.",
        r"\lim\mathrm{Var}\,v_t=2(n-1)\,n^2\epsilon^2",
        DERIVED,
        LINE,
        "limit",
        f"n={N} t=2000, floor {FLOOR:g}",
        ExactClaim(
            same(_spread, fixed(2 * (N - 1) * (N * FLOOR) ** 2), 2000),
            {
                "a chi-square's: sd sqrt(2/(n-1)) times the mean": fixed(
                    2 / (N - 1) * (N * FLOOR) ** 2
                ),
                "sd sqrt(2n) times the mean": fixed(2 * N * (N * FLOOR) ** 2),
                "at the mean eps": fixed(2 * (N - 1) * FLOOR**2),
                "infinite": fixed(math.inf),
            },
        ),
        keywords="reg_covar settle standard deviation",
    ),
    Theorem(
        "gaussian/replace/floor-tail",
        "The law at which the variance settles has a tail x^-kappa with 2 < kappa < 3 at every n: "
        "moments below kappa alone are finite.",
        r"(2/n)^\kappa\,\Gamma(\tfrac{n-1}2+\kappa)=\Gamma(\tfrac{n-1}2),\quad "
        r"E A^2=1-\tfrac1{n^2}<1<E A^3",
        "Kesten, Acta Math. 131 (1973), and Goldie, Ann. Appl. Probab. 1 (1991), for "
        "v' = A v + eps; the exponent derived here: theory/gaussian_floor.py",
        LINE,
        "identity",
        f"n={N}",
        ExactClaim(
            _tail,
            {
                "2: no variance": fixed(2.0),
                "3: a third moment": fixed(3.0),
                "2 + 1/(2n) at this n": fixed(2 + 1 / (2 * N)),
                "of n - 1 rows": lambda: tail_exponent(N - 1),
            },
        ),
        keywords="reg_covar heavy tail infinite moment",
    ),
    Theorem(
        "gaussian/accumulate/floor-variance",
        "Where rows accumulate the floor does not settle: a new batch is 1/t of the pool, so that "
        "the expected variance grows like the floor times log t.",
        r"E q_{t+1}=E q_t\left[1-\tfrac1{n(t+1)^2}\right]+\epsilon\left[\tfrac1{t+1}-"
        r"\tfrac1{n(t+1)^2}\right],\quad E v_t=E q_t+\epsilon",
        DERIVED,
        f"{ANY} (with d times the floor), equal batches; ddof 0",
        "law",
        f"d=1 n={N} t={T}, floor {FLOOR:g}",
        mean_claim(
            ACCUMULATED,
            "variance",
            T,
            {
                "no floor": _instead("variance"),
                "replace's": expectation("variance", T, workflow=Replace()),
                "the floor counts once": lambda e: FLOOR + _instead("variance")(e),
                "the whole floor in each generation": lambda e: FLOOR * T + _instead("variance")(e),
            },
        ),
        keywords="reg_covar regularisation",
    ),
]

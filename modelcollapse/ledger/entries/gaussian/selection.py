"""Selection: the better of some rows, the top of the model's law, or what a rater prefers."""

import numpy as np

from modelcollapse.families.gaussian.estimator import Gaussian
from modelcollapse.ledger.claims import Design, ExactClaim, MeanClaim, mean_claim
from modelcollapse.ledger.entries.gaussian.common import ANY, NORMAL
from modelcollapse.ledger.entries.gaussian.enclosures import T_LIMIT
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import EPS, Value, constant, expectation, fixed, quantity
from modelcollapse.loop.experiment import Experiment, predict
from modelcollapse.loop.sampling import Tempered
from modelcollapse.loop.selection import BestOf, KeepTop, Pairwise, Selection
from modelcollapse.workflows import Accumulate, Replace, Workflow

DERIVED = "derived here: theory/gaussian_selection.py"
ROWS = "selected rows are independent: groups, pairs, or the model's own quantile; ddof 0"


def loop(workflow: Workflow, n: int, T: int, how: Selection | Tempered) -> Experiment:
    """Return a loop in one dimension."""
    return Experiment(Gaussian(), workflow, n, T, sampling=how)


def replaced() -> Experiment:
    """Replace with the better of two, n = 20."""
    return loop(Replace(), 20, 5, BestOf(2))


def accumulated() -> Experiment:
    """Accumulate with the best of three, n = 10."""
    return loop(Accumulate(), 10, 20, BestOf(3))


def judged() -> Experiment:
    """Accumulate with a rater, n = 5."""
    return loop(Accumulate(), 5, 15, Pairwise(1.0))


def halved() -> Experiment:
    """Accumulate with the upper half in three dimensions, n = 8, along (1, 1, 0)."""
    how = KeepTop(0.5, reward=[1.0, 1.0, 0.0])
    return Experiment(Gaussian(dim=3), Accumulate(), 8, 8, sampling=how)


def turned() -> Experiment:
    """Replace with the better of two in three dimensions, n = 20, along (1, 1, 0)."""
    how = BestOf(2, reward=[1.0, 1.0, 0.0])
    return Experiment(Gaussian(dim=3), Replace(), 20, 5, sampling=how)


MILLION = 1_000_000
REPLACED, ACCUMULATED = Design(replaced, MILLION, at=(5,)), Design(accumulated, MILLION, at=(20,))
JUDGED, HALVED = Design(judged, MILLION, at=(15,)), Design(halved, MILLION, at=(8,))
TURNED = Design(turned, MILLION, at=(5,))


def _instead(name: str, t: int, how: Selection | Tempered) -> Value:
    return expectation(name, t, sampling=how)


def _with_the_square(e: Experiment) -> float:
    """Return the variance if E Y^2 took the place of rho."""
    return _instead("variance", 5, Tempered(BestOf(2).cumulants().square))(e)


def _without_shift(e: Experiment) -> float:
    """Return the variance under accumulate if a selected mean were not above its model's."""
    n, rho = float(e.sizes[0]), e.sampling.cumulants().variance  # type: ignore[union-attr]
    s = np.arange(2, e.generations + 1)
    return float((1 - 1 / n) * np.prod(1 + (rho - 1) / s - rho / n / s**2))


def _gain_variance(e: Experiment) -> float:
    """Return a bound of E(m_t - mu_0)^2: the square of the sum of its steps' root mean squares."""
    Y, n = e.sampling.cumulants(), e.sizes.astype(float)  # type: ignore[union-attr]
    steps = np.sqrt(predict(e)["variance"][:-1] * (Y.mean**2 + Y.variance / n[1:]))
    return float((1 / np.sqrt(n[0]) + steps.sum()) ** 2)


def _one_step_less(e: Experiment) -> float:
    """Return the bound of the gain if a step's spread were rho of the one before, not its root."""
    Y, n = e.sampling.cumulants(), float(e.sizes[0])  # type: ignore[union-attr]
    first = Y.mean * np.sqrt(1 - 1 / n)
    return float(first * np.sum((Y.variance * (1 - 1 / n)) ** np.arange(e.generations - 1)))


def _across(e: Experiment) -> float:
    """Bound E of the squared trace of the covariance given the reward: W has a Wishart law.

    Each generation multiplies it by W/n with n - 2 degrees of freedom in two dimensions;
    E (tr W S)^2 = m^2 (tr S)^2 + 2 m tr S^2 is at most (m^2 + 2 m)(tr S)^2.
    """
    m = e.sizes.astype(float) - 2
    square = np.prod((m**2 + 2 * m) / e.sizes**2)
    return float(square - predict(e)["variance_across"][-1] ** 2)


def _critical() -> tuple[float, float, float]:
    """Enclose the limit by the product up to T and a bound of the factors still to come.

    A factor is 1 - x/s^2 with x = e^2 + rho/n < 1, so the rest is between e^(-x/T/(1 - x/T^2)) and
    e^(-x/(T+1)), as with `accumulate_enclosure`.
    """
    e, T = loop(Accumulate(), 5, T_LIMIT, Pairwise(1.0)), T_LIMIT
    Y = Pairwise(1.0).cumulants()
    x, reached = Y.mean**2 + Y.variance / 5, float(predict(e)["variance"][-1])
    slack = 16 * T * EPS
    low = reached * np.exp(-x / T / (1 - x / T**2)) * (1 - slack)
    return float(predict(e).limits["variance"]), low, reached * np.exp(-x / (T + 1)) * (1 + slack)


def _power() -> tuple[float, float, float]:
    """Enclose q - 1 by the gamma form: log2 of E v_2T / E v_T, whose error is below 4/T.

    log Gamma(s + 1 - a) + log Gamma(s + 1 - b) - 2 log Gamma(s + 1) = (q - 1) log s + r_s, where
    Stirling's series gives |r_s| < 2/s for |a|, |b| < 1, and the difference of two has twice that.
    """
    from scipy.special import gammaln

    T, Y, n = float(T_LIMIT), BestOf(3).cumulants(), 10
    c = Y.mean**2 + Y.variance / n
    root = np.sqrt((Y.square - 1) ** 2 + 4 * c)
    a, b = ((1 - Y.square) + root) / 2, ((1 - Y.square) - root) / 2

    def logs(s: float) -> float:
        return float(gammaln(s + 1 - a) + gammaln(s + 1 - b) - 2 * gammaln(s + 1))

    slope = (logs(2 * T) - logs(T)) / np.log(2)
    radius = (4 / T + 64 * EPS * T * np.log(T)) / np.log(2)
    found = predict(loop(Accumulate(), n, 2, BestOf(3))).exponents["power"]
    return float(found), slope - radius, slope + radius


THEOREMS = [
    Theorem(
        "gaussian/replace/selection-variance",
        "Keeping the better of two rows multiplies replace's variance by the variance rho of the "
        "better of two standard normal numbers, again and again.",
        r"E v_t=\sigma_0^2(1-\tfrac1n)[\rho(1-\tfrac1n)]^{t-1}",
        DERIVED,
        f"{NORMAL}; {ROWS}",
        "law",
        "d=1 n=20 t=5, best of 2",
        mean_claim(
            REPLACED,
            "variance",
            5,
            {
                "nothing is selected": _instead("variance", 5, Tempered(1.0)),
                "q = E Y^2 for rho": _with_the_square,
                "the best of three": _instead("variance", 5, BestOf(3)),
                "one generation early": expectation("variance", 4),
            },
        ),
    ),
    Theorem(
        "gaussian/replace/selection-gain-bounded",
        "However long one trains on the better of two rows of the last model, the reward's mean "
        "gains less than 3.236 standard deviations of the real rows.",
        r"E m_t-\mu_0\le e\sum_{s<t}\sqrt{E v_s}<\frac{e\,\sigma_0}{1-\sqrt\rho}",
        DERIVED,
        f"{NORMAL}; {ROWS}",
        "bound",
        "d=1 n=20 t=5, best of 2",
        MeanClaim(
            REPLACED,
            quantity("reward_gain", 5),
            expectation("reward_gain_upper", 5),
            _gain_variance,
            {
                "one generation early": expectation("reward_gain_upper", 4),
                "steps that shrink by rho": _one_step_less,
                "three fifths of it": lambda e: 0.6 * expectation("reward_gain_upper", 5)(e),
            },
            side="above",
            signed=True,
        ),
    ),
    Theorem(
        "gaussian/accumulate/selection-variance",
        "Under accumulate a selected batch adds its shifted mean too: the best of three makes the "
        "variance grow.",
        r"E v_t=\sigma_0^2(1-\tfrac1n)\prod_{s=2}^t\left[1+\frac{q-1}s-\frac{e^2+\rho/n}{s^2}"
        r"\right],\ q=E Y^2=\rho+e^2",
        DERIVED,
        f"{ANY}; {ROWS}",
        "law",
        "d=1 n=10 t=20, best of 3",
        mean_claim(
            ACCUMULATED,
            "variance",
            20,
            {
                "without the mean's shift": _without_shift,
                "replace's": expectation("variance", 20, workflow=Replace()),
                "the better of two": _instead("variance", 20, BestOf(2)),
                "nothing is selected": _instead("variance", 20, Tempered(1.0)),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/pairwise-variance",
        "A rater who prefers one of two rows, however strongly, neither collapses nor explodes "
        "what accumulates.",
        r"E v_t=\sigma_0^2(1-\tfrac1n)\prod_{s=2}^t\left[1-\frac{e^2+\rho/n}{s^2}\right]",
        DERIVED,
        f"{ANY}; {ROWS}",
        "law",
        "d=1 n=5 t=15, Bradley-Terry beta=1",
        mean_claim(
            JUDGED,
            "variance",
            15,
            {
                "nothing is selected": _instead("variance", 15, Tempered(1.0)),
                "a step as preference": _instead("variance", 15, BestOf(2)),
                "without the mean's shift": _without_shift,
                "the upper quarter": _instead("variance", 15, KeepTop(0.25)),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/pairwise-critical",
        "Every symmetric preference between two rows has q = 1, exactly the boundary: the variance "
        "tends to a limit above 0.",
        r"\lim E v_t=\sigma_0^2(1-\tfrac1n)\frac{\sin\pi c}{\pi c(1-c^2)},\ c^2=e^2+\rho/n",
        DERIVED,
        f"{ROWS}; equal batches",
        "limit",
        f"n=5 t={T_LIMIT}, Bradley-Terry beta=1",
        ExactClaim(
            _critical,
            {
                "it vanishes": fixed(0.0),
                "accumulate's without selection": lambda: float(
                    predict(Experiment(Gaussian(), Accumulate(), 5, 2)).limits["variance"]
                ),
                "the better of two": lambda: float(
                    predict(loop(Accumulate(), 5, 2, BestOf(2))).limits["variance"]
                ),
                "c = e": lambda: (
                    0.8
                    * float(np.sinc(Pairwise(1.0).cumulants().mean))
                    / (1 - Pairwise(1.0).cumulants().mean ** 2)
                ),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/selection-power",
        "q = E Y^2 decides what becomes of selected rows that accumulate: the variance behaves "
        "like a power of t, and explodes iff q > 1.",
        r"E v_t\sim t^{q-1},\quad q-1=\frac{\sqrt3}{2\pi}\ \text{for the best of three}",
        DERIVED,
        f"{ROWS}; equal batches",
        "limit",
        f"n=10 t={T_LIMIT}, best of 3",
        ExactClaim(
            _power,
            {
                "rho - 1: it collapses, as under replace": lambda: (
                    BestOf(3).cumulants().variance - 1
                ),
                "e^2 - 1": lambda: BestOf(3).cumulants().mean ** 2 - 1,
                "bounded": fixed(0.0),
                "2 % more": fixed(1.02 * np.sqrt(3) / (2 * np.pi)),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/selection-along",
        "Along the reward's direction a loop in one dimension runs, whatever the others do; the "
        "upper half of the model's law is critical too.",
        r"E\,w'S_tw=w'\Sigma_0w\,(1-\tfrac1n)\prod_{s=2}^t\left[1-\frac{e^2+\rho/n}{s^2}\right]",
        DERIVED,
        f"{ANY}; {ROWS}",
        "law",
        "d=3 n=8 t=8, w=(1,1,0), upper half",
        mean_claim(
            HALVED,
            "reward_variance",
            8,
            {
                "nothing is selected": lambda _: float(
                    predict(Experiment(Gaussian(), Accumulate(), 8, 8))["variance"][-1]
                ),
                "the upper quarter": _instead(
                    "reward_variance", 8, KeepTop(0.25, reward=[1.0, 1.0, 0.0])
                ),
                "replace's": expectation("reward_variance", 8, workflow=Replace()),
            },
        ),
    ),
    Theorem(
        "gaussian/replace/selection-across",
        "What varies besides the reward is lost as if nothing were selected: given the rewards, "
        "a batch is a regression on them, with n - 2 degrees of freedom.",
        r"E\operatorname{tr}S_{t\mid w}=\operatorname{tr}\Sigma_{0\mid w}(1-\tfrac2n)^t",
        DERIVED,
        f"{NORMAL}; {ROWS}",
        "law",
        "d=3 n=20 t=5, w=(1,1,0), best of 2",
        MeanClaim(
            TURNED,
            quantity("variance_across", 5),
            expectation("variance_across", 5),
            _across,
            {
                "(1 - 1/n)^t": constant(0.95**5),
                "(1 - 3/n)^t": constant(0.85**5),
                "as along the reward": expectation("reward_variance", 5),
                "one generation early": expectation("variance_across", 4),
            },
        ),
    ),
]

"""The ledger's entries on workflows that keep data, decided on simulations."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from modelcollapse.checks import Floats, Integers
from modelcollapse.claims import (
    Design,
    LawClaim,
    MeanClaim,
    Statistic,
    Value,
    expectation,
    quantity,
    spread,
)
from modelcollapse.evidence import Cdf
from modelcollapse.experiment import Experiment, Trajectories, predict
from modelcollapse.gaussian.estimator import Gaussian
from modelcollapse.gaussian.theorems_replace import DERIVED, OTHER_DDOF, PAPER, ROW, mean_claim
from modelcollapse.theorem import Theorem
from modelcollapse.workflows import (
    Accumulate,
    AccumulateSubsample,
    KeepReal,
    Replace,
    SlidingWindow,
)

ANY = "any truth with finite variance, any d"


@dataclass(frozen=True)
class Halving:
    """Each batch weighs half of the next newer one: a workflow outside the package's five."""

    name = "halving"

    def batch_weights(self, sizes: Sequence[int]) -> Floats:
        """Return weights proportional to 2^s."""
        weights = 2.0 ** np.arange(len(sizes))
        return np.asarray(weights / weights.sum())

    def training_rows(
        self, sizes: Sequence[int], rng: np.random.Generator
    ) -> tuple[Integers, Floats]:
        """Return all rows with the weight of their batch, spread evenly."""
        del rng
        per_row = self.batch_weights(sizes) / np.asarray(sizes)
        return np.arange(sum(sizes)), np.repeat(per_row, sizes)


def pooled() -> Experiment:
    """Accumulate with maximum likelihood, n = 5."""
    return Experiment(Gaussian(), Accumulate(), samples=5, generations=8)


def pooled_unbiased() -> Experiment:
    """The same with the unbiased variance."""
    return Experiment(Gaussian(ddof=1), Accumulate(), samples=5, generations=8)


def scheduled() -> Experiment:
    """Accumulate with a growing schedule."""
    return Experiment(Gaussian(), Accumulate(), samples=[8, 16, 4, 32, 8], generations=5)


def hot() -> Experiment:
    """Accumulate with a sampler at temperature 1.5."""
    return Experiment(Gaussian(), Accumulate(), samples=5, generations=5, temperature=1.5)


def subsampled() -> Experiment:
    """Accumulate-subsample at the batch size."""
    return Experiment(Gaussian(), AccumulateSubsample(), samples=5, generations=6)


def budgeted() -> Experiment:
    """Accumulate-subsample with a budget of 8 rows for batches of 5."""
    return Experiment(Gaussian(), AccumulateSubsample(budget=8), samples=5, generations=6)


def subsampled_unbiased() -> Experiment:
    """Accumulate-subsample with the unbiased variance."""
    return Experiment(Gaussian(ddof=1), AccumulateSubsample(), samples=5, generations=16)


def windowed() -> Experiment:
    """The last two batches."""
    return Experiment(Gaussian(), SlidingWindow(2), samples=5, generations=6)


def kept() -> Experiment:
    """A fourth of the weight on the real batch."""
    return Experiment(Gaussian(), KeepReal(0.25), samples=5, generations=6)


def halved() -> Experiment:
    """Geometric weights."""
    return Experiment(Gaussian(), Halving(), samples=5, generations=5)


MILLION = 1_000_000
POOLED, POOLED_UNBIASED = Design(pooled, MILLION), Design(pooled_unbiased, 400_000)
SCHEDULED, HOT = Design(scheduled, MILLION), Design(hot, MILLION)
SUBSAMPLED, BUDGETED = Design(subsampled, MILLION), Design(budgeted, MILLION)
SUBSAMPLED_UNBIASED = Design(subsampled_unbiased, MILLION)
WINDOWED, KEPT, HALVED = (Design(d, 400_000) for d in (windowed, kept, halved))


def _ratio(t: int, count: int) -> Statistic:
    def statistic(runs: Trajectories) -> Floats:
        logs = runs["log_variance"][:count]
        return np.asarray(np.exp(logs[:, t - 1] - logs[:, t - 2]))

    return statistic


def _ratio_law(t: int, **changes: object) -> Callable[[Experiment], Cdf]:
    def cdf(e: Experiment) -> Cdf:
        changed = replace(e, **changes) if changes else e  # type: ignore[arg-type]
        law: Cdf = predict(changed).laws["variance_ratio"][t - 2].cdf
        return law

    return cdf


def _w2_bound(t: int) -> Value:
    """Bound Var W2^2, with W2^2 = m^2 + (sqrt v - 1)^2.

    (sqrt v - 1)^4 <= (v - 1)^2, so by Minkowski the second moment of W2^2 is at most
    (sqrt(E m^4) + sqrt(E (v - 1)^2))^2.
    """

    def value(e: Experiment) -> float:
        p = predict(e)
        error, variance = p["squared_error"][t - 1], p["variance"][t - 1]
        fourth = p.variances["squared_error"][t - 1] + error**2
        gap = p.variances["variance"][t - 1] + (variance - 1) ** 2
        return float((np.sqrt(fourth) + np.sqrt(gap)) ** 2 - p["w2_squared"][t - 1] ** 2)

    return value


ACCUMULATE = [
    Theorem(
        "gaussian/accumulate/variance",
        "Under accumulate the expected variance is sigma_0^2 prod_j (1 - 1/(n j^2)): no collapse.",
        r"E v_t=\sigma_0^2\prod_{j=1}^t\left(1-\frac1{nj^2}\right)",
        PAPER,
        f"{ANY}, equal batches; ddof 0",
        "law",
        "d=1 n=5 t=8",
        mean_claim(
            POOLED,
            "variance",
            8,
            {
                "replace's formula": expectation("variance", 8, workflow=Replace()),
                "the unbiased estimator's": expectation("variance", 8, **OTHER_DDOF),
                "1/(n j) for 1/(n j^2)": lambda e: float(np.prod(1 - 1 / (5 * np.arange(1, 9)))),
                "accumulate-subsample's": expectation(
                    "variance", 8, workflow=AccumulateSubsample()
                ),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/squared-error",
        "The squared error of the mean is what the variance lost.",
        r"E(m_t-\mu_0)^2=\sigma_0^2\left[1-\prod_{j=1}^t\left(1-\frac1{nj^2}\right)\right]",
        PAPER,
        f"{ANY}, equal batches; ddof 0",
        "law",
        "d=1 n=5 t=8",
        mean_claim(
            POOLED,
            "squared_error",
            8,
            {
                "replace's formula": expectation("squared_error", 8, workflow=Replace()),
                "real data only": lambda e: 1 / 5,
                "one generation of eight alone": expectation("squared_error", 1),
                "accumulate-subsample's": expectation(
                    "squared_error", 8, workflow=AccumulateSubsample()
                ),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/log-variance",
        "The log-variance gains E log A_t each generation, an integral of A_t's Laplace transform.",
        r"E\log v_t=\sum_{s\le t}\int_0^\infty(e^{-x}-Ee^{-xA_s})\,\frac{dx}{x}",
        DERIVED,
        f"{ROW}, d = 1; ddof 0",
        "law",
        "d=1 n=5 t=8",
        mean_claim(
            POOLED,
            "log_variance",
            8,
            {
                "replace's": expectation("log_variance", 8, workflow=Replace()),
                "the logarithm of the mean": lambda e: float(np.log(predict(e)["variance"][7])),
                "the first generation alone": expectation("log_variance", 1),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/variance-law",
        "The variance is a product of independent factors, each a constant plus two chi-squares.",
        r"v_t=v_{t-1}A_t,\ A_t=\frac{(t-1)n+\chi^2_{n-1}+\frac{t-1}t\chi^2_1}{tn}",
        DERIVED,
        f"{ROW}, d = 1; ddof 0",
        "law",
        "d=1 n=5 t=2",
        LawClaim(
            POOLED,
            _ratio(2, 400_000),
            _ratio_law(2),
            {
                "the next generation's": _ratio_law(3),
                "the unbiased estimator's": _ratio_law(2, **OTHER_DDOF),
                "one row more": _ratio_law(2, samples=6),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/w2",
        "Under accumulate E W2^2 = 2 sigma_0 (sigma_0 - E sqrt v_t): it stays bounded.",
        r"E W_2^2=2\sigma_0(\sigma_0-E\sqrt{v_t})",
        DERIVED,
        f"{ROW}, d = 1; ddof 0",
        "law",
        "d=1 n=5 t=8",
        MeanClaim(
            POOLED,
            quantity("w2_squared", 8),
            expectation("w2_squared", 8),
            _w2_bound(8),
            {
                "replace's": expectation("w2_squared", 8, workflow=Replace()),
                "twice the mean's part": lambda e: float(2 * predict(e)["squared_error"][7]),
                "the root of the mean variance": lambda e: float(
                    2 - 2 * np.sqrt(predict(e)["variance"][7])
                ),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/variance-unbiased",
        "Fitted with the unbiased variance, accumulate's expected variance is "
        "sigma_0^2 prod_{j=2}^t (1 - 1/(j(nj - 1))).",
        r"E v_t=\sigma_0^2\prod_{j=2}^t\left(1-\frac1{j(nj-1)}\right)",
        DERIVED,
        f"{ANY}, equal batches; ddof 1",
        "law",
        "d=1 n=5 t=8",
        mean_claim(
            POOLED_UNBIASED,
            "variance",
            8,
            {
                "maximum likelihood's": expectation("variance", 8, model=Gaussian()),
                "preserved, as under replace": expectation("variance", 8, workflow=Replace()),
                "one factor more": lambda e: float(predict(e)["variance"][7] * (1 - 1 / 4)),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/unbiased-preserves-variance",
        "Claim: unbiased fitting preserves the expected variance under accumulate as it does "
        "under replace. It does not: the pool's rows are dependent.",
        r"E v_t=\sigma_0^2",
        "a common reading of arXiv 2307.01850; refuted here",
        f"{ANY}; ddof 1",
        "refuted",
        "d=1 n=5 t=8",
        MeanClaim(
            POOLED_UNBIASED,
            quantity("variance", 8),
            expectation("variance", 8, workflow=Replace()),
            spread("variance", 8),
            {
                "up to one batch's ddof": lambda e: 5 / 4,
                "accumulate-subsample's growth": expectation(
                    "variance", 8, workflow=AccumulateSubsample()
                ),
                "up to 2 %": lambda e: 0.98,
            },
            side="below",
        ),
    ),
    Theorem(
        "gaussian/accumulate/any-schedule",
        "For any batch sizes E v_t = sigma_0^2 prod_s (1 - n_s/N_s^2).",
        r"E v_t=\sigma_0^2\prod_{s\le t}\left(1-\frac{n_s}{N_s^2}\right)",
        DERIVED,
        f"{ANY}; ddof 0",
        "law",
        "d=1 n=8,16,4,32,8 t=5",
        mean_claim(
            SCHEDULED,
            "variance",
            5,
            {
                "equal batches of the mean size": expectation("variance", 5, samples=14),
                "equal batches of the first size": expectation("variance", 5, samples=8),
                "replace's": expectation("variance", 5, workflow=Replace()),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate/temperature",
        "A sampler at temperature lambda multiplies the pool's variance by "
        "N/N' + lambda [(n-1)/N' + N/N'^2]: growth like t^(lambda - 1).",
        r"\frac{E v_{t+1}}{E v_t}=\frac N{N'}+\lambda\left[\frac{n-1}{N'}+\frac N{N'^2}\right]",
        DERIVED,
        f"{ANY}; ddof 0",
        "law",
        "d=1 n=5 lambda=1.5 t=5",
        mean_claim(
            HOT,
            "variance",
            5,
            {
                "temperature 1": expectation("variance", 5, temperature=1.0),
                "the root of the temperature": expectation("variance", 5, temperature=1.5**0.5),
                "one generation early": expectation("variance", 4),
                "the square of the temperature": expectation("variance", 5, temperature=2.25),
            },
        ),
    ),
]

OTHERS = [
    Theorem(
        "gaussian/accumulate-subsample/variance",
        "Training on n of the tn rows, drawn without replacement, the expected variance obeys a "
        "linear recursion with a positive limit: no collapse.",
        r"Q_{t+1}=Q_t\left[1-\frac{2t-1-t/n}{(nt-1)(t+1)^2}\right],\ E v_t=Q_t\frac{t(n-1)}{nt-1}",
        DERIVED,
        f"{ANY}; ddof 0",
        "law",
        "d=1 n=5 t=6",
        mean_claim(
            SUBSAMPLED,
            "variance",
            6,
            {
                "accumulate's": expectation("variance", 6, workflow=Accumulate()),
                "replace's": expectation("variance", 6, workflow=Replace()),
                "the unbiased estimator's": expectation("variance", 6, **OTHER_DDOF),
                "drawn with replacement": lambda e: (
                    0.8 * float(predict(e)["variance"][5] / (6 * 4 / 29))
                ),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate-subsample/squared-error",
        "The squared error of the subsample's mean is what its variance lost.",
        r"E(m_t-\mu_0)^2=\sigma_0^2-E v_t",
        DERIVED,
        f"{ANY}; ddof 0",
        "law",
        "d=1 n=5 t=6",
        mean_claim(
            SUBSAMPLED,
            "squared_error",
            6,
            {
                "accumulate's": expectation("squared_error", 6, workflow=Accumulate()),
                "replace's": expectation("squared_error", 6, workflow=Replace()),
                "one generation of six alone": expectation("squared_error", 1),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate-subsample/budget",
        "The recursion holds for any budget k: quality against the cost of subsampling.",
        r"E v_t=Q_t\frac{N}{N-1}(1-1/k),\quad E(m_t-\mu_0)^2=\sigma_0^2-E v_t",
        DERIVED,
        f"{ANY}; ddof 0",
        "law",
        "d=1 n=5 k=8 t=6",
        mean_claim(
            BUDGETED,
            "variance",
            6,
            {
                "the batch size as budget": expectation(
                    "variance", 6, workflow=AccumulateSubsample()
                ),
                "no subsampling": expectation("variance", 6, workflow=Accumulate()),
                "replace's": expectation("variance", 6, workflow=Replace()),
            },
        ),
    ),
    Theorem(
        "gaussian/accumulate-subsample/unbiased",
        "With the unbiased variance accumulate-subsample's expected variance grows, where replace "
        "keeps it and accumulate loses some.",
        r"E v_t=Q_t\,\frac{N}{N-1}",
        DERIVED,
        f"{ANY}; ddof 1",
        "law",
        "d=1 n=5 t=16",
        mean_claim(
            SUBSAMPLED_UNBIASED,
            "variance",
            16,
            {
                "maximum likelihood's": expectation("variance", 16, model=Gaussian()),
                "replace's": expectation("variance", 16, workflow=Replace()),
                "accumulate's": expectation("variance", 16, workflow=Accumulate()),
            },
        ),
    ),
    Theorem(
        "gaussian/sliding-window/variance",
        "Training on the last k batches delays collapse and does not prevent it.",
        r"E v_t+E(m_t-\mu_0)^2=\sigma_0^2,\quad m_t=\tfrac1k\sum_{s>t-k}\bar x_s",
        DERIVED,
        f"{ANY}; ddof 0",
        "law",
        "d=1 n=5 k=2 t=6",
        mean_claim(
            WINDOWED,
            "variance",
            6,
            {
                "one batch": expectation("variance", 6, workflow=Replace()),
                "three batches": expectation("variance", 6, workflow=SlidingWindow(3)),
                "all batches": expectation("variance", 6, workflow=Accumulate()),
            },
        ),
    ),
    Theorem(
        "gaussian/keep-real/variance",
        "A fixed weight on the real batch keeps the variance bounded away from zero.",
        r"m_t=\alpha\bar x_1+(1-\alpha)\bar x_t,\quad E v_t=\sigma_0^2-E(m_t-\mu_0)^2",
        DERIVED,
        f"{ANY}; ddof 0",
        "law",
        "d=1 n=5 alpha=0.25 t=6",
        mean_claim(
            KEPT,
            "variance",
            6,
            {
                "no real rows": expectation("variance", 6, workflow=Replace()),
                "half real": expectation("variance", 6, workflow=KeepReal(0.5)),
                "accumulate's": expectation("variance", 6, workflow=Accumulate()),
                "the unbiased estimator's": expectation("variance", 6, **OTHER_DDOF),
            },
        ),
    ),
    Theorem(
        "gaussian/any-weights/squared-error",
        "Any deterministic workflow with batch weights W is solved by one linear recursion.",
        r"E(m_t-\mu_0)^2=\sum_s A_{ts}^2\,E v_{s-1}/n_s,\quad A=(I-WS)^{-1}W",
        DERIVED,
        f"{ANY}; ddof 0; here weights 2^s, a workflow outside the package",
        "law",
        "d=1 n=5 t=5",
        mean_claim(
            HALVED,
            "squared_error",
            5,
            {
                "equal weights": expectation("squared_error", 5, workflow=Accumulate()),
                "the newest batch alone": expectation("squared_error", 5, workflow=Replace()),
                "the last two alike": expectation("squared_error", 5, workflow=SlidingWindow(2)),
                "one generation early": expectation("squared_error", 4),
            },
        ),
    ),
]

THEOREMS = ACCUMULATE + OTHERS

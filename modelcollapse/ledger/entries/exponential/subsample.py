"""Random training sets, and workflows with weights and fresh data."""

from modelcollapse.families.exponential.families import Gamma, NegativeBinomial, NormalMean, Poisson
from modelcollapse.ledger.claims import Design, ExactClaim, mean_claim
from modelcollapse.ledger.entries.exponential.common import DERIVED, QUADRATIC, loop
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import EPS, constant, expectation, fixed
from modelcollapse.loop.experiment import Experiment, predict
from modelcollapse.workflows import (
    Accumulate,
    AccumulateSubsample,
    Edit,
    FreshData,
    KeepReal,
    Replace,
    SlidingWindow,
    Web,
    Weighted,
)

N, K, T_LATE = 100, 1, 4000
HALVING = [[2.0**s / (2**t - 1) for s in range(t)] for t in range(1, 6)]


def gamma() -> Experiment:
    """Gamma variables of shape 2, n = 4."""
    return loop(Gamma(2.0), AccumulateSubsample(), 4, 6)


def budgeted() -> Experiment:
    """Poisson counts, a budget of 3 rows and uneven batches."""
    return loop(Poisson(), AccumulateSubsample(3), [4, 8, 2, 6], 4)


def halved() -> Experiment:
    """Gamma variables of shape 2 under geometric weights."""
    return loop(Gamma(2.0), Weighted(HALVING), 5, 5)


def fresh() -> Experiment:
    """Geometric counts with fresh real rows of weight 1/2."""
    return loop(NegativeBinomial(2.0), FreshData(2, 6, 0.5), 4, 5)


def web() -> Experiment:
    """Poisson counts on a web that gains one real row for three sampled ones."""
    return loop(Poisson(), Web(1, 3), 4, 6)


def edited() -> Experiment:
    """Poisson counts, of which three of ten are edited."""
    return loop(Poisson(), Edit(rows=3), 10, 12)


def slope() -> tuple[float, float, float]:
    """What a generation adds is f D/n, D half the squared distance of two rows, at first 1.

    D' = D + e (1 - D (1 - 1/n)) - f D/n, which contracts to its fixed point.
    """
    errors = predict(loop(NormalMean(), Edit(rows=K), N, T_LATE))["squared_error"]
    e, f = K / N, K * (2 * N - K - 1) / (N * (N - 1))
    left = (1 - e * (1 - 1 / N) - f / N) ** (T_LATE - 3) * f / N
    slack = (left + 16 * T_LATE * EPS * float(errors[-1])) * N**2 / K
    ratio = float(errors[-1] - errors[-2]) * N**2 / K
    return (2 * N - K - 1) / (N - K / N), ratio - slack, ratio + slack


GAMMA, BUDGETED, HALVED, FRESH, WEB, EDITED = (
    Design(d, 400_000) for d in (gamma, budgeted, halved, fresh, web, edited)
)

THEOREMS = [
    Theorem(
        "exponential/accumulate-subsample/squared-error",
        "Training on n of the tn rows, the errors of the pool's mean and the pool's variance obey "
        "a linear recursion in which the family enters through v2 alone.",
        r"R_t=M_t+Q_t\tfrac{t-1}{nt-1},\ d_t=R_t-M_t+\tfrac{1+v_2R_t}n,\ "
        r"M_{t+1}=M_t+\tfrac{d_t}{(t+1)^2}",
        DERIVED,
        QUADRATIC,
        "law",
        "gamma shape=2 n=4 t=6",
        mean_claim(
            GAMMA,
            "squared_error",
            6,
            {
                "accumulate's": expectation("squared_error", 6, workflow=Accumulate()),
                "replace's": expectation("squared_error", 6, workflow=Replace()),
                "v2 = 0": expectation("squared_error", 6, model=NormalMean()),
                "a budget of one row more": expectation(
                    "squared_error", 6, workflow=AccumulateSubsample(5)
                ),
            },
        ),
    ),
    Theorem(
        "exponential/accumulate-subsample/budget",
        "The recursion holds for any budget k and any batch sizes.",
        r"R=M+Q\tfrac{N-k}{k(N-1)},\ M'=M+(n/N')^2d,\ Q'=\tfrac{NQ+(n-1)(1+v_2R)}{N'}+"
        r"\tfrac{Nnd}{N'^2}",
        DERIVED,
        QUADRATIC,
        "law",
        "poisson mean=1 n=4,8,2,6 k=3 t=4",
        mean_claim(
            BUDGETED,
            "squared_error",
            4,
            {
                "the newest batch's size as budget": expectation(
                    "squared_error", 4, workflow=AccumulateSubsample()
                ),
                "no subsampling": expectation("squared_error", 4, workflow=Accumulate()),
                "a row more": expectation("squared_error", 4, workflow=AccumulateSubsample(4)),
                "v2 = 1": expectation("squared_error", 4, model=Gamma()),
            },
        ),
    ),
    Theorem(
        "exponential/weighted/squared-error",
        "Any deterministic workflow is solved by one linear recursion in its weights.",
        r"E(m_t-m_0)^2=\sum_s A_{ts}^2\,\frac{E V(m_{s-1})}{n_s},\quad A=(I-WS)^{-1}W",
        DERIVED,
        f"{QUADRATIC}; here weights 2^s",
        "law",
        "gamma shape=2 n=5 t=5",
        mean_claim(
            HALVED,
            "squared_error",
            5,
            {
                "equal weights": expectation("squared_error", 5, workflow=Accumulate()),
                "the newest batch alone": expectation("squared_error", 5, workflow=Replace()),
                "the last two alike": expectation("squared_error", 5, workflow=SlidingWindow(3)),
                "one generation early": expectation("squared_error", 4),
            },
        ),
    ),
    Theorem(
        "exponential/fresh-data/squared-error",
        "With fresh real rows of weight w in every generation the error stays bounded.",
        r"R_{t+1}=\frac{w^2}{n_r}+(1-w)^2\left[R_t+\frac{1+v_2R_t}{n_s}\right]",
        DERIVED,
        QUADRATIC,
        "law",
        "negative-binomial size=2 mean=1 real=2 synthetic=6 w=0.5 t=5",
        mean_claim(
            FRESH,
            "squared_error",
            5,
            {
                "pooled rows": expectation("squared_error", 5, workflow=FreshData(2, 6)),
                "no variance of sampling": constant(0.25 * (1 / 2) / (1 - 0.25)),
                "no real rows, replace of 8": constant(
                    2 * ((1 + 0.5 / 4) * (1 + 0.5 / 8) ** 4 - 1)
                ),
            },
        ),
    ),
    Theorem(
        "exponential/web/squared-error",
        "A web that gains real rows too forgets its errors: they fall.",
        r"m_t=\frac{N_{t-1}}{N_t}m_{t-1}+\frac{r\bar x+s\bar y}{N_t}",
        DERIVED,
        QUADRATIC,
        "law",
        "poisson mean=1 real=1 synthetic=3 t=6",
        mean_claim(
            WEB,
            "squared_error",
            6,
            {
                "no new real rows": expectation("squared_error", 6, workflow=Accumulate()),
                "all rows real": constant(1 / 24),
                "the real batch kept": expectation("squared_error", 6, workflow=KeepReal()),
                "half of the new rows real": expectation("squared_error", 6, workflow=Web(2, 2)),
            },
        ),
    ),
    Theorem(
        "exponential/edit/squared-error",
        "Where some rows of a data set are edited in each generation, the error of its mean and "
        "the variance of its rows obey a linear recursion; it grows for ever.",
        r"M'=M+(k/n)^2\left[\tfrac{1+v_2M}k+Q\tfrac{n-k}{k(n-1)}\right],\ "
        r"Q'=(1-\tfrac kn)(M+Q)+\tfrac kn(M+1+v_2M)-M'",
        f"{DERIVED}; editing as in arXiv 2412.14689",
        QUADRATIC,
        "law",
        "poisson mean=1 n=10 k=3 t=12",
        mean_claim(
            EDITED,
            "squared_error",
            12,
            {
                "k/n times replace's cost": constant((1 + 11 * 0.3) / 10),
                "no finite population": constant(0.1 + 11 * 0.09 * (1 / 3 + 0.9 / 3)),
                "replace's": expectation("squared_error", 12, workflow=Replace()),
                "bounded, as accumulate's": expectation("squared_error", 12, workflow=Accumulate()),
            },
        ),
    ),
    Theorem(
        "exponential/edit/cost-per-row",
        "An edited row costs up to 2 - 1/n times what a row costs under replace: almost twice as "
        "much, where few are edited at a time.",
        r"\lim(M_{t+1}-M_t)=\frac kn\cdot\frac1n\cdot\frac{2n-k-1}{n-k/n}",
        f"{DERIVED}; editing as in arXiv 2412.14689",
        f"{QUADRATIC}, v_2 = 0",
        "limit",
        f"normal-mean n={N} k={K} t={T_LATE}",
        ExactClaim(
            slope,
            {
                "as under replace": fixed(1.0),
                "twice": fixed(2.0),
                "of k -> 0": fixed(2 - 1 / N),
                "a row more": fixed((2 * N - K - 2) / (N - (K + 1) / N)),
            },
        ),
    ),
]

"""Smoothed fits: what they keep, where they settle, and the urn that is a posterior."""

from dataclasses import replace
from fractions import Fraction
from functools import partial
from math import pi, sin, sqrt
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.evidence import Cdf
from modelcollapse.families.discrete import chains, enumeration
from modelcollapse.families.discrete.estimator import Discrete
from modelcollapse.ledger.claims import Design, ExactClaim, LawClaim
from modelcollapse.ledger.entries.discrete.common import (
    ANY,
    SHARES,
    N,
    T,
    bounded_heterozygosity,
)
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import EPS, Value, expectation, same
from modelcollapse.loop.experiment import Experiment, Trajectories, predict
from modelcollapse.workflows import Accumulate, AnyWorkflow, Replace

DERIVED = "derived here: theory/discrete_smoothing.py"
FONG = "Fong, Holmes & Walker, JRSS B 2023, martingale posteriors; the urn of Eggenberger & Polya"
ALPHA, K = 0.5, len(SHARES)
PARAMETERS = f"n={N} t={T} alpha={ALPHA} p=0.5,0.3,0.15,0.05"
REPLICATES = 400_000
END, ROWS = 1.0, 5  # smoothing and rows where two outcomes settle
T_LIMIT = 100_000
REAL, SINGLE, SHARE = 5, 15, 0.4  # rows, then rows one at a time; the truth of one of two outcomes


def smoothed(workflow: AnyWorkflow, alpha: float = ALPHA, n: Any = N, t: int = T) -> Experiment:
    """Return a smoothed loop of the ledger's truth."""
    return Experiment(Discrete(K, alpha), workflow, n, t, truth=SHARES)


def replaced() -> Experiment:
    """Each generation trains on the last batch."""
    return smoothed(Replace())


def pooled() -> Experiment:
    """Accumulate."""
    return smoothed(Accumulate())


def urn(rows: int = SINGLE, alpha: float = 1.0) -> Experiment:
    """A real batch, and then one row for each generation."""
    sizes = [REAL] + [1] * rows
    return Experiment(Discrete(2, alpha), Accumulate(), sizes, rows + 1, truth=(SHARE, 1 - SHARE))


def _stepped(share: float) -> Value:
    """Return the heterozygosity under replace if each fit were so far uniform."""

    def value(_: Experiment) -> float:
        differ = 1 - float(np.square(SHARES).sum())
        for _t in range(T):
            kept = (1 - share) ** 2
            differ = (1 - 1 / K) * (1 - kept) + kept * (1 - 1 / N) * differ
        return differ

    return value


def _unadded(e: Experiment) -> float:
    """Return the heterozygosity under accumulate if it fell as of the rows alone."""
    first = float(predict(e)["heterozygosity"][0])
    return first * float(np.prod([1 - 1 / (N * s * s) for s in range(2, T + 1)]))


def _again(_: Experiment) -> float:
    """Return the same if every fit were drawn towards the uniform one, as the first."""
    u = K * ALPHA / (N + K * ALPHA)
    differ = 1 - float(np.square(SHARES).sum())
    for s in range(1, T + 1):
        noise = 1 - 1 / (N * s * s)
        differ = (1 - 1 / K) * u * (2 - u) + (1 - u) ** 2 * noise * differ
    return differ


def settled(alpha: float = END) -> float:
    """Return the predicted end of 1 - sum q^2 of two outcomes."""
    e = Experiment(Discrete(2, alpha), Replace(), ROWS, 2)
    return float(predict(e).limits["heterozygosity"])


def _differing(law: Floats, alpha: float = END) -> float:
    """Return E 2 q (1 - q) of a law of one outcome's count."""
    q = (np.arange(ROWS + 1) + alpha) / (ROWS + 2 * alpha)
    return float(law @ (2 * q * (1 - q)))


def stationary() -> float:
    """Return the same of the law that a step of the whole chain leaves as it is."""
    e = Experiment(Discrete(2, END), Replace(), ROWS, 2)
    step = chains.sampled(e, ROWS, ROWS) - np.eye(ROWS + 1)
    equations = np.vstack([step.T[1:], np.ones(ROWS + 1)])
    return _differing(np.linalg.solve(equations, np.eye(ROWS + 1)[-1]))


def _multinomial_dirichlet(prior: float) -> float:
    """Return the same if the counts were Dirichlet-multinomial."""
    from scipy import stats

    return _differing(stats.betabinom(ROWS, prior, prior).pmf(np.arange(ROWS + 1)))


def accumulated() -> tuple[float, float, float]:
    """sum_{s > T} n/(N_s + K alpha)^2 lies between the integrals of its neighbours."""
    e = smoothed(Accumulate(), t=T_LIMIT)
    found = predict(e)
    reached = float(found["heterozygosity"][-1])
    total = N * T_LIMIT + K * ALPHA
    slack = 16 * T_LIMIT * EPS
    low = reached * np.exp(-1 / total / (1 - N / total**2)) * (1 - slack)
    high = reached * np.exp(-1 / (total + N)) * (1 + slack)
    return float(found.limits["heterozygosity"]), low, high


def _ended(added: float) -> float:
    """Return the end if so much of a batch were added to the number of batches."""
    from scipy.special import gamma

    first, root = float(predict(pooled())["heterozygosity"][0]), 1 / sqrt(N)
    x = 2 + added
    return float(first * gamma(x) ** 2 / (gamma(x - root) * gamma(x + root)))


def _posterior(alpha: float, more: int = 0) -> float:
    """Return E 2 q (1 - q), q of Beta(c + alpha + more, ...), c of the real rows."""
    p, prior = Fraction(2, 5), Fraction(alpha) + more
    total = REAL + 2 * prior
    value = Fraction(0)
    for (c, d), chance in enumeration.multinomial(REAL, [p, 1 - p]):
        value += chance * 2 * (c + prior) * (d + prior) / (total * (total + 1))
    return float(value)


def _left(alpha: float = 1.0) -> float:
    return float(predict(urn(2, alpha)).limits["heterozygosity"])


def _count(runs: Trajectories) -> Floats:
    """Return how many rows have the first outcome, each spread evenly over [count, count + 1).

    By a stream of its own: the law then has a density, and says as much as the counts' law.
    """
    q, alpha = runs["probabilities"][:, -1, 0], runs.experiment.model.smoothing
    counts = np.rint(q * (REAL + SINGLE + 2 * alpha) - alpha)
    return np.asarray(counts + np.random.default_rng(1).random(len(counts)))


def drawn(prior: float, _: Experiment, *, copies: bool = False) -> Cdf:
    """Return the law of `_count`: mixed over the real counts, the single rows are beta-binomial.

    Or independent draws from the first fit.
    """
    from scipy import stats

    c, total = np.arange(REAL + 1)[:, None], np.arange(REAL + SINGLE + 1)
    one, other = c + prior, REAL - c + prior
    if copies:
        given = stats.binom.cdf(total - c, SINGLE, one / (one + other))
    else:
        given = stats.betabinom.cdf(total - c, SINGLE, one, other)
    upto = (stats.binom.pmf(c, REAL, SHARE) * given).sum(axis=0)
    ends, values = np.arange(len(total) + 1), np.append(0.0, upto)
    return lambda x: np.interp(x, ends, values)


def ended(e: Experiment) -> Cdf:
    """Return the same if the share of the first outcome were beta already, as in the end."""
    from scipy import stats

    c, alpha = np.arange(REAL + 1)[:, None], e.model.smoothing
    weights = stats.binom.pmf(c, REAL, SHARE)

    def cdf(x: Floats) -> Floats:
        q = (np.asarray(x) - 0.5 + alpha) / (REAL + SINGLE + 2 * alpha)
        given = stats.beta.cdf(q, c + alpha, REAL - c + alpha)
        return np.asarray((weights * given).sum(axis=0))

    return cdf


THEOREMS = [
    Theorem(
        "discrete/replace/smoothed-heterozygosity",
        "Smoothing brings back a fixed share of what differs in each generation: no collapse.",
        r"E H_t=(1-\tfrac1K)\,u(2-u)+(1-u)^2(1-\tfrac1n)\,E H_{t-1},\ u=K\alpha/(n+K\alpha)",
        DERIVED,
        f"{ANY}, any batch sizes, fits (c + alpha)/(n + K alpha)",
        "law",
        PARAMETERS,
        bounded_heterozygosity(
            Design(replaced, REPLICATES, at=(T,)),
            {
                "no smoothing": expectation("heterozygosity", T, model=Discrete(K)),
                "u = K alpha/n": _stepped(K * ALPHA / N),
                "u = alpha/(n + alpha)": _stepped(ALPHA / (N + ALPHA)),
                "accumulate's": expectation("heterozygosity", T, workflow=Accumulate()),
            },
        ),
    ),
    Theorem(
        "discrete/replace/smoothed-limit",
        "The truth is forgotten at the rate n/(n + K alpha): a smoothed loop settles about the "
        "uniform distribution, at a law that is no Dirichlet-multinomial one.",
        r"\lim E\sum q_i^2=\frac{(1-u)^2/n+(2u-u^2)/K}{1-(1-u)^2(1-1/n)}",
        DERIVED,
        f"{ANY}, equal batches",
        "limit",
        f"n={ROWS} alpha={END} K=2",
        ExactClaim(
            same(settled, stationary, 200),
            {
                "the uniform distribution's": lambda: 0.5,
                "Dirichlet-multinomial(2 alpha)": partial(_multinomial_dirichlet, 2 * END),
                "Dirichlet-multinomial(alpha)": partial(_multinomial_dirichlet, END),
                "one outcome is left": lambda: 0.0,
            },
        ),
        keywords="add-one Laplace pseudocount Dirichlet prior",
    ),
    Theorem(
        "discrete/accumulate/smoothed-heterozygosity",
        "Under accumulate smoothing biases the first fit alone: it is a martingale from there on.",
        r"E H_{t+1}=E H_t\left(1-\frac{n_{t+1}}{(N_{t+1}+K\alpha)^2}\right)",
        DERIVED,
        f"{ANY}, any batch sizes",
        "law",
        PARAMETERS,
        bounded_heterozygosity(
            Design(pooled, REPLICATES, at=(T,)),
            {
                "no smoothing": expectation("heterozygosity", T, model=Discrete(K)),
                "of the rows alone: n/N^2": _unadded,
                "each fit biased anew": _again,
                "the first fit's": expectation("heterozygosity", 1),
            },
        ),
    ),
    Theorem(
        "discrete/accumulate/smoothed-limit",
        "A smoothed pool keeps a ratio of gamma functions of what its first fit has.",
        r"\lim E H_t=E H_1\frac{\Gamma(2+A)^2}{\Gamma(2+A-1/\sqrt n)\Gamma(2+A+1/\sqrt n)},"
        r"\ A=K\alpha/n",
        DERIVED,
        f"{ANY}, equal batches",
        "limit",
        f"{PARAMETERS.replace(f't={T}', f't={T_LIMIT}')}",
        ExactClaim(
            accumulated,
            {
                "A = 0": partial(_ended, 0.0),
                "A = K alpha": partial(_ended, K * ALPHA),
                "A = alpha/n": partial(_ended, ALPHA / N),
                "the truth's, by sin(x)/x": lambda: (
                    (1 - float(np.square(SHARES).sum())) * sin(pi / sqrt(N)) / (pi / sqrt(N))
                ),
            },
        ),
    ),
    Theorem(
        "discrete/accumulate/urn",
        "One row per generation after n real ones is a Polya urn: rows are exchangeable, and their "
        "counts beta-binomial (Dirichlet-multinomial) given the real ones.",
        r"c_t-c_1\mid c_1\sim\mathrm{BetaBinomial}(t,\;c_1+\alpha,\;n-c_1+\alpha)",
        f"{FONG}; {DERIVED}",
        f"{ANY}, sizes n, 1, 1, ...",
        "law",
        f"n={REAL} t={SINGLE} alpha=1 p=0.4,0.6",
        LawClaim(
            Design(urn, REPLICATES, at=(SINGLE + 1,), extra=("probabilities",)),
            _count,
            partial(drawn, 1.0),
            {
                "with the prior 2 alpha": partial(drawn, 2.0),
                "without a prior's rows: alpha = 0.01": partial(drawn, 0.01),
                "drawn from the first fit": partial(drawn, 1.0, copies=True),
                "already the limit": ended,
            },
        ),
    ),
    Theorem(
        "discrete/accumulate/posterior",
        "In the end the urn draws from the Bayesian posterior, Dirichlet(c_1 + alpha) given the "
        "real counts: accumulate is a martingale posterior.",
        r"q_\infty\mid c_1\sim\mathrm{Dirichlet}(c_1+\alpha),\quad"
        r"\lim E H_t=E H_1\frac{n+K\alpha}{n+K\alpha+1}",
        f"{FONG}; {DERIVED}",
        f"{ANY}, sizes n, 1, 1, ...",
        "limit",
        f"n={REAL} alpha=1 p=0.4,0.6",
        ExactClaim(
            same(_left, partial(_posterior, 1.0), 200),
            {
                "a row more of each: Beta(3, 4) for two of five": partial(_posterior, 1.0, 1),
                "no prior": partial(_posterior, 0.0),
                "the first fit's": lambda: float(predict(urn())["heterozygosity"][0]),
                "batches of n": lambda: float(
                    predict(replace(urn(2), samples=REAL)).limits["heterozygosity"]
                ),
            },
        ),
        keywords="martingale posterior predictive resampling Bayes",
    ),
]

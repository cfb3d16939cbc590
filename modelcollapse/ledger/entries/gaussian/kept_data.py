"""Accumulate-subsample, sliding window, kept real data, and a workflow of one's own."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modelcollapse._support.checks import Floats, Integers
from modelcollapse.families.gaussian.estimator import Gaussian
from modelcollapse.ledger.claims import Design, mean_claim
from modelcollapse.ledger.entries.gaussian.common import ANY, DERIVED, OTHER_DDOF
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import expectation
from modelcollapse.loop.experiment import Experiment, predict
from modelcollapse.workflows import (
    Accumulate,
    AccumulateSubsample,
    KeepReal,
    Replace,
    SlidingWindow,
)


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
SUBSAMPLED, BUDGETED = Design(subsampled, MILLION), Design(budgeted, MILLION)
SUBSAMPLED_UNBIASED = Design(subsampled_unbiased, MILLION)
WINDOWED, KEPT, HALVED = (Design(d, 400_000) for d in (windowed, kept, halved))

THEOREMS = [
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

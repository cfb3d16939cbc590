"""Accumulate: recursive least squares on pure noise, in either design; accumulate-subsample."""

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.families.regression.wishart import noise_square
from modelcollapse.ledger.claims import Design, MeanClaim, mean_claim
from modelcollapse.ledger.entries.regression.common import (
    DERIVED,
    FIXED,
    FRESH,
    PAPER,
    building,
    other,
)
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import constant, expectation, quantity
from modelcollapse.loop.experiment import Experiment, Trajectories
from modelcollapse.workflows import Accumulate, AccumulateSubsample, KeepReal, Replace

MANY = (5, 20, 6)
PEAK = (12, 8, 3)  # d, n and generations: the pool passes d between generations 1 and 2
TWICE = 2 * np.eye(12)[0]
MOST = 20.0  # where the risk is cut off, so that it has a bounded variance
POOLED = Design(building(Accumulate(), "fixed", *MANY), 200_000, at=(6,))
RENEWED = Design(building(Accumulate(), "fresh", *MANY), 200_000, at=(6,))
PASSED = Design(building(Accumulate(), "fresh", *PEAK, truth=TWICE), 150_000, at=(3,))
SHRUNK = Design(building(Accumulate(), "fixed", 1, 6, 5, ridge=4.0), 400_000, at=(5,))
SUBSAMPLED = Design(building(AccumulateSubsample(), "fixed", 5, 10, 6), 20_000, at=(6,))
ONE_FIT = 5 / (10 - 5 - 1)  # the risk of the first fit of SUBSAMPLED


def _peak_variance(e: Experiment) -> float:
    """Bound the risk's variance where the pool passes d.

    Given the inputs, w_t - w* is normal with a mean b, |b| <= |w*|, and a covariance that is the
    sum of C_s = sigma^2 S_s^+ X_s'X_s S_s^+. So E|.|^4 <= E(|b|^2 + tr C)^2 + 2 E(tr C)^2
    + 4 |w*|^2 E tr C. The s batches of a pool are exchangeable, their traces sum to tr S_s^+ and
    none is above it: E(tr C_s)^2 <= E(tr S_s^+)^2 / s, and tr (S^+)^2 >= (tr S^+)^2 / r. The roots
    of second moments add up to at most `root`.
    """
    d, square, root = e.model.dim, e.truth.square, 0.0
    for s, N in enumerate(np.cumsum(e.sizes).tolist(), start=1):
        r = min(N, d)
        root += float(np.sqrt(noise_square(N, d) * r / (r + 2) / s))
    return float((square + root) ** 2 + 2 * root**2 + 4 * square * root)


def _cut(runs: Trajectories) -> Floats:
    return np.minimum(quantity("risk", 6)(runs), MOST)


THEOREMS = [
    Theorem(
        "regression/accumulate/fixed-design-risk",
        "Under accumulate generation i adds 1/i^2 of the first generation's risk.",
        r"E|\hat w_t-w^*|^2=\frac{\sigma^2d}{n-d-1}\sum_{i\le t}\frac1{i^2}",
        PAPER,
        f"{FIXED}; n >= d + 2",
        "law",
        "d=5 n=20 t=6",
        mean_claim(
            POOLED,
            "risk",
            6,
            {
                "replace's": expectation("risk", 6, workflow=Replace()),
                "new inputs' formula": other(Accumulate(), "fresh", *MANY),
                "1/i": constant(5 / 14 * sum(1 / i for i in range(1, 7))),
                "keep-real's": expectation("risk", 6, workflow=KeepReal()),
                "its limit": constant(5 / 14 * np.pi**2 / 6),
            },
        ),
    ),
    Theorem(
        "regression/accumulate/fresh-design-risk",
        "With new inputs the pool's inverse shrinks faster than 1/i: the risk is below that of a "
        "fixed design.",
        r"E|\hat w_t-w^*|^2=\sigma^2\sum_{i\le t}\frac{d}{i(in-d-1)}",
        DERIVED,
        f"{FRESH}; n >= d + 2",
        "law",
        "d=5 n=20 t=6",
        mean_claim(
            RENEWED,
            "risk",
            6,
            {
                "the fixed design's": other(Accumulate(), "fixed", *MANY),
                "replace's": expectation("risk", 6, workflow=Replace()),
                "d/(i (i n - d))": constant(sum(5 / (i * (20 * i - 5)) for i in range(1, 7))),
                "real data only": constant(5 / 14),
            },
        ),
    ),
    Theorem(
        "regression/accumulate/passing-the-peak",
        "Accumulating rows past the number of inputs never regains what generation 1 lost of w*, "
        "and pays for passing the peak of the noise.",
        r"E|\hat w_t-w^*|^2=|w^*|^2\left(1-\tfrac{n_1}d\right)"
        r"+\sigma^2\sum_{i\le t}\frac{n_i}{N_i}\cdot\frac{\min(N_i,d)}{|N_i-d|-1}",
        DERIVED,
        "x ~ N(0, I_d), normal noise, least norm; new inputs, |N_i - d| >= 2 for all i",
        "law",
        "d=12 n=8 t=3 |w*|=2",
        MeanClaim(
            PASSED,
            quantity("risk", 3),
            expectation("risk", 3),
            _peak_variance,
            {
                "the signal is regained": constant(8 / 3 + 12 / 6 + 12 / 33),
                "the fixed design's": other(Accumulate(), "fixed", *PEAK, truth=TWICE),
                "replace's": other(Replace(), "fresh", *PEAK, truth=TWICE),
                "generation 1's": expectation("risk", 1),
            },
        ),
    ),
    Theorem(
        "regression/accumulate/ridge",
        "Under accumulate a ridge penalty biases the first fit alone, and later ones inherit that "
        "bias; replace repeats it until w* is forgotten.",
        r"(S_t+\lambda)\hat w_t=(S_t+\lambda)\hat w_{t-1}+X^\top\varepsilon_t",
        DERIVED,
        "x ~ N(0, 1), normal noise, d = 1; every generation labels the same n inputs",
        "law",
        "d=1 n=6 t=5 lambda=4",
        mean_claim(
            SHRUNK,
            "risk",
            5,
            {
                "replace's": other(Replace(), "fixed", 1, 6, 5, ridge=4.0),
                "without a penalty": other(Accumulate(), "fixed", 1, 6, 5),
                "twice the penalty": other(Accumulate(), "fixed", 1, 6, 5, ridge=8.0),
                "the first generation's": expectation("risk", 1),
            },
        ),
    ),
    Theorem(
        "regression/accumulate-subsample/mean-loop-constant",
        "That accumulate-subsample costs (pi^2/2 - 2) times the first fit, as it does for a mean, "
        "is false in regression at small n: a subsample holds some inputs twice and others not.",
        r"E|\hat w_t-w^*|^2\le\left(\tfrac{\pi^2}2-2\right)\frac{\sigma^2d}{n-d-1}",
        f"plausible from the mean's limit; {DERIVED}",
        f"{FIXED}; budget n",
        "refuted",
        f"d=5 n=10 t=6, risk cut off at {MOST:g}",
        MeanClaim(
            SUBSAMPLED,
            _cut,
            constant((np.pi**2 / 2 - 2) * ONE_FIT),
            constant(MOST**2 / 4),
            {
                "accumulate's pi^2/6": constant(np.pi**2 / 6 * ONE_FIT),
                "any schedule's 2": constant(2 * ONE_FIT),
                "real data only": constant(ONE_FIT),
            },
            side="above",
        ),
    ),
]

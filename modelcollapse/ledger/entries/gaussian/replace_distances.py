"""Replace: W2 distance, test log-loss and tail bounds."""

from dataclasses import replace

import numpy as np

from modelcollapse.families.gaussian.estimator import Gaussian
from modelcollapse.families.gaussian.limits import tail_bound
from modelcollapse.ledger.claims import FrequencyClaim, MeanClaim, mean_claim
from modelcollapse.ledger.entries.gaussian.common import DERIVED, NORMAL, OTHER_DDOF
from modelcollapse.ledger.entries.gaussian.replace_designs import (
    BIASED,
    BIASED_TAIL,
    LONGER,
    SMOOTHER,
    UNBIASED,
    UNBIASED_TAIL,
)
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import constant, expectation, quantity, spread

THEOREMS = [
    Theorem(
        "gaussian/replace/w2-diverges-unbiased",
        "With the unbiased variance E W2^2 = sigma_0^2 (t/n + 2 - 2 c4(n)^t): it diverges.",
        r"E W_2^2=\sigma_0^2[t/n+2-2c_4(n)^t]\to\infty",
        "Shumailov et al., Nature 631:755, theorem 3.1; finite t derived here",
        f"{NORMAL}; ddof 1",
        "law",
        "d=1 n=10 t=4",
        mean_claim(
            UNBIASED,
            "w2_squared",
            4,
            {
                "maximum likelihood's": expectation("w2_squared", 4, model=Gaussian()),
                "one generation late": expectation("w2_squared", 5),
                "the mean's part alone": constant(4 / 10),
            },
        ),
    ),
    Theorem(
        "gaussian/replace/w2-mle",
        "With maximum likelihood E W2^2 = 2 sigma_0^2 (1 - b_n^t) < 2 sigma_0^2.",
        r"E W_2^2=2\sigma_0^2(1-b_n^t)\le 2\sigma_0^2",
        DERIVED,
        f"{NORMAL}; ddof 0",
        "law",
        "d=1 n=10 t=6",
        mean_claim(
            BIASED,
            "w2_squared",
            6,
            {
                "the unbiased estimator's": expectation("w2_squared", 6, **OTHER_DDOF),
                "one generation early": expectation("w2_squared", 5),
                "the root of the mean variance": constant(2 * (1 - 0.9**3)),
            },
        ),
    ),
    Theorem(
        "gaussian/replace/w2-diverges-mle",
        "That E W2^2 grows like t/n whatever the estimator, as it does with the unbiased variance, "
        "is false: with maximum likelihood it is bounded by 2 sigma_0^2.",
        r"E W_2^2\ge\sigma_0^2\,[t/n+2-2c_4(n)^t]",
        "a plausible claim, as it is true of the unbiased variance; refuted here",
        f"{NORMAL}; ddof 0",
        "refuted",
        "d=1 n=5 t=20",
        MeanClaim(
            LONGER,
            quantity("w2_squared", 20),
            expectation("w2_squared", 20, **OTHER_DDOF),
            spread("w2_squared", 20),
            {
                "one generation early": expectation("w2_squared", 19, **OTHER_DDOF),
                "the mean's part t/n alone": constant(20 / 5),
                "t/n with twice the rows, and the variance's part": lambda e: (
                    20 / 10
                    + 2
                    - 2
                    * (float(tail_bound(replace(e, samples=10, model=Gaussian(ddof=1)), 1.0)[19]))
                ),
            },
            side="below",
        ),
    ),
    Theorem(
        "gaussian/replace/test-log-loss",
        "The expected log-loss at a fresh real row grows exponentially, at the rate log(n/(n-3)).",
        r"E\ell_t=\tfrac12\log2\pi\sigma_0^2+\tfrac t2[\psi(\tfrac{n-1}2)+\log\tfrac2n]"
        r"+\tfrac12\,\tfrac{4r^t-1}{3},\ r=\tfrac n{n-3}",
        DERIVED,
        f"{NORMAL}, n > 3 (infinite otherwise); ddof 0",
        "law",
        "d=1 n=20 t=4",
        mean_claim(
            SMOOTHER,
            "test_log_loss",
            4,
            {
                "the unbiased estimator's": expectation("test_log_loss", 4, **OTHER_DDOF),
                "one generation early": expectation("test_log_loss", 3),
                "the truth's entropy": constant(0.5 * np.log(2 * np.pi) + 0.5),
            },
        ),
    ),
    Theorem(
        "gaussian/replace/tail-bound",
        "Markov's inequality for the standard deviation: P(sqrt v_t > eps) <= sigma_0 b_n^t/eps.",
        r"P(\sqrt{v_t}>\epsilon)\le(\sigma_0/\epsilon)\,b_n^t",
        DERIVED,
        f"{NORMAL}; ddof 0",
        "bound",
        "d=1 n=10 t=10 eps=0.6",
        FrequencyClaim(
            BIASED_TAIL,
            lambda runs: quantity("variance", 10)(runs) > 0.36,
            lambda e: float(tail_bound(e, 0.6)[9]),
            {
                "b_n^(2t)": lambda e: float(tail_bound(e, 1.0)[9] ** 2),
                "b_n^(3t)/eps": lambda e: float(tail_bound(e, 1.0)[9] ** 3 / 0.6),
                "b_n^(4t)/eps": lambda e: float(tail_bound(e, 1.0)[9] ** 4 / 0.6),
            },
        ),
    ),
    Theorem(
        "gaussian/replace/tail-bound-exponential",
        "P(sqrt v_t > eps) <= (sigma_0/eps) exp(-t/(4n)).",
        r"P(\sqrt{v_t}>\epsilon)\le(\sigma_0/\epsilon)\,e^{-t/(4n)}",
        "Suresh et al., arXiv 2412.17646",
        f"{NORMAL}; ddof 1",
        "bound",
        "d=1 n=10 t=10 eps=0.9",
        FrequencyClaim(
            UNBIASED_TAIL,
            lambda runs: quantity("variance", 10)(runs) > 0.81,
            constant(np.exp(-10 / 40) / 0.9),
            {
                "exp(-2t/n)": constant(np.exp(-2) / 0.9),
                "exp(-3t/n)": constant(np.exp(-3) / 0.9),
                "exp(-4t/n)": constant(np.exp(-4) / 0.9),
            },
        ),
    ),
]

"""Theorems on real data, and with real data in every generation."""

from functools import partial

import numpy as np

from modelcollapse import datasets
from modelcollapse._support.checks import Floats
from modelcollapse.evidence import Cdf
from modelcollapse.families.kde.estimator import KDE
from modelcollapse.ledger.claims import BoundedClaim, Design, LawClaim, mean_claim
from modelcollapse.ledger.entries.kde.common import ANY, DERIVED, NORMAL, H, loop
from modelcollapse.ledger.entries.kde.densities import largest_error, last_draw
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import constant, expectation, quantity
from modelcollapse.loop.experiment import Experiment, predict
from modelcollapse.workflows import Accumulate, AnyWorkflow, FreshData, KeepReal, Replace

T = 6
REAL, SAMPLED, LAST = 6, 14, 8
SHARE = REAL / (REAL + SAMPLED)
FRESH = FreshData(REAL, SAMPLED)
ODDS = FreshData(REAL, SAMPLED, REAL / SAMPLED)  # what a share is mistaken for
PARAMETERS = f"d=1 real={REAL} synthetic={SAMPLED} h={H} t={LAST}"


def iris(workflow: object) -> Experiment:
    """Return a loop on the rows of iris, with tophat kernels."""
    data = datasets.load("iris", standardize=True)
    return Experiment(KDE(2.0, "tophat", 4), workflow, 20, T, data)  # type: ignore[arg-type]


def accumulated() -> Experiment:
    """Accumulate on iris."""
    return iris(Accumulate())


def kept() -> Experiment:
    """Half real rows on iris."""
    return iris(KeepReal(0.5))


def refreshed() -> Experiment:
    """Fresh real rows in every generation."""
    return loop(FRESH, n=REAL, t=LAST)


def held() -> Experiment:
    """As many real rows, the same ones in every generation."""
    sizes = [REAL, *[SAMPLED] * (LAST - 1)]
    return Experiment(refreshed().model, KeepReal(SHARE), sizes, LAST)


def _law(workflow: AnyWorkflow, e: Experiment) -> Cdf:
    law: Cdf = predict(loop(workflow, e.model.bandwidth, REAL, LAST)).laws["density"][-1].cdf
    return law


def _blurred_once(e: Experiment) -> Cdf:
    from scipy.special import ndtr

    width = np.sqrt(1 + e.model.bandwidth**2)

    def cdf(x: Floats) -> Floats:
        return np.asarray(ndtr(x / width))

    return cdf


def _bare(e: Experiment) -> Cdf:
    model = KDE(e.model.bandwidth, scoring_bandwidth=0.0)
    law: Cdf = predict(Experiment(model, FRESH, REAL, LAST)).laws["density"][-1].cdf
    return law


def _fresh_error(e: Experiment) -> float:
    return float(predict(refreshed())["mise"][e.generations - 1])


def _forgotten(e: Experiment, noises: float) -> float:
    """Return 1 + h^2 times so many noises, less what is not yet forgotten."""
    return float(1 + e.model.bandwidth**2 * noises * (1 - (1 - SHARE) ** (LAST - 1)))


THEOREMS = [
    Theorem(
        "kde/fresh-data/second-moment",
        "With a share alpha of fresh real rows the second moment follows one geometric series, "
        "whose sum is h^2 (1 - alpha) / alpha: all but that share of the noise is forgotten.",
        r"E\,\overline{|x-\mu_0|^2}=\sigma_0^2+h^2\frac{1-\alpha}\alpha\left(1-(1-\alpha)^{t-1}\right)",
        "derived here: theory/kde_fresh.py",
        f"{ANY}, here constant",
        "law",
        PARAMETERS,
        mean_claim(
            Design(refreshed, 200_000, at=(LAST,)),
            "second_moment",
            LAST,
            {
                "h^2 / alpha": lambda e: _forgotten(e, 1 / SHARE),
                "real over sampled rows for alpha": expectation(
                    "second_moment", LAST, workflow=ODDS
                ),
                "replace's": expectation("second_moment", LAST, workflow=Replace()),
                "no noise": constant(1.0),
            },
        ),
        keywords="diffusion early stopping denoising",
    ),
    Theorem(
        "kde/fresh-data/expected-density",
        "With a share alpha of real rows the expected density tends to a geometric mixture of "
        "blurs, at any number of rows.",
        r"E\hat p_{t+1}=[\alpha p_0+(1-\alpha)E\hat p_t]*K_h,\ "
        r"E\hat p_\infty=\sum_k\alpha(1-\alpha)^kp_0*N(0,(k+1)h^2)",
        "derived here: theory/kde_fresh.py",
        f"{NORMAL} (a mixture in general), constant h; fresh or kept real rows",
        "law",
        PARAMETERS,
        LawClaim(
            Design(refreshed, 300_000, ("draw",), at=(LAST,)),
            last_draw,
            partial(_law, FRESH),
            {
                "one blur only": _blurred_once,
                "real over sampled rows for alpha": partial(_law, ODDS),
                "replace's": partial(_law, Replace()),
                "without the fit's own blur": _bare,
            },
        ),
        keywords="diffusion early stopping denoising blur mixture",
    ),
    Theorem(
        "kde/keep-real/mise",
        "Real rows that are kept have the expected density of as many fresh ones, and a larger "
        "error: what is sampled descends from the very rows that stay.",
        r"F_{t+1}=\alpha^2R+2\alpha(1-\alpha)\kappa C_t+(1-\alpha)^2\left[\tfrac1s+(1-\tfrac1s)"
        r"\kappa^2F_t\right],\ C_{t+1}=\alpha R+(1-\alpha)\kappa C_t,\ R=q+\tfrac{1-q}r",
        "derived here: theory/kde_fresh.py",
        f"{NORMAL} (a mixture in general), any bandwidths",
        "law",
        PARAMETERS,
        BoundedClaim(
            Design(held, 65_000, ("mise",), at=(LAST,)),  # 52,000 tell accumulate's apart
            quantity("mise", LAST),
            expectation("mise", LAST),
            constant(0.0),
            largest_error,
            {
                "that of fresh rows": _fresh_error,
                "the bias alone": expectation("mise_bias", LAST),
                "accumulate's": expectation("mise", LAST, workflow=Accumulate()),
            },
        ),
        keywords="diffusion early stopping real data",
    ),
    Theorem(
        "kde/real-data/iris-accumulate",
        "The second moment of accumulate's rows on real data, with a compact kernel: only its "
        "variance h^2/(d + 2) per column matters.",
        r"E\,\overline{|x-\mu_0|^2}=\mathrm{tr}\,S_0+\frac{d\,h^2}{d+2}\sum_{s<t}\frac1{s+1}",
        DERIVED,
        "any truth, the rows of iris; tophat kernel",
        "law",
        f"d=4 n=20 h=2 t={T}",
        mean_claim(
            Design(accumulated, 150_000, at=(T,)),
            "second_moment",
            T,
            {
                "replace's": expectation("second_moment", T, workflow=Replace()),
                "the Gaussian kernel's": expectation("second_moment", T, model=KDE(2.0, dim=4)),
                "no noise": constant(1.0),
            },
        ),
    ),
    Theorem(
        "kde/keep-real/second-moment",
        "A constant share of real rows keeps the second moment bounded at a constant bandwidth: "
        "each generation forgets all but that share of the noise.",
        r"Q_{t+1}=\alpha\,Q_1+(1-\alpha)\,(Q_t+h^2)",
        DERIVED,
        "any truth, the rows of iris; tophat kernel",
        "law",
        f"d=4 n=20 h=2 share=0.5 t={T}",
        mean_claim(
            Design(kept, 150_000, at=(T,)),
            "second_moment",
            T,
            {
                "accumulate's": expectation("second_moment", T, workflow=Accumulate()),
                "two thirds real": expectation("second_moment", T, workflow=KeepReal(2 / 3)),
                "replace's": expectation("second_moment", T, workflow=Replace()),
            },
        ),
    ),
]

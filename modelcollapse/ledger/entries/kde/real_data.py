"""Theorems that need no density, on real data."""

from modelcollapse import datasets
from modelcollapse.families.kde.estimator import KDE
from modelcollapse.ledger.claims import Design, mean_claim
from modelcollapse.ledger.entries.kde.common import DERIVED
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import constant, expectation
from modelcollapse.loop.experiment import Experiment
from modelcollapse.workflows import Accumulate, KeepReal, Replace

T = 6


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


THEOREMS = [
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

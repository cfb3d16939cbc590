"""The first real batch, kept with a weight."""

from modelcollapse.families.gaussian.estimator import Gaussian
from modelcollapse.ledger.claims import Design, ExactClaim, MeanClaim
from modelcollapse.ledger.entries.mixed.fresh import DERIVED, FLOAT
from modelcollapse.ledger.entries.mixed.routes import kept_growth
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import constant, fixed, quantity, same, spread
from modelcollapse.loop.experiment import Experiment, predict
from modelcollapse.mixed.kept import kept_fixed_point, kept_squared_error
from modelcollapse.mixed.phase import critical_share
from modelcollapse.workflows import KeepReal

BERTRAND = "Bertrand et al., arXiv 2310.00429, gives a sufficient condition"


def kept() -> Experiment:
    """Eight real rows with a fourth of the weight, and five sampled ones each generation."""
    return Experiment(Gaussian(), KeepReal(0.25), samples=[8, *[5] * 5], generations=6)


def _kept(t: int = 6, share: float = 0.25, real: int = 8, curvature: float = -1.0) -> float:
    return FLOAT(kept_squared_error(t, share, real, 5, curvature))


def _recursion() -> float:
    """Return the Gaussian room's own recursion after 400 generations."""
    e = Experiment(Gaussian(), KeepReal(0.25), samples=[8, *[5] * 399], generations=400)
    return float(predict(e)["squared_error"][-1])


KEPT = Design(kept, 400_000)

THEOREMS = [
    Theorem(
        "mixed/keep-real/squared-error",
        "A real batch that is kept leaves its own error for ever; the sampled batches add theirs.",
        r"R_t=\tfrac1{n_1}+u^2\frac{1+v_2/n_1}{n}\,\frac{1-q^{t-1}}{1-q},\ q=u^2(1+v_2/n)",
        DERIVED,
        "weight a = 1 - u on n_1 real rows; here Gaussian, ddof 0 (v2 = -1)",
        "law",
        "n_1=8 n=5 a=0.25 t=6",
        MeanClaim(
            KEPT,
            quantity("squared_error", 6),
            lambda _: _kept(),
            spread("squared_error", 6),
            {
                "a known variance": lambda _: _kept(curvature=0.0),
                "half real": lambda _: _kept(share=0.5),
                "five real rows": lambda _: _kept(real=5),
                "the real batch alone": constant(1 / 8),
            },
        ),
    ),
    Theorem(
        "mixed/keep-real/limit",
        "The error settles at a value above that of the real batch.",
        r"R_\infty=\tfrac1{n_1}+\frac{u^2(1+v_2/n_1)}{n(1-u^2(1+v_2/n))}",
        DERIVED,
        "as before",
        "limit",
        "n_1=8 n=5 a=0.25, v2=-1, t=400",
        ExactClaim(
            same(lambda: FLOAT(kept_fixed_point(0.25, 8, 5, -1.0)), _recursion, 4000),
            {
                "fresh real rows instead": fixed((0.25**2 / 8 + 0.75**2 / 5) / (1 - 0.75**2 * 0.8)),
                "a known variance": lambda: FLOAT(kept_fixed_point(0.25, 8, 5)),
                "the real batch alone": fixed(1 / 8),
                "t = 10": lambda: _kept(10),
            },
        ),
    ),
    Theorem(
        "mixed/keep-real/critical-share",
        "The loop is bounded exactly if the real share is above 1 - (1 + v2/n)^(-1/2).",
        r"(1-a)^2(1+v_2/n)<1",
        f"{DERIVED}; {BERTRAND}",
        "variance function of curvature v2, here 1 (exponential)",
        "identity",
        "n=2 v2=1: the ratio of two steps of the error at the critical share",
        ExactClaim(
            same(lambda: kept_growth(FLOAT(critical_share(1.0 / 2)), 2, 1.0), fixed(1.0), 1000),
            {
                "no real data": lambda: kept_growth(0.0, 2, 1.0),
                "1 - (1 + v2/n)^-1": lambda: kept_growth(1 / 3, 2, 1.0),
                "any share, as for v2 = 0": lambda: kept_growth(1e-3, 2, 1.0),
                "half real": lambda: kept_growth(0.5, 2, 1.0),
            },
        ),
        keywords="how much real data needed",
    ),
    Theorem(
        "mixed/keep-real/matches-fresh-data",
        "Keeping the first real batch is as good as drawing fresh real rows of the same number "
        "and weight.",
        r"R_\infty^{\mathrm{keep}}=R_\infty^{\mathrm{fresh}}",
        "a plausible claim; refuted here",
        "ddof 0",
        "refuted",
        "n_1=8 n=5 a=0.25 t=400",
        ExactClaim(
            lambda: (
                (0.25**2 / 8 + 0.75**2 / 5) / (1 - 0.75**2 * 0.8),
                _recursion() * (1 - 1e-9),
                _recursion() * (1 + 1e-9),
            ),
            {
                "as good as the real batch": fixed(1 / 8),
                "as good as both batches, once": fixed(1 / 13),
                "as bad as replace": fixed(1.0),
            },
        ),
    ),
]

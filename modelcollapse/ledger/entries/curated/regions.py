"""Verified regions and the mean of what they let pass."""

import numpy as np

from modelcollapse.families.curated.estimator import RegionVerifier
from modelcollapse.families.curated.regions import (
    contraction_rate,
    distance_bound,
    kept_rows,
    population_means,
    variance_bounds,
    verified_round,
)
from modelcollapse.ledger.claims import Design, ExactClaim, MeanClaim, mean_claim
from modelcollapse.ledger.entries.curated.labels import DERIVED
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import Value, constant, fixed, quantity, same
from modelcollapse.loop.experiment import Experiment
from modelcollapse.workflows import Replace

YI = "Yi et al., arXiv 2510.16657 (linear models)"
CENTRE, RADIUS = 1.0, 1.5
ROOM_FOR_ERROR = 1.0 + 1e-12


def drifting() -> Experiment:
    """A verifier whose centre is one standard deviation off the truth."""
    return Experiment(RegionVerifier(CENTRE, RADIUS), Replace(), 50, 12)


def small() -> Experiment:
    """The same with four real rows, and one verified round."""
    return Experiment(RegionVerifier(CENTRE, RADIUS), Replace(), 4, 2)


def helpful() -> Experiment:
    """A verifier with the right centre, four real rows and forty verified ones."""
    return Experiment(RegionVerifier(0.0, 1.0), Replace(), [4, 40], 2)


def _series(a: float, terms: int = 40) -> float:
    """Return E X^2 of the standard normal on [-a, a] by the power series of its two integrals."""
    k = np.arange(terms)
    size = np.cumprod(np.concatenate([[1.0], -(a**2) / (2 * k[1:])]))
    return float((size * a**2 / (2 * k + 3)).sum() / (size / (2 * k + 1)).sum())


def _far() -> tuple[float, float, float]:
    """Return rho and the largest g(x)/x over offsets, which must not be above it."""
    a = RADIUS
    offsets = np.geomspace(1e-3, 1e3, 4001)
    steepest = float((kept_rows(offsets, a).mean / offsets).max())
    return contraction_rate(a) * ROOM_FOR_ERROR, steepest, np.inf


def _population() -> tuple[float, float, float]:
    """Enclose the limit, by the proved rate, from the loop after 60 rounds."""
    reached = float(population_means(-4.0, 1.0, 0.5, 1.0, 60)[-1])
    left = 5.0 * contraction_rate(0.5) ** 59 + 1e-14
    return 1.0, reached - left, reached + left


def _spread_of_kept() -> tuple[float, float, float]:
    """Return rho and the largest variance of the kept rows over offsets."""
    widest = float(kept_rows(np.linspace(0, 50, 5001), RADIUS).variance.max())
    return contraction_rate(RADIUS) * ROOM_FOR_ERROR, widest, np.inf


def _distance(t: int, **changes: float) -> Value:
    """Return the bound on E(m_t - c)^2/s^2 at generation t, or another formula of its kind."""

    def value(e: Experiment) -> float:
        if not changes:
            return float(distance_bound(e)[t - 1])
        rho, noise = changes.get("rho", contraction_rate(RADIUS)), changes["noise"]
        start = CENTRE**2 + 1 / 50
        bound = start
        for _ in range(t - 1):
            bound = rho**2 * bound + noise
        return bound

    return value


def _variance(t: int, column: int) -> Value:
    """Return the bound on the variance of (m_t - c)^2 (column 0) or (m_t - mu_0)^2 (1)."""
    return lambda e: float(variance_bounds(e)[column][t - 1])


DRIFTING, SMALL, HELPFUL = Design(drifting, 40_000), Design(small, 200_000), Design(helpful, 40_000)

THEOREMS = [
    Theorem(
        "curated/region/contraction-rate",
        "Near the verifier's centre a verified round shrinks the distance by the variance of the "
        "standard normal within the region.",
        r"\rho=1-\frac{2a\varphi(a)}{2\Phi(a)-1},\ a=r/s",
        f"{DERIVED}; {YI}",
        "normal rows of known spread, infinitely many",
        "identity",
        "a=1.5, by the power series of the integrals",
        ExactClaim(
            same(lambda: contraction_rate(1.5), lambda: _series(1.5), 100),
            {
                "a^2/3, as for a uniform law": fixed(0.75),
                "no contraction": fixed(1.0),
                "half the radius": lambda: contraction_rate(0.75),
                "one tail's density": lambda: (1 + contraction_rate(1.5)) / 2,
            },
        ),
    ),
    Theorem(
        "curated/region/contracts-everywhere",
        "The rate at the centre is the largest: any distance to the centre shrinks at least so "
        "much.",
        r"\left|E[X\mid\mathrm{kept}]-c\right|\le\rho\,|m-c|",
        DERIVED,
        "as before",
        "bound",
        "a=1.5, distances 0.001 to 1000",
        ExactClaim(
            _far,
            {
                "a tenth less": lambda: 0.9 * contraction_rate(RADIUS),
                "1 % less": lambda: 0.99 * contraction_rate(RADIUS),
                "its square": lambda: contraction_rate(RADIUS) ** 2,
            },
        ),
    ),
    Theorem(
        "curated/region/kept-variance",
        "The rows a region lets pass vary most where the model sits at its centre.",
        r"\mathrm{Var}[X\mid\mathrm{kept}]\le\rho s^2",
        "Ellis, Monroe & Newman (the GHS inequality), Commun. Math. Phys. 46 (1976)",
        "as before",
        "bound",
        "a=1.5, distances 0 to 50",
        ExactClaim(
            _spread_of_kept,
            {
                "a tenth less": lambda: 0.9 * contraction_rate(RADIUS),
                "1 % less": lambda: 0.99 * contraction_rate(RADIUS),
                "rho^2": lambda: contraction_rate(RADIUS) ** 2,
            },
        ),
    ),
    Theorem(
        "curated/region/finds-the-centre",
        "With infinitely many rows the loop converges to the verifier's centre from anywhere; the "
        "radius changes the rate alone.",
        r"m_t\to c",
        YI,
        "as before",
        "limit",
        "c=1, m_1=-4, r=0.5, t=60",
        ExactClaim(
            _population,
            {
                "the region's edge": fixed(0.5),
                "the first fit": fixed(-4.0),
                "half way": fixed(-1.5),
                "twelve rounds, a larger radius": lambda: float(
                    population_means(-4.0, 1.0, 2.0, 1.0, 12)[-1]
                ),
            },
        ),
    ),
    Theorem(
        "curated/region/distance-bound",
        "With n rows the distance to the centre is bounded at every generation: contraction, and "
        "the noise of n kept rows.",
        r"D_t\le\rho^2D_{t-1}+\rho s^2/n",
        DERIVED,
        "replace",
        "bound",
        "c=1 r=1.5 n=50 t=12",
        MeanClaim(
            DRIFTING,
            quantity("centre_distance", 12),
            _distance(12),
            _variance(12, 0),
            {
                "no noise": _distance(12, noise=0.0),
                "one round's noise": constant(contraction_rate(RADIUS) / 50),
                "the rate squared": _distance(
                    12, rho=contraction_rate(RADIUS) ** 2, noise=contraction_rate(RADIUS) / 50
                ),
            },
            side="above",
        ),
    ),
    Theorem(
        "curated/region/one-round",
        "One verified round leaves an error that is known exactly.",
        r"E(m_2-\mu_0)^2=E[(c+g(m_1-c)-\mu_0)^2+\mathrm{Var}[X\mid\mathrm{kept}]/n]",
        DERIVED,
        "replace",
        "law",
        "mu_0=0 c=1 r=1.5 n=4",
        mean_claim(
            SMALL,
            "squared_error",
            2,
            {
                "no verifier": constant(1 / 4 + 1 / 4),
                "a right verifier": lambda _: verified_round(4, 4, 0.0, RADIUS),
                "no noise": lambda _: verified_round(4, 10**9, CENTRE, RADIUS),
                "the real rows": constant(1 / 4),
            },
        ),
    ),
    Theorem(
        "curated/region/one-round-helps",
        "A verifier with the right centre makes many synthetic rows better than the few real ones "
        "they come from.",
        r"E(m_2-\mu_0)^2\le(\rho^2+\rho n_1/n_2)\,s^2/n_1",
        f"{YI}; {DERIVED}",
        "c = mu_0",
        "bound",
        "r=1 n_1=4 n_2=40",
        MeanClaim(
            HELPFUL,
            quantity("squared_error", 2),
            lambda e: float(distance_bound(e)[1]),
            _variance(2, 1),
            {
                "no noise and a faster rate": constant(contraction_rate(1.0) ** 3 / 4),
                "nothing left": constant(0.0),
                "a fifth of the bound": lambda e: 0.2 * float(distance_bound(e)[1]),
            },
            side="above",
        ),
    ),
    Theorem(
        "curated/region/keeps-the-truth",
        "A constant verifier keeps the loop near the truth: its error stays below ten times that "
        "of the first fit.",
        r"E(m_t-\mu_0)^2\le10\,s^2/n_1",
        "a plausible claim; refuted here: the loop goes to the verifier's centre in any case",
        "replace; the centre is one standard deviation off",
        "refuted",
        "c=1 r=1.5 n=50 t=12",
        MeanClaim(
            DRIFTING,
            quantity("squared_error", 12),
            constant(10 / 50),
            _variance(12, 1),
            {
                "the first fit's error": constant(1 / 50),
                "twice that": constant(2 / 50),
                "five times that": constant(5 / 50),
            },
            side="above",
        ),
    ),
]

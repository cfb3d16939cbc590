"""Linear regression: every derivation with the shipped prediction it must equal, every proof.

regression_loop      the loop itself, and its fits to given designs
regression_wishart   moments of (X'X)^{-1} and of projections, from chi-squares
regression_risk      the risk, the norm and their variances over replicates
regression_limits    their limits
regression_fresh     fresh real rows in every generation
regression_labels    fresh real labels of the inputs that are labelled anyhow
regression_ridge     one column and a penalty
regression_quadrature integrals over chi-squares and normals
regression_facts     structure, exchangeable designs, closed forms
"""

from dataclasses import replace
from itertools import product

from theory import (
    regression_facts,
    regression_fresh,
    regression_labels,
    regression_limits,
    regression_ridge,
    regression_risk,
    regression_wishart,
)
from theory.derivation import Derivation, Proof
from theory.regression_loop import RegressionDomain

HERE = "derived here"
GERSTGRASSER = "Gerstgrasser et al. 2404.01413, Theorem 2"
WEIGHTED = ("replace", "accumulate", "sliding-window", "keep-real", "weighted")
LIMITING = WEIGHTED[:-1]
SOLVED = ("replace", "accumulate")
SHORT_DIMS, LONG_DIMS = (5, 7, 12), (1, 2, 3, 7)
LABELLED = (4, 6, 9)

FIXED = RegressionDomain(WEIGHTED, designs=("fixed",), dims=LONG_DIMS, constant=True)
FIXED_SHORT = replace(FIXED, dims=SHORT_DIMS, gaps=(-2, -3, -4, -5))
EDGE = replace(FIXED, dims=(3, 6), gaps=(-1, 0, 1), generations=3)
FRESH = replace(FIXED, workflows=SOLVED, designs=("fresh",), constant=False)
# Batches shorter and longer than d: pools pass from one to the other, over |N - d| <= 1 or not.
FRESH_SHORT = replace(FRESH, dims=SHORT_DIMS, gaps=(-4, -3, -2, 2, 9))
WALK = replace(FRESH, workflows=("replace",))
FRESH_DATA = replace(FRESH, workflows=("fresh-data",), constant=True)
WALK_SHORT = replace(FRESH_SHORT, workflows=("replace",), gaps=(-5, -4, -3, 4, 9))
RIDGE = RegressionDomain(
    SOLVED, dims=(1,), constant=True, penalised=True, generations=4, gaps=(0, 1, 2, 4, 20)
)
RIDGE_SPREAD = replace(RIDGE, designs=("fixed",))
RIDGE_WALK = replace(RIDGE, designs=("fresh",), workflows=("replace",), constant=False)

_EXPECTED = (
    (
        "fixed", GERSTGRASSER, "sigma^2 d/(n-d-1) sum_s A_ts^2, any weights; t, then sum 1/s^2",
        FIXED,
    ),
    (
        "fixed-short", HERE, "shares of |w*|^2, and sigma^2 n/(d-n-1) sum_s A_ts^2 for n <= d-2",
        FIXED_SHORT,
    ),
    ("edge", HERE, "infinite for |n-d| <= 1", EDGE),
    (
        "fresh", HERE,
        "replace: sigma^2 sum d/(n_s-d-1); accumulate: sigma^2 sum (n_s/N_s) d/(N_s-d-1)", FRESH,
    ),
    (
        "fresh-short", HERE,
        "replace: r <- (n/d) r + (1-n/d)|w*|^2 + noise; accumulate: w* lost at t = 1 only",
        FRESH_SHORT,
    ),
)  # fmt: skip

_SPREAD = (
    (
        "fixed", "sigma^4 (E(tr S^-1)^2 + 2 E tr S^-2 - (E tr S^-1)^2) (sum A^2)^2, n > d + 3",
        FIXED,
    ),
    ("fixed-short", "the same, and the variance of a projection's length", FIXED_SHORT),
    ("fresh", "replace: sums of spherical vectors", WALK),
    ("fresh-short", "replace, minimum norm: four moments", WALK_SHORT),
)  # fmt: skip

_LIMITS = (
    (
        "fixed", "pi^2/6, 1/(h(2-h)) or infinite times the first risk",
        replace(FIXED, workflows=LIMITING, generations=1),
    ),
    (
        "fixed-short", "the same, and a share of |w*|^2",
        replace(FIXED_SHORT, workflows=LIMITING, generations=1),
    ),
    (
        "fresh", "accumulate: sigma^2 d/(d+1) (psi(1) - psi(1-(d+1)/n)); replace: infinite",
        replace(FRESH, constant=True, generations=1),
    ),
    (
        "fresh-short", "replace: |w*|^2 + sigma^2 nd/((d-n-1)(d-n)); accumulate: a digamma tail",
        replace(FRESH_SHORT, constant=True, generations=1),
    ),
)  # fmt: skip

_RIDGE = (
    ("expected", "risk", regression_ridge.risk, (RIDGE,)),
    ("expected", "norm", regression_ridge.norm, (RIDGE,)),
    ("variances", "risk", regression_ridge.risk_variance, (RIDGE_SPREAD, RIDGE_WALK)),
    ("variances", "norm", regression_ridge.norm_variance, (RIDGE_SPREAD, RIDGE_WALK)),
)

_LABELS = [
    Derivation(
        f"regression-{key}-{what}{design}-labels{short}", HERE, statement, f"{part}.{key}",
        values, domain,
    )
    for key in ("risk", "norm")
    for design, gaps in product(("fixed", "paired"), ((2, 3, 8), (-2, -3), (-1, 0, 1)))
    for short in ["" if gaps[0] == 2 else "-short" if gaps[0] == -2 else "-edge"]
    for what, part, statement, values in (
        (
            "", "expected", "labels w y + (1 - w) y' of the same inputs for ever, or of new ones",
            getattr(regression_labels, design)(key),
        ),
        ("limit-", "limits", "their fixed points", regression_labels.limit_of(key, design)),
    )
    for dims in [LABELLED if gaps[0] < 0 else LONG_DIMS]
    for domain in [replace(FRESH_DATA, designs=(design,), gaps=gaps, dims=dims)]
]  # fmt: skip

DERIVATIONS: tuple[Derivation, ...] = (
    *_LABELS,
    *[
        Derivation(
            f"regression-{key}-{name}", source, statement, f"expected.{key}",
            regression_risk.expected(key), domain,
        )
        for key in ("risk", "norm") for name, source, statement, domain in _EXPECTED
    ],
    *[
        Derivation(
            f"regression-{key}-variance-{name}", HERE, statement, f"variances.{key}",
            regression_risk.variance(key), domain,
        )
        for key in ("risk", "norm") for name, statement, domain in _SPREAD
    ],
    *[
        Derivation(
            f"regression-{key}-limit-{name}", HERE, statement, f"limits.{key}",
            regression_limits.limit_of(key), domain,
        )
        for key in ("risk", "norm") for name, statement, domain in _LIMITS
    ],
    *[
        Derivation(
            f"regression-{key}-ridge-{part}-{domain.designs[-1]}", HERE,
            "d = 1 with a penalty: integrals over chi-squares", f"{part}.{key}", values, domain,
        )
        for part, key, values, domains in _RIDGE for domain in domains
    ],
    *[
        Derivation(
            f"regression-{key}-{part}-fresh-data", HERE,
            "r <- g r + sigma^2 d/(N-d-1), g the cost of a shift of the sampled labels",
            f"{part}.{key}", values(key), FRESH_DATA,
        )
        for key in ("risk", "norm")
        for part, values in (
            ("expected", regression_fresh.expected), ("limits", regression_fresh.limit_of),
        )
    ],
)  # fmt: skip
PROOFS: tuple[Proof, ...] = (
    *regression_wishart.PROOFS,
    *regression_labels.PROOFS,
    *regression_facts.PROOFS,
    *regression_limits.PROOFS,
)

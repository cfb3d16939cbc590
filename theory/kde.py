"""Loops of kernel density estimates: every derivation with its shipped prediction; every proof.

`DERIVATIONS` pairs exact values with predictions; `PROOFS` are identities that must vanish.
The modules beside this one, from the definition upwards:

kde_truth       truths, and the numbers everything is computed in
kde_loop        the loop itself: workflows, kernels, bandwidths
kde_rows        E mean|x - mu_0|^2 and E mean|x - m|^2 of all workflows, from single rows
kde_fourth      the variance of the first over replicates
kde_spectrum    integrated squared errors, from polynomials in the kernels' transforms
kde_compact     their monomials for the tophat and Epanechnikov kernels
kde_density     the law of a sampled row: a mixture over genealogies
kde_losses      proved bounds on the test log-loss
kde_limits      limits in t
kde_steps       proofs of one step, for any size, generation and bandwidth
kde_shrinkage   which shrinking bandwidths keep which quantity bounded
kde_bootstrap   resampling without noise, and whether noise in between can help
kde_fresh       real rows that keep a share of the weight
kde_divergence  how slowly Jensen's bound of the log-loss diverges
"""

from dataclasses import replace

from theory import (
    kde_bootstrap,
    kde_compact,
    kde_density,
    kde_divergence,
    kde_fourth,
    kde_fresh,
    kde_limits,
    kde_losses,
    kde_rows,
    kde_shrinkage,
    kde_spectrum,
    kde_steps,
)
from theory.derivation import Derivation, Proof
from theory.kde_loop import KdeDomain
from theory.kde_steps import PAPER
from theory.weights_loop import FRESH

HERE = "derived here"
ALL = ("replace", "accumulate", "sliding-window", "keep-real", "accumulate-subsample", *FRESH)
PLAIN = ("replace", "accumulate", "accumulate-subsample")
ANY_TRUTH = ("standard", "normal", "mixture", "rows")
ANY_KERNEL = ("gaussian", "tophat", "epanechnikov")


def from_one(_: int) -> tuple[int, int]:
    """Return the smallest and the largest batch: a fit needs one row."""
    return 1, 9


MOMENTS = KdeDomain(
    ALL, dims=(1, 2, 3), truths=ANY_TRUTH, sizes=from_one, kernels=ANY_KERNEL, scored=True
)
# A covariance needs two rows.
SCALED = KdeDomain(ALL, dims=(1, 2, 3), truths=ANY_TRUTH, rules=("scaled",), scored=False)
LINE = KdeDomain(
    ALL,
    truths=("standard", "normal", "mixture"),
    sizes=from_one,
    generations=4,
    scored=True,
)
SPACE = replace(LINE, dims=(2, 3), truths=("standard", "isotropic"))
# Sums of compact noises have a piece for each choice of ends.
COMPACT = replace(LINE, kernels=("tophat", "epanechnikov"), generations=3)
LOSSES = replace(MOMENTS, kernels=("gaussian",), truths=(*ANY_TRUTH, "isotropic"), generations=3)

# One generation says all of a limit, so that batches can be large.
LIMITS = KdeDomain(
    PLAIN,
    dims=(1, 2),
    truths=ANY_TRUTH,
    constant=True,
    sizes=lambda _: (2, 300),
    generations=1,
    rows=300,
    options=False,
    kernels=ANY_KERNEL,
    rules=("constant", "power", "named"),
)
EXPLODING = replace(
    LIMITS, workflows=("replace", "accumulate-subsample"), rules=("power", "scaled")
)
REPLACE = replace(LIMITS, workflows=("replace",), rules=(*LIMITS.rules, "scaled"))
CONSTANT = replace(LIMITS, rules=("constant",))
SQUARES = replace(CONSTANT, truths=("standard", "isotropic"), kernels=("gaussian",))
CLUMPS = replace(SQUARES, workflows=EXPLODING.workflows, rules=LIMITS.rules)

_MOMENTS = [
    Derivation(
        f"kde-{slug}{where}", HERE, f"{what}{how}", f"expected.{key}", values, domain,
    )
    for slug, key, what, values in (
        (
            "second-moment", "second_moment", "E mean|x - mu_0|^2 / tr S_0",
            kde_rows.second_moment,
        ),
        (
            "central-variance", "central_variance", "E mean|x - m|^2 / tr S_0",
            kde_rows.central_variance,
        ),
    )
    for where, how, domain in (
        ("", ", bandwidths from sizes", MOMENTS),
        ("-scaled", ", bandwidths from the data", SCALED),
    )
]  # fmt: skip

_ERRORS = [
    Derivation(
        f"kde-{key.replace('_', '-')}{where}", HERE, f"{what}{how}", f"expected.{key}", values,
        domain,
    )
    for key, what, values in (
        ("mise", "the integral of E(fit - p_0)^2", kde_spectrum.mise),
        ("mise_bias", "the integral of (E fit - p_0)^2", kde_spectrum.mise_bias),
        ("mise_variance", "the integral of the variance of the fit", kde_spectrum.mise_variance),
    )
    for where, how, domain in (
        ("", ", normal kernel, one dimension", LINE),
        ("-space", ", normal kernel, s^2 I in d dimensions", SPACE),
        ("-compact", ", compact kernels, one dimension", COMPACT),
    )
]  # fmt: skip

_OTHERS = [
    Derivation(
        "kde-second-moment-variance", HERE, "Var mean|x - mu_0|^2 / tr S_0 over replicates",
        "variances.second_moment", kde_fourth.second_moment_variance, MOMENTS,
    ),
    Derivation(
        "kde-laws", PAPER, "the law of a sampled row: cdf, density, transform, mean, variance",
        "laws.density", kde_density.laws, LINE,
    ),
    Derivation(
        "kde-log-loss-lower", HERE, "the largest of three lower bounds on the test log-loss",
        "expected.test_log_loss_lower", kde_losses.lower, LOSSES,
    ),
    Derivation(
        "kde-log-loss-upper", HERE, "an upper bound on the test log-loss",
        "expected.test_log_loss_upper", kde_losses.upper, LOSSES,
    ),
]  # fmt: skip

_LIMITS = [
    Derivation(
        f"kde-limit-{slug}", HERE, statement, f"limits.{key}", getattr(kde_limits, key), domain,
    )
    for slug, key, statement, domain in (
        (
            "second-moment", "second_moment",
            "1 + c^2 kv d zeta(2a), or the sum of h_s^2/(s+1)", LIMITS,
        ),
        (
            "second-moment-scaled", "second_moment",
            "bandwidths from the data: a geometric series, or infinite", EXPLODING,
        ),
        ("central-variance", "central_variance", "replace: (n-1) h^2 kv d, or 0", REPLACE),
        (
            "central-variance-constant", "central_variance",
            "infinite where rows are kept, at constant h", CONSTANT,
        ),
        (
            "mise", "mise",
            "constant h: the integral of p_0^2 and what clumps leave", SQUARES,
        ),
        ("mise-clumps", "mise", "h -> 0: infinite", CLUMPS),
    )
]  # fmt: skip

DERIVATIONS: tuple[Derivation, ...] = (*_MOMENTS, *_ERRORS, *_OTHERS, *_LIMITS)
PROOFS: tuple[Proof, ...] = (
    *kde_steps.PROOFS,
    *kde_fourth.PROOFS,
    *kde_compact.PROOFS,
    *kde_density.PROOFS,
    *kde_losses.PROOFS,
    *kde_limits.PROOFS,
    *kde_shrinkage.PROOFS,
    *kde_fresh.PROOFS,
    *kde_bootstrap.PROOFS,
    *kde_divergence.PROOFS,
)

"""Discrete distributions: derivations with the shipped predictions, and proofs.

The modules beside this one, from the definition upwards:

weights_loop     which rows a fit uses, all workflows
discrete_loop    the loop itself, and the exact law of its counts
discrete_law     expectations under that law
discrete_limits  limits, and what stays the same for all t
discrete_facts   proofs: one step, time to collapse, survival
discrete_smoothing  fits with something added to all counts: proofs, limits
"""

from dataclasses import replace

from theory import discrete_facts, discrete_law, discrete_limits, discrete_smoothing
from theory.derivation import Derivation, Proof
from theory.discrete_facts import HERE
from theory.discrete_loop import DiscreteDomain
from theory.weights_loop import EDIT, SUBSAMPLE

SEDDIK = "Seddik et al. 2404.05090, extended here"
MOMENTS = DiscreteDomain()
DRIFT = DiscreteDomain(("replace", "accumulate", SUBSAMPLE), generations=4)
# Fewer than three rows are never all different.
DIFFERENT = replace(DRIFT, outcomes=(3, 4), generations=2, sizes=lambda _: (2, 4))
# Besides these, workflows that drop no real draw.
SYMBOLS = DiscreteDomain(("replace", "accumulate", SUBSAMPLE, "keep-real", "web"))
# All rows of a batch alike, so that one symbol's count is a Markov chain.
FRESH = DiscreteDomain(("fresh-data",), options=False)
EDITS = DiscreteDomain((EDIT,), sizes=lambda outcomes: (1, 6 - outcomes))
REPLACE = DiscreteDomain(
    ("replace",), outcomes=(2, 4), generations=6, sizes=lambda k: (1, 9 - 2 * k if k < 4 else 2)
)
# Only generation 1 matters, so that batches can be large.
POOL = DiscreteDomain(("accumulate",), outcomes=(2, 9), generations=5, sizes=lambda _: (1, 300))
ONE_SIZE = replace(
    POOL, workflows=("replace", "accumulate"), constant=True, generations=1, options=False
)
LIMITS = replace(ONE_SIZE, workflows=(*ONE_SIZE.workflows, SUBSAMPLE))
SMOOTHED = replace(MOMENTS, workflows=(*MOMENTS.workflows, EDIT), smoothed=True)
SMOOTHED_FRESH = replace(FRESH, smoothed=True)
SMOOTHED_ENTROPY = replace(SMOOTHED, workflows=("replace", "accumulate", SUBSAMPLE, EDIT))
SMOOTHED_ENDS = replace(LIMITS, sizes=lambda k: (1, 6 - k), outcomes=(2, 3), smoothed=True)

_EXPECTED = [
    Derivation(
        f"discrete-{name.replace('_', '-')}{suffix}", source, what,
        f"expected.{name}", getattr(discrete_law, name), domain,
    )
    for name, suffix, source, what, domain in (
        ("heterozygosity", "", SEDDIK, "E(1 - sum p_i^2), every workflow", MOMENTS),
        ("squared_error", "", HERE, "E|p_t - p_0|^2 / H_0, every workflow", MOMENTS),
        ("inflation", "", HERE, "n_1 E|p_t - p_0|^2 / H_0", MOMENTS),
        ("effective_samples", "", HERE, "the real draws that have this error", MOMENTS),
        ("absent", "", HERE, "E number of symbols of probability 0", SYMBOLS),
        ("missing_mass", "", HERE, "E of the true probability of the absent symbols", SYMBOLS),
        ("collapsed", "", HERE, "P(one symbol has all the probability)", SYMBOLS),
        ("any_absent", "", HERE, "P(some symbol has no probability)", SYMBOLS),
        ("any_absent", "-replace", HERE, "the same, more symbols and generations", REPLACE),
        ("absent", "-replace", HERE, "the same, more symbols and generations", REPLACE),
        ("collapsed", "-replace", HERE, "the same, more symbols and generations", REPLACE),
        ("entropy", "", HERE, "E of -sum p_i log p_i, in nats", DRIFT),
        ("absent", "-fresh", HERE, "the same with fresh real rows", FRESH),
        ("missing_mass", "-fresh", HERE, "the same with fresh real rows", FRESH),
        ("collapsed", "-fresh", HERE, "the same with fresh real rows", FRESH),
        ("any_absent", "-fresh", HERE, "the same with fresh real rows", FRESH),
        ("entropy", "-fresh", HERE, "the same with fresh real rows", FRESH),
        ("heterozygosity", "-edited", HERE, "H_0 prod (1 - f_t/n) of an edited set", EDITS),
        ("squared_error", "-edited", HERE, "what is lost of it", EDITS),
        ("absent", "-edited", HERE, "the same of an edited set", EDITS),
        ("missing_mass", "-edited", HERE, "the same of an edited set", EDITS),
        ("collapsed", "-edited", HERE, "the same of an edited set", EDITS),
        ("any_absent", "-edited", HERE, "the same of an edited set", EDITS),
        ("entropy", "-edited", HERE, "the same of an edited set", EDITS),
    )
]  # fmt: skip

_DIFFERENT = [
    Derivation(
        "discrete-three-different", HERE, "E of the chance that three draws all differ",
        "all_different.3", discrete_law.three_different, DIFFERENT,
    ),
    Derivation(
        "discrete-three-different-edited", HERE, "the same of an edited set",
        "all_different.3", discrete_law.three_different, replace(EDITS, outcomes=(3, 4)),
    ),
]  # fmt: skip

_VARIANCES = [
    Derivation(
        f"discrete-{name.replace('_', '-')}-variance{suffix}", HERE, f"its variance: {name}",
        f"variances.{name}", getattr(discrete_law, f"{name}_variance"), domain,
    )
    for name, suffix, domain in (
        ("heterozygosity", "", DRIFT),
        ("squared_error", "", DRIFT),
        ("inflation", "", DRIFT),
        ("absent", "", SYMBOLS),
        ("missing_mass", "", SYMBOLS),
        ("collapsed", "", SYMBOLS),
        ("any_absent", "", SYMBOLS),
        ("absent", "-fresh", FRESH),
        ("missing_mass", "-fresh", FRESH),
        ("collapsed", "-fresh", FRESH),
        ("heterozygosity", "-edited", EDITS),
        ("squared_error", "-edited", EDITS),
        ("absent", "-edited", EDITS),
        ("missing_mass", "-edited", EDITS),
        ("collapsed", "-edited", EDITS),
    )
]  # fmt: skip

_LIMITS = [
    Derivation(
        "discrete-absent-accumulate", HERE, "sum (1 - p_i)^{n_1} for all t",
        "expected.absent", discrete_limits.absent, POOL,
    ),
    Derivation(
        "discrete-collapsed-accumulate", HERE, "sum p_i^{n_1} for all t",
        "expected.collapsed", discrete_limits.collapsed, POOL,
    ),
    Derivation(
        "discrete-limit-heterozygosity", HERE, "0; H_0 sin(x)/x; the subsample's gamma ratio",
        "limits.heterozygosity", discrete_limits.heterozygosity, LIMITS,
    ),
    Derivation(
        "discrete-limit-squared-error", HERE, "1 - lim H_t / H_0",
        "limits.squared_error", discrete_limits.squared_error, LIMITS,
    ),
    Derivation(
        "discrete-limit-absent", HERE, "all symbols but one; what batch 1 lacks",
        "limits.absent", discrete_limits.last_absent, ONE_SIZE,
    ),
    Derivation(
        "discrete-limit-missing-mass", HERE, "H_0; what batch 1 lacks",
        "limits.missing_mass", discrete_limits.last_missing_mass, ONE_SIZE,
    ),
    Derivation(
        "discrete-limit-any-absent", HERE, "1; whether batch 1 lacks a symbol",
        "limits.any_absent", discrete_limits.last_any_absent,
        replace(ONE_SIZE, sizes=lambda _: (1, 60)),
    ),
    Derivation(
        "discrete-limit-collapsed", HERE, "1; whether batch 1 has one symbol",
        "limits.collapsed", discrete_limits.last_collapsed, ONE_SIZE,
    ),
]  # fmt: skip

_SMOOTHED = [
    Derivation(
        f"discrete-smoothed-{name.replace('_', '-')}{suffix}", HERE, what,
        f"expected.{name}", getattr(discrete_law, name), domain,
    )
    for name, suffix, what, domain in (
        ("heterozygosity", "", "E(1 - sum q_i^2) of smoothed fits", SMOOTHED),
        ("squared_error", "", "E|q_t - p_0|^2 / H_0 of smoothed fits", SMOOTHED),
        ("inflation", "", "n_1 times it", SMOOTHED),
        ("effective_samples", "", "the real draws that have this error", SMOOTHED),
        ("entropy", "", "E of -sum q_i log q_i, in nats", SMOOTHED_ENTROPY),
        ("heterozygosity", "-fresh", "the same with fresh real rows", SMOOTHED_FRESH),
        ("squared_error", "-fresh", "the same with fresh real rows", SMOOTHED_FRESH),
        ("entropy", "-fresh", "the same with fresh real rows", SMOOTHED_FRESH),
    )
] + [
    Derivation(
        f"discrete-smoothed-limit-{name.replace('_', '-')}", HERE, what,
        f"limits.{name}", getattr(discrete_smoothing, name), SMOOTHED_ENDS,
    )
    for name, what in (
        ("heterozygosity", "of the stationary law; accumulate's gammas"),
        ("squared_error", "the same of the error"),
    )
]  # fmt: skip

DERIVATIONS: tuple[Derivation, ...] = (
    *_EXPECTED, *_DIFFERENT, *_VARIANCES, *_LIMITS, *_SMOOTHED,
)  # fmt: skip
PROOFS: tuple[Proof, ...] = (*discrete_facts.PROOFS, *discrete_smoothing.PROOFS)

"""One-parameter exponential families: derivations with the shipped predictions, and proofs.

The modules beside this one, from the definition upwards:

weights_loop          which rows a fit uses, all workflows
exponential_families  the families, from their log-partition functions
exponential_loop      the loop itself
exponential_rows      E(m_t - m_0)^2 of all workflows, from E x_i x_j of single rows
exponential_fourth    E(m_t - m_0)^j, j <= 4, from the means of the batches' parts
exponential_subsample  the same for accumulate-subsample, from single rows
exponential_variances  third moments, and variances over replicates, from those moments
exponential_absorption  the probability of a degenerate fit
exponential_limits    closed forms and limits
exponential_facts     proofs: steps, closed forms, bounds, equivalences
exponential_skew      proofs: third moments, the law of a Poisson fit
"""

from dataclasses import replace

from theory import (
    exponential_absorption,
    exponential_facts,
    exponential_families,
    exponential_limits,
    exponential_rows,
    exponential_skew,
    exponential_variances,
)
from theory.derivation import Derivation, Proof
from theory.exponential_facts import HERE
from theory.exponential_loop import ExponentialDomain
from theory.weights_loop import DETERMINISTIC, EDIT, FRESH, SUBSAMPLE

MORRIS = "families of Morris 1982, derived here"
MOMENTS = ExponentialDomain()
FOURTH = ExponentialDomain((*DETERMINISTIC, *FRESH), generations=4)
# All subsets of the rows are enumerated: few rows.
SUBSETS = ExponentialDomain((SUBSAMPLE,), sizes=(1, 4), generations=3, rows=8)
# All histories of a set are: few rows.
EDITS = replace(SUBSETS, workflows=(EDIT,), sizes=(1, 3))
EDITED_ROWS = replace(EDITS, sizes=(1, 5), rows=15)
POISSON = replace(FOURTH, families=("Poisson",), generations=6, rows=60)
# All counts are enumerated: few rows.
BINOMIAL = ExponentialDomain(
    ("replace", "accumulate", "keep-real"), ("Binomial",), sizes=(1, 2), generations=3
)
KEPT = ExponentialDomain(("accumulate", "keep-real", "web"), ("NegativeBinomial", "Poisson"))
# One generation says all of a limit, so that batches can be large.
LIMITS = ExponentialDomain(
    ("replace", "accumulate", "sliding-window"),
    constant=True,
    sizes=(1, 300),
    generations=1,
    rows=300,
)
PRODUCTS = ExponentialDomain(
    ("replace", "accumulate"), sizes=(1, 1000), generations=8, rows=10**5
)  # fmt: skip

_VARIANCES = [
    Derivation(
        f"qvf-{name.replace('_', '-')}-variance{where}", MORRIS, f"variance of {what}{how}",
        f"variances.{name}", getattr(exponential_variances, name), domain,
    )
    for name, what, deterministic in (
        ("mean", "m_t / sqrt V(m_0)", FOURTH),
        ("squared_error", "(m_t - m_0)^2 / V(m_0)", FOURTH),
        ("inflation", "n_1 (m_t - m_0)^2 / V(m_0)", FOURTH),
        ("variance", "V(m_t) / V(m_0)", FOURTH),
    )
    for where, how, domain in (
        ("", ", deterministic workflows", deterministic),
        ("-subsample", ", accumulate-subsample, any budget", SUBSETS),
        ("-edited", ", an edited set", EDITS),
    )
]  # fmt: skip

_THIRD = [
    Derivation(
        f"qvf-cubed-error{where}", MORRIS, f"E ((m_t - m_0) / sqrt V(m_0))^3{how}",
        "expected.cubed_error", exponential_variances.cubed_error, domain,
    )
    for where, how, domain in (
        ("", ", deterministic workflows", FOURTH),
        ("-subsample", ", accumulate-subsample, any budget", SUBSETS),
        ("-edited", ", an edited set", EDITS),
    )
]  # fmt: skip

_LIMITS = [
    Derivation(
        f"qvf-limit-{name.replace('_', '-')}", HERE, statement,
        f"limits.{name}", getattr(exponential_limits, name), LIMITS,
    )
    for name, statement in (
        ("squared_error", "-1/v2 or infinity; accumulate: (sinh(x)/x - 1)/v2, sin for v2 < 0"),
        ("inflation", "the same times n"),
        ("variance", "1 + v2 times it"),
        ("effective_samples", "one over it"),
    )
]  # fmt: skip

DERIVATIONS: tuple[Derivation, ...] = (
    Derivation(
        "qvf-squared-error", MORRIS, "E(m_t - m_0)^2 / V(m_0), every family and workflow",
        "expected.squared_error", exponential_rows.squared_error, MOMENTS,
    ),
    Derivation(
        "qvf-variance", MORRIS, "E V(m_t) / V(m_0)",
        "expected.variance", exponential_rows.variance, MOMENTS,
    ),
    Derivation(
        "qvf-inflation", MORRIS, "n_1 E(m_t - m_0)^2 / V(m_0)",
        "expected.inflation", exponential_rows.inflation, MOMENTS,
    ),
    Derivation(
        "qvf-effective-samples", MORRIS, "the real rows that have this error",
        "expected.effective_samples", exponential_rows.effective_samples, MOMENTS,
    ),
    Derivation(
        "qvf-squared-error-edited", HERE, "E(m_t - m_0)^2 / V(m_0) of an edited set",
        "expected.squared_error", exponential_rows.squared_error, EDITED_ROWS,
    ),
    Derivation(
        "qvf-variance-edited", HERE, "E V(m_t) / V(m_0) of an edited set",
        "expected.variance", exponential_rows.variance, EDITED_ROWS,
    ),
    *_VARIANCES,
    *_THIRD,
    Derivation(
        "qvf-products", HERE, "(prod(1 + v2 n_s/N_s^2) - 1)/v2, any schedule",
        "expected.squared_error", exponential_limits.finite, PRODUCTS,
    ),
    *_LIMITS,
    Derivation(
        "qvf-absorbed-poisson", HERE, "P(m_t = 0), Poisson, by generating functions",
        "expected.absorbed", exponential_absorption.poisson, POISSON,
    ),
    Derivation(
        "qvf-absorbed-binomial", HERE, "P(m_t = 0 or trials), by the law of counts",
        "expected.absorbed", exponential_absorption.binomial, BINOMIAL,
    ),
    Derivation(
        "qvf-absorbed-kept", HERE, "P(m_t = 0) where no real row is dropped",
        "expected.absorbed", exponential_absorption.kept, KEPT,
    ),
)  # fmt: skip

PROOFS: tuple[Proof, ...] = (
    *exponential_families.PROOFS,
    *exponential_facts.PROOFS,
    *exponential_skew.PROOFS,
)

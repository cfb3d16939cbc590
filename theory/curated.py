"""Verified loops: every derivation with the shipped prediction it must equal, every proof.

curated_loop    the loops, and the arguments of the functions
curated_labels  the label verifier
curated_region  the region verifier
"""

from theory import curated_labels, curated_region
from theory.curated_loop import CuratedDomain
from theory.derivation import Derivation, Proof

HERE = "derived here"
KEPT = ("keep_correct", "keep_wrong")
LABELS, REGION = CuratedDomain(loop="labels"), CuratedDomain(loop="region")

_FUNCTIONS = (
    (
        "kept_label_error", "p psi / (p psi + (1-p) phi)",
        curated_labels.kept_label_error, ("label_error", *KEPT),
    ),
    ("break_down_point", "1/(1 + psi/phi)", curated_labels.break_down_point, KEPT),
    (
        "majority_correct", "P(most kept labels are right), a tie counted half",
        curated_labels.majority_correct, ("samples", "label_error", *KEPT),
    ),
    (
        "contraction_rate", "Var(Z | |Z| <= a) = 1 - 2 a phi(a)/(2 Phi(a) - 1)",
        curated_region.contraction_rate, ("radius", "spread"),
    ),
    (
        "population_means", "m_t = E[X | kept], X of N(m_{t-1}, s^2)",
        curated_region.population_means, ("start", "centre", "radius", "spread", "generations"),
    ),
    (
        "verified_round", "E of bias^2 + variance/kept of the second mean",
        curated_region.verified_round, ("real", "kept", "bias", "radius", "spread"),
    ),
)  # fmt: skip

DERIVATIONS: tuple[Derivation, ...] = (
    *[
        Derivation(
            "curated-" + key.replace("_", "-"), HERE, statement, f"curated.{key}", values,
            CuratedDomain(arguments),
        )
        for key, statement, values, arguments in _FUNCTIONS
    ],
    Derivation(
        "curated-label-error", HERE, "share of wrong inputs: a chain with two states",
        "expected.label_error", curated_labels.label_error, LABELS,
    ),
    Derivation(
        "curated-label-error-variance", HERE, "its variance over replicates",
        "variances.label_error", curated_labels.label_error_variance, LABELS,
    ),
    Derivation(
        "curated-label-error-limit", HERE, "the stationary share",
        "limits.label_error", curated_labels.label_error_limit,
        CuratedDomain(loop="labels", constant=True),
    ),
    Derivation(
        "curated-distance-bound", HERE, "D_t = rho^2 D_{t-1} + rho/n_t above E(m_t - c)^2/s^2",
        "curated.distance_bound", curated_region.distance_bound, REGION,
    ),
    Derivation(
        "curated-error-bounds", HERE, "E(m_t - mu_0)^2/s^2 between (B -+ sqrt D)^2",
        "curated.error_bounds", curated_region.error_bounds, REGION,
    ),
)  # fmt: skip
PROOFS: tuple[Proof, ...] = (*curated_labels.PROOFS, *curated_region.PROOFS)

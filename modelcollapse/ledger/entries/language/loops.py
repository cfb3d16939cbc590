"""Several generations of a transformer: the numbers of the discrete room, but for a slack."""

import numpy as np

from modelcollapse.families.discrete.truth import truth_of
from modelcollapse.ledger.entries.language.claims import NearMeanClaim
from modelcollapse.ledger.entries.language.common import (
    DERIVED,
    LAW,
    NEAR,
    POOLED,
    REPLACED,
    ROWS,
    SUBSAMPLED,
    N,
    T,
    loop,
)
from modelcollapse.ledger.entries.language.design import LanguageDesign
from modelcollapse.ledger.theorem import Theorem
from modelcollapse.ledger.values import Value, constant, expectation, quantity, spread
from modelcollapse.workflows import Accumulate, AccumulateSubsample, AnyWorkflow, Replace

V = len(LAW)
H0 = truth_of(loop(Replace())).heterozygosity
# Of |p - p_0|^2/H_0: from 0, or more, to that of the rarest answer alone.
FARTHEST = (1 - 2 * min(LAW) + 1 - H0) / H0
# |q - p_0|^2 - |p - p_0|^2 = sum (q - p)(q + p - 2 p_0), and a sum over TV is a difference of two
# entries of q + p - 2 p_0, at most.
STEEP = (2 - 2 * min(LAW) + 2 * max(LAW)) / H0


def _means(
    design: LanguageDesign,
    name: str,
    t: int,
    near: dict[str, Value],
    width: float,
    steepness: float,
) -> NearMeanClaim:
    """Claim a quantity's mean at generation t."""
    return NearMeanClaim(
        design,
        quantity(name, t),
        expectation(name, t),
        spread(name, t),
        near,
        width,
        steepness,
        (t - 1) * N,
    )


def _heterozygosity(design: LanguageDesign, t: int, near: dict[str, Value]) -> NearMeanClaim:
    """Claim it, of a law of at most `rows` answers; sum q^2 - sum p^2 is at most 2 TV."""
    rows = t * N if design is POOLED else N
    return _means(design, "heterozygosity", t, near, 1 - 1 / min(rows, V), 2.0)


def _other(name: str, t: int, workflow: AnyWorkflow) -> Value:
    return expectation(name, t, workflow=workflow)


def _fewer(name: str, t: int) -> Value:
    return expectation(name, t, samples=N - 1)


HET = "heterozygosity"
THEOREMS = [
    Theorem(
        "language/replace/heterozygosity",
        "A transformer that is trained on its own answers loses 1/n of the chance that two answers "
        "differ in each generation, as a discrete distribution does.",
        r"E\sum_aq_a^2=1-(1-\tfrac1n)^t\left(1-\sum_ap_a^2\right)",
        DERIVED,
        NEAR,
        "law",
        ROWS,
        _heterozygosity(
            REPLACED,
            T,
            {
                "accumulate's": _other(HET, T, Accumulate()),
                "accumulate-subsample's": _other(HET, T, AccumulateSubsample()),
                "one generation early": expectation(HET, T - 1),
                "of n - 1 rows": _fewer(HET, T),
            },
        ),
        keywords="collapse diversity transformer language model",
    ),
    Theorem(
        "language/accumulate/heterozygosity",
        "Where it is trained on all batches it keeps the share prod (1 - 1/(n j^2)).",
        r"E\left(1-\sum_aq_a^2\right)=\left(1-\sum_ap_a^2\right)\prod_{j\le t}"
        r"\left(1-\frac1{nj^2}\right)",
        DERIVED,
        NEAR,
        "law",
        f"{ROWS}; equal rows as one with a weight",
        _heterozygosity(
            POOLED,
            T,
            {
                "replace's": _other(HET, T, Replace()),
                "accumulate-subsample's": _other(HET, T, AccumulateSubsample()),
                "of n - 1 rows": _fewer(HET, T),
            },
        ),
        keywords="bounded survive transformer language model",
    ),
    Theorem(
        "language/accumulate-subsample/heterozygosity",
        "On n rows of all batches it is between the two.",
        r"E\left(1-\sum_aq_a^2\right)=\left(1-\tfrac1n\right)A_t,\ "
        r"A_t\ \mathrm{of\ two\ rows\ of\ the\ pool}",
        DERIVED,
        NEAR,
        "law",
        ROWS,
        _heterozygosity(
            SUBSAMPLED,
            T,
            {
                "replace's": _other(HET, T, Replace()),
                "accumulate's": _other(HET, T, Accumulate()),
                "of n - 1 rows": _fewer(HET, T),
            },
        ),
        keywords="budget transformer language model",
    ),
    Theorem(
        "language/accumulate-subsample/second-generation",
        "Its second generation alone loses more than any of accumulate's after the first.",
        r"E\left(1-\sum_aq_a^2\right)=\left(1-\tfrac1n\right)A_2",
        DERIVED,
        NEAR,
        "law",
        ROWS.replace(f"t={T}", "t=2"),
        _heterozygosity(
            SUBSAMPLED,
            2,
            {
                "one generation early": expectation(HET, 1),
                "accumulate's": _other(HET, 2, Accumulate()),
                "of n - 1 rows": _fewer(HET, 2),
            },
        ),
        keywords="budget transformer language model",
    ),
    Theorem(
        "language/replace/absent",
        "A transformer forgets answers as binomial chains lose theirs: each alone.",
        r"E\,\#\mathrm{absent}=\sum_aP(\mathrm{chain\ of}\ n\ \mathrm{rows,\ from}\ p_a,"
        r"\ \mathrm{is\ at}\ 0)",
        DERIVED,
        NEAR,
        "law",
        ROWS,
        _means(
            REPLACED,
            "absent",
            T,
            {
                "accumulate's": _other("absent", T, Accumulate()),
                "accumulate-subsample's": _other("absent", T, AccumulateSubsample()),
                "one generation early": expectation("absent", T - 1),
                "of n - 1 rows": _fewer("absent", T),
            },
            N - 1.0,
            0.0,
        ),
        keywords="survival tail mode lost transformer language model",
    ),
    Theorem(
        "language/replace/squared-error",
        "Its squared error grows like c_t = t at first, and exactly like n (1 - (1 - 1/n)^t).",
        r"E|q_t-p|^2=\left(1-(1-\tfrac1n)^t\right)\left(1-\sum_ap_a^2\right)",
        DERIVED,
        NEAR,
        "law",
        ROWS,
        _means(
            REPLACED,
            "squared_error",
            T,
            {
                "accumulate's": _other("squared_error", T, Accumulate()),
                "large n: t/n": constant(T / N),
                "of n - 1 rows": _fewer("squared_error", T),
            },
            FARTHEST,
            STEEP,
        ),
        keywords="excess transformer language model",
    ),
    Theorem(
        "language/accumulate/squared-error",
        "Under accumulate it grows like c_t = 1 + 1/4 + ... + 1/t^2, to leading order.",
        r"E|q_t-p|^2=\left(1-\prod_{j\le t}\left(1-\frac1{nj^2}\right)\right)"
        r"\left(1-\sum_ap_a^2\right)",
        DERIVED,
        NEAR,
        "law",
        f"{ROWS}; equal rows as one with a weight",
        _means(
            POOLED,
            "squared_error",
            T,
            {
                "replace's": _other("squared_error", T, Replace()),
                "accumulate-subsample's": _other("squared_error", T, AccumulateSubsample()),
                "large n: pi^2/6n": constant(np.pi**2 / 6 / N),
                "of n - 1 rows": _fewer("squared_error", T),
            },
            FARTHEST,
            STEEP,
        ),
        keywords="excess bounded transformer language model",
    ),
]

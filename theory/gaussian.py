"""Gaussian loops: every derivation with the shipped prediction it must equal, and every proof.

`DERIVATIONS` pairs exact values with predictions; `PROOFS` are identities that must vanish.
The modules beside this one, from the definition upwards:

gaussian_loop        the loop itself
gaussian_rows        E v_t and E m_t^2 of all workflows, from E x_i x_j of single rows
gaussian_batches     fourth moments of deterministic workflows, from batches
gaussian_subsample   fourth moments of accumulate-subsample, from single rows
gaussian_variances   variances over replicates, in any dimension
gaussian_logs        replace: logarithms, determinants, roots, W2
gaussian_loss        replace: test loss
gaussian_accumulate  accumulate: the same where it exists
gaussian_determinant  expected determinants, from single rows; bounds on E log det
gaussian_spectrum    accumulate in any dimension: losses, and bounds by a step's spectrum
gaussian_steps       proofs of one step, for any size, generation and temperature
gaussian_limits      closed forms in t and their limits
gaussian_forms       proofs that those forms solve the recursions
gaussian_facts       schedules, temperature, weights
gaussian_selection   selected rows
gaussian_floor       a floor under every fitted variance
"""

from dataclasses import replace

from theory import (
    gaussian_accumulate,
    gaussian_determinant,
    gaussian_facts,
    gaussian_floor,
    gaussian_forms,
    gaussian_limits,
    gaussian_logs,
    gaussian_loss,
    gaussian_rows,
    gaussian_selection,
    gaussian_spectrum,
    gaussian_steps,
)
from theory.derivation import Derivation, Domain, Proof
from theory.gaussian_steps import PAPER
from theory.gaussian_variances import variance_of
from theory.weights_loop import DETERMINISTIC, EDIT, FRESH

HERE = "derived here"
WEIGHTED = (*DETERMINISTIC, *FRESH)
ALL = (*WEIGHTED, "accumulate-subsample")
ANY_TRUTH = ("standard", "normal", "rows")
NORMAL_TRUTH = ("standard", "normal")

MOMENTS = Domain(ALL, dims=(1, 2, 3), truths=ANY_TRUTH)
FOURTH = Domain(DETERMINISTIC, dims=(1, 2, 3), truths=ANY_TRUTH, generations=4)
# Two parts in every batch: fewer batches.
FRESH_FOURTH = Domain(FRESH, dims=(1, 2, 3), truths=ANY_TRUTH, generations=3)
# All subsets of the rows are enumerated: few rows.
SUBSETS = Domain(
    ("accumulate-subsample",),
    dims=(1, 2, 3),
    truths=ANY_TRUTH,
    sizes=lambda _: (2, 4),
    generations=3,
    rows=8,
)
# All histories of a set are: few rows.
EDITS = replace(SUBSETS, workflows=(EDIT,), sizes=lambda _: (2, 3))
EDITED_ROWS = replace(EDITS, sizes=lambda _: (2, 5), rows=15)
REPLACE = Domain(("replace",), sizes=lambda dim: (dim + 1, 12), truths=NORMAL_TRUTH)
ANY_DIM = replace(REPLACE, dims=(1, 2, 3, 4))
POOL = Domain(("accumulate",), generations=3, truths=NORMAL_TRUTH)
# The predictions of the degenerate case: no more rows than columns, of one size.
DEGENERATE = Domain(("replace",), dims=(3, 4, 5), sizes=lambda dim: (2, dim), constant=True)
# Determinants of sets of rows are expanded row by row: few rows.
DETERMINANTS = Domain(
    ("replace", "accumulate", "accumulate-subsample"),
    dims=(1, 2, 3),
    truths=ANY_TRUTH,
    sizes=lambda dim: (max(2, dim), 5),
    generations=3,
    rows=11,
)
BOUNDS = replace(
    DETERMINANTS,
    workflows=("accumulate",),
    dims=(2, 3),
    truths=NORMAL_TRUTH,
    sizes=lambda dim: (dim + 1, 5),
)
# More rows at first than d + 2.
LOSSES = replace(BOUNDS, sizes=lambda dim: (dim + 3, 9), rows=27)
# One generation says all of a limit, so that batches can be large.
CONSTANT = Domain(
    ("replace",), dims=(1, 3), sizes=lambda _: (2, 300), constant=True, generations=1, rows=300
)
LIMITS = replace(CONSTANT, workflows=("accumulate",), truths=ANY_TRUTH)
EQUAL_BUDGET = replace(LIMITS, workflows=("accumulate-subsample",), tempered=False, options=False)

LIMIT_STATEMENTS = {
    "replace": "0, 1 - 1/n or infinity, by the sign of q - 1, q = lambda (n-1)/(n-ddof)",
    "accumulate": "sin(pi/sqrt n)/(pi/sqrt n); a gamma ratio at ddof 1; t^(lambda-1) otherwise",
    "accumulate-subsample": "(1-1/n)^2 G(1-1/n)/(G(1-a)G(1-b)) at ddof 0; infinite at ddof 1",
}

_FIRST = [
    Derivation(
        "variance", PAPER, "E tr S_t / tr S_0, any workflow, schedule, ddof, temperature, truth",
        "expected.variance", gaussian_rows.variance, MOMENTS,
    ),
    Derivation(
        "squared-error", PAPER, "E|m_t - mu_0|^2 / tr S_0, likewise",
        "expected.squared_error", gaussian_rows.squared_error, MOMENTS,
    ),
    Derivation(
        "second-moment", HERE, "their sum, 1 at ddof 0 and temperature 1",
        "expected.second_moment", gaussian_rows.second_moment, MOMENTS,
    ),
    Derivation(
        "variance-edited", HERE, "prod (1 + e_t (lambda (n-1)/(n-c) - 1 + 1/n) - f_t/n)",
        "expected.variance", gaussian_rows.variance, EDITED_ROWS,
    ),
    Derivation(
        "squared-error-edited", HERE, "E|m_t - mu_0|^2 / tr S_0 of an edited set",
        "expected.squared_error", gaussian_rows.squared_error, EDITED_ROWS,
    ),
]  # fmt: skip

_FOURTH = [
    Derivation(
        f"{name}-variance{where}", HERE, f"variance of {what} over replicates{how}",
        f"variances.{name}", variance_of(name), domain,
    )
    for name, what in (
        ("variance", "tr S_t / tr S_0"),
        ("squared_error", "|m_t - mu_0|^2 / tr S_0"),
        ("second_moment", "(|m_t - mu_0|^2 + tr S_t) / tr S_0"),
    )
    for where, how, domain in (
        ("", ", deterministic workflows", FOURTH),
        ("-fresh", ", fresh real rows", FRESH_FOURTH),
        ("-subsample", ", accumulate-subsample, any budget", SUBSETS),
        ("-edited", ", an edited set", EDITS),
    )
]  # fmt: skip

_FLOORED = [
    *[
        Derivation(
            f"{name}-floored{where}", HERE, f"E of {name} with a floor, any truth, d, ddof, heat",
            f"expected.{name}", getattr(gaussian_rows, name), replace(domain, floors=True),
        )
        for name in ("variance", "squared_error", "second_moment")
        for where, domain in (("", MOMENTS), ("-edited", EDITED_ROWS))
    ],
    *[
        Derivation(
            f"{name}-variance-floored{where}", HERE, f"variance of {name} with a floor",
            f"variances.{name}", gaussian_floor.variance_of(name), replace(domain, floors=True),
        )
        for name in ("variance", "squared_error", "second_moment")
        for where, domain in (("", FOURTH), ("-fresh", replace(FRESH_FOURTH, dims=(1,))))
    ],
]  # fmt: skip

_LOGS = [
    Derivation(
        "log-variance", "Bertrand et al. 2310.00429", "E log v_t: sum of psi((n-1)/2) + log(2/c)",
        "expected.log_variance", gaussian_logs.log_determinant, REPLACE,
    ),
    Derivation(
        "log-variance-variance", HERE, "Var log v_t: sum of psi_1((n-1)/2)",
        "variances.log_variance", gaussian_logs.log_determinant_variance, REPLACE,
    ),
    Derivation(
        "log-determinant", HERE, "E log det S_t: sum of psi((n-i)/2) + log(2/c) over i <= d",
        "expected.log_determinant", gaussian_logs.log_determinant, ANY_DIM,
    ),
    Derivation(
        "log-determinant-variance", HERE, "Var log det S_t: sum of psi_1((n-i)/2)",
        "variances.log_determinant", gaussian_logs.log_determinant_variance, ANY_DIM,
    ),
    Derivation(
        "pseudo-log-determinant", HERE, "the same over the n - 1 non-zero eigenvalues, n <= d",
        "expected.pseudo_log_determinant", gaussian_logs.pseudo_log_determinant, DEGENERATE,
    ),
    Derivation(
        "pseudo-log-determinant-variance", HERE, "its variance",
        "variances.pseudo_log_determinant", gaussian_logs.pseudo_log_determinant_variance,
        DEGENERATE,
    ),
    Derivation(
        "lyapunov", "Newman 1986", "psi((n-i)/2) + log(2 lambda/c), i <= min(d, n-1)",
        "exponents.lyapunov", gaussian_logs.lyapunov, replace(CONSTANT, dims=(1, 2, 3, 5)),
    ),
    Derivation(
        "accumulate-log-variance", HERE, "E log v_t under accumulate, by a Laplace transform",
        "expected.log_variance", gaussian_accumulate.log_variance, POOL,
    ),
    Derivation(
        "accumulate-log-variance-variance", HERE, "Var log v_t under accumulate",
        "variances.log_variance", gaussian_accumulate.log_variance_variance, POOL,
    ),
]  # fmt: skip

_DETERMINANTS = [
    Derivation(
        "determinant", HERE, "E det S_t / det S_0, any schedule, budget, ddof, temperature, truth",
        "expected.determinant", gaussian_determinant.determinant, DETERMINANTS,
    ),
    Derivation(
        "determinant-edited", HERE, "the same of an edited set",
        "expected.determinant", gaussian_determinant.determinant,
        replace(EDITS, sizes=lambda dim: (max(2, dim), 4), dims=(1, 2)),
    ),
    Derivation(
        "determinant-spread-replace", HERE, "its variance under replace",
        "variances.determinant", gaussian_determinant.determinant_variance, ANY_DIM,
    ),
    Derivation(
        "log-determinant-upper", HERE, "by Gauss' rule for each step, or by Jensen after S_1",
        "expected.log_determinant_upper", gaussian_spectrum.log_upper, BOUNDS,
    ),
    Derivation(
        "log-determinant-lower", HERE, "by Radau's rule for each step",
        "expected.log_determinant_lower", gaussian_spectrum.log_lower, BOUNDS,
    ),
]  # fmt: skip

_DISTANCES = [
    Derivation(
        "w2", "Shumailov et al. 2024, Theorem 3.1", "E W2^2: 2 - 2 b^t, or 2 + t/n - 2 c4^t",
        "expected.w2_squared", gaussian_logs.w2_squared, REPLACE,
    ),
    Derivation(
        "w2-variance", HERE, "Var W2^2",
        "variances.w2_squared", gaussian_logs.w2_squared_variance, REPLACE,
    ),
    Derivation(
        "accumulate-w2", HERE, "E W2^2 under accumulate",
        "expected.w2_squared", gaussian_accumulate.w2_squared, POOL,
    ),
    Derivation(
        "accumulate-w2-lower", HERE, "E tr sqrt(S_t) by Gauss' rule, or as in one dimension",
        "expected.w2_squared_lower", gaussian_spectrum.distance_lower, BOUNDS,
    ),
    Derivation(
        "accumulate-w2-upper", HERE, "E tr sqrt(S_t) as a product of steps by Radau's rule",
        "expected.w2_squared_upper", gaussian_spectrum.distance_upper, BOUNDS,
    ),
    Derivation(
        "accumulate-test-loss", HERE, "E of -log fitted density at a real row, d = 1",
        "expected.test_log_loss", gaussian_spectrum.line_loss,
        replace(POOL, sizes=lambda _: (4, 9)),
    ),
    Derivation(
        "accumulate-test-loss-variance", HERE, "its variance",
        "variances.test_log_loss", gaussian_spectrum.line_loss_variance,
        replace(POOL, sizes=lambda _: (6, 12)),
    ),
    Derivation(
        "accumulate-test-loss-lower", HERE, "d > 1, from below, by the rules for each step",
        "expected.test_log_loss_lower", gaussian_spectrum.loss_lower, LOSSES,
    ),
    Derivation(
        "accumulate-test-loss-upper", HERE, "d > 1, from above, by the rules for each step",
        "expected.test_log_loss_upper", gaussian_spectrum.loss_upper, LOSSES,
    ),
    Derivation(
        "test-loss", HERE, "E of -log fitted density at a real row; infinite iff some n <= d + 2",
        "expected.test_log_loss", gaussian_loss.test_log_loss, ANY_DIM,
    ),
    Derivation(
        "test-loss-variance", HERE, "its variance at d = 1; infinite iff some n <= 5",
        "variances.test_log_loss", gaussian_loss.test_log_loss_variance, REPLACE,
    ),
]  # fmt: skip

_LIMITS = [
    *[
        Derivation(
            f"limit-variance-{domain.workflows[0]}", HERE, LIMIT_STATEMENTS[domain.workflows[0]],
            "limits.variance", gaussian_limits.variance, domain,
        )
        for domain in (CONSTANT, LIMITS, EQUAL_BUDGET)
    ],
    *[
        Derivation(
            f"limit-squared-error-{domain.workflows[0]}", HERE, "limit of E|m_t - mu_0|^2 / tr S_0",
            "limits.squared_error", gaussian_limits.squared_error, domain,
        )
        for domain in (CONSTANT, replace(LIMITS, ddofs=(0,), tempered=False), EQUAL_BUDGET)
    ],
    *[
        Derivation(
            f"limit-determinant-{domain.workflows[0]}", HERE, what,
            "limits.determinant", gaussian_determinant.limit, domain,
        )
        for domain, what in (
            (replace(CONSTANT, dims=(1, 2, 3)), "0, the first factor or infinity"),
            (
                replace(LIMITS, ddofs=(0,), tempered=False, dims=(2, 3, 4), truths=NORMAL_TRUTH),
                "prod 1/Gamma(1 - r) over the roots r of P_D",
            ),
            (
                replace(EQUAL_BUDGET, ddofs=(0,), dims=(1, 2, 3)),
                "gamma functions of the zeros of a polynomial",
            ),
        )
    ],
    Derivation(
        "power", HERE, "E v_t grows like t^p", "exponents.power",
        lambda loop: [gaussian_limits.growth(loop)],
        replace(LIMITS, workflows=("accumulate", "accumulate-subsample")),
    ),
]  # fmt: skip

DERIVATIONS: tuple[Derivation, ...] = (
    *_FIRST,
    *_FOURTH,
    *_FLOORED,
    *_LOGS,
    *_DETERMINANTS,
    *_DISTANCES,
    *_LIMITS,
)
PROOFS: tuple[Proof, ...] = (
    *gaussian_steps.PROOFS,
    *gaussian_forms.PROOFS,
    *gaussian_facts.PROOFS,
    *gaussian_accumulate.PROOFS,
    *gaussian_selection.PROOFS,
    *gaussian_floor.PROOFS,
    *gaussian_spectrum.PROOFS,
    *gaussian_determinant.PROOFS,
)

"""Statements about the loop of regressions: structure, exchangeability, other papers' formulas."""

from dataclasses import replace
from itertools import permutations, product
from typing import Any

from sympy import QQ, Expr, Integer, Matrix, Rational, Symbol, exp, integrate, oo, sqrt, symbols

from theory.derivation import Proof
from theory.regression_loop import ONE, Loop, fits
from theory.regression_risk import State, noise_gains, replaced
from theory.regression_wishart import Pair, inverse, projection_pair

HALF = Rational(1, 2)


def design(rows: int, dim: int, seed: int) -> Matrix:
    """Return a matrix of small whole numbers, of full rank."""
    matrix = Matrix(rows, dim, lambda i, j: ((i + seed) * (2 * j + 3) ** 2 + i * j * seed) % 11 - 5)
    assert matrix.rank() == min(rows, dim)
    return matrix


def example(workflow: str, sizes: tuple[int, ...], dim: int, option: Any = None) -> Loop:
    """Return a loop whose fixed part matters only."""
    return Loop(workflow, sizes, "fixed", Integer(1), (Integer(1),) * dim, option)


def fixed_structure() -> list[Expr]:
    """Any weights, fixed X: w_t = H w* + sum_s A_ts X^+ eps_s, with more and with fewer rows."""
    matrix = ((1,), (HALF, HALF), (Rational(1, 5), 0, Rational(4, 5)))
    cases = [("replace", None), ("accumulate", None), ("keep-real", HALF), ("weighted", matrix)]
    residuals: list[Expr] = []
    for (workflow, option), (n, d) in product(cases, ((4, 2), (2, 3))):
        loop, fixed = example(workflow, (n,) * 3, d, option), design(n, d, 1)
        inverse_design = fixed.pinv()
        for (truth, noises), gain in zip(
            fits(loop, [fixed] * 3)[1:], noise_gains(loop), strict=True
        ):
            covariance = sum((k * k.T for k in noises), Matrix.zeros(d))
            residuals += truth - inverse_design * fixed
            residuals += covariance - gain * inverse_design * inverse_design.T
    return residuals


def fresh_structure() -> list[Expr]:
    """Fresh X: w_t = H_t w_{t-1} + X_t^+ eps_t (replace), w_{t-1} + S_t^+ X_t' eps_t (accumulate).

    The second needs t >= 2 only, and holds with fewer rows than columns in the first pools.
    """
    residuals: list[Expr] = []
    for sizes, d in (((3, 4, 3), 2), ((2, 3, 4), 4), ((1, 2, 2), 4)):
        designs = [design(n, d, s) for s, n in enumerate(sizes, 1)]
        replaced_fits = fits(example("replace", sizes, d), designs)
        pooled_fits = fits(example("accumulate", sizes, d), designs)
        gram = Matrix.zeros(d)
        for t, x in enumerate(designs, 1):
            plus = x.pinv()
            residuals += replaced_fits[t][0] - plus * x * replaced_fits[t - 1][0]
            residuals += replaced_fits[t][1][t - 1] - plus
            for s in range(t - 1):
                residuals += replaced_fits[t][1][s] - plus * x * replaced_fits[t - 1][1][s]
            gram += x.T * x
            first = plus * x if t == 1 else Matrix.eye(d)
            residuals += pooled_fits[t][0] - first * pooled_fits[t - 1][0]
            residuals += pooled_fits[t][1][t - 1] - gram.pinv() * x.T
            for s in range(t - 1):
                residuals += pooled_fits[t][1][s] - pooled_fits[t - 1][1][s]
    return residuals


def ridge_structure() -> list[Expr]:
    """A penalty: (S + kappa) w_t = S w_{t-1} + X_t'eps_t (replace), and as above (accumulate)."""
    residuals: list[Expr] = []
    for sizes, d in (((3, 4, 3), 2), ((1, 2, 2), 1), ((2, 2, 3), 3)):
        designs = [design(n, d, s) for s, n in enumerate(sizes, 1)]
        loops = [
            replace(example(workflow, sizes, d), ridge=Rational(3, 2))
            for workflow in ("replace", "accumulate")
        ]
        last, pooled = (fits(loop, designs) for loop in loops)
        gram = penalty = Rational(3, 2) * Matrix.eye(d)
        for t, x in enumerate(designs, 1):
            residuals += (penalty + x.T * x) * last[t][0] - x.T * x * last[t - 1][0]
            residuals += (penalty + x.T * x) * last[t][1][t - 1] - x.T
            gram += x.T * x
            residuals += gram * pooled[t][1][t - 1] - x.T
            if t > 1:
                residuals += pooled[t][0] - pooled[t - 1][0]
                residuals += pooled[t][1][0] - pooled[t - 1][1][0]
    return residuals


def exchangeable() -> list[Expr]:
    """Any exchangeable design: risk_t = sigma^2 sum_i (n_i/N_i) E tr S_i^{-1} under accumulate.

    Six rows in random order, batches of 3, 2 and 1: the loop itself, averaged over all orders
    that matter.
    """
    rows = [(1, 0), (1, 1), (2, 1), (1, 3), (0, 2), (3, -1)]
    sizes = (3, 2, 1)
    loop, residuals = example("accumulate", sizes, 2), []
    # Orders within a batch change nothing.
    orders = [p for p in permutations(range(6)) if list(p[:3]) == sorted(p[:3]) and p[3] < p[4]]
    risks, traces = [Integer(0)] * 3, [Integer(0)] * 3
    for order in orders:
        parts = (order[:3], order[3:5], order[5:])
        designs = [Matrix([rows[i] for i in part]) for part in parts]
        maps, gram = fits(loop, designs), Matrix.zeros(2)
        for t in range(3):
            gram += designs[t].T * designs[t]
            traces[t] += gram.inv().trace() / len(orders)
            risks[t] += sum((k * k.T).trace() for k in maps[t + 1][1]) / len(orders)
    claimed, pool = Integer(0), 0
    for n, risk, trace in zip(sizes, risks, traces, strict=True):
        pool += n
        claimed += Rational(n, pool) * trace
        residuals.append(risk - claimed)
    return residuals


def enumerated() -> list[Expr]:
    """`replaced`, against all paths: two columns, rank 1, three lines at 60 degrees.

    The three projections have the first two moments of a uniform one, and signs make the noise
    along a line uniform in direction; its length is 1 or 2.
    """
    field = QQ.algebraic_field(sqrt(3))
    half, root = field(QQ(1, 2)), field.from_sympy(sqrt(3) / 2)
    lines = [(field.one, field.zero), (half, root), (-half, root)]
    truth, errors, state = (field(3), field.one), [(field.zero, field.zero)], State()
    residuals: list[Expr] = []
    for _ in range(3):
        found = []
        for (x, y), (u, v) in product(errors, lines):
            fitted = u * (x + truth[0]) + v * (y + truth[1])
            found += [
                (u * (fitted + r) - truth[0], v * (fitted + r) - truth[1]) for r in (-2, -1, 1, 2)
            ]
        errors = found
        state = replaced(state, 10, 2, 1, projection_pair(1, 2), Rational(5, 2), Rational(17, 2))
        norms = [x**2 + y**2 for x, y in errors]
        dots = [x * truth[0] + y * truth[1] for x, y in errors]
        squares = ([q**2 for q in norms], [q**2 for q in dots])
        claims = (state.two, state.four, state.along, state.square)
        for claimed, values in zip(claims, (norms, squares[0], dots, squares[1]), strict=True):
            mean = sum(values, field.zero) / field(len(values))
            residuals.append(field.to_sympy(mean) - claimed)
    return residuals


def two_columns() -> list[Expr]:
    """The state's moments at rank d: a sum of independent spherical vectors, two and three."""
    second, fourth, d = symbols("second fourth d", positive=True)
    whole = Pair(Integer(1), Integer(0))
    state, residuals = State(), []
    for count in (1, 2, 3):
        state = replaced(state, Integer(7), d, d, whole, second, fourth)
        # |sum xi|^4: the terms |xi_i|^4, |xi_i|^2 |xi_j|^2 and 4 (xi_i . xi_j)^2 for pairs.
        pairs = Rational(count * (count - 1), 2)
        residuals += [
            state.two - count * second,
            state.four - count * fourth - pairs * (2 + 4 / d) * second**2,
            state.along,
            state.square - count * 7 * second / d,
        ]
    return residuals


def infinite() -> list[Expr]:
    """E tr S^{-1} is infinite for |n - d| <= 1: 1/chi^2_1 and 1/chi^2_2 have no mean."""
    x = Symbol("x", positive=True)
    return [1 / integrate(x ** (Rational(k, 2) - 2) * exp(-x / 2), (x, 0, oo)) for k in (1, 2)]


def closed_forms() -> list[Expr]:
    """The closed forms in t of minimum norm: they start at t = 1 and solve one step."""
    n, d, w, s, t = symbols("n d w s t", positive=True)
    noise = s * n * inverse(d, n)
    share = n / d
    fresh = w * (1 - share**t) + noise * (1 - share**t) / (1 - share)
    return [
        noise - s * n / (d - n - 1),
        fresh.subs(t, 1) - (1 - share) * w - noise,
        fresh.subs(t, t + 1) - (share * fresh + (1 - share) * w + noise),
    ]


def fixed_against_fresh() -> list[Expr]:
    """Accumulate: each term of a fixed design less that of fresh ones is not negative.

    d/(i^2 (n-d-1)) - d/(i (in-d-1)) = d (d+1) (i-1) / (i^2 (n-d-1) (in-d-1)).
    """
    n, d, i = symbols("n d i", positive=True)
    fixed = d * inverse(n, d) / i**2
    fresh = d * inverse(i * n, d) / i
    return [fixed - fresh - d * (d + 1) * (i - 1) / (i**2 * (n - d - 1) * (i * n - d - 1))]


def uniform_design() -> list[Expr]:
    """A design of one column with any law: 1/(sum x^2) is what enters, not 1/(n - 2).

    x in {1, 2}, two rows in each batch, three batches, accumulate: all designs.
    """
    loop = Loop("accumulate", (2, 2, 2), "fresh", ONE, (ONE,))
    risk, claimed = [Integer(0)] * 3, [Integer(0)] * 3
    for rows in product((1, 2), repeat=6):
        maps = fits(loop, [Matrix(rows[i : i + 2]) for i in (0, 2, 4)])
        for t in range(3):
            risk[t] += sum((k * k.T).trace() for k in maps[t + 1][1]) / 64
            for i in range(t + 1):
                claimed[t] += Rational(1, (i + 1) * 64 * sum(x**2 for x in rows[: 2 * i + 2]))
    return [r - c for r, c in zip(risk, claimed, strict=True)]


HERE = "derived here"
PROOFS = (
    Proof("regression-fixed-structure", HERE, "fixed designs are a loop of means", fixed_structure),
    Proof("regression-fresh-structure", HERE, "recursive least squares on noise", fresh_structure),
    Proof("regression-ridge-structure", HERE, "the same with a penalty", ridge_structure),
    Proof("regression-exchangeable", HERE, "accumulate for exchangeable rows", exchangeable),
    Proof(
        "regression-any-design", HERE, "accumulate for independent rows of any law", uniform_design
    ),
    Proof("regression-enumerated", HERE, "fourth moments of fresh minimum norm", enumerated),
    Proof("regression-spherical", HERE, "fourth moments of fresh least squares", two_columns),
    Proof("regression-infinite", HERE, "no mean for |n - d| <= 1", infinite),
    Proof("regression-minimum-norm", HERE, "exponential forgetting of w*", closed_forms),
    Proof("regression-fixed-above-fresh", HERE, "fixed designs cost more", fixed_against_fresh),
)

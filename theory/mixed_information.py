"""What no estimator can beat, and what sampled rows reveal: identities of both."""

from sympy import Expr, Matrix, Rational, diff, fibonacci, oo, pi, simplify, summation, symbols

from theory.derivation import Proof

HERE = "derived here: theory/mixed_information.py"


def reached() -> list[Expr]:
    """The best weight of r fresh rows beside s rows of a model of error R, and its error 1/J'."""
    w, r, s, R = symbols("w r s R", positive=True)
    error = w**2 / r + (1 - w) ** 2 * (R + 1 / s)
    J = r + 1 / (R + 1 / s)
    return [simplify(diff(error, w).subs(w, r / J)), simplify(error.subs(w, r / J) - 1 / J)]


def fibonacci_ratios() -> list[Expr]:
    """n = r = s = 1: J_1 = 1, J_t = 1 + 1/(1/J_(t-1) + 1) = F_2t/F_(2t-1), for eight of them."""
    found, J = [], Rational(1)
    for t in range(1, 9):
        found.append(J - Rational(fibonacci(2 * t), fibonacci(2 * t - 1)))
        J = 1 + 1 / (1 / J + 1)
    return found


def fixed_weight() -> list[Expr]:
    """At the fixed point w = r/J solves w^2 + k w = k with k = r/s."""
    J, r, s = symbols("J r s", positive=True)
    k, w = r / s, r / J
    step = r + 1 / (1 / J + 1 / s) - J
    return [simplify((w**2 + k * w - k) * J**2 * s / r - step * (J + s))]


def _least_squares(n: tuple[Expr, ...], weights: tuple[tuple[Expr, ...], ...]) -> Expr:
    """Return 1' C^-1 1 with the covariances C of the means of batches 2, 3, ..."""
    T = len(n)
    noise = [Matrix([[1] + [0] * (T - 1)])]
    for s in range(1, T):
        row = sum((w * noise[j] for j, w in enumerate(weights[s - 1])), Matrix.zeros(1, T))
        noise.append(row + Matrix([[1 if j == s else 0 for j in range(T)]]))
    seen = Matrix.vstack(*noise[1:])
    cover = seen * Matrix.diag(*[1 / size for size in n]) * seen.T
    ones = Matrix([1] * (T - 1))
    return (ones.T * cover.LUsolve(ones))[0]


def outsider() -> list[Expr]:
    """Least squares has the variance 1/n_1 + 1/I: two batches in symbols, four in rationals."""
    n, a = symbols("n1:4", positive=True), symbols("a", positive=True)
    two = _least_squares(n, ((1,), (a, 1 - a)))
    known = n[1] + n[2] * a**2
    sizes = tuple(map(Rational, (7, 3, 12, 5, 9)))
    third, half, tenth = Rational(1, 3), Rational(1, 2), Rational(1, 10)
    rows = (
        (1,),
        (third, 1 - third),
        (half, third, 1 - half - third),
        (tenth, half, third, 1 - half - third - tenth),
    )
    four = _least_squares(sizes, rows)
    seen = sum(size * row[0] ** 2 for size, row in zip(sizes[1:], rows, strict=True))
    return [simplify(1 / two - (1 / n[0] + 1 / known)), 1 / four - (1 / sizes[0] + 1 / seen)]


def overtaking() -> list[Expr]:
    """Accumulate: W_(s-1,1) = 1/(s-1), so I = n H_(t-1)^(2) -> n pi^2/6."""
    j = symbols("j", integer=True, positive=True)
    return [1 + 1 / summation(1 / j**2, (j, 1, oo)) - (1 + 6 / pi**2)]


PROOFS = (
    Proof("mixed/information/reached", HERE, "the weighted mean reaches the bound", reached),
    Proof("mixed/information/fibonacci", HERE, "ratios of Fibonacci numbers", fibonacci_ratios),
    Proof("mixed/information/fixed-weight", HERE, "the best weight in the limit", fixed_weight),
    Proof("mixed/information/outsider", HERE, "what sampled rows reveal", outsider),
    Proof("mixed/information/overtaking", HERE, "1 + 6/pi^2", overtaking),
)

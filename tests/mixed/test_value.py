"""The value of sampled rows, unlabelled provenance, and strong collapse."""

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse import mixed
from modelcollapse.ledger.entries.mixed.routes import debiased_errors, pooled_errors, pooled_round
from modelcollapse.reproduce.figures import thrive_or_collapse
from modelcollapse.solver import squared_errors
from modelcollapse.testing import assert_bounded_mean, assert_law, assert_mean
from modelcollapse.workflows import Web

ROWS = st.integers(1, 40)


@given(real=ROWS, synthetic=st.integers(0, 200), generator=ROWS)
def test_values_are_those_of_the_rows(real, synthetic, generator):
    """The closed forms equal the sums over independent rows, in rationals."""
    exact = pooled_round(real, synthetic, generator)
    own = pooled_round(real, synthetic, None)

    found = mixed.synthetic_value(real, synthetic, generator)
    assert found == pytest.approx(float(exact), rel=1e-13)
    shared = mixed.shared_generator_value(real, synthetic)
    assert shared == pytest.approx(float(own), rel=1e-13)
    assert own >= Fraction(1, real)
    assert (own == Fraction(1, real)) == (synthetic == 0)


@given(real=ROWS, generator=ROWS, synthetic=st.floats(0, 1e6))
def test_the_optimum_and_the_break_even(real, generator, synthetic):
    """No number of rows does better; below the break-even none hurts, above it all do."""
    best = mixed.optimal_synthetic(real, generator)
    value = mixed.synthetic_value(real, synthetic, generator)
    turn = mixed.break_even_synthetic(real, generator)

    assert value >= best.mse * (1 - 1e-12)
    if np.isfinite(best.rows):
        assert best.rows / (best.rows + real) == pytest.approx(best.share)
        assert mixed.synthetic_value(real, best.rows, generator) == pytest.approx(best.mse)
        assert best.mse == pytest.approx(1 / real - generator / (4 * real**2))
    else:
        assert best.share == 1
        assert generator >= 2 * real
        assert best.mse == 1 / generator
    if synthetic < turn:
        assert value <= 1 / real * (1 + 1e-12)
    else:
        assert value >= 1 / real * (1 - 1e-12)
    weighted = mixed.weighted_synthetic_value(real, synthetic, generator)
    assert weighted <= min(value, 1 / real) * (1 + 1e-12)


def test_equal_real_rows_and_generator():
    """With as many real rows as the generator had, as many synthetic ones are best."""
    best = mixed.optimal_synthetic(1024, 1024)

    assert best == pytest.approx((0.5, 1024, 0.75 / 1024))
    assert np.isinf(mixed.optimal_synthetic(100, 1024).rows)
    assert mixed.break_even_synthetic(2048, 1024) == 2048
    assert np.isinf(mixed.break_even_synthetic(1024, 1024))


@given(
    st.lists(
        st.tuples(st.integers(1, 30), st.fractions(Fraction(1, 8), 1, max_denominator=8)),
        min_size=1,
        max_size=5,
    )
)
def test_provenance_in_rationals(batches):
    """Both means' errors are those of the combinations of noises; pooling never does better."""
    sizes = [n for n, _ in batches]
    shares = [Fraction(1), *[a for _, a in batches[1:]]]
    floats = [float(a) for a in shares]
    debiased, pooled = debiased_errors(sizes, shares), pooled_errors(sizes, shares)

    found = mixed.minimax_effective_samples(sizes, floats)
    assert found == pytest.approx([float(1 / r) for r in debiased], rel=1e-12)
    found = mixed.pooled_effective_samples(sizes, floats)
    assert found == pytest.approx([float(1 / r) for r in pooled], rel=1e-12)
    assert all(a <= b for a, b in zip(debiased, pooled, strict=True))


@pytest.mark.parametrize("v2", [-1.0, 0.0, 0.5])
def test_the_pooled_mean_is_the_webs(v2):
    """The solver's web has the same errors."""
    real, synthetic = [8, 1, 15, 1], [2, 5, 5, 5]
    sizes = [4, 10, 6, 20, 6]
    path = squared_errors(Web(real, synthetic), sizes, v2)
    shares = [1, *np.array(real) / np.array(sizes[1:])]

    found = mixed.pooled_effective_samples(sizes, shares, v2)
    assert found == pytest.approx(1 / path, rel=1e-12)


def test_the_debiased_mean_of_rows(seed):
    """Raw rows: the mean that takes out what the last model gave is N(0, 1/sum n alpha^2).

    20,000 replicates tell a standard deviation off by a factor of 1.3 (a distance of 0.06) from
    the claimed one; and the pooled mean's is larger by more than that.
    """
    from scipy.special import ndtr

    rng, count = np.random.default_rng(seed), 20_000
    sizes, shares = [2, *[40] * 11], [1.0, *[0.1] * 11]
    model, top, bottom = np.zeros(count), np.zeros(count), 0.0
    for n, alpha in zip(sizes, shares, strict=True):
        real = round(alpha * n)
        rows = rng.standard_normal((count, n))
        rows[:, real:] += model[:, None]
        clean = (rows.mean(axis=1) - (1 - alpha) * model) / alpha
        top, bottom = top + n * alpha**2 * clean, bottom + n * alpha**2
        model = top / bottom
    worth = mixed.minimax_effective_samples(sizes, shares)[-1]

    assert worth == pytest.approx(bottom)
    assert_law(model, lambda x: ndtr(x * np.sqrt(worth)))
    pooled = mixed.pooled_effective_samples(sizes, shares)[-1]
    assert np.sqrt(worth / pooled) > 1.3
    for wrong in (worth * 1.8, worth / 1.8):
        with pytest.raises(AssertionError):
            assert_law(model, lambda x, w=wrong: ndtr(x * np.sqrt(w)))


@given(n1=st.integers(0, 30), n2=st.integers(0, 30), d=st.integers(1, 8), c2=st.floats(0, 9))
def test_strong_collapse_on_its_edges(n1, n2, d, c2):
    """No shifted rows, no bias; only shifted rows, all of it; more of them, more."""
    if n1 + n2 < d + 2:
        with pytest.raises(mc.InvalidInput, match="at least dim \\+ 2 rows"):
            mixed.strong_collapse_risk(n1, n2, d, c2)
        return
    risk = mixed.strong_collapse_risk(n1, n2, d, c2, 0.5)

    assert mixed.strong_collapse_risk(n1 + n2, 0, d, c2).bias == 0
    assert mixed.strong_collapse_risk(0, n1 + n2, d, c2).bias == pytest.approx(c2, rel=1e-12)
    assert risk.variance == pytest.approx(0.5 * d / (n1 + n2 - d - 1))
    assert risk.bias >= mixed.strong_collapse_plateau(n2 / (n1 + n2), c2) * (1 - 1e-12)
    if d == 1:
        n = n1 + n2
        assert risk.bias == pytest.approx(c2 * n2 * (n2 + 2) / (n * (n + 2)), rel=1e-12)


@pytest.mark.parametrize("n", [5, 6, 11])
def test_the_trace_moment_in_two_columns(n):
    """E tr S tr S^-1 by Bartlett's factors, in rationals, for d = 2.

    With det S = ab and tr S = a + b + c for chi-squares a, b, c of n, n - 1 and 1 freedoms:
    E (a + b + c)^2/(ab).
    """
    inverse_a, inverse_b = Fraction(1, n - 2), Fraction(1, n - 3)
    exact = n * inverse_b + (n - 1) * inverse_a + 3 * inverse_a * inverse_b
    exact += 2 + 2 * inverse_b + 2 * inverse_a

    assert exact == 2 * Fraction(2 * n - 2, n - 3)


def bartlett(n, count, rng):
    """Return the scatter of n standard normal rows in two columns, without drawing them."""
    a, b = np.sqrt(rng.chisquare(n, count)), np.sqrt(rng.chisquare(n - 1, count))
    c = rng.standard_normal(count)
    return np.array([[a**2, a * c], [a * c, b**2 + c**2]]).transpose(2, 0, 1)


def test_strong_collapse_by_simulation(seed):
    """Two columns, four and four rows: abs(S^-1 S_2 e)^2 has the exact mean.

    abs(S^-1 S_2 e)^2 is at most (tr S)^2/det S, whose second moment E (a + b + c)^4/(ab)^2
    bounds the variance. A million replicates tell the plateau p_2^2 from the mean.
    """
    rng, n1, n2 = np.random.default_rng(seed), 4, 4
    n, count = n1 + n2, 1_000_000
    first, second = bartlett(n1, count, rng), bartlett(n2, count, rng)
    found = np.linalg.solve(first + second, second[:, :, :1])[:, :, 0]
    claimed = mixed.strong_collapse_risk(n1, n2, 2, 1.0).bias
    outcome = assert_mean((found**2).sum(axis=1), claimed, condition_bound(n))

    assert outcome.detectable < claimed - mixed.strong_collapse_plateau(0.5, 1.0)


def condition_bound(n):
    """Return E (a + b + c)^4/(ab)^2 for chi-squares a, b, c of n, n - 1 and 1 freedoms."""

    def moment(freedom, k):
        """E X^k of a chi-square, k from -2 to 4."""
        value = 1.0
        for j in range(k):
            value *= freedom + 2 * j
        for j in range(1, 1 - k):
            value /= freedom - 2 * j
        return value

    total = 0.0
    for i in range(5):
        for j in range(5 - i):
            k = 4 - i - j
            ways = [1, 1, 2, 6, 24]
            count = 24 / (ways[i] * ways[j] * ways[k])
            total += count * moment(n, i - 2) * moment(n - 1, j - 2) * moment(1, k)
    return total


def test_the_second_moments_of_a_matrix_beta(seed):
    """E U A U = a A + b tr(A) I, entry by entry, for U = Q'PQ of a random frame Q."""
    rng, n1, n2, d, count = np.random.default_rng(seed), 4, 3, 3, 100_000
    n = n1 + n2
    frames = np.linalg.qr(rng.standard_normal((count, n, d)))[0]
    # QR fixes signs of columns, which leave U's law up to them: draw them afresh.
    frames *= rng.choice([-1.0, 1.0], (count, 1, d))
    U = np.einsum("bni,bnj->bij", frames[:, n1:], frames[:, n1:])
    A = np.diag([1.0, 0.0, -0.5])
    b = n1 * n2 / (n * (n + 2) * (n - 1))
    a = n2 * (n2 + 2) / (n * (n + 2)) - b
    exact = a * A + b * np.trace(A) * np.eye(d)
    found = U @ A @ U

    for i in range(d):
        # 0 <= U <= I and -1/2 <= A <= 1 bound the diagonal of U A U.
        outcome = assert_bounded_mean(found[:, i, i], exact[i, i], -0.5, 1.0)
        assert outcome.detectable < 0.05
    with pytest.raises(AssertionError):
        assert_bounded_mean(found[:, 0, 0], (n2 / n) ** 2, -0.5, 1.0)


def test_harmless_shifts():
    """At the largest harmless shift both risks agree; with few real rows every shift is."""
    shift = mixed.harmless_shift(20, 30, 4, 2.0)
    alone = mixed.strong_collapse_risk(20, 0, 4, shift, 2.0).total

    mixed_risk = mixed.strong_collapse_risk(20, 30, 4, shift, 2.0).total
    assert mixed_risk == pytest.approx(alone, rel=1e-12)
    assert np.isinf(mixed.harmless_shift(3, 30, 4))
    assert mixed.strong_collapse_risk(20, 30, 4, [0.0, 1.0]).total.shape == (2,)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mixed.synthetic_value(0, 1, 1), "real = 0"),
        (lambda: mixed.synthetic_value(1, -1, 1), "synthetic = -1"),
        (lambda: mixed.optimal_synthetic(1, 0), "generator_rows = 0"),
        (lambda: mixed.shared_generator_value(1, np.nan), "synthetic = nan"),
        (lambda: mixed.minimax_effective_samples([1, 0], 1.0), "sizes = 0"),
        (lambda: mixed.minimax_effective_samples([1, 2], [1, 1.2]), "real_shares = 1.2"),
        (lambda: mixed.minimax_effective_samples([1, 2], [1, 1, 1]), "one share per batch"),
        (lambda: mixed.minimax_effective_samples([], []), "at least one"),
        (lambda: mixed.pooled_effective_samples([1, 2], [0.5, 1]), "real_shares[0] = 0.5"),
        (lambda: mixed.strong_collapse_risk(-1, 9, 2, 1.0), "real = -1"),
        (lambda: mixed.strong_collapse_risk(9, 9, 0, 1.0), "dim = 0"),
        (lambda: mixed.strong_collapse_risk(9, 9, 2, -1.0), "shift = -1"),
        (lambda: mixed.strong_collapse_risk(9, 9, 2, 1.0, -1), "noise = -1"),
        (lambda: mixed.strong_collapse_risk(1, [9, 2], 2, 1.0), "real + synthetic = 3 rows"),
        (lambda: mixed.strong_collapse_plateau(1.5, 1.0), "synthetic_share = 1.5"),
    ],
)
def test_wrong_input(call, message):
    """Wrong input names the argument, its value and what is allowed."""
    with pytest.raises(mc.InvalidInput) as caught:
        call()

    assert message in str(caught.value)


def test_the_picture(tmp_path):
    """It is drawn, and only to a place that can be written."""
    path = tmp_path / "thrive.png"
    with np.errstate(all="warn"):  # matplotlib's own arithmetic
        thrive_or_collapse.draw(path)

    assert path.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(mc.InvalidInput, match="path"):
        thrive_or_collapse.draw(tmp_path / "nowhere" / "thrive.png")


def test_the_pictures_command_wants_one_path():
    """Another number of arguments is refused in one line."""
    command = [sys.executable, "-m", "modelcollapse.reproduce.figures.thrive_or_collapse"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr == "thrive_or_collapse: path: give one file name, not 0\n"

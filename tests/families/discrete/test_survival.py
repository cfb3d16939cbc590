"""Survival and collapse times: exact chains, proved bounds, limits."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse.families.discrete import (
    Discrete,
    chains,
    exact_collapse_time,
    exact_first_loss_time,
    expected_collapse_time,
    finite_survival_bounds,
    poisson_survival,
    survival,
    survival_bounds,
)
from modelcollapse.families.discrete.survival import lines

EPS = np.finfo(float).eps
# Sums of n + 1 products of three powers each, t of them nested.
SLACK = 1e4 * EPS


def ancestors(n, generations):
    """Return the law of the number of real rows that a batch descends from, in high precision."""
    law = {n: mp.mpf(1)}
    yield law
    for _ in range(generations - 1):
        later = {}
        for balls, chance in law.items():
            filled = {0: mp.mpf(1)}
            for _ball in range(balls):
                step = {}
                for k, c in filled.items():
                    step[k] = step.get(k, 0) + c * k / n
                    step[k + 1] = step.get(k + 1, 0) + c * mp.mpf(n - k) / n
                filled = step
            for k, c in filled.items():
                later[k] = later.get(k, 0) + chance * c
        law = later
        yield law


def test_survival_is_that_of_the_ancestors():
    """P(absent) = E (1-p)^D, with D traced backwards: another route altogether."""
    n, p = 6, mp.mpf("0.3")
    found = survival(n, float(p), 5)
    with mp.workdps(30):
        for t, law in enumerate(ancestors(n, 5)):
            absent = sum(c * (1 - p) ** k for k, c in law.items())
            assert found[t] == pytest.approx(float(1 - absent), rel=1e-13)


@given(st.integers(1, 60), st.floats(0, 1), st.integers(1, 30))
def test_bounds_hold(n, p, generations):
    """Lower <= exact <= upper at every n; Suresh et al. and the Poisson limit are below."""
    exact = survival(n, p, generations)
    low, high = finite_survival_bounds(n, p, generations)

    assert np.all(low <= exact + SLACK)
    assert np.all(exact <= high + SLACK)
    if p > 1e-300:
        t = np.arange(1, generations + 1)
        assert np.all(poisson_survival(n * p, generations) <= low + SLACK)
        assert np.all(survival_bounds(n * p, t)[0] <= exact + SLACK)


@given(st.floats(1e-6, 50), st.integers(1, 300))
def test_poisson_survival_is_between_its_bounds(expected, generations):
    """1/t <= u_{t-1} <= 2/(t+1)."""
    found = poisson_survival(expected, generations)
    low, high = survival_bounds(expected, np.arange(1, generations + 1))

    assert np.all(low <= found * (1 + SLACK))
    assert np.all(found <= high * (1 + SLACK))


def test_the_numbers_of_the_theory():
    """n = 1000, three expected rows: the limit to four digits, as derived in advance."""
    at = np.array([1, 2, 5, 10, 20, 50]) - 1
    limit = poisson_survival(3.0, 50)[at]

    assert limit.round(4).tolist() == [0.9502, 0.8499, 0.6079, 0.4036, 0.2404, 0.1087]
    # The chain is above its limit, and below by no more than the bounds leave.
    exact = survival(1000, 0.003, 50)[at]
    gap = np.subtract(*finite_survival_bounds(1000, 0.003, 50)[::-1])[at]
    assert np.all((limit < exact) & (exact < limit + gap + 9 / 1000))


def test_schedules_have_bounds_too():
    """A schedule of equal batches is the same as a constant; any other encloses the chain."""
    equal = lines(np.array([7, 7, 7, 7]))
    mixed = lines(np.array([7, 7, 7, 8]))
    np.testing.assert_allclose([x[:3] for x in mixed], [x[:3] for x in equal], rtol=1e-13)

    sizes, p = [7, 2, 30, 1, 9], np.array([0.05, 0.4])
    e = mc.Experiment(Discrete(2), mc.Replace(), sizes, 5, truth=[0.05, 0.95])
    absent = chains.expectations(e, p, lambda x: (x == 0).astype(float))
    d, u = lines(e.sizes)
    assert np.all((1 - p) ** d[:, None] <= absent + SLACK)
    assert np.all(absent <= (1 - u[:, None] * p) ** 7 + SLACK)


@given(st.integers(1, 40), st.lists(st.integers(0, 5), min_size=2, max_size=5))
def test_times_are_sums_of_what_has_not_come(n, shares):
    """E tau = sum P(tau > t), of the collapse and of the first loss, which is no later.

    Summed until what is left out is below 1e-10.
    """
    if sum(x > 0 for x in shares) < 2:
        shares = [1, 1]
    truth = np.array(shares) / sum(shares)
    T = 1 if n == 1 else int(np.ceil(np.log(1e-10 / n**3) / np.log1p(-1 / n)))
    e = mc.Experiment(Discrete(len(shares)), mc.Replace(), n, T, truth=truth)
    p = mc.predict(e)
    for name, time in (("collapsed", exact_collapse_time), ("any_absent", exact_first_loss_time)):
        assert time(n, truth) == pytest.approx(1 + (1 - p[name]).sum(), rel=1e-9)
    assert exact_first_loss_time(n, truth) <= exact_collapse_time(n, truth) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("n", "K", "expected"),
    [(100, 5, 21.99477896), (20, 3, 10.37939494), (10, 4, 2.68990149), (200, 2, 275.0014)],
)
def test_first_loss_against_known_values(n, K, expected):
    """Values derived elsewhere; of two outcomes it is the collapse time."""
    uniform = np.full(K, 1 / K)
    assert exact_first_loss_time(n, uniform) == pytest.approx(
        expected, abs=6e-5 if K == 2 else 6e-9
    )
    if K == 2:
        assert exact_first_loss_time(n, uniform) == pytest.approx(exact_collapse_time(n, uniform))
    with pytest.raises(mc.NoClosedForm, match="21 outcomes"):
        exact_first_loss_time(n, np.full(21, 1 / 21))


def test_outcomes_are_not_lost_independently():
    """Two equal ones: each is the other's rest. As diffusions dx = sqrt(x/n) dB they would be.

    Such a diffusion from p has reached 0 by t with the probability exp(-2 n p/t).
    """
    loop = mc.Experiment(mc.Discrete(2), mc.Replace(), 200, 200, truth=[0.5, 0.5])
    both = 1 - mc.predict(loop)["any_absent"][-1]
    apart = (1 - np.exp(-2 * 200 * 0.5 / 200)) ** 2

    assert both == pytest.approx(0.5427, abs=5e-5)
    assert apart == pytest.approx(0.3996, abs=5e-5)


def test_diffusion_time():
    """Two closed forms of uniform outcomes agree, and the exact time is below for few rows."""
    K, n = 10, 100
    uniform = np.full(K, 1 / K)
    diffusion = expected_collapse_time(n, uniform)

    assert diffusion == pytest.approx(2 * n * (K - 1) * np.log(K / (K - 1)), rel=1e-13)
    assert exact_collapse_time(n, uniform) < diffusion
    assert exact_collapse_time(1, uniform) == 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: survival(0, 0.5, 3), "n = 0"),
        (lambda: survival(5, 1.5, 3), "p = 1.5"),
        (lambda: survival(5, "a", 3), "p = 'a'"),
        (lambda: survival(5, 0.5, 0), "generations = 0"),
        (lambda: poisson_survival(0, 3), "expected = 0"),
        (lambda: survival_bounds(1.0, 0.5), "counted from 1"),
        (lambda: expected_collapse_time(5, [0.5, 0.4]), "sum to 0.9"),
    ],
)
def test_bad_input(call, words):
    """The argument is named."""
    with pytest.raises(mc.InvalidInput, match=words):
        call()


def test_too_many_rows_for_an_exact_chain():
    """The message says up to where."""
    for call in (lambda: survival(1001, 0.5, 3), lambda: exact_collapse_time(1001, [0.5, 0.5])):
        with pytest.raises(mc.NoClosedForm, match="1000 rows"):
            call()
    assert survival(1000, 0.5, 2).shape == (2,)
    assert survival(9, np.full((2, 3), 0.5), 4).shape == (2, 3, 4)

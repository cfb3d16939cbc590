"""Every derivation in `theory` equals the prediction that ships; every proof holds.

The two sides were written independently: `theory` starts from the definition of the loop, in
exact arithmetic, and shares no code with the package.
"""

import mpmath as mp
import numpy as np
import pytest
import sympy
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sympy import Rational

import modelcollapse as mc
from theory.gaussian import DERIVATIONS, PROOFS
from theory.gaussian_loop import Loop, Truth

WORKFLOWS = {
    "replace": lambda _: mc.Replace(),
    "accumulate": lambda _: mc.Accumulate(),
    "accumulate-subsample": mc.AccumulateSubsample,
    "sliding-window": mc.SlidingWindow,
    "keep-real": lambda share: mc.KeepReal(None if share is None else float(share)),
}

# A prediction is some hundred operations in double precision on numbers of order 1 to 10^3, each
# off by 1.1e-16, and the conversion of the parameters costs as much: about 1e-13 in all, relative
# to the largest number that enters. Differences of such numbers (a variance, 1 - product, a sum
# of logarithms) lose at most three digits on these domains, hence 1e-10; where the difference is
# zero, what is left is the rounding of numbers of order 1, far below 1e-12.
RELATIVE, ABSOLUTE = 1e-10, 1e-12

QUICK = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=20,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def number(value):
    """Return an exact number as the nearest double."""
    if isinstance(value, mp.mpf):
        return float(value)
    return np.inf if value == sympy.oo else float(sympy.N(value, 30))


def agree(shipped, exact):
    """Compare a shipped number or array with exact values."""
    expected = np.array([number(value) for value in exact])
    actual = np.atleast_1d(np.asarray(shipped, dtype=float))
    same = actual.shape == expected.shape
    return same and np.allclose(actual, expected, rtol=RELATIVE, atol=ABSOLUTE)


def experiment(loop):
    """Return the package's experiment for a loop of `theory`."""
    truth = loop.truth
    if truth is not None and truth.rows is not None:
        truth = np.array(truth.rows, dtype=float)
    elif truth is not None:
        truth = mc.Normal(np.array(truth.mean, float), np.array(truth.covariance, float))
    return mc.Experiment(
        mc.Gaussian(dim=loop.dim, ddof=loop.ddof),
        WORKFLOWS[loop.workflow](loop.option),
        samples=list(loop.sizes) if len(set(loop.sizes)) > 1 else loop.sizes[0],
        generations=len(loop.sizes),
        truth=truth,
        temperature=float(loop.temperature),
    )


def shipped(derivation, loop):
    """Look the prediction up where the derivation says it is."""
    part, key = derivation.quantity.split(".")
    return getattr(mc.predict(experiment(loop)), part)[key]


rationals = st.builds(Rational, st.integers(1, 8), st.integers(4, 6))


@st.composite
def truths(draw, kinds, dim):
    """Draw None, a normal truth or a small data set, with rational parameters."""
    kind = draw(st.sampled_from(kinds))
    entries = st.integers(-3, 3).map(Rational)
    if kind == "standard":
        return None
    if kind == "normal":
        mean = tuple(draw(st.lists(entries, min_size=dim, max_size=dim)))
        lower = sympy.zeros(dim)
        for i in range(dim):
            lower[i, i] = draw(rationals)
            for j in range(i):
                lower[i, j] = draw(entries) / 4
        return Truth(mean, tuple(map(tuple, (lower * lower.T).tolist())))
    count = draw(st.integers(2, 6))
    row = st.tuples(*[entries] * dim)
    rows = draw(st.lists(row, min_size=count, max_size=count).filter(lambda r: len(set(r)) > 1))
    return Truth(rows=tuple(rows))


@st.composite
def options(draw, workflow, *, vary):
    """Draw a budget, a window or a real share."""
    if workflow == "sliding-window":
        return draw(st.integers(1, 4))
    if not vary:
        return None
    choices = {
        "accumulate-subsample": st.integers(2, 12),
        "keep-real": rationals.map(lambda r: r / 3),
    }
    return draw(st.none() | choices[workflow]) if workflow in choices else None


@st.composite
def loops(draw, domain):
    """Draw a loop of a domain."""
    dim = draw(st.sampled_from(domain.dims))
    workflow = draw(st.sampled_from(domain.workflows))
    low, high = domain.sizes(dim)
    generations = draw(st.integers(1, min(domain.generations, domain.rows // low)))
    size = st.integers(low, min(high, domain.rows // generations))
    sizes = [draw(size)] * generations
    if not domain.constant:
        sizes = draw(st.lists(size, min_size=generations, max_size=generations))
    return Loop(
        workflow,
        tuple(sizes),
        draw(st.sampled_from(domain.ddofs)),
        draw(rationals) if domain.tempered and draw(st.booleans()) else Rational(1),
        draw(options(workflow, vary=domain.options)),
        dim,
        draw(truths(domain.truths, dim)),
    )


by_slug = pytest.mark.parametrize("derivation", DERIVATIONS, ids=lambda d: d.slug)


@by_slug
@QUICK
@given(data=st.data())
def test_prediction_equals_derivation(derivation, data):
    """The shipped double is the exact value, at random rational parameters."""
    loop = data.draw(loops(derivation.domain))

    assert agree(shipped(derivation, loop), derivation.values(loop))


@by_slug
@settings(QUICK, max_examples=2)
@given(data=st.data())
def test_comparison_sees_two_percent(derivation, data):
    """A prediction that is off by 2% fails the same comparison."""
    loop = data.draw(loops(derivation.domain))
    exact = derivation.values(loop)
    values = np.array([number(value) for value in exact])
    assume(np.any(np.isfinite(values) & (np.abs(values) > ABSOLUTE)))

    assert not agree(1.02 * np.asarray(shipped(derivation, loop)), exact)


@pytest.mark.parametrize("proof", PROOFS, ids=lambda p: p.slug)
def test_proof_holds(proof):
    """Every residual of a symbolic identity simplifies to zero."""
    residuals = [sympy.simplify(residual) for residual in proof.residuals()]

    assert residuals == [0] * len(residuals)
    assert residuals

"""Every derivation in `theory` equals the prediction that ships; every proof holds.

The two sides were written independently: `theory` starts from the definition of the loop, in
exact arithmetic, and shares no code with the package.

This module walks all rooms. Room "x" is the adapter `tests/helpers/theory_x.py`; to add it, write
that module and put "x" into ROOMS below. An adapter has the module-level names

DERIVATIONS          tuple of `theory.derivation.Derivation`
PROOFS               tuple of `theory.derivation.Proof`
loops(domain)        a Hypothesis strategy for loops of a derivation's domain: hashable records of
                     exact numbers that `derivation.values(loop)` understands. A domain is what the
                     room's derivations carry: a `theory.derivation.Domain` or a class of its own
experiment(loop)     the package's `Experiment` for such a loop

and, where some quantity needs it, one of

law(shipped)         the array of numbers that the derivation lists for one law
shipped(derivation, loop)   the shipped value itself, where it is no prediction

The shipped value of "expected.key" is ``predict(experiment(loop)).expected["key"]``, likewise for
`variances`, `limits` and `exponents`: an array with one number per generation, or one number, and
`derivation.values(loop)` lists as many exact ones (SymPy, Fraction, or mpf where there is no
closed form; `oo` where the prediction is infinite). In `tests/helpers`, `theory_loops.py` has what
rooms share, strategies for sizes and truths, and `theory_plans.py` draws all workflows for rooms
whose loops hold a `theory.weights_loop.Plan`; read the short adapter `theory_discrete.py` first.
Slugs are the test ids, so all rooms together must not repeat one. Tests of a room's theory among
itself go to `tests/theory/test_x.py`.
"""

from fractions import Fraction
from importlib import import_module

import mpmath as mp
import numpy as np
import pytest
import sympy
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import modelcollapse as mc

ROOMS = (
    "gaussian",
    "kde",
    "exponential",
    "discrete",
    "weights",
    "regression",
    "markov",
    "mixed",
    "monitor",
    "language",
)

ADAPTERS = tuple(import_module(f"tests.helpers.theory_{room}") for room in ROOMS)

# A prediction is some hundred operations in double precision on numbers of order 1 to 10^3, each
# off by 1.1e-16, and the conversion of the parameters costs as much: about 1e-13 in all, relative
# to the largest number that enters. Differences of such numbers (a variance, 1 - product, a sum
# of logarithms) lose at most three digits on these domains, hence 1e-10; where the difference is
# zero, what is left is the rounding of numbers of order 1, far below 1e-12. Quadratures (errors
# and losses of kernel density estimates) promise 1e-10 of what they return, and keep 1e-11.
RELATIVE, ABSOLUTE = 1e-10, 1e-12
SEEN = 60  # times the latter is a number of which 2 % cannot be lost

QUICK = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=14,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def number(value):
    """Return an exact number as the nearest double."""
    if isinstance(value, (mp.mpf, Fraction)):
        return float(value)
    return np.inf if value == sympy.oo else float(sympy.N(value, 30))


def agree(shipped, exact):
    """Compare a shipped number or array with exact values."""
    expected = np.array([number(value) for value in exact])
    return near(np.atleast_1d(np.asarray(shipped, dtype=float)), expected)


def near(actual, expected):
    """Compare a shipped array with exact values, rounded."""
    same = actual.shape == expected.shape
    return same and np.allclose(actual, expected, rtol=RELATIVE, atol=ABSOLUTE)


def shipped(room, derivation, loop):
    """Look the prediction up where the derivation says it is."""
    if hasattr(room, "shipped"):
        return room.shipped(derivation, loop)
    part, key = derivation.quantity.split(".")
    found = getattr(mc.predict(room.experiment(loop)), part)[key]
    return np.concatenate([room.law(each) for each in found]) if part == "laws" else found


by_slug = pytest.mark.parametrize(
    ("room", "derivation"),
    [pytest.param(room, each, id=each.slug) for room in ADAPTERS for each in room.DERIVATIONS],
)


@by_slug
def test_prediction_equals_derivation(room, derivation):
    """The shipped double is the exact value, at random rational parameters.

    One that is off by 2 % fails the same comparison, wherever the exact value is one of which 2 %
    are more than what may be lost. Loops with such a value are looked for if none was drawn.
    """
    tampered = []

    def compare(data, look):
        loop = data.draw(room.loops(derivation.domain))
        exact = np.array([number(value) for value in derivation.values(loop)])
        telling = np.any(np.isfinite(exact) & (np.abs(exact) > SEEN * ABSOLUTE))
        assume(telling or not look)
        found = np.atleast_1d(np.asarray(shipped(room, derivation, loop), dtype=float))
        assert near(found, exact)
        if telling:
            tampered.append(loop)
            assert not near(1.02 * found, exact)

    drawn = given(data=st.data())
    QUICK(drawn(compare))(look=False)
    if not tampered:
        settings(QUICK, max_examples=2)(drawn(compare))(look=True)
    assert tampered


@pytest.mark.parametrize(
    "proof", [pytest.param(proof, id=proof.slug) for room in ADAPTERS for proof in room.PROOFS]
)
def test_proof_holds(proof):
    """Every residual of a symbolic identity expands to zero, or else simplifies to it."""
    residuals = list(proof.residuals())
    left = [sympy.simplify(one) for one in residuals if sympy.expand(one) != 0]

    assert left == [0] * len(left)
    assert residuals

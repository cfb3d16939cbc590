"""The room of discrete distributions, as `test_theory` walks it."""

import numpy as np
from hypothesis import strategies as st
from sympy import Rational

import modelcollapse as mc
from modelcollapse.families import discrete as room
from tests.helpers.theory_plans import plans, shared
from theory import discrete
from theory.discrete_loop import Loop

DERIVATIONS = discrete.DERIVATIONS
PROOFS = discrete.PROOFS
SMOOTHINGS = (Rational(1, 8), Rational(1), Rational(5, 2))  # floats hold them


def experiment(loop):
    """Return the package's experiment for a loop of `theory`."""
    truth = np.array(loop.truth, dtype=float)
    model = room.Discrete(len(truth), float(loop.smoothing))
    return mc.Experiment(model, truth=truth, **shared(loop.plan))


@st.composite
def loops(draw, domain):
    """Draw true probabilities and a plan."""
    outcomes = draw(st.integers(*domain.outcomes))
    shares = draw(st.lists(st.integers(1, 5), min_size=outcomes, max_size=outcomes))
    truth = tuple(Rational(a, sum(shares)) for a in shares)
    added = draw(st.sampled_from(SMOOTHINGS)) if domain.smoothed else Rational(0)
    return Loop(draw(plans(domain, *domain.sizes(outcomes))), truth, added)


def shipped(derivation, loop):
    """Return what is shipped: a prediction, or what `all_different` says of so many draws."""
    part, key = derivation.quantity.split(".")
    e = experiment(loop)
    if part == "all_different":
        return room.all_different(e, int(key))
    return getattr(mc.predict(e), part)[key]

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


def experiment(loop):
    """Return the package's experiment for a loop of `theory`."""
    truth = np.array(loop.truth, dtype=float)
    return mc.Experiment(room.Discrete(outcomes=len(truth)), truth=truth, **shared(loop.plan))


@st.composite
def loops(draw, domain):
    """Draw true probabilities and a plan."""
    outcomes = draw(st.integers(*domain.outcomes))
    shares = draw(st.lists(st.integers(1, 5), min_size=outcomes, max_size=outcomes))
    truth = tuple(Rational(a, sum(shares)) for a in shares)
    return Loop(draw(plans(domain, *domain.sizes(outcomes))), truth)


def shipped(derivation, loop):
    """Return what is shipped: a prediction, or what `all_different` says of so many draws."""
    part, key = derivation.quantity.split(".")
    e = experiment(loop)
    if part == "all_different":
        return room.all_different(e, int(key))
    return getattr(mc.predict(e), part)[key]

"""The room of one-parameter exponential families, as `test_theory` walks it."""

from hypothesis import strategies as st
from sympy import Rational

import modelcollapse as mc
from modelcollapse.families import exponential as room
from tests.helpers.theory_loops import rationals
from tests.helpers.theory_plans import plans, shared
from theory import exponential
from theory.exponential_loop import Loop

DERIVATIONS = exponential.DERIVATIONS
PROOFS = exponential.PROOFS


def experiment(loop):
    """Return the package's experiment for a loop of `theory`."""
    parameter = loop.parameter
    model = {
        "NormalMean": lambda: room.NormalMean(float(parameter)),
        "Poisson": room.Poisson,
        "Binomial": lambda: room.Binomial(int(parameter)),
        "Gamma": lambda: room.Gamma(float(parameter)),
        "NegativeBinomial": lambda: room.NegativeBinomial(float(parameter)),
        "HyperbolicSecant": lambda: room.HyperbolicSecant(float(parameter)),
    }[loop.family]()
    return mc.Experiment(model, truth=float(loop.mean), **shared(loop.plan))


@st.composite
def loops(draw, domain):
    """Draw a family with its parameter, a true mean, and a plan."""
    family = draw(st.sampled_from(domain.families))
    parameter = Rational(1) if family == "Poisson" else draw(rationals)
    mean = draw(rationals)
    if family == "Binomial":
        parameter = Rational(draw(st.integers(1, 4)))
        mean = parameter * mean / 3  # rationals are at most 2
    if family in {"NormalMean", "HyperbolicSecant"}:
        mean *= draw(st.sampled_from([-1, 0, 1]))
    return Loop(draw(plans(domain, *domain.sizes, domain.rows)), family, parameter, mean)

"""The Gaussian room, as `test_theory` walks it."""

from dataclasses import replace

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from sympy import Rational

import modelcollapse as mc
from tests.helpers.theory_loops import rationals, truths
from tests.helpers.theory_plans import plans, several, shared
from theory import gaussian
from theory.gaussian_loop import Loop

DERIVATIONS = gaussian.DERIVATIONS
PROOFS = gaussian.PROOFS


def experiment(loop):
    """Return the package's experiment for a Gaussian loop of `theory`."""
    truth = loop.truth
    if truth is not None and truth.rows is not None:
        truth = np.array(truth.rows, dtype=float)
    elif truth is not None:
        truth = mc.Normal(np.array(truth.mean, float), np.array(truth.covariance, float))
    model = mc.Gaussian(dim=loop.dim, ddof=loop.ddof, floor=float(loop.floor))
    heat = float(loop.temperature)
    return mc.Experiment(model, truth=truth, temperature=heat, **shared(loop.plan))


@st.composite
def loops(draw, domain):
    """Draw a Gaussian loop of a domain."""
    dim = draw(st.sampled_from(domain.dims))
    # A covariance needs two rows: a budget of one is none.
    plan = draw(plans(domain, *domain.sizes(dim), domain.rows).filter(several))
    loop = Loop(
        plan.workflow,
        plan.sizes,
        draw(st.sampled_from(domain.ddofs)),
        draw(rationals) if domain.tempered and draw(st.booleans()) else Rational(1),
        plan.option,
        dim,
        draw(truths(domain.truths, dim)),
    )
    if not domain.floors:
        return loop
    # A floor asks for a truth that varies in every direction.
    assume(loop.truth is None or loop.truth.rows is None or loop.truth.centred().rank() == dim)
    return replace(loop, floor=draw(rationals))

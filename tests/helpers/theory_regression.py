"""The room of linear regressions, as `test_theory` walks it."""

import numpy as np
from hypothesis import strategies as st
from sympy import Rational

import modelcollapse as mc
from modelcollapse.families.regression import LinearRegression
from tests.helpers.theory_loops import WORKFLOWS, options, rationals, shared
from theory import regression
from theory.regression_loop import Loop

DERIVATIONS = regression.DERIVATIONS
PROOFS = regression.PROOFS


def experiment(loop):
    """Return the package's experiment for a loop of regressions."""
    noise, ridge = float(loop.noise), float(loop.ridge)
    model = LinearRegression(loop.dim, noise=noise, ridge=ridge, design=loop.design)
    truth = np.array(loop.truth, float)
    if loop.workflow == "fresh-data":
        real, synthetic, weight = loop.option
        workflow = mc.FreshData(real, synthetic, weight if weight is None else float(weight))
        return mc.Experiment(model, workflow, loop.sizes[0], len(loop.sizes), truth=truth)
    if loop.workflow in WORKFLOWS:
        return mc.Experiment(model, truth=truth, **shared(loop))
    matrix = [[float(weight) for weight in row] for row in loop.option]
    workflow, size = mc.Weighted(matrix), loop.sizes[0]
    return mc.Experiment(model, workflow, size, len(loop.sizes), truth=truth)


@st.composite
def matrices(draw, generations):
    """Draw batch weights for each generation, rational and summing to one."""
    rows = []
    for t in range(1, generations + 1):
        parts = draw(st.lists(rationals, min_size=t, max_size=t))
        rows.append(tuple(part / sum(parts) for part in parts))
    return tuple(rows)


@st.composite
def loops(draw, domain):
    """Draw a loop of regressions."""
    dim = draw(st.sampled_from(domain.dims))
    workflow = draw(st.sampled_from(domain.workflows))
    generations = draw(st.integers(1, domain.generations))
    size = st.sampled_from([dim + gap for gap in domain.gaps if dim + gap >= 1])
    sizes = [draw(size)] * generations
    if not domain.constant:
        sizes = draw(st.lists(size, min_size=generations, max_size=generations))
    if workflow == "fresh-data":
        later = draw(size)
        if domain.designs == ("fresh",):
            real, synthetic, weight = draw(st.integers(1, later - 1)), None, st.none()
        else:
            real = synthetic = sizes[0] if domain.designs == ("fixed",) else later
            later, weight = 2 * real, st.none() | st.integers(1, 9).map(lambda k: Rational(k, 10))
        sizes = [sizes[0], *[later] * (generations - 1)]
        fresh = st.tuples(st.just(real), st.just(synthetic or later - real), weight)
    weighted = workflow == "weighted"
    option = matrices(generations) if weighted else options(workflow, vary=domain.options)
    option = fresh if workflow == "fresh-data" else option
    signed = st.builds(lambda w, sign: sign * w, rationals, st.integers(-1, 1))
    truth = draw(st.lists(signed, min_size=dim, max_size=dim))
    return Loop(
        workflow,
        tuple(sizes),
        draw(st.sampled_from(domain.designs)),
        draw(rationals | st.just(Rational(0))),
        tuple(truth),
        draw(option),
        draw(rationals) if domain.penalised else Rational(0),
    )

"""What the adapters of `test_theory` share: workflows, and strategies for loops of any room."""

import sympy
from hypothesis import strategies as st
from sympy import Rational

import modelcollapse as mc
from theory import gaussian_loop

WORKFLOWS = {
    "replace": lambda _: mc.Replace(),
    "accumulate": lambda _: mc.Accumulate(),
    "accumulate-subsample": mc.AccumulateSubsample,
    "sliding-window": mc.SlidingWindow,
    "keep-real": lambda share: mc.KeepReal(None if share is None else float(share)),
}

rationals = st.builds(Rational, st.integers(1, 8), st.integers(4, 6))


def shared(loop):
    """Return the parameters that experiments of all rooms have, by name."""
    return {
        "workflow": WORKFLOWS[loop.workflow](loop.option),
        "samples": list(loop.sizes) if len(set(loop.sizes)) > 1 else loop.sizes[0],
        "generations": len(loop.sizes),
    }


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
        return gaussian_loop.Truth(mean, tuple(map(tuple, (lower * lower.T).tolist())))
    count = draw(st.integers(2, 6))
    row = st.tuples(*[entries] * dim)
    rows = draw(st.lists(row, min_size=count, max_size=count).filter(lambda r: len(set(r)) > 1))
    return gaussian_loop.Truth(rows=tuple(rows))


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
def sizes(draw, domain, dim):
    """Draw the batch sizes of a loop."""
    low, high = domain.sizes(dim)
    generations = draw(st.integers(1, min(domain.generations, domain.rows // low)))
    size = st.integers(low, min(high, domain.rows // generations))
    drawn = [draw(size)] * generations
    if not domain.constant:
        drawn = draw(st.lists(size, min_size=generations, max_size=generations))
    return tuple(drawn)

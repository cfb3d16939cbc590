"""Plans of `theory.weights_loop`, drawn by Hypothesis and turned into the package's workflows."""

from hypothesis import strategies as st
from sympy import Rational

import modelcollapse as mc
from tests.helpers.theory_loops import WORKFLOWS, rationals
from theory.weights_loop import EDIT, FRESH, SUBSAMPLE, Plan


def workflow(plan):
    """Return the package's workflow."""
    if plan.workflow == "weighted":
        return mc.Weighted([list(map(float, row)) for row in plan.option])
    if plan.workflow == "fresh-data":
        real, synthetic, weight = plan.option
        return mc.FreshData(real, synthetic, weight if weight is None else float(weight))
    if plan.workflow == "web":
        return mc.Web(*map(list, plan.option))
    if plan.workflow == EDIT:
        how, numbers = plan.option
        return mc.Edit(**{how: [int(x) if how == "rows" else float(x) for x in numbers]})
    return WORKFLOWS[plan.workflow](plan.option)


def shared(plan):
    """Return the parameters that experiments of all rooms have, by name."""
    sizes = plan.sizes[:1] if plan.workflow in (*FRESH, EDIT) else plan.sizes
    return {
        "workflow": workflow(plan),
        "samples": list(sizes) if len(set(sizes)) > 1 else sizes[0],
        "generations": plan.generations,
    }


def several(plan):
    """Return whether no random subset is one row, which has no covariance."""
    if plan.workflow != SUBSAMPLE:
        return True
    return min(plan.budget(t) for t in range(1, plan.generations + 1)) > 1


@st.composite
def options(draw, name, generations, sizes, *, vary, constant=False):
    """Draw what a workflow needs beside the batch sizes."""
    if name == "weighted":
        shares = [
            draw(st.lists(st.integers(0, 3), min_size=t, max_size=t).filter(any))
            for t in range(1, generations + 1)
        ]
        return tuple(tuple(Rational(a, sum(row)) for a in row) for row in shares)
    if name == "fresh-data":
        weight = draw(st.none() | rationals.map(lambda r: r / 3)) if vary else None
        return draw(sizes), draw(sizes), weight
    if name == "web":
        low = st.just(0) | sizes
        pair = st.tuples(low, low).filter(any)
        pairs = draw(st.lists(pair, min_size=generations - 1, max_size=generations - 1))
        return tuple(a for a, _ in pairs), tuple(b for _, b in pairs)
    if name == "sliding-window":
        return draw(st.integers(1, 4))
    if not vary or name not in {"accumulate-subsample", "keep-real"}:
        return None
    share, budget = rationals.map(lambda r: r / 3), st.integers(1, 12)
    each = budget if constant else budget | st.tuples(*[budget] * generations)
    return draw(st.none() | (share if name == "keep-real" else each))


@st.composite
def plans(draw, domain, low, high, rows=10**9):
    """Draw a workflow with its batch sizes: parts between low and high, so many rows in all."""
    name = draw(st.sampled_from(domain.workflows))
    parts = 2 if name in FRESH else 1
    generations = draw(st.integers(1, min(domain.generations, rows // (parts * low))))
    size = st.integers(low, max(low, min(high, rows // (parts * generations))))
    option = draw(options(name, generations, size, vary=domain.options, constant=domain.constant))
    if name == "fresh-data":
        later = [option[0] + option[1]] * (generations - 1)
        return Plan(name, (draw(size), *later), option)
    if name == "web":
        return Plan(name, (draw(size), *map(sum, zip(*option, strict=True))), option)
    if name == EDIT:
        n, how = draw(size), draw(st.sampled_from(["rows", "share"]))
        number = st.integers(0, n) if how == "rows" else st.integers(0, 4).map(lambda x: x / 4)
        each = draw(st.lists(number, min_size=generations - 1, max_size=generations - 1))
        return Plan(name, (n,) * generations, (how, tuple(map(Rational, each))))
    sizes = [draw(size)] * generations
    if not domain.constant:
        sizes = draw(st.lists(size, min_size=generations, max_size=generations))
    return Plan(name, tuple(sizes), option)

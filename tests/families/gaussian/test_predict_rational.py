"""Second-order predictions against rationals: every row's moments, propagated one by one."""

from fractions import Fraction
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse.testing import assert_mean
from tests.helpers.replay import Halving

HEATS = st.fractions(Fraction(1, 4), Fraction(4), max_denominator=8)
SIZES = st.lists(st.integers(2, 4), min_size=1, max_size=4)


def whole(sizes, last):
    """Return row numbers of each batch up to `last`."""
    ends = [sum(sizes[:s]) for s in range(last + 1)]
    return [list(range(a, b)) for a, b in pairwise(ends)]


def replace(sizes, t):
    """Give the last batch equal weights."""
    batch = whole(sizes, t)[-1]
    yield Fraction(1), dict.fromkeys(batch, Fraction(1, len(batch)))


def accumulate(sizes, t):
    """Give all rows equal weights."""
    yield Fraction(1), dict.fromkeys(range(sum(sizes[:t])), Fraction(1, sum(sizes[:t])))


def window(sizes, t):
    """Give the rows of the last two batches equal weights."""
    rows = [row for batch in whole(sizes, t)[-2:] for row in batch]
    yield Fraction(1), dict.fromkeys(rows, Fraction(1, len(rows)))


def kept(share):
    """Return the workflow that gives the real batch a share."""

    def weights(sizes, t):
        real, last = whole(sizes, t)[0], whole(sizes, t)[-1]
        if t == 1:
            yield Fraction(1), dict.fromkeys(real, Fraction(1, len(real)))
            return
        both = dict.fromkeys(real, share / len(real))
        yield Fraction(1), both | dict.fromkeys(last, (1 - share) / len(last))

    return weights


def halving(sizes, t):
    """Give batch s the weight 2^s, spread over its rows."""
    total = 2**t - 1
    yield (
        Fraction(1),
        {
            row: Fraction(2**s, total * len(batch))
            for s, batch in enumerate(whole(sizes, t))
            for row in batch
        },
    )


def subsample(budget):
    """Return the workflow that draws every subset of k rows with the same probability."""

    def weights(sizes, t):
        total = sum(sizes[:t])
        k = min(sizes[t - 1] if budget is None else budget, total)
        subsets = list(combinations(range(total), k))
        for chosen in subsets:
            yield Fraction(1, len(subsets)), dict.fromkeys(chosen, Fraction(1, k))

    return weights


def propagate(weightings, sizes, ddof, heat):
    """Return E v_t and E m_t^2 for a truth with mean 0 and variance 1, d = 1, exactly.

    C[i][j] = E x_i x_j over all rows so far; a selection is independent of the rows.
    """
    C, results = [], []
    square, variance, mixed = Fraction(0), Fraction(1), []
    for t, n in enumerate(sizes, 1):
        old, own = len(C), square + (heat if t > 1 else 1) * variance
        C = [row + [mixed[i]] * n for i, row in enumerate(C)]
        C += [[*mixed[:old], *(own if i == j else square for j in range(n))] for i in range(n)]
        square, variance, mixed = Fraction(0), Fraction(0), [Fraction(0)] * len(C)
        for probability, w in weightings(sizes, t):
            inner = [sum(a * C[i][j] for i, a in w.items()) for j in range(len(C))]
            mean_square = sum(a * inner[i] for i, a in w.items())
            spread = sum(a * C[i][i] for i, a in w.items()) - mean_square
            square += probability * mean_square
            variance += probability * spread / (1 - ddof * sum(a * a for a in w.values()))
            mixed = [m + probability * x for m, x in zip(mixed, inner, strict=True)]
        results.append((variance, square))
    return results


CASES = {
    "replace": (mc.Replace(), replace),
    "accumulate": (mc.Accumulate(), accumulate),
    "window": (mc.SlidingWindow(2), window),
    "keep-real": (mc.KeepReal(0.375), kept(Fraction(3, 8))),
    "halving": (Halving(), halving),
    "subsample": (mc.AccumulateSubsample(), subsample(None)),
    "budget": (mc.AccumulateSubsample(3), subsample(3)),
}


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=12)
@given(sizes=SIZES, ddof=st.sampled_from([0, 1]), heat=HEATS)
def test_predictions_are_the_rationals(name, sizes, ddof, heat):
    """Variance and squared error of four generations: a hundred roundings, 1e-13 relative."""
    workflow, weightings = CASES[name]
    if name in ("subsample", "budget"):
        sizes = sizes[:3]  # all subsets are enumerated
    exact = propagate(weightings, sizes, ddof, heat)
    e = mc.Experiment(mc.Gaussian(1, ddof), workflow, sizes, len(sizes), temperature=float(heat))
    prediction = mc.predict(e)

    assert prediction["variance"] == pytest.approx([float(v) for v, _ in exact], rel=1e-13)
    assert prediction["squared_error"] == pytest.approx([float(r) for _, r in exact], rel=1e-13)


def test_the_rationals_are_the_loop(seed):
    """The propagation itself, against 30,000 replicates: means within 0.08 deviations."""
    e = mc.Experiment(mc.Gaussian(1, 1), mc.AccumulateSubsample(3), [3, 2, 4], 3)
    exact = propagate(subsample(3), [3, 2, 4], 1, Fraction(1))
    simulated, prediction = mc.simulate(e, 30_000, seed), mc.predict(e)

    for t, (variance, error) in enumerate(exact):
        for name, value in (("variance", variance), ("squared_error", error)):
            spread = prediction.variances[name][t]
            assert_mean(simulated[name][:, t], float(value), spread)

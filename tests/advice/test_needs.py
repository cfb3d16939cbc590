"""The least that is enough, against the solver on both sides and against all numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse import mixed, solver
from modelcollapse.advice.needs import smallest
from tests.advice.test_plans import by_title

FRESH = ("fresh-pooled", "fresh-weighted", "fresh-accumulated")


def fresh_error(name, f, real, synthetic):
    """Return the last error with f fresh rows in each generation, step by step."""
    q, N = 1 / real, real
    for s in synthetic:
        before = N if name == "fresh-accumulated" else 0
        N = before + f + s
        w = f / (f + 1 / (q + 1 / s)) if name == "fresh-weighted" else f / N
        u = s / N if name != "fresh-weighted" else 1 - w
        q = (1 - w) ** 2 * q + u**2 / s + (w**2 / f if f else 0)
    return real * q


def error(name, number, real, synthetic):
    """Return the last error that so much of something leaves."""
    sizes = [real, *synthetic]
    if name == "budget":
        return solver.inflation(mc.AccumulateSubsample(number), sizes)[-1]
    if name == "kept-weight":
        if number in (0, 1):
            return solver.inflation(mc.Replace(), sizes)[-1] if number == 0 else 1.0
        return solver.inflation(mc.KeepReal(number), sizes)[-1]
    return fresh_error(name, number, real, synthetic)


@settings(max_examples=60)
@given(
    real=st.integers(1, 60),
    synthetic=st.lists(st.integers(1, 60), min_size=1, max_size=5),
    wanted=st.floats(0.3, 4),
)
def test_whole_numbers_against_all_of_them(real, synthetic, wanted):
    """The first that is enough, and all above it are."""
    found = {need.name: need for need in mc.advise(real, synthetic, at_most=wanted).needs}
    for name, most in (*((name, 150) for name in FRESH), ("budget", real + sum(synthetic))):
        first = 1 if name == "budget" else 0
        numbers = range(first, most + 1)
        enough = [error(name, k, real, synthetic) <= wanted * (1 + 1e-12) for k in numbers]
        assert enough == sorted(enough)  # from some number on
        value = found[name].value
        if any(enough):
            assert value == first + enough.index(True)
            assert isinstance(value, int)
        else:
            assert value is None or value > most


@settings(max_examples=60)
@given(
    real=st.integers(1, 60),
    synthetic=st.lists(st.integers(1, 60), min_size=1, max_size=5),
    wanted=st.floats(0.3, 4),
)
def test_a_weight_on_both_sides(real, synthetic, wanted):
    """A little more is enough, a little less is not."""
    found = {need.name: need for need in mc.advise(real, synthetic, at_most=wanted).needs}
    weight = found["kept-weight"].value
    if wanted < 1:
        assert weight is None
        return
    assert error("kept-weight", weight, real, synthetic) <= wanted * (1 + 1e-9)
    if weight > 1e-6:
        assert error("kept-weight", weight * (1 - 1e-6), real, synthetic) > wanted


@pytest.mark.parametrize("wanted", [0.4, 1.0, 1.3, 3.0])
@pytest.mark.parametrize(("real", "synthetic"), [(50, 20), (7, 300), (100, 100)])
def test_the_long_run(real, synthetic, wanted):
    """The closed forms' limits on both sides."""
    found = {n.name: n.long_run for n in mc.advise(real, synthetic, 3, at_most=wanted).needs}

    def pooled(f):
        return real / mixed.fresh_effective_samples(f, synthetic)

    def weighted(f):
        return real * mixed.optimal_weight(f, synthetic) / f

    for name, limit in (("fresh-pooled", pooled), ("fresh-weighted", weighted)):
        f = found[name]
        assert limit(f) <= wanted * (1 + 1e-12)
        assert f == 1 or limit(f - 1) > wanted
    everything = by_title(mc.advise(real, synthetic, 3))["all rows so far"].limit
    assert found["fresh-accumulated"] == (0 if everything <= wanted else 1)
    if wanted < 1:
        assert found["kept-weight"] is None
    else:
        a = found["kept-weight"]
        assert real * mixed.kept_fixed_point(a, real, synthetic) == pytest.approx(wanted)
    assert found["budget"] is None


def test_the_search():
    """Every threshold, with few looks."""
    for threshold in range(1, 40):
        looks = []

        def enough(k, threshold=threshold, looks=looks):
            looks.append(k)
            return k >= threshold

        assert smallest(enough, 1, 39) == threshold
        assert len(looks) <= 1 + 2 * np.log2(40)
        assert max(looks) <= 39
        assert smallest(enough, 1, threshold - 1) is None
    assert smallest(lambda k: k >= 0, 0, 10) == 0

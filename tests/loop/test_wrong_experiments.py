"""Closed forms and options given what they are not about: a clear error, before any work."""

import numpy as np
import pytest

import modelcollapse as mc

GAUSSIAN = mc.Experiment(mc.Gaussian(), mc.Replace(), 5, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mc.discrete.exact_law(GAUSSIAN), "whose model is a Discrete"),
        (lambda: mc.curated.distance_bound(GAUSSIAN), "whose model is a RegionVerifier"),
        (lambda: mc.curated.error_bounds(3), "e = 3"),
        (lambda: mc.mixed.phase([0.1, 0.2]), "critical_share takes arrays"),
        (lambda: mc.mixed.kept_squared_error(2.5, 0.5, 10, 10), "generation = 2.5"),
        (lambda: mc.Experiment(mc.Gaussian(), mc.Replace(), lambda: 1, 3), "returns a number"),
        (lambda: mc.simulate(GAUSSIAN, tolerance=1e-7), "tolerance = 1e-07"),
        (lambda: mc.simulate(GAUSSIAN, extra="mean"), r"\['mean'\]"),
    ],
)
def test_what_does_not_belong_is_refused_by_name(call, message):
    """The message names the argument, and what to give instead."""
    with pytest.raises(mc.InvalidInput, match=message):
        call()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: mc.Web({2: 50, 3: 70}, 30), r"real.* = "),
        (lambda: mc.Web({5, 6}, 30), r"real.* = "),
        (lambda: mc.Web(np.ones((2, 2), int), 2), r"real.* = "),
        (lambda: mc.Experiment(mc.Gaussian(), mc.Replace(), {0: 5}, 1), "samples = "),
        (lambda: mc.Experiment(mc.Gaussian(), mc.Replace(), {4, 5}, 1), "samples = "),
        (lambda: mc.simulate(loop(), 2, extra=None), "extra = None"),
        (lambda: mc.simulate(loop(), 2, extra=5), "extra = 5"),
        (lambda: mc.simulate(loop(), 2, progress=5), "progress = 5"),
        (lambda: mc.simulate(kernels(), 2, test=3, tolerance=True), "tolerance = True"),
        (lambda: mc.run(mc.Gaussian(), [[0.0], [1.0]], mc.Replace(), checkpoint=3), "checkpoint"),
        (lambda: mc.run(mc.Gaussian(), [[0.0], [1.0]], mc.Replace(), metrics=[1]), "metrics = "),
        (lambda: mc.run(mc.Gaussian(), [[0.0], [1.0]], mc.Replace(), progress=1), "progress = 1"),
        (lambda: mc.solver.squared_errors(3, [5, 5]), "workflow = 3 is not a workflow"),
        (lambda: mc.solver.limit("replace", 5), "workflow = 'replace' is not a workflow"),
    ],
    ids=range(14),
)
def test_what_is_no_number_or_function_is_named(make, message):
    """Instead of being read as something else, or failing somewhere inside."""
    with pytest.raises(mc.InvalidInput, match=message):
        make()


def loop():
    """Return a loop."""
    return mc.Experiment(mc.Gaussian(), mc.Replace(), 5, 2)


def kernels():
    """Return a loop of kernel densities."""
    return mc.Experiment(mc.KDE(0.5), mc.Replace(), 5, 2)


def test_names_may_come_one_by_one():
    """An iterator of quantities is read once."""
    assert "mise" in mc.simulate(kernels(), 2, extra=iter(["mise"]))


def test_a_web_that_depends_on_chance_is_refused():
    """As the sizes and the real rows would be of different draws."""
    rng = np.random.default_rng(0)
    with pytest.raises(mc.InvalidInput, match="they must not depend on chance"):
        mc.Experiment(mc.Gaussian(), mc.Web(lambda _: int(rng.integers(2, 99)), 500), 9, 9)


def test_a_limit_of_generations_is_a_whole_number():
    """Of any kind; and text is none."""

    class Short(mc.Replace):
        generations = np.int64(2)

    with pytest.raises(mc.InvalidInput, match="has no more"):
        mc.Experiment(mc.Gaussian(), Short(), 5, 3)
    Short.generations = "x"
    with pytest.raises(mc.InvalidInput, match="generations = 'x'"):
        mc.Experiment(mc.Gaussian(), Short(), 5, 3)


def test_a_field_that_was_not_set_makes_no_built_in():
    """A class whose own __init__ leaves out its parent's field."""

    class Mine(mc.SlidingWindow):
        def __init__(self):
            pass

        def training_rows(self, sizes, rng):
            return mc.Replace().training_rows(sizes, rng)

        batch_weights = memory = None

    assert mc.Experiment(mc.Gaussian(), Mine(), 5, 2).schedule.rule == ""

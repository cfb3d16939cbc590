"""Closed forms and options given what they are not about: a clear error, before any work."""

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
        (lambda: mc.Experiment(mc.Gaussian(), mc.Replace(), lambda: 1, 3), "returns a size"),
        (lambda: mc.simulate(GAUSSIAN, tolerance=1e-7), "tolerance = 1e-07"),
        (lambda: mc.simulate(GAUSSIAN, extra="mean"), r"\['mean'\]"),
    ],
)
def test_what_does_not_belong_is_refused_by_name(call, message):
    """The message names the argument, and what to give instead."""
    with pytest.raises(mc.InvalidInput, match=message):
        call()

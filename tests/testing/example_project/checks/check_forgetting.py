"""What the package promises, by contracts, verdicts, statistical checks and drawn loops."""

import numpy as np
import pytest
from forgetting import Fading, Laplace
from hypothesis import given, settings
from hypothesis import strategies as st

import modelcollapse as mc
from modelcollapse.testing import (
    EstimatorContract,
    WorkflowContract,
    assert_bounded_mean,
    strategies,
)

FADING = st.floats(0.05, 1.0).map(Fading)


class CheckFading(WorkflowContract):
    """It is a workflow."""

    @pytest.fixture(params=[0.1, 1.0])
    def workflow(self, request):
        """Forget much, and nothing."""
        return Fading(request.param)


class CheckLaplace(EstimatorContract):
    """It is an estimator."""

    @pytest.fixture
    def estimator(self):
        """Of any columns."""
        return Laplace()


def check_a_run_is_repeated(collapse_run, collapse_seed):
    """The same seed, which is this test's own, gives the same numbers."""
    once, again, other = (
        collapse_run(Laplace(), mc.Normal(0, 1), Fading(), 20, 5, **more)
        for more in ({}, {"seed": collapse_seed}, {"seed": collapse_seed + 1})
    )

    assert once["central_variance"].tolist() == again["central_variance"].tolist()
    assert once["central_variance"].tolist() != other["central_variance"].tolist()


def check_theory_knows_the_workflow(collapse_verdict):
    """The simulation of a mean under its weights agrees with the prediction."""
    weights = [Fading().batch_weights([5] * t) for t in range(1, 5)]
    loop = mc.Experiment(mc.NormalMean(), mc.Weighted(weights), samples=5, generations=4)
    verdicts = collapse_verdict(loop, effect=0.3)

    assert {v.verdict for v in verdicts} == {"holds"}


@pytest.mark.collapse_statistical(alpha=1e-6)
def check_half_of_the_rows_are_above_the_median(collapse_seed, collapse_alpha):
    """Of the fitted law, not of the training rows."""
    rng = np.random.default_rng(collapse_seed)
    model = Laplace().fit(rng.normal(size=(99, 1)))
    above = (model.sample(5_000, rng) > model.median_).astype(float)

    assert_bounded_mean(above[:, 0], 0.5, 0, 1, alpha=collapse_alpha)


@settings(deadline=None, max_examples=30)
@given(strategies.experiments(5, 8, model=st.from_type(mc.NormalMean), workflow=FADING))
def check_errors_grow(loop):
    """The first generation is the best: fading batches bring no real data back."""
    errors = mc.predict(loop)["squared_error"]

    assert errors.min() == errors[0]

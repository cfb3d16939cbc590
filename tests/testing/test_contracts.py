"""The contract suites: what keeps the contracts passes, and what breaks one of them fails."""

import random

import numpy as np
import pytest
from scipy.special import ndtr
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

from modelcollapse import (
    Accumulate,
    AccumulateSubsample,
    FreshData,
    Gaussian,
    InvalidInput,
    KeepReal,
    Replace,
    SlidingWindow,
    Web,
    Weighted,
)
from modelcollapse._support import generators
from modelcollapse.testing import (
    EstimatorContract,
    WorkflowContract,
    assert_bounded_mean,
    assert_frequency,
    assert_law,
    assert_mean,
    assert_same_law,
)
from modelcollapse.workflows import curves
from tests.helpers.broken import (
    AcceptsAll,
    Base,
    CentresInPlace,
    ChangesSizes,
    DoublesWeighted,
    DrawsGlobally,
    FirstRow,
    Frozen,
    Future,
    GlobalNumPy,
    GlobalPython,
    Infinite,
    KeptByChance,
    KeptInPlace,
    NoMixture,
    NoSample,
    Nowhere,
    OffByOne,
    OneScore,
    OneTooMany,
    OwnGenerator,
    OwnWeights,
    Recaller,
    Resampler,
    ReturnsNumber,
    SeedsGlobally,
    TooManyColumns,
    UnequalSum,
    UnevenRows,
    Unkept,
    Unseeded,
    WrongSlots,
)
from tests.helpers.toys import KEEPING, Reservoir


class TestWorkflows(WorkflowContract):
    """Every workflow of the package keeps the contract."""

    @pytest.fixture(
        params=[
            Replace(),
            Accumulate(),
            AccumulateSubsample(),
            AccumulateSubsample(3),
            SlidingWindow(1),
            SlidingWindow(3),
            KeepReal(),
            KeepReal(0.3),
            Weighted([[1], [0.3, 0.7], [0, 0.5, 0.5], [1, 0, 0, 0], [0.2] * 5, [0, 0, 0, 0, 0, 1]]),
            FreshData(3, 4),
            FreshData(3, 4, 0.8),
            Web(2, 5),
            Web((3, 0, 1), (0, 2, 4)),
            curves.growing(7, 0.9, 0.4),
            *KEEPING,
        ],
        ids=repr,
    )
    def workflow(self, request):
        """Return a workflow."""
        return request.param


class TestEstimators(EstimatorContract):
    """Our Gaussian and scikit-learn's estimators keep the contract as they are."""

    @pytest.fixture(
        params=[
            Gaussian(2),
            Gaussian(2, ddof=1),
            Gaussian(2, floor=0.1),
            KernelDensity(bandwidth=0.5),
            GaussianMixture(reg_covar=0.0, random_state=0),
        ],
        ids=repr,
    )
    def estimator(self, request):
        """Return an estimator."""
        return request.param


@pytest.mark.parametrize(
    ("workflow", "test"),
    [
        (Future(), "rows_exist"),
        (OwnGenerator(), "same_generator_same_rows"),
        (OwnWeights(), "same_generator_same_rows"),
        (GlobalNumPy(), "no_other_randomness"),
        (GlobalPython(), "no_other_randomness"),
        (SeedsGlobally(), "no_other_randomness"),
        (ChangesSizes(), "sizes_are_not_changed"),
        (UnequalSum(), "batch_weights_are_weights"),
        (OffByOne(), "batch_weights_agree_with_rows"),
        (UnevenRows(), "batch_weights_agree_with_rows"),
        (TooManyColumns(), "memory_reproduces_batch_weights"),
        (NoMixture(), "memory_reproduces_batch_weights"),
        (WrongSlots(), "memory_reproduces_batch_weights"),
        (Recaller(), "rows_exist"),
        (Unkept(), "rows_exist"),
        (KeptInPlace(), "rows_before_are_not_changed"),
        (KeptByChance(), "same_generator_same_rows"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_broken_workflow_fails(workflow, test):
    """A workflow that breaks one law fails the test of that law, and an unbroken one passes."""
    law = getattr(WorkflowContract(), f"test_{test}")
    law(Reservoir(3) if hasattr(workflow, "keep") else Base())

    with pytest.raises(AssertionError):
        law(workflow)


def test_the_contract_leaves_the_global_generators_alone():
    """Testing a workflow that seeds the global generators changes neither of them."""
    random.seed(5)
    expected = random.random()  # noqa: S311
    random.seed(5)
    with pytest.raises(AssertionError):
        WorkflowContract().test_no_other_randomness(SeedsGlobally())

    assert random.random() == expected  # noqa: S311


@pytest.mark.parametrize(
    ("estimator", "test", "arguments"),
    [
        (ReturnsNumber(), "fit_returns_a_model", ()),
        (CentresInPlace(), "fit_leaves_the_rows_alone", ()),
        (OneTooMany(), "samples_have_the_shape_asked_for", (2,)),
        (Infinite(), "samples_have_the_shape_asked_for", (2,)),
        (Unseeded(), "samples_follow_the_random_state", ()),
        (Frozen(), "samples_follow_the_random_state", ()),
        (Nowhere(), "scores_are_finite", ()),
        (OneScore(), "scores_are_finite", ()),
        (FirstRow(), "fit_ignores_the_order_of_rows", ()),
        (DoublesWeighted(), "equal_weights_are_no_weights", ()),
        (AcceptsAll(), "fit_refuses_what_is_not_finite", (np.nan,)),
    ],
    ids=lambda value: str(value) if isinstance(value, (str, tuple)) else type(value).__name__,
)
def test_a_broken_estimator_fails(estimator, test, arguments):
    """An estimator that breaks one law fails the test of that law, and an unbroken one passes."""
    law = getattr(EstimatorContract(), f"test_{test}")
    rows = np.random.default_rng(0).normal(size=(20, 2))
    law(Resampler(), rows, *arguments)

    with pytest.raises(AssertionError):
        law(estimator, rows, *arguments)


def test_an_estimator_of_the_global_generators_keeps_the_contract_with_them_seeded():
    """The suite says so where they are not, and leaves their states as they were."""

    class Seeded(EstimatorContract):
        seed_global = True

    rows = np.random.default_rng(0).normal(size=(20, 2))
    before = generators.state()
    Seeded().test_samples_follow_the_random_state(DrawsGlobally(), rows)
    assert generators.state() == before
    with pytest.raises(AssertionError, match="set seed_global = True"):
        EstimatorContract().test_samples_follow_the_random_state(DrawsGlobally(), rows)
    with pytest.raises(AssertionError, match="for different values of random_state"):
        Seeded().test_samples_follow_the_random_state(Frozen(), rows)


def test_rows_of_one_order_test_nothing():
    """Equal rows are the same in every order: the suite asks for others."""
    with pytest.raises(AssertionError, match="training_rows have one order alone"):
        EstimatorContract().test_fit_ignores_the_order_of_rows(FirstRow(), np.ones((20, 2)))


def test_an_estimator_without_sample_cannot_be_driven():
    """The first test of the suite says which method is missing."""
    with pytest.raises(AssertionError, match="has no method sample"):
        EstimatorContract().test_it_can_be_driven(NoSample())


def test_assertions_accept_the_truth_and_reject_near_misses(seed):
    """Each assertion passes for the true claim and names the evidence against a wrong one."""
    u = np.random.default_rng(seed).uniform(size=20_000)
    below = int((u < 0.5).sum())

    assert_law(u, lambda x: np.clip(x, 0, 1))
    assert_mean(u, 0.5, 1 / 12)
    assert_bounded_mean(u, 0.6, 0, 1, side="above")
    assert_frequency(below, len(u), 0.4, side="below")
    with pytest.raises(AssertionError, match=r"rejected: their law is the cdf. DKW-Massart"):
        assert_law(u, lambda x: np.clip(x, 0, 1) ** 2)
    with pytest.raises(
        AssertionError, match=r"rejected: the mean is 0.55. Catoni .*observed 0\.[45]"
    ):
        assert_mean(u, 0.55, 1 / 12)
    with pytest.raises(AssertionError, match=r"rejected: the mean is at most 0.4. Hoeffding"):
        assert_bounded_mean(u, 0.4, 0, 1, side="above")
    with pytest.raises(
        AssertionError, match=r"rejected: the probability is at least 0.6. binomial"
    ):
        assert_frequency(below, len(u), 0.6, side="below")


def test_assertions_have_the_levels_that_are_documented():
    """A false alarm and a miss each have a probability of at most 1e-9 unless others are given."""
    u = np.random.default_rng(0).random(200)
    found = [
        assert_law(u, lambda x: np.clip(x, 0.0, 1.0)),
        assert_mean(u, 0.5, 1 / 12),
        assert_bounded_mean(u, 0.5, 0, 1),
        assert_frequency(int((u < 0.5).sum()), len(u), 0.5),
    ]
    assert {(outcome.alpha, outcome.beta) for outcome in found} == {(1e-9, 1e-9)}


ONES = np.ones(200)


@pytest.mark.parametrize(
    ("assertion", "needed"),
    [
        (lambda n: assert_law(1e9 * ONES[:n], ndtr), 11),
        (lambda n: assert_same_law(ONES[:n], -ONES[:n]), 45),
        (lambda n: assert_bounded_mean(ONES[:n], 0.7, 0, 1, side="above"), 116),
        (lambda n: assert_bounded_mean(0 * ONES[:n], 0.7, 0, 1, side="below"), 22),
        (lambda n: assert_frequency(n, n, 0.5), 31),
        (lambda n: assert_frequency(n, n, 0.7, side="above"), 59),
        (lambda n: assert_frequency(0, n, 0.7, side="below"), 18),
        (lambda n: assert_mean(1e9 * ONES[:n], 0.0, 1.0), 43),
    ],
)
def test_an_assertion_that_cannot_fail_is_refused(assertion, needed):
    """It names the number of samples with which the same data, the most extreme, are rejected."""
    for n in (1, needed - 1):
        with pytest.raises(InvalidInput, match=f"at least {needed}"):
            assertion(n)
    with pytest.raises(AssertionError, match="rejected"):
        assertion(needed)


@pytest.mark.parametrize(("claimed", "side"), [(1.0, "above"), (0.0, "below")])
def test_an_assertion_that_all_data_meet_is_refused(claimed, side):
    """A probability is at most 1, whatever the data, and a mean is within its bounds."""
    for call in (
        lambda: assert_frequency(3, 200, claimed, side=side),
        lambda: assert_bounded_mean(ONES, claimed, 0, 1, side=side),
        lambda: assert_bounded_mean(ONES, 3 * claimed - 1, 0, 1, side=side),
    ):
        with pytest.raises(InvalidInput, match="every value that there can be meets it"):
            call()

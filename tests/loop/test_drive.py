"""The plain loop drives anybody's estimator, with fresh randomness at every step."""

from itertools import pairwise

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

from modelcollapse import Gaussian, InvalidInput, KeepReal, Replace, Rows, run
from tests.helpers.toys import FLOORED, PLANE, WORKFLOWS, Ladder, mixture, same, same_batches

pytestmark = FLOORED


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=repr)
@pytest.mark.parametrize(
    "estimator",
    [Gaussian(2), KernelDensity(bandwidth=0.4), mixture(0)],
    ids=lambda estimator: type(estimator).__name__,
)
def test_estimators_and_workflows(estimator, workflow):
    """Ours and scikit-learn's run under every workflow, weighted ones if they take weights."""
    if isinstance(estimator, GaussianMixture) and workflow == KeepReal(0.3):
        with pytest.raises(InvalidInput, match=r"GaussianMixture.*KeepReal\(\) without a share"):
            run(estimator, PLANE, workflow)
        return
    result = run(estimator, PLANE, workflow, 12, 4, test=np.zeros((3, 2)))

    assert result.completed
    assert [batch.shape for batch in result.batches] == [(12, 2)] * 4
    assert all(np.isfinite(result[name]).all() for name in result.metrics)
    assert result.generations.tolist() == [1, 2, 3, 4]


def test_fixed_random_state_does_not_repeat_samples():
    """GaussianMixture(random_state=0) repeats itself at every sample; in the loop it does not."""
    truth = Rows(np.random.default_rng(0).normal(size=(50, 1)))
    model = GaussianMixture(random_state=0).fit(truth.values)
    batches = run(GaussianMixture(random_state=0), truth, Replace(), 50, 4).batches
    noise = [(batch - before.mean()) / before.std() for before, batch in pairwise(batches)]

    assert np.array_equal(model.sample(50)[0], model.sample(50)[0])
    for one, other in ((0, 1), (1, 2), (0, 2)):
        assert np.abs(noise[one] - noise[other]).max() > 0.1


def test_a_random_state_of_the_estimator_is_replaced():
    """The batches depend on the loop's seed, not on the estimator's random_state."""
    one, other = (run(mixture(r), PLANE, Replace(), 20, 3) for r in (0, 9))

    assert same_batches(one, other)
    assert not same_batches(one, run(mixture(0), PLANE, Replace(), 20, 3, seed=1))


SEEN: list = []
ASKED = 3


class Recorder:
    """Notes what it is given as randomness; `parameter` is the one that sample takes."""

    random_state = 0

    def fit(self, X):
        """Note the attribute."""
        self.fitted_with, self.dim = self.random_state, X.shape[1]

    def _draw(self, n, *, randomness):
        if n == ASKED:  # and not a look at the seeds
            SEEN.append((self.fitted_with, randomness))
        return np.random.default_rng(randomness).normal(size=(n, self.dim))


class ByState(Recorder):
    """Takes random_state."""

    def sample(self, n, random_state=None):
        """Draw."""
        return self._draw(n, randomness=random_state)


class BySeed(Recorder):
    """Takes seed."""

    def sample(self, n, seed):
        """Draw."""
        return self._draw(n, randomness=seed)


class ByGenerator(Recorder):
    """Takes rng."""

    def sample(self, n, rng):
        """Draw."""
        return self._draw(n, randomness=rng)


class ByAttribute(Recorder):
    """Uses its attribute."""

    def sample(self, n):
        """Draw."""
        return self._draw(n, randomness=self.random_state)


class ByArgument(ByState):
    """Takes the randomness of its fit as an argument, too."""

    def fit(self, X, sample_weight=None, seed=None):
        """Note the argument."""
        del sample_weight
        self.fitted_with, self.dim = seed, X.shape[1]


@pytest.mark.parametrize("kind", [ByState, BySeed, ByGenerator, ByAttribute, ByArgument])
def test_every_fit_and_sample_gets_fresh_randomness(kind):
    """Integers go to random_state, seed and attributes, a Generator to rng; all differ."""
    SEEN.clear()
    first = run(kind(), PLANE, Replace(), ASKED, 4)
    second = run(kind(), PLANE, Replace(), ASKED, 4)
    fits, samples = zip(*SEEN[:3], strict=True)

    assert same(first, second)
    assert len({id(s) for s in samples}) == len(set(map(str, fits))) == 3
    if kind is ByGenerator:
        assert all(isinstance(s, np.random.Generator) for s in samples)
    else:
        assert len({*fits, *samples}) == 6
        assert all(isinstance(value, int) for value in (*fits, *samples))


def test_the_estimator_given_is_never_changed():
    """It is copied: a fitted one starts afresh and keeps its own fit."""
    estimator = Gaussian(2).fit(np.eye(2))
    other = mixture(3)
    run(estimator, PLANE, Replace(), 10, 3)
    run(other, PLANE, Replace(), 10, 3)

    assert estimator.mean_.tolist() == [0.5, 0.5]
    assert other.random_state == 3
    assert not hasattr(other, "means_")


def test_a_fitted_estimator_starts_afresh():
    """Nothing of an earlier fit is left, not even with scikit-learn's warm start."""
    fitted = mixture(0).set_params(warm_start=True).fit(100 * np.eye(4, 2))
    fresh = run(mixture(0), PLANE, Replace(), 10, 3)

    assert same_batches(run(fitted, PLANE, Replace(), 10, 3), fresh)


def test_a_fit_that_returns_the_model():
    """A fit may return a new model, as in functional libraries."""

    class Functional:
        """Its fit returns another object."""

        def fit(self, X):
            """Return a fitted Gaussian."""
            return Gaussian(X.shape[1]).fit(X)

        def sample(self, n):
            """Never called."""
            raise NotImplementedError

    assert same_batches(
        run(Functional(), PLANE, Replace(), 9, 3), run(Gaussian(2), PLANE, Replace(), 9, 3)
    )


def test_rows_of_one_column_may_be_flat():
    """A sample of shape (n,) will do where there is one column."""

    class Flat(Ladder):
        """Samples without a second axis."""

        def sample(self, n, random_state):
            """Return shape (n,)."""
            return super().sample(n, random_state)[:, 0]

    assert same_batches(
        run(Flat(), [0.0, 1.0], Replace(), 3, 3), run(Ladder(), [0.0, 1.0], Replace(), 3, 3)
    )


def test_temperature_is_passed_to_synthetic_batches_only():
    """Noise is multiplied by sqrt(temperature); the real batch is the same."""
    cold = run(Gaussian(2), PLANE, Replace(), 10, 2)
    hot = run(Gaussian(2), PLANE, Replace(), 10, 2, temperature=4.0)
    centre = cold.batches[0].mean(axis=0)

    assert np.array_equal(cold.batches[0], hot.batches[0])
    assert hot.batches[1] - centre == pytest.approx(2 * (cold.batches[1] - centre))

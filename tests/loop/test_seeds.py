"""Where an estimator's randomness comes from: its seeds, a fixed one, or the global generators."""

import random
import sys

import numpy as np
import pytest
from sklearn.neighbors import KernelDensity
from sklearn.utils import check_random_state

from modelcollapse import Accumulate, Discrete, Gaussian, InvalidInput, Replace, run
from modelcollapse._support import generators
from tests.helpers.toys import FLOORED, PLANE, mixture, same

NOISY = "takes no random_state, seed or rng"
FROZEN = "samples the same rows under every random_state"


class Normal:
    """Fits a normal law of independent columns; its subclasses say where the noise is from."""

    def __init__(self, rng=None):
        self.kept = rng

    def fit(self, X):
        """Keep the moments."""
        self.mean, self.deviation = X.mean(axis=0), X.std(axis=0)
        return self

    def sample(self, n):
        """Return normal rows."""
        return self.mean + self.deviation * self.noise((n, len(self.mean)))


class Fixed(Normal):
    """One seed in each call."""

    def noise(self, shape):
        """Draw from the seed 0."""
        return np.random.default_rng(0).normal(size=shape)


class FixedPairs(Fixed):
    """Returns components too, as scikit-learn's mixture does, and takes a seed that it ignores."""

    def sample(self, n, seed=None):
        """Return rows and their components."""
        del seed
        return super().sample(n), np.zeros(n)


class FixedAfterAll(Fixed):
    """Fits differ a little, by chance; the noise is one."""

    def fit(self, X):
        """Move the mean."""
        super().fit(X)
        self.mean = self.mean + np.random.default_rng().normal(size=self.mean.shape)
        return self


class Carried(Normal):
    """Keeps a generator from its beginning, of which each generation has a copy."""

    def noise(self, shape):
        """Draw from that generator."""
        return self.kept.normal(size=shape)


class MadeInFit(Normal):
    """Makes a generator of a fixed seed in each fit."""

    def fit(self, X):
        """Make it."""
        self.made = np.random.default_rng(0)
        return super().fit(X)

    def noise(self, shape):
        """Draw from that generator."""
        return self.made.normal(size=shape)


class SeedsGlobals(Normal):
    """Seeds the global generator itself, in each call."""

    def noise(self, shape):
        """Draw from it."""
        np.random.seed(0)  # noqa: NPY002
        return np.random.normal(size=shape)  # noqa: NPY002


class MadeOfRandomState(Normal):
    """Makes its generator in each fit of the random state that it is given: a correct one."""

    random_state = None

    def fit(self, X):
        """Make it."""
        self.made = check_random_state(self.random_state)
        return super().fit(X)

    def noise(self, shape):
        """Draw from that generator."""
        return self.made.normal(size=shape)


class Global(Normal):
    """Draws from the global generators of NumPy and Python, in fit and in sample."""

    def fit(self, X):
        """Move the mean."""
        super().fit(X)
        self.mean = self.mean + 0.01 * np.random.normal() + 0.01 * random.gauss(0, 1)  # noqa: NPY002
        return self

    def noise(self, shape):
        """Draw from both."""
        return np.random.normal(size=shape) + random.gauss(0, 1)  # noqa: NPY002


class Torch(Global):
    """Draws from PyTorch's global generator too."""

    def noise(self, shape):
        """Draw from it."""
        return super().noise(shape) + sys.modules["torch"].randn(shape).numpy()


class Entropy(Normal):
    """Draws from a new generator in each call."""

    def noise(self, shape):
        """Draw from the operating system's entropy."""
        return np.random.default_rng().normal(size=shape)


class Point(Fixed):
    """Has one value alone: that all its samples are equal is no fault."""

    def fit(self, X):
        """Drop the deviation."""
        super().fit(X)
        self.deviation = 0 * self.deviation
        return self


@pytest.mark.parametrize(
    "estimator",
    [
        Fixed(),
        FixedPairs(),
        FixedAfterAll(),
        Carried(np.random.default_rng(0)),
        MadeInFit(),
        SeedsGlobals(),
    ],
    ids=lambda e: type(e).__name__,
)
@pytest.mark.filterwarnings(f"ignore:.*{NOISY}")
@pytest.mark.parametrize("seed_global", [False, True])
def test_a_fixed_seed_inside_is_refused(tmp_path, estimator, seed_global):
    """Each generation would have the same noise; nothing is kept of such a run."""
    options = {"seed_global": seed_global, "checkpoint": tmp_path / "c"}
    with pytest.raises(InvalidInput, match=FROZEN):
        run(estimator, PLANE, Replace(), 20, 4, **options)
    assert not (tmp_path / "c").exists()
    assert run(estimator, PLANE, Replace(), 20, 1, seed_global=seed_global).completed


@FLOORED
@pytest.mark.parametrize(
    ("estimator", "data"),
    [
        (Gaussian(2), PLANE),
        (KernelDensity(), PLANE),
        (mixture(0), PLANE),
        (MadeOfRandomState(), PLANE),
        (Discrete(2), np.array([[1.0]] + 99 * [[0.0]])),
        (Discrete(2), np.array([[1.0], [0.0]])),
    ],
    ids=["gaussian", "kernels", "mixture", "own", "rare", "coin"],
)
def test_looking_at_the_seeds_changes_no_numbers(monkeypatch, estimator, data):
    """A correct estimator gives the same bits whether it was looked at or not, at any seed."""
    for seed in range(5):
        looked = run(estimator, data, Accumulate(), 20, 3, seed)
        with monkeypatch.context() as patch:
            patch.setattr("modelcollapse.loop.estimators.frozen", lambda *_: False)
            assert same(looked, run(estimator, data, Accumulate(), 20, 3, seed))
        assert looked.reproducible


@pytest.mark.parametrize(
    "estimator", [Global(), Entropy(), Point()], ids=lambda e: type(e).__name__
)
def test_what_cannot_be_seeded_is_said_once(estimator):
    """One warning, and the run says it too; the look at the seeds leaves no trace."""
    with pytest.warns(UserWarning, match=NOISY) as caught:
        found = run(estimator, PLANE, Replace(), 20, 4)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert found.completed
    assert not found.reproducible


@pytest.mark.filterwarnings(f"ignore:.*{NOISY}")
def test_the_look_leaves_the_global_generators_as_a_user_seeded_them(monkeypatch):
    """Who seeds them before the call has the same numbers whether or not it looks."""
    batches = []
    for look in (True, False):
        with monkeypatch.context() as patch:
            if not look:
                patch.setattr("modelcollapse.loop.estimators.frozen", lambda *_: False)
            np.random.seed(3)  # noqa: NPY002
            random.seed(4)
            batches.append(run(Global(), PLANE, Replace(), 20, 3).batches)
    assert all(np.array_equal(*pair) for pair in zip(*batches, strict=True))


@pytest.mark.parametrize(
    "estimator",
    [Global(), pytest.param(Torch(), marks=pytest.mark.language)],
    ids=lambda e: type(e).__name__,
)
def test_seeded_global_generators_give_the_same_numbers(tmp_path, estimator):
    """Whatever their state, which comes back; a stopped run goes on with the same bits."""
    if isinstance(estimator, Torch):
        pytest.importorskip("torch").manual_seed(1)
    arguments = (estimator, PLANE, Replace(), 20)
    whole = run(*arguments, 5, seed_global=True)
    random.seed(7)
    np.random.seed(7)  # noqa: NPY002
    before = generators.state()
    state = sys.modules["torch"].get_rng_state() if "torch" in sys.modules else None
    run(*arguments, 2, seed_global=True, checkpoint=tmp_path / "c")
    resumed = run(*arguments, 5, seed_global=True, checkpoint=tmp_path / "c")

    assert same(resumed, whole)
    assert resumed.reproducible
    assert generators.state() == before
    if state is not None:
        assert sys.modules["torch"].get_rng_state().equal(state)
    other = run(*arguments, 5, 1, seed_global=True)
    assert not np.array_equal(other.batches[1], whole.batches[1])
    noise = [batch - batch.mean(axis=0) for batch in whole.batches[1:]]
    assert len({np.sign(rows).tobytes() for rows in noise}) == len(noise)


def test_seeding_the_global_generators_belongs_to_the_configuration(tmp_path):
    """A checkpoint of one is not the other's, though a seeded estimator has the same numbers."""
    plain = run(Gaussian(2), PLANE, Replace(), 5, 3, checkpoint=tmp_path / "c")
    seeded = run(Gaussian(2), PLANE, Replace(), 5, 3, seed_global=True)

    assert (plain.experiment["seed_global"], seeded.experiment["seed_global"]) == (False, True)
    assert np.array_equal(plain["variance"], seeded["variance"])
    with pytest.raises(InvalidInput, match="seed_global is False there and True here"):
        run(Gaussian(2), PLANE, Replace(), 5, 3, seed_global=True, checkpoint=tmp_path / "c")
    with pytest.raises(InvalidInput, match="seed_global = 1 is not valid"):
        run(Gaussian(2), PLANE, Replace(), 5, 3, seed_global=1)


class Keeping:
    """It keeps a generator, or a seed that is none, which the loop cannot set."""

    def fit(self, X):
        """Keep the mean."""
        self.mean_, self.rng, self.seed = X.mean(), np.random.default_rng(), None

    def sample(self, n):
        """Draw about it."""
        return self.mean_ + self.rng.normal(size=(n, 1))


def test_a_generator_of_its_own_is_not_reproducible():
    """An attribute called rng or seed is nothing that the loop gives."""
    with pytest.warns(UserWarning, match="takes no random_state, seed or rng"):
        found = run(Keeping(), [[0.0], [1.0], [3.0]], Replace(), 9, 3)
    assert not found.reproducible

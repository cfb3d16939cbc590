"""The data sets of the paper's kernel density experiments, each of one fixed distribution."""

from collections.abc import Callable

import numpy as np

from modelcollapse._support.checks import Floats, whole
from modelcollapse._support.errors import unknown
from modelcollapse.loop.truth import NormalMixture, Rows

# 10.8 to 13.1 apart; two centres that make_blobs draws are 10.4 apart on average.
CENTRES = ((-6.0, -4.0), (1.0, 7.0), (5.0, -3.0))
BOX = 10.0  # make_blobs draws each coordinate of a centre from [-BOX, BOX]
NOISE = 0.05
POINTS = 10_000  # on the noiseless circles and moons
# First in the key of every stream. Data and a loop on it often have the same seed, and a loop's
# keys begin with a generation or a block of replicates, which never gets as large as this.
STREAM = 2410_16713
WHOLE, TRAIN, TEST = 0, 1, 2


def paper(name: str, rows: int, seed: int) -> Rows:
    """Draw a data set of the paper's kernel density experiments.

    Each name but "blobs-mismatched" is one fixed distribution, whatever `rows` and `seed`: its
    rows are independent, and two seeds give independent samples, so that one can be training
    data and the other test data.

    Parameters
    ----------
    name
        "blobs"
            Three clusters in the plane, see `blobs_mixture`.
        "circles"
            Two circles about the origin, of radius 1 and 0.8, with normal noise of standard
            deviation 0.05 on each coordinate.
        "moons"
            Two interleaved half circles of radius 1, with the same noise.
        "swiss_roll"
            A rolled-up sheet in space, with the same noise.
        "blobs-mismatched"
            The paper's artefact, for comparisons only: blobs whose centres depend on the seed.
            See the notes.
    rows
        The number of rows, at least 2.
    seed
        At least 0. Equal arguments give equal bits.

    Returns
    -------
    Rows
        `values` has shape (rows, 3) for "swiss_roll" and (rows, 2) otherwise; no units.

    Raises
    ------
    InvalidInput
        If there is no such data set, or `rows` or `seed` is not a whole number in its range.

    Notes
    -----
    scikit-learn's ``make_circles(n)`` and ``make_moons(n)`` put n points at fixed, evenly spaced
    angles and add noise: rows depend on each other, and their law depends on n. With n = 10, the
    paper's smallest batch, every seed has the same ten points but for noise. Here rows are drawn
    with replacement from the 10,000 points that these functions make without noise, and noise is
    added: the same curves, and one law. ``make_swiss_roll`` draws independent rows and is
    used as it is. ``make_blobs`` has cluster sizes that are equal up to one; here each row draws
    its cluster, each with probability 1/3.

    The paper's code calls ``make_blobs`` once for training and once for test data, both times with
    the defaults ``centers=None, random_state=None``, and each call draws three new centres,
    uniformly in [-10, 10]^2. Its test loss on blobs is therefore measured on a distribution other
    than the one that is learned.
    "blobs-mismatched" repeats this: two seeds give two sets of centres. Such a loss rewards blur.
    Fit N(0, (1 + v) I) to one cluster N(0, I) of the plane and test on N(D, I): the expected
    log-loss

        log(2 pi (1 + v)) + (2 + |D|^2)/(2 (1 + v))

    is least at v = |D|^2/2, which is the truth v = 0 only if D = 0. Over the centres' law
    E|D|^2 = 400/3, so that a standard deviation of about 8 in place of 1 scores best. A loop that
    smears its data more in each generation seems to improve, and bandwidths that are far too large
    seem best.

    References
    ----------
    Kazdan et al., "Collapse or Thrive? Perils and Promises of Synthetic Data in a Self-Generating
    World", arXiv:2410.16713: the experiments with kernel density estimators, and their code,
    whose test sets have 500 rows.
    """
    name, rows = _known(name), whole("rows", rows, minimum=2)
    return Rows(_draw(name, rows, whole("seed", seed, minimum=0), WHOLE), name)


def split(name: str, train: int, test: int, seed: int) -> tuple[Rows, Floats]:
    """Draw independent training and test data of one distribution.

    Parameters
    ----------
    name
        As in `paper`. For "blobs-mismatched" the two parts have different centres, as in the
        paper.
    train, test
        The numbers of rows, at least 2 and at least 1; the paper's `test` is 500.
    seed
        At least 0. Equal arguments give equal bits, each part depends on its own size only, and
        both are independent of each other and of what `paper` draws with this seed.

    Returns
    -------
    tuple[Rows, Floats]
        The training data, and the test data of shape (test, d).

    Raises
    ------
    InvalidInput
        If there is no such data set, or a number is not a whole number in its range.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> train, test = mc.datasets.split("moons", train=100, test=50, seed=0)
    >>> print(train.shape, test.shape)
    (100, 2) (50, 2)
    """
    name, seed = _known(name), whole("seed", seed, minimum=0)
    train, test = whole("train", train, minimum=2), whole("test", test)
    return Rows(_draw(name, train, seed, TRAIN), name), _draw(name, test, seed, TEST)


def blobs_mixture(seed: int | None = None) -> NormalMixture:
    """Return the distribution of "blobs": normals in the plane about three centres.

    The centres are (-6, -4), (1, 7) and (5, -3), the weights 1/3 and the covariances I, so that
    the mean is 0 and the covariance is ((65, 16), (16, 77))/3. The paper has no fixed centres;
    these are chosen by hand, about as far apart as its own.

    With a seed the centres are drawn as the paper's code draws them: uniformly in [-10, 10]^2.
    They are those of ``paper("blobs-mismatched", rows, seed)``.
    """
    if seed is None:
        return _clusters(np.array(CENTRES))
    return _clusters(_centres(_stream("blobs-mismatched", whole("seed", seed, minimum=0), WHOLE)))


def _clusters(centres: Floats) -> NormalMixture:
    """Return the mixture, in equal parts, of N(c, I) for each centre c; shape (k, d)."""
    count, dim = centres.shape
    return NormalMixture(np.full(count, 1 / count), centres, np.tile(np.eye(dim), (count, 1, 1)))


def _known(name: str) -> str:
    if not isinstance(name, str) or name not in PAPER:
        raise unknown("data set", name, PAPER)
    return name


def _draw(name: str, rows: int, seed: int, part: int) -> Floats:
    return _SAMPLERS[name](rows, _stream(name, seed, part))


def _stream(name: str, seed: int, part: int) -> np.random.Generator:
    """Return a stream of its own for each name, seed and part."""
    sequence = np.random.SeedSequence(seed, spawn_key=(STREAM, part, *name.encode()))
    return np.random.Generator(np.random.PCG64(sequence))


def _blobs(rows: int, rng: np.random.Generator) -> Floats:
    return blobs_mixture().sample(rows, rng)


def _mismatched(rows: int, rng: np.random.Generator) -> Floats:
    return _clusters(_centres(rng)).sample(rows, rng)


def _centres(rng: np.random.Generator) -> Floats:
    return rng.uniform(-BOX, BOX, size=(len(CENTRES), 2))


def _circles(rows: int, rng: np.random.Generator) -> Floats:
    from sklearn.datasets import make_circles

    return _scattered(make_circles(POINTS, shuffle=False)[0], rows, rng)


def _moons(rows: int, rng: np.random.Generator) -> Floats:
    from sklearn.datasets import make_moons

    return _scattered(make_moons(POINTS, shuffle=False)[0], rows, rng)


def _scattered(curve: Floats, rows: int, rng: np.random.Generator) -> Floats:
    """Draw points of a curve with replacement, shape (rows, d), and add noise."""
    points = curve[rng.integers(len(curve), size=rows)]
    return np.asarray(points + NOISE * rng.standard_normal(points.shape))


def _swiss_roll(rows: int, rng: np.random.Generator) -> Floats:
    from sklearn.datasets import make_swiss_roll

    # The stream itself, as an integer for scikit-learn has 32 bits only: among 100,000 seeds two
    # would probably share theirs.
    state = np.random.RandomState(rng.bit_generator)
    values: Floats = make_swiss_roll(rows, noise=NOISE, random_state=state)[0]
    return values


_SAMPLERS: dict[str, Callable[[int, np.random.Generator], Floats]] = {
    "blobs": _blobs,
    "blobs-mismatched": _mismatched,
    "circles": _circles,
    "moons": _moons,
    "swiss_roll": _swiss_roll,
}
PAPER = tuple(_SAMPLERS)

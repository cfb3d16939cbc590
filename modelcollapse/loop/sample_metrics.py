"""Ready-made metrics that compare rows sampled from a model with reference rows.

Each takes ``(sample, reference)``, two finite arrays or tables of shapes (n, d) and (m, d) with at
least two rows, and options by keyword. All but `c2st` are unchanged where both are translated or
rotated together, `sliced_w2_squared` in law only; each says what becomes of it in other units.
Entries are at most 1e70, so that no square overflows.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from modelcollapse._support import checks
from modelcollapse._support.checks import Floats, number, rows, shares, whole
from modelcollapse._support.errors import InvalidInput, invalid, missing
from modelcollapse._support.memory import require
from modelcollapse._support.words import many
from modelcollapse.loop.truth import LARGEST

__all__ = ["NAMES", "c2st", "covariance_spectrum", "coverage", "density", "effective_rank"]
__all__ += ["energy_distance", "mmd_squared", "named", "precision", "recall"]
__all__ += ["sliced_w2_squared", "w2_squared"]

SampleMetric = Callable[..., Any]
POT_BYTES = 50.0  # that it takes for a pair of rows, measured with POT 0.9.7
CHUNK = 2**22  # distances held at once, 32 MiB
PIVOTS = 10**9  # the memory ends before: where POT stops early, it returns a wrong value


def w2_squared(sample: Any, reference: Any, *, sample_weight: Any = None) -> float:
    """Return the squared 2-Wasserstein distance W of the two empirical distributions, exactly.

    W is the least mean of |x - y|^2 over all couplings. In one dimension it is that of the
    quantile functions, found by sorting. In more, equal numbers of rows are assigned to each
    other (SciPy), which takes O(n^3) time and 8 n^2 bytes: about a second for n = 2000. Anything
    else is a linear program, for POT (the extra `metrics`), with 50 n m bytes.

    It is 0 for equal distributions only. Between two samples of one law it is positive, and with a
    density its mean falls no faster than n^(-2/d); so compare it with that between two samples of
    the reference. In many dimensions a sample that is too narrow is nearer than one that is not:
    see `sliced_w2_squared`. In other units it is multiplied by their square.

    Parameters
    ----------
    sample, reference
        Shapes (n, d) and (m, d).
    sample_weight
        Weights of the rows of the sample, shape (n,); None stands for equal ones.

    Raises
    ------
    InvalidInput
        If the rows are not usable, or too many for the memory.
    MissingDependency
        If POT is not installed, d > 1, and n is not m or there are weights.

    References
    ----------
    Peyré and Cuturi, "Computational optimal transport", Foundations and Trends in Machine
    Learning 11, 2019. Fournier and Guillin, "On the rate of convergence in Wasserstein distance of
    the empirical measure", Probability Theory and Related Fields 162, 2015.
    """
    x, y = _checked(sample, reference)
    weights = None if sample_weight is None else shares(sample_weight, len(x))
    if x.shape[1] == 1:
        return _on_a_line(x[:, 0], y[:, 0], weights)
    assigns = weights is None and len(x) == len(y)
    size = f"{many(len(x), 'row')} and {many(len(y), 'row')}: their distances"
    require((8.0 if assigns else POT_BYTES) * len(x) * len(y), f"w2_squared of {size}")
    if not assigns:
        return _transported(x, y, weights)
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    costs = cdist(x, y, "sqeuclidean")
    return float(costs[linear_sum_assignment(costs)].mean())


def sliced_w2_squared(
    sample: Any,
    reference: Any,
    *,
    projections: int = 100,
    rng: np.random.Generator | int | None = None,
) -> float:
    """Return the mean over random unit directions of the `w2_squared` of the projected rows.

    No factor makes up for the dimension: a shift s counts |s|^2/d on average, and the expectation
    is at most w2_squared/d. It is 0 for equal distributions. Between two samples of one law it is
    positive and vanishes as they grow, at a rate that does not depend on d. In other units it is
    multiplied by their square. Unequal numbers of rows are exact too.

    Parameters
    ----------
    sample, reference
        Shapes (n, d) and (m, d).
    projections
        How many directions.
    rng
        What draws them: a generator, a seed, or None for one of its own.

    Raises
    ------
    InvalidInput
        If an argument is not usable.

    References
    ----------
    Rabin, Peyré, Delon and Bernot, "Wasserstein barycenter and its application to texture mixing",
    SSVM 2011. Bonneel, Rabin, Peyré and Pfister, "Sliced and Radon Wasserstein barycenters of
    measures", Journal of Mathematical Imaging and Vision 51, 2015.
    """
    x, y = _checked(sample, reference)
    count, generator = whole("projections", projections), _generator(rng)
    normals = (generator.standard_normal(x.shape[1]) for _ in range(count))
    directions = (u / np.linalg.norm(u) for u in normals)
    return math.fsum(_on_a_line(x @ u, y @ u) for u in directions) / count


def energy_distance(sample: Any, reference: Any) -> float:
    """Return 2 E|x - y| - E|x - x'| - E|y - y'| of the two empirical distributions.

    The squared form, as a V-statistic: the means are over all pairs of rows, each with itself too.
    So it is at least 0, and 0 for equal distributions only; between two samples of one law its
    mean is (1/n + 1/m) E|x - x'|. In one dimension it is scipy.stats.energy_distance, squared. In
    other units it is multiplied by them. It takes O((n + m)^2) time and bounded memory.

    Parameters
    ----------
    sample, reference
        Shapes (n, d) and (m, d).

    Raises
    ------
    InvalidInput
        If the rows are not usable.

    References
    ----------
    Székely and Rizzo, "Energy statistics: a class of statistics based on distances", Journal of
    Statistical Planning and Inference 143, 2013.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> print(mc.sample_metrics.energy_distance([[0.0], [1.0]], [[0.0], [3.0]]))
    1.0
    """
    x, y = _checked(sample, reference)

    def mean(a: Floats, b: Floats) -> float:
        return math.fsum(float(d.sum()) for _, d in _pairs(a, b)) / (len(a) * len(b))

    return max(0.0, 2 * mean(x, y) - mean(x, x) - mean(y, y))  # below 0 by rounding only


def mmd_squared(
    sample: Any, reference: Any, *, bandwidth: float | Literal["median"] = "median"
) -> float:
    """Return the unbiased estimate of the squared maximum mean discrepancy, with a Gaussian kernel.

    With k(x, y) = exp(-|x - y|^2/(2 h^2)) and means over pairs of different rows, it is
    E k(x, x') + E k(y, y') - 2 E k(x, y). For a given h its expectation is 0 where the two laws
    are equal, and above 0 elsewhere. So it is often negative between two samples of one law, and
    never above 0 between equal rows.
    It is unchanged in other units with "median", or where h is in them too. It takes
    O((n + m)^2) time, and bounded memory where h is given.

    Parameters
    ----------
    sample, reference
        Shapes (n, d) and (m, d).
    bandwidth
        h; "median" is the median distance of the pooled rows, over the pairs that differ. Give
        the same number to compare generations.

    Raises
    ------
    InvalidInput
        If an argument is not usable, or the distances for the median do not fit into the memory.

    References
    ----------
    Gretton, Borgwardt, Rasch, Schölkopf and Smola, "A kernel two-sample test", Journal of Machine
    Learning Research 13, 2012, Lemma 6.
    """
    x, y = _checked(sample, reference)
    if isinstance(bandwidth, str) and bandwidth == "median":
        h = _median_distance(np.concatenate([x, y]))
    else:
        remedy = 'give "median" or a finite number above 0'
        h = number("bandwidth", bandwidth, math.ulp(0.0), remedy=remedy)

    def total(a: Floats, b: Floats) -> float:
        with np.errstate(over="ignore", under="ignore"):  # far beyond h the kernel is 0
            return math.fsum(float(np.exp(-0.5 * (d / h) ** 2).sum()) for _, d in _pairs(a, b))

    def others(a: Floats) -> float:
        n = len(a)
        return (total(a, a) - n) / (n * (n - 1))  # a row and itself: exactly 1

    return others(x) + others(y) - 2 * total(x, y) / (len(x) * len(y))


def c2st(
    sample: Any,
    reference: Any,
    *,
    classifier: Any = None,
    folds: int = 5,
    rng: np.random.Generator | int | None = None,
) -> float:
    """Return the accuracy of a classifier that tells the sample from the reference.

    It is cross-validated, and both classes have as many rows in every fold: where one side has
    more, random ones are left out. 0.5 says that the two cannot be told apart, 1 that they always
    can; for independent rows of one law the expectation is 0.5. Below 0.5, rows of one side
    repeat those of the other: what looks the same was labelled otherwise in training. So a
    bootstrap of the reference is below 0.5; hold out reference rows that no model was trained on.

    The default is extremely randomised trees (scikit-learn's, with leaves of at least 5 rows) of
    standardised columns, so that no units of columns matter. Logistic regression sees means only,
    and nearest neighbours miss a smaller variance in more than a few dimensions, where all
    neighbours are of the narrower side: of the collapse itself. Trees see both, and other shapes
    too.

    Parameters
    ----------
    sample, reference
        Shapes (n, d) and (m, d), at least `folds` rows each.
    classifier
        Any classifier of scikit-learn's kind; it is cloned.
    folds
        How many parts the rows are divided into, at least 2.
    rng
        What divides the rows and grows the trees: a generator, a seed, or None for one of its own.

    Raises
    ------
    InvalidInput
        If an argument is not usable.

    References
    ----------
    Lopez-Paz and Oquab, "Revisiting classifier two-sample tests", ICLR 2017. Geurts, Ernst and
    Wehenkel, "Extremely randomized trees", Machine Learning 63, 2006.
    """
    x, y = _checked(sample, reference)
    n, parts = min(len(x), len(y)), whole("folds", folds, 2)
    if parts > n:
        raise invalid("folds", folds, f"the smaller side has {many(n, 'row')}; give at most {n}")
    if classifier is not None and not all(hasattr(classifier, a) for a in ("fit", "predict")):
        raise invalid("classifier", classifier, "give a classifier with fit and predict, or None")
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.model_selection import KFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    generator = _generator(rng)
    both = np.concatenate([a[generator.permutation(len(a))[:n]] for a in (x, y)])
    labels = np.repeat([0, 1], n)
    if classifier is None:
        grown = int(generator.integers(2**31))
        trees = ExtraTreesClassifier(min_samples_leaf=5, random_state=grown)
        classifier = make_pipeline(StandardScaler(), trees)  # trees have single precision
    # Each side is divided alike, so that no fold has more of one: the expectation is exact.
    divided = [
        tuple(np.concatenate([part, part + n]) for part in split)
        for split in KFold(parts).split(both[:n])
    ]
    guessed = cross_val_predict(classifier, both, labels, cv=divided)
    return float((guessed == labels).mean())


def precision(sample: Any, reference: Any, *, k: int = 5) -> float:
    """Return the share of the sample's rows in the reference's neighbourhoods.

    The neighbourhood of a row is the closed ball up to its k-th nearest other row. The value is 1
    for equal samples. Between two samples of one law it is below 1, by more for few rows, a small
    k and many dimensions; so compare it with that between two samples of the reference. No units
    matter. It takes O(m (n + m)) time and bounded memory.

    Duplicates count as neighbours: they shrink their ball, down to a point, which holds its own
    copies. So a collapsed sample is all points, without `recall`. A reference drawn with
    replacement has smaller balls than its data set: give the data set itself.

    Parameters
    ----------
    sample, reference
        Shapes (n, d) and (m, d), m above k.
    k
        Which neighbour, at least 1.

    Raises
    ------
    InvalidInput
        If an argument is not usable.

    References
    ----------
    Kynkäänniemi, Karras, Laine, Lehtinen and Aila, "Improved precision and recall metric for
    assessing generative models", NeurIPS 2019.
    """
    x, y = _checked(sample, reference)
    return float((_balls_around(x, y, neighbourhoods("reference", y, k)) > 0).mean())


def recall(sample: Any, reference: Any, *, k: int = 5) -> float:
    """Return the share of the reference's rows in the sample's neighbourhoods.

    This is `precision` with the two exchanged, with all that is said there; n is above k.

    Parameters
    ----------
    sample, reference
        Shapes (n, d) and (m, d), n above k.
    k
        Which neighbour, at least 1.

    Raises
    ------
    InvalidInput
        If an argument is not usable.

    References
    ----------
    See `precision`.
    """
    x, y = _checked(sample, reference)
    return float((_balls_around(y, x, neighbourhoods("sample", x, k)) > 0).mean())


def density(sample: Any, reference: Any, *, k: int = 5) -> float:
    """Return in how many of the reference's neighbourhoods a row of the sample is, over k.

    The mean over the sample; neighbourhoods and duplicates are as in `precision`. Its expectation
    is exactly 1 for independent rows of one continuous law, whatever n, m, k and d, and it is
    above 1 where the sample crowds in the middle, up to m/k. For the reference's own rows it is
    (k + 1)/k, without ties. No units matter.

    Parameters
    ----------
    sample, reference
        Shapes (n, d) and (m, d), m above k.
    k
        Which neighbour, at least 1.

    Raises
    ------
    InvalidInput
        If an argument is not usable.

    References
    ----------
    Naeem, Oh, Uh, Choi and Yoo, "Reliable fidelity and diversity metrics for generative models",
    ICML 2020.
    """
    x, y = _checked(sample, reference)
    return float(_balls_around(x, y, neighbourhoods("reference", y, k)).mean()) / k


def coverage(sample: Any, reference: Any, *, k: int = 5) -> float:
    """Return the share of the reference's neighbourhoods that hold a row of the sample.

    Neighbourhoods and duplicates are as in `precision`. It is 1 for equal samples. Its
    expectation for independent rows of one continuous law, in any dimension, is
    1 - prod_{i=1}^k (m - i)/(n + m - i), about 1 - 2^-k for n = m. No units matter.

    Parameters
    ----------
    sample, reference
        Shapes (n, d) and (m, d), m above k.
    k
        Which neighbour, at least 1.

    Raises
    ------
    InvalidInput
        If an argument is not usable.

    References
    ----------
    See `density`.
    """
    x, y = _checked(sample, reference)
    radii = neighbourhoods("reference", y, k)
    nearest = [squares.min(axis=1) for _, squares in _pairs(y, x, "sqeuclidean")]
    return float((np.concatenate(nearest) <= radii).mean())


def covariance_spectrum(sample: Any, reference: Any) -> Floats:
    """Return the eigenvalues of the sample's covariance over the reference's total variance.

    Both with ddof 0. The sum is the metric `variance` of a model that fits moments, against the
    reference. Equal is the spectrum of the reference with itself, whose sum is 1; few rows have a
    sum that is too low, by a factor (n - 1)/n on average, and eigenvalues too far apart. No common
    units matter.

    Parameters
    ----------
    sample, reference
        Shapes (n, d) and (m, d), with two different rows in the reference.

    Returns
    -------
    array
        Shape (d,), descending; where n <= d the last ones are 0.

    Raises
    ------
    InvalidInput
        If the rows are not usable, or all rows of the reference are equal.

    References
    ----------
    Marčenko and Pastur, "Distribution of eigenvalues for some sets of random matrices", Mathematics
    of the USSR-Sbornik 1, 1967 (the spread).
    """
    x, y = _checked(sample, reference)
    total = math.hypot(*_deviations(y))
    if total == 0:
        raise InvalidInput(
            f"reference: all {len(y)} rows are equal, so the total variance is zero; give a "
            "reference with at least two different rows"
        )
    return np.asarray((_deviations(x) / total) ** 2)


def effective_rank(sample: Any, reference: Any) -> float:
    """Return the effective rank of the sample's covariance: how many dimensions it has left.

    That is the exponential of the entropy of its eigenvalues, divided by their sum: between 1 and
    d, and d where all are equal. It is 0 where all rows are equal. Equal is
    ``effective_rank(reference, reference)``; of few rows it is too low. No units common to all
    columns matter.

    Parameters
    ----------
    sample, reference
        Shapes (n, d) and (m, d); the value depends on the sample only.

    Raises
    ------
    InvalidInput
        If the rows are not usable.

    References
    ----------
    Roy and Vetterli, "The effective rank: a measure of effective dimensionality", EUSIPCO 2007.
    """
    from scipy.special import entr

    deviations = _deviations(_checked(sample, reference)[0])
    if deviations[0] == 0:
        return 0.0
    with np.errstate(under="ignore"):
        values = (deviations / deviations[0]) ** 2
        return float(np.exp(entr(values / values.sum()).sum()))


ALL: dict[str, SampleMetric] = {
    metric.__name__: metric
    for metric in (
        w2_squared,
        sliced_w2_squared,
        energy_distance,
        mmd_squared,
        c2st,
        precision,
        recall,
        density,
        coverage,
        covariance_spectrum,
        effective_rank,
    )
}
NAMES: tuple[str, ...] = tuple(ALL)


def named(name: Any) -> SampleMetric:
    """Return the metric of that name; `NAMES` has them all.

    Raises
    ------
    InvalidInput
        If there is none.
    """
    return ALL[checks.named("metric", name, NAMES)]


class TooLargeError(InvalidInput):
    """The rows are so large that their squares are no floats."""


def _checked(sample: Any, reference: Any) -> tuple[Floats, Floats]:
    """Return both as finite arrays with as many columns and squares that are floats."""
    x, y = rows("sample", sample, minimum=2), rows("reference", reference, minimum=2)
    if x.shape[1] != y.shape[1]:
        raise InvalidInput(
            f"sample has {many(x.shape[1], 'column')} and reference has {y.shape[1]}: make them "
            "equal"
        )
    for name, array in (("sample", x), ("reference", y)):
        if (largest := float(np.abs(array).max())) > LARGEST:
            remedy = f"squares would overflow: rescale both to at most {LARGEST:g}"
            raise TooLargeError(*invalid(f"{name}, its largest entry", largest, remedy).args)
    return x, y


def _generator(rng: Any) -> np.random.Generator:
    try:
        return checks.generator(rng)
    except InvalidInput as error:  # it speaks of random_state
        remedy = "give None, a whole number that is not negative, or a Generator of NumPy"
        raise invalid("rng", rng, remedy) from error


def _pairs(a: Floats, b: Floats, metric: str = "euclidean") -> Iterator[tuple[slice, Floats]]:
    """Yield some rows of `a` and their distances to all of `b`, until all rows are done.

    They are sums of squared differences: equal rows are at 0 exactly, and d(a, b) = d(b, a).
    """
    from scipy.spatial.distance import cdist

    step = max(1, CHUNK // len(b))
    for start in range(0, len(a), step):
        piece = slice(start, start + step)
        yield piece, cdist(a[piece], b, metric)


def _on_a_line(x: Floats, y: Floats, weights: Floats | None = None) -> float:
    """Return the integral of (F^-1 - G^-1)^2; weights, those of x, sum to 1."""
    n, m = len(x), len(y)
    levels_x: npt.NDArray[Any]
    levels_y: npt.NDArray[Any]
    if weights is None:
        # Levels in units of 1/(n m), so that those of unequal numbers meet exactly.
        x, total = np.sort(x), n * m
        levels_x, levels_y = m * np.arange(1, n + 1), n * np.arange(1, m + 1)
    else:
        x, weights = x[weights > 0], weights[weights > 0]
        order, total = np.argsort(x), 1
        x, levels_x = x[order], np.minimum(np.cumsum(weights[order]), 1)
        levels_x[-1], levels_y = 1, np.arange(1, m + 1) / m
    levels = np.union1d(levels_x, levels_y)
    differences = x[levels_x.searchsorted(levels)] - np.sort(y)[levels_y.searchsorted(levels)]
    with np.errstate(under="ignore"):
        return float(np.diff(levels, prepend=0) @ differences**2) / total


def _transported(x: Floats, y: Floats, weights: Floats | None) -> float:
    try:
        import ot  # it imports PyTorch too, where that is installed
    except ImportError as error:
        weighted = "" if weights is None else "weighted "
        purpose = (
            f"w2_squared of {len(x)} {weighted}and {len(y)} rows in {x.shape[1]} dimensions (give "
            "equal numbers of rows without weights to do without)"
        )
        raise missing("POT", "metrics", purpose) from error
    from scipy.spatial.distance import cdist

    costs = cdist(x, y, "sqeuclidean")
    unit = costs.max() or 1.0  # its tolerance is absolute
    found = ot.emd2(shares(weights, len(x)), shares(None, len(y)), costs / unit, numItermax=PIVOTS)
    return float(found * unit)


def _median_distance(pooled: Floats) -> float:
    from scipy.spatial.distance import pdist

    n = len(pooled)
    require(16.0 * n * (n - 1) / 2, f"bandwidth = 'median': the distances of {many(n, 'row')}")
    distances = pdist(pooled)
    distances = distances[distances > 0]  # duplicates would make it 0
    return float(np.median(distances)) if len(distances) else 1.0  # any gives 0


def neighbourhoods(name: str, centres: Floats, k: Any) -> Floats:
    """Return the squared distance of each row to its k-th nearest other row, shape (rows,)."""
    if whole("k", k) >= len(centres):
        fits = f"{name} has {many(len(centres), 'row')}; give a k below that, or more rows"
        raise invalid("k", k, fits)
    # Column 0 of the sorted distances is the row itself. Not by a tree: it takes the root of a
    # radius and squares it again, which leaves the k-th neighbour out of its closed ball.
    return np.concatenate(
        [np.partition(d, k, axis=1)[:, k] for _, d in _pairs(centres, centres, "sqeuclidean")]
    )


def _balls_around(points: Floats, centres: Floats, radii: Floats) -> Floats:
    """Return how many of the centres' closed balls hold each point, shape (points,)."""
    return np.concatenate(
        [(d <= radii).sum(axis=1) for _, d in _pairs(points, centres, "sqeuclidean")]
    ).astype(np.float64)


def _deviations(x: Floats) -> Floats:
    """Return the roots of the eigenvalues of the covariance, ddof 0, descending, shape (d,)."""
    centred = x - x[0]  # equal rows are 0 exactly
    centred = centred - centred.mean(axis=0)
    found = np.zeros(x.shape[1])
    values = np.linalg.svd(centred, compute_uv=False) / math.sqrt(len(x))
    found[: len(values)] = values
    return found

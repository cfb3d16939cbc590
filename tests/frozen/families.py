"""Models, truths and what is simulated of them, as text: one function for each family.

Each takes dice and the loop's number within its chunk, by which the kinds of models take turns, so
that each of them meets every workflow.
"""

from itertools import pairwise
from typing import NamedTuple


class Drawn(NamedTuple):
    """A model, its truth (or None), batches from `least` to `most` rows, and options, as text.

    `longest` is the largest number of generations.
    """

    model: str
    truth: str | None
    least: int
    most: int
    options: dict[str, str]
    simulated: dict[str, str]
    longest: int = 200


def _turn(number, options):
    return options[number % len(options)]


def _truth(dice, dim):
    """Return a truth of any kind in some dimensions, as text; None is the standard normal."""
    kind = dice.pick(None, None, "normal", "mixture", "rows", "data")
    if kind == "normal":
        if dim == 1:
            return f"mc.Normal([{dice.real(-2, 2)}], [[{dice.real(0.2, 4)}]])"
        return f"mc.Normal({dice.reals(dim, -2, 2)}, {_covariance(dice, dim)})"
    if kind == "mixture":
        means = [dice.reals(dim, -3, 3) for _ in range(2)]
        covariances = [_covariance(dice, dim) for _ in range(2)]
        return f"mc.NormalMixture({dice.reals(2, 0.1, 1)}, {means}, {covariances})"
    if kind == "data" and dim == 4:
        return "mc.datasets.load('iris')"
    if kind == "data" and dim == 2:
        return "mc.datasets.blobs_mixture()"
    return None if kind is None else str([dice.reals(dim, -3, 3) for _ in range(6)])


def _covariance(dice, dim):
    """Return a positive definite matrix; now and then it is a multiple of the identity."""
    if dice.chance(0.3):
        scale = dice.real(0.3, 3)
        return [[scale * (i == j) for j in range(dim)] for i in range(dim)]
    lean = dice.real(-0.2, 0.2)
    return [[1.0 + i if i == j else lean for j in range(dim)] for i in range(dim)]


def gaussian(dice, number):
    """Return a Gaussian in 1 to 4 dimensions, also with fewer rows than dimensions."""
    dim, ddof = _turn(number, [(1, 0), (1, 1), (2, 0), (3, 1), (4, 0), (2, 1)])
    options, simulated = {}, {}
    if dice.chance(0.25):
        options["temperature"] = dice.pick("0.7", "1.5")
    if dice.chance(0.4):
        every = ["log_pivots", "w2_squared", "test_log_loss"]
        simulated["extra"] = str(dice.pick(every, every[:1], every[1:], ["mise"]))
    if dice.chance(0.02):
        simulated["test"] = "5"
    least = 1 if dice.chance(0.1) else 2
    truth = _truth(dice, dim)
    return Drawn(f"mc.Gaussian({dim}, {ddof})", truth, least, 9, options, simulated)


BANDWIDTHS = ("number", "zero", "scott", "silverman", "scipy-scott", "scipy-silverman", "power",
              "list", "function", "number", "power")  # fmt: skip


def kde(dice, number):
    """Return a kernel density with any bandwidth and kernel, in 1 to 3 dimensions."""
    dim = dice.pick(1, 1, 2, 3)
    kernel = dice.pick("", "", "", "'tophat'", "'epanechnikov'", "OWN_KERNEL")
    bandwidth, truth, longest = _bandwidth(dice, _turn(number, BANDWIDTHS)), _truth(dice, dim), 200
    if kernel in ("'tophat'", "'epanechnikov'"):
        # Their integrated squared errors are dear: of short loops with wide kernels, or of data.
        if dice.chance(0.1):
            bandwidth, longest = str(dice.real(0.8, 1.2)), 2
        else:
            truth = str([dice.reals(dim, -3, 3) for _ in range(6)])
    elif kernel:
        longest = 4
    parts = [bandwidth, *([f"kernel={kernel}"] if kernel else []), f"dim={dim}"]
    if dice.chance(0.2) and longest > 2:
        parts.append(f"scoring_bandwidth={_bandwidth(dice, dice.pick(*BANDWIDTHS))}")
    options = {"temperature": "2.0"} if dice.chance(0.02) else {}
    model = f"mc.KDE({', '.join(parts)})"
    return Drawn(model, truth, 2, 7, options, _kde_simulated(dice, dim), longest)


def _kde_simulated(dice, dim):
    simulated = {}
    if dice.chance(0.4):
        simulated["extra"] = str(dice.pick(["draw"], ["mise"], ["mise", "draw"], ["nothing"]))
    if dice.chance(0.5):
        rows = str([dice.reals(dim, -2, 2) for _ in range(3)])
        simulated["test"] = dice.pick("4", rows)
        if dice.chance(0.3):
            simulated["tolerance"] = dice.pick("1e-07", "0.0")
    return simulated


def _bandwidth(dice, kind):
    if kind == "power":
        log = dice.pick("", "", f", {dice.real(-1, 1)}")
        return f"mc.PowerBandwidth({dice.real(0.2, 1)}, {dice.pick(0.2, 0.5, 0.6, 1.2, -0.1)}{log})"
    texts = {
        "number": str(dice.real(0.1, 1.2)),
        "zero": "0",
        "list": str(dice.reals(8, 0.1, 1)),
        "function": f"Shrinking({dice.real(0.5, 2)})",
    }
    return texts.get(kind, repr(kind))


def exponential(dice, number):
    """Return one of the six one-parameter families."""
    size = dice.pick("1.0", "0.5", "2.5", "4.0")
    trials = dice.pick(1, 2, 5)
    model, low, high = _turn(
        number,
        [
            (f"mc.NormalMean({size})", -2, 2),
            ("mc.Poisson()", 0.2, 4),
            (f"mc.Binomial({trials})", 0.05 * trials, 0.95 * trials),
            (f"mc.Gamma({size})", 0.2, 4),
            (f"mc.NegativeBinomial({size})", 0.2, 4),
            (f"mc.HyperbolicSecant({size})", -2, 2),
        ],
    )
    truth = dice.pick(None, None, str(dice.real(low, high)), str(dice.real(low, high)))
    if dice.chance(0.02):
        truth = "-100"
    simulated = {"extra": "['mean']"} if dice.chance(0.05) else {}
    return Drawn(model, truth, 1, 9, {}, simulated)


def discrete(dice, number):
    """Return a discrete distribution: uniform, Zipf's, or given probabilities, also zero ones."""
    outcomes = dice.whole(2, 6)
    given = [f / 20 for f in _shares(dice, outcomes, 20)]
    zipf = f"mc.discrete.zipf({outcomes}, {dice.pick(0.5, 1.0, 2.0)})"
    truth = _turn(number, [None, zipf, str(given)])
    simulated = {"extra": "['probabilities']"} if dice.chance(0.3) else {}
    if dice.chance(0.03):
        simulated["test"] = "3"
    return Drawn(f"mc.Discrete({outcomes})", truth, 1, 9, {}, simulated)


def _shares(dice, count, total):
    cuts = sorted(dice.wholes(count - 1, 0, total))
    ends = [0, *cuts, total]
    return [b - a for a, b in pairwise(ends)]


def regression(dice, number):
    """Return a regression: fixed or fresh inputs, with and without ridge, also n below d."""
    dim = dice.pick(1, 1, 2, 3, 5)
    design = _turn(number, ["fixed", "fresh"])
    noise = dice.pick("1.0", "1.0", str(dice.real(0.2, 2)), "0.0")
    ridge = dice.pick("0.0", "0.0", "0.0", str(dice.real(0.1, 3)))
    model = f"mc.LinearRegression({dim}, noise={noise}, ridge={ridge}, design='{design}')"
    truth = dice.pick(None, None, str(dice.reals(dim, -2, 2)))
    simulated = {"extra": "['risk']"} if dice.chance(0.03) else {}
    return Drawn(model, truth, 1, 10, {}, simulated)


def labels(dice, number):
    """Return a verifier of labels."""
    del number
    keep = f"{dice.pick(1.0, 0.9, 0.5)}, {dice.pick(0.0, 0.3, 0.5, 1.0)}"
    noise, cells = dice.pick(0.0, 0.1, 0.4), dice.pick(1, 5, 20)
    truth = dice.pick(None, str(dice.real(0, 0.6)))
    return Drawn(f"mc.LabelVerifier({keep}, {noise}, {cells})", truth, 1, 9, {}, {})


def region(dice, number):
    """Return a verifier of a region."""
    del number
    place = f"{dice.real(-1, 1)}, {dice.pick(0.3, 1.0, 3.0)}, {dice.pick(1.0, 0.5)}"
    truth = dice.pick(None, str(dice.real(-1, 1)))
    return Drawn(f"mc.RegionVerifier({place})", truth, 1, 9, {}, {})


FAMILIES = {
    "gaussian": gaussian,
    "kde": kde,
    "exponential": exponential,
    "discrete": discrete,
    "regression": regression,
    "labels": labels,
    "region": region,
}

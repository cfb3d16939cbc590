r"""The exact law of a Poisson fit, where whole batches are trained on alike.

The count C_t of the training rows is then the last one's (under accumulate) and, given it, Poisson
counts of the rates (s/N) C_{t-1}, s sampled rows from a fit to N, and r m_0, r fresh real ones. So
E z^C_t follows backwards, z -> z^keep exp((s/N)(z - 1)), down to E z^C_1 = exp(n_1 m_0 (z - 1)).
At roots of unity its Fourier transform is the law; how many of them it takes, Chernoff's bounds on
both tails say. Derived in ``theory/``.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, overload

import numpy as np

from modelcollapse._support.checks import Floats, reals
from modelcollapse._support.errors import NoClosedForm

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment

OUTSIDE = -45.0  # log of the probability of each tail that is left out, about 3e-20
MOST_COUNTS = 2**22
MOST_WORK = 3e8  # counts times generations, some 20 seconds
ROUNDED = 1e-9  # of a count that was divided by the rows and multiplied again
TILTS = np.geomspace(1e-9, 1.0, 400)  # of Chernoff's bounds: z = 1 + tilt and 1 - tilt


class PoissonLaw:
    """The law of the fitted mean at one generation, as a distance in the truth's deviations.

    Attributes
    ----------
    mean, variance
        Its moments.
    """

    mean = 0.0

    def __init__(self, e: "Experiment", generation: int, variance: float) -> None:
        self._experiment, self._generation, self.variance = e, generation, variance

    def cdf(self, x: Floats) -> Floats:
        """Return P(X <= x), of the shape of x; x is taken for a count's own value near one.

        To test simulated values, which are rounded, take their counts and `count_cdf`.

        Raises
        ------
        NoClosedForm
            If more than 4,194,304 counts have a probability, or it would take minutes.
        """
        truth = self._experiment.truth
        with np.errstate(over="ignore", invalid="ignore"):  # infinitely far is no count's own
            count = self.rows * (reals("x", x) * np.sqrt(truth.variance) + truth.value)
            nearest = np.rint(count)
            near = np.abs(count - nearest) <= ROUNDED * np.maximum(1.0, np.abs(nearest))
        return self.count_cdf(np.where(near, nearest, count))

    def count_cdf(self, count: Floats) -> Floats:
        """Return P(C <= count) of the sum of the training rows, of the shape of count."""
        first, below = self._table
        given = reals("count", count)
        place = np.clip(np.floor(given) - first + 1, 0, len(below) - 1)
        found = below[np.where(np.isnan(given), 0, place).astype(np.int64)]
        return np.where(np.isnan(given), np.nan, found)

    @property
    def rows(self) -> int:
        """How many rows the generation trains on."""
        schedule, t = self._experiment.schedule, self._generation
        return sum(schedule.listed[:t]) if schedule.everything else schedule.listed[t - 1]

    def _log_generating(self, z1: Floats) -> Floats:
        """Return log E z^C_t at z = 1 + z1."""
        e, d, logs = self._experiment, z1, np.zeros_like(z1)
        sizes, keep = e.schedule.listed, e.schedule.everything
        real, sampled = e.schedule.real.tolist(), e.schedule.sampled.tolist()
        rows = np.cumsum(sizes, dtype=float).tolist() if keep else sizes
        for t in range(self._generation - 1, 0, -1):
            logs = logs + real[t] * e.truth.value * d
            grown = np.expm1(sampled[t] / rows[t - 1] * d)
            d = d + (1 + d) * grown if keep else grown
        return np.asarray(logs + sizes[0] * e.truth.value * d)

    @cached_property
    def _table(self) -> tuple[int, Floats]:
        """The smallest count, and P(C < c) from there on."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            up, down = self._log_generating(TILTS), self._log_generating(-TILTS)
            # P(C >= c) <= G(z)/z^c for z > 1, P(C <= c) <= G(z)/z^c for z < 1.
            last = np.nanmin((up - OUTSIDE) / np.log1p(TILTS))
            lows = (OUTSIDE - down[:-1]) / -np.log1p(-TILTS[:-1])
        first = max(0, int(np.floor(np.nanmax(lows))))
        width = float(last) - first + 2
        if not width <= MOST_COUNTS:
            raise NoClosedForm(
                f"the law of the mean spreads over {width:.3g} counts, more than {MOST_COUNTS}: "
                "ask for fewer rows or generations, or simulate it"
            )
        size = 2 ** int(np.ceil(np.log2(max(width, 2.0))))
        if size * self._generation > MOST_WORK:
            raise NoClosedForm(
                f"the law of the mean after {self._generation} generations over {size} counts "
                "would take minutes: ask for fewer rows or generations, or simulate it"
            )
        j = np.arange(size // 2 + 1)
        half = np.pi * j / size
        # exp(i theta) - 1 with all digits, theta = 2 half.
        z1 = 2j * np.sin(half) * np.exp(1j * half)
        phase = 2 * np.pi * ((j * (first % size)) % size) / size
        with np.errstate(under="ignore"):
            transform = np.exp(self._log_generating(z1) - 1j * phase)
        chances = np.maximum(np.fft.irfft(np.conj(transform), size), 0.0)
        below = np.append(0.0, np.cumsum(chances))
        return first, below / below[-1]


class PoissonLaws(Sequence[PoissonLaw]):
    """The law of the fitted mean at each generation."""

    def __init__(self, e: "Experiment", variances: Floats) -> None:
        pairs = enumerate(variances.tolist(), start=1)
        self._all = [PoissonLaw(e, t, variance) for t, variance in pairs]

    @overload
    def __getitem__(self, index: int) -> PoissonLaw: ...
    @overload
    def __getitem__(self, index: slice) -> list[PoissonLaw]: ...
    def __getitem__(self, index: int | slice) -> PoissonLaw | list[PoissonLaw]:
        return self._all[index]

    def __len__(self) -> int:
        return len(self._all)

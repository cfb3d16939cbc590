"""A trajectory in one form, whatever it came from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from modelcollapse._support.checks import Floats, Integers, reals
from modelcollapse._support.errors import InvalidInput
from modelcollapse._support.words import many
from modelcollapse.loop.experiment import Experiment

Loader = Callable[[], Floats]
Pair = Callable[[], tuple[Floats, Floats]]


@dataclass(frozen=True, eq=False)
class Series:
    """One column over the generations that every run has, or had died before.

    `values` has shape (runs, generations), NaN where a run has died, as `died` says; `left_out`
    are the other generations.
    """

    generations: Integers
    values: Floats
    left_out: Integers
    died: npt.NDArray[np.bool_]

    @property
    def runs(self) -> int:
        """The number of runs."""
        return len(self.values)

    def worse(self, sign: int) -> Floats:
        """Return values that get worse as they rise; a run that has died is worse than any."""
        return np.where(self.died, np.inf, sign * self.values)

    def numbers(self, sign: int = 1) -> str:
        """Return the first and the last value in words; the median over several runs."""
        # Not np.quantile, which interpolates, and infinities have no difference.
        ordered = np.sort(self.worse(sign)[:, [0, -1]], axis=0)
        first, last = sign * ordered[(self.runs - 1) // 2 if sign > 0 else self.runs // 2]
        median = "median " if self.runs > 1 else ""
        t = self.generations
        end = "" if np.isfinite(last) or not self.died[:, -1].any() else " (runs that died)"
        return f"{median}{first:.5g} at generation {t[0]}, {last:.5g} at generation {t[-1]}{end}"


@dataclass(frozen=True, eq=False)
class Record:
    """Runs, generations and columns.

    Attributes
    ----------
    source
        What it is, for readers.
    generations
        The recorded generations, ascending, shape (generations,); the first is the real one.
    runs
        The number of runs; 0 if there is only theory.
    columns
        How to get each column, shape (runs, generations).
    complete
        Whether NaN is an error; else it stands for a value that is missing.
    experiment
        What the runs are simulations of, if known.
    rows
        Losses of held-out rows, averaged over the runs, shape (generations, rows).
    counts
        Successes and trials behind a share, each of shape (runs, generations).
    notes
        For the reader.
    died
        The runs that ended as their fit died: from there on each is worse than any that lives.
    """

    source: str
    generations: Integers
    runs: int
    columns: Mapping[str, Loader]
    complete: bool = True
    experiment: Experiment | None = None
    rows: Mapping[str, Loader] = field(default_factory=dict)
    counts: Mapping[str, Pair] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    died: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        t = self.generations
        if len(t) < 2:
            raise InvalidInput(
                f"{self.source} has {many(len(t), 'generation')}: give at least two, "
                "the fit to real data and a later one"
            )
        if t[0] not in (0, 1):
            raise InvalidInput(
                f"{self.source} begins at generation {t[0]}: give generation 1 too, the fit to "
                "real data, with which the later ones are compared"
            )

    def series(self, name: str) -> Series:
        """Return a column; the first generation is kept or everything is left out.

        Raises
        ------
        InvalidInput
            If a value is NaN that is not just missing.
        """
        values: Floats = self.columns[name]()
        missing: npt.NDArray[np.bool_] = np.isnan(values)
        if self.complete and missing.any():
            run, j = np.argwhere(missing)[0]
            raise InvalidInput(
                f"{self.source}: {name!r} is NaN in run {run} at generation {self.generations[j]} "
                f"({many(int(missing.sum()), 'value')} in all): leave out that run, or give the "
                "number that it stands for; an infinite loss is inf"
            )
        died = np.zeros_like(missing)
        ended = np.logical_and.accumulate(missing[:, ::-1], axis=1)[:, ::-1]
        which = [run for run in self.died if not missing[run, 0]]
        died[which] = ended[which]
        kept: npt.NDArray[np.bool_] = ~np.any(missing & ~died, axis=0)
        if not kept[0]:
            kept[:] = False
        left_out = self.generations[~kept]
        return Series(self.generations[kept], values[:, kept], left_out, died[:, kept])


def grid(name: str, value: object) -> Floats:
    """Return numbers as an array of shape (runs, generations)."""
    array = reals(name, value)
    if array.ndim == 1:
        array = array[None, :]
    if array.ndim != 2 or not len(array):
        raise InvalidInput(
            f"{name} has shape {array.shape}: give (generations,) or (replicates, generations)"
        )
    return array

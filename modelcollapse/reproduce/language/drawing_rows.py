"""What pictures have in common that have a curve for each number of real rows."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from modelcollapse.reproduce.style import TEXT

MARKERS = "osD^v<>PXd"
NO_REAL = "0.55"  # the grey of the cells without real rows
STAR = {"marker": "*", "ms": 9, "mec": "k", "mew": 0.6, "ls": "none", "zorder": 5}
SIZE = (7.6, 3.8)
MOST_TICKS = 7
SHORT = 5  # an axis is short whose largest number is less than so many times its smallest
SHORT_STEPS, LONG_STEPS = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0), (1.0, 2.0, 5.0)


def styles(real: Any) -> Iterator[tuple[int, Any, str]]:
    """Yield the numbers of real rows with a colour and a marker each, dark for many."""
    from matplotlib import colormaps

    numbers = sorted(real.unique().to_list(), reverse=True)
    positive = [count for count in numbers if count > 0]
    colours = [*colormaps["viridis"](np.linspace(0.05, 0.85, len(positive))), NO_REAL]
    markers = [MARKERS[i % len(MARKERS)] for i in range(len(numbers))]
    yield from zip(numbers, colours[: len(numbers)], markers, strict=True)


def rows(count: int) -> str:
    """Return a legend's entry."""
    return f"{count:,} real rows"


def counts(axis: Any, numbers: Any, label: str) -> None:
    """Give zero a place of its own on a logarithmic axis of numbers of rows."""
    positive = numbers.filter(numbers > 0)
    if len(positive):
        axis.set_xscale("symlog", linthresh=float(positive.min()), linscale=0.4)
    axis.set_xticks(*ticks(numbers))
    axis.minorticks_off()
    axis.set_xlabel(label, fontsize=TEXT)


def ticks(numbers: Any) -> tuple[list[int], list[str]]:
    """Return at most MOST_TICKS of the numbers, the largest among them, and how to write them."""
    different = sorted(numbers.unique().to_list())
    chosen = different[:: -math.ceil(len(different) / MOST_TICKS)][::-1]
    return chosen, [f"{tick:,}" for tick in chosen]


def log_losses(axis: Any) -> None:
    """Make the vertical axis logarithmic, with plain numbers, more of them on a short one."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axis.set_yscale("log")
    low, high = axis.get_ylim()
    steps = SHORT_STEPS if high < SHORT * low else LONG_STEPS
    axis.yaxis.set_major_locator(LogLocator(subs=steps))
    axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())


def of_seeds(frame: Any) -> str:
    """Return what dots and bands are, over as many seeds as there are."""
    seeds = frame["seed"].n_unique()
    if seeds == 1:
        return f"dots: seed {frame['seed'][0]}"
    return f"dots: means of {seeds} seeds; bands: least to most of them"

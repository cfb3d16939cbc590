"""What all pictures share: matplotlib, which is imported when something is drawn, and its axes."""

from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats, Integers, as_path
from modelcollapse._support.errors import invalid, missing
from modelcollapse._support.files import check_writable, replacing

ENDINGS = (".png", ".pdf", ".svg")  # of pictures
BAND = 0.18  # a band's opacity
ENDS = (0.05, 0.95)  # of a band, as shares of the runs
DOTS = 9  # on a curve
FEW = 12  # generations that all have a dot
DECADES = 100.0  # from here on an axis is logarithmic
DPI = 130
# What is not a workflow has these colours of the same palette (modelcollapse.workflows.names).
VERMILION, ORANGE, BLUE = "#d55e00", "#e69f00", "#0072b2"
SKY, GREEN, PURPLE = "#56b4e9", "#009e73", "#cc79a7"
# Whole fonts in the file, as journals ask; an SVG holds its letters' shapes.
FONTS: dict[Any, Any] = {"pdf.fonttype": 42, "ps.fonttype": 42, "svg.fonttype": "path"}


def figure(size: tuple[float, float]) -> Any:
    """Return an empty figure that no global state knows, for a file."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise missing("matplotlib", "plot", "drawing") from error
    return Figure(figsize=size, layout="constrained")


def picture_path(path: Any) -> Path:
    """Return where a picture can be written, or raise InvalidInput."""
    found = as_path("figure", path)
    if found.suffix.lower() not in ENDINGS:
        raise invalid("figure", str(path), f"its name must end in {', '.join(ENDINGS)}")
    check_writable("figure", found)
    return found


def save(made: Any, path: Path, *, dpi: int = DPI, ending: str = "", **options: Any) -> None:
    """Write a figure to a file, whole or not at all, with its fonts."""
    from matplotlib import rc_context

    kind = (ending or path.suffix[1:]).lower()
    with rc_context(FONTS), replacing(path) as partial:
        made.savefig(partial, dpi=dpi, format=kind or "png", **options)


def letter(axes: Iterable[Any], size: float = 10) -> None:
    """Name panels a, b, ..., where a caption or a text can point to."""
    for axis, code in zip(axes, count(ord("a")), strict=False):
        name = chr(code) if code <= ord("z") else "a" + chr(code - 26)
        axis.set_title(name, loc="left", fontsize=size, fontweight="bold")


def axes_of(ax: Any, size: tuple[float, float] = (6.4, 4.2)) -> Any:
    """Return the axes to draw into: the caller's, or new ones, which a notebook shows."""
    if ax is not None:
        if not hasattr(ax, "fill_between"):
            raise invalid("ax", ax, "give the Axes of a matplotlib figure, or None")
        return ax
    try:
        from matplotlib import pyplot as plt
    except ImportError as error:
        raise missing("matplotlib", "plot", "drawing") from error
    made = plt.subplots(figsize=size, layout="constrained")[1]
    made.spines[["top", "right"]].set_visible(False)
    return made


def quantiles(values: Floats) -> Floats:
    """Return the lower end, the median and the upper end of a band of runs, (3, generations).

    NaN is a run that had ended.
    """
    found = np.nanquantile(values, [ENDS[0], 0.5, ENDS[1]], axis=0, method="inverted_cdf")
    return np.asarray(found)  # infinities are not interpolated


def band(axis: Any, t: Integers, values: Floats, colour: str, label: str | None = None) -> None:
    """Draw runs, shape (replicates, generations): 5 % to 95 %, a dashed median, dots for means."""
    low, middle, high = quantiles(values)
    with np.errstate(invalid="ignore", over="ignore"):
        mean = np.nanmean(values, axis=0)
    axis.fill_between(t, low, high, color=colour, alpha=BAND, lw=0)
    axis.plot(t, middle, "--", color=colour, lw=0.9)
    some = spaced(t, log=axis.get_xscale() == "log")
    axis.plot(t[some], mean[some], "o", color=colour, ms=3, label=label)


def spaced(t: Floats | Integers, *, log: bool) -> Integers:
    """Return the positions of a few of the ascending generations t, evenly spaced to the eye."""
    if len(t) <= FEW and not log:
        return np.arange(len(t))
    x = np.log(t) if log else np.asarray(t, dtype=np.float64)
    wanted = np.linspace(x[0], x[-1], DOTS)
    return np.unique(np.abs(x[:, None] - wanted).argmin(axis=0))


def scale(axis: Any, which: str, values: Any) -> None:
    """Make an axis logarithmic if what is drawn is positive and spans two decades."""
    finite = np.asarray(values, dtype=np.float64)
    finite = finite[np.isfinite(finite)]
    if finite.size and finite.min() > 0 and finite.max() >= DECADES * finite.min():
        axis.set(**{f"{which}scale": "log"})

"""How the figures look: one colour per workflow, simulations as bands, theorems as lines."""

from collections.abc import Sequence
from textwrap import wrap
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.drawing import BAND, letter, spaced
from modelcollapse._support.drawing import figure as drawn
from modelcollapse.workflows.names import COLOURS

DASHES = {"replace": "-", "accumulate": "--", "accumulate-subsample": "-."}
WIDTH, HEIGHT = 2.2, 1.75  # of a panel, in inches
TEXT = 8
LIGHTEST = 0.35  # share of the full colour
ACROSS = 14  # letters of that size, or the next one, in an inch
KEY = "bands: 5 % to 95 % of runs; dots: means of runs; lines: theorems"


def panels(rows: int, columns: int, title: str, **shared: Any) -> tuple[Any, Any]:
    """Return a matplotlib Figure and its axes, shape (rows, columns), each with a letter."""
    wide = max(6.0, WIDTH * columns + 0.9)
    figure = drawn((wide, HEIGHT * rows + 1.3))
    axes = figure.subplots(rows, columns, squeeze=False, **shared)
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(which="both", labelsize=TEXT - 1)
    letter(axes.flat, TEXT)
    figure.suptitle("\n".join(wrap(title, int(ACROSS * wide))), fontsize=TEXT + 1)
    return figure, axes


def name_grid(axes: Any, rows: Sequence[str], columns: Sequence[str], x: str, y: str) -> None:
    """Write what differs over the columns above them, and over the rows beside them."""
    for axis, text in zip(axes[0], columns, strict=True):
        axis.set_title(text, fontsize=TEXT)
    for line, text in zip(axes, rows, strict=True):
        line[0].set_ylabel(f"{text}\n{y}" if text else y, fontsize=TEXT)
    for axis in axes[-1]:
        axis.set_xlabel(x, fontsize=TEXT)


def curve(axis: Any, frame: Any, workflow: str, *, label: str | None = None) -> None:
    """Draw one cell's quantity: a band of runs, dots for their mean, a line for the theorem.

    `frame` has the rows of one quantity of one cell; nothing is drawn if it has none. Where there
    is no theorem the dots are joined by a thin dotted line.
    """
    if frame.is_empty():
        return
    frame = frame.sort("generation")
    t, colour = frame["generation"].to_numpy(), COLOURS[workflow]
    low, high = frame["q05"].to_numpy(), frame["q95"].to_numpy()
    mean, expected = frame["mean"].to_numpy(), frame["expected"].to_numpy()
    axis.fill_between(t, low, high, color=colour, alpha=BAND, lw=0)
    some = spaced(t, log=axis.get_xscale() == "log")
    if np.isfinite(expected).any():
        dashes = DASHES.get(workflow, "-")
        axis.plot(t, expected, dashes, color=colour, lw=1.3, label=label or workflow)
        axis.plot(t[some], mean[some], "o", color=colour, ms=2.6)
    else:
        axis.plot(t, mean, ":", color=colour, lw=0.8)
        axis.plot(t[some], mean[some], "o", color=colour, ms=2.6, label=label or workflow)


def tones(colour: str, count: int) -> list[tuple[float, ...]]:
    """Return light to full tones of a colour, for early to late generations."""
    from matplotlib.colors import to_rgb

    own = np.array(to_rgb(colour))
    return [tuple(1 - share * (1 - own)) for share in np.linspace(LIGHTEST, 1.0, count)]


def legend(figure: Any, axes: Any, key: str = "", **options: Any) -> None:
    """Put one legend for all panels beneath them, below a key: what dots, bands and lines are."""
    handles: dict[str, Any] = {}
    for axis in np.asarray(axes).flat:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    figure.legend(
        handles.values(),
        handles.keys(),
        loc="outside lower center",
        ncols=options.pop("ncols", 4),
        frameon=False,
        fontsize=TEXT,
        title="\n".join(wrap(key, int(ACROSS * figure.get_figwidth()))) or None,
        title_fontsize=TEXT,
        **options,
    )


def finite_limits(values: Floats, *, log: bool = False) -> tuple[float, float] | None:
    """Return axis limits that show all finite values, or None if there is none."""
    finite = values[np.isfinite(values) & ((values > 0) | (not log))]
    if finite.size == 0:
        return None
    low, high = float(finite.min()), float(finite.max())
    if log:
        return low / 1.5, high * 1.5
    room = 0.05 * (high - low or abs(high) or 1.0)
    return low - room, high + room

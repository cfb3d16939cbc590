"""The picture: every workflow's error by generation, with its name at the end of its line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modelcollapse._support import drawing
from modelcollapse._support.drawing import axes_of, figure, scale
from modelcollapse.advice.plans import Plan
from modelcollapse.workflows.names import COLOURS

SIZE = (9.5, 4.8)
DASHES = ("-", "--", ":")  # of the workflows that share a colour
ARROW = {"arrowstyle": "-", "lw": 0.6, "shrinkA": 0, "shrinkB": 1, "relpos": (0, 0.5)}
LINE = 0.048  # of the height: a name's


def save(path: Path, plans: Sequence[Plan], real: int) -> None:
    """Write the picture to a file; see `picture_path`."""
    made = figure(SIZE)
    axis = made.subplots()
    axis.spines[["top", "right"]].set_visible(False)
    draw(axis, plans, real)
    drawing.save(made, path)


def draw(ax: Any, plans: Sequence[Plan], real: int) -> Any:
    """Draw into axes, or into new ones, and return them."""
    axis = axes_of(ax, SIZE)
    count = len(plans[0].errors)
    t = np.arange(1, count + 1)
    axis.set(xlabel="generation", ylabel=f"squared error, {real:,} real rows alone = 1")
    axis.xaxis.get_major_locator().set_params(integer=True)
    every = np.concatenate([plan.errors for plan in plans])
    scale(axis, "x", t)
    scale(axis, "y", every)
    used: dict[str, int] = {}
    for plan in plans:
        style = DASHES[used.get(plan.workflow, 0) % len(DASHES)]
        used[plan.workflow] = used.get(plan.workflow, 0) + 1
        marker = {"marker": "o", "ms": 3} if count == 1 else {}
        axis.plot(t, plan.errors, style, color=_colour(plan), lw=1.6, **marker)
    axis.set_xlim(t[0], t[-1] if count > 1 else 2)
    _name_ends(axis, plans)
    return axis


def _colour(plan: Plan) -> str:
    return COLOURS.get(plan.workflow, "0.45")


def _name_ends(axis: Any, plans: Sequence[Plan]) -> None:
    """Write each name right of its line's end, moved where two would overlap."""
    order = sorted(plans, key=lambda plan: plan.last)
    to_axes = axis.transData + axis.transAxes.inverted()
    ends = [float(to_axes.transform((1.0, plan.last))[1]) for plan in order]
    for plan, end, at in zip(order, ends, _apart(ends), strict=True):
        colour = _colour(plan)
        axis.annotate(
            f"{plan.last:.4g}  {plan.title}",
            (1.0, end),
            (1.04, at),
            xycoords="axes fraction",
            textcoords="axes fraction",
            color=colour,
            fontsize=8.5,
            va="center",
            arrowprops=ARROW | {"color": colour},
            annotation_clip=False,
        )


def _apart(ends: Sequence[float]) -> list[float]:
    """Return ascending places at least a line apart, each near its own: blocks of averages."""
    blocks: list[tuple[float, int]] = []  # of places less their offsets, as many of them
    for i, end in enumerate(ends):
        mean, size = end - i * LINE, 1
        while blocks and blocks[-1][0] > mean:
            before, count = blocks.pop()
            mean, size = (before * count + mean * size) / (count + size), count + size
        blocks.append((mean, size))
    flat = [mean for mean, size in blocks for _ in range(size)]
    return [mean + i * LINE for i, mean in enumerate(flat)]

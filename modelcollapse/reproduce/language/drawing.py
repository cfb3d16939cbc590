"""The pictures of the language-model loop."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from modelcollapse.reproduce.figure import Frames, Picture
from modelcollapse.reproduce.language.drawing_rows import MARKERS, of_seeds
from modelcollapse.reproduce.style import TEXT, curve, legend, panels
from modelcollapse.workflows.names import COLOURS

KNOWN = {  # with a grammar
    "excess": "loss above the entropy,\nnats per row",
    "tail_loss": "loss on the rarest tenth,\nnats per token",
    "grammatical": "share of samples\nthat are grammatical",
}
UNKNOWN = {
    "loss": "held-out loss,\nnats per token",
    "tail_loss": "loss on the rarest tenth,\nnats per token",
    "distinct_2": "distinct 2-grams,\nshare of all in samples",
}
TRUTH = {"excess": "entropy {:.2f}: no model is below", "grammatical": "the truth"}
ORDER = ("replace", "accumulate-subsample", "accumulate")
UNDECIDED = "0.55"


def draw(frames: Frames) -> Sequence[Picture]:
    """Draw the losses by generation, and the differences between workflows."""
    return [_losses(frames), _differences(frames["paired"])]


def _losses(frames: Frames) -> Picture:
    import polars as pl

    frame, truth = frames["language"], frames.get("truth")
    shown = KNOWN if truth is not None else UNKNOWN
    figure, axes = panels(1, len(shown), _title(frame))
    for axis, (quantity, label) in zip(axes[0], shown.items(), strict=True):
        for workflow in ORDER:
            own = frame.filter(pl.col.quantity == quantity, pl.col.workflow == workflow)
            curve(axis, over_seeds(own), workflow)
            if quantity == "excess":
                _statistics(axis, frame, workflow)
        if truth is not None and quantity in TRUTH:
            known = dict(truth.select("quantity", "value").rows())
            axis.axhline(known[quantity], color="k", lw=1.3, label="theorem: the grammar itself")
            text = TRUTH[quantity].format(known["entropy"])
            _beside(axis, known[quantity], text, below=quantity == "grammatical")
            axis.margins(y=0.08)
        _by_generation(axis, frame["generation"], label)
    legend(figure, axes, of_seeds(frame), ncols=3)
    words = ", ".join(label.replace("\n", " ") for label in shown.values())
    return Picture("loss", figure, f"By generation, for three workflows: {words}")


def _statistics(axis: Any, frame: Any, workflow: str) -> None:
    """Draw what the same loop loses by counting the grammar's rules: no training, statistics alone.

    A run of an older version has not computed it.
    """
    import polars as pl

    own = frame.filter(pl.col.quantity == "counted_excess", pl.col.workflow == workflow)
    if len(own):
        found = over_seeds(own).sort("generation")
        label = f"{workflow}, by counting"
        style = {"color": COLOURS[workflow], "lw": 1.1, "ls": "--", "label": label}
        axis.plot(found["generation"], found["mean"], **style)


def over_seeds(frame: Any) -> Any:
    """Return the mean, the least and the most of the seeds, as `style.curve` takes them."""
    import polars as pl

    return frame.group_by("generation").agg(
        pl.col.value.mean().alias("mean"),
        pl.col.value.min().alias("q05"),
        pl.col.value.max().alias("q95"),
        pl.lit(np.nan).alias("expected"),
    )


def _title(frame: Any) -> str:
    return f"{frame['model'][0]} on {frame['data'][0]}, trained on its own samples"


def _beside(axis: Any, level: float, text: str, *, below: bool) -> None:
    axis.annotate(
        text,
        (1, level),
        xycoords=("axes fraction", "data"),
        xytext=(0, -3 if below else 3),
        textcoords="offset points",
        ha="right",
        va="top" if below else "bottom",
        fontsize=TEXT - 1,
    )


def _by_generation(axis: Any, generations: Any, label: str) -> None:
    from matplotlib.ticker import FixedLocator

    axis.xaxis.set_major_locator(FixedLocator(sorted(generations.unique()), nbins=10))
    axis.set_xlim(generations.min() - 0.5, generations.max() + 0.5)
    axis.set_xlabel("generation t", fontsize=TEXT)
    axis.set_ylabel(label, fontsize=TEXT)


def _differences(frame: Any) -> Picture:
    import polars as pl

    pairs = list(combinations(ORDER, 2))
    seeds = sorted(frame["seed"].unique().to_list())
    title, key = _claim(frame)
    figure, axes = panels(1, len(pairs), title, sharey=True)
    for axis, (first, second) in zip(axes[0], pairs, strict=True):
        axis.axhline(0, color="k", lw=0.8)
        own = frame.filter(pl.col.first == first, pl.col.second == second)
        for row in own.iter_rows(named=True):
            _interval(axis, row, seeds.index(row["seed"]), len(seeds))
        axis.set_title(f"{first}\nless {second}", fontsize=TEXT)
        _by_generation(axis, frame["generation"], "")
    axes[0, 0].set_ylabel(f"difference, nats per {frame['unit'][0]}", fontsize=TEXT)
    legend(figure, axes, key)
    alt = "Paired differences of held-out losses by generation, with intervals, for each two of "
    return Picture("paired", figure, alt + f"{', '.join(ORDER)} and each seed")


def _claim(frame: Any) -> tuple[str, str]:
    alpha, clip, rows, unit = (frame[name][0] for name in ("alpha", "clip", "rows", "unit"))
    title = (
        f"Which model is worse? Mean difference of the losses on {rows:,} held-out rows, each "
        f"clipped to {clip:g} nats per {unit}"
    )
    rare = _power(alpha / 2)
    key = f"bars enclose its expectation but for a probability of {rare} each; one mark per seed"
    return title, key


def _power(value: float) -> str:
    return f"{value:.0e}".replace("e-0", "e-")


def _interval(axis: Any, row: Any, place: int, seeds: int) -> None:
    worse = {"first worse": row["first"], "second worse": row["second"]}.get(row["verdict"])
    x = row["generation"] + 0.18 * (place - (seeds - 1) / 2)
    axis.errorbar(
        x,
        row["mean"],
        [[row["mean"] - row["low"]], [row["high"] - row["mean"]]],
        fmt=MARKERS[place % len(MARKERS)],
        color=COLOURS[worse] if worse else UNDECIDED,
        mfc=None if worse else "white",
        ms=3.2,
        lw=1,
        label=f"{worse} is worse" if worse else "undecided",
    )

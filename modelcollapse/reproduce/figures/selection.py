"""What selection does: variances and rewards of loops that keep the better rows.

``python -m modelcollapse.reproduce.figures.selection FILE.png`` draws it.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from modelcollapse._support import drawing
from modelcollapse._support.errors import InvalidInput, ModelCollapseError
from modelcollapse._support.files import check_writable
from modelcollapse.families.gaussian.estimator import Gaussian
from modelcollapse.loop.experiment import Experiment, predict, simulate
from modelcollapse.loop.sampling import Sampling
from modelcollapse.loop.selection import BestOf, KeepTop, Pairwise
from modelcollapse.workflows import Accumulate, Replace, Workflow
from modelcollapse.workflows.names import COLOURS

RECORDED = (1, 2, 3, 5, 8, 12, 18, 27, 40, 60, 80, 100)
HOW: tuple[tuple[str, Sampling | None, str], ...] = (
    ("best of 5,\nq = 1.80", BestOf(5), "#882255"),
    ("best of 3,\nq = 1.28", BestOf(3), drawing.PURPLE),
    ("better of 2, q = 1", BestOf(2), drawing.ORANGE),
    ("rater, β = 1, q = 1", Pairwise(1.0), drawing.GREEN),
    ("upper 3/4,\nq = 0.71", KeepTop(0.75), drawing.SKY),
    ("all rows", None, "0.35"),
)
MOVED = {"all rows": 7, "rater, β = 1, q = 1": -1, "better of 2, q = 1": -9}  # points
GAINS: tuple[tuple[str, Workflow, str], ...] = (
    ("accumulate", Accumulate(), COLOURS["accumulate"]),
    ("replace", Replace(), COLOURS["replace"]),
)


def draw(path: Path, samples: int = 20, replicates: int = 5_000, seed: int = 0) -> None:
    """Draw the variance where selected rows accumulate, and the reward's gain."""
    figure = drawing.figure((8.6, 4.4))
    check_writable("path", path)
    left, right = figure.subplots(1, 2)
    t = np.arange(1, RECORDED[-1] + 1)
    for label, how, colour in HOW:
        e = Experiment(Gaussian(), Accumulate(), samples, RECORDED[-1], sampling=how)
        expected = predict(e)["variance"]
        left.plot(t, expected, color=colour, lw=1.4)
        _name(left, (t[-1], expected[-1]), label, colour, MOVED.get(label, 0))
        runs = simulate(e, replicates, seed, RECORDED)
        left.plot(RECORDED, runs["variance"].mean(axis=0), "o", color=colour, ms=3)
    left.set(ylabel=r"variance, $E\,v_t/\sigma_0^2$, accumulate", yscale="log")
    left.set_xlim(0.9, 900)
    for label, workflow, colour in GAINS:
        _gain(
            right,
            label,
            Experiment(Gaussian(), workflow, samples, RECORDED[-1], sampling=BestOf(2)),
            colour,
            replicates,
            seed,
        )
    right.axhline(3.2358719913, color="0.6", lw=0.8, ls=":")
    right.text(
        1,
        3.28,
        "replace gains less, for any n and t",
        color="0.4",
        fontsize=8.5,
    )
    right.set(ylabel=r"reward's gain, $E(m_t-\mu_0)/\sigma_0$, the better of 2", ylim=(0, 4.2))
    right.set_xlim(0.9, 900)
    for axis in (left, right):
        axis.set(xscale="log", xlabel="generation t")
        axis.set_xticks([1, 10, 100], ["1", "10", "100"])
        axis.minorticks_off()
        axis.spines[["top", "right"]].set_visible(False)
        axis.spines["bottom"].set_bounds(0.9, RECORDED[-1])
    left.set_yticks([0.2, 0.5, 1, 2, 5, 10], ["0.2", "0.5", "1", "2", "5", "10"])
    drawing.letter((left, right))
    figure.suptitle(
        f"Gaussian, maximum likelihood, n = {samples}: lines are exact variances and proved "
        f"bounds\nof the gain (dashed), dots the means of {replicates:,} runs, "
        "bands 5 % to 95 % of them",
        fontsize=10,
    )
    drawing.save(figure, path, ending="png")


def _gain(axis: Any, label: str, e: Experiment, colour: str, replicates: int, seed: int) -> None:
    """Draw the bound of the reward's gain as a line, and the simulated gain as dots."""
    t = np.arange(1, e.generations + 1)
    axis.plot(t, predict(e)["reward_gain_upper"], "--", color=colour, lw=1.2)
    runs = simulate(e, replicates, seed, RECORDED)
    low, _, high = drawing.quantiles(runs["reward_gain"])
    axis.fill_between(RECORDED, low, high, color=colour, alpha=drawing.BAND, lw=0)
    mean = runs["reward_gain"].mean(axis=0)
    axis.plot(RECORDED, mean, "o-", color=colour, ms=3, lw=1)
    _name(axis, (t[-1], mean[-1]), label, colour)


def _name(axis: Any, end: tuple[float, float], label: str, colour: str, moved: float = 0) -> None:
    """Name a line at its end, moved by some points up where others end nearby."""
    where = {"textcoords": "offset points", "va": "center", "fontsize": 8.5, "color": colour}
    axis.annotate(label, end, (5, moved), annotation_clip=False, **where)


if __name__ == "__main__":
    try:
        if len(sys.argv) != 2:
            raise InvalidInput(f"path: give one file name, not {len(sys.argv) - 1}")
        draw(Path(sys.argv[1]))
    except ModelCollapseError as problem:
        sys.exit(f"selection: {problem}")

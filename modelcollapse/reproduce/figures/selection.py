"""What selection does: variances and rewards of loops that keep the better rows.

``python -m modelcollapse.reproduce.figures.selection FILE.png`` draws it.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from modelcollapse._support import drawing
from modelcollapse._support.errors import InvalidInput, ModelCollapseError
from modelcollapse._support.files import check_writable, replacing
from modelcollapse.families.gaussian.estimator import Gaussian
from modelcollapse.loop.experiment import Experiment, predict, simulate
from modelcollapse.loop.sampling import Sampling
from modelcollapse.loop.selection import BestOf, KeepTop, Pairwise
from modelcollapse.workflows import Accumulate, Replace, Workflow
from modelcollapse.workflows.names import COLOURS

RECORDED = (1, 2, 3, 5, 8, 12, 18, 27, 40, 60, 80, 100)
HOW: tuple[tuple[str, Sampling | None, str], ...] = (
    ("the best of 5, q = 1.80", BestOf(5), "#882255"),
    ("the best of 3, q = 1.28", BestOf(3), "#aa4499"),
    ("the better of 2, q = 1", BestOf(2), "#d55e00"),
    ("a rater, beta = 1, q = 1", Pairwise(1.0), "#e69f00"),
    ("the upper 3/4, q = 0.71", KeepTop(0.75), "#0072b2"),
    ("all rows", None, "0.35"),
)
GAINS: tuple[tuple[str, Workflow, str], ...] = (
    ("accumulate", Accumulate(), COLOURS["accumulate"]),
    ("replace", Replace(), COLOURS["replace"]),
)


def draw(path: Path, samples: int = 20, replicates: int = 5_000, seed: int = 0) -> None:
    """Draw the variance where selected rows accumulate, and the reward's gain."""
    figure = drawing.figure((10.5, 4.4))
    check_writable("path", path)
    left, right = figure.subplots(1, 2)
    t = np.arange(1, RECORDED[-1] + 1)
    for label, how, colour in HOW:
        e = Experiment(Gaussian(), Accumulate(), samples, RECORDED[-1], sampling=how)
        left.plot(t, predict(e)["variance"], color=colour, lw=1.4, label=label)
        runs = simulate(e, replicates, seed, RECORDED)
        left.plot(RECORDED, runs["variance"].mean(axis=0), "o", color=colour, ms=3)
    left.set(ylabel=r"variance, $E\,v_t/\sigma_0^2$, accumulate", yscale="log")
    left.legend(frameon=False, fontsize=8.5, loc="upper left")
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
        "replace gains less than this on average, for any n and t",
        color="0.4",
        fontsize=8.5,
    )
    right.set(ylabel=r"reward's gain, $E(m_t-\mu_0)/\sigma_0$, the better of 2", ylim=(0, 4.2))
    right.legend(frameon=False, fontsize=8.5, loc="upper left", bbox_to_anchor=(0, 0.78))
    for axis in (left, right):
        axis.set(xscale="log", xlabel="generation t")
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(
        f"Gaussian, maximum likelihood, n = {samples}: lines are exact variances and proved bounds "
        f"of the gain, dots the means of {replicates:,} runs",
        fontsize=9.5,
    )
    with replacing(path) as partial:
        figure.savefig(partial, dpi=130, format="png")


def _gain(axis: Any, label: str, e: Experiment, colour: str, replicates: int, seed: int) -> None:
    """Draw the bound of the reward's gain as a line, and the simulated gain as dots."""
    t = np.arange(1, e.generations + 1)
    axis.plot(t, predict(e)["reward_gain_upper"], "--", color=colour, lw=1.2)
    runs = simulate(e, replicates, seed, RECORDED)
    low, _, high = drawing.quantiles(runs["reward_gain"])
    axis.fill_between(RECORDED, low, high, color=colour, alpha=drawing.BAND, lw=0)
    mean = runs["reward_gain"].mean(axis=0)
    axis.plot(RECORDED, mean, "o-", color=colour, ms=3, lw=1, label=label)


if __name__ == "__main__":
    try:
        if len(sys.argv) != 2:
            raise InvalidInput(f"path: give one file name, not {len(sys.argv) - 1}")
        draw(Path(sys.argv[1]))
    except ModelCollapseError as problem:
        sys.exit(f"selection: {problem}")

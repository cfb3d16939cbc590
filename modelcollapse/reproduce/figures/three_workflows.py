"""The picture of the README: three workflows against their predictions.

``python -m modelcollapse.reproduce.figures.three_workflows FILE.png`` draws it.
"""

import sys
from pathlib import Path
from typing import Any

from modelcollapse._support import drawing
from modelcollapse._support.errors import InvalidInput, ModelCollapseError
from modelcollapse._support.files import check_writable
from modelcollapse.families.gaussian.estimator import Gaussian
from modelcollapse.loop.experiment import Experiment, predict, simulate
from modelcollapse.workflows import Accumulate, AccumulateSubsample, Replace
from modelcollapse.workflows.names import COLOURS

WORKFLOWS = (Replace(), AccumulateSubsample(), Accumulate())
RECORDED = (1, 2, 3, 5, 8, 12, 18, 27, 40, 60, 80, 100)
NAMED = {"replace": 25}  # the generation at which its steep line is named
PANELS = (
    ("squared_error", r"squared error of the mean, $E(m_t-\mu_0)^2/\sigma_0^2$", "log"),
    ("variance", r"variance, $E\,v_t/\sigma_0^2$", "linear"),
)


def draw(path: Path, samples: int = 100, replicates: int = 20_000, seed: int = 0) -> None:
    """Draw predictions as lines, simulated means as dots and runs of the variance as bands."""
    figure = drawing.figure((8.4, 4.2))
    check_writable("path", path)
    axes = figure.subplots(1, 2)
    for workflow in WORKFLOWS:
        e = Experiment(Gaussian(), workflow, samples, RECORDED[-1])
        _draw_one(axes, e, simulate(e, replicates, seed, RECORDED), COLOURS[workflow.name])
    for axis, (_, label, scale) in zip(axes, PANELS, strict=True):
        axis.set(xscale="log", yscale=scale, xlabel="generation t", ylabel=label)
        axis.set_xticks([1, 10, 100], ["1", "10", "100"])
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].axhline(1 / samples, color="0.6", lw=0.8, ls=":")
    axes[0].text(RECORDED[-1], 0.92 / samples, "real data only", ha="right", va="top", color="0.4")
    axes[0].set_ylim(0.6 / samples, 1.5)
    axes[1].set_ylim(0, 1.8)
    drawing.letter(axes)
    figure.suptitle(
        f"Gaussian, maximum likelihood, n = {samples}: lines are exact predictions, dots\n"
        f"the means of {replicates:,} simulated runs, bands 5 % to 95 % of runs",
        fontsize=10,
    )
    drawing.save(figure, path, ending="png")


def _draw_one(axes: Any, e: Experiment, runs: Any, colour: str) -> None:
    from numpy import quantile

    prediction = predict(e)
    for axis, (name, _, _) in zip(axes, PANELS, strict=True):
        if name == "variance":
            low, high = quantile(runs[name], [0.05, 0.95], axis=0)
            axis.fill_between(runs.generations, low, high, color=colour, alpha=0.12, lw=0)
        axis.plot(range(1, e.generations + 1), prediction[name], color=colour, lw=1.4)
        axis.plot(
            runs.generations,
            runs[name].mean(axis=0),
            "o",
            color=colour,
            ms=4,
        )
        if name == "squared_error":  # where the lines lie apart
            at = NAMED.get(str(e.schedule.rule), e.generations)
            place = (at, 1.12 * prediction[name][at - 1])
            axis.text(*place, e.schedule.rule, color=colour, ha="right", va="bottom")


if __name__ == "__main__":
    try:
        if len(sys.argv) != 2:
            raise InvalidInput(f"path: give one file name, not {len(sys.argv) - 1}")
        draw(Path(sys.argv[1]))
    except ModelCollapseError as problem:
        sys.exit(f"three_workflows: {problem}")

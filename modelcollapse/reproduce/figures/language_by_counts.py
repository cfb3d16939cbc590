"""The law of many rows on a language by counts: measured curves beside c_t, and where it ends.

``python -m modelcollapse.reproduce.figures.language_by_counts FILE.png`` draws it.
"""

import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from modelcollapse import solver
from modelcollapse._support import drawing
from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import InvalidInput, ModelCollapseError
from modelcollapse._support.files import check_writable
from modelcollapse.families.markov import Language, Markov
from modelcollapse.loop.experiment import Experiment, simulate
from modelcollapse.workflows import Accumulate, AnyWorkflow, Replace
from modelcollapse.workflows.names import COLOURS

WORDS, GENERATIONS = 8, 10
TEXTS = (3200, 200)
WORKFLOWS: tuple[Replace | Accumulate, ...] = (Replace(), Accumulate())


class Measured(NamedTuple):
    """What loops of one workflow and size have measured, for each generation.

    Attributes
    ----------
    law
        c_t.
    ratio
        The mean excess over k/2n of the loops in which it is finite.
    infinite
        The share of the others, which have lost a transition.
    """

    law: Floats
    ratio: Floats
    infinite: Floats


def language() -> Language:
    """Eight words whose rows are drawn once: 71 free parameters, texts of nine words on average."""
    rng = np.random.default_rng(0)
    start = rng.dirichlet(np.full(WORDS, 8.0))
    return Language(start, rng.dirichlet(np.full(WORDS + 1, 8.0), WORDS))


def measured(workflow: AnyWorkflow, texts: int, replicates: int = 4000, seed: int = 0) -> Measured:
    """Return the mean excess of simulated loops over k/2n, and what the law says."""
    truth = language()
    e = Experiment(Markov(WORDS), workflow, texts, GENERATIONS, truth=truth)
    values = simulate(e, replicates, seed)["excess"] * 2 * texts / truth.parameters
    finite = np.isfinite(values)
    with np.errstate(invalid="ignore"):  # of few loops none may have kept every transition
        mean = np.where(finite, values, 0.0).sum(axis=0) / finite.sum(axis=0)
    return Measured(solver.inflation(workflow, e.sizes), mean, 1 - finite.mean(axis=0))


def draw(path: Path, replicates: int = 4000, seed: int = 0) -> None:
    """Draw the excess over k/2n for many and for few texts, and the loops that lost something."""
    figure = drawing.figure((8.8, 3.9))
    check_writable("path", path)
    panels = figure.subplots(1, 3, width_ratios=(1, 1, 0.8))
    for workflow, axis in zip(WORKFLOWS, panels, strict=False):
        _curves(axis, workflow, panels[2], replicates, seed)
    panels[0].set(ylabel="excess loss over $k/2n$")
    drawing.letter(panels)
    panels[2].set(ylim=(0, 1))
    panels[2].set(ylabel="loops with an infinite loss, share")
    for axis, corner in zip(panels, ("upper left", "lower right", "upper left"), strict=True):
        axis.set(xlabel="generation t", xticks=range(1, GENERATIONS + 1))
        axis.legend(frameon=False, fontsize=8.5, loc=corner)
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(
        f"Which of 8 words follows which, k = {language().parameters}: lines are the law of many "
        f"rows, $c_t$;\nmarks the means of {replicates:,} loops, those with a finite loss",
        fontsize=10,
    )
    drawing.save(figure, path, ending="png")


def _curves(
    axis: Any, workflow: Replace | Accumulate, lost: Any, replicates: int, seed: int
) -> None:
    t, colour = np.arange(1, GENERATIONS + 1), COLOURS[workflow.name]
    for texts, mark in zip(TEXTS, "os", strict=True):
        found = measured(workflow, texts, replicates, seed)
        if texts == TEXTS[0]:
            axis.plot(t, found.law, color=colour, lw=1.4, label="$c_t$")
        fill = colour if texts == TEXTS[0] else "none"
        style = {"color": colour, "mfc": fill, "ms": 4.5}
        axis.plot(t, found.ratio, mark, **style, label=f"{texts:,} texts")
        if found.infinite.any():
            label = f"{workflow.name}, {texts:,} texts"
            lost.plot(t, found.infinite, f"{mark}-", lw=1, **style, label=label)
    axis.set(ylim=(0, None))
    axis.set_title(workflow.name, fontsize=10)


def table(replicates: int = 4000, seed: int = 0) -> str:
    """Return the measured numbers as lines of text."""
    lines = []
    for workflow in WORKFLOWS:
        for texts in TEXTS:
            found = measured(workflow, texts, replicates, seed)
            for name, values in zip(found._fields, found, strict=True):
                numbers = " ".join(f"{value:.2f}" for value in values)
                lines.append(f"{workflow.name}, {texts} texts, {name}: {numbers}")
    return "\n".join(lines)


if __name__ == "__main__":
    try:
        if len(sys.argv) != 2:
            raise InvalidInput(f"path: give one file name, not {len(sys.argv) - 1}")
        draw(Path(sys.argv[1]))
        print(table())  # noqa: T201 - the numbers that are drawn
    except ModelCollapseError as problem:
        sys.exit(f"language_by_counts: {problem}")

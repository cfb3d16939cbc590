"""The comparison of bandwidth schedules in docs/bandwidths.md, as a table and a picture.

``python -m modelcollapse.reproduce.figures.optimal_bandwidths FILE.png`` prints the one and draws
the other.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

from modelcollapse._support import drawing
from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import InvalidInput, ModelCollapseError
from modelcollapse._support.files import check_writable
from modelcollapse.families.kde import control, search
from modelcollapse.families.kde.estimator import KDE
from modelcollapse.families.kde.optimal import optimal_bandwidths
from modelcollapse.loop.experiment import Experiment, predict
from modelcollapse.workflows import Accumulate, AccumulateSubsample, Replace, Workflow

SAMPLES = GENERATIONS = 100
WORKFLOWS: tuple[Workflow, ...] = (Replace(), AccumulateSubsample(), Accumulate())
COLOURS = {
    "best fixed": "0.5",
    "Scott": drawing.ORANGE,
    "Silverman": drawing.PURPLE,
    "greedy": drawing.VERMILION,
    "optimal": drawing.BLUE,
}
DASHES = {"Silverman": (0, (3, 2)), "greedy": (0, (1, 1))}  # which nearly coincide with Scott
Schedule = tuple[Floats, Floats]  # bandwidths and errors


def schedules(workflow: Workflow) -> dict[str, Schedule]:
    """Return the bandwidths and exact errors of each rule, n = 100 and N(0, 1)."""
    start = Experiment(KDE(1.0), workflow, SAMPLES, GENERATIONS)
    thumb = control.rule_of_thumb(start)
    found = {"best fixed": np.full(GENERATIONS, _best_fixed(start))}
    path = control.path_of(start, thumb)
    for name in ("Scott", "Silverman"):
        found[name] = control.rule_bandwidths(start, name.lower())
    found["greedy"] = search.greedy(path, thumb)
    errors = {name: (h, control.scheduled_error(start, h)) for name, h in found.items()}
    best = optimal_bandwidths(None, workflow, SAMPLES, GENERATIONS)
    return errors | {"optimal": (best.bandwidths, best.mise)}


def _best_fixed(e: Experiment) -> float:
    from scipy.optimize import minimize_scalar

    def total(x: float) -> float:
        model = KDE(float(np.exp(x)))
        other = Experiment(model, e.workflow, SAMPLES, GENERATIONS)
        return float(predict(other)["mise"].sum())

    found = minimize_scalar(total, bounds=(-3, 1), options={"xatol": 1e-6})
    return float(np.exp(found.x))


def table(results: dict[str, dict[str, Schedule]]) -> str:
    """Return the mean error over the generations, times 1000, as Markdown."""
    names = list(COLOURS)
    lines = ["| workflow | " + " | ".join(names) + " |", "|---|" + "--:|" * len(names)]
    for workflow, found in results.items():
        cells = (f"{1000 * found[name][1].mean():.2f}" for name in names)
        lines.append(f"| {workflow} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def draw(path: Path, results: dict[str, dict[str, Schedule]]) -> None:
    """Draw bandwidths above, and errors below, one column for each workflow."""
    figure = drawing.figure((8.8, 5.4))
    axes = figure.subplots(2, len(results), sharex=True, sharey="row")
    for column, (workflow, found) in enumerate(results.items()):
        for name, schedule in found.items():
            _draw_one(axes[:, column], name, schedule)
        axes[0, column].set_title(workflow, fontsize=10)
        axes[1, column].set_xlabel("generation t")
    drawing.letter(axes.flat)
    axes[0, 0].set(ylabel="bandwidth $h_t$", xscale="log", yscale="log")
    axes[1, 0].set(ylabel=r"squared error, $E\int(p_t-p_0)^2$", yscale="log")
    axes[1, 0].set_xticks([1, 10, 100], ["1", "10", "100"])
    axes[0, 0].set_yticks([0.1, 0.2, 0.5, 1.0], ["0.1", "0.2", "0.5", "1"])
    axes[0, -1].legend(frameon=False, fontsize=9, loc="upper right")
    figure.suptitle(
        f"Exact errors of bandwidth schedules: N(0, 1), n = {SAMPLES} rows per generation",
        fontsize=10.5,
    )
    drawing.save(figure, path, ending="png")


def _draw_one(axes: Any, name: str, schedule: Schedule) -> None:
    generations = np.arange(1, GENERATIONS + 1)
    width = 2.2 if name == "optimal" else 1.2
    for axis, values in zip(axes, schedule, strict=True):
        dashes = DASHES.get(name, "-")
        axis.plot(generations, values, color=COLOURS[name], ls=dashes, lw=width, label=name)
        axis.minorticks_off()
        axis.spines[["top", "right"]].set_visible(False)


def main(arguments: list[str]) -> None:
    """Print the table and draw the picture."""
    if len(arguments) != 1:
        raise InvalidInput(f"path: give one file name, not {len(arguments)}")
    path = Path(arguments[0])
    check_writable("path", path)
    results = {workflow.name: schedules(workflow) for workflow in WORKFLOWS}  # type: ignore[attr-defined]
    print(table(results))  # noqa: T201 - a command
    draw(path, results)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except ModelCollapseError as problem:
        sys.exit(f"optimal_bandwidths: {problem}")

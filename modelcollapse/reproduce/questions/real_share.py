"""How much real data is enough: shares of real rows against the loop's risk in the long run."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from modelcollapse import mixed
from modelcollapse._support.sealed import frames
from modelcollapse.loop.experiment import predict
from modelcollapse.reproduce.figure import Context, Figure, Frames, Picture, Size, swept
from modelcollapse.reproduce.questions import webs
from modelcollapse.reproduce.questions.drawing_real_share import WANTED, draw_shares
from modelcollapse.sweep import Cell, Sweep

WORKFLOWS = ("keep-real", "fresh-data")
ROWS = 20  # real ones, and sampled ones in each generation
CURVATURES = {"gaussian": -1.0, "gamma": 1.0}  # gamma of shape 1: exponential
SHARES = {
    "paper": [0.005, 0.01, 0.02, 0.04, 0.07, 0.12, 0.2, 0.35, 0.6, 0.9],
    "quick": [0.01, 0.1, 0.6],
}
FINE = {"paper": 60, "quick": 9}  # shares on a theorem's curve
AT, LATE = [10, 30], 200  # generations: simulated, and the last of which the theorem is drawn
REPLICATES = {
    "paper": {"gaussian": 10_000, "gamma": 100_000},  # rare runs carry the error of the second
    "quick": {"gaussian": 10_000, "gamma": 10_000},
}


def workflow(name: str, share: Any) -> dict[str, Any]:
    """Return the workflow with a total weight on its real rows."""
    if name == "keep-real":
        return {"name": name, "share": share}
    return {"name": name, "real": ROWS, "synthetic": ROWS, "weight": share}


def sweeps(size: Size) -> Mapping[str, Sweep]:
    """Return loops that keep or refresh real rows, two families, and growing webs."""
    shares = SHARES[size]
    mixing = {
        family: Sweep.of(
            {
                "model": {"family": family},
                "workflow": [workflow(name, shares) for name in WORKFLOWS],
                "samples": ROWS,
                "generations": AT[-1],
                "at": AT,
                "replicates": REPLICATES[size][family],
                "quantities": ["variance", "squared_error"],
            }
        )
        for family in CURVATURES
    }
    return {**mixing, **webs.sweeps(size)}


def compute(context: Context) -> Frames:
    """Return the simulated summaries, and the theorems' curves on finer grids."""
    fine = FINE[context.size]
    pl, runs = frames(), swept(sweeps)(context)
    curves = {"share": _mixed(fine), "web": webs.curves(fine)}
    return {**runs, **{f"{part}-theorem": pl.DataFrame(curves[part]) for part in curves}}


def draw(frames: Frames) -> Sequence[Picture]:
    """Draw loops with a weight on real rows, and growing webs."""
    return [draw_shares(frames), webs.draw(frames)]


def _mixed(fine: int) -> Iterator[dict[str, Any]]:
    for family, v2 in CURVATURES.items():
        for name in WORKFLOWS:
            for share in _shares(fine, name, v2):
                where = {"family": family, "workflow": name, "share": share}
                yield from ({**where, **point} for point in _points(family, name, share, v2))


def _shares(fine: int, name: str, v2: float) -> list[float]:
    """Return the weights on a curve, among them those that are marked on it."""
    marked = [mixed.smallest_share(WANTED, ROWS, ROWS, name, v2)]
    if name == "fresh-data":
        marked.append(mixed.optimal_weight(ROWS, ROWS, v2))
    grid = np.geomspace(SHARES["paper"][0], SHARES["paper"][-1], fine)
    return sorted({*grid.tolist(), *map(float, marked)})


def _points(family: str, name: str, share: float, v2: float) -> Iterator[dict[str, Any]]:
    """Yield what is exact of both quantities, at generations and in the limit (generation 0)."""
    prediction = predict(Cell({"family": family}, workflow(name, share), ROWS, LATE).experiment())
    error = limit(name, share, v2)
    limits = {"squared_error": error, "variance": 1 + v2 * error}
    for quantity, last in limits.items():
        values = {0: last, **{t: prediction[quantity][t - 1] for t in (*AT, LATE)}}
        for t, value in values.items():
            yield {"quantity": quantity, "generation": t, "value": float(value)}


def limit(name: str, share: float, v2: float) -> float:
    """Return the limiting squared error over the truth's variance; infinite where there is none."""
    if name == "keep-real":
        return float(mixed.kept_fixed_point(share, ROWS, ROWS, v2))
    return float(mixed.fresh_inflation(ROWS, ROWS, share, v2)) / ROWS


FIGURES = {
    "real-share": Figure(
        name="real-share",
        title="How much real data prevents collapse?",
        shows=(
            "Loops that put a total weight on real rows in every fit, 20 real and 20 sampled "
            "ones, fresh real rows each time or the first ones kept: the fitted variance of a "
            "Gaussian, and the error of the mean, times the number of real rows, for Gaussian and "
            "exponential data. The second picture: webs on which each model trains on everything "
            "so far and of whose growth a share is real; the error times all rows, which is 1 if "
            "all are real."
        ),
        original=(
            "No figure of the paper. Its language models ask how the number and the proportion of "
            "real rows matter (notebook 10); this asks in loops that are solved how small they may "
            "be."
        ),
        difference=(
            "Everything is exact: the curves at finite generations, the limit, the share at which "
            "it becomes infinite, 1 - (1 + v2/n)^(-1/2), and the smallest share for a wanted "
            "error. For a Gaussian fitted by maximum likelihood no share is too small: the limit "
            "is finite, and the variance positive, at any. For exponential data (v2 = 1) the "
            "expected error diverges at weights of up to 2.4 %. That is a statement about the "
            "expectation: the 5 % to 95 % of runs in the band do not diverge with it, rare ones "
            "carry it, and the dots at the smallest shares vary accordingly. Fresh real rows can "
            "push the error below that of the real rows alone, by an optimal weight that equals "
            "the error that it leaves; kept ones cannot. A web's error falls in proportion to its "
            "size iff more than 1/(1 + sqrt(1 - nu)) of what is new is real, nu the fraction of "
            "all rows that is new."
        ),
        compute=compute,
        draw=draw,
    )
}

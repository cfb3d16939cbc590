"""Top-hat kernels: the test loss is infinite, and how many fresh rows it is infinite at."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import ndtr

from modelcollapse._support.sealed import frames
from modelcollapse.loop.experiment import predict
from modelcollapse.reproduce.figure import Context, Figure, Frames, Picture, Size, swept
from modelcollapse.reproduce.kde.losses import WORKFLOWS
from modelcollapse.reproduce.style import TEXT, legend, name_grid, panels
from modelcollapse.sweep import Cell, Sweep
from modelcollapse.sweep.store import Store
from modelcollapse.workflows.names import COLOURS

BANDWIDTHS = [0.1, 0.5, 1.0]
SIZES = {"paper": [10, 32, 100], "quick": [10]}
AT = {"paper": [1, 2, 3, 6, 10, 18, 32, 56, 100], "quick": [1, 3, 10]}
REPLICATES = {"paper": 1000, "quick": 200}
QUANTITY = "test_log_loss"
FAR, POINTS = 9.0, 6001  # of an integral over N(0, 1)
ERRORS = 3  # standard errors of a share on either side of it


def sweeps(size: Size) -> Mapping[str, Sweep]:
    """Return loops from N(0, 1), each scored at one fresh row, with all their runs."""
    return {
        "runs": Sweep.of(
            {
                "model": {"family": "kde", "kernel": "tophat", "bandwidth": BANDWIDTHS},
                "workflow": {"name": list(WORKFLOWS)},
                "samples": SIZES[size],
                "generations": AT[size][-1],
                "replicates": REPLICATES[size],
                "at": AT[size],
                "test": 1,
                "quantities": [QUANTITY],
                "runs": True,
            }
        )
    }


def compute(context: Context) -> Frames:
    """Return the losses' summaries, and the share of runs whose fresh row has the density 0."""
    summary = swept(sweeps)(context)["runs"]
    store = Store(context.folder / "sweeps" / "runs")
    rows = [row for cell in sweeps(context.size)["runs"].cells for row in _missed(cell, store)]
    return {"runs": summary, "missed": frames().DataFrame(rows)}


def _missed(cell: Cell, store: Store) -> Iterator[dict[str, Any]]:
    pl = frames()
    runs, h, n = store.table(cell, "runs"), float(cell.model["bandwidth"]), int(cell.samples)
    loss = predict(cell.experiment())[QUANTITY]
    for t in cell.at or ():
        values = runs.filter(pl.col.generation == t)[QUANTITY].to_numpy()
        yield {
            "workflow": cell.workflow["name"],
            "bandwidth": h,
            "samples": n,
            "generation": t,
            "replicates": len(values),
            "missed": float(np.isposinf(values).mean()),
            "exact": missed_first(h, n) if t == 1 else np.nan,
            "expected_loss": float(loss[t - 1]),
        }


def missed_first(bandwidth: float, samples: int) -> float:
    """Return the probability that a fresh row of N(0, 1) is in none of the balls of n others."""
    x = np.linspace(-FAR, FAR, POINTS)
    inside = ndtr(x + bandwidth) - ndtr(x - bandwidth)
    density = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
    return float(np.trapezoid(density * np.exp(samples * np.log1p(-inside)), x))


def draw(frames: Frames) -> Sequence[Picture]:
    """Draw the share of fresh rows that are missed, a panel for each bandwidth and n."""
    import polars as pl

    frame = frames["missed"]
    bandwidths, sizes = (sorted(frame[key].unique().to_list()) for key in ("bandwidth", "samples"))
    title = "Fresh rows at which the fitted density is 0, so that their loss is infinite"
    figure, axes = panels(len(sizes), len(bandwidths), title, sharex=True, sharey=True)
    for line, n in zip(axes, sizes, strict=True):
        for axis, h in zip(line, bandwidths, strict=True):
            own = frame.filter(pl.col.samples == n, pl.col.bandwidth == h)
            for workflow in WORKFLOWS:
                _curve(axis, own.filter(pl.col.workflow == workflow).sort("generation"), workflow)
            first = own.filter(pl.col.generation == 1)["exact"][0]
            axis.plot(1, first, "kx", ms=7, mew=1.5, zorder=5, label="exact, generation 1")
            axis.set(xscale="log", ylim=(0, 1))
    if np.isposinf(frame["expected_loss"].to_numpy()).all():
        note = "expected loss: infinite\nin all panels, from t = 1 on"
        axes[0, -1].text(0.98, 0.97, note, **_corner(axes[0, -1]))
    rows, columns = [f"n = {n}" for n in sizes], [f"h = {h:g}" for h in bandwidths]
    name_grid(axes, rows, columns, "generation t", "missed, share")
    legend(
        figure, axes, f"dots: shares of runs, each with one fresh row, ± {ERRORS} standard errors"
    )
    alt = (
        f"share of fresh rows at which a top-hat density is 0, by generation, for n in {sizes} "
        f"(rows) and bandwidths {bandwidths} (columns): positive from generation 1 on, and growing "
        "under replace"
    )
    return [Picture("missed", figure, alt)]


def _curve(axis: Any, cell: Any, workflow: str) -> None:
    t, share = cell["generation"].to_numpy(), cell["missed"].to_numpy()
    error = ERRORS * np.sqrt(share * (1 - share) / cell["replicates"].to_numpy())
    style = {"fmt": "o-", "color": COLOURS[workflow], "ms": 3, "lw": 0.9}
    axis.errorbar(t, share, error, label=workflow, **style)


def _corner(axis: Any) -> dict[str, Any]:
    return {"ha": "right", "va": "top", "fontsize": TEXT - 1, "transform": axis.transAxes}


FIGURES = {
    "kde-top-hat": Figure(
        name="kde-top-hat",
        title="Top-hat kernels: why there is no loss to compare",
        shows=(
            "Kernel density estimates with a top-hat kernel of fixed bandwidth h on N(0, 1), for "
            "100 generations of replace, accumulate and accumulate-subsample with n rows each: the "
            "share of 1,000 runs in which one fresh row lies in none of the intervals of width 2h "
            "about the training rows, and has the density 0."
        ),
        original=(
            "The paper sweeps top-hat kernels beside Gaussian ones. Which of their parameters "
            "differ is not known here; the bandwidths, batch sizes and generations are those of "
            "kde-loss, up to 100 rows."
        ),
        difference=(
            "No test loss is drawn, as its expectation is infinite at every h, n and generation: "
            "finitely many intervals leave a part of the line uncovered, a fresh row falls there "
            "with positive probability, and its loss is infinite. So a mean over seeds is either "
            "infinite or that of the seeds which were lucky with their test rows, and a smaller "
            "one says nothing. The share of such rows can be compared instead. In generation 1 it "
            "is exact, the integral of phi(x) [1 - P(|X - x| <= h)]^n; later it is simulated, and "
            "open. Under replace it grows with every h, as the rows clump or wander off; under "
            "accumulate it falls. The same holds of compact truths, unless n balls cover them."
        ),
        compute=compute,
        draw=draw,
    )
}

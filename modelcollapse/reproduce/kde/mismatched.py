"""The paper's blobs: test rows about the training rows' centres, and about others."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.sealed import DamagedError, read_table, write_table
from modelcollapse._support.version import build
from modelcollapse._support.workers import spread
from modelcollapse.datasets import blobs_mixture, paper
from modelcollapse.families.kde import KDE
from modelcollapse.loop.experiment import Experiment, simulate
from modelcollapse.reproduce.figure import Context, Picture, Stopped
from modelcollapse.reproduce.kde.cross_entropy import Law, lower_bound
from modelcollapse.reproduce.kde.losses import (
    CROSS_ENTROPY,
    QUANTITIES,
    WORKFLOWS,
    logarithmic,
    loss,
)
from modelcollapse.reproduce.style import legend, name_grid, panels
from modelcollapse.sweep.work import QUANTILES
from modelcollapse.workflows import by_name

SAME, OTHER = "the same centres", "other centres"
Part = tuple[float, int, str]  # bandwidth, rows, workflow
GREY = "0.96"  # behind what the paper does


@dataclass(frozen=True)
class Grid:
    """What is computed: each seed has two sets of centres of its own."""

    bandwidths: Sequence[float]
    sizes: Sequence[int]
    at: Sequence[int]
    seeds: int
    test: int


def compute(grid: Grid, context: Context) -> Any:
    """Return the losses on both kinds of test rows, and their bounds; finished parts are kept."""
    import polars as pl
    from joblib import delayed

    folder = context.folder / "mismatched"
    folder.mkdir(parents=True, exist_ok=True)
    parts = list(product(grid.bandwidths, grid.sizes, WORKFLOWS))
    paths = {part: folder / _named(grid, part) for part in parts}
    missing = [part for part in parts if not _whole(paths[part])]
    done = len(parts) - len(missing)
    tasks = (delayed(_kept)(grid, part, paths[part]) for part in missing)
    try:
        for _ in spread(tasks, context.jobs, ordered=False):
            done += 1
            if context.progress:
                context.progress(done / len(parts), "blobs with two sets of centres")
    except KeyboardInterrupt as stop:
        raise Stopped(f"mismatched blobs: {done} of {len(parts)} parts are finished") from stop
    return pl.concat([read_table(path, path.name) for path in paths.values()])


def _named(grid: Grid, part: Part) -> str:
    """Return the name of a part's file: it tells apart all that its numbers depend on."""
    told = json.dumps([build(), *part, grid.at, grid.seeds, grid.test])
    return "-".join([*map(str, part), hashlib.sha256(told.encode()).hexdigest()[:8]]) + ".parquet"


def _whole(path: Path) -> bool:
    """Return whether a file is there and not damaged."""
    try:
        read_table(path, path.name)
    except DamagedError:
        return False
    return True


def _kept(grid: Grid, part: Part, path: Path) -> None:
    write_table(path, one(grid, *part), path.name)


def one(grid: Grid, h: float, n: int, workflow: str) -> Any:
    """Return the table of one cell: one run for each seed, scored on two test sets."""
    import polars as pl

    at = list(grid.at)
    losses: dict[str, list[Floats]] = {SAME: [], OTHER: []}
    bounds: dict[str, list[Floats]] = {SAME: [], OTHER: []}
    for seed in range(grid.seeds):
        truth, elsewhere = blobs_mixture(2 * seed), blobs_mixture(2 * seed + 1)
        e = Experiment(KDE(h, dim=2), by_name(workflow), n, at[-1], truth)
        other = paper("blobs-mismatched", grid.test, 2 * seed + 1)
        for name, test, law in ((SAME, grid.test, truth), (OTHER, other, elsewhere)):
            runs = simulate(e, 1, seed, at, test=test, tolerance=1e-7)
            losses[name].append(runs[QUANTITIES[0]][0])
            low = lower_bound(Law.of(truth), h, workflow, np.array(at), Law.of(law))
            bounds[name].append(low)
    tables = []
    for name in (SAME, OTHER):
        where = {"bandwidth": h, "samples": n, "workflow": workflow, "test_rows": name}
        runs_of = {"quantity": QUANTITIES[0], **_summary(np.array(losses[name]))}
        bound = {"quantity": CROSS_ENTROPY, "expected": np.mean(bounds[name], axis=0)}
        tables += [pl.DataFrame({**where, "generation": at, **own}) for own in (runs_of, bound)]
    return pl.concat(tables, how="diagonal_relaxed")


def _summary(values: Floats) -> dict[str, Floats]:
    """Return mean and quantiles over seeds, (seeds, generations)."""
    levels = np.quantile(values, list(QUANTILES.values()), axis=0, method="inverted_cdf")
    return {"mean": values.mean(axis=0), **dict(zip(QUANTILES, levels, strict=True))}


def draw(frame: Any) -> Picture:
    """Draw both kinds of test rows side by side."""
    import polars as pl

    bandwidths, sizes = (sorted(frame[key].unique().to_list()) for key in ("bandwidth", "samples"))
    places = list(product((SAME, OTHER), sizes))
    title = (
        "Test loss on blobs with three centres for each seed: test rows about the same centres "
        "(left), and about three others, as in the paper (right)"
    )
    key = (
        "bands: 5 % to 95 % of seeds; dots: means of seeds; lines: proved lower bounds of the mean"
    )
    figure, axes = panels(len(bandwidths), len(places), title, sharex=True, sharey="row")
    for i, h in enumerate(bandwidths):
        for j, (kind, n) in enumerate(places):
            logarithmic(axes[i, j])
            if kind == OTHER:
                axes[i, j].set_facecolor(GREY)
            where = (pl.col.bandwidth == h) & (pl.col.samples == n) & (pl.col.test_rows == kind)
            for workflow in WORKFLOWS:
                loss(axes[i, j], frame.filter(where & (pl.col.workflow == workflow)), workflow)
    columns = [f"{kind}\nn = {n}" for kind, n in places]
    name_grid(
        axes,
        [f"h = {h:g}" for h in bandwidths],
        columns,
        "generation t",
        r"loss $-\log\,p_t$, nats",
    )
    legend(figure, axes, key)
    alt = (
        f"test loss on blobs by generation for bandwidths {bandwidths} (rows): on the left test "
        f"rows about the training rows' centres, on the right about others, each for n in {sizes}"
    )
    return Picture("blobs-artefact", figure, alt)

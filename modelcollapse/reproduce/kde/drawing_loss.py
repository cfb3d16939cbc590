"""Drawing the test loss over data sets, bandwidths and n, and the mismatched blobs."""

from collections.abc import Sequence
from typing import Any

from modelcollapse.reproduce.figure import Frames, Picture
from modelcollapse.reproduce.kde import mismatched
from modelcollapse.reproduce.kde.losses import KEY, WORKFLOWS, logarithmic, loss
from modelcollapse.reproduce.style import legend, name_grid, panels


def draw(frames: Frames) -> Sequence[Picture]:
    """Draw one picture per data set, with a panel for each bandwidth and n, and the artefact."""
    import polars as pl

    name = pl.col.data.str.split(":").list.first()
    found = frames["loss"].with_columns(name.alias("name"), pl.col.bandwidth.cast(pl.String))
    names = frames["bounds"]["name"].unique(maintain_order=True)
    pictures = [_picture(name, found, frames["bounds"]) for name in names]
    return [*pictures, mismatched.draw(frames["mismatched"])]


def _picture(name: str, frame: Any, bound: Any) -> Picture:
    import polars as pl

    frame, bound = (f.filter(pl.col.name == name) for f in (frame, bound))
    bandwidths = sorted(frame["bandwidth"].unique().to_list(), key=float)
    sizes = sorted(frame["samples"].unique().to_list())
    title = f"Test loss on {name.replace('_', ' ')}, by generation"
    figure, axes = panels(len(bandwidths), len(sizes), title, sharex=True, sharey="row")
    for i, h in enumerate(bandwidths):
        for j, n in enumerate(sizes):
            logarithmic(axes[i, j])
            cells = frame.filter(pl.col.samples == n)
            for workflow in WORKFLOWS:
                own = (pl.col.bandwidth == h) & (pl.col.workflow == workflow)
                both = pl.concat([cells.filter(own), bound.filter(own)], how="diagonal_relaxed")
                loss(axes[i, j], both, workflow)
    rows, columns = [f"h = {float(h):g}" for h in bandwidths], [f"n = {n}" for n in sizes]
    name_grid(axes, rows, columns, "generation t", r"loss $-\log\,p_t$, nats")
    legend(figure, axes, KEY)
    alt = (
        f"test loss of kernel densities on {name}, by generation, for bandwidths "
        f"{', '.join(bandwidths)} (rows) and batch sizes {sizes} (columns), with proved bounds"
    )
    return Picture(f"loss-{name.replace('_', '-')}", figure, alt)

"""The pictures of accumulate-subsample's budget."""

from collections.abc import Sequence
from typing import Any

from modelcollapse._support.drawing import BAND
from modelcollapse.reproduce.figure import Frames, Picture
from modelcollapse.reproduce.style import TEXT, legend, name_grid, panels, tones
from modelcollapse.workflows.names import COLOURS

FAMILIES = {"gaussian": "Gaussian", "gamma": "exponential"}
CRITICAL = {"gamma": 2}  # rows: up to 1 + v2 of them the error diverges
COLOUR = COLOURS["accumulate-subsample"]
EVERYTHING = {"color": COLOURS["accumulate"], "lw": 1.2, "ls": "--"}
LIMIT = {"color": "0.1", "lw": 1.0, "ls": (0, (1, 1.5))}
EDGE = 0.8  # where the axis of budgets begins
SHOWN = (0.5, 1.0, 2.0, 5.0, 10.0)  # budgets over n that are drawn by generation
LATE = (10, 100, 1000)  # generations for which the costs are drawn
VANISHED = 1e-4  # an error beyond accumulate's that is not worth drawing


def draw(frames: Frames) -> Sequence[Picture]:
    """Draw the error against the budget, by generation, and against the rows fitted."""
    return [_budgets(frames), _costs(frames)]


def _budgets(frames: Frames) -> Picture:
    import polars as pl

    theorem = frames["theorem"]
    sizes = sorted(theorem["samples"].unique().to_list())
    title = "The error of the mean (real rows alone = 1) against the budget"
    key = (
        "bands: 5 % to 95 % of runs at the last generation simulated; dots: their means; lines: "
        "theorems"
    )
    figure, axes = panels(len(FAMILIES), len(sizes), title, sharex="col", sharey="row")
    figure.set_size_inches(8.2, 6.0)
    for i, family in enumerate(FAMILIES):
        for j, n in enumerate(sizes):
            runs = frames[f"n-{n}"].filter(pl.col.family == family)
            own = theorem.filter(pl.col.family == family, pl.col.samples == n)
            _panel(axes[i, j], runs, own, family, n)
    name_grid(
        axes,
        list(FAMILIES.values()),
        [f"n = {n} new rows per generation" for n in sizes],
        "budget k: rows that each generation is fitted to",
        r"error, $n\,E(m_t-m_0)^2/V$",
    )
    legend(figure, axes, key, ncols=3)
    alt = (
        "error of the mean against the budget of accumulate-subsample, for Gaussian and "
        f"exponential data (rows) and {sizes} new rows per generation (columns)"
    )
    return Picture("budget", figure, alt)


def _panel(axis: Any, runs: Any, lines: Any, family: str, n: int) -> None:
    import polars as pl

    last, late = runs["generation"].max(), lines["generation"].max()
    own = runs.filter(pl.col.generation == last).sort("budget")
    low, high, mean = (n * own[key].to_numpy() for key in ("q05", "q95", "mean"))
    axis.fill_between(own["budget"], low, high, color=COLOUR, alpha=BAND, lw=0)
    axis.plot(own["budget"], mean, "o", color=COLOUR, ms=3.5)
    subsampled = lines.filter(pl.col.name == "accumulate-subsample")
    for t, dashes in ((last, "-"), (late, "-.")):
        line = subsampled.filter(pl.col.generation == t).sort("budget")
        values = n * line["value"].to_numpy()
        axis.plot(line["budget"], values, dashes, color=COLOUR, lw=1.3, label=f"generation {t}")
    axis.plot(line["budget"], n * line["limit"].to_numpy(), label="limit for large n", **LIMIT)
    whole = lines.filter(pl.col.name == "accumulate", pl.col.generation == last)
    axis.axhline(n * whole["value"][0], label=f"accumulate, generation {last}", **EVERYTHING)
    axis.axvline(n, color="0.6", lw=0.8, ls=":", label="budget n, the paper's")
    axis.set(xscale="log", yscale="log", ylim=(0.8, 300))
    if family in CRITICAL:
        axis.axvspan(EDGE, CRITICAL[family], color="0.9", lw=0, zorder=0)
        axis.text(CRITICAL[family], 1, " diverges", fontsize=TEXT - 1, rotation=90, ha="right")
    axis.set_xlim(EDGE, None)


def _costs(frames: Frames) -> Picture:
    import polars as pl

    own = pl.col.family == "gaussian"
    theorem = frames["theorem"].filter(own)
    n = int(theorem["samples"].max())
    theorem, runs = theorem.filter(pl.col.samples == n), frames[f"n-{n}"].filter(own)
    title = f"What a budget buys: Gaussian, n = {n} new rows per generation"
    figure, axes = panels(1, 2, title)
    figure.set_size_inches(8.2, 3.9)
    _by_generation(axes[0, 0], runs, theorem, n)
    _by_cost(axes[0, 1], theorem, n)
    legend(figure, axes, "dots in a: means of runs; lines: theorems", ncols=4)
    alt = (
        f"left: error by generation for several budgets, n = {n}; right: the error beyond that of "
        "accumulate against the rows fitted in all generations together"
    )
    return Picture("cost", figure, alt)


def times(share: float) -> str:
    """Return a budget in words."""
    return "n" if share == 1 else f"{share:g} n"


def _by_generation(axis: Any, runs: Any, lines: Any, n: int) -> None:
    import polars as pl

    shown = [share for share in SHOWN if (runs["budget"] == share * n).any()]
    for share, tone in zip(shown, tones(COLOUR, len(shown)), strict=True):
        own = runs.filter(pl.col.budget == share * n).sort("generation")
        t, label = own["generation"], f"budget {times(share)}"
        axis.plot(t, n * own["expected"].to_numpy(), color=tone, lw=1.3, label=label)
        axis.plot(t, n * own["mean"].to_numpy(), "o", color=tone, ms=2.6)
    whole = lines.filter(pl.col.name == "accumulate", pl.col.generation <= t.max())
    whole = whole.sort("generation")
    values = n * whole["value"].to_numpy()
    axis.plot(whole["generation"], values, label="accumulate", **EVERYTHING)
    axis.set(xscale="log", ylim=(0, None))
    axis.set_xlabel("generation t", fontsize=TEXT)
    axis.set_ylabel("error, real rows alone = 1", fontsize=TEXT)


def _by_cost(axis: Any, lines: Any, n: int) -> None:
    import polars as pl

    whole = lines.filter(pl.col.name == "accumulate").select("generation", all="value")
    excess = n * (pl.col.value - pl.col("all"))
    some = lines.filter(pl.col.name != "accumulate").join(whole, on="generation")
    some = some.with_columns(excess.alias("excess")).filter(pl.col.excess > VANISHED)
    generations = sorted(set(some["generation"].unique().to_list()) & set(LATE))
    for t, tone in zip(generations, tones("black", len(generations)), strict=True):
        line = some.filter(pl.col.generation == t).sort("rows")
        axis.plot(line["rows"], line["excess"], color=tone, lw=1.3, label=f"t = {t}")
        for share in SHOWN:
            at = line.filter(pl.col.budget == share * n)
            axis.plot(at["rows"], at["excess"], "o", color=tone, ms=3)
            for x, y in at.select("rows", "excess").iter_rows():
                words = {"textcoords": "offset points", "fontsize": TEXT - 2}
                axis.annotate(times(share), (x, y), (4, 2), **words)
    axis.set(xscale="log", yscale="log")
    axis.set_xlabel("rows fitted in all t generations", fontsize=TEXT)
    axis.set_ylabel("error beyond accumulate's", fontsize=TEXT)

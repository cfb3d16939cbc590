"""The pictures of bandwidth schedules."""

from collections.abc import Sequence
from typing import Any

from modelcollapse._support.drawing import BAND, GREEN, VERMILION
from modelcollapse.families.kde import KDE, PowerBandwidth
from modelcollapse.families.names import parse_bandwidth
from modelcollapse.loop.experiment import Experiment, predict
from modelcollapse.loop.fate import Fate
from modelcollapse.reproduce.figure import Frames, Picture
from modelcollapse.reproduce.figures.optimal_bandwidths import COLOURS as RULES
from modelcollapse.reproduce.style import KEY, TEXT, legend, name_grid, panels
from modelcollapse.workflows import BY_NAME
from modelcollapse.workflows.names import COLOURS

# Colour and dashes of each schedule; the colours are those of the picture in docs/bandwidths.md.
STYLES: dict[str, tuple[str, Any]] = {
    "fixed, 0.1": ("0.55", "-"),
    "fixed, 0.5": ("0.55", (0, (5, 2))),
    "Scott": (RULES["Scott"], "-"),
    "Silverman": (RULES["Silverman"], (0, (1, 1))),
    "falling like t^(-1/5)": (GREEN, "-."),
    "falling like 1/t": (VERMILION, (0, (3, 1, 1, 1, 1, 1))),
    "optimal": (RULES["optimal"], "-"),
}
RULE_NAMES = {"scott": "Scott", "silverman": "Silverman"}
WORKFLOWS = ("replace", "accumulate", "accumulate-subsample")
CONDITIONS = {"replace": "bounded iff Σ h² is", "accumulate": "bounded iff Σ h²/t is"}


def draw(frames: Frames) -> Sequence[Picture]:
    """Draw the errors of schedules by generation, and the second moments of powers of t."""
    return [_errors(frames["mise"]), _spreads(frames["second-moment"])]


def schedule(bandwidth: str) -> str:
    """Return the name of a cell's bandwidth, as in `STYLES`."""
    if bandwidth.startswith("["):
        return "optimal"
    if bandwidth.startswith("power"):
        return "falling like 1/t" if bandwidth.endswith(",1") else "falling like t^(-1/5)"
    return RULE_NAMES.get(bandwidth, f"fixed, {bandwidth}")


def _errors(frame: Any) -> Picture:
    import polars as pl

    n = frame["samples"][0]
    title = (
        f"Mean integrated squared error of kernel densities: N(0, 1), n = {n} rows per generation"
    )
    figure, axes = panels(1, len(WORKFLOWS), title, sharey=True)
    figure.set_size_inches(9.2, 3.9)
    for axis, workflow in zip(axes[0], WORKFLOWS, strict=True):
        axis.set(xscale="log", yscale="log")
        for (bandwidth,), cell in frame.filter(pl.col.workflow == workflow).group_by(
            "bandwidth", maintain_order=True
        ):
            _error(axis, cell.sort("generation"), schedule(str(bandwidth)))
    name_grid(axes, [""], WORKFLOWS, "generation t", r"squared error, $\int(p_t-p_0)^2$")
    legend(figure, axes, "dots: means of runs; lines: theorems")
    alt = (
        "exact and simulated integrated squared error by generation, for replace, accumulate and "
        f"accumulate-subsample, under {len(STYLES)} schedules of bandwidths"
    )
    return Picture("mise", figure, alt)


def _error(axis: Any, cell: Any, name: str) -> None:
    colour, dashes = STYLES[name]
    t = cell["generation"]
    width = 2.0 if name == "optimal" else 1.3
    axis.plot(t, cell["expected"], color=colour, ls=dashes, lw=width, label=name)
    axis.plot(t, cell["mean"], "o", color=colour, ms=2.6)


def _spreads(frame: Any) -> Picture:
    import polars as pl

    n = frame["samples"][0]
    title = (
        f"Second moment of the training rows (truth = 1), n = {n} rows per generation, and its fate"
    )
    loops = frame.select("workflow", "bandwidth").unique(maintain_order=True)
    workflows = loops["workflow"].unique(maintain_order=True).to_list()
    figure, axes = panels(
        len(workflows), len(loops) // len(workflows), title, sharex=True, sharey="row"
    )
    for axis, (workflow, bandwidth) in zip(axes.flat, loops.iter_rows(), strict=True):
        own = (pl.col.workflow == workflow) & (pl.col.bandwidth == bandwidth)
        _spread(axis, frame.filter(own).sort("generation"), workflow)
    for line, workflow in zip(axes, workflows, strict=True):
        words = f"{workflow}\n{CONDITIONS[workflow]}"
        line[0].set_ylabel(words, fontsize=TEXT)
    for axis in axes[-1]:
        axis.set_xlabel("generation t", fontsize=TEXT)
    legend(figure, axes, KEY)
    alt = (
        "second moment of the training rows by generation under replace (above) and accumulate "
        "(below), for schedules on both sides of the thresholds"
    )
    return Picture("second-moment", figure, alt)


def _spread(axis: Any, cell: Any, workflow: str) -> None:
    t, colour = cell["generation"], COLOURS[workflow]
    axis.set(xscale="log", yscale="log")
    axis.fill_between(t, cell["q05"], cell["q95"], color=colour, alpha=BAND, lw=0)
    axis.plot(t, cell["expected"], color=colour, lw=1.4)
    axis.plot(t, cell["mean"], "o", color=colour, ms=2.6)
    axis.axhline(1.0, color="0.6", lw=0.8, ls=":")
    rule = parse_bandwidth("bandwidth", cell["bandwidth"][0])
    found = words(fate(rule, workflow, cell["samples"][0]))
    axis.set_title(f"{shape(rule)}\n{found}", fontsize=TEXT)
    if workflow != "replace":
        _finely_ticked(axis.yaxis)


def _finely_ticked(axis: Any) -> None:
    """Tick an axis that spans less than a decade."""
    from matplotlib.ticker import LogLocator, NullLocator, ScalarFormatter

    axis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5)))
    axis.set_major_formatter(ScalarFormatter())
    axis.set_minor_locator(NullLocator())


def fate(rule: PowerBandwidth, workflow: str, n: int) -> Fate:
    """Return what becomes of the second moment."""
    loop = Experiment(KDE(rule), BY_NAME[workflow](), n, 2)
    found: Fate = predict(loop).fates["second_moment"]
    return found


def words(found: Fate) -> str:
    """Return a fate in words."""
    return f"{found.verdict} like {found.rate}" if found.rate else found.verdict


def shape(rule: PowerBandwidth) -> str:
    """Return how a schedule falls, as a formula."""
    if rule.log_exponent:
        return f"h ∝ (1 + log t)^-{rule.log_exponent:g}"
    return f"h ∝ t^-{rule.exponent:g}" if rule.exponent else "h constant"

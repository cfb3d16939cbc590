"""The printed tables, and the committed file that they are compared with."""

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path

from benchmarks import limits
from benchmarks.cells import GENERATIONS, SAMPLES

RESULTS = Path(__file__).with_name("results.json")
SIDES = ("paper", "at once", "modelcollapse")
HEADER = (
    "| workflow | d | paper, us | at once, us | ours, us | ratios | floor | limit, us | of it |",
    "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
)
KDE_COLUMNS = ("workflow", "truth, bandwidth", "n", "T", "tolerance", "paper, ms")
KDE_COLUMNS += ("modelcollapse, ms", "ratio", "floor", "committed ratio")
KDE_HEADER = (f"| {' | '.join(KDE_COLUMNS)} |", "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|")
KDE_KEY = ("workflow", "setting", "samples", "generations", "tolerance")


def saved():
    """Return what `RESULTS` holds."""
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}


def committed_kde():
    """Return the committed ratios of the kernel density loops, by the entries of `KDE_KEY`."""
    entries = saved().get("kde", ())
    return {tuple(entry[name] for name in KDE_KEY): entry["ratio"] for entry in entries}


def digits(value):
    """Return a number with three significant digits, and thousands separated."""
    if 0 < value < 1e-3:
        return f"{value:.1e}"
    places = max(0, 3 - len(str(int(value)))) if value >= 1 else 3
    return f"{value:,.{places}f}"


def whole(ratio):
    """Return a ratio with at most two significant digits below 100, and three above."""
    return f"{float(f'{ratio:.{2 if ratio < 100 else 3}g}'):,.0f}x"


def ratios(steps):
    """Return the Markdown table; times are per repeat and generation, medians of the rounds."""
    lines, rate = list(HEADER), limits.rates()
    for cell, sides in steps.items():
        peer, at_once, ours = (sides[side] for side in SIDES)
        least, both = (
            limits.of(limits.gaussian(cell)),
            f"{whole(peer / ours)}, {whole(at_once / ours)}",
        )
        columns = (
            *(cell.workflow, str(cell.dim), digits(peer), digits(at_once), digits(ours)),
            *(both, whole(cell.floor), digits(least), f"{ours / least:.1f}x"),
        )
        lines.append(f"| {' | '.join(columns)} |")
    named = ", ".join(f"{name} {value:.2f} ns" for name, value in rate._asdict().items())
    return "\n".join([*lines, f"rates that limits are made of: {named}"])


def kde_entries(loops, runs):
    """Return one entry for each loop and tolerance; times are of one run, medians of the rounds."""
    entries = []
    for loop in loops:
        peer = runs[loop.name]["paper"]
        for tolerance, floor in loop.floors.items():
            ours = runs[loop.name][tolerance]
            key = (loop.workflow, loop.setting, loop.samples, loop.generations, tolerance)
            times = {"paper_ms": float(f"{peer:.4g}"), "modelcollapse_ms": float(f"{ours:.4g}")}
            ratio = float(f"{peer / ours:.3g}")
            entry = dict(zip(KDE_KEY, key, strict=True)) | times
            entries.append(entry | {"ratio": ratio, "floor": floor})
    return entries


def kde_ratios(loops, runs, before):
    """Return the Markdown table of the kernel density loops."""
    lines = ["", *KDE_HEADER]
    for entry in kde_entries(loops, runs):
        key = tuple(entry[name] for name in KDE_KEY)
        old = before.get(key)
        columns = (
            *map(str, key),
            *(digits(entry[f"{side}_ms"]) for side in ("paper", "modelcollapse")),
            *(whole(entry["ratio"]), whole(entry["floor"]), whole(old) if old else "none"),
        )
        lines.append(f"| {' | '.join(columns)} |")
    return "\n".join(lines)


def others(numbers):
    """Return one line for each other number."""
    return "\n".join(f"{name}: {digits(value)}" for name, value in numbers.items())


def machine():
    """Describe the machine, without what would identify it."""
    from cpuinfo import get_cpu_info  # comes with pytest-benchmark

    packages = ("numpy", "scipy", "scikit-learn", "numba", "modelcollapse")
    return {
        "processor": get_cpu_info().get("brand_raw", platform.machine()),
        "cores": os.cpu_count(),
        "threads used": 1,
        "system": platform.system(),
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }


def save(steps, kde, numbers):
    """Write the medians, the ratios and the machine to `RESULTS`."""
    cells = [
        {
            "workflow": cell.workflow,
            "dim": cell.dim,
            **{f"{side.replace(' ', '_')}_us": float(f"{sides[side]:.4g}") for side in SIDES},
            "ratio": float(f"{sides['paper'] / sides['modelcollapse']:.3g}"),
            "floor": cell.floor,
        }
        for cell, sides in steps.items()
    ]
    rounded = {name: float(f"{value:.3g}") for name, value in numbers.items()}
    content = {"machine": machine(), "samples": SAMPLES, "generations": GENERATIONS}
    content |= {"cells": cells, "kde": kde, "other": rounded}
    RESULTS.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

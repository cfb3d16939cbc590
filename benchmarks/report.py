"""The printed tables, and the committed file that they are compared with."""

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path

from benchmarks.cells import GENERATIONS, SAMPLES

RESULTS = Path(__file__).with_name("results.json")
SIDES = ("paper", "modelcollapse")
HEADER = (
    "| workflow | d | paper, us | modelcollapse, us | ratio | floor | committed ratio |",
    "|---|--:|--:|--:|--:|--:|--:|",
)


def committed():
    """Return the committed ratios by workflow and dimension."""
    if not RESULTS.exists():
        return {}
    cells = json.loads(RESULTS.read_text(encoding="utf-8"))["cells"]
    return {(cell["workflow"], cell["dim"]): cell["ratio"] for cell in cells}


def digits(value):
    """Return a number with three significant digits, and thousands separated."""
    places = max(0, 3 - len(str(int(value)))) if value >= 1 else 3
    return f"{value:,.{places}f}"


def whole(ratio):
    """Return a ratio with at most two significant digits below 100, and three above."""
    return f"{float(f'{ratio:.{2 if ratio < 100 else 3}g}'):,.0f}x"


def ratios(steps, before):
    """Return the Markdown table; times are per repeat and generation, medians of the rounds."""
    lines = list(HEADER)
    for cell, sides in steps.items():
        peer, ours = (sides[side] for side in SIDES)
        old = before.get((cell.workflow, cell.dim))
        columns = (
            *(cell.workflow, str(cell.dim), digits(peer), digits(ours)),
            *(whole(peer / ours), whole(cell.floor), whole(old) if old else "none"),
        )
        lines.append(f"| {' | '.join(columns)} |")
    return "\n".join(lines)


def others(numbers):
    """Return one line for each other number."""
    return "\n".join(f"{name}: {digits(value)}" for name, value in numbers.items())


def machine():
    """Describe the machine, without what would identify it."""
    from cpuinfo import get_cpu_info  # comes with pytest-benchmark

    packages = ("numpy", "scipy", "numba", "modelcollapse")
    return {
        "processor": get_cpu_info().get("brand_raw", platform.machine()),
        "cores": os.cpu_count(),
        "threads used": 1,
        "system": platform.system(),
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
    }


def save(steps, numbers):
    """Write the medians, the ratios and the machine to `RESULTS`."""
    cells = [
        {
            "workflow": cell.workflow,
            "dim": cell.dim,
            **{f"{side}_us": float(f"{sides[side]:.4g}") for side in SIDES},
            "ratio": float(f"{sides[SIDES[0]] / sides[SIDES[1]]:.3g}"),
            "floor": cell.floor,
        }
        for cell, sides in steps.items()
    ]
    rounded = {name: float(f"{value:.3g}") for name, value in numbers.items()}
    content = {"machine": machine(), "samples": SAMPLES, "generations": GENERATIONS}
    content |= {"cells": cells, "other": rounded}
    RESULTS.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")

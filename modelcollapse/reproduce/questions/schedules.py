"""Bandwidth schedules: what they do to the error, and when the rows stay together."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from modelcollapse.families.kde.optimal import optimal_bandwidths
from modelcollapse.reproduce.figure import Figure, Size, swept
from modelcollapse.reproduce.questions.drawing_schedules import draw
from modelcollapse.sweep import Sweep
from modelcollapse.workflows import BY_NAME

WORKFLOWS = ("replace", "accumulate", "accumulate-subsample")
SAMPLES = {"paper": 100, "quick": 20}
FIXED = (0.1, 0.5)  # of the paper's bandwidths
FIRST = 1.06  # times n^(-1/5): the textbook's bandwidth of n rows of N(0, 1)
DIGITS = 4  # of the optimal bandwidths, so that they have the same cell on every machine
ERRORS = {"paper": [1, 2, 3, 5, 8, 13, 21, 34, 60, 100], "quick": [1, 3, 10]}
SPREADS = {
    "paper": [1, 2, 3, 6, 10, 18, 32, 56, 100, 178, 316, 562, 1000],
    "quick": [1, 3, 10, 30],
}
REPLICATES = {  # accumulate scores all rows so far, which takes a hundred times as long
    "paper": {"replace": 1000, "accumulate": 200, "accumulate-subsample": 1000, "spread": 500},
    "quick": {"replace": 400, "accumulate": 200, "accumulate-subsample": 400, "spread": 10_000},
}
# Powers on both sides of the two thresholds, and a power of the logarithm beyond accumulate's.
POWERS = {
    "replace": [(0.0, 0.0), (0.25, 0.0), (0.5, 0.0), (0.75, 0.0), (1.0, 0.0)],
    "accumulate": [(0.0, 0.0), (0.0, 0.5), (0.0, 1.0), (0.1, 0.0), (0.5, 0.0)],
}


def textbook(n: int) -> float:
    """Return the normal-reference bandwidth of n rows, to some digits."""
    return rounded(FIRST * n**-0.2)


def rounded(h: float) -> float:
    """Return a bandwidth to some digits."""
    return float(f"{h:.{DIGITS}g}")


@cache
def optimal(workflow: str, n: int, generations: int) -> list[float]:
    """Return the bandwidths with the least exact error over all generations, to some digits."""
    found = optimal_bandwidths(None, BY_NAME[workflow](), n, generations).bandwidths
    return [rounded(h) for h in found]


def schedules(workflow: str, n: int, generations: int) -> list[Any]:
    """Return the bandwidths that are compared, as cells take them."""
    h = textbook(n)
    falling = [f"power:{h},0.2", f"power:{h},1"]
    return [*FIXED, "scott", "silverman", *falling, optimal(workflow, n, generations)]


def power(n: int, exponent: float, logs: float) -> str:
    """Return the schedule h_1 t^-exponent (1 + log t)^-logs as a cell takes it."""
    return f"power:{textbook(n)},{exponent:g},{logs:g}"


def sweeps(size: Size) -> Mapping[str, Sweep]:
    """Return loops from N(0, 1): scored ones for the errors, long ones for the spread."""
    n, count, last = SAMPLES[size], REPLICATES[size], ERRORS[size][-1]
    scored = {"at": ERRORS[size], "extra": ["mise"], "quantities": ["mise"]}
    long = {"at": SPREADS[size], "quantities": ["second_moment"]}
    errors = [_loops(w, schedules(w, n, last), n, count[w], scored) for w in WORKFLOWS]
    spreads = [
        _loops(w, [power(n, *pair) for pair in pairs], n, count["spread"], long)
        for w, pairs in POWERS.items()
    ]
    return {"mise": _joined(errors), "second-moment": _joined(spreads)}


def _loops(workflow: str, given: list[Any], n: int, count: int, rest: dict[str, Any]) -> Sweep:
    """Return loops of one workflow with several bandwidths, each a number, a rule or a list."""
    return Sweep.of(
        {
            "model": {"family": "kde", "bandwidth": given},
            "workflow": {"name": workflow},
            "samples": n,
            "generations": rest["at"][-1],
            "replicates": count,
            **rest,
        }
    )


def _joined(sweeps: list[Sweep]) -> Sweep:
    return Sweep(tuple(cell for sweep in sweeps for cell in sweep.cells))


FIGURES = {
    "bandwidth-schedules": Figure(
        name="bandwidth-schedules",
        title="Which bandwidths?",
        shows=(
            "Gaussian kernel densities fitted again and again, from N(0, 1) with 100 rows per "
            "generation. The first picture: the integrated squared error by generation, three "
            "workflows, under two of the paper's fixed bandwidths, scikit-learn's rules, "
            "h = 0.422 t^(-1/5), h = 0.422/t, and the schedule with the least error over the 100 "
            "generations. The second: the second moment of the training rows under schedules on "
            "both sides of the thresholds, with its fate."
        ),
        original=(
            "The paper compares bandwidths between 0.01 and 100, and the rules scott and "
            "silverman, over 1000 generations (its notebooks 11 and 12), and leaves open how "
            "bandwidths should be adjusted."
        ),
        difference=(
            "The error and the second moment are exact at every n and generation, so that the best "
            "schedule is a control problem with an answer. It undersmooths early: what blurs a "
            "generation is carried into all later ones. Under replace and accumulate-subsample the "
            "rules see 100 rows each time and are fixed bandwidths; h = 0.422 t^(-1/5), the "
            "textbook's for n t rows, ends no better than they do. A bandwidth that falls too fast "
            "is a collapse of its own: with h = 0.422/t under replace the second moment stays "
            "bounded, and the error explodes as the rows clump to atoms. (Hence the low bands of "
            "the second picture: the second moment of a clump is its squared position.) The second "
            "moment of accumulate-subsample is that of accumulate, and not drawn. The optimal "
            "bandwidths are rounded to four digits. Cells share their random numbers, so that the "
            "dots of one workflow deviate together."
        ),
        compute=swept(sweeps),
        draw=draw,
    )
}

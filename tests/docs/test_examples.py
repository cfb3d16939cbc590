"""The examples in the docstrings of what people call: they run and print what they show."""

import doctest
import inspect
from itertools import pairwise
from pkgutil import resolve_name

import pytest

import modelcollapse as mc

# What functions return, and what is implemented: nobody makes one first.
RETURNED = {
    *("Advice", "Comparison", "Diagnosis", "Finding", "MonitorStatus", "Prediction"),
    *("Run", "Runs", "Theorem", "Trajectories", "Verdict"),
}
CALLED = [
    name
    for name in mc.__all__
    if callable(value := getattr(mc, name))
    and not (inspect.isclass(value) and issubclass(value, Exception))
    and name not in RETURNED | {"Model"}
]
BELOW = (
    *("curated.break_down_point", "datasets.load", "datasets.split"),
    *("discrete.survival", "discrete.zipf", "gaussian.critical_temperature"),
    *("kde.critical_bandwidth", "mixed.critical_share", "mixed.optimal_weight"),
    *("mixed.smallest_share", "mixed.synthetic_value", "sample_metrics.energy_distance"),
    *("solver.best_budgets", "solver.effective_samples", "solver.excess_loss"),
    *("solver.inflation", "sweep.Sweep", "testing.assert_same_law"),
)
NUMPYDOC = (
    *("Parameters", "Attributes", "Returns", "Raises", "Warns"),
    *("Notes", "References", "Examples"),
)


def test_what_people_call_is_shown():
    """More than forty names; what is listed as returned is there, and is a class."""
    assert len(CALLED) + len(BELOW) > 40
    assert all(inspect.isclass(getattr(mc, name)) for name in RETURNED)


@pytest.mark.parametrize("name", [*CALLED, *BELOW])
def test_an_example_runs(name):
    """It needs no name but those that it imports, and stands at the end."""
    docstring = inspect.getdoc(resolve_name(f"modelcollapse.{name}"))
    example = doctest.DocTestParser().get_doctest(docstring, {}, name, None, 0)
    said = []
    doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example, out=said.append)
    lines = docstring.splitlines()
    sections = [a for a, b in pairwise(lines) if a and b == "-" * len(a)]

    assert example.examples
    assert not said, "".join(said)
    assert sections == [title for title in NUMPYDOC if title in sections]
    assert sections[-1] == "Examples"

"""The examples in the docstrings of what is used most: they run and print what they show."""

import doctest
import inspect

import pytest

import modelcollapse as mc

SHOWN = (
    *("Experiment", "predict", "simulate", "run", "theorems", "verify"),
    *("Gaussian", "KDE", "Discrete", "Replace", "Accumulate", "SlidingWindow"),
)


@pytest.mark.parametrize("name", SHOWN)
def test_an_example_runs(name):
    """It needs no name but those that it imports."""
    docstring = inspect.getdoc(getattr(mc, name))
    example = doctest.DocTestParser().get_doctest(docstring, {}, name, None, 0)
    said = []
    doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example, out=said.append)

    assert example.examples
    assert not said, "".join(said)

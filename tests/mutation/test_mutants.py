"""The mutants that `python -m tests.mutation` makes of a file."""

import ast
import tomllib
from itertools import islice
from pathlib import Path

import pytest

from tests.mutation.mutants import of, sample

ROOT = Path(__file__).parents[2]
EQUIVALENT = tomllib.loads((ROOT / "tests/mutation/equivalent.toml").read_text())["mutant"]
TEXT = '''"""A file whose docstring - this one - is left alone."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from x import y

Pair = int | str


@cached(8)
def f(a: int = 1) -> "float | None":
    """Add 1 < 2."""
    if a > 0 and b:
        raise ValueError(f"a = {a + 1}, less than {3}")
    table[a] = "text"
    return a - 1
'''


def test_what_is_changed_and_what_is_not():
    """Every kind but for docstrings, annotations, decorators, messages and unions of types."""
    found = {(mutant.kind, *mutant.change) for mutant in of("f.py", TEXT) if mutant.differs}

    guard, raising = "if a > 0 and b:", 'raise ValueError(f"a = {a + 1}, less than {3}")'
    signature = 'def f(a: int = {}) -> "float | None":'
    assert found == {
        ("constant", signature.format("1"), signature.format("(2)")),
        ("constant", signature.format("1"), signature.format("(0)")),
        ("guard", guard, "if (not (a > 0 and b)):"),
        ("operator", guard, "if (a > 0 or b):"),
        ("comparison", guard, "if (a >= 0) and b:"),
        ("constant", guard, "if a > (1) and b:"),
        ("raise", raising, "pass"),
        ("deletion", 'table[a] = "text"', "pass"),
        ("return", "return a - 1", "return None"),
        ("operator", "return a - 1", "return (a + 1)"),
        ("constant", "return a - 1", "return a - (2)"),
        ("constant", "return a - 1", "return a - (0)"),
    }


def test_the_choice_is_repeatable_and_even():
    """One of each file in a round; the same for the same seed; every mutant is a program."""
    by_file = {"f.py": of("f.py", TEXT), "g.py": of("g.py", "x = 1 + 2\n"), "h.py": []}
    drawn = list(sample(by_file, 3))

    assert drawn == list(sample(by_file, 3))
    assert {mutant.path for mutant in islice(drawn, 2)} == {"f.py", "g.py"}
    assert len(drawn) == sum(mutant.differs for own in by_file.values() for mutant in own)
    for mutant in drawn:
        ast.parse(mutant.after)
        assert mutant.diff.startswith("--- a/")


@pytest.mark.parametrize(
    "entry", EQUIVALENT, ids=[f"{i}-{entry['file']}" for i, entry in enumerate(EQUIVALENT)]
)
def test_what_is_said_to_be_equivalent_exists(entry):
    """Each entry is a mutant of today's code, and has its reason."""
    made = of(entry["file"], (ROOT / entry["file"]).read_text(encoding="utf-8"))

    assert (entry["line"], entry["becomes"]) in [mutant.change for mutant in made]
    assert entry["reason"]

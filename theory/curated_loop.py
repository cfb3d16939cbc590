"""Loops whose rows pass a verifier, as defined: every `curated_*` module starts from this page.

Labels  An input's labels are wrong with a probability p; a right one is kept with probability
        phi, a wrong one with psi. The model is right if most kept labels are; a coin decides
        ties. It repeats itself but for a share `noise` of the labels, which say the opposite.
Region  Rows of N(m, s^2) are kept within a radius of c; the next mean is that of n kept rows.
"""

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Verified:
    """The arguments of one question, exact; None where it does not ask for one."""

    samples: int | None = None
    label_error: Any = None
    keep_correct: Any = None
    keep_wrong: Any = None
    radius: Any = None
    spread: Any = None
    start: Any = None
    centre: Any = None
    generations: int | None = None
    real: int | None = None
    kept: int | None = None
    bias: Any = None

    def given(self) -> dict[str, Any]:
        """Return the arguments that are not None, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class Labels:
    """A loop of labels under replace."""

    sizes: tuple[int, ...]
    keep_correct: Any
    keep_wrong: Any
    noise: Any
    truth: Any
    cells: int


@dataclass(frozen=True)
class Region:
    """A loop of verified rows under replace; truth is the mean of the real rows."""

    sizes: tuple[int, ...]
    centre: Any
    radius: Any
    spread: Any
    truth: Any


@dataclass(frozen=True)
class CuratedDomain:
    """What to draw: the arguments of a function, or a loop of "labels" or of a "region"."""

    arguments: tuple[str, ...] = ()
    loop: str = ""
    constant: bool = False

"""The records that `theory` is made of: derivations, proofs, and where they apply.

A derivation gives the exact value of a quantity that the package predicts, computed from the
definition of the loop. A proof is an identity that must vanish symbolically.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

HE = "He, Xu, Cheng, JRSS B 2026, doi 10.1093/jrsssb/qkag099 (2502.18049)"


@dataclass(frozen=True)
class Domain:
    """Where a derivation holds, and how large a loop its exact evaluation can afford.

    Parameters
    ----------
    workflows, ddofs, dims, truths
        What is allowed. The truths are "standard", "normal" and "rows".
    tempered
        Whether any temperature is allowed, or 1 only.
    constant
        Whether all batches must have one size.
    sizes
        The smallest and largest batch for a given dimension.
    generations
        The largest number of fits.
    rows
        The largest number of rows in all batches together.
    options
        Whether budgets, windows and shares vary; otherwise they are None.
    floors
        Whether fitted covariances have a floor.
    """

    workflows: tuple[str, ...]
    ddofs: tuple[int, ...] = (0, 1)
    dims: tuple[int, ...] = (1,)
    truths: tuple[str, ...] = ("standard",)
    tempered: bool = True
    constant: bool = False
    sizes: Callable[[int], tuple[int, int]] = lambda dim: (max(2, dim), 9)
    generations: int = 5
    rows: int = 30
    options: bool = True
    floors: bool = False


@dataclass(frozen=True)
class Derivation:
    """One derived quantity.

    Parameters
    ----------
    slug
        Names the statement.
    source
        The paper, or "derived here".
    statement
        One readable line.
    quantity
        Where the shipped prediction keeps it: an attribute of the prediction and a key,
        such as "expected.variance" or "limits.squared_error".
    values
        Maps a loop to exact numbers: one for each generation, or what the key holds.
    domain
        Where it holds.
    """

    slug: str
    source: str
    statement: str
    quantity: str
    values: Callable[[Any], Sequence[Any]]
    domain: Domain


@dataclass(frozen=True)
class Proof:
    """One symbolic identity: every residual must simplify to zero.

    Parameters
    ----------
    slug, source, statement
        As for `Derivation`.
    residuals
        Left-hand sides minus right-hand sides.
    """

    slug: str
    source: str
    statement: str
    residuals: Callable[[], Iterable[Any]]

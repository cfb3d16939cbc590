r"""Bandwidths: numbers, schedules over the generations, and rules of thumb.

Two families of rules share their names elsewhere and are different rules:

- scikit-learn's ``"scott"`` and ``"silverman"`` look at the number of rows N and at d alone:
  N^(-1/(d+4)) and (N (d+2)/4)^(-1/(d+4)), whatever the data's scale is;
- SciPy's, here ``"scipy-scott"`` and ``"scipy-silverman"``, take that number as a factor of the
  rows' covariance (ddof 1): the kernel's covariance is factor^2 times it.

With row weights w that sum to 1, N is the effective number 1 / sum w^2, as in SciPy.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from modelcollapse._support import checks
from modelcollapse._support.checks import Floats, reals
from modelcollapse._support.errors import InvalidInput, invalid, unknown
from modelcollapse.loop.truth import LARGEST

Bandwidth = float | str | Sequence[float] | Callable[[int], float]
RULES = ("scott", "silverman", "scipy-scott", "scipy-silverman")
ALLOWED = (
    "give a finite number, at least 0, a rule (" + ", ".join(RULES) + "), "
    "PowerBandwidth(scale, exponent), one number per generation, or a function of the generation"
)


@dataclass(frozen=True)
class PowerBandwidth:
    r"""The schedule h_t = scale * t^-exponent * (1 + log t)^-log_exponent, t = 1, 2, ...

    Parameters
    ----------
    scale
        The bandwidth of generation 1, above 0, in the data's unit.
    exponent
        How fast it shrinks; negative exponents let it grow.
    log_exponent
        The power of the logarithm, for schedules between two powers.

    Raises
    ------
    InvalidInput
        If one is no finite number, or `scale` is not above 0.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> shrinking = mc.PowerBandwidth(scale=0.5, exponent=0.5)
    >>> print([round(shrinking(t), 4) for t in (1, 2, 3)])
    [0.5, 0.3536, 0.2887]
    >>> loop = mc.Experiment(mc.KDE(shrinking), mc.Replace(), samples=10, generations=3)
    >>> print(mc.predict(loop)["mise"].round(4))
    [0.0337 0.0805 0.1306]
    """

    scale: float
    exponent: float
    log_exponent: float = 0.0

    def __post_init__(self) -> None:
        scale = number("scale", self.scale)
        if scale == 0:
            raise invalid("scale", self.scale, "give a number above 0")
        object.__setattr__(self, "scale", scale)
        for name in ("exponent", "log_exponent"):
            object.__setattr__(self, name, checks.number(name, getattr(self, name)))

    def __call__(self, t: int) -> float:
        """Return the bandwidth of generation t."""
        try:
            power = float(t) ** -self.exponent * (1 + math.log(t)) ** -self.log_exponent
        except OverflowError:
            return math.inf
        return float(self.scale * power)


def number(name: str, value: Any) -> float:
    """Return one bandwidth as a float, finite and at least 0."""
    allowed = f"a bandwidth is a finite number, at least 0 and at most {LARGEST:g}"
    h = reals(name, value, allowed)
    if h.ndim != 0 or not 0 <= h <= LARGEST:
        raise invalid(name, value, allowed)
    return float(h)


def checked(name: str, value: Any) -> Bandwidth:
    """Return a bandwidth of any kind, checked as far as that is possible without a loop."""
    if isinstance(value, str):
        if value not in RULES:
            raise unknown(f"rule for {name}", value, RULES)
        return value
    if callable(value) and not isinstance(value, type):
        return value  # type: ignore[no-any-return]
    given = reals(name, value, ALLOWED)
    if given.ndim == 0:
        return number(name, given.item())
    if given.ndim != 1:
        raise invalid(name, value, ALLOWED)
    if len(given) == 0:
        raise invalid(name, value, "the schedule is empty; give one number per generation")
    return tuple(number(f"{name}[{t}]", h) for t, h in enumerate(given.tolist()))


def plain(bandwidth: Bandwidth, generations: int | None) -> Any:
    """Return a bandwidth as plain data; a function by its numbers for t = 1..T, if T is known."""
    if type(bandwidth) is PowerBandwidth:
        return asdict(bandwidth)
    if callable(bandwidth):
        if generations is None:
            return repr(bandwidth)
        return [at(bandwidth, t, 1.0, 1, "bandwidth") for t in range(1, generations + 1)]
    return bandwidth[:generations] if isinstance(bandwidth, tuple) else bandwidth


def is_scaled(bandwidth: Bandwidth) -> bool:
    """Return whether the rule multiplies the spread of the data."""
    return isinstance(bandwidth, str) and bandwidth.startswith("scipy-")


def is_fixed(bandwidth: Bandwidth) -> bool:
    """Return whether the bandwidth is one number."""
    return isinstance(bandwidth, float)


def rule_of_thumb(name: str, rows: Any, dim: int) -> Any:
    """Return N^(-1/(d+4)), or with 4/(d+2) rows per row for Silverman; SciPy's is a factor."""
    rows = np.asarray(rows, dtype=np.float64)
    if name.endswith("silverman"):
        rows = rows * (dim + 2) / 4
    return rows ** (-1 / (dim + 4))


def at(bandwidth: Bandwidth, generation: int, rows: float, dim: int, name: str) -> float:
    """Return the bandwidth (or SciPy's factor) of one fit to `rows` effective rows."""
    if isinstance(bandwidth, str):
        return float(rule_of_thumb(bandwidth, rows, dim))
    if callable(bandwidth):
        try:
            own = bandwidth(generation)
        except TypeError as error:
            raise InvalidInput(f"{name}({generation}) failed: {error}") from error
        return number(f"{name}({generation})", own)
    if isinstance(bandwidth, tuple):
        if generation > len(bandwidth):
            raise too_short(name, bandwidth, generation)
        return float(bandwidth[generation - 1])
    return float(bandwidth)  # type: ignore[arg-type]


def schedule(bandwidth: Bandwidth, rows: Floats, dim: int, name: str = "bandwidth") -> Floats:
    """Return the bandwidths (or SciPy's factors) of all generations, shape (generations,)."""
    generations = range(1, len(rows) + 1)
    return np.array([at(bandwidth, t, rows[t - 1], dim, name) for t in generations])


def too_short(name: str, bandwidth: Any, generations: int) -> InvalidInput:
    """Build the error for a sequence with fewer bandwidths than generations."""
    return invalid(
        name,
        bandwidth,
        f"the schedule has {len(bandwidth)} bandwidths and the loop has {generations} "
        "generations; give one per generation",
    )
